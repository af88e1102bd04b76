"""Ground, rivers and outline of a made-up county.

The relief is a river network turned inside out: a shortest-path tree over a fractal cost field
gives every cell its way to the sea, the area drained follows from the tree, and heights are built
up from the outlet with the slope that a river in balance has (slope falling with the power 0.45 of
the area drained; Flint 1974, Water Resources Research 10(5)). Valleys, confluences and
ridges then lie where they should, and every river runs downhill on the finished raster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from qianwan_gis.synthetic._grid import Grid, chaikin

Floats = NDArray[np.float64]

AREA_PER_VILLAGE = 4.5e6  # m²; Zezhou: 2,023 km² for 450 units
_LOWEST = 520.0  # m above sea level at the outlet
_CONCAVITY = 0.45
_HILL_SLOPE = 0.14  # slope where one cell drains
_STEEPEST = 0.42
_BESIDE = 120.0  # m from a grid node to the houses on it, at most


@dataclass(frozen=True)
class Land:
    """The ground of a county.

    Attributes
    ----------
    elevation
        Heights in metres, float32, north up.
    origin
        Map coordinates (x, y) of the upper left corner, metres.
    cell
        Cell size of `elevation` in metres.
    grid
        The coarser grid on which places and roads are laid out.
    height, slope, river_distance, inside, habitable
        Per node of `grid`: metres, gradient (1 = 45 degrees), metres, in the county, in it by
        more than the distance that a house may stand beside its node.
    rivers
        Lines running downstream with ``name``, ``river_class`` and ``catchment_km2``.
    outline
        The county's polygon.
    """

    elevation: NDArray[np.float32]
    origin: tuple[float, float]
    cell: float
    grid: Grid
    height: Floats
    slope: Floats
    river_distance: Floats
    inside: NDArray[np.bool_]
    habitable: NDArray[np.bool_]
    rivers: gpd.GeoDataFrame
    outline: shapely.Polygon


def make_land(
    villages: int, centre: tuple[float, float], crs: Any, rng: np.random.Generator
) -> Land:
    """Build the ground for a county of ``villages`` villages around ``centre`` (metres)."""
    area = villages * AREA_PER_VILLAGE
    side = max(9000.0, 1.4 * np.sqrt(area) + 5000.0)
    cell = float(np.clip(np.round(side / 9000.0) * 10.0, 30.0, 90.0))
    factor = max(3, round(max(200.0, side / 600.0) / cell))
    count = int(np.ceil(side / (cell * factor)))
    half = count * cell * factor / 2.0
    origin = (centre[0] - half, centre[1] + half)
    grid = Grid.make(count, cell * factor, origin, rng)

    height, drained, downstream = _drainage(grid, rng)
    rivers_xyza, names = _river_stems(grid, height, drained, downstream, rng)
    elevation, distance = _carve(grid, height, rivers_xyza, cell, factor, rng)

    blocks = elevation.reshape(count, factor, count, factor)
    coarse = blocks.mean(axis=(1, 3)).astype(float)
    gradient = np.hypot(*np.gradient(coarse, grid.cell))
    near = distance.reshape(count, factor, count, factor).min(axis=(1, 3))
    outline = _outline(centre, area, rng)
    shapely.prepare(outline)
    return Land(
        elevation=elevation,
        origin=origin,
        cell=cell,
        grid=grid,
        height=coarse.ravel(),
        slope=gradient.ravel(),
        river_distance=near.ravel().astype(float),
        inside=shapely.contains_xy(outline, grid.xy),
        habitable=shapely.contains_xy(outline.buffer(-_BESIDE), grid.xy),
        rivers=_river_table(rivers_xyza, names, outline, crs),
        outline=outline,
    )


def fractal(
    rng: np.random.Generator, shape: tuple[int, int], *, power: float, longest: float = np.inf
) -> NDArray[np.float32]:
    """Return fractal noise of mean 0 and deviation 1 with spectrum frequency ** -power.

    ``longest`` is the longest wave kept, in cells.
    """
    from scipy import fft

    rows, cols = (fft.next_fast_len(n, real=True) for n in shape)
    noise = rng.standard_normal((rows, cols), dtype=np.float32)
    frequency = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(cols)[None, :])
    frequency[0, 0] = np.inf
    gain = frequency ** (-power / 2.0)
    gain[frequency < 1.0 / longest] = 0.0
    field = fft.irfft2(fft.rfft2(noise) * gain.astype(np.float32), s=(rows, cols))
    field = field[: shape[0], : shape[1]]
    return np.asarray((field - field.mean()) / field.std(), dtype=np.float32)


def _drainage(grid: Grid, rng: np.random.Generator) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return height (m), drained area (m²) and the next node downstream, per node."""
    n = grid.count
    noise = fractal(rng, (n, n), power=2.6).astype(float).ravel()
    cost = grid.base_lengths() * np.exp(
        0.9 * (noise[grid.edges[:, 0]] + noise[grid.edges[:, 1]]) / 2.0
    )
    # one outlet in the south, more where the map is larger than one river basin
    outlets = [grid.node(n - 1, int(n * rng.uniform(0.3, 0.7)))]
    outlets += [
        grid.node(int(n * rng.uniform(0.2, 0.9)), n - 1 if rng.random() < 0.5 else 0)
        for _ in range(int(n * grid.cell // 100_000))
    ]
    path_cost, parent, _ = grid.search(cost, np.array(outlets))
    order = np.argsort(path_cost, kind="stable")
    upstream_first = order[::-1].tolist()
    parents = parent.tolist()
    drained = [grid.cell**2] * len(parents)
    for node in upstream_first:
        if parents[node] >= 0:
            drained[parents[node]] += drained[node]
    area = np.array(drained)
    steps = grid.distance_between(np.arange(len(parents)), np.maximum(parent, 0))
    slopes = np.minimum(_STEEPEST, _HILL_SLOPE * (area / 5e4) ** -_CONCAVITY)
    # firm and soft rock: belts of hills and basins
    rock = np.exp(0.55 * fractal(rng, (n, n), power=3.2).astype(float).ravel())
    rise = (steps * slopes * rock).tolist()
    height = [_LOWEST] * len(parents)
    for node in order.tolist():
        if parents[node] >= 0:
            height[node] = height[parents[node]] + rise[node]
    return np.array(height), area, parent


def _river_stems(
    grid: Grid,
    height: Floats,
    drained: Floats,
    downstream: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[list[Floats], list[str]]:
    """Return rivers as arrays of x, y, bed height, drained area, from source to mouth."""
    total = float(drained.max())
    threshold = max(2.5e6, min(12e6, total / 25.0))
    wet = drained >= threshold
    nodes = np.flatnonzero(wet)
    main: dict[int, int] = {}
    for node in nodes[np.argsort(drained[nodes], kind="stable")].tolist():
        if downstream[node] >= 0:
            main[int(downstream[node])] = node  # the largest comes last and stays
    stems: list[Floats] = []
    for head in nodes.tolist():
        if head in main:
            continue
        path = [head]
        while (after := int(downstream[path[-1]])) >= 0:
            path.append(after)
            if main[after] != path[-2]:
                break
        if len(path) < 4:
            continue
        points = np.column_stack([grid.xy[path], height[path], drained[path]])
        stems.append(chaikin([points], rounds=3)[0])
    stems.sort(key=lambda line: -float(line[-2, 3]))
    first = list("青石清白沙黄柳云龙玉甘秀")
    names = [a + b for b in ("河", "溪", "涧") for a in rng.permutation(first).tolist()]
    return stems, names


def _carve(
    grid: Grid,
    height: Floats,
    rivers: list[Floats],
    cell: float,
    factor: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the fine raster with the rivers' valleys in it, and the distance to a river."""
    from scipy import ndimage

    n = grid.count
    rough = ndimage.gaussian_filter(height.reshape(n, n), 0.9)
    fine = ndimage.zoom(rough, factor, order=3, mode="nearest", grid_mode=True).astype(np.float32)
    shape = fine.shape

    bed = np.full(shape, np.nan, dtype=np.float32)
    width = np.zeros(shape, dtype=np.float32)
    for line in rivers[::-1]:  # large rivers are drawn last and win
        along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(line[:, :2], axis=0).T))]
        at = np.linspace(0.0, along[-1], max(2, int(along[-1] / (cell / 2.0))))
        x, y, z, a = (np.interp(at, along, line[:, i]) for i in range(4))
        col = np.clip(((x - grid.origin[0]) / cell).astype(int), 0, shape[1] - 1)
        row = np.clip(((grid.origin[1] - y) / cell).astype(int), 0, shape[0] - 1)
        bed[row, col] = z
        width[row, col] = 160.0 * (a / 1e7) ** 0.3
    dry = np.isnan(bed)
    if dry.all():
        return fine, np.full(shape, 1e6, dtype=np.float32)
    away, nearest = ndimage.distance_transform_edt(dry, return_indices=True)
    distance = (away * cell).astype(np.float32)
    floor = bed[nearest[0], nearest[1]]
    valley = width[nearest[0], nearest[1]]
    # a flat valley floor, then a blend up into the hills over six floor widths
    t = np.clip((distance - valley) / (5.0 * valley), 0.0, 1.0)
    blend = t * t * (3.0 - 2.0 * t)
    above = np.maximum(fine - floor, 0.0)
    hills = fractal(rng, (shape[0], shape[1]), power=2.4, longest=60.0)
    relief = np.clip(above / 120.0, 0.0, 1.0) * blend
    raised = floor + above * (0.06 + 0.94 * blend) + 0.004 * distance + 9.0 * relief * hills
    raised = np.maximum(raised, floor + 0.002 * distance)
    raised[~dry] = floor[~dry]
    return np.round(raised, 1).astype(np.float32), distance


def _outline(centre: tuple[float, float], area: float, rng: np.random.Generator) -> shapely.Polygon:
    """Return an irregular outline of exactly ``area`` square metres."""
    angle = np.linspace(0.0, 2.0 * np.pi, 361)[:-1]
    radius = np.ones_like(angle)
    for wave in range(2, 45):
        size = 0.2 / wave**0.95 * rng.uniform(0.4, 1.0)
        radius += size * np.cos(wave * angle + rng.uniform(0.0, 2.0 * np.pi))
    radius = np.clip(radius, 0.72, 1.2)  # the grid reaches 1.24 radii from the middle
    ring = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    polygon = shapely.Polygon(ring)
    ring *= np.sqrt(area / polygon.area)
    return shapely.Polygon(np.round(ring + centre, 2))


def _river_table(
    rivers: list[Floats], names: list[str], outline: shapely.Polygon, crs: Any
) -> gpd.GeoDataFrame:
    around = outline.buffer(2500.0)
    rows = []
    for line in rivers:
        geometry = shapely.intersection(shapely.LineString(np.round(line[:, :2], 2)), around)
        rows += [
            (float(line[-2, 3]) / 1e6, part)
            for part in shapely.get_parts(geometry)
            if part.geom_type == "LineString" and part.length > 300.0
        ]
    rows.sort(key=lambda row: -row[0])
    return gpd.GeoDataFrame(
        {
            "river_id": [f"R{i + 1:04d}" for i in range(len(rows))],
            "name": [f"{names[i]}" if i < len(names) else "" for i in range(len(rows))],
            "river_class": ["river" if km2 >= 60.0 else "stream" for km2, _ in rows],
            "catchment_km2": [round(km2, 1) for km2, _ in rows],
            "basis": "synthetic",
        },
        geometry=[part for _, part in rows],
        crs=crs,
    )
