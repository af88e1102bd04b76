"""The tables of a sewage plan as outputs show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qianwan_gis.services._sewage import words

if TYPE_CHECKING:
    from qianwan_gis._text import Lang
    from qianwan_gis.services._sewage.plan import SewagePlan


def tables(
    plan: SewagePlan, lang: Lang, *, priorities: pd.DataFrame | None = None,
    phases: pd.DataFrame | None = None, sensitivity: pd.DataFrame | None = None,
) -> dict[str, pd.DataFrame]:  # fmt: skip
    """Return the plan's tables by name (`words.TABLES`) in a reader's language, empty ones left out.

    Parameters
    ----------
    priorities, phases, sensitivity
        As `SewagePlan.priorities`, `phases` and `sensitivity` return them, where they were made.
    """
    names = plan.decisions.set_index("code")["name"]
    decisions = plan.decisions
    if priorities is not None:
        decisions = decisions.assign(
            rank=decisions["code"].map(priorities.set_index("code")["rank"])
        )
    if phases is not None:
        year = decisions["code"].map(phases.set_index("code")["year"])
        decisions = decisions.assign(year=year.fillna(0).astype(int))
    if sensitivity is not None and len(sensitivity):
        told = plan.robustness(sensitivity).set_index("code")["depends_on"]
        decisions = decisions.assign(depends_on=decisions["code"].map(told).fillna(""))
    costs = plan.costs
    if len(costs):
        total = pd.DataFrame(
            [("total", costs["build_yuan"].sum(), costs["life_yuan"].sum())], columns=costs.columns
        )
        costs = pd.concat([costs, total], ignore_index=True)
    found: dict[str, pd.DataFrame | None] = {
        "decisions": decisions,
        "phases": None if phases is None else phases.assign(name=phases["code"].map(names)),
        "priorities": None if priorities is None else priorities.assign(
            name=priorities["code"].map(names)).sort_values("rank"),
        "stations": plan.stations,
        "pipes": plan.pipes.assign(
            **{end: plan.pipes[end].map(lambda n: names.get(n, n)) for end in ("from", "to")}
        ), "pumps": plan.pumps,
        "quantities": plan.quantities, "costs": costs, "sensitivity": sensitivity,
    }  # fmt: skip
    return {
        name: words.worded(table, name, lang)
        for name, table in found.items()
        if table is not None and len(table)
    }


__all__ = ["tables"]
