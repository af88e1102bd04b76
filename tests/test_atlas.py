"""The atlas, read back by poppler where it is installed; layout checked in millimetres."""

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from results_fixture import HOSTILE, rich, thin

from qianwan_gis._errors import UnavailableError
from qianwan_gis.maps import sheets, static

pytestmark = pytest.mark.skipif(static.find_font() is None, reason="no Chinese font installed")
poppler = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="no poppler-utils")


def run(*command):
    return subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8")


@pytest.fixture(scope="module")
def thin_pdf(tmp_path_factory):
    return static.write_atlas(thin(), tmp_path_factory.mktemp("图集") / "atlas.pdf")


@poppler
def test_pages_are_a3_and_carry_titles_marks_and_imprint(thin_pdf):
    results = thin()
    expected = sheets.sheets(results)
    info = run("pdfinfo", thin_pdf)
    assert f"Pages:           {len(expected)}" in info
    assert "1190.55 x 841.89 pts (A3)" in info
    for number, sheet in enumerate(expected, start=1):
        text = run("pdftotext", "-f", str(number), "-l", str(number), "-layout", thin_pdf, "-")
        for words in (
            sheet.title,
            "内部工作图·未经审核不得公开",
            "图例",
            "比例尺",
            "非标准界线",
            "审图号",
            "2026-01-15",
        ):
            assert words in text, (sheet.key, words)


@poppler
def test_fonts_are_embedded(thin_pdf):
    rows = run("pdffonts", thin_pdf).splitlines()[2:]
    assert rows
    for row in rows:
        assert row.split("Custom")[1].split()[0] == "yes", row


def test_same_bytes_twice(tmp_path, thin_pdf):
    assert static.write_atlas(thin(), tmp_path / "a.pdf").read_bytes() == thin_pdf.read_bytes()


def test_scale_is_round_and_the_window_fits():
    for sheet in (*sheets.sheets(thin()), *sheets.sheets(rich())):
        view = static._View.fit(sheet.window, static.A3)
        assert view.scale in static._SCALES
        low = view.to_mm(np.array([sheet.window[:2]]))[0]
        high = view.to_mm(np.array([sheet.window[2:]]))[0]
        assert (low >= -1e-9).all()
        assert (high <= np.array([view.width, view.height]) + 1e-9).all()


def test_no_two_labels_overlap():
    sheet = next(s for s in sheets.sheets(rich(300)) if s.key == "positions")
    figure = static.draw(sheet)
    renderer = FigureCanvasAgg(figure).get_renderer()
    axes = figure.axes[1]
    boxes = np.array([t.get_window_extent(renderer).extents for t in axes.texts])
    assert len(boxes) > 50
    # Two pixels at 100 dpi (0.5 mm) are left to the estimate of a text's width.
    slack = 2
    meets = (
        (boxes[:, None, 0] + slack < boxes[None, :, 2])
        & (boxes[:, None, 2] - slack > boxes[None, :, 0])
        & (boxes[:, None, 1] + slack < boxes[None, :, 3])
        & (boxes[:, None, 3] - slack > boxes[None, :, 1])
    )
    np.fill_diagonal(meets, False)
    assert not meets.any()
    frame = axes.get_window_extent().extents
    assert (boxes[:, 0] >= frame[0]).all()
    assert (boxes[:, 2] <= frame[2]).all()


def test_every_seat_is_named_however_many_villages_there_are():
    results = rich(300)
    for sheet in sheets.sheets(results):
        texts = {t.get_text() for t in static.draw(sheet).axes[1].texts}
        assert set(results.townships["township"]) <= texts, sheet.key


def test_labels_that_found_no_place_are_counted():
    sheet = next(s for s in sheets.sheets(rich(300)) if s.key == "positions")
    figure = static.draw(sheet)
    wanted = 300 + len(thin().townships)
    placed = len(figure.axes[1].texts)
    told = [t.get_text() for t in figure.axes[0].texts if "个注记未注出" in t.get_text()]
    assert told
    assert int("".join(c for c in told[0] if c.isdigit())) == wanted - placed


def test_thin_data_draw_no_cells_stakes_or_red():
    found = {sheet.key: sheet for sheet in sheets.sheets(thin())}
    assert "corridor" not in found
    drawn = {d.title for sheet in found.values() for d in sheet.drawn}
    assert not {"里程桩", "廊带影响区", "示范廊带线"} & drawn
    for key, sheet in found.items():
        if key.startswith("coverage_sewage"):
            symbols = {s.value for d in sheet.drawn for s, _ in sheets.symbols_of(d)}
            assert "uncovered" not in symbols


def test_text_that_looks_like_markup_is_printed_as_it_is(tmp_path):
    results = rich()
    results.villages.loc[0, "name"] = "$x^{2}$_村\x07𰻝"
    figure = static.draw(sheets.sheets(results)[0])
    texts = [t.get_text() for t in figure.axes[1].texts]
    assert any(t.startswith("$x^{2}$_村 ") for t in texts)
    figure.canvas.draw()
    assert static.printable(HOSTILE[5]) == "换行 村 制表"


def test_no_font_names_the_sheets(monkeypatch, tmp_path):
    monkeypatch.setattr(static, "FONT_CHAIN", ("No Such Font",))
    static.find_font.cache_clear()
    try:
        with pytest.raises(UnavailableError, match="村庄分布总图"):
            static.write_atlas(thin(), tmp_path / "a.pdf")
    finally:
        monkeypatch.undo()
        static.find_font.cache_clear()
    assert not list(tmp_path.iterdir())


def test_wrap_keeps_all_text_within_the_width():
    text = "共60个村（社区），其中11个有点位，参见 OpenStreetMap contributors 的说明。"
    lines = static.wrap(text, 40, 9)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(static._width_mm(line, 9) <= 40 + 9 / static._MM for line in lines)


@poppler
def test_township_sheets_in_parallel_equal_those_in_one_process(tmp_path):
    results = thin()
    two = static.write_atlas(results, tmp_path / "two" / "a.pdf", townships=True, workers=2)
    one = static.write_atlas(results, tmp_path / "one" / "a.pdf", townships=True, workers=1)
    names = sorted(p.name for p in (two.parent / "a_townships").iterdir())
    assert names == sorted(f"{t}.pdf" for t in set(results.villages["township"]))
    for name in names:
        first = (two.parent / "a_townships" / name).read_bytes()
        assert first == (one.parent / "a_townships" / name).read_bytes()
    text = run("pdftotext", two.parent / "a_townships" / "下村镇.pdf", "-")
    assert "下村镇村庄图" in text
    assert "未定位" in text


def test_a_layer_of_which_nothing_lies_in_the_window_is_no_obstacle():
    sheet = sheets.township_sheets(rich())[0]
    keyed = next(drawn for drawn in sheet.drawn if drawn.style.by)
    text = keyed.frame.astype({keyed.style.by: "str"})
    far = replace(keyed, frame=text.set_geometry(text.translate(1e6, 1e6)), labels=())
    assert static.draw(replace(sheet, drawn=(far,))).axes
