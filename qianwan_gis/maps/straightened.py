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
from qianwan_gis.maps import static

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from qianwan_gis.corridor._build import Part
    from qianwan_gis.maps.strips import Strip, StripSet

Box = tuple[float, float, float, float]

#: What is drawn along the road, and the registers each kind comes from.
COUNTED: dict[str, tuple[str, tuple[str, ...]]] = {
    "post": ("corridor", ("post",)),
    "toilet": ("corridor", ("toilet",)),
    "charger": ("corridor", ("charger",)),
    "clinic": ("clinic", ("village", "township", "county")),
    "parking": ("corridor", ("parking",)),
    "scenic": ("corridor", ("scenic",)),
}
SYMBOLS: dict[str, Symbol] = {
    "post": Symbol("", Text("驿站", "wayside station"), "#882255", 3.0, "square"),
    "toilet": Symbol("", Text("公厕", "public toilet"), "#0072b2", 2.2, "square"),
    "charger": Symbol("", Text("充电站", "charging station"), "#009e73", 2.4, "triangle"),
    "clinic": Symbol("", Text("医疗点", "clinic"), "#cc3311", 2.6, "cross"),
    "parking": Symbol("", Text("停车观景点", "car park or viewpoint"), "#56606b", 2.4, "circle"),
    "scenic": Symbol("", Text("景点", "scenic spot"), "#e69f00", 2.8, "triangle"),
}
VERDICT_SYMBOLS: tuple[Symbol, ...] = tuple(
    Symbol("", Text(f"间距{word.zh}", f"spacing {word.en}"), VERDICT_COLORS[key], 1.6)
    for key, word in VERDICTS.items()
    if key in VERDICT_COLORS
)
_LABELS = 31.0  # mm of the column of row titles
_AXIS = 12.0  # mm of the row of stakes
_ROW = 7.0  # mm of a row of services
_ROAD = "#882255"
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


def draw(canvas: Axes, made: StripSet, strip: Strip, box: Box, page: static.Page) -> None:
    """Draw the diagram of one sheet into a box (left, bottom, width, height in page mm)."""
    from matplotlib.patches import Rectangle

    left, bottom, width, height = box
    frame = _Frame(
        left + _LABELS, left + width - 4.0, bottom + height, bottom, strip.from_m, strip.to_m,
        made.longest_m / (width - _LABELS - 4.0),
    )  # fmt: skip
    canvas.add_patch(Rectangle((left, bottom), width, height, fill=False, edgecolor="#222222", linewidth=0.8, zorder=20))  # fmt: skip
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
    canvas.plot([left, left + width], [y, y], color="#222222", linewidth=0.5)
    for kind in KINDS:
        y -= _ROW
        _spacing(canvas, made, strip, frame, kind.key, y)


def _zones(
    canvas: Axes,
    made: StripSet,
    frame: _Frame,
    widths: Sequence[float],
    axis: float,
    band: float,
    side: int,
) -> None:
    """Shade the zones on one side of the road, each as high as the others, and name them."""
    from matplotlib.patches import Rectangle

    lang = made.results.lang
    high = band / len(widths)
    for number, width in enumerate(widths):
        low = axis + side * (_AXIS / 2.0 + number * high)
        y = min(low, low + side * high)
        fill = _ZONE_FILLS[min(number, len(_ZONE_FILLS) - 1)]
        canvas.add_patch(Rectangle((frame.left, y), frame.end - frame.left, high, facecolor=fill, edgecolor="none", zorder=1))  # fmt: skip
        edge = low + side * high
        canvas.plot([frame.left, frame.end], [edge, edge], color="#c9a9bb", linewidth=0.4,
                    linestyle=(0, (4, 3)), zorder=2)  # fmt: skip
        words = Text(f"偏距≤{width / 1000:g} km", f"within {width / 1000:g} km").get(lang)
        static._write(canvas, frame.left - 1.5, y + high / 2.0, words, 6.2, color="#666666", ha="right")  # fmt: skip
    name = Text("左侧", "Left") if side > 0 else Text("右侧", "Right")
    middle = axis + side * (_AXIS / 2.0 + band / 2.0)
    static._write(canvas, frame.left - _LABELS + 2.0, middle, name.get(lang), 8.5, bold=True)


def _parts(made: StripSet, strip: Strip) -> list[Part]:
    return [p for p in made.corridor.parts if p.branch == strip.branch]


def _axis(canvas: Axes, made: StripSet, strip: Strip, frame: _Frame, y: float) -> None:
    """The road with its stakes; broken chainage, interruptions and junctions flagged above."""
    lang = made.results.lang
    static._write(canvas, frame.left - _LABELS + 2.0, y, Text("桩号", "Stakes").get(lang), 8.5, bold=True)  # fmt: skip
    canvas.plot([frame.left, frame.end], [y, y], color=_ROAD, linewidth=2.4, solid_capstyle="butt", zorder=5)  # fmt: skip
    minor = next(s for s in (100.0, 200.0, 500.0, 1000.0, 1e9) if s / frame.per_mm >= 2.0)
    major = next(s for s in (1000.0, 2000.0, 5000.0, 10_000.0, 1e9) if s / frame.per_mm >= 14.0)
    for part in _parts(made, strip):
        low = max(strip.from_m - part.travelled, 0.0)
        high = min(strip.to_m - part.travelled, part.length)
        if high <= low:
            continue
        for step in (minor, major):
            a, b = (float(part.chainage_at(at)) for at in (low, high))
            for k in range(math.ceil(a / step - 1e-6), math.floor(b / step + 1e-6) + 1):
                x = frame.x(part.travelled + float(part.metres_at(k * step)))
                tall = 2.0 if step == major else 1.0
                canvas.plot([x, x], [y - tall, y + (tall if step == major else 0.0)],
                            color="#222222", linewidth=0.7 if step == major else 0.35, zorder=6)  # fmt: skip
                if step == major:
                    text = Chainage(k * step, part.prefix).format(0)
                    static._write(canvas, x, y - 3.9, text, 6.8, bold=True, ha="center", zorder=7)
    taken: list[tuple[float, float]] = []
    for travelled, words, strong in sorted(_flags(made, strip), key=lambda f: (not f[2], f[0])):
        x = frame.x(travelled)
        text = words.get(lang)
        wide = static._width_mm(text, 6.2)
        start = min(max(x - wide / 2.0, frame.left), max(frame.end - wide, frame.left))
        color = "#b03a2e" if strong else "#333333"
        canvas.plot([x, x], [y - 2.6, y + 2.6], color=color, linewidth=1.0, zorder=8)
        if any(start < high and start + wide > low for low, high in taken):
            continue  # the mark stays; the table of equations has the words
        taken.append((start - 1.0, start + wide + 1.0))
        static._write(canvas, start, y + 4.1, text, 6.2, color=color, zorder=8)


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
    canvas: Axes,
    made: StripSet,
    strip: Strip,
    frame: _Frame,
    widths: Sequence[float],
    axis: float,
    band: float,
    side: int,
    page: static.Page,
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
        canvas.scatter(
            [x + frame.left], [y + bottom], s=(size * static._MM) ** 2,
            marker=static._MARKERS[symbol.shape], facecolor=symbol.color, edgecolor=symbol.outline,
            linewidth=0.5, zorder=10,
        )  # fmt: skip
    taken = np.column_stack([xy - sizes[:, None] / 2, xy + sizes[:, None] / 2])
    view = static._View(0, 0, frame.right - frame.left + 4.0, band, 0, 0, 1)
    order = sorted(range(len(shown)), key=lambda i: (-shown[i][2], xy[i, 0]))
    for i in order:
        row, symbol, rank = shown[i]
        text = static.printable(f"{row['name']} {abs(row['offset_m']) / 1000:.1f}")
        points = 6.6 if rank else 6.0
        spot = static._free_place(xy[i, 0], xy[i, 1], sizes[i], text, points, taken, view)
        if spot is None:
            continue
        taken = np.vstack([taken, spot])
        static._write(
            canvas, spot[0] + frame.left, (spot[1] + spot[3]) / 2.0 + bottom, text, points,
            bold=rank > 0, color="#111111" if rank else "#555555", zorder=11,
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
    canvas: Axes, made: StripSet, strip: Strip, frame: _Frame, kind: str, bottom: float
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
    size = min(6.8, 6.8 * (_LABELS - 3.0) / static._width_mm(words, 6.8))
    static._write(canvas, frame.left - _LABELS + 2.0, middle, words, size, bold=True)
    canvas.plot([frame.left - _LABELS, frame.right + 4.0], [bottom, bottom], color="#d5d5d5", linewidth=0.4)  # fmt: skip
    if row["verdict"] == "none":
        static._write(canvas, frame.left, middle, VERDICTS["none"].get(lang), 6.4, color="#777777")
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
                static._write(canvas, frame.x(metres), bottom + _ROW * 0.8, text, 5.6,
                              ha="center", color="#8a4b00", zorder=13)  # fmt: skip


def _interval(
    canvas: Axes, frame: _Frame, interval: dict[str, Any], low: float, high: float, middle: float
) -> None:
    """A bar in the verdict's colour, its length above it where there is room."""
    from matplotlib.patches import Rectangle

    color = VERDICT_COLORS[interval["verdict"]]
    x0, x1 = frame.x(low), frame.x(high)
    canvas.add_patch(Rectangle((x0, middle - 0.7), x1 - x0, 1.4, facecolor=color, edgecolor="white",
                               linewidth=0.3, zorder=9))  # fmt: skip
    text = f"{interval['spacing_km']:.1f} km"
    over = interval["verdict"] != "ok"
    if over:
        text = f"{interval['spacing_km']:.1f}＞{interval['allowed_km']:g} km"
    if static._width_mm(text, 5.8) + 5.0 < x1 - x0:
        spot = x0 + (x1 - x0) * (0.5 if not interval["suggest_m"] else 0.25)
        static._write(canvas, spot, middle + 2.1, text, 5.8, ha="center",
                      color=color if over else "#333333", bold=over, zorder=12)  # fmt: skip


def _symbol(canvas: Axes, x: float, y: float, symbol: Symbol) -> None:
    canvas.scatter(
        [x], [y], s=(symbol.size * 0.9 * static._MM) ** 2, marker=static._MARKERS[symbol.shape],
        facecolor=symbol.color, edgecolor=symbol.outline, linewidth=0.6, zorder=13,
    )  # fmt: skip
