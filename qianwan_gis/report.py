"""The report: findings first, then what to collect first, then everything they rest on.

One content (`build`) is written twice: ``report.md`` for reading anywhere and ``report.docx`` in
the form of a Chinese official report. Every number passes `Results.disclosure`: what thin data do
not bear is named in the last chapter with the reason, and printed nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from qianwan_gis import _io, layers
from qianwan_gis._text import Text
from qianwan_gis.export import content, docx
from qianwan_gis.export.document import Document, markdown
from qianwan_gis.layers import Results, service_title, services_of
from qianwan_gis.schemas import Match, value_text

_LONGEST_TABLE = 40  # rows; the workbook has them all


def write_report(results: Results, folder: Path | str) -> list[Path]:
    """Write ``report.md`` and ``report.docx``.

    Parameters
    ----------
    results
        The plan's results.
    folder
        Where to write.

    Returns
    -------
    list of Path
        The two files. The same results give the same bytes.
    """
    folder = Path(folder)
    document = build(results)
    return [
        _io.write_text(folder / "report.md", markdown(document)),
        docx.write(document, folder / "report.docx"),
    ]


def build(results: Results, *, figures: bool = True) -> Document:
    """Return the report's content in the language of the results.

    Without a Chinese font, or with ``figures=False``, the pictures are left out; the text says so.
    """
    lang = results.lang
    county = results.county
    place = Text(
        f"{county.province}{county.prefecture}{county.name}（{county.adcode}）",
        f"{county.name_en or county.name} ({county.adcode})",
    )
    document = Document(
        results.title.get(lang),
        lang,
        str(results.run_date),
        tuple(dict.fromkeys(mark.get(lang) for mark in results.marks)),
        (
            (Text("行政区", "County").get(lang), place.get(lang)),
            (Text("数据日期", "Date of the data").get(lang), str(results.run_date)),
            (Text("坐标系", "CRS").get(lang), results.crs.name),
            *(
                [(Text("编制单位", "Prepared by").get(lang), county.map.maker)]
                if county.map.maker
                else []
            ),
        ),
    )
    pictures = _figures(results) if figures else {}
    lengths = _road_lengths(results)
    _findings(document, results, lengths)
    if figures and not pictures:
        document.say(
            Text(
                "本机没有找到中文字体，报告未附图；安装后重新生成即可。",
                "No Chinese font was found on this computer, so there are no maps in the report.",
            )
        )
    _collect(document, results)
    _lists(document, results)
    _positions(document, results, pictures)
    _roads(document, results, pictures, lengths)
    _coverage(document, results, pictures)
    _targets(document, results)
    _method(document, results)
    _sources(document, results)
    _unknown(document, results)
    return document


def _figures(results: Results) -> dict[str, tuple[str, bytes]]:
    """Return the report's maps by sheet: positions, the best assessed service, the corridor."""
    from qianwan_gis.maps import sheets, static

    if static.find_font() is None:
        return {}
    found = {sheet.key: sheet for sheet in sheets.sheets(results)}
    assessed = results.coverage.assign(known=results.coverage["covered"].notna())
    counts = assessed.groupby(["service", "tier"])["known"].sum().sort_values(kind="stable")
    wanted = ["positions", "corridor"]
    if len(counts) and counts.iloc[-1]:
        service, tier = counts.index[-1]
        wanted.append(f"coverage_{service}_{tier}")
    return {
        key: (found[key].title, static.figure_png(found[key])) for key in wanted if key in found
    }


def _picture(document: Document, pictures: dict[str, tuple[str, bytes]], key: str) -> None:
    if key in pictures:
        title, png = pictures[key]
        document.figure(title, png, key)


# --- chapters -------------------------------------------------------------------------------


def _findings(document: Document, results: Results, lengths: pd.DataFrame) -> None:
    document.heading(1, Text("主要结论", "Findings"))
    villages = results.villages
    total = len(villages)
    placed = int((villages["basis"] == "point").sum())
    listed = int(villages["lists"].fillna("").astype(str).ne("").sum())
    items = [
        _total_finding(villages, total, listed),
        _positions_finding(villages, placed, total),
        *_service_findings(results),
        _road_finding(results, lengths),
        _corridor_finding(results),
    ]
    targets = results.targets
    if len(targets):
        measured = int((~targets["status"].isin(list(content.STATUS_WORDS))).sum())
        doubtful = int((~targets["plausibility"].isin(list(content.PLAUSIBILITY_WORDS))).sum())
        items.append(
            Text(
                f"目标台账收录量化指标{len(targets)}项，已有测算进展的{measured}项，"
                f"数值存疑的{doubtful}项。",
                f"The ledger holds {len(targets)} numeric targets: {measured} measured so far, "
                f"{doubtful} doubtful.",
            )
        )
    if not results.disclosure.county_shares:
        items.append(
            Text(
                "现有资料不足以得出全县覆盖率、覆盖人口等总量结论，本报告不给出此类数字（原因见末章）。",
                "The data do not bear county-wide shares or numbers of people; none is given here "
                "(reasons in the last chapter).",
            )
        )
    document.bullets(items)


def _positions_finding(villages: pd.DataFrame, placed: int, total: int) -> Text:
    if placed == total:
        return Text("所有村都有点位。", "Every village is placed as a point.")
    township = int((villages["match"] == Match.TOWNSHIP).sum())
    other = total - placed - township
    return Text(
        f"{placed}个村有点位；{other}个村只知大致范围，{township}个村只知所属乡镇。"
        "没有点位的村不以乡镇驻地代替。",
        f"{placed} villages are placed as points; {other} are known by area, {township} by "
        "township only. A township's seat never stands in for a village.",
    )


def _counts(results: Results, service: str, tier: str) -> dict[str, int]:
    table = results.coverage
    rows = table[(table["service"] == service) & (table["tier"] == tier)]
    state = layers.coverage_state(rows, results.disclosure).value_counts()
    counts = {name: int(state.get(name, 0)) for name in ("covered", "uncovered", "unknown")}
    counts["all"] = len(rows)
    counts["assessed"] = counts["covered"] + counts["uncovered"]
    return counts


def _why(results: Results, service: str, tier: str) -> list[tuple[Text, int]]:
    """Return why villages are unknown, most frequent first."""
    table = results.coverage
    rows = table[(table["service"] == service) & (table["tier"] == tier)]
    unknown = layers.coverage_state(rows, results.disclosure) == "unknown"
    counts = rows.loc[unknown, "reason"].astype(str).value_counts()
    ordered = sorted(counts.items(), key=lambda item: (-int(item[1]), str(item[0])))
    return [(value_text("reason", reason), int(count)) for reason, count in ordered]


def _total_finding(villages: pd.DataFrame, total: int, listed: int) -> Text:
    if not listed:
        return Text(f"全县共{total}个村（社区）。", f"{total} villages and communities.")
    lists = _by_list(villages)["list"].value_counts().sort_index()
    uncoded = int((~villages["code"].astype(str).str.fullmatch(r"\d{12}")).sum())
    zh = "、".join(f"{name}{n}个" for name, n in lists.items())
    en = ", ".join(f"{name} {n}" for name, n in lists.items())
    rest = (
        (f"，含无代码的{uncoded}个", f", {uncoded} of them without a code") if uncoded else ("", "")
    )
    return Text(
        f"全县共{total}个村（社区）{rest[0]}；其中{listed}个列入创建名单（{zh}，有重复）。",
        f"{total} villages and communities{rest[1]}; {listed} are on the official lists ({en}, "
        "some on both).",
    )


def _by_list(villages: pd.DataFrame) -> pd.DataFrame:
    """Return one row per village and list it is on."""
    split = pd.DataFrame(villages).assign(list=villages["lists"].fillna("").str.split(";"))
    rows = split.explode("list")
    return rows[rows["list"].fillna("") != ""]


def _service_findings(results: Results) -> list[Text]:
    """Return one finding per assessed service and tier, and one for all that were not."""
    found, silent = [], []
    for service, tier in services_of(results):
        n = _counts(results, service, tier)
        title = service_title(service, tier)
        why = _why(results, service, tier)
        if n["assessed"] == 0:
            silent.append((title, why))
            continue
        zh = f"{title.zh}：{n['all']}个村中评估了{n['assessed']}个，覆盖{n['covered']}个，未覆盖{n['uncovered']}个"
        en = (
            f"{title.en}: {n['assessed']} of {n['all']} villages assessed, {n['covered']} covered, "
            f"{n['uncovered']} not covered"
        )
        if n["unknown"]:
            zh += f"；未知{n['unknown']}个（{_join(why, 'zh')}）"
            en += f"; {n['unknown']} unknown ({_join(why, 'en')})"
        found.append(Text(zh + "。", en + "."))
    if silent:
        zh = "；".join(f"{title.zh}（{_join(why, 'zh', 1)}）" for title, why in silent)
        en = "; ".join(f"{title.en} ({_join(why, 'en', 1)})" for title, why in silent)
        found.append(
            Text(f"以下服务无一村可评估：{zh}。", f"No village could be assessed for: {en}.")
        )
    return found


def _join(counted: Sequence[tuple[Text, int]], lang: str, most: int = 3) -> str:
    """Return the most frequent reasons in words with their counts."""
    words = [
        f"“{text.zh}”{count}个" if lang == "zh" else f"“{text.en}” {count}"
        for text, count in counted[:most]
    ]
    if len(counted) > most:
        words.append("其他原因" if lang == "zh" else "others")
    return ("、" if lang == "zh" else ", ").join(words)


def _road_lengths(results: Results) -> pd.DataFrame:
    """Return kilometres by class and basis within the county outline, presumed links apart."""
    roads = results.roads
    inside = roads[(roads["basis"] != "presumed") & (roads["status"] != "planned")]
    outline = results.boundary.geometry.iloc[0]
    length = inside.geometry.intersection(outline).length / 1000
    made = inside.assign(km=length)[["road_class", "basis", "km"]]
    table = made.groupby(["road_class", "basis"], as_index=False)["km"].sum()
    return table[table["km"] > 0].sort_values("km", ascending=False, kind="stable")


def _road_finding(results: Results, table: pd.DataFrame) -> Text:
    presumed = int((results.roads["basis"] == "presumed").sum())
    if table.empty and not presumed:
        return Text("没有道路数据，不能作路网分析。", "There are no roads: no network analysis.")
    bases = table.groupby("basis")["km"].sum().sort_values(ascending=False, kind="stable")
    parts = [(value_text("basis", b), round(float(km))) for b, km in bases.items()]
    zh = "县域内道路线：" + ("，".join(f"{t.zh}{km}公里" for t, km in parts) or "无")
    en = "Road lines in the county: " + (", ".join(f"{t.en} {km} km" for t, km in parts) or "none")
    if presumed:
        zh += f"；另有{presumed}条推定连接只供计算，不是道路，经过它们的时间一律给区间"
        en += (
            f"; besides, {presumed} presumed links serve the computation only and are no roads, "
            "and times over them are ranges"
        )
    return Text(zh + "。", en + ".")


def _corridor_finding(results: Results) -> Text:
    corridor = results.corridor
    if corridor is None:
        return Text(
            "示范廊带没有线位资料，未作桩号、影响区分析。",
            "There is no line of the corridor: no chainage, no zones.",
        )
    if str(corridor.basis) == "presumed":
        return Text(
            "示范廊带走向为推定示意，不含桩号，不参与任何汇总。",
            "The corridor's course is a presumed sketch: no stakes, in no summary.",
        )
    length = float(corridor.lines.geometry.length.sum()) / 1000
    near = results.corridor_villages
    count = 0 if near is None else len(near)
    return Text(
        f"示范廊带线长{length:.1f}公里，影响区内{count}个村。",
        f"The corridor is {length:.1f} km long; {count} villages lie in its zones.",
    )


def _collect(document: Document, results: Results) -> None:
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
    _content_table(document, results, table, Text("待收集资料", "To collect"))


def _lists(document: Document, results: Results) -> None:
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
    widths = {"level": 0.9, "file": 1.5, "row": 2.2, "text": 5.2, "fix": 2.4}
    _content_table(document, results, shown, problems.title, widths=widths)


def _positions(
    document: Document, results: Results, pictures: dict[str, tuple[str, bytes]]
) -> None:
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
        told = "" if pd.isna(radius) else _metres(float(radius), lang)
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
    _picture(document, pictures, "positions")
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


def _metres(value: float, lang: str) -> str:
    """Return a distance no finer than it is known: 150 米, 5.6 千米."""
    if value >= 1000:
        return f"{value / 1000:.1f} {'千米' if lang == 'zh' else 'km'}"
    return f"{round(value, -1):.0f} {'米' if lang == 'zh' else 'm'}"


def _roads(
    document: Document,
    results: Results,
    pictures: dict[str, tuple[str, bytes]],
    table: pd.DataFrame,
) -> None:
    lang = results.lang
    document.heading(1, Text("道路与廊带", "Roads and corridor"))
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
    document.say(_corridor_finding(results))
    _picture(document, pictures, "corridor")
    near = results.corridor_villages
    corridor = results.corridor
    if near is None or corridor is None or str(corridor.basis) == "presumed" or near.empty:
        return
    widths = sorted(near["within_m"].dropna().unique())
    rows = [[_metres(float(w), lang), str(int((near["within_m"] <= w).sum()))] for w in widths]
    document.table(
        Text("沿线村数（按离线距离累计）", "Villages near the corridor, cumulative"),
        [Text("离线距离以内", "Within").get(lang), Text("村数", "Villages").get(lang)],
        rows,
    )


def _coverage(document: Document, results: Results, pictures: dict[str, tuple[str, bytes]]) -> None:
    lang = results.lang
    document.heading(1, Text("服务覆盖", "Service coverage"))
    if results.coverage.empty:
        document.say(Text("没有评估任何服务。", "No service was assessed."))
        return
    document.say(
        Text(
            "位置、推定路段、绕行系数和车速的不确定性联合抽样：覆盖概率不低于0.95判为覆盖，不高于0.05判为未覆盖，"
            "其余为未知。只有设施名录完整时才可判未覆盖。限值均含本数。",
            "Positions, presumed links, detours and speeds are drawn jointly: covered at a "
            "probability of 0.95 or more, not covered at 0.05 or less, else unknown. “Not covered” "
            "needs a complete inventory. Limits are inclusive.",
        )
    )
    head = [
        t.get(lang)
        for t in (
            Text("服务", "Service"),
            Text("设施名录", "Inventory"),
            Text("村数", "Villages"),
            Text("已评估", "Assessed"),
            Text("覆盖", "Covered"),
            Text("未覆盖", "Not covered"),
            Text("未知", "Unknown"),
        )
    ]
    rows = []
    for service, tier in services_of(results):
        n = _counts(results, service, tier)
        inventory = results.inventories.get((service, tier))
        told = "—" if inventory is None else value_text("inventory", inventory).get(lang)
        numbers = [str(n[k]) for k in ("all", "assessed", "covered", "uncovered", "unknown")]
        rows.append([service_title(service, tier).get(lang), told, *numbers])
    widths = (3.2, 1.4, 1, 1, 1, 1, 1)
    document.table(Text("各项服务评估结果", "Results by service"), head, rows, widths=widths)
    rows = [
        [service_title(service, tier).get(lang), text.get(lang), str(count)]
        for service, tier in services_of(results)
        for text, count in _why(results, service, tier)
    ]
    document.table(
        Text("未知的原因", "Why unknown"),
        [
            t.get(lang)
            for t in (Text("服务", "Service"), Text("原因", "Reason"), Text("村数", "Villages"))
        ],
        rows,
    )
    for key in pictures:
        if key.startswith("coverage_"):
            _picture(document, pictures, key)
    if results.disclosure.county_shares:
        for by in ("township", "category", "list", "zone"):
            _summary(document, results, by)
    _uncovered(document, results)


def _summary(document: Document, results: Results, by: str) -> None:
    """Show a summary crosswise: groups down, services across, in villages and in people."""
    lang = results.lang
    table = content.summary_table(results, by)
    if table is None:
        return
    frame = table.frame.assign(
        what=table.frame["tier"].astype(str), group=table.frame[by].map(_group)
    )
    order = list(dict.fromkeys(frame["what"]))
    groups = list(dict.fromkeys(frame["group"]))
    rows = {(row.group, row.what): row for row in frame.itertuples()}
    head = [content.SUMMARIES[by].get(lang), Text("村数", "Villages").get(lang), *order]
    name = content.SUMMARIES[by]

    def villages(row: Any) -> str:
        if not row.assessed:
            return "—"
        return f"{int(row.covered)}/{int(row.assessed)} {row.share:.0%}"

    def people(row: Any) -> str:
        return "—" if pd.isna(row.share_people) else f"{row.share_people:.0%}"

    def cells(show: Callable[[Any], str]) -> list[list[str]]:
        return [
            [
                group,
                str(
                    max(int(rows[group, what].villages) for what in order if (group, what) in rows)
                ),
                *(show(rows[group, what]) if (group, what) in rows else "—" for what in order),
            ]
            for group in groups
        ]

    document.table(
        Text(
            f"{name.zh}：覆盖村数/已评估村数（覆盖率）", f"{name.en}: villages covered / assessed"
        ),
        head,
        cells(villages),
        widths=(1.8, 1, *[1.2] * len(order)),
    )
    if "share_people" in frame and frame["share_people"].notna().any():
        kinds = sorted(set(frame.get("people_kind", pd.Series(dtype=str)).dropna()) - {""})
        document.table(
            Text(f"{name.zh}：覆盖人口占已评估人口", f"{name.en}: share of people covered"),
            head,
            cells(people),
            widths=(1.8, 1, *[1.2] * len(order)),
            note=Text("人口口径：" + "、".join(kinds), "Population: " + ", ".join(kinds)),
        )


def _group(value: object) -> str:
    """Return a group's name; distances as whole metres."""
    return f"{value:.0f} m" if isinstance(value, float) else str(value) or "—"


def _uncovered(document: Document, results: Results) -> None:
    """List the villages shown to be over a limit, with their time or range."""
    lang = results.lang
    state = layers.coverage_state(results.coverage, results.disclosure)
    villages = pd.DataFrame(results.villages)[["code", "name", "township"]]
    rows = results.coverage[state == "uncovered"].merge(villages, on="code", how="left")
    if rows.empty:
        return
    rows = rows.sort_values(["service", "tier", "minutes", "code"], ascending=[True, True, False, True])  # fmt: skip
    found = [
        [
            service_title(row.service, row.tier).get(lang),
            str(row.township),
            str(row.name_),
            _minutes(row, results),
            f"{row.limit:g} {row.limit_unit}",
            value_text("reason", row.reason).get(lang),
        ]
        for row in rows.rename(columns={"name": "name_"}).head(_LONGEST_TABLE).itertuples()
    ]
    head = [
        t.get(lang)
        for t in (
            Text("服务", "Service"),
            Text("乡镇", "Township"),
            Text("村", "Village"),
            Text("时间或里程", "Time or distance"),
            Text("限值", "Limit"),
            Text("原因", "Reason"),
        )
    ]
    document.table(
        Text("未覆盖的村", "Villages not covered"),
        head,
        found,
        widths=(2.6, 1.5, 2.2, 1.8, 1.2, 1.6),
        note=_rest(len(rows)),
    )


def _minutes(row: object, results: Results) -> str:
    """Return a time as the data bear it: a range where presumed, whole minutes where thin."""

    def number(name: str) -> float | None:
        value = getattr(row, name, None)
        return None if value is None or pd.isna(value) else float(value)

    unit = "分钟" if results.lang == "zh" else "min"
    low, high = number("minutes_low"), number("minutes_high")
    if low is not None and high is not None:
        return f"{round(low)}–{round(high)} {unit}"
    if (minutes := number("minutes")) is not None:
        digits = 1 if results.disclosure.decimal_minutes else 0
        return f"{minutes:.{digits}f} {unit}"
    low, high = number("metres_low"), number("metres_high")
    if low is not None and high is not None:
        return f"{_metres(low, results.lang)}–{_metres(high, results.lang)}"
    metres = number("metres")
    return "—" if metres is None else _metres(metres, results.lang)


def _rest(count: int) -> Text | None:
    if count <= _LONGEST_TABLE:
        return None
    return Text(
        f"共{count}行，此处列前{_LONGEST_TABLE}行，全部见 tables.xlsx。",
        f"The first {_LONGEST_TABLE} of {count} rows; all are in tables.xlsx.",
    )


def _targets(document: Document, results: Results) -> None:
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
            f"{row.relation}{_number(row.value)} {row.unit}",
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
        rows[:_LONGEST_TABLE],
        widths=(1.2, 0.9, 3, 1.7, 3.4, 1.2, 1.5),
        note=_rest(len(rows)),
    )


def _number(value: object) -> str:
    if value is None or pd.isna(value):
        return ""
    return f"{float(str(value)):,.10g}"


def _method(document: Document, results: Results) -> None:
    lang = results.lang
    document.heading(1, Text("采用的标准", "Standards used"))
    table = results.standards.table(used_only=True)
    if table.empty:
        document.say(Text("本次没有用到标准参数。", "No standard was used."))
        return
    counts = table["status"].value_counts()
    told = [(content.STATUS_TEXT[s], int(counts.get(s, 0))) for s in content.STATUS_TEXT]
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
            f"{_plain(row.value)} {row.unit}".strip(),
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
    document.table(
        Text("标准与参数", "Standards"), head, rows, widths=(2.6, 1.5, 1.2, 1.8, 3.6, 1.2)
    )


def _is_norm(key: str) -> bool:
    """Whether a parameter is a planner's norm rather than a setting of the computation."""
    return not key.startswith(("evidence.", "geocoding.", "roads.topology."))


def _parameter(results: Results, key: str) -> str:
    """Return a norm's title, or its key where it has none."""
    entry = results.standards.entries[key]
    title = entry.title if results.lang == "zh" else entry.title_en
    return f"{title}（{key}）" if title and results.lang == "zh" else title or key


def _plain(value: object) -> str:
    if isinstance(value, list | tuple):
        return "、".join(_plain(v) for v in value)
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def _sources(document: Document, results: Results) -> None:
    document.heading(1, Text("数据来源与许可", "Data sources and licences"))
    table = content.sources_table(results)
    if table.frame.empty:
        document.say(Text("没有登记数据来源。", "No source is on record."))
        return
    shown = [c for c in table.columns if c.name in ("title", "source", "licence", "date", "basis", "features")]  # fmt: skip
    cut = content.Table(table.key, table.title, table.frame[[c.name for c in shown]], tuple(shown))
    widths = {"title": 1.6, "source": 4.0, "licence": 1.8, "date": 1.4, "basis": 1.2, "features": 1.1}  # fmt: skip
    _content_table(document, results, cut, table.title, widths=widths, limit=None)


def _unknown(document: Document, results: Results) -> None:
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


def _content_table(
    document: Document,
    results: Results,
    table: content.Table,
    title: Text,
    *,
    widths: dict[str, float] | None = None,
    limit: int | None = _LONGEST_TABLE,
) -> None:
    """Add one of the plain tables as it is, cut at the report's longest table."""
    lang = results.lang
    frame = table.frame if limit is None else table.frame.head(limit)
    head = [content.heading(column, lang) for column in table.columns]
    rows = [
        [_cell(value, column.name) for value, column in zip(row, table.columns, strict=True)]
        for row in frame.itertuples(index=False, name=None)
    ]
    shares: Iterable[float] = (
        [widths[c.name] for c in table.columns]
        if widths
        else [_share(c.name, [head[i], *(row[i] for row in rows)]) for i, c in enumerate(table.columns)]
    )  # fmt: skip
    note = _rest(len(table.frame)) if limit is not None else None
    document.table(title, head, rows, widths=tuple(shares), note=note)


def _share(_name: str, texts: Sequence[str]) -> float:
    longest = max(len(text) for text in texts)
    return float(min(max(longest, 3), 16))


def _cell(value: object, name: str) -> str:
    if value is None or pd.isna(value):
        return ""
    if isinstance(value, float):
        if name.startswith("share"):
            return f"{value:.0%}"
        return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"
    return str(value)
