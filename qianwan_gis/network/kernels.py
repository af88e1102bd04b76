# mypy: ignore-errors
"""All compiled kernels of the network engine, in one module.

They live together because numba's on-disk cache of a function does not notice that a function
it calls in *another* file has changed. Rules kept here, each of them measured:

* no array grows inside a hot loop: workspaces are handed in, overflow returns ``-1``;
* unsigned indices, so that no negative wrap-around is tested;
* what one relaxation reads or writes together lies together: a 16-byte record per node
  (distance, label, predecessor arc) and per arc (weight, target, arc number);
* only touched entries are reset between searches.

Vocabulary. An *edge* joins two nodes. A *chain* is a run of edges between two *core* nodes through
nodes that have exactly two edge ends. Searches run on core nodes; arc ``2c`` leads along chain
``c`` from its A end to its B end, arc ``2c + 1`` back. A *place* is a core node or a fraction of
one edge of a chain; it costs ``to A``, ``to B``, ``from A``, ``from B`` to reach the core.
Bucket queues are exact for float weights: inside a bucket the search corrects labels.
"""

import numpy as np
from numba import njit

INF = np.inf
U = np.uint32


def _jit(function):
    """Compile without the interpreter lock, cached on disk wherever a folder can be written."""
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # numba: no cache locator available (nothing is writable)
        return njit(**options)(function)


# ---------------------------------------------------------------- topology


@_jit
def edge_ends(u, v, n):
    """Count edge ends per node; xor their numbers (2 edge + end), so degree 2 yields the other."""
    degree = np.zeros(n, np.int32)
    mixed = np.zeros(n, np.int32)
    loop = np.zeros(n, np.uint8)
    for e in range(len(u)):
        a = u[e]
        b = v[e]
        degree[a] += 1
        degree[b] += 1
        mixed[a] ^= 2 * e
        mixed[b] ^= 2 * e + 1
        if a == b:
            loop[a] = 1
    return degree, mixed, loop


@_jit
def build_chains(u, v, mixed, core):
    """Walk every chain once; rings without a core node get one. Returns the chains.

    ``code`` holds 2 edge + flip in the order walked; ``core`` is completed in place. ``node``
    holds the node behind every edge of a chain.
    """
    m = len(u)
    seen = np.zeros(m, np.uint8)
    start = np.empty(m + 1, np.int32)
    code = np.empty(m, np.int32)
    node = np.empty(m, np.int32)
    a = np.empty(m, np.int32)
    b = np.empty(m, np.int32)
    chains = 0
    k = 0
    for ring in range(2):
        for e in range(m):
            for end in range(2):
                if seen[e]:
                    break
                s = v[e] if end else u[e]
                if not core[s]:
                    if ring == 0:
                        continue
                    core[s] = 1
                start[chains] = k
                a[chains] = s
                now = e
                flip = end
                while True:
                    seen[now] = 1
                    t = u[now] if flip else v[now]
                    code[k] = 2 * now + flip
                    node[k] = t
                    k += 1
                    if core[t]:
                        break
                    follow = mixed[t] ^ (2 * now + 1 - flip)
                    now = follow >> 1
                    flip = follow & 1
                b[chains] = t
                chains += 1
    start[chains] = m
    return start[: chains + 1], code, node, a[:chains], b[:chains]


@_jit
def order_chains(start, code, node, a, b, rank, cores):
    """Sort the chains by the core number of their A end (locality); map ends to core numbers."""
    chains = len(a)
    count = np.zeros(cores + 1, np.int32)
    for c in range(chains):
        count[rank[a[c]] + 1] += 1
    for i in range(cores):
        count[i + 1] += count[i]
    order = np.empty(chains, np.int32)
    for c in range(chains):
        r = rank[a[c]]
        order[count[r]] = c
        count[r] += 1
    new_start = np.empty(chains + 1, np.int32)
    new_code = np.empty(len(code), np.int32)
    new_node = np.empty(len(code), np.int32)
    new_a = np.empty(chains, np.int32)
    new_b = np.empty(chains, np.int32)
    k = 0
    for i in range(chains):
        c = order[i]
        new_start[i] = k
        new_a[i] = rank[a[c]]
        new_b[i] = rank[b[c]]
        for j in range(start[c], start[c + 1]):
            new_code[k] = code[j]
            new_node[k] = node[j]
            k += 1
    new_start[chains] = k
    return new_start, new_code, new_node, new_a, new_b


@_jit
def core_arcs(a, b, cores):
    """CSR of the core graph: target and arc number. A ring chain has one arc, for coverage only."""
    ip = np.zeros(cores + 1, np.int32)
    for c in range(len(a)):
        ip[a[c] + 1] += 1
        if a[c] != b[c]:
            ip[b[c] + 1] += 1
    for i in range(cores):
        ip[i + 1] += ip[i]
    place = ip[:-1].copy()
    target = np.empty(ip[cores], np.int32)
    arc = np.empty(ip[cores], np.int32)
    for c in range(len(a)):
        q = place[a[c]]
        place[a[c]] = q + 1
        target[q] = b[c]
        arc[q] = 2 * c
        if a[c] != b[c]:
            q = place[b[c]]
            place[b[c]] = q + 1
            target[q] = a[c]
            arc[q] = 2 * c + 1
    return ip, target, arc


@_jit
def hilbert_keys(x, y, x0, y0, scale):
    """Place of every point along a Hilbert curve over a 65,536 x 65,536 grid."""
    n = len(x)
    out = np.empty(n, np.uint32)
    for i in range(n):
        a = np.uint32(min(max((x[i] - x0) * scale, 0.0), 65535.0))
        b = np.uint32(min(max((y[i] - y0) * scale, 0.0), 65535.0))
        d = np.uint32(0)
        k = np.uint32(32768)
        while k > 0:
            rx = np.uint32(1) if (a & k) > 0 else np.uint32(0)
            ry = np.uint32(1) if (b & k) > 0 else np.uint32(0)
            d = np.uint32(d + k * k * ((np.uint32(3) * rx) ^ ry))
            if ry == 0:
                if rx == 1:
                    a = np.uint32(65535) - a
                    b = np.uint32(65535) - b
                a, b = b, a
            k = np.uint32(k >> np.uint32(1))
        out[i] = d
    return out


@_jit
def radix_argsort(keys):
    """Stable argsort of 32-bit keys, 11 bits a pass."""
    n = len(keys)
    order = np.arange(n).astype(np.int32)
    other = np.empty(n, np.int32)
    for shift in (0, 11, 22):
        count = np.zeros(2049, np.int64)
        for i in range(n):
            count[((keys[i] >> U(shift)) & U(2047)) + U(1)] += 1
        for i in range(2048):
            count[i + 1] += count[i]
        for i in range(n):
            o = order[i]
            d = (keys[o] >> U(shift)) & U(2047)
            other[count[d]] = o
            count[d] += 1
        order, other = other, order
    return order


@_jit
def components(u, v, open_edge, n):
    """Weakly connected component of every node, numbered by its first node; union by halving."""
    root = np.arange(n).astype(np.int32)
    for e in range(len(u)):
        if not open_edge[e]:
            continue
        a = u[e]
        while root[a] != a:
            root[a] = root[root[a]]
            a = root[a]
        b = v[e]
        while root[b] != b:
            root[b] = root[root[b]]
            b = root[b]
        if a < b:
            root[b] = a
        elif b < a:
            root[a] = b
    label = np.full(n, -1, np.int32)
    k = 0
    for i in range(n):
        a = i
        while root[a] != a:
            a = root[a]
        if label[a] < 0:
            label[a] = k
            k += 1
        label[i] = label[a]
    return label


@_jit
def pair_arcs(ip, ad, w):
    """Turn a directed CSR graph into edges: an arc and its opposite become one edge.

    Rows hold ascending targets. Returns u, v, forward and backward weight (inf: not permitted)
    and the arc numbers behind both directions (-1: none).
    """
    n = len(ip) - 1
    m = len(ad)
    used = np.zeros(m, np.uint8)
    u = np.empty(m, np.int32)
    v = np.empty(m, np.int32)
    f = np.empty(m, np.float64)
    b = np.empty(m, np.float64)
    k = 0
    for i in range(n):
        for e in range(ip[i], ip[i + 1]):
            if used[e]:
                continue
            used[e] = 1
            j = ad[e]
            u[k] = i
            v[k] = j
            f[k] = w[e]
            b[k] = INF
            lo = ip[j]
            hi = ip[j + 1]
            while lo < hi:
                mid = (lo + hi) >> 1
                if ad[mid] < i:
                    lo = mid + 1
                else:
                    hi = mid
            while lo < ip[j + 1] and ad[lo] == i and used[lo]:
                lo += 1
            if lo < ip[j + 1] and ad[lo] == i:
                used[lo] = 1
                b[k] = w[lo]
            k += 1
    return u[:k].copy(), v[:k].copy(), f[:k].copy(), b[:k].copy()


# ---------------------------------------------------------------- weights


@_jit
def chain_weights(code, start, forward, backward):
    """Edge weights in chain order and direction, and their sum per arc.

    Returns along (chain direction), against, and sums[2 chain + direction].
    """
    m = len(code)
    along = np.empty(m, np.float64)
    against = np.empty(m, np.float64)
    chains = len(start) - 1
    sums = np.empty(2 * chains, np.float64)
    for c in range(chains):
        s = 0.0
        t = 0.0
        for k in range(start[c], start[c + 1]):
            e = code[k] >> 1
            if code[k] & 1:
                x = backward[e]
                y = forward[e]
            else:
                x = forward[e]
                y = backward[e]
            along[k] = x
            against[k] = y
            s += x
            t += y
        sums[2 * c] = s
        sums[2 * c + 1] = t
    return along, against, sums


@_jit
def pack_arcs(ip, target, arc, sums, reverse):
    """Records of 16 bytes: weight, target, arc. Reversed: the weight of the opposite arc.

    A dead end is stored as -target - 1: nothing leads on from it, so it never needs a queue.
    """
    m = len(target)
    packed = np.empty(2 * m, np.float64)
    ints = packed.view(np.int32)
    x = 1 if reverse else 0
    for i in range(m):
        packed[2 * i] = sums[arc[i] ^ x]
        t = target[i]
        ints[4 * i + 2] = -t - 1 if ip[t + 1] - ip[t] == 1 else t
        ints[4 * i + 3] = arc[i]
    return packed


# ---------------------------------------------------------------- places on chains


@_jit
def _part(weight, share):
    """Share of an edge's weight; nothing of a closed edge costs nothing."""
    if share <= 0.0:
        return 0.0
    if share >= 1.0:
        return weight
    return weight * share


@_jit
def _chain_of(start, k):
    lo = 0
    hi = len(start) - 1
    while hi - lo > 1:
        mid = (lo + hi) >> 1
        if start[mid] <= k:
            lo = mid
        else:
            hi = mid
    return lo


@_jit
def place_costs(start, a, b, along, against, along2, against2, core, where, tau):
    """Costs between places and the ends of their chains.

    ``core``: core number or -1; ``where``: index of the edge in chain order; ``tau``: fraction
    in chain direction. Returns chain (-1 on a core node), ends (n, 2) and costs (n, 8):
    to A, to B, from A, from B; then the same in the second weight.
    """
    n = len(core)
    chain = np.full(n, -1, np.int32)
    ends = np.full((n, 2), -1, np.int32)
    cost = np.zeros((n, 8), np.float64)
    for i in range(n):
        if core[i] >= 0:
            ends[i, 0] = core[i]
            continue
        p = where[i]
        c = _chain_of(start, p)
        chain[i] = c
        ends[i, 0] = a[c]
        ends[i, 1] = b[c]
        t = tau[i]
        x0 = _part(against[p], t)
        x1 = _part(along[p], 1.0 - t)
        x2 = _part(along[p], t)
        x3 = _part(against[p], 1.0 - t)
        y0 = _part(against2[p], t)
        y1 = _part(along2[p], 1.0 - t)
        y2 = _part(along2[p], t)
        y3 = _part(against2[p], 1.0 - t)
        for k in range(p - 1, start[c] - 1, -1):
            x0 += against[k]
            x2 += along[k]
            y0 += against2[k]
            y2 += along2[k]
        for k in range(p + 1, start[c + 1]):
            x1 += along[k]
            x3 += against[k]
            y1 += along2[k]
            y3 += against2[k]
        cost[i, 0] = x0
        cost[i, 1] = x1
        cost[i, 2] = x2
        cost[i, 3] = x3
        cost[i, 4] = y0
        cost[i, 5] = y1
        cost[i, 6] = y2
        cost[i, 7] = y3
    return chain, ends, cost


@_jit
def _between(along, against, p, s, q, t):
    """Cost along one chain from place (p, s) to place (q, t)."""
    if p == q:
        if t >= s:
            return _part(along[p], t - s)
        return _part(against[p], s - t)
    if p < q:
        c = _part(along[p], 1.0 - s)
        for k in range(p + 1, q):
            c += along[k]
        return c + _part(along[q], t)
    c = _part(against[p], s)
    for k in range(p - 1, q, -1):
        c += against[k]
    return c + _part(against[q], 1.0 - t)


@_jit
def _first(sorted_values, value):
    lo = 0
    hi = len(sorted_values)
    while lo < hi:
        mid = (lo + hi) >> 1
        if sorted_values[mid] < value:
            lo = mid + 1
        else:
            hi = mid
    return lo


# ---------------------------------------------------------------- many sources, one wave


@_jit
def wave(ip, packed, seed_node, seed_cost, seed_order, limit, inv, head, pool, state):
    """Nearest seed of every core node, with predecessor arcs: one wave from all seeds.

    ``state``: float64[2 n] filled with inf; [2v] distance, int32 view [4v + 2] seed number,
    [4v + 3] arc taken last (-1: a seed). Among equal distances the lower seed number wins.
    Returns the entries used, or -1 when the pool is too small.
    """
    ei = packed.view(np.int32)
    si = state.view(np.int32)
    pi = pool.view(np.int32)
    mask = np.int64(len(head) - 1)
    cap = len(pool) // 2
    used = 0
    free = -1
    live = 0
    for j in range(len(seed_order)):
        s = seed_order[j]
        u = U(seed_node[s])
        d = seed_cost[s]
        if d > limit:
            continue
        o = state[U(2) * u]
        if d < o or (d == o and d < INF and s < si[U(4) * u + U(2)]):
            state[U(2) * u] = d
            si[U(4) * u + U(2)] = s
            si[U(4) * u + U(3)] = -1
            b = U(np.int64(d * inv) & mask)
            if used == cap:
                return -1
            pool[2 * used] = d
            pi[4 * used + 2] = u
            pi[4 * used + 3] = head[b]
            head[b] = used
            used += 1
            live += 1
    cur = np.int64(0)
    while live > 0:
        b = U(cur & mask)
        h = head[b]
        if h < 0:
            cur += 1
            continue
        i = U(h)
        head[b] = pi[U(4) * i + U(3)]
        pi[U(4) * i + U(3)] = free
        free = h
        live -= 1
        u = U(pi[U(4) * i + U(2)])
        k = pool[U(2) * i]
        if k > state[U(2) * u]:
            continue
        label = si[U(4) * u + U(2)]
        for e in range(U(ip[u]), U(ip[u + U(1)])):
            e = U(e)
            t = ei[U(4) * e + U(2)]
            v = U(t if t >= 0 else -t - 1)
            d = k + packed[U(2) * e]
            o = state[U(2) * v]
            if d <= o and d <= limit:
                if d == o and (d == INF or label >= si[U(4) * v + U(2)]):
                    continue
                state[U(2) * v] = d
                si[U(4) * v + U(2)] = label
                si[U(4) * v + U(3)] = ei[U(4) * e + U(3)]
                if t < 0:
                    continue
                if free >= 0:
                    q = U(free)
                    free = pi[U(4) * q + U(3)]
                else:
                    if used == cap:
                        return -1
                    q = U(used)
                    used += 1
                bb = U(np.int64(d * inv) & mask)
                pool[U(2) * q] = d
                pi[U(4) * q + U(2)] = v
                pi[U(4) * q + U(3)] = head[bb]
                head[bb] = np.int32(q)
                live += 1
    return used


@_jit
def breadth_first(ip, packed, source, state):
    """Breadth-first pass with the same reads and writes as `wave`: the yardstick of benchmarks."""
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


@_jit
def _previous(a, b, arc):
    """Core node that an arc leaves."""
    return b[arc >> 1] if arc & 1 else a[arc >> 1]


@_jit
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
            v = _previous(a, b, arc)
        s = second[v]
        while depth > 0:
            depth -= 1
            v = stack[depth]
            s += sums2[si[4 * v + 3] ^ x]
            second[v] = s


@_jit
def nearest_of(
    ends, seeds, chain, where, tau, state, second, along, against, along2, against2,
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
        j = _first(t_chain, c)
        while j < len(t_chain) and t_chain[j] == c:
            d = _between(along, against, where[i], tau[i], t_where[j], t_tau[j])
            d += t_leg[j] + seeds[i, 4]
            f = t_index[j]
            if d < best[i] or (d == best[i] and d < INF and f < label[i]):
                best[i] = d
                s = _between(along2, against2, where[i], tau[i], t_where[j], t_tau[j])
                best2[i] = s + t_leg2[j] + seeds[i, 5]
                label[i] = f
                way[i] = -1
            j += 1
    return best, best2, label, way


@_jit
def _step(d, s, f, weight, weight2, shares, c, k, ahead, on):
    """Cost, second weight and seed behind edge k when walking away from an end of chain c.

    ``weight``: cost of travelling back over the edge; a target on the edge may be nearer.
    """
    t_chain, t_index, t_where, t_tau, t_leg, t_leg2 = on
    d += weight
    s += weight2
    j = shares
    while j < len(t_chain) and t_chain[j] == c and t_where[j] <= k:
        if t_where[j] == k:
            share = 1.0 - t_tau[j] if ahead else t_tau[j]
            e = _part(weight, share) + t_leg[j]
            if e < d or (e == d and e < INF and t_index[j] < f):
                d = e
                s = _part(weight2, share) + t_leg2[j]
                f = t_index[j]
        j += 1
    return d, s, f


@_jit
def spread_to_nodes(
    start, node, a, b, along, against, along2, against2, core_node, state, second, on,
    want_second, longest,
):  # fmt: skip
    """Nearest seed of every node of the network (node order of the user), from the core's answer.

    Along a chain the answer runs once forward and once back, targets on the chain included. The
    second weight is read only where wanted; then its arrays have their full length.
    """
    n = len(core_node)
    si = state.view(np.int32)
    best = np.empty(n, np.float64)
    best2 = np.full(n if want_second else 1, INF)
    label = np.empty(n, np.int32)
    run = np.empty(longest + 1, np.float64)
    run2 = np.empty(longest + 1, np.float64)
    seed = np.empty(longest + 1, np.int32)
    t_chain = on[0]
    for i in range(n):
        r = core_node[i]
        if r >= 0:
            d = state[2 * r]
            best[i] = d
            label[i] = si[4 * r + 2] >> 1 if d < INF else -1
            if want_second and d < INF:
                best2[i] = second[r]
    t = 0
    for c in range(len(a)):
        first = start[c]
        last = start[c + 1]
        while t < len(t_chain) and t_chain[t] < c:
            t += 1
        if last - first < 2:
            continue
        # travel is towards the seed: walking away from A costs travelling back against the chain
        r = U(a[c])
        d = state[U(2) * r]
        f = si[U(4) * r + U(2)] >> 1 if d < INF else np.int32(-1)
        s = second[r] if want_second and d < INF else 0.0
        busy = t < len(t_chain) and t_chain[t] == c
        for k in range(first, last - 1):
            if busy:
                d, s, f = _step(
                    d, s, f, against[k], against2[k] if want_second else 0.0, t, c, k, True, on
                )
            else:
                d += against[k]
                if want_second:
                    s += against2[k]
            run[k - first] = d
            run2[k - first] = s
            seed[k - first] = f
        r = U(b[c])
        d = state[U(2) * r]
        f = si[U(4) * r + U(2)] >> 1 if d < INF else np.int32(-1)
        s = second[r] if want_second and d < INF else 0.0
        for k in range(last - 1, first, -1):
            if busy:
                d, s, f = _step(
                    d, s, f, along[k], along2[k] if want_second else 0.0, t, c, k, False, on
                )
            else:
                d += along[k]
                if want_second:
                    s += along2[k]
            j = k - 1 - first
            x = U(node[k - 1])
            if run[j] < d or (run[j] == d and seed[j] < f):
                best[x] = run[j]
                label[x] = seed[j] if run[j] < INF else -1
                if want_second and run[j] < INF:
                    best2[x] = run2[j]
            else:
                best[x] = d
                label[x] = f if d < INF else -1
                if want_second and d < INF:
                    best2[x] = s
    return best, best2, label


# ---------------------------------------------------------------- one source at a time


@_jit
def _seed(state, si, pool, pi, head, inv, mask, touched, nt, used, node, cost, mark):
    """Put one end of the source into the queue; returns touched and used counts."""
    u = U(node)
    if cost < state[U(2) * u]:
        if state[U(2) * u] == INF:
            touched[nt] = node
            nt += 1
        state[U(2) * u] = cost
        si[U(4) * u + U(3)] = mark
        b = U(np.int64(cost * inv) & mask)
        pool[2 * used] = cost
        pi[4 * used + 2] = node
        pi[4 * used + 3] = head[b]
        head[b] = used
        used += 1
    return nt, used


@_jit
def _search(ip, packed, node_a, cost_a, node_b, cost_b, limit, inv, head, pool, state, touched):
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
    nt = 0
    used = 0
    if cost_a <= limit and cost_a < INF:
        nt, used = _seed(
            state, si, pool, pi, head, inv, mask, touched, nt, used, node_a, cost_a, -1
        )
    if node_b >= 0 and cost_b <= limit and cost_b < INF:
        nt, used = _seed(
            state, si, pool, pi, head, inv, mask, touched, nt, used, node_b, cost_b, -2
        )
    live = used
    free = -1
    cur = np.int64(0)
    if live > 0:
        cur = np.int64(min(pool[0], pool[2 * used - 2]) * inv)
    while live > 0:
        b = U(cur & mask)
        h = head[b]
        if h < 0:
            cur += 1
            continue
        i = U(h)
        head[b] = pi[U(4) * i + U(3)]
        pi[U(4) * i + U(3)] = free
        free = h
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
                if free >= 0:
                    q = U(free)
                    free = pi[U(4) * q + U(3)]
                else:
                    if used == cap:
                        touched[len(touched) - 1] = nt
                        head[:] = -1
                        return -1
                    q = U(used)
                    used += 1
                bb = U(np.int64(d * inv) & mask)
                pool[U(2) * q] = d
                pi[U(4) * q + U(2)] = v
                pi[U(4) * q + U(3)] = head[bb]
                head[bb] = np.int32(q)
                live += 1
    return nt


@_jit
def _second_of(a, b, sums2, x, si, v, seed_a, seed_b):
    """Second weight of the path that a search took to core node v."""
    s = 0.0
    arc = si[4 * v + 3]
    while arc >= 0:
        s += sums2[arc ^ x]
        v = _previous(a, b, arc)
        arc = si[4 * v + 3]
    return s + (seed_a if arc == -1 else seed_b)


@_jit
def matrix_chunk(
    ip, packed, a, b, sums2, weights, reverse,
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
    along, against, along2, against2 = weights
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
        nt = _search(
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
            j = _first(t_chain, c)
            while j < len(t_chain) and t_chain[j] == c:
                if reverse:
                    d = _between(along, against, t_where[j], t_tau[j], s_where[i], s_tau[i])
                else:
                    d = _between(along, against, s_where[i], s_tau[i], t_where[j], t_tau[j])
                # the access leg of the source is part of its seeds, here it is added by hand
                d += t_leg[j] + s_cost[i, 4]
                t = t_index[j]
                if d <= limit and d < best[t]:
                    if best[t] == INF:
                        hits[found] = t
                        found += 1
                    best[t] = d
                    best_way[t] = -1 - j
                j += 1
        if rows + found > room:
            room = max(2 * room, rows + found)
            grown = np.empty(room, np.int32)
            grown[:rows] = out_target[:rows]
            out_target = grown
            grown2 = np.empty(room, np.float64)
            grown2[:rows] = out_cost[:rows]
            out_cost = grown2
            grown3 = np.empty(room, np.float64)
            grown3[:rows] = out_second[:rows]
            out_second = grown3
        for j in range(found):
            t = hits[j]
            k = best_way[t]
            out_target[rows] = t
            out_cost[rows] = best[t]
            if k < 0:
                q = -1 - k
                if reverse:
                    s = _between(along2, against2, t_where[q], t_tau[q], s_where[i], s_tau[i])
                else:
                    s = _between(along2, against2, s_where[i], s_tau[i], t_where[q], t_tau[q])
                out_second[rows] = s + t_leg2[q] + s_cost[i, 5]
            else:
                node = _row_of(at_ip, k)
                s = _second_of(a, b, sums2, x, si, node, s_cost[i, 2], s_cost[i, 3])
                out_second[rows] = s + at_second[k]
            best[t] = INF
            rows += 1
        for j in range(nt):
            state[U(2) * U(touched[j])] = INF
        pointer[n_source + 1] = rows
    return pointer, out_target[:rows], out_cost[:rows], out_second[:rows], np.int64(0)


@_jit
def _row_of(ip, k):
    """Row of a CSR matrix that holds entry k."""
    lo = 0
    hi = len(ip) - 1
    while hi - lo > 1:
        mid = (lo + hi) >> 1
        if ip[mid] <= k:
            lo = mid
        else:
            hi = mid
    return lo


@_jit
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


@_jit
def nearest_chunk(
    ip, packed, a, b, sums2, weights, k_best,
    sources, s_ends, s_cost, s_chain, s_where, s_tau, s_limit,
    at_ip, at_index, at_cost, at_second,
    t_chain, t_index, t_where, t_tau, t_leg, t_leg2,
    inv, head, pool, state, touched,
):  # fmt: skip
    """The k nearest targets of every source: a search that ends as soon as no better can come.

    The k-th best cost so far is the limit of the rest of the search. Returns cost, second weight,
    target, each (sources, k), and the status.
    """
    along, against, along2, against2 = weights
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
        top_way[:, 0] = -1
        top[:] = INF
        c = s_chain[i]
        if c >= 0:
            j = _first(t_chain, c)
            while j < len(t_chain) and t_chain[j] == c:
                d = _between(along, against, s_where[i], s_tau[i], t_where[j], t_tau[j])
                d += t_leg[j] + s_cost[i, 4]
                if d <= limit and d < INF:
                    way[0] = -1
                    way[1] = j
                    _offer(top, top_way, k_best, d, t_index[j], way)
                j += 1
        if top_way[k_best - 1, 0] >= 0:
            limit = min(limit, top[k_best - 1])
        nt = 0
        used = 0
        if s_cost[i, 0] <= limit and s_cost[i, 0] < INF:
            nt, used = _seed(
                state, si, pool, pi, head, inv, mask, touched, nt, used,
                s_ends[i, 0], s_cost[i, 0], -1,
            )  # fmt: skip
        if s_ends[i, 1] >= 0 and s_cost[i, 1] <= limit and s_cost[i, 1] < INF:
            nt, used = _seed(
                state, si, pool, pi, head, inv, mask, touched, nt, used,
                s_ends[i, 1], s_cost[i, 1], -2,
            )  # fmt: skip
        live = used
        free = -1
        cur = np.int64(0)
        if live > 0:
            cur = np.int64(min(pool[0], pool[2 * used - 2]) * inv)
        while live > 0:
            bb = U(cur & mask)
            h = head[bb]
            if h < 0:
                cur += 1
                continue
            q = U(h)
            head[bb] = pi[U(4) * q + U(3)]
            pi[U(4) * q + U(3)] = free
            free = h
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
                    if free >= 0:
                        w = U(free)
                        free = pi[U(4) * w + U(3)]
                    else:
                        if used == cap:
                            for j in range(nt):
                                state[2 * touched[j]] = INF
                            head[:] = -1
                            return out, out2, out_t, np.int64(-1)
                        w = U(used)
                        used += 1
                    bb = U(np.int64(d * inv) & mask)
                    pool[U(2) * w] = d
                    pi[U(4) * w + U(2)] = v
                    pi[U(4) * w + U(3)] = head[bb]
                    head[bb] = np.int32(w)
                    live += 1
        for j in range(k_best):
            f = top_way[j, 0]
            if f < 0:
                break
            out[n_source, j] = top[j]
            out_t[n_source, j] = f
            if top_way[j, 1] < 0:
                w = top_way[j, 2]
                s = _between(along2, against2, s_where[i], s_tau[i], t_where[w], t_tau[w])
                out2[n_source, j] = s + t_leg2[w] + s_cost[i, 5]
            else:
                s = _second_of(a, b, sums2, 0, si, top_way[j, 1], s_cost[i, 2], s_cost[i, 3])
                out2[n_source, j] = s + at_second[top_way[j, 2]]
        for j in range(nt):
            state[U(2) * U(touched[j])] = INF
    return out, out2, out_t, np.int64(0)


# ---------------------------------------------------------------- service areas


@_jit
def _reach(room, weight):
    """Share of an edge that a remaining budget covers."""
    if room < 0.0:
        return -1.0
    if weight <= room:
        return 1.0
    return room / weight


@_jit
def _cover(low, high, d_low, d_high, w_low, w_high, limit, out, n):
    """Covered parts of the piece [low, high] of one edge.

    ``d_low``: cost at its lower end; ``w_low``: cost of the whole edge when entered from there
    (both in the direction of travel concerned); likewise for the upper end. Appends (from, to).
    """
    span = high - low
    x = low
    y = high
    touched_low = d_low <= limit
    touched_high = d_high <= limit
    if touched_low:
        share = _reach(limit - d_low, _part(w_low, span))
        x = low + share * span if share < 1.0 else high
    if touched_high:
        share = _reach(limit - d_high, _part(w_high, span))
        y = high - share * span if share < 1.0 else low
    if touched_low and touched_high and x >= y:
        out[n, 0] = low
        out[n, 1] = high
        return n + 1
    if touched_low:
        out[n, 0] = low
        out[n, 1] = x
        n += 1
    if touched_high:
        out[n, 0] = y
        out[n, 1] = high
        n += 1
    return n


@_jit
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
        nt = _search(
            ip, packed, s_ends[i, 0], s_cost[i, 0], s_ends[i, 1], s_cost[i, 1], top * slack,
            inv, head, pool, state, touched,
        )  # fmt: skip
        if nt < 0:
            for j in range(touched[len(touched) - 1]):
                state[2 * touched[j]] = INF
            return whole_ip, whole, cut_ip, cut, cut_from, cut_to, np.int64(-1)
        for n_limit in range(nl):
            limit = limits[n_limit] * slack
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
                                grown = np.empty(whole_room, np.int32)
                                grown[:n_whole] = whole[:n_whole]
                                whole = grown
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
                            d = min(d, s_cost[i, 4] + _part(w, 1.0 - s_tau[i]))
                    near[size] = min(d, state[2 * b[c]])
                    for k in range(k1 - 1, k0 - 1, -1):
                        w = along[k] if reverse else against[k]
                        d = near[k - k0 + 1] + w
                        if own and k == s_where[i]:
                            d = min(d, s_cost[i, 4] + _part(w, s_tau[i]))
                        near[k - k0] = min(near[k - k0], d)
                    if n_whole + size > whole_room:
                        whole_room = max(2 * whole_room, n_whole + size)
                        grown = np.empty(whole_room, np.int32)
                        grown[:n_whole] = whole[:n_whole]
                        whole = grown
                    if n_cut + 4 * size > cut_room:
                        cut_room = max(2 * cut_room, n_cut + 4 * size)
                        grown = np.empty(cut_room, np.int32)
                        grown[:n_cut] = cut[:n_cut]
                        cut = grown
                        grown2 = np.empty(cut_room, np.float64)
                        grown2[:n_cut] = cut_from[:n_cut]
                        cut_from = grown2
                        grown3 = np.empty(cut_room, np.float64)
                        grown3[:n_cut] = cut_to[:n_cut]
                        cut_to = grown3
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
                                n = _cover(0.0, s, d0, s_cost[i, 4], up, down, limit, parts, n)
                            if s < 1.0:
                                n = _cover(s, 1.0, s_cost[i, 4], d1, up, down, limit, parts, n)
                        else:
                            n = _cover(0.0, 1.0, d0, d1, up, down, limit, parts, 0)
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


@_jit
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


# ---------------------------------------------------------------- paths


@_jit
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
            if counts[side, 1] >= 0:
                q = U(counts[side, 1])
                counts[side, 1] = pi[U(4) * q + U(3)]
            else:
                if counts[side, 0] == len(pool) // 2:
                    return best, np.int64(-2)
                q = U(counts[side, 0])
                counts[side, 0] += 1
            bb = U(np.int64(d * inv) & mask)
            pool[U(2) * q] = d
            pi[U(4) * q + U(2)] = v
            pi[U(4) * q + U(3)] = bucket[bb]
            bucket[bb] = np.int32(q)
            counts[side, 2] += 1
    return best, meet


@_jit
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
    counts[:, 1] = -1
    best = bound
    meet = np.int64(-1)
    for side in range(2):
        if s_ends[side] >= 0 and s_cost[side] < INF:
            nt, used = _seed(
                state_f, fi, pool_f, pf, head[0], inv, mask, touched[0],
                counts[0, 3], counts[0, 0], s_ends[side], s_cost[side], -1 - side,
            )  # fmt: skip
            counts[0, 2] += used - counts[0, 0]
            counts[0, 3] = nt
            counts[0, 0] = used
    for side in range(2):
        if t_ends[side] >= 0 and t_cost[side] < INF:
            nt, used = _seed(
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
                head[0, slot] = pf[U(4) * i + U(3)]
                pf[U(4) * i + U(3)] = counts[0, 1]
                counts[0, 1] = h
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
                head[1, slot] = pb[U(4) * i + U(3)]
                pb[U(4) * i + U(3)] = counts[1, 1]
                counts[1, 1] = h
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
            v = _previous(a, b, fi[4 * v + 3])
        seeds[0] = -1 - fi[4 * v + 3]
        m = n
        v = meet
        while bi[4 * v + 3] >= 0:
            m += 1
            v = _previous(a, b, bi[4 * v + 3])
        seeds[1] = -1 - bi[4 * v + 3]
        arcs = np.empty(m, np.int32)
        v = meet
        while fi[4 * v + 3] >= 0:
            n -= 1
            arcs[n] = fi[4 * v + 3]
            v = _previous(a, b, fi[4 * v + 3])
        n = 0
        v = meet
        while fi[4 * v + 3] >= 0:
            n += 1
            v = _previous(a, b, fi[4 * v + 3])
        v = meet
        while bi[4 * v + 3] >= 0:
            arc = bi[4 * v + 3]
            arcs[n] = arc ^ 1  # searched backwards: the traveller takes the opposite arc
            n += 1
            v = _previous(a, b, arc)
    for side in range(2):
        for j in range(counts[side, 3]):
            if side == 0:
                state_f[2 * touched[0, j]] = INF
            else:
                state_b[2 * touched[1, j]] = INF
        head[side, :] = -1
    return best, arcs, seeds, status


@_jit
def tree_paths(a, b, state, wanted):
    """Arcs from core nodes to their seeds in the trees of a reversed `wave`, in travel order.

    Returns pointer, arcs, and the end of the goal's chain that is reached (0 A, 1 B, -2 none); the
    traveller takes the opposite of the arcs of the tree.
    """
    si = state.view(np.int32)
    pointer = np.zeros(len(wanted) + 1, np.int64)
    end = np.full(len(wanted), -2, np.int8)
    for i in range(len(wanted)):
        v = wanted[i]
        n = 0
        if v >= 0 and state[2 * v] < INF:
            end[i] = si[4 * v + 2] & 1
            while si[4 * v + 3] >= 0:
                n += 1
                v = _previous(a, b, si[4 * v + 3])
        pointer[i + 1] = pointer[i] + n
    arcs = np.empty(pointer[len(wanted)], np.int32)
    for i in range(len(wanted)):
        v = wanted[i]
        k = pointer[i]
        if v >= 0 and state[2 * v] < INF:
            while si[4 * v + 3] >= 0:
                arcs[k] = si[4 * v + 3] ^ 1
                k += 1
                v = _previous(a, b, si[4 * v + 3])
    return pointer, arcs, end


@_jit
def _walk(code, p, s, q, t, edge, low, high, place, n):
    """Append the pieces of edges from (p, s) to (q, t) on one chain; with no room only count."""
    step = 1 if p <= q else -1
    k = p
    while True:
        x = s if k == p else (0.0 if step > 0 else 1.0)
        y = t if k == q else (1.0 if step > 0 else 0.0)
        if x != y:
            if len(edge) > 0:
                e = code[k] >> 1
                if code[k] & 1:
                    x = 1.0 - x
                    y = 1.0 - y
                edge[n] = e if y > x else -e - 1
                low[n] = min(x, y)
                high[n] = max(x, y)
                place[n] = k if (y > x) != (code[k] & 1 == 1) else -k - 1
            n += 1
        if k == q:
            return n
        k += step


@_jit
def path_pieces(
    start, code, s_chain, s_where, s_tau, s_end, arc_ip, arcs, t_chain, t_where, t_tau, t_end,
    along, against,
):  # fmt: skip
    """Pieces of edges of every path, in travel order, and a weight added up along them.

    ``s_end``: end of its chain by which a start leaves (0 A, 1 B, -1 stays on it, -2 no path);
    ``t_end``: end by which the goal is entered. Returns pointer, edges (e, or -e - 1 when walked
    from v to u), the part of each edge that is walked, and the sums.
    """
    n = len(s_chain)
    pointer = np.zeros(n + 1, np.int64)
    edge = np.empty(0, np.int32)
    low = np.empty(0, np.float64)
    high = np.empty(0, np.float64)
    place = np.empty(0, np.int32)
    total = np.zeros(n, np.float64)
    for turn in range(2):
        k = 0
        for i in range(n):
            if s_end[i] == -1:
                if s_chain[i] >= 0:
                    k = _walk(
                        code, s_where[i], s_tau[i], t_where[i], t_tau[i], edge, low, high, place, k
                    )
            elif s_end[i] >= 0:
                c = s_chain[i]
                if c >= 0:
                    if s_end[i] == 0:
                        k = _walk(
                            code, s_where[i], s_tau[i], start[c], 0.0, edge, low, high, place, k
                        )
                    else:
                        k = _walk(
                            code, s_where[i], s_tau[i], start[c + 1] - 1, 1.0,
                            edge, low, high, place, k,
                        )  # fmt: skip
                for j in range(arc_ip[i], arc_ip[i + 1]):
                    c = arcs[j] >> 1
                    if arcs[j] & 1:
                        k = _walk(
                            code, start[c + 1] - 1, 1.0, start[c], 0.0, edge, low, high, place, k
                        )
                    else:
                        k = _walk(
                            code, start[c], 0.0, start[c + 1] - 1, 1.0, edge, low, high, place, k
                        )
                c = t_chain[i]
                if c >= 0:
                    if t_end[i] == 0:
                        k = _walk(
                            code, start[c], 0.0, t_where[i], t_tau[i], edge, low, high, place, k
                        )
                    else:
                        k = _walk(
                            code, start[c + 1] - 1, 1.0, t_where[i], t_tau[i],
                            edge, low, high, place, k,
                        )  # fmt: skip
            pointer[i + 1] = k
        if turn == 0:
            edge = np.empty(k, np.int32)
            low = np.empty(k, np.float64)
            high = np.empty(k, np.float64)
            place = np.empty(k, np.int32)
    for i in range(n):
        for k in range(pointer[i], pointer[i + 1]):
            p = place[k]
            total[i] += _part(along[p] if p >= 0 else against[-p - 1], high[k] - low[k])
    return pointer, edge, low, high, total


# ---------------------------------------------------------------- geometry


@_jit
def _cut(pointer, xy, e, low, high, out, k):
    """Write the part [low, high] (fractions of length) of edge e; returns the next free row."""
    p = pointer[e]
    q = pointer[e + 1]
    if low <= 0.0 and high >= 1.0:
        for j in range(p, q):
            out[k, 0] = xy[j, 0]
            out[k, 1] = xy[j, 1]
            k += 1
        return k
    total = 0.0
    for j in range(p, q - 1):
        total += np.hypot(xy[j + 1, 0] - xy[j, 0], xy[j + 1, 1] - xy[j, 1])
    x = low * total
    y = high * total
    run = 0.0
    begun = False
    for j in range(p, q - 1):
        step = np.hypot(xy[j + 1, 0] - xy[j, 0], xy[j + 1, 1] - xy[j, 1])
        if not begun and run + step >= x:
            t = (x - run) / step if step > 0.0 else 0.0
            out[k, 0] = xy[j, 0] + t * (xy[j + 1, 0] - xy[j, 0])
            out[k, 1] = xy[j, 1] + t * (xy[j + 1, 1] - xy[j, 1])
            k += 1
            begun = True
        if begun:
            if run + step >= y or j == q - 2:
                t = min((y - run) / step, 1.0) if step > 0.0 else 1.0
                out[k, 0] = xy[j, 0] + t * (xy[j + 1, 0] - xy[j, 0])
                out[k, 1] = xy[j, 1] + t * (xy[j + 1, 1] - xy[j, 1])
                return k + 1
            if run + step > x:
                out[k, 0] = xy[j + 1, 0]
                out[k, 1] = xy[j + 1, 1]
                k += 1
        run += step
    return k


@_jit
def cut_lines(pointer, xy, edge, low, high):
    """Coordinates of the parts [low, high] (fractions of length) of edges, as ragged arrays."""
    n = len(edge)
    out_ip = np.zeros(n + 1, np.int64)
    room = 0
    for i in range(n):
        room += pointer[edge[i] + 1] - pointer[edge[i]] + 2
    out = np.empty((room, 2), np.float64)
    k = 0
    for i in range(n):
        k = _cut(pointer, xy, edge[i], low[i], high[i], out, k)
        out_ip[i + 1] = k
    return out_ip, out[:k]


@_jit
def join_pieces(pointer, xy, pieces, edge, low, high):
    """Coordinates of paths from their pieces; a vertex shared by two pieces appears once."""
    n = len(pieces) - 1
    out_ip = np.zeros(n + 1, np.int64)
    room = 0
    for i in range(len(edge)):
        e = edge[i] if edge[i] >= 0 else -edge[i] - 1
        room += pointer[e + 1] - pointer[e] + 2
    out = np.empty((room, 2), np.float64)
    k = 0
    for i in range(n):
        first = k
        for j in range(pieces[i], pieces[i + 1]):
            e = edge[j] if edge[j] >= 0 else -edge[j] - 1
            begin = k
            k = _cut(pointer, xy, e, low[j], high[j], out, k)
            if edge[j] < 0:
                for h in range((k - begin) // 2):
                    x = out[begin + h, 0]
                    y = out[begin + h, 1]
                    out[begin + h, 0] = out[k - 1 - h, 0]
                    out[begin + h, 1] = out[k - 1 - h, 1]
                    out[k - 1 - h, 0] = x
                    out[k - 1 - h, 1] = y
            if begin > first and (
                out[begin, 0] == out[begin - 1, 0] and out[begin, 1] == out[begin - 1, 1]
            ):
                for h in range(begin, k - 1):
                    out[h, 0] = out[h + 1, 0]
                    out[h, 1] = out[h + 1, 1]
                k -= 1
        out_ip[i + 1] = k
    return out_ip, out[:k]


@_jit
def line_lengths(pointer, xy):
    """Length of every ragged line."""
    out = np.zeros(len(pointer) - 1)
    for i in range(len(pointer) - 1):
        for j in range(pointer[i], pointer[i + 1] - 1):
            out[i] += np.hypot(xy[j + 1, 0] - xy[j, 0], xy[j + 1, 1] - xy[j, 1])
    return out


LEAF = 8


@_jit
def segment_list(pointer, xy):
    """Edge and first vertex of every segment, and its midpoint."""
    m = len(pointer) - 1
    total = 0
    for e in range(m):
        total += max(pointer[e + 1] - pointer[e] - 1, 0)
    edge = np.empty(total, np.int32)
    vertex = np.empty(total, np.int64)
    x = np.empty(total)
    y = np.empty(total)
    k = 0
    for e in range(m):
        for j in range(pointer[e], pointer[e + 1] - 1):
            edge[k] = e
            vertex[k] = j
            x[k] = (xy[j, 0] + xy[j + 1, 0]) / 2
            y[k] = (xy[j, 1] + xy[j + 1, 1]) / 2
            k += 1
    return edge, vertex, x, y


@_jit
def build_boxes(vertex, xy, offsets):
    """Boxes of a packed tree over segments in Hilbert order: groups of 8, level above level.

    ``offsets``: first box of every level, lowest first, and the end.
    """
    boxes = np.empty((offsets[len(offsets) - 1], 4))
    n = len(vertex)
    for level in range(len(offsets) - 1):
        size = offsets[level + 1] - offsets[level]
        below = n if level == 0 else offsets[level] - offsets[level - 1]
        for i in range(size):
            x0 = INF
            y0 = INF
            x1 = -INF
            y1 = -INF
            for j in range(i * LEAF, min((i + 1) * LEAF, below)):
                if level == 0:
                    s = vertex[j]
                    x0 = min(x0, xy[s, 0], xy[s + 1, 0])
                    y0 = min(y0, xy[s, 1], xy[s + 1, 1])
                    x1 = max(x1, xy[s, 0], xy[s + 1, 0])
                    y1 = max(y1, xy[s, 1], xy[s + 1, 1])
                else:
                    q = offsets[level - 1] + j
                    x0 = min(x0, boxes[q, 0])
                    y0 = min(y0, boxes[q, 1])
                    x1 = max(x1, boxes[q, 2])
                    y1 = max(y1, boxes[q, 3])
            k = offsets[level] + i
            boxes[k, 0] = x0
            boxes[k, 1] = y0
            boxes[k, 2] = x1
            boxes[k, 3] = y1
    return boxes


@_jit
def _box_distance(boxes, k, px, py):
    """Squared distance of a point to a box."""
    dx = max(boxes[k, 0] - px, px - boxes[k, 2], 0.0)
    dy = max(boxes[k, 1] - py, py - boxes[k, 3], 0.0)
    return dx * dx + dy * dy


@_jit
def snap_points(px, py, edge, vertex, xy, boxes, offsets, allowed, farthest):
    """Nearest place on an allowed edge: edge (-1: none within reach), vertex, share of segment.

    Equal distances go to the lower edge number, then the lower vertex. Returns edge, vertex,
    share along the segment, distance, x, y.
    """
    n = len(px)
    out_e = np.full(n, -1, np.int32)
    out_v = np.zeros(n, np.int64)
    out_t = np.zeros(n)
    out_d = np.full(n, np.nan)
    out_x = np.full(n, np.nan)
    out_y = np.full(n, np.nan)
    levels = len(offsets) - 1
    total = len(vertex)
    stack_k = np.empty(LEAF * (levels + 2), np.int64)
    stack_l = np.empty(LEAF * (levels + 2), np.int64)
    stack_d = np.empty(LEAF * (levels + 2))
    for i in range(n):
        x = px[i]
        y = py[i]
        best = farthest * farthest
        e_best = np.int32(-1)
        v_best = np.int64(0)
        t_best = 0.0
        depth = 0
        if levels > 0 and np.isfinite(x) and np.isfinite(y):
            stack_k[0] = 0
            stack_l[0] = levels - 1
            stack_d[0] = _box_distance(boxes, offsets[levels - 1], x, y)
            depth = 1
        while depth > 0:
            depth -= 1
            if stack_d[depth] > best:
                continue
            level = stack_l[depth]
            first = stack_k[depth] * LEAF
            if level == 0:
                for j in range(first, min(first + LEAF, total)):
                    e = edge[j]
                    if not allowed[e]:
                        continue
                    s = vertex[j]
                    dx = xy[s + 1, 0] - xy[s, 0]
                    dy = xy[s + 1, 1] - xy[s, 1]
                    ll = dx * dx + dy * dy
                    t = 0.0
                    if ll > 0.0:
                        t = ((x - xy[s, 0]) * dx + (y - xy[s, 1]) * dy) / ll
                        t = min(max(t, 0.0), 1.0)
                    ex = x - (xy[s, 0] + t * dx)
                    ey = y - (xy[s, 1] + t * dy)
                    d = ex * ex + ey * ey
                    if d < best or (
                        d == best and (e_best < 0 or e < e_best or (e == e_best and s < v_best))
                    ):
                        best = d
                        e_best = e
                        v_best = s
                        t_best = t
                continue
            below = offsets[level] - offsets[level - 1]
            base = depth
            for j in range(first, min(first + LEAF, below)):
                d = _box_distance(boxes, offsets[level - 1] + j, x, y)
                if d > best:
                    continue
                # nearest child on top of the stack
                q = depth
                while q > base and stack_d[q - 1] < d:
                    stack_d[q] = stack_d[q - 1]
                    stack_k[q] = stack_k[q - 1]
                    stack_l[q] = stack_l[q - 1]
                    q -= 1
                stack_d[q] = d
                stack_k[q] = j
                stack_l[q] = level - 1
                depth += 1
        if e_best >= 0:
            out_e[i] = e_best
            out_v[i] = v_best
            out_t[i] = t_best
            out_d[i] = np.sqrt(best)
            out_x[i] = xy[v_best, 0] + t_best * (xy[v_best + 1, 0] - xy[v_best, 0])
            out_y[i] = xy[v_best, 1] + t_best * (xy[v_best + 1, 1] - xy[v_best, 1])
    return out_e, out_v, out_t, out_d, out_x, out_y


@_jit
def edge_fraction(pointer, xy, edge, vertex, share):
    """Fraction of an edge's length at a share of one of its segments; exactly 0 or 1 at ends."""
    n = len(edge)
    out = np.zeros(n)
    for i in range(n):
        e = edge[i]
        if e < 0:
            continue
        run = 0.0
        total = 0.0
        for j in range(pointer[e], pointer[e + 1] - 1):
            step = np.hypot(xy[j + 1, 0] - xy[j, 0], xy[j + 1, 1] - xy[j, 1])
            if j < vertex[i]:
                run += step
            elif j == vertex[i]:
                run += step * share[i]
            total += step
        if vertex[i] == pointer[e + 1] - 2 and share[i] >= 1.0:
            out[i] = 1.0
        elif vertex[i] == pointer[e] and share[i] <= 0.0:
            out[i] = 0.0
        elif total > 0.0:
            out[i] = run / total
    return out


@_jit
def count_sort(keys, size):
    """Stable argsort of small non-negative integers, and the pointers of the groups."""
    pointer = np.zeros(size + 1, np.int64)
    for i in range(len(keys)):
        pointer[keys[i] + 1] += 1
    for i in range(size):
        pointer[i + 1] += pointer[i]
    place = pointer[:-1].copy()
    order = np.empty(len(keys), np.int64)
    for i in range(len(keys)):
        k = keys[i]
        order[place[k]] = i
        place[k] += 1
    return order, pointer


@_jit
def direct_costs(along, against, chain, where, tau, t_chain, t_where, t_tau):
    """Cost from every place to its partner along their common chain, inf where there is none."""
    n = len(chain)
    out = np.full(n, INF)
    for i in range(n):
        if chain[i] >= 0 and chain[i] == t_chain[i]:
            out[i] = _between(along, against, where[i], tau[i], t_where[i], t_tau[i])
    return out


@_jit
def turn_lines(pointer, xy, turn):
    """Reverse the coordinates of the lines marked."""
    out = xy.copy()
    for i in range(len(turn)):
        if turn[i]:
            p = pointer[i]
            q = pointer[i + 1]
            for j in range(q - p):
                out[p + j, 0] = xy[q - 1 - j, 0]
                out[p + j, 1] = xy[q - 1 - j, 1]
    return out
