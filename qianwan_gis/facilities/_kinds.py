"""Which services and tiers there are, what their registers may hold, and how complete they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd

from qianwan_gis.schemas import Inventory

if TYPE_CHECKING:
    from qianwan_gis.county import FacilitySpec

#: Services that the toolkit knows, with their tiers; a register of anything else is a fault.
#: ``plant`` is a municipal treatment plant; it anchors the distance screen of the sewer tier.
KNOWN_TIERS: dict[str, tuple[str, ...]] = {
    "clinic": ("village", "township", "county"),
    "sewage": ("sewer", "plant", "station", "on_site"),
    "water": ("works",),
    "corridor": ("post", "scenic", "toilet", "charger", "parking"),
}

#: Further fields that a register of a tier may have, and headings by which they are known as well.
#: They stand with the facility, or with the village in its table of supplies.
REGISTER_FIELDS: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {
    ("sewage", "plant"): {"load": ("现状负荷", "现状处理量", "实际处理量")},
    ("sewage", "sewer"): {
        "plant_id": ("污水厂编号", "所属污水厂", "去向"),
        "depth_m": ("埋深", "管底埋深"),
        "diameter_mm": ("管径",),
    },
    ("water", "works"): {
        "quality": ("水质", "水质评价", "水质结果", "水质达标"),
        "quantity_lpcd": ("人均水量", "人均日供水量", "人均供水量"),
        "to_house": ("入户", "是否入户", "供水入户"),
        "fetch_minutes": ("取水往返时间", "取水时间"),
        "fetch_m": ("取水距离", "取水水平距离"),
        "fetch_height_m": ("取水高差", "取水垂直距离"),
        "reliability_percent": ("供水保证率", "保证率"),
        "outage_days": ("停水天数", "年停水天数"),
        "head_m": ("清水池水位", "出厂水位"),
    },
}

#: Tiers recorded as lines; `read_sewers` reads them.
LINE_TIERS = {("sewage", "sewer")}


def inventories(specs: Iterable[FacilitySpec]) -> dict[tuple[str, str], Inventory]:
    """Return how complete the register of each service and tier is.

    Several registers of one tier count as the weakest of them: two partial lists do not make a
    complete one.
    """
    order = [Inventory.COMPLETE, Inventory.PARTIAL, Inventory.ASSUMED, Inventory.NONE]
    found: dict[tuple[str, str], Inventory] = {}
    for spec in specs:
        key = (spec.service, spec.tier)
        new = Inventory(spec.inventory)
        old = found.get(key, new)
        if Inventory.NONE in (old, new):  # "nothing on record" gives way to any record
            found[key] = old if new is Inventory.NONE else new
        else:
            found[key] = max(old, new, key=order.index)
    return found


def register_fields(table: pd.DataFrame, spec: FacilitySpec) -> dict[str, str]:
    """Return ``{their heading: our field}`` of the further fields that a register has."""
    found: dict[str, str] = {}
    for ours, names in REGISTER_FIELDS.get((spec.service, spec.tier), {}).items():
        match = next((n for n in (ours, *names) if n in table.columns), None)
        if match is not None:
            found[match] = ours
    return found
