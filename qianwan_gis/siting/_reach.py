"""Whether p sites can reach every row at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qianwan_gis.siting import _reasons
from qianwan_gis.siting._setcover import cover_all

if TYPE_CHECKING:
    from qianwan_gis.siting._model import Bools, Case, Siting


def unreachable(case: Case, p: int, needed: Bools) -> Siting | None:
    """Return the infeasible answer when p sites cannot reach every needed row, else None."""
    reach = np.isfinite(case.cost) & ~case.closed
    lost = np.flatnonzero(needed & ~reach.any(axis=1))
    if len(lost):
        return _reasons.cut_off(case, lost)
    if reach[needed].all() and (p or not needed.any()):
        return None
    least = cover_all(reach[needed], case.open_, None)
    return None if least.bound <= p else _reasons.too_few(case, least.bound, p)
