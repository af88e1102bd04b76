"""Access scores: who shares which supply with whom (floating catchments, rational agents).

All functions take a long cost table ``origin, destination, cost`` (one row per pair, missing
pairs are unreachable) and Series of demand and supply by identifier, and return a Series by
origin. Nothing depends on the order of rows.

Sources: Luo and Wang (2003) 2SFCA; Luo and Qi (2009) E2SFCA; Wan, Zou and Sternberg (2012) 3SFCA;
Dai (2010) Gaussian 2SFCA; Saxon and Snow (2020) RAAM; Hansen (1959) gravity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pandas as pd

from qianwan_gis._errors import ProblemLog, UsageError
from qianwan_gis._text import Text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Weights = Mapping[float, float] | Callable[["Array"], "Array"]
FcaMethod = Literal["2sfca", "e2sfca", "3sfca", "gaussian"]


#: Pairs from which a compiled pass over the table beats array operations (and numba's import).
_COMPILED = 100_000


class _Pairs(NamedTuple):
    """Cost table as arrays: row numbers in demand and supply, and the cost."""

    origin: NDArray[np.int64]
    destination: NDArray[np.int64]
    cost: Array


# ---------------------------------------------------------------------------------------------
# Weights
# ---------------------------------------------------------------------------------------------


def step(steps: Mapping[float, float]) -> Callable[[Array], Array]:
    """Return a decay in steps: ``{10: 1, 20: 0.68, 30: 0.22}``; limits inclusive, 0 beyond."""
    if not isinstance(steps, Mapping):
        raise _no_weights(steps)
    try:
        limits = np.array(sorted(steps), float)
        values = np.array([steps[k] for k in sorted(steps)] + [0.0], float)
    except (TypeError, ValueError) as error:
        raise _no_weights(steps) from error
    if np.isnan(limits).any() or not np.isfinite(values).all():
        raise _no_weights(steps)
    if (values < 0).any():
        raise UsageError(Text("权重不得为负", "weights must not be negative"))

    def weight(cost: Array) -> Array:
        # A pass per step beats a search per cost: there are never more than a few steps.
        place = np.zeros(np.shape(cost), dtype=np.int8 if len(limits) < 128 else np.int64)
        for limit in limits:
            place += cost > limit
        return np.asarray(values[place])

    return weight


def _no_weights(given: object) -> UsageError:
    """Return the error for what cannot be a decay."""
    shown = str(given)[:60]
    return UsageError(
        Text(f"权重应为“成本: 权重”的对照表（如 {{10: 1, 20: 0.5}}）或函数，给出的是 {shown}",
             f"weights are a table cost: weight, such as {{10: 1, 20: 0.5}}, or a function, not {shown}")
    )  # fmt: skip


def gaussian(sigma: float) -> Callable[[Array], Array]:
    """Return the decay ``exp(-cost^2 / (2 sigma^2))``, 1 at cost 0."""
    _number(sigma, "sigma", positive=True)

    def weight(cost: Array) -> Array:
        return np.asarray(np.exp(-0.5 * (np.asarray(cost, float) / sigma) ** 2))

    return weight


def gaussian_catchment(catchment: float) -> Callable[[Array], Array]:
    """Return Dai's (2010) Gaussian: 1 at cost 0, exactly 0 at the edge of the catchment."""
    _number(catchment, "catchment", positive=True)
    edge = np.exp(-0.5)

    def weight(cost: Array) -> Array:
        inside = np.exp(-0.5 * (np.asarray(cost, float) / catchment) ** 2)
        return np.asarray(np.maximum(0.0, (inside - edge) / (1.0 - edge)))

    return weight


def _weight_function(
    weights: Weights | None, method: FcaMethod, catchment: float
) -> Callable[[Array], Array]:
    if weights is not None:
        return weights if callable(weights) else step(weights)
    if method == "gaussian":
        return gaussian_catchment(catchment)
    if method == "e2sfca":  # Luo and Qi's slow decay over thirds of the catchment
        return step({catchment / 3: 1.0, catchment * 2 / 3: 0.68, catchment: 0.22})
    if method == "3sfca":  # Wan et al.'s weights at 10, 20, 30, 60 minutes
        return step(
            {catchment / 6: 0.962, catchment / 3: 0.704, catchment / 2: 0.377, catchment: 0.042}
        )
    return lambda cost: np.ones(len(cost))


# ---------------------------------------------------------------------------------------------
# Scores
# ---------------------------------------------------------------------------------------------


def fca(
    cost: pd.DataFrame,
    demand: pd.Series,
    supply: pd.Series,
    catchment: float,
    weights: Weights | None = None,
    method: FcaMethod = "2sfca",
) -> pd.Series:
    """Return the floating catchment score: supply per head within reach, shared with everybody.

    Parameters
    ----------
    cost
        Long table ``origin, destination, cost``; NaN is unreachable, a pair given twice (within the
        catchment) a fault.
    demand
        People by origin. Origins with unknown demand (NaN) get a score and count as nobody.
    supply
        Capacity (doctors, beds) by destination.
    catchment
        Largest cost that counts, inclusive.
    weights
        Decay: steps ``{cost: weight}`` or a function of an array; each method has the one of its
        paper scaled to the catchment.
    method
        ``2sfca``, ``e2sfca``, ``3sfca`` (demand divides over destinations by weight) or
        ``gaussian`` (Dai).

    Returns
    -------
    Series by origin (index of ``demand``), supply per unit of demand; 0 where nothing is in reach.
    Sum of demand x score over all origins is the supply that anybody reaches.
    """
    if method not in ("2sfca", "e2sfca", "3sfca", "gaussian"):
        raise UsageError(Text(f"没有方法“{method}”", f"no method “{method}”"))
    _tables(cost, demand=demand, supply=supply)
    catchment = _number(catchment, "catchment")
    people = np.nan_to_num(demand.to_numpy(float))
    stock = np.nan_to_num(supply.to_numpy(float))
    if method == "2sfca" and weights is None and len(cost) >= _COMPILED:
        flat = _flat(cost, demand, supply, people, stock, catchment)
        if flat is not None:
            return flat
    pairs = _pairs(cost, demand, supply, catchment)
    weight = _decay(_weight_function(weights, method, catchment), pairs.cost)
    if method == "3sfca":
        total = _summed(pairs.origin, weight, len(people))[pairs.origin]
        weight = weight * np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
    load = _summed(pairs.destination, weight * people[pairs.origin], len(stock))
    ratio = np.divide(stock, load, out=np.zeros_like(stock), where=load > 0)
    score = _summed(pairs.origin, weight * ratio[pairs.destination], len(people))
    return pd.Series(score, index=demand.index, name=method)


def _flat(
    cost: pd.DataFrame,
    demand: pd.Series,
    supply: pd.Series,
    people: Array,
    stock: Array,
    catchment: float,
) -> pd.Series | None:
    """Return the plain 2SFCA in two passes over a large table; None when it is out of order."""
    from qianwan_gis.services._kernels import catch, gather

    _check(cost, demand, supply).raise_errors()
    origin, destination, load, state = catch(
        _numbers(demand.index, cost["origin"], None), _numbers(supply.index, cost["destination"], None),
        cost["cost"].to_numpy(float), min(float(catchment), np.finfo(float).max), people, len(stock),
    )  # fmt: skip
    if state or not len(origin):  # the other way sorts, and names what is wrong
        return None
    ratio = np.divide(stock, load, out=np.zeros_like(stock), where=load > 0)
    score = gather(origin, destination, ratio, len(people))
    return pd.Series(score, index=demand.index, name="2sfca")


def gravity(
    cost: pd.DataFrame,
    supply: pd.Series,
    weights: Weights,
    *,
    origins: pd.Index | None = None,
    catchment: float = np.inf,
) -> pd.Series:
    """Return the supply in reach weighted by decay (Hansen); nobody competes for it.

    Returns
    -------
    Series by origin (``origins``, or those of the cost table in order of identifier).
    """
    _tables(cost, supply=supply)
    catchment = _number(catchment, "catchment")
    decay = weights if callable(weights) else step(weights)
    _check(cost, pd.Series(dtype=float), supply).raise_errors()
    index = _origins(cost, origins)
    pairs = _pairs(cost, pd.Series(0.0, index=index), supply, catchment)
    weight = _decay(decay, pairs.cost)
    stock = np.nan_to_num(supply.to_numpy(float))
    score = _summed(pairs.origin, weight * stock[pairs.destination], len(index))
    return pd.Series(score, index=index, name="gravity")


def cumulative(
    cost: pd.DataFrame,
    supply: pd.Series,
    catchment: float,
    *,
    origins: pd.Index | None = None,
) -> pd.Series:
    """Return the supply within the catchment (cumulative opportunities), limit inclusive."""
    flat = gravity(cost, supply, lambda c: np.ones(len(c)), origins=origins, catchment=catchment)
    return flat.rename("cumulative")


def raam(
    cost: pd.DataFrame,
    demand: pd.Series,
    supply: pd.Series,
    tau: float,
    *,
    rho: float | None = None,
    tolerance: float = 1e-6,
    max_sweeps: int = 2000,
) -> pd.Series:
    """Return the cost of access when everybody chooses best: travel plus crowding (RAAM).

    The cost of going from i to j is ``demand at j / (rho supply_j) + cost_ij / tau``; people
    choose until nobody gains by changing. That is a convex problem, solved by equilibrating one
    origin after another exactly; the relative gap left is in ``.attrs["gap"]``.

    Parameters
    ----------
    cost, demand, supply
        As in `fca`; demand and supply of zero or NaN take no part.
    tau
        Travel cost that weighs as much as the mean crowding.
    rho
        Demand per supply at which crowding is 1; the overall mean by default.
    tolerance
        Relative gap at which to stop.

    Returns
    -------
    Series by origin: mean cost of its people; NaN for origins that reach nothing.
    ``.attrs`` holds ``gap`` (mean excess over the best choice, relative) and ``sweeps``.
    """
    from qianwan_gis.services._kernels import equilibrate

    _tables(cost, demand=demand, supply=supply)
    people = np.nan_to_num(demand.to_numpy(float))
    stock = np.nan_to_num(supply.to_numpy(float))
    if not (_number(tau, "tau") > 0 and stock.sum() > 0):
        raise UsageError(Text("tau 和总供给须大于零", "tau and total supply must be positive"))
    if rho is not None:
        _number(rho, "rho", positive=True)
    pairs = _pairs(cost, demand, supply, np.inf)
    use = (people[pairs.origin] > 0) & (stock[pairs.destination] > 0)
    mean = people.sum() / stock.sum() if rho is None else rho
    origin, destination = pairs.origin[use], pairs.destination[use]
    travel = pairs.cost[use] / tau
    start = np.searchsorted(origin, np.arange(len(people) + 1))
    score, gap, sweeps = equilibrate(
        start, destination, travel, people, mean * stock, tolerance, max_sweeps
    )
    out = pd.Series(score, index=demand.index, name="raam")
    out.attrs["gap"], out.attrs["sweeps"] = float(gap), int(sweeps)
    return out


# ---------------------------------------------------------------------------------------------
# Equity
# ---------------------------------------------------------------------------------------------


def gini(values: pd.Series, people: pd.Series | None = None) -> float:
    """Return the Gini coefficient of a score, weighted by people: 0 equal, towards 1 unequal."""
    x, w = _paired(values, people)
    if not len(x) or x @ w == 0:
        return float("nan")
    order = np.argsort(x, kind="stable")
    x, w = x[order], w[order]
    share = np.r_[0.0, np.cumsum(w) / w.sum()]
    part = np.r_[0.0, np.cumsum(x * w) / (x @ w)]
    return float(1.0 - np.sum(np.diff(share) * (part[1:] + part[:-1])))


def palma(values: pd.Series, people: pd.Series | None = None) -> float:
    """Return the Palma ratio: score of the best-served 10 % over that of the worst-served 40 %."""
    x, w = _paired(values, people)
    if not len(x):
        return float("nan")
    top, bottom = _part(-x, -x, w, 0.1), _part(x, x, w, 0.4)
    return float(-top / bottom) if bottom > 0 else float("nan")


def worst_decile(values: pd.Series, people: pd.Series | None = None) -> float:
    """Return the mean score of the worst-served tenth of the people."""
    x, w = _paired(values, people)
    return float(_part(x, x, w, 0.1) / (0.1 * w.sum())) if len(x) else float("nan")


def equity(
    score: pd.Series,
    people: pd.Series | None = None,
    *,
    by: pd.Series | None = None,
) -> pd.DataFrame:
    """Return equity figures of a score for all origins and, with ``by``, for each group.

    Parameters
    ----------
    score
        Access score by origin; larger is better.
    people
        People by origin; villages count one each without it. Unknown people (NaN) leave the
        origin out, and ``origins`` says how many were counted.
    by
        Group (township, category) by origin.

    Returns
    -------
    Table indexed by group (``""`` for all): ``origins, of, mean, gini, palma, worst_decile,
    share_of_worst_decile``; the last is the share of the group's people who belong to the
    worst-served tenth of everybody.
    """
    weight = pd.Series(1.0, index=score.index) if people is None else people.reindex(score.index)
    known = score.notna() & weight.notna() & weight.gt(0)
    order = score[known].sort_values(kind="stable").index
    cumulative_people = weight.loc[order].cumsum()
    limit = 0.1 * weight[known].sum()
    # The origin that straddles the tenth belongs to it in part.
    in_tenth = (limit - (cumulative_people - weight.loc[order])).clip(0, weight.loc[order])
    groups: dict[str, pd.Index] = {"": score.index}
    if by is not None:
        labels = by.reindex(score.index)
        groups |= {str(g): score.index[labels.eq(g)] for g in sorted(labels.dropna().unique())}
    rows = []
    for name, members in groups.items():
        inside = members[known.loc[members]]
        x, w = score.loc[inside], weight.loc[inside]
        total = float(w.sum())
        rows.append(
            {
                "group": name,
                "origins": len(inside),
                "of": len(members),
                "mean": float((x * w).sum() / total) if total else np.nan,
                "gini": gini(x, w),
                "palma": palma(x, w),
                "worst_decile": worst_decile(x, w),
                "share_of_worst_decile": float(in_tenth.reindex(inside).sum() / total)
                if total
                else np.nan,
            }
        )
    return pd.DataFrame(rows).set_index("group")


# ---------------------------------------------------------------------------------------------
# Helpers
# ---------------------------------------------------------------------------------------------


def _tables(cost: object, **series: object) -> None:
    """Refuse what are not the tables that a score takes, or hold no numbers."""
    if not isinstance(cost, pd.DataFrame):
        raise UsageError(
            Text("cost 应为有 origin、destination、cost 三列的表",
                 "cost is a table with the columns origin, destination, cost")
        )  # fmt: skip
    log = ProblemLog()
    if "cost" in cost.columns:
        _numeric(cost["cost"], "cost", "cost", log)
    for name, given in series.items():
        if not isinstance(given, pd.Series):
            raise UsageError(
                Text(f"{name} 应为以编号为索引的 Series", f"{name} is a Series by identifier")
            )
        _numeric(given, name, None, log)
    log.raise_errors()


def _numeric(values: pd.Series, file: str, field: str | None, log: ProblemLog) -> None:
    if pd.api.types.is_numeric_dtype(values):
        return
    bad = pd.to_numeric(values, errors="coerce").isna() & values.notna()
    for row in np.flatnonzero(bad.to_numpy())[:5]:
        value = values.iloc[int(row)]
        log.add("error", "not_a_number", f"“{value}”不是数字", f"“{value}” is not a number",
                file=file, row=int(row) + 1, field=field)  # fmt: skip


def _number(value: object, name: str, *, positive: bool = False) -> float:
    """Return a number >= 0 (or above 0), infinity included; UsageError for anything else."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = float("nan")
    if not (number > 0 if positive else number >= 0):
        raise UsageError(
            Text(f"{name} 应为{'正数' if positive else '不小于零的数'}，不是 {value}",
                 f"{name} is a number {'above' if positive else 'not below'} zero, not {value}")
        )  # fmt: skip
    return number


def _decay(weight: Callable[[Array], Array], cost: Array) -> Array:
    """Return the weights of costs; UsageError where a function does not give one number each."""
    given = weight(cost)
    try:
        out = np.asarray(given, float)
    except (TypeError, ValueError) as error:
        raise _no_weights(given) from error
    if out.shape != cost.shape or not (out >= 0).all():
        raise UsageError(
            Text("权重函数应对每个成本给出一个不小于零的数",
                 "a weight function gives one number not below zero for every cost")
        )  # fmt: skip
    return out


def _summed(group: NDArray[np.int64], values: Array, count: int) -> Array:
    """Add values up by group; numbers even where there are none (bincount gives integers then)."""
    return np.bincount(group, values, minlength=count).astype(float, copy=False)


def _check(cost: pd.DataFrame, demand: pd.Series, supply: pd.Series) -> ProblemLog:
    """Return the faults that a look at the tables as a whole shows."""
    log = ProblemLog()
    for name in ("origin", "destination", "cost"):
        if name not in cost.columns:
            log.add("error", "missing_column", f"缺少字段“{name}”", f"column “{name}” is missing",
                    file="cost", field=name)  # fmt: skip
    for table, name in ((demand, "demand"), (supply, "supply")):
        if table.index.has_duplicates:
            again = table.index[table.index.duplicated()][0]
            log.add(
                "error", "duplicate_id", f"编号“{again}”重复", f"“{again}” occurs twice", file=name
            )
        if (pd.to_numeric(table) < 0).any():
            log.add("error", "negative", "有负值", "holds negative values", file=name)
    return log


def _pairs(cost: pd.DataFrame, demand: pd.Series, supply: pd.Series, catchment: float) -> _Pairs:
    """Return the usable pairs; faults of the three tables are reported together."""
    log = _check(cost, demand, supply)
    log.raise_errors()
    value = cost["cost"].to_numpy(float)
    if (value < 0).any():
        log.add(
            "error", "negative", "成本有负值", "holds negative costs", file="cost", field="cost"
        )
    # NaN and inf compare as unreachable; pairs beyond the catchment need no further look.
    rows = np.flatnonzero(value <= min(catchment, np.finfo(float).max))
    value = value[rows]
    origin = _numbers(demand.index, cost["origin"], rows)
    destination = _numbers(supply.index, cost["destination"], rows)
    known = (origin >= 0) & (destination >= 0)
    if not known.all():
        for table, column, found in (
            (demand, "origin", origin),
            (supply, "destination", destination),
        ):
            if not (found >= 0).any() and _other_kind(table.index, cost[column]):
                log.add("error", "other_labels", f"{column} 与编号一个也对不上：一边是文本，一边是数字",
                        f"no {column} is among the identifiers: one side is text, the other numbers",
                        file="cost", field=column)  # fmt: skip
        log.raise_errors()
        origin, destination, value = origin[known], destination[known], value[known]
    # Sorted pairs make sums, and so results to the last bit, independent of row order. A cost
    # matrix of the network comes sorted, and then neither sorting nor looking for twins is needed.
    key = origin * max(len(supply), 1) + destination
    if len(key) and not (key[1:] > key[:-1]).all():
        order = np.argsort(key, kind="stable")
        key, origin, destination, value = (
            key[order],
            origin[order],
            destination[order],
            value[order],
        )
        twin = np.flatnonzero(key[1:] == key[:-1])
        if len(twin):
            a, b = demand.index[origin[twin[0]]], supply.index[destination[twin[0]]]
            log.add("error", "duplicate_pair", f"起讫点对重复：{a}→{b}",
                    f"the pair {a} to {b} occurs twice", file="cost")  # fmt: skip
    log.raise_errors()
    return _Pairs(origin, destination, value)


def _numbers(
    index: pd.Index, labels: pd.Series, rows: NDArray[np.int64] | None
) -> NDArray[np.int64]:
    """Return the place in an index of the labels at some rows (all: None), -1 where it is not there."""
    whole = rows is None or len(rows) == len(labels)
    values = labels.to_numpy() if whole else labels.to_numpy()[rows]
    if (
        isinstance(index, pd.RangeIndex)
        and index.start == 0
        and index.step == 1
        and values.dtype.kind in "iu"
    ):
        numbers = values.astype(np.int64, copy=False)
        if len(numbers) and (numbers.min() < 0 or numbers.max() >= len(index)):
            numbers = np.where((numbers < 0) | (numbers >= len(index)), -1, numbers)
        return np.asarray(numbers, dtype=np.int64)
    return np.asarray(index.get_indexer(pd.Index(values)), dtype=np.int64)


def _other_kind(index: pd.Index, labels: pd.Series) -> bool:
    """Whether one side is text and the other numbers, so that nothing could ever meet."""
    kinds = {pd.api.types.infer_dtype(side, skipna=True) for side in (index, labels)}
    return "string" in kinds and bool(kinds & {"integer", "floating", "mixed-integer-float"})


def _origins(cost: pd.DataFrame, origins: pd.Index | None) -> pd.Index:
    return pd.Index(sorted(cost["origin"].unique())) if origins is None else pd.Index(origins)


def _paired(values: pd.Series, people: pd.Series | None) -> tuple[Array, Array]:
    w = pd.Series(1.0, index=values.index) if people is None else people.reindex(values.index)
    known = values.notna() & w.notna() & w.gt(0)
    return values[known].to_numpy(float), w[known].to_numpy(float)


def _part(key: Array, x: Array, w: Array, share: float) -> float:
    """Return the sum of x over the first ``share`` of the people in order of ``key``."""
    order = np.argsort(key, kind="stable")
    before = np.cumsum(w[order]) - w[order]
    taken = np.clip(share * w.sum() - before, 0.0, w[order])
    return float(taken @ x[order])
