"""Every benchmark of the engine, one after another, then the page of the documentation.

    python benchmarks/all.py --date 2026-11-22 [--parts county,province,country,first,whole,osm,scale,run]

``county``, ``province`` and ``country`` set the search libraries side by side (`network.py`), ``first``
is the compiler (`first_call.py`), ``whole`` a province from end to end (`province.py`), ``osm`` reads an
extract, ``scale`` is many counties, ``run`` the command on the carried county.
Parts may be run on different days: figures measured before stay in ``outputs/benchmarks.json``, and the
page is made of all of them. Run it on an otherwise idle machine; libraries that are not installed are
left out, and said so on the page.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import results

HERE = Path(__file__).resolve().parent
PARTS = {
    "county": ("network.py", "county"),
    "province": ("network.py", "province"),
    "country": ("network.py", "country"),
    "first": ("first_call.py",),
    "whole": ("province.py",),
    "osm": ("osm.py",),
    "scale": ("scale.py",),
    "run": ("run.py",),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip
    parser.add_argument("--date", required=True, help="day of the measurement, ISO")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--json", type=Path, default=results.RESULTS)
    parser.add_argument("--docs", type=Path, help="page to write; docs/methods/benchmarks.md")
    args = parser.parse_args()
    chosen = args.parts.split(",")
    unknown = set(chosen) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}: there are {', '.join(PARTS)}")
    where = ["--json", str(args.json)]
    for part in chosen:
        begin = time.perf_counter()
        print(f"\n== {part}", flush=True)
        script, *rest = PARTS[part]
        subprocess.run([sys.executable, str(HERE / script), *rest, *where], check=True)
        print(f"== {part}: {(time.perf_counter() - begin) / 60:.1f} minutes", flush=True)
    page = [sys.executable, str(HERE / "page.py"), "--date", args.date, *where]
    subprocess.run([*page, *(["--docs", str(args.docs)] if args.docs else [])], check=True)


if __name__ == "__main__":
    main()
