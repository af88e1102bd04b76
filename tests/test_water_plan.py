"""Water plans on made-up land: who gets what, checked by EPANET and by invariants."""

import dataclasses
import itertools
import subprocess
import sys

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine

import qianwan_gis as qg
from qianwan_gis import synthetic
from qianwan_gis._errors import DataError, UsageError
from qianwan_gis.network import RoadNetwork
from qianwan_gis.schemas import COVERAGE, find_problems
from qianwan_gis.services._water import tree
from qianwan_gis.services._water.graph import Graph
from qianwan_gis.services._water.hydraulics import Rules
from qianwan_gis.standards import Standards
from qianwan_gis.terrain import Terrain

CRS = "EPSG:4547"
NORMS = Standards.load()


@pytest.fixture(scope="module")
def land():
    county = synthetic.county(villages=12, seed=3)
    return {
        "county": county,
        "network": RoadNetwork.from_roads(county.roads),
        "terrain": Terrain.from_array(*county.elevation),
    }


def plan_of(land, **options):
    county = land["county"]
    given = {"network": land["network"], "terrain": land["terrain"], "works": county.facilities}
    return qg.water.plan_water(options.pop("villages", county.villages), **{**given, **options})


@pytest.fixture(scope="module")
def plan(land):
    return plan_of(land)


@pytest.fixture(scope="module")
def by_register(land):
    return plan_of(land, supplies=land["county"].supplies)


def levels(plan):
    return [p for p in plan.problems if p.level != "note"]


# ---------------------------------------------------------------- a plan holds together


def test_every_village_is_there_in_order_with_a_reason(land, plan):
    assert plan.villages["code"].tolist() == land["county"].villages["code"].tolist()
    assert set(plan.villages["status"]) <= {"works", "single"}
    assert plan.villages["reason"].ne("").all()
    assert plan.villages["scale"].isin(list("ⅠⅡⅢⅣⅤ")).all()


def test_each_designed_network_passes_its_own_epanet_run(plan, by_register, tmp_path):
    for one in (plan, by_register):
        assert {p.code for p in levels(one)} <= {"works_over_capacity"}
        file = one.system.write_inp(tmp_path / "plan.inp")
        run = qg.water.read_inp(file).simulate()
        assert run.warnings == ()
        service, most = (NORMS.value(f"water.head.{k}") for k in ("service_m", "static_max_m"))
        taps = one.system.labels.query("kind == 'village'")
        assert len(taps) == (one.villages["status"] == "works").sum()
        pressure = run.pressure[taps.index]
        assert pressure.min().min() >= service - 0.05
        assert pressure.max().max() <= most + 0.05
        pipes = one.pipes.set_index("pipe")
        speed = run.velocity[pipes.index].max()
        assert speed.max() <= NORMS.value("water.pipe.max_velocity_ms") + 1e-3
        for name in one.tanks["tank"]:
            level = run.pressure[name]
            assert level.min() > 0.0
            assert level.max() < NORMS.value("water.works.tank_depth_m")
            # what came in over the day went out
            assert level.iloc[-1] == pytest.approx(level.iloc[0], abs=0.01)


def test_the_designs_own_heads_are_epanets(plan):
    checked = 0
    run = plan.system.simulate()
    for scheme in plan.schemes:
        for v, node in enumerate(scheme.node):
            # the tank stands a little above its floor at the peak, and a pump behind a valve
            # holds its level: EPANET's heads are the design's or, by that, a little higher
            low = run.head[node].min()
            assert low >= scheme.design.head[v] - 0.05
            assert low <= scheme.design.head[v] + NORMS.value("water.works.tank_depth_m") + 0.05
            checked += 1
    assert checked > 20


def test_the_water_adds_up(land, plan):
    served = plan.villages[plan.villages["status"] == "works"]
    norm = {k: NORMS.value(f"water.{k}") for k in
            ("village.quota_lpcd", "demand.other_share", "demand.leak_share", "demand.day_factor")}  # fmt: skip
    people = land["county"].villages.set_index("code")["population"]
    by_hand = (
        people[served["code"]].sum() * norm["village.quota_lpcd"] / 1000.0
        * (1 + norm["demand.other_share"]) * (1 + norm["demand.leak_share"])
        * norm["demand.day_factor"]
    )  # fmt: skip
    assert plan.systems["demand_m3d"].sum() == pytest.approx(by_hand)
    assert served["demand_m3d"].sum() == pytest.approx(by_hand, rel=1e-5)
    run = plan.system.simulate()
    drawn = run.demand[plan.system.labels.query("kind == 'village'").index].iloc[:24]
    assert drawn.mean().sum() * 86400 == pytest.approx(by_hand, rel=1e-4)
    # flow in the first pipe of a system is the peak of all its villages
    for scheme in plan.schemes:
        first = scheme.laid.tree.flow[0]
        assert first * 86.4 * 1000 == pytest.approx(
            scheme.day_m3 * NORMS.value("water.demand.hour_factor")
        )


def test_capacity_is_kept_without_a_register(plan):
    assert (plan.systems["demand_m3d"] <= plan.systems["capacity_m3d"] + 1e-6).all()


def test_the_register_is_followed_and_overload_is_named(land, by_register):
    register = land["county"].supplies.query("service == 'water'").set_index("code")["facility_id"]
    found = by_register.villages.set_index("code")["system"]
    assert found[register.index].equals(register.rename("system"))
    over = {p.row for p in by_register.problems if p.code == "works_over_capacity"}
    table = by_register.systems.set_index("system")
    assert over == set(table.index[table["demand_m3d"] > table["capacity_m3d"]])
    full = by_register.villages[by_register.villages["system"].isin(over)]
    assert (full["quantity_lpcd"] < NORMS.value("water.village.quota_lpcd")).all()


def test_pipes_join_each_village_to_its_works(plan):
    for scheme in plan.schemes:
        pipes = plan.pipes[plan.pipes["system"] == scheme.works_id]
        joined = shapely.union_all(shapely.buffer(pipes.geometry.to_numpy(), 1.5))
        assert joined.geom_type == "Polygon"
        members = plan.villages[plan.villages["system"] == scheme.works_id]
        assert shapely.distance(members.geometry.to_numpy(), joined).max() < 1.0
        assert pipes["length_m"].to_numpy() == pytest.approx(
            np.maximum(pipes.geometry.length, 1.0), abs=0.02
        )
    assert set(plan.pipes["diameter_mm"]) <= set(NORMS.value("water.pipe.diameters_mm"))


def test_zones_share_one_level_and_hold_their_villages(plan):
    zones = plan.zones.set_index("zone")
    served = plan.villages[plan.villages["status"] == "works"]
    assert (
        served.groupby("zone")
        .size()
        .equals(
            zones.loc[zones["villages"] > 0, "villages"].sort_index().astype("int64").rename(None)
        )
    )
    level = zones.loc[served["zone"], "level_m"].to_numpy()
    assert level - served["ground_m"].to_numpy() == pytest.approx(
        served["static_m"].to_numpy(), abs=0.05
    )
    # a tap over the limit at rest has a valve
    assert served.loc[served["static_m"] > NORMS.value("water.head.static_max_m"), "valve"].all()


def test_the_bill_and_the_cost_agree(plan):
    bill = plan.quantities
    assert bill["amount"].sum() == pytest.approx(plan.cost["building"])
    metres = bill.loc[bill["item"] == "输配水管道", "quantity"].sum()
    assert metres == pytest.approx(plan.pipes["length_m"].sum(), abs=1.0)
    parts = [v for k, v in plan.cost.items() if k not in ("total", "building")]
    assert sum(parts) == pytest.approx(plan.cost["total"])
    designed = plan.cost["pipes"] + plan.cost["pumping"] + plan.cost["break_pressure"]
    assert plan.systems["present_value"].sum() == pytest.approx(designed, rel=1e-6)
    assert (plan.systems["bound"] <= plan.systems["present_value"] * (1 + 1e-9)).all()


def test_the_same_input_gives_the_same_bytes(land, plan, tmp_path):
    again = plan_of(land)
    one, two = plan.system.write_inp(tmp_path / "a"), again.system.write_inp(tmp_path / "b")
    assert one.read_bytes() == two.read_bytes()
    assert plan.villages.equals(again.villages)


def test_profile_runs_from_the_works_to_the_village(plan, tmp_path):
    row = plan.villages[plan.villages["status"] == "works"].iloc[-1]
    section = plan.profile(row["code"])
    assert section["metres"].iloc[0] == 0.0
    assert section["metres"].is_monotonic_increasing
    assert section["ground_m"].iloc[-1] == pytest.approx(row["ground_m"], abs=0.2)
    assert section["peak_m"].iloc[-1] - row["ground_m"] == pytest.approx(row["dynamic_m"], abs=0.2)
    assert (section["static_m"] >= section["peak_m"] - 1e-6).all()
    least = NORMS.value("water.head.main_min_m")
    assert (section["peak_m"] >= section["ground_m"] + least - 0.01).all()
    path = plan.draw_profile(row["code"], tmp_path / "p.png", lang="en")
    assert path.read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(UsageError):
        plan.profile("nowhere")


def test_a_broken_main_names_the_villages_behind_it(plan):
    scheme = max(plan.schemes, key=lambda s: len(s.tap))
    below = {1}
    for v, u in enumerate(scheme.laid.tree.parent):
        if u in below:
            below.add(v)
    behind = {
        str(plan.villages["code"].iloc[scheme.laid.terminal[v]]) for v in below & set(scheme.tap)
    }
    found = plan.system.break_pipe(scheme.pipe[1], required_m=5.0).affected
    assert set(found["code"]) == behind
    assert set(found["verdict"]) == {"cut_off"}


def test_rings_keep_the_network_within_limits():
    county = synthetic.county(villages=12, seed=5)
    land = {"county": county, "network": RoadNetwork.from_roads(county.roads),
            "terrain": Terrain.from_array(*county.elevation)}  # fmt: skip
    one = plan_of(land, loops=1)
    rings = one.pipes[one.pipes["kind"] == "ring"]
    assert len(rings) >= 1
    assert {p.code for p in levels(one)} == set()
    plain = plan_of(land)
    assert one.cost["pipes"] > plain.cost["pipes"]
    # a ring gives some villages a second way: fewer are cut off by the pipes of the tree
    tree_pipes = one.pipes[one.pipes["kind"] != "ring"].set_index("pipe")["villages_cut"]
    before = plain.pipes.set_index("pipe")["villages_cut"]
    assert (tree_pipes <= before[tree_pipes.index]).all()
    assert tree_pipes.sum() < before.sum()
    ring = rings["pipe"].iloc[0]
    assert one.system.break_pipe(ring).affected.empty


# ---------------------------------------------------------------- coverage


def test_coverage_comes_from_the_simulation(plan, by_register):
    rows = qg.water.coverage_rows(plan, basis="synthetic")
    assert not find_problems(rows, COVERAGE, file="coverage").problems
    assert rows["code"].tolist() == plan.villages["code"].tolist()
    works = (plan.villages["status"] == "works").to_numpy()
    assert (rows.loc[works, "reason"] == "ok").all()
    assert (rows.loc[~works, "reason"] == "no_facility").all()
    assert rows.loc[~works, "covered"].isna().all()
    dry = NORMS.replace({"water.quantity.safe_lpcd": 59.99})
    short = qg.water.coverage_rows(by_register, dry).set_index("code")["reason"]
    low = by_register.villages.set_index("code")["quantity_lpcd"] < 59.99
    assert low.any()
    assert short.eq("low_quantity").equals(low.rename("reason"))
    # the limit itself counts as met
    table = by_register.villages.assign(quantity_lpcd=59.99)
    met = qg.water.coverage_rows(dataclasses.replace(by_register, villages=table), dry)
    assert (met["reason"] == "ok").all()
    weak = plan.villages.assign(pressure_peak_m=10.0)
    rows = qg.water.coverage_rows(dataclasses.replace(plan, villages=weak))
    assert (rows.loc[works, "reason"] == "low_pressure").all()
    assert rows["covered"].sum() == 0


def test_without_terrain_nothing_is_designed_and_it_says_so(land):
    plan = plan_of(land, terrain=None)
    assert plan.system is None
    assert len(plan.pipes) == 0
    assert set(plan.villages["status"]) == {"no_terrain"}
    rows = qg.water.coverage_rows(plan)
    assert set(rows["reason"]) == {"no_terrain"}
    assert rows["covered"].isna().all()
    works = land["county"].facilities.query("service == 'water'")
    first = land["county"].villages.geometry.iloc[0]
    assert rows["metres"].iloc[0] == pytest.approx(works.distance(first).min(), abs=0.1)


# ---------------------------------------------------------------- bad input


def test_people_capacity_and_doubled_codes_are_told(land):
    villages = land["county"].villages
    none = villages.assign(population=[0.0, *villages["population"].iloc[1:]])
    with pytest.raises(DataError) as error:
        plan_of(land, villages=none)
    assert error.value.problems[0].row == villages["code"].iloc[0]
    double = villages.assign(code=[villages["code"].iloc[1], *villages["code"].iloc[1:]])
    works = land["county"].facilities.query("service == 'water'").copy()
    works.loc[works.index[0], "capacity"] = -5.0
    with pytest.raises(DataError) as error:
        plan_of(land, villages=double, works=works)
    assert {p.code for p in error.value.problems} == {"duplicate", "bad_capacity"}
    with pytest.raises(DataError, match="坐标系"):
        plan_of(land, villages=villages.set_crs(None, allow_override=True))
    with pytest.raises(DataError, match="capacity"):
        plan_of(land, works=works.drop(columns="capacity"))


def test_a_negative_price_is_a_usage_error(land):
    with pytest.raises(UsageError, match="power_yuan_kwh"):
        plan_of(land, standards=NORMS.replace({"water.cost.power_yuan_kwh": -0.1}))


def test_holes_and_missing_tiles_of_the_terrain_are_named(land):
    array, transform, crs = land["county"].elevation
    half = Terrain.from_array(array[: len(array) // 2], transform, crs)
    with pytest.raises(DataError) as error:
        plan_of(land, terrain=half)
    assert {p.code for p in error.value.problems} == {"no_elevation"}
    y = land["county"].villages.geometry.y
    below = transform.f + transform.e * (len(array) // 2)
    assert {p.row for p in error.value.problems} >= set(land["county"].villages["code"][y < below])
    holed = array.copy()
    spot = land["county"].villages.geometry.iloc[3]
    col, row = int((spot.x - transform.c) / transform.a), int((spot.y - transform.f) / transform.e)
    holed[row - 1 : row + 2, col - 1 : col + 2] = -9999.0
    with pytest.raises(DataError, match="无数据"):
        plan_of(land, terrain=Terrain.from_array(holed, transform, crs, nodata=-9999.0))


def test_terrain_in_another_crs_gives_the_same_plan(land, plan):
    from pyproj import Transformer

    # the same heights on a grid of degrees, drawn from the first one cell by cell
    array, _, crs = land["county"].elevation
    left, bottom, right, top = land["terrain"].bounds
    move = Transformer.from_crs(crs, "EPSG:4490", always_xy=True)
    west, south, east, north = move.transform_bounds(left, bottom, right, top)
    rows, columns = array.shape
    step = min((east - west) / columns, (north - south) / rows) / 1.5
    lon = np.arange(west, east, step) + step / 2
    lat = np.arange(north, south, -step) - step / 2
    x, y = Transformer.from_crs("EPSG:4490", crs, always_xy=True).transform(
        *(g.ravel() for g in np.meshgrid(lon, lat))
    )
    heights = land["terrain"].heights(np.column_stack([x, y])).reshape(len(lat), len(lon))
    geographic = Terrain.from_array(heights, Affine(step, 0, west, 0, -step, north), "EPSG:4490")
    other = plan_of(land, terrain=geographic)
    assert (other.villages["ground_m"] - plan.villages["ground_m"]).abs().max() < 2.0
    assert {p.code for p in levels(other)} == set()


def test_villages_without_a_point_or_a_road_are_kept(land):
    villages = land["county"].villages.copy()
    geometry = villages.geometry.copy()
    geometry.iloc[2] = None
    villages = villages.set_geometry(geometry)
    norms = NORMS.replace({"water.village.offtake_m": 0.5})
    far = plan_of(land, villages=villages, standards=norms)
    assert far.villages["status"].iloc[2] == "not_located"
    assert "no_road" in set(far.villages["status"])
    rows = qg.water.coverage_rows(far)
    assert rows["reason"].iloc[2] == "not_located"
    assert len(rows) == len(villages)


# ---------------------------------------------------------------- one road over made-up ground


def strip(heights, *, people=800, capacity=500.0, **columns):
    """Villages along one straight road, 1 km apart, at given heights; the works at the beginning."""
    n = len(heights)
    x = np.arange(n) * 1000.0
    roads = gpd.GeoDataFrame(
        {"u": range(n - 1), "v": range(1, n), "seconds": 60.0, "metres": 1000.0}
    )
    nodes = pd.DataFrame({"node": range(n), "x": x, "y": np.zeros(n)})
    network = RoadNetwork.from_edges(nodes, pd.DataFrame(roads), crs=CRS)
    villages = gpd.GeoDataFrame(
        {"code": [f"v{i}" for i in range(1, n)], "population": people},
        geometry=[shapely.Point(i * 1000.0, 20.0) for i in range(1, n)], crs=CRS,
    )  # fmt: skip
    works = gpd.GeoDataFrame(
        {"facility_id": ["w"], "name": ["水厂"], "capacity": [capacity],
         **{k: [v] for k, v in columns.items()}},
        geometry=[shapely.Point(0, 20.0)], crs=CRS,
    )  # fmt: skip
    cells = np.interp(np.arange(-500, n * 1000.0, 50.0) + 25.0, x, heights)
    terrain = Terrain.from_array(np.tile(cells, (60, 1)), Affine(50, 0, -500, 0, -50, 1500), CRS)
    return {"villages": villages, "network": network, "works": works, "terrain": terrain}


def plan_strip(heights, *, standards=NORMS, **options):
    given = strip(heights, **options)
    return qg.water.plan_water(given.pop("villages"), standards=standards, **given)


def test_a_works_on_a_hill_feeds_by_gravity():
    plan = plan_strip([560.0, 530.0, 528.0])
    assert set(plan.villages["status"]) == {"works"}
    assert len(plan.stations) == 0
    assert set(plan.pipes["kind"]) == {"gravity"}
    assert levels(plan) == []


def test_a_works_below_all_villages_pumps_and_says_so():
    plan = plan_strip([500.0, 540.0, 560.0])
    assert set(plan.villages["status"]) == {"works"}
    assert plan.stations["kind"].tolist()[0] == "works_pump"
    assert "works_below" in {p.code for p in plan.problems}
    assert levels(plan) == []
    assert plan.villages["pressure_peak_m"].min() >= NORMS.value("water.head.service_m") - 0.05


def test_a_works_below_the_sea_is_still_a_works():
    plan = plan_strip([-40.0, -60.0, -75.0])
    assert set(plan.villages["status"]) == {"works"}
    assert levels(plan) == []


def test_a_long_fall_is_broken_by_a_tank():
    plan = plan_strip([900.0, 800.0, 700.0, 600.0, 500.0])
    assert set(plan.villages["status"]) == {"works"}
    assert len(plan.break_pressure_tanks) >= 1
    assert len(plan.stations) == 0
    assert levels(plan) == []
    top = max(NORMS.value("water.pipe.classes_mpa")) * 1e6 / 9810.0
    assert plan.pipes["static_m"].max() <= top + 0.01


def test_a_long_climb_takes_boosters():
    plan = plan_strip([500.0, 580.0, 660.0, 740.0, 800.0])
    assert set(plan.villages["status"]) == {"works"}
    assert (plan.stations["kind"] == "booster").any()
    assert plan.stations["lift_m"].max() <= NORMS.value("water.device.max_lift_m") + 1e-6
    assert levels(plan) == []


def test_a_given_head_of_the_works_counts():
    low = plan_strip([530.0, 530.0, 528.0])
    high = plan_strip([530.0, 530.0, 528.0], head_m=560.0)
    assert len(low.stations) == 1
    assert len(high.stations) == 0


def test_beyond_the_capacity_villages_have_their_own_schemes():
    plan = plan_strip([560.0, 530.0, 528.0, 527.0], capacity=200.0)
    assert plan.villages["status"].tolist() == ["works", "works", "single"]
    assert plan.cost["single"] > 0
    rows = qg.water.coverage_rows(plan)
    assert rows["reason"].tolist() == ["ok", "ok", "no_facility"]


def test_small_villages_far_away_have_their_own_schemes():
    near = plan_strip([560.0, 530.0], people=50)
    dear = NORMS.replace(
        {"water.cost.pipe_yuan_m": [v * 20 for v in NORMS.value("water.cost.pipe_yuan_m")]}
    )
    far = plan_strip([560.0, 530.0], people=50, standards=dear)
    assert near.villages["status"].tolist() == ["works"]
    assert far.villages["status"].tolist() == ["single"]


def test_large_schemes_are_inclusive():
    # 1,000 m³/d or 10,000 people, whichever comes first
    for people, large in ((9_999, False), (10_000, True)):
        norms = NORMS.replace({"water.village.quota_lpcd": 20.0})
        plan = plan_strip([560.0, 530.0], people=people, capacity=5000.0, standards=norms)
        assert plan.villages["large"].tolist() == [large]


@pytest.mark.parametrize(
    "key",
    ["cost.power_yuan_kwh", "cost.booster_yuan", "cost.pipe_run_share", "cost.single_yuan",
     "cost.works_yuan_m3", "cost.valve_yuan"],
)  # fmt: skip
def test_the_total_never_falls_when_a_price_rises(key):
    heights = [520.0, 560.0, 600.0, 540.0]
    totals = []
    for factor in (1.0, 1.7, 3.0):
        norms = NORMS.replace({f"water.{key}": NORMS.value(f"water.{key}") * factor})
        given = strip(heights, people=600)
        plan = qg.water.plan_water(given.pop("villages"), standards=norms, gap=0.0, **given)
        totals.append(plan.cost["total"])
    assert totals[0] <= totals[1] * (1 + 1e-9)
    assert totals[1] <= totals[2] * (1 + 1e-9)


# ---------------------------------------------------------------- trees


def shortest_by_force(graph, root, terminals):
    """Shortest tree by trying every set of edges."""
    best = np.inf
    edges = range(len(graph.ends))
    for count in range(1, len(graph.ends) + 1):
        for chosen in itertools.combinations(edges, count):
            length = sum(graph.length[e] for e in chosen)
            if length >= best:
                continue
            order, _ = tree.rooted(graph, set(chosen), root)
            if terminals <= set(order):
                best = length
    return best


@pytest.mark.parametrize("seed", range(10))
def test_trees_against_every_tree(seed):
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 1000, (7, 2))
    pairs = list(itertools.combinations(range(7), 2))
    pairs = [pairs[k] for k in sorted(rng.choice(len(pairs), 12, replace=False))]
    # a path through all nodes, so that everything hangs together
    ends = sorted({*pairs, *((i, i + 1) for i in range(6))})[:13]
    length = [float(np.hypot(*(xy[a] - xy[b]))) for a, b in ends]
    near = [[] for _ in range(7)]
    for e, (a, b) in enumerate(ends):
        near[a].append((b, length[e], e))
        near[b].append((a, length[e], e))
    graph = Graph(ends, length, [None] * len(ends), [False] * len(ends), np.empty(0), near)
    wanted = {2: 1.0, 4: 1.0, 6: 1.0}
    edges, owner = tree.grow(graph, [0], [2, 4, 6], [None] * 3, np.ones(3), np.array([np.inf]), 1e9)
    if len(owner) < 3:
        pytest.skip("the drawn roads do not hang together")
    # flat prices: the cheapest tree is the shortest
    flat = Rules.read(NORMS.replace(
        {"water.cost.pipe_yuan_m": [100.0] * len(NORMS.value("water.cost.pipe_yuan_m"))}
    ))  # fmt: skip
    found = tree.cheapest(graph, edges[0], 0, wanted, 0.0, flat)
    assert set(wanted) <= set(tree.rooted(graph, found, 0)[0])
    best = shortest_by_force(graph, 0, set(wanted))
    total = sum(length[e] for e in found)
    assert best - 1e-6 <= total <= best * 1.02


def test_prices_by_size_move_the_tree_towards_shortest_ways():
    # a trunk to B by way of A (10 + 9.8), or straight to B (11): large flows go straight
    ends = [(0, 1), (1, 2), (0, 2)]
    length = [10_000.0, 9_800.0, 11_000.0]
    near = [[(1, length[0], 0), (2, length[2], 2)], [(0, length[0], 0), (2, length[1], 1)],
            [(1, length[1], 1), (0, length[2], 2)]]  # fmt: skip
    graph = Graph(ends, length, [None] * 3, [False] * 3, np.empty(0), near)
    rules = Rules.read(NORMS)
    big = tree.cheapest(graph, {0, 1}, 0, {1: 3000.0, 2: 3000.0}, 0.0, rules)
    assert big == {0, 2}


def test_wntr_is_not_imported_until_it_is_needed():
    code = "import sys, qianwan_gis.services.water; sys.exit('wntr' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_any_works_every_village_has_its_own_scheme(land):
    works = land["county"].facilities.query("service == 'clinic'")
    plan = plan_of(land, works=works)
    assert set(plan.villages["status"]) == {"single"}
    assert plan.villages["scale"].ne("").all()
    assert plan.system is None
    assert plan.cost["total"] == plan.cost["single"] > 0
    assert plan.quantities["item"].tolist() == ["单村供水工程", "单村供水工程规模"]


def test_a_plan_is_cheaper_than_single_schemes_everywhere(land, plan):
    alone = plan_of(land, works=land["county"].facilities.query("service == 'clinic'"))
    assert plan.cost["total"] < alone.cost["total"]


def test_gravity_bands_by_hand():
    villages = gpd.GeoDataFrame(
        {"code": ["a", "b", "c"], "ground_m": [500.0, 539.0, 575.0]},
        geometry=[shapely.Point(x, 0) for x in (1000, 1000, 1000)], crs=CRS,
    )  # fmt: skip
    works = gpd.GeoDataFrame(
        {"facility_id": ["w"], "ground_m": [570.0]}, geometry=[shapely.Point(0, 0)], crs=CRS
    )
    found = qg.water.gravity_bands(villages, works, Rules.read(NORMS)).set_index("code")
    assert found["head_m"].to_dict() == {"a": 70.0, "b": 31.0, "c": -5.0}
    assert found["left_m"].to_dict() == {"a": 66.0, "b": 27.0, "c": -9.0}
    assert found["band"].to_dict() == {"a": "break", "b": "gravity", "c": "booster"}


def test_slow_pipes_are_noted(land):
    plan = plan_of(land, standards=NORMS.replace({"water.pipe.low_velocity_ms": 0.6}))
    told = {p.file for p in plan.problems if p.code == "slow"}
    slow = plan.pipes[plan.pipes["velocity_ms"] < 0.6]
    names = plan.systems.set_index("system")["name"]
    assert told == set(names[slow["system"].unique()])
    assert told


def test_a_register_that_the_roads_cannot_follow_is_told(land):
    plan = plan_of(land, supplies=land["county"].supplies, reach_m=300.0)
    told = {p.row for p in plan.problems if p.code == "register_not_joined"}
    single = set(plan.villages.loc[plan.villages["status"] == "single", "code"])
    assert told
    assert told == single & set(land["county"].supplies.query("service == 'water'")["code"])


# ---------------------------------------------------------------- kept plans


def test_a_kept_plan_comes_back_whole_and_only_for_the_same_problem(land, plan, tmp_path):
    file = plan.keep(tmp_path / "plans" / "x_water.json")
    again = plan_of(land, kept=file, quick=True, gap=0.05)
    assert (plan.origin, again.origin) == ("solved", "kept")
    assert again.villages.equals(plan.villages)
    assert again.pipes.equals(plan.pipes)
    assert again.systems.equals(plan.systems)
    assert again.system._inp_bytes() == plan.system._inp_bytes()
    # one price, one village's people: another problem
    for change in (
        {"standards": NORMS.replace({"water.cost.power_yuan_kwh": 0.61})},
        {"villages": land["county"].villages.assign(
            population=land["county"].villages["population"] + 1.0)},
    ):  # fmt: skip
        other = plan_of(land, kept=file, quick=True, gap=0.05, **change)
        assert other.origin == "quick"
        assert "stale_plan" in {p.code for p in other.problems}
    file.write_text("{", encoding="utf-8")
    broken = plan_of(land, kept=file, quick=True, gap=0.05)
    assert broken.origin == "quick"
    assert "bad_plan_file" in {p.code for p in broken.problems}
