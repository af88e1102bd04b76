"""The village that a row names: by code, else by township and name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from qianwan_gis._errors import ProblemLog
from qianwan_gis.names import core, township_core

if TYPE_CHECKING:
    import geopandas as gpd


def row_of(label: Any, file: str) -> int:
    """Return the row as the office counts it: a table begins at 2, below its header."""
    is_table = Path(file).suffix.lower() in (".csv", ".txt", ".tsv", ".xlsx")
    return int(label) + (2 if is_table else 1)


def codes_of(
    table: pd.DataFrame,
    villages: pd.DataFrame | None,
    file: str,
    log: ProblemLog,
    *,
    strict: bool = True,
) -> list[str] | None:
    """Return the village of each row by code, else by township and name; ``""`` when not found.

    None where the table names no villages, or there are none to look among.
    """
    if villages is None:
        return None
    if "village_code" in table.columns:
        return _by_code(table, villages, file, log)
    if {"village", "township"} <= set(table.columns):
        return _by_name(table, villages, file, log, strict=strict)
    return None


def _by_code(table: pd.DataFrame, villages: pd.DataFrame, file: str, log: ProblemLog) -> list[str]:
    known = set(villages["code"].astype(str))
    given = table["village_code"].fillna("").astype(str).str.strip()
    for row, code in given.items():
        if code and code not in known:
            log.add(
                "error", "unknown_village", f"村代码“{code}”不在本县",
                f"village code “{code}” is not of this county",
                file=file, row=row_of(row, file), field="village_code",
            )  # fmt: skip
    return [code if code in known else "" for code in given]


def _by_name(
    table: pd.DataFrame, villages: pd.DataFrame, file: str, log: ProblemLog, *, strict: bool
) -> list[str]:
    known = _codes_by_name(villages)
    keys = zip(
        table.index, table["township"].astype(str), table["village"].astype(str), strict=True
    )
    out = []
    for row, township, village in keys:
        found = known.get((township_core(township), core(village)), "")
        if not found and (strict or village):
            log.add(
                "warning", "unknown_village", f"{township}“{village}”对不上本县村庄",
                f"“{village}” of {township} is not a village of this county",
                file=file, row=row_of(row, file), field="village",
            )  # fmt: skip
        out.append(found)
    return out


def _codes_by_name(villages: pd.DataFrame) -> Mapping[tuple[str, str], str]:
    """Return code by township and short name; a name borne twice in a township is left out."""
    found: dict[tuple[str, str], str] = {}
    for code, township, name in zip(
        villages["code"].astype(str), villages["township"], villages["name"], strict=True
    ):
        key = (township_core(str(township)), core(str(name)))
        found[key] = "" if key in found else code
    return found


def points_of(villages: gpd.GeoDataFrame | None) -> dict[str, Any]:
    """Return the point of each village that has one, by code."""
    if villages is None:
        return {}
    geometry = villages.geometry
    has = geometry.notna() & ~geometry.is_empty
    return dict(zip(villages["code"].astype(str)[has], geometry[has], strict=True))
