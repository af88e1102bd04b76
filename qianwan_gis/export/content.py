"""The plain tables that every container carries: one place for what they hold and are called.

GeoPackage, Excel and CSV differ in form only; a table's rows, titles and column meanings are made
here from `Results`, already cut down to what the data bear (`Results.disclosure`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from qianwan_gis import standards
from qianwan_gis._text import Lang, Text
from qianwan_gis.layers import MINUTES, STATE_TEXT, Results, coverage_state
from qianwan_gis.schemas import COVERAGE, PLAN, TARGETS, VILLAGES, Column, Kind, titled, value_text
from qianwan_gis.services.words import EXTRA, reason_texts

_NOTHING = Text("", "")


@dataclass(frozen=True)
class Table:
    """A table with the meaning of its columns.

    Attributes
    ----------
    key
        Stable ASCII name.
    title
        What users see.
    frame
        Rows; its columns are those of ``columns``, in that order.
    columns
        Name, kind, title, unit and meaning of each column.
    note
        What a reader must know first.
    """

    key: str
    title: Text
    frame: pd.DataFrame
    columns: tuple[Column, ...]
    note: Text = _NOTHING


# Columns that appear in summaries, to-collect, sources, standards and problems.
_KNOWN: dict[str, Column] = {
    c.name: c
    for c in (
        *VILLAGES,
        *COVERAGE,
        *TARGETS,
        titled("county", "text", "县", "County"),
        titled("township", "text", "乡镇", "Township"),
        titled("category", "text", "创建类别", "Category"),
        titled("list", "text", "名单", "List"),
        titled("zone", "text", "廊带距离", "Zone", "m"),
        titled("group", "text", "分组", "Group"),
        titled("villages", "integer", "村数", "Villages", "个"),
        titled("located", "integer", "有点位的村", "Placed as points", "个"),
        titled("assessed", "integer", "已评估", "Assessed", "个"),
        titled("covered", "integer", "覆盖", "Covered", "个"),
        titled("uncovered", "integer", "未覆盖", "Not covered", "个"),
        titled("not_covered", "integer", "未覆盖", "Not covered", "个"),
        titled("unknown", "integer", "未知", "Unknown", "个"),
        titled("backup", "integer", "另有备用设施", "With a second facility", "个"),
        titled("share", "number", "覆盖率（占已评估村）", "Share of assessed villages"),
        titled("share_villages", "number", "覆盖率（按村）", "Share of villages"),
        titled("share_people", "number", "覆盖率（按人）", "Share of people"),
        titled("people", "number", "人口", "People", "人"),
        titled("people_covered", "number", "覆盖人口", "People covered", "人"),
        titled("people_assessed", "number", "已评估人口", "People assessed", "人"),
        titled("measured", "number", "测算值", "Measured"),
        titled("met", "boolean", "是否达到", "Met"),
        titled("people_kind", "text", "人口口径", "Population kind"),
        titled("rank", "integer", "次序", "Rank"),
        titled("item", "text", "要收集的资料", "What to collect"),
        titled("what", "text", "要收集的资料", "What to collect"),
        titled("why", "text", "用处", "Why"),
        titled("effect", "text", "可得到的结果", "What it makes known"),
        titled("gain", "number", "可判定的村", "Villages decided"),
        titled("source", "text", "出处", "Source"),
        titled("layer", "text", "图层", "Layer"),
        titled("title", "text", "名称", "Title"),
        titled("licence", "text", "许可", "Licence"),
        titled("date", "text", "日期", "Date"),
        titled("features", "integer", "要素数", "Features"),
        titled("key", "text", "参数", "Key"),
        titled("value", "text", "取值", "Value"),
        titled("unit", "text", "单位", "Unit"),
        titled("region", "text", "适用地区", "Region"),
        titled("clause", "text", "条款", "Clause"),
        titled("note", "text", "说明", "Note"),
        titled("low", "number", "下限", "Low"),
        titled("high", "number", "上限", "High"),
        titled("choices", "text", "可选值", "Choices"),
        titled("level", "text", "级别", "Level"),
        titled("text", "text", "内容", "Text"),
        titled("file", "text", "文件", "File"),
        titled("row", "text", "行", "Row"),
        titled("field", "text", "字段", "Field"),
        titled("fix", "text", "处理办法", "What to do"),
        titled("state", "text", "状态", "State"),
        titled("reason_text", "text", "原因（文字）", "Reason, in words"),
        titled("branch", "text", "支线", "Branch"),
        titled("chainage_m", "number", "里程", "Chainage", "m"),
        titled("offset_m", "number", "离线距离", "Offset", "m"),
        titled("side", "text", "侧别", "Side"),
        titled("within_m", "number", "所在影响区", "Zone", "m"),
        titled("table", "text", "表", "Table"),
        titled("column", "text", "字段", "Column"),
        titled("kind", "text", "类型", "Kind"),
    )
}
STATUS_TEXT = standards.STATUS_TEXT
_NO_DATA = Text("暂无数据", "no data")
STATUS_WORDS = {"no data": _NO_DATA, "暂无数据": _NO_DATA}
_PLAUSIBLE = Text("合理", "plausible")
PLAUSIBILITY_WORDS = {"ok": _PLAUSIBLE, "合理": _PLAUSIBLE}
LEVEL_TEXT = {
    "error": Text("错误", "error"),
    "warning": Text("警告", "warning"),
    "note": Text("说明", "note"),
}
SUMMARIES = {
    "county": Text("全县", "County"),
    "township": Text("按乡镇", "By township"),
    "category": Text("按类别", "By category"),
    "list": Text("按名单", "By list"),
    "zone": Text("按廊带距离", "By distance from the corridor"),
}
_PEOPLE = ("people", "share_people", "population")


def describe(frame: pd.DataFrame, columns: Sequence[Column] = ()) -> tuple[Column, ...]:
    """Return a `Column` for each column of a frame: the given ones, the known ones, or its name."""
    given = {c.name: c for c in columns}
    found = []
    for name in frame.columns:
        column = given.get(name) or _KNOWN.get(str(name))
        if column is None:
            kind: Kind = "number" if pd.api.types.is_numeric_dtype(frame[name]) else "text"
            column = titled(str(name), kind, str(name), str(name))
        found.append(column)
    return tuple(found)


def heading(column: Column, lang: Lang) -> str:
    """Return a column's title with its unit; counting words (人, 个) are left out in English."""
    title = column.title.get(lang)
    if not column.unit:
        return title
    if lang == "zh":
        return f"{title}（{column.unit}）"
    if column.unit in ("人", "个"):
        return title
    return f"{title} ({column.unit.replace('元', 'yuan').replace('人', 'person')})"


def villages_table(results: Results) -> Table:
    """Return every village with its coordinates (metres and degrees) where it is placed."""
    villages = results.villages
    names = [c.name for c in VILLAGES if c.name in villages.columns and c.kind != "Point"]
    frame = pd.DataFrame(villages[names])
    frame = _in_words(frame, ("population_kind", "basis", "match"), results.lang)
    points = villages.geometry
    degrees = points.to_crs("EPSG:4490")
    frame["x"], frame["y"] = points.x.round(1), points.y.round(1)
    frame["lon"], frame["lat"] = degrees.x.round(6), degrees.y.round(6)
    place = (
        Column("x", "number", Text("东坐标", "East"), Text("投影坐标", "projected"), "m"),
        Column("y", "number", Text("北坐标", "North"), Text("投影坐标", "projected"), "m"),
        Column("lon", "number", Text("经度", "Longitude"), Text("CGCS2000", "CGCS2000"), "°"),
        Column("lat", "number", Text("纬度", "Latitude"), Text("CGCS2000", "CGCS2000"), "°"),
    )
    if results.corridor_villages is not None:
        near = pd.DataFrame(results.corridor_villages)
        shown = [c for c in ("branch", "chainage_m", "offset_m", "side", "within_m") if c in near]
        if not results.disclosure.stakes and "chainage_m" in shown:
            shown.remove("chainage_m")
        frame = frame.merge(near.drop_duplicates("code")[["code", *shown]], on="code", how="left")
    return Table(
        "villages",
        Text("村庄", "Villages"),
        frame,
        describe(frame, (*VILLAGES, *place)),
        Text(
            "没有坐标的村只知所属乡镇或大致范围，不得按乡镇驻地代替",
            "villages without coordinates are known by township or area only",
        ),
    )


def coverage_table(
    results: Results, *, coded: bool = False, rows: pd.DataFrame | None = None
) -> Table:
    """Return COVERAGE with names beside codes, whole minutes where decimals would mislead.

    Parameters
    ----------
    results
        The plan's results.
    coded
        Keep the codes of service, tier, reason and basis (for programs) instead of words.
    rows
        COVERAGE rows to show; all by default.
    """
    villages = pd.DataFrame(results.villages)[["code", "name", "township", "lists", "category"]]
    frame = (results.coverage if rows is None else rows).copy()
    state = coverage_state(frame, results.disclosure)
    place = int(frame.columns.get_indexer(["covered"])[0])
    frame.insert(place, "state", state)
    # "Not covered" that the inventory does not bear is told as unknown here as well.
    frame["covered"] = frame["covered"].astype("boolean").mask(state == "unknown")
    places = dict.fromkeys(MINUTES, 1 if results.disclosure.decimal_minutes else 0)
    places |= {"slope_minutes": places["minutes"], "offroad_metres": 0, "served": 3}
    places |= {"p_covered": 3, "p_backup": 3, "metres": 0, "metres_low": 0, "metres_high": 0}
    for name in frame.columns.intersection(list(places)):
        frame[name] = frame[name].astype("float64").round(places[name])
    if coded:
        words = [text.get(results.lang) for text in reason_texts(frame)]
        frame.insert(int(frame.columns.get_indexer(["reason"])[0]) + 1, "reason_text", words)
    else:
        frame["state"] = state.map(lambda s: STATE_TEXT[s].get(results.lang))
        frame = frame.drop(columns="covered")
        frame["reason"] = [text.get(results.lang) for text in reason_texts(frame)]
        frame = _in_words(frame, ("service", "tier", "basis"), results.lang)
    if "plan" in frame:
        frame = _plan_in_words(frame, results.lang, coded=coded)
    frame = villages.merge(frame, on="code", how="right", validate="1:m")
    order = ["code", "name", "township", "lists", "category"]
    frame = frame[[*order, *(c for c in frame.columns if c not in order)]]
    own = Column(
        "covered", "boolean", Text("是否覆盖", "Covered"), Text("空为未知", "empty: unknown")
    )
    return Table(
        "coverage",
        Text("服务覆盖", "Coverage"),
        frame,
        describe(
            frame,
            (
                *VILLAGES,
                *(c for c in COVERAGE if c.name != "covered"),
                own,
                *EXTRA,
                *PLAN,
                PLAN_TEXT,
            ),
        ),
        Text(
            "“未知”不等于“未覆盖”：名录不完整、位置未知或不确定性跨过限值时不下结论",
            "“unknown” is not “not covered”: no conclusion is drawn from incomplete records",
        ),
    )


#: What the plan says, in the reader's language.
PLAN_TEXT = Column(
    "plan_text", "text", Text("方案说明", "Plan, in words"),
    Text("各做法的费用与改变条件", "cost of each alternative, and what would change it"),
)  # fmt: skip


def _plan_in_words(frame: pd.DataFrame, lang: Lang, *, coded: bool) -> pd.DataFrame:
    """Bring the plan's columns of COVERAGE to one language, costs to whole yuan."""
    made = frame.assign(plan_text=frame[f"plan_text_{lang}"])
    made = made.drop(columns=["plan_text_zh", "plan_text_en"])
    for name in ("plan_cost_yuan", "plan_extra_yuan", "break_even_m"):
        made[name] = made[name].astype("float64").round()
    return made if coded else _in_words(made, ("plan", "plan_next"), lang)


def summary_table(results: Results, by: str, *, rows: pd.DataFrame | None = None) -> Table | None:
    """Return the summary by county, township, category, list or zone, or ``None`` if empty.

    ``rows`` are those of COVERAGE to sum up; all by default.
    """
    if by == "zone" and results.zones is None:
        return None
    frame = (results.summary(by) if rows is None else results.summary(by, rows=rows)).copy()
    if frame.empty:
        return None
    disclosure = results.disclosure
    hidden = [
        name
        for name in frame.columns
        if (not disclosure.people and str(name).startswith(_PEOPLE))
        or (not disclosure.county_shares and str(name).startswith("share"))
    ]
    frame = frame.drop(columns=hidden).reset_index(drop=True)
    frame = _in_words(frame, ("service", "tier", "reason"), results.lang)
    counted = tuple(_KNOWN[c] for c in ("covered", "uncovered", "unknown", "people"))
    return Table(
        f"summary_{by}",
        Text(f"汇总·{SUMMARIES[by].zh}", f"Summary: {SUMMARIES[by].en}"),
        frame,
        describe(frame, counted),
        Text(
            "各数均为村数；“已评估”以外的村不计入覆盖或未覆盖",
            "counts of villages; those not assessed are neither covered nor not covered",
        ),
    )


def targets_table(results: Results) -> Table:
    """Return the ledger of numeric targets with their measured progress."""
    kinds = {"target": Text("目标", "target"), "reported": Text("已报完成", "reported")}
    relations = {"=": "＝", ">=": "≥", "<=": "≤", "~": "约"}
    frame = pd.DataFrame(results.targets).copy()
    frame["kind"] = frame["kind"].map(lambda v: kinds[v].get(results.lang) if v in kinds else v)
    if results.lang == "zh":
        frame["relation"] = frame["relation"].replace(relations)
    for name, words in (("status", STATUS_WORDS), ("plausibility", PLAUSIBILITY_WORDS)):
        frame[name] = frame[name].map(
            lambda v, words=words: words[v].get(results.lang) if v in words else v
        )
    note = Text("规划文件中的数字目标和测算的进展", "numeric targets of the plans, with progress")
    return Table("targets", Text("目标台账", "Targets"), frame, describe(frame, TARGETS), note)


def to_collect_table(results: Results) -> Table:
    """Return what to collect first."""
    frame = _localised(pd.DataFrame(results.to_collect), results)
    return Table(
        "to_collect",
        Text("待办（先收集什么）", "What to collect first"),
        frame,
        describe(frame),
        Text("按能多判定多少村排序", "ranked by how many villages it would settle"),
    )


def problems_table(results: Results) -> Table:
    """Return the problems found in the input, one row each."""
    lang = results.lang
    rows = [
        (
            LEVEL_TEXT[p.level].get(lang),
            p.code,
            p.file or "",
            "" if p.row is None else p.row.get(lang) if isinstance(p.row, Text) else str(p.row),
            p.field or "",
            p.text.get(lang),
            p.fix.get(lang) if p.fix else "",
        )
        for p in results.problems
    ]
    names = ["level", "code", "file", "row", "field", "text", "fix"]
    frame = pd.DataFrame(rows, columns=names, dtype="str")
    columns = (titled("code", "text", "问题代码", "Problem"),)
    return Table(
        "problems",
        Text("名单与数据问题", "Problems found"),
        frame,
        describe(frame, columns),
        Text(
            "读入资料时发现的问题，写明位置和处理办法", "found while reading: where, and what to do"
        ),
    )


def standards_table(results: Results) -> Table:
    """Return the standards in force with their status (verified, to check, judgement)."""
    frame = _localised(results.standards.table(), results)
    comma = "、" if results.lang == "zh" else ", "
    frame["value"] = [plain_text(value, comma) for value in frame["value"]]
    frame["status"] = frame["status"].map(
        lambda s: STATUS_TEXT[s].get(results.lang) if s in STATUS_TEXT else s
    )
    columns = (titled("status", "text", "核实情况", "Status"), _KNOWN["value"], _KNOWN["unit"], _KNOWN["source"])  # fmt: skip
    note = Text(
        "现行取值；“待核实”和“专业判断”的，用于决策前须由本单位确认",
        "values in force; confirm what is “to check” or “judgement” before deciding by it",
    )
    return Table("standards", Text("标准", "Standards"), frame, describe(frame, columns), note)


def plain_text(value: object, comma: str = "、") -> str:
    """Return a norm's value as one reads it: 2 instead of 2.0, never a program's notation."""
    if isinstance(value, list | tuple):
        return comma.join(plain_text(v, comma) for v in value)
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def sources_table(results: Results) -> Table:
    """Return where every layer came from, under which licence."""
    frame = _localised(pd.DataFrame(results.sources), results)
    columns = (
        _KNOWN["licence"],
        titled("source", "text", "来源", "Source"),
        titled("basis", "text", "性质", "Basis"),
    )
    note = Text("各图层的出处、许可和数量", "where each layer comes from, its licence and its size")
    return Table("sources", Text("数据来源", "Data sources"), frame, describe(frame, columns), note)


def tables(results: Results) -> list[Table]:
    """Return every plain table of the results, empty ones left out."""
    from qianwan_gis.export.corridor import corridor_tables  # which are made of this module's parts
    from qianwan_gis.export.fairness import fairness_tables
    from qianwan_gis.export.scenarios import scenario_tables
    from qianwan_gis.export.sewage import sewage_tables
    from qianwan_gis.export.siting import siting_tables
    from qianwan_gis.export.water import water_tables

    found = [
        to_collect_table(results),
        villages_table(results),
        coverage_table(results),
        *(t for by in SUMMARIES if (t := summary_table(results, by)) is not None),
        *siting_tables(results),
        *fairness_tables(results),
        *corridor_tables(results),
        *sewage_tables(results),
        *water_tables(results),
        *scenario_tables(results),
        targets_table(results),
        problems_table(results),
        standards_table(results),
        sources_table(results),
    ]
    return [table for table in found if len(table.frame)]


def dictionary(entries: Sequence[tuple[Text, str, Sequence[Column]]]) -> pd.DataFrame:
    """Return the data dictionary: one row per column of each (title, key, columns)."""
    rows = [
        (key, title.zh, c.name, c.title.zh, c.title.en, c.kind, c.unit, c.note.zh, c.note.en)
        for title, key, columns in entries
        for c in columns
    ]
    names = ["table", "表名", "column", "中文名", "English", "kind", "unit", "说明", "note"]
    return pd.DataFrame(rows, columns=names, dtype="str")


def dictionary_table(results: Results, shown: Sequence[Table]) -> Table:
    """Return the data dictionary of the given tables as a table itself."""
    frame = dictionary([(t.title, t.key, t.columns) for t in shown])
    if results.lang == "zh":
        frame = frame.drop(columns=["English", "note"])
    else:
        frame = frame.drop(columns=["表名", "中文名", "说明"])
    note = Text("各表每个字段的含义和单位", "what each column of each sheet means, and its unit")
    title = Text("数据字典", "Data dictionary")
    return Table("data_dictionary", title, frame, describe(frame), note)


def _localised(frame: pd.DataFrame, results: Results) -> pd.DataFrame:
    """Replace `Text` cells by the reader's language and coded words by readable ones."""
    made = frame.copy()
    for name in made.columns:
        if made[name].dtype == object:
            made[name] = made[name].map(lambda v: v.get(results.lang) if isinstance(v, Text) else v)
    return _in_words(made, ("basis",), results.lang)


def _in_words(frame: pd.DataFrame, coded: Sequence[str], lang: Lang) -> pd.DataFrame:
    """Replace codes by the reader's words in those of the columns that are there."""
    made = frame.copy()
    for name in made.columns.intersection(list(coded)):
        made[name] = made[name].map(
            lambda value, name=name: "" if pd.isna(value) else value_text(name, value).get(lang)
        )
    return made
