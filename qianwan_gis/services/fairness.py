"""Who is served how evenly: life circles, equity of access, and the Rural Access Index of a county.

Three tables that `Plan.fairness` holds and every output draws on, already cut down to what the data
bear: what is left out is named with its reason.

Sources: Luo and Qi (2009) for the score; SDG 9.1.1 for the index; the Ministry of Commerce's
quarter-hour life circle (一刻钟便民生活圈).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from qianwan_gis import people as people_rule
from qianwan_gis._text import Text
from qianwan_gis.schemas import Basis, Inventory, value_text
from qianwan_gis.services import reach, scores
from qianwan_gis.services.registry import Service, services

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.gazetteer import Gazetteer
    from qianwan_gis.network import RoadNetwork
    from qianwan_gis.services.choices import Choices
    from qianwan_gis.standards import Standards

#: Units with a point that a figure of the county or a group needs, as a share.
_POINTS = 0.8
#: Scores are told per thousand people (or villages).
_PER = 1000.0


class Shows(Protocol):
    """What is asked of `indicators.Disclosure`."""

    @property
    def people(self) -> bool:
        """Figures in people."""

    @property
    def decimal_minutes(self) -> bool:
        """Minutes as such."""

    @property
    def reasons(self) -> Mapping[str, Text]:
        """Why not, by attribute."""


class PlanLike(Protocol):
    """What of a plan the tables need."""

    @property
    def villages(self) -> gpd.GeoDataFrame:
        """VILLAGES."""

    @property
    def roads(self) -> gpd.GeoDataFrame:
        """ROADS."""

    @property
    def facilities(self) -> gpd.GeoDataFrame:
        """FACILITIES."""

    @property
    def inventories(self) -> dict[tuple[str, str], Inventory]:
        """How complete each register is."""

    @property
    def network(self) -> RoadNetwork:
        """The road network."""

    @property
    def gazetteer(self) -> Gazetteer:
        """Units with their class, urban or rural."""

    @property
    def choices(self) -> Choices:
        """Modes and capacities chosen."""

    @property
    def disclosure(self) -> Shows:
        """What the data bear."""

    standards: Standards


@dataclass(frozen=True)
class Fairness:
    """The tables and what was left out.

    Attributes
    ----------
    circles
        Life circle of each village: ``code, name, township, category, reached, known, required,
        complete, missing, unknown``; empty when withheld.
    circle_groups
        The same counted for the county, townships and categories: ``scope, group, villages,
        complete, incomplete, unknown, share_complete`` (share of those decided).
    equity
        One row per service, tier and group: ``service, tier, scope, group, origins, of,
        weighed_by, mean, gini, palma, worst_decile, share_of_worst_decile, minutes_mean,
        minutes_worst``. ``mean`` and ``worst_decile`` are supply per thousand; the minutes are those
        to the nearest facility, of everybody and of the worst-off tenth; empty where anybody of
        the group has no way to one.
    rural_access
        ``method, villages, assessed, within, within_low, within_high, share_villages, people,
        people_within, share_people``.
    withheld
        Reason by name of the table left out (``circles``, ``equity``, ``rural_access``) or, for a
        tier of `equity`, by ``service_tier``.
    """

    circles: pd.DataFrame
    circle_groups: pd.DataFrame
    equity: pd.DataFrame
    rural_access: pd.DataFrame
    withheld: Mapping[str, Text] = field(default_factory=dict)


def nothing(withheld: Mapping[str, Text] | None = None) -> Fairness:
    """Return the tables without rows."""
    none = pd.DataFrame()
    return Fairness(none, none, none, none, withheld or {})


def assess(plan: PlanLike) -> Fairness:
    """Return the tables of a plan, as far as its data bear them."""
    withheld: dict[str, Text] = {}
    shows = plan.disclosure
    presumed = _reason(shows, "decimal_minutes")
    shares = _few_points(plan) or presumed
    circles = circle_groups = equity = index = pd.DataFrame()
    if presumed is not None:
        withheld["circles"] = presumed
    else:
        circles, circle_groups = _circles(plan)
    if shares is not None:
        withheld["equity"] = withheld["rural_access"] = shares
    else:
        equity = _equity(plan, withheld)
        found = _rural_access(plan)
        if isinstance(found, Text):
            withheld["rural_access"] = found
        else:
            index = found
    return Fairness(circles, circle_groups, equity, index, withheld)


def _few_points(plan: PlanLike) -> Text | None:
    """Return why figures of the county are no figures: too few villages have a point."""
    total = len(plan.villages)
    points = int(plan.villages["basis"].eq(str(Basis.POINT)).sum())
    if points >= _POINTS * total and total:
        return None
    return Text(
        f"{total}个村中只有{points}个有点位", f"only {points} of {total} villages have a point"
    )


def _reason(shows: Shows, name: str) -> Text | None:
    if getattr(shows, name):
        return None
    return shows.reasons.get(name, Text("资料不足", "the data do not bear it"))


# ---------------------------------------------------------------------------------------------
# Life circles
# ---------------------------------------------------------------------------------------------


def required_services(plan: PlanLike) -> dict[str, tuple[str, str]]:
    """Return the services that make a life circle, by ``service.tier`` (`life_circle.services`)."""
    names = plan.standards.value("life_circle.services")
    assert isinstance(names, list)  # noqa: S101  # checked when the standards are loaded
    pairs = [str(name).partition(".") for name in names]
    return {f"{service}.{tier}": (service, tier) for service, _, tier in pairs}


def _circles(plan: PlanLike) -> tuple[pd.DataFrame, pd.DataFrame]:
    required = required_services(plan)
    made = reach.life_circles(
        plan.villages, plan.facilities, plan.network, plan.inventories, required=required,
        limit=float(plan.standards.value("life_circle.walk_minutes")),
    )  # fmt: skip
    made = made.drop(columns=list(required)).reset_index()
    who = pd.DataFrame(plan.villages)[["code", "name", "township", "category"]]
    table = who.merge(made, on="code", how="left", validate="1:1").sort_values("code")
    rows = []
    for scope, group, part in _groups(table):
        done = part["complete"].astype("boolean")
        yes, no = int(done.fillna(value=False).sum()), int((~done).fillna(value=False).sum())
        decided = yes + no
        rows.append((scope, group, len(part), yes, no, len(part) - decided,
                     yes / decided if decided >= _POINTS * max(1, len(part)) else np.nan))  # fmt: skip
    columns = ["scope", "group", "villages", "complete", "incomplete", "unknown", "share_complete"]
    return table.reset_index(drop=True), pd.DataFrame(rows, columns=columns)


def _groups(table: pd.DataFrame) -> list[tuple[str, str, pd.DataFrame]]:
    found = [("county", "", table)]
    for scope in ("township", "category"):
        names = sorted(set(table[scope].fillna("").astype(str)) - {""})
        found += [(scope, name, table[table[scope].eq(name)]) for name in names]
    return found


# ---------------------------------------------------------------------------------------------
# Equity
# ---------------------------------------------------------------------------------------------


def _equity(plan: PlanLike, withheld: dict[str, Text]) -> pd.DataFrame:
    parts = []
    for kind in map(plan.choices.apply, services()):
        if kind.physics != "access":
            continue
        inventory = Inventory(plan.inventories.get((kind.service, kind.tier), Inventory.NONE))
        if inventory is Inventory.NONE:
            continue
        if inventory is not Inventory.COMPLETE:
            name, tier = value_text("service", kind.service), value_text("tier", kind.tier)
            withheld[f"{kind.service}_{kind.tier}"] = Text(
                f"{name.zh}（{tier.zh}）的名录不完整",
                f"the register of {name.en} ({tier.en}) is not complete",
            )
            continue
        parts.append(_equity_of(plan, kind))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _equity_of(plan: PlanLike, kind: Service) -> pd.DataFrame:
    """Return the equity of one tier: score on the network's own times, minutes to the nearest."""
    own = plan.facilities
    own = own[own["service"].eq(kind.service) & own["tier"].eq(kind.tier)]
    places = own[own.geometry.notna() & ~own.geometry.is_empty].sort_values("facility_id")
    villages = plan.villages.sort_values("code", ignore_index=True)
    has = (villages.geometry.notna() & ~villages.geometry.is_empty).to_numpy()
    homes = villages[has].reset_index(drop=True)
    codes = homes["code"].astype(str)
    limit = float(plan.standards.value(kind.limit))
    catchment = limit * float(plan.standards.value("access.fca.catchment_limits"))
    nearest = np.full(len(homes), np.nan)
    pairs = pd.DataFrame({"origin": [], "destination": [], "cost": []})
    if len(places) and len(homes):
        goals = places.geometry.reset_index(drop=True)
        near = plan.network.nearest(homes.geometry, goals, mode=kind.mode)
        nearest = near["seconds"].to_numpy(float) / 60.0
        found = plan.network.od_matrix(
            homes.geometry, goals, limit=catchment * 60.0, by="seconds", mode=kind.mode
        )
        ids = places["facility_id"].astype(str).to_numpy()
        pairs = pd.DataFrame({
            "origin": codes.to_numpy()[found["origin"]], "destination": ids[found["destination"]],
            "cost": found["seconds"].to_numpy() / 60.0,
        })  # fmt: skip
        pairs = _at_home(pairs, places, set(codes))
        inside = set(places["village_code"].fillna("").astype(str))
        nearest[codes.isin(inside).to_numpy()] = 0.0
    heads = _people(villages) if plan.disclosure.people else None
    demand = pd.Series(1.0, index=codes) if heads is None else heads.reindex(codes)
    supply = _supply(places, plan.choices.capacity.get((kind.service, kind.tier)))
    score = scores.fca(pairs, demand, supply, catchment, method="e2sfca")
    return _figures(kind, villages, homes, score, demand, pd.Series(nearest, index=codes), heads)


def _at_home(pairs: pd.DataFrame, places: pd.DataFrame, codes: set[str]) -> pd.DataFrame:
    """Let a facility inside a village cost that village nothing."""
    inside = places.loc[places["village_code"].isin(codes), ["village_code", "facility_id"]]
    home = pd.DataFrame({
        "origin": inside["village_code"].astype(str), "destination": inside["facility_id"].astype(str),
        "cost": 0.0,
    })  # fmt: skip
    both = pd.concat([home, pairs], ignore_index=True)
    return both.drop_duplicates(["origin", "destination"], keep="first", ignore_index=True)


def _supply(places: pd.DataFrame, per_unit: float | None) -> pd.Series:
    """Return the supply by facility: recorded capacities where all are known, else 1 each."""
    stock = pd.to_numeric(places["capacity"], errors="coerce").to_numpy(float)
    known = len(stock) > 0 and not np.isnan(stock).any() and stock.sum() > 0
    values = stock * (per_unit or 1.0) if known else np.ones(len(places))
    return pd.Series(values, index=places["facility_id"].astype(str))


def _people(villages: pd.DataFrame) -> pd.Series | None:
    agreed = people_rule.agreement(villages)
    if agreed is None or not agreed.enough:
        return None
    figures = pd.to_numeric(villages["population"], errors="coerce").where(agreed.rows)
    return pd.Series(figures.to_numpy(float), index=villages["code"].astype(str))


def _figures(
    kind: Service,
    villages: pd.DataFrame,
    homes: pd.DataFrame,
    score: pd.Series,
    demand: pd.Series,
    minutes: pd.Series,
    heads: pd.Series | None,
) -> pd.DataFrame:
    parts = []
    total = {"county": {"": len(villages)}}
    for scope in ("township", "category"):
        total[scope] = villages[scope].astype(str).value_counts().to_dict()
        by = pd.Series(homes[scope].astype(str).where(homes[scope].ne("")).to_numpy(), score.index)
        table = scores.equity(score, demand, by=by).reset_index()
        table.insert(0, "scope", np.where(table["group"].eq(""), "county", scope))
        parts.append(table if scope == "township" else table[table["group"].ne("")])
    out = pd.concat(parts, ignore_index=True)
    out["of"] = [
        total[scope][group] for scope, group in zip(out["scope"], out["group"], strict=True)
    ]
    members = {("county", ""): np.ones(len(homes), bool)} | {
        (scope, name): homes[scope].eq(name).to_numpy()
        for scope in ("township", "category")
        for name in set(homes[scope].astype(str)) - {""}
    }
    worst, mean = [], []
    for scope, group in zip(out["scope"], out["group"], strict=True):
        rows = members[scope, group] & demand.gt(0).to_numpy()
        x, w = minutes[rows], demand[rows]
        # whoever has no way at all cannot be left out of a mean of everybody
        whole = len(x) > 0 and bool(np.isfinite(x).all())
        mean.append(float((x * w).sum() / w.sum()) if whole else np.nan)
        worst.append(-scores.worst_decile(-x, w) if whole else np.nan)
    out[["mean", "worst_decile"]] *= _PER
    few = out["origins"] < _POINTS * out["of"]
    for name in ("mean", "gini", "palma", "worst_decile", "share_of_worst_decile"):
        out[name] = out[name].mask(few)
    out["minutes_mean"] = pd.Series(mean).round(1).mask(few)
    out["minutes_worst"] = pd.Series(worst).round(1).mask(few)
    out.insert(0, "service", kind.service)
    out.insert(1, "tier", kind.tier)
    out.insert(6, "weighed_by", "villages" if heads is None else "people")
    return out


# ---------------------------------------------------------------------------------------------
# Rural Access Index
# ---------------------------------------------------------------------------------------------


def _rural_access(plan: PlanLike) -> pd.DataFrame | Text:
    roads, villages = plan.roads, plan.villages
    surface = roads["surface"].fillna("").astype(str).str.strip().str.lower()
    known = surface.ne("") & roads["status"].eq("existing")
    if not known.any():
        return Text("道路没有登记路面，分不出全天候道路", "no road has a surface on record")
    good = plan.standards.value("access.rai.all_season")
    assert isinstance(good, list)  # noqa: S101  # checked when the standards are loaded
    season = surface.isin([str(name).lower() for name in good])
    made = reach.rural_access_index(
        villages, roads, all_season=season, network=plan.network,
        distance_m=float(plan.standards.value("access.rai.distance_m")), rural=_rural(plan),
    )  # fmt: skip
    table = made.reset_index()
    if not plan.disclosure.people:
        table[["people", "people_within", "share_people"]] = np.nan
    return table


def _rural(plan: PlanLike) -> pd.Series | None:
    """Return which villages are rural (statistical class 2xx); None where no class is known."""
    units = plan.gazetteer.units
    if "urban_rural_class" not in units.columns:
        return None
    kind = units.set_index(units["code"].astype(str))["urban_rural_class"].fillna("").astype(str)
    mine = plan.villages["code"].astype(str).map(kind[~kind.index.duplicated()]).fillna("")
    return None if mine.eq("").all() else pd.Series(mine.str.startswith("2") | mine.eq(""))
