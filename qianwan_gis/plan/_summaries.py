"""What a plan says of itself: summaries, what may be shown, what to collect, titles and marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast, get_args

import pandas as pd

from qianwan_gis import indicators
from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.schemas import value_text

if TYPE_CHECKING:
    from qianwan_gis.county import County
    from qianwan_gis.plan._plan import Plan


def summary(plan: Plan, by: str, rows: pd.DataFrame | None) -> pd.DataFrame:
    """Sum coverage up by group, see `Plan.summary`."""
    groups = get_args(indicators.By)
    if by not in groups:
        there = ", ".join(groups)
        raise UsageError(
            Text(f"汇总方式应为 {there}，不是“{by}”", f"by is one of {there}, not “{by}”")
        )
    return indicators.summary(
        plan.coverage if rows is None else rows, plan.villages, cast("indicators.By", by),
        county=plan.county.name,
        corridor_villages=plan.corridor_villages, inventories=plan.inventories,
    )  # fmt: skip


def disclosure(plan: Plan) -> indicators.Disclosure:
    """What these data do not bear and no output may show."""
    return indicators.Disclosure.of(
        plan.villages, plan.inventories, network=plan.network, roads=plan.roads,
        corridor_basis=plan.corridor.basis if plan.corridor else None,
        terrain_cell_m=plan.terrain.cell_m if plan.terrain else None,
        own_township_areas=plan.township_areas is not None,
    )  # fmt: skip


def to_collect(plan: Plan) -> pd.DataFrame:
    """What to collect first, with the reason and how many villages it would settle."""
    spec = plan.county.corridor
    return indicators.to_collect(
        plan.coverage, plan.villages, plan.inventories, network=plan.network, roads=plan.roads,
        corridor_basis=plan.corridor.basis if plan.corridor else None,
        undefined=spec.undefined if spec else (), has_terrain=plan.terrain is not None,
    )  # fmt: skip


def headline(plan: Plan) -> pd.DataFrame:
    """Return the run's own numbers in its language."""
    lists = plan.village_list
    table = indicators.first_run_numbers(
        lists.table if lists else None, plan.villages, plan.coverage
    )
    return pd.DataFrame(
        {"item": [text.get(plan.lang) for text in table["item"]], "value": table["value"]}
    )


def match_summary(plan: Plan) -> pd.DataFrame:
    """Return villages by class of positional evidence, with its name."""
    table = plan.located.by_match()
    words = [value_text("match", match).get(plan.lang) for match in table["match"]]
    table.insert(1, "title", words)
    return table


def title(county: County) -> Text:
    """Return the title that outputs carry."""
    name = county.title
    return Text(
        f"{name.zh}“千万工程”示范廊带规划分析", f"{name.en}: Thousand Villages corridor analysis"
    )


def marks(county: County) -> list[Text]:
    """Return the watermarks of every output."""
    found = []
    if county.synthetic:
        found.append(Text("合成数据", "Synthetic data"))
    if not county.map.review_number:
        found.append(Text(county.map.scope, county.map.scope_en))
    return list(dict.fromkeys(found))
