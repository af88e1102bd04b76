# mypy: ignore-errors
"""From edges to chains and the core graph, and what stands beside it: pairing, components."""

import numpy as np

from qianwan_gis.network.kernels._jit import INF, jit


@jit
def edge_ends(u, v, n):
    """Count edge ends per node; xor their numbers (2 edge + end), so degree 2 yields the other."""
    degree = np.zeros(n, np.int32)
    mixed = np.zeros(n, np.int32)
    for e in range(len(u)):
        a = u[e]
        b = v[e]
        degree[a] += 1
        degree[b] += 1
        mixed[a] ^= 2 * e
        mixed[b] ^= 2 * e + 1
    return degree, mixed


@jit
def core_nodes(degree, mixed):
    """Mark and list the nodes that end a chain: all but those between two different edges."""
    n = len(degree)
    core = np.empty(n, np.uint8)
    out = np.empty(n, np.int32)
    k = 0
    for i in range(n):
        # the two ends of one self loop differ in the last bit only
        c = (degree[i] != 2) | (mixed[i] == 1)
        core[i] = c
        out[k] = i
        k += c
    return core, out[:k].copy()


@jit
def _walk(u, v, mixed, core, seen, code, node, k, now, flip):
    """Follow a chain from one end of an edge to the next core node; edges beyond are marked."""
    while True:
        t = u[now] if flip else v[now]
        code[k] = 2 * now + flip
        node[k] = t
        k += 1
        if core[t]:
            return k
        follow = mixed[t] ^ (2 * now + 1 - flip)
        now = follow >> 1
        flip = follow & 1
        seen[now] = 1


@jit
def build_chains(u, v, mixed, core):
    """Walk every chain once, in the order of the edges; rings without a core node get one.

    ``core`` is completed in place. Returns ``start``, ``code`` (2 edge + flip in the order walked),
    ``node`` (behind every edge of a chain), and the nodes ``a`` and ``b`` at the ends.
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
        if ring and k == m:
            break
        for e in range(m):
            if seen[e]:
                continue
            s = u[e]
            t = v[e]
            at_s = core[s]
            at_t = core[t]
            start[chains] = k
            if at_s & at_t:
                if ring:
                    continue
                code[k] = 2 * e
                node[k] = t
                a[chains] = s
                k += 1
            elif at_s:
                seen[e] = 1
                a[chains] = s
                k = _walk(u, v, mixed, core, seen, code, node, k, e, 0)
            elif at_t:
                seen[e] = 1
                a[chains] = t
                k = _walk(u, v, mixed, core, seen, code, node, k, e, 1)
            elif ring:
                seen[e] = 1
                core[s] = 1
                a[chains] = s
                k = _walk(u, v, mixed, core, seen, code, node, k, e, 0)
            else:
                continue
            b[chains] = node[k - 1]
            chains += 1
    start[chains] = m
    return start[: chains + 1].copy(), code, node, a[:chains].copy(), b[:chains].copy()


@jit
def number_ends(a, b, core_of):
    """Replace the nodes at the ends of chains by their core numbers; returns how far a jumps.

    That is the number of chains whose A end is not near the one before along the curve.
    """
    jumps = 0
    before = 0
    for c in range(len(a)):
        a[c] = core_of[a[c]]
        b[c] = core_of[b[c]]
        jumps += abs(a[c] - before) > 4096
        before = a[c]
    return jumps


@jit
def mark_inside(node, core_of):
    """Write -1 - k for a node inside a chain: edge k in chain order ends at it."""
    for k in range(len(node)):
        if core_of[node[k]] < 0:
            core_of[node[k]] = -1 - k


@jit
def order_chains(start, code, node, a, b, cores):
    """Sort the chains by the core number of their A end, so that near ones lie near in memory."""
    chains = len(a)
    count = np.zeros(cores + 1, np.int32)
    for c in range(chains):
        count[a[c] + 1] += 1
    for i in range(cores):
        count[i + 1] += count[i]
    order = np.empty(chains, np.int32)
    for c in range(chains):
        order[count[a[c]]] = c
        count[a[c]] += 1
    new_start = np.empty(chains + 1, np.int32)
    new_code = np.empty(len(code), np.int32)
    new_node = np.empty(len(code), np.int32)
    new_a = np.empty(chains, np.int32)
    new_b = np.empty(chains, np.int32)
    k = 0
    for i in range(chains):
        c = order[i]
        new_start[i] = k
        new_a[i] = a[c]
        new_b[i] = b[c]
        for j in range(start[c], start[c + 1]):
            new_code[k] = code[j]
            new_node[k] = node[j]
            k += 1
    new_start[chains] = k
    return new_start, new_code, new_node, new_a, new_b


@jit
def core_arcs(a, b, cores):
    """CSR of the core graph: numbers of the arcs. A ring chain has one arc, for coverage only."""
    ip = np.zeros(cores + 1, np.int32)
    for c in range(len(a)):
        ip[a[c] + 1] += 1
        if a[c] != b[c]:
            ip[b[c] + 1] += 1
    for i in range(cores):
        ip[i + 1] += ip[i]
    place = ip[:-1].copy()
    arc = np.empty(ip[cores], np.int32)
    for c in range(len(a)):
        q = place[a[c]]
        place[a[c]] = q + 1
        arc[q] = 2 * c
        if a[c] != b[c]:
            q = place[b[c]]
            place[b[c]] = q + 1
            arc[q] = 2 * c + 1
    return ip, arc


@jit
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


@jit
def pair_arcs(ip, ad, w):
    """Turn a directed CSR graph into edges: an arc and its opposite become one edge.

    Rows hold ascending targets. Returns u, v, forward and backward weight (inf: not permitted).
    """
    n = len(ip) - 1
    m = len(ad)
    # Rows are met in ascending order, so the arcs back to row i are the next ones of their rows.
    following = ip[:n].astype(np.int64)
    used = np.zeros(m, np.uint8)
    u = np.empty(m, np.int32)
    v = np.empty(m, np.int32)
    f = np.empty(m, np.float64)
    b = np.empty(m, np.float64)
    k = 0
    for i in range(n):
        e = ip[i]
        last = ip[i + 1]
        while e < last and ad[e] < i:
            if not used[e]:
                u[k] = i
                v[k] = ad[e]
                f[k] = w[e]
                b[k] = INF
                k += 1
            e += 1
        while e < last:
            j = ad[e]
            u[k] = i
            v[k] = j
            f[k] = w[e]
            back = INF
            if j > i:
                q = following[j]
                end = ip[j + 1]
                while q < end and ad[q] < i:
                    q += 1
                if q < end and ad[q] == i:
                    used[q] = 1
                    back = w[q]
                    q += 1
                following[j] = q
            b[k] = back
            k += 1
            e += 1
    # parts of the arrays, not copies: room that was never written to takes no memory
    return u[:k], v[:k], f[:k], b[:k]
