"""Compiled local search for set covering. Imported where it is used: numba takes a moment."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def cover_all(  # type: ignore[no-untyped-def]  # numba infers the types
    row_start, row_sites, site_start, site_rows, chosen, fixed, steps
) -> Any:
    """Move the chosen sites until they cover every row (row weighting local search).

    Each step closes the site that loses least weight, opens the best site for one uncovered row,
    and makes uncovered rows heavier, so that the search leaves every trap (Gao, Weise and Li
    2015). The number of sites stays as it is. The same input gives the same answer.

    Parameters
    ----------
    row_start, row_sites
        Sites in reach of each row (compressed rows).
    site_start, site_rows
        The same the other way round.
    chosen, fixed
        Boolean by site: the sites to start from (changed in place) and those that must stay.
    steps
        How many steps at most.

    Returns
    -------
    Number of rows left uncovered, 0 when the chosen sites cover all.
    """
    n, m = len(row_start) - 1, len(site_start) - 1
    count = np.zeros(n, np.int64)
    weight = np.ones(n, np.int64)
    score = np.zeros(m, np.int64)
    moved = np.zeros(m, np.int64)  # the step at which a site was last moved
    allowed = np.ones(m, np.bool_)  # a closed site comes back only when its neighbourhood changed
    for j in range(m):
        if chosen[j]:
            for e in range(site_start[j], site_start[j + 1]):
                count[site_rows[e]] += 1
    left = np.empty(n, np.int64)  # uncovered rows, and where each stands in that list
    place = np.full(n, -1, np.int64)
    size = 0
    for i in range(n):
        if count[i] == 0:
            left[size] = i
            place[i] = size
            size += 1
        for e in range(row_start[i], row_start[i + 1]):
            j = row_sites[e]
            if count[i] == 0:
                score[j] += 1
            elif count[i] == 1 and chosen[j]:
                score[j] -= 1
    state = np.uint64(88172645463325252)
    last = -1
    for step in range(1, steps + 1):
        if size == 0:
            break
        out = -1
        for j in range(m):
            if (
                chosen[j]
                and not fixed[j]
                and j != last
                and (
                    out < 0
                    or score[j] > score[out]
                    or (score[j] == score[out] and moved[j] < moved[out])
                )
            ):
                out = j
        if out < 0:
            break
        chosen[out] = False
        score[out] = -score[out]
        moved[out] = step
        allowed[out] = False
        for e in range(site_start[out], site_start[out + 1]):
            i = site_rows[e]
            count[i] -= 1
            if count[i] == 0:
                left[size] = i
                place[i] = size
                size += 1
            if count[i] <= 1:
                for q in range(row_start[i], row_start[i + 1]):
                    j = row_sites[q]
                    allowed[j] = allowed[j] or j != out
                    if count[i] == 0:
                        if j != out:
                            score[j] += weight[i]
                    elif chosen[j]:
                        score[j] -= weight[i]
            else:
                for q in range(row_start[i], row_start[i + 1]):
                    allowed[row_sites[q]] = allowed[row_sites[q]] or row_sites[q] != out
        state ^= state << np.uint64(13)
        state ^= state >> np.uint64(7)
        state ^= state << np.uint64(17)
        row = left[np.int64(state % np.uint64(size))]
        into = -1
        for e in range(row_start[row], row_start[row + 1]):
            j = row_sites[e]
            if allowed[j] and (
                into < 0
                or score[j] > score[into]
                or (score[j] == score[into] and moved[j] < moved[into])
            ):
                into = j
        if into < 0:  # the row's only site is the one just closed
            into = row_sites[row_start[row]]
        chosen[into] = True
        score[into] = -score[into]
        moved[into] = step
        last = into
        for e in range(site_start[into], site_start[into + 1]):
            i = site_rows[e]
            count[i] += 1
            if count[i] == 1:
                size -= 1
                other = left[size]
                left[place[i]] = other
                place[other] = place[i]
                place[i] = -1
            for q in range(row_start[i], row_start[i + 1]):
                j = row_sites[q]
                allowed[j] = True
                if count[i] == 1:
                    if j != into:
                        score[j] -= weight[i]
                elif count[i] == 2 and chosen[j] and j != into:
                    score[j] += weight[i]
        for k in range(size):
            i = left[k]
            weight[i] += 1
            for q in range(row_start[i], row_start[i + 1]):
                score[row_sites[q]] += 1
    return size
