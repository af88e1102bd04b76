"""The water plan's tables for the workbook, and the folder that ``qianwan water`` writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from qianwan_gis import _io
from qianwan_gis._errors import UnavailableError
from qianwan_gis._text import Text
from qianwan_gis.export.content import Table, heading
from qianwan_gis.schemas import Column
from qianwan_gis.services._water import columns as told
from qianwan_gis.services._water import safety

if TYPE_CHECKING:
    from qianwan_gis._text import Lang
    from qianwan_gis.layers import Results
    from qianwan_gis.services.water import WaterPlan, WaterSystem

_ASSUMED = Text(
    "规划方案，未建成；单价与定额见“标准”，多为判断值",
    "a plan, not built; prices and quotas: see standards, mostly judgements",
)
_EPANET = Text("水压由 EPANET 校核，单位 m", "pressures by EPANET, metres of water")
#: Key, title, what it is of the plan, columns, note: in the order of the workbook.
_TABLES: tuple[tuple[str, Text, str, tuple[Column, ...], Text], ...] = (
    ("villages", Text("供水需水量与方式", "Water demand and supply"), "villages", told.VILLAGES, _ASSUMED),
    ("systems", Text("供水系统", "Water systems"), "systems", told.SYSTEMS, _ASSUMED),
    ("pipes", Text("供水管道定径", "Water pipes"), "pipes", told.PIPES, _ASSUMED),
    ("stations", Text("供水泵站", "Water pump stations"), "stations", told.STATIONS, _ASSUMED),
    ("tanks", Text("清水池", "Clear-water tanks"), "tanks", told.TANKS, _ASSUMED),
    ("break_tanks", Text("减压池", "Break-pressure tanks"), "break_pressure_tanks", told.BREAKS, _ASSUMED),
    ("valves", Text("村口减压阀", "Reducing valves"), "valves", told.VALVES, _ASSUMED),
    ("zones", Text("供水压力分区", "Water pressure zones"), "zones", told.ZONES, _ASSUMED),
    ("nodes", Text("管网节点水压", "Water pressures"), "nodes", told.NODES, _EPANET),
    ("quantities", Text("供水工程量清单", "Water quantities"), "quantities", told.QUANTITIES, _ASSUMED),
)  # fmt: skip
_SUMMARY = (
    Column("item", "text", Text("项目", "Item"), Text("", "")),
    Column("villages", "integer", Text("村数", "Villages"), Text("", "")),
    Column("people", "number", Text("人口", "People"), Text("", ""), "人"),
)


def safety_table(table: pd.DataFrame, lang: Lang) -> Table:
    """Return 农村饮水安全评价 in words."""
    return Table(
        "water_safety", Text("农村饮水安全评价", "Safety of drinking water"),
        safety.worded(table, lang), safety.SAFETY,
        Text("按供水工程台账逐项评价；缺资料的项不推定，列在“缺少的资料”",
             "by the works' register; what it does not say is named, never assumed"),
    )  # fmt: skip


def safety_summary(table: pd.DataFrame, lang: Lang, *, people: bool = True) -> Table:
    """Return villages and people by verdict, and by criterion not met or not known.

    Without ``people`` there are no totals of them: villages differ in definition and year.
    """
    frame = safety.summary(table)
    words = {"verdict": safety.VERDICT_TEXT, "failing": safety.CRITERIA, "missing": safety.NEEDED}
    prefix = {
        "verdict": Text("结论：", "verdict: "), "failing": Text("不达标：", "not met: "),
        "missing": Text("缺资料：", "missing: "),
    }  # fmt: skip
    frame["item"] = [
        prefix[i].get(lang) + words[i][v].get(lang)
        for i, v in zip(frame["item"], frame["value"], strict=True)
    ]
    columns = tuple(c for c in _SUMMARY if people or c.name != "people")
    return Table(
        "water_safety_summary", Text("饮水安全评价汇总", "Safety of drinking water, summary"),
        frame[[c.name for c in columns]], columns,
        Text("结论、不达标项和缺资料项各有多少村", "villages by verdict, by what fails and by what is not known"),
    )  # fmt: skip


def plan_tables(plan: WaterPlan, lang: Lang) -> list[Table]:
    """Return the plan's tables in the reader's language, empty ones left out."""
    found = []
    for key, title, name, columns, note in _TABLES:
        frame = told.worded(pd.DataFrame(getattr(plan, name)), columns, lang)
        if name == "systems" and frame["tree_bound"].isna().all():  # a quick plan has no bound
            frame = frame.drop(columns=["tree_bound", "tree_gap", "trees_tried"])
        if len(frame):
            found.append(Table(f"water_{key}", title, frame, told.described(columns, frame), note))
    outside = plan.nodes[plan.nodes["verdict"].ne("ok")]
    frame = told.worded(pd.DataFrame(outside), told.NODES, lang)
    if len(frame):
        title = Text("水压超限节点", "Nodes out of limits")
        found.append(
            Table("water_outside", title, frame, told.described(told.NODES, frame), _EPANET)
        )
    cost = pd.DataFrame({"item": list(plan.cost), "yuan": np.round(list(plan.cost.values()))})
    frame = told.worded(cost, told.COST, lang)
    found.append(
        Table("water_cost", Text("供水费用现值", "Water, present value"), frame,
              told.described(told.COST, frame), _ASSUMED)
    )  # fmt: skip
    return found


def ways(plan: WaterPlan, lang: Lang) -> pd.Series:
    """Return in words how each village is supplied."""
    return plan.villages["status"].map(lambda status: told.WORDS["status"][status].get(lang))


def criticality_table(table: pd.DataFrame, lang: Lang, *, key: str = "water_criticality") -> Table:
    """Return who loses water when each pipe is shut."""
    frame = told.worded(table, told.CRITICAL, lang)
    return Table(
        key, Text("供水管段重要性", "Who loses water when a pipe is shut"), frame,
        told.described(told.CRITICAL, frame),
        Text("逐段停用后由 EPANET 按压力驱动模拟", "each pipe shut in turn, pressure-driven EPANET"),
    )  # fmt: skip


def water_tables(results: Results) -> list[Table]:
    """Return the workbook's tables of water: the register's safety first, then the plan."""
    found = []
    table = getattr(results, "water_safety", None)
    if table is not None and table["facility_id"].ne("").any():
        told_people = results.disclosure.people
        found += [
            safety_summary(table, results.lang, people=told_people), safety_table(table, results.lang)
        ]  # fmt: skip
    plan = getattr(results, "water", None)
    if plan is not None:
        found += plan_tables(plan, results.lang)
    return found


def write(
    folder: Path, lang: Lang, *, safe: pd.DataFrame, plan: WaterPlan | None = None,
    network: WaterSystem | None = None, people: pd.Series | None = None, totals: bool = True,
) -> tuple[list[Path], list[Text]]:  # fmt: skip
    """Write the folder of ``qianwan water``.

    CSV files for Excel with headings and words in ``lang``; the plan's layers as ``layers.gpkg``;
    ``network.inp`` (the plan) and ``existing.inp`` (the recorded network) for EPANET; a long section
    to the farthest village of each system in ``profiles/``. Without ``totals`` the summary of safety
    counts no people.

    Returns
    -------
    The files, and what could not be made.
    """
    missing: list[Text] = []
    with _io.staged_folder(folder) as stage:
        for table in (safety_summary(safe, lang, people=totals), safety_table(safe, lang)):
            _csv(stage, table, lang)
        if network is not None:
            _existing(stage, network, people, lang)
        if plan is not None:
            for table in plan_tables(plan, lang):
                _csv(stage, table, lang)
            if plan.system is not None:
                _csv(stage, criticality_table(plan.criticality(), lang), lang)
                plan.system.write_inp(stage / "network.inp")
                missing += _profiles(stage / "profiles", plan, lang)
            _layers(stage / "layers.gpkg", plan, lang)
    return sorted(p for p in folder.rglob("*") if p.is_file()), missing


def _csv(stage: Path, table: Table, lang: Lang) -> None:
    from qianwan_gis.export.tables import safe_cell

    heads = [heading(column, lang) for column in table.columns]
    frame = table.frame[[c.name for c in table.columns]].map(safe_cell).set_axis(heads, axis=1)
    data = frame.to_csv(index=False).encode("utf-8-sig")
    _io.write_bytes(stage / f"{table.key.removeprefix('water_')}.csv", data)


def _existing(stage: Path, network: WaterSystem, people: pd.Series | None, lang: Lang) -> None:
    network.write_inp(stage / "existing.inp")
    joined = told.worded(network.joined.astype({"line": str, "other": str}), told.JOINED, lang)
    title = Text("补接的缺口", "Gaps closed")
    _csv(stage, Table("existing_gaps", title, joined, told.described(told.JOINED, joined)), lang)
    broken = network.criticality(people=people)
    _csv(stage, criticality_table(broken, lang, key="existing_criticality"), lang)
    run = network.simulate()
    nodes = network.labels[network.labels["kind"] == "demand"]
    rows = pd.DataFrame(
        {
            "node": nodes.index, "code": nodes["code"].to_numpy(),
            "pressure_peak_m": run.pressure[nodes.index].min().round(2).to_numpy(),
            "pressure_night_m": run.pressure[nodes.index].max().round(2).to_numpy(),
        }
    )  # fmt: skip
    frame = told.worded(rows, told.NODES, lang)
    title = Text("现状管网水压", "Pressures in the recorded network")
    _csv(stage, Table("existing_pressures", title, frame, told.described(told.NODES, frame)), lang)
    pipes = network.pipes()
    pipes.to_file(stage / "existing.gpkg", layer="existing_pipes")


def _layers(path: Path, plan: WaterPlan, lang: Lang) -> None:
    for key, _, name, columns, _ in _TABLES:
        table: Any = getattr(plan, name)
        if isinstance(table, gpd.GeoDataFrame) and len(table):
            placed = table[~(table.geometry.isna() | table.geometry.is_empty)]
            frame = told.worded(placed, columns, lang, extra=True)
            layer = gpd.GeoDataFrame(frame, geometry=placed.geometry, crs=table.crs)
            if len(layer):
                layer.to_file(path, layer=f"water_{key}")


def _profiles(folder: Path, plan: WaterPlan, lang: Lang) -> list[Text]:
    """Draw the long section to the village farthest from the works in each system."""
    for scheme in plan.schemes:
        tree = scheme.laid.tree
        away = np.zeros(len(tree.parent))
        for v in range(1, len(away)):
            away[v] = away[tree.parent[v]] + tree.length[v]
        last = max(scheme.tap, key=lambda v: (away[v], v))
        code = str(plan.villages["code"].iloc[int(scheme.laid.terminal[last])])
        stem = f"{scheme.works_id}_{code}"
        table = told.worded(plan.profile(code), told.PROFILE, lang).round(2)
        _csv(folder, Table(stem, Text("", ""), table, told.described(told.PROFILE, table)), lang)
        try:
            plan.draw_profile(code, folder / f"{stem}.png", lang=lang)
        except UnavailableError as error:
            return [error.text]
    return []


__all__ = [
    "criticality_table",
    "plan_tables",
    "safety_summary",
    "safety_table",
    "water_tables",
    "ways",
    "write",
]
