"""The nearest place on a corridor: distance, side, overshoot and ties of many points at once."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from qianwan_gis.corridor._build import Part

Floats = NDArray[np.float64]

LEFT, RIGHT, ON, AHEAD = "左", "右", "线上", "端外"
EQUAL = 1e-6  # m; distances this close are equal
_TIE = 0.01  # m; places on the line further apart than this are two places


@dataclass(frozen=True)
class Found:
    part: NDArray[np.int64]
    along: Floats  # metres from the part's start
    chainage: Floats
    offset: Floats
    side: NDArray[Any]
    beyond: Floats
    ties: dict[int, list[tuple[int, float]]]


class Pieces:
    """All straight pieces of a corridor, for nearest-place search."""

    def __init__(self, numbers: Sequence[int], parts: Sequence[Part]) -> None:
        self.parts = parts
        starts, ends, owner, at = [], [], [], []
        for number in numbers:
            part = parts[number]
            starts.append(part.coords[:-1])
            ends.append(part.coords[1:])
            at.append(part.along[:-1])
            owner.append(np.full(len(part.coords) - 1, number))
        self.a, self.b = np.concatenate(starts), np.concatenate(ends)
        self.owner, self.at = np.concatenate(owner), np.concatenate(at)
        self.size = np.hypot(*(self.b - self.a).T)
        self.before, self.after = self._neighbours(parts)
        self.tree = shapely.STRtree(shapely.linestrings(np.stack([self.a, self.b], axis=1)))

    def _neighbours(self, parts: Sequence[Part]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The straight piece before and after each, where the drawn line goes on; -1 at its ends."""
        runs = [(parts[number].branch, parts[number].run) for number in self.owner]
        last = np.flatnonzero([*(a != b for a, b in itertools.pairwise(runs)), True])
        first = np.r_[0, last[:-1] + 1]
        number = np.arange(len(runs))
        before, after = number - 1, number + 1
        # a ring goes on where it began
        closed = np.hypot(*(self.b[last] - self.a[first]).T) <= _TIE
        before[first] = np.where(closed, last, -1)
        after[last] = np.where(closed, first, -1)
        return before, after

    def nearest(self, xy: Floats) -> Found:
        """Nearest place for every point; see `Corridor.locate` for the rules."""
        points = shapely.points(xy)
        (_, _), distance = self.tree.query_nearest(points, return_distance=True, all_matches=False)
        slack = 1e-6 * np.maximum(1.0, distance)
        who, piece = self.tree.query(points, predicate="dwithin", distance=distance + slack)
        a, b, size = self.a[piece], self.b[piece], self.size[piece]
        unit = (b - a) / size[:, None]
        forward = ((xy[who] - a) * unit).sum(axis=1)
        t = np.clip(forward, 0.0, size)
        foot = a + unit * t[:, None]
        away = np.hypot(*(xy[who] - foot).T)
        owner = self.owner[piece]
        along = self.at[piece] + t
        chainage = np.empty(len(piece))
        for number in np.unique(owner).tolist():
            mine = owner == number
            chainage[mine] = self.parts[number].chainage_at(along[mine])
        # first the nearest (ties rounded to a micrometre), then the first along the corridor
        order = np.lexsort((along, owner, np.round(away, 6), who))
        first = np.r_[0, np.flatnonzero(np.diff(who[order])) + 1]
        picked = order[first]
        # beside a vertex two pieces give all but one place: the one that is truly nearest is meant
        lead = picked[np.searchsorted(who[picked], who)]
        same = (owner == owner[lead]) & (np.hypot(*(foot - foot[lead]).T) <= _TIE)
        exact = np.lexsort((along, np.where(same, np.round(away, 9), np.inf), who))
        best = exact[np.r_[0, np.flatnonzero(np.diff(who[exact])) + 1]]
        ties: dict[int, list[tuple[int, float]]] = {}
        for i, (low, high) in enumerate(
            zip(first.tolist(), [*first[1:].tolist(), len(order)], strict=True)
        ):
            if high - low < 2:
                continue
            chosen = order[low]
            others = [
                (int(owner[k]), float(chainage[k]))
                for k in order[low + 1 : high].tolist()
                if away[k] - away[chosen] <= EQUAL
                and (
                    self.parts[owner[k]].branch != self.parts[owner[chosen]].branch
                    or abs(chainage[k] - chainage[chosen]) > _TIE
                    or np.hypot(*(foot[k] - foot[chosen])) > _TIE
                )
            ]
            kept: list[tuple[int, float]] = []
            for p, c in others:
                if not any(q == p and abs(c - d) <= _TIE for q, d in kept):
                    kept.append((p, c))
            if kept:
                ties[i] = kept
        offset, side, beyond = self._sides(xy, piece[best], forward[best], away[best])
        return Found(owner[best], along[best], chainage[best], offset, side, beyond, ties)

    def _sides(
        self, xy: Floats, piece: NDArray[np.int64], forward: Floats, away: Floats
    ) -> tuple[Floats, NDArray[Any], Floats]:
        """Signed offset, side and overshoot.

        A point nearest to a vertex lies on the outer side of the bend there; the straight piece
        on either hand may have it on the other side.
        """
        direction = self.b[piece] - self.a[piece]
        reach = xy - self.a[piece]
        cross = direction[:, 0] * reach[:, 1] - direction[:, 1] * reach[:, 0]
        size = self.size[piece]
        goes_on, comes_from = self.after[piece] >= 0, self.before[piece] >= 0
        for at_end, neighbour, linked, sign in (
            (forward >= size, self.after[piece], goes_on, 1.0),
            (forward <= 0.0, self.before[piece], comes_from, -1.0),
        ):
            bend = at_end & linked
            other = self.b[neighbour] - self.a[neighbour]
            turn = sign * (direction[:, 0] * other[:, 1] - direction[:, 1] * other[:, 0])
            decided = bend & (np.abs(turn) > 1e-12 * size * self.size[neighbour])
            cross = np.where(decided, -turn, cross)
        over = np.where((forward > size) & ~goes_on, forward - size, 0.0)
        over = np.where((forward < 0.0) & ~comes_from, -forward, over)
        straight = np.abs(cross) <= 1e-9 * size * np.maximum(away, 1e-9)
        on_line = away <= 1e-6
        side = np.where(cross > 0.0, LEFT, RIGHT).astype(object)
        side[straight] = AHEAD
        side[on_line] = ON
        left = (cross > 0.0) | straight
        return np.where(on_line, 0.0, np.where(left, away, -away)), side, over
