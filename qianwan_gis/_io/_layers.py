"""Vector layers, and tables with positions."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qianwan_gis import datum as _datum
from qianwan_gis._errors import DataError, ProblemLog
from qianwan_gis._io._columns import rename_columns
from qianwan_gis._io._files import missing
from qianwan_gis._io._tables import is_blank, read_table, to_numbers
from qianwan_gis._text import Text

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

_KINDS = {
    "Point": Text("点", "Point"),
    "LineString": Text("线", "LineString"),
    "Polygon": Text("面", "Polygon"),
}
_TABLE_SUFFIXES = {".csv", ".txt", ".tsv", ".xlsx"}
_OFFICE_SUFFIXES = {".xls", ".et", ".doc", ".docx", ".wps", ".pdf"}
_LAYER_SUFFIXES = {".gpkg", ".shp", ".geojson", ".json", ".fgb", ".parquet", ".kml", ".gml"}


def read_layer(
    path: Path,
    *,
    layer: str | None = None,
    crs: str | None = None,
    datum: str = "wgs84",
    encoding: str | None = None,
    columns: Mapping[str, str] | None = None,
    kind: str | None = None,
    guesses: tuple[str, ...] | None = None,
    log: ProblemLog | None = None,
) -> gpd.GeoDataFrame:
    """Read a vector layer, or a table with longitude and latitude, in our column names.

    Parameters
    ----------
    path
        GeoPackage, Shapefile, GeoJSON, FlatGeobuf, GeoParquet, KML, one of them in a ZIP, or
        CSV/XLSX with positions.
    layer
        Layer or sheet name; the only or first one by default.
    crs
        CRS of a file that carries none. It never overrides one that the file states.
    datum
        ``wgs84`` (also CGCS2000), ``gcj02`` or ``bd09``: converted on reading; geographic only.
    columns
        ``{our name: their name}``; usual names are guessed beside it.
    kind
        ``Point``, ``LineString`` or ``Polygon``: other kinds are errors; multi-part is allowed.
    log
        Collects all faults; without it they raise `DataError` at the end.

    Returns
    -------
    geopandas.GeoDataFrame
        Good rows only, in the file's CRS (WGS 84 after a datum conversion); the index is the row
        of a layer from 0, of a table as in `read_table`.
    """
    import geopandas as gpd

    path = Path(path)
    own = log if log is not None else ProblemLog()
    before = len(own.errors)
    frame = _read_features(path, layer, crs, encoding, columns, guesses, own)
    if frame is not None:
        frame = _drop_bad_geometry(frame, path.name, kind, own)
        if datum not in ("wgs84", "cgcs2000"):
            frame = _convert_datum(frame, datum, path.name, own)
    if log is None and len(own.errors) > before:
        raise DataError(own.problems)
    if frame is None:
        frame = gpd.GeoDataFrame({"geometry": []}, geometry="geometry", crs=_datum.WGS84)
    return frame


def _read_features(
    path: Path,
    layer: str | None,
    crs: str | None,
    encoding: str | None,
    columns: Mapping[str, str] | None,
    guesses: tuple[str, ...] | None,
    log: ProblemLog,
) -> gpd.GeoDataFrame | None:
    suffix = path.suffix.lower()
    if missing(path, log):
        return None
    if suffix in _TABLE_SUFFIXES:
        return _points_from_table(path, layer, crs, encoding, columns, guesses, log)
    if suffix not in _LAYER_SUFFIXES and suffix != ".zip":
        log.add(
            "error",
            "unknown_format",
            f"不支持的格式“{suffix}”",
            f"unsupported format “{suffix}”",
            file=path.name,
            fix=(
                ("用 Excel 或 WPS 另存为 .xlsx", "save it as .xlsx")
                if suffix in _OFFICE_SUFFIXES
                else (
                    "请转为 GeoPackage、Shapefile 或 GeoJSON",
                    "convert it to GeoPackage, Shapefile or GeoJSON",
                )
            ),
        )
        return None
    if suffix == ".zip":
        with tempfile.TemporaryDirectory() as folder:
            inside = _unpacked(path, Path(folder), log)
            frame = (
                None if inside is None else _open_vector(inside, layer, encoding, log, path.name)
            )
    else:
        frame = _open_vector(path, layer, encoding, log, path.name)
    if frame is None:
        return None
    if len(frame) == 0:
        log.add("error", "empty_layer", "图层没有要素", "the layer has no features", file=path.name)
        return None
    if frame.crs is None:
        if crs is None:
            log.add(
                "error",
                "no_crs",
                "图层没有坐标系",
                "the layer has no coordinate system",
                file=path.name,
                fix=(
                    "补上 .prj，或在 county.toml 中写明 crs",
                    "add the .prj or state crs in county.toml",
                ),
            )
            return None
        known = _crs_of(crs, path.name, log)
        if known is None:
            return None
        frame = frame.set_crs(known)
    frame = rename_columns(frame, columns, log, file=path.name, guesses=guesses)
    if frame.geometry.name != "geometry":
        frame = frame.rename_geometry("geometry")
    return frame


def _crs_of(crs: Any, file: str, log: ProblemLog) -> Any:
    """Return the CRS that a county file states; None, and a fault, when there is no such."""
    import pyproj

    try:
        return pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError:
        log.add(
            "error", "bad_crs", f"坐标系“{crs}”无法识别", f"the coordinate system “{crs}” is not known",
            file=file, field="crs",
            fix=("写 EPSG 代码，如 EPSG:4490、EPSG:4547", "give an EPSG code, such as EPSG:4490"),
        )  # fmt: skip
        return None


def _unpacked(path: Path, folder: Path, log: ProblemLog) -> Path | None:
    """Unpack the one layer that an archive holds; its faults are told of the archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            files = [
                i for i in archive.infolist() if not i.is_dir() and "__MACOSX" not in i.filename
            ]
            found = [i for i in files if Path(i.filename).suffix.lower() in _LAYER_SUFFIXES]
            if len(found) == 1:
                stem = Path(found[0].filename).with_suffix("").as_posix()
                for info in files:
                    name = Path(info.filename)
                    if name.with_suffix("").as_posix() == stem:
                        (folder / f"layer{name.suffix.lower()}").write_bytes(archive.read(info))
                return folder / f"layer{Path(found[0].filename).suffix.lower()}"
            there = "、".join(i.filename for i in found) or "无"
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError):
        log.add(
            "error", "damaged_file", "压缩包已损坏或加了密码", "the archive is damaged or has a password",
            file=path.name, fix=("解压后使用其中的图层", "unpack it and name the layer inside"),
        )  # fmt: skip
        return None
    log.add(
        "error", "unknown_format", f"压缩包里应有一个图层，现有：{there}",
        f"the archive must hold one layer; there are: {there}", file=path.name,
        fix=("解压后写明用哪一个", "unpack it and say which one"),
    )  # fmt: skip
    return None


def _open_vector(
    path: Path, layer: str | None, encoding: str | None, log: ProblemLog, file: str
) -> gpd.GeoDataFrame | None:
    import geopandas as gpd
    import pyogrio

    if path.suffix.lower() == ".gpkg" and not _sqlite_is_whole(path):
        log.add(
            "error",
            "damaged_file",
            "GeoPackage 已损坏或不完整",
            "the GeoPackage is damaged or truncated",
            file=file,
            fix=("重新复制原文件", "copy the original again"),
        )
        return None
    if path.suffix.lower() == ".shp":
        missing = [
            s
            for s in (".dbf", ".shx")
            if not path.with_suffix(s).is_file() and not path.with_suffix(s.upper()).is_file()
        ]
        if missing:
            log.add(
                "error",
                "damaged_file",
                f"Shapefile 缺少配套文件：{'、'.join(missing)}",
                f"the Shapefile lacks: {', '.join(missing)}",
                file=file,
                fix=(
                    "把同名的各个文件（.shp .shx .dbf .prj）一起复制过来",
                    "copy all files of that name (.shp .shx .dbf .prj)",
                ),
            )
            return None
        encoding = encoding or _dbf_encoding(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on field widths or NaN are not faults
            if path.suffix.lower() == ".parquet":
                return gpd.read_parquet(path)
            return pyogrio.read_dataframe(path, layer=layer, encoding=encoding)
    except UnicodeDecodeError:
        log.add(
            "error",
            "encoding",
            f"文字无法按{encoding or 'UTF-8'}解码",
            f"text cannot be decoded as {encoding or 'UTF-8'}",
            file=file,
            fix=(
                "在 county.toml 中写明 encoding，如 gb18030",
                "state encoding in county.toml, such as gb18030",
            ),
        )
    except Exception as error:  # drivers raise many kinds for damaged files
        there = _layers_of(path)
        if layer is not None and there and layer not in there:
            log.add(
                "error", "missing_layer", f"没有图层“{layer}”，现有：{'、'.join(there)}",
                f"no layer “{layer}”; there are: {', '.join(there)}", file=file, field="layer",
            )  # fmt: skip
            return None
        reason = str(error).replace(str(path), file).replace(str(path.parent), "")
        log.add(
            "error",
            "damaged_file",
            "无法读取，文件可能已损坏或不完整",
            f"cannot be read: {reason}",
            file=file,
            fix=(
                "检查文件是否完整、图层名是否正确",
                "check that the file is whole and the layer's name right",
            ),
        )
    return None


def _layers_of(path: Path) -> list[str]:
    import pyogrio

    try:
        return [str(name) for name in pyogrio.list_layers(path)[:, 0]]
    except Exception:  # a file that cannot be opened has none
        return []


def _sqlite_is_whole(path: Path) -> bool:
    """Tell whether an SQLite file has all its pages; a truncated one otherwise reads as fewer rows."""
    data = path.read_bytes()[:100]
    if not data.startswith(b"SQLite format 3\0") or len(data) < 100:
        return False
    page = int.from_bytes(data[16:18], "big")
    page = 65536 if page == 1 else page
    if int.from_bytes(data[28:32], "big") * page > path.stat().st_size:
        return False
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        ) as db:
            return bool(db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.DatabaseError:
        return False


def _dbf_encoding(path: Path) -> str | None:
    """Choose a Shapefile's encoding from its bytes, since ``.cpg`` is often missing or wrong."""
    dbf = next(p for p in (path.with_suffix(".dbf"), path.with_suffix(".DBF")) if p.is_file())
    data = dbf.read_bytes()
    start = int.from_bytes(data[8:10], "little")
    names = b"".join(data[32 + 32 * i : 43 + 32 * i] for i in range(max(0, (start - 33) // 32)))
    sample = names + data[start:]
    if sample.isascii():
        return None
    for candidate in ("utf-8", "gb18030"):
        try:
            sample.decode(candidate)
        except UnicodeDecodeError:
            continue
        return candidate
    return None


def _points_from_table(
    path: Path,
    sheet: str | None,
    crs: str | None,
    encoding: str | None,
    columns: Mapping[str, str] | None,
    guesses: tuple[str, ...] | None,
    log: ProblemLog,
) -> gpd.GeoDataFrame | None:
    before = len(log.errors)
    table = read_table(path, sheet=sheet, encoding=encoding, log=log)
    if len(log.errors) > before:
        return None
    if table.empty:
        log.add("error", "empty_layer", "表中没有数据行", "the table has no rows", file=path.name)
        return None
    table = rename_columns(table, columns, log, file=path.name, guesses=guesses)
    missing = [name for name in ("lon", "lat") if name not in table.columns]
    if missing:
        log.add(
            "error",
            "missing_column",
            f"缺少坐标字段：{'、'.join(missing)}",
            f"coordinate columns are missing: {', '.join(missing)}",
            file=path.name,
            fix=(
                "加上经度、纬度两列，或在 county.toml 写明对照",
                "add lon and lat, or map them in county.toml",
            ),
        )
        return None
    return _points(table, crs, path.name, log)


def points_of(
    table: pd.DataFrame, file: str, *, crs: str | None, datum: str, log: ProblemLog
) -> gpd.GeoDataFrame:
    """Make points of a table's ``lon`` and ``lat`` as `read_layer` does; good rows only."""
    import geopandas as gpd

    frame = _points(table, crs, file, log) if len(table) else None
    if frame is None:
        return gpd.GeoDataFrame({"geometry": []}, geometry="geometry", crs=_datum.WGS84)
    frame = _drop_bad_geometry(frame, file, "Point", log)
    return frame if datum in ("wgs84", "cgcs2000") else _convert_datum(frame, datum, file, log)


def _points(
    table: pd.DataFrame, crs: str | None, file: str, log: ProblemLog
) -> gpd.GeoDataFrame | None:
    import geopandas as gpd

    known = _crs_of(crs or _datum.WGS84, file, log)
    if known is None:
        return None
    good = np.ones(len(table), dtype=bool)
    xy = {}
    for name in ("lon", "lat"):
        xy[name] = to_numbers(table[name])
        odd = np.isnan(xy[name]) & ~is_blank(table[name])
        good &= ~odd
        for row in np.flatnonzero(odd):
            text = table[name].iloc[row].strip()
            log.add(
                "error",
                "not_a_number",
                f"“{text}”不是数字",
                f"“{text}” is not a number",
                file=file,
                row=int(table.index[row]) + 2,
                field=name,
            )
    points = gpd.points_from_xy(xy["lon"], xy["lat"])
    return gpd.GeoDataFrame(table, geometry=points, crs=known)[good]


def _drop_bad_geometry(
    frame: gpd.GeoDataFrame, file: str, kind: str | None, log: ProblemLog
) -> gpd.GeoDataFrame:
    """Record null, empty, NaN, (0, 0) and wrong-kind geometries by row; keep the good rows."""
    import shapely

    geometry = frame.geometry.to_numpy()
    is_table = Path(file).suffix.lower() in _TABLE_SUFFIXES
    null = np.array([g is None for g in geometry])
    empty = ~null & shapely.is_empty(geometry)
    bounds = shapely.bounds(geometry)
    # bounds skip NaN vertices, so each coordinate is looked at
    coordinates, owner = shapely.get_coordinates(geometry, return_index=True)
    nan = np.zeros(len(frame), dtype=bool)
    nan[owner[~np.isfinite(coordinates).all(axis=1)]] = True
    if is_table:  # an empty cell reads as an empty point
        empty |= nan
        nan &= False
    origin = ~null & ~empty & ~nan & (bounds == 0).all(axis=1)
    wrong = np.zeros(len(frame), dtype=bool)
    if kind is not None:
        types = frame.geom_type.to_numpy()
        wrong = ~null & ~empty & ~np.isin(types, [kind, f"Multi{kind}"])
    far = np.zeros(len(frame), dtype=bool)
    if frame.crs is not None and frame.crs.is_geographic:
        beyond = np.abs(bounds) > [180.0, 90.0, 180.0, 90.0]
        far = ~null & ~empty & ~nan & beyond.any(axis=1)
    said = _KINDS.get(kind or "", Text(str(kind), str(kind)))
    position = ("补上坐标或删去该行", "supply the position or remove the row")
    faults: list[tuple[Any, str, str, str, tuple[str, str]]] = [
        (null, "null_geometry", "没有几何", "no geometry", position),
        (empty, "empty_geometry", "几何或坐标为空", "the geometry is empty", position),
        (nan, "nan_geometry", "坐标含非数值(NaN)", "a coordinate is NaN", position),
        (origin, "zero_position", "坐标为(0, 0)", "the position is (0, 0)", position),
        (wrong, "wrong_geometry", f"几何类型不是{said.zh}", f"the geometry is not a {said.en}",
         (f"换成{said.zh}图层，或删去该要素", f"supply a layer of {said.en}, or remove the feature")),
        (far, "bad_coordinate", "超出经纬度的范围", "beyond the range of longitude and latitude",
         ("检查经度、纬度是否写反；若是投影坐标，写明 crs",
          "check whether longitude and latitude are swapped; state crs if they are metres")),
    ]  # fmt: skip
    # frames of tables are numbered by the file's row, those of layers from 0
    for mask, code, zh, en, fix in faults:
        for row in np.flatnonzero(mask):
            log.add(
                "error",
                code,
                zh,
                en,
                file=file,
                row=int(frame.index[row]) + (2 if is_table else 1),
                field="geometry",
                fix=fix,
            )
    return frame[~(null | empty | nan | origin | wrong | far)]


def _convert_datum(
    frame: gpd.GeoDataFrame, datum: str, file: str, log: ProblemLog
) -> gpd.GeoDataFrame:
    import shapely

    if frame.crs is None or not frame.crs.is_geographic:
        log.add(
            "error",
            "projected_datum",
            f"{datum} 坐标只能是经纬度，文件却是投影坐标",
            f"{datum} is only defined for longitude and latitude, the file is projected",
            file=file,
            fix=("先转为经纬度，或改正 datum", "convert to longitude/latitude or mend datum"),
        )
        return frame

    def convert(coordinates: np.ndarray) -> np.ndarray:
        x, y = _datum.transform(coordinates[:, 0], coordinates[:, 1], datum, "wgs84")
        return np.column_stack([x, y])

    geometry = shapely.transform(frame.geometry.to_numpy(), convert)
    return frame.set_geometry(geometry).set_crs(_datum.WGS84, allow_override=True)
