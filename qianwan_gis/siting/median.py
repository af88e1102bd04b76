"""The p-median: the sum of demand x cost to the nearest open site as small as possible."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from qianwan_gis import _solve
from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.siting import _reasons
from qianwan_gis.siting._model import (
    TOLERANCE,
    Case,
    Method,
    Siting,
    answer,
    chosen,
    filled,
    infeasible,
    limit_of,
    per_row,
    per_site,
    whole,
)
from qianwan_gis.siting._reach import unreachable
from qianwan_gis.siting._ties import other_optima
from qianwan_gis.siting.capacity import limited

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from qianwan_gis.siting._model import Array, Bools, Ints

#: Rounds of the Lagrangian bound, and how often it starts anew from the best answer.
_ROUNDS = 2000
_PASSES = 2
#: Shaken restarts of the interchange where the bound is not met; at most this share of the sites.
_RESTARTS = 100
_SHAKEN = 0.15
#: Allocations left above which HiGHS is not asked under ``auto``: it would not get anywhere.
_HOPELESS = 60_000


def p_median(
    cost: ArrayLike,
    demand: ArrayLike,
    p: int,
    *,
    fixed: Iterable[int] = (),
    forbidden: Iterable[int] = (),
    capacity: ArrayLike | None = None,
    alternatives: int = 0,
    method: Method = "auto",
    time_limit: float | None = 50.0,
    names: Sequence[str] | None = None,
) -> Siting:
    """Open p sites so that the sum of demand x cost to the nearest open site is least.

    A Lagrangian bound and interchange find a near-optimal answer first; reduced costs then rule
    out most sites and allocations, and HiGHS closes what gap is left. Rows of zero demand need not
    be reachable.

    Parameters
    ----------
    cost, demand, p, fixed, forbidden, alternatives, names
        As in `mclp`; alternatives are looked for once the optimum is proven.
    capacity
        Demand that each site can serve; a row is served whole by one site.
    method
        ``exact`` runs HiGHS to the proven optimum, ``heuristic`` stops after the Lagrangian
        bound and shaken interchange, ``auto`` runs HiGHS within the time limit.
    time_limit
        Seconds for HiGHS under ``auto``.

    Returns
    -------
    Siting; ``objective`` is the sum of demand x cost. ``method`` is ``exact`` or ``lagrangian`` when
    proven, ``interchange`` (with a gap) when not.

    Raises
    ------
    UsageError
        Arguments of the wrong shape or kind.
    """
    case = Case.of(cost, fixed, forbidden, names)
    p, count, seconds = whole(p, "p"), whole(alternatives, "alternatives"), limit_of(time_limit)
    if method not in get_args(Method):
        raise UsageError(Text(f"没有方法“{method}”；有 auto、exact、heuristic",
                              f"no method “{method}”; there are auto, exact, heuristic"))  # fmt: skip
    n, m = case.shape
    w = per_row(demand, n)
    room = None if capacity is None else per_site(capacity, m, "capacity")
    if (fault := _reasons.bad_p(p, case)) is not None:
        return infeasible(n, (fault,))
    if room is not None:
        if count:
            raise UsageError(
                Text("容量限制不能与替代解同时使用", "capacity does not go with alternatives")
            )
        reach = np.isfinite(case.cost) & ~case.closed
        return limited(case, w, reach, p, room, cover=False, time_limit=seconds)
    needed = w > 0
    if (lost := unreachable(case, p, needed)) is not None:
        return lost
    weighted = np.where(np.isfinite(case.cost[needed]), w[needed, None] * case.cost[needed], np.inf)
    weighted[:, case.closed] = np.inf
    found = _solved(weighted, p, case, method, seconds)
    done = _solve.relative_gap(found.value, found.bound) <= TOLERANCE
    return replace(
        answer(case, found.sites, np.isfinite(case.cost), found.value, w),
        bound=found.value if done else found.bound,
        gap=0.0 if done else _solve.relative_gap(found.value, found.bound),
        status="optimal" if done else "feasible",
        method=found.method,
        least_radius=_reasons.least_radius(case),
        alternatives=_others(weighted, p, case, found, count) if done and count else (),
    )


@dataclass(frozen=True)
class _Found:
    """What the search and the bound came to; ``multipliers`` by needed row."""

    sites: Ints
    value: float
    bound: float
    method: str
    multipliers: Array


def _finite(d: Array) -> tuple[Array, float]:
    """Return costs for the search: unreachable costs more than all reachable ones together."""
    reach = np.isfinite(d)
    big = float(d[reach].sum()) + 1.0
    return np.where(reach, d, big), big


def _solved(d: Array, p: int, case: Case, method: Method, time_limit: float | None) -> _Found:
    """Return the best sites for weighted costs ``d`` (rows x sites, inf where unreachable)."""
    from qianwan_gis.siting import _kernels

    open_, closed = case.open_, case.closed
    if not len(d) or p == 0:
        sites = filled(np.flatnonzero(open_), p, closed)
        return _Found(sites, 0.0, 0.0, "trivial", np.zeros(len(d)))
    cost, big = _finite(d)
    by_site = np.ascontiguousarray(cost.T)
    start = _kernels.greedy(by_site, p, open_, closed)
    sites, upper = _kernels.interchange(by_site, start, open_, closed, TOLERANCE)
    order = np.argsort(cost, axis=1, kind="stable").astype(np.int32)
    rank = np.take_along_axis(cost, order, axis=1)
    free = p - int(open_.sum())
    lam = rank[:, min(1, rank.shape[1] - 1)].copy()
    bound = -np.inf
    for _ in range(_PASSES):  # a better answer makes for better steps, and these for a better one
        lam, raised, sites, upper = _kernels.raise_bound(
            by_site, order, rank, lam, sites, upper, free, open_, closed, _ROUNDS, TOLERANCE
        )
        bound, upper = max(bound, float(raised)), float(cost[:, sites].min(axis=1).sum())
        if _solve.relative_gap(upper, bound) <= TOLERANCE and upper < big:
            return _Found(sites, upper, upper, "lagrangian", lam)
        if free:
            sites, upper = _shaken(by_site, sites, upper, open_, closed)
    if method == "heuristic" and upper < big:
        return _Found(sites, upper, bound, "interchange", lam)
    must_end = method == "exact" or upper >= big
    model = _Reduced.of(d, p, case, lam, bound, upper)
    if model is None:  # no better answer exists
        return _Found(sites, upper, upper, "exact", lam)
    if not must_end and len(model.objective) > _HOPELESS:
        return _Found(sites, upper, bound, "interchange", lam)
    better, proven = model.solve(bound, upper, None if must_end else time_limit)
    if better is not None:
        value = float(cost[:, better].min(axis=1).sum())
        if value < upper:
            sites, upper = better, value
    bound = min(max(bound, proven), upper)
    done = _solve.relative_gap(upper, bound) <= TOLERANCE
    return _Found(sites, upper, bound, "exact" if done else "interchange", lam)


def _shaken(
    by_site: Array, sites: Ints, upper: float, open_: Bools, closed: Bools
) -> tuple[Ints, float]:
    """Replace some sites at random and swap again, from the best so far; always the same answer."""
    from qianwan_gis.siting import _kernels

    rng = np.random.default_rng(0)
    outside = ~closed & ~open_
    for _ in range(_RESTARTS):
        free = sites[~open_[sites]]
        spare = np.setdiff1d(np.flatnonzero(outside), sites)
        if not len(spare):
            break
        most = max(1, round(_SHAKEN * len(free)))
        many = min(int(rng.integers(1, most + 1)), len(spare))
        trial = np.setdiff1d(sites, rng.choice(free, many, replace=False))
        trial = np.sort(np.r_[trial, rng.choice(spare, many, replace=False)])
        found, total = _kernels.interchange(by_site, trial, open_, closed, TOLERANCE)
        if total < upper * (1 - TOLERANCE):
            sites, upper = found, float(total)
    return sites, float(by_site[sites].min(axis=0).sum())


def _others(d: Array, p: int, case: Case, found: _Found, count: int) -> tuple[Ints, ...]:
    """Find other sets of p sites with the same total."""
    if found.method == "trivial":
        return ()
    model = _Reduced.of(d, p, case, found.multipliers, found.value, found.value, weak=True)
    if model is None:
        return ()
    return other_optima(
        model.objective, model.rows, found.sites, found.value, model.lower, model.upper,
        model.integer, count,
    )  # fmt: skip


@dataclass(frozen=True)
class _Reduced:
    """The p-median as a programme over what the Lagrangian bound has not ruled out.

    Opening site j raises the bound by its reduced cost above the p-th best, serving row i from j
    by ``max(0, d_ij - lam_i)`` more; what lifts it above the best known answer cannot be part of a
    better one. The answer is exact: either a better site set or the proof that there is none.
    """

    objective: Array
    rows: list[tuple[Any, Any, Any]]
    lower: Array
    upper: Array
    integer: Array

    @classmethod
    def of(
        cls,
        d: Array,
        p: int,
        case: Case,
        lam: Array,
        bound: float,
        upper: float,
        *,
        weak: bool = False,
    ) -> _Reduced | None:
        """Build it; None when some row has no allocation left. ``weak`` keeps every equal answer."""
        from scipy import sparse

        finite = np.isfinite(d)
        cost, _ = _finite(d)
        open_, closed = case.open_, case.closed
        n, m = cost.shape
        free = p - int(open_.sum())
        rho = np.minimum(cost - lam[:, None], 0.0).sum(axis=0)
        if weak:  # the bound that these multipliers give, below the optimum where HiGHS closed it
            best = np.sort(rho[~open_ & ~closed])[:free]
            bound = float(lam.sum() + rho[open_].sum() + best.sum())
        candidates = np.sort(rho[~open_ & ~closed])
        last_in = candidates[free - 1] if free else -np.inf
        first_out = candidates[free] if free < len(candidates) else np.inf
        room = upper - bound + 1e-7 * max(1.0, abs(upper))
        rise = np.where(open_, 0.0, np.maximum(rho - last_in, 0.0) if free else np.inf)
        must = open_ | ((first_out - rho > room) & ~closed)
        may = ~closed & (rise <= room)
        link = finite & may & (np.maximum(cost - lam[:, None], 0.0) + rise <= room)
        # Rows served from a site that is open anyway never need a dearer one.
        if must.any():
            link &= cost <= np.where(finite[:, must], cost[:, must], np.inf).min(axis=1)[:, None]
        row, col = np.nonzero(link)
        k = len(row)
        if not link.any(axis=1).all():
            return None
        numbers = np.arange(k)
        serve = sparse.csr_array((np.ones(k), (row, m + numbers)), shape=(n, m + k))
        tie = sparse.csr_array(
            (np.r_[np.ones(k), -np.ones(k)], (np.r_[numbers, numbers], np.r_[col, m + numbers])),
            shape=(k, m + k),
        )
        total = np.r_[np.ones(m), np.zeros(k)]
        return cls(
            np.r_[np.zeros(m), cost[row, col]],
            [(serve, 1.0, 1.0), (tie, 0.0, np.inf), (total[None, :], p, p)],
            np.r_[must.astype(float), np.zeros(k)],
            np.r_[may.astype(float), np.ones(k)],
            np.r_[np.ones(m), np.zeros(k)],
        )

    def solve(
        self, bound: float, upper: float, time_limit: float | None
    ) -> tuple[Ints | None, float]:
        """Return better sites if there are any, and what is proven."""
        found = _solve.solve(
            self.objective, rows=self.rows, integer=self.integer, lower=self.lower,
            upper=self.upper, time_limit=time_limit,
        )  # fmt: skip
        if found.status == "infeasible":
            return None, upper
        if found.x is None:
            return None, bound
        sites = chosen(found.x, int(self.integer.sum()))
        return sites, found.objective if found.status == "optimal" else found.bound
