"""The review page: what it holds, that it works in a browser, and its answers coming back."""

from __future__ import annotations

import json
import re
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import results_fixture
from shapely import Point

from qianwan_gis import DataError, datum, geocoding
from qianwan_gis.review import COLUMNS, read_review, unsettled, write_review


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_review(results_fixture.thin(), tmp_path_factory.mktemp("review") / "review.html")


def data_of(page: Path) -> dict[str, object]:
    text = page.read_text(encoding="utf-8")
    held = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert held is not None
    return json.loads(held[1])


def test_the_page_holds_every_unsettled_village_and_no_address(page: Path) -> None:
    results = results_fixture.thin()
    text = page.read_text(encoding="utf-8")
    data = data_of(page)
    villages = results.villages
    open_codes = set(villages.loc[villages["basis"] == "region", "code"])
    shown = {v["code"]: v for v in data["villages"]}
    assert open_codes <= set(shown)
    by_township = set(villages.loc[villages["match"] == "township", "code"])
    # Computing cells are never drawn: a circle stands for what only the township tells.
    assert all(bool(shown[c]["regions"]) == (c not in by_township) for c in open_codes)
    assert all(bool(shown[c]["circle"]) == (c in by_township) for c in open_codes)
    without_data = re.sub(r'id="data">.*?</script>', "", text, flags=re.DOTALL)
    assert not re.search(
        r"""(?:src|href)\s*=\s*["'\w]|url\(|@import""", without_data.replace("link.href = URL.", "")
    )
    assert "default-src 'none'" in text.replace("&#x27;", "'")
    # Hostile names are text: only the page's own elements are there.
    assert text.count("<script") == 2
    assert "<img" not in text
    assert any(v["name"] == results_fixture.HOSTILE[0] for v in data["villages"])
    # Nothing settled is asked about, and known neighbours are drawn.
    exact = villages[(villages["basis"] == "point") & villages["match"].isin(["exact", "reviewed"])]
    assert not set(exact["code"]) & set(shown)
    assert {name for name, *_ in data["known"]} >= set(exact["name"])


def test_the_same_results_give_the_same_page(page: Path, tmp_path: Path) -> None:
    again = write_review(results_fixture.thin(), tmp_path / "again.html")
    assert again.read_bytes() == page.read_bytes()


def frame(**columns: list[object]) -> gpd.GeoDataFrame:
    n = len(columns["code"])
    base: dict[str, list[object]] = {
        "name": ["甲"] * n, "township": ["镇"] * n, "lists": [""] * n, "match": ["township"] * n,
        "basis": ["region"] * n, "uncertainty_m": [5000.0] * n, "population": [None] * n,
        "evidence": [""] * n,
    }  # fmt: skip
    return gpd.GeoDataFrame(
        pd.DataFrame(base | columns), geometry=[None] * n, crs=datum.zone(113.0)
    )


def test_order_is_people_times_undecided() -> None:
    villages = frame(
        code=list("abcdef"),
        population=[100.0, 1000.0, None, 100.0, 5000.0, 100.0],
        lists=["", "", "", "市级", "", ""],
        uncertainty_m=[5000.0, 5000.0, 5000.0, 5000.0, 100.0, 9000.0],
        basis=["region"] * 4 + ["point", "region"],
        match=["township"] * 4 + ["exact", "township"],
    )
    coverage = pd.DataFrame(
        {"code": ["a", "b", "c", "c", "e"], "p_covered": [0.5, 0.5, 0.5, 0.5, 0.5]}
    )
    order = unsettled(villages, coverage)
    # b: 1 x 1000; c: 2 x the median recorded 100; a: 1 x 100; then listed d, then the widest.
    assert order["code"].tolist() == ["b", "c", "a", "d", "f"]
    assert order["value"].tolist() == [1000.0, 200.0, 100.0, 0.0, 0.0]
    assert order["population"].isna().sum() == 1
    assert villages["population"].isna().sum() == 1


def test_weak_points_and_conflicts_are_unsettled_too() -> None:
    villages = frame(
        code=list("abcd"),
        basis=["point"] * 4,
        match=["settlement", "exact", "exact", "reviewed"],
        evidence=["", "点 ‖ 冲突：两说", "", "冲突：旧"],
    )
    assert sorted(unsettled(villages)["code"]) == ["a", "b"]


# --- reading ---


def saved(tmp_path: Path, text: str, encoding: str = "utf-8-sig") -> Path:
    path = tmp_path / "review.csv"
    path.write_text(text, encoding=encoding)
    return path


def test_answers_are_read_from_any_office(tmp_path: Path) -> None:
    text = (
        "code,name,township,decision,lon,lat,uncertainty_m,note,reviewer,date\n"
        "140525100234,冶底,南村镇,定位,112.72,35.42,200,现场,,2025-06-01\n"
        "140525-下村镇-下庄,下庄,下村镇,rejected,,,,'=cmd,,\n"
        ",,,,,,,,,\n"
    )
    for encoding in ("utf-8-sig", "gb18030"):
        table = read_review(saved(tmp_path, text, encoding))
        assert list(table.columns) == list(COLUMNS)
        assert table["decision"].tolist() == ["placed", "rejected"]
        assert table["lon"].iloc[0] == 112.72
        assert table["uncertainty_m"].iloc[0] == 200
        assert table["note"].iloc[1] == "=cmd"
        assert table["code"].iloc[0] == "140525100234"


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    text = (
        "code,decision,lon,lat,uncertainty_m\n"
        "1.40525E+11,placed,112.7,35.4,200\n"
        "140525100234,maybe,112.7,35.4,200\n"
        "140525100235,placed,35.4,112.7,200\n"
        "140525100236,placed,,35.4,-5\n"
        "140525100237,placed,112.7,35.4,\n"
        "140525100237,placed,112.8,35.4,\n"
        ",placed,nan,inf,\n"
    )
    with pytest.raises(DataError) as caught:
        read_review(saved(tmp_path, text))
    told = [(p.code, p.row) for p in caught.value.problems]
    assert told == [
        ("spoilt_code", 2), ("unknown_value", 3), ("bad_coordinate", 4), ("bad_coordinate", 4),
        ("bad_coordinate", 5), ("not_a_number", 5), ("duplicate_code", 7), ("null_value", 8),
        ("bad_coordinate", 8), ("bad_coordinate", 8),
    ]  # fmt: skip
    assert all(p.file == "review.csv" for p in caught.value.problems)


def test_missing_files_and_columns_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="文件不存在"):
        read_review(tmp_path / "none.csv")
    with pytest.raises(DataError, match="lat"):
        read_review(saved(tmp_path, "code,decision,lon\n1,placed,112\n"))


# --- in a browser, to the saved file and back ---


@pytest.mark.browser
def test_a_person_settles_villages_with_mouse_and_keyboard(
    page: Path, browser: object, tmp_path: Path
) -> None:
    context = browser.new_context(offline=True, accept_downloads=True)
    tab = context.new_page()
    errors: list[str] = []
    requests: list[str] = []
    tab.on("pageerror", lambda e: errors.append(str(e)))
    tab.on("console", lambda m: errors.append(m.text) if m.type in ("error", "warning") else None)
    tab.on("request", lambda r: requests.append(r.url))
    tab.on("dialog", lambda d: d.accept())
    tab.set_viewport_size({"width": 1440, "height": 900})
    tab.goto(page.as_uri())
    data = data_of(page)
    villages = data["villages"]
    assert tab.locator("#list li").count() == len(villages)
    # 1: by mouse. The click becomes a coordinate, the A key settles it, the next village comes.
    box = tab.locator("#map").bounding_box()
    tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    lon, lat = float(tab.input_value("#lon")), float(tab.input_value("#lat"))
    west, south, east, north = villages[0]["box"]
    assert (lon, lat) == pytest.approx(((west + east) / 2, (south + north) / 2), abs=2e-4)
    tab.fill("#note", '现场"核对", =1+1')
    tab.select_option("#radius", "500")
    tab.locator("#map").focus()
    tab.keyboard.press("a")
    assert tab.locator("#list li[aria-selected=true] span").first.inner_text().startswith("2.")
    # 2: by keyboard alone. Arrows move the cross, Enter places.
    tab.locator("#list").focus()
    tab.keyboard.press("Enter")
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "Shift+ArrowUp", "Enter"):
        tab.keyboard.press(key)
    by_key = float(tab.input_value("#lon")), float(tab.input_value("#lat"))
    west, south, east, north = villages[1]["box"]
    assert by_key[0] > (west + east) / 2
    assert by_key[1] > (south + north) / 2
    tab.keyboard.press("a")
    # 3: typed coordinates, then undone.
    tab.fill("#lon", "112.5")
    tab.fill("#lat", "35.5")
    tab.keyboard.press("Tab")
    tab.click("#yes")
    tab.locator("#list").focus()
    tab.keyboard.press("p")
    tab.keyboard.press("u")
    # 4: a wrong point is rejected.
    index = next(i for i, v in enumerate(villages) if v["point"] and i > 2)
    tab.locator("#list li").nth(index).click()
    tab.click("#no")
    assert "3 /" in tab.inner_text("#count")
    # Answers survive a reload.
    tab.reload()
    assert "3 /" in tab.inner_text("#count")
    with tab.expect_download() as waiting:
        tab.keyboard.press("Control+s")
    assert waiting.value.suggested_filename == "review.csv"
    waiting.value.save_as(tmp_path / "review.csv")
    assert errors == []
    assert [u for u in requests if not u.startswith(("file:", "blob:"))] == []
    context.close()

    table = read_review(tmp_path / "review.csv").set_index("code")
    assert len(table) == 3
    first = table.loc[villages[0]["code"]]
    assert (first["decision"], first["uncertainty_m"]) == ("placed", 500)
    assert (first["lon"], first["lat"]) == pytest.approx((lon, lat), abs=1e-5)
    assert first["note"] == '现场"核对", =1+1'
    assert first["name"] == villages[0]["name"].replace("\n", " ").strip()
    second = table.loc[villages[1]["code"]]
    assert (second["lon"], second["lat"]) == pytest.approx(by_key, abs=1e-5)
    assert table.loc[villages[index]["code"], "decision"] == "rejected"


@pytest.mark.browser
def test_hostile_names_stay_text_and_search_finds_them(page: Path, browser: object) -> None:
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    fired: list[str] = []
    tab.on("dialog", lambda d: (fired.append(d.message), d.dismiss()))
    tab.goto(page.as_uri())
    for name in results_fixture.HOSTILE:
        shown = [v for v in data_of(page)["villages"] if v["name"] == name]
        if not shown:
            continue
        tab.fill("#find", name.split("\n")[0][:12])
        assert tab.locator("#list li").count() >= 1
    assert fired == []
    assert tab.locator("img, iframe, object, a").count() == 0
    wide = tab.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    tab.close()


def test_answers_become_the_strongest_evidence(tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        "code,decision,lon,lat,uncertainty_m\n140525-下村镇-下庄,placed,112.71,35.65,150\n",
    )
    table = pd.DataFrame({"code": ["140525-下村镇-下庄"], "name": ["下庄"], "township": ["下村镇"]})
    located = geocoding.locate(table, gazetteer="140525", review=read_review(path)).villages
    assert located["match"].tolist() == ["reviewed"]
    assert located["uncertainty_m"].tolist() == [150]
    there = located.to_crs(datum.WGS84).geometry.iloc[0]
    assert there.equals_exact(Point(112.71, 35.65), 1e-7)
