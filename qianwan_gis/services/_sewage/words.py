"""Titles and words of the tables of a sewage plan, for every output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qianwan_gis._text import Lang, Text
from qianwan_gis.schemas import Column, titled, value_text

if TYPE_CHECKING:
    from collections.abc import Mapping

_NONE = Text("", "")


_UNIT = titled("code", "text", "村（聚落）编号", "Village or settlement", "",
           Text("有自然村时为自然村编号", "the settlement's number where settlements are known"))  # fmt: skip
_NAME = titled("name", "text", "名称", "Name")
_CHOICE = titled("choice", "text", "做法", "Choice")
_FACILITY = titled("facility_id", "text", "站或厂", "Station or plant", "",
               Text("S 开头为方案新建站", "S…: a new station of the plan"))  # fmt: skip
_COST = titled("cost_yuan", "number", "新增费用现值", "Present value added", "元",
           Text("全寿命；该村给方案增加的费用", "life-cycle; what it adds to the plan"))  # fmt: skip
_WHY = titled("text", "text", "说明", "In words")

DECISIONS = (
    _UNIT, _NAME, titled("village_code", "text", "村庄代码", "Village code"),
    titled("people", "number", "人口", "People", "人"),
    titled("wastewater_m3d", "number", "污水量", "Wastewater", "m³/d"), _CHOICE, _FACILITY,
    titled("group", "integer", "共用村数", "Sharing it"), _COST,
    titled("cost_sewer", "number", "若纳管", "If joined", "元",
       Text("其他村不变时该村的费用；空为不可行或远高于所选", "others as planned; empty: cannot be, or far dearer")),
    titled("cost_station", "number", "若集中", "If by a station", "元"),
    titled("cost_on_site", "number", "若分散", "If on site", "元"),
    titled("cost_reuse", "number", "若资源化", "If reused", "元"),
    titled("next_best", "text", "次优", "Next best"),
    titled("extra_yuan", "number", "次优贵", "Next best costs more by", "元"),
    titled("trunk_m", "number", "干管长", "Trunk", "m", Text("从村到站或厂", "to its sink")),
    titled("sewer_m", "number", "距可接管网", "To a sewer with room", "m", Text("沿可行路由", "along possible routes")),
    titled("break_even_m", "number", "平衡距离", "Break-even distance", "m",
       Text("单独接管恰好划算的干管长度", "trunk at which joining alone would just pay")),
    titled("candidate_plant", "text", "候选厂", "Candidate plant", "", Text("没有管网资料，仅作候选", "no sewer on record")),
    titled("candidate_m", "number", "距候选厂", "To the candidate", "m", Text("直线", "straight")),
    titled("depends_on", "text", "取决于单价", "Depends on prices", "",
       Text("这些单价取区间一端时做法改变；空为稳健", "changes at an end of these prices' ranges; empty: robust")),
    titled("year", "integer", "年份", "Year", "", Text("空为以后", "empty: later")),
    titled("rank", "integer", "优先次序", "Priority"),
    titled("reason", "text", "原因", "Reason"), _WHY,
)  # fmt: skip
PIPES = (
    titled("pipe", "text", "管段", "Pipe"), titled("from", "text", "自", "From"), titled("to", "text", "至", "To"),
    titled("kind", "text", "方式", "Kind"), titled("diameter_mm", "integer", "管径", "Diameter", "mm"),
    titled("length_m", "number", "长度", "Length", "m"), titled("off_road", "boolean", "越野", "Off the road"),
    titled("mean_m3d", "number", "平均流量", "Mean flow", "m³/d"), titled("peak_ls", "number", "设计流量", "Design flow", "L/s"),
    titled("slope", "number", "平均坡度", "Mean slope"), titled("start_m", "number", "起点埋深", "Depth at its head", "m"),
    titled("depth_min_m", "number", "最小埋深", "Least depth", "m"), titled("depth_max_m", "number", "最大埋深", "Largest depth", "m"),
    titled("lifts", "integer", "提升次数", "Lifts"), titled("lift_m", "number", "总扬程", "Lift in all", "m"),
    titled("joint_yuan", "number", "其中衔接费用", "Of it where pipes meet", "元",
       Text("上游来管较深而加深或提升", "starting deeper, or a lift, below a deeper pipe")),
    titled("cost_yuan", "number", "全寿命费用", "Life-cycle cost", "元"),
)  # fmt: skip
STATIONS = (
    titled("station_id", "text", "站号", "Station"), titled("capacity_m3d", "number", "规模", "Size", "m³/d"),
    titled("villages", "integer", "服务村数", "Villages"), titled("people", "number", "服务人口", "People", "人"),
    titled("build_yuan", "number", "建设投资", "To build", "元"), titled("life_yuan", "number", "全寿命费用", "Life-cycle cost", "元"),
    titled("ground_m", "number", "地面高程", "Ground", "m"),
)  # fmt: skip
PUMPS = (
    titled("pump", "text", "泵站", "Pump"), titled("pipe", "text", "管段", "Pipe"),
    titled("chainage_m", "number", "里程", "Chainage", "m"), titled("head_m", "number", "扬程", "Head", "m"),
    titled("peak_ls", "number", "设计流量", "Design flow", "L/s"), titled("kw", "number", "功率", "Power", "kW"),
)  # fmt: skip
QUANTITIES = (
    titled("item", "text", "项目", "Item"), titled("spec", "text", "规格", "Size"), titled("unit", "text", "单位", "Unit"),
    titled("quantity", "number", "数量", "Quantity"), titled("price_yuan", "number", "单价", "Unit price", "元"),
    titled("amount_yuan", "number", "合价", "Amount", "元"), titled("part", "text", "分部", "Part"),
)  # fmt: skip
COSTS = (
    titled("part", "text", "分部", "Part"), titled("build_yuan", "number", "建设投资", "To build", "元"),
    titled("life_yuan", "number", "全寿命费用现值", "Life-cycle cost", "元",
       Text("建设、更新、能耗与运行，按折现率折算", "building, renewal, energy, running, discounted")),
)  # fmt: skip
PHASES = (
    titled("order", "integer", "次序", "Order"), titled("year", "integer", "年份", "Year", "", Text("空为以后", "empty: later")),
    _UNIT, _NAME, _CHOICE, _FACILITY, _COST, _WHY,
)  # fmt: skip
PRIORITIES = (
    titled("rank", "integer", "次序", "Rank"), _UNIT, _NAME, titled("score", "number", "得分", "Score"),
    titled("reasons", "text", "理由", "Grounds"), titled("not_known", "text", "缺资料的情形", "Grounds without data"),
)  # fmt: skip
SENSITIVITY = (
    titled("factor", "text", "因素", "Factor"), titled("times", "number", "倍数", "Times"),
    titled("cost_yuan", "number", "总费用现值", "Cost", "元"), titled("change", "number", "变化", "Change"),
    *(
        titled(name, "integer", value_text("plan", name).zh, value_text("plan", name).en, "个")
        for name in ("sewer", "station", "shared_station", "on_site", "reuse", "tank")
    ),
    titled("flipped", "integer", "改变做法的村数", "Choose otherwise", "个"),
    titled("switched", "text", "改变做法的村", "Those that choose otherwise"),
    titled("gap", "number", "与下界相差", "Above the bound", "", Text("空为局部搜索所得", "empty: by local search")),
)  # fmt: skip
TABLES: Mapping[str, tuple[Column, ...]] = {
    "decisions": DECISIONS, "pipes": PIPES, "stations": STATIONS, "pumps": PUMPS,
    "quantities": QUANTITIES, "costs": COSTS, "phases": PHASES, "priorities": PRIORITIES,
    "sensitivity": SENSITIVITY,
}  # fmt: skip
TITLES: Mapping[str, Text] = {
    "decisions": Text("污水方案·各村做法", "Sewage plan: decisions"),
    "phases": Text("污水方案·分期", "Sewage plan: phases"),
    "priorities": Text("污水治理·优先次序", "Sewage: priorities"),
    "stations": Text("污水方案·处理站", "Sewage plan: stations"),
    "pipes": Text("污水方案·干管", "Sewage plan: trunks"),
    "pumps": Text("污水方案·提升泵", "Sewage plan: pumps"),
    "quantities": Text("污水方案·工程量清单", "Sewage plan: quantities"),
    "costs": Text("污水方案·费用构成", "Sewage plan: costs"),
    "sensitivity": Text("污水方案·敏感性", "Sewage plan: sensitivity"),
}

_VALUES: Mapping[str, Mapping[str, Text]] = {
    "kind": {"gravity": Text("重力", "gravity"), "pressure": Text("压力", "pressure")},
    "part": {
        "pipe": Text("干管", "trunks"), "pump": Text("提升泵", "pumps"),
        "energy": Text("电耗", "energy"), "station": Text("处理站", "stations"),
        "plant": Text("城镇厂处理", "treatment at town plants"), "join": Text("接入", "joining"),
        "collection": Text("村内收集", "collection in villages"),
        "on_site": Text("分散与资源化", "on-site and reuse"), "house": Text("接户", "house connections"),
        "house_pump": Text("户用提升", "house lifting units"), "total": Text("合计", "total"),
    },
    "factor": {
        "pipe": Text("管道与土方单价", "pipes and trenches"), "pump": Text("泵站单价", "pumps"),
        "energy": Text("电价", "electricity"), "station": Text("处理站造价与运行", "stations"),
        "plant": Text("城镇厂处理费", "treatment at town plants"),
        "on_site": Text("户用设施", "on-site units"), "reuse": Text("资源化设施", "reuse"),
        "collection": Text("村内管网", "collection in villages"), "discount": Text("折现率", "discount rate"),
    },
    "not_known": {
        "water_sources": Text("水源保护区", "water-source zones"),
        "black_odour": Text("黑臭水体", "black-odour water"), "rivers": Text("河流", "rivers"),
        "reservoirs": Text("水库", "reservoirs"), "tourist": Text("旅游村", "tourist villages"),
    },
}  # fmt: skip
#: Digits that a reader is shown, by unit.
_ROUND = {"元": 0, "m": 2, "m³/d": 1, "L/s": 2, "kW": 2}
_UNITS = {"座": "no.", "户": "households", "套": "sets", "项": "item"}


def word(column: str, value: object) -> Text:
    """Return the word for a coded value of these tables."""
    text = str(value)
    if column == "choice":
        return value_text("plan", text)
    if column == "next_best":
        return value_text("plan_next", text)
    if column == "reason":
        return value_text("reason", text)
    return _VALUES.get(column, {}).get(text, Text(text, text))


def worded(table: pd.DataFrame, name: str, lang: Lang) -> pd.DataFrame:
    """Return a table of a plan as a reader sees it: words for codes, one language, known columns."""
    frame = pd.DataFrame(table).copy()
    for pair in ("text", "reasons"):
        if f"{pair}_{lang}" in frame:
            frame[pair] = frame[f"{pair}_{lang}"]
    if name == "quantities" and lang == "en":
        frame["item"] = frame["item_en"]
        frame["unit"] = frame["unit"].map(lambda u: _UNITS.get(u, u))
    for column in ("choice", "next_best", "reason", "kind", "part", "factor"):
        if column in frame:
            frame[column] = frame[column].map(lambda v, c=column: word(c, v).get(lang))
    if "not_known" in frame:
        joint = "、" if lang == "zh" else ", "
        frame["not_known"] = frame["not_known"].map(
            lambda v: joint.join(word("not_known", part).get(lang) for part in str(v).split())
        )
    if "depends_on" in frame:
        joint = "、" if lang == "zh" else ", "
        frame["depends_on"] = frame["depends_on"].map(
            lambda v: joint.join(word("factor", part).get(lang) for part in str(v).split())
        )
    for known in TABLES[name]:
        if known.name in frame and known.unit in _ROUND:
            frame[known.name] = frame[known.name].astype(float).round(_ROUND[known.unit])
    if "slope" in frame:
        frame["slope"] = frame["slope"].round(4)
    if "group" in frame:
        frame["group"] = frame["group"].where(frame["group"] > 0).astype("Int64")
    if "off_road" in frame:
        yes, no = (("是", "否"), ("yes", "no"))[lang == "en"]
        frame["off_road"] = frame["off_road"].map(lambda v: yes if v else no)
    if "year" in frame:
        frame["year"] = frame["year"].where(frame["year"] > 0).astype("Int64")
    return frame[[c.name for c in TABLES[name] if c.name in frame]]


__all__ = ["TABLES", "TITLES", "word", "worded"]
