"""Townships, villages, hamlets and their people in a made-up county."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from qianwan_gis.synthetic._land import AREA_PER_VILLAGE, Land

Ints = NDArray[np.int64]

POPULATION_KIND = "registered"
POPULATION_YEAR = 2024
SOURCE = "合成数据"
LICENCE = "CC0-1.0"
_VILLAGES_PER_TOWNSHIP = 28
_MOST_TOWNSHIPS = 899

# Everyday name parts; which two meet is chance, so a likeness to a real village is chance too.
_HEADS = list("王李张刘陈杨赵周吴徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭") + list(
    "石柳槐桃杏松柏枣梨竹青白黄红金银铁铜龙凤"
)
_TAILS = list("庄沟岭河坪坡洼掌脚峪川湾店窑寨营堡垴圪滩岩泉池桥头底山院坂")
_SIDES = ["", "", "", "", "上", "下", "东", "西", "南", "北", "前", "后", "大", "小"]
_TOWN_HEADS = list("云雾霁岚翠澄沐宁安和丰嘉瑞景明朗清秀兴隆永昌德仁义礼信")
_TOWN_TAILS = list("川溪岭泉坪桥店关堡塘渡陵城阳阴源")


@dataclass(frozen=True)
class Places:
    """Townships, villages and hamlets, the grid nodes they stand on, and each village's ground."""

    townships: gpd.GeoDataFrame
    township_areas: gpd.GeoDataFrame
    villages: gpd.GeoDataFrame
    settlements: gpd.GeoDataFrame
    village_nodes: Ints
    seat_rows: Ints
    hamlet_nodes: Ints
    cells: gpd.GeoSeries


def make_places(
    count: int, land: Land, adcode: str, county: str, crs: Any, rng: np.random.Generator
) -> Places:
    """Place villages in valleys and on terraces, group them into townships, name and people them."""
    appeal = _appeal(land)
    nodes = _spread(count, land, appeal, rng)
    seats = _seats(nodes, land, appeal)
    xy = _village_points(nodes, land, rng)
    township = _nearest(xy, xy[seats])

    towns = len(seats)
    town_codes = np.array([f"{adcode}{100 + i:03d}000" for i in range(towns)])
    town_names = _town_names(towns, rng)
    # codes count villages inside each township, the seat's first
    village_code = np.empty(count, dtype=object)
    village_name = np.empty(count, dtype=object)
    for town in range(towns):
        members = np.flatnonzero(township == town)
        members = np.r_[seats[town], members[members != seats[town]]]
        names = _village_names(len(members), rng)
        village_code[members] = [f"{adcode}{100 + town}{200 + k}" for k in range(len(members))]
        village_name[members] = names
    order = np.argsort(village_code.astype(str), kind="stable")
    rank = np.empty(count, dtype=np.int64)
    rank[order] = np.arange(count)

    people = _people(xy, nodes, township, seats, appeal, rng)
    villages = gpd.GeoDataFrame(
        {
            "code": village_code[order].astype(str),
            "name": village_name[order].astype(str),
            "official_name": [f"{name}村民委员会" for name in village_name[order]],
            "kind": "village",
            "township": town_names[township[order]],
            "township_code": town_codes[township[order]],
            "population": people[order],
            "population_kind": POPULATION_KIND,
            "population_year": POPULATION_YEAR,
            "population_source": SOURCE,
            "basis": "synthetic",
            "source": SOURCE,
            "licence": LICENCE,
        },
        geometry=shapely.points(xy[order]),
        crs=crs,
    )
    seat_rows = rank[seats]
    townships = gpd.GeoDataFrame(
        {
            "code": town_codes,
            "township": town_names,
            "status": "current",
            "kind": ["county_seat"] + ["seat"] * (towns - 1),
            "villages": np.bincount(township, minlength=towns),
            "basis": "synthetic",
            "source": f"{SOURCE}（{county}）",
            "licence": LICENCE,
        },
        geometry=shapely.points(np.round(land.grid.xy[nodes[seats]], 2)),
        crs=crs,
    )
    cells = _cells(villages, land)
    areas = _township_areas(villages, cells, townships, land)
    settlements, hamlet_nodes = _settlements(villages, nodes[order], land, rng)
    return Places(
        townships, areas, villages, settlements, nodes[order], seat_rows, hamlet_nodes, cells
    )


def _appeal(land: Land) -> NDArray[np.float64]:
    """How likely people settle on each grid node: gentle, near water, not in it, not high."""
    height = land.height - land.height[land.inside].min()
    gentle = np.exp(-((land.slope / 0.10) ** 1.5))
    water = 0.15 + np.exp(-land.river_distance / 2200.0)
    low = np.exp(-height / 450.0)
    dry = 1.0 / (1.0 + np.exp(-(land.river_distance - 120.0) / 40.0))
    return np.asarray(np.where(land.habitable, gentle * water * low * dry + 1e-4, 0.0))


def _spread(count: int, land: Land, appeal: NDArray[np.float64], rng: np.random.Generator) -> Ints:
    """Draw nodes by appeal, no two closer than a distance that is lowered until all fit."""
    usable = np.flatnonzero(appeal > 0.0)
    key = np.log(appeal[usable]) + rng.gumbel(size=len(usable))
    queue = usable[np.argsort(-key, kind="stable")]
    apart = 0.52 * np.sqrt(AREA_PER_VILLAGE)
    while True:
        chosen = _apart(land.grid.xy[queue], apart, count)
        if len(chosen) == count:
            return np.asarray(queue[chosen], dtype=np.int64)
        apart *= 0.85


def _apart(xy: NDArray[np.float64], apart: float, most: int) -> Ints:
    """Positions of the first ``most`` points that keep ``apart`` from all chosen before."""
    cells: dict[tuple[int, int], list[tuple[float, float]]] = {}
    chosen: list[int] = []
    limit = apart * apart
    for i, (x, y) in enumerate(xy.tolist()):
        cx, cy = int(x // apart), int(y // apart)
        near = (
            other
            for a in (cx - 1, cx, cx + 1)
            for b in (cy - 1, cy, cy + 1)
            for other in cells.get((a, b), ())
        )
        if all((x - u) ** 2 + (y - v) ** 2 >= limit for u, v in near):
            chosen.append(i)
            cells.setdefault((cx, cy), []).append((x, y))
            if len(chosen) == most:
                break
    return np.array(chosen, dtype=np.int64)


def _seats(nodes: Ints, land: Land, appeal: NDArray[np.float64]) -> Ints:
    """Choose the villages that are township seats; the county's own seat comes first."""
    towns = int(np.clip(round(len(nodes) / _VILLAGES_PER_TOWNSHIP), 1, _MOST_TOWNSHIPS))
    xy = land.grid.xy[nodes]
    middle = np.array(land.outline.centroid.coords[0])
    from_middle = np.hypot(*(xy - middle).T)
    reach = np.sqrt(land.outline.area)
    order = np.argsort(-appeal[nodes] * np.exp(-((from_middle / (0.22 * reach)) ** 2)))
    first = int(order[0])
    rest = np.argsort(-appeal[nodes], kind="stable")
    queue = np.r_[first, rest[rest != first]]
    apart = 0.8 * np.sqrt(land.outline.area / towns)
    # towns do not stand on the county's edge while there is other ground
    edge = shapely.distance(land.outline.exterior, shapely.points(xy)) < 0.35 * apart
    queue = np.r_[first, queue[1:][~edge[queue[1:]]], queue[1:][edge[queue[1:]]]]
    while True:
        chosen = _apart(xy[queue], apart, towns)
        if len(chosen) == towns:
            return np.asarray(queue[chosen], dtype=np.int64)
        apart *= 0.9


def _village_points(nodes: Ints, land: Land, rng: np.random.Generator) -> NDArray[np.float64]:
    """The village's own point: 30 to 110 m beside the node where its road passes."""
    angle = rng.uniform(0.0, 2.0 * np.pi, len(nodes))
    away = rng.uniform(30.0, 110.0, len(nodes))
    shift = np.column_stack([np.cos(angle), np.sin(angle)]) * away[:, None]
    return np.round(land.grid.xy[nodes] + shift, 2)


def _nearest(xy: NDArray[np.float64], targets: NDArray[np.float64]) -> Ints:
    from scipy.spatial import KDTree

    return np.asarray(KDTree(targets).query(xy)[1], dtype=np.int64)


def _town_names(count: int, rng: np.random.Generator) -> NDArray[np.str_]:
    pairs = [a + b for a in _TOWN_HEADS for b in _TOWN_TAILS]
    if count > len(pairs):
        pairs += [
            a + b + c for a in _TOWN_HEADS for b in _TOWN_HEADS for c in _TOWN_TAILS if a != b
        ]
    drawn = rng.choice(len(pairs), size=count, replace=False)
    return np.array([pairs[i] + ("乡" if k % 5 == 4 else "镇") for k, i in enumerate(drawn)])


def _village_names(count: int, rng: np.random.Generator) -> list[str]:
    """Draw names that are unique among themselves; other townships may draw the same."""
    names: dict[str, None] = {}
    while len(names) < count:
        side, head, tail = (rng.integers(len(p)) for p in (_SIDES, _HEADS, _TAILS))
        names[_SIDES[side] + _HEADS[head] + _TAILS[tail]] = None
    return list(names)


def _people(
    xy: NDArray[np.float64],
    nodes: Ints,
    township: Ints,
    seats: Ints,
    appeal: NDArray[np.float64],
    rng: np.random.Generator,
) -> Ints:
    """Registered people: skewed as real villages are, more near seats and in good places."""
    to_seat = np.hypot(*(xy - xy[seats][township]).T)
    place = (appeal[nodes] / appeal[nodes].mean()) ** 0.25
    people = 760.0 * place * rng.lognormal(-0.18, 0.6, len(nodes)) * (1 + np.exp(-to_seat / 1800.0))
    people[seats] *= 2.6
    people[seats[0]] *= 5.0
    return np.asarray(np.maximum(38, np.round(people)), dtype=np.int64)


def _cells(villages: gpd.GeoDataFrame, land: Land) -> gpd.GeoSeries:
    """The ground of each village: the county cut up by nearest village."""
    if len(villages) < 2:
        return gpd.GeoSeries([land.outline], crs=villages.crs)
    cells = shapely.voronoi_polygons(
        shapely.MultiPoint(villages.geometry.to_numpy()),
        extend_to=land.outline.buffer(1000.0),
        ordered=True,
    )
    return gpd.GeoSeries(shapely.get_parts(cells), crs=villages.crs)


def _township_areas(
    villages: gpd.GeoDataFrame, cells: gpd.GeoSeries, townships: gpd.GeoDataFrame, land: Land
) -> gpd.GeoDataFrame:
    """The ground of each township's villages: in a made-up county these are the true areas."""
    merged = cells.groupby(villages["township_code"].to_numpy()).apply(
        lambda part: shapely.union_all(part.to_numpy(), grid_size=0.01)
    )
    area = townships.drop(columns="geometry").assign(
        geometry=[merged[code].intersection(land.outline) for code in townships["code"]]
    )
    return gpd.GeoDataFrame(area, geometry="geometry", crs=villages.crs)


def _settlements(
    villages: gpd.GeoDataFrame, nodes: Ints, land: Land, rng: np.random.Generator
) -> tuple[gpd.GeoDataFrame, Ints]:
    """Hamlets (自然村): the village's own and up to four around it; people add up exactly."""
    n = land.grid.count
    others = rng.choice(5, size=len(villages), p=[0.22, 0.3, 0.26, 0.14, 0.08])
    owner = np.repeat(np.arange(len(villages)), others)
    row, col = np.divmod(nodes[owner], n)
    angle = rng.uniform(0.0, 2.0 * np.pi, len(owner))
    away = rng.uniform(420.0, 1050.0, len(owner)) / land.grid.cell
    row = np.clip(np.round(row + away * np.sin(angle)).astype(int), 0, n - 1)
    col = np.clip(np.round(col + away * np.cos(angle)).astype(int), 0, n - 1)
    place = row * n + col
    good = land.habitable[place] & (land.slope[place] < 0.35) & (land.river_distance[place] > 60.0)
    good &= ~np.isin(place, nodes)
    _, first = np.unique(place, return_index=True)
    good &= np.isin(np.arange(len(place)), first)
    owner, place = owner[good], place[good]

    own = np.arange(len(villages))
    all_owner = np.r_[own, owner]
    weight = np.r_[rng.uniform(2.5, 6.0, len(own)), rng.uniform(0.3, 1.4, len(owner))]
    xy = np.r_[
        shapely.get_coordinates(villages.geometry.to_numpy()),
        np.round(land.grid.xy[place] + rng.uniform(-60.0, 60.0, (len(place), 2)), 2),
    ]
    node = np.r_[nodes, place]
    order = np.lexsort((-weight, np.r_[np.zeros(len(own)), np.ones(len(owner))], all_owner))
    all_owner, weight, xy, node = all_owner[order], weight[order], xy[order], node[order]
    start = np.r_[0, np.flatnonzero(np.diff(all_owner)) + 1]
    number = np.arange(len(all_owner)) - np.repeat(start, np.diff(np.r_[start, len(all_owner)]))

    total = villages["population"].to_numpy()[all_owner]
    share = weight / np.add.reduceat(weight, start)[all_owner]
    people = np.floor(total * share).astype(np.int64)
    people[start] += villages["population"].to_numpy() - np.add.reduceat(people, start)
    heads = np.array([a + b for a in _HEADS for b in ("家", "沟", "窝", "坡", "湾")])
    hamlet = heads[rng.integers(len(heads), size=len(all_owner))]
    village = villages["name"].to_numpy()[all_owner]
    code = villages["code"].to_numpy()[all_owner]
    table = gpd.GeoDataFrame(
        {
            "settlement_id": [f"{c}-{k + 1:02d}" for c, k in zip(code, number, strict=True)],
            "code": code,
            "name": np.where(number == 0, village, hamlet),
            "village": village,
            "township": villages["township"].to_numpy()[all_owner],
            "population": people,
            "population_kind": POPULATION_KIND,
            "population_year": POPULATION_YEAR,
            "population_source": SOURCE,
            "basis": "synthetic",
        },
        geometry=shapely.points(xy),
        crs=villages.crs,
    )
    return table, node
