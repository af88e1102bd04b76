"""The upper half of a strip map: the plan, turned so that travel runs from left to right."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from qianwan_gis._text import Text
from qianwan_gis.layers import Style, Symbol
from qianwan_gis.maps.paper.features import features
from qianwan_gis.maps.paper.labels import place_labels
from qianwan_gis.maps.paper.page import nice
from qianwan_gis.maps.sheets import Drawn
from qianwan_gis.maps.strips.layout import PAGE, PLAN, Strip, StripSet, ground, to_mm, view
from qianwan_gis.maps.strips.symbols import ELSEWHERE, ROAD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qianwan_gis.maps.paper.canvas import Canvas, Window

    Floats = NDArray[np.float64]

_ARROW = 8.8  # mm; radius of the north arrow's disc


def draw_plan(canvas: Canvas, made: StripSet, strip: Strip) -> int:
    """Draw the turned plan; return how many labels found no room."""
    from qianwan_gis.maps.paper.canvas import Window

    window = Window(canvas, view())
    canvas.rectangle(*PLAN, edge="#000000", stroke=0.8)
    shown = ground(made, strip)
    _grid(canvas, window, made, strip, shown)
    drawn = [layer for layer in (_on_sheet(made, strip, d, shown) for d in made.drawn) if layer]
    for number, layer in enumerate(drawn):
        if layer.style.geometry != "point":
            features(canvas, window, layer, order=2 + number)
    _course(canvas, window, made, strip, shown)
    stakes = _stakes(made, strip, shown)
    points = [layer for layer in (*drawn, *stakes) if layer.style.geometry == "point"]
    for number, layer in enumerate(points):
        features(canvas, window, layer, order=30 + number)
    _match_lines(canvas, window, made, strip)
    return place_labels(canvas, window, [*points, *_kept_free(made, strip, shown)], PAGE)


def _kept_free(made: StripSet, strip: Strip, ground: shapely.Polygon) -> list[Drawn]:
    """Where no label may stand: the north arrow, the corridor, the words at its match lines."""
    x, y = _arrow_place()
    road = shapely.MultiLineString([p.coords for p in made.corridor.parts]).intersection(ground)
    course = [
        line.interpolate(np.arange(0.0, line.length, 2.0 * made.metres))
        for line in shapely.get_parts(road)
        if line.length > 0.0
    ]
    beads = to_mm(made, strip, shapely.get_coordinates(np.concatenate(course)))
    words = np.array(
        [
            xy + _upwards(way) * reach
            for travelled in (strip.from_m, strip.to_m)
            if (placed := _place(made, strip, travelled)) is not None
            for xy, way in (placed,)
            for reach in np.arange(2.5, 26.0, 2.0)
        ]
    ).reshape(-1, 2)
    nothing = Text("", "")
    return [
        Drawn(
            "",
            Style(nothing, "point", (Symbol("", nothing, "#ffffff", size),)),
            gpd.GeoDataFrame(geometry=shapely.points(xy)),
            priority=99,
        )
        for xy, size in (
            (np.array([[x - PLAN[0], y - PLAN[1]]]), 2 * _ARROW),
            (beads, 0.5),
            (words, 4.0),
        )
    ]


def _arrow_place() -> tuple[float, float]:
    """The middle of the north arrow: the plan's upper right corner, in page millimetres."""
    return PLAN[0] + PLAN[2] - 11.0, PLAN[1] + PLAN[3] - 11.0


def _on_sheet(made: StripSet, strip: Strip, layer: Drawn, ground: shapely.Polygon) -> Drawn | None:
    """A layer's features on this sheet, in millimetres of the plan."""
    near = layer.frame.intersects(ground).to_numpy()
    if not near.any():
        return None
    shown = layer.frame[near]
    shapes = shapely.transform(
        shapely.intersection(shown.geometry.to_numpy(), ground.buffer(made.metres * 4.0))
        if layer.style.geometry != "point"
        else shown.geometry.to_numpy(),
        lambda xy: to_mm(made, strip, xy),
    )
    frame = gpd.GeoDataFrame(shown.drop(columns="geometry"), geometry=shapes, crs=None)
    labels = tuple(t for t, on in zip(layer.labels, near, strict=False) if on)
    symbols = tuple(replace(s, size=s.size * PAGE.symbols) for s in layer.style.symbols)
    return replace(layer, frame=frame, labels=labels, style=replace(layer.style, symbols=symbols))


def _course(
    canvas: Canvas, window: Window, made: StripSet, strip: Strip, ground: shapely.Polygon
) -> None:
    """The corridor: this sheet's stretch strong, everything else of it pale."""
    for branch, low, high, color, order in (
        *((b, 0.0, math.inf, ELSEWHERE, 20) for b in made.corridor.branches),
        (strip.branch, strip.from_m, strip.to_m, ROAD, 21),
    ):
        symbol = Symbol("", Text("", ""), color, 1.1)
        for part in made.corridor.parts:
            a = max(low - part.travelled, 0.0)
            b = min(high - part.travelled, part.length)
            if part.branch != branch or b <= a:
                continue
            line = shapely.LineString(part.stretch(a, b)).intersection(ground)
            if not line.is_empty:
                on_plan = shapely.transform(line, lambda xy: to_mm(made, strip, xy))
                canvas.lines(
                    shapely.get_parts(on_plan), symbol, cap="butt", order=order, window=window
                )


def _place(made: StripSet, strip: Strip, travelled: float) -> tuple[Floats, Floats] | None:
    """Plan position of a travelled distance, and the unit vector of travel there."""
    parts = [p for p in made.corridor.parts if p.branch == strip.branch]
    part = next((p for p in parts if travelled <= p.travelled + p.length + 1e-6), None)
    if part is None:
        return None
    at = min(max(travelled - part.travelled, 0.0), part.length)
    low, high = max(at - 20.0, 0.0), min(at + 20.0, part.length)
    xy = to_mm(made, strip, np.array([part.place(at), part.place(low), part.place(high)]))
    way = xy[2] - xy[1]
    return xy[0], way / max(float(np.hypot(*way)), 1e-9)


def _stakes(made: StripSet, strip: Strip, ground: shapely.Polygon) -> list[Drawn]:
    """Kilometre stakes of all branches on the sheet, labelled; part of the plan's points."""
    stakes = made.corridor.stakes(1000.0)
    shown = stakes[stakes.intersects(ground)]
    if shown.empty:
        return []
    several = len(made.corridor.branches) > 1
    labels = tuple(
        f"{s}（{b}）" if several and b != strip.branch else s
        for s, b in zip(shown["stake"], shown["branch"], strict=True)
    )
    shapes = shapely.transform(shown.geometry.to_numpy(), lambda xy: to_mm(made, strip, xy))
    symbol = Symbol("", Text("公里桩", "kilometre stake"), ROAD, 1.4, "square")
    style = Style(symbol.title, "point", (symbol,))
    frame = gpd.GeoDataFrame(geometry=shapes)
    return [Drawn(symbol.title.get(made.results.lang), style, frame, labels, 9)]


def _match_lines(canvas: Canvas, window: Window, made: StripSet, strip: Strip) -> None:
    """Match lines across the road at both ends, with the stake and the neighbour's number."""
    from qianwan_gis.maps.paper.canvas import LABELS

    lang = made.results.lang
    ticks = _tick_step(made.metres)
    ends = []
    for k in range(math.ceil(strip.from_m / ticks), math.floor(strip.to_m / ticks) + 1):
        if (placed := _place(made, strip, k * ticks)) is not None:
            xy, way = placed
            across = np.array([-way[1], way[0]]) * (1.6 if k % 5 else 2.4)
            ends.append([xy - across, xy + across])
    if ends:
        canvas.strokes(np.array(ends), color="#333333", order=25, window=window)
    writing = canvas.writing(LABELS + 5, halo=2.2, window=window)
    for travelled, stake, other, at_start in (
        (strip.from_m, strip.start, strip.before, True),
        (strip.to_m, strip.end, strip.after, False),
    ):
        placed = _place(made, strip, travelled)
        if placed is None:
            continue
        xy, way = placed
        across = _upwards(way)
        if other is None:
            words = Text(f"{'起点' if at_start else '终点'} {stake}",
                         f"{'Start' if at_start else 'End'} {stake}")  # fmt: skip
        else:
            words = Text(f"{stake} 接第{other}张", f"{stake} joins sheet {other}")
        reach = 13.0
        canvas.line(*np.array([xy - across * reach, xy + across * reach]).T, color="#111111",
                    width=1.0, dash=(0, (8, 2, 1.5, 2)), order=60, window=window)  # fmt: skip
        turn = math.degrees(math.atan2(across[1], across[0]))
        upright = turn <= 90.0  # else the words would stand on their heads
        foot = xy + across * 2.5 + way * (-1.9 if at_start else 1.9)
        canvas.write(
            PLAN[0] + foot[0], PLAN[1] + foot[1], words.get(lang), 7.6, bold=True, color="#111111",
            align="left" if upright else "right", angle=turn if upright else turn - 180.0,
            on=writing,
        )  # fmt: skip


def _upwards(way: Floats) -> Floats:
    """The unit vector across a direction of travel that points up the sheet."""
    across = np.array([-way[1], way[0]])
    return -across if across[1] < 0 else across


def _tick_step(metres: float) -> float:
    """Distance between tick marks: 100 m where they stand 2 mm apart at least, else wider."""
    return next(s for s in (100.0, 200.0, 500.0, 1000.0, 5000.0, 1e9) if s / metres >= 2.0)


def _grid(
    canvas: Canvas, window: Window, made: StripSet, strip: Strip, ground: shapely.Polygon
) -> None:
    """Crosses of the coordinate grid, turned with the ground, each with its kilometres."""
    step = grid_step(made)
    minx, miny, maxx, maxy = ground.bounds
    mesh = np.stack(
        np.meshgrid(
            np.arange(math.ceil(minx / step) * step, maxx, step),
            np.arange(math.ceil(miny / step) * step, maxy, step),
        ),
        axis=-1,
    ).reshape(-1, 2)
    inside = mesh[shapely.contains_xy(ground, mesh)]
    if not len(inside):
        return
    arm = 2.0 * made.metres
    arms = np.array([[[-arm, 0.0], [arm, 0.0]], [[0.0, -arm], [0.0, arm]]])
    ends = to_mm(made, strip, (inside[:, None, None, :] + arms).reshape(-1, 2))
    canvas.strokes(ends.reshape(-1, 2, 2), color="#9aa5ad", order=1, window=window)
    writing = canvas.writing(1, window=window)
    for (x, y), at in zip(inside.tolist(), to_mm(made, strip, inside).tolist(), strict=True):
        canvas.write(PLAN[0] + at[0] + 0.8, PLAN[1] + at[1] + 1.3, f"E{x / 1000:g} N{y / 1000:g}",
                     5.2, color="#7d8990", on=writing)  # fmt: skip


def grid_step(made: StripSet) -> float:
    """Metres between the crosses of the plan's grid."""
    return nice(PLAN[2] * made.metres / 4.0)


def north_arrow(canvas: Canvas, made: StripSet, strip: Strip) -> None:
    """A north arrow turned as the ground is, in the plan's upper right corner."""
    from qianwan_gis.maps.paper.canvas import FURNITURE

    turn = math.radians(strip.angle)
    up = np.array([math.sin(turn), math.cos(turn)])
    side = np.array([up[1], -up[0]])
    middle = np.array(_arrow_place())
    canvas.circle(_arrow_place(), _ARROW, fill="white", edge="#666666", alpha=0.9)
    tip, low, dent = middle + up * 4.6, middle - up * 5.0, middle - up * 3.4
    for sign, fill in ((-1.0, "#222222"), (1.0, "white")):
        canvas.polygon([tip, low + side * 1.8 * sign, dent], fill=fill, order=FURNITURE + 1)
    place = middle + up * 6.6
    words = "北" if made.results.lang == "zh" else "N"
    canvas.write(place[0], place[1], words, 7.0, bold=True, align="center")
