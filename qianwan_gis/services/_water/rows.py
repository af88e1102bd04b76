"""COVERAGE rows of water: pressure and quantity met in simulation; distance only as a fallback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qianwan_gis._text import Text
from qianwan_gis.schemas import Reason
from qianwan_gis.services import registry
from qianwan_gis.standards import Standards

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from qianwan_gis.services._water.result import WaterPlan
    from qianwan_gis.services._water.system import WaterSystem

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


def planned_rows(
    plan: WaterPlan, standards: Standards, *, served: AbstractSet[str],
    unsafe: AbstractSet[str] = frozenset(), basis: str = "assumed",
) -> pd.DataFrame:  # fmt: skip
    """Return what a plan says of the villages, for `services.planned.apply`.

    Parameters
    ----------
    plan
        What `plan_water` returned.
    served
        Codes of villages that a works supplies by register. For them the simulation decides:
        covered where pressure and quantity are met. The others are not covered by a pipe that is
        still to be laid; the plan stands beside what the register says.
    unsafe
        Codes of villages whose register says that their water is not safe: no pressure mends it.
    basis
        As for `coverage_rows`.
    """
    rows = coverage_rows(plan, standards, basis=basis).set_index("code", drop=False)
    table = plan.villages.set_index(plan.villages["code"].astype(str))
    decided = rows["covered"].notna() & rows.index.isin(served - unsafe)
    out = pd.DataFrame({"code": rows["code"], "tier": rows["tier"]})
    out["covered"] = rows["covered"].where(decided)
    for name in ("p_covered", "limit", "metres"):
        out[name] = rows[name].where(decided)
    for name in ("limit_unit", "facility_id", "basis"):
        out[name] = rows[name].astype(object).where(decided, None)
    status = table["status"].to_numpy()
    to_build = [
        str(Reason.PLANNED) if s in ("works", "single") and code not in unsafe else None
        for s, code in zip(status, rows.index, strict=True)
    ]
    out["reason"] = rows["reason"].astype(object).where(decided, pd.Series(to_build, rows.index))
    out["plan"] = [s if s in ("works", "single") else None for s in status]
    out["plan_facility"] = [v or None for v in table["system"]]
    names = dict(zip(plan.systems["system"], plan.systems["name"], strict=True))
    for lang in ("zh", "en"):
        out[f"plan_text_{lang}"] = [_words(row, names, lang) for row in table.itertuples()]
    return out.reset_index(drop=True)


def network_rows(
    system: WaterSystem, standards: Standards, *, unsafe: AbstractSet[str] = frozenset()
) -> pd.DataFrame:
    """Return the rows of the villages on a recorded network, for `services.planned.apply`.

    Covered where EPANET finds at least the service pressure at every hour of the peak day; the
    recorded pipes' sources are taken to hold their level, so quantity is the register's to say.
    """
    service_m = float(standards.value("water.head.service_m"))
    run = system.simulate()
    rows: list[dict[str, Any]] = []
    drawing = system.labels[system.labels["kind"] == "demand"]
    for node, codes in drawing["code"].items():
        low, high = float(run.pressure[node].min()), float(run.pressure[node].max())
        good = low >= service_m - _TOLERANCE_M
        reason = Reason.OK if good else Reason.LOW_PRESSURE
        rows.extend(
            {
                "code": code, "tier": "works", "covered": good, "p_covered": float(good),
                "limit": service_m, "limit_unit": "m", "basis": "recorded",
                "reason": str(reason),
                "plan_text_zh": f"现状管网模拟：水压{low:.1f}—{high:.1f} m",
                "plan_text_en": f"recorded network, simulated: {low:.1f} to {high:.1f} m",
            }
            for code in str(codes).split(";")
            if code not in unsafe
        )  # fmt: skip
    columns = ["code", "tier", "covered", "p_covered", "limit", "limit_unit", "basis", "reason",
               "plan_text_zh", "plan_text_en"]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(covered=table["covered"].astype("boolean"))


def _words(row: Any, names: dict[str, str], lang: str) -> str | None:
    if row.status == "works":
        works = names.get(row.system, row.system)
        text = Text(
            f"由{works}供水，压力分区{row.zone}；最高时水压{row.pressure_peak_m:.1f} m，"
            f"静水压{row.pressure_rest_m:.1f} m；人均{row.quantity_lpcd:.0f} L/d",
            f"from {works}, zone {row.zone}; {row.pressure_peak_m:.1f} m at the peak, "
            f"{row.pressure_rest_m:.1f} m at rest; {row.quantity_lpcd:.0f} L a head and day",
        )
    elif row.status == "single":
        text = Text(
            f"单村供水工程，最高日{row.demand_m3d:.0f} m³/d",
            f"a scheme of its own, {row.demand_m3d:.0f} m³ on the peak day",
        )
    else:
        return None
    return text.get("en" if lang == "en" else "zh")


_REASONS = {
    "no_terrain": Reason.NO_TERRAIN,
    "no_road": Reason.NO_ROAD,
    "not_located": Reason.NOT_LOCATED,
    "single": Reason.NO_FACILITY,
    "no_design": Reason.UNDECIDED,
}
