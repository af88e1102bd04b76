"""The sewage plan's tables for the workbook and the GeoPackage."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from qianwan_gis import _io
from qianwan_gis._text import Text
from qianwan_gis.export import content, gpkg, tables
from qianwan_gis.export.content import Table
from qianwan_gis.layers import Results
from qianwan_gis.schemas import VALUE_TEXT, Column, titled
from qianwan_gis.services import sewage
from qianwan_gis.services._sewage import profile, words

_NOTES = {
    "decisions": Text(
        "每村（聚落）一行：所选做法、其他做法的费用、次优差额与平衡距离；费用为全寿命现值",
        "one row per settlement: the choice, what the others cost, the margin; present values",
    ),
    "phases": Text("按优先次序排年，汇入干管的先后已计", "by priority; what a trunk passes comes first"),
    "priorities": Text("次序与理由；缺资料的情形单列，不等于不存在", "rank and grounds; grounds without data are named"),
    "quantities": Text("规划深度，单价出处见“标准”", "at planning depth; prices: see standards"),
    "costs": Text("全寿命费用之和即方案总费用", "life-cycle costs add up to the plan's"),
    "sensitivity": Text(
        "各类单价取其区间两端再算；做法随之改变的村即取决于单价",
        "each group of prices at both ends of its range; villages that switch depend on it",
    ),
    "stations": Text("拟建处理站：位置、规模、服务的村", "stations to build: place, size, villages served"),
    "pumps": Text("拟建提升泵：位置、流量、扬程、功率", "pumps to build: place, flow, lift, power"),
    "pipes": Text("村与村、村与站（厂）之间的干管；村内管网另计", "between villages and sinks"),
}  # fmt: skip


def sewage_tables(results: Results) -> list[Table]:
    """Return the plan's tables; none where there is no plan."""
    plan = results.sewage
    if plan is None:
        return []
    made = sewage.plan_tables(
        plan, results.lang, priorities=results.sewage_priorities, phases=results.sewage_phases,
        sensitivity=results.sewage_sensitivity,
    )  # fmt: skip
    return [
        Table(
            f"sewage_{name}", words.TITLES[name], frame,
            tuple(c for c in words.TABLES[name] if c.name in frame), _NOTES.get(name, Text("", "")),
        )
        for name, frame in made.items()
    ]  # fmt: skip


_ORIGIN = {
    "optimal": Text("求解，已证明最优", "solved, proven optimal"),
    "feasible": Text("求解，给出下界", "solved, with a bound"),
    "quick": Text("快速方案（局部搜索，未证明）", "quick (local search, nothing proven)"),
}
_TEN_THOUSAND = 1e4


def overview(results: Results) -> list[Table]:
    """Return what a plan comes to: choices, cost, years, and what the prices decide."""
    plan = results.sewage
    if plan is None or not len(plan.decisions):
        return []
    return [
        table
        for table in (_choices(results), _cost(results), _years(results), _prices(results))
        if table is not None
    ]


def _choices(results: Results) -> Table:
    assert results.sewage is not None  # noqa: S101  (asked before)
    table = results.sewage.decisions
    order = {name: k for k, name in enumerate(VALUE_TEXT["plan"])}
    rows = table.groupby("choice").agg(
        villages=("code", "size"), people=("people", "sum"), flow=("wastewater_m3d", "sum")
    )
    frame = rows.sort_index(key=lambda names: names.map(order)).round(0).reset_index()
    frame["choice"] = [words.word("choice", c).get(results.lang) for c in frame["choice"]]
    columns: tuple[Column, ...] = (
        titled("choice", "text", "做法", "Choice"),
        titled("villages", "integer", "村（聚落）数", "Settlements", "个"),
        titled("people", "number", "人口", "People", "人"),
        titled("flow", "number", "污水量", "Wastewater", "m³/d"),
    )
    if not results.disclosure.people:  # no totals of people who do not share one definition
        columns = tuple(c for c in columns if c.name != "people")
        frame = frame.drop(columns="people")
    return Table("sewage_choices", Text("各村做法", "What villages do"), frame, columns)


def _cost(results: Results) -> Table:
    plan = results.sewage
    assert plan is not None  # noqa: S101  (asked before)
    lang = results.lang
    rows: list[tuple[str, str]] = []

    def say(zh: str, en: str, value: str) -> None:
        rows.append((Text(zh, en).get(lang), value))

    def money(yuan: float) -> str:
        return f"{yuan / _TEN_THOUSAND:,.0f}"

    say("方案来源", "Plan", _ORIGIN[plan.status].get(lang))
    say("全寿命费用现值（万元）", "Life-cycle cost (x10⁴ yuan)", money(plan.cost))
    say("其中建设投资（万元）", "Of it to build (x10⁴ yuan)", money(plan.costs["build_yuan"].sum()))
    if plan.status != "quick":
        say("下界（万元）", "Proven bound (x10⁴ yuan)", money(plan.bound))
        say("与下界相差", "Above the bound", f"{plan.gap:.2%}")
    beaten = plan.compared().set_index("plan")["more"]
    say("逐村择廉方案贵", "Village by village would cost more by", f"{beaten['greedy']:.1%}")
    say("全部就地处理贵", "Everything on the spot would cost more by", f"{beaten['all_local']:.1%}")
    say("干管（km）", "Trunks (km)", f"{plan.pipes['length_m'].sum() / 1000:.1f}")
    say("新建处理站（座）", "New stations", str(len(plan.stations)))
    say("提升泵（座）", "Pumps", str(len(plan.pumps)))
    columns = (titled("item", "text", "指标", "Item"), titled("value", "text", "数值", "Value"))
    return Table(
        "sewage_cost", Text("污水方案概要", "The sewage plan in short"),
        pd.DataFrame(rows, columns=["item", "value"]), columns,
    )  # fmt: skip


def _years(results: Results) -> Table | None:
    plan, phases = results.sewage, results.sewage_phases
    if plan is None or phases is None or not phases["year"].gt(0).any():
        return None
    flow = plan.decisions.set_index("code")["wastewater_m3d"]
    rows = phases.assign(
        flow=phases["code"].map(flow), later=phases["year"].eq(0)
    ).groupby(["later", "year"]).agg(
        villages=("code", "size"), flow=("flow", "sum"), cost=("cost_yuan", "sum"),
        names=("code", lambda codes: " ".join(codes)),
    ).reset_index()  # fmt: skip
    name = plan.decisions.set_index("code")["name"]
    joint = "、" if results.lang == "zh" else ", "
    frame = pd.DataFrame(
        {
            "year": [
                Text("以后", "later").get(results.lang) if y == 0 else str(y) for y in rows["year"]
            ],
            "villages": rows["villages"], "flow": rows["flow"].round(0),
            "cost": (rows["cost"] / _TEN_THOUSAND).round(0),
            "names": [
                "" if later else joint.join(name[c] for c in codes.split())
                for later, codes in zip(rows["later"], rows["names"], strict=True)
            ],
        }
    )  # fmt: skip
    columns = (
        titled("year", "text", "年份", "Year"),
        titled("villages", "integer", "村（聚落）数", "Settlements", "个"),
        titled("flow", "number", "污水量", "Wastewater", "m³/d"),
        titled("cost", "number", "新增费用现值", "Present value", "万元"),
        titled("names", "text", "村（聚落）", "Which"),
    )
    return Table("sewage_years", Text("污水治理分期", "Sewage by year"), frame, columns)


def _prices(results: Results) -> Table | None:
    plan, table = results.sewage, results.sewage_sensitivity
    if plan is None or table is None or table.empty:
        return None
    told = plan.robustness(table)
    by = table.groupby("factor", sort=False).agg(
        low=("change", "min"), high=("change", "max"), flipped=("flipped", "max")
    ).reset_index()  # fmt: skip
    frame = pd.DataFrame(
        {
            "factor": [words.word("factor", f).get(results.lang) for f in by["factor"]],
            "low": [f"{v:+.1%}" for v in by["low"]], "high": [f"{v:+.1%}" for v in by["high"]],
            "flipped": by["flipped"],
        }
    )  # fmt: skip
    columns = (
        titled("factor", "text", "单价（取区间两端）", "Prices, at both ends"),
        titled("low", "text", "总费用最多降", "Cost, lowest"),
        titled("high", "text", "总费用最多升", "Cost, highest"),
        titled("flipped", "integer", "改变做法", "Choose otherwise", "个"),
    )
    firm, every = int(told["robust"].sum()), len(told)
    return Table(
        "sewage_prices", Text("单价对方案的影响", "What the prices decide"), frame, columns,
        Text(
            f"{every} 个待安排的村（聚落）中，{firm} 个在各类单价单独取区间两端时做法不变，"
            f"{every - firm} 个取决于单价，实施前应先核实单价（见工作表“敏感性”）。",
            f"Of {every} settlements planned for, {firm} keep their choice with each group of prices "
            f"at either end of its range; {every - firm} depend on the prices.",
        ),
    )  # fmt: skip


def write_sewage(results: Results, folder: Path, *, profiles: bool = True) -> list[Path]:
    """Write what `qianwan sewage` gives: a workbook, CSV tables, layers and profiles.

    Parameters
    ----------
    folder
        Replaced whole: ``tables.xlsx``, ``<table>.csv``, ``layers.gpkg``, and one drawing
        ``profiles/<from>_<to>.pdf`` for each trunk run (纵断面图).
    """
    plan = results.sewage
    made = sewage_tables(results)
    if plan is None or not made:
        return []
    with _io.staged_folder(folder) as stage:
        tables.write_book(results, made, stage / "tables.xlsx")
        for table in made:
            titles = [content.heading(column, results.lang) for column in table.columns]
            text = table.frame.map(tables.safe_cell).set_axis(titles, axis=1).to_csv(index=False)
            name = table.key.removeprefix("sewage_") + ".csv"
            _io.write_bytes(stage / name, text.encode("utf-8-sig"))
        gpkg.write(results, stage / "layers.gpkg", theme="sewage")
        if profiles:
            _draw_profiles(results, stage / "profiles")
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _draw_profiles(results: Results, folder: Path) -> None:
    plan = results.sewage
    runs = profile.runs(plan) if plan is not None else []
    if plan is None or not runs:
        return
    folder.mkdir()
    shown = dict(zip(plan.decisions["code"], plan.decisions["name"], strict=True))
    for number, (head, end, table) in enumerate(runs, start=1):
        begin, finish = (shown.get(name, name) for name in (head, end))
        metres = table["chainage_m"].iloc[-1]
        title = Text(
            f"污水干管纵断面图：{begin} → {finish}（{metres / 1000:.2f} km）",
            f"Trunk sewer profile: {begin} to {finish} ({metres / 1000:.2f} km)",
        )
        plain = re.sub(r'[<>:"/\\|?*\s]', "-", f"{number:03d}_{begin}_{finish}")
        profile.draw(
            table, path=folder / f"{plain}.pdf", lang=results.lang, title=title.get(results.lang)
        )


__all__ = ["overview", "sewage_tables", "write_sewage"]
