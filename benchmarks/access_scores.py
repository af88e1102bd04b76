"""Access scores side by side with PySAL access 1.1 (BSD; `pip install access`): same input.

    python benchmarks/access_scores.py [origins] [destinations] [pairs per origin]

Prints seconds of both, the largest difference, and for RAAM the equilibrium residual: by how much
more than their best choice people pay on average, relative.
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np
import pandas as pd
from access import fca as pysal_fca
from access import raam as pysal_raam
from access import weights as pysal_weights

from qianwan_gis.services import access

E2 = {20: 1, 40: 0.68, 60: 0.22}
E3 = {10: 0.962, 20: 0.704, 30: 0.377, 60: 0.042}


def instance(n: int, m: int, k: int) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """Return the k nearest of m destinations for each of n origins on a square of 100."""
    rng = np.random.default_rng(1)
    a, b = rng.random((n, 2)) * 100, rng.random((m, 2)) * 100
    cost = np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1))
    near = np.sort(np.argsort(cost, axis=1)[:, :k], axis=1)
    origin = np.repeat(np.arange(n), k)
    table = pd.DataFrame(
        {"origin": origin, "destination": near.ravel(), "cost": cost[origin, near.ravel()]}
    )
    demand = pd.Series(rng.integers(1, 1000, n), index=pd.RangeIndex(n))
    return table, demand, pd.Series(rng.integers(1, 50, m).astype(float), index=pd.RangeIndex(m))


def best(function, *arguments, repeats: int = 7, **options):
    """Return the result and the least seconds of a few runs."""
    least = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        made = function(*arguments, **options)
        least = min(least, time.perf_counter() - start)
    return made, least


def main() -> None:
    n, m, k = (int(a) for a in (sys.argv[1:] + ["5000", "500", "200"][len(sys.argv) - 1 :])[:3])
    warnings.simplefilter("ignore")
    cost, demand, supply = instance(n, m, k)
    people = pd.DataFrame({"demand": demand}).rename_axis("geoid")
    stock = pd.DataFrame({"supply": supply}).rename_axis("geoid")
    pairs = cost.rename(columns={"destination": "dest"})
    print(f"{n} x {m}, {len(cost)} pairs")
    print(f"{'method':8} {'ours s':>9} {'pysal s':>9} {'ratio':>7} {'largest difference':>20}")
    for method, catchment, steps in (
        ("2sfca", 30.0, None),
        ("e2sfca", 60.0, E2),
        ("3sfca", 60.0, E3),
    ):
        function = pysal_fca.three_stage_fca if method == "3sfca" else pysal_fca.two_stage_fca
        decay = pysal_weights.step_fn(steps) if steps else None
        ours, a = best(access.fca, cost, demand, supply, catchment, method=method)
        options = {"demand_index": True, "supply_index": True, "weight_fn": decay}
        theirs, b = best(function, people, stock, pairs, catchment, **options)
        worst = float((ours.reindex(theirs.index) - theirs).abs().max())
        print(f"{method:8} {a:9.4f} {b:9.4f} {b / a:7.1f} {worst:20.2e}")
    access.raam(cost.head(10), demand, supply, 30.0)  # compile first
    theirs, residual, b = pysal_residual(people, stock, pairs, 150)
    print(f"raam     pysal, 150 cycles: residual {residual:.1e} in {b:.2f} s")
    for tolerance in (1e-3, 1e-4, 1e-5, 1e-7):
        ours, a = best(access.raam, cost, demand, supply, 30.0, tolerance=tolerance, repeats=1)
        apart = (ours / theirs.reindex(ours.index) - 1).abs()
        print(
            f"raam     {a:9.4f} {b:9.4f} {b / a:7.1f}   ours: residual {ours.attrs['gap']:.1e} in "
            f"{ours.attrs['sweeps']} sweeps; relative difference mean {apart.mean():.1e}, "
            f"largest {apart.max():.1e}"
        )


def pysal_residual(
    people: pd.DataFrame, stock: pd.DataFrame, pairs: pd.DataFrame, cycles: int, **options: float
) -> tuple[pd.Series, float, float]:
    """Run PySAL's RAAM and return its costs, its equilibrium residual and the seconds.

    The residual needs the flows, which PySAL keeps to itself: a profile hook reads them when its
    loop returns. It is the same measure as ours, over the same pairs.
    """
    kept: dict[str, np.ndarray] = {}

    def watch(frame, event, _):
        if event == "return" and frame.f_code is pysal_raam.iterate_raam.__code__:
            kept.update({k: frame.f_locals[k] for k in ("assignment", "supply", "travel")})

    start = time.perf_counter()
    sys.setprofile(watch)
    try:
        costs = pysal_raam.raam(people, stock, pairs, tau=30, max_cycles=cycles, **options)
    finally:
        sys.setprofile(None)
    seconds = time.perf_counter() - start
    flow = kept["assignment"]
    total = np.ma.filled(flow.sum(axis=0) / kept["supply"] + kept["travel"], np.inf)
    paid = np.where(flow > 0, flow * np.where(flow > 0, total, 0.0), 0.0).sum(axis=1)
    least = total.min(axis=1) * flow.sum(axis=1)
    return costs, float((paid - least).sum() / paid.sum()), seconds


def small(cycles: int = 20_000) -> None:
    """Compare with PySAL run until it moves no more, on an instance where that ends."""
    cost, demand, supply = instance(400, 40, 40)
    demand = demand * 1000  # PySAL moves whole people: many of them make its steps fine
    people = pd.DataFrame({"demand": demand}).rename_axis("geoid")
    stock = pd.DataFrame({"supply": supply}).rename_axis("geoid")
    pairs = cost.rename(columns={"destination": "dest"})
    theirs, residual, seconds = pysal_residual(people, stock, pairs, cycles, min_step=1e-4)
    ours, a = best(access.raam, cost, demand, supply, 30.0, tolerance=1e-8, repeats=1)
    apart = (ours / theirs.reindex(ours.index) - 1).abs()
    print(
        f"raam     400 x 40, pysal {cycles} cycles: residual {residual:.1e} in {seconds:.1f} s; ours "
        f"{ours.attrs['gap']:.1e} in {a:.2f} s; largest relative difference {apart.max():.1e}"
    )


if __name__ == "__main__":
    main()
    small()
