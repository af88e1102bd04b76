# mypy: ignore-errors
"""Weights of chains, arcs and nodes, added up from those of edges."""

import numpy as np

from qianwan_gis.network.kernels._jit import INF, jit


@jit
def chain_weights(code, forward, backward):
    """Edge weights in chain order: along the chain, and against it."""
    m = len(code)
    along = np.empty(m, np.float64)
    against = np.empty(m, np.float64)
    for k in range(m):
        e = code[k] >> 1
        if code[k] & 1:
            along[k] = backward[e]
            against[k] = forward[e]
        else:
            along[k] = forward[e]
            against[k] = backward[e]
    return along, against


@jit
def chain_sums(code, start, forward, backward):
    """Weight of every chain: sums[2 chain + direction] (0 along it, 1 against it).

    Also returns the mean and the largest finite sum, and whether all chains cost the same both ways.
    """
    chains = len(start) - 1
    sums = np.empty(2 * chains, np.float64)
    total = 0.0
    count = 0
    top = 0.0
    same = True
    for c in range(chains):
        s = 0.0
        t = 0.0
        for k in range(start[c], start[c + 1]):
            e = code[k] >> 1
            x = forward[e]
            y = backward[e]
            flip = code[k] & 1
            s += y if flip else x
            t += x if flip else y
        sums[2 * c] = s
        sums[2 * c + 1] = t
        same &= s == t
        if s < INF:
            total += s
            count += 1
            top = max(top, s)
        if t < INF:
            total += t
            count += 1
            top = max(top, t)
    return sums, (total / max(count, 1), top, same)


@jit
def pack_arcs(ip, arc, a, b, sums, reverse):
    """Records of 16 bytes: weight, target, arc. Reversed: the weight of the opposite arc.

    A dead end is stored as -target - 1: nothing leads on from it, so it never needs a queue.
    """
    m = len(arc)
    packed = np.empty(2 * m, np.float64)
    ints = packed.view(np.int32)
    x = 1 if reverse else 0
    for i in range(m):
        k = arc[i]
        packed[2 * i] = sums[k ^ x]
        t = a[k >> 1] if k & 1 else b[k >> 1]
        ints[4 * i + 2] = -t - 1 if ip[t + 1] - ip[t] == 1 else t
        ints[4 * i + 3] = k
    return packed


@jit
def gates_of(start, node, a, b, core_of):
    """Core nodes by which every node is reached: the ends of its chain, or itself twice."""
    n = len(core_of)
    gates = np.empty((n, 2), np.int32)
    for i in range(n):
        gates[i, 0] = core_of[i]
        gates[i, 1] = core_of[i]
    for c in range(len(a)):
        for k in range(start[c], start[c + 1] - 1):
            gates[node[k], 0] = a[c]
            gates[node[k], 1] = b[c]
    return gates


@jit
def reach_of(start, code, node, forward, backward, n):
    """Cost from every node to its two gates, in the direction of travel; 0 for a core node."""
    out = np.zeros((n, 2), np.float64)
    for c in range(len(start) - 1):
        first = start[c]
        last = start[c + 1] - 1
        if first == last:
            continue
        d = 0.0
        for k in range(first, last):
            e = code[k] >> 1
            d += forward[e] if code[k] & 1 else backward[e]
            out[node[k], 0] = d
        d = 0.0
        for k in range(last, first, -1):
            e = code[k] >> 1
            d += backward[e] if code[k] & 1 else forward[e]
            out[node[k - 1], 1] = d
    return out
