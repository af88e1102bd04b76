"""A verdict in words: the reason, and what the figures beside it say of the cause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from qianwan_gis._text import Text
from qianwan_gis.schemas import Column, Reason, value_text

#: Columns that only some coverages have: `options.extend` and terrain add them.
EXTRA: tuple[Column, ...] = (
    Column("backup_id", "text", Text("备用设施", "Second facility"), Text("限值内第二近的设施", "second nearest within the limit")),
    Column("backup_minutes", "number", Text("到备用设施时间", "Minutes to the second"), Text("", ""), "min"),
    Column("p_backup", "number", Text("有备用设施的概率", "Probability of a second"), Text("限值内有两处以上设施的抽样比例", "share of the draws with two or more in reach")),
    Column("served", "number", Text("可容纳的人口比例", "Share that finds room"), Text("设施有容量限制时，本村人口中能得到服务的比例", "where facilities can be full")),
    Column("slope_minutes", "number", Text("坡度多用时间", "Minutes lost to slopes"), Text("与同一路网全为平路相比", "against the same roads without slopes"), "min"),
    Column("slow_road", "text", Text("最费时的陡路", "Road that costs most"), Text("路名、路线编号或道路编号", "name, number or identifier")),
    Column("offroad_metres", "number", Text("村到路步行", "Walk to the road"), Text("附近无路的村翻山步行到路的距离", "over the terrain, where no road is near"), "m"),
)  # fmt: skip


def reason_text(row: Mapping[str, Any]) -> Text:
    """Return the reason of a COVERAGE row in words, with the cause where it is known.

    Parameters
    ----------
    row
        A row as a mapping; only ``reason`` must be there.
    """
    reason = str(row["reason"])
    text = value_text("reason", reason)
    if reason == Reason.STEEP_ROAD:
        lost, road = _number(row.get("slope_minutes")), str(row.get("slow_road") or "")
        if lost is not None:
            where = (f"，主要在{road}", f", most of them on {road}") if road else ("", "")
            text = Text(
                f"{text.zh}（坡度多用{lost:.1f}分钟{where[0]}）",
                f"{text.en} (slopes cost {lost:.1f} minutes{where[1]})",
            )
    elif reason == Reason.FACILITY_FULL:
        share = _number(row.get("served"))
        if share is not None:
            text = Text(
                f"{text.zh}（只能容纳本村{share:.0%}的人）",
                f"{text.en} (room for {share:.0%} of the village)",
            )
    walked = _number(row.get("offroad_metres"))
    if walked is not None:
        text = Text(
            f"{text.zh}；附近无路，步行{walked:.0f}米到路",
            f"{text.en}; no road near, {walked:.0f} m on foot to one",
        )
    return text


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def reason_texts(coverage: pd.DataFrame) -> list[Text]:
    """Return `reason_text` of every row."""
    names = ["reason", "slope_minutes", "slow_road", "served", "offroad_metres"]
    shown = coverage[[name for name in names if name in coverage.columns]]
    return [reason_text(row) for row in shown.to_dict("records")]
