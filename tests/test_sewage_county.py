"""The sewage plan as a county uses it: coverage takes its reasons, kept plans, inputs, every output."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import tomllib

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
import shapely

import qianwan_gis as qg
from qianwan_gis import _solve, layers
from qianwan_gis._errors import DataError
from qianwan_gis.cli import main
from qianwan_gis.county import SewageSpec
from qianwan_gis.export import content
from qianwan_gis.export import sewage as writing
from qianwan_gis.project import _TOML
from qianwan_gis.services import planned
from qianwan_gis.services.sewage import counts_of_targets


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A county with everything that a plan needs, and areas kept free."""
    made = qg.synthetic.county(9, seed=2)
    place = made.write(tmp_path_factory.mktemp("sewage") / "county")
    home = made.settlements.geometry.iloc[0]
    zone = gpd.GeoDataFrame(geometry=[home.buffer(400)], crs=made.settlements.crs)
    zone.to_file(place / "boundaries" / "source.gpkg")
    with (place / "county.toml").open("a", encoding="utf-8") as file:
        file.write(
            '\n[[sewage.excluded]]\npath = "boundaries/source.gpkg"\nkind = "water_source"\n'
            '\n[[sewage.prices]]\nkey = "sewage.cost.reuse_yuan"\nvalue = 3000\nyear = 2025\n'
            'source = "县造价站"\nlow = 2500\nhigh = 4000\n'
        )
    return place


@pytest.fixture(scope="module")
def plan(folder):
    return qg.Plan.open(folder)


# ---------------------------------------------------------------- coverage


def rows(covered):
    return pd.DataFrame(
        {"code": ["a", "b", "c"], "service": "sewage", "tier": "sewer", "facility_id": "W",
         "metres": 10.0, "covered": pd.array(covered, dtype="boolean"), "p_covered": 0.5,
         "reason": ["ok", "over_limit", "inventory_incomplete"]}
    )  # fmt: skip


def test_a_plan_explains_what_is_denied_and_never_what_is_unknown_or_served():
    said = pd.DataFrame(
        {"code": ["a", "b", "c"], "tier": "sewer", "reason": "on_site_cheaper", "plan": "on_site",
         "plan_cost_yuan": [1.0, 2.0, 3.0]}
    )  # fmt: skip
    out = planned.apply(rows([True, False, None]), said)
    assert out["reason"].tolist() == ["ok", "on_site_cheaper", "inventory_incomplete"]
    assert out["plan"].tolist() == ["on_site"] * 3
    assert out["plan_cost_yuan"].tolist() == [1.0, 2.0, 3.0]
    assert out["covered"].tolist() == [True, False, pd.NA]
    assert out["metres"].eq(10).all()


def test_a_plan_that_knows_better_decides_and_a_missing_cell_leaves_the_register():
    said = pd.DataFrame(
        {"code": ["b", "c"], "tier": "sewer", "covered": [None, True], "reason": ["low_pressure", "ok"],
         "metres": [None, 7.0]}
    )  # fmt: skip
    out = planned.apply(rows([True, False, None]), said)
    assert out["covered"].tolist() == [True, False, True]
    assert out["reason"].tolist() == ["ok", "low_pressure", "ok"]
    assert out["metres"].tolist() == [10.0, 10.0, 7.0]
    assert planned.apply(rows([True, False, None]), said.iloc[:0])["plan"].eq("").all()


def test_coverage_takes_its_reasons_from_the_plan(plan):
    table = plan.coverage[plan.coverage["service"].eq("sewage")]
    decisions = plan.sewage.decisions
    whole = decisions.groupby("village_code")["choice"].agg(lambda c: set(c) - {"existing"})
    denied = table[table["covered"].eq(other=False).fillna(value=False)].set_index("code")
    tier_of = {"sewer": "sewer", "station": "station", "shared_station": "station"}
    seen = 0
    for code, row in denied.iterrows():
        choices = whole.get(code, set()) - {""}
        if len(choices) != 1:
            continue
        choice = choices.pop()
        seen += 1
        assert row["plan"] == choice
        if row["tier"] == tier_of.get(choice, "on_site") and choice != "tank":
            assert row["reason"] == "planned"
        else:
            assert row["reason"] in (
                "sewer_cheaper",
                "station_cheaper",
                "on_site_cheaper",
                "excluded_area",
            )
    assert seen >= 3
    costs = decisions.groupby("village_code")["cost_yuan"].sum(min_count=1)
    told = table.drop_duplicates("code").set_index("code")["plan_cost_yuan"].dropna()
    pd.testing.assert_series_equal(
        told, costs.reindex(told.index), check_names=False, check_index_type=False
    )
    # the other services say nothing of a plan
    others = plan.coverage[~plan.coverage["service"].isin(["sewage", "water"])]
    assert others["plan"].eq("").all()


def test_who_is_served_already_is_left_alone_and_loads_its_plant(plan):
    table = plan.sewage.decisions
    there = table[table["choice"].eq("existing")]
    assert len(there)
    assert there["facility_id"].ne("").all()
    assert there["cost_yuan"].isna().all()
    supplies = plan.supplies[plan.supplies["service"].eq("sewage")]
    by_record = table[table["village_code"].isin(supplies["code"])]
    assert by_record["choice"].eq("existing").all()
    plants = plan.facilities[plan.facilities["tier"].eq("plant")].set_index("facility_id")
    for name, part in there.groupby("facility_id")["wastewater_m3d"]:
        if name in plan.sewage.model.spare:
            assert plan.sewage.model.spare[name] == pytest.approx(
                plants.loc[name, "capacity"] - part.sum()
            )
    # sewers of the register name their plants
    assert not any(p.code == "sewer_plant_presumed" for p in plan.problems)


def test_without_terrain_there_is_a_screen_and_no_plan(zezhou):
    assert zezhou.sewage is None
    assert zezhou.sewage_phases is None
    assert "plan" not in zezhou.coverage
    sewer = zezhou.coverage.query("service == 'sewage' and tier == 'sewer'")
    assert set(sewer["reason"]) <= {"screen_only", "not_located"}
    assert writing.sewage_tables(zezhou) == []
    # what the published targets ask for: five villages in 2025
    assert counts_of_targets(zezhou.targets) == {2025: 5}


# ---------------------------------------------------------------- kept plans


def test_a_quick_plan_is_the_same_each_time_and_a_kept_one_is_used(folder, plan, tmp_path):
    own = tmp_path / "own"
    shutil.copytree(folder, own)
    first = qg.Plan.open(own)
    assert first.sewage.origin == "quick"
    pd.testing.assert_frame_equal(first.sewage.decisions, plan.sewage.decisions)
    solved = first.sewage_plan(time_limit=4)
    answers = solved.sensitivity(("on_site",))
    file = first.adopt_sewage(solved, sensitivity=answers, keep=True)
    assert first.sewage.origin == "solved"
    assert solved.cost <= plan.sewage.cost * (1 + 1e-9)
    again = qg.Plan.open(own)
    assert again.sewage.origin == "kept"
    assert again.sewage.cost == pytest.approx(solved.cost)
    assert again.sewage.bound == pytest.approx(solved.bound)
    pd.testing.assert_frame_equal(again.sewage.decisions, solved.decisions)
    pd.testing.assert_frame_equal(again.sewage_sensitivity, answers, check_dtype=False)
    assert file.relative_to(own).as_posix() in again.input_files()
    # another price: the kept choices answer another question
    other = again.replace(standards={"sewage.cost.on_site_yuan": 4000})
    assert other.sewage.origin == "quick"
    assert any(p.code == "stale_plan" for p in other.problems)
    file.write_text("{", encoding="utf-8")
    assert any(p.code == "bad_plan_file" for p in qg.Plan.open(own).sewage.problems)


def test_a_fingerprint_sees_every_change_that_counts_and_no_rounding():
    import numpy as np

    parts = [np.array([1.0, 2.0]), "a", 3.5]
    mark = planned.fingerprint(parts)
    assert mark == planned.fingerprint([np.array([1.0, 2.0 + 1e-13]), "a", 3.5])
    for other in ([np.array([1.0, 2.001]), "a", 3.5], [np.array([1.0, 2.0]), "b", 3.5],
                  [np.array([1.0]), 2.0, "a", 3.5]):  # fmt: skip
        assert planned.fingerprint(other) != mark


# ---------------------------------------------------------------- inputs


def test_the_county_s_own_areas_prices_and_years(plan):
    assert plan.excluded_areas["kind"].tolist() == ["water_source"]
    entry = plan.standards.entry("sewage.cost.reuse_yuan")
    assert (entry.value, entry.clause, entry.source) == (3000.0, "2025年", "县造价站")
    assert (entry.low, entry.high, entry.status) == (2500.0, 4000.0, "county")
    inside = shapely.intersects(
        plan.excluded_areas.geometry.iloc[0], plan.settlements.geometry.to_numpy()
    )
    table = plan.sewage.decisions
    assert not table.loc[inside, "choice"].isin(["on_site", "reuse", "station"]).any()
    # a zone of water sources is a ground for priority as well
    ranks = plan.sewage_priorities
    assert ranks.loc[inside, "reasons_zh"].str.contains("水源保护区").all()
    assert not ranks["not_known"].str.contains("rivers|water_sources").any()
    phases = plan.sewage_phases
    assert phases["year"].value_counts()[2025] == 5
    assert phases["order"].tolist() == list(range(1, len(phases) + 1))
    assert not phases["choice"].eq("existing").any()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('[[sewage.excluded]]\npath = "x.gpkg"\nkind = "forest"\n', "sewage.excluded"),
        ('[[sewage.prices]]\nkey = "sewage.cost.gold"\nvalue = 1\nyear = 2025\nsource = "x"\n', "sewage.cost.gold"),
        ('[[sewage.prices]]\nkey = "sewage.cost.tank_yuan"\nvalue = -1\nyear = 2025\nsource = "x"\n', "负"),
        ("[sewage.priority]\nmoon = { path = 'x.gpkg' }\n", "sewage.priority"),
        ('[[sewage.excluded]]\npath = "none.gpkg"\nkind = "mined"\n', "none.gpkg"),
    ],
)  # fmt: skip
def test_faults_of_the_settings_are_told(folder, tmp_path, text, word):
    own = tmp_path / "own"
    shutil.copytree(folder, own)
    toml = own / "county.toml"
    kept = toml.read_text(encoding="utf-8").split("[[sewage.excluded]]")[0]
    toml.write_text(
        kept.replace("[sewage.phases]", "[other]").split("[other]")[0] + text, encoding="utf-8"
    )
    with pytest.raises(DataError) as told:
        qg.Plan.open(own).check()
    assert any(
        word in str(p) or word in p.text.zh or word in (p.field or "") for p in told.value.problems
    )


def test_a_county_whose_plan_cannot_be_made_still_runs(folder, tmp_path):
    own = tmp_path / "own"
    shutil.copytree(folder, own)
    layer = own / "villages" / "settlements.gpkg"
    frame = gpd.read_file(layer)
    frame["population"] = 0
    frame.to_file(layer, layer="settlements")
    plan = qg.Plan.open(own)
    assert plan.sewage is None
    assert any(p.code == "no_sewage_plan" and "人口" in p.text.zh for p in plan.problems)
    mine = plan.coverage[plan.coverage["service"].eq("sewage")]
    assert "plan" not in mine or mine["plan"].eq("").all()
    with pytest.raises(DataError, match="人口都是0"):
        plan.sewage_plan(quick=True)


def test_the_project_template_s_examples_are_valid():
    text = _TOML[_TOML.index("# [[sewage.excluded]]") : _TOML.index("# [corridor]")]
    plain = "\n".join(
        line.removeprefix("# ") for line in text.replace("{{", "{").replace("}}", "}").splitlines()
    )
    given = tomllib.loads(plain)["sewage"]
    spec = SewageSpec.model_validate(given)
    assert spec.phases == {2025: 5}
    assert spec.prices[0].key == "sewage.cost.on_site_yuan"


# ---------------------------------------------------------------- outputs


def test_layers_agree_with_the_plan(plan):
    made = {entry.key: frame for entry, frame in layers.built(plan) if entry.theme == "sewage"}
    found = plan.sewage
    assert len(made["sewage_plan"]) == len(found.decisions)
    assert made["sewage_plan"]["choice_code"].tolist() == found.decisions["choice"].tolist()
    assert len(made.get("sewage_stations", ())) == len(found.stations)
    assert made["sewage_excluded"]["rule"].str.contains("不设站").all()
    if len(found.pipes):
        assert made["sewage_pipes"].geometry.length.sum() == pytest.approx(
            found.pipes["length_m"].sum(), rel=1e-6
        )


def test_every_file_is_written_in_the_reader_s_language(folder, tmp_path, capsys, monkeypatch):
    own = tmp_path / "own"
    shutil.copytree(folder, own)
    monkeypatch.setattr(
        "sys.argv",
        ["qianwan", "sewage", str(own), "--seconds", "2", "--out", str(tmp_path / "out")],
    )
    with pytest.raises(SystemExit) as done:
        main()
    assert done.value.code in (0, None)
    shown = capsys.readouterr().out
    assert "纳管" in shown or "集中" in shown
    assert "单价对方案的影响" in shown
    out = tmp_path / "out" / "sewage"
    book = openpyxl.load_workbook(out / "tables.xlsx")
    heads = [str(c.value) for name in book.sheetnames[1:] for c in book[name][1]]
    assert heads
    assert not [h for h in heads if h.isascii()]
    table = pd.read_csv(out / "decisions.csv", encoding="utf-8-sig")
    assert {"做法", "新增费用现值（元）", "若分散（元）", "取决于单价"} <= set(table.columns)
    assert not table["做法"].astype(str).str.isascii().any()
    bill = pd.read_csv(out / "quantities.csv", encoding="utf-8-sig")
    assert (bill["数量"] * bill["单价（元）"]).sum() == pytest.approx(
        bill["合价（元）"].sum(), rel=0.01
    )
    names = set(gpd.list_layers(out / "layers.gpkg")["name"])
    assert {"sewage_plan", "sewage_pipes", "sewage_excluded"} <= names
    kept = json.loads(next((own / "plans").glob("*_sewage.json")).read_text(encoding="utf-8"))
    assert kept["notes"]["sensitivity"]
    plan = qg.Plan.open(own, lang="en")
    assert plan.sewage.origin == "kept"
    english = {t.key: t for t in writing.sewage_tables(plan)}
    for item in english.values():
        for column in item.columns:
            assert content.heading(column, "en").isascii() or "³" in content.heading(column, "en")
    words = english["sewage_decisions"].frame
    assert words["choice"].str.isascii().all()
    drawn = sorted((out / "profiles").glob("*.pdf")) if len(plan.sewage.pipes) else []
    assert len(drawn) <= len(plan.sewage.pipes)
    assert bool(drawn) == bool(len(plan.sewage.pipes))
    for file in drawn:
        assert file.read_bytes().startswith(b"%PDF")


def test_each_trunk_is_drawn_once(plan):
    from qianwan_gis.services._sewage import profile

    runs = profile.runs(plan.sewage)
    metres = sum(float(table["chainage_m"].iloc[-1]) for _, _, table in runs)
    assert metres == pytest.approx(plan.sewage.pipes["length_m"].sum(), rel=1e-6)


def test_what_the_solver_s_library_prints_stays_off_the_standard_output(capfd):
    if os.name != "posix":
        pytest.skip("only where the C library's buffer can be reached")
    library = ctypes.CDLL(None)
    with _solve.silent():
        library.puts(b"a stray line")
    library.puts(b"after")
    library.fflush(None)
    assert capfd.readouterr().out.split() == ["after"]
