"""The chapter on service coverage: by service, by group, and the villages over a limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from qianwan_gis import layers
from qianwan_gis._text import Text
from qianwan_gis.export import content
from qianwan_gis.export.document import Document
from qianwan_gis.layers import Results, service_title, services_of
from qianwan_gis.report._parts import (
    LONGEST_TABLE,
    add_picture,
    rest_note,
    state_counts,
    travel_text,
    why_unknown,
)
from qianwan_gis.schemas import value_text
from qianwan_gis.services.words import reason_text


def coverage_chapter(
    document: Document, results: Results, pictures: dict[str, tuple[str, bytes]]
) -> None:
    """Add results by service, why villages are unknown, summaries, villages over a limit."""
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
        n = state_counts(results, service, tier)
        inventory = results.inventories.get((service, tier))
        told = "—" if inventory is None else value_text("inventory", inventory).get(lang)
        numbers = [str(n[k]) for k in ("all", "assessed", "covered", "uncovered", "unknown")]
        rows.append([service_title(service, tier).get(lang), told, *numbers])
    document.table(Text("各项服务评估结果", "Results by service"), head, rows)
    rows = [
        [service_title(service, tier).get(lang), text.get(lang), str(count)]
        for service, tier in services_of(results)
        for text, count in why_unknown(results, service, tier)
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
            add_picture(document, pictures, key)
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
    )
    if "share_people" in frame and frame["share_people"].notna().any():
        kinds = sorted(set(frame.get("people_kind", pd.Series(dtype=str)).dropna()) - {""})
        document.table(
            Text(f"{name.zh}：覆盖人口占已评估人口", f"{name.en}: share of people covered"),
            head,
            cells(people),
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
            travel_text(row, results),
            f"{row.limit:g} {row.limit_unit}",
            reason_text(row._asdict()).get(lang),
        ]
        for row in rows.rename(columns={"name": "name_"}).head(LONGEST_TABLE).itertuples()
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
        note=rest_note(len(rows)),
    )
