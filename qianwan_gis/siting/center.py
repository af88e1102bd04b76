"""The p-center: the largest cost to the nearest open site as small as possible."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from qianwan_gis import _solve
from qianwan_gis.siting import _reasons
from qianwan_gis.siting._matrix import as_sparse, distinct_rows
from qianwan_gis.siting._model import (
    Case,
    Siting,
    answer,
    deadline,
    filled,
    infeasible,
    limit_of,
    per_row,
    per_site,
    remaining,
    whole,
)
from qianwan_gis.siting._reach import unreachable
from qianwan_gis.siting._setcover import LEAST_SECONDS, Question, moved_cover
from qianwan_gis.siting._ties import other_optima
from qianwan_gis.siting.capacity import limited_center

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from qianwan_gis.siting._model import Array, Bools, Ints

#: Seconds that a p-center may ask HiGHS.
_CENTER_SECONDS = 10.0
#: Share of the radius to which the relaxation is followed; HiGHS goes the rest of the way.
_FINE = 0.002


def p_center(
    cost: ArrayLike,
    p: int,
    *,
    fixed: Iterable[int] = (),
    forbidden: Iterable[int] = (),
    demand: ArrayLike | None = None,
    capacity: ArrayLike | None = None,
    alternatives: int = 0,
    time_limit: float | None = _CENTER_SECONDS,
    names: Sequence[str] | None = None,
) -> Siting:
    """Open p sites so that the largest cost to the nearest open site is least.

    The distinct costs are searched: at each one, can p sites serve every row? A local search finds
    sites, the linear relaxation and HiGHS prove that smaller radii will not do; both look only at
    rows that matter (`_setcover.Question`). Questions that ``time_limit`` leaves open make the
    answer ``feasible`` with a bound.

    Parameters
    ----------
    cost, p, fixed, forbidden, alternatives, names
        As in `mclp`.
    demand, capacity
        With ``capacity`` a row (of demand 1 when absent) is served whole by a site with room. Demand
        without capacity only feeds ``people_share``.
    time_limit
        Seconds for HiGHS.

    Returns
    -------
    Siting; ``objective`` is the largest cost.

    Raises
    ------
    UsageError
        Arguments of the wrong shape or kind.
    """
    case = Case.of(cost, fixed, forbidden, names)
    p, count, seconds = whole(p, "p"), whole(alternatives, "alternatives"), limit_of(time_limit)
    n, m = case.shape
    weights = np.zeros(0) if demand is None else per_row(demand, n)
    room = None if capacity is None else per_site(capacity, m, "capacity")
    if (fault := _reasons.bad_p(p, case)) is not None:
        return infeasible(n, (fault,))
    if (lost := unreachable(case, p, np.ones(n, bool))) is not None:
        return lost
    if n == 0:
        sites = filled(np.flatnonzero(case.open_), p, case.closed)
        return answer(case, sites, np.isfinite(case.cost), 0.0, weights)
    if room is not None:
        return limited_center(case, np.ones(n) if demand is None else weights, room, p, seconds)
    allowed = np.where(case.closed, np.inf, case.cost)
    sites, best = _searched(allowed, p, case)
    sites, best, floor = _proven(allowed, sites, best, p, case, seconds)
    done = floor >= best
    return replace(
        answer(case, sites, np.isfinite(case.cost), best, weights),
        bound=best if done else floor,
        gap=0.0 if done else _solve.relative_gap(best, floor),
        status="optimal" if done else "feasible",
        method="exact" if done else "search",
        least_radius=_reasons.least_radius(case),
        alternatives=_others(allowed <= best, sites, p, case, count) if done else (),
    )


def _searched(allowed: Array, p: int, case: Case) -> tuple[Ints, float]:
    """Return sites and their radius by a local search that mostly finds the best radius."""
    sites = filled(_farthest_first(allowed, p, case.open_), p, case.closed)
    best = float(allowed[:, sites].min(axis=1).max())
    values = _between(allowed, float(allowed.min(axis=1).max()), best)
    low, high = 0, len(values) - 1
    while low < high:
        mid = (low + high) // 2
        moved = moved_cover(allowed <= values[mid], sites, case.open_)
        if moved is None:
            low = mid + 1
        else:
            sites = filled(moved, p, case.closed)
            best = float(allowed[:, sites].min(axis=1).max())
            high = int(np.searchsorted(values, best))
    return sites, best


def _proven(
    allowed: Array, sites: Ints, best: float, p: int, case: Case, seconds: float | None
) -> tuple[Ints, float, float]:
    """Return sites, their radius, and the radius below which none will do."""
    values = _between(allowed, float(allowed.min(axis=1).max()), best)
    asked = Question(allowed, p, case.open_)
    low, high = 0, len(values) - 1
    while low < high and values[high] - values[low] > _FINE * best:
        mid = (low + high) // 2
        if asked.relaxed(values[mid]):
            high = mid
        else:
            low = mid + 1
    # What is left is asked of HiGHS, a third of the way up: a small radius is refuted sooner, and
    # the search has looked below its own answer already.
    top, until = len(values) - 1, deadline(seconds)
    while low < top:
        mid = low + (top - low) // 3
        left = remaining(until)
        if left is not None and left < LEAST_SECONDS:
            break
        found = asked.exact(values[mid], left)
        if found is None:
            top = mid
        elif found[0]:
            sites = filled(found[1], p, case.closed)
            best = float(allowed[:, sites].min(axis=1).max())
            top = int(np.searchsorted(values, best))
        else:
            low = mid + 1
    if not np.isfinite(best):
        # The search did not reach every row; that p sites reach all at some cost is known.
        found = asked.exact(values[-1], None)
        if found is not None and found[0]:
            sites = filled(found[1], p, case.closed)
            best = float(allowed[:, sites].min(axis=1).max())
    return sites, best, float(values[low])


def _between(allowed: Array, low: float, high: float) -> Array:
    """Return the distinct finite costs from one to the other, both included."""
    finite = allowed[np.isfinite(allowed)]
    return np.unique(finite[(finite >= low) & (finite <= high)])


def _farthest_first(c: Array, p: int, open_: Bools) -> Ints:
    """Open again and again the nearest site of the worst served row (Gonzalez 1985)."""
    taken = [int(j) for j in np.flatnonzero(open_)]
    nearest = c[:, taken].min(axis=1) if taken else np.full(len(c), np.inf)
    if not taken and p:
        taken.append(int(np.where(np.isfinite(c), c, 1e300).max(axis=0).argmin()))
        nearest = c[:, taken[0]]
    while len(taken) < p:
        site = int(c[int(nearest.argmax())].argmin())
        if site in taken:
            break
        taken.append(site)
        nearest = np.minimum(nearest, c[:, site])
    return np.array(taken, dtype=np.int64)


def _others(cover: Bools, sites: Ints, p: int, case: Case, count: int) -> tuple[Ints, ...]:
    """Find other sets of p sites that keep the radius."""
    if not count:
        return ()
    m = cover.shape[1]
    rows = [(as_sparse(distinct_rows(cover)[0]), 1.0, np.inf), (np.ones((1, m)), p, p)]
    return other_optima(
        np.zeros(m), rows, sites, 0.0, case.open_.astype(float), (~case.closed).astype(float),
        np.ones(m), count,
    )  # fmt: skip
