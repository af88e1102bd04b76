"""Water hydraulics, demand and sizing against textbook numbers and brute force."""

import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qianwan_gis._errors import DataError, UsageError
from qianwan_gis.services._water import demand, hydraulics, sizing
from qianwan_gis.services._water.hydraulics import Rules
from qianwan_gis.standards import Standards

RULES = Rules.read(Standards.load())


def test_hazen_williams_against_the_textbook_form():
    # SI form printed in textbooks: hf = 10.67 L Q^1.852 / (C^1.852 d^4.8704)
    q, d, length, c = 0.05, 0.25, 1000.0, 130.0
    textbook = 10.67 * length * q**1.852 / (c**1.852 * d**4.8704)
    assert hydraulics.headloss(q, d, length, c) == pytest.approx(textbook, rel=1e-3)


def test_hazen_williams_in_the_velocity_form():
    # V = 0.849 C R^0.63 S^0.54 (SI), the original equation of Williams and Hazen
    c, d, slope = 120.0, 0.3, 0.005
    speed = 0.849 * c * (d / 4.0) ** 0.63 * slope**0.54
    flow = speed * np.pi * d**2 / 4.0
    assert hydraulics.headloss(flow, d, 1.0, c) == pytest.approx(slope, rel=3e-3)
    assert hydraulics.velocity(flow, d) == pytest.approx(speed)


def test_headloss_follows_the_flow_and_adds_along_the_pipe():
    assert hydraulics.headloss(-0.01, 0.1, 50.0, 140) == -hydraulics.headloss(0.01, 0.1, 50.0, 140)
    whole = hydraulics.headloss(0.01, 0.1, 100.0, 140)
    assert whole == pytest.approx(2 * hydraulics.headloss(0.01, 0.1, 50.0, 140))
    assert hydraulics.headloss(0.0, 0.1, 100.0, 140) == 0.0


def test_pump_power_of_a_hundred_litres_lifted_ten_metres():
    assert hydraulics.pump_power(0.1, 10.0, 1.0) == pytest.approx(9.81)


def test_every_impossible_norm_is_named_at_once():
    norms = Standards.load()
    bad = {
        "water.cost.valve_yuan": -1.0,
        "water.pipe.hazen_c": 0.0,
        "water.cost.pipe_yuan_m": [-5.0] * len(RULES.diameters),
    }
    entries = {k: dataclasses.replace(norms.entry(k), value=v) for k, v in bad.items()}
    wrong = Standards({**norms.entries, **entries})
    with pytest.raises(UsageError) as error:
        Rules.read(wrong)
    for key in ("water.cost.valve_yuan", "water.pipe.hazen_c", "water.cost.pipe_yuan_m"):
        assert key in str(error.value)


def test_demand_is_quota_times_people_times_factors():
    villages = pd.DataFrame({"code": ["a"], "population": [1000]})
    found = demand.demands(villages, RULES).iloc[0]
    mean = 1000 * 0.060 * 1.10 * 1.15
    assert found["mean_m3d"] == pytest.approx(mean)
    assert found["demand_m3d"] == pytest.approx(mean * 1.5)
    assert found["peak_ls"] == pytest.approx(mean * 1.5 * 2.0 / 86.4)


def test_villages_without_people_are_all_named():
    villages = pd.DataFrame({"code": ["a", "b", "c", "d"], "population": [0, 5, None, -3]})
    with pytest.raises(DataError) as error:
        demand.demands(villages, RULES)
    assert [p.row for p in error.value.problems] == ["a", "c", "d"]


@settings(max_examples=40, deadline=None)
@given(st.floats(1.2, 3.5), st.floats(0.05, 0.8))
def test_the_day_has_its_peak_its_night_and_its_mean(high, low):
    rules = Rules.read(
        Standards.load().replace(
            {"water.demand.hour_factor": high, "water.demand.night_factor": low}
        )
    )
    hours = demand.pattern(rules)
    assert len(hours) == 24
    assert max(hours) == pytest.approx(high)
    assert min(hours) == pytest.approx(low)
    assert np.mean(hours) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("m3d", "name"),
    [(10_000, "Ⅰ"), (9_999, "Ⅱ"), (5_000, "Ⅱ"), (1_000, "Ⅲ"), (100, "Ⅳ"), (99.9, "Ⅴ")],
)
def test_scale_classes_are_inclusive(m3d, name):
    scale = {"class1": 10_000.0, "class2": 5_000.0, "class3": 1_000.0, "class4": 100.0}
    assert demand.scale_class(m3d, scale) == name


# ---------------------------------------------------------------- sizing


def needs(village):
    """Least pressure by node: the service head in villages, a little in mains."""
    return np.where(village, RULES["head.service_m"], RULES["head.main_min_m"])


def random_tree(seed, n, *, relief=20.0, longest=800.0):
    rng = np.random.default_rng(seed)
    parent = np.array([-1] + [int(rng.integers(0, i)) for i in range(1, n)])
    length = np.r_[0.0, rng.uniform(300.0, longest, n - 1)]
    ground = rng.uniform(500.0, 500.0 + relief, n)
    low = np.minimum(ground, ground[np.maximum(parent, 0)])
    return sizing.Tree(
        parent, length, ground, low, needs(np.arange(n) > 0), tuple(() for _ in range(n)),
        np.r_[0.0, rng.uniform(3e-4, 5e-3, n - 1)], np.r_[False, np.ones(n - 1, bool)],
        float(ground[0]), float(ground[0] + 3.5),
    )  # fmt: skip


def brute_force(tree, rules):
    """Every combination of diameters, the works' pump on or off, no other device."""
    options, _ = sizing.choices(tree, rules)
    best = np.inf
    highest = tree.ground[1:].min() + rules["head.static_max_m"]
    for combination in itertools.product(*options[1:]):
        size = np.r_[-1, combination]
        if any(size[v] > size[tree.parent[v]] for v in range(1, len(size)) if tree.parent[v]):
            continue  # no pipe is wider than the one that feeds it
        loss = sizing.pipe_losses(tree, rules, size)
        drop = np.zeros(len(size))
        for v in range(1, len(size)):
            drop[v] = drop[tree.parent[v]] + loss[v]
        wanted = (tree.ground + rules["head.service_m"] + drop)[1:].max()
        pipes = (rules.pipe_metre[size[1:]] * tree.length[1:]).sum()
        if tree.head >= wanted and tree.level <= highest:
            best = min(best, pipes)
        lift = max(sizing.LEAST_LIFT, wanted - tree.head)
        if tree.head + lift <= highest and lift <= rules["device.max_lift_m"]:
            pump = rules.station_fixed + float(rules.lift_metre(tree.flow[0])) * lift
            best = min(best, pipes + pump)
    return best


@pytest.mark.parametrize("seed", range(8))
def test_sizing_equals_brute_force(seed):
    tree = random_tree(seed, 5)
    best = brute_force(tree, RULES)
    design = sizing.size(tree, RULES, time_limit=None, gap=0.0, devices=False)
    if not np.isfinite(best):
        assert design is None
        return
    assert design.status == "optimal"
    assert design.cost == pytest.approx(best, rel=1e-6)


def assert_within_limits(tree, design):
    loss = sizing.pipe_losses(tree, RULES, design.size)
    for v in range(1, len(tree.parent)):
        u = tree.parent[v]
        start = design.head[u] + design.lift[v]
        if design.breaks[v]:
            start = tree.ground[u] + RULES["device.tank_depth_m"]
            assert start <= design.head[u] + 1e-6
        if design.lift[v]:
            assert sizing.LEAST_LIFT - 1e-4 <= design.lift[v] <= RULES["device.max_lift_m"] + 1e-4
        assert design.head[v] == pytest.approx(start - loss[v])
        assert design.head[v] >= tree.ground[v] + RULES["head.service_m"] - 1e-4
        if not design.valve[v]:
            assert design.static[v] <= tree.ground[v] + RULES["head.static_max_m"] + 1e-4
        assert design.static[v] <= tree.low[v] + RULES.class_m[-1] + 1e-4
        assert design.static[v] >= design.head[v] - 1e-6
        if not design.breaks[v] and not design.lift[v]:
            assert design.static[v] == design.static[u]
            assert np.isnan(design.setpoint[v])
        if u:
            assert design.size[v] <= design.size[u]


@pytest.mark.parametrize("seed", range(4))
def test_a_design_keeps_its_limits_by_its_own_heads(seed):
    tree = random_tree(seed, 12, relief=120.0, longest=1500.0)
    assert_within_limits(tree, sizing.size(tree, RULES, time_limit=None, gap=1e-3))


@pytest.mark.parametrize("seed", range(8))
def test_a_quick_design_keeps_the_limits_and_is_near_the_best(seed):
    tree = random_tree(seed, 14, relief=120.0, longest=1500.0)
    quick = sizing.quick(tree, RULES)
    assert quick.status == "quick"
    assert_within_limits(tree, quick)
    pipes = (RULES.pipe_metre[quick.size[1:]] * tree.length[1:]).sum()
    pumps = (RULES.lift_metre(tree.flow) * quick.lift).sum()
    pumps += RULES.station_fixed * (quick.lift > 0).sum()
    others = RULES["cost.break_tank_yuan"] * quick.breaks.sum()
    others += RULES["cost.valve_yuan"] * quick.valve.sum()
    assert quick.cost == pytest.approx(pipes + pumps + others, rel=1e-6)
    best = sizing.size(tree, RULES, time_limit=None, gap=2e-3)
    assert quick.bound <= best.cost * (1.0 + 1e-9)
    assert best.bound <= quick.cost * (1.0 + 1e-9)
    assert quick.cost <= best.cost * 1.01
    again = sizing.quick(tree, RULES)
    assert again.cost == quick.cost
    assert again.size.tolist() == quick.size.tolist()


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 5),
    st.sampled_from(
        ["cost.booster_yuan", "cost.power_yuan_kwh", "cost.valve_yuan", "cost.pipe_run_share",
         "cost.break_tank_yuan"]
    ),
    st.floats(1.05, 4.0),
)  # fmt: skip
def test_the_cost_never_falls_when_a_price_rises(seed, key, factor):
    tree = random_tree(seed, 6, relief=60.0)
    norms = Standards.load()
    dearer = norms.replace({f"water.{key}": norms.value(f"water.{key}") * factor})
    one = sizing.size(tree, RULES, time_limit=None, gap=0.0)
    two = sizing.size(tree, Rules.read(dearer), time_limit=None, gap=0.0)
    assert two.cost >= one.cost * (1.0 - 1e-6)


def test_a_summit_between_the_ends_raises_the_water():
    flat = sizing.Tree(
        np.array([-1, 0]), np.array([0.0, 2000.0]), np.array([560.0, 500.0]),
        np.array([560.0, 500.0]), needs([False, True]), ((), ()), np.array([0.0, 0.003]), np.array([False, True]),
        560.0, 563.5,
    )  # fmt: skip
    hill = dataclasses.replace(flat, summits=((), ((0.5, 582.0),)))
    low = sizing.size(flat, RULES, time_limit=None, gap=0.0)
    high = sizing.size(hill, RULES, time_limit=None, gap=0.0)
    assert low.lift[0] == 0.0
    middle = (high.head[0] + high.head[1]) / 2.0
    assert middle >= 580.0 + RULES["head.main_min_m"] - 1e-4
    assert high.cost > low.cost


def test_a_deep_fall_gets_a_break_pressure_tank():
    n = 7
    ground = np.array([900.0, 850.0, 800.0, 750.0, 700.0, 650.0, 600.0])
    tree = sizing.Tree(
        np.arange(-1, n - 1), np.r_[0.0, np.full(n - 1, 400.0)], ground, ground,
        needs([False] * (n - 1) + [True]), tuple(() for _ in ground), np.r_[np.zeros(n - 1), 0.004],
        np.array([False] * (n - 1) + [True]), 900.0, 903.5,
    )  # fmt: skip
    for design in (
        sizing.size(tree, RULES, time_limit=None, gap=0.0),
        sizing.quick(with_more_steps(tree), RULES),
    ):
        assert design.breaks.any()
        assert not (design.lift > 0).any()
        assert (design.static - design.head)[1:].min() >= -1e-6
    deepest = sizing.size(tree, RULES, time_limit=None, gap=0.0).static - tree.low
    assert deepest[1:].max() <= RULES.class_m[-1] + 1e-6


def with_more_steps(tree):
    """The same chain with each pipe cut in two, so that quick sizing takes its own way."""
    n = len(tree.parent)
    rows = np.repeat(np.arange(1, n), 2)
    ground = np.r_[tree.ground[0], np.interp(np.arange(0.5, n - 0.75, 0.5), range(n), tree.ground)]
    last = np.arange(len(ground)) == len(ground) - 1
    return sizing.Tree(
        np.arange(-1, len(ground) - 1), np.r_[0.0, tree.length[rows] / 2.0], ground, ground,
        needs(last), tuple(() for _ in ground), last * 0.004, last, tree.head, tree.level,
    )  # fmt: skip


def test_where_nothing_is_possible_there_is_no_design():
    # one pipe from 500 to 700 m without a place between for a second pump: 217 m of lift
    tree = sizing.Tree(
        np.array([-1, 0]), np.array([0.0, 500.0]), np.array([500.0, 700.0]),
        np.array([500.0, 500.0]), needs([False, True]), ((), ()), np.array([0.0, 0.003]), np.array([False, True]),
        500.0, 503.5,
    )  # fmt: skip
    assert sizing.size(tree, RULES, time_limit=None) is None
    long = random_tree(0, 22, relief=250.0, longest=1500.0)
    assert sizing.size(long, RULES, time_limit=None) is None
    assert sizing.quick(long, RULES) is None
