"""Cloud-optimised GeoTIFF: rasters that open at once, tiled and with overviews."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from qianwan_gis import _io
from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text


def write_cog(
    values: np.ndarray,
    transform: Any,
    crs: Any,
    path: Path | str,
    *,
    title: str,
    unit: str = "",
    nodata: float | None = None,
    tags: Mapping[str, str] | None = None,
) -> Path:
    """Write one band as a cloud-optimised GeoTIFF.

    Parameters
    ----------
    values
        Array of shape (rows, columns); float64 is stored as float32.
    transform
        Affine transform of the upper left corner, from (column, row) to ground units.
    crs
        Anything that rasterio takes as a CRS.
    path
        File to write; replaced whole.
    title, unit
        Description and unit of the band; Chinese is kept.
    nodata
        Value of cells without data; NaN for floats when not given.
    tags
        Further text tags of the file.

    Returns
    -------
    Path
        The file. The same input gives the same bytes.
    """
    import rasterio
    from rasterio.io import MemoryFile
    from rasterio.shutil import copy

    if values.ndim != 2 or not values.size:
        raise UsageError(
            Text(
                f"栅格须为非空二维数组，现为{values.shape}",
                f"a raster must be a two-dimensional array, not {values.shape}",
            )
        )
    stored = values.astype("float32") if values.dtype == np.float64 else values
    if nodata is None and np.issubdtype(stored.dtype, np.floating):
        nodata = float("nan")
    with MemoryFile() as draft, MemoryFile() as final:
        with draft.open(
            driver="GTiff",
            height=stored.shape[0],
            width=stored.shape[1],
            count=1,
            dtype=stored.dtype,
            crs=rasterio.CRS.from_user_input(crs),
            transform=transform,
            nodata=nodata,
        ) as band:
            band.write(stored, 1)
            band.set_band_description(1, title)
            band.set_band_unit(1, unit)
            band.update_tags(**(tags or {}))
        predictor = "FLOATING_POINT" if np.issubdtype(stored.dtype, np.floating) else "STANDARD"
        copy(
            draft.name,
            final.name,
            driver="COG",
            compress="DEFLATE",
            predictor=predictor,
            blocksize=512,
            overview_resampling="average" if predictor == "FLOATING_POINT" else "nearest",
        )
        return _io.write_bytes(Path(path), final.read())
