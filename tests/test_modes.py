"""Speeds over terrain against published values, and off-road walking against brute force."""

from __future__ import annotations

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from qianwan_gis import RoadNetwork, Standards, Terrain, UsageError
from qianwan_gis._errors import ProblemLog
from qianwan_gis.network import modes, offroad

CRS = "EPSG:4547"
TOP = 4_000_000.0
LEFT = 500_000.0


def terrain_of(heights: np.ndarray, cell: float = 30.0) -> Terrain:
    return Terrain.from_array(heights, Affine(cell, 0, LEFT, 0, -cell, TOP), CRS)


def plane(east: float, north: float, size: int = 60, cell: float = 30.0) -> Terrain:
    """A tilted plane: rise per metre to the east and to the north."""
    x = (np.arange(size) + 0.5) * cell
    return terrain_of(1000.0 + x[None, :] * east - x[:, None] * north, cell)


def net_of(*lines: list[tuple[float, float]], **columns: list) -> RoadNetwork:
    roads = gpd.GeoDataFrame(
        {"road_class": ["tertiary"] * len(lines), **columns},
        geometry=[shapely.LineString([(LEFT + x, TOP - y) for x, y in line]) for line in lines],
        crs=CRS,
    )
    return RoadNetwork.from_roads(roads, modes=("car", "walk", "ebike"))


# ------------------------------------------------------------------ speeds


@pytest.mark.parametrize(
    ("degrees", "kph"),
    # the table of Tobler's function in its encyclopaedia article, rounded there
    [(-50, 0.11), (-25, 1.40), (-10, 3.86), (-2.8624, 6.0), (0, 5.04), (5, 3.71), (20, 1.41)],
)
def test_tobler_has_its_published_values(degrees: float, kph: float) -> None:
    assert modes.tobler_kph(np.tan(np.radians(degrees))) == pytest.approx(kph, abs=0.0051)


def test_car_follows_the_published_model_as_a_ratio() -> None:
    assert modes.car_factor(0.0, 0.0, 0.0) == 1.0
    # 5 % up, 100 degrees per km
    assert modes.car_factor(50.0, 0.0, 100.0) == pytest.approx(
        (102.6 - 0.372 * 50 - 0.111 * 100) / 102.6
    )
    assert modes.car_factor(0.0, 50.0, 0.0) == pytest.approx(1 - 0.076 * 50 / 102.6)
    assert modes.car_factor(400.0, 0.0, 9000.0) == 0.3  # never to a standstill
    assert modes.car_factor(0.0, 0.0, 9000.0) == pytest.approx(1 - 0.111 * 300 / 102.6)


def test_ebike_speed_balances_the_motor() -> None:
    speed = modes.ebike_kph(np.array([-0.1, 0.0, 0.04, 0.06, 0.4]))
    assert speed[0] == speed[1] == 18.0  # the usual speed where the motor suffices
    for slope, kph in ((0.04, speed[2]), (0.06, speed[3])):
        v, angle = kph / 3.6, np.arctan(slope)
        force = 125 * 9.81 * (np.sin(angle) + 0.01 * np.cos(angle))
        assert v * force + 0.5 * 1.2 * 0.6 * v**3 == pytest.approx(400 * 0.8, rel=1e-6)
    assert speed[4] == 3.0  # pushed


# ------------------------------------------------------------------ edges


def test_slope_along_an_edge_and_its_return() -> None:
    net = net_of([(100, 900), (1100, 900)])
    shape = modes.edge_terrain(net, plane(0.08, 0.0))
    assert shape.length == pytest.approx([1000.0])
    assert len(shape.edge) == 34  # a step per cell of 30 m
    up, down = shape.per_km()
    assert up == pytest.approx([80.0])
    assert down == pytest.approx([0.0], abs=1e-9)
    ahead, back = modes.seconds(net, shape, "walk")
    assert ahead == pytest.approx([1000 / (6 * np.exp(-3.5 * 0.13) / 3.6)])
    assert back == pytest.approx([1000 / (6 * np.exp(-3.5 * 0.03) / 3.6)])
    ahead, back = modes.seconds(net, shape, "car")
    flat = net.seconds["car"].forward
    assert ahead == pytest.approx(flat / modes.car_factor(80.0, 0.0, 0.0))
    assert back == pytest.approx(flat / modes.car_factor(0.0, 80.0, 0.0))


def test_walking_can_be_scaled_to_the_norm() -> None:
    net = net_of([(100, 900), (1100, 900)])
    ahead, _ = modes.seconds(net, plane(0.0, 0.0), "walk", to_norm=True)
    assert ahead == pytest.approx([1000 / (4.0 / 3.6)])
    ahead, _ = modes.seconds(net, plane(0.0, 0.0), "walk")
    assert ahead == pytest.approx([1000 / (5.0367 / 3.6)], rel=1e-4)


def test_up_and_down_within_one_edge_both_count() -> None:
    x = (np.arange(60) + 0.5) * 30
    ridge = terrain_of(np.tile(1000 - 0.1 * np.abs(x - 900), (60, 1)))
    net = net_of([(400, 900), (1400, 900)])
    up, down = modes.edge_terrain(net, ridge).per_km()
    assert up == pytest.approx(down, rel=1e-6)
    assert up[0] == pytest.approx(50.0, rel=0.03)  # 50 m up, 50 m down, less the rounded top
    ahead, back = modes.seconds(net, ridge, "walk")
    assert ahead == pytest.approx(back)
    assert ahead[0] > 1000 / (5.04 / 3.6) * 1.05


def test_bridges_tunnels_and_presumed_links_do_not_take_the_ground_under_them() -> None:
    x = (np.arange(60) + 0.5) * 30
    gorge = terrain_of(np.tile(1000 - np.maximum(0, 200 - np.abs(x - 900)), (60, 1)))
    line = [(400, 900), (1400, 900)]
    plain = modes.edge_terrain(net_of(line), gorge)
    assert plain.per_km()[0][0] > 150
    for name in ("bridge", "tunnel"):
        over = modes.edge_terrain(net_of(line, **{name: [True]}), gorge)
        assert over.per_km()[0] == pytest.approx([0.0], abs=1e-9)
    assert modes.edge_terrain(net_of(line, basis=["presumed"]), gorge).grade == pytest.approx([0.0])


def test_a_vehicle_meets_no_steeper_road_than_its_class_allows() -> None:
    net = net_of([(100, 900), (1100, 900)])
    steep = plane(0.5, 0.0)
    ahead, _ = modes.seconds(net, steep, "car")
    assert ahead == pytest.approx(net.seconds["car"].forward / modes.car_factor(90.0, 0.0, 0.0))
    walk, _ = modes.seconds(net, steep, "walk")
    assert walk == pytest.approx([1000 / (6 * np.exp(-3.5 * 0.55) / 3.6)])


def test_curvature_is_degrees_per_kilometre() -> None:
    # a quarter of a circle of radius 200 m: 90 degrees over 314 m
    arc = [(200 + 200 * np.sin(a), 900 - 200 * np.cos(a)) for a in np.linspace(0, np.pi / 2, 200)]
    doubled = [point for point in arc for _ in range(2)]
    shape = modes.edge_terrain(net_of(arc), plane(0, 0))
    assert shape.curvature == pytest.approx([90 / 0.31416], rel=0.01)
    twice = modes.edge_terrain(net_of(doubled), plane(0, 0))
    assert twice.curvature == pytest.approx(shape.curvature)
    assert modes.edge_terrain(net_of([(0, 900), (500, 900)]), plane(0, 0)).curvature == 0.0


def test_edges_outside_the_raster_keep_their_time_and_are_counted() -> None:
    net = net_of([(100, 900), (1100, 900)], [(3000, 900), (4000, 900)])
    log = ProblemLog()
    shape = modes.edge_terrain(net, plane(0.08, 0.0), log=log)
    assert shape.known.tolist() == [True, False]
    assert [p.code for p in log] == ["no_elevation"]
    assert "1条" in str(log.problems[0])
    ahead, back = modes.seconds(net, shape, "walk")
    assert ahead[1] == back[1] == net.seconds["walk"].forward[1]


def test_with_terrain_changes_all_modes_and_keeps_one_ways() -> None:
    net = net_of([(100, 900), (1100, 900)], oneway=[True])
    before = net.seconds["car"].forward.copy()
    over = modes.with_terrain(net, plane(0.08, 0.0))
    assert np.isinf(over.seconds["car"].backward).all()
    assert np.isfinite(over.seconds["walk"].backward).all()
    assert (over.seconds["ebike"].forward > net.seconds["ebike"].forward).all()
    assert over.topology is net.topology
    np.testing.assert_array_equal(net.seconds["car"].forward, before)
    found = over.nearest(pd.Index([0]), pd.Index([1]), mode="walk", access=False)
    assert found["seconds"].iloc[0] == pytest.approx(1000 / (6 * np.exp(-3.5 * 0.13) / 3.6))


def test_unknown_modes_and_steps_are_refused() -> None:
    net = net_of([(100, 900), (1100, 900)])
    with pytest.raises(UsageError, match="horse"):
        modes.seconds(net, plane(0, 0), "horse")
    with pytest.raises(UsageError, match="-1"):
        modes.edge_terrain(net, plane(0, 0), step_m=-1)


# ------------------------------------------------------------------ off the road


def brute(ground: offroad.Surface, seeds: list[int], towards: bool) -> np.ndarray:
    """The same moves as a graph for networkx, written out by the rules alone."""
    rows, cols = ground.heights.shape
    f, z = ground.friction, ground.heights
    graph = nx.DiGraph()
    graph.add_nodes_from(range(rows * cols))
    for r in range(rows):
        for c in range(cols):
            for dr in range(-2, 3):
                for dc in range(-2, 3):
                    q, p = r + dr, c + dc
                    if sorted((abs(dr), abs(dc))) not in ([0, 1], [1, 1], [1, 2]):
                        continue
                    if not (0 <= q < rows and 0 <= p < cols):
                        continue
                    crossed = [f[r, c], f[q, p]]
                    if abs(dr) + abs(dc) == 3:
                        if abs(dr) == 2:
                            crossed += [f[r + dr // 2, c], f[r + dr // 2, p]]
                        else:
                            crossed += [f[r, c + dc // 2], f[q, c + dc // 2]]
                    if np.isinf(crossed).any():
                        continue
                    if abs(dr) == abs(dc) == 1 and np.isinf(f[r, p]) and np.isinf(f[q, c]):
                        continue
                    far = ground.cell_m * np.hypot(dr, dc)
                    slope = (z[q, p] - z[r, c]) / far
                    kph = 6 * np.exp(-3.5 * abs(slope + 0.05)) * 0.6
                    graph.add_edge(
                        r * cols + c, q * cols + p, weight=far * 3.6 / kph * np.mean(crossed)
                    )
    out = np.full(rows * cols, np.inf)
    searched = graph.reverse() if towards else graph
    usable = [s for s in seeds if np.isfinite(f.ravel()[s])]
    if usable:
        for node, cost in nx.multi_source_dijkstra_path_length(searched, usable).items():
            out[node] = cost
    return out


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_cost_distance_equals_brute_force(seed: int, rows: int, cols: int, towards: bool) -> None:
    rng = np.random.default_rng(seed)
    heights = rng.uniform(0, 40, (rows, cols))
    friction = rng.choice([1.0, 1.5, 4.0, np.inf], (rows, cols), p=[0.5, 0.2, 0.1, 0.2])
    heights[rng.random((rows, cols)) < 0.05] = np.nan
    ground = offroad.surface(terrain_of(heights, 20.0), friction=friction)
    seeds = rng.integers(0, rows * cols, 2).tolist()
    found = offroad.cost_distance(ground, seeds, towards=towards)
    np.testing.assert_allclose(found.seconds, brute(ground, seeds, towards), rtol=1e-9)
    assert ((found.seed >= 0) == np.isfinite(found.seconds)).all()


def test_uphill_and_downhill_differ_and_level_ground_is_nearly_round() -> None:
    ground = offroad.surface(plane(0.2, 0.0, 41))
    middle = 20 * 41 + 20
    to, out = (offroad.cost_distance(ground, [middle], towards=t) for t in (True, False))
    east, west = 20 * 41 + 30, 20 * 41 + 10
    assert to.seconds[west] > to.seconds[east]  # those in the west climb
    assert to.seconds[west] == pytest.approx(out.seconds[east])
    assert to.metres[east] == 300.0
    flat = offroad.surface(plane(0.0, 0.0, 41))
    found = offroad.cost_distance(flat, [middle])
    x, y = flat.at(np.arange(41 * 41))
    straight = np.hypot(x - x[middle], y - y[middle])
    far = straight > 0
    ratio = found.metres[far] / straight[far]
    assert ratio.min() >= 1.0 - 1e-12
    assert ratio.max() < 1.0281


def test_a_barrier_one_cell_wide_holds_in_every_direction() -> None:
    size = 12
    for wall in (lambda r, c: r == c, lambda r, c: r == 6, lambda r, c: c == 5):
        friction = np.ones((size, size))
        for r in range(size):
            for c in range(size):
                if wall(r, c):
                    friction[r, c] = np.inf
        ground = offroad.surface(plane(0, 0, size), friction=friction)
        found = offroad.cost_distance(ground, [size - 1])  # the corner in the north-east
        assert np.isinf(found.seconds[(size - 1) * size])  # the other side
        assert np.isfinite(found.seconds).sum() < (np.isfinite(friction)).sum()


def test_friction_from_layers_burns_lines_and_polygons() -> None:
    river = shapely.LineString([(LEFT + 300, TOP - 2000), (LEFT + 500, TOP + 10)])
    wood = shapely.box(LEFT + 600, TOP - 900, LEFT + 900, TOP)
    layer = gpd.GeoDataFrame({"friction": [np.inf, 2.0]}, geometry=[river, wood], crs=CRS)
    ground = offroad.surface(plane(0, 0), friction=layer)
    west, east = ground.cells(np.array([LEFT + 15, LEFT + 1500.0]), np.array([TOP - 15, TOP - 15]))
    found = offroad.cost_distance(ground, [east])
    assert np.isinf(found.seconds[west])
    assert (ground.friction == 2.0).sum() == 300  # 10 x 30 cells
    with pytest.raises(UsageError, match="friction"):
        offroad.surface(plane(0, 0), friction=layer.assign(friction=0.5))


def test_limits_are_inclusive_and_later_seeds_start_later() -> None:
    ground = offroad.surface(plane(0, 0, 11))
    row = 5 * 11
    free = offroad.cost_distance(ground, [row, row + 10], start=[0.0, 60.0])
    step = free.seconds[row + 1]
    same = offroad.cost_distance(ground, [row], limit=float(free.seconds[row + 1]))
    assert np.isfinite(same.seconds[row + 1])
    assert np.isinf(same.seconds[row + 2])
    assert free.seconds[row + 10] == 60.0
    assert free.seed[row + 10] == 1
    assert free.seed[row + 4] == 0
    assert step == pytest.approx(30 * 3.6 / (6 * np.exp(-3.5 * 0.05) * 0.6))
    with pytest.raises(UsageError, match="start"):
        offroad.cost_distance(ground, [1], start=[-1.0])


def test_a_village_without_road_walks_to_the_one_that_is_best_for_its_journey() -> None:
    # a road along the north edge; the clinic at its east end; the village lies south of its west
    net = net_of([(0, 100), (1780, 100)])
    village = gpd.GeoSeries([shapely.Point(LEFT + 105, TOP - 1000)], index=["v"], crs=CRS)
    clinic = gpd.GeoSeries([shapely.Point(LEFT + 1700, TOP - 100)], index=["c"], crs=CRS)
    ground = plane(0.0, 0.0)
    alone = offroad.on_foot(net, village, ground)
    assert alone.table.index.tolist() == ["v"]
    assert alone.table.loc["v", "walk_metres"] == pytest.approx(900, abs=31)
    assert alone.table.loc["v", "x"] == pytest.approx(LEFT + 105, abs=31)
    kph = 6 * np.exp(-3.5 * 0.05) * 0.6
    assert alone.table.loc["v", "walk_seconds"] == pytest.approx(
        alone.table.loc["v", "walk_metres"] * 3.6 / kph
    )
    # by car the nearest road is best; on foot on the road it pays to walk slantwise
    car = offroad.on_foot(net, village, ground, clinic, mode="car").table.loc["v"]
    walk = offroad.on_foot(net, village, ground, clinic, mode="walk").table.loc["v"]
    assert car["facility"] == walk["facility"] == "c"
    assert car["seconds"] == pytest.approx(car["walk_seconds"] + car["network_seconds"])
    assert walk["x"] > car["x"] + 200
    # against the optimum in the plane, found by looking at every place on the road
    places = np.linspace(0, 1700, 3401)
    off = np.hypot(places - 105, 900) * 3.6 / kph
    for row, on in ((car, 24.0), (walk, 4.0)):
        best = (off + (1700 - places) * 3.6 / on).min()
        assert row["seconds"] == pytest.approx(best, rel=0.04)
    line = offroad.on_foot(net, village, ground, clinic, mode="car").ways["v"]
    assert line.coords[0] == (LEFT + 105, TOP - 1000)
    assert line.length == pytest.approx(car["walk_metres"], abs=90)


def test_points_that_reach_nothing_are_empty_rows() -> None:
    net = net_of([(0, 100), (1780, 100)])
    wall = gpd.GeoDataFrame(
        {"friction": [np.inf]},
        geometry=[shapely.LineString([(LEFT - 100, TOP - 500), (LEFT + 2000, TOP - 500)])], crs=CRS,
    )  # fmt: skip
    points = gpd.GeoSeries(
        [shapely.Point(LEFT + 105, TOP - 1000), None, shapely.Point(LEFT + 900, TOP - 300),
         shapely.Point(0, 0)], crs=CRS,
    )  # fmt: skip
    points.iloc[3] = None
    found = offroad.on_foot(net, points, plane(0, 0), friction=wall)
    assert found.table["walk_seconds"].notna().tolist() == [False, False, True, False]
    assert found.table["edge"].tolist() == [-1, -1, 0, -1]
    assert found.ways.isna().tolist() == [True, True, False, True]


def test_terrain_in_degrees_is_refused() -> None:
    degrees = Terrain.from_array(np.zeros((4, 4)), Affine(0.1, 0, 112, 0, -0.1, 36), "EPSG:4326")
    with pytest.raises(UsageError, match="投影"):
        offroad.surface(degrees)


def test_standards_in_use_are_recorded() -> None:
    norms = Standards.load()
    net = net_of([(100, 900), (1100, 900)])
    modes.with_terrain(net, plane(0.05, 0), standards=norms)
    assert {"access.tobler.decay", "terrain.car.rise", "terrain.grade.tertiary_pct",
            "terrain.ebike.power_w"} <= norms.used  # fmt: skip
