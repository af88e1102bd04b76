"""The bill of quantities of a plan and its cost by part; the parts add up to the plan's cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qianwan_gis.services._sewage import levels
from qianwan_gis.services._sewage import model as models
from qianwan_gis.services._sewage.quantities import Bill, earthwork

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from qianwan_gis.services._sewage.frame import Frame
    from qianwan_gis.services._sewage.levels import Run

    Array = NDArray[np.float64]


def of_plan(
    frame: Frame, runs: Mapping[int, Run], decisions: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the bill of quantities and the cost by part (``build_yuan``, ``life_yuan``)."""
    prices, rules = frame.prices, frame.prices.rules
    bill = Bill()
    life = dict.fromkeys(
        ("pipe", "pump", "energy", "station", "plant", "join", "collection", "on_site"), 0.0
    )
    build_off = kilowatts = pumps = joins = 0.0
    by_pipe: dict[tuple[str, float], float] = {}
    diameter: list[float] = []
    depth: list[Array] = []
    length: list[Array] = []
    holes = deeper = 0.0

    def pumping(run: Run, peak: float, mean: float) -> None:
        """Count the lifts of a way; pumps are charged by the share of the pipe in use."""
        nonlocal kilowatts, pumps
        pumps += run.option.lifts
        kw = float(prices.kilowatts(peak, run.option.lift_m)) * run.flow / mean
        kilowatts += kw
        life["pump"] += run.option.lifts * float(prices.pump(0.0, 0.0))
        life["pump"] += kw * prices.price["pump_yuan_kw"] * prices.capital("pump")
        life["energy"] += float(prices.energy(run.option.lift_m)) * run.flow

    def trunk(run: Run, factor: float) -> None:
        nonlocal build_off, holes, deeper
        d, metres = run.option.diameter, float(run.along[-1])
        middle, step = (run.depth[1:] + run.depth[:-1]) / 2.0, np.diff(run.along)
        main = run.option.kind == "pressure"
        key = ("pressure" if main else "gravity", d)
        by_pipe[key] = by_pipe.get(key, 0.0) + metres
        diameter.append(d)
        depth.append(middle)
        length.append(step)
        if main:
            k = int(np.argmin(np.abs(rules.pressure_diameters - d)))
            built = prices.pressure_metre(k) * metres
            pumping(run, float(rules.pressure_capacity[k]), float(rules.pressure_mean[k]))
        else:
            k = int(np.argmin(np.abs(rules.diameters - d)))
            count = metres / rules.manhole_spacing
            manhole = float(prices.manhole(middle).mean())
            built = float((prices.gravity_metre(k, middle) * step).sum()) + manhole * count
            holes += count
            deeper += float(np.maximum(middle - 1.5, 0.0).mean()) * count
            pumping(run, float(rules.gravity_capacity[k]), float(rules.gravity_mean[k]))
        build_off += built * (factor - 1.0)
        life["pipe"] += built * factor * prices.capital("pipe")

    for run in runs.values():
        arc, q = frame.model.arcs[run.arc], run.flow
        if arc.head < 0 and not arc.plant:
            life["station"] += models.arc_cost(arc, q)
            bill.add("污水处理站", "Treatment station", f"{q:.0f} m³/d", "座", 1.0,
                     prices.station_build(q), "station")  # fmt: skip
            if run.inlet > 0:
                kw = levels.inlet_power(frame, run)
                kilowatts += kw
                life["pump"] += kw * prices.price["pump_yuan_kw"] * prices.capital("pump")
                life["energy"] += float(prices.energy(run.inlet)) * q
            continue
        if arc.plant:
            joins += 1
            life["join"] += prices.price["join_yuan"] * prices.capital("pipe")
            life["plant"] += prices.plant * q
        if len(run.along):
            off = frame.routes.across[arc.route] and not arc.plant
            trunk(run, frame.factor if off else 1.0)
        elif run.option.lifts:  # into a sewer that passes the very node
            pumping(run, float(rules.gravity_capacity[0]), float(rules.gravity_mean[0]))
    choice = decisions["choice"].to_numpy(object)
    on = np.isin(choice, ["sewer", "station", "shared_station"])
    legs = float(frame.leg_cost[on].sum())
    life["pipe"] += legs
    for (kind, d), metres in sorted(by_pipe.items()):
        table = prices.pipe if kind == "gravity" else prices.pressure
        sizes = rules.diameters if kind == "gravity" else rules.pressure_diameters
        price = float(table[int(np.argmin(np.abs(sizes - d)))])
        zh, en = (
            ("干管（重力）", "Trunk, gravity")
            if kind == "gravity"
            else ("干管（压力）", "Trunk, pressure")
        )
        bill.add(zh, en, f"DN{d * 1000:.0f}", "m", metres, price, "pipe")
    if length:
        wide = np.repeat(diameter, [len(x) for x in length])
        earthwork(bill, wide, np.concatenate(depth), np.concatenate(length), prices)
    bill.add("检查井", "Manhole", "≤1.5 m", "座", holes, prices.price["manhole_yuan"], "pipe")
    bill.add("检查井加深", "Manholes, further depth", ">1.5 m", "m", deeper,
             prices.price["manhole_yuan_m"], "pipe")  # fmt: skip
    bill.add(
        "越野段增加费",
        "Off the road, extra",
        "",
        "项",
        1.0 if build_off > 0 else 0.0,
        build_off,
        "pipe",
    )
    bill.add("村至干管连接管", "Legs from villages to the trunk", "", "项", 1.0 if legs > 0 else 0.0,
             legs / prices.capital("pipe"), "pipe")  # fmt: skip
    bill.add(
        "一体化泵站", "Packaged pumping station", "", "座", pumps, prices.price["pump_yuan"], "pump"
    )
    bill.add("泵组功率", "Pump power", "", "kW", kilowatts, prices.price["pump_yuan_kw"], "pump")
    bill.add("接入井", "Joining well", "", "座", joins, prices.price["join_yuan"], "join")
    served = float(frame.households[on].sum())
    metre = (
        float(prices.gravity_metre(0, rules.cover + rules.diameters[0] + 0.3))
        + float(prices.manhole(1.5)) / 30.0
    )
    bill.add(
        "村内管网",
        "Village sewers",
        "DN200",
        "m",
        served * prices.price["collect_m"],
        metre,
        "collection",
    )
    bill.add("接户", "House connection", "", "户", served, prices.price["house_yuan"], "collection")
    life["collection"] = float(prices.collection(served))
    for kind, zh, en, key in (
        ("on_site", "户用处理设施", "On-site unit", "on_site_yuan"),
        ("reuse", "资源化设施", "Reuse unit", "reuse_yuan"),
        ("tank", "密闭贮池", "Sealed tank", "tank_yuan"),
    ):
        mine = choice == kind
        number = float(frame.households[mine].sum())
        bill.add(zh, en, "", "户", number, prices.price[key], "on_site")
        pay = {"on_site": frame.on_site, "reuse": frame.reuse, "tank": frame.tank}[kind]
        life["on_site"] += float(pay[mine].sum())
    table = bill.table()
    build = table.groupby("part")["amount_yuan"].sum()
    costs = pd.DataFrame(
        [(part, float(build.get(part, 0.0)), value) for part, value in life.items()],
        columns=["part", "build_yuan", "life_yuan"],
    )
    return table, costs
