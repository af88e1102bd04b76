"""The straightened half of a strip map: stakes, villages by offset, zones, spacing of services."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from qianwan_gis import layers
from qianwan_gis._text import Text
from qianwan_gis.chainage import Chainage
from qianwan_gis.corridor.report import KINDS, VERDICTS
from qianwan_gis.layers import Symbol
from qianwan_gis.layers.spacing import VERDICT_COLORS
from qianwan_gis.maps.paper.labels import Room
from qianwan_gis.maps.paper.letters import printable, width_mm
from qianwan_gis.maps.paper.page import Page
from qianwan_gis.maps.strips.layout import Strip, StripSet
from qianwan_gis.maps.strips.symbols import ROAD, SYMBOLS

if TYPE_CHECKING:
    from qianwan_gis.corridor._build import Part
    from qianwan_gis.maps.paper.canvas import Canvas

Box = tuple[float, float, float, float]

_LABELS = 31.0  # mm of the column of row titles
_AXIS = 12.0  # mm of the row of stakes
_ROW = 7.0  # mm of a row of services
_PROPOSED = 22.0  # mm that the words of a proposed place take
_ZONE_FILLS = ("#f3e3ec", "#f8eff4", "#fcf8fa")


@dataclass(frozen=True)
class _Frame:
    """Where the diagram lies on the page, and which ground it shows."""

    left: float
    right: float
    top: float
    bottom: float
    from_m: float
    to_m: float
    per_mm: float

    def x(self, travelled: float) -> float:
        return self.left + (travelled - self.from_m) / self.per_mm

    @property
    def end(self) -> float:
        """Where the stretch ends: a last sheet may be short."""
        return self.x(self.to_m)


def draw(canvas: Canvas, made: StripSet, strip: Strip, box: Box, page: Page) -> None:
    """Draw the diagram of one sheet into a box (left, bottom, width, height in page mm)."""
    left, bottom, width, height = box
    frame = _Frame(
        left + _LABELS, left + width - 4.0, bottom + height, bottom, strip.from_m, strip.to_m,
        made.longest_m / (width - _LABELS - 4.0),
    )  # fmt: skip
    canvas.rectangle(left, bottom, width, height, stroke=0.8, order=20)
    rows = len(KINDS) * _ROW
    band = (height - rows - _AXIS - 2.0) / 2.0
    axis = frame.top - band - _AXIS / 2.0
    widths = sorted(float(w) for w in made.results.zones["width_m"])  # type: ignore[index]
    for side in (1, -1):
        _zones(canvas, made, frame, widths, axis, band, side)
    _axis(canvas, made, strip, frame, axis)
    for side in (1, -1):
        _places(canvas, made, strip, frame, widths, axis, band, side, page)
    y = frame.bottom + rows + 0.5
    canvas.line([left, left + width], [y, y], order=2)
    for kind in KINDS:
        y -= _ROW
        _spacing(canvas, made, strip, frame, kind.key, y)


def _zones(
    canvas: Canvas,
    made: StripSet,
    frame: _Frame,
    widths: Sequence[float],
    axis: float,
    band: float,
    side: int,
) -> None:
    """Shade the zones on one side of the road, each as high as the others, and name them."""
    lang = made.results.lang
    high = band / len(widths)
    for number, width in enumerate(widths):
        low = axis + side * (_AXIS / 2.0 + number * high)
        y = min(low, low + side * high)
        fill = _ZONE_FILLS[min(number, len(_ZONE_FILLS) - 1)]
        canvas.rectangle(
            frame.left, y, frame.end - frame.left, high, fill=fill, edge="none", order=1
        )
        edge = low + side * high
        canvas.line([frame.left, frame.end], [edge, edge], color="#c9a9bb", width=0.4,
                    dash=(0, (4, 3)), order=2)  # fmt: skip
        words = Text(f"偏距≤{width / 1000:g} km", f"within {width / 1000:g} km").get(lang)
        canvas.write(frame.left - 1.5, y + high / 2.0, words, 6.2, color="#666666", align="right")  # fmt: skip
    name = Text("左侧", "Left") if side > 0 else Text("右侧", "Right")
    middle = axis + side * (_AXIS / 2.0 + band / 2.0)
    canvas.write(frame.left - _LABELS + 2.0, middle, name.get(lang), 8.5, bold=True)


def _parts(made: StripSet, strip: Strip) -> list[Part]:
    return [p for p in made.corridor.parts if p.branch == strip.branch]


def _axis(canvas: Canvas, made: StripSet, strip: Strip, frame: _Frame, y: float) -> None:
    """The road with its stakes; broken chainage, interruptions and junctions flagged above."""
    lang = made.results.lang
    canvas.write(frame.left - _LABELS + 2.0, y, Text("桩号", "Stakes").get(lang), 8.5, bold=True)  # fmt: skip
    canvas.line([frame.left, frame.end], [y, y], color=ROAD, width=2.4, order=5)
    minor = next(s for s in (100.0, 200.0, 500.0, 1000.0, 1e9) if s / frame.per_mm >= 2.0)
    major = next(s for s in (1000.0, 2000.0, 5000.0, 10_000.0, 1e9) if s / frame.per_mm >= 14.0)
    for part in _parts(made, strip):
        low = max(strip.from_m - part.travelled, 0.0)
        high = min(strip.to_m - part.travelled, part.length)
        if high <= low:
            continue
        for step in (minor, major):
            a, b = (float(part.chainage_at(at)) for at in (low, high))
            strong = step == major
            ticks = []
            for k in range(math.ceil(a / step - 1e-6), math.floor(b / step + 1e-6) + 1):
                x = frame.x(part.travelled + float(part.metres_at(k * step)))
                ticks.append([(x, y - 2.0), (x, y + 2.0)] if strong else [(x, y - 1.0), (x, y)])
                if strong:
                    text = Chainage(k * step, part.prefix).format(0)
                    canvas.write(x, y - 3.9, text, 6.8, bold=True, align="center")
            if ticks:
                canvas.strokes(np.array(ticks), width=0.7 if strong else 0.35, order=6)
    taken: list[tuple[float, float]] = []
    for travelled, words, strong in sorted(_flags(made, strip), key=lambda f: (not f[2], f[0])):
        x = frame.x(travelled)
        text = words.get(lang)
        wide = width_mm(text, 6.2)
        start = min(max(x - wide / 2.0, frame.left), max(frame.end - wide, frame.left))
        color = "#b03a2e" if strong else "#333333"
        canvas.line([x, x], [y - 2.6, y + 2.6], color=color, width=1.0, order=8)
        if any(start < high and start + wide > low for low, high in taken):
            continue  # the mark stays; the table of equations has the words
        taken.append((start - 1.0, start + wide + 1.0))
        canvas.write(start, y + 4.1, text, 6.2, color=color)


def _flags(made: StripSet, strip: Strip) -> Iterator[tuple[float, Text, bool]]:
    """Places to be flagged on the road: travelled metres, words, whether chainage is at stake."""
    inside = (strip.from_m - 1e-6, strip.to_m + 1e-6)
    for before, part in itertools.pairwise(_parts(made, strip)):
        if not inside[0] <= part.travelled <= inside[1]:
            continue
        if part.join in ("long", "short"):
            back = Chainage(before.end, before.prefix)
            ahead = Chainage(part.start, part.prefix)
            over = before.end - part.start
            word = Text("长链" if over > 0 else "短链", "long" if over > 0 else "short")
            yield part.travelled, Text(
                f"断链 {back}={ahead}（{word.zh}{abs(over):g} m）",
                f"{back} = {ahead} ({word.en} {abs(over):g} m)",
            ), True  # fmt: skip
        elif part.join == "gap":
            yield part.travelled, Text(
                f"未连通{part.gap_m:.0f} m", f"gap in the line, {part.gap_m:.0f} m"
            ), True  # fmt: skip
    lines = {b: [p for p in made.corridor.parts if p.branch == b] for b in made.corridor.branches}
    for branch, parts in lines.items():
        if branch == strip.branch:
            continue
        for tip in (parts[0].coords[0], parts[-1].coords[-1]):
            if (at := _where(lines[strip.branch], tip, made.corridor.tolerance)) is not None and (
                inside[0] <= at <= inside[1]
            ):
                yield at, Text(f"接{branch}", f"{branch} joins"), False


def _where(parts: Sequence[Part], place: np.ndarray, tolerance: float) -> float | None:
    """Travelled metres at which a branch passes a place, if it does."""
    point = shapely.Point(place)
    for part in parts:
        line = shapely.LineString(part.coords)
        if line.distance(point) <= tolerance:
            return float(part.travelled + line.project(point))
    return None


def _places(
    canvas: Canvas,
    made: StripSet,
    strip: Strip,
    frame: _Frame,
    widths: Sequence[float],
    axis: float,
    band: float,
    side: int,
    page: Page,
) -> None:
    """Villages and scenic spots of one side at their offset, named with it in kilometres."""
    shown = list(_rows(made, strip, widths[-1], side))
    if not shown:
        return
    low = axis + side * _AXIS / 2.0
    bottom = min(low, low + side * band)
    high = band / len(widths)
    xy = np.array(
        [
            [
                frame.x(row["travelled_m"]) - frame.left,
                low + side * _height(abs(row["offset_m"]), widths, high) - bottom,
            ]
            for row, _, _ in shown
        ]
    )
    sizes = np.array([symbol.size for _, symbol, _ in shown]) * page.symbols
    for (x, y), size, (_, symbol, _) in zip(xy, sizes, shown, strict=True):
        canvas.marks([(x + frame.left, y + bottom)], symbol, size=size, edge=0.5, order=10)
    boxes = np.column_stack([xy - sizes[:, None] / 2, xy + sizes[:, None] / 2])
    room = Room(frame.right - frame.left + 4.0, band, [boxes], [np.full(len(boxes), np.inf)], more=len(shown))  # fmt: skip
    order = sorted(range(len(shown)), key=lambda i: (-shown[i][2], xy[i, 0]))
    for i in order:
        row, symbol, rank = shown[i]
        text = printable(f"{row['name']} {abs(row['offset_m']) / 1000:.1f}")
        points = 6.6 if rank else 6.0
        spot = room.place(xy[i, 0], xy[i, 1], sizes[i], text, points, rank=rank)
        if spot is None:
            continue
        canvas.write(
            spot[0] + frame.left, (spot[1] + spot[3]) / 2.0 + bottom, text, points,
            bold=rank > 0, color="#111111" if rank else "#555555",
        )  # fmt: skip


def _height(offset: float, widths: Sequence[float], high: float) -> float:
    """Height above the road of an offset: linear inside each zone, zones equally high."""
    edges = [0.0, *widths]
    return float(np.interp(offset, edges, [k * high for k in range(len(edges))]))


def _rows(
    made: StripSet, strip: Strip, farthest: float, side: int
) -> Iterator[tuple[dict[str, Any], Symbol, int]]:
    """Villages and scenic spots of one side on this stretch: row, symbol, rank of the label."""
    tables = made.results.corridor_tables
    for key in ("villages", "scenic"):
        table = tables.get(key)
        if table is None:
            continue
        last = strip.after is None
        at = table["travelled_m"]
        mine = table[
            (table["branch"] == strip.branch)
            & (at >= strip.from_m - 1e-6)
            & ((at < strip.to_m - 1e-6) | (last & (at <= strip.to_m + 1e-6)))
            & (table["offset_m"].abs() <= farthest)
            & ((table["offset_m"] >= 0) == (side > 0))
        ]
        for row in mine.to_dict("records"):
            if key == "scenic":
                yield row, SYMBOLS["scenic"], 1
                continue
            category = row.get("category")
            listed = bool(row.get("lists")) and pd.notna(row.get("lists"))
            yield row, layers.CATEGORY_STYLE.symbol_of(category), 2 if listed else 0


def _spacing(
    canvas: Canvas, made: StripSet, strip: Strip, frame: _Frame, kind: str, bottom: float
) -> None:
    """One kind of service: where it stands, and the intervals between against the limit."""
    lang = made.results.lang
    tables = made.results.corridor_tables
    findings = tables["findings"].set_index("kind")
    middle = bottom + _ROW * 0.36
    if kind not in findings.index:
        return
    row = findings.loc[kind]
    title = next(k.title for k in KINDS if k.key == kind)
    limit = Text(f"{title.zh} ≤{row['limit_km']:g} km", f"{title.en} ≤{row['limit_km']:g} km")
    words = limit.get(lang)
    size = min(6.8, 6.8 * (_LABELS - 3.0) / width_mm(words, 6.8))
    canvas.write(frame.left - _LABELS + 2.0, middle, words, size, bold=True)
    canvas.line([frame.left - _LABELS, frame.right + 4.0], [bottom, bottom], color="#d5d5d5", width=0.4, order=2)  # fmt: skip
    if row["verdict"] == "none":
        canvas.write(frame.left, middle, VERDICTS["none"].get(lang), 6.4, color="#777777")
        return
    table = tables["spacing"]
    mine = table[(table["kind"] == kind) & (table["branch"] == strip.branch)].reset_index(drop=True)
    for number, interval in enumerate(mine.to_dict("records")):
        low, high = max(interval["from_m"], strip.from_m), min(interval["to_m"], strip.to_m)
        if high >= low:
            _interval(canvas, frame, interval, low, high, middle)
        stops = number < len(mine) - 1 and strip.from_m <= interval["to_m"] <= strip.to_m
        if stops:
            _symbol(canvas, frame.x(interval["to_m"]), middle, SYMBOLS[kind])
        for metres in interval["suggest_m"]:
            if strip.from_m <= metres <= strip.to_m:
                ring = Symbol("", title, "#ffffff", 2.6, "diamond",
                              outline=VERDICT_COLORS[interval["verdict"]])  # fmt: skip
                _symbol(canvas, frame.x(metres), middle, ring)
                part = next(
                    p for p in reversed(_parts(made, strip)) if p.travelled <= metres + 1e-6
                )
                stake = Chainage(float(part.chainage_at(metres - part.travelled)), part.prefix)
                text = Text(f"建议 {stake.format(0)}", f"proposed {stake.format(0)}").get(lang)
                canvas.write(frame.x(metres), bottom + _ROW * 0.8, text, 5.6,
                              align="center", color="#8a4b00")  # fmt: skip


def _interval(
    canvas: Canvas, frame: _Frame, interval: dict[str, Any], low: float, high: float, middle: float
) -> None:
    """A bar in the verdict's colour, its length above it where there is room."""
    color = VERDICT_COLORS[interval["verdict"]]
    x0, x1 = frame.x(low), frame.x(high)
    canvas.rectangle(x0, middle - 0.7, x1 - x0, 1.4, fill=color, edge="white", stroke=0.3, order=9)
    text = f"{interval['spacing_km']:.1f} km"
    over = interval["verdict"] != "ok"
    if over:
        text = f"{interval['spacing_km']:.1f}＞{interval['allowed_km']:g} km"
    if width_mm(text, 5.8) + 5.0 < x1 - x0:
        wide = width_mm(text, 5.8)
        shares = (0.5, 0.25, 0.75, 0.12, 0.88)
        spots = [x0 + (x1 - x0) * share for share in shares]
        others = [frame.x(metres) for metres in interval["suggest_m"]]
        spot = max(spots, key=lambda x: min((abs(x - o) >= (wide + _PROPOSED) / 2 for o in others), default=True))  # fmt: skip
        canvas.write(spot, middle + 2.1, text, 5.8, align="center",
                      color=color if over else "#333333", bold=over)  # fmt: skip


def _symbol(canvas: Canvas, x: float, y: float, symbol: Symbol) -> None:
    canvas.marks([(x, y)], symbol, size=symbol.size * 0.9, order=13)
