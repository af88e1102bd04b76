"""QML (QGIS) and SLD (OGC 1.0) from a `qianwan_gis.layers.Style`.

Both are written by hand from the one style description: the subset used (simple markers, lines,
fills, categories, labels, aliases) has been stable since QGIS 3.0, and no QGIS is needed to make it.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from qianwan_gis._text import Lang
from qianwan_gis.layers import Style, Symbol
from qianwan_gis.schemas import Column

LABEL_FONT = "Noto Sans CJK SC"
_PIXELS_PER_MM = 1 / 0.28  # the OGC's standard pixel is 0.28 mm
_QGIS_TYPE = {"point": "marker", "line": "line", "area": "fill"}
_QGIS_SHAPE = {
    "circle": "circle",
    "square": "square",
    "triangle": "triangle",
    "diamond": "diamond",
    "cross": "cross_fill",
}
_SLD_SHAPE = {
    "circle": "circle",
    "square": "square",
    "triangle": "triangle",
    "diamond": "square",
    "cross": "cross",
}


def rgb(color: str) -> tuple[int, int, int]:
    """Return the three parts of ``#rrggbb``, 0 to 255."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def qml(style: Style, columns: Sequence[Column] = (), *, lang: Lang = "zh") -> str:
    """Return a QGIS layer style: symbols, labels, and Chinese aliases of the fields."""
    root = ET.Element(
        "qgis", version="3.28.0", styleCategories="Symbology|Labeling|Fields", labelsEnabled="0"
    )
    fill_qgis(root, style, columns, lang=lang)
    ET.indent(root, " ")
    doctype = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
    return doctype + ET.tostring(root, encoding="unicode") + "\n"


def fill_qgis(
    root: ET.Element, style: Style, columns: Sequence[Column] = (), *, lang: Lang = "zh"
) -> None:
    """Add renderer, labels and aliases to a ``<qgis>`` or ``<maplayer>`` element."""
    _renderer(root, style, lang)
    if style.label is not None:
        root.set("labelsEnabled", "1")
        _labels(root, style.label, style.geometry)
    aliases = ET.SubElement(root, "aliases")
    for number, column in enumerate(columns):
        ET.SubElement(
            aliases, "alias", field=column.name, index=str(number), name=column.title.get(lang)
        )


def _renderer(root: ET.Element, style: Style, lang: Lang) -> None:
    shared = {"forceraster": "0", "symbollevels": "0", "enableorderby": "0"}
    if style.by is None:
        renderer = ET.SubElement(root, "renderer-v2", {"type": "singleSymbol", **shared})
        symbols = ET.SubElement(renderer, "symbols")
        _symbol(symbols, "0", style.symbols[0], style.geometry)
        return
    renderer = ET.SubElement(
        root, "renderer-v2", {"type": "categorizedSymbol", "attr": style.by, **shared}
    )
    categories = ET.SubElement(renderer, "categories")
    symbols = ET.SubElement(renderer, "symbols")
    for number, symbol in enumerate(style.symbols):
        ET.SubElement(
            categories,
            "category",
            value=symbol.value,  # QGIS reads the empty value as "all others"
            symbol=str(number),
            label=symbol.title.get(lang),
            render="true",
            type="string",
        )
        _symbol(symbols, str(number), symbol, style.geometry)


def _symbol(parent: ET.Element, name: str, symbol: Symbol, geometry: str) -> None:
    element = ET.SubElement(
        parent,
        "symbol",
        type=_QGIS_TYPE[geometry],
        name=name,
        alpha="1",
        clip_to_extent="1",
        force_rhr="0",
    )
    if geometry == "point":
        options = {
            "name": _QGIS_SHAPE[symbol.shape],
            "color": _rgba(symbol.color, symbol.opacity),
            "outline_color": _rgba(symbol.outline),
            "outline_style": "solid",
            "outline_width": "0.2",
            "outline_width_unit": "MM",
            "size": f"{symbol.size:g}",
            "size_unit": "MM",
        }
        kind = "SimpleMarker"
    elif geometry == "line":
        options = {
            "line_color": _rgba(symbol.color),
            "line_style": "dash" if symbol.dashed else "solid",
            "line_width": f"{symbol.size:g}",
            "line_width_unit": "MM",
            "capstyle": "round",
            "joinstyle": "round",
        }
        kind = "SimpleLine"
    else:
        options = {
            "color": _rgba(symbol.color, symbol.opacity),
            "style": "solid" if symbol.opacity else "no",
            "outline_color": _rgba(symbol.outline),
            "outline_style": "dash" if symbol.dashed else "solid",
            "outline_width": f"{symbol.size:g}",
            "outline_width_unit": "MM",
        }
        kind = "SimpleFill"
    layer = ET.SubElement(element, "layer", {"class": kind, "enabled": "1", "locked": "0", "pass": "0"})  # fmt: skip
    table = ET.SubElement(layer, "Option", type="Map")
    for key, value in options.items():
        ET.SubElement(table, "Option", type="QString", name=key, value=value)
        ET.SubElement(layer, "prop", k=key, v=value)  # read by QGIS before 3.18


def _rgba(color: str, opacity: float = 1.0) -> str:
    red, green, blue = rgb(color)
    return f"{red},{green},{blue},{round(opacity * 255)}"


def _labels(root: ET.Element, column: str, geometry: str) -> None:
    labeling = ET.SubElement(root, "labeling", type="simple")
    settings = ET.SubElement(labeling, "settings", calloutType="simple")
    text = ET.SubElement(
        settings,
        "text-style",
        fieldName=column,
        isExpression="0",
        fontFamily=LABEL_FONT,
        fontSize="8",
        fontSizeUnit="Point",
        textColor="51,51,51,255",
        textOpacity="1",
        namedStyle="Regular",
    )
    ET.SubElement(
        text,
        "text-buffer",
        bufferDraw="1",
        bufferSize="0.7",
        bufferSizeUnits="MM",
        bufferColor="255,255,255,255",
        bufferOpacity="1",
    )
    # 6: cartographic positions around a point; 2: parallel to a line; 1: around a centroid.
    placement = {"point": "6", "line": "2", "area": "1"}[geometry]
    ET.SubElement(settings, "placement", placement=placement, dist="0.8", distUnits="MM")
    ET.SubElement(settings, "rendering", drawLabels="1", obstacle="1", displayAll="0")


_SLD = "http://www.opengis.net/sld"
_OGC = "http://www.opengis.net/ogc"


def sld(style: Style, layer_name: str, *, lang: Lang = "zh") -> str:
    """Return an SLD 1.0 document for servers and programs that do not read QML."""
    ET.register_namespace("sld", _SLD)
    ET.register_namespace("ogc", _OGC)
    root = ET.Element(f"{{{_SLD}}}StyledLayerDescriptor", version="1.0.0")
    named = _sub(root, "NamedLayer")
    _sub(named, "Name", layer_name)
    user = _sub(named, "UserStyle")
    _sub(user, "Name", style.name.get(lang))
    feature = _sub(user, "FeatureTypeStyle")
    for symbol in style.symbols:
        rule = _sub(feature, "Rule")
        _sub(rule, "Name", symbol.title.get(lang))
        _sub(rule, "Title", symbol.title.get(lang))
        if style.by is not None:
            _filter(rule, style, symbol)
        _sld_symbol(rule, symbol, style.geometry)
        if style.label is not None:
            _sld_label(rule, style.label)
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _sub(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, f"{{{_SLD}}}{tag}", attributes)
    element.text = text
    return element


def _filter(rule: ET.Element, style: Style, symbol: Symbol) -> None:
    if symbol.value == "":
        _sub(rule, "ElseFilter")
        return
    condition = ET.SubElement(rule, f"{{{_OGC}}}Filter")
    equal = ET.SubElement(condition, f"{{{_OGC}}}PropertyIsEqualTo")
    ET.SubElement(equal, f"{{{_OGC}}}PropertyName").text = style.by
    ET.SubElement(equal, f"{{{_OGC}}}Literal").text = symbol.value


def _css(parent: ET.Element, **values: str | float) -> None:
    for name, value in values.items():
        text = value if isinstance(value, str) else f"{value:g}"
        _sub(parent, "CssParameter", text, name=name.replace("_", "-"))


def _stroke(parent: ET.Element, color: str, width: float, *, dashed: bool) -> None:
    stroke = _sub(parent, "Stroke")
    _css(stroke, stroke=color, stroke_width=round(width * _PIXELS_PER_MM, 2))
    if dashed:
        _css(stroke, stroke_dasharray="6 4")


def _sld_symbol(rule: ET.Element, symbol: Symbol, geometry: str) -> None:
    if geometry == "line":
        _stroke(_sub(rule, "LineSymbolizer"), symbol.color, symbol.size, dashed=symbol.dashed)
        return
    if geometry == "area":
        polygon = _sub(rule, "PolygonSymbolizer")
        if symbol.opacity:
            _css(_sub(polygon, "Fill"), fill=symbol.color, fill_opacity=symbol.opacity)
        _stroke(polygon, symbol.outline, symbol.size, dashed=symbol.dashed)
        return
    graphic = _sub(_sub(rule, "PointSymbolizer"), "Graphic")
    mark = _sub(graphic, "Mark")
    _sub(mark, "WellKnownName", _SLD_SHAPE[symbol.shape])
    _css(_sub(mark, "Fill"), fill=symbol.color, fill_opacity=symbol.opacity)
    _stroke(mark, symbol.outline, 0.2, dashed=False)
    _sub(graphic, "Size", f"{symbol.size * _PIXELS_PER_MM:.1f}")
    if symbol.shape == "diamond":
        _sub(graphic, "Rotation", "45")


def _sld_label(rule: ET.Element, column: str) -> None:
    text = _sub(rule, "TextSymbolizer")
    label = _sub(text, "Label")
    ET.SubElement(label, f"{{{_OGC}}}PropertyName").text = column
    _css(_sub(text, "Font"), font_family=LABEL_FONT, font_size="11")
    halo = _sub(text, "Halo")
    _sub(halo, "Radius", "1")
    _css(_sub(halo, "Fill"), fill="#ffffff")
    _css(_sub(text, "Fill"), fill="#333333")
