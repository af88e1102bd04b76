"""Search engines side by side on made-up road networks.

    python benchmarks/network.py county                       # 54 thousand nodes, every engine
    python benchmarks/network.py province --tasks a,b         # 2.2 million nodes
    python benchmarks/network.py country --engines ours,scipy,bfs

Every engine has a process of its own. They take turns, again and again, so that a slow spell of the
machine meets them alike; the figure is the lower quartile of the repeats. Preparation (graph object,
ordering, contraction, hierarchy) is measured apart, from a CSR graph in memory. Slow engines do a
share of the sources and are scaled, which the page says, or end when a task takes longer than
``--within``. Answers are compared with scipy's. The figures go to ``outputs/benchmarks.json``, where
those measured before stay; `page.py` makes the page of the documentation from it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import results
from engines import cases, libraries, measure

#: What fits the memory and the patience at the size of a country.
COUNTRY = ("ours", "scipy", "bfs", "core")
COUNTRY_TASKS = ("a", "b", "paths")


def run(
    size: str, engines: list[str], tasks: list[str], json: Path, *, within: float, repeats: int = 0
) -> None:
    """Measure one size and keep the figures; ours and scipy are always there to compare with."""
    asked = [n for n in libraries.ENGINES if n in engines or n in ("ours", "scipy")]
    found = measure.run(size, asked, tasks, within=within, repeats=repeats)
    kept = results.read(json).get("network", {}).get(size, {})
    before = kept.get("engines", {})
    for name, figures in found["engines"].items():
        found["engines"][name] = {**before.get(name, {}), **figures}
    found = {**kept, **found, "engines": {**before, **found["engines"]}}
    packages = [libraries.PACKAGES[n] for n in asked if n in libraries.PACKAGES]
    results.merge(json, "network", {size: found}, ["numpy", "numba", *packages])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip
    parser.add_argument("size", choices=cases.SIZES)
    parser.add_argument("--engines", default="", help="comma separated: " + ", ".join(libraries.ENGINES))  # fmt: skip
    parser.add_argument(
        "--tasks", default="", help="all; at country size " + ",".join(COUNTRY_TASKS)
    )
    parser.add_argument("--repeats", type=int, default=0, help="0: 21 at county size, then 9 and 3")
    parser.add_argument("--within", type=float, default=300.0, help="seconds for one task")
    parser.add_argument("--json", type=Path, default=results.RESULTS)
    args = parser.parse_args()
    every = COUNTRY if args.size == "country" else tuple(libraries.ENGINES)
    engines = args.engines.split(",") if args.engines else [*every]
    usual = COUNTRY_TASKS if args.size == "country" else libraries.TASKS
    tasks = args.tasks.split(",") if args.tasks else [*usual]
    run(args.size, engines, tasks, args.json, within=args.within, repeats=args.repeats)


if __name__ == "__main__":
    main()
