"""The planning layers: one registry that maps and every export draw from.

A layer is a function from `Results` to a GeoDataFrame (or ``None`` where there is nothing to show
or where the data do not bear it), with a title, the meaning of its columns and one or more styles.
A `Style` is plain data; QML, SLD, Matplotlib and web legends are all derived from it, so a colour
is chosen in one place.

New layer::

    @layer("wells", Text("水井", "Wells"), theme="facilities", columns=WELLS, styles=(...,))
    def _wells(results: Results) -> gpd.GeoDataFrame | None:
        return ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import geopandas as gpd
import pandas as pd

from qianwan_gis._errors import Problem
from qianwan_gis._text import Lang, Text
from qianwan_gis.schemas import (
    COVERAGE,
    FACILITIES,
    REGIONS,
    ROADS,
    VALUE_TEXT,
    VILLAGES,
    Column,
    value_text,
)

if TYPE_CHECKING:
    import pyproj

    from qianwan_gis.corridor import Corridor
    from qianwan_gis.county import County
    from qianwan_gis.indicators import Disclosure
    from qianwan_gis.schemas import Inventory
    from qianwan_gis.standards import Standards

Geometry = Literal["point", "line", "area"]
_NOTHING = Text("", "")
Shape = Literal["circle", "square", "triangle", "diamond", "cross"]


class Results(Protocol):
    """What a finished plan offers to layers, maps, tables and reports.

    All tables are those of `qianwan_gis.schemas`; all geometry is in ``crs``, the county's
    CGCS2000 3-degree zone (metres, x east, y north).
    """

    @property
    def county(self) -> County: ...  # noqa: D102
    @property
    def lang(self) -> Lang: ...  # noqa: D102
    @property
    def crs(self) -> pyproj.CRS: ...  # noqa: D102
    @property
    def title(self) -> Text: ...  # noqa: D102
    @property
    def marks(self) -> Sequence[Text]:
        """Watermarks every output carries, such as 内部工作图·未经审核不得公开 or 合成数据."""

    @property
    def boundary(self) -> gpd.GeoDataFrame:
        """One row: geometry, source, licence, note."""

    @property
    def townships(self) -> gpd.GeoDataFrame:
        """Seat points: township, code, status (current or former)."""

    @property
    def villages(self) -> gpd.GeoDataFrame: ...  # noqa: D102
    @property
    def list_totals(self) -> pd.DataFrame:
        """Columns list, category, stated, printed, proposed; no rows without an official list."""

    @property
    def regions(self) -> gpd.GeoDataFrame: ...  # noqa: D102
    @property
    def roads(self) -> gpd.GeoDataFrame: ...  # noqa: D102
    @property
    def facilities(self) -> gpd.GeoDataFrame: ...  # noqa: D102
    @property
    def inventories(self) -> dict[tuple[str, str], Inventory]: ...  # noqa: D102
    @property
    def coverage(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def corridor(self) -> Corridor | None: ...  # noqa: D102
    @property
    def corridor_villages(self) -> pd.DataFrame | None:
        """Columns code, branch, chainage_m, offset_m, side, within_m."""

    @property
    def zones(self) -> gpd.GeoDataFrame | None:
        """Columns width_m, geometry."""

    def summary(self, by: str) -> pd.DataFrame:
        """Coverage by county, township, category, list or zone."""

    @property
    def targets(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def to_collect(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def disclosure(self) -> Disclosure:
        """What thin data must not show."""

    @property
    def standards(self) -> Standards: ...  # noqa: D102
    @property
    def sources(self) -> pd.DataFrame:
        """Columns layer, title, source, licence, date, basis, features."""

    @property
    def problems(self) -> Sequence[Problem]: ...  # noqa: D102
    @property
    def run_date(self) -> str:
        """ISO date that every output carries instead of the clock's."""


@dataclass(frozen=True)
class Symbol:
    """How the features with one value are drawn.

    Attributes
    ----------
    value
        Value of the style's ``by`` column; empty for every other value.
    title
        Words of the legend.
    color
        ``#rrggbb`` of the fill (points, areas) or the line.
    size
        Diameter of a point, width of a line or of an area's outline, in millimetres.
    shape
        Form of a point.
    outline
        Colour of a point's or an area's edge.
    opacity
        Of the fill, 0 to 1.
    dashed
        Whether lines and outlines are dashed: presumed things are.
    """

    value: str
    title: Text
    color: str
    size: float = 2.0
    shape: Shape = "circle"
    outline: str = "#ffffff"
    opacity: float = 1.0
    dashed: bool = False


@dataclass(frozen=True)
class Style:
    """One way to draw a layer: symbols by the values of a column, and a label column."""

    name: Text
    geometry: Geometry
    symbols: tuple[Symbol, ...]
    by: str | None = None
    label: str | None = None

    def symbol_of(self, value: object) -> Symbol:
        """Return the symbol for a value; the last one stands for every value not named."""
        text = "" if pd.isna(value) else str(value)
        return next((s for s in self.symbols if s.value == text), self.symbols[-1])

    def legend(self, frame: pd.DataFrame) -> list[tuple[Symbol, int]]:
        """Return the symbols that occur in a frame, in the style's order, with their counts."""
        if self.by is None:
            return [(self.symbols[0], len(frame))]
        used = frame[self.by].map(self.symbol_of).value_counts()
        return [(s, int(used[s])) for s in self.symbols if s in used.index]


@dataclass(frozen=True)
class Layer:
    """One entry of the registry."""

    key: str
    title: Text
    theme: str
    geometry: Geometry
    columns: tuple[Column, ...]
    styles: tuple[Style, ...]
    build: Callable[[Results], gpd.GeoDataFrame | None]
    note: Text = _NOTHING


THEMES: dict[str, Text] = {
    "villages": Text("村庄", "Villages"),
    "coverage": Text("服务覆盖", "Service coverage"),
    "facilities": Text("设施", "Facilities"),
    "corridor": Text("廊道", "Corridor"),
    "roads": Text("道路", "Roads"),
    "base": Text("基础地理", "Base"),
}

# Okabe and Ito's colours and a blue sequence: told apart with every common colour blindness.
BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#9a9a9a"

_LAYERS: dict[str, Layer] = {}


def layer(
    key: str,
    title: Text,
    *,
    theme: str,
    columns: tuple[Column, ...],
    styles: tuple[Style, ...],
    note: Text = _NOTHING,
) -> Callable[
    [Callable[[Results], gpd.GeoDataFrame | None]], Callable[[Results], gpd.GeoDataFrame | None]
]:
    """Register a function as a planning layer.

    Parameters
    ----------
    key
        Stable ASCII name: the table's name in GeoPackage and SQL.
    title
        What users see.
    theme
        Key of `THEMES`.
    columns
        Meaning of every column the function returns, geometry excepted.
    styles
        The first one is the default.
    note
        What a reader must know before using the layer.
    """

    def register(
        build: Callable[[Results], gpd.GeoDataFrame | None],
    ) -> Callable[[Results], gpd.GeoDataFrame | None]:
        _LAYERS[key] = Layer(key, title, theme, styles[0].geometry, columns, styles, build, note)
        return build

    return register


def catalogue(results: Results) -> list[Layer]:
    """Return every layer that could be made for these results, coverage included."""
    found = [*_LAYERS.values(), *_coverage_layers(results)]
    order = list(THEMES)
    return sorted(found, key=lambda entry: order.index(entry.theme))


def built(results: Results) -> Iterator[tuple[Layer, gpd.GeoDataFrame]]:
    """Yield each layer that has something to show, with its frame."""
    for entry in catalogue(results):
        frame = entry.build(results)
        if frame is not None and len(frame):
            yield entry, frame


def readable(frame: gpd.GeoDataFrame, columns: Sequence[str], lang: Lang) -> gpd.GeoDataFrame:
    """Return a copy with ``<column>_text`` beside each coded column: the reader's word for it."""
    made = frame.copy()
    for column in columns:
        words = made[column].map(lambda value, name=column: value_text(name, value).get(lang))
        made.insert(int(made.columns.get_indexer([column])[0]) + 1, f"{column}_text", words)
    return made


def _contract(columns: tuple[Column, ...], *coded: str) -> tuple[Column, ...]:
    """Return a contract's columns without geometry, with the readable twins of coded ones."""
    found: list[Column] = []
    for column in columns:
        if column.name == "geometry":
            continue
        found.append(column)
        if column.name in coded:
            title = Text(f"{column.title.zh}（文字）", f"{column.title.en}, in words")
            found.append(Column(f"{column.name}_text", "text", title, column.note))
    return tuple(found)


def _select(frame: gpd.GeoDataFrame, columns: tuple[Column, ...]) -> gpd.GeoDataFrame:
    """Keep the described columns and the geometry, in the described order."""
    names = [c.name for c in columns if c.name in frame.columns]
    return frame[[*names, "geometry"]].reset_index(drop=True)


def _values(column: str, colors: dict[str, str], **options: object) -> tuple[Symbol, ...]:
    words = VALUE_TEXT[column]
    return tuple(Symbol(value, words[value], color, **options) for value, color in colors.items())  # type: ignore[arg-type]


_WITHHELD: dict[str, Text] = {
    "county_shares": Text("全县和分组覆盖率", "shares of the county and of groups"),
    "people": Text("覆盖人口", "numbers of people"),
    "stakes": Text("桩号", "stakes"),
    "isochrones": Text("等时圈", "isochrones"),
    "decimal_minutes": Text("精确到小数的时间", "minutes with decimals"),
    "siting": Text("选址建议", "siting advice"),
    "slopes": Text("坡度", "slopes"),
    "cells": Text("乡镇计算范围的边线", "outlines of computed township areas"),
}


def withheld(results: Results) -> Iterator[tuple[Text, Text]]:
    """Yield what the data do not bear and the reason, in a fixed order."""
    disclosure = results.disclosure
    for name, what in _WITHHELD.items():
        if not getattr(disclosure, name):
            yield what, disclosure.reasons.get(name, Text("资料不足", "the data do not bear it"))


# --- villages -------------------------------------------------------------------------------

MATCH_COLORS = {
    "reviewed": "#08306b",
    "exact": "#08519c",
    "landmark": "#2171b5",
    "seat": "#4292c6",
    "provider": "#6baed6",
    "settlement": "#e69f00",
    "described": "#bdbdbd",
    "township": "#d9d9d9",
    "none": "#f0f0f0",
}
CATEGORY_SYMBOLS = (
    Symbol("精品示范村", Text("精品示范村", "model village"), ORANGE, 3.2, "diamond"),
    Symbol("提档升级村", Text("提档升级村", "upgrade village"), BLUE, 2.8),
    Symbol("环境整治村", Text("环境整治村", "clean-up village"), GREEN, 2.4),
    Symbol("", Text("不在名单", "on no list"), GREY, 1.6),
)
MATCH_STYLE = Style(
    Text("定位依据", "How the position is known"),
    "point",
    _values("match", MATCH_COLORS, size=2.6),
    by="match",
    label="name",
)
CATEGORY_STYLE = Style(
    Text("创建类别", "Category"), "point", CATEGORY_SYMBOLS, by="category", label="name"
)
_VILLAGE_COLUMNS = _contract(VILLAGES, "basis", "match")


@layer(
    "villages",
    Text("村庄", "Villages"),
    theme="villages",
    columns=_VILLAGE_COLUMNS,
    styles=(MATCH_STYLE, CATEGORY_STYLE),
    note=Text(
        "每个村一行；只有定位方式为点位的才有几何，其余仅知范围或所属乡镇，几何为空",
        "one row per village; only those placed as points have a geometry, the others none",
    ),
)
def _villages(results: Results) -> gpd.GeoDataFrame | None:
    return _select(readable(results.villages, ("basis", "match"), results.lang), _VILLAGE_COLUMNS)


# Share of a region's probability that its drawn part holds. The rest lies in wide, thin fringes
# that would cover the map and tell nothing.
DENSE_SHARE = 0.5
_REGION_COLUMNS = (
    *(c for c in _contract(REGIONS) if c.name == "code"),
    Column(
        "weight",
        "number",
        Text("把握", "Probability"),
        Text("该村在所绘范围内的概率", "that the village lies in the drawn area"),
    ),
    *(
        c
        for c in _contract(VILLAGES)
        if c.name in ("name", "township", "lists", "category", "match")
    ),
)


@layer(
    "village_regions",
    Text("村庄最可能范围（非界线）", "Where a village most likely is (not a boundary)"),
    theme="villages",
    columns=_REGION_COLUMNS,
    styles=(
        Style(
            Text("可能范围", "possible area"),
            "area",
            (
                Symbol(
                    "",
                    Text("村庄最可能范围（非界线）", "most likely area (not a boundary)"),
                    "#8c6bb1",
                    0.2,
                    outline="#8c6bb1",
                    opacity=0.12,
                    dashed=True,
                ),
            ),
        ),
    ),
    note=Text(
        "按已发表的文字描述推算，约有一半把握；供找村用，不是任何行政界线",
        "derived from published descriptions, holds the village at about one half; never a boundary",
    ),
)
def _village_regions(results: Results) -> gpd.GeoDataFrame | None:
    names = [c.name for c in _REGION_COLUMNS if c.name not in ("code", "weight")]
    villages = pd.DataFrame(results.villages)[["code", *names]]
    regions = results.regions
    if not results.disclosure.cells:
        # A region known only by its township has the outline of a computed cell: drawn, it would
        # be read as the township's boundary.
        by_township = villages.loc[villages["match"] == "township", "code"]
        regions = regions[~regions["code"].isin(by_township)]
    if regions.empty:
        return None
    frame = densest(regions).merge(villages, on="code", how="left", validate="1:1")
    return _select(frame, _REGION_COLUMNS)


def densest(regions: gpd.GeoDataFrame, share: float = DENSE_SHARE) -> gpd.GeoDataFrame:
    """Return, for each code, the smallest union of its polygons that holds ``share``.

    Parameters
    ----------
    regions
        REGIONS in a projected CRS: ``code``, ``weight``, polygon; weights of a code sum to one.
    share
        Least probability to hold, 0 to 1.

    Returns
    -------
    GeoDataFrame
        ``code``, ``weight`` (what the union really holds) and geometry, one row per code, in the
        order of first appearance.
    """
    density = regions["weight"] / regions.geometry.area
    ranked = regions.assign(density=density, order=pd.factorize(regions["code"])[0]).sort_values(
        ["order", "density"], ascending=[True, False], kind="stable"
    )
    before = ranked.groupby("order")["weight"].cumsum() - ranked["weight"]
    kept = ranked[before < share - 1e-12]
    made = kept[["order", "code", "weight", "geometry"]].dissolve(
        by="order", aggfunc={"code": "first", "weight": "sum"}
    )
    return made[["code", "weight", "geometry"]].reset_index(drop=True)


# --- coverage -------------------------------------------------------------------------------

_STATE = Column(
    "state",
    "text",
    Text("状态", "State"),
    Text("覆盖、未覆盖、未知", "covered, uncovered, unknown"),
    allowed=("covered", "uncovered", "unknown"),
)
STATE_TEXT: dict[str, Text] = {
    "covered": Text("覆盖", "covered"),
    "uncovered": Text("未覆盖", "not covered"),
    "unknown": Text("未知或未评估", "unknown or not assessed"),
}
COVERAGE_STYLE = Style(
    Text("覆盖状态", "Coverage"),
    "point",
    (
        Symbol("covered", STATE_TEXT["covered"], BLUE, 2.6),
        Symbol("uncovered", STATE_TEXT["uncovered"], ORANGE, 2.8, "triangle"),
        Symbol("unknown", STATE_TEXT["unknown"], "#ffffff", 2.2, outline="#707070"),
    ),
    by="state",
    label="name",
)
_COVERAGE_COLUMNS = (
    *(c for c in VILLAGES if c.name in ("code", "name", "township", "lists", "category")),
    _STATE,
    Column("state_text", "text", Text("状态（文字）", "State, in words"), _STATE.note),
    *(c for c in _contract(COVERAGE, "reason") if c.name not in ("code", "service", "tier")),
)


MINUTES = ("minutes", "minutes_low", "minutes_high", "backup_minutes")


def coverage_state(coverage: pd.DataFrame, disclosure: Disclosure) -> pd.Series:
    """Return ``covered``, ``uncovered`` or ``unknown`` for each row of COVERAGE.

    Where the inventory does not bear "not covered" (`Disclosure.red_uncovered`), such a row is
    unknown: a screen by distance proves nothing.
    """
    allowed = {s: disclosure.red_uncovered(s) for s in coverage["service"].unique()}
    state = pd.Series("unknown", index=coverage.index, dtype="str")
    covered = coverage["covered"].astype("boolean")
    state[covered.fillna(value=False)] = "covered"
    red = (~covered).fillna(value=False) & coverage["service"].map(allowed).astype(bool)
    state[red] = "uncovered"
    return state


def services_of(results: Results) -> list[tuple[str, str]]:
    """Return the (service, tier) pairs that were looked at, in the order of `schemas`."""
    pairs = set(
        results.coverage[["service", "tier"]].astype(str).itertuples(index=False, name=None)
    )
    services, tiers = list(VALUE_TEXT["service"]), list(VALUE_TEXT["tier"])

    def rank(pair: tuple[str, str]) -> tuple[int, int, str, str]:
        service, tier = pair
        return (
            services.index(service) if service in services else len(services),
            tiers.index(tier) if tier in tiers else len(tiers),
            service,
            tier,
        )

    return sorted(pairs, key=rank)


def service_title(service: str, tier: str) -> Text:
    """Return words for a service and tier, such as 医疗卫生·村卫生室."""
    first, second = value_text("service", service), value_text("tier", tier)
    return Text(f"{first.zh}·{second.zh}", f"{first.en}, {second.en}")


def _coverage_layers(results: Results) -> list[Layer]:
    found = []
    for service, tier in services_of(results):
        title = service_title(service, tier)
        found.append(
            Layer(
                f"coverage_{service}_{tier}",
                Text(f"覆盖：{title.zh}", f"Coverage: {title.en}"),
                "coverage",
                "point",
                _COVERAGE_COLUMNS,
                (COVERAGE_STYLE,),
                lambda r, s=service, t=tier: coverage_points(r, s, t),  # type: ignore[misc]
                Text(
                    "仅含有点位的村；全部村的结果见表“服务覆盖”",
                    "villages placed as points only; all villages are in the table “coverage”",
                ),
            )
        )
    return found


def coverage_points(results: Results, service: str, tier: str) -> gpd.GeoDataFrame | None:
    """Return the located villages with their coverage by one service and tier."""
    coverage = results.coverage
    rows = coverage[(coverage["service"] == service) & (coverage["tier"] == tier)]
    rows = rows.assign(state=coverage_state(rows, results.disclosure))
    if not results.disclosure.decimal_minutes:
        minutes = [c for c in MINUTES if c in rows.columns]
        rows = rows.assign(**rows[minutes].astype("float64").round())
    villages = results.villages
    located = villages.loc[
        villages.geometry.notna(), ["code", "name", "township", "lists", "category", "geometry"]
    ]
    frame = located.merge(rows, on="code", how="inner", validate="1:1")
    if frame.empty:
        return None
    frame["state_text"] = frame["state"].map(lambda s: STATE_TEXT[s].get(results.lang))
    return _select(readable(frame, ("reason",), results.lang), _COVERAGE_COLUMNS)


# --- facilities -----------------------------------------------------------------------------

_FACILITY_COLUMNS = _contract(FACILITIES, "service", "tier", "basis")


@layer(
    "facilities",
    Text("设施", "Facilities"),
    theme="facilities",
    columns=_FACILITY_COLUMNS,
    styles=(
        Style(
            Text("服务类别", "Service"),
            "point",
            (
                Symbol("clinic", VALUE_TEXT["service"]["clinic"], "#cc3377", 3.2, "cross"),
                Symbol("sewage", VALUE_TEXT["service"]["sewage"], "#6b4c2a", 3.0, "square"),
                Symbol("water", VALUE_TEXT["service"]["water"], "#2aa1b3", 3.0, "triangle"),
                Symbol("", Text("其他", "other"), "#555555", 2.6, "square"),
            ),
            by="service",
            label="name",
        ),
    ),
    note=Text(
        "来源性质为“假定”的设施不是登记数据", "facilities whose basis is “assumed” are not records"
    ),
)
def _facilities(results: Results) -> gpd.GeoDataFrame | None:
    frame = readable(results.facilities, ("service", "tier", "basis"), results.lang)
    return _select(frame, _FACILITY_COLUMNS)


# --- roads ----------------------------------------------------------------------------------

ROAD_SYMBOLS = (
    Symbol("motorway", Text("高速公路", "motorway"), "#b5453c", 0.9),
    Symbol("motorway_link", Text("高速匝道", "motorway link"), "#b5453c", 0.4),
    Symbol("trunk", Text("干线公路", "trunk road"), "#d98324", 0.75),
    Symbol("primary", Text("国省道", "primary road"), "#e0a83a", 0.65),
    Symbol("secondary", Text("县道", "county road"), "#c9b458", 0.5),
    Symbol("tertiary", Text("乡道", "township road"), "#a9a28c", 0.4),
    Symbol("village", Text("村道", "village road"), "#b8b8b0", 0.3),
    Symbol("track", Text("机耕路", "track"), "#cfcfc6", 0.2),
    Symbol("", Text("其他道路", "other road"), "#d0d0d0", 0.25),
)
_ROAD_COLUMNS = _contract(ROADS, "basis")


@layer(
    "roads",
    Text("道路", "Roads"),
    theme="roads",
    columns=_ROAD_COLUMNS,
    styles=(Style(Text("道路等级", "Class"), "line", ROAD_SYMBOLS, by="road_class"),),
    note=Text("来源性质为“概化”的线约有百米误差", "lines whose basis is “generalised” are ~100 m"),
)
def _roads(results: Results) -> gpd.GeoDataFrame | None:
    roads = results.roads
    frame = roads[(roads["basis"] != "presumed") & (roads["status"] != "planned")]
    return _select(readable(frame, ("basis",), results.lang), _ROAD_COLUMNS)


@layer(
    "roads_planned",
    Text("规划道路", "Planned roads"),
    theme="roads",
    columns=_ROAD_COLUMNS,
    styles=(
        Style(
            Text("规划道路", "Planned roads"),
            "line",
            (Symbol("", Text("规划道路", "planned road"), "#56b4e9", 0.5, dashed=True),),
        ),
    ),
    note=Text("尚未建成，不参与现状计算", "not built; not part of the present network"),
)
def _roads_planned(results: Results) -> gpd.GeoDataFrame | None:
    roads = results.roads
    frame = roads[(roads["basis"] != "presumed") & (roads["status"] == "planned")]
    return _select(readable(frame, ("basis",), results.lang), _ROAD_COLUMNS)


@layer(
    "presumed_links",
    Text("推定连接（非道路）", "Presumed links (not roads)"),
    theme="roads",
    columns=_ROAD_COLUMNS,
    styles=(
        Style(
            Text("推定连接", "Presumed link"),
            "line",
            (
                Symbol(
                    "",
                    Text("推定连接（非道路）", "presumed link (not a road)"),
                    "#7a7a7a",
                    0.25,
                    dashed=True,
                ),
            ),
        ),
    ),
    note=Text(
        "没有道路数据时为计算而设的直线，不代表任何道路",
        "straight lines that stand in for missing roads in the computation; no road is meant",
    ),
)
def _presumed_links(results: Results) -> gpd.GeoDataFrame | None:
    roads = results.roads
    frame = roads[roads["basis"] == "presumed"]
    return _select(readable(frame, ("basis",), results.lang), _ROAD_COLUMNS)


# --- corridor -------------------------------------------------------------------------------

_CORRIDOR_COLUMNS = (
    Column("branch", "text", Text("支线", "Branch"), Text("", ""), nullable=False),
    Column("length_m", "number", Text("长度", "Length"), Text("投影平面长度", "planar"), "m"),
    Column("basis", "text", Text("来源性质", "Basis"), Text("实测、推定或合成", "")),
    Column("basis_text", "text", Text("来源性质（文字）", "Basis, in words"), Text("", "")),
)


@layer(
    "corridor",
    Text("示范廊带线", "Corridor"),
    theme="corridor",
    columns=_CORRIDOR_COLUMNS,
    styles=(
        Style(
            Text("廊带", "Corridor"),
            "line",
            (
                Symbol(
                    "presumed",
                    Text("推定走向（示意）", "presumed course"),
                    "#882255",
                    0.8,
                    dashed=True,
                ),
                Symbol("", Text("廊带线", "corridor"), "#882255", 1.0),
            ),
            by="basis",
            label="branch",
        ),
    ),
    note=Text(
        "来源性质为“推定”的走向仅为示意，不含桩号，不参与汇总",
        "a presumed course is a sketch: no stakes, in no summary",
    ),
)
def _corridor(results: Results) -> gpd.GeoDataFrame | None:
    if results.corridor is None:
        return None
    lines = results.corridor.lines
    frame = gpd.GeoDataFrame(
        {
            "branch": lines["branch"].astype(str),
            "length_m": lines.geometry.length.round(1),
            "basis": str(results.corridor.basis),
        },
        geometry=lines.geometry,
        crs=lines.crs,
    ).to_crs(results.crs)
    return _select(readable(frame, ("basis",), results.lang), _CORRIDOR_COLUMNS)


_STAKE_COLUMNS = (
    Column("stake", "text", Text("桩号", "Stake"), Text("如 K12+000", "such as K12+000")),
    Column("branch", "text", Text("支线", "Branch"), Text("", "")),
)


@layer(
    "stakes",
    Text("里程桩", "Stakes"),
    theme="corridor",
    columns=_STAKE_COLUMNS,
    styles=(
        Style(
            Text("里程桩", "Stakes"),
            "point",
            (Symbol("", Text("公里桩", "kilometre stake"), "#882255", 1.2, "square"),),
            label="stake",
        ),
    ),
)
def _stakes(results: Results) -> gpd.GeoDataFrame | None:
    corridor = results.corridor
    if corridor is None or str(corridor.basis) == "presumed" or not results.disclosure.stakes:
        return None
    stakes = corridor.stakes(1000.0)
    return _select(stakes.to_crs(results.crs), _STAKE_COLUMNS)


_ZONE_COLUMNS = (
    Column("width_m", "number", Text("离线距离", "Distance"), Text("单侧", "on either side"), "m"),
)


@layer(
    "zones",
    Text("廊带影响区", "Corridor zones"),
    theme="corridor",
    columns=_ZONE_COLUMNS,
    styles=(
        Style(
            Text("廊带影响区", "Corridor zones"),
            "area",
            (
                Symbol(
                    "",
                    Text("廊带影响区", "corridor zone"),
                    "#882255",
                    0.3,
                    outline="#882255",
                    opacity=0.06,
                ),
            ),
        ),
    ),
)
def _zones(results: Results) -> gpd.GeoDataFrame | None:
    zones = results.zones
    if zones is None or zones.empty:
        return None
    # The widest first, so that the narrow ones are drawn on top.
    return _select(zones.sort_values("width_m", ascending=False), _ZONE_COLUMNS)


# --- base -----------------------------------------------------------------------------------

_SEAT_COLUMNS = (
    Column("township", "text", Text("乡镇", "Township"), Text("现名", "present name")),
    Column("code", "text", Text("代码", "Code"), Text("统计代码", "statistical code")),
    Column("status", "text", Text("状态", "Status"), Text("现设或已撤并", "current or former")),
)


@layer(
    "seats",
    Text("乡镇驻地", "Township seats"),
    theme="base",
    columns=_SEAT_COLUMNS,
    styles=(
        Style(
            Text("乡镇驻地", "Township seats"),
            "point",
            (
                Symbol(
                    "",
                    Text("乡镇驻地", "township seat"),
                    "#ffffff",
                    2.4,
                    "square",
                    outline="#333333",
                ),
            ),
            label="township",
        ),
    ),
)
def _seats(results: Results) -> gpd.GeoDataFrame | None:
    return _select(results.townships, _SEAT_COLUMNS)


_BOUNDARY_COLUMNS = (
    Column("name", "text", Text("名称", "Name"), Text("", "")),
    Column("source", "text", Text("来源", "Source"), Text("", "")),
    Column("licence", "text", Text("许可", "Licence"), Text("", "")),
    Column("note", "text", Text("说明", "Note"), Text("如 非标准界线", "such as 非标准界线")),
)


@layer(
    "boundary",
    Text("县域范围（非标准界线）", "County outline (not an official boundary)"),
    theme="base",
    columns=_BOUNDARY_COLUMNS,
    styles=(
        Style(
            Text("县域范围", "County outline"),
            "area",
            (
                Symbol(
                    "",
                    Text("县域范围（非标准界线）", "county outline (not an official boundary)"),
                    "#f7f7f2",
                    0.5,
                    outline="#6a6a6a",
                    opacity=0.0,
                    dashed=True,
                ),
            ),
        ),
    ),
)
def _boundary(results: Results) -> gpd.GeoDataFrame | None:
    frame = results.boundary
    if "name" not in frame.columns:
        frame = frame.assign(name=str(results.county.name))
    return _select(frame, _BOUNDARY_COLUMNS)
