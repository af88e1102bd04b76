"""Reading and writing files: one door for layers and tables, and writes that are whole or absent.

Faults in a user's file become `Problem` entries that name file, row and field; nothing in here
lets a driver's exception through.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sqlite3
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qianwan_gis import datum as _datum
from qianwan_gis._errors import DataError, ProblemLog, UsageError
from qianwan_gis._text import Text

if TYPE_CHECKING:
    import geopandas as gpd

# What offices call our columns. The first name found wins; a county file's own mapping comes first.
COLUMN_GUESSES: dict[str, tuple[str, ...]] = {
    "code": ("code", "村代码", "行政区划代码", "区划代码", "代码", "XZQDM", "ZLDWDM", "CUNDM"),
    "name": (
        "name",
        "名称",
        "村名",
        "行政村",
        "行政村名",
        "村庄",
        "CUNMC",
        "XZQMC",
        "ZLDWMC",
        "MC",
        "NAME",
        "设施名称",
        "机构名称",
        "路线名称",
        "道路名称",
        "路名",
    ),
    "township": (
        "township",
        "乡镇",
        "乡镇名称",
        "所属乡镇",
        "所在乡镇",
        "镇",
        "XZMC",
        "XIANGMC",
        "XZJ",
    ),
    "population": (
        "population",
        "人口",
        "总人口",
        "户籍人口",
        "常住人口",
        "人口数",
        "RK",
        "RKS",
        "ZRK",
    ),
    "road_class": (
        "road_class",
        "highway",
        "fclass",
        "等级",
        "道路等级",
        "技术等级",
        "公路等级",
        "行政等级",
        "DLDJ",
        "JSDJ",
        "class",
    ),
    "ref": ("ref", "路线编号", "路线代码", "编号", "LXBH", "LXDM"),
    "surface": ("surface", "路面", "路面类型", "LMLX"),
    "oneway": ("oneway", "单行", "单行线"),
    "bridge": ("bridge", "桥梁", "桥"),
    "tunnel": ("tunnel", "隧道"),
    "status": ("status", "状态", "建设状态"),
    "road_id": ("road_id", "osm_id", "道路编码", "BSM"),
    "facility_id": ("facility_id", "设施编号", "机构代码", "编号", "BSM"),
    "capacity": ("capacity", "容量", "规模", "处理能力", "设计规模", "床位", "床位数", "供水规模"),
    "branch": ("branch", "线别", "支线", "路线"),
    "lon": ("lon", "lng", "longitude", "经度", "X", "x"),
    "lat": ("lat", "latitude", "纬度", "Y", "y"),
}

_TABLE_SUFFIXES = {".csv", ".txt", ".tsv", ".xlsx"}
_LAYER_SUFFIXES = {".gpkg", ".shp", ".geojson", ".json", ".fgb", ".parquet", ".kml", ".gml"}


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def decode(data: bytes, *, encoding: str | None = None) -> tuple[str, str]:
    """Decode text as declared, else as UTF-8, else as GB18030.

    Returns the text and the encoding used. Raises ``UnicodeDecodeError`` when none fits.
    """
    for candidate in [encoding] if encoding else ["utf-8-sig", "gb18030"]:
        try:
            return data.decode(candidate), candidate
        except UnicodeDecodeError as error:
            failure = error
    raise failure


def write_bytes(path: Path, data: bytes) -> Path:
    """Write a file so that a reader sees the old one or the new one, never a half."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 text with line feeds, whole or not at all."""
    return write_bytes(path, text.encode("utf-8"))


@contextlib.contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """Offer an empty folder beside ``target`` and put it in place when the block succeeds.

    The last good outputs stay whole until then. A run that is killed leaves a folder whose name
    starts with a dot and ends in ``.part``; the next run removes it. A link to a folder stays a
    link. The folder in which the command runs cannot be swapped and is refused.
    """
    target = Path(target).resolve()
    if Path.cwd().is_relative_to(target):
        raise UsageError(
            Text(
                f"不能写到当前所在的文件夹 {target}：请另给一个文件夹，如 {target / 'out'}",
                f"cannot replace the current folder {target}: give another, such as {target / 'out'}",
            )
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    _recover(target)
    for leftover in target.parent.glob(f".{target.name}.*.part"):
        shutil.rmtree(leftover, ignore_errors=True)
    stage = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part"))
    stage.chmod(0o755)
    try:
        yield stage
        old = stage.with_suffix(".old")
        if target.exists():
            target.replace(old)
        try:
            stage.replace(target)
        except BaseException:
            _recover(target)
            raise
        shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)
        raise


def _recover(target: Path) -> None:
    """Put back the last good folder where a swap stopped between its two renames."""
    for old in target.parent.glob(f".{target.name}.*.old"):
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.replace(target)


def normalise_zip(path: Path, stamp: tuple[int, int, int, int, int, int]) -> None:
    """Rewrite a zip-based file (xlsx, docx, qgz) with one time stamp and a fixed order of members.

    Office libraries put the clock into each member; the same input must give the same bytes.
    """
    path = Path(path)
    with zipfile.ZipFile(path) as source:
        members = [(info, source.read(info)) for info in source.infolist()]
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as stream, zipfile.ZipFile(stream, "w") as target:
        for info, data in members:
            fresh = zipfile.ZipInfo(info.filename, date_time=stamp)
            fresh.compress_type = zipfile.ZIP_DEFLATED
            fresh.external_attr = 0o644 << 16
            target.writestr(fresh, data)
    Path(name).chmod(0o644)
    Path(name).replace(path)


def read_table(
    path: Path,
    *,
    sheet: str | None = None,
    encoding: str | None = None,
    log: ProblemLog | None = None,
) -> pd.DataFrame:
    """Read a CSV or XLSX table with every cell as text (empty cells are ``""``).

    Parameters
    ----------
    path
        ``.csv``, ``.txt``, ``.tsv`` (UTF-8 or GB18030) or ``.xlsx``.
    sheet
        Worksheet name; the first one by default.
    log
        Collects the faults; without it the first fault raises `DataError`.
    """
    path = Path(path)
    own = log if log is not None else ProblemLog()
    table = pd.DataFrame()
    if not path.is_file():
        own.add(
            "error",
            "missing_file",
            f"文件不存在：{path}",
            f"no such file: {path}",
            file=path.name,
            fix=("检查路径，或在 county.toml 中改正", "check the path in county.toml"),
        )
    elif path.stat().st_size == 0:
        own.add("error", "empty_file", "文件为空", "the file is empty", file=path.name)
    elif path.suffix.lower() == ".xlsx":
        table = _read_xlsx(path, sheet, own)
    else:
        table = _read_csv(path, encoding, own)
    if log is None:
        own.raise_errors()
    return table


def _read_csv(path: Path, encoding: str | None, log: ProblemLog) -> pd.DataFrame:
    import csv
    import io

    try:
        text, _ = decode(path.read_bytes(), encoding=encoding)
    except (UnicodeDecodeError, LookupError):
        log.add(
            "error",
            "encoding",
            f"无法按{encoding or 'UTF-8 或 GB18030'}解码",
            f"cannot be decoded as {encoding or 'UTF-8 or GB18030'}",
            file=path.name,
            fix=("用 Excel 或记事本另存为 UTF-8", "save the file as UTF-8"),
        )
        return pd.DataFrame()
    head = text.split("\n", 1)[0]
    delimiter = max(",\t;", key=head.count)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter, strict=True))
    except csv.Error as error:
        log.add(
            "error",
            "bad_csv",
            f"CSV 格式有误：{error}",
            f"not a well-formed CSV: {error}",
            file=path.name,
        )
        return pd.DataFrame()
    if not rows:
        log.add("error", "empty_file", "文件为空", "the file is empty", file=path.name)
        return pd.DataFrame()
    width = len(rows[0])
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != width and any(row):
            log.add(
                "error",
                "ragged_row",
                f"本行有{len(row)}格，表头有{width}格",
                f"this row has {len(row)} cells, the header {width}",
                file=path.name,
                row=number,
                fix=("含逗号的文字应加引号", "quote texts that hold a comma"),
            )
    good = [row for row in rows[1:] if len(row) == width and any(row)]
    return pd.DataFrame(good, columns=[c.strip() for c in rows[0]], dtype="str")


def _read_xlsx(path: Path, sheet: str | None, log: ProblemLog) -> pd.DataFrame:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of styles it drops; only cells matter
            frames = pd.read_excel(path, sheet_name=None, dtype=str, engine="openpyxl")
    except Exception as error:  # openpyxl raises many kinds for damaged files
        log.add(
            "error",
            "bad_xlsx",
            f"无法作为 XLSX 打开（{type(error).__name__}）",
            f"cannot be opened as XLSX ({type(error).__name__})",
            file=path.name,
            fix=("用 Excel 打开并另存为 .xlsx", "open it in Excel and save as .xlsx"),
        )
        return pd.DataFrame()
    if sheet is not None and sheet not in frames:
        log.add(
            "error",
            "missing_sheet",
            f"没有工作表“{sheet}”，现有：{'、'.join(frames)}",
            f"no sheet “{sheet}”; there are: {', '.join(frames)}",
            file=path.name,
        )
        return pd.DataFrame()
    frame = frames[sheet] if sheet is not None else next(iter(frames.values()))
    frame.columns = [str(c).strip() for c in frame.columns]
    return frame.fillna("").astype("str")


def rename_columns(
    table: pd.DataFrame,
    columns: Mapping[str, str] | None,
    log: ProblemLog,
    *,
    file: str,
    guesses: tuple[str, ...] | None = None,
) -> pd.DataFrame:
    """Give a table our column names: the county's own mapping first, then good guesses.

    Parameters
    ----------
    columns
        ``{our name: their name}``; a name that the file lacks is an error.
    guesses
        Which of our names may be guessed (`COLUMN_GUESSES`); all by default.
    """
    renames: dict[str, str] = {}
    for ours, theirs in (columns or {}).items():
        if theirs in table.columns:
            renames[theirs] = ours
        else:
            there = "、".join(str(c) for c in table.columns if c != "geometry")
            log.add(
                "error",
                "missing_column",
                f"没有字段“{theirs}”（对应 {ours}），现有：{there}",
                f"no column “{theirs}” (mapped to {ours}); there are: {there}",
                file=file,
                field=theirs,
                fix=("改正 county.toml 中的字段对照", "mend the mapping in county.toml"),
            )
    taken = set(renames.values()) | {c for c in table.columns if c not in renames}
    for ours, names in COLUMN_GUESSES.items():
        if (guesses is not None and ours not in guesses) or ours in taken:
            continue
        found = next((n for n in names if n in table.columns and n not in renames), None)
        if found is not None:
            renames[found] = ours
            taken.add(ours)
    return table.rename(columns=renames)


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
        GeoPackage, Shapefile, GeoJSON, FlatGeobuf, GeoParquet, KML, or CSV/XLSX with positions.
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
        Good rows only, in the file's CRS (WGS 84 after a datum conversion), index = file row - 1.
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
        frame = gpd.GeoDataFrame({"geometry": []}, geometry="geometry", crs=crs or _datum.WGS84)
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
    if not path.is_file():
        log.add(
            "error",
            "missing_file",
            f"文件不存在：{path}",
            f"no such file: {path}",
            file=path.name,
            fix=("检查路径，或在 county.toml 中改正", "check the path in county.toml"),
        )
        return None
    if suffix in _TABLE_SUFFIXES:
        return _points_from_table(path, layer, crs, encoding, columns, guesses, log)
    if suffix not in _LAYER_SUFFIXES:
        log.add(
            "error",
            "unknown_format",
            f"不支持的格式“{suffix}”",
            f"unsupported format “{suffix}”",
            file=path.name,
            fix=(
                "请转为 GeoPackage、Shapefile 或 GeoJSON",
                "convert it to GeoPackage, Shapefile or GeoJSON",
            ),
        )
        return None
    frame = _open_vector(path, layer, encoding, log)
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
        frame = frame.set_crs(crs)
    frame = rename_columns(frame, columns, log, file=path.name, guesses=guesses)
    if frame.geometry.name != "geometry":
        frame = frame.rename_geometry("geometry")
    return frame


def _open_vector(
    path: Path, layer: str | None, encoding: str | None, log: ProblemLog
) -> gpd.GeoDataFrame | None:
    import geopandas as gpd
    import pyogrio

    if path.suffix.lower() == ".gpkg" and not _sqlite_is_whole(path):
        log.add(
            "error",
            "damaged_file",
            "GeoPackage 已损坏或不完整",
            "the GeoPackage is damaged or truncated",
            file=path.name,
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
                file=path.name,
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
            file=path.name,
            fix=(
                "在 county.toml 中写明 encoding，如 gb18030",
                "state encoding in county.toml, such as gb18030",
            ),
        )
    except Exception as error:  # drivers raise many kinds for damaged files
        reason = str(error).replace(str(path), path.name).replace(str(path.parent), "")
        log.add(
            "error",
            "damaged_file",
            f"无法读取：{reason}",
            f"cannot be read: {reason}",
            file=path.name,
            fix=(
                "检查文件是否完整、图层名是否正确",
                "check that the file is whole and the layer's name right",
            ),
        )
    return None


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
    import geopandas as gpd

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
    xy = {}
    for name in ("lon", "lat"):
        text = table[name].str.strip()
        xy[name] = pd.to_numeric(text.where(text != "", None), errors="coerce").to_numpy(
            dtype=float
        )
        for row in np.flatnonzero(np.isnan(xy[name]) & (text != "").to_numpy()):
            log.add(
                "error",
                "not_a_number",
                f"“{text.iloc[row]}”不是数字",
                f"“{text.iloc[row]}” is not a number",
                file=path.name,
                row=int(row) + 2,
                field=name,
            )
    points = gpd.points_from_xy(xy["lon"], xy["lat"])
    return gpd.GeoDataFrame(table, geometry=points, crs=crs or _datum.WGS84)


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
    faults: list[tuple[Any, str, str, str]] = [
        (null, "null_geometry", "没有几何", "no geometry"),
        (empty, "empty_geometry", "几何或坐标为空", "the geometry is empty"),
        (nan, "nan_geometry", "坐标含非数值(NaN)", "a coordinate is NaN"),
        (origin, "zero_position", "坐标为(0, 0)", "the position is (0, 0)"),
        (wrong, "wrong_geometry", f"几何类型不是{kind}", f"the geometry is not a {kind}"),
    ]
    for mask, code, zh, en in faults:
        for row in np.flatnonzero(mask):
            log.add(
                "error",
                code,
                zh,
                en,
                file=file,
                row=int(row) + (2 if is_table else 1),
                field="geometry",
                fix=("补上坐标或删去该行", "supply the position or remove the row"),
            )
    return frame[~(null | empty | nan | origin | wrong)]


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
