"""Long sections (纵断面图): ground, pipes and levels from the works to a village."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text

if TYPE_CHECKING:
    from qianwan_gis.services._water.hydraulics import Rules
    from qianwan_gis.services._water.model import Scheme
    from qianwan_gis.services._water.result import WaterPlan

_COLUMNS = 14  # of the band of figures below the drawing


def profile(plan: WaterPlan, code: str) -> pd.DataFrame:
    """Return the long section from the works to a village; see `WaterPlan.profile`."""
    position = {str(c): i for i, c in enumerate(plan.villages["code"])}
    for scheme in plan.schemes:
        where = np.flatnonzero(scheme.laid.terminal == position.get(code, -2))
        if len(where):
            return _section(scheme, int(where[0]), plan.rules)
    raise UsageError(
        Text(f"村庄 {code} 没有接到任何设计的管网", f"village {code} is on no designed network")
    )


def _section(scheme: Scheme, node: int, rules: Rules | None) -> pd.DataFrame:
    laid, design = scheme.laid, scheme.design
    path = []
    while node > 0:
        path.append(node)
        node = int(laid.tree.parent[node])
    parts, start = [], 0.0
    for v in reversed(path):
        along, ground = laid.profiles[v]
        share = along / along[-1]
        loss = float(
            (design.setpoint[v] if np.isfinite(design.setpoint[v])
             else design.head[int(laid.tree.parent[v])]) - design.head[v]
        )  # fmt: skip
        parts.append(
            pd.DataFrame(
                {
                    "metres": np.round(start + along, 3),
                    "ground_m": ground,
                    "peak_m": design.head[v] + loss * (1.0 - share),
                    "static_m": design.static[v],
                    "pipe": scheme.pipe[v],
                    "diameter_mm": 1e3 * rules.diameters[design.size[v]] if rules else np.nan,
                }
            )
        )
        start += float(laid.tree.length[v])
    return pd.concat(parts, ignore_index=True)


def draw_profile(plan: WaterPlan, code: str, path: Any, *, lang: str = "zh") -> Path:
    """Draw ground, pipes and levels from the works to a village, with a band of figures below."""
    from io import BytesIO

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from qianwan_gis import _io

    en = lang == "en"
    table = profile(plan, code)
    low = float(table["ground_m"].min())
    high = float(max(table["static_m"].max(), table["ground_m"].max()))
    floor = low - 0.12 * max(high - low, 10.0)
    figure = Figure(figsize=(13, 7), dpi=150)
    FigureCanvasAgg(figure)
    axes, band = figure.subplots(2, 1, height_ratios=(5, 2), gridspec_kw={"hspace": 0.12})
    axes.fill_between(table["metres"], table["ground_m"], floor, color="#d8c9a8",
                      label="ground" if en else "地面")  # fmt: skip
    axes.plot(table["metres"], table["ground_m"], color="#7a6030", lw=1)
    axes.plot(table["metres"], table["static_m"], color="#b02020", lw=1.1, ls="--",
              label="level at rest" if en else "静水位线")  # fmt: skip
    axes.plot(table["metres"], table["peak_m"], color="#1667b0", lw=1.6,
              label="hydraulic grade at the peak" if en else "最高时水力坡降线")  # fmt: skip
    axes.set_ylim(floor, high + 0.12 * max(high - low, 10.0))
    axes.set_ylabel("level (m)" if en else "高程（m）")
    row = plan.villages[plan.villages["code"].astype(str).eq(code)].iloc[0]
    name = f"{row['name']} " if "name" in row else ""
    words = Text(
        f"输水管纵断面图　水厂 {row['system']} — {name}{code}",
        f"Long section from works {row['system']} to {name}{code}",
    )
    axes.set_title(words.get("en" if en else "zh"))
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.005), ncol=3, fontsize=8, frameon=False)
    axes.tick_params(labelbottom=False)
    axes.grid(axis="y", color="#dddddd", lw=0.5)
    _band(band, table, en=en)
    for one in (axes, band):
        one.set_xlim(0.0, float(table["metres"].iloc[-1]))
    _font(figure)
    buffer = BytesIO()
    kind = Path(path).suffix.lstrip(".") or "png"
    figure.savefig(buffer, format=kind, bbox_inches="tight")
    _io.write_bytes(Path(path), buffer.getvalue())
    return Path(path)


def _band(axes: Any, table: pd.DataFrame, *, en: bool) -> None:
    """The figures of the section: diameter, ground, level, pressure, chainage, at places along it."""
    rows = [
        (Text("管径（mm）", "diameter (mm)"), None),
        (Text("地面高程（m）", "ground (m)"), table["ground_m"]),
        (Text("最高时水位（m）", "level, peak (m)"), table["peak_m"]),
        (Text("最高时水压（m）", "pressure, peak (m)"), table["peak_m"] - table["ground_m"]),
        (Text("静水压（m）", "pressure, rest (m)"), table["static_m"] - table["ground_m"]),
        (Text("里程（m）", "chainage (m)"), table["metres"]),
    ]
    total = float(table["metres"].iloc[-1])
    ends = np.flatnonzero(table["pipe"].ne(table["pipe"].shift(-1)).to_numpy())
    least = total / _COLUMNS
    places = [0]
    for k in ends.tolist():
        if table["metres"].iloc[k] - table["metres"].iloc[places[-1]] >= least:
            places.append(k)
    last = len(table) - 1
    if places[-1] != last:
        if len(places) > 1 and total - table["metres"].iloc[places[-1]] < least:
            places.pop()
        places.append(last)
    axes.set_ylim(0, len(rows))
    axes.set_xticks([])
    axes.set_yticks([len(rows) - k - 0.5 for k in range(len(rows))],
                    [title.get("en" if en else "zh") for title, _ in rows], fontsize=8)  # fmt: skip
    axes.tick_params(left=False)
    for k, (_, values) in enumerate(rows):
        y = len(rows) - k - 0.5
        axes.axhline(len(rows) - k, color="#999999", lw=0.5)
        if values is None:
            _diameters(axes, table, y, least)
            continue
        for number, p in enumerate(places):
            side = "left" if number == 0 else "right" if p == last else "center"
            text = f"{values.iloc[p]:.0f}" if k == len(rows) - 1 else f"{values.iloc[p]:.1f}"
            axes.text(
                float(table["metres"].iloc[p]), y, f" {text} ", ha=side, va="center", fontsize=7.5
            )


def _diameters(axes: Any, table: pd.DataFrame, y: float, least: float) -> None:
    """Diameters over the stretches on which they hold."""
    group = table["diameter_mm"].ne(table["diameter_mm"].shift()).cumsum()
    for _, part in table.groupby(group):
        start, end = float(part["metres"].iloc[0]), float(part["metres"].iloc[-1])
        axes.plot([end, end], [y - 0.5, y + 0.5], color="#999999", lw=0.5)
        if end - start >= 0.4 * least:
            axes.text((start + end) / 2, y, f"d{part['diameter_mm'].iloc[0]:.0f}", ha="center",
                      va="center", fontsize=7.5)  # fmt: skip


def _font(figure: Any) -> None:
    """Use a CJK font of the system where there is one."""
    from matplotlib import font_manager
    from matplotlib.text import Text as Drawn

    known = {f.name: f.fname for f in font_manager.fontManager.ttflist}
    for name in (
        "Noto Sans CJK SC",
        "Noto Sans CJK JP",
        "Microsoft YaHei",
        "SimHei",
        "PingFang SC",
    ):
        if name in known:
            for text in figure.findobj(Drawn):
                text.set_fontfamily(name)
            return
