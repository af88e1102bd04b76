"""Corridor: chainage on lines with gaps, branches and broken chainage; calibration; completeness.

Truth: worked examples printed in the PostGIS manual, hand-built lines whose answers are plain, and
invariants (hypothesis).
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiLineString, Point

from qianwan_gis import datum
from qianwan_gis._errors import DataError, UsageError
from qianwan_gis.chainage import Chainage
from qianwan_gis.corridor import Corridor, completeness_of_table

CRS = "EPSG:4547"


def segments(*rows, crs=CRS, **columns):
    """Rows of (branch, line) and further columns."""
    branch, lines = zip(*rows, strict=True)
    lines = [g if g is None or hasattr(g, "geom_type") else LineString(g) for g in lines]
    return gpd.GeoDataFrame({"branch": branch, **columns}, geometry=lines, crs=crs)


def points(*xy, crs=CRS):
    return gpd.GeoSeries([Point(p) for p in xy], crs=crs)


def road(*xy, **options):
    return Corridor.from_segments(segments(("主线", xy)), **options)


@pytest.fixture
def gapped():
    """Two kilometres drawn, one kilometre missing between them, and a side road."""
    return Corridor.from_segments(
        segments(
            ("主线", [(0, 0), (1000, 0)]),
            ("主线", [(2000, 0), (3000, 0)]),
            ("支线一", [(500, 0), (500, 800)]),
        )
    )


@pytest.fixture
def broken():
    """K0 to K2 drawn straight; at 1200 m K1+200 = K1+000 (长链), at 2200 m K2+000 = K2+300 (短链)."""
    return Corridor.from_segments(
        segments(
            ("主线", [(0, 0), (1200, 0)]),
            ("主线", [(1200, 0), (2200, 0)]),
            ("主线", [(2200, 0), (3200, 0)]),
            start=["K0+000", "K1+000", "K2+300"],
            end=["K1+200", "K2+000", "K3+300"],
        )
    )


# ---- PostGIS, printed examples -----------------------------------------------------------


def test_postgis_interpolate_point_and_substring():
    line = road((25, 50), (100, 125), (150, 190))
    total = line.length
    at = line.point_at(0.20 * total)
    assert (at.x, at.y) == pytest.approx((51.5974135047432, 76.5974135047432), abs=1e-6)
    part = shapely.get_coordinates(line.substring(0.333 * total, 0.666 * total))
    expected = [
        (69.2846934853974, 94.2846934853974),
        (100, 125),
        (111.700356260683, 140.210463138888),
    ]
    np.testing.assert_allclose(part, expected, atol=1e-6)


def test_postgis_locate_then_interpolate():
    line = road((1, 2), (4, 5), (6, 7))
    found = line.locate(points((4, 3)))
    foot = line.point_at(found["chainage"].iloc[0])
    assert (foot.x, foot.y) == pytest.approx((3, 4), abs=1e-6)


def test_postgis_add_measure_gives_a_gap_no_length():
    # ST_AddMeasure(MULTILINESTRING((1 0,2 0,4 0),(1 0,2 0,4 0)), 10, 70):
    # ((1 0 10, 2 0 20, 4 0 40), (1 0 40, 2 0 50, 4 0 70)); the second line set apart here
    both = MultiLineString([[(1, 0), (2, 0), (4, 0)], [(101, 0), (102, 0), (104, 0)]])
    line = Corridor.from_segments(segments(("主线", both), start=[10], end=[70]))
    measures = line.locate(points((1, 0), (2, 0), (4, 0), (101, 0), (102, 0), (104, 0)))
    assert measures["chainage_m"].tolist() == pytest.approx([10, 20, 40, 40, 50, 70])


def test_postgis_interpolate_measure_and_locate_between():
    # ST_InterpolatePoint('LINESTRING M (0 0 0, 10 0 20)', 'POINT(5 5)') = 10
    line = Corridor.from_segments(segments(("主线", [(0, 0), (10, 0)]), start=[0], end=[20]))
    found = line.locate(points((5, 5)))
    assert found["chainage_m"].iloc[0] == pytest.approx(10)
    assert found["offset_m"].iloc[0] == pytest.approx(5)  # left is positive, as in ST_LocateAlong
    assert line.substring(5, 15).equals(LineString([(2.5, 0), (7.5, 0)]))


# ---- gaps --------------------------------------------------------------------------------


def test_the_right_piece_at_a_gap(gapped):
    found = gapped.locate(points((1100, 5), (1900, 5), (2500, -7)), branch="主线")
    assert found["part"].tolist() == [1, 2, 2]
    assert found["chainage_m"].tolist() == [1000, 1000, 1500]
    assert found["side"].tolist() == ["左", "左", "右"]
    assert found["beyond_m"].tolist() == [100, 100, 0]
    assert gapped.length == 2800
    assert gapped.gaps["gap_m"].tolist() == [1000]


def test_shapely_1126_projecting_beyond_a_gap():
    # shapely/shapely#1126: the project/interpolate pair ends on the wrong piece of a multi-part line
    pieces = MultiLineString([[(0, 0), (100, 0)], [(100, 50), (200, 50)]])
    line = Corridor.from_segments(segments(("主线", pieces)))
    where = points((100, 48), (100, 2), (150, 60), (20, -5))
    found = line.locate(where)
    feet = [line.point_at(c, occurrence=p if c == 100 else None) if c != 100 else None
            for c, p in zip(found["chainage_m"], found["part"], strict=True)]  # fmt: skip
    assert found["part"].tolist() == [2, 1, 2, 1]
    assert found["offset_m"].abs().tolist() == [2, 2, 10, 5]
    assert feet[2].distance(Point(150, 50)) == pytest.approx(0)


def test_a_tie_across_a_gap_is_told(gapped):
    found = gapped.locate(points((1500, 10)), branch="主线").iloc[0]
    assert found["tie"]
    assert found["part"] == 1
    assert found["tie_with"] == "主线 K1+000"


def test_chainage_at_the_edges_of_a_gap(gapped):
    assert gapped.point_at("K1+000").equals(Point(1000, 0))
    assert gapped.substring(900, 1100).equals(
        MultiLineString([[(900, 0), (1000, 0)], [(2000, 0), (2100, 0)]])
    )
    straight = Corridor.from_segments(
        segments(("主线", [(0, 0), (1000, 0)]), ("主线", [(2000, 0), (3000, 0)])), gap="straight"
    )
    assert straight.point_at("K2+500").equals(Point(2500, 0))
    with pytest.raises(UsageError, match="断开"):
        straight.point_at("K1+500")


# ---- order, direction, branches ----------------------------------------------------------


def test_rows_in_any_order_and_drawn_either_way_give_one_road():
    rows = [
        ("主线", [(300, 0), (400, 0)]),
        ("主线", [(100, 0), (200, 0)]),
        ("主线", [(300, 0), (200, 0)]),  # drawn against the rest
        ("主线", [(0, 0), (100, 0)]),
    ]
    line = Corridor.from_segments(segments(*rows))
    assert line.lines.geometry.iloc[0].equals_exact(
        LineString([(0, 0), (100, 0), (200, 0), (300, 0), (400, 0)]), 0
    )
    assert [p.join for p in line.parts] == ["start", "continuous", "continuous", "continuous"]


def test_unconnected_pieces_follow_with_the_least_gaps():
    rows = [("主线", [(x, 0), (x + 50, 0)]) for x in (600, 0, 300, 900, 1200, 1500, 2100, 1800)]
    line = Corridor.from_segments(segments(*rows))
    assert [p.coords[0, 0] for p in line.parts] == sorted(r[1][0][0] for r in rows)


def test_order_may_be_given():
    rows = [("主线", [(100, 0), (0, 0)]), ("主线", [(100, 0), (100, 100)])]
    assert Corridor.from_segments(segments(*rows, seq=[1, 2])).point_at(50).equals(Point(50, 0))
    turned = Corridor.from_segments(segments(*rows, 序号=[2, 1]))
    assert turned.point_at(50).equals(Point(100, 50))
    assert turned.point_at(150).equals(Point(50, 0))


def test_a_fork_inside_one_branch_is_named():
    rows = [
        ("主线", [(0, 0), (100, 0)]),
        ("主线", [(100, 0), (200, 0)]),
        ("主线", [(100, 0), (100, 80)]),
    ]
    with pytest.raises(DataError, match=r"\(100\.0, 0\.0\)处分岔") as caught:
        Corridor.from_segments(segments(*rows))
    assert caught.value.problems[0].fix is not None


def test_a_ring_is_a_road():
    ring = road((0, 0), (100, 0), (100, 100), (0, 100), (0, 0))
    assert ring.length == 400
    found = ring.locate(points((50, -5), (105, 50))).round(6)
    assert found["chainage_m"].tolist() == [50, 150]
    assert found["side"].tolist() == ["右", "右"]


def test_branches(gapped):
    assert gapped.branches == ["主线", "支线一"]
    found = gapped.locate(points((480, 400), (505, 400), (500, -30)))
    assert found["branch"].tolist() == ["支线一", "支线一", "主线"]
    assert found["chainage_m"].tolist() == [400, 400, 500]
    assert found["offset_m"].tolist() == [20, -5, -30]
    # where branches meet, the place has two names
    assert found["tie"].tolist() == [False, False, True]
    assert found["tie_with"].iloc[2] == "支线一 K0+000"
    assert gapped.point_at(100, branch="支线一").equals(Point(500, 100))
    with pytest.raises(UsageError, match="没有支线“支线九”，现有：主线、支线一"):
        gapped.point_at(100, branch="支线九")
    only = gapped.locate(points((480, 400)), branch="主线")
    assert only["branch"].tolist() == ["主线"]


def test_main_line_comes_first_wherever_it_stands_in_the_table():
    line = Corridor.from_segments(segments(("支线", [(0, 0), (0, 9)]), ("主线", [(0, 0), (9, 0)])))
    assert line.branches == ["主线", "支线"]


def test_geographic_input_goes_to_its_zone():
    plane = segments(("主线", [(480_000, 3_930_000), (481_000, 3_930_000)]), crs=datum.zone(112.9))
    line = Corridor.from_segments(plane.to_crs(4490))
    assert line.crs.equals(datum.zone(112.9))
    assert line.length == pytest.approx(1000, abs=1e-6)
    found = line.locate(points((480_300, 3_930_050), crs=datum.zone(112.9)).to_crs(4326))
    assert found["chainage_m"].iloc[0] == pytest.approx(300, abs=1e-3)
    assert found["offset_m"].iloc[0] == pytest.approx(50, abs=1e-3)


# ---- sides -------------------------------------------------------------------------------


def test_offset_sign_at_a_sharp_bend():
    # an acute left bend: straight ahead of the first leg one is on the outer, right side, although
    # the second leg's own straight line has the point on its left
    line = road((0, 0), (100, 0), (10, 40))
    found = line.locate(points((130, 5), (130, -5), (50, 5), (50, -5), (100, 0)))
    assert found["side"].tolist() == ["右", "右", "左", "右", "线上"]
    assert found["chainage_m"].tolist()[:2] == [100, 100]
    assert found["offset_m"].iloc[4] == 0
    mirrored = road((0, 0), (100, 0), (10, -40)).locate(points((130, 5), (130, -5)))
    assert mirrored["side"].tolist() == ["左", "左"]


def test_sides_carry_over_a_joint_between_segments():
    two = segments(("主线", [(0, 0), (100, 0)]), ("主线", [(100, 0), (10, 40)]))
    found = Corridor.from_segments(two).locate(points((130, 5), (130, -5)))
    assert found["side"].tolist() == ["右", "右"]
    assert not found["tie"].any()


def test_beyond_the_ends():
    found = road((0, 0), (100, 0)).locate(points((-30, 40), (-30, 0), (130, -40)))
    assert found["beyond_m"].tolist() == [30, 30, 30]
    assert found["offset_m"].tolist() == [50, 30, -50]
    assert found["side"].tolist() == ["左", "端外", "右"]
    assert found["chainage_m"].tolist() == [0, 0, 100]


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_side_agrees_with_walking_round_the_point(data):
    """The sign of the offset against the angle swept by the line, seen from the point."""
    count = data.draw(st.integers(2, 6))
    xy = [(0.0, 0.0)]
    for _ in range(count):
        step = data.draw(st.tuples(st.integers(1, 40), st.integers(-40, 40)))
        xy.append(
            (xy[-1][0] + step[0], xy[-1][1] + step[1])
        )  # always eastwards: never crosses itself
    x = data.draw(st.floats(0.0, xy[-1][0]))
    y = data.draw(st.floats(-200, 200))
    line = road(*xy)
    found = line.locate(points((x, y))).iloc[0]
    above = y - np.interp(x, *zip(*xy, strict=True))
    if abs(above) > 1e-3:
        assert found["side"] == ("左" if above > 0 else "右")
    assert abs(found["offset_m"]) == pytest.approx(LineString(xy).distance(Point(x, y)), abs=1e-6)


# ---- broken chainage ---------------------------------------------------------------------


def test_equations_are_read_off_the_stakes(broken):
    table = broken.equations
    assert table[["kind", "metres"]].to_numpy().tolist() == [["长链", 200.0], ["短链", -300.0]]
    assert [f"{b}={a}" for b, a in zip(table["back"], table["ahead"], strict=True)] == [
        "K1+200=K1+000",
        "K2+000=K2+300",
    ]
    assert table.geometry.x.tolist() == [1200, 2200]
    assert broken.length == 3200


def test_a_repeated_chainage_must_be_told_apart(broken):
    with pytest.raises(
        UsageError, match=r"K1\+100 因长链出现2次：第1处\(1100\.0, 0\.0\)、第2处\(1300\.0, 0\.0\)"
    ):
        broken.point_at("K1+100")
    assert broken.point_at("K1+100", occurrence=1).equals(Point(1100, 0))
    assert broken.point_at("K1+100", occurrence=2).equals(Point(1300, 0))
    with pytest.raises(UsageError, match="只出现2次"):
        broken.point_at("K1+100", occurrence=3)
    # inclusive on both sides of the equation
    assert broken.point_at("K1+000", occurrence=1).equals(Point(1000, 0))
    assert broken.point_at("K1+000", occurrence=2).equals(Point(1200, 0))
    assert broken.point_at("K1+200", occurrence=1).equals(Point(1200, 0))
    assert broken.point_at("K1+200", occurrence=2).equals(Point(1400, 0))


def test_a_skipped_chainage_is_nowhere(broken):
    with pytest.raises(UsageError, match=r"短链 K2\+000 = K2\+300"):
        broken.point_at("K2+150")
    with pytest.raises(UsageError, match=r"K9\+000 不在主线上（K0\+000 至 K3\+300）"):
        broken.point_at("K9")
    assert broken.point_at("K2+000").equals(Point(2200, 0))
    assert broken.point_at("K2+300").equals(Point(2200, 0))


def test_locate_over_equations(broken):
    found = broken.locate(points((1100, 5), (1300, 5), (2300, 5), (1200, 5)))
    assert [str(c) for c in found["chainage"]] == ["K1+100", "K1+100", "K2+400", "K1+200"]
    assert found["part"].tolist() == [1, 1, 1, 1]
    assert found["tie_with"].tolist() == ["", "", "", "主线 K1+000"]


def test_substring_over_equations(broken):
    assert broken.substring("K0+500", "K2+500").equals(
        LineString([(500, 0), (1200, 0), (2200, 0), (2400, 0)])
    )
    with pytest.raises(UsageError, match="出现2次"):
        broken.substring("K0+500", "K1+100")
    assert broken.substring("K0+500", "K1+100", occurrence=(None, 2)).length == pytest.approx(800)
    assert broken.substring("K1+100", "K1+100", occurrence=(1, 2)).length == pytest.approx(200)
    backwards = broken.substring("K2+500", "K0+500")
    assert shapely.get_coordinates(backwards)[[0, -1], 0].tolist() == [2400, 500]


def test_stakes_repeat_on_a_long_equation(broken):
    table = broken.stakes(500)
    assert table["stake"].tolist() == [
        "K0+000", "K0+500", "K1+000", "K1+000", "K1+500", "K2+000", "K2+500", "K3+000",
    ]  # fmt: skip
    assert table["occurrence"].tolist() == [1, 1, 1, 2, 1, 1, 1, 1]
    assert table.geometry.x.tolist() == [0, 500, 1000, 1200, 1700, 2200, 2400, 2900]
    with pytest.raises(UsageError, match="间距"):
        broken.stakes(0)


def test_equations_given_in_a_table_break_a_plain_line(broken):
    plain = road((0, 0), (1200, 0), (2200, 0), (3200, 0))
    assert plain.equations.empty
    table = pd.DataFrame({"back": ["K1+200", "K2+000"], "ahead": ["K1+000", "K2+300"]})
    made = Corridor.from_segments(segments(("主线", [(0, 0), (3200, 0)])), equations=table)
    where = points(*[(x, 3) for x in range(10, 3200, 70)])
    pd.testing.assert_frame_equal(
        made.locate(where)[["chainage_m", "offset_m", "part"]],
        broken.locate(where)[["chainage_m", "offset_m", "part"]],
    )
    # stated twice, in the stakes and in the table: once is enough
    rows = segments(
        ("主线", [(0, 0), (1200, 0)]), ("主线", [(1200, 0), (3200, 0)]),
        start=["K0", "K1"], end=["K1+200", "K3"],
    )  # fmt: skip
    both = Corridor.from_segments(rows, equations=table.iloc[:1])
    assert both.equations["metres"].tolist() == [200.0]
    with pytest.raises(DataError, match=r"断链 K9\+000 = K8\+000 在“主线”上没有位置"):
        Corridor.from_segments(rows, equations=pd.DataFrame({"back": ["K9"], "ahead": ["K8"]}))
    with pytest.raises(DataError, match="ahead"):
        Corridor.from_segments(rows, equations=pd.DataFrame({"back": ["K9"]}))


# ---- identity ----------------------------------------------------------------------------


@st.composite
def corridors(draw):
    """A wiggling road of several segments with gaps and equations, always going east."""
    parts = draw(st.integers(1, 5))
    x, rows, starts, ends = 0.0, [], [], []
    chainage = draw(st.integers(-500, 5000)) * 1.0
    for _ in range(parts):
        xy = [(x, 0.0)]
        for _ in range(draw(st.integers(1, 5))):
            x += draw(st.integers(5, 400))
            xy.append((x, draw(st.integers(-60, 60)) * 1.0))
        xy[-1] = (x, 0.0)
        length = LineString(xy).length * draw(st.sampled_from([1.0, 1.0, 0.98, 1.03]))
        rows.append(("主线", xy))
        starts.append(chainage)
        ends.append(chainage + length)
        chainage += length + draw(st.sampled_from([0.0, 0.0, 37.5, -2.5, 180.0]))
        x += draw(st.sampled_from([0.0, 0.0, 90.0]))
    return segments(*rows, start=starts, end=ends, seq=range(parts))


@settings(max_examples=80, deadline=None)
@given(corridors(), st.floats(0, 1))
def test_point_at_then_locate_is_the_identity(table, share):
    line = Corridor.from_segments(table)
    part = line.parts[min(int(share * len(line.parts)), len(line.parts) - 1)]
    wanted = part.start + (0.001 + 0.998 * share) * (part.end - part.start)
    for number, place in enumerate(line.positions(wanted), start=1):
        point = line.point_at(wanted, occurrence=number)
        found = line.locate(gpd.GeoSeries([point], crs=CRS)).iloc[0]
        names = [found["chainage_m"]]
        if found["tie"]:
            names += [Chainage.parse(t.split()[-1]).metres for t in found["tie_with"].split("；")]
        assert min(abs(n - wanted) for n in names) < 2e-3
        assert abs(found["offset_m"]) < 1e-6
        assert found["part"] == line.parts[place.part].run or found["tie"]


@settings(max_examples=60, deadline=None)
@given(corridors(), st.randoms(use_true_random=False))
def test_nothing_depends_on_row_order(table, random):
    order = list(range(len(table)))
    random.shuffle(order)
    where = points(*[(x, 7.0) for x in range(0, 2000, 130)])
    one = Corridor.from_segments(table)
    other = Corridor.from_segments(table.iloc[order])
    pd.testing.assert_frame_equal(one.locate(where), other.locate(where))
    assert one.length == pytest.approx(other.length)


@settings(max_examples=60, deadline=None)
@given(corridors())
def test_length_is_conserved(table):
    line = Corridor.from_segments(table)
    assert line.length == pytest.approx(table.geometry.length.sum(), rel=1e-12)
    assert line.lines.geometry.length.sum() == pytest.approx(line.length)
    assert sum(p.end - p.start for p in line.parts) == pytest.approx(
        (table["end"] - table["start"]).sum()
    )


def test_shapely_848_substring_keeps_every_vertex():
    # shapely/shapely#848: substring skipped vertices
    rng = np.random.default_rng(4)
    xy = np.column_stack([np.cumsum(rng.uniform(0.5, 3, 400)), rng.normal(0, 2, 400)])
    line = road(*xy)
    along = np.r_[0, np.cumsum(np.hypot(*np.diff(xy, axis=0).T))]
    low, high = along[20] + 0.1, along[377] - 0.1
    part = shapely.get_coordinates(line.substring(low, high))
    np.testing.assert_array_equal(part[1:-1], xy[21:377])
    assert LineString(part).length == pytest.approx(high - low)


def test_brute_force_nearest_place():
    rng = np.random.default_rng(2)
    xy = np.cumsum(rng.normal(0, 50, (60, 2)), axis=0)
    line = road(*xy)
    where = rng.uniform(xy.min() - 100, xy.max() + 100, (300, 2))
    found = line.locate(points(*where))
    dense = np.arange(0, line.length, 0.5)
    places = shapely.get_coordinates([line.point_at(m) for m in dense])
    for i, p in enumerate(where):
        away = np.hypot(*(places - p).T)
        assert abs(found["offset_m"].iloc[i]) <= away.min() + 1e-9
        assert abs(found["offset_m"].iloc[i]) >= away.min() - 0.25
        assert np.hypot(*(np.array(line.point_at(found["chainage"].iloc[i]).coords[0]) - p)) == (
            pytest.approx(abs(found["offset_m"].iloc[i]), abs=1e-6)
        )


# ---- tables, zones -----------------------------------------------------------------------


def test_locate_keeps_the_index_and_empty_points(gapped):
    where = gpd.GeoSeries(
        [Point(10, 5), None, Point(), Point(10, 9000)], crs=CRS, index=list("abcd")
    )
    found = gapped.locate(where, within=100)
    assert found.index.tolist() == list("abcd")
    assert found["branch"].tolist() == ["主线", "", "", ""]
    assert found["chainage"].iloc[0] == 10
    assert found["chainage"].iloc[1] is None
    assert found["offset_m"].isna().tolist() == [False, True, True, True]
    plain = gapped.locate([Point(10, 5), gapped.point_at("K1+700")])
    assert plain["chainage_m"].tolist() == [10, 1700]
    assert gapped.locate(Point(10, 5))["offset_m"].tolist() == [5]
    none = gapped.locate(where.iloc[:0])
    assert len(none) == 0
    with pytest.raises(DataError, match="坐标系"):
        gapped.locate(gpd.GeoSeries([Point(0, 0)]))
    with pytest.raises(UsageError, match="点"):
        gapped.locate(gpd.GeoSeries([LineString([(0, 0), (1, 1)])], crs=CRS))


def test_zones_hold_each_other_and_exactly_what_is_near(gapped):
    zones = gapped.zones([1000, 2000, 5000])
    assert zones["width_m"].tolist() == [1000, 2000, 5000]
    assert zones.geometry.iloc[0].within(zones.geometry.iloc[1])
    # a straight kilometre with round caps
    one = road((0, 0), (1000, 0)).zone(100)
    assert one.area == pytest.approx(1000 * 200 + np.pi * 100**2, rel=1e-3)
    with pytest.raises(UsageError, match="宽度"):
        gapped.zone(0)


def test_table_for_villages(gapped):
    villages = gpd.GeoDataFrame(
        {"code": ["a", "b", "c", "d", "e"]},
        geometry=[Point(2900, 1000), Point(100, -1000.5), Point(500, 2900), None, Point(100, 9000)],
        crs=CRS,
    )
    table = gapped.table_for(villages, widths_m=[1000, 2000, 5000])
    assert table["code"].tolist() == ["b", "a", "c"]
    assert table["within_m"].tolist() == [2000, 1000, 5000]  # limits are inclusive
    assert table["side"].tolist() == ["右", "左", "端外"]


def test_a_presumed_corridor_has_no_stakes():
    line = road((0, 0), (12_340, 0), basis="presumed")
    with pytest.raises(UsageError, match="示意里程"):
        line.stakes()
    found = line.locate(points((5000, 10)))
    assert found["chainage"].tolist() == ["示意里程5.0公里"]
    assert "K" not in line.table["end"].iloc[0]
    assert Corridor.from_segments(
        segments(("主线", [(0, 0), (9, 0)]), ("主线", [(9, 0), (20, 0)]), basis=["surveyed", "presumed"])
    ).basis == "presumed"  # fmt: skip


# ---- faults ------------------------------------------------------------------------------


def test_all_faults_at_once():
    table = segments(
        ("主线", None),
        ("主线", Point(0, 0)),
        ("", [(0, 0), (1, 0)]),
        ("主线", [(0, 0), (0, 0)]),
        ("主线", [(0, 0), (5, 0)]),
        start=["K0", "K1", "K2", "K3", "what"],
        end=["K1", "K1", "K3", "K4", "K5"],
    )
    with pytest.raises(DataError) as caught:
        Corridor.from_segments(table, file="路线.gpkg")
    found = {(p.row, p.code) for p in caught.value.problems}
    assert {
        (1, "empty_geometry"), (2, "wrong_geometry"), (2, "no_length"), (3, "null_value"),
        (4, "no_length"), (5, "bad_chainage"),
    } <= found  # fmt: skip
    assert all(p.file == "路线.gpkg" for p in caught.value.problems)


@pytest.mark.parametrize(
    ("table", "word"),
    [
        (gpd.GeoDataFrame({"x": [1]}, geometry=[LineString([(0, 0), (1, 0)])], crs=CRS), "branch"),
        (segments(("主线", [(0, 0), (1, 0)]), crs=None), "坐标系"),
        (segments(("主线", [(0, 0), (1, 0)]))[:0], "空的"),
        (segments(("主线", [(0, 0), (1, 0)]), crs="EPSG:2263"), "不是米"),
        (
            segments(("主线", [(0, 0), (1, 0)]), ("主线", [(1, 0), (2, 0)]), seq=[1, None]),
            "部分路段",
        ),
        (segments(("主线", [(0, 0), (1, 0)]), seq=["first"]), "不是数字"),
    ],
)
def test_bad_tables_are_refused(table, word):
    with pytest.raises(DataError, match=word):
        Corridor.from_segments(table)


# ---- calibration -------------------------------------------------------------------------


def stakes(*rows, **columns):
    xy, text = zip(*rows, strict=True)
    return gpd.GeoDataFrame({"chainage": text, **columns}, geometry=[Point(p) for p in xy], crs=CRS)


def test_calibration_gives_every_stake_its_own_chainage():
    line = road((0, 0), (3000, 0))
    known = stakes(((100, 4), "K5+000"), ((1080, -6), "K6+000"), ((2110, 5), "K7+000"))
    made = line.calibrate(known)
    assert made.locate(known)["chainage_m"].tolist() == pytest.approx([5000, 6000, 7000])
    # straight between stakes, true metres beyond the outermost
    found = made.locate(points((590, 0), (0, 0), (3000, 0)))["chainage_m"]
    assert found.tolist() == pytest.approx([5500, 4900, 7890])
    assert made.point_at("K6+500").x == pytest.approx(1080 + 0.5 * 1030)
    assert made.problems == ()
    again = Corridor.from_segments(segments(("主线", [(0, 0), (3000, 0)])), stakes=known)
    assert again.locate(known)["chainage_m"].tolist() == pytest.approx([5000, 6000, 7000])


def test_calibration_keeps_equations_and_carries_over_joints(broken):
    made = broken.calibrate(
        stakes(((600, 0), "K0+630"), ((1190, 0), "K1+200"), ((1210, 0), "K1+010"))
    )
    assert made.equations["kind"].tolist() == ["长链", "短链"]
    found = made.locate(points((600, 0), (1190, 0), (1210, 0)))
    assert found["chainage_m"].tolist() == pytest.approx([630, 1200, 1010])
    plain = Corridor.from_segments(
        segments(
            ("主线", [(0, 0), (100, 0)]),
            ("主线", [(100, 0), (200, 0)]),
            ("主线", [(200, 0), (300, 0)]),
        )
    ).calibrate(stakes(((150, 0), "K8+000")))
    assert plain.locate(points((0, 0), (300, 0)))["chainage_m"].tolist() == [7850, 8150]
    assert plain.equations.empty


def test_calibration_faults_are_all_told():
    line = road((0, 0), (3000, 0))
    with pytest.raises(DataError) as caught:
        line.calibrate(stakes(((10, 0), "K1"), ((20, 900), "K2"), ((30, 0), "x")))
    assert [(p.row, p.code) for p in caught.value.problems] == [
        (2, "stake_off_line"),
        (3, "bad_chainage"),
    ]
    with pytest.raises(DataError, match=r"K2\+000（沿线10\.0 m）之后是 K1\+000"):
        line.calibrate(stakes(((10, 0), "K2"), ((900, 0), "K1")))
    with pytest.raises(DataError, match="chainage"):
        line.calibrate(gpd.GeoDataFrame(geometry=[Point(0, 0)], crs=CRS))
    with pytest.raises(DataError, match="支线九"):
        line.calibrate(stakes(((10, 0), "K2"), branch=["支线九"]))
    wide = line.calibrate(stakes(((0, 0), "K0"), ((1000, 0), "K1+200")))
    assert [p.code for p in wide.problems] == ["stretched"]


# ---- completeness ------------------------------------------------------------------------


def test_completeness_names_every_difference():
    table = segments(
        ("主线", [(0, 0), (1000, 0)]), ("主线", [(1500, 0), (2500, 0)]),
        name=["甲段", "乙段"], length_km=[1.0, 1.2],
    )  # fmt: skip
    found = Corridor.from_segments(table).completeness(2500)
    assert found["kind"].tolist() == ["segment", "segment", "gap", "total"]
    assert found["difference_m"].iloc[:2].tolist() == [0.0, -200.0]
    assert found["difference_pct"].iloc[1] == pytest.approx(-16.67)
    assert found["drawn_m"].iloc[2] == 500
    assert found.iloc[3][["drawn_m", "published_m", "difference_m"]].tolist() == [2000, 2500, -500]
    # without a published total the segments' own sum stands for it
    assert Corridor.from_segments(table).completeness()["published_m"].iloc[-1] == 2200


def test_completeness_of_a_table_without_geometry():
    table = pd.DataFrame(
        {
            "branch": ["主线"] * 3,
            "name": list("甲乙丙"),
            "起点桩号": ["K0+000", "K12+000", "K19+500"],
            "终点桩号": ["K10+000", "K20+000", "K30+000"],
            "里程": [10.0, 8.0, 10.4],
        }
    )
    found = completeness_of_table(table, 30_000)
    assert found["kind"].tolist() == ["segment"] * 3 + ["unlisted", "overlap", "total"]
    assert found["difference_m"].iloc[2] == pytest.approx(100)
    assert found.iloc[3][["start", "end", "drawn_m"]].tolist() == ["K10+000", "K12+000", 2000]
    assert found.iloc[4][["start", "end", "drawn_m"]].tolist() == ["K19+500", "K20+000", 500]
    assert found.iloc[5][["drawn_m", "difference_m"]].tolist() == [28_400, -1600]
    with pytest.raises(DataError, match="公布长度"):
        completeness_of_table(table.drop(columns="里程"))


def test_a_branch_that_is_a_number_is_found_by_its_number():
    segments = gpd.GeoDataFrame(
        {"branch": [1]}, geometry=[shapely.LineString([(0, 0), (1000, 0)])], crs="EPSG:4547"
    )
    assert Corridor.from_segments(segments).point_at(400, branch=1) == shapely.Point(400, 0)
