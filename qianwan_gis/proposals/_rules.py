"""Capacities and the value of a second facility, over joint draws of where everything stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qianwan_gis import siting
from qianwan_gis.proposals._case import merged

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qianwan_gis.proposals._case import Case
    from qianwan_gis.siting import Siting

    Array = NDArray[np.float64]
    Bools = NDArray[np.bool_]
    Ints = NDArray[np.int64]

#: Draws that the choice under capacities looks at: each is a programme of its own.
_ROOM_DRAWS = 9
#: Seconds for each of them; what is then open shows in the gap.
_ROOM_SECONDS = 20.0


@dataclass(frozen=True)
class Ruled:
    """A choice under rules, and how it fares draw by draw.

    Attributes
    ----------
    made
        The choice; sites are numbers of candidates.
    extra
        ``load`` or ``second`` by candidate.
    chosen
        Share of the draws whose own best set holds the candidate.
    regret
        Share of a draw's best possible gain that the choice misses: median and 95 %.
    room
        With capacities, who is served under them.
    """

    made: Siting
    extra: dict[str, Array]
    chosen: Array
    regret: tuple[float, float]
    room: Room | None = None


# ---------------------------------------------------------------------------------------------
# A second facility
# ---------------------------------------------------------------------------------------------


def with_backup(case: Case, add: int, value: float, prices: Mapping[str, Any]) -> Ruled:
    """Choose so that the expected cover, with ``value`` for a second facility, is most.

    One row per village and draw. Two open sites stand for what exists: one reaches the rows that
    have a facility already, the other those that have two.
    """
    few = case.few()
    reach = case.reach(np.arange(len(case.places)), few, everyone=True)
    there, _ = case.existing(few)
    first = case.within[:, few]
    second = first & (there.sum(axis=2) >= 2)
    cover = np.concatenate([first[:, :, None], second[:, :, None], reach], axis=2)
    cover[~case.located] = False
    m = len(case.places)

    def best(rows: Bools, weight: Array) -> Siting:
        small, heavy = merged(rows, weight)
        options = dict(prices)
        if options:
            options["site_costs"] = np.r_[0.0, 0.0, case.price]
        return siting.mclp(
            np.where(small, 0.0, np.inf), heavy, 0.0, 2 + add, fixed=[0, 1, *(2 + case.mandatory)],
            forbidden=2 + case.forbidden, backup_weight=value, **options,
        )  # fmt: skip

    flat = cover.reshape(-1, m + 2)
    made = best(flat, np.repeat(case.weight / len(few), len(few)))
    if made.status == "infeasible":
        return Ruled(made, {}, np.zeros(m), (np.nan, np.nan))

    def worth(sites: Ints, k: int) -> float:
        times = cover[:, k][:, sites].sum(axis=1)
        return float(case.weight @ ((times >= 1) + value * (times >= 2)))

    own = [best(cover[:, k], case.weight) for k in range(len(few))]
    base = np.array([worth(np.array([0, 1]), k) for k in range(len(few))])
    ours = np.array([worth(made.sites, k) for k in range(len(few))])
    tops = np.array([o.objective for o in own])
    chosen = _shares(made.sites, ours, tops, own, m + 2)[2:]
    sites = made.sites[made.sites >= 2] - 2
    once = first & ~second
    need = (case.weight[:, None] * once)[:, :, None] * reach
    return Ruled(
        replace(made, sites=sites), {"second": need.sum(axis=(0, 1)) / len(few)}, chosen,
        _regret(ours, tops, base),
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------
# Capacities
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Room:
    """Who is served when existing and new facilities can be full.

    ``cover`` (villages, draws, existing facilities then candidates), ``capacity`` of each,
    ``weight`` by village, ``existing`` how many of them exist.
    """

    cover: Bools
    capacity: Array
    weight: Array
    existing: int

    @classmethod
    def of(cls, case: Case, capacity: float, per_capacity: float) -> Room:
        """Look at a few of the draws."""
        every = case.few()
        few = every[np.unique(np.linspace(0, len(every) - 1, _ROOM_DRAWS).astype(int))]
        there, own = case.existing(few)
        reach = case.reach(np.arange(len(case.places)), few, everyone=True)
        cover = np.concatenate([there, reach], axis=2)
        cover[~case.located] = False
        weight = np.where(case.located, case.weight, 0.0)
        # Nobody can fill more than everybody: a finite number stands for "no limit".
        stock = (pd.to_numeric(own["capacity"]) * per_capacity).fillna(weight.sum())
        return cls(cover, np.r_[stock, np.full(len(case.places), capacity)], weight, len(own))

    def best(
        self, k: int, p: int, fixed: Ints, forbidden: Ints, options: Mapping[str, Any]
    ) -> Siting:
        """Return the best p sites of one draw; numbers as in ``cover``."""
        cost = np.where(self.cover[:, k], 0.0, np.inf)
        return siting.mclp(
            cost, self.weight, 0.0, p, fixed=fixed, forbidden=forbidden, capacity=self.capacity,
            time_limit=_ROOM_SECONDS, **options,
        )  # fmt: skip

    def served(self, sites: Ints) -> tuple[Bools, Array]:
        """Return who is served by existing facilities and these candidates, and each one's load.

        Arrays (villages, draws) and (candidates,), the load being the mean over the draws.
        """
        n, draws, m = self.cover.shape
        out = np.zeros((n, draws), bool)
        load = np.zeros(m)
        open_ = np.r_[np.arange(self.existing), self.existing + np.asarray(sites, np.int64)]
        for k in range(draws):
            part = siting.mclp(
                np.where(self.cover[:, k][:, open_], 0.0, np.inf), self.weight, 0.0, len(open_),
                fixed=np.arange(len(open_)), capacity=self.capacity[open_],
                time_limit=_ROOM_SECONDS,
            )  # fmt: skip
            got = part.allocation >= 0
            out[:, k] = got & self.cover[:, k][:, open_].any(axis=1)
            np.add.at(load, open_[part.allocation[got]], self.weight[got])
        return out, load[self.existing :] / draws


def with_capacity(
    case: Case, add: int, capacity: float, per_capacity: float, prices: Mapping[str, Any]
) -> Ruled:
    """Choose sites that can be full: the best of each draw is tried in all of them.

    The sample average with whole villages is too large to solve as one programme. Every draw's
    own best set is a candidate, all of them are judged over all draws looked at, and the one
    with the most expected demand served is taken. The mean of the draws' own best values is a
    proven bound (nobody can do better than knowing the draw), so that the gap is known.
    """
    room = Room.of(case, capacity, per_capacity)
    n = room.existing
    fixed = np.r_[np.arange(n), n + case.mandatory].astype(np.int64)
    options = dict(prices)
    if options:
        options["site_costs"] = np.r_[np.zeros(n), case.price]
    draws = room.cover.shape[1]
    same: dict[bytes, Siting] = {}
    own = []
    for k in range(draws):
        key = np.packbits(room.cover[:, k]).tobytes()
        if key not in same:
            same[key] = room.best(k, n + add, fixed, n + case.forbidden, options)
        own.append(same[key])
    if any(o.status == "infeasible" for o in own):
        bad = next(o for o in own if o.status == "infeasible")
        return Ruled(bad, {}, np.zeros(len(case.places)), (np.nan, np.nan))
    tops = np.array([o.bound for o in own])
    before, _ = room.served(np.zeros(0, dtype=np.int64))
    base = room.weight @ before
    tried: dict[tuple[int, ...], tuple[Array, Array]] = {}
    for o in own:
        sites = o.sites[o.sites >= n] - n
        if tuple(sites) not in tried:
            got, load = room.served(sites)
            tried[tuple(sites)] = (room.weight @ got, load)
    best = max(tried, key=lambda s: (float(tried[s][0].mean()), [-i for i in s]))
    ours, load = tried[best]
    value, bound = float(ours.mean()), float(tops.mean())
    done = bound <= value * (1 + siting.TOLERANCE)
    made = replace(
        own[0], sites=np.array(best, dtype=np.int64), objective=value,
        bound=value if done else bound, gap=0.0 if done else (bound - value) / max(value, 1e-12),
        status="optimal" if done else "feasible", method="exact" if done else "search",
    )  # fmt: skip
    chosen = _shares(made.sites + n, ours, tops, own, n + len(case.places))[n:]
    return Ruled(made, {"load": load}, chosen, _regret(ours, tops, base), room)


def _shares(ours_sites: Ints, ours: Array, tops: Array, own: list[Siting], m: int) -> Array:
    """Return in which share of the draws each site is in the best set; ours where it does as well."""
    chosen = np.zeros(m)
    for value, top, best in zip(ours, tops, own, strict=True):
        chosen[ours_sites if value >= top * (1 - siting.TOLERANCE) else best.sites] += 1.0
    return chosen / max(1, len(own))


def _regret(ours: Array, tops: Array, base: Array) -> tuple[float, float]:
    """Return what is missed of the best possible gain: median and 95 % over the draws."""
    able = tops - base > siting.TOLERANCE * np.maximum(1.0, tops)
    if not able.any():
        return float("nan"), float("nan")
    lost = np.maximum(0.0, (tops - ours)[able] / (tops - base)[able])
    return float(np.percentile(lost, 50)), float(np.percentile(lost, 95))
