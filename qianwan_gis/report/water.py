"""Chapter on water supply: is the water safe by the register, and what a network would take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qianwan_gis._text import Text
from qianwan_gis.export import water as tables
from qianwan_gis.export.content import Table
from qianwan_gis.export.document import Document
from qianwan_gis.layers import Results
from qianwan_gis.report._parts import add_table
from qianwan_gis.services._water import columns as told

if TYPE_CHECKING:
    from qianwan_gis.services.water import WaterPlan

_WORST = 10  # pipes named


def water_chapter(document: Document, results: Results) -> None:
    """Add the safety of drinking water by the register, then the plan's main figures.

    Nothing is added where no village has its works on record and nothing could be designed.
    """
    safe = getattr(results, "water_safety", None)
    plan = getattr(results, "water", None)
    known = safe is not None and safe["facility_id"].ne("").any()
    if not known and plan is None:
        return
    document.heading(1, Text("供水", "Water supply"))
    if known:
        document.heading(2, Text("农村饮水安全评价", "Safety of drinking water"))
        document.say(
            Text(
                "按供水工程台账逐村评价水质、水量、用水方便程度和供水保证率四项；任一项不达标即不安全，"
                "任一项缺资料即不评价，缺什么列在表中，不作推定。",
                "Quality, quantity, convenience and reliability by the works' register: one not met "
                "makes the village unsafe, one not known leaves it unassessed. Nothing is assumed.",
            )
        )
        table = tables.safety_summary(safe, results.lang, people=results.disclosure.people)
        add_table(document, results, table, table.title)
    if plan is not None:
        _plan(document, results, plan)


def _plan(document: Document, results: Results, plan: WaterPlan) -> None:
    document.heading(2, Text("供水方案", "Plan of supply"))
    villages = plan.villages
    joined = int(villages["status"].eq("works").sum())
    single = int(villages["status"].eq("single").sum())
    large = villages.loc[villages["large"].astype(bool), "code"].nunique()
    metres = float(plan.pipes["length_m"].sum())
    outside = int(plan.nodes["verdict"].ne("ok").sum())
    document.say(
        Text(
            f"{len(villages)}个有点位的村中，{joined}个由{len(plan.systems)}座水厂联村供水（其中规模化供水{large}个），"
            f"{single}个单村供水，其余{len(villages) - joined - single}个未得出方案。管道{metres / 1000:.1f} km，"
            f"泵站{len(plan.stations)}座，减压池{len(plan.break_pressure_tanks)}座，压力分区{len(plan.zones)}个。"
            f"EPANET 校核：{len(plan.nodes)}个节点中{outside}个超限。",
            f"Of {len(villages)} villages with a point, {joined} are supplied from {len(plan.systems)} works "
            f"({large} by large schemes), {single} by schemes of their own, {len(villages) - joined - single} "
            f"have no plan. {metres / 1000:.1f} km of pipe, {len(plan.stations)} pump stations, "
            f"{len(plan.break_pressure_tanks)} break-pressure tanks, {len(plan.zones)} pressure zones. "
            f"By EPANET {outside} of {len(plan.nodes)} nodes are out of limits.",
        )
    )  # fmt: skip
    document.say(
        Text(
            f"费用现值{plan.cost['total'] / 1e4:,.0f}万元，其中工程造价{plan.cost['building'] / 1e4:,.0f}万元；"
            "单价多为判断值（见“标准”），±30%以内不宜据此取舍。",
            f"Present value {plan.cost['total'] / 1e6:,.2f} M yuan, of it {plan.cost['building'] / 1e6:,.2f} M for "
            "building. Prices are mostly judgements (see standards): differences within 30 % decide "
            "nothing.",
        )
    )  # fmt: skip
    if plan.origin == "quick":
        document.say(
            Text(
                "这是快速方案，每座水厂只定径一棵树；运行 qianwan water 可逐树比选并给出下界，结果会保存供下次采用。",
                "This is a quick plan, one tree per works; qianwan water compares trees, gives a bound, "
                "and keeps its plan for the next run.",
            )
        )
    elif len(plan.systems):
        value, bound = plan.systems["present_value"].sum(), plan.systems["tree_bound"].sum()
        document.say(
            Text(
                f"各水厂管网费用现值合计{value / 1e4:,.0f}万元；同一水厂供同样村庄的任何管网合计不低于"
                f"{bound / 1e4:,.0f}万元（已证明的下界，差{1 - bound / value:.0%}）。",
                f"Networks {value / 1e6:,.2f} M yuan; no networks for the same villages from the same "
                f"works cost less than {bound / 1e6:,.2f} M (a proven bound, {1 - bound / value:.0%} below).",
            )
        )
    shown = {t.key: t for t in tables.plan_tables(plan, results.lang)}
    few: dict[str, tuple[str, ...] | None] = {
        "water_systems": ("name", "scale", "villages", "people", "demand_m3d", "capacity_m3d",
                          "pipe_m", "lift_m"),
        "water_quantities": None,
        "water_outside": ("node", "system", "code", "pressure_peak_m", "pressure_rest_m", "least_m",
                          "most_m", "verdict"),
    }  # fmt: skip
    for key, wanted in few.items():
        if key in shown:
            table = shown[key] if wanted is None else _narrow(shown[key], wanted)
            add_table(document, results, table, table.title)
    worst = plan.pipes[plan.pipes["people_cut"] > 0]
    if len(worst):
        worst = worst.sort_values(["people_cut", "pipe"], ascending=[False, True]).head(_WORST)
        frame = told.worded(pd.DataFrame(worst), told.PIPES, results.lang)
        frame["length_m"] = np.round(frame["length_m"])
        title = Text("停用后断水人口最多的管段", "Pipes that cut off most people when shut")
        table = Table("water_worst", title, frame, told.described(told.PIPES, frame))
        names = ("pipe", "system", "name", "length_m", "villages_cut", "people_cut")
        add_table(document, results, _narrow(table, names), title)


def _narrow(table: Table, names: tuple[str, ...]) -> Table:
    """The table with these of its columns."""
    columns = tuple(c for c in table.columns if c.name in names)
    return Table(
        table.key, table.title, table.frame[[c.name for c in columns]], columns, table.note
    )


__all__ = ["water_chapter"]
