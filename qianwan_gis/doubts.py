"""Doubt about the datum of input layers: each is held against something known.

Offices mix WGS84, CGCS2000, GCJ-02 and BD-09 without saying so; here that is half a kilometre. A
layer whose lie on the reference says another datum than the one declared is an error: layers of
two datums are never mixed silently.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qianwan_gis import datum, settings
from qianwan_gis._errors import ProblemLog

_NAMES = {"wgs84": "WGS84/CGCS2000", "gcj02": "GCJ-02", "bd09": "BD-09"}
#: A layer further than this from the county's extent is not of this county (metres).
FAR_M = 50_000.0
#: Fewer points than this are not tried: a verdict on them would be luck.
_FEWEST = 12


@dataclass(frozen=True)
class Layer:
    """One input layer as read: in WGS84 if the declared datum is right.

    ``kind`` (roads, villages, …) keeps a layer from being held against itself.
    """

    kind: str
    file: str
    declared: str
    geometry: gpd.GeoSeries


def carried_roads(county: gpd.GeoDataFrame, own: Iterable[Path]) -> gpd.GeoSeries:
    """Return the carried main roads around a county, without the county's own input files."""
    outline = county.to_crs(datum.WGS84)
    box = shapely.box(*outline.total_bounds).buffer(0.05)
    used = {path.resolve() for path in own}
    parts = []
    for path in sorted((settings.data_dir() / "roads").glob("*.geojson")):
        if path.resolve() in used:
            continue
        roads = gpd.read_file(path, bbox=box.bounds)
        parts.append(roads.geometry)
    if not parts:
        return gpd.GeoSeries([], crs=datum.WGS84)
    return gpd.GeoSeries(pd.concat(parts, ignore_index=True), crs=datum.WGS84)


def find(layers: Sequence[Layer], references: Mapping[str, gpd.GeoSeries], log: ProblemLog) -> None:
    """Record every layer that lies on a reference as if it were in another datum than declared.

    Parameters
    ----------
    layers
        What to check.
    references
        What each is held against, by kind, best first; the first that yields a verdict decides.
    """
    for layer in layers:
        written = _as_written(layer)
        if len(shapely.get_coordinates(written.to_numpy())) < _FEWEST:
            continue
        for kind, reference in references.items():
            known = reference[reference.notna()]
            outlines = (kind == "outline") != (layer.kind == "boundary")
            if known.empty or kind == layer.kind or outlines:  # borders say nothing of roads
                continue
            found, certainty = _datum_of(written, known)
            if found == "unsure":
                continue
            declared = "wgs84" if layer.declared == "cgcs2000" else layer.declared
            if found != declared:
                shift = _shift_between(written, declared, found)
                log.add(
                    "error", "datum_mismatch",
                    f"声明为{_NAMES[declared]}，但与参照图层比较应为{_NAMES[found]}"
                    f"（相差约{shift:.0f}米，把握{certainty:.3f}）",
                    f"declared {_NAMES[declared]}, but it lies on the reference as {_NAMES[found]} "
                    f"(about {shift:.0f} m apart, certainty {certainty:.3f})",
                    file=layer.file, field="datum",
                    fix=(f'核对来源；若确为如此，在 county.toml 中写 datum = "{found}"',
                         f'ask for its origin; if so, write datum = "{found}" in county.toml'),
                )  # fmt: skip
            break


def outside(layers: Sequence[Layer], county: gpd.GeoDataFrame, log: ProblemLog) -> None:
    """Record every layer that lies wholly elsewhere than the county: its CRS is not what it says."""
    west, south, east, north = county.total_bounds
    near = shapely.box(west - FAR_M, south - FAR_M, east + FAR_M, north + FAR_M)
    for layer in layers:
        there = layer.geometry[layer.geometry.notna()]
        if there.empty:
            continue
        bounds = there.to_crs(county.crs).total_bounds
        if np.isfinite(bounds).all() and shapely.box(*bounds).intersects(near):
            continue
        log.add(
            "error", "outside_county", "全部要素都不在本县及周边", "nothing of it lies in or near the county",
            file=layer.file, field="geometry",
            fix=("核对坐标系、经纬度次序；也可能是县界文件有误",
                 "check its CRS and the order of longitude and latitude, or the county's outline"),
        )  # fmt: skip


def _datum_of(written: gpd.GeoSeries, known: gpd.GeoSeries) -> tuple[str, float]:
    """Return the datum of a layer by a reference, ``unsure`` included, and the certainty.

    Lines are not held against points vertex by vertex, since most of a road is far from any
    village. The points are put into each datum instead, and the lines that fit them as they are
    written are in that datum.
    """
    lines = (shapely.get_dimensions(written.to_numpy()) == 1).any()
    points = (shapely.get_dimensions(known.to_numpy()) == 0).all()
    if not (lines and points):
        verdict = datum.detect(written, known)
        return verdict.datum, verdict.confidence
    xy = shapely.get_coordinates(known.to_crs(datum.WGS84).to_numpy())
    verdict = datum.detect(xy, written)
    if verdict.datum == "wgs84":
        return "wgs84", verdict.confidence
    for name in ("gcj02", "bd09"):
        moved = np.column_stack(datum.transform(xy[:, 0], xy[:, 1], "wgs84", name))
        verdict = datum.detect(moved, written)
        if verdict.datum == "wgs84":
            return name, verdict.confidence
    return "unsure", 0.0


def _shift_between(written: gpd.GeoSeries, declared: str, found: str) -> float:
    """Return how far the two datums are apart at the middle of a layer, in metres."""
    lon, lat = np.median(shapely.get_coordinates(written.to_numpy()), axis=0)
    x0, y0 = datum.transform(lon, lat, declared, "wgs84")
    x1, y1 = datum.transform(lon, lat, found, "wgs84")
    return float(np.hypot((x1 - x0) * np.cos(np.radians(lat)), y1 - y0) * 111_320.0)


def _as_written(layer: Layer) -> gpd.GeoSeries:
    """Undo the conversion that reading did, to have the coordinates of the file again."""

    def undo(xy: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.column_stack(datum.transform(xy[:, 0], xy[:, 1], "wgs84", layer.declared))

    known = layer.geometry[layer.geometry.notna()].to_crs(datum.WGS84)
    return gpd.GeoSeries(shapely.transform(known.to_numpy(), undo), crs=datum.WGS84)
