"""Search engines side by side on made-up road networks.

    python benchmarks/network.py county            # 54 k nodes
    python benchmarks/network.py province --engines ours,scipy --repeats 5
    python benchmarks/network.py county --tasks a,b --threads 2

Every task runs once to warm up, then all engines in turn, again and again, so that a slow spell of
the machine meets them alike; the table shows the lower quartile of the repeats, the ratio to
``ours`` and the largest difference of the answer to ours. Preparation (graph object, ordering,
contraction) is measured apart, from a CSR graph in memory. Slow engines do a share of the sources
and are scaled, which the table says. Nothing is written.
"""

from __future__ import annotations

import argparse
import gc
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components, dijkstra

SIZES = {"county": (182, 600, 200), "province": (1150, 28_000, 5_000), "country": (3640, 200_000, 50_000)}  # fmt: skip
# Sources that a slow engine does of a task; its time is scaled to all of them.
SHARES = {
    ("scipy", "province"): {"b": 10, "c": 100, "d": 100, "e": 5},
    ("networkx", "county"): {"c": 10, "d": 10, "e": 5},
    ("networkx", "province"): {"c": 5, "d": 5, "e": 2},
}
K, OD_LIMIT, AREA_LIMIT, PAIRS = 5, 1800.0, 900.0, 100
FARTHEST = 4000.0  # a bound that helps the engines which cannot stop by themselves


@dataclass
class Case:
    """One network as a directed CSR graph with seconds, and what is asked of it."""

    x: np.ndarray
    y: np.ndarray
    ip: np.ndarray
    target: np.ndarray
    seconds: np.ndarray
    demand: np.ndarray
    facility: np.ndarray
    pairs: np.ndarray
    cache: dict = field(default_factory=dict)

    @property
    def matrix(self) -> sparse.csr_matrix:
        if "m" not in self.cache:
            n = len(self.x)
            self.cache["m"] = sparse.csr_matrix((self.seconds, self.target, self.ip), shape=(n, n))
        return self.cache["m"]

    @property
    def reverse(self) -> sparse.csr_matrix:
        if "r" not in self.cache:
            self.cache["r"] = self.matrix.T.tocsr()
        return self.cache["r"]


def make(size: str, seed: int = 11) -> Case:
    """A perturbed 400 m grid with a road hierarchy, gaps, bends (degree-2 nodes) and one-ways.

    Largest strongly connected part; nodes in the order of an extract: 4 km tiles shuffled, nodes
    shuffled inside.
    """
    side, demand, facilities = SIZES[size]
    rng = np.random.default_rng(seed)
    gx, gy = (g.ravel() for g in np.meshgrid(np.arange(side), np.arange(side)))
    x = 400.0 * (gx + rng.uniform(-0.35, 0.35, gx.size))
    y = 400.0 * (gy + rng.uniform(-0.35, 0.35, gy.size))
    number = np.arange(side * side).reshape(side, side)
    a = np.r_[number[:, :-1].ravel(), number[:-1].ravel()]
    b = np.r_[number[:, 1:].ravel(), number[1:].ravel()]
    street = np.r_[np.repeat(np.arange(side), side - 1), np.tile(np.arange(side), side - 1)]
    rank = np.zeros(a.size, np.int8)
    for level, every in enumerate((8, 32, 128), 1):
        rank[street % every == every // 2] = level
    keep = rng.random(a.size) > np.where(rank > 0, 0.03, 0.36)
    a, b, rank = a[keep], b[keep], rank[keep]
    kph = np.where(rank == 0, rng.uniform(25, 50, a.size), np.array([0, 60, 80, 105.0])[rank])
    kph *= rng.uniform(0.9, 1.1, a.size)
    seconds = np.hypot(x[a] - x[b], y[a] - y[b]) * rng.uniform(1, 1.4, a.size) / (kph / 3.6)
    oneway = rng.random(a.size) < 0.04
    # bends: up to three nodes inside an edge, at uneven distances
    bends = rng.choice(4, a.size, p=[0.68, 0.19, 0.09, 0.04])
    pieces = bends + 1
    edge = np.repeat(np.arange(a.size), pieces)
    place = np.arange(edge.size) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    fresh = x.size + np.cumsum(bends) - bends
    start = np.where(place == 0, a[edge], fresh[edge] + place - 1)
    stop = np.where(place == bends[edge], b[edge], fresh[edge] + place)
    share = rng.uniform(0.6, 1.4, edge.size)
    share /= np.bincount(edge, share)[edge]
    inner = place < bends[edge]
    t = (place[inner] + 1.0) / pieces[edge[inner]]
    bent = edge[inner]
    x = np.r_[x, x[a[bent]] + t * (x[b[bent]] - x[a[bent]]) + rng.uniform(-32, 32, t.size)]
    y = np.r_[y, y[a[bent]] + t * (y[b[bent]] - y[a[bent]]) + rng.uniform(-32, 32, t.size)]
    ahead = seconds[edge] * share
    back = ahead * rng.uniform(0.97, 1.03, edge.size)
    two = ~oneway[edge]
    u, v, w = np.r_[start, stop[two]], np.r_[stop, start[two]], np.r_[ahead, back[two]]
    n = x.size
    graph = sparse.csr_matrix((np.ones(u.size, np.int8), (u, v)), (n, n))
    _, part = connected_components(graph, connection="strong")
    inside = part == np.bincount(part).argmax()
    tile = (x // 4000).astype(np.int64) * 1_000_003 + (y // 4000).astype(np.int64)
    _, tile = np.unique(tile, return_inverse=True)
    key = np.where(inside, rng.permutation(tile.max() + 1)[tile], np.iinfo(np.int64).max)
    order = np.lexsort((rng.random(n), key))[: int(inside.sum())]
    rename = np.full(n, -1)
    rename[order] = np.arange(order.size)
    kept = inside[u] & inside[v]
    u, v, w = rename[u[kept]], rename[v[kept]], w[kept]
    by = np.lexsort((v, u))
    ip = np.r_[0, np.cumsum(np.bincount(u, minlength=order.size))]
    ask = np.random.default_rng(7)
    return Case(
        x[order], y[order], ip.astype(np.int32), v[by].astype(np.int32), w[by],
        np.sort(ask.choice(order.size, demand, replace=False)),
        np.sort(ask.choice(order.size, facilities, replace=False)),
        ask.choice(order.size, (PAIRS, 2)),
    )  # fmt: skip


class Ours:
    """qianwan_gis.RoadNetwork: travel is towards the facility."""

    threads = 1

    def __init__(self, case: Case) -> None:
        from qianwan_gis.network import RoadNetwork, queries, service
        from qianwan_gis.network.places import as_places

        self.case = case
        self.queries, self.service, self.as_places = queries, service, as_places
        self.net = RoadNetwork.from_csr(
            case.ip, case.target, case.seconds, case.x, case.y, "EPSG:4547"
        )
        self.net.view("car", "seconds").packed(reverse=True)

    def a(self) -> np.ndarray:
        return self.queries.nearest_nodes(
            self.net, self.case.facility, None, "seconds", "car", second=False
        )[0]

    def b(self) -> np.ndarray:
        table = self.net.nearest(self.case.demand, self.case.facility, k=K, threads=self.threads)
        return table["seconds"].to_numpy()

    def c(self) -> np.ndarray:
        table = self.net.od_matrix(
            self.case.demand, self.case.facility, limit=OD_LIMIT, threads=self.threads
        )
        self.rows = len(table)
        order = np.lexsort((table["origin"], table["destination"]))
        return table["seconds"].to_numpy()[order]

    def d(self) -> np.ndarray:
        places = self.as_places(self.net, self.case.facility, mode="car")
        results, _ = self.service._search(
            self.net, places, np.array([AREA_LIMIT]), "seconds", "car", direction="to",
            access=False, threads=self.threads, progress=None,
        )  # fmt: skip
        whole = np.concatenate([np.diff(r[0]) for r in results])
        return np.array([whole.sum()])

    def e(self) -> np.ndarray:
        found = self.net.shortest_paths(
            self.case.pairs[:, 0], self.case.pairs[:, 1], geometry=False, threads=self.threads
        )
        return np.array([path.seconds for path in found])

    def tree(self) -> np.ndarray:
        return self.net.nearest_paths(self.case.demand, self.case.facility)["seconds"].to_numpy()


class Scipy:
    def __init__(self, case: Case) -> None:
        self.case = case
        self.forward, self.backward = case.matrix, case.reverse

    def a(self) -> np.ndarray:
        return dijkstra(
            self.backward, indices=self.case.facility, min_only=True, return_predecessors=True
        )[0]

    def b(self, take: int | None = None) -> np.ndarray:
        # whichever side is smaller is searched in full; there is no early end
        if len(self.case.facility) <= len(self.case.demand[:take]):
            cost = dijkstra(self.backward, indices=self.case.facility)[:, self.case.demand].T
        else:
            cost = np.concatenate(
                [
                    dijkstra(self.forward, indices=[o], limit=FARTHEST)[:, self.case.facility]
                    for o in self.case.demand[:take]
                ]
            )  # fmt: skip
        return np.sort(np.partition(cost, K - 1, axis=1)[:, :K], axis=1).ravel()

    def _limited(self, limit: float, take: int | None) -> list[np.ndarray]:
        sources = self.case.facility[:take]
        blocks = [sources[i : i + 20] for i in range(0, len(sources), 20)]
        return [dijkstra(self.backward, indices=block, limit=limit) for block in blocks]

    def c(self, take: int | None = None) -> np.ndarray:
        cost = np.concatenate([d[:, self.case.demand] for d in self._limited(OD_LIMIT, take)])
        return cost[np.isfinite(cost)]

    def d(self, take: int | None = None) -> np.ndarray:
        return np.array([np.isfinite(d).sum() for d in self._limited(AREA_LIMIT, take)])

    def e(self, take: int | None = None) -> np.ndarray:
        out = []
        for s, t in self.case.pairs[:take]:
            cost, before = dijkstra(self.forward, indices=s, return_predecessors=True)
            node = t
            while node >= 0:
                node = before[node]
            out.append(cost[t])
        return np.array(out)


class Networkx:
    def __init__(self, case: Case) -> None:
        import networkx as nx

        self.nx, self.case = nx, case
        self.graph = nx.DiGraph()
        self.graph.add_nodes_from(range(len(case.x)))
        source = np.repeat(np.arange(len(case.x)), np.diff(case.ip))
        self.graph.add_weighted_edges_from(
            zip(source.tolist(), case.target.tolist(), case.seconds.tolist(), strict=True)
        )
        self.back = self.graph.reverse()

    def a(self) -> np.ndarray:
        cost = self.nx.multi_source_dijkstra_path_length(
            self.back, set(self.case.facility.tolist()), weight="weight"
        )
        return np.array([cost.get(i, np.inf) for i in range(len(self.case.x))])

    def c(self, take: int | None = None) -> np.ndarray:
        wanted, out = set(self.case.demand.tolist()), []
        for f in self.case.facility[:take].tolist():
            cost = self.nx.single_source_dijkstra_path_length(self.back, f, OD_LIMIT)
            out.extend(cost[o] for o in sorted(wanted & cost.keys()))
        return np.array(out)

    def d(self, take: int | None = None) -> np.ndarray:
        return np.array(
            [
                len(self.nx.single_source_dijkstra_path_length(self.back, f, AREA_LIMIT))
                for f in self.case.facility[:take].tolist()
            ]
        )

    def e(self, take: int | None = None) -> np.ndarray:
        return np.array(
            [self.nx.bidirectional_dijkstra(self.graph, s, t)[0] for s, t in self.case.pairs[:take].tolist()]
        )  # fmt: skip


class Igraph:
    def __init__(self, case: Case) -> None:
        import igraph

        self.case = case
        source = np.repeat(np.arange(len(case.x)), np.diff(case.ip))
        n = len(case.x)
        extra = np.column_stack([case.facility, np.full(len(case.facility), n)])
        edges = np.concatenate([np.column_stack([source, case.target]), extra])
        self.weights = np.r_[case.seconds, np.zeros(len(extra))]
        self.graph = igraph.Graph(n + 1, edges, directed=True)

    def a(self) -> np.ndarray:
        n = len(self.case.x)
        cost = self.graph.distances([n], weights=self.weights, mode="in")[0]
        return np.array(cost[:n])

    def e(self, take: int | None = None) -> np.ndarray:
        out = []
        for s, t in self.case.pairs[:take].tolist():
            way = self.graph.get_shortest_path(s, t, weights=self.weights, output="epath")
            out.append(self.weights[way].sum())
        return np.array(out)


class Networkit:
    def __init__(self, case: Case) -> None:
        import networkit

        self.nk, self.case = networkit, case
        n = len(case.x)
        source = np.repeat(np.arange(n), np.diff(case.ip))
        rows = np.r_[case.target, np.full(len(case.facility), n)]
        columns = np.r_[source, case.facility]
        weights = np.r_[case.seconds, np.zeros(len(case.facility))]
        self.graph = networkit.GraphFromCoo((weights, (rows, columns)), n=n + 1, directed=True, weighted=True)  # fmt: skip

    def a(self) -> np.ndarray:
        search = self.nk.distance.Dijkstra(self.graph, len(self.case.x), False)
        search.run()
        return np.array(search.getDistances()[: len(self.case.x)])


class Rustworkx:
    def __init__(self, case: Case) -> None:
        import rustworkx

        self.rx, self.case = rustworkx, case
        n = len(case.x)
        source = np.repeat(np.arange(n), np.diff(case.ip))
        rows = np.r_[case.target, np.full(len(case.facility), n)].tolist()
        columns = np.r_[source, case.facility].tolist()
        weights = np.r_[case.seconds, np.zeros(len(case.facility))].tolist()
        self.graph = rustworkx.PyDiGraph()
        self.graph.add_nodes_from(range(n + 1))
        self.graph.add_edges_from(list(zip(rows, columns, weights, strict=True)))

    def a(self) -> np.ndarray:
        n = len(self.case.x)
        cost = self.rx.dijkstra_shortest_path_lengths(self.graph, n, float)
        out = np.full(n + 1, np.inf)
        out[np.fromiter(cost.keys(), np.int64, len(cost))] = np.fromiter(
            cost.values(), float, len(cost)
        )
        return out[:n]


class Pandana:
    """Weights are cut to 1/1000 by the library, so its answers differ by up to seconds."""

    def __init__(self, case: Case) -> None:
        import pandana
        import pandas as pd

        self.case = case
        source = np.repeat(np.arange(len(case.x)), np.diff(case.ip))
        # its searches run from the nodes, along the arcs
        self.net = pandana.Network(
            pd.Series(case.x), pd.Series(case.y), pd.Series(source), pd.Series(case.target),
            pd.DataFrame({"w": case.seconds}), twoway=False,
        )  # fmt: skip
        self.net.set_pois(
            "f", FARTHEST, K, pd.Series(case.x[case.facility]), pd.Series(case.y[case.facility])
        )

    def a(self) -> np.ndarray:
        return self.net.nearest_pois(FARTHEST, "f", num_pois=1)[1].to_numpy()

    def b(self) -> np.ndarray:
        found = self.net.nearest_pois(FARTHEST, "f", num_pois=K)
        return found.to_numpy()[self.case.demand].ravel()

    def e(self) -> np.ndarray:
        return np.array(
            self.net.shortest_path_lengths(self.case.pairs[:, 0], self.case.pairs[:, 1])
        )


class Breadth:
    """Not an engine: one breadth-first pass with our reads and writes over the whole graph."""

    def __init__(self, case: Case) -> None:
        from qianwan_gis.network import kernels
        from qianwan_gis.network.topology import hilbert_order

        self.kernels, n = kernels, len(case.x)
        order = hilbert_order(case.x, case.y)
        rank = np.empty(n, np.int32)
        rank[order] = np.arange(n, dtype=np.int32)
        m = case.matrix[order][:, order].tocsr()
        self.packed = np.empty(2 * m.nnz)
        self.packed[::2] = m.data
        ints = self.packed.view(np.int32)
        ints[2::4], ints[3::4] = m.indices, 0
        self.ip, self.sources = m.indptr, np.sort(rank[case.facility])
        self.n = n

    def a(self) -> None:
        state = np.full(2 * self.n, np.inf)
        self.kernels.breadth_first(self.ip, self.packed, self.sources, state)


ENGINES = {
    "ours": Ours, "scipy": Scipy, "networkx": Networkx, "igraph": Igraph, "networkit": Networkit,
    "rustworkx": Rustworkx, "pandana": Pandana, "bfs": Breadth,
}  # fmt: skip
TASKS = {
    "prep": "graph object, order, contraction, from CSR in memory",
    "a": "nearest facility of every node, in input order",
    "b": f"{K} nearest of every demand point",
    "c": f"costs between demand and facilities within {OD_LIMIT:.0f} s",
    "d": f"service area of every facility, {AREA_LIMIT:.0f} s (ours: edges cut at the limit)",
    "e": f"{PAIRS} random pairs with path",
    "tree": "all demand points: search, path and line to the nearest facility",
}


def memory_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("--engines", default="ours,scipy,networkx,bfs")
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--repeats", type=int, default=0, help="0: 21 at county size, else 3")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="for ours: b to e")
    args = parser.parse_args()
    repeats = args.repeats or (21 if args.size == "county" else 3)
    tasks = args.tasks.split(",")
    case = make(args.size)
    print(f"{args.size}: {len(case.x):,} nodes, {len(case.target):,} arcs, {len(case.demand):,} "
          f"demand, {len(case.facility):,} facilities; {repeats} repeats, {args.threads} threads")  # fmt: skip
    engines, times = {}, {}
    Ours.threads = args.threads
    Ours(case)  # compile outside the measurement
    for name in args.engines.split(","):
        gc.collect()
        begin = time.perf_counter()
        try:
            engines[name] = ENGINES[name](case)
        except ImportError as error:
            print(f"{name}: not installed ({error})")
            continue
        times[name, "prep"] = [time.perf_counter() - begin]
    if "prep" in tasks and "ours" in engines:
        for _ in range(min(repeats, 5) - 1):
            begin = time.perf_counter()
            ENGINES["ours"](case)
            times["ours", "prep"].append(time.perf_counter() - begin)
    scale, answer = {}, {}
    for task in tasks:
        runners = {name: engine for name, engine in engines.items() if hasattr(engine, task)}
        for turn in range(repeats + 1):
            for name, engine in runners.items():
                take = SHARES.get((name, args.size), {}).get(task)
                full = {"b": len(case.demand), "e": PAIRS}.get(task, len(case.facility))
                scale[name, task] = full / take if take else 1.0
                if turn > 1 and sum(times[name, task]) > 60:
                    continue  # a slow engine has shown enough
                gc.collect()
                begin = time.perf_counter()
                answer[name, task] = getattr(engine, task)(*((take,) if take else ()))
                spent = time.perf_counter() - begin
                if turn:  # the first turn warms up
                    times.setdefault((name, task), []).append(spent * scale[name, task])
                else:
                    times[name, task] = []
    for task in tasks:
        print(f"\n{task}: {TASKS[task]}")
        base = times.get(("ours", task))
        for name in engines:
            if not times.get((name, task)):
                continue
            spent = float(np.quantile(times[name, task], 0.25))
            line = f"  {name:10s} {spent * 1000:12.2f} ms"
            if base:
                line += f"   {spent / np.quantile(base, 0.25):8.2f} x"
            if scale.get((name, task), 1.0) > 1.0:
                line += f"   scaled x{scale[name, task]:.0f}"
            mine, theirs = answer.get(("ours", task)), answer.get((name, task))
            if name != "ours" and mine is not None and theirs is not None and task != "d":
                some = min(len(mine), len(theirs))
                line += f"   difference {np.nanmax(np.abs(mine[:some] - theirs[:some])):.1e} s"
            print(line)
    if ("ours", "a") in times and times.get(("scipy", "a")) and ("ours", "prep") in times:
        whole = sum(np.quantile(times["ours", t], 0.25) for t in ("prep", "a"))
        print(f"\nscipy a / ours (prep + a): {np.quantile(times['scipy', 'a'], 0.25) / whole:.2f}")
    print(f"peak memory of the whole run: {memory_mb():.0f} MB")


if __name__ == "__main__":
    main()
