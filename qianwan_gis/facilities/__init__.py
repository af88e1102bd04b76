"""Facilities: clinics, hospitals, treatment plants, waterworks, as the office's own files have them.

A facility is placed by its own coordinates, or by the village that it stands in
(``village_code``, or ``village`` with ``township``): its place is then its village, wherever that
village turns out to be. Health centres may be *assumed* at the township seats where the county
file says so. How complete each register is (`Inventory`) decides what silence means.
"""

from __future__ import annotations

from qianwan_gis.facilities._checks import FAR_OUTSIDE_M
from qianwan_gis.facilities._kinds import KNOWN_TIERS, LINE_TIERS, REGISTER_FIELDS, inventories
from qianwan_gis.facilities._read import read_facilities, read_sewers, read_supplies

__all__ = [
    "FAR_OUTSIDE_M",
    "KNOWN_TIERS",
    "LINE_TIERS",
    "REGISTER_FIELDS",
    "inventories",
    "read_facilities",
    "read_sewers",
    "read_supplies",
]
