"""Short trees that join many points along streets (Steiner trees in graphs).

Repeated shortest paths (Takahashi & Matsuyama 1980) grown from the sink, then exchange of paths,
spanning trees over the nodes used, and pruning, until nothing gets shorter.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

Arc = tuple[int, float, int]  # neighbour, weight, edge
Graph = Sequence[Sequence[Arc]]


def grow(graph: Graph, sink: int, terminals: Iterable[int]) -> set[int]:
    """Return the edges of a tree from the sink: always the terminal nearest to the tree next.

    Weights are taken from a node outwards, i.e. against the flow. Terminals that cannot be reached
    are left out.
    """
    wanted = set(terminals) - {sink}
    best = [float("inf")] * len(graph)
    via: list[tuple[int, int]] = [(-1, -1)] * len(graph)
    inside = [False] * len(graph)
    best[sink], inside[sink] = 0.0, True
    queue: list[tuple[float, int]] = [(0.0, sink)]
    edges: set[int] = set()
    while queue and wanted:
        distance, node = heapq.heappop(queue)
        if distance > best[node]:
            continue
        if node in wanted:
            while not inside[node]:
                inside[node] = True
                wanted.discard(node)
                best[node] = 0.0
                heapq.heappush(queue, (0.0, node))
                node, edge = via[node]
                edges.add(edge)
            continue
        for other, weight, edge in graph[node]:
            if not inside[other] and distance + weight < best[other]:
                best[other] = distance + weight
                via[other] = (node, edge)
                heapq.heappush(queue, (best[other], other))
    return edges


def prune(
    ends: Sequence[tuple[int, int]], edges: set[int], keep: set[int]
) -> tuple[set[int], dict[int, list[int]]]:
    """Cut off branches that end at no terminal; returns the edges and the edges by node."""
    at: dict[int, list[int]] = {}
    for edge in sorted(edges):
        for node in ends[edge]:
            at.setdefault(node, []).append(edge)
    left = set(edges)
    loose = [node for node, list_ in at.items() if len(list_) == 1 and node not in keep]
    while loose:
        node = loose.pop()
        if not at[node]:
            continue
        edge = at[node][0]
        left.discard(edge)
        for end in ends[edge]:
            at[end].remove(edge)
            if len(at[end]) == 1 and end not in keep:
                loose.append(end)
    return left, {node: list_ for node, list_ in at.items() if list_}


def span(
    ends: Sequence[tuple[int, int]], length: Sequence[float], graph: Graph, nodes: set[int]
) -> set[int]:
    """Return a shortest spanning tree of the graph between ``nodes`` (Kruskal)."""
    parent = {node: node for node in nodes}

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    inner = {e for node in nodes for other, _, e in graph[node] if other in parent}
    tree = set()
    for edge in sorted(inner, key=lambda e: (length[e], e)):
        a, b = (root(end) for end in ends[edge])
        if a != b:
            parent[a] = b
            tree.add(edge)
    return tree


def paths(
    ends: Sequence[tuple[int, int]], at: dict[int, list[int]], keep: set[int]
) -> list[list[int]]:
    """Split a tree at terminals and forks into its paths, each a list of edges."""
    key = {node for node, list_ in at.items() if node in keep or len(list_) != 2}
    found = []
    seen: set[int] = set()
    for node in sorted(key):
        for edge in at[node]:
            if edge in seen:
                continue
            path, here, last = [edge], node, edge
            seen.add(edge)
            while True:
                a, b = ends[last]
                here = b if a == here else a
                if here in key:
                    break
                last = next(e for e in at[here] if e != last)
                path.append(last)
                seen.add(last)
            found.append(path)
    return found


def _exchange(
    ends: Sequence[tuple[int, int]], length: Sequence[float], graph: Graph, edges: set[int],
    keep: set[int],
) -> set[int]:  # fmt: skip
    """Take out each path in turn and join the two halves by the shortest way instead."""
    edges, at = prune(ends, edges, keep)
    for path in sorted(paths(ends, at, keep), key=lambda p: -sum(length[e] for e in p)):
        chain: dict[int, int] = {}
        for edge in path:
            for node in ends[edge]:
                chain[node] = chain.get(node, 0) + 1
        tips = sorted(node for node, count in chain.items() if count == 1)
        # a way found before may now end inside this path, or the path be gone
        if len(tips) != 2 or not edges.issuperset(path):
            continue
        if any(count == 2 and len(at[node]) != 2 for node, count in chain.items()):
            continue
        for edge in path:
            for node in ends[edge]:
                at[node].remove(edge)
        edges.difference_update(path)
        half = _smaller_side(ends, at, tips[0], tips[1])
        other_tip = tips[1] if tips[0] in half else tips[0]
        old = sum(length[e] for e in path)
        new = _way(length, graph, at, half, other_tip, old) or path
        edges.update(new)
        for edge in new:
            for node in ends[edge]:
                at.setdefault(node, []).append(edge)
    return prune(ends, edges, keep)[0]


def _smaller_side(
    ends: Sequence[tuple[int, int]], at: dict[int, list[int]], first: int, second: int
) -> set[int]:
    """Return the nodes on the smaller side of a cut tree, growing both sides in step."""
    sides = ({first}, {second})
    stacks = ([first], [second])
    while True:
        for side, stack in zip(sides, stacks, strict=True):
            if not stack:
                return side
            node = stack.pop()
            for edge in at[node]:
                a, b = ends[edge]
                other = b if a == node else a
                if other not in side:
                    side.add(other)
                    stack.append(other)


def _way(
    length: Sequence[float], graph: Graph, at: dict[int, list[int]], half: set[int],
    goal: int, limit: float,
) -> list[int]:  # fmt: skip
    """Return the shortest way, below ``limit``, from one side of a cut tree to the other."""
    best = dict.fromkeys(half, 0.0)
    via: dict[int, tuple[int, int]] = {}
    queue: list[tuple[float, int]] = []
    for node in sorted(half):
        for other, _, edge in graph[node]:
            if other not in half and length[edge] < min(limit, best.get(other, limit)) - 1e-9:
                best[other] = length[edge]
                via[other] = (node, edge)
                heapq.heappush(queue, (length[edge], other))
    while queue:
        distance, node = heapq.heappop(queue)
        if distance > best[node]:
            continue
        if at.get(node) or node == goal:
            new = []
            while node not in half:
                node, edge = via[node]
                new.append(edge)
            return new
        for other, _, edge in graph[node]:
            reach = distance + length[edge]
            if other not in half and reach < min(limit, best.get(other, limit)) - 1e-9:
                best[other] = reach
                via[other] = (node, edge)
                heapq.heappush(queue, (reach, other))
    return []


def tree_length(length: Sequence[float], edges: Iterable[int]) -> float:
    """Sum of the lengths, added in the order of edges so that it never depends on a set's order."""
    return sum(length[e] for e in sorted(edges))


def improve(
    ends: Sequence[tuple[int, int]], length: Sequence[float], graph: Graph, edges: set[int],
    sink: int, terminals: Iterable[int], *, rounds: int = 12,
) -> set[int]:  # fmt: skip
    """Shorten a tree until neither a spanning tree of its nodes nor an exchange of paths helps."""
    keep = {*terminals, sink}
    best = prune(ends, edges, keep)[0]
    for _ in range(rounds):
        before = tree_length(length, best)
        nodes = {node for edge in best for node in ends[edge]} | {sink}
        best = prune(ends, span(ends, length, graph, nodes), keep)[0]
        best = _exchange(ends, length, graph, best, keep)
        best = _insert(ends, length, graph, best, keep)
        if tree_length(length, best) >= before - 1e-6:
            break
    return best


def _insert(
    ends: Sequence[tuple[int, int]], length: Sequence[float], graph: Graph, edges: set[int],
    keep: set[int],
) -> set[int]:  # fmt: skip
    """Try each crossing beside the tree that touches it three times or more as a further node.

    With two contacts `_exchange` finds the way over it.
    """
    nodes = {node for edge in edges for node in ends[edge]} | keep
    current = tree_length(length, edges)
    beside = sorted({o for node in nodes for o, _, _ in graph[node]} - nodes)
    for node in beside:
        if sum(other in nodes for other, _, _ in graph[node]) < 3:
            continue
        new = prune(ends, span(ends, length, graph, nodes | {node}), keep)[0]
        total = tree_length(length, new)
        if total < current - 1e-9:
            edges, current = new, total
            nodes = {n for edge in edges for n in ends[edge]} | keep
    return edges
