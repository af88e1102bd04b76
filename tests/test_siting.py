"""Siting: brute force, invariants, wrong calls, ties, and infeasible instances that explain."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qianwan_gis import siting
from qianwan_gis._errors import UsageError


def instance(seed, n=7, m=6):
    rng = np.random.default_rng(seed)
    cost = rng.integers(1, 20, (n, m)).astype(float)
    if seed % 3 == 0:
        cost[rng.random((n, m)) < 0.25] = np.nan
    return cost, rng.integers(0, 9, n).astype(float), int(rng.integers(1, 4))


def subsets(m, p, fixed=(), forbidden=()):
    return [
        list(s) for s in itertools.combinations(range(m), p)
        if set(fixed) <= set(s) and not set(forbidden) & set(s)
    ]  # fmt: skip


@settings(max_examples=40, deadline=None)
@example(18867)  # the starting sites of the p-center do not reach every row
@given(st.integers(0, 100_000))
def test_all_four_problems_against_brute_force(seed):
    cost, demand, p = instance(seed)
    c = np.where(np.isnan(cost), np.inf, cost)
    m = c.shape[1]
    fixed = [seed % m] if seed % 2 else []
    forbidden = [(seed + 1) % m] if seed % 5 == 0 else []
    sets = subsets(m, p, fixed, forbidden)
    options = {"fixed": fixed, "forbidden": forbidden}

    def total(s):
        near = c[:, s].min(axis=1)
        return np.inf if np.isinf(near[demand > 0]).any() else demand[demand > 0] @ near[demand > 0]

    best = min(total(s) for s in sets)
    made = siting.p_median(cost, demand, p, **options, method="exact")
    if np.isinf(best):
        assert made.status == "infeasible"
        assert made.reasons
    else:
        assert made.status == "optimal"
        assert made.objective == pytest.approx(best)
        assert total(list(made.sites)) == pytest.approx(best)
        assert len(made.sites) == p

    best = min(c[:, s].min(axis=1).max() for s in sets)
    made = siting.p_center(cost, p, **options)
    assert (made.status == "infeasible") == np.isinf(best)
    if np.isfinite(best):
        assert made.objective == best
        assert c[:, made.sites].min(axis=1).max() == best

    radius = 7.0
    best = max(demand[(c[:, s] <= radius).any(axis=1)].sum() for s in sets)
    made = siting.mclp(cost, demand, radius, p, **options)
    assert made.objective == pytest.approx(best)
    assert demand[made.allocation >= 0].sum() == pytest.approx(best)

    sizes = [
        k for k in range(m + 1) for s in subsets(m, k, fixed, forbidden)
        if k and (c[:, s] <= radius).any(axis=1).all()
    ]  # fmt: skip
    made = siting.lscp(cost, radius, **options)
    assert (made.status == "infeasible") == (not sizes)
    if sizes:
        assert made.objective == min(sizes)
        assert (made.allocation >= 0).all()


def test_radius_is_inclusive():
    cost = np.array([[5.0], [5.0000001]])
    assert siting.mclp(cost, [1, 1], 5.0, 1).objective == 1
    assert siting.lscp(cost[:1], 5.0).status == "optimal"


def test_infeasible_names_rows_amounts_and_the_least_radius():
    cost = np.array([[3.0, 9.0], [8.0, 6.0], [4.0, 12.0]])
    made = siting.lscp(cost, 5.0)
    assert made.status == "infeasible"
    assert made.least_radius == 6.0
    assert [str(r) for r in made.reasons] == [
        "需求1：最近候选点6，超出半径1", "可行的最小半径为6",
    ]  # fmt: skip
    assert siting.lscp(cost, made.least_radius).status == "optimal"
    lost = siting.p_median(np.array([[1.0], [np.inf]]), [1, 1], 1)
    assert lost.status == "infeasible"
    assert "需求1" in str(lost.reasons[0])
    apart = np.where(np.eye(3) > 0, 1.0, np.inf)
    made = siting.p_median(apart, [1, 1, 1], 2)
    assert made.status == "infeasible"
    assert "至少要3处" in str(made.reasons[0])
    assert siting.p_center(apart, 2).status == "infeasible"
    assert siting.mclp(apart, [1, 1, 1], 1, 4).reasons
    assert siting.mclp(apart, [1, 1, 1], 1, 1, fixed=(0, 1)).status == "infeasible"
    assert len(made.sites) == 0
    assert (made.allocation == -1).all()


def test_wrong_calls_are_told():
    with pytest.raises(UsageError, match="二维"):
        siting.lscp(np.ones(3), 1)
    with pytest.raises(UsageError, match="为负"):
        siting.lscp(-np.ones((2, 2)), 1)
    with pytest.raises(UsageError, match="超出范围"):
        siting.lscp(np.ones((2, 2)), 1, fixed=[2])
    with pytest.raises(UsageError, match="既固定又禁止"):
        siting.lscp(np.ones((2, 2)), 1, fixed=[1], forbidden=[1])
    with pytest.raises(UsageError, match="需求"):
        siting.mclp(np.ones((2, 2)), [1, -1], 1, 1)


def test_alternative_optima_are_reported():
    cost = np.array([[1.0, 1.0, 9.0], [1.0, 1.0, 9.0]])
    made = siting.lscp(cost, 2.0, alternatives=5)
    sets = {tuple(made.sites), *(tuple(a) for a in made.alternatives)}
    assert sets == {(0,), (1,)}
    made = siting.mclp(cost, [2, 3], 2.0, 1, alternatives=5)
    assert len(made.alternatives) == 1


def test_backup_takes_the_cover_that_serves_most_rows_twice():
    # Sites 0+1 and 0+2 both cover all; with 2 the middle row is covered twice.
    within = np.array([[1, 0, 0], [1, 0, 1], [0, 1, 1]], bool)
    cost = np.where(within, 1.0, 9.0)
    made = siting.lscp(cost, 1.0, backup=True)
    assert made.sites.tolist() == [0, 2]
    # Hogan and ReVelle: with weight on the second site, twice beats far apart.
    demand = [4.0, 10.0, 4.0]
    assert siting.mclp(cost, demand, 1.0, 2, backup_weight=0.0).objective == 18
    assert siting.mclp(cost, demand, 1.0, 2, backup_weight=0.5).objective == 18 + 5


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_budget_and_capacity_against_brute_force(seed):
    rng = np.random.default_rng(seed)
    n, m, p, radius = 6, 5, 2, 9.0
    cost = rng.integers(1, 16, (n, m)).astype(float)
    demand = rng.integers(1, 6, n).astype(float)
    price = rng.integers(1, 8, m).astype(float)
    capacity = rng.integers(4, 14, m).astype(float)
    budget = float(np.sort(price)[:p].sum() + rng.integers(0, 5))

    sets = [s for s in subsets(m, p) if price[s].sum() <= budget]
    best = max(demand[(cost[:, s] <= radius).any(axis=1)].sum() for s in sets)
    made = siting.mclp(cost, demand, radius, p, site_costs=price, budget=budget)
    assert made.objective == pytest.approx(best)
    assert price[made.sites].sum() <= budget
    assert siting.mclp(cost, demand, radius, p, site_costs=price, budget=0.5).status == "infeasible"

    def assignments(s, *, optional):
        for choice in itertools.product([*s, -1] if optional else s, repeat=n):
            load = np.zeros(m)
            for row, site in enumerate(choice):
                if site >= 0:
                    load[site] += demand[row]
            if (load <= capacity).all():
                yield choice

    served = 0.0
    least = np.inf
    for s in subsets(m, p):
        for choice in assignments(s, optional=True):
            if all(j < 0 or cost[i, j] <= radius for i, j in enumerate(choice)):
                served = max(served, sum(demand[i] for i, j in enumerate(choice) if j >= 0))
        for choice in assignments(s, optional=False):
            least = min(least, sum(demand[i] * cost[i, j] for i, j in enumerate(choice)))
    made = siting.mclp(cost, demand, radius, p, capacity=capacity)
    assert made.objective == pytest.approx(served)
    load = np.bincount(
        made.allocation[made.allocation >= 0], minlength=m, weights=demand[made.allocation >= 0]
    )
    assert (load <= capacity).all()
    made = siting.p_median(cost, demand, p, capacity=capacity)
    assert (made.status == "infeasible") == np.isinf(least)
    if np.isfinite(least):
        assert made.objective == pytest.approx(least)
    else:
        assert made.reasons


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_more_never_hurts_and_numbering_does_not_matter(seed):
    cost, demand, _ = instance(seed * 3 + 1, 12, 9)
    values = [siting.mclp(cost, demand, 6.0, p).objective for p in range(1, 5)]
    assert values == sorted(values)
    wider = [siting.mclp(cost, demand, r, 2).objective for r in (3.0, 6.0, 9.0)]
    assert wider == sorted(wider)
    median = [siting.p_median(cost, demand, p).objective for p in range(1, 5)]
    assert median == sorted(median, reverse=True)
    order = np.random.default_rng(seed).permutation(len(cost))
    again = siting.p_median(cost[order], demand[order], 3)
    assert again.objective == pytest.approx(siting.p_median(cost, demand, 3).objective)


def test_people_and_villages_are_two_figures():
    made = siting.mclp(np.array([[1.0], [1.0], [9.0]]), [10, 20, 70], 2.0, 1)
    shares = made.shares([10, 20, 70]).set_index("unit")["share"]
    assert shares["villages"] == pytest.approx(2 / 3)
    assert shares["people"] == pytest.approx(0.3)


def test_curve_says_what_each_site_adds():
    cost = np.array([[1, 9, 9, 1], [1, 9, 9, 9], [9, 1, 9, 1], [9, 1, 9, 9], [9, 9, 1, 1]], float)
    made = siting.curve(cost, [1] * 5, 2.0, 3)
    assert made["added"].tolist() == [0, 1, 2, 3]
    assert made["site"].tolist()[1] == 3  # three of five rows at once
    assert made["people"].tolist() == [0, 3, 4, 5]
    assert made["people_gained"].tolist() == [0, 3, 1, 1]
    assert made["best_people"].tolist() == [0, 3, 4, 5]
    after = siting.curve(cost, [1] * 5, 2.0, 1, fixed=[3])
    assert after["people"].tolist() == [3, 4]


def plane(n, m, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.random((n, 2)) * 1000, rng.random((m, 2)) * 1000
    return np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1)), rng.integers(1, 100, n).astype(
        float
    )


def test_heuristic_says_its_bound_and_the_exact_answer_lies_inside():
    cost, demand = plane(120, 120, 6)
    exact = siting.p_median(cost, demand, 12, method="exact")
    quick = siting.p_median(cost, demand, 12, method="heuristic")
    assert exact.status == "optimal"
    assert quick.bound <= exact.objective * (1 + 1e-9) <= quick.objective * (1 + 2e-9)
    assert quick.gap <= 0.01
    # Independent formulation: one binary programme over all assignments.
    from scipy import sparse
    from scipy.optimize import Bounds, LinearConstraint, milp

    n, m = cost.shape
    serve = sparse.hstack(
        [sparse.csr_array((n, m)), sparse.kron(sparse.eye_array(n), np.ones((1, m)))]
    )
    link = sparse.hstack(
        [sparse.kron(np.ones((n, 1)), sparse.eye_array(m)), -sparse.eye_array(n * m)]
    )
    total = np.r_[np.ones(m), np.zeros(n * m)]
    found = milp(
        np.r_[np.zeros(m), (demand[:, None] * cost).ravel()],
        constraints=[LinearConstraint(serve, 1, 1), LinearConstraint(link, 0, np.inf),
                     LinearConstraint(total, 12, 12)],
        integrality=np.r_[np.ones(m), np.zeros(n * m)], bounds=Bounds(0, 1),
    )  # fmt: skip
    assert exact.objective == pytest.approx(found.fun, rel=1e-7)


# ---- capacities and large instances ---------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_capacitated_covering_and_center_against_brute_force(seed):
    rng = np.random.default_rng(seed)
    n, m, p, radius = 5, 4, 2, 9.0
    cost = rng.integers(1, 12, (n, m)).astype(float)
    demand = rng.integers(1, 6, n).astype(float)
    capacity = rng.integers(4, 16, m).astype(float)

    def fits(sites, limit):
        for choice in itertools.product(sites, repeat=n):
            load = np.bincount(choice, demand, minlength=m)
            if (load <= capacity).all() and (cost[np.arange(n), choice] <= limit).all():
                return True
        return False

    sizes = [k for k in range(1, m + 1) for s in subsets(m, k) if fits(s, radius)]
    made = siting.lscp(cost, radius, demand=demand, capacity=capacity)
    if sizes:
        assert made.objective == min(sizes)
        load = np.bincount(made.allocation, demand, minlength=m)
        assert (load <= capacity).all()
        assert (cost[np.arange(n), made.allocation] <= radius).all()
    else:
        assert made.status == "infeasible"
        assert made.reasons
    radii = [r for r in np.unique(cost) if any(fits(s, r) for s in subsets(m, p))]
    made = siting.p_center(cost, p, demand=demand, capacity=capacity)
    if radii:
        assert (made.status, made.objective) == ("optimal", min(radii))
        assert len(made.sites) == p
    else:
        assert made.status == "infeasible"
        assert made.reasons


def test_large_covering_finds_what_the_solver_finds():
    # Above the size where the search and the relaxation come first.
    cost, _ = plane(600, 200, 2)
    radius = 200.0
    made = siting.lscp(cost, radius)
    from scipy.optimize import Bounds, LinearConstraint, milp

    found = milp(
        np.ones(200), constraints=[LinearConstraint((cost <= radius).astype(float), 1, np.inf)],
        integrality=np.ones(200), bounds=Bounds(0, 1),
    )  # fmt: skip
    assert found.status == 0
    assert made.bound <= round(found.fun) <= made.objective
    assert made.objective == round(found.fun)
    center = siting.p_center(cost, len(made.sites), time_limit=2.0)
    assert center.bound <= center.objective <= made.least_radius + radius
    assert center.objective <= radius
    assert cost[:, center.sites].min(axis=1).max() == center.objective


def test_local_search_is_deterministic_and_keeps_fixed_sites():
    cost, _ = plane(400, 120, 5)
    one, two = (siting.p_center(cost, 12, fixed=[3], forbidden=[7], time_limit=0) for _ in range(2))
    assert one.sites.tolist() == two.sites.tolist()
    assert 3 in one.sites
    assert 7 not in one.sites
    assert one.bound <= one.objective


# ---- wrong calls, names, ties ---------------------------------------------------------------

SQUARE = np.array([[1.0, 4.0], [4.0, 1.0]])


@pytest.mark.parametrize(
    "call",
    [
        lambda: siting.p_center(SQUARE, 1.5),
        lambda: siting.p_center(SQUARE, "1"),
        lambda: siting.p_center(SQUARE, None),
        lambda: siting.p_center(SQUARE, -1),
        lambda: siting.p_median(SQUARE, [1, 1], 1.5),
        lambda: siting.p_median(SQUARE, [1, -1], 1),
        lambda: siting.p_median(SQUARE, [1, np.nan], 1),
        lambda: siting.p_median(SQUARE, ["a", "b"], 1),
        lambda: siting.p_median(SQUARE, [1, 1, 1], 1),
        lambda: siting.p_median(SQUARE, [1, 1], 1, method="best"),
        lambda: siting.p_median(SQUARE, [1, 1], 1, time_limit=-1),
        lambda: siting.p_median([], [], 1),
        lambda: siting.lscp([["x"]], 1),
        lambda: siting.lscp([[1.0, 2.0], [3.0]], 1),
        lambda: siting.lscp(SQUARE, np.nan),
        lambda: siting.lscp(SQUARE, "far"),
        lambda: siting.lscp(SQUARE, -1),
        lambda: siting.lscp(SQUARE, 1, fixed=[0.5]),
        lambda: siting.lscp(SQUARE, 1, forbidden=["a"]),
        lambda: siting.lscp(SQUARE, 1, site_costs=[1, -1]),
        lambda: siting.lscp(SQUARE, 1, capacity=[1, np.nan]),
        lambda: siting.lscp(SQUARE, 1, alternatives=-1),
        lambda: siting.lscp(SQUARE, 1, capacity=[9, 9], backup=True),
        lambda: siting.lscp(SQUARE, 1, names=["a"]),
        lambda: siting.mclp(SQUARE, [1, 1], 1, 1, backup_weight=2),
        lambda: siting.mclp(SQUARE, [1, 1], 1, 1, capacity=[9, 9], backup_weight=0.5),
        lambda: siting.mclp(SQUARE, [1, 1], 1, 1, budget="much"),
        lambda: siting.mclp(SQUARE, [1, 1], 1, 1, budget=1, site_costs=["a", 1]),
        lambda: siting.curve(SQUARE, [1, 1], 1, 1.5),
    ],
)  # fmt: skip
def test_arguments_that_make_no_sense_are_told(call):
    with pytest.raises(UsageError) as caught:
        call()
    assert caught.value.text.zh
    assert caught.value.text.en


def test_empty_and_impossible_instances_are_answers():
    assert siting.p_center(np.empty((0, 3)), 2).objective == 0
    assert siting.lscp(np.empty((0, 3)), 1).objective == 0
    assert siting.p_median(np.empty((0, 3)), [], 2).objective == 0
    assert siting.mclp(np.empty((2, 0)), [1, 1], 1, 0, capacity=[]).objective == 0
    for made in (
        siting.p_median(np.empty((2, 0)), [1, 1], 0, capacity=[]),
        siting.lscp(np.empty((2, 0)), 1),
        siting.p_center(np.empty((2, 0)), 0),
        siting.p_center(SQUARE, 3),
        siting.p_median(SQUARE, [1, 1], 0),
        siting.lscp(np.full((2, 2), np.nan), 1),
        siting.p_center(np.full((2, 2), np.inf), 1),
    ):
        assert made.status == "infeasible"
        assert made.reasons
        assert len(made.allocation) == 2


def test_infeasible_calls_villages_by_name():
    cost = np.array([[3.0, 9.0], [8.0, 6.0], [4.0, 12.0], [np.inf, np.nan]])
    made = siting.lscp(cost, 5.0, names=["甲村", "乙村", "丙村", "丁村"])
    assert [str(r) for r in made.reasons] == [
        "乙村：最近候选点6，超出半径1", "丁村：没有可到达的候选点",
    ]  # fmt: skip
    assert made.unserved["name"].tolist() == ["乙村", "丁村"]
    assert made.unserved["site"].tolist() == [1, -1]
    assert made.unserved["over"].tolist() == [1.0, np.inf]
    full = siting.p_median(cost[:3], [1, 2, 9], 1, capacity=[4, 5], names=["甲", "乙", "丙"])
    assert "丙：没有可到达且容得下9" in str(full.reasons[0])
    assert "差7" in str(full.reasons[1])


def test_ties_and_alternatives_of_every_problem():
    # Four villages at the corners, four candidates there: opposite corners do equally well.
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    cost = np.abs(corners[:, None] - corners[None]).sum(axis=2)
    pairs = {(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)}
    for made in (
        siting.p_median(cost, [1, 1, 1, 1], 2, alternatives=20),
        siting.p_center(cost, 2, alternatives=20),
        siting.lscp(cost, 1.0, alternatives=20),
    ):
        assert {tuple(made.sites), *map(tuple, made.alternatives)} == pairs
        assert len(made.alternatives) == 5
    made = siting.p_median(cost, [1, 1, 1, 1], 2, fixed=[0, 2])
    assert made.ties.tolist() == [1, 3]
    assert made.allocation.tolist() == [0, 0, 2, 0]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_alternatives_are_all_the_optima_there_are(seed):
    rng = np.random.default_rng(seed)
    cost = rng.integers(1, 5, (6, 5)).astype(float)
    demand = rng.integers(1, 3, 6).astype(float)
    sets = subsets(5, 2)
    totals = {tuple(s): demand @ cost[:, s].min(axis=1) for s in sets}
    best = {s for s, value in totals.items() if value == min(totals.values())}
    made = siting.p_median(cost, demand, 2, alternatives=20)
    assert {tuple(made.sites), *map(tuple, made.alternatives)} == best
    worst = {tuple(s): cost[:, s].min(axis=1).max() for s in sets}
    best = {s for s, value in worst.items() if value == min(worst.values())}
    made = siting.p_center(cost, 2, alternatives=20)
    assert {tuple(made.sites), *map(tuple, made.alternatives)} == best


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_a_new_candidate_never_hurts_and_order_does_not_matter(seed):
    cost, demand, _ = instance(seed * 3 + 1, 10, 7)
    rng = np.random.default_rng(seed)
    fewer = cost[:, :-1]
    assert (
        siting.mclp(cost, demand, 6.0, 2).objective >= siting.mclp(fewer, demand, 6.0, 2).objective
    )
    assert siting.p_median(cost, demand, 2).objective <= siting.p_median(fewer, demand, 2).objective
    assert siting.p_center(cost, 2).objective <= siting.p_center(fewer, 2).objective
    radius = siting.p_center(fewer, 3).objective
    assert siting.lscp(cost, radius).objective <= siting.lscp(fewer, radius).objective <= 3
    rows, sites = rng.permutation(10), rng.permutation(7)
    mixed, weight = cost[np.ix_(rows, sites)], demand[rows]
    for one, two in (
        (siting.mclp(cost, demand, 6.0, 2), siting.mclp(mixed, weight, 6.0, 2)),
        (siting.p_median(cost, demand, 2), siting.p_median(mixed, weight, 2)),
        (siting.p_center(cost, 2), siting.p_center(mixed, 2)),
        (siting.lscp(cost, radius), siting.lscp(mixed, radius)),
    ):
        assert one.objective == pytest.approx(two.objective)
        assert one.status == two.status == "optimal"


def test_large_median_is_within_one_per_cent_and_says_what_it_is():
    cost, demand = plane(1500, 600, 4)
    made = siting.p_median(cost, demand, 40, method="heuristic")
    assert made.method in ("interchange", "lagrangian")
    assert made.bound <= made.objective
    assert made.gap <= 0.01
    near = (demand[:, None] * cost)[:, made.sites].min(axis=1).sum()
    assert near == pytest.approx(made.objective)
    # No single swap helps any more.
    inside = (demand[:, None] * cost)[:, made.sites]
    rest = np.setdiff1d(np.arange(600), made.sites)
    for out in range(0, 40, 8):
        left = np.delete(inside, out, axis=1).min(axis=1)
        swapped = np.minimum(left[:, None], (demand[:, None] * cost)[:, rest]).sum(axis=0)
        assert swapped.min() >= made.objective * (1 - 1e-9)
