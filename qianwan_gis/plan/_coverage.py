"""Who is covered by what: the coverage table and what is derived from its draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from qianwan_gis.plan import _sewage, _water
from qianwan_gis.services import Joint, access, compute_coverage
from qianwan_gis.services import fairness as evenness
from qianwan_gis.uncertainty import Draws, seed_of

if TYPE_CHECKING:
    from qianwan_gis.plan._plan import Plan


def draws(plan: Plan) -> Draws:
    """The joint draws that all services share, seeded by the county's key."""
    return Draws(seed=seed_of(plan.county.key))


def coverage(plan: Plan) -> pd.DataFrame:
    """COVERAGE: every village, service and tier, with the reason."""
    return compute_coverage(
        plan.villages, plan.regions, plan.network, plan.facilities, plan.inventories,
        plan.standards, plan.draws, seats=plan.townships, sewers=plan.sewers,
        supplies=plan.supplies, ground=plan.ground, planned=_planned_rows(plan),
        **plan.choices.options(),
    )  # fmt: skip


def _planned_rows(plan: Plan) -> dict[str, pd.DataFrame]:
    """What the plans of designed services say of the villages, by service."""
    rows = {"sewage": _sewage.rows(plan), "water": _water.rows(plan)}
    return {service: table for service, table in rows.items() if table is not None}


def assess(plan: Plan, keys: tuple[tuple[str, str], ...]) -> tuple[pd.DataFrame, Joint]:
    """Return the coverage of some (service, tier), with the verdict of every draw."""
    joint = Joint()
    table = compute_coverage(
        plan.villages, plan.regions, plan.network, plan.facilities, plan.inventories,
        plan.standards, plan.draws, seats=plan.townships, joint=joint, ground=plan.ground,
        only=keys, **plan.choices.options(),
    )  # fmt: skip
    return table, joint


def fairness(plan: Plan) -> evenness.Fairness:
    """Life circles, equity of access and the Rural Access Index, as far as the data bear them."""
    return evenness.assess(plan)


def life_circles(plan: Plan, required: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """Return which services each village has within a quarter of an hour's walk."""
    return access.life_circles(
        plan.villages, plan.facilities, plan.network, plan.inventories, required=required,
        limit=float(plan.standards.value("life_circle.walk_minutes")),
    )  # fmt: skip
