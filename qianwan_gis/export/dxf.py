"""DXF R2010 for CAD: layers, blocks with attributes, Chinese labels, metres.

R2010 is the first release whose text is UTF-8; earlier ones hold escapes that few programs decode.
Text is in ``txt.shx`` with the big font ``gbcbig.shx``, which every Chinese AutoCAD and CASS has.
The header names code page 936, by which old big fonts are found, although the text is UTF-8; GDAL
goes by the header and needs ``DXF_ENCODING=UTF-8``.
x is east and y is north, as on paper and in GIS; 坐标 tables of a survey list north first.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import shapely

from qianwan_gis import _io
from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.export.document import clean
from qianwan_gis.export.styles import rgb
from qianwan_gis.layers import Layer, Results, Style, Symbol, built

if TYPE_CHECKING:
    import geopandas as gpd

_TEXT_STYLE = "HZ"
_LABEL_SUFFIX = "-注记"
_ILLEGAL = "<>/\\\":;?*|='`,"
# Attributes of a point's block: tag, column, visible. CAD tables are made from these.
_ATTRIBUTES = (("NAME", "name"), ("CODE", "code"), ("TOWNSHIP", "township"))


def write(results: Results, path: Path | str, *, scale: int = 50_000) -> Path:
    """Write the planning layers as one DXF in ``results.crs``.

    Parameters
    ----------
    results
        The plan's results.
    path
        File to write; replaced whole.
    scale
        Denominator of the plotting scale: 2.5 mm of label height and the symbols' millimetres are
        turned into ground metres by it.

    Returns
    -------
    Path
        The file. The same results give the same bytes.
    """
    from ezdxf import new, options  # type: ignore[attr-defined]  # star imports in ezdxf

    if scale <= 0:
        raise UsageError(Text(f"比例尺分母须为正数：{scale}", f"scale must be positive: {scale}"))
    settings = options.write_fixed_meta_data_for_testing
    # Otherwise every file holds the clock's time and new random identifiers.
    options.write_fixed_meta_data_for_testing = True
    try:
        drawing = new("R2010", setup=["linetypes"])
        _fill(drawing, results, scale / 1000)
        buffer = io.StringIO()
        drawing.write(buffer)
    finally:
        options.write_fixed_meta_data_for_testing = settings
    # CR LF and UTF-8 without a mark are what the format's own writers produce.
    text = buffer.getvalue().replace("\r\n", "\n").replace("\n", "\r\n")
    return _io.write_bytes(Path(path), text.encode("utf-8"))


def plain(value: object) -> str:
    """Return text without DXF's codes: ``%%d`` (degree), ``^J`` (control), backslash escapes."""
    text = clean(str(value)).replace("%%", "％％").replace("\\", "＼").replace("^", "＾")
    return text.replace("{", "｛").replace("}", "｝")


def layer_name(title: str) -> str:
    """Return a title as a CAD layer's name, without the characters that are not allowed."""
    return "".join("_" if c in _ILLEGAL else c for c in clean(title)).strip()[:255]


def _fill(drawing: Any, results: Results, metres_per_mm: float) -> None:
    from ezdxf import units

    drawing.units = units.M
    drawing.encoding = "gbk"  # the code page old big fonts are looked up by; the text is UTF-8
    drawing.header["$LTSCALE"] = metres_per_mm * 4
    drawing.styles.add(_TEXT_STYLE, font="txt.shx").dxf.bigfont = "gbcbig.shx"
    space = drawing.modelspace()
    # From the bottom up: what is drawn last lies on top.
    for entry, frame in reversed(list(built(results))):
        placed = frame[frame.geometry.notna()]
        if len(placed):
            _layer(drawing, space, entry, placed, results, metres_per_mm)
    _imprint(drawing, space, results, metres_per_mm)


def _layer(
    drawing: Any,
    space: Any,
    entry: Layer,
    frame: gpd.GeoDataFrame,
    results: Results,
    metres_per_mm: float,
) -> None:
    name = layer_name(entry.title.get(results.lang))
    style = entry.styles[0]
    first = style.symbols[0]
    made = drawing.layers.add(name, linetype="DASHED" if first.dashed else "CONTINUOUS")
    made.rgb = rgb(first.color)
    if style.label is not None:
        drawing.layers.add(name + _LABEL_SUFFIX).rgb = (60, 60, 60)
    if entry.geometry == "point":
        _points(drawing, space, entry, frame, name, metres_per_mm)
        return
    for _, row in frame.iterrows():
        symbol = _symbol(style, row)
        _outline(space, row.geometry, symbol, name, closed=entry.geometry == "area")


def _symbol(style: Style, row: pd.Series) -> Symbol:
    return style.symbol_of(row[style.by]) if style.by else style.symbols[0]


def _true_color(color: str) -> int:
    red, green, blue = rgb(color)
    return red << 16 | green << 8 | blue


def _outline(space: Any, geometry: Any, symbol: Symbol, layer: str, *, closed: bool) -> None:
    look = {
        "layer": layer,
        "true_color": _true_color(symbol.outline if closed else symbol.color),
        "linetype": "DASHED" if symbol.dashed else "CONTINUOUS",
        "lineweight": _lineweight(symbol.size),
    }
    for part in shapely.get_parts(geometry):
        rings = [part.exterior, *part.interiors] if closed else [part]
        for ring in rings:
            corners = shapely.get_coordinates(ring)
            corners = corners[:-1] if closed else corners
            space.add_lwpolyline([(float(x), float(y)) for x, y in corners], close=closed, dxfattribs=look)  # fmt: skip


def _lineweight(size: float) -> int:
    """Return the nearest of DXF's fixed line weights, in hundredths of a millimetre."""
    allowed = (5, 9, 13, 15, 18, 20, 25, 30, 35, 40, 50, 53, 60, 70, 80, 90, 100, 106, 120)
    return min(allowed, key=lambda weight: abs(weight - size * 100))


def _points(
    drawing: Any,
    space: Any,
    entry: Layer,
    frame: gpd.GeoDataFrame,
    layer: str,
    metres_per_mm: float,
) -> None:
    style = entry.styles[0]
    for number, symbol in enumerate(style.symbols):
        _block(drawing, f"{entry.key}_{number}", symbol, metres_per_mm)
    height = 2.5 * metres_per_mm
    for _, row in frame.iterrows():
        symbol = _symbol(style, row)
        place = (float(row.geometry.x), float(row.geometry.y))
        insert = space.add_blockref(
            f"{entry.key}_{style.symbols.index(symbol)}", place, dxfattribs={"layer": layer}
        )
        for tag, column in _ATTRIBUTES:
            if column in frame.columns and pd.notna(row[column]):
                value = insert.add_attrib(
                    tag, plain(row[column]), place,
                    dxfattribs={"layer": layer, "style": _TEXT_STYLE, "height": height},
                )  # fmt: skip
                value.is_invisible = True
        label = style.label
        if label is not None and pd.notna(row[label]) and str(row[label]):
            text = space.add_text(
                plain(row[label]),
                height=height,
                dxfattribs={"layer": layer + _LABEL_SUFFIX, "style": _TEXT_STYLE},
            )
            gap = symbol.size * metres_per_mm * 0.7
            text.set_placement((place[0] + gap, place[1] - height / 2))


def _block(drawing: Any, name: str, symbol: Symbol, metres_per_mm: float) -> None:
    """Define a block for a symbol: a filled shape with an outline, centred on its base point."""
    block = drawing.blocks.new(name)
    half = symbol.size * metres_per_mm / 2
    color = {"layer": "0", "true_color": _true_color(symbol.color)}
    edge = {"layer": "0", "true_color": _true_color(_edge(symbol))}
    hatch = block.add_hatch(dxfattribs=color)
    if symbol.shape == "circle":
        hatch.paths.add_edge_path().add_arc((0, 0), half, 0, 360)
        block.add_circle((0, 0), half, dxfattribs=edge)
    else:
        corners = _corners(symbol.shape, half)
        hatch.paths.add_polyline_path(corners, is_closed=True)
        block.add_lwpolyline(corners, close=True, dxfattribs=edge)
    for tag, column in _ATTRIBUTES:
        block.add_attdef(
            tag, (0, 0), height=2.5 * metres_per_mm, dxfattribs={"prompt": column, "style": _TEXT_STYLE}
        ).is_invisible = True  # fmt: skip


def _edge(symbol: Symbol) -> str:
    return symbol.outline if symbol.color == "#ffffff" else symbol.color


def _corners(shape: str, h: float) -> list[tuple[float, float]]:
    t = h / 3
    return {
        "square": [(-h, -h), (h, -h), (h, h), (-h, h)],
        "diamond": [(0, -h), (h, 0), (0, h), (-h, 0)],
        "triangle": [(-h, -h * 0.8), (h, -h * 0.8), (0, h)],
        "cross": [(-t, -h), (t, -h), (t, -t), (h, -t), (h, t), (t, t), (t, h), (-t, h), (-t, t), (-h, t), (-h, -t), (-t, -t)],
    }[shape]  # fmt: skip


def _imprint(drawing: Any, space: Any, results: Results, metres_per_mm: float) -> None:
    """Write title, marks, datum and date below the drawing's lower left corner."""
    name = Text("图廓注记", "Imprint").get(results.lang)
    drawing.layers.add(name)
    minx, miny, _, _ = results.boundary.total_bounds
    lang = results.lang
    lines = [
        results.title.get(lang),
        *(mark.get(lang) for mark in results.marks),
        f"{results.crs.name}, {Text('单位：米', 'metres').get(lang)}",
        str(results.run_date),
    ]
    for number, line in enumerate(lines):
        text = space.add_text(
            plain(line),
            height=4 * metres_per_mm,
            dxfattribs={"layer": name, "style": _TEXT_STYLE},
        )
        text.set_placement((float(minx), float(miny) - (number + 2) * 6 * metres_per_mm))
