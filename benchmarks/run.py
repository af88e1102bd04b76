"""`qianwan run` on the carried county, warm, as its user waits for it.

    python benchmarks/run.py [--key zezhou] [--repeats 5]

A fresh process each time, kernels and bytecode cached, all outputs written. Imports are what Python
itself counts for every module loaded on the way.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import results


def once(key: str, out: Path, *options: str) -> tuple[float, str]:
    """Seconds of one run, and what Python wrote beside it."""
    begin = time.perf_counter()
    run = subprocess.run(
        [sys.executable, *options, "-m", "qianwan_gis", "run", key, "--out", str(out)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return time.perf_counter() - begin, run.stderr


def imports(told: str) -> float:
    """Sum of what ``-X importtime`` says that each module took by itself, in seconds."""
    lines = [line for line in told.splitlines() if line.startswith("import time:")]
    return sum(int(line[12:].split("|")[0]) for line in lines if "self" not in line) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip
    parser.add_argument("--key", default="zezhou")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, default=results.RESULTS)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as room:
        out = Path(room) / args.key
        once(args.key, out)
        times = [once(args.key, out)[0] for _ in range(args.repeats)]
        loaded = imports(once(args.key, out, "-X", "importtime")[1])
        record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    found = {"seconds": min(times), "most": max(times), "imports": loaded, "steps": record["timing"]}  # fmt: skip
    print(f"run {args.key}: {min(times):.1f} to {max(times):.1f} s, imports {loaded:.1f} s of it")
    results.merge(args.json, "run", {args.key: found})


if __name__ == "__main__":
    main()
