"""One register of point facilities: read, placed, and brought to the columns of FACILITIES."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qianwan_gis import _io
from qianwan_gis._errors import ProblemLog
from qianwan_gis.facilities._kinds import register_fields
from qianwan_gis.facilities._villages import codes_of, points_of, row_of
from qianwan_gis.schemas import FacilityBasis, value_text

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis.county import FacilitySpec

COLUMNS = (
    "facility_id", "service", "tier", "name", "capacity", "basis", "uncertainty_m", "source",
    "licence", "village_code",
)  # fmt: skip
_GUESSES = ("name", "township", "facility_id", "capacity", "lon", "lat")
_TABLES = {".csv", ".txt", ".tsv", ".xlsx"}


def layer_of(
    spec: FacilitySpec,
    path: Path,
    kind: str,
    log: ProblemLog,
    *,
    guesses: tuple[str, ...] = _GUESSES,
) -> gpd.GeoDataFrame:
    """Read the map layer that a register is, in its own CRS."""
    return _io.read_layer(
        path, layer=spec.layer, crs=spec.crs, datum=spec.datum, encoding=spec.encoding,
        columns=spec.columns, guesses=guesses, kind=kind, log=log,
    )  # fmt: skip


def recorded(
    spec: FacilitySpec,
    path: Path,
    crs: Any,
    villages: gpd.GeoDataFrame | None,
    log: ProblemLog,
) -> gpd.GeoDataFrame | None:
    """Read one register; rows without coordinates stand at the village that they name."""
    if path.suffix.lower() in _TABLES:
        return _from_table(spec, path, crs, villages, log)
    frame = layer_of(spec, path, "Point", log)
    if not len(frame):
        return None
    frame = _single(frame.to_crs(crs))
    frame["village_code"] = codes_of(frame, villages, path.name, log, strict=False) or ""
    return finish(frame, spec, path, log)


def _from_table(
    spec: FacilitySpec,
    path: Path,
    crs: Any,
    villages: gpd.GeoDataFrame | None,
    log: ProblemLog,
) -> gpd.GeoDataFrame | None:
    import geopandas as gpd

    before = len(log.errors)
    table = _io.read_table(path, sheet=spec.layer, encoding=spec.encoding, log=log)
    if len(log.errors) > before:
        return None
    table = _io.rename_columns(table, spec.columns, log, file=path.name, guesses=_GUESSES)
    if table.empty:
        log.add("error", "empty_layer", "表中没有数据行", "the table has no rows", file=path.name)
        return None
    has_xy = {"lon", "lat"} <= set(table.columns)
    names_village = "village_code" in table.columns or "village" in table.columns
    if not names_village and not has_xy:
        log.add(
            "error", "missing_column", "既没有经纬度，也没有所在村（village_code 或 village）",
            "neither longitude and latitude nor the village it stands in", file=path.name,
            fix=("补上 lon、lat 或 village_code 列，或在 county.toml 写明对照",
                 "add lon and lat, or village_code, or map them in county.toml"),
        )  # fmt: skip
        return None
    blank = pd.Series(data=True, index=table.index)
    if has_xy:
        none = _io.is_blank(table["lon"]) & _io.is_blank(table["lat"])
        blank = pd.Series(none, index=table.index)
    codes = codes_of(table, villages, path.name, log, strict=False) if names_village else None
    table["village_code"] = codes or [""] * len(table)
    if has_xy and not names_village:
        placed = layer_of(spec, path, "Point", log)
    else:
        placed = _io.points_of(table[~blank], path.name, crs=spec.crs, datum=spec.datum, log=log)
    geometry = pd.Series([None] * len(table), index=table.index, dtype=object)
    if len(placed):
        geometry.loc[placed.index] = placed.geometry.to_crs(crs).to_numpy()
    homes = points_of(villages)
    for row in table.index[blank]:
        code = table["village_code"].loc[row]
        if code:
            geometry.loc[row] = homes.get(code)
        else:
            name = table["name"].loc[row] if "name" in table else ""
            log.add(
                "error", "facility_without_place", f"“{name}”既无坐标，所在村也对不上",
                "has neither coordinates nor a village that can be found",
                file=path.name, row=int(row) + 2, field="village_code",
                fix=("补上经纬度或正确的村代码",
                     "supply longitude and latitude or the village code"),
            )  # fmt: skip
    # A row that has coordinates but lost them to a fault is out; one placed by village stays.
    keep = geometry.notna() | (blank & table["village_code"].ne(""))
    frame = gpd.GeoDataFrame(table[keep], geometry=gpd.GeoSeries(geometry[keep], crs=crs))
    frame.loc[~blank[keep], "village_code"] = ""
    return finish(frame, spec, path, log, villages)


def _single(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Make single points of multi-points; the further ones get an identifier of their own."""
    out = frame.explode(ignore_index=False)
    again = out.groupby(level=0).cumcount().to_numpy()
    if "facility_id" in out.columns and again.any():
        ids = out["facility_id"].fillna("").astype(str)
        numbered = [f"{given}-{n + 1}" for given, n in zip(ids, again, strict=True)]
        out["facility_id"] = ids.where((again == 0) | ids.eq(""), numbered)
    return out


def _amounts(out: pd.DataFrame, column: str, file: Path, log: ProblemLog) -> NDArray[np.float64]:
    """Return a column's numbers; what is none is told and unknown, a negative one is a fault."""
    if column not in out.columns:
        return np.full(len(out), np.nan)
    cells = out[column].astype(object).where(out[column].notna(), "")
    values = _io.to_numbers(cells)
    for row in np.flatnonzero(np.isnan(values) & ~_io.is_blank(cells)):
        log.add(
            "warning", "not_a_number", f"“{cells.iloc[row]}”不是数字，按未知计",
            f"“{cells.iloc[row]}” is not a number and counts as unknown",
            file=file.name, row=row_of(out.index[row], file.name), field=column,
        )  # fmt: skip
    for row in np.flatnonzero(values < 0):
        log.add(
            "error", "negative_number", f"“{cells.iloc[row]}”小于零",
            f"“{cells.iloc[row]}” is below zero",
            file=file.name, row=row_of(out.index[row], file.name), field=column,
        )  # fmt: skip
    return values


def assumed(
    spec: FacilitySpec, seats: gpd.GeoDataFrame | None, crs: Any, log: ProblemLog
) -> gpd.GeoDataFrame | None:
    """Put one facility at each present township's seat, as the county file assumes."""
    if seats is None or not len(seats):
        log.add(
            "error", "no_seats",
            f"“{value_text('tier', spec.tier).zh}”假定在乡镇驻地，但没有驻地点位",
            f"“{spec.tier}” is assumed at the township seats, but no seat has a point",
            file="county.toml", field="facilities",
        )  # fmt: skip
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
    out = finish(frame, spec, Path(f"{spec.service}-{spec.tier}"), log)
    out["basis"] = str(FacilityBasis.ASSUMED)
    return out


def finish(
    frame: gpd.GeoDataFrame,
    spec: FacilitySpec,
    file: Path,
    log: ProblemLog,
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

    numbered = [f"{file.stem}-{i}" for i in range(1, len(out) + 1)]
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
        out[column] = _amounts(out, column, file, log)
    if "village_code" not in out.columns:
        out["village_code"] = ""
    if villages is not None:
        # The uncertainty of the place is the village's: it is added by the village's own draws.
        out.loc[out["village_code"].ne(""), "uncertainty_m"] = np.nan
    extra = register_fields(out, spec)
    out = out.rename(columns=extra)
    columns = [*COLUMNS, *extra.values(), "geometry"]
    return out[columns].set_geometry("geometry")
