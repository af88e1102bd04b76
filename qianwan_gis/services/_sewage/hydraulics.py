"""Pipe hydraulics: Manning in part-full circular pipes, Hazen-Williams in full ones, peak flow.

All lengths are metres, flows m³/s, slopes m/m, unless a name says otherwise.
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

#: Relative depth at which a circular pipe carries most (Manning, constant n).
FULLEST = 0.938
GRAVITY = 9.81
SECONDS_PER_DAY = 86_400.0


def angle(fill: ArrayLike) -> Array:
    """Central angle of the wetted arc (radians) at relative depth ``fill`` = d/D, 0 to 1."""
    return np.asarray(2.0 * np.arccos(1.0 - 2.0 * np.clip(np.asarray(fill, float), 0.0, 1.0)))


def section(diameter: ArrayLike, fill: ArrayLike) -> tuple[Array, Array]:
    """Wetted area (m²) and hydraulic radius (m) of a circular pipe at relative depth ``fill``."""
    d, theta = np.asarray(diameter, float), angle(fill)
    area = d**2 / 8.0 * (theta - np.sin(theta))
    perimeter = d * theta / 2.0
    radius = np.divide(area, perimeter, out=np.zeros_like(area * perimeter), where=perimeter > 0)
    return np.asarray(area), np.asarray(radius)


def velocity(diameter: ArrayLike, slope: ArrayLike, fill: ArrayLike, roughness: float) -> Array:
    """Mean velocity (m/s) by Manning, V = R^(2/3) S^(1/2) / n, at relative depth ``fill``."""
    _, radius = section(diameter, fill)
    return np.asarray(radius ** (2.0 / 3.0) * np.sqrt(np.asarray(slope, float)) / roughness)


def flow(diameter: ArrayLike, slope: ArrayLike, fill: ArrayLike, roughness: float) -> Array:
    """Flow (m³/s) by Manning at relative depth ``fill``."""
    area, _ = section(diameter, fill)
    return np.asarray(area * velocity(diameter, slope, fill, roughness))


def fill_of(discharge: ArrayLike, diameter: ArrayLike, slope: ArrayLike, roughness: float) -> Array:
    """Relative normal depth d/D of a flow: the shallow one of the two; NaN over capacity.

    Bisection to 1e-12 on the rising limb, 0 to 0.938 of the diameter.
    """
    q, d, s = np.broadcast_arrays(
        np.asarray(discharge, float), np.asarray(diameter, float), np.asarray(slope, float)
    )
    low, high = np.zeros(q.shape), np.full(q.shape, FULLEST)
    over = q > flow(d, s, high, roughness)
    for _ in range(44):
        middle = (low + high) / 2.0
        less = flow(d, s, middle, roughness) < q
        low, high = np.where(less, middle, low), np.where(less, high, middle)
    return np.asarray(np.where(over, np.nan, (low + high) / 2.0))


def slope_at_speed(
    discharge: ArrayLike, diameter: ArrayLike, speed: float, roughness: float
) -> Array:
    """Slope at which a flow runs at ``speed`` (m/s); a smaller flow may run on a steeper slope."""
    q, d = np.broadcast_arrays(np.asarray(discharge, float), np.asarray(diameter, float))
    low, high = np.zeros(q.shape), np.ones(q.shape)
    for _ in range(50):
        middle = (low + high) / 2.0
        less = section(d, middle)[0] < q / speed
        low, high = np.where(less, middle, low), np.where(less, high, middle)
    radius = np.maximum(section(d, high)[1], 1e-9)
    return np.asarray((speed * roughness / radius ** (2.0 / 3.0)) ** 2)


def hazen_williams(discharge: ArrayLike, diameter: ArrayLike, coefficient: float) -> Array:
    """Friction slope (m/m) of a full pipe, hf/L = 10.67 Q^1.852 / (C^1.852 d^4.8704) (SI)."""
    q, d = np.asarray(discharge, float), np.asarray(diameter, float)
    return np.asarray(10.67 * np.abs(q) ** 1.852 / (coefficient**1.852 * d**4.8704))


@dataclass(frozen=True)
class Rules:
    """The design rules in force, read once from the norms (``sewage.*``).

    Diameters are metres, ascending; ``max_fill`` and ``min_slope`` go with them. Peak factors are
    given at mean flows in L/s.
    """

    diameters: Array
    max_fill: Array
    min_slope: Array
    roughness: float
    max_velocity: float
    min_velocity: float
    peak_flow: Array
    peak_factors: Array
    pressure_diameters: Array
    pressure_velocity: float
    hazen_coefficient: float
    cover: float
    max_depth: float
    manhole_spacing: float

    @classmethod
    def read(cls, standards: Standards) -> Rules:
        """Read the rules; `UsageError` names every one that cannot be."""

        def of(key: str) -> Any:
            return standards.value(f"sewage.{key}")

        faults: list[Text] = []
        tables = {
            "pipe.max_fill": "pipe.diameters_mm",
            "pipe.min_slope": "pipe.diameters_mm",
            "peak.factor": "peak.flow_ls",
            "cost.pipe_yuan_m": "pipe.diameters_mm",
            "cost.pressure_yuan_m": "pressure.diameters_mm",
        }
        for key, with_ in tables.items():
            if len(of(key)) != len(of(with_)):
                faults.append(
                    Text(f"sewage.{key} 应与 sewage.{with_} 个数相同",
                         f"sewage.{key} and sewage.{with_} must have as many values")
                )  # fmt: skip
        faults += [
            Text(f"sewage.{key} 应为递增的正数", f"sewage.{key} must rise and be positive")
            for key in ("pipe.diameters_mm", "pressure.diameters_mm", "peak.flow_ls")
            if min(of(key)) <= 0 or (np.diff(of(key)) <= 0).any()
        ]
        cover, frost = float(of("gravity.cover_road_m")), float(of("gravity.frost_m"))
        rules = cls(
            np.array(of("pipe.diameters_mm"), float) / 1000.0,
            np.array(of("pipe.max_fill"), float),
            np.array(of("pipe.min_slope"), float),
            float(of("pipe.roughness")),
            float(of("pipe.max_velocity_ms")),
            float(of("gravity.min_velocity_ms")),
            np.array(of("peak.flow_ls"), float),
            np.array(of("peak.factor"), float),
            np.array(of("pressure.diameters_mm"), float) / 1000.0,
            float(of("pressure.max_velocity_ms")),
            float(of("pressure.hazen_williams")),
            max(cover, frost),
            float(of("gravity.max_depth_m")),
            float(of("gravity.manhole_spacing_m")),
        )
        for name, value, low, high in (
            ("pipe.roughness", rules.roughness, 1e-4, 0.1),
            ("pipe.max_velocity_ms", rules.max_velocity, 0.1, 20.0),
            ("gravity.manhole_spacing_m", rules.manhole_spacing, 1.0, 1000.0),
            ("pipe.max_fill", float(rules.max_fill.min()), 0.05, 1.0),
            ("pipe.max_fill", float(rules.max_fill.max()), 0.05, FULLEST),
            ("pipe.min_slope", float(rules.min_slope.min()), 1e-5, 1.0),
            ("peak.factor", float(rules.peak_factors.min()), 1.0, 20.0),
        ):
            if not low <= value <= high:
                faults.append(
                    Text(f"sewage.{name} = {value:g} 超出 {low:g}—{high:g}",
                         f"sewage.{name} = {value:g} is outside {low:g} to {high:g}")
                )  # fmt: skip
        if rules.cover + rules.diameters[0] >= rules.max_depth:
            faults.append(
                Text(
                    f"最大埋深 {rules.max_depth:g} m 不大于覆土加管径 "
                    f"{rules.cover + rules.diameters[0]:g} m，管道无处可放",
                    f"the largest depth {rules.max_depth:g} m leaves no room below the cover and "
                    f"the smallest pipe ({rules.cover + rules.diameters[0]:g} m)",
                )
            )
        if faults:
            raise UsageError(Text("；".join(f.zh for f in faults), "; ".join(f.en for f in faults)))
        return rules

    def peak(self, mean_m3d: ArrayLike) -> Array:
        """Peak flow (m³/s) of a mean flow (m³/d): mean times the tabled factor, interpolated."""
        mean = np.asarray(mean_m3d, float) / SECONDS_PER_DAY
        return np.asarray(mean * np.interp(mean * 1000.0, self.peak_flow, self.peak_factors))

    def mean_of_peak(self, peak_m3s: ArrayLike) -> Array:
        """Mean flow (m³/d) whose peak is the given flow (m³/s): the inverse of `peak`."""
        want = np.asarray(peak_m3s, float)
        low, high = np.zeros(want.shape), want * SECONDS_PER_DAY
        for _ in range(60):
            middle = (low + high) / 2.0
            less = self.peak(middle) < want
            low, high = np.where(less, middle, low), np.where(less, high, middle)
        return np.asarray(low)

    @cached_property
    def gravity_capacity(self) -> Array:
        """Peak flow (m³/s) that each diameter carries at its least slope and largest fill."""
        return flow(self.diameters, self.min_slope, self.max_fill, self.roughness)

    @cached_property
    def pressure_capacity(self) -> Array:
        """Peak flow (m³/s) of each pressure pipe at the largest velocity."""
        return np.asarray(np.pi / 4.0 * self.pressure_diameters**2 * self.pressure_velocity)

    @cached_property
    def pressure_slope(self) -> list[float]:
        """Friction slope of each pressure pipe at its capacity."""
        pairs = zip(self.pressure_capacity, self.pressure_diameters, strict=True)
        return [float(hazen_williams(q, d, self.hazen_coefficient)) for q, d in pairs]

    @cached_property
    def gravity_mean(self) -> Array:
        """Mean flow (m³/d) that each diameter carries."""
        return self.mean_of_peak(self.gravity_capacity)

    @cached_property
    def pressure_mean(self) -> Array:
        """Mean flow (m³/d) that each pressure pipe carries."""
        return self.mean_of_peak(self.pressure_capacity)

    def size(self, peak_m3s: ArrayLike) -> NDArray[np.int64]:
        """Position of the smallest diameter that carries a peak flow at its least slope.

        A larger flow never gets a smaller pipe, so diameters never fall downstream. The number of
        diameters (one past the last) says that none is large enough.
        """
        best = np.maximum.accumulate(self.gravity_capacity)
        return np.asarray(np.searchsorted(best * (1 + 1e-12), np.asarray(peak_m3s, float)))

    def least_depth(self, which: ArrayLike) -> Array:
        """Least depth of the invert (m) for a diameter: cover plus the pipe itself."""
        return np.asarray(self.cover + self.diameters[np.asarray(which, np.int64)])
