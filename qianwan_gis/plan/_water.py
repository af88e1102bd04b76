"""Water: the plan that outputs draw on, the recorded network, and how safe the supply is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from qianwan_gis._text import Text
from qianwan_gis.plan import _reading
from qianwan_gis.plan._designs import if_possible, of_kind, terrain_of
from qianwan_gis.plan._places import with_point

if TYPE_CHECKING:
    from qianwan_gis.plan._plan import Plan
    from qianwan_gis.services.water import WaterPlan, WaterSystem


def water(plan: Plan) -> WaterPlan | None:
    """The plan of water supply that every output draws on; ``None`` where none can be made.

    The solved plan that ``qianwan water`` kept, while it fits the present inputs, else a quick
    one: one tree per works, without a clock (`services.planned`). It needs terrain, roads that
    are not presumed, recorded works, and people.
    """
    works = of_kind(plan.facilities, "water", "works")
    if plan.terrain is None or plan.county.roads.presume_links or works.empty:
        return None
    return if_possible(
        plan, lambda: plan.water_plan(time_limit=None, quick=True, kept=plan.plan_file("water")),
        "water", Text("供水", "water"), "villages",
    )  # fmt: skip


def design(plan: Plan, *, time_limit: float | None, quick: bool, kept: Path | None) -> WaterPlan:
    """Design the supply of every village with a point, see `Plan.water_plan`."""
    from qianwan_gis.services import water

    terrain = terrain_of(plan)
    works = of_kind(plan.facilities, "water", "works")
    supplies = of_kind(plan.supplies, "water", "works")
    return water.plan_water(
        with_point(plan), network=plan.network, terrain=terrain, works=works,
        standards=plan.standards, supplies=supplies if len(supplies) else None,
        time_limit=time_limit, quick=quick, gap=0.05 if quick else 5e-3, kept=kept,
    )  # fmt: skip


def recorded(plan: Plan) -> WaterSystem | None:
    """The recorded pipes (``[water] network``) as a network for EPANET; ``None`` without any.

    Gaps within the tolerance are closed and named in ``.joined``; heights come from the terrain
    or the lines, demands from the villages' people.
    """
    spec = plan.county.water
    if spec.network is None:
        return None
    from qianwan_gis.services import water

    lines = _reading.projected(plan, spec.network, "LineString")
    if spec.sources is not None:
        sources = _reading.projected(plan, spec.sources, "Point")
    else:
        sources = of_kind(plan.facilities, "water", "works").reset_index(drop=True)
    system = water.network_of(
        lines, sources=sources, villages=with_point(plan), terrain=plan.terrain,
        standards=plan.standards, tolerance=spec.tolerance_m, reach=spec.reach_m,
    )  # fmt: skip
    _reading.tell(plan, system.problems)
    return system


def safety(plan: Plan) -> pd.DataFrame:
    """农村饮水安全评价 by the works' register, see `services.water.assess_safety`."""
    from qianwan_gis.services import water

    return _reading.step(
        plan,
        lambda log: water.assess_safety(
            plan.villages, plan.facilities, plan.supplies, plan.standards, log=log
        ),
    )


def rows(plan: Plan) -> pd.DataFrame | None:
    """Return rows for the coverage table: the recorded network's simulation, else the plan's."""
    from qianwan_gis.services import registry, water

    design, system = plan.water, plan.water_network
    if design is None and system is None:
        return None
    kind = next(s for s in registry.services() if s.physics == "water")
    served = water.served_by_record(kind, plan.facilities, plan.supplies)
    own = plan.facilities.loc[plan.facilities["service"] == "water", "basis"].astype(str)
    return water.simulated_rows(
        design, system, plan.standards, served=set() if served is None else set(served.index),
        unsafe=set(plan.water_safety.query("verdict == 'unsafe'")["code"]),
        basis=registry.weakest("assumed", *own.unique()),
    )  # fmt: skip
