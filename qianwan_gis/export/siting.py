"""The tables of proposals as plain tables: sites, villages that gain, and the curve."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qianwan_gis._text import Text
from qianwan_gis.export.content import Table, describe
from qianwan_gis.layers import Results, service_title
from qianwan_gis.proposals import COLUMN_TEXT, VERDICT_TEXT, Proposal
from qianwan_gis.schemas import Column

_NOTHING = Text("", "")
_TEXT = {"site_id", "name", "township", "code", "verdict"}
_WHOLE = {"order", "added", "villages_sure"}
_TITLES = {
    "sites": Text("选址·拟建点", "Siting: sites"),
    "gains": Text("选址·受益村", "Siting: villages that gain"),
    "curve": Text("选址·处数与效果", "Siting: curve"),
}
_NOTES = {
    "sites": Text("按建设次序；新增为前面各处已建时再增加的",
                  "in the order to build; what each adds when the earlier ones stand"),
    "gains": Text("概率为各次抽样中在限值内的比例", "probability: share of the draws within the limit"),
    "curve": Text("“同等处数的最优”不要求逐处累加；空格为不适用",
                  "the best for that number need not build on the former; blank: does not apply"),
}  # fmt: skip


def siting_tables(results: Results, only: Proposal | None = None) -> list[Table]:
    """Return three tables for each proposal; none where siting advice may not be shown.

    Parameters
    ----------
    results
        The plan's results.
    only
        One proposal; all of ``results.proposals`` by default.
    """
    if not results.disclosure.siting:
        return []
    found = []
    for made in results.proposals if only is None else (only,):
        title = service_title(made.service, made.tier)
        for name, table in made.tables().items():
            frame = readable(table, results)
            if frame.empty:
                continue
            head = _TITLES[name]
            found.append(
                Table(
                    f"proposed_{name}_{made.key}",
                    Text(f"{head.zh}·{title.zh}", f"{head.en}, {title.en}"),
                    frame,
                    describe(frame, _columns(frame, name)),
                    _NOTES[name],
                )
            )
    return found


def readable(table: pd.DataFrame, results: Results) -> pd.DataFrame:
    """Return one of a proposal's tables in the reader's words, cut down to what the data bear.

    Ranges that are no ranges (all positions exact) and columns without any value are left out.
    """
    frame = table.reset_index(drop=True).copy()
    if not results.disclosure.people:
        frame = frame.drop(columns=[c for c in frame.columns if str(c).startswith("people")])
    for name in ("villages", "people"):
        low, high = f"{name}_low", f"{name}_high"
        if low in frame and np.array_equal(frame[low], frame[high], equal_nan=True):
            frame = frame.drop(columns=[low, high])
    if "verdict" in frame:
        frame["verdict"] = frame["verdict"].map(lambda v: VERDICT_TEXT[v].get(results.lang))
    return frame.drop(columns=[c for c in frame.columns if frame[c].isna().all()])


def _columns(frame: pd.DataFrame, table: str) -> tuple[Column, ...]:
    own = {"people": Text("本村人口", "People")} if table == "gains" else {}
    titles = {**COLUMN_TEXT, **own}
    return tuple(
        Column(
            name,
            "text" if name in _TEXT else "integer" if name in _WHOLE else "number",
            titles[name],
            _NOTHING,
        )
        for name in map(str, frame.columns)
        if name in COLUMN_TEXT
    )
