"""Water supply: pipes, pressure zones, stations, pressures, and how each village is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from qianwan_gis._text import Text
from qianwan_gis.layers._registry import BLUE, GREEN, GREY, ORANGE, Results, Style, Symbol, layer
from qianwan_gis.schemas import Column
from qianwan_gis.services._water import columns as told
from qianwan_gis.services._water.safety import SAFETY, VERDICT_TEXT

if TYPE_CHECKING:
    from qianwan_gis.services.water import WaterPlan

_ASSUMED = Text(
    "规划方案：未建成，单价与定额多为判断值", "a plan: not built; prices and quotas are judgements"
)
_PURPLE = "#cc79a7"


def _plan(results: Results) -> WaterPlan | None:
    return getattr(results, "water", None)


def _columns(columns: tuple[Column, ...], *coded: str) -> tuple[Column, ...]:
    found: list[Column] = []
    for column in columns:
        found.append(column)
        if column.name in coded:
            title = Text(f"{column.title.zh}（文字）", f"{column.title.en}, in words")
            found.append(Column(f"{column.name}_text", "text", title, Text("", "")))
    return tuple(found)


def _frame(
    table: gpd.GeoDataFrame, columns: tuple[Column, ...], results: Results
) -> gpd.GeoDataFrame | None:
    if table.empty:
        return None
    words = told.worded(table, columns, results.lang, extra=True)
    return gpd.GeoDataFrame(words, geometry=table.geometry.to_numpy(), crs=table.crs).reset_index(
        drop=True
    )


# Inner diameters (mm) from which the class begins, its nominal diameters, its width on the map.
_BY_SIZE = ((0.0, "dn63—dn75", 0.35), (76.0, "dn110—dn140", 0.6), (125.0, "dn180—dn225", 0.9),
            (200.0, "dn280—dn355", 1.3), (340.0, "≥dn450", 1.8))  # fmt: skip
_SIZE = Column(
    "size_class", "text", Text("管径档", "Size class"), Text("按内径分档", "by inner diameter")
)


def _size_class(diameter_mm: float) -> str:
    return [name for low, name, _ in _BY_SIZE if diameter_mm >= low][-1]


@layer(
    "water_pipes",
    Text("供水管网（方案）", "Water pipes (plan)"),
    theme="water",
    columns=(*_columns(told.PIPES, "kind", "basis"), _SIZE),
    styles=(
        Style(
            Text("重力与加压", "Gravity and pumped"),
            "line",
            (
                Symbol("gravity", Text("重力输水", "gravity main"), BLUE, 0.8),
                Symbol("pumped", Text("加压输水", "pumped main"), ORANGE, 0.8),
                Symbol("ring", Text("成环管（示意）", "ring (sketch)"), GREY, 0.6, dashed=True),
            ),
            by="kind",
        ),
        Style(
            Text("管径", "Diameter"),
            "line",
            tuple(Symbol(name, Text(name, name), BLUE, width) for _, name, width in _BY_SIZE),
            by="size_class",
        ),
    ),
    note=_ASSUMED,
)
def _pipes(results: Results) -> gpd.GeoDataFrame | None:
    plan = _plan(results)
    if plan is None:
        return None
    frame = _frame(plan.pipes, told.PIPES, results)
    return (
        None
        if frame is None
        else frame.assign(size_class=[_size_class(d) for d in frame["diameter_mm"]])
    )


_CRITICAL = (
    Column("cut_class", "text", Text("断水影响", "Who is cut off"), Text("停用该管时断水人口", "people without water when shut")),
)  # fmt: skip
_CUT = ((5000.0, "large"), (1000.0, "middle"), (0.0, "small"))


@layer(
    "water_criticality",
    Text("供水管段重要性（停管断水人口）", "People cut off when a water pipe is shut"),
    theme="water",
    columns=(*_columns(told.PIPES, "kind", "basis"), *_CRITICAL),
    styles=(
        Style(
            Text("停管断水人口", "People cut off"),
            "line",
            (
                Symbol("large", Text("5000人以上", "5,000 and more"), ORANGE, 1.6),
                Symbol("middle", Text("1000—5000人", "1,000 to 5,000"), _PURPLE, 1.0),
                Symbol("small", Text("1000人以下", "below 1,000"), GREY, 0.5),
            ),
            by="cut_class",
        ),
    ),
    note=_ASSUMED,
)
def _criticality(results: Results) -> gpd.GeoDataFrame | None:
    plan = _plan(results)
    frame = None if plan is None else _frame(plan.pipes, told.PIPES, results)
    if frame is None:
        return None
    classes = [next(n for low, n in _CUT if p >= low) for p in frame["people_cut"]]
    return frame.assign(cut_class=classes)


@layer(
    "water_zones",
    Text("供水压力分区（方案）", "Water pressure zones (plan)"),
    theme="water",
    columns=_columns(told.ZONES, "kind"),
    styles=(
        Style(
            Text("供水方式", "Fed by"),
            "area",
            (
                Symbol("gravity", Text("重力区", "gravity zone"), BLUE, 0.3, opacity=0.25),
                Symbol("pumped", Text("加压区", "pumped zone"), ORANGE, 0.3, opacity=0.25),
                Symbol("broken", Text("减压区", "zone behind a break-pressure tank"), GREEN, 0.3, opacity=0.25),
            ),
            by="kind",
            label="zone",
        ),
    ),
    note=Text("管道两侧150 m示意范围", "a sketch: 150 m either side of the pipes"),
)  # fmt: skip
def _zones(results: Results) -> gpd.GeoDataFrame | None:
    plan = _plan(results)
    return None if plan is None else _frame(plan.zones, told.ZONES, results)


_DEVICE = (
    Column("device", "text", Text("编号", "Id"), Text("", "")),
    Column("kind", "text", Text("类型", "Kind"), Text("", "")),
    Column("kind_text", "text", Text("类型（文字）", "Kind, in words"), Text("", "")),
    Column("system", "text", Text("供水系统", "System"), Text("水厂编号", "id of the works")),
    Column("about", "text", Text("主要参数", "About"), Text("", "")),
)
_KINDS = {
    "tank": Text("清水池", "clear-water tank"),
    "works_pump": Text("水厂二级泵站", "works' pump"),
    "booster": Text("加压泵站", "booster"),
    "break_tank": Text("减压池", "break-pressure tank"),
    "valve": Text("村口减压阀", "reducing valve"),
}


@layer(
    "water_stations",
    Text("供水泵站、水池与减压设施（方案）", "Water stations, tanks and valves (plan)"),
    theme="water",
    columns=_DEVICE,
    styles=(
        Style(
            Text("设施类型", "Kind"),
            "point",
            (
                Symbol("tank", _KINDS["tank"], BLUE, 3.0, "square"),
                Symbol("works_pump", _KINDS["works_pump"], ORANGE, 3.0, "triangle"),
                Symbol("booster", _KINDS["booster"], ORANGE, 2.4, "triangle"),
                Symbol("break_tank", _KINDS["break_tank"], GREEN, 2.4, "diamond"),
                Symbol("valve", _KINDS["valve"], GREY, 1.4, "diamond"),
            ),
            by="kind",
        ),
    ),
    note=_ASSUMED,
)
def _stations(results: Results) -> gpd.GeoDataFrame | None:
    plan = _plan(results)
    if plan is None or plan.system is None:
        return None
    lift = Text("扬程", "lift").get(results.lang)
    fall = Text("消除", "breaks").get(results.lang)
    parts = []
    for table, name, kind, form in (
        (plan.tanks, "tank", "tank", "{volume_m3:g} m³"),
        (plan.stations, "station", None, lift + " {lift_m:g} m, {flow_ls:g} L/s, {power_kw:g} kW"),
        (plan.break_pressure_tanks, "tank", "break_tank", fall + " {broken_m:g} m"),
        (plan.valves, "valve", "valve", "{inlet_m:g} → {outlet_m:g} m"),
    ):
        kinds = table["kind"] if kind is None else pd.Series(kind, index=table.index)
        parts.append(
            gpd.GeoDataFrame(
                {
                    "device": table[name].astype(str), "kind": kinds.astype(str),
                    "kind_text": [_KINDS[str(k)].get(results.lang) for k in kinds],
                    "system": table["system"].astype(str),
                    "about": [form.format(**row) for row in table.to_dict("records")],
                },
                geometry=table.geometry, crs=plan.villages.crs,
            )
        )  # fmt: skip
    frame = pd.concat([p for p in parts if len(p)], ignore_index=True)
    return gpd.GeoDataFrame(frame, geometry="geometry", crs=plan.villages.crs)


@layer(
    "water_nodes",
    Text("管网节点水压（方案）", "Pressures in the water network (plan)"),
    theme="water",
    columns=_columns(told.NODES, "verdict"),
    styles=(
        Style(
            Text("水压校核", "Check of pressure"),
            "point",
            (
                Symbol("low", Text("水压不足", "too low"), ORANGE, 2.4),
                Symbol("high", Text("水压过高", "too high"), _PURPLE, 2.4),
                Symbol("ok", Text("合格", "within limits"), BLUE, 1.2),
            ),
            by="verdict",
            label="pressure_peak_m",
        ),
    ),
    note=Text("EPANET 校核；标注为最高时水压（m）", "by EPANET; labels: pressure at the peak (m)"),
)
def _nodes(results: Results) -> gpd.GeoDataFrame | None:
    plan = _plan(results)
    return None if plan is None else _frame(plan.nodes, told.NODES, results)


@layer(
    "water_villages",
    Text("村庄供水方式（方案）", "How villages are supplied (plan)"),
    theme="water",
    columns=_columns(told.VILLAGES, "status"),
    styles=(
        Style(
            Text("供水方式", "Way of supply"),
            "point",
            (
                Symbol("works", told.WORDS["status"]["works"], BLUE, 2.4),
                Symbol("single", told.WORDS["status"]["single"], GREEN, 2.4),
                Symbol("", Text("未得出方案", "no plan"), GREY, 2.0),
            ),
            by="status",
        ),
    ),
    note=_ASSUMED,
)
def _villages(results: Results) -> gpd.GeoDataFrame | None:
    plan = _plan(results)
    if plan is None:
        return None
    placed = plan.villages[~(plan.villages.geometry.isna() | plan.villages.geometry.is_empty)]
    return _frame(placed, told.VILLAGES, results)


@layer(
    "water_safety",
    Text("农村饮水安全评价", "Safety of drinking water"),
    theme="water",
    columns=(*SAFETY, Column("verdict_text", "text", Text("结论（文字）", "Verdict, in words"), Text("", ""))),
    styles=(
        Style(
            Text("评价结论", "Verdict"),
            "point",
            (
                Symbol("safe", VERDICT_TEXT["safe"], BLUE, 2.4),
                Symbol("basic", VERDICT_TEXT["basic"], "#56b4e9", 2.4),
                Symbol("unsafe", VERDICT_TEXT["unsafe"], ORANGE, 2.6),
                Symbol("unknown", VERDICT_TEXT["unknown"], GREY, 2.0),
            ),
            by="verdict",
        ),
    ),
    note=Text("按供水工程台账；缺项不推定", "by the works' register; nothing assumed where it is silent"),
)  # fmt: skip
def _safety(results: Results) -> gpd.GeoDataFrame | None:
    table = getattr(results, "water_safety", None)
    if table is None or table["facility_id"].eq("").all():
        return None
    villages = results.villages
    places = villages.set_index(villages["code"].astype(str)).geometry
    points = places.reindex(table["code"]).to_numpy()
    words = [VERDICT_TEXT[v].get(results.lang) for v in table["verdict"]]
    frame = gpd.GeoDataFrame(table.assign(verdict_text=words), geometry=points, crs=results.crs)
    return frame[~(frame.geometry.isna() | frame.geometry.is_empty)].reset_index(drop=True)
