"""The curve of a proposal as a picture: what each further site brings."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from qianwan_gis._text import Lang, Text
from qianwan_gis.layers import BLUE, GREY, ORANGE
from qianwan_gis.maps.paper.letters import find_font

if TYPE_CHECKING:
    from qianwan_gis.proposals import Proposal


def curve_png(proposal: Proposal, lang: Lang = "zh", *, people: bool = True) -> bytes | None:
    """Draw covered villages and people by number of new sites, with ranges and the best possible.

    Parameters
    ----------
    proposal
        With a curve of at least one site.
    lang
        Language of the labels.
    people
        Whether figures in people may be shown.

    Returns
    -------
    PNG, 16 cm wide; ``None`` without a Chinese font or without a curve.
    """
    font = find_font()
    if font is None or len(proposal.curve) < 2:
        return None
    import matplotlib.font_manager as fm
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    family = fm.FontProperties(family=[font], size=9)
    small = fm.FontProperties(family=[font], size=8)
    units = [u for u in ("villages", "people") if u in proposal.base and (people or u != "people")]
    figure = Figure(figsize=(16 / 2.54, 6.6 / 2.54), dpi=200, layout="constrained")
    FigureCanvasAgg(figure)
    names = {"villages": Text("覆盖的村（个）", "Villages covered"),
             "people": Text("覆盖的人口（人）", "People covered")}  # fmt: skip
    for place, unit in enumerate(units):
        axes = figure.add_subplot(1, len(units), place + 1)
        _panel(axes, proposal, unit, lang, small)
        axes.set_title(names[unit].get(lang), fontproperties=family, loc="left")
        axes.set_xlabel(Text("新增处数", "New sites").get(lang), fontproperties=small)
        for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
            label.set_fontproperties(small)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _panel(axes: object, proposal: Proposal, unit: str, lang: Lang, small: object) -> None:
    from matplotlib.axes import Axes
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    assert isinstance(axes, Axes)  # noqa: S101  # told to the type checker
    curve = proposal.curve
    base, total = proposal.base[unit], proposal.total[unit]
    x = curve["added"].to_numpy(float)
    mid = base + curve[unit].to_numpy(float)
    low, high = (base + curve[f"{unit}_{k}"].to_numpy(float) for k in ("low", "high"))
    if not np.allclose(low, high):
        axes.fill_between(x, low, high, color=BLUE, alpha=0.15, linewidth=0,
                          label=Text("各次抽样的5–95%", "5–95 % of the draws").get(lang))  # fmt: skip
    # The best belongs to the draws of the choice: what it is above them is drawn above ours.
    best = mid + (curve["best"] - curve["covered"]).to_numpy(float)
    if (
        unit == proposal.weigh
        and np.isfinite(best[1:]).any()
        and not np.allclose(best, mid, rtol=1e-3)
    ):
        axes.plot(x, best, color=ORANGE, linestyle="--", marker="x", markersize=4, linewidth=1,
                  label=Text("同等处数的最优", "best for that number").get(lang))  # fmt: skip
    axes.plot(x, mid, color=BLUE, marker="o", markersize=4, linewidth=1.6,
              label=Text("本建议（按次序）", "this proposal, in order").get(lang))  # fmt: skip
    top = max(high.max(), mid.max())
    span = max(top - base, 1e-9)
    if total <= top + 0.6 * span:
        axes.axhline(total, color=GREY, linewidth=0.8, linestyle=":",
                     label=Text("全部", "all").get(lang))  # fmt: skip
    for i, value in enumerate(mid):
        step = value - mid[i - 1] if i else 0.0
        places = 0 if unit == "people" or np.allclose(mid, np.round(mid)) else 1
        text = f"{value:,.{places}f}" + (f"\n+{step:,.{places}f}" if i else "")
        axes.annotate(text, (x[i], value), textcoords="offset points", xytext=(4, -4), va="top",
                      fontproperties=small)  # fmt: skip
    axes.set_xlim(-0.25, x.max() + 0.6)
    axes.set_ylim(min(low.min(), base) - 0.35 * span, top + 0.25 * span)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.0f}"))
    axes.grid(axis="y", color="#e5e5e5", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(prop=small, frameon=False, loc="upper left")
