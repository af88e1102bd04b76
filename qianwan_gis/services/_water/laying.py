"""A tree as it lies in the ground: pipes between works, forks, villages and steps of height."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
import shapely.ops

from qianwan_gis.services._water.graph import LEAST_M, heights, stations
from qianwan_gis.services._water.sizing import Tree
from qianwan_gis.services._water.tree import rooted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qianwan_gis.services._water.graph import Graph
    from qianwan_gis.services._water.hydraulics import Rules
    from qianwan_gis.terrain import Terrain

    Array = NDArray[np.float64]

#: Share of a clear-water tank's depth below which the water does not fall, and over which not rise.
TANK_RESERVE = 0.1


@dataclass(frozen=True)
class Laid:
    """A tree as it lies in the ground.

    Attributes
    ----------
    tree
        For `sizing.size`.
    xy
        Coordinates of its nodes.
    lines
        Geometry of the pipe to each node, from the parent outwards (None for the root).
    profiles
        (metres, ground) along it.
    terminal
        Village (position in the plan's table) at each node, -1 elsewhere.
    presumed
        Whether any of the pipe follows a presumed road.
    """

    tree: Tree
    xy: Array
    lines: tuple[Any, ...]
    profiles: tuple[Any, ...]
    terminal: NDArray[np.int64]
    presumed: NDArray[np.bool_]


def lay(
    graph: Graph, edges: set[int], root: int, terminals: dict[int, int], demand: Array,
    terrain: Terrain, crs: Any, rules: Rules, head: float | None,
) -> Laid:  # fmt: skip
    """Turn the edges of a tree into pipes between works, forks, villages, and steps of height.

    Runs between forks are cut where the ground has risen or fallen by ``device.step_m``, so that a
    booster or a break-pressure tank can stand there.
    """
    order, parent = rooted(graph, edges, root)
    children: dict[int, list[int]] = {node: [] for node in order}
    for node in order[1:]:
        children[parent[node][0]].append(node)
    key = {n for n in order if n == root or n in terminals or len(children[n]) != 1}
    up: list[int] = [-1]
    lines: list[Any] = [None]
    profiles: list[Any] = [None]
    terminal = [-1]
    weak = [False]
    number = {root: 0}
    first = shapely.Point(_end(graph, order, parent, root))
    xy: list[tuple[float, float]] = [(first.x, first.y)]
    runs = _runs(graph, order, parent, children, key)
    # heights of all runs at once: tiles on disk are opened once
    samples = [stations(line) for _, _, line, _ in runs]
    spots = np.vstack([s[1] for s in samples]) if samples else np.empty((0, 2))
    levels = heights(np.vstack([[xy[0]], spots]), terrain, crs)
    z = [float(levels[0])]
    start = 1
    for (a, b, line, flag), (along, points) in zip(runs, samples, strict=True):
        ground = levels[start : start + len(points)]
        start += len(points)
        here = number[a]
        marks = _steps(ground, rules["device.step_m"])
        for low, high in itertools.pairwise(marks):
            last = high == marks[-1]
            up.append(here)
            here = len(up) - 1
            lines.append(shapely.ops.substring(line, along[low], along[high]))
            profiles.append((along[low : high + 1] - along[low], ground[low : high + 1]))
            xy.append((float(points[high, 0]), float(points[high, 1])))
            z.append(float(ground[high]))
            terminal.append(terminals.get(b, -1) if last else -1)
            weak.append(flag)
        number[b] = here
    length = np.array([0.0, *(max(float(line.length), LEAST_M) for line in lines[1:])])
    lowest = np.array([z[0], *(float(p[1].min()) for p in profiles[1:])])
    who = np.array(terminal)
    away = np.zeros(len(up))
    for v in range(1, len(up)):
        away[v] = away[up[v]] + length[v]
    # just behind the tank a pipe has the water's depth over it and no more
    main, close = rules["head.main_min_m"], rules["works.near_m"]
    need = np.where(who >= 0, rules["head.service_m"], np.where(away <= close, 0.0, main))
    summits: list[tuple[tuple[float, float], ...]] = [()]
    for v in range(1, len(up)):
        before = away[v] - length[v]
        summits.append(
            tuple(
                (share, ground + (main if before + share * length[v] > close else 0.0))
                for share, ground in _summits(*profiles[v])
            )
        )
    wants = np.where(who >= 0, demand[who], 0.0) if len(demand) else np.zeros(len(who))
    floor = z[0] if head is None else head
    tree = Tree(
        np.array(up), length, np.array(z), lowest, need, tuple(summits),
        wants / 86_400.0 * rules["demand.hour_factor"], who >= 0,
        floor + TANK_RESERVE * rules["works.tank_depth_m"], floor + rules["works.tank_depth_m"],
    )  # fmt: skip
    return Laid(tree, np.array(xy), tuple(lines), tuple(profiles), who, np.array(weak))


def _end(graph: Graph, order: list[int], parent: dict[int, tuple[int, int]], root: int) -> Any:
    """Coordinates of the root."""
    edge = graph.near[root][0][2] if len(order) < 2 else parent[order[1]][1]
    line = graph.lines[edge]
    return line.coords[0] if graph.ends[edge][0] == root else line.coords[-1]


def _runs(
    graph: Graph, order: list[int], parent: dict[int, tuple[int, int]],
    children: dict[int, list[int]], key: set[int],
) -> list[tuple[int, int, Any, bool]]:  # fmt: skip
    """Return (from, to, line, presumed) between key nodes, from the root outwards."""
    found = []
    for node in order:
        if node not in key:
            continue
        for child in children[node]:
            coords: list[Any] = []
            flag, here, at = False, node, child
            while True:
                edge = parent[at][1]
                line = graph.lines[edge]
                points = list(line.coords)
                if graph.ends[edge][0] != here:
                    points.reverse()
                coords += points if not coords else points[1:]
                flag = flag or graph.presumed[edge]
                if at in key:
                    break
                here, at = at, children[at][0]
            line = shapely.LineString(coords)
            if line.length < LEAST_M:  # a village that stands on the road itself
                (x, y), _ = coords[0], coords[-1]
                line = shapely.LineString([(x, y), (x + LEAST_M, y)])
            found.append((node, at, line, flag))
    return found


def _steps(ground: Array, step: float) -> list[int]:
    """Positions at which a profile has moved by ``step`` since the last one, with both ends."""
    marks = [0]
    for k in range(1, len(ground) - 1):
        if abs(ground[k] - ground[marks[-1]]) >= step:
            marks.append(k)
    return [*marks, len(ground) - 1]


def _summits(along: Array, ground: Array) -> tuple[tuple[float, float], ...]:
    """Return (share, ground) of the inner points of a profile's upper hull.

    The water level falls evenly along a pipe, so where it clears these it clears them all.
    """
    hull: list[int] = []
    for k in range(len(along)):
        while len(hull) > 1 and (
            (ground[hull[-1]] - ground[hull[-2]]) * (along[k] - along[hull[-2]])
            <= (ground[k] - ground[hull[-2]]) * (along[hull[-1]] - along[hull[-2]])
        ):
            hull.pop()
        hull.append(k)
    return tuple((float(along[k] / along[-1]), float(ground[k])) for k in hull[1:-1])


__all__ = ["TANK_RESERVE", "Laid", "lay"]
