"""How a plan answers to prices: the same county planned again with one price changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.services._sewage.costs import scaled

if TYPE_CHECKING:
    from qianwan_gis.services._sewage.plan import SewagePlan


def run(
    plan: SewagePlan, factors: tuple[str, ...], by: tuple[float, ...], *, time_limit: float | None
) -> pd.DataFrame:
    """Return one row per factor and multiplier.

    Parameters
    ----------
    factors
        Groups of prices (`costs.FACTORS`) or ``discount``.
    by
        Multipliers, not negative.

    Returns
    -------
    ``factor``, ``times``, ``cost_yuan``, ``gap``, ``status``, ``change`` (relative to the plan),
    number of villages by choice, and ``switched``: codes of the villages that choose otherwise.
    """
    from qianwan_gis.services._sewage.plan import again

    if plan.frame is None:
        raise UsageError(Text("没有地形，规划未评估", "nothing was assessed: there is no terrain"))
    bad = [b for b in by if not b >= 0]
    if bad:
        raise UsageError(Text(f"倍数不能为负：{bad}", f"a multiplier cannot be negative: {bad}"))
    before = plan.decisions.set_index("code")["choice"]
    rows = []
    for factor in factors:
        for times in by:
            other = again(plan, scaled(plan.inputs["standards"], factor, times), time_limit)
            after = other.decisions.set_index("code")["choice"]
            rows.append(
                {
                    "factor": factor, "times": times, "cost_yuan": other.cost, "gap": other.gap,
                    "status": other.status, "change": other.cost / plan.cost - 1.0,
                    **{
                        name: int(after.eq(name).sum())
                        for name in ("sewer", "station", "shared_station", "on_site", "reuse", "tank")
                    },
                    "switched": " ".join(after.index[after.ne(before)]),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)
