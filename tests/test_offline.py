"""One-file maps: everything inside, nothing asked for, nothing run that is data."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import folium
import folium.plugins as fp
import geopandas as gpd
import pandas as pd
import pytest
from maps_fixture import browser, opened
from shapely.geometry import Point, box

from qianwan_gis._errors import UsageError
from qianwan_gis.maps import build_assets
from qianwan_gis.maps.offline import escape_script, localise, save_offline

HOSTILE = '</script><img src=x onerror="window.hacked=1">\'"`${1}\\'


def bare(**options: object) -> folium.Map:
    return folium.Map(location=[35.5, 112.8], zoom_start=10, tiles=None, maxZoom=18, **options)


def loaded(page: object, family: str) -> bool:
    """Whether a font face of the page has been decoded and used."""
    faces = "[...document.fonts].filter(f => f.status === 'loaded').map(f => f.family).join()"
    return family in page.evaluate(faces)  # type: ignore[attr-defined]


def squares(n: int = 6) -> gpd.GeoDataFrame:
    cells = [box(112.5 + i * 0.05, 35.3, 112.54 + i * 0.05, 35.4) for i in range(n)]
    names = [f"村{i}" for i in range(n)]
    return gpd.GeoDataFrame({"id": names, "value": range(n), "geometry": cells}, crs="EPSG:4326")


def rich() -> folium.Map:
    m = bare()
    cluster = fp.MarkerCluster().add_to(m)
    for i in range(60):
        icon = folium.Icon(prefix="fa", icon="home", angle=30) if i % 3 == 0 else None
        folium.Marker(
            [35.4 + i * 0.003, 112.7 + (i % 9) * 0.02], popup=f"村{i}", tooltip="提示", icon=icon
        ).add_to(cluster)
    cells = squares()
    folium.Choropleth(
        cells, data=pd.DataFrame(cells[["id", "value"]]), columns=["id", "value"],
        key_on="feature.properties.id", legend_name="覆盖率",
    ).add_to(m)  # fmt: skip
    shape = folium.GeoJson(
        cells,
        name="面",
        tooltip=folium.GeoJsonTooltip(["id"]),
        popup=folium.GeoJsonPopup(["value"]),
    ).add_to(m)
    fp.Search(layer=shape, search_label="id", placeholder="查找村庄").add_to(m)
    fp.Fullscreen().add_to(m)
    fp.MeasureControl(localization="cn").add_to(m)
    fp.MousePosition().add_to(m)
    fp.LocateControl().add_to(m)
    fp.Draw().add_to(m)
    group = folium.FeatureGroup("组").add_to(m)
    fp.FeatureGroupSubGroup(group, "子组").add_to(m)
    fp.HeatMap([[35.5, 112.8, 1], [35.6, 112.9, 2]]).add_to(m)
    line = folium.PolyLine([[35.3, 112.6], [35.7, 113.0]]).add_to(m)
    fp.PolyLineTextPath(line, "太行一号", offset=5).add_to(m)
    fp.AntPath([[35.3, 112.9], [35.6, 112.6]]).add_to(m)
    fp.PolyLineOffset([[35.3, 112.9], [35.6, 112.5]], offset=4).add_to(m)
    fp.SemiCircle([35.5, 112.8], 3000, start_angle=0, stop_angle=90).add_to(m)
    folium.Marker([35.52, 112.81], icon=fp.BeautifyIcon(icon="star", number=3)).add_to(m)
    fp.StripePattern(angle=-45).add_to(m)
    fp.Terminator().add_to(m)
    fp.TimestampedGeoJson(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "geometry": {"type": "Point", "coordinates": [112.8, 35.5]},
                    "properties": {"times": ["2025-01-01"]},
                }
            ],
        }
    ).add_to(m)
    fp.TagFilterButton(["甲", "乙"]).add_to(m)
    fp.GroupedLayerControl({"组": [group]}).add_to(m)
    fp.TreeLayerControl({"label": "图层", "children": [{"label": "组", "layer": group}]}).add_to(m)
    folium.LayerControl().add_to(m)
    return m


def test_every_address_of_folium_and_its_plug_ins_is_packaged_or_known_to_need_a_server():
    """The list is read from folium itself, so a new version shows what is missing."""
    import importlib
    import pkgutil

    from folium.elements import JSCSSMixin

    from qianwan_gis.maps.offline import _lookup

    for module in pkgutil.walk_packages(folium.__path__, "folium."):
        importlib.import_module(module.name)

    def below(kind: type) -> set[type]:
        return {kind}.union(*(below(k) for k in kind.__subclasses__()))

    missing = {
        kind.__name__
        for kind in below(JSCSSMixin)
        for _, url in [*kind.default_js, *kind.default_css]
        if _lookup(url, "") is None
    }
    # A geocoder asks a server; VectorGrid's licence is unclear; Vega 1 is superseded.
    assert missing == {"Geocoder", "VectorGridProtobuf", "Vega"}


def test_assets_match_the_manifest_and_carry_licences():
    import hashlib

    manifest = json.loads((build_assets.ASSETS / "manifest.json").read_text("utf-8"))
    assert build_assets.is_current()
    for entry in manifest["assets"]:
        assert entry["licence"]
        if entry["file"]:
            data = (build_assets.ASSETS / entry["file"]).read_bytes()
            assert hashlib.sha256(data).hexdigest() == entry["sha256"]
            if entry["file"].endswith(".css"):
                found = build_assets._CSS_URL.finditer(data.decode("utf-8"))
                addresses = [(m[1] or m[2] or m[3]).strip() for m in found]
                assert all(a.startswith(("data:", "#")) for a in addresses)
    licences = (build_assets.ASSETS / "LICENSES.txt").read_text("utf-8")
    assert "leaflet 1.9.3: BSD-2-Clause" in licences
    assert "SIL OPEN FONT LICENSE" in licences.upper()


def test_nothing_to_fetch_is_left_in_the_tags(tmp_path: Path):
    html = save_offline(rich(), tmp_path / "m.html").read_text("utf-8")
    assert not re.search(r"<script[^>]+src=", html)
    assert not re.search(r"<link[^>]+href=[\"']?http", html)
    assert "default-src 'none'" in html
    assert "connect-src 'none'" in html
    assert "https:" not in re.search(r"img-src ([^;]*);", html)[1]
    assert "sourceMappingURL" not in html
    assert html.index("Content-Security-Policy") < html.index("<script")


def test_bare_map_is_below_a_megabyte(tmp_path: Path):
    path = save_offline(bare(), tmp_path / "m.html")
    assert path.stat().st_size < 700_000
    assert "Font Awesome" not in path.read_text("utf-8")


def test_icons_bring_their_fonts(tmp_path: Path):
    m = bare()
    folium.Marker([35.5, 112.8], icon=folium.Icon(prefix="fa", icon="home")).add_to(m)
    html = save_offline(m, tmp_path / "m.html").read_text("utf-8")
    assert "font/woff2" in html
    assert ".ttf" not in html
    assert 'font-family:"Font Awesome 6 Free"' in html
    assert 'Font Awesome 6 Brands";font-style' not in html


def test_same_map_same_bytes(tmp_path: Path):
    a = save_offline(rich(), tmp_path / "a.html").read_bytes()
    b = save_offline(rich(), tmp_path / "b.html").read_bytes()
    assert a == b


def test_names_that_only_look_random_are_data():
    m = bare()
    uuid = "c0ffee00c0ff4ee0bc0ffee00c0ffee0"
    folium.Marker([35.5, 112.8], tooltip=f"x_{uuid}").add_to(m)
    assert f"x_{uuid}" in localise(m.get_root().render())


def test_all_unmapped_addresses_are_named(tmp_path: Path):
    m = bare()
    m.get_root().header.add_child(folium.JavascriptLink("https://example.org/a.js"))
    m.get_root().header.add_child(folium.CssLink("https://example.org/b.css"))
    m.get_root().header.add_child(
        folium.Element('<style>p{background:url("https://example.org/c.png")}</style>')
    )
    m.get_root().html.add_child(folium.Element('<img src="pictures/d.png">'))
    folium.Marker([35, 112], popup='<img src="https://example.org/e.png">').add_to(m)
    folium.Marker([35, 112], icon=folium.CustomIcon("https://example.org/f.png")).add_to(m)
    folium.raster_layers.ImageOverlay("https://example.org/g.png", [[35, 112], [36, 113]]).add_to(m)
    fp.Realtime("https://example.org/h.geojson").add_to(m)
    target = tmp_path / "m.html"
    with pytest.raises(UsageError) as fault:
        save_offline(m, target)
    for name in "abcdefgh":
        assert re.search(rf"/{name}\.\w", str(fault.value)), name
    assert not target.exists()


def test_tiles_are_refused_dropped_or_allowed(tmp_path: Path):
    m = folium.Map([35.5, 112.8], tiles="OpenStreetMap")
    with pytest.raises(UsageError, match=r"tile\.openstreetmap\.org"):
        save_offline(m, tmp_path / "a.html", tiles="refuse")
    html = save_offline(m, tmp_path / "b.html").read_text("utf-8")
    assert "tile.openstreetmap.org/{z}" not in html
    assert "不含在线底图" in html
    with pytest.warns(UserWarning, match=r"tile\.openstreetmap\.org"):
        save_offline(m, tmp_path / "c.html", tiles="allow")
    html = (tmp_path / "c.html").read_text("utf-8")
    assert "img-src data: blob: https://tile.openstreetmap.org;" in html
    with pytest.raises(UsageError, match="tiles"):
        save_offline(m, tmp_path / "d.html", tiles="yes")


def test_a_failed_save_leaves_the_last_file(tmp_path: Path):
    target = save_offline(bare(), tmp_path / "m.html")
    before = target.read_bytes()
    with pytest.raises(UsageError):
        save_offline(folium.Map([35.5, 112.8]), target, tiles="refuse")
    assert target.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["m.html"]


def test_pages_inside_frames_are_rewritten_too():
    inner = folium.Figure()
    inner.add_child(bare())
    m = bare()
    frame = folium.IFrame(inner, width=200, height=200)
    folium.Marker([35.5, 112.8], popup=folium.Popup(frame)).add_to(m)
    html = localise(m.get_root().render())
    page = base64.b64decode(re.search(r"base64,([A-Za-z0-9+/=]{5000,})", html)[1]).decode("utf-8")
    assert "cdn.jsdelivr.net/npm/leaflet@" not in page


def test_script_text_cannot_end_the_script():
    assert escape_script("a='</script>'+'</SCRIPT>';b='<!--'") == (
        r"a='\x3c/script>'+'\x3c/SCRIPT>';b='\x3c!--'"
    )


@pytest.mark.browser
def test_rich_map_draws_offline(tmp_path: Path):
    path = save_offline(rich(), tmp_path / "m.html")
    explored = squares().explore(column="value", tiles=None, max_zoom=18)
    other = save_offline(explored, tmp_path / "e.html")
    dual = fp.DualMap(location=[35.5, 112.8], tiles=None, zoom_start=10)
    folium.Marker([35.5, 112.8]).add_to(dual.m1)
    third = save_offline(dual, tmp_path / "d.html")
    with browser() as started:
        with opened(started, path) as seen:
            assert seen.requests == []
            # leaflet.pattern still names a deprecated mixin; Leaflet says so and goes on.
            assert [f for f in seen.faults if "L.Mixin.Events" not in f] == []
            assert seen.page.locator(".marker-cluster").count() > 0
            assert seen.page.get_by_text("覆盖率").count() == 1
            assert loaded(seen.page, "Font Awesome 6 Free")
        for file in (other, third):
            with opened(started, file) as seen:
                assert seen.requests == []
                assert seen.faults == []
                assert seen.page.locator(".leaflet-interactive").count() > 0


@pytest.mark.browser
def test_chart_in_a_popup(tmp_path: Path):
    m = bare()
    popup = folium.Popup()
    chart = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "data": {"values": [{"a": "甲", "b": 28}, {"a": "乙", "b": 55}]},
        "mark": "bar",
        "encoding": {
            "x": {"field": "a", "type": "nominal"},
            "y": {"field": "b", "type": "quantitative"},
        },
    }
    folium.VegaLite(chart, width=200, height=150).add_to(popup)
    folium.Marker([35.5, 112.8], popup=popup).add_to(m)
    with browser() as started, opened(started, save_offline(m, tmp_path / "m.html")) as seen:
        seen.page.locator("img.leaflet-marker-icon").click()
        seen.page.wait_for_selector(".vega-embed .marks")
        assert seen.requests == []
        assert seen.faults == []


@pytest.mark.browser
def test_clusters_without_tiles_have_a_deepest_zoom(tmp_path: Path):
    m = folium.Map([35.5, 112.8], tiles=None)
    cluster = fp.MarkerCluster().add_to(m)
    for i in range(20):
        folium.Marker([35.5 + i / 1000, 112.8]).add_to(cluster)
    folium.Marker([35.6, 112.8], icon=folium.Icon()).add_to(m)  # glyphicon, folium's default
    with browser() as started, opened(started, save_offline(m, tmp_path / "m.html")) as seen:
        assert seen.requests == []
        assert seen.faults == []
        assert seen.page.locator(".marker-cluster").count() == 1
        assert loaded(seen.page, "Glyphicons Halflings")


@pytest.mark.browser
def test_markers_have_their_image_and_hostile_text_does_nothing(tmp_path: Path):
    cells = gpd.GeoDataFrame({"n": [HOSTILE], "geometry": [Point(112.8, 35.5)]}, crs="EPSG:4326")
    m = bare()
    folium.GeoJson(cells, tooltip=folium.GeoJsonTooltip(["n"])).add_to(m)
    with browser() as started, opened(started, save_offline(m, tmp_path / "m.html")) as seen:
        assert seen.requests == []
        assert seen.faults == []
        assert seen.page.evaluate("window.hacked") is None
        icon = seen.page.locator("img.leaflet-marker-icon")
        assert icon.evaluate("i => i.complete && i.naturalWidth > 0")
