"""Where to put the next facility: set covering, maximal covering, p-median, p-center.

Every problem is solved exactly by HiGHS where its size allows; above that a heuristic with a
proven lower bound takes over and *says so* (``method``, ``bound``, ``gap``). An instance without a
solution is not an error: ``status`` is ``infeasible`` and ``reasons`` names the rows, by how much
they fail, and the least radius that would work.

Costs are an array demand x sites in any unit (minutes, metres); NaN and inf mean unreachable.
Radii are inclusive. ``p`` counts all open sites, the fixed ones included.

Sources: Toregas et al. (1971) LSCP; Church and ReVelle (1974) MCLP; Hakimi (1964) p-median and
p-center; Teitz and Bart (1968) interchange; Cornuejols, Fisher and Nemhauser (1977) Lagrangian
bound; Hogan and ReVelle (1986) backup coverage.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from qianwan_gis import _solve
from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]
    Ints = NDArray[np.int64]

Status = Literal["optimal", "feasible", "infeasible"]
Method = Literal["auto", "exact", "heuristic"]

#: Relative difference below which two objectives count as one (rounding of sums).
TOLERANCE = 1e-9

#: Pairs in reach above which maximal covering is given `_COVER_SECONDS` to prove its optimum; the
#: interchange's answer and the relaxation's bound stand when that is not enough.
_EXACT_COVER = 20_000
_COVER_SECONDS = 3.0
#: The same for set covering, counted after dominated rows and sites are gone.
_HARD_COVER = 5_000
_HARD_SECONDS = 10.0
#: Steps of the local search for a cover.
_SEARCH_STEPS = 20_000
#: Seconds that a p-center may ask HiGHS, and the least that is worth asking for.
_CENTER_SECONDS = 10.0
_LEAST_SECONDS = 0.5


@dataclass(frozen=True)
class Siting:
    """Answer of a siting problem.

    Attributes
    ----------
    sites
        Column numbers of the open sites, ascending; empty when infeasible.
    allocation
        Site of each demand row: the nearest open one (within the radius where there is one),
        or the one with room for it in capacitated problems; -1 when not served.
    objective
        Number of sites, demand covered, sum of demand x cost, or largest cost.
    bound
        Proven bound of the objective: below it for minimisation, above for maximisation.
    gap
        ``|objective - bound| / |objective|``.
    status
        ``optimal``, ``feasible`` (the gap says how far it may be from the optimum), ``infeasible``.
    reasons
        Why there is no solution, one text per fault, naming rows and amounts.
    method
        What solved it: ``exact`` (HiGHS), ``bound`` (a search whose answer meets a proven bound),
        ``lagrangian``, ``interchange``, ``search``, ``greedy``, ``trivial``, or ``time limit`` when time ran out
        before there was any answer.
    least_radius
        The least radius that would serve every row; NaN where no radius would.
    alternatives
        Other site sets with the same objective, as many as were asked for.
    """

    sites: Ints
    allocation: Ints
    objective: float
    bound: float
    gap: float
    status: Status
    reasons: tuple[Text, ...] = ()
    method: str = "exact"
    least_radius: float = float("nan")
    alternatives: tuple[Ints, ...] = field(default=())

    def shares(self, demand: ArrayLike | None = None) -> pd.DataFrame:
        """Return what is served in rows (villages) and in demand (people), never mixed.

        Returns
        -------
        Table ``unit, served, total, share`` with a row ``villages`` and, with ``demand``, a row
        ``people``.
        """
        served = self.allocation >= 0
        rows = [("villages", float(served.sum()), float(len(served)))]
        if demand is not None:
            people = np.asarray(demand, float)
            rows.append(("people", float(people[served].sum()), float(people.sum())))
        table = pd.DataFrame(rows, columns=["unit", "served", "total"])
        table["share"] = table["served"] / table["total"].where(table["total"] > 0)
        return table


# ---------------------------------------------------------------------------------------------
# Public problems
# ---------------------------------------------------------------------------------------------


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
        served whole by one site. Not together with ``backup`` or ``alternatives``.
    time_limit
        Seconds for HiGHS; afterwards the best answer so far is ``feasible``. Without it small
        instances run to the proven optimum and large ones get 10 s.

    Returns
    -------
    Siting; ``objective`` is the number of sites (or their cost).
    """
    c, open_, closed = _prepare(cost, fixed, forbidden)
    n, m = c.shape
    within = c <= radius
    usable = within & ~closed
    price = np.ones(m) if site_costs is None else _per_site(site_costs, m, "site_costs")
    if not usable.any(axis=1).all():
        return _beyond_radius(c, radius, closed)
    if n == 0:
        return _answer(c, np.flatnonzero(open_), within, float(price[open_].sum()))
    if capacity is not None:
        if backup or alternatives:
            raise UsageError(Text("容量限制不能与备份覆盖或替代解同时使用",
                                  "capacity goes with neither backup nor alternatives"))  # fmt: skip
        w = np.ones(n) if demand is None else _per_row(demand, n)
        return _capacitated(
            c, w, open_, closed, usable, None, _per_site(capacity, m, "capacity"),
            cover=False, time_limit=time_limit, prices=None, opening=price,
        )  # fmt: skip
    cover, _ = distinct_rows(usable)
    base = [(_sparse(cover), 1.0, np.inf)]
    if site_costs is None and not alternatives and not backup:
        found = _cover_all(cover, open_, time_limit)
    else:
        found = _solve.solve(
            price,
            rows=base,
            integer=np.ones(m),
            lower=open_.astype(float),
            upper=(~closed).astype(float),
            time_limit=time_limit,
        )
    if found.x is None:  # every row can be served, so only time can be the reason
        sites = _greedy_cover(usable, open_)
        objective = float(price[sites].sum())
        return replace(
            _answer(c, sites, within, objective),
            bound=float(price[open_].sum()),
            gap=_solve.relative_gap(objective, float(price[open_].sum())),
            status="feasible",
            method="greedy",
        )
    best = found
    if backup:
        best = _most_backup(usable, price, found, open_, closed, time_limit)
    sites = _chosen(best.x, m)
    others = _other_optima(price, base, sites, found.objective, open_, closed, alternatives)
    return replace(
        _answer(c, sites, within, found.objective),
        bound=_whole_bound(found.bound) if site_costs is None else found.bound,
        gap=found.gap if found.status != "optimal" else 0.0,
        status="optimal" if found.status == "optimal" else "feasible",
        method="exact" if found.status == "optimal" else "search",
        alternatives=others,
        least_radius=_least_radius(c, closed),
    )


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
        Demand that each site can serve; a row is served whole, by one site, or not at all.
    backup_weight
        Between 0 and 1: value of a row's second site within the radius, as a share of its
        demand (Hogan and ReVelle's trade-off). The objective then includes it.
    alternatives
        As in `lscp`.
    time_limit
        Seconds for HiGHS. Without it small instances run to the proven optimum and large ones get
        3 s; what is then not proven is the interchange's answer with the relaxation's bound.

    Returns
    -------
    Siting; ``objective`` is the demand covered.
    """
    c, open_, closed = _prepare(cost, fixed, forbidden)
    n, m = c.shape
    w = _per_row(demand, n)
    if (fault := _bad_p(p, open_, closed)) is not None:
        return _infeasible(n, (fault,))
    within = c <= radius
    usable = within & ~closed
    if capacity is not None:
        return _capacitated(
            c,
            w,
            open_,
            closed,
            usable,
            p,
            _per_site(capacity, m, "capacity"),
            cover=True,
            time_limit=time_limit,
            prices=_prices(site_costs, budget, m, open_),
        )
    cover, group = distinct_rows(usable)
    weight = np.bincount(group, weights=w, minlength=len(cover)).astype(np.float64)
    used = cover.any(axis=1) & (weight > 0)
    cover, weight = cover[used], weight[used]
    prices = _prices(site_costs, budget, m, open_)
    plain = prices is None and not backup_weight
    start: Ints | None = None
    bound = np.inf
    if plain:
        start = _cover_swaps(cover, weight, p, open_, closed, rounds=0)
        bound = _cover_bound(cover, weight, p, open_, closed)
        value = _covered(cover, weight, start)
        if not alternatives and bound - value < _least_step(weight):
            return replace(_answer(c, start, within, value), method="bound",
                           least_radius=_least_radius(c, closed))  # fmt: skip
        if time_limit is None and cover.sum() > _EXACT_COVER:
            time_limit = _COVER_SECONDS
    g = len(cover)
    blocks = [_identity(g)] * (2 if backup_weight else 1)
    # z <= sum of the sites in reach; with backup z + u <= that sum
    link = _hstack([_sparse(cover), *[-b for b in blocks]])
    extra = np.zeros(g * len(blocks))
    rows: list[tuple[Any, Any, Any]] = [(link, 0.0, np.inf), (np.r_[np.ones(m), extra], p, p)]
    rows += _budget_row(prices, len(extra))
    objective = np.r_[np.zeros(m), weight, backup_weight * weight][: m + len(extra)]
    if start is not None:  # nothing worse than what is known needs looking at
        rows.append((objective, _covered(cover, weight, start) - 1e-6, np.inf))
    found = _solve.solve(
        objective,
        rows=rows,
        # z is integer by itself once y is: only the sites need branching
        integer=np.r_[np.ones(m), extra],
        lower=np.r_[open_.astype(float), extra],
        upper=np.r_[(~closed).astype(float), np.ones(len(extra))],
        maximise=True,
        time_limit=time_limit,
    )
    done = found.status == "optimal"
    if found.status == "infeasible":
        return _infeasible(n, (_over_budget(site_costs, budget, p, open_, closed, m),))
    if not done and start is not None:
        # The interchange's answer does not depend on how fast the machine is.
        start = _cover_swaps(cover, weight, p, open_, closed, rounds=12)
        value = _covered(cover, weight, start)
        return replace(_answer(c, start, within, value), bound=bound, method="interchange",
                       gap=_solve.relative_gap(value, bound), status="feasible",
                       least_radius=_least_radius(c, closed))  # fmt: skip
    if found.x is None:
        late = Text("限时内未找到解", "no answer within the time limit")
        return _infeasible(n, (late,))
    sites = _chosen(found.x, m)
    value = found.objective if backup_weight else _covered(usable, w, sites)
    others = _other_optima(
        objective, rows, sites, found.objective, open_, closed, alternatives, maximise=True
    )
    top = max(found.bound, value)
    return replace(
        _answer(c, sites, within, value),
        bound=value if done else top,
        gap=0.0 if done else _solve.relative_gap(value, top),
        status="optimal" if done else "feasible",
        alternatives=others,
        least_radius=_least_radius(c, closed),
    )


def p_median(
    cost: ArrayLike,
    demand: ArrayLike,
    p: int,
    *,
    fixed: Iterable[int] = (),
    forbidden: Iterable[int] = (),
    capacity: ArrayLike | None = None,
    method: Method = "auto",
    time_limit: float | None = 50.0,
) -> Siting:
    """Open p sites so that the sum of demand x cost to the nearest open site is least.

    A Lagrangian bound and interchange find a near-optimal answer first; reduced costs then rule
    out most sites and allocations, and HiGHS closes what gap is left (``method="exact"`` when it
    did). Rows of zero demand need not be reachable.

    Parameters
    ----------
    cost, demand, p, fixed, forbidden
        As in `mclp`.
    capacity
        Demand that each site can serve; a row is served whole by one site.
    method
        ``exact`` runs HiGHS to the proven optimum, ``heuristic`` stops after the Lagrangian
        bound, ``auto`` runs HiGHS within the time limit.
    time_limit
        Seconds for HiGHS under ``auto``.

    Returns
    -------
    Siting; ``objective`` is the sum of demand x cost.
    """
    c, open_, closed = _prepare(cost, fixed, forbidden)
    n, m = c.shape
    w = _per_row(demand, n)
    if (fault := _bad_p(p, open_, closed)) is not None:
        return _infeasible(n, (fault,))
    if capacity is not None:
        reach = np.isfinite(c) & ~closed
        return _capacitated(
            c,
            w,
            open_,
            closed,
            reach,
            p,
            _per_site(capacity, m, "capacity"),
            cover=False,
            time_limit=time_limit,
            prices=None,
        )
    needed = w > 0
    if (faults := _unreachable(c, closed, open_, p, needed)) is not None:
        return faults
    weighted = np.where(np.isfinite(c[needed]), w[needed, None] * c[needed], np.inf)
    weighted[:, closed] = np.inf
    sites, objective, bound, how = _p_median(weighted, p, open_, closed, method, time_limit)
    within = np.isfinite(c)
    done = _solve.relative_gap(objective, bound) <= TOLERANCE
    return replace(
        _answer(c, sites, within, objective),
        bound=objective if done else bound,
        gap=0.0 if done else _solve.relative_gap(objective, bound),
        status="optimal" if done else "feasible",
        method=how,
    )


def p_center(
    cost: ArrayLike,
    p: int,
    *,
    fixed: Iterable[int] = (),
    forbidden: Iterable[int] = (),
    demand: ArrayLike | None = None,
    capacity: ArrayLike | None = None,
    time_limit: float | None = _CENTER_SECONDS,
) -> Siting:
    """Open p sites so that the largest cost to the nearest open site is least.

    Bisection over the distinct costs: at each one, can p sites serve every row? (Minieka 1970.) A
    local search finds sites, the linear relaxation and HiGHS prove that smaller radii will not do.
    ``time_limit`` is for HiGHS; questions it leaves open make the answer ``feasible`` with a bound.
    With ``capacity`` (and ``demand``, 1 each when absent) a row is served whole by a site with room.

    Returns
    -------
    Siting; ``objective`` is the largest cost.
    """
    c, open_, closed = _prepare(cost, fixed, forbidden)
    n, _ = c.shape
    if (fault := _bad_p(p, open_, closed)) is not None:
        return _infeasible(n, (fault,))
    if (faults := _unreachable(c, closed, open_, p, np.ones(n, bool))) is not None:
        return faults
    allowed = np.where(closed, np.inf, c)
    if n == 0:
        return _answer(c, np.flatnonzero(open_), np.isfinite(c), 0.0)
    if capacity is not None:
        w = np.ones(n) if demand is None else _per_row(demand, n)
        room = _per_site(capacity, c.shape[1], "capacity")
        return _capacitated_center(allowed, w, room, p, open_, closed, time_limit)
    sites = _fill(_farthest_first(allowed, p, open_), p, closed)
    best = float(allowed[:, sites].min(axis=1).max())
    floor = float(allowed.min(axis=1).max())
    values = np.unique(allowed[np.isfinite(allowed)])
    values = values[(values >= floor) & (values <= best)]
    # First a local search that mostly finds the best radius, then the linear relaxation, which
    # rules most smaller ones out; only what is left between them is asked of HiGHS.
    low, high = 0, len(values) - 1
    while low < high:
        mid = (low + high) // 2
        moved = _moved_cover(allowed <= values[mid], sites, open_)
        if moved is None:
            low = mid + 1
        else:
            sites = _fill(moved, p, closed)
            best = float(allowed[:, sites].min(axis=1).max())
            high = int(np.searchsorted(values, best))
    values = values[values <= best]
    low, high = 0, len(values) - 1
    while low < high:
        mid = (low + high) // 2
        if _relaxed_cover(allowed <= values[mid], open_, closed) > p + 1e-6:
            low = mid + 1
        else:
            high = mid
    # What is left is asked of HiGHS. A question it leaves open makes the lower half the next one:
    # the local search has looked above, and the bound still has to rise.
    top, until = len(values) - 1, _deadline(time_limit)
    while low < top:
        mid = (low + top) // 2
        seconds = None if until is None else max(until - time.monotonic(), 0.0) / 2
        if seconds is not None and seconds < _LEAST_SECONDS:
            break
        found = _cover_with(allowed <= values[mid], p, open_, closed, seconds)
        if found is None:
            top = mid
        elif found[0]:
            sites = _fill(found[1], p, closed)
            best = float(allowed[:, sites].min(axis=1).max())
            top = int(np.searchsorted(values, best))
        else:
            low = mid + 1
    floor = float(values[low])
    if not np.isfinite(best):
        # Neither search reached every row; that p sites reach all at some cost is known from the
        # check above.
        found = _cover_with(allowed <= values[-1], p, open_, closed, None)
        if found is not None and found[0]:
            sites = _fill(found[1], p, closed)
            best = float(allowed[:, sites].min(axis=1).max())
    objective = best
    done = floor >= best
    return replace(
        _answer(c, sites, np.isfinite(c), objective),
        bound=objective if done else floor,
        gap=0.0 if done else _solve.relative_gap(objective, floor),
        status="optimal" if done else "feasible",
        method="exact" if done else "search",
        least_radius=objective,
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
    nested
        True: keep the sites already chosen (a programme built year by year; each step is the
        best next site). False: solve anew for every p (the best that p sites can do).

    Returns
    -------
    Table ``added, site, sites, villages, people, villages_gained, people_gained, best_people``:
    one row for the fixed sites alone (added 0) and one per added site. ``best_people`` is the
    optimum for that many sites, so the loss of building step by step shows.
    """
    c, open_, closed = _prepare(cost, fixed, forbidden)
    n, _ = c.shape
    w = _per_row(demand, n)
    usable = (c <= radius) & ~closed
    base = np.flatnonzero(open_)
    rows = []
    current = base
    for added in range(p_max + 1):
        p = len(base) + added
        if p > int((~closed).sum()):
            break
        best = mclp(c, w, radius, p, fixed=base, forbidden=np.flatnonzero(closed))
        if added:
            if nested:
                current = mclp(
                    c, w, radius, p, fixed=current, forbidden=np.flatnonzero(closed)
                ).sites
            else:
                current = best.sites
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
# Input and answers
# ---------------------------------------------------------------------------------------------


def _prepare(
    cost: ArrayLike, fixed: Iterable[int], forbidden: Iterable[int]
) -> tuple[Array, NDArray[np.bool_], NDArray[np.bool_]]:
    c = np.array(cost, dtype=float)
    if c.ndim != 2:
        raise UsageError(
            Text(
                f"成本应为二维数组（需求×候选点），给出的是{c.ndim}维",
                f"cost must be demand x sites, not {c.ndim}-dimensional",
            )
        )
    c[np.isnan(c)] = np.inf
    if (c < 0).any():
        row, site = np.argwhere(c < 0)[0]
        raise UsageError(
            Text(f"成本为负：需求{row}、候选点{site}", f"negative cost at row {row}, site {site}")
        )
    masks = []
    for numbers, zh, en in ((fixed, "固定", "fixed"), (forbidden, "禁止", "forbidden")):
        chosen = np.array(list(numbers), dtype=np.int64)
        mask = np.zeros(c.shape[1], bool)
        if ((chosen < 0) | (chosen >= c.shape[1])).any():
            raise UsageError(
                Text(
                    f"{zh}候选点编号超出范围（共{c.shape[1]}个）",
                    f"{en} site out of range (there are {c.shape[1]})",
                )
            )
        mask[chosen] = True
        masks.append(mask)
    open_, closed = masks
    if (open_ & closed).any():
        site = int(np.flatnonzero(open_ & closed)[0])
        raise UsageError(
            Text(f"候选点{site}既固定又禁止", f"site {site} is both fixed and forbidden")
        )
    return c, open_, closed


def _per_row(demand: ArrayLike, n: int) -> Array:
    w = np.asarray(demand, float)
    if w.shape != (n,) or not np.isfinite(w).all() or (w < 0).any():
        raise UsageError(
            Text(f"需求应为{n}个非负有限数", f"demand must be {n} finite numbers, none negative")
        )
    return w


def _per_site(values: ArrayLike, m: int, name: str) -> Array:
    v = np.asarray(values, float)
    if v.shape != (m,) or np.isnan(v).any() or (v < 0).any():
        raise UsageError(
            Text(f"{name}应为{m}个非负数", f"{name} must be {m} numbers, none negative")
        )
    return v


def _prices(
    site_costs: ArrayLike | None, budget: float | None, m: int, open_: NDArray[np.bool_]
) -> tuple[Array, float] | None:
    if budget is None:
        return None
    price = np.ones(m) if site_costs is None else _per_site(site_costs, m, "site_costs")
    return np.where(open_, 0.0, price), float(budget)


def _budget_row(prices: tuple[Array, float] | None, extra: int) -> list[tuple[Any, Any, Any]]:
    if prices is None:
        return []
    price, budget = prices
    return [(np.r_[price, np.zeros(extra)], -np.inf, budget)]


def _answer(c: Array, sites: Ints, within: NDArray[np.bool_], objective: float) -> Siting:
    sites = np.sort(np.asarray(sites, dtype=np.int64))
    allocation = np.full(len(c), -1, dtype=np.int64)
    if len(sites) and len(c):
        reach = np.where(within[:, sites], c[:, sites], np.inf)
        nearest = reach.argmin(axis=1)
        served = np.isfinite(reach[np.arange(len(c)), nearest])
        allocation[served] = sites[nearest[served]]
    return Siting(sites, allocation, objective, objective, 0.0, "optimal")


def _infeasible(n: int, reasons: tuple[Text, ...], least_radius: float = np.nan) -> Siting:
    none = np.array([], dtype=np.int64)
    return Siting(
        none,
        np.full(n, -1, dtype=np.int64),
        float("nan"),
        float("nan"),
        float("inf"),
        "infeasible",
        reasons,
        method="trivial",
        least_radius=least_radius,
    )


def _bad_p(p: int, open_: NDArray[np.bool_], closed: NDArray[np.bool_]) -> Text | None:
    available, fixed = int((~closed).sum()), int(open_.sum())
    if p > available:
        return Text(
            f"要设{p}处，可用候选点只有{available}个",
            f"{p} sites are asked for, only {available} may be opened",
        )
    if p < fixed:
        return Text(f"固定点已有{fixed}个，多于p={p}", f"{fixed} sites are fixed, more than p={p}")
    return None


def _least_radius(c: Array, closed: NDArray[np.bool_]) -> float:
    if not c.size or closed.all():
        return float("nan")
    nearest = c[:, ~closed].min(axis=1)
    return float(nearest.max()) if np.isfinite(nearest).all() else float("nan")


def _beyond_radius(c: Array, radius: float, closed: NDArray[np.bool_]) -> Siting:
    """Name every row that no site serves, and by how much the nearest one misses."""
    nearest = np.where(closed, np.inf, c).min(axis=1, initial=np.inf)
    reasons = []
    for row in np.flatnonzero(~(nearest <= radius)):
        if np.isfinite(nearest[row]):
            reasons.append(
                Text(
                    f"需求{row}：最近候选点{nearest[row]:g}，超出半径{nearest[row] - radius:g}",
                    f"row {row}: nearest site at {nearest[row]:g}, {nearest[row] - radius:g} over",
                )
            )
        else:
            reasons.append(
                Text(f"需求{row}：没有可到达的候选点", f"row {row}: no site can be reached")
            )
    least = _least_radius(c, closed)
    if np.isfinite(least):
        reasons.append(
            Text(f"可行的最小半径为{least:g}", f"the least radius that would work is {least:g}")
        )
    return _infeasible(len(c), tuple(reasons), least)


def _unreachable(
    c: Array,
    closed: NDArray[np.bool_],
    open_: NDArray[np.bool_],
    p: int,
    needed: NDArray[np.bool_],
) -> Siting | None:
    """Return the infeasible answer when some needed row cannot be reached by p sites, else None."""
    reach = np.isfinite(c) & ~closed
    lost = np.flatnonzero(needed & ~reach.any(axis=1))
    if len(lost):
        reasons = tuple(
            Text(f"需求{row}：没有可到达的候选点", f"row {row}: no site can be reached")
            for row in lost
        )
        return _infeasible(len(c), reasons)
    if reach[needed].all() and (p or not needed.any()):
        return None
    least = lscp(np.where(reach, 0.0, np.inf)[needed], 0.0, fixed=np.flatnonzero(open_))
    if least.objective <= p:
        return None
    return _infeasible(
        len(c),
        (
            Text(
                f"至少要{least.objective:.0f}处才能让每个需求都有可到达的点，p={p}不够",
                f"at least {least.objective:.0f} sites are needed to reach every row; p is {p}",
            ),
        ),
    )


def _over_budget(
    site_costs: ArrayLike | None,
    budget: float | None,
    p: int,
    open_: NDArray[np.bool_],
    closed: NDArray[np.bool_],
    m: int,
) -> Text:
    price = np.ones(m) if site_costs is None else np.asarray(site_costs, float)
    spare = np.sort(price[~open_ & ~closed])[: p - int(open_.sum())]
    least = float(spare.sum())
    return Text(
        f"预算{budget:g}不够：新增{len(spare)}处最少要{least:g}",
        f"the budget of {budget:g} is too small: {len(spare)} new sites cost {least:g}",
    )


# ---------------------------------------------------------------------------------------------
# Matrices
# ---------------------------------------------------------------------------------------------


def _sparse(matrix: NDArray[Any]) -> Any:
    from scipy import sparse

    return sparse.csr_array(matrix.astype(float))


def _identity(n: int) -> Any:
    from scipy import sparse

    return sparse.eye_array(n, format="csr")


def _hstack(blocks: list[Any]) -> Any:
    from scipy import sparse

    return sparse.hstack(blocks, format="csr")


def distinct_rows(cover: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], Ints]:
    """Return the different rows of a cover matrix and which of them each row is."""
    if not cover.size:
        return cover[:0], np.zeros(len(cover), dtype=np.int64)
    packed = np.packbits(cover, axis=1)
    keys = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    return cover[first], group.astype(np.int64)


def _chosen(x: Array | None, m: int) -> Ints:
    assert x is not None  # noqa: S101  # callers checked the status
    return np.flatnonzero(x[:m] > 0.5).astype(np.int64)


def _whole_bound(bound: float) -> float:
    """Round a bound on a count up to the next whole number."""
    return float(np.ceil(bound - _solve.INTEGRALITY))


def _covered(usable: NDArray[np.bool_], w: Array, sites: Ints) -> float:
    return float(w[usable[:, sites].any(axis=1)].sum())


# ---------------------------------------------------------------------------------------------
# Set covering
# ---------------------------------------------------------------------------------------------


def _cover_all(
    cover: NDArray[np.bool_], open_: NDArray[np.bool_], time_limit: float | None
) -> _solve.Solution:
    """Open as few sites as cover every row, over the rows and sites that matter."""
    rows, sites = _essential(cover, open_)
    small = cover[np.ix_(rows, sites)]
    fixed = float(open_.sum())
    x = open_.astype(float)
    if not len(small):
        return _solve.Solution("optimal", x, fixed, fixed, 0.0)
    m = small.shape[1]
    rows_ = [(_sparse(small), 1.0, np.inf)]
    floor, known = 0.0, None
    if small.sum() > _HARD_COVER:
        # Large: the relaxation and the local search often meet, and else narrow the question.
        floor = _whole_bound(_solve.solve(np.ones(m), rows=rows_, integer=np.zeros(m)).objective)
        known = _fewer(small, floor)
        time_limit = _HARD_SECONDS if time_limit is None else time_limit
        rows_.append((np.ones((1, m)), floor, float(len(known)) - 1.0))
    if known is None or len(known) > floor:
        found = _solve.solve(np.ones(m), rows=rows_, integer=np.ones(m), time_limit=time_limit)
        if known is None and found.x is None:
            return found
        if found.x is not None:
            known = np.flatnonzero(found.x > 0.5)
            floor = float(len(known)) if found.status == "optimal" else max(floor, found.bound)
        elif found.status == "infeasible":  # nothing between the floor and what is known
            floor = float(len(known)) if known is not None else floor
    assert known is not None  # noqa: S101  # every branch above has found one or returned
    x[np.flatnonzero(sites)[known]] = 1.0
    value, bound = float(len(known)) + fixed, _whole_bound(floor) + fixed
    return _solve.Solution(
        "optimal" if bound >= value else "feasible", x, value, bound,
        _solve.relative_gap(value, bound),
    )  # fmt: skip


def _fewer(part: NDArray[np.bool_], floor: float) -> Ints:
    """Return a cover: greedy, then one site less again and again while the local search finds one."""
    none = np.zeros(part.shape[1], bool)
    sites = _greedy_cover(part, none)
    while len(sites) > floor:
        chosen = none.copy()
        chosen[sites[:-1]] = True
        found = _searched(part, chosen, np.arange(part.shape[1]), none)
        if found is None:
            break
        sites = np.sort(found)
    return sites


def _most_backup(
    usable: NDArray[np.bool_],
    price: Array,
    found: _solve.Solution,
    open_: NDArray[np.bool_],
    closed: NDArray[np.bool_],
    time_limit: float | None,
) -> _solve.Solution:
    """Among covers of the same price take one that serves the most rows twice."""
    cover, group = distinct_rows(usable)
    weight = np.bincount(group, minlength=len(cover)).astype(float)
    g, m = cover.shape
    link = _hstack([_sparse(cover), -_identity(g)])
    slack = 1e-6 * max(1.0, abs(found.objective))
    second = _solve.solve(
        np.r_[np.zeros(m), weight],
        rows=[(link, 1.0, np.inf), (np.r_[price, np.zeros(g)], -np.inf, found.objective + slack)],
        integer=np.r_[np.ones(m), np.zeros(g)],
        lower=np.r_[open_.astype(float), np.zeros(g)],
        upper=np.r_[(~closed).astype(float), np.ones(g)],
        maximise=True,
        time_limit=time_limit,
    )
    return second if second.x is not None else found


def _other_optima(
    objective: Array,
    rows: list[tuple[Any, Any, Any]],
    sites: Ints,
    value: float,
    open_: NDArray[np.bool_],
    closed: NDArray[np.bool_],
    count: int,
    *,
    maximise: bool = False,
) -> tuple[Ints, ...]:
    """Find other site sets of the same value by cutting off those already found."""
    m, width = len(open_), len(objective)
    found: list[Ints] = []
    cuts: list[tuple[Any, Any, Any]] = []
    last = sites
    slack = 1e-7 * max(1.0, abs(value))
    while len(found) < count:
        cut = np.zeros(width)
        cut[last] = 1.0
        cuts.append((cut, -np.inf, len(last) - 1.0))
        extra = np.zeros(width - m)
        more = _solve.solve(
            objective,
            rows=[*rows, *cuts],
            integer=np.r_[np.ones(m), extra],
            lower=np.r_[open_.astype(float), extra],
            upper=np.r_[(~closed).astype(float), np.ones(width - m)],
            maximise=maximise,
        )
        if more.x is None or abs(more.objective - value) > slack:
            break
        last = _chosen(more.x, m)
        found.append(last)
    return tuple(found)


def _greedy_cover(usable: NDArray[np.bool_], open_: NDArray[np.bool_]) -> Ints:
    chosen = [int(j) for j in np.flatnonzero(open_)]
    left = ~usable[:, chosen].any(axis=1) if chosen else np.ones(len(usable), bool)
    while left.any():
        best = int(usable[left].sum(axis=0).argmax())
        chosen.append(best)
        left &= ~usable[:, best]
    return np.array(sorted(chosen), dtype=np.int64)


def _moved_cover(cover: NDArray[np.bool_], sites: Ints, open_: NDArray[np.bool_]) -> Ints | None:
    """Look for a cover with as many sites by moving the ones given; None when none was found."""
    if not cover.any(axis=1).all():
        return None
    part = distinct_rows(cover)[0]
    numbers = np.flatnonzero(~open_ & part.any(axis=0))
    part = part[~part[:, open_].any(axis=1)][:, numbers]
    if not len(part):
        return sites
    free = sites[~open_[sites]]
    chosen = np.isin(numbers, free)
    short = min(len(free), len(numbers)) - int(chosen.sum())
    chosen[np.flatnonzero(~chosen)[:short]] = True
    return _searched(part, chosen, numbers, open_)


def _searched(
    part: NDArray[np.bool_], chosen: NDArray[np.bool_], numbers: Ints, open_: NDArray[np.bool_]
) -> Ints | None:
    from qianwan_gis._cover import cover_all

    by_row, by_site = _sparse(part), _sparse(part.T)
    left = cover_all(
        by_row.indptr.astype(np.int64), by_row.indices.astype(np.int64),
        by_site.indptr.astype(np.int64), by_site.indices.astype(np.int64),
        chosen, np.zeros(len(chosen), bool), _SEARCH_STEPS,
    )  # fmt: skip
    return np.r_[np.flatnonzero(open_), numbers[chosen]] if left == 0 else None


def _cover_swaps(
    cover: NDArray[np.bool_],
    w: Array,
    p: int,
    open_: NDArray[np.bool_],
    closed: NDArray[np.bool_],
    *,
    rounds: int,
) -> Ints:
    """Greedy adding, then best swaps, then shaken and swapped again; always the same answer."""
    matrix = _sparse(cover)
    fixed = [int(j) for j in np.flatnonzero(open_)]
    chosen = list(fixed)
    left = ~cover[:, chosen].any(axis=1)
    while len(chosen) < p:
        gain = (w * left) @ matrix
        gain[closed] = -1.0
        gain[chosen] = -2.0
        best = int(gain.argmax())
        chosen.append(best)
        left &= ~cover[:, best]
    sites = _best_swaps(cover, matrix, w, chosen, len(fixed), closed)
    value = _covered(cover, w, np.array(sites, dtype=np.int64))
    free = np.flatnonzero(~closed & ~open_)
    rng = np.random.default_rng(0)
    for _ in range(rounds if p > len(fixed) and len(free) > p else 0):
        shaken = list(sites)
        for place in rng.integers(len(fixed), p, max(1, (p - len(fixed)) // 5)):
            other = int(rng.choice(free))
            if other not in shaken:
                shaken[int(place)] = other
        shaken = _best_swaps(cover, matrix, w, shaken, len(fixed), closed)
        found = _covered(cover, w, np.array(shaken, dtype=np.int64))
        if found > value:
            sites, value = shaken, found
    return np.array(sorted(sites), dtype=np.int64)


def _best_swaps(
    cover: NDArray[np.bool_],
    matrix: Any,
    w: Array,
    sites: list[int],
    fixed: int,
    closed: NDArray[np.bool_],
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


def _cover_bound(
    cover: NDArray[np.bool_],
    w: Array,
    p: int,
    open_: NDArray[np.bool_],
    closed: NDArray[np.bool_],
) -> float:
    """Return the linear relaxation of maximal covering: no p sites cover more."""
    g, m = cover.shape
    if not g:
        return 0.0
    extra = np.zeros(g)
    found = _solve.solve(
        np.r_[np.zeros(m), w],
        rows=[(_hstack([_sparse(cover), -_identity(g)]), 0.0, np.inf),
              (np.r_[np.ones(m), extra], p, p)],
        integer=np.zeros(m + g),
        lower=np.r_[open_.astype(float), extra],
        upper=np.r_[(~closed).astype(float), np.ones(g)],
        maximise=True,
    )  # fmt: skip
    return min(found.objective, float(w.sum())) if found.x is not None else float(w.sum())


def _least_step(w: Array) -> float:
    """Return by how much two different values differ at least: 1 for whole numbers."""
    return 1.0 - 1e-6 if (w == np.round(w)).all() else TOLERANCE * max(1.0, float(w.sum()))


def _essential(
    cover: NDArray[np.bool_], open_: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which rows and sites of a covering problem still matter.

    A row that is covered whenever another is can go, and so can a site whose rows another site
    covers as well (equal ones keep the lower number). Repeats until nothing changes.
    """
    rows, sites = np.ones(len(cover), bool), np.ones(cover.shape[1], bool)
    rows &= ~cover[:, open_].any(axis=1)
    while True:
        part = cover[np.ix_(rows, sites)].astype(np.float32)
        before = (int(rows.sum()), int(sites.sum()))
        drop = _contained(part.T)
        sites[np.flatnonzero(sites)[drop]] = False
        part = cover[np.ix_(rows, sites)].astype(np.float32)
        drop = _contained(1.0 - part)
        rows[np.flatnonzero(rows)[drop]] = False
        if (int(rows.sum()), int(sites.sum())) == before:
            return rows, sites


def _contained(sets: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which sets (rows of 0 and 1) lie inside another one that stays."""
    size = sets.sum(axis=1)
    inside = (sets @ sets.T) >= size[:, None]  # inside[a, b]: a is part of b
    twins = inside & inside.T
    number = np.arange(len(sets))
    return np.asarray((inside & (~twins | (number[None, :] < number[:, None]))).any(axis=1))


# ---------------------------------------------------------------------------------------------
# p-center
# ---------------------------------------------------------------------------------------------


def _farthest_first(c: Array, p: int, open_: NDArray[np.bool_]) -> Ints:
    """Open again and again the nearest site of the worst served row (Gonzalez 1985)."""
    chosen = [int(j) for j in np.flatnonzero(open_)]
    nearest = c[:, chosen].min(axis=1) if chosen else np.full(len(c), np.inf)
    if not chosen and p:
        chosen.append(int(np.where(np.isfinite(c), c, 1e300).max(axis=0).argmin()))
        nearest = c[:, chosen[0]]
    while len(chosen) < p:
        site = int(c[int(nearest.argmax())].argmin())
        if site in chosen:
            break
        chosen.append(site)
        nearest = np.minimum(nearest, c[:, site])
    return np.array(chosen, dtype=np.int64)


def _deadline(seconds: float | None) -> float | None:
    return None if seconds is None else time.monotonic() + seconds


def _fill(sites: Ints, p: int, closed: NDArray[np.bool_]) -> Ints:
    """Add the first unused sites until there are p: asked for p, the answer has p."""
    spare = np.setdiff1d(np.flatnonzero(~closed), sites)[: p - len(sites)]
    return np.sort(np.r_[sites, spare]).astype(np.int64)


def _cover_with(
    cover: NDArray[np.bool_],
    p: int,
    open_: NDArray[np.bool_],
    closed: NDArray[np.bool_],
    time_limit: float | None,
) -> tuple[bool, Ints] | None:
    """Tell whether p sites cover every row, and with which; None when time ran out."""
    if not cover.any(axis=1).all():
        return False, np.array([], dtype=np.int64)
    greedy = _greedy_cover(cover, open_)
    if len(greedy) <= p:
        return True, greedy
    small, _ = distinct_rows(cover & ~closed)
    found = _cover_all(small, open_, time_limit)
    if found.x is not None and len(_chosen(found.x, len(open_))) <= p:
        return True, _chosen(found.x, len(open_))
    if found.status == "optimal" or _whole_bound(found.bound) > p:
        return False, np.array([], dtype=np.int64)
    return None


def _relaxed_cover(
    cover: NDArray[np.bool_], open_: NDArray[np.bool_], closed: NDArray[np.bool_]
) -> float:
    """Return the least fractional number of sites that covers every row; inf when none does."""
    usable = cover & ~closed
    if not usable.any(axis=1).all():
        return float("inf")
    small, _ = distinct_rows(usable)
    rows, sites = _essential(small, open_)
    part = small[np.ix_(rows, sites)]
    if not len(part):
        return float(open_.sum())
    m = part.shape[1]
    found = _solve.solve(np.ones(m), rows=[(_sparse(part), 1.0, np.inf)], integer=np.zeros(m))
    return found.objective + float(open_.sum())


# ---------------------------------------------------------------------------------------------
# p-median
# ---------------------------------------------------------------------------------------------


def _p_median(
    d: Array,
    p: int,
    open_: NDArray[np.bool_],
    closed: NDArray[np.bool_],
    method: Method,
    time_limit: float | None,
) -> tuple[Ints, float, float, str]:
    """Return sites, objective, bound and method for weighted costs ``d`` (rows x sites)."""
    if not len(d) or p == 0:
        return _fill(np.flatnonzero(open_), p, closed), 0.0, 0.0, "trivial"
    # Interchange needs finite numbers: unreachable costs more than all reachable ones together.
    finite = np.isfinite(d)
    big = float(d[finite].sum()) + 1.0
    cost = np.where(finite, d, big)
    sites = _interchange(cost, _greedy_median(cost, p, open_, closed), open_, closed)
    upper = float(cost[:, sites].min(axis=1).sum())
    multipliers, bound, sites, upper = _lagrangian(cost, p, open_, closed, sites, upper)
    if _solve.relative_gap(upper, bound) <= TOLERANCE and upper < big:
        return sites, upper, upper, "lagrangian"
    if method == "heuristic" and upper < big:
        return sites, upper, bound, "lagrangian"
    limit = None if method == "exact" or upper >= big else time_limit
    better = _reduced_milp(cost, finite, p, open_, closed, multipliers, bound, upper, limit)
    chosen, proven = better
    if chosen is not None:
        value = float(cost[:, chosen].min(axis=1).sum())
        if value < upper:
            sites, upper = chosen, value
    return sites, upper, min(max(bound, proven), upper), "exact"


def _greedy_median(
    cost: Array, p: int, open_: NDArray[np.bool_], closed: NDArray[np.bool_]
) -> Ints:
    chosen = [int(j) for j in np.flatnonzero(open_)]
    nearest = cost[:, chosen].min(axis=1) if chosen else np.full(len(cost), np.inf)
    while len(chosen) < p:
        total = np.minimum(cost, nearest[:, None]).sum(axis=0)
        total[closed] = np.inf
        total[chosen] = np.inf
        best = int(total.argmin())
        chosen.append(best)
        nearest = np.minimum(nearest, cost[:, best])
    return np.array(sorted(chosen), dtype=np.int64)


def _interchange(
    cost: Array, sites: Ints, open_: NDArray[np.bool_], closed: NDArray[np.bool_]
) -> Ints:
    """Swap one open for one closed site while that helps (Teitz-Bart, best swap, Whitaker's sums)."""
    sites = np.array(sites, dtype=np.int64)
    n, m = cost.shape
    while True:
        inside = cost[:, sites]
        if len(sites) > 1:
            order = np.argpartition(inside, 1, axis=1)[:, :2]
            pair = np.take_along_axis(inside, order, axis=1)
            swap = pair[:, 0] > pair[:, 1]
            first = np.where(swap, order[:, 1], order[:, 0])
            d1, d2 = pair.min(axis=1), pair.max(axis=1)
        else:
            first, d1 = np.zeros(n, dtype=np.int64), inside[:, 0]
            d2 = np.full(n, np.inf)
        saving = np.maximum(d1[:, None] - cost, 0.0)
        gain = saving.sum(axis=0)
        # Closing r sends its rows to the new site or to their second: d1 is lost back.
        second = np.minimum(d2[:, None], np.maximum(cost, d1[:, None])) - d1[:, None]
        loss = np.zeros((len(sites), m))
        by_site = np.argsort(first, kind="stable")
        starts = np.searchsorted(first[by_site], np.arange(len(sites)))
        has = np.diff(np.r_[starts, n]) > 0
        if has.any():
            loss[has] = np.add.reduceat(second[by_site], starts[has], axis=0)
        profit = gain[None, :] - loss
        profit[:, sites] = -np.inf
        profit[:, closed] = -np.inf
        profit[open_[sites], :] = -np.inf
        out, into = np.unravel_index(int(profit.argmax()), profit.shape)
        now = float(d1.sum())
        if not profit[out, into] > TOLERANCE * max(1.0, now):
            return np.sort(sites)
        sites[out] = into


def _lagrangian(
    cost: Array,
    p: int,
    open_: NDArray[np.bool_],
    closed: NDArray[np.bool_],
    sites: Ints,
    upper: float,
    rounds: int = 600,
) -> tuple[Array, float, Ints, float]:
    """Raise the Lagrangian bound by subgradient steps, keeping the best site set met on the way."""
    free = p - int(open_.sum())
    lam = np.partition(cost, min(1, cost.shape[1] - 1), axis=1)[:, min(1, cost.shape[1] - 1)].copy()
    best_lam, bound, pace, still = lam.copy(), -np.inf, 2.0, 0
    direction = np.zeros_like(lam)
    for step in range(rounds):
        slack = np.minimum(cost - lam[:, None], 0.0)
        rho = slack.sum(axis=0)
        chosen = _best_sites(rho, free, open_, closed)
        value = float(lam.sum() + rho[chosen].sum())
        if value > bound:
            if value > bound + 1e-6 * abs(bound):
                still = 0
            bound, best_lam = value, lam.copy()
        still += 1
        total = float(cost[:, chosen].min(axis=1).sum())
        if total < upper * 1.02 and (step % 10 == 0 or total < upper):
            improved = _interchange(cost, chosen, open_, closed)
            total = float(cost[:, improved].min(axis=1).sum())
            if total < upper - TOLERANCE * abs(upper):
                sites, upper = improved, total
        if upper - bound <= TOLERANCE * max(1.0, abs(upper)):
            bound = upper
            break
        gradient = 1.0 - (slack[:, chosen] < 0).sum(axis=1)
        if not gradient.any():
            break
        # A deflected direction (Camerini, Fratta, Maffioli) damps the zigzag of plain steps.
        direction = gradient + 0.3 * direction
        if still >= 20:
            pace, still = pace / 2, 0
            lam = best_lam.copy()
            if pace < 1e-4:
                break
        lam = lam + pace * (upper - value) / float(direction @ direction) * direction
    return best_lam, min(bound, upper), sites, upper


def _best_sites(rho: Array, free: int, open_: NDArray[np.bool_], closed: NDArray[np.bool_]) -> Ints:
    """Return the fixed sites and the ``free`` cheapest others; ties go to the lower number."""
    rank = np.where(open_ | closed, np.inf, rho)
    return np.sort(np.r_[np.flatnonzero(open_), np.argsort(rank, kind="stable")[:free]])


def _reduced_milp(
    cost: Array,
    finite: NDArray[np.bool_],
    p: int,
    open_: NDArray[np.bool_],
    closed: NDArray[np.bool_],
    lam: Array,
    bound: float,
    upper: float,
    time_limit: float | None,
) -> tuple[Ints | None, float]:
    """Close the gap by HiGHS over what the Lagrangian bound has not ruled out.

    Opening site j raises the bound by its reduced cost above the p-th best, serving row i from j
    by ``max(0, d_ij - lam_i)`` more; what lifts it above the best known answer cannot be part of a
    better one. The answer is exact: either a better site set or the proof that there is none.
    """
    from scipy import sparse

    n, m = cost.shape
    free = p - int(open_.sum())
    slack = np.minimum(cost - lam[:, None], 0.0)
    rho = slack.sum(axis=0)
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
        return None, upper  # no better answer exists
    numbers = np.arange(k)
    serve = sparse.csr_array((np.ones(k), (row, m + numbers)), shape=(n, m + k))
    tie = sparse.csr_array(
        (np.r_[np.ones(k), -np.ones(k)], (np.r_[numbers, numbers], np.r_[col, m + numbers])),
        shape=(k, m + k),
    )
    total = np.r_[np.ones(m), np.zeros(k)]
    found = _solve.solve(
        np.r_[np.zeros(m), cost[row, col]],
        rows=[(serve, 1.0, 1.0), (tie, 0.0, np.inf), (total, p, p)],
        integer=np.r_[np.ones(m), np.zeros(k)],
        lower=np.r_[must.astype(float), np.zeros(k)],
        upper=np.r_[may.astype(float), np.ones(k)],
        time_limit=time_limit,
    )
    if found.status == "infeasible":
        return None, upper
    if found.x is None:
        return None, bound
    return _chosen(found.x, m), (found.objective if found.status == "optimal" else found.bound)


# ---------------------------------------------------------------------------------------------
# Capacities
# ---------------------------------------------------------------------------------------------


def _capacitated(
    c: Array,
    w: Array,
    open_: NDArray[np.bool_],
    closed: NDArray[np.bool_],
    reach: NDArray[np.bool_],
    p: int | None,
    capacity: Array,
    *,
    cover: bool,
    time_limit: float | None,
    prices: tuple[Array, float] | None,
    opening: Array | None = None,
) -> Siting:
    """Solve MCLP (``cover``), p-median or, with ``opening`` costs, LSCP with limited sites.

    Each row is served whole, by one site. ``p`` is None where the number of sites is free.
    """
    from scipy import sparse

    n, m = c.shape
    row, col = np.nonzero(reach & (w[:, None] <= capacity[None, :]))
    k = len(row)
    numbers = m + np.arange(k)
    serve = sparse.csr_array((np.ones(k), (row, numbers)), shape=(n, m + k))
    room = sparse.csr_array(
        (np.r_[capacity, -w[row]], (np.r_[np.arange(m), col], np.r_[np.arange(m), numbers])),
        shape=(m, m + k),
    )
    links = np.tile(np.arange(k), 2)
    tie = sparse.csr_array(
        (np.r_[np.ones(k), -np.ones(k)], (links, np.r_[col, numbers])), shape=(k, m + k)
    )
    total = np.r_[np.ones(m), np.zeros(k)]
    rows: list[tuple[Any, Any, Any]] = [
        (serve, np.where(cover | ((w <= 0) & (opening is None)), 0.0, 1.0), 1.0),
        (room, 0.0, np.inf),
        (tie, 0.0, np.inf),
        (total, 0 if p is None else p, m if p is None else p),
        *_budget_row(prices, k),
    ]
    serving = w[row] if cover else w[row] * c[row, col]
    objective = np.r_[np.zeros(m), serving] if opening is None else np.r_[opening, np.zeros(k)]
    found = _solve.solve(
        objective,
        rows=rows,
        integer=np.ones(m + k),
        lower=np.r_[open_.astype(float), np.zeros(k)],
        upper=np.r_[(~closed).astype(float), np.ones(k)],
        maximise=cover,
        time_limit=time_limit,
    )
    if found.x is None:
        why = _no_room(w, capacity, closed, reach, m if p is None else p, found.status)
        return replace(
            _infeasible(n, why), method="time limit" if found.status == "unknown" else "trivial"
        )
    sites = _chosen(found.x, m)
    allocation = np.full(n, -1, dtype=np.int64)
    served = found.x[m:] > 0.5
    allocation[row[served]] = col[served]
    done = found.status == "optimal"
    return Siting(
        sites,
        allocation,
        found.objective,
        found.objective if done else found.bound,
        0.0 if done else found.gap,
        "optimal" if done else "feasible",
    )


def _capacitated_center(
    allowed: Array,
    w: Array,
    capacity: Array,
    p: int,
    open_: NDArray[np.bool_],
    closed: NDArray[np.bool_],
    time_limit: float | None,
) -> Siting:
    """Find the least radius at which p limited sites serve all rows, by bisection over the costs."""
    values = np.unique(allowed[np.isfinite(allowed)])
    until = _deadline(time_limit)

    def ask(number: int) -> Siting:
        reach = allowed <= values[number]
        seconds = None if until is None else max(until - time.monotonic(), _LEAST_SECONDS)
        return _capacitated(
            allowed, w, open_, closed, reach, p, capacity,
            cover=False, time_limit=seconds, prices=None, opening=np.zeros(len(capacity)),
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
        status="optimal" if done else "feasible", least_radius=radius,
    )  # fmt: skip


def _no_room(
    w: Array,
    capacity: Array,
    closed: NDArray[np.bool_],
    reach: NDArray[np.bool_],
    p: int,
    status: str,
) -> tuple[Text, ...]:
    usable = np.where(closed, 0.0, capacity)
    reasons = [
        Text(
            f"需求{row}：没有可到达且容得下{w[row]:g}的候选点",
            f"row {row}: no reachable site can take {w[row]:g}",
        )
        for row in np.flatnonzero(~(reach & (w[:, None] <= usable[None, :])).any(axis=1))
    ]
    largest = float(np.sort(usable)[::-1][:p].sum())
    if largest < w.sum():
        reasons.append(
            Text(
                f"最大的{p}处合计容量{largest:g}，小于总需求{w.sum():g}，差{w.sum() - largest:g}",
                f"the {p} largest sites hold {largest:g}, {w.sum() - largest:g} short of {w.sum():g}",
            )
        )
    if status == "unknown":
        reasons.append(Text("限时内未找到解", "no answer within the time limit"))
    elif not reasons:
        reasons.append(
            Text("各点容量无法同时容下全部需求", "the capacities cannot hold all rows at once")
        )
    return tuple(reasons)
