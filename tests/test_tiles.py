"""Layers too large to carry as lines: vector tiles in the page, and PMTiles files."""

from __future__ import annotations

from pathlib import Path

import pytest
from maps_fixture import HOSTILE, browser, fake_results, opened, painted, until

from qianwan_gis.maps.offline import save_offline
from qianwan_gis.maps.web import web_map


@pytest.mark.browser
def test_very_many_roads_are_drawn_from_tiles_in_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import geopandas as gpd
    import numpy as np
    import shapely

    from qianwan_gis.maps import tiles

    monkeypatch.setattr(tiles, "LARGE", 3_000)  # 20,000 in use: slow to make, the same path
    results = fake_results(thin=False)
    rng = np.random.default_rng(5)
    n = tiles.LARGE + 1
    west, south, east, north = results.boundary.total_bounds
    start = rng.uniform([west, south], [east, north], size=(n, 2))
    lines = shapely.linestrings(np.stack([start, start + rng.normal(0, 400, (n, 2))], axis=1))
    results.roads = gpd.GeoDataFrame(
        {
            "road_id": [f"r{i}" for i in range(n)], "road_class": "village", "name": "村道甲",
            "ref": "", "surface": "", "oneway": False, "bridge": False, "tunnel": False,
            "status": "existing", "basis": "synthetic",
        },
        geometry=lines, crs=results.crs,
    )  # fmt: skip
    frame = results.roads[["road_class", "geometry"]].head(300)
    assert tiles.pmtiles(frame, name="roads") == tiles.pmtiles(frame, name="roads")
    file = save_offline(web_map(results), tmp_path / "m.html")
    assert "unsafe-eval" not in file.read_text("utf-8")
    assert file.stat().st_size < 2_000_000
    drawn = painted(".leaflet-qw-roads-tiles-pane")
    with browser() as started, opened(started, file) as seen:
        page = seen.page
        until(page, drawn, lambda count: count > 5000)
        # a click reads the road's name from the table in the page
        page.evaluate("void QW.map.setView(QW.map.getCenter(), 13, {animate: false})")
        until(page, drawn, lambda count: count > 5000)
        page.evaluate(
            """() => {
              for (let x = 400; x < 1100; x += 5) for (let y = 100; y < 800; y += 5)
                if (QW.hitTiles(QW.map.containerPointToLatLng([x, y]))) return;
            }"""
        )
        until(page, "() => document.querySelector('.qw-card').innerText", lambda t: "村道甲" in t)
        page.evaluate("QW.closeCard(); QW.goHome()")
        page.uncheck("[data-layer='r:village']")
        until(page, drawn, lambda count: count == 0)
        assert seen.requests == []
        assert seen.faults == []


@pytest.mark.browser
def test_planning_layers_beyond_the_limit_ride_as_tiles_and_still_answer_to_clicks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from planning_fixture import register

    from qianwan_gis.maps import tiles

    monkeypatch.setattr(tiles, "LARGE", 39)
    register(monkeypatch, pipes=160, areas=60, hostile=True)
    made = web_map(fake_results(thin=False))
    file = save_offline(made, tmp_path / "m.html")
    assert save_offline(web_map(fake_results(thin=False)), tmp_path / "n.html").read_bytes() == (
        file.read_bytes()
    )
    pipes = painted(".leaflet-qw-made_up_pipes-tiles-pane")
    areas = painted(".leaflet-qw-made_up_areas-tiles-pane")
    with browser() as started, opened(started, file) as seen:
        page = seen.page
        page.check("[data-layer='p:made_up_pipes']")
        page.check("[data-layer='p:made_up_areas']")
        until(page, pipes, lambda n: n > 300)
        until(page, areas, lambda n: n > 3000)
        everything = page.evaluate(pipes)
        page.evaluate("QW.setTime('year', 2025, true)")
        until(page, pipes, lambda n: 0 < n < everything / 2)
        page.evaluate("QW.setTime('phase', 1, true)")  # pipes have years: all are seen again
        until(page, pipes, lambda n: n > everything * 0.9)
        page.evaluate("QW.setTime('phase', null)")
        # the middle of a pipe, of which the page knows nothing but tiles
        page.evaluate("QW.show('p:made_up_areas', false); QW.show('points', false)")
        spot = page.evaluate(
            """() => {
              const found = [], box = QW.map.getContainer().getBoundingClientRect();
              for (let x = 400; x < 1100; x += 6) for (let y = 40; y < 720; y += 6)
                if (QW.layers.find(l => l.key === 'p:made_up_pipes').hit(QW.map.containerPointToLatLng([x, y]))) return [x, y];
            }"""
        )
        assert spot
        until(page, "() => document.querySelector('.qw-card').innerText", lambda t: "管段" in t)
        card = page.locator(".qw-card")
        assert HOSTILE in card.inner_text()
        assert "长度" in card.inner_text()
        assert page.evaluate("window.hacked") is None
        assert page.locator(".qw-card img").count() == 0
        assert seen.requests == []
        assert seen.faults == []


def test_points_lines_and_areas_keep_every_feature_at_the_deepest_level(tmp_path: Path):
    import geopandas as gpd
    import numpy as np
    import pyogrio
    import shapely

    from qianwan_gis.maps import planning

    rng = np.random.default_rng(4)
    at = rng.uniform([112.7, 35.4], [113.1, 35.7], (400, 2))
    shapes = {
        "point": shapely.points(at),
        "line": shapely.linestrings(np.stack([at, at + 0.004], axis=1)),
        "area": shapely.buffer(shapely.points(at), 0.002),
    }
    for kind, geometry in shapes.items():
        frame = gpd.GeoDataFrame(geometry=geometry, crs="EPSG:4326")
        file = tmp_path / f"{kind}.pmtiles"
        file.write_bytes(planning.archive(frame, [i % 3 for i in range(400)], [2025] * 400))
        held = pyogrio.read_dataframe(file, ZOOM_LEVEL=13)
        assert set(held["i"]) == set(range(400)), kind
        assert (held["s"] == held["i"] % 3).all()
        assert (held["t"] == 2025).all()
        first = held[held["i"] == 7].geometry.iloc[0].centroid
        place = gpd.GeoSeries([first], crs=held.crs).to_crs("EPSG:4326").iloc[0]
        own = frame.geometry[7].centroid
        assert abs(place.x - own.x) < 2e-4 or kind != "point"


def test_what_is_no_pmtiles_file_is_told_so(tmp_path: Path):
    from qianwan_gis._errors import UsageError
    from qianwan_gis.maps import tiles

    with pytest.raises(UsageError, match=r"none\.pmtiles"):
        tiles.read_archive(tmp_path / "none.pmtiles")
    file = tmp_path / "bad.pmtiles"
    for data in (b"", b"PMTiles\x02" + bytes(200), bytes(300), b"PMTiles\x03" + b"\xff" * 119):
        file.write_bytes(data)
        with pytest.raises(UsageError, match=r"bad\.pmtiles"):
            tiles.read_archive(file)


def test_very_many_facilities_become_tiles_too(monkeypatch: pytest.MonkeyPatch):
    from qianwan_gis.maps import payload, tiles

    results = fake_results(thin=False)
    assert payload.build(results)["facilities"]["points"]
    monkeypatch.setattr(tiles, "LARGE", 9)
    results.roads = results.roads.head(5)
    blobs: dict[str, bytes] = {}
    data = payload.build(results, blobs)
    assert data["facilities"] == {"kinds": [], "points": []}
    layer = next(layer for layer in data["layers"] if layer["key"] == "facilities")
    assert layer["count"] == len(results.facilities)
    assert {layer["tiles"], layer["table"]} <= set(blobs)


def test_the_same_input_gives_the_same_bytes_in_another_process(tmp_path: Path):
    """Hash seeds differ between processes; nothing may depend on them."""
    import os
    import subprocess
    import sys

    code = (
        "import sys, pytest\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from maps_fixture import fake_results\n"
        "from planning_fixture import register\n"
        "from qianwan_gis.maps import tiles\n"
        "from qianwan_gis.maps.offline import save_offline\n"
        "from qianwan_gis.maps.web import web_map\n"
        "patch = pytest.MonkeyPatch()\n"
        "register(patch)\n"
        "tiles.LARGE = 30\n"
        "save_offline(web_map(fake_results(thin=False)), sys.argv[1])\n"
    )
    made = []
    for seed in ("1", "2"):
        file = tmp_path / f"{seed}.html"
        subprocess.run(
            [sys.executable, "-c", code, str(file)],
            env={**os.environ, "PYTHONHASHSEED": seed}, check=True,
        )  # fmt: skip
        made.append(file.read_bytes())
    assert made[0] == made[1]
    assert b"qw-blob-made_up_pipes-tiles" in made[0]
