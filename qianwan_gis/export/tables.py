"""``tables.xlsx`` and ``coverage.csv``.

Cells are data, never programs: text that looks like a formula or an address stays text in Excel,
and gets a leading apostrophe in CSV, where nothing else keeps Excel from running it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qianwan_gis import _io
from qianwan_gis._text import Lang, Text
from qianwan_gis.county import County
from qianwan_gis.export import content
from qianwan_gis.layers import (
    BLUE,
    MINUTES,
    ORANGE,
    STATE_TEXT,
    Results,
    coverage_state,
    service_title,
    services_of,
)
from qianwan_gis.schemas import VILLAGES, Column

_FONT = "微软雅黑"
_CELL_LIMIT = 32_767  # characters in a cell: Excel's own limit
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_WIDE = {"evidence", "why", "text", "fix", "source", "quote", "note", "category_note", "plausibility", "item", "说明"}  # fmt: skip
_FORMATS = {
    **dict.fromkeys(
        (
            "spacing_km",
            "allowed_km",
            "limit_km",
            "worst_km",
            "worst_allowed_km",
            "gap_km",
            "drawn_m",
            "published_m",
            "difference_m",
        ),
        "#,##0.0",
    ),
    "difference_pct": "0.00",
    "off_minutes": "General",
    "minutes": "0.0",
    "minutes_low": "0.0",
    "minutes_high": "0.0",
    "backup_minutes": "0.0",
    "p_covered": "0.00",
    "p_backup": "0.00",
    "p_change": "0.00",
    "served": "0.00",
    "minutes_before": "0.0",
    "minutes_after": "0.0",
    "delta": "0.0",
    "slope_minutes": "0.0",
    "x": "0.0",
    "y": "0.0",
    "lon": "0.000000",
    "lat": "0.000000",
    "year": "0",
    "population_year": "0",
    "value": "General",
    "limit": "General",
    # sewage plan
    **dict.fromkeys(("start_m", "depth_min_m", "depth_max_m", "kw", "peak_ls", "times"), "0.00"),
    **dict.fromkeys(("wastewater_m3d", "mean_m3d", "capacity_m3d", "lift_m", "head_m"), "#,##0.0"),
    **dict.fromkeys(("change", "gap"), "0.0%"),
    **dict.fromkeys(("p_chosen", "p_before", "p_after", "gini", "palma"), "0.00"),
    **dict.fromkeys(("mean", "worst_decile"), "0.000"),
    **dict.fromkeys(("minutes_mean", "minutes_worst"), "0.0"),
    "slope": "0.0000",
    "quantity": "#,##0.0",
}
_LONG = 24  # characters: longer text is wrapped
_STATE_COLORS = {"covered": "#cfe5f2", "uncovered": "#f7d7c4", "unknown": "#ededed"}


def write_csv(results: Results, path: Path | str, *, rows: pd.DataFrame | None = None) -> Path:
    """Write COVERAGE as CSV that Excel opens rightly (UTF-8 with a mark, ASCII column names).

    Codes of service, tier, reason and basis are kept, with the reason's words beside them.
    """
    table = content.coverage_table(results, coded=True, rows=rows)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(table.frame.columns)
    for row in table.frame.itertuples(index=False, name=None):
        writer.writerow([safe_cell(value) for value in row])
    return _io.write_bytes(Path(path), buffer.getvalue().encode("utf-8-sig"))


def safe_cell(value: object) -> str:
    """Return a cell for CSV: missing as empty, text that a spreadsheet would run disarmed."""
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating):
        return f"{value:.10g}"
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def write_xlsx(
    results: Results,
    path: Path | str,
    *,
    townships: bool = True,
    tables: Callable[[], Sequence[content.Table]] | None = None,
) -> Path:
    """Write every table as one workbook: explanation first, then what to collect.

    Parameters
    ----------
    results
        The plan's results.
    path
        File to write; replaced whole.
    townships
        Add one sheet per township at the end: its villages and their coverage at a glance, to be
        passed on and filled in.
    tables
        Gives `content.tables` of these results where they are at hand.

    Returns
    -------
    Path
        The file. The same results give the same bytes.
    """
    shown = [*(tables() if tables is not None else content.tables(results))]
    overview = overview_table(results)
    place = 1 + [t.key for t in shown].index("villages")
    shown.insert(place, overview)
    shown.append(content.dictionary_table(results, shown))
    if townships:
        shown += _township_tables(overview)
    return write_book(results, shown, path)


def write_book(results: Results, tables: Sequence[content.Table], path: Path | str) -> Path:
    """Write some tables as a workbook with its front page, one sheet each."""
    import xlsxwriter

    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(
        buffer,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    day = datetime.fromisoformat(results.run_date)
    book.set_properties(
        {
            "title": results.title.get(results.lang),
            "comments": "；".join(mark.get(results.lang) for mark in results.marks),
            "created": day,
        }
    )
    styles = _Styles(book)
    about = Text("说明", "About").get(results.lang)
    names = sheet_names([about, *(t.title.get(results.lang) for t in tables)])
    _front(book, styles, results, tables, names)
    for table, name in zip(tables, names[1:], strict=True):
        _sheet(book, styles, results, table, name)
    book.close()
    return _io.write_bytes(Path(path), buffer.getvalue())


def overview_table(results: Results) -> content.Table:
    """Return one row per village and one column of coverage per service and tier."""
    names = ["code", "name", "township", "lists", "category"]
    frame = pd.DataFrame(results.villages)[names].copy()
    coverage = results.coverage.assign(
        state=coverage_state(results.coverage, results.disclosure).map(
            lambda s: STATE_TEXT[s].get(results.lang)
        )
    )
    columns = [c for c in VILLAGES if c.name in names]
    for service, tier in services_of(results):
        rows = coverage[(coverage["service"] == service) & (coverage["tier"] == tier)]
        key = f"state_{service}_{tier}"
        frame[key] = frame["code"].map(rows.set_index("code")["state"])
        columns.append(Column(key, "text", service_title(service, tier), Text("", "")))
    return content.Table(
        "overview",
        Text("覆盖一览", "Coverage at a glance"),
        frame,
        tuple(columns),
        Text(
            "每村一行，每项服务一列；详情见“服务覆盖”",
            "a row per village, a column per service; details: Coverage",
        ),
    )


def _township_tables(overview: content.Table) -> list[content.Table]:
    """Return the overview cut by township, one table each."""
    found = []
    for township, rows in overview.frame.groupby("township", sort=True):
        name = str(township) or "—"
        found.append(
            content.Table(
                f"township_{name}",
                Text(name, name),
                rows,
                overview.columns,
                Text(f"{name}各村覆盖一览", f"coverage at a glance: {name}"),
            )
        )
    return found


class _Styles:
    """The workbook's cell formats, made once."""

    def __init__(self, book: Any) -> None:
        base = {"font_name": _FONT, "font_size": 10, "valign": "top"}
        self._book, self._base = book, base
        self._numbers: dict[str, Any] = {}
        self.text = book.add_format({**base, "num_format": "@"})
        self.wrap = book.add_format({**base, "num_format": "@", "text_wrap": True})
        self.beside = book.add_format(  # text that follows a number
            {**base, "num_format": "@", "text_wrap": True, "align": "left", "indent": 1}
        )
        self.title = book.add_format({**base, "font_size": 16, "bold": True})
        self.mark = book.add_format({**base, "bold": True, "font_color": ORANGE})
        self.link = book.add_format({**base, "font_color": BLUE, "underline": 1})
        self.header = book.add_format(
            {
                **base,
                "bold": True,
                "bg_color": "#dbe5ee",
                "border": 1,
                "border_color": "#a5b4c0",
                "text_wrap": True,
                "valign": "vcenter",
            }
        )
        self.states = {
            state: book.add_format({"bg_color": color}) for state, color in _STATE_COLORS.items()
        }

    def number(self, code: str) -> Any:
        if code not in self._numbers:
            self._numbers[code] = self._book.add_format({**self._base, "num_format": code})
        return self._numbers[code]


def _front(
    book: Any,
    styles: _Styles,
    results: Results,
    tables: Sequence[content.Table],
    names: Sequence[str],
) -> None:
    lang = results.lang
    sheet = book.add_worksheet(names[0])
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 12)
    sheet.set_column(2, 2, 90)
    sheet.set_row(0, 28)  # LibreOffice and WPS do not grow a row with its type
    sheet.write_string(0, 0, results.title.get(lang), styles.title)
    row = 1
    for mark in results.marks:
        sheet.write_string(row, 0, mark.get(lang), styles.mark)
        row += 1
    county = results.county
    facts = [
        (Text("行政区", "County"), _place(county, lang)),
        (Text("数据日期", "Date"), results.run_date),
        (Text("坐标系", "CRS"), f"{results.crs.name} ({results.crs.to_string()})"),
        (
            Text("怎样读", "How to read"),
            Text(
                "“未知”不等于“未覆盖”。名录不完整、位置未知、或不确定性跨过限值时不下结论；限值含本数。",
                "“Unknown” is not “not covered”: no conclusion is drawn from incomplete records or "
                "unknown positions. Limits are inclusive.",
            ).get(lang),
        ),
        (
            Text("代码", "Codes"),
            Text(
                "村庄代码是文本；关联各表请用代码，不要用村名。",
                "Village codes are text; join tables by code, never by name.",
            ).get(lang),
        ),
    ]  # fmt: skip
    row += 1
    for title, text in facts:
        sheet.write_string(row, 0, title.get(lang), styles.header)
        sheet.write_string(row, 2, text, styles.wrap)
        row += 1
    row += 1
    for column, head in enumerate((Text("工作表", "Sheet"), Text("行数", "Rows"), Text("说明", "Note"))):  # fmt: skip
        sheet.write_string(row, column, head.get(lang), styles.header)
    for table, name in zip(tables, names[1:], strict=True):
        row += 1
        place = name.replace("'", "''")
        sheet.write_url(row, 0, f"internal:'{place}'!A1", styles.link, string=name)
        sheet.write_number(row, 1, len(table.frame), styles.number("#,##0"))
        sheet.write_string(row, 2, table.note.get(lang), styles.beside)


def _place(county: County, lang: Lang) -> str:
    full = f"{county.province}{county.prefecture}{county.name} {county.adcode}"
    return f"{county.name_en}, {full}" if lang == "en" and county.name_en else full


def sheet_names(titles: Sequence[str]) -> list[str]:
    """Return names as Excel allows them, all different whatever their case.

    At most 31 characters, none of the brackets, slashes and signs that Excel refuses, no quote at
    either end; a number tells equal ones apart.
    """
    found: list[str] = []
    used = {"history"}  # Excel keeps this name for itself
    for title in titles:
        plain = title.replace(": ", " – ")
        plain = "".join(" " if c in "[]:*?/\\" or ord(c) < 32 else c for c in plain)
        plain = plain.strip().strip("'") or "—"
        name, number = plain[:31], 1
        while name.lower() in used:
            number += 1
            end = f" {number}"
            name = plain[: 31 - len(end)] + end
        used.add(name.lower())
        found.append(name)
    return found


def _sheet(book: Any, styles: _Styles, results: Results, table: content.Table, name: str) -> None:
    lang = results.lang
    sheet = book.add_worksheet(name)
    last_row, last_column = len(table.frame), len(table.columns) - 1
    sheet.set_row(0, 32)
    about, pinned, width = table.note.get(lang), _pinned(table), 0.0
    for number, column in enumerate(table.columns):
        sheet.write_string(0, number, content.heading(column, lang), styles.header)
        # The first heading's comment tells of the whole sheet as well.
        note = "\n".join(w for w in ("" if number else about, column.note.get(lang)) if w)
        if note:
            sheet.write_comment(0, number, note, {"font_name": _FONT, "font_size": 9})
        width += _write_column(sheet, styles, results, table, number)
    sheet.freeze_panes(1, pinned)
    sheet.autofilter(0, 0, last_row, last_column)
    sheet.set_landscape()
    paper, pages = _paper(width)
    sheet.set_paper(paper)
    sheet.fit_to_pages(pages, 0)
    sheet.repeat_rows(0)
    if pinned and pages > 1:
        sheet.repeat_columns(0, pinned - 1)
    marks = " ".join(mark.get(lang) for mark in results.marks)
    sheet.set_header(_page_header(table.title.get(lang), about, marks))
    sheet.set_footer("&C&P / &N")


def _paper(width: float) -> tuple[int, int]:
    """Return Excel's number of the paper and the pages side by side for a width in characters.

    So many characters fit at 60 % of the size, which is the least that can be read.
    """
    a4, a3 = 230, 330
    return (9, 1) if width <= a4 else (8, -int(-width // a3))


def _page_header(title: str, about: str, marks: str) -> str:
    """Return what is printed above each page: title and meaning, and the marks on the right.

    Excel takes 255 characters; the meaning is cut, never the marks.
    """
    title, about, marks = (w.replace("&", "&&") for w in (title, about, marks))
    room = 255 - len(f"&L{title}&R{marks}") - len("&8  ")
    if about and len(about) > room:
        about = about[: max(0, room - 1)].rstrip("&") + "…" if room > 10 else ""
    return f"&L{title}&8  {about}&R{marks}" if about else f"&L{title}&R{marks}"[:255]


def _pinned(table: content.Table) -> int:
    """Return how many columns stay in view: up to and with the name, if it stands near."""
    names = [c.name for c in table.columns]
    return names.index("name") + 1 if "name" in names[:3] else 0


def _write_column(
    sheet: Any, styles: _Styles, results: Results, table: content.Table, number: int
) -> float:
    """Write a column below its heading and return its width in characters."""
    column = table.columns[number]
    values = table.frame.iloc[:, number]
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if numeric:
        form = styles.number(_number_format(column.name, values, results))
        for row, (value, there) in enumerate(zip(values.tolist(), values.notna(), strict=True), 1):
            if there:
                sheet.write_number(row, number, float(value), form)
        width = 11.0
    else:
        texts = [
            str(value)[:_CELL_LIMIT] if there else ""
            for value, there in zip(values.tolist(), values.notna(), strict=True)
        ]
        longest = max(map(_width, set(texts)), default=8.0)
        wide = column.name in _WIDE or longest > _LONG
        form = styles.wrap if wide else styles.text
        for row, text in enumerate(texts, start=1):
            if text:
                sheet.write_string(row, number, text, form)
        width = min(longest, 44 if wide else _LONG)
    head = _width(content.heading(column, results.lang)) / 2 + 3
    width = max(width + 1, head, 7)
    sheet.set_column(number, number, width)
    if column.name == "state" or column.name.startswith("state_"):
        for state, fill in styles.states.items():
            sheet.conditional_format(
                1,
                number,
                len(values),
                number,
                {
                    "type": "cell",
                    "criteria": "==",
                    "value": f'"{STATE_TEXT[state].get(results.lang)}"',
                    "format": fill,
                },
            )
    return width


def _number_format(name: str, values: pd.Series, results: Results) -> str:
    if name.startswith("share"):
        return "0.0%"
    if name in MINUTES and not results.disclosure.decimal_minutes:
        return "0"
    return _FORMATS.get(name) or _by_size(values)


def _by_size(values: pd.Series) -> str:
    """Return a format that keeps some three figures: 0.6 MPa must not be shown as 1."""
    numbers = values.dropna().astype(float)
    largest = numbers.abs().max() if len(numbers) else 0.0
    if largest >= 1000 or (numbers == numbers.round()).all():
        return "#,##0"
    return "0.0" if largest >= 100 else "0.00" if largest >= 1 else "0.000"


def _width(text: str) -> float:
    """Return a text's width in Excel's units: a Chinese character takes two."""
    longest = max(text.splitlines(), key=len, default="")
    return float(sum(2 if ord(c) > 0x2E7F else 1 for c in longest))
