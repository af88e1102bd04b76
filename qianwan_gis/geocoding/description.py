"""Reading described positions: 距镇政府驻地6公里, 镇西北部, 黄头村南接崔庄村.

Two steps: `parse` turns a phrase into clues, which name no coordinates; `likelihood` turns a clue
into the fit of every place, given where its reference is.

What the numbers rest on (FACTS of the carried descriptions, checked against true points): printed
distances are by road, 1.33 times the straight ones in the median (0.90 to 1.70); printed
directions are off by 11 degrees in the median and by 35 at most.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import shapely

from qianwan_gis.regions import Likelihood, annulus, sector
from qianwan_gis.standards import Standards

Kind = Literal["distance", "bearing", "part", "centre", "seat", "neighbour", "road"]

AZIMUTHS = {"N": 0, "NE": 45, "E": 90, "SE": 135, "S": 180, "SW": 225, "W": 270, "NW": 315}
_POINTS = {
    "东北": 45, "东南": 135, "西北": 315, "西南": 225, "东": 90, "南": 180, "西": 270, "北": 0,
}  # fmt: skip
_COMPASS = "(?:东北|东南|西北|西南|东|南|西|北)"
_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10000}
_UNITS = {
    "公里": 1000.0, "千米": 1000.0, "km": 1000.0, "KM": 1000.0, "华里": 500.0, "里": 500.0,
    "米": 1.0, "m": 1.0,
}  # fmt: skip
_NUMBER = r"(?:\d+(?:\.\d+)?|[零〇一二两三四五六七八九十百千]+)"
_UNIT = r"(?:公里|千米|华里|里|km|KM|米|m)(?![A-Za-z²³])"
# A name that a distance or a direction starts from: no digits, no punctuation.
_NAME = r"[\u4e00-\u9fff]{1,12}?"
_SEPARATED = re.compile(r"[，,。；;、\s（）()：:]+")

_DISTANCE = re.compile(
    rf"(?P<from>(?:{_NAME})?)(?P<verb>相距|距离|距|离)(?P<ref>(?:{_NAME})?)"
    rf"(?P<direction>{_COMPASS}?)(?:方向|方|面|部)?(?P<about>不足|不到|小于|少于|约|大约|仅|只有|近|有)*"
    rf"(?P<number>{_NUMBER})(?:多|余|来)?(?P<unit>{_UNIT})(?P<after>以内|之内)?"
)
_APART = re.compile(
    rf"与(?P<ref>{_NAME})(?:的)?(?:相距|距离)(?P<about>不足|不到|小于|少于|约|大约|仅|只有|近|有)*"
    rf"(?P<number>{_NUMBER})(?:多|余)?(?P<unit>{_UNIT})"
)
_BEYOND = re.compile(
    rf"(?:位于|在|地处)?(?P<ref>{_NAME})(?:的)?(?P<direction>{_COMPASS})(?:部|方向|方|面|侧)?"
    rf"(?P<about>约|大约|仅|近)*(?P<number>{_NUMBER})(?:多|余|来)?(?P<unit>{_UNIT})"
)
_PLAIN = re.compile(
    rf"(?:位于|在|地处)(?P<ref>{_NAME})(?P<about>约|大约|仅|近)*(?P<number>{_NUMBER})(?:多|余)?"
    rf"(?P<unit>{_UNIT})(?:处|外)"
)
_PART = re.compile(rf"(?P<ref>(?:{_NAME})?)(?P<direction>{_COMPASS})(?:部|端|角|隅|缘|陲)")
_CENTRE = re.compile(rf"(?P<ref>(?:{_NAME})?)(?:中部|中心|中央|腹地)")
_SEAT = re.compile(
    r"(?:镇|乡|街道)(?:(?:人民)?(?:政府|办事处))?(?:所在地|驻)(?!.*(?:公里|千米|里))"
)
# What the village says of its own parts is no position: 该村西部, 村东北三里.
_OWN_PART = re.compile(r"^(?:该|本)?村(?:的)?(?=(?:东|南|西|北|中))")
_SIDE = re.compile(
    rf"(?P<ref>{_NAME})(?:的)?(?P<direction>{_COMPASS})(?:边|面|侧|方向|方|郊|麓|岸)?(?:的|$)"
)
_TOUCHES = re.compile(
    rf"(?P<direction>{_COMPASS})(?:面|边|侧)?(?:紧|相)?(?:临|邻|接|靠|连|依|至|与|于|毗|望)(?:邻|近|接|连)?"
    rf"(?P<ref>[\u4e00-\u9fff、和]{{1,16}}?)(?:村)?(?:相邻|相连|接壤|毗邻|相接|为邻|相望)?$"
)
_ROAD = re.compile(
    r"(?P<name>(?:国道|省道|县道)?[GSXYgsxy]?\d{2,4}(?:国道|省道|县道|线)?"
    r"|(?:省道|国道)[\u4e00-\u9fff]{2,4}线|[\u4e00-\u9fff]{2,4}(?:高速公路|高速|公路|快速路|线))"
)
# Text after the name of a road that says how far off it is.
_ROAD_AWAY = re.compile(rf"(?:相距|距|离|村[东南西北])?(?P<number>{_NUMBER})(?P<unit>{_UNIT})")
_OFFICE = re.compile(r"(?:人民)?政府|办事处|驻地|所在地|机关")


@dataclass(frozen=True)
class Clue:
    """One statement about a position.

    Attributes
    ----------
    kind
        ``distance`` and ``bearing`` from a reference; ``part`` of an area; ``centre`` of an area;
        ``seat``: the township's seat is here; ``neighbour``: on one side of a village; ``road``.
    reference
        Name of the place, area, village or road that it refers to; empty for the own township.
    metres
        Distance as printed.
    at_most
        The distance is an upper bound.
    by_road
        The distance is by road (any printed distance, unless known to be straight).
    azimuth
        Direction from the reference to the village, degrees clockwise from north.
    """

    kind: Kind
    reference: str = ""
    metres: float = float("nan")
    at_most: bool = False
    by_road: bool = True
    azimuth: float = float("nan")


def number(text: str) -> float:
    """Return the value of Arabic or Chinese digits: 6.5, 十二, 二十五, 一千."""
    try:
        return float(text)
    except ValueError:
        pass
    total, digit = 0, 0
    for char in text:
        if char in _SCALES:
            total += (digit or 1) * _SCALES[char]
            digit = 0
        else:
            digit = _DIGITS[char]
    return float(total + digit)


def _metres(match: re.Match[str]) -> float:
    return number(match["number"]) * _UNITS[match["unit"]]


def _reference(text: str | None) -> str:
    """Return the bare name of a reference: 下村镇政府驻地 → 下村镇; 镇政府 → empty."""
    bare = _OFFICE.sub("", (text or "").strip())
    bare = re.sub(r"^(?:位于|地处|本|该村?|在|东|西|南|北)?(?=[镇乡县]$)", "", bare)
    bare = re.sub(r"^(?:位于|地处|在|该村)", "", bare)
    return "" if bare in ("镇", "乡", "街道", "村", "本村", "该村", "") else bare


def parse(phrase: str, village: str = "") -> list[Clue]:
    """Return the clues of a phrase.

    Parameters
    ----------
    phrase
        As published, such as ``镇西北部,距镇政府6公里``.
    village
        The village's own name, so that 黄头村南接崔庄村 is read from the right side.

    Returns
    -------
    list of Clue
        In the order of the text; empty where it says nothing about the position.
    """
    own = village.removesuffix("村")
    clues: list[Clue] = []
    # Brackets hold what the place is, not where: 下村镇西北3.5公里处 (玄泉寺).
    plain = re.sub(r"[（(][^（）()]*[)）]", "", phrase)
    for clause in filter(None, _SEPARATED.split(plain)):
        if not _OWN_PART.match(clause):
            clues.extend(_parse_clause(clause, own))
    return clues


def _parse_clause(clause: str, own: str) -> Iterable[Clue]:
    apart = _APART.search(clause) or _DISTANCE.search(clause)
    if apart:
        groups = apart.groupdict()
        reference = _reference(groups["ref"])
        at_most = bool(
            (groups.get("about") or "") in ("不足", "不到", "小于", "少于") or groups.get("after")
        )
        yield Clue("distance", reference, _metres(apart), at_most)
        before = groups.get("from") or ""
        if groups.get("direction"):
            # 距乡政府驻地南3.5公里: south of it.
            yield Clue("bearing", reference, azimuth=float(_POINTS[groups["direction"]]))
        elif before in _POINTS:
            # 西距巴公镇政府2公里: the seat is to the west, so the village is to its east.
            yield Clue("bearing", reference, azimuth=(_POINTS[before] + 180.0) % 360.0)
        return
    beyond = _BEYOND.search(clause)
    if beyond:
        reference = _reference(beyond["ref"])
        yield Clue("bearing", reference, azimuth=float(_POINTS[beyond["direction"]]))
        yield Clue("distance", reference, _metres(beyond))
        return
    away = _PLAIN.search(clause)
    if away:
        yield Clue("distance", _reference(away["ref"]), _metres(away))
        return
    if _SEAT.search(clause):
        yield Clue("seat")
        return
    neighbour = _neighbour(clause, own)
    if neighbour:
        yield from neighbour
        return
    part = _PART.search(clause)
    if part:
        yield Clue("part", _reference(part["ref"]), azimuth=float(_POINTS[part["direction"]]))
        return
    centre = _CENTRE.search(clause)
    if centre:
        yield Clue("centre", _reference(centre["ref"]))
        return
    side = _SIDE.search(clause)
    if side:
        yield Clue("bearing", _reference(side["ref"]), azimuth=float(_POINTS[side["direction"]]))


def _neighbour(clause: str, own: str) -> list[Clue]:
    """Read 黄头村南接崔庄村 as told of either village."""
    match = _TOUCHES.search(clause)
    if not match:
        return []
    subject = clause[: match.start()].removesuffix("村")
    others = [name.removesuffix("村") for name in re.split("[、和]", match["ref"]) if name]
    azimuth = float(_POINTS[match["direction"]])
    if own and own in others and subject:
        # Told of the other village: ours lies on the named side of it.
        return [Clue("neighbour", subject, azimuth=azimuth)]
    if subject in ("", own):
        return [Clue("neighbour", name, azimuth=(azimuth + 180.0) % 360.0) for name in others]
    return []


def parse_neighbours(text: str) -> list[Clue]:
    """Return the clues of ``E:府城村;S:崔庄村``: the named village lies on that side of ours."""
    clues: list[Clue] = []
    for part in re.split("[;；]", text):
        point, _, listed = part.partition(":")
        if point.strip().upper() in AZIMUTHS and listed:
            azimuth = (AZIMUTHS[point.strip().upper()] + 180.0) % 360.0
            clues += [
                Clue("neighbour", name.strip().removesuffix("村"), azimuth=azimuth)
                for name in re.split("[,，、]", listed)
                if name.strip()
            ]
    return clues


def parse_roads(text: str) -> list[Clue]:
    """Return the roads that a text names as touching the village, without those it puts far off."""
    clues: list[Clue] = []
    for part in re.split("[;；,，]", text):
        match = _ROAD.search(part)
        if not match:
            continue
        away = _ROAD_AWAY.search(part, match.end())
        metres = _metres(away) if away else 0.0
        clues.append(Clue("road", match["name"].lstrip("邻临靠近"), metres))
    return clues


def clues_of(row: Mapping[str, Any]) -> list[Clue]:
    """Return the clues of one row of a descriptions table.

    The columns that a person has read off (``distance_km``, ``bearing``, ``reference_place``,
    ``neighbours``, ``roads`` …) are taken where filled; otherwise the phrase is parsed.
    """

    def text(column: str) -> str:
        value = row.get(column)
        return "" if value is None or value != value else str(value).strip()

    clues: list[Clue] = []
    reference = _reference(text("reference_place"))
    distance, bearing, kind = text("distance_km"), text("bearing"), text("bearing_kind")
    village = text("village").removesuffix("村")
    if distance or bearing or kind:
        if distance:
            clues.append(
                Clue(
                    "distance",
                    reference,
                    float(distance) * 1000.0,
                    at_most=text("distance_relation") == "<=",
                    by_road=text("distance_kind") != "straight",
                )
            )
        if kind == "centre":
            seat = any(c.kind == "seat" for c in parse(text("phrase"), village))
            clues.append(Clue("seat" if seat else "centre", reference))
        elif bearing in AZIMUTHS:
            azimuth = float(AZIMUTHS[bearing])
            if kind == "part_of_township":
                clues.append(Clue("part", reference, azimuth=azimuth))
            elif kind == "from_reference" or not kind:
                # A direction from a village, without a distance, is told of villages that meet.
                beside = reference.endswith("村") and not distance
                clues.append(Clue("neighbour" if beside else "bearing", reference, azimuth=azimuth))
    else:
        clues += parse(text("phrase"), village)
    clues += parse_neighbours(text("neighbours"))
    clues += parse_roads(text("roads"))
    seen: list[Clue] = []
    for clue in clues:
        same = replace(clue, reference=clue.reference.removesuffix("村"))
        if not any(replace(c, reference=c.reference.removesuffix("村")) == same or
                   _repeats(clue, c) for c in seen):  # fmt: skip
            seen.append(clue)
    return seen


def _repeats(a: Clue, b: Clue) -> bool:
    """Whether two clues of one source tell the same neighbour twice."""
    near = a.reference.removesuffix("村") == b.reference.removesuffix("村")
    return near and a.kind == b.kind == "neighbour" and a.azimuth == b.azimuth


def likelihood(
    clue: Clue,
    standards: Standards,
    *,
    place: tuple[float, float, float] | None = None,
    area: Any | None = None,
    line: Any | None = None,
) -> Likelihood | None:
    """Return the fit of every place to a clue, 1 where it fits best.

    Parameters
    ----------
    clue
        What is said.
    standards
        Norms.
    place
        x, y and uncertainty (metres, 90 %) of the reference, for clues that start from a place.
    area
        Polygon of the area that ``part`` and ``centre`` speak of.
    line
        Geometry of the named road.

    Returns
    -------
    Likelihood or None
        None where the reference that the clue needs is not known.
    """
    if clue.kind in ("part", "centre"):
        if area is None or area.is_empty:
            return None
        return _within(area, clue.azimuth if clue.kind == "part" else None)
    if clue.kind == "road":
        return None if line is None or line.is_empty else _along(line, clue.metres)
    if place is None:
        return None
    if clue.kind == "distance":
        return _ring(clue, place, standards)
    if clue.kind == "bearing":
        return _fan(clue.azimuth, place, standards)
    if clue.kind == "seat":
        x, y, spread = place
        near = max(spread, 500.0)
        return Likelihood.of(
            [(annulus(x, y, 0.0, near), 1.0), (annulus(x, y, near, 2 * near), 0.4)], 0.01
        )
    return _beside(clue.azimuth, place, standards)


def _ring(clue: Clue, place: tuple[float, float, float], standards: Standards) -> Likelihood:
    """Rings around the reference: the log of printed over straight distance is normal.

    Its spread is that of the road ratio, widened by what is not known of the reference and of the
    extent of both settlements (300 m), and by rounding (5 %).
    """
    x, y, spread = place
    ratio = float(standards.value("geocoding.described.road_ratio")) if clue.by_road else 1.05
    own = float(standards.value("evidence.text.ratio_spread")) if clue.by_road else 0.12
    straight = clue.metres / ratio
    extent = float(np.hypot(spread / 2.146, 300.0))
    if clue.at_most:
        edge = clue.metres + extent
        return Likelihood.of(
            [
                (annulus(x, y, 0.0, edge), 1.0),
                (annulus(x, y, edge, edge + 2 * extent), 0.25),
            ],
            0.0001,
        )
    # The fixed error counts most near the reference, the relative one far from it.
    reach = straight * float(np.exp(4.0 * own)) + 4.0 * extent
    edges = np.concatenate([np.linspace(0.0, straight, 6), np.geomspace(straight, reach, 9)[1:]])
    fine = (np.arange(edges.size - 1)[:, None] + (np.arange(16) + 0.5)[None, :] / 16).ravel()
    radius = np.interp(fine, np.arange(edges.size), edges)
    sigma = np.sqrt(own**2 + 0.05**2 + (extent / radius) ** 2)
    fit = np.exp(-0.5 * (np.log(straight / radius) / sigma) ** 2) / sigma
    values = fit.reshape(-1, 16).mean(axis=1)
    rings = [
        (annulus(x, y, float(inner), float(outer)), float(value))
        for inner, outer, value in zip(edges[:-1], edges[1:], values / values.max(), strict=True)
    ]
    return Likelihood.of(rings, 0.0005)


def _fan(azimuth: float, place: tuple[float, float, float], standards: Standards) -> Likelihood:
    """Sectors around a direction; next to the reference a direction says little."""
    x, y, spread = place
    sigma = float(standards.value("geocoding.described.bearing_sd_deg"))
    far = 60_000.0
    near = max(spread / 2.146, 300.0) * 1.5
    shapes: list[tuple[Any, float]] = [(annulus(x, y, 0.0, near), 0.35)]
    cuts = [0.0, 0.6, 1.2, 1.8, 2.6]
    for low, high in pairwise(cuts):
        outer = sector(x, y, azimuth, high * sigma, far, near)
        if low > 0:
            outer = shapely.difference(outer, sector(x, y, azimuth, low * sigma, far, near))
        shapes.append((outer, float(np.exp(-0.5 * ((low + high) / 2.0) ** 2))))
    return Likelihood.of(shapes, 0.002)


def _within(area: Any, azimuth: float | None) -> Likelihood:
    """The side of an area, or its middle, around its centroid."""
    centre = shapely.centroid(area)
    x, y = float(centre.x), float(centre.y)
    radius = float(np.sqrt(area.area / np.pi))
    if azimuth is None:
        rings = [(0.0, 0.5, 1.0), (0.5, 0.8, 0.5), (0.8, 1.1, 0.2)]
        return Likelihood.of(
            [(annulus(x, y, a * radius, b * radius), v) for a, b, v in rings], 0.08
        )
    near, far = 0.3 * radius, 60_000.0
    shapes: list[tuple[Any, float]] = [(annulus(x, y, 0.0, near), 0.5)]
    previous = None
    for half, value in ((35.0, 1.0), (60.0, 0.7), (90.0, 0.3), (120.0, 0.1)):
        wedge = sector(x, y, azimuth, half, far, near)
        shapes.append((wedge if previous is None else shapely.difference(wedge, previous), value))
        previous = wedge
    return Likelihood.of(shapes, 0.03)


def _beside(
    azimuth: float, place: tuple[float, float, float], standards: Standards
) -> Likelihood | None:
    """The side of a neighbouring village, within the usual distance of neighbours."""
    x, y, spread = place
    usual = float(standards.value("evidence.text.neighbour_m"))
    if spread > 1.5 * usual:
        return None
    reach = float(np.hypot(usual, spread))
    near = min(max(spread / 2.146, 300.0), 0.5 * reach)
    shapes: list[tuple[Any, float]] = [(annulus(x, y, 0.0, near), 0.5)]
    for half, inner_half, value in ((40.0, 0.0, 1.0), (70.0, 40.0, 0.5), (100.0, 70.0, 0.15)):
        for low, high, factor in ((near, reach, 1.0), (reach, 1.7 * reach, 0.2)):
            wedge = sector(x, y, azimuth, half, high, low)
            if inner_half:
                wedge = shapely.difference(wedge, sector(x, y, azimuth, inner_half, high, low))
            shapes.append((wedge, value * factor))
    return Likelihood.of(shapes, 0.01)


def _along(line: Any, metres: float) -> Likelihood:
    """The strip along a named road; wider where the text puts the road some way off."""
    width = max(700.0, metres)
    near = shapely.buffer(line, width)
    far = shapely.buffer(line, 2 * width)
    return Likelihood.of([(near, 1.0), (shapely.difference(far, near), 0.4)], 0.08)
