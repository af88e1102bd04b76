"""The first chapter: what was found, a sentence or two each."""

from __future__ import annotations

import pandas as pd

from qianwan_gis._text import Text
from qianwan_gis.export import content
from qianwan_gis.export.document import Document
from qianwan_gis.layers import Results, service_title, services_of
from qianwan_gis.report._parts import joined, state_counts, why_unknown
from qianwan_gis.report.gaps import gap_findings
from qianwan_gis.schemas import Match, value_text


def findings_chapter(document: Document, results: Results, lengths: pd.DataFrame) -> None:
    """Add the findings: only what the disclosure rules allow."""
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
        corridor_finding(results),
        *gap_findings(results, only_over=True),
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
        n = state_counts(results, service, tier)
        title = service_title(service, tier)
        why = why_unknown(results, service, tier)
        if n["assessed"] == 0:
            silent.append((title, why))
            continue
        zh = f"{title.zh}：{n['all']}个村中评估了{n['assessed']}个，覆盖{n['covered']}个，未覆盖{n['uncovered']}个"
        en = (
            f"{title.en}: {n['assessed']} of {n['all']} villages assessed, {n['covered']} covered, "
            f"{n['uncovered']} not covered"
        )
        if n["unknown"]:
            zh += f"；未知{n['unknown']}个（{joined(why, 'zh')}）"
            en += f"; {n['unknown']} unknown ({joined(why, 'en')})"
        found.append(Text(zh + "。", en + "."))
    if silent:
        zh = "；".join(f"{title.zh}（{joined(why, 'zh', 1)}）" for title, why in silent)
        en = "; ".join(f"{title.en} ({joined(why, 'en', 1)})" for title, why in silent)
        found.append(
            Text(f"以下服务无一村可评估：{zh}。", f"No village could be assessed for: {en}.")
        )
    return found


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


def corridor_finding(results: Results) -> Text:
    """Return what is known of the corridor in one sentence."""
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
