"""Reading pieces of large rasters over the network, by Range requests.

Only the blocks of the county travel (GDAL's ``/vsicurl/``, through rasterio). An address may also
be a folder or file of one's own.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import numpy as np

from qianwan_gis import _io
from qianwan_gis._errors import UnavailableError
from qianwan_gis._text import Text

_TRIES = 4


class NoSuchFileError(Exception):
    """The server is there but has no such file (a DEM has no tiles of the sea)."""


def window(
    address: str,
    bounds: tuple[float, float, float, float],
    *,
    service: str,
    folder: Path,
    pause: float = 2.0,
    timeout: float = 60.0,
) -> Path | None:
    """Copy the part of a raster within bounds into a file of the cache, and return that.

    Parameters
    ----------
    address
        ``http(s)://`` address or path of a raster in degrees (WGS 84).
    bounds
        West, south, east, north in degrees; whole cells are taken.
    service
        Name for messages.
    folder
        Cache; a piece that is there already is not asked for again.
    pause, timeout
        Seconds before the second try (doubling), and seconds to wait for one request.

    Returns
    -------
    The file; ``None`` when the raster does not reach into the bounds.

    Raises
    ------
    NoSuchFileError
        The server says that there is no such file.
    UnavailableError
        No usable answer after all tries.
    """
    name = hashlib.sha256(f"{address}|{bounds}".encode()).hexdigest()
    path = folder / f"{name}.tif"
    if path.is_file():
        return path
    remote = address.startswith(("http://", "https://"))
    source = f"/vsicurl/{address}" if remote else address
    cause = ""
    for attempt in range(_TRIES):
        try:
            data = _read(source, bounds, timeout)
        except NoSuchFileError:
            raise
        except OSError as error:
            cause = _reason(error, address)
        else:
            if data is None:
                return None
            return _io.write_bytes(path, data)
        if attempt + 1 < _TRIES:
            time.sleep(pause * 2**attempt)
    raise UnavailableError(
        Text(f"{service}没有可用的回答：{cause}", f"no usable answer from {service}: {cause}")
    )


def _read(source: str, bounds: tuple[float, float, float, float], timeout: float) -> bytes | None:
    """Read a window and return it as the bytes of a GeoTIFF."""
    import rasterio
    from rasterio.errors import RasterioIOError
    from rasterio.io import MemoryFile
    from rasterio.windows import Window

    settings: dict[str, Any] = {
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # no guessing of side files
        "GDAL_HTTP_TIMEOUT": str(timeout),
        "GDAL_HTTP_CONNECTTIMEOUT": str(min(timeout, 20.0)),
        "GDAL_HTTP_MAX_RETRY": "0",  # tries are counted outside, where they can be told
        "CPL_VSIL_CURL_NON_CACHED": "/vsicurl/",  # a failure must not be remembered
        "GDAL_HTTP_USERAGENT": "qianwan-gis",
    }
    with rasterio.Env(**settings):
        try:
            raster = rasterio.open(source)
        except RasterioIOError as error:
            if "404" in str(error) or "No such file" in str(error):
                raise NoSuchFileError(str(error)) from error
            raise
        with raster:
            step = raster.transform
            if step.b or step.d or not (step.a > 0 > step.e):
                raise RasterioIOError("the raster is rotated or has no georeference")
            west, south, east, north = bounds
            row0 = max(0, int(np.floor((north - step.f) / step.e)))
            col0 = max(0, int(np.floor((west - step.c) / step.a)))
            row1 = min(raster.height, int(np.ceil((south - step.f) / step.e)))
            col1 = min(raster.width, int(np.ceil((east - step.c) / step.a)))
            if row1 <= row0 or col1 <= col0:
                return None
            piece = Window(col0, row0, col1 - col0, row1 - row0)
            values = raster.read(1, window=piece)
            profile = {
                "driver": "GTiff", "height": piece.height, "width": piece.width, "count": 1,
                "dtype": raster.dtypes[0], "crs": raster.crs, "nodata": raster.nodata,
                "transform": moved(step, row0, col0), "compress": "deflate",
            }  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(**profile) as file:
            file.write(values, 1)
        memory.seek(0)
        return bytes(memory.read())


def _reason(error: OSError, address: str) -> str:
    """What went wrong, without the address (it may carry a key)."""
    cause = error.__cause__ if error.__cause__ is not None else error
    text = str(cause).replace(f"/vsicurl/{address}", "").replace(address, "")
    return (text.strip(" ':,.") or type(error).__name__)[:160]


def moved(transform: Any, row: int, col: int) -> Any:
    """Transform of the part of a north-up grid that starts at a row and column."""
    from affine import Affine

    return Affine(transform.a, 0.0, transform.c + col * transform.a,
                  0.0, transform.e, transform.f + row * transform.e)  # fmt: skip


def project(
    pieces: list[Path], target: Any, bounds: tuple[float, float, float, float], cell_m: float
) -> tuple[Any, Any]:
    """Bring pieces with heights into one grid of a projected CRS, bilinear between cell centres.

    Parameters
    ----------
    pieces
        Files in degrees. Those with the same cells are joined first, so that no seam shows
        (GLO-30 has wider cells north of 50°).
    bounds
        Left, bottom, right, top of the result in ``target``.

    Returns
    -------
    Heights as float32 with -9999 where there are none, and their transform.
    """
    from affine import Affine
    from rasterio.warp import Resampling, reproject

    left, top = np.floor(bounds[0] / cell_m) * cell_m, np.ceil(bounds[3] / cell_m) * cell_m
    width = int(np.ceil((bounds[2] - left) / cell_m))
    height = int(np.ceil((top - bounds[1]) / cell_m))
    made = Affine(cell_m, 0.0, float(left), 0.0, -cell_m, float(top))
    out = np.full((height, width), -9999.0, dtype=np.float32)
    for array, transform, crs in _joined(pieces):
        part = np.full_like(out, -9999.0)
        reproject(
            array, part, src_transform=transform, src_crs=crs, src_nodata=-9999.0,
            dst_transform=made, dst_crs=target.to_wkt(), dst_nodata=-9999.0,
            resampling=Resampling.bilinear,
        )  # fmt: skip
        out = np.where(out == -9999.0, part, out)
    return out, made


def _joined(pieces: list[Path]) -> list[tuple[Any, Any, Any]]:
    """Join pieces of one grid into one array each; -9999 where there is no height."""
    import rasterio

    groups: dict[tuple[float, float, str], list[tuple[Any, Any]]] = {}
    for piece in pieces:
        with rasterio.open(piece) as file:
            values = file.read(1, masked=True).astype(np.float32).filled(np.float32(-9999.0))
            step = file.transform
            key = (round(step.a, 12), round(step.e, 12), file.crs.to_wkt())
            groups.setdefault(key, []).append((values, step))
    out = []
    for (_, _, crs), group in sorted(groups.items(), key=lambda item: item[0]):
        first = group[0][1]
        west = min(step.c for _, step in group)
        north = max(step.f for _, step in group)
        corner = moved(first, round((north - first.f) / first.e), round((west - first.c) / first.a))
        places = [
            (round((step.f - corner.f) / first.e), round((step.c - corner.c) / first.a), values)
            for values, step in group
        ]
        rows = max(row + values.shape[0] for row, _, values in places)
        cols = max(col + values.shape[1] for _, col, values in places)
        array = np.full((rows, cols), -9999.0, dtype=np.float32)
        for row, col, values in places:
            array[row : row + values.shape[0], col : col + values.shape[1]] = values
        out.append((array, corner, crs))
    return out


def write(path: Path, array: Any, transform: Any, crs: Any, nodata: float) -> Path:
    """Write one band as a compressed, tiled GeoTIFF, whole or not at all."""
    from rasterio.io import MemoryFile

    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", height=array.shape[0], width=array.shape[1], count=1, crs=crs,
            dtype=array.dtype.name, transform=transform, nodata=nodata, tiled=True, blockxsize=256,
            blockysize=256, compress="deflate", predictor=3,
        ) as file:  # fmt: skip
            file.write(array, 1)
        memory.seek(0)
        return _io.write_bytes(path, memory.read())
