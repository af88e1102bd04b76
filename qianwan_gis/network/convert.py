"""Networks to and from networkx, in the form that osmnx uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from qianwan_gis._errors import ProblemLog
from qianwan_gis.network.builders import line_arrays
from qianwan_gis.network.graph import DEFAULT_ACCESS_KPH, RoadNetwork, Seconds

if TYPE_CHECKING:
    import networkx as nx

_OURS = ("length", "travel_time", "geometry", "oneway", "reversed")


def to_networkx(net: RoadNetwork, *, mode: str | None = None) -> nx.MultiDiGraph:
    """Return a MultiDiGraph with osmnx's attributes (``x``, ``y``; ``osmid``, ``length``, …).

    Both directions of a two-way edge become two arcs; ``edge`` holds its number, ``reversed`` is
    True against it. ``travel_time`` is the time of ``mode``, ``travel_time_<mode>`` that of each.
    An arc that no mode may use is left out. osmnx wants whole numbers as nodes: other ids become
    the attribute ``node``. Graphs made by `from_networkx` come back as they were.
    """
    import networkx as nx

    default = net.mode_name(mode)
    graph = nx.MultiDiGraph(**net.extra.get("graph", {"name": "qianwan_gis"}))
    graph.graph["crs"] = net.extra.get("crs_text", net.crs.to_string())
    ids = net.node_ids.tolist()
    stored = net.extra.get("arcs")
    named = stored is None and not all(isinstance(node, int) for node in ids)
    names = list(range(len(ids))) if named else ids
    rows = net.node_attributes.to_dict("records") if len(net.node_attributes.columns) else None
    count = np.bincount(net.u, minlength=len(ids)) + np.bincount(net.v, minlength=len(ids))
    for i, (x, y) in enumerate(zip(net.x.tolist(), net.y.tolist(), strict=True)):
        data = {**(rows[i] if rows else {}), "x": x, "y": y}
        if stored is None:
            data.setdefault("street_count", int(count[i]))
        if named:
            data["node"] = ids[i]
        graph.add_node(names[i], **data)
    if stored is not None:
        for (u, v, key, data), edge, ahead in zip(
            stored["items"], stored["edge"], stored["ahead"], strict=True
        ):
            graph.add_edge(u, v, key, **{**data, **_times(net, int(edge), bool(ahead), data)})
        return graph
    graph.graph["qianwan"] = {"modes": list(net.modes), "named": named}
    lines = net.edge_lines() if net._lines is not None else None
    tags = net.attributes.to_dict("records") if len(net.attributes.columns) else None
    for e, (a, b, metres) in enumerate(
        zip(net.u.tolist(), net.v.tolist(), net.metres.tolist(), strict=True)
    ):
        common: dict[str, Any] = dict(tags[e]) if tags else {}
        if not isinstance(common.get("osmid"), int | list):
            common["osmid"] = e
        allowed = [
            any(np.isfinite(getattr(times, way)[e]) for times in net.seconds.values())
            for way in ("forward", "backward")
        ]
        common.update(edge=e, length=metres, oneway=not all(allowed))
        for ahead, way in ((True, "forward"), (False, "backward")):
            if not allowed[0 if ahead else 1]:
                continue
            data = {**common, "reversed": not ahead}
            for name, times in net.seconds.items():
                data[f"travel_time_{name}"] = float(getattr(times, way)[e])
            data["travel_time"] = data[f"travel_time_{default}"]
            if lines is not None:
                data["geometry"] = lines[e] if ahead else shapely.reverse(lines[e])
            graph.add_edge(*((names[a], names[b]) if ahead else (names[b], names[a])), **data)
    return graph


def _times(net: RoadNetwork, edge: int, ahead: bool, data: dict[str, Any]) -> dict[str, float]:
    """Current travel time, where the arc had one or its weights were changed since."""
    times = net.seconds[net.modes[0]]
    now = float((times.forward if ahead else times.backward)[edge])
    old = data.get("travel_time")
    if old is None or float(old) == now:
        return {}
    return {"travel_time": now}


def from_networkx(
    graph: nx.Graph,
    *,
    mode: str = "car",
    seconds: str = "travel_time",
    metres: str = "length",
    speed_kph: float | None = None,
    crs: Any = None,
    access_kph: float = DEFAULT_ACCESS_KPH,
) -> RoadNetwork:
    """Make a network from an osmnx graph (or any networkx graph with ``x``, ``y`` and lengths).

    Parameters
    ----------
    graph
        Directed or not, multi or not, with ``graph["crs"]``. An arc and its opposite of the same
        length and line become one edge.
    mode
        Name of the weight.
    seconds, metres
        Names of the edge attributes. Where the travel time is missing it comes from the length
        and ``speed_kph`` (edge attribute, or the keyword).
    crs
        CRS of a graph that states none in ``graph["crs"]``.
    access_kph
        Speed of the straight leg between a point and the road.

    Raises
    ------
    DataError
        No CRS, nodes without coordinates, edges without length or without any way to a time.
    """
    log = ProblemLog()
    crs = graph.graph.get("crs") or crs
    if crs is None:
        log.add("error", "no_crs", "图没有坐标系属性 crs", "the graph has no attribute crs",
                fix=("设置 graph.graph['crs']，或给出 crs", "set graph.graph['crs'], or give crs"))  # fmt: skip
    ids = list(graph.nodes)
    position = {node: i for i, node in enumerate(ids)}
    x, y = np.full(len(ids), np.nan), np.full(len(ids), np.nan)
    for i, (node, data) in enumerate(graph.nodes(data=True)):
        try:
            x[i], y[i] = float(data["x"]), float(data["y"])
        except (KeyError, TypeError, ValueError):
            log.add("error", "no_position", "节点没有坐标 x、y", "the node has no x and y",
                    row=f"node {node}")  # fmt: skip
    log.raise_errors()
    if "qianwan" in graph.graph:
        return _from_ours(graph, ids, position, x, y, access_kph)
    directed = graph.is_directed()
    items = (
        list(graph.edges(keys=True, data=True))
        if graph.is_multigraph()
        else [(u, v, 0, data) for u, v, data in graph.edges(data=True)]
    )
    u = np.array([position[item[0]] for item in items], np.int32).reshape(-1)
    v = np.array([position[item[1]] for item in items], np.int32).reshape(-1)
    length, time = np.empty(len(items)), np.empty(len(items))
    for i, (a, b, key, data) in enumerate(items):
        length[i] = _number(data.get(metres))
        time[i] = _number(data.get(seconds))
        if np.isnan(time[i]):
            kph = _number(data.get("speed_kph", speed_kph))
            time[i] = length[i] / (kph / 3.6) if kph > 0 else np.nan
        for name, value in ((metres, length[i]), (seconds, time[i])):
            if not value >= 0:
                log.add(
                    "error", "no_weight", f"边没有可用的 {name}", f"the edge has no usable {name}",
                    row=f"edge {a} - {b} ({key})", field=name,
                    fix=("先用 osmnx 加上速度和时间，或给出 speed_kph",
                         "add speeds and times with osmnx first, or give speed_kph"),
                )  # fmt: skip
    log.raise_errors()
    lines = np.empty(len(items), object)
    for i, item in enumerate(items):
        lines[i] = item[3].get("geometry")
    if directed:
        partner = _pair(u, v, length, lines)
    else:
        partner = np.full(len(items), -1)
        lines = _turned(lines, u, x, y)
    first = np.flatnonzero((partner < 0) | (np.arange(len(items)) < partner))
    other = partner[first]
    back = np.where(other >= 0, time[other], np.inf if directed else time[first])
    edge = np.empty(len(items), np.int64)
    edge[first] = np.arange(len(first))
    paired = other >= 0
    edge[other[paired]] = np.flatnonzero(paired)
    ahead = np.zeros(len(items), bool)
    ahead[first] = True
    extra: dict[str, Any] = {
        "graph": {k: w for k, w in graph.graph.items() if k != "crs"},
        "crs_text": crs,
    }
    if directed:
        extra["arcs"] = {"items": items, "edge": edge, "ahead": ahead}
    return RoadNetwork(
        crs=crs, node_ids=_index(ids), x=x, y=y, u=u[first], v=v[first],
        metres=length[first], seconds={mode: Seconds(time[first], back)},
        lines=_ragged(lines[first], x, y, u[first], v[first], log),
        attributes=_records([items[i][3] for i in first], _OURS),
        node_attributes=_records([data for _, data in graph.nodes(data=True)], ("x", "y")),
        access_kph=access_kph, extra=extra,
    )  # fmt: skip


def _from_ours(
    graph: nx.MultiDiGraph, ids: list[Any], position: dict[Any, int], x: Any, y: Any,
    access_kph: float,
) -> RoadNetwork:  # fmt: skip
    """Read back a graph that `to_networkx` wrote: edges by number, every mode."""
    modes, named = graph.graph["qianwan"]["modes"], graph.graph["qianwan"]["named"]
    edges: dict[int, dict[bool, tuple[int, int, dict[str, Any]]]] = {}
    for a, b, data in graph.edges(data=True):
        edges.setdefault(data["edge"], {})[not data["reversed"]] = (position[a], position[b], data)
    order = sorted(edges)
    u, v = np.empty(len(order), np.int32), np.empty(len(order), np.int32)
    length, lines = np.empty(len(order)), np.empty(len(order), object)
    times = {m: Seconds(np.full(len(order), np.inf), np.full(len(order), np.inf)) for m in modes}
    tags = []
    for i, number in enumerate(order):
        for ahead, (a, b, data) in edges[number].items():
            u[i], v[i] = (a, b) if ahead else (b, a)
            length[i] = data["length"]
            line = data.get("geometry")
            lines[i] = line if ahead or line is None else shapely.reverse(line)
            for mode in modes:
                side = times[mode].forward if ahead else times[mode].backward
                side[i] = data[f"travel_time_{mode}"]
        tags.append(data)
    dropped = (*_OURS, "edge", *(f"travel_time_{mode}" for mode in modes))
    attributes = _records(tags, dropped)
    if "osmid" in attributes.columns and (attributes["osmid"] == np.array(order)).all():
        attributes = attributes.drop(columns="osmid")  # to_networkx numbered the edges itself
    rows = [data for _, data in graph.nodes(data=True)]
    return RoadNetwork(
        crs=graph.graph["crs"], node_ids=_index([row["node"] for row in rows] if named else ids),
        x=x, y=y, u=u, v=v, metres=length, seconds=times,
        lines=_ragged(lines, x, y, u, v, ProblemLog()), attributes=attributes,
        node_attributes=_records(rows, ("x", "y", "node", "street_count")), access_kph=access_kph,
    )  # fmt: skip


def _index(ids: list[Any]) -> pd.Index:
    if ids == list(range(len(ids))):
        return pd.RangeIndex(len(ids), name="node")
    mixed = any(isinstance(node, tuple) for node in ids)
    return pd.Index(ids, name="node", dtype=object if mixed else None)


def _records(rows: list[dict[str, Any]], dropped: tuple[str, ...]) -> pd.DataFrame:
    kept = [{k: w for k, w in row.items() if k not in dropped} for row in rows]
    return pd.DataFrame(kept, index=pd.RangeIndex(len(rows)))


def _ragged(lines: npt.NDArray[Any], x: Any, y: Any, u: Any, v: Any, log: ProblemLog) -> Any:
    """Ragged coordinates where any edge has a line, None where all are straight."""
    if len(lines) == 0 or all(line is None for line in lines):
        return None
    return line_arrays(lines, x, y, u, v, log)


def _number(value: Any) -> float:
    """Return a number, NaN for anything else; a list (osmnx merges tags) gives its smallest."""
    if isinstance(value, list):
        numbers = [_number(item) for item in value]
        return (
            float(np.nanmin(numbers)) if numbers and not np.isnan(numbers).all() else float("nan")
        )
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _turned(lines: npt.NDArray[Any], u: Any, x: Any, y: Any) -> npt.NDArray[Any]:
    """Undirected graphs do not say which end a line starts from: turn it to start at u."""
    out = lines.copy()
    for i, line in enumerate(lines):
        if line is not None:
            a, b = line.coords[0], line.coords[-1]
            here = (x[u[i]], y[u[i]])
            if np.hypot(b[0] - here[0], b[1] - here[1]) < np.hypot(a[0] - here[0], a[1] - here[1]):
                out[i] = shapely.reverse(line)
    return out


def _pair(u: Any, v: Any, length: Any, lines: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Opposite arc of every arc (-1: none): same ends turned, same length, same line turned."""
    partner = np.full(len(u), -1, np.int64)
    waiting: dict[tuple[int, int, float], list[int]] = {}
    for i in range(len(u)):
        if u[i] == v[i]:
            continue
        mates = waiting.get((int(v[i]), int(u[i]), float(length[i])), [])
        mine = lines[i]
        for j in mates:
            theirs = lines[j]
            if (mine is None) == (theirs is None) and (
                mine is None or shapely.equals_exact(mine, shapely.reverse(theirs), 1e-9)
            ):
                partner[i], partner[j] = j, i
                mates.remove(j)
                break
        else:
            waiting.setdefault((int(u[i]), int(v[i]), float(length[i])), []).append(i)
    return partner
