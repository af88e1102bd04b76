"""Why there is no solution: which row, by how much, and the least radius that would work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qianwan_gis._text import Text
from qianwan_gis.siting._model import UNSERVED, Case, Siting, infeasible

if TYPE_CHECKING:
    from qianwan_gis.siting._model import Array, Bools

LATE = Text("限时内未找到解", "no answer within the time limit")


def bad_p(p: int, case: Case) -> Text | None:
    """Return why p sites cannot be opened at all; None when they can."""
    available, fixed = int((~case.closed).sum()), int(case.open_.sum())
    if p > available:
        return Text(
            f"要设{p}处，可用候选点只有{available}个",
            f"{p} sites are asked for, only {available} may be opened",
        )
    if p < fixed:
        return Text(f"固定点已有{fixed}个，多于p={p}", f"{fixed} sites are fixed, more than p={p}")
    return None


def least_radius(case: Case) -> float:
    """Return the least radius at which every row has a site; NaN where none will do."""
    if not case.cost.size or case.closed.all():
        return float("nan")
    nearest = case.cost[:, ~case.closed].min(axis=1)
    return float(nearest.max()) if np.isfinite(nearest).all() else float("nan")


def unserved(case: Case, rows: np.ndarray, radius: float) -> pd.DataFrame:
    """Return the nearest usable site of the rows given, and by how much it misses."""
    usable = np.where(case.closed, np.inf, case.cost)
    near = usable[rows].min(axis=1, initial=np.inf)
    place = usable[rows].argmin(axis=1) if usable.shape[1] else np.zeros(len(rows), np.int64)
    names = [case.names[row] if case.names else "" for row in rows]
    reached = np.isfinite(near)
    over = np.where(reached, near, np.inf) - (radius if np.isfinite(radius) else 0.0)
    columns = (np.asarray(rows, np.int64), names, np.where(reached, place, -1), near, over)
    return pd.DataFrame(dict(zip(UNSERVED, columns, strict=True)))


def beyond_radius(case: Case, radius: float) -> Siting:
    """Name every row that no site serves, and by how much the nearest one misses."""
    lost = np.flatnonzero(~(case.within(radius) & ~case.closed).any(axis=1))
    table = unserved(case, lost, radius)
    reasons = [
        _cut_off(case, row)
        if site < 0
        else Text(
            f"{case.called(row).zh}：最近候选点{cost:g}，超出半径{over:g}",
            f"{case.called(row).en}: nearest site at {cost:g}, {over:g} over",
        )
        for row, site, cost, over in table[["row", "site", "cost", "over"]].itertuples(index=False)
    ]
    least = least_radius(case)
    if np.isfinite(least):
        reasons.append(
            Text(f"可行的最小半径为{least:g}", f"the least radius that would work is {least:g}")
        )
    return infeasible(len(case.cost), tuple(reasons), least, table)


def cut_off(case: Case, rows: np.ndarray) -> Siting:
    """Name every row that no site can reach at any cost."""
    reasons = tuple(_cut_off(case, int(row)) for row in rows)
    return infeasible(len(case.cost), reasons, unserved=unserved(case, rows, np.inf))


def _cut_off(case: Case, row: int) -> Text:
    called = case.called(row)
    return Text(f"{called.zh}：没有可到达的候选点", f"{called.en}: no site can be reached")


def too_few(case: Case, least: float, p: int) -> Siting:
    """Say how many sites it takes to reach every row at all."""
    return infeasible(
        len(case.cost),
        (
            Text(
                f"至少要{least:.0f}处才能让每个需求都有可到达的点，p={p}不够",
                f"at least {least:.0f} sites are needed to reach every row; p is {p}",
            ),
        ),
    )


def over_budget(case: Case, price: Array, budget: float, p: int) -> Text:
    """Say what the cheapest choice of p sites costs."""
    spare = np.sort(price[~case.open_ & ~case.closed])[: p - int(case.open_.sum())]
    least = float(spare.sum())
    return Text(
        f"预算{budget:g}不够：新增{len(spare)}处最少要{least:g}",
        f"the budget of {budget:g} is too small: {len(spare)} new sites cost {least:g}",
    )


def no_room(
    case: Case, w: Array, capacity: Array, reach: Bools, p: int, *, late: bool
) -> tuple[Text, ...]:
    """Say which rows fit nowhere, by how much the sites are too small, or that time ran out."""
    usable = np.where(case.closed, 0.0, capacity)
    reasons = []
    for row in np.flatnonzero(~(reach & (w[:, None] <= usable[None, :])).any(axis=1)):
        called, room = case.called(int(row)), float(usable[reach[row]].max(initial=0.0))
        reasons.append(
            Text(
                f"{called.zh}：没有可到达且容得下{w[row]:g}的候选点（可到达的最大容量{room:g}）",
                f"{called.en}: no reachable site can take {w[row]:g} (the largest holds {room:g})",
            )
        )
    largest = float(np.sort(usable)[::-1][:p].sum())
    if largest < w.sum():
        reasons.append(
            Text(
                f"最大的{p}处合计容量{largest:g}，小于总需求{w.sum():g}，差{w.sum() - largest:g}",
                f"the {p} largest sites hold {largest:g}, {w.sum() - largest:g} short of {w.sum():g}",
            )
        )
    if late:
        reasons.append(LATE)
    elif not reasons:
        reasons.append(
            Text("各点容量无法同时容下全部需求", "the capacities cannot hold all rows at once")
        )
    return tuple(reasons)
