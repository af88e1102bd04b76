"""The motorway of a made-up county: two carriageways, bridges, tunnels, interchanges."""

from __future__ import annotations

import numpy as np
import shapely

from qianwan_gis.synthetic._grid import Floats, Ints, chaikin, walk
from qianwan_gis.synthetic._land import Land
from qianwan_gis.synthetic._pieces import Mark, Pieces, crossings, measures, point_along
from qianwan_gis.synthetic._works import COUNTY, SECONDARY, TERTIARY, VILLAGE, Chains, Works


def _heights(land: Land, xy: Floats) -> Floats:
    rows, cols = land.elevation.shape
    col = np.clip(((xy[:, 0] - land.origin[0]) / land.cell).astype(int), 0, cols - 1)
    row = np.clip(((land.origin[1] - xy[:, 1]) / land.cell).astype(int), 0, rows - 1)
    return np.asarray(land.elevation[row, col], dtype=float)


def tunnels(land: Land, line: Floats, *, smooth: float, cover: float) -> list[Mark]:
    """Stretches where the ground stands ``cover`` metres over an evened profile."""
    from scipy.ndimage import gaussian_filter1d

    along = measures(line)
    step = 100.0
    if along[-1] < 6 * step:
        return []
    at = np.arange(0.0, along[-1], step)
    xy = np.column_stack([np.interp(at, along, line[:, 0]), np.interp(at, along, line[:, 1])])
    ground = _heights(land, xy)
    deep = ground - gaussian_filter1d(ground, smooth / step, mode="nearest") > cover
    deep[:2] = deep[-2:] = False
    edges = np.flatnonzero(np.diff(np.r_[0, deep.astype(int), 0]))
    return [
        Mark(at[start], at[end - 1], "tunnel")
        for start, end in zip(edges[::2], edges[1::2], strict=True)
        if end - start >= 3
    ]


def lay_motorway(
    pieces: Pieces,
    works: Works,
    chains: Chains,
    lines: list[Floats],
    land: Land,
    exits: Ints,
    marks: dict[int, list[Mark]],
) -> bool:
    """Two one-way carriageways across the county, with interchanges; False if none fits."""
    grid = works.grid
    a, b = grid.edges.T
    climb = np.abs(land.height[a] - land.height[b]) / grid.base_lengths()
    busy = np.zeros(len(grid.xy))
    busy[np.unique(grid.edges[works.rank >= TERTIARY])] = 1.0
    cost = grid.base_lengths() * (1 + (climb / 0.07) ** 2 + 0.8 * (busy[a] + busy[b]))
    _, previous, _ = grid.search(cost, exits[[2]])
    path = walk(previous, int(exits[5]))
    raw = shapely.get_coordinates(shapely.LineString(grid.xy[path]).simplify(2.2 * grid.cell))
    centre = chaikin([raw], rounds=5)[0]
    along = measures(centre)
    met = crossings([centre], [shapely.LineString(line) for line in lines])
    covered = tunnels(land, centre, smooth=1500.0, cover=30.0)
    open_air = [
        (at, j, other)
        for _, j, at, other in sorted(met, key=lambda c: (c[2], c[1]))
        if not any(t.start - 900.0 <= at <= t.end + 900.0 for t in covered)
        and 1500.0 < at < along[-1] - 1500.0
    ]
    chosen: list[tuple[float, int, float]] = []
    for lowest in (SECONDARY, COUNTY, VILLAGE):
        for at, j, other in open_air:
            apart = all(abs(at - there) > 9000.0 for there, _, _ in chosen)
            junction = _junction(lines[j], other)
            if chains.rank[j] >= lowest and apart and junction is not None:
                chosen.append((at, j, junction))
        if len(chosen) >= 2:
            break
    if not chosen:
        return False
    tangent = np.gradient(centre, axis=0)
    normal = np.column_stack([tangent[:, 1], -tangent[:, 0]]) / np.hypot(*tangent.T)[:, None]
    right = centre + 13.0 * normal
    left = (centre - 13.0 * normal)[::-1]
    ways = {"上行": right, "下行": left}
    cuts: dict[str, list[Mark]] = {"上行": [], "下行": []}
    ramps: list[Floats] = []
    for at, j, junction in chosen:
        marks.setdefault(j, []).append(Mark(junction, junction, "junction"))
        target = np.round(point_along(lines[j], measures(lines[j]), junction), 2)
        for way, line in ways.items():
            measure = measures(line)
            middle = at / along[-1] * measure[-1]
            if way == "下行":
                middle = measure[-1] - middle
            for offset in (-520.0, 520.0):
                cuts[way].append(Mark(middle + offset, middle + offset, "junction"))
                start = np.round(point_along(line, measure, middle + offset), 2)
                control = point_along(line, measure, middle + 0.25 * offset)
                t = np.linspace(0.0, 1.0, 12)[:, None]
                curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * target
                ramps.append(np.round(curve if offset < 0 else curve[::-1], 2))
    rivers = land.rivers.geometry.to_list()
    roads = [shapely.LineString(line) for line in lines]
    for way, line in ways.items():
        stretch = [*cuts[way], *tunnels(land, line, smooth=1500.0, cover=30.0)]
        for _, _, at, _ in crossings([line], roads + rivers):
            stretch.append(Mark(at - 60.0, at + 60.0, "bridge"))
        pieces.add_cut(line, stretch, "motorway", name=f"合成高速{way}", ref="G9990", oneway=True)
    barriers = [shapely.LineString(line) for line in ways.values()] + roads + rivers
    for ramp in ramps:
        length = float(measures(ramp)[-1])
        over = [
            Mark(at - 30.0, at + 30.0, "bridge")
            for _, _, at, _ in crossings([ramp], barriers)
            if 35.0 < at < length - 35.0
        ]
        pieces.add_cut(ramp, over, "motorway_link", name="合成高速匝道", oneway=True)
    return True


def _junction(line: Floats, crossing: float) -> float | None:
    """Where on a road an interchange joins it: 300 to 420 m from the crossing, off its ends."""
    length = float(measures(line)[-1])
    for away in (360.0, -360.0, 300.0, -300.0, 420.0, -420.0):
        if 60.0 < crossing + away < length - 60.0:
            return crossing + away
    return None
