"""The sewage plan: what each village does, trunks, stations, pumps, and areas kept free."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from qianwan_gis._text import Text
from qianwan_gis.layers._registry import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    Results,
    Style,
    Symbol,
    layer,
    select,
)
from qianwan_gis.schemas import VALUE_TEXT, Column
from qianwan_gis.services import sewage
from qianwan_gis.services._sewage import words

_WORDS = VALUE_TEXT["plan"]
_NONE = Text("", "")
#: A reader must know this before using any layer of the plan.
_SCREEN = Text(
    "方案深度为规划比选，单价多为经验值（见标准），不能代替设计",
    "a planning comparison; most prices are estimates (see standards); no design",
)


def _plan(results: Results, name: str) -> pd.DataFrame | None:
    """A table of the county's sewage plan in the reader's words, where there is a plan."""
    plan = results.sewage
    if plan is None:
        return None
    return sewage.plan_tables(
        plan, results.lang, priorities=results.sewage_priorities, phases=results.sewage_phases
    ).get(name)


def _columns(name: str, *more: Column) -> tuple[Column, ...]:
    return (*words.TABLES[name], *more)


_CHOICE_COLUMNS = _columns(
    "decisions",
    Column(
        "choice_code", "text", Text("做法代码", "Choice, coded"), Text("供程序使用", "for programs")
    ),
)


@layer(
    "sewage_plan",
    Text("污水方案：各村做法", "Sewage plan: decisions"),
    theme="sewage",
    columns=_CHOICE_COLUMNS,
    styles=(
        Style(
            Text("做法", "Choice"),
            "point",
            (
                Symbol("sewer", _WORDS["sewer"], BLUE, 2.8),
                Symbol("station", _WORDS["station"], ORANGE, 2.8, "square"),
                Symbol("shared_station", _WORDS["shared_station"], "#e69f00", 2.8, "square"),
                Symbol("on_site", _WORDS["on_site"], GREEN, 2.6, "triangle"),
                Symbol("reuse", _WORDS["reuse"], "#8dbf6a", 2.4, "triangle"),
                Symbol("tank", _WORDS["tank"], "#882255", 2.6, "diamond"),
                Symbol("existing", _WORDS["existing"], GREY, 2.0),
                Symbol("", _WORDS[""], "#ffffff", 2.0, outline="#707070"),
            ),
            by="choice_code",
            label="name",
        ),
    ),
    note=_SCREEN,
)
def _decisions(results: Results) -> gpd.GeoDataFrame | None:
    table, plan = _plan(results, "decisions"), results.sewage
    if table is None or plan is None:
        return None
    points = plan.inputs["villages"].geometry.to_crs(results.crs).to_numpy()
    frame = gpd.GeoDataFrame(table, geometry=points, crs=results.crs)
    return select(frame.assign(choice_code=plan.decisions["choice"].to_numpy()), _CHOICE_COLUMNS)


_PIPE_COLUMNS = _columns(
    "pipes",
    Column(
        "kind_code",
        "text",
        Text("方式代码", "Kind, coded"),
        Text("gravity 或 pressure", "gravity or pressure"),
    ),
)


@layer(
    "sewage_pipes",
    Text("污水方案：干管", "Sewage plan: trunks"),
    theme="sewage",
    columns=_PIPE_COLUMNS,
    styles=(
        Style(
            Text("输送方式", "Gravity or pressure"),
            "line",
            (
                Symbol("gravity", Text("重力干管", "gravity trunk"), "#1f6fb2", 0.9),
                Symbol("pressure", Text("压力干管", "pressure main"), "#c0392b", 0.9, dashed=True),
            ),
            by="kind_code",
            label="pipe",
        ),
        Style(
            Text("管径", "Diameter"),
            "line",
            (
                Symbol("80", Text("DN80", "DN80"), "#9ecae1", 0.5),
                Symbol("100", Text("DN100", "DN100"), "#6baed6", 0.6),
                Symbol("150", Text("DN150", "DN150"), "#4292c6", 0.7),
                Symbol("200", Text("DN200", "DN200"), "#2171b5", 0.8),
                Symbol("300", Text("DN300", "DN300"), "#08519c", 1.1),
                Symbol("", Text("DN250 及其他", "DN250 and others"), "#08306b", 1.3),
            ),
            by="diameter_mm",
        ),
    ),
    note=_SCREEN,
)
def _pipes(results: Results) -> gpd.GeoDataFrame | None:
    table, plan = _plan(results, "pipes"), results.sewage
    if table is None or plan is None:
        return None
    frame = gpd.GeoDataFrame(table, geometry=plan.pipes.geometry.to_numpy(), crs=plan.pipes.crs)
    frame["kind_code"] = plan.pipes["kind"].to_numpy()
    return select(frame.to_crs(results.crs), _PIPE_COLUMNS)


@layer(
    "sewage_stations",
    Text("污水方案：新建处理站", "Sewage plan: new stations"),
    theme="sewage",
    columns=words.TABLES["stations"],
    styles=(
        Style(
            Text("处理站", "Stations"),
            "point",
            (Symbol("", Text("新建处理站", "new station"), "#6b4c2a", 3.2, "square"),),
            label="station_id",
        ),
    ),
    note=_SCREEN,
)
def _stations(results: Results) -> gpd.GeoDataFrame | None:
    return _points(results, "stations")


@layer(
    "sewage_pumps",
    Text("污水方案：提升泵站", "Sewage plan: pumps"),
    theme="sewage",
    columns=words.TABLES["pumps"],
    styles=(
        Style(
            Text("提升泵站", "Pumps"),
            "point",
            (Symbol("", Text("提升泵站", "pumping station"), "#c0392b", 2.6, "diamond"),),
            label="pump",
        ),
    ),
    note=_SCREEN,
)
def _pumps(results: Results) -> gpd.GeoDataFrame | None:
    return _points(results, "pumps")


def _points(results: Results, name: str) -> gpd.GeoDataFrame | None:
    table, plan = _plan(results, name), results.sewage
    if table is None or plan is None:
        return None
    whole = plan.stations if name == "stations" else plan.pumps
    frame = gpd.GeoDataFrame(table, geometry=whole.geometry.to_numpy(), crs=whole.crs)
    return select(frame.to_crs(results.crs), words.TABLES[name])


_AREA_COLUMNS = (
    Column(
        "kind",
        "text",
        Text("类别", "Kind"),
        Text("水源保护、淹没、陡坡、采空", "water source, flood, steep, mined"),
    ),
    Column("rule", "text", Text("限制", "Rule"), _NONE),
)


@layer(
    "sewage_excluded",
    Text("污水方案：限制区", "Sewage plan: restricted areas"),
    theme="sewage",
    columns=_AREA_COLUMNS,
    styles=(
        Style(
            Text("限制区", "Restricted areas"),
            "area",
            (
                Symbol("water_source", Text("水源保护区", "water source"), "#56b4e9", 0.3, outline="#2a7fb0", opacity=0.2),
                Symbol("flood", Text("淹没区", "flooded"), "#7570b3", 0.3, outline="#7570b3", opacity=0.15),
                Symbol("mined", Text("采空区", "mined out"), "#555555", 0.3, outline="#555555", opacity=0.2),
                Symbol("steep", Text("陡坡", "steep"), "#b5453c", 0.3, outline="#b5453c", opacity=0.12),
            ),
            by="kind",
        ),
    ),
)  # fmt: skip
def _areas(results: Results) -> gpd.GeoDataFrame | None:
    areas = results.excluded_areas
    if areas is None or results.sewage is None:
        return None
    rule = [sewage.EXCLUDED[kind].get(results.lang) for kind in areas["kind"]]
    return select(areas.to_crs(results.crs).assign(rule=rule), _AREA_COLUMNS)
