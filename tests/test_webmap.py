"""The web map: what the page carries, what it must not say, and that it works offline."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
from maps_fixture import HOSTILE, browser, fake_results, opened
from pyproj import Geod

from qianwan_gis.maps import payload, spelling
from qianwan_gis.maps.offline import save_offline
from qianwan_gis.maps.web import embed_json, web_map
from qianwan_gis.maps.words import WORDS

SRC = Path(payload.__file__).parent / "web" / "src"


def decode(steps: list[int]) -> list[tuple[float, float]]:
    lon = lat = 0
    points = []
    for dx, dy in zip(steps[::2], steps[1::2], strict=True):
        lon, lat = lon + dx, lat + dy
        points.append((lon / payload.SCALE, lat / payload.SCALE))
    return points


# --- the data in the page --------------------------------------------------------------------


def test_every_village_is_there_and_only_points_have_a_place():
    results = fake_results(thin=True)
    data = payload.build(results)
    assert [v["code"] for v in data["villages"]] == list(results.villages["code"])
    placed = results.villages.set_index("code")["basis"].eq("point")
    assert {v["code"]: v["at"] is not None for v in data["villages"]} == placed.to_dict()


def test_positions_and_lines_come_back_from_degrees():
    results = fake_results(thin=False)
    data = payload.build(results)
    degrees = results.villages.to_crs("EPSG:4326").set_index("code").geometry
    for v in data["villages"]:
        assert v["at"] == pytest.approx((degrees[v["code"]].y, degrees[v["code"]].x), abs=1e-6)
    geod = Geod(ellps="WGS84")
    motorway = results.roads[results.roads["road_class"] == "motorway"].to_crs("EPSG:4326")
    line = decode(next(line for line in data["roads"]["lines"] if line[0] == "motorway")[3])
    for (lon, lat), (x, y) in zip(
        (line[0], line[-1]),
        (motorway.geometry.iloc[0].coords[0], motorway.geometry.iloc[0].coords[-1]),
        strict=True,
    ):
        assert geod.inv(lon, lat, x, y)[2] < 1.0


def test_thin_data_hide_what_would_mislead():
    data = payload.build(fake_results(thin=True))
    assert data["corridor"]["presumed"]
    assert data["corridor"]["stakes"] == []
    assert data["corridor"]["zones"] == []
    assert not any("chainage" in v for v in data["villages"])
    assert not data["percent"]
    sewage = [s["service"] for s in data["services"]].index("sewage")
    assert {v["cover"][sewage][0] for v in data["villages"]} == {2}  # never “uncovered”
    minutes = [c[2] for v in data["villages"] for c in v["cover"].values() if c[2] is not None]
    assert minutes
    assert all(isinstance(m, int) for m in minutes)
    assert not re.search(r"K\d+\+\d{3}", json.dumps(data, ensure_ascii=False))


def test_only_described_villages_have_an_area_without_its_thin_remainder():
    results = fake_results(thin=True)
    data = payload.build(results)
    with_area = [v for v in data["villages"] if "area" in v]
    assert [v["match"] for v in with_area] == ["described"]
    share, parts = with_area[0]["area"]
    # 0.70 on 4 pi, 0.25 on 25 pi, 0.05 on 400 pi square kilometres: densities 1, 0.057, 0.0007
    assert share == 0.7
    assert len(parts) == 1
    # A township's cell is drawn only where it is the county's own area.
    results.disclosure.cells = True
    data = payload.build(results)
    pending = results.villages["basis"].eq("region").sum()
    assert sum("area" in v for v in data["villages"]) == pending


def test_full_data_show_chainage_and_zones():
    data = payload.build(fake_results(thin=False))
    assert data["corridor"]["stakes"][10][2] == "K10+000"
    assert [z["width"] for z in data["corridor"]["zones"]] == [5000, 2000, 1000]
    stake = next(v["chainage"] for v in data["villages"] if "chainage" in v)
    assert re.fullmatch(r"K\d+\+\d{3}", stake[1])
    assert data["percent"]


def test_targets_show_their_progress_and_doubts():
    import pandas as pd

    results = fake_results(thin=True)
    row = {"topic": "污水治理率", "year": 2027, "relation": ">=", "value": 60.0, "unit": "%"}
    results.targets = pd.DataFrame(
        [
            row | {"plausibility": "合理", "status": "暂无数据"},
            row | {"value": 50000.0, "plausibility": "与人口不符", "status": "暂无数据"},
        ]
    )
    assert payload.build(results)["targets"] == [
        ["污水治理率", "2027", "≥ 60 %", "暂无数据", ""],
        ["污水治理率", "2027", "≥ 50000 %", "暂无数据", "与人口不符"],
    ]


def test_population_keeps_its_definition_year_and_source():
    results = fake_results(thin=True)
    data = payload.build(results)
    for v, row in zip(data["villages"], results.villages.to_dict("records"), strict=True):
        if math.isnan(row["population"]):
            assert "people" not in v
        else:
            year = None if math.isnan(row["population_year"]) else int(row["population_year"])
            assert v["people"] == [
                int(row["population"]), row["population_kind"], year, row["population_source"],
            ]  # fmt: skip


def test_pinyin_and_initials():
    assert spelling.pinyin("大南庄") == ("dananzhuang", "dnz")
    assert spelling.pinyin("巴公A村") == ("bagongacun", "bgac")


def test_json_cannot_break_out_of_its_script():
    text = embed_json({"x": HOSTILE + "\u2028<!--"})
    assert "<" not in text
    assert ">" not in text
    assert "\u2028" not in text
    assert json.loads(text)["x"] == HOSTILE + "\u2028<!--"


def test_every_word_the_page_asks_for_exists_in_both_languages():
    used: set[str] = set()
    for file in SRC.glob("*.js"):
        used |= set(re.findall(r'QW\.t\("(\w+)"', file.read_text("utf-8")))
    used = {key for key in used if not key.endswith("_")}  # completed at run time
    assert used
    assert used <= set(WORDS)
    for key, text in WORDS.items():
        assert text.zh, key
        assert text.en, key
        assert set(re.findall(r"\{(\w+)\}", text.zh)) == set(re.findall(r"\{(\w+)\}", text.en))


def test_our_script_never_parses_html():
    code = "".join(f.read_text("utf-8") for f in SRC.glob("*.js"))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", code)


def test_map_is_small_deterministic_and_asks_for_nothing(tmp_path: Path):
    a = save_offline(web_map(fake_results(thin=True)), tmp_path / "a.html")
    b = save_offline(web_map(fake_results(thin=True)), tmp_path / "b.html")
    assert a.read_bytes() == b.read_bytes()
    assert a.stat().st_size < 600_000
    html = a.read_text("utf-8")
    assert "unsafe-eval" not in html
    assert "jQuery v" not in html


def test_other_maps_keep_their_assets():
    import folium

    web_map(fake_results(thin=True))
    names = [name for name, _ in folium.Map.default_js]
    assert "bootstrap" in names


# --- in Chromium -----------------------------------------------------------------------------


@pytest.mark.browser
def test_search_card_filter_and_layers_on_a_desk(tmp_path: Path):
    file = save_offline(web_map(fake_results(thin=True)), tmp_path / "m.html")
    with browser() as started, opened(started, file) as seen:
        page = seen.page
        assert page.title() == "示例县千村示范规划图"
        assert page.get_by_text("内部工作图·未经审核不得公开").is_visible()
        assert page.get_by_text("审图号：未送审").is_visible()
        # search by initials, by pinyin, by code
        page.keyboard.press("/")
        for query in ("wz", "wangzhuang", "140599100200"):
            page.fill("#qw-search", query)
            assert page.locator("#qw-hits li b").first.inner_text() == "王庄"
        page.keyboard.press("Enter")
        card = page.locator(".qw-card")
        assert card.locator("h2").inner_text() == "王庄"
        assert "140599100200" in card.inner_text()
        assert "v=140599100200" in page.url
        # the circle on demand
        card.get_by_text("显示 90% 范围").click()
        assert page.locator(".leaflet-qwzones-pane path").count() == 1
        page.keyboard.press("Escape")
        assert not card.is_visible()
        # a village that is not located says so and has no mark
        pending = page.evaluate("QW.data.villages.findIndex(v => !v.at)")
        page.evaluate(f"QW.select(QW.data.villages[{pending}], true)")
        assert "尚未定位" in card.inner_text()
        assert page.evaluate(f"QW.marks.has(QW.data.villages[{pending}])") is False
        page.keyboard.press("Escape")
        # filters change marks, counts and legend
        page.click("[data-tab=filter]")
        page.click("[data-filter='category=精品示范村']")
        expected = page.evaluate("QW.data.villages.filter(v => v.category === '精品示范村').length")
        assert f"{expected} / 126" in page.locator(".qw-shown b").first.inner_text()
        located = page.evaluate(
            "QW.data.villages.filter(v => v.category === '精品示范村' && v.at).length"
        )
        assert page.evaluate("QW.marks.size") == located
        assert page.locator(".qw-legend .qw-key").first.inner_text().startswith("精品示范村")
        page.get_by_text("重置筛选").click()
        # layers and colouring; the legend follows
        page.click("[data-tab=layers]")
        legend = page.locator(".qw-legend")
        assert "国省道" in legend.inner_text()
        page.uncheck("[data-layer='r:primary']")
        assert "国省道" not in legend.inner_text()
        page.check("input[value='s:sewage_sewer']")
        assert "未覆盖" not in legend.inner_text()
        assert not page.is_checked("[data-layer=corridor]")
        page.check("[data-layer=corridor]")
        assert "推定" in legend.inner_text()
        assert seen.requests == []
        assert seen.faults == []


@pytest.mark.browser
def test_address_brings_back_the_view(tmp_path: Path):
    file = save_offline(web_map(fake_results(thin=False)), tmp_path / "m.html")
    with browser() as started:
        with opened(started, file) as seen:
            page = seen.page
            page.check("input[value='s:clinic_township']")
            page.check("[data-layer='z:2000']")
            page.click("[data-tab=filter]")
            page.click("[data-filter='town=东河镇']")
            near = page.evaluate("QW.filtered().length")
            page.click("[data-filter='zone=2000']")
            assert 0 < page.evaluate("QW.filtered().length") < near
            page.evaluate("QW.select(QW.data.villages[1], true)")
            address = page.url
            view = page.evaluate("[QW.map.getZoom(), QW.map.getCenter().lat.toFixed(4)]")
        with opened(started, file, fragment="#" + address.split("#")[1]) as seen:
            page = seen.page
            assert page.evaluate("[QW.map.getZoom(), QW.map.getCenter().lat.toFixed(4)]") == view
            assert page.evaluate("QW.state.by") == "s:clinic_township"
            assert page.evaluate("QW.state.on['z:2000']") is True
            assert page.evaluate("QW.state.filter.town") == ["东河镇"]
            assert page.evaluate("QW.state.selected.code") == page.evaluate(
                "QW.data.villages[1].code"
            )
        # nonsense in the address does nothing
        with opened(started, file, fragment="#z=a/b/c&by=x&l=+nothing&v=<b>") as seen:
            assert seen.page.locator(".qw-root[data-ready=true]").count() == 1
            assert seen.faults == []


@pytest.mark.browser
def test_map_works_inside_a_notebook_cell(tmp_path: Path):
    """A notebook shows the page in a frame that has no address of its own."""
    from html import escape

    file = save_offline(web_map(fake_results(thin=True)), tmp_path / "m.html")
    cell = tmp_path / "cell.html"
    page = escape(file.read_text("utf-8"))
    cell.write_text(f'<iframe srcdoc="{page}" width="1200" height="700"></iframe>', "utf-8")
    with browser() as started, opened(started, cell) as seen:
        frame = seen.page.frames[1]
        frame.wait_for_selector(".qw-root[data-ready=true]", state="attached")
        frame.evaluate("QW.select(QW.data.villages[0], true)")
        assert frame.locator(".qw-card h2").inner_text() == "王庄"
        assert seen.faults == []


@pytest.mark.browser
def test_measure_agrees_with_the_ellipsoid(tmp_path: Path):
    file = save_offline(web_map(fake_results(thin=True)), tmp_path / "m.html")
    geod = Geod(ellps="WGS84")
    with browser() as started, opened(started, file) as seen:
        page = seen.page
        page.keyboard.press("m")
        corners = [(500, 300), (900, 320), (880, 600)]
        for x, y in corners:
            page.mouse.click(x, y)
        page.keyboard.press("Enter")
        places = page.evaluate(
            "c => c.map(p => { const l = QW.map.containerPointToLatLng(p); return [l.lng, l.lat] })",
            corners,
        )
        metres = float(page.locator(".qw-readout").get_attribute("data-metres"))
        area = float(page.locator(".qw-readout").get_attribute("data-area"))
        lons, lats = zip(*places, strict=True)
        assert metres == pytest.approx(geod.line_length(lons, lats), rel=1e-4)
        assert area == pytest.approx(abs(geod.polygon_area_perimeter(lons, lats)[0]), rel=2e-3)
        page.keyboard.press("Escape")
        assert page.locator(".qw-readout").count() == 0
        assert seen.faults == []


@pytest.mark.browser
def test_print_view_has_the_paper_and_what_a_map_must_state(tmp_path: Path):
    file = save_offline(web_map(fake_results(thin=True)), tmp_path / "m.html")
    with browser() as started, opened(started, file) as seen:
        page = seen.page
        view = page.evaluate("[QW.map.getZoom(), QW.map.getCenter().lat]")
        page.keyboard.press("p")
        paper = page.locator(".qw-paper")
        for word in (
            "图名",
            "坐标系",
            "日期",
            "制图",
            "界线来源",
            "数据来源",
            "审图号",
            "图例",
            "北",
        ):
            assert word in paper.inner_text()
        assert "内部工作图·未经审核不得公开" in paper.inner_text()
        pdf = page.pdf(prefer_css_page_size=True, print_background=True)
        assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
        box = re.search(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", pdf)
        size = [float(box[1]) / 72 * 25.4, float(box[2]) / 72 * 25.4]
        assert size == pytest.approx([297, 210], abs=1)
        page.get_by_text("A3", exact=True).click()
        page.get_by_text("纵向").click()
        pdf = page.pdf(prefer_css_page_size=True, print_background=True)
        box = re.search(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", pdf)
        size = [float(box[1]) / 72 * 25.4, float(box[2]) / 72 * 25.4]
        assert size == pytest.approx([297, 420], abs=1)
        page.keyboard.press("Escape")
        assert page.evaluate("[QW.map.getZoom(), QW.map.getCenter().lat]") == pytest.approx(view)
        assert seen.faults == []


@pytest.mark.browser
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_phone(tmp_path: Path, lang: str):
    file = save_offline(web_map(fake_results(thin=False, lang=lang)), tmp_path / "m.html")
    with (
        browser() as started,
        opened(started, file, width=390, height=844, touch=True) as seen,
    ):
        page = seen.page
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        for tab in ("layers", "filter", "summary", "legend", "about"):
            page.tap(f"[data-tab={tab}]")
            body = page.locator(f"#qw-body-{tab}")
            assert body.is_visible()
            assert body.evaluate("b => b.scrollWidth <= b.clientWidth + 1")
        page.tap("[data-tab=about]")
        assert not page.locator("#qw-body-about").is_visible()
        page.evaluate("QW.select(QW.data.villages[1], true)")
        box = page.locator(".qw-card").bounding_box()
        assert box["x"] == 0
        assert box["y"] + box["height"] == pytest.approx(844, abs=1)
        assert "null" not in page.locator(".qw-root").inner_text()
        assert seen.requests == []
        assert seen.faults == []


@pytest.mark.browser
def test_hostile_text_does_nothing_and_is_shown_as_text(tmp_path: Path):
    file = save_offline(web_map(fake_results(thin=True, hostile=True)), tmp_path / "m.html")
    with browser() as started, opened(started, file) as seen:
        page = seen.page
        page.evaluate("QW.select(QW.data.villages[0], true)")
        assert page.locator(".qw-card h2").inner_text() == HOSTILE
        for tab in ("filter", "summary", "about"):
            page.click(f"[data-tab={tab}]")
        page.evaluate(
            "QW.showFacility(QW.data.facilities.points.at(-1), QW.data.facilities.kinds[0])"
        )
        page.fill("#qw-search", "img")
        page.keyboard.press("Escape")
        page.mouse.move(700, 400)
        page.evaluate("QW.printView()")
        assert page.evaluate("window.hacked") is None
        assert page.locator("img[onerror]").count() == 0
        assert seen.requests == []
        assert seen.faults == []
