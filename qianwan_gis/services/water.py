"""Water supply: who is supplied, how safely, and what a designed network would do.

The works' own register answers first: distance to a waterworks says nothing of a pipe. A village is
supplied when a register says so, and only a complete register may say that it is not. A register
that says its water is short or unsafe is believed (`assess_safety`).
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from qianwan_gis._errors import ProblemLog
from qianwan_gis.schemas import Inventory, Reason
from qianwan_gis.services import registry
from qianwan_gis.services._water import safety
from qianwan_gis.services._water.breaks import BreakResult
from qianwan_gis.services._water.demand import demands
from qianwan_gis.services._water.hydraulics import Rules
from qianwan_gis.services._water.lines import from_lines
from qianwan_gis.services._water.plan import WaterPlan, plan_water
from qianwan_gis.services._water.rows import coverage_rows, network_rows, planned_rows
from qianwan_gis.services._water.system import Simulation, WaterSystem, read_inp
from qianwan_gis.services._water.zones import gravity_bands
from qianwan_gis.standards import Standards

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.services.registry import Service
    from qianwan_gis.terrain import Terrain

__all__ = [
    "BreakResult",
    "Simulation",
    "WaterPlan",
    "WaterSystem",
    "assess_safety",
    "coverage",
    "coverage_rows",
    "from_lines",
    "gravity_bands",
    "network_of",
    "network_rows",
    "plan_water",
    "planned_rows",
    "read_inp",
    "served_by_record",
    "simulated_rows",
]


def coverage(
    service: Service,
    villages: gpd.GeoDataFrame,
    facilities: gpd.GeoDataFrame,
    inventories: Mapping[tuple[str, str], Inventory],
    *,
    supplies: pd.DataFrame | None = None,
    standards: Standards | None = None,
) -> pd.DataFrame:
    """Return the COVERAGE rows of waterworks: covered by record, or not assessed.

    Parameters as for `services.compute_coverage`. A village whose works is on record is not covered
    where the register itself says that its water is not safe (`assess_safety`): ``low_quantity``,
    else ``water_unsafe``. What the register leaves open is not held against it.
    """
    codes = villages["code"].astype(str).tolist()
    inventory = registry.inventory_of(service, inventories)
    norms = standards or Standards.load()
    served = served_by_record(service, facilities, supplies)
    screen = _screen(service, villages, facilities, norms)
    if inventory is Inventory.NONE or served is None:
        table = registry.not_assessed(codes, service)
        return table if screen is None else table.assign(**screen)
    columns = record_columns(codes, served, inventory)
    if screen is not None and inventory is not Inventory.COMPLETE:
        # beside what the register leaves open; whom it names needs no screen
        named = np.isin(codes, served.index)
        columns["metres"] = np.where(named, np.nan, screen["metres"])
        columns["band"] = np.where(named, "", screen["band"])
    found = assess_safety(villages, facilities, supplies, norms)
    unsafe = found["verdict"].eq(safety.UNSAFE).to_numpy()
    short = found["failing"].str.split(";").map(lambda names: "quantity" in names).to_numpy(bool)
    covered = columns["covered"].copy()
    covered[unsafe] = False
    reason = np.where(unsafe, str(Reason.WATER_UNSAFE), columns["reason"])
    columns |= {
        "covered": covered,
        "p_covered": np.where(unsafe, 0.0, columns["p_covered"]),
        "reason": np.where(unsafe & short, str(Reason.LOW_QUANTITY), reason),
    }
    return registry.rows(codes, service, columns)


def network_of(
    lines: gpd.GeoDataFrame, *, sources: gpd.GeoDataFrame, villages: gpd.GeoDataFrame,
    standards: Standards, terrain: Terrain | None = None, tolerance: float = 1.0,
    reach: float | None = None,
) -> WaterSystem:  # fmt: skip
    """Make a network of recorded pipes, with the villages' demand drawn from it.

    Parameters as for `from_lines`; ``villages`` have ``code`` and ``population``. Villages without
    people draw nothing and are named among the problems.
    """
    people = pd.to_numeric(villages["population"], errors="coerce")
    known = villages[(people > 0).to_numpy()]
    want = demands(known, Rules.read(standards))["demand_m3d"]
    system = from_lines(
        lines, sources=sources, standards=standards, terrain=terrain,
        demands=known[["code", "geometry"]].assign(demand_m3d=want), tolerance=tolerance,
        reach=reach,
    )  # fmt: skip
    log = ProblemLog()
    for code in villages.loc[~(people > 0).to_numpy(), "code"].astype(str):
        log.add("warning", "no_people", f"村庄 {code} 没有人口，管网中不计其用水",
                f"village {code} has no people on record and draws nothing in the network",
                file="villages", row=code, field="population")  # fmt: skip
    system.problems.extend(log.problems)
    return system


def simulated_rows(
    plan: WaterPlan | None, system: WaterSystem | None, standards: Standards, *,
    served: AbstractSet[str], unsafe: AbstractSet[str] = frozenset(), basis: str = "assumed",
) -> pd.DataFrame:  # fmt: skip
    """Return the rows for `services.planned.apply`: a recorded network's run before the plan's.

    Villages on the recorded network are covered where EPANET finds the service pressure there; the
    others have what `planned_rows` says of them. Where the register says that the water is not
    safe (``unsafe``), that stands.
    """
    parts = []
    if system is not None:
        parts.append(network_rows(system, standards, unsafe=unsafe))
    if plan is not None:
        parts.append(planned_rows(plan, standards, served=served, unsafe=unsafe, basis=basis))
    return pd.concat(parts, ignore_index=True).drop_duplicates("code", ignore_index=True)


def _screen(
    service: Service, villages: gpd.GeoDataFrame, facilities: gpd.GeoDataFrame, norms: Standards
) -> dict[str, Any] | None:
    """Straight distances of villages with a point to the nearest works: a screen, no verdict."""
    if "geometry" not in villages or "geometry" not in facilities:
        return None
    own = facilities["service"].eq(service.service) & facilities["tier"].eq(service.tier)
    places = facilities.geometry[own].to_numpy()
    places = places[~(shapely.is_missing(places) | shapely.is_empty(places))]
    homes = villages.geometry.to_numpy()
    there = ~(shapely.is_missing(homes) | shapely.is_empty(homes))
    if not len(places) or not there.any():
        return None
    metres = np.full(len(homes), np.nan)
    tree = shapely.STRtree(places)
    metres[there] = tree.query_nearest(homes[there], return_distance=True, all_matches=False)[1]
    limits = [float(norms.value(f"water.screen.{name}_km")) for name in ("near", "middle", "far")]
    near, middle, far = (f"{k:g}" for k in limits)
    labels = [f"≤{near} km", f"{near}–{middle} km", f"{middle}–{far} km", f">{far} km"]
    band = np.searchsorted(np.array(limits) * 1000.0, metres)
    return {
        "metres": np.round(metres),
        "band": [labels[b] if ok else "" for b, ok in zip(band, there, strict=True)],
        "reason": np.where(there, str(Reason.SCREEN_ONLY), str(Reason.NOT_LOCATED)),
        "basis": np.where(there, "presumed", "none"),
    }


def assess_safety(
    villages: pd.DataFrame, facilities: pd.DataFrame, supplies: pd.DataFrame | None,
    standards: Standards, *, log: ProblemLog | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Assess the safety of every village's drinking water (农村饮水安全评价) by the register.

    See `_water.safety.assess`; ``facilities`` and ``supplies`` may hold other services as well.
    """
    works = facilities[facilities["service"].eq("water") & facilities["tier"].eq("works")]
    if supplies is not None and "service" in supplies:
        supplies = supplies[supplies["service"].eq("water") & supplies["tier"].eq("works")]
    return safety.assess(villages, works, supplies, standards, log=log)


def served_by_record(
    service: Service, facilities: pd.DataFrame, supplies: pd.DataFrame | None
) -> pd.DataFrame | None:
    """Return the facility and its basis by village code, as registers have it; None without any.

    A facility that names its own village serves it; the supplies table adds the others. A village
    on two facilities keeps the first by identifier.
    """
    own = facilities["service"].eq(service.service) & facilities["tier"].eq(service.tier)
    table = facilities.loc[own, ["facility_id", "basis", "village_code"]]
    parts = [table.rename(columns={"village_code": "code"}).loc[lambda t: t["code"].ne("")]]
    if supplies is not None and len(supplies):
        mine = supplies["service"].eq(service.service) & supplies["tier"].eq(service.tier)
        parts.append(
            supplies.loc[mine, ["facility_id", "code"]].merge(
                table[["facility_id", "basis"]], on="facility_id", how="left"
            )
        )
    found = pd.concat(parts, ignore_index=True)
    if found.empty:
        return None
    found = found.sort_values(["code", "facility_id"]).drop_duplicates("code")
    return found.set_index("code")


def record_columns(codes: list[str], served: pd.DataFrame, inventory: Inventory) -> dict[str, Any]:
    """Return COVERAGE columns for what a register says: served, not served, or unknown."""
    found = served.reindex(codes)
    yes = found["facility_id"].notna().to_numpy()
    complete = inventory is Inventory.COMPLETE
    missing = Reason.NO_FACILITY if complete else Reason.INVENTORY_INCOMPLETE
    weak = registry.weakest(*served["basis"].dropna().astype(str).unique())
    return {
        "facility_id": found["facility_id"].fillna("").to_numpy(object),
        "covered": pd.array(
            [True if y else (False if complete else pd.NA) for y in yes], dtype="boolean"
        ),
        "p_covered": np.where(yes, 1.0, 0.0 if complete else np.nan),
        "reason": np.where(yes, str(Reason.OK), str(missing)),
        "basis": np.where(yes, found["basis"].fillna("recorded"), weak if complete else "none"),
    }
