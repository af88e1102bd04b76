# mypy: ignore-errors
"""The nearest place on an edge: a packed tree of boxes over all segments."""

import numpy as np

from qianwan_gis.network.kernels._jit import INF, jit

LEAF = 8  # boxes in a group


@jit
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


@jit
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


@jit
def _box_distance(boxes, k, px, py):
    """Squared distance of a point to a box."""
    dx = max(boxes[k, 0] - px, px - boxes[k, 2], 0.0)
    dy = max(boxes[k, 1] - py, py - boxes[k, 3], 0.0)
    return dx * dx + dy * dy


@jit
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


@jit
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
