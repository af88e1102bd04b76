"""Coverage counted by group, in villages and, where the rule allows, in people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from qianwan_gis import people as people_rule
from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.schemas import Inventory
from qianwan_gis.uncertainty import SURE

By = Literal["county", "township", "category", "list", "zone"]

#: A share of covered villages needs this share of the group's villages assessed: against a
#: partial register only "covered" can ever be said, and covered over assessed would be 100 %.
ASSESSED_SHARE = 0.8

_KIND_TEXT = {"registered": Text("户籍", "registered"), "resident": Text("常住", "resident")}


def summary(
    coverage: pd.DataFrame,
    villages: pd.DataFrame,
    by: By = "county",
    *,
    county: str = "",
    corridor_villages: pd.DataFrame | None = None,
    inventories: Mapping[tuple[str, str], Inventory] | None = None,
) -> pd.DataFrame:
    """Count villages and, where the rule allows, people by group, service and tier.

    Parameters
    ----------
    coverage, villages
        COVERAGE and VILLAGES.
    by
        ``county``, ``township``, ``category``, ``list`` (a village on two lists counts in both)
        or ``zone`` (villages within each corridor width, cumulative).
    county
        The county's name, for ``by="county"``.
    corridor_villages
        Table ``code, within_m`` for ``by="zone"``; without it that summary is empty.
    inventories
        How complete each register is: shares are given for complete ones alone. Without it a
        register counts as complete when "not covered" was said against it at all.

    Returns
    -------
    Table ``<by>, service, tier, villages, assessed, covered, uncovered, unknown, share, people,
    people_assessed, people_covered, share_people, people_kind``. ``share`` is covered over
    assessed, given only against a complete register and where at least 80 % of the group's villages were
    assessed; the people columns are empty where the 80 % rule forbids them, and count the units
    of ``people_kind`` alone. Where a second facility was looked for, ``backup`` counts the covered
    villages that surely have one in reach.
    """
    members = _members(villages, by, county, corridor_villages)
    numbers = ["villages", "assessed", "covered", "uncovered", "unknown"]
    people = ["share", "people", "people_assessed", "people_covered", "share_people", "people_kind"]
    twice = ["backup"] if "p_backup" in coverage.columns else []
    columns = [by, "service", "tier", *numbers, *twice, *people]
    if members.empty or coverage.empty:
        return pd.DataFrame(columns=columns)
    heads = {name: one_definition(group) for name, group in _groups(members, villages)}
    wanted = ["code", "service", "tier", "covered", *(["p_backup"] if twice else [])]
    joined = members.merge(coverage[wanted], on="code")
    joined["covered"] = joined["covered"].astype("boolean")
    denied = {
        (service, tier)
        for service, tier, covered in zip(
            coverage["service"], coverage["tier"], coverage["covered"], strict=True
        )
        if covered is False or covered is np.False_
    }
    rows = []
    for (group, service, tier), part in joined.groupby(["group", "service", "tier"], sort=False):
        yes = part["covered"].fillna(value=False).to_numpy(bool)
        known = part["covered"].notna().to_numpy(bool)
        counts = heads[group]
        n, assessed = len(part), int(known.sum())
        if inventories is None:
            whole = (service, tier) in denied
        else:
            whole = inventories.get((service, tier)) == Inventory.COMPLETE
        row: dict[str, Any] = {
            by: group,
            "service": service,
            "tier": tier,
            "villages": n,
            "assessed": assessed,
            "covered": int(yes.sum()),
            "uncovered": int((known & ~yes).sum()),
            "unknown": n - assessed,
            "share": yes.sum() / assessed if whole and assessed >= ASSESSED_SHARE * n else np.nan,
            "people_kind": "",
        }
        if twice and part["p_backup"].notna().any():
            row["backup"] = int((yes & part["p_backup"].ge(SURE - 1e-9).to_numpy()).sum())
        if counts is not None:
            kind, heads_of = counts
            heads_here = heads_of.reindex(part["code"]).fillna(0.0).to_numpy()
            total, judged = float(heads_here.sum()), float(heads_here[known].sum())
            enough = whole and judged > 0 and judged >= ASSESSED_SHARE * total
            row |= {
                "people": total,
                "people_assessed": judged,
                "people_covered": float(heads_here[yes].sum()),
                "share_people": heads_here[yes].sum() / judged if enough else np.nan,
                "people_kind": kind,
            }
        rows.append(row)
    return pd.DataFrame(rows).reindex(columns=columns)


def _members(
    villages: pd.DataFrame, by: By, county: str, corridor_villages: pd.DataFrame | None
) -> pd.DataFrame:
    """Return ``group, code``: which villages belong to which group, groups in reading order."""
    codes = villages["code"].astype(str)
    if by == "county":
        return pd.DataFrame({"group": county, "code": codes})
    if by in ("township", "category"):
        table = pd.DataFrame({"group": villages[by].fillna("").astype(str), "code": codes})
        return table[table["group"].ne("")].sort_values("group", kind="stable")
    if by == "list":
        names = villages["lists"].fillna("").astype(str).str.split(";")
        table = pd.DataFrame({"group": names, "code": codes}).explode("group")
        table["group"] = table["group"].str.strip()
        return table[table["group"].ne("")].sort_values("group", kind="stable")
    if by == "zone":
        if corridor_villages is None or corridor_villages.empty:
            return pd.DataFrame({"group": [], "code": []})
        near = corridor_villages.groupby("code")["within_m"].min().dropna()
        near = near[near.index.isin(codes)]
        parts = [
            pd.DataFrame({"group": f"{width:g}", "code": near.index[near <= width]})
            for width in sorted(near.unique())
        ]
        return (
            pd.concat(parts, ignore_index=True)
            if parts
            else pd.DataFrame({"group": [], "code": []})
        )
    raise UsageError(Text(f"不能按“{by}”汇总", f"cannot summarise by “{by}”"))


def _groups(members: pd.DataFrame, villages: pd.DataFrame) -> Iterable[tuple[Any, Any]]:
    columns = ["code", "population", "population_kind", "population_year"]
    facts = pd.DataFrame(villages).reindex(columns=columns)
    return list(members.merge(facts, on="code").groupby("group", sort=False))


def one_definition(group: pd.DataFrame) -> tuple[str, pd.Series] | None:
    """Return the population kind that 80 % of a group share within ten years, and its figures.

    The rule is that of `qianwan_gis.people`.
    """
    found = people_rule.agreement(group)
    if found is None or not found.enough:
        return None
    people = pd.to_numeric(group["population"], errors="coerce").to_numpy(float)
    figures = pd.Series(people[found.rows], index=group.loc[found.rows, "code"])
    known = _KIND_TEXT.get(found.kind)
    return f"{known.zh} {found.years()}" if known else found.kind, figures
