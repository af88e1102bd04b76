"""The data dictionary as a page, made from the same contracts that the programs check."""

from __future__ import annotations

from qianwan_gis._text import Lang, Text
from qianwan_gis.export.document import escape
from qianwan_gis.schemas import TABLE_TEXT, TABLES, VALUE_TEXT, Column

_KINDS = {
    "text": Text("文本", "text"),
    "number": Text("数", "number"),
    "integer": Text("整数", "integer"),
    "boolean": Text("是/否", "boolean"),
    "Point": Text("点", "point"),
    "LineString": Text("线", "line"),
    "Polygon": Text("面", "polygon"),
}
_HEAD = Text("字段|名称|类型|单位|可空|说明|取值", "Column|Title|Kind|Unit|Nullable|Meaning|Values")
_TITLE = Text("数据字典", "Data dictionary")


def markdown(lang: Lang = "zh") -> str:
    """Return the dictionary of all tables of `qianwan_gis.schemas` as a Markdown page."""
    lines = [f"# {_TITLE.get(lang)}", ""]
    for key, columns in TABLES.items():
        lines += [f"## {TABLE_TEXT[key].get(lang)} `{key}`", ""]
        heads = _HEAD.get(lang).split("|")
        lines += ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
        lines += [_row(column, lang) for column in columns]
        lines.append("")
    return "\n".join(lines)


def _row(column: Column, lang: Lang) -> str:
    yes = Text("是", "yes").get(lang) if column.nullable else Text("否", "no").get(lang)
    words = VALUE_TEXT.get(column.name, {})
    values = [
        f"{value}={words[value].get(lang)}" if value in words else value
        for value in column.allowed
        if value
    ]
    cells = [
        f"`{column.name}`",
        escape(column.title.get(lang)),
        _KINDS[column.kind].get(lang),
        escape(column.unit),
        yes,
        escape(column.note.get(lang)),
        escape(Text("、", ", ").get(lang).join(values)),
    ]
    return "| " + " | ".join(cells) + " |"
