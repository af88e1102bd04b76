"""Sewers inside a settlement: the tree, the depths (against brute force), tables and errors."""

from __future__ import annotations

import itertools

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely
from affine import Affine

import qianwan_gis as qg
from qianwan_gis._errors import DataError, UsageError
from qianwan_gis.services import _steiner as steiner
from qianwan_gis.services._sewage import depths
from qianwan_gis.services._sewage.costs import Prices
from qianwan_gis.services._sewage.hydraulics import Rules
from qianwan_gis.services.sewage import layout
from qianwan_gis.standards import Standards
from qianwan_gis.terrain import Terrain

CRS = "EPSG:4547"
X, Y = 500_000.0, 3_985_000.0
NORMS = Standards.load()
RULES = Rules.read(NORMS)
PRICES = Prices.read(NORMS, RULES)


def village(n=40, side=5, seed=0, step=60.0, waves=1.0):
    """Houses on a shaken street grid over rolling ground."""
    rng = np.random.default_rng(seed)
    grid = np.stack(
        np.meshgrid(X + np.arange(side) * step, Y + np.arange(side) * step, indexing="ij"), -1
    )
    grid = grid + rng.uniform(-12, 12, grid.shape)
    lines = [
        shapely.LineString([grid[i, j], grid[i + di, j + dj]])
        for i in range(side) for j in range(side) for di, dj in ((1, 0), (0, 1))
        if i + di < side and j + dj < side and (rng.random() < 0.9 or i == 0 or j == 0)
    ]  # fmt: skip
    spots = rng.uniform([X, Y], [X + (side - 1) * step, Y + (side - 1) * step], (n, 2))
    houses = gpd.GeoDataFrame(
        {"people": rng.integers(1, 6, n)}, geometry=gpd.points_from_xy(*spots.T), crs=CRS,
        index=[f"h{i}" for i in range(n)],
    )  # fmt: skip
    row, col = np.mgrid[0:120, 0:120]
    height = 800 + 0.1 * col - 0.05 * row + waves * (6 * np.sin(col / 9) + 5 * np.cos(row / 7))
    ground = Terrain.from_array(height, Affine(10, 0, X - 400, 0, -10, Y + 800), CRS)
    return houses, gpd.GeoDataFrame(geometry=lines, crs=CRS), ground, shapely.Point(X - 15, Y - 5)


@pytest.fixture(scope="module")
def made():
    return layout(*village())


def test_water_runs_down_one_tree_to_the_sink(made):
    tree = nx.DiGraph(list(zip(made.pipes["from"], made.pipes["to"], strict=True)))
    assert nx.is_directed_acyclic_graph(tree)
    assert max(d for _, d in tree.out_degree()) == 1
    sink = made.manholes.loc[made.manholes["kind"].eq("sink"), "manhole"].tolist()
    assert [n for n, d in tree.out_degree() if d == 0] == sink
    assert set(tree) == set(made.manholes["manhole"])
    for row in made.pipes.itertuples():
        here = made.manholes.set_index("manhole").geometry
        assert shapely.Point(row.geometry.coords[0]).distance(here[row[2]]) < 0.1
        assert shapely.Point(row.geometry.coords[-1]).distance(here[row.to]) < 0.1


def test_mass_balance_at_every_manhole(made):
    own = made.houses.groupby("manhole")["mean_m3d"].sum()
    came = made.pipes.groupby("to")["mean_m3d"].sum()
    out = made.pipes.set_index("from")["mean_m3d"]
    for name, q in out.items():
        assert q == pytest.approx(own.get(name, 0.0) + came.get(name, 0.0))
    people = village()[0]["people"].sum()
    litres = NORMS.value("sewage.use.flush_lpcd") * NORMS.value("sewage.flow.coefficient")
    sink = made.pipes["to"].iloc[-1]
    assert came[sink] + own.get(sink, 0.0) == pytest.approx(people * litres / 1000)


def test_norms_hold_on_every_pipe(made):
    p = made.pipes[made.pipes["kind"].eq("gravity")]
    assert len(p) > 20
    size = np.searchsorted(RULES.diameters * 1000, p["diameter_mm"])
    assert (p["slope"] >= RULES.min_slope[size] - 1e-9).all()
    cover = RULES.cover + p["diameter_mm"] / 1000
    assert (p["depth_up_m"] >= cover - 1e-9).all()
    assert (p["depth_down_m"] >= cover - 1e-9).all()
    assert (p[["depth_up_m", "depth_down_m"]] <= RULES.max_depth + 1e-9).all(axis=None)
    assert (p["fill"] <= RULES.max_fill[size] + 1e-9).all()
    assert (p["velocity_ms"] <= RULES.max_velocity + 1e-9).all()
    assert (p["length_m"] <= RULES.manhole_spacing + 1e-6).all()
    below = p.set_index("from")["diameter_mm"]
    for down, d in zip(p["to"], p["diameter_mm"], strict=True):
        assert d <= below.get(down, 10_000)
    # water leaves a manhole no higher than it came, unless it is lifted there
    lifts = set(made.pumps.loc[made.pumps["kind"].eq("lift"), "manhole"])
    leave = p.set_index("from")["invert_up_m"]
    for down, level in zip(p["to"], p["invert_down_m"], strict=True):
        if down in leave.index and down not in lifts:
            assert leave[down] <= level + 1e-9


def test_costs_add_up_to_what_was_optimised_and_to_the_bill(made):
    assert made.quantities["amount_yuan"].sum() == pytest.approx(made.cost["build_yuan"].sum())
    q = made.quantities
    assert q.loc[q["item"].isin(["重力管", "压力管"]), "quantity"].sum() == pytest.approx(
        made.length_m
    )
    assert q.loc[q["item"].eq("接户"), "quantity"].sum() == len(made.houses)


@pytest.mark.parametrize("seed", range(4))
def test_a_deeper_trench_never_costs_more(seed):
    given = village(30, 4, seed)
    costs = [
        layout(*given, standards=NORMS.replace({"sewage.gravity.max_depth_m": deep})).life_yuan
        for deep in (1.5, 1.93, 2.5, 3.3, 4.5, 6.0, 8.0)
    ]
    assert all(b <= a + 1e-6 for a, b in itertools.pairwise(costs)), costs
    assert costs[-1] < costs[0]


def test_every_house_is_joined_or_named_with_its_reason():
    houses, roads, ground, sink = village(20)
    roads = gpd.GeoDataFrame(
        geometry=[*roads.geometry, shapely.LineString([(X + 500, Y + 500), (X + 560, Y + 500)])],
        crs=CRS,
    )
    extra = gpd.GeoDataFrame(
        {"people": [3, 3, 0, 3]}, index=["far", "island", "empty", "lost"], crs=CRS,
        geometry=[shapely.Point(X + 400, Y - 200), shapely.Point(X + 530, Y + 505),
                  shapely.Point(X + 20, Y + 20), None],
    )  # fmt: skip
    import pandas as pd

    made = layout(pd.concat([houses, extra]), roads, ground, sink)
    assert made.unconnected["reason"].to_dict() == {
        "far": "no_street", "island": "other_part", "empty": "nobody", "lost": "no_position",
    }  # fmt: skip
    assert made.houses["connected"].sum() + len(made.unconnected) == 24
    assert any(p.code == "unconnected" for p in made.problems)


def test_a_house_below_the_street_gets_a_lifting_unit_or_a_deeper_sewer():
    line = gpd.GeoDataFrame(geometry=[shapely.LineString([(X, Y), (X + 120, Y)])], crs=CRS)
    house = gpd.GeoDataFrame(geometry=[shapely.Point(X + 100, Y + 30)], crs=CRS)
    col = np.mgrid[0:60, 0:60][1]
    row = np.mgrid[0:60, 0:60][0]
    north = (Y + 300) - 10 * (row + 0.5) - Y
    height = 800 + 0.02 * (10 * (col + 0.5) - 200) - 0.4 * np.clip(north, 0, 30)
    ground = Terrain.from_array(height, Affine(10, 0, X - 200, 0, -10, Y + 300), CRS)
    made = layout(house, line, ground, shapely.Point(X, Y))
    assert made.pumps["kind"].tolist() == ["house"]  # 12 m below the street: no sewer goes there


def test_the_same_input_gives_the_same_sewers_whatever_the_order_of_rows():
    houses, roads, ground, sink = village(30)
    a = layout(houses, roads, ground, sink)
    b = layout(houses, roads.sample(frac=1.0, random_state=1), ground, sink)
    assert a.length_m == pytest.approx(b.length_m, rel=0.01)
    c = layout(houses, roads, ground, sink)
    assert a.pipes.equals(c.pipes)


def test_profile_runs_from_the_head_to_the_sink(made, tmp_path):
    table = made.profile()
    assert table["chainage_m"].is_monotonic_increasing
    np.testing.assert_allclose(table["ground_m"] - table["invert_m"], table["depth_m"])
    assert table["node"].iloc[-1] == made.manholes["manhole"].iloc[-1]
    made.draw_profile(path=tmp_path / "p.png", lang="en")
    assert (tmp_path / "p.png").stat().st_size > 10_000
    with pytest.raises(UsageError, match="没有检查井"):
        made.profile("nowhere")


# ---------------------------------------------------------------- trees against brute force


@pytest.mark.parametrize("seed", range(12))
def test_short_trees_are_near_the_shortest_and_join_everything(seed):
    rng = np.random.default_rng(seed)
    graph = nx.convert_node_labels_to_integers(nx.grid_2d_graph(3, 4))
    ends = list(graph.edges)
    length = rng.uniform(1, 3, len(ends)).tolist()
    arcs = [[] for _ in graph]
    for e, (a, b) in enumerate(ends):
        arcs[a].append((b, length[e], e))
        arcs[b].append((a, length[e], e))
    terminals = rng.choice(12, 5, replace=False).tolist()
    sink = terminals[0]
    grown = steiner.grow(arcs, sink, terminals)
    better = steiner.improve(ends, length, arcs, grown, sink, terminals)
    tree = nx.Graph([ends[e] for e in better])
    assert nx.is_tree(tree)
    assert set(terminals) <= set(tree)
    assert steiner.tree_length(length, better) <= steiner.tree_length(length, grown) + 1e-9
    best = np.inf
    others = [n for n in graph if n not in terminals]
    for k in range(len(others) + 1):
        for more in itertools.combinations(others, k):
            keep = {*terminals, *more}
            part = nx.Graph()
            part.add_nodes_from(keep)
            part.add_weighted_edges_from(
                (a, b, length[e]) for e, (a, b) in enumerate(ends) if a in keep and b in keep
            )
            if nx.is_connected(part):
                best = min(best, nx.minimum_spanning_tree(part).size(weight="weight"))
    assert best - 1e-9 <= steiner.tree_length(length, better) <= best * 1.05


# ---------------------------------------------------------------- depths against brute force


def main_price(tree, v, sump):
    """Cost of a pressure main from a sump, and the depth at which it arrives."""
    peak = float(RULES.peak(tree.mean[v]))
    k = next(i for i, q in enumerate(RULES.pressure_capacity) if q >= peak)
    d = RULES.pressure_diameters[k]
    rise = max(tree.ground[tree.down[v]] - tree.ground[v], 0.0)
    head = sump - RULES.cover - d + rise
    head += 10.67 * peak**1.852 / 140**1.852 / d**4.8704 * tree.length[v]
    build = PRICES.pressure_metre(k) * tree.length[v] * PRICES.capital("pipe")
    run = float(PRICES.pump(peak, head) + PRICES.energy(head) * tree.mean[v])
    return build + run, RULES.cover + d


def priced(tree, leave, lifted, sump):
    """Cost of given depths, written out again."""
    life, total = PRICES.capital("pipe"), 0.0
    peak = RULES.peak(tree.mean)
    for v in range(len(tree.down)):
        total += float(PRICES.manhole(sump[v])) * life
        total += (
            sum(need > sump[v] + 1e-9 for need in tree.demands[v])
            * PRICES.price["house_pump_yuan"]
            * PRICES.capital("pump")
        )
        if tree.down[v] < 0:
            continue
        k, d = tree.size[v], tree.down[v]
        least = RULES.least_depth(k)
        if lifted[v] == "main":
            price, arrive = main_price(tree, v, sump[v])
            if np.ceil(arrive / depths.STEP - 1e-9) * depths.STEP > sump[d] + 1e-9:
                return np.inf
            total += price
            continue
        arrive = max(
            leave[v] + RULES.min_slope[k] * tree.length[v] - tree.ground[v] + tree.ground[d], least
        )
        arrive = np.ceil(arrive / depths.STEP - 1e-9) * depths.STEP
        if leave[v] < least - 1e-9 or arrive > sump[d] + 1e-9:
            return np.inf
        if lifted[v]:
            up = sump[v] - leave[v]
            total += float(PRICES.pump(peak[v], up) + PRICES.energy(up) * tree.mean[v])
        elif leave[v] < sump[v] - 1e-9:
            return np.inf
        total += float(PRICES.gravity_metre(k, (leave[v] + arrive) / 2)) * life * tree.length[v]
    return total


@pytest.mark.parametrize("seed", range(8))
def test_depths_are_the_cheapest_of_all(seed, monkeypatch):
    monkeypatch.setattr(depths, "STEP", 0.5)
    rng = np.random.default_rng(seed)
    tree = depths.Tree(
        np.array([2, 2, 3, -1]), np.array([800.0, 801.5, 800.5, 802.0]) + rng.uniform(-2, 2, 4),
        np.array([40.0, 30.0, 40.0, 0.0]), np.zeros(4), np.array([5.0, 3.0, 9.0, 9.0]),
        np.zeros(4, int), [np.array([1.2]), np.array([]), np.array([2.4, 0.6]), np.array([])],
    )  # fmt: skip
    top = 2.0
    found = depths.optimise(tree, PRICES, top)
    grid = np.arange(0, top + 0.25, 0.5)
    ways = [(s, s, False) for s in grid] + [(s, o, True) for s in grid for o in grid if o < s]
    ways += [(s, 0.0, "main") for s in grid]
    best = np.inf
    for a, b, c in itertools.product(ways, repeat=3):
        for root in grid:
            sump = np.array([a[0], b[0], c[0], root])
            leave = np.array([a[1], b[1], c[1], np.nan])
            best = min(best, priced(tree, leave, [a[2], b[2], c[2], False], sump))
    if found is None:
        assert best == np.inf
    else:
        assert found.cost == pytest.approx(best, rel=1e-9)


# ---------------------------------------------------------------- errors


def test_faults_are_told_clearly():
    houses, roads, ground, sink = village(10)
    with pytest.raises(DataError, match="没有坐标系"):
        layout(houses.set_crs(None, allow_override=True), roads, ground, sink)
    with pytest.raises(DataError, match="平面坐标"):
        layout(houses.to_crs(4326), roads, ground, sink)
    with pytest.raises(DataError, match="没有要素"):
        layout(houses.iloc[:0], roads, ground, sink)
    with pytest.raises(DataError, match="人口都是0"):
        layout(houses, roads, ground, sink, people=0)
    with pytest.raises(DataError, match="人口为 -1"):
        layout(houses, roads, ground, sink, people=-1)
    with pytest.raises(UsageError, match="一个点"):
        layout(houses, roads, ground, shapely.LineString([(0, 0), (1, 1)]))
    with pytest.raises(UsageError, match="不能为负"):
        layout(
            houses, roads, ground, sink, standards=NORMS.replace({"sewage.cost.trench_yuan_m3": -5})
        )
    with pytest.raises(DataError, match="没有一栋建筑"):
        layout(houses.set_geometry(houses.translate(5000)), roads, ground, sink)


def test_bad_ground_is_told_with_its_places():
    houses, roads, ground, sink = village(10)
    hole = ground.tiles[0].array.copy()
    hole[40:80, 40:80] = -9999
    patchy = Terrain.from_array(hole, ground.tiles[0].transform, CRS, nodata=-9999)
    with pytest.raises(DataError) as told:
        layout(houses, roads, patchy, sink)
    assert len(told.value.problems) > 1
    assert {p.code for p in told.value.problems} == {"no_elevation"}
    low = Terrain.from_array(ground.tiles[0].array - 900, ground.tiles[0].transform, CRS)
    with pytest.raises(DataError, match="低于海平面"):
        layout(houses, roads, low, sink)


def test_another_crs_gives_the_same_sewers():
    houses, roads, ground, sink = village(15)
    a = layout(houses, roads, ground, sink)
    b = layout(houses, roads.to_crs(4490), ground, gpd.GeoSeries([sink], crs=CRS).to_crs(4326))
    assert b.length_m == pytest.approx(a.length_m, abs=0.5)


def test_the_public_name():
    assert qg.sewage.layout is layout
