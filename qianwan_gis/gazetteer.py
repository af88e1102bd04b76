"""The code table of a county: its units, its townships present and former, described positions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pandas as pd

from qianwan_gis import settings
from qianwan_gis._errors import DataError, ProblemLog, UsageError
from qianwan_gis._io import (
    is_blank,
    plain_number,
    read_layer,
    read_table,
    rename_columns,
    to_numbers,
)
from qianwan_gis._text import Text
from qianwan_gis.datum import WGS84, transform
from qianwan_gis.names import (
    NameIndex,
    is_name,
    normalise,
    short_name,
    township_core,
    visible,
)

UNIT_COLUMNS = (
    "code",
    "name",
    "official_name",
    "kind",
    "township",
    "township_code",
    "other_names",
    "in_2021",
    "in_2023",
    "urban_rural_class",
    "lon",
    "lat",
    "point_match",
    "point_uncertainty_m",
    "point_source",
    "point_licence",
    "point_datum",
    "point_note",
    "population",
    "population_kind",
    "population_year",
    "population_source",
    "source",
    "licence",
)
TOWNSHIP_COLUMNS = (
    "code",
    "name",
    "status",
    "merged_into",
    "lon",
    "lat",
    "uncertainty_m",
    "datum",
    "source",
    "licence",
    "note",
)
_NUMBERS = ("lon", "lat", "point_uncertainty_m", "uncertainty_m", "population", "population_year")
_NUMBERS_OF_DESCRIPTIONS = ("distance_km", "elevation_m", "population", "households", "area_km2")
# Usual names in an office's own table, beside those of `qianwan_gis._io.COLUMN_GUESSES`.
_OWN_NAMES: dict[str, tuple[str, ...]] = {
    "code": ("统计用区划代码", "村级代码", "村庄代码", "行政村代码", "村委会代码", "编码"),
    "name": (
        "村庄名称",
        "村名称",
        "行政村名称",
        "村委会",
        "村（社区）",
        "村(社区)",
        "单位名称",
        "村",
    ),
    "township": (
        "乡（镇）",
        "乡(镇)",
        "乡 镇",
        "镇街",
        "街道",
        "乡镇街道",
        "乡镇（街道）",
        "乡镇名",
    ),
    "township_code": ("乡镇代码", "乡镇编码"),
    "other_names": ("曾用名", "别名", "旧名", "又名", "其他名称"),
    "population_kind": ("人口口径",),
    "population_year": ("人口年份", "统计年份"),
    "lon": ("东经", "经度（°）"),
    "lat": ("北纬", "纬度（°）"),
}
_GUESSED = ("code", "name", "township", "population", "lon", "lat")
_TABLES = {".csv", ".txt", ".tsv", ".xlsx"}
_LAYERS = {".gpkg", ".shp", ".geojson", ".json", ".fgb", ".parquet", ".kml", ".gml", ".zip"}
# Counties whose table is carried, by the name that documents use.
_COUNTY_NAMES = {"泽州县": "140525", "上党区": "140404"}
_TOTALS = {"合计", "总计", "小计", "共计"}
_COMMUNITY = ("社区", "居委会", "居民委员会")


@dataclass(frozen=True)
class TownshipMatch:
    """Which township a printed name means today.

    Attributes
    ----------
    name, code
        Present township; empty where the table has none such.
    change
        ``""`` (as printed), ``former`` (renamed or merged), ``misprint`` or ``unknown``.
    note
        What differs, in words.
    """

    name: str
    code: str
    change: str
    note: Text | None = None


@dataclass(frozen=True, eq=False)
class Gazetteer:
    """A county's code table.

    Attributes
    ----------
    adcode
        Six-digit code of the county; empty where a user's table does not tell it.
    units
        One row per village-level unit, present ones only: `UNIT_COLUMNS`. ``lon``/``lat`` in degrees
        WGS 84, empty where no point is known; ``code`` is text, ``county-township-name`` where the
        statistical code is not known.
    townships
        Present and former townships: `TOWNSHIP_COLUMNS`; ``status`` is ``current`` or ``former``.
    descriptions
        Described positions, one row per village and source; empty without.
    renames
        Former names: ``old_name``, ``new_name``, ``kind``, ``year``, ``source``, ``certainty``.
    settlements
        Towns whose quarters are units of their own and share one point; empty without.
    """

    adcode: str
    units: pd.DataFrame
    townships: pd.DataFrame
    descriptions: pd.DataFrame
    renames: pd.DataFrame
    settlements: pd.DataFrame

    @classmethod
    def carried(cls, adcode: str) -> Gazetteer:
        """Return the table that the package carries for a county.

        Parameters
        ----------
        adcode
            Six-digit code, such as ``140525`` (泽州县) or ``140404`` (上党区).

        Raises
        ------
        UsageError
            When no table is carried; the message names those that are.
        """
        folder = settings.data_dir() / "gazetteer"
        if not (folder / f"{adcode}_units.csv").is_file():
            there = cls.carried_adcodes()
            raise UsageError(
                Text(
                    f"没有内置{adcode}的地名表，内置的有：{'、'.join(there)}；"
                    "请用 Gazetteer.read 读入本县的表",
                    f"no table is carried for {adcode}; there are: {', '.join(there)}; "
                    "read the county's own with Gazetteer.read",
                )
            )
        renames = _read_carried(folder / "renames.csv")
        return cls(
            adcode=adcode,
            units=_read_carried(folder / f"{adcode}_units.csv", UNIT_COLUMNS),
            townships=_read_carried(folder / f"{adcode}_townships.csv", TOWNSHIP_COLUMNS),
            descriptions=_read_carried(folder / f"{adcode}_descriptions.csv"),
            renames=renames[renames["adcode"] == adcode].reset_index(drop=True)
            if len(renames)
            else renames,
            settlements=_read_carried(folder / f"{adcode}_settlements.csv"),
        )

    @classmethod
    def is_carried(cls, adcode: str) -> bool:
        """Tell whether the package carries the table of a county."""
        return adcode in cls.carried_adcodes()

    @staticmethod
    def carried_adcodes() -> list[str]:
        """Return the codes of the counties whose table is carried."""
        folder = settings.data_dir() / "gazetteer"
        return sorted(p.name[:6] for p in folder.glob("*_units.csv"))

    @classmethod
    def read(
        cls,
        table: str | Path | pd.DataFrame,
        *,
        adcode: str = "",
        layer: str | None = None,
        crs: str | None = None,
        datum: str = "wgs84",
        columns: Mapping[str, str] | None = None,
        encoding: str | None = None,
        source: str = "",
        licence: str = "",
        log: ProblemLog | None = None,
    ) -> Gazetteer:
        """Read a county's own table of villages.

        Parameters
        ----------
        table
            CSV or XLSX file with one row per unit; a point layer (GeoPackage, Shapefile, GeoJSON); a
            folder that holds one of them, or ``*_units.csv`` beside ``*_townships.csv`` and the like; or
            a DataFrame. A name and a township are needed; code, former names, longitude and latitude
            and population are used where there are such columns.
        adcode
            County code; taken from the units' codes where they have one.
        layer, crs
            Layer or worksheet; CRS of a table's coordinates, or of a layer that carries none.
        datum
            ``wgs84`` (also CGCS2000), ``gcj02`` or ``bd09``: converted on reading.
        columns
            ``{our name: their name}``; the usual names (乡镇, 行政村, 村代码, 曾用名, 经度 …) are guessed.
        encoding
            Of a text file; UTF-8 and GB18030 are recognised.
        source, licence
            Written to rows that do not state their own.
        log
            Collects all faults; without it they raise `DataError`.

        Raises
        ------
        DataError
            With every fault: no file, no usable column, empty or doubled names, bad codes or
            coordinates.
        """
        own = log if log is not None else ProblemLog()
        before = len(own.errors)
        gazetteer = _Reader(
            adcode, layer, crs, datum, dict(columns or {}), encoding, source, licence, own
        ).read(table)
        if log is None and len(own.errors) > before:
            raise DataError(own.problems)
        return gazetteer

    @cached_property
    def former_townships(self) -> dict[str, str]:
        """Former name of a township → present one (李寨乡 → 南岭镇), renamed or merged."""
        table = self.townships
        found = {
            str(old): str(new)
            for old, new, status in zip(
                table["name"], table["merged_into"], table["status"], strict=True
            )
            if status == "former" and new
        }
        if len(self.renames):
            rows = self.renames[self.renames["kind"] == "township"]
            found |= dict(zip(rows["old_name"], rows["new_name"], strict=True))
        return found

    @cached_property
    def names(self) -> NameIndex:
        """The units' names arranged for matching; built when first asked for."""
        units = self.units.assign(county=self.adcode)
        return NameIndex(units, former_townships=self.former_townships)

    def township(self, printed: str) -> TownshipMatch:
        """Return which township of today a printed name means.

        Former names, mergers, 乡/镇/街道 changes and a single misprint lead to the present one.
        """
        current = self.townships[self.townships["status"] == "current"]
        by_core: dict[str, list[tuple[str, str]]] = {}
        for name, code in zip(current["name"], current["code"], strict=True):
            if normalise(name) == normalise(printed):
                return TownshipMatch(name, code, "")
            by_core.setdefault(township_core(name), []).append((name, code))
        resolved, note = self.names.township_of(printed)
        if not resolved and township_core(printed) in by_core:
            resolved = township_core(printed)
        if not resolved:
            return TownshipMatch(
                "", "", "unknown", Text(f"没有乡镇“{printed}”", f"there is no township “{printed}”")
            )
        meant = by_core.get(resolved, [(resolved, "")])
        if len(meant) > 1:  # 东城镇 and 东城街道: 东城 alone does not tell
            zh, en = "、".join(n for n, _ in meant), ", ".join(n for n, _ in meant)
            why = Text(f"“{printed}”可能是{zh}", f"“{printed}” may be {en}")
            return TownshipMatch("", "", "unknown", why)
        name, code = meant[0]
        former = {township_core(old) for old in self.former_townships}
        if note is None or township_core(printed) in former:
            note = note or Text(f"{printed}今为{name}", f"{printed} is now {name}")
            return TownshipMatch(name, code, "former", note)
        return TownshipMatch(name, code, "misprint", note)


def _numbers(table: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    for column in columns:
        if column in table.columns:
            table[column] = pd.to_numeric(table[column].replace("", None), errors="coerce")
    return table


def _read_carried(path: Path, columns: tuple[str, ...] = ()) -> pd.DataFrame:
    if not path.is_file():
        return pd.DataFrame(columns=list(columns))
    table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    for column in columns:
        if column not in table.columns:
            table[column] = ""
    numbers = _NUMBERS_OF_DESCRIPTIONS if path.stem.endswith("descriptions") else _NUMBERS
    table = _numbers(table, numbers)
    for column in ("in_2021", "in_2023"):
        if column in table.columns:
            table[column] = table[column].str.lower() == "true"
    return table


@dataclass
class _Reader:
    """Reads one user's table; the options of `Gazetteer.read`."""

    adcode: str
    layer: str | None
    crs: str | None
    datum: str
    columns: dict[str, str]
    encoding: str | None
    source: str
    licence: str
    log: ProblemLog

    def read(self, table: str | Path | pd.DataFrame) -> Gazetteer:
        folder: Path | None = None
        before = len(self.log.errors)
        if isinstance(table, pd.DataFrame):
            file, first_row = "DataFrame", 1
            frame = (
                table.astype("object").where(table.notna(), "").astype(str).reset_index(drop=True)
            )
            frame = rename_columns(frame, self.columns, self.log, file=file, guesses=_GUESSED)
        else:
            path = Path(table)
            if path.is_dir():
                folder = path
                found = self._only_table(path)
                if found is None:
                    return _empty(self.adcode)
                path = found
            file = path.name
            first_row = 2 if path.suffix.lower() in _TABLES else 1
            frame = self._frame(path)
        if len(self.log.errors) > before:
            return _empty(self.adcode)
        if frame.empty:
            self.log.add(
                "error", "empty_table", "表中没有数据行", "the table has no rows", file=file
            )
            return _empty(self.adcode)
        frame = _with_our_names(frame)
        if not self._has_columns(frame, file):
            return _empty(self.adcode)
        for column in frame.columns:
            frame[column] = frame[column].astype(str).str.strip()
        frame = frame[(frame["name"] != "") | (frame["township"] != "")]
        frame = _without_totals(frame, first_row, file, self.log)
        frame = _plain_numbers(frame, first_row, file, self.log)
        frame = self._in_degrees(frame, file)
        if len(self.log.errors) > before:
            return _empty(self.adcode)
        _check_rows(frame, first_row, file, self.log)
        if len(self.log.errors) > before:
            return _empty(self.adcode)
        frame = self._converted(frame)
        adcode = self.adcode or _county_of(frame)
        units = _as_units(frame, adcode, self.source or file, self.licence)
        _check_codes(units, first_row, file, self.log)
        units = units.reset_index(drop=True)
        return Gazetteer(
            adcode=adcode,
            units=units,
            townships=_as_townships(units, folder, self.log),
            descriptions=_beside(folder, "descriptions"),
            renames=_beside(folder, "renames"),
            settlements=_beside(folder, "settlements"),
        )

    def _only_table(self, folder: Path) -> Path | None:
        found = sorted(folder.glob("*_units.csv")) or sorted(
            p for p in folder.iterdir() if p.suffix.lower() in _TABLES | _LAYERS
        )
        if len(found) == 1:
            return found[0]
        names = "、".join(p.name for p in found)
        self.log.add(
            "error",
            "several_files" if found else "missing_file",
            f"文件夹中应有一张村庄表，现有：{names or '无'}",
            f"the folder must hold one table of units; there are: {names or 'none'}",
            file=folder.name,
        )
        return None

    def _frame(self, path: Path) -> pd.DataFrame:
        if path.suffix.lower() not in _LAYERS:
            frame = read_table(path, sheet=self.layer, encoding=self.encoding, log=self.log)
            if frame.empty:
                return frame
            return rename_columns(frame, self.columns, self.log, file=path.name, guesses=_GUESSED)
        points = read_layer(
            path,
            layer=self.layer,
            crs=self.crs,
            datum=self.datum,
            encoding=self.encoding,
            columns=self.columns,
            kind="Point",
            guesses=_GUESSED,
            log=self.log,
        )
        degrees = points.to_crs(WGS84) if len(points) and points.crs is not None else points
        frame = pd.DataFrame(points.drop(columns="geometry")).astype("object")
        frame = frame.where(frame.notna(), "").astype(str)
        centres = degrees.geometry.representative_point() if len(degrees) else degrees.geometry
        frame["lon"], frame["lat"] = centres.x.map(repr), centres.y.map(repr)
        self.datum, self.crs = "wgs84", None  # converted by read_layer
        return frame.reset_index(drop=True)

    def _has_columns(self, frame: pd.DataFrame, file: str) -> bool:
        missing = [c for c in ("name", "township") if c not in frame.columns]
        for column in missing:
            title = {"name": "村名", "township": "乡镇"}[column]
            there = [str(c) for c in frame.columns]
            self.log.add(
                "error",
                "missing_column",
                f"缺少字段“{title}”，现有：{'、'.join(there)}",
                f"column “{title}” ({column}) is missing; there are: {', '.join(there)}",
                file=file,
                field=title,
                fix=("加上该列，或在字段对照中写明", "add the column or map it"),
            )
        return not missing

    def _in_degrees(self, frame: pd.DataFrame, file: str) -> pd.DataFrame:
        """Turn coordinates of the declared CRS into degrees; what is not a number stays as it is."""
        if self.crs is None or not {"lon", "lat"} <= set(frame.columns):
            return frame
        from pyproj import Transformer
        from pyproj.exceptions import CRSError

        try:
            to_degrees = Transformer.from_crs(self.crs, WGS84, always_xy=True)
        except CRSError:
            self.log.add(
                "error", "bad_crs", f"坐标系“{self.crs}”无法识别",
                f"the coordinate system “{self.crs}” is not known", file=file,
            )  # fmt: skip
            return frame
        x, y = (pd.to_numeric(frame[c].replace("", None), errors="coerce") for c in ("lon", "lat"))
        known = x.notna() & y.notna()
        lon, lat = to_degrees.transform(x[known].to_numpy(), y[known].to_numpy())
        frame = frame.copy()
        frame.loc[known, "lon"] = [repr(float(v)) for v in lon]
        frame.loc[known, "lat"] = [repr(float(v)) for v in lat]
        return frame

    def _converted(self, frame: pd.DataFrame) -> pd.DataFrame:
        if self.datum in ("wgs84", "cgcs2000") or not {"lon", "lat"} <= set(frame.columns):
            return frame
        known = (frame["lon"] != "") & (frame["lat"] != "")
        x, y = transform(
            frame.loc[known, "lon"].astype(float).to_numpy(),
            frame.loc[known, "lat"].astype(float).to_numpy(),
            self.datum,
            "wgs84",
        )
        frame = frame.copy()
        frame.loc[known, "lon"], frame.loc[known, "lat"] = (
            [repr(float(v)) for v in x],
            [repr(float(v)) for v in y],
        )
        frame["point_datum"] = f"{self.datum} → WGS84"
        return frame


def _check_codes(units: pd.DataFrame, first_row: int, file: str, log: ProblemLog) -> None:
    for position in units.index[units["code"].duplicated(keep=False)]:
        code, name = units["code"][position], units["name"][position]
        log.add(
            "error",
            "duplicate_code",
            f"{units['township'][position]}{name}的代码重复：{code}",
            f"code {code} of {name} is used more than once",
            file=file,
            row=int(position) + first_row,
            field="code",
        )


def _empty(adcode: str) -> Gazetteer:
    none = pd.DataFrame()
    return Gazetteer(
        adcode=adcode,
        units=pd.DataFrame(columns=list(UNIT_COLUMNS)),
        townships=pd.DataFrame(columns=list(TOWNSHIP_COLUMNS)),
        descriptions=none,
        renames=none,
        settlements=none,
    )


def _beside(folder: Path | None, kind: str) -> pd.DataFrame:
    if folder is None:
        return pd.DataFrame()
    found = sorted(folder.glob(f"*{kind}.csv"))
    return _read_carried(found[0]) if found else pd.DataFrame()


def _with_our_names(table: pd.DataFrame) -> pd.DataFrame:
    """Recognise more of the usual column names than every layer has."""
    renames = {}
    for ours, theirs in _OWN_NAMES.items():
        found = next((t for t in theirs if t in table.columns), None)
        if ours not in table.columns and found:
            renames[found] = ours
    return table.rename(columns=renames)


def _without_totals(
    table: pd.DataFrame, first_row: int, file: str, log: ProblemLog
) -> pd.DataFrame:
    """Leave out the rows of sums that a printed table ends with."""
    total = table["name"].map(visible).isin(_TOTALS) | table["township"].map(visible).isin(_TOTALS)
    for position in table.index[total]:
        log.add(
            "note", "total_row", "是合计行，不算作村", "is a row of sums, not a village",
            file=file, row=int(position) + first_row,
        )  # fmt: skip
    return table[~total]


def _plain_numbers(table: pd.DataFrame, first_row: int, file: str, log: ProblemLog) -> pd.DataFrame:
    """Write numbers as plain digits; what is no number is told and left empty, but for positions."""
    table = table.copy()
    for column in ("code", "township_code"):
        if column in table.columns:
            plain = table[column].map(lambda cell: normalize("NFKC", cell))
            table[column] = plain.str.replace(r"^(\d{9,12})\.0$", r"\1", regex=True)
    for column in ("lon", "lat"):
        if column in table.columns:
            table[column] = table[column].map(plain_number).mask(is_blank(table[column]), "")
    for column in ("population", "population_year", "point_uncertainty_m"):
        if column not in table.columns:
            continue
        values, blank = to_numbers(table[column]), is_blank(table[column])
        odd = np.isnan(values) & ~blank
        for position, cell in table.loc[odd, column].items():
            log.add(
                "warning", "not_a_number", f"“{cell}”不是数字，按未知计",
                f"“{cell}” is not a number and counts as unknown",
                file=file, row=int(position) + first_row, field=column,
            )  # fmt: skip
        for position, cell in table.loc[values < 0, column].items():
            log.add(
                "error", "negative_number", f"“{cell}”小于零", f"“{cell}” is below zero",
                file=file, row=int(position) + first_row, field=column,
            )  # fmt: skip
        table[column] = table[column].map(plain_number).mask(odd | blank, "")
    return table


def _check_rows(table: pd.DataFrame, first_row: int, file: str, log: ProblemLog) -> None:
    seen: dict[tuple[str, str], int] = {}
    has_code = "code" in table.columns
    for position, (name, township) in zip(
        table.index, zip(table["name"], table["township"], strict=True), strict=True
    ):
        row = int(position) + first_row
        if not is_name(name):
            shown = name if len(name) <= 20 else name[:20] + "…"
            log.add(
                "warning" if visible(name) else "error",
                "bad_name",
                f"“{shown}”不是可用的村名" if visible(name) else "村名为空",
                f"“{shown}” is not usable as a name" if visible(name) else "the name is empty",
                file=file,
                row=row,
                field="name",
            )
        if not township:
            log.add(
                "error", "empty_township", "乡镇为空", "the township is empty",
                file=file, row=row, field="township",
            )  # fmt: skip
        key = (township_core(township), normalise(name))
        code = table["code"][position] if has_code else ""
        if (
            code
            and not (code.isascii() and code.isdigit() and len(code) in (9, 12))
            and "-" not in code
        ):
            log.add(
                "error",
                "bad_code",
                f"代码“{code}”应为12位数字文本",
                f"code “{code}” must be 12 digits, as text",
                file=file,
                row=row,
                field="code",
                fix=("在 Excel 中把该列设为文本", "format the column as text in Excel"),
            )
        if key in seen and not (has_code and code and code != table["code"][seen[key]]):
            log.add(
                "error",
                "duplicate_unit",
                f"{township}{name}出现两次（另见第{seen[key] + first_row}行）",
                f"{name} ({township}) appears twice (also row {seen[key] + first_row})",
                file=file,
                row=row,
                field="name",
            )
        seen.setdefault(key, int(position))
    _check_positions(table, first_row, file, log)


def _check_positions(table: pd.DataFrame, first_row: int, file: str, log: ProblemLog) -> None:
    limits = {"lon": (72.0, 138.0), "lat": (0.0, 56.0)}
    if not set(limits) <= set(table.columns):
        return
    for column, (low, high) in limits.items():
        filled = table[column] != ""
        values = pd.to_numeric(table[column].replace("", None), errors="coerce")
        bad = filled & ~values.between(low, high)
        every = bad.sum() > 3 and bad.sum() == filled.sum()
        for position in table.index[bad][: 1 if every else None]:
            many = Text(f"（共{bad.sum()}行都是如此）", f" (so are all {bad.sum()} rows)")
            log.add(
                "error",
                "bad_coordinate",
                f"“{table[column][position]}”不是中国范围内的经纬度（度）{many.zh if every else ''}",
                f"“{table[column][position]}” is not a longitude/latitude in China (degrees)"
                f"{many.en if every else ''}",
                file=file,
                row=int(position) + first_row,
                field=column,
                fix=(
                    "检查经度、纬度是否写反、是否为度分秒；投影坐标（米）请写明 crs",
                    "check whether they are swapped or in degrees and minutes; state crs for metres",
                ),
            )
    for column, other in (("lon", "lat"), ("lat", "lon")):
        for position in table.index[(table[column] == "") & (table[other] != "")]:
            log.add(
                "error", "bad_coordinate", "经度、纬度只有一个", "only one of longitude and latitude",
                file=file, row=int(position) + first_row, field=column,
                fix=("补上另一个，或都留空", "supply the other, or leave both empty"),
            )  # fmt: skip


def _county_of(table: pd.DataFrame) -> str:
    if "code" not in table.columns:
        return ""
    heads = table["code"].str.extract(r"^(\d{6})")[0].dropna()
    return str(heads.mode()[0]) if len(heads) else ""


def _as_units(table: pd.DataFrame, adcode: str, source: str, licence: str) -> pd.DataFrame:
    units = pd.DataFrame(index=table.index)
    official = table["name"]
    given = table["kind"] if "kind" in table.columns else pd.Series("", index=table.index)
    community = official.str.endswith(_COMMUNITY)
    for column in UNIT_COLUMNS:
        units[column] = table[column] if column in table.columns else ""
    if "official_name" not in table.columns:
        units["official_name"] = official
        units["name"] = [short_name(n) for n in official]
    units["kind"] = given.where(
        given.isin(["village", "community"]), community.map({True: "community", False: "village"})
    )
    coded = units["code"] != ""
    made = (adcode or "000000") + "-" + units["township"] + "-" + units["name"]
    units["code"] = units["code"].where(coded, made)
    units["source"] = units["source"].where(units["source"] != "", source)
    units["licence"] = units["licence"].where(units["licence"] != "", licence)
    units = _numbers(units, _NUMBERS)
    for column in ("in_2021", "in_2023"):
        units[column] = units[column].str.lower().isin(["true", "1", "yes", "是"])
    return units


def _as_townships(units: pd.DataFrame, folder: Path | None, log: ProblemLog) -> pd.DataFrame:
    found = sorted(folder.glob("*townships.csv")) if folder is not None else []
    if found:
        table = _read_carried(found[0], TOWNSHIP_COLUMNS)
        unknown = sorted(
            {township_core(t) for t in units["township"]}
            - {township_core(t) for t in table["name"]}
        )
        if unknown:
            log.add(
                "error",
                "unknown_township",
                f"村庄表中的乡镇不在乡镇表中：{'、'.join(unknown)}",
                f"townships of the units are not in the table of townships: {', '.join(unknown)}",
                file=found[0].name,
            )
        return table
    first = units.drop_duplicates("township")
    table = pd.DataFrame(
        {
            "code": first["township_code"].where(
                first["township_code"] != "",
                first["code"]
                .str.extract(r"^(\d{9})")[0]
                .fillna("")
                .map(lambda c: c + "000" if c else ""),
            ),
            "name": first["township"],
        }
    )
    for column in TOWNSHIP_COLUMNS[2:]:
        table[column] = ""
    table["status"] = "current"
    return _numbers(table.reset_index(drop=True), ("lon", "lat", "uncertainty_m"))


def recognise_county(text: str) -> str:
    """Return the code of the carried county that a text names most often; empty when none.

    Former names count (长治县 for 上党区).
    """
    names = dict(_COUNTY_NAMES)
    renames = _read_carried(settings.data_dir() / "gazetteer" / "renames.csv")
    if len(renames):
        rows = renames[renames["kind"] == "county"]
        names |= dict(zip(rows["old_name"], rows["adcode"], strict=True))
    counts: dict[str, int] = {}
    for name, adcode in names.items():
        counts[adcode] = counts.get(adcode, 0) + text.count(name)
    best = max(sorted(counts), key=lambda adcode: counts[adcode], default="")
    return best if best and counts[best] and Gazetteer.is_carried(best) else ""
