# mypy: ignore-errors
"""Service areas: the edges covered within limits, cut exactly there."""

import numpy as np

from qianwan_gis.network.kernels._jit import INF, U, jit
from qianwan_gis.network.kernels.local import search_around
from qianwan_gis.network.kernels.order import longer
from qianwan_gis.network.kernels.spots import part

# Two sums of the same way differ by rounding: parts of an edge that are shorter are none.
_ROUNDING = 1e-12


@jit
def _reach(limit, widened, d, weight):
    """Share of an edge of this weight that is covered from an end that costs d.

    ``widened``: the limit with the room that rounding needs. It decides whether an end or a whole
    edge is within the limit, but it does not carry the cover farther than the limit.
    """
    if weight <= widened - d:
        return 1.0
    room = limit - d
    return room / weight if room > widened - limit else 0.0


@jit
def _cover(low, high, d_low, d_high, w_low, w_high, limit, widened, out, n):
    """Covered parts of the piece [low, high] of one edge.

    ``d_low``: cost at its lower end; ``w_low``: cost of the whole edge when entered from there
    (both in the direction of travel concerned); likewise for the upper end. Appends (from, to).
    """
    span = high - low
    x = low
    y = high
    if d_low <= widened:
        share = _reach(limit, widened, d_low, part(w_low, span))
        x = low + share * span if share < 1.0 else high
    if d_high <= widened:
        share = _reach(limit, widened, d_high, part(w_high, span))
        y = high - share * span if share < 1.0 else low
    if x >= y - _ROUNDING and x > low and y < high:
        x = high
        y = high
    if x > low:
        out[n, 0] = low
        out[n, 1] = x
        n += 1
    if y < high:
        out[n, 0] = y
        out[n, 1] = high
        n += 1
    return n


@jit
def service_chunk(
    ip, packed, a, b, start, code, weights, reverse,
    sources, s_ends, s_cost, s_chain, s_where, s_tau, limits, slack,
    inv, head, pool, state, touched, near, room,
):  # fmt: skip
    """Covered edges of every source: for each limit the whole edges and the cut ones.

    ``reverse``: travel is towards the source. ``near`` is a workspace of longest chain + 1.
    Returns pointers (source, limit) and edge numbers of the whole ones; pointers, edge numbers
    and fractions (of the edge's own direction) of the cut ones; and the status.
    """
    along, against = weights
    ei = packed.view(np.int32)
    nl = len(limits)
    top = limits[nl - 1]
    whole = np.empty(room, np.int32)
    cut = np.empty(room, np.int32)
    cut_from = np.empty(room, np.float64)
    cut_to = np.empty(room, np.float64)
    whole_room = room
    cut_room = room
    n_whole = 0
    n_cut = 0
    whole_ip = np.zeros(len(sources) * nl + 1, np.int64)
    cut_ip = np.zeros(len(sources) * nl + 1, np.int64)
    parts = np.empty((8, 2), np.float64)
    for n_source in range(len(sources)):
        i = sources[n_source]
        nt = search_around(
            ip, packed, s_ends[i, 0], s_cost[i, 0], s_ends[i, 1], s_cost[i, 1], top * slack,
            inv, head, pool, state, touched,
        )  # fmt: skip
        if nt < 0:
            for j in range(touched[len(touched) - 1]):
                state[2 * touched[j]] = INF
            return whole_ip, whole, cut_ip, cut, cut_from, cut_to, np.int64(-1)
        for n_limit in range(nl):
            exact = limits[n_limit]
            limit = exact * slack
            for j in range(-1, nt):
                if j < 0:
                    # the source's own chain, even when neither of its ends is reached
                    if s_chain[i] < 0:
                        continue
                    first_arc = 0
                    last_arc = 1
                else:
                    node = touched[j]
                    if state[2 * node] > limit:
                        continue
                    first_arc = ip[node]
                    last_arc = ip[node + 1]
                for slot in range(first_arc, last_arc):
                    if j < 0:
                        c = s_chain[i]
                    else:
                        arc = ei[U(4) * U(slot) + U(3)]
                        c = arc >> 1
                        if c == s_chain[i]:
                            continue
                        # the nearer end speaks for the chain, the A end when they are equal
                        d0 = state[U(2) * U(node)]
                        t = ei[U(4) * U(slot) + U(2)]
                        d1 = state[U(2) * U(t if t >= 0 else -t - 1)]
                        if d1 < d0 or (d1 == d0 and arc & 1):
                            continue
                        if d0 + packed[U(2) * U(slot)] <= limit:
                            # this end alone covers the whole chain
                            size = start[c + 1] - start[c]
                            if n_whole + size > whole_room:
                                whole_room = max(2 * whole_room, n_whole + size)
                                whole = longer(whole, n_whole, whole_room)
                            for k in range(start[c], start[c + 1]):
                                whole[n_whole] = code[U(k)] >> 1
                                n_whole += 1
                            continue
                    k0 = start[c]
                    k1 = start[c + 1]
                    size = k1 - k0
                    own = c == s_chain[i]
                    # cost of moving away from A over edge k, and away from B
                    d = state[2 * a[c]]
                    for k in range(k0, k1):
                        near[k - k0] = d
                        d += against[k] if reverse else along[k]
                        if own and k == s_where[i]:
                            w = against[k] if reverse else along[k]
                            d = min(d, s_cost[i, 4] + part(w, 1.0 - s_tau[i]))
                    near[size] = min(d, state[2 * b[c]])
                    for k in range(k1 - 1, k0 - 1, -1):
                        w = along[k] if reverse else against[k]
                        d = near[k - k0 + 1] + w
                        if own and k == s_where[i]:
                            d = min(d, s_cost[i, 4] + part(w, s_tau[i]))
                        near[k - k0] = min(near[k - k0], d)
                    if n_whole + size > whole_room:
                        whole_room = max(2 * whole_room, n_whole + size)
                        whole = longer(whole, n_whole, whole_room)
                    if n_cut + 4 * size > cut_room:
                        cut_room = max(2 * cut_room, n_cut + 4 * size)
                        cut = longer(cut, n_cut, cut_room)
                        cut_from = longer(cut_from, n_cut, cut_room)
                        cut_to = longer(cut_to, n_cut, cut_room)
                    for k in range(k0, k1):
                        up = against[k] if reverse else along[k]
                        down = along[k] if reverse else against[k]
                        if up == INF and down == INF:
                            continue
                        d0 = near[k - k0]
                        d1 = near[k - k0 + 1]
                        if own and k == s_where[i]:
                            s = s_tau[i]
                            n = 0
                            if s > 0.0:
                                n = _cover(
                                    0.0, s, d0, s_cost[i, 4], up, down, exact, limit, parts, n
                                )
                            if s < 1.0:
                                n = _cover(
                                    s, 1.0, s_cost[i, 4], d1, up, down, exact, limit, parts, n
                                )
                        else:
                            n = _cover(0.0, 1.0, d0, d1, up, down, exact, limit, parts, 0)
                        # join parts that touch, drop those without length
                        n = _join(parts, n)
                        if n == 1 and parts[0, 0] <= 0.0 and parts[0, 1] >= 1.0:
                            whole[n_whole] = code[k] >> 1
                            n_whole += 1
                            continue
                        for q in range(n):
                            cut[n_cut] = code[k] >> 1
                            if code[k] & 1:
                                cut_from[n_cut] = 1.0 - parts[q, 1]
                                cut_to[n_cut] = 1.0 - parts[q, 0]
                            else:
                                cut_from[n_cut] = parts[q, 0]
                                cut_to[n_cut] = parts[q, 1]
                            n_cut += 1
            whole_ip[n_source * nl + n_limit + 1] = n_whole
            cut_ip[n_source * nl + n_limit + 1] = n_cut
        for j in range(nt):
            state[U(2) * U(touched[j])] = INF
    return (
        whole_ip, whole[:n_whole], cut_ip, cut[:n_cut], cut_from[:n_cut], cut_to[:n_cut],
        np.int64(0),
    )  # fmt: skip


@jit
def _join(parts, n):
    """Merge ascending parts that touch and drop those without length."""
    kept = 0
    for q in range(n):
        if parts[q, 1] <= parts[q, 0]:
            continue
        if kept and parts[q, 0] <= parts[kept - 1, 1]:
            parts[kept - 1, 1] = max(parts[kept - 1, 1], parts[q, 1])
        else:
            parts[kept, 0] = parts[q, 0]
            parts[kept, 1] = parts[q, 1]
            kept += 1
    return kept
