"""Chapters on what it rests on: targets, standards, sources, and what is not known."""

from __future__ import annotations

import pandas as pd

from qianwan_gis import layers
from qianwan_gis._text import Text
from qianwan_gis.export import content
from qianwan_gis.export.document import Document
from qianwan_gis.layers import Results
from qianwan_gis.report._parts import LONGEST_TABLE, add_table, number_text, rest_note


def targets_chapter(document: Document, results: Results) -> None:
    """Add the ledger of targets: scope, value, progress, plausibility."""
    document.heading(1, Text("目标台账", "Targets"))
    if not len(results.targets):
        document.say(Text("没有量化目标。", "There are no numeric targets."))
        return
    lang = results.lang
    document.say(
        Text(
            "各指标只对其“适用范围”有效；未测算的一律记“暂无数据”，存疑的数值不参与计算。",
            "Each figure holds for its own scope; nothing measured means “no data”, and doubtful "
            "figures are not used.",
        )
    )
    frame = content.targets_table(results).frame
    rows = [
        [
            str(row.scope),
            "" if pd.isna(row.year) else str(int(row.year)),
            str(row.topic),
            f"{row.relation}{number_text(row.value)} {row.unit}",
            "" if pd.isna(row.department) else str(row.department),
            str(row.status),
            str(row.plausibility),
        ]
        for row in frame.itertuples()
    ]  # fmt: skip
    head = [
        t.get(lang)
        for t in (
            Text("适用范围", "Scope"),
            Text("年份", "Year"),
            Text("指标", "Topic"),
            Text("数值", "Value"),
            Text("责任单位", "Department"),
            Text("进展", "Status"),
            Text("合理性", "Plausibility"),
        )
    ]
    document.table(
        Text("量化目标与进展", "Targets and progress"),
        head,
        rows[:LONGEST_TABLE],
        note=rest_note(len(rows)),
    )


def standards_chapter(document: Document, results: Results) -> None:
    """Add the standards used, with their clause and status."""
    lang = results.lang
    document.heading(1, Text("采用的标准", "Standards used"))
    table = results.standards.table(used_only=True)
    if table.empty:
        document.say(Text("本次没有用到标准参数。", "No standard was used."))
        return
    counts = table["status"].value_counts()
    told = [
        (word, int(counts.get(status, 0)))
        for status, word in content.STATUS_TEXT.items()
        if status != "county" or status in counts
    ]
    shown = table[table["key"].map(_is_norm)]
    document.say(
        Text(
            f"本次用到{len(table)}项参数："
            + "、".join(f"{t.zh}{n}项" for t, n in told)
            + "。“待核实”的引用前须核对原文；“专业判断”的没有条文依据，可在县配置文件中改为本地值。"
            f"下表列服务、道路等规范性参数{len(shown)}项，其余为定位和拓扑计算参数，见 tables.xlsx“标准”表。",
            f"{len(table)} parameters were used: "
            + ", ".join(f"{t.en} {n}" for t, n in told)
            + ". Those to check must be compared with the text before they are cited; judgements "
            f"have no clause behind them. The table lists the {len(shown)} that are norms; the "
            "others steer positions and topology and are in tables.xlsx.",
        )
    )
    rows = [
        [
            _parameter(results, str(row.key)),
            f"{content.plain_text(row.value)} {row.unit}".strip(),
            str(row.region),
            str(row.clause),
            str(row.source),
            content.STATUS_TEXT[row.status].get(lang) if row.status in content.STATUS_TEXT else str(row.status),
        ]
        for row in shown.itertuples()
    ]  # fmt: skip
    head = [
        t.get(lang)
        for t in (
            Text("参数", "Parameter"),
            Text("取值", "Value"),
            Text("适用地区", "Region"),
            Text("条款", "Clause"),
            Text("出处", "Source"),
            Text("核实情况", "Status"),
        )
    ]
    document.table(Text("标准与参数", "Standards"), head, rows)


def _is_norm(key: str) -> bool:
    """Whether a parameter is a planner's norm rather than a setting of the computation."""
    return not key.startswith(("evidence.", "geocoding.", "roads.topology."))


def _parameter(results: Results, key: str) -> str:
    """Return a norm's title, or its key where it has none."""
    entry = results.standards.entries[key]
    title = entry.title if results.lang == "zh" else entry.title_en
    return title or key


def sources_chapter(document: Document, results: Results) -> None:
    """Add sources and licences."""
    document.heading(1, Text("数据来源与许可", "Data sources and licences"))
    table = content.sources_table(results)
    if table.frame.empty:
        document.say(Text("没有登记数据来源。", "No source is on record."))
        return
    shown = [c for c in table.columns if c.name in ("title", "source", "licence", "date", "basis", "features")]  # fmt: skip
    cut = content.Table(table.key, table.title, table.frame[[c.name for c in shown]], tuple(shown))
    add_table(document, results, cut, table.title, limit=None)


def unknown_chapter(document: Document, results: Results) -> None:
    """Add what the data do not bear, with the reasons."""
    document.heading(1, Text("尚不清楚的事", "What is not known"))
    reasons = list(layers.withheld(results))
    if reasons:
        document.say(
            Text(
                "受现有资料限制，以下内容本次不予给出：",
                "On the present data the following is not shown:",
            )
        )
        document.bullets([Text(f"{what.zh}：{why.zh}", f"{what.en}: {why.en}") for what, why in reasons])  # fmt: skip
    else:
        document.say(
            Text("现有资料支持本报告的全部内容。", "The data bear everything in this report.")
        )
    document.say(
        Text(
            "“未知”不等于“未覆盖”。县域范围为非标准界线，图件未经审核不得公开。",
            "“Unknown” is not “not covered”. The county outline is not an official boundary; the "
            "maps are not for publication.",
        )
    )
