"""`explore`: any table as a map in one line, offline, with nothing in the data acting as HTML."""

import re

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import LineString, Point, box

from qianwan_gis import datum
from qianwan_gis._errors import UsageError
from qianwan_gis.maps.explore import explore
from qianwan_gis.maps.offline import save_offline
from qianwan_gis.schemas import VALUE_TEXT

HOSTILE = (
    "<img src=x onerror=\"document.title='hit'\"></script><script>document.title='hit'</script>"
)


def points(n=12, **columns):
    geometry = [Point(112.8 + i / 1000, 35.5) for i in range(n)]
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=datum.WGS84).to_crs("EPSG:4547")


def render(made):
    return made.get_root().render()


def counts(page):
    """The legend's labels and how many rows each has, read off the page."""
    return {label: int(n) for label, n in re.findall(r"</span>([^<]*)（(\d+)）", page)}


def test_columns_and_coded_values_have_their_chinese_names():
    table = points(
        3, code=["1", "2", "3"], basis=["point", "region", "none"], 备注=["甲", "乙", "丙"]
    )
    page = render(explore(table, color_by="basis", title="三个村"))
    assert "村庄代码" in page or r"\u6751\u5e84\u4ee3\u7801" in page
    assert set(counts(page)) == {VALUE_TEXT["basis"][v].zh for v in ("point", "region", "none")}
    assert "<b>三个村</b>" in page


def test_rows_without_a_place_are_counted_and_never_drawn():
    table = points(5, name=list("甲乙丙丁戊"))
    table.loc[[1, 3], "geometry"] = None
    page = render(explore(table))
    assert "另有2行没有位置，未画" in page
    assert page.count('"Feature"') == 3


def test_numbers_are_cut_at_their_quintiles_and_categories_beyond_eight_share_a_colour():
    page = render(explore(points(100, 人口=np.arange(100)), color_by="人口"))
    assert list(counts(page).values()) == [20, 20, 20, 20, 20]
    few = render(explore(points(4, 档=[1, 1, 2, 3]), color_by="档"))
    assert counts(few) == {"1": 2, "2": 1, "3": 1}
    many = points(22, 乡镇=[f"乡{i // 2}" for i in range(22)])
    legend = counts(render(explore(many, color_by="乡镇")))
    assert len(legend) == 8
    assert legend["其他4类"] == 8
    assert sum(legend.values()) == 22


def test_missing_values_are_grey_and_said_so():
    page = render(
        explore(
            points(4, covered=pd.array([True, False, None, True], "boolean")), color_by="covered"
        )
    )
    assert counts(page) == {"是": 2, "否": 1, "空": 1}


def test_the_table_is_left_alone_and_the_same_table_gives_the_same_bytes(tmp_path):
    table = points(6, name=list("abcdef"))
    before = table.copy()
    first = save_offline(explore(table, color_by="name"), tmp_path / "a.html").read_bytes()
    second = save_offline(explore(table, color_by="name"), tmp_path / "b.html").read_bytes()
    pd.testing.assert_frame_equal(table, before)
    assert first == second
    assert b'http-equiv="Content-Security-Policy"' in first


def test_wrong_questions_are_named():
    table = points(2, name=["a", "b"])
    with pytest.raises(UsageError, match="没有字段：村名。表中的字段：name, geometry"):
        explore(table, color_by="村名")
    with pytest.raises(UsageError, match="没有字段：x。"):
        explore(table, tooltip=["name", "x"])
    with pytest.raises(UsageError, match="没有坐标系"):
        explore(table.set_crs(None, allow_override=True))
    with pytest.raises(UsageError, match="没有任何一行有位置"):
        explore(table.iloc[:0])


@pytest.mark.browser
def test_any_geometry_shows_its_tooltip_offline_and_hostile_text_is_text(tmp_path, browser):
    shapes = [
        box(112.8, 35.5, 112.9, 35.6),
        LineString([(112.95, 35.5), (113, 35.6)]),
        Point(113, 35.5),
    ]
    table = gpd.GeoDataFrame(
        {"name": [HOSTILE, "路", "点"], HOSTILE: [1, 2, 3]}, geometry=shapes, crs=datum.WGS84
    )
    made = explore(table, color_by="name", title=HOSTILE)
    saved = save_offline(made, tmp_path / "map.html")
    cell = tmp_path / "cell.html"  # what a notebook shows
    cell.write_text(f"<!doctype html><meta charset=utf-8>{made._repr_html_()}", encoding="utf-8")
    for path in (saved, cell):
        page = browser.new_context(viewport={"width": 900, "height": 600}, offline=True).new_page()
        requests, faults = [], []
        page.on("request", lambda r, seen=requests: seen.append(r.url))
        page.on("console", lambda m, seen=faults: m.type == "error" and seen.append(m.text))
        page.on("pageerror", lambda e, seen=faults: seen.append(str(e)))
        page.goto(path.as_uri())
        frame = page.frames[-1]
        frame.wait_for_selector("path.leaflet-interactive")
        assert frame.locator("path.leaflet-interactive").count() == 3
        frame.locator("path.leaflet-interactive").first.hover()
        assert HOSTILE in frame.locator(".leaflet-tooltip").inner_text()
        assert [url for url in requests if not url.startswith(("file:", "data:", "about:"))] == []
        assert faults == []
        assert page.title() != "hit"
        assert frame.evaluate("document.title") != "hit"
        page.context.close()
