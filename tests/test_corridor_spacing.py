"""Spacing of services along the corridor. Truth: walking the road as a graph, and counting."""

from __future__ import annotations

import itertools

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Point

from qianwan_gis.corridor import Corridor, report
from qianwan_gis.schemas import Inventory

CRS = "EPSG:4547"


def corridor(*rows, **options):
    """Rows of (branch, coordinates)."""
    names, lines = zip(*rows, strict=True)
    return Corridor.from_segments(
        gpd.GeoDataFrame({"branch": names}, geometry=[LineString(c) for c in lines], crs=CRS),
        **options,
    )


def posts(*xy, **columns):
    return gpd.GeoDataFrame(
        {"name": [f"站{i}" for i in range(len(xy))], **columns},
        geometry=[Point(p) for p in xy],
        crs=CRS,
    )


def no_posts():
    return gpd.GeoDataFrame({"name": pd.Series(dtype=str)}, geometry=[], crs=CRS)


FORKED = (
    ("主线", [(0, 0), (10_000, 0)]),
    ("支线一", [(4000, 0), (4000, 3000)]),
    ("支线二", [(10_000, 0), (10_000, -2000), (12_000, -2000)]),
)


def farthest(line, places):
    """The largest distance along the road from any place on it to a service (Dijkstra)."""
    step = 50.0
    graph = nx.Graph()

    def node(xy):
        return tuple(np.round(xy, 3).tolist())

    for part in line.parts:
        own = [part.along[-1]]
        for point in places:
            drawn = LineString(part.coords)
            if drawn.distance(point) < 1e-6:
                own.append(drawn.project(point))
        # where another branch meets this one there must be a node
        for other in line.parts:
            for tip in (other.coords[0], other.coords[-1]):
                if LineString(part.coords).distance(Point(tip)) < 1e-6:
                    own.append(LineString(part.coords).project(Point(tip)))
        cuts = sorted({*np.arange(0.0, part.length, step).tolist(), *own})
        for a, b in itertools.pairwise(cuts):
            graph.add_edge(node(part.place(a)), node(part.place(b)), weight=b - a)
    sources = {node((p.x, p.y)) for p in places}
    reach = nx.multi_source_dijkstra_path_length(graph, sources & set(graph))
    return max(reach[n] for n in graph)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(range(0, 18_000, 250)), max_size=5, unique=True),
    st.sampled_from([1500.0, 3000.0, 5000.0, 8000.0, 30_000.0]),
)
def test_what_is_proposed_leaves_no_place_further_than_half_the_limit(where, limit):
    line = corridor(*FORKED)

    def place(metres):
        for low, part in ((0, line.parts[0]), (10_000, line.parts[1]), (13_000, line.parts[2])):
            if metres <= low + part.length:
                return Point(part.place(metres - low))
        return Point(line.parts[2].coords[-1])

    own = [place(m) for m in where]
    table = report.spacing(
        line, posts(*((p.x, p.y) for p in own)) if own else no_posts(), standard_km=limit / 1000
    )
    added = [
        Point(part.place(m - part.travelled))
        for row in table.to_dict("records")
        for m in row["suggest_m"]
        for part in [next(p for p in line.parts if p.branch == row["branch"])]
    ]
    assert len(added) == table["missing"].sum()
    assert farthest(line, [*own, *added]) <= limit / 2 + 1.0
    if table["ok"].all():
        assert not added
        assert farthest(line, own) <= limit / 2 + 1.0


def test_a_branch_goes_on_over_its_junction():
    line = corridor(*FORKED)
    table = report.spacing(line, posts((3000, 0), (9000, 0)), standard_km=8.0)
    branch = table[table["branch"] == "支线一"].iloc[0]
    # 1 km from the post at K3 to the junction at K4, 3 km to the dead end
    assert branch["from_name"] == "站0"
    assert branch["spacing_km"] == 4.0
    assert branch["allowed_km"] == 4.0
    assert branch["ok"]
    assert branch["note"] == "经接点"
    far = table[table["branch"] == "支线二"].iloc[0]
    assert (far["spacing_km"], far["ok"], far["missing"]) == (5.0, False, 1)
    # evenly: a third of the way from the dead end, as the interval has one span and a half
    assert far["suggest"] == "K2+333"
    # nothing on the main line: the branch is judged by itself
    alone = report.spacing(line, posts((4000, 2500)), standard_km=8.0)
    assert alone[alone["branch"] == "支线一"]["from_name"].iloc[0] == "起点"


def test_the_right_side_only():
    line = corridor(("主线", [(0, 0), (10_000, 0)]))
    places = posts((2000, 30), (5000, -30), (8000, 0))
    either = report.spacing(line, places, standard_km=4.0)
    left = report.spacing(line, places, standard_km=4.0, side="左")
    right = report.spacing(line, places, standard_km=4.0, side="右")
    assert either["spacing_km"].tolist() == [2, 3, 3, 2]
    assert left["spacing_km"].tolist() == [2, 6, 2]  # the one on the line serves both sides
    assert right["spacing_km"].tolist() == [5, 3, 2]
    assert left["ok"].tolist() == [True, False, True]
    assert set(either["side"]) == {"两侧"}
    assert set(left["side"]) == {"左"}


def test_an_interruption_counts_as_long_as_it_is():
    rows = [("主线", [(0, 0), (3000, 0)]), ("主线", [(5000, 0), (8000, 0)])]
    places = posts((1000, 0), (7000, 0))
    straight = report.spacing(corridor(*rows), places, standard_km=4.0)
    middle = straight.iloc[1]
    assert middle["spacing_km"] == 6.0  # 2 drawn, 2 across, 2 drawn
    assert middle["note"] == "含未连通处"
    # evenly it would stand at 4 km, in the gap: its nearer edge
    assert middle["suggest_m"] == (3000.0,)
    table = gpd.GeoDataFrame(
        {"branch": "主线", "start": ["K0", "K7"], "end": ["K3", "K10"]},
        geometry=[LineString(c) for _, c in rows],
        crs=CRS,
    )
    stated = report.spacing(Corridor.from_segments(table), places, standard_km=4.0)
    assert stated["spacing_km"].tolist() == [1.0, 8.0, 1.0]  # the stakes say 4 km lie between


def test_broken_chainage_does_not_change_distances():
    table = gpd.GeoDataFrame(
        {"branch": "主线", "start": ["K0", "K3+500"], "end": ["K4", "K7+500"]},
        geometry=[LineString([(0, 0), (4000, 0)]), LineString([(4000, 0), (8000, 0)])],
        crs=CRS,
    )
    line = Corridor.from_segments(table)
    found = report.spacing(line, posts((3700, 0), (4200, 0)), standard_km=10.0)
    # K3+700 stands on both sides of the long equation; the two posts are 500 m apart
    assert found["spacing_km"].tolist() == [3.7, 0.5, 3.8]
    assert found["from_chainage"].tolist() == ["K0+000", "K3+700", "K3+700"]


def facilities(*rows):
    """Rows of (service, tier, x, y)."""
    return gpd.GeoDataFrame(
        {
            "service": [r[0] for r in rows],
            "tier": [r[1] for r in rows],
            "name": [f"{r[1]}{i}" for i, r in enumerate(rows)],
        },
        geometry=[Point(r[2:]) for r in rows],
        crs=CRS,
    )


def test_nothing_is_over_the_limit_by_an_incomplete_register():
    line = corridor(("主线", [(0, 0), (10_000, 0)]))
    places = facilities(("corridor", "post", 5000, 0), ("clinic", "village", 1000, 400))
    limits = dict.fromkeys(("post", "clinic", "toilet"), 2.0)
    known = {("corridor", "post"): Inventory.COMPLETE, ("clinic", "village"): Inventory.PARTIAL}
    found, intervals, sided = report.judged(line, places, limits, known, 500.0)
    verdicts = found.set_index("kind")["verdict"].to_dict()
    assert verdicts == {"post": "over", "clinic": "unknown", "toilet": "none"}
    row = found.set_index("kind").loc["post"]
    assert (row["on_road"], row["intervals"], row["over"]) == (1, 2, 2)
    assert (row["worst_km"], row["worst_allowed_km"]) == (5.0, 1.0)
    assert set(intervals["kind"]) == {"post", "clinic"}
    assert set(intervals.loc[intervals["kind"] == "clinic", "verdict"]) == {"ok", "unknown"}
    assert set(sided["side"]) == {"左", "右"}
    spots = report.proposed(line, intervals)
    assert len(spots) == intervals["missing"].sum()
    for spot in spots.itertuples():
        assert line.point_at(spot.chainage).distance(spot.geometry) <= 0.5  # stakes to the metre


def test_only_what_stands_on_the_road_counts(demo):
    """Services far off the road once counted for spacing: their offset limit was the villages'."""
    found = demo.corridor_tables["findings"].set_index("kind")
    line = demo.corridor.lines.geometry.union_all()
    limit = demo.standards.value("corridor.station.on_road_m")
    everything = demo.facilities[demo.facilities.geometry.notna()]
    for kind in report.KINDS:
        if found.loc[kind.key, "verdict"] == "none":
            continue
        pairs = pd.MultiIndex.from_frame(everything[["service", "tier"]])
        near = everything[pairs.isin(kind.counted)].distance(line) <= limit
        assert found.loc[kind.key, "on_road"] == near.sum(), kind.key


def test_words_for_readers_in_both_languages(demo):
    for lang, start, over in (("zh", "起点", "达标"), ("en", "start", "within the limit")):
        table = report.readable(demo.corridor_tables["spacing"], lang)
        assert start in set(table["from_name"])
        assert over in set(table["verdict"])
        assert "suggest_m" not in table
        for name in table.columns:
            assert name in report.COLUMN_TEXT, name
    stakes = report.readable(demo.corridor_tables["villages"], "zh")["chainage"]
    assert stakes.str.fullmatch(r"K\d+\+\d{3}").all()
