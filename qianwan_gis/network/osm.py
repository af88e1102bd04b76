"""OSM files straight into a network, without a geometry object per road."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyproj

from qianwan_gis import datum
from qianwan_gis import roads as road_files
from qianwan_gis._errors import DataError, ProblemLog
from qianwan_gis.network.graph import RoadNetwork
from qianwan_gis.network.noding import _Kinds, edge_seconds, tell_structure

if TYPE_CHECKING:
    from qianwan_gis.standards import Standards


def from_osm(
    path: str | Path,
    standards: Standards | None = None,
    modes: Sequence[str] = ("car", "walk"),
    *,
    crs: Any = None,
    log: ProblemLog | None = None,
) -> RoadNetwork:
    """Make a network from an OSM file: ways join where they share nodes, as OSM means it.

    Parameters
    ----------
    path
        PBF or XML.
    standards, modes
        As for ``from_roads``.
    crs
        Projected CRS of the network; the CGCS2000 zone of its middle when None.
    log
        Gets warnings and notes; faults raise.

    Returns
    -------
    RoadNetwork
        Node ids are OSM node ids; edges carry ``osmid``, ``road_class``, ``bridge``, ….
    """
    from qianwan_gis.network import kernels
    from qianwan_gis.standards import Standards as Norms

    norms = standards if standards is not None else Norms.load()
    own = log if log is not None else ProblemLog()
    before = len(own.errors)
    ways = road_files.scan_osm(Path(path), log=own)
    if ways is None or len(own.errors) > before:
        raise DataError(own.problems)
    way, first, last = road_files.osm_segments(ways)
    tags = road_files.tidy_tags(road_files.osm_columns(ways.tags), Path(path).name, own)
    if len(own.errors) > before:
        raise DataError(own.problems)
    if crs is None:
        crs = datum.zone(float(np.nanmin(ways.lon) + np.nanmax(ways.lon)) / 2)
    move = pyproj.Transformer.from_crs(datum.WGS84, crs, always_xy=True)
    x, y = move.transform(ways.lon, ways.lat)
    counts = last - first + 1
    pointer = np.r_[0, np.cumsum(counts)].astype(np.int64)
    at = np.repeat(first - pointer[:-1], counts) + np.arange(pointer[-1])
    xy = np.column_stack([x[ways.ref[at]], y[ways.ref[at]]])
    nodes, ends = np.unique(np.r_[ways.ref[first], ways.ref[last]], return_inverse=True)
    ends = ends.astype(np.int32)
    backwards = tags["reverse"].to_numpy()[way]
    u: Any = ends[: len(first)]
    v: Any = ends[len(first) :]
    if backwards.any():
        # oneway=-1: turn the line so that it runs with the traffic
        u, v = np.where(backwards, v, u), np.where(backwards, u, v)
        xy = kernels.turn_lines(pointer, xy, backwards)
    metres = kernels.line_lengths(pointer, xy)
    table = tags.iloc[way].reset_index(drop=True)
    table["basis"] = "osm"
    seconds = edge_seconds(table, metres, _Kinds.of(table), norms, modes)
    attributes = table[["road_class", "name", "ref", "surface", "bridge", "tunnel"]].copy()
    attributes.insert(0, "osmid", ways.way_id[way])
    for name in ("road_class", "surface"):
        attributes[name] = attributes[name].astype("category")
    attributes["presumed"] = False
    net = RoadNetwork(
        crs=crs, node_ids=pd.Index(ways.node_id[nodes], name="node"), x=x[nodes], y=y[nodes],
        u=u, v=v, metres=metres, seconds=seconds, lines=(pointer, xy), attributes=attributes,
        snappable=~table["road_class"].isin(["motorway", "motorway_link"]).to_numpy(),
        access_kph=float(norms.value("access.walk.speed_kph")),
        reach_m=float(norms.value("roads.topology.access_m")),
    )  # fmt: skip
    if log is not None:
        tell_structure(net, log)
    return net
