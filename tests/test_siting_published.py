"""Published optima, from data that install with known packages or that a published rule makes.

* spopt's San Francisco case, school case and simulated streets (read from its wheel, or made by
  its own generator) with the figures of its notebooks and test suite.
* Set covering: Steiner triple systems A9 and A27 of OR-Library and MIPLIB (Fulkerson, Nemhauser and
  Trotter 1974), queens and knights (OEIS A075458, A006075), domination of grids (OEIS A104519;
  Goncalves et al. 2011), binary covering codes (Stanton and Kalbfleisch 1969; Cohen et al. 1997).
* p-center and p-median: the same codes; a perfect code is the best median set there can be.
"""

from __future__ import annotations

import importlib.util
import itertools
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qianwan_gis import siting


def spopt_data() -> Path:
    spec = importlib.util.find_spec("spopt")
    if spec is None or spec.origin is None:
        pytest.skip("spopt is not installed")
    return Path(spec.origin).parent / "tests" / "test_locate" / "data"


def san_francisco():
    table = pd.read_csv(
        spopt_data() / "SF_network_distance_candidateStore_16_censusTract_205_new.csv"
    )
    cost = table.pivot_table(values="distance", index="DestinationName", columns="name")
    demand = table.drop_duplicates("DestinationName").set_index("DestinationName")["demand"]
    return cost.to_numpy(), demand.loc[cost.index].to_numpy(float)


def test_san_francisco():
    cost, demand = san_francisco()
    assert cost.shape == (205, 16)
    cover = siting.lscp(cost, 5000.0)
    assert (cover.status, cover.objective) == ("optimal", 8)
    most = siting.mclp(cost, demand, 5000.0, 4)
    assert (most.allocation < 0).sum() == 21
    assert most.village_share == pytest.approx(0.89756097)  # 89.76 % of the tracts
    assert most.people_share == pytest.approx(0.9164, abs=5e-5)  # but 91.64 % of the people
    median = siting.p_median(cost, demand, 4, method="exact")
    assert median.objective == pytest.approx(2848268129.7145104, rel=1e-12)
    assert median.objective / demand.sum() == pytest.approx(2982.1268579890657)
    assert siting.p_center(cost, 4).objective == pytest.approx(7403.0638, abs=1e-4)
    backup = siting.lscp(cost, 5000.0, backup=True)
    # The stores that spopt's own LSCP-B opens. Its test suite prints 81.46 % with a second one in
    # reach; counted in the matrix they are 145 of 205 tracts, and no other eight give more.
    assert backup.sites.tolist() == [1, 2, 4, 6, 10, 11, 14, 15]
    within = cost <= 5000.0
    twice = [
        (within[:, s].sum(axis=1) >= 2).sum()
        for s in map(list, itertools.combinations(range(16), 8))
        if within[:, s].any(axis=1).all()
    ]
    assert (within[:, backup.sites].sum(axis=1) >= 2).sum() == max(twice) == 145
    assert siting.lscp(cost, 20.0).status == "infeasible"
    assert siting.mclp(cost, demand, 5000.0, 1000).status == "infeasible"


def simulated_streets():
    """Return clients and facilities of spopt's own tests, and the network distances."""
    spaghetti = pytest.importorskip("spaghetti")
    geopandas = pytest.importorskip("geopandas")
    from spopt.locate.util import simulated_geo_points

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lattice = spaghetti.regular_lattice((0, 0, 10, 10), 9, exterior=True)
        net = spaghetti.Network(in_data=lattice)
        lines = spaghetti.element_as_gdf(net, arcs=True)
        space = lines["geometry"].buffer(0.2).union_all()
        street = geopandas.GeoDataFrame(
            geopandas.GeoSeries(space), crs=lines.crs, columns=["geometry"]
        )
        found = []
        for name, needed, seed in (("clients", 100, 5), ("facilities", 5, 6)):
            points = simulated_geo_points(street, needed=needed, seed=seed)
            net.snapobservations(points, name, attribute=True)
            found.append(spaghetti.element_as_gdf(net, pp_name=name, snapped=True))
    return (*found, net.allneighbordistances(
        sourcepattern=net.pointpatterns["clients"], destpattern=net.pointpatterns["facilities"]))  # fmt: skip


def test_the_simulated_streets_of_spopt():
    clients, stores, cost = simulated_streets()
    assert cost.shape == (100, 5)
    straight = np.hypot(
        clients.geometry.x.to_numpy()[:, None] - stores.geometry.x.to_numpy(),
        clients.geometry.y.to_numpy()[:, None] - stores.geometry.y.to_numpy(),
    )
    center = siting.p_center(straight, 3, fixed=[3, 4])
    assert center.objective == pytest.approx(6.2520432, abs=1e-6)
    assert center.sites.tolist() == [2, 3, 4]
    assert siting.p_center(straight, 0).status == "infeasible"


# ---- made by a rule -------------------------------------------------------------------------


def affine_lines(n):
    """Return the Steiner triple system of the affine space of dimension n over three elements."""
    points = list(itertools.product(range(3), repeat=n))
    number = {point: i for i, point in enumerate(points)}
    third = [
        (number[a], number[b], number[tuple((-x - y) % 3 for x, y in zip(a, b, strict=True))])
        for a, b in itertools.combinations(points, 2)
    ]
    lines = sorted({tuple(sorted(t)) for t in third})
    cost = np.ones((len(lines), len(points)))
    for row, line in enumerate(lines):
        cost[row, list(line)] = 0.0
    return cost


@pytest.mark.parametrize(("n", "rows", "best"), [(2, 12, 5), (3, 117, 18)])
def test_steiner_triple_systems(n, rows, best):
    cost = affine_lines(n)
    assert len(cost) == rows
    made = siting.lscp(cost, 0.0)
    assert (made.objective, made.bound, made.status) == (best, best, "optimal")


def board(n):
    squares = np.array(list(itertools.product(range(n), repeat=2)))
    return np.abs(squares[:, None] - squares[None])


def test_queens_and_knights_that_guard_a_board():
    queens, knights = [], []
    for n in range(1, 9):
        d = board(n)
        line = (d == 0).any(axis=2) | (d[..., 0] == d[..., 1])
        queens.append(siting.lscp(np.where(line, 0.0, 1.0), 0.0).objective)
        leap = (np.sort(d, axis=2) == [1, 2]).all(axis=2) | (d == 0).all(axis=2)
        knights.append(siting.lscp(np.where(leap, 0.0, 1.0), 0.0).objective)
    assert queens == [1, 1, 1, 2, 3, 3, 4, 5]
    assert knights == [1, 4, 4, 4, 5, 8, 10, 12]


def test_domination_of_grids():
    found = [siting.lscp(board(n).sum(axis=2), 1.0).objective for n in range(2, 11)]
    assert found == [2, 3, 4, 7, 10, 12, 16, 20, 24]


def hamming(n):
    words = np.array(list(itertools.product(range(2), repeat=n)))
    return (words[:, None] != words[None]).sum(axis=2).astype(float)


@pytest.mark.parametrize(
    ("length", "radius", "words"),
    [(3, 1, 2), (4, 1, 4), (5, 1, 7), (6, 1, 12), (7, 1, 16), (5, 2, 2), (6, 2, 4), (7, 3, 2)],
)
def test_covering_codes(length, radius, words):
    cost = hamming(length)
    assert siting.lscp(cost, radius).objective == words
    center = siting.p_center(cost, words)
    assert (center.objective, center.status) == (radius, "optimal")
    assert siting.p_center(cost, words - 1, time_limit=None).objective > radius


def test_a_perfect_code_is_the_best_median_set():
    # 16 words of length 7 (Hamming 1950): every other word is one step away from exactly one.
    made = siting.p_median(hamming(7), np.ones(128), 16)
    assert (made.objective, made.status) == (128 - 16, "optimal")
    assert (np.bincount(made.allocation)[made.sites] == 8).all()
