"""How much water villages want: quota x people x shares x peak factors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qianwan_gis._errors import ProblemLog

if TYPE_CHECKING:
    from qianwan_gis.services._water.hydraulics import Rules


def demands(villages: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Return the demand of every village, with the index of ``villages``.

    Parameters
    ----------
    villages
        ``code`` and ``population``; ``quota_lpcd`` (L per person and day) where a village has a
        quota of its own.

    Returns
    -------
    ``mean_m3d`` (average day), ``demand_m3d`` (peak day), ``peak_ls`` (peak hour, L/s).

    Raises
    ------
    DataError
        Naming every village without people, with nought or fewer, or with a quota below nought.
    """
    log = ProblemLog()
    people = pd.to_numeric(villages["population"], errors="coerce")
    quota = pd.Series(rules["village.quota_lpcd"], index=villages.index)
    if "quota_lpcd" in villages:
        quota = pd.to_numeric(villages["quota_lpcd"], errors="coerce").fillna(quota)
    for code, n, q in zip(villages["code"], people, quota, strict=True):
        if not (n > 0 and np.isfinite(n)):
            given = "缺失" if np.isnan(n) else f"{n:g}"
            log.add("error", "no_people", f"村庄 {code} 的人口为“{given}”，无法计算需水量",
                    f"village {code} has population “{'missing' if np.isnan(n) else f'{n:g}'}”",
                    file="villages", row=str(code), field="population",
                    fix=("补充人口，或先从表中剔除该村", "supply the people, or leave the village out"))  # fmt: skip
        if not (q > 0 and np.isfinite(q)):
            log.add("error", "bad_quota", f"村庄 {code} 的定额 {q:g} 不是正数",
                    f"village {code} has a quota of {q:g}", file="villages", row=str(code),
                    field="quota_lpcd")  # fmt: skip
    log.raise_errors()
    home = people * quota / 1000.0
    mean = home * (1.0 + rules["demand.other_share"]) * (1.0 + rules["demand.leak_share"])
    day = mean * rules["demand.day_factor"]
    return pd.DataFrame(
        {
            "mean_m3d": mean,
            "demand_m3d": day,
            "peak_ls": day / 86.4 * rules["demand.hour_factor"],
        },
        index=villages.index,
    )


def pattern(rules: Rules) -> list[float]:
    """Return 24 hourly multipliers of the peak day's mean flow.

    Two rises, at breakfast and supper; the largest is the hour factor, the smallest the night
    factor, the mean 1. The shape between is ours: cos-shaped peaks whose width follows.
    """
    high, low = rules["demand.hour_factor"], rules["demand.night_factor"]
    if high <= low:
        return [1.0] * 24
    hours = np.arange(24.0)
    shape = np.maximum(np.maximum(_hump(hours, 7.0), _hump(hours, 18.0)), 0.75 * _hump(hours, 12.0))
    shape = (shape - shape.min()) / (shape.max() - shape.min())
    # a power of the shape leaves its ends at 0 and 1 and moves its mean where it must be
    wanted = (1.0 - low) / (high - low)
    powers = np.array([1e-3, 1e3])
    for _ in range(80):
        middle = float(np.sqrt(powers[0] * powers[1]))
        powers[0 if (shape**middle).mean() > wanted else 1] = middle
    return [float(v) for v in low + (high - low) * shape**middle]


def _hump(hours: np.ndarray, at: float) -> np.ndarray:
    away = np.minimum(np.abs(hours - at), 24.0 - np.abs(hours - at))
    return np.asarray(np.exp(-((away / 4.0) ** 2)))


def scale_class(m3d: float, rules_scale: dict[str, float]) -> str:
    """Return the class (Ⅰ to Ⅴ) of a scheme by its peak-day supply (m³/d)."""
    for name, key in (("Ⅰ", "class1"), ("Ⅱ", "class2"), ("Ⅲ", "class3"), ("Ⅳ", "class4")):
        if m3d >= rules_scale[key]:
            return name
    return "Ⅴ"
