"""Official village lists: reading them as printed and finding what does not agree.

A list is a table of townships with one column per category (精品示范村, 提档升级村, 环境整治村) whose
cells hold village names, closed by a row of totals; or a table with one row per village. Nothing is
corrected silently: the printed name, the proposed one, the reason and the certainty stand side by
side, and every discrepancy is a problem that names row and spellings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from qianwan_gis._errors import Problem, ProblemLog
from qianwan_gis.gazetteer import Gazetteer
from qianwan_gis.villages import _check
from qianwan_gis.villages._files import CATEGORIES as CATEGORIES
from qianwan_gis.villages._files import read_grids
from qianwan_gis.villages._rows import ListRow as ListRow
from qianwan_gis.villages._rows import rows_of

LIST_COLUMNS = (
    "list",
    "row",
    "township",
    "printed",
    "name",
    "category_printed",
    "category",
    "reason",
    "certainty",
    "code",
    "key",
    "source",
)
TOTAL_COLUMNS = ("list", "category", "stated", "printed", "proposed")


@dataclass(frozen=True, eq=False)
class VillageList:
    """One or more official lists, read and checked.

    Attributes
    ----------
    table
        One row per printed village and list: ``list`` (省级, 市级, …), ``row`` (row of the printed
        table, from 1), ``township``, ``printed``, ``name`` (proposed short name), ``category_printed``,
        ``category`` (proposed), ``reason`` (why name or category differ), ``certainty`` (0 to 1, that the
        code is right), ``code`` (empty where none), ``key`` (code, or county-township-name), ``source``.
    totals
        ``list``, ``category``, ``stated`` (printed in the row of totals; missing without one),
        ``printed`` (names counted in the column), ``proposed`` (after the proposed split).
    problems
        Everything that does not agree; warnings and notes (errors raise).
    adcode
        County whose code table was used; empty when none was.
    rows
        The printed villages as read, for `merge_lists`.
    """

    table: pd.DataFrame
    totals: pd.DataFrame
    problems: list[Problem] = field(default_factory=list)
    adcode: str = ""
    rows: tuple[ListRow, ...] = field(default=(), repr=False)

    def __repr__(self) -> str:
        lists = "、".join(self.table["list"].unique())
        return f"VillageList({lists}: {len(self.table)} rows, {len(self.problems)} problems)"


def read_village_list(
    path_or_text: str | Path,
    *,
    gazetteer: Gazetteer | None = None,
    encoding: str | None = None,
) -> VillageList:
    """Read official village lists and check them against totals, each other and the code table.

    Parameters
    ----------
    path_or_text
        Text of a document, or a TXT, CSV, XLSX or DOCX file. A document may hold several lists. Tables
        have the columns 乡镇, 精品示范村, 提档升级村, 环境整治村, or one row per village (乡镇, 村名,
        类别, 名单). Text is UTF-8 or GB18030.
    gazetteer
        Code table of the county. By default that of the carried county which the text names.
    encoding
        Of a text file, where it is neither UTF-8 nor GB18030.

    Returns
    -------
    VillageList
        Discrepancies inside the lists are warnings in ``problems``.

    Raises
    ------
    DataError
        When the file cannot be used: missing, empty, damaged, undecodable, without a table of villages
        or without a needed column. All faults at once.
    """
    log = ProblemLog()
    file, text, grids = read_grids(path_or_text, encoding, log)
    log.raise_errors()
    rows, stated = rows_of(grids, file, log)
    log.raise_errors()
    if gazetteer is None:
        gazetteer = _check.carried_for(text, rows)
        if gazetteer is None:
            log.add(
                "note",
                "county_not_recognised",
                "未能从文中认出本县，没有核对代码",
                "the county was not recognised from the text: codes were not checked",
                file=file,
                fix=("传入 gazetteer", "pass gazetteer"),
            )
    _check.check_townships(rows, gazetteer, file, log)
    _check.propose_split(rows, stated, file, log)
    if gazetteer is not None:
        _check.match_codes(rows, gazetteer)
    entities = _check.entities(rows)
    _check.settle_names(entities)
    _check.report_codes(entities, gazetteer, file, log)
    _check.report_across(rows, entities, file, log)
    adcode = gazetteer.adcode if gazetteer is not None else ""
    return VillageList(_table(rows, adcode), _totals(rows, stated), list(log), adcode, tuple(rows))


def merge_lists(parts: Sequence[VillageList]) -> VillageList:
    """Join lists that were read from several files and compare them with each other.

    What concerns one list alone stays as reported; spellings, categories and absences are looked at
    anew over all lists. No list at all gives an empty one.
    """
    if len(parts) == 1:
        return parts[0]
    rows = [row for part in parts for row in part.rows]
    log = ProblemLog(
        [p for part in parts for p in part.problems if p.code not in _check.ACROSS_LISTS]
    )
    _check.report_across(rows, _check.entities(rows), None, log)
    adcode = next((part.adcode for part in parts if part.adcode), "")
    totals = [part.totals for part in parts]
    return VillageList(
        _table(rows, adcode),
        pd.concat(totals, ignore_index=True) if totals else _totals([], {}),
        list(log),
        adcode,
        tuple(rows),
    )


def _table(rows: Sequence[ListRow], adcode: str) -> pd.DataFrame:
    return pd.DataFrame(
        [
            (
                r.list_name,
                r.row,
                r.township,
                r.printed,
                r.name,
                r.category_printed,
                r.category,
                "；".join(r.reasons),
                r.certainty,
                r.code,
                r.code or f"{adcode or '000000'}-{r.township}-{r.name}",
                r.source,
            )
            for r in rows
        ],
        columns=list(LIST_COLUMNS),
    )


def _totals(rows: Sequence[ListRow], stated: dict[tuple[str, str], int]) -> pd.DataFrame:
    keys = dict.fromkeys([(r.list_name, c) for r in rows for c in (r.category_printed, r.category)])
    keys |= dict.fromkeys(stated)
    lists = list(dict.fromkeys(name for name, _ in keys))
    order = {category: n for n, category in enumerate(CATEGORIES)}
    table = pd.DataFrame(
        [
            (
                name,
                category,
                stated.get((name, category)),
                sum((r.list_name, r.category_printed) == (name, category) for r in rows),
                sum((r.list_name, r.category) == (name, category) for r in rows),
            )
            for name, category in sorted(
                (key for key in keys if key[1]),
                key=lambda key: (lists.index(key[0]), order.get(key[1], len(order)), key[1]),
            )
        ],
        columns=list(TOTAL_COLUMNS),
    )
    table["stated"] = table["stated"].astype("Int64")
    return table
