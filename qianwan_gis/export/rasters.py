"""Rasters of a plan as cloud-optimised GeoTIFF: height, slope, minutes to every kind of service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qianwan_gis._errors import UnavailableError
from qianwan_gis._text import Text
from qianwan_gis.export.raster import write_cog
from qianwan_gis.layers import service_title, services_of
from qianwan_gis.services.registry import services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qianwan_gis.layers import Results
    from qianwan_gis.network.offroad import Surface

_WALK_M = 2000.0  # ground beyond the county's outline that people may walk over


def write(results: Results, folder: Path) -> list[Path]:
    """Write the rasters that the data bear.

    ``height.tif`` (m), ``slope.tif`` (degrees, Horn) and ``minutes_<service>_<tier>.tif``: the
    way from every cell to the nearest facility, on foot to a road and on by road in the service's
    mode. Slopes and times are left out where `Results.disclosure` withholds them, and times of a
    service without facilities.

    Parameters
    ----------
    results
        The plan's results.
    folder
        Where to write.

    Raises
    ------
    UnavailableError
        The county has no terrain.
    """
    terrain = results.terrain
    if terrain is None:
        raise UnavailableError(
            Text(
                "没有地形数据（county.toml 的 [terrain]），无法输出栅格",
                "there are no rasters without terrain ([terrain] in county.toml)",
            )
        )
    from affine import Affine

    from qianwan_gis.network.offroad import surface

    west, south, east, north = results.boundary.to_crs(terrain.crs).total_bounds
    box = (west - _WALK_M, south - _WALK_M, east + _WALK_M, north + _WALK_M)
    ground = surface(terrain, box)
    transform = Affine(ground.cell_m, 0, ground.left, 0, -ground.cell_m, ground.top)
    tags = {
        "county": f"{results.county.name} {results.county.adcode}",
        "date": results.run_date,
        "marks": "；".join(mark.get(results.lang) for mark in results.marks),
    }
    return [
        write_cog(
            values, transform, ground.crs, folder / f"{name}.tif",
            title=title.get(results.lang), unit=unit, tags=tags,
        )
        for name, title, unit, values in _bands(results, ground)
    ]  # fmt: skip


def _bands(results: Results, ground: Surface) -> Iterator[tuple[str, Text, str, np.ndarray]]:
    from qianwan_gis.network.travel_surface import travel_minutes

    yield "height", Text("高程", "height"), "m", ground.heights
    if results.disclosure.slopes:
        yield "slope", Text("坡度", "slope"), "°", slope(ground)
    if not results.disclosure.isochrones:
        return
    known = {(service.service, service.tier): service for service in services()}
    for key in services_of(results):
        own = results.facilities
        own = own[(own["service"] == key[0]) & (own["tier"] == key[1])]
        service = known.get(key)
        if service is None or service.unit != "min" or own.empty:
            continue
        title = service_title(*key)
        mode = results.choices.apply(service).mode
        minutes = travel_minutes(
            results.network, own, ground, mode=mode, standards=results.standards
        )
        yield (
            f"minutes_{key[0]}_{key[1]}",
            Text(f"到{title.zh}的时间", f"time to {title.en}"),
            "min",
            minutes,
        )


def slope(ground: Surface) -> np.ndarray:
    """Steepest slope in degrees (Horn 1981); NaN where one of the nine cells has no height."""
    z = np.pad(ground.heights, 1, constant_values=np.nan)
    rows, cols = ground.heights.shape

    def shifted(row: int, col: int) -> np.ndarray:
        return z[1 + row : 1 + row + rows, 1 + col : 1 + col + cols]

    def side(row: int, col: int) -> np.ndarray:
        """The three cells on one side, the middle one twice."""
        total: np.ndarray = (
            shifted(row + col, col + row) + 2 * shifted(row, col) + shifted(row - col, col - row)
        )
        return total

    east = (side(0, 1) - side(0, -1)) / (8 * ground.cell_m)
    north = (side(-1, 0) - side(1, 0)) / (8 * ground.cell_m)
    degrees: np.ndarray = np.degrees(np.arctan(np.hypot(east, north)))
    degrees[np.isnan(ground.heights)] = np.nan
    return degrees
