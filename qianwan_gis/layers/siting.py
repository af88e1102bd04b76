"""Proposed sites: the places, the villages that gain, and which site serves whom."""

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
from qianwan_gis.proposals import COLUMN_TEXT, VERDICT_TEXT
from qianwan_gis.schemas import Column, value_text

_NONE = Text("", "")


def _own(name: str, kind: str = "number", unit: str = "") -> Column:
    return Column(name, kind, COLUMN_TEXT[name], _NONE, unit)  # type: ignore[arg-type]


_KIND = (
    Column("service", "text", Text("服务", "Service"), Text("代码", "code")),
    Column("tier", "text", Text("层级", "Tier"), Text("代码", "code")),
    Column("kind_text", "text", Text("拟建设施", "To be built"), _NONE),
)
_VERDICT = (
    Column("verdict", "text", COLUMN_TEXT["verdict"], Text("gained 概率≥95%，likely ≥50%，其余 possible", "gained at 95 %, likely at 50 %"),
           allowed=tuple(VERDICT_TEXT)),
    Column("verdict_text", "text", Text("结论（文字）", "Verdict, in words"), _NONE),
)  # fmt: skip
_SITES = (
    *_KIND, _own("order", "integer"), _own("site_id", "text"), _own("name", "text"),
    _own("township", "text"), _own("villages"), _own("villages_low"), _own("villages_high"),
    _own("villages_sure", "integer"), _own("people", unit="人"), _own("people_low", unit="人"),
    _own("people_high", unit="人"), _own("p_chosen"), _own("load"), _own("second"), _own("cost"),
    Column("label", "text", Text("标注", "Label"), _NONE),
)  # fmt: skip
_GAINS = (
    *_KIND, _own("code", "text"), _own("name", "text"), _own("township", "text"),
    _own("site_id", "text"), _own("p_before"), _own("p_after"), _own("people", unit="人"), *_VERDICT,
)  # fmt: skip
_LINKS = (*_KIND, _own("code", "text"), _own("site_id", "text"), _own("p_after"), *_VERDICT)
_NOTE = Text(
    "按现有资料提出，供研究；用地、水电和资金未考虑，须现场核定",
    "proposed from the data at hand, for study; land, supply and money are not considered",
)


def _joined(results: Results, key: str) -> gpd.GeoDataFrame | None:
    """Put the layers of all proposals into one, where siting advice may be shown at all."""
    if not results.disclosure.siting:
        return None
    parts = []
    for made in results.proposals:
        frame = made.layers.get(key)
        if frame is None or frame.empty:
            continue
        service, tier = value_text("service", made.service), value_text("tier", made.tier)
        words = Text(f"{service.zh}·{tier.zh}", f"{service.en}, {tier.en}").get(results.lang)
        part = frame.to_crs(results.crs).assign(
            service=made.service, tier=made.tier, kind_text=words
        )
        if not results.disclosure.people:
            part = part.drop(columns=[c for c in part.columns if str(c).startswith("people")])
        if "verdict" in part.columns:
            said = part["verdict"].map(lambda v: VERDICT_TEXT[v].get(results.lang))
            part = part.assign(verdict_text=said)
        parts.append(part)
    if not parts:
        return None
    return gpd.GeoDataFrame(
        pd.concat(parts, ignore_index=True), geometry="geometry", crs=results.crs
    )


@layer(
    "proposed_sites",
    Text("选址建议：拟建点", "Proposed sites"),
    theme="facilities",
    columns=_SITES,
    styles=(
        Style(
            Text("拟建点", "Proposed"), "point",
            (Symbol("", Text("建议新增", "proposed"), "#ffffff", 3.6, "diamond", outline=ORANGE),),
            label="label",
        ),
    ),
    note=_NOTE,
)  # fmt: skip
def _sites(results: Results) -> gpd.GeoDataFrame | None:
    frame = _joined(results, "proposed_sites")
    if frame is None:
        return None
    label = frame["order"].astype(str) + " " + frame["name"].astype(str)
    return select(frame.assign(label=label), _SITES)


@layer(
    "proposed_gains",
    Text("选址建议：受益村", "Villages that gain"),
    theme="facilities",
    columns=_GAINS,
    styles=(
        Style(
            COLUMN_TEXT["verdict"], "point",
            (
                Symbol("gained", VERDICT_TEXT["gained"], GREEN, 2.6),
                Symbol("likely", VERDICT_TEXT["likely"], BLUE, 2.4),
                Symbol("possible", VERDICT_TEXT["possible"], GREY, 2.2),
            ),
            by="verdict", label="name",
        ),
    ),
    note=_NOTE,
)  # fmt: skip
def _gains(results: Results) -> gpd.GeoDataFrame | None:
    frame = _joined(results, "proposed_gains")
    if frame is None:
        return None
    return select(frame[frame.geometry.notna() & ~frame.geometry.is_empty], _GAINS)


@layer(
    "proposed_links",
    Text("选址建议：归属连线", "Which proposed site serves whom"),
    theme="facilities",
    columns=_LINKS,
    styles=(
        Style(
            COLUMN_TEXT["verdict"], "line",
            (
                Symbol("gained", VERDICT_TEXT["gained"], GREEN, 0.5),
                Symbol("", Text("可能新增", "likely or possibly gained"), GREY, 0.4, dashed=True),
            ),
            by="verdict",
        ),
    ),
    note=Text("直线只示归属，不是路线", "straight lines show who belongs where, not the way"),
)  # fmt: skip
def _links(results: Results) -> gpd.GeoDataFrame | None:
    frame = _joined(results, "proposed_links")
    return None if frame is None else select(frame, _LINKS)
