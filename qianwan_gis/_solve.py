"""The only door to the solver: mixed-integer programmes through HiGHS (inside scipy)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Status = Literal["optimal", "feasible", "infeasible", "unknown"]

#: HiGHS accepts a solution that breaks integrality by this much.
INTEGRALITY = 1e-6


@dataclass(frozen=True)
class Solution:
    """What the solver found.

    Attributes
    ----------
    status
        ``optimal`` (gap closed), ``feasible`` (stopped with a solution), ``infeasible``, or
        ``unknown`` (stopped before any solution).
    x
        Values, integers rounded; ``None`` without a solution.
    objective, bound
        Value found and the proven bound, in the sense asked for.
    gap
        ``|objective - bound| / |objective|``.
    """

    status: Status
    x: NDArray[np.float64] | None
    objective: float
    bound: float
    gap: float


def relative_gap(objective: float, bound: float) -> float:
    """Return ``|objective - bound| / |objective|``; 0 when equal, inf when nothing is known."""
    if objective == bound:
        return 0.0
    if not (np.isfinite(objective) and np.isfinite(bound)):
        return float("inf")
    return abs(objective - bound) / max(abs(objective), 1e-12)


def solve(
    c: ArrayLike,
    *,
    rows: Sequence[tuple[Any, ArrayLike, ArrayLike]],
    integer: ArrayLike,
    lower: ArrayLike = 0.0,
    upper: ArrayLike = 1.0,
    maximise: bool = False,
    time_limit: float | None = None,
    gap: float = 0.0,
) -> Solution:
    """Solve ``min (or max) c x`` subject to ``low <= A x <= high`` for each of ``rows``.

    Parameters
    ----------
    c
        Objective, one value per variable.
    rows
        Blocks ``(A, low, high)``, A sparse or dense with one column per variable.
    integer
        1 for integer variables, 0 for continuous ones.
    lower, upper
        Bounds of the variables.
    time_limit
        Seconds; without it the solver runs to the proven optimum.
    gap
        Relative gap at which to stop.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    cost = np.asarray(c, float)
    sign = -1.0 if maximise else 1.0
    # HiGHS takes coefficients below 1e-9 as nought; scale so that people and metres both survive.
    scale = float(np.abs(cost).max(initial=0.0)) or 1.0
    scale = 1.0 if 1e-3 <= scale <= 1e6 else scale
    options: dict[str, Any] = {"mip_rel_gap": gap}
    if time_limit is not None:
        options["time_limit"] = time_limit
    with silent():
        result = milp(
            sign * cost / scale,
            constraints=[LinearConstraint(a, low, high) for a, low, high in rows],
            integrality=np.asarray(integer),
            bounds=Bounds(lower, upper),
            options=options,
        )
    if result.x is None:
        status: Status = "infeasible" if result.status == 2 else "unknown"
        return Solution(status, None, float("nan"), float("nan"), float("inf"))
    whole = np.broadcast_to(np.asarray(integer), result.x.shape) == 1
    x = np.where(whole, np.round(result.x), result.x)
    objective = float(cost @ x)
    dual = result.mip_dual_bound
    bound = sign * float(dual) * scale if dual is not None else objective
    done = result.status == 0
    return Solution(
        "optimal" if done else "feasible", x, objective, bound, relative_gap(objective, bound)
    )


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Keep what C code prints off the standard output.

    HiGHS leaves a line of its own there when it repairs a rounded solution, whatever its options
    say; a table piped to a program would be broken by it. On Windows the C library's buffer cannot
    be reached, so nothing is done there.
    """
    if os.name != "posix":
        yield
        return
    library = ctypes.CDLL(None)
    try:
        sys.stdout.flush()
        library.fflush(None)
        before = os.dup(1)
    except (OSError, ValueError):  # no standard output at all
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            try:
                yield
            finally:
                library.fflush(None)
                os.dup2(before, 1)
    finally:
        os.close(before)
