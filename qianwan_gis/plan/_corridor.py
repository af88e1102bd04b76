"""The demonstration corridor: from segments, from roads, or presumed through places."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from qianwan_gis import _io
from qianwan_gis._errors import DataError, Problem, UsageError
from qianwan_gis._text import Text
from qianwan_gis.corridor import Corridor, from_roads, from_table, places_of, route_via
from qianwan_gis.corridor import report as reports
from qianwan_gis.plan import _reading
from qianwan_gis.plan._places import with_point

if TYPE_CHECKING:
    from qianwan_gis.county import CorridorSpec, County
    from qianwan_gis.plan._plan import Plan


def corridor(plan: Plan) -> Corridor | None:
    """The demonstration corridor: from segments, from roads, or presumed through places."""
    county, spec = plan.county, plan.county.corridor
    if spec is None:
        return None
    given = [n for n in ("segments", "roads", "table", "via") if getattr(spec, n)]
    if len(given) > 1:
        there = "、".join(given)
        one = Text(f"廊带只能有一种来源，写了 {there}", f"one source only, not {there}")
        raise _reading.bad_setting(county, "corridor", one)
    if plan.segments is not None:
        made = _from_segments(plan, spec, plan.segments)
    elif spec.roads:
        try:
            made = from_roads(plan.recorded_roads, spec.roads, name=spec.name)
        except UsageError as error:
            raise _reading.bad_setting(county, "corridor.roads", error.text) from error
    elif spec.table:
        rows = _io.read_table(county.resolve(spec.table))
        places = _points_of(plan, places_of(rows), field="corridor.table")
        made = from_table(plan.network, rows, places, name=spec.name, file=spec.table.name)
    elif spec.via:
        places = _points_of(plan, spec.via, field="corridor.via")
        made = route_via(plan.network, places, name=spec.name)
    else:
        return None
    _reading.tell(plan, made.problems)
    return made


def _from_segments(plan: Plan, spec: CorridorSpec, segments: gpd.GeoDataFrame) -> Corridor:
    """Make the corridor of its segments, with stakes and broken chainage where there are any."""
    stakes = _reading.read(plan, spec.stakes, "Point") if spec.stakes else None
    equations = _io.read_table(plan.county.resolve(spec.equations)) if spec.equations else None
    try:
        return Corridor.from_segments(
            segments.to_crs(plan.crs), equations=equations, name=spec.name,
            stakes=None if stakes is None else stakes.to_crs(plan.crs),
            file=str(spec.segments.path.name if spec.segments else "corridor"),
        )  # fmt: skip
    except DataError as error:
        raise DataError(
            [_placed(problem, spec, equations) for problem in error.problems]
        ) from error


def _placed(problem: Problem, spec: CorridorSpec, equations: pd.DataFrame | None) -> Problem:
    """Name the file and row of what the corridor calls its stakes and equations."""
    if problem.file == "stakes" and spec.stakes:
        return dataclasses.replace(problem, file=spec.stakes.path.name)
    if problem.file == "equations" and spec.equations and equations is not None:
        row = int(equations.index[problem.row - 1]) + 2 if isinstance(problem.row, int) else None
        return dataclasses.replace(problem, file=spec.equations.name, row=row)
    return problem


def _points_of(plan: Plan, names: Sequence[str], *, field: str) -> gpd.GeoDataFrame:
    """Points of the named places: township seats first, then villages with a point."""
    seats = plan.townships.set_index("township")["geometry"]
    villages = with_point(plan).set_index("name")["geometry"]
    found, missing = {}, []
    for name in names:
        places = seats.get(name, villages.get(name.removesuffix("村")))
        if places is None:
            missing.append(name)
        else:
            found[name] = places.iloc[0] if isinstance(places, pd.Series) else places
    if missing:
        there = "、".join(missing)
        raise DataError(
            Problem("unknown_via", "error",
                    Text(f"廊带途经地没有点位：{there}", f"no point for the corridor's via places: {there}"),
                    file=plan.county.file.name, field=field)
        )  # fmt: skip
    return gpd.GeoDataFrame({"name": list(found)}, geometry=list(found.values()), crs=plan.crs)


def widths(county: County, given: float | Sequence[float] | None) -> list[float]:
    """Return the widths of the zones in order: as given, else the county's own."""
    if given is None:
        given = county.corridor.widths_m if county.corridor else ()
    return sorted(float(w) for w in ([given] if isinstance(given, int | float) else given))


def measured(plan: Plan) -> Corridor | None:
    """Return the corridor if it may feed summaries: a presumed route may not."""
    made = plan.corridor
    return made if made is not None and made.basis != "presumed" else None


def villages(plan: Plan) -> pd.DataFrame | None:
    """Villages along a measured corridor in order of chainage; ``None`` without one."""
    made = measured(plan)
    return made.table_for(plan.villages, widths_m=plan.widths_m) if made else None


def zones(plan: Plan) -> gpd.GeoDataFrame | None:
    """Corridor zones: ``width_m`` and polygon; ``None`` without a measured corridor."""
    made = measured(plan)
    return made.zones(plan.widths_m) if made else None


def report(plan: Plan) -> dict[str, pd.DataFrame]:
    """Make the tables of a measured corridor, see `Plan.corridor_report`."""
    made, spec = measured(plan), plan.county.corridor
    if made is None or spec is None:
        return {}
    value = plan.standards.value
    return reports.tables(
        made, villages=plan.villages, facilities=plan.facilities,
        limits_km={k.key: float(value(k.standard)) for k in reports.KINDS},
        inventories=plan.inventories, within_m=float(value("corridor.near.within_m")),
        minutes=float(value("corridor.near.minutes")),
        near_m=float(value("corridor.station.on_road_m")), widths_m=plan.widths_m,
        network=plan.network, regions=plan.regions, areas=plan.areas,
        published_total_m=spec.published_km * 1000 if spec.published_km else None,
    )  # fmt: skip


def tables(plan: Plan) -> dict[str, pd.DataFrame]:
    """The tables of `corridor_report`, made once."""
    return plan.corridor_report()
