"""What to collect first: what it is, why, from whom, and how many villages wait for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qianwan_gis._text import Text
from qianwan_gis.indicators._disclosure import any_presumed
from qianwan_gis.indicators._summary import one_definition
from qianwan_gis.schemas import Basis, Inventory, Match, Reason, value_text

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.network import RoadNetwork

#: Who keeps the register of a service, in general terms.
_KEEPERS = {
    "clinic": Text("卫生健康部门", "health department"),
    "sewage": Text("住建、生态环境部门", "housing and environment departments"),
    "water": Text("水务部门", "water department"),
}


def to_collect(
    coverage: pd.DataFrame,
    villages: pd.DataFrame,
    inventories: Mapping[tuple[str, str], Inventory],
    *,
    network: RoadNetwork | None = None,
    roads: gpd.GeoDataFrame | None = None,
    corridor_basis: str | None = None,
    undefined: Iterable[str] = (),
    has_terrain: bool = False,
) -> pd.DataFrame:
    """Return what to collect first: what it is, why, from whom, and how many villages wait for it.

    Ordered by the number of villages that each would let decide; listed villages' positions come
    first of all, because every service waits for them.

    Returns
    -------
    Table ``rank, item, why, department, villages``; item, why and department are `Text`.
    """
    rows: list[tuple[int, Text, Text, Text, int]] = []
    listed = villages["lists"].fillna("").astype(str).ne("")
    no_point = villages["basis"].ne(str(Basis.POINT))
    total = len(villages)
    survey = Text("农业农村部门、各乡镇", "agriculture department, townships")
    count = int((listed & no_point).sum())
    if count:
        rows.append((0, Text("名单村的位置（村委会坐标）", "positions of the listed villages"),
                     Text(f"名单内{int(listed.sum())}个村中{count}个没有点位，各项服务都无法精确判定",
                          f"{count} of {int(listed.sum())} listed villages have no point: no service "
                          "can be judged sharply"), survey, count))  # fmt: skip
    count = int((~listed & no_point).sum())
    if count:
        rows.append((1, Text("其余村的位置（村委会坐标）", "positions of the other villages"),
                     Text(f"名单外{int((~listed).sum())}个村中{count}个没有点位；需求和容量要算全县",
                          f"{count} of {int((~listed).sum())} other villages have no point; demand is "
                          "everybody"), survey, count))  # fmt: skip
    shared = int(villages["match"].eq(str(Match.SETTLEMENT)).sum())
    if shared:
        rows.append((1, Text("镇区内各村的分村点位", "own points of villages inside towns"),
                     Text(f"{shared}个村共用镇区点位", f"{shared} villages share a town's point"),
                     survey, shared))  # fmt: skip
    rows += _registers(coverage, inventories)
    if any_presumed(network, roads):
        waiting = coverage["reason"].eq(str(Reason.UNDECIDED)) & coverage["basis"].isin(
            ["presumed", "assumed"]
        )
        count = int(coverage.loc[waiting, "code"].nunique())
        rows.append((1, Text("农村公路矢量数据（含等级、路面）", "rural roads with class and surface"),
                     Text(f"村级道路为推定，{total}个村的时间只能给区间，{count}个村因此不能下结论",
                          f"village roads are presumed: minutes are ranges for {total} villages and "
                          f"{count} stay undecided"),
                     Text("交通运输部门", "transport department"), max(count, 1)))  # fmt: skip
    without = ~villages["code"].astype(str).str.fullmatch(r"\d{12}")
    no_code, no_code_listed = int(without.sum()), int((without & listed).sum())
    if no_code:
        rows.append((1, Text("无代码村的核实（合并、更名或误印）", "villages without a code"),
                     Text(f"{no_code}个村在代码表中查不到，其中名单村{no_code_listed}个", f"{no_code} villages have no code, {no_code_listed} of them listed"),
                     Text("民政、统计部门", "civil affairs and statistics departments"), no_code))  # fmt: skip
    facts = pd.DataFrame(villages).reindex(
        columns=["code", "population", "population_kind", "population_year"]
    )
    if one_definition(facts) is None:
        lacking = int(pd.to_numeric(facts["population"], errors="coerce").isna().sum())
        rows.append((2, Text("各村人口（同一口径、同一年份）", "population by one definition and year"),
                     Text(f"{lacking}个村没有人口数，其余口径或年份不一；按人口的指标不能给出",
                          f"{lacking} villages have none, the others differ in definition or year; "
                          "no figure in people can be given"),
                     Text("公安、统计部门", "police and statistics departments"), total))  # fmt: skip
    names = [name for name in undefined if name]
    if corridor_basis in (None, "presumed"):
        rows.append((3, Text("示范廊带的线位、桩号和范围", "line, stakes and extent of the corridor"),
                     Text("线位缺失或为推定，桩号和沿线指标不能给出"
                          + (f"；尚无范围：{'、'.join(names)}" if names else ""),
                          "the line is missing or presumed"
                          + (f"; without extent: {', '.join(names)}" if names else "")),
                     Text("交通运输、自然资源部门", "transport and natural resources departments"),
                     total))  # fmt: skip
    if not has_terrain:
        rows.append((4, Text("数字高程（30米或更细）", "terrain, 30 m or finer"),
                     Text("没有地形数据，行程时间不计坡度，重力流和供水压力不能算",
                          "no terrain: times take no account of slopes; no gravity flow, no water "
                          "pressure"),
                     Text("自然资源部门", "natural resources department"), total))  # fmt: skip
    rows.sort(key=lambda row: (row[0], -row[4]))
    table = pd.DataFrame(
        [row[1:] for row in rows], columns=["item", "why", "department", "villages"]
    )
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table


def _registers(
    coverage: pd.DataFrame, inventories: Mapping[tuple[str, str], Inventory]
) -> list[tuple[int, Text, Text, Text, int]]:
    """Return one row per register that is not complete, with the villages that wait for it."""
    rows = []
    waiting_for = {
        str(r)
        for r in (
            Reason.INVENTORY_INCOMPLETE, Reason.NO_SEWER_RECORD, Reason.NO_WORKS_REGISTER,
            Reason.SCREEN_ONLY, Reason.SAME_POINT,
        )
    }  # fmt: skip
    for (service, tier), part in coverage.groupby(["service", "tier"], sort=False):
        inventory = Inventory(inventories.get((str(service), str(tier)), Inventory.NONE))
        count = int(part["reason"].isin(waiting_for).sum())
        if inventory is Inventory.COMPLETE or not count:
            continue
        name, kind = value_text("tier", tier), value_text("inventory", inventory)
        rows.append((1, Text(f"{name.zh}名录（位置、容量、服务村）",
                             f"register of {name.en}: places, capacity, villages served"),
                     Text(f"现有名录{kind.zh}，{len(part)}个村中{count}个因此不能判定",
                          f"the register is “{kind.en}”: {count} of {len(part)} villages stay unknown"),
                     _KEEPERS.get(str(service), Text("主管部门", "department in charge")), count))  # fmt: skip
    return rows
