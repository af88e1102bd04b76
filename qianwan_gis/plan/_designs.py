"""What the designed services, sewage and water, have in common: what they need, what if they fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import pandas as pd

from qianwan_gis._errors import DataError, Problem, UnavailableError, UsageError
from qianwan_gis._text import Text
from qianwan_gis.plan import _reading
from qianwan_gis.terrain import Terrain

if TYPE_CHECKING:
    from qianwan_gis.plan._plan import Plan
    from qianwan_gis.services.sewage import SewagePlan
    from qianwan_gis.services.water import WaterPlan

_Designed = TypeVar("_Designed", "SewagePlan", "WaterPlan")


def of_kind(table: pd.DataFrame, service: str, tier: str) -> pd.DataFrame:
    """Return the facilities (or supplies) of one service and tier."""
    return table[(table["service"] == service) & (table["tier"] == tier)]


def terrain_of(plan: Plan) -> Terrain:
    """Return the county's terrain, without which nothing can be designed."""
    if plan.terrain is None:
        raise UnavailableError(
            Text("未评估：没有地形数据（county.toml 的 [terrain]），只能看距离筛查",
                 "not assessed: no terrain ([terrain] in county.toml); only the distance screen stands")
        )  # fmt: skip
    return plan.terrain


def if_possible(
    plan: Plan, make: Callable[[], _Designed], service: str, what: Text, file: str
) -> _Designed | None:
    """Make a design; where the inputs do not allow it say why and let the other services go on."""
    try:
        found = make()
    except (DataError, UsageError) as error:
        text = error.problems[0].text if isinstance(error, DataError) else error.text
        why = Text(f"没有{what.zh}方案：{text.zh}", f"no {what.en} plan: {text.en}")
        fix = Text(f"qianwan {service} 列出全部问题", f"qianwan {service} lists every fault")
        plan.tell(Problem(f"no_{service}_plan", "warning", why, file=file, fix=fix))
        return None
    _reading.tell(plan, found.problems)
    return found
