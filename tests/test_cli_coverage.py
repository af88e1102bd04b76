"""`qianwan coverage` as a planner types it: options, reasons, scenarios, wrong input."""

import json

import pandas as pd
import pytest
from test_cli import call


@pytest.fixture
def run(capsys, monkeypatch, tmp_path, demo_folder):
    """Return a function that runs ``qianwan coverage`` on the synthetic county."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: call(capsys, monkeypatch, "coverage", demo_folder, *arguments)


def test_another_limit_and_mode_with_second_facilities_and_full_ones(run):
    code, text = run("--service", "clinic", "--tier", "county", "--limit", "90", "--mode", "car",
                     "--backup", "--capacity", "--per-unit", "1")  # fmt: skip
    assert code == 0
    assert "另有备用设施" in text
    assert "设施容量已满" in text  # some hundred beds for all villages, one person each
    assert "县级医院" in text
    assert "村卫生室" not in text
    more = run("--service", "clinic", "--tier", "village", "--limit", "40", "--lang", "zh")[1]
    less = run("--service", "clinic", "--tier", "village", "--limit", "5")[1]
    assert more.count("超出标准") <= less.count("超出标准")


def test_every_uncovered_village_has_a_readable_reason(run, tmp_path):
    code, text = run("--service", "clinic", "--tier", "county", "--limit", "12", "--out", "out")
    assert code == 0
    assert "未覆盖或未知的原因" in text
    table = pd.read_csv(tmp_path / "out" / "coverage.csv", dtype=str)
    no = table[table["state"] != "covered"]
    assert no["reason_text"].notna().all()
    assert not no["reason_text"].str.contains(r"^[a-z_]+$").any()


def test_scenarios_are_compared_and_written(run, tmp_path, demo):
    roads = demo.roads
    name = roads.loc[
        roads["road_class"].eq("tertiary") & roads["name"].fillna("").ne(""), "name"
    ].iloc[0]
    (tmp_path / "a.toml").write_text(
        f'name = "断"\n[close]\nroads = ["{name}"]\n', encoding="utf-8"
    )
    (tmp_path / "b.json").write_text(
        json.dumps({"name": "冬", "speed": [{"factor": 0.5, "mode": "car"}]}), encoding="utf-8"
    )
    code, text = run("--scenario", "a.toml", "--scenario", "b.json", "--out", "out")
    assert code == 0
    for word in ("情景：断", "情景：冬", "中断", "变慢", "前后对比", "受影响的村", "抽样"):
        assert word in text
    for name in ("断", "冬"):
        table = pd.read_csv(tmp_path / "out" / f"scenario_{name}.csv", dtype={"code": str})
        assert len(table) == 3 * len(demo.villages)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--limit", "20"], 2, "--service"), (["--service", "school"], 2, "clinic.village"),
        (["--service", "clinic", "--mode", "horse"], 2, "ebike"),
        (["--service", "clinic", "--limit", "-3"], 2, "大于零"),
        (["--scenario", "none.toml"], 1, "none.toml"), (["--scenario", "bad.toml"], 1, "是否为"),
        (["--scenario", "list.json"], 1, "list.json"), (["--scenario", "map.json"], 1, "网页地图"),
    ],
)  # fmt: skip
def test_wrong_input_is_told(run, tmp_path, arguments, code, said):
    (tmp_path / "bad.toml").write_text('[close]\nroads = ["县道"]\n', encoding="utf-8")
    (tmp_path / "list.json").write_text("[1, 2]", encoding="utf-8")
    (tmp_path / "map.json").write_text('{"format": "other"}', encoding="utf-8")
    found, text = run(*arguments)
    assert found == code
    assert said in text
    assert "Traceback" not in text
    assert not (tmp_path / "outputs").exists()
