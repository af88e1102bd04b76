"""Station equations (断链) given in a table."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd

from qianwan_gis._errors import ProblemLog, UsageError
from qianwan_gis.chainage import Chainage
from qianwan_gis.corridor import _build
from qianwan_gis.corridor._build import SAME_CHAINAGE, Part


def apply_equations(
    parts: list[Part], equations: pd.DataFrame, tolerance: float, log: ProblemLog, file: str
) -> list[Part]:
    """Break chainage at the given equations, or check them where the stakes already break."""
    missing = [c for c in ("back", "ahead") if c not in equations.columns]
    for name in missing:
        log.add("error", "missing_column", f"断链表缺少字段“{name}”",
                f"the table of equations lacks “{name}”", file=file, field=name)  # fmt: skip
    if missing:
        return parts
    for number, (_, row) in enumerate(equations.iterrows(), start=1):
        branch = str(row["branch"]) if "branch" in equations.columns else parts[0].branch
        try:
            back, ahead = Chainage.parse(row["back"]), Chainage.parse(row["ahead"])
        except UsageError as error:
            log.add("error", "bad_chainage", error.text.zh, error.text.en, file=file, row=number)
            continue
        mine = [p for p in parts if p.branch == branch]
        rest = [p for p in parts if p.branch != branch]
        stated = any(
            abs(a.end - back) <= 0.5 and abs(b.start - ahead) <= 0.5
            for a, b in itertools.pairwise(mine)
        )
        if stated:
            continue
        at = next(
            (
                i
                for i in reversed(range(len(mine)))
                if mine[i].start < back.metres <= mine[i].end + SAME_CHAINAGE
            ),
            None,
        )
        if at is None:
            log.add(
                "error",
                "equation_nowhere",
                f"断链 {back} = {ahead} 在“{branch}”上没有位置",
                f"equation {back} = {ahead} fits nowhere on “{branch}”",
                file=file,
                row=number,
            )
            continue
        part = mine[at]
        cut = float(part.metres_at(back.metres))
        shift = ahead.metres - back.metres
        pieces = [part] if cut >= part.length - 1e-9 else list(_split(part, cut))
        later = [replace(p, counts=p.counts + shift) for p in [*pieces[1:], *mine[at + 1 :]]]
        mine = _build.joined([*mine[:at], pieces[0], *later], tolerance, log, file)
        order = list(dict.fromkeys(p.branch for p in parts))
        parts = [p for b in order for p in (mine if b == branch else rest) if p.branch == b]
    return parts


def _split(part: Part, cut: float) -> tuple[Part, Part]:
    """Cut a part in two at a distance from its start."""
    at = float(part.chainage_at(cut))
    low, high = part.marks < cut - 1e-9, part.marks > cut + 1e-9
    first, second = part.stretch(0.0, cut), part.stretch(cut, part.length)
    sizes = [np.r_[0.0, np.cumsum(np.hypot(*np.diff(c, axis=0).T))] for c in (first, second)]
    return (
        replace(
            part,
            coords=first,
            along=sizes[0],
            marks=np.r_[part.marks[low], sizes[0][-1]],
            counts=np.r_[part.counts[low], at],
        ),
        replace(
            part,
            coords=second,
            along=sizes[1],
            marks=np.r_[0.0, part.marks[high] - cut],
            counts=np.r_[at, part.counts[high]],
        ),
    )
