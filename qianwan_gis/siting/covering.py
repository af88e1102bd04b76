"""Set covering: as few sites as serve every row (LSCP, LSCP-B, with costs or capacities)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from qianwan_gis import _solve
from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.siting import _reasons, _setcover
from qianwan_gis.siting._matrix import as_sparse, distinct_rows, identity, side_by_side
from qianwan_gis.siting._model import (
    Case,
    Siting,
    answer,
    chosen,
    limit_of,
    per_row,
    per_site,
    real,
    whole,
    whole_bound,
)
from qianwan_gis.siting._ties import other_optima
from qianwan_gis.siting.capacity import limited

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from qianwan_gis.siting._model import Array, Bools


def lscp(
    cost: ArrayLike,
    radius: float,
    *,
    fixed: Iterable[int] = (),
    forbidden: Iterable[int] = (),
    site_costs: ArrayLike | None = None,
    demand: ArrayLike | None = None,
    capacity: ArrayLike | None = None,
    backup: bool = False,
    alternatives: int = 0,
    time_limit: float | None = None,
    names: Sequence[str] | None = None,
) -> Siting:
    """Open as few sites as possible so that every row has one within the radius.

    Parameters
    ----------
    cost
        Array (demand, sites).
    radius
        Largest cost that counts as served, inclusive.
    fixed
        Sites that are open in any case (existing or mandatory).
    forbidden
        Sites that must stay closed.
    site_costs
        Cost of opening each site; the objective is then their sum. Fixed sites cost too.
    backup
        Among the answers with the fewest sites take one that serves the most rows twice
        (LSCP-B).
    alternatives
        How many other optimal site sets to look for.
    demand, capacity
        Demand of each row (1 each when absent) and how much each site can serve; a row is then
        served whole by one site. Not together with ``backup`` or ``alternatives``. Demand without
        capacity only feeds ``people_share``.
    time_limit
        Seconds for HiGHS; afterwards the best answer so far is ``feasible``. Without it small
        instances run to the proven optimum and large ones get 10 s.
    names
        What to call the rows in ``reasons`` and ``unserved``: names or codes of villages.

    Returns
    -------
    Siting; ``objective`` is the number of sites (or their cost).

    Raises
    ------
    UsageError
        Arguments of the wrong shape or kind.
    """
    case = Case.of(cost, fixed, forbidden, names)
    radius, count = real(radius, "radius"), whole(alternatives, "alternatives")
    seconds = limit_of(time_limit)
    n, m = case.shape
    price = np.ones(m) if site_costs is None else per_site(site_costs, m, "site_costs", finite=True)
    weights = np.zeros(0) if demand is None else per_row(demand, n)
    room = None if capacity is None else per_site(capacity, m, "capacity")
    within = case.within(radius)
    usable = within & ~case.closed
    if room is not None and (backup or count):
        raise UsageError(Text("容量限制不能与备份覆盖或替代解同时使用",
                              "capacity goes with neither backup nor alternatives"))  # fmt: skip
    if not usable.any(axis=1).all():
        return _reasons.beyond_radius(case, radius)
    if n == 0:
        opened = np.flatnonzero(case.open_)
        return answer(case, opened, within, float(price[opened].sum()), weights)
    if room is not None:
        w = np.ones(n) if demand is None else weights
        return limited(case, w, usable, None, room, cover=False, time_limit=seconds, opening=price)
    cover, _ = distinct_rows(usable)
    base = [(as_sparse(cover), 1.0, np.inf)]
    lower, upper = case.open_.astype(float), (~case.closed).astype(float)
    if site_costs is None and not count and not backup:
        found = _setcover.cover_all(cover, case.open_, seconds)
    else:
        found = _solve.solve(
            price, rows=base, integer=np.ones(m), lower=lower, upper=upper, time_limit=seconds
        )
    least = _reasons.least_radius(case)
    if found.x is None:  # every row can be served, so only time can be the reason
        sites = _setcover.greedy_cover(usable, case.open_)
        objective, floor = float(price[sites].sum()), float(price[case.open_].sum())
        return replace(
            answer(case, sites, within, objective, weights),
            bound=floor, gap=_solve.relative_gap(objective, floor), status="feasible",
            method="greedy", least_radius=least,
        )  # fmt: skip
    done = found.status == "optimal"
    best = _most_backup(usable, price, found, case, seconds) if backup else found
    sites = chosen(best.x, m)
    others = other_optima(
        price, base, sites, found.objective, lower, upper, np.ones(m), count
    ) if done else ()  # fmt: skip
    return replace(
        answer(case, sites, within, found.objective, weights),
        bound=whole_bound(found.bound) if site_costs is None else found.bound,
        gap=0.0 if done else found.gap,
        status="optimal" if done else "feasible",
        method="exact" if done else "search",
        alternatives=others,
        least_radius=least,
    )


def _most_backup(
    usable: Bools, price: Array, found: _solve.Solution, case: Case, time_limit: float | None
) -> _solve.Solution:
    """Among covers of the same price take one that serves the most rows twice."""
    cover, group = distinct_rows(usable)
    weight = np.bincount(group, minlength=len(cover)).astype(float)
    g, m = cover.shape
    link = side_by_side([as_sparse(cover), -identity(g)])
    slack = 1e-6 * max(1.0, abs(found.objective))
    rows: list[tuple[Any, Any, Any]] = [
        (link, 1.0, np.inf),
        (np.r_[price, np.zeros(g)], -np.inf, found.objective + slack),
    ]
    second = _solve.solve(
        np.r_[np.zeros(m), weight],
        rows=rows,
        integer=np.r_[np.ones(m), np.zeros(g)],
        lower=np.r_[case.open_.astype(float), np.zeros(g)],
        upper=np.r_[(~case.closed).astype(float), np.ones(g)],
        maximise=True,
        time_limit=time_limit,
    )
    return second if second.x is not None else found
