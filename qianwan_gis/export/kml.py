"""KML and KMZ for Ovi (奥维) and Google Earth: WGS84, one folder per theme and layer."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pandas as pd
import shapely

from qianwan_gis import _io, datum
from qianwan_gis.export import content
from qianwan_gis.export.document import clean
from qianwan_gis.layers import THEMES, Layer, Results, Symbol, built

if TYPE_CHECKING:
    import geopandas as gpd

_KML = "http://www.opengis.net/kml/2.2"
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
# Viewers draw names and values as HTML; these look the same and are none.
_LOOKALIKES = str.maketrans({"<": "＜", ">": "＞", "&": "＆"})


def write(results: Results, path: Path | str) -> Path:
    """Write the planning layers as ``.kml`` or, by the suffix, zipped ``.kmz``.

    The county's computed areas stay out: in a viewer they would be read as boundaries.
    """
    path = Path(path)
    root = _document(results)
    ET.indent(root, " ")
    data = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    if path.suffix.lower() == ".kmz":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            info = zipfile.ZipInfo("doc.kml", date_time=_ZIP_DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
        data = buffer.getvalue()
    return _io.write_bytes(path, data)


def harmless(value: object) -> str:
    """Return a value as text that no viewer takes for markup."""
    return clean(str(value)).translate(_LOOKALIKES)


def _sub(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, f"{{{_KML}}}{tag}", attributes)
    element.text = text
    return element


def _document(results: Results) -> ET.Element:
    lang = results.lang
    ET.register_namespace("", _KML)
    root = ET.Element(f"{{{_KML}}}kml")
    document = _sub(root, "Document")
    _sub(document, "name", harmless(results.title.get(lang)))
    marks = "；".join(mark.get(lang) for mark in results.marks)
    _sub(document, "description", harmless(f"{marks} {results.run_date}"))
    layers = [(entry, frame) for entry, frame in built(results) if entry.key != "village_regions"]
    for entry, _ in layers:
        for number, symbol in enumerate(entry.styles[0].symbols):
            _style(document, f"{entry.key}_{number}", symbol, entry)
    for theme, title in THEMES.items():
        own = [(entry, frame) for entry, frame in layers if entry.theme == theme]
        if own:
            folder = _sub(document, "Folder")
            _sub(folder, "name", title.get(lang))
            for entry, frame in own:
                _layer(folder, entry, frame, results)
    return root


def _color(color: str, opacity: float = 1.0) -> str:
    """Return KML's aabbggrr."""
    return f"{round(opacity * 255):02x}{color[5:7]}{color[3:5]}{color[1:3]}"


def _style(document: ET.Element, name: str, symbol: Symbol, entry: Layer) -> None:
    style = _sub(document, "Style", id=name)
    if entry.geometry == "point":
        icon = _sub(style, "IconStyle")
        _sub(icon, "color", _color(symbol.color))
        _sub(icon, "scale", f"{symbol.size / 3:.2f}")
        # No picture is named: the viewer's own marker needs no network.
        return
    line = _sub(style, "LineStyle")
    _sub(line, "color", _color(symbol.color if entry.geometry == "line" else symbol.outline))
    _sub(line, "width", f"{max(1.0, symbol.size * 4):.1f}")
    if entry.geometry == "area":
        area = _sub(style, "PolyStyle")
        _sub(area, "color", _color(symbol.color, symbol.opacity))
        _sub(area, "fill", "1" if symbol.opacity else "0")


def _layer(parent: ET.Element, entry: Layer, frame: gpd.GeoDataFrame, results: Results) -> None:
    lang = results.lang
    folder = _sub(parent, "Folder")
    _sub(folder, "name", entry.title.get(lang))
    if entry.note.get(lang):
        _sub(folder, "description", entry.note.get(lang))
    _sub(folder, "visibility", "1" if entry.theme in ("villages", "base") else "0")
    style = entry.styles[0]
    placed = frame[frame.geometry.notna()].to_crs(datum.WGS84)
    label = style.label if style.label in placed.columns else None
    columns = [c for c in entry.columns if c.name in placed.columns]
    for _, row in placed.iterrows():
        mark = _sub(folder, "Placemark")
        _sub(mark, "name", harmless(row[label]) if label else entry.title.get(lang))
        symbol = style.symbol_of(row[style.by]) if style.by else style.symbols[0]
        _sub(mark, "styleUrl", f"#{entry.key}_{style.symbols.index(symbol)}")
        data = _sub(mark, "ExtendedData")
        for column in columns:
            value = row[column.name]
            if pd.isna(value) or value == "":
                continue
            item = _sub(data, "Data", name=column.name)
            _sub(item, "displayName", content.heading(column, lang))
            _sub(item, "value", harmless(value))
        _geometry(mark, row.geometry)


def _coordinates(geometry: shapely.Geometry) -> str:
    return " ".join(f"{x:.7f},{y:.7f}" for x, y in shapely.get_coordinates(geometry))


def _geometry(parent: ET.Element, geometry: shapely.Geometry) -> None:
    kind = geometry.geom_type
    if kind.startswith("Multi"):
        several = _sub(parent, "MultiGeometry")
        for part in geometry.geoms:
            _geometry(several, part)
    elif kind == "Polygon":
        polygon = _sub(parent, "Polygon")
        for ring, tag in (
            (geometry.exterior, "outerBoundaryIs"),
            *((r, "innerBoundaryIs") for r in geometry.interiors),
        ):
            _sub(_sub(_sub(polygon, tag), "LinearRing"), "coordinates", _coordinates(ring))
    else:
        line = _sub(parent, kind)
        if kind == "LineString":
            _sub(line, "tessellate", "1")
        _sub(line, "coordinates", _coordinates(geometry))
