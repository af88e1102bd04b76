"""Roads of all classes for a made-up county.

Roads are least-cost paths over the terrain on one grid, laid from the highest class down; a lower
class finds existing roads cheap and so joins them. Sharing grid edges gives true junctions: two
roads meet in a node or not at all. The motorway alone is not on the grid: it crosses the others on
bridges and in tunnels and meets them only at interchanges.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from qianwan_gis.synthetic._grid import Floats, Grid, Ints, chaikin, walk
from qianwan_gis.synthetic._land import Land
from qianwan_gis.synthetic._motorway import lay_motorway, tunnels
from qianwan_gis.synthetic._pieces import Mark, Pieces, crossings
from qianwan_gis.synthetic._places import Places
from qianwan_gis.synthetic._works import (
    COUNTY,
    PRIMARY,
    SECONDARY,
    TERTIARY,
    TOWNSHIP,
    TRACK,
    TRUNK,
    VILLAGE,
    Chains,
    Works,
)

# technical class (standards/roads.toml) and administrative class of each rank
CLASSES = {
    TRACK: ("track", ""),
    VILLAGE: ("village", "村道"),
    TOWNSHIP: ("tertiary", "乡道"),
    COUNTY: ("tertiary", "县道"),
    TERTIARY: ("tertiary", "县道"),
    SECONDARY: ("secondary", "县道"),
    PRIMARY: ("primary", "省道"),
    TRUNK: ("trunk", "国道"),
}
_SURFACE = {TRACK: "土路", VILLAGE: "水泥", TOWNSHIP: "水泥"}
_BRIDGE_HALF = 22.0  # m either side of a river's centreline


@dataclass(frozen=True)
class Roads:
    """The finished roads and the corridor's lines, each with the name of its branch."""

    table: gpd.GeoDataFrame
    corridor: list[tuple[str, Floats]]
    motorway: bool


def make_roads(land: Land, places: Places, name: str, crs: Any, rng: np.random.Generator) -> Roads:
    """Lay all roads, from the trunk road down to field tracks."""
    grid = land.grid
    works = Works(
        grid,
        _ground_cost(land, rng),
        np.zeros(len(grid.edges), dtype=np.int8),
        np.zeros(len(grid.edges), dtype=np.int64),
    )
    seats = places.village_nodes[places.seat_rows]
    exits = _exits(land, rng)
    _main_routes(works, seats, exits, name)
    corridor = _corridor_paths(works, land, seats, places.village_nodes, exits, name)
    _seat_links(works, seats, rng)
    spare = _village_links(works, places, rng)
    _raise_busy(works, places, seats)
    _hamlet_spurs(works, places, rng)

    corners = sorted({node for _, path in corridor for node in (path[0], path[-1])})
    chains = _chains(works, corners)
    lines = _shape(works, chains)
    pieces = Pieces()
    corridor_lines = [(branch, _along(works, chains, lines, path)) for branch, path in corridor]
    has_motorway = _assemble(pieces, works, chains, lines, land, exits, rng)
    _streets(pieces, places, seats, grid, rng)
    _planned(pieces, spare, grid, places, rng)
    return Roads(pieces.table(crs), corridor_lines, has_motorway)


def _ground_cost(land: Land, rng: np.random.Generator) -> Floats:
    """Cost of building along each grid edge: length, dearer uphill and across water."""
    grid = land.grid
    a, b = grid.edges.T
    length = grid.base_lengths()
    climb = np.abs(land.height[a] - land.height[b]) / length
    side = (land.slope[a] + land.slope[b]) / 2.0
    wet = (land.river_distance[a] < 50.0) | (land.river_distance[b] < 50.0)
    outside = ~(land.inside[a] & land.inside[b])
    rough = rng.uniform(0.8, 1.25, len(length))
    return np.asarray(
        length
        * rough
        * (1 + (climb / 0.05) ** 2 + 4.0 * side)
        * (1 + 1.2 * wet)
        * (1 + 8 * outside)
    )


def _exits(land: Land, rng: np.random.Generator) -> Ints:
    """Six nodes a little outside the county, around it: where through roads leave."""
    centre = land.outline.centroid
    start = rng.uniform(0.0, 2.0 * np.pi)
    far = 2.0 * np.sqrt(land.outline.area)
    points = []
    for k in range(6):
        angle = start + k * np.pi / 3.0 + rng.uniform(-0.25, 0.25)
        ray = shapely.LineString(
            [centre, (centre.x + far * np.cos(angle), centre.y + far * np.sin(angle))]
        )
        inside = shapely.intersection(ray, land.outline).length + 1500.0
        points.append([centre.x + inside * np.cos(angle), centre.y + inside * np.sin(angle)])
    return land.grid.nearest_node(np.array(points))


def _main_routes(works: Works, seats: Ints, exits: Ints, name: str) -> None:
    """Trunk and primary roads through the county seat, then a tree to every other seat."""
    grid, centre = works.grid, int(seats[0])
    trunk = works.name(f"{name}国道", "G990")
    for number in (0, 3):
        _, previous, _ = grid.search(works.cost(), np.array([centre]))
        works.lay(walk(previous, int(exits[number])), TRUNK, trunk)
    for number, ref in ((1, "S901"), (4, "S902")):
        primary = works.name(f"{name}省道{ref}", ref)
        _, previous, _ = grid.search(works.cost(), np.array([centre]))
        works.lay(walk(previous, int(exits[number])), PRIMARY, primary)
    _, previous, _ = grid.search(works.cost(), np.array([centre]))
    use: dict[int, int] = {}
    paths = [walk(previous, int(seat)) for seat in seats[1:]]
    for path in paths:
        for node in path[:-1]:
            use[node] = use.get(node, 0) + 1
    for number, path in enumerate(paths):
        busy = [node for node in path if use.get(node, 9) >= 2]
        secondary = works.name(f"{name}县域干线{number + 1:02d}", f"S{910 + number}")
        if len(busy) >= 2:
            works.lay(busy, SECONDARY, secondary)
        works.lay(path, TERTIARY, works.name(f"{name}县道{number + 1:02d}", f"X{number + 1:03d}"))


def _corridor_paths(
    works: Works, land: Land, seats: Ints, villages: Ints, exits: Ints, name: str
) -> list[tuple[str, list[int]]]:
    """The corridor's main line across the county by way of several seats, and two branches."""
    grid = works.grid
    xy = grid.xy[seats]
    axis = grid.xy[exits[5]] - grid.xy[exits[2]]
    along = (xy - grid.xy[exits[2]]) @ axis / (axis @ axis)
    across = (xy - grid.xy[exits[2]]) @ np.array([-axis[1], axis[0]]) / (axis @ axis)
    via: list[int] = []
    for part, swing in ((0.12, 0.1), (0.37, -0.12), (0.62, 0.12), (0.88, -0.05)):
        best = int(seats[np.argmin(np.hypot(along - part, across - swing))])
        if best not in via:
            via.append(best)
    if len(via) < 2:
        via = [int(exits[2]), *via, int(exits[5])]
    # a scenic road keeps off the trunk road
    cost = works.cost() * np.where(works.rank >= PRIMARY, 6.0, 1.0)
    main: list[int] = [via[0]]
    for start, end in itertools.pairwise(via):
        _, previous, _ = grid.search(cost, np.array([end]))
        main += walk(previous, start)[1:]
    main = _without_loops(main)
    number = works.name(f"{name}一号旅游公路", "S990")
    works.lay(main, SECONDARY, number)

    _, previous, _ = grid.search(works.cost(), np.array(main))
    branches: list[tuple[str, list[int]]] = []
    wanted = np.sqrt(land.outline.area) / 7.0
    taken = set(main)
    # to seats and to the next county first; to villages where those lie on the main line itself
    for ends in (np.r_[seats, exits[[0, 1, 3, 4]]], villages):
        paths = [walk(previous, int(end))[::-1] for end in ends]
        off = [abs(_run_length(grid, path) - wanted) for path in paths]
        for position in np.argsort(off, kind="stable"):
            path = paths[position]
            if len(branches) == 2:
                break
            if len(path) < 6 or taken & set(path[1:]):
                continue
            label = f"支线{'一二'[len(branches)]}"
            route = works.name(f"{name}一号旅游公路{label}", f"X99{len(branches) + 1}")
            works.lay(path, TERTIARY, route)
            branches.append((label, path))
            taken |= set(path)
        if len(branches) == 2:
            break
    return [("主线", main), *branches]


def _run_length(grid: Grid, path: list[int]) -> float:
    nodes = np.array(path)
    return float(grid.distance_between(nodes[:-1], nodes[1:]).sum())


def _without_loops(path: list[int]) -> list[int]:
    """Cut out every loop, so that no node is passed twice."""
    seen: dict[int, int] = {}
    clean: list[int] = []
    for node in path:
        if node in seen:
            for dropped in clean[seen[node] + 1 :]:
                del seen[dropped]
            clean = clean[: seen[node] + 1]
        else:
            seen[node] = len(clean)
            clean.append(node)
    return clean


@dataclass(frozen=True)
class _Links:
    """Neighbouring places: pairs, cost between them, and the grid edge where their areas touch."""

    pairs: Ints
    cost: Floats
    touch: Ints
    previous: Ints

    def path(self, grid: Grid, link: int) -> list[int]:
        a, b = grid.edges[self.touch[link]]
        return walk(self.previous, int(a))[::-1] + walk(self.previous, int(b))


def _neighbours(works: Works, nodes: Ints) -> _Links:
    """Find which places are neighbours over the ground, and the cheapest way between them."""
    grid = works.grid
    cost = works.cost()
    best, previous, source = grid.search(cost, nodes)
    row = np.full(len(grid.xy), -1)
    row[nodes] = np.arange(len(nodes))
    owner = np.where(source >= 0, row[source], -1)
    a, b = grid.edges.T
    border = np.flatnonzero((owner[a] != owner[b]) & (owner[a] >= 0) & (owner[b] >= 0))
    total = best[a[border]] + cost[border] + best[b[border]]
    low = np.minimum(owner[a[border]], owner[b[border]])
    high = np.maximum(owner[a[border]], owner[b[border]])
    order = np.lexsort((total, high, low))
    pairs = np.column_stack([low, high])[order]
    first = np.r_[True, (np.diff(pairs, axis=0) != 0).any(axis=1)] if len(pairs) else order
    return _Links(pairs[first], total[order][first], border[order][first], previous)


def _tree(links: _Links, count: int) -> NDArray[np.bool_]:
    """Which links make the minimum spanning tree."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    a, b = links.pairs.T
    tree = minimum_spanning_tree(
        coo_array((links.cost, (a, b)), shape=(count, count)).tocsr()
    ).tocoo()
    chosen = set(zip(tree.row.tolist(), tree.col.tolist(), strict=True))
    return np.array([pair in chosen for pair in zip(a.tolist(), b.tolist(), strict=True)], bool)


def _seat_links(works: Works, seats: Ints, rng: np.random.Generator) -> None:
    """County roads between neighbouring seats that the main roads left out."""
    if len(seats) < 3:
        return
    links = _neighbours(works, seats)
    keep = _tree(links, len(seats)) | (rng.random(len(links.cost)) < 0.35)
    for number, link in enumerate(np.flatnonzero(keep)):
        route = works.name(f"县道{number + 201}", f"X{number + 201}")
        works.lay(links.path(works.grid, int(link)), COUNTY, route)


def _village_links(
    works: Works, places: Places, rng: np.random.Generator
) -> list[tuple[list[int], tuple[int, int]]]:
    """Village roads: a tree over all villages, some loops, a few villages cut off.

    Returns the links that were left out: ground for planned roads.
    """
    nodes = places.village_nodes
    if len(nodes) < 2:
        return []
    grid = works.grid
    before = works.rank.copy()
    links = _neighbours(works, nodes)
    tree = _tree(links, len(nodes))
    middle = np.median(links.cost[tree])
    loops = ~tree & (rng.random(len(tree)) < 0.22 * np.exp(-links.cost / (4.0 * middle)))
    degree = np.bincount(links.pairs[tree | loops].ravel(), minlength=len(nodes))
    for link in np.flatnonzero(tree | loops):
        works.lay(links.path(grid, int(link)), VILLAGE)

    # islands: end villages whose only link loses its own edges, half of them all of it
    use = np.zeros(len(grid.edges), dtype=np.int64)
    for link in np.flatnonzero(tree | loops):
        run = np.array(links.path(grid, int(link)))
        use[grid.edge_ids(run[:-1], run[1:])] += 1
    protected = set(places.seat_rows.tolist())
    wanted = len(nodes) // 150
    ends = [
        (int(link), int(v))
        for link in np.flatnonzero(tree)
        for v in links.pairs[link]
        if degree[v] == 1 and int(v) not in protected
    ]
    done = 0
    for position in rng.permutation(len(ends)):
        if done >= wanted:
            break
        link, village = ends[position]
        path = links.path(grid, link)
        if path[0] != nodes[village]:
            path = path[::-1]
        array = np.array(path)
        ids = grid.edge_ids(array[:-1], array[1:])
        own = (use[ids] == 1) & (before[ids] == 0)
        leading = int(np.argmin(own)) if not own.all() else len(own)
        if leading < 4:
            continue
        keep = 0 if done % 2 == 0 else leading // 3
        works.rank[ids[keep:leading]] = 0
        done += 1
    rest = np.flatnonzero(~(tree | loops))
    return [
        (links.path(grid, int(link)), (int(links.pairs[link, 0]), int(links.pairs[link, 1])))
        for link in rest[np.argsort(links.cost[rest], kind="stable")[:60]]
    ]


def _raise_busy(works: Works, places: Places, seats: Ints) -> None:
    """Village roads that carry several villages to their seat are township roads."""
    grid = works.grid
    road = works.rank > 0
    best, previous, _ = grid.search(works.cost(), seats, edges=road)
    flow = np.zeros(len(grid.xy), dtype=np.int64)
    flow[places.village_nodes] += 1
    reached = np.flatnonzero(np.isfinite(best))
    order = reached[np.argsort(-best[reached], kind="stable")]
    flows = flow.tolist()
    parents = previous.tolist()
    for node in order.tolist():
        if parents[node] >= 0:
            flows[parents[node]] += flows[node]
    flow = np.array(flows)
    child = order[previous[order] >= 0]
    ids = grid.edge_ids(child, previous[child])
    busy = ids[(flow[child] >= 4) & (works.rank[ids] == VILLAGE)]
    works.rank[busy] = TOWNSHIP


def _hamlet_spurs(works: Works, places: Places, rng: np.random.Generator) -> None:
    """Tracks from most hamlets to the nearest road: the dead ends of the network."""
    grid = works.grid
    on_road = np.unique(grid.edges[works.rank > 0])
    if len(on_road) == 0:
        return
    best, previous, _ = grid.search(works.ground, on_road)
    hamlets = np.unique(places.hamlet_nodes)
    near = hamlets[(best[hamlets] < 6.0 * grid.cell) & (best[hamlets] > 0.0)]
    for node in near[rng.random(len(near)) < 0.7]:
        works.lay(walk(previous, int(node)), TRACK if rng.random() < 0.5 else VILLAGE)


def _chains(works: Works, corners: list[int]) -> Chains:
    """Join grid edges into runs that end at junctions, changes of class, and given corners."""
    grid = works.grid
    ids = np.flatnonzero(works.rank > 0)
    kind = works.rank[ids].astype(np.int64) * 100_000 + works.route[ids]
    a, b = grid.edges[ids].T
    ends: dict[int, list[int]] = {}
    for position, (u, v) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
        ends.setdefault(u, []).append(position)
        ends.setdefault(v, []).append(position)
    stops = set(corners)
    stops |= {n for n, at in ends.items() if len(at) != 2 or kind[at[0]] != kind[at[1]]}
    u_of, v_of = a.tolist(), b.tolist()
    used = bytearray(len(ids))
    chains = Chains([], [], [], {})

    def trace(start: int, position: int) -> None:
        path, node, number = [start], start, len(chains.paths)
        while True:
            used[position] = 1
            chains.of_edge[int(ids[position])] = number
            node = v_of[position] if u_of[position] == node else u_of[position]
            path.append(node)
            if node in stops:
                break
            position = ends[node][0] if ends[node][1] == position else ends[node][1]
            if used[position]:  # a ring without a junction closes here
                break
        chains.paths.append(path)
        chains.rank.append(int(works.rank[ids[position]]))
        chains.route.append(int(works.route[ids[position]]))

    for node in sorted(stops):
        for position in ends.get(node, ()):
            if not used[position]:
                trace(node, position)
    for position in range(len(ids)):
        if not used[position]:
            trace(u_of[position], position)
    return chains


def _shape(works: Works, chains: Chains) -> list[Floats]:
    """Give every run of nodes the shape of a road: main roads straighter, corners rounded."""
    grid = works.grid
    raw = []
    for path, rank in zip(chains.paths, chains.rank, strict=True):
        points = grid.xy[path]
        if rank >= TERTIARY and len(points) > 3:
            line = shapely.LineString(points).simplify(0.3 * grid.cell)
            points = shapely.get_coordinates(line)
        raw.append(points)
    smooth = chaikin(raw, rounds=2)
    lines = shapely.simplify([shapely.LineString(points) for points in smooth], 2.0)
    return [np.round(shapely.get_coordinates(line), 2) for line in lines]


def _along(works: Works, chains: Chains, lines: list[Floats], path: list[int]) -> Floats:
    """The finished line along a path of nodes."""
    nodes = np.array(path)
    numbers = [chains.of_edge[int(e)] for e in works.grid.edge_ids(nodes[:-1], nodes[1:])]
    parts: list[Floats] = []
    position = 0
    while position < len(numbers):
        number = numbers[position]
        run = chains.paths[number]
        forward = run[0] == path[position] and run[1] == path[position + 1]
        part = lines[number] if forward else lines[number][::-1]
        parts.append(part if not parts else part[1:])
        position += len(run) - 1
    return np.concatenate(parts)


def _assemble(
    pieces: Pieces,
    works: Works,
    chains: Chains,
    lines: list[Floats],
    land: Land,
    exits: Ints,
    rng: np.random.Generator,
) -> bool:
    """Add all roads of the grid with their bridges, and the motorway over them."""
    rivers = land.rivers.geometry.to_list()
    marks: dict[int, list[Mark]] = {}
    for i, _, at, _ in crossings(lines, rivers):
        marks.setdefault(i, []).append(Mark(at - _BRIDGE_HALF, at + _BRIDGE_HALF, "bridge"))
    for i, line in enumerate(lines):
        if chains.rank[i] >= PRIMARY:
            marks.setdefault(i, []).extend(tunnels(land, line, smooth=700.0, cover=28.0))
    motorway = lay_motorway(pieces, works, chains, lines, land, exits, marks)
    for i, line in enumerate(lines):
        rank, route = chains.rank[i], works.routes[chains.route[i]]
        at_ends = [
            Mark(max(m.start, 1.0), m.end, m.kind) if m.kind != "junction" else m
            for m in marks.get(i, [])
        ]
        surface = _SURFACE.get(rank, "沥青")
        if rank == VILLAGE and rng.random() < 0.12:
            surface = "砂石"
        road_class, admin = CLASSES[rank]
        pieces.add_cut(
            line, at_ends, road_class, admin_class=admin, name=route.name, ref=route.ref,
            surface=surface,
        )  # fmt: skip
    return motorway


def _streets(
    pieces: Pieces, places: Places, seats: Ints, grid: Grid, rng: np.random.Generator
) -> None:
    """Streets of the county town (some one-way) and a few in every other seat."""
    for number, seat in enumerate(seats.tolist()):
        size = 3 if number == 0 else 1
        block = 240.0 if number == 0 else 170.0
        turn = rng.uniform(0.0, np.pi / 2.0)
        spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        ticks = np.arange(-size, size + 1) * block
        town = places.townships["township"].iloc[number]
        for k, tick in enumerate(ticks):
            for flip in (False, True):
                street = np.column_stack([ticks, np.full_like(ticks, tick)])
                if flip:
                    street = street[:, ::-1]
                line = np.round(street @ spin.T + grid.xy[seat], 2)
                one_way = number == 0 and k % 2 == 0 and abs(tick) > 0
                for part in (line[i : i + 2] for i in range(len(line) - 1)):
                    pieces.add(part, "village", name=f"{town}街", oneway=bool(one_way))


def _planned(
    pieces: Pieces,
    spare: list[tuple[list[int], tuple[int, int]]],
    grid: Grid,
    places: Places,
    rng: np.random.Generator,
) -> None:
    """A few planned roads between villages that have no direct one yet."""
    names = places.villages["name"].to_numpy()
    wanted = max(1, len(places.villages) // 100)
    chosen = rng.permutation(len(spare))[:wanted]
    for number in sorted(chosen.tolist()):
        path, (a, b) = spare[number]
        line = chaikin([grid.xy[path]], rounds=2)[0]
        pieces.add(
            np.round(line, 2),
            "tertiary",
            admin_class="乡道",
            name=f"{names[a]}至{names[b]}（规划）",
            surface="水泥",
            status="planned",
        )
