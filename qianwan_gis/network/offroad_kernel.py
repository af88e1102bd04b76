# mypy: ignore-errors
"""The compiled search over a raster; it calls nothing outside this module (numba's cache rule)."""

import numpy as np
from numba import njit

# Sixteen directions: the eight neighbours and the eight knight's moves between them, so that a way
# across open ground is at most 2.8 % longer than the straight line (8.2 % with eight).
_ROW = np.array([-1, 1, 0, 0, -1, -1, 1, 1, -2, -2, 2, 2, -1, -1, 1, 1])
_COL = np.array([0, 0, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -2, 2, -2, 2])


def _jit(function):
    """Compile without the interpreter lock, cached on disk wherever a folder can be written."""
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # numba: no cache locator available (nothing is writable)
        return njit(**options)(function)


@_jit
def _up(heap, place, cost, i):
    """Move an entry of the heap towards the top."""
    c = heap[i]
    while i > 0:
        parent = (i - 1) >> 1
        if cost[heap[parent]] <= cost[c]:
            break
        heap[i] = heap[parent]
        place[heap[i]] = i
        i = parent
    heap[i] = c
    place[c] = i


@_jit
def _down(heap, place, cost, size):
    """Move the entry at the top of the heap towards the bottom."""
    c = heap[0]
    i = 0
    while True:
        child = 2 * i + 1
        if child >= size:
            break
        if child + 1 < size and cost[heap[child + 1]] < cost[heap[child]]:
            child += 1
        if cost[c] <= cost[heap[child]]:
            break
        heap[i] = heap[child]
        place[heap[i]] = i
        i = child
    heap[i] = c
    place[c] = i


@_jit
def spread(z, friction, cell, seed, start, towards, most, decay, offset, limit):
    """Cheapest walking time between every cell and the seeds.

    ``friction`` is infinite where nobody can walk. Returns seconds, metres, number of the seed and
    the neighbouring cell on the way, per cell (flat numbers).
    """
    rows, cols = z.shape
    n = rows * cols
    cost = np.full(n, np.inf)
    metres = np.full(n, np.inf)
    label = np.full(n, -1, np.int32)
    onward = np.full(n, -1, np.int32)
    place = np.full(n, -1, np.int32)  # position in the heap; -1 never met, -2 settled
    heap = np.empty(n, np.int32)
    size = 0
    for s in range(len(seed)):
        c = seed[s]
        if not np.isfinite(friction[c // cols, c % cols]) or start[s] > limit:
            continue
        if start[s] < cost[c]:
            cost[c] = start[s]
            metres[c] = 0.0
            label[c] = s
            if place[c] < 0:
                heap[size] = c
                place[c] = size
                size += 1
            _up(heap, place, cost, place[c])
    while size > 0:
        c = heap[0]
        place[c] = -2
        size -= 1
        if size > 0:
            heap[0] = heap[size]
            place[heap[0]] = 0
            _down(heap, place, cost, size)
        row, col = c // cols, c % cols
        for k in range(16):
            r, q = row + _ROW[k], col + _COL[k]
            if r < 0 or q < 0 or r >= rows or q >= cols:
                continue
            o = r * cols + q
            if place[o] == -2 or not np.isfinite(friction[r, q]):
                continue
            hard = friction[row, col] + friction[r, q]
            if k < 4:
                far = cell
                hard *= 0.5
            elif k < 8:
                # a slanting barrier one cell wide holds
                if not np.isfinite(friction[row, q]) and not np.isfinite(friction[r, col]):
                    continue
                far = cell * np.sqrt(2.0)
                hard *= 0.5
            else:
                # a knight's move passes over two more cells
                if k < 12:
                    a = friction[(row + r) // 2, col]
                    b = friction[(row + r) // 2, q]
                else:
                    a = friction[row, (col + q) // 2]
                    b = friction[r, (col + q) // 2]
                if not (np.isfinite(a) and np.isfinite(b)):
                    continue
                far = cell * np.sqrt(5.0)
                hard = 0.25 * (hard + a + b)
            climb = z[row, col] - z[r, q] if towards else z[r, q] - z[row, col]
            pace = 3.6 / (most * np.exp(-decay * abs(climb / far + offset)))
            new = cost[c] + far * pace * hard
            if new < cost[o] and new <= limit:
                cost[o] = new
                metres[o] = metres[c] + far
                label[o] = label[c]
                onward[o] = c
                if place[o] < 0:
                    heap[size] = o
                    place[o] = size
                    size += 1
                _up(heap, place, cost, place[o])
    return cost, metres, label, onward
