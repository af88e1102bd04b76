"""Whether the segments add up to the published length of the road."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qianwan_gis._errors import ProblemLog
from qianwan_gis.chainage import Chainage
from qianwan_gis.corridor import _build

if TYPE_CHECKING:
    from qianwan_gis.corridor._corridor import Corridor

COLUMNS = [
    "kind",
    "branch",
    "name",
    "start",
    "end",
    "drawn_m",
    "published_m",
    "difference_m",
    "difference_pct",
]


def completeness(corridor: Corridor, published_total_m: float | None) -> pd.DataFrame:
    """Compare drawn and published lengths; see `Corridor.completeness`."""
    rows: list[dict[str, Any]] = []
    grouped: dict[Any, list[Any]] = {}
    for part in corridor.parts:
        grouped.setdefault((part.branch, part.row), []).append(part)
    for (branch, _), parts in grouped.items():
        rows.append(
            _row(
                "segment",
                branch,
                parts[0].name,
                corridor._label(parts[0].start, parts[0].prefix),
                corridor._label(parts[-1].end, parts[-1].prefix),
                sum(p.length for p in parts),
                parts[0].published_m,
            )
        )
    stated = [row["published_m"] for row in rows]
    if published_total_m is None and not any(np.isnan(v) for v in stated):
        published_total_m = float(sum(stated))
    total = np.nan if published_total_m is None else float(published_total_m)
    rows += [
        _row("gap", g["branch"], "未连通", g["from_chainage"], g["to_chainage"], g["gap_m"], np.nan)
        for g in corridor.gaps.to_dict("records")
    ]
    rows.append(_row("total", "", "合计", "", "", corridor.length, total))
    return pd.DataFrame(rows, columns=COLUMNS)


def completeness_of_table(
    table: pd.DataFrame, published_total_m: float | None = None, *, file: str = "segments"
) -> pd.DataFrame:
    """Compare a table of segments with published lengths, without geometry, with a total.

    Parameters
    ----------
    table
        ``branch``, ``length_m`` or ``length_km``, optional ``start`` and ``end`` stakes and
        ``name``; usual Chinese names are read.
    published_total_m
        What the plan says the road measures.

    Returns
    -------
    As `Corridor.completeness`: ``drawn_m`` is here what the stakes of the row give (NaN without
    stakes); rows of kind ``unlisted`` stand where the stakes leave a stretch without a row,
    ``overlap`` where two rows claim it; the total compares the sum of rows with the published total.

    Raises
    ------
    DataError
        No length column, unreadable numbers or stakes: all at once.
    """
    log = ProblemLog()
    names = {ours: _build.column(table, ours) for ours in _build.COLUMN_NAMES}
    if names["length_m"] is None and names["length_km"] is None:
        log.add("error", "missing_column", "缺少公布长度（length_m 或 length_km）",
                "there is no published length (length_m or length_km)",
                file=file, field="length_m")  # fmt: skip
    rows: list[dict[str, Any]] = []
    spans: dict[str, list[tuple[float, float, str]]] = {}
    for number, (_, row) in enumerate(table.iterrows(), start=1):
        metres = _build._number(row, names["length_m"], number, log, file)
        if np.isnan(metres):
            metres = _build._number(row, names["length_km"], number, log, file) * 1000.0
        start, prefix = _build._stake(row, names["start"], number, log, file)
        end, _ = _build._stake(row, names["end"], number, log, file)
        branch = str(row[names["branch"]]) if names["branch"] else "主线"
        name = str(row[names["name"]]) if names["name"] else ""
        by_stakes = abs(end - start)
        label = ["" if np.isnan(v) else str(Chainage(v, prefix)) for v in (start, end)]
        rows.append(_row("segment", branch, name, label[0], label[1], by_stakes, metres))
        if not np.isnan(by_stakes):
            spans.setdefault(branch, []).append((min(start, end), max(start, end), prefix))
    log.raise_errors()
    for branch, mine in spans.items():
        mine.sort()
        reach = mine[0][1]
        for low, high, prefix in mine[1:]:
            if abs(low - reach) > _build.SAME_CHAINAGE:
                kind = "unlisted" if low > reach else "overlap"
                word = "未列路段" if low > reach else "重叠（或长链）"
                first, last = (str(Chainage(v, prefix)) for v in sorted((reach, low)))
                rows.append(_row(kind, branch, word, first, last, abs(low - reach), np.nan))
            reach = max(reach, high)
    listed = sum(r["published_m"] for r in rows if r["kind"] == "segment")
    total = np.nan if published_total_m is None else float(published_total_m)
    rows.append(_row("total", "", "合计", "", "", listed, total))
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(
    kind: str, branch: str, name: str, start: str, end: str, drawn: float, published: float
) -> dict[str, Any]:
    difference = drawn - published
    return {
        "kind": kind,
        "branch": branch,
        "name": name,
        "start": start,
        "end": end,
        "drawn_m": round(drawn, 1),
        "published_m": round(published, 1),
        # + 0.0: no minus sign before nothing
        "difference_m": round(difference, 1) + 0.0,
        "difference_pct": round(100.0 * difference / published, 2) + 0.0 if published else np.nan,
    }
