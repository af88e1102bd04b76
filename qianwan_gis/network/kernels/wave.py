# mypy: ignore-errors
"""Many sources, one wave: the nearest of them for every core node.

A wave over a large graph waits for memory: with thousands of sources its front lies everywhere at
once. So the core nodes, which lie along a Hilbert curve, are taken in blocks that fit into the
cache. Inside a block a queue of buckets runs until it is empty; what leaves the block waits in a
list of the block that it enters. The fixed point is the same in any order of blocks: the least
(cost, seed) over all ways.
"""

import numpy as np

from qianwan_gis.network.kernels._jit import INF, U, jit
from qianwan_gis.network.kernels.queue import put, take


@jit
def seed_records(node, cost, limit):
    """Seeds as entries of a wave: cost, then core node, number and arc (-1: none) as int32."""
    n = len(node)
    out = np.empty(3 * n, np.float64)
    ints = out.view(np.int32)
    k = 0
    for s in range(n):
        if node[s] >= 0 and cost[s] <= limit and cost[s] < INF:
            out[3 * k] = cost[s]
            ints[6 * k + 2] = node[s]
            ints[6 * k + 3] = s
            ints[6 * k + 4] = -1
            ints[6 * k + 5] = 0
            k += 1
    return out[: 3 * k].copy()


@jit
def wave(
    ip, packed, entries, limit, inv, ring, shift, lo, hi, fresh, head, pool, state, sent, patience
):  # fmt: skip
    """Spread a wave from the entries over the core nodes lo to hi - 1.

    Parameters
    ----------
    ip, packed
        Core graph and its arc records.
    entries
        What the wave starts from, as `seed_records` writes it; entries of other nodes are ignored.
    inv, ring
        Inverse width and number of buckets (a power of 2).
    shift
        Blocks have 2 ** shift nodes.
    fresh
        Whether the state of these nodes is to be emptied first.
    head
        Room for the buckets and one list per block, filled with -1.
    pool
        Room for waiting entries, 16 bytes each.
    state
        float64[2 n]: [2v] cost, int32 view [4v + 2] seed number, [4v + 3] arc taken last (-1: a
        seed). Among equal costs the lower seed number wins.
    sent
        Takes what leaves for nodes elsewhere, as entries.
    patience
        Number of nodes taken from the queue after which the search gives up.

    Returns
    -------
    status, entries sent
        Status 0, -1 when the pool or ``sent`` is too small, -2 when patience ran out.
    """
    ei = packed.view(np.int32)
    si = state.view(np.int32)
    pi = pool.view(np.int32)
    ni = entries.view(np.int32)
    oi = sent.view(np.int32)
    mask = np.int64(ring - 1)
    cap = len(pool) // 2
    sent_cap = len(sent) // 3
    blocks = ((hi - lo - 1) >> shift) + 1
    base = U(lo)
    size = U(hi - lo)
    sh = U(shift)
    used = 0
    free = -1
    out = 0
    taken = 0
    if fresh:
        for i in range(2 * lo, 2 * hi):
            state[i] = INF
    for j in range(len(entries) // 3):
        u = U(ni[6 * j + 2])
        if u - base >= size:
            continue
        d = entries[3 * j]
        label = ni[6 * j + 3]
        o = state[U(2) * u]
        if d < o or (d == o and d < INF and label < si[U(4) * u + U(2)]):
            if used == cap:
                return -1, 0
            state[U(2) * u] = d
            si[U(4) * u + U(2)] = label
            si[U(4) * u + U(3)] = ni[6 * j + 4]
            _, used = put(head, pool, pi, U(ring) + ((u - base) >> sh), d, u, -1, used)
    again = True
    while again:
        again = False
        for block in range(blocks):
            h = head[ring + block]
            if h < 0:
                continue
            again = True
            head[ring + block] = -1
            here = U(block)
            live = 0
            cur = np.int64(0x7FFFFFFFFFFFFFFF)
            while h >= 0:
                i = U(h)
                after = pi[U(4) * i + U(3)]
                k = pool[U(2) * i]
                if k > state[U(2) * U(pi[U(4) * i + U(2)])]:
                    pi[U(4) * i + U(3)] = free
                    free = h
                else:
                    turn = np.int64(k * inv)
                    cur = min(cur, turn)
                    b = U(turn & mask)
                    pi[U(4) * i + U(3)] = head[b]
                    head[b] = h
                    live += 1
                h = after
            while live > 0:
                b = U(cur & mask)
                h = head[b]
                if h < 0:
                    cur += 1
                    continue
                i = U(h)
                free = take(head, pi, b, free)
                live -= 1
                u = U(pi[U(4) * i + U(2)])
                k = pool[U(2) * i]
                if k > state[U(2) * u]:
                    continue
                taken += 1
                label = si[U(4) * u + U(2)]
                for e in range(U(ip[u]), U(ip[u + U(1)])):
                    e = U(e)
                    t = ei[U(4) * e + U(2)]
                    v = U(t ^ (t >> 31))
                    d = k + packed[U(2) * e]
                    if v - base >= size:
                        if d > limit or d == INF:
                            continue
                        if out == sent_cap:
                            return -1, 0
                        sent[3 * out] = d
                        oi[6 * out + 2] = v
                        oi[6 * out + 3] = label
                        oi[6 * out + 4] = ei[U(4) * e + U(3)]
                        oi[6 * out + 5] = 0
                        out += 1
                        continue
                    o = state[U(2) * v]
                    if d > o or d > limit:
                        continue
                    if d == o and (d == INF or label >= si[U(4) * v + U(2)]):
                        continue
                    state[U(2) * v] = d
                    si[U(4) * v + U(2)] = label
                    si[U(4) * v + U(3)] = ei[U(4) * e + U(3)]
                    if t < 0:
                        continue
                    if free < 0 and used == cap:
                        return -1, 0
                    bl = (v - base) >> sh
                    if bl == here:
                        b = U(np.int64(d * inv) & mask)
                        live += 1
                    else:
                        b = U(ring) + bl
                    free, used = put(head, pool, pi, b, d, v, free, used)
            if taken > patience:
                return -2, 0
    return 0, out


@jit
def breadth_first(ip, packed, source, state):
    """Breadth-first pass with the reads and writes of a plain wave: the yardstick of benchmarks."""
    ei = packed.view(np.int32)
    si = state.view(np.int32)
    n = len(ip) - 1
    queue = np.empty(n, np.int32)
    k = 0
    for s in range(len(source)):
        u = source[s]
        if state[2 * u] < INF:
            continue
        queue[k] = u
        state[2 * u] = 0.0
        si[4 * u + 2] = s
        si[4 * u + 3] = -1
        k += 1
    i = 0
    while i < k:
        u = U(queue[i])
        i += 1
        d = state[U(2) * u]
        label = si[U(4) * u + U(2)]
        for e in range(U(ip[u]), U(ip[u + U(1)])):
            t = ei[U(4) * U(e) + U(2)]
            v = U(t if t >= 0 else -t - 1)
            if state[U(2) * v] == INF and packed[U(2) * U(e)] < INF:
                state[U(2) * v] = d + packed[U(2) * U(e)]
                si[U(4) * v + U(2)] = label
                si[U(4) * v + U(3)] = ei[U(4) * U(e) + U(3)]
                queue[k] = v
                k += 1
    return k
