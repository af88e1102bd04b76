"""Longitudinal profiles (纵断面图): chainage, ground, invert, depth, diameter, slope; and their drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from qianwan_gis._errors import UnavailableError, UsageError
from qianwan_gis._text import Text

if TYPE_CHECKING:
    from qianwan_gis.services._sewage.laid import SewerLayout
    from qianwan_gis.services._sewage.levels import Run
    from qianwan_gis.services._sewage.plan import SewagePlan

#: Columns of a profile. Two rows share a chainage where the invert drops or is lifted.
COLUMNS = ["chainage_m", "ground_m", "invert_m", "depth_m", "diameter_mm", "slope", "kind", "node",
           "note"]  # fmt: skip
_FONTS = ("Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "SimHei", "PingFang SC",
          "WenQuanYi Micro Hei", "Noto Sans SC", "Arial Unicode MS")  # fmt: skip
_MOST_LABELS = 22


def of_layout(layout: SewerLayout, start: str | None = None) -> pd.DataFrame:
    """Return the profile from a manhole down to the sink; the farthest manhole when None."""
    pipes = layout.pipes.set_index("from")
    if start is None:
        far: dict[str, float] = {}
        # pipes are listed in the order of flow, so lengths add up from the sink backwards
        for name, down, metres in zip(
            pipes.index[::-1], pipes["to"][::-1], pipes["length_m"][::-1], strict=True
        ):
            far[name] = far.get(down, 0.0) + metres
        start = max(far, key=lambda k: (far[k], k))
    if start not in pipes.index:
        raise UsageError(
            Text(f"没有检查井“{start}”，或它就是排放口", f"no manhole “{start}”, or it is the sink")
        )
    note = dict(zip(layout.manholes["manhole"], layout.manholes["kind"], strict=True))
    rows = []
    at, node = 0.0, start
    while node in pipes.index:
        p = pipes.loc[node]
        common = (p["diameter_mm"], p["slope"], p["kind"])
        rows.append((at, p["ground_up_m"], p["invert_up_m"], p["depth_up_m"], *common, node,
                     "lift" if note[node] == "lift" else ""))  # fmt: skip
        at += p["length_m"]
        node = p["to"]
        rows.append((at, p["ground_down_m"], p["invert_down_m"], p["depth_down_m"], *common, node,
                     ""))  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def of_plan(plan: SewagePlan, code: str) -> pd.DataFrame:
    """Return the profile of the trunk from a village to its station or sewer.

    Raises
    ------
    UsageError
        An unknown village, or one whose water stays where it is.
    """
    from qianwan_gis.services._sewage import levels

    frame, outcome = plan.frame, plan.outcome
    if frame is None or outcome is None or code not in frame.names:
        raise UsageError(Text(f"规划中没有“{code}”", f"the plan has no “{code}”"))
    runs = levels.design(frame, outcome.state)
    node = int(frame.node[frame.names.index(code)])
    at = 0.0
    rows: list[tuple[Any, ...]] = []
    if not outcome.state.collected[node]:
        node = -1
    while node in runs:
        run = runs[node]
        node = frame.model.arcs[run.arc].head
        if not len(run.along):
            continue
        rows += _rows(run, at)
        at += float(run.along[-1])
    if not rows:
        raise UsageError(
            Text(
                f"“{code}”的污水不外送，没有干管",
                f"the water of “{code}” stays there: it has no trunk",
            )
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def runs(plan: SewagePlan) -> list[tuple[str, str, pd.DataFrame]]:
    """Return every trunk of a plan once: from each head down to its sink or to a longer run.

    Returns
    -------
    ``(head, end, profile)``: the head and the end (station, sewer or junction) as the pipes table
    names them; the longest runs first.
    """
    from qianwan_gis.services._sewage import levels

    frame, outcome = plan.frame, plan.outcome
    if frame is None or outcome is None:
        return []
    built = levels.design(frame, outcome.state)
    arcs = frame.model.arcs
    fed = {arcs[run.arc].head for run in built.values()}
    name = {int(v): n for n, v in zip(frame.names, frame.node, strict=True)}
    label = {}
    for v, run in built.items():
        if arcs[run.arc].head < 0 and not arcs[run.arc].plant:
            label[v] = _station(plan, frame.routes.xy[v])
    below: dict[int, float] = {}

    def distance(v: int) -> float:
        if v not in built:
            return 0.0
        if v not in below:
            run = built[v]
            metres = float(run.along[-1]) if len(run.along) else 0.0
            below[v] = metres + distance(arcs[run.arc].head)
        return below[v]

    found = []
    drawn: set[int] = set()
    for head in sorted((v for v in built if v not in fed), key=lambda v: (-distance(v), v)):
        rows: list[tuple[Any, ...]] = []
        at, node, end = 0.0, head, ""
        while node in built and node not in drawn:
            drawn.add(node)
            run = built[node]
            arc = arcs[run.arc]
            if len(run.along):
                rows += _rows(run, at)
                at += float(run.along[-1])
            end = arc.sewer if arc.head < 0 and arc.plant else label.get(node, "")
            node = arc.head
        if node in drawn:
            end = name.get(node, label.get(node, f"N{node}"))
        if rows:
            found.append((name.get(head, f"N{head}"), end, pd.DataFrame(rows, columns=COLUMNS)))
    return found


def _station(plan: SewagePlan, xy: Any) -> str:
    """Name of the station at a place."""
    away = plan.stations.geometry.distance(shapely.Point(xy))
    return str(plan.stations["station_id"].iloc[int(away.to_numpy().argmin())])


def _rows(run: Run, at: float) -> list[tuple[Any, ...]]:
    """Rows of one trunk section that begins at chainage ``at``."""
    lifted = {k for k, _ in run.lifts}
    kind = "pressure" if run.option.kind == "pressure" else "gravity"
    size = round(run.option.diameter * 1000)
    invert = run.ground - run.depth
    fall = np.r_[-np.diff(invert) / np.maximum(np.diff(run.along), 1e-9), np.nan]
    return [
        (at + x, z, low, deep, size, slope, kind, "", "lift" if k in lifted else "")
        for k, (x, z, low, deep, slope) in enumerate(
            zip(run.along, run.ground, invert, run.depth, fall, strict=True)
        )
    ]


def _font() -> str:
    from matplotlib import font_manager

    names = {entry.name for entry in font_manager.fontManager.ttflist}
    for name in _FONTS:
        if name in names:
            return name
    raise UnavailableError(
        Text(f"没有中文字体，不能绘制纵断面图；请安装：{'、'.join(_FONTS)}",
             f"no Chinese font for the profile; install one of: {', '.join(_FONTS)}")
    )  # fmt: skip


def draw(table: pd.DataFrame, *, path: Any = None, lang: str = "zh", title: str = "") -> Any:
    """Draw a profile with its bands of figures; returns the figure, or writes it and returns None.

    Parameters
    ----------
    table
        As `of_layout` and `of_plan` return it.
    path
        File to write (png, pdf, svg).
    """
    from matplotlib.figure import Figure

    def word(zh: str, en: str) -> str:
        return en if lang == "en" else zh

    font = _font() if lang == "zh" else "DejaVu Sans"
    x = table["chainage_m"].to_numpy(float)
    ground, invert = table["ground_m"].to_numpy(float), table["invert_m"].to_numpy(float)
    crown = invert + table["diameter_mm"].to_numpy(float) / 1000.0
    figure = Figure(figsize=(14, 7), layout="constrained")
    top, low = figure.subplots(2, 1, height_ratios=(3, 1.5), sharex=True)
    style = {"fontfamily": font}
    top.plot(x, ground, color="#7a5c2e", lw=1.6, label=word("地面", "ground"))
    top.fill_between(x, ground, min(invert.min(), ground.min()) - 1.0, color="#efe6d2", lw=0)
    for kind, colour, label in (
        ("gravity", "#1f6fb2", word("重力管", "gravity")),
        ("pressure", "#c0392b", word("压力管", "pressure")),
    ):
        mine = table["kind"].eq(kind).to_numpy()
        if mine.any():
            top.plot(x, np.where(mine, invert, np.nan), color=colour, lw=1.6, label=label)
            top.plot(x, np.where(mine, crown, np.nan), color=colour, lw=0.7)
    lifts = table["note"].eq("lift").to_numpy()
    if lifts.any():
        top.plot(x[lifts], invert[lifts], "v", color="#c0392b", ms=7, label=word("提升", "lift"))
    top.set_ylabel(word("高程 (m)", "level (m)"), **style)
    top.legend(prop={"family": font}, loc="upper right", frameon=False)
    top.set_title(title or word("污水管道纵断面图", "Sewer profile"), **style)
    top.grid(alpha=0.25)
    bands = [
        (word("桩号 (m)", "chainage (m)"), [f"{v:.0f}" for v in x]),
        (word("地面高程 (m)", "ground (m)"), [f"{v:.2f}" for v in ground]),
        (word("管内底高程 (m)", "invert (m)"), [f"{v:.2f}" for v in invert]),
        (word("埋深 (m)", "depth (m)"), [f"{v:.2f}" for v in table["depth_m"]]),
        (word("管径 (mm)", "diameter (mm)"), [f"{v:.0f}" for v in table["diameter_mm"]]),
        (word("坡度 (‰)", "slope (‰)"),
         ["" if np.isnan(v) else f"{v * 1000:.1f}" for v in table["slope"]]),
    ]  # fmt: skip
    step = max((x[-1] - x[0]) / _MOST_LABELS, 1e-9)
    shown, last = [], -np.inf
    for k, at in enumerate(x):
        if at - last >= step:
            shown.append(k)
            last = at
    low.set_ylim(0, len(bands))
    low.set_yticks(np.arange(len(bands)) + 0.5, [name for name, _ in bands][::-1], fontfamily=font)
    low.tick_params(axis="both", length=0)
    low.xaxis.set_visible(False)
    for k in range(1, len(bands)):
        low.axhline(k, color="#999999", lw=0.6)
    for row, (_, values) in enumerate(bands):
        for k in shown:
            low.text(x[k], len(bands) - row - 0.5, values[k], ha="center", va="center", fontsize=7)
    if path is None:
        return figure
    # no clock in the file: the same profile gives the same bytes
    kind = str(path).rsplit(".", 1)[-1].lower()
    clock = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(kind)
    figure.savefig(path, dpi=150, metadata=clock)
    return None
