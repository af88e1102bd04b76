"""What a designed service (sewage, water) hands to the coverage table, and how a solved plan is kept.

One mechanism for every service that is designed rather than measured:

1. *Which plan.* The plan's object (``Plan.sewage``, ``Plan.water``: cached, None where the county
   lacks what a plan needs) is what every output draws on. It is either the plan that a command
   solved and kept, or a quick one made on the spot by a method without a clock, so that the same
   input always gives the same bytes. It says which of the two it is.
2. *Keeping.* ``qianwan sewage KEY`` calls `keep`: the file ``plans/<county>_<service>.json`` beside
   the county's file holds the *choices* (whatever the service needs to build its tables again),
   never tables, and the fingerprint of the problem that was solved (`fingerprint` of its arrays,
   prices and norms included). `kept` gives them back only to the same problem; anything changed
   since (a village, a road, a price) makes the file stale, which is told and not used. The file is
   an input of the run like any other (`path`; ``Plan.input_files`` lists it with its SHA-256).
3. *Coverage.* The service gives rows for COVERAGE: ``code``, ``tier`` and those of `COLUMNS`
   that it knows, and ``covered``, ``p_covered``, ``reason``, ``metres``, ``facility_id``, … where the
   plan knows better than the register (missing: the register stands). `apply` writes them over the
   rows of `compute_coverage`, which takes them as ``planned={"sewage": rows, "water": rows}``
   (absent or None: no plan, and no such columns anywhere). A code of ``plan`` gets its words in
   ``schemas.VALUE_TEXT["plan"]``; the chosen tier's reason is ``planned`` until it is built.

A plan is not a pipe in the ground: a register's "covered" is never taken back here. What is not
covered takes its reason from the plan; what a register leaves unknown stays unknown, with the plan
beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qianwan_gis import _io
from qianwan_gis._errors import Problem
from qianwan_gis._text import Text
from qianwan_gis.schemas import PLAN

#: Columns that a plan adds to COVERAGE (`schemas.PLAN` says what they mean).
COLUMNS = tuple(column.name for column in PLAN)
_TEXT = tuple(column.name for column in PLAN if column.kind == "text")
_VERSION = 1


def path(folder: Path, key: str, service: str) -> Path:
    """Return where a county's solved plan of a service is kept."""
    return folder / "plans" / f"{key}_{service}.json"


def fingerprint(parts: Iterable[Any]) -> str:
    """Return a hash of numbers and words; numbers count to nine digits.

    Nine digits survive another machine's last bit and miss nothing that a planner would change.
    """
    words: list[bytes] = []
    for part in parts:
        if isinstance(part, float):  # most are
            words.append(b"%.9g" % part)
        elif isinstance(part, np.ndarray) and part.dtype.kind in "fiub":
            words.append(b"\n".join(b"%.9g" % v for v in part.astype(float).ravel().tolist()))
        elif isinstance(part, np.floating):
            words.append(b"%.9g" % float(part))
        else:
            words.append(str(part).encode())
    return hashlib.sha256(b"".join(word + b"\0" for word in words)).hexdigest()


def keep(file: Path, mark: str, choices: Mapping[str, Any]) -> Path:
    """Write the choices of a solved plan with the fingerprint of its problem."""
    text = json.dumps(
        {"version": _VERSION, "fingerprint": mark, **choices}, ensure_ascii=False, indent=0
    )
    return _io.write_text(file, text + "\n")


def kept(file: Path, mark: str) -> tuple[dict[str, Any] | None, Problem | None]:
    """Return the choices kept for exactly this problem, or None and what is wrong with the file."""
    if not file.is_file():
        return None, None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        same = found["version"] == _VERSION and found["fingerprint"] == mark
    except (ValueError, KeyError, TypeError, OSError):
        return None, Problem(
            "bad_plan_file", "warning",
            Text("读不出保存的方案，改用快速方案", "the kept plan cannot be read; a quick one is used"),
            file=file.name, fix=Text("重新求解或删除该文件", "solve again, or delete the file"),
        )  # fmt: skip
    if not same:
        return None, Problem(
            "stale_plan", "warning",
            Text("保存的方案之后资料、标准或单价有变化，不再采用，改用快速方案",
                 "data, norms or prices have changed since the kept plan; a quick one is used"),
            file=file.name, fix=Text("重新求解", "solve again"),
        )  # fmt: skip
    return found, None


def blank(table: pd.DataFrame) -> pd.DataFrame:
    """Return COVERAGE rows with the plan's columns, empty."""
    return table.assign(**{name: "" if name in _TEXT else np.nan for name in COLUMNS})


def apply(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return COVERAGE rows of a service with what its plan says.

    Parameters
    ----------
    table
        Rows of one service, all tiers, from its register.
    rows
        One row per village and tier at most (``code``, ``tier``) with some of `COLUMNS` and of
        COVERAGE's columns. A missing cell leaves what the register says. ``reason`` goes where the
        village is not covered, or where these rows give ``covered`` themselves.
    """
    out = blank(table)
    if rows.empty:
        return out
    found = rows.set_index(["code", "tier"])
    place = pd.MultiIndex.from_frame(out[["code", "tier"]].astype(str))
    there = place.isin(found.index)
    mine = found.reindex(place[there])
    at = out.index[there]
    decides = mine["covered"].notna().to_numpy() if "covered" in mine else np.zeros(len(at), bool)
    was = out.loc[at, "covered"].astype("boolean")
    denied = was.eq(other=False).fillna(value=False).to_numpy(bool)
    served = was.fillna(value=False).to_numpy(bool)
    for name in mine.columns.intersection(out.columns):
        given = mine[name].notna().to_numpy()
        if name == "reason":
            given = given & (decides | denied)
        elif name not in COLUMNS:
            given = given & (decides | ~served)
        if given.any():
            values = out[name].to_numpy(object).copy()
            values[np.flatnonzero(there)[given]] = mine[name].to_numpy(object)[given]
            out[name] = pd.Series(values, index=out.index).astype(out[name].dtype)
    return out


__all__ = ["COLUMNS", "apply", "blank", "fingerprint", "keep", "kept", "path"]
