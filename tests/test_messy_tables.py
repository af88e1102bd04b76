"""Tables as offices have them: read where their meaning is plain, else named by file, row, field."""

import openpyxl
import pandas as pd
import pytest

from qianwan_gis import _io
from qianwan_gis._errors import DataError, ProblemLog
from qianwan_gis.county import FacilitySpec
from qianwan_gis.facilities import read_facilities
from qianwan_gis.gazetteer import Gazetteer
from qianwan_gis.villages import read_village_list

TABLE = (
    "乡镇,行政村,村代码,经度,纬度,人口\n信溪镇,北梨底,990001100200,113.98,36.01,812\n"
    "信溪镇,松峪,990001100201,113.97,36.02,640\n"
)  # fmt: skip


def units(path, data, **options):
    """Read a village table; return its units and what was said of it."""
    path.write_bytes(data if isinstance(data, bytes) else data.encode("gb18030"))
    log = ProblemLog()
    found = Gazetteer.read(path, adcode="990001", log=log, **options)
    return found.units, {(p.level, p.code, p.row, p.field) for p in log}


def workbook(path, rows, merge=()):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for cells in merge:
        book.active.merge_cells(cells)
    book.save(path)
    return path.read_bytes()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a.xls"])  # systems write text as .xls
def test_encodings_and_extensions(tmp_path, encoding, name):
    table, said = units(tmp_path / name, TABLE.encode(encoding))
    assert list(table["name"]) == ["北梨底", "松峪"]
    assert not said


def test_content_decides_not_the_extension(tmp_path):
    rows = [line.split(",") for line in TABLE.splitlines()]
    data = workbook(tmp_path / "b.xlsx", rows)
    assert list(units(tmp_path / "a.csv", data)[0]["population"]) == [812, 640]
    assert list(units(tmp_path / "c.xlsx", TABLE)[0]["population"]) == [812, 640]


@pytest.mark.parametrize(
    ("data", "word"),
    [(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "旧版 Office"), (b"%PDF-1.4\n\xe2\xe3", "PDF"),
     (b"<html><table><tr><td>1</td></tr></table>", "网页"), (b"PK\x03\x04 junk", "XLSX"), (b"", "为空"),
     (b"\n\n , \n", "为空")],
)  # fmt: skip
def test_what_cannot_be_read_is_named_for_what_it_is(tmp_path, data, word):
    (tmp_path / "村庄表.xls").write_bytes(data)
    with pytest.raises(DataError, match=word) as caught:
        _io.read_table(tmp_path / "村庄表.xls")
    assert "村庄表.xls" in str(caught.value)
    assert "Error" not in str(caught.value)


def test_a_word_document_and_a_folder(tmp_path):
    import docx

    docx.Document().save(str(tmp_path / "a.docx"))
    (tmp_path / "b.csv").mkdir()
    with pytest.raises(DataError, match="Word"):
        _io.read_table(tmp_path / "a.docx")
    with pytest.raises(DataError, match="是文件夹"):
        _io.read_table(tmp_path / "b.csv")
    with pytest.raises(DataError, match="是文件夹"):
        read_village_list(tmp_path / "b.csv")


def test_a_title_above_the_header_and_cells_merged_downwards(tmp_path):
    head, *body = [line.split(",") for line in TABLE.splitlines()]
    rows = [["某县村庄一览表"], [], head, body[0], ["", *body[1][1:]]]
    table, said = units(
        tmp_path / "a.xlsx", workbook(tmp_path / "b.xlsx", rows, ["A4:A5", "A1:F1"])
    )
    assert list(table["township"]) == ["信溪镇", "信溪镇"]
    assert not said
    table, said = units(tmp_path / "a.csv", "某县村庄一览表,,,,,\n\n" + TABLE + "\n信溪镇,,,,,9\n")
    assert said == {("error", "bad_name", 7, "name")}


def test_rows_are_the_files_own_after_empty_ones(tmp_path):
    data = TABLE.replace("信溪镇,松峪", "\n,,,,,\n信溪镇,松峪").replace("36.02", "北纬")
    assert units(tmp_path / "a.csv", data)[1] == {("error", "bad_coordinate", 5, "lat")}
    (tmp_path / "c.csv").write_text("名称,经度,纬度\n\n甲,113,36\n\n乙,113,x\n丙,36,113\n", "utf-8")
    log = ProblemLog()
    assert list(_io.read_layer(tmp_path / "c.csv", log=log)["name"]) == ["甲"]
    assert {(p.code, p.row) for p in log} == {("not_a_number", 5), ("bad_coordinate", 6)}


def test_full_width_digits_and_grouped_numbers_are_read(tmp_path):
    wide = TABLE.translate(str.maketrans("0123456789.", "０１２３４５６７８９．"))
    table, said = units(tmp_path / "a.csv", wide.replace("６４０", '"1,234人"'))
    assert not said
    assert list(table["code"]) == ["990001100200", "990001100201"]
    assert list(table["lon"]) == [113.98, 113.97]
    assert list(table["population"]) == [812, 1234]


@pytest.mark.parametrize(
    ("cell", "said"),
    [("约三百", {("warning", "not_a_number", 3, "population")}),
     ("inf", {("warning", "not_a_number", 3, "population")}),
     ("-25", {("error", "negative_number", 3, "population")}), ("nan", set()), ("—", set())],
)  # fmt: skip
def test_populations_that_are_none(tmp_path, cell, said):
    table, found = units(tmp_path / "a.csv", TABLE.replace("640", cell))
    assert found == said
    if not any(level == "error" for level, *_ in said):
        assert table["population"].isna().tolist() == [False, True]


def test_half_a_position_and_a_whole_column_of_wrong_ones(tmp_path):
    assert units(tmp_path / "a.csv", TABLE.replace("36.02", ""))[1] == {
        ("error", "bad_coordinate", 3, "lat")
    }
    many = TABLE + "".join(f"信溪镇,甲{c}村,,113.9,36.0,1\n" for c in "东西南北")
    swapped = many.replace("经度,纬度", "纬度,经度")
    assert units(tmp_path / "b.csv", swapped)[1] == {
        ("error", "bad_coordinate", 2, "lon"), ("error", "bad_coordinate", 2, "lat"),
    }  # fmt: skip


def test_a_row_of_sums_is_no_village(tmp_path):
    table, said = units(tmp_path / "a.csv", TABLE + "合计,2,,,,1452\n")
    assert len(table) == 2
    assert said == {("note", "total_row", 4, None)}


def test_a_column_twice(tmp_path):
    head, *body = TABLE.splitlines()
    same = "\n".join([head + ",人口", *(f"{line},{line.split(',')[5]}" for line in body)])
    assert not units(tmp_path / "a.csv", same)[1]
    other = "\n".join([head + ",人口", *(line + ",7" for line in body)])
    assert units(tmp_path / "a.csv", other)[1] == {("error", "duplicate_column", 1, "人口")}


def test_quotes_that_do_not_close_are_told_in_chinese(tmp_path):
    for read in (_io.read_table, read_village_list):
        (tmp_path / "a.csv").write_text(TABLE + '"信溪镇,甲\n', "utf-8")
        with pytest.raises(DataError) as caught:
            read(tmp_path / "a.csv")
        assert "引号不成对" in str(caught.value)
        assert "第4行" in str(caught.value)
        assert "unexpected" not in str(caught.value)


def test_the_sheet_and_crs_that_a_county_names_are_used(tmp_path):
    rows = [line.split(",") for line in TABLE.splitlines()]
    workbook(tmp_path / "a.xlsx", rows)
    log = ProblemLog()
    Gazetteer.read(tmp_path / "a.xlsx", layer="没有", log=log)
    Gazetteer.read(tmp_path / "a.xlsx", crs="EPSG:99999999", log=log)
    assert [p.code for p in log.errors] == ["missing_sheet", "bad_crs"]


def register(path, text):
    path.write_text(text, encoding="gb18030")
    spec = FacilitySpec(path=path, service="clinic", tier="village", inventory="complete")
    log = ProblemLog()
    return read_facilities([spec], crs="EPSG:4547", log=log), log


def test_registers_tell_their_numbers_and_positions(tmp_path):
    text = "名称,经度,纬度,床位数\n甲,１１３．９８,36.01,十\n\n乙,113.97,36.0,-3\n丙,36.0,113.9,2\n"
    table, log = register(tmp_path / "卫生室.csv", text)
    assert list(table["name"]) == ["甲", "乙"]
    assert {(p.level, p.code, p.file, p.row, p.field) for p in log} == {
        ("warning", "not_a_number", "卫生室.csv", 2, "capacity"),
        ("error", "negative_number", "卫生室.csv", 4, "capacity"),
        ("error", "bad_coordinate", "卫生室.csv", 5, "geometry"),
    }
    assert not {"_file", "_row"} & set(table.columns)


def test_an_identifier_twice_is_named_by_file_and_row(tmp_path):
    text = "facility_id,名称,经度,纬度\na,甲,113.98,36.01\na,乙,113.97,36.0\n"
    (problem,) = register(tmp_path / "卫生室.csv", text)[1].errors
    assert (problem.code, problem.file, problem.row) == ("duplicate_facility", "卫生室.csv", 3)
    assert "卫生室.csv第2行" in problem.text.zh


def test_numbers_that_cells_hold():
    cells = pd.Series(["１２", "1,234", " 3.5人", "十", "", "inf", "1,23", "-"])
    assert _io.to_numbers(cells)[:3].tolist() == [12.0, 1234.0, 3.5]
    assert pd.isna(_io.to_numbers(cells)[3:]).all()
    assert _io.is_blank(cells).tolist() == [False] * 4 + [True, False, False, True]
