"""Trees and sizes together: against every tree by force, and against the shortest tree."""

import itertools

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from qianwan_gis.services._water import bound, search, sizing, tree
from qianwan_gis.services._water.graph import Graph
from qianwan_gis.services._water.hydraulics import Rules, headloss
from qianwan_gis.standards import Standards

NORMS = Standards.load()
RULES = Rules.read(NORMS)
HEAD = 100.0


def drawn(seed, nodes=7, extra=4, relief=60.0):
    """A small road graph with heights: node 0 is the works, every other node may be a village."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 4000, (nodes, 2))
    ground = rng.uniform(HEAD - 30.0 - relief, HEAD - 30.0 + relief / 2, nodes)
    ends = {(i, i + 1) for i in range(nodes - 1)}
    pairs = list(itertools.combinations(range(nodes), 2))
    while len(ends) < nodes - 1 + extra:
        ends.add(pairs[int(rng.integers(len(pairs)))])
    ends = sorted(ends)
    length = [float(np.hypot(*(xy[a] - xy[b]))) for a, b in ends]
    lines = [shapely.LineString([xy[a], xy[b]]) for a, b in ends]
    near = [[] for _ in range(nodes)]
    for e, (a, b) in enumerate(ends):
        near[a].append((b, length[e], e))
        near[b].append((a, length[e], e))
    top = [float(max(ground[a], ground[b])) for a, b in ends]
    climb = [float(abs(ground[a] - ground[b])) for a, b in ends]
    graph = Graph(ends, length, lines, [False] * len(ends), np.empty(0), near, top, climb)
    villages = sorted(
        rng.choice(np.arange(1, nodes), size=min(5, nodes - 1), replace=False).tolist()
    )
    demand = {v: float(rng.uniform(20.0, 600.0)) for v in villages}
    return graph, demand, ground


def laid(graph, edges, demand, ground):
    order, parent = tree.rooted(graph, edges, 0)
    number = {n: i for i, n in enumerate(order)}
    n = len(order)
    length = np.array([0.0, *(graph.length[parent[v][1]] for v in order[1:])])
    z = ground[order]
    up = np.array([-1, *(number[parent[v][0]] for v in order[1:])])
    low = np.array([z[0], *(min(z[i], z[up[i]]) for i in range(1, n))])
    village = np.array([v in demand for v in order])
    need = np.where(village, RULES["head.service_m"], 0.0)
    wants = np.array([demand.get(v, 0.0) for v in order]) / 86_400.0 * RULES["demand.hour_factor"]
    return sizing.Tree(up, length, z, low, need, ((),) * n, wants, village, HEAD, HEAD + 3.0)


def cost_of(graph, edges, demand, ground, gap=1e-4):
    return sizing.size(laid(graph, edges, demand, ground), RULES, time_limit=None, gap=gap)


def trees(graph, demand):
    """Every tree that joins the villages to the works and has no loose end."""
    for count in range(1, len(graph.near)):
        for chosen in itertools.combinations(range(len(graph.ends)), count):
            nodes = {n for e in chosen for n in graph.ends[e]}
            if len(nodes) != count + 1 or not ({0, *demand} <= nodes):
                continue
            degree = np.bincount([n for e in chosen for n in graph.ends[e]], minlength=99)
            if any(degree[n] == 1 and n not in demand and n != 0 for n in nodes):
                continue
            if len(tree.rooted(graph, set(chosen), 0)[0]) == count + 1:
                yield set(chosen)


def found_by(graph, demand, ground, gap=1e-4):
    start, owner = tree.grow(
        graph, [0], sorted(demand), [None] * len(demand),
        np.array([demand[v] for v in sorted(demand)]), np.array([np.inf]), 1e9,
    )  # fmt: skip
    assert len(owner) == len(demand)

    def size(edges, rough):
        one = laid(graph, edges, demand, ground)
        return one, sizing.size(one, RULES, time_limit=None, gap=rough)

    return start[0], search.best(graph, start[0], 0, demand, HEAD, RULES, size, gap)


@pytest.mark.parametrize("seed", range(8))
def test_the_bound_holds_for_every_tree_and_the_search_is_within_it(seed):
    graph, demand, ground = drawn(seed)
    wanted = {v: float(ground[v] + RULES["head.service_m"]) for v in demand}
    least = bound.tree_bound(graph, 0, demand, wanted, HEAD, RULES)
    costs = [d.cost for e in trees(graph, demand)
             if (d := cost_of(graph, e, demand, ground, gap=1e-3)) is not None]  # fmt: skip
    start, found = found_by(graph, demand, ground)
    assert found.design is not None
    assert 0.0 < least <= min(costs) * (1 + 1e-9)
    # sized to 0.1 % and 0.01 %: no cheaper than the cheapest, and close to it
    assert min(costs) * (1 - 2e-3) <= found.design.cost <= min(costs) * 1.05
    shortest = tree.candidates(graph, start, 0, set(demand))[0]
    alone = cost_of(graph, shortest, demand, ground)
    assert alone is None or found.design.cost <= alone.cost * (1 + 2e-4)


def test_a_longer_way_round_a_hill_is_taken_where_pumping_costs_more():
    # the straight way climbs 100 m; the way round is 20 % longer and level
    ends = [(0, 1), (1, 2), (0, 3), (3, 2)]
    xy = np.array([[0, 0], [2000, 0], [4000, 0], [2000, 1327]], float)
    ground = np.array([60.0, 190.0, 60.0, 60.0])
    length = [float(np.hypot(*(xy[a] - xy[b]))) for a, b in ends]
    lines = [shapely.LineString([xy[a], xy[b]]) for a, b in ends]
    near = [[] for _ in range(4)]
    for e, (a, b) in enumerate(ends):
        near[a].append((b, length[e], e))
        near[b].append((a, length[e], e))
    graph = Graph(
        ends, length, lines, [False] * 4, np.empty(0), near,
        [float(max(ground[a], ground[b])) for a, b in ends],
        [float(abs(ground[a] - ground[b])) for a, b in ends],
    )  # fmt: skip
    _, found = found_by(graph, {2: 500.0}, ground)
    assert found.edges == {2, 3}
    assert found.design.lift.max() == 0.0


def test_one_village_on_one_road_is_bounded_by_its_own_pipe():
    graph, _, ground = drawn(0, nodes=2, extra=0, relief=0.0)
    wanted = {1: float(ground[1] + RULES["head.service_m"])}
    least = bound.tree_bound(graph, 0, {1: 500.0}, wanted, HEAD, RULES)
    design = cost_of(graph, {0}, {1: 500.0}, ground)
    pipes = float((RULES.pipe_metre[design.size[1:]] * graph.length[0]).sum())
    assert least <= design.cost * (1 + 1e-9)
    assert least >= pipes * 0.5


@settings(max_examples=60, deadline=None)
@given(st.floats(1e-4, 0.2), st.floats(0.0, 1.0), st.integers(0, 10), st.floats(0.0, 1.0))
def test_no_pipe_is_cheaper_than_its_price_with_losses(flow, theta, size, share):
    price = float(RULES.lift_metre(1.0)) * theta
    least = float(bound.edge_price(np.array([flow]), RULES, price)[0])
    speed = flow / (np.pi / 4 * RULES.diameters[size] ** 2)
    loss = float(headloss(flow, RULES.diameters[size], 1.0, RULES.roughness))
    if speed <= RULES["pipe.max_velocity_ms"]:
        assert least <= RULES.pipe_metre[size] + price * flow * loss + 1e-9
    # it never falls with the flow: the hull rests on that
    less = float(bound.edge_price(np.array([flow * max(share, 1e-3)]), RULES, price)[0])
    assert less <= least + 1e-9


def test_the_bound_rises_with_the_price_of_pipes():
    graph, demand, ground = drawn(3)
    wanted = {v: float(ground[v] + RULES["head.service_m"]) for v in demand}
    prices = NORMS.value("water.cost.pipe_yuan_m")
    dear = Rules.read(NORMS.replace({"water.cost.pipe_yuan_m": [p * 2 for p in prices]}))
    low, high = (bound.tree_bound(graph, 0, demand, wanted, HEAD, r) for r in (RULES, dear))
    assert low < high <= 2 * low * (1 + 1e-9) + 1e6


def test_nothing_to_serve_costs_nothing():
    graph, _, _ = drawn(0)
    assert bound.tree_bound(graph, 0, {0: 10.0}, {0: 0.0}, HEAD, RULES) == 0.0
