"""The tables that modules hand to each other, and the check at the door.

Each table is a tuple of `Column`: name, kind, Chinese and English title, unit and meaning. The
same entries make the data dictionary of every output, so a column is described in one place.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from qianwan_gis._errors import DataError, ProblemLog
from qianwan_gis._text import Text

if TYPE_CHECKING:
    import geopandas as gpd

Kind = Literal["text", "number", "integer", "boolean", "Point", "LineString", "Polygon"]


class Basis(StrEnum):
    """How a village's position is known."""

    POINT = "point"
    REGION = "region"
    NONE = "none"


class Match(StrEnum):
    """What kind of evidence placed a village, best first."""

    REVIEWED = "reviewed"
    EXACT = "exact"
    LANDMARK = "landmark"
    SEAT = "seat"
    PROVIDER = "provider"
    SETTLEMENT = "settlement"
    DESCRIBED = "described"
    TOWNSHIP = "township"
    NONE = "none"


class RoadBasis(StrEnum):
    """How a road line came to be."""

    SURVEYED = "surveyed"
    OSM = "osm"
    GENERALISED = "generalised"
    PRESUMED = "presumed"
    SYNTHETIC = "synthetic"


class FacilityBasis(StrEnum):
    """How a facility came to be known."""

    RECORDED = "recorded"
    ASSUMED = "assumed"
    SYNTHETIC = "synthetic"


class Inventory(StrEnum):
    """How complete the register of a service's facilities is."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    ASSUMED = "assumed"
    NONE = "none"


class Reason(StrEnum):
    """Why a village is covered, not covered or not assessed. The only list of reasons."""

    OK = "ok"
    OVER_LIMIT = "over_limit"
    STEEP_ROAD = "steep_road"
    NO_ROAD = "no_road"
    ROAD_CLOSED = "road_closed"
    OTHER_COMPONENT = "other_component"
    FACILITY_FULL = "facility_full"
    NO_FACILITY = "no_facility"
    NOT_LOCATED = "not_located"
    UNDECIDED = "undecided"
    INVENTORY_INCOMPLETE = "inventory_incomplete"
    SAME_POINT = "same_point"
    SCREEN_ONLY = "screen_only"
    NO_TERRAIN = "no_terrain"
    NO_SEWER_RECORD = "no_sewer_record"
    NO_WORKS_REGISTER = "no_works_register"
    LOW_PRESSURE = "low_pressure"
    LOW_QUANTITY = "low_quantity"
    WATER_UNSAFE = "water_unsafe"
    ON_SITE_CHEAPER = "on_site_cheaper"
    STATION_CHEAPER = "station_cheaper"
    SEWER_CHEAPER = "sewer_cheaper"
    EXCLUDED_AREA = "excluded_area"
    PLANNED = "planned"


REASON_TEXT: dict[Reason, Text] = {
    Reason.OK: Text("达标", "within the limit"),
    Reason.OVER_LIMIT: Text("超出标准", "over the limit"),
    Reason.STEEP_ROAD: Text("因道路坡陡超过限值", "over the limit because roads are steep"),
    Reason.NO_ROAD: Text("附近无道路", "no road near the village"),
    Reason.ROAD_CLOSED: Text("道路中断，到不了", "cut off by closed roads"),
    Reason.OTHER_COMPONENT: Text("路网不连通", "on a separate part of the road network"),
    Reason.FACILITY_FULL: Text("设施容量已满", "facility is full"),
    Reason.NO_FACILITY: Text("没有该类设施", "no facility of this kind"),
    Reason.NOT_LOCATED: Text("村庄位置未知", "village not located"),
    Reason.UNDECIDED: Text("不确定，难以判定", "undecided: uncertainty spans the limit"),
    Reason.INVENTORY_INCOMPLETE: Text("设施名录不完整", "facility inventory incomplete"),
    Reason.SAME_POINT: Text("与推定设施同点，不评估", "same point as an assumed facility"),
    Reason.SCREEN_ONLY: Text("仅作距离筛查", "distance screen only"),
    Reason.NO_TERRAIN: Text("缺少地形数据", "no terrain data"),
    Reason.NO_SEWER_RECORD: Text("没有污水管网资料", "no sewer on record"),
    Reason.NO_WORKS_REGISTER: Text("没有供水工程台账", "no register of waterworks"),
    Reason.LOW_PRESSURE: Text("水压不足", "pressure too low"),
    Reason.LOW_QUANTITY: Text("水量不足", "quantity too low"),
    Reason.WATER_UNSAFE: Text(
        "水质、方便程度或保证率不达标", "quality, convenience or reliability not met"
    ),
    Reason.ON_SITE_CHEAPER: Text("分散处理更经济", "on-site treatment is cheaper"),
    Reason.STATION_CHEAPER: Text("集中处理站更经济", "a treatment station is cheaper"),
    Reason.SEWER_CHEAPER: Text("纳管更经济", "joining the sewer is cheaper"),
    Reason.EXCLUDED_AREA: Text("位于禁止区域", "inside an excluded area"),
    Reason.PLANNED: Text("方案选定，尚未建成", "chosen by the plan, not yet built"),
}

VALUE_TEXT: dict[str, dict[str, Text]] = {
    "basis": {
        "point": Text("点位", "point"),
        "region": Text("区域", "region"),
        "none": Text("无", "none"),
        "surveyed": Text("实测", "surveyed"),
        "osm": Text("开放地图", "OpenStreetMap"),
        "generalised": Text("概化", "generalised"),
        "presumed": Text("推定", "presumed"),
        "synthetic": Text("合成", "synthetic"),
        "recorded": Text("登记", "recorded"),
        "assumed": Text("假定", "assumed"),
    },
    "match": {
        "reviewed": Text("人工核定", "reviewed"),
        "exact": Text("本村点位", "exact point"),
        "landmark": Text("村内地标", "landmark in the village"),
        "seat": Text("驻地同名", "seat of the same name"),
        "provider": Text("在线地理编码", "online geocoder"),
        "settlement": Text("同镇区共用点", "shared settlement point"),
        "described": Text("文字描述", "described position"),
        "township": Text("仅知所属乡镇", "township only"),
        "none": Text("无依据", "none"),
    },
    "inventory": {
        "complete": Text("完整", "complete"),
        "partial": Text("不完整", "partial"),
        "assumed": Text("假定", "assumed"),
        "none": Text("缺失", "none"),
    },
    "service": {
        "clinic": Text("医疗卫生", "health care"),
        "sewage": Text("污水治理", "sewage"),
        "water": Text("供水", "water supply"),
        "corridor": Text("廊带服务", "corridor services"),
        "school": Text("教育", "education"),
        "shop": Text("商业", "shops"),
        "elderly": Text("养老", "care of the elderly"),
    },
    "tier": {
        "village": Text("村卫生室", "village clinic"),
        "township": Text("乡镇卫生院", "township health centre"),
        "county": Text("县级医院", "county hospital"),
        "sewer": Text("纳管", "joined to a sewer"),
        "station": Text("集中处理站", "treatment station"),
        "on_site": Text("分散处理", "on-site treatment"),
        "works": Text("供水工程", "waterworks"),
        "plant": Text("污水处理厂", "sewage plant"),
        "post": Text("驿站", "wayside station"),
        "scenic": Text("景点", "scenic spot"),
        "toilet": Text("公厕", "public toilet"),
        "charger": Text("充电站", "charging station"),
        "parking": Text("停车观景点", "car park or viewpoint"),
        "primary": Text("小学", "primary school"),
    },
    "population_kind": {
        "registered": Text("户籍", "registered"),
        "resident": Text("常住", "resident"),
    },
    "status": {
        "existing": Text("现状", "existing"),
        "planned": Text("规划", "planned"),
    },
    "reason": {str(reason): text for reason, text in REASON_TEXT.items()},
    "plan": {
        "sewer": Text("纳管", "join a sewer"),
        "station": Text("集中（单村站）", "a station of its own"),
        "shared_station": Text("集中（联村站）", "a shared station"),
        "on_site": Text("分散", "on site"),
        "reuse": Text("资源化", "reuse"),
        "tank": Text("贮池外运", "sealed tank and tanker"),
        "existing": Text("已有设施", "served already"),
        "works": Text("联村集中供水", "from a waterworks"),
        "single": Text("单村供水", "a scheme of its own"),
        "mixed": Text("各自然村不同", "differs by settlement"),
        "": Text("未评估", "not assessed"),
    },
    "plan_next": {
        "sewer": Text("纳管", "join a sewer"),
        "station": Text("集中处理站", "a station"),
        "on_site": Text("分散", "on site"),
        "reuse": Text("资源化", "reuse"),
    },
}


@dataclass(frozen=True)
class Column:
    """One column of a table contract."""

    name: str
    kind: Kind
    title: Text
    note: Text
    unit: str = ""
    nullable: bool = True
    allowed: tuple[str, ...] = ()


def titled(
    name: str, kind: Kind, zh: str, en: str, unit: str = "", note: Text | None = None
) -> Column:
    """Return a column from its titles in both languages."""
    return Column(name, kind, Text(zh, en), Text("", "") if note is None else note, unit)


def _values(enum: type[StrEnum]) -> tuple[str, ...]:
    return tuple(str(member) for member in enum)


_CODE = Column(
    "code",
    "text",
    Text("村庄代码", "Village code"),
    Text("12位统计代码；无代码者为“县-乡镇-村名”", "12-digit code; county-township-name if none"),
    nullable=False,
)

VILLAGES: tuple[Column, ...] = (
    _CODE,
    Column("name", "text", Text("村名", "Village"), Text("核定名", "settled name"), nullable=False),
    Column("township", "text", Text("乡镇", "Township"), Text("现名", "present name"), nullable=False),
    Column("lists", "text", Text("所在名单", "Lists"), Text("多份名单以分号分隔；空为不在名单", "separated by ;")),
    Column("category", "text", Text("创建类别", "Category"), Text("取自名单；两份不一致取较高者并注明", "from the lists; the higher where they differ")),
    Column("category_note", "text", Text("类别说明", "Category note"), Text("名单间差异", "differences between lists")),
    Column("population", "number", Text("人口", "Population"), Text("按来源记录，从不推补", "as published, never filled in"), "人"),
    Column("population_kind", "text", Text("人口口径", "Population kind"), Text("户籍、常住或空", "registered, resident or empty"), allowed=("registered", "resident", "")),
    Column("population_year", "integer", Text("人口年份", "Population year"), Text("空为未注明", "empty: not stated")),
    Column("population_source", "text", Text("人口来源", "Population source"), Text("出处", "source")),
    Column("basis", "text", Text("定位方式", "Basis"), Text("点位、区域或无", "point, region or none"), nullable=False, allowed=_values(Basis)),
    Column("match", "text", Text("定位依据", "Match"), Text("证据类别", "class of the best evidence"), nullable=False, allowed=_values(Match)),
    Column("uncertainty_m", "number", Text("位置不确定度", "Uncertainty"), Text("以此为半径的圆有90%的把握包含该村", "radius holding 90 %"), "m"),
    Column("evidence", "text", Text("证据", "Evidence"), Text("逐条列出来源、坐标系、许可与权重", "each piece: source, datum, licence, weight")),
    Column("geometry", "Point", Text("位置", "Position"), Text("仅当定位方式为点位时才有", "only where basis is point")),
)  # fmt: skip

REGIONS: tuple[Column, ...] = (
    _CODE,
    Column("weight", "number", Text("概率", "Weight"), Text("该多边形内的概率质量", "probability mass in the polygon"), nullable=False),
    Column("geometry", "Polygon", Text("范围", "Area"), Text("村庄可能所在的范围", "where the village may be"), nullable=False),
)  # fmt: skip

ROADS: tuple[Column, ...] = (
    Column("road_id", "text", Text("道路编号", "Road id"), Text("本表唯一", "unique here"), nullable=False),
    Column("road_class", "text", Text("道路等级", "Class"), Text("见 standards/roads.toml", "see standards/roads.toml"), nullable=False),
    Column("name", "text", Text("路名", "Name"), Text("", "")),
    Column("ref", "text", Text("路线编号", "Ref"), Text("如 G207", "such as G207")),
    Column("surface", "text", Text("路面", "Surface"), Text("", "")),
    Column("oneway", "boolean", Text("单行", "One-way"), Text("按线的方向", "in the line's direction"), nullable=False),
    Column("bridge", "boolean", Text("桥梁", "Bridge"), Text("与下方道路不相交", "not joined to what it crosses"), nullable=False),
    Column("tunnel", "boolean", Text("隧道", "Tunnel"), Text("与上方道路不相交", "not joined to what it crosses"), nullable=False),
    Column("status", "text", Text("状态", "Status"), Text("现状或规划", "existing or planned"), nullable=False, allowed=("existing", "planned")),
    Column("basis", "text", Text("来源性质", "Basis"), Text("实测、开放地图、概化、推定或合成", "surveyed, osm, generalised, presumed or synthetic"), nullable=False, allowed=_values(RoadBasis)),
    Column("geometry", "LineString", Text("线形", "Line"), Text("", ""), nullable=False),
)  # fmt: skip

FACILITIES: tuple[Column, ...] = (
    Column("facility_id", "text", Text("设施编号", "Facility id"), Text("本表唯一", "unique here"), nullable=False),
    Column("service", "text", Text("服务", "Service"), Text("医疗、污水、供水等", "clinic, sewage, water"), nullable=False),
    Column("tier", "text", Text("层级", "Tier"), Text("村、乡镇、县级等", "village, township, county, …"), nullable=False),
    Column("name", "text", Text("名称", "Name"), Text("", ""), nullable=False),
    Column("capacity", "number", Text("容量", "Capacity"), Text("空为未知；单位随服务", "empty: unknown; unit by service")),
    Column("basis", "text", Text("来源性质", "Basis"), Text("登记、假定或合成", "recorded, assumed or synthetic"), nullable=False, allowed=_values(FacilityBasis)),
    Column("uncertainty_m", "number", Text("位置不确定度", "Uncertainty"), Text("90%半径", "radius holding 90 %"), "m"),
    Column("source", "text", Text("来源", "Source"), Text("", "")),
    Column("licence", "text", Text("许可", "Licence"), Text("", "")),
    Column("village_code", "text", Text("所在村代码", "Village code"), Text("设在村内的设施", "of a facility inside a village")),
    Column("geometry", "Point", Text("位置", "Position"), Text("空：设在只知范围的村，随村而定", "empty: in a village known by region only, and moves with it")),
)  # fmt: skip

COVERAGE: tuple[Column, ...] = (
    _CODE,
    Column("service", "text", Text("服务", "Service"), Text("", ""), nullable=False),
    Column("tier", "text", Text("层级", "Tier"), Text("", ""), nullable=False),
    Column("facility_id", "text", Text("设施编号", "Facility id"), Text("最近或供给该村的设施", "nearest or supplying")),
    Column("minutes", "number", Text("时间", "Minutes"), Text("推定路段上取整", "whole numbers where presumed"), "min"),
    Column("minutes_low", "number", Text("时间下限", "Minutes, low"), Text("推定路段时的5%分位", "5th percentile where presumed"), "min"),
    Column("minutes_high", "number", Text("时间上限", "Minutes, high"), Text("推定路段时的95%分位", "95th percentile where presumed"), "min"),
    Column("metres", "number", Text("里程", "Metres"), Text("", ""), "m"),
    Column("metres_low", "number", Text("里程下限", "Metres, low"), Text("5%分位", "5th percentile"), "m"),
    Column("metres_high", "number", Text("里程上限", "Metres, high"), Text("95%分位", "95th percentile"), "m"),
    Column("band", "text", Text("距离档", "Distance band"), Text("筛查所得，不是结论", "from a screen, no conclusion")),
    Column("limit", "number", Text("标准限值", "Limit"), Text("含本数", "inclusive")),
    Column("limit_unit", "text", Text("限值单位", "Limit unit"), Text("min 或 m", "min or m")),
    Column("covered", "boolean", Text("是否覆盖", "Covered"), Text("空为未知", "empty: unknown")),
    Column("p_covered", "number", Text("覆盖概率", "Probability"), Text("联合抽样所得", "from joint draws")),
    Column("reason", "text", Text("原因", "Reason"), Text("", ""), nullable=False, allowed=_values(Reason)),
    Column("basis", "text", Text("结论依据", "Basis"), Text("所涉最弱一类数据", "weakest kind of data touched"), nullable=False),
)  # fmt: skip

#: What a plan (`services.planned`) adds to COVERAGE; absent where no plan could be made.
PLAN: tuple[Column, ...] = (
    Column("plan", "text", Text("方案", "Plan"), Text("该服务方案为本村选定的做法", "what the service's plan chooses for the village")),
    Column("plan_facility", "text", Text("方案设施", "Plan's facility"), Text("方案中的站、厂或水源", "station, plant or source in the plan")),
    Column("plan_cost_yuan", "number", Text("新增费用现值", "Present value added"), Text("全寿命；本村给方案增加的费用", "life-cycle; what the village adds to the plan"), "元"),
    Column("plan_next", "text", Text("次优做法", "Next best"), Text("", "")),
    Column("plan_extra_yuan", "number", Text("次优贵", "Next best costs more by"), Text("", ""), "元"),
    Column("break_even_m", "number", Text("平衡距离", "Break-even distance"), Text("单独接管恰好划算的干管长度", "trunk length at which joining alone would just pay"), "m"),
    Column("plan_text_zh", "text", Text("方案说明", "Plan, in words"), Text("各做法费用与改变条件", "cost of each alternative, and what would change it")),
    Column("plan_text_en", "text", Text("方案说明（英文）", "Plan, in words"), Text("", "")),
)  # fmt: skip

TARGETS: tuple[Column, ...] = (
    Column("id", "text", Text("编号", "Id"), Text("", ""), nullable=False),
    Column("scope", "text", Text("适用范围", "Scope"), Text("如 泽州县、上党区、长治市", "such as 泽州县, 上党区, 长治市"), nullable=False),
    Column("topic", "text", Text("指标", "Topic"), Text("", ""), nullable=False),
    Column("year", "integer", Text("年份", "Year"), Text("", "")),
    Column("kind", "text", Text("性质", "Kind"), Text("目标或已完成", "target or reported"), nullable=False, allowed=("target", "reported")),
    Column("relation", "text", Text("关系", "Relation"), Text("等于、不少于、不多于、约", "=, >=, <=, ~"), nullable=False, allowed=("=", ">=", "<=", "~")),
    Column("value", "number", Text("数值", "Value"), Text("", ""), nullable=False),
    Column("unit", "text", Text("单位", "Unit"), Text("", ""), nullable=False),
    Column("department", "text", Text("责任单位", "Department"), Text("", "")),
    Column("quote", "text", Text("原文", "Quote"), Text("", "")),
    Column("source", "text", Text("出处", "Source"), Text("", ""), nullable=False),
    Column("plausibility", "text", Text("合理性", "Plausibility"), Text("合理，或存疑的原因", "ok, or why it cannot be"), nullable=False),
    Column("status", "text", Text("进展", "Status"), Text("未测算前为“暂无数据”", "no data until measured"), nullable=False),
)  # fmt: skip

TABLES: dict[str, tuple[Column, ...]] = {
    "villages": VILLAGES,
    "regions": REGIONS,
    "roads": ROADS,
    "facilities": FACILITIES,
    "coverage": COVERAGE,
    "targets": TARGETS,
}
TABLE_TEXT: dict[str, Text] = {
    "villages": Text("村庄", "Villages"),
    "regions": Text("村庄可能范围", "Village regions"),
    "roads": Text("道路", "Roads"),
    "facilities": Text("设施", "Facilities"),
    "coverage": Text("服务覆盖", "Coverage"),
    "targets": Text("目标台账", "Targets"),
}


def empty_layer(columns: tuple[Column, ...], crs: Any) -> gpd.GeoDataFrame:
    """Return a layer of a contract without rows."""
    import geopandas as gpd

    frame = {c.name: pd.Series(dtype=object) for c in columns if c.name != "geometry"}
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries([], crs=crs), crs=crs)


def value_text(column: str, value: object) -> Text:
    """Return the reader's word for a coded value; the value itself where none is defined."""
    text = str(value)
    return VALUE_TEXT.get(column, {}).get(text, Text(text, text))


def find_problems(table: pd.DataFrame, columns: tuple[Column, ...], *, file: str) -> ProblemLog:
    """Check a table against its contract and return all faults at once.

    Missing columns, nulls where none may be, values outside the list, codes that are not text and
    duplicated identifiers (``code`` is exempt: coverage and regions repeat it) are errors.
    """
    log = ProblemLog()
    for column in columns:
        if column.name not in table.columns:
            if not column.nullable:
                log.add("error", "missing_column", f"缺少字段“{column.name}”（{column.title.zh}）",
                        f"column “{column.name}” ({column.title.en}) is missing",
                        file=file, field=column.name)  # fmt: skip
            continue
        values = table[column.name]
        rows = range(1, len(table) + 1)
        if not column.nullable:
            for row, missing in zip(rows, values.isna(), strict=True):
                if missing:
                    log.add("error", "null_value", "值为空", "value is empty",
                            file=file, row=row, field=column.name)  # fmt: skip
        if column.kind in ("number", "integer") and not pd.api.types.is_numeric_dtype(values):
            bad = pd.to_numeric(values, errors="coerce").isna() & values.notna()
            for row, wrong, value in zip(rows, bad, values, strict=True):
                if wrong:
                    log.add("error", "not_a_number", f"“{value}”不是数字", f"“{value}” is not a number",
                            file=file, row=row, field=column.name)  # fmt: skip
        if column.allowed:
            for row, value in zip(rows, values, strict=True):
                if pd.notna(value) and str(value) not in column.allowed:
                    choices = ", ".join(v for v in column.allowed if v)
                    log.add("error", "unknown_value", f"“{value}”不在允许值内：{choices}",
                            f"“{value}” is not one of: {choices}",
                            file=file, row=row, field=column.name)  # fmt: skip
    return log


def require(table: pd.DataFrame, columns: tuple[Column, ...], *, file: str) -> None:
    """Raise `DataError` with every fault when a table breaks its contract."""
    log = find_problems(table, columns, file=file)
    if log.errors:
        raise DataError(log.problems)
