"""The search libraries, each asked in the best way that it offers.

Tasks, all of them towards the facility (on the reversed graph where a library only looks ahead):
``a`` the nearest facility of every node; ``b`` the 5 nearest of every demand point; ``c`` costs from
demand to facilities within 1800 s; ``d`` the service area of every facility, 900 s; ``e`` far pairs,
with the path where the library gives one. A method with a parameter ``take`` can do a part of the
sources; `SHARES` says how many of them at which size.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse.csgraph import dijkstra

from engines.cases import CRS, PAIRS, SIZES, Case

K, OD_LIMIT, AREA_LIMIT = 5, 1800.0, 900.0
FARTHEST = 4000.0  # a bound that helps the libraries which cannot stop by themselves


class Ours:
    """qianwan_gis.RoadNetwork."""

    def __init__(self, case: Case, threads: int = 2) -> None:
        from qianwan_gis.network import RoadNetwork, queries, service
        from qianwan_gis.network.places import as_places

        self.case, self.threads = case, threads
        self.queries, self.service, self.as_places = queries, service, as_places
        self.net = RoadNetwork.from_csr(case.ip, case.target, case.seconds, case.x, case.y, CRS)
        self.net.view("car", "seconds").packed(reverse=True)

    def a(self) -> tuple[np.ndarray, np.ndarray]:
        found = self.queries.nearest_nodes(
            self.net,
            self.case.facility,
            None,
            "seconds",
            "car",
            second=False,
            threads=self.threads,
        )
        return found[0], found[2]

    def b(self) -> np.ndarray:
        table = self.net.nearest(self.case.demand, self.case.facility, k=K, threads=self.threads)
        return table["seconds"].to_numpy()

    def c(self) -> np.ndarray:
        table = self.net.od_matrix(
            self.case.demand, self.case.facility, limit=OD_LIMIT, threads=self.threads
        )
        order = np.lexsort((table["origin"], table["destination"]))
        return table["seconds"].to_numpy()[order]

    def d(self) -> list[Any]:
        places = self.as_places(self.net, self.case.facility, mode="car")
        return self.service._search(
            self.net, places, np.array([AREA_LIMIT]), "seconds", "car", direction="to",
            access=False, threads=self.threads, progress=None,
        )  # fmt: skip

    def covered(self) -> np.ndarray:
        """Edges within the limit of every facility, cut ones by their share; for comparison."""
        facility, _, _, low, high = self.service.covered_edges(
            self.net, self.as_places(self.net, self.case.facility, mode="car"),
            np.array([AREA_LIMIT]), "seconds", "car", direction="to", access=False,
            threads=self.threads, progress=None,
        )  # fmt: skip
        return np.bincount(facility, high - low, minlength=len(self.case.facility))

    def e(self) -> np.ndarray:
        found = self.net.shortest_paths(
            self.case.pairs[:, 0], self.case.pairs[:, 1], geometry=False, threads=self.threads
        )
        return np.array([path.seconds for path in found])

    def paths(self) -> Any:
        """The edges of all paths from the tree of one wave; the first call makes the tree."""
        from qianwan_gis.network import paths

        if not hasattr(self, "wave"):
            view = self.net.view("car", "seconds")
            start, goal = (
                self.queries.anchor(
                    self.net,
                    self.as_places(self.net, nodes, mode="car"),
                    view,
                    "seconds",
                    access=True,
                )
                for nodes in (self.case.demand, self.case.facility)
            )
            self.wave = view, start, goal, self.queries.nearest_tree(view, start, goal, np.inf)
        view, start, goal, (wave, _, _, label, way) = self.wave
        return paths.tree_ways(view, wave, start, goal.take(np.maximum(label, 0)), way)

    def tree(self) -> np.ndarray:
        return self.net.nearest_paths(self.case.demand, self.case.facility)["seconds"].to_numpy()


class Scipy:
    """scipy.sparse.csgraph.dijkstra: several sources with labels, and a limit."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.forward, self.backward = case.matrix, case.reverse

    def a(self) -> tuple[np.ndarray, np.ndarray]:
        cost, _, source = dijkstra(
            self.backward, indices=self.case.facility, min_only=True, return_predecessors=True
        )
        return cost, source

    def b(self, take: int | None = None) -> np.ndarray:
        # whichever side is smaller is searched in full; there is no early end
        if len(self.case.facility) <= len(self.case.demand[:take]):
            cost = dijkstra(self.backward, indices=self.case.facility)[:, self.case.demand].T
        else:
            rows = [
                dijkstra(self.forward, indices=[o], limit=FARTHEST)[:, self.case.facility]
                for o in self.case.demand[:take]
            ]
            cost = np.concatenate(rows)
        return smallest(cost)

    def limited(self, limit: float, take: int | None) -> list[np.ndarray]:
        sources = self.case.facility[:take]
        blocks = [sources[i : i + 20] for i in range(0, len(sources), 20)]
        return [dijkstra(self.backward, indices=block, limit=limit) for block in blocks]

    def c(self, take: int | None = None) -> np.ndarray:
        cost = np.concatenate([d[:, self.case.demand] for d in self.limited(OD_LIMIT, take)])
        return cost[np.isfinite(cost)]

    def d(self, take: int | None = None) -> np.ndarray:
        return np.concatenate([np.isfinite(d).sum(axis=1) for d in self.limited(AREA_LIMIT, take)])

    def e(self, take: int | None = None) -> np.ndarray:
        out = []
        for s, t in self.case.pairs[:take]:
            cost, before = dijkstra(self.forward, indices=s, return_predecessors=True)
            node = t
            while node >= 0:
                node = before[node]
            out.append(cost[t])
        return np.array(out)

    def touched(self, take: int) -> float:
        """Nodes within reach of a facility in ``c``, in the mean."""
        return float(np.mean([np.isfinite(d).sum(axis=1) for d in self.limited(OD_LIMIT, take)]))

    def covered(self, take: int) -> np.ndarray:
        """What `Ours.covered` says, from the costs of the nodes alone."""
        source, target, seconds = self.case.source, self.case.target, self.case.seconds
        # position of the opposite arc, where there is one
        key = source.astype(np.int64) * len(self.case.x) + target
        back = target.astype(np.int64) * len(self.case.x) + source
        at = np.searchsorted(key, back)
        at[at == len(key)] = 0
        twin = key[at] == back
        once = ~twin | (source < target)
        u, v, ahead = source[once], target[once], seconds[once]
        behind = np.where(twin[once], seconds[at[once]], np.inf)
        out = []
        for block in self.limited(AREA_LIMIT, take):
            for cost in block:
                with np.errstate(invalid="ignore", divide="ignore"):
                    from_u = np.nan_to_num((AREA_LIMIT - cost[u]) / behind, nan=0.0, neginf=0.0)
                    from_v = np.nan_to_num((AREA_LIMIT - cost[v]) / ahead, nan=0.0, neginf=0.0)
                out.append(np.minimum(np.clip(from_u, 0, 1) + np.clip(from_v, 0, 1), 1.0).sum())
        return np.array(out)


class Networkx:
    """networkx: Python dictionaries; has several sources and a cutoff."""

    def __init__(self, case: Case) -> None:
        import networkx as nx

        self.nx, self.case = nx, case
        self.graph = nx.DiGraph()
        self.graph.add_nodes_from(range(len(case.x)))
        self.graph.add_weighted_edges_from(
            zip(case.source.tolist(), case.target.tolist(), case.seconds.tolist(), strict=True)
        )
        self.back = self.graph.reverse()

    def a(self) -> tuple[np.ndarray, None]:
        cost = self.nx.multi_source_dijkstra_path_length(
            self.back, set(self.case.facility.tolist()), weight="weight"
        )
        return np.array([cost.get(i, np.inf) for i in range(len(self.case.x))]), None

    def b(self, take: int | None = None) -> np.ndarray:
        wanted, out = self.case.facility.tolist(), []
        for o in self.case.demand[:take].tolist():
            cost = self.nx.single_source_dijkstra_path_length(self.graph, o, FARTHEST)
            out.append(sorted(cost[f] for f in wanted if f in cost)[:K])
        return np.array(out).ravel()

    def c(self, take: int | None = None) -> np.ndarray:
        wanted, out = self.case.demand.tolist(), []
        for f in self.case.facility[:take].tolist():
            cost = self.nx.single_source_dijkstra_path_length(self.back, f, OD_LIMIT)
            out.extend(cost[o] for o in wanted if o in cost)
        return np.array(out)

    def d(self, take: int | None = None) -> np.ndarray:
        return np.array(
            [
                len(self.nx.single_source_dijkstra_path_length(self.back, f, AREA_LIMIT))
                for f in self.case.facility[:take].tolist()
            ]
        )

    def e(self, take: int | None = None) -> np.ndarray:
        pairs = self.case.pairs[:take].tolist()
        return np.array([self.nx.bidirectional_dijkstra(self.graph, s, t)[0] for s, t in pairs])


class Rows:
    """A library that gives the costs of all nodes from one node, without labels or limit.

    A super source joined to the facilities by arcs of no cost serves for ``a``. Subclasses set
    ``self.case`` and give `towards` (on the reversed graph) and, where they have it, `pair`.
    """

    case: Case

    def towards(self, node: int) -> np.ndarray:
        """Costs from all nodes to one."""
        raise NotImplementedError

    def a(self) -> tuple[np.ndarray, None]:
        return self.towards(len(self.case.x))[: len(self.case.x)], None

    def b(self, take: int | None = None) -> np.ndarray:
        """All facilities, however few demand points are asked: the share is theirs."""
        sources = self.case.facility[:take]
        cost = np.array([self.towards(f)[self.case.demand] for f in sources.tolist()])
        return smallest(cost.T) if take is None else np.empty(0)

    def c(self, take: int | None = None) -> np.ndarray:
        rows = [self.towards(f)[self.case.demand] for f in self.case.facility[:take].tolist()]
        return np.concatenate([row[row <= OD_LIMIT] for row in rows])

    def d(self, take: int | None = None) -> np.ndarray:
        n = len(self.case.x)
        sources = self.case.facility[:take].tolist()
        return np.array([np.count_nonzero(self.towards(f)[:n] <= AREA_LIMIT) for f in sources])


class Igraph(Rows):
    """python-igraph."""

    def __init__(self, case: Case) -> None:
        import igraph

        self.case = case
        n = len(case.x)
        extra = np.column_stack([case.facility, np.full(len(case.facility), n)])
        edges = np.concatenate([np.column_stack([case.source, case.target]), extra])
        self.weights = np.r_[case.seconds, np.zeros(len(extra))]
        self.graph = igraph.Graph(n + 1, edges, directed=True)

    def towards(self, node: int) -> np.ndarray:
        return np.array(self.graph.distances([node], weights=self.weights, mode="in")[0])

    def e(self, take: int | None = None) -> np.ndarray:
        out = []
        for s, t in self.case.pairs[:take].tolist():
            way = self.graph.get_shortest_path(s, t, weights=self.weights, output="epath")
            out.append(self.weights[way].sum())
        return np.array(out)


class Networkit(Rows):
    """NetworKit; the pairs by its bidirectional search."""

    def __init__(self, case: Case) -> None:
        import networkit

        self.nk, self.case = networkit, case
        n = len(case.x)
        rows = np.r_[case.target, np.full(len(case.facility), n)]
        columns = np.r_[case.source, case.facility]
        weights = np.r_[case.seconds, np.zeros(len(case.facility))]
        self.graph = networkit.GraphFromCoo((weights, (rows, columns)), n=n + 1, directed=True, weighted=True)  # fmt: skip

    def towards(self, node: int) -> np.ndarray:
        search = self.nk.distance.Dijkstra(self.graph, node, False)
        search.run()
        return np.array(search.getDistances())

    def e(self, take: int | None = None) -> np.ndarray:
        out = []
        for s, t in self.case.pairs[:take].tolist():  # the graph is reversed
            search = self.nk.distance.BidirectionalDijkstra(self.graph, t, s)
            search.run()
            search.getPath()
            out.append(search.getDistance())
        return np.array(out)


class Rustworkx(Rows):
    """rustworkx."""

    def __init__(self, case: Case) -> None:
        import rustworkx

        self.rx, self.case = rustworkx, case
        n = len(case.x)
        rows = np.r_[case.target, np.full(len(case.facility), n)].tolist()
        columns = np.r_[case.source, case.facility].tolist()
        weights = np.r_[case.seconds, np.zeros(len(case.facility))].tolist()
        self.graph = rustworkx.PyDiGraph()
        self.graph.add_nodes_from(range(n + 1))
        self.graph.add_edges_from(list(zip(rows, columns, weights, strict=True)))

    def towards(self, node: int) -> np.ndarray:
        cost = self.rx.dijkstra_shortest_path_lengths(self.graph, node, float)
        out = np.full(len(self.case.x) + 1, np.inf)
        out[np.fromiter(cost.keys(), np.int64, len(cost))] = np.fromiter(
            cost.values(), float, len(cost)
        )
        out[node] = 0.0
        return out

    def e(self, take: int | None = None) -> np.ndarray:
        out = []
        for s, t in self.case.pairs[:take].tolist():  # the graph is reversed
            cost = self.rx.dijkstra_shortest_path_lengths(self.graph, t, float, goal=s)
            out.append(cost[s] if s != t else 0.0)
        return np.array(out)


class Edsger(Rows):
    """edsger."""

    def __init__(self, case: Case) -> None:
        import pandas as pd
        from edsger.path import Dijkstra

        self.case = case
        n = len(case.x)
        edges = pd.DataFrame(
            {
                "tail": np.r_[case.source, case.facility],
                "head": np.r_[case.target, np.full(len(case.facility), n)],
                "weight": np.r_[case.seconds, np.zeros(len(case.facility))],
            }
        )
        self.search = Dijkstra(edges, orientation="in")

    def towards(self, node: int) -> np.ndarray:
        return self.search.run(vertex_idx=node, return_inf=True)


class Pandana:
    """Weights are cut to 1/1000 by the library, so its answers differ by up to seconds."""

    def __init__(self, case: Case) -> None:
        import pandana
        import pandas as pd

        self.case = case
        self.net = pandana.Network(
            pd.Series(case.x), pd.Series(case.y), pd.Series(case.source), pd.Series(case.target),
            pd.DataFrame({"s": case.seconds}), twoway=False,
        )  # fmt: skip
        self.net.set_pois(
            "f", FARTHEST, K, pd.Series(case.x[case.facility]), pd.Series(case.y[case.facility])
        )

    def a(self) -> tuple[np.ndarray, None]:
        return self.net.nearest_pois(FARTHEST, "f", num_pois=1)[1].to_numpy(), None

    def b(self) -> np.ndarray:
        found = self.net.nearest_pois(FARTHEST, "f", num_pois=K)
        return found.to_numpy()[self.case.demand].ravel()

    def c(self, take: int | None = None) -> np.ndarray:
        sources, demand = self.case.facility[:take], self.case.demand
        cost = self.net.shortest_path_lengths(
            np.tile(demand, len(sources)), np.repeat(sources, len(demand))
        )
        cost = np.array(cost)
        return cost[cost <= OD_LIMIT]

    def d(self, take: int | None = None) -> np.ndarray:
        """From the facility, not to it, and without edges: the library offers no more."""
        found = self.net.nodes_in_range(self.case.facility[:take].tolist(), AREA_LIMIT)
        return found.groupby("source").size().to_numpy()

    def e(self) -> np.ndarray:
        pairs = self.case.pairs
        return np.array(self.net.shortest_path_lengths(pairs[:, 0], pairs[:, 1]))


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


class Contracted:
    """Not an engine: a breadth-first pass over our core nodes, then its answer read at all nodes.

    Less than that no search with a queue can do on the same chains; it finds hops, not costs.
    """

    def __init__(self, case: Case) -> None:
        from qianwan_gis.network import kernels

        ours = Ours(case, threads=1)
        topology, view = ours.net.topology, ours.net.view("car", "seconds")
        self.kernels, self.gates, self.reach = kernels, topology.gates, view.reach
        self.ip, self.packed = topology.ip, view.packed(reverse=True)
        places = ours.as_places(ours.net, case.facility, mode="car")
        goal = ours.queries.anchor(ours.net, places, view, "seconds", access=True, second=False)
        self.sources = np.unique(goal.ends[goal.ends >= 0])

    def a(self) -> None:
        n = len(self.gates)
        state = np.full(2 * (len(self.ip) - 1), np.inf)
        self.kernels.breadth_first(self.ip, self.packed, self.sources, state)
        best, label = np.empty(n), np.empty(n, np.int32)
        self.kernels.read_nodes(self.gates, self.reach, state, np.inf, 0, n, best, label)


def smallest(cost: np.ndarray) -> np.ndarray:
    """The K smallest of every row, ascending, one after another."""
    return np.sort(np.partition(cost, K - 1, axis=1)[:, :K], axis=1).ravel()


#: Name -> class and what it is made with.
ENGINES: dict[str, tuple[type, dict[str, Any]]] = {
    "ours": (Ours, {}), "ours1": (Ours, {"threads": 1}), "scipy": (Scipy, {}),
    "edsger": (Edsger, {}), "networkit": (Networkit, {}), "igraph": (Igraph, {}),
    "rustworkx": (Rustworkx, {}), "networkx": (Networkx, {}), "pandana": (Pandana, {}),
    "bfs": (Breadth, {}), "core": (Contracted, {}),
}  # fmt: skip
#: Distribution that an engine comes with.
PACKAGES = {
    "scipy": "scipy", "edsger": "edsger", "networkit": "networkit", "igraph": "igraph",
    "rustworkx": "rustworkx", "networkx": "networkx", "pandana": "pandana",
}  # fmt: skip

TASKS = {
    "a": "nearest facility of every node, in input order",
    "b": f"{K} nearest of every demand point",
    "c": f"costs between demand and facilities within {OD_LIMIT:.0f} s",
    "d": f"service area of every facility, {AREA_LIMIT:.0f} s (ours: edges cut at the limit)",
    "e": f"{PAIRS} random pairs, with the path",
    "paths": "the paths of all demand points to their nearest facility, from the tree of a",
    "tree": "all demand points: search, path and line to the nearest facility",
}

_FULL = {"b": 3, "c": 3, "d": 3, "e": 3}
#: Sources (demand points in b, facilities in b of `Rows`, c and d, pairs in e) that a slow engine
#: does of a task; its time is scaled to all of them.
SHARES: dict[tuple[str, str], dict[str, int]] = {
    ("networkx", "county"): {"b": 20, "c": 10, "d": 20, "e": 10},
    ("igraph", "county"): {"b": 50, "c": 50, "d": 50, "e": 20},
    ("networkit", "county"): {"b": 50, "c": 50, "d": 50},
    ("rustworkx", "county"): {"b": 20, "c": 20, "d": 20, "e": 5},
    ("scipy", "province"): {"b": 10, "c": 100, "d": 100, "e": 5},
    ("edsger", "province"): _FULL,
    ("networkit", "province"): _FULL,
    ("igraph", "province"): _FULL,
    ("rustworkx", "province"): {**_FULL, "e": 1},
    ("networkx", "province"): {"b": 3, "c": 5, "d": 10, "e": 1},
    ("pandana", "province"): {"c": 5},
    ("scipy", "country"): {"b": 2, "c": 20, "d": 20, "e": 1},
}


def whole(size: str, task: str, name: str) -> int:
    """How many sources all of a task are, to the engine."""
    _, demand, facilities = SIZES[size]
    from_demand = task == "b" and not issubclass(ENGINES[name][0], Rows)
    return {"e": PAIRS}.get(task, demand if from_demand else facilities)
