"""The workbook and the CSV, read back by openpyxl, the csv module and pandas."""

import csv
import html
import re
import zipfile

import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from results_fixture import HOSTILE, rich, thin

from qianwan_gis import schemas
from qianwan_gis.export import content, dictionary, tables
from qianwan_gis.schemas import VALUE_TEXT


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    path = tables.write_xlsx(thin(), tmp_path_factory.mktemp("xlsx") / "tables.xlsx")
    return path, openpyxl.load_workbook(path)


def sheet_frame(sheet):
    head, *rows = sheet.iter_rows(values_only=True)
    return pd.DataFrame(rows, columns=head)


def test_sheets_in_reading_order(book):
    names = book[1].sheetnames
    assert names[:4] == ["说明", "待办（先收集什么）", "村庄", "覆盖一览"]
    for name in (
        "服务覆盖",
        "汇总·按乡镇",
        "目标台账",
        "名单与数据问题",
        "标准",
        "数据来源",
        "数据字典",
    ):
        assert name in names


def test_every_sheet_says_what_it_shows(book):
    front = {row[0]: row[2] for row in book[1].worksheets[0].iter_rows(values_only=True)}
    for sheet in book[1].worksheets[1:]:
        note = front[sheet.title]
        assert note, sheet.title
        assert sheet["A1"].comment.text.startswith(note[:20]), sheet.title
        assert sheet.title in sheet.oddHeader.left.text, sheet.title


def test_the_title_of_the_front_page_has_room_and_notes_stand_off_the_numbers(book):
    front = book[1].worksheets[0]
    assert front.row_dimensions[1].height >= 1.3 * front["A1"].font.size
    first = next(
        r for r in range(2, 40) if front.cell(r, 2).data_type == "n" and front.cell(r, 2).value
    )
    beside = front.cell(first, 3).alignment
    assert (beside.horizontal, beside.indent) == ("left", 1)  # without left nobody indents


def test_a_number_is_shown_as_large_as_it_is():
    """A pipe of 0.6 MPa was shown as 1, and a reliability of 94.25 % as 94."""

    def shown(*values):
        return tables._number_format("anything", pd.Series(values, dtype=float), thin())

    assert shown(0.6, 1.6, None) == "0.00"
    assert shown(0.0125, 0.6) == "0.000"
    assert shown(94.25, 95.0) == "0.00"
    assert shown(143.9465, 16.8) == "0.0"
    assert shown(33855640.93, 12.5) == shown(3, 20517) == shown(None) == "#,##0"
    year = tables._number_format("population_year", pd.Series([2024.0]), thin())
    assert year == "0"


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=60))
def test_a_printed_header_keeps_the_marks_and_excels_limit(title, about, marks):
    made = tables._page_header(title[:31], about, marks)
    assert len(made) <= 255
    assert made.endswith(f"&R{marks.replace('&', '&&')}"[-40:])


def test_wide_tables_print_on_several_pages(tmp_path):
    opened = openpyxl.load_workbook(tables.write_xlsx(rich(), tmp_path / "r.xlsx"))
    for sheet in opened.worksheets[1:]:
        wide = sum(d.width * (d.max - d.min + 1) for d in sheet.column_dimensions.values())
        assert wide / int(sheet.page_setup.fitToWidth or 1) <= 332, (
            sheet.title
        )  # 60 % of the size on A3
        assert str(sheet.page_setup.fitToHeight) == "0"


def test_norms_are_written_as_people_write_them(book):
    values = sheet_frame(book[1]["标准"])["取值"].astype(str)
    assert not values.str.contains(r"[\[\]']").any()
    assert not values.str.endswith(".0").any()


def test_each_township_has_its_sheet(book):
    results = thin()
    for township, own in results.villages.groupby("township"):
        frame = sheet_frame(book[1][township])
        assert frame["村庄代码"].tolist() == own["code"].tolist()
        assert set(frame["医疗卫生·乡镇卫生院"]) <= {"覆盖", "未覆盖", "未知或未评估"}


def test_header_frozen_filtered_and_every_row_there(book):
    results = thin()
    for sheet in book[1].worksheets[1:]:
        assert sheet.freeze_panes is not None, sheet.title
        assert sheet.auto_filter.ref.startswith("A1"), sheet.title
        assert sheet.print_title_rows == "$1:$1"
    villages = sheet_frame(book[1]["村庄"])
    assert len(villages) == len(results.villages)
    assert villages["村庄代码"].tolist() == results.villages["code"].tolist()
    assert all(isinstance(code, str) for code in villages["村庄代码"])
    assert villages["东坐标（m）"].notna().sum() == (results.villages["basis"] == "point").sum()


def test_hostile_text_stays_text(book):
    path, opened = book
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/sheet"):
                assert b"<f>" not in archive.read(name), name
            if name.endswith(".rels"):
                assert b"example.invalid" not in archive.read(name), name
    names = sheet_frame(opened["村庄"])["村名"].tolist()
    assert names[: len(HOSTILE)] == list(HOSTILE)


def test_thin_data_print_no_shares_and_whole_minutes(book):
    head = [c.value for c in next(book[1]["汇总·按乡镇"].iter_rows(max_row=1))]
    assert not [h for h in head if "率" in h or "人口" in h]
    coverage = sheet_frame(book[1]["服务覆盖"])
    minutes = coverage["时间（min）"].dropna()
    assert len(minutes)
    assert (minutes == minutes.round()).all()
    assert set(coverage["状态"]) <= {"覆盖", "未覆盖", "未知或未评估"}
    assert "未覆盖" not in set(coverage.loc[coverage["服务"] == "污水治理", "状态"])


def test_rich_data_print_shares(tmp_path):
    opened = openpyxl.load_workbook(tables.write_xlsx(rich(), tmp_path / "r.xlsx"))
    frame = sheet_frame(opened["汇总·按乡镇"])
    share = frame["覆盖率（占已评估村）"]
    assert (share - frame["覆盖（个）"] / frame["已评估（个）"]).abs().max() < 1e-12
    assert "汇总·按廊带距离" in opened.sheetnames


def test_conditional_colours_cover_the_states(book):
    rules = book[1]["服务覆盖"].conditional_formatting
    words = {rule.formula[0] for area in rules for rule in area.rules}
    assert words == {'"覆盖"', '"未覆盖"', '"未知或未评估"'}


def test_same_bytes_twice_and_english(tmp_path):
    first = tables.write_xlsx(rich(), tmp_path / "a.xlsx").read_bytes()
    assert tables.write_xlsx(rich(), tmp_path / "b.xlsx").read_bytes() == first
    english = openpyxl.load_workbook(tables.write_xlsx(rich().with_lang("en"), tmp_path / "e.xlsx"))
    chinese = re.compile("[一-鿿]")
    places = set(rich().villages["township"])
    assert not [n for n in english.sheetnames if chinese.search(n) and n not in places]
    heads = [str(c.value) for s in english.worksheets[1:] for c in next(s.iter_rows(max_row=1))]
    assert not [head for head in heads if chinese.search(head)]


def test_csv_opens_in_excel_and_pandas(tmp_path):
    results = thin()
    path = tables.write_csv(results, tmp_path / "coverage.csv")
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert len(frame) == len(results.coverage)
    assert frame["code"].tolist() == results.coverage["code"].tolist()
    assert frame["reason"].tolist() == results.coverage["reason"].tolist()
    assert set(frame["covered"]) <= {"true", "false", ""}
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for row in csv.reader(stream):
            assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert tables.write_csv(results, tmp_path / "again.csv").read_bytes() == data


@settings(deadline=None)
@given(st.text())
def test_no_csv_cell_starts_a_formula(text):
    cell = tables.safe_cell(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))
    assert cell.removeprefix("'") == text.removeprefix("'") or cell == f"'{text}"


@settings(deadline=None)
@given(st.lists(st.text(max_size=40), max_size=30))
def test_sheet_names_are_legal_and_distinct(titles):
    names = tables.sheet_names(titles)
    assert len(names) == len(titles)
    assert len({n.lower() for n in names}) == len(names)
    for name in names:
        assert 1 <= len(name) <= 31
        assert not set(name) & set("[]:*?/\\")
        assert not name.startswith("'")


def test_hostile_township_names_make_a_readable_workbook(tmp_path):
    results = thin()
    results.villages["township"] = results.villages["township"].replace(
        {"下村镇": "说明", "川底镇": "a/b:c*d?[e]'" + "长" * 40}
    )
    opened = openpyxl.load_workbook(tables.write_xlsx(results, tmp_path / "a.xlsx"))
    assert {"说明", "说明 2"} <= set(opened.sheetnames)


def test_every_column_of_every_table_is_described():
    for make in (thin, rich):
        for table in content.tables(make()):
            assert [c.name for c in table.columns] == list(table.frame.columns)
            bare = [c.name for c in table.columns if c.title.zh == c.name]
            assert not bare, (table.key, bare)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_dictionary_page_has_every_column_and_value(lang):
    page = dictionary.markdown(lang)
    sections = re.split(r"^## .* `(\w+)`$", page, flags=re.MULTILINE)[1:]
    found = dict(zip(sections[::2], sections[1::2], strict=True))
    assert set(found) == set(schemas.TABLES)
    for key, columns in schemas.TABLES.items():
        rows = [line for line in found[key].splitlines() if line.startswith("| `")]
        assert [row.split("`")[1] for row in rows] == [c.name for c in columns]
        for row, column in zip(rows, columns, strict=True):
            cells = re.split(r"(?<!\\)\|", row)[1:-1]
            assert len(cells) == 7
            assert all(v in html.unescape(cells[6].replace("\\", "")) for v in column.allowed)


def test_people_read_words_not_codes():
    table = content.villages_table(rich())
    coded = set(VALUE_TEXT["population_kind"]) | set(VALUE_TEXT["basis"]) | set(VALUE_TEXT["match"])
    for column in ("population_kind", "basis", "match"):
        shown = set(table.frame[column])
        assert shown - {""}, column
        assert not shown & coded, column
