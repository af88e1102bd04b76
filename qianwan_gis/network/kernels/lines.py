# mypy: ignore-errors
"""Parts of lines, and paths put together from them."""

import numpy as np

from qianwan_gis.network.kernels._jit import jit


@jit
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


@jit
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
        k = _cut(pointer, xy, np.int64(edge[i]), low[i], high[i], out, k)
        out_ip[i + 1] = k
    return out_ip, out[:k]


@jit
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
            k = _cut(pointer, xy, np.int64(e), low[j], high[j], out, k)
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


@jit
def line_lengths(pointer, xy):
    """Length of every ragged line."""
    out = np.zeros(len(pointer) - 1)
    for i in range(len(pointer) - 1):
        for j in range(pointer[i], pointer[i + 1] - 1):
            out[i] += np.hypot(xy[j + 1, 0] - xy[j, 0], xy[j + 1, 1] - xy[j, 1])
    return out


@jit
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
