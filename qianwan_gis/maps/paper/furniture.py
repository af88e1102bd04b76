"""What stands around a map: title, legend, north arrow, scale bar, notes, imprint, marks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qianwan_gis._text import Text
from qianwan_gis.layers import Symbol
from qianwan_gis.maps.paper.letters import measured_mm, width_mm, wrap
from qianwan_gis.maps.paper.page import MM, Page, View, nice
from qianwan_gis.maps.sheets import Sheet, symbols_of

if TYPE_CHECKING:
    from qianwan_gis.maps.paper.canvas import Canvas


def column(canvas: Canvas, sheet: Sheet, view: View, page: Page, hidden: int) -> None:
    """Draw legend, scale, north arrow and notes right of the map, from the top down."""
    lang = sheet.lang
    left = view.left + view.width + 0.45 * page.font
    width = page.width - page.margin - left
    line = page.font * 0.62
    y = view.bottom + view.height - line * 0.9
    canvas.write(left, y, Text("图例", "Legend").get(lang), page.font * 1.15, bold=True)
    _north(canvas, page.width - page.margin - 0.8 * page.font, y - page.font * 0.75, page, lang)
    y -= line * 1.2
    for drawn in reversed(sheet.drawn):
        for symbol, count in symbols_of(drawn):
            # Layers with one symbol are named by their title; the symbol's words would repeat it.
            words = symbol.title.get(lang)
            if drawn.counted:
                words += Text(f"（{count}）", f" ({count})").get(lang)
            key(canvas, left, y, drawn.style.geometry, symbol, page)
            indent = page.font * 1.05
            for number, text in enumerate(wrap(words, width - indent - page.font, page.font * 0.9)):
                canvas.write(left + indent, y - number * line * 0.8, text, page.font * 0.9)
                y -= line * 0.8 if number else 0
            y -= line
    y -= line * 0.3
    scale_bar(canvas, left, y, width, view, page, lang)
    y -= line * 2.6
    notes = list(sheet.notes)
    if hidden:
        notes.append(
            Text(
                f"为避免压盖，{hidden}个注记未注出。",
                f"{hidden} label{'' if hidden == 1 else 's'} left out for space.",
            ).get(lang)
        )
    size = page.font * 0.82
    for note in notes:
        for text in wrap(note, width, size):
            if y < view.bottom + line * 0.4:
                return
            canvas.write(left, y, text, size, color="#333333")
            y -= line * 0.86
        y -= line * 0.25


def key(canvas: Canvas, left: float, y: float, geometry: str, symbol: Symbol, page: Page) -> None:
    """Draw one legend symbol."""
    from matplotlib.colors import to_rgb

    from qianwan_gis.maps.paper.canvas import dash

    wide = page.font * 0.8
    if geometry == "point":
        outline = symbol.outline if symbol.outline != "#ffffff" else symbol.color
        canvas.marks([(left + wide / 2, y)], symbol, outline=outline)
    elif geometry == "line":
        canvas.line([left, left + wide], [y, y], color=symbol.color, width=symbol.size * MM,
                    dash=dash(symbol))  # fmt: skip
    else:
        high = page.font * 0.36
        canvas.rectangle(
            left, y - high / 2, wide, high, fill=(*to_rgb(symbol.color), symbol.opacity),
            edge=symbol.outline, stroke=symbol.size * MM, dash=dash(symbol),
        )  # fmt: skip


def _north(canvas: Canvas, x: float, top: float, page: Page, lang: str) -> None:
    """Draw a grid-north arrow, its tip below ``top``."""
    high, half = page.font * 1.1, page.font * 0.3
    tip, low = (x, top), top - high
    mid = (x, low + high * 0.22)
    canvas.polygon([tip, (x - half, low), mid], fill="#222222")
    canvas.polygon([tip, (x + half, low), mid], fill="white")
    canvas.write(x, top + page.font * 0.32, "北" if lang == "zh" else "N", page.font, bold=True,
                 align="center")  # fmt: skip


def scale_bar(
    canvas: Canvas, left: float, y: float, width: float, view: View, page: Page, lang: str
) -> None:
    """Draw a scale bar of four parts, and the scale in numbers below it."""
    length = nice(width * 0.8 * view.metres)
    part = length / 4 / view.metres
    high = page.font * 0.14
    low = y - page.font * 0.2
    for number in range(4):
        canvas.rectangle(left + number * part, low, part, high,
                         fill="#222222" if number % 2 == 0 else "white")  # fmt: skip
    unit, divisor = ("千米" if lang == "zh" else "km", 1000) if length >= 1000 else ("米" if lang == "zh" else "m", 1)  # fmt: skip
    for number in (0, 2, 4):
        words = f"{length * number / 4 / divisor:g}" + (unit if number == 4 else "")
        canvas.write(left + number * part, y + page.font * 0.22, words, page.font * 0.75,
                     align="center" if number else "left")  # fmt: skip
    ratio = f"1:{view.scale:,}".replace(",", " ")
    words = f"比例尺 {ratio}" if lang == "zh" else f"Scale {ratio}"
    if page.headed:
        words += "（A3），方里网注记单位：千米" if lang == "zh" else " (A3), grid in km"
    canvas.write(left, y - page.font * 0.62, words, page.font * 0.82)


def edges(canvas: Canvas, sheet: Sheet, view: View, page: Page) -> None:
    """Draw title, border and imprint."""
    if not page.headed:
        return
    border(canvas, page.margin * 0.45, page)
    middle = view.bottom + view.height + page.head * 0.52
    title = f"{sheet.subtitle}{' – ' if sheet.lang == 'en' else ''}{sheet.title}"
    size = fitted(title, 24, page.width - 4 * page.margin, bold=True)
    canvas.write(page.width / 2, middle, title, size, bold=True, align="center")
    imprint(canvas, sheet, page, page.margin + page.foot * 0.12, page.font * 0.8)


def border(canvas: Canvas, edge: float, page: Page) -> None:
    """Draw the border of the page, ``edge`` mm from the paper's."""
    canvas.rectangle(edge, edge, page.width - 2 * edge, page.height - 2 * edge, stroke=1.4)


def imprint(canvas: Canvas, sheet: Sheet, page: Page, y: float, size: float) -> None:
    """Write who made the map from what, in one line across the page, smaller where it is long."""
    gap, colon = ("　", "：") if sheet.lang == "zh" else ("   ", ": ")
    words = gap.join(f"{name}{colon}{value}" for name, value in sheet.imprint)
    room = page.width - 2 * page.margin
    canvas.write(page.margin, y, words, fitted(words, size, room), color="#444444")


def fitted(text: str, size: float, room: float, *, bold: bool = False) -> float:
    """Return the size in points, at most ``size``, at which text is at most ``room`` mm wide."""
    return size * min(1.0, room / max(measured_mm(text, size, bold), 1e-9)) if text else size


def watermark(canvas: Canvas, sheet: Sheet, view: View, page: Page) -> None:
    """Draw the marks across the map and, boxed, in its lower left corner."""
    from qianwan_gis.maps.paper.canvas import MARKS

    mark = "　".join(sheet.marks)
    if not mark:
        return
    large = page.font * 3.6
    turn = math.degrees(math.atan2(view.height, view.width)) * 0.8
    across = canvas.writing(MARKS)
    canvas.write(
        view.left + view.width / 2,
        view.bottom + view.height / 2,
        mark,
        min(large, large * view.width * 0.95 / width_mm(mark, large)),
        color="#b0b0b0",
        align="center",
        angle=turn,
        alpha=0.28,
        on=across,
    )
    # The lower-left corner is where the rules want the review number; unreviewed maps say so.
    left, middle = view.left + 0.25 * page.font, view.bottom + 0.4 * page.font
    size = page.font * 0.9
    pad = 2.5 / MM
    high = 0.55 * size / MM
    canvas.rectangle(left - pad, middle - high - pad, measured_mm(mark, size, bold=True) + 2 * pad,
                     2 * (high + pad), fill="white", edge="#b03a2e", stroke=0.6, alpha=0.9,
                     order=MARKS + 1)  # fmt: skip
    boxed = canvas.writing(MARKS + 2)
    canvas.write(left, middle, mark, size, bold=True, color="#b03a2e", on=boxed)
