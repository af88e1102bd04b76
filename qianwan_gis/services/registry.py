"""The services there are, and the rows that all of them write into one COVERAGE table."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qianwan_gis.schemas import COVERAGE, Inventory, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Kinds of data from firmest to weakest; a conclusion is as weak as the weakest that it touched.
STRENGTH = ("recorded", "surveyed", "osm", "generalised", "presumed", "assumed", "synthetic")

#: Columns beside the contract: the band of the sewage screen and the second facility.
EXTRA = ("metres_low", "metres_high", "band", "backup_id", "backup_minutes", "p_backup")


@dataclass(frozen=True)
class Service:
    """One service and tier as ``services.toml`` states it."""

    service: str
    tier: str
    physics: str
    missing: Reason
    mode: str = ""
    limit: str = ""
    unit: str = ""


@functools.cache
def services() -> tuple[Service, ...]:
    """Return every service and tier in the order of ``services.toml``."""
    text = (Path(__file__).parent / "services.toml").read_text(encoding="utf-8")
    return tuple(
        Service(service, tier, **{**fields, "missing": Reason(fields["missing"])})
        for service, tiers in tomllib.loads(text).items()
        for tier, fields in tiers.items()
    )


def weakest(*bases: str) -> str:
    """Return the weakest of some kinds of data; ``recorded`` when there are none."""
    return max((b for b in bases if b), key=STRENGTH.index, default=STRENGTH[0])


def rows(codes: Sequence[str], service: Service, columns: Mapping[str, Any]) -> pd.DataFrame:
    """Return COVERAGE rows of one tier, one per village; what is not given is missing."""
    n = len(codes)
    blank: dict[str, Any] = {
        column.name: (
            pd.array([pd.NA] * n, dtype="boolean")
            if column.kind == "boolean"
            else np.full(n, np.nan)
            if column.kind in ("number", "integer")
            else np.full(n, "", dtype=object)
        )
        for column in COVERAGE
    }
    for name in EXTRA:
        blank[name] = np.full(n, "" if name in ("band", "backup_id") else np.nan, dtype=object)
    blank |= {"code": list(codes), "service": service.service, "tier": service.tier}
    table = pd.DataFrame({**blank, **columns})
    numbers = ["metres_low", "metres_high", "backup_minutes", "p_backup"]
    table[numbers] = table[numbers].astype(float)
    return table


def not_assessed(codes: Sequence[str], service: Service) -> pd.DataFrame:
    """Return rows that say only why nothing can be said: no register of this tier exists."""
    return rows(codes, service, {"reason": str(service.missing), "basis": "none"})


def inventory_of(service: Service, inventories: Mapping[tuple[str, str], Inventory]) -> Inventory:
    """Return how complete a tier's register is; none where the county file names none."""
    return Inventory(inventories.get((service.service, service.tier), Inventory.NONE))
