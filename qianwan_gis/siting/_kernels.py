"""Compiled loops of the p-median. Imported where they are used: numba takes a moment."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def greedy(cost, p, open_, closed) -> Any:  # type: ignore[no-untyped-def]  # numba infers the types
    """Open again and again the site that lowers the total most, after the fixed ones.

    A site never lowers it by more later than earlier, so only the most promising are looked at
    again (Minoux 1978).

    Parameters
    ----------
    cost
        Array (sites, rows), finite.
    p
        Sites in all.
    open_, closed
        By site.
    """
    m, n = cost.shape
    chosen = np.empty(p, np.int64)
    size = 0
    near = np.full(n, np.inf)
    for j in range(m):
        if open_[j]:
            chosen[size] = j
            size += 1
            for i in range(n):
                near[i] = min(near[i], cost[j, i])
    hope = np.full(m, np.inf)
    fresh = np.full(m, -1)
    for j in range(m):
        if closed[j] or open_[j]:
            hope[j] = -np.inf
    while size < p:
        best = int(np.argmax(hope))
        if hope[best] == -np.inf:
            break
        if fresh[best] == size:
            chosen[size] = best
            size += 1
            hope[best] = -np.inf
            if size == 1:  # the first was chosen by its total, which says nothing of later gains
                hope[hope > -np.inf] = np.inf
            for i in range(n):
                near[i] = min(near[i], cost[best, i])
            continue
        gain = 0.0
        for i in range(n):
            if size == 0:  # without any site there is nothing to save yet: the total counts
                gain -= cost[best, i]
            elif cost[best, i] < near[i]:
                gain += near[i] - cost[best, i]
        hope[best] = gain
        fresh[best] = size
    return np.sort(chosen[:size])


@numba.njit(cache=True, nogil=True)
def _two_nearest(cost, sites, i) -> Any:  # type: ignore[no-untyped-def]
    first, second = -1, -1
    a, b = np.inf, np.inf
    for s in range(len(sites)):
        v = cost[sites[s], i]
        if v < a:
            second, b = first, a
            first, a = s, v
        elif v < b:
            second, b = s, v
    return first, second, a, b


@numba.njit(cache=True, nogil=True)
def interchange(cost, start, open_, closed, tolerance) -> Any:  # type: ignore[no-untyped-def]
    """Swap one open site for a closed one while that helps (fast interchange, Whitaker 1983).

    For each closed site in turn the best site to close for it is found in one pass over the rows
    and the swap made at once, until no closed site brings anything.

    Returns
    -------
    Sites in ascending order and their total cost.
    """
    m, n = cost.shape
    p = len(start)
    sites = start.copy()
    inside = np.zeros(m, np.bool_)
    for s in range(p):
        inside[sites[s]] = True
    first = np.empty(n, np.int64)
    second = np.empty(n, np.int64)
    d1 = np.empty(n)
    d2 = np.empty(n)
    total = 0.0
    for i in range(n):
        first[i], second[i], d1[i], d2[i] = _two_nearest(cost, sites, i)
        total += d1[i]
    loss = np.empty(p)
    still = 0  # closed sites looked at since the last swap
    j = -1
    while still < m:
        j = (j + 1) % m
        still += 1
        if inside[j] or closed[j]:
            continue
        gain = 0.0
        loss[:] = 0.0
        for i in range(n):
            v = cost[j, i]
            if v < d1[i]:
                gain += d1[i] - v
            elif v < d2[i]:
                loss[first[i]] += v - d1[i]
            else:
                loss[first[i]] += d2[i] - d1[i]
        # A row that the new site takes over loses nothing by the closing of its old one.
        out = -1
        for s in range(p):
            if not open_[sites[s]] and (out < 0 or loss[s] < loss[out]):
                out = s
        if out < 0 or not gain - loss[out] > tolerance * max(1.0, total):
            continue
        inside[sites[out]] = False
        inside[j] = True
        sites[out] = j
        still = 0
        total = 0.0
        for i in range(n):
            v = cost[j, i]
            if first[i] == out or second[i] == out:
                first[i], second[i], d1[i], d2[i] = _two_nearest(cost, sites, i)
            elif v < d1[i]:
                second[i], d2[i] = first[i], d1[i]
                first[i], d1[i] = out, v
            elif v < d2[i]:
                second[i], d2[i] = out, v
            total += d1[i]
    return np.sort(sites), total


@numba.njit(cache=True, nogil=True)
def raise_bound(  # type: ignore[no-untyped-def]
    cost, order, rank, first, start, upper, free, open_, closed, rounds, tolerance
) -> Any:
    """Raise the Lagrangian bound by deflected subgradient steps; keep the best sites on the way.

    Parameters
    ----------
    cost
        Array (sites, rows).
    order, rank
        Arrays (rows, sites): the sites of each row by rising cost, and those costs.
    first
        Multipliers to start from, by row.
    start, upper
        Sites to start from and their total.
    free
        How many sites are to be chosen besides the fixed ones.

    Returns
    -------
    Multipliers of the best bound, that bound, sites, their total.
    """
    n, m = rank.shape
    lam = first.copy()
    best_lam = lam.copy()
    best_sites = start.copy()
    bound, pace, still = -np.inf, 2.0, 0
    direction = np.zeros(n)
    gradient = np.zeros(n)
    rho = np.empty(m)
    inside = np.empty(m, np.bool_)
    pick = np.empty(free + int(open_.sum()), np.int64)
    for step in range(rounds):
        rho[:] = 0.0
        for i in range(n):
            for t in range(m):
                slack = rank[i, t] - lam[i]
                if slack >= 0:
                    break
                rho[order[i, t]] += slack
        free_rho = rho.copy()
        for j in range(m):
            if open_[j] or closed[j]:
                free_rho[j] = np.inf
        ranked = np.argsort(free_rho, kind="mergesort")
        inside[:] = open_
        for t in range(free):
            inside[ranked[t]] = True
        value = lam.sum()
        size = 0
        for j in range(m):
            if inside[j]:
                value += rho[j]
                pick[size] = j
                size += 1
        if value > bound:
            if value > bound + 1e-6 * abs(bound):
                still = 0
            bound = value
            best_lam[:] = lam
        still += 1
        total, length = 0.0, 0.0
        any_off = False
        for i in range(n):
            count, nearest = 0, np.inf
            for t in range(m):
                if rank[i, t] < lam[i]:
                    if inside[order[i, t]]:
                        count += 1
                        nearest = min(nearest, rank[i, t])
                elif nearest < np.inf:
                    break
                elif inside[order[i, t]]:
                    nearest = rank[i, t]
                    break
            total += nearest
            gradient[i] = 1.0 - count
            any_off = any_off or count != 1
        if total < upper or (step % 10 == 0 and total < upper * 1.02):
            sites, total = interchange(cost, pick, open_, closed, tolerance)
            if total < upper - tolerance * abs(upper):
                best_sites[:] = sites
                upper = total
        if upper - bound <= tolerance * max(1.0, abs(upper)):
            bound = upper
            break
        if not any_off:
            break
        # A deflected direction (Camerini, Fratta, Maffioli) damps the zigzag of plain steps.
        for i in range(n):
            direction[i] = gradient[i] + 0.3 * direction[i]
            length += direction[i] * direction[i]
        if still >= 20:
            pace, still = pace / 2, 0
            lam[:] = best_lam
            if pace < 1e-4:
                break
        if length > 0:
            lam += pace * (upper - value) / length * direction
    return best_lam, min(bound, upper), best_sites, upper
