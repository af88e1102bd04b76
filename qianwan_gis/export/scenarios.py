"""The tables of scenarios as plain tables: one of figures for all, one of villages for each."""

from __future__ import annotations

import pandas as pd

from qianwan_gis._text import Text
from qianwan_gis.export.content import Table, describe
from qianwan_gis.layers import Results
from qianwan_gis.scenarios import COLUMN_TEXT, ScenarioResult
from qianwan_gis.schemas import Column

_NOTHING = Text("", "")
_SCENARIO = Column("scenario", "text", Text("情景", "Scenario"), _NOTHING)
NOTE = Text(
    "同一路网、同一组抽样下的前后对比；“各次抽样都成立”指位置等不确定因素怎样取值，结论都一样",
    "before and after on one network and the same draws; “in all draws” holds whatever the "
    "uncertain positions are",
)


def scenario_tables(results: Results) -> list[Table]:
    """Return the figures of all scenarios, and for each the villages that change."""
    if not results.scenarios:
        return []
    figures = []
    found = []
    for number, result in enumerate(results.scenarios, start=1):
        title = result.title
        figures.append(
            result.in_words(result.summary, results.lang, titles=False).assign(
                scenario=title.get(results.lang)
            )
        )
        frame = result.in_words(result.changed, results.lang, titles=False)
        found.append(
            _table(
                f"scenario_{number}",
                Text(f"情景：{title.zh}", f"Scenario: {title.en}"),
                frame.drop(columns=["facility_before", "facility_after"]),
            )
        )
    whole = pd.concat(figures, ignore_index=True)
    whole = whole[["scenario", *(c for c in whole.columns if c != "scenario")]]
    return [_table("scenarios", Text("情景对比", "Scenarios compared"), whole), *found]


def changed_table(
    result: ScenarioResult, lang: str, most: int
) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of the villages that change, as short as a page needs them."""
    names = [
        "township",
        "name",
        "tier",
        "change",
        "minutes_before",
        "minutes_after",
        "holds",
        "reason",
    ]
    words = result.in_words(result.changed.head(most), "en" if lang == "en" else "zh", titles=False)
    head = [COLUMN_TEXT[name].get("en" if lang == "en" else "zh") for name in names]
    for name in ("minutes_before", "minutes_after"):
        known = words[name].dropna()
        places = 0 if (known == known.round()).all() else 1
        words[name] = ["" if pd.isna(v) else f"{v:,.{places}f}" for v in words[name]]
    return head, [[cell(v) for v in row] for row in words[names].itertuples(index=False, name=None)]


def cell(value: object) -> str:
    """Return a value as a report shows it: a dash where there is none."""
    if value is None or (isinstance(value, float) and pd.isna(value)) or value is pd.NA:
        return "—"
    if isinstance(value, float):
        return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"
    return str(value)


def _table(key: str, title: Text, frame: pd.DataFrame) -> Table:
    own = tuple(
        Column(
            str(name),
            "number" if pd.api.types.is_numeric_dtype(frame[name]) else "text",
            COLUMN_TEXT[str(name)],
            _NOTHING,
        )
        for name in frame.columns
        if name in COLUMN_TEXT
    )
    return Table(key, title, frame, describe(frame, (*own, _SCENARIO)), NOTE)
