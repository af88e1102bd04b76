"""Properties of the access scores: more never hurts, people are conserved, order does not matter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qianwan_gis import access

METHODS = ("2sfca", "e2sfca", "gaussian")
SEEDS = st.integers(0, 100_000)


def instance(seed, n=9, m=5):
    rng = np.random.default_rng(seed)
    cost = pd.DataFrame(
        [(f"o{i}", f"d{j}", float(rng.integers(0, 40))) for i in range(n) for j in range(m)
         if rng.random() < 0.8],
        columns=["origin", "destination", "cost"],
    )  # fmt: skip
    demand = pd.Series(rng.integers(0, 500, n).astype(float), index=[f"o{i}" for i in range(n)])
    supply = pd.Series(rng.integers(1, 20, m).astype(float), index=[f"d{j}" for j in range(m)])
    return cost, demand, supply, rng


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_a_facility_more_or_a_larger_one_lowers_nobodys_score(method, seed):
    cost, demand, supply, rng = instance(seed)
    before = access.fca(cost, demand, supply, 25.0, method=method)
    more = supply.copy()
    more.iloc[int(rng.integers(len(more)))] *= 3
    assert (access.fca(cost, demand, more, 25.0, method=method) >= before - 1e-12).all()
    fewer = access.fca(cost, demand, supply.iloc[:-1], 25.0, method=method)
    assert (before >= fewer - 1e-12).all()


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_a_wider_catchment_reaches_more(seed):
    cost, _, supply, _ = instance(seed)
    reached = [access.cumulative(cost, supply, limit) for limit in (5.0, 15.0, 40.0)]
    assert (reached[0] <= reached[1]).all()
    assert (reached[1] <= reached[2]).all()
    far = access.gravity(cost, supply, {10.0: 1.0, 20.0: 0.5})
    wide = access.gravity(cost, supply, {10.0: 1.0, 20.0: 0.5, 30.0: 0.2})
    assert (far <= wide).all()


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_order_of_rows_does_not_matter(seed):
    cost, demand, supply, rng = instance(seed)
    mixed = cost.sample(frac=1, random_state=int(rng.integers(1 << 30)))
    people, stock = demand.iloc[::-1], supply.sample(frac=1, random_state=1)
    for method in (*METHODS, "3sfca"):
        one = access.fca(cost, demand, supply, 25.0, method=method)
        two = access.fca(mixed, people, stock, 25.0, method=method)
        assert np.allclose(one, two.reindex(one.index), atol=1e-15, rtol=1e-12)
    if demand.gt(0).any():
        one = access.raam(cost, demand, supply, 20.0, tolerance=1e-9)
        two = access.raam(mixed, people, stock, 20.0, tolerance=1e-9)
        assert np.allclose(one, two.reindex(one.index), rtol=1e-4, equal_nan=True)
    score = access.fca(cost, demand, supply, 25.0)
    by = pd.Series(np.arange(len(demand)) % 3, index=demand.index).astype(str)
    one = access.equity(score, demand, by=by)
    two = access.equity(score.iloc[::-1], people, by=by.sample(frac=1, random_state=2))
    columns = ["mean", "gini", "palma", "worst_decile"]  # who straddles the tenth may be a tie
    assert np.allclose(one[columns], two.loc[one.index, columns], equal_nan=True)


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_gini_has_the_properties_of_a_gini(seed):
    rng = np.random.default_rng(seed)
    x = pd.Series(rng.random(8) * 10)
    w = pd.Series(rng.integers(1, 9, 8).astype(float))
    g = access.gini(x, w)
    assert 0 <= g < 1
    assert access.gini(x * 7.5, w) == pytest.approx(g)  # the unit does not matter
    spread = pd.Series(np.repeat(x.to_numpy(), w.astype(int)))  # people one by one
    assert access.gini(spread) == pytest.approx(g)
    assert access.gini(pd.Series([3.0] * 5)) == pytest.approx(0.0)
    rich, poor = int(x.argmax()), int(x.argmin())
    even = x.copy()
    gap = min(w[rich], w[poor]) * (x[rich] - x[poor]) / 4
    even[rich] -= gap / w[rich]
    even[poor] += gap / w[poor]
    assert access.gini(even, w) <= g + 1e-12  # from the best to the worst served
    assert access.worst_decile(x, w) <= (x * w).sum() / w.sum() + 1e-12


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_life_circles_grow_with_the_limit(seed):
    rng = np.random.default_rng(seed)
    codes = [f"v{i}" for i in range(6)]
    minutes = {
        name: pd.Series(np.where(rng.random(6) < 0.2, np.nan, rng.integers(0, 40, 6)), codes)
        for name in ("clinic", "school", "shop")
    }
    reached = [access.life_circle(minutes, limit)["reached"] for limit in (5, 15, 30)]
    assert (reached[0] <= reached[1]).all()
    assert (reached[1] <= reached[2]).all()
    fewer = access.life_circle({k: minutes[k] for k in ("clinic", "school")}, 15)
    assert (fewer["reached"] <= reached[1]).all()
    turned = access.life_circle({k: v.iloc[::-1] for k, v in reversed(minutes.items())}, 15)
    assert turned["reached"].equals(reached[1])
