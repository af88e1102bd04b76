"""Sites that can serve only so much: one mixed-integer programme for every problem."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from qianwan_gis import _solve
from qianwan_gis.siting import _reasons
from qianwan_gis.siting._model import Siting, chosen, deadline, infeasible, remaining
from qianwan_gis.siting._setcover import LEAST_SECONDS

if TYPE_CHECKING:
    from qianwan_gis.siting._model import Array, Bools, Case


def budget_row(prices: tuple[Array, float] | None, extra: int) -> list[tuple[Any, Any, Any]]:
    """Return the row that keeps the opened sites within the budget; none without one."""
    if prices is None:
        return []
    price, budget = prices
    return [(np.r_[price, np.zeros(extra)], -np.inf, budget)]


def limited(
    case: Case,
    w: Array,
    reach: Bools,
    p: int | None,
    capacity: Array,
    *,
    cover: bool,
    time_limit: float | None,
    prices: tuple[Array, float] | None = None,
    opening: Array | None = None,
) -> Siting:
    """Solve MCLP (``cover``), p-median or, with ``opening`` costs, LSCP with limited sites.

    Each row is served whole, by one site. ``p`` is None where the number of sites is free.
    """
    from scipy import sparse

    c = case.cost
    n, m = c.shape
    room = np.where(np.isfinite(capacity), capacity, float(w.sum()))  # nobody fills more than all
    if not m:
        if w.any() and not cover:
            return infeasible(n, _reasons.no_room(case, w, room, reach, 0, late=False))
        none = np.zeros(0, dtype=np.int64)
        return Siting(none, np.full(n, -1, dtype=np.int64), 0.0, 0.0, 0.0, "optimal",
                      method="trivial", weights=w)  # fmt: skip
    row, col = np.nonzero(reach & (w[:, None] <= room[None, :]))
    k = len(row)
    numbers = m + np.arange(k)
    serve = sparse.csr_array((np.ones(k), (row, numbers)), shape=(n, m + k))
    within = sparse.csr_array(
        (np.r_[room, -w[row]], (np.r_[np.arange(m), col], np.r_[np.arange(m), numbers])),
        shape=(m, m + k),
    )
    links = np.tile(np.arange(k), 2)
    tie = sparse.csr_array(
        (np.r_[np.ones(k), -np.ones(k)], (links, np.r_[col, numbers])), shape=(k, m + k)
    )
    total = np.r_[np.ones(m), np.zeros(k)]
    rows: list[tuple[Any, Any, Any]] = [
        (serve, np.where(cover | ((w <= 0) & (opening is None)), 0.0, 1.0), 1.0),
        (within, 0.0, np.inf),
        (tie, 0.0, np.inf),
        (total, 0 if p is None else p, m if p is None else p),
        *budget_row(prices, k),
    ]
    serving = w[row] if cover else w[row] * c[row, col]
    objective = np.r_[np.zeros(m), serving] if opening is None else np.r_[opening, np.zeros(k)]
    found = _solve.solve(
        objective,
        rows=rows,
        integer=np.ones(m + k),
        lower=np.r_[case.open_.astype(float), np.zeros(k)],
        upper=np.r_[(~case.closed).astype(float), np.ones(k)],
        maximise=cover,
        time_limit=time_limit,
    )
    if found.x is None:
        late = found.status == "unknown"
        if cover and not late and prices is not None:
            why: tuple[Any, ...] = (_reasons.over_budget(case, prices[0], prices[1], p or 0),)
        else:
            why = _reasons.no_room(case, w, room, reach, m if p is None else p, late=late)
        return replace(infeasible(n, why), method="time limit" if late else "trivial")
    allocation = np.full(n, -1, dtype=np.int64)
    served = found.x[m:] > 0.5
    allocation[row[served]] = col[served]
    # Rows without demand take no room and count for nothing, so the solver leaves them anywhere.
    sites = chosen(found.x, m)
    near = np.where(reach[:, sites], c[:, sites], np.inf)
    nobody = (w <= 0) & np.isfinite(near).any(axis=1)
    allocation[nobody] = sites[near[nobody].argmin(axis=1)] if nobody.any() else -1
    done = found.status == "optimal"
    return Siting(
        sites,
        allocation,
        found.objective,
        found.objective if done else found.bound,
        0.0 if done else found.gap,
        "optimal" if done else "feasible",
        method="exact" if done else "search",
        least_radius=_reasons.least_radius(case),
        weights=w,
    )


def limited_center(
    case: Case, w: Array, capacity: Array, p: int, time_limit: float | None
) -> Siting:
    """Find the least radius at which p limited sites serve all rows, by bisection over the costs."""
    allowed = np.where(case.closed, np.inf, case.cost)
    values = np.unique(allowed[np.isfinite(allowed)])
    until = deadline(time_limit)

    def ask(number: int) -> Siting:
        left = remaining(until)
        return limited(
            case, w, allowed <= values[number], p, capacity, cover=False,
            time_limit=None if left is None else max(left, LEAST_SECONDS),
            opening=np.zeros(len(capacity)),
        )  # fmt: skip

    best, low, high = ask(len(values) - 1), 0, len(values) - 1
    if best.status == "infeasible":
        return best
    proven = 0
    while low < high:
        mid = (low + high) // 2
        found = ask(mid)
        if found.status != "infeasible":
            best, high = found, mid
        else:
            low = mid + 1
            if found.method != "time limit":  # proven for this radius, and so for all below
                proven = max(proven, mid + 1)
    radius = float(allowed[np.arange(len(allowed)), best.allocation].max())
    bound = float(values[min(proven, len(values) - 1)])
    done = bound >= radius
    return replace(
        best, objective=radius, bound=radius if done else bound,
        gap=0.0 if done else _solve.relative_gap(radius, bound),
        status="optimal" if done else "feasible", method="exact" if done else "search",
        least_radius=radius,
    )  # fmt: skip
