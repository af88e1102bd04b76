"""Problems found in input, and the errors that carry them.

The tree::

    QianwanError
    +-- DataError (ValueError)        the input is at fault; ``problems`` holds every fault found
    +-- UsageError (ValueError)       the call is at fault: an unknown option, an impossible value
    +-- UnavailableError (RuntimeError)  something outside is missing: network, key, font, extra
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from qianwan_gis._text import Lang, Text

Level = Literal["error", "warning", "note"]

_LEVEL_NAMES = {
    "error": Text("错误", "error"),
    "warning": Text("警告", "warning"),
    "note": Text("说明", "note"),
}


@dataclass(frozen=True)
class Problem:
    """One fault or discrepancy: what is wrong, where, and what to do about it.

    Attributes
    ----------
    code
        Short stable identifier in snake_case, for tests and filters.
    level
        ``error`` stops the run, ``warning`` is told and the run goes on, ``note`` informs.
    text
        What is wrong, naming every value concerned.
    file, row, field
        Where: file (or layer) name, 1-based row as the user counts it, or a row's name; column.
    fix
        What to do.
    """

    code: str
    level: Level
    text: Text
    file: str | None = None
    row: int | str | Text | None = None
    field: str | None = None
    fix: Text | None = None

    def message(self, lang: Lang = "zh") -> str:
        """Return one line: level, place, what is wrong and what to do."""
        row = self.row
        if isinstance(row, int):
            row = Text(f"第{row}行", f"row {row}")
        places = [
            self.file,
            row.get(lang) if isinstance(row, Text) else row,
            Text(f"字段“{self.field}”", f"field “{self.field}”").get(lang) if self.field else None,
        ]
        where = Text("，", ", ").get(lang).join(str(p) for p in places if p)
        colon = Text("：", ": ").get(lang)
        line = _LEVEL_NAMES[self.level].get(lang) + colon
        if where:
            line += where + colon
        line += self.text.get(lang)
        if self.fix:
            line += Text(" 处理：", " To do: ").get(lang) + self.fix.get(lang)
        return line

    def __str__(self) -> str:
        return self.message("zh")


@dataclass
class ProblemLog:
    """Collects problems so that an office can mend a file in one pass."""

    problems: list[Problem] = field(default_factory=list)

    def add(
        self,
        level: Level,
        code: str,
        zh: str,
        en: str,
        *,
        file: str | Path | None = None,
        row: int | str | Text | None = None,
        field: str | None = None,
        fix: Text | tuple[str, str] | None = None,
    ) -> None:
        """Record one problem; ``fix`` may be a plain (Chinese, English) pair."""
        self.problems.append(
            Problem(
                code=code,
                level=level,
                text=Text(zh, en),
                file=Path(file).name if isinstance(file, Path) else file,
                row=row,
                field=field,
                fix=Text(*fix) if fix is not None else None,
            )
        )

    def extend(self, problems: Iterable[Problem]) -> None:
        """Record several problems found elsewhere."""
        self.problems.extend(problems)

    @property
    def errors(self) -> list[Problem]:
        """The problems that stop a run."""
        return [p for p in self.problems if p.level == "error"]

    def raise_errors(self) -> None:
        """Raise `DataError` with every problem when at least one is an error."""
        if self.errors:
            raise DataError(self.problems)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.problems)

    def __len__(self) -> int:
        return len(self.problems)


class QianwanError(Exception):
    """Root of all errors that the toolkit raises on purpose."""


class DataError(QianwanError, ValueError):
    """The input is at fault. ``problems`` holds all faults found, not only the first."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: list[Problem] = [problems] if isinstance(problems, Problem) else [*problems]
        super().__init__("\n".join(str(p) for p in self.problems if p.level == "error"))


class UsageError(QianwanError, ValueError):
    """The call is at fault: an unknown key, an option out of range."""

    def __init__(self, text: Text | str) -> None:
        self.text = text if isinstance(text, Text) else Text(text, text)
        super().__init__(str(self.text))


class UnavailableError(QianwanError, RuntimeError):
    """Something outside the toolkit is missing: the network, a key, a font, an extra."""

    def __init__(self, text: Text | str) -> None:
        self.text = text if isinstance(text, Text) else Text(text, text)
        super().__init__(str(self.text))
