"""Official lists: the printed tables of the 2025 action plan, other forms, and broken files."""

import os
from pathlib import Path

import docx
import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qianwan_gis import settings
from qianwan_gis._errors import DataError
from qianwan_gis.gazetteer import Gazetteer
from qianwan_gis.villages import CATEGORIES, merge_lists, read_village_list

CARRIED = settings.data_dir() / "villages" / "zezhou_2025.csv"
SEEDS = Path(__file__).resolve().parents[2] / "shared" / "seeds"
TITLES = {"省级": "附件1", "市级": "附件 2"}
STATED = {"省级": (5, 60), "市级": (15, 80)}  # the 合计 rows of the document
HEADER = ["乡 镇", "精品示范村", "提档升级村", "备注"]


def printed_rows(name):
    """The rows of one attachment as printed, header and totals included."""
    table = pd.read_csv(CARRIED, dtype=str, keep_default_na=False)
    table = table[(table["list"] == name) & (table["township"] != "合计")]
    rows = [HEADER]
    for _, group in table.groupby(table["row"].astype(int)):
        cells = [
            "、".join(group["printed"][group["category_printed"] == category])
            for category in CATEGORIES[:2]
        ]
        rows.append([group["township"].iloc[0], *cells, ""])
    return [*rows, ["合计", *map(str, STATED[name]), ""]]


def document():
    parts = ["关于印发《泽州县学习践行“千万工程”经验行动计划》的通知\n"]
    for name, title in TITLES.items():
        parts.append(f"{title}\n\n2025年泽州县“千万工程”精品示范村、提档升级村名单（{name}）\n")
        parts.append("\n".join("\t".join(row) for row in printed_rows(name)) + "\n\n")
    return "\n".join(parts)


@pytest.fixture(scope="module")
def zezhou():
    return read_village_list(document())


def messages(found, code):
    return [str(p) for p in found.problems if p.code == code]


def only(found, code, *words):
    hits = [m for m in messages(found, code) if all(w in m for w in words)]
    assert len(hits) == 1, messages(found, code)
    return hits[0]


def totals(found):
    return {
        (r.list, r.category): (r.stated, r.printed, r.proposed) for r in found.totals.itertuples()
    }


def test_every_printed_village_is_a_row(zezhou):
    assert zezhou.table["list"].value_counts().to_dict() == {"市级": 95, "省级": 65}
    assert zezhou.adcode == "140525"
    assert zezhou.table["row"].max() == 16
    assert not any(p.level == "error" for p in zezhou.problems)
    first = zezhou.table.iloc[0]
    assert (first["township"], first["printed"], first["name"]) == ("下村镇", "大南庄村", "大南庄")
    assert first["code"] == "140525101201"


def test_totals_as_printed_and_as_proposed(zezhou):
    assert totals(zezhou) == {
        ("省级", "精品示范村"): (5, 5, 5),
        ("省级", "提档升级村"): (60, 60, 60),
        ("市级", "精品示范村"): (15, 22, 15),
        ("市级", "提档升级村"): (80, 73, 80),
    }


def test_the_lost_column_break_is_located_and_backed(zezhou):
    message = only(zezhou, "totals_split")
    for word in (
        "市级第16行（大阳镇）",
        "22",
        "15",
        "73",
        "80",
        "东山村、西山村",
        "只有这一种改法",
    ):
        assert word in message
    # the four villages of the town that the provincial list has under 提档升级村
    assert "河底村、李家庄村、南沟新村、香峪村列为提档升级村" in message
    town = zezhou.table[(zezhou.table["list"] == "市级") & (zezhou.table["township"] == "大阳镇")]
    assert list(town["category_printed"]) == ["精品示范村"] * 12
    assert list(town["category"]) == ["精品示范村"] * 5 + ["提档升级村"] * 7
    assert town["reason"].iloc[5:].str.contains("缺分栏").all()


@pytest.mark.parametrize(
    ("township", "spellings"),
    [
        ("川底镇", ("涨泗沟", "张泗沟", "张四沟")),
        ("犁川镇", ("铁南上", "铁甫上")),
        ("南村镇", ("瞿河底", "翟河底")),
    ],
)
def test_one_village_under_two_spellings(zezhou, township, spellings):
    message = only(zezhou, "two_spellings", township)
    assert all(s in message for s in spellings)
    assert "省级第" in message
    assert "市级第" in message


def test_only_those_three_have_two_spellings(zezhou):
    assert len(messages(zezhou, "two_spellings")) == 3


def test_two_categories(zezhou):
    message = only(zezhou, "two_categories")
    assert "高都镇" in message
    assert "大兴村" in message


def test_villages_in_one_list_only(zezhou):
    keys = zezhou.table.groupby("key")["list"].agg(set)
    assert len(keys) == 97
    assert sum(lists == {"省级", "市级"} for lists in keys) == 63
    provincial = keys.index[[lists == {"省级"} for lists in keys]]
    names = set(zezhou.table.set_index("key").loc[provincial, "name"])
    assert names == {"山耳东", "北堆"}
    assert sum(lists == {"市级"} for lists in keys) == 32
    assert "山耳东村、北堆村" in only(zezhou, "only_in_one_list", "省级第15行（巴公镇）")


def test_villages_without_a_code(zezhou):
    without = zezhou.table[zezhou.table["code"] == ""]
    expected = {
        ("下村镇", "下庄"),
        ("川底镇", "小南庄"),
        ("大阳镇", "三个街"),
        ("柳树口镇", "下庄"),
    }
    assert set(zip(without["township"], without["name"], strict=True)) == expected
    assert (without["certainty"] == 0).all()
    assert len(messages(zezhou, "unknown_to_code_table")) == 4
    # the homonym in another township is named, and not taken
    assert "南村镇下庄社区" in only(zezhou, "unknown_to_code_table", "市级第11行")


@pytest.mark.parametrize(
    ("township", "printed", "code"),
    [
        ("川底镇", "涨泗沟村", "140525114218"),
        ("川底镇", "张泗沟村", "140525114218"),
        ("犁川镇", "铁甫上村", "140525104208"),
        ("南村镇", "瞿河底村", "140525100216"),
        ("金村镇", "背荫村", "140525106207"),
        ("南岭镇", "西阁庄村", "140525115206"),
        ("南岭镇", "閼庄村", "140525115217"),
        ("下村镇", "西陈庄村", "140525101218"),
        ("大箕镇", "庄稼村", "140525111216"),
        ("大阳镇", "二个街村", "140525109203"),
        ("大阳镇", "西街村", "140525109205"),
        ("南村镇", "南村村", "140525100200"),
    ],
)
def test_printed_names_find_their_unit(zezhou, township, printed, code):
    rows = zezhou.table[
        (zezhou.table["township"] == township) & (zezhou.table["printed"] == printed)
    ]
    assert set(rows["code"]) == {code}
    if printed not in ("南村村",):
        assert rows["reason"].str.contains("码表作").all()


def test_codes_agree_with_the_carried_table(zezhou):
    # settled by hand from published lists, without this matcher
    carried = pd.read_csv(CARRIED, dtype=str, keep_default_na=False).query("township != '合计'")
    assert list(zezhou.table["printed"]) == list(carried["printed"])
    assert list(zezhou.table["code"]) == list(carried["code"])
    assert list(zezhou.table["category"]) == list(carried["category_proposed"])


def test_doubtful_names_say_so(zezhou):
    table = zezhou.table.set_index(["township", "printed"])
    assert table.loc[("大箕镇", "庄稼村"), "certainty"].max() < 0.95
    assert "须核" in only(zezhou, "name_differs", "庄稼村")


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the document itself is not part of the project")
def test_the_document_itself_reads_as_rendered(zezhou):
    (path,) = SEEDS.glob("004_*.txt")
    found = read_village_list(path)
    columns = ["list", "row", "township", "printed", "name", "category", "code", "certainty"]
    pd.testing.assert_frame_equal(found.table[columns], zezhou.table[columns])
    pd.testing.assert_frame_equal(found.totals, zezhou.totals)
    assert [p.code for p in found.problems] == [p.code for p in zezhou.problems]


def write_xlsx(path):
    book = openpyxl.Workbook()
    for name in TITLES:
        sheet = book.active if name == "省级" else book.create_sheet()
        sheet.title = name
        sheet.append([f"2025年泽州县名单（{name}）", None, None, None])
        sheet.merge_cells("A1:D1")
        for row in printed_rows(name):
            sheet.append([int(c) if c.isdigit() else c or None for c in row])
    book.save(path)


def write_docx(path):
    document = docx.Document()
    document.add_paragraph("泽州县行动计划")
    for name, title in TITLES.items():
        document.add_paragraph(title)
        document.add_paragraph(f"2025年泽州县名单（{name}）")
        rows = printed_rows(name)
        table = document.add_table(len(rows), len(HEADER))
        for row, cells in zip(table.rows, rows, strict=True):
            for cell, text in zip(row.cells, cells, strict=True):
                cell.text = text
    document.save(path)


def write_text(encoding):
    return lambda path: path.write_bytes(document().encode(encoding))


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("utf8.txt", write_text("utf-8")),
        ("bom.txt", write_text("utf-8-sig")),
        ("gb.txt", write_text("gb18030")),
        ("泽州.xlsx", write_xlsx),
        ("泽州.docx", write_docx),
    ],
)
def test_every_form_gives_the_same_table(tmp_path, zezhou, name, write):
    write(tmp_path / name)
    found = read_village_list(tmp_path / name)
    columns = ["list", "row", "township", "printed", "name", "category", "code"]
    pd.testing.assert_frame_equal(found.table[columns], zezhou.table[columns])
    pd.testing.assert_frame_equal(found.totals, zezhou.totals)


def test_one_row_per_village(tmp_path, zezhou):
    book = openpyxl.Workbook()
    book.active.append(["序号", "所属乡镇", "行政村", "类别", "名单"])
    last = None
    for number, row in enumerate(zezhou.table.itertuples(), start=1):
        # offices merge the cells of one township
        township = row.township if row.township != last else None
        book.active.append([number, township, row.printed, row.category_printed, row.list])
        last = row.township
    book.save(tmp_path / "泽州县.xlsx")
    found = read_village_list(tmp_path / "泽州县.xlsx")
    assert list(found.table["code"]) == list(zezhou.table["code"])
    assert list(found.table["township"]) == list(zezhou.table["township"])
    assert found.totals["stated"].isna().all()


def test_the_carried_file_is_a_form_of_its_own(zezhou):
    found = read_village_list(CARRIED)
    assert list(found.table["code"]) == list(zezhou.table["code"])
    assert found.totals["printed"].tolist() == [5, 60, 22, 73]
    assert found.totals["stated"].tolist() == [5, 60, 15, 80]
    assert found.totals["proposed"].tolist() == [5, 60, 15, 80]
    assert "大阳镇" in only(found, "totals_split", "22", "15", "73", "80")
    # what a person settled stands, with that person's certainty
    table = found.table.set_index("printed")
    assert table.loc["二个街村", "certainty"] == 0.5
    assert table.loc["二个街村", "reason"].startswith("“个”当为“分”之形误")


def test_lists_in_two_files_are_compared(zezhou):
    header = "2025年泽州县名单（{}）\n"
    parts = [
        read_village_list(header.format(n) + "\n".join("\t".join(r) for r in printed_rows(n)))
        for n in TITLES
    ]
    assert not messages(parts[0], "only_in_one_list")
    found = merge_lists(parts)
    columns = ["list", "township", "printed", "code"]
    pd.testing.assert_frame_equal(found.table[columns], zezhou.table[columns])
    for code in ("two_spellings", "two_categories", "only_in_one_list"):
        ours = [p.text for p in found.problems if p.code == code]
        assert ours == [p.text for p in zezhou.problems if p.code == code]


def test_lists_are_compared_without_a_code_table():
    text = (
        "甲县名单（省级）\n乡镇\t精品示范村\t提档升级村\n石桥镇\t瞿河底村\t李家沟村\n合计\t1\t1\n\n"
        "甲县名单（市级）\n乡镇\t精品示范村\t提档升级村\n石桥镇\t翟河底村\t王家沟村、李家沟\n合计\t1\t2\n"
    )
    found = read_village_list(text)
    assert only(found, "county_not_recognised").startswith("说明")
    assert "瞿河底/翟河底" in only(found, "two_spellings")
    assert "王家沟村" in only(found, "only_in_one_list")
    assert (found.table["code"] == "").all()


def test_one_village_twice_in_a_list():
    text = "名单（县级）\n乡镇\t精品示范村\t提档升级村\n石桥镇\t李家沟村、王庄村\t李家沟、大庄村\n"
    found = read_village_list(text)
    message = only(found, "twice_in_list")
    assert "李家沟村" in message
    assert "县级第1行（石桥镇）" in message


def shifted(stated):
    return (
        "名单（县级）\n乡镇\t精品示范村\t提档升级村\n"
        "东镇\t甲村、乙村、丙村\t\n西镇\t丁村、戊村、己村\t\n南镇\t庚村\t辛村\n"
        f"合计\t{stated[0]}\t{stated[1]}\n"
    )


def test_a_split_that_is_not_unique_changes_nothing():
    found = read_village_list(shifted((5, 3)))
    assert "东镇、西镇" in only(found, "totals")
    assert (found.table["category"] == found.table["category_printed"]).all()


def test_totals_that_no_shift_explains_are_told():
    found = read_village_list(shifted((6, 3)))
    message = only(found, "totals")
    assert "精品示范村实列7个、合计写6个" in message
    assert "未作改动" in message


SMALL = "泽州县名单（县级）\n{}\n合计结束后的说明，不是表格  内容\n"


@pytest.mark.parametrize(
    "lines",
    [
        ["乡镇,精品示范村,提档升级村", "下村镇,,大南庄村、柳树底村", "金村镇,东六庄村,崔庄村"],
        [
            "| 乡镇 | 精品示范村 | 提档升级村 |", "| --- | --- | --- |",
            "| 下村镇 | | 大南庄村、柳树底村 |", "| 金村镇 | 东六庄村 | 崔庄村 |",
        ],
        ["乡镇\t精品示范村\t提档升级村", "下村镇\t\t大南庄村、", "柳树底村", "金村镇\t东六庄村\t崔庄村"],
        ["乡镇\t精品示范村\t提档升级村", "下村镇\t\t大南庄村、柳树", "底村", "", "金村镇\t东六庄村\t崔庄村"],
        [
            "乡镇     精品示范村     提档升级村",
            "下村镇                  大南庄村、柳树底村",
            "金村镇   东六庄村       崔庄村",
        ],
    ],
)  # fmt: skip
def test_text_in_the_ways_it_is_copied(lines):
    found = read_village_list(SMALL.format("\n".join(lines)))
    rows = found.table[["township", "printed", "category", "code"]].to_numpy().tolist()
    assert rows == [
        ["下村镇", "大南庄村", "提档升级村", "140525101201"],
        ["下村镇", "柳树底村", "提档升级村", "140525101220"],
        ["金村镇", "东六庄村", "精品示范村", "140525106204"],
        ["金村镇", "崔庄村", "提档升级村", "140525106208"],
    ]
    guessed = messages(found, "columns_guessed")
    assert len(guessed) == ("  " in lines[0])
    assert all("下村镇" in g and "金村镇" not in g for g in guessed)


def test_a_former_and_a_misprinted_township(zezhou):
    text = "泽州县名单（县级）\n乡镇\t精品示范村\t提档升级村\n李寨乡\t\t望头村\n晋庙浦镇\t\t石槽村\n火星镇\t\t甲村\n"
    found = read_village_list(text)
    assert "李寨乡今属南岭镇" in only(found, "township_former")
    assert "晋庙铺镇" in only(found, "township_misprint")
    assert "火星镇" in only(found, "township_unknown")
    assert list(found.table["code"]) == ["140525115201", "140525105201", ""]


def test_totals_may_stand_in_a_long_table(zezhou):
    table = pd.read_csv(CARRIED, dtype=str, keep_default_na=False)
    lines = table[["list", "row", "township", "printed", "category_printed"]].to_numpy().tolist()
    for name, numbers in STATED.items():
        lines += [[name, "", "合计", str(n), c] for n, c in zip(numbers, CATEGORIES, strict=False)]
    text = "\n".join(",".join(line) for line in [["list", "row", "乡镇", "村名", "类别"], *lines])
    found = read_village_list("泽州县\n" + text)
    pd.testing.assert_frame_equal(found.totals, zezhou.totals)
    assert "只有这一种改法" in only(found, "totals_split", "大阳镇")


TABLE_TEXT = st.lists(
    st.lists(
        st.sampled_from(
            ["乡镇", "精品示范村", "提档升级村", "村名", "类别", "合计", "3", "", "甲镇", "李家村、王庄", "、", "<b>", "=1+1", "—"]
        ),
        max_size=4,
    ),
    max_size=8,
)  # fmt: skip


@given(TABLE_TEXT, st.sampled_from(["\t", "|", ",", "   "]))
def test_no_text_breaks_the_reader(rows, separator):
    text = "\n".join(separator.join(row) for row in rows) + "\n"
    try:
        found, problems = read_village_list(text), []
    except DataError as error:
        found, problems = None, error.problems
    if found is None:
        assert any(p.level == "error" for p in problems)
    else:
        assert len(found.table) > 0
        assert found.totals["printed"].sum() == (found.table["category_printed"] != "").sum()


def test_a_user_supplied_gazetteer_is_used():
    gazetteer = Gazetteer.read(
        pd.DataFrame({"乡镇": ["石桥镇"] * 2, "行政村": ["翟河底村委会", "李家沟村委会"]}),
        adcode="999999",
    )
    text = "名单（县级）\n乡镇\t精品示范村\t提档升级村\n石桥镇\t瞿河底村\t李家沟村\n"
    found = read_village_list(text, gazetteer=gazetteer)
    assert list(found.table["code"]) == ["999999-石桥镇-翟河底", "999999-石桥镇-李家沟"]
    assert "瞿河底" in only(found, "name_differs")


HOSTILE = ["<script>alert(1)</script>", "=cmd|' /C calc'!A0", "字" * 40000, "😀😀", "\u3000\u200b"]


def test_hostile_names_change_only_their_row():
    names = ["大南庄村", *HOSTILE[:4], "柳树底村"]
    text = "泽州县名单（县级）\n乡镇\t精品示范村\t提档升级村\n下村镇\t\t" + ";".join(
        n.replace("/", "／").replace(",", "，") for n in names
    )
    found = read_village_list(text)
    good = found.table.set_index("printed")
    assert good.loc["大南庄村", "code"] == "140525101201"
    assert good.loc["柳树底村", "code"] == "140525101220"
    assert (found.table["code"] != "").sum() == 2
    assert all(len(str(p)) < 400 for p in found.problems)


def problems_of(source, **options):
    with pytest.raises(DataError) as caught:
        read_village_list(source, **options)
    return caught.value.problems


def test_files_that_cannot_be_used(tmp_path):
    cases = {
        "missing.txt": (None, "missing_file"),
        "empty.txt": (b"", "empty_file"),
        "blank.txt": (b" \n\n ", "empty_file"),
        "bad.txt": (b"\x81\xff\xff\x00\xff\xfe" * 40, "encoding"),
        "prose.txt": ("没有表格的文字\n第二行".encode(), "no_table"),
        "old.xls": (b"\xd0\xcf\x11\xe0", "unknown_format"),
        "old.doc": (b"\xd0\xcf\x11\xe0", "unknown_format"),
        "scan.pdf": (b"%PDF-1.4", "unknown_format"),
        "notzip.xlsx": (b"PK\x03\x04 broken", "damaged_file"),
        "notzip.docx": (b"PK\x03\x04 broken", "damaged_file"),
    }
    for name, (data, code) in cases.items():
        path = tmp_path / name
        if data is not None:
            path.write_bytes(data)
        (problem,) = problems_of(path)
        assert problem.code == code
        assert problem.file == name
        assert problem.fix is not None or code in ("empty_file", "no_table")


@pytest.mark.parametrize("write", [write_xlsx, write_docx])
def test_a_truncated_office_file(tmp_path, write):
    path = tmp_path / ("a.xlsx" if write is write_xlsx else "a.docx")
    write(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (problem,) = problems_of(path)
    assert problem.code == "damaged_file"


def test_missing_columns_are_all_named():
    text = (
        "名单（省级）\n村庄所在\t精品示范村\t提档升级村\n甲镇\t乙村\t丙村\n\n"
        "名单（市级）\n村庄所在\t精品示范村\t提档升级村\n甲镇\t乙村\t丙村\n"
    )
    problems = problems_of(text)
    assert [p.code for p in problems] == ["missing_column"] * 2
    assert [p.field for p in problems] == ["乡镇", "乡镇"]
    assert [p.row for p in problems] == [2, 6]


def test_a_row_without_township_and_a_table_without_villages():
    (problem,) = problems_of("名单\n乡镇\t精品示范村\t提档升级村\n\t甲村\t乙村\n")
    assert (problem.code, problem.row) == ("empty_township", 3)
    (problem,) = problems_of("名单\n乡镇\t精品示范村\t提档升级村\n合计\t0\t0\n")
    assert problem.code == "empty_table"


def test_an_encoding_that_is_declared(tmp_path):
    path = tmp_path / "泽州县.txt"
    path.write_bytes(document().encode("utf-16-le"))  # without the mark that tells it
    assert problems_of(path)[0].code in ("encoding", "no_table")
    assert len(read_village_list(path, encoding="utf-16-le").table) == 160
    path.write_bytes(document().encode("utf-16"))
    assert len(read_village_list(path).table) == 160


def test_reading_twice_gives_the_same(zezhou):
    again = read_village_list(document())
    pd.testing.assert_frame_equal(again.table, zezhou.table)
    assert again.problems == zezhou.problems
    assert os.linesep.join(map(str, again.problems))


def test_two_lists_in_one_table_stay_two_lists():
    text = "名单,乡镇,精品示范村,提档升级村\n省级,大阳镇,河底村,李家庄村\n省级,合计,1,1\n"
    rest = "名单,乡镇,精品示范村,提档升级村\n市级,大阳镇,河底村,李家庄村\n市级,合计,1,1\n"
    found = read_village_list(text + "\n" + rest)
    assert found.table[["list", "row"]].to_numpy().tolist() == [
        ["省级", 1], ["省级", 1], ["市级", 1], ["市级", 1],
    ]  # fmt: skip
    mixed = read_village_list(
        "名单,乡镇,精品示范村,提档升级村\n省级,大阳镇,河底村,\n市级,大阳镇,河底村,\n市级,川底镇,川底村,\n"
    )
    assert mixed.table[["list", "row"]].to_numpy().tolist() == [
        ["省级", 1],
        ["市级", 1],
        ["市级", 2],
    ]
    assert not messages(mixed, "twice_in_list")


def test_an_unknown_category_is_told_and_not_proposed():
    found = read_village_list("乡镇,村名,类别\n大阳镇,河底村,好村\n大阳镇,李家庄村,提档升级村\n")
    assert found.table["category_printed"].tolist() == ["好村", "提档升级村"]
    assert found.table["category"].tolist() == ["", "提档升级村"]
    (message,) = messages(found, "unknown_category")
    assert "好村" in message
    assert "类别" in message
    assert "第1行" in message


def test_a_list_without_categories_is_told():
    found = read_village_list("乡镇,村名\n大阳镇,河底村\n")
    assert found.table["category"].tolist() == [""]
    (message,) = messages(found, "missing_column")
    assert "类别" in message


def test_quotes_around_a_cell_of_pasted_csv_are_not_part_of_the_name():
    found = read_village_list('乡镇,村名,类别\n"大阳镇","河底村","提档升级村"\n')
    assert found.table[["township", "printed", "category"]].iloc[0].tolist() == [
        "大阳镇", "河底村", "提档升级村",
    ]  # fmt: skip
