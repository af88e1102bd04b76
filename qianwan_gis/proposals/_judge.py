"""Judging a choice over all draws: what each site adds, how sure that is, the curve, the layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import shapely

from qianwan_gis import datum, siting
from qianwan_gis.proposals.model import Proposal
from qianwan_gis.uncertainty import SURE

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis._errors import ProblemLog
    from qianwan_gis._text import Text
    from qianwan_gis.proposals._case import Case, Rows
    from qianwan_gis.proposals._rules import Ruled
    from qianwan_gis.siting import Siting

    Array = NDArray[np.float64]
    Bools = NDArray[np.bool_]


def best_set(case: Case, cover: Bools, weight: Array, p: int, prices: Mapping[str, Any]) -> Siting:
    """Return the best p candidates for these rows."""
    return siting.mclp(
        np.where(cover, 0.0, np.inf), weight, 0.0, p,
        fixed=case.mandatory, forbidden=case.forbidden, **prices,
    )  # fmt: skip


def steps_of(case: Case, rows: Rows, add: int, prices: Mapping[str, Any]) -> list[Siting]:
    """Return the best choice of each size from the mandatory sites (at least one) to ``add``."""
    first = max(1, min(len(case.mandatory), add))
    return [best_set(case, rows.cover, rows.weight, p, prices) for p in range(first, add + 1)]


def judge(
    case: Case,
    rows: Rows,
    made: Siting,
    ruled: Ruled | None,
    steps: list[Siting],
    prices: Mapping[str, Any],
    unit: Text,
    log: ProblemLog,
    *,
    priced: bool,
) -> Proposal:
    """Return the proposal: its sites in the order to build, judged over all draws.

    With capacities it is judged over the draws that the choice looked at, because who finds room
    is a programme in each.
    """
    every = np.arange(case.plan.draws.n)
    sites = made.sites
    reach = case.reach(sites, every)
    order = _building_order(reach, case, np.isin(sites, case.mandatory))
    room = ruled.room if ruled is not None else None
    used: list[int] = []
    none = np.zeros(0, dtype=np.int64)
    before = case.within.copy() if room is None else room.served(none)[0]
    totals = [_totals(case, before)]
    table, gains = [], []
    for place in order:
        site = int(sites[place])
        if room is None:
            after = before | reach[:, :, place]
        else:
            after = room.served(np.array([*used, site]))[0]
        if not (ruled or site in case.mandatory or (after != before)[case.located].any()):
            continue  # p sites were asked for, and fewer do as well
        used.append(site)
        totals.append(_totals(case, after))
        sure = (after.mean(axis=1) >= SURE - 1e-9) & (before.mean(axis=1) < SURE - 1e-9)
        row = {
            "order": len(used),
            "site_id": case.ids[site],
            "name": case.places["name"].iloc[site],
            "township": case.places["township"].iloc[site],
            **_added(totals[-2], totals[-1]),
            "villages_sure": int(sure.sum()),
        }
        if ruled is not None:
            row |= {name: round(float(values[site]), 1) for name, values in ruled.extra.items()}
        if priced:
            row["cost"] = float(case.price[site])
        table.append(row)
        gains.append(_gained(case, before, after, site))
        before = after
    if len(used) < len(sites):
        log.add("note", "fewer_do", f"再增设不能覆盖更多村庄，{len(used)}处已足够",
                f"{len(used)} sites do: no further one covers any more village")  # fmt: skip
    out = pd.DataFrame(table)
    if ruled is None:
        chosen, regret = _stability(case, rows, np.array(used, dtype=np.int64), len(sites), prices)
    else:
        chosen, regret = ruled.chosen, ruled.regret
    out["p_chosen"] = [round(float(chosen[s]), 3) for s in used]
    points = case.places.geometry.iloc[used]
    lonlat = points.to_crs(datum.CGCS2000)
    out.insert(4, "lon", lonlat.x.round(6).to_numpy())
    out.insert(5, "lat", lonlat.y.round(6).to_numpy())
    villages = pd.concat(gains, ignore_index=True)
    if (out["p_chosen"] < 0.5).any():
        names = out.loc[out["p_chosen"] < 0.5, "name"]
        log.add("warning", "position_decides", f"{'、'.join(names)}：不到一半的抽样选中，位置不准时另有同样好的点",
                f"{', '.join(names)}: chosen in fewer than half of the draws")  # fmt: skip
    everybody = {"villages": float(case.located.sum())}
    if case.known_people:
        everybody["people"] = float(case.people[case.located].sum())
    return Proposal(
        case.kind.service, case.kind.tier, case.limit, case.kind.unit,
        "people" if case.by_people else "villages", unit, None,
        made.status, made.method, made.objective, made.bound, made.gap,
        out, villages, _curve(case, rows, used, totals, steps), regret,
        _layers(case, out, villages, points), tuple(log.problems),
        {name: float(value.mean()) for name, value in totals[0].items()}, everybody,
    )  # fmt: skip


def _building_order(reach: Bools, case: Case, must: Bools) -> list[int]:
    """Return the sites with the mandatory first, then by what each adds to those before it."""
    left = list(range(reach.shape[2]))
    covered = case.within.copy()
    order: list[int] = []
    while left:
        gain = [
            (not must[s], -float(case.weight @ (reach[:, :, s] & ~covered).mean(axis=1)), s)
            for s in left
        ]
        best = min(gain)[2]
        covered |= reach[:, :, best]
        order.append(best)
        left.remove(best)
    return order


def _totals(case: Case, within: Bools) -> dict[str, Array]:
    """Return how many villages and people are covered in each draw."""
    mine = within[case.located]
    found = {"villages": mine.sum(axis=0).astype(float)}
    if case.known_people:
        found["people"] = case.people[case.located] @ mine
    return found


def _added(before: dict[str, Array], after: dict[str, Array]) -> dict[str, float]:
    row: dict[str, float] = {}
    for name, total in after.items():
        more = total - before[name]
        low, high = np.percentile(more, [5, 95])
        # A rare draw can pull the mean out of the range: the range is widened to hold it.
        low, high = min(low, more.mean()), max(high, more.mean())
        digits = 1 if name == "villages" else 0
        row |= {name: round(float(more.mean()), digits), f"{name}_low": round(float(low), digits),
                f"{name}_high": round(float(high), digits)}  # fmt: skip
    return row


def _gained(case: Case, before: Bools, after: Bools, site: int) -> pd.DataFrame:
    p0, p1 = before.mean(axis=1), after.mean(axis=1)
    rows = np.flatnonzero((p1 > p0) & case.located)
    verdict = np.where(p1 >= SURE - 1e-9, "gained", np.where(p1 >= 0.5, "likely", "possible"))
    table = case.villages.loc[rows, ["code", "name", "township"]].reset_index(drop=True)
    table["site_id"] = case.ids[site]
    table["p_before"], table["p_after"] = p0[rows].round(4), p1[rows].round(4)
    table["people"] = case.people[rows] if case.known_people else np.nan
    table["verdict"] = verdict[rows]
    return pd.DataFrame(table)


def _stability(
    case: Case, rows: Rows, used: NDArray[np.int64], p: int, prices: Mapping[str, Any]
) -> tuple[Array, tuple[float, float]]:
    """Return in which share of the draws each candidate is in the best set, and what is lost.

    Sites that do as well as another in a draw count for the one with the lower number alone, so
    the share is a lower bound.
    """
    chosen = np.zeros(len(case.ids))
    lost = []
    for cover, weight in rows.draws:
        if not len(cover):
            continue
        best = best_set(case, cover, weight, p, prices)
        ours = float(weight[cover[:, used].any(axis=1)].sum())
        if best.objective > 0:
            lost.append(max(0.0, 1.0 - ours / best.objective))
        # Where ours does as well, it is a best set of that draw too.
        same = ours >= best.objective * (1 - siting.TOLERANCE)
        chosen[used if same else best.sites] += 1.0
    share = chosen / max(1, len(rows.draws))
    if not lost:
        return share, (float("nan"), float("nan"))
    return share, (float(np.percentile(lost, 50)), float(np.percentile(lost, 95)))


def _curve(
    case: Case,
    rows: Rows,
    used: list[int],
    totals: list[dict[str, Array]],
    steps: list[Siting],
) -> pd.DataFrame:
    """Return what each number of sites adds, beside the best and the proven bound of that size.

    ``covered``, ``best`` and ``bound`` belong to the draws of the choice, so that they compare.
    """
    unit = "people" if case.by_people else "villages"
    if not steps:  # under rules: what the proposal's own sites come to, nothing to compare with
        own = [_added(totals[0], total) | {"covered": round(float(total[unit].mean()), 1)}
               for total in totals]  # fmt: skip
        found = pd.DataFrame(own)
        found.insert(0, "added", range(len(totals)))
        return found.assign(best=np.nan, bound=np.nan, gap=np.nan)
    base = float(_totals(case, case.within[:, case.few()])[unit].mean())
    best = {len(s.sites): s for s in steps if s.status != "infeasible"}
    table = []
    for added, total in enumerate(totals):
        mine = rows.cover[:, used[:added]].any(axis=1)
        row: dict[str, float] = {"added": added, **_added(totals[0], total)}
        row["covered"] = base + float(rows.weight[mine].sum())
        step = best.get(added)
        if added == 0:
            row |= {"best": base, "bound": base, "gap": 0.0}
        elif step is not None:
            top = base + step.bound
            row |= {"best": base + step.objective, "bound": top,
                    "gap": (step.bound - step.objective) / top if top else 0.0}  # fmt: skip
        table.append(row)
    found = pd.DataFrame(table)
    return found.assign(**found.reindex(columns=["covered", "best", "bound"]).round(1))


def _layers(
    case: Case, sites: pd.DataFrame, villages: pd.DataFrame, points: gpd.GeoSeries
) -> dict[str, gpd.GeoDataFrame]:
    import geopandas as gpd

    crs = case.villages.crs
    geometry = points.to_numpy()
    where = dict(zip(sites["site_id"], geometry, strict=True))
    homes = case.villages.set_index("code").geometry
    home = [homes[code] for code in villages["code"]]
    lines = [
        None if place is None or place.is_empty else shapely.LineString([place, where[site]])
        for place, site in zip(home, villages["site_id"], strict=True)
    ]
    links = gpd.GeoDataFrame(
        villages[["code", "site_id", "p_after", "verdict"]], geometry=lines, crs=crs
    )
    return {
        "proposed_sites": gpd.GeoDataFrame(sites, geometry=geometry, crs=crs),
        "proposed_gains": gpd.GeoDataFrame(villages, geometry=home, crs=crs),
        "proposed_links": cast(
            "gpd.GeoDataFrame", links[links.geometry.notna() & (links.length > 0)]
        ),
    }
