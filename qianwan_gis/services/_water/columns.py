"""What the tables of a water plan mean: titles, units and words of every column and code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from qianwan_gis._text import Lang, Text
from qianwan_gis.schemas import Column

_NONE = Text("", "")


def _c(name: str, kind: Any, zh: str, en: str, unit: str = "", note: Text = _NONE) -> Column:
    return Column(name, kind, Text(zh, en), note, unit)


_SYSTEM = _c("system", "text", "供水系统", "System", note=Text("水厂编号", "id of the works"))
_ZONE = _c("zone", "text", "压力分区", "Pressure zone")
_LOW = Text("EPANET 最高日各时最小", "least of the peak day, by EPANET")
_HIGH = Text("EPANET 最高日各时最大（夜间）", "largest of the peak day (night), by EPANET")
_REST = Text("EPANET，流量接近零", "by EPANET, near rest")

VILLAGES: tuple[Column, ...] = (
    _c("code", "text", "村庄代码", "Village code"),
    _c("name", "text", "村名", "Village"),
    _c("township", "text", "乡镇", "Township"),
    _c("population", "number", "人口", "Population", "人"),
    _c("status", "text", "供水方式", "Way of supply"),
    _SYSTEM, _ZONE,
    _c("scale", "text", "工程类型", "Class", note=Text("Ⅰ—Ⅴ型", "by peak-day supply")),
    _c("large", "boolean", "规模化供水", "Large scheme"),
    _c("demand_m3d", "number", "最高日需水量", "Peak-day demand", "m³/d"),
    _c("peak_ls", "number", "最高时流量", "Peak-hour flow", "L/s"),
    _c("quantity_lpcd", "number", "人均可得水量", "Litres a head", "L/(人·d)"),
    _c("ground_m", "number", "地面高程", "Ground", "m"),
    _c("pressure_peak_m", "number", "最高时水压", "Pressure at the peak", "m", _LOW),
    _c("pressure_night_m", "number", "夜间水压", "Pressure at night", "m", _HIGH),
    _c("pressure_rest_m", "number", "静水压", "Pressure at rest", "m", _REST),
    _c("valve", "boolean", "村口减压阀", "Reducing valve"),
    _c("works_m", "number", "至最近水厂直线距离", "Straight to the nearest works", "m"),
)  # fmt: skip
PIPES: tuple[Column, ...] = (
    _c("pipe", "text", "管段", "Pipe"),
    _SYSTEM, _ZONE,
    _c("kind", "text", "输水方式", "Kind"),
    _c("name", "text", "管道规格", "Size"),
    _c("diameter_mm", "number", "内径", "Inner diameter", "mm"),
    _c("length_m", "number", "长度", "Length", "m"),
    _c("flow_ls", "number", "最高时流量", "Peak flow", "L/s"),
    _c("velocity_ms", "number", "最大流速", "Velocity", "m/s"),
    _c("headloss_m", "number", "水头损失", "Head loss", "m"),
    _c("static_m", "number", "最大静水压", "Largest static head", "m"),
    _c("class_mpa", "number", "压力等级", "Pressure class", "MPa"),
    _c("villages_cut", "integer", "停此管断水村数", "Villages cut off if shut"),
    _c("people_cut", "number", "停此管断水人口", "People cut off if shut", "人"),
    _c("basis", "text", "线位依据", "Basis"),
)  # fmt: skip
STATIONS: tuple[Column, ...] = (
    _c("station", "text", "泵站", "Station"),
    _SYSTEM,
    _c("kind", "text", "类型", "Kind"),
    _c("ground_m", "number", "地面高程", "Ground", "m"),
    _c("flow_ls", "number", "流量", "Flow", "L/s"),
    _c("lift_m", "number", "扬程", "Lift", "m"),
    _c("outlet_m", "number", "出口水位", "Outlet level", "m"),
    _c("power_kw", "number", "功率", "Power", "kW"),
)  # fmt: skip
TANKS: tuple[Column, ...] = (
    _c("tank", "text", "清水池", "Clear-water tank"),
    _SYSTEM,
    _c("volume_m3", "number", "有效容积", "Volume", "m³"),
    _c("depth_m", "number", "有效水深", "Depth", "m"),
    _c("level_min_m", "number", "最低水深", "Lowest level", "m"),
    _c("level_max_m", "number", "最高水深", "Highest level", "m"),
)  # fmt: skip
BREAKS: tuple[Column, ...] = (
    _c("tank", "text", "减压池", "Break-pressure tank"),
    _SYSTEM,
    _c("ground_m", "number", "地面高程", "Ground", "m"),
    _c("level_m", "number", "水位", "Level", "m"),
    _c("broken_m", "number", "消除水头", "Head broken", "m"),
)  # fmt: skip
VALVES: tuple[Column, ...] = (
    _c("valve", "text", "减压阀", "Reducing valve"),
    _SYSTEM,
    _c("code", "text", "村庄代码", "Village code"),
    _c("inlet_m", "number", "阀前静水压", "Head before", "m"),
    _c("outlet_m", "number", "阀后设定", "Set to", "m"),
)  # fmt: skip
ZONES: tuple[Column, ...] = (
    _c("zone", "text", "压力分区", "Pressure zone"),
    _SYSTEM,
    _c("kind", "text", "供水方式", "Fed by"),
    _c("level_m", "number", "静水位", "Level at rest", "m"),
    _c("ground_low_m", "number", "最低地面", "Lowest ground", "m"),
    _c("ground_high_m", "number", "最高地面", "Highest ground", "m"),
    _c("villages", "integer", "村数", "Villages"),
    _c("people", "number", "人口", "People", "人"),
)  # fmt: skip
NODES: tuple[Column, ...] = (
    _c("node", "text", "节点", "Node"),
    _SYSTEM, _ZONE,
    _c("code", "text", "村庄代码", "Village code", note=Text("村口节点", "at a village's inlet")),
    _c("ground_m", "number", "地面高程", "Ground", "m"),
    _c("pressure_peak_m", "number", "最高时水压", "Pressure at the peak", "m", _LOW),
    _c("pressure_night_m", "number", "夜间水压", "Pressure at night", "m", _HIGH),
    _c("pressure_rest_m", "number", "静水压", "Pressure at rest", "m", _REST),
    _c("least_m", "number", "水压下限", "Least allowed", "m"),
    _c("most_m", "number", "水压上限", "Most allowed", "m"),
    _c("verdict", "text", "校核", "Check"),
)  # fmt: skip
SYSTEMS: tuple[Column, ...] = (
    _SYSTEM,
    _c("name", "text", "水厂", "Works"),
    _c("scale", "text", "工程类型", "Class"),
    _c("large", "boolean", "规模化供水", "Large scheme"),
    _c("villages", "integer", "村数", "Villages"),
    _c("people", "number", "人口", "People", "人"),
    _c("demand_m3d", "number", "最高日需水量", "Peak-day demand", "m³/d"),
    _c("capacity_m3d", "number", "水厂规模", "Capacity", "m³/d"),
    _c("pipe_m", "number", "管道总长", "Pipes", "m"),
    _c("lift_m", "number", "总扬程", "Lifts, together", "m"),
    _c("present_value", "number", "管网费用现值", "Present value", "元"),
    _c("bound", "number", "本树定径下界", "Bound, this tree", "元"),
    _c("gap", "number", "定径差距", "Gap, this tree"),
    _c("status", "text", "求解状态", "Solver"),
    _c("tree_bound", "number", "任意树下界", "Bound, any tree", "元",
       Text("同一水厂供同样村庄的任何管网不低于此", "no network for these villages costs less")),
    _c("tree_gap", "number", "与任意树下界差距", "Gap, any tree"),
    _c("trees_tried", "integer", "定径比选的树", "Trees sized"),
)  # fmt: skip
QUANTITIES: tuple[Column, ...] = (
    _c("item", "text", "项目", "Item"),
    _c("spec", "text", "规格", "Spec"),
    _c("unit", "text", "单位", "Unit"),
    _c("quantity", "number", "工程量", "Quantity"),
    _c("unit_price", "number", "单价", "Unit price", "元"),
    _c("amount", "number", "合价", "Amount", "元"),
)  # fmt: skip
COST: tuple[Column, ...] = (
    _c("item", "text", "费用构成", "Part"),
    _c("yuan", "number", "现值", "Present value", "元"),
)  # fmt: skip
CRITICAL: tuple[Column, ...] = (
    _c("pipe", "text", "管段", "Pipe"),
    _SYSTEM,
    _c("length_m", "number", "长度", "Length", "m"),
    _c("diameter_mm", "number", "内径", "Inner diameter", "mm"),
    _c("nodes_lost", "integer", "断水节点", "Nodes without water"),
    _c("nodes_reduced", "integer", "减水节点", "Nodes with less"),
    _c("codes", "text", "受影响村庄代码", "Villages concerned"),
    _c("villages", "integer", "受影响村数", "Villages"),
    _c("people", "number", "受影响人口", "People", "人"),
    _c("short_m3d", "number", "缺水量", "Water short", "m³/d"),
    _c("verdict", "text", "结论", "Verdict"),
    _c("why", "text", "无法计算的原因", "Why unknown"),
)  # fmt: skip
JOINED: tuple[Column, ...] = (
    _c("kind", "text", "连接方式", "Kind"),
    _c("line", "text", "管线", "Line"),
    _c("other", "text", "另一管线", "Other line"),
    _c("gap_m", "number", "缺口", "Gap", "m"),
    _c("x", "number", "东坐标", "Easting", "m"),
    _c("y", "number", "北坐标", "Northing", "m"),
)  # fmt: skip
PROFILE: tuple[Column, ...] = (
    _c("metres", "number", "里程", "Chainage", "m"),
    _c("ground_m", "number", "地面高程", "Ground", "m"),
    _c("peak_m", "number", "最高时水位线", "Hydraulic grade at the peak", "m"),
    _c("static_m", "number", "静水位线", "Level at rest", "m"),
    _c("pipe", "text", "管段", "Pipe"),
    _c("diameter_mm", "number", "内径", "Inner diameter", "mm"),
)  # fmt: skip

#: Words of codes, by column.
WORDS: dict[str, dict[str, Text]] = {
    "status": {
        "works": Text("联村集中供水", "from a waterworks"),
        "single": Text("单村供水", "a scheme of its own"),
        "no_road": Text("附近无道路", "no road near"),
        "not_located": Text("位置未知", "not located"),
        "no_design": Text("未得出合格方案", "no design within the limits"),
        "no_terrain": Text("缺少地形", "no terrain"),
        "optimal": Text("已达求解精度", "solved to the gap"),
        "feasible": Text("时限内最好", "best within the time"),
    },
    "kind": {
        "gravity": Text("重力", "gravity"),
        "pumped": Text("加压", "pumped"),
        "broken": Text("减压池后", "behind a break-pressure tank"),
        "ring": Text("成环管", "ring"),
        "works_pump": Text("水厂二级泵站", "works' pump"),
        "booster": Text("加压泵站", "booster"),
        "ends": Text("端点相接", "end to end"),
        "end_to_pipe": Text("端点接到管身", "end to pipe"),
    },
    "basis": {
        "road": Text("沿路", "along a road"),
        "presumed": Text("推定道路", "presumed road"),
        "sketch": Text("示意", "sketch"),
    },
    "verdict": {
        "ok": Text("合格", "within limits"),
        "low": Text("水压不足", "too low"),
        "high": Text("水压过高", "too high"),
        "lost": Text("断水", "without water"),
        "reduced": Text("水量减少", "less water"),
        "nobody": Text("无影响", "nobody"),
        "unknown": Text("无法计算", "not computed"),
    },
    "item": {
        "pipes": Text("管道", "pipes"),
        "pumping": Text("泵站与电费", "pumps and power"),
        "break_pressure": Text("减压池与减压阀", "break-pressure tanks and valves"),
        "tanks": Text("清水池", "clear-water tanks"),
        "works_water": Text("水厂制水", "the works' water"),
        "single": Text("单村供水工程", "single-village schemes"),
        "total": Text("合计", "total"),
        "building": Text("其中：工程造价", "of it: building"),
        "输配水管道": Text("输配水管道", "pipes laid"),
        "加压泵站": Text("加压泵站", "pump stations"),
        "加压泵站装机": Text("加压泵站装机", "installed power"),
        "减压池": Text("减压池", "break-pressure tanks"),
        "村口减压阀组": Text("村口减压阀组", "reducing valve sets"),
        "清水池": Text("清水池", "clear-water tanks"),
        "单村供水工程": Text("单村供水工程", "single-village schemes"),
        "单村供水工程规模": Text("单村供水工程规模", "single-village capacity"),
    },
    "unit": {
        "m": Text("m", "m"), "座": Text("座", "each"), "kW": Text("kW", "kW"),
        "套": Text("套", "set"), "m³": Text("m³", "m³"), "处": Text("处", "each"),
        "m³/d": Text("m³/d", "m³/d"),
    },
}  # fmt: skip


def worded(
    frame: pd.DataFrame, columns: tuple[Column, ...], lang: Lang, *, extra: bool = False
) -> pd.DataFrame:
    """Return the described columns that are there, in their order, codes as words.

    Parameters
    ----------
    extra
        Keep the codes, and put the words in ``<column>_text`` beside them (for layers).
    """
    names = [c.name for c in columns if c.name in frame.columns]
    made = pd.DataFrame(frame)[names].copy()
    for name in names:
        words: Mapping[str, Text] = WORDS.get(name, {})
        if made[name].dtype == bool:
            yes, no = Text("是", "yes").get(lang), Text("否", "no").get(lang)
            made[name] = made[name].map({True: yes, False: no})
        elif words and not pd.api.types.is_numeric_dtype(made[name]):
            text = made[name].map(
                lambda v, words=words: words[str(v)].get(lang) if str(v) in words else v
            )
            if extra:
                made.insert(int(made.columns.get_indexer([name])[0]) + 1, f"{name}_text", text)
            else:
                made[name] = text
    return made


def described(columns: tuple[Column, ...], frame: pd.DataFrame) -> tuple[Column, ...]:
    """Return the meaning of every column of what `worded` gave."""
    given = {c.name: c for c in columns}
    found = []
    for name in frame.columns:
        stem = str(name).removesuffix("_text")
        column = given[str(name)] if str(name) in given else given[stem]
        if str(name) not in given:
            title = Text(f"{column.title.zh}（文字）", f"{column.title.en}, in words")
            column = Column(str(name), "text", title, _NONE)
        found.append(column)
    return tuple(found)
