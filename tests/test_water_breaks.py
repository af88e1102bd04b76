"""Failing pipes on designed and on published networks: who loses water, and that all of it runs."""

from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pytest

import qianwan_gis as qg
from qianwan_gis import synthetic
from qianwan_gis._errors import UsageError
from qianwan_gis.network import RoadNetwork
from qianwan_gis.services._water import system as system_module
from qianwan_gis.services._water.system import read_inp
from qianwan_gis.terrain import Terrain


@pytest.fixture(scope="module")
def examples():
    return Path(system_module._wntr().__file__).parent / "library" / "networks"


@pytest.fixture(scope="module", params=[2, 3])
def plan(request):
    county = synthetic.county(villages=12, seed=request.param)
    return qg.water.plan_water(
        county.villages, network=RoadNetwork.from_roads(county.roads),
        terrain=Terrain.from_array(*county.elevation), works=county.facilities,
    )  # fmt: skip


def behind(plan, pipe):
    """Villages that hang on a pipe, by the tree of the design."""
    for scheme in plan.schemes:
        if pipe in scheme.pipe:
            below = {scheme.pipe.index(pipe)}
            for v, u in enumerate(scheme.laid.tree.parent):
                if u in below:
                    below.add(v)
            taps = below & set(scheme.tap)
            return {str(plan.villages["code"].iloc[scheme.laid.terminal[v]]) for v in taps}
    return None


def test_every_pipe_of_a_design_can_fail_and_takes_those_behind_it(plan):
    table = plan.criticality()
    assert set(table["pipe"]) == set(plan.pipes["pipe"])
    assert "unknown" not in set(table["verdict"])
    people = plan.villages.set_index("code")["population"]
    checked = 0
    for row in table.itertuples():
        hit = set(row.codes.split(";")) - {""}
        assert row.villages == len(hit)
        assert row.people == people[sorted(hit)].sum()
        if (expected := behind(plan, row.pipe)) is not None:
            # in a tree those behind it are cut off, and nobody else loses anything
            assert hit == expected
            checked += 1
    assert checked == len(plan.pipes)
    assert table["people"].is_monotonic_decreasing
    assert set(table["system"]) == set(plan.systems["system"])


def test_every_pipe_of_a_design_can_burst(plan):
    # a burst upsets pumps and valves: these runs did not converge with EPANET's plain settings
    table = plan.criticality(mode="open")
    assert "unknown" not in set(table["verdict"])
    assert (table["verdict"] != "nobody").any()


@pytest.mark.parametrize(("name", "pipes"), [("Net1", None), ("Net2", None), ("Net3", 25)])
@pytest.mark.parametrize("mode", ["closed", "open", "leak"])
def test_every_pipe_of_the_published_networks_can_fail(examples, name, pipes, mode):
    system = read_inp(examples / f"{name}.inp")
    some = None if pipes is None else system.model.pipe_name_list[::5][:pipes]
    table = system.criticality(mode=mode, pipes=some)
    assert "unknown" not in set(table["verdict"])
    assert (table["short_m3d"] >= 0.0).all()
    if mode == "leak":  # a hole of a centimetre takes nobody's water in mains of 15 cm and more
        assert set(table["verdict"]) == {"nobody"}


@pytest.mark.parametrize("name", ["Net2", "Net3"])
def test_nodes_cut_off_are_those_without_a_way_to_a_source(examples, name):
    system = read_inp(examples / f"{name}.inp")
    model = system.model
    graph = nx.MultiGraph()
    graph.add_nodes_from(model.node_name_list)
    closed = []
    for key, link in model.links():
        if str(link.initial_status) == "Closed" and not any(
            getattr(p, "name", "") == key for _, c in model.controls() for p in c.requires()
        ):
            closed.append(key)
            continue
        graph.add_edge(link.start_node_name, link.end_node_name, key=key)
    sources = [*model.reservoir_name_list, *model.tank_name_list]
    for pipe in model.pipe_name_list[:12]:
        left = graph.copy()
        if pipe not in closed:
            link = model.get_link(pipe)
            left.remove_edge(link.start_node_name, link.end_node_name, key=pipe)
        fed = set().union(*(nx.node_connected_component(left, s) for s in sources))
        nodes = system.break_pipe(pipe).nodes
        assert set(nodes.index[nodes["verdict"] == "cut_off"]) == set(nodes.index) - fed


def test_a_leak_takes_what_an_orifice_takes_and_no_more(plan):
    pipe = plan.schemes[0].pipe[1]
    found = plan.system.break_pipe(pipe, mode="leak", hole_m=0.01)
    area = np.pi / 4.0 * 0.01**2
    head = (found.leak_m3s / (0.75 * area)) ** 2 / (2 * 9.81)
    static = plan.pipes.set_index("pipe").loc[pipe, "static_m"]
    assert 0.0 < head <= static + 1.0  # under no more than the water at rest
    wide = plan.system.break_pipe(pipe, mode="leak", hole_m=0.03)
    assert wide.leak_m3s > found.leak_m3s
    with pytest.raises(UsageError):
        plan.system.break_pipe(pipe, mode="leak", hole_m=5.0)


def test_a_broken_network_is_named_unknown_not_harmless(tmp_path):
    text = """[JUNCTIONS]
A 10 1
B 10 1
[PIPES]
P A B 100 100 130 0 Open
[OPTIONS]
Units LPS
Headloss H-W
Pattern 1
[PATTERNS]
1 1.0
[TIMES]
Duration 0
[END]
"""
    (tmp_path / "a.inp").write_text(text)
    # nothing supplies it: nobody had water, so nobody can lose it
    table = read_inp(tmp_path / "a.inp").criticality()
    assert table.loc[0, "nodes_lost"] == 2
    assert table.loc[0, "short_m3d"] == 0.0
    with pytest.raises(UsageError):
        read_inp(tmp_path / "a.inp").criticality(pipes=["nothing"])


def test_villages_that_share_a_node_are_both_named():
    from qianwan_gis.services._water.breaks import codes_of

    nodes = pd.DataFrame({"code": ["a;b", np.nan, "c", "b"]})
    assert codes_of(nodes) == ["a", "b", "c"]
