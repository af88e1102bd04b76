"""Doubts about chainage and corridor: broken chainage between stakes, rings, edges of the limits."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiPoint, Point

from qianwan_gis import Chainage, Corridor, DataError, UsageError
from qianwan_gis.corridor import report
from qianwan_gis.corridor.events import resegment

CRS = "EPSG:4547"


def table(*lines, **columns):
    columns.setdefault("branch", ["主线"] * len(lines))
    return gpd.GeoDataFrame(columns, geometry=[LineString(xy) for xy in lines], crs=CRS)


def points(*places):
    return gpd.GeoSeries([Point(place) for place in places], crs=CRS)


def equations(*pairs, **columns):
    return pd.DataFrame({"back": [b for b, _ in pairs], "ahead": [a for _, a in pairs], **columns})


# ---- broken chainage ---------------------------------------------------------------------


def test_an_equation_between_two_stated_stakes_leaves_both_what_they_are():
    """K0 to K10 with 150 m of 长链 in it is drawn 10,150 m long, and each metre stays a metre."""
    rows = table(
        [(0, 0), (10150, 0)], [(10150, 0), (12150, 0)], start=["K0", "K10"], end=["K10", "K12"]
    )
    made = Corridor.from_segments(rows, equations=equations(("K5+000", "K4+850")))
    assert made.table["stretch"].tolist() == [1.0, 1.0, 1.0]
    assert [str(c) for c in made.table["start"]] == ["K0+000", "K4+850", "K10+000"]
    assert made.point_at("K11").equals(Point(11150, 0))
    assert [str(c) for c in made.locate(points((5000, 1), (5010, 1), (12150, 1)))["chainage"]] == [
        "K5+000", "K4+860", "K12+000",
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(100, 900), st.integers(-90, 200)), min_size=1, max_size=4),
    st.integers(100, 900),
    st.booleans(),
)
def test_between_equations_a_metre_is_a_metre(spans, tail, stated):
    """A road of true length whose stakes jump after each span, with its last stake stated or not."""
    pairs, metres, chainage, at = [], 0.0, 0.0, []
    for length, jump in spans:
        metres, chainage = metres + length, chainage + length
        if jump:
            pairs.append((chainage, chainage + jump))
            chainage += jump
        at.append((metres, chainage))
    end = chainage + tail
    rows = table([(0, 0), (metres + tail, 0)], **({"start": [0.0], "end": [end]} if stated else {}))
    made = Corridor.from_segments(rows, equations=equations(*pairs))
    found = made.locate(points(*[(m + 1.0, 0) for m, _ in at]))
    assert found["chainage_m"].tolist() == pytest.approx([c + 1.0 for _, c in at])
    assert made.table["end_m"].iloc[-1] == pytest.approx(end)
    assert made.table["stretch"].to_numpy() == pytest.approx(1.0)


def test_the_order_of_the_equations_is_no_matter():
    pairs = [("K2", "K1+900"), ("K5", "K4+850")]
    one, two = (
        Corridor.from_segments(table([(0, 0), (9000, 0)]), equations=equations(*given_))
        for given_ in (pairs, pairs[::-1])
    )
    assert one.table["end_m"].tolist() == two.table["end_m"].tolist() == [2000, 5000, 8750]


def test_an_equation_that_contradicts_a_stated_stake_is_told():
    rows = table([(0, 0), (1000, 0)], [(1000, 0), (2000, 0)], start=["K0", "K1"], end=["K1", "K2"])
    for pair in (("K0+500", "K1+200"), ("K1", "K1+500")):
        with pytest.raises(DataError, match=r"已写明的桩号 K1\+000 矛盾"):
            Corridor.from_segments(rows, equations=equations(pair))
    named = equations(("K0+500", "K0+400"), branch=[None])  # no branch: the main line
    assert Corridor.from_segments(rows, equations=named).equations["metres"].tolist() == [100.0]


# ---- segments ----------------------------------------------------------------------------


def test_rows_of_one_label_stay_two_rows():
    """Two files put together keep their row labels."""
    one = table([(0, 0), (1000, 0)], start=["K0"], end=["K1"], length_m=[1000])
    two = table([(1000, 0), (3000, 0)], start=["K1"], end=["K3"], length_m=[2000])
    made = Corridor.from_segments(pd.concat([one, two]))
    assert made.table["stretch"].tolist() == [1.0, 1.0]
    assert made.completeness()["drawn_m"].tolist() == [1000.0, 2000.0, 3000.0]


def test_a_layer_without_any_line_is_told_as_such():
    for rows, what in ((table().set_crs(4326, allow_override=True), "空的"),
                       (gpd.GeoDataFrame({"branch": ["主线"]}, geometry=[None], crs=4326), "没有线形")):  # fmt: skip
        with pytest.raises(DataError, match=what):
            Corridor.from_segments(rows)


def test_a_crs_whose_metres_are_none_is_told():
    web = table([(12500000, 4200000), (12501000, 4200000)]).set_crs(3857, allow_override=True)
    assert [p.code for p in Corridor.from_segments(web).problems] == ["stretched_crs"]
    zone = table([(400000, 3900000), (401000, 3900000)])
    assert Corridor.from_segments(zone).problems == ()


# ---- locating ----------------------------------------------------------------------------


@settings(deadline=None)
@given(st.floats(0, 6.3), st.integers(1, 5000), st.sampled_from([-1.0, 1.0]))
def test_limits_are_inclusive_on_slanting_lines_too(turn, width, side):
    along = np.array([np.cos(turn), np.sin(turn)])
    across = side * np.array([-along[1], along[0]])
    start = np.array([412345.6, 3912345.6])
    line = Corridor.from_segments(table([start, start + 3000 * along]))
    place = points(start + 1500 * along + width * across)
    found = line.locate(place, within=width)
    assert found["branch"].tolist() == ["主线"]
    assert found["chainage_m"].iloc[0] == pytest.approx(1500)
    villages = gpd.GeoDataFrame({"code": ["a"]}, geometry=place)
    assert line.table_for(villages, widths_m=(width, 9000))["within_m"].tolist() == [width]
    assert report.served(line, villages, widths_m=(width, 9000))["within_m"].tolist() == [width]
    villages["population"] = 1.0
    assert report.people(line.zones([width]), villages, by="width_m")["villages"].tolist() == [1]


@settings(deadline=None)
@given(st.lists(st.floats(0.2, 1.0), min_size=3, max_size=8), st.booleans(), st.integers(0, 7))
def test_a_ring_has_its_inside_on_one_hand(radii, turned, start):
    """Round a ring every place outside lies on one side, at the seam as well."""
    angle = 2 * np.pi * np.arange(len(radii)) / len(radii)
    ring = 1000 * np.c_[np.cos(angle), np.sin(angle)] * np.array(radii)[:, None]
    ring = np.roll(ring, start, axis=0)
    ring = np.r_[ring, ring[:1]][:: -1 if turned else 1]
    area = shapely.Polygon(ring)
    if not (area.is_valid and area.area > 1000):
        return
    line = Corridor.from_segments(table(ring))
    grid = [(x, y) for x in range(-1300, 1301, 130) for y in range(-1300, 1301, 130)]
    # places round the seam in particular
    grid += [tuple(ring[0] + 7 * np.array([np.cos(t), np.sin(t)])) for t in np.arange(0, 6.3, 0.3)]
    places = points(*grid)
    inside = places.within(area).to_numpy()
    found = line.locate(places)
    clear = (places.distance(area.exterior) > 1e-6).to_numpy()
    wanted = np.where(inside == area.exterior.is_ccw, "左", "右")
    assert (found["side"].to_numpy()[clear] == wanted[clear]).all()
    assert (found["beyond_m"] == 0).all()


def test_places_that_are_no_numbers_are_left_empty():
    line = Corridor.from_segments(table([(0, 0), (1000, 0)]))
    found = line.locate(points((np.nan, np.nan), (500, 10), (np.inf, 0)))
    assert found["chainage_m"].isna().tolist() == [True, False, True]


def test_stakes_that_are_no_points_are_told():
    line = Corridor.from_segments(table([(0, 0), (3000, 0)]))
    for geometry, crs, code in (
        (Point(10, 0), None, "no_crs"),
        (MultiPoint([(10, 0)]), CRS, "wrong_geometry"),
        (Point(np.nan, np.nan), CRS, "wrong_geometry"),
    ):
        with pytest.raises(DataError) as caught:
            line.calibrate(gpd.GeoDataFrame({"chainage": ["K1"]}, geometry=[geometry], crs=crs))
        assert [p.code for p in caught.value.problems] == [code]


# ---- numbers -----------------------------------------------------------------------------


def test_numbers_of_numpy_are_numbers():
    stake = Chainage.parse("ZK1+000")
    for more in (np.int64(5), np.float32(5), 5):
        assert str(stake + more) == "ZK1+005"
        assert str(stake - more) == "ZK0+995"
        assert Chainage.parse(more).metres == 5
    with pytest.raises(UsageError):
        Chainage.parse(np.array([1, 2]))


def test_recutting_knows_its_rules_and_what_is_not_known():
    road = pd.DataFrame({"branch": ["a"], "from_m": [0.0], "to_m": [80.0], "x": [np.nan]})
    with pytest.raises(UsageError, match="median"):
        resegment(road, every=50, rules={"x": "median"})
    assert resegment(road, every=50, rules={"x": "longest"})["x"].isna().all()
