"""Facilities: clinics, hospitals, treatment plants, waterworks, as the office's own files have them.

A facility is placed by its own coordinates, or by the village that it stands in
(``village_code``, or ``village`` with ``township``): its place is then its village, wherever that
village turns out to be. Health centres may be *assumed* at the township seats where the county
file says so. How complete each register is (`Inventory`) decides what silence means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qianwan_gis import _io
from qianwan_gis._errors import ProblemLog
from qianwan_gis.names import core, township_core
from qianwan_gis.schemas import FacilityBasis, Inventory, value_text

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.county import FacilitySpec

#: Services that the toolkit knows, with their tiers; a register of anything else is a fault.
#: ``plant`` is a municipal treatment plant; it anchors the distance screen of the sewer tier.
KNOWN_TIERS: dict[str, tuple[str, ...]] = {
    "clinic": ("village", "township", "county"),
    "sewage": ("sewer", "plant", "station", "on_site"),
    "water": ("works",),
    "corridor": ("post", "scenic", "toilet", "charger", "parking"),
}

#: Further fields that a register of a tier may have, and headings by which they are known as well.
#: They stand with the facility, or with the village in its table of supplies.
REGISTER_FIELDS: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {
    ("sewage", "plant"): {"load": ("现状负荷", "现状处理量", "实际处理量")},
    ("sewage", "sewer"): {
        "plant_id": ("污水厂编号", "所属污水厂", "去向"),
        "depth_m": ("埋深", "管底埋深"),
        "diameter_mm": ("管径",),
    },
    ("water", "works"): {
        "quality": ("水质", "水质评价", "水质结果", "水质达标"),
        "quantity_lpcd": ("人均水量", "人均日供水量", "人均供水量"),
        "to_house": ("入户", "是否入户", "供水入户"),
        "fetch_minutes": ("取水往返时间", "取水时间"),
        "fetch_m": ("取水距离", "取水水平距离"),
        "fetch_height_m": ("取水高差", "取水垂直距离"),
        "reliability_percent": ("供水保证率", "保证率"),
        "outage_days": ("停水天数", "年停水天数"),
        "head_m": ("清水池水位", "出厂水位"),
    },
}

#: Tiers recorded as lines; `read_sewers` reads them.
LINE_TIERS = {("sewage", "sewer")}

#: A facility further from every village region and seat than this is told as a doubtful position.
FAR_OUTSIDE_M = 20_000.0

_COLUMNS = [
    "facility_id",
    "service",
    "tier",
    "name",
    "capacity",
    "basis",
    "uncertainty_m",
    "source",
    "licence",
    "village_code",
]
_GUESSES = ("name", "township", "facility_id", "capacity", "lon", "lat")
_TABLES = {".csv", ".txt", ".tsv", ".xlsx"}


def inventories(specs: Iterable[FacilitySpec]) -> dict[tuple[str, str], Inventory]:
    """Return how complete the register of each service and tier is.

    Several registers of one tier count as the weakest of them: two partial lists do not make a
    complete one.
    """
    order = [Inventory.COMPLETE, Inventory.PARTIAL, Inventory.ASSUMED, Inventory.NONE]
    found: dict[tuple[str, str], Inventory] = {}
    for spec in specs:
        key = (spec.service, spec.tier)
        new = Inventory(spec.inventory)
        old = found.get(key, new)
        if Inventory.NONE in (old, new):  # "nothing on record" gives way to any record
            found[key] = old if new is Inventory.NONE else new
        else:
            found[key] = max(old, new, key=order.index)
    return found


def read_facilities(
    specs: Iterable[FacilitySpec],
    *,
    crs: Any,
    villages: gpd.GeoDataFrame | None = None,
    seats: gpd.GeoDataFrame | None = None,
    boundary: Any = None,
    resolve: Callable[[Path], Path] = Path,
    log: ProblemLog | None = None,
) -> gpd.GeoDataFrame:
    """Read every register of point facilities into one FACILITIES table.

    Parameters
    ----------
    specs
        The county file's ``facilities``.
    crs
        The plan's projected CRS (metres).
    villages
        VILLAGES table: places facilities that name their village.
    seats
        Township seat points (``township``, Point, optional ``uncertainty_m``, ``status``), in any
        CRS: place the facilities assumed at seats. Former townships are left out.
    boundary
        County outline (shapely, in ``crs``): facilities further than 20 km outside are told.
    resolve
        Turns a path of the county file into one that can be opened (`County.resolve`).
    log
        Collects all faults; without it they raise `DataError` together.

    Returns
    -------
    FACILITIES with ``village_code``, and the `REGISTER_FIELDS` that the registers have; the
    geometry of a facility whose village is known by region only is missing: it moves with the
    village in every draw.
    """
    import geopandas as gpd

    own = log if log is not None else ProblemLog()
    frames = []
    for spec in specs:
        if spec.tier not in KNOWN_TIERS.get(spec.service, ()):
            known = "、".join(f"{s}.{t}" for s, tiers in KNOWN_TIERS.items() for t in tiers)
            own.add(
                "error",
                "unknown_service",
                f"没有服务“{spec.service}.{spec.tier}”，可用：{known}",
                f"no service “{spec.service}.{spec.tier}”; known: {known}",
                file="county.toml",
                field="facilities",
            )
            continue
        if (spec.service, spec.tier) in LINE_TIERS:
            continue
        if spec.assume == "township_seat":
            frames.append(_assumed(spec, seats, crs, own))
        elif spec.path is not None:
            frames.append(_recorded(spec, resolve(spec.path), crs, villages, own))
    parts = [frame for frame in frames if frame is not None and len(frame)]
    if parts:
        table = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), geometry="geometry", crs=crs)
    else:
        empty = {name: pd.Series(dtype=object) for name in _COLUMNS}
        table = gpd.GeoDataFrame(empty, geometry=gpd.GeoSeries([], crs=crs), crs=crs)
    table["capacity"] = pd.to_numeric(table["capacity"]).astype(float)
    table["uncertainty_m"] = pd.to_numeric(table["uncertainty_m"]).astype(float)
    _tell_duplicates(table, own)
    _tell_far_outside(table, boundary, own)
    if log is None:
        own.raise_errors()
    return table


def read_sewers(
    specs: Iterable[FacilitySpec],
    *,
    crs: Any,
    resolve: Callable[[Path], Path] = Path,
    log: ProblemLog | None = None,
) -> gpd.GeoDataFrame:
    """Read the recorded sewers (lines) of a county: ``facility_id, name, basis, source, licence``.

    With the plant that each leads to (``plant_id``), its depth and diameter where the register has them.
    Parameters as for `read_facilities`. Without a register the table is empty.
    """
    import geopandas as gpd

    own = log if log is not None else ProblemLog()
    parts = []
    for spec in specs:
        if (spec.service, spec.tier) not in LINE_TIERS or spec.path is None:
            continue
        path = resolve(spec.path)
        frame = _io.read_layer(
            path,
            layer=spec.layer,
            crs=spec.crs,
            datum=spec.datum,
            encoding=spec.encoding,
            columns=spec.columns,
            guesses=("name", "facility_id"),
            kind="LineString",
            log=own,
        )
        if len(frame):
            parts.append(_finish(frame.to_crs(crs), spec, path.stem))
    if log is None:
        own.raise_errors()
    columns = ["facility_id", "name", "basis", "source", "licence"]
    if not parts:
        empty = {name: pd.Series(dtype=object) for name in columns}
        return gpd.GeoDataFrame(empty, geometry=gpd.GeoSeries([], crs=crs), crs=crs)
    lines = pd.concat(parts, ignore_index=True)
    known = [c for c in REGISTER_FIELDS["sewage", "sewer"] if c in lines.columns]
    lines = lines[[*columns, *known, "geometry"]]
    return gpd.GeoDataFrame(lines, geometry="geometry", crs=crs)


def read_supplies(
    specs: Iterable[FacilitySpec],
    *,
    villages: pd.DataFrame,
    facilities: pd.DataFrame,
    resolve: Callable[[Path], Path] = Path,
    log: ProblemLog | None = None,
) -> pd.DataFrame:
    """Read which facility serves which village, where a register says so.

    The file a spec names under ``supplies`` has one row per facility and village:
    ``facility_id`` and ``code`` (or ``village`` with ``township``), optionally ``capacity``.

    Returns
    -------
    Table ``service, tier, facility_id, code``, and the `REGISTER_FIELDS` that the files have.
    """
    own = log if log is not None else ProblemLog()
    parts = []
    for spec in specs:
        if spec.supplies is None:
            continue
        path = resolve(spec.supplies)
        before = len(own.errors)
        table = _io.read_table(path, encoding=spec.encoding, log=own)
        if len(own.errors) > before:
            continue
        mapping = {k: v for k, v in spec.columns.items() if v in table.columns}
        table = table.rename(columns={theirs: ours for ours, theirs in mapping.items()})
        if "facility_id" not in table.columns:
            own.add(
                "error",
                "missing_column",
                "缺少字段“facility_id”（设施编号）",
                "column “facility_id” is missing",
                file=path.name,
                field="facility_id",
            )
            continue
        if "code" in table.columns and "village_code" not in table.columns:
            table = table.rename(columns={"code": "village_code"})
        codes = _village_codes(table, villages, path.name, own)
        if codes is None:
            own.add(
                "error",
                "missing_column",
                "缺少村庄代码（code），也没有乡镇和村名",
                "neither a village code nor township and village name",
                file=path.name,
                field="code",
            )
            continue
        known = set(facilities["facility_id"].astype(str))
        for row, facility in enumerate(table["facility_id"], start=2):
            if facility not in known:
                own.add(
                    "error",
                    "unknown_facility",
                    f"设施编号“{facility}”不在名录中",
                    f"facility “{facility}” is not in the register",
                    file=path.name,
                    row=row,
                    field="facility_id",
                )
        extra = _register_fields(table, spec)
        parts.append(
            pd.DataFrame(
                {
                    "service": spec.service,
                    "tier": spec.tier,
                    "facility_id": table["facility_id"].astype(str),
                    "code": codes,
                    **{ours: table[theirs] for theirs, ours in extra.items()},
                }
            )
        )
    if log is None:
        own.raise_errors()
    if not parts:
        return pd.DataFrame(columns=["service", "tier", "facility_id", "code"])
    out = pd.concat(parts, ignore_index=True)
    keys = ["service", "tier", "facility_id", "code"]
    return out[out["code"].ne("")].drop_duplicates(keys, ignore_index=True)


def _recorded(
    spec: FacilitySpec,
    path: Path,
    crs: Any,
    villages: gpd.GeoDataFrame | None,
    log: ProblemLog,
) -> gpd.GeoDataFrame | None:
    """Read one register; rows without coordinates stand at the village that they name."""
    import geopandas as gpd

    if path.suffix.lower() not in _TABLES:
        frame = _io.read_layer(
            path,
            layer=spec.layer,
            crs=spec.crs,
            datum=spec.datum,
            encoding=spec.encoding,
            columns=spec.columns,
            guesses=_GUESSES,
            kind="Point",
            log=log,
        )
        if not len(frame):
            return None
        frame = frame.to_crs(crs).explode(ignore_index=False)
        frame["village_code"] = _village_codes(frame, villages, path.name, log, strict=False) or ""
        return _finish(frame, spec, path.stem)

    before = len(log.errors)
    table = _io.read_table(path, sheet=spec.layer, encoding=spec.encoding, log=log)
    if len(log.errors) > before:
        return None
    table = _io.rename_columns(table, spec.columns, log, file=path.name, guesses=_GUESSES)
    if table.empty:
        log.add("error", "empty_layer", "表中没有数据行", "the table has no rows", file=path.name)
        return None
    has_xy = {"lon", "lat"} <= set(table.columns)
    blank = pd.Series(data=True, index=table.index)
    if has_xy:
        blank = table["lon"].str.strip().eq("") & table["lat"].str.strip().eq("")
    names_village = "village_code" in table.columns or "village" in table.columns
    if not names_village and not has_xy:
        log.add(
            "error",
            "missing_column",
            "既没有经纬度，也没有所在村（village_code 或 village）",
            "neither longitude and latitude nor the village it stands in",
            file=path.name,
            fix=(
                "补上 lon、lat 或 village_code 列，或在 county.toml 写明对照",
                "add lon and lat, or village_code, or map them in county.toml",
            ),
        )
        return None
    codes = (
        _village_codes(table, villages, path.name, log, strict=False) if names_village else None
    ) or [""] * len(table)
    table["village_code"] = codes
    placed = (
        _io.read_layer(
            path,
            layer=spec.layer,
            crs=spec.crs,
            datum=spec.datum,
            encoding=spec.encoding,
            columns=spec.columns,
            guesses=_GUESSES,
            kind="Point",
            log=log,
        )
        if has_xy and not names_village
        else _points(table[~blank], spec, path.name, log)
    )
    geometry = pd.Series([None] * len(table), index=table.index, dtype=object)
    if len(placed):
        geometry.loc[placed.index] = placed.geometry.to_crs(crs).to_numpy()
    by_code = _village_points(villages)
    for row in table.index[blank]:
        code = table["village_code"].loc[row]
        if not code:
            log.add(
                "error",
                "facility_without_place",
                f"“{table['name'].loc[row] if 'name' in table else ''}”既无坐标，所在村也对不上",
                "has neither coordinates nor a village that can be found",
                file=path.name,
                row=int(row) + 2,
                field="village_code",
                fix=(
                    "补上经纬度或正确的村代码",
                    "supply longitude and latitude or the village code",
                ),
            )
            continue
        geometry.loc[row] = by_code.get(code)
    # A row that has coordinates but lost them to a fault is out; one placed by village stays.
    keep = geometry.notna() | (blank & table["village_code"].ne(""))
    frame = gpd.GeoDataFrame(table[keep], geometry=gpd.GeoSeries(geometry[keep], crs=crs))
    frame.loc[~blank[keep], "village_code"] = ""
    return _finish(frame, spec, path.stem, villages)


def _points(
    table: pd.DataFrame, spec: FacilitySpec, file: str, log: ProblemLog
) -> gpd.GeoDataFrame:
    """Place the rows that have coordinates; faults name the row of the file."""
    import geopandas as gpd

    from qianwan_gis import datum

    empty = gpd.GeoDataFrame(geometry=gpd.GeoSeries([], crs=datum.WGS84))
    if not len(table):
        return empty
    xy = {c: pd.to_numeric(table[c].str.strip(), errors="coerce") for c in ("lon", "lat")}
    good = xy["lon"].notna() & xy["lat"].notna()
    zero = good & xy["lon"].eq(0) & xy["lat"].eq(0)
    for mask, code, zh, en in (
        (~good, "not_a_number", "经纬度不是数字", "longitude or latitude is not a number"),
        (zero, "zero_position", "坐标为(0, 0)", "the position is (0, 0)"),
    ):
        for row in table.index[mask]:
            log.add("error", code, zh, en, file=file, row=int(row) + 2, field="lon, lat",
                    fix=("补上坐标或删去该行", "supply the position or remove the row"))  # fmt: skip
    use = good & ~zero
    x, y = xy["lon"][use].to_numpy(float), xy["lat"][use].to_numpy(float)
    if spec.datum not in ("wgs84", "cgcs2000"):
        x, y = datum.transform(x, y, spec.datum, "wgs84")
    return gpd.GeoDataFrame(
        index=table.index[use], geometry=gpd.points_from_xy(x, y), crs=spec.crs or datum.WGS84
    )


def _assumed(
    spec: FacilitySpec, seats: gpd.GeoDataFrame | None, crs: Any, log: ProblemLog
) -> gpd.GeoDataFrame | None:
    """Put one facility at each present township's seat, as the county file assumes."""
    if seats is None or not len(seats):
        log.add(
            "error",
            "no_seats",
            f"“{value_text('tier', spec.tier).zh}”假定在乡镇驻地，但没有驻地点位",
            f"“{spec.tier}” is assumed at the township seats, but no seat has a point",
            file="county.toml",
            field="facilities",
        )
        return None
    frame = seats.to_crs(crs)
    frame = frame[frame.geometry.notna() & ~frame.geometry.is_empty].copy()
    if "status" in frame.columns:
        frame = frame[frame["status"].ne("former")].copy()
    tier = value_text("tier", spec.tier)
    frame["name"] = [f"{t}{tier.zh.removeprefix('乡镇')}" for t in frame["township"]]
    frame["facility_id"] = [f"{spec.service}-{spec.tier}-{t}" for t in frame["township"]]
    frame["village_code"] = ""
    if "source" not in frame.columns:
        frame["source"] = spec.source
    out = _finish(frame, spec, f"{spec.service}-{spec.tier}")
    out["basis"] = str(FacilityBasis.ASSUMED)
    return out


def _finish(
    frame: gpd.GeoDataFrame,
    spec: FacilitySpec,
    stem: str,
    villages: pd.DataFrame | None = None,
) -> gpd.GeoDataFrame:
    """Fill the columns that a register leaves out from what the county file says of it."""
    out = frame.copy()
    out["service"], out["tier"] = spec.service, spec.tier

    def text(column: str, default: str) -> pd.Series:
        if column not in out.columns:
            return pd.Series(default, index=out.index, dtype=object)
        given = out[column].fillna("").astype(str).str.strip()
        return given.where(given.ne(""), default)

    numbered = [f"{stem}-{i}" for i in range(1, len(out) + 1)]
    ids = text("facility_id", "")
    out["facility_id"] = [given or own for given, own in zip(ids, numbered, strict=True)]
    name = text("name", "")
    label = value_text("tier", spec.tier).zh
    places = text("village", "") if "village" in out.columns else pd.Series("", index=out.index)
    out["name"] = [n or f"{v}{label}" for n, v in zip(name, places, strict=True)]
    default = FacilityBasis.SYNTHETIC if spec.basis == "synthetic" else FacilityBasis.RECORDED
    out["basis"] = text("basis", str(default))
    out["source"], out["licence"] = text("source", spec.source), text("licence", spec.licence)
    for column in ("capacity", "uncertainty_m"):
        values = out[column] if column in out.columns else pd.Series(np.nan, index=out.index)
        out[column] = pd.to_numeric(values, errors="coerce")
    if "village_code" not in out.columns:
        out["village_code"] = ""
    if villages is not None:
        # The uncertainty of the place is the village's: it is added by the village's own draws.
        out.loc[out["village_code"].ne(""), "uncertainty_m"] = np.nan
    extra = _register_fields(out, spec)
    out = out.rename(columns=extra)
    columns = [*_COLUMNS, *extra.values(), "geometry"]
    return out[columns].set_geometry("geometry")


def _register_fields(table: pd.DataFrame, spec: FacilitySpec) -> dict[str, str]:
    """Return ``{their heading: our field}`` of the further fields that a register has."""
    found: dict[str, str] = {}
    for ours, names in REGISTER_FIELDS.get((spec.service, spec.tier), {}).items():
        match = next((n for n in (ours, *names) if n in table.columns), None)
        if match is not None:
            found[match] = ours
    return found


def _village_codes(
    table: pd.DataFrame,
    villages: pd.DataFrame | None,
    file: str,
    log: ProblemLog,
    *,
    strict: bool = True,
) -> list[str] | None:
    """Return the village of each row by code, else by township and name; ``""`` when not found."""
    if villages is None:
        return None
    known = set(villages["code"].astype(str))
    if "village_code" in table.columns:
        given = table["village_code"].fillna("").astype(str).str.strip()
        out = []
        for row, code in enumerate(given):
            if code and code not in known:
                log.add(
                    "error",
                    "unknown_village",
                    f"村代码“{code}”不在本县",
                    f"village code “{code}” is not of this county",
                    file=file,
                    row=row + 2,
                    field="village_code",
                )
            out.append(code if code in known else "")
        return out
    if {"village", "township"} <= set(table.columns):
        by_name = _codes_by_name(villages)
        keys = zip(table["township"].astype(str), table["village"].astype(str), strict=True)
        out = []
        for row, (township, village) in enumerate(keys):
            found = by_name.get((township_core(township), core(village)), "")
            if not found and (strict or village):
                log.add(
                    "warning",
                    "unknown_village",
                    f"{township}“{village}”对不上本县村庄",
                    f"“{village}” of {township} is not a village of this county",
                    file=file,
                    row=row + 2,
                    field="village",
                )
            out.append(found)
        return out
    return None


def _codes_by_name(villages: pd.DataFrame) -> Mapping[tuple[str, str], str]:
    """Return code by township and short name; a name borne twice in a township is left out."""
    found: dict[tuple[str, str], str] = {}
    for code, township, name in zip(
        villages["code"].astype(str), villages["township"], villages["name"], strict=True
    ):
        key = (township_core(str(township)), core(str(name)))
        found[key] = "" if key in found else code
    return found


def _village_points(villages: gpd.GeoDataFrame | None) -> dict[str, Any]:
    if villages is None:
        return {}
    geometry = villages.geometry
    has = geometry.notna() & ~geometry.is_empty
    return dict(zip(villages["code"].astype(str)[has], geometry[has], strict=True))


def _tell_duplicates(table: gpd.GeoDataFrame, log: ProblemLog) -> None:
    """One identifier twice is an error; one tier twice on one spot is told."""
    repeated = table.loc[table["facility_id"].duplicated(keep=False), "facility_id"]
    for facility in dict.fromkeys(repeated):
        log.add(
            "error",
            "duplicate_facility",
            f"设施编号“{facility}”重复",
            f"facility id “{facility}” is used more than once",
            field="facility_id",
            fix=("改为唯一编号", "give each its own id"),
        )
    has = table[table.geometry.notna()]
    spot = pd.DataFrame(
        {
            "service": has["service"],
            "tier": has["tier"],
            "x": has.geometry.x.round(0),
            "y": has.geometry.y.round(0),
        }
    )
    for _, group in has[spot.duplicated(keep=False)].groupby(
        [spot["service"], spot["tier"], spot["x"], spot["y"]], sort=True
    ):
        names = "、".join(group["name"])
        log.add(
            "warning",
            "shared_position",
            f"{len(group)}处设施在同一点：{names}",
            f"{len(group)} facilities stand on one point: {names}",
            field="geometry",
            fix=("核对是否重复登记", "check whether they are one facility"),
        )


def _tell_far_outside(table: gpd.GeoDataFrame, boundary: Any, log: ProblemLog) -> None:
    if boundary is None or not len(table):
        return
    distance = table.geometry.distance(boundary)
    for name, metres in zip(
        table["name"][distance > FAR_OUTSIDE_M], distance[distance > FAR_OUTSIDE_M], strict=True
    ):
        log.add(
            "warning",
            "far_outside",
            f"“{name}”在县界外{metres / 1000:.0f}公里",
            f"“{name}” lies {metres / 1000:.0f} km outside the county",
            field="geometry",
            fix=("核对坐标与坐标系", "check the coordinates and their datum"),
        )
