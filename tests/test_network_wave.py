"""The wave from all facilities in blocks and on threads, and what its arrays take."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse.csgraph import dijkstra

import qianwan_gis
from qianwan_gis.network import RoadNetwork, queries, spread

CRS = "EPSG:4547"
SETTINGS = settings(
    max_examples=80, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip


def street_grid(side, seed, *, bends=True):
    """Directed CSR graph of a grid with gaps, one-way streets and bends, in scattered order."""
    rng = np.random.default_rng(seed)
    number = np.arange(side * side).reshape(side, side)
    a = np.r_[number[:, :-1].ravel(), number[:-1].ravel()]
    b = np.r_[number[:, 1:].ravel(), number[1:].ravel()]
    keep = rng.random(a.size) > 0.2
    a, b = a[keep], b[keep]
    x, y = (g.ravel() * 400.0 for g in np.meshgrid(np.arange(side), np.arange(side)))
    if bends:
        bent = np.flatnonzero(rng.random(a.size) < 0.4)
        middle = x.size + np.arange(bent.size)
        x = np.r_[x, (x[a[bent]] + x[b[bent]]) / 2]
        y = np.r_[y, (y[a[bent]] + y[b[bent]]) / 2 + 9]
        end = b[bent].copy()
        b[bent] = middle
        a, b = np.r_[a, middle], np.r_[b, end]
    there = rng.integers(5, 90, a.size).astype(float)
    back = rng.integers(5, 90, a.size).astype(float)
    two = rng.random(a.size) > 0.05
    order = rng.permutation(x.size)  # scattered numbers: no order to lean on
    rank = np.argsort(order)
    u, v = rank[np.r_[a, b[two]]], rank[np.r_[b, a[two]]]
    m = sparse.csr_matrix((np.r_[there, back[two]], (u, v)), (x.size, x.size))
    m.sort_indices()
    return m, x[order], y[order]


def network_of(m, x, y):
    return RoadNetwork.from_csr(m.indptr, m.indices, m.data, x, y, CRS)


def truth(m, facilities):
    """Cost and first facility at that cost, of every node."""
    cost = np.atleast_2d(dijkstra(m.T.tocsr(), indices=facilities))
    best = cost.min(axis=0)
    return best, np.where(np.isfinite(best), cost.argmin(axis=0), -1)


def test_blocks_and_threads_equal_scipy():
    m, x, y = street_grid(190, 3)
    net = network_of(m, x, y)
    assert net.topology.cores >= 2 * spread._GROUP  # large enough for blocks
    rng = np.random.default_rng(1)
    facilities = rng.choice(len(x), 120, replace=False)
    best, label = truth(m, facilities)
    answers = [
        queries.nearest_nodes(net, facilities, None, "seconds", "car", threads=t) for t in (1, 2, 5)
    ]
    for cost, metres, number in answers:
        np.testing.assert_allclose(cost, best, rtol=0, atol=1e-9)
        assert (number == label).all()  # whole seconds: ties are met, and go to the first
        assert np.array_equal(metres, answers[0][1])
    one = net.nearest_paths(np.arange(0, len(x), 997), facilities)
    np.testing.assert_allclose(one["seconds"], best[::997][: len(one)], atol=1e-9)
    near, _, number = queries.nearest_nodes(net, facilities, 300.0, "seconds", "car")
    assert (np.isfinite(near) == (best <= 300)).all()
    assert (number[best > 300] == -1).all()


def test_metres_of_a_wave_are_those_of_its_ways():
    m, x, y = street_grid(60, 5)
    net = network_of(m, x, y)
    facilities = np.arange(0, len(x), 211)
    cost, metres, _ = queries.nearest_nodes(net, facilities, None, "seconds", "car")
    some = np.flatnonzero(np.isfinite(cost))[::173]
    ways = net.nearest_paths(some, facilities)
    np.testing.assert_allclose(metres[some], ways["metres"], rtol=1e-12)
    np.testing.assert_allclose(metres[some], ways.geometry.length, rtol=1e-9, atol=1e-9)


@SETTINGS
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(0, 3), st.booleans())
def test_small_blocks_equal_one_queue(seed, count, patience, bends):
    """Blocks of two nodes, many groups, and a search that gives up: always the same answer."""
    m, x, y = street_grid(7, seed, bends=bends)
    net = network_of(m, x, y)
    facilities = np.random.default_rng(seed).choice(len(x), count, replace=False)
    best, label = truth(m, facilities)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spread, "_BLOCK", 1)
        patch.setattr(spread, "_GROUP", 5)
        patch.setattr(spread, "_SPARSE", 10**9)
        patch.setattr(spread, "_PATIENCE", patience)
        cost, _, number = queries.nearest_nodes(net, facilities, None, "seconds", "car", threads=2)
    np.testing.assert_allclose(cost, best, rtol=0, atol=1e-9)
    assert (number == label).all()


def test_arcs_are_paired_without_loss():
    rng = np.random.default_rng(8)
    n = 40
    m = sparse.random(n, n, 0.15, format="csr", random_state=np.random.RandomState(4))
    m.data = rng.integers(1, 99, m.nnz).astype(float)
    m.sort_indices()
    net = network_of(m, rng.random(n) * 9e3, rng.random(n) * 9e3)
    times = net.seconds["car"]
    there, back = np.isfinite(times.forward), np.isfinite(times.backward)
    again = sparse.csr_matrix(
        (
            np.r_[times.forward[there], times.backward[back]],
            (np.r_[net.u[there], net.v[back]], np.r_[net.v[there], net.u[back]]),
        ),
        (n, n),
    )
    assert (again != m).nnz == 0
    pairs = set(zip(net.u.tolist(), net.v.tolist(), strict=True))
    assert not any(u != v and (v, u) in pairs for u, v in pairs)


def test_a_limit_met_at_a_node_ends_there():
    """The room for rounding widens what counts as reached, not the roads that are covered."""
    nodes = pd.DataFrame({"node": range(5), "x": np.arange(5) * 1000.0, "y": 0.0})
    edges = pd.DataFrame({"u": range(4), "v": range(1, 5), "seconds": 0.1, "metres": 1000.0})
    extra = pd.DataFrame({"u": [2], "v": [0], "seconds": [7.0], "metres": [5000.0]})
    for more in ([], [extra]):  # nodes inside a chain, and a junction at the limit
        net = RoadNetwork.from_edges(nodes, pd.concat([edges, *more], ignore_index=True), CRS)
        for limit in (0.1, 0.2, 0.1 + 0.2, 0.3):
            area = net.service_area([0], [limit], polygons=False).edges
            area = area[area["edge"] < 4]
            assert area["edge"].to_list() == list(range(round(limit * 10)))
            assert (area["from_fraction"] == 0).all()
            assert (area["to_fraction"] == 1).all()
    both = RoadNetwork.from_edges(nodes, edges, CRS).service_area(
        [0, 4], [0.2], merge=True, polygons=False
    )
    assert both.edges["metres"].sum() == 4000.0


def test_a_place_is_no_way_from_itself():
    """At equal cost the way along the chain is taken, not one round by a junction."""
    nodes = pd.DataFrame({"node": [0, 1], "x": [0.0, 1.0], "y": 0.0})
    edges = pd.DataFrame(
        {"u": [0, 0, 0], "v": [1, 0, 1], "seconds": 0.0, "metres": [1.0, 0.0, 0.0]}
    )
    net = RoadNetwork.from_edges(nodes, edges, CRS)
    assert net.od_matrix([1], [1])["metres"].to_list() == [0.0]
    assert net.nearest([1], [1])["metres"].to_list() == [0.0]
    assert net.nearest([1], [1], k=2)["metres"].to_list() == [0.0]
    assert net.nearest([0, 1], [1])["metres"][1] == 0.0


def test_weights_are_carried_to_the_k_nearest():
    m, x, y = street_grid(25, 9)
    net = network_of(m, x, y)
    times = net.seconds["car"]
    net = net.with_weights(np.minimum(times.forward, times.backward))  # the same both ways
    rng = np.random.default_rng(2)
    hills = rng.integers(0, 50, len(net.u)).astype(float)
    facilities = np.arange(0, len(x), 90)
    told = []
    got = net.nearest(
        np.arange(0, len(x), 31), facilities, k=3, carry={"hills": hills, "again": net.metres},
        progress=lambda done, total: told.append((done, total)), threads=2,
    )  # fmt: skip
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]
    np.testing.assert_allclose(got["again"], got["metres"], rtol=1e-12)
    plain = net.nearest(np.arange(0, len(x), 31), facilities, k=3)
    pd.testing.assert_frame_equal(got[plain.columns], plain)
    few = got.sample(40, random_state=1)
    ways = net.shortest_paths(few["origin"].to_numpy(), few["facility"].to_numpy())
    for way, (_, row) in zip(ways, few.iterrows(), strict=True):
        assert way.seconds == pytest.approx(row["seconds"])
        edges = np.where(way.edges < 0, -way.edges - 1, way.edges)
        if way.metres == pytest.approx(row["metres"]):  # the same of several equal ways
            assert hills[edges].sum() == pytest.approx(row["hills"])
    first = net.nearest(np.arange(0, len(x), 31), facilities, carry={"hills": hills})
    ranked = got[got["rank"] == 1].set_index("origin")
    same = first.set_index("origin").loc[ranked.index]
    alike = np.isclose(same["metres"], ranked["metres"], rtol=1e-12)
    assert alike.mean() > 0.9
    np.testing.assert_allclose(same["hills"][alike], ranked["hills"][alike], rtol=1e-12)


def test_long_work_tells_its_progress_and_can_be_stopped():
    m, x, y = street_grid(20, 4)
    net = network_of(m, x, y)
    ids = np.arange(len(x))

    class StoppedError(Exception):
        pass

    def stop(done, total):
        raise StoppedError

    for ask in (
        lambda p: net.nearest(ids[::3], ids[::20], progress=p),
        lambda p: net.nearest(ids, ids[::20], k=2, progress=p, threads=2),
        lambda p: net.od_matrix(ids[::3], ids[::5], progress=p, threads=2),
        lambda p: net.service_area(ids[::9], [60.0], polygons=False, progress=p, threads=1),
        lambda p: net.shortest_paths(ids[::7], ids[::7][::-1], progress=p, threads=2),
    ):
        told = []
        ask(lambda done, total, told=told: told.append((done, total)))
        assert told[-1][0] == told[-1][1] > 0
        with pytest.raises(StoppedError):
            ask(stop)


def held(*things):
    """Bytes of all arrays that objects hold, every buffer counted once."""
    seen, buffers = set(), {}

    def walk(thing):
        if id(thing) in seen:
            return
        seen.add(id(thing))
        if isinstance(thing, np.ndarray):
            base = thing
            while isinstance(base.base, np.ndarray):
                base = base.base
            kept = buffers.get(id(base), (base, 0))[1]
            buffers[id(base)] = (base, max(kept, thing.nbytes))
        elif isinstance(thing, dict):
            for value in thing.values():
                walk(value)
        elif isinstance(thing, list | tuple):
            for value in thing:
                walk(value)
        elif type(thing).__module__.startswith("qianwan_gis.network"):
            walk(vars(thing))

    walk(list(things))
    return sum(size for _, size in buffers.values())


def test_memory_is_what_the_documentation_states():
    m, x, y = street_grid(150, 6)
    net = network_of(m, x, y)
    n, e = len(x), len(net.u)
    facilities = np.arange(0, n, 500)
    queries.nearest_nodes(net, facilities, None, "seconds", "car", second=False)
    t = net.topology
    c, r = len(t.a), t.cores
    # the sum of "Memory" in docs/methods/network.md
    assert held(net) <= n * 44 + e * 33 + c * 52 + r * 4 + 4096
    net.nearest([0], facilities)
    assert held(net) <= n * 44 + e * 49 + c * 68 + r * 4 + 4096  # lengths


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux")
def test_peak_memory_of_a_first_answer_is_bounded():
    """Preparation and answer together, in a process of its own, above the arrays given."""
    code = """
import gc, numpy as np
from qianwan_gis.network import RoadNetwork, queries
side = 700
n = side * side
number = np.arange(n).reshape(side, side)
a = np.r_[number[:, :-1].ravel(), number[:-1].ravel()]
b = np.r_[number[:, 1:].ravel(), number[1:].ravel()]
from scipy import sparse
m = sparse.csr_matrix((np.r_[np.ones(a.size), np.ones(a.size)], (np.r_[a, b], np.r_[b, a])))
m.sort_indices()
x, y = (g.ravel() * 100.0 for g in np.meshgrid(np.arange(side), np.arange(side)))
ip, ad, w = m.indptr.astype(np.int64), m.indices, m.data
def ask(ip, ad, w, x, y, f):
    net = RoadNetwork.from_csr(ip, ad, w, x, y, "EPSG:4547")
    return net, queries.nearest_nodes(net, f, None, "seconds", "car", second=False, threads=2)
ask(np.array([0, 1, 2]), ad[:2] * 0 + [1, 0], w[:2], x[:2], y[:2], [0])
del number, a, b, m
gc.collect()
def now(key):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(s.split()[1]) for s in lines if s.startswith(key)) * 1024
open("/proc/self/clear_refs", "w").write("5")
before = now("VmRSS")
net, answer = ask(ip, ad, w, x, y, np.arange(0, n, 431))
print(n, len(net.u), now("VmHWM") - before)
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        cwd=Path(qianwan_gis.__file__).parents[1],
    )  # fmt: skip
    n, edges, peak = map(int, run.stdout.split())
    # every node of a full grid is a core node and every edge a chain: the dearest case
    assert peak <= 88 * n + 92 * edges + 8_000_000


def test_a_changed_kernel_is_compiled_anew_where_it_is_called(tmp_path):
    """numba watches only the file of a function itself, not of those that it calls."""
    copy = tmp_path / "qianwan_gis"
    shutil.copytree(
        Path(qianwan_gis.__file__).parent, copy,
        ignore=shutil.ignore_patterns("__pycache__", "data", "assets"),
    )  # fmt: skip
    code = """
import numpy as np
from qianwan_gis.network.kernels.spots import between
code = np.zeros(1, np.int32)
print(between((code, np.full(1, 8.0), np.full(1, 8.0)), 0, 0.25, 0, 0.75))
"""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def ask():
        run = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True,
            capture_output=True, text=True,
        )  # fmt: skip
        return float(run.stdout)

    assert ask() == 4.0
    index = sorted((tmp_path / "cache").rglob("spots.between*.nbi"))
    assert len(index) == 1
    stamp = index[0].stat().st_mtime_ns
    assert ask() == 4.0
    assert index[0].stat().st_mtime_ns == stamp  # nothing was compiled again
    other = copy / "network" / "kernels" / "order.py"
    other.write_text(other.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    assert ask() == 4.0
    assert index[0].stat().st_mtime_ns > stamp
