"""Water from a county's files to every output: register, recorded network, plan, layers, folder."""

import re
import shutil

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely

import qianwan_gis as qg
from qianwan_gis import layers
from qianwan_gis._errors import DataError
from qianwan_gis.export import sewage
from qianwan_gis.export import tables as workbook
from qianwan_gis.export import water as written
from qianwan_gis.report import build as build_report
from qianwan_gis.services._water import columns as told

HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("county") / "c"
    qg.synthetic.county(villages=14, seed=5).write(path)
    return path


@pytest.fixture(scope="module")
def plan(folder):
    return qg.Plan.open(folder)


def recorded(plan, target, *, gap=0.6, diameter=200, drop=None):
    """Lay recorded pipes along the plan's own, cut apart, as a drawing would have them."""
    pipes = plan.water.pipes
    shapes = [
        # each line stops short of the next one
        shapely.ops.substring(g, 0.0, max(g.length - gap, g.length * 0.5))
        for g in pipes.geometry
    ]
    lines = gpd.GeoDataFrame({"管径": [diameter] * len(shapes)}, geometry=shapes, crs=plan.crs)
    if drop is not None:
        lines = lines.drop(index=drop)
    lines.to_file(target)
    return lines


def with_network(plan, tmp_path, file, text="", **options):
    import shutil

    home = tmp_path / "county"
    shutil.copytree(plan.county.folder, home)
    recorded(plan, home / file, **options)
    toml = home / "county.toml"
    toml.write_text(
        toml.read_text(encoding="utf-8")
        + f'\n[water]\ntolerance_m = 2.0\n{text}\n[water.network]\npath = "{file}"\n'
        'columns = { diameter_mm = "管径" }\n',
        encoding="utf-8",
    )
    return home


# ---------------------------------------------------------------- recorded network


@pytest.mark.parametrize("file", ["管网.gpkg", "pipes.shp"])
def test_a_drawing_with_gaps_becomes_a_network_that_runs(tmp_path, plan, file):
    county = qg.Plan.open(with_network(plan, tmp_path, file)).check()
    system = county.water_network
    assert len(system.joined) > 10
    assert (system.joined["gap_m"] <= 2.0).all()
    assert system.joined[["line", "other", "x", "y"]].notna().all().all()
    # heights of the junctions are the terrain's
    model = system.model
    names = [n for n in model.junction_name_list if n.startswith("N")]
    xy = [model.get_node(n).coordinates for n in names]
    ground = plan.terrain.sample(gpd.GeoSeries(shapely.points(xy), crs=county.crs))
    assert [model.get_node(n).elevation for n in names] == pytest.approx(ground.tolist(), abs=0.01)
    # demands are the villages'
    norm = {k: plan.standards.value(f"water.{k}") for k in
            ("village.quota_lpcd", "demand.other_share", "demand.leak_share", "demand.day_factor")}  # fmt: skip
    people = county.villages["population"].sum()
    by_hand = people * norm["village.quota_lpcd"] / 1000 * (1 + norm["demand.other_share"])
    by_hand *= (1 + norm["demand.leak_share"]) * norm["demand.day_factor"]
    run = qg.water.read_inp(system.write_inp(tmp_path / "existing.inp")).simulate()
    drawn = run.demand[[n for n in names if n in run.demand]].iloc[:24].mean().sum() * 86400
    far = [p for p in system.problems if p.code in ("demand_far", "no_source_part")]
    assert not far
    assert drawn == pytest.approx(by_hand, rel=1e-3)
    if file != "管网.gpkg":
        return
    # coverage is what EPANET finds there
    rows = county.coverage.query("service == 'water'").set_index("code")
    nodes = system.labels.query("kind == 'demand'")
    low = system.simulate().pressure[nodes.index].min()
    service = plan.standards.value("water.head.service_m")
    unsafe = set(county.water_safety.query("verdict == 'unsafe'")["code"])
    checked = 0
    for node, codes in nodes["code"].items():
        for code in codes.split(";"):
            if code in unsafe:
                assert rows.loc[code, "reason"] in ("water_unsafe", "low_quantity")
            else:
                good = low[node] >= service - 0.05
                assert rows.loc[code, "covered"] == good
                assert rows.loc[code, "reason"] == ("ok" if good else "low_pressure")
                assert rows.loc[code, "basis"] == "recorded"
                checked += 1
    assert checked > 5


def test_a_missing_pipe_is_named_with_the_villages_behind_it(tmp_path, plan):
    pipes = plan.water.pipes
    lost = int(pipes["villages_cut"].to_numpy().argsort()[-3])
    home = with_network(plan, tmp_path, "a.gpkg", drop=lost)
    system = qg.Plan.open(home).water_network
    told_ = [p for p in system.problems if p.code == "no_source_part"]
    assert len(told_) >= 1
    assert "99000" in told_[0].text.zh


def test_the_faults_of_a_recorded_network_are_told(tmp_path, plan):
    home = with_network(plan, tmp_path, "a.gpkg", diameter=0)
    with pytest.raises(DataError) as error:
        qg.Plan.open(home).check()
    assert {p.code for p in error.value.problems if p.level == "error"} == {"bad_diameter"}
    toml = home / "county.toml"
    text = toml.read_text(encoding="utf-8")
    toml.write_text(text.replace("tolerance_m = 2.0", "tolerance_m = -1"), encoding="utf-8")
    with pytest.raises(DataError, match="tolerance_m"):
        qg.Plan.open(home)
    toml.write_text(text.replace('"a.gpkg"', '"b.gpkg"'), encoding="utf-8")
    with pytest.raises(DataError) as error:
        qg.Plan.open(home).check()
    assert {p.code for p in error.value.problems if p.level == "error"} == {"missing_file"}


# ---------------------------------------------------------------- plan and coverage


def test_coverage_comes_from_register_and_simulation(plan):
    rows = plan.coverage.query("service == 'water'").set_index("code")
    safe = plan.water_safety.set_index("code")
    villages = plan.water.villages.set_index("code")
    assert (rows["plan"] == villages["status"]).all()
    for code, row in rows.iterrows():
        if safe.loc[code, "verdict"] == "unsafe":
            assert not row["covered"]
            assert row["reason"] in ("low_quantity", "water_unsafe")
        else:
            assert row["covered"] == (
                villages.loc[code, "pressure_peak_m"] >= row["limit"] - 0.05
                and villages.loc[code, "quantity_lpcd"] >= 35.0
            )
        assert f"{villages.loc[code, 'pressure_peak_m']:.1f} m" in row["plan_text_zh"]
    assert {True, False} == set(rows["covered"])


def test_without_terrain_there_is_no_plan_and_distance_is_a_screen():
    county = qg.synthetic.county(villages=12, seed=3)
    works = county.facilities.query("service == 'water'").assign(village_code="")
    service = next(s for s in qg.services.services() if s.service == "water")
    rows = qg.water.coverage(service, county.villages, works, {("water", "works"): "partial"})
    # the register names nobody: only a screen is left, and it says so
    assert set(rows["reason"]) == {"screen_only"}
    assert rows["covered"].isna().all()
    first = county.villages.geometry.iloc[0]
    assert rows["metres"].iloc[0] == round(works.distance(first).min())
    for metres, band in zip(rows["metres"], rows["band"], strict=True):
        expected = "≤1 km" if metres <= 1000 else "1–3 km" if metres <= 3000 else "3–5 km"
        assert band == (expected if metres <= 5000 else ">5 km")
    zezhou = qg.Plan.open("zezhou")
    assert zezhou.water is None
    assert zezhou.water_network is None


def test_a_quick_plan_is_within_its_limits_and_the_search_no_dearer():
    made = qg.synthetic.county(villages=8, seed=2)
    given = {"network": qg.RoadNetwork.from_roads(made.roads), "works": made.facilities,
             "terrain": qg.Terrain.from_array(*made.elevation)}  # fmt: skip
    quick, again = (
        qg.water.plan_water(made.villages, **given, quick=True, gap=0.05) for _ in range(2)
    )
    assert again.villages.equals(quick.villages)
    assert quick.systems["trees_tried"].eq(1).all()
    assert quick.systems["tree_bound"].isna().all()
    assert quick.nodes["verdict"].eq("ok").all()
    ours = qg.water.plan_water(made.villages, **given).systems.set_index("system")
    one = quick.systems.set_index("system")["present_value"]
    # the search never ends with a dearer tree than it began with, beyond the solver's gap
    assert (ours["present_value"] <= one[ours.index] * 1.006).all()
    assert (ours["tree_bound"] <= ours["present_value"]).all()
    assert ours["tree_gap"].between(0.0, 1.0).all()


# ---------------------------------------------------------------- outputs


def test_layers_have_every_column_described_and_every_kind_drawn(plan):
    found = {e.key: (e, f) for e, f in layers.built(plan) if e.theme == "water"}
    assert set(found) >= {"water_pipes", "water_criticality", "water_zones", "water_stations",
                          "water_nodes", "water_villages", "water_safety"}  # fmt: skip
    for entry, frame in found.values():
        assert set(frame.columns) - {"geometry"} <= {c.name for c in entry.columns}
        assert frame.crs == plan.crs
        for style in entry.styles:
            if style.by:
                known = {s.value for s in style.symbols}
                assert set(frame[style.by].astype(str)) <= known or "" in known
    english = qg.Plan.open(plan.county.folder, lang="en")
    for entry, frame in layers.built(english):
        if entry.theme == "water":
            for name in (c for c in frame if str(c).endswith("_text") or c in ("about", "large")):
                assert not any(HAN.search(str(v)) for v in frame[name]), (entry.key, name)


def test_every_code_of_the_tables_has_its_words(plan):
    for _, _, name, columns, _ in written._TABLES:
        frame = pd.DataFrame(getattr(plan.water, name))
        for column in set(told.WORDS) & set(frame.columns) & {c.name for c in columns}:
            if not pd.api.types.is_numeric_dtype(frame[column]):
                assert set(frame[column].astype(str)) <= set(told.WORDS[column]), (name, column)


def test_workbook_and_report_have_water(plan, tmp_path):
    book = openpyxl.load_workbook(workbook.write_xlsx(plan, tmp_path / "t.xlsx"))
    assert {"农村饮水安全评价", "供水管道定径", "供水工程量清单", "管网节点水压"} <= set(
        book.sheetnames
    )
    text = "\n".join(str(getattr(b, "text", "")) for b in build_report(plan, figures=False).blocks)
    assert "供水方案" in text
    assert "停用后断水人口最多的管段" in str(build_report(plan, figures=False))


def test_no_totals_of_people_of_several_definitions(folder, tmp_path):
    """Registered and resident people do not add up, in no sheet of a plan either."""
    mixed = tmp_path / "mixed"
    shutil.copytree(folder, mixed)
    units = next((mixed / "villages").glob("*_units.csv"))
    table = pd.read_csv(units, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    table["population_kind"] = ["registered", "resident"] * (len(table) // 2)
    table.to_csv(units, index=False)
    plan = qg.Plan.open(mixed)
    assert not plan.disclosure.people
    for made in (written.water_tables(plan)[0], sewage.overview(plan)[0]):
        assert made.key in ("water_safety_summary", "sewage_choices")
        assert "people" not in made.frame.columns
        assert "people" not in {c.name for c in made.columns}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_folder_of_the_command(plan, tmp_path, lang):
    files, missing = written.write(
        tmp_path / "water", lang, safe=plan.water_safety, plan=plan.water
    )
    assert missing == []
    names = {p.relative_to(tmp_path / "water").as_posix() for p in files}
    assert names >= {"safety.csv", "safety_summary.csv", "pipes.csv", "nodes.csv", "quantities.csv",
                     "criticality.csv", "network.inp", "layers.gpkg"}  # fmt: skip
    drawn = [n for n in names if n.startswith("profiles/") and n.endswith(".png")]
    assert len(drawn) == len(plan.water.systems)
    for file in files:
        if file.suffix == ".csv":
            head = pd.read_csv(file, encoding="utf-8-sig").columns
            has = [bool(HAN.search(str(h))) for h in head]
            assert all(has) if lang == "zh" else not any(has), (file.name, list(head))
    run = qg.water.read_inp(tmp_path / "water" / "network.inp").simulate()
    assert run.warnings == ()
    table = pd.read_csv(tmp_path / "water" / "criticality.csv", encoding="utf-8-sig")
    assert len(table) == len(plan.water.pipes)
    # the exact table of the tree and the simulated one agree
    mine = plan.water.criticality().set_index("pipe")["people"]
    pipes = plan.water.pipes.set_index("pipe")["people_cut"]
    assert mine[pipes.index].to_numpy() == pytest.approx(pipes.to_numpy())


# ---------------------------------------------------------------- every design, every seed


@pytest.mark.parametrize("seed", [0, 4, 7])
def test_designed_networks_of_many_counties_pass_epanet(seed, tmp_path):
    made = qg.synthetic.county(villages=10, seed=seed)
    plan = qg.water.plan_water(
        made.villages, network=qg.RoadNetwork.from_roads(made.roads),
        terrain=qg.Terrain.from_array(*made.elevation), works=made.facilities, quick=True, gap=0.03,
    )  # fmt: skip
    assert plan.nodes["verdict"].eq("ok").all()
    run = qg.water.read_inp(plan.system.write_inp(tmp_path / "a.inp")).simulate()
    assert run.warnings == ()
    taps = plan.nodes[plan.nodes["code"] != ""]
    low, high = run.pressure[taps["node"]].min(), run.pressure[taps["node"]].max()
    assert (low.to_numpy() >= taps["least_m"].to_numpy() - 0.05).all()
    assert (high.to_numpy() <= taps["most_m"].to_numpy() + 0.05).all()
    # what flows in over the day flows out, or stays in the tanks
    model = plan.system.model
    stored = 0.0
    for name in plan.tanks["tank"]:
        tank = model.get_node(name)
        level = run.pressure[name]
        stored += float(level.iloc[-1] - level.iloc[0]) * np.pi / 4 * tank.diameter**2
    junctions = list(model.junction_name_list)
    out = run.demand[junctions].iloc[:-1].mean().sum() * 86400
    assert out + stored == pytest.approx(0.0, abs=0.02 * plan.systems["demand_m3d"].sum() + 0.5)
