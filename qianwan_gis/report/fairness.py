"""The chapter on fairness: life circles, equity of access, the Rural Access Index."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from qianwan_gis._text import Text
from qianwan_gis.export.document import Document
from qianwan_gis.export.fairness import fairness_tables, service_name
from qianwan_gis.layers import Results
from qianwan_gis.report._parts import add_table

_NAMES = {
    "circles": Text("一刻钟生活圈", "the quarter-hour life circle"),
    "equity": Text("公平指标", "equity of access"),
    "rural_access": Text("农村可达指数", "the Rural Access Index"),
}
#: Columns that fit a page; the workbook has all.
_SHOWN: dict[str, tuple[str, ...]] = {
    "rural_access": ("method", "assessed", "within", "within_low", "within_high", "share_villages",
                     "people_within", "share_people"),
    "equity": ("service", "group", "mean", "gini", "palma", "share_of_worst_decile",
               "minutes_mean", "minutes_worst"),
    "life_circle_groups": ("group", "villages", "complete_villages", "incomplete",
                           "undecided", "share_complete"),
}  # fmt: skip

#: Headings short enough for a page.
_SHORT = {
    "mean": Text("每千人设施量", "Supply per thousand"),
    "gini": Text("基尼系数", "Gini"),
    "share_of_worst_decile": Text("属最差一成", "In the worst tenth"),
    "minutes_mean": Text("平均分钟", "Mean minutes"),
    "minutes_worst": Text("最差一成分钟", "Minutes, worst tenth"),
    "complete_villages": Text("完整", "Complete"),
    "incomplete": Text("不完整", "Incomplete"),
    "undecided": Text("未知", "Unknown"),
}
_DIGITS = {"mean": 3, "gini": 2, "palma": 2, "minutes_mean": 1, "minutes_worst": 1}
_TOWNSHIPS = 5


def fairness_chapter(document: Document, results: Results) -> None:
    """Add the chapter: what the data bear, and why the rest is left out."""
    document.heading(1, Text("公平与可达", "Fairness of access"))
    found = results.fairness
    tables = {t.key: t for t in fairness_tables(results)}
    if "rural_access" in tables and len(found.rural_access):
        document.say(_index(found.rural_access.iloc[0].to_dict()))
    if "life_circle_groups" in tables:
        document.say(_circle(results))
    if "equity" in tables:
        document.say(
            Text(
                "基尼系数0为完全均等，1为全归一处；帕尔马比值为最好一成所得与最差四成所得之比（无可达者不给）；"
                "按人计者以同口径人口为权。",
                "Gini is 0 when all are served alike, 1 when one has everything; the Palma ratio is what "
                "the best-served tenth gets over what the worst two fifths get (blank where they get "
                "nothing); weighed by people where one definition of population allows.",
            )
        )
        document.say(
            Text(
                f"下表列全县、各类别和每项服务时间最长的{_TOWNSHIPS}个乡镇，其余见 tables.xlsx。",
                f"The table has the county, the categories and, of each service, the {_TOWNSHIPS} "
                "townships that are furthest from it; tables.xlsx has all.",
            )
        )
    for key, names in _SHOWN.items():
        if key in tables:
            table = tables[key]
            kept = [c for c in table.columns if c.name in names]
            kept.sort(key=lambda c, names=names: names.index(c.name))  # type: ignore[misc]
            frame = _worst_townships(table.frame, found.equity) if key == "equity" else table.frame
            if "scope" in frame:  # the county has no group: its scope names it
                blank = frame["group"].eq("") | frame["group"].isna()
                frame = frame.assign(group=frame["group"].mask(blank, frame["scope"]))
            frame = frame[[c.name for c in kept]].copy()
            for name, digits in _DIGITS.items():
                if name in frame:
                    frame[name] = [("" if v != v else f"{v:.{digits}f}") for v in frame[name]]
            short = [replace(c, title=_SHORT.get(c.name, c.title),
                             unit="" if c.name in _SHORT else c.unit) for c in kept]  # fmt: skip
            shown = replace(table, frame=frame, columns=tuple(short))
            add_table(document, results, shown, table.title, limit=40)
    document.bullets(withheld(results))


def _worst_townships(frame: pd.DataFrame, equity: pd.DataFrame) -> pd.DataFrame:
    """Keep the county, the categories, and of each tier the townships furthest from it."""
    towns = equity[equity["scope"].eq("township")]
    # a score without minutes: somebody there has no way at all, which is further than any
    cut_off = towns["minutes_worst"].isna() & towns["mean"].notna()
    towns = towns.assign(_far=towns["minutes_worst"].mask(cut_off, np.inf)).sort_values(
        ["_far", "group"], ascending=[False, True]
    )
    far = towns.groupby(["service", "tier"]).head(_TOWNSHIPS).index
    return frame[~equity["scope"].eq("township").to_numpy() | frame.index.isin(far)]


def withheld(results: Results) -> list[Text]:
    """Return what is left out and why, in sentences."""
    return [_withheld(key, why) for key, why in results.fairness.withheld.items()]


def _withheld(key: str, why: Text) -> Text:
    name = _NAMES.get(key)
    if name is None:
        return Text(f"公平指标未计入：{why.zh}", f"Not among the equity figures: {why.en}")
    return Text(
        f"未给出{name.zh}：{why.zh}", f"{name.en[0].upper()}{name.en[1:]} is withheld: {why.en}"
    )


def _index(row: dict[str, float]) -> Text:
    n, near = int(row["assessed"]), int(row["within"])
    zh = (
        f"距全天候道路2千米以内（直线）的村{near}个，占有点位的{n}个村的{row['share_villages']:.1%}"
    )
    en = f"{near} of the {n} villages with a point lie within 2 km of an all-season road ({row['share_villages']:.1%})"
    if row["share_people"] == row["share_people"]:
        zh += f"；按人口为{row['share_people']:.1%}（SDG 9.1.1 口径）"
        en += f"; {row['share_people']:.1%} of their people (SDG 9.1.1)"
    return Text(f"{zh}。", f"{en}.")


def _circle(results: Results) -> Text:
    groups = results.fairness.circle_groups
    county = groups[groups["scope"].eq("county")].iloc[0]
    circles = results.fairness.circles
    unknown = sorted({k for keys in circles["unknown"] for k in str(keys).split(";") if k})
    everywhere = [
        k
        for k in unknown
        if circles["unknown"].map(lambda keys, k=k: k in str(keys).split(";")).all()
    ]
    zh = (f"步行15分钟生活圈：完整{county['complete']}个村，缺服务{county['incomplete']}个村，"
          f"未定{county['unknown']}个村。")  # fmt: skip
    en = (f"Life circle of 15 minutes on foot: {county['complete']} villages complete, "
          f"{county['incomplete']} lack a service, {county['unknown']} undecided.")  # fmt: skip
    if everywhere:
        names = [service_name(k) for k in everywhere]
        zh += f"全县都没有完整名录、因而未知的服务：{'、'.join(n.zh for n in names)}。"
        en += f" No complete register anywhere of: {', '.join(n.en for n in names)}."
    return Text(zh, en)
