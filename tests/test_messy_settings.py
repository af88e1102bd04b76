"""Settings and command lines as people write them: told in Chinese, by file, row and setting."""

import errno
import re

import pytest
from test_cli import call

from qianwan_gis._errors import DataError
from qianwan_gis.cli import _usage
from qianwan_gis.county import County
from qianwan_gis.project import init_project
from qianwan_gis.proposals import read_scenario
from qianwan_gis.scenarios import Scenario

COUNTY = 'key = "a"\nadcode = "140522"\nname = "阳城县"\nrun_date = 2026-01-31\n'
ENGLISH = re.compile(r"[A-Za-z]{2,}(?: [A-Za-z]{2,}){2,}")


@pytest.mark.parametrize(
    ("old", "new", "row", "word"),
    [('"阳城县"', "阳城县", 3, "英文引号"), ('"阳城县"', "“阳城县”", 3, "英文引号"),
     ('"阳城县"', '"阳城县', 3, "引号"), ("2026-01-31", "2026-13-01", 4, "日期"),
     ("2026-01-31", "2026/1/31", 4, "日期"), ('"阳城县"', '"D:\\道路"', 3, "改为 /"),
     ("name =", 'key = "b"\nname =', 3, "两次")],
)  # fmt: skip
def test_toml_faults_name_the_row_in_chinese(tmp_path, old, new, row, word):
    (tmp_path / "county.toml").write_text(COUNTY.replace(old, new), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        County.open(tmp_path)
    (problem,) = caught.value.problems
    assert (problem.file, problem.row) == ("county.toml", row)
    assert word in problem.message("zh")
    assert not ENGLISH.search(problem.message("zh"))
    assert "not valid TOML" in problem.message("en")


@pytest.mark.parametrize(
    ("more", "field", "word"),
    [('[corridor]\nname = "a"\nwidths_m = [inf]', "corridor.widths_m.0", "有限"),
     ('[corridor]\nname = "a"\nwidths_m = [-1]', "corridor.widths_m.0", "应大于 0"),
     ('[corridor]\nname = "a"\npublished_km = -3', "corridor.published_km", "应大于 0"),
     ("central_meridian_lon = 500", "central_meridian_lon", "不应大于 136.5"),
     ('[[roads.files]]\npath = "a.gpkg"\nbasis = "实测"', "roads.files.0.basis", "surveyed"),
     ("standards = 3", "standards", "对照表"), ("[sewage.phases]\n2025 = -1", "sewage.phases.2025", "不应小于 0")],
)  # fmt: skip
def test_settings_out_of_range_are_input_at_fault(tmp_path, more, field, word):
    (tmp_path / "county.toml").write_text(COUNTY + more, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        County.open(tmp_path)
    (problem,) = caught.value.problems
    assert problem.field == field
    assert word in problem.message("zh")
    assert not ENGLISH.search(problem.message("zh"))


@pytest.mark.parametrize("read", [read_scenario, Scenario.read])
def test_scenario_files(tmp_path, read):
    file = tmp_path / "情景.toml"
    for text in (None, "a = [", 'add = "三"\nclose = 3\n'):
        if text is not None:
            file.write_text(text, encoding="utf-8")
        with pytest.raises(DataError) as caught:
            read(file)
        for problem in caught.value.problems:
            assert problem.file == "情景.toml"
            assert not ENGLISH.search(problem.message("zh"))
    file.with_suffix(".json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="JSON"):
        Scenario.read(file.with_suffix(".json"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["frobnicate"], "没有命令“frobnicate”"), (["run"], "缺少参数 key"), (["site", "zezhou"], "缺少选项 --service"),
     (["coverage", "zezhou", "--limit", "abc"], "--limit 应为数字"), (["run", "zezhou", "--nope"], "没有选项 --nope"),
     (["run", "zezhou", "--ou", "x"], "相近的有 --out"), (["site", "zezhou", "--service", "clinic", "--add", "0"], "不小于 1"),
     (["synthetic", "x", "--villages", "1.5"], "--villages 应为整数"), (["run", "a", "b", "c"], "多余的参数：b c"),
     (["sewage", "zezhou", "--seconds"], "后面缺少取值")],
)  # fmt: skip
def test_wrong_usage_is_told_in_chinese(capsys, monkeypatch, tmp_path, arguments, words):
    monkeypatch.chdir(tmp_path)
    code, text = call(capsys, monkeypatch, *arguments)
    assert code == 2
    assert words in text
    for english in ("Usage:", "Error:", "Try ", "Missing", "Invalid", "No such"):
        assert english not in text
    assert not list(tmp_path.iterdir())


def test_no_command_at_all_shows_the_help(capsys, monkeypatch):
    code, text = call(capsys, monkeypatch)
    assert code == 2
    assert "run " in text
    assert "错误" not in text


@pytest.mark.parametrize(
    "number", [errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.ENOSPC, errno.EISDIR]
)
def test_faults_of_the_disk_are_told_in_chinese(number):
    text = _usage.file_fault(OSError(number, "system words in English", "/盘/成果.xlsx"))
    assert text.startswith("错误：无法读写 /盘/成果.xlsx：")
    assert not ENGLISH.search(text)


def test_the_command_to_type_next_is_quoted(tmp_path):
    said = init_project(tmp_path / "我的 县", "140522")
    assert f'qianwan check "{tmp_path / "我的 县"}"' in said[-1].zh


def test_sheets_of_a_millimetre_are_refused(capsys, monkeypatch, demo_folder, tmp_path):
    code, text = call(
        capsys, monkeypatch, "corridor", demo_folder, "--every", "1e-9", "--out", tmp_path / "out"
    )
    assert code == 2
    assert "0.1公里" in text
    assert not (tmp_path / "out").exists()


def test_an_osm_file_that_is_not_there_is_told_even_where_nobody_needs_it(
    capsys, monkeypatch, demo_folder, tmp_path
):
    code, text = call(
        capsys,
        monkeypatch,
        "geocode",
        demo_folder,
        "--provider",
        "osm:没有.osm",
        "--out",
        tmp_path / "o",
    )
    assert code == 2
    assert "没有.osm" in text
    assert not (tmp_path / "o").exists()


def test_a_scenario_of_the_map_that_is_not_there(capsys, monkeypatch, demo_folder):
    code, text = call(
        capsys, monkeypatch, "site", demo_folder, "--service", "clinic", "--scenario", "无.json"
    )
    assert code == 1
    assert "文件不存在：无.json" in text
    assert "Errno" not in text


def test_formats_in_any_case_and_with_spaces(capsys, monkeypatch, demo_folder, tmp_path):
    code, text = call(
        capsys, monkeypatch, "layers", demo_folder, "--formats", " GPKG, kml,", "--out", tmp_path
    )
    assert code == 0
    assert ".gpkg" in text
    assert ".kml" in text
