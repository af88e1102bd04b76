"""Coverage: a layer per service and tier, made from the table that was computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from qianwan_gis._text import Text
from qianwan_gis.layers._registry import (
    BLUE,
    ORANGE,
    Layer,
    Results,
    Style,
    Symbol,
    contract,
    family,
    readable,
    select,
)
from qianwan_gis.schemas import (
    COVERAGE,
    VALUE_TEXT,
    VILLAGES,
    Column,
    value_text,
)

if TYPE_CHECKING:
    from qianwan_gis.indicators import Disclosure


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
    *(c for c in contract(COVERAGE, "reason") if c.name not in ("code", "service", "tier")),
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
    seen = results.coverage[["service", "tier"]].drop_duplicates().astype(str)
    pairs = set(seen.itertuples(index=False, name=None))
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


@family
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
    return select(readable(frame, ("reason",), results.lang), _COVERAGE_COLUMNS)
