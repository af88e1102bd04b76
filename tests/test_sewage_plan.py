"""The sewage plan of a county: brute force, monotonicity, physics, explanations, errors."""

from __future__ import annotations

import itertools

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine

import qianwan_gis as qg
from qianwan_gis._errors import DataError, UsageError
from qianwan_gis.services._sewage import exact, levels, routes, search
from qianwan_gis.services._sewage.costs import FACTORS, ranged, scaled
from qianwan_gis.services._sewage.model import Model, State, cost, everyone_local
from qianwan_gis.services._sewage.routes import Arc, Option
from qianwan_gis.services.sewage import coverage_rows, plan_sewage
from qianwan_gis.standards import Standards
from qianwan_gis.terrain import Terrain

CRS = "EPSG:4547"
X, Y = 500_000.0, 3_985_000.0
NORMS = Standards.load()


# ---------------------------------------------------------------- brute force on the problem


def random_model(seed, villages=6, junctions=1):
    """A small problem with every kind of difficulty: steps, scale, a plant that fills up."""
    rng = np.random.default_rng(seed)
    n = villages + junctions
    demand = np.r_[rng.integers(2, 40, villages).astype(float), np.zeros(junctions)]
    local = np.where(demand > 0, demand * rng.uniform(3, 9, n) + 5, 0.0)
    collect = np.where(demand > 0, demand * rng.uniform(0, 2, n), 0.0)
    arcs = []
    pairs = [(i, i + 1) for i in range(n - 1)]
    pairs += [tuple(sorted(rng.choice(n, 2, replace=False).tolist())) for _ in range(2)]
    for a, b in sorted(set(pairs)):
        for tail, head in ((a, b), (b, a)):
            small = float(rng.uniform(3, 60))
            arcs.append(
                Arc(tail, head, 1.0, (
                    Option(small, float(rng.uniform(0, 0.5)), float(rng.uniform(15, 50)), "gravity"),
                    Option(small * 1.5, float(rng.uniform(0, 0.2)), 500.0, "gravity"),
                ))
            )  # fmt: skip
    for v in range(n):
        if rng.random() < 0.8:
            ways = (Option(15.0, 4.0, 500.0, "station"), Option(45.0, 2.0, 500.0, "station"),
                    Option(90.0, 1.2, 500.0, "station"))  # fmt: skip
            arcs.append(Arc(v, -1, 0.0, ways))
    for v in rng.choice(n, 2, replace=False).tolist():
        arcs.append(
            Arc(v, -1, 1.0, (Option(float(rng.uniform(2, 25)), 0.8, 500.0, "gravity"),), plant="P")
        )
    return Model(demand, local, collect, arcs, {"P": float(rng.uniform(10, demand.sum()))})


def brute(model):
    """Least cost over every choice of one way out per node and every set of villages collected."""
    n = len(model.demand)
    out = [[k for k, a in enumerate(model.arcs) if a.tail == v] for v in range(n)]
    least = [min((o.fixed for o in a.options), default=0) for a in model.arcs]
    best = [np.inf]
    way, taken = [-1] * n, [False] * n

    def total():
        flow = np.zeros(n)
        sinks = {}
        money = 0.0
        for v in range(n):
            if not taken[v]:
                money += model.local[v]
                continue
            money += model.collect[v]
            node, steps = v, 0
            while True:
                k = way[node]
                if k < 0 or steps > n:
                    return np.inf
                flow[node] += model.demand[v]
                if model.arcs[k].head < 0:
                    plant = model.arcs[k].plant
                    sinks[plant] = sinks.get(plant, 0.0) + model.demand[v]
                    break
                node, steps = model.arcs[k].head, steps + 1
        for v in range(n):
            if way[v] >= 0:
                if flow[v] <= 0:
                    return np.inf  # the same plan without this way is listed too
                fits = [o.fixed + o.per_flow * flow[v] for o in model.arcs[way[v]].options
                        if flow[v] <= o.capacity]  # fmt: skip
                money += min(fits, default=np.inf)
        if sinks.get("P", 0.0) > model.spare.get("P", np.inf):
            return np.inf
        return money

    def choose(v, sure):
        if sure >= best[0]:
            return
        if v == n:
            best[0] = min(best[0], total())
            return
        lives = model.demand[v] > 0
        way[v], taken[v] = -1, False
        choose(v + 1, sure + (model.local[v] if lives else 0.0))
        for k in out[v]:
            way[v] = k
            if lives:
                taken[v] = True
                choose(v + 1, sure + least[k] + model.collect[v])
            taken[v] = False
            choose(v + 1, sure + least[k] + (model.local[v] if lives else 0.0))
        way[v], taken[v] = -1, False

    choose(0, 0.0)
    return best[0]


@pytest.mark.parametrize("seed", range(30))
def test_the_programme_equals_brute_force(seed):
    model = random_model(seed, villages=3 + seed % 4, junctions=seed % 2)
    found = exact.solve(model, time_limit=60)
    assert found.status == "optimal"
    assert found.cost == pytest.approx(brute(model), rel=1e-6)
    assert cost(model, found.state) == pytest.approx(found.cost)
    assert found.bound <= found.cost * (1 + 1e-9)


@pytest.mark.parametrize("seed", [100, 103])
def test_the_programme_equals_brute_force_on_eight_villages(seed):
    model = random_model(seed, villages=8, junctions=0)
    assert exact.solve(model, time_limit=60).cost == pytest.approx(brute(model), rel=1e-6)


@pytest.mark.parametrize("seed", range(10))
def test_no_cut_or_pruning_takes_the_best_plan_away(seed):
    model = random_model(seed + 500, villages=5)
    best = brute(model)
    for state in (everyone_local(model), search.greedy(model), search.together(model)):
        assert cost(model, state) >= best - 1e-6


@pytest.mark.parametrize("seed", range(8))
def test_the_least_cost_never_falls_when_a_capacity_shrinks_or_a_price_rises(seed):
    model = random_model(seed + 900, villages=5)
    spare = model.spare["P"]
    costs = [
        exact.solve(
            Model(model.demand, model.local, model.collect, model.arcs, {"P": spare * k})
        ).cost
        for k in (2.0, 1.0, 0.5, 0.2)
    ]
    assert all(b >= a - 1e-6 for a, b in itertools.pairwise(costs))
    dearer = []
    for k in (0.5, 1.0, 1.7, 3.0):
        arcs = [
            Arc(a.tail, a.head, a.length, tuple(o._replace(fixed=o.fixed * k) for o in a.options), -1, a.plant)
            if a.head >= 0 else a
            for a in model.arcs
        ]  # fmt: skip
        found = exact.solve(Model(model.demand, model.local, model.collect, arcs, model.spare))
        dearer.append((found.cost, _fixed(arcs, found.state) / k))
    assert all(b[0] >= a[0] - 1e-6 for a, b in itertools.pairwise(dearer))
    assert all(b[1] <= a[1] + 1e-6 for a, b in itertools.pairwise(dearer))  # less pipe


def _fixed(arcs, state):
    """Pipe bought, at the price of the way's smallest option."""
    return sum(
        min(o.fixed for o in arcs[w].options) for w in state.way if w >= 0 and arcs[w].head >= 0
    )


# ---------------------------------------------------------------- a small county


def valley(people=(900, 300, 60, 700, 150, 420, 30), slope=0.02, spare=400.0, tilt=0.0):
    """Seven villages along one valley road; a plant and its sewer at the lower end."""
    n = len(people)
    at = np.arange(n) * 900.0
    nodes = pd.DataFrame({"node": range(n + 1), "x": np.r_[X - 600, X + at], "y": Y})
    edges = pd.DataFrame(
        {
            "u": range(n),
            "v": range(1, n + 1),
            "seconds": 60.0,
            "metres": np.r_[600.0, np.full(n - 1, 900.0)],
        }
    )
    net = qg.RoadNetwork.from_edges(nodes, edges, CRS)
    homes = gpd.GeoDataFrame(
        {"code": [f"v{i}" for i in range(n)], "name": [f"村{i}" for i in range(n)], "population": people},
        geometry=gpd.points_from_xy(X + at, np.full(n, Y)), crs=CRS,
    )  # fmt: skip
    row, col = np.mgrid[0:80, 0:400]
    east = -1500 + 25 * (col + 0.5)
    height = 700 + slope * east + 8 * np.sin(east / 700) + tilt * (row - 40)
    ground = Terrain.from_array(height, Affine(25, 0, X - 1500, 0, -25, Y + 1000), CRS)
    plants = gpd.GeoDataFrame(
        {"facility_id": ["P1"], "capacity": [spare], "load": [0.0]},
        geometry=[shapely.Point(X - 900, Y)],
        crs=CRS,
    )
    sewers = gpd.GeoDataFrame(
        {"facility_id": ["W1"], "plant_id": ["P1"], "depth_m": [2.5]},
        geometry=[shapely.LineString([(X - 500, Y + 40), (X - 900, Y + 40)])], crs=CRS,
    )  # fmt: skip
    return homes, {"network": net, "terrain": ground, "plants": plants, "sewers": sewers}


@pytest.fixture(scope="module")
def plan():
    homes, rest = valley()
    return plan_sewage(homes, **rest)


def test_a_whole_small_county_equals_brute_force(plan):
    assert plan.status == "optimal"
    model = plan.model
    # brute force knows one plant, and needs the ways that carry nothing named apart
    spare = Model(model.demand, model.local, model.collect, model.arcs, {"P": model.spare["P1"]})
    arcs = [
        Arc(a.tail, a.head, a.length, a.options, a.route, "P" if a.plant else "")
        for a in model.arcs
    ]
    assert plan.cost == pytest.approx(
        brute(Model(spare.demand, spare.local, spare.collect, arcs, spare.spare)), rel=1e-7
    )


def test_costs_and_quantities_add_up(plan):
    assert plan.costs["life_yuan"].sum() == pytest.approx(plan.cost)
    assert plan.quantities["amount_yuan"].sum() == pytest.approx(plan.costs["build_yuan"].sum())
    assert plan.bound <= plan.cost
    assert plan.gap == pytest.approx(0.0, abs=1e-9)


def test_water_is_conserved(plan):
    table = plan.decisions
    treated = plan.stations["capacity_m3d"].sum()
    ends = plan.pipes[plan.pipes["to"].eq("W1")]["mean_m3d"].sum()
    sent = table.loc[
        table["choice"].isin(["sewer", "station", "shared_station"]), "wastewater_m3d"
    ].sum()
    assert treated + ends == pytest.approx(sent)
    litres = NORMS.value("sewage.use.flush_lpcd") * NORMS.value("sewage.flow.coefficient")
    np.testing.assert_allclose(table["wastewater_m3d"], table["people"] * litres / 1000)


def test_every_decision_is_explained_and_none_could_be_better_alone(plan):
    table = plan.decisions
    assert table.index.equals(valley()[0].index)
    for row in table.itertuples():
        assert row.text_zh
        assert row.text_en
        others = [row.cost_sewer, row.cost_station, row.cost_on_site, row.cost_reuse]
        assert row.cost_yuan <= np.nanmin(others) + 1e-3
        assert row.extra_yuan >= -1e-3
    assert set(table["reason"]) <= {"sewer_cheaper", "station_cheaper", "on_site_cheaper"}
    rows = coverage_rows(plan)
    assert rows["code"].drop_duplicates().tolist() == table["code"].tolist()
    assert rows.groupby("code")["tier"].apply(set).eq({"sewer", "station", "on_site"}).all()
    chosen = rows[rows["reason"].eq("planned")].set_index("code")["tier"]
    tier = {"sewer": "sewer", "station": "station", "shared_station": "station"}
    for row in table.itertuples():
        assert chosen[row.code] == tier.get(row.choice, "on_site")


def test_where_trunks_meet_no_pipe_begins_above_what_arrives():
    """Rolling ground: pipes arrive deep, and the next one begins as deep or after a lift."""
    made = qg.synthetic.county(20, seed=5)
    plan = plan_sewage(
        made.villages, terrain=Terrain.from_array(*made.elevation), method="quick",
        network=qg.RoadNetwork.from_roads(made.roads[made.roads["status"].eq("existing")]),
        plants=made.facilities[made.facilities["tier"].eq("plant")], sewers=made.sewers,
    )  # fmt: skip
    runs = levels.design(plan.frame, plan.outcome.state)
    arcs = plan.model.arcs
    arrives = {}
    for run in runs.values():
        if len(run.depth) and run.option.kind != "pressure":
            head = arcs[run.arc].head
            arrives[head] = max(arrives.get(head, 0.0), float(run.depth[-1]))
    deep = 0
    for node, depth in arrives.items():
        if node not in runs or not len(runs[node].depth):
            continue
        run = runs[node]
        least = float(plan.frame.prices.rules.least_depth(0))
        if depth <= least + 0.011:
            continue
        deep += 1
        lifted = run.lifts and run.lifts[0][0] == 0
        assert run.option.kind == "pressure" or lifted or run.depth[0] == pytest.approx(depth)
    assert deep  # else the case shows nothing
    extra = sum(run.extra for run in runs.values())
    assert extra > 0
    assert plan.pipes["joint_yuan"].sum() <= extra + 1e-6
    assert plan.cost == pytest.approx(plan.outcome.cost + extra)
    assert plan.cost == pytest.approx(plan.costs["life_yuan"].sum())


def test_trunks_obey_the_norms(plan):
    for code in plan.decisions.loc[plan.decisions["trunk_m"] > 100, "code"]:
        table = plan.profile(code)
        gravity = table[table["kind"].eq("gravity")]
        cover = NORMS.value("sewage.gravity.cover_road_m")
        assert (gravity["depth_m"] >= cover).all()
        assert (table["depth_m"] <= NORMS.value("sewage.gravity.max_depth_m") + 1e-9).all()
        lifted = gravity["note"].shift(-1).eq("lift")
        inner = gravity["slope"].notna() & ~lifted
        assert (gravity.loc[inner, "slope"] >= 0.0015 - 1e-9).all()
        assert table["chainage_m"].is_monotonic_increasing


def test_break_even_is_where_joining_alone_changes_sign():
    """One village, one sewer: below the break-even distance it joins, above it does not."""
    homes, rest = valley(people=(500,))
    table = plan_sewage(homes, **rest).decisions
    even = float(table["break_even_m"].iloc[0])
    chosen = []
    for share in (0.6, 1.4):
        metres = even * share
        nodes = pd.DataFrame({"node": [0, 1], "x": [X - 200 - metres, X], "y": Y})
        edges = pd.DataFrame({"u": [0], "v": [1], "seconds": [1.0], "metres": [metres]})
        net = qg.RoadNetwork.from_edges(nodes, edges, CRS)
        col = np.mgrid[0:40, 0:600][1]
        ground = Terrain.from_array(
            700 + 0.006 * 25 * col, Affine(25, 0, X - 12_000, 0, -25, Y + 500), CRS
        )
        sewers = rest["sewers"].set_geometry(
            [shapely.LineString([(X - 200 - metres, Y - 20), (X - 200 - metres, Y + 20)])], crs=CRS
        )
        plan = plan_sewage(
            homes, network=net, terrain=ground, plants=rest["plants"].set_geometry(sewers.centroid),
            sewers=sewers,
        )  # fmt: skip
        chosen.append(plan.decisions["choice"].iloc[0])
    assert chosen[0] == "sewer"
    assert chosen[1] != "sewer"


def test_a_distance_to_a_plant_is_not_a_sewer():
    homes, rest = valley()
    plan = plan_sewage(
        homes, network=rest["network"], terrain=rest["terrain"], plants=rest["plants"]
    )
    assert not plan.decisions["choice"].eq("sewer").any()
    assert plan.decisions["candidate_plant"].eq("P1").all()
    assert plan.decisions["text_zh"].str.contains("仅作候选").all()
    unknown = rest["plants"].assign(capacity=np.nan)
    plan = plan_sewage(homes, **{**rest, "plants": unknown})
    assert not plan.decisions["choice"].eq("sewer").any()
    assert any(p.code == "unknown_capacity" for p in plan.problems)


def test_a_plant_takes_no_more_than_it_can_spare():
    homes, rest = valley(spare=60.0)
    plan = plan_sewage(homes, **rest)
    taken = plan.decisions.loc[plan.decisions["choice"].eq("sewer"), "wastewater_m3d"].sum()
    assert taken <= 60.0
    full = plan_sewage(homes, **{**rest, "plants": rest["plants"].assign(load=60.0)})
    assert not full.decisions["choice"].eq("sewer").any()
    assert full.cost >= plan.cost - 1e-6


def test_prices_and_capacities_push_the_whole_plan_one_way():
    homes, rest = valley()
    for factor in ("pipe", "pump", "station", "on_site", "energy", "collection", "plant"):
        costs = []
        for times in (0.5, 1.0, 2.0):
            plan = plan_sewage(homes, **rest, standards=scaled(NORMS, factor, times))
            assert plan.status == "optimal"
            costs.append(plan.cost)
        assert costs[0] <= costs[1] + 1e-6
        assert costs[1] <= costs[2] + 1e-6
    lengths = []
    for times in (0.3, 1.0, 3.0):
        plan = plan_sewage(homes, **rest, standards=scaled(NORMS, "pipe", times))
        lengths.append(plan.pipes["length_m"].sum())
    assert lengths[0] >= lengths[1] >= lengths[2]


def test_sensitivity_goes_over_each_price_s_own_range_and_names_what_flips(plan):
    table = plan.sensitivity(("pipe", "station", "on_site", "reuse"))
    assert table["case"].tolist() == ["low", "high"] * 4
    assert (table["times"] < 1).tolist() == table["case"].eq("low").tolist()
    for factor, part in table.groupby("factor"):
        low, high = part["cost_yuan"]
        assert low <= plan.cost + 1e-6 <= high + 2e-6, factor
        norms, _ = ranged(NORMS, factor, "low")
        for name in FACTORS[factor]:
            entry = NORMS.entry(f"sewage.cost.{name}")
            if entry.low is not None:
                assert norms.value(entry.key) == entry.low
    # what flips is what a fresh plan at those prices decides otherwise
    homes, rest = valley()
    was = plan.decisions.set_index("code")["choice"].replace("shared_station", "station")
    for row in table.itertuples():
        fresh = plan_sewage(homes, **rest, standards=ranged(NORMS, row.factor, row.case)[0])
        now = fresh.decisions.set_index("code")["choice"].replace("shared_station", "station")
        assert row.cost_yuan >= fresh.bound * (1 - 1e-9)
        if row.cost_yuan <= fresh.cost * (1 + 1e-9):
            assert set(row.switched.split()) == set(was.index[was.ne(now)])
    told = plan.robustness(table).set_index("code")
    flipped = {c for codes in table["switched"] for c in codes.split()}
    assert set(told.index[~told["robust"]]) == flipped
    assert not plan.sensitivity(("pipe",), (1.0,))["flipped"].any()


def test_excluded_areas():
    homes, rest = valley()
    zone = gpd.GeoDataFrame(
        {"kind": ["water_source", "mined"]}, crs=CRS,
        geometry=[shapely.Point(X + 5400, Y).buffer(300), shapely.box(X + 4700, Y - 400, X + 4800, Y + 400)],
    )  # fmt: skip
    plan = plan_sewage(homes, **rest, excluded=zone)
    last = plan.decisions.iloc[6]
    # nothing on the spot, no station, and no pipe through the mined ground: a tanker
    assert last["choice"] == "tank"
    assert last["reason"] == "excluded_area"
    assert not plan.pipes.intersects(zone.geometry.iloc[1]).any()
    assert not plan.stations.intersects(zone.geometry.iloc[0]).any()
    with pytest.raises(DataError, match="不在"):
        plan_sewage(homes, **rest, excluded=zone.assign(kind="nice"))


def test_levels_decide_between_gravity_and_pumping():
    homes, falling = valley(slope=0.02)
    down = plan_sewage(homes, **falling)
    up = plan_sewage(homes, **valley(slope=-0.02)[1])
    assert up.cost > down.cost
    assert up.pumps["head_m"].sum() >= down.pumps["head_m"].sum()
    sewer = down.pipes[down.pipes["kind"].eq("gravity") & down.pipes["lifts"].eq(0)]
    assert len(sewer)


# ---------------------------------------------------------------- profile of one trunk


def test_a_gravity_profile_by_hand():
    along = np.array([0.0, 100.0, 200.0, 300.0])
    depth, lifts = routes.gravity_profile(
        along, np.array([10.0, 9.0, 9.0, 9.0]), 0.004, 0.9, 4.5, None
    )
    np.testing.assert_allclose(depth, [0.9, 0.9, 1.3, 1.7])  # down the slope, then 0.4 m each 100 m
    assert lifts == []
    depth, lifts = routes.gravity_profile(
        along, np.array([10.0, 12.0, 14.0, 14.0]), 0.004, 0.9, 4.5, None
    )
    np.testing.assert_allclose(depth, [0.9, 3.3, 0.9, 1.3])
    assert lifts == [(2, pytest.approx(4.8))]
    _, lifts = routes.gravity_profile(along, np.array([10.0, 9.0, 9.0, 9.0]), 0.004, 0.9, 4.5, 1.2)
    assert lifts == [(3, pytest.approx(0.5))]  # into a sewer 1.2 m deep


# ---------------------------------------------------------------- priorities and phases


def test_priorities_and_phases(plan):
    homes = valley()[0]
    zone = gpd.GeoDataFrame(geometry=[homes.geometry.iloc[4].buffer(50)], crs=CRS)
    river = gpd.GeoDataFrame(
        geometry=[shapely.LineString([(X + 800, Y + 100), (X + 1900, Y + 100)])], crs=CRS
    )
    ranking = plan.priorities(water_sources=zone, rivers=river, tourist=["v6"])
    assert ranking.sort_values("rank")["code"].tolist()[0] == "v4"
    assert "水源" in ranking["reasons_zh"].iloc[4]
    assert ranking["not_known"].eq("black_odour reservoirs").all()
    assert ranking["score"].iloc[1] == 3.0
    table = plan.phases({2025: 5}, ranking)
    assert table["year"].eq(2025).sum() == 5
    assert table["year"].eq(0).sum() == 2
    # a village never comes before one that its water passes
    order = table.set_index("code")["order"]
    frame, state = plan.frame, plan.outcome.state
    of_node = {int(v): name for name, v in zip(frame.names, frame.node, strict=True)}
    for name, v in zip(frame.names, frame.node, strict=True):
        node = int(v)
        while state.collected[v] and state.way[node] >= 0:
            node = frame.model.arcs[state.way[node]].head
            if node < 0:
                break
            if node in of_node and state.collected[node]:
                assert order[of_node[node]] < order[name]
    with pytest.raises(UsageError, match="旅游村"):
        plan.priorities(tourist=["nowhere"])


# ---------------------------------------------------------------- synthetic county, and large ones


def test_a_synthetic_county_is_better_than_greedy_and_all_local():
    made = qg.synthetic.county(12, seed=3)
    net = qg.RoadNetwork.from_roads(made.roads[made.roads["status"].eq("existing")])
    plants = made.facilities[made.facilities["tier"].eq("plant")]
    plan = plan_sewage(
        made.settlements, network=net, terrain=Terrain.from_array(*made.elevation), plants=plants,
        sewers=made.sewers, time_limit=5, gap=0.02,
    )  # fmt: skip
    beaten = plan.compared().set_index("plan")["cost_yuan"]
    assert plan.cost <= beaten["greedy"] + 1e-6
    assert plan.cost <= cost(plan.model, everyone_local(plan.model)) + 1e-6
    assert 0 < plan.bound <= plan.cost
    assert plan.decisions["code"].tolist() == made.settlements["settlement_id"].tolist()
    assert plan.costs["life_yuan"].sum() == pytest.approx(plan.cost)
    for name in plants["facility_id"]:
        mine = plan.decisions["facility_id"].eq(name)
        room = plants.set_index("facility_id").loc[name, "capacity"]
        assert plan.decisions.loc[mine, "wastewater_m3d"].sum() <= room + 1e-6


# ---------------------------------------------------------------- errors


def test_without_terrain_nothing_is_assessed():
    homes, rest = valley()
    plan = plan_sewage(homes, network=rest["network"], terrain=None)
    assert plan.status == "not_assessed"
    assert plan.decisions["reason"].eq("no_terrain").all()
    assert plan.decisions["choice"].eq("").all()
    assert plan.decisions["wastewater_m3d"].gt(0).all()
    with pytest.raises(UsageError, match="没有地形"):
        plan.sensitivity()


def test_faults_are_told_clearly():
    homes, rest = valley()
    with pytest.raises(DataError, match="人口都是0"):
        plan_sewage(homes.assign(population=0), **rest)
    with pytest.raises(DataError, match="没有人口数"):
        plan_sewage(homes.assign(population=np.nan), **rest)
    with pytest.raises(DataError, match="重复"):
        plan_sewage(homes.assign(code="v0"), **rest)
    with pytest.raises(DataError, match="没有坐标系"):
        plan_sewage(homes.set_crs(None, allow_override=True), **rest)
    with pytest.raises(DataError, match="缺少字段 plant_id"):
        plan_sewage(homes, **{**rest, "sewers": rest["sewers"].drop(columns="plant_id")})
    with pytest.raises(DataError, match="处理能力为 -5"):
        plan_sewage(homes, **{**rest, "plants": rest["plants"].assign(capacity=-5.0)})
    with pytest.raises(UsageError, match="不能为负"):
        plan_sewage(homes, **rest, standards=NORMS.replace({"sewage.cost.station_yuan": -1.0}))


def test_bad_ground_is_told():
    homes, rest = valley()
    tile = rest["terrain"].tiles[0]
    sea = tile.array.copy()
    sea[:, :30] = -3.0  # the plant's end of the valley
    with pytest.raises(DataError, match=r"P1.*低于海平面") as told:
        plan_sewage(homes, **{**rest, "terrain": Terrain.from_array(sea, tile.transform, CRS)})
    assert told.value.problems[0].code == "below_sea_level"
    hole = tile.array.copy()
    hole[:, 200:230] = -9999
    with pytest.raises(DataError) as told:
        plan_sewage(
            homes,
            **{**rest, "terrain": Terrain.from_array(hole, tile.transform, CRS, nodata=-9999)},
        )
    assert {p.code for p in told.value.problems} == {"no_elevation"}
    half = Terrain.from_array(tile.array[:, :200], tile.transform, CRS)
    with pytest.raises(DataError, match="范围之外"):
        plan_sewage(homes, **{**rest, "terrain": half})


def test_prices_below_nought_are_refused_before_anything_is_planned():
    homes, rest = valley()
    with pytest.raises(UsageError, match="负"):
        plan_sewage(homes, **rest, standards=NORMS.replace({"sewage.cost.pump_yuan": -1.0}))


@pytest.mark.parametrize("crs", ["EPSG:4490", "EPSG:4548"])
def test_another_crs_gives_the_same_plan(plan, crs):
    homes, rest = valley()
    moved = {k: rest[k].to_crs(crs) for k in ("plants", "sewers")}
    other = plan_sewage(homes.to_crs(crs), **{**rest, **moved})
    assert other.decisions["choice"].tolist() == plan.decisions["choice"].tolist()
    assert other.cost == pytest.approx(plan.cost, rel=1e-3)


def test_villages_served_already_cost_nothing_and_take_their_plant_s_room():
    homes, rest = valley()
    free = plan_sewage(homes, **rest)
    plants = rest["plants"].drop(columns="load")
    some = plan_sewage(homes, **{**rest, "plants": plants}, served={"v0": "P1", "v3": "S9"})
    table = some.decisions.set_index("code")
    assert table.loc[["v0", "v3"], "choice"].eq("existing").all()
    assert table.loc["v0", "facility_id"] == "P1"
    assert some.cost < free.cost
    assert some.model.spare["P1"] == pytest.approx(400.0 - table.loc["v0", "wastewater_m3d"])


@pytest.mark.parametrize("seed", range(6))
def test_local_search_keeps_its_cost_and_flows_right(seed):
    model = random_model(seed + 40, villages=6)
    made = search.Search(model, everyone_local(model))
    made.run(float("inf"))
    made.kick(60, float("inf"), seed)
    assert made.cost == pytest.approx(cost(model, made.state))
    assert made.cost >= brute(model) - 1e-6
    again = search.heuristic(model, kicks=20)
    same = search.heuristic(model, kicks=20)
    assert again.way.tolist() == same.way.tolist()


def test_state_of_nobody_costs_everyone_local():
    model = random_model(1)
    state = State(np.full(len(model.demand), -1), np.zeros(len(model.demand), bool))
    assert cost(model, state) == pytest.approx(model.local.sum())
