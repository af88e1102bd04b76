"""Turn the solved choice problem into tables that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from qianwan_gis._errors import Problem
from qianwan_gis._text import Text
from qianwan_gis.schemas import Reason
from qianwan_gis.services._sewage import bill as bills
from qianwan_gis.services._sewage import decisions as explained
from qianwan_gis.services._sewage import levels
from qianwan_gis.services._sewage import model as models

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis.services._sewage.exact import Outcome
    from qianwan_gis.services._sewage.frame import Frame
    from qianwan_gis.services._sewage.levels import Run
    from qianwan_gis.services._sewage.model import State
    from qianwan_gis.services._sewage.plan import SewagePlan

    Array = NDArray[np.float64]

_TIERS = ("sewer", "station", "on_site")
_PIPES = ["pipe", "from", "to", "kind", "diameter_mm", "length_m", "off_road", "mean_m3d", "peak_ls",
          "slope", "depth_min_m", "depth_max_m", "lifts", "lift_m", "start_m", "joint_yuan",
          "cost_yuan"]  # fmt: skip
_PUMPS = ["pump", "pipe", "chainage_m", "head_m", "peak_ls", "kw"]
_STATIONS = ["station_id", "capacity_m3d", "villages", "people", "build_yuan", "life_yuan",
             "ground_m"]  # fmt: skip


def result(frame: Frame, outcome: Outcome, inputs: dict[str, Any], origin: str) -> SewagePlan:
    """Return the plan's tables."""
    from qianwan_gis.services._sewage.plan import SewagePlan

    state = outcome.state
    runs = levels.design(frame, state)
    paths = _paths(frame, state, runs)
    ends = [ways[-1] if ways else -1 for ways in paths]
    stations = _stations(frame, runs, ends)
    label = dict(zip(stations["node"], stations["station_id"], strict=True))
    pipes, pumps = _pipes(frame, runs, label)
    leg = np.where(np.isfinite(frame.routes.leg), frame.routes.leg, 0.0)
    trunk = leg + np.array([sum(frame.model.arcs[k].length for k in ways) for ways in paths])
    decisions = explained.of_plan(frame, outcome, ends, label, trunk)
    bill, costs = bills.of_plan(frame, runs, decisions)
    extra = sum(run.extra for run in runs.values())
    cost = outcome.cost + extra
    bound = min(outcome.bound, cost)
    gap = (cost - bound) / abs(cost) if cost else 0.0
    proven = origin != "quick" and gap <= 1e-6
    status = "quick" if origin == "quick" else "optimal" if proven else "feasible"
    problems = [*frame.problems, *_told(status, outcome, gap, extra, cost)]
    return SewagePlan(
        decisions, pipes, stations.drop(columns="node"), pumps, cost,
        bound if origin != "quick" else float("nan"), gap if origin != "quick" else float("nan"),
        status, costs, bill, problems, frame.model, outcome, frame, inputs, origin,
    )  # fmt: skip


def _told(status: str, outcome: Outcome, gap: float, extra: float, cost: float) -> list[Problem]:
    """Say how far the plan is from proven."""
    if status == "quick":
        return [
            Problem(
                "quick_plan", "note",
                Text("快速方案：局部搜索所得，未证明最优、没有下界",
                     "a quick plan by local search: no bound is proven"),
                fix=Text("qianwan sewage KEY 求解并保存后，各成果改用求解的方案",
                         "run qianwan sewage KEY: outputs then use the solved plan"),
            )
        ]  # fmt: skip
    if status == "optimal":
        return []
    if outcome.status == "optimal":
        return [
            Problem(
                "levels_beyond_bound", "note",
                Text(f"去向选择已证明最优；干管衔接处加深或提升另占费用的 {extra / cost:.2%}，不在下界之内",
                     f"the choices are proven; deepening or lifting where trunks meet is {extra / cost:.2%} "
                     "of the cost and lies outside the bound"),
            )
        ]  # fmt: skip
    return [
        Problem(
            "not_proven", "warning",
            Text(f"时限内未证明最优：与下界相差 {gap:.2%}",
                 f"not proven optimal in the time given: {gap:.2%} above the bound"),
            fix=Text("放宽求解时限", "give it more time"),
        )
    ]  # fmt: skip


def _paths(frame: Frame, state: State, runs: Mapping[int, Run]) -> list[list[int]]:
    """Ways of every village's water to its sink; none where it stays."""
    found = []
    for v in frame.node.tolist():
        ways: list[int] = []
        node = v if state.collected[v] else -1
        while node in runs:
            ways.append(runs[node].arc)
            node = frame.model.arcs[ways[-1]].head
        found.append(ways)
    return found


def _stations(frame: Frame, runs: Mapping[int, Run], ends: list[int]) -> gpd.GeoDataFrame:
    import geopandas as gpd

    arcs = frame.model.arcs
    rows: list[dict[str, Any]] = []
    nodes = []
    for v, run in runs.items():
        arc = arcs[run.arc]
        served = [i for i, e in enumerate(ends) if e == run.arc]
        if arc.plant or arc.head >= 0 or not served:
            continue
        nodes.append(v)
        rows.append(
            {
                "station_id": f"S{len(rows) + 1:03d}", "capacity_m3d": run.flow,
                "villages": len(served), "people": float(frame.people[served].sum()),
                "build_yuan": frame.prices.station_build(run.flow),
                "life_yuan": models.arc_cost(arc, run.flow),
                "ground_m": float(frame.routes.ground[v]),
            }
        )  # fmt: skip
    table = pd.DataFrame(rows, columns=_STATIONS).assign(node=nodes)
    return gpd.GeoDataFrame(
        table, geometry=list(shapely.points(frame.routes.xy[nodes])), crs=frame.crs
    )


def _pipes(
    frame: Frame, runs: Mapping[int, Run], label: dict[int, str]
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    import geopandas as gpd

    at = {int(v): name for name, v in zip(frame.names, frame.node, strict=True)}
    rows: list[dict[str, Any]] = []
    lines: list[Any] = []
    pump_rows: list[dict[str, Any]] = []
    pump_spots: list[Any] = []
    for run in runs.values():
        if not len(run.along):
            continue
        arc = frame.model.arcs[run.arc]
        line, _, _ = levels.oriented(frame, arc)
        name = f"T{len(rows) + 1:04d}"
        peak = float(frame.prices.rules.peak(run.flow))
        rows.append(
            {
                "pipe": name,
                "from": at.get(arc.tail, label.get(arc.tail, f"N{arc.tail}")),
                "to": arc.sewer if arc.head < 0 else at.get(arc.head, f"N{arc.head}"),
                "kind": "pressure" if run.option.kind == "pressure" else "gravity",
                "diameter_mm": round(run.option.diameter * 1000), "length_m": arc.length,
                "off_road": bool(frame.routes.across[arc.route]), "mean_m3d": run.flow,
                "peak_ls": peak * 1000.0, "slope": _slope(run),
                "depth_min_m": float(run.depth.min()), "depth_max_m": float(run.depth.max()),
                "lifts": len(run.lifts), "lift_m": float(sum(h for _, h in run.lifts)),
                "start_m": float(run.depth[0]), "joint_yuan": run.extra, "cost_yuan": run.cost,
            }
        )  # fmt: skip
        lines.append(line)
        for i, head in run.lifts:
            pump_rows.append(
                {"pump": f"B{len(pump_rows) + 1:03d}", "pipe": name,
                 "chainage_m": float(run.along[i]), "head_m": head, "peak_ls": peak * 1000.0,
                 "kw": float(frame.prices.kilowatts(peak, head))}
            )  # fmt: skip
            pump_spots.append(shapely.line_interpolate_point(line, run.along[i]))
    pipes = gpd.GeoDataFrame(pd.DataFrame(rows, columns=_PIPES), geometry=lines, crs=frame.crs)
    pumps = gpd.GeoDataFrame(
        pd.DataFrame(pump_rows, columns=_PUMPS), geometry=pump_spots, crs=frame.crs
    )
    return pipes, pumps


def _slope(run: Run) -> float:
    """Mean slope of the invert, positive downwards in the direction of flow."""
    invert = run.ground - run.depth
    return float((invert[0] - invert[-1]) / run.along[-1]) if run.along[-1] > 0 else 0.0


# ---------------------------------------------------------------- what coverage takes


def coverage_rows(plan: SewagePlan) -> pd.DataFrame:
    """Return what the coverage table takes from a plan: one row per village and tier.

    Columns ``code``, ``tier``, ``reason`` and those of `planned.COLUMNS`. The chosen tier's reason
    is ``planned``, the others' why it was chosen instead. A plan is not a sewer in the ground:
    ``covered`` is left to the register. A village of several settlements adds up their costs; it
    takes their common choice, or ``mixed``, and its words tell them one by one.
    """
    table = plan.decisions
    rows: list[dict[str, Any]] = []
    for code, part in table.groupby("village_code", sort=False):
        row = _village(part)
        if row is None:
            continue
        choice = row["plan"]
        tier = {"sewer": "sewer", "station": "station", "shared_station": "station"}.get(
            choice, "on_site"
        )
        for name in _TIERS:
            reason: str | None = row["reason"]
            if choice in ("mixed", "existing", ""):
                reason = reason if choice == "" else None
            elif name == tier and choice != "tank":
                reason = str(Reason.PLANNED)
            rows.append({"code": str(code), "tier": name, **row, "reason": reason})
    columns = ["code", "tier", "reason", "plan", "plan_facility", "plan_cost_yuan", "plan_next",
               "plan_extra_yuan", "break_even_m", "plan_text_zh", "plan_text_en"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _village(part: pd.DataFrame) -> dict[str, Any] | None:
    """Bring the settlements of a village together."""
    live = part[part["people"] > 0]
    if live.empty:
        return None
    planned = live[live["choice"] != "existing"]
    shown = planned if len(planned) else live
    choices = list(dict.fromkeys(shown["choice"]))
    one = len(shown) == 1
    first = shown.iloc[0]
    reasons = set(shown["reason"])
    cost = shown["cost_yuan"].sum(min_count=1)
    if len(part) == 1:
        zh, en = first["text_zh"], first["text_en"]
    else:
        zh = "；".join(f"{r.name}：{r.text_zh}" for r in live.itertuples(index=False))
        en = "; ".join(f"{r.name}: {r.text_en}" for r in live.itertuples(index=False))
    return {
        "reason": next(iter(reasons)) if len(reasons) == 1 else None,
        "plan": choices[0] if len(choices) == 1 else "mixed",
        "plan_facility": " ".join(dict.fromkeys(f for f in shown["facility_id"] if f)),
        "plan_cost_yuan": cost, "plan_next": first["next_best"] if one else "",
        "plan_extra_yuan": first["extra_yuan"] if one else float("nan"),
        "break_even_m": first["break_even_m"] if one else float("nan"),
        "plan_text_zh": zh, "plan_text_en": en,
    }  # fmt: skip


__all__ = ["coverage_rows", "result"]
