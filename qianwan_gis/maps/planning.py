"""Any registered planning layer as data for the page: shapes, looks, attributes and years.

The map draws villages, roads, facilities, the corridor and the county itself in ways of their own.
Every other entry of `qianwan_gis.layers` comes through here without a line written for it: its
theme places it in the layer tree, its style gives symbols and legend, its columns the card.
"""

from __future__ import annotations

import base64
import json
import math
import re
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qianwan_gis import datum
from qianwan_gis._text import Text
from qianwan_gis.layers import Layer, Results, Style, catalogue, services_of
from qianwan_gis.maps import tiles
from qianwan_gis.maps.words import WORDS

if TYPE_CHECKING:
    from qianwan_gis._text import Lang

#: Layers that the map draws in a way of its own.
OWN = frozenset(
    {
        "villages", "village_regions", "facilities", "roads", "roads_planned", "presumed_links",
        "corridor", "stakes", "zones", "seats", "boundary",
    }
)  # fmt: skip
FINE = 1_000_000  # steps per degree: a tenth of a metre, for works inside a village
_TOLERANCE_M = 1.0
_SHOWN_AT_FIRST = 20  # points; everything else is the reader's to switch on
_WORKS = frozenset({"sewage", "water"})  # stations say little without the pipes they belong to
#: Columns that say when a thing is built, best first. The last holds phases, not years.
TIME_COLUMNS = ("year", "plan_year", "batch_year", "build_year", "phase")
#: Units that are words, for the English map; counting words are left out.
_UNITS = {
    "人": "people", "户": "households", "元": "yuan", "万元": "10,000 yuan", "个": "", "处": "",
    "吨/日": "t/d", "天": "days", "年": "years",
}  # fmt: skip
_YEAR = re.compile(r"(?<!\d)(20\d\d)(?!\d)")


def build(results: Results, blobs: dict[str, bytes]) -> list[dict[str, Any]]:
    """Return the layers that the map has no drawing of its own for, in the order of the themes.

    Parameters
    ----------
    results
        A finished plan.
    blobs
        Where layers of more than `tiles.LARGE` features put their tiles and attribute tables, by
        name: they ride in the page beside its data.

    Returns
    -------
    list of dict
        ``key, title, theme, note, geometry, on, count, box``; ``columns`` (title and unit) with
        ``values`` column by column; ``symbols`` and for each row its number in ``look``; ``label``
        (number of a column or -1); ``times`` and their ``axis``; ``shapes`` (see `shape`) or the
        name of the tiles' blob in ``tiles``.
    """
    own = set(OWN)
    if len(results.facilities) > tiles.LARGE:  # then they are one layer of tiles like any other
        own.remove("facilities")
    own |= {f"coverage_{service}_{tier}" for service, tier in services_of(results)}
    found = []
    for entry in catalogue(results):
        if entry.key in own:
            continue
        frame = entry.build(results)
        if frame is None or not len(frame):
            continue
        frame = frame[frame.geometry.notna() & ~frame.geometry.is_empty]
        if len(frame):
            found.append(layer(entry, frame.reset_index(drop=True), results.lang, blobs))
    return found


def layer(
    entry: Layer, frame: gpd.GeoDataFrame, lang: Lang, blobs: dict[str, bytes]
) -> dict[str, Any]:
    """Return one registered layer with its frame (no empty geometry, rows numbered from 0)."""
    style = entry.styles[0]
    columns, names = _columns(entry, frame, lang)
    looks = look(style, frame)
    axis, times = moments(frame)
    west, south, east, north = (float(v) for v in frame.to_crs(datum.WGS84).total_bounds)
    many = len(frame) > tiles.LARGE
    made: dict[str, Any] = {
        "key": entry.key,
        "title": entry.title.get(lang),
        "theme": entry.theme,
        "note": entry.note.get(lang),
        "geometry": style.geometry,
        "on": (
            len(frame) <= _SHOWN_AT_FIRST
            and style.geometry == "point"
            and entry.theme not in _WORKS
        ),
        "count": len(frame),
        "box": [[round(south, 6), round(west, 6)], [round(north, 6), round(east, 6)]],
        "columns": columns,
        "symbols": _symbols(style, lang),
        "legend": sorted(set(looks)),
        "by": style.name.get(lang),
        "label": names.index(style.label) if style.label in names else -1,
        "axis": axis,
        "periods": sorted({t for t in times if t is not None}),
        "scale": FINE,
    }
    values = [[cell(v, lang) for v in frame[name]] for name in names]
    if many:
        made |= {"tiles": f"{entry.key}-tiles", "table": f"{entry.key}-table"}
        blobs[made["tiles"]] = archive(frame, looks, times)
        blobs[made["table"]] = packed(values)
        return made
    degrees = _simple(frame, style.geometry).to_crs(datum.WGS84)
    made |= {
        "tiles": "",
        "values": values,
        "look": looks,
        "times": times if axis else [],
        "shapes": [shape(g, style.geometry, FINE) for g in degrees],
    }
    return made


def archive(frame: gpd.GeoDataFrame, looks: Sequence[int], times: Sequence[int | None]) -> bytes:
    """Return a layer as tiles whose features say their row, symbol and, where known, their time."""
    thin = gpd.GeoDataFrame(
        {"i": np.arange(len(frame)), "s": np.asarray(looks)}, geometry=frame.geometry.array,
        crs=frame.crs,
    )  # fmt: skip
    if any(t is not None for t in times):
        thin.insert(2, "t", pd.array(list(times), dtype="Int64"))
    return tiles.pmtiles(thin, name="layer")


def packed(values: object) -> bytes:
    """Return JSON data deflated, as the page unpacks it when it is first needed."""
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return zlib.compress(text.encode("utf-8"), 9)


def look(style: Style, frame: pd.DataFrame) -> list[int]:
    """Return for each row the number of its symbol."""
    if style.by is None or style.by not in frame.columns:
        return [0] * len(frame)
    numbers = {id(symbol): i for i, symbol in enumerate(style.symbols)}
    return [numbers[id(style.symbol_of(value))] for value in frame[style.by]]


def moments(frame: pd.DataFrame) -> tuple[str, list[int | None]]:
    """Return when each row is due: ``year`` or ``phase`` and whole numbers, or ``""``.

    The first of `TIME_COLUMNS` that holds anything counts. Text such as ``2026年`` gives its year;
    phases are numbered from 1.
    """
    for name in TIME_COLUMNS:
        if name not in frame.columns:
            continue
        found = [_moment(v) for v in frame[name]]
        known = [t for t in found if t is not None]
        if known:
            return ("year" if min(known) >= 1900 else "phase"), found
    return "", [None] * len(frame)


def _moment(value: object) -> int | None:
    if value is None or value is pd.NA:
        return None
    if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        return int(value) if math.isfinite(float(value)) and float(value) >= 1 else None
    text = str(value)
    if year := _YEAR.search(text):
        return int(year[1])
    number = re.search(r"\d+", text)
    if number and 1 <= int(number[0]) < 100:
        return int(number[0])
    digits = "一二三四五六七八九"
    place = next((digits.index(c) for c in text if c in digits), None)
    return None if place is None else place + 1


def years_of(text: str) -> list[int]:
    """Return the years that a text names, such as those in the names of village lists."""
    return [int(y) for y in _YEAR.findall(text)]


def steps(coordinates: np.ndarray, scale: int) -> list[int]:
    """Return lon, lat pairs as differences in whole steps, the first pair absolute."""
    moves = np.rint(coordinates[:, :2] * scale).astype(np.int64)
    moves[1:] -= moves[:-1].copy()
    kept = moves.any(axis=1)  # a step of nothing is a vertex twice
    kept[:1] = True
    found: list[int] = moves[kept].ravel().tolist()
    return found


def shape(geometry: Any, kind: str, scale: int) -> list[Any]:
    """Return a geometry in degrees: points ``[lat, lon]``, lines, or areas as lists of rings."""
    parts = [p for p in shapely.get_parts(geometry) if not p.is_empty]
    if kind == "point":
        return [[round(float(p.y), 6), round(float(p.x), 6)] for p in map(_spot, parts)]
    if kind == "line":
        lines = [p.exterior if p.geom_type == "Polygon" else p for p in parts]
        made = [steps(shapely.get_coordinates(p), scale) for p in lines if p.geom_type != "Point"]
        return [line for line in made if len(line) >= 4]
    return [
        [steps(shapely.get_coordinates(r), scale) for r in (p.exterior, *p.interiors)]
        for p in parts
        if p.geom_type == "Polygon"
    ]


def _spot(part: Any) -> Any:
    """Return a point for a part of a point layer; a line or an area stands at a place inside."""
    return part if part.geom_type == "Point" else part.representative_point()


def _simple(frame: gpd.GeoDataFrame, kind: str) -> gpd.GeoSeries:
    return frame.geometry if kind == "point" else frame.geometry.simplify(_TOLERANCE_M)


def _columns(
    entry: Layer, frame: pd.DataFrame, lang: Lang
) -> tuple[list[dict[str, str]], list[str]]:
    """Return the columns worth showing; a coded column gives way to its words."""
    columns, names = [], []
    for column in entry.columns:
        name = column.name
        words = f"{name}_text"
        if name not in frame.columns or name == "geometry" or words in frame.columns:
            continue
        if name.endswith("_code") and name.removesuffix("_code") in frame.columns:
            continue
        if frame[name].isna().all() or frame[name].astype(str).str.strip().eq("").all():
            continue
        title = column.title.get(lang)
        raw = next((c for c in entry.columns if f"{c.name}_text" == name), None)
        unit = _UNITS.get(column.unit, column.unit) if lang == "en" else column.unit
        columns.append({"title": raw.title.get(lang) if raw else title, "unit": unit})
        names.append(name)
    return columns, names


def _symbols(style: Style, lang: Lang) -> list[dict[str, Any]]:
    return [
        {
            "title": s.title.get(lang),
            "color": s.color,
            "size": s.size,
            "shape": s.shape,
            "outline": s.outline,
            "opacity": s.opacity,
            "dashed": s.dashed,
        }
        for s in style.symbols
    ]


def cell(value: object, lang: Lang) -> Any:
    """Return a table's cell as JSON: a word for yes and no, nothing for a missing value."""
    if isinstance(value, bool | np.bool_):
        return WORDS["yes" if value else "no"].get(lang)
    return clean(value.get(lang) if isinstance(value, Text) else value)


def clean(value: object) -> Any:
    """Return a table's cell as JSON: nothing for a missing value, a whole number where it is one."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        number = float(value)
        if not math.isfinite(number):
            return None
        return int(number) if number.is_integer() else round(number, 3)
    return str(value)


def text64(data: bytes) -> str:
    """Return bytes as base64, whole groups of four characters so that parts can be read alone."""
    return base64.b64encode(data).decode("ascii")
