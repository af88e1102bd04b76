"""Scenarios: the villages that change, and the roads that are closed, opened or slower."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from qianwan_gis._text import Lang, Text
from qianwan_gis.layers._registry import (
    BLUE,
    GREY,
    ORANGE,
    Layer,
    Results,
    Style,
    Symbol,
    family,
    select,
)
from qianwan_gis.scenarios import CHANGE_TEXT, COLUMN_TEXT, HOLDS_TEXT, ScenarioResult
from qianwan_gis.scenarios.roads import WHAT_TEXT
from qianwan_gis.schemas import Column, value_text

_NOTHING = Text("", "")


def _column(name: str, kind: str = "text", unit: str = "") -> Column:
    return Column(name, kind, COLUMN_TEXT[name], _NOTHING, unit)  # type: ignore[arg-type]


_VILLAGES = (
    _column("code"),
    _column("name"),
    _column("township"),
    _column("change"),
    Column("change_text", "text", Text("变化（文字）", "Change, in words"), _NOTHING),
    Column("detail", "text", Text("各服务的变化", "By service"), _NOTHING),
)
_ROADS = (
    _column("road"),
    _column("road_class"),
    _column("what"),
    Column("what_text", "text", Text("变动（文字）", "What, in words"), _NOTHING),
    Column("metres", "number", Text("长度", "Length"), _NOTHING, "m"),
)
_VILLAGE_STYLE = Style(
    Text("情景变化", "Change"),
    "point",
    (
        Symbol("lost", CHANGE_TEXT["lost"], "#a50026", 3.2, "triangle"),
        Symbol("gained", CHANGE_TEXT["gained"], "#1a6fb0", 3.2, "diamond"),
        Symbol("undecided", CHANGE_TEXT["undecided"], "#fdae61", 2.8, "square"),
        Symbol("decided", CHANGE_TEXT["decided"], "#74add1", 2.8, "square"),
        Symbol("cut_off", CHANGE_TEXT["cut_off"], "#5e0016", 3.0, "cross"),
        Symbol("joined", CHANGE_TEXT["joined"], "#00441b", 3.0, "cross"),
        Symbol("worse", CHANGE_TEXT["worse"], ORANGE, 2.0),
        Symbol("better", CHANGE_TEXT["better"], BLUE, 2.0),
    ),
    by="change",
)
_ROAD_STYLE = Style(
    Text("道路变动", "Roads"),
    "line",
    (
        Symbol("closed", WHAT_TEXT["closed"], "#a50026", 1.0, dashed=True),
        Symbol("opened", WHAT_TEXT["opened"], "#1a6fb0", 1.0),
        Symbol("slower", WHAT_TEXT["slower"], ORANGE, 0.6),
        Symbol("faster", WHAT_TEXT["faster"], "#009e73", 0.6),
        Symbol("", Text("其他", "other"), GREY, 0.4),
    ),
    by="what",
)


@family
def _scenario_layers(results: Results) -> list[Layer]:
    found = []
    for number, result in enumerate(results.scenarios, start=1):
        title = result.title
        found.append(
            Layer(
                f"scenario_{number}",
                Text(f"情景：{title.zh}", f"Scenario: {title.en}"),
                "coverage",
                "point",
                _VILLAGES,
                (_VILLAGE_STYLE,),
                lambda r, s=result: village_points(r, s),  # type: ignore[misc]
                Text(
                    "仅含有点位且有变化的村；多项服务都变的取影响最大的一项",
                    "villages placed as points that change; the gravest change where there are several",
                ),
            )
        )
        found.append(
            Layer(
                f"scenario_{number}_roads",
                Text(f"情景道路：{title.zh}", f"Scenario roads: {title.en}"),
                "roads",
                "line",
                _ROADS,
                (_ROAD_STYLE,),
                lambda r, s=result: road_lines(r, s),  # type: ignore[misc]
            )
        )
    return found


def village_points(results: Results, result: ScenarioResult) -> gpd.GeoDataFrame | None:
    """Return the placed villages that change, one row each with the gravest change."""
    changed = result.changed
    if changed.empty:
        return None
    changed = changed.assign(told=[_told(row, results.lang) for row in changed.to_dict("records")])
    first = changed.drop_duplicates("code")[["code", "name", "township", "change"]]
    detail = changed.groupby("code")["told"].agg(
        (Text("；", "; ").get(results.lang)).join
    ).rename("detail")  # fmt: skip
    villages = results.villages
    placed = villages.loc[villages.geometry.notna(), ["code", "geometry"]]
    frame = placed.merge(first, on="code").merge(detail, left_on="code", right_index=True)
    if frame.empty:
        return None
    frame["change_text"] = [CHANGE_TEXT[c].get(results.lang) for c in frame["change"]]
    return select(frame, _VILLAGES)


def _told(row: dict[str, object], lang: Lang) -> str:
    """Return one change in a few words: 乡镇卫生院 失去覆盖 12.8→35.1分（各次抽样都成立）."""
    minutes = [row[f"minutes_{when}"] for when in ("before", "after")]
    shown = "→".join("—" if pd.isna(v) else f"{v:g}" for v in minutes)
    unit = Text("分", " min").get(lang)
    tier, change = value_text("tier", row["tier"]), CHANGE_TEXT[str(row["change"])]
    sure = HOLDS_TEXT[str(row["holds"])]
    tail = Text(f"（{sure.zh}）", f" ({sure.en})") if row["holds"] in ("all", "some") else _NOTHING
    return f"{tier.get(lang)} {change.get(lang)} {shown}{unit}{tail.get(lang)}"


def road_lines(results: Results, result: ScenarioResult) -> gpd.GeoDataFrame | None:
    """Return the roads that are different in a scenario."""
    lines = result.lines
    if lines.empty:
        return None
    frame = lines.to_crs(results.crs)
    return select(
        frame.assign(what_text=[WHAT_TEXT[w].get(results.lang) for w in frame["what"]]), _ROADS
    )
