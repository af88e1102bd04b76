"""Complete facility registers of a made-up county: health, sewage, water, and along the corridor."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from qianwan_gis.synthetic._grid import chaikin, walk
from qianwan_gis.synthetic._land import Land
from qianwan_gis.synthetic._places import LICENCE, SOURCE, Places

Floats = NDArray[np.float64]

_CLINIC_SHARE = 0.6
_LITRES_USED = 90.0  # per person and day, inside the 85-140 of GB/T 50331 zone 2 (towns)
_LITRES_SEWAGE = 60.0
_SEWER_REACH = 2600.0  # m of ground from a treatment plant
_WORKS_REACH = 0.85  # share of a township's villages on the township's waterworks


@dataclass(frozen=True)
class Facilities:
    """Points of all services, sewers, and which facility serves which village by record."""

    table: gpd.GeoDataFrame
    sewers: gpd.GeoDataFrame
    supplies: pd.DataFrame


class _Register:
    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.xy: list[tuple[float, float]] = []

    def add(self, service: str, tier: str, name: str, xy: Floats, capacity: float = np.nan) -> str:
        identity = f"F{len(self.rows) + 1:06d}"
        self.rows.append(
            {
                "facility_id": identity,
                "service": service,
                "tier": tier,
                "name": name,
                "capacity": capacity,
                "basis": "synthetic",
                "uncertainty_m": 0.0,
                "source": SOURCE,
                "licence": LICENCE,
            }
        )
        self.xy.append((round(float(xy[0]), 2), round(float(xy[1]), 2)))
        return identity


def make_facilities(
    land: Land,
    places: Places,
    corridor: list[tuple[str, Floats]],
    county: str,
    crs: Any,
    rng: np.random.Generator,
) -> Facilities:
    """Build all registers; every one is complete: what is not in it does not exist."""
    register = _Register()
    _health(register, places, county, rng)
    sewers = _sewage(register, land, places, crs, rng)
    supplies = _water(register, places, rng)
    _roadside(register, corridor, rng)
    supplies += _on_site(register, places, sewers, rng)
    table = gpd.GeoDataFrame(register.rows, geometry=shapely.points(register.xy), crs=crs)
    kinds = table.set_index("facility_id")
    served = pd.DataFrame(supplies, columns=["facility_id", "code"])
    for column in ("tier", "service"):
        served.insert(0, column, kinds.loc[served["facility_id"], column].to_numpy())
    return Facilities(table, sewers, _with_safety(served))


def _with_safety(served: pd.DataFrame) -> pd.DataFrame:
    """Add what a register says of drinking water, with gaps, drawn from the village's code alone."""
    draws = [
        [zlib.crc32(f"{code}/{k}".encode()) / 2**32 for k in range(3)] for code in served["code"]
    ]
    water = served["service"].eq("water").to_numpy()
    grades = ((0.82, "合格"), (0.90, "基本达标"), (0.94, "不合格"), (1.0, ""))
    quality = [next(word for below, word in grades if u < below) for u, _, _ in draws]
    house = ["是" if v < 0.85 else "否" if v < 0.93 else "" for _, v, _ in draws]
    minutes = [
        "" if h != "否" else str(int(4 + 24 * w)) for h, (_, _, w) in zip(house, draws, strict=True)
    ]
    days = ["" if w > 0.93 else str(int(45 * w**2)) for _, _, w in draws]
    fields = {"quality": quality, "to_house": house, "fetch_minutes": minutes, "outage_days": days}
    return served.assign(**{k: np.where(water, v, "") for k, v in fields.items()})


def _beside(xy: Floats, rng: np.random.Generator, near: float, far: float) -> Floats:
    angle, away = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(near, far)
    return np.asarray(xy + away * np.array([np.cos(angle), np.sin(angle)]))


def _health(register: _Register, places: Places, county: str, rng: np.random.Generator) -> None:
    seats = shapely.get_coordinates(places.townships.geometry.to_numpy())
    for name, beds in (("人民医院", 420.0), ("中医医院", 180.0)):
        register.add(
            "clinic", "county", f"{county}{name}", _beside(seats[0], rng, 250.0, 600.0), beds
        )
    for town, xy in zip(places.townships["township"], seats, strict=True):
        register.add("clinic", "township", f"{town}卫生院", _beside(xy, rng, 90.0, 260.0))
    homes = shapely.get_coordinates(places.villages.geometry.to_numpy())
    people = places.villages["population"].to_numpy(float)
    # larger villages more often have a room of their own
    chance = people**0.5
    order = np.argsort(-np.log(chance) - rng.gumbel(size=len(chance)), kind="stable")
    chosen = np.sort(order[: max(1, round(_CLINIC_SHARE * len(order)))])
    for row in chosen.tolist():
        name = f"{places.villages['name'].iloc[row]}村卫生室"
        register.add("clinic", "village", name, _beside(homes[row], rng, 20.0, 160.0))


def _sewage(
    register: _Register, land: Land, places: Places, crs: Any, rng: np.random.Generator
) -> gpd.GeoDataFrame:
    """A plant with sewers at every seat, and a station of its own in a fifth of the rest."""
    grid = land.grid
    villages = places.villages
    nodes = places.village_nodes
    seats = nodes[places.seat_rows]
    # downhill is cheap for a sewer
    a, b = grid.edges.T
    cost = grid.base_lengths() * (1 + np.abs(land.height[a] - land.height[b]) / 15.0)
    best, previous, source = grid.search(cost, seats)
    joined = np.flatnonzero(best[nodes] <= _SEWER_REACH)
    lines, names, plants = [], [], []
    people = villages["population"].to_numpy(float)
    for town, seat in enumerate(seats.tolist()):
        served = joined[source[nodes[joined]] == seat]
        capacity = people[served].sum() * _LITRES_SEWAGE / 1000.0
        capacity = float(np.ceil(capacity * rng.uniform(0.9, 1.6) / 50.0) * 50.0)
        lowest = _lowest_near(land, seat)
        town_name = places.townships["township"].iloc[town]
        plant = register.add(
            "sewage", "plant", f"{town_name}污水处理厂", grid.xy[lowest] + 12.0, capacity
        )
        outfall = np.vstack([grid.xy[seat], grid.xy[lowest] + 12.0])
        for label, line in [
            ("主干管", outfall),
            *(
                (f"{villages['name'].iloc[row]}支管", grid.xy[walk(previous, int(nodes[row]))])
                for row in served.tolist()
                if nodes[row] != seat
            ),
        ]:
            lines.append(line)
            names.append(f"{town_name}{label}")
            plants.append(plant)
    smooth = chaikin(lines, rounds=1)
    sewers = gpd.GeoDataFrame(
        {
            "facility_id": [f"W{i + 1:05d}" for i in range(len(lines))],
            "name": names,
            "plant_id": plants,
            "diameter_mm": [400 if name.endswith("主干管") else 300 for name in names],
            "basis": "synthetic",
            "source": SOURCE,
            "licence": LICENCE,
        },
        geometry=[shapely.LineString(np.round(line, 2)) for line in smooth],
        crs=crs,
    )
    rest = np.setdiff1d(np.arange(len(nodes)), joined)
    for row in np.sort(rest[rng.random(len(rest)) < 0.2]).tolist():
        home = shapely.get_coordinates(villages.geometry.iloc[row])[0]
        capacity = float(max(10.0, np.ceil(people[row] * _LITRES_SEWAGE / 1000.0 / 5.0) * 5.0))
        name = f"{villages['name'].iloc[row]}村污水处理站"
        register.add("sewage", "station", name, _beside(home, rng, 120.0, 300.0), capacity)
    return sewers


def _lowest_near(land: Land, node: int) -> int:
    """The lowest grid node within two cells: where a treatment plant goes."""
    n = land.grid.count
    row, col = divmod(node, n)
    near = [
        r * n + c
        for r in range(max(row - 2, 0), min(row + 3, n))
        for c in range(max(col - 2, 0), min(col + 3, n))
        if (r, c) != (row, col)
    ]
    return min(near, key=lambda k: (land.height[k], k))


def _water(register: _Register, places: Places, rng: np.random.Generator) -> list[tuple[str, str]]:
    """A waterworks per township for most villages, small works for some, nothing for a few."""
    villages = places.villages
    people = villages["population"].to_numpy(float)
    homes = shapely.get_coordinates(villages.geometry.to_numpy())
    seats = shapely.get_coordinates(places.townships.geometry.to_numpy())
    rows: list[tuple[str, str]] = []
    for town, code in enumerate(places.townships["code"]):
        members = np.flatnonzero((villages["township_code"] == code).to_numpy())
        away = np.hypot(*(homes[members] - seats[town]).T)
        served = members[np.argsort(away, kind="stable")[: int(np.ceil(_WORKS_REACH * len(away)))]]
        need = people[served].sum() * _LITRES_USED / 1000.0
        capacity = float(np.ceil(need * rng.uniform(0.85, 1.5) / 50.0) * 50.0)
        name = f"{places.townships['township'].iloc[town]}水厂"
        works = register.add(
            "water", "works", name, _beside(seats[town], rng, 400.0, 1200.0), capacity
        )
        rows += [(works, c) for c in villages["code"].iloc[served]]
        for row in np.setdiff1d(members, served).tolist():
            if rng.random() < 0.7:
                need = people[row] * _LITRES_USED / 1000.0
                capacity = float(np.ceil(need * rng.uniform(0.7, 1.4) / 5.0) * 5.0)
                single = register.add(
                    "water",
                    "works",
                    f"{villages['name'].iloc[row]}村供水站",
                    _beside(homes[row], rng, 100.0, 400.0),
                    capacity,
                )
                rows.append((single, villages["code"].iloc[row]))
    return rows


def _on_site(
    register: _Register, places: Places, sewers: gpd.GeoDataFrame, rng: np.random.Generator
) -> list[tuple[str, str]]:
    """Tanks at the houses in half of the villages that have neither sewer nor station."""
    from scipy.spatial import KDTree

    villages = places.villages
    homes = shapely.get_coordinates(villages.geometry.to_numpy())
    stations = {
        tuple(xy)
        for row, xy in zip(register.rows, register.xy, strict=True)
        if row["tier"] == "station"
    }
    near_station = np.zeros(len(homes), dtype=bool)
    if stations:
        near_station = KDTree(np.array(sorted(stations))).query(homes)[0] < 301.0
    piped = (
        shapely.distance(
            villages.geometry.to_numpy(), shapely.union_all(sewers.geometry.to_numpy())
        )
        < 300.0
    )
    rows = []
    for row in np.flatnonzero(~near_station & ~piped).tolist():
        if rng.random() < 0.5:
            people = float(villages["population"].iloc[row])
            name = f"{villages['name'].iloc[row]}村分散处理设施"
            capacity = float(np.ceil(people * _LITRES_SEWAGE / 1000.0))
            facility = register.add("sewage", "on_site", name, homes[row], capacity)
            rows.append((facility, str(villages["code"].iloc[row])))
    return rows


def _roadside(
    register: _Register, corridor: list[tuple[str, Floats]], rng: np.random.Generator
) -> None:
    """Rest posts, scenic spots, toilets and chargers along the corridor, unevenly spaced."""
    spots = ["古寨", "石林", "梯田", "水库", "峡谷", "古堡", "花海", "窑洞群", "书院", "湿地"]
    for branch, line in corridor:
        along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(line, axis=0).T))]

        def at(
            metres: float, near: float, far: float, line: Floats = line, along: Floats = along
        ) -> Floats:
            xy = np.array([np.interp(metres, along, line[:, k]) for k in range(2)])
            return _beside(xy, rng, near, far)

        metres = rng.uniform(800.0, 3000.0)
        number = 0
        while metres < along[-1]:
            number += 1
            name = f"{branch}{number}号驿站"
            register.add("corridor", "post", name, at(metres, 15.0, 60.0))
            register.add("corridor", "toilet", f"{name}公厕", at(metres, 30.0, 90.0))
            if rng.random() < 0.6:
                slots = float(rng.integers(2, 13))
                register.add("corridor", "charger", f"{name}充电站", at(metres, 30.0, 90.0), slots)
            metres += rng.uniform(5000.0, 15000.0)
        metres = rng.uniform(1500.0, 5000.0)
        while metres < along[-1]:
            spot = f"{branch}{int(metres // 1000)}公里{spots[int(rng.integers(len(spots)))]}"
            register.add("corridor", "scenic", spot, at(metres, 100.0, 3500.0))
            if rng.random() < 0.5:
                register.add("corridor", "toilet", f"{spot}公厕", at(metres, 40.0, 200.0))
            metres += rng.uniform(4000.0, 12000.0)
