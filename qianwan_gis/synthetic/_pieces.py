"""Finished pieces of road: where lines cross, and cutting lines into bridges and tunnels."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from qianwan_gis.synthetic._grid import Floats


class Pieces:
    """Collects finished road pieces."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.lines: list[Floats] = []

    def add(self, line: Floats, road_class: str, **more: Any) -> None:
        row = {
            "road_class": road_class,
            "admin_class": "",
            "name": "",
            "ref": "",
            "surface": "沥青",
            "oneway": False,
            "bridge": False,
            "tunnel": False,
            "status": "existing",
        }
        self.rows.append({**row, **more})
        self.lines.append(line)

    def add_cut(self, line: Floats, marks: list[Mark], road_class: str, **more: Any) -> None:
        """Add a line cut at its marks, bridges and tunnels flagged."""
        for piece, kind in cut(line, marks):
            self.add(
                piece,
                road_class,
                **{**more, "bridge": kind == "bridge", "tunnel": kind == "tunnel"},
            )

    def table(self, crs: Any) -> gpd.GeoDataFrame:
        table = gpd.GeoDataFrame(
            self.rows, geometry=[shapely.LineString(line) for line in self.lines], crs=crs
        )
        table.insert(0, "road_id", [f"L{i + 1:06d}" for i in range(len(table))])
        table["basis"] = "synthetic"
        return table[[c for c in table.columns if c != "geometry"] + ["geometry"]]


@dataclass(frozen=True)
class Mark:
    """A stretch of a line (metres from its start) that is a bridge, a tunnel, or only a cut."""

    start: float
    end: float
    kind: str


def measures(line: Floats) -> Floats:
    return np.asarray(np.r_[0.0, np.cumsum(np.hypot(*np.diff(line, axis=0).T))])


def point_along(line: Floats, along: Floats, at: float) -> Floats:
    return np.array([np.interp(at, along, line[:, 0]), np.interp(at, along, line[:, 1])])


def cut(line: Floats, marks: list[Mark]) -> list[tuple[Floats, str]]:
    """Cut a line at marks; tunnels win over bridges where both are marked."""
    if not marks:
        return [(line, "")]
    along = measures(line)
    length = float(along[-1])
    cuts = {0.0, length}
    for mark in marks:
        cuts |= {min(max(mark.start, 0.0), length), min(max(mark.end, 0.0), length)}
    ordered = sorted(cuts)
    # pieces under half a metre are of no use to anybody
    kept = [ordered[0]]
    for at in ordered[1:-1]:
        if at - kept[-1] > 0.5 and length - at > 0.5:
            kept.append(at)
    kept.append(length)
    pieces: list[tuple[Floats, str]] = []
    for start, end in itertools.pairwise(kept):
        middle = (start + end) / 2.0
        kinds = {m.kind for m in marks if m.start <= middle <= m.end}
        kind = "tunnel" if "tunnel" in kinds else "bridge" if "bridge" in kinds else ""
        inside = (along > start) & (along < end)
        piece = np.vstack(
            [point_along(line, along, start), line[inside], point_along(line, along, end)]
        )
        piece = np.round(piece, 2)
        if (
            pieces
            and pieces[-1][1] == kind
            and not any(m.kind == "junction" and abs(m.start - start) < 0.6 for m in marks)
        ):
            pieces[-1] = (np.vstack([pieces[-1][0], piece[1:]]), kind)
        else:
            pieces.append((piece, kind))
    return pieces


def crossings(
    lines: list[Floats], others: list[shapely.LineString]
) -> list[tuple[int, int, float, float]]:
    """Where lines cross: (line, other, metres along the line, metres along the other)."""
    if not lines or not others:
        return []
    geometry = np.array([shapely.LineString(line) for line in lines])
    tree = shapely.STRtree(others)
    mine, other = tree.query(geometry, predicate="crosses")
    met = shapely.intersection(geometry[mine], np.array(others)[other])
    found = []
    for i, j, where in zip(mine.tolist(), other.tolist(), met, strict=True):
        found += [
            (i, j, geometry[i].project(point), others[j].project(point))
            for point in shapely.get_parts(where)
            if point.geom_type == "Point"
        ]
    return found
