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
