"""Pipe hydraulics (Hazen-Williams), the design rules and the prices in force.

Lengths and heads are metres, flows m³/s, unless a name says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from qianwan_gis.standards import Standards

    Array = NDArray[np.float64]

GRAVITY = 9.81
SECONDS_PER_DAY = 86_400.0
#: Exponents and constant as EPANET has them: h = 10.667 C^-1.852 d^-4.871 L q^1.852 (SI form of
#: its 4.727 in feet and ft³/s; Rossman 2000, EPANET 2 Users Manual, table 3.1).
FLOW_POWER = 1.852
DIAMETER_POWER = 4.871
_FOOT = 0.3048
HAZEN_WILLIAMS = 4.727 * _FOOT**DIAMETER_POWER / _FOOT ** (3.0 * FLOW_POWER)
METRES_PER_MPA = 1e6 / (1000.0 * GRAVITY)


def headloss(flow: ArrayLike, diameter: ArrayLike, length: ArrayLike, c: ArrayLike) -> Array:
    """Friction loss (m) of a full pipe by Hazen-Williams.

    Parameters
    ----------
    flow
        m³/s; the sign is that of the loss.
    diameter
        Inner diameter (m).
    length
        m.
    c
        Hazen-Williams coefficient.
    """
    q, d = np.asarray(flow, float), np.asarray(diameter, float)
    slope = HAZEN_WILLIAMS * np.abs(q) ** FLOW_POWER
    slope = slope / (np.asarray(c, float) ** FLOW_POWER * d**DIAMETER_POWER)
    return np.asarray(np.sign(q) * slope * np.asarray(length, float))


def velocity(flow: ArrayLike, diameter: ArrayLike) -> Array:
    """Mean velocity (m/s) of a full pipe."""
    return np.asarray(np.abs(np.asarray(flow, float)) / (np.pi / 4.0 * np.asarray(diameter) ** 2))


def pump_power(flow: ArrayLike, lift: ArrayLike, efficiency: float) -> Array:
    """Electric power (kW) to lift ``flow`` (m³/s) by ``lift`` (m)."""
    return np.asarray(GRAVITY * np.asarray(flow, float) * np.asarray(lift, float) / efficiency)


_PRICES = (
    "pipe_run_share", "booster_yuan", "booster_yuan_kw", "booster_run_yuan_a", "break_tank_yuan",
    "valve_yuan", "tank_yuan_m3", "power_yuan_kwh", "single_yuan", "single_yuan_m3d",
    "single_yuan_m3", "works_yuan_m3",
)  # fmt: skip
_POSITIVE = (
    "demand.day_factor", "demand.hour_factor", "demand.night_factor", "village.quota_lpcd",
    "quantity.safe_lpcd", "head.service_m", "head.static_max_m", "pipe.hazen_c",
    "pipe.max_velocity_ms", "device.max_lift_m", "device.pump_efficiency", "device.tank_depth_m",
    "device.step_m", "works.tank_share", "works.tank_depth_m", "works.near_m", "village.offtake_m",
    "cost.horizon_years",
)  # fmt: skip
_NOT_NEGATIVE = (
    "demand.other_share", "demand.leak_share", "head.main_min_m", "head.suction_m",
    "pipe.local_share", "pipe.low_velocity_ms", "cost.discount",
)  # fmt: skip


@dataclass(frozen=True)
class Rules:
    """Norms and prices of a plan, read once and checked together.

    Attributes
    ----------
    diameters, names, pipe_price
        Standard inner diameters (m, ascending), their names, yuan per metre laid.
    classes
        Pressure classes (MPa, ascending).
    value
        All other norms by key without ``water.``.
    """

    diameters: Array
    names: tuple[str, ...]
    pipe_price: Array
    classes: Array
    value: dict[str, float]

    @classmethod
    def read(cls, standards: Standards) -> Rules:
        """Read the rules; `UsageError` names every one that cannot be."""

        def of(key: str) -> Any:
            return standards.value(f"water.{key}")

        diameters = np.array(of("pipe.diameters_mm"), float) / 1000.0
        names = tuple(str(n) for n in of("pipe.names"))
        price = np.array(of("cost.pipe_yuan_m"), float)
        classes = np.array(of("pipe.classes_mpa"), float)
        keys = [*_POSITIVE, *_NOT_NEGATIVE, *(f"cost.{name}" for name in _PRICES)]
        value = {key: float(of(key)) for key in keys}
        faults: list[Text] = []

        def fault(key: str, zh: str, en: str) -> None:
            faults.append(Text(f"water.{key} {zh}", f"water.{key} {en}"))

        for key in _POSITIVE:
            if not value[key] > 0:
                fault(key, f"= {value[key]:g}，应为正数", f"= {value[key]:g} must be positive")
        for key in (*_NOT_NEGATIVE, *(f"cost.{name}" for name in _PRICES)):
            if not value[key] >= 0:
                fault(key, f"= {value[key]:g}，不能为负", f"= {value[key]:g} is negative")
        if not (price >= 0).all():
            fault("cost.pipe_yuan_m", "有负值", "has a negative value")
        if not len(diameters) == len(price) == len(names):
            fault("pipe.diameters_mm", "与管名、单价的个数不一致",
                  "differs in number from the names or the prices")  # fmt: skip
        for key, series in (("pipe.diameters_mm", diameters), ("pipe.classes_mpa", classes)):
            if not len(series) or series[0] <= 0 or (np.diff(series) <= 0).any():
                fault(key, "应为递增的正数", "must be rising positive numbers")
        if value["device.pump_efficiency"] > 1:
            fault("device.pump_efficiency", "不能大于1", "must not exceed 1")
        if value["cost.discount"] >= 1:
            fault("cost.discount", "应小于1", "must be below 1")
        if value["demand.night_factor"] > 1 or value["demand.hour_factor"] < 1:
            fault("demand.night_factor", "应不大于1，时变化系数应不小于1",
                  "must not exceed 1, nor the peak-hour factor be below 1")  # fmt: skip
        if value["head.service_m"] >= value["head.static_max_m"]:
            fault("head.service_m", "应小于最大静水头", "must be below head.static_max_m")
        if faults:
            raise UsageError(Text("；".join(f.zh for f in faults), "; ".join(f.en for f in faults)))
        return cls(diameters, names, price, classes, value)

    def __getitem__(self, key: str) -> float:
        return self.value[key]

    @cached_property
    def annuity(self) -> float:
        """Present value of one yuan at the end of each year of the horizon."""
        r, n = self["cost.discount"], self["cost.horizon_years"]
        return n if r == 0 else float((1.0 - (1.0 + r) ** -n) / r)

    @cached_property
    def pipe_metre(self) -> Array:
        """Present value (yuan) of a metre of each standard pipe, upkeep included."""
        return self.pipe_price * (1.0 + self["cost.pipe_run_share"] * self.annuity)

    @cached_property
    def roughness(self) -> float:
        """Hazen-Williams coefficient that holds the local losses as well."""
        return float(self["pipe.hazen_c"] / (1.0 + self["pipe.local_share"]) ** (1 / FLOW_POWER))

    @cached_property
    def class_m(self) -> Array:
        """Pressure classes in metres of water."""
        return self.classes * METRES_PER_MPA

    @cached_property
    def station_fixed(self) -> float:
        """Present value (yuan) of a booster without what grows with its power."""
        return self["cost.booster_yuan"] + self["cost.booster_run_yuan_a"] * self.annuity

    def lift_metre(self, peak: ArrayLike) -> Array:
        """Present value (yuan) of one metre of lift for a peak-hour flow (m³/s).

        Capital by the power at the peak hour; energy by the yearly mean flow.
        """
        q = np.asarray(peak, float)
        kw = pump_power(q, 1.0, self["device.pump_efficiency"])
        mean = kw / (self["demand.hour_factor"] * self["demand.day_factor"])
        energy = mean * 8760.0 * self["cost.power_yuan_kwh"] * self.annuity
        return np.asarray(kw * self["cost.booster_yuan_kw"] + energy)

    def single(self, day_m3: ArrayLike) -> Array:
        """Present value (yuan) of a single-village scheme for a peak-day demand (m³/d)."""
        q = np.asarray(day_m3, float)
        yearly = q / self["demand.day_factor"] * 365.0 * self["cost.single_yuan_m3"]
        return np.asarray(
            self["cost.single_yuan"] + self["cost.single_yuan_m3d"] * q + yearly * self.annuity
        )

    def works_water(self, day_m3: ArrayLike) -> Array:
        """Present value (yuan) of the works' water for a peak-day demand (m³/d)."""
        mean = np.asarray(day_m3, float) / self["demand.day_factor"]
        return np.asarray(mean * 365.0 * self["cost.works_yuan_m3"] * self.annuity)
