"""COVERAGE rows of water: pressure and quantity met in simulation; distance only as a fallback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qianwan_gis.schemas import Reason
from qianwan_gis.services import registry
from qianwan_gis.standards import Standards

if TYPE_CHECKING:
    from qianwan_gis.services._water.plan import WaterPlan

_TOLERANCE_M = 0.05  # as the plan's own check


def coverage_rows(
    plan: WaterPlan, standards: Standards | None = None, *, basis: str = "assumed"
) -> pd.DataFrame:
    """Return the COVERAGE rows that a plan of water supply gives, in the order of its villages.

    A village is covered where EPANET finds at least the service pressure at its inlet at every hour
    of the peak day and the works' capacity leaves everybody the quantity that counts as met
    (`water.quantity.safe_lpcd`), both inclusive.

    Parameters
    ----------
    plan
        What `plan_water` returned.
    standards
        Those of the plan.
    basis
        How firm the conclusion is: a plan is ``assumed`` until it is built; ``recorded`` for a
        network imported from drawings, ``synthetic`` for a made-up county.

    Returns
    -------
    COVERAGE with the columns of `registry.EXTRA`: reasons ``ok``, ``low_pressure``,
    ``low_quantity``; ``no_terrain`` (no design: ``metres`` is the straight distance to the nearest
    works, a screen that covers nobody), ``no_road``, ``not_located``, ``no_facility`` (a
    single-village scheme, whose source is still to be found) and ``undecided`` (no design).
    """
    norms = standards or Standards.load()
    service_m = float(norms.value("water.head.service_m"))
    safe = float(norms.value("water.quantity.safe_lpcd"))
    service = next(s for s in registry.services() if (s.service, s.tier) == ("water", "works"))
    table = plan.villages
    status = table["status"].to_numpy()
    reason = np.array([str(_REASONS.get(s, Reason.OK)) for s in status], dtype=object)
    supplied = status == "works"
    low = supplied & ~(table["pressure_peak_m"] >= service_m - _TOLERANCE_M).to_numpy()
    dry = supplied & ~(table["quantity_lpcd"] >= safe).to_numpy()
    # too little water is told before too little pressure: no pipe mends it
    reason[low] = str(Reason.LOW_PRESSURE)
    reason[dry] = str(Reason.LOW_QUANTITY)
    good = supplied & ~low & ~dry
    covered = pd.array([bool(g) if s else pd.NA for g, s in zip(good, supplied, strict=True)],
                       dtype="boolean")  # fmt: skip
    screened = status == "no_terrain"
    columns: dict[str, Any] = {
        "facility_id": np.where(supplied, table["system"], ""),
        "metres": np.where(screened, table["works_m"], np.nan),
        "limit": np.where(supplied, service_m, np.nan),
        "limit_unit": np.where(supplied, "m", ""),
        "covered": covered,
        "p_covered": np.where(supplied, good.astype(float), np.nan),
        "reason": reason,
        "basis": np.where(supplied, basis, "none"),
    }
    return registry.rows(table["code"].astype(str).tolist(), service, columns)


_REASONS = {
    "no_terrain": Reason.NO_TERRAIN,
    "no_road": Reason.NO_ROAD,
    "not_located": Reason.NOT_LOCATED,
    "single": Reason.NO_FACILITY,
    "no_design": Reason.UNDECIDED,
}
