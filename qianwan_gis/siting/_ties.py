"""Other site sets with the same objective."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qianwan_gis import _solve
from qianwan_gis.siting._model import chosen

if TYPE_CHECKING:
    from qianwan_gis.siting._model import Array, Ints


def other_optima(
    objective: Array,
    rows: list[tuple[Any, Any, Any]],
    sites: Ints,
    value: float,
    lower: Array,
    upper: Array,
    integer: Array,
    count: int,
    *,
    maximise: bool = False,
) -> tuple[Ints, ...]:
    """Find other site sets of the same value by cutting off those already found.

    The first variables are the sites; ``rows``, ``lower``, ``upper`` and ``integer`` as in
    `_solve.solve`.
    """
    m, width = int(integer.sum()), len(objective)
    found: list[Ints] = []
    cuts: list[tuple[Any, Any, Any]] = []
    last = sites
    slack = 1e-7 * max(1.0, abs(value))
    while len(found) < count:
        cut = np.zeros((1, width))
        cut[0, last] = 1.0
        cuts.append((cut, -np.inf, len(last) - 1.0))
        more = _solve.solve(
            objective, rows=[*rows, *cuts], integer=integer, lower=lower, upper=upper,
            maximise=maximise,
        )  # fmt: skip
        if more.x is None or abs(more.objective - value) > slack:
            break
        last = chosen(more.x, m)
        found.append(last)
    return tuple(found)
