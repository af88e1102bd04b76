"""The chapter on the demonstration corridor: gaps first, then who is served, then the lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qianwan_gis._text import Text
from qianwan_gis.export import content
from qianwan_gis.export.corridor import corridor_tables
from qianwan_gis.export.document import Document
from qianwan_gis.layers import Results
from qianwan_gis.report._parts import add_picture, add_table
from qianwan_gis.report.findings import corridor_finding
from qianwan_gis.report.gaps import gap_findings

#: Tables of the chapter in order, with the columns that fit a page; the workbook has all.
_SHOWN: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("findings", ("kind", "verdict", "limit_km", "on_road", "over", "worst_km", "worst_allowed_km",
                  "missing", "proposed")),
    ("proposed", ("kind", "branch", "chainage", "closes", "gap_km", "verdict")),
    ("zones", ("width_m", "villages", "listed", "scenic", "posts", "toilets", "chargers", "clinics",
               "population", "note")),
    ("areas", ("name", "villages", "listed", "scenic", "posts", "toilets", "chargers", "clinics",
               "population", "note")),
    ("served", ("name", "township", "lists", "verdict", "distance_m", "at_least_m", "branch",
                "chainage", "side")),
    ("villages", ("branch", "chainage", "side", "offset_m", "name", "township", "lists",
                  "off_minutes", "turn_off")),
    ("scenic", ("branch", "chainage", "side", "offset_m", "name", "off_minutes", "turn_off")),
    ("completeness", ("kind", "branch", "name", "start", "end", "drawn_m", "published_m",
                      "difference_m")),
    ("equations", ("branch", "back", "ahead", "kind", "metres")),
)  # fmt: skip


def corridor_chapter(
    document: Document, results: Results, pictures: dict[str, tuple[str, bytes]]
) -> None:
    """Add the chapter; where the course is presumed, only what is missing and why."""
    document.heading(1, Text("示范廊带", "The demonstration corridor"))
    tables = {t.key.removeprefix("corridor_report_"): t for t in corridor_tables(results)}
    # gaps first: they are what is to be built
    document.bullets(gap_findings(results))
    document.say(corridor_finding(results))
    add_picture(document, pictures, "corridor")
    if not tables:
        reason = results.disclosure.reasons.get("stakes")
        if reason is not None:
            document.say(
                Text(
                    f"不出桩号、设施间距和带状图：{reason.zh}。",
                    f"No stakes, spacing or strip maps: {reason.en}.",
                )
            )
        return
    document.say(
        Text(
            "间距原则：沿路任一处到最近设施不超过限值之半。限值多为项目设定，核实情况见“标准”一章；"
            "逐幅平面图与拉直图见 strips.pdf，全部明细见 tables.xlsx。",
            "No place on the road is further than half the limit from a service, along the road. "
            "Most limits are the project's own choice, see the chapter on standards; strips.pdf has "
            "the strip maps, tables.xlsx every row.",
        )
    )
    missed = _missed(results)
    if missed is not None:
        document.say(missed)
    for key, names in _SHOWN:
        if key in tables:
            table = _columns(tables[key], names)
            add_table(document, results, table, table.title, limit=40)


def _columns(table: content.Table, names: Sequence[str]) -> content.Table:
    kept = [c for c in table.columns if c.name in names]
    kept.sort(key=lambda c: names.index(c.name))
    return replace(table, frame=table.frame[[c.name for c in kept]], columns=tuple(kept))


def _missed(results: Results) -> Text | None:
    """Which listed villages the corridor serves and misses, in a sentence."""
    table = results.corridor_tables.get("served")
    if table is None:
        return None
    counts = table["verdict"].value_counts()
    served, missed, open_ = (int(counts.get(k, 0)) for k in ("served", "missed", "undecided"))
    out = table[table["verdict"] == "missed"].sort_values("distance_m", kind="stable")
    near = [
        f"{name}（{metres / 1000:.1f} km）"
        for name, metres in zip(out["name"], out["distance_m"], strict=True)
        if metres == metres
    ]
    zh = f"名单村{len(table)}个：受益{served}个，未及{missed}个，未定{open_}个。"
    en = f"{len(table)} listed villages: {served} served, {missed} missed, {open_} undecided."
    if near:
        zh += f"未及的村按距离为：{'、'.join(near[:12])}{'等' if len(near) > 12 else ''}。"
        en += f" Missed, nearest first: {', '.join(near[:12])}."
    return Text(zh, en)
