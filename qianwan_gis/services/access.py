"""Coverage by travel time on the network, under everything that is uncertain.

In each draw every village stands somewhere (`uncertainty.Draws`), presumed links have a circuity
and a speed, and facilities stand where they may be. A village then travels

* from the nearest place on a road that its mode may use, plus the leg to it, or
* where village roads are presumed, straight to its township seat by a presumed link,

whichever is quicker. Legs are the network's own (straight, on foot) for surveyed villages on real
roads; where the village roads are presumed, or the village is known by region only, a leg is a
presumed link too: straight distance x circuity at the presumed speed (walking speed on foot).

Circuity and speed of the presumed edges are drawn once per draw for the whole county, because what
is unknown is how winding the county's roads are, not each road by itself; that keeps the ranges
wide. Each village's own leg has its own circuity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from qianwan_gis.network.queries import nearest_one
from qianwan_gis.schemas import Basis, Inventory, Reason
from qianwan_gis.services import registry
from qianwan_gis.services.ground import slopes, slow_roads
from qianwan_gis.services.reach import (
    allocate,
    backup,
    compare,
    life_circle,
    life_circles,
    rural_access_index,
    same_point,
)
from qianwan_gis.services.scores import (
    cumulative,
    equity,
    fca,
    gaussian,
    gini,
    gravity,
    palma,
    raam,
    step,
    worst_decile,
)
from qianwan_gis.uncertainty import decide

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis.network import RoadNetwork, Snapped
    from qianwan_gis.services.ground import Ground
    from qianwan_gis.services.registry import Service
    from qianwan_gis.standards import Standards
    from qianwan_gis.uncertainty import Draws, Positions

    Array = NDArray[np.float64]
    Place = Callable[[gpd.GeoSeries, str], Sequence[Snapped]]

__all__ = [
    "allocate",
    "backup",
    "compare",
    "coverage",
    "cumulative",
    "equity",
    "fca",
    "gaussian",
    "gini",
    "gravity",
    "life_circle",
    "life_circles",
    "pairs_in_reach",
    "palma",
    "raam",
    "rural_access_index",
    "step",
    "worst_decile",
]

#: Draws in which the kinds of road touched are added up (they hardly differ between draws).
_BASIS_DRAWS = 9


def coverage(
    service: Service,
    villages: gpd.GeoDataFrame,
    positions: Positions,
    network: RoadNetwork | None,
    facilities: gpd.GeoDataFrame,
    inventories: Mapping[tuple[str, str], Inventory],
    standards: Standards,
    draws: Draws,
    *,
    seats: gpd.GeoDataFrame | None = None,
    joint: registry.Joint | None = None,
    ground: Ground | None = None,
    place: Place | None = None,
) -> pd.DataFrame:
    """Return the COVERAGE rows of one tier measured by network time.

    Parameters as for `services.compute_coverage`; ``positions`` are the joint draws of the
    villages.
    """
    codes = [str(code) for code in positions.codes]
    inventory = registry.inventory_of(service, inventories)
    limit = float(standards.value(service.limit))
    own = facilities["service"].eq(service.service) & facilities["tier"].eq(service.tier)
    places = facilities[own].sort_values("facility_id", ignore_index=True)
    unknown = places.empty and inventory is not Inventory.COMPLETE
    if not codes or inventory is Inventory.NONE or unknown:
        return registry.not_assessed(codes, service)
    table: dict[str, Any] = {"limit": limit, "limit_unit": service.unit}
    if places.empty:
        return registry.rows(
            codes, service, table | {
                "covered": pd.array([False] * len(codes), dtype="boolean"),
                "p_covered": 0.0, "reason": str(Reason.NO_FACILITY), "basis": "recorded",
            },
        )  # fmt: skip
    travel = _Travel(
        service.mode, network, draws, standards, positions, places, seats, villages, ground, place
    )
    first = travel.nearest()
    within = first.seconds <= limit * 60.0 * (1 + 1e-12)
    p = np.where(positions.located | first.at_home, within.mean(axis=1), np.nan)
    verdict = decide(p, inventory)
    reason = verdict["reason"].to_numpy(object)
    covered = verdict["covered"].array
    never = np.isinf(first.seconds).all(axis=1) & ~np.isnan(p)
    absent = never & (reason == str(Reason.OVER_LIMIT))
    reason[absent & first.no_road] = str(Reason.NO_ROAD)
    reason[absent & ~first.no_road] = str(Reason.OTHER_COMPONENT)

    minutes = _percentiles(first.seconds / 60.0)
    metres = _percentiles(first.metres)
    facility = first.most_frequent(places["facility_id"].to_numpy(object))
    basis = first.basis(places, positions)
    same = same_point(villages, places) & ~first.at_home
    if joint is not None:
        joint.within[service.service, service.tier] = within
        joint.assessed[service.service, service.tier] = ~same & ~np.isnan(p)
    # Against a partial register a long way says nothing: a nearer facility may not be on record.
    silent = (inventory is Inventory.PARTIAL) & (reason == str(Reason.INVENTORY_INCOMPLETE))
    hidden = same | silent | never | np.isnan(p)
    rough = np.array([registry.STRENGTH.index(b) >= 4 for b in basis]) & ~first.certain
    table |= {
        "facility_id": np.where(hidden, "", facility),
        **_printed(minutes, rough, hidden),
        "metres": np.where(
            hidden, np.nan, np.where(rough, np.round(metres[1], -2), np.round(metres[1]))
        ),
        # a probability from a partial register would read as "surely not covered"
        "p_covered": np.where(
            same | (reason == str(Reason.INVENTORY_INCOMPLETE)), np.nan, np.round(p, 4)
        ),
        "covered": pd.array(
            [pd.NA if s else c for s, c in zip(same, covered, strict=True)], dtype="boolean"
        ),
        "reason": np.where(same, str(Reason.SAME_POINT), reason),
        "basis": np.where(np.isnan(p), "none", basis),
    }
    if ground is not None and network is not None and len(network.u):
        hidden |= first.at_home
        table |= _over_ground(service, network, ground, villages, places, first, hidden, table)
    return registry.rows(codes, service, table)


def pairs_in_reach(
    service: Service,
    villages: gpd.GeoDataFrame,
    positions: Positions,
    network: RoadNetwork,
    places: gpd.GeoDataFrame,
    standards: Standards,
    draws: Draws,
    *,
    few: NDArray[np.int64] | None = None,
    ground: Ground | None = None,
    place: Place | None = None,
) -> pd.DataFrame:
    """Return which places each village reaches within the tier's limit, draw by draw.

    Parameters
    ----------
    service, villages, positions, network, standards, draws
        As for `coverage`. Roads keep their weights: presumed edges are not drawn anew.
    places
        FACILITIES rows, existing or proposed; they stand still.
    few
        Numbers of the draws to look at; all by default.
    ground
        Terrain over which villages without a road walk to one.
    place
        How points join the network (one or more ways, of which villages take the quickest);
        `RoadNetwork.snap` by default.

    Returns
    -------
    Table ``village`` (row), ``draw`` (place in ``few``), ``place`` (row), ``minutes``; only pairs
    within the limit, sorted.
    """
    chosen = np.arange(draws.n) if few is None else np.asarray(few, np.int64)
    travel = _Travel(
        service.mode, network, draws, standards, positions, places, None, villages, ground, place
    )
    starts, _, _ = travel.starts(chosen)
    found = network.od_matrix(
        starts, places.geometry.reset_index(drop=True),
        limit=float(standards.value(service.limit)) * 60.0, by="seconds", mode=service.mode,
    )  # fmt: skip
    number = found["origin"].to_numpy(np.int64)
    return pd.DataFrame(
        {
            "village": number // len(chosen),
            "draw": number % len(chosen),
            "place": found["destination"].to_numpy(np.int64),
            "minutes": found["seconds"].to_numpy() / 60.0,
        }
    )


# ---------------------------------------------------------------------------------------------
# Travel in all draws
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Arrival:
    """Where each village gets to in each draw: arrays (villages, draws)."""

    seconds: Array
    metres: Array
    facility: NDArray[np.int64]
    no_road: NDArray[np.bool_]
    at_home: NDArray[np.bool_]
    certain: NDArray[np.bool_]
    road_basis: NDArray[np.object_]
    walked: Array  # metres off the road in each draw, 0 where a road is near

    def most_frequent(self, names: NDArray[np.object_]) -> NDArray[np.object_]:
        """Return the facility that is nearest in most draws; ties go to the lower identifier."""
        out = np.full(len(self.facility), "", dtype=object)
        for row, found in enumerate(self.facility):
            reached = found[found >= 0]
            if len(reached):
                out[row] = names[int(np.bincount(reached).argmax())]
        return out

    def basis(self, places: pd.DataFrame, positions: Positions) -> NDArray[np.object_]:
        """Return the weakest kind of data that each village's answer touched."""
        kinds = places["basis"].astype(str).to_numpy()
        region = positions.basis.eq(str(Basis.REGION)).to_numpy()
        out = np.full(len(self.facility), registry.STRENGTH[0], dtype=object)
        for row, found in enumerate(self.facility):
            met = set(kinds[found[found >= 0]])
            if self.at_home[row]:
                out[row] = registry.weakest(*met)
                continue
            road = str(self.road_basis[row])
            out[row] = registry.weakest(*met, road, "presumed" if region[row] else "")
        return out


class _Travel:
    """One mode of travel to one set of facilities."""

    def __init__(
        self,
        mode: str,
        network: RoadNetwork | None,
        draws: Draws,
        standards: Standards,
        positions: Positions,
        places: gpd.GeoDataFrame,
        seats: gpd.GeoDataFrame | None,
        villages: gpd.GeoDataFrame,
        ground: Ground | None = None,
        place: Place | None = None,
    ) -> None:
        self.mode, self.net, self.draws = mode, network, draws
        self.place = place
        self.ground = ground if ground is not None and ground.walkable else None
        self.positions, self.places = positions, places
        self.home = self._homes()
        self.presumed = network is not None and bool(network.presumed.any())
        self.circuity = draws.factor(standards, "roads.presumed.circuity")
        self.circuity0 = float(standards.value("roads.presumed.circuity"))
        self.speed = draws.factor(standards, "roads.presumed.speed_kph")
        self.speed0 = float(standards.value("roads.presumed.speed_kph"))
        if mode == "walk":
            self.speed0 = float(standards.value("access.walk.speed_kph"))
            self.speed = np.full(draws.n, self.speed0)
        self.own_circuity = (
            np.stack(
                [
                    draws.factor(standards, "roads.presumed.circuity", "village", str(code))
                    for code in positions.codes
                ]
            )
            if len(positions.codes)
            else np.empty((0, draws.n))
        )
        self.seats = seats if self.presumed else None
        self.township = villages["township"].astype(str).to_numpy()
        # A leg is a presumed link where the village roads are, and for villages known by region.
        region = positions.basis.eq(str(Basis.REGION)).to_numpy()
        self.leg_presumed = region | self.presumed

    def _homes(self) -> NDArray[np.int64]:
        """Return per facility the row of the village that it stands in, -1 where it has its own place."""
        rows = {str(code): row for row, code in enumerate(self.positions.codes)}
        named = self.places["village_code"].fillna("").astype(str)
        return np.array([rows.get(code, -1) for code in named], dtype=np.int64)

    def _facility_xy(self) -> Array:
        """Return where the facilities stand: array (facilities, draws, 2)."""
        geometry = self.places.geometry
        has = (geometry.notna() & ~geometry.is_empty).to_numpy()
        xy = np.full((len(self.places), self.draws.n, 2), np.nan)
        values = geometry.to_numpy()[has]
        xy[has] = self.draws.points(
            "facility",
            self.places["facility_id"].astype(str)[has],
            np.column_stack([shapely.get_x(values), shapely.get_y(values)]),
            self.places["uncertainty_m"].to_numpy(float)[has],
        )
        housed = self.home >= 0
        xy[housed] = self.positions.xy[self.home[housed]]
        return xy

    def nearest(self) -> _Arrival:
        """Return the nearest facility of every village in every draw."""
        n, d = len(self.positions.codes), self.draws.n
        seconds = np.full((n, d), np.inf)
        metres = np.full((n, d), np.inf)
        facility = np.full((n, d), -1, dtype=np.int64)
        no_road = np.ones(n, bool)
        walked = np.zeros((n, d))
        road_basis = np.full(n, "presumed" if self.presumed else "recorded", dtype=object)
        where = self._facility_xy()
        if self.net is not None and len(self.net.u):
            if self.presumed or self._facilities_move(where):
                no_road = self._draw_by_draw(where, seconds, metres, facility, walked)
            else:
                no_road = self._all_at_once(where, seconds, metres, facility, walked)
            if not self.presumed:
                road_basis = self._road_basis(where)
        at_home = np.zeros(n, bool)
        for number, row in enumerate(self.home):
            # A facility recorded inside the village is at the village, wherever that is.
            if row >= 0:
                at_home[row] = True
                seconds[row], metres[row], facility[row] = 0.0, 0.0, number
        return _Arrival(
            seconds, metres, facility, no_road, at_home, at_home | self._certain(), road_basis,
            walked,
        )  # fmt: skip

    def _certain(self) -> NDArray[np.bool_]:
        """Whether a village's own leg and place leave nothing to presume."""
        return np.asarray(~self.leg_presumed, dtype=np.bool_)

    def _facilities_move(self, where: Array) -> bool:
        placed = where[np.isfinite(where[:, 0, 0])]  # one may be in a village without a position
        return bool(np.ptp(placed, axis=1).max(initial=0.0) > 0)

    def _snap(self, xy: Array) -> Snapped:
        return self._ways_in(xy)[0]

    def _ways_in(self, xy: Array) -> Sequence[Snapped]:
        import geopandas as gpd

        assert self.net is not None  # noqa: S101  # callers checked
        flat = xy.reshape(-1, 2)
        missing = np.isnan(flat[:, 0])
        points = shapely.points(flat)
        points[missing] = None
        series = gpd.GeoSeries(points, crs=self.places.crs)
        if self.place is not None:
            return self.place(series, self.mode)
        return [self.net.snap(series, mode=self.mode)]

    def _legs(self, places: Snapped, circuity: Array, speed: Array) -> tuple[Snapped, Array]:
        """Return places whose access leg takes a presumed link's time, and the leg's true length.

        The network walks its legs at ``access_kph``; a leg of another length that takes the
        right time is given to it instead.
        """
        assert self.net is not None  # noqa: S101
        length = places.metres * circuity
        return replace(places, metres=length * self.net.access_kph / speed), length

    def starts(self, few: NDArray[np.int64]) -> tuple[Snapped, Array, Array]:
        """Return where villages join the network in some draws (villages x draws).

        Also the true length of the leg there, and how much of it was walked off the road.
        """
        assert self.net is not None  # noqa: S101
        starts, walked = self._join_roads(few)
        change = np.repeat(self.leg_presumed, len(few))
        circuity = np.where(change, self.own_circuity[:, few].ravel(), 1.0)
        speed = np.where(
            change, np.tile(self.speed[few], len(self.positions.codes)), self.net.access_kph
        )
        places, length = self._legs(starts, circuity, speed)
        return places, np.where(walked > 0, walked, length), walked

    def _join_roads(self, few: NDArray[np.int64]) -> tuple[Snapped, Array]:
        """Return the nearest road of every village in some draws, and metres walked off the road.

        A surveyed village that no road comes near walks over the terrain to one. Its leg is given
        the length that takes the time of that walk.
        """
        assert self.net is not None  # noqa: S101
        xy = self.positions.xy[:, few].reshape(-1, 2)
        starts = self._quickest(self._ways_in(xy))
        walked = np.zeros(len(xy))
        if self.ground is None:
            return starts, walked
        lost = ~starts.found & np.isfinite(xy[:, 0]) & ~np.repeat(self.leg_presumed, len(few))
        if not lost.any():
            return starts, walked
        over = self.ground.over(self.net, xy[lost], self.places.crs, self.mode)
        rows, there = np.flatnonzero(lost), over.edge >= 0
        rows = rows[there]
        edge, fraction, metres = starts.edge.copy(), starts.fraction.copy(), starts.metres.copy()
        x, y = starts.x.copy(), starts.y.copy()
        edge[rows], fraction[rows] = over.edge[there], over.fraction[there]
        x[rows], y[rows] = over.x[there], over.y[there]
        metres[rows] = over.seconds[there] * self.net.access_kph / 3.6
        walked[rows] = over.metres[there]
        return replace(starts, edge=edge, fraction=fraction, metres=metres, x=x, y=y), walked

    def _quickest(self, ways: Sequence[Snapped]) -> Snapped:
        """Return for each place the way in from which a facility is reached soonest."""
        first = ways[0]
        if len(ways) == 1:
            return first
        assert self.net is not None  # noqa: S101
        goals = self._snap(self._facility_xy()[:, 0])
        time = [
            self.net.nearest(way, goals, by="seconds", mode=self.mode)["seconds"].fillna(np.inf)
            for way in ways
        ]
        best = np.argmin(np.column_stack(time), axis=1)
        for number, way in enumerate(ways[1:], start=1):
            use = best == number
            names = ("node", "edge", "fraction", "metres", "x", "y")
            first = replace(
                first, **{n: np.where(use, getattr(way, n), getattr(first, n)) for n in names}
            )
        return first

    def _all_at_once(
        self, where: Array, seconds: Array, metres: Array, facility: NDArray[np.int64],
        walked: Array,
    ) -> NDArray[np.bool_]:  # fmt: skip
        """Roads and facilities stand still: one search serves the villages of all draws."""
        assert self.net is not None  # noqa: S101
        n, d = seconds.shape
        starts, legs, off = self.starts(np.arange(d))
        walked[:] = off.reshape(n, d)
        goals = self._snap(where[:, 0])
        found = self.net.nearest(starts, goals, by="seconds", mode=self.mode)
        number = found["facility"].fillna(-1).to_numpy(np.int64)
        seconds[:] = found["seconds"].fillna(np.inf).to_numpy().reshape(n, d)
        length = found["metres"].to_numpy() - starts.metres + legs
        metres[:] = np.where(number >= 0, length, np.inf).reshape(n, d)
        facility[:] = number.reshape(n, d)
        return np.asarray(~starts.found.reshape(n, d).any(axis=1), dtype=np.bool_)

    def _draw_by_draw(
        self, where: Array, seconds: Array, metres: Array, facility: NDArray[np.int64],
        walked: Array,
    ) -> NDArray[np.bool_]:  # fmt: skip
        """Presumed edges change their weight, or facilities their place, with every draw."""
        import geopandas as gpd

        assert self.net is not None  # noqa: S101
        n, d = seconds.shape
        villages, off = self._join_roads(np.arange(d))
        walked[:] = off.reshape(n, d)
        goals = self._snap(where)
        seat_xy, seat_of = self._seats()
        seat_places = self.net.snap(
            gpd.GeoSeries(shapely.points(seat_xy), crs=self.places.crs), mode=self.mode
        )
        weights, presumed = self.net.seconds[self.mode], self.net.presumed
        village_rows = np.arange(n) * d
        goal_rows = np.arange(len(self.places)) * d
        for k in range(d):
            net = self.net
            if self.presumed:
                factor = self.circuity[k] / self.circuity0 * self.speed0 / self.speed[k]
                scale = np.where(presumed, factor, 1.0)
                net = net.with_weights(
                    weights.forward * scale, backward=weights.backward * scale, mode=self.mode
                )
            start = _take(villages, village_rows + k)
            circuity = np.where(self.leg_presumed, self.own_circuity[:, k], 1.0)
            speed = np.where(self.leg_presumed, self.speed[k], net.access_kph)
            start, leg = self._legs(start, circuity, speed)
            leg = np.where(walked[:, k] > 0, walked[:, k], leg)
            goal = _take(goals, goal_rows + k)
            goal_leg = goal.metres
            if self.presumed:
                goal, goal_leg = self._legs(goal, self.circuity[k], self.speed[k])
            both = _join(start, seat_places)
            found = nearest_one(net, both, goal, None, "seconds", self.mode)
            time, number = found.seconds, found.facility
            extra = np.where(number >= 0, (goal_leg - goal.metres)[number], 0.0)
            length = found.metres + extra
            length[:n] += leg - start.metres
            # Straight to the seat by a presumed link, then on from there.
            crow = np.full(n, np.inf)
            linked = seat_of >= 0
            crow[linked] = np.hypot(*(self.positions.xy[linked, k] - seat_xy[seat_of[linked]]).T)
            link = np.nan_to_num(crow * self.own_circuity[:, k], nan=np.inf, posinf=np.inf)
            on = np.where(linked, n + seat_of, 0)
            detour = link / (self.speed[k] / 3.6) + np.where(linked, time[on], np.inf)
            direct = detour < time[:n]
            seconds[:, k] = np.where(direct, detour, time[:n])
            metres[:, k] = np.where(direct, link + length[on], length[:n])
            facility[:, k] = np.where(direct, number[on], number[:n])
        found_road = villages.found.reshape(n, d).any(axis=1)
        return ~(found_road | (seat_of >= 0))

    def _seats(self) -> tuple[Array, NDArray[np.int64]]:
        """Return the seats' places and, per village, the number of its seat (-1 without one)."""
        if self.seats is None or not len(self.seats):
            return np.empty((0, 2)), np.full(len(self.township), -1, dtype=np.int64)
        table = self.seats.to_crs(self.places.crs)
        table = table[table.geometry.notna() & ~table.geometry.is_empty]
        xy = np.column_stack([table.geometry.x, table.geometry.y])
        rows = {str(t): row for row, t in enumerate(table["township"])}
        return xy, np.array([rows.get(t, -1) for t in self.township], dtype=np.int64)

    def _road_basis(self, where: Array) -> NDArray[np.object_]:
        """Return the weakest kind of road on each village's way, from a few of the draws."""
        assert self.net is not None  # noqa: S101
        n = len(self.positions.codes)
        attributes = self.net.attributes
        kinds = (
            attributes["basis"].astype(str).to_numpy()
            if "basis" in attributes.columns
            else np.full(len(self.net.u), "surveyed")
        )
        present = [kind for kind in registry.STRENGTH if (kinds == kind).any()]
        if len(present) == 1:
            return np.full(n, present[0], dtype=object)
        few = np.unique(np.linspace(0, self.draws.n - 1, _BASIS_DRAWS).astype(int))
        starts = self._snap(self.positions.xy[:, few])
        carry = {kind: np.where(kinds == kind, self.net.metres, 0.0) for kind in present}
        found = self.net.nearest(
            starts, self._snap(where[:, 0]), by="seconds", mode=self.mode, carry=carry
        )
        out = np.full(n, present[0], dtype=object)
        for kind in present:
            touched = (found[kind].fillna(0.0).to_numpy() > 0).reshape(n, len(few)).any(axis=1)
            out[touched] = kind
        return out


def _take(places: Snapped, rows: NDArray[np.int64]) -> Snapped:
    """Return some of the places, numbered anew from 0."""
    return replace(
        places,
        index=pd.RangeIndex(len(rows)),
        node=places.node[rows],
        edge=places.edge[rows],
        fraction=places.fraction[rows],
        metres=places.metres[rows],
        x=places.x[rows],
        y=places.y[rows],
    )


def _join(a: Snapped, b: Snapped) -> Snapped:
    names = ("node", "edge", "fraction", "metres", "x", "y")
    parts = {name: np.concatenate([getattr(a, name), getattr(b, name)]) for name in names}
    return replace(a, index=pd.RangeIndex(len(a) + len(b)), **parts)


# ---------------------------------------------------------------------------------------------
# What is printed
# ---------------------------------------------------------------------------------------------


def _over_ground(
    service: Service,
    network: RoadNetwork,
    ground: Ground,
    villages: gpd.GeoDataFrame,
    places: gpd.GeoDataFrame,
    first: _Arrival,
    hidden: NDArray[np.bool_],
    table: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what the terrain adds to the rows: minutes lost, the road that costs them, walks.

    A village that level roads would bring within the limit gets the reason ``steep_road``.
    """
    homes = villages.geometry.reset_index(drop=True)
    sites = places.geometry.reset_index(drop=True)
    cost = slopes(network, ground, homes, sites, service.mode)
    walked = np.where(first.walked > 0, first.walked, np.nan)
    ways = (~np.isnan(walked)).mean(axis=1) >= 0.5  # off the road in most draws
    lost = (cost["seconds"] - cost["flat_seconds"]).to_numpy() / 60.0
    told = ~hidden & ~ways & np.isfinite(lost)
    reason = np.asarray(table["reason"], dtype=object).copy()
    steep = (
        told & (reason == str(Reason.OVER_LIMIT))
        & (cost["flat_seconds"].to_numpy() <= table["limit"] * 60.0 * (1 + 1e-12))
    )  # fmt: skip
    reason[steep] = str(Reason.STEEP_ROAD)
    road = np.full(len(homes), "", dtype=object)
    rows = np.flatnonzero(steep)
    road[rows] = slow_roads(network, ground, homes.iloc[rows], sites, service.mode)
    length = np.full(len(homes), np.nan)
    length[ways] = np.nanmedian(walked[ways], axis=1)
    return {
        "reason": reason,
        "slope_minutes": np.where(told, np.round(lost, 1), np.nan),
        "slow_road": road,
        "offroad_metres": np.where(hidden, np.nan, np.round(length)),
    }


def _percentiles(values: Array) -> Array:
    """Return the 5 %, 50 % and 95 % of each row (nearest ranks, so that inf stays inf)."""
    if not values.size:
        return np.empty((3, len(values)))
    ordered = np.sort(values, axis=1)
    last = values.shape[1] - 1
    picks = [int(np.floor(0.05 * last)), last // 2, int(np.ceil(0.95 * last))]
    return np.moveaxis(ordered[:, picks], 1, 0)


def _printed(
    minutes: Array, rough: NDArray[np.bool_], hidden: NDArray[np.bool_]
) -> dict[str, Array]:
    """Return minutes as they may be printed.

    On presumed ground: whole minutes between bounds rounded outward to 5 min; elsewhere one
    decimal and no range.
    """
    low, mid, high = (np.where(np.isfinite(m), m, np.nan) for m in minutes)
    unseen = hidden | np.isnan(mid)
    return {
        "minutes": np.where(unseen, np.nan, np.where(rough, np.round(mid), np.round(mid, 1))),
        "minutes_low": np.where(unseen | ~rough, np.nan, np.floor(low / 5) * 5),
        "minutes_high": np.where(unseen | ~rough, np.nan, np.ceil(high / 5) * 5),
    }
