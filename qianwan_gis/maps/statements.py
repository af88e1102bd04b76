"""What the map states in words: the particulars of the sheet, targets, sources, what to collect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from qianwan_gis._text import Lang, Text
from qianwan_gis.layers import Results, withheld
from qianwan_gis.maps.planning import clean
from qianwan_gis.maps.words import WORDS
from qianwan_gis.schemas import value_text


def words(value: object) -> str:
    """Return a table's cell as text, empty where it is missing."""
    found = clean(value)
    return "" if found is None else str(found)


def box(results: Results) -> list[list[str]]:
    """Return what a map states of itself: name, system, date, maker, sources, review number."""
    word = {key: text.get(results.lang) for key, text in WORDS.items()}
    spec = results.county.map
    outline = results.boundary.iloc[0]
    boundary = "；".join(w for w in (words(outline.get("source")), words(outline.get("note"))) if w)
    table = results.sources
    drawn = table[~table["layer"].isin(("targets", "boundary"))] if len(table) else table
    titles = list(dict.fromkeys(t for t in map(words, drawn.get("source", [])) if t))
    named = "；".join(titles[:6]) + (word["box_more"] if len(titles) > 6 else "")
    return [
        [word["box_title"], results.title.get(results.lang)],
        [word["box_crs"], word["box_crs_value"]],
        [word["box_date"], str(results.run_date)],
        [word["box_maker"], spec.maker or word["unstated"]],
        [word["box_boundary"], boundary or word["unstated"]],
        [word["box_sources"], named or word["unstated"]],
        [word["box_review"], spec.review_number or word["box_no_review"]],
    ]


def to_collect(results: Results) -> list[list[str]]:
    """Return what to collect first: item, why, from whom."""
    columns = ("item", "why", "department")
    return [
        [words(_cell(row[c], results.lang)) for c in columns] for row in rows(results.to_collect)
    ]


def targets(results: Results) -> list[list[str]]:
    """Return the plans' targets: topic, year, value, progress, and why a figure is doubtful."""
    signs = {">=": "≥ ", "<=": "≤ ", "~": "≈ "}
    found = []
    for row in rows(results.targets):
        value = f"{signs.get(words(row['relation']), '')}{clean(row['value'])} {row['unit']}"
        plausible = words(_cell(row["plausibility"], results.lang))
        doubt = "" if plausible in ("合理", "ok", "") else plausible
        status = words(_cell(row["status"], results.lang))
        if status == "no data":
            status = WORDS["no_data"].get(results.lang)
        found.append([words(row["topic"]), words(row["year"]), value, status, doubt])
    return found


def _cell(value: object, lang: Lang) -> Any:
    return value.get(lang) if isinstance(value, Text) else clean(value)


def sources(results: Results) -> list[dict[str, Any]]:
    """Return what each layer rests on: title, source, licence, date, basis, number of features."""
    wanted = ("title", "source", "licence", "date", "basis", "features")
    found: list[dict[str, Any]] = []
    for row in rows(results.sources):
        entry = {k: _cell(row.get(k), results.lang) for k in wanted}
        if entry["basis"] is not None:
            entry["basis"] = value_text("basis", entry["basis"]).get(results.lang)
        found.append(entry)
    return found


def hidden(results: Results) -> list[str]:
    """Return what the map does not show and why: what is withheld, then the other reasons."""
    lang = results.lang
    colon = WORDS["colon"].get(lang)
    named = list(withheld(results))
    told = {why for _, why in named}
    others = [why.get(lang) for why in results.disclosure.reasons.values() if why not in told]
    return [f"{what.get(lang)}{colon}{why.get(lang)}" for what, why in named] + others


def rows(table: pd.DataFrame) -> Iterable[dict[Any, Any]]:
    """Return the rows of a table as dictionaries."""
    records: list[dict[Any, Any]] = table.to_dict("records")
    return records
