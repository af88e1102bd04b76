"""What each layer of a plan rests on: one table that every output prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import geopandas as gpd
import pandas as pd

from qianwan_gis._text import Lang, Text
from qianwan_gis.county import County
from qianwan_gis.schemas import TABLE_TEXT, value_text


class _Inputs(Protocol):
    """The part of a plan that this module reads."""

    @property
    def lang(self) -> Lang: ...
    @property
    def county(self) -> County: ...
    @property
    def boundary(self) -> gpd.GeoDataFrame: ...
    @property
    def villages(self) -> gpd.GeoDataFrame: ...
    @property
    def townships(self) -> gpd.GeoDataFrame: ...
    @property
    def roads(self) -> gpd.GeoDataFrame: ...
    @property
    def facilities(self) -> gpd.GeoDataFrame: ...
    @property
    def sewers(self) -> gpd.GeoDataFrame: ...
    @property
    def targets(self) -> pd.DataFrame: ...


_CARRIED = Text(
    "自带地名表（逐行注明来源，见 data/LICENSES.md）",
    "carried gazetteer (each row names its source, see data/LICENSES.md)",
)
_BY_ROW = Text("逐行注明", "stated row by row")
_LISTS = Text("官方名单", "official list")
_SEATS = Text("乡镇驻地", "township seats")
_LINKS = Text("推定连接", "presumed links")
_PRESUMED = Text("按标准推定", "presumed by the standards")
_COLUMNS = ["layer", "title", "source", "licence", "date", "basis", "features"]


def table(plan: _Inputs) -> pd.DataFrame:
    """Return ``layer, title, source, licence, date, basis, features``, one row per source."""
    rows = [row for part in (_places(plan), _roads(plan), _facilities(plan)) for row in part]
    if len(plan.targets):
        title = TABLE_TEXT["targets"].get(plan.lang)
        for source, group in plan.targets.groupby("source", sort=True):
            rows.append(("targets", title, source, "", "", "", len(group)))
    return pd.DataFrame(rows, columns=_COLUMNS)


def _named(title: str, note: str, lang: Lang) -> str:
    return Text(f"{title}（{note}）", f"{title} ({note})").get(lang) if note else title


_Row = tuple[str, str, str, str, str, str, int]


def _places(plan: _Inputs) -> Iterator[_Row]:
    outline = plan.boundary.iloc[0]
    note = str(outline.get("note", ""))
    yield (
        "boundary",
        _named(Text("县界", "county outline").get(plan.lang), note, plan.lang),
        outline["source"],
        outline["licence"],
        "",
        "",
        1,
    )
    spec = plan.county.villages
    units = spec.units
    source = units.source if units else _CARRIED.get(plan.lang)
    licence = units.licence if units else _BY_ROW.get(plan.lang)
    yield (
        "villages",
        TABLE_TEXT["villages"].get(plan.lang),
        source,
        licence,
        units.date if units else "",
        "",
        len(plan.villages),
    )
    for path in spec.lists:
        listed = int((plan.villages["lists"] != "").sum())
        yield "lists", _LISTS.get(plan.lang), path.name, "", "", "", listed
    if "source" in plan.townships.columns and len(plan.townships):
        sources = "；".join(sorted({str(s).split(" ")[0] for s in plan.townships["source"]}))
        licences = "；".join(sorted(set(plan.townships["licence"].astype(str))))
        yield "townships", _SEATS.get(plan.lang), sources, licences, "", "", len(plan.townships)


def _roads(plan: _Inputs) -> Iterator[_Row]:
    title = TABLE_TEXT["roads"].get(plan.lang)
    counts = plan.roads["basis"].value_counts()
    for spec in plan.county.roads.files:
        basis = spec.basis or "surveyed"
        count = int(counts.get(basis, 0))
        yield "roads", title, spec.source or spec.path.name, spec.licence, spec.date, basis, count
    if counts.get("presumed", 0):
        yield (
            "roads",
            _named(title, _LINKS.get(plan.lang), plan.lang),
            _PRESUMED.get(plan.lang),
            "",
            "",
            "presumed",
            int(counts["presumed"]),
        )


def _facilities(plan: _Inputs) -> Iterator[_Row]:
    for spec in plan.county.facilities:
        own = plan.facilities
        own = own[(own["service"] == spec.service) & (own["tier"] == spec.tier)]
        service, tier = value_text("service", spec.service), value_text("tier", spec.tier)
        label = Text(f"{service.zh}·{tier.zh}", f"{service.en}, {tier.en}").get(plan.lang)
        state = value_text("inventory", spec.inventory)
        register = Text(f"名录{state.zh}", f"register: {state.en}").get(plan.lang)
        source = spec.source or (spec.path.name if spec.path else "")
        count = len(plan.sewers) if (spec.service, spec.tier) == ("sewage", "sewer") else len(own)
        yield (
            f"{spec.service}_{spec.tier}",
            _named(label, register, plan.lang),
            source,
            spec.licence,
            spec.date,
            spec.basis or "",
            count,
        )
