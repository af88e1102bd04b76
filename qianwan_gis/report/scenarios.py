"""The chapter on scenarios: what each changes, in figures and village by village."""

from __future__ import annotations

from qianwan_gis._text import Text
from qianwan_gis.export.document import Document
from qianwan_gis.export.scenarios import NOTE, cell, changed_table
from qianwan_gis.layers import Results
from qianwan_gis.report._parts import LONGEST_TABLE, rest_note
from qianwan_gis.scenarios import COLUMN_TEXT, ScenarioResult
from qianwan_gis.scenarios.roads import WHAT_TEXT, lengths


def scenarios_chapter(document: Document, results: Results) -> None:
    """Add a section per scenario that the county's file names; nothing without any."""
    if not results.scenarios:
        return
    document.heading(1, Text("情景对比", "Scenarios"))
    document.say(Text(f"{NOTE.zh}。", f"{NOTE.en[0].upper()}{NOTE.en[1:]}."))
    for result in results.scenarios:
        _section(document, results, result)


def _section(document: Document, results: Results, result: ScenarioResult) -> None:
    lang = results.lang
    document.heading(2, result.title)
    told = []
    if result.scenario.note:
        told.append(Text(result.scenario.note, result.scenario.note))
    changed = lengths(result.lines)
    if len(changed):
        zh = "，".join(f"{WHAT_TEXT[r.what].zh}{r.km:g}公里" for r in changed.itertuples())
        en = ", ".join(f"{WHAT_TEXT[r.what].en} {r.km:g} km" for r in changed.itertuples())
        told.append(Text(f"道路：{zh}。", f"Roads: {en}."))
    told += [problem.text for problem in result.problems]
    if told:
        document.bullets(told)
    names = ["tier", "assessed", "covered_before", "covered_after", "lost", "gained", "undecided", "cut_off",
             "worse", "better"]  # fmt: skip
    people = [n for n in ("people_lost", "people_gained") if n in result.summary.columns]
    words = result.in_words(result.summary, lang, titles=False)[[*names, *people]]
    document.table(
        Text(f"“{result.title.zh}”前后", f"Before and after “{result.title.en}”"),
        [COLUMN_TEXT[name].get(lang) for name in words.columns],
        [[cell(v) for v in row] for row in words.itertuples(index=False, name=None)],
    )
    if result.changed.empty:
        document.say(Text("没有村受影响。", "No village is affected."))
        return
    head, rows = changed_table(result, lang, LONGEST_TABLE)
    document.table(
        Text(f"“{result.title.zh}”影响的村", f"Villages affected by “{result.title.en}”"),
        head, rows, note=rest_note(len(result.changed)),
    )  # fmt: skip
