"""The report: what it says, what it must not say, and that Word can read it."""

import io
import re
import zipfile
from xml.etree import ElementTree as ET

import docx
import pytest
from results_fixture import HOSTILE, rich, thin

from qianwan_gis import layers, report
from qianwan_gis.export.document import Document, Heading, Text, chinese_number, clean, markdown
from qianwan_gis.schemas import value_text

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


@pytest.fixture(scope="module")
def thin_files(tmp_path_factory):
    return report.write_report(thin(), tmp_path_factory.mktemp("报告"))


def words(path):
    """Return all text of a Word file, tables included."""
    with zipfile.ZipFile(path) as archive:
        root = ET.fromstring(archive.read("word/document.xml"))
    return "\n".join("".join(t.text or "" for t in p.iter(f"{W}t")) for p in root.iter(f"{W}p"))


def test_findings_come_first_then_what_to_collect(thin_files):
    text = thin_files[0].read_text(encoding="utf-8")
    heads = re.findall(r"^## (.*)$", text, flags=re.MULTILINE)
    assert heads[:2] == ["一、主要结论", "二、先收集什么"]
    assert heads[-1].endswith("尚不清楚的事")
    assert [h.split("、")[0] for h in heads] == [chinese_number(i + 1) for i in range(len(heads))]


def test_pictures_of_the_text_report_are_files_beside_it(thin_files):
    if len(thin_files) == 2:
        pytest.skip("no Chinese font: no pictures")
    named = re.findall(r"!\[[^]]+\]\((figures/[^)]+\.png)\)", thin_files[0].read_text("utf-8"))
    assert [thin_files[0].parent / name for name in named] == thin_files[2:]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in thin_files[2:])


def test_numbers_are_those_of_the_tables(thin_files):
    results = thin()
    text = thin_files[0].read_text(encoding="utf-8")
    villages = results.villages
    placed = int((villages["basis"] == "point").sum())
    assert f"共{len(villages)}个村" in text
    assert f"{placed}个村有点位" in text
    own = results.coverage[
        (results.coverage["service"] == "clinic") & (results.coverage["tier"] == "township")
    ]
    assessed = int(own["covered"].notna().sum())
    covered = int(own["covered"].fillna(False).sum())
    assert (
        f"{len(own)}个村中评估了{assessed}个，覆盖{covered}个，未覆盖{assessed - covered}个" in text
    )
    for reason in own.loc[own["covered"].isna(), "reason"].unique():
        assert value_text("reason", reason).zh in text


def test_thin_data_forbid_shares_people_stakes_and_decimals(thin_files):
    for text in (thin_files[0].read_text(encoding="utf-8"), words(thin_files[1])):
        assert not re.search(r"覆盖率（|覆盖人口（|\d%", text.replace("≥89 %", ""))
        assert not re.search(r"K\d+\+\d", text)
        assert not re.search(r"\d+\.\d+ 分钟", text)
        assert "资料不足以得出全县覆盖率" in text
        for what, why in layers.withheld(thin()):
            assert f"{what.zh}：{why.zh}" in text


def test_presumed_times_are_whole_ranges():
    results = thin()
    table = results.coverage
    table.loc[table["minutes"].notna().idxmax(), ["covered", "reason"]] = [False, "over_limit"]
    text = markdown(report.build(results, figures=False))
    assert re.search(r"\| \d+–\d+ 分钟 \|", text)


def test_rich_data_tell_shares_and_the_corridor(tmp_path):
    text = markdown(report.build(rich(), figures=False))
    assert "示范廊带线长" in text
    results = rich()
    both = results.coverage.merge(results.villages.drop(columns="geometry"), on="code")
    own = both[
        (both["township"] == "下村镇") & (both["service"] == "clinic") & (both["tier"] == "county")
    ]
    yes = own["covered"].astype(bool)
    people = own.loc[yes, "population"].sum() / own["population"].sum()
    section = text.split("按乡镇：覆盖村数")[1]
    assert f"{yes.sum()}/{len(own)} {yes.mean():.0%} " in section.split("下村镇")[1].split("\n")[0]
    section = text.split("按乡镇：覆盖人口")[1]
    assert f" {people:.0%} " in section.split("下村镇")[1].split("\n")[0]
    assert "现有资料支持本报告的全部内容" in text


def test_hostile_text_is_only_text(thin_files):
    markdown_text = thin_files[0].read_text(encoding="utf-8")
    assert "<img" not in markdown_text
    assert "<script" not in markdown_text
    assert "&lt;img src=x" in markdown_text
    with zipfile.ZipFile(thin_files[1]) as archive:
        for name in archive.namelist():
            if name.endswith((".xml", ".rels")):
                ET.fromstring(archive.read(name))
            if name.endswith(".rels"):
                assert b'TargetMode="External"' not in archive.read(name)
    assert HOSTILE[0] in words(thin_files[1])


def test_word_file_has_chinese_fonts_page_numbers_and_repeated_heads(thin_files):
    opened = docx.Document(thin_files[1])
    fonts = {
        name: opened.styles[name].element.rPr.rFonts.get(f"{W}eastAsia")
        for name in ("Title", "Heading 1", "Heading 2", "Body Text", "Normal")
    }
    assert fonts == {
        "Title": "方正小标宋简体",
        "Heading 1": "黑体",
        "Heading 2": "楷体_GB2312",
        "Body Text": "仿宋_GB2312",
        "Normal": "仿宋_GB2312",
    }
    assert "PAGE" in opened.sections[0].footer._element.xml
    assert "内部工作图" in opened.sections[0].header.paragraphs[0].text
    assert opened.tables
    for table in opened.tables:
        assert "w:tblHeader" in table.rows[0]._tr.xml
        grid = [column.width for column in table.columns]
        assert [cell.width for cell in table.rows[0].cells] == grid
    assert len(opened.inline_shapes) == 2
    links = re.findall(r'w:anchor="([^"]+)"', opened.element.xml)
    marks = re.findall(r'<w:bookmarkStart [^>]*w:name="([^"]+)"', opened.element.xml)
    assert links
    assert links == marks
    ids = re.findall(r'<w:bookmarkStart [^>]*w:id="(\d+)"', opened.element.xml)
    assert len(set(ids)) == len(ids)


def test_same_bytes_twice_with_dates_of_the_run(tmp_path, thin_files):
    again = report.write_report(thin(), tmp_path)
    for first, second in zip(thin_files, again, strict=True):
        assert first.read_bytes() == second.read_bytes()
    core = docx.Document(again[1]).core_properties
    assert core.created.isoformat()[:10] == core.modified.isoformat()[:10] == "2026-01-15"


def test_english_report_has_no_chinese_of_its_own():
    text = markdown(report.build(thin().with_lang("en"), figures=False))
    heads = re.findall(r"^(?:#+ .*|\*\*Table.*)$", text, flags=re.MULTILINE)
    assert len(heads) > 15
    assert not [h for h in heads if re.search("[一-鿿]", h)]


def test_report_without_a_font_goes_on(monkeypatch):
    from qianwan_gis.maps.paper import letters

    monkeypatch.setattr(letters, "FONT_CHAIN", ("No Such Font",))
    letters.find_font.cache_clear()
    try:
        document = report.build(thin())
    finally:
        monkeypatch.undo()
        letters.find_font.cache_clear()
    assert not [b for b in document.blocks if type(b).__name__ == "Figure"]
    assert "没有找到中文字体" in markdown(document)


def test_chinese_numbers_and_headings():
    assert [chinese_number(n) for n in (1, 9, 10, 11, 20, 21, 99)] == [
        "一", "九", "十", "十一", "二十", "二十一", "九十九",
    ]  # fmt: skip
    document = Document("t", "zh", "2026-01-01")
    for level in (1, 2, 2, 1, 2):
        document.heading(level, Text("甲", "a"))
    assert [b.text for b in document.blocks if isinstance(b, Heading)] == [
        "一、甲", "（一）甲", "（二）甲", "二、甲", "（一）甲",
    ]  # fmt: skip


def test_clean_text_is_legal_xml():
    root = ET.Element("a")
    root.text = clean("".join(map(chr, range(0x20))) + "\x7f￾村𠮷")
    assert ET.parse(io.BytesIO(ET.tostring(root))).getroot().text.strip() == "村𠮷"
