"""Siting side by side with spopt 0.7 (BSD; `pip install spopt`): same instances, one run.

    python benchmarks/siting.py [--large] [--only NAME]

Prints one line per problem: objective, proven bound, gap, method and seconds of ours; objective and
seconds of spopt (PuLP's CBC, 120 s at most), whose status is not shown because it has no bound.
``--large`` lets spopt try the large ones too. ``p_median*`` is the heuristic alone.
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np

from qianwan_gis import siting

#: Problem, rows, sites, options; the seed is 1 throughout.
CASES = [
    ("lscp", 300, 100, {"radius": 150.0}),
    ("mclp", 300, 100, {"radius": 120.0, "p": 8}),
    ("p_median", 150, 150, {"p": 15}),
    ("p_center", 100, 60, {"p": 8}),
    ("mclp", 2000, 500, {"radius": 50.0, "p": 20}),
    ("mclp", 2000, 500, {"radius": 80.0, "p": 20}),
    ("mclp", 2000, 500, {"radius": 120.0, "p": 20}),
    ("p_median", 900, 900, {"p": 90}),
    ("p_median*", 2000, 500, {"p": 20}),
    ("p_median", 2000, 500, {"p": 20}),
    ("p_median*", 5000, 2000, {"p": 100}),
    ("lscp", 2000, 500, {"radius": 120.0}),
    ("p_center", 2000, 500, {"p": 20}),
]


def plane(n: int, m: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return Euclidean costs between random places on a square of 1000 and random demand."""
    rng = np.random.default_rng(seed)
    a, b = rng.random((n, 2)) * 1000, rng.random((m, 2)) * 1000
    cost = np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1))
    return cost, rng.integers(1, 100, n).astype(float)


def timed(function, *arguments, **options):
    start = time.perf_counter()
    return function(*arguments, **options), time.perf_counter() - start


def ours(problem: str, cost: np.ndarray, demand: np.ndarray, options: dict):
    """Solve with this package; return the answer and seconds."""
    if problem == "lscp":
        return timed(siting.lscp, cost, options["radius"])
    if problem == "mclp":
        return timed(siting.mclp, cost, demand, options["radius"], options["p"])
    if problem == "p_center":
        return timed(siting.p_center, cost, options["p"])
    method = "heuristic" if problem.endswith("*") else "auto"
    return timed(siting.p_median, cost, demand, options["p"], method=method)


def theirs(problem: str, cost: np.ndarray, demand: np.ndarray, options: dict):
    """Solve with spopt; return objective (nan without an answer) and seconds."""
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
        try:
            solved = makers[problem.rstrip("*")]().solve(solver)
            value = float(solved.problem.objective.value())
        except (RuntimeError, TypeError):  # nothing found within its time
            value = float("nan")
    return value, time.perf_counter() - start


def main() -> None:
    large = "--large" in sys.argv
    only = sys.argv[sys.argv.index("--only") + 1] if "--only" in sys.argv else ""
    warm, weight = plane(40, 30, 0)  # numba compiles or loads its kernels: not measured
    siting.p_median(warm, weight, 3)
    siting.p_center(warm, 3)
    print(f"{'problem':10} {'size':>10} {'ours':>14} {'bound':>14} {'gap':>8} {'method':>12} "
          f"{'s':>7} {'spopt':>14} {'s':>7}")  # fmt: skip
    for problem, n, m, options in CASES:
        if only and problem != only:
            continue
        cost, demand = plane(n, m, 1)
        made, seconds = ours(problem, cost, demand, options)
        line = (f"{problem:10} {f'{n}x{m}':>10} {made.objective:14.2f} {made.bound:14.2f} "
                f"{made.gap:8.5f} {made.method:>12} {seconds:7.2f}")  # fmt: skip
        if n * m <= 30_000 or large:
            value, seconds = theirs(problem, cost, demand, options)
            line += f" {value:14.2f} {seconds:7.2f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
