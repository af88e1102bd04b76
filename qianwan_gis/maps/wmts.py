"""Basemaps from a WMTS: what its capabilities document says, without asking the server.

Intranet servers seldom follow the usual levels: their matrices have names of their own, start
elsewhere and are often in degrees (EPSG:4490). The document is saved from the browser once
(``…?SERVICE=WMTS&REQUEST=GetCapabilities``) and read here. OGC 07-057r7.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET  # a file of the user's own, without entities (see `read`)
from pathlib import Path
from urllib.parse import urlencode

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.maps.basemaps import Basemap, Matrix

_PIXEL_M = 0.00028  # the standard's rendering pixel
_DEGREE_M = 111_319.49079327358  # 6378137 · π / 180
_METRES = {"3857", "900913", "3785", "102100", "102113"}
_DEGREES = {"4326", "4490", "CRS84"}
_NS = {
    "w": "http://www.opengis.net/wmts/1.0",
    "o": "http://www.opengis.net/ows/1.1",
}
_HREF = "{http://www.w3.org/1999/xlink}href"


def read(
    path: str | Path,
    *,
    layer: str = "",
    matrix_set: str = "",
    key: str = "wmts",
    title: Text | None = None,
    query: str = "",
) -> Basemap:
    """Return a layer of a WMTS as a basemap, from a saved capabilities document.

    Parameters
    ----------
    path
        The XML file.
    layer, matrix_set
        Identifiers; the first that can be drawn unless given.
    key, title
        See `Basemap`; the title is the layer's own unless given.
    query
        More parameters of the address, such as ``"token={tk}"``: with ``{tk}`` in it the page
        asks the reader for the key.

    Returns
    -------
    Basemap
        With the levels of the matrix set. RESTful addresses are taken before key-value ones.

    Raises
    ------
    UsageError
        The file is no capabilities document, or has no layer with a matrix set in Web Mercator or
        degrees; the message names what there is.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
        if "<!ENTITY" in text or "<!DOCTYPE" in text:
            raise ValueError("DOCTYPE")
        root = ET.fromstring(text)  # noqa: S314 - neither entities nor a DTD, checked above
    except (OSError, ValueError, ET.ParseError) as fault:
        raise _fault(file, f"无法读取：{fault}", f"cannot be read: {fault}") from fault
    sets = {_text(s, "o:Identifier"): s for s in root.findall("w:Contents/w:TileMatrixSet", _NS)}
    layers = root.findall("w:Contents/w:Layer", _NS)
    names = [_text(entry, "o:Identifier") for entry in layers]
    if layer and layer not in names:
        raise _fault(file, f"没有图层“{layer}”；有：{'、'.join(names)}",
                     f"no layer “{layer}”; there are {', '.join(names)}")  # fmt: skip
    for entry in layers:
        if layer and _text(entry, "o:Identifier") != layer:
            continue
        links = [_text(k, "w:TileMatrixSet") for k in entry.findall("w:TileMatrixSetLink", _NS)]
        for name in links:
            if name not in sets or (matrix_set and name != matrix_set):
                continue
            kind = _kind(_text(sets[name], "o:SupportedCRS"))
            if kind:
                url = _address(root, entry, name, file)
                if query:
                    url += ("&" if "?" in url else "?") + query.lstrip("?&")
                matrices = tuple(_matrices(sets[name], degrees=kind == "degrees"))
                own = _text(entry, "o:Title") or _text(entry, "o:Identifier")
                return Basemap(
                    key, title or Text(own, own), (url,), needs_key="{tk}" in url,
                    matrices=matrices, degrees=kind == "degrees",
                    attribution=_text(root, "o:ServiceProvider/o:ProviderName"),
                )  # fmt: skip
    systems = [f"{n} ({_text(s, 'o:SupportedCRS')})" for n, s in sets.items()]
    raise _fault(
        file,
        f"没有网页墨卡托或经纬度的瓦片矩阵集；有：{'、'.join(systems) or '无'}",
        f"no tile matrix set in Web Mercator or degrees; there are {', '.join(systems) or 'none'}",
    )


def _text(element: ET.Element, path: str) -> str:
    found = element.find(path, _NS)
    return (found.text or "").strip() if found is not None else ""


def _kind(system: str) -> str:
    code = re.split(r"[:/]", system)[-1]
    return "metres" if code in _METRES else "degrees" if code in _DEGREES else ""


def _matrices(matrix_set: ET.Element, *, degrees: bool) -> list[Matrix]:
    system = _text(matrix_set, "o:SupportedCRS")
    made = []
    for entry in matrix_set.findall("w:TileMatrix", _NS):
        first, second = (float(v) for v in _text(entry, "w:TopLeftCorner").split())
        # The standard's axis order is the system's own: latitude first for EPSG in URN form.
        # Servers differ, but nobody's map starts at latitude -180.
        latitude_first = degrees and first > -90.0 and (
            second < -90.0 or ("urn:" in system and "CRS84" not in system)
        )  # fmt: skip
        left, top = (second, first) if latitude_first else (first, second)
        scale = float(_text(entry, "w:ScaleDenominator"))
        made.append(
            Matrix(
                _text(entry, "o:Identifier"),
                scale * _PIXEL_M / (_DEGREE_M if degrees else 1.0),
                left, top,
                int(_text(entry, "w:TileWidth")), int(_text(entry, "w:TileHeight")),
                int(_text(entry, "w:MatrixWidth")), int(_text(entry, "w:MatrixHeight")),
            )
        )  # fmt: skip
    return sorted(made, key=lambda m: -m.pixel)


def _address(root: ET.Element, layer: ET.Element, matrix_set: str, file: Path) -> str:
    """Return the address of a tile with {TileMatrix}, {TileRow}, {TileCol} left open."""
    styles = layer.findall("w:Style", _NS)
    default = next(
        (s for s in styles if s.get("isDefault") == "true"), styles[0] if styles else None
    )
    style = _text(default, "o:Identifier") if default is not None else "default"
    formats = [(f.text or "").strip() for f in layer.findall("w:Format", _NS)]
    kind = next((f for f in formats if "png" in f), formats[0] if formats else "image/png")
    values = {"style": style, "tilematrixset": matrix_set}
    for dimension in layer.findall("w:Dimension", _NS):
        values[_text(dimension, "o:Identifier").lower()] = _text(dimension, "w:Default")
    for resource in layer.findall("w:ResourceURL", _NS):
        if resource.get("resourceType") == "tile" and resource.get("template"):
            return re.sub(
                r"\{(\w+)\}",
                lambda m: values.get(m[1].lower(), m[0]),
                resource.get("template", ""),
            )
    for operation in root.findall("o:OperationsMetadata/o:Operation", _NS):
        get = operation.find("o:DCP/o:HTTP/o:Get", _NS)
        if operation.get("name") == "GetTile" and get is not None and get.get(_HREF):
            base = get.get(_HREF, "")
            asked = {
                "SERVICE": "WMTS", "REQUEST": "GetTile", "VERSION": "1.0.0",
                "LAYER": _text(layer, "o:Identifier"), "STYLE": style,
                "TILEMATRIXSET": matrix_set, "FORMAT": kind,
            }  # fmt: skip
            joint = "" if base.endswith(("?", "&")) else "&" if "?" in base else "?"
            numbers = "&TILEMATRIX={TileMatrix}&TILEROW={TileRow}&TILECOL={TileCol}"
            return base + joint + urlencode(asked) + numbers
    raise _fault(file, "没有 GetTile 地址", "it gives no address for GetTile")


def _fault(file: Path, zh: str, en: str) -> UsageError:
    return UsageError(
        Text(f"WMTS 能力文档 {file.name}：{zh}。", f"WMTS capabilities {file.name}: {en}.")
    )
