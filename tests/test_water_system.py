"""EPANET networks: reading, writing, simulating, GIS lines, broken pipes."""

import re
import shutil
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine

from qianwan_gis._errors import DataError, UsageError
from qianwan_gis.services._water import system as system_module
from qianwan_gis.services._water.system import WaterSystem, read_inp
from qianwan_gis.standards import Standards
from qianwan_gis.terrain import Terrain

NORMS = Standards.load()
CRS = "EPSG:4547"


@pytest.fixture(scope="module")
def examples():
    """EPANET's published example networks, which ship inside wntr."""
    return Path(system_module._wntr().__file__).parent / "library" / "networks"


def epanet_heads(text, folder, accuracy=None):
    """Heads as EPANET itself computes them from a file, without wntr's model in between (m)."""
    wntr = system_module._wntr()
    if accuracy:
        text = re.sub(r"(?im)^\s*ACCURACY.*$", f" ACCURACY {accuracy}", text)
    folder.mkdir(exist_ok=True)
    (folder / "a.inp").write_text(text)
    engine = wntr.epanet.toolkit.ENepanet()
    engine.ENopen(str(folder / "a.inp"), str(folder / "a.rpt"), str(folder / "a.bin"))
    engine.ENsolveH()
    engine.ENsolveQ()
    engine.ENreport()
    engine.ENclose()
    return wntr.epanet.io.BinFile().read(str(folder / "a.bin")).node["head"]


@pytest.mark.parametrize("name", ["Net1", "Net2", "Net3"])
def test_published_networks_survive_the_way_through(examples, tmp_path, name):
    source = (examples / f"{name}.inp").read_text(errors="replace")
    system = read_inp(examples / f"{name}.inp")
    out = system.write_inp(tmp_path / "out.inp")
    truth = epanet_heads(source, tmp_path / "one")
    again = read_inp(out).simulate().head
    assert (again - truth[again.columns]).abs().max().max() < 1e-3
    direct = epanet_heads(out.read_text(), tmp_path / "two")
    assert (direct - truth).abs().max().max() < 1e-3
    assert (system.simulate().head - truth[again.columns]).abs().max().max() < 1e-3


def test_the_largest_published_network_at_a_sharp_accuracy(examples, tmp_path):
    # Net6 (3,323 junctions): its own accuracy of 0.001 leaves metres of play in when pumps switch,
    # so both files are solved to 1e-6 before they are compared
    source = (examples / "Net6.inp").read_text(errors="replace")
    source = re.sub(r"(?im)^\s*DURATION.*$", " DURATION 24:00", source)
    (tmp_path / "net6.inp").write_text(source)
    out = read_inp(tmp_path / "net6.inp").write_inp(tmp_path / "out.inp")
    one = epanet_heads(source, tmp_path / "one", "1e-6")
    two = epanet_heads(out.read_text(), tmp_path / "two", "1e-6")
    assert one.shape[1] == 3356
    assert (one - two[one.columns]).abs().max().max() < 1e-3


def test_writing_is_the_same_to_the_byte_and_names_no_folder(examples, tmp_path):
    system = read_inp(examples / "Net3.inp")
    one, two = (system.write_inp(tmp_path / n).read_bytes() for n in ("a.inp", "b.inp"))
    assert one == two
    assert read_inp(tmp_path / "a.inp").write_inp(tmp_path / "c.inp").read_bytes() == one
    assert b"Net3.inp" not in one
    assert b"Created" not in one


def test_other_units_are_the_same_water(examples, tmp_path):
    system = read_inp(examples / "Net1.inp")
    metric = read_inp(system.write_inp(tmp_path / "lps.inp", units="LPS"))
    assert metric.model.options.hydraulic.inpfile_units == "LPS"
    assert (metric.simulate().head - system.simulate().head).abs().max().max() < 1e-2
    with pytest.raises(UsageError, match="桶"):
        system.write_inp(tmp_path / "x.inp", units="桶")
    assert not (tmp_path / "x.inp").exists()


def test_water_is_neither_made_nor_lost(examples):
    run = read_inp(examples / "Net3.inp").simulate()
    # at every hour the demands, and what tanks and lakes take (+) or give (-), sum to nought
    assert run.demand.sum(axis=1).abs().max() < 1e-4 * run.demand.abs().sum(axis=1).max()


def test_simulation_leaves_no_file_behind(examples, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    read_inp(examples / "Net1.inp").simulate()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty_inp"),
        ("[JUNCTIONS]\n A xx 3\n[END]\n", "bad_inp"),
        ("[PIPES]\n P1 A B 100 200 100 0 Open\n", "bad_inp"),
    ],
)
def test_bad_files_are_told_not_raised(tmp_path, text, code):
    path = tmp_path / "bad.inp"
    path.write_text(text)
    with pytest.raises(DataError) as error:
        read_inp(path)
    assert error.value.problems[0].code == code
    assert str(tmp_path) not in str(error.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(DataError) as error:
        read_inp(tmp_path / "none.inp")
    assert error.value.problems[0].code == "missing_file"


def test_a_network_that_cannot_run_is_told(tmp_path):
    (tmp_path / "a.inp").write_text(
        "[JUNCTIONS]\n A 10 1\n B 10 1\n[PIPES]\n P A B 100 100 100 0 Open\n"
        "[OPTIONS]\nUnits LPS\nHeadloss H-W\n[END]\n"
    )
    with pytest.raises(DataError) as error:
        read_inp(tmp_path / "a.inp").simulate()
    assert error.value.problems[0].code == "epanet_failed"
    assert tempfile.gettempdir() not in str(error.value)


def test_chinese_file_names(examples, tmp_path):
    path = tmp_path / "泽州 供水.inp"
    shutil.copy(examples / "Net1.inp", path)
    assert read_inp(path).simulate().head.shape == (25, 11)


# ---------------------------------------------------------------- GIS lines


def flat(height=100.0):
    return Terrain.from_array(
        np.full((100, 100), height), Affine(100, 0, -1000, 0, -100, 5000), CRS
    )


def lines(shapes, diameters=None):
    return gpd.GeoDataFrame(
        {"diameter_mm": diameters or [110] * len(shapes)},
        geometry=[shapely.LineString(s) for s in shapes], crs=CRS,
        index=[f"L{i}" for i in range(len(shapes))],
    )  # fmt: skip


def points(xy, **columns):
    return gpd.GeoDataFrame(columns, geometry=[shapely.Point(p) for p in xy], crs=CRS)


SOURCE = points([(0, 0)], head_m=[160.0])


def from_lines(table, **options):
    options = {"sources": SOURCE, "standards": NORMS, "terrain": flat(), **options}
    return WaterSystem.from_lines(table, **options)


def test_gaps_are_closed_within_the_tolerance_and_named():
    table = lines(
        [
            [(0, 0), (500, 100), (1000, 0)],
            [(1000.6, 0.3), (2000, 0)],  # end to end, 0.67 m
            [(600, 80.5), (600, 900)],  # end to the middle of a pipe, 0.49 m
        ]
    )
    system = from_lines(table, tolerance=1.0)
    named = system.joined.set_index(["line", "other"])["gap_m"].round(2).to_dict()
    assert named == {("L0", "L1"): 0.67, ("L2", "L0"): 0.49}
    assert system.joined["kind"].tolist() == ["ends", "end_to_pipe"]
    assert not system.problems
    tight = from_lines(table, tolerance=0.1)
    assert len(tight.joined) == 0
    assert [p.code for p in tight.problems] == ["no_source_part"]
    assert tight.model.num_pipes == 2  # the first line and the source's own


def test_bends_are_kept_through_the_file(tmp_path):
    bend = [(0, 0), (300, 400), (900, 400), (1000, 0)]
    system = from_lines(lines([bend]))
    pipe = system.pipes().set_index("link").loc["P1"]
    assert list(pipe.geometry.coords) == bend
    assert pipe["length_m"] == pytest.approx(500 + 600 + np.hypot(100, 400))
    again = read_inp(system.write_inp(tmp_path / "a.inp")).pipes().set_index("link").loc["P1"]
    assert list(again.geometry.coords) == bend
    assert again["length_m"] == pytest.approx(pipe["length_m"])


def test_crossing_pipes_are_not_joined():
    system = from_lines(lines([[(0, 0), (1000, 0)], [(500, -300), (500, 300)]]))
    assert [p.code for p in system.problems] == ["no_source_part"]


def test_heights_come_from_the_terrain_of_another_crs():
    from pyproj import Transformer

    geographic = Terrain.from_array(
        np.full((40, 40), 321.0), Affine(0.01, 0, 113.9, 0, -0.01, 36.2), "EPSG:4326"
    )
    x, y = Transformer.from_crs("EPSG:4326", CRS, always_xy=True).transform(114.05, 36.0)
    table = lines([[(x, y), (x + 900, y)]])
    system = from_lines(table, sources=points([(x, y)]), terrain=geographic, level_m=25.0)
    assert {node.elevation for _, node in system.model.junctions()} == {321.0}
    assert system.model.get_node("R1").base_head == pytest.approx(346.0)


def test_villages_draw_where_the_pipe_passes_and_the_day_adds_up():
    villages = points(
        [(500, 40), (1000, 10), (500, 45), (9000, 4000)],
        code=["v1", "v2", "v3", "v4"], demand_m3d=[50.0, 80.0, 20.0, 5.0],
    )  # fmt: skip
    system = from_lines(lines([[(0, 0), (1000, 0)]]), demands=villages)
    assert [p.row for p in system.problems] == ["v4"]
    assert sorted(system.labels.query("kind == 'demand'")["code"]) == ["v1;v3", "v2"]
    run = system.simulate()
    drawn = run.demand[system.labels.query("kind == 'demand'").index].iloc[:24].mean().sum()
    assert drawn * 86400 == pytest.approx(150.0, rel=1e-4)
    # the loss of a single pipe by hand, at the peak hour
    from qianwan_gis.services._water import hydraulics

    rules = hydraulics.Rules.read(NORMS)
    peak = rules["demand.hour_factor"] / 86400
    by_hand = sum(
        float(hydraulics.headloss(q * peak, 0.11, 500.0, rules.roughness)) for q in (150.0, 80.0)
    )
    assert 160.0 - run.head["N2"].min() == pytest.approx(by_hand, abs=1e-3)


def test_every_fault_of_the_lines_is_told_at_once():
    table = lines([[(0, 0), (10, 0)], [(0, 0), (0, 10)]], [110, -5])
    more = gpd.GeoDataFrame(
        {"diameter_mm": [90, "?"]},
        geometry=[shapely.Point(0, 0), None],
        crs=CRS,
        index=["L2", "L3"],
    )
    table = pd.concat([table, more])
    with pytest.raises(DataError) as error:
        from_lines(table, demands=points([(0, 0)], code=["v"], demand_m3d=[-1.0]), tolerance=1.0)
    codes = sorted(p.code for p in error.value.problems)
    assert codes == [
        "bad_demand", "bad_diameter", "bad_diameter", "empty_geometry", "not_a_line"
    ]  # fmt: skip


def test_lines_without_a_crs_or_height_or_source_are_errors():
    plain = lines([[(0, 0), (10, 0)]])
    with pytest.raises(DataError, match="坐标系"):
        from_lines(plain.set_crs(None, allow_override=True))
    with pytest.raises(DataError, match="没有高程"):
        from_lines(plain, terrain=None)
    hole = Terrain.from_array(
        np.full((100, 100), -9999.0), Affine(100, 0, -1000, 0, -100, 5000), CRS, nodata=-9999.0
    )
    with pytest.raises(DataError, match="无数据"):
        from_lines(plain, terrain=hole)
    with pytest.raises(DataError, match="水源"):
        from_lines(plain, sources=points([(50_000, 0)], head_m=[1.0]))


def test_heights_may_come_with_the_lines():
    table = lines([[(0, 0, 100), (1000, 0, 90)]])
    system = from_lines(table, terrain=None)
    assert system.simulate().pressure["N2"].iloc[0] == pytest.approx(70.0, abs=1e-3)


# ---------------------------------------------------------------- broken pipes


def tree_and_ring(ring):
    shapes = [[(0, 0), (1000, 0)], [(1000, 0), (2000, 0)], [(1000, 0), (1000, 1000)]]
    if ring:
        shapes.append([(2000, 0), (1000, 1000)])
    villages = points([(2000, 0), (1000, 1000)], code=["east", "north"], demand_m3d=[100.0, 100.0])
    return from_lines(lines(shapes, [160] * len(shapes)), demands=villages)


def test_in_a_tree_the_village_beyond_the_break_is_cut_off():
    system = tree_and_ring(ring=False)
    found = system.break_pipe("P2").nodes.set_index("code")
    assert found["verdict"].to_dict() == {"east": "cut_off", "north": "ok"}
    assert found.loc["east", "supplied_m3s"] == 0.0
    assert found.loc["north", "share"] == pytest.approx(1.0)
    everything = system.break_pipe("P1")
    assert set(everything.affected["code"]) == {"east", "north"}


def test_in_a_ring_nobody_is_cut_off():
    found = tree_and_ring(ring=True).break_pipe("P2").nodes
    assert set(found["verdict"]) == {"ok"}


def test_a_burst_takes_water_from_those_behind_it():
    system = tree_and_ring(ring=False)
    before = system._inp_bytes()
    small = system.break_pipe("P2", mode="open", hole_m=0.02)
    large = system.break_pipe("P2", mode="open")
    # an orifice of 20 mm under 50 to 60 m: Q = 0.75 A sqrt(2 g h)
    area = np.pi / 4 * 0.02**2
    low, high = (0.75 * area * np.sqrt(2 * 9.81 * h) for h in (50.0, 60.0))
    assert low < small.leak_m3s < high
    assert large.leak_m3s > small.leak_m3s
    found = large.nodes.set_index("code")
    assert found["verdict"].to_dict() == {"east": "reduced", "north": "ok"}
    assert found.loc["east", "share"] < 0.5
    # below the required pressure the supply falls with its square root
    assert (
        found.loc["north", "pressure_m"] < small.nodes.set_index("code").loc["north", "pressure_m"]
    )
    assert system._inp_bytes() == before  # the network itself is as it was


def test_unknown_pipes_and_modes_are_usage_errors():
    system = tree_and_ring(ring=False)
    for call in (
        lambda: system.break_pipe("nothing"),
        lambda: system.break_pipe("P1", mode="half"),
        lambda: system.break_pipe("P1", mode="open", hole_m=9.0),
    ):
        with pytest.raises(UsageError):
            call()


def test_breaks_in_a_published_network(examples):
    system = read_inp(examples / "Net1.inp")
    # every pipe of Net1 but the one from the pump lies in a ring or ends at the tank
    found = {pipe: len(system.break_pipe(pipe, required_m=5.0).affected)
             for pipe in ("11", "21", "113")}  # fmt: skip
    assert found == {"11": 0, "21": 0, "113": 0}


def test_tables_of_a_run(examples):
    run = read_inp(examples / "Net1.inp").simulate()
    assert isinstance(run.nodes, pd.DataFrame)
    assert (run.nodes["pressure_max_m"] >= run.nodes["pressure_min_m"]).all()
    # loss over pipe 10 is the difference of its ends' heads
    assert run.headloss["10"].iloc[0] == pytest.approx(
        run.head["10"].iloc[0] - run.head["11"].iloc[0]
    )
    assert run.headloss["9"].iloc[0] < 0  # the pump lifts
