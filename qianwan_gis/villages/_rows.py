"""The villages printed in a table, one row each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qianwan_gis._errors import ProblemLog
from qianwan_gis._text import Text
from qianwan_gis.names import NameMatch, is_name, visible
from qianwan_gis.villages._files import CATEGORIES, TOTAL, Grid, columns_of, title_of

_SEPARATORS = re.compile(r"[、,，;；/\n]+")
_CERTAINTY_WORDS = {"sure": 0.99, "likely": 0.8, "weak": 0.5, "unresolved": 0.0}


@dataclass
class ListRow:
    """One printed village: what the list says, and what was found out about it."""

    list_name: str
    row: int
    township: str
    printed: str
    category_printed: str
    category: str
    source: str
    name: str = ""
    code: str = ""
    certainty: float = 0.0
    reasons: list[str] = field(default_factory=list)
    match: NameMatch | None = None
    given: bool = False  # the file itself states name or code

    @property
    def shown(self) -> str:
        """The printed name as it stands in messages: cut where nobody would read on."""
        return self.printed if len(self.printed) <= 20 else self.printed[:20] + "…"

    @property
    def place(self) -> Text:
        """Where the name is printed."""
        return Text(
            f"{self.list_name}第{self.row}行（{self.township}）",
            f"{self.list_name}, row {self.row} ({self.township})",
        )


def _list_name(grid: Grid, number: int, file: str) -> str:
    """Name a list by its title: words in brackets (省级, 市级), the attachment, else by the file."""
    for line in reversed(grid.title.splitlines()):
        brackets = re.findall(r"[（(]([^（）()]{1,12})[)）]", line)
        if brackets:  # a level says more than a remark such as （试行）
            levels = [b for b in brackets if b.endswith("级")]
            return visible((levels or brackets)[-1])
        if found := re.search(r"附\s*件\s*([0-9０-９一二三四五六七八九十]*)", line):
            return visible("附件" + found[1])
        if level := re.search(r"(国家级|省级|市级|县级|区级)", line):
            return level[1]
    stem = Path(file).stem or "名单"
    return stem if number == 1 else f"{stem}{number}"


def rows_of(
    grids: list[Grid], file: str, log: ProblemLog
) -> tuple[list[ListRow], dict[tuple[str, str], int]]:
    """Return the villages of all tables, and the stated totals by list and category."""
    rows: list[ListRow] = []
    stated: dict[tuple[str, str], int] = {}
    tables = 0
    for grid in grids:
        columns = columns_of(grid.rows[0]) if grid.rows else None
        if columns is None:
            _say_missing(grid, file, log)
            continue
        tables += 1
        name = _list_name(grid, tables, file)
        missing = [] if "township" in columns else ["乡镇"]
        wide = [c for c in CATEGORIES if c in columns]
        if not wide and "printed" not in columns:
            missing.append("精品示范村、提档升级村（或 村名）")
        for column in missing:
            there = "、".join(c.strip() for c in grid.rows[0] if c.strip())
            log.add(
                "error",
                "missing_column",
                f"“{name}”表缺少字段“{column}”，现有：{there}",
                f"the table “{name}” lacks the column “{column}”; there are: {there}",
                file=file,
                row=grid.first_line,
                field=column,
                fix=("补上该列或改正表头", "add the column or mend the header"),
            )
        if missing:
            continue
        if wide:
            _wide_rows(grid, columns, wide, name, file, rows, stated, log)
        else:
            _long_rows(grid, columns, name, file, rows, stated, log)
    if tables == 0 and not log.errors:
        log.add(
            "error",
            "no_table",
            "没有找到村庄名单表（表头应有 乡镇、精品示范村、提档升级村，或 乡镇、村名、类别）",
            "no table of villages found (header: 乡镇, 精品示范村, 提档升级村, or 乡镇, 村名, 类别)",
            file=file,
        )
    elif tables and not rows and not log.errors:
        log.add("error", "empty_table", "名单表没有村名", "the table holds no village", file=file)
    return rows, stated


def _say_missing(grid: Grid, file: str, log: ProblemLog) -> None:
    there = "、".join(c.strip() for c in (grid.rows[0] if grid.rows else []) if c.strip())
    if there:
        log.add(
            "error",
            "missing_column",
            "找不到表头：应有 乡镇、精品示范村、提档升级村（或 乡镇、村名、类别）；"
            f"第一行是：{there[:80]}",
            "no header found: it must have 乡镇, 精品示范村, 提档升级村 (or 乡镇, 村名, 类别); "
            f"the first row is: {there[:80]}",
            file=file,
            row=grid.first_line,
            field="乡镇",
        )


def _cell(cells: Sequence[str], position: int | None) -> str:
    return cells[position].strip() if position is not None and position < len(cells) else ""


def _split_names(cell: str) -> list[str]:
    """Split a cell into names; commas inside brackets stay."""
    names = [n.strip() for n in _SEPARATORS.split(cell)]
    return [n for n in names if n and n not in ("—", "-", "/", "无")]


def _wide_rows(
    grid: Grid,
    columns: dict[str, int],
    categories: list[str],
    name: str,
    file: str,
    rows: list[ListRow],
    stated: dict[tuple[str, str], int],
    log: ProblemLog,
) -> None:
    numbers: Counter[str] = Counter()
    for offset, cells in enumerate(grid.rows[1:], start=1):
        township = _cell(cells, columns["township"])
        listed = _cell(cells, columns.get("list")) or name
        if title_of(township) in TOTAL or title_of(_cell(cells, 0)) in TOTAL:
            for category in categories:
                digits = re.sub(r"\D", "", visible(_cell(cells, columns[category])))
                if digits:
                    stated[listed, category] = int(digits)
            continue
        found = [(c, n) for c in categories for n in _split_names(_cell(cells, columns[c]))]
        if not township and not found:
            continue
        numbers[listed] += 1
        number = numbers[listed]
        if not township:
            log.add(
                "error",
                "empty_township",
                f"“{name}”表本行没有乡镇",
                f"a row of the table “{name}” has no township",
                file=file,
                row=grid.first_line + offset,
                field="乡镇",
            )
            continue
        for category, printed in found:
            rows.append(
                ListRow(
                    listed, number, visible(township), visible(printed), category, category, file
                )
            )
            _check_name(rows[-1], file, log)


def _long_rows(
    grid: Grid,
    columns: dict[str, int],
    name: str,
    file: str,
    rows: list[ListRow],
    stated: dict[tuple[str, str], int],
    log: ProblemLog,
) -> None:
    township = ""
    if "category" not in columns:
        log.add(
            "warning",
            "missing_column",
            f"“{name}”表缺少字段“类别”，各村类别留空",
            f"the table “{name}” lacks the column “类别”; categories stay empty",
            file=file,
            row=grid.first_line,
            field="类别",
            fix=("补上该列", "add the column"),
        )
    for number, cells in enumerate(grid.rows[1:], start=1):
        listed = _cell(cells, columns.get("list")) or name
        category = title_of(_cell(cells, columns.get("category")))
        printed = _cell(cells, columns["printed"])
        here = _cell(cells, columns["township"])
        if title_of(here) in TOTAL:
            if visible(printed).isdigit():
                stated[listed, category] = int(visible(printed))
            continue
        township = here or township  # a merged cell leaves the rows below empty
        if not printed and not here:
            continue
        if not township:
            log.add(
                "error", "empty_township", "本行没有乡镇", "the row has no township",
                file=file, row=grid.first_line + number, field="乡镇",
            )  # fmt: skip
            continue
        own = _cell(cells, columns.get("row"))
        proposed = title_of(_cell(cells, columns.get("proposed"))) or category
        row = ListRow(
            listed,
            int(own) if own.isdigit() else number,
            visible(township),
            visible(printed),
            category,
            proposed,
            _cell(cells, columns.get("source")) or file,
        )
        row.code = _cell(cells, columns.get("code"))
        row.name = _cell(cells, columns.get("name"))
        row.given = bool(row.code or row.name)
        if reason := _cell(cells, columns.get("reason")):
            row.reasons.append(reason)
        if row.given:
            word = _cell(cells, columns.get("certainty")).lower()
            row.certainty = _certainty(word) if word else (1.0 if row.code else 0.0)
        rows.append(row)
        _check_name(row, file, log)
        _check_category(row, file, log)


def _check_category(row: ListRow, file: str, log: ProblemLog) -> None:
    """Keep a category that no plan knows as printed, but propose none."""
    if row.category in ("", *CATEGORIES):
        return
    log.add(
        "warning",
        "unknown_category",
        f"“{row.shown}”的类别“{row.category_printed[:20]}”不是"
        f"{'、'.join(CATEGORIES)}之一，建议类别留空",
        f"the category “{row.category_printed[:20]}” of {row.shown} is none of "
        f"{', '.join(CATEGORIES)}; none is proposed",
        file=file,
        row=row.place,
        field="类别",
        fix=("核对类别", "check the category"),
    )
    row.category = ""


def _certainty(word: str) -> float:
    if word in _CERTAINTY_WORDS:
        return _CERTAINTY_WORDS[word]
    try:
        return min(max(float(word), 0.0), 1.0)
    except ValueError:
        return 0.0


def _check_name(row: ListRow, file: str, log: ProblemLog) -> None:
    if not is_name(row.printed):
        log.add(
            "warning",
            "bad_name",
            f"“{row.shown}”不是可用的村名，保留原样，不作匹配",
            f"“{row.shown}” is not usable as a village's name; kept as it is, not matched",
            file=file,
            row=row.place,
            field="村名",
        )
