"""RoadNetwork against brute force, scipy and networkx."""

from __future__ import annotations

import itertools

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse.csgraph import dijkstra

from qianwan_gis._errors import DataError, UsageError
from qianwan_gis.network import RoadNetwork
from qianwan_gis.network.places import as_places
from qianwan_gis.network.queries import nearest_one

CRS = "EPSG:4547"
SETTINGS = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def make(nodes, edges, **options):
    return RoadNetwork.from_edges(
        pd.DataFrame(nodes, columns=["node", "x", "y"]), pd.DataFrame(edges), CRS, **options
    )


@st.composite
def graphs(draw, whole=True):
    """Small graphs with parallel edges, zero weights, self loops, one-ways, islands and chains."""
    n = draw(st.integers(1, 9))
    m = draw(st.integers(0, 16))
    number = st.integers(0, 6) if whole else st.floats(0, 10, allow_nan=False)
    rows = [
        {
            "u": draw(st.integers(0, n - 1)),
            "v": draw(st.integers(0, n - 1)),
            "seconds": float(draw(number)),
            "metres": float(draw(st.integers(0, 50))),
            "oneway": draw(st.booleans()) and draw(st.booleans()),
        }
        for _ in range(m)
    ]
    return n, rows


def arcs(rows, places=()):
    """Directed graph of the edges, split at the places (edge, fraction) on them."""
    g = nx.MultiDiGraph()
    on = {}
    for i, (edge, fraction) in enumerate(places):
        on.setdefault(edge, []).append((fraction, i))
    for e, row in enumerate(rows):
        stops = [
            (0.0, row["u"]),
            *((f, ("p", i)) for f, i in sorted(on.get(e, []))),
            (1.0, row["v"]),
        ]
        for (f0, a), (f1, b) in itertools.pairwise(stops):
            part = f1 - f0
            data = {"seconds": row["seconds"] * part, "metres": row["metres"] * part}
            g.add_edge(a, b, **data)
            if not row["oneway"] or (part == 0 and a != row["u"] and b != row["v"]):
                g.add_edge(b, a, **data)
    return g


def all_costs(g, nodes, weight):
    g.add_nodes_from(nodes)
    return {s: nx.single_source_dijkstra_path_length(g, s, weight=weight) for s in nodes}


def network(n, rows, *, positions=None):
    xy = positions if positions is not None else [(float(i % 3), float(i // 3)) for i in range(n)]
    table = (
        pd.DataFrame(rows)
        if rows
        else pd.DataFrame(columns=["u", "v", "seconds", "metres", "oneway"]).astype(
            {"u": int, "v": int, "seconds": float, "metres": float, "oneway": bool}
        )
    )
    return make([(i, *xy[i]) for i in range(n)], table)


@SETTINGS
@given(graphs(), st.sampled_from(["seconds", "metres"]), st.data())
def test_nearest_equals_brute_force(graph, by, data):
    n, rows = graph
    net = network(n, rows)
    facilities = data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=4))
    limit = data.draw(st.one_of(st.none(), st.integers(0, 12)))
    truth = all_costs(arcs(rows), range(n), by)
    for origins in (list(range(n)), [0]):  # both ways of reading the wave
        got = net.nearest(origins, facilities, limit=limit, by=by)
        assert list(got["origin"]) == origins
        assert (got["rank"] == 1).all()
        for o, f, cost in zip(got["origin"], got["facility"], got[by], strict=True):
            reach = [(truth[o].get(x, np.inf), i) for i, x in enumerate(facilities)]
            best, first = min(reach)
            if best == np.inf or (limit is not None and best > limit):
                assert np.isnan(cost)
                assert pd.isna(f)
            else:
                assert cost == best
                assert f == facilities[first]


@SETTINGS
@given(graphs(), st.integers(2, 4), st.data())
def test_k_nearest_equals_brute_force(graph, k, data):
    n, rows = graph
    net = network(n, rows)
    facilities = data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=5, unique=True))
    limit = data.draw(st.one_of(st.none(), st.integers(0, 12)))
    truth = all_costs(arcs(rows), range(n), "seconds")
    got = net.nearest(range(n), facilities, k=k, limit=limit)
    for o in range(n):
        want = sorted((truth[o][f], i) for i, f in enumerate(facilities) if f in truth[o])
        want = [w for w in want if limit is None or w[0] <= limit][:k]
        mine = got[got["origin"] == o]
        assert list(mine["rank"]) == list(range(1, len(want) + 1))
        assert list(mine["seconds"]) == [w[0] for w in want]
        assert list(mine["facility"]) == [facilities[w[1]] for w in want]


@SETTINGS
@given(graphs(whole=False), st.data())
def test_matrix_equals_brute_force_in_both_weights(graph, data):
    n, rows = graph
    net = network(n, rows)
    some = st.lists(st.integers(0, n - 1), min_size=1, max_size=6)
    origins, goals = data.draw(some), data.draw(some)
    g = arcs(rows)
    truth = all_costs(g, range(n), "seconds")
    reachable = sorted({truth[o][d] for o in origins for d in goals if d in truth[o]})
    # a limit that is met exactly by another program's sum must count
    limit = data.draw(st.sampled_from([None, *reachable]))
    got = net.od_matrix(origins, goals, limit=limit)
    want = [
        (o, d, truth[o][d])
        for o in origins
        for d in goals
        if d in truth[o] and (limit is None or truth[o][d] <= limit)
    ]
    near = [w for w in want if limit is None or abs(w[2] - limit) > 1e-9 * (limit + 1)]
    mine = list(zip(got["origin"], got["destination"], got["seconds"], strict=True))
    assert {m[:2] for m in mine} >= {w[:2] for w in want}
    assert [m[:2] for m in mine if limit is None or abs(m[2] - limit) > 1e-9 * (limit + 1)] == [
        w[:2] for w in near
    ]
    if limit is None:
        assert [m[2] for m in mine] == pytest.approx([w[2] for w in want], rel=1e-9)
    # the metres reported belong to a path of just these seconds
    for o, d, seconds in mine[:4]:
        metres = float(got[(got["origin"] == o) & (got["destination"] == d)]["metres"].iloc[0])
        lengths = []
        for path in nx.all_simple_edge_paths(g, o, d) if o != d else [[]]:
            t = sum(g.edges[e]["seconds"] for e in path)
            if t == pytest.approx(seconds, rel=1e-9, abs=1e-12):
                lengths.append(sum(g.edges[e]["metres"] for e in path))
            if len(lengths) > 50:
                break
        assert any(metres == pytest.approx(length) for length in lengths)


@SETTINGS
@given(graphs(), st.data())
def test_places_on_edges_equal_split_graph(graph, data):
    n, rows = graph
    rows = [r for r in rows if r["u"] != r["v"]]
    if not rows:
        return
    # nodes in general position, so that every snapped point has one nearest edge
    rng = np.random.default_rng(data.draw(st.integers(0, 50)))
    xy = rng.uniform(0, 1000, (n, 2))
    net = network(n, rows, positions=xy)
    count = data.draw(st.integers(2, 5))
    spots = [
        (data.draw(st.integers(0, len(rows) - 1)), data.draw(st.sampled_from([0.25, 0.5, 0.75])))
        for _ in range(count)
    ]
    points = gpd.GeoSeries(
        [shapely.Point(xy[rows[e]["u"]] * (1 - f) + xy[rows[e]["v"]] * f) for e, f in spots],
        crs=CRS,
        index=[f"p{i}" for i in range(count)],
    )
    placed = net.snap(points)
    assert (placed.metres < 1e-6).all()
    places = list(zip(placed.edge.tolist(), placed.fraction.tolist(), strict=True))
    if any(e < 0 for e, _ in places):
        return
    g = arcs(rows, places)
    names = [("p", i) for i in range(count)]
    truth = all_costs(g, names, "seconds")
    got = net.od_matrix(points, points, access=False).set_index(["origin", "destination"])
    for i in range(count):
        for j in range(count):
            want = truth[("p", i)].get(("p", j))
            if want is None:
                assert (f"p{i}", f"p{j}") not in got.index
            else:
                assert got.loc[(f"p{i}", f"p{j}"), "seconds"] == pytest.approx(want, abs=1e-9)
    one = net.nearest(points.iloc[1:], points.iloc[:1], access=False)
    two = net.nearest(points.iloc[1:], points.iloc[:1], k=2, access=False).set_index("origin")
    for i in range(1, count):
        want = truth[("p", i)].get(("p", 0))
        path = net.shortest_path(points.iloc[i : i + 1], points.iloc[:1], access=False)
        if want is None:
            assert np.isnan(one["seconds"].iloc[i - 1])
            assert f"p{i}" not in two.index
            assert path.geometry is None
        else:
            assert one["seconds"].iloc[i - 1] == pytest.approx(want, abs=1e-9)
            assert two.loc[f"p{i}", "seconds"] == pytest.approx(want, abs=1e-9)
            assert path.seconds == pytest.approx(want, abs=1e-9)
            line = path.geometry
            assert shapely.Point(line.coords[0]).distance(points.iloc[i]) < 1e-6
            assert shapely.Point(line.coords[-1]).distance(points.iloc[0]) < 1e-6


@SETTINGS
@given(graphs(), st.sampled_from(["to", "from"]), st.data())
def test_service_area_lengths_equal_brute_force(graph, direction, data):
    """Sample every edge densely: a spot is covered when its own cost is within the limit."""
    n, rows = graph
    net = network(n, rows, positions=np.random.default_rng(1).uniform(0, 100, (n, 2)))
    facility = data.draw(st.integers(0, n - 1))
    limit = float(data.draw(st.integers(0, 9)))
    area = net.service_area([facility], [limit], direction=direction, polygons=False).edges
    g = arcs(rows)
    g.add_nodes_from(range(n))
    if direction == "to":
        g = g.reverse()
    cost = nx.single_source_dijkstra_path_length(g, facility, weight="seconds")
    samples = (np.arange(40) + 0.5) / 40
    for e, row in enumerate(rows):
        du, dv = cost.get(row["u"], np.inf), cost.get(row["v"], np.inf)
        # travelling to the facility from inside the edge: back to u needs a two-way edge
        if direction == "to":
            by_u = np.inf if row["oneway"] else du
            by_v = dv
        else:
            by_u = du
            by_v = np.inf if row["oneway"] else dv
        spots = np.minimum(by_u + samples * row["seconds"], by_v + (1 - samples) * row["seconds"])
        mine = area[area["edge"] == e]
        inside = np.zeros(40, bool)
        for low, high in zip(mine["from_fraction"], mine["to_fraction"], strict=True):
            assert 0 <= low < high <= 1
            inside |= (samples >= low - 1e-9) & (samples <= high + 1e-9)
        assert (inside == (spots <= limit + 1e-9)).all()


def grid(k=25, seed=0):
    """A larger network with chains, one-ways and float weights."""
    rng = np.random.default_rng(seed)
    g = nx.grid_2d_graph(k, k)
    g.remove_edges_from([e for e in g.edges if rng.random() < 0.35])
    number = {node: i for i, node in enumerate(g.nodes)}
    nodes = pd.DataFrame(
        {
            "node": [f"n{i}" for i in range(len(number))],
            "x": [a[0] * 100 + rng.uniform(-30, 30) for a in number],
            "y": [a[1] * 100 + rng.uniform(-30, 30) for a in number],
        }
    )
    pairs = np.array([(number[a], number[b]) for a, b in g.edges])
    edges = pd.DataFrame(
        {
            "u": nodes["node"].to_numpy()[pairs[:, 0]],
            "v": nodes["node"].to_numpy()[pairs[:, 1]],
            "seconds": rng.uniform(5, 60, len(pairs)),
            "metres": rng.uniform(80, 200, len(pairs)),
            "oneway": rng.random(len(pairs)) < 0.1,
        }
    )
    return nodes, edges, pairs


def test_grid_equals_scipy():
    nodes, edges, pairs = grid()
    net = RoadNetwork.from_edges(nodes, edges, CRS)
    two = ~edges["oneway"].to_numpy()
    row = np.r_[pairs[:, 0], pairs[two, 1]]
    column = np.r_[pairs[:, 1], pairs[two, 0]]
    weight = np.r_[edges["seconds"], edges["seconds"][two]]
    csr = sparse.csr_matrix((weight, (row, column)), shape=(len(nodes),) * 2)
    truth = dijkstra(csr)
    rng = np.random.default_rng(3)
    places = rng.choice(len(nodes), 40, replace=False)
    ids = nodes["node"].to_numpy()
    got = net.nearest(ids, ids[places])
    want = truth[:, places].min(axis=1)
    assert np.allclose(got["seconds"].fillna(np.inf), want, rtol=1e-12)
    reached = np.isfinite(want)
    assert (got["facility"][reached] == ids[places[truth[:, places].argmin(axis=1)]][reached]).all()
    top = np.sort(truth[:, places], axis=1)[:, :5]
    five = net.nearest(ids, ids[places], k=5)
    assert np.allclose(five["seconds"], top[np.isfinite(top)], rtol=1e-12)
    many = net.od_matrix(ids[:100], ids[places], limit=600.0)
    inside = truth[:100][:, places] <= 600.0
    assert len(many) == inside.sum()
    assert np.allclose(many["seconds"], truth[:100][:, places][inside], rtol=1e-12)
    few = net.od_matrix(ids[places], ids[:100], limit=600.0)
    inside = truth[places][:, :100] <= 600.0
    assert np.allclose(few["seconds"], truth[places][:, :100][inside], rtol=1e-12)
    for o, d in rng.choice(len(nodes), (60, 2)):
        path = net.shortest_path(ids[o], ids[d])
        if np.isinf(truth[o, d]):
            assert path.geometry is None
        else:
            assert path.seconds == pytest.approx(truth[o, d], rel=1e-12)
            used = np.where(path.edges >= 0, path.edges, -path.edges - 1)
            assert path.metres == pytest.approx(edges["metres"].to_numpy()[used].sum())
            assert not edges["oneway"].to_numpy()[used[path.edges < 0]].any()


def test_paths_to_the_nearest_are_shortest_paths():
    nodes, edges, _ = grid(14, 6)
    net = RoadNetwork.from_edges(nodes, edges, CRS)
    points = gpd.GeoSeries.from_xy(*np.random.default_rng(2).uniform(0, 1300, (2, 60)), crs=CRS)
    goals = points.iloc[:4].set_axis(list("abcd"))
    for by in ("seconds", "metres"):
        table = net.nearest(points, goals, by=by)
        drawn = net.nearest_paths(points, goals, by=by)
        pd.testing.assert_frame_equal(
            pd.DataFrame(drawn.drop(columns="geometry")), table.drop(columns="rank")
        )
        placed = net.snap(points)
        for i, row in enumerate(drawn.itertuples()):
            if pd.isna(row.facility):
                assert row.geometry is None
                continue
            path = net.shortest_path(points.iloc[i : i + 1], goals[[row.facility]], by=by)
            assert path.seconds == pytest.approx(row.seconds)
            assert path.metres == pytest.approx(row.metres)
            assert row.geometry.equals_exact(path.geometry, 1e-6)
            assert row.geometry.coords[0] == pytest.approx((placed.x[i], placed.y[i]))
    # equal limits on both sides: exactly the reached ones keep a line
    near = net.nearest_paths(points, goals, limit=60.0)
    assert (near.geometry.isna() == near["facility"].isna()).all()
    assert 0 < near["facility"].notna().sum() < len(points)


def test_service_areas_merged_ringed_and_drawn():
    nodes, edges, _ = grid(12, 3)
    net = RoadNetwork.from_edges(nodes, edges, CRS)
    ids = nodes["node"].to_numpy()[[5, 60, 100]]
    each = net.service_area(ids, [60, 180], buffer_m=20.0)
    assert set(each.edges["facility"]) == set(ids)

    def length(table, limit):
        spans = {}
        for row in table[table["limit"] == limit].itertuples():
            spans.setdefault(row.edge, []).append((row.from_fraction, row.to_fraction))
        total = 0.0
        for edge, parts in spans.items():
            marks = np.zeros(1000, bool)
            for low, high in parts:
                marks[round(low * 1000) : round(high * 1000)] = True
            total += marks.mean() * net.metres[edge]
        return total

    merged = net.service_area(ids, [60, 180], merge=True, polygons=False).edges
    rings = net.service_area(ids, [60, 180], rings=True, buffer_m=20.0)
    for limit in (60.0, 180.0):
        assert length(merged, limit) == pytest.approx(length(each.edges, limit), rel=0.01)
        rows = merged[merged["limit"] == limit]
        assert rows["metres"].sum() == pytest.approx(length(merged, limit), rel=0.01)
        assert not rows.duplicated(["edge", "from_fraction"]).any()
    for name in ids:
        a = each.edges[each.edges["facility"] == name]
        b = rings.edges[rings.edges["facility"] == name]
        outer = a.loc[a["limit"] == 180, "metres"].sum()
        assert b["metres"].sum() == pytest.approx(outer)
        polygon = each.polygons.set_index(["facility", "limit"]).geometry
        small, large = polygon[name, 60.0], polygon[name, 180.0]
        assert large.buffer(1e-6).covers(small)
        for part in a[a["limit"] == 60].geometry:
            assert small.buffer(1e-6).covers(part)
            assert part.distance(small.boundary) > 19  # the stated buffer, round joins apart
        ring = rings.polygons.set_index(["facility", "limit"]).geometry[name, 180.0]
        assert ring.intersection(small).area < 1e-6
        assert ring.area + small.area == pytest.approx(large.area, rel=1e-4)
    assert (each.polygons["buffer_m"] == 20.0).all()
    for bad in ({"limits": []}, {"limits": [-1]}, {"limits": [1], "direction": "up"}):
        with pytest.raises(UsageError):
            net.service_area(ids, **bad)


def test_same_answer_for_any_number_of_threads():
    nodes, edges, _ = grid(30, 5)
    net = RoadNetwork.from_edges(nodes, edges, CRS)
    ids = nodes["node"].to_numpy()
    for ask in (
        lambda t: net.nearest(ids, ids[::9], k=3, threads=t),
        lambda t: net.od_matrix(ids[::2], ids[::7], limit=500, threads=t),
        lambda t: net.service_area(ids[::40], [200, 400], threads=t, polygons=False).edges,
    ):
        one, four = ask(1), ask(4)
        pd.testing.assert_frame_equal(pd.DataFrame(one), pd.DataFrame(four), check_exact=True)


def test_snapping_equals_shapely():
    rng = np.random.default_rng(0)
    nodes, edges, pairs = grid(12, 2)
    xy = nodes[["x", "y"]].to_numpy()
    lines = [
        shapely.LineString([xy[a], (xy[a] + xy[b]) / 2 + rng.uniform(-25, 25, 2), xy[b]])
        for a, b in pairs
    ]
    net = RoadNetwork.from_edges(nodes, edges.assign(geometry=lines), CRS)
    points = gpd.GeoSeries.from_xy(*rng.uniform(-300, 1500, (2, 500)), crs=CRS)
    placed = net.snap(points)
    distance = shapely.distance(np.array(lines)[:, None], np.asarray(points)[None, :])
    assert np.allclose(placed.metres, distance.min(axis=0), atol=1e-9)
    there = shapely.points(placed.x, placed.y)
    assert np.allclose(shapely.distance(there, np.asarray(points)), placed.metres, atol=1e-6)
    inside = placed.edge >= 0
    along = shapely.line_interpolate_point(
        np.array(lines)[placed.edge[inside]], placed.fraction[inside], normalized=True
    )
    assert shapely.distance(along, there[inside]).max() < 1e-6
    ends = placed.node >= 0
    assert ends.any()
    assert np.allclose(xy[placed.node[ends], 0], placed.x[ends])
    assert np.isnan(net.snap(gpd.GeoSeries.from_xy([0.0], [9e6], crs=CRS), farthest=50).metres[0])


def test_access_leg_counts_and_missing_points_are_kept():
    net = make(
        [("a", 0.0, 0.0), ("b", 1000.0, 0.0)],
        {"u": ["a"], "v": ["b"], "seconds": [100.0], "metres": [1000.0]},
        access_kph=3.6,
    )
    villages = gpd.GeoSeries(
        [shapely.Point(250, 30), None, shapely.Point()], index=["v1", "v2", "v3"], crs=CRS
    )
    clinic = gpd.GeoDataFrame(geometry=[shapely.Point(750, -20)], index=["c"], crs=CRS)
    got = net.nearest(villages, clinic)
    assert list(got["origin"]) == ["v1", "v2", "v3"]
    assert got["seconds"][0] == pytest.approx(50 + 30 + 20)
    assert got["metres"][0] == pytest.approx(500 + 30 + 20)
    assert got[["facility", "seconds", "metres"]].iloc[1:].isna().all().all()
    assert net.nearest(villages, clinic, limit=100.0)["facility"][0] == "c"
    assert pd.isna(net.nearest(villages, clinic, limit=99.9)["facility"][0])
    bare = net.nearest(villages, clinic, access=False)
    assert bare["seconds"][0] == pytest.approx(50)
    degrees = villages.to_crs(4326)
    assert net.nearest(degrees, clinic)["metres"][0] == pytest.approx(550, abs=0.01)
    carried = net.nearest(villages, clinic, carry={"hills": [8.0]})
    assert carried["hills"][0] == pytest.approx(4.0)
    assert np.isnan(carried["hills"][1])


def test_scenarios_share_the_topology():
    nodes, edges, _ = grid(15, 8)
    net = RoadNetwork.from_edges(nodes, edges, CRS)
    ids = nodes["node"].to_numpy()
    rng = np.random.default_rng(1)
    closed = rng.random(len(edges)) < 0.15
    other = net.with_weights(edges["seconds"] * 2, closed=closed)
    assert other.topology is net.topology
    fresh = RoadNetwork.from_edges(nodes, edges[~closed].assign(seconds=edges["seconds"] * 2), CRS)
    got, want = other.nearest(ids, ids[:9]), fresh.nearest(ids, ids[:9])
    pd.testing.assert_frame_equal(got, want)
    again = net.nearest(ids, ids[:9])
    assert (again["seconds"].fillna(np.inf) <= got["seconds"].fillna(np.inf) + 1e-9).all()
    inner = other.service_area(ids[:3], [120], polygons=False).edges
    assert not closed[inner["edge"]].any()


def test_scenario_village_by_village():
    net = make(
        [(i, 100.0 * i, 0.0) for i in range(6)],
        {
            "u": [0, 1, 2, 0, 4], "v": [1, 2, 3, 3, 5],
            "seconds": [10.0, 10.0, 10.0, 25.0, 1.0], "metres": 100.0,
        },
    )  # fmt: skip
    flood = net.with_weights(closed=[False, True, False, False, False])
    table = net.compare(flood, range(6), [0]).set_index("origin")
    assert table["verdict"].to_dict() == {
        0: "same", 1: "same", 2: "worse", 3: "same", 4: "none", 5: "none",
    }  # fmt: skip
    assert table["change"][2] == 15.0
    back = flood.compare(net, range(6), [0], limit=20.0).set_index("origin")
    assert back["verdict"][2] == "gained"
    assert net.compare(flood, [2], [0], limit=20.0)["verdict"].tolist() == ["lost"]
    assert flood.compare(net, [2], [0])["verdict"].tolist() == ["better"]


def test_bad_tables_name_every_fault():
    nodes = pd.DataFrame({"node": ["a", "b", "b"], "x": [0, 1, np.nan], "y": 0.0})
    with pytest.raises(DataError, match="重复"):
        RoadNetwork.from_edges(
            nodes, pd.DataFrame({"u": [], "v": [], "seconds": [], "metres": []}), CRS
        )
    nodes = pd.DataFrame({"node": ["a", "b"], "x": [0.0, 1.0], "y": 0.0})
    edges = pd.DataFrame(
        {"u": ["a", "a", "a"], "v": ["b", "z", "b"], "seconds": [-1, 1, np.nan], "metres": 1.0}
    )
    with pytest.raises(DataError) as caught:
        RoadNetwork.from_edges(nodes, edges, CRS)
    assert {(p.code, p.row) for p in caught.value.problems} == {
        ("negative_weight", 1),
        ("unknown_node", 2),
        ("not_a_number", 3),
    }
    with pytest.raises(DataError, match="缺少字段"):
        RoadNetwork.from_edges(nodes, edges.drop(columns="metres"), CRS)
    net = make([("a", 0.0, 0.0), ("b", 1.0, 0.0)],
               {"u": ["a"], "v": ["b"], "seconds": [1.0], "metres": [1.0]})  # fmt: skip
    with pytest.raises(UsageError, match="zz"):
        net.nearest(["zz"], ["a"])
    with pytest.raises(UsageError):
        net.nearest(["a"], ["a"], by="hours")
    with pytest.raises(UsageError):
        net.nearest(["a"], ["a"], mode="plane")
    with pytest.raises(DataError, match="坐标系"):
        net.nearest(gpd.GeoSeries.from_xy([0], [0]), ["a"])
    with pytest.raises(DataError, match="LineString"):
        net.snap(gpd.GeoSeries([shapely.LineString([(0, 0), (1, 1)])], crs=CRS))


def test_components_and_dead_ends():
    net = make(
        [(i, float(i), 0.0) for i in range(6)],
        {"u": [0, 1, 3], "v": [1, 2, 4], "seconds": 1.0, "metres": 10.0},
    )
    table = net.components()
    assert list(table["nodes"]) == [3, 2, 1]
    assert list(table["metres"]) == [20.0, 10.0, 0.0]
    assert list(net.dead_ends()) == [0, 2, 3, 4]
    label = net.component(net.snap(gpd.GeoSeries.from_xy([0.5, 3.5], [1, 1], crs=CRS)))
    assert label[0] != label[1]


def test_progress_and_cancellation():
    nodes, edges, _ = grid(15, 1)
    net = RoadNetwork.from_edges(nodes, edges, CRS)
    ids = nodes["node"].to_numpy()
    seen = []
    net.od_matrix(ids, ids, progress=lambda done, total: seen.append((done, total)), threads=2)
    assert seen[-1] == (len(ids), len(ids))
    assert [s[0] for s in seen] == sorted(s[0] for s in seen)

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        net.od_matrix(ids, ids, progress=stop, threads=2)


def test_the_nearest_in_arrays_is_the_nearest_in_the_table():
    net = make(
        [("a", 0, 0), ("b", 100, 0), ("c", 200, 0), ("d", 9000, 9000)],
        [
            {"u": "a", "v": "b", "seconds": 10.0, "metres": 100.0},
            {"u": "b", "v": "c", "seconds": 20.0, "metres": 100.0},
        ],
    )
    asked = as_places(net, ["a", "c", "d"], mode=None)
    goals = as_places(net, ["c", "b"], mode=None)
    starts = (asked, net.snap(points_at(asked)))
    for (by, limit), kind in itertools.product((("seconds", 25), ("metres", 120)), starts):
        table = net.nearest(kind, goals, by=by, limit=limit)
        found = nearest_one(net, kind, goals, limit, by, net.modes[0])
        for name in ("seconds", "metres"):
            own = getattr(found, name)
            assert np.where(np.isinf(own), np.nan, own) == pytest.approx(table[name], nan_ok=True)
        there = table["facility"].notna().to_numpy()
        assert there.tolist() == [True, True, False]
        assert [["c", "b"][i] for i in found.facility[there]] == list(table["facility"][there])
        assert (found.facility[~there] == -1).all()


def points_at(places):
    return gpd.GeoSeries(shapely.points(places.x, places.y + 3.0), crs=CRS)
