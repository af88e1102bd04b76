"""Service areas that do not overlap, and polygons: against brute force and each other."""

from __future__ import annotations

import itertools

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from qianwan_gis._errors import UsageError
from qianwan_gis.network import RoadNetwork

CRS = "EPSG:4547"
SPOTS = (np.arange(60) + 0.5) / 60


def make(xy, edges):
    node = pd.DataFrame({"node": range(len(xy)), "x": xy[:, 0], "y": xy[:, 1]})
    table = pd.DataFrame(edges, columns=["u", "v", "seconds", "metres", "oneway"])
    return RoadNetwork.from_edges(node, table, CRS)


@st.composite
def cases(draw):
    """A small road network with islands, one-ways, loops and zero weights, and facilities on it."""
    n = draw(st.integers(2, 8))
    edges = [
        (draw(st.integers(0, n - 1)), draw(st.integers(0, n - 1)),
         float(draw(st.integers(0, 6))), float(draw(st.integers(0, 50))), draw(st.booleans()))
        for _ in range(draw(st.integers(1, 14)))
    ]  # fmt: skip
    count = draw(st.integers(1, 4))
    on = [
        (draw(st.integers(0, len(edges) - 1)), draw(st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0])))
        for _ in range(count)
    ]
    return n, edges, on


def snapped(net, on):
    """Facilities at fractions of edges, without access legs."""
    from qianwan_gis.network import Snapped

    edge = np.array([e for e, _ in on], np.int32)
    share = np.array([f for _, f in on])
    node = np.where(share == 0, net.u[edge], np.where(share == 1, net.v[edge], -1)).astype(np.int32)
    edge = np.where(node >= 0, -1, edge).astype(np.int32)
    zero = np.zeros(len(on))
    return Snapped(pd.Index([f"F{i}" for i in range(len(on))]), node, edge, share, zero, zero, zero)


def spot_costs(n, edges, on, direction):
    """Cost of every spot of every edge to every facility, by networkx on the split edges."""
    g = nx.MultiDiGraph()
    g.add_nodes_from(range(n))
    wanted = {}
    for e, (u, v, seconds, _, oneway) in enumerate(edges):
        stops = [(0.0, 0, u), *((s, 1, ("s", e, k)) for k, s in enumerate(SPOTS))]
        stops += [(f, 2, ("f", i)) for i, (on_e, f) in enumerate(on) if on_e == e]
        stops = sorted([*stops, (1.0, 3, v)], key=lambda stop: (stop[0], stop[1]))
        for (f0, _, a), (f1, _, b) in itertools.pairwise(stops):
            g.add_edge(a, b, w=(f1 - f0) * seconds)
            if not oneway:
                g.add_edge(b, a, w=(f1 - f0) * seconds)
        wanted[e] = [("s", e, k) for k in range(len(SPOTS))]
    for i, (e, f) in enumerate(on):  # a facility at an end of an edge is at that node
        if f in (0.0, 1.0):
            end = edges[e][0] if f == 0.0 else edges[e][1]
            g.add_edge(("f", i), end, w=0.0)
            g.add_edge(end, ("f", i), w=0.0)
    if direction == "to":
        g = g.reverse()
    cost = [nx.single_source_dijkstra_path_length(g, ("f", i), weight="w") for i in range(len(on))]
    return {e: np.array([[c.get(s, np.inf) for s in spots] for c in cost])
            for e, spots in wanted.items()}  # fmt: skip


@settings(max_examples=150, deadline=None, derandomize=True)
@given(cases(), st.sampled_from(["to", "from"]), st.booleans())
def test_every_spot_belongs_to_its_nearest_facility(case, direction, rings):
    n, edges, on = case
    net = make(np.random.default_rng(2).uniform(0, 100, (n, 2)), edges)
    limits = [3.0, 8.0]
    found = net.service_area(
        snapped(net, on), limits, direction=direction, polygons=False, overlap=False, rings=rings
    ).edges
    assert (found["to_fraction"] > found["from_fraction"]).all()
    for e, costs in spot_costs(n, edges, on, direction).items():
        best = costs.min(axis=0)
        inner = 0.0
        for limit in limits:
            rows = found[(found["edge"] == e) & (found["limit"] == limit)]
            count = np.zeros(len(SPOTS), int)
            for row in rows.itertuples():
                here = (row.from_fraction - 1e-9 <= SPOTS) & (row.to_fraction + 1e-9 >= SPOTS)
                count += here
                mine = costs[int(row.facility[1:])][here]
                # nearest, up to rounding, wherever the part lies
                np.testing.assert_allclose(mine, best[here], rtol=1e-9, atol=1e-9)
            inside = best <= limit * (1 + 1e-9)
            if rings and inner:
                inside &= ~(best <= inner * (1 - 1e-9))
                edgewise = np.abs(best - inner) <= 1e-9
            else:
                edgewise = np.zeros(len(SPOTS), bool)
            edgewise |= np.abs(best - limit) <= 1e-9 * max(limit, 1)
            assert ((count == inside) | edgewise)[count < 2].all()
            # two parts meet in a spot only where the facilities cost the same
            twice = count > 1
            ranked = np.sort(costs, axis=0)
            if len(on) > 1:
                np.testing.assert_allclose(ranked[1][twice], ranked[0][twice], atol=1e-9)
            else:
                assert not twice.any() or rings
            inner = limit


def grid(k=14, seed=0, step=300.0):
    """A town of crooked streets with some missing and some one-way."""
    rng = np.random.default_rng(seed)
    xy = np.array([(x, y) for y in range(k) for x in range(k)], float) * step
    xy += rng.uniform(-90, 90, xy.shape)
    pairs = [(i, i + 1) for i in range(k * k) if (i + 1) % k] + [
        (i, i + k) for i in range(k * k - k)
    ]
    edges = []
    for u, v in pairs:
        if rng.random() < 0.8:
            metres = float(np.hypot(*(xy[u] - xy[v])))
            edges.append((u, v, metres / rng.uniform(5, 12), metres, rng.random() < 0.08))
    return make(xy, edges)


@pytest.mark.parametrize("rings", [False, True])
@pytest.mark.parametrize("buffer_m", [30.0, 200.0])
def test_polygons_without_overlap_hold_what_those_with_overlap_hold(rings, buffer_m):
    net = grid()
    sites = gpd.GeoSeries(
        gpd.points_from_xy([500, 2000, 3500, 1200, 3000], [600, 700, 900, 3300, 3000]), crs=CRS,
        index=list("abcde"),
    )  # fmt: skip
    limits = [60.0, 150.0, 400.0]
    plain = net.service_area(sites, limits, buffer_m=buffer_m)
    apart = net.service_area(sites, limits, buffer_m=buffer_m, overlap=False, rings=rings)
    assert apart.polygons.geometry.is_valid.all()
    assert (apart.polygons["buffer_m"] == buffer_m).all()
    for limit in limits:
        whole = shapely.union_all(plain.polygons.loc[plain.polygons["limit"] == limit, "geometry"])
        chosen = apart.polygons["limit"] <= limit if rings else apart.polygons["limit"] == limit
        parts = apart.polygons.loc[chosen, "geometry"].to_numpy()
        together = shapely.union_all(parts)
        assert shapely.symmetric_difference(whole, together).area <= 2e-3 * whole.area
        assert sum(shapely.area(parts)) == pytest.approx(together.area, rel=1e-9)
        a = plain.edges[plain.edges["limit"] == limit]
        b = apart.edges[apart.edges["limit"] <= limit if rings else apart.edges["limit"] == limit]
        covered = net.service_area(sites, [limit], merge=True, polygons=False).edges
        assert b["metres"].sum() == pytest.approx(covered["metres"].sum(), rel=1e-9)
        assert b["metres"].sum() <= a["metres"].sum() * (1 + 1e-9)
    assert b["metres"].sum() < 0.8 * a["metres"].sum()  # at the widest limit areas do overlap


def test_ground_goes_to_the_nearest_road():
    # Two parallel roads 100 m apart, each with its own clinic, not joined.
    xy = np.array([(0, 0), (1000, 0), (0, 100), (1000, 100)], float)
    net = make(xy, [(0, 1, 100.0, 1000.0, False), (2, 3, 100.0, 1000.0, False)])
    made = net.service_area([0, 2], [1000.0], buffer_m=80.0, overlap=False).polygons
    south, north = made.set_index("facility").geometry[[0, 2]]
    xs = np.linspace(0, 1000, 21)
    for y, shape, other in ((45, south, north), (55, north, south), (-79, south, north)):
        here = shapely.points(xs, np.full(21, float(y)))
        assert shapely.contains(shape, here).all()
        assert not shapely.intersects(other, here).any()


def test_exact_breakpoint_on_one_road():
    net = make(np.array([(0, 0), (1000, 0)], float), [(0, 1, 100.0, 1000.0, False)])
    made = net.service_area([1, 0], [30.0, 80.0], overlap=False, buffer_m=50.0)
    rows = made.edges[made.edges["limit"] == 80].set_index("facility")
    assert rows.loc[0, ["from_fraction", "to_fraction"]].tolist() == [0.0, 0.5]
    assert rows.loc[1, ["from_fraction", "to_fraction"]].tolist() == [0.5, 1.0]
    near = made.edges[made.edges["limit"] == 30].set_index("facility")
    assert near.loc[0, "to_fraction"] == pytest.approx(0.3)
    border = made.polygons[made.polygons["limit"] == 80].geometry.to_numpy()
    line = shapely.intersection(border[0].boundary, border[1].boundary)
    assert line.length == pytest.approx(100, abs=1)  # straight across the buffer
    assert shapely.bounds(line)[[0, 2]] == pytest.approx([500, 500], abs=3)


def test_holes_stay_holes_and_limits_met_exactly_leave_no_sliver():
    # a square block of 1 km: the ground inside is not served
    xy = np.array([(0, 0), (1000, 0), (1000, 1000), (0, 1000)], float)
    ring = [(i, (i + 1) % 4, 100.0, 1000.0, False) for i in range(4)]
    net = make(xy, ring)
    made = net.service_area([0, 2], [100.0], overlap=False, buffer_m=100.0)
    whole = shapely.union_all(made.polygons.geometry.to_numpy())
    assert len(whole.interiors) == 1
    assert shapely.Polygon(whole.interiors[0]).area == pytest.approx(800 * 800, rel=1e-3)
    assert (made.edges["to_fraction"] - made.edges["from_fraction"]).min() > 0.4
    exact = net.service_area([0], [100.0], overlap=False, polygons=False).edges
    assert sorted(exact["edge"]) == [0, 3]
    assert exact["metres"].sum() == 2000.0


def test_nothing_depends_on_the_order_of_facilities_but_their_names():
    net = grid(seed=3)
    xs, ys = [500, 2000, 3500, 1200], [600, 700, 900, 3300]
    sites = gpd.GeoSeries(gpd.points_from_xy(xs, ys), crs=CRS, index=list("abcd"))
    one = net.service_area(sites, [200.0], overlap=False)
    two = net.service_area(sites[::-1], [200.0], overlap=False)
    a, b = (
        found.edges.drop(columns="geometry").sort_values(
            ["edge", "from_fraction"], ignore_index=True
        )
        for found in (one, two)
    )
    pd.testing.assert_frame_equal(a, b)
    areas = [found.polygons.set_index("facility").area.sort_index() for found in (one, two)]
    np.testing.assert_allclose(areas[0], areas[1], rtol=1e-9)


def test_what_cannot_be_asked():
    net = grid(k=4)
    with pytest.raises(UsageError, match="overlap"):
        net.service_area([0], [10.0], merge=True, overlap=False)
    with pytest.raises(UsageError, match="buffer_m"):
        net.service_area([0], [10.0], buffer_m=0.0)
    none = net.service_area([], [10.0], overlap=False)
    assert none.edges.empty
    assert none.polygons.empty


def test_shared_parts_dissolved_once_give_the_same_polygons():
    net = grid(seed=5)
    sites = gpd.GeoSeries(
        gpd.points_from_xy([500, 2000, 3500, 1200], [600, 700, 900, 3300]), crs=CRS,
        index=list("abcd"),
    )  # fmt: skip
    made = net.service_area(sites, [100.0, 300.0], buffer_m=120.0)
    groups = made.edges.groupby(["facility", "limit"], sort=False)
    assert len(made.polygons) == groups.ngroups == 8
    for row in made.polygons.itertuples():
        lines = groups.get_group((row.facility, row.limit)).geometry.to_numpy()
        plain = shapely.union_all(shapely.buffer(lines, 120.0, quad_segs=4))
        assert shapely.symmetric_difference(plain, row.geometry).area < 1e-6 * plain.area
