"""Summaries, targets, what thin data must not show, and what to collect first.

Counts are of villages, and every count says of how many. Figures in people appear only where at
least 80 % of a group's units share one definition of population within ten years; population is
never filled in.
"""

from __future__ import annotations

from qianwan_gis.indicators._collect import to_collect
from qianwan_gis.indicators._disclosure import POINT_SHARE, SLOPE_CELL_M, Disclosure
from qianwan_gis.indicators._first_run import first_run_numbers
from qianwan_gis.indicators._summary import ASSESSED_SHARE, By, one_definition, summary
from qianwan_gis.indicators._targets import NO_DATA, doubts, progress, read_targets

__all__ = [
    "ASSESSED_SHARE",
    "NO_DATA",
    "POINT_SHARE",
    "SLOPE_CELL_M",
    "By",
    "Disclosure",
    "doubts",
    "first_run_numbers",
    "one_definition",
    "progress",
    "read_targets",
    "summary",
    "to_collect",
]
