"""Life circles, equity of access and the Rural Access Index as plain tables."""

from __future__ import annotations

import pandas as pd

from qianwan_gis._text import Text
from qianwan_gis.export.content import SUMMARIES, Table, describe
from qianwan_gis.layers import Results, service_title
from qianwan_gis.schemas import VILLAGES, titled, value_text

_NOTHING = Text("", "")


_COLUMNS = (
    *(c for c in VILLAGES if c.name in ("code", "name", "township", "category")),
    titled("reached", "integer", "圈内已有服务数", "Services in reach"),
    titled("known", "integer", "可判定的服务数", "Services that can be told"),
    titled("required", "integer", "应有服务数", "Services required"),
    titled("complete", "text", "是否完整", "Complete"),
    titled("missing", "text", "缺少", "Missing"),
    titled("unknown", "text", "未知（无完整名录）", "Unknown: no complete register"),
    titled("scope", "text", "范围", "Scope"),
    titled("group", "text", "分组", "Group"),
    titled("villages", "integer", "村数", "Villages", "个"),
    titled("complete_villages", "integer", "完整的村", "Complete", "个"),
    titled("incomplete", "integer", "不完整的村", "Incomplete", "个"),
    titled("undecided", "integer", "未知的村", "Unknown", "个"),
    titled("share_complete", "number", "完整率（占可判定的村）", "Share complete of those decided"),
    titled("service", "text", "服务", "Service"),
    titled("origins", "integer", "计入的村", "Villages counted", "个"),
    titled("of", "integer", "全部村", "Villages in all", "个"),
    titled("weighed_by", "text", "按何计", "Counted in"),
    titled("mean", "number", "可达性均值（每千人设施量）", "Mean score (supply per thousand)"),
    titled("gini", "number", "基尼系数", "Gini"),
    titled("palma", "number", "帕尔马比值", "Palma ratio"),
    titled("worst_decile", "number", "最差一成的可达性", "Score of the worst-served tenth"),
    titled("share_of_worst_decile", "number", "属于全县最差一成的比例", "Share in the county's worst tenth"),
    titled("minutes_mean", "number", "到最近设施平均时间", "Mean minutes to the nearest", "分钟"),
    titled("minutes_worst", "number", "最差一成的平均时间", "Minutes of the worst-off tenth", "分钟"),
    titled("method", "text", "量法", "Measured"),
    titled("assessed", "integer", "有点位的村", "Villages with a point", "个"),
    titled("within", "integer", "2千米内的村", "Villages within 2 km", "个"),
    titled("within_low", "integer", "确定在内的村", "Surely within", "个"),
    titled("within_high", "integer", "可能在内的村", "Possibly within", "个"),
    titled("share_villages", "number", "按村的比例", "Share of villages"),
    titled("people", "number", "人口", "People", "人"),
    titled("people_within", "number", "在内的人口", "People within", "人"),
    titled("share_people", "number", "按人的比例（SDG 9.1.1）", "Share of people (SDG 9.1.1)"),
)  # fmt: skip
_METHODS = {"straight": Text("直线", "straight line"), "network": Text("沿路网", "along the roads")}
_YES = {True: Text("完整", "yes"), False: Text("不完整", "no")}
_UNKNOWN = Text("未知", "unknown")


def fairness_tables(results: Results) -> list[Table]:
    """Return what the data bear of life circles, equity and the index."""
    found = results.fairness
    made = [
        ("life_circle", Text("生活圈·各村", "Life circle by village"), _circles(found.circles, results),
         Text("步行时间内有全部应有服务为完整；名录不完整的服务记为未知",
              "complete: every required service within the walk; unknown where no register is complete")),
        ("life_circle_groups", Text("生活圈·汇总", "Life circle by group"),
         _scoped(_complete_count(found.circle_groups), results),
         Text("完整率只在可判定的村达到八成时给出", "shares need four fifths of the villages decided")),
        ("equity", Text("公平指标", "Equity of access"), _equity(found.equity, results),
         Text("可达性为分级衰减的两步移动搜索法（E2SFCA）；村数不足八成时不给数",
              "score: enhanced two-step floating catchment; blank under four fifths of the villages")),
        ("rural_access", Text("农村可达指数", "Rural Access Index"), _index(found.rural_access, results),
         Text("距全天候道路2千米以内；全天候由路面推断，见标准 access.rai.all_season",
              "within 2 km of an all-season road; judged by surface, see access.rai.all_season")),
    ]  # fmt: skip
    return [
        Table(key, title, frame, describe(frame, _COLUMNS), note)
        for key, title, frame, note in made
        if len(frame)
    ]


def service_name(key: str) -> Text:
    """Return words for ``service.tier``."""
    service, _, tier = key.partition(".")
    if tier == "village" and service != "clinic":
        return value_text("service", service)
    return value_text("tier", tier)


def _circles(table: pd.DataFrame, results: Results) -> pd.DataFrame:
    if table.empty:
        return table
    frame = table.copy()
    lang = results.lang
    comma = "、" if lang == "zh" else ", "
    for name in ("missing", "unknown"):
        frame[name] = frame[name].map(
            lambda keys: comma.join(service_name(k).get(lang) for k in str(keys).split(";") if k)
        )
    frame["complete"] = [
        (_UNKNOWN if pd.isna(v) else _YES[bool(v)]).get(lang) for v in frame["complete"]
    ]
    return frame


def _complete_count(table: pd.DataFrame) -> pd.DataFrame:
    """Give counts of villages other names than what is said of one village."""
    return table.rename(columns={"complete": "complete_villages", "unknown": "undecided"})


def _scoped(table: pd.DataFrame, results: Results) -> pd.DataFrame:
    """Put the scope into words."""
    if table.empty:
        return table
    words = {
        scope: SUMMARIES[scope].get(results.lang) for scope in ("county", "township", "category")
    }
    frame = table.assign(scope=table["scope"].map(words))
    return frame.dropna(axis="columns", how="all")


def _equity(table: pd.DataFrame, results: Results) -> pd.DataFrame:
    if table.empty:
        return table
    lang = results.lang
    title = [
        service_title(s, t).get(lang) for s, t in zip(table["service"], table["tier"], strict=True)
    ]
    counted = {"people": Text("人", "people"), "villages": Text("村", "villages")}
    frame = _scoped(table, results).drop(columns="tier").assign(service=title)
    frame["weighed_by"] = table["weighed_by"].map(lambda v: counted[v].get(lang))
    digits = {"mean": 3, "worst_decile": 3, "gini": 3, "palma": 2, "share_of_worst_decile": 3}
    return frame.round({k: v for k, v in digits.items() if k in frame})


def _index(table: pd.DataFrame, results: Results) -> pd.DataFrame:
    if table.empty:
        return table
    frame = table.assign(method=table["method"].map(lambda v: _METHODS[v].get(results.lang)))
    return frame.dropna(axis="columns", how="all").round({"share_villages": 4, "share_people": 4})
