"""How commands print: lines, tables as wide as their contents, problems."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import typer

from qianwan_gis._errors import Problem
from qianwan_gis._text import Text
from qianwan_gis.cli._app import LANG, say

if TYPE_CHECKING:
    import pandas as pd

    from qianwan_gis.export.content import Table

MOST_ROWS = 20  # villages printed on the screen; the files have them all


def echo(text: str = "", *, err: bool = False) -> None:
    """Print a line."""
    typer.echo(text, err=err)


def print_rows(rows: list[list[str]], title: str = "") -> None:
    """Print rows as wide as their contents; Chinese characters count two columns."""
    from rich.cells import cell_len

    if title:
        echo(title)
    widths = [max(cell_len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [
            text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True)
        ]
        echo("  " + "  ".join(cells).rstrip())


def print_frame(frame: pd.DataFrame, heads: Iterable[str] | None = None, title: str = "") -> None:
    """Print a table under its own headings or better ones."""
    head = [str(c) for c in (heads if heads is not None else frame.columns)]
    body = [[_cell(value) for value in row] for row in frame.itertuples(index=False, name=None)]
    print_rows([head, *body], title)


def print_paths(paths: Iterable[Path]) -> None:
    """Print the files that were written, one a line."""
    for path in paths:
        echo(str(path))


def _cell(value: object) -> str:
    import pandas as pd

    if isinstance(value, Text):
        return value.get(LANG)
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(cast("Any", value))):
        return ""
    if type(value) is float:  # a Chainage is a float that writes itself
        return f"{value:.0f}" if value.is_integer() or abs(value) >= 100 else f"{value:.3g}"
    return str(value)


def print_table(table: Table | None) -> None:
    """Print one of the tables that every output shares, with its titles and note."""
    from qianwan_gis.export.content import heading

    if table is None:
        echo(say("没有可汇总的内容", "there is nothing to sum up"))
        return
    print_frame(table.frame, [heading(c, LANG) for c in table.columns], table.title.get(LANG))
    if note := table.note.get(LANG):
        echo(note)


def print_problems(problems: Iterable[Problem], *, limit: int | None = None) -> None:
    """Print problems on the error stream, the worst first, and no more than ``limit``."""
    order = {"error": 0, "warning": 1, "note": 2}
    ranked = sorted(problems, key=lambda p: order[p.level])
    for problem in ranked[:limit]:
        echo(problem.message(LANG), err=True)
    if limit is not None and len(ranked) > limit:
        rest = len(ranked) - limit
        echo(say(f"……另有{rest}条，见报告", f"… and {rest} more, see the report"), err=True)


def print_rest(count: int, where: str) -> None:
    """Say how many rows were not printed, and where they are."""
    if count > MOST_ROWS:
        rest = count - MOST_ROWS
        echo(say(f"……另有{rest}行，见 {where}", f"… {rest} more rows in {where}"))
