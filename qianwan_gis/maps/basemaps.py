"""Basemaps that a reader may choose.

None is drawn unless the map's maker offers it and the reader picks it: the page asks for nothing
by itself.

Addresses: Tianditu WMTS in Web Mercator (``_w``), picture and names as two layers, with the
reader's own ``tk``; AMap's tiles are in GCJ-02 and are moved on the screen, never the data; XYZ
and WMTS of an intranet; a PMTiles file, which rides in the page and needs no network at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Lang, Text
from qianwan_gis.maps import tiles

#: Largest PMTiles file that goes into a page. In base64 it takes a third more.
LIMIT_MB = 40.0
# What WMTS calls the three numbers of a tile.
_WMTS_NAMES = {"TileMatrix": "z", "TileRow": "y", "TileCol": "x"}
_KEY = re.compile(r"[A-Za-z0-9_-]{1,40}")


@dataclass(frozen=True)
class Matrix:
    """One level of a WMTS tile matrix set.

    Attributes
    ----------
    id
        Its name, which goes into ``{z}``.
    pixel
        Size of a pixel: metres of Web Mercator, or degrees.
    left, top
        Upper left corner of the set in the same unit.
    width, height
        Pixels of a tile.
    columns, rows
        Tiles of the level.
    """

    id: str
    pixel: float
    left: float
    top: float
    width: int = 256
    height: int = 256
    columns: int = 2**31 - 1
    rows: int = 2**31 - 1


@dataclass(frozen=True)
class Basemap:
    """One choice of the basemap list.

    Attributes
    ----------
    key
        Short name (letters, digits, ``-``, ``_``), kept in the map's address.
    title
        What the reader sees.
    urls
        Tile addresses, bottom layer first, with ``{x}``, ``{y}``, ``{z}`` (or WMTS's
        ``{TileCol}``, ``{TileRow}``, ``{TileMatrix}``), where there are several hosts ``{s}``, and
        ``{tk}`` where a key is needed. In Web Mercator, levels as everywhere, unless ``matrices``
        say otherwise.
    subdomains
        One character per host, for ``{s}``.
    max_zoom
        Deepest level the server has; beyond it tiles are enlarged.
    attribution
        Whose map it is; shown on the map as plain text.
    gcj02
        The tiles are in GCJ-02: the page moves them (some 500 m) under the data.
    needs_key
        The page asks the reader for a key and keeps it for that visit only.
    matrices
        Levels of a WMTS that are not the usual ones; see `qianwan_gis.maps.wmts.read`.
    degrees
        The matrices are in degrees (EPSG:4490, 4326) instead of metres of Web Mercator.
    file
        A PMTiles file instead of addresses; see `local`.
    """

    key: str
    title: Text
    urls: tuple[str, ...]
    subdomains: str = ""
    max_zoom: int = 18
    attribution: str = ""
    gcj02: bool = False
    needs_key: bool = False
    matrices: tuple[Matrix, ...] = ()
    degrees: bool = False
    file: Path | None = None

    def addresses(self) -> list[str]:
        """Return the tile addresses with ``{x}``, ``{y}`` and ``{z}``."""
        found = []
        for url in self.urls:
            for theirs, ours in _WMTS_NAMES.items():
                url = re.sub(f"\\{{{theirs}\\}}", f"{{{ours}}}", url, flags=re.IGNORECASE)
            found.append(url)
        return found


def local(path: str | Path, key: str = "local", title: Text | None = None) -> Basemap:
    """Return a PMTiles file, raster or vector, as a basemap that rides in the page.

    Parameters
    ----------
    path
        A PMTiles file of version 3 in Web Mercator, at most `LIMIT_MB` large.
    key, title
        See `Basemap`; the title is the file's name unless given.

    Raises
    ------
    UsageError
        The file cannot be used or is too large for a page; the message says what to do.
    """
    file = Path(path)
    held = tiles.read_archive(file)
    size = file.stat().st_size / 1e6
    if size > LIMIT_MB:
        raise UsageError(
            Text(
                f"底图文件 {file.name} 有 {size:.0f} MB，超过写入网页的上限 {LIMIT_MB:.0f} MB。"
                "请裁剪到县域并减少级别（pmtiles extract --bbox=… --maxzoom=…），"
                "或放到内网服务器以 XYZ 方式提供。",
                f"basemap file {file.name} has {size:.0f} MB, more than the {LIMIT_MB:.0f} MB that "
                "go into a page: cut it to the county and to fewer levels "
                "(pmtiles extract --bbox=… --maxzoom=…), or serve it as XYZ in the intranet",
            )
        )
    said = re.sub(r"<[^>]*>", "", held.attribution).strip()
    name = title or Text(f"本地底图 {file.stem}", f"local basemap {file.stem}")
    return Basemap(key, name, (), max_zoom=held.max_zoom, attribution=said, file=file)


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


def named(text: str, folder: Path | None = None) -> Basemap:
    """Return the basemap that a line of text means, as ``county.toml`` and the notebook name it.

    Parameters
    ----------
    text
        A name of `BASEMAPS`; a ``.pmtiles`` file; an ``.xml`` file with WMTS capabilities; or a
        tile address with ``{z}``, ``{x}`` and ``{y}`` (``{tk}``: the page asks for the key).
    folder
        Where relative files are looked for; the working folder otherwise.

    Raises
    ------
    UsageError
        Nothing of that kind, or a file that cannot be used.
    """
    if text in BASEMAPS:
        return BASEMAPS[text]
    if "://" in text:
        host = re.sub(r"[^A-Za-z0-9]+", "-", text.split("://", 1)[1].split("/")[0]).strip("-")
        shown = Text(f"内网底图 {host}", f"intranet basemap {host}")
        return Basemap(host[:40], shown, (text,), needs_key="{tk}" in text)
    file = Path(text) if folder is None else folder / text
    key = re.sub(r"[^A-Za-z0-9]+", "-", file.stem).strip("-")[:40] or "local"
    if file.suffix.lower() == ".pmtiles":
        return local(file, key)
    if file.suffix.lower() == ".xml":
        from qianwan_gis.maps import wmts

        return wmts.read(file, key=key)
    names = ", ".join(BASEMAPS)
    raise UsageError(
        Text(
            f"没有名为“{text}”的底图；可用：{names}，或 .pmtiles 文件、WMTS 的 .xml、"
            "含 {z}、{x}、{y} 的地址，或自己给出 Basemap。",
            f"no basemap “{text}”; there are {names}; or give a .pmtiles file, a WMTS's .xml, an "
            "address with {z}, {x} and {y}, or a Basemap of your own",
        )
    )


def choose(wanted: Iterable[str | Basemap]) -> list[Basemap]:
    """Return the basemaps named (see `named`) or given.

    Raises
    ------
    UsageError
        A name is unknown, a key occurs twice or has other characters, or an address lacks
        ``{x}``, ``{y}`` or ``{z}``.
    """
    chosen: list[Basemap] = []
    for entry in wanted:
        if isinstance(entry, str):
            entry = named(entry)
        bad = [u for u in entry.addresses() if not all(f"{{{c}}}" in u for c in "xyz")]
        if bad or not (entry.urls or entry.file):
            raise UsageError(
                Text(
                    f"底图“{entry.key}”的地址须含 {{x}}、{{y}}、{{z}}：{'，'.join(bad)}",
                    f"basemap “{entry.key}”: an address needs {{x}}, {{y}} and {{z}}: {bad}",
                )
            )
        if not _KEY.fullmatch(entry.key) or entry.key in {b.key for b in chosen}:
            raise UsageError(
                Text(
                    f"底图代号“{entry.key}”重复，或含字母、数字、-、_ 以外的字符。",
                    f"the basemap key “{entry.key}” occurs twice or has characters other than "
                    "letters, digits, - and _",
                )
            )
        chosen.append(entry)
    return chosen


def payload(
    basemaps: Iterable[Basemap], lang: Lang, blobs: dict[str, bytes]
) -> list[dict[str, Any]]:
    """Return the basemaps as the page needs them; files go to ``blobs``."""
    found = []
    for b in basemaps:
        entry: dict[str, Any] = {
            "key": b.key,
            "title": b.title.get(lang),
            "urls": b.addresses(),
            "subdomains": b.subdomains,
            "max": b.max_zoom,
            "attribution": b.attribution,
            "gcj02": b.gcj02,
            "asks": b.needs_key,
            "degrees": b.degrees,
            "matrices": [
                [m.id, m.pixel, m.left, m.top, m.width, m.height, m.columns, m.rows]
                for m in b.matrices
            ],
        }
        if b.file is not None:
            held = tiles.read_archive(b.file)
            name = f"basemap-{b.key}-tiles"
            blobs[name] = b.file.read_bytes()
            entry |= {"blob": name, "kind": held.kind, "layers": list(held.layers),
                      "min": held.min_zoom}  # fmt: skip
        found.append(entry)
    return found
