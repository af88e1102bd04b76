"""The command line: exit codes, messages instead of tracebacks, nothing half-written."""

import json
import os
import subprocess
import sys

import pytest

from qianwan_gis import cli


def call(capsys, monkeypatch, *arguments):
    """Run one command in this process; return exit code and everything printed."""
    monkeypatch.setattr(sys, "argv", ["qianwan", *map(str, arguments)])
    try:
        cli.main()
        code = 0
    except SystemExit as stop:
        code = stop.code or 0
    shown = capsys.readouterr()
    return code, shown.out + shown.err


COMMANDS = sorted(
    c.name or c.callback.__name__ for c in cli.app.registered_commands if c.callback is not None
)


def test_every_command_has_help(capsys, monkeypatch):
    assert {"run", "init", "counties", "check", "geocode", "review", "corridor", "coverage", "targets",
            "layers", "map", "report", "sql", "standards", "synthetic", "verify"} <= set(COMMANDS)  # fmt: skip
    for name in COMMANDS:
        code, text = call(capsys, monkeypatch, name, "--help")
        assert code == 0
        assert any("一" <= c <= "鿿" for c in text), name


def test_help_lists_the_commands_in_the_order_of_the_work(capsys, monkeypatch):
    _, text = call(capsys, monkeypatch, "--help")
    lines = text.split("Commands:")[1].splitlines()
    shown = [line.split()[0] for line in lines if line[2:3].isascii() and line[2:3].strip()]
    assert sorted(shown) == COMMANDS
    assert shown[:4] == ["run", "init", "counties", "check"]
    assert shown[-2:] == ["scale", "verify"]


def test_the_module_runs_as_the_command_does():
    run = subprocess.run(
        [sys.executable, "-m", "qianwan_gis", "run", "nowhere"],
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert run.returncode == 2
    assert "没有县“nowhere”" in run.stderr


def test_english_help_in_its_own_process():
    run = subprocess.run(
        [sys.executable, "-m", "qianwan_gis", "run", "--help", "--lang", "en"],
        capture_output=True, text=True, encoding="utf-8", check=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert "run every step" in run.stdout
    assert "python -m qianwan_gis run" in run.stdout  # what such a reader types


@pytest.mark.parametrize(
    "arguments",
    [["run", "nowhere"], ["run"], ["frobnicate"], ["run", "zezhou", "--set", "x"],
     ["run", "zezhou", "--set", "no.such.key=1"], ["run", "zezhou", "--set", "roads.village.speed_kph=fast"],
     ["init", "x", "--adcode", "999999"], ["init", "x", "--adcode", "abc"],
     ["coverage", "zezhou", "--by", "moon"], ["layers", "zezhou", "--formats", "dwg"]],
)  # fmt: skip
def test_wrong_usage_is_exit_2(capsys, monkeypatch, tmp_path, arguments):
    monkeypatch.chdir(tmp_path)
    code, text = call(capsys, monkeypatch, *arguments)
    assert code == 2
    assert text.strip()
    assert "Traceback" not in text
    assert not list(tmp_path.rglob("*"))


def test_bad_input_is_exit_1_and_writes_nothing(capsys, monkeypatch, own_demo, tmp_path):
    (own_demo / "roads" / "roads.gpkg").write_bytes(b"nothing of the kind")
    (own_demo / "corridor" / "stakes.gpkg").unlink()
    code, text = call(capsys, monkeypatch, "run", own_demo, "--out", tmp_path / "out")
    assert code == 1
    assert "roads.gpkg" in text
    assert "stakes.gpkg" in text
    assert not (tmp_path / "out").exists()


def test_check_says_what_is_there_and_exits_by_the_input(capsys, monkeypatch, own_demo):
    code, text = call(capsys, monkeypatch, "check", own_demo)
    assert code == 0
    assert "现有" in text
    (own_demo / "county.toml").write_text("key = [", encoding="utf-8")
    code, text = call(capsys, monkeypatch, "check", own_demo)
    assert code == 1
    assert "TOML" in text


def test_init_never_overwrites(capsys, monkeypatch, tmp_path):
    code, text = call(capsys, monkeypatch, "init", tmp_path / "a", "--adcode", "140404")
    assert code == 0
    assert "上党区" in text
    before = (tmp_path / "a" / "county.toml").read_bytes()
    code, _ = call(capsys, monkeypatch, "init", tmp_path / "a", "--adcode", "140525")
    assert code == 2
    assert (tmp_path / "a" / "county.toml").read_bytes() == before


def test_init_without_carried_villages_asks_for_them(capsys, monkeypatch, tmp_path):
    call(capsys, monkeypatch, "init", tmp_path / "a", "--adcode", "110101")
    code, text = call(capsys, monkeypatch, "check", tmp_path / "a")
    assert code == 1
    assert "villages.csv" in text


def test_synthetic_run_verify(capsys, monkeypatch, tmp_path):
    folder, out = tmp_path / "made", tmp_path / "out"
    assert call(capsys, monkeypatch, "synthetic", folder, "--villages", "30", "--seed", "5")[0] == 0
    out.mkdir()
    (out / "我的笔记.txt").write_text("keep me", encoding="utf-8")
    code, text = call(capsys, monkeypatch, "run", folder, "--out", out)
    assert code == 0
    assert "map.html" in text
    assert (out / "我的笔记.txt").read_text(encoding="utf-8") == "keep me"
    assert call(capsys, monkeypatch, "verify", out)[0] == 0
    (out / "coverage.csv").write_text("changed", encoding="utf-8")
    code, text = call(capsys, monkeypatch, "verify", out)
    assert code == 1
    assert "coverage.csv" in text


@pytest.mark.parametrize(
    "command", [["coverage"], ["coverage", "--by", "zone"], ["corridor"], ["targets"]]
)
def test_tables_print(capsys, monkeypatch, demo_folder, command, tmp_path):
    monkeypatch.chdir(tmp_path)  # corridor writes its strip maps, too
    code, text = call(capsys, monkeypatch, command[0], demo_folder, *command[1:])
    assert code == 0
    assert len(text.splitlines()) >= 1


def test_targets_have_no_data_until_measured(capsys, monkeypatch):
    code, text = call(capsys, monkeypatch, "targets", "zezhou")
    assert code == 0
    assert "暂无数据" in text
    assert "长治市" not in text


def test_settings_at_fault_are_named_in_chinese_by_file_and_field(
    capsys, monkeypatch, own_demo, tmp_path
):
    file = own_demo / "county.toml"
    text = file.read_text(encoding="utf-8")
    broken = text.replace('adcode = "990001"', 'adcode = "99"', 1)
    broken = broken.replace("run_date = 2025-01-01", 'run_date = "gestern"', 1)
    broken = broken.replace('inventory = "complete"', 'inventory = "maybe"', 1)
    file.write_text(broken, encoding="utf-8")
    code, shown = call(capsys, monkeypatch, "run", own_demo, "--out", tmp_path / "out")
    assert code == 1
    assert "应为6位数字" in shown
    assert "应为日期" in shown
    assert "complete、partial、assumed、none" in shown
    assert "should" not in shown
    assert "Input" not in shown
    assert shown.count("county.toml") == 3


def test_a_standard_at_fault_in_the_county_file_is_bad_input(
    capsys, monkeypatch, own_demo, tmp_path
):
    with (own_demo / "county.toml").open("a", encoding="utf-8") as file:
        file.write('\n[standards]\n"roads.village.speed_kph" = -3\nbogus = 1\n')
    code, shown = call(capsys, monkeypatch, "run", own_demo, "--out", tmp_path / "out")
    assert code == 1
    assert "county.toml" in shown
    assert "roads.village.speed_kph" in shown
    assert "bogus" in shown
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_cannot_be_made_gives_a_message(
    capsys, monkeypatch, demo_folder, tmp_path
):
    (tmp_path / "file").write_text("a file in the way")
    code, shown = call(capsys, monkeypatch, "map", demo_folder, "--out", tmp_path / "file" / "out")
    assert code == 1
    assert "无法读写" in shown
    assert str(tmp_path / "file") in shown


def test_site_proposes_and_writes(capsys, monkeypatch, demo_folder, tmp_path):
    code, text = call(
        capsys,
        monkeypatch,
        "site",
        demo_folder,
        "--service",
        "clinic",
        "--add",
        "2",
        "--out",
        tmp_path,
    )
    assert code == 0
    assert "选址·拟建点" in text
    assert "已证明为最优" in text
    for name in ("sites.csv", "proposed_sites.geojson", "proposal.docx", "proposal.md"):
        assert (tmp_path / "site_clinic_village" / name).is_file()


def test_equity_prints_and_writes(capsys, monkeypatch, demo_folder, tmp_path):
    code, text = call(capsys, monkeypatch, "equity", demo_folder, "--out", tmp_path)
    assert code == 0
    for words in ("生活圈", "公平指标", "农村可达指数"):
        assert words in text
    assert (tmp_path / "equity" / "rural_access.csv").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["site", "zezhou", "--service", "clinic"], "资料不足"),
     (["equity", "zezhou"], "未给出公平指标"), (["sewage", "zezhou"], "没有地形数据"),
     (["water", "zezhou"], "没有地形数据")],
)  # fmt: skip
def test_thin_data_is_told_and_nothing_written(capsys, monkeypatch, tmp_path, arguments, words):
    monkeypatch.chdir(tmp_path)
    code, text = call(capsys, monkeypatch, *arguments)
    assert code == 1
    assert words in text
    assert "Traceback" not in text
    assert not list(tmp_path.rglob("*"))


def test_an_output_that_cannot_be_made_is_told(capsys, monkeypatch, demo_folder, tmp_path):
    from qianwan_gis.maps.paper import letters

    monkeypatch.setattr(letters, "find_font", lambda: None)  # a machine without a Chinese font
    code, text = call(capsys, monkeypatch, "run", demo_folder, "--out", tmp_path / "out")
    assert code == 0
    assert "atlas.pdf" in text
    assert not (tmp_path / "out" / "atlas.pdf").exists()
    assert (tmp_path / "out" / "report.docx").is_file()
    record = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert record["not_written"]


def test_rules_that_cannot_be_kept_are_told_and_nothing_written(
    capsys, monkeypatch, demo_folder, tmp_path
):
    rules = tmp_path / "poor.toml"
    rules.write_text("add = 3\nbudget = 0.5\n", encoding="utf-8")
    out = tmp_path / "out"
    code, text = call(capsys, monkeypatch, "site", demo_folder, "--service", "clinic",
                      "--scenario", rules, "--out", out)  # fmt: skip
    assert code == 1
    assert "预算0.5不够" in text
    assert not out.exists()
