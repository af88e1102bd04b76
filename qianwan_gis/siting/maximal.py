"""Maximal covering: as much demand as p sites can serve, and what each further site adds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qianwan_gis import _solve
from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.siting import _reasons
from qianwan_gis.siting._matrix import as_sparse, distinct_rows, identity, side_by_side
from qianwan_gis.siting._model import (
    TOLERANCE,
    Case,
    Siting,
    answer,
    chosen,
    covered,
    infeasible,
    limit_of,
    per_row,
    per_site,
    real,
    whole,
)
from qianwan_gis.siting._ties import other_optima
from qianwan_gis.siting.capacity import budget_row, limited

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from qianwan_gis.siting._model import Array, Bools, Ints

#: Pairs in reach above which HiGHS is given `_COVER_SECONDS` to prove the optimum; the
#: interchange's answer and the relaxation's bound stand when that is not enough.
_EXACT_COVER = 20_000
_COVER_SECONDS = 3.0


def mclp(
    cost: ArrayLike,
    demand: ArrayLike,
    radius: float,
    p: int,
    fixed: Iterable[int] = (),
    *,
    forbidden: Iterable[int] = (),
    site_costs: ArrayLike | None = None,
    budget: float | None = None,
    capacity: ArrayLike | None = None,
    backup_weight: float = 0.0,
    alternatives: int = 0,
    time_limit: float | None = None,
    names: Sequence[str] | None = None,
) -> Siting:
    """Open p sites that serve as much demand as possible within the radius.

    Parameters
    ----------
    cost
        Array (demand, sites).
    demand
        Weight of each row: people, or 1 per village.
    radius
        Inclusive.
    p
        Number of open sites, the fixed ones included.
    fixed, forbidden
        Sites open in any case; sites that must stay closed.
    site_costs, budget
        Cost of each site and the sum available; fixed sites are paid already.
    capacity
        Demand that each site can serve; a row is served whole, by one site, or not at all. Not
        together with ``backup_weight`` or ``alternatives``.
    backup_weight
        Between 0 and 1: value of a row's second site within the radius, as a share of its
        demand (Hogan and ReVelle's trade-off). The objective then includes it.
    alternatives
        As in `lscp`.
    time_limit
        Seconds for HiGHS. Without it small instances run to the proven optimum and large ones get
        3 s; what is then not proven is the interchange's answer with the relaxation's bound.
    names
        As in `lscp`.

    Returns
    -------
    Siting; ``objective`` is the demand covered.

    Raises
    ------
    UsageError
        Arguments of the wrong shape or kind.
    """
    case = Case.of(cost, fixed, forbidden, names)
    radius, p = real(radius, "radius"), whole(p, "p")
    count, seconds = whole(alternatives, "alternatives"), limit_of(time_limit)
    backup_weight = real(backup_weight, "backup_weight", most=1.0)
    n, m = case.shape
    w = per_row(demand, n)
    price = np.ones(m) if site_costs is None else per_site(site_costs, m, "site_costs", finite=True)
    prices = None if budget is None else (np.where(case.open_, 0.0, price), real(budget, "budget"))
    room = None if capacity is None else per_site(capacity, m, "capacity")
    if room is not None and (backup_weight or count):
        raise UsageError(Text("容量限制不能与备份覆盖或替代解同时使用",
                              "capacity goes with neither backup nor alternatives"))  # fmt: skip
    if (fault := _reasons.bad_p(p, case)) is not None:
        return infeasible(n, (fault,))
    within = case.within(radius)
    usable = within & ~case.closed
    if room is not None:
        return limited(case, w, usable, p, room, cover=True, time_limit=seconds, prices=prices)
    cover, group = distinct_rows(usable)
    weight = np.bincount(group, weights=w, minlength=len(cover)).astype(np.float64)
    used = cover.any(axis=1) & (weight > 0)
    cover, weight = cover[used], weight[used]
    least = _reasons.least_radius(case)
    start: Ints | None = None
    bound = np.inf
    if prices is None and not backup_weight:
        start = _swapped(cover, weight, p, case, rounds=0)
        bound = _relaxed(cover, weight, p, case)
        value = covered(cover, weight, start)
        if not count and bound - value < _least_step(weight):
            return replace(
                answer(case, start, within, value, w), method="bound", least_radius=least
            )
        if seconds is None and cover.sum() > _EXACT_COVER:
            seconds = _COVER_SECONDS
    g = len(cover)
    blocks = [identity(g)] * (2 if backup_weight else 1)
    # z <= sum of the sites in reach; with backup z + u <= that sum
    link = side_by_side([as_sparse(cover), *[-b for b in blocks]])
    extra = np.zeros(g * len(blocks))
    rows: list[tuple[Any, Any, Any]] = [(link, 0.0, np.inf), (np.r_[np.ones(m), extra], p, p)]
    rows += budget_row(prices, len(extra))
    objective = np.r_[np.zeros(m), weight, backup_weight * weight][: m + len(extra)]
    if start is not None:  # nothing worse than what is known needs looking at
        rows.append((objective, covered(cover, weight, start) - 1e-6, np.inf))
    # z is integer by itself once y is: only the sites need branching
    integer = np.r_[np.ones(m), extra]
    lower = np.r_[case.open_.astype(float), extra]
    upper = np.r_[(~case.closed).astype(float), np.ones(len(extra))]
    found = _solve.solve(
        objective, rows=rows, integer=integer, lower=lower, upper=upper, maximise=True,
        time_limit=seconds,
    )  # fmt: skip
    done = found.status == "optimal"
    if found.status == "infeasible" and prices is not None:
        return infeasible(n, (_reasons.over_budget(case, price, prices[1], p),))
    if not done and start is not None:
        # The interchange's answer does not depend on how fast the machine is.
        start = _swapped(cover, weight, p, case, rounds=12)
        value = covered(cover, weight, start)
        return replace(answer(case, start, within, value, w), bound=bound, method="interchange",
                       gap=_solve.relative_gap(value, bound), status="feasible",
                       least_radius=least)  # fmt: skip
    if found.x is None:
        return replace(infeasible(n, (_reasons.LATE,)), method="time limit")
    sites = chosen(found.x, m)
    value = found.objective if backup_weight else covered(usable, w, sites)
    others = other_optima(
        objective, rows, sites, found.objective, lower, upper, integer, count, maximise=True
    )
    top = max(found.bound, value)
    return replace(
        answer(case, sites, within, value, w),
        bound=value if done else top,
        gap=0.0 if done else _solve.relative_gap(value, top),
        status="optimal" if done else "feasible",
        method="exact" if done else "search",
        alternatives=others,
        least_radius=least,
    )


def curve(
    cost: ArrayLike,
    demand: ArrayLike,
    radius: float,
    p_max: int,
    *,
    fixed: Iterable[int] = (),
    forbidden: Iterable[int] = (),
    nested: bool = True,
) -> pd.DataFrame:
    """Return what each further site adds, in rows and in demand.

    Parameters
    ----------
    cost, demand, radius, fixed, forbidden
        As in `mclp`.
    p_max
        How many sites to add at most.
    nested
        True: keep the sites already chosen (a programme built year by year; each step is the
        best next site). False: solve anew for every p (the best that p sites can do).

    Returns
    -------
    Table ``added, site, sites, villages, people, villages_gained, people_gained, best_people``:
    one row for the fixed sites alone (added 0) and one per added site. ``best_people`` is the
    optimum for that many sites, so the loss of building step by step shows.
    """
    case = Case.of(cost, fixed, forbidden)
    radius, p_max = real(radius, "radius"), whole(p_max, "p_max")
    w = per_row(demand, case.shape[0])
    usable = case.within(radius) & ~case.closed
    base, shut = np.flatnonzero(case.open_), np.flatnonzero(case.closed)
    rows = []
    current = base
    for added in range(p_max + 1):
        p = len(base) + added
        if p > int((~case.closed).sum()):
            break
        best = mclp(case.cost, w, radius, p, fixed=base, forbidden=shut)
        if added:
            step = mclp(case.cost, w, radius, p, fixed=current, forbidden=shut)
            current = step.sites if nested else best.sites
        served = usable[:, current].any(axis=1)
        rows.append((added, current, int(served.sum()), float(w[served].sum()), best.objective))
    out = pd.DataFrame(rows, columns=["added", "sites", "villages", "people", "best_people"])
    out["villages_gained"] = out["villages"].diff().fillna(0).astype(int)
    out["people_gained"] = out["people"].diff().fillna(0.0)
    sets = [set(map(int, s)) for s in out["sites"]]
    out["site"] = [
        min(new - old) if len(new - old) == 1 else -1
        for old, new in zip([sets[0], *sets], sets, strict=False)
    ]
    out["sites"] = [tuple(sorted(s)) for s in sets]
    columns = ["added", "site", "sites", "villages", "people", "villages_gained"]
    return out[[*columns, "people_gained", "best_people"]]


# ---------------------------------------------------------------------------------------------
# Search and bound
# ---------------------------------------------------------------------------------------------


def _swapped(cover: Bools, w: Array, p: int, case: Case, *, rounds: int) -> Ints:
    """Greedy adding, then best swaps, then shaken and swapped again; always the same answer."""
    matrix = as_sparse(cover)
    fixed = [int(j) for j in np.flatnonzero(case.open_)]
    taken = list(fixed)
    left = ~cover[:, taken].any(axis=1)
    while len(taken) < p:
        gain = (w * left) @ matrix
        gain[case.closed] = -1.0
        gain[taken] = -2.0
        best = int(gain.argmax())
        taken.append(best)
        left &= ~cover[:, best]
    sites = _best_swaps(cover, matrix, w, taken, len(fixed), case.closed)
    value = covered(cover, w, np.array(sites, dtype=np.int64))
    free = np.flatnonzero(~case.closed & ~case.open_)
    rng = np.random.default_rng(0)
    for _ in range(rounds if p > len(fixed) and len(free) > p else 0):
        shaken = list(sites)
        for place in rng.integers(len(fixed), p, max(1, (p - len(fixed)) // 5)):
            other = int(rng.choice(free))
            if other not in shaken:
                shaken[int(place)] = other
        shaken = _best_swaps(cover, matrix, w, shaken, len(fixed), case.closed)
        found = covered(cover, w, np.array(shaken, dtype=np.int64))
        if found > value:
            sites, value = shaken, found
    return np.array(sorted(sites), dtype=np.int64)


def _best_swaps(
    cover: Bools, matrix: Any, w: Array, sites: list[int], fixed: int, closed: Bools
) -> list[int]:
    """Swap a site (not one of the first ``fixed``) for another while more demand is covered."""
    from scipy import sparse

    sites = list(sites)
    while len(sites) > fixed:
        times = cover[:, sites].sum(axis=1)
        gain = (w * (times == 0)) @ matrix
        alone = cover[:, sites[fixed:]] & (times == 1)[:, None]
        lost = sparse.csr_array(alone.T * w[None, :])
        profit = gain[None, :] - lost.sum(axis=1)[:, None] + (lost @ matrix).toarray()
        profit[:, closed] = -np.inf
        profit[:, sites] = -np.inf
        out, into = np.unravel_index(int(profit.argmax()), profit.shape)
        if not profit[out, into] > TOLERANCE * max(1.0, float(w.sum())):
            break
        sites[fixed + int(out)] = int(into)
    return sites


def _relaxed(cover: Bools, w: Array, p: int, case: Case) -> float:
    """Return the linear relaxation of maximal covering: no p sites cover more."""
    g, m = cover.shape
    if not g:
        return 0.0
    extra = np.zeros(g)
    found = _solve.solve(
        np.r_[np.zeros(m), w],
        rows=[(side_by_side([as_sparse(cover), -identity(g)]), 0.0, np.inf),
              (np.r_[np.ones(m), extra], p, p)],
        integer=np.zeros(m + g),
        lower=np.r_[case.open_.astype(float), extra],
        upper=np.r_[(~case.closed).astype(float), np.ones(g)],
        maximise=True,
    )  # fmt: skip
    return min(found.objective, float(w.sum())) if found.x is not None else float(w.sum())


def _least_step(w: Array) -> float:
    """Return by how much two different values differ at least: 1 for whole numbers."""
    return 1.0 - 1e-6 if (w == np.round(w)).all() else TOLERANCE * max(1.0, float(w.sum()))
