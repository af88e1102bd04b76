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
from qianwan_gis.maps.paper import canvas, letters, page

pytestmark = pytest.mark.skipif(letters.find_font() is None, reason="no Chinese font installed")
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
        view = page.View.fit(sheet.window, page.A3)
        assert view.scale in page.SCALES
        low = view.to_mm(np.array([sheet.window[:2]]))[0]
        high = view.to_mm(np.array([sheet.window[2:]]))[0]
        assert (low >= -1e-9).all()
        assert (high <= np.array([view.width, view.height]) + 1e-9).all()


def words(figure, *, labels):
    """The words of a page: those on the map, or those around it."""
    return [
        word
        for artist in figure.artists
        if isinstance(artist, canvas.Writing) and (artist.get_zorder() == canvas.LABELS) == labels
        for word in artist.words
    ]


def test_no_two_labels_overlap():
    sheet = next(s for s in sheets.sheets(rich(300)) if s.key == "positions")
    figure = static.draw(sheet)
    renderer = FigureCanvasAgg(figure).get_renderer()
    pixels = 100 / 25.4  # the figure's 100 to the inch, in a millimetre
    boxes = []
    for word in words(figure, labels=True):
        font = letters.font(word.size, word.bold)
        wide, high, under = renderer.get_text_width_height_descent(word.text, font, ismath=False)
        left, low = word.x * pixels, word.y * pixels - under
        boxes.append((left, low, left + wide, low + high))
    boxes = np.array(boxes)
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
    left, bottom, width, height = (pixels * side for side in page.A3.frame)
    assert (boxes[:, :2] >= [left, bottom]).all()
    assert (boxes[:, 2:] <= [left + width, bottom + height]).all()


def test_every_seat_is_named_however_many_villages_there_are():
    results = rich(300)
    for sheet in sheets.sheets(results):
        texts = {word.text for word in words(static.draw(sheet), labels=True)}
        assert set(results.townships["township"]) <= texts, sheet.key


def test_labels_that_found_no_place_are_counted():
    sheet = next(s for s in sheets.sheets(rich(300)) if s.key == "positions")
    figure = static.draw(sheet)
    wanted = 300 + len(thin().townships)
    placed = len(words(figure, labels=True))
    told = [w.text for w in words(figure, labels=False) if "个注记未注出" in w.text]
    assert told
    assert int("".join(c for c in told[0] if c.isdigit())) == wanted - placed


def test_letters_stand_where_they_should():
    """Words are drawn as Matplotlib's own texts are, but on one line for all alignments."""
    text, size = "泽州县 K12+300", 9.0
    sheet = canvas.Canvas(page.A3)
    for align in ("left", "center", "right"):
        for angle in (0.0, 90.0, 180.0, -90.0):
            sheet.write(100, 50, text, size, align=align, angle=angle)
            word = words(sheet.figure, labels=False)[-1]
            own = sheet.figure.text(
                100 / 420, 50 / 297, text, fontproperties=letters.font(size), rotation=angle,
                rotation_mode="anchor", ha=align, va="baseline",
            )  # fmt: skip
            renderer = FigureCanvasAgg(sheet.figure).get_renderer()
            box = own.get_window_extent(renderer)
            shape, _ = letters.outlines(text)
            turn = np.radians(angle)
            matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
            at = np.array([word.x, word.y]) + size / page.MM * (shape @ matrix)
            ours = (at.min(axis=0) + at.max(axis=0)) / 2 * 100 / 25.4
            theirs = np.array([box.x0 + box.x1, box.y0 + box.y1]) / 2
            # ours is centred about the line, theirs stands on it: 0.38 em apart, across the words
            across = 0.38 * size / 72 * 100 * np.array([np.sin(turn), -np.cos(turn)])
            np.testing.assert_allclose(ours - theirs, across, atol=1.5)


@poppler
def test_labels_on_the_map_are_text(tmp_path):
    results = rich()
    text = run("pdftotext", static.write_atlas(results, tmp_path / "a.pdf"), "-")
    named = [word.text for word in words(static.draw(sheets.sheets(results)[0]), labels=True)]
    assert len(named) > 10
    assert not [name for name in named if name.isalpha() and name not in text]


def test_only_the_sheets_that_are_wanted():
    results = rich()
    every = sheets.sheets(results)
    few = sheets.sheets(results, only=("positions", every[3].key, "no such sheet"))
    assert [s.key for s in few] == ["positions", every[3].key]
    for sheet in few:
        whole = next(s for s in every if s.key == sheet.key)
        assert (sheet.title, sheet.notes, sheet.window) == (whole.title, whole.notes, whole.window)
        for one, two in zip(sheet.drawn, whole.drawn, strict=True):
            assert (one.title, one.style, one.labels) == (two.title, two.style, two.labels)
            assert one.frame.geometry.geom_equals(two.frame.geometry).all()


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
    assert any(w.text.startswith("$x^{2}$_村 ") for w in words(figure, labels=True))
    figure.canvas.draw()
    assert letters.printable(HOSTILE[5]) == "换行 村 制表"


def test_no_font_names_the_sheets(monkeypatch, tmp_path):
    monkeypatch.setattr(letters, "FONT_CHAIN", ("No Such Font",))
    letters.find_font.cache_clear()
    try:
        with pytest.raises(UnavailableError, match="村庄分布总图"):
            static.write_atlas(thin(), tmp_path / "a.pdf")
    finally:
        monkeypatch.undo()
        letters.find_font.cache_clear()
    assert not list(tmp_path.iterdir())


def test_wrap_keeps_all_text_within_the_width():
    text = "共60个村（社区），其中11个有点位，参见 OpenStreetMap contributors 的说明。"
    lines = letters.wrap(text, 40, 9)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(letters.width_mm(line, 9) <= 40 + 9 / page.MM for line in lines)


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
    assert static.draw(replace(sheet, drawn=(far,))).artists
