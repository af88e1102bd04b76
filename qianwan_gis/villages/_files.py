"""Finding tables in text, CSV, XLSX and DOCX files."""

from __future__ import annotations

import contextlib
import csv
import re
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qianwan_gis._errors import ProblemLog
from qianwan_gis._io import csv_rows, decoded, missing
from qianwan_gis.names import is_name, visible

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
        return "文本", text, list(_text_grids(text, "文本", log))
    file = path.name
    suffix = path.suffix.lower()
    if missing(path, log):
        return file, "", []
    if suffix in _OLD_FORMATS or suffix not in _FORMATS:
        better = _OLD_FORMATS.get(suffix, "txt")
        log.add(
            "error",
            "unknown_format",
            f"不支持的格式“{suffix}”",
            f"unsupported format “{suffix}”",
            file=file,
            fix=(
                ("把名单复制到 Word 或 Excel，存为 .docx 或 .xlsx", "copy it into Word or Excel")
                if suffix == ".pdf"
                else (f"另存为 .{better}", f"save it as .{better}")
            ),
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
        words = decoded(path.read_bytes(), encoding, file, log)
        if words is None:
            return file, "", []
        if not words.strip():
            log.add("error", "empty_file", "文件为空", "the file is empty", file=file)
        if suffix in (".csv", ".tsv"):
            grids = _csv_grids(words, suffix, file, log)
        else:
            return file, words, list(_text_grids(words, file, log))
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


_SPACES = re.compile(r"(?: {2,}|\u3000{2,})")


def _split(line: str, style: str) -> list[str]:
    """Split a line of a plain-text table at its separator; spaces count from two on."""
    if style == "spaces":
        return _SPACES.split(line.strip())
    if style in ",\t" and '"' in line:  # cells that a spreadsheet put into quotes
        with contextlib.suppress(csv.Error):
            return next(csv.reader([line], delimiter=style, strict=True))
    cells = line.split(style)
    if style == "|" and len(cells) > 2 and not cells[0].strip() and not cells[-1].strip():
        return cells[1:-1]  # bars at both ends of the line
    return cells


def _style(line: str) -> str:
    """Return what separates the cells of a header line."""
    return next((s for s in ("\t", "|", ",") if s in line), "spaces")


def _at(line: str, pieces: list[str]) -> list[float]:
    """Return where the middle of each piece stands on the line, wide characters counting two."""
    out, start = [], 0
    for piece in pieces:
        begin = line.index(piece, start)
        start = begin + len(piece)
        out.append(_width(line[:begin]) + _width(piece) / 2)
    return out


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _placed(line: str, pieces: list[str], header: str, titles: list[str]) -> list[str]:
    """Put the pieces of a line under the nearest titles, where spaces hide empty cells."""
    columns = _at(header, titles)
    cells = [""] * len(titles)
    for piece, middle in zip(pieces, _at(line, pieces), strict=True):
        nearest = min(range(len(columns)), key=lambda k: abs(columns[k] - middle))
        cells[nearest] = "、".join(filter(None, (cells[nearest], piece)))
    return cells


def _continues(line: str) -> bool:
    """Tell whether a line of its own is the rest of a wrapped cell: nothing but village names."""
    names = [n for n in re.split(r"[、,，;；]", line.strip()) if n.strip()]
    return (
        bool(names)
        and all(len(n.strip()) <= 10 and is_name(n) for n in names)
        and ("、" in line or line.strip().endswith("村"))
    )


def _append(cells: list[str], line: str) -> None:
    """Join the rest of a wrapped cell to the last cell of its row that holds anything."""
    last = max((k for k, cell in enumerate(cells) if cell.strip()), default=0)
    before, rest = cells[last].rstrip(), line.strip()
    joint = "、" if before.endswith("村") and rest[:1] not in "、,，;；" else ""
    cells[last] = before + joint + rest


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


def _text_grids(text: str, file: str, log: ProblemLog) -> Iterator[Grid]:
    """Find tables in plain text: a header line, then lines split alike until one is not."""
    lines = text.splitlines()
    above: list[str] = []
    number = 0
    while number < len(lines):
        header = lines[number]
        style = _style(header)
        titles = _split(header, style)
        number += 1
        columns = columns_of(titles)
        if len(titles) < 2 or columns is None:
            if header.strip():
                above.append(header.strip())
            continue
        grid = Grid("\n".join(above[-6:]), [titles], number)
        above, guessed = [], []
        while number < len(lines) and title_of(grid.rows[-1][0]) not in TOTAL:
            line = lines[number]
            cells = _split(line, style)
            if len(cells) < 2:
                following = lines[number + 1] if number + 1 < len(lines) else ""
                if not line.strip() and len(_split(following, style)) >= 2:
                    if columns_of(_split(following, style)) is not None:
                        break
                elif len(grid.rows) > 1 and _continues(line):
                    _append(grid.rows[-1], line)
                else:
                    break
            elif not all(set(c.strip()) <= set("-:") for c in cells):
                if style == "spaces" and len(cells) != len(titles):
                    township = cells[0]
                    cells = _placed(line, cells, header, titles)
                    if cells[columns.get("township", 0)] != township:
                        break  # prose with a wide gap, not a row
                    guessed.append(township)
                grid.rows.append(cells)
            number += 1
        unsure = [t for t in guessed if title_of(t) not in TOTAL]
        if unsure:
            log.add(
                "warning",
                "columns_guessed",
                f"以空格分列的表中有空格子，按位置推定了所属列：{'、'.join(unsure)}",
                f"cells are separated by spaces and some are empty; columns guessed by position: "
                f"{', '.join(unsure)}",
                file=file,
                row=grid.first_line,
                fix=("核对类别，或改用 XLSX、DOCX", "check the categories or supply XLSX or DOCX"),
            )
        yield grid


def _csv_grids(text: str, suffix: str, file: str, log: ProblemLog) -> list[Grid]:
    rows = csv_rows(text, file, log, "\t" if suffix == ".tsv" else "")
    if rows is None:
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
    except Exception:  # openpyxl raises many kinds for damaged files
        log.add(
            "error",
            "damaged_file",
            "无法作为 XLSX 打开，文件可能已损坏",
            "cannot be opened as XLSX; it may be damaged",
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
    except Exception:  # python-docx raises many kinds for damaged files
        log.add(
            "error",
            "damaged_file",
            "无法作为 DOCX 打开，文件可能已损坏",
            "cannot be opened as DOCX; it may be damaged",
            file=path.name,
            fix=(
                "重新复制原文件，或用 Word 另存为 .docx",
                "copy the original again or save it as .docx",
            ),
        )
        return []
    return grids
