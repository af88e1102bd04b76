"""Water planning, measured: EPANET's published networks through our files, and plans of made-up counties.

Run: ``python benchmarks/water.py [villages ...]`` (default 40 100).
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import qianwan_gis as qg
from qianwan_gis.services._water.hydraulics import Rules
from qianwan_gis.services._water.system import _wntr


def published() -> None:
    """Heads of the example networks: EPANET on the original, EPANET on what we wrote."""
    folder = Path(_wntr().__file__).parent / "library" / "networks"
    print(f"{'network':8s} {'nodes':>6s} {'times':>6s} {'largest difference of head (m)':>32s}")
    for name in ("Net1", "Net2", "Net3", "Net6"):
        system = qg.water.read_inp(folder / f"{name}.inp")
        one = system.simulate().head
        with tempfile.TemporaryDirectory() as work:
            two = qg.water.read_inp(system.write_inp(Path(work) / "a.inp")).simulate().head
        worst = (one - two).abs().max().max()
        print(f"{name:8s} {one.shape[1]:6d} {one.shape[0]:6d} {worst:32.2e}")


def breaks() -> None:
    """Shut, burst and leak every pipe of the published networks."""
    folder = Path(_wntr().__file__).parent / "library" / "networks"
    for name in ("Net1", "Net2", "Net3"):
        system = qg.water.read_inp(folder / f"{name}.inp")
        for mode in ("closed", "open", "leak"):
            start = time.perf_counter()
            found = system.criticality(mode=mode)["verdict"].value_counts().to_dict()
            print(f"{name} {mode}: {found}, {time.perf_counter() - start:.1f} s")


def county(villages: int, seed: int = 1) -> None:
    """Plan a made-up county without a register; compare with single-village schemes everywhere."""
    made = qg.synthetic.county(villages=villages, seed=seed)
    network = qg.RoadNetwork.from_roads(made.roads)
    terrain = qg.Terrain.from_array(*made.elevation)
    start = time.perf_counter()
    plan = qg.water.plan_water(
        made.villages, network=network, terrain=terrain, works=made.facilities
    )
    seconds = time.perf_counter() - start
    rules = Rules.read(qg.Standards.load())
    alone = float(rules.single(plan.villages["demand_m3d"].to_numpy()).sum())
    limits = [p for p in plan.problems if p.level != "note"]
    served = plan.villages["status"].eq("works").sum()
    print(f"{villages} villages, seed {seed}: {seconds:.1f} s; {served} on {len(plan.systems)} works,"
          f" {plan.pipes['length_m'].sum() / 1000:.1f} km, {len(plan.stations)} pumps,"
          f" {len(plan.break_pressure_tanks)} break-pressure tanks, {len(plan.valves)} valves")  # fmt: skip
    print(
        f"  sizing gap at most {plan.systems['gap'].max():.2%}; out of limits in EPANET: {len(limits)}"
    )
    value, bound = plan.systems["present_value"].sum(), plan.systems["tree_bound"].sum()
    print(f"  networks {value / 1e6:.2f} M yuan, no tree below {bound / 1e6:.2f} M"
          f" ({1 - bound / value:.1%}); trees sized {plan.systems['trees_tried'].sum()}")  # fmt: skip
    print(f"  present value {plan.cost['total'] / 1e6:.2f} M yuan; "
          f"single-village schemes everywhere {alone / 1e6:.2f} M yuan")  # fmt: skip
    quick(made, network, terrain, value)


def quick(made: Any, network: qg.RoadNetwork, terrain: qg.Terrain, solved: float) -> None:
    """Make the quick plan of the same county, and compare it with the solved one."""
    start = time.perf_counter()
    plan = qg.water.plan_water(
        made.villages, network=network, terrain=terrain, works=made.facilities, quick=True
    )
    seconds = time.perf_counter() - start
    value = float(plan.systems["present_value"].sum())
    bad = int(plan.nodes["verdict"].ne("ok").sum())
    print(f"  quick plan: {seconds:.1f} s, networks {value / 1e6:.2f} M yuan ({value / solved - 1:+.2%}), "
          f"largest gap to the relaxation {plan.systems['gap'].max():.1%}, nodes out of limits {bad}")  # fmt: skip


if __name__ == "__main__":
    published()
    breaks()
    for number in [int(a) for a in sys.argv[1:]] or [40, 100]:
        county(number)
