"""The answer of a siting problem, its input checked, and what all problems share."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from qianwan_gis import _solve
from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]
    Bools = NDArray[np.bool_]
    Ints = NDArray[np.int64]

Status = Literal["optimal", "feasible", "infeasible"]
Method = Literal["auto", "exact", "heuristic"]

#: Relative difference below which two objectives count as one (rounding of sums).
TOLERANCE = 1e-9

UNSERVED = ("row", "name", "site", "cost", "over")


def no_rows() -> pd.DataFrame:
    """Return the table of unserved rows without any."""
    return pd.DataFrame(
        {
            "row": pd.Series(dtype="int64"),
            "name": pd.Series(dtype=object),
            "site": pd.Series(dtype="int64"),
            "cost": pd.Series(dtype=float),
            "over": pd.Series(dtype=float),
        }
    )


@dataclass(frozen=True)
class Siting:
    """Answer of a siting problem.

    Attributes
    ----------
    sites
        Column numbers of the open sites, ascending; empty when infeasible.
    allocation
        Site of each demand row: the nearest open one (within the radius where there is one; of
        equally near ones the lower number), or the one with room for it in capacitated problems;
        -1 when not served.
    objective
        Number of sites, demand covered, sum of demand x cost, or largest cost.
    bound
        Proven bound of the objective: below it for minimisation, above for maximisation.
    gap
        ``|objective - bound| / |objective|``.
    status
        ``optimal``, ``feasible`` (the gap says how far it may be from the optimum), ``infeasible``.
    reasons
        Why there is no solution, one text per fault, naming rows and amounts.
    method
        What solved it: ``exact`` (HiGHS proved it), ``bound`` (a search whose answer meets a proven
        bound), ``lagrangian`` (the same with the Lagrangian bound, or that bound's gap),
        ``interchange``, ``search``, ``greedy`` (not proven: see ``gap``), ``trivial``, or
        ``time limit`` when time ran out before there was any answer.
    least_radius
        The least radius that would serve every row; NaN where no radius would.
    alternatives
        Other site sets with the same objective, as many as were asked for.
    unserved
        Why it is infeasible, as a table: ``row, name, site, cost, over``: the nearest usable site of
        each row that cannot be served, its cost (inf when unreachable, site -1) and by how much
        that exceeds the radius. Empty when there is a solution.
    ties
        Rows for which another open site is exactly as near as the one in ``allocation``.
    weights
        Demand of each row where the problem has one; empty otherwise.
    """

    sites: Ints
    allocation: Ints
    objective: float
    bound: float
    gap: float
    status: Status
    reasons: tuple[Text, ...] = ()
    method: str = "exact"
    least_radius: float = float("nan")
    alternatives: tuple[Ints, ...] = field(default=())
    unserved: pd.DataFrame = field(default_factory=no_rows)
    ties: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    weights: Array = field(default_factory=lambda: np.zeros(0))

    @property
    def village_share(self) -> float:
        """Share of the rows (villages) that are served; NaN without rows."""
        return float((self.allocation >= 0).mean()) if len(self.allocation) else float("nan")

    @property
    def people_share(self) -> float:
        """Share of the demand (people) that is served; NaN where the problem has no demand."""
        total = float(self.weights.sum())
        if not total:
            return float("nan")
        return float(self.weights[self.allocation >= 0].sum()) / total

    def shares(self, demand: ArrayLike | None = None) -> pd.DataFrame:
        """Return what is served in rows (villages) and in demand (people), never mixed.

        Parameters
        ----------
        demand
            Demand by row; the problem's own without it.

        Returns
        -------
        Table ``unit, served, total, share`` with a row ``villages`` and, with a demand, a row
        ``people``.
        """
        served = self.allocation >= 0
        rows = [("villages", float(served.sum()), float(len(served)))]
        people = self.weights if demand is None else per_row(demand, len(served))
        if demand is not None or len(people):
            rows.append(("people", float(people[served].sum()), float(people.sum())))
        table = pd.DataFrame(rows, columns=["unit", "served", "total"])
        table["share"] = table["served"] / table["total"].where(table["total"] > 0)
        return table


# ---------------------------------------------------------------------------------------------
# Input
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """The checked input that all problems share.

    Attributes
    ----------
    cost
        Array (rows, sites), inf where unreachable.
    open_, closed
        By site: open in any case; must stay closed.
    names
        What to call each row in messages; empty when they go by number.
    """

    cost: Array
    open_: Bools
    closed: Bools
    names: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        cost: ArrayLike,
        fixed: Iterable[int],
        forbidden: Iterable[int],
        names: Sequence[str] | None = None,
    ) -> Case:
        """Check the input; every fault of the arguments is a `UsageError`."""
        try:
            c = np.array(cost, dtype=float)
        except (TypeError, ValueError) as error:
            raise UsageError(
                Text("成本数组含有非数值", "cost holds what is not a number")
            ) from error
        if c.ndim != 2:
            raise UsageError(
                Text(
                    f"成本应为二维数组（需求×候选点），给出的是{c.ndim}维",
                    f"cost must be demand x sites, not {c.ndim}-dimensional",
                )
            )
        c[np.isnan(c)] = np.inf
        if (c < 0).any():
            row, site = np.argwhere(c < 0)[0]
            raise UsageError(
                Text(
                    f"成本为负：需求{row}、候选点{site}", f"negative cost at row {row}, site {site}"
                )
            )
        open_, closed = (
            _mask(numbers, c.shape[1], zh, en)
            for numbers, zh, en in ((fixed, "固定", "fixed"), (forbidden, "禁止", "forbidden"))
        )
        if (open_ & closed).any():
            site = int(np.flatnonzero(open_ & closed)[0])
            raise UsageError(
                Text(f"候选点{site}既固定又禁止", f"site {site} is both fixed and forbidden")
            )
        called = () if names is None else tuple(map(str, names))
        if called and len(called) != len(c):
            raise UsageError(
                Text(
                    f"名称应有{len(c)}个，给出的是{len(called)}个",
                    f"names must be {len(c)}, not {len(called)}",
                )
            )
        return cls(c, open_, closed, called)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and sites."""
        return self.cost.shape[0], self.cost.shape[1]

    def within(self, radius: float) -> Bools:
        """Return which site serves which row; out of reach stays so at any radius."""
        return np.asarray((self.cost <= radius) & np.isfinite(self.cost), dtype=np.bool_)

    def called(self, row: int) -> Text:
        """Return what a row is called: its name, or its number."""
        if self.names:
            return Text(self.names[row], self.names[row])
        return Text(f"需求{row}", f"row {row}")


def _mask(numbers: Iterable[int], m: int, zh: str, en: str) -> Bools:
    try:
        given = list(numbers)
        chosen = np.array([whole(n, "") for n in given], dtype=np.int64)
    except (TypeError, UsageError) as error:
        raise UsageError(
            Text(f"{zh}候选点应为编号（整数）", f"{en} sites must be given by number")
        ) from error
    if ((chosen < 0) | (chosen >= m)).any():
        raise UsageError(
            Text(f"{zh}候选点编号超出范围（共{m}个）", f"{en} site out of range (there are {m})")
        )
    mask = np.zeros(m, bool)
    mask[chosen] = True
    return mask


def whole(value: Any, name: str, least: int = 0) -> int:
    """Return a whole number, or raise a `UsageError` that says which argument is not one."""
    try:
        number = int(value)
        if number == value and number >= least and not isinstance(value, str):
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    raise UsageError(
        Text(
            f"{name} 应为不小于{least}的整数，给出的是{value!r}",
            f"{name} must be a whole number of at least {least}, not {value!r}",
        )
    )


def real(value: Any, name: str, least: float = 0.0, most: float = np.inf) -> float:
    """Return a number between two limits, or raise a `UsageError`; infinity only where allowed."""
    try:
        number = float(value)
        if least <= number <= most and not isinstance(value, str):
            return number
    except (TypeError, ValueError):
        pass
    upto = "" if most == np.inf else f"—{most:g}"
    raise UsageError(
        Text(
            f"{name} 应为数值（{least:g}{upto or '以上'}），给出的是{value!r}",
            f"{name} must be a number {f'from {least:g} to {most:g}' if upto else f'of at least {least:g}'}, not {value!r}",
        )
    )


def limit_of(seconds: Any) -> float | None:
    """Return a time limit in seconds, None for none."""
    return None if seconds is None else real(seconds, "time_limit")


def per_row(demand: ArrayLike, n: int) -> Array:
    """Return the demand by row, or raise a `UsageError`."""
    try:
        w = np.asarray(demand, float)
    except (TypeError, ValueError):
        w = np.full(1, np.nan)
    if w.shape != (n,) or not np.isfinite(w).all() or (w < 0).any():
        raise UsageError(
            Text(f"需求应为{n}个非负有限数", f"demand must be {n} finite numbers, none negative")
        )
    return w


def per_site(values: ArrayLike, m: int, name: str, *, finite: bool = False) -> Array:
    """Return a figure by site, or raise a `UsageError`."""
    try:
        v = np.asarray(values, float)
    except (TypeError, ValueError):
        v = np.full(1, np.nan)
    if v.shape != (m,) or np.isnan(v).any() or (v < 0).any() or (finite and np.isinf(v).any()):
        zh, en = ("有限", "finite ") if finite else ("", "")
        raise UsageError(
            Text(f"{name}应为{m}个非负{zh}数", f"{name} must be {m} {en}numbers, none negative")
        )
    return v


# ---------------------------------------------------------------------------------------------
# Answers
# ---------------------------------------------------------------------------------------------


def answer(
    case: Case, sites: Ints, within: Bools, objective: float, weights: Array | None = None
) -> Siting:
    """Return a proven answer with every row at its nearest open site within reach."""
    c = case.cost
    sites = np.sort(np.asarray(sites, dtype=np.int64))
    allocation = np.full(len(c), -1, dtype=np.int64)
    ties = np.zeros(0, dtype=np.int64)
    if len(sites) and len(c):
        reach = np.where(within[:, sites], c[:, sites], np.inf)
        nearest = reach.argmin(axis=1)
        least = reach[np.arange(len(c)), nearest]
        served = np.isfinite(least)
        allocation[served] = sites[nearest[served]]
        ties = np.flatnonzero(served & ((reach == least[:, None]).sum(axis=1) > 1))
    return Siting(
        sites, allocation, objective, objective, 0.0, "optimal", ties=ties,
        weights=np.zeros(0) if weights is None else weights,
    )  # fmt: skip


def infeasible(
    n: int,
    reasons: tuple[Text, ...],
    least_radius: float = np.nan,
    unserved: pd.DataFrame | None = None,
) -> Siting:
    """Return the answer that there is none, with the reasons."""
    nan = float("nan")
    return Siting(
        np.array([], dtype=np.int64), np.full(n, -1, dtype=np.int64), nan, nan, float("inf"),
        "infeasible", reasons, method="trivial", least_radius=least_radius,
        unserved=no_rows() if unserved is None else unserved,
    )  # fmt: skip


def chosen(x: Array | None, m: int) -> Ints:
    """Return the numbers of the sites that a solution opens."""
    assert x is not None  # noqa: S101  # callers checked the status
    return np.flatnonzero(x[:m] > 0.5).astype(np.int64)


def whole_bound(bound: float) -> float:
    """Round a bound on a count up to the next whole number."""
    return float(np.ceil(bound - _solve.INTEGRALITY))


def covered(usable: Bools, w: Array, sites: Ints) -> float:
    """Return the demand that some of the sites covers."""
    return float(w[usable[:, sites].any(axis=1)].sum())


def filled(sites: Ints, p: int, closed: Bools) -> Ints:
    """Add the first unused sites until there are p: asked for p, the answer has p."""
    spare = np.setdiff1d(np.flatnonzero(~closed), sites)[: p - len(sites)]
    return np.sort(np.r_[sites, spare]).astype(np.int64)


def deadline(seconds: float | None) -> float | None:
    """Return the clock reading at which the seconds are over; None for no limit."""
    return None if seconds is None else time.monotonic() + seconds


def remaining(until: float | None) -> float | None:
    """Return the seconds left until then; None for no limit."""
    return None if until is None else max(until - time.monotonic(), 0.0)
