"""A province's OSM extract read into a network: time and memory.

    python benchmarks/osm.py [--size county|province] [--buildings N]

Writes an extract once (kept in the temporary folder): the roads of the made-up network of
``benchmarks/network.py`` with classes, surfaces, one-ways, bridges, tunnels, speeds and access tags,
a bend in every road, and buildings, which a reader of roads must get past. Then reads it in a fresh
process and compares what was read with what was written.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import results
from engines import cases

CLASSES = ("track", "unclassified", "residential", "tertiary", "secondary", "primary", "trunk")
SURFACES = ("", "asphalt", "concrete", "gravel", "dirt", "unpaved")


def write(case: cases.Case, path: Path, buildings: int) -> dict[str, float]:
    """Write the case as a PBF; what is in it, for comparison."""
    import osmium
    import pyproj
    from osmium.osm.mutable import Node, Way

    rng = np.random.default_rng(5)
    source, target = case.source, case.target
    both = case.matrix.astype(bool).multiply(case.matrix.T.astype(bool)).tocsr()
    two_way = np.asarray(both[source, target]).ravel()
    kept = ~two_way | (source < target)
    u, v, oneway = source[kept], target[kept], ~two_way[kept]
    kph = np.hypot(case.x[u] - case.x[v], case.y[u] - case.y[v]) / case.seconds[kept] * 3.6
    road_class = np.searchsorted([8, 18, 28, 45, 60, 80], kph)
    surface = np.where(road_class > 3, 1, rng.integers(0, len(SURFACES), len(u)))
    n, bent = len(case.x), len(u)
    x = np.r_[case.x, (case.x[u] + case.x[v]) / 2 + rng.uniform(-20, 20, bent)] + 400_000.0
    y = np.r_[case.y, (case.y[u] + case.y[v]) / 2 + rng.uniform(-20, 20, bent)] + 3_600_000.0
    lon, lat = pyproj.Transformer.from_crs(cases.CRS, "EPSG:4326", always_xy=True).transform(x, y)
    corner = np.array([[0, 0], [0, 2e-4], [2e-4, 2e-4], [2e-4, 0]])
    house = rng.uniform([lon.min(), lat.min()], [lon.max(), lat.max()], (buildings, 2))
    house = np.repeat(house, 4, axis=0) + np.tile(corner, (buildings, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name("part.osm.pbf")
    part.unlink(missing_ok=True)
    with osmium.SimpleWriter(str(part)) as out:
        for number, place in enumerate(zip(lon.tolist(), lat.tolist(), strict=True), 1):
            out.add_node(Node(id=number, location=place))
        for number, place in enumerate(house.tolist(), len(lon) + 1):
            out.add_node(Node(id=number, location=place))
        for e in range(bent):
            tags = {"highway": CLASSES[road_class[e]], "maxspeed": str(round(float(kph[e])))}
            if surface[e]:
                tags["surface"] = SURFACES[surface[e]]
            if oneway[e]:
                tags["oneway"] = "yes"
            if e % 97 == 0:
                tags["bridge" if e % 2 else "tunnel"] = "yes"
            if e % 211 == 0:
                tags["access"] = "private"
            if road_class[e] > 3:
                tags["name"], tags["ref"] = f"路{e % 5000}", f"S{e % 900}"
            out.add_way(Way(id=e + 1, nodes=[int(u[e]) + 1, n + e + 1, int(v[e]) + 1], tags=tags))
        for b in range(buildings):
            first = len(lon) + 4 * b + 1
            ring = [first, first + 1, first + 2, first + 3, first]
            out.add_way(Way(id=bent + b + 1, nodes=ring, tags={"building": "yes"}))
    part.replace(path)
    made = {"nodes": n, "edges": bent, "oneway": int(oneway.sum()), "bridges": -(-bent // 97)}
    path.with_suffix(".json").write_text(json.dumps(made))
    return made


def read(path: Path) -> None:
    """In a process of its own: read, say what it took."""
    from qianwan_gis.network import RoadNetwork

    before = results.peak_mb()
    begin = time.perf_counter()
    net = RoadNetwork.from_osm(path, crs=cases.CRS)
    seconds = time.perf_counter() - begin
    peak = results.peak_mb()
    car = net.seconds["car"]
    structures = net.attributes["bridge"].to_numpy() | net.attributes["tunnel"].to_numpy()
    told = {
        "seconds": seconds, "peak_mb": peak, "imports_mb": before, "nodes": len(net.x),
        "edges": len(net.u), "bridges": int(structures.sum()),
        "oneway": int((np.isinf(car.backward) & np.isfinite(net.seconds["walk"].backward)).sum()),
        "metres": float(net.metres.sum()),
    }  # fmt: skip
    print(json.dumps(told))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip
    parser.add_argument("--size", choices=("county", "province"), default="province")
    parser.add_argument("--buildings", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path, default=results.RESULTS)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.read:
        read(args.read)
        return
    buildings = args.buildings if args.size == "province" else args.buildings // 40
    path = results.ROOM / f"{args.size}_{buildings}.osm.pbf"
    if not path.is_file():
        begin = time.perf_counter()
        write(cases.make(args.size), path, buildings)
        print(f"extract written in {time.perf_counter() - begin:.0f} s")
    made = json.loads(path.with_suffix(".json").read_text())
    command = [sys.executable, __file__, "--read", str(path)]
    told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    told |= {"file_mb": path.stat().st_size / 2**20, "buildings": buildings}
    print(
        f"{args.size}: file {told['file_mb']:.0f} MB, {made['edges']:,} roads, {buildings:,} buildings"
    )
    print(f"  {told['seconds']:.1f} s, peak {told['peak_mb']:.0f} MB "
          f"({told['imports_mb']:.0f} MB before reading)")  # fmt: skip
    for name in ("nodes", "edges", "bridges"):
        print(f"  {name}: written {made[name]:,}, read {told[name]:,}")
        told[f"{name}_written"] = made[name]
    results.merge(args.json, "osm", {args.size: told}, ["osmium"])


if __name__ == "__main__":
    main()
