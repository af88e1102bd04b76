"""The tables of the corridor report as plain tables: titles, readable words, what data bear."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qianwan_gis._text import Text
from qianwan_gis.corridor._words import NOTES
from qianwan_gis.corridor.report import COLUMN_TEXT, TITLES, readable
from qianwan_gis.export.content import Table, describe
from qianwan_gis.layers import Results
from qianwan_gis.schemas import FACILITIES, VILLAGES, Column

_NOTHING = Text("", "")
# what the column ``name`` names, where it is no village
_NAMED = {
    "scenic": Text("名称", "Name"), "services": Text("名称", "Name"), "areas": Text("片区", "Area"),
    "completeness": Text("路段", "Segment"),
}  # fmt: skip
_PEOPLE = ("population", "population_kind", "with_people", "years")
# places after the point; metres whole, kilometres to the hundred metres
_PLACES = {"off_minutes": 1, "difference_pct": 2, "drawn_m": 1, "published_m": 1, "difference_m": 1,
           "metres": 1, "back_m": 1, "ahead_m": 1}  # fmt: skip


def corridor_tables(results: Results) -> list[Table]:
    """Return the tables of the corridor report; none where stakes may not be shown."""
    if not results.disclosure.stakes:
        return []
    found = []
    for key, table in results.corridor_tables.items():
        frame = _cut_down(readable(table, results.lang).reset_index(drop=True), results)
        if frame.empty:
            continue
        titles = {**COLUMN_TEXT, **({"name": _NAMED[key]} if key in _NAMED else {})}
        own = tuple(
            Column(
                name,
                "number" if pd.api.types.is_numeric_dtype(frame[name]) else "text",
                titles[name],
                _NOTHING,
            )
            for name in frame.columns
            if name in titles
        )
        found.append(
            Table(
                f"corridor_report_{key}",
                TITLES[key],
                frame,
                describe(frame, (*FACILITIES, *VILLAGES, *own)),
                NOTES.get(key, _NOTHING),
            )
        )
    return found


def _cut_down(frame: pd.DataFrame, results: Results) -> pd.DataFrame:
    """Round numbers to what they are good for, and leave out what the data do not bear."""
    if not results.disclosure.people:
        frame = frame.drop(columns=[c for c in _PEOPLE if c in frame.columns])
    blank = [c for c in frame.columns if (frame[c].isna() | (frame[c].astype(str) == "")).all()]
    frame = frame.drop(columns=blank)
    for name in frame.select_dtypes("number").columns:
        if name.endswith("_km"):
            frame[name] = frame[name].astype("float64").round(1)
        elif name == "off_minutes" and not results.disclosure.decimal_minutes:
            frame[name] = np.ceil(frame[name])  # never promise more than is known
        elif pd.api.types.is_float_dtype(frame[name]):
            frame[name] = frame[name].round(_PLACES.get(str(name), 0)) + 0.0
    return frame
