"""What things cost over their life: present value of building, renewing, energy and running.

Prices come from ``standards/sewage.toml`` (``sewage.cost.*``) with their year, region and status;
all amounts are yuan of that year, all flows mean m³/d.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.services._sewage.hydraulics import GRAVITY, Rules

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from qianwan_gis.standards import Standards

    Array = NDArray[np.float64]

Some = TypeVar("Some", float, "NDArray[np.float64]")
_PRICES = (
    "trench_yuan_m3", "shoring_yuan_m2", "surface_yuan_m", "manhole_yuan", "manhole_yuan_m",
    "house_yuan", "house_pipe_yuan_m", "house_pump_yuan", "pump_yuan", "pump_yuan_kw",
    "pump_run_yuan_a", "power_yuan_kwh", "pipe_run_share", "station_yuan", "station_power",
    "station_fixed_yuan_a", "station_yuan_m3", "station_kwh_m3", "plant_yuan_m3", "join_yuan",
    "on_site_yuan", "on_site_run_yuan_a", "reuse_yuan", "reuse_run_yuan_a", "tank_yuan",
    "haul_yuan_m3", "collect_m",
)  # fmt: skip
#: Groups of prices that a sensitivity run scales together.
FACTORS: dict[str, tuple[str, ...]] = {
    "pipe": ("pipe_yuan_m", "pressure_yuan_m", "trench_yuan_m3", "shoring_yuan_m2",
             "surface_yuan_m", "manhole_yuan", "manhole_yuan_m"),
    "pump": ("pump_yuan", "pump_yuan_kw", "pump_run_yuan_a"),
    "energy": ("power_yuan_kwh",),
    "station": ("station_yuan", "station_fixed_yuan_a", "station_yuan_m3"),
    "plant": ("plant_yuan_m3",),
    "on_site": ("on_site_yuan", "on_site_run_yuan_a"),
    "reuse": ("reuse_yuan", "reuse_run_yuan_a"),
    "collection": ("collect_m", "house_yuan"),
}  # fmt: skip


@dataclass(frozen=True)
class Prices:
    """Prices, lives and the discount rate in force.

    Attributes
    ----------
    price
        ``sewage.cost.*`` by its last name.
    pipe, pressure
        Yuan per metre laid, by diameter, without earthwork.
    rules
        Design rules whose diameters the prices go with.
    horizon, discount
        Years considered and yearly discount rate.
    """

    price: dict[str, float]
    pipe: Array
    pressure: Array
    rules: Rules
    horizon: int
    discount: float
    lives: dict[str, float]
    design: dict[str, float] = field(default_factory=dict)
    sizes: Array = field(default_factory=lambda: np.empty(0))

    @classmethod
    def read(cls, standards: Standards, rules: Rules | None = None) -> Prices:
        """Read prices; `UsageError` names every negative one and every impossible life or rate."""

        def of(key: str) -> Any:
            return standards.value(f"sewage.{key}")

        price = {name: float(of(f"cost.{name}")) for name in _PRICES}
        pipe = np.array(of("cost.pipe_yuan_m"), float)
        pressure = np.array(of("cost.pressure_yuan_m"), float)
        lives = {k: float(of(f"life.{k}_years")) for k in ("pipe", "station", "pump", "on_site")}
        horizon, discount = float(of("life.horizon_years")), float(of("life.discount"))
        design = {
            key: float(of(key))
            for key in ("pump.efficiency", "pump.max_lift_m", "trench.side_m",
                        "trench.shore_depth_m", "people.household")
        }  # fmt: skip
        sizes = np.array(of("station.sizes_m3d"), float)
        faults = [
            Text(f"单价 sewage.cost.{k} = {v:g}，不能为负", f"price sewage.cost.{k} = {v:g} is negative")
            for k, v in price.items()
            if not v >= 0
        ]  # fmt: skip
        faults += [
            Text(f"单价 sewage.cost.{k} 有负值", f"price sewage.cost.{k} has a negative value")
            for k, v in (("pipe_yuan_m", pipe), ("pressure_yuan_m", pressure))
            if not (v >= 0).all()
        ]
        faults += [
            Text(f"sewage.life.{k}_years = {v:g}，应为正数", f"sewage.life.{k}_years must be positive")
            for k, v in lives.items()
            if not v > 0
        ]  # fmt: skip
        if not (horizon >= 1 and horizon == int(horizon)):
            faults.append(Text("sewage.life.horizon_years 应为正整数",
                               "sewage.life.horizon_years must be a whole number of years"))  # fmt: skip
        if not 0 <= discount < 1:
            faults.append(Text("sewage.life.discount 应在0与1之间",
                               "sewage.life.discount must lie between 0 and 1"))  # fmt: skip
        if not 0 < design["pump.efficiency"] <= 1:
            faults.append(Text("sewage.pump.efficiency 应在0与1之间",
                               "sewage.pump.efficiency must lie between 0 and 1"))  # fmt: skip
        if not design["people.household"] > 0:
            faults.append(Text("sewage.people.household 应为正数",
                               "sewage.people.household must be positive"))  # fmt: skip
        if not 0 < price["station_power"] <= 1:
            faults.append(Text("sewage.cost.station_power 应在0与1之间（规模效益）",
                               "sewage.cost.station_power must lie between 0 and 1"))  # fmt: skip
        if len(sizes) < 2 or (np.diff(sizes) <= 0).any() or sizes[0] <= 0:
            faults.append(Text("sewage.station.sizes_m3d 应为两个以上递增的正数",
                               "sewage.station.sizes_m3d must be two or more rising sizes"))  # fmt: skip
        if faults:
            raise UsageError(Text("；".join(f.zh for f in faults), "; ".join(f.en for f in faults)))
        return cls(
            price, pipe, pressure, rules or Rules.read(standards), int(horizon), discount, lives,
            design, sizes,
        )  # fmt: skip

    # ------------------------------------------------------------ time

    @cached_property
    def annuity(self) -> float:
        """Present value of one yuan at the end of each year of the horizon."""
        r, n = self.discount, self.horizon
        return float(n) if r == 0 else (1.0 - (1.0 + r) ** -n) / r

    def renewal(self, life: float) -> float:
        """Present value of one yuan of capital over the horizon.

        Built now, renewed each ``life`` years, less the straight-line value left at the end.
        """
        r, n = self.discount, float(self.horizon)
        times = np.arange(0.0, n - 1e-9, life)
        left = (times[-1] + life - n) / life
        return float(((1.0 + r) ** -times).sum() - left * (1.0 + r) ** -n)

    def capital(self, kind: str) -> float:
        """`renewal` of one of ``pipe``, ``station``, ``pump``, ``on_site``; pipes with upkeep."""
        return self._capital[kind]

    @cached_property
    def _capital(self) -> dict[str, float]:
        upkeep = {"pipe": self.price["pipe_run_share"] * self.annuity}
        return {k: self.renewal(life) + upkeep.get(k, 0.0) for k, life in self.lives.items()}

    # ------------------------------------------------------------ pipes

    def trench(self, diameter: ArrayLike, depth: ArrayLike) -> Array:
        """Yuan per metre of earthwork, shoring and surface for an invert at ``depth`` (m)."""
        d, h = np.asarray(diameter, float), np.asarray(depth, float)
        wide = d + 2.0 * self.design["trench.side_m"]
        deep = np.maximum(h, 0.0)
        shored = deep > self.design["trench.shore_depth_m"]
        return np.asarray(
            wide * deep * self.price["trench_yuan_m3"]
            + np.where(shored, 2.0 * deep * self.price["shoring_yuan_m2"], 0.0)
            + self.price["surface_yuan_m"]
        )

    def gravity_metre(self, which: int, depth: ArrayLike) -> Array:
        """Yuan per metre to build a gravity pipe of the diameter at position ``which``."""
        return np.asarray(self.pipe[which] + self.trench(self.rules.diameters[which], depth))

    def manhole(self, depth: ArrayLike) -> Array:
        """Yuan to build a manhole of a depth (m)."""
        deeper = np.maximum(np.asarray(depth, float) - 1.5, 0.0)
        return np.asarray(self.price["manhole_yuan"] + self.price["manhole_yuan_m"] * deeper)

    def pressure_metre(self, which: int) -> float:
        """Yuan per metre to build a pressure pipe at least cover."""
        return self._pressure_metre[which]

    @cached_property
    def _pressure_metre(self) -> list[float]:
        d = self.rules.pressure_diameters
        return (self.pressure + self.trench(d, self.rules.cover + d)).tolist()  # type: ignore[no-any-return]

    # ------------------------------------------------------------ pumps

    # (numbers stay numbers here: these are asked for each lift of each way)

    def energy(self, lift: Some) -> Some:
        """Present value (yuan) of lifting one m³/d by ``lift`` metres over the horizon."""
        kwh = 1000.0 * GRAVITY * lift / 3.6e6 / self.design["pump.efficiency"]
        return kwh * 365.0 * self.price["power_yuan_kwh"] * self.annuity

    def pump(self, peak_m3s: Some, lift: Some) -> Some:
        """Present value (yuan) of a pumping station without its energy."""
        kw = self.kilowatts(peak_m3s, lift)
        build = self.price["pump_yuan"] + self.price["pump_yuan_kw"] * kw
        return build * self.capital("pump") + self.price["pump_run_yuan_a"] * self.annuity

    def kilowatts(self, peak_m3s: Some, lift: Some) -> Some:
        """Power (kW) that lifts a peak flow (m³/s) by ``lift`` metres."""
        return GRAVITY * (peak_m3s * lift) / self.design["pump.efficiency"]

    # ------------------------------------------------------------ treatment

    @cached_property
    def station_lines(self) -> tuple[Array, Array]:
        """Lines (f, c) whose lower envelope is the cost of a station: min over k of f_k + c_k Q.

        Chords of the power law between the break points ``station.sizes_m3d``; the first reaches
        down to nought, the last on beyond the largest size. Yuan and yuan per (m³/d), present
        value, running included.
        """
        at = self.sizes
        build = self.price["station_yuan"] * at ** self.price["station_power"]
        slope = np.diff(build) / np.diff(at)
        fixed = build[:-1] - slope * at[:-1]
        keep = np.r_[True, np.diff(slope) < -1e-12]
        per_m3 = self.price["station_yuan_m3"]
        per_m3 += self.price["station_kwh_m3"] * self.price["power_yuan_kwh"]
        live = self.capital("station")
        fixed = fixed[keep] * live + self.price["station_fixed_yuan_a"] * self.annuity
        return fixed, slope[keep] * live + per_m3 * 365.0 * self.annuity

    def station(self, flow: ArrayLike) -> Array:
        """Present value of a station of ``flow`` m³/d."""
        fixed, slope = self.station_lines
        q = np.asarray(flow, float)
        return np.asarray((fixed + slope * q[..., None]).min(axis=-1))

    def station_build(self, flow: float) -> float:
        """Yuan to build a station of ``flow`` m³/d (on the chords)."""
        fixed, slope = self.station_lines
        k = int(np.argmin(fixed + slope * flow))
        run = self.price["station_fixed_yuan_a"] * self.annuity
        per_m3 = self.price["station_yuan_m3"]
        per_m3 += self.price["station_kwh_m3"] * self.price["power_yuan_kwh"]
        whole = fixed[k] - run + (slope[k] - per_m3 * 365.0 * self.annuity) * flow
        return float(whole / self.capital("station"))

    @property
    def plant(self) -> float:
        """Present value of treating one m³/d at a town plant."""
        return self.price["plant_yuan_m3"] * 365.0 * self.annuity

    def on_site(self, households: ArrayLike) -> Array:
        """Present value of on-site treatment."""
        each = self.price["on_site_yuan"] * self.capital("on_site")
        each += self.price["on_site_run_yuan_a"] * self.annuity
        return np.asarray(each * np.asarray(households, float))

    def reuse(self, households: ArrayLike) -> Array:
        """Present value of septic tanks whose contents go to the fields."""
        each = self.price["reuse_yuan"] * self.capital("on_site")
        each += self.price["reuse_run_yuan_a"] * self.annuity
        return np.asarray(each * np.asarray(households, float))

    def holding_tank(self, households: ArrayLike, flow: ArrayLike) -> Array:
        """Present value of sealed tanks emptied by tanker, where nothing may be discharged."""
        build = self.price["tank_yuan"] * self.capital("on_site") * np.asarray(households, float)
        haul = self.price["haul_yuan_m3"] * 365.0 * self.annuity * np.asarray(flow, float)
        return np.asarray(build + haul)

    def collection(self, households: ArrayLike) -> Array:
        """Present value of the sewers inside a village, before a layout is made."""
        metre = float(self.gravity_metre(0, self.rules.cover + self.rules.diameters[0] + 0.3))
        each = (
            self.price["collect_m"] * (metre + float(self.manhole(1.5)) / 30.0)
            + self.price["house_yuan"]
        )
        return np.asarray(each * self.capital("pipe") * np.asarray(households, float))


def ranged(standards: Standards, factor: str, end: str) -> tuple[Standards, float]:
    """Return norms with one group of prices at an end (``low`` or ``high``) of each one's range.

    Price lists by diameter move by ``sewage.cost.pipe_spread``. A price without a range stays, as
    do those that the county set without one. Also returned: the geometric mean multiplier.
    """
    spread = float(standards.value("sewage.cost.pipe_spread"))
    values: dict[str, Any] = {}
    times: list[float] = []
    for key in keys_of(factor):
        entry = standards.entry(key)
        if isinstance(entry.value, list):
            by = 1.0 - spread if end == "low" else 1.0 + spread
            values[key] = [v * by for v in entry.value]
            times.append(by)
            continue
        other = entry.low if end == "low" else entry.high
        if other is None:
            times.append(1.0)
            continue
        values[key] = other
        if entry.value > 0 and other > 0:
            times.append(other / entry.value)
    return standards.replace(values), float(np.exp(np.mean(np.log(times)))) if times else 1.0


def keys_of(factor: str) -> list[str]:
    """Return the norms of a group of prices (`FACTORS`), or of ``discount``."""
    if factor == "discount":
        return ["sewage.life.discount"]
    if factor not in FACTORS:
        raise UsageError(
            Text(f"没有敏感性因素“{factor}”，可用：{'、'.join([*FACTORS, 'discount'])}",
                 f"no factor “{factor}”; choose from {', '.join([*FACTORS, 'discount'])}")
        )  # fmt: skip
    return [f"sewage.cost.{name}" for name in FACTORS[factor]]


def scaled(standards: Standards, factor: str, by: float) -> Standards:
    """Return norms with one group of prices (`FACTORS`), or ``discount``, times ``by``."""
    values: dict[str, Any] = {}
    for key in keys_of(factor):
        old = standards.value(key)
        values[key] = [v * by for v in old] if isinstance(old, list) else old * by
    return standards.replace(values)
