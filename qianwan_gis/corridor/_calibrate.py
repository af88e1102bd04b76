"""Fitting a corridor's chainage to stakes that stand in the field."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qianwan_gis._errors import DataError, Problem, ProblemLog, UsageError
from qianwan_gis._text import Text
from qianwan_gis.chainage import Chainage
from qianwan_gis.corridor._build import SAME_CHAINAGE, joined

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.corridor._corridor import Corridor

_STRETCH = 0.05  # a kilometre between stakes that is drawn 5 % off is worth a look
_STAKE_NAMES = ("chainage", "stake", "桩号", "里程桩号")


def calibrated(corridor: Corridor, stakes: gpd.GeoDataFrame, within: float) -> Corridor:
    """Return the corridor fitted to stakes; see `Corridor.calibrate`."""
    column = next((name for name in _STAKE_NAMES if name in stakes.columns), None)
    if column is None:
        raise DataError(
            Problem(
                "missing_column",
                "error",
                Text("桩号点缺少字段“chainage”（桩号）", "stakes lack the column “chainage”"),
                field="chainage",
            )
        )
    log = ProblemLog()
    known = _matched(corridor, stakes, column, within, log)
    parts = list(corridor.parts)
    for number, places in known.items():
        part = parts[number]
        places = sorted(set(places))
        _check_order(places, part.branch, log)
        if log.errors:
            continue
        marks = np.array([at for at, _ in places])
        counts = np.array([count for _, count in places])
        # beyond the outermost stakes a metre is a metre
        if marks[0] > 1e-6:
            marks, counts = np.r_[0.0, marks], np.r_[counts[0] - marks[0], counts]
        if marks[-1] < part.length - 1e-6:
            counts = np.r_[counts, counts[-1] + part.length - marks[-1]]
            marks = np.r_[marks, part.length]
        marks[0], marks[-1] = 0.0, part.length
        parts[number] = replace(part, marks=marks, counts=counts)
        for (m0, c0), (m1, c1) in itertools.pairwise(places):
            if m1 - m0 > 1.0 and abs((c1 - c0) / (m1 - m0) - 1.0) > _STRETCH:
                log.add(
                    "warning",
                    "stretched",
                    f"“{part.branch}”{Chainage(c0)}至{Chainage(c1)}桩距{c1 - c0:.0f} m，图上{m1 - m0:.0f} m",
                    f"“{part.branch}” {Chainage(c0)} to {Chainage(c1)}: {c1 - c0:.0f} m by the stakes, "
                    f"{m1 - m0:.0f} m drawn",
                )
    log.raise_errors()
    done = [
        part
        for branch in corridor.branches
        for part in joined(
            [p for p in _carried_on(parts, set(known)) if p.branch == branch],
            corridor.tolerance,
            log,
            "stakes",
        )
    ]
    return replace(corridor, parts=tuple(done), problems=(*corridor.problems, *log.problems))


def _carried_on(parts: list, fitted: set[int]) -> list:  # type: ignore[type-arg]
    """Shift parts without a stake so that they still meet their neighbours.

    Only joins that were steady before stay steady: a station equation or a gap keeps its step.
    """
    done = list(parts)
    for number in range(1, len(done)):
        before, part = done[number - 1], done[number]
        if number not in fitted and part.branch == before.branch and part.join == "continuous":
            done[number] = replace(part, counts=part.counts + before.end - part.start)
    for number in range(len(done) - 2, -1, -1):
        part, after = done[number], done[number + 1]
        follows = after.branch == part.branch and after.join == "continuous"
        steady = any(k in fitted for k in range(number + 1) if done[k].branch == part.branch)
        if number not in fitted and follows and not steady:
            done[number] = replace(part, counts=part.counts + after.start - part.end)
    return done


def _matched(
    corridor: Corridor,
    stakes: gpd.GeoDataFrame,
    column: str,
    within: float,
    log: ProblemLog,
) -> dict[int, list[tuple[float, float]]]:
    """Put each stake on a part: (metres from the part's start, stake's chainage)."""
    known: dict[int, list[tuple[float, float]]] = {}
    if stakes.crs is None:
        log.add("error", "no_crs", "桩号点没有坐标系", "the stakes have no CRS", file="stakes",
                fix=("先 set_crs", "call set_crs first"))  # fmt: skip
        return known
    moved = stakes.geometry if stakes.crs == corridor.crs else stakes.geometry.to_crs(corridor.crs)
    for number, (geometry, value) in enumerate(zip(moved, stakes[column], strict=True), start=1):
        branch = corridor.branches[0]
        if "branch" in stakes.columns and pd.notna(stakes["branch"].iloc[number - 1]):
            branch = str(stakes["branch"].iloc[number - 1])
        try:
            stake = Chainage.parse(value)
            corridor._branch(branch)
        except UsageError as error:
            log.add("error", "bad_chainage", error.text.zh, error.text.en,
                    file="stakes", row=number, field=column)  # fmt: skip
            continue
        if geometry is None or geometry.is_empty:
            log.add("error", "empty_geometry", f"桩 {stake} 没有位置", f"stake {stake} has no position",
                    file="stakes", row=number)  # fmt: skip
            continue
        if geometry.geom_type != "Point" or not np.isfinite([geometry.x, geometry.y]).all():
            log.add("error", "wrong_geometry", f"桩 {stake} 应为一个点，坐标为有限的数",
                    f"stake {stake} must be one point with finite coordinates",
                    file="stakes", row=number)  # fmt: skip
            continue
        choice = []
        for p, part in enumerate(corridor.parts):
            if part.branch != branch:
                continue
            away, at = _project(part.coords, part.along, geometry.x, geometry.y)
            choice.append((away, p, at, abs(float(part.chainage_at(at)) - stake.metres)))
        nearest = min(away for away, *_ in choice)
        if nearest > within:
            log.add(
                "error",
                "stake_off_line",
                f"桩 {stake} 离“{branch}”{nearest:.0f} m，超过{within:.0f} m",
                f"stake {stake} is {nearest:.0f} m from “{branch}”, more than {within:.0f} m",
                file="stakes",
                row=number,
                fix=("核对桩号点的坐标系和位置", "check the stake's datum and position"),
            )
            continue
        # at a station equation two parts are equally near: the stake belongs to the one it suits
        near = [c for c in choice if c[0] <= nearest + SAME_CHAINAGE]
        _, p, at, _ = min(near, key=lambda c: (c[3], c[1]))
        known.setdefault(p, []).append((round(at, 6), stake.metres))
    return known


def _project(coords: np.ndarray, along: np.ndarray, x: float, y: float) -> tuple[float, float]:
    """Distance to a line, and metres along it of the nearest place."""
    a, b = coords[:-1], coords[1:]
    size = np.diff(along)
    point = np.array([x, y])
    t = np.clip(((point - a) * (b - a)).sum(axis=1) / size, 0.0, size)
    foot = a + (b - a) * (t / size)[:, None]
    away = np.hypot(*(foot - point).T)
    best = int(np.argmin(away))
    return float(away[best]), float(along[best] + t[best])


def _check_order(places: list[tuple[float, float]], branch: str, log: ProblemLog) -> None:
    for (m0, c0), (m1, c1) in itertools.pairwise(places):
        if c1 <= c0 or m1 - m0 <= 1e-6:
            log.add(
                "error",
                "stakes_out_of_order",
                f"“{branch}”上桩 {Chainage(c0)}（沿线{m0:.1f} m）之后是 {Chainage(c1)}（{m1:.1f} m），次序矛盾",
                f"on “{branch}” stake {Chainage(c0)} (at {m0:.1f} m) is followed by {Chainage(c1)} "
                f"(at {m1:.1f} m)",
                file="stakes",
                fix=(
                    "核对两桩；若为断链，请写入断链表或在断链处分段",
                    "check both; if chainage is broken there, state the equation or split the segment",
                ),
            )
