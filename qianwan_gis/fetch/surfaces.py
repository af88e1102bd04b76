"""Heights (Copernicus GLO-30) and modelled population (WorldPop), cut to a county."""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from qianwan_gis import datum
from qianwan_gis._errors import DataError, Problem, UnavailableError
from qianwan_gis._text import Text
from qianwan_gis.county import County
from qianwan_gis.fetch import rasters
from qianwan_gis.fetch._county import (
    Fetched,
    Source,
    cache_folder,
    outline,
    record,
    today,
    unavailable,
)
from qianwan_gis.fetch.overpass import Progress, is_near

DEM_ENVIRONMENT = "QIANWAN_DEM_URL"
DEM_URL = "https://copernicus-dem-30m.s3.amazonaws.com"
DEM_SOURCE = Source(
    Text("数字表面模型（30 m）", "digital surface model, 30 m"),
    "Copernicus DEM GLO-30",
    "Copernicus DEM 免费基本许可（full, free and open）",
    "© DLR e.V. 2010-2014 and © Airbus Defence and Space GmbH 2014-2018 provided under COPERNICUS "
    "by the European Union and ESA; all rights reserved",
)
POPULATION_ENVIRONMENT = "QIANWAN_POPULATION_URL"
POPULATION_YEAR = 2025
POPULATION_URL = (
    "https://data.worldpop.org/GIS/Population/Global_2015_2030/R2025A/2025/CHN/v1/100m/constrained/"
    "chn_pop_2025_CN_100m_R2025A_v1.tif"
)
POPULATION_SOURCE = Source(
    Text("人口格网（100 m，模型估计）", "population grid, 100 m, modelled"),
    "WorldPop Global 2 R2025A",
    "CC BY 4.0",
    "WorldPop (www.worldpop.org), doi:10.5258/SOTON/WP00839",
)


def dem(
    county: County,
    folder: Path,
    *,
    buffer_m: float = 3000.0,
    url: str | None = None,
    cell_m: float = 30.0,
    cache: Path | None = None,
    refresh: bool = False,
    pause: float | None = None,
    timeout: float = 60.0,
    progress: Progress | None = None,
) -> Fetched:
    """Fetch heights into ``boundaries/dem.tif``: metres, projected, float32, nodata -9999.

    Parameters
    ----------
    county, folder, buffer_m, cache, refresh, pause, progress
        As for `roads`.
    url
        Server or folder of the 1° tiles (``<tile>/<tile>.tif``), or an address with ``{tile}``;
        ``QIANWAN_DEM_URL``, then the public bucket, when None.
    cell_m
        Cell of the result. The 1" cells are brought into the county's zone by bilinear resampling.
    timeout
        Seconds to wait for one request.

    Raises
    ------
    UnavailableError
        No network or no usable answer; says what to put by hand instead.
    DataError
        There is no tile of the area.
    """
    import geopandas as gpd

    address = url or os.environ.get(DEM_ENVIRONMENT) or DEM_URL
    area = outline(county, buffer_m)
    box = gpd.GeoSeries([shapely.box(*area.total_bounds).segmentize(5000.0)], crs=area.crs)
    west, south, east, north = (float(v) for v in box.to_crs(datum.WGS84).total_bounds)
    # a little more than asked, so that bilinear resampling has neighbours at the edge
    bounds = (west - 0.002, south - 0.002, east + 0.002, north + 0.002)
    room = cache_folder(county, "dem", cache, refresh=refresh)
    names = list(_tiles(bounds))
    pieces, absent = [], []
    for number, name in enumerate(names):
        try:
            piece = rasters.window(
                _tile_address(address, name), bounds, service=DEM_SOURCE.name, folder=room,
                pause=_pause(pause, address), timeout=timeout,
            )  # fmt: skip
        except rasters.NoSuchFileError:
            absent.append(name)
        except UnavailableError as error:
            raise unavailable(
                error,
                Text("取得覆盖本县的 GeoTIFF 高程（任何来源，平面坐标更好），放入 boundaries/dem.tif，"
                     "在 county.toml 写 [terrain] path；也可用 QIANWAN_DEM_URL 指向内网镜像",
                     "put a GeoTIFF with heights of the county (any source, projected is better) into "
                     "boundaries/dem.tif and name it in county.toml under [terrain]; or set "
                     "QIANWAN_DEM_URL to a mirror on the intranet"),
            ) from error  # fmt: skip
        else:
            pieces += [piece] if piece is not None else []
        if progress is not None:
            progress(number + 1, len(names))
    if not pieces:
        raise DataError(
            Problem("no_tile", "error",
                    Text(f"没有这一带的高程块：{'、'.join(names)}", f"there are no tiles {', '.join(names)}"),
                    fix=Text("核对 QIANWAN_DEM_URL", "check QIANWAN_DEM_URL"))
        )  # fmt: skip
    left, bottom, right, top = (float(v) for v in area.total_bounds)
    heights, projected = rasters.project(pieces, area.crs, (left, bottom, right, top), cell_m)
    path = rasters.write(
        folder / "boundaries" / "dem.tif", heights, projected, area.crs.to_wkt(), -9999.0
    )
    cells = int((heights != -9999.0).sum())
    record(folder, "dem", DEM_SOURCE, [(path, cells)], date="2021", address=address,
           buffer_m=buffer_m)  # fmt: skip
    snippet = (
        f'[terrain]\npath = "boundaries/dem.tif"\nsource = "{DEM_SOURCE.name}"\n'
        f'licence = "{DEM_SOURCE.attribution}"\ndate = "2021"\n'
    )
    notes = [
        Text("这是表面模型：树顶和屋顶算在内，不是裸地",
             "a surface model: treetops and roofs count, it is not the bare ground")
    ]  # fmt: skip
    if absent:
        notes.insert(
            0, Text(f"缺少高程块（海上无块）：{'、'.join(absent)}",
                    f"tiles that do not exist (the sea has none): {', '.join(absent)}")
        )  # fmt: skip
    return Fetched("dem", [path], {path.name: cells}, "2021", snippet, notes)


def population(
    county: County,
    folder: Path,
    *,
    buffer_m: float = 3000.0,
    url: str | None = None,
    cache: Path | None = None,
    refresh: bool = False,
    pause: float | None = None,
    timeout: float = 120.0,
    progress: Progress | None = None,
) -> Fetched:
    """Fetch modelled people per 100 m cell into ``boundaries/population.tif`` (native grid).

    Cells are cut, never resampled: counts would not add up any more. The file is for looking at
    and for comparing; it never fills a village's population in.

    Parameters
    ----------
    url
        Address or path of the raster; ``QIANWAN_POPULATION_URL``, then WorldPop's of 2025, when
        None. Other parameters as for `dem`.
    """
    address = url or os.environ.get(POPULATION_ENVIRONMENT) or POPULATION_URL
    area = outline(county, buffer_m)
    bounds = tuple(float(v) for v in area.to_crs(datum.WGS84).total_bounds)
    by_hand = Text(
        "从 worldpop.org 下载中国人口格网，裁到本县放入 boundaries/population.tif；"
        "也可用 QIANWAN_POPULATION_URL 指向内网镜像或本机文件",
        "download China's grid from worldpop.org, or set QIANWAN_POPULATION_URL to a mirror or a file",
    )
    try:
        piece = rasters.window(
            address, (bounds[0], bounds[1], bounds[2], bounds[3]), service="WorldPop",
            folder=cache_folder(county, "population", cache, refresh=refresh),
            pause=_pause(pause, address), timeout=timeout,
        )  # fmt: skip
    except UnavailableError as error:
        raise unavailable(error, by_hand) from error
    except rasters.NoSuchFileError:
        missing = Text("WorldPop 的服务器没有这个文件", "WorldPop's server has no such file")
        raise unavailable(UnavailableError(missing), by_hand) from None
    if piece is None:
        raise DataError(
            Problem("no_population", "error",
                    Text("人口格网不覆盖本县", "the population grid does not reach the county"),
                    fix=Text("核对 QIANWAN_POPULATION_URL", "check QIANWAN_POPULATION_URL"))
        )  # fmt: skip
    if progress is not None:
        progress(1, 1)
    values, transform, crs = _people(piece)
    path = rasters.write(folder / "boundaries" / "population.tif", values, transform, crs, -9999.0)
    cells = int((values != -9999.0).sum())
    people = _total(values, transform, outline(county, 0.0).to_crs(datum.WGS84).iloc[0])
    year = str(POPULATION_YEAR) if address == POPULATION_URL else today()
    record(folder, "population", POPULATION_SOURCE, [(path, cells)], date=year, address=address,
           buffer_m=buffer_m)  # fmt: skip
    notes = [
        Text(f"县界内合计约 {people:,.0f} 人：模型估计值，不是户籍或常住人口，不写入村庄人口",
             f"about {people:,.0f} people within the outline: a model's estimate, neither registered "
             "nor resident population, and never written to a village")
    ]  # fmt: skip
    snippet = (
        "# boundaries/population.tif：人口格网（模型估计），仅供查看比对\n"
        "# modelled population, to look at and compare\n"
    )
    return Fetched("population", [path], {path.name: cells}, year, snippet, notes)


def _tiles(bounds: tuple[float, ...]) -> Iterator[str]:
    """Names of the 1° tiles; a tile reaches half a cell to the west and north of its corner."""
    half = 0.5 / 3600.0
    for lat in range(int(np.floor(bounds[1] - half)), int(np.floor(bounds[3])) + 1):
        for lon in range(int(np.floor(bounds[0])), int(np.floor(bounds[2] + half)) + 1):
            yield (
                f"Copernicus_DSM_COG_10_{'N' if lat >= 0 else 'S'}{abs(lat):02d}_00_"
                f"{'E' if lon >= 0 else 'W'}{abs(lon):03d}_00_DEM"
            )


def _tile_address(address: str, name: str) -> str:
    if "{tile}" in address:
        return address.replace("{tile}", name)
    return f"{address.rstrip('/')}/{name}/{name}.tif"


def _pause(given: float | None, address: str) -> float:
    if given is not None:
        return given
    near = urllib.parse.urlsplit(address).scheme not in ("http", "https") or is_near(address)
    return 0.2 if near else 3.0


def _people(piece: Path) -> tuple[Any, Any, Any]:
    """Values of a population piece as float32 with -9999 for no data."""
    import rasterio

    with rasterio.open(piece) as raster:
        values = raster.read(1, masked=True).astype(np.float32)
        return values.filled(np.float32(-9999.0)), raster.transform, raster.crs


def _total(values: Any, transform: Any, shape: Any) -> float:
    """People in the cells whose centre lies in a polygon (degrees)."""
    rows, cols = np.nonzero(values > 0)
    x = transform.c + (cols + 0.5) * transform.a
    y = transform.f + (rows + 0.5) * transform.e
    shapely.prepare(shape)
    inside = shapely.contains_xy(shape, x, y)
    return float(values[rows[inside], cols[inside]].astype(np.float64).sum())
