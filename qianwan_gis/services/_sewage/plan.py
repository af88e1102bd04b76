"""The sewage plan of a county: join a sewer, a station, or on the spot, at the least life-cycle cost."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from qianwan_gis._errors import Problem, UsageError
from qianwan_gis._text import Text
from qianwan_gis.schemas import VALUE_TEXT, Reason
from qianwan_gis.services import planned
from qianwan_gis.services._sewage import amounts, exact, levels
from qianwan_gis.services._sewage import model as models
from qianwan_gis.services._sewage.costs import Prices
from qianwan_gis.services._sewage.frame import Frame
from qianwan_gis.services._sewage.given import checked
from qianwan_gis.services._sewage.model import Model, State
from qianwan_gis.services._sewage.search import greedy, heuristic, improve
from qianwan_gis.services._sewage.sensitivity import carried

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis.network import RoadNetwork
    from qianwan_gis.standards import Standards
    from qianwan_gis.terrain import Terrain

    Array = NDArray[np.float64]

#: What may be chosen, in words.
CHOICES = VALUE_TEXT["plan"]


@dataclass(frozen=True)
class SewagePlan:
    """What each village does with its wastewater, and what must be built for it.

    Attributes
    ----------
    decisions
        One row per village, in the order given: ``code``, ``name``, ``people``,
        ``wastewater_m3d``, ``choice``, ``facility_id`` (station or plant), ``group`` (villages that
        share it), ``cost_yuan`` (what this village adds to the plan), ``cost_sewer``,
        ``cost_station``, ``cost_on_site``, ``cost_reuse`` (the same for each alternative, all others
        as planned; NaN where it cannot be), ``next_best``, ``extra_yuan``, ``sewer_m`` (trunk to the
        nearest recorded sewer), ``break_even_m`` (trunk at which joining would just pay),
        ``candidate_plant``, ``candidate_m`` (a plant without recorded sewers), ``reason``,
        ``text_zh``, ``text_en``.
    pipes, stations, pumps
        What to build between villages. ``start_m`` of a pipe: depth at which it leaves;
        ``joint_yuan``: what starting deeper, or lifting there, costs (part of ``cost_yuan``).
    cost, bound, gap, status
        Present value of everything (yuan), the proven bound, their relative gap; ``optimal``,
        ``feasible``, ``quick`` (no bound) or ``not_assessed``.
    costs
        The cost by part: ``build_yuan``, ``life_yuan``.
    quantities
        Bill of quantities.
    problems
        Warnings.
    origin
        ``solved`` now, ``kept`` (solved before, taken from a file) or ``quick`` (local search).
    """

    decisions: pd.DataFrame
    pipes: gpd.GeoDataFrame
    stations: gpd.GeoDataFrame
    pumps: gpd.GeoDataFrame
    cost: float
    bound: float
    gap: float
    status: str
    costs: pd.DataFrame
    quantities: pd.DataFrame
    problems: list[Problem] = field(default_factory=list)
    model: Model | None = None
    outcome: exact.Outcome | None = None
    frame: Any = field(default=None, repr=False)
    inputs: dict[str, Any] = field(default_factory=dict, repr=False)
    origin: str = "solved"
    notes: dict[str, Any] = field(default_factory=dict, repr=False)

    def keep(self, file: Path, **notes: Any) -> Path:
        """Keep the plan's choices for later runs of the same problem (`services.planned`).

        ``notes`` are kept with it and come back as `notes`: lists and mappings of plain values.
        """
        if self.frame is None or self.outcome is None:
            raise UsageError(
                Text("没有地形，规划未评估", "nothing was assessed: there is no terrain")
            )
        state, out = self.outcome.state, self.outcome
        way = {str(v): int(state.way[v]) for v in np.flatnonzero(state.way >= 0).tolist()}
        return planned.keep(
            file, self.frame.mark,
            {"way": way, "collected": np.flatnonzero(state.collected).tolist(),
             "bound": out.bound, "status": out.status, "parts": out.parts, "cuts": out.cuts,
             "notes": notes},
        )  # fmt: skip

    def compared(self) -> pd.DataFrame:
        """Return what simpler plans of the same county cost, levels designed alike.

        Columns ``plan`` (``this``, ``greedy``: each village in turn takes what is cheapest for it
        then, ``all_local``), ``cost_yuan``, ``more`` (relative to this plan).
        """
        if self.frame is None:
            raise UsageError(
                Text("没有地形，规划未评估", "nothing was assessed: there is no terrain")
            )
        model, cost = self.frame.model, {"this": self.cost}
        for name, state in (("greedy", greedy(model)), ("all_local", models.everyone_local(model))):
            extra = sum(run.extra for run in levels.design(self.frame, state).values())
            cost[name] = models.cost(model, state) + extra
        more = [c / self.cost - 1.0 for c in cost.values()]
        return pd.DataFrame({"plan": list(cost), "cost_yuan": list(cost.values()), "more": more})

    def sensitivity(
        self,
        factors: Iterable[str] = ("pipe", "pump", "energy", "station", "plant", "on_site", "reuse",
                                  "collection", "discount"),
        by: Iterable[float | str] = ("low", "high"),
    ) -> pd.DataFrame:  # fmt: skip
        """Plan again with prices at the ends of their ranges; see `sensitivity.run`."""
        from qianwan_gis.services._sewage import sensitivity

        return sensitivity.run(self, tuple(factors), tuple(by))

    def robustness(self, sensitivity: pd.DataFrame) -> pd.DataFrame:
        """Tell which choices hold over the whole range of prices; see `sensitivity.robustness`."""
        from qianwan_gis.services._sewage import sensitivity as answers

        return answers.robustness(self, sensitivity)

    def priorities(self, **layers: Any) -> pd.DataFrame:
        """Rank the villages; see `priorities.rank` for the layers."""
        from qianwan_gis.services._sewage import priorities

        return priorities.rank(
            self.inputs["villages"], standards=self.inputs["standards"], **layers
        )

    def phases(
        self, counts: Mapping[int, int], ranking: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """Spread the villages over years; see `priorities.phases`."""
        from qianwan_gis.services._sewage import priorities

        return priorities.phases(
            self, counts, ranking if ranking is not None else self.priorities()
        )

    def profile(self, code: str) -> pd.DataFrame:
        """Longitudinal profile of the trunk from a village to its sink (`profile.of_plan`)."""
        from qianwan_gis.services._sewage import profile

        return profile.of_plan(self, code)

    def draw_profile(self, code: str, *, path: Any = None, lang: str = "zh") -> Any:
        """Draw the profile (纵断面图); returns the figure, or writes it to ``path``."""
        from qianwan_gis.services._sewage import profile

        return profile.draw(self.profile(code), path=path, lang=lang)


def plan_sewage(
    settlements: gpd.GeoDataFrame,
    *,
    network: RoadNetwork,
    terrain: Terrain | None,
    plants: gpd.GeoDataFrame | None = None,
    sewers: gpd.GeoDataFrame | None = None,
    standards: Standards | None = None,
    excluded: gpd.GeoDataFrame | None = None,
    served: Mapping[str, str] | None = None,
    time_limit: float = 300.0,
    gap: float = 0.0,
    method: Literal["exact", "quick"] = "exact",
    kept: Path | None = None,
) -> SewagePlan:
    """Choose for every village between a sewer, a station and treatment on the spot.

    Least life-cycle cost (building, renewal, energy, running, discounted) over trunk routes along
    roads and ground, solved exactly with a proven bound (`exact.solve`).

    Parameters
    ----------
    settlements
        Points with ``settlement_id`` or ``code``, ``population`` (or ``people``), optional ``name``.
        Projected CRS. Settlements where known, villages otherwise.
    network
        Roads along which trunks may run (projected CRS).
    terrain
        Heights; without it nothing is assessed and every row says ``no_terrain``.
    plants
        Town plants: ``facility_id``, ``capacity`` and, where known, ``load`` (m³/d). A plant
        without a recorded sewer is only named as a candidate. One of unknown capacity takes nothing.
    sewers
        Recorded sewers: ``facility_id``, ``plant_id``, optional ``depth_m``.
    standards
        Norms and prices in force (``sewage.*``); the carried ones when None.
    excluded
        Polygons with ``kind``: ``water_source``, ``flood``, ``steep`` or ``mined``.
    served
        Facility by id of the settlements that have one already: they stay as they are
        (``existing``). Their water loads their plant where its load is not given.
    time_limit
        Seconds for everything.
    gap
        Relative gap at which the search of a part may stop.
    method
        ``quick`` leaves it at a local search without a clock: seconds, the same plan each time, no
        bound.
    kept
        A file of `SewagePlan.keep`: its choices are taken without solving where they are those of
        exactly this problem; a warning tells when they are not.

    Returns
    -------
    SewagePlan

    Raises
    ------
    DataError
        Faults of the tables, ground without a height or below the sea, no people: all at once
        where they can be found together.
    UsageError
        Norms that cannot be: negative prices, impossible lives.
    """
    from qianwan_gis.standards import Standards

    end = time.monotonic() + time_limit
    norms = standards if standards is not None else Standards.load()
    prices = Prices.read(norms)
    names, people = checked(settlements, network, plants, sewers, excluded)
    inputs = {
        "villages": settlements, "network": network, "terrain": terrain, "plants": plants,
        "sewers": sewers, "standards": norms, "excluded": excluded, "served": served,
        "time_limit": time_limit, "gap": gap, "method": method,
    }  # fmt: skip
    mean = amounts.wastewater(people, norms)
    if terrain is None:
        return _not_assessed(settlements, names, people, mean, inputs)
    frame = Frame.build(settlements, names, people, mean, prices, norms, inputs)
    outcome, origin, notes = _choose(frame, end, gap, method, kept)
    from qianwan_gis.services._sewage import tables

    made = tables.result(frame, outcome, inputs, origin)
    return replace(made, notes=notes)


#: Kicks of a quick plan for each village: most of what kicks gain, in seconds for 600 villages.
_QUICK_KICKS = 3
#: Share of the time left for the choices.
_FOR_CHOICES = 0.95


def _choose(
    frame: Frame, end: float, gap: float, method: str, kept: Path | None
) -> tuple[exact.Outcome, str, dict[str, Any]]:
    """Return the choices: kept from before, found quickly, or solved; where they are from; notes."""
    model = frame.model
    if kept is not None and kept.is_file():  # the fingerprint takes a moment
        found, problem = planned.kept(kept, frame.mark)
        if problem is not None:
            frame.problems.append(problem)
        if found is not None:
            way = np.full(len(model.demand), -1, np.int64)
            for v, k in found["way"].items():
                way[int(v)] = k
            collected = np.zeros(len(model.demand), bool)
            collected[found["collected"]] = True
            state = State(way, collected)
            total = models.cost(model, state)
            outcome = exact.Outcome(
                state, total, float(found["bound"]), found["status"], found["parts"], found["cuts"]
            )
            return outcome, "kept", dict(found["notes"])
    if method == "quick":
        state = heuristic(model, kicks=_QUICK_KICKS * int((model.demand > 0).sum()))
        state, _ = levels.settle(frame, state)
        total = models.cost(model, state)
        return exact.Outcome(state, total, float("-inf"), "quick", 0, 0), "quick", {}
    # levels and tables take their time as well
    left = (end - time.monotonic()) * _FOR_CHOICES
    outcome = exact.solve(model, time_limit=max(left, 0.1), gap=gap)
    state, _ = levels.settle(frame, outcome.state, until=end)
    return replace(outcome, state=state, cost=models.cost(model, state)), "solved", {}


def _not_assessed(
    settlements: gpd.GeoDataFrame, names: list[str], people: Array, mean: Array, inputs: Any
) -> SewagePlan:
    import geopandas as gpd

    from qianwan_gis.services._sewage import decisions as explained
    from qianwan_gis.services._sewage.quantities import COLUMNS

    text = Text("未评估：缺少地形数据（DEM）", "not assessed: no terrain (DEM)")
    decisions = explained.empty(settlements, names, people, mean)
    decisions["reason"] = str(Reason.NO_TERRAIN)
    decisions["text_zh"], decisions["text_en"] = text.zh, text.en
    nothing = gpd.GeoDataFrame(geometry=[], crs=settlements.crs)
    note = Problem(
        "no_terrain", "warning", text,
        fix=Text("提供高程栅格，或 qianwan fetch KEY dem", "supply an elevation raster, or qianwan fetch KEY dem"),
    )  # fmt: skip
    return SewagePlan(
        decisions, nothing, nothing, nothing, float("nan"), float("nan"), float("nan"),
        "not_assessed", pd.DataFrame(columns=["part", "build_yuan", "life_yuan"]),
        pd.DataFrame(columns=COLUMNS), [note], inputs=inputs,
    )  # fmt: skip


def again(plan: SewagePlan, standards: Standards) -> SewagePlan:
    """Return the plan that local search makes of this one under other norms."""
    given = {k: v for k, v in plan.inputs.items() if k != "villages"}
    given["standards"] = standards
    frame = plan.frame
    prices = Prices.read(standards)
    other = Frame.build(
        plan.inputs["villages"], frame.names, frame.people,
        amounts.wastewater(frame.people, standards), prices, standards, given,
    )  # fmt: skip
    start = carried(frame.model, other.model, plan.outcome.state)  # type: ignore[union-attr]
    state = improve(other.model, start, until=float("inf"))
    total = models.cost(other.model, state)
    outcome = exact.Outcome(state, total, float("-inf"), "quick", 0, 0)
    from qianwan_gis.services._sewage import tables

    return tables.result(other, outcome, {**plan.inputs, "standards": standards}, "quick")


__all__ = ["CHOICES", "SewagePlan", "again", "plan_sewage"]
