"""Turn any folium map into one HTML file that opens with the network off.

The page is rendered first and rewritten afterwards, so that everything in it is seen: what the
map, its plug-ins and branca ask for, style sheets with their images and fonts, and addresses in
scripts. Nothing is guessed: an address without a packaged file is an error that names it.
"""

from __future__ import annotations

import base64
import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from html import escape
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from qianwan_gis._errors import UnavailableError, UsageError
from qianwan_gis._io import write_text
from qianwan_gis._text import Text
from qianwan_gis.maps import build_assets

Tiles = Literal["refuse", "drop", "allow"]

# A transparent pixel, in place of the tiles of a layer that was dropped.
_BLANK = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"

# Stands where the page may need a deepest zoom of its own: without tiles nothing else gives the map
# one, and clusters stop with “Map has no maxZoom specified”.
_NO_TILES = "/*qianwan: no tiles*/"
_CSS_URL = re.compile(r"""url\(\s*(?:"([^"]*)"|'([^']*)'|([^)'"]*))\s*\)""")
_CSS_IMPORT = re.compile(r"""@import\s+(?:url\()?\s*["']?([^"')\s;]+)["']?\s*\)?[^;]*;""")
_STRING = r"""\s*(?P<quote>["'`])(?P<url>(?:https?:)?//.*?)(?P=quote)"""
_TILE_CALL = re.compile(
    r"(?P<call>L\.(?:tileLayer(?:\.\w+)?|timeDimension\.layer\.\w+)\()" + _STRING
)
# The other ways in which a script of folium or its plug-ins names something to be fetched.
_FETCH_CALLS = (
    re.compile(r"(?:L\.(?:imageOverlay|videoOverlay|realtime|vectorGrid\.protobuf)|fetch|importScripts"
               r"|\$\.(?:getJSON|get|ajax|getScript)|d3\.(?:json|csv|xml|text))\(\s*\[?" + _STRING),
    re.compile(r"""["']?(?:iconUrl|iconRetinaUrl|shadowUrl|logoUrl)["']?\s*:""" + _STRING),
    re.compile(r"""\.src\s*=""" + _STRING),
)  # fmt: skip
_TAG_IN_SCRIPT = re.compile(
    r"""<(?:img|script|iframe|video|audio|source|embed|object|link)\b[^>]*?\s"""
    r"""(?:src|href|data|poster)\s*=\s*\\?["']?(?P<url>(?:https?:)?//[^\s"'\\>]+)""",
    re.IGNORECASE,
)
_FRAME = re.compile(r"data:text/html;charset=utf-8;base64,([A-Za-z0-9+/=]+)")
# The names that branca gives to elements: a word and 128 random bits. Only names that the page
# itself declares are renamed, so a datum that looks like one stays as it is.
_RANDOM = r"[0-9a-f]{32}"
_DECLARED = re.compile(
    rf"""(?:\b(?:var|let|const|function)\s+|\bid\s*=\s*["']|window\[['"]|^\s*(?=\w+\s*=[^=]))"""
    rf"""[A-Za-z]\w*?_({_RANDOM})(?![0-9a-f])""",
    re.MULTILINE,
)

_LOADED_BY = {  # tag -> the attribute that makes a browser fetch something
    "img": "src", "script": "src", "iframe": "src", "frame": "src", "video": "src",
    "audio": "src", "source": "src", "track": "src", "embed": "src", "object": "data",
    "input": "src", "link": "href",
}  # fmt: skip
_PASSIVE_LINKS = {"canonical", "author", "license", "help", "next", "prev", "bookmark", "me"}


@dataclass(frozen=True)
class _Entry:
    """A packaged file, as the manifest describes it."""

    urls: tuple[str, ...]
    file: str
    needs: str
    package: str
    path: str


@lru_cache(maxsize=1)
def _manifest() -> dict[str, Any]:
    file = build_assets.ASSETS / "manifest.json"
    if not file.is_file():
        raise UnavailableError(
            Text(
                "离线地图所需的网页组件尚未生成。请在能访问 npm 源的电脑上运行："
                "python -m qianwan_gis.maps.build_assets",
                "The web assets of the offline maps are not built. Where an npm registry can be "
                "reached, run: python -m qianwan_gis.maps.build_assets",
            )
        )
    loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return loaded


@lru_cache(maxsize=1)
def _entries() -> tuple[_Entry, ...]:
    return tuple(
        _Entry(tuple(a["urls"]), a["file"], a["needs"], a["package"], a.get("path", ""))
        for a in _manifest()["assets"]
    )


@lru_cache(maxsize=64)
def _content(entry: _Entry) -> str:
    if entry.package == "folium":
        return (resources.files("folium") / entry.path).read_text(encoding="utf-8")
    return (build_assets.ASSETS / entry.file).read_text(encoding="utf-8")


def _lookup(url: str, own_text: str) -> str | None:
    """Return what an address answers: its packaged files, or nothing where none is known.

    Files that the page makes no use of (an icon font without an icon) come back empty.
    """
    bare = re.sub(r"^(?:https?:)?//", "", url.strip()).split("#")[0].replace("/npm//", "/npm/")
    if any(fnmatchcase(bare, pattern) for pattern in _manifest()["unused"]):
        return ""
    found = [e for e in _entries() if any(fnmatchcase(bare, p) for p in e.urls)]
    if not found:
        return None
    return "\n".join(_content(e) for e in found if not e.needs or re.search(e.needs, own_text))


def escape_script(code: str) -> str:
    r"""Make script text safe inside ``<script>``: ``</script`` and ``<!--`` become ``\x3c…``.

    Both occur in strings and regular expressions only, where ``\x3c`` means the same character.
    """
    return re.sub(r"<(?=/script|!--)", r"\\x3c", code, flags=re.IGNORECASE)


def _escape_style(css: str) -> str:
    return re.sub(r"<(?=/style)", r"\\3c ", css, flags=re.IGNORECASE)


@dataclass
class _Found:
    """What one reading of a page finds: pieces to replace, and addresses without a file."""

    pieces: list[tuple[int, int, str]] = field(default_factory=list)
    unmapped: list[str] = field(default_factory=list)
    tiles: list[str] = field(default_factory=list)

    def miss(self, url: str) -> None:
        if url not in self.unmapped:
            self.unmapped.append(url)


class _Page(HTMLParser):
    """Reads a page and notes each place to rewrite, by offset, leaving everything else as it is."""

    def __init__(self, html: str, own_text: str, found: _Found, tiles: Tiles) -> None:
        super().__init__(convert_charrefs=False)
        self.html = html
        self.own_text = own_text
        self.found = found
        self.tiles = tiles
        self.lines = [0]
        self.lines.extend(m.end() for m in re.finditer("\n", html))
        self.raw_tag = ""  # script or style being read
        self.replaced_from: int | None = None  # start of a <script src> that is being replaced
        self.replacement = ""
        self.feed(html)
        self.close()

    def place(self) -> int:
        line, column = self.getpos()
        return self.lines[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        start = self.place()
        end = start + len(self.get_starttag_text() or "")
        if style := values.get("style"):
            self.check_css(style)
        wanted = values.get(_LOADED_BY.get(tag, ""), "").strip()
        if tag == "meta" and values.get("name") == "qianwan-tiles":
            # Basemaps that the web map offers: its script asks for them when a reader switches on.
            if values["content"] not in self.found.tiles:
                self.found.tiles.append(values["content"])
            return
        if tag == "script":
            self.raw_tag = tag
            if wanted:
                self.script(wanted, start)
        elif tag == "style":
            self.raw_tag = tag
        elif tag == "link" and wanted:
            self.link(values, wanted, start, end)
        elif wanted and not wanted.startswith(("data:", "#", "blob:", "about:")):
            self.found.miss(wanted)
        for name in ("srcset", "poster", "background"):
            if values.get(name) and not values[name].startswith("data:"):
                self.found.miss(values[name])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag in ("script", "style"):  # in HTML the slash means nothing: the tag stays open
            return
        self.raw_tag = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "script" and self.replaced_from is not None:
            end = self.html.index(">", self.place()) + 1
            self.found.pieces.append((self.replaced_from, end, self.replacement))
            self.replaced_from = None
        self.raw_tag = ""

    def handle_data(self, data: str) -> None:
        start = self.place()
        if self.replaced_from is not None:
            return
        if self.raw_tag == "script":
            self.check_script(data, start)
        elif self.raw_tag == "style":
            self.check_css(data)

    def script(self, url: str, start: int) -> None:
        if url.startswith("data:"):
            return
        code = _lookup(url, self.own_text)
        if code is None:
            self.found.miss(url)
            return
        self.replaced_from = start
        self.replacement = f"<script>{escape_script(code)}</script>" if code else ""
        if "leaflet.js" in url and code:
            icons = json.dumps(_manifest()["icons"], sort_keys=True)
            # Leaflet reads the folder of its marker images from the style sheet's address, which
            # an inlined style sheet has not.
            self.replacement += (
                "<script>L.Icon.Default.imagePath='';"
                f"L.Icon.Default.mergeOptions({icons});{_NO_TILES}</script>"
            )

    def link(self, values: dict[str, str], url: str, start: int, end: int) -> None:
        kinds = set(values.get("rel", "").lower().split())
        if url.startswith("data:") or (kinds and kinds <= _PASSIVE_LINKS):
            return
        if kinds & {"preconnect", "dns-prefetch", "preload", "prefetch", "modulepreload"}:
            self.found.pieces.append((start, end, ""))  # a hint to fetch: nothing to fetch here
            return
        css = _lookup(url, self.own_text) if "stylesheet" in kinds else None
        if css is None:
            self.found.miss(url)
            return
        media = f' media="{escape(values["media"])}"' if values.get("media") else ""
        style = f"<style{media}>{_escape_style(css)}</style>" if css else ""
        self.found.pieces.append((start, end, style))

    def check_css(self, css: str) -> None:
        for match in _CSS_URL.finditer(css):
            url = next(g for g in match.groups() if g is not None).strip()
            if url and not url.startswith(("data:", "#")):
                self.found.miss(url)
        for match in _CSS_IMPORT.finditer(css):
            if not match[1].startswith("data:"):
                self.found.miss(match[1])

    def check_script(self, code: str, start: int) -> None:
        for match in _TILE_CALL.finditer(code):
            if match["url"] not in self.found.tiles:
                self.found.tiles.append(match["url"])
            if self.tiles == "drop":
                span = match.span("url")
                self.found.pieces.append((start + span[0], start + span[1], _BLANK))
        for pattern in (*_FETCH_CALLS, _TAG_IN_SCRIPT):
            for match in pattern.finditer(code):
                self.found.miss(match["url"])


def _apply(html: str, pieces: list[tuple[int, int, str]]) -> str:
    parts: list[str] = []
    position = 0
    for start, end, text in sorted(pieces):
        parts += [html[position:start], text]
        position = end
    return "".join([*parts, html[position:]])


def _own_text(html: str) -> str:
    """Return the page's own text: less the tags that ask for files, whose names would mislead."""
    return re.sub(r"<(?:link|script)\b[^>]*\b(?:href|src)=[^>]*>", "", html)


def _rename(html: str) -> str:
    """Give branca's random names numbers in the order of appearance."""
    declared = {match[1] for match in _DECLARED.finditer(html)}
    numbers: dict[str, str] = {}

    def number(match: re.Match[str]) -> str:
        name = match[1]
        if name not in declared:
            return match.group()
        return "_" + numbers.setdefault(name, f"{len(numbers) + 1:04d}")

    return re.sub(rf"_({_RANDOM})(?![0-9a-f])", number, html)


def _tile_origin(url: str) -> str:
    """Return the source expression of the Content-Security-Policy that lets a tile address in."""
    scheme, _, rest = ("https:" + url if url.startswith("//") else url).partition("://")
    host = rest.split("/")[0]
    if "{" not in host:
        return f"{scheme}://{host}"
    # A source expression may have one star, as the first label only.
    fixed = host.rsplit("}", 1)[1]
    return f"{scheme}://*.{fixed.split('.', 1)[1]}" if "." in fixed else f"{scheme}:"


def _policy(html: str, tiles: list[str]) -> str:
    """Return the policy that forbids the page every request but those for allowed tiles."""
    # leaflet-measure, d3 and Vega compile code at run time; Leaflet itself does without.
    evaluates = " 'unsafe-eval'" if re.search(r"(?<![.\w])(?:eval|Function)\(", html) else ""
    images = " ".join(["data:", "blob:", *sorted({_tile_origin(t) for t in tiles})])
    return (
        f"default-src 'none'; script-src 'unsafe-inline'{evaluates}; style-src 'unsafe-inline'; "
        f"img-src {images}; font-src data:; media-src data:; frame-src data:; worker-src blob:; "
        "connect-src 'none'; form-action 'none'; base-uri 'none'"
    )


def _frames(html: str, found: _Found, tiles: Tiles) -> str:
    """Rewrite the pages inside ``folium.IFrame``, which are whole HTML files in base64."""

    def inner(match: re.Match[str]) -> str:
        page = base64.b64decode(match[1]).decode("utf-8")
        page = _localise(page, found, tiles)
        return "data:text/html;charset=utf-8;base64," + base64.b64encode(
            page.encode("utf-8")
        ).decode("ascii")

    return _FRAME.sub(inner, html)


def _localise(html: str, found: _Found, tiles: Tiles) -> str:
    html = _rename(_frames(html, found, tiles))
    own = _own_text(html)
    page = _Page(html, own, _Found(unmapped=found.unmapped, tiles=found.tiles), tiles)
    return _apply(html, page.found.pieces)


def localise(html: str, *, tiles: Tiles = "drop") -> str:
    """Return a rendered page with everything it needs inside it.

    Parameters
    ----------
    html
        A page as folium renders it.
    tiles
        What to do with map tiles, which only a server has: ``"drop"`` (the layer stays, empty,
        and the page says so), ``"refuse"`` (an error), ``"allow"`` (the page may ask for these
        tiles and for nothing else; a warning says which hosts).

    Raises
    ------
    UsageError
        The page asks for something that is not packaged; every address is named.
    UnavailableError
        The web assets are not built.
    """
    if tiles not in ("refuse", "drop", "allow"):
        raise UsageError(
            Text(f"tiles 只能是 refuse、drop 或 allow，而不是“{tiles}”。",
                 f"tiles must be refuse, drop or allow, not “{tiles}”.")
        )  # fmt: skip
    found = _Found()
    result = _localise(html, found, tiles)
    faults = list(_faults(found, tiles))
    if faults:
        raise UsageError(Text("\n".join(f.zh for f in faults), "\n".join(f.en for f in faults)))
    online = found.tiles if tiles == "allow" else []
    result = result.replace(_NO_TILES, "" if online else "L.Map.mergeOptions({maxZoom:20});")
    if online:
        hosts = ", ".join(sorted({_tile_origin(t) for t in online}))
        warnings.warn(
            f"底图瓦片仍需联网：{hosts} (the map still asks for tiles from these hosts)",
            UserWarning, stacklevel=3,
        )  # fmt: skip
    if found.tiles and tiles == "drop":
        result = _say_dropped(result)
    meta = f'<meta http-equiv="Content-Security-Policy" content="{_policy(result, online)}">'
    if not re.search(r"<head[^>]*>", result, flags=re.IGNORECASE):
        raise UsageError(
            Text("页面没有 <head>，无法写入安全策略。", "The page has no <head> for the policy.")
        )
    return re.sub(
        r"(<head[^>]*>)", lambda m: f"{m[1]}\n    {meta}", result, count=1, flags=re.IGNORECASE
    )


def _faults(found: _Found, tiles: Tiles) -> Iterator[Text]:
    if found.unmapped:
        names = "\n".join(f"  {url}" for url in found.unmapped)
        yield Text(
            f"下列地址没有打包的离线文件，地图离线时无法取得：\n{names}\n"
            "处理：去掉用到它们的图层或插件，或把图片、数据直接嵌入（如用本地文件路径）。",
            f"These addresses have no packaged file, so the map could not have them offline:\n"
            f"{names}\nTo do: remove the layers or plug-ins that use them, or embed the image or "
            "data (give a local file).",
        )
    if found.tiles and tiles == "refuse":
        names = "\n".join(f"  {url}" for url in found.tiles)
        yield Text(
            f"地图含在线瓦片，离线时无法显示：\n{names}\n"
            '处理：建图时用 tiles=None；或 save_offline(…, tiles="drop") 去掉，'
            '或 tiles="allow" 允许联网取瓦片。',
            f"The map has online tiles, which cannot be drawn offline:\n{names}\n"
            'To do: make the map with tiles=None, or save_offline(…, tiles="drop") to leave them '
            'out, or tiles="allow" to let the page fetch them.',
        )


def _say_dropped(html: str) -> str:
    """Put a line into the page's corner: an empty ground must not look like a fault."""
    note = (
        '<div style="position:fixed;left:50%;bottom:4px;transform:translateX(-50%);z-index:1000;'
        "padding:1px 8px;border-radius:8px;background:#fffc;color:#555;pointer-events:none;"
        'font:12px sans-serif">离线文件，不含在线底图 · offline file, without the online basemap</div>'
    )
    end = html.lower().rfind("</body>")
    return html[:end] + note + html[end:] if end >= 0 else html + note


def save_offline(folium_map: Any, path: str | Path, *, tiles: Tiles = "drop") -> Path:
    """Write a folium map as one HTML file that opens with the network off.

    Scripts, style sheets, images and fonts come from the npm packages built into this package. A
    Content-Security-Policy in the page forbids every request. The same map gives the same bytes:
    folium's random names are numbered in the order in which they appear.

    Parameters
    ----------
    folium_map
        Any ``folium.Map`` (also of ``geopandas.GeoDataFrame.explore``), ``folium.Figure`` or
        ``folium.plugins.DualMap``.
    path
        The file to write. It is replaced only when the whole page is ready.
    tiles
        ``"drop"``: leave online tiles out, and the page says so; ``"refuse"``: they are an error;
        ``"allow"``: the page may fetch these tiles, and nothing else, and a warning says so.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    UsageError
        The map needs something that is not packaged; the message names every address.
    UnavailableError
        The web assets are not built.
    """
    target = Path(path)
    write_text(target, localise(folium_map.get_root().render(), tiles=tiles))
    return target
