"""The engine for covers: greedy, local search, linear relaxation, and HiGHS over what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qianwan_gis import _solve
from qianwan_gis.siting._matrix import as_sparse, contained, distinct_rows, essential
from qianwan_gis.siting._model import chosen, deadline, remaining, whole_bound

if TYPE_CHECKING:
    from qianwan_gis.siting._model import Array, Bools, Ints

#: Pairs in reach, once dominated rows and sites are gone, above which the relaxation and the local
#: search come first and HiGHS has `HARD_SECONDS`.
_HARD_COVER = 5_000
HARD_SECONDS = 10.0
#: Steps of the local search for a cover.
_SEARCH_STEPS = 20_000
#: The least seconds that are worth asking HiGHS for.
LEAST_SECONDS = 0.5
#: Rows that join the question at a time, and those that it starts with, per site asked for.
_MORE_ROWS = 15
_FIRST_ROWS = 3


def cover_all(cover: Bools, open_: Bools, time_limit: float | None) -> _solve.Solution:
    """Open as few sites as cover every row, over the rows and sites that matter."""
    rows, sites = essential(cover, open_)
    small = cover[np.ix_(rows, sites)]
    fixed = float(open_.sum())
    x = open_.astype(float)
    if not len(small):
        return _solve.Solution("optimal", x, fixed, fixed, 0.0)
    m = small.shape[1]
    blocks: list[tuple[Any, Any, Any]] = [(as_sparse(small), 1.0, np.inf)]
    if small.sum() > _HARD_COVER:
        known, floor = _between(small, blocks, HARD_SECONDS if time_limit is None else time_limit)
    else:
        found = _solve.solve(np.ones(m), rows=blocks, integer=np.ones(m), time_limit=time_limit)
        if found.x is None:
            return found
        known, floor = np.flatnonzero(found.x > 0.5), whole_bound(found.bound)
        floor = float(len(known)) if found.status == "optimal" else floor
    x[np.flatnonzero(sites)[known]] = 1.0
    value, bound = float(len(known)) + fixed, floor + fixed
    return _solve.Solution(
        "optimal" if bound >= value else "feasible", x, value, bound,
        _solve.relative_gap(value, bound),
    )  # fmt: skip


def _between(small: Bools, blocks: list[Any], seconds: float) -> tuple[Ints, float]:
    """Return a cover and the least number of sites proven, from both sides at once.

    The relaxation and the local search often meet. Else HiGHS is asked whether the number proven
    so far is enough, which is easier to refute than the number just below the best known cover,
    and each refutation raises the bound by a whole site.
    """
    until = deadline(seconds)
    m = small.shape[1]
    one = np.ones(m)
    floor = whole_bound(_solve.solve(one, rows=blocks, integer=np.zeros(m)).objective)
    known = _fewer(small, floor)
    while floor < len(known):
        left = remaining(until)
        if left is not None and left < LEAST_SECONDS:
            break
        found = _solve.solve(
            one, rows=[*blocks, (one[None, :], 0.0, floor)], integer=one, time_limit=left
        )
        if found.status == "infeasible":
            floor += 1.0
        elif found.x is not None:
            known = np.flatnonzero(found.x > 0.5)
        else:
            break
    return known, floor


def _fewer(part: Bools, floor: float) -> Ints:
    """Return a cover: greedy, then one site less again and again while the search finds one."""
    none = np.zeros(part.shape[1], bool)
    sites = greedy_cover(part, none)
    while len(sites) > floor:
        start = none.copy()
        start[sites[:-1]] = True
        found = _searched(part, start, np.arange(part.shape[1]), none)
        if found is None:
            break
        sites = np.sort(found)
    return sites


def greedy_cover(usable: Bools, open_: Bools) -> Ints:
    """Open again and again the site that covers the most rows still left."""
    taken = [int(j) for j in np.flatnonzero(open_)]
    left = ~usable[:, taken].any(axis=1) if taken else np.ones(len(usable), bool)
    while left.any():
        best = int(usable[left].sum(axis=0).argmax())
        taken.append(best)
        left &= ~usable[:, best]
    return np.array(sorted(taken), dtype=np.int64)


def moved_cover(cover: Bools, sites: Ints, open_: Bools) -> Ints | None:
    """Look for a cover with as many sites by moving the ones given; None when none was found."""
    if not cover.any(axis=1).all():
        return None
    part = distinct_rows(cover)[0]
    numbers = np.flatnonzero(~open_ & part.any(axis=0))
    part = part[~part[:, open_].any(axis=1)][:, numbers]
    if not len(part):
        return sites
    free = sites[~open_[sites]]
    start = np.isin(numbers, free)
    short = min(len(free), len(numbers)) - int(start.sum())
    start[np.flatnonzero(~start)[:short]] = True
    return _searched(part, start, numbers, open_)


def _searched(part: Bools, start: Bools, numbers: Ints, open_: Bools) -> Ints | None:
    from qianwan_gis._cover import cover_all as search

    by_row, by_site = as_sparse(part), as_sparse(part.T)
    left = search(
        by_row.indptr.astype(np.int64), by_row.indices.astype(np.int64),
        by_site.indptr.astype(np.int64), by_site.indices.astype(np.int64),
        start, np.zeros(len(start), bool), _SEARCH_STEPS,
    )  # fmt: skip
    return np.r_[np.flatnonzero(open_), numbers[start]] if left == 0 else None


class Question:
    """Can p sites serve every row within a radius? Asked for one radius after another.

    Most rows never matter: those in between are served when the outlying ones are. The question
    starts with a few rows far apart and takes in what an answer leaves unserved (Chen and Chen
    2009). A refutation over some of the rows holds for all of them.

    Parameters
    ----------
    cost
        Array (rows, sites), inf where unreachable or closed.
    p
        Sites, the fixed ones included.
    open_
        The fixed ones.
    """

    def __init__(self, cost: Array, p: int, open_: Bools) -> None:
        self._cost, self._open = cost, open_
        self._free = p - int(open_.sum())
        self._rows: list[int] = []
        self._spread(np.arange(len(cost)), _FIRST_ROWS * max(1, p))

    def relaxed(self, radius: float) -> bool:
        """Tell whether fractions of p sites cover every row."""
        while True:
            part, sites = self._part(radius)
            if part is None:
                return False
            m = part.shape[1]
            y = np.zeros(self._cost.shape[1])
            y[self._open] = 1.0
            if len(part):
                found = _solve.solve(
                    np.ones(m), rows=[(as_sparse(part), 1.0, np.inf)], integer=np.zeros(m)
                )
                if found.x is None or found.objective > self._free + 1e-6:
                    return False
                y[sites] = found.x
            got = (self._cost <= radius) @ y
            if not self._take_in(np.flatnonzero(got < 1.0 - 1e-6), got):
                return True

    def exact(self, radius: float, seconds: float | None) -> tuple[bool, Ints] | None:
        """Tell whether p sites cover every row, and with which; None when time ran out."""
        until = deadline(seconds)
        while True:
            part, sites = self._part(radius)
            if part is None:
                return False, np.zeros(0, dtype=np.int64)
            taken = self._open.copy()
            if len(part):
                left = remaining(until)
                if left is not None and left <= 0:
                    return None
                m = part.shape[1]
                one = np.ones(m)
                found = _solve.solve(
                    one,
                    rows=[(as_sparse(part), 1.0, np.inf), (one[None, :], 0.0, self._free)],
                    integer=one,
                    time_limit=left,
                    gap=1.0,  # any cover will do
                )
                if found.status == "infeasible":
                    return False, np.zeros(0, dtype=np.int64)
                if found.x is None:
                    return None
                taken[sites[chosen(found.x, m)]] = True
            near = self._cost[:, taken].min(axis=1, initial=np.inf)
            if not self._take_in(np.flatnonzero(near > radius), -near):
                return True, np.flatnonzero(taken)

    def _part(self, radius: float) -> tuple[Bools | None, Ints]:
        """Return the rows and sites that matter; no part when a row cannot be covered at all."""
        cover = self._cost[self._rows] <= radius
        cover = cover[~cover[:, self._open].any(axis=1)]
        if not cover.any(axis=1).all():
            return None, np.zeros(0, dtype=np.int64)
        sites = np.flatnonzero(cover.any(axis=0))
        rows = np.arange(len(cover))
        while True:
            before = (len(rows), len(sites))
            part = cover[np.ix_(rows, sites)].astype(np.float32)
            sites = sites[~contained(part.T)]
            part = cover[np.ix_(rows, sites)].astype(np.float32)
            rows = rows[~contained(1.0 - part)]
            if (len(rows), len(sites)) == before:
                return cover[np.ix_(rows, sites)], sites

    def _take_in(self, missing: Ints, got: Array) -> bool:
        """Add the worst served of the missing rows, apart from each other; False without any."""
        if not len(missing):
            return False
        order = missing[np.argsort(got[missing], kind="stable")]
        self._spread(order, _MORE_ROWS)
        return True

    def _spread(self, rows: Ints, count: int) -> None:
        """Take the first row, then again and again the one that differs most from those taken."""
        table = np.where(np.isfinite(self._cost[rows]), self._cost[rows], 1e300)
        apart = np.full(len(rows), np.inf)
        place = 0
        for _ in range(min(count, len(rows))):
            self._rows.append(int(rows[place]))
            apart = np.minimum(apart, np.abs(table - table[place]).max(axis=1))
            apart[place] = -1.0
            place = int(apart.argmax())
            if apart[place] <= 0:
                break
