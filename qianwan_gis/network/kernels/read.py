# mypy: ignore-errors
"""Reading the answer of a wave: at places, at all nodes, with a second weight along its trees."""

import numpy as np

from qianwan_gis.network.kernels._jit import INF, U, jit
from qianwan_gis.network.kernels.order import longer
from qianwan_gis.network.kernels.spots import against_of, along_of, between, first_of, part


@jit
def previous_of(a, b, arc):
    """Core node that an arc leaves."""
    return b[arc >> 1] if arc & 1 else a[arc >> 1]


@jit
def second_weight(a, b, sums2, reverse, state, seed_second, wanted, second, stack):
    """Second weight along the trees of `wave` for the core nodes wanted; ``second`` starts NaN."""
    si = state.view(np.int32)
    x = 1 if reverse else 0
    for i in range(len(wanted)):
        v = wanted[i]
        if v < 0 or state[2 * v] == INF:
            continue
        depth = 0
        while np.isnan(second[v]):
            arc = si[4 * v + 3]
            if arc < 0:
                second[v] = seed_second[si[4 * v + 2]]
                break
            stack[depth] = v
            depth += 1
            v = previous_of(a, b, arc)
        s = second[v]
        while depth > 0:
            depth -= 1
            v = stack[depth]
            s += sums2[si[4 * v + 3] ^ x]
            second[v] = s


@jit
def nearest_of(
    ends, seeds, chain, where, tau, state, second, weights, weights2,
    t_chain, t_index, t_where, t_tau, t_leg, t_leg2,
):  # fmt: skip
    """Best seed of every origin: by its A end, its B end, or directly along its own chain.

    ``seeds``: (n, 6) cost to A, to B, second weight to A, to B, leg, second leg. Targets on chains
    come sorted by chain (``t_index``: their number). Returns cost, second weight, facility and
    the way taken: 0 by A, 1 by B, -1 along its chain, -2 none.
    """
    n = len(chain)
    si = state.view(np.int32)
    best = np.full(n, INF)
    best2 = np.full(n, INF)
    label = np.full(n, -1, np.int32)
    way = np.full(n, -2, np.int8)
    for i in range(n):
        for side in range(2):
            v = ends[i, side]
            if v < 0 or state[2 * v] == INF:
                continue
            d = seeds[i, side] + state[2 * v]
            f = si[4 * v + 2] >> 1
            if d < best[i] or (d == best[i] and d < INF and f < label[i]):
                best[i] = d
                best2[i] = seeds[i, 2 + side] + second[v]
                label[i] = f
                way[i] = side
        c = chain[i]
        if c < 0:
            continue
        j = first_of(t_chain, c)
        while j < len(t_chain) and t_chain[j] == c:
            d = between(weights, where[i], tau[i], t_where[j], t_tau[j])
            d += t_leg[j] + seeds[i, 4]
            f = t_index[j]
            if d < best[i] or (d == best[i] and d < INF and f <= label[i]):
                best[i] = d
                s = between(weights2, where[i], tau[i], t_where[j], t_tau[j])
                best2[i] = s + t_leg2[j] + seeds[i, 5]
                label[i] = f
                way[i] = -1
            j += 1
    return best, best2, label, way


@jit
def read_nodes(gates, reach, state, limit, lo, hi, best, label):
    """Cost and facility of the nodes lo to hi - 1 (numbers of the user), by their two gates."""
    si = state.view(np.int32)
    for i in range(lo, hi):
        a = U(gates[i, 0])
        b = U(gates[i, 1])
        x = state[U(2) * a] + reach[i, 0]
        y = state[U(2) * b] + reach[i, 1]
        f = si[U(4) * a + U(2)] >> 1
        g = si[U(4) * b + U(2)] >> 1
        other = (y < x) | ((y == x) & (g < f))
        d = y if other else x
        f = g if other else f
        none = (d > limit) | (d == INF)
        best[i] = INF if none else d
        label[i] = -1 if none else f


@jit
def read_second(gates, reach, reach2, state, second, limit, lo, hi, best2):
    """Second weight of the nodes lo to hi - 1, along the ways that `read_nodes` takes."""
    si = state.view(np.int32)
    for i in range(lo, hi):
        a = gates[i, 0]
        b = gates[i, 1]
        x = state[2 * a] + reach[i, 0]
        y = state[2 * b] + reach[i, 1]
        if y < x or (y == x and si[4 * b + 2] >> 1 < si[4 * a + 2] >> 1):
            best2[i] = second[b] + reach2[i, 1] if y <= limit and y < INF else INF
        else:
            best2[i] = second[a] + reach2[i, 0] if x <= limit and x < INF else INF


@jit
def _step(d, s, f, weight, weight2, first, c, k, begin, on):
    """Cost, second weight and facility behind edge k when walking away from an end of chain c.

    ``weight``: cost of travelling back over the edge; a target on the edge may be nearer. ``begin``:
    fraction of the edge (in chain direction) that the walk comes to last.
    """
    t_chain, t_index, t_where, t_tau, t_leg, t_leg2 = on
    d += weight
    s += weight2
    j = first
    while j < len(t_chain) and t_chain[j] == c and t_where[j] <= k:
        if t_where[j] == k:
            share = abs(begin - t_tau[j])
            e = part(weight, share) + t_leg[j]
            if e < d or (e == d and e < INF and t_index[j] <= f):
                d = e
                s = part(weight2, share) + t_leg2[j]
                f = np.int64(t_index[j])
        j += 1
    return d, s, f


@jit
def read_chains(
    start, node, a, b, weights, weights2, state, second, on, want_second, limit, longest,
    best, best2, label,
):  # fmt: skip
    """Correct the nodes inside chains that hold a facility (``on``: sorted by chain).

    The answer runs once forward and once back along such a chain. Travel is towards the facility:
    walking away from A costs travelling back against the chain.
    """
    si = state.view(np.int32)
    run = np.empty(longest + 1, np.float64)
    run2 = np.empty(longest + 1, np.float64)
    seed = np.empty(longest + 1, np.int32)
    t_chain = on[0]
    j = 0
    while j < len(t_chain):
        c = t_chain[j]
        first = start[c]
        last = start[c + 1]
        r = a[c]
        d = state[2 * r]
        f = np.int64(si[4 * r + 2] >> 1 if d < INF else -1)
        s = second[r] if want_second and d < INF else 0.0
        for k in range(first, last - 1):
            w2 = against_of(weights2, k) if want_second else 0.0
            d, s, f = _step(d, s, f, against_of(weights, k), w2, j, c, k, 1.0, on)
            run[k - first] = d
            run2[k - first] = s
            seed[k - first] = f
        r = b[c]
        d = state[2 * r]
        f = np.int64(si[4 * r + 2] >> 1 if d < INF else -1)
        s = second[r] if want_second and d < INF else 0.0
        for k in range(last - 1, first, -1):
            w2 = along_of(weights2, k) if want_second else 0.0
            d, s, f = _step(d, s, f, along_of(weights, k), w2, j, c, k, 0.0, on)
            q = k - 1 - first
            x = node[k - 1]
            tie = run[q] == d and (seed[q] < f or (seed[q] == f and run2[q] <= s))
            if run[q] < d or tie:
                d_here = run[q]
                s_here = run2[q]
                f_here = seed[q]
            else:
                d_here = d
                s_here = s
                f_here = f
            none = d_here > limit or d_here == INF
            best[x] = INF if none else d_here
            label[x] = -1 if none else f_here
            if want_second:
                best2[x] = INF if none else s_here
        while j < len(t_chain) and t_chain[j] == c:
            j += 1


@jit
def tree_paths(a, b, state, wanted, rows, begin, stop, end):
    """Arcs from core nodes to their seeds in the trees of a reversed `wave`, in travel order.

    For the rows of ``wanted`` it returns the arcs and writes where each one's ``begin`` and ``stop``,
    and the ``end`` of the goal's chain that is reached (0 A, 1 B, -2 none). Near ones should follow
    one another: their ways share the cache. The traveller takes the opposite of a tree's arcs.
    """
    si = state.view(np.int32)
    arcs = np.empty(16 * len(rows) + 16, np.int32)
    k = 0
    for row in range(len(rows)):
        i = rows[row]
        v = wanted[i]
        begin[i] = k
        end[i] = -2
        if v >= 0 and state[2 * v] < INF:
            end[i] = si[4 * v + 2] & 1
            arc = si[4 * v + 3]
            while arc >= 0:
                if k == len(arcs):
                    arcs = longer(arcs, k, 2 * k)
                arcs[k] = arc ^ 1
                k += 1
                v = previous_of(a, b, arc)
                arc = si[4 * v + 3]
        stop[i] = k
    return arcs[:k].copy()
