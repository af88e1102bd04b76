"""What each layer of a plan rests on: one table that every output prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import geopandas as gpd
import pandas as pd

from qianwan_gis.county import County
from qianwan_gis.schemas import TABLE_TEXT, value_text


class _Inputs(Protocol):
    """The part of a plan that this module reads."""

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


_COLUMNS = ["layer", "title", "source", "licence", "date", "basis", "features"]


def table(plan: _Inputs) -> pd.DataFrame:
    """Return ``layer, title, source, licence, date, basis, features``, one row per source."""
    rows = [row for part in (_places(plan), _roads(plan), _facilities(plan)) for row in part]
    if len(plan.targets):
        title = TABLE_TEXT["targets"].zh
        for source, group in plan.targets.groupby("source", sort=True):
            rows.append(("targets", title, source, "", "", "", len(group)))
    return pd.DataFrame(rows, columns=_COLUMNS)


_Row = tuple[str, str, str, str, str, str, int]


def _places(plan: _Inputs) -> Iterator[_Row]:
    outline = plan.boundary.iloc[0]
    note = str(outline.get("note", ""))
    yield (
        "boundary",
        f"县界（{note}）" if note else "县界",
        outline["source"],
        outline["licence"],
        "",
        "",
        1,
    )
    spec = plan.county.villages
    units = spec.units
    source = units.source if units else "自带地名表（逐行注明来源，见 data/LICENSES.md）"
    licence = units.licence if units else "逐行注明"
    yield (
        "villages",
        TABLE_TEXT["villages"].zh,
        source,
        licence,
        units.date if units else "",
        "",
        len(plan.villages),
    )
    for path in spec.lists:
        listed = int((plan.villages["lists"] != "").sum())
        yield "lists", "官方名单", path.name, "", "", "", listed
    if "source" in plan.townships.columns and len(plan.townships):
        sources = "；".join(sorted({str(s).split(" ")[0] for s in plan.townships["source"]}))
        licences = "；".join(sorted(set(plan.townships["licence"].astype(str))))
        yield "townships", "乡镇驻地", sources, licences, "", "", len(plan.townships)


def _roads(plan: _Inputs) -> Iterator[_Row]:
    title = TABLE_TEXT["roads"].zh
    counts = plan.roads["basis"].value_counts()
    for spec in plan.county.roads.files:
        basis = spec.basis or "surveyed"
        count = int(counts.get(basis, 0))
        yield "roads", title, spec.source or spec.path.name, spec.licence, spec.date, basis, count
    if counts.get("presumed", 0):
        word = value_text("basis", "presumed").zh
        yield (
            "roads",
            f"{title}（{word}连接）",
            "按标准推定",
            "",
            "",
            "presumed",
            int(counts["presumed"]),
        )


def _facilities(plan: _Inputs) -> Iterator[_Row]:
    for spec in plan.county.facilities:
        own = plan.facilities
        own = own[(own["service"] == spec.service) & (own["tier"] == spec.tier)]
        label = f"{value_text('service', spec.service).zh}·{value_text('tier', spec.tier).zh}"
        state = value_text("inventory", spec.inventory).zh
        source = spec.source or (spec.path.name if spec.path else "")
        count = len(plan.sewers) if (spec.service, spec.tier) == ("sewage", "sewer") else len(own)
        yield (
            f"{spec.service}_{spec.tier}",
            f"{label}（名录{state}）",
            source,
            spec.licence,
            spec.date,
            spec.basis or "",
            count,
        )
