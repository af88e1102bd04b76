"""Choosing sites: the question checked, the choice made, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, get_args

import numpy as np
import pandas as pd

from qianwan_gis import indicators
from qianwan_gis import people as people_rule
from qianwan_gis._errors import Problem, ProblemLog, UsageError
from qianwan_gis._text import Text
from qianwan_gis.proposals._case import Case
from qianwan_gis.proposals._judge import judge, steps_of
from qianwan_gis.proposals._rules import with_backup, with_capacity
from qianwan_gis.proposals.model import nothing
from qianwan_gis.proposals.scenario import Weigh
from qianwan_gis.schemas import Inventory, value_text
from qianwan_gis.services import services

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.proposals._rules import Ruled
    from qianwan_gis.proposals.model import PlanLike, Proposal
    from qianwan_gis.services import Service
    from qianwan_gis.siting import Siting


def propose(
    plan: PlanLike,
    service: str,
    tier: str = "",
    *,
    add: int = 3,
    weigh: Weigh = "auto",
    candidates: gpd.GeoDataFrame | None = None,
    forbidden: Iterable[str] = (),
    mandatory: Iterable[str] = (),
    budget: float | None = None,
    cost: float = 1.0,
    costs: Mapping[str, float] | None = None,
    capacity: float | None = None,
    per_capacity: float = 1.0,
    backup: float = 0.0,
) -> Proposal:
    """Choose ``add`` new sites of a tier; existing facilities stay.

    Parameters
    ----------
    plan
        Villages, regions, network, facilities, inventories, standards, draws, disclosure.
    service, tier
        A tier measured by travel time (``clinic`` with ``village``, ``township`` or ``county``); the
        first tier of the service when none is named.
    add
        How many, the mandatory ones included.
    weigh
        What to maximise. ``auto`` takes people where the 80 % rule allows, else villages.
    candidates
        Points that may be chosen with columns ``id`` and ``name``; the villages with a point
        otherwise. A site stands at its candidate's recorded place; one in a village serves that
        village in every draw.
    forbidden, mandatory
        Ids of candidates (village codes) that must stay out or be taken.
    budget, cost, costs
        Sum available; cost of a site by id, ``cost`` for the others.
    capacity, per_capacity
        Demand (people, or villages) that one new site can serve; existing facilities have their
        recorded ``capacity`` times ``per_capacity`` (people per bed, say), unlimited where unknown. A
        village is then served whole by one facility or not at all.
    backup
        Value of a second facility within the limit, between 0 and 1, as a share of the demand. Not
        together with ``capacity``.

    Returns
    -------
    Proposal. With thin data ``refused`` says why and the tables are empty.

    Raises
    ------
    UsageError
        No such tier, ``add`` below 1, unknown ids, people asked for where the data forbid them.

    Notes
    -----
    Under capacities the best set of each of a few draws is tried in all of them, and the one with
    the most expected demand served is taken; the mean of the draws' own best values bounds what any
    choice can reach (``bound``, ``gap``). With backup the expected cover is solved as one programme.
    """
    kind = plan.choices.apply(_tier(service, tier))
    if isinstance(add, bool) or not isinstance(add, int | np.integer) or add < 1:
        raise UsageError(Text(f"新增处数应为整数且至少为1，给出的是{add!r}",
                              f"add must be a whole number of at least 1, not {add!r}"))  # fmt: skip
    if weigh not in get_args(Weigh):
        raise UsageError(Text(f"没有权重“{weigh}”；有 auto、people、villages",
                              f"no weight “{weigh}”; there are auto, people, villages"))  # fmt: skip
    _amount("budget", budget, 0.0)
    _amount("capacity", capacity, None)
    _amount("per_capacity", per_capacity, None)
    if not 0 <= backup <= 1:
        raise UsageError(Text(f"backup 应在0到1之间，给出的是{backup}",
                              f"backup must lie between 0 and 1, not {backup}"))  # fmt: skip
    if capacity is not None and backup:
        raise UsageError(Text("容量限制不能与备份覆盖同时使用", "capacity does not go with backup"))
    limit = float(plan.standards.value(kind.limit))
    heads = indicators.one_definition(pd.DataFrame(plan.villages))
    if weigh == "people" and heads is None:
        why = plan.disclosure.reasons.get("people", Text("人口数据不足", "population is not known"))
        raise UsageError(Text(f"不能按人口选址：{why.zh}", f"cannot weigh by people: {why.en}"))
    by_people = heads is not None and weigh != "villages"
    unit = _weight_text(pd.DataFrame(plan.villages)) if by_people else Text("村庄", "villages")
    refused = _refusal(plan, kind)
    if refused is not None:
        problem = Problem("siting_withheld", "warning", Text(
            f"资料不足，不提选址建议：{refused.zh}", f"no advice on sites: {refused.en}"))  # fmt: skip
        return nothing(kind, limit, by_people, unit, refused, (problem,))
    case = Case.of(plan, kind, limit, by_people, heads[1] if heads is not None else None,
                    candidates, forbidden, mandatory, costs or {}, cost)  # fmt: skip
    log = ProblemLog()
    if by_people and (case.people[case.located] == 0).any():
        n = int((case.people[case.located] == 0).sum())
        log.add("warning", "no_population", f"{n}个村没有同口径人口数，按人口选址时不计其人",
                f"{n} villages without a comparable population count as nobody")  # fmt: skip
    if not case.located.all():
        n = int((~case.located).sum())
        log.add("warning", "not_located", f"{n}个村没有位置，未计入", f"{n} villages have no position and take no part")  # fmt: skip
    if len(case.ids) < add:
        raise UsageError(Text(f"可选点只有{len(case.ids)}个，少于要增设的{add}处",
                              f"only {len(case.ids)} candidates for {add} sites"))  # fmt: skip
    rows = case.rows()
    # villages of unknown population may be in reach and still count for nothing
    gain = rows.weight.any() or (len(rows.cover) and len(case.mandatory))
    if not gain and capacity is None and not backup:
        what = Text("人口", "people") if by_people else Text("村庄", "villages")
        log.add(
            "note",
            "nothing_to_gain",
            f"增设设施不能再覆盖更多{what.zh}",
            f"no candidate would cover any more {what.en}",
        )
        return nothing(kind, limit, by_people, unit, None, tuple(log.problems))
    prices = {} if budget is None else {"site_costs": case.price, "budget": budget}
    ruled: Ruled | None = None
    steps: list[Siting] = []  # with rules the best without them says nothing
    if capacity is not None:
        ruled = with_capacity(case, add, capacity, per_capacity, prices)
    elif backup:
        ruled = with_backup(case, add, backup, prices)
    else:
        steps = steps_of(case, rows, add, prices)
    made = ruled.made if ruled is not None else steps[-1]
    if made.status == "infeasible":
        log.problems.extend(Problem("infeasible", "warning", reason) for reason in made.reasons)
        empty = nothing(kind, limit, by_people, unit, None, tuple(log.problems))
        return replace(empty, status="infeasible")
    return judge(case, rows, made, ruled, steps, prices, unit, log, priced=bool(prices or costs))


def _tier(service: str, tier: str) -> Service:
    """Return the tier asked for, of those measured by travel time."""
    able = [s for s in services() if s.physics == "access"]
    found = [s for s in able if s.service == service and (not tier or s.tier == tier)]
    if not found:
        there = ", ".join(f"{s.service} {s.tier}" for s in able)
        asked = f"{service} {tier}".strip()
        raise UsageError(
            Text(
                f"不能为“{asked}”选址；可选址的有：{there}",
                f"no siting for “{asked}”; there are: {there}",
            )
        )
    return found[0]


def _weight_text(villages: pd.DataFrame) -> Text:
    """Return which people are counted: definition and years."""
    agreed = people_rule.agreement(villages)
    assert agreed is not None  # noqa: S101  # people are only weighed where they agree
    kind = value_text("population_kind", agreed.kind)
    return Text(f"人口（{kind.zh} {agreed.years()}）", f"people ({kind.en}, {agreed.years()})")


def _refusal(plan: PlanLike, kind: Service) -> Text | None:
    """Return why the data bear no advice on sites; None when they do."""
    if not plan.disclosure.siting:
        return plan.disclosure.reasons["siting"]
    inventory = Inventory(plan.inventories.get((kind.service, kind.tier), Inventory.NONE))
    if inventory is not Inventory.COMPLETE:
        name = value_text("service", kind.service)
        return Text(f"{name.zh}（{value_text('tier', kind.tier).zh}）的名录不完整",
                    f"the register of {name.en} ({kind.tier}) is not complete")  # fmt: skip
    return None


def _amount(name: str, value: float | None, least: float | None) -> None:
    """Refuse an amount that is negative (``least`` 0) or not above nought (None)."""
    if value is None or (value > 0 if least is None else value >= least):
        return
    raise UsageError(Text(f"{name} 数值无效：{value}", f"{name} cannot be {value}"))
