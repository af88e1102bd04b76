"""How much wastewater: people, quota and the share of the water that comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qianwan_gis._errors import ProblemLog, UsageError
from qianwan_gis._text import Text

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from qianwan_gis.standards import Standards

    Array = NDArray[np.float64]


def litres(standards: Standards) -> float:
    """Wastewater per person and day (L): quota of the case in force times the coefficient.

    GB/T 51347-2019, 4.1: the case is ``sewage.use.level``, one of the ``sewage.use.*`` entries.
    """
    level = str(standards.value("sewage.use.level"))
    quota = float(standards.value(f"sewage.use.{level}"))
    share = float(standards.value("sewage.flow.coefficient"))
    if not (quota > 0 and 0 < share <= 1):
        raise UsageError(
            Text(
                f"用水定额 {quota:g} L/(人·d)、排放系数 {share:g} 不合理",
                f"quota {quota:g} L/(person d) with coefficient {share:g} cannot be",
            )
        )
    return quota * share


def wastewater(people: pd.Series | Array, standards: Standards) -> Array:
    """Mean wastewater (m³/d) of numbers of people."""
    return np.asarray(people, float) * litres(standards) / 1000.0


def check_people(people: Any, names: Any, *, what: str) -> Array:
    """Return people as numbers; `DataError` names every row with none, none at all, or a negative.

    Zero in every row is an error too: a plan for nobody is a fault in the table.
    """
    values = np.asarray(people, dtype=float)
    log = ProblemLog()
    for name, value in zip(names, values, strict=True):
        if np.isnan(value):
            log.add("error", "no_people", "没有人口数", "no number of people", file=what,
                    row=str(name), field="population",
                    fix=("补填人口，或先剔除该行", "fill it in, or leave the row out"))  # fmt: skip
        elif value < 0 or np.isinf(value):
            log.add("error", "bad_people", f"人口为 {value:g}", f"{value:g} people", file=what,
                    row=str(name), field="population")  # fmt: skip
    if not log.errors and not (values > 0).any():
        log.add("error", "no_people", "所有行的人口都是0", "there are no people in any row",
                file=what, field="population")  # fmt: skip
    log.raise_errors()
    return values


def check_above_sea(ground: Array, names: Any, *, what: str) -> None:
    """Raise `DataError` for ground below 0 m: a wrong datum or a hole in the raster, not a plant."""
    log = ProblemLog()
    for name, height in zip(names, ground, strict=True):
        if height < 0:
            log.add(
                "error", "below_sea_level",
                f"地面高程 {height:.1f} m，低于海平面", f"the ground is at {height:.1f} m, below the sea",
                file=what, row=str(name),
                fix=("核对高程基准、单位和无数据值", "check the height datum, unit and nodata value"),
            )  # fmt: skip
    log.raise_errors()


__all__ = ["check_above_sea", "check_people", "litres", "wastewater"]
