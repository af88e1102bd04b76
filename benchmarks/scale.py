"""Coverage of many made-up counties: one process against several, and Dask.

    python benchmarks/scale.py [--counties N] [--villages N] [--executors local,process,dask] [--workers 1,2]

Makes the counties in a temporary folder, computes their coverage with each executor and number of
workers (start-up of pool or scheduler counted), checks that all results are the same bytes, and
prints one line each. A last line shows what a restart costs when everything is done.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from qianwan_gis import scale, synthetic


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--counties", type=int, default=8)
    parser.add_argument("--villages", type=int, default=300)
    parser.add_argument("--executors", default="local,process,dask")
    parser.add_argument("--workers", default="1,2")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as room:
        place = Path(room)
        start = time.perf_counter()
        folders = [
            county.write(place / "counties" / county.adcode)
            for county in synthetic.counties(args.counties, villages=args.villages)
        ]
        print(f"{args.counties} counties made in {time.perf_counter() - start:.1f} s")
        scale.coverage(folders[:1], place / "warm")  # kernels compiled and cached
        first: bytes | None = None
        base: float | None = None
        out = place / "none"
        for executor in args.executors.split(","):
            for workers in [1] if executor == "local" else map(int, args.workers.split(",")):
                out = place / f"{executor}{workers}"
                start = time.perf_counter()
                path = scale.coverage(folders, out, executor=executor, workers=workers)
                seconds = time.perf_counter() - start
                data = path.read_bytes()
                first, base = first or data, base or seconds
                same = "same bytes" if data == first else "DIFFERENT BYTES"
                print(
                    f"{executor:8s} {workers} workers {seconds:7.1f} s  {base / seconds:4.2f}x  {same}"
                )
        start = time.perf_counter()
        scale.coverage(folders, out)
        print(f"restart with everything done: {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
