"""Nothing clipped, nothing overlapping, in both languages and at both sizes; every button works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from layout_fixture import layout_faults, walk
from maps_fixture import browser, fake_results, opened, with_network
from planning_fixture import register

from qianwan_gis.maps import payload, spelling
from qianwan_gis.maps.offline import save_offline
from qianwan_gis.maps.web import web_map

SIZES = [(1440, 900), (390, 844)]


@pytest.mark.browser
@pytest.mark.parametrize(("thin", "lang"), [(True, "zh"), (False, "zh"), (False, "en")])
def test_nothing_is_clipped_or_overlaps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lang: str, thin: bool
):
    if not thin:
        register(monkeypatch)
    file = save_offline(web_map(fake_results(thin=thin, lang=lang)), tmp_path / "m.html")
    with browser() as started:
        for width, height in SIZES:
            with opened(started, file, width=width, height=height) as seen:
                assert walk(seen.page, small=width < 720) == {}
                assert seen.requests == []
                assert seen.faults == []


@pytest.mark.browser
def test_the_check_itself_sees_what_is_wrong(tmp_path: Path):
    file = save_offline(web_map(fake_results(thin=True)), tmp_path / "m.html")
    with browser() as started, opened(started, file) as seen:
        page = seen.page
        assert layout_faults(page) == []
        page.evaluate("void (document.querySelector('.qw-legend').style.left = '200px')")
        assert any("overlap" in f for f in layout_faults(page))
        page.evaluate("void (document.querySelector('.qw-legend').style.left = '')")
        page.evaluate(
            "h => { h.textContent = '很长的图名'.repeat(12); h.style.whiteSpace = 'nowrap' }",
            page.query_selector(".qw-title h1"),
        )
        assert any("outside" in f for f in layout_faults(page))


@pytest.mark.browser
def test_the_printed_sheet_holds_its_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    register(monkeypatch)
    for lang in ("zh", "en"):
        file = save_offline(web_map(fake_results(thin=False, lang=lang)), tmp_path / f"{lang}.html")
        with browser() as started, opened(started, file) as seen:
            page = seen.page
            page.keyboard.press("p")
            for size in ("A4", "A3") if lang == "en" else ("A4",):
                page.get_by_text(size, exact=True).click()
                for word in ("横向", "纵向") if lang == "zh" else ("Landscape", "Portrait"):
                    page.get_by_text(word, exact=True).click()
                    sheet = page.evaluate(
                        """() => {
                          const b = e => e.getBoundingClientRect(), paper = b(document.querySelector('.qw-paper'));
                          const map = b(document.querySelector('.qw-paper-map')), foot = b(document.querySelector('.qw-paper footer'));
                          return [foot.bottom - paper.bottom, map.height / paper.height, map.bottom - foot.top,
                            ...[...document.querySelectorAll('.qw-paper footer span, .qw-paper footer dd, .qw-paper h1, .qw-paper .qw-mark')]
                              .map(e => b(e).right - paper.right)];
                        }"""
                    )
                    assert sheet[0] < 1, (lang, size, word)
                    assert sheet[1] > 0.45, (lang, size, word)
                    assert sheet[2] < 1
                    assert max(sheet[3:]) < 1
            assert seen.faults == []


@pytest.mark.browser
def test_full_screen_link_and_keys(tmp_path: Path):
    file = save_offline(web_map(fake_results(thin=False)), tmp_path / "m.html")
    with browser() as started, opened(started, file) as seen:
        page = seen.page
        page.get_by_role("button", name="全屏").click()
        page.wait_for_timeout(150)
        assert page.evaluate("document.fullscreenElement === document.documentElement")
        page.get_by_role("button", name="全屏").click()
        page.wait_for_timeout(150)
        assert page.evaluate("document.fullscreenElement") is None
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.evaluate("QW.select(QW.data.villages[3], true)")
        page.get_by_role("button", name="复制当前视图的链接").click()
        page.wait_for_selector(".qw-toast:not([hidden])")
        if page.locator(".qw-toast").inner_text() == "链接已复制":
            assert page.evaluate("navigator.clipboard.readText()") == page.url
        assert re.search(r"v=140599\d+", page.url)
        page.keyboard.press("Escape")
        for key, tab in (("f", "filter"), ("s", "summary"), ("l", "layers")):
            page.keyboard.press(key)
            assert page.locator(f"#qw-body-{tab}").is_visible()
        page.locator("#qw-tab-layers").focus()
        page.keyboard.press("ArrowRight")
        assert page.locator("#qw-body-filter").is_visible()
        assert page.evaluate("document.activeElement.id") == "qw-tab-filter"
        zoom = page.evaluate("QW.map.getZoom()")
        page.get_by_role("button", name="放大").click()
        page.wait_for_timeout(400)
        assert page.evaluate("QW.map.getZoom()") > zoom
        page.keyboard.press("h")
        assert page.evaluate("QW.map.getZoom()") < zoom + 1
        # the panel folds away and comes back
        page.get_by_role("button", name="收起面板").click()
        assert not page.locator(".qw-panel").is_visible()
        assert layout_faults(page) == []
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "qw-search"
        page.keyboard.type("北岭")
        page.keyboard.press("Enter")  # a township comes before the villages
        assert page.locator(".qw-card h2").inner_text() == "北岭镇"
        assert "服务覆盖" in page.locator(".qw-card").inner_text()
        # every interactive thing has a name for those who do not see it
        nameless = page.eval_on_selector_all(
            "button, input, select",
            """all => all.filter(e => e.checkVisibility() && !(e.getAttribute('aria-label') || e.textContent.trim()
                 || e.closest('label')?.textContent.trim())).map(e => e.outerHTML.slice(0, 80))""",
        )
        assert nameless == []
        assert seen.requests == []
        assert seen.faults == []


@pytest.mark.browser
def test_every_control_by_touch_on_a_phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    register(monkeypatch)
    results = with_network(60)
    file = save_offline(web_map(results), tmp_path / "m.html")
    name = results.villages["name"].iloc[0]
    with (
        browser() as started,
        opened(started, file, width=390, height=844, touch=True) as seen,
    ):
        page = seen.page
        # search and card
        page.tap("#qw-search")
        page.fill("#qw-search", name)
        page.locator("#qw-hits li").first.dispatch_event("mousedown")
        card = page.locator(".qw-card")
        assert card.locator("h2").inner_text() == name
        page.tap(".qw-card-close")
        assert not card.is_visible()
        # layers: the sheet opens, a box is ticked, the handle closes it
        page.tap("[data-tab=layers]")
        page.tap("[data-layer='p:made_up_pipes']")
        assert page.evaluate("QW.state.on['p:made_up_pipes']")
        page.tap(".qw-handle")
        assert not page.locator("#qw-body-layers").is_visible()
        # filter
        page.tap("[data-tab=filter]")
        page.locator("[data-filter^='town=']").first.tap()
        assert 0 < page.evaluate("QW.filtered().length") < 60
        page.get_by_text("重置筛选").tap()
        page.tap("[data-tab=filter]")
        # timeline
        page.get_by_role("slider", name="时间").fill("2")
        assert page.evaluate("QW.state.time.at") == 2026
        page.get_by_role("button", name="当期").tap()
        assert page.evaluate("QW.state.time.only")
        page.get_by_role("slider", name="时间").fill("0")
        # measure
        page.get_by_role("button", name="测量距离和面积").tap()
        for x, y in ((150, 300), (220, 340)):
            page.touchscreen.tap(x, y)
        assert float(page.locator(".qw-readout").get_attribute("data-metres")) > 100
        page.get_by_role("button", name="测量距离和面积").tap()
        assert page.locator(".qw-readout").count() == 0
        # what-if: start, add by a tap on the map
        page.tap("[data-tab=whatif]")
        page.tap(".qw-what-start")
        page.wait_for_selector(".qw-what-add")
        before = page.evaluate("QW.what.list.length")
        page.get_by_role("button", name="新增一处").tap()
        page.touchscreen.tap(180, 200)
        assert page.evaluate("QW.what.list.length") == before + 1
        assert layout_faults(page) == []
        page.locator(".qw-what-stop").tap()
        assert seen.requests == []
        assert seen.faults == []


# --- in English --------------------------------------------------------------------------------


def test_place_names_have_their_pinyin_in_english_only():
    title = spelling.title
    assert title("大南庄", "en") == "Dananzhuang 大南庄"
    assert title("大南庄", "zh") == "大南庄"
    assert title("下村镇", "en", town=True) == "Xiacun Town 下村镇"
    assert title("北石店街道", "en", town=True) == "Beishidian Subdistrict 北石店街道"
    assert title("镇", "en", town=True) == "Zhen 镇"
    assert title("西安", "en") == "Xi'an 西安"
    assert title("长治", "en", known="Changzhi") == "Changzhi 长治"
    assert title("A-1", "en") == "A-1"


@pytest.mark.browser
def test_the_english_map_is_english_but_for_names(tmp_path: Path):
    results = fake_results(thin=False, lang="en")
    file = save_offline(web_map(results), tmp_path / "m.html")
    names = set(results.villages["name"]) | set(results.townships["township"])
    with browser() as started, opened(started, file) as seen:
        page = seen.page

        def other_chinese(text: str) -> str:
            for name in sorted(names, key=len, reverse=True):
                text = re.sub(rf"[A-Z][a-z']+(?: (?:Town|Township|Subdistrict))? {name}", "", text)
            return "".join(re.findall(r"[\u4e00-\u9fff]+", text))

        for tab in ("layers", "filter", "legend"):
            page.evaluate(f"QW.tab('{tab}')")
            assert other_chinese(page.locator(f"#qw-body-{tab}").inner_text()) == ""
        page.evaluate("QW.showTown(QW.data.townships[0])")
        card = page.locator(".qw-card")
        assert card.locator("h2").inner_text() == "Beiling Town 北岭镇"
        assert other_chinese(card.inner_text()) == ""
        page.evaluate("QW.select(QW.data.villages[0])")
        text = card.inner_text()
        assert "Wangzhuang 王庄" in text
        assert "over the limit" in text or "covered" in text
        assert "municipal" in text
        # search still takes Chinese, pinyin and initials
        for query in ("王庄", "wangzhuang", "wz"):
            page.fill("#qw-search", query)
            assert page.locator("#qw-hits li b").first.inner_text() == "Wangzhuang 王庄"
        page.keyboard.press("Escape")
        tip = page.evaluate("QW.marks.get(QW.data.villages[0]).getTooltip()._content().innerText")
        assert tip.startswith("Wangzhuang 王庄")
        assert page.evaluate("document.documentElement.lang") == "en"
        assert seen.faults == []


# --- township and corridor summaries -----------------------------------------------------------


@pytest.mark.browser
def test_summaries_say_no_more_than_the_data_bear(tmp_path: Path):
    pages = {}
    for thin in (True, False):
        file = save_offline(web_map(fake_results(thin=thin)), tmp_path / f"{thin}.html")
        with browser() as started, opened(started, file) as seen:
            page = seen.page
            page.evaluate("QW.tab('summary')")
            text = page.locator("#qw-body-summary").inner_text()
            for town in range(9):
                page.evaluate(f"QW.showTown(QW.data.townships[{town}])")
                text += page.locator(".qw-card").inner_text()
            page.evaluate("QW.showCorridor(true)")
            pages[thin] = text + page.locator(".qw-card").inner_text()
            assert page.evaluate("QW.state.on.corridor")
            assert seen.faults == []
    # thin: no share, no stake, no distance along or from a presumed line, no “not covered” by sewage
    assert "%" not in pages[True]
    assert not re.search(r"K\d+\+\d{3}", pages[True])
    assert "推定" in pages[True]
    assert "公里范围" not in pages[True]
    assert "%" in pages[False]
    assert "沿线 2 公里范围" in pages[False]
    assert re.search(r"K\d+\+\d{3}", pages[False])


def test_corridor_counts_in_the_page_are_those_of_the_table():
    results = fake_results(thin=False)
    data = payload.build(results)
    table = results.corridor_villages
    for zone in data["corridor"]["zones"]:
        inside = [v for v in data["villages"] if (v.get("chainage") or [0] * 5)[4]]
        counted = sum(v["chainage"][4] <= zone["width"] for v in inside)
        assert counted == int((table["within_m"] <= zone["width"]).sum())
    line = results.corridor.lines.geometry.iloc[0]
    assert data["corridor"]["metres"] == round(line.length)
    assert payload.build(fake_results(thin=True))["corridor"]["metres"] is None
