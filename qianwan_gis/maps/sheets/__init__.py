"""What each sheet of the atlas shows: plain data, so that sheets can be drawn in other processes.

A `Sheet` holds frames, styles, words and the map window; `qianwan_gis.maps.static` draws it.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from functools import partial

from qianwan_gis import layers
from qianwan_gis.layers import Results
from qianwan_gis.maps.sheets import services, villages, works
from qianwan_gis.maps.sheets._sheet import Drawn, Frames, Sheet, Wanted, layer, sheet, symbols_of

__all__ = [
    "Drawn",
    "Frames",
    "Sheet",
    "layer",
    "sheet",
    "sheets",
    "symbols_of",
    "township_sheets",
]


def sheets(results: Results, *, only: Container[str] | None = None) -> list[Sheet]:
    """Return the default sheets: overview, positions, one per service and tier, corridor, plans.

    Parameters
    ----------
    results
        The plan's results.
    only
        Keys of the sheets that are wanted; layers of no other sheet are computed.
    """
    frames = Wanted(results)
    # key of the sheet, the layer without which there is none, its maker
    every: list[tuple[str, str | None, Callable[[Results, Frames], Sheet]]] = [
        ("overview", None, villages.overview_sheet),
        ("positions", None, villages.positions_sheet),
        *(
            (key, key, partial(services.coverage_sheet, service=service, tier=tier))
            for service, tier in layers.services_of(results)
            for key in (f"coverage_{service}_{tier}",)
        ),
        ("corridor", "corridor", works.corridor_sheet),
        ("sewage", "sewage_plan", works.sewage_sheet),
        ("water", "water_pipes", works.water_sheet),
    ]
    found = []
    for key, needed, make in every:
        if (only is None or key in only) and (needed is None or needed in frames):
            found.append(make(results, frames))
    return found


def township_sheets(results: Results) -> list[Sheet]:
    """Return one sheet per present township: its villages, and what each is known by."""
    return list(villages.township_sheets(results, Wanted(results)))
