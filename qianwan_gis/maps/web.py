"""The web map as a product: one folium map that carries its own panel, cards, legend and tools.

The only module that imports folium. The interface is our own script and style sheet in
``web/src``; folium gives the map, the notebook display and the way for a user to add layers of
their own. The data ride in the page as JSON and reach it as text only.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qianwan_gis.maps import payload, planning, whatif
from qianwan_gis.maps.basemaps import Basemap, choose, named
from qianwan_gis.maps.basemaps import payload as basemap_payload
from qianwan_gis.maps.offline import escape_script, save_offline

if TYPE_CHECKING:
    import folium

    from qianwan_gis.layers import Results

_SOURCE = Path(__file__).resolve().parent / "web" / "src"
_SCRIPTS = (
    "core.js", "marks.js", "layers.js", "planning.js", "timeline.js", "basemap.js", "whatif.js",
    "panel.js", "card.js", "tools.js", "main.js",
)  # fmt: skip

_TEMPLATE = """
{% macro header(this, kwargs) %}<style>{{ this.css }}</style>
{% for url in this.tiles %}<meta name="qianwan-tiles" content="{{ url|e }}">{% endfor %}
{% endmacro %}
{% macro html(this, kwargs) %}
<script type="application/json" id="qianwan-data">{{ this.json }}</script>
{% endmacro %}
{% macro script(this, kwargs) %}
{{ this.code }}
QW.start({{ this._parent.get_name() }},
         JSON.parse(document.getElementById("qianwan-data").textContent));
{% for name, text in this.blobs %}
</script><script type="application/octet-stream" id="qw-blob-{{ name|e }}">{{ text }}</script><script>
{% endfor %}
{% endmacro %}
"""


@lru_cache(maxsize=1)
def _code() -> tuple[str, str]:
    scripts = "\n".join((_SOURCE / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    return escape_script(scripts), (_SOURCE / "map.css").read_text(encoding="utf-8")


def embed_json(data: object) -> str:
    r"""Return JSON that no text in it can break out of: ``<``, ``>``, ``&`` become ``\u00xx``."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _of_county(results: Results) -> list[Basemap]:
    county = results.county
    return [named(text, county.folder) for text in county.map.basemaps]


def write(results: Results, path: str | Path) -> Path:
    """Write the web map of a finished plan as one file, with the basemaps its county asks for.

    The page may ask for tiles of those basemaps alone, and only when the reader switches one on.
    """
    offered = _of_county(results)
    online = any(basemap.urls for basemap in offered)
    with warnings.catch_warnings():  # the county's own file asks for them: no news
        warnings.simplefilter("ignore", UserWarning)
        return save_offline(
            web_map(results, basemaps=offered), path, tiles="allow" if online else "drop"
        )


def web_map(results: Results, *, basemaps: Sequence[str | Basemap] | None = None) -> folium.Map:
    """Return the web map of a finished plan.

    Villages with a position are drawn by category, by how the position is known or by the
    coverage of a service; those without one are counted at their township's seat and never given
    a marker of their own. What `Results.disclosure` forbids is not in the page at all.

    Parameters
    ----------
    results
        A finished plan; its projected CRS becomes WGS84 degrees here.

    basemaps
        Basemaps to offer in the page: whatever `qianwan_gis.maps.basemaps.named` takes
        (``"tianditu"``, ``"amap"``, a ``.pmtiles`` file, …) or `Basemap` entries of your own; those
        of the county's file unless given. None is switched on at the start. A map with online
        ones is saved with ``save_offline(map, path, tiles="allow")``.

    Returns
    -------
    folium.Map
        Save it with `qianwan_gis.save_offline`; layers may be added to it as to any folium map.
    """
    import folium
    from branca.element import MacroElement
    from folium.template import Template

    blobs: dict[str, bytes] = {}
    data = payload.build(results, blobs)
    offered = choose(_of_county(results) if basemaps is None else basemaps)
    data["whatif"] = whatif.payload(results, getattr(results, "network", None), blobs)
    data["basemaps"] = basemap_payload(offered, results.lang, blobs)
    (south, west), (north, east) = data["boundary"]["bounds"]
    made = folium.Map(
        location=[(south + north) / 2, (west + east) / 2],
        zoom_start=10,
        tiles=None,
        zoom_control=False,
        attribution_control=True,
        min_zoom=6,
        maxZoom=18,  # in this spelling it reaches the map; without tiles nothing else sets it
        minZoom=6,
        zoomSnap=0.25,
        wheelPxPerZoomLevel=90,
    )
    # On the instance: folium keeps these lists on the class, where a change would reach every map.
    # What a page makes no use of (jQuery, icon fonts) is left out again when it is saved offline.
    made.default_js = [entry for entry in made.default_js if entry[0] != "bootstrap"]
    made.default_css = [entry for entry in made.default_css if entry[0] != "bootstrap_css"]
    if any(name.endswith("-tiles") for name in blobs):
        made.default_js += [
            ("pmtiles", "https://unpkg.com/pmtiles@4.5.0/dist/pmtiles.js"),
            ("protomaps", "https://unpkg.com/protomaps-leaflet@5.1.0/dist/protomaps-leaflet.js"),
        ]

    class Interface(MacroElement):
        _template = Template(_TEMPLATE)

        def __init__(self, content: dict[str, Any]) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self._name = "qianwan"
            self.code, self.css = _code()
            self.json = embed_json(content)
            self.tiles = [url for basemap in offered for url in basemap.addresses()]
            # After the script that starts the page: it can be seen before these are read.
            self.blobs = [(name, planning.text64(blob)) for name, blob in sorted(blobs.items())]

    Interface(data).add_to(made)
    return made
