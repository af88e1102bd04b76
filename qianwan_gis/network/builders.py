"""Networks from plain tables and arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from qianwan_gis._errors import ProblemLog
from qianwan_gis.network.graph import RoadNetwork, Seconds
from qianwan_gis.network.topology import FloatArray, IntArray

_NODE_COLUMNS = ("node", "x", "y")
_EDGE_COLUMNS = ("u", "v", "seconds", "metres")
_TOLD = 20  # rows named one by one before the rest is only counted


def _tell(
    log: ProblemLog, rows: npt.NDArray[np.bool_], code: str, zh: str, en: str, **where: Any
) -> None:
    """Report faulty rows one by one, and the number of those beyond the first twenty."""
    found = np.flatnonzero(rows)
    for row in found[:_TOLD]:
        log.add("error", code, zh, en, row=int(row) + 1, **where)
    if len(found) > _TOLD:
        log.add("error", code, f"{zh}（另有{len(found) - _TOLD}行）",
                f"{en} (and {len(found) - _TOLD} more rows)", **where)  # fmt: skip


def _numbers(table: pd.DataFrame, name: str, log: ProblemLog, file: str, *, least: float | None,
             infinite: bool = False) -> FloatArray:  # fmt: skip
    """Read a column as float64; NaN, infinite and too small values are faults."""
    values = pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    wrong = np.isnan(values) | (np.isinf(values) & (values < 0 if infinite else True))
    _tell(log, wrong, "not_a_number", "不是有限的数", "not a finite number", file=file, field=name)
    if least is not None:
        _tell(log, values < least, "negative_weight", "不能为负数", "may not be negative",
              file=file, field=name)  # fmt: skip
    return np.array(values)


def from_edges(
    nodes: pd.DataFrame, edges: pd.DataFrame, crs: Any, *, mode: str, access_kph: float
) -> RoadNetwork:
    """Make a network from tables; see `RoadNetwork.from_edges`."""
    log = ProblemLog()
    for table, names, file in ((nodes, _NODE_COLUMNS, "nodes"), (edges, _EDGE_COLUMNS, "edges")):
        for name in names:
            if name not in table.columns:
                log.add("error", "missing_column", f"缺少字段“{name}”",
                        f"column “{name}” is missing", file=file, field=name)  # fmt: skip
    log.raise_errors()
    ids = pd.Index(nodes["node"], name="node")
    _tell(log, np.asarray(ids.duplicated()), "duplicate_node", "节点编号重复", "node id is repeated",
          file="nodes", field="node")  # fmt: skip
    log.raise_errors()
    x = _numbers(nodes, "x", log, "nodes", least=None)
    y = _numbers(nodes, "y", log, "nodes", least=None)
    u, v = (_positions(ids, edges, name, log) for name in ("u", "v"))
    seconds = _numbers(edges, "seconds", log, "edges", least=0.0)
    metres = _numbers(edges, "metres", log, "edges", least=0.0)
    back = seconds
    if "seconds_back" in edges.columns:
        back = _numbers(edges, "seconds_back", log, "edges", least=0.0, infinite=True)
    if "oneway" in edges.columns:
        oneway = edges["oneway"]
        _tell(log, oneway.isna().to_numpy(), "null_value", "值为空", "value is empty",
              file="edges", field="oneway")  # fmt: skip
        # text such as "no" is true to Python: only real flags are taken
        plain = oneway.map(lambda value: value in (0, 1) if pd.notna(value) else True).to_numpy(
            bool
        )
        _tell(log, ~plain, "bad_flag", "不是真假值（True/False 或 1/0）", "is not True/False or 1/0",
              file="edges", field="oneway")  # fmt: skip
        log.raise_errors()
        flag = oneway.to_numpy().astype(bool)
        if flag.any():
            back = np.where(flag, np.inf, back)
    lines = None
    if "geometry" in edges.columns:
        lines = line_arrays(np.asarray(edges["geometry"].array, object), x, y, u, v, log)
    log.raise_errors()
    plain = ids.dtype.kind == "i" and len(ids) and bool((ids == np.arange(len(ids))).all())
    kept = [c for c in edges.columns
            if c not in (*_EDGE_COLUMNS, "oneway", "geometry", "seconds_back")]  # fmt: skip
    return RoadNetwork(
        crs=crs, node_ids=pd.RangeIndex(len(ids), name="node") if plain else ids, x=x, y=y,
        u=u, v=v, metres=metres, seconds={mode: Seconds(seconds, back)}, lines=lines,
        attributes=pd.DataFrame(edges[kept]).reset_index(drop=True),
        node_attributes=nodes.drop(columns=list(_NODE_COLUMNS)).reset_index(drop=True),
        access_kph=access_kph,
    )  # fmt: skip


def _positions(ids: pd.Index, edges: pd.DataFrame, name: str, log: ProblemLog) -> IntArray:
    """Positions of the nodes that a column of the edges names."""
    position = ids.get_indexer(pd.Index(edges[name])).astype(np.int32)
    _tell(log, position < 0, "unknown_node", "节点表中没有这个节点",
          "no such node in the table of nodes", file="edges", field=name)  # fmt: skip
    return np.asarray(position, dtype=np.int32)


def line_arrays(
    values: npt.NDArray[Any], x: FloatArray, y: FloatArray, u: Any, v: Any, log: ProblemLog
) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Ragged coordinates of edge lines; a straight line from u to v where there is none."""
    kinds = shapely.get_type_id(values)
    none = (kinds == -1) | shapely.is_empty(values)
    _tell(log, ~none & (kinds != 1), "not_a_line", "几何不是线", "geometry is not a LineString",
          file="edges", field="geometry")  # fmt: skip
    if none.any():
        values = values.copy()
        rows = np.flatnonzero(none)
        ends = np.empty((len(rows), 2, 2))
        ends[:, 0, 0], ends[:, 0, 1] = x[u[rows]], y[u[rows]]
        ends[:, 1, 0], ends[:, 1, 1] = x[v[rows]], y[v[rows]]
        values[rows] = shapely.linestrings(ends)
    log.raise_errors()
    counts = shapely.get_num_coordinates(values)
    pointer = np.zeros(len(values) + 1, np.int64)
    np.cumsum(counts, out=pointer[1:])
    return pointer, np.ascontiguousarray(shapely.get_coordinates(values))


def from_csr(
    indptr: Any, indices: Any, seconds: Any, x: Any, y: Any, crs: Any, *, metres: Any, mode: str,
    access_kph: float,
) -> RoadNetwork:  # fmt: skip
    """Make a network from a directed CSR graph; see `RoadNetwork.from_csr`."""
    from qianwan_gis.network import kernels

    x, y = np.ascontiguousarray(x, np.float64), np.ascontiguousarray(y, np.float64)
    ip = np.ascontiguousarray(indptr, np.int64)
    ad = np.ascontiguousarray(indices, np.int32)
    w = np.ascontiguousarray(seconds, np.float64)
    log = ProblemLog()
    _tell(log, ~(w >= 0), "negative_weight", "权重须为非负数", "weights must be >= 0",
          field="seconds")  # fmt: skip
    log.raise_errors()
    u, v, forward, backward = kernels.pair_arcs(ip, ad, w)
    length = None
    if metres is not None:
        d = np.ascontiguousarray(metres, np.float64)
        _, _, ahead, back = kernels.pair_arcs(ip, ad, d)
        length = np.where(np.isfinite(ahead), ahead, back)
    return RoadNetwork(
        crs=crs, node_ids=pd.RangeIndex(len(x), name="node"), x=x, y=y, u=u, v=v, metres=length,
        seconds={mode: Seconds(forward, backward)}, access_kph=access_kph,
    )  # fmt: skip
