"""What-if in the page: Python's numbers, and the scenario that comes back."""

from __future__ import annotations

from pathlib import Path

import pytest
from maps_fixture import browser, opened, with_network

from qianwan_gis.maps.offline import save_offline
from qianwan_gis.maps.web import web_map


def test_what_if_is_offered_only_where_the_data_bear_siting():
    from qianwan_gis.maps import whatif

    results = with_network(60)
    blobs: dict[str, bytes] = {}
    assert whatif.payload(results, results.network, blobs)
    assert list(blobs) == ["network"]
    assert whatif.payload(results, None, blobs) is None
    results.disclosure.siting = False
    assert whatif.payload(results, results.network, blobs) is None


@pytest.mark.browser
def test_what_if_gives_pythons_numbers_in_100_scenarios(tmp_path: Path):
    import geopandas as gpd
    import numpy as np
    from shapely import Point

    from qianwan_gis.maps.whatif import Scenario

    results = with_network()
    net = results.network
    file = save_offline(web_map(results), tmp_path / "m.html")
    rng = np.random.default_rng(11)
    west, south, east, north = results.villages.total_bounds
    townships = results.facilities.query("service == 'clinic' and tier == 'township'")
    scenarios = []
    for number in range(100):
        kept = townships.sample(frac=0.6, random_state=number)
        new = rng.uniform([west, south], [east, north], size=(int(rng.integers(1, 6)), 2))
        points = [[p.x, p.y] for p in kept.geometry] + new.tolist()
        scenarios.append((["car", "walk"][number % 2], points))
    villages = results.villages
    with browser() as started, opened(started, file) as seen:
        page = seen.page
        page.click("[data-tab=whatif]")
        page.click(".qw-what-start")
        page.wait_for_selector(".qw-what-add")
        # the projection of the page is that of PROJ
        degrees = villages.to_crs("EPSG:4326").geometry
        for at, place in list(zip(degrees, villages.geometry, strict=True))[:20]:
            got = page.evaluate(f"QW.net.projection.forward({at.y!r}, {at.x!r})")
            assert got == pytest.approx([place.x, place.y], abs=1e-4)
            back = page.evaluate(f"QW.net.projection.inverse({place.x!r}, {place.y!r})")
            assert back == pytest.approx([at.y, at.x], abs=1e-10)
        answers = page.evaluate(
            """all => all.map(([mode, points]) => {
              const places = points.map(([x, y]) => QW.snap(QW.net, mode, x, y));
              const r = QW.search(QW.net, mode, places);
              return [[...r.seconds].map(s => s === Infinity ? -1 : s), [...r.metres], [...r.facility]];
            })""",
            scenarios,
        )
        reached = 0
        for (mode, points), (seconds, metres, facility) in zip(scenarios, answers, strict=True):
            places = gpd.GeoSeries([Point(p) for p in points], crs=villages.crs)
            truth = net.nearest(villages.geometry, places, by="seconds", mode=mode)
            expected = truth["seconds"].to_numpy()
            got = np.where(np.array(seconds) < 0, np.nan, seconds)
            np.testing.assert_allclose(got, expected, atol=0.01, rtol=0)
            found = ~np.isnan(expected)
            np.testing.assert_allclose(
                np.array(metres)[found], truth["metres"].to_numpy()[found], atol=0.05
            )
            same = np.array(facility)[found] == truth["facility"].to_numpy()[found].astype(int)
            assert same.mean() > 0.99  # equal costs may go to either
            reached += int(found.sum())
        assert reached > 5_000
        # the whole way: add a site on the map, export, read, evaluate in Python
        page.evaluate("QW.addSite(QW.map.getCenter())")
        page.evaluate("QW.what.list[0].open = false; QW.recompute()")
        with page.expect_download() as download:
            page.get_by_text("导出方案").click()
        download.value.save_as(tmp_path / "scenario.json")
        scenario = Scenario.read(tmp_path / "scenario.json")
        table = scenario.evaluate(net, villages)
        counted = page.evaluate("[QW.what.result.n, QW.what.result.total]")
        assert [int(table["covered"].sum()), int(table["covered"].notna().sum())] == counted
        assert list(scenario.facilities["status"]).count("added") == 1
        assert len(scenario.closed) == 1
        assert str(counted[0]) in page.locator(".qw-figures-what").inner_text()
        page.screenshot(path=str(tmp_path / "what.png"))
        assert seen.requests == []
        assert seen.faults == []


def test_a_file_that_is_no_scenario_is_told_so(tmp_path: Path):
    from qianwan_gis._errors import DataError
    from qianwan_gis.maps.whatif import Scenario

    for text in ("{", "[]", '{"format": "other"}', '{"format": "qianwan-scenario/1"}'):
        (tmp_path / "s.json").write_text(text, "utf-8")
        with pytest.raises(DataError, match=r"s\.json"):
            Scenario.read(tmp_path / "s.json")


@pytest.mark.browser
def test_drag_limit_mode_and_reset_on_the_map(tmp_path: Path):
    import json

    results = with_network(60)
    file = save_offline(web_map(results), tmp_path / "m.html")
    with browser() as started, opened(started, file) as seen:
        page = seen.page
        page.click("[data-tab=whatif]")
        page.click(".qw-what-start")
        page.wait_for_selector(".qw-what-add")
        page.select_option(".qw-what-service", index=1)  # health centres: few, so all are pins
        before = page.evaluate("QW.what.result.n")
        count = page.evaluate("QW.what.list.length")
        # drag a pin a good way into the county
        pin = page.locator(".leaflet-marker-icon.qw-site-icon").first
        box = pin.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        for step in range(1, 9):
            page.mouse.move(x + 12 * step, y + 6 * step)
        page.mouse.up()
        moved = page.evaluate("QW.what.list.filter(f => f.status === 'moved').length")
        assert moved == 1
        assert page.locator(".qw-site-moved").count() >= 1
        # a click on the map adds one; the button says what is awaited
        page.get_by_role("button", name="新增一处").click()
        page.mouse.click(760, 420)
        assert page.evaluate("QW.what.list.length") == count + 1
        added = page.evaluate("QW.what.list.at(-1)")
        assert added["status"] == "added"
        # the limit: by keyboard, and coverage never falls when it grows
        slider = page.locator("#qw-body-whatif input[type=range]")
        slider.focus()
        covered = []
        for _ in range(4):
            page.keyboard.press("PageUp")
            page.wait_for_timeout(60)
            covered.append(page.evaluate("QW.what.result.n"))
        assert covered == sorted(covered)
        assert page.evaluate("QW.what.limit") > 20
        with page.expect_download() as download:
            page.get_by_text("导出方案").click()
        download.value.save_as(tmp_path / "scenario.json")
        said = json.loads((tmp_path / "scenario.json").read_text("utf-8"))
        assert said["limit_minutes"] == page.evaluate("QW.what.limit")
        assert [f["status"] for f in said["facilities"]].count("moved") == 1
        assert said["tier"] == "township"
        if page.locator(".qw-what-mode").count():
            page.select_option(".qw-what-mode", "walk")
            assert page.evaluate("QW.what.result.n") <= covered[-1]
        page.get_by_text("恢复现状").click()
        assert page.evaluate("QW.what.list.length") == count
        assert page.evaluate("QW.what.result.n") == before
        page.locator(".qw-what-stop").click()
        assert page.evaluate("QW.state.by") == "category"
        assert page.locator(".qw-site-icon").count() == 0
        assert seen.requests == []
        assert seen.faults == []


def test_the_exported_form_is_read_and_evaluated(tmp_path: Path):
    """What `qianwan site --scenario FILE.json` does with what the page writes."""
    import json

    from qianwan_gis.maps.whatif import FORMAT, Scenario

    results = with_network(60)
    clinics = results.facilities.query("service == 'clinic' and tier == 'township'")
    scenario = {
        "format": FORMAT, "crs": results.crs.to_string(), "title": "x", "service": "clinic",
        "tier": "township", "mode": "car", "limit_minutes": 20,
        "facilities": [
            {"id": str(i), "name": str(n), "status": "existing", "x": g.x, "y": g.y,
             "lon": 0, "lat": 0}
            for i, n, g in zip(clinics["facility_id"], clinics["name"], clinics.geometry, strict=True)
        ],
        "closed": ["h1"], "result": {"covered": 1, "assessed": 2},
    }  # fmt: skip
    (tmp_path / "s.json").write_text(json.dumps(scenario), "utf-8")
    read = Scenario.read(tmp_path / "s.json")
    assert len(read.facilities) == len(clinics)
    table = read.evaluate(results.network, results.villages)
    truth = results.network.nearest(
        results.villages.geometry, clinics.geometry, by="seconds", mode="car"
    )
    assert table["minutes"].to_numpy() == pytest.approx(
        truth["seconds"].to_numpy() / 60, nan_ok=True
    )
