"""How the strip maps are laid out: one stretch a sheet, turned so that travel runs to the right."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

from qianwan_gis import layers
from qianwan_gis._errors import UnavailableError, UsageError
from qianwan_gis._text import Text
from qianwan_gis.corridor.report import strips as strip_frames
from qianwan_gis.layers import Results, Style
from qianwan_gis.maps import sheets
from qianwan_gis.maps.paper.page import Page, View, round_scale
from qianwan_gis.maps.sheets import Drawn, Sheet
from qianwan_gis.maps.strips import symbols

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qianwan_gis.corridor import Corridor

    Floats = NDArray[np.float64]

PAGE = Page(420, 297, 12, 17, 33, 0, 9.0, headed=True, symbols=0.85)
PLAN = (12.0, 158.0, 396.0, 108.0)  # left, bottom, width, height in mm
DIAGRAM = (12.0, 48.0, 396.0, 106.0)
_CLEAR = 18.0  # mm of the plan kept free beside the ends of the stretch
_LEAST_KM = 0.1  # less would make thousands of sheets
_SPARE = 0.2  # a last stretch of less than this share of a sheet is drawn on the one before


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
    if every < _LEAST_KM:
        raise UsageError(
            Text(
                f"每幅里程不能短于{_LEAST_KM:g}公里，给出的是{every}",
                f"a sheet cannot be shorter than {_LEAST_KM:g} km: {every}",
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
        needed = max(needed, wide / (PLAN[2] - 2 * _CLEAR), tall / (PLAN[3] - 1.6 * _CLEAR))
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
    scale = round_scale(1000 * needed)
    return StripSet(
        results,
        corridor,
        tuple(found),
        scale / 1000.0,
        float((frames["to_m"] - frames["from_m"]).max()),
        tuple(_plan_layers(results)),
        sheets.sheet(results, "strips", Text("带状图", "Strip map"), (), ()),
    )


def view(metres: float = 1.0) -> View:
    """The plan's frame; one ground metre to the millimetre when things are turned already."""
    left, bottom, width, height = PLAN
    return View(left, bottom, width, height, 0.0, 0.0, metres)


def _turned(xy: Floats, angle: float) -> Floats:
    """Turn coordinates clockwise by an angle in degrees."""
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return np.asarray(xy @ np.array([[c, -s], [s, c]]))


def to_mm(made: StripSet, strip: Strip, xy: Floats) -> Floats:
    """Ground coordinates to millimetres in the plan's frame."""
    middle = np.array([PLAN[2], PLAN[3]]) / 2.0
    return _turned(xy - np.array(strip.centre), strip.angle) / made.metres + middle


def ground(made: StripSet, strip: Strip) -> shapely.Polygon:
    """The ground that the plan shows."""
    w, h = PLAN[2] * made.metres / 2.0, PLAN[3] * made.metres / 2.0
    corners = np.array([[-w, -h], [w, -h], [w, h], [-w, h]])
    return shapely.Polygon(_turned(corners, -strip.angle) + np.array(strip.centre))


def _plan_layers(results: Results) -> Iterator[Drawn]:
    """Layers of the plan, from the bottom up, with labels and symbols for paper."""
    frames = layers.chosen(
        results, ("zones", "roads", "villages", "facilities", "corridor_proposed")
    )
    yield from sheets.layer(results, frames, "zones", labels=())
    yield from sheets.layer(results, frames, "roads", labels=())
    if "villages" in frames:
        yield from sheets.layer(results, frames, "villages", style=1, priority=3)
    if "facilities" in frames:
        entry, frame = frames["facilities"]
        wayside = frame[(frame["service"] == "corridor") | (frame["service"] == "clinic")]
        for kind, symbol in symbols.SYMBOLS.items():
            service, tiers = symbols.COUNTED[kind]
            own = wayside[(wayside["service"] == service) & wayside["tier"].isin(tiers)]
            if len(own):
                style = Style(symbol.title, "point", (symbol,), label="name")
                named = own["name"].fillna("").astype(str) if kind in ("post", "scenic") else ()
                yield from sheets.layer(
                    results, {"facilities": (replace(entry, styles=(style,)), own)}, "facilities",
                    labels=tuple(named), priority=6 if kind in ("post", "scenic") else 2,
                )  # fmt: skip
    yield from sheets.layer(results, frames, "corridor_proposed", priority=5)
