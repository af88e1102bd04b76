"""RoadNetwork: the one object that outside code sees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.network import places as _places
from qianwan_gis.network.places import SegmentTree, Snapped
from qianwan_gis.network.topology import FloatArray, IntArray, Topology, build
from qianwan_gis.network.weights import View

if TYPE_CHECKING:
    import geopandas as gpd
    import networkx as nx

    from qianwan_gis.network.queries import Path, ServiceArea
    from qianwan_gis.standards import Standards

BoolArray = npt.NDArray[np.bool_]
Progress = Callable[[int, int], Any]

# Walking from the door to the road, where no standard says otherwise (STANDARDS: 15 min = 1 km).
DEFAULT_ACCESS_KPH = 4.0


@dataclass(frozen=True, eq=False)
class Seconds:
    """Travel time of every edge from u to v and back; inf where the mode may not go."""

    forward: FloatArray
    backward: FloatArray


@dataclass(frozen=True, eq=False)
class Working:
    """Edge coordinates in a projected CRS (metres), and the index for snapping."""

    crs: pyproj.CRS
    pointer: npt.NDArray[np.int64]
    xy: FloatArray

    @cached_property
    def tree(self) -> SegmentTree:
        """Snapping index, built when it is first needed."""
        return _places.segment_tree(self.pointer, self.xy)


class RoadNetwork:
    """A road network with several weights, asked by points or by node ids.

    Made by `from_edges`, `from_roads`, `from_osm`, `from_networkx`, `from_csr` or `open`; never
    changed afterwards. ``with_weights`` gives a scenario on the same topology.

    Attributes
    ----------
    crs
        CRS of the coordinates.
    node_ids
        The caller's node ids, in the order given.
    x, y
        Node coordinates in ``crs``.
    u, v
        Node positions of both ends of every edge.
    seconds
        Travel time by mode.
    attributes
        One row per edge with whatever the source said of it (road_id, road_class, presumed, …).
    modes
        Names of the modes; the first is the default.
    access_kph
        Speed of the straight leg between a point and the road.
    reach_m
        Longest access leg; a point farther away has no road.
    """

    def __init__(
        self,
        *,
        crs: Any,
        node_ids: pd.Index,
        x: FloatArray,
        y: FloatArray,
        u: IntArray,
        v: IntArray,
        metres: FloatArray | None,
        seconds: Mapping[str, Seconds],
        lines: tuple[npt.NDArray[np.int64], FloatArray] | None = None,
        attributes: pd.DataFrame | None = None,
        node_attributes: pd.DataFrame | None = None,
        snappable: BoolArray | None = None,
        access_kph: float = DEFAULT_ACCESS_KPH,
        reach_m: float = float("inf"),
        extra: Mapping[str, Any] | None = None,
        topology: Topology | None = None,
    ) -> None:
        self.crs = pyproj.CRS.from_user_input(crs)
        self.node_ids = node_ids
        self.x, self.y, self.u, self.v = x, y, u, v
        self._metres = metres
        self.seconds = dict(seconds)
        self.modes = tuple(self.seconds)
        self.attributes = (
            attributes if attributes is not None else pd.DataFrame(index=pd.RangeIndex(len(u)))
        )
        self.node_attributes = (
            node_attributes
            if node_attributes is not None
            else pd.DataFrame(index=pd.RangeIndex(len(x)))
        )
        self.snappable = snappable if snappable is not None else np.ones(len(u), np.bool_)
        self.access_kph = float(access_kph)
        self.reach_m = float(reach_m)
        self.extra = dict(extra or {})
        self._lines = lines
        self._topology = topology
        self._views: dict[tuple[str, str], View] = {}

    # ------------------------------------------------------------ makers

    @classmethod
    def from_edges(
        cls,
        nodes: pd.DataFrame,
        edges: pd.DataFrame,
        crs: Any,
        *,
        mode: str = "car",
        access_kph: float = DEFAULT_ACCESS_KPH,
    ) -> RoadNetwork:
        """Make a network from tables of nodes and edges.

        Parameters
        ----------
        nodes
            Columns ``node`` (any hashable id), ``x``, ``y``; others are kept.
        edges
            Columns ``u``, ``v``, ``seconds``, ``metres``, optionally ``oneway`` (travel from u to
            v only), ``geometry`` (LineString from u to v; straight where absent) and
            ``seconds_back``; others are kept. Edges go both ways unless ``oneway``. Weights are
            taken as given, never checked against geometry. Self loops, parallel edges, zero
            weights and isolated nodes are legal.
        crs
            CRS of the coordinates.
        mode
            Name of the weight ``seconds``.
        access_kph
            Speed of the straight leg between a point and the road.

        Raises
        ------
        DataError
            Missing columns, unknown or repeated node ids, negative or NaN weights: all at once.
        """
        from qianwan_gis.network import builders

        return builders.from_edges(nodes, edges, crs, mode=mode, access_kph=access_kph)

    @classmethod
    def from_csr(
        cls,
        indptr: Any,
        indices: Any,
        seconds: Any,
        x: Any,
        y: Any,
        crs: Any,
        *,
        metres: Any = None,
        mode: str = "car",
        access_kph: float = DEFAULT_ACCESS_KPH,
    ) -> RoadNetwork:
        """Make a network from a directed CSR graph (rows with ascending targets, no duplicates).

        An arc and its opposite become one edge with two travel times. Without ``metres`` the
        lengths are the straight distances between the nodes. ``crs`` must be projected then.
        """
        from qianwan_gis.network import builders

        return builders.from_csr(
            indptr, indices, seconds, x, y, crs, metres=metres, mode=mode, access_kph=access_kph
        )

    @classmethod
    def from_roads(
        cls,
        roads: gpd.GeoDataFrame,
        standards: Standards | None = None,
        modes: Sequence[str] = ("car", "walk"),
        **options: Any,
    ) -> RoadNetwork:
        """Make a network from a ROADS table; see `qianwan_gis.network.noding.from_roads`."""
        from qianwan_gis.network import noding

        return noding.from_roads(roads, standards, modes, **options)

    @classmethod
    def from_osm(
        cls,
        path: str | FilePath,
        standards: Standards | None = None,
        modes: Sequence[str] = ("car", "walk"),
        **options: Any,
    ) -> RoadNetwork:
        """Make a network from an OSM file (PBF or XML); see `qianwan_gis.network.osm.from_osm`."""
        from qianwan_gis.network import osm

        return osm.from_osm(path, standards, modes, **options)

    @classmethod
    def from_networkx(cls, graph: nx.Graph, **options: Any) -> RoadNetwork:
        """Make a network from an osmnx graph; see `qianwan_gis.network.convert.from_networkx`."""
        from qianwan_gis.network import convert

        return convert.from_networkx(graph, **options)

    @classmethod
    def open(cls, path: str | FilePath) -> RoadNetwork:
        """Open a network written by `save`; arrays stay on disk until they are used."""
        from qianwan_gis.network import store

        return store.open_network(FilePath(path))

    def save(self, path: str | FilePath) -> FilePath:
        """Write the network, topology included, into one compact file that `open` maps."""
        from qianwan_gis.network import store

        return store.save_network(self, FilePath(path))

    def to_networkx(self, mode: str | None = None) -> nx.MultiDiGraph:
        """Return a MultiDiGraph that osmnx accepts; `from_networkx` gives the network back."""
        from qianwan_gis.network import convert

        return convert.to_networkx(self, mode=mode)

    # ------------------------------------------------------------ tables

    def __repr__(self) -> str:
        return (
            f"RoadNetwork({len(self.x)} nodes, {len(self.u)} edges, "
            f"modes={'/'.join(self.modes)}, crs={self.crs.to_string()})"
        )

    @cached_property
    def plain_ids(self) -> bool:
        """Whether node ids are simply 0, 1, 2 and so on."""
        return isinstance(self.node_ids, pd.RangeIndex) and (
            self.node_ids.start == 0 and self.node_ids.step == 1
        )

    @property
    def metres(self) -> FloatArray:
        """Length of every edge as given; the straight distance where the source gave none."""
        if self._metres is None:
            self._metres = np.hypot(
                self.x[self.u] - self.x[self.v], self.y[self.u] - self.y[self.v]
            )
        return self._metres

    @property
    def nodes(self) -> pd.DataFrame:
        """Node table: index node id, ``x``, ``y`` and the source's attributes."""
        table = pd.DataFrame({"x": self.x, "y": self.y}, index=self.node_ids)
        for name in self.node_attributes.columns:
            table[name] = self.node_attributes[name].array
        return table

    @property
    def edges(self) -> gpd.GeoDataFrame:
        """Edge table in the order given: ids of both ends, weights, attributes, geometry."""
        import geopandas as gpd

        times = self.seconds[self.modes[0]]
        table = pd.DataFrame(
            {
                "u": self.node_ids.take(self.u),
                "v": self.node_ids.take(self.v),
                "seconds": np.minimum(times.forward, times.backward),
                "metres": self.metres,
                "oneway": np.isinf(times.backward) & np.isfinite(times.forward),
            }
        )
        for name in self.attributes.columns:
            if name not in table.columns:
                table[name] = self.attributes[name].array
        return gpd.GeoDataFrame(table, geometry=self.edge_lines(), crs=self.crs)

    def edge_lines(self, edges: IntArray | None = None) -> Any:
        """LineStrings of edges (all by default) in the network's CRS, as a numpy array."""
        import shapely

        pointer, xy = self.lines
        if edges is None:
            return shapely.from_ragged_array(
                shapely.GeometryType.LINESTRING, np.ascontiguousarray(xy), (pointer,)
            )
        from qianwan_gis.network import kernels

        zeros, ones = np.zeros(len(edges)), np.ones(len(edges))
        ip, part = kernels.cut_lines(pointer, xy, edges, zeros, ones)
        return shapely.from_ragged_array(shapely.GeometryType.LINESTRING, part, (ip,))

    @property
    def lines(self) -> tuple[npt.NDArray[np.int64], FloatArray]:
        """Ragged coordinates of the edges; straight lines where the source gave none."""
        if self._lines is None:
            xy = np.empty((2 * len(self.u), 2))
            xy[::2, 0], xy[::2, 1] = self.x[self.u], self.y[self.u]
            xy[1::2, 0], xy[1::2, 1] = self.x[self.v], self.y[self.v]
            self._lines = (np.arange(0, len(xy) + 1, 2, dtype=np.int64), xy)
        return self._lines

    @cached_property
    def working(self) -> Working:
        """Edge coordinates for snapping and cutting, in metres."""
        pointer, xy = self.lines
        if self.crs.is_projected:
            return Working(self.crs, pointer, xy)
        from qianwan_gis import datum

        crs = datum.zone(float(np.median(self.x)) if len(self.x) else 105.0)
        move = pyproj.Transformer.from_crs(self.crs, crs, always_xy=True)
        return Working(crs, pointer, np.column_stack(move.transform(xy[:, 0], xy[:, 1])))

    @property
    def presumed(self) -> BoolArray:
        """Whether each edge is presumed (basis ``presumed``) rather than recorded."""
        if "presumed" in self.attributes.columns:
            return np.asarray(self.attributes["presumed"], dtype=np.bool_)
        return np.zeros(len(self.u), np.bool_)

    @property
    def edges_presumed_metres(self) -> FloatArray:
        """Presumed length of every edge (m): its length where presumed, else 0."""
        return np.where(self.presumed, self.metres, 0.0)

    # ------------------------------------------------------------ weights

    def mode_name(self, mode: str | None) -> str:
        """Return ``mode``, or the default; UsageError for an unknown one."""
        if mode is None:
            return self.modes[0]
        if mode not in self.seconds:
            raise UsageError(
                Text(
                    f"路网没有出行方式“{mode}”，可用：{'、'.join(self.modes)}",
                    f"the network has no mode “{mode}”; it has: {', '.join(self.modes)}",
                )
            )
        return mode

    def passable(self, mode: str | None) -> BoolArray:
        """Edges that the mode may use in at least one direction."""
        times = self.seconds[self.mode_name(mode)]
        return np.asarray(np.isfinite(times.forward) | np.isfinite(times.backward), dtype=np.bool_)

    @property
    def topology(self) -> Topology:
        """Chains and core graph, built once and shared by all scenarios."""
        if self._topology is None:
            self._topology = build(self.u, self.v, self.x, self.y)
        return self._topology

    def view(self, mode: str, by: str) -> View:
        """Weights of one mode by ``seconds`` or ``metres`` in the searched form."""
        key = (mode, by)
        if key not in self._views:
            if by not in ("seconds", "metres"):
                raise UsageError(
                    Text(f"by 只能是 seconds 或 metres，不是“{by}”",
                         f"by is seconds or metres, not “{by}”")
                )  # fmt: skip
            topology, times = self.topology, self.seconds[mode]
            if by == "seconds":
                view = View(topology, times.forward, times.backward, lambda: self._open(mode))
            else:
                view = View(topology, *self._open(mode), lambda: (times.forward, times.backward))
            self._views[key] = view
        return self._views[key]

    def _open(self, mode: str) -> tuple[FloatArray, FloatArray]:
        """Metres forward and backward, inf where the mode may not go."""
        times = self.seconds[mode]
        if times.backward is times.forward:
            only = self._metres_where(times.forward)
            return only, only
        return self._metres_where(times.forward), self._metres_where(times.backward)

    def _metres_where(self, seconds: FloatArray) -> FloatArray:
        open_edge = np.isfinite(seconds)
        return self.metres if open_edge.all() else np.where(open_edge, self.metres, np.inf)

    def with_weights(
        self,
        seconds: Any = None,
        *,
        backward: Any = None,
        closed: Any = None,
        mode: str | None = None,
    ) -> RoadNetwork:
        """Return the same network with other travel times or closed edges; nothing is rebuilt.

        Parameters
        ----------
        seconds
            Seconds per edge, in edge order. One-way edges stay one-way.
        backward
            Seconds from v to u where they differ.
        closed
            Boolean per edge: True closes it for every mode, or for ``mode`` alone when given.
        mode
            Mode that the seconds belong to; the default mode when None.
        """
        times = dict(self.seconds)
        if seconds is not None:
            name = self.mode_name(mode)
            old = times[name]
            new = self.edge_values(seconds, "seconds")
            back = new if backward is None else self.edge_values(backward, "backward")
            if np.isfinite(old.forward).all() and np.isfinite(old.backward).all():
                times[name] = Seconds(new, back)
            else:
                times[name] = Seconds(
                    np.where(np.isfinite(old.forward), new, np.inf),
                    np.where(np.isfinite(old.backward), back, np.inf),
                )
        if closed is not None:
            mask = np.asarray(closed)
            if mask.dtype != np.bool_ or mask.shape != self.u.shape:
                raise UsageError(
                    Text(f"closed 应为 {len(self.u)} 个真假值，每条边一个",
                         f"closed must hold {len(self.u)} booleans, one per edge")
                )  # fmt: skip
            for name in [self.mode_name(mode)] if mode is not None else self.modes:
                old = times[name]
                shut = np.where(mask, np.inf, old.forward)
                same = old.backward is old.forward
                times[name] = Seconds(shut, shut if same else np.where(mask, np.inf, old.backward))
        return self._copy(times)

    def _copy(self, times: Mapping[str, Seconds]) -> RoadNetwork:
        topology = self.topology  # built now, so that both share it
        other = RoadNetwork(
            crs=self.crs, node_ids=self.node_ids, x=self.x, y=self.y, u=self.u, v=self.v,
            metres=self._metres, seconds=times, lines=self._lines, attributes=self.attributes,
            node_attributes=self.node_attributes, snappable=self.snappable,
            access_kph=self.access_kph, reach_m=self.reach_m, extra=self.extra, topology=topology,
        )  # fmt: skip
        if "working" in self.__dict__:
            other.__dict__["working"] = self.__dict__["working"]
        for (mode, by), view in self._views.items():
            if times[mode] is self.seconds[mode]:
                other._views[(mode, by)] = view
        return other

    def edge_values(self, values: Any, name: str) -> FloatArray:
        """Return one number >= 0 per edge as an array; UsageError for anything else."""
        array = np.array(values, np.float64)
        if array.shape != self.u.shape or np.isnan(array).any() or (array < 0).any():
            raise UsageError(
                Text(f"{name} 应为 {len(self.u)} 个非负数，每条边一个",
                     f"{name} must hold {len(self.u)} numbers >= 0, one per edge")
            )  # fmt: skip
        return array

    # ------------------------------------------------------------ structure

    def components(self, mode: str | None = None) -> pd.DataFrame:
        """Connected parts of the network for a mode, largest first.

        Returns
        -------
        DataFrame
            ``component``, ``nodes``, ``edges``, ``metres``. Directions are ignored.
        """
        label = self.node_component(mode)
        open_edge = self.passable(mode)
        count = int(label.max()) + 1 if len(label) else 0
        of_edge = label[self.u[open_edge]]
        table = pd.DataFrame(
            {
                "component": np.arange(count),
                "nodes": np.bincount(label, minlength=count),
                "edges": np.bincount(of_edge, minlength=count),
                "metres": np.bincount(of_edge, self.metres[open_edge], minlength=count),
            }
        )
        return table.sort_values(
            ["nodes", "component"], ascending=[False, True], kind="stable", ignore_index=True
        )

    def node_component(self, mode: str | None = None) -> IntArray:
        """Component number of every node; compare those of two `Snapped` places with `component`."""
        from qianwan_gis.network import kernels

        return kernels.components(  # type: ignore[no-any-return]
            self.u, self.v, self.passable(mode), len(self.x)
        )

    def component(self, places: Snapped, mode: str | None = None) -> IntArray:
        """Component number of places, -1 where no road was found."""
        label = self.node_component(mode)
        node = np.where(places.node >= 0, places.node, self.u[places.edge] if len(self.u) else 0)
        return np.where(places.found, label[node], -1).astype(np.int32)

    def dead_ends(self, mode: str | None = None) -> pd.Index:
        """Ids of the nodes where exactly one passable edge ends."""
        open_edge = self.passable(mode)
        degree = np.bincount(self.u[open_edge], minlength=len(self.x)) + np.bincount(
            self.v[open_edge], minlength=len(self.x)
        )
        return self.node_ids[degree == 1]

    # ------------------------------------------------------------ questions

    def snap(
        self, points: Any, *, mode: str | None = None, farthest: float | None = None
    ) -> Snapped:
        """Place points on the network: the nearest place on an edge that the mode may use.

        Parameters
        ----------
        points
            GeoDataFrame or GeoSeries of points, any CRS; missing geometry stays unplaced.
        mode
            Mode of travel; the default mode when None.
        farthest
            Metres beyond which a point finds no road; ``reach_m`` of the network when None.
        """
        return _places.snap(self, points, mode=mode, farthest=farthest)

    def nearest(
        self,
        origins: Any,
        facilities: Any,
        k: int = 1,
        limit: float | None = None,
        by: str = "seconds",
        mode: str | None = None,
        *,
        access: bool = True,
        carry: Mapping[str, Any] | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> pd.DataFrame:
        """Nearest facilities of every origin, travelling from the origin to the facility.

        Parameters
        ----------
        origins, facilities
            Points (GeoDataFrame, GeoSeries: snapped onto edges, the access leg counts), arrays of
            node ids, or `Snapped`.
        k
            How many facilities per origin.
        limit
            Largest cost in units of ``by``, inclusive, access legs included.
        by
            ``seconds`` or ``metres``: what is kept small. Both are reported of the path chosen.
        mode
            Mode of travel; the default mode when None.
        access
            Whether the straight legs between points and roads count.
        carry
            Further edge values to add up along the paths, without access legs: name -> array per
            edge.
        threads
            Threads; the answer does not depend on them. All processors when None, but one for
            k = 1 on a network of less than 200,000 nodes.
        progress
            Called with (done, total); what it raises stops the search.

        Returns
        -------
        DataFrame
            ``origin``, ``facility``, ``seconds``, ``metres``, ``rank``. For k = 1 exactly one row
            per origin in the order asked, NaN where none is reached; for k > 1 only the facilities
            reached. Equal costs go to the facility that comes first.
        """
        from qianwan_gis.network import queries

        return queries.nearest(
            self, origins, facilities, k, limit, by, self.mode_name(mode),
            access=access, carry=carry, threads=threads, progress=progress,
        )  # fmt: skip

    def nearest_paths(
        self,
        origins: Any,
        facilities: Any,
        limit: float | None = None,
        by: str = "seconds",
        mode: str | None = None,
        *,
        access: bool = True,
    ) -> gpd.GeoDataFrame:
        """Way of every origin to its nearest facility; parameters as for `nearest`.

        Returns
        -------
        GeoDataFrame
            ``origin``, ``facility``, ``seconds``, ``metres`` and the line on the roads (None where
            nothing is reached), one row per origin in the order asked.
        """
        from qianwan_gis.network import paths

        return paths.paths_to_nearest(
            self, origins, facilities, limit, by, self.mode_name(mode), access=access
        )

    def compare(
        self,
        other: RoadNetwork,
        origins: Any,
        facilities: Any,
        limit: float | None = None,
        by: str = "seconds",
        mode: str | None = None,
    ) -> pd.DataFrame:
        """What a scenario changes for every origin: this network before, ``other`` after.

        Parameters
        ----------
        other
            The scenario, usually from ``with_weights``.
        origins, facilities, limit, by, mode
            As for `nearest`.

        Returns
        -------
        DataFrame
            ``origin``, ``facility_before``, ``facility_after``, ``before``, ``after``, ``change``
            (in units of ``by``; NaN where either is not reached) and ``verdict``: same, better,
            worse, lost, gained, or none where neither reaches a facility.
        """
        from qianwan_gis.network import queries

        one, two = (
            net.nearest(origins, facilities, limit=limit, by=by, mode=mode) for net in (self, other)
        )
        return queries.compared(one, two, by)

    def od_matrix(
        self,
        origins: Any,
        destinations: Any,
        limit: float | None = None,
        by: str = "seconds",
        mode: str | None = None,
        *,
        access: bool = True,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> pd.DataFrame:
        """Costs between all pairs that are reachable within the limit (inclusive).

        Returns
        -------
        DataFrame
            ``origin``, ``destination``, ``seconds``, ``metres``, in the order of origins, then of
            destinations. Parameters as for `nearest`.
        """
        from qianwan_gis.network import queries

        return queries.od_matrix(
            self, origins, destinations, limit, by, self.mode_name(mode),
            access=access, threads=threads, progress=progress,
        )  # fmt: skip

    def service_area(
        self,
        facilities: Any,
        limits: Iterable[float],
        by: str = "seconds",
        mode: str | None = None,
        *,
        direction: str = "to",
        merge: bool = False,
        rings: bool = False,
        polygons: bool = True,
        buffer_m: float = 100.0,
        access: bool = True,
        threads: int | None = None,
        progress: Progress | None = None,
        overlap: bool = True,
    ) -> ServiceArea:
        """Roads from which a facility is reached within each limit, cut exactly there.

        Parameters
        ----------
        facilities
            As for `nearest`.
        limits
            Costs in units of ``by``, inclusive.
        direction
            ``to`` the facility (default) or ``from`` it.
        merge
            One area of all facilities together instead of one each.
        rings
            Areas between successive limits instead of nested ones.
        polygons
            Whether polygons are built as well.
        buffer_m
            Distance (m) around the covered roads that the polygons take in. Empty hills between
            roads stay outside, holes stay holes.
        overlap
            Whether areas of different facilities may overlap. If not, every place on the roads
            belongs to its nearest facility (the first one at equal cost), cut exactly where two
            cost the same, and ground in reach of the buffers of several belongs to the nearest
            covered road.

        Returns
        -------
        ServiceArea
            ``edges``: facility, limit, edge, from_fraction, to_fraction, metres, geometry;
            ``polygons``: facility, limit, buffer_m, geometry.
        """
        from qianwan_gis.network import service

        return service.service_area(
            self, facilities, limits, by, self.mode_name(mode), direction=direction, merge=merge,
            rings=rings, polygons=polygons, buffer_m=buffer_m, access=access, threads=threads,
            progress=progress, overlap=overlap,
        )  # fmt: skip

    def shortest_path(
        self,
        origin: Any,
        destination: Any,
        by: str = "seconds",
        mode: str | None = None,
        *,
        access: bool = True,
    ) -> Path:
        """Shortest path between two places: node id, point in the network's CRS, or table of one.

        Returns
        -------
        Path
            ``geometry`` (LineString in the network's CRS, without the access legs), ``seconds``,
            ``metres`` (legs included), ``edges``; unpacks as (geometry, seconds, metres, edges).
            Where there is no way: geometry None, NaN.
        """
        from qianwan_gis.network import paths

        return paths.shortest_paths(
            self, self._one(origin), self._one(destination), by, self.mode_name(mode), access=access
        )[0]

    def _one(self, place: Any) -> Any:
        """Wrap one node id or one bare point (in the network's CRS); tables go through."""
        import shapely

        if isinstance(place, shapely.Point):
            import geopandas as gpd

            return gpd.GeoSeries([place], crs=self.crs)
        return _one(place)

    def shortest_paths(
        self,
        origins: Any,
        destinations: Any,
        by: str = "seconds",
        mode: str | None = None,
        *,
        access: bool = True,
        geometry: bool = True,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> list[Path]:
        """Shortest paths between pairs: the i-th origin to the i-th destination.

        ``progress`` as in `nearest`.
        """
        from qianwan_gis.network import paths

        return paths.shortest_paths(
            self, origins, destinations, by, self.mode_name(mode), access=access,
            geometry=geometry, threads=threads, progress=progress,
        )  # fmt: skip


def _one(place: Any) -> Any:
    """Wrap one node id; tables, series and places go through."""
    if isinstance(place, Snapped) or hasattr(place, "geometry") or hasattr(place, "geom_type"):
        return place
    if isinstance(place, pd.Index | pd.Series | np.ndarray | list):
        return place
    return pd.Index([place], dtype=object if isinstance(place, tuple) else None)
