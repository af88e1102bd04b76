"""Strip maps: every stretch once, turned the right way, and nothing on a presumed course."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import replace

import numpy as np
import pytest
import shapely

from qianwan_gis import cli, layers, outputs
from qianwan_gis._errors import UnavailableError, UsageError
from qianwan_gis.export.corridor import corridor_tables
from qianwan_gis.export.document import Document, markdown
from qianwan_gis.layers.spacing import VERDICT_COLORS
from qianwan_gis.maps import strips
from qianwan_gis.maps.paper.letters import find_font
from qianwan_gis.maps.strips import layout, straightened
from qianwan_gis.report.corridor import corridor_chapter

_LAYERS = ("corridor_gaps", "corridor_proposed", "corridor_segments")

needs_font = pytest.mark.skipif(find_font() is None, reason="no Chinese font")


def words(figure):
    """All texts of a figure."""
    return [w.text for artist in figure.artists for w in getattr(artist, "words", ())]


@pytest.fixture(scope="module")
def made(demo):
    return strips.strip_set(demo, every_km=6.0)


def test_sheets_follow_each_other_along_every_branch(made):
    line = made.corridor
    for branch in line.branches:
        mine = [s for s in made.strips if s.branch == branch]
        total = sum(p.length for p in line.parts if p.branch == branch)
        assert mine[0].from_m == 0.0
        assert mine[-1].to_m == pytest.approx(total)
        assert mine[0].before is None
        assert mine[-1].after is None
        for one, two in itertools.pairwise(mine):
            assert one.to_m == two.from_m
            assert one.end == two.start
            assert (one.after, two.before) == (two.number, one.number)
        # no sheet for a remnant: a short last stretch is drawn on the one before
        assert all(s.to_m - s.from_m > 0.2 * 6000.0 for s in mine) or len(mine) == 1
    assert [s.number for s in made.strips] == list(range(1, len(made.strips) + 1))
    assert {s.count for s in made.strips} == {len(made.strips)}


def test_every_stretch_fits_the_frame_and_runs_to_the_right(made):
    _, _, width, height = layout.PLAN
    for strip in made.strips:
        pieces = [
            p.stretch(max(strip.from_m - p.travelled, 0.0), min(strip.to_m - p.travelled, p.length))
            for p in made.corridor.parts
            if p.branch == strip.branch
            and min(strip.to_m - p.travelled, p.length) > max(strip.from_m - p.travelled, 0.0)
        ]
        xy = layout.to_mm(made, strip, np.concatenate(pieces))
        assert (xy >= 0.0).all()
        assert (xy <= [width, height]).all()
        assert xy[-1, 0] >= xy[0, 0]
        # a millimetre of the plan is the scale's metres of ground, whatever the turn
        ground = np.concatenate(pieces)
        assert np.hypot(*(xy[-1] - xy[0])) * made.metres == pytest.approx(
            np.hypot(*(ground[-1] - ground[0]))
        )
        # the ground's corners are the frame's
        corners = layout.to_mm(made, strip, shapely.get_coordinates(layout.ground(made, strip)))
        np.testing.assert_allclose(
            corners[:4], [[0, 0], [width, 0], [width, height], [0, height]], atol=1e-6
        )


def test_the_north_arrow_points_where_north_has_gone(made):
    for strip in made.strips:
        here = np.array(strip.centre)
        north = layout.to_mm(made, strip, np.array([here, here + np.array([0.0, 1000.0])]))
        way = (north[1] - north[0]) / np.hypot(*(north[1] - north[0]))
        turn = math.radians(strip.angle)
        np.testing.assert_allclose(way, [math.sin(turn), math.cos(turn)], atol=1e-9)


@needs_font
def test_a_sheet_says_where_it_is_and_what_is_on_it(made):
    first = next(s for s in made.strips if s.after is not None)
    figure = strips.draw(made, first)
    said = words(figure)
    joined = "\n".join(said)
    assert f"{first.end} 接第{first.after}张" in said
    assert f"起点 {first.start}" in said
    assert f"第{first.number}张　共{first.count}张" in said
    assert "北" in said
    assert "合成数据" in said  # the watermark
    assert any(t.startswith("坐标系：") and "审图号" in t for t in said)
    assert re.search(r"比例尺 1:[\d ]+", joined)
    # kilometre stakes of the stretch, in the plan and in the diagram
    inside = made.corridor.stakes(1000.0, first.branch)
    at = made.corridor.locate(inside.geometry, branch=first.branch)["travelled_m"].to_numpy()
    for stake in inside["stake"][(at > first.from_m + 1) & (at < first.to_m - 1)]:
        assert said.count(stake) >= 1
    # every interval's verdict is drawn in its colour
    from matplotlib.colors import to_hex
    from matplotlib.patches import Patch

    colors = set(VERDICT_COLORS.values())
    drawn = {to_hex(a.get_facecolor()) for a in figure.artists if isinstance(a, Patch)}
    table = made.results.corridor_tables["spacing"]
    here = table[(table["branch"] == first.branch) & (table["from_m"] < first.to_m)
                 & (table["to_m"] > first.from_m)]  # fmt: skip
    assert drawn & colors >= {VERDICT_COLORS[v] for v in here["verdict"]}


@needs_font
def test_villages_stand_on_their_side_at_their_offset(made):
    strip = made.strips[0]
    widths = sorted(made.results.zones["width_m"])
    table = made.results.corridor_tables["villages"]
    mine = table[(table["branch"] == strip.branch) & (table["travelled_m"] < strip.to_m)
                 & (table["offset_m"].abs() <= widths[-1])]  # fmt: skip
    shown = {
        side: {
            row["name"]
            for row, _, _ in straightened._rows(made, strip, widths[-1], side)
            if "lists" in row
        }
        for side in (1, -1)
    }
    assert shown[1] == set(mine.loc[mine["offset_m"] >= 0, "name"])
    assert shown[-1] == set(mine.loc[mine["offset_m"] < 0, "name"])
    heights = [straightened._height(o, widths, 10.0) for o in (0.0, 500.0, *widths)]
    assert heights == [0.0, 5.0, 10.0, 20.0, 30.0]


@needs_font
def test_the_same_results_give_the_same_bytes(demo, tmp_path):
    one = strips.write_strips(demo, tmp_path / "a.pdf").read_bytes()
    two = strips.write_strips(demo, tmp_path / "b.pdf").read_bytes()
    assert one == two
    assert len(re.findall(rb"/Type /Page\b", one)) == len(strips.strip_set(demo).strips)


@needs_font
def test_english_sheets_hold_no_chinese_furniture(demo):
    made = strips.strip_set(demo.replace(lang="en"))
    said = words(strips.draw(made, made.strips[0]))
    assert not {"图例", "桩号", "左侧", "右侧", "北"} & set(said)
    for zh in ("起点 ", "比例尺", "偏距", "建议", "驿站 ", "未评估"):
        assert not any(t.startswith(zh) for t in said), zh
    assert "Legend" in said
    assert any(t.startswith("Start K") for t in said)


def test_lengths_that_cannot_be_are_refused(demo):
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="每幅"):
            strips.strip_set(demo, every_km=wrong)


def test_a_presumed_course_has_no_strip_maps(zezhou, capsys, monkeypatch, tmp_path):
    with pytest.raises(UnavailableError, match=r"不出带状图：.*推定"):
        strips.strip_set(zezhou)
    assert outputs.STRIPS not in outputs.files(zezhou)
    assert corridor_tables(zezhou) == []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["qianwan", "corridor", "zezhou"])
    with pytest.raises(SystemExit) as done:
        cli.main()
    assert done.value.code in (0, None)
    shown = capsys.readouterr().out
    assert "推定" in shown
    assert "带状图" in shown
    assert not re.search(r"K\d+\+\d", shown)
    assert list(tmp_path.iterdir()) == []
    assert layers.chosen(zezhou, ("stakes", "zones", *_LAYERS)) == {}


@needs_font
def test_the_command_writes_sheets_and_tables(demo_folder, demo, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(
        "sys.argv",
        ["qianwan", "corridor", str(demo_folder), "--out", str(tmp_path), "--every", "5"],
    )
    with pytest.raises(SystemExit) as done:
        cli.main()
    assert done.value.code in (0, None)
    shown = capsys.readouterr().out
    assert shown.index("廊带间距结论") < shown.index("沿线村庄")
    names = {path.name for path in tmp_path.iterdir()}
    assert {outputs.STRIPS, "corridor_findings.csv", "corridor_villages.csv"} <= names
    text = (tmp_path / "corridor_findings.csv").read_text(encoding="utf-8-sig")
    assert text.startswith("类别,判定")
    assert outputs.STRIPS in outputs.files(demo)


def test_tables_layers_and_report_tell_the_same(demo):
    tables = {t.key.removeprefix("corridor_report_"): t for t in corridor_tables(demo)}
    assert set(tables) == set(demo.corridor_tables)
    for key, table in tables.items():
        for column in table.columns:
            assert column.title.zh != column.name, (key, column.name)
    drawn = layers.chosen(demo, _LAYERS)
    assert set(drawn) == set(_LAYERS)
    # a GeoPackage wants every layer and table called differently
    for lang in ("zh", "en"):
        titles = {entry.title.get(lang) for entry, _ in drawn.values()}
        assert not titles & {table.title.get(lang) for table in tables.values()}
    gaps = drawn["corridor_gaps"][1]
    spacing = demo.corridor_tables["spacing"]
    assert (gaps["verdict"] == "over").sum() == (spacing["verdict"] == "over").sum()
    # a line is as long as the road between its two ends, the way over a junction not counted
    length = spacing["to_m"] - spacing["from_m"]
    assert sorted(gaps.length) == pytest.approx(sorted(length[length > 0.01]), abs=0.01)
    assert len(drawn["corridor_proposed"][1]) == spacing["missing"].sum()
    segments = drawn["corridor_segments"][1]
    assert segments.length.sum() == pytest.approx(demo.corridor.length)
    assert segments["published_m"].notna().all()


def test_the_chapter_tells_gaps_first(demo, zezhou):
    document = Document("题", "zh", demo.run_date)
    corridor_chapter(document, demo, {})
    text = markdown(document)
    findings = demo.corridor_tables["findings"]
    assert len(findings[findings["verdict"] != "ok"])  # else the rest would say nothing
    for row in findings.itertuples():
        if row.verdict in ("over", "unknown"):
            assert row.proposed in text
        if row.verdict != "none":
            assert f"{row.worst_from}" in text
    assert text.index("限值") < text.index("示范廊带线长")
    served = demo.corridor_tables["served"]["verdict"].value_counts()
    assert f"受益{served.get('served', 0)}个，未及{served.get('missed', 0)}个" in text
    thin = Document("题", "zh", zezhou.run_date)
    corridor_chapter(thin, zezhou, {})
    said = markdown(thin)
    assert "不出桩号、设施间距和带状图" in said
    assert not re.search(r"K\d+\+\d", said)


def test_people_stay_hidden_where_the_data_do_not_bear_them(demo):
    class Tight:
        """The plan with tighter disclosure."""

        def __init__(self, plan):
            self._plan = plan
            self.disclosure = replace(plan.disclosure, people=False, decimal_minutes=False)

        def __getattr__(self, name):
            return getattr(self._plan, name)

    for table in corridor_tables(Tight(demo)):
        assert not {"population", "with_people", "years"} & set(table.frame.columns), table.key
        if "off_minutes" in table.frame:
            minutes = table.frame["off_minutes"].dropna()
            assert (minutes == minutes.round()).all()
