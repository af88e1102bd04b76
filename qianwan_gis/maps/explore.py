"""One line to look at any table of places: Chinese tooltips, a legend, no network.

The columns' Chinese titles and the words for coded values come from `qianwan_gis.schemas`, as in
every other output. Nothing in a table can act as HTML: all text is escaped before it enters.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pandas as pd

from qianwan_gis import datum
from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.maps.offline import localise
from qianwan_gis.schemas import TABLES, VALUE_TEXT, value_text

if TYPE_CHECKING:
    import folium
    import geopandas as gpd

#: Okabe and Ito's colours (told apart by colour-blind readers), strongest first.
_CATEGORIES = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#882255", "#332288",
)  # fmt: skip
#: Five steps of viridis, dark to light: they also read in grey.
_STEPS = ("#440154", "#3b528b", "#21918c", "#5ec962", "#e0c81c")
_MISSING = "#9a9a9a"
_PLAIN = "#0072b2"
_MOST_COLUMNS = 14
_TITLES = {c.name: c.title.zh for columns in TABLES.values() for c in columns}

_FRAME = """
{% macro header(this, kwargs) %}
<style>.leaflet-container{background:#f6f6f3}.leaflet-attribution-flag{display:none!important}</style>
{% endmacro %}
{% macro html(this, kwargs) %}
{% if this.inner %}<div style="position:fixed;right:10px;top:10px;z-index:1000;max-width:45%;max-height:80%;overflow:auto;
padding:6px 10px;border-radius:6px;background:#fffe;color:#222;box-shadow:0 1px 4px #0005;
font:13px/1.5 sans-serif">{{ this.inner }}</div>{% endif %}
{% endmacro %}
"""


@lru_cache(maxsize=1)
def _map_class() -> type[folium.Map]:
    """Return folium's Map with a notebook display that needs no network; folium loads here."""
    import folium

    class LocalMap(folium.Map):
        def _repr_html_(self, **_: Any) -> str:
            with warnings.catch_warnings():  # the page itself shows where tiles come from
                warnings.simplefilter("ignore", UserWarning)
                page = localise(self.get_root().render(), tiles="allow")
            return (
                f'<iframe srcdoc="{escape(page)}" style="width:100%;height:480px;border:0" '
                'title="map"></iframe>'
            )

    return LocalMap


def _show(column: str, value: Any) -> str:
    """Return a cell as a reader wants it, not escaped."""
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return ""
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "是" if value else "否"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() or abs(value) >= 1000 else f"{value:.4g}"
    return value_text(column, value).zh


def _bins(values: pd.Series) -> tuple[pd.Series, list[str], tuple[str, ...]]:
    """Cut numbers at their quintiles; returns the class of each, the labels and the colours."""
    edges = values.quantile([0, 0.2, 0.4, 0.6, 0.8, 1]).drop_duplicates().tolist()
    classes = pd.cut(values, edges, labels=False, include_lowest=True)
    labels = [f"{_show('', a)} – {_show('', b)}" for a, b in pairwise(edges)]
    return classes, labels, _STEPS[: len(labels)]


def _groups(values: pd.Series) -> tuple[pd.Series, list[str], tuple[str, ...]]:
    """Give each value its own colour; beyond eight the rarest share one."""
    name = str(values.name)
    words = values.map(lambda v: _show(name, v)).replace("", None)
    counts = words.value_counts()
    defined = {text.zh: rank for rank, text in enumerate(VALUE_TEXT.get(name, {}).values())}
    ranked = sorted(counts.index, key=lambda w: (defined.get(w, len(defined)), -counts[w], w))
    colours: tuple[str, ...] = _CATEGORIES
    if len(ranked) > len(_CATEGORIES):
        ranked = sorted(counts.index, key=lambda w: (-counts[w], w))
        rest = len(ranked) - len(_CATEGORIES) + 1
        ranked, colours = [*ranked[:-rest], f"其他{rest}类"], (*_CATEGORIES[:-1], "#555555")
        words = words.where(words.isna() | words.isin(ranked), ranked[-1])
    codes = words.map({word: float(i) for i, word in enumerate(ranked)})
    return codes, ranked, colours[: len(ranked)]


def _check(gdf: gpd.GeoDataFrame, asked: Sequence[str]) -> None:
    unknown = [column for column in asked if column not in gdf.columns]
    if unknown:
        there = ", ".join(map(str, gdf.columns))
        raise UsageError(
            Text(
                f"没有字段：{', '.join(unknown)}。表中的字段：{there}",
                f"no such column: {', '.join(unknown)}. Columns: {there}",
            )
        )
    if gdf.crs is None:
        raise UsageError(
            Text(
                "表没有坐标系，无法上图。处理：先用 gdf.set_crs(…) 写明。",
                "The table has no CRS and cannot be drawn. To do: state it with gdf.set_crs(…).",
            )
        )


def _legend(
    title: str, color_by: str | None, entries: list[tuple[str, str, int]], gone: int
) -> str:
    lines = [f"<b>{escape(title)}</b>"] if title else []
    if color_by is not None:
        lines.append(escape(_TITLES.get(color_by, color_by)))
    lines += [
        f'<span style="display:inline-block;width:12px;height:12px;margin-right:6px;'
        f'background:{colour}"></span>{escape(label)}（{count}）'
        for label, colour, count in entries
    ]
    if gone:
        lines.append(f"另有{gone}行没有位置，未画")
    return "<br>".join(lines)


def explore(
    gdf: gpd.GeoDataFrame,
    *,
    color_by: str | None = None,
    tooltip: Sequence[str] | None = None,
    title: str = "",
) -> folium.Map:
    """Draw any GeoDataFrame as a map, in one line.

    No basemap and no request: the map shows in a notebook with the network off, and
    `qianwan_gis.save_offline` writes it as one file. Rows without a position are counted in the
    legend, never placed.

    Parameters
    ----------
    gdf
        Points, lines or polygons in any CRS (drawn in WGS84 degrees).
    color_by
        A column to colour by. Numbers of more than eight values are cut at their quintiles,
        anything else has a colour each; beyond eight the rarest share one. Empty is grey.
    tooltip
        Columns shown under the pointer; the first 14 by default, none for ``[]``.
    title
        A heading in the corner.

    Returns
    -------
    folium.Map
        Layers may be added to it as to any folium map.

    Raises
    ------
    UsageError
        A column that is not there, a table without CRS, or one without any position.
    """
    import folium
    import shapely
    from branca.element import MacroElement
    from folium.template import Template

    _check(gdf, [*([color_by] if color_by is not None else []), *(tooltip or [])])
    shapes = gdf.geometry.to_crs(datum.WGS84)
    there = (shapes.notna() & ~shapes.is_empty).to_numpy()
    if not there.any():
        raise UsageError(
            Text(
                "没有任何一行有位置，无法上图。", "No row has a position; there is nothing to draw."
            )
        )
    kept = gdf[there].reset_index(drop=True)
    shapes = shapely.transform(shapes.to_numpy()[there], lambda xy: xy.round(6))

    plain = [str(c) for c in gdf.columns if not isinstance(gdf[c].dtype, type(gdf.geometry.dtype))]
    shown = list(tooltip) if tooltip is not None else plain[:_MOST_COLUMNS]
    cells = [kept[column].map(lambda v, c=column: escape(_show(c, v))).tolist() for column in shown]

    entries: list[tuple[str, str, int]] = []
    colours = [_PLAIN] * len(kept)
    if color_by is not None:
        values = kept[color_by]
        numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
        cut = _bins if numeric and values.nunique() > len(_CATEGORIES) else _groups
        codes, labels, palette = cut(values)
        colours = [_MISSING if pd.isna(c) else palette[int(c)] for c in codes]
        entries = [(label, palette[i], int((codes == i).sum())) for i, label in enumerate(labels)]
        if codes.isna().any():
            entries.append(("空", _MISSING, int(codes.isna().sum())))

    features = [
        {
            "type": "Feature",
            "id": str(row),
            "geometry": shapely.geometry.mapping(shape),
            "properties": {
                "colour": colours[row],
                **{f"c{i}": c[row] for i, c in enumerate(cells)},
            },
        }
        for row, shape in enumerate(shapes)
    ]
    west, south, east, north = shapely.total_bounds(shapes)
    made = _map_class()(
        location=[(south + north) / 2, (west + east) / 2],
        tiles=None,
        control_scale=True,
        maxZoom=18,  # in this spelling it reaches the map; without tiles nothing else sets it
    )
    made.default_js = [entry for entry in made.default_js if entry[0] != "bootstrap"]
    made.default_css = [entry for entry in made.default_css if entry[0] != "bootstrap_css"]
    folium.GeoJson(
        {"type": "FeatureCollection", "features": features},
        marker=folium.CircleMarker(radius=5, weight=1, fill_opacity=0.85),
        style_function=_style,
        tooltip=folium.GeoJsonTooltip(
            fields=[f"c{i}" for i in range(len(shown))],
            aliases=[escape(_TITLES.get(column, column)) for column in shown],
            sticky=True,
        ) if shown else None,
    ).add_to(made)  # fmt: skip
    legend = _legend(title, color_by, entries, int((~there).sum()))

    class Frame(MacroElement):
        _template = Template(_FRAME)

        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self._name = "legend"
            self.inner = legend

    made.add_child(Frame())
    made.fit_bounds([[south, west], [north, east]], max_zoom=15, padding=(20, 20))
    return made


def _style(feature: dict[str, Any]) -> dict[str, Any]:
    kind = feature["geometry"]["type"]
    colour = feature["properties"]["colour"]
    if "Point" in kind:
        return {
            "color": "#ffffff",
            "weight": 1,
            "fill": True,
            "fillColor": colour,
            "fillOpacity": 0.9,
        }
    if "Polygon" in kind:
        return {"color": colour, "weight": 1.5, "fillColor": colour, "fillOpacity": 0.3}
    return {"color": colour, "weight": 2.5}
