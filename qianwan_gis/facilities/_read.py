"""All registers of a county: FACILITIES, its sewers, and which facility serves which village."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from qianwan_gis import _io
from qianwan_gis._errors import ProblemLog
from qianwan_gis.facilities._checks import tell_duplicates, tell_far_outside
from qianwan_gis.facilities._kinds import (
    KNOWN_TIERS,
    LINE_TIERS,
    REGISTER_FIELDS,
    register_fields,
)
from qianwan_gis.facilities._register import COLUMNS, assumed, finish, layer_of, recorded
from qianwan_gis.facilities._villages import codes_of, row_of

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.county import FacilitySpec


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
    frames: list[tuple[str, gpd.GeoDataFrame | None]] = []
    for spec in specs:
        if spec.tier not in KNOWN_TIERS.get(spec.service, ()):
            known = "、".join(f"{s}.{t}" for s, tiers in KNOWN_TIERS.items() for t in tiers)
            own.add(
                "error", "unknown_service",
                f"没有服务“{spec.service}.{spec.tier}”，可用：{known}",
                f"no service “{spec.service}.{spec.tier}”; known: {known}",
                file="county.toml", field="facilities",
            )  # fmt: skip
            continue
        if (spec.service, spec.tier) in LINE_TIERS:
            continue
        if spec.assume == "township_seat":
            frames.append(("county.toml", assumed(spec, seats, crs, own)))
        elif spec.path is not None:
            frame = recorded(spec, resolve(spec.path), crs, villages, own)
            frames.append((spec.path.name, frame))
    parts = [
        frame.assign(_file=file, _row=[row_of(label, file) for label in frame.index])
        for file, frame in frames
        if frame is not None and len(frame)
    ]
    if parts:
        table = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), geometry="geometry", crs=crs)
    else:
        empty = {name: pd.Series(dtype=object) for name in COLUMNS}
        table = gpd.GeoDataFrame(empty, geometry=gpd.GeoSeries([], crs=crs), crs=crs)
    table["capacity"] = pd.to_numeric(table["capacity"]).astype(float)
    table["uncertainty_m"] = pd.to_numeric(table["uncertainty_m"]).astype(float)
    tell_duplicates(table, own)
    tell_far_outside(table, boundary, own)
    table = table.drop(columns=["_file", "_row"], errors="ignore")  # where each stands, for these
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
        frame = layer_of(spec, path, "LineString", own, guesses=("name", "facility_id"))
        if len(frame):
            parts.append(finish(frame.to_crs(crs), spec, path, own))
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
    read = [
        _supplies_of(spec, resolve(spec.supplies), villages, facilities, own)
        for spec in specs
        if spec.supplies is not None
    ]
    if log is None:
        own.raise_errors()
    parts = [part for part in read if part is not None]
    keys = ["service", "tier", "facility_id", "code"]
    if not parts:
        return pd.DataFrame(columns=keys)
    out = pd.concat(parts, ignore_index=True)
    return out[out["code"].ne("")].drop_duplicates(keys, ignore_index=True)


def _supplies_of(
    spec: FacilitySpec,
    path: Path,
    villages: pd.DataFrame,
    facilities: pd.DataFrame,
    log: ProblemLog,
) -> pd.DataFrame | None:
    """Read one table of supplies; None where it cannot be used at all."""
    before = len(log.errors)
    table = _io.read_table(path, encoding=spec.encoding, log=log)
    if len(log.errors) > before:
        return None
    mapping = {k: v for k, v in spec.columns.items() if v in table.columns}
    table = table.rename(columns={theirs: ours for ours, theirs in mapping.items()})
    if "facility_id" not in table.columns:
        log.add(
            "error", "missing_column", "缺少字段“facility_id”（设施编号）",
            "column “facility_id” is missing", file=path.name, field="facility_id",
        )  # fmt: skip
        return None
    if "code" in table.columns and "village_code" not in table.columns:
        table = table.rename(columns={"code": "village_code"})
    codes = codes_of(table, villages, path.name, log)
    if codes is None:
        log.add(
            "error", "missing_column", "缺少村庄代码（code），也没有乡镇和村名",
            "neither a village code nor township and village name", file=path.name, field="code",
        )  # fmt: skip
        return None
    known = set(facilities["facility_id"].astype(str))
    for row, facility in table["facility_id"].items():
        if facility not in known:
            log.add(
                "error", "unknown_facility", f"设施编号“{facility}”不在名录中",
                f"facility “{facility}” is not in the register",
                file=path.name, row=row_of(row, path.name), field="facility_id",
            )  # fmt: skip
    given = {
        "service": spec.service,
        "tier": spec.tier,
        "facility_id": table["facility_id"].astype(str),
        "code": codes,
    }
    extra = register_fields(table, spec)
    return pd.DataFrame({**given, **{ours: table[theirs] for theirs, ours in extra.items()}})
