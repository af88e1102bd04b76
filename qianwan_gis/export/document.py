"""A report as plain blocks: one content, written as Markdown here and as Word in `docx`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from qianwan_gis._text import Lang, Text
from qianwan_gis.export.columns import fitted_widths

_CHINESE_DIGITS = "〇一二三四五六七八九"


@dataclass(frozen=True)
class Heading:
    """A numbered heading; level 1 is 一、 and level 2 （一）."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of running text."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of findings, each a sentence or two."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class TableBlock:
    """A table with its caption; ``widths`` are relative, ``note`` stands below."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """A picture (PNG) with its caption."""

    caption: str
    png: bytes
    sheet: str

    @property
    def file(self) -> str:
        """Where the picture lies beside ``report.md``."""
        return f"figures/{self.sheet}.png"


Block = Heading | Paragraph | Bullets | TableBlock | Figure


@dataclass
class Document:
    """A report under construction; headings and captions are numbered as they are added."""

    title: str
    lang: Lang
    run_date: str
    marks: tuple[str, ...] = ()
    cover: tuple[tuple[str, str], ...] = ()
    blocks: list[Block] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)

    def _next(self, what: str) -> int:
        self._counts[what] = self._counts.get(what, 0) + 1
        return self._counts[what]

    def heading(self, level: int, text: Text) -> None:
        """Add a heading; a level-1 heading starts the level-2 numbers anew."""
        number = self._next(f"h{level}")
        if level == 1:
            self._counts["h2"] = 0
        if self.lang == "zh":
            digits = chinese_number(number)
            label = f"{digits}、" if level == 1 else f"（{digits}）"
        else:
            label = f"{number}. " if level == 1 else f"{self._counts['h1']}.{number} "
        self.blocks.append(Heading(level, label + text.get(self.lang)))

    def say(self, text: Text) -> None:
        """Add a paragraph."""
        self.blocks.append(Paragraph(text.get(self.lang)))

    def bullets(self, items: Sequence[Text]) -> None:
        """Add a list, if there is anything in it."""
        if items:
            self.blocks.append(Bullets(tuple(item.get(self.lang) for item in items)))

    def table(
        self,
        title: Text,
        head: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        note: Text | None = None,
    ) -> None:
        """Add a table with a numbered caption, if it has rows."""
        if not rows:
            return
        number = self._next("table")
        caption = Text(f"表{number}　{title.zh}", f"Table {number}. {title.en}").get(self.lang)
        self.blocks.append(
            TableBlock(
                caption,
                tuple(head),
                tuple(tuple(row) for row in rows),
                fitted_widths(head, rows),
                note.get(self.lang) if note else "",
            )
        )

    def figure(self, title: str, png: bytes, sheet: str) -> None:
        """Add a picture with a numbered caption; ``sheet`` is the atlas sheet it repeats."""
        number = self._next("figure")
        label = Text(f"图{number}　", f"Figure {number}. ").get(self.lang)
        self.blocks.append(Figure(label + title, png, sheet))


def chinese_number(number: int) -> str:
    """Return 1 to 99 in Chinese: 一, 十, 十二, 二十, 二十三."""
    tens, ones = divmod(number, 10)
    head = "" if tens == 0 else "十" if tens == 1 else f"{_CHINESE_DIGITS[tens]}十"
    return head + (_CHINESE_DIGITS[ones] if ones else "")


def clean(text: str) -> str:
    """Return text without control characters, which neither XML nor Markdown can hold."""
    return re.sub(r"[\x00-\x1f\x7f\ufffe\uffff\ud800-\udfff]+", " ", text)


def markdown(document: Document) -> str:
    """Return the report as Markdown; its pictures are the files named by `Figure.file`."""
    zh = document.lang == "zh"
    lines = [f"# {escape(document.title)}", ""]
    for mark in document.marks:
        lines += [f"**{escape(mark)}**", ""]
    lines += [
        f"- {escape(name)}{'：' if zh else ': '}{escape(text)}" for name, text in document.cover
    ]
    lines.append("")
    for block in document.blocks:
        match block:
            case Heading():
                lines += [f"{'#' * (block.level + 1)} {escape(block.text)}", ""]
            case Paragraph():
                lines += [escape(block.text), ""]
            case Bullets():
                lines += [*(f"- {escape(item)}" for item in block.items), ""]
            case TableBlock():
                lines += [f"**{escape(block.caption)}**", "", _row(block.head)]
                lines += ["|" + " --- |" * len(block.head)]
                lines += [*(_row(row) for row in block.rows), ""]
                if block.note:
                    lines += [escape(block.note), ""]
            case Figure():
                lines += [f"![{escape(block.caption)}]({block.file})", "", f"*{escape(block.caption)}*", ""]  # fmt: skip
    return "\n".join(lines).rstrip() + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(escape(cell) for cell in cells) + " |"


def escape(text: str) -> str:
    """Disarm what Markdown or HTML would take for markup."""
    plain = clean(text).replace("\\", "\\\\").replace("&", "&amp;")
    plain = plain.replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([`|*\[\]])", r"\\\1", plain)
