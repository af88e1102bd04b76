"""What readers see above the columns, and the words of a verdict."""

from __future__ import annotations

import pandas as pd

from qianwan_gis._text import Text

#: Column headings of the tables.
COLUMN_TEXT: dict[str, Text] = {
    "order": Text("序号", "No."),
    "site_id": Text("选址编号", "Site"),
    "name": Text("名称", "Name"),
    "township": Text("乡镇", "Township"),
    "lon": Text("经度", "Longitude"),
    "lat": Text("纬度", "Latitude"),
    "villages": Text("新增覆盖村数（期望）", "Villages added (expected)"),
    "villages_low": Text("新增村数下限", "Villages added, low"),
    "villages_high": Text("新增村数上限", "Villages added, high"),
    "people": Text("新增覆盖人口（期望）", "People added (expected)"),
    "people_low": Text("新增人口下限", "People added, low"),
    "people_high": Text("新增人口上限", "People added, high"),
    "villages_sure": Text("确定新增村数", "Villages surely added"),
    "p_chosen": Text("入选比例（各次抽样）", "Share of draws that choose it"),
    "load": Text("承担需求", "Demand served"),
    "second": Text("得到第二处设施的需求", "Demand with a second facility"),
    "cost": Text("造价", "Cost"),
    "added": Text("新增处数", "Sites added"),
    "covered": Text("覆盖合计（期望）", "Covered in all (expected)"),
    "best": Text("同等处数的最优", "Best for that number"),
    "bound": Text("已证明的上界", "Proven bound"),
    "gap": Text("与上界之差", "Gap to the bound"),
    "code": Text("村代码", "Village code"),
    "p_before": Text("现状覆盖概率", "Probability before"),
    "p_after": Text("增设后覆盖概率", "Probability after"),
    "verdict": Text("结论", "Verdict"),
}

VERDICT_TEXT: dict[str, Text] = {
    "gained": Text("确定新增", "gained"),
    "likely": Text("可能新增", "likely gained"),
    "possible": Text("或可新增", "possibly gained"),
}


def headings(table: pd.DataFrame) -> list[Text]:
    """Return what readers see above the columns of one of the tables."""
    return [COLUMN_TEXT.get(str(c), Text(str(c), str(c))) for c in table.columns]
