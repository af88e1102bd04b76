"""The ledger of the plans' numeric targets: read, doubted, and held against what is measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from qianwan_gis import _io, schemas
from qianwan_gis._errors import ProblemLog

NO_DATA = "no data"

_TARGET_COLUMNS = [column.name for column in schemas.TARGETS]


def read_targets(paths: Iterable[Path | str], *, log: ProblemLog | None = None) -> pd.DataFrame:
    """Read the ledger of numeric targets and check that each figure can be.

    Returns
    -------
    TARGETS. ``plausibility`` keeps the doubts that the file states and adds those of `doubts`.

    Raises
    ------
    DataError
        Without ``log``: every fault of every file.
    """
    own = log if log is not None else ProblemLog()
    parts = []
    for path in paths:
        file = Path(path)
        before = len(own.errors)
        table = _io.read_table(file, log=own)
        if len(own.errors) > before:
            continue
        text = table.reindex(columns=[c for c in _TARGET_COLUMNS if c in table.columns])
        blank = text.mask(text.apply(lambda column: column.str.strip().eq("")))
        own.extend(schemas.find_problems(blank, schemas.TARGETS, file=file.name))
        parts.append(text)
    if log is None:
        own.raise_errors()
    if not parts:
        return pd.DataFrame(columns=_TARGET_COLUMNS)
    out = pd.concat(parts, ignore_index=True).reindex(columns=_TARGET_COLUMNS, fill_value="")
    out["value"] = pd.to_numeric(out["value"], errors="coerce")
    out["year"] = pd.to_numeric(out["year"], errors="coerce").astype("Int64")
    found = doubts(out)
    stated = out["plausibility"].where(~out["plausibility"].isin(["", "ok", "合理"]), "")
    both = [
        "；".join(t for t in (said, seen) if t) or "ok"
        for said, seen in zip(stated, found, strict=True)
    ]
    out["plausibility"] = both
    repeated = out.loc[out["id"].duplicated(), "id"]
    for number in repeated:
        own.add("error", "duplicate_id", f"目标编号“{number}”重复", f"target “{number}” occurs twice",
                field="id")  # fmt: skip
    if log is None:
        own.raise_errors()
    return out


def doubts(targets: pd.DataFrame) -> pd.Series:
    """Return why a figure cannot be, ``""`` where nothing speaks against it.

    A share above 100 %, a negative amount, a year out of this century. Flow per head: a capacity
    in m³/d against the people of the same source and topic, above 400 L per head and day.
    """
    value = pd.to_numeric(targets["value"], errors="coerce")
    year = pd.to_numeric(targets["year"], errors="coerce")
    unit = targets["unit"].astype(str)
    out = pd.Series("", index=targets.index, dtype=object)
    out[unit.isin(["%", "％"]) & ((value > 100) | (value < 0))] = "比例超出0–100%"
    out[value < 0] = "数值为负"
    out[(year < 2000) | (year > 2060)] = "年份不合理"
    people = {"人": 1.0, "万人": 1e4}
    flow = {"m³/d": 1.0, "m3/d": 1.0, "吨/日": 1.0, "立方米/日": 1.0, "万吨/日": 1e4, "万m³/d": 1e4}
    for _, part in targets.groupby(["source", "scope"], sort=False):
        heads = part[unit[part.index].isin(people)]
        flows = part[unit[part.index].isin(flow)]
        for row in flows.index:
            same = heads[heads["quote"].eq(part.loc[row, "quote"]) & heads["quote"].ne("")]
            if same.empty:
                continue
            served = float((value[same.index] * unit[same.index].map(people)).max())
            litres = value[row] * flow[unit[row]] * 1000.0 / served if served else np.inf
            if litres > 400.0:
                out[row] = f"合每人每日{litres:.0f}升，不合常理"
    return out


def progress(targets: pd.DataFrame, measured: Mapping[str, float] | None = None) -> pd.DataFrame:
    """Return the ledger with what has been measured against it.

    Parameters
    ----------
    measured
        Measured value by target ``id``. A doubtful figure is never compared.

    Returns
    -------
    TARGETS with ``measured``, ``met`` (nullable boolean) and ``status``: ``no data`` until
    something is measured, then ``measured``.
    """
    out = targets.copy()
    out["measured"] = out["id"].map(dict(measured or {})).astype(float)
    doubtful = ~out["plausibility"].isin(["ok", "合理"])
    m, v = out["measured"], out["value"].astype(float)
    known = m.notna() & v.notna() & ~doubtful
    held = pd.Series(
        np.select(
            [out["relation"].eq(">="), out["relation"].eq("<="), out["relation"].eq("~")],
            [m >= v, m <= v, (m - v).abs() <= 0.1 * v.abs()],
            m >= v,
        ),
        index=out.index,
    ).astype("boolean")
    out["met"] = held.where(known)
    out["status"] = np.where(out["measured"].notna(), "measured", NO_DATA)
    return out
