"""Chapters on what went in: what to collect, the lists, positions, roads."""

from __future__ import annotations

import pandas as pd

from qianwan_gis import layers
from qianwan_gis._text import Text
from qianwan_gis.export import content
from qianwan_gis.export.document import Document
from qianwan_gis.layers import Results
from qianwan_gis.report._parts import add_picture, add_table, distance_text
from qianwan_gis.schemas import Match, value_text


def collect_chapter(document: Document, results: Results) -> None:
    """Add what to collect first."""
    document.heading(1, Text("先收集什么", "What to collect first"))
    table = content.to_collect_table(results)
    if table.frame.empty:
        document.say(Text("没有待收集的资料。", "Nothing is missing."))
        return
    document.say(
        Text(
            "以下资料按能新判定的村数排序，依次补齐，可最快把“未知”变成结论。",
            "In order of how many villages each would decide.",
        )
    )
    add_table(document, results, table, Text("待收集资料", "To collect"))


def lists_chapter(document: Document, results: Results) -> None:
    """Add the totals of the lists and the problems found on reading."""
    lang = results.lang
    document.heading(1, Text("名单与差异", "Lists and discrepancies"))
    totals = results.list_totals
    if totals.empty:
        document.say(Text("没有创建名单。", "There is no official list."))
    else:
        titles = (Text("名单", "List"), Text("类别", "Category"), Text("公文合计", "Stated"),
                  Text("所印村数", "Printed"), Text("建议", "Proposed"))  # fmt: skip
        columns = totals[["list", "category", "stated", "printed", "proposed"]]
        rows = [
            ["—" if pd.isna(v) else str(v) for v in row] for row in columns.itertuples(index=False)
        ]
        document.table(
            Text(
                "各名单村数：公文合计、逐村所印、建议",
                "Villages by list: stated, printed, proposed",
            ),
            [title.get(lang) for title in titles],
            rows,
        )
    problems = content.problems_table(results)
    if problems.frame.empty:
        document.say(Text("名单与输入数据没有发现问题。", "No problem was found in the input."))
        return
    levels = problems.frame["level"].value_counts()
    told = Text("，", ", ").get(lang).join(f"{name}{n}" if lang == "zh" else f"{name} {n}" for name, n in levels.items())  # fmt: skip
    document.say(
        Text(
            f"读取名单和数据时发现以下问题（{told}），均未擅自改动，请核定。",
            f"Problems found on reading ({told}); nothing was changed silently.",
        )
    )
    shown = content.Table(
        problems.key,
        problems.title,
        problems.frame[["level", "file", "row", "text", "fix"]],
        tuple(c for c in problems.columns if c.name in ("level", "file", "row", "text", "fix")),
    )
    add_table(document, results, shown, problems.title)


def positions_chapter(
    document: Document, results: Results, pictures: dict[str, tuple[str, bytes]]
) -> None:
    """Add villages by evidence and by township."""
    lang = results.lang
    document.heading(1, Text("村庄定位", "Positions of the villages"))
    villages = results.villages
    order = [str(m) for m in Match]
    rows = []
    for match in order:
        own = villages[villages["match"] == match]
        if own.empty:
            continue
        radius = own["uncertainty_m"].median()
        told = "" if pd.isna(radius) else distance_text(float(radius), lang)
        placed = int((own["basis"] == "point").sum())
        rows.append([value_text("match", match).get(lang), str(len(own)), str(placed), told])
    document.table(
        Text("村庄按定位依据", "Villages by evidence"),
        [
            t.get(lang)
            for t in (
                Text("定位依据", "Evidence"),
                Text("村数", "Villages"),
                Text("其中有点位", "Placed"),
                Text("不确定度中位数", "Median uncertainty"),
            )
        ],
        rows,
        note=Text(
            "不确定度：以此为半径的圆有九成把握包含该村。",
            "Uncertainty: the radius that holds the village with 90 % confidence.",
        ),
    )
    add_picture(document, pictures, "positions")
    rows = []
    for township, own in villages.groupby("township", sort=True):
        placed = int((own["basis"] == "point").sum())
        on_list = int(own["lists"].fillna("").astype(str).ne("").sum())
        rows.append([str(township), str(len(own)), str(on_list), str(placed), str(len(own) - placed)])  # fmt: skip
    document.table(
        Text("村庄按乡镇", "Villages by township"),
        [
            t.get(lang)
            for t in (
                Text("乡镇", "Township"),
                Text("村数", "Villages"),
                Text("列入名单", "On a list"),
                Text("有点位", "Placed"),
                Text("无点位", "Not placed"),
            )
        ],
        rows,
    )


def roads_chapter(
    document: Document,
    results: Results,
    table: pd.DataFrame,
) -> None:
    """Add road lengths."""
    lang = results.lang
    document.heading(1, Text("道路", "Roads"))
    words = {s.value: s.title for s in layers.ROAD_SYMBOLS if s.value}
    rows = [
        [
            words.get(row.road_class, Text(str(row.road_class), str(row.road_class))).get(lang),
            value_text("basis", row.basis).get(lang),
            f"{row.km:,.0f}",
        ]
        for row in table.itertuples()
    ]
    document.table(
        Text("县域内道路线长度", "Length of road lines in the county"),
        [
            t.get(lang)
            for t in (Text("等级", "Class"), Text("来源性质", "Basis"), Text("长度（公里）", "km"))
        ],
        rows,
        note=Text(
            "双幅路按两条线计；“概化”线约有百米误差。",
            "Dual carriageways count twice; generalised lines are right to about 100 m.",
        ),
    )
