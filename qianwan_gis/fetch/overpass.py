"""Asking Overpass for OpenStreetMap elements: in tiles, remembered, checked before believed.

osmnx's own transport waits 55 seconds and tries for ever when a server is busy, takes an answer
that the server cut short (``remark``) for whole, and asks a public resolver where a name is unknown.
So the questions go through `_http`; osmnx turns the elements into features.
"""

from __future__ import annotations

import ipaddress
import os
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import shapely

from qianwan_gis import _http, _io
from qianwan_gis._errors import UnavailableError, UsageError
from qianwan_gis._text import Text

ENVIRONMENT = "QIANWAN_OVERPASS_URL"
SERVICE = "Overpass (OpenStreetMap)"

_TIMEOUT = 180  # seconds that the server may work on one tile
_SMALLEST_KM = 3.0  # a tile that is still too much for the server at this size is given up
_KINDS = ("node", "way", "relation")

Progress = Callable[[int, int], Any]


@dataclass
class Elements:
    """Elements by kind and id, and the day of the data."""

    found: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    dates: set[str] = field(default_factory=set)

    @property
    def date(self) -> str:
        """Oldest day of the parts."""
        return min(self.dates, default="")


def endpoint(given: str | None = None) -> str:
    """Address to ask: as given, from the environment, or as osmnx is set."""
    url = given or os.environ.get(ENVIRONMENT)
    if not url:
        import osmnx

        url = str(osmnx.settings.overpass_url)
    url = url.rstrip("/")
    return url if url.endswith("/interpreter") else f"{url}/interpreter"


def is_near(url: str) -> bool:
    """Tell whether a server is one's own (loopback, intranet), so that nobody need wait for it."""
    host = urllib.parse.urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host


def ask(
    area: Any,
    crs: Any,
    selectors: Sequence[str],
    *,
    url: str,
    folder: Path,
    tile_km: float,
    pause: float | None = None,
    progress: Progress | None = None,
) -> Elements:
    """Ask for all elements of some kinds in an area.

    Parameters
    ----------
    area, crs
        Polygon in a projected CRS.
    selectors
        Overpass filters with their kinds, such as ``way["highway"]``.
    url
        From `endpoint`.
    folder
        Answers are remembered here, tile by tile: an interrupted fetch goes on where it stopped.
    tile_km
        Side of a tile; one that is too much for the server is asked for in quarters.
    pause
        Seconds before the second try, doubling each time.

    Raises
    ------
    UnavailableError
        When a tile has no usable answer after all tries.
    """
    if not tile_km >= _SMALLEST_KM:
        raise UsageError(
            Text(
                f"分块边长至少 {_SMALLEST_KM} km", f"tiles have sides of at least {_SMALLEST_KM} km"
            )
        )
    near = is_near(url)
    first_pause = pause if pause is not None else (0.5 if near else 5.0)
    waiting = [(tile, tile_km) for tile in _tiles(area, tile_km * 1000.0)][::-1]
    out = Elements()
    done = 0
    while waiting:
        tile, size = waiting.pop()
        query = _query(tile, crs, selectors)
        too_much: list[str] = []

        def parse(raw: bytes, told: list[str] = too_much) -> dict[str, Any]:
            return _parse(raw, told)

        try:
            answer = _http.fetch(
                url, {}, parse, service=SERVICE, interval=0.0 if near else 1.0,
                timeout=_TIMEOUT + 20.0, retries=4, pause=first_pause, folder=folder,
                body=urllib.parse.urlencode({"data": query}).encode(),
            )  # fmt: skip
        except UnavailableError as error:
            if too_much and size / 2.0 >= _SMALLEST_KM:
                waiting.extend((part, size / 2.0) for part in _tiles(tile, size * 500.0))
                continue
            total = done + len(waiting) + 1
            raise UnavailableError(
                Text(f"{error.text.zh}。{total}块中已取得{done}块，再次运行即从此处继续",
                     f"{error.text.en}. {done} of {total} tiles are here; run again to go on")
            ) from error  # fmt: skip
        for element in answer.content["elements"]:
            key = (element["type"], element["id"])
            # a node asked for itself has tags, the same node as part of a way may not
            if key not in out.found or "tags" in element:
                out.found[key] = element
        base = answer.content.get("osm3s")
        stamp = str(base.get("timestamp_osm_base", "")) if isinstance(base, dict) else ""
        out.dates.add(stamp[:10] or answer.date)
        done += 1
        if progress is not None:
            progress(done, done + len(waiting))
    return out


def _tiles(area: Any, side: float) -> Iterator[Any]:
    """Squares of a grid that touch the area, cut to it."""
    left, bottom, right, top = area.bounds
    shapely.prepare(area)
    columns = max(1, int(-(-(right - left) // side)))
    rows = max(1, int(-(-(top - bottom) // side)))
    for row in range(rows):
        for column in range(columns):
            x, y = left + column * side, bottom + row * side
            tile = shapely.box(x, y, min(x + side, right), min(y + side, top))
            if area.intersects(tile):
                yield shapely.box(*shapely.intersection(area, tile).bounds)


def _query(tile: Any, crs: Any, selectors: Sequence[str]) -> str:
    """Overpass QL for a tile: the elements, and all that they consist of."""
    import geopandas as gpd

    from qianwan_gis import datum

    # dense corners, because a straight side on the map is not straight in degrees
    ring = tile.segmentize(5000.0)
    degrees = gpd.GeoSeries([ring], crs=crs).to_crs(datum.WGS84).iloc[0]
    corners = " ".join(f"{y:.6f} {x:.6f}" for x, y in degrees.exterior.coords)
    parts = "".join(f"{selector}(poly:'{corners}');" for selector in selectors)
    return f"[out:json][timeout:{_TIMEOUT}];({parts});(._;>;);out;"


def _parse(raw: bytes, too_much: list[str]) -> dict[str, Any]:
    """Check an answer; what the server itself calls incomplete is refused."""
    data = _http.parse_json(raw)
    if not isinstance(data, dict) or not isinstance(data.get("elements"), list):
        raise _http.BadAnswerError(Text("回答的结构不符", "the answer has another structure"))
    remark = str(data.get("remark", ""))
    if remark:
        large = "timed out" in remark or "out of memory" in remark
        if large:
            too_much.append(remark)
        raise _http.BadAnswerError(
            Text(f"服务器说明结果不完整：{remark[:120]}", f"the server says it is incomplete: {remark[:120]}"),
            again=not large,
        )  # fmt: skip
    if not all(_sound(element) for element in data["elements"]):
        raise _http.BadAnswerError(
            Text("回答中的要素残缺", "elements of the answer are broken"), again=True
        )
    return data


def _sound(element: Any) -> bool:
    if not isinstance(element, dict) or element.get("type") not in _KINDS:
        return False
    if type(element.get("id")) is not int or not isinstance(element.get("tags", {}), dict):
        return False
    if element["type"] == "node":
        lat, lon = element.get("lat"), element.get("lon")
        if not (isinstance(lat, int | float) and isinstance(lon, int | float)):
            return False
        return -90 <= lat <= 90 and -180 <= lon <= 180
    if element["type"] == "way":
        nodes = element.get("nodes", [])
        return isinstance(nodes, list) and all(type(node) is int for node in nodes)
    members = element.get("members", [])
    return isinstance(members, list) and all(
        isinstance(m, dict) and m.get("type") in _KINDS and type(m.get("ref")) is int
        for m in members
    )


def write_osm(elements: Elements, path: Path) -> Path:
    """Write elements as an OSM XML file, sorted by kind and id."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        (
            '<osm version="0.6" generator="qianwan_gis" copyright="OpenStreetMap and contributors" '
            'attribution="https://www.openstreetmap.org/copyright" '
            'license="https://opendatacommons.org/licenses/odbl/1-0/">'
        ),
    ]
    for kind in _KINDS:
        for number in sorted(i for k, i in elements.found if k == kind):
            element = elements.found[kind, number]
            inside: list[str] = []
            place = ""
            if kind == "node":
                place = f' lat="{element["lat"]}" lon="{element["lon"]}"'
            elif kind == "way":
                inside += [f'<nd ref="{int(node)}"/>' for node in element.get("nodes", [])]
            else:
                for member in element.get("members", []):
                    role = quoteattr(str(member.get("role", "")))
                    inside.append(
                        f'<member type="{member["type"]}" ref="{int(member["ref"])}" role={role}/>'
                    )
            for name, value in sorted(element.get("tags", {}).items()):
                inside.append(f"<tag k={quoteattr(str(name))} v={quoteattr(str(value))}/>")
            lines.append(f'<{kind} id="{number}" version="1"{place}>{"".join(inside)}</{kind}>')
    lines.append("</osm>")
    return _io.write_text(path, "\n".join(lines) + "\n")
