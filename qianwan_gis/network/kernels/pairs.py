# mypy: ignore-errors
"""Shortest ways between pairs, and the pieces of edges that paths are made of."""

import numpy as np

from qianwan_gis.network.kernels._jit import INF, U, jit
from qianwan_gis.network.kernels.local import seed_end
from qianwan_gis.network.kernels.queue import put, take
from qianwan_gis.network.kernels.read import previous_of
from qianwan_gis.network.kernels.spots import part


@jit
def _relax(
    ip, ei, packed, u, k, mine, mi, other, bucket, pool, pi, counts, touched, side, inv, mask
):
    """Relax the arcs of u on one side of a two-sided search. ``counts``: used, free, live, nt."""
    best = INF
    meet = np.int64(-1)
    for e in range(U(ip[u]), U(ip[u + U(1)])):
        e = U(e)
        t = ei[U(4) * e + U(2)]
        v = U(t if t >= 0 else -t - 1)
        d = k + packed[U(2) * e]
        o = mine[U(2) * v]
        if d < o:
            if o == INF:
                touched[side, counts[side, 3]] = v
                counts[side, 3] += 1
            mine[U(2) * v] = d
            mi[U(4) * v + U(3)] = ei[U(4) * e + U(3)]
            total = d + other[U(2) * v]
            if total < best:
                best = total
                meet = np.int64(v)
            if t < 0:
                continue
            free = counts[side, 1]
            used = counts[side, 0]
            if free < 0 and used == len(pool) // 2:
                return best, np.int64(-2)
            bb = U(np.int64(d * inv) & mask)
            counts[side, 1], counts[side, 0] = put(bucket, pool, pi, bb, d, v, free, used)
            counts[side, 2] += 1
    return best, meet


@jit
def two_sided(
    ip, packed, packed_r, a, b, s_ends, s_cost, t_ends, t_cost, bound, inv,
    head, pool_f, pool_b, state_f, state_b, touched,
):  # fmt: skip
    """Shortest path between two places, searched from both ends, bucket by bucket.

    ``s_cost``: cost from the start to its two ends; ``t_cost``: from the two ends of the goal to
    it; ``bound``: cost of the way along their common chain (inf: none). Returns cost, arcs in
    travel order, the seeds used (0 A, 1 B; -1 when the common chain is best) and the status.
    """
    ei = packed.view(np.int32)
    er = packed_r.view(np.int32)
    fi = state_f.view(np.int32)
    bi = state_b.view(np.int32)
    pf = pool_f.view(np.int32)
    pb = pool_b.view(np.int32)
    mask = np.int64(head.shape[1] - 1)
    counts = np.zeros((2, 4), np.int64)
    counts[0, 1] = -1
    counts[1, 1] = -1
    best = bound
    meet = np.int64(-1)
    for side in range(2):
        if s_ends[side] >= 0 and s_cost[side] < INF:
            nt, used = seed_end(
                state_f, fi, pool_f, pf, head[0], inv, mask, touched[0],
                counts[0, 3], counts[0, 0], s_ends[side], s_cost[side], -1 - side,
            )  # fmt: skip
            counts[0, 2] += used - counts[0, 0]
            counts[0, 3] = nt
            counts[0, 0] = used
    for side in range(2):
        if t_ends[side] >= 0 and t_cost[side] < INF:
            nt, used = seed_end(
                state_b, bi, pool_b, pb, head[1], inv, mask, touched[1],
                counts[1, 3], counts[1, 0], t_ends[side], t_cost[side], -1 - side,
            )  # fmt: skip
            counts[1, 2] += used - counts[1, 0]
            counts[1, 3] = nt
            counts[1, 0] = used
            total = t_cost[side] + state_f[2 * t_ends[side]]
            if total < best:
                best = total
                meet = np.int64(t_ends[side])
    low = np.zeros(2, np.int64)
    status = np.int64(0)
    width = 1.0 / inv
    while counts[0, 2] > 0 and counts[1, 2] > 0:
        for side in range(2):
            while head[side, U(low[side] & mask)] < 0:
                low[side] += 1
        if (low[0] + low[1]) * width >= best:
            break
        side = 0 if counts[0, 2] <= counts[1, 2] else 1
        slot = U(low[side] & mask)
        while head[side, slot] >= 0:
            h = head[side, slot]
            i = U(h)
            if side == 0:
                counts[0, 1] = take(head[0], pf, slot, counts[0, 1])
                counts[0, 2] -= 1
                u = U(pf[U(4) * i + U(2)])
                k = pool_f[U(2) * i]
                if k > state_f[U(2) * u]:
                    continue
                total, node = _relax(
                    ip, ei, packed, u, k, state_f, fi, state_b, head[0], pool_f, pf, counts,
                    touched, 0, inv, mask,
                )  # fmt: skip
            else:
                counts[1, 1] = take(head[1], pb, slot, counts[1, 1])
                counts[1, 2] -= 1
                u = U(pb[U(4) * i + U(2)])
                k = pool_b[U(2) * i]
                if k > state_b[U(2) * u]:
                    continue
                total, node = _relax(
                    ip, er, packed_r, u, k, state_b, bi, state_f, head[1], pool_b, pb, counts,
                    touched, 1, inv, mask,
                )  # fmt: skip
            if node == -2:
                status = np.int64(-1)
                break
            if total < best:
                best = total
                meet = node
        if status < 0:
            break
    arcs = np.empty(0, np.int32)
    seeds = np.full(2, -1, np.int64)
    if meet >= 0 and status == 0:
        n = 0
        v = meet
        while fi[4 * v + 3] >= 0:
            n += 1
            v = previous_of(a, b, fi[4 * v + 3])
        seeds[0] = -1 - fi[4 * v + 3]
        m = n
        v = meet
        while bi[4 * v + 3] >= 0:
            m += 1
            v = previous_of(a, b, bi[4 * v + 3])
        seeds[1] = -1 - bi[4 * v + 3]
        arcs = np.empty(m, np.int32)
        v = meet
        while fi[4 * v + 3] >= 0:
            n -= 1
            arcs[n] = fi[4 * v + 3]
            v = previous_of(a, b, fi[4 * v + 3])
        n = 0
        v = meet
        while fi[4 * v + 3] >= 0:
            n += 1
            v = previous_of(a, b, fi[4 * v + 3])
        v = meet
        while bi[4 * v + 3] >= 0:
            arc = bi[4 * v + 3]
            arcs[n] = arc ^ 1  # searched backwards: the traveller takes the opposite arc
            n += 1
            v = previous_of(a, b, arc)
    for side in range(2):
        for j in range(counts[side, 3]):
            if side == 0:
                state_f[2 * touched[0, j]] = INF
            else:
                state_b[2 * touched[1, j]] = INF
        for j in range(head.shape[1]):
            head[side, j] = -1
    return best, arcs, seeds, status


@jit
def _count(p, s, q, t):
    """Pieces of edges from (p, s) to (q, t) on one chain; pieces without length do not count."""
    if p == q:
        return 1 if s != t else 0
    up = p < q
    n = (q - p if up else p - q) + 1
    if s == (1.0 if up else 0.0):
        n -= 1
    if t == (0.0 if up else 1.0):
        n -= 1
    return n


@jit
def _walk(weights, p, s, q, t, edge, low, high, n, total):
    """Write the pieces of edges from (p, s) to (q, t) on one chain from place n on; add their weight."""
    code, forward, backward = weights
    step = 1 if p <= q else -1
    k = p
    while True:
        x = s if k == p else (0.0 if step > 0 else 1.0)
        y = t if k == q else (1.0 if step > 0 else 0.0)
        if x != y:
            e = code[k] >> 1
            if code[k] & 1:
                x = 1.0 - x
                y = 1.0 - y
            ahead = y > x
            edge[n] = e if ahead else -e - 1
            low[n] = min(x, y)
            high[n] = max(x, y)
            total += part(forward[e] if ahead else backward[e], high[n] - low[n])
            n += 1
        if k == q:
            return n, total
        k += step


@jit
def path_pieces(
    start, s_chain, s_where, s_tau, s_end, begin, stop, arcs, t_chain, t_where, t_tau, t_end,
    weights, rows, write, pointer, edge, low, high, total,
):  # fmt: skip
    """Pieces of edges of some paths, in travel order, and a weight added up along them.

    ``s_end``: end of its chain by which a start leaves (0 A, 1 B, -1 stays on it, -2 no path);
    ``t_end``: end by which the goal is entered; path i takes the arcs ``begin[i]:stop[i]``. Without
    ``write`` the number of pieces goes to ``pointer[i + 1]``. With it they are written from
    ``pointer[i]`` on: edges (e, or -e - 1 when walked from v to u), the part of each edge that is
    walked, and the sums. Rows should keep near paths together.
    """
    for row in range(len(rows)):
        i = rows[row]
        if s_end[i] == -2:
            continue
        k = pointer[i] if write else np.int64(0)
        w = 0.0
        # one leg before the arcs, one for each, one behind them; or one from place to place
        inside = s_end[i] == -1
        for j in range(0 if inside else begin[i] - 1, 1 if inside else stop[i] + 1):
            leaves = inside or j < begin[i]
            enters = inside or j == stop[i]
            if leaves:
                c = s_chain[i]
                to_b = s_end[i] == 1
            elif enters:
                c = t_chain[i]
                to_b = t_end[i] == 0
            else:
                c = arcs[j] >> 1
                to_b = arcs[j] & 1 == 0
            if c < 0:
                continue
            # int64 throughout, or the walk is compiled once per mixture of integer types
            p = np.int64(start[c])
            q = np.int64(start[c + 1] - 1)
            s = 0.0
            t = 1.0
            if not to_b:
                p, q = q, p
                s, t = t, s
            if leaves:
                p = np.int64(s_where[i])
                s = s_tau[i]
            if enters:
                q = np.int64(t_where[i])
                t = t_tau[i]
            if write:
                k, w = _walk(weights, p, s, q, t, edge, low, high, k, w)
            else:
                k += _count(p, s, q, t)
        if write:
            total[i] = w
        else:
            pointer[i + 1] = k
