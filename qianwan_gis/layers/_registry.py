"""The registry: what a layer and a style are, and how modules of this package add layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import geopandas as gpd
import pandas as pd

from qianwan_gis._errors import Problem
from qianwan_gis._text import Lang, Text
from qianwan_gis.schemas import (
    VALUE_TEXT,
    Column,
    value_text,
)

if TYPE_CHECKING:
    import pyproj

    from qianwan_gis.corridor import Corridor
    from qianwan_gis.county import County
    from qianwan_gis.indicators import Disclosure
    from qianwan_gis.network import RoadNetwork
    from qianwan_gis.proposals import Proposal
    from qianwan_gis.scenarios import ScenarioResult
    from qianwan_gis.schemas import Inventory
    from qianwan_gis.services.choices import Choices
    from qianwan_gis.services.fairness import Fairness
    from qianwan_gis.services.sewage import SewagePlan
    from qianwan_gis.standards import Standards
    from qianwan_gis.terrain import Terrain

Geometry = Literal["point", "line", "area"]
NOTHING = Text("", "")
Shape = Literal["circle", "square", "triangle", "diamond", "cross"]


class Results(Protocol):
    """What a finished plan offers to layers, maps, tables and reports.

    All tables are those of `qianwan_gis.schemas`; all geometry is in ``crs``, the county's
    CGCS2000 3-degree zone (metres, x east, y north).
    """

    @property
    def county(self) -> County: ...
    @property
    def lang(self) -> Lang: ...
    @property
    def crs(self) -> pyproj.CRS: ...
    @property
    def title(self) -> Text: ...
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
    def villages(self) -> gpd.GeoDataFrame: ...
    @property
    def list_totals(self) -> pd.DataFrame:
        """Columns list, category, stated, printed, proposed; no rows without an official list."""

    @property
    def regions(self) -> gpd.GeoDataFrame: ...
    @property
    def roads(self) -> gpd.GeoDataFrame: ...
    @property
    def terrain(self) -> Terrain | None:
        """Elevation, where the county has a raster."""

    @property
    def network(self) -> RoadNetwork: ...
    @property
    def choices(self) -> Choices:
        """Modes, limits, backup and capacities chosen by service."""

    @property
    def facilities(self) -> gpd.GeoDataFrame: ...
    @property
    def inventories(self) -> dict[tuple[str, str], Inventory]: ...
    @property
    def coverage(self) -> pd.DataFrame: ...
    @property
    def corridor(self) -> Corridor | None: ...
    @property
    def scenarios(self) -> Sequence[ScenarioResult]:
        """What the scenarios change that the county's file names; usually none."""

    @property
    def corridor_villages(self) -> pd.DataFrame | None:
        """Columns code, branch, chainage_m, offset_m, side, within_m."""

    @property
    def corridor_tables(self) -> dict[str, pd.DataFrame]:
        """Tables of `corridor.report.tables` by key; empty without a measured corridor."""

    @property
    def sewage(self) -> SewagePlan | None:
        """The county's sewage plan; ``None`` where it lacks what a plan needs."""

    @property
    def sewage_priorities(self) -> pd.DataFrame | None:
        """The plan's villages in the order of the grounds for treating them first."""

    @property
    def sewage_phases(self) -> pd.DataFrame | None:
        """The plan's villages by year."""

    @property
    def sewage_sensitivity(self) -> pd.DataFrame | None:
        """How the plan answers to prices, where the solved plan kept it."""

    @property
    def excluded_areas(self) -> gpd.GeoDataFrame | None:
        """Columns kind, geometry: where sewage works may not be."""

    @property
    def zones(self) -> gpd.GeoDataFrame | None:
        """Columns width_m, geometry."""

    @property
    def proposals(self) -> Sequence[Proposal]:
        """Where further facilities should go; empty where nothing was asked."""

    @property
    def fairness(self) -> Fairness:
        """Life circles, equity and the Rural Access Index, as far as the data bear them."""

    def summary(self, by: str, *, rows: pd.DataFrame | None = None) -> pd.DataFrame:
        """Coverage (or some rows of it) by county, township, category, list or zone."""

    @property
    def targets(self) -> pd.DataFrame: ...
    @property
    def to_collect(self) -> pd.DataFrame: ...
    @property
    def disclosure(self) -> Disclosure:
        """What thin data must not show."""

    @property
    def standards(self) -> Standards: ...
    @property
    def sources(self) -> pd.DataFrame:
        """Columns layer, title, source, licence, date, basis, features."""

    @property
    def problems(self) -> Sequence[Problem]: ...
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
    note: Text = NOTHING


THEMES: dict[str, Text] = {
    "villages": Text("村庄", "Villages"),
    "coverage": Text("服务覆盖", "Service coverage"),
    "facilities": Text("设施", "Facilities"),
    "water": Text("供水", "Water supply"),
    "corridor": Text("廊道", "Corridor"),
    "sewage": Text("污水方案", "Sewage plan"),
    "roads": Text("道路", "Roads"),
    "base": Text("基础地理", "Base"),
}

# Okabe and Ito's colours and a blue sequence: told apart with every common colour blindness.
BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#9a9a9a"

_LAYERS: dict[str, Layer] = {}
_FAMILIES: list[Callable[[Results], list[Layer]]] = []


def layer(
    key: str,
    title: Text,
    *,
    theme: str,
    columns: tuple[Column, ...],
    styles: tuple[Style, ...],
    note: Text = NOTHING,
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


def family(build: Callable[[Results], list[Layer]]) -> Callable[[Results], list[Layer]]:
    """Register a function that returns layers which only the results tell, such as one a service."""
    _FAMILIES.append(build)
    return build


def catalogue(results: Results) -> list[Layer]:
    """Return every layer that could be made for these results, coverage included."""
    found = [*_LAYERS.values(), *(entry for family in _FAMILIES for entry in family(results))]
    order = list(THEMES)
    return sorted(found, key=lambda entry: order.index(entry.theme))


def built(results: Results) -> Iterator[tuple[Layer, gpd.GeoDataFrame]]:
    """Yield each layer that has something to show, with its frame."""
    for entry in catalogue(results):
        frame = entry.build(results)
        if frame is not None and len(frame):
            yield entry, frame


def chosen(results: Results, keys: Iterable[str]) -> dict[str, tuple[Layer, gpd.GeoDataFrame]]:
    """Return the named layers that have something to show; nothing else is computed.

    Families, whose layers depend on the results, are not among them.
    """
    found = {}
    for key in keys:
        frame = _LAYERS[key].build(results)
        if frame is not None and len(frame):
            found[key] = (_LAYERS[key], frame)
    return found


def readable(frame: gpd.GeoDataFrame, columns: Sequence[str], lang: Lang) -> gpd.GeoDataFrame:
    """Return a copy with ``<column>_text`` beside each coded column: the reader's word for it."""
    made = frame.copy()
    for column in columns:
        words = made[column].map(lambda value, name=column: value_text(name, value).get(lang))
        made.insert(int(made.columns.get_indexer([column])[0]) + 1, f"{column}_text", words)
    return made


def contract(columns: tuple[Column, ...], *coded: str) -> tuple[Column, ...]:
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


def select(frame: gpd.GeoDataFrame, columns: tuple[Column, ...]) -> gpd.GeoDataFrame:
    """Keep the described columns and the geometry, in the described order."""
    names = [c.name for c in columns if c.name in frame.columns]
    return frame[[*names, "geometry"]].reset_index(drop=True)


def symbols(column: str, colors: dict[str, str], **options: object) -> tuple[Symbol, ...]:
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
