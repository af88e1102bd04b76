"""Services: one module per physics (access, sewage, water), one TOML table per service and tier."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from qianwan_gis.services.registry import Joint, Service, services

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.network import RoadNetwork
    from qianwan_gis.schemas import Inventory
    from qianwan_gis.services.access import Place
    from qianwan_gis.services.ground import Ground
    from qianwan_gis.standards import Standards
    from qianwan_gis.uncertainty import Draws

__all__ = ["Joint", "Service", "compute_coverage", "services"]

#: Columns of text that only some services have.
_WORDS = {"slow_road", "backup_id"}


def compute_coverage(
    villages: gpd.GeoDataFrame,
    regions: gpd.GeoDataFrame | None,
    network: RoadNetwork | None,
    facilities: gpd.GeoDataFrame,
    inventories: Mapping[tuple[str, str], Inventory],
    standards: Standards,
    draws: Draws,
    *,
    seats: gpd.GeoDataFrame | None = None,
    sewers: gpd.GeoDataFrame | None = None,
    supplies: pd.DataFrame | None = None,
    joint: Joint | None = None,
    backup: bool | Collection[tuple[str, str]] = False,
    capacity: Mapping[tuple[str, str], float] | None = None,
    modes: Mapping[tuple[str, str], str] | None = None,
    ground: Ground | None = None,
    only: Collection[tuple[str, str]] | None = None,
    place: Place | None = None,
    planned: Mapping[str, pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """Return the one coverage table of all services: every village, every tier, a reason each.

    Parameters
    ----------
    villages, regions, facilities
        VILLAGES, REGIONS and FACILITIES in one projected CRS (metres).
    network
        The road network; tiers measured by network time are ``no_road`` without it.
    inventories
        How complete the register of each (service, tier) is.
    seats
        Township seat points (``township``, Point): ends of presumed links, used only where the
        network has presumed edges.
    sewers
        Recorded sewer lines (`facilities.read_sewers`).
    supplies
        Which facility serves which village (`facilities.read_supplies`).
    joint
        An empty `Joint` to fill with the verdict of every draw, for totals.
    backup, capacity
        Options of the tiers measured by travel time, see `services.options.extend`: columns of a
        second facility in reach (for all of them, or those named); facilities that can be full,
        for the tiers named with the people that one unit of their recorded capacity serves
        (``{("clinic", "township"): 1.0}``).
    modes
        Mode of travel by (service, tier), instead of the service's own.
    ground
        Terrain under the network (`services.ground.Ground`): adds ``slope_minutes``,
        ``slow_road`` and ``offroad_metres``, and lets villages without a road walk to one.
    only
        Services and tiers to compute; all by default.
    place
        How points join the network, see `services.access.pairs_in_reach`.
    planned
        What a service's plan says of the villages (``{"sewage": rows}``), see `services.planned`.

    Returns
    -------
    COVERAGE; one row per village and tier, villages
    in the order of ``villages`` within each tier.
    """
    from qianwan_gis.services import access, options, sewage, water
    from qianwan_gis.services import planned as plans

    positions = draws.positions(villages, regions)
    parts = []
    for kind in services():
        key = (kind.service, kind.tier)
        if only is not None and key not in only:
            continue
        service = replace(kind, mode=(modes or {}).get(key, kind.mode))
        if service.physics == "access":
            part = access.coverage(
                service, villages, positions, network, facilities, inventories, standards, draws,
                seats=seats, joint=joint, ground=ground, place=place,
            )  # fmt: skip
            per_unit = (capacity or {}).get(key)
            second = backup if isinstance(backup, bool) else key in backup
            if (second or per_unit is not None) and network is not None:
                part = options.extend(
                    part, service, villages, positions, network, facilities, inventories,
                    standards, draws, backup=second, capacity=per_unit, ground=ground,
                    place=place,
                )  # fmt: skip
        elif service.physics == "sewage":
            part = sewage.coverage(
                service, positions, facilities, inventories, standards, draws,
                sewers=sewers, supplies=supplies, joint=joint,
            )  # fmt: skip
        else:
            part = water.coverage(
                service, villages, facilities, inventories, supplies=supplies, standards=standards
            )
        if planned:
            rows = planned.get(service.service)
            part = plans.blank(part) if rows is None else plans.apply(part, rows)
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    for name in _WORDS.intersection(table.columns):  # of services that do not have them
        table[name] = table[name].astype(object).fillna("")
    return table
