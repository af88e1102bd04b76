"""Plans on the web map as their reader uses them: order, names, notes, timeline, the card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
from maps_fixture import browser, fake_results, opened, with_network
from planning_fixture import register

from qianwan_gis import sources
from qianwan_gis._text import Text
from qianwan_gis.layers import _registry
from qianwan_gis.layers._registry import Style, Symbol
from qianwan_gis.maps import payload
from qianwan_gis.maps.offline import save_offline
from qianwan_gis.maps.web import web_map
from qianwan_gis.schemas import Column

_NOTE = Text("规划比选，不能代替设计", "a planning comparison, no design")


def _at_villages(monkeypatch: pytest.MonkeyPatch, theme: str = "coverage") -> None:
    """Register two layers with a point at each of the first villages: names, and pressures."""
    monkeypatch.setattr(_registry, "_LAYERS", dict(_registry._LAYERS))

    def points(results: Any, **columns: Any) -> gpd.GeoDataFrame:
        villages = results.villages[results.villages["basis"] == "point"].head(4)
        made = {"name": villages["name"].to_numpy(), "name_code": "n1", **columns}
        return gpd.GeoDataFrame(made, geometry=villages.geometry.to_numpy(), crs=results.crs)

    for key, label in (("made_up_choice", "name"), ("made_up_head", "head")):
        _registry.layer(
            key, Text(key, key), theme=theme, note=_NOTE,
            columns=(
                Column("name", "text", Text("名称", "Name"), Text("", "")),
                Column("name_code", "text", Text("名称代码", "Name, coded"), Text("", "")),
                Column("head", "number", Text("水压", "Head"), Text("", ""), "m"),
            ),
            styles=(
                Style(
                    Text("点", "Point"), "point",
                    (Symbol("", Text("做法", "choice"), "#ffe1c9", 3.0, outline="#d55e00"),),
                    label=label,
                ),
            ),
        )(lambda results: points(results, head=[28.46, 17.0, 110.9, 9.42]))  # fmt: skip


def test_works_wait_to_be_switched_on(monkeypatch: pytest.MonkeyPatch):
    def shown() -> bool:
        layers = {w["key"]: w for w in payload.build(fake_results(thin=False))["layers"]}
        return bool(layers["made_up_choice"]["on"])

    _at_villages(monkeypatch)
    assert shown()
    _at_villages(monkeypatch, theme="sewage")
    assert not shown()


@pytest.mark.browser
def test_a_plan_lies_above_the_villages_and_leads_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _at_villages(monkeypatch)
    results = fake_results(thin=False)
    file = save_offline(web_map(results), tmp_path / "m.html")
    with browser() as started, opened(started, file) as seen:
        page = seen.page
        # what holds for both layers is said once
        assert page.locator("[data-theme=coverage]").inner_text().count(_NOTE.zh) == 1
        page.uncheck("[data-layer='p:made_up_head']")
        where = page.evaluate(
            """() => { const at = QW.data.layers.find(l => l.key === 'made_up_choice').shapes[0][0];
                       QW.map.setView(at, 14, {animate: false});
                       const p = QW.map.latLngToContainerPoint(at); return [p.x, p.y]; }"""
        )
        page.mouse.click(*where)
        card = page.locator(".qw-card")
        name = results.villages.loc[results.villages["basis"] == "point", "name"].iloc[0]
        assert "made_up_choice" in card.inner_text()
        assert "n1" not in card.inner_text()  # codes are for programs
        # the village underneath is one press away
        card.get_by_role("button", name=name, exact=True).click()
        assert page.evaluate("QW.state.selected.name") == name
        # a name that stands there already is not written twice; numbers have their unit
        texts = "[...new Set(QW.names._source(QW.map).items.map(i => i.text))]"
        items = "QW.names._source(QW.map).items.map(i => i.text)"
        page.keyboard.press("Escape")
        assert page.evaluate(items)
        assert len(page.evaluate(items)) == len(page.evaluate(texts))
        page.check("[data-layer='p:made_up_head']")
        assert {"28.5 m", "17 m", "111 m", "9.4 m"} <= set(page.evaluate(items))
        page.evaluate("void QW.map.setZoom(12, {animate: false})")
        assert not {"28.5 m", "17 m"} & set(page.evaluate(items))
        assert seen.faults == []


@pytest.mark.browser
def test_each_card_begins_at_its_top(tmp_path: Path):
    file = save_offline(web_map(with_network(60)), tmp_path / "m.html")
    with browser() as started, opened(started, file, height=420) as seen:
        page = seen.page
        page.evaluate("QW.showTown(QW.data.townships[0])")
        body = ".qw-card-body"
        page.evaluate(f"document.querySelector('{body}').scrollTop = 1e6")
        assert page.evaluate(f"document.querySelector('{body}').scrollTop") > 0
        page.keyboard.press("Escape")
        page.evaluate("QW.select(QW.data.villages[0])")
        assert page.evaluate(f"document.querySelector('{body}').scrollTop") == 0
        assert seen.faults == []


@pytest.mark.browser
def test_the_timeline_offers_what_it_would_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    register(monkeypatch)
    file = save_offline(web_map(fake_results(thin=False)), tmp_path / "m.html")
    with browser() as started, opened(started, file) as seen:
        page = seen.page
        offer = page.get_by_role("button", name="打开分期图层")
        assert offer.is_visible()
        assert not page.evaluate("QW.state.on['p:made_up_pipes']")
        offer.click()
        assert page.evaluate("QW.state.on['p:made_up_pipes']")
        assert page.is_checked("[data-layer='p:made_up_pipes']")
        assert not offer.is_visible()
        page.uncheck("[data-layer='p:made_up_pipes']")
        assert offer.is_visible()
        # between phone and desk it was squeezed to nothing beside the panel
        for width in (760, 900, 1100):
            page.set_viewport_size({"width": width, "height": 760})
            box = page.locator(".qw-time").bounding_box()
            panel = page.locator(".qw-panel").bounding_box()
            assert box["width"] >= 290
            assert box["x"] >= panel["x"] + panel["width"]
            assert box["x"] + box["width"] <= width
        assert seen.faults == []


def test_what_is_not_shown_is_named_with_its_reason():
    results = fake_results(thin=True)
    assert "桩号：走向为推定，无桩号" in payload.build(results)["hidden"]
    hidden = payload.build(fake_results(thin=True, lang="en"))["hidden"]
    assert "stakes: presumed course" in hidden
    assert len(set(hidden)) == len(hidden)
    assert payload.build(fake_results(thin=False))["hidden"] == []


@pytest.mark.browser
def test_the_english_map_says_which_texts_are_chinese(tmp_path: Path):
    results = fake_results(thin=False, lang="en")
    results.villages["evidence"] = [
        "来源：示例" if i else "a survey" for i in range(len(results.villages))
    ]
    file = save_offline(web_map(results), tmp_path / "m.html")
    with browser() as started, opened(started, file) as seen:
        page = seen.page
        heads = []
        for i in (0, 1):
            page.evaluate(f"QW.select(QW.data.villages[{i}])")
            heads.append(page.locator(".qw-evidence summary").inner_text())
        assert heads == ["Evidence", "Evidence (source text in Chinese)"]
        assert seen.faults == []
    sides = {v["chainage"][3] for v in payload.build(results)["villages"] if "chainage" in v}
    assert sides <= {"left", "right", "on the line", "past the end"}


def test_the_table_of_sources_speaks_the_readers_language(zezhou_plans):
    chinese, english = (sources.table(plan) for plan in zezhou_plans)
    assert chinese["title"].iloc[0].startswith("县界（")
    assert "医疗卫生·村卫生室（名录不完整）" in set(chinese["title"])
    assert "health care, village clinic (register: partial)" in set(english["title"])
    ours = english.loc[
        english["layer"] != "boundary", "title"
    ]  # the outline's note is its source's
    assert not ours.str.contains(r"[\u4e00-\u9fff]").any()
    same = ["layer", "licence", "features"]
    rest = english["layer"] != "villages"
    assert chinese.loc[rest, same].equals(english.loc[rest, same])


@pytest.fixture(scope="module")
def zezhou_plans() -> Any:
    import qianwan_gis as qg

    return [qg.Plan.open("zezhou", lang=lang) for lang in ("zh", "en")]
