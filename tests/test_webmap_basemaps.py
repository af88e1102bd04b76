"""Basemaps: offered by name or given, placed right, asked for only when the reader chooses."""

from __future__ import annotations

import io
import json
import math
import re
import struct
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from maps_fixture import browser, fake_results, opened
from PIL import Image
from tiles_fixture import LAT, LON, look_at, offset, save, served, usual

from qianwan_gis.maps.offline import save_offline
from qianwan_gis.maps.web import web_map


def test_basemaps_are_offered_by_name_and_only_with_leave(tmp_path: Path):
    from qianwan_gis._errors import UsageError
    from qianwan_gis._text import Text
    from qianwan_gis.maps.basemaps import Basemap

    results = fake_results(thin=True)
    own = Basemap("own", Text("单位底图", "ours"), ("http://10.1.2.3/tiles/{z}/{x}/{y}.png",))
    made = web_map(results, basemaps=["tianditu", "amap", own])
    with pytest.raises(UsageError, match="tianditu"):
        save_offline(made, tmp_path / "a.html", tiles="refuse")
    with pytest.warns(UserWarning, match="tianditu"):
        save_offline(made, tmp_path / "b.html", tiles="allow")
    html = (tmp_path / "b.html").read_text("utf-8")
    policy = re.search(r"img-src ([^;]*);", html)[1].split()
    assert policy == [
        "data:", "blob:", "http://10.1.2.3", "https://*.is.autonavi.com",
        "https://*.tianditu.gov.cn",
    ]  # fmt: skip
    with pytest.raises(UsageError, match="google"):
        web_map(results, basemaps=["google"])
    with pytest.raises(UsageError, match="x"):
        web_map(results, basemaps=[Basemap("w", Text("w", "w"), ("http://h/{z}/{y}.png",))])


@pytest.mark.browser
def test_the_shift_in_the_page_is_that_of_the_datum_module(tmp_path: Path):
    from qianwan_gis import datum

    made = web_map(fake_results(thin=True), basemaps=["tianditu", "amap"])
    with pytest.warns(UserWarning, match="autonavi"):
        file = save_offline(made, tmp_path / "m.html", tiles="allow")
    with browser() as started, opened(started, file) as seen:
        page = seen.page
        assert seen.requests == []  # nothing is asked for until the reader chooses
        for lon, lat in ((112.9, 35.6), (113.05, 36.05), (110.0, 30.0), (121.5, 45.2)):
            x, y = datum.transform(lon, lat, "wgs84", "gcj02")
            got = page.evaluate(f"QW.gcj02({lon}, {lat})")
            assert got == pytest.approx([float(x), float(y)], abs=1e-9)
        # Tianditu waits for the reader's key
        assert page.evaluate("QW.setBasemap('tianditu')") is False
        assert page.evaluate("QW.setBasemap('')") is True
        assert "tk=" in page.evaluate("QW.data.basemaps[0].urls[0]")


# --- against tiles that show where they are ----------------------------------------------------


@pytest.mark.browser
def test_intranet_tiles_lie_where_they_belong(tmp_path: Path):
    from qianwan_gis._text import Text
    from qianwan_gis.maps.basemaps import Basemap

    def answer(path: str) -> bytes:
        z, x, y = map(int, re.search(r"/(\d+)/(\d+)/(\d+)\.png", path).groups())
        return usual(z, x, y)

    with served(answer) as (address, asked):
        own = Basemap("own", Text("单位底图", "ours"), (address + "/{z}/{x}/{y}.png",), max_zoom=15)
        file = save(web_map(fake_results(thin=True), basemaps=[own]), tmp_path / "m.html")
        with browser() as started, opened(started, file, offline=False) as seen:
            page = seen.page
            assert asked == []
            page.get_by_label("单位底图").check()
            for zoom in (12, 15, 17):
                look_at(page, zoom)
                assert offset(page) == pytest.approx((0, 0), abs=1 if zoom <= 15 else 2)
            assert asked
            assert not any("/16/" in path or "/17/" in path for path in asked)
            assert "b=own" in page.url
            page.get_by_label("无（离线）").check()
            before = len(asked)
            look_at(page, 14)
            page.wait_for_timeout(200)
            assert len(asked) == before
            assert seen.faults == []


@pytest.mark.browser
def test_tianditu_asks_for_the_key_and_keeps_it_out_of_the_file(tmp_path: Path):
    file = save(web_map(fake_results(thin=True), basemaps=["tianditu"]), tmp_path / "m.html")
    asked: list[str] = []

    def answer(url: str) -> bytes:
        asked.append(url)
        query = {k: v[0] for k, v in parse_qs(urlsplit(url).query).items()}
        assert query["tk"] == "my&key"
        assert query["TILEMATRIXSET"] == "w"
        return usual(*(int(query[k]) for k in ("TILEMATRIX", "TILECOL", "TILEROW")))

    with browser() as started, opened(started, file, answer=answer) as seen:
        page = seen.page
        page.get_by_label("天地图 矢量").check()
        page.wait_for_timeout(200)
        assert asked == []  # no key, no request
        page.fill(".qw-ask input", "my&key")
        page.keyboard.press("Enter")
        look_at(page, 14)
        assert offset(page) == pytest.approx((0, 0), abs=1)
        kinds = {parse_qs(urlsplit(u).query)["LAYER"][0] for u in asked}
        assert kinds == {"vec", "cva"}
        assert {urlsplit(u).hostname.split(".", 1)[1] for u in asked} == {"tianditu.gov.cn"}
        # neither in the address, nor in what the browser stores, nor in the file
        assert "my" not in page.url
        assert page.evaluate("document.cookie") == ""
        assert "my&key" not in file.read_text("utf-8")
        assert seen.faults == []
    with browser() as started, opened(started, file, fragment="#b=tianditu") as seen:
        assert seen.requests == []  # a link that names the basemap waits for the key as well
        assert seen.page.get_by_label("天地图 矢量").is_checked()
        assert seen.page.locator(".qw-ask input").is_visible()


@pytest.mark.browser
def test_amap_tiles_fit_data_in_wgs84_within_a_pixel(tmp_path: Path):
    from qianwan_gis import datum

    shifted = tuple(float(v) for v in datum.transform(LON, LAT, "wgs84", "gcj02"))
    assert abs(shifted[0] - LON) > 0.004  # some 500 m: without the correction far off
    file = save(web_map(fake_results(thin=True), basemaps=["amap"]), tmp_path / "m.html")

    def answer(url: str) -> bytes:
        query = {k: v[0] for k, v in parse_qs(urlsplit(url).query).items()}
        return usual(int(query["z"]), int(query["x"]), int(query["y"]), shifted)

    with browser() as started, opened(started, file, answer=answer) as seen:
        page = seen.page
        look_at(page, 15)
        page.get_by_label("高德（已纠偏）").check()
        for zoom, east in ((15, 0.0), (17, 0.0), (17, 0.0015), (14.5, 0.01)):
            look_at(page, zoom, LON + east)
            assert offset(page) == pytest.approx((0, 0), abs=1)
        page.evaluate("void QW.map.panBy([150, 90], {animate: false})")
        assert offset(page) == pytest.approx((0, 0), abs=1)
        assert seen.faults == []


def tile_number(z: int, x: int, y: int) -> int:
    """Return the number of a tile along the Hilbert curves of all levels (PMTiles 3, section 4)."""
    number = (4**z - 1) // 3
    n = 2 ** (z - 1) if z else 0
    while n:
        rx, ry = int(bool(x & n)), int(bool(y & n))
        number += n * n * ((3 * rx) ^ ry)
        if not ry:
            if rx:
                x, y = 2 * n - 1 - (x & (2 * n - 1)), 2 * n - 1 - (y & (2 * n - 1))
            x, y = y, x
        n //= 2
    return number


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def raster_archive(path: Path, zooms: range = range(8, 13)) -> Path:
    """Write a PMTiles file of pictures around the place; the page reads it by the reference reader."""
    held: dict[int, bytes] = {}
    for z in zooms:
        n = 2**z
        x = int((LON + 180) / 360 * n)
        y = int((1 - math.asinh(math.tan(math.radians(LAT))) / math.pi) / 2 * n)
        for i in range(-3, 4):
            for j in range(-3, 4):
                held[tile_number(z, x + i, y + j)] = usual(z, x + i, y + j)
    numbers = sorted(held)
    steps = np.diff(numbers, prepend=0)
    root = varint(len(numbers)) + b"".join(varint(int(v)) for v in steps)
    root += b"\x01" * len(numbers) + b"".join(varint(len(held[n])) for n in numbers)
    root += b"\x01" + b"\x00" * (len(numbers) - 1)  # each tile follows the one before it
    about = json.dumps(
        {"attribution": '<a href="https://h">县图</a><img src=x onerror="window.hacked=1">'}
    ).encode("utf-8")
    data = b"".join(held[n] for n in numbers)
    at = 127 + len(root)
    head = b"PMTiles\x03" + struct.pack(
        "<11Q", 127, len(root), at, len(about), at + len(about), 0, at + len(about), len(data),
        len(numbers), len(numbers), len(numbers),
    ) + bytes([1, 1, 1, 2, zooms[0], zooms[-1]]) + struct.pack(
        "<4iB2i", 1120000000, 350000000, 1140000000, 360000000, zooms[0], 1130000000, 355000000
    )  # fmt: skip
    assert len(head) == 127
    path.write_bytes(head + root + about + data)
    return path


@pytest.mark.browser
def test_pictures_from_a_file_ride_in_the_page(tmp_path: Path):
    from qianwan_gis.maps import basemaps, tiles

    source = raster_archive(tmp_path / "county.pmtiles")
    held = tiles.read_archive(source)
    assert (held.kind, held.min_zoom, held.max_zoom) == ("png", 8, 12)
    basemap = basemaps.local(source)
    assert basemap.attribution == "县图"
    made = web_map(fake_results(thin=True), basemaps=[basemap])
    file = save_offline(made, tmp_path / "m.html")  # no warning: nothing is asked for
    with browser() as started, opened(started, file) as seen:
        page = seen.page
        page.get_by_label("本地底图 county").check()
        for zoom in (10, 12, 14):
            look_at(page, zoom)
            assert offset(page) == pytest.approx((0, 0), abs=1 if zoom <= 12 else 2)
        assert page.evaluate("window.hacked") is None
        assert seen.requests == []
        assert seen.faults == []


@pytest.mark.browser
def test_vector_tiles_from_a_file_ride_in_the_page(tmp_path: Path):
    import geopandas as gpd
    import shapely

    from qianwan_gis._text import Text
    from qianwan_gis.maps import basemaps

    source = tmp_path / "base.pmtiles"
    squares = gpd.GeoDataFrame(
        {"n": [1]}, geometry=[shapely.box(LON - 0.01, LAT - 0.008, LON + 0.01, LAT + 0.008)],
        crs="EPSG:4326",
    )  # fmt: skip
    squares.to_file(source, driver="PMTiles", layer="water", MINZOOM=6, MAXZOOM=14)
    basemap = basemaps.local(source, "base", Text("水系底图", "water"))
    file = save_offline(web_map(fake_results(thin=True), basemaps=[basemap]), tmp_path / "m.html")
    with browser() as started, opened(started, file, fragment="#b=base") as seen:
        page = seen.page
        assert page.get_by_label("水系底图").is_checked()
        page.evaluate("QW.layers.forEach(l => QW.show(l.key, false))")
        look_at(page, 13)
        blue = np.array([0xCF, 0xE0, 0xEA])
        for _ in range(60):
            image = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(int)
            rows, columns = (abs(image - blue).sum(axis=2) < 6).nonzero()
            if len(rows) > 1000:
                break
            page.wait_for_timeout(100)
        corners = page.evaluate(
            f"""[[{LAT} + 0.008, {LON} - 0.01], [{LAT} - 0.008, {LON} + 0.01]].map(p => {{
              const q = QW.map.latLngToContainerPoint(p); return [q.x, q.y] }})"""
        )
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert box == pytest.approx([*corners[0], *corners[1]], abs=1.5)
        assert seen.requests == []
        assert seen.faults == []


def test_a_file_too_large_for_a_page_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from qianwan_gis._errors import UsageError
    from qianwan_gis.maps import basemaps

    source = raster_archive(tmp_path / "big.pmtiles", range(8, 9))
    monkeypatch.setattr(basemaps, "LIMIT_MB", 0.001)
    with pytest.raises(UsageError, match=r"big\.pmtiles.*XYZ"):
        basemaps.local(source)
    monkeypatch.undo()
    (tmp_path / "cut.pmtiles").write_bytes(source.read_bytes()[:-100])
    with pytest.raises(UsageError, match="不完整"):
        basemaps.local(tmp_path / "cut.pmtiles")
    twice = [basemaps.local(source), basemaps.local(source)]
    with pytest.raises(UsageError, match="local"):
        web_map(fake_results(thin=True), basemaps=twice)


def test_the_county_names_its_basemaps(tmp_path: Path):
    import warnings
    from types import SimpleNamespace

    from qianwan_gis._errors import UsageError
    from qianwan_gis.county import MapSpec
    from qianwan_gis.maps import web

    raster_archive(tmp_path / "county.pmtiles", range(8, 9))
    results = fake_results(thin=True)

    def page(*basemaps: str) -> str:
        results.county = SimpleNamespace(
            name="示例县", map=MapSpec(basemaps=basemaps), run_date="2025-06-01",
            corridor=results.county.corridor, folder=tmp_path,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return web.write(results, tmp_path / "m.html").read_text("utf-8")

    inside = page("county.pmtiles")
    assert "img-src data: blob:;" in inside
    assert 'id="qw-blob-basemap-county-tiles"' in inside
    online = page("tianditu", "http://10.1.2.3:8080/t/{z}/{x}/{y}.png")
    assert "img-src data: blob: http://10.1.2.3:8080 https://*.tianditu.gov.cn;" in online
    assert "内网底图 10-1-2-3-8080" in online
    for wrong in ("google", "none.pmtiles", "http://h/{z}/{x}.png", "caps.xml"):
        with pytest.raises(UsageError):
            page(wrong)
