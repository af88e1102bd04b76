"""Corridors: chainage, zones, events, reports. See docs/methods/corridor.md."""

from __future__ import annotations

from qianwan_gis.corridor import events, report
from qianwan_gis.corridor._complete import completeness_of_table
from qianwan_gis.corridor._corridor import Corridor, Position
from qianwan_gis.corridor._lengths import from_table, places_of
from qianwan_gis.corridor.routes import from_roads, route_via

__all__ = [
    "Corridor",
    "Position",
    "completeness_of_table",
    "events",
    "from_roads",
    "from_table",
    "places_of",
    "report",
    "route_via",
]
