# mypy: ignore-errors
"""One source at a time, within a limit: costs to targets, the k nearest targets."""

import numpy as np

from qianwan_gis.network.kernels._jit import INF, U, jit
from qianwan_gis.network.kernels.order import longer
from qianwan_gis.network.kernels.queue import put, take
from qianwan_gis.network.kernels.read import previous_of
from qianwan_gis.network.kernels.spots import between, first_of, row_of


@jit
def seed_end(state, si, pool, pi, head, inv, mask, touched, nt, used, node, cost, mark):
    """Put one end of the source into the queue; returns touched and used counts."""
    u = U(node)
    if cost < state[U(2) * u]:
        if state[U(2) * u] == INF:
            touched[nt] = node
            nt += 1
        state[U(2) * u] = cost
        si[U(4) * u + U(3)] = mark
        _, used = put(head, pool, pi, U(np.int64(cost * inv) & mask), cost, node, -1, used)
    return nt, used


@jit
def _start(state, si, pool, pi, head, inv, mask, touched, node_a, cost_a, node_b, cost_b, limit):
    """Put both ends of the source within the limit into the queue; touched, used, first bucket."""
    nt = 0
    used = 0
    if cost_a <= limit and cost_a < INF:
        nt, used = seed_end(
            state, si, pool, pi, head, inv, mask, touched, nt, used, node_a, cost_a, -1
        )
    if node_b >= 0 and cost_b <= limit and cost_b < INF:
        nt, used = seed_end(
            state, si, pool, pi, head, inv, mask, touched, nt, used, node_b, cost_b, -2
        )
    first = np.int64(0)
    if used > 0:
        first = np.int64(min(pool[0], pool[2 * used - 2]) * inv)
    return nt, used, first


@jit
def search_around(
    ip, packed, node_a, cost_a, node_b, cost_b, limit, inv, head, pool, state, touched
):
    """Distances within the limit from one place (two ends of its chain).

    ``state``: record per core node as in `wave`, without labels; seeds are marked -1 (A), -2 (B).
    Returns the number of touched nodes, or -1 when the pool is too small (state is then dirty
    over the touched nodes, whose number is in ``touched[-1]``).
    """
    ei = packed.view(np.int32)
    si = state.view(np.int32)
    pi = pool.view(np.int32)
    mask = np.int64(len(head) - 1)
    cap = len(pool) // 2
    nt, used, cur = _start(
        state, si, pool, pi, head, inv, mask, touched, node_a, cost_a, node_b, cost_b, limit
    )
    live = used
    free = -1
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
        for e in range(U(ip[u]), U(ip[u + U(1)])):
            e = U(e)
            t = ei[U(4) * e + U(2)]
            v = U(t if t >= 0 else -t - 1)
            d = k + packed[U(2) * e]
            o = state[U(2) * v]
            if d < o and d <= limit:
                if o == INF:
                    touched[nt] = v
                    nt += 1
                state[U(2) * v] = d
                si[U(4) * v + U(3)] = ei[U(4) * e + U(3)]
                if t < 0:
                    continue
                if free < 0 and used == cap:
                    touched[len(touched) - 1] = nt
                    for j in range(len(head)):
                        head[j] = -1
                    return -1
                free, used = put(head, pool, pi, U(np.int64(d * inv) & mask), d, v, free, used)
                live += 1
    return nt


@jit
def _second_of(a, b, sums2, x, si, v, seed_a, seed_b):
    """Second weight of the path that a search took to core node v."""
    s = 0.0
    arc = si[4 * v + 3]
    while arc >= 0:
        s += sums2[arc ^ x]
        v = previous_of(a, b, arc)
        arc = si[4 * v + 3]
    return s + (seed_a if arc == -1 else seed_b)


@jit
def matrix_chunk(
    ip, packed, a, b, sums2, weights, weights2, reverse,
    sources, s_ends, s_cost, s_chain, s_where, s_tau, s_limit,
    at_ip, at_index, at_cost, at_second,
    t_chain, t_index, t_where, t_tau, t_leg, t_leg2,
    inv, head, pool, state, touched, best, best_way, hits, room,
):  # fmt: skip
    """Costs from every source of the chunk to all targets within its limit.

    ``s_cost``: (n, 6) seed costs A, B, their second weights, and both legs. Attachments (``at_*``, CSR by core
    node) say which targets hang on a core node and at what further cost. Returns rows: pointer by
    source, target (as found, unsorted), cost, second weight; and the status: 0, or -1 when the
    pool was too small.
    """
    si = state.view(np.int32)
    x = 1 if reverse else 0
    out_target = np.empty(room, np.int32)
    out_cost = np.empty(room, np.float64)
    out_second = np.empty(room, np.float64)
    pointer = np.zeros(len(sources) + 1, np.int64)
    rows = 0
    for n_source in range(len(sources)):
        i = sources[n_source]
        limit = s_limit[i]
        nt = search_around(
            ip, packed, s_ends[i, 0], s_cost[i, 0], s_ends[i, 1], s_cost[i, 1], limit,
            inv, head, pool, state, touched,
        )  # fmt: skip
        if nt < 0:
            for j in range(touched[len(touched) - 1]):
                state[2 * touched[j]] = INF
            return pointer, out_target, out_cost, out_second, np.int64(-1)
        found = 0
        for j in range(nt):
            node = U(touched[j])
            for k in range(U(at_ip[node]), U(at_ip[node + U(1)])):
                k = U(k)
                t = U(at_index[k])
                d = state[U(2) * node] + at_cost[k]
                if d <= limit and d < best[t]:
                    if best[t] == INF:
                        hits[found] = t
                        found += 1
                    best[t] = d
                    best_way[t] = k
        c = s_chain[i]
        if c >= 0:
            j = first_of(t_chain, c)
            while j < len(t_chain) and t_chain[j] == c:
                if reverse:
                    d = between(weights, t_where[j], t_tau[j], s_where[i], s_tau[i])
                else:
                    d = between(weights, s_where[i], s_tau[i], t_where[j], t_tau[j])
                # the access leg of the source is part of its seeds, here it is added by hand
                d += t_leg[j] + s_cost[i, 4]
                t = t_index[j]
                # at equal cost the way along the chain: it makes no detour
                if d <= limit and d <= best[t] and d < INF:
                    if best[t] == INF:
                        hits[found] = t
                        found += 1
                    best[t] = d
                    best_way[t] = -1 - j
                j += 1
        if rows + found > room:
            room = max(2 * room, rows + found)
            out_target = longer(out_target, rows, room)
            out_cost = longer(out_cost, rows, room)
            out_second = longer(out_second, rows, room)
        for j in range(found):
            t = hits[j]
            k = best_way[t]
            out_target[rows] = t
            out_cost[rows] = best[t]
            if k < 0:
                q = -1 - k
                if reverse:
                    s = between(weights2, t_where[q], t_tau[q], s_where[i], s_tau[i])
                else:
                    s = between(weights2, s_where[i], s_tau[i], t_where[q], t_tau[q])
                out_second[rows] = s + t_leg2[q] + s_cost[i, 5]
            else:
                node = row_of(at_ip, k)
                s = _second_of(a, b, sums2, x, si, node, s_cost[i, 2], s_cost[i, 3])
                out_second[rows] = s + at_second[k]
            best[t] = INF
            rows += 1
        for j in range(nt):
            state[U(2) * U(touched[j])] = INF
        pointer[n_source + 1] = rows
    return pointer, out_target[:rows], out_cost[:rows], out_second[:rows], np.int64(0)


@jit
def _offer(top, top_way, k, d, f, way):
    """Insert facility f at cost d into the k best (sorted by cost, then number)."""
    place = -1
    filled = 0
    while filled < k and top_way[filled, 0] >= 0:
        if top_way[filled, 0] == f:
            place = filled
        filled += 1
    if place >= 0:
        if d >= top[place]:
            return
    elif filled < k:
        place = filled
    else:
        place = k - 1
        if d > top[place] or (d == top[place] and f > top_way[place, 0]):
            return
    while place > 0 and (d < top[place - 1] or (d == top[place - 1] and f < top_way[place - 1, 0])):
        top[place] = top[place - 1]
        top_way[place, 0] = top_way[place - 1, 0]
        top_way[place, 1] = top_way[place - 1, 1]
        top_way[place, 2] = top_way[place - 1, 2]
        place -= 1
    top[place] = d
    top_way[place, 0] = f
    top_way[place, 1] = way[0]
    top_way[place, 2] = way[1]


@jit
def nearest_chunk(
    ip, packed, a, b, sums2, weights, weights2, k_best,
    sources, s_ends, s_cost, s_chain, s_where, s_tau, s_limit,
    at_ip, at_index, at_cost, at_second,
    t_chain, t_index, t_where, t_tau, t_leg, t_leg2,
    inv, head, pool, state, touched,
):  # fmt: skip
    """The k nearest targets of every source: a search that ends as soon as no better can come.

    The k-th best cost so far is the limit of the rest of the search. Returns cost, second weight,
    target, each (sources, k), and the status.
    """
    ei = packed.view(np.int32)
    si = state.view(np.int32)
    pi = pool.view(np.int32)
    mask = np.int64(len(head) - 1)
    cap = len(pool) // 2
    ns = len(sources)
    out = np.full((ns, k_best), INF)
    out2 = np.full((ns, k_best), INF)
    out_t = np.full((ns, k_best), -1, np.int32)
    top = np.empty(k_best, np.float64)
    top_way = np.empty((k_best, 3), np.int64)
    way = np.empty(2, np.int64)
    for n_source in range(ns):
        i = sources[n_source]
        limit = s_limit[i]
        for j in range(k_best):
            top_way[j, 0] = -1
            top[j] = INF
        c = s_chain[i]
        if c >= 0:
            j = first_of(t_chain, c)
            while j < len(t_chain) and t_chain[j] == c:
                d = between(weights, s_where[i], s_tau[i], t_where[j], t_tau[j])
                d += t_leg[j] + s_cost[i, 4]
                if d <= limit and d < INF:
                    way[0] = -1
                    way[1] = j
                    _offer(top, top_way, k_best, d, t_index[j], way)
                j += 1
        if top_way[k_best - 1, 0] >= 0:
            limit = min(limit, top[k_best - 1])
        nt, used, cur = _start(
            state, si, pool, pi, head, inv, mask, touched,
            s_ends[i, 0], s_cost[i, 0], s_ends[i, 1], s_cost[i, 1], limit,
        )  # fmt: skip
        live = used
        free = -1
        while live > 0:
            bb = U(cur & mask)
            h = head[bb]
            if h < 0:
                cur += 1
                continue
            q = U(h)
            free = take(head, pi, bb, free)
            live -= 1
            u = U(pi[U(4) * q + U(2)])
            d0 = pool[U(2) * q]
            if d0 > state[U(2) * u] or d0 > limit:
                continue
            for k in range(U(at_ip[u]), U(at_ip[u + U(1)])):
                d = d0 + at_cost[U(k)]
                if d <= limit:
                    way[0] = u
                    way[1] = k
                    _offer(top, top_way, k_best, d, at_index[U(k)], way)
                    if top_way[k_best - 1, 0] >= 0:
                        limit = min(limit, top[k_best - 1])
            for e in range(U(ip[u]), U(ip[u + U(1)])):
                e = U(e)
                dead = ei[U(4) * e + U(2)]
                v = U(dead if dead >= 0 else -dead - 1)
                d = d0 + packed[U(2) * e]
                o = state[U(2) * v]
                if d < o and d <= limit:
                    if o == INF:
                        touched[nt] = v
                        nt += 1
                    state[U(2) * v] = d
                    si[U(4) * v + U(3)] = ei[U(4) * e + U(3)]
                    if dead < 0:
                        for k in range(U(at_ip[v]), U(at_ip[v + U(1)])):
                            d2 = d + at_cost[U(k)]
                            if d2 <= limit:
                                way[0] = v
                                way[1] = k
                                _offer(top, top_way, k_best, d2, at_index[U(k)], way)
                                if top_way[k_best - 1, 0] >= 0:
                                    limit = min(limit, top[k_best - 1])
                        continue
                    if free < 0 and used == cap:
                        for j in range(nt):
                            state[2 * touched[j]] = INF
                        for j in range(len(head)):
                            head[j] = -1
                        return out, out2, out_t, np.int64(-1)
                    bb = U(np.int64(d * inv) & mask)
                    free, used = put(head, pool, pi, bb, d, v, free, used)
                    live += 1
        for j in range(k_best):
            f = top_way[j, 0]
            if f < 0:
                break
            out[n_source, j] = top[j]
            out_t[n_source, j] = f
            if top_way[j, 1] < 0:
                w = top_way[j, 2]
                s = between(weights2, s_where[i], s_tau[i], t_where[w], t_tau[w])
                out2[n_source, j] = s + t_leg2[w] + s_cost[i, 5]
            else:
                s = _second_of(a, b, sums2, 0, si, top_way[j, 1], s_cost[i, 2], s_cost[i, 3])
                out2[n_source, j] = s + at_second[top_way[j, 2]]
        for j in range(nt):
            state[U(2) * U(touched[j])] = INF
    return out, out2, out_t, np.int64(0)
