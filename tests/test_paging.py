"""Page numbers of the report's contents: by hand, and against a word processor."""

import os
import re
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from results_fixture import rich, thin

from qianwan_gis import report
from qianwan_gis.export import docx
from qianwan_gis.export.document import Heading
from qianwan_gis.export.paging import Box, lines, pages


def test_a_heading_goes_with_what_follows():
    filler = Box(9, 10.0)
    heading = Box(1, 10.0, keep=True, whole=True, heading=1)
    assert pages([filler, heading, Box(1, 10.0)], 100.0, first=1) == {1: 2}
    assert pages([Box(8, 10.0), heading, Box(1, 10.0)], 100.0, first=1) == {1: 1}


def test_no_single_line_is_left_behind():
    # Nine of ten lines fit; the tenth takes the ninth along, so the next box starts at line three.
    tail = Box(8, 10.0, whole=True)
    heading = Box(1, 10.0, heading=1)
    assert pages([Box(1, 10.0), Box(10, 10.0), tail, heading], 100.0, first=1) == {1: 3}


def test_a_torn_table_repeats_its_head():
    rows = [Box(1, 30.0, whole=True, head=30.0) for _ in range(4)]
    # Two rows fill the first page; on the second the head, two rows, and no room for the heading.
    heading = Box(1, 20.0, heading=1)
    assert pages([Box(1, 30.0, keep=True), *rows, heading], 100.0, first=1) == {1: 3}


@given(st.lists(st.integers(1, 30), min_size=1, max_size=40))
@settings(deadline=None)
def test_pages_never_go_back_and_hold_no_more_than_they_can(counts):
    boxes = [Box(n, 10.0, heading=i) for i, n in enumerate(counts)]
    found = list(pages(boxes, 220.0, first=3).values())
    assert found == sorted(found)
    assert found[0] == 3
    assert found[-1] >= 3 + (sum(counts[:-1]) * 10 - 1) // 220 * (sum(counts[:-1]) > 0)


def test_lines_of_chinese_and_latin():
    assert lines("村" * 27, 442.2, 16.0) == 1
    assert lines("村" * 28, 442.2, 16.0) == 2
    assert lines("村" * 27 + "。", 442.2, 16.0) == 1  # a full stop hangs over the margin
    assert lines("村" * 26, 442.2, 16.0, indent=32.0) == 2
    assert lines("one two", 30.0, 12.0) == 2  # words are not torn
    assert lines("", 100.0, 12.0) == 1


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("results", [thin, rich])
def test_contents_name_the_pages_of_a_word_processor(results, lang, tmp_path):
    office = shutil.which("soffice")
    if office is None or shutil.which("pdftotext") is None:
        if os.environ.get("QIANWAN_REQUIRE_SYSTEM"):
            pytest.fail("LibreOffice is required here (QIANWAN_REQUIRE_SYSTEM) but was not found")
        pytest.skip("LibreOffice is not installed")
    made = report.build(results().with_lang(lang))
    path = docx.write(made, tmp_path / "report.docx")
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    convert = [office, profile, "--headless", "--convert-to", "pdf", "--outdir", tmp_path, path]
    subprocess.run(convert, check=True, capture_output=True, timeout=120)
    text = subprocess.run(["pdftotext", "-layout", tmp_path / "report.pdf", "-"], check=True,
                          capture_output=True, timeout=60).stdout.decode()  # fmt: skip
    sheets = [[_plain(line) for line in page.splitlines()] for page in text.split("\f")]
    told = _told(path)
    for heading in (block for block in made.blocks if isinstance(block, Heading)):
        seen = [n for n, page in enumerate(sheets, start=1) if _plain(heading.text) in page]
        assert seen == [told[heading.text]], heading.text


def _plain(text):
    return re.sub(r"\s", "", text)


def _told(path):
    """Return the pages that the stored contents name, by heading."""
    import docx as word

    found = {}
    for paragraph in word.Document(path).paragraphs:
        if paragraph.style.name.startswith("toc "):
            texts = paragraph._p.xpath(".//w:t | .//w:tab[not(parent::w:tabs)]")
            words = "".join("\t" if t.tag.endswith("}tab") else t.text for t in texts)
            heading, page = words.split("\t")
            found[heading] = int(page)
    return found
