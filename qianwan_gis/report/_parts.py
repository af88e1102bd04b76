"""What several chapters need: tables cut at the report's length, numbers as the data bear them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from qianwan_gis import layers
from qianwan_gis._text import Text
from qianwan_gis.export import content
from qianwan_gis.export.document import Document
from qianwan_gis.layers import Results
from qianwan_gis.schemas import value_text

LONGEST_TABLE = 40  # rows; the workbook has them all


def add_picture(document: Document, pictures: dict[str, tuple[str, bytes]], key: str) -> None:
    if key in pictures:
        title, png = pictures[key]
        document.figure(title, png, key)


def add_table(
    document: Document,
    results: Results,
    table: content.Table,
    title: Text,
    *,
    limit: int | None = LONGEST_TABLE,
) -> None:
    """Add one of the plain tables as it is, cut at the report's longest table."""
    lang = results.lang
    frame = table.frame if limit is None else table.frame.head(limit)
    head = [content.heading(column, lang) for column in table.columns]
    rows = [
        [_cell(value, column.name) for value, column in zip(row, table.columns, strict=True)]
        for row in frame.itertuples(index=False, name=None)
    ]
    note = rest_note(len(table.frame)) if limit is not None else None
    document.table(title, head, rows, note=note)


def _cell(value: object, name: str) -> str:
    if value is None or pd.isna(value):
        return ""
    if isinstance(value, float):
        if name.startswith("share"):
            return f"{value:.0%}"
        return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"
    return str(value)


def rest_note(count: int) -> Text | None:
    if count <= LONGEST_TABLE:
        return None
    return Text(
        f"共{count}行，此处列前{LONGEST_TABLE}行，全部见 tables.xlsx。",
        f"The first {LONGEST_TABLE} of {count} rows; all are in tables.xlsx.",
    )


def distance_text(value: float, lang: str) -> str:
    """Return a distance no finer than it is known: 150 米, 5.6 千米."""
    if value >= 1000:
        return f"{value / 1000:.1f} {'千米' if lang == 'zh' else 'km'}"
    return f"{round(value, -1):.0f} {'米' if lang == 'zh' else 'm'}"


def travel_text(row: object, results: Results) -> str:
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
        return f"{distance_text(low, results.lang)}–{distance_text(high, results.lang)}"
    metres = number("metres")
    return "—" if metres is None else distance_text(metres, results.lang)


def state_counts(results: Results, service: str, tier: str) -> dict[str, int]:
    table = results.coverage
    rows = table[(table["service"] == service) & (table["tier"] == tier)]
    state = layers.coverage_state(rows, results.disclosure).value_counts()
    counts = {name: int(state.get(name, 0)) for name in ("covered", "uncovered", "unknown")}
    counts["all"] = len(rows)
    counts["assessed"] = counts["covered"] + counts["uncovered"]
    return counts


def why_unknown(results: Results, service: str, tier: str) -> list[tuple[Text, int]]:
    """Return why villages are unknown, most frequent first."""
    table = results.coverage
    rows = table[(table["service"] == service) & (table["tier"] == tier)]
    unknown = layers.coverage_state(rows, results.disclosure) == "unknown"
    counts = rows.loc[unknown, "reason"].astype(str).value_counts()
    ordered = sorted(counts.items(), key=lambda item: (-int(item[1]), str(item[0])))
    return [(value_text("reason", reason), int(count)) for reason, count in ordered]


def joined(counted: Sequence[tuple[Text, int]], lang: str, most: int = 3) -> str:
    """Return the most frequent reasons in words with their counts."""
    words = [
        f"“{text.zh}”{count}个" if lang == "zh" else f"“{text.en}” {count}"
        for text, count in counted[:most]
    ]
    if len(counted) > most:
        words.append("其他原因" if lang == "zh" else "others")
    return ("、" if lang == "zh" else ", ").join(words)


def road_lengths(results: Results) -> pd.DataFrame:
    """Return kilometres by class and basis within the county outline, presumed links apart."""
    roads = results.roads
    inside = roads[(roads["basis"] != "presumed") & (roads["status"] != "planned")]
    outline = results.boundary.geometry.iloc[0]
    length = inside.geometry.intersection(outline).length / 1000
    made = inside.assign(km=length)[["road_class", "basis", "km"]]
    table = made.groupby(["road_class", "basis"], as_index=False)["km"].sum()
    return table[table["km"] > 0].sort_values("km", ascending=False, kind="stable")


def number_text(value: object) -> str:
    if value is None or pd.isna(value):
        return ""
    return f"{float(str(value)):,.10g}"
