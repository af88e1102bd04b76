"""Bills of quantities (工程量清单) and the costs that follow from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis.services._sewage.costs import Prices

    Array = NDArray[np.float64]

COLUMNS = ["item", "item_en", "spec", "unit", "quantity", "price_yuan", "amount_yuan", "part"]


class Bill:
    """Collects the lines of a bill."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []

    def add(
        self, zh: str, en: str, spec: str, unit: str, quantity: float, price: float, part: str
    ) -> None:
        """Add a line; nothing for a quantity of nought."""
        if quantity > 0:
            self.rows.append((zh, en, spec, unit, quantity, price, quantity * price, part))

    def table(self) -> pd.DataFrame:
        """Return the bill as a table."""
        return pd.DataFrame(self.rows, columns=COLUMNS)


def earthwork(bill: Bill, diameter: Array, depth: Array, length: Array, prices: Prices) -> None:
    """Add excavation, shoring and surface of trenches."""
    wide = diameter + 2.0 * prices.design["trench.side_m"]
    shored = depth > prices.design["trench.shore_depth_m"]
    bill.add("挖填土方", "Excavation and backfill", "", "m³", float((wide * depth * length).sum()),
             prices.price["trench_yuan_m3"], "pipe")  # fmt: skip
    bill.add("沟槽支护", "Shoring", f">{prices.design['trench.shore_depth_m']:g} m", "m²",
             float((2.0 * depth * length)[shored].sum()), prices.price["shoring_yuan_m2"], "pipe")  # fmt: skip
    bill.add("路面破除恢复", "Surface broken and restored", "", "m", float(length.sum()),
             prices.price["surface_yuan_m"], "pipe")  # fmt: skip


def of_layout(
    pipes: gpd.GeoDataFrame, manholes: gpd.GeoDataFrame, pumps: gpd.GeoDataFrame,
    house_metres: Array, prices: Prices, steep: NDArray[np.bool_],
) -> pd.DataFrame:  # fmt: skip
    """Return the bill of a settlement's sewers: quantities, unit prices, amounts (yuan)."""
    bill = Bill()
    length = pipes["length_m"].to_numpy(float)
    diameter = pipes["diameter_mm"].to_numpy(float) / 1000.0
    depth = (pipes["depth_up_m"].to_numpy(float) + pipes["depth_down_m"].to_numpy(float)) / 2.0
    main = pipes["kind"].eq("pressure").to_numpy()
    for k, d in enumerate(prices.rules.diameters):
        own = np.isclose(diameter, d) & ~main
        bill.add("重力管", "Gravity pipe", f"DN{d * 1000:.0f}", "m", float(length[own].sum()),
                 float(prices.pipe[k]), "pipe")  # fmt: skip
    for k, d in enumerate(prices.rules.pressure_diameters):
        own = np.isclose(diameter, d) & main
        bill.add("压力管", "Pressure pipe", f"DN{d * 1000:.0f}", "m", float(length[own].sum()),
                 float(prices.pressure[k]), "pipe")  # fmt: skip
    # a pressure main lies at least cover, whatever the grid of depths says
    depth = np.where(main, prices.rules.cover + diameter, depth)
    earthwork(bill, diameter, depth, length, prices)
    deep = manholes["depth_m"].to_numpy(float)
    bill.add(
        "检查井", "Manhole", "≤1.5 m", "座", float(len(deep)), prices.price["manhole_yuan"], "pipe"
    )
    bill.add("检查井加深", "Manholes, further depth", ">1.5 m", "m",
             float(np.maximum(deep - 1.5, 0.0).sum()), prices.price["manhole_yuan_m"], "pipe")  # fmt: skip
    bill.add("消能井", "Stilling manhole", "", "座", float(2 * steep.sum()),
             prices.price["manhole_yuan"], "pipe")  # fmt: skip
    lift = pumps[pumps["kind"].eq("lift")]
    kw = _kilowatts(lift["peak_ls"].to_numpy(float), lift["lift_m"].to_numpy(float), prices)
    bill.add("一体化提升泵站", "Packaged lifting station", "", "座", float(len(lift)),
             prices.price["pump_yuan"], "pump")  # fmt: skip
    bill.add(
        "泵组功率", "Pump power", "", "kW", float(kw.sum()), prices.price["pump_yuan_kw"], "pump"
    )
    single = float(pumps.loc[pumps["kind"].eq("house"), "number"].sum())
    bill.add("户用提升装置", "House lifting unit", "", "套", single, prices.price["house_pump_yuan"],
             "house_pump")  # fmt: skip
    bill.add("接户", "House connection", "", "户", float(len(house_metres)),
             prices.price["house_yuan"], "house")  # fmt: skip
    bill.add("接户管", "House connection pipe", "", "m", float(np.sum(house_metres)),
             prices.price["house_pipe_yuan_m"], "house")  # fmt: skip
    return bill.table()


def _kilowatts(peak_ls: Array, lift: Array, prices: Prices) -> Array:
    return np.asarray(9.81 * peak_ls / 1000.0 * lift / prices.design["pump.efficiency"])


def cost_of_layout(
    bill: pd.DataFrame, pumps: gpd.GeoDataFrame, lifted_m3d: Array, prices: Prices
) -> pd.DataFrame:
    """Return the cost by part: ``part``, ``build_yuan``, ``life_yuan``.

    The life-cycle cost adds renewal, upkeep, energy and running, discounted over the horizon.
    """
    build = bill.groupby("part")["amount_yuan"].sum()
    pipe, pump = prices.capital("pipe"), prices.capital("pump")
    lift = pumps.loc[pumps["kind"].eq("lift"), "lift_m"].to_numpy(float)
    energy = float((prices.energy(lift) * lifted_m3d).sum())
    running = len(lift) * prices.price["pump_run_yuan_a"] * prices.annuity
    parts = [
        ("pipe", build.get("pipe", 0.0), build.get("pipe", 0.0) * pipe),
        ("house", build.get("house", 0.0), build.get("house", 0.0) * pipe),
        ("house_pump", build.get("house_pump", 0.0), build.get("house_pump", 0.0) * pump),
        ("pump", build.get("pump", 0.0), build.get("pump", 0.0) * pump + running),
        ("energy", 0.0, energy),
    ]
    return pd.DataFrame(parts, columns=["part", "build_yuan", "life_yuan"])
