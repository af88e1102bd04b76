"""Strip maps (带状图): the corridor sheet by sheet, as designers of roads draw it.

Each A3 sheet shows one stretch twice. Above, a plan turned so that travel runs from left to right,
with match lines and the neighbours' numbers; below, the same stretch straightened: stakes, villages
left and right by their offset, zones, and the spacing of services against the limits
(`qianwan_gis.maps.straightened`). Everything is placed in page millimetres.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from qianwan_gis import _io, layers
from qianwan_gis._errors import UnavailableError, UsageError
from qianwan_gis._text import Lang, Text
from qianwan_gis.corridor.report import strips as strip_frames
from qianwan_gis.layers import Results, Style, Symbol
from qianwan_gis.maps import sheets, static, straightened
from qianwan_gis.maps.sheets import Drawn, Sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from qianwan_gis.corridor import Corridor

    Floats = NDArray[np.float64]

PAGE = static.Page(420, 297, 12, 17, 33, 0, 9.0, headed=True, symbols=0.85)
_PLAN = (12.0, 158.0, 396.0, 108.0)  # left, bottom, width, height in mm
_DIAGRAM = (12.0, 48.0, 396.0, 106.0)
_CLEAR = 18.0  # mm of the plan kept free beside the ends of the stretch
_MAGENTA = "#882255"
_PALE = "#d9b3c7"
_SPARE = 0.2  # a last stretch of less than this share of a sheet is drawn on the one before
_ARROW = 8.8  # mm; radius of the north arrow's disc


@dataclass(frozen=True)
class Strip:
    """One sheet: a stretch of a branch, how it is laid out, and its neighbours.

    Attributes
    ----------
    number, count
        Of all sheets.
    from_m, to_m
        Travelled metres of the stretch.
    start, end
        Its stakes.
    angle
        Degrees by which the ground is turned clockwise.
    centre
        Ground coordinates of the plan's middle.
    before, after
        Numbers of the neighbours in the same branch; ``None`` at the ends.
    """

    number: int
    count: int
    branch: str
    from_m: float
    to_m: float
    start: str
    end: str
    angle: float
    centre: tuple[float, float]
    before: int | None
    after: int | None


@dataclass(frozen=True)
class StripSet:
    """All sheets of a corridor at one scale, and what is drawn on them."""

    results: Results
    corridor: Corridor
    strips: tuple[Strip, ...]
    metres: float  # ground metres per millimetre
    longest_m: float  # of all stretches
    drawn: tuple[Drawn, ...]
    sheet: Sheet  # title, marks and imprint, as on the other maps


def strip_set(results: Results, *, every_km: float | None = None) -> StripSet:
    """Lay out the strip maps of a plan.

    Parameters
    ----------
    every_km
        Length of road on one sheet; the standard ``corridor.strip.length_km`` when not given.

    Raises
    ------
    UnavailableError
        There is no corridor, or its course is only presumed: it has no stakes.
    UsageError
        A length that is not positive.
    """
    corridor = results.corridor
    if corridor is None or not results.disclosure.stakes or str(corridor.basis) == "presumed":
        reason = results.disclosure.reasons.get(
            "stakes", Text("没有廊带线位", "there is no line of the corridor")
        )
        raise UnavailableError(Text(f"不出带状图：{reason.zh}", f"no strip maps: {reason.en}"))
    every = (
        every_km if every_km is not None else results.standards.value("corridor.strip.length_km")
    )
    if not (math.isfinite(every) and every > 0):
        raise UsageError(
            Text(
                f"每幅里程须为正数，给出的是{every}",
                f"the length per sheet must be positive: {every}",
            )
        )
    every_m = float(every) * 1000.0
    frames = strip_frames(corridor, every=every_m, overlap=0.0, width_m=1.0, spare=_SPARE * every_m)
    found, needed = [], 0.0
    per_branch = frames["branch"].value_counts()
    for number, row in enumerate(frames.itertuples(), start=1):
        turned = _turned(shapely.get_coordinates(shapely.from_wkb(row.line)), row.angle)
        low, high = turned.min(axis=0), turned.max(axis=0)
        wide, tall = high - low
        needed = max(needed, wide / (_PLAN[2] - 2 * _CLEAR), tall / (_PLAN[3] - 1.6 * _CLEAR))
        middle = _turned((low + high)[None, :] / 2.0, -row.angle)[0]
        found.append(
            Strip(
                number,
                len(frames),
                row.branch,
                row.from_m,
                row.to_m,
                row.start,
                row.end,
                row.angle,
                (float(middle[0]), float(middle[1])),
                number - 1 if row.sheet > 1 else None,
                number + 1 if row.sheet < per_branch[row.branch] else None,
            )
        )
    scale = next((s for s in static._SCALES if s >= 1000 * needed), math.ceil(1000 * needed))
    return StripSet(
        results,
        corridor,
        tuple(found),
        scale / 1000.0,
        float((frames["to_m"] - frames["from_m"]).max()),
        tuple(_plan_layers(results)),
        sheets._sheet(results, "strips", Text("带状图", "Strip map"), (), ()),
    )


def write_strips(results: Results, path: Path | str, *, every_km: float | None = None) -> Path:
    """Write the strip maps as one PDF of A3 landscape pages.

    Parameters
    ----------
    results
        The plan's results.
    path
        PDF to write; replaced whole.
    every_km
        Length of road on one sheet; the standard ``corridor.strip.length_km`` when not given.

    Returns
    -------
    Path
        The PDF. The same results give the same bytes.

    Raises
    ------
    UnavailableError
        No corridor with stakes, or no Chinese font.
    """
    made = strip_set(results, every_km=every_km)
    static.require_font(["带状图"])
    figures = [draw(made, strip) for strip in made.strips]
    title = f"{results.title.get(results.lang)} {made.sheet.title}"
    return _io.write_bytes(Path(path), static.pdf(figures, title, results.run_date))


def strip_png(made: StripSet, strip: Strip, *, dpi: int = 110) -> bytes:
    """Return one sheet as PNG, for the report."""
    static.require_font(["带状图"])
    buffer = io.BytesIO()
    draw(made, strip).savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def draw(made: StripSet, strip: Strip) -> Figure:
    """Draw one sheet and return the Matplotlib figure."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE.width / 25.4, PAGE.height / 25.4), facecolor="white")
    canvas = static._page_axes(figure, PAGE)
    left, bottom, width, height = _PLAN
    axes = figure.add_axes(
        (left / PAGE.width, bottom / PAGE.height, width / PAGE.width, height / PAGE.height)
    )
    hidden = _plan(axes, made, strip)
    straightened.draw(canvas, made, strip, _DIAGRAM, PAGE)
    _furniture(canvas, made, strip, hidden)
    overlay = static._page_axes(figure, PAGE)  # above the plan, which has axes of its own
    _north(overlay, strip.angle, made.results.lang)
    static._watermark(overlay, made.sheet, _view(), PAGE)
    return figure


# --- the plan -------------------------------------------------------------------------------


def _view(metres: float = 1.0) -> static._View:
    """The plan's frame; one ground metre to the millimetre when things are turned already."""
    left, bottom, width, height = _PLAN
    return static._View(left, bottom, width, height, 0.0, 0.0, metres)


def _turned(xy: Floats, angle: float) -> Floats:
    """Turn coordinates clockwise by an angle in degrees."""
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return np.asarray(xy @ np.array([[c, -s], [s, c]]))


def _to_mm(made: StripSet, strip: Strip, xy: Floats) -> Floats:
    """Ground coordinates to millimetres in the plan's frame."""
    middle = np.array([_PLAN[2], _PLAN[3]]) / 2.0
    return _turned(xy - np.array(strip.centre), strip.angle) / made.metres + middle


def _ground(made: StripSet, strip: Strip) -> shapely.Polygon:
    """The ground that the plan shows."""
    w, h = _PLAN[2] * made.metres / 2.0, _PLAN[3] * made.metres / 2.0
    corners = np.array([[-w, -h], [w, -h], [w, h], [-w, h]])
    return shapely.Polygon(_turned(corners, -strip.angle) + np.array(strip.centre))


def _plan_layers(results: Results) -> Iterator[Drawn]:
    """Layers of the plan, from the bottom up, with labels and symbols for paper."""
    frames = layers.chosen(
        results, ("zones", "roads", "villages", "facilities", "corridor_proposed")
    )
    yield from sheets._layer(results, frames, "zones", labels=())
    yield from sheets._layer(results, frames, "roads", labels=())
    if "villages" in frames:
        yield from sheets._layer(results, frames, "villages", style=1, priority=3)
    if "facilities" in frames:
        entry, frame = frames["facilities"]
        wayside = frame[(frame["service"] == "corridor") | (frame["service"] == "clinic")]
        for kind, symbol in straightened.SYMBOLS.items():
            service, tiers = straightened.COUNTED[kind]
            own = wayside[(wayside["service"] == service) & wayside["tier"].isin(tiers)]
            if len(own):
                style = Style(symbol.title, "point", (symbol,), label="name")
                named = own["name"].fillna("").astype(str) if kind in ("post", "scenic") else ()
                yield from sheets._layer(
                    results, {"facilities": (replace(entry, styles=(style,)), own)}, "facilities",
                    labels=tuple(named), priority=6 if kind in ("post", "scenic") else 2,
                )  # fmt: skip
    yield from sheets._layer(results, frames, "corridor_proposed", priority=5)


def _plan(axes: Axes, made: StripSet, strip: Strip) -> int:
    """Draw the turned plan; return how many labels found no room."""
    axes.set_xlim(0, _PLAN[2])
    axes.set_ylim(0, _PLAN[3])
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_linewidth(0.8)
    ground = _ground(made, strip)
    _grid(axes, made, strip, ground)
    view = _view()
    drawn = [layer for layer in (_on_sheet(made, strip, d, ground) for d in made.drawn) if layer]
    for number, layer in enumerate(drawn):
        if layer.style.geometry != "point":
            static._features(axes, layer, view, zorder=2 + number)
    _course(axes, made, strip, ground)
    stakes = _stakes(made, strip, ground)
    points = [layer for layer in (*drawn, *stakes) if layer.style.geometry == "point"]
    for number, layer in enumerate(points):
        static._features(axes, layer, view, zorder=30 + number)
    _match_lines(axes, made, strip)
    return static._labels(axes, [*points, *_kept_free(made, strip, ground)], view, PAGE)


def _kept_free(made: StripSet, strip: Strip, ground: shapely.Polygon) -> list[Drawn]:
    """Where no label may stand: the north arrow, and the corridor itself."""
    x, y = _arrow_place()
    road = shapely.MultiLineString([p.coords for p in made.corridor.parts]).intersection(ground)
    course = [
        line.interpolate(np.arange(0.0, line.length, 2.0 * made.metres))
        for line in shapely.get_parts(road)
        if line.length > 0.0
    ]
    beads = _to_mm(made, strip, shapely.get_coordinates(np.concatenate(course)))
    nothing = Text("", "")
    return [
        Drawn(
            "",
            Style(nothing, "point", (Symbol("", nothing, "#ffffff", size),)),
            gpd.GeoDataFrame(geometry=shapely.points(xy)),
            priority=99,
        )
        for xy, size in (
            (np.array([[x - _PLAN[0], y - _PLAN[1]]]), 2 * _ARROW),
            (beads, 0.5),
        )
    ]


def _arrow_place() -> tuple[float, float]:
    """The middle of the north arrow: the plan's upper right corner, in page millimetres."""
    return _PLAN[0] + _PLAN[2] - 11.0, _PLAN[1] + _PLAN[3] - 11.0


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
        lambda xy: _to_mm(made, strip, xy),
    )
    frame = gpd.GeoDataFrame(shown.drop(columns="geometry"), geometry=shapes, crs=None)
    labels = tuple(t for t, on in zip(layer.labels, near, strict=False) if on)
    symbols = tuple(replace(s, size=s.size * PAGE.symbols) for s in layer.style.symbols)
    return replace(layer, frame=frame, labels=labels, style=replace(layer.style, symbols=symbols))


def _course(axes: Axes, made: StripSet, strip: Strip, ground: shapely.Polygon) -> None:
    """The corridor: this sheet's stretch strong, everything else of it pale."""
    for branch, low, high, color, width in (
        *((b, None, None, _PALE, 1.1) for b in made.corridor.branches),
        (strip.branch, strip.from_m, strip.to_m, _MAGENTA, 1.1),
    ):
        for part in made.corridor.parts:
            if part.branch != branch:
                continue
            a = 0.0 if low is None else max(low - part.travelled, 0.0)
            b = part.length if high is None else min(high - part.travelled, part.length)
            if b <= a:
                continue
            line = shapely.LineString(part.stretch(a, b))
            for piece in shapely.get_parts(shapely.intersection(line, ground)):
                xy = _to_mm(made, strip, shapely.get_coordinates(piece))
                axes.plot(xy[:, 0], xy[:, 1], color=color, linewidth=width * static._MM,
                          solid_capstyle="butt", zorder=20 if low is None else 21)  # fmt: skip


def _place(made: StripSet, strip: Strip, travelled: float) -> tuple[Floats, Floats] | None:
    """Plan position of a travelled distance, and the unit vector of travel there."""
    parts = [p for p in made.corridor.parts if p.branch == strip.branch]
    part = next((p for p in parts if travelled <= p.travelled + p.length + 1e-6), None)
    if part is None:
        return None
    at = min(max(travelled - part.travelled, 0.0), part.length)
    low, high = max(at - 20.0, 0.0), min(at + 20.0, part.length)
    xy = _to_mm(made, strip, np.array([part.place(at), part.place(low), part.place(high)]))
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
    shapes = shapely.transform(shown.geometry.to_numpy(), lambda xy: _to_mm(made, strip, xy))
    symbol = Symbol("", Text("公里桩", "kilometre stake"), _MAGENTA, 1.4, "square")
    style = Style(symbol.title, "point", (symbol,))
    frame = gpd.GeoDataFrame(geometry=shapes)
    return [Drawn(symbol.title.get(made.results.lang), style, frame, labels, 9)]


def _match_lines(axes: Axes, made: StripSet, strip: Strip) -> None:
    """Match lines across the road at both ends, with the stake and the neighbour's number."""
    from matplotlib import patheffects

    lang = made.results.lang
    halo = [patheffects.withStroke(linewidth=2.2, foreground="white")]
    ticks = _tick_step(made.metres)
    first = math.ceil(strip.from_m / ticks)
    for k in range(first, math.floor(strip.to_m / ticks) + 1):
        if (placed := _place(made, strip, k * ticks)) is not None:
            xy, way = placed
            across = np.array([-way[1], way[0]]) * (1.6 if k % 5 else 2.4)
            axes.plot(*np.array([xy - across, xy + across]).T, color="#333333", linewidth=0.5,
                      zorder=25)  # fmt: skip
    for travelled, stake, other, at_start in (
        (strip.from_m, strip.start, strip.before, True),
        (strip.to_m, strip.end, strip.after, False),
    ):
        placed = _place(made, strip, travelled)
        if placed is None:
            continue
        xy, way = placed
        across = np.array([-way[1], way[0]])
        if across[1] < 0:
            across = -across
        if other is None:
            words = Text(f"{'起点' if at_start else '终点'} {stake}",
                         f"{'Start' if at_start else 'End'} {stake}")  # fmt: skip
        else:
            words = Text(f"{stake} 接第{other}张", f"{stake} joins sheet {other}")
        reach = 13.0
        axes.plot(*np.array([xy - across * reach, xy + across * reach]).T, color="#111111",
                  linewidth=1.0, linestyle=(0, (8, 2, 1.5, 2)), zorder=60)  # fmt: skip
        turn = math.degrees(math.atan2(across[1], across[0]))
        upright = turn <= 90.0  # else the words would stand on their heads
        foot = xy + across * 1.5 + way * (-1.9 if at_start else 1.9)
        axes.text(
            foot[0], foot[1], static.printable(words.get(lang)),
            fontproperties=static._font(bold=True), fontsize=7.6,
            rotation=turn if upright else turn - 180.0, rotation_mode="anchor",
            ha="left" if upright else "right", va="center", color="#111111", parse_math=False,
            path_effects=halo, zorder=95, clip_on=True,
        )  # fmt: skip


def _tick_step(metres: float) -> float:
    """Distance between tick marks: 100 m where they stand 2 mm apart at least, else wider."""
    return next(s for s in (100.0, 200.0, 500.0, 1000.0, 5000.0, 1e9) if s / metres >= 2.0)


def _grid(axes: Axes, made: StripSet, strip: Strip, ground: shapely.Polygon) -> None:
    """Crosses of the coordinate grid, turned with the ground, each with its kilometres."""
    step = grid_step(made)
    minx, miny, maxx, maxy = ground.bounds
    xs = np.arange(math.ceil(minx / step) * step, maxx, step)
    ys = np.arange(math.ceil(miny / step) * step, maxy, step)
    inside = [(x, y) for x in xs for y in ys if ground.contains(shapely.Point(x, y))]
    arm = 2.0 * made.metres
    for x, y in inside:
        for dx, dy in ((arm, 0.0), (0.0, arm)):
            xy = _to_mm(made, strip, np.array([[x - dx, y - dy], [x + dx, y + dy]]))
            axes.plot(xy[:, 0], xy[:, 1], color="#9aa5ad", linewidth=0.5, zorder=1)
        (at,) = _to_mm(made, strip, np.array([[x, y]]))
        axes.text(at[0] + 0.8, at[1] + 0.6, f"E{x / 1000:g} N{y / 1000:g}", fontsize=5.2,
                  fontproperties=static._font(), color="#7d8990", zorder=1, clip_on=True)  # fmt: skip


def grid_step(made: StripSet) -> float:
    """Metres between the crosses of the plan's grid."""
    return static._nice(_PLAN[2] * made.metres / 4.0)


# --- title, legend, title block ---------------------------------------------------------------


def _furniture(canvas: Axes, made: StripSet, strip: Strip, hidden: int) -> None:
    from matplotlib.patches import Rectangle

    lang = made.results.lang
    edge = 5.0
    canvas.add_patch(
        Rectangle((edge, edge), PAGE.width - 2 * edge, PAGE.height - 2 * edge, fill=False,
                  edgecolor="#222222", linewidth=1.4)
    )  # fmt: skip
    name = _road_name(made.results)
    title = Text(
        f"{name.zh}带状图　{strip.branch} {strip.start}～{strip.end}",
        f"{name.en}: strip map, {strip.branch} {strip.start}–{strip.end}",
    )
    size = min(18.0, 18.0 * 300.0 / static._width_mm(title.get(lang), 18.0))
    static._write(canvas, PAGE.width / 2, 277.0, title.get(lang), size, bold=True, ha="center")
    number = Text(
        f"第{strip.number}张　共{strip.count}张", f"Sheet {strip.number} of {strip.count}"
    )
    static._write(canvas, PAGE.width - PAGE.margin, 277.0, number.get(lang), 10, ha="right")
    _legend(canvas, made, lang)
    view = replace(_view(made.metres))
    static._scale_bar(canvas, 222.0, 40.0, 62.0, view, PAGE, "en" if lang == "en" else "zh")
    notes = [
        Text(f"平面图向右为里程增加方向，已旋转；十字为方里网，间距{grid_step(made) / 1000:g}千米。",
             f"The plan is turned: travel runs to the right. Grid crosses every {grid_step(made) / 1000:g} km."),
        Text("下图沿里程拉直，纵向为偏距（分区线性），不按比例；间距限值及其核实情况见“标准”表。",
             "Below the road is straightened; the offset is not to scale. Limits: see the standards."),
    ]  # fmt: skip
    if hidden:
        notes.append(
            Text(
                f"为避免压盖，平面图有{hidden}个注记未注出。",
                f"{hidden} labels left out for space.",
            )
        )
    y = 28.5
    for note in notes:
        for text in static.wrap(note.get(lang), 66.0, 6.4):
            static._write(canvas, 222.0, y, text, 6.4, color="#333333")
            y -= 3.0
    _key_map(canvas, made, strip)
    _title_block(canvas, made, strip, lang)
    gap, colon = ("　", "：") if lang == "zh" else ("   ", ": ")
    words = gap.join(f"{k}{colon}{v}" for k, v in made.sheet.imprint)
    size = min(6.6, 6.6 * (PAGE.width - 2 * PAGE.margin) / static._width_mm(words, 6.6))
    static._write(canvas, PAGE.margin, 8.4, words, size, color="#444444")


def _road_name(results: Results) -> Text:
    """The road's name, or the county's where the road has none."""
    spec = results.county.corridor
    county = results.county
    if spec is not None and spec.name:
        return Text(spec.name, spec.name_en or spec.name)
    return Text(f"{county.name}示范廊带", f"{county.name_en or county.name} corridor")


def _north(canvas: Axes, angle: float, lang: Lang) -> None:
    """A north arrow turned as the ground is, in the plan's upper right corner."""
    from matplotlib.patches import Circle, Polygon

    turn = math.radians(angle)
    up = np.array([math.sin(turn), math.cos(turn)])
    side = np.array([up[1], -up[0]])
    middle = np.array(_arrow_place())
    canvas.add_patch(Circle(_arrow_place(), _ARROW, facecolor="white", edgecolor="#666666", linewidth=0.5, alpha=0.9, zorder=150))  # fmt: skip
    tip, low, dent = middle + up * 4.6, middle - up * 5.0, middle - up * 3.4
    for sign, fill in ((-1.0, "#222222"), (1.0, "white")):
        canvas.add_patch(
            Polygon([tip, low + side * 1.8 * sign, dent], facecolor=fill, edgecolor="#222222",
                    linewidth=0.5, zorder=151)
        )  # fmt: skip
    place = middle + up * 6.6
    static._write(canvas, place[0], place[1], "北" if lang == "zh" else "N", 7.0, bold=True,
                  ha="center", va="center", zorder=151)  # fmt: skip


def _legend(canvas: Axes, made: StripSet, lang: Lang) -> None:
    """Symbols of plan and diagram, in columns."""
    left, top = PAGE.margin, 42.6
    static._write(canvas, left, top, Text("图例", "Legend").get(lang), 9, bold=True)
    keys: list[tuple[str, Symbol]] = [
        ("line", Symbol("", Text("本张廊带线", "corridor, this sheet"), _MAGENTA, 1.1)),
        ("line", Symbol("", Text("廊带其余路段", "corridor, elsewhere"), _PALE, 1.1)),
        ("point", Symbol("", Text("公里桩", "kilometre stake"), _MAGENTA, 1.6, "square")),
    ]
    for layer in made.drawn:
        if layer.style.geometry == "area":
            continue
        keys += [(layer.style.geometry, s) for s, _ in sheets.symbols_of(layer)]
    keys += [("line", s) for s in straightened.VERDICT_SYMBOLS]
    rows, wide = 7, 51.0
    for number, (geometry, symbol) in enumerate(dict.fromkeys(keys)):
        column, row = divmod(number, rows)
        if column > 3:
            break
        x, y = left + column * wide, top - 4.6 - row * 4.0
        small = replace(symbol, size=min(symbol.size, 2.6))
        static._key(canvas, x, y, geometry, small, PAGE)
        words = symbol.title.get(lang)
        size = min(6.8, 6.8 * (wide - 11.0) / max(static._width_mm(words, 6.8), 1.0))
        static._write(canvas, x + 9.0, y, words, size)


def _key_map(canvas: Axes, made: StripSet, strip: Strip) -> None:
    """The whole corridor in little, this sheet's stretch marked."""
    from matplotlib.patches import Rectangle

    left, bottom, width, height = 292.0, 14.0, 36.0, 30.0
    canvas.add_patch(Rectangle((left, bottom), width, height, fill=False, edgecolor="#666666", linewidth=0.5))  # fmt: skip
    every = np.concatenate([p.coords for p in made.corridor.parts])
    low, high = every.min(axis=0), every.max(axis=0)
    room = np.array([width - 4.0, height - 7.0])  # a line of words stands above
    factor = min(room / np.maximum(high - low, 1.0))
    middle = (low + high) / 2.0
    centre = np.array([left + width / 2.0, bottom + 2.0 + room[1] / 2.0])
    for part in made.corridor.parts:
        xy = (part.coords - middle) * factor + centre
        canvas.plot(xy[:, 0], xy[:, 1], color=_PALE, linewidth=1.0, zorder=3)
        if part.branch != strip.branch:
            continue
        a = max(strip.from_m - part.travelled, 0.0)
        b = min(strip.to_m - part.travelled, part.length)
        if b > a:
            xy = (part.stretch(a, b) - middle) * factor + centre
            canvas.plot(xy[:, 0], xy[:, 1], color=_MAGENTA, linewidth=2.0, zorder=4)
    static._write(canvas, left + 1.0, bottom + height - 2.2,
                  Text("位置示意（上北）", "Key (north up)").get(made.results.lang), 5.6, color="#555555")  # fmt: skip


def _title_block(canvas: Axes, made: StripSet, strip: Strip, lang: Lang) -> None:
    """Title block in the lower right corner."""
    left, bottom, width, row = 331.0, 14.0, 77.0, 5.0
    scale = round(made.metres * 1000)
    county = made.results.county
    rows = [
        (Text("线路", "Road"), _road_name(made.results).get(lang)),
        (Text("路段", "Stretch"), f"{strip.branch} {strip.start}～{strip.end}"),
        (Text("比例尺", "Scale"), f"1:{scale:,}".replace(",", " ") + " (A3)"),
        (Text("坐标系", "CRS"), str(made.results.crs.name)),
        (Text("制图", "Made by"), f"{county.map.maker or '＿＿＿＿＿＿'}　{made.results.run_date}"),
        (Text("图号", "Sheet"), f"{strip.number}/{strip.count}"),
    ]
    for number, (name, value) in enumerate(rows):
        y = bottom + (len(rows) - 1 - number) * row
        canvas.plot([left, left + width], [y, y], color="#333333", linewidth=0.5)
        static._write(canvas, left + 1.2, y + row / 2 - 0.2, name.get(lang), 6.8, color="#555555")
        size = min(7.2, 7.2 * (width - 19.0) / max(static._width_mm(value, 7.2), 1.0))
        static._write(canvas, left + 17.5, y + row / 2 - 0.2, value, size)
    top = bottom + len(rows) * row
    for x in (left, left + 16.0, left + width):
        canvas.plot(
            [x, x], [bottom, top], color="#333333", linewidth=0.8 if x != left + 16 else 0.5
        )
    for y in (bottom, top):
        canvas.plot([left, left + width], [y, y], color="#333333", linewidth=0.8)
