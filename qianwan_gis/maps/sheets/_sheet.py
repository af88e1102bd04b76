"""A sheet as plain data, and what all sheets share: base, seats, imprint, notes.

A `Sheet` holds frames, styles, words and the map window, so that it can be drawn in another
process; `qianwan_gis.maps.static` draws it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import geopandas as gpd

from qianwan_gis import boundaries, layers
from qianwan_gis._text import Lang, Text
from qianwan_gis.layers import Results, Style, Symbol

# What every sheet shows, from the bottom up.
_BASE = ("boundary", "roads")
_INK = 0.45  # of a road's colour where it is drawn pale
Window = tuple[float, float, float, float]


@dataclass(frozen=True)
class Drawn:
    """One layer on a sheet.

    Attributes
    ----------
    title
        Heading in the legend.
    style
        How it is drawn.
    frame
        Features with a geometry; columns are those that the style reads.
    labels
        Text beside each feature (empty: none), already in the reader's language.
    priority
        Who keeps the place when two labels collide: the higher one.
    counted
        Whether the legend tells how many features each symbol has.
    """

    title: str
    style: Style
    frame: gpd.GeoDataFrame
    labels: tuple[str, ...] = ()
    priority: int = 0
    counted: bool = False


@dataclass(frozen=True)
class Sheet:
    """One page: title, window (minx, miny, maxx, maxy in metres), layers, notes and imprint."""

    key: str
    title: str
    subtitle: str
    lang: Lang
    window: Window
    drawn: tuple[Drawn, ...]
    notes: tuple[str, ...] = ()
    imprint: tuple[tuple[str, str], ...] = ()
    marks: tuple[str, ...] = ()
    run_date: str = ""


Built = tuple[layers.Layer, gpd.GeoDataFrame]
Frames = Mapping[str, Built]


class Wanted(Frames):
    """The layers of a plan that have something to show, each made when first asked for."""

    def __init__(self, results: Results) -> None:
        self._results = results
        self._entries = {entry.key: entry for entry in layers.catalogue(results)}
        self._made: dict[str, Built | None] = {}

    def _make(self, key: str) -> Built | None:
        if key not in self._made:
            frame = self._entries[key].build(self._results) if key in self._entries else None
            shown = frame is not None and len(frame) > 0
            self._made[key] = (self._entries[key], frame) if shown else None
        return self._made[key]

    def __getitem__(self, key: str) -> Built:
        if (made := self._make(key)) is None:
            raise KeyError(key)
        return made

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._make(key) is not None

    def __iter__(self) -> Iterator[str]:
        return (key for key in self._entries if key in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _window(results: Results) -> Window:
    minx, miny, maxx, maxy = results.boundary.total_bounds
    pad = 0.02 * max(maxx - minx, maxy - miny)
    return (minx - pad, miny - pad, maxx + pad, maxy + pad)


def layer(
    results: Results,
    frames: Frames,
    key: str,
    *,
    style: int = 0,
    labels: Sequence[str] | None = None,
    priority: int = 0,
    counted: bool = False,
) -> list[Drawn]:
    """Return the layer as one entry, or nothing when the results have no such layer."""
    if key not in frames:
        return []
    entry, frame = frames[key]
    shown = frame[frame.geometry.notna()]
    if shown.empty:
        return []
    chosen = entry.styles[style]
    columns = [c for c in (chosen.by,) if c is not None]
    if labels is None:
        words = tuple(shown[chosen.label].fillna("").astype(str)) if chosen.label else ()
    else:
        words = tuple(labels)
    title = entry.title.get(results.lang)
    return [Drawn(title, chosen, shown[[*columns, "geometry"]], words, priority, counted)]


def base(results: Results, frames: Frames, *, pale: bool = False) -> list[Drawn]:
    """Return what every sheet shows; with ``pale`` roads where lines of another kind matter."""
    found = [d for key in _BASE for d in layer(results, frames, key)]
    return [_paled(d) if pale and d.style.geometry == "line" else d for d in found]


def _paled(drawn: Drawn) -> Drawn:
    """Return a layer in paler colours."""
    symbols = tuple(replace(s, color=_pale(s.color)) for s in drawn.style.symbols)
    return replace(drawn, style=replace(drawn.style, symbols=symbols))


def _pale(color: str) -> str:
    """Mix a colour, ``#rrggbb``, with white."""
    parts = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(255 - (255 - part) * _INK):02x}" for part in parts)


def seats(results: Results, frames: Frames, *, unplaced: bool) -> list[Drawn]:
    """Return the seats, labelled; with how many villages of the township have no point."""
    if "seats" not in frames:
        return []
    _, seats = frames["seats"]
    villages = results.villages
    without = villages[villages["basis"] != "point"]["township"].value_counts()
    labels = []
    for row in seats.itertuples():
        count = int(without.get(row.township, 0))
        words = Text(f"{row.township}（{count}）", f"{row.township} ({count})")
        labels.append(words.get(results.lang) if unplaced and count else str(row.township))
    return layer(results, frames, "seats", labels=labels, priority=9)


def sheet(
    results: Results,
    key: str,
    title: Text,
    drawn: Sequence[Drawn],
    notes: Sequence[Text],
    *,
    window: Window | None = None,
) -> Sheet:
    lang = results.lang
    county = results.county
    boundary = results.boundary.iloc[0]
    roads = results.sources[results.sources["layer"].astype(str).str.contains("road")]
    words = str(boundary["note"] or "")
    if words == boundaries.NOTE and lang != "zh":
        words = "not an official boundary"
    note = Text(f"（{words}）", f" ({words})").get(lang) if words else ""
    base = "；".join(dict.fromkeys(roads["source"].astype(str))) or "—"
    imprint = (
        (Text("坐标系", "CRS"), f"{results.crs.name}"),
        (Text("界线来源", "Outline"), f"{boundary['source']}{note}"),
        (Text("道路来源", "Roads"), base),
        (Text("制图单位", "Maker"), county.map.maker or "＿＿＿＿＿＿"),
        (Text("制图日期", "Date"), str(results.run_date)),
        (Text("审图号", "Review no."), county.map.review_number or Text("未送审", "none").get(lang)),
    )  # fmt: skip
    place = f"{county.prefecture}{county.name}" if lang == "zh" else county.name_en or county.name
    return Sheet(
        key,
        title.get(lang),
        place,
        lang,
        window or _window(results),
        tuple(drawn),
        tuple(n.get(lang) for n in (*notes, *road_note(results))),
        tuple((name.get(lang), value) for name, value in imprint),
        tuple(dict.fromkeys(mark.get(lang) for mark in results.marks)),
        results.run_date,
    )


def road_note(results: Results) -> list[Text]:
    if "generalised" not in set(results.roads["basis"].astype(str)):
        return []
    return [
        Text(
            "道路为概化线，位置误差约百米。",
            "Roads are generalised lines, right to about 100 m.",
        )
    ]


def placed_note(results: Results) -> list[Text]:
    villages = results.villages
    placed, total = int((villages["basis"] == "point").sum()), len(villages)
    notes = [
        Text(
            f"共{total}个村（社区），{placed}个有点位，图上按点绘出。",
            f"{total} villages; {placed} placed as points and drawn.",
        )
    ]
    if placed < total:
        notes.append(
            Text(
                f"其余{total - placed}个只知所属乡镇或大致范围，不绘点；乡镇名后括号内为其个数。",
                f"The other {total - placed} are known by township or area only and are not drawn; "
                "their number stands in brackets after the township.",
            )
        )
    return notes


def is_presumed(frames: Frames) -> bool:
    """Whether the corridor's course is only presumed."""
    return "corridor" in frames and "presumed" in set(frames["corridor"][1]["basis"].astype(str))


def symbols_of(drawn: Drawn) -> list[tuple[Symbol, int]]:
    """Return the legend's entries of a drawn layer."""
    return drawn.style.legend(drawn.frame)
