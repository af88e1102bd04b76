"""Services: one module per physics (access, sewage, water), one TOML table per service and tier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from qianwan_gis.services.registry import Joint, Service, services

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.network import RoadNetwork
    from qianwan_gis.schemas import Inventory
    from qianwan_gis.standards import Standards
    from qianwan_gis.uncertainty import Draws

__all__ = ["Joint", "Service", "compute_coverage", "services"]


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
    backup: bool = False,
    capacity: Mapping[tuple[str, str], float] | None = None,
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
        second facility in reach; facilities that can be full, for the tiers named with the people
        that one unit of their recorded capacity serves (``{("clinic", "township"): 1.0}``).

    Returns
    -------
    COVERAGE; one row per village and tier, villages
    in the order of ``villages`` within each tier.
    """
    from qianwan_gis.services import access, options, sewage, water

    positions = draws.positions(villages, regions)
    parts = []
    for service in services():
        if service.physics == "access":
            part = access.coverage(
                service, villages, positions, network, facilities, inventories, standards, draws,
                seats=seats, joint=joint,
            )  # fmt: skip
            per_unit = (capacity or {}).get((service.service, service.tier))
            if (backup or per_unit is not None) and network is not None:
                part = options.extend(
                    part, service, villages, positions, network, facilities, inventories,
                    standards, draws, backup=backup, capacity=per_unit,
                )  # fmt: skip
        elif service.physics == "sewage":
            part = sewage.coverage(
                service, positions, facilities, inventories, standards, draws,
                sewers=sewers, supplies=supplies, joint=joint,
            )  # fmt: skip
        else:
            part = water.coverage(service, villages, facilities, inventories, supplies=supplies)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)
