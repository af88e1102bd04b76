"""Planning layers of any module in the map, and the timeline over years and phases."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from maps_fixture import HOSTILE, browser, fake_results, opened
from planning_fixture import YEARS, register

from qianwan_gis.maps import payload, planning
from qianwan_gis.maps.offline import save_offline
from qianwan_gis.maps.web import web_map


def decode(steps: list[int]) -> list[tuple[float, float]]:
    x = y = 0
    points = []
    for dx, dy in zip(steps[::2], steps[1::2], strict=True):
        x, y = x + dx, y + dy
        points.append((x / planning.FINE, y / planning.FINE))
    return points


def test_a_registered_layer_reaches_the_page_with_theme_legend_and_columns(
    monkeypatch: pytest.MonkeyPatch,
):
    before = [layer["key"] for layer in payload.build(fake_results(thin=False))["layers"]]
    register(monkeypatch)
    results = fake_results(thin=False)
    layers = {layer["key"]: layer for layer in payload.build(results)["layers"]}
    assert set(layers) - set(before) == {"made_up_pipes", "made_up_sites", "made_up_areas"}
    pipes = layers["made_up_pipes"]
    assert (pipes["title"], pipes["theme"], pipes["geometry"]) == ("污水管网", "facilities", "line")
    # the coded column gives way to its words, the empty one is left out
    assert [c["title"] for c in pipes["columns"]] == ["管段", "类别", "长度", "年份"]
    assert pipes["columns"][2]["unit"] == "m"
    assert pipes["values"][1][:2] == ["类main", "类branch"]
    assert [pipes["symbols"][i]["title"] for i in pipes["look"][:2]] == ["主管", "支管"]
    assert pipes["symbols"][1]["dashed"]
    assert pipes["axis"] == "year"
    assert pipes["periods"] == list(YEARS)
    assert pipes["times"][9] is None
    assert layers["made_up_areas"]["axis"] == "phase"
    assert layers["made_up_areas"]["times"][:2] == [2, 1]
    assert layers["made_up_sites"]["axis"] == ""
    assert layers["made_up_sites"]["values"][2] == ["是", "否", "否", "否", "是"]
    # few points are on from the start, lines and areas the reader's to switch on
    assert (layers["made_up_sites"]["on"], pipes["on"]) == (True, False)
    json.dumps(layers, allow_nan=False)


def test_shapes_come_back_within_a_tenth_of_a_metre(monkeypatch: pytest.MonkeyPatch):
    import geopandas as gpd
    from shapely import Polygon
    from shapely.geometry import LineString

    register(monkeypatch)
    results = fake_results(thin=False)
    layers = {layer["key"]: layer for layer in payload.build(results)["layers"]}
    frames = {e.key: e.build(results) for e in planning.catalogue(results) if e.key in layers}
    pipes = frames["made_up_pipes"].geometry
    made = [LineString(decode(parts[0])) for parts in layers["made_up_pipes"]["shapes"]]
    back = gpd.GeoSeries(made, crs="EPSG:4326").to_crs(results.crs)
    assert pipes.hausdorff_distance(back).max() < 0.15
    areas = frames["made_up_areas"].geometry
    rings = [Polygon(decode(parts[0][0])) for parts in layers["made_up_areas"]["shapes"]]
    back = gpd.GeoSeries(rings, crs="EPSG:4326").to_crs(results.crs)
    assert areas.hausdorff_distance(back).max() < 1.2  # simplified by a metre


@pytest.mark.parametrize(
    ("values", "axis", "times"),
    [
        ([2025, 2026.0, None], "year", [2025, 2026, None]),
        (["2026年", "至2030年底", ""], "year", [2026, 2030, None]),
        (["一期", "二期", "三期"], "phase", [1, 2, 3]),
        (["Phase 2", "1", None], "phase", [2, 1, None]),
        ([None, float("nan"), ""], "", [None] * 3),
    ],
)
def test_years_and_phases_are_read_from_numbers_and_words(values, axis, times):
    assert planning.moments(pd.DataFrame({"year": values})) == (axis, times)


@given(st.lists(st.one_of(st.none(), st.integers(1990, 2090)), min_size=1, max_size=8))
def test_whole_years_are_kept_as_they_are(years):
    frame = pd.DataFrame({"phase": pd.array(years, dtype="Int64")})
    axis, times = planning.moments(frame)
    assert times == (years if any(years) else [None] * len(years))
    assert axis == ("year" if any(years) else "")


def test_the_years_of_lists_and_facilities_are_taken():
    results = fake_results(thin=False)
    results.villages["lists"] = [
        "2025年市级" if i % 3 else "" for i in range(len(results.villages))
    ]
    results.facilities["year"] = [None, 2027, *[None] * (len(results.facilities) - 2)]
    data = payload.build(results)
    assert [v.get("year") for v in data["villages"][:3]] == [None, 2025, 2025]
    assert [p["year"] for p in data["facilities"]["points"][:2]] == [None, 2027]


@pytest.mark.browser
def test_layers_of_others_are_drawn_listed_and_answer_to_clicks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    register(monkeypatch)
    file = save_offline(web_map(fake_results(thin=False)), tmp_path / "m.html")
    with browser() as started, opened(started, file) as seen:
        page = seen.page
        legend = page.locator(".qw-legend")
        assert "建议站点" in legend.inner_text()
        assert "主管" not in legend.inner_text()
        group = page.locator("[data-theme=facilities]")
        assert group.locator("[data-layer='p:made_up_pipes']").count() == 1
        assert "方案线位，不是施工图" in group.inner_text()
        page.check("[data-layer='p:made_up_pipes']")
        page.check("[data-layer='p:made_up_areas']")
        assert "主管" in legend.inner_text()
        assert "供水片区" in legend.inner_text()
        # point, line and area by a click where they are
        for key, expected in (
            ("made_up_sites", ["建议1", "新增覆盖", "已建"]),
            ("made_up_pipes", ["W1", "支管", "长度", "948.7 m", "2026"]),
            ("made_up_areas", ["片区2", "第 2 期"]),
        ):
            row = {"made_up_pipes": 1, "made_up_areas": 2}.get(key, 0)
            where = page.evaluate(
                f"""() => {{
                  const l = QW.data.layers.find(l => l.key === '{key}'), s = l.shapes[{row}];
                  const path = l.geometry === 'point' ? [s[0]] : QW.decode(l.geometry === 'line' ? s[0] : s[0][0], l.scale);
                  const at = L.latLngBounds(path).getCenter();
                  QW.layers.forEach(x => {{ if (!x.key.startsWith('p:')) QW.show(x.key, false); }});
                  QW.map.setView(at, 15, {{animate: false}});
                  const p = QW.map.latLngToContainerPoint(at); return [p.x, p.y];
                }}"""
            )
            page.mouse.click(*where)
            card = page.locator(".qw-card").inner_text()
            for word in expected:
                assert word in card, (key, word, card)
            page.keyboard.press("Escape")
        assert seen.requests == []
        assert seen.faults == []


@pytest.mark.browser
def test_the_timeline_narrows_layers_villages_and_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    register(monkeypatch)
    results = fake_results(thin=False)
    results.villages["lists"] = [
        f"{2025 + i % 3}年市级" if i % 2 else "" for i in range(len(results.villages))
    ]
    file = save_offline(web_map(results), tmp_path / "m.html")
    drawn = """QW.layers.find(l => l.key === 'p:made_up_pipes').made.getLayers().length"""
    with browser() as started:
        with opened(started, file) as seen:
            page = seen.page
            page.check("[data-layer='p:made_up_pipes']")
            assert page.evaluate(drawn) == 40
            # by keyboard: from “all” to the first and the second year, to the end and home
            slider = page.get_by_role("slider", name="时间")
            slider.focus()
            page.keyboard.press("ArrowRight")
            assert page.evaluate("QW.state.time.at") == 2025
            page.keyboard.press("ArrowRight")
            assert slider.get_attribute("aria-valuetext") == "2026 年"
            times = page.evaluate("QW.data.layers.find(l => l.key === 'made_up_pipes').times")
            assert page.evaluate(drawn) == sum(t is None or t <= 2026 for t in times)
            page.get_by_role("button", name="当期").click()
            assert page.evaluate(drawn) == times.count(2026)
            villages = page.evaluate("QW.data.villages.map(v => v.year || null)")
            assert page.evaluate("QW.filtered().length") == villages.count(2026)
            address = page.url
            assert "t=2026%21" in address or "t=2026!" in address
            slider.focus()
            page.keyboard.press("Home")
            assert page.evaluate("QW.state.time.at") is None
            assert page.evaluate("QW.filtered().length") == len(villages)
            assert "t=" not in page.url.split("#")[1].replace("&ft=", "")
            # phases are another axis: years no longer bind
            page.get_by_role("button", name="按期").click()
            page.check("[data-layer='p:made_up_areas']")
            slider.focus()
            page.keyboard.press("ArrowRight")
            page.get_by_role("button", name="当期").click()
            areas = drawn.replace("made_up_pipes", "made_up_areas")
            assert page.evaluate(areas) == 3
            assert page.evaluate(drawn) == 40
            # play goes through the periods and stops at the last
            page.locator(".qw-time-play").click()
            for _ in range(50):
                if page.locator(".qw-time-play").get_attribute("aria-pressed") == "false":
                    break
                page.wait_for_timeout(100)
            assert page.evaluate("QW.state.time.at") == 2
            assert seen.faults == []
        with opened(started, file, fragment="#" + address.split("#")[1]) as seen:
            assert seen.page.evaluate("QW.state.time") == {
                "axis": "year", "at": 2026, "only": True,
            }  # fmt: skip
            assert seen.page.locator(".qw-time-now").inner_text() == "2026 年"
            seen.page.keyboard.press("p")
            assert "当期 2026 年" in seen.page.locator(".qw-paper-box").inner_text()
        with opened(started, file, fragment="#t=1999&t=abc") as seen:
            assert seen.page.evaluate("QW.state.time.at") is None
            assert seen.faults == []


@pytest.mark.browser
def test_no_timeline_where_nothing_has_a_date(tmp_path: Path):
    file = save_offline(web_map(fake_results(thin=True)), tmp_path / "m.html")
    with browser() as started, opened(started, file, fragment="#t=2026") as seen:
        assert seen.page.locator(".qw-time").count() == 0
        assert seen.page.evaluate("QW.filtered().length") == 126
        assert seen.faults == []


@pytest.mark.browser
def test_hostile_text_in_any_layer_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    register(monkeypatch, hostile=True)
    file = save_offline(web_map(fake_results(thin=False, hostile=True)), tmp_path / "m.html")
    with browser() as started, opened(started, file) as seen:
        page = seen.page
        for layer in page.evaluate("QW.data.layers.map(l => l.key)"):
            page.evaluate(f"QW.show('p:{layer}', true)")
            page.evaluate(
                f"(() => {{ const l = QW.data.layers.find(l => l.key === '{layer}'); QW.showFeature(l, 0, l.values) }})()"
            )
        assert HOSTILE in page.locator(".qw-card h2").inner_text()
        # every tooltip there is, opened
        page.evaluate(
            "void QW.map.eachLayer(l => { if (l.getTooltip && l.getTooltip()) l.openTooltip() })"
        )
        page.mouse.move(700, 420)
        page.evaluate("QW.refresh(); QW.tab('filter'); QW.tab('summary'); QW.printView()")
        page.wait_for_timeout(200)
        assert page.evaluate("window.hacked") is None
        assert page.locator("img[onerror], .qw-root script, .qw-tip img").count() == 0
        assert seen.requests == []
        assert seen.faults == []
