"""What the web map carries: the results of a plan as plain data, small and ready to draw.

Geometry leaves the plan's projected system here, once: WGS84 degrees in whole hundred-thousandths
(about a metre), lines and rings simplified to what a screen shows and stored as differences.
Everything a reader sees is words already, in the map's language; the page only draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from qianwan_gis import datum
from qianwan_gis.layers import (
    CATEGORY_SYMBOLS,
    COVERAGE_STYLE,
    MATCH_COLORS,
    ROAD_SYMBOLS,
    THEMES,
    Results,
    coverage_state,
    service_title,
    services_of,
)
from qianwan_gis.maps import planning, spelling, statements, tiles
from qianwan_gis.maps.planning import clean, steps
from qianwan_gis.maps.statements import rows, words
from qianwan_gis.maps.words import LISTS, WORDS
from qianwan_gis.schemas import VALUE_TEXT, value_text
from qianwan_gis.services.words import reason_text

if TYPE_CHECKING:
    from qianwan_gis._text import Lang
    from qianwan_gis.corridor import Corridor

SCALE = 100_000  # steps per degree: 1.1 m north to south
_ROAD_TOLERANCE_M = 8.0
_OUTLINE_TOLERANCE_M = 15.0
_AREA_TOLERANCE_M = 120.0
_DENSE = 0.1  # of the greatest density: what is thinner is not drawn
_SIDES = {"左": "left", "右": "right", "线上": "on", "端外": "ahead"}
_LINK = "link"  # the class under which presumed links are drawn


def build(results: Results, blobs: dict[str, bytes] | None = None) -> dict[str, Any]:
    """Return everything the page draws and says, as JSON-ready data.

    Parameters
    ----------
    results
        A finished plan. Its tables are those of `qianwan_gis.schemas`, in its projected CRS.
    blobs
        Receives what is large, by name: vector tiles and their attribute tables. The data name
        them, and the page carries them beside the data.

    Returns
    -------
    dict
        Keys ``words`` (interface), ``box`` (what the map states of itself), ``boundary``,
        ``townships``, ``villages``, ``services``, ``roads``, ``facilities``, ``corridor``,
        ``layers`` (every other registered layer, see `planning.build`), ``styles``, ``collect``,
        ``sources``, ``hidden`` (what the data do not bear, and why).
    """
    lang = results.lang
    blobs = {} if blobs is None else blobs
    services = services_of(results)
    townships = _townships(results)
    order = {t["name"]: i for i, t in enumerate(townships)}
    return {
        "lang": lang,
        "words": {key: text.get(lang) for key, text in WORDS.items()},
        "themes": {key: text.get(lang) for key, text in THEMES.items()},
        "title": results.title.get(lang),
        "marks": list(dict.fromkeys(mark.get(lang) for mark in results.marks)),
        "scale": SCALE,
        "box": statements.box(results),
        "boundary": _boundary(results),
        "townships": townships,
        "styles": _styles(lang),
        "services": _services(results, services),
        "villages": _villages(results, services, order),
        "roads": _roads(results, blobs),
        "facilities": _facilities(results),
        "corridor": _corridor(results),
        "layers": planning.build(results, blobs),
        "collect": statements.to_collect(results),
        "targets": statements.targets(results),
        "hidden": statements.hidden(results),
        "sources": statements.sources(results),
        "problems": [p.message(lang) for p in results.problems],
        "percent": bool(results.disclosure.county_shares),
        "people": bool(results.disclosure.people),
    }


def _degrees(frame: gpd.GeoDataFrame | gpd.GeoSeries) -> Any:
    return frame.to_crs(datum.WGS84)


def _parts(geometry: Any) -> list[list[int]]:
    """Return the lines of a geometry; of areas, their rings."""
    if geometry is None or geometry.is_empty:
        return []
    found: list[list[int]] = []
    for part in shapely.get_parts(geometry):
        if part.geom_type == "Polygon":
            rings = [part.exterior, *part.interiors]
            found += [steps(shapely.get_coordinates(ring), SCALE) for ring in rings]
        elif part.geom_type in ("LineString", "LinearRing"):
            line = steps(shapely.get_coordinates(part), SCALE)
            if len(line) >= 4:
                found.append(line)
    return found


def _point(geometry: Any) -> list[float] | None:
    if geometry is None or geometry.is_empty:
        return None
    return [round(float(geometry.y), 6), round(float(geometry.x), 6)]


def _boundary(results: Results) -> dict[str, Any]:
    shape = results.boundary.geometry.simplify(_OUTLINE_TOLERANCE_M, preserve_topology=True)
    west, south, east, north = (float(v) for v in _degrees(shape).total_bounds)
    return {
        "rings": [ring for geometry in _degrees(shape) for ring in _parts(geometry)],
        "bounds": [[round(south, 5), round(west, 5)], [round(north, 5), round(east, 5)]],
    }


def _townships(results: Results) -> list[dict[str, Any]]:
    """Return every township that has villages; those without a seat on record have no position."""
    seats = _degrees(results.townships)
    if "status" in seats.columns:
        seats = seats[seats["status"].fillna("current") != "former"]
    places = {str(n): _point(g) for n, g in zip(seats["township"], seats.geometry, strict=True)}
    names = dict.fromkeys([*places, *sorted(results.villages["township"].astype(str).unique())])
    lang = results.lang
    return [
        {
            "name": name,
            "title": spelling.title(name, lang, town=True),
            "label": spelling.title(name, lang, town=True, kind_word=False),
            "at": places.get(name),
        }
        for name in names
        if name
    ]


def _styles(lang: Lang) -> dict[str, Any]:
    def symbol(entry: Any) -> dict[str, str]:
        return {
            "value": entry.value,
            "title": entry.title.get(lang),
            "color": entry.color,
            "shape": entry.shape,
            "outline": entry.outline,
        }

    return {
        "category": [symbol(s) for s in CATEGORY_SYMBOLS],
        "match": [
            {"value": v, "title": value_text("match", v).get(lang), "color": c}
            for v, c in MATCH_COLORS.items()
        ],
        "coverage": [symbol(s) for s in COVERAGE_STYLE.symbols],
    }


def _services(results: Results, pairs: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    found = []
    for service, tier in pairs:
        inventory = results.inventories.get((service, tier))
        found.append(
            {
                "key": f"{service}_{tier}",
                "service": service,
                "title": service_title(service, tier).get(results.lang),
                "inventory": value_text("inventory", inventory or "none").get(results.lang),
                "red": bool(results.disclosure.red_uncovered(service)),
            }
        )
    return found


def _villages(
    results: Results, pairs: Sequence[tuple[str, str]], townships: dict[str, int]
) -> list[dict[str, Any]]:
    lang = results.lang
    table = _degrees(results.villages)
    coverage = _coverage(results, pairs)
    chainage = _chainage(results)
    areas = _areas(results)
    axis, years = planning.moments(table)
    if axis != "year":
        years = [None] * len(table)
    found: list[dict[str, Any]] = []
    for row in table.to_dict("records"):
        code, name = str(row["code"]), words(row["name"])
        letters, initials = spelling.pinyin(name)
        point = _point(row["geometry"]) if row["basis"] == "point" else None
        lists = [w for w in words(row.get("lists")).replace(";", "；").split("；") if w]
        village: dict[str, Any] = {
            "code": code,
            "name": name,
            "title": spelling.title(name, lang, known=words(row.get("pinyin"))),
            "py": [letters, initials],
            "town": townships.get(words(row["township"]), -1),
            "lists": [LISTS[w].get(lang) if w in LISTS else w for w in lists],
            "category": words(row.get("category")),
            "note": words(row.get("category_note")),
            "at": point,
            "match": str(row["match"]),
            "basis": value_text("basis", row["basis"]).get(lang),
            "radius": clean(row.get("uncertainty_m")),
            "evidence": words(row.get("evidence")),
            "cover": coverage.get(code, {}),
        }
        if (people := clean(row.get("population"))) is not None:
            village["people"] = [
                people,
                words(row.get("population_kind")),
                clean(row.get("population_year")),
                words(row.get("population_source")),
            ]
        if due := years[len(found)] or min(planning.years_of(" ".join(lists)), default=None):
            village["year"] = due
        if code in areas:
            village["area"] = areas[code]
        if code in chainage:
            village["chainage"] = chainage[code]
        found.append(village)
    return found


def _areas(results: Results) -> dict[str, list[Any]]:
    """Return where a described village may be: the share of probability drawn, and its parts.

    Only for villages whose position somebody described, and of their region only what is dense:
    the thin remainder over the township has the outline of a computed cell, which would be read
    as a boundary. Where the county's own township areas are in use (`Disclosure.cells`) there is
    nothing to hide.
    """
    match = results.villages.set_index("code")["match"].astype(str)
    cells = results.disclosure.cells
    regions = results.regions
    kinds = regions["code"].map(match)
    regions = regions[kinds.isin(("described", "township") if cells else ("described",))]
    if regions.empty:
        return {}
    weight = regions["weight"].to_numpy(float)
    density = weight / regions.geometry.area.to_numpy()
    shapes = _degrees(regions.geometry.simplify(_AREA_TOLERANCE_M)).to_numpy()
    found: dict[str, list[Any]] = {}
    for code, whole in regions.groupby("code").indices.items():
        relative = density[whole] / density[whole].max()
        order = np.argsort(-relative, kind="stable")  # densest first
        order = order[relative[order] >= (0.0 if cells else _DENSE)]
        own = whole[order]
        parts = [
            [round(max(float(strength), 0.25), 2), _parts(part)]
            for strength, geometry in zip(relative[order], shapes[own], strict=True)
            for part in shapely.get_parts(geometry)
        ]
        found[str(code)] = [round(float(weight[own].sum() / weight[whole].sum()), 2), parts]
    return found


def _coverage(
    results: Results, pairs: Sequence[tuple[str, str]]
) -> dict[str, dict[int, list[Any]]]:
    """Return, by village, the state, reason and figures for each service by its number."""
    numbers = {pair: i for i, pair in enumerate(pairs)}
    table = results.coverage
    if table.empty:
        return {}
    names = dict(
        zip(
            results.facilities["facility_id"].astype(str),
            results.facilities["name"].astype(str),
            strict=True,
        )
    )
    decimals = 1 if results.disclosure.decimal_minutes else 0
    states = coverage_state(table, results.disclosure)
    short = {"covered": 1, "uncovered": 0, "unknown": 2}
    found: dict[str, dict[int, list[Any]]] = {}
    for row, state in zip(table.to_dict("records"), states, strict=True):

        def minutes(column: str, row: dict[Any, Any] = row) -> float | int | None:
            value = clean(row.get(column))
            return None if value is None else clean(round(float(value), decimals))

        metres = clean(row.get("metres"))
        facility = words(row.get("facility_id"))
        found.setdefault(str(row["code"]), {})[
            numbers[str(row["service"]), str(row["tier"])]
        ] = [
            short[state],
            reason_text(row).get(results.lang),
            minutes("minutes"),
            minutes("minutes_low"),
            minutes("minutes_high"),
            None if metres is None else round(float(metres)),
            clean(row.get("limit")),
            words(row.get("limit_unit")),
            names.get(facility, facility),
            clean(row.get("p_covered")),
            value_text("basis", row["basis"]).get(results.lang),
        ]  # fmt: skip
    return found


def _chainage(results: Results) -> dict[str, list[Any]]:
    """Return each village's place along a real corridor; a presumed course has no chainage."""
    table = results.corridor_villages
    if table is None or results.corridor is None or str(results.corridor.basis) == "presumed":
        return {}
    from qianwan_gis.chainage import Chainage

    found: dict[str, list[Any]] = {}
    for row in table.to_dict("records"):
        metres, offset = clean(row["chainage_m"]), clean(row["offset_m"])
        if metres is None or offset is None:
            continue
        label = str(Chainage(round(float(metres)))) if results.disclosure.stakes else ""
        side = words(row["side"])
        side = WORDS[_SIDES[side]].get(results.lang) if side in _SIDES else side
        within = clean(row.get("within_m"))
        found[str(row["code"])] = [
            words(row["branch"]), label, round(abs(offset)), side, within, metres,
        ]  # fmt: skip
    return found


def _roads(results: Results, blobs: dict[str, bytes]) -> dict[str, Any]:
    """Return the kinds of roads and their lines; of very many, vector tiles instead."""
    lang = results.lang
    roads = results.roads
    known = {s.value: s for s in ROAD_SYMBOLS}
    presumed = roads["basis"].astype(str).eq("presumed")
    key = roads["road_class"].astype(str)
    key = key.where(key.isin(list(known)), "other").where(~presumed, _LINK)
    roads = roads.assign(kind=key)
    kinds: list[dict[str, Any]] = []
    for value in (*(s.value or "other" for s in ROAD_SYMBOLS), _LINK):
        own = roads[roads["kind"].eq(value)]
        if own.empty:
            continue
        symbol = known.get(value, known[""])
        link = value == _LINK
        kinds.append(
            {
                "key": value,
                "title": WORDS["links"].get(lang) if link else symbol.title.get(lang),
                "color": "#8a8a8a" if link else symbol.color,
                "width": 1.1 if link else round(0.6 + symbol.size * 2.2, 1),
                "dashed": link,
                "count": len(own),
                "basis": [value_text("basis", b).get(lang) for b in own["basis"].unique()],
            }
        )
    if len(roads) > tiles.LARGE:
        numbers = {kind["key"]: i for i, kind in enumerate(kinds)}
        labels = [_road_label(row) for row in rows(roads[["ref", "name"]])]
        blobs["roads-tiles"] = planning.archive(
            roads, [numbers[k] for k in roads["kind"]], [None] * len(roads)
        )
        blobs["roads-table"] = planning.packed([labels])
        return {"kinds": kinds, "lines": [], "tiles": "roads-tiles", "table": "roads-table"}
    simple = roads.assign(
        geometry=roads.geometry.simplify(_ROAD_TOLERANCE_M, preserve_topology=False)
    )
    lines: list[list[Any]] = []
    for row in rows(_degrees(simple)):
        planned = int(str(row.get("status")) == "planned")
        lines += [
            [row["kind"], _road_label(row), planned, part] for part in _parts(row["geometry"])
        ]
    return {"kinds": kinds, "lines": lines, "tiles": ""}


def _road_label(row: dict[Any, Any]) -> str:
    return " ".join(w for w in (words(row.get("ref")), words(row.get("name"))) if w)


def _facilities(results: Results) -> dict[str, Any]:
    lang = results.lang
    if len(results.facilities) > tiles.LARGE:  # see `planning.build`
        return {"kinds": [], "points": []}
    table = _degrees(results.facilities)
    kinds: dict[str, dict[str, Any]] = {}
    points = []
    axis, years = planning.moments(table)
    for row, year in zip(table.to_dict("records"), years, strict=True):
        service, tier = str(row["service"]), str(row["tier"])
        key = f"{service}_{tier}"
        kind = kinds.setdefault(
            key,
            {
                "key": key,
                "service": service,
                "tier": tier,
                "title": service_title(service, tier).get(lang),
                "count": 0,
                "assumed": 0,
            },
        )
        assumed = str(row["basis"]) == "assumed"
        kind["count"] += 1
        kind["assumed"] += int(assumed)
        at = _point(row["geometry"])
        if at is None:
            continue
        points.append(
            {
                "kind": key,
                "name": words(row["name"]),
                "at": at,
                "assumed": assumed,
                "basis": value_text("basis", row["basis"]).get(lang),
                "year": year if axis == "year" else None,
                "capacity": clean(row.get("capacity")),
                "radius": clean(row.get("uncertainty_m")),
                "source": "；".join(
                    w for w in (words(row.get("source")), words(row.get("licence"))) if w
                ),
            }
        )
    services = list(VALUE_TEXT["service"])

    def rank(kind: dict[str, Any]) -> tuple[int, str]:
        service = kind["service"]
        return (services.index(service) if service in services else len(services), kind["key"])

    return {"kinds": sorted(kinds.values(), key=rank), "points": points}


def _corridor(results: Results) -> dict[str, Any] | None:
    corridor: Corridor | None = results.corridor
    if corridor is None:
        return None
    presumed = str(corridor.basis) == "presumed"
    lines = corridor.lines.to_crs(results.crs)
    shapes = _degrees(lines.geometry.simplify(_ROAD_TOLERANCE_M))
    metres = round(float(lines.geometry.length.sum()))
    spec = results.county.corridor
    name = _corridor_name(spec, results.lang)
    stakes: list[list[Any]] = []
    if results.disclosure.stakes and not presumed:
        points = _degrees(corridor.stakes(1000.0))
        stakes = [
            [*at, words(label)]
            for at, label in zip(map(_point, points.geometry), points["stake"], strict=True)
            if at is not None
        ]
    zones: list[dict[str, Any]] = []
    if results.zones is not None and len(results.zones) and not presumed:
        areas = results.zones.sort_values("width_m", ascending=False)
        simple = areas.assign(geometry=areas.geometry.simplify(_OUTLINE_TOLERANCE_M))
        zones = [
            {"width": clean(w), "rings": [[*_parts(part)] for part in shapely.get_parts(g)]}
            for w, g in zip(simple["width_m"], _degrees(simple).geometry, strict=True)
        ]
    return {
        "name": name,
        "presumed": presumed,
        "basis": value_text("basis", corridor.basis).get(results.lang),
        "metres": None if presumed else metres,  # a sketch has no length to quote
        "lines": [[words(b), _parts(g)] for b, g in zip(lines["branch"], shapes, strict=True)],
        "stakes": stakes,
        "zones": zones,
    }


def _corridor_name(spec: Any, lang: Lang) -> str:
    if spec is None:
        return WORDS["corridor"].get(lang)
    return str(spec.name_en or spec.name) if lang == "en" else str(spec.name)
