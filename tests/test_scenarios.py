"""Scenarios: on roads whose truth is known by hand, invariants, files and what users see."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import serv_tables as t
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, box

from qianwan_gis._errors import DataError
from qianwan_gis.indicators import Disclosure
from qianwan_gis.network import RoadNetwork
from qianwan_gis.scenarios import Scenario, evaluate, from_map
from qianwan_gis.schemas import Inventory
from qianwan_gis.services import Joint, compute_coverage
from qianwan_gis.services.choices import Choices
from qianwan_gis.standards import Standards
from qianwan_gis.uncertainty import Draws

VILLAGE = ("clinic", "village")


@dataclass
class County:
    """The tables that a scenario needs, of a made-up place."""

    villages: gpd.GeoDataFrame
    roads: gpd.GeoDataFrame
    facilities: gpd.GeoDataFrame
    standards: Standards = field(default_factory=Standards.load)
    choices: Choices = field(default_factory=Choices)
    draws: Draws = field(default_factory=lambda: Draws(n=20, seed=4))
    inventory: str = "complete"
    crs: Any = t.CRS
    ground: None = None

    def __post_init__(self):
        self.network, _ = self.measure(self.roads)
        self.regions = gpd.GeoDataFrame({"code": [], "weight": []}, geometry=[], crs=t.CRS)
        self.townships = gpd.GeoDataFrame({"township": []}, geometry=[], crs=t.CRS)
        self.inventories = {VILLAGE: Inventory(self.inventory)}
        self.disclosure = Disclosure.of(self.villages, self.inventories, network=self.network)

    def measure(self, roads, *, planned=False, log=None):
        return RoadNetwork.from_roads(roads, self.standards, planned=planned, log=log), None

    def assessed(self, keys):
        joint = Joint()
        table = compute_coverage(
            self.villages, None, self.network, self.facilities, self.inventories, self.standards,
            self.draws, joint=joint, only=keys, **self.choices.options(),
        )  # fmt: skip
        return table, joint


def roads(rows):
    """ROADS from (name, ref, class, status, points)."""
    table = {
        "road_id": [f"R{i}" for i in range(len(rows))],
        "road_class": [r[2] for r in rows],
        "name": [r[0] for r in rows],
        "ref": [r[1] for r in rows],
        "surface": "",
        "oneway": False,
        "bridge": False,
        "tunnel": False,
        "status": [r[3] for r in rows],
        "basis": "surveyed",
    }
    lines = [LineString([(t.X0 + x, t.Y0 + y) for x, y in r[4]]) for r in rows]
    return gpd.GeoDataFrame(table, geometry=lines, crs=t.CRS)


def ladder(**options):
    """A south road with the clinic at its west end, a north road, two rungs, and a planned one.

    The villages stand at 0.5, 1.5 and 2.5 km of the south road and at 2.5 km of the north road.
    """
    made = roads(
        [
            ("南大街", "S227", "village", "existing", [(0, 0), (3000, 0)]),
            ("北大街", "", "village", "existing", [(0, 1000), (3000, 1000)]),
            ("西横路", "", "track", "existing", [(0, 0), (0, 1000)]),
            ("东横路", "", "track", "existing", [(3000, 0), (3000, 1000)]),
            ("规划路", "", "village", "planned", [(2500, 1000), (2500, 0)]),
        ]
    )
    homes = t.villages(
        [(500, 0), (1500, 0), (2500, 0), (2500, 1000)], population=[100.0, 200.0, 300.0, 400.0],
        population_kind="registered", population_year=2020,
        **{k: options.pop(k) for k in ("uncertainty",) if k in options},
    )  # fmt: skip
    clinics = t.facilities([(0, 0)], capacity=[np.nan], name="街口卫生室")
    norms = Standards.load().replace({"health.village.walk_minutes": 45})
    return County(homes, made, clinics, standards=norms, **options)


def changes(found, tier="village"):
    rows = found.changes[found.changes["tier"] == tier].set_index("name")
    return rows["change"].tolist(), rows


def minutes(metres):
    return round(metres / (4000 / 60), 1)


def test_a_closed_road_sends_people_round():
    plan = ladder()
    found = evaluate(plan, Scenario(name="断路", close={"roads": ["S227"], "walk_m": 0}))
    kinds, rows = changes(found)
    # Who lives on the closed road itself is cut off; the one on the north road walks as before.
    assert kinds == ["lost", "lost", "lost", "same"]
    assert rows["reason"].tolist()[:3] == ["road_closed"] * 3
    assert rows["minutes_before"].tolist() == [minutes(m) for m in (500, 1500, 2500, 3500)]
    east = Scenario(name="东段", close={"within": []}, remove=())
    assert (evaluate(plan, east).changes["change"] == "same").all()


def test_a_flood_closes_what_is_inside_and_leaves_the_rest(tmp_path):
    plan = ladder()
    # water over the south road from 1 to 1.2 km, given in degrees
    water = gpd.GeoDataFrame(
        geometry=[box(t.X0 + 1000, t.Y0 - 50, t.X0 + 1200, t.Y0 + 50)], crs=t.CRS
    )
    water.to_crs(4326).to_file(tmp_path / "flood.gpkg")
    found = evaluate(plan, Scenario(name="淹水", close={"within": [tmp_path / "flood.gpkg"]}))
    kinds, rows = changes(found)
    # the way round: east along the south road, over a rung and back along the north road
    assert rows["minutes_after"].tolist()[1:] == [
        minutes(1500 + 1000 + 3000 + 1000), minutes(500 + 1000 + 3000 + 1000), minutes(3500),
    ]  # fmt: skip
    assert kinds[0] == "same"  # at 0.5 km, between the clinic and the water
    assert kinds[1:3] == ["lost", "lost"]
    closed = found.lines[found.lines["what"] == "closed"]
    assert closed["metres"].sum() == pytest.approx(200, abs=0.5)
    assert set(closed["road"]) == {"南大街"}
    # the same water as a line across the road closes twice the tolerance
    line = gpd.GeoDataFrame(
        geometry=[LineString([(t.X0 + 1100, t.Y0 - 200), (t.X0 + 1100, t.Y0 + 200)])], crs=t.CRS
    )
    line.to_file(tmp_path / "line.gpkg")
    thin = evaluate(plan, Scenario(name="线", close={"within": [tmp_path / "line.gpkg"]}))
    assert thin.lines["metres"].sum() == pytest.approx(40, abs=0.5)
    assert changes(thin)[1]["minutes_after"].tolist() == rows["minutes_after"].tolist()


def test_bridges_stay_open_unless_said(tmp_path):
    plan = ladder()
    plan.roads.loc[0, "bridge"] = True
    plan.network, _ = plan.measure(plan.roads)
    box_ = gpd.GeoDataFrame(
        geometry=[box(t.X0 + 1000, t.Y0 - 50, t.X0 + 1200, t.Y0 + 50)], crs=t.CRS
    )
    box_.to_file(tmp_path / "w.gpkg")
    kept = evaluate(plan, Scenario(name="桥", close={"within": [tmp_path / "w.gpkg"]}))
    assert (kept.changes["change"] == "same").all()
    assert [p.code for p in kept.problems] == ["bridges_open"]
    gone = evaluate(
        plan, Scenario(name="桥", close={"within": [tmp_path / "w.gpkg"], "bridges": True})
    )
    assert (gone.changes["change"] == "lost").sum() == 2


def test_planned_roads_and_files_of_roads_are_opened(tmp_path):
    plan = ladder()
    found = evaluate(plan, Scenario(name="规划路通车", open={"planned": True}))
    kinds, rows = changes(found)
    # 2.5 km along the south road instead of 2.5 + 1 km by the west rung: 1 + 2.5 is no shorter
    assert kinds == ["same", "same", "same", "same"]
    short = roads([("新路", "", "village", "planned", [(2500, 1000), (0, 0)])])
    short.to_file(tmp_path / "new.gpkg")
    found = evaluate(plan, Scenario(name="新路通车", open={"files": [tmp_path / "new.gpkg"]}))
    kinds, rows = changes(found)
    assert kinds[3] == "gained"
    assert rows["minutes_after"].tolist()[3] == minutes(np.hypot(2500, 1000))
    assert set(found.lines["what"]) == {"opened"}
    one = evaluate(plan, Scenario(name="按名", open={"planned": ["规划路"]}))
    assert one.lines["metres"].sum() == pytest.approx(1000)
    # before is the plan's own coverage although the network has more roads
    mine = plan.assessed((VILLAGE,))[0]
    assert (
        one.before.loc[one.before["tier"] == "village", "minutes"].tolist()
        == mine["minutes"].tolist()
    )


def test_speeds_by_class_mode_and_road():
    plan = ladder()
    slow = evaluate(plan, Scenario(name="冬季", speed=[{"factor": 0.5, "mode": "walk"}]))
    rows = changes(slow)[1]
    assert rows["minutes_after"].tolist() == [2 * minutes(m) for m in (500, 1500, 2500, 3500)]
    track = evaluate(plan, Scenario(name="机耕路", speed=[{"classes": ["track"], "kph": 2}]))
    assert changes(track)[1]["delta"].tolist() == [0, 0, 0, 15.0]
    car = evaluate(plan, Scenario(name="只管车", speed=[{"factor": 0.5, "mode": "car"}]))
    assert set(changes(car)[0]) == {"same"}
    assert set(slow.lines["what"]) == {"slower"}


def test_facilities_added_moved_removed_and_filled():
    plan = ladder()
    new = evaluate(
        plan,
        Scenario(name="加", add=[{"service": "clinic", "tier": "village", "village": "村3",
                                  "id": "N1"}]),
    )  # fmt: skip
    kinds, rows = changes(new)
    assert kinds[3] == "gained"
    assert rows["facility_after"].tolist()[3] == "N1"
    assert rows["minutes_after"].tolist()[3] == 0.0
    assert (
        changes(evaluate(plan, Scenario(name="撤", remove=["街口卫生室"])))[0][:3] == ["lost"] * 3
    )
    full = evaluate(
        plan,
        Scenario(name="满", capacity={"F00": 150}, services={"clinic.village": {"capacity": 1}}),
    )
    kinds, rows = changes(full)
    assert kinds[:3] == ["same", "lost", "lost"]  # 100 of the first, 50 of the 200 of the second
    assert rows["reason"].tolist()[1] == "facility_full"
    words = full.in_words(full.changes[full.changes["tier"] == "village"])["情景后原因"].tolist()
    assert words[1] == "设施容量已满（只能容纳本村25%的人）"
    assert rows["holds"].tolist()[1] == ""  # the draws know nothing of full facilities


def test_two_new_facilities_of_one_id_are_told():
    one = {"service": "clinic", "tier": "village", "village": "村3", "id": "N1"}
    with pytest.raises(DataError, match="设施编号“N1”已有"):
        evaluate(ladder(), Scenario(name="重", add=[one, {**one, "village": "村2"}]))


def test_limits_and_people():
    plan = ladder()
    found = evaluate(plan, Scenario(name="限值", services={"clinic.village": {"limit": 10}}))
    row = found.summary.set_index("tier").loc["village"]
    assert (row["covered_before"], row["covered_after"], row["lost"]) == (3, 1, 2)
    assert (row["people_lost"], row["people_gained"]) == (500, 0)
    assert row["net"] == row["net_low"] == row["net_high"] == -2
    plan.villages["population_year"] = [2000, 2020, 2020, 1990]
    plan.__post_init__()
    hidden = evaluate(plan, Scenario(name="限值", services={"clinic.village": {"limit": 10}}))
    assert "people_lost" not in hidden.summary.columns


def test_partial_registers_never_lose_anybody():
    plan = ladder(inventory="partial")
    found = evaluate(plan, Scenario(name="断", close={"roads": ["南大街"], "walk_m": 0}))
    kinds, rows = changes(found)
    assert kinds == ["undecided", "undecided", "undecided", "same"]
    assert rows["covered_after"].isna().all()
    # A long way is not printed against such a register: that is farther, not cut off. The third
    # village stands at the limit, within its uncertainty.
    plan = ladder(inventory="partial", uncertainty=400.0, draws=Draws(n=100, seed=1))
    plan.standards = plan.standards.replace({"health.village.walk_minutes": 37.5})
    rows = changes(evaluate(plan, Scenario(name="慢", speed=[{"factor": 0.6}])))[1]
    third = rows.iloc[2]
    assert third["minutes_before"] > 0
    assert np.isnan(third["minutes_after"])
    assert (third["reason"], third["change"]) == ("inventory_incomplete", "worse")


def test_the_same_draws_before_and_after():
    # The limit lies 3000 m away: positions spread around it. A closed rung elsewhere changes
    # nothing in any draw, although every verdict is uncertain.
    plan = ladder(uncertainty=400.0, draws=Draws(n=200, seed=1))
    plan.standards = plan.standards.replace({"health.village.walk_minutes": 37.5})
    none = evaluate(plan, Scenario(name="东横路", close={"roads": ["东横路"], "walk_m": 5000}))
    rows = changes(none)[1]
    far = rows.iloc[:3]
    assert (far["p_change"] == 0).all()
    assert (far["holds"] == "none").all()
    some = evaluate(plan, Scenario(name="慢", speed=[{"factor": 0.9}]))
    rows = changes(some)[1]
    assert rows["holds"].tolist()[0] == "none"
    assert rows["holds"].tolist()[2] == "some"
    assert 0 < rows["p_change"].tolist()[2] < 1
    every = evaluate(plan, Scenario(name="断", close={"roads": ["南大街", "西横路"], "walk_m": 0}))
    assert changes(every)[1]["holds"].tolist()[0] == "all"


def test_everything_unknown_is_told_at_once_with_the_nearest_names(tmp_path):
    plan = ladder()
    far = gpd.GeoDataFrame(geometry=[box(0, 0, 1, 1)], crs=4326)
    far.to_file(tmp_path / "far.gpkg")
    wrong = Scenario(
        name="错", close={"roads": ["南大桥"], "classes": ["motorway"]}, remove=["街口卫生"],
        move=[{"id": "F77", "lon": 112, "lat": 35}], speed=[{"factor": 0.5, "mode": "horse"}],
        add=[{"service": "clinic", "tier": "village", "village": "某村"}], only=["school"],
    )  # fmt: skip
    with pytest.raises(DataError) as told:
        evaluate(plan, wrong)
    text = "\n".join(map(str, told.value.problems))
    assert len(told.value.problems) == 7
    assert "是否为：南大街" in text
    assert "街口卫生室" in text
    with pytest.raises(DataError, match="距路网范围"):
        evaluate(plan, Scenario(name="远", close={"within": [tmp_path / "far.gpkg"]}))
    with pytest.raises(DataError, match=r"none\.gpkg"):
        evaluate(plan, Scenario(name="无", close={"within": [tmp_path / "none.gpkg"]}))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name = 3", "name"), ("speling = 1", "没有这个设置项"), ("name = ", "TOML"),
        ("[[speed]]\nclasses = ['a']", "factor"), ("[close]\nwalk_m = -1", "walk_m"),
        ("[[add]]\nservice='clinic'\ntier='village'", "village"),
        ("[services.school]\nlimit = 3", "school"), ("[services.clinic]\nlimit = -3", "limit"),
        ("[services.clinic]\nmode = 'horse'", "horse"),
    ],
)  # fmt: skip
def test_bad_files_are_told_without_a_traceback(tmp_path, text, told):
    file = tmp_path / "s.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as error:
        Scenario.read(file)
    assert told in str(error.value)
    assert all(p.file == "s.toml" for p in error.value.problems)


def test_toml_and_json_say_the_same_and_name_files_safely(tmp_path):
    (tmp_path / "a.toml").write_text(
        'name = "汛期/断路: 一"\n[close]\nroads = ["S227"]\nwithin = ["x.gpkg"]\n'
        "[services.clinic]\nlimit = 40\n[services.clinic.village]\nbackup = true\n",
        encoding="utf-8",
    )
    (tmp_path / "a.json").write_text(
        json.dumps({"name": "汛期/断路: 一", "close": {"roads": ["S227"], "within": "x.gpkg"},
                    "services": {"clinic": {"limit": 40, "village": {"backup": True}}}}),
        encoding="utf-8",
    )  # fmt: skip
    one, two = (Scenario.read(tmp_path / name) for name in ("a.toml", "a.json"))
    assert one == two
    assert one.file_name == "汛期_断路_一"
    assert one.choose(Choices()).backup == {VILLAGE}


def test_what_the_web_map_exports_is_a_scenario(tmp_path):
    from qianwan_gis.maps import whatif

    plan = ladder()
    file = tmp_path / "map.json"
    file.write_text(
        json.dumps(
            {"format": "qianwan-scenario/1", "crs": t.CRS, "service": "clinic", "tier": "village",
             "mode": "walk", "limit_minutes": 30, "closed": ["F00"],
             "facilities": [{"id": "new-1", "name": "新", "status": "added", "x": t.X0 + 2500,
                             "y": t.Y0 + 1000}]}
        ),
        encoding="utf-8",
    )  # fmt: skip
    made = whatif.Scenario.read(file)
    found = evaluate(plan, from_map(made, "map"))
    mine = made.evaluate(plan.network, plan.villages)
    rows = changes(found)[1]
    np.testing.assert_allclose(rows["minutes_after"], mine["minutes"], atol=0.06)
    assert rows["covered_after"].tolist() == mine["covered"].tolist()
    assert set(found.changes["tier"]) == {"village"}


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(0, 10_000))
def test_closing_never_helps_and_opening_never_harms(seed):
    rng = np.random.default_rng(seed)
    xs = np.arange(4) * 900.0
    rows = []
    for k, x in enumerate(xs):
        rows.append((f"竖{k}", "", "village", "existing", [(x, 0), (x, 2700)]))
        rows.append((f"横{k}", "", "village", "existing" if k else "planned", [(0, x), (2700, x)]))
    rows.append(("斜", "", "track", "planned", [(100, 200), (2300, 2600)]))
    homes = t.villages([tuple(p) for p in rng.uniform(0, 2700, (8, 2))], uncertainty=60.0)
    plan = County(
        homes, roads(rows), t.facilities([tuple(p) for p in rng.uniform(0, 2700, (2, 2))])
    )
    names = [f"竖{rng.integers(4)}", f"横{rng.integers(1, 4)}"]
    shut = evaluate(plan, Scenario(name="关", close={"roads": names, "walk_m": 0}))
    kinds = set(changes(shut)[0])
    assert not kinds & {"gained", "better", "joined"}
    opened = evaluate(plan, Scenario(name="开", open={"planned": True}))
    assert not set(changes(opened)[0]) & {"lost", "worse", "cut_off"}
    a = opened.after.loc[opened.after["tier"] == "village", "p_covered"].to_numpy()
    b = opened.before.loc[opened.before["tier"] == "village", "p_covered"].to_numpy()
    assert (a >= b - 1e-9).all()
    # rows in another order: the same answer
    turned = County(homes.iloc[::-1], plan.roads.iloc[::-1], plan.facilities.iloc[::-1])
    again = evaluate(turned, Scenario(name="关", close={"roads": names, "walk_m": 0}))
    keys = ["code", "tier"]
    pd.testing.assert_frame_equal(
        again.changes.sort_values(keys, ignore_index=True),
        shut.changes.sort_values(keys, ignore_index=True), atol=0.11,
    )  # fmt: skip


# ---- a whole county ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told(demo_folder, tmp_path_factory):
    """A synthetic county that names a scenario, and its plan."""
    import shutil

    from qianwan_gis.plan import Plan

    folder = shutil.copytree(demo_folder, tmp_path_factory.mktemp("told") / "county")
    (folder / "断路.toml").write_text(
        'name = "旅游公路中断"\nnote = "=危险的备注"\n[close]\nclasses = ["secondary"]\n'
        '[[speed]]\nclasses = ["village"]\nfactor = 0.5\n',
        encoding="utf-8",
    )
    file = folder / "county.toml"
    text = 'scenarios = ["断路.toml"]\n' + file.read_text(encoding="utf-8")
    text = re.sub(
        r"\[terrain\]\n.*?\n\n", "", text, flags=re.DOTALL
    )  # no sewage plan: it takes long
    file.write_text(text + "\n[services.clinic.village]\nbackup = true\n", encoding="utf-8")
    return Plan.open(folder).check()


def test_a_county_file_names_scenarios_and_every_output_has_them(told, tmp_path):
    from qianwan_gis import layers
    from qianwan_gis.export import content
    from qianwan_gis.report import build

    (found,) = told.scenarios
    assert found.changes["code"].nunique() == len(told.villages)
    path = found.write(tmp_path)
    assert path.name == "scenario_旅游公路中断.csv"
    table = pd.read_csv(path, dtype={"code": str})
    assert len(table) == len(found.changes)
    assert table["code"].tolist() == found.changes["code"].tolist()
    keys = {t_.key: t_ for t_ in content.tables(told)}
    assert len(keys["scenario_1"].frame) == len(found.changed)
    assert keys["scenarios"].frame["scenario"].unique().tolist() == ["旅游公路中断"]
    entries = {entry.key: frame for entry, frame in layers.built(told)}
    assert set(entries["scenario_1"]["code"]) == set(found.changed["code"])
    assert set(entries["scenario_1_roads"]["what"]) == {"closed", "slower"}
    titles = [getattr(block, "text", "") for block in build(told, figures=False).blocks]
    assert any("情景对比" in title for title in titles)
    assert "断路.toml" in told.input_files()
    # the second facility of the county's own file
    mine = told.assessed((VILLAGE,))[0]
    assert mine["p_backup"].between(0, 1).any()
    summary = told.summary("county", rows=mine)
    assert 0 <= summary["backup"].iloc[0] <= summary["covered"].iloc[0]


def test_nothing_changes_in_an_empty_scenario(told):
    found = told.scenario(Scenario(name="无"))
    assert set(found.changes["change"]) == {"same"}
    assert found.changed.empty
    assert found.lines.empty
    assert (found.summary[["lost", "gained"]] == 0).all(axis=None)
    assert list(found.in_words(found.changes)["变化"].unique()) == ["不变"]
    assert list(found.in_words(found.changes, "en")["Change"].unique()) == ["same"]


def test_a_faulty_scenario_file_names_itself(told, tmp_path):
    file = tmp_path / "bad.toml"
    file.write_text('[close]\nroads = ["旅游公"]\n', encoding="utf-8")
    with pytest.raises(DataError) as error:
        told.scenario(file)
    assert error.value.problems[0].file == "bad.toml"
    assert "虚谷一号旅游公路" in str(error.value)
