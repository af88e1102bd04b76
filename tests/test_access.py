"""Access: verdicts on networks whose truth is known by hand, invariants, and scores.

Independent truth: hand-made networks, networkx Dijkstra, PySAL `access` where it is installed.
"""

from __future__ import annotations

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import serv_tables as t
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from qianwan_gis._errors import DataError, UsageError
from qianwan_gis.schemas import COVERAGE, Inventory, require
from qianwan_gis.services import access, compute_coverage, services
from qianwan_gis.services.registry import STRENGTH
from qianwan_gis.standards import Standards
from qianwan_gis.uncertainty import Draws

STANDARDS = Standards.load()
DRAWS = Draws(n=40, seed=3)
CLINIC = next(s for s in services() if (s.service, s.tier) == ("clinic", "village"))
CENTRE = next(s for s in services() if (s.service, s.tier) == ("clinic", "township"))
HOSPITAL = next(s for s in services() if (s.service, s.tier) == ("clinic", "county"))


def cover(villages, facilities, net, inventory="complete", *, service=CLINIC, regions=None,
          seats=None, standards=STANDARDS, draws=DRAWS):  # fmt: skip
    return access.coverage(
        service, villages, draws.positions(villages, regions), net, facilities,
        {(service.service, service.tier): Inventory(inventory)}, standards, draws, seats=seats,
    ).set_index("code")  # fmt: skip


LINE = t.network([(0, 0), (1000, 0), (1001, 0), (9000, 0)], [(0, 1), (1, 2), (2, 3)])


def test_limit_is_inclusive_and_over_it_is_not_covered():
    # 1000 m at 4 km/h are exactly the 15 minutes of the norm; 1001 m are not.
    made = cover(t.villages([(1000, 0), (1001, 0)]), t.facilities([(0, 0)]), LINE)
    assert made["covered"].tolist() == [True, False]
    assert made["reason"].tolist() == ["ok", "over_limit"]
    assert made["minutes"].tolist() == [15.0, 15.0]
    assert made["metres"].tolist() == [1000, 1001]
    assert made["minutes_low"].isna().all()
    assert made["limit"].unique().tolist() == [15]
    assert set(made["facility_id"]) == {"F00"}
    assert set(made["basis"]) == {"surveyed"}


def test_access_leg_counts():
    # 100 m beside the road: 900 m on it and 100 m to it are 15 minutes, 110 m are too much.
    made = cover(t.villages([(900, 100), (900, 110)]), t.facilities([(0, 0)]), LINE)
    assert made["covered"].tolist() == [True, False]


@pytest.mark.parametrize("inventory", ["partial", "assumed"])
def test_silence_is_not_absence(inventory):
    made = cover(t.villages([(500, 0), (9000, 0)]), t.facilities([(0, 0)]), LINE, inventory)
    assert made["covered"].iloc[0]
    assert pd.isna(made["covered"].iloc[1])
    assert made["reason"].tolist() == ["ok", "inventory_incomplete"]
    if inventory == "partial":  # the nearest recorded one says nothing of the nearest one
        assert np.isnan(made["minutes"].iloc[1])
        assert made["facility_id"].iloc[1] == ""


def test_without_a_register_only_the_reason_is_given():
    made = cover(t.villages([(500, 0)]), t.facilities([(0, 0)]), LINE, "none").iloc[0]
    assert made["reason"] == "inventory_incomplete"
    assert pd.isna(made[["covered", "p_covered", "minutes", "metres", "limit"]]).all()
    assert made["facility_id"] == ""


def test_complete_and_empty_register_means_no_facility():
    made = cover(t.villages([(500, 0)]), t.facilities([]), LINE).iloc[0]
    assert made["reason"] == "no_facility"
    assert not made["covered"]


def test_facility_in_the_village_is_at_the_village_even_without_a_point():
    places = t.villages([None, (9000, 0)], basis=["region", "point"])
    regions = gpd.GeoDataFrame(
        {"code": places["code"][:1], "weight": 1.0},
        geometry=[box(t.X0, t.Y0, t.X0 + 9000, t.Y0 + 500)], crs=t.CRS,
    )  # fmt: skip
    clinic = t.facilities([None], village_code=places["code"].iloc[0])
    made = cover(places, clinic, LINE, "partial", regions=regions)
    assert made["covered"].iloc[0]
    assert made["minutes"].iloc[0] == 0
    assert made["basis"].iloc[0] == "recorded"
    assert pd.isna(made["covered"].iloc[1])


def test_same_point_as_an_assumed_facility_is_not_assessed():
    places = t.villages(
        [(50, 0), (150, 0), (600, 0), (700, 0)],
        match=["exact", "exact", "settlement", "seat"], uncertainty=[10, 10, 900, 50],
    )  # fmt: skip
    made = cover(places, t.facilities([(0, 0)], basis="assumed"), LINE, "assumed")
    assert made["reason"].tolist() == ["same_point", "ok", "same_point", "ok"]
    hidden = made[made["reason"] == "same_point"]
    assert hidden[["covered", "minutes", "p_covered", "metres"]].isna().all(axis=None)
    assert made["basis"].iloc[1] == "assumed"
    recorded = cover(places, t.facilities([(0, 0)]), LINE)
    assert (recorded["reason"] != "same_point").all()


def test_unlocated_other_component_and_no_road():
    net = t.network([(0, 0), (500, 0), (5000, 0), (5500, 0)], [(0, 1), (2, 3)])
    made = cover(t.villages([None, (5500, 0), (500, 0)]), t.facilities([(0, 0)]), net)
    assert made["reason"].tolist() == ["not_located", "other_component", "ok"]
    assert made["covered"].isna().tolist() == [True, False, False]
    nothing = cover(t.villages([(0, 0)]), t.facilities([(0, 0)]), None)
    assert nothing["reason"].tolist() == ["no_road"]


def test_position_draws_decide():
    # The limit lies 15 min = 1000 m away: half of the draws of a village there are inside.
    made = cover(t.villages([(1000, 0), (700, 0), (1300, 0)], uncertainty=200),
                 t.facilities([(0, 0)]), LINE, draws=Draws(n=400, seed=1))  # fmt: skip
    assert 0.2 < made["p_covered"].iloc[0] < 0.6  # legs off the road only add
    assert made["reason"].tolist() == ["undecided", "ok", "over_limit"]


# ---- presumed links -------------------------------------------------------------------------


def seat_table(xy=(0, 0)):
    return gpd.GeoDataFrame(
        {"township": ["甲镇"]}, geometry=gpd.points_from_xy([t.X0 + xy[0]], [t.Y0 + xy[1]]),
        crs=t.CRS,
    )  # fmt: skip


def test_presumed_edges_give_whole_minutes_in_ranges_of_five():
    net = t.network([(0, 0), (8000, 0)], [(0, 1)], kph=20 / 1.33, basis="presumed", mode="car")
    draws = Draws(n=400, seed=5)
    made = cover(t.villages([(8000, 0)]), t.facilities([(0, 0)], tier="township"), net,
                 service=CENTRE, draws=draws).iloc[0]  # fmt: skip
    # by hand: 8 km straight x circuity / speed in each draw; the way that is given is the same
    circuity = draws.factor(STANDARDS, "roads.presumed.circuity")
    speed = draws.factor(STANDARDS, "roads.presumed.speed_kph")
    minutes = 8 * circuity / speed * 60
    low, mid, high = np.percentile(minutes, [5, 50, 95])
    assert made["minutes_low"] == np.floor(low / 5) * 5
    assert made["minutes_high"] == np.ceil(high / 5) * 5
    assert made["minutes"] == pytest.approx(mid, abs=1)
    assert made["minutes"] == round(made["minutes"])
    assert made["basis"] == "presumed"
    # both counted by hand: the share of the draws under the norm
    assert made["p_covered"] == pytest.approx((minutes <= 30).mean(), abs=0.03)


def test_village_goes_straight_to_its_seat_where_that_is_shorter():
    # The only road passes 6 km north of the village; its seat is 3 km east of it.
    nodes = [(0, 6000), (3000, 6000), (3000, 0)]
    net = t.network(nodes, [(0, 1), (1, 2)], kph=20, basis=["generalised", "presumed"], mode="car")
    places = t.villages([(0, 0)])
    health = t.facilities([(3000, 0)], tier="township")
    without = cover(places, health, net, service=CENTRE).iloc[0]
    made = cover(places, health, net, service=CENTRE, seats=seat_table((3000, 0))).iloc[0]
    draws_own = DRAWS.factor(STANDARDS, "roads.presumed.circuity", "village", places["code"][0])
    speed = DRAWS.factor(STANDARDS, "roads.presumed.speed_kph")
    link = 3 * draws_own / speed * 60
    assert made["minutes"] <= without["minutes"]
    assert made["minutes_low"] <= np.percentile(link, 5)
    assert made["minutes_high"] <= np.ceil(np.percentile(link, 96) / 5) * 5


def test_surveyed_roads_never_use_the_seat_link():
    net = t.network([(0, 6000), (3000, 6000), (3000, 0)], [(0, 1), (1, 2)], kph=20, mode="car")
    places, health = t.villages([(0, 0)]), t.facilities([(3000, 0)], tier="township")
    one = cover(places, health, net, service=CENTRE)
    two = cover(places, health, net, service=CENTRE, seats=seat_table((3000, 0)))
    pd.testing.assert_frame_equal(one, two)


def test_weakest_kind_of_road_on_the_way_is_told():
    net = t.network([(0, 0), (400, 0), (800, 0)], [(0, 1), (1, 2)], basis=["osm", "generalised"])
    made = cover(t.villages([(400, 0), (800, 0)]), t.facilities([(0, 0)]), net)
    assert made["basis"].tolist() == ["osm", "generalised"]
    synthetic = cover(t.villages([(400, 0)]), t.facilities([(0, 0)], basis="synthetic"), net)
    assert synthetic["basis"].tolist() == ["synthetic"]
    assert STRENGTH.index("generalised") < STRENGTH.index("presumed") < STRENGTH.index("synthetic")


# ---- invariants and other engines -----------------------------------------------------------


def grid(seed, side=5, step=400.0):
    rng = np.random.default_rng(seed)
    nodes = [(x * step + rng.uniform(-90, 90), y * step + rng.uniform(-90, 90))
             for y in range(side) for x in range(side)]  # fmt: skip
    edges = [(i, i + 1) for i in range(side * side) if (i + 1) % side]
    edges += [(i, i + side) for i in range(side * (side - 1))]
    keep = rng.random(len(edges)) > 0.15
    return nodes, [e for e, k in zip(edges, keep, strict=True) if k]


def test_minutes_equal_networkx():
    nodes, edges = grid(4)
    net = t.network(nodes, edges)
    xy = np.array(nodes)
    graph = nx.Graph()
    graph.add_nodes_from(range(len(nodes)))
    for u, v in edges:
        graph.add_edge(u, v, weight=float(np.hypot(*(xy[u] - xy[v]))))
    sites = [3, 17]
    truth = nx.multi_source_dijkstra_path_length(graph, set(sites))
    linked = [i for i in range(len(nodes)) if graph.degree(i)]
    made = cover(
        t.villages([nodes[i] for i in linked]), t.facilities([nodes[s] for s in sites]), net
    )
    expected = np.array([truth.get(i, np.nan) for i in linked]) / (4 / 3.6) / 60
    np.testing.assert_allclose(made["minutes"], np.round(expected, 1), atol=0.051)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_a_facility_more_never_lowers_coverage_nor_a_higher_limit(seed, count):
    rng = np.random.default_rng(seed)
    nodes, edges = grid(seed)
    net = t.network(nodes, edges)
    places = t.villages([tuple(p) for p in rng.uniform(0, 1600, (12, 2))], uncertainty=80.0)
    sites = [tuple(p) for p in rng.uniform(0, 1600, (count + 1, 2))]
    fewer = cover(places, t.facilities(sites[:-1]), net)
    more = cover(places, t.facilities(sites), net)
    assert (more["p_covered"] >= fewer["p_covered"]).all()
    longer = cover(places, t.facilities(sites[:-1]), net,
                   standards=STANDARDS.replace({"health.village.walk_minutes": 20}))  # fmt: skip
    assert (longer["p_covered"] >= fewer["p_covered"]).all()
    shuffled = cover(places.sample(frac=1, random_state=seed),
                     t.facilities(sites).sample(frac=1, random_state=seed), net)  # fmt: skip
    pd.testing.assert_frame_equal(shuffled.loc[more.index], more)


def test_one_table_for_all_services_keeps_the_contract():
    places = t.villages([(0, 0), None, (900, 0)])
    both = pd.concat([t.facilities([(0, 0)]), t.facilities([(0, 0)], "sewage", "plant")])
    both["facility_id"] = ["A", "B"]
    inventories = {
        ("clinic", "village"): Inventory.COMPLETE,
        ("sewage", "plant"): Inventory.PARTIAL,
    }
    net = t.network([(0, 0), (1000, 0)], [(0, 1)])
    car = t.network([(0, 0), (1000, 0)], [(0, 1)], mode="car")
    net.seconds["car"] = car.seconds["car"]
    made = compute_coverage(places, None, net, both, inventories, STANDARDS, DRAWS)
    require(made, COVERAGE, file="coverage")
    assert len(made) == len(places) * len(services())
    assert made.groupby(["service", "tier"]).size().nunique() == 1
    sewer = made[made["tier"] == "sewer"].set_index("code")
    assert sewer["covered"].isna().all()
    assert sewer["reason"].tolist() == ["screen_only", "not_located", "screen_only"]
    assert sewer["band"].tolist() == ["≤1 km", "", "≤1 km"]
    assert set(made.loc[made["service"] == "water", "reason"]) == {"no_works_register"}


def test_totals_come_from_the_same_draws():
    from qianwan_gis.services import Joint

    # Two villages around the limit and one far inside; the third has no position.
    places = t.villages([(1000, 0), (1000, 0), (300, 0), None], uncertainty=200)
    joint, draws = Joint(), Draws(n=400, seed=8)
    made = access.coverage(
        CLINIC, places, draws.positions(places), LINE, t.facilities([(0, 0)]),
        {("clinic", "village"): Inventory.COMPLETE}, STANDARDS, draws, joint=joint,
    )  # fmt: skip
    total = joint.totals().iloc[0]
    assert (total["villages"], total["assessed"]) == (4, 3)
    within = joint.within["clinic", "village"]
    assert within.mean(axis=1)[:3] == pytest.approx(made["p_covered"].to_numpy(float)[:3], abs=1e-4)
    sums = within[:3].sum(axis=0)
    assert total["within_low"] == np.percentile(sums, 5)
    assert total["within_high"] == np.percentile(sums, 95)
    assert 1 <= total["within_low"] <= total["within"] <= total["within_high"] <= 3


# ---- sewage and water by record -------------------------------------------------------------


def test_sewers_stations_and_works_by_record():
    places = t.villages([(0, 0), (250, 0), (900, 0)])
    line = gpd.GeoDataFrame(
        {"facility_id": ["S1"], "name": [""], "basis": ["recorded"]},
        geometry=gpd.GeoSeries.from_wkt([f"LINESTRING({t.X0} {t.Y0}, {t.X0} {t.Y0 + 5000})"]),
        crs=t.CRS,
    )  # fmt: skip
    works = t.facilities([(0, 0)], "water", "works")
    inventories = {("sewage", "sewer"): "complete", ("water", "works"): "complete",
                   ("sewage", "on_site"): "partial"}  # fmt: skip
    on_site = t.facilities([None], "sewage", "on_site", village_code=places["code"][2],
                           facility_id=["T1"])  # fmt: skip
    supplies = pd.DataFrame(
        {"service": "water", "tier": "works", "facility_id": "F00", "code": places["code"][:2]}
    )
    made = compute_coverage(places, None, None, pd.concat([works, on_site]), inventories,
                            STANDARDS, DRAWS, sewers=line, supplies=supplies)  # fmt: skip
    sewer, water, tank = (
        made[made["tier"] == k].reset_index() for k in ("sewer", "works", "on_site")
    )
    assert sewer["covered"].tolist() == [True, True, False]  # 0, 250 and 900 m, norm 300 m
    assert sewer["metres"].tolist() == [0, 250, 900]
    assert water["covered"].tolist() == [True, True, False]
    assert water["reason"].tolist() == ["ok", "ok", "no_facility"]
    assert tank["covered"].isna().tolist() == [True, True, False]
    assert tank["facility_id"].tolist() == ["", "", "T1"]


# ---- scores ---------------------------------------------------------------------------------


def pairs(n=60, m=12, k=6, seed=0, top=60.0):
    rng = np.random.default_rng(seed)
    origin = np.repeat(np.arange(n), k)
    destination = np.concatenate([rng.choice(m, k, replace=False) for _ in range(n)])
    cost = pd.DataFrame(
        {"origin": origin, "destination": destination, "cost": rng.uniform(0, top, n * k)}
    )
    demand = pd.Series(rng.integers(1, 400, n).astype(float), index=range(n))
    supply = pd.Series(rng.integers(1, 20, m).astype(float), index=range(m))
    return cost, demand, supply


def test_two_step_by_hand():
    # Luo and Wang: 10 beds for 100 + 100 people and 5 beds for the second hundred alone.
    cost = pd.DataFrame({"origin": ["a", "b", "b", "c"], "destination": ["x", "x", "y", "y"],
                         "cost": [10.0, 30.0, 5.0, 31.0]})  # fmt: skip
    score = access.fca(cost, pd.Series({"a": 100.0, "b": 100.0, "c": 50.0}),
                       pd.Series({"x": 10.0, "y": 5.0}), 30.0)  # fmt: skip
    assert score.to_dict() == pytest.approx({"a": 0.05, "b": 0.10, "c": 0.0})


@pytest.mark.parametrize("method", ["2sfca", "e2sfca", "3sfca", "gaussian"])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_people_get_is_what_the_reached_facilities_hold(method, seed):
    cost, demand, supply = pairs(seed=seed)
    score = access.fca(cost, demand, supply, 45.0, method=method)
    reached = cost.loc[cost["cost"] <= 45.0, "destination"].unique()
    if method == "gaussian":  # weight 0 exactly at the edge reaches nothing
        reached = cost.loc[cost["cost"] < 45.0, "destination"].unique()
    assert (score * demand).sum() == pytest.approx(supply.loc[reached].sum(), rel=1e-9)
    mixed = access.fca(cost.sample(frac=1, random_state=seed), demand, supply, 45.0, method=method)
    pd.testing.assert_series_equal(score, mixed, check_exact=True)


@pytest.mark.filterwarnings("ignore")  # PySAL's own code uses what pandas 3 deprecates
def test_fca_equals_pysal():
    fca = pytest.importorskip("access.fca")
    weights = pytest.importorskip("access.weights")
    cost, demand, supply = pairs(400, 50, 12, seed=2)
    people = pd.DataFrame({"demand": demand}).rename_axis("geoid")
    stock = pd.DataFrame({"supply": supply}).rename_axis("geoid")
    theirs = cost.rename(columns={"destination": "dest"})
    steps = {"e2sfca": {20: 1, 40: 0.68, 60: 0.22},
             "3sfca": {10: 0.962, 20: 0.704, 30: 0.377, 60: 0.042}}  # fmt: skip
    for method, catchment in (("2sfca", 30.0), ("e2sfca", 60.0), ("3sfca", 60.0)):
        function = fca.three_stage_fca if method == "3sfca" else fca.two_stage_fca
        decay = weights.step_fn(steps[method]) if method in steps else None
        expected = function(people, stock, theirs.copy(), catchment, demand_index=True,
                            supply_index=True, weight_fn=decay)  # fmt: skip
        ours = access.fca(cost, demand, supply, catchment, method=method)
        np.testing.assert_allclose(ours.loc[expected.index], expected, rtol=0, atol=1e-12)


def test_gravity_and_cumulative_by_hand():
    cost = pd.DataFrame({"origin": ["a", "a"], "destination": ["x", "y"], "cost": [10.0, 20.0]})
    supply = pd.Series({"x": 4.0, "y": 8.0})
    assert access.cumulative(cost, supply, 10.0)["a"] == 4.0
    assert access.gravity(cost, supply, {10: 1.0, 20: 0.5})["a"] == 8.0
    sigma = access.gravity(cost, supply, access.gaussian(10.0))["a"]
    assert sigma == pytest.approx(4 * np.exp(-0.5) + 8 * np.exp(-2))


def test_raam_is_the_equilibrium():
    cost, demand, supply = pairs(30, 6, 4, seed=3)
    tau = 20.0
    score = access.raam(cost, demand, supply, tau, tolerance=1e-12)
    assert score.attrs["gap"] < 1e-9
    # The equilibrium minimises a convex potential: scipy's general solver finds the same loads.
    from scipy.optimize import minimize

    rho = demand.sum() / supply.sum()
    origin = cost["origin"].to_numpy()
    destination = cost["destination"].to_numpy()
    travel = cost["cost"].to_numpy() / tau
    capacity = (rho * supply).to_numpy()[destination]

    def flows(z):
        share = np.exp(z - z.max())
        return demand.to_numpy()[origin] * share / np.bincount(origin, share)[origin]

    def potential(z):
        flow = flows(z)
        load = np.bincount(destination, flow, minlength=len(supply))
        return (load**2 / (2 * rho * supply.to_numpy())).sum() + flow @ travel

    found = minimize(
        potential, -travel, method="L-BFGS-B", options={"maxiter": 5000, "maxfun": 10**6}
    )
    flow = flows(found.x)
    load = np.bincount(destination, flow, minlength=len(supply))
    each = load[destination] / capacity + travel
    expected = np.bincount(origin, flow * each) / demand.to_numpy()
    np.testing.assert_allclose(score, expected, rtol=2e-3)


@pytest.mark.filterwarnings("ignore")
def test_raam_equals_pysal_run_to_its_end():
    # With its default of 150 cycles PySAL stops 1-10 % away on some origins; with 3000 it arrives.
    raam = pytest.importorskip("access.raam")
    cost, demand, supply = pairs(60, 8, 8, seed=5)
    demand = (demand * 200).astype(int)
    expected = raam.raam(
        pd.DataFrame({"demand": demand}), pd.DataFrame({"supply": supply}),
        cost.rename(columns={"destination": "dest"}), tau=30, max_cycles=3000, min_step=0.0005,
        half_life=300,
    ).reindex(demand.index)  # fmt: skip
    ours = access.raam(cost, demand, supply, 30.0)
    np.testing.assert_allclose(ours, expected, rtol=1e-3)
    assert ours.attrs["gap"] <= 1e-6


def test_equity_figures_by_hand():
    score = pd.Series([1.0, 1.0, 1.0, 1.0])
    assert access.gini(score) == pytest.approx(0.0)
    # one of four has everything: Gini = 1 - 1/4
    assert access.gini(pd.Series([0.0, 0.0, 0.0, 1.0])) == pytest.approx(0.75)
    # weights act as so many people
    few = access.gini(pd.Series([1.0, 3.0]), pd.Series([3.0, 1.0]))
    many = access.gini(pd.Series([1.0, 1.0, 1.0, 3.0]))
    assert few == pytest.approx(many)
    ten = pd.Series(np.arange(1.0, 11.0))
    assert access.palma(ten) == pytest.approx(10 / (1 + 2 + 3 + 4))
    assert access.worst_decile(ten) == 1.0
    table = access.equity(ten, by=pd.Series(["a"] * 5 + ["b"] * 5))
    assert table.loc["a", "share_of_worst_decile"] == pytest.approx(0.2)
    assert table.loc["b", "share_of_worst_decile"] == 0.0
    assert table.loc["", "origins"] == 10


def test_faults_of_scores_are_told_together():
    cost, demand, supply = pairs(5, 3, 2)
    with pytest.raises(DataError) as caught:
        access.fca(cost.drop(columns="cost"), demand, -supply, 30.0)
    assert {p.code for p in caught.value.problems} == {"missing_column", "negative"}
    twice = pd.concat([cost, cost.head(1)])
    with pytest.raises(DataError, match="重复"):
        access.fca(twice, demand, supply, 60.0)
    with pytest.raises(UsageError):
        access.fca(cost, demand, supply, 30.0, method="4sfca")
    with pytest.raises(UsageError):
        access.raam(cost, demand, supply, 0.0)


# ---- further questions ----------------------------------------------------------------------


def test_backup_is_the_second_facility():
    made = access.backup(t.villages([(0, 0), (1000, 0), (9000, 0), None]),
                         t.facilities([(0, 0), (1001, 0)]), LINE, minutes=15.0)  # fmt: skip
    assert made["first_id"].tolist() == ["F00", "F01", "F01"]
    assert made["second_id"].tolist() == ["F01", "F00", "F00"]
    assert made["within"].tolist() == [1, 2, 0]  # 1001 m is over, 1000 m is not


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_full_facilities_cover_no_more_and_people_are_conserved(seed, split):
    cost, demand, supply = pairs(20, 5, 3, seed=seed)
    capacity = supply * 60
    made = access.allocate(cost, demand, capacity, 40.0, split=split)
    assert made.groupby("origin")["people"].sum().reindex(demand.index).to_numpy() == pytest.approx(
        demand.to_numpy()
    )
    served = made[made["reason"] == "ok"]
    load = served.groupby("destination")["people"].sum().reindex(capacity.index, fill_value=0.0)
    assert (load <= capacity + 1e-9).all()
    assert (served["cost"] <= 40.0).all()
    full = made[made["reason"] == "facility_full"]
    if split:  # whoever is left over has only full facilities within the limit
        for origin in full["origin"]:
            near = cost[(cost["origin"] == origin) & (cost["cost"] <= 40.0)]["destination"]
            assert load[near].to_numpy() == pytest.approx(capacity[near].to_numpy())
    mixed = access.allocate(
        cost.sample(frac=1, random_state=seed), demand, capacity, 40.0, split=split
    )
    pd.testing.assert_frame_equal(made, mixed)


def test_life_circle_knows_missing_from_unknown():
    made = access.life_circle(
        {"clinic": pd.Series({"a": 15.0, "b": 16.0, "c": 2.0}), "shop": pd.Series({"a": 3.0, "b": 1.0})},
        15.0, required=["clinic", "shop"],
    )  # fmt: skip
    assert made["complete"].tolist() == [True, False, pd.NA]
    assert made["missing"].tolist() == ["", "clinic", ""]
    assert made["unknown"].tolist() == ["", "", "shop"]
    assert made["reached"].tolist() == [2, 1, 1]


def test_rural_access_index_straight_and_along_the_network():
    # A paved road along y = 0; a dirt track leads 3 km off to the side and comes back near it.
    from shapely import LineString

    lines = [[(0, 0), (5000, 0)], [(5000, 0), (8000, 0), (8000, 3000)]]
    roads = gpd.GeoDataFrame(
        {"road_id": ["p", "d"], "road_class": ["tertiary", "track"], "surface": ["asphalt", "dirt"],
         "status": "existing"},
        geometry=[LineString([(t.X0 + x, t.Y0 + y) for x, y in line]) for line in lines], crs=t.CRS,
    )  # fmt: skip
    nodes = pd.DataFrame({"node": [0, 1, 2, 3], "x": t.X0 + np.array([0, 5000, 8000, 8000]),
                          "y": t.Y0 + np.array([0, 0, 0, 3000])})  # fmt: skip
    edges = pd.DataFrame({"u": [0, 1, 2], "v": [1, 2, 3], "seconds": 1.0,
                          "metres": [5000.0, 3000.0, 3000.0], "road_id": ["p", "d", "d"]})  # fmt: skip
    from qianwan_gis.network import RoadNetwork

    net = RoadNetwork.from_edges(nodes, edges, t.CRS)
    places = t.villages([(1000, 2000), (7000, 0), (6900, 100), (8000, 1000), None],
                        population=[100, 200, 300, 400, 500], population_kind="registered",
                        population_year=2020)  # fmt: skip
    made = access.rural_access_index(places, roads, all_season=["asphalt"], network=net)
    straight, network = made.loc["straight"], made.loc["network"]
    assert (straight["villages"], straight["assessed"], straight["within"]) == (5, 4, 3)
    assert straight["share_people"] == pytest.approx(600 / 1000)
    # (6900, 100) is 1903 m away as the crow flies and 2000 m by the track: still within
    assert network["within"] == 3
    tight = access.rural_access_index(
        places, roads, all_season=["asphalt"], network=net, distance_m=1999
    )
    assert tight.loc["straight", "within"] == 1
    assert tight.loc["network", "within"] == 0
    none = access.rural_access_index(places, roads, all_season=pd.Series([False, False]))
    assert none.loc["straight", "within"] == 0
    unknown = places.assign(population=[100, np.nan, np.nan, 1, 1])
    made = access.rural_access_index(unknown, roads, all_season=["asphalt"])
    assert np.isnan(made.loc["straight", "share_people"])
    decades = places.assign(population_year=[2000, 2010, 2020, 2021, 2022])  # 3 of 4 agree
    made = access.rural_access_index(decades, roads, all_season=["asphalt"])
    assert np.isnan(made.loc["straight", "share_people"])


def test_change_between_scenarios():
    def table(values):
        return pd.DataFrame({"code": list("abcd"), "service": "clinic", "tier": "village",
                             "minutes": [1.0] * 4, "covered": pd.array(values, dtype="boolean")})  # fmt: skip

    made = access.compare(table([True, False, pd.NA, False]), table([True, True, False, pd.NA]))
    assert made["change"].tolist() == ["same", "gained", "decided", "undecided"]


# ---- options of coverage and the compiled path ----------------------------------------------


def _line_coverage(**options):
    from qianwan_gis.services import compute_coverage

    homes = t.villages(
        [(0.0, 0.0), (300.0, 0.0), (600.0, 0.0), (5000.0, 0.0)],
        population=[100.0, 100.0, 100.0, 100.0],
    )
    road = t.network([(0, 0), (300, 0), (600, 0), (5000, 0)], [(0, 1), (1, 2), (2, 3)])
    stock = t.facilities([(0.0, 0.0), (600.0, 0.0)], capacity=[options.pop("room", np.nan), np.nan])
    if options.pop("one", False):
        stock = stock.iloc[:1]
    found = compute_coverage(
        homes, None, road, stock, {("clinic", "village"): options.pop("inventory", "complete")},
        Standards.load(), Draws(n=20, seed=1), **options,
    )  # fmt: skip
    return found[found["tier"].eq("village")].reset_index(drop=True)


def test_second_facility_in_reach():
    made = _line_coverage(backup=True)
    assert made["p_backup"].tolist() == [1.0, 1.0, 1.0, 0.0]
    assert made["backup_id"].tolist()[3] == ""
    assert {made["facility_id"][0], made["backup_id"][0]} == {"F00", "F01"}
    assert made["backup_minutes"][0] == pytest.approx(9.0, abs=0.06)  # 600 m at 4 km/h
    plain = _line_coverage()
    assert made[plain.columns].equals(plain)


def test_a_full_facility_covers_no_more():
    named = {("clinic", "village"): 1.0}
    full = _line_coverage(one=True, room=200.0, capacity=named)
    assert full["reason"].tolist() == ["ok", "ok", "facility_full", "over_limit"]
    assert full["covered"].tolist() == [True, True, False, False]
    beds = _line_coverage(one=True, room=20.0, capacity={("clinic", "village"): 10.0})
    assert beds["reason"].tolist() == full["reason"].tolist()
    # Off the record there may be room elsewhere.
    partial = _line_coverage(one=True, room=200.0, capacity=named, inventory="partial")
    assert partial["covered"].isna().tolist() == [False, False, True, True]
    # With a second facility the village goes there.
    moved = _line_coverage(room=100.0, capacity=named)
    assert moved["reason"].tolist()[:3] == ["ok"] * 3
    assert moved["facility_id"].tolist()[:3] == ["F00", "F01", "F01"]
    assert access.compare(_line_coverage(one=True), full)["change"].tolist().count("lost") == 1


def test_compiled_and_array_passes_agree():
    rng = np.random.default_rng(0)
    n, m, k = 1500, 120, 80
    near = np.sort(np.argsort(rng.random((n, m)), axis=1)[:, :k], axis=1)
    cost = pd.DataFrame({"origin": np.repeat(np.arange(n), k), "destination": near.ravel(),
                         "cost": rng.random(n * k) * 60})  # fmt: skip
    cost.loc[::97, "cost"] = np.nan
    people = pd.Series(rng.integers(0, 900, n).astype(float))
    stock = pd.Series(rng.integers(0, 50, m).astype(float))
    assert len(cost) >= 100_000
    flat = access.fca(cost, people, stock, 30.0)
    rest = access.fca(cost, people, stock, 30.0, weights=lambda c: np.ones(len(c)))
    assert np.allclose(flat, rest, rtol=0, atol=1e-15)
    shuffled = access.fca(cost.sample(frac=1, random_state=1), people, stock, 30.0)
    assert np.allclose(flat, shuffled, rtol=0, atol=1e-15)
    text = cost.assign(origin="o" + cost["origin"].astype(str))
    named = access.fca(text, people.set_axis([f"o{i}" for i in range(n)]), stock, 30.0)
    assert np.allclose(flat, named, rtol=0, atol=1e-15)
    with pytest.raises(DataError):
        access.fca(cost.assign(cost=-1.0), people, stock, 30.0)
    with pytest.raises(DataError):
        access.fca(pd.concat([cost, cost.iloc[[1]]]), people, stock, 60.0)


def test_life_circles_of_a_county():
    homes = t.villages([(0.0, 0.0), (300.0, 0.0), (5000.0, 0.0), None])
    road = t.network([(0, 0), (300, 0), (5000, 0)], [(0, 1), (1, 2)])
    stock = pd.concat([t.facilities([(0.0, 0.0)]), t.facilities([(300.0, 0.0)], "shop", "village")])
    both = {"clinic": ("clinic", "village"), "shop": ("shop", "village")}
    complete = dict.fromkeys(both.values(), Inventory.COMPLETE)
    made = access.life_circles(homes, stock, road, complete, required=both, limit=15.0)
    assert made["complete"].tolist() == [True, True, False, pd.NA]
    assert made["missing"].tolist() == ["", "", "clinic;shop", ""]
    assert made["unknown"].tolist()[3] == "clinic;shop"
    assert made["shop"].tolist()[:2] == [pytest.approx(4.5), 0.0]
    # A register that is not complete: out of its reach is unknown, not missing.
    partial = complete | {("shop", "village"): Inventory.PARTIAL}
    made = access.life_circles(homes, stock, road, partial, required=both, limit=15.0)
    assert made["missing"].tolist()[2] == "clinic"
    assert made["unknown"].tolist()[2] == "shop"
    mixed = access.life_circles(homes.iloc[::-1], stock, road, partial, required=both, limit=15.0)
    pd.testing.assert_frame_equal(made, mixed)


# ---- full facilities: what more room, more facilities and a higher limit do --------------------


def _filled(places, sites, net, *, room, limit=15, backup=True, seed=0):
    made = compute_coverage(
        places, None, net, t.facilities(sites, capacity=room), {("clinic", "village"): "complete"},
        STANDARDS.replace({"health.village.walk_minutes": limit}), DRAWS, backup=backup,
        capacity={("clinic", "village"): 1.0}, only=[("clinic", "village")],
    )  # fmt: skip
    return made.set_index("code")


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(0, 300))
def test_more_room_facilities_or_minutes_never_take_room_from_a_village(seed, count, extra):
    rng = np.random.default_rng(seed)
    nodes, edges = grid(seed)
    net = t.network(nodes, edges)
    people = rng.integers(0, 300, 12).astype(float)
    places = t.villages([tuple(p) for p in rng.uniform(0, 1600, (12, 2))], uncertainty=60.0,
                        population=people)  # fmt: skip
    sites = [tuple(p) for p in rng.uniform(0, 1600, (count + 1, 2))]
    room = rng.integers(0, 400, count + 1).astype(float)
    base = _filled(places, sites[:-1], net, room=room[:-1])
    roomier = room[:-1].copy()
    roomier[rng.integers(count)] += extra
    for better in (
        _filled(places, sites[:-1], net, room=roomier),
        _filled(places, sites, net, room=room),
        _filled(places, sites[:-1], net, room=room[:-1], limit=20),
    ):
        before = (base["served"] * people).fillna(0.0)
        after = (better["served"] * people).fillna(0.0)
        assert (after >= before - 0.02).all()  # shares are rounded to a ten-thousandth
        yes = base["covered"].fillna(value=False)
        assert better["covered"].fillna(value=False)[yes].all()
        assert (better["p_backup"].fillna(0) >= base["p_backup"].fillna(0) - 1e-9).all()
    # nobody is served twice, and no facility beyond its room
    assert base["served"].dropna().between(0, 1).all()
    taken = (base["served"] * people).sum()
    assert taken <= room[:-1].sum() + 0.2  # rounding of twelve shares
    full = base[base["reason"] == "facility_full"]
    assert (full["served"] < 1).all()
    assert not full["covered"].any()
    turned = places.sample(frac=1, random_state=seed)
    again = compute_coverage(
        turned, None, net, t.facilities(sites[:-1], capacity=room[:-1]).iloc[::-1],
        {("clinic", "village"): "complete"}, STANDARDS, DRAWS, backup=True,
        capacity={("clinic", "village"): 1.0}, only=[("clinic", "village")],
    ).set_index("code")  # fmt: skip
    pd.testing.assert_frame_equal(again.loc[base.index], base)


def test_villages_divide_over_facilities_with_room():
    nodes = [(0, 0), (300, 0), (600, 0)]
    net = t.network(nodes, [(0, 1), (1, 2)])
    places = t.villages([(300, 0)], population=[100.0])
    made = _filled(places, [(0, 0), (600, 0)], net, room=[30.0, 70.0]).iloc[0]
    assert made["covered"]
    assert made["served"] == 1.0
    assert made["facility_id"] == "F01"  # most of its people
    short = _filled(places, [(0, 0), (600, 0)], net, room=[30.0, 60.0]).iloc[0]
    assert (short["reason"], short["served"]) == ("facility_full", 0.9)


def test_a_second_facility_off_a_partial_register_is_not_denied():
    made = compute_coverage(
        t.villages([(0, 0), (5000, 0)]), None,
        t.network([(0, 0), (400, 0), (5000, 0)], [(0, 1), (1, 2)]),
        t.facilities([(0, 0), (400, 0)]), {("clinic", "village"): "partial"}, STANDARDS, DRAWS,
        backup=[("clinic", "village")], only=[("clinic", "village")],
    )  # fmt: skip
    assert made["p_backup"].tolist()[0] == 1.0
    assert np.isnan(made["p_backup"].tolist()[1])
    assert made["backup_id"].tolist() == ["F01", ""]


@pytest.mark.parametrize("method", ["2sfca", "e2sfca", "3sfca", "gaussian"])
def test_scores_of_nothing_are_numbers_of_the_right_length(method):
    demand, supply = pd.Series([1.0, 2.0], index=list("ab")), pd.Series([3.0], index=["x"])
    nothing = pd.DataFrame({"origin": [], "destination": [], "cost": []})
    made = access.fca(nothing, demand, supply, 10, method=method)
    assert made.dtype == float
    assert made.to_dict() == {"a": 0.0, "b": 0.0}
    none = access.fca(nothing, demand.iloc[:0], supply.iloc[:0], 10, method=method)
    assert (len(none), none.dtype) == (0, float)
    assert access.gravity(nothing, supply, {1: 1.0}, origins=demand.index).dtype == float


@pytest.mark.parametrize(
    "change",
    [
        {"weights": [1, 2]}, {"weights": [{10: 1}]}, {"weights": 3}, {"weights": "abc"},
        {"weights": {1: "x"}}, {"weights": {1: np.nan}}, {"weights": lambda c: c[:0]},
        {"weights": lambda c: c - 9}, {"weights": lambda _: "x"}, {"catchment": None},
        {"catchment": "ten"}, {"catchment": -1}, {"catchment": np.nan}, {"catchment": [1]},
        {"demand": [1, 2]}, {"supply": {"x": 3}}, {"cost": [1]}, {"method": ["2sfca"]},
        {"demand": pd.Series(["x"], index=["a"])}, {"supply": pd.Series([None, "y"], index=["x", "y"])},
        {"cost": pd.DataFrame({"origin": ["a"], "destination": ["x"], "cost": ["far"]})},
    ],
    ids=lambda c: f"{next(iter(c))}-{str(next(iter(c.values())))[:12]}",
)  # fmt: skip
def test_bad_input_of_scores_is_told(change):
    given = {
        "cost": pd.DataFrame({"origin": ["a"], "destination": ["x"], "cost": [1.0]}),
        "demand": pd.Series([1.0], index=["a"]), "supply": pd.Series([3.0], index=["x"]),
        "catchment": 10.0,
    }  # fmt: skip
    with pytest.raises((UsageError, DataError)):
        access.fca(**{**given, **change})
