"""Siting against all choices that there are, at the edges: no limit, no demand, no room, no way."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qianwan_gis as qg
from qianwan_gis import siting

INF = np.inf


@st.composite
def cases(draw):
    """A few rows and sites with coarse costs, so that ties and unreachable pairs are common."""
    n, m = draw(st.integers(0, 5)), draw(st.integers(1, 4))
    cell = st.sampled_from([0.0, 1.0, 2.0, 3.0, INF])
    cost = np.array(draw(st.lists(cell, min_size=n * m, max_size=n * m))).reshape(n, m)
    demand = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)), float)
    kinds = draw(st.lists(st.sampled_from("...fx"), min_size=m, max_size=m))
    fixed = [j for j, k in enumerate(kinds) if k == "f"]
    forbidden = [j for j, k in enumerate(kinds) if k == "x"]
    return cost, demand, fixed, forbidden


def choices(m, p, fixed, forbidden):
    free = [j for j in range(m) if j not in fixed and j not in forbidden]
    for more in itertools.combinations(free, p - len(fixed)) if p >= len(fixed) else ():
        yield sorted([*fixed, *more])


def reach(cost, radius):
    return (cost <= radius) & np.isfinite(cost)


@settings(deadline=None)
@given(cases(), st.sampled_from([0.0, 1.0, 2.0, INF]), st.integers(0, 4))
def test_mclp_finds_the_best_of_all_choices_at_any_radius(case, radius, p):
    cost, demand, fixed, forbidden = case
    within = reach(cost, radius)
    worth = [
        demand[within[:, s].any(axis=1)].sum() for s in choices(cost.shape[1], p, fixed, forbidden)
    ]
    found = siting.mclp(cost, demand, radius, p, fixed, forbidden=forbidden)
    if not worth:
        assert found.status == "infeasible"
        return
    assert (found.status, found.objective) == ("optimal", max(worth))
    assert ((found.allocation >= 0) == within[:, found.sites].any(axis=1)).all()


@settings(deadline=None)
@given(cases(), st.sampled_from([0.0, 1.0, 2.0, INF]))
def test_lscp_finds_the_fewest_sites_at_any_radius(case, radius):
    cost, _, fixed, forbidden = case
    within, m = reach(cost, radius), cost.shape[1]
    enough = [
        len(s)
        for p in range(m + 1)
        for s in choices(m, p, fixed, forbidden)
        if within[:, s].any(axis=1).all()
    ]
    found = siting.lscp(cost, radius, fixed=fixed, forbidden=forbidden)
    if not enough:
        assert found.status == "infeasible"
        assert len(found.unserved) == (~np.delete(within, forbidden, axis=1).any(axis=1)).sum()
        return
    assert (found.status, found.objective) == ("optimal", min(enough))
    assert (found.allocation >= 0).all()


@settings(deadline=None)
@given(cases(), st.integers(0, 4))
def test_the_p_median_and_p_center_find_the_best_of_all_choices(case, p):
    cost, demand, fixed, forbidden = case
    sums, radii = [], []
    for s in choices(cost.shape[1], p, fixed, forbidden):
        near = cost[:, s].min(axis=1, initial=INF)
        sums.append(float((near[demand > 0] * demand[demand > 0]).sum()))
        radii.append(float(near.max(initial=0.0)))
    for found, values in (
        (siting.p_median(cost, demand, p, fixed=fixed, forbidden=forbidden), sums),
        (siting.p_center(cost, p, fixed=fixed, forbidden=forbidden), radii),
    ):
        best = min(values, default=INF)
        if not np.isfinite(best):
            assert found.status == "infeasible"
        else:
            assert found.status == "optimal"
            assert found.objective == pytest.approx(best)


def served_whole(within, demand, sites, room):
    """All ways to serve rows whole by sites with room: the most demand, and whether all fit."""
    best, all_fit = 0.0, False
    rows = [[-1, *(j for j in sites if within[i, j])] for i in range(len(demand))]
    for chosen in itertools.product(*rows):
        load = np.zeros(len(room))
        for i, j in enumerate(chosen):
            if j >= 0:
                load[j] += demand[i]
        if (load <= room).all():
            best = max(best, load.sum())
            all_fit = all_fit or all(j >= 0 for j in chosen)
    return best, all_fit


@settings(deadline=None)
@given(cases(), st.integers(0, 3), st.data())
def test_rooms_are_never_overfilled_and_nobody_without_people_is_left_out(case, p, data):
    cost, demand, fixed, forbidden = case
    m = cost.shape[1]
    room = np.array(data.draw(st.lists(st.sampled_from([0, 1, 3, INF]), min_size=m, max_size=m)))
    within = reach(cost, 2.0)
    found = siting.mclp(cost, demand, 2.0, p, fixed, forbidden=forbidden, capacity=room)
    worth = [
        served_whole(within, demand, s, room)[0] for s in choices(m, p, fixed, forbidden)
    ]  # fmt: skip
    if not worth:
        assert found.status == "infeasible"
        return
    assert found.objective == pytest.approx(max(worth))
    load = np.zeros(m)
    for row, site in enumerate(found.allocation):
        if site >= 0:
            assert within[row, site]
            load[site] += demand[row]
    assert (load <= room + 1e-9).all()
    empty = demand == 0
    assert ((found.allocation >= 0) == within[:, found.sites].any(axis=1))[empty].all()


def test_no_radius_reaches_a_row_that_has_no_way():
    cost = [[1, INF], [INF, INF], [3, 2]]
    found = qg.siting.lscp(cost, INF)
    assert found.status == "infeasible"
    assert found.unserved["row"].tolist() == [1]
    assert qg.siting.mclp(cost, [1, 10, 1], INF, 1).objective == 2
    assert qg.siting.mclp(cost, [1, 10, 1], INF, 2, capacity=[50, 50]).objective == 2
    assert qg.siting.curve(cost, [1, 10, 1], INF, 2)["people"].max() == 2


def test_prices_without_end_are_refused_instead_of_breaking_the_solver():
    for solve in (
        lambda: siting.lscp([[1, 1]], 2, site_costs=[INF, 1]),
        lambda: siting.mclp([[1, 1]], [1], 2, 1, site_costs=[INF, 1], budget=1),
    ):
        with pytest.raises(qg.UsageError, match="site_costs"):
            solve()
