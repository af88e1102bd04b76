"""Coverage of many made-up counties: one process against several, and Dask.

    python benchmarks/scale.py [--counties N] [--villages N] [--executors local,process,dask]
                               [--workers 1,2]

Makes the counties once (kept in the temporary folder), computes their coverage with each executor
and number of workers, checks that all results are the same bytes, and prints one line each. The
time is that of the whole call: hashing the inputs, starting the pool or the scheduler, importing the
toolkit in every worker, the tasks, and the merged file. Kernels are compiled (and kept on the disk)
before. A last line says what a restart costs when everything is done.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import results

from qianwan_gis import scale, synthetic


def counties(count: int, villages: int) -> list[Path]:
    """Folders of the counties, made when they are not there."""
    room = results.ROOM / f"counties_{count}_{villages}"
    if not room.is_dir():
        part = room.with_name(room.name + "_part")
        shutil.rmtree(part, ignore_errors=True)
        for county in synthetic.counties(count, villages=villages):
            county.write(part / county.adcode)
        part.rename(room)
    return sorted(room.iterdir())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip
    parser.add_argument("--counties", type=int, default=20)
    parser.add_argument("--villages", type=int, default=80)
    parser.add_argument("--executors", default="local,process,dask")
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--json", type=Path, default=results.RESULTS)
    args = parser.parse_args()
    folders = counties(args.counties, args.villages)
    found: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as room:
        place = Path(room)
        scale.coverage(folders[:1], place / "warm")  # kernels compiled and cached
        first: bytes | None = None
        out = place
        for executor in args.executors.split(","):
            runs: list[dict[str, float]] = []
            for workers in [1] if executor == "local" else map(int, args.workers.split(",")):
                out = place / f"{executor}{workers}"
                start = time.perf_counter()
                path = scale.coverage(folders, out, executor=executor, workers=workers)
                seconds = time.perf_counter() - start
                first = first or path.read_bytes()
                if path.read_bytes() != first:
                    raise SystemExit(f"{executor} with {workers} workers: other bytes")
                gain = runs[0]["seconds"] / seconds if runs else 1.0
                runs.append({"workers": workers, "seconds": seconds, "gain": gain})
                print(f"{executor:8s} {workers} workers {seconds:7.1f} s  {gain:4.2f}x  same bytes")
            found[executor] = {"runs": runs, "gain": runs[-1]["gain"]}
        start = time.perf_counter()
        scale.coverage(folders, out)
        again = time.perf_counter() - start
    print(f"restart with everything done: {again:.1f} s")
    found["about"] = {"counties": args.counties, "villages": args.villages, "again": again}
    results.merge(args.json, "scale", found, ["dask", "distributed"])


if __name__ == "__main__":
    main()
