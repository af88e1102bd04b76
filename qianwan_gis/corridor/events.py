"""Event tables: what holds along stretches of a corridor, and their overlay, merging and recutting.

An event table has ``branch``, ``from_m`` and ``to_m`` (travelled metres of drawn line from the
branch's start, so broken chainage and gaps do no harm) and any attributes. `events` makes one from
stakes, `labelled` puts the stakes and lines back. All operations conserve length: what comes out
covers exactly what went in.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from qianwan_gis._errors import DataError, ProblemLog, UsageError
from qianwan_gis._text import Text

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.corridor._corridor import Corridor

KEYS = ["branch", "from_m", "to_m"]
_SAME = 1e-6  # m

How = Literal["inner", "left", "outer"]
Rule = Literal["sum", "mean", "max", "min", "longest"]


def events(corridor: Corridor, table: pd.DataFrame, *, file: str = "events") -> pd.DataFrame:
    """Place a table of stretches on a corridor.

    Parameters
    ----------
    corridor
        The corridor.
    table
        ``start`` and ``end`` (`Chainage`, text or metres), optional ``branch`` (the main line when
        absent), ``start_occurrence`` and ``end_occurrence`` for chainages that a 长链 repeats.

    Returns
    -------
    Event table with the index and all columns of ``table``; turned round where a row runs against
    the direction of travel.

    Raises
    ------
    DataError
        Every row whose chainage cannot be read or is not on the branch.
    """
    log = ProblemLog()
    for name in ("start", "end"):
        if name not in table.columns:
            log.add("error", "missing_column", f"缺少字段“{name}”（桩号）",
                    f"column “{name}” (chainage) is missing", file=file, field=name)  # fmt: skip
    log.raise_errors()
    rows: list[tuple[str, float, float]] = []
    for number, row in enumerate(table.to_dict("records"), start=1):
        branch = row.get("branch")
        branch = corridor.branches[0] if branch is None or pd.isna(branch) else str(branch)
        ends = []
        for name in ("start", "end"):
            which = row.get(f"{name}_occurrence")
            try:
                place = corridor._position(
                    row[name], branch, None if which is None or pd.isna(which) else int(which)
                )
            except UsageError as error:
                log.add("error", "bad_chainage", error.text.zh, error.text.en,
                        file=file, row=number, field=name)  # fmt: skip
                continue
            ends.append(corridor.parts[place.part].travelled + place.metres)
        if len(ends) == 2:
            rows.append((branch, min(ends), max(ends)))
    log.raise_errors()
    placed = pd.DataFrame(rows, columns=KEYS)
    rest = table.drop(columns=[c for c in KEYS if c in table.columns]).reset_index(drop=True)
    return placed.join(rest).set_axis(table.index)


def labelled(corridor: Corridor, table: pd.DataFrame) -> gpd.GeoDataFrame:
    """Add ``start``, ``end`` (stakes), ``length_m`` and the lines to an event table."""
    import geopandas as gpd

    from qianwan_gis.corridor._corridor import _geometry

    start, end, lines = [], [], []
    for branch, low, high in table[KEYS].itertuples(index=False):
        parts = [p for p in corridor.parts if p.branch == branch]
        first = _part_at(parts, low, after=True)
        last = _part_at(parts, high, after=False)
        start.append(corridor._label(float(first.chainage_at(low - first.travelled)), first.prefix))
        end.append(corridor._label(float(last.chainage_at(high - last.travelled)), last.prefix))
        cut, owners = [], []
        for part in parts:
            a = max(low - part.travelled, 0.0)
            b = min(high - part.travelled, part.length)
            if b > a + _SAME:
                cut.append(part.stretch(a, b))
                owners.append(part)
        lines.append(_geometry(cut, owners) if cut else None)
    frame = table.drop(columns=[c for c in ("start", "end", "length_m") if c in table.columns])
    frame = frame.assign(start=start, end=end, length_m=frame["to_m"] - frame["from_m"])
    return gpd.GeoDataFrame(frame, geometry=lines, crs=corridor.crs)


def overlay(left: pd.DataFrame, right: pd.DataFrame, *, how: How = "inner") -> pd.DataFrame:
    """Cut two event tables by each other.

    Parameters
    ----------
    how
        ``inner``: stretches in both; ``left``: all of the left, with the right where there is any;
        ``outer``: all of both. Columns that both have get ``_right`` on the right's side.

    Returns
    -------
    Event table in order along the branches, with the attributes of both. Where neither table
    overlaps itself, the lengths of ``left`` (and for ``outer`` of ``right``) are conserved.
    """
    if how not in ("inner", "left", "outer"):
        raise UsageError(Text(f"没有叠加方式“{how}”", f"no such overlay: “{how}”"))
    a, b = _checked(left), _checked(right)
    extra_a = [c for c in a.columns if c not in KEYS]
    extra_b = [c for c in b.columns if c not in KEYS]
    renamed = {c: f"{c}_right" if c in extra_a else c for c in extra_b}
    rows: list[tuple[str, float, float, int, int]] = []
    order = list(dict.fromkeys([*a["branch"], *b["branch"]]))
    for branch in order:
        one = [(i, lo, hi) for i, lo, hi in _spans(a, branch)]
        two = [(i, lo, hi) for i, lo, hi in _spans(b, branch)]
        for i, lo, hi in one:
            rows += _cut(branch, i, lo, hi, two, keep_rest=how != "inner")
        if how == "outer":
            for i, lo, hi in two:
                rows += [
                    (branch, low, high, -1, i)
                    for _, low, high, _, other in _cut(branch, i, lo, hi, one, keep_rest=True)
                    if other < 0
                ]
    rows.sort(key=lambda r: (order.index(r[0]), r[1], r[2], r[3], r[4]))
    result = pd.DataFrame([r[:3] for r in rows], columns=KEYS)
    for extra, source, at in ((extra_a, a, 3), (extra_b, b, 4)):
        numbers = np.array([r[at] for r in rows], dtype=int)
        for name in extra:
            values = source[name].reset_index(drop=True).reindex(numbers)
            result[name if at == 3 else renamed[name]] = values.to_numpy()
    return result


def _cut(
    branch: str,
    row: int,
    low: float,
    high: float,
    others: list[tuple[int, float, float]],
    *,
    keep_rest: bool,
) -> list[tuple[str, float, float, int, int]]:
    """Cut one stretch by others: (branch, from, to, row, other row or -1)."""
    pieces = [
        (branch, max(low, lo), min(high, hi), row, other)
        for other, lo, hi in others
        if min(high, hi) - max(low, lo) > _SAME
    ]
    if keep_rest:
        at = low
        for _, lo, hi, *_ in sorted(pieces, key=lambda p: p[1]):
            if lo - at > _SAME:
                pieces.append((branch, at, lo, row, -1))
            at = max(at, hi)
        if high - at > _SAME:
            pieces.append((branch, at, high, row, -1))
    return pieces


def dissolve(
    table: pd.DataFrame,
    by: str | Sequence[str] = (),
    *,
    total: Sequence[str] = (),
) -> pd.DataFrame:
    """Merge stretches that touch or overlap and agree in the columns ``by``.

    ``total`` columns are added up. The ground covered by each group stays the same.
    """
    source = _checked(table)
    names = [by] if isinstance(by, str) else list(by)
    for name in [*names, *total]:
        if name not in source.columns:
            raise UsageError(Text(f"没有字段“{name}”", f"no column “{name}”"))
    rows = []
    groups = source.groupby(["branch", *names], sort=False, dropna=False)
    for key, group in groups:
        group = group.sort_values(["from_m", "to_m"], kind="stable")
        current: dict[str, Any] | None = None
        for row in group.to_dict("records"):
            if current is not None and row["from_m"] <= current["to_m"] + _SAME:
                current["to_m"] = max(current["to_m"], row["to_m"])
                for name in total:
                    current[name] += row[name]
                continue
            if current is not None:
                rows.append(current)
            current = {
                "branch": key[0],
                "from_m": row["from_m"],
                "to_m": row["to_m"],
                **dict(zip(names, key[1:], strict=True)),
                **{name: row[name] for name in total},
            }
        if current is not None:
            rows.append(current)
    order = {b: i for i, b in enumerate(dict.fromkeys(source["branch"]))}
    result = pd.DataFrame(rows, columns=[*KEYS, *names, *total])
    sort = result["branch"].map(order)
    return result.assign(_o=sort).sort_values(
        ["_o", "from_m", "to_m"], kind="stable", ignore_index=True
    ).drop(columns="_o")  # fmt: skip


def resegment(
    table: pd.DataFrame,
    *,
    every: float | None = None,
    cuts: Mapping[str, Sequence[float]] | None = None,
    rules: Mapping[str, Rule] | None = None,
) -> pd.DataFrame:
    """Recut stretches to a fixed length, or at given places, carrying attributes over.

    Parameters
    ----------
    every
        Length of the new stretches in metres, counted from the branch's start; the last is shorter.
    cuts
        Travelled metres per branch at which to cut, instead of ``every``.
    rules
        What becomes of each column: ``sum`` is shared out by length (totals are conserved),
        ``mean`` is weighted by length, ``max``, ``min``, and ``longest``: the value that holds over
        the greatest length.

    Returns
    -------
    Event table with ``covered_m``: how many metres of each new stretch the old ones cover
    (overlapping ones count each time). New stretches that nothing covers are left out.
    """
    source = _checked(table)
    if (every is None) == (cuts is None):
        raise UsageError(
            Text("every 与 cuts 须且只须给出一个", "give either every or cuts, not both")
        )
    if every is not None and not every > 0:
        raise UsageError(Text(f"段长须为正数，给出的是{every}", f"every must be positive: {every}"))
    for name, rule in (rules or {}).items():
        if name not in source.columns:
            raise UsageError(Text(f"没有字段“{name}”", f"no column “{name}”"))
        if rule not in _RULES:
            there = "、".join(_RULES)
            raise UsageError(
                Text(
                    f"没有归并方式“{rule}”，可用：{there}", f"no rule “{rule}”; there are: {there}"
                )
            )
    rows = []
    for branch in dict.fromkeys(source["branch"]):
        mine = source[source["branch"] == branch]
        top = float(mine["to_m"].max())
        if every is not None:
            edges = np.append(np.arange(0.0, top - _SAME, every), top)
        else:
            inner = [c for c in sorted((cuts or {}).get(branch, ())) if 0.0 < c < top]
            edges = np.array([0.0, *inner, top])
        low, high = mine["from_m"].to_numpy(), mine["to_m"].to_numpy()
        for start, end in itertools.pairwise(edges):
            shared = np.minimum(high, end) - np.maximum(low, start)
            hit = shared > _SAME
            if not hit.any():
                continue
            row: dict[str, Any] = {"branch": branch, "from_m": start, "to_m": end}
            row["covered_m"] = float(shared[hit].sum())
            for name, rule in (rules or {}).items():
                row[name] = _RULES[rule](mine[name][hit], shared[hit], (high - low)[hit])
            rows.append(row)
    return pd.DataFrame(rows, columns=[*KEYS, "covered_m", *(rules or {})])


def _longest(values: pd.Series, shared: np.ndarray, _: np.ndarray) -> Any:
    sums = pd.Series(shared).groupby(values.to_numpy(), sort=True).sum()
    return sums.idxmax() if len(sums) else np.nan  # nothing is known of the whole stretch


_RULES: dict[str, Callable[[pd.Series, np.ndarray, np.ndarray], Any]] = {
    "sum": lambda v, shared, whole: float((v.to_numpy(float) * shared / whole).sum()),
    "mean": lambda v, shared, _: float(np.average(v.to_numpy(float), weights=shared)),
    "max": lambda v, _, __: v.max(),
    "min": lambda v, _, __: v.min(),
    "longest": _longest,
}


def _checked(table: pd.DataFrame) -> pd.DataFrame:
    missing = [c for c in KEYS if c not in table.columns]
    log = ProblemLog()
    for name in missing:
        log.add("error", "missing_column", f"事件表缺少字段“{name}”",
                f"the event table lacks “{name}”", field=name)  # fmt: skip
    if not missing:
        for number, (low, high) in enumerate(
            zip(table["from_m"], table["to_m"], strict=True), start=1
        ):
            if not high - low > _SAME:
                log.add("error", "no_length", f"路段长度不为正（{low} 至 {high}）",
                        f"the stretch has no length ({low} to {high})", row=number)  # fmt: skip
    if log.errors:
        raise DataError(log.problems)
    return table.reset_index(drop=True)


def _spans(table: pd.DataFrame, branch: str) -> list[tuple[int, float, float]]:
    mine = table[table["branch"] == branch]
    return list(zip(mine.index.tolist(), mine["from_m"], mine["to_m"], strict=True))


def _part_at(parts: Sequence[Any], travelled: float, *, after: bool) -> Any:
    """The part at a travelled distance; at a joint the one after it, or the one before."""
    if after:
        return next((p for p in parts if travelled < p.travelled + p.length - _SAME), parts[-1])
    return next((p for p in reversed(parts) if travelled > p.travelled + _SAME), parts[0])
