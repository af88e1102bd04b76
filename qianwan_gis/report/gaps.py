"""What the spacing of services along the corridor comes to, one sentence a kind."""

from __future__ import annotations

from typing import Any

import pandas as pd

from qianwan_gis._text import Text
from qianwan_gis.corridor.report import KINDS, readable
from qianwan_gis.layers import Results

_ORDER = {"over": 0, "unknown": 1, "ok": 2, "none": 3}


def gap_findings(results: Results, *, only_over: bool = False) -> list[Text]:
    """Return one sentence per kind of service, gaps first; none where stakes may not be shown.

    Parameters
    ----------
    only_over
        Only what is over its limit.
    """
    table = results.corridor_tables.get("findings")
    if table is None or not results.disclosure.stakes:
        return []
    rows = [
        (row, {lang: readable(pd.DataFrame([row]), lang).iloc[0] for lang in ("zh", "en")})
        for row in table.to_dict("records")
        if row["verdict"] == "over" or not only_over
    ]
    rows.sort(key=lambda pair: _ORDER[pair[0]["verdict"]])
    return [_sentence(row, words) for row, words in rows]


def _sentence(row: dict[str, Any], words: dict[str, Any]) -> Text:
    title = next(kind.title for kind in KINDS if kind.key == row["kind"])
    limit = f"{row['limit_km']:g}"
    limits = Text(
        f"限值{limit}公里，端头{row['limit_km'] / 2:g}公里",
        f"limit {limit} km, {row['limit_km'] / 2:g} km from an end",
    )
    if row["verdict"] == "none":
        return Text(
            f"{title.zh}（限值{limit}公里）没有名录，未评估。",
            f"{title.en} (limit {limit} km): no register, not assessed.",
        )
    zh, en = words["zh"], words["en"]
    worst = f"{row['worst_km']:.1f}"
    where = Text(
        f"{row['branch']}“{zh['worst_from']}”至“{zh['worst_to']}”{worst}公里",
        f"{row['branch']} from {en['worst_from']} to {en['worst_to']}, {worst} km",
    )
    allowed = f"{row['worst_allowed_km']:g}"
    if row["verdict"] == "ok":
        return Text(
            f"{title.zh}：路边{row['on_road']}处，间距均不超过限值（{limits.zh}）；最大为{where.zh}。",
            f"{title.en}: {row['on_road']} on the road, all within the limit ({limits.en}); "
            f"widest: {where.en}.",
        )
    least = Text(
        f"最差为{where.zh}，允许{allowed}公里；在{zh['proposed']}增设可补足该区间，全线共缺{row['missing']}处。",
        f"worst: {where.en}, {allowed} km allowed; {en['proposed']} would close it, "
        f"{row['missing']} missing in all.",
    )
    intervals = "interval" if row["over"] == 1 else "intervals"
    if row["verdict"] == "unknown":
        return Text(
            f"{title.zh}：按已有名录有{row['over']}段超限（{limits.zh}），但名录不完整，不能判定；{least.zh}",
            f"{title.en}: {row['over']} {intervals} over the limit ({limits.en}) by the present, "
            f"incomplete register, so nothing is concluded; {least.en}",
        )
    return Text(
        f"{title.zh}：{row['over']}段超限（{limits.zh}）；{least.zh}",
        f"{title.en}: {row['over']} {intervals} over the limit ({limits.en}); {least.en}",
    )
