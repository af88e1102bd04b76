"""A corridor from a table of segments with published lengths: routed between their ends, checked."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qianwan_gis._errors import DataError, ProblemLog
from qianwan_gis.corridor import _build
from qianwan_gis.corridor._corridor import Corridor
from qianwan_gis.corridor.routes import off_motorways, route_via

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.network import RoadNetwork

_FROM = ("from", "起点", "起点地名", "自")
_TO = ("to", "终点", "讫点", "止点", "终点地名", "至")
_VIA = ("via", "途经", "途经地", "主要控制点")
_DIFFERS = 0.10  # a routed length this far off the published one is told: another road is meant


def places_of(table: pd.DataFrame) -> list[str]:
    """Return the names of all places that a table of segments goes through, each once."""
    found = [name for _, names in _stops(table, ProblemLog(), "segments") for name in names]
    return list(dict.fromkeys(found))


def from_table(
    network: RoadNetwork | gpd.GeoDataFrame,
    table: pd.DataFrame,
    places: gpd.GeoDataFrame,
    *,
    name: str = "",
    farthest: float = 3000.0,
    file: str = "segments",
) -> Corridor:
    """Presume a corridor from a published table of segments: each routed between its two ends.

    Parameters
    ----------
    network
        ROADS table, or a network made from one; motorways are left out.
    table
        One row per segment in order: ``from``, ``to`` (起点, 终点: names of places), ``length_m`` or
        ``length_km`` (published), optional ``branch`` (主线 when absent), ``via`` (途经, several joined
        by 、) and ``name``.
    places
        Points with ``name``.
    farthest
        A place further than this many metres from any road is an error.

    Returns
    -------
    A corridor of basis ``presumed``. `Corridor.completeness` sets each routed length against the
    published one; its ``problems`` name every segment that differs by more than 10 %.

    Raises
    ------
    DataError
        Missing columns, lengths that are no numbers, unknown places, places without a way
        between: every row at once.
    """
    import geopandas as gpd
    import shapely

    log = ProblemLog()
    names = {key: _build.column(table, key) for key in ("branch", "length_m", "length_km", "name")}
    if names["length_m"] is None and names["length_km"] is None:
        log.add("error", "missing_column", "缺少公布长度（length_m 或 length_km）",
                "there is no published length (length_m or length_km)",
                file=file, field="length_m")  # fmt: skip
    stops = _stops(table, log, file)
    log.raise_errors()
    network = off_motorways(network)
    known = places.drop_duplicates("name").set_index("name")
    rows, lines = [], []
    for (number, through), (_, row) in zip(stops, table.iterrows(), strict=True):
        branch = str(row[names["branch"]]).strip() if names["branch"] else "主线"
        metres = _build._number(row, names["length_m"], number, log, file)
        if np.isnan(metres):
            metres = _build._number(row, names["length_km"], number, log, file) * 1000.0
        missing = [n for n in through if n not in known.index]
        for place in missing:
            log.add("error", "unknown_via", f"没有“{place}”的点位", f"no point for “{place}”",
                    file=file, row=number)  # fmt: skip
        if missing:
            continue
        way = known.loc[through].reset_index()
        try:
            made = route_via(network, way, branch=branch, farthest=farthest)
        except DataError as error:
            log.extend(error.problems)
            continue
        label = (
            str(row[names["name"]])
            if names["name"] and pd.notna(row[names["name"]])
            else f"{through[0]}—{through[-1]}"
        )
        drawn = made.length
        if not np.isnan(metres) and abs(drawn - metres) > _DIFFERS * metres:
            log.add(
                "warning",
                "length_differs",
                f"“{label}”按路网{drawn / 1000:.1f} km，公布{metres / 1000:.1f} km，"
                f"相差{(drawn - metres) / metres:+.0%}，走的可能不是同一条路",
                f"“{label}” measures {drawn / 1000:.1f} km on the roads, published "
                f"{metres / 1000:.1f} km ({(drawn - metres) / metres:+.0%}): maybe another road",
                file=file,
                row=number,
                fix=("写明途经地（via），或换成实测线位", "name the places on the way (via), or use a surveyed line"),
            )  # fmt: skip
        lines.append(shapely.line_merge(made.lines.geometry.iloc[0]))
        rows.append((branch, number, label, metres, "presumed"))
    log.raise_errors()
    segments = gpd.GeoDataFrame(
        pd.DataFrame(rows, columns=["branch", "seq", "name", "length_m", "basis"]),
        geometry=lines,
        crs=network.edges.crs,
    )
    made = Corridor.from_segments(segments, basis="presumed", name=name, file=file)
    return replace(made, problems=(*made.problems, *log.problems))


def _stops(table: pd.DataFrame, log: ProblemLog, file: str) -> list[tuple[int, list[str]]]:
    """The places of each row in order: (row number, names)."""
    columns = {}
    for key, choices in (("from", _FROM), ("to", _TO), ("via", _VIA)):
        columns[key] = next((c for c in choices if c in table.columns), None)
        if columns[key] is None and key != "via":
            log.add("error", "missing_column", f"缺少字段“{choices[1]}”（{key}）",
                    f"column “{key}” is missing", file=file, field=key)  # fmt: skip
    if columns["from"] is None or columns["to"] is None:
        return []
    found = []
    for number, (_, row) in enumerate(table.iterrows(), start=1):
        between = row[columns["via"]] if columns["via"] else ""
        via = re.split(r"[、,，;；]", str(between)) if pd.notna(between) else []
        names = [row[columns["from"]], *via, row[columns["to"]]]
        through = [str(n).strip() for n in names if pd.notna(n) and str(n).strip()]
        if len(through) < 2:
            log.add("error", "null_value", "没有写明起点和终点", "start or end is empty",
                    file=file, row=number)  # fmt: skip
        found.append((number, through))
    return found
