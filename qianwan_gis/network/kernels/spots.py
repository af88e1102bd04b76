# mypy: ignore-errors
"""Places inside chains: what they cost to reach from the ends, and from one another.

``weights`` is (code, forward, backward): the edges of the chains, and the costs of edges both ways.
"""

import numpy as np

from qianwan_gis.network.kernels._jit import INF, jit


@jit
def part(weight, share):
    """Share of an edge's weight; nothing of a closed edge costs nothing."""
    if share <= 0.0:
        return 0.0
    if share >= 1.0:
        return weight
    return weight * share


@jit
def along_of(weights, k):
    """Cost of edge k of the chains in the direction of its chain."""
    code, forward, backward = weights
    return backward[code[k] >> 1] if code[k] & 1 else forward[code[k] >> 1]


@jit
def against_of(weights, k):
    """Cost of edge k of the chains against the direction of its chain."""
    code, forward, backward = weights
    return forward[code[k] >> 1] if code[k] & 1 else backward[code[k] >> 1]


@jit
def row_of(pointer, k):
    """Row (chain, node) that holds entry k."""
    lo = 0
    hi = len(pointer) - 1
    while hi - lo > 1:
        mid = (lo + hi) >> 1
        if pointer[mid] <= k:
            lo = mid
        else:
            hi = mid
    return lo


@jit
def first_of(sorted_values, value):
    """Position of the first entry that is not less than the value."""
    lo = 0
    hi = len(sorted_values)
    while lo < hi:
        mid = (lo + hi) >> 1
        if sorted_values[mid] < value:
            lo = mid + 1
        else:
            hi = mid
    return lo


@jit
def _to_ends(weights, first, last, p, t):
    """Cost between a place and the ends of its chain: to A, to B, from A, from B."""
    x0 = part(against_of(weights, p), t)
    x1 = part(along_of(weights, p), 1.0 - t)
    x2 = part(along_of(weights, p), t)
    x3 = part(against_of(weights, p), 1.0 - t)
    for k in range(p - 1, first - 1, -1):
        x0 += against_of(weights, k)
        x2 += along_of(weights, k)
    for k in range(p + 1, last):
        x1 += along_of(weights, k)
        x3 += against_of(weights, k)
    return x0, x1, x2, x3


@jit
def place_costs(start, code, a, b, weights, weights2, core_of, position, node, edge, fraction):
    """Where places are on the core graph, and what they cost to and from the ends of their chains.

    A place is at a node, or else at a fraction of an edge (``position``: place of every edge in
    chain order), or nowhere (both -1). Returns chain (-1 on a core node), ends (n, 2), costs
    (n, 8): to A, to B, from A, from B, then the same in the second weight; and for places inside
    chains the edge in chain order and the fraction in chain direction.
    """
    n = len(node)
    chain = np.full(n, -1, np.int32)
    ends = np.full((n, 2), -1, np.int32)
    cost = np.zeros((n, 8), np.float64)
    where = np.zeros(n, np.int32)
    tau = np.zeros(n, np.float64)
    for i in range(n):
        if node[i] >= 0:
            r = core_of[node[i]]
            if r >= 0:
                ends[i, 0] = r
                continue
            p = np.int32(-1 - r)
            t = 1.0
        elif edge[i] >= 0:
            p = position[edge[i]]
            t = 1.0 - fraction[i] if code[p] & 1 else fraction[i]
        else:
            continue
        where[i] = p
        tau[i] = t
        c = row_of(start, p)
        chain[i] = c
        ends[i, 0] = a[c]
        ends[i, 1] = b[c]
        x0, x1, x2, x3 = _to_ends(weights, start[c], start[c + 1], p, t)
        cost[i, 0] = x0
        cost[i, 1] = x1
        cost[i, 2] = x2
        cost[i, 3] = x3
        x0, x1, x2, x3 = _to_ends(weights2, start[c], start[c + 1], p, t)
        cost[i, 4] = x0
        cost[i, 5] = x1
        cost[i, 6] = x2
        cost[i, 7] = x3
    return chain, ends, cost, where, tau


@jit
def between(weights, p, s, q, t):
    """Cost along one chain from place (p, s) to place (q, t)."""
    if p == q:
        if t >= s:
            return part(along_of(weights, p), t - s)
        return part(against_of(weights, p), s - t)
    if p < q:
        c = part(along_of(weights, p), 1.0 - s)
        for k in range(p + 1, q):
            c += along_of(weights, k)
        return c + part(along_of(weights, q), t)
    c = part(against_of(weights, p), s)
    for k in range(p - 1, q, -1):
        c += against_of(weights, k)
    return c + part(against_of(weights, q), 1.0 - t)


@jit
def direct_costs(weights, chain, where, tau, t_chain, t_where, t_tau):
    """Cost from every place to its partner along their common chain, inf where there is none."""
    n = len(chain)
    out = np.full(n, INF)
    for i in range(n):
        if chain[i] >= 0 and chain[i] == t_chain[i]:
            out[i] = between(weights, where[i], tau[i], t_where[i], t_tau[i])
    return out
