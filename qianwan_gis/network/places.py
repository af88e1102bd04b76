"""Places on a network: points snapped to the nearest place on an edge, and nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from qianwan_gis._errors import DataError, ProblemLog, UsageError
from qianwan_gis._text import Text
from qianwan_gis.network.topology import FloatArray, IntArray, hilbert_order
from qianwan_gis.network.weights import View

if TYPE_CHECKING:
    from qianwan_gis.network.graph import RoadNetwork


_NOWHERE = np.empty(0, np.int32)


@dataclass(frozen=True, eq=False)
class Snapped:
    """Where points (or nodes) are on a network.

    Attributes
    ----------
    index
        Labels: the index of the points' table, or the node ids asked.
    node
        Position of the node in ``net.nodes``, -1 where the place is inside an edge or unknown.
    edge, fraction
        Edge number (-1 at a node, or where no road was found) and share of its length from u.
    metres
        Straight distance from the point to the road (m); 0 for nodes, NaN where nothing was found.
    x, y
        The place on the road, in the network's working CRS.
    """

    index: pd.Index
    node: IntArray
    edge: IntArray
    fraction: FloatArray
    metres: FloatArray
    x: FloatArray
    y: FloatArray

    def __len__(self) -> int:
        return len(self.node)

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """Whether each point has a place on the network."""
        return (self.node >= 0) | (self.edge >= 0)

    def table(self) -> pd.DataFrame:
        """Return the places as a table with the points' index."""
        return pd.DataFrame(
            {
                "node": self.node,
                "edge": self.edge,
                "fraction": self.fraction,
                "metres": self.metres,
                "x": self.x,
                "y": self.y,
            },
            index=self.index,
        )


@dataclass(frozen=True, eq=False)
class SegmentTree:
    """Packed tree of boxes over all segments of all edges, in Hilbert order."""

    edge: IntArray
    vertex: npt.NDArray[np.int64]
    boxes: FloatArray
    offsets: npt.NDArray[np.int64]


def segment_tree(pointer: npt.NDArray[np.int64], xy: FloatArray) -> SegmentTree:
    """Build the snapping index of ragged lines."""
    from qianwan_gis.network import kernels

    edge, vertex, x, y = kernels.segment_list(pointer, xy)
    order = hilbert_order(x, y)
    edge, vertex = edge[order], vertex[order]
    offsets = [0]
    size = len(edge)
    while size > 0:
        size = -(-size // kernels.LEAF)
        offsets.append(offsets[-1] + size)
        if size == 1:
            break
    levels = np.array(offsets, np.int64)
    return SegmentTree(edge, vertex, kernels.build_boxes(vertex, xy, levels), levels)


def point_coordinates(points: Any, crs: Any) -> tuple[pd.Index, FloatArray, FloatArray]:
    """Index and coordinates of a table of points in ``crs``; NaN where there is no point."""
    series = points.geometry
    log = ProblemLog()
    if series.crs is None:
        log.add(
            "error", "no_crs", "点图层没有坐标系", "the point layer has no CRS",
            fix=("先设置坐标系，如 set_crs", "set it first, e.g. with set_crs"),
        )  # fmt: skip
        log.raise_errors()
    values = np.asarray(series.array)
    kinds = shapely.get_type_id(values)
    for row in np.flatnonzero((kinds != 0) & (kinds != -1)):
        log.add(
            "error", "not_a_point", f"几何类型是{values[row].geom_type}，不是点",
            f"geometry is a {values[row].geom_type}, not a point",
            row=int(row) + 1, field="geometry",
            fix=("面或线请先取代表点", "take a representative point first"),
        )  # fmt: skip
    log.raise_errors()
    if not series.crs.equals(crs):
        series = series.to_crs(crs)
        values = np.asarray(series.array)
    x, y = np.full(len(values), np.nan), np.full(len(values), np.nan)
    there = np.flatnonzero(~(shapely.is_missing(values) | shapely.is_empty(values)))
    xy = shapely.get_coordinates(values[there])
    x[there], y[there] = xy[:, 0], xy[:, 1]
    return series.index, x, y


def snap(
    net: RoadNetwork, points: Any, *, mode: str | None, farthest: float | None = None
) -> Snapped:
    """Snap points to the nearest place on an edge that the mode may use; see `RoadNetwork.snap`."""
    from qianwan_gis.network import kernels

    work = net.working
    index, px, py = point_coordinates(points, work.crs)
    tree = work.tree
    allowed = net.passable(mode) & net.snappable
    edge, vertex, share, metres, x, y = kernels.snap_points(
        px, py, tree.edge, tree.vertex, work.xy, tree.boxes, tree.offsets, allowed,
        net.reach_m if farthest is None else float(farthest),
    )  # fmt: skip
    fraction = kernels.edge_fraction(work.pointer, work.xy, edge, vertex, share)
    node = np.full(len(edge), -1, np.int32)
    at_u = (edge >= 0) & (fraction <= 0.0)
    at_v = (edge >= 0) & (fraction >= 1.0)
    node[at_u] = net.u[edge[at_u]]
    node[at_v] = net.v[edge[at_v]]
    edge = np.where(node >= 0, np.int32(-1), edge)
    return Snapped(index, node, edge, fraction, metres, x, y)


def nodes_as_places(net: RoadNetwork, ids: Any) -> Snapped:
    """Turn node ids into places; unknown ids are all named in one error."""
    labels = ids if isinstance(ids, pd.Index) else pd.Index(_as_list(ids))
    if net.plain_ids and len(labels) and pd.api.types.is_integer_dtype(labels.dtype):
        numbers = labels.to_numpy()
        if numbers.min() < 0 or numbers.max() >= len(net.x):
            numbers = np.where((numbers < 0) | (numbers >= len(net.x)), -1, numbers)
        node = numbers.astype(np.int32)
    else:
        node = net.node_ids.get_indexer(labels).astype(np.int32)
    if len(node) and node.min() < 0:
        unknown = [str(label) for label in labels[node < 0][:10]]
        more = Text("……", " …") if int((node < 0).sum()) > 10 else Text("", "")
        raise UsageError(
            Text(
                f"路网中没有这些节点：{'、'.join(unknown)}{more.zh}",
                f"the network has no such nodes: {', '.join(unknown)}{more.en}",
            )
        )
    n = len(node)
    return Snapped(
        labels, node, np.full(n, -1, np.int32), np.zeros(n), np.zeros(n), net.x[node], net.y[node]
    )


def _as_list(ids: Any) -> Any:
    if isinstance(ids, np.ndarray):
        return ids
    if isinstance(ids, pd.Series):
        return ids.to_numpy()
    if isinstance(ids, str | bytes) or not hasattr(ids, "__iter__"):
        return [ids]
    return list(ids)


def as_places(net: RoadNetwork, what: Any, *, mode: str | None) -> Snapped:
    """Accept points (table or series), node ids, or places snapped before."""
    if isinstance(what, Snapped):
        return what
    if hasattr(what, "geom_type") and not hasattr(what, "index"):  # a lone shapely geometry
        raise _bare_geometry()
    if hasattr(what, "geometry"):
        return snap(net, what, mode=mode)
    return nodes_as_places(net, what)


def _bare_geometry() -> DataError:
    """Return the error for a geometry that cannot say its CRS."""
    log = ProblemLog()
    log.add(
        "error", "no_crs", "单个几何没有坐标系", "a bare geometry has no CRS",
        fix=("请放入带坐标系的 GeoSeries", "put it into a GeoSeries with a CRS"),
    )  # fmt: skip
    return DataError(log.problems)


@dataclass(frozen=True, eq=False)
class Anchors:
    """Places in terms of the core graph, with access legs in both weights of a view.

    ``cost`` columns: to A, to B, from A, from B, then the same in the second weight; legs are not
    included. A place that was not found has no ends.
    """

    index: pd.Index
    chain: IntArray
    ends: IntArray
    cost: FloatArray
    where: IntArray
    tau: FloatArray
    leg: FloatArray
    leg2: FloatArray

    def __len__(self) -> int:
        return len(self.chain)

    def take(self, rows: npt.NDArray[Any]) -> Anchors:
        """Return the places of the rows."""
        return Anchors(
            self.index.take(rows), self.chain[rows], self.ends[rows], self.cost[rows],
            self.where[rows], self.tau[rows], self.leg[rows], self.leg2[rows],
        )  # fmt: skip

    def seeds(self, *, towards_core: bool) -> FloatArray:
        """Columns cost A, cost B, second A, second B, leg, second leg, legs included."""
        first = 0 if towards_core else 2
        out = np.empty((len(self), 6))
        out[:, 0:2] = self.cost[:, first : first + 2] + self.leg[:, None]
        out[:, 2:4] = self.cost[:, first + 4 : first + 6] + self.leg2[:, None]
        out[:, 4] = self.leg
        out[:, 5] = self.leg2
        return out


def anchor(
    net: RoadNetwork, places: Snapped, view: View, by: str, *, access: bool, second: bool = True
) -> Anchors:
    """Express places in the numbers of the core graph and the weights of a view.

    Without ``second`` the columns of the second weight hold nothing of use.
    """
    from qianwan_gis.network import kernels

    topology = view.topology
    n = len(places)
    lost = ~places.found
    inside = bool((places.edge >= 0).any())
    chain, ends, cost, where, tau = kernels.place_costs(
        topology.start, topology.code, topology.a, topology.b, view.weights,
        view.weights2 if second else view.weights, topology.core_of,
        topology.position if inside else _NOWHERE, places.node, places.edge, places.fraction,
    )  # fmt: skip
    if access:
        metres = np.where(lost, 0.0, places.metres)
        seconds = metres / (net.access_kph / 3.6)
    else:
        metres = seconds = np.zeros(n)
    leg, leg2 = (seconds, metres) if by == "seconds" else (metres, seconds)
    return Anchors(places.index, chain, ends, cost, where, tau, leg, leg2)
