# mypy: ignore-errors
"""Orders: along a Hilbert curve, and stable sorts of integers."""

import numpy as np

from qianwan_gis.network.kernels._jit import U, jit


@jit
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


@jit
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


@jit
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


@jit
def longer(old, used, room):
    """Copy the used part of an array into a longer one.

    A loop and no assignment of slices: that would compile numba's texts of errors with it.
    """
    out = np.empty(room, old.dtype)
    for i in range(used):
        out[i] = old[i]
    return out
