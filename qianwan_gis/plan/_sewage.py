"""Sewage: the plan that outputs draw on, a solved one in its place, and what follows from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

from qianwan_gis._errors import Problem
from qianwan_gis._text import Text
from qianwan_gis.plan import _reading
from qianwan_gis.plan._designs import if_possible, of_kind, terrain_of

if TYPE_CHECKING:
    from qianwan_gis.plan._plan import Plan
    from qianwan_gis.services.sewage import SewagePlan

#: The steps that follow from the sewage plan.
_FOLLOW = ("sewage_priorities", "sewage_phases", "coverage", "to_collect")


def sewage(plan: Plan) -> SewagePlan | None:
    """The sewage plan that every output draws on; ``None`` where the county lacks what it needs.

    The solved plan that ``qianwan sewage`` kept, while it fits the present inputs, else a quick
    one (`services.planned`). It needs terrain, roads that are not presumed, and people.
    """
    if plan.terrain is None or plan.county.roads.presume_links:
        return None
    return if_possible(
        plan, lambda: design(plan, method="quick", kept=plan.plan_file("sewage")),
        "sewage", Text("污水", "sewage"), "settlements",
    )  # fmt: skip


def design(plan: Plan, **options: Any) -> SewagePlan:
    """Choose 纳管, 集中 or 分散 for every settlement, see `services.sewage.plan_sewage`."""
    from qianwan_gis.services import sewage

    terrain = terrain_of(plan)
    plants = of_kind(plan.facilities, "sewage", "plant")
    sewers = _to_plants(plan, plants)
    units = plan.settlements
    return sewage.plan_sewage(
        units, network=plan.network, terrain=terrain, plants=plants, sewers=sewers,
        standards=plan.standards, excluded=plan.excluded_areas,
        served=sewage.served(
            units, facilities=plan.facilities, sewers=sewers, supplies=plan.supplies,
            standards=plan.standards,
        ), **options,
    )  # fmt: skip


def _to_plants(plan: Plan, plants: gpd.GeoDataFrame) -> gpd.GeoDataFrame | None:
    """Sewers with the plant that each leads to; told where the register does not say it."""
    sewers = plan.sewers
    if sewers.empty or plants.empty:
        return None
    given = sewers["plant_id"] if "plant_id" in sewers.columns else pd.Series("", sewers.index)
    given = given.fillna("").astype(str).str.strip()
    unnamed = int(given.eq("").sum())
    if not unnamed:
        return sewers
    nearest = plants.sindex.nearest(sewers.geometry, return_all=False)[1]
    plan.tell(
        Problem(
            "sewer_plant_presumed", "warning",
            Text(f"{unnamed}段污水管没有注明通向哪座处理厂，按最近的处理厂计",
                 f"{unnamed} sewers name no plant; each is taken to lead to the nearest"),
            file="facilities", field="plant_id",
            fix=Text("在管网图层补上 plant_id", "add plant_id to the sewer layer"),
        )
    )  # fmt: skip
    return sewers.assign(
        plant_id=given.where(given.ne(""), plants["facility_id"].to_numpy()[nearest])
    )


def adopt(
    plan: Plan, found: SewagePlan, *, sensitivity: pd.DataFrame | None, keep: bool
) -> Path | None:
    """Put a solved plan in the place of the quick one, see `Plan.adopt_sewage`."""
    notes = {} if sensitivity is None else {"sensitivity": sensitivity.to_dict("records")}
    steps = vars(plan)  # cached steps stand there
    for name in _FOLLOW:
        steps.pop(name, None)
    steps["sewage"] = replace(found, notes=notes)
    return found.keep(plan.plan_file("sewage"), **notes) if keep else None


def rows(plan: Plan) -> pd.DataFrame | None:
    """Return rows for the coverage table; None without a plan."""
    from qianwan_gis.services import sewage

    return None if plan.sewage is None else sewage.coverage_rows(plan.sewage)


def priorities(plan: Plan) -> pd.DataFrame | None:
    """Villages or settlements in the order of the grounds for treating them first."""
    if plan.sewage is None:
        return None
    spec = plan.county.sewage
    layers: dict[str, Any] = {
        name: _reading.projected(plan, given, None) for name, given in spec.priority.items()
    }
    layers.setdefault("rivers", plan.rivers)
    if "water_sources" not in layers and plan.excluded_areas is not None:
        zones = plan.excluded_areas[plan.excluded_areas["kind"].eq("water_source")]
        layers["water_sources"] = zones if len(zones) else None
    return plan.sewage.priorities(**layers, tourist=spec.tourist)


def phases(plan: Plan) -> pd.DataFrame | None:
    """Which village in which year: the county's ``[sewage.phases]``, else what the targets say."""
    ranking = plan.sewage_priorities
    if plan.sewage is None or ranking is None:
        return None
    return plan.sewage.phases(plan.sewage_counts, ranking)


def sensitivity(plan: Plan) -> pd.DataFrame | None:
    """Return how the plan answers to prices at the ends of their ranges, where it was kept."""
    told = plan.sewage.notes.get("sensitivity") if plan.sewage is not None else None
    return pd.DataFrame(told) if told else None


def counts(plan: Plan) -> dict[int, int]:
    """Return how many villages are to be treated in each year."""
    from qianwan_gis.services import sewage

    return dict(plan.county.sewage.phases) or sewage.counts_of_targets(plan.targets)
