"""Columns of the report's tables: nothing torn, long texts wide, as page layout counts lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qianwan_gis.export import paging
from qianwan_gis.export.columns import fitted_widths

PAGE = (21.0 - 2.8 - 2.6) / 2.54 * 72  # points between the margins of an official document
TYPE, SIDE = 10.0, 5.4


def lines(head, rows):
    """Lines of every cell where the table fills the page."""
    widths = fitted_widths(head, rows)
    points = [PAGE * width / sum(widths) - 2 * SIDE for width in widths]
    return [
        [paging.lines(text, width, TYPE) for text, width in zip(row, points, strict=True)]
        for row in rows
    ]


def test_chainages_and_signed_offsets_stay_on_one_line():
    head = [
        "线别",
        "桩号",
        "侧别",
        "偏距（米，左正右负）",
        "村名",
        "乡镇",
        "所在名单",
        "离线行车时间（分钟）",
        "下线处",
    ]
    rows = [["主线", f"K{10 + i}+{700 + i}", "右", f"-{1886 + i:,}", "彭岭", "礼川镇", "省级;市级", "9.9",
             "支线二 K8+639"] for i in range(20)]  # fmt: skip
    assert {n for row in lines(head, rows) for n in row} == {1}


def test_the_text_that_makes_rows_high_gets_the_room():
    head = ["级别", "文件", "行", "内容", "处理办法"]
    text = "水厂 F000104（朱圪村供水站）供1村最高日需58 m³/d，超过规模45 m³/d"
    rows = [["警告", "", f"F{i:06d}", text, "扩建水厂或调整供水范围"] for i in range(30)]
    rows.append(["警告", "plants.csv", "市级第1行（礼川镇）", "只在市级名单", ""])
    widths = fitted_widths(head, rows)
    assert widths[3] > 1.5 * max(widths[:3])
    assert max(n for row in lines(head, rows)[:30] for n in row) == 2


def test_words_of_a_heading_are_not_torn():
    head = ["Township", "Villages", "waterworks", "treatment station"]
    widths = fitted_widths(head, [["云溪镇", "38", "92%", "16%"]])
    points = [PAGE * width / sum(widths) - 2 * SIDE for width in widths]
    for title, width in zip(head, points, strict=True):
        assert paging.lines(title, width, TYPE * 1.1) <= len(title.split())


def test_short_words_and_headings_are_not_broken():
    head = ["级别", "次序", "文件", "行", "内容", "村数（个）"]
    text = "市级名单各列数目与合计不符：精品示范村实列22个、合计写15个、提档升级村实列73个"
    rows = [
        ["警告", str(i), "zezhou_2025.csv", f"市级第{i}行（大阳镇）", text, "454"]
        for i in range(20)
    ]
    widths = fitted_widths(head, rows)
    points = [PAGE * width / sum(widths) - 2 * SIDE for width in widths]
    assert paging.lines("警告", points[0], TYPE) == 1
    tall = [paging.lines(t, w, TYPE * 1.1) for t, w in zip(head, points, strict=True)]
    assert tall == [1, 1, 1, 1, 1, 2]


cells = st.text(st.sampled_from("甲乙丙，aK0+9 "), max_size=30)


@given(st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=6))
def test_any_table_has_columns_of_some_width_that_fit(rows):
    widths = fitted_widths(["一", "二", "三"], rows)
    assert len(widths) == 3
    assert all(2.0 < width < 44.0 for width in widths)
    assert sum(widths) <= 44.0 + 0.5
