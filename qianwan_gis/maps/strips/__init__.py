"""Strip maps (带状图): the corridor sheet by sheet, as designers of roads draw it.

Each A3 sheet shows one stretch twice. Above, a plan turned so that travel runs from left to right,
with match lines and the neighbours' numbers; below, the same stretch straightened: stakes, villages
left and right by their offset, zones, and the spacing of services against the limits
(`qianwan_gis.maps.strips.straightened`). Everything is placed in page millimetres.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from qianwan_gis import _io
from qianwan_gis.layers import Results
from qianwan_gis.maps import static
from qianwan_gis.maps.paper.furniture import watermark
from qianwan_gis.maps.paper.letters import require_font
from qianwan_gis.maps.strips import straightened
from qianwan_gis.maps.strips.furniture import draw_furniture
from qianwan_gis.maps.strips.layout import DIAGRAM, PAGE, Strip, StripSet, strip_set, view
from qianwan_gis.maps.strips.plan import draw_plan, north_arrow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Strip", "StripSet", "draw", "strip_png", "strip_set", "write_strips"]


def write_strips(results: Results, path: Path | str, *, every_km: float | None = None) -> Path:
    """Write the strip maps as one PDF of A3 landscape pages.

    Parameters
    ----------
    results
        The plan's results.
    path
        PDF to write; replaced whole.
    every_km
        Length of road on one sheet; the standard ``corridor.strip.length_km`` when not given.

    Returns
    -------
    Path
        The PDF. The same results give the same bytes.

    Raises
    ------
    UnavailableError
        No corridor with stakes, or no Chinese font.
    """
    made = strip_set(results, every_km=every_km)
    require_font(["带状图"])
    figures = (draw(made, strip) for strip in made.strips)
    title = f"{results.title.get(results.lang)} {made.sheet.title}"
    return _io.write_bytes(Path(path), static.pdf(figures, title, results.run_date))


def strip_png(made: StripSet, strip: Strip, *, dpi: int = 110) -> bytes:
    """Return one sheet as PNG, for the report."""
    require_font(["带状图"])
    buffer = io.BytesIO()
    draw(made, strip).savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def draw(made: StripSet, strip: Strip) -> Figure:
    """Draw one sheet and return the Matplotlib figure."""
    from qianwan_gis.maps.paper.canvas import Canvas

    canvas = Canvas(PAGE)
    hidden = draw_plan(canvas, made, strip)
    straightened.draw(canvas, made, strip, DIAGRAM, PAGE)
    draw_furniture(canvas, made, strip, hidden)
    north_arrow(canvas, made, strip)
    watermark(canvas, made.sheet, view(), PAGE)
    return canvas.figure
