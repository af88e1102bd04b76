"""Tables as offices keep them: CSV and XLSX with titles above the header and merged cells."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from qianwan_gis._errors import ProblemLog
from qianwan_gis._io._files import decoded, missing

# What stands for nothing in a cell, beside nothing itself.
_BLANKS = {"nan", "null", "none", "n/a", "na", "<na>", "#n/a", "#na", "#null!", "#nan", "#div/0!",
           "#value!", "#ref!", "#name?", "#num!"}  # fmt: skip
_NO_NUMBER = {"", "-", "--", "—", "——", "/", "无", "不详", "未知", "空"}
_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_OLE = b"\xd0\xcf\x11\xe0"
_SAVE = ("用 Excel 或 WPS 打开，另存为 .xlsx", "open it in Excel or WPS and save it as .xlsx")


def read_table(
    path: Path,
    *,
    sheet: str | None = None,
    encoding: str | None = None,
    log: ProblemLog | None = None,
) -> pd.DataFrame:
    """Read a CSV or XLSX table with every cell as text (empty cells are ``""``).

    What a file holds decides, not its name. Titles above the header are passed over; of cells
    merged downwards each gets the text; columns without a heading are left out.

    Parameters
    ----------
    path
        CSV, TSV (UTF-8, UTF-16 or GB18030) or XLSX.
    sheet
        Worksheet name; the first one by default.
    log
        Collects the faults; without it the first fault raises `DataError`.

    Returns
    -------
    pandas.DataFrame
        The index is the file's row - 2, so that ``index + 2`` is what a spreadsheet shows.
    """
    path = Path(path)
    own = log if log is not None else ProblemLog()
    table = pd.DataFrame()
    if missing(path, own):
        pass
    elif path.stat().st_size == 0:
        own.add("error", "empty_file", "文件为空", "the file is empty", file=path.name)
    else:
        rows = _rows(path, sheet, encoding, own)
        if rows is not None:
            table = _table(rows, path.name, own)
    if log is None:
        own.raise_errors()
    return table


def to_numbers(cells: pd.Series) -> npt.NDArray[np.float64]:
    """Return the numbers that cells of text hold, NaN where there is none.

    Full-width digits, ``1,234`` and a trailing 人 are read; infinity is no number.
    """
    found = np.full(len(cells), np.nan)
    for position, cell in enumerate(cells):
        try:
            value = float(plain_number(cell))
        except ValueError:
            continue
        found[position] = value if np.isfinite(value) else np.nan
    return found


def plain_number(cell: object) -> str:
    """Return a cell's number as a computer writes it: plain digits, no separators, no 人."""
    text = unicodedata.normalize("NFKC", str(cell)).strip().removesuffix("人").strip()
    return text.replace(",", "") if _GROUPED.fullmatch(text) else text


def is_blank(cells: pd.Series) -> npt.NDArray[np.bool_]:
    """Tell which cells of a column of numbers are left empty, or say so with a dash."""
    texts = [unicodedata.normalize("NFKC", str(cell)).strip() for cell in cells]
    return np.array([t in _NO_NUMBER or t.lower() in _BLANKS for t in texts], dtype=np.bool_)


def _rows(
    path: Path, sheet: str | None, encoding: str | None, log: ProblemLog
) -> list[list[str]] | None:
    """Return the cells of a table, row by row; None when the file is no table."""
    data = path.read_bytes()
    if data.startswith(b"PK\x03\x04"):
        if _holds(path, "word/document.xml"):
            log.add(
                "error", "unknown_format", "是 Word 文档，不能当表格读", "is a Word document, not a table",
                file=path.name,
                fix=("把其中的表格复制到 Excel，存为 .xlsx", "copy its table into Excel, save as .xlsx"),
            )  # fmt: skip
            return None
        return _xlsx_rows(path, sheet, log)
    kind: tuple[str, str] | None = None
    if data.startswith(_OLE):
        kind = (
            "旧版 Office 文件（.xls、.et、.doc、.wps）",
            "an old Office file (.xls, .et, .doc, .wps)",
        )
    elif data.startswith(b"%PDF"):
        kind = "PDF", "a PDF"
    elif re.match(
        rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|table|\?xml|meta|style)", data[:300], re.I
    ):
        kind = "网页或 XML 格式的表格", "a table as a web page or XML"
    if kind:
        log.add("error", "unknown_format", f"是{kind[0]}，不能直接读取", f"is {kind[1]}, which cannot be read",
                file=path.name, fix=_SAVE)  # fmt: skip
        return None
    text = decoded(data, encoding, path.name, log)
    if text is None:
        return None
    if path.suffix.lower() == ".xlsx" and "\0" in text:
        log.add("error", "bad_xlsx", "文件已损坏，无法作为 XLSX 打开", "is damaged and no XLSX",
                file=path.name, fix=_SAVE)  # fmt: skip
        return None
    return csv_rows(text, path.name, log)


def csv_rows(text: str, file: str, log: ProblemLog, delimiter: str = "") -> list[list[str]] | None:
    """Return the rows of a CSV text; the first line with a separator tells which it is."""
    head = next((line for line in text.split("\n") if any(d in line for d in ",\t;")), "")
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter or max(",\t;", key=head.count),
        strict=True,
    )
    rows: list[list[str]] = []
    try:
        rows.extend(reader)
    except csv.Error as error:
        log.add(
            "error", "bad_csv", "CSV 格式有误：引号不成对，或有不该有的字符", f"not a well-formed CSV: {error}",
            file=file, row=len(rows) + 1,
            fix=("检查本行起的引号，或另存为 .xlsx", "check the quotes from this row on, or save as .xlsx"),
        )  # fmt: skip
        return None
    return rows


def _holds(path: Path, member: str) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return member in archive.namelist()
    except zipfile.BadZipFile:
        return False


def _xlsx_rows(path: Path, sheet: str | None, log: ProblemLog) -> list[list[str]] | None:
    import openpyxl

    try:
        with warnings.catch_warnings(), path.open("rb") as stream:  # whatever the file is called
            warnings.simplefilter("ignore")  # openpyxl warns of styles it drops; only cells matter
            book = openpyxl.load_workbook(stream, data_only=True)
            sheets = {s.title: s for s in book.worksheets}
            if sheet is None or sheet in sheets:
                return sheet_rows(sheets[sheet] if sheet is not None else book.worksheets[0])
    except Exception:  # openpyxl raises many kinds for damaged files
        log.add(
            "error", "bad_xlsx", "无法作为 XLSX 打开，文件可能已损坏", "cannot be opened as XLSX; it may be damaged",
            file=path.name, fix=_SAVE,
        )  # fmt: skip
        return None
    log.add(
        "error",
        "missing_sheet",
        f"没有工作表“{sheet}”，现有：{'、'.join(sheets)}",
        f"no sheet “{sheet}”; there are: {', '.join(sheets)}",
        file=path.name,
    )
    return None


def sheet_rows(sheet: Any) -> list[list[str]]:
    """Return a worksheet's cells as text; of cells merged downwards each gets the text."""
    cells = [
        ["" if cell.data_type == "e" else cell_text(cell.value) for cell in row]
        for row in sheet.iter_rows()
    ]
    for merged in sheet.merged_cells.ranges:
        if merged.min_col == merged.max_col:
            text = cells[merged.min_row - 1][merged.min_col - 1]
            if not re.fullmatch(r"[\d.]*", text):  # a number merged over rows is their sum
                for row in range(merged.min_row, merged.max_row):
                    cells[row][merged.min_col - 1] = text
    return cells


def cell_text(value: Any) -> str:
    """Return the text of a worksheet's cell: a whole number without its ``.0``."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _table(rows: list[list[str]], file: str, log: ProblemLog) -> pd.DataFrame:
    """Make a table of rows under their header; faults name the row of the file."""
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    top = next((n for n, count in enumerate(filled[:10]) if count > 1), None)
    if top is None:  # one column only
        top = next((n for n, count in enumerate(filled) if count), None)
    if top is None:
        log.add("error", "empty_file", "文件为空", "the file is empty", file=file)
        return pd.DataFrame()
    head = [cell.strip().lstrip("\ufeff") for cell in rows[top]]
    body = []
    for number, row in enumerate(rows[top + 1 :], start=top + 2):
        if not any(cell.strip() for cell in row):
            continue
        if any(cell.strip() for cell in row[len(head) :]) or len(row) < len(head):
            log.add(
                "error",
                "ragged_row",
                f"本行有{len(row)}格，表头有{len(head)}格",
                f"this row has {len(row)} cells, the header {len(head)}",
                file=file,
                row=number,
                fix=("含逗号的文字应加引号", "quote texts that hold a comma"),
            )
        else:
            body.append((number - 2, row[: len(head)]))
    for name in dict.fromkeys(head):
        places = [n for n, other in enumerate(head) if other == name]
        if name and len(places) > 1:
            if any(len({row[n].strip() for n in places}) > 1 for _, row in body):
                log.add(
                    "error", "duplicate_column", f"字段“{name}”出现{len(places)}次，内容不同",
                    f"column “{name}” occurs {len(places)} times and differs", file=file,
                    row=top + 1, field=name, fix=("改名或删去多余的一列", "rename or remove one of them"),
                )  # fmt: skip
            for n in places[1:]:
                head[n] = ""
    keep = [n for n, name in enumerate(head) if name]
    return pd.DataFrame(
        [[_plain(row[n]) for n in keep] for _, row in body],
        index=pd.Index([number for number, _ in body], dtype="int64"),
        columns=[head[n] for n in keep],
        dtype="str",
    )


def _plain(cell: str) -> str:
    return "" if cell.strip().lower() in _BLANKS else cell
