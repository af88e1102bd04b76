"""Siting side by side with spopt 0.7 (BSD; `pip install spopt`): same instances, one run.

    python benchmarks/siting.py [--large]

Prints one line per problem: objective, gap and seconds of both. spopt needs PuLP's CBC.
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np

from qianwan_gis import siting


def plane(n: int, m: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return Euclidean costs between random places on a square of 1000 and random demand."""
    rng = np.random.default_rng(seed)
    a, b = rng.random((n, 2)) * 1000, rng.random((m, 2)) * 1000
    cost = np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1))
    return cost, rng.integers(1, 100, n).astype(float)


def timed(function, *arguments, **options):
    start = time.perf_counter()
    return function(*arguments, **options), time.perf_counter() - start


def theirs(problem: str, cost: np.ndarray, demand: np.ndarray, **options):
    """Solve with spopt; return objective and seconds."""
    import pulp
    from spopt.locate import LSCP, MCLP, PCenter, PMedian

    makers = {
        "lscp": lambda: LSCP.from_cost_matrix(cost, service_radius=options["radius"]),
        "mclp": lambda: MCLP.from_cost_matrix(
            cost, demand, service_radius=options["radius"], p_facilities=options["p"]
        ),
        "p_median": lambda: PMedian.from_cost_matrix(cost, demand, p_facilities=options["p"]),
        "p_center": lambda: PCenter.from_cost_matrix(cost, p_facilities=options["p"]),
    }
    start = time.perf_counter()
    solver = pulp.PULP_CBC_CMD(msg=False, timeLimit=120)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        solved = makers[problem]().solve(solver)
    return float(solved.problem.objective.value()), time.perf_counter() - start


def main() -> None:
    large = "--large" in sys.argv
    cases = [
        ("lscp", 300, 100, {"radius": 150.0}),
        ("mclp", 300, 100, {"radius": 120.0, "p": 8}),
        ("p_median", 150, 150, {"p": 15}),
        ("p_center", 100, 60, {"p": 8}),
        ("mclp", 2000, 500, {"radius": 50.0, "p": 20}),
        ("mclp", 2000, 500, {"radius": 80.0, "p": 20}),
        ("mclp", 2000, 500, {"radius": 120.0, "p": 20}),
        ("p_median", 900, 900, {"p": 90}),
        ("lscp", 2000, 500, {"radius": 120.0}),
        ("p_center", 2000, 500, {"p": 20}),
    ]
    print(f"{'problem':10} {'size':>10} {'ours':>14} {'gap':>8} {'s':>7} {'spopt':>14} {'s':>7}")
    for problem, n, m, options in cases:
        cost, demand = plane(n, m, 1)
        arguments = {
            "lscp": (cost, options.get("radius")),
            "mclp": (cost, demand, options.get("radius"), options.get("p")),
            "p_median": (cost, demand, options.get("p")),
            "p_center": (cost, options.get("p")),
        }[problem]
        made, ours = timed(getattr(siting, problem), *arguments)
        line = f"{problem:10} {f'{n}x{m}':>10} {made.objective:14.2f} {made.gap:8.5f} {ours:7.2f}"
        if n * m <= 30_000 or large:
            value, seconds = theirs(problem, cost, demand, **options)
            line += f" {value:14.2f} {seconds:7.2f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
