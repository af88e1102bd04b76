"""Manholes along a tree of streets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
import shapely.ops

from qianwan_gis.services._sewage import streets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_BEND = 30.0  # degrees; a manhole stands at every sharper bend


class Manholes:
    """Manholes along a tree: at ends, forks, bends, and at most the norm's spacing apart."""

    def __init__(
        self, graph: streets.Streets, edges: set[int], sink: int, sink_xy: Array, spacing: float
    ) -> None:
        self.xy: list[tuple[float, float]] = []
        self.kind: list[str] = []
        self.down: list[int] = []
        self.line: list[Any] = []
        self.of_node: dict[int, int] = {}
        at: dict[int, list[int]] = {}
        for edge in sorted(edges):
            for end in graph.ends[edge]:
                at.setdefault(end, []).append(edge)
        root_xy = graph.xy[sink]
        root = self._add(tuple(sink_xy.tolist()), "sink", -1, None)
        if float(np.hypot(*(root_xy - sink_xy))) > streets.SAME:
            leg = shapely.LineString([root_xy, sink_xy])
            root = self._path(leg, [], root, "junction", spacing)
        self.of_node[sink] = root
        stack = [(sink, -1)]
        while stack:
            node, came = stack.pop()
            for edge in sorted(at.get(node, []), reverse=True):
                if edge == came:
                    continue
                here, last, run, stops = node, edge, [], []
                total = 0.0
                while True:
                    a, b = graph.ends[last]
                    line = graph.lines[last]
                    run.append(line.reverse() if a == here else line)
                    total += line.length
                    here = b if a == here else a
                    if len(at[here]) != 2:
                        break
                    stops.append((here, total))
                    last = next(e for e in at[here] if e != last)
                # water runs from the far end to the node
                coords = np.concatenate([shapely.get_coordinates(x) for x in run[::-1]])
                keep = np.r_[True, (np.diff(coords, axis=0) != 0).any(axis=1)]
                whole = shapely.LineString(coords[keep])
                inner = [(k, total - where) for k, where in stops]
                kind = "end" if len(at[here]) == 1 else "junction"
                self.of_node[here] = self._path(whole, inner, self.of_node[node], kind, spacing)
                if len(at[here]) > 1:
                    stack.append((here, last))

    def _add(self, xy: tuple[float, float], kind: str, down: int, line: Any) -> int:
        self.xy.append(xy)
        self.kind.append(kind)
        self.down.append(down)
        self.line.append(line)
        return len(self.xy) - 1

    def _path(
        self, line: Any, inner: list[tuple[int, float]], root: int, kind: str, spacing: float
    ) -> int:
        """Lay the manholes of one path that drains to ``root``; returns the one at its head."""
        coords = shapely.get_coordinates(line)
        along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(coords, axis=0).T))]
        turn = np.unwrap(np.arctan2(*np.diff(coords, axis=0).T[::-1]))
        sharp = np.flatnonzero(np.abs(np.diff(turn)) > np.radians(_BEND)) + 1
        stops = [0.0]
        for stop in [*along[sharp].tolist(), float(along[-1])]:
            if stop - stops[-1] < 2.0 and stop != along[-1]:
                continue
            parts = max(1, int(np.ceil((stop - stops[-1]) / spacing - 1e-9)))
            start = stops[-1]
            stops += [start + (stop - start) * (k + 1) / parts for k in range(parts)]
        below = root
        head = root
        made: list[tuple[float, int]] = []
        for low, high in zip(stops[-2::-1], stops[:0:-1], strict=True):
            piece = shapely.ops.substring(line, low, high)
            head = self._add(
                tuple(piece.coords[0]), kind if low == 0.0 else "manhole", below, piece
            )
            made.append((low, head))
            below = head
        # a house joins the pipe; its water counts from the manhole above
        for node, where in inner:
            self.of_node[node] = next(hole for low, hole in made if low <= where + 1e-9)
        return head

    def chain(self) -> tuple[NDArray[np.int64], NDArray[np.int64], Array, list[Any]]:
        """Order of flow (the sink last), the node below each, pipe lengths, and pipe lines."""
        order = np.arange(len(self.xy) - 1, -1, -1)
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        down = np.array([rank[self.down[k]] if self.down[k] >= 0 else -1 for k in order])
        lines = [self.line[k] for k in order[:-1]]
        length = np.array([line.length for line in lines] + [0.0])
        return order, down, length, lines


__all__ = ["Manholes"]
