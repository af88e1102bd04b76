"""The handful of numbers that a run ends with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qianwan_gis._text import Text
from qianwan_gis.schemas import Basis, Match, Reason, value_text

if TYPE_CHECKING:
    import geopandas as gpd


def first_run_numbers(
    village_list: pd.DataFrame | None,
    villages: gpd.GeoDataFrame,
    coverage: pd.DataFrame,
) -> pd.DataFrame:
    """Return the handful of numbers that a run ends with, all counted from its tables.

    Parameters
    ----------
    village_list
        `VillageList.table`: one row per printed village and list; None without a list.
    villages, coverage
        VILLAGES and COVERAGE of the run.

    Returns
    -------
    Table ``key, item, value``; item is `Text`, value is text (``5/60``) ready to print.
    """
    rows: list[tuple[str, Text, str]] = []
    if village_list is not None and len(village_list):
        rows += _list_numbers(village_list)
    listed = villages["lists"].fillna("").astype(str).ne("")
    subject = villages[listed] if listed.any() else villages
    who = Text("名单村", "listed villages") if listed.any() else Text("全部村", "all villages")
    own = subject[subject["basis"].eq(str(Basis.POINT))]
    shared = own["match"].eq(str(Match.SETTLEMENT))
    old = own["evidence"].fillna("").astype(str).str.contains("1911") & ~shared

    def places(table: gpd.GeoDataFrame) -> int:
        return len(set(zip(table.geometry.x.round(1), table.geometry.y.round(1), strict=True)))

    region = subject["basis"].eq(str(Basis.REGION))
    none = subject["basis"].eq(str(Basis.NONE))
    rows += [
        ("villages", Text("村级单元（含无代码的名单村）", "units, listed villages without code included"),
         str(len(villages))),
        ("points_own", Text(f"{who.zh}：有自己的点位", f"{who.en} with a point of their own"),
         str(int((~shared).sum()))),
    ]  # fmt: skip
    if old.any():
        rows.append(("points_1911", Text("　其中来自1911年图层", "  of these from the 1911 layer"),
                     str(int(old.sum()))))  # fmt: skip
    rows += [
        ("points_shared", Text(f"{who.zh}：共用镇区点位的村数／点数", f"{who.en} on shared town points / points"),
         f"{int(shared.sum())}/{places(own[shared])}"),
        ("places", Text(f"{who.zh}：不同的点位", f"{who.en}, distinct places"), str(places(own))),
        ("region_only", Text(f"{who.zh}：仅知所在区域", f"{who.en} known by region only"),
         str(int(region.sum()))),
    ]  # fmt: skip
    if none.any():
        rows.append(("unlocated", Text(f"{who.zh}：无任何位置依据", f"{who.en} without any position"),
                     str(int(none.sum()))))  # fmt: skip
    same = coverage["reason"].eq(str(Reason.SAME_POINT))
    for (service, tier), part in coverage[same].groupby(["service", "tier"], sort=False):
        name = value_text("tier", tier)
        inside = part["code"].isin(set(villages.loc[listed, "code"]))
        rows.append((f"same_point_{service}_{tier}",
                     Text(f"{name.zh}：与假定设施同点、不评估（其中名单村）",
                          f"{name.en}: same point as assumed, not assessed (of these listed)"),
                     f"{len(part)} ({int(inside.sum())})"))  # fmt: skip
    for (service, tier), part in coverage.groupby(["service", "tier"], sort=False):
        name = value_text("tier", tier)
        known = int(part["covered"].notna().sum())
        rows.append((f"assessed_{service}_{tier}",
                     Text(f"{name.zh}：已评估／全部", f"{name.en}: assessed / all"),
                     f"{known}/{len(part)}"))  # fmt: skip
    return pd.DataFrame(rows, columns=["key", "item", "value"])


def _list_numbers(table: pd.DataFrame) -> list[tuple[str, Text, str]]:
    """Count rows by list and category, as printed and as proposed, and the overlap of the lists."""
    rows: list[tuple[str, Text, str]] = [
        ("list_rows", Text("名单行数", "list rows"), str(len(table)))
    ]
    order = ["精品示范村", "提档升级村", "环境整治村"]
    names = list(dict.fromkeys(table["list"].astype(str)))

    def split(part: pd.DataFrame, column: str) -> str:
        counts = part[column].value_counts()
        kinds = [k for k in order if k in set(part["category_printed"]) | set(part["category"])]
        return "/".join(str(int(counts.get(k, 0))) for k in kinds)

    for name in names:
        part = table[table["list"].astype(str).eq(name)]
        printed, proposed = split(part, "category_printed"), split(part, "category")
        value = f"{len(part)}: {printed}"
        if proposed != printed:
            value += f" → {proposed}"
        rows.append((f"list_{name}", Text(f"{name}名单：行数：精品/提档（印刷 → 建议）",
                     f"list {name}: rows: categories (printed → proposed)"), value))  # fmt: skip
    code = table["code"].fillna("").astype(str)
    identity = code.where(
        code.ne(""), table["township"].astype(str) + "|" + table["name"].astype(str)
    )
    on = {name: set(identity[table["list"].astype(str).eq(name)]) for name in names}
    if len(names) == 2:
        first, second = (on[name] for name in names)
        rows += [
            ("both", Text("两份名单都有", "on both lists"), str(len(first & second))),
            (f"only_{names[0]}", Text(f"只在{names[0]}", f"only on {names[0]}"), str(len(first - second))),
            (f"only_{names[1]}", Text(f"只在{names[1]}", f"only on {names[1]}"), str(len(second - first))),
        ]  # fmt: skip
    rows += [
        ("distinct", Text("不重复的村", "distinct villages"), str(identity.nunique())),
        ("without_code", Text("没有代码的村", "villages without a code"),
         str(identity[code.eq("")].nunique())),
    ]  # fmt: skip
    return rows
