"""What the tables of a water plan mean: titles, units and words of every column and code."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from qianwan_gis._text import Lang, Text
from qianwan_gis.schemas import Column, titled

_NONE = Text("", "")


_SYSTEM = titled("system", "text", "供水系统", "System", note=Text("水厂编号", "id of the works"))
_ZONE = titled("zone", "text", "压力分区", "Pressure zone")
_LOW = Text("EPANET 最高日各时最小", "least of the peak day, by EPANET")
_HIGH = Text("EPANET 最高日各时最大（夜间）", "largest of the peak day (night), by EPANET")
_REST = Text("EPANET，流量接近零", "by EPANET, near rest")

VILLAGES: tuple[Column, ...] = (
    titled("code", "text", "村庄代码", "Village code"),
    titled("name", "text", "村名", "Village"),
    titled("township", "text", "乡镇", "Township"),
    titled("population", "number", "人口", "Population", "人"),
    titled("status", "text", "供水方式", "Way of supply"),
    _SYSTEM, _ZONE,
    titled("scale", "text", "工程类型", "Class", note=Text("Ⅰ—Ⅴ型", "by peak-day supply")),
    titled("large", "boolean", "规模化供水", "Large scheme"),
    titled("demand_m3d", "number", "最高日需水量", "Peak-day demand", "m³/d"),
    titled("peak_ls", "number", "最高时流量", "Peak-hour flow", "L/s"),
    titled("quantity_lpcd", "number", "人均可得水量", "Litres a head", "L/(人·d)"),
    titled("ground_m", "number", "地面高程", "Ground", "m"),
    titled("pressure_peak_m", "number", "最高时水压", "Pressure at the peak", "m", _LOW),
    titled("pressure_night_m", "number", "夜间水压", "Pressure at night", "m", _HIGH),
    titled("pressure_rest_m", "number", "静水压", "Pressure at rest", "m", _REST),
    titled("valve", "boolean", "村口减压阀", "Reducing valve"),
    titled("works_m", "number", "至最近水厂直线距离", "Straight to the nearest works", "m"),
)  # fmt: skip
PIPES: tuple[Column, ...] = (
    titled("pipe", "text", "管段", "Pipe"),
    _SYSTEM, _ZONE,
    titled("kind", "text", "输水方式", "Kind"),
    titled("name", "text", "管道规格", "Size"),
    titled("diameter_mm", "number", "内径", "Inner diameter", "mm"),
    titled("length_m", "number", "长度", "Length", "m"),
    titled("flow_ls", "number", "最高时流量", "Peak flow", "L/s"),
    titled("velocity_ms", "number", "最大流速", "Velocity", "m/s"),
    titled("headloss_m", "number", "水头损失", "Head loss", "m"),
    titled("static_m", "number", "最大静水压", "Largest static head", "m"),
    titled("class_mpa", "number", "压力等级", "Pressure class", "MPa"),
    titled("villages_cut", "integer", "停此管断水村数", "Villages cut off if shut"),
    titled("people_cut", "number", "停此管断水人口", "People cut off if shut", "人"),
    titled("basis", "text", "线位依据", "Basis"),
)  # fmt: skip
STATIONS: tuple[Column, ...] = (
    titled("station", "text", "泵站", "Station"),
    _SYSTEM,
    titled("kind", "text", "类型", "Kind"),
    titled("ground_m", "number", "地面高程", "Ground", "m"),
    titled("flow_ls", "number", "流量", "Flow", "L/s"),
    titled("lift_m", "number", "扬程", "Lift", "m"),
    titled("outlet_m", "number", "出口水位", "Outlet level", "m"),
    titled("power_kw", "number", "功率", "Power", "kW"),
)  # fmt: skip
TANKS: tuple[Column, ...] = (
    titled("tank", "text", "清水池", "Clear-water tank"),
    _SYSTEM,
    titled("volume_m3", "number", "有效容积", "Volume", "m³"),
    titled("depth_m", "number", "有效水深", "Depth", "m"),
    titled("level_min_m", "number", "最低水深", "Lowest level", "m"),
    titled("level_max_m", "number", "最高水深", "Highest level", "m"),
)  # fmt: skip
BREAKS: tuple[Column, ...] = (
    titled("tank", "text", "减压池", "Break-pressure tank"),
    _SYSTEM,
    titled("ground_m", "number", "地面高程", "Ground", "m"),
    titled("level_m", "number", "水位", "Level", "m"),
    titled("broken_m", "number", "消除水头", "Head broken", "m"),
)  # fmt: skip
VALVES: tuple[Column, ...] = (
    titled("valve", "text", "减压阀", "Reducing valve"),
    _SYSTEM,
    titled("code", "text", "村庄代码", "Village code"),
    titled("inlet_m", "number", "阀前静水压", "Head before", "m"),
    titled("outlet_m", "number", "阀后设定", "Set to", "m"),
)  # fmt: skip
ZONES: tuple[Column, ...] = (
    titled("zone", "text", "压力分区", "Pressure zone"),
    _SYSTEM,
    titled("kind", "text", "供水方式", "Fed by"),
    titled("level_m", "number", "静水位", "Level at rest", "m"),
    titled("ground_low_m", "number", "最低地面", "Lowest ground", "m"),
    titled("ground_high_m", "number", "最高地面", "Highest ground", "m"),
    titled("villages", "integer", "村数", "Villages"),
    titled("people", "number", "人口", "People", "人"),
)  # fmt: skip
NODES: tuple[Column, ...] = (
    titled("node", "text", "节点", "Node"),
    _SYSTEM, _ZONE,
    titled("code", "text", "村庄代码", "Village code", note=Text("村口节点", "at a village's inlet")),
    titled("ground_m", "number", "地面高程", "Ground", "m"),
    titled("pressure_peak_m", "number", "最高时水压", "Pressure at the peak", "m", _LOW),
    titled("pressure_night_m", "number", "夜间水压", "Pressure at night", "m", _HIGH),
    titled("pressure_rest_m", "number", "静水压", "Pressure at rest", "m", _REST),
    titled("least_m", "number", "水压下限", "Least allowed", "m"),
    titled("most_m", "number", "水压上限", "Most allowed", "m"),
    titled("verdict", "text", "校核", "Check"),
)  # fmt: skip
SYSTEMS: tuple[Column, ...] = (
    _SYSTEM,
    titled("name", "text", "水厂", "Works"),
    titled("scale", "text", "工程类型", "Class"),
    titled("large", "boolean", "规模化供水", "Large scheme"),
    titled("villages", "integer", "村数", "Villages"),
    titled("people", "number", "人口", "People", "人"),
    titled("demand_m3d", "number", "最高日需水量", "Peak-day demand", "m³/d"),
    titled("capacity_m3d", "number", "水厂规模", "Capacity", "m³/d"),
    titled("pipe_m", "number", "管道总长", "Pipes", "m"),
    titled("lift_m", "number", "总扬程", "Lifts, together", "m"),
    titled("present_value", "number", "管网费用现值", "Present value", "元"),
    titled("bound", "number", "本树定径下界", "Bound, this tree", "元"),
    titled("gap", "number", "定径差距", "Gap, this tree"),
    titled("status", "text", "求解状态", "Solver"),
    titled("tree_bound", "number", "任意树下界", "Bound, any tree", "元",
       Text("同一水厂供同样村庄的任何管网不低于此", "no network for these villages costs less")),
    titled("tree_gap", "number", "与任意树下界差距", "Gap, any tree"),
    titled("trees_tried", "integer", "定径比选的树", "Trees sized"),
)  # fmt: skip
QUANTITIES: tuple[Column, ...] = (
    titled("item", "text", "项目", "Item"),
    titled("spec", "text", "规格", "Spec"),
    titled("unit", "text", "单位", "Unit"),
    titled("quantity", "number", "工程量", "Quantity"),
    titled("unit_price", "number", "单价", "Unit price", "元"),
    titled("amount", "number", "合价", "Amount", "元"),
)  # fmt: skip
COST: tuple[Column, ...] = (
    titled("item", "text", "费用构成", "Part"),
    titled("yuan", "number", "现值", "Present value", "元"),
)  # fmt: skip
CRITICAL: tuple[Column, ...] = (
    titled("pipe", "text", "管段", "Pipe"),
    _SYSTEM,
    titled("length_m", "number", "长度", "Length", "m"),
    titled("diameter_mm", "number", "内径", "Inner diameter", "mm"),
    titled("nodes_lost", "integer", "断水节点", "Nodes without water"),
    titled("nodes_reduced", "integer", "减水节点", "Nodes with less"),
    titled("codes", "text", "受影响村庄代码", "Villages concerned"),
    titled("villages", "integer", "受影响村数", "Villages"),
    titled("people", "number", "受影响人口", "People", "人"),
    titled("short_m3d", "number", "缺水量", "Water short", "m³/d"),
    titled("verdict", "text", "结论", "Verdict"),
    titled("why", "text", "无法计算的原因", "Why unknown"),
)  # fmt: skip
JOINED: tuple[Column, ...] = (
    titled("kind", "text", "连接方式", "Kind"),
    titled("line", "text", "管线", "Line"),
    titled("other", "text", "另一管线", "Other line"),
    titled("gap_m", "number", "缺口", "Gap", "m"),
    titled("x", "number", "东坐标", "Easting", "m"),
    titled("y", "number", "北坐标", "Northing", "m"),
)  # fmt: skip
PROFILE: tuple[Column, ...] = (
    titled("metres", "number", "里程", "Chainage", "m"),
    titled("ground_m", "number", "地面高程", "Ground", "m"),
    titled("peak_m", "number", "最高时水位线", "Hydraulic grade at the peak", "m"),
    titled("static_m", "number", "静水位线", "Level at rest", "m"),
    titled("pipe", "text", "管段", "Pipe"),
    titled("diameter_mm", "number", "内径", "Inner diameter", "mm"),
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
        "quick": Text("快速定径", "sized quickly"),
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
