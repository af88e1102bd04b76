"""Event tables along a corridor. Truth: hand-made tables, linref's printed rules, conservation."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString

from qianwan_gis._errors import DataError, UsageError
from qianwan_gis.corridor import Corridor, events

CRS = "EPSG:4547"


@pytest.fixture
def broken():
    """1200 m, then a 长链 back to K1, 1000 m, a gap of 500 m, 800 m more; and a side road."""
    rows = gpd.GeoDataFrame(
        {
            "branch": ["主线", "主线", "主线", "支线一"],
            "start": ["K0", "K1", "K2+500", "K0"],
            "end": ["K1+200", "K2", "K3+300", "K0+400"],
        },
        geometry=[
            LineString([(0, 0), (1200, 0)]),
            LineString([(1200, 0), (2200, 0)]),
            LineString([(2700, 0), (3500, 0)]),
            LineString([(600, 0), (600, 400)]),
        ],
        crs=CRS,
    )
    return Corridor.from_segments(rows)


def table(*rows, **columns):
    frame = pd.DataFrame([r[:3] for r in rows], columns=["branch", "from_m", "to_m"])
    return frame.assign(**columns)


def length(frame):
    return float((frame["to_m"] - frame["from_m"]).sum())


def test_stakes_become_travelled_metres_and_back(broken):
    given_ = pd.DataFrame(
        {
            "start": ["K0+100", "K1+100", "K1+700", "K0+300"],
            "end": ["K0+500", "K1+500", "K2+700", "K0+100"],
            "start_occurrence": [None, 2, None, None],
            "branch": ["主线", None, "主线", "支线一"],
            "surface": list("abcd"),
        },
        index=list("wxyz"),
    )
    placed = events.events(broken, given_)
    assert placed.index.tolist() == list("wxyz")
    assert placed[["from_m", "to_m"]].to_numpy().tolist() == [
        [100, 500], [1300, 1700], [1900, 2400], [100, 300],
    ]  # fmt: skip
    shown = events.labelled(broken, placed)
    assert shown["start"].tolist() == ["K0+100", "K1+100", "K1+700", "K0+100"]
    assert shown["end"].tolist() == ["K0+500", "K1+500", "K2+700", "K0+300"]
    assert shown["length_m"].tolist() == [400, 400, 500, 200]
    np.testing.assert_allclose(shown.geometry.length, shown["length_m"])
    assert shown.geometry.geom_type.tolist() == [
        "LineString",
        "LineString",
        "MultiLineString",
        "LineString",
    ]
    # a stretch that starts at the equation bears the name ahead, one that ends there the name back
    joint = events.labelled(broken, table(("主线", 1000, 1200), ("主线", 1200, 1400)))
    assert joint[["start", "end"]].to_numpy().tolist() == [
        ["K1+000", "K1+200"],
        ["K1+000", "K1+200"],
    ]


def test_faults_of_an_event_table_are_told_together(broken):
    bad = pd.DataFrame({"start": ["K1+100", "K9", "x"], "end": ["K2", "K2", "K2"]})
    with pytest.raises(DataError) as caught:
        events.events(broken, bad, file="路面.csv")
    assert [(p.row, p.field) for p in caught.value.problems] == [
        (1, "start"),
        (2, "start"),
        (3, "start"),
    ]
    with pytest.raises(DataError, match="end"):
        events.events(broken, pd.DataFrame({"start": ["K1"]}))
    with pytest.raises(DataError, match="长度不为正"):
        events.dissolve(table(("主线", 5, 5)))
    with pytest.raises(DataError, match="to_m"):
        events.dissolve(pd.DataFrame({"branch": ["a"], "from_m": [1]}))


def test_overlay_cuts_and_keeps():
    surface = table(
        ("主线", 0, 100), ("主线", 100, 250), ("支线", 0, 40), kind=["沥青", "水泥", "土"]
    )
    width = table(("主线", 50, 150), ("主线", 300, 400), kind=[6.0, 7.0])
    inner = events.overlay(surface, width)
    assert inner.to_numpy().tolist() == [
        ["主线", 50, 100, "沥青", 6.0],
        ["主线", 100, 150, "水泥", 6.0],
    ]
    assert inner.columns.tolist() == ["branch", "from_m", "to_m", "kind", "kind_right"]
    left = events.overlay(surface, width, how="left")
    assert length(left) == length(surface)
    assert left["kind_right"].isna().sum() == 3
    outer = events.overlay(surface, width, how="outer")
    assert length(outer) == 290 + 100
    assert outer[outer["kind"].isna()][["from_m", "to_m"]].to_numpy().tolist() == [[300, 400]]
    with pytest.raises(UsageError, match="叠加方式"):
        events.overlay(surface, width, how="cross")


def test_dissolve_merges_what_touches_and_agrees():
    rows = table(
        ("主线", 100, 200), ("主线", 0, 100), ("主线", 250, 300), ("主线", 280, 320), ("支线", 0, 5),
        kind=["a", "a", "a", "b", "a"], cost=[1, 2, 4, 8, 16],
    )  # fmt: skip
    merged = events.dissolve(rows, "kind", total=["cost"])
    assert merged.to_numpy().tolist() == [
        ["主线", 0, 200, "a", 3], ["主线", 250, 300, "a", 4], ["主线", 280, 320, "b", 8],
        ["支线", 0, 5, "a", 16],
    ]  # fmt: skip
    assert events.dissolve(rows)[["from_m", "to_m"]].to_numpy().tolist() == [
        [0, 200],
        [250, 320],
        [0, 5],
    ]
    with pytest.raises(UsageError, match="没有字段"):
        events.dissolve(rows, "colour")


def test_resegment_shares_out_and_averages():
    rows = table(
        ("主线", 0, 150), ("主线", 150, 250), lanes=[2.0, 4.0], cost=[300.0, 100.0], kind=["a", "b"]
    )
    cut = events.resegment(
        rows, every=100, rules={"cost": "sum", "lanes": "mean", "kind": "longest"}
    )
    assert cut["to_m"].tolist() == [100, 200, 250]
    assert cut["cost"].tolist() == [200, 150, 50]
    assert cut["lanes"].tolist() == [2, 3, 4]
    assert cut["kind"].tolist() == ["a", "a", "b"]
    at = events.resegment(rows, cuts={"主线": [30.0]}, rules={"lanes": "max", "cost": "min"})
    assert at[["from_m", "to_m", "lanes"]].to_numpy().tolist() == [[0, 30, 2], [30, 250, 4]]
    for bad in ({}, {"every": 0}, {"every": 5, "cuts": {}}, {"every": 5, "rules": {"x": "sum"}}):
        with pytest.raises(UsageError):
            events.resegment(rows, **bad)


@st.composite
def plain_events(draw):
    """Stretches that do not overlap each other, on two branches."""
    rows = []
    for branch in ("主线", "支线"):
        at = draw(st.integers(0, 20))
        for _ in range(draw(st.integers(0, 6))):
            size = draw(st.integers(1, 60))
            rows.append((branch, float(at), float(at + size)))
            at += size + draw(st.sampled_from([0, 0, 7]))
    kinds = [draw(st.sampled_from("ab")) for _ in rows]
    return table(*rows, kind=kinds, weight=[draw(st.integers(1, 9)) * 1.0 for _ in rows])


@settings(max_examples=60, deadline=None)
@given(plain_events(), plain_events())
def test_lengths_are_conserved(one, two):
    for how in ("left", "outer"):
        both = events.overlay(one, two, how=how)
        assert length(both[both["kind"].notna()]) == pytest.approx(length(one))
    outer = events.overlay(one, two, how="outer")
    assert length(outer[outer["kind_right"].notna()]) == pytest.approx(length(two))
    inner = events.overlay(one, two)
    assert length(outer) == pytest.approx(length(one) + length(two) - length(inner))
    assert length(events.dissolve(one, "kind")) == pytest.approx(length(one))
    if len(one):
        cut = events.resegment(one, every=17.0, rules={"weight": "sum"})
        assert cut["covered_m"].sum() == pytest.approx(length(one))
        assert cut["weight"].sum() == pytest.approx(one["weight"].sum())


@settings(max_examples=60, deadline=None)
@given(plain_events(), plain_events(), st.randoms(use_true_random=False))
def test_row_order_does_not_matter(one, two, random):
    order = list(range(len(one)))
    random.shuffle(order)
    shuffled = one.iloc[order]
    keys = ["branch", "from_m", "to_m"]

    def sorted_(frame):
        return frame.sort_values(keys, kind="stable", ignore_index=True)

    pd.testing.assert_frame_equal(
        sorted_(events.overlay(one, two, how="outer")),
        sorted_(events.overlay(shuffled, two, how="outer")),
    )
    pd.testing.assert_frame_equal(
        sorted_(events.dissolve(one, "kind")), sorted_(events.dissolve(shuffled, "kind"))
    )


def test_linref_gives_the_same_merging_cutting_and_overlap():
    """Side by side with linref, where it is installed (it is no dependency)."""
    linref = pytest.importorskip("linref")
    rng = np.random.default_rng(11)

    def draw(count):
        edges = np.cumsum(rng.integers(1, 60, 2 * count)).astype(float)
        low, high = edges[0::2], edges[1::2]
        high[::3] = np.r_[low[1:], high[-1]][::3]  # every third touches the next
        return pd.DataFrame({"branch": "主线", "from_m": low, "to_m": high})

    def theirs(frame):
        return linref.EventsData(begs=frame["from_m"].to_numpy(), ends=frame["to_m"].to_numpy())

    one, two = draw(60), draw(45)
    merged = theirs(one).dissolve()
    ours = events.dissolve(one)
    np.testing.assert_allclose(ours["from_m"], merged.begs)
    np.testing.assert_allclose(ours["to_m"], merged.ends)
    share = theirs(one).overlay(theirs(two), normalize=False).todense()
    inner = events.overlay(one.assign(a=range(60)), two.assign(b=range(45)))
    table = np.zeros((60, 45))
    np.add.at(
        table, (inner["a"].astype(int), inner["b"].astype(int)), inner["to_m"] - inner["from_m"]
    )
    np.testing.assert_allclose(table, share)
    whole = pd.DataFrame({"branch": ["主线"], "from_m": [0.0], "to_m": [1234.0]})
    cut = theirs(whole).resegment(100)
    mine = events.resegment(whole, every=100)
    np.testing.assert_allclose(mine["from_m"], cut.begs)
    np.testing.assert_allclose(mine["to_m"], cut.ends)
