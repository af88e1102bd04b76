"""A QGIS project (``.qgz``) that opens the GeoPackage beside it: styled, grouped by theme, in order.

No maintained pure-Python writer of projects exists, so the XML is written here: the parts that
QGIS needs since 3.0. Paths are relative; project and GeoPackage may be moved together.
"""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from qianwan_gis import _io
from qianwan_gis.export import styles
from qianwan_gis.layers import THEMES, Layer, Results, built

if TYPE_CHECKING:
    import pyproj

_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_GEOMETRY = {"point": ("Point", "Point"), "line": ("Line", "MultiLineString"), "area": ("Polygon", "MultiPolygon")}  # fmt: skip
# Switched on when the project opens; the rest is one click away.
_VISIBLE = {"villages", "seats", "roads", "boundary", "corridor", "facilities"}


def write(results: Results, path: Path | str, geopackage: Path | str) -> Path:
    """Write a project for a GeoPackage written by `qianwan_gis.export.gpkg.write`.

    Parameters
    ----------
    results
        The plan's results: the same that the GeoPackage was written from.
    path
        The ``.qgz`` to write; replaced whole.
    geopackage
        The GeoPackage; the project names it by its path relative to the project.

    Returns
    -------
    Path
        The project. The same results give the same bytes.
    """
    path = Path(path)
    relative = Path(os.path.relpath(Path(geopackage).resolve(), path.resolve().parent)).as_posix()
    root = _project(results, relative)
    ET.indent(root, " ")
    text = (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
        + ET.tostring(root, encoding="unicode")
        + "\n"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo(f"{path.stem}.qgs", date_time=_ZIP_DATE)
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, text.encode("utf-8"))
    return _io.write_bytes(path, buffer.getvalue())


def _project(results: Results, relative: str) -> ET.Element:
    lang = results.lang
    title = results.title.get(lang)
    root = ET.Element("qgis", projectname=title, version="3.22.0")
    ET.SubElement(root, "homePath", path="")
    ET.SubElement(root, "title").text = title
    _crs(ET.SubElement(root, "projectCrs"), results.crs)
    shown = [entry for entry, _ in built(results)]
    tree = ET.SubElement(root, "layer-tree-group")
    ET.SubElement(tree, "customproperties")
    for theme, name in THEMES.items():
        own = [entry for entry in shown if entry.theme == theme]
        if not own:
            continue
        group = ET.SubElement(
            tree, "layer-tree-group", name=name.get(lang), checked="Qt::Checked", expanded="1"
        )
        ET.SubElement(group, "customproperties")
        for entry in own:
            node = ET.SubElement(
                group,
                "layer-tree-layer",
                id=_id(entry),
                name=entry.title.get(lang),
                source=_source(relative, entry),
                providerKey="ogr",
                checked="Qt::Checked" if entry.key in _VISIBLE else "Qt::Unchecked",
                expanded="0",
            )
            ET.SubElement(node, "customproperties")
    order = ET.SubElement(tree, "custom-order", enabled="1")
    for entry in _top_down(shown):
        ET.SubElement(order, "item").text = _id(entry)
    _canvas(root, results)
    layers = ET.SubElement(root, "projectlayers")
    for entry in shown:
        _layer(layers, entry, relative, results)
    properties = ET.SubElement(root, "properties")
    paths = ET.SubElement(properties, "Paths")
    ET.SubElement(paths, "Absolute", type="bool").text = "false"
    metadata = ET.SubElement(root, "projectMetadata")
    ET.SubElement(metadata, "title").text = title
    ET.SubElement(metadata, "abstract").text = "；".join(m.get(lang) for m in results.marks)
    ET.SubElement(metadata, "creation").text = f"{results.run_date}T00:00:00"
    return root


def _top_down(shown: list[Layer]) -> list[Layer]:
    """Return points above lines above areas, whatever the order of the themes."""
    rank = {"point": 0, "line": 1, "area": 2}
    return sorted(shown, key=lambda entry: rank[entry.geometry])


def _id(entry: Layer) -> str:
    """Return the layer's id; QGIS drops layers whose id has no underscore in it."""
    return f"{entry.key}_layer"


def _source(relative: str, entry: Layer) -> str:
    return f"./{relative}|layername={entry.key}"


def _crs(parent: ET.Element, crs: pyproj.CRS) -> None:
    system = ET.SubElement(parent, "spatialrefsys", nativeFormat="Wkt")
    code = crs.to_epsg()
    parts = {
        "wkt": crs.to_wkt(),
        "proj4": "",
        "srsid": "0",
        "srid": str(code or 0),
        "authid": f"EPSG:{code}" if code else "",
        "description": crs.name,
        "projectionacronym": "tmerc",
        "ellipsoidacronym": "",
        "geographicflag": "false",
    }
    for tag, text in parts.items():
        ET.SubElement(system, tag).text = text


def _canvas(root: ET.Element, results: Results) -> None:
    canvas = ET.SubElement(root, "mapcanvas", name="theMapCanvas", annotationsVisible="1")
    ET.SubElement(canvas, "units").text = "meters"
    extent = ET.SubElement(canvas, "extent")
    for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), results.boundary.total_bounds, strict=True):  # fmt: skip
        ET.SubElement(extent, tag).text = f"{value:.3f}"
    ET.SubElement(canvas, "rotation").text = "0"
    _crs(ET.SubElement(canvas, "destinationsrs"), results.crs)


def _layer(parent: ET.Element, entry: Layer, relative: str, results: Results) -> None:
    geometry, wkb = _GEOMETRY[entry.geometry]
    layer = ET.SubElement(
        parent,
        "maplayer",
        type="vector",
        geometry=geometry,
        wkbType=wkb,
        hasScaleBasedVisibilityFlag="0",
        labelsEnabled="0",
    )
    ET.SubElement(layer, "id").text = _id(entry)
    ET.SubElement(layer, "datasource").text = _source(relative, entry)
    ET.SubElement(layer, "layername").text = entry.title.get(results.lang)
    _crs(ET.SubElement(layer, "srs"), results.crs)
    metadata = ET.SubElement(layer, "resourceMetadata")
    ET.SubElement(metadata, "abstract").text = entry.note.get(results.lang)
    ET.SubElement(layer, "provider", encoding="UTF-8").text = "ogr"
    styles.fill_qgis(layer, entry.styles[0], entry.columns, lang=results.lang)
