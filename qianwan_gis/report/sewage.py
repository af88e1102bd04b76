"""The chapter on the sewage plan: choices, cost, years, what rests on the prices, where it is thin."""

from __future__ import annotations

from qianwan_gis._text import Text
from qianwan_gis.export import sewage as writing
from qianwan_gis.export.document import Document
from qianwan_gis.layers import Results
from qianwan_gis.report._parts import add_table

_SHOWN = 15  # villages in the report; the workbook has them all


def sewage_chapter(document: Document, results: Results) -> None:
    """Add the plan's chapter; nothing where there is no plan."""
    plan = results.sewage
    if plan is None:
        return
    lang = results.lang
    document.heading(1, Text("污水方案", "Sewage plan"))
    document.say(
        Text(
            "每个村（有自然村资料时为自然村）在纳入已登记管网、集中处理站（单村或联村）、分散处理与资源化之间，"
            "按全寿命费用（建设、更新、能耗、运行，折现）最小选择；干管沿道路与地形布设，按纵断面定重力或提升。"
            "已有设施服务的村不再安排。属规划比选，不代替设计。",
            "Each village (settlement where known) takes the alternative of least life-cycle cost "
            "(building, renewal, energy, running, discounted): a recorded sewer, a station of its own or "
            "shared, on-site treatment or reuse; trunks follow roads and ground. Villages served already "
            "stay as they are. A planning comparison, no design.",
        )
    )
    for table in writing.overview(results):
        add_table(document, results, table, table.title, limit=None)
        if note := table.note.get(lang):
            document.say(Text(note, note))
    planned = plan.decisions[~plan.decisions["choice"].isin(["", "existing"])]
    largest = planned.sort_values("cost_yuan", ascending=False, kind="stable").head(_SHOWN)
    document.table(
        Text(f"费用最大的 {len(largest)} 个村（聚落）", f"The {len(largest)} dearest settlements"),
        [Text("村（聚落）", "Settlement").get(lang), Text("说明", "In words").get(lang)],
        [
            [str(name), str(text)]
            for name, text in zip(largest["name"], largest[f"text_{lang}"], strict=True)
        ],
        note=Text("全部见 tables.xlsx 的“污水方案·各村做法”。", "All are in tables.xlsx."),
    )
    for problem in plan.problems:
        document.say(Text(problem.message("zh"), problem.message("en")))


__all__ = ["sewage_chapter"]
