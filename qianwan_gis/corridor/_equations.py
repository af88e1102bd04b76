"""Station equations (断链) given in a table."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from qianwan_gis._errors import ProblemLog, UsageError
from qianwan_gis.chainage import Chainage
from qianwan_gis.corridor import _build
from qianwan_gis.corridor._build import SAME_CHAINAGE, Part

_AGREE = 0.5  # m; an equation stated in the stakes and in the table may differ by this much


def apply_equations(
    parts: list[Part], equations: pd.DataFrame, tolerance: float, log: ProblemLog, file: str
) -> list[Part]:
    """Break chainage at the given equations, or check them where the stakes already break.

    Stated stakes stay what they are, and what is drawn between two of them is shared out. Where no
    stake is stated further on, a metre stays a metre, and all that follows is shifted.
    """
    missing = [c for c in ("back", "ahead") if c not in equations.columns]
    for name in missing:
        log.add("error", "missing_column", f"断链表缺少字段“{name}”",
                f"the table of equations lacks “{name}”", file="equations", field=name)  # fmt: skip
    if missing:
        return parts
    branches = {
        branch: _stretches([p for p in parts if p.branch == branch])
        for branch in dict.fromkeys(p.branch for p in parts)
    }
    for number, (_, row) in enumerate(equations.iterrows(), start=1):
        named = row["branch"] if "branch" in equations.columns else None
        branch = parts[0].branch if pd.isna(named) else str(named)
        try:
            back, ahead = Chainage.parse(row["back"]), Chainage.parse(row["ahead"])
        except UsageError as error:
            log.add(
                "error", "bad_chainage", error.text.zh, error.text.en, file="equations", row=number
            )
            continue
        fault = _add(branches.get(branch, []), back.metres, ahead.metres)
        if fault is None:
            continue
        if np.isnan(fault):
            log.add(
                "error",
                "equation_nowhere",
                f"断链 {back} = {ahead} 在“{branch}”上没有位置",
                f"equation {back} = {ahead} fits nowhere on “{branch}”",
                file="equations",
                row=number,
            )
            continue
        stake = Chainage(fault, back.prefix)
        log.add(
            "error",
            "equation_contradicts",
            f"断链 {back} = {ahead} 与“{branch}”上已写明的桩号 {stake} 矛盾",
            f"equation {back} = {ahead} contradicts the stake {stake} stated on “{branch}”",
            file="equations",
            row=number,
            fix=("核对断链和路段的起讫桩号", "check the equation and the segments' stakes"),
        )
    return [
        part
        for stretches in branches.values()
        for part in _build.joined(
            [piece for stretch in stretches for piece in stretch.pieces()], tolerance, log, file
        )
    ]


@dataclass(eq=False)
class _Stretch:
    """Parts that share the stakes of one row, or one part that runs on by itself.

    Attributes
    ----------
    step
        Chainage between the end of the stretch before and this one's start, where that is not
        stated.
    breaks
        Equations inside, in order: chainage before and after.
    """

    parts: list[Part]
    step: float
    start: float
    breaks: list[tuple[float, float]] = field(default_factory=list)

    @property
    def stated(self) -> tuple[bool, bool]:
        return self.parts[0].stated

    @property
    def metres(self) -> float:
        return float(sum(part.length for part in self.parts))

    def spans(self, breaks: list[tuple[float, float]] | None = None) -> list[tuple[float, float]]:
        """First and last chainage between the equations."""
        breaks = self.breaks if breaks is None else breaks
        lows = [self.start, *(ahead for _, ahead in breaks)]
        highs = [back for back, _ in breaks]
        end = self.parts[-1].end
        if not self.stated[1]:
            done = sum(high - low for low, high in zip(lows, highs, strict=False))
            end = lows[-1] + self.metres - done
        elif highs and highs[-1] >= end - SAME_CHAINAGE:  # the equation stands at the stated end
            end = lows[-1]
        return list(zip(lows, [*highs, end], strict=True))

    def pieces(self) -> list[Part]:
        """The parts with their chainage, cut at the equations."""
        if not self.breaks:
            shift = self.start - self.parts[0].start
            return [replace(part, counts=part.counts + shift) for part in self.parts]
        spans = self.spans()
        sizes = np.array([high - low for low, high in spans])
        edges = np.r_[0.0, np.cumsum(sizes)] * self.metres / sizes.sum()
        made: list[Part] = []
        before = 0.0
        for part in self.parts:
            for (low, high), first, last in zip(spans, edges[:-1], edges[1:], strict=True):
                a, b = max(first - before, 0.0), min(last - before, part.length)
                if b - a > 1e-9:
                    counts = np.interp([before + a, before + b], [first, last], [low, high])
                    made.append(_cut(part, a, b, counts))
            before += part.length
        return made


def _stretches(parts: list[Part]) -> list[_Stretch]:
    """Group the parts of one branch: lines of a row with stakes share its chainage."""
    made: list[_Stretch] = []
    for part in parts:
        if made and part.stated[0] and made[-1].parts[-1].row == part.row:
            made[-1].parts.append(part)
        else:
            step = part.start - made[-1].parts[-1].end if made else 0.0
            made.append(_Stretch([part], step, part.start))
    return made


def _add(stretches: list[_Stretch], back: float, ahead: float) -> float | None:
    """Take in an equation: None, NaN where it fits nowhere, or the stake that it contradicts."""
    flat = [(s, k, *span) for s in stretches for k, span in enumerate(s.spans())]
    if any(
        abs(high - back) <= _AGREE and abs(low - ahead) <= _AGREE
        for (*_, high), (_, _, low, _) in itertools.pairwise(flat)
    ):
        return None
    found = [(s, k) for s, k, low, high in flat if low < back <= high + SAME_CHAINAGE]
    if not found:
        return float("nan")
    stretch, place = found[-1]
    breaks = [*stretch.breaks[:place], (back, ahead), *stretch.breaks[place:]]
    spans = stretch.spans(breaks)
    for following, (low, high) in enumerate(spans[place + 1 :], start=place + 1):
        if high < low - 1e-9:
            computed = following == len(breaks) and not stretch.stated[1]
            return float("nan") if computed else high
    after = stretches[stretches.index(stretch) + 1 :]
    if spans[-1][1] - spans[-1][0] <= SAME_CHAINAGE and after and after[0].stated[0]:
        return after[0].start
    stretch.breaks = breaks
    end = spans[-1][1]
    for later in after:
        if later.stated[0]:
            break
        later.start = end + later.step
        end = later.spans()[-1][1]
    return None


def _cut(part: Part, start: float, end: float, counts: np.ndarray) -> Part:
    """The stretch of a part between two distances from its start."""
    coords = part.stretch(start, end)
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(coords, axis=0).T))]
    return replace(
        part, coords=coords, along=along, marks=np.array([0.0, along[-1]]), counts=counts
    )
