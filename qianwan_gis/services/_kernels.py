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
    and no unused one costs less: water filling over its destinations in order of cost. Repeating
    over the origins descends the convex potential of the equilibrium.

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
    gap = np.inf
    sweeps = 0
    while sweeps < max_sweeps:
        sweeps += 1
        for i in range(n):
            a, b = start[i], start[i + 1]
            if b == a or demand[i] <= 0:
                continue
            for e in range(a, b):
                j = destination[e]
                base[e - a] = (load[j] - flow[e]) / supply[j] + travel[e]
            order = np.argsort(base[: b - a])
            # Raise the level until the demand is placed: level = (d + sum s*base) / sum s.
            room = 0.0
            filled = demand[i]
            level = base[order[0]]
            for k in range(b - a):
                at = base[order[k]]
                if k > 0 and at >= level:
                    break
                s = supply[destination[a + order[k]]]
                room += s
                filled += s * at
                level = filled / room
            for e in range(a, b):
                j = destination[e]
                new = max(0.0, level - base[e - a]) * supply[j]
                load[j] += new - flow[e]
                flow[e] = new
        if sweeps % 5 == 0 or sweeps == max_sweeps:
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
