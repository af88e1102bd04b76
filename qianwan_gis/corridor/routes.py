"""Corridors that nobody has drawn yet: along named roads, or through named places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from qianwan_gis._errors import DataError, Problem, ProblemLog, UsageError
from qianwan_gis._text import Text
from qianwan_gis.corridor._corridor import Corridor

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.network import RoadNetwork

MOTORWAYS = ("motorway", "motorway_link")


def from_roads(
    roads: gpd.GeoDataFrame,
    branches: Mapping[str, Mapping[str, Any]],
    *,
    tolerance: float = 5.0,
    basis: str | None = None,
    name: str = "",
) -> Corridor:
    """Build a corridor from the roads that bear a name or a number.

    Parameters
    ----------
    roads
        ROADS.
    branches
        What makes each branch: ``{"主线": {"ref": "S990"}, "支线一": {"name": "某某路"}}``; a list of
        values takes any of them. The main line comes first.
    tolerance
        Ends closer than this many metres meet. Crossings inside a road are no matter: chainage runs
        on through a junction.
    basis
        What is claimed of the course; the roads' own weakest when not given.

    Raises
    ------
    DataError
        A branch that no road answers to, or whose roads fork (a divided road has two lines: choose
        one of them).
    """
    import geopandas as gpd

    log = ProblemLog()
    rows = []
    for branch, wanted in branches.items():
        chosen = pd.Series(data=True, index=roads.index)
        for column, value in wanted.items():
            if column not in roads.columns:
                raise UsageError(
                    Text(f"道路表没有字段“{column}”", f"roads have no column “{column}”")
                )
            values = [value] if isinstance(value, str) else list(value)
            # a road may bear several numbers, "S990;X012"
            own = roads[column].fillna("").astype(str).str.split(r"[;；]")
            chosen &= own.map(lambda names, values=values: any(v in names for v in values))
        if "status" in roads.columns:
            chosen &= roads["status"] != "planned"
        if not chosen.any():
            log.add(
                "error",
                "no_such_road",
                f"没有道路符合“{branch}”的条件：{dict(wanted)}",
                f"no road answers to “{branch}”: {dict(wanted)}",
                file="roads",
                fix=("核对路名或路线编号", "check the name or number"),
            )
            continue
        found = roads[chosen]
        rows.append(
            pd.DataFrame(
                {
                    "branch": branch,
                    "basis": found["basis"].to_numpy(),
                    "geometry": found.geometry.to_numpy(),
                }
            )
        )
    log.raise_errors()
    table = gpd.GeoDataFrame(pd.concat(rows, ignore_index=True), geometry="geometry", crs=roads.crs)
    if basis is None and (table["basis"] == "osm").all():
        basis = "osm"
    return Corridor.from_segments(table, tolerance=tolerance, basis=basis, name=name, file="roads")


def route_via(
    network: RoadNetwork | gpd.GeoDataFrame,
    places: gpd.GeoDataFrame | gpd.GeoSeries,
    *,
    branch: str = "主线",
    by: str = "metres",
    name: str = "",
    farthest: float = 3000.0,
) -> Corridor:
    """Presume a corridor: the shortest way on the roads through places in their order.

    Parameters
    ----------
    network
        ROADS table, or a network made from one. Motorways and their ramps are left out: nobody
        stops at a village from a motorway.
    places
        At least two points, in order; ``name`` is used in messages where there is one.
    by
        ``metres`` or ``seconds``.
    farthest
        A place further than this many metres from any road is an error.

    Returns
    -------
    A corridor of basis ``presumed``: distances along it are for orientation (示意里程), it has no
    stakes and belongs in no summary.

    Raises
    ------
    UsageError
        Fewer than two places.
    DataError
        Places far from any road, or without a way between them: all at once, by name.
    """
    import geopandas as gpd

    if len(places) < 2:
        raise UsageError(Text("至少要两个途经地点", "at least two places are needed"))
    network = off_motorways(network)
    points = places.geometry
    names = (
        places["name"].astype(str).to_list()
        if "name" in getattr(places, "columns", ())
        else [str(label) for label in points.index]
    )
    log = ProblemLog()
    for label, point in zip(names, points, strict=True):
        if point is None or point.is_empty:
            log.add("error", "empty_geometry", f"途经地点“{label}”没有位置", f"“{label}” has no position",
                    file="via", row=label)  # fmt: skip
    log.raise_errors()
    snapped = network.snap(points)
    for label, metres in zip(names, snapped.metres, strict=True):
        if not metres <= farthest:
            log.add(
                "error",
                "no_road",
                f"途经地点“{label}”附近{farthest:.0f} m内没有道路",
                f"there is no road within {farthest:.0f} m of “{label}”",
                file="via",
                row=label,
            )
    log.raise_errors()
    paths = network.shortest_paths(points.iloc[:-1], points.iloc[1:], by=by, access=False)
    lines = []
    for path, start, end in zip(paths, names[:-1], names[1:], strict=True):
        if path.geometry is None:
            log.add("error", "no_way", f"“{start}”与“{end}”之间没有连通的道路",
                    f"there is no way from “{start}” to “{end}”", file="via")  # fmt: skip
        elif path.geometry.length > 0.0:
            lines.append(shapely.get_coordinates(path.geometry))
    log.raise_errors()
    if not lines:
        raise DataError(
            Problem(
                "no_length",
                "error",
                Text("途经地点都在道路的同一处", "all places are at one place on the road"),
                file="via",
            )
        )
    course = _without_spurs(np.concatenate(lines))
    table = gpd.GeoDataFrame(
        {"branch": [branch], "basis": ["presumed"]},
        geometry=[shapely.LineString(course)],
        crs=network.edges.crs,
    )
    return Corridor.from_segments(table, basis="presumed", name=name)


def off_motorways(network: RoadNetwork | gpd.GeoDataFrame) -> RoadNetwork:
    """Return a network without motorways and their ramps; the same one where it has none."""
    from qianwan_gis.network import RoadNetwork

    if not isinstance(network, RoadNetwork):
        return RoadNetwork.from_roads(_without_motorways(network), modes=("car",))
    if "road_class" in network.edges and network.edges["road_class"].isin(MOTORWAYS).any():
        return RoadNetwork.from_roads(_without_motorways(_roads_of(network)), modes=("car",))
    return network


def _without_motorways(roads: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    kept = roads[~roads["road_class"].isin(MOTORWAYS)]
    return kept[kept["status"] != "planned"] if "status" in kept.columns else kept


def _roads_of(network: RoadNetwork) -> gpd.GeoDataFrame:
    """The network's edges as ROADS again: their ends meet exactly, so the joints stay."""
    edges = network.edges
    return edges.assign(
        road_id=[str(i) for i in range(len(edges))],
        status="existing",
        bridge=True,  # junctions are cut already; nothing new may join where lines cross
    )


def _without_spurs(course: np.ndarray) -> np.ndarray:
    """Cut out every way in and back out again, so that the course passes no vertex twice."""
    seen: dict[tuple[float, float], int] = {}
    clean: list[tuple[float, float]] = []
    for x, y in np.round(course, 3).tolist():
        if (x, y) in seen:
            at = seen[x, y]
            for dropped in clean[at + 1 :]:
                del seen[dropped]
            clean = clean[: at + 1]
        else:
            seen[x, y] = len(clean)
            clean.append((x, y))
    return np.array(clean)
