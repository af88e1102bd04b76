"""The corridor, and the sewage and water plans."""

from __future__ import annotations

import pandas as pd

from qianwan_gis._text import Lang, Text
from qianwan_gis.layers import Results
from qianwan_gis.maps.sheets._sheet import (
    Drawn,
    Frames,
    Sheet,
    base,
    is_presumed,
    layer,
    seats,
    sheet,
)


def corridor_sheet(results: Results, frames: Frames) -> Sheet:
    """The corridor with its zones, stakes, villages and gaps in its services."""
    presumed = is_presumed(frames)
    bounds = frames["zones" if "zones" in frames else "corridor"][1].total_bounds
    pad = 0.02 * max(bounds[2] - bounds[0], bounds[3] - bounds[1])
    window = (bounds[0] - pad, bounds[1] - pad, bounds[2] + pad, bounds[3] + pad)
    stakes = []
    if "stakes" in frames:
        entry, frame = frames["stakes"]
        every = max(1, round(len(frame) / 30))
        labels = [s if i % every == 0 else "" for i, s in enumerate(frame["stake"])]
        stakes = layer(results, {"stakes": (entry, frame)}, "stakes", labels=labels, priority=5)
    near = results.corridor_villages
    shown = frames["villages"][1]
    shown = shown[shown.geometry.notna()]
    within = shown["code"].isin([] if near is None else near["code"])
    names = [str(n) if on or presumed else "" for n, on in zip(shown["name"], within, strict=True)]
    drawn = [
        *base(results, frames, pale=True),
        *layer(results, frames, "zones"),
        *layer(results, frames, "corridor", labels=()),
        *_gaps(results, frames),
        *stakes,
        *layer(results, frames, "villages", style=1, labels=names, counted=True),
        *seats(results, frames, unplaced=False),
    ]
    notes = []
    if presumed:
        notes.append(
            Text(
                "走向为推定示意，不含桩号，不参与任何汇总。",
                "The course is a presumed sketch: no stakes, in no summary.",
            )
        )
    if near is not None and len(near) and not presumed:
        notes.append(
            Text(
                "沿线村数：" + "，".join(_within(near, "zh")) + "。",
                "Villages near: " + ", ".join(_within(near, "en")) + ".",
            )
        )
    title = Text("示范廊带图", "Corridor")
    return sheet(results, "corridor", title, drawn, notes, window=window)


def _gaps(results: Results, frames: Frames) -> list[Drawn]:
    """Return what is over its spacing limit, of any kind, and where services are proposed."""
    if "corridor_gaps" not in frames:
        return []
    entry, frame = frames["corridor_gaps"]
    over = {"corridor_gaps": (entry, frame[frame["verdict"] == "over"])}
    found = layer(results, over, "corridor_gaps", labels=())
    if "corridor_proposed" in frames:
        entry, frame = frames["corridor_proposed"]
        needed = {"corridor_proposed": (entry, frame[frame["verdict"] == "over"])}
        found += layer(results, needed, "corridor_proposed", priority=4)
    return found


def _within(near: pd.DataFrame, lang: Lang) -> list[str]:
    widths = sorted(near["within_m"].dropna().unique())
    words = []
    for width in widths:
        count = int((near["within_m"] <= width).sum())
        words.append(
            Text(f"{width / 1000:g}千米内{count}个", f"{count} within {width / 1000:g} km").get(
                lang
            )
        )
    return words


def sewage_sheet(results: Results, frames: Frames) -> Sheet:
    """The sewage plan."""
    plan = results.sewage
    drawn = [
        *base(results, frames, pale=True),
        *layer(results, frames, "sewage_excluded"),
        *layer(results, frames, "sewage_pipes", labels=()),
        *layer(results, frames, "sewage_plan", labels=(), counted=True),
        *layer(results, frames, "sewage_stations", priority=5),
        *layer(results, frames, "sewage_pumps", labels=()),
        *seats(results, frames, unplaced=False),
    ]
    notes = [
        Text(
            "按全寿命费用比选，单价多为经验值。",
            "By life-cycle cost; most prices are estimates.",
        )
    ]
    if plan is not None and plan.status == "quick":
        notes.append(Text("快速方案，未证明最优。", "A quick plan; nothing is proven of it."))
    return sheet(results, "sewage", Text("污水治理方案图", "Sewage plan"), drawn, notes)


def water_sheet(results: Results, frames: Frames) -> Sheet:
    """The water supply plan."""
    drawn = [
        *base(results, frames, pale=True),
        *layer(results, frames, "water_zones", labels=()),
        *layer(results, frames, "water_pipes", labels=()),
        *layer(results, frames, "water_stations", labels=(), priority=5),
        *layer(results, frames, "water_villages", labels=(), counted=True),
        *seats(results, frames, unplaced=False),
    ]
    notes = [
        Text(
            "规划方案，未建成；管道沿道路，压力经 EPANET 校核，单价与定额多为判断值，不能代替设计。",
            "A plan, not built: pipes along roads, pressures checked by EPANET, prices and quotas "
            "mostly judgements; no design.",
        )
    ]
    return sheet(results, "water", Text("供水方案图", "Water supply plan"), drawn, notes)
