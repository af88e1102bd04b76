"""The services there are, and the rows that all of them write into one COVERAGE table."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qianwan_gis.schemas import COVERAGE, Inventory, Reason
from qianwan_gis.uncertainty import total_covered

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Kinds of data from firmest to weakest; a conclusion is as weak as the weakest that it touched.
STRENGTH = ("recorded", "surveyed", "osm", "generalised", "presumed", "assumed", "synthetic")


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


@dataclass
class Joint:
    """The verdict of every draw, kept so that totals are joint over villages.

    ``within[(service, tier)]`` is a boolean array (villages, draws), ``assessed[...]`` tells which
    villages it speaks of: located, and not on one point with an assumed facility.
    """

    within: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    assessed: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)

    def totals(self) -> pd.DataFrame:
        """Return how many villages are within the limit: median and 5-95 % of the joint draws.

        Returns
        -------
        Table ``service, tier, villages, assessed, within, within_low, within_high``. Villages
        with no better position than a region count in the draws in which they fall inside, so
        this is a range for what is true, not a count of verdicts.
        """
        rows = []
        for (service, tier), within in self.within.items():
            assessed = self.assessed[service, tier]
            mid, low, high = total_covered(within[assessed])
            rows.append((service, tier, len(within), int(assessed.sum()), mid, low, high))
        columns = ["service", "tier", "villages", "assessed", "within", "within_low", "within_high"]
        return pd.DataFrame(rows, columns=columns)


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
    blank |= {"metres_low": np.full(n, np.nan), "metres_high": np.full(n, np.nan), "band": ""}
    blank |= {"code": list(codes), "service": service.service, "tier": service.tier}
    return pd.DataFrame({**blank, **columns})


def not_assessed(codes: Sequence[str], service: Service) -> pd.DataFrame:
    """Return rows that say only why nothing can be said: no register of this tier exists."""
    return rows(codes, service, {"reason": str(service.missing), "basis": "none"})


def inventory_of(service: Service, inventories: Mapping[tuple[str, str], Inventory]) -> Inventory:
    """Return how complete a tier's register is; none where the county file names none."""
    return Inventory(inventories.get((service.service, service.tier), Inventory.NONE))
