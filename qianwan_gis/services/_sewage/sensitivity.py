"""How a plan answers to prices: the same county planned again with one group of prices changed.

The plan is changed move by move from where it stands, until nothing pays at the other prices: what
switches is what those prices change, not another run of the solver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.services._sewage.costs import ranged, scaled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qianwan_gis.services._sewage.model import Model, State
    from qianwan_gis.services._sewage.plan import SewagePlan

#: The ends of each price's own range, as the norms give it.
RANGE = ("low", "high")
_CHOICES = ("sewer", "station", "shared_station", "on_site", "reuse", "tank")


def run(
    plan: SewagePlan, factors: tuple[str, ...], by: Iterable[float | str] = RANGE
) -> pd.DataFrame:
    """Return one row per factor and case.

    Parameters
    ----------
    factors
        Groups of prices (`costs.FACTORS`) or ``discount``.
    by
        ``low`` and ``high``: each price at the end of its range; or multipliers, not negative.

    Returns
    -------
    ``factor``, ``case``, ``times`` (mean multiplier), ``cost_yuan``, ``change`` (relative to the
    plan), number of villages by choice, ``flipped`` and ``switched``: how many and which villages
    choose otherwise (a station shared or not is the same choice).
    """
    from qianwan_gis.services._sewage.plan import again

    if plan.frame is None:
        raise UsageError(Text("没有地形，规划未评估", "nothing was assessed: there is no terrain"))
    cases = tuple(by)
    bad = [b for b in cases if (b not in RANGE if isinstance(b, str) else not b >= 0)]
    if bad:
        raise UsageError(
            Text(
                f"倍数应为非负数或 low、high：{bad}",
                f"multipliers are not negative, or low, high: {bad}",
            )
        )
    before = _kind(plan)
    rows: list[dict[str, Any]] = []
    for factor in factors:
        for case in cases:
            norms = plan.inputs["standards"]
            if isinstance(case, str):
                changed, times = ranged(norms, factor, case)
            else:
                changed, times = scaled(norms, factor, case), float(case)
            other = again(plan, changed)
            choice = other.decisions.set_index("code")["choice"]
            switched = before.index[_kind(other).ne(before)]
            rows.append(
                {
                    "factor": factor, "case": str(case), "times": times, "cost_yuan": other.cost,
                    "change": other.cost / plan.cost - 1.0,
                    **{name: int(choice.eq(name).sum()) for name in _CHOICES},
                    "flipped": len(switched), "switched": " ".join(switched),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def _kind(plan: SewagePlan) -> pd.Series:
    return plan.decisions.set_index("code")["choice"].replace("shared_station", "station")


def robustness(plan: SewagePlan, table: pd.DataFrame) -> pd.DataFrame:
    """Return for each planned village whether its choice holds over the whole range of prices.

    Returns
    -------
    ``code``, ``choice``, ``robust``, ``depends_on`` (factors at whose low or high end it changes).
    """
    named: dict[str, list[str]] = {}
    for factor, codes in zip(table["factor"], table["switched"], strict=True):
        for code in str(codes).split():
            if factor not in named.setdefault(code, []):
                named[code].append(factor)
    decisions = plan.decisions[~plan.decisions["choice"].isin(["", "existing"])]
    depends = decisions["code"].map(lambda code: " ".join(named.get(code, [])))
    return pd.DataFrame(
        {"code": decisions["code"], "choice": decisions["choice"], "robust": depends.eq(""),
         "depends_on": depends}
    )  # fmt: skip


def carried(old: Model, new: Model, state: State) -> State:
    """Return a plan's choices on a model of the same nodes with other prices.

    Ways are the same where they join the same nodes and sinks; a village behind one that is gone
    stays local.
    """
    from qianwan_gis.services._sewage import model as models
    from qianwan_gis.services._sewage.model import State

    place = {(a.tail, a.head, a.plant, a.sewer, a.route): k for k, a in enumerate(new.arcs)}
    way = np.full(len(state.way), -1, np.int64)
    for v in np.flatnonzero(state.way >= 0).tolist():
        a = old.arcs[state.way[v]]
        way[v] = place.get((a.tail, a.head, a.plant, a.sewer, a.route), -1)
    collected = state.collected.copy()
    while True:
        trial = State(way, collected)
        if np.isfinite(models.cost(new, trial)):
            return models.tidy(new, trial)
        lost = [int(v) for v in np.flatnonzero(collected) if not _ends(new, trial, int(v))]
        if not lost:  # a pipe too small or a plant too full: begin anew
            return models.everyone_local(new)
        collected = collected.copy()
        collected[lost] = False


def _ends(model: Model, state: State, node: int) -> bool:
    while node >= 0:
        if state.way[node] < 0:
            return False
        node = model.arcs[state.way[node]].head
    return True


__all__ = ["RANGE", "carried", "robustness", "run"]
