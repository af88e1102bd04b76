"""What-if: closed and planned roads, other speeds, facilities and limits, village by village.

One network serves both states: what is closed, opened or slower is a mask on it. Before and after
stand on the same draws of everything uncertain, so that a change is a change.
"""

from __future__ import annotations

from qianwan_gis.scenarios.model import Scenario, from_map, is_from_map
from qianwan_gis.scenarios.run import (
    CHANGE_TEXT,
    COLUMN_TEXT,
    HOLDS_TEXT,
    ScenarioResult,
    evaluate,
)

__all__ = [
    "CHANGE_TEXT",
    "COLUMN_TEXT",
    "HOLDS_TEXT",
    "Scenario",
    "ScenarioResult",
    "evaluate",
    "from_map",
    "is_from_map",
]
