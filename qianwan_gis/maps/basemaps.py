"""Basemaps that a reader may choose.

None is drawn unless the map's maker offers it and the reader picks it: the page asks for nothing
by itself.

Addresses: Tianditu WMTS in Web Mercator (``_w``), picture and names as two layers, with the
reader's own ``tk``; AMap's tiles are in GCJ-02 and are moved on the screen, never the data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Lang, Text


@dataclass(frozen=True)
class Basemap:
    """One choice of the basemap list.

    Attributes
    ----------
    key
        Short name, kept in the map's address.
    title
        What the reader sees.
    urls
        Tile addresses in Web Mercator, bottom layer first, with ``{x}``, ``{y}``, ``{z}``, where
        there are several hosts ``{s}``, and ``{tk}`` where a key is needed.
    subdomains
        One character per host, for ``{s}``.
    max_zoom
        Deepest level the server has; beyond it tiles are enlarged.
    attribution
        Whose map it is; shown on the map.
    gcj02
        The tiles are in GCJ-02: the page moves them (some 500 m) under the data.
    needs_key
        The page asks the reader for a key and keeps it for that visit only.
    """

    key: str
    title: Text
    urls: tuple[str, ...]
    subdomains: str = ""
    max_zoom: int = 18
    attribution: str = ""
    gcj02: bool = False
    needs_key: bool = False


def _tianditu(key: str, title: Text, picture: str, names: str) -> Basemap:
    urls = tuple(
        f"https://t{{s}}.tianditu.gov.cn/{kind}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0"
        f"&LAYER={kind}&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles"
        "&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}&tk={tk}"
        for kind in (picture, names)
    )
    return Basemap(key, title, urls, "01234567", attribution="天地图", needs_key=True)


#: The basemaps known by name. AMap's terms of use for these tiles are not published: for viewing
#: only, nothing is stored.
BASEMAPS: dict[str, Basemap] = {
    basemap.key: basemap
    for basemap in (
        _tianditu("tianditu", Text("天地图 矢量", "Tianditu, map"), "vec", "cva"),
        _tianditu("tianditu_img", Text("天地图 影像", "Tianditu, imagery"), "img", "cia"),
        _tianditu("tianditu_ter", Text("天地图 地形", "Tianditu, terrain"), "ter", "cta"),
        Basemap(
            "amap",
            Text("高德（已纠偏）", "AMap (shift corrected)"),
            (
                (
                    "https://webrd0{s}.is.autonavi.com/appmaptile?lang=zh_cn&size=1&scale=1"
                    "&style=8&x={x}&y={y}&z={z}"
                ),
            ),
            "1234",
            attribution="高德地图",
            gcj02=True,
        ),
    )
}


def choose(wanted: Iterable[str | Basemap]) -> list[Basemap]:
    """Return the basemaps named or given.

    Raises
    ------
    UsageError
        A name is unknown, or an address lacks ``{x}``, ``{y}`` or ``{z}``.
    """
    chosen: list[Basemap] = []
    for entry in wanted:
        if isinstance(entry, str):
            if entry not in BASEMAPS:
                names = ", ".join(BASEMAPS)
                raise UsageError(
                    Text(
                        f"没有名为“{entry}”的底图；可用：{names}，或自己给出 Basemap。",
                        f"no basemap “{entry}”; there are {names}, or give a Basemap of your own",
                    )
                )
            entry = BASEMAPS[entry]
        bad = [u for u in entry.urls if not all(f"{{{c}}}" in u for c in "xyz")]
        if bad or not entry.urls:
            raise UsageError(
                Text(
                    f"底图“{entry.key}”的地址须含 {{x}}、{{y}}、{{z}}：{'，'.join(bad)}",
                    f"basemap “{entry.key}”: an address needs {{x}}, {{y}} and {{z}}: {bad}",
                )
            )
        chosen.append(entry)
    return chosen


def payload(basemaps: Iterable[Basemap], lang: Lang) -> list[dict[str, Any]]:
    """Return the basemaps as the page needs them."""
    return [
        {
            "key": b.key,
            "title": b.title.get(lang),
            "urls": list(b.urls),
            "subdomains": b.subdomains,
            "max": b.max_zoom,
            "attribution": b.attribution,
            "gcj02": b.gcj02,
            "asks": b.needs_key,
        }
        for b in basemaps
    ]
