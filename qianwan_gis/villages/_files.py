"""Finding tables in text, CSV, XLSX and DOCX files."""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qianwan_gis._errors import ProblemLog
from qianwan_gis._io import decode
from qianwan_gis.names import visible

CATEGORIES = ("精品示范村", "提档升级村", "环境整治村")
TOTAL = {"合计", "总计", "小计", "共计"}
# Column titles as offices write them, without spaces and brackets, for each of our names.
_TITLES: dict[str, set[str]] = {
    "township": {
        "乡镇", "镇", "乡镇名称", "所属乡镇", "所在乡镇", "乡镇街道", "街道", "镇街", "township",
    },
    "printed": {
        "村名", "村", "行政村", "行政村名", "行政村名称", "村庄", "村庄名称", "村名称", "名称", "printed",
    },
    "category": {
        "类别", "类型", "创建类别", "创建类型", "村庄类别", "村庄类型", "category_printed", "category",
    },
    "list": {"名单", "所在名单", "批次", "级别", "list"},
    "row": {"row", "原表行号"},
    "code": {"code", "代码", "村代码", "行政区划代码", "村庄代码"},
    "name": {"name", "核定名"},
    "proposed": {"category_proposed", "核定类别"},
    "reason": {"reason", "理由"},
    "certainty": {"certainty", "把握"},
    "source": {"source", "出处", "来源"},
}  # fmt: skip
_OLD_FORMATS = {".doc": "docx", ".wps": "docx", ".xls": "xlsx", ".et": "xlsx", ".pdf": "txt"}
_FORMATS = {".txt", ".csv", ".tsv", ".xlsx", ".docx", ".md"}


@dataclass
class Grid:
    """A table as found in a file: the text above it and its rows of cells."""

    title: str
    rows: list[list[str]]
    first_line: int


def read_grids(
    source: str | Path, encoding: str | None, log: ProblemLog
) -> tuple[str, str, list[Grid]]:
    path = _as_path(source)
    if path is None:
        text = str(source)
        if not text.strip():
            log.add("error", "empty_file", "文本为空", "the text is empty")
        return "文本", text, list(_text_grids(text))
    file = path.name
    suffix = path.suffix.lower()
    if not path.is_file():
        log.add(
            "error",
            "missing_file",
            f"文件不存在：{path}",
            f"no such file: {path}",
            file=file,
            fix=("检查路径", "check the path"),
        )
        return file, "", []
    if suffix in _OLD_FORMATS or suffix not in _FORMATS:
        better = _OLD_FORMATS.get(suffix, "txt")
        log.add(
            "error",
            "unknown_format",
            f"不支持的格式“{suffix}”",
            f"unsupported format “{suffix}”",
            file=file,
            fix=(f"另存为 .{better}", f"save it as .{better}"),
        )
        return file, "", []
    if path.stat().st_size == 0:
        log.add("error", "empty_file", "文件为空", "the file is empty", file=file)
        return file, "", []
    if suffix == ".xlsx":
        grids = _xlsx_grids(path, log)
    elif suffix == ".docx":
        grids = _docx_grids(path, log)
    else:
        try:
            text, _ = decode(path.read_bytes(), encoding=encoding)
        except (UnicodeDecodeError, LookupError):
            log.add(
                "error",
                "encoding",
                f"无法按{encoding or 'UTF-8 或 GB18030'}解码",
                f"cannot be decoded as {encoding or 'UTF-8 or GB18030'}",
                file=file,
                fix=("用记事本或 Excel 另存为 UTF-8", "save the file as UTF-8"),
            )
            return file, "", []
        if not text.strip():
            log.add("error", "empty_file", "文件为空", "the file is empty", file=file)
        if suffix in (".csv", ".tsv"):
            grids = _csv_grids(text, suffix, file, log)
        else:
            return file, text, list(_text_grids(text))
    text = "\n".join(
        [path.stem, *(g.title + "\n" + "\n".join("\t".join(r) for r in g.rows) for g in grids)]
    )
    return file, text, grids


def _as_path(source: str | Path) -> Path | None:
    """Tell a path from a text: a text has several lines; a path has a file's suffix or exists."""
    if isinstance(source, Path):
        return source
    if "\n" in source or "\t" in source or len(source) > 1000:
        return None
    path = Path(source)
    if path.suffix.lower() in _FORMATS | set(_OLD_FORMATS):
        return path
    try:
        return path if source.strip() and path.is_file() else None
    except OSError:
        return None


def _cells(line: str) -> list[str]:
    """Split a line of a plain-text table: tabs, bars, or runs of two or more spaces."""
    if "\t" in line:
        return line.split("\t")
    if "|" in line or "｜" in line:
        parts = re.split(r"[|｜]", line.strip())
        return (
            parts[1:-1]
            if len(parts) > 2 and not parts[0].strip() and not parts[-1].strip()
            else parts
        )
    parts = re.split(r"(?: {2,}|\u3000{2,})", line.strip())
    if len(parts) == 1 and line.count(",") and "," in line:
        return line.split(",")
    return parts


def title_of(cell: str) -> str:
    """A column's title in one form: no spaces, 提挡 as 提档, a count in brackets dropped."""
    text = re.sub(r"[（(].*?[)）]", "", visible(cell)).replace("提挡", "提档")
    return text if text.isascii() is False else text.lower()


def columns_of(cells: Sequence[str]) -> dict[str, int] | None:
    """Return where the columns of a list are, or None when this is not a header row."""
    titles = [title_of(c) for c in cells]
    found: dict[str, int] = {}
    for position, title in enumerate(titles):
        if title in CATEGORIES:
            found.setdefault(title, position)
        for ours, theirs in _TITLES.items():
            if title in theirs:
                found.setdefault(ours, position)
    if "printed" not in found and "name" in found:
        found["printed"] = found.pop("name")
    categories = sum(c in found for c in CATEGORIES)
    is_header = (
        categories >= 2
        or ("township" in found and (categories or "printed" in found or "category" in found))
        or ("printed" in found and "category" in found)
    )
    return found if is_header and len(titles) >= 2 else None


def _text_grids(text: str) -> Iterator[Grid]:
    """Find tables in plain text: a header line, then lines split alike until one is not."""
    lines = text.splitlines()
    title_lines: list[str] = []
    number = 0
    while number < len(lines):
        cells = _cells(lines[number])
        if len(cells) < 2 or columns_of(cells) is None:
            if lines[number].strip():
                title_lines.append(lines[number].strip())
            number += 1
            continue
        grid = Grid("\n".join(title_lines[-6:]), [cells], number + 1)
        title_lines = []
        number += 1
        while number < len(lines):
            cells = _cells(lines[number])
            if len(cells) < 2:
                blank_inside = not lines[number].strip() and number + 1 < len(lines)
                if (
                    blank_inside
                    and len(_cells(lines[number + 1])) >= 2
                    and columns_of(_cells(lines[number + 1])) is None
                ):
                    number += 1
                    continue
                break
            grid.rows.append(cells)
            number += 1
            if title_of(cells[0]) in TOTAL:
                break
        yield grid


def _csv_grids(text: str, suffix: str, file: str, log: ProblemLog) -> list[Grid]:
    head = text.split("\n", 1)[0]
    delimiter = "\t" if suffix == ".tsv" else max(",\t;", key=head.count)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter, strict=True))
    except csv.Error as error:
        log.add(
            "error",
            "bad_csv",
            f"CSV 格式有误：{error}",
            f"not a well-formed CSV: {error}",
            file=file,
        )
        return []
    return list(_cut_grids(rows, ""))


def _cut_grids(rows: list[list[str]], title: str) -> Iterator[Grid]:
    """Cut rows of a sheet into tables; rows without a header above them are titles."""
    above = [title] if title else []
    grid: Grid | None = None
    for number, cells in enumerate(rows, start=1):
        if not any(c.strip() for c in cells):
            continue
        header = columns_of(cells)
        # A row of data may hold two categories; only a header also names the township.
        if header is not None and (grid is None or "township" in header):
            if grid is not None:
                yield grid
            grid = Grid("\n".join(above[-6:]), [cells], number)
            above = [title] if title else []
        elif grid is not None and title_of(grid.rows[-1][0]) not in TOTAL:
            grid.rows.append(cells)
        else:
            above.append(" ".join(c.strip() for c in cells if c.strip()))
    if grid is not None:
        yield grid
    elif above:
        # kept so that the missing column can be named
        yield Grid("\n".join(above), rows[:1], 1)


def _xlsx_grids(path: Path, log: ProblemLog) -> list[Grid]:
    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # styles that openpyxl drops do not matter
            book = openpyxl.load_workbook(path, data_only=True)
            grids: list[Grid] = []
            for sheet in book.worksheets:
                for merged in list(sheet.merged_cells.ranges):
                    value = sheet.cell(merged.min_row, merged.min_col).value
                    vertical = merged.min_col == merged.max_col
                    sheet.unmerge_cells(str(merged))
                    if vertical:
                        for row in range(merged.min_row, merged.max_row + 1):
                            sheet.cell(row, merged.min_col).value = value
                rows = [
                    ["" if v is None else str(v) for v in row]
                    for row in sheet.iter_rows(values_only=True)
                ]
                grids += _cut_grids(rows, sheet.title)
            book.close()
    except Exception as error:  # openpyxl raises many kinds for damaged files
        log.add(
            "error",
            "damaged_file",
            f"无法作为 XLSX 打开（{type(error).__name__}）",
            f"cannot be opened as XLSX ({type(error).__name__})",
            file=path.name,
            fix=(
                "重新复制原文件，或用 Excel 另存为 .xlsx",
                "copy the original again or save it as .xlsx",
            ),
        )
        return []
    return grids


def _docx_grids(path: Path, log: ProblemLog) -> list[Grid]:
    import docx
    from docx.table import Table
    from docx.text.paragraph import Paragraph

    grids: list[Grid] = []
    try:
        above: list[str] = []
        for number, block in enumerate(docx.Document(str(path)).iter_inner_content(), start=1):
            if isinstance(block, Paragraph):
                if block.text.strip():
                    above.append(block.text.strip())
            elif isinstance(block, Table):
                rows = [[cell.text for cell in row.cells] for row in block.rows]
                cut = list(_cut_grids(rows, "\n".join(above[-6:])))
                for grid in cut:
                    grid.first_line = number
                grids += cut
                above = []
    except Exception as error:  # python-docx raises many kinds for damaged files
        kind = type(error).__name__
        log.add(
            "error",
            "damaged_file",
            f"无法作为 DOCX 打开（{kind}）",
            f"cannot be opened as DOCX ({kind})",
            file=path.name,
            fix=(
                "重新复制原文件，或用 Word 另存为 .docx",
                "copy the original again or save it as .docx",
            ),
        )
        return []
    return grids
