"""Compiled loop of the rational agent model. Imported where it is used: numba takes a moment."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np


@numba.njit(cache=True, nogil=True, error_model="numpy")
def equilibrate(  # type: ignore[no-untyped-def]  # numba infers the types
    start, destination, travel, demand, supply, tolerance, max_sweeps
) -> Any:
    """Find the user equilibrium of ``load_j / supply_j + travel_ij`` by exact origin steps.

    Given everybody else, origin i spreads its demand so that all used destinations cost the same
    and no unused one costs less (water filling). Repeating over the origins descends the convex
    potential of the equilibrium.

    Returns score per origin (NaN without a destination), relative gap, sweeps.
    """
    n = len(start) - 1
    m = len(supply)
    load = np.zeros(m)
    flow = np.zeros(len(destination))
    widest = 0
    for i in range(n):
        widest = max(widest, start[i + 1] - start[i])
        best = -1
        for e in range(start[i], start[i + 1]):
            if best < 0 or travel[e] < travel[best]:
                best = e
        if best >= 0 and demand[i] > 0:
            flow[best] = demand[i]
            load[destination[best]] += demand[i]
    base = np.empty(widest)
    # Destinations that may be used soon, per origin: most sweeps look at these alone.
    near = np.empty(len(destination), np.int64)
    count = np.zeros(n, np.int64)
    gap = np.inf
    sweeps = 0
    while sweeps < max_sweeps:
        everything = sweeps % 8 == 0
        sweeps += 1
        for i in range(n):
            a, b = start[i], start[i + 1]
            if b == a or demand[i] <= 0:
                continue
            if everything:
                k = b - a
                for e in range(a, b):
                    near[e] = e
            else:
                k = count[i]
            lowest = np.inf
            first = a
            for q in range(k):
                e = near[a + q]
                j = destination[e]
                base[q] = (load[j] - flow[e]) / supply[j] + travel[e]
                if base[q] < lowest:
                    lowest = base[q]
                    first = j
            # Water filling: sum of supply x (level - base) over all below the level is the
            # demand. Newton's steps from above (the level if the cheapest took all) only fall.
            level = lowest + demand[i] / supply[first]
            while True:
                room = 0.0
                held = 0.0
                for q in range(k):
                    if base[q] < level:
                        s = supply[destination[near[a + q]]]
                        room += s
                        held += s * (level - base[q])
                lower = level - (held - demand[i]) / room
                if lower >= level:
                    break
                level = lower
            for q in range(k):
                e = near[a + q]
                j = destination[e]
                new = max(0.0, level - base[q]) * supply[j]
                if new != flow[e]:
                    load[j] += new - flow[e]
                    flow[e] = new
            if everything:
                kept = 0
                reach = level + 0.25 * (level - lowest) + 0.05
                for e in range(a, b):
                    if base[e - a] <= reach:
                        near[a + kept] = e
                        kept += 1
                count[i] = kept
        if sweeps % 8 == 0 or sweeps == max_sweeps:
            # Sum the loads anew: rounding must not gather over the sweeps.
            load[:] = 0.0
            for e in range(len(destination)):
                load[destination[e]] += flow[e]
            excess = 0.0
            total = 0.0
            for i in range(n):
                a, b = start[i], start[i + 1]
                if b == a or demand[i] <= 0:
                    continue
                least = np.inf
                mean = 0.0
                for e in range(a, b):
                    c = load[destination[e]] / supply[destination[e]] + travel[e]
                    least = min(least, c)
                    mean += flow[e] * c
                excess += mean - least * demand[i]
                total += mean
            gap = excess / total if total > 0 else 0.0
            if gap <= tolerance:
                break
    score = np.full(n, np.nan)
    for i in range(n):
        a, b = start[i], start[i + 1]
        if b > a and demand[i] > 0:
            mean = 0.0
            for e in range(a, b):
                j = destination[e]
                mean += flow[e] * (load[j] / supply[j] + travel[e])
            score[i] = mean / demand[i]
    return score, gap, sweeps


@numba.njit(cache=True, nogil=True, error_model="numpy")
def catch(  # type: ignore[no-untyped-def]  # numba infers the types
    origin, destination, cost, catchment, people, m
) -> Any:
    """Keep the pairs within the catchment and add up who comes to each destination.

    One pass over the pairs instead of one for each question. ``origin`` and ``destination`` are
    row numbers; numbers out of range are of nobody and are left out.

    Returns ``origin, destination`` of the pairs kept, people by destination, and how the table
    is: 0 in order and without twins, 1 out of order (or with twins), 2 with negative costs.
    """
    n = len(people)
    # int32 halves the traffic; one more place, because every pair is written and most are kept.
    kept_origin = np.empty(len(cost) + 1, np.int32)
    kept_destination = np.empty(len(cost) + 1, np.int32)
    kept = 0
    least = np.inf
    for e in range(len(cost)):
        # No branch: half of the pairs are in the catchment, which no processor can foretell.
        c, i, j = cost[e], origin[e], destination[e]
        least = min(least, c)
        kept_origin[kept] = i
        kept_destination[kept] = j
        kept += (c <= catchment) & (i >= 0) & (i < n) & (j >= 0) & (j < m)
    load = np.zeros(m)
    last = np.int64(-1)
    ordered = True
    for e in range(kept):
        i, j = kept_origin[e], kept_destination[e]
        key = np.int64(i) * m + j
        ordered &= key > last
        last = key
        load[j] += people[i]
    state = 2 if least < 0 else (0 if ordered else 1)
    return kept_origin[:kept], kept_destination[:kept], load, state


@numba.njit(cache=True, nogil=True)
def gather(origin, destination, ratio, n) -> Any:  # type: ignore[no-untyped-def]
    """Return the sum of the destinations' ratios by origin; pairs in the order of origins."""
    score = np.zeros(n)
    total, row = 0.0, 0
    for e in range(len(origin)):
        if origin[e] != row:  # pairs come by origin: add up in a register, store once
            score[row] = total
            total, row = 0.0, origin[e]
        total += ratio[destination[e]]
    if len(origin):
        score[row] = total
    return score
