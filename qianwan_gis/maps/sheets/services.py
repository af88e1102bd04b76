"""Who has a service: one sheet per service and tier."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd

from qianwan_gis import layers
from qianwan_gis._text import Text
from qianwan_gis.layers import Results, Style
from qianwan_gis.maps.sheets._sheet import Drawn, Frames, Sheet, base, layer, seats, sheet
from qianwan_gis.schemas import Reason, value_text


def coverage_sheet(results: Results, frames: Frames, service: str, tier: str) -> Sheet:
    """Who has one service, and who has not or is not known."""
    coverage = results.coverage
    rows = coverage[(coverage["service"] == service) & (coverage["tier"] == tier)]
    state = layers.coverage_state(rows, results.disclosure).value_counts()
    covered, uncovered = int(state.get("covered", 0)), int(state.get("uncovered", 0))
    unknown = int(state.get("unknown", 0))
    inventory = results.inventories.get((service, tier))
    screen = bool((rows["reason"].astype(str) == Reason.SCREEN_ONLY).any())
    notes = [
        Text(
            f"共{len(rows)}个村，已评估{covered + uncovered}个：覆盖{covered}，未覆盖{uncovered}；"
            f"未知{unknown}。",
            f"{len(rows)} villages, {covered + uncovered} assessed: {covered} covered, {uncovered} "
            f"not covered; {unknown} unknown.",
        )
    ]
    why = rows.loc[rows["covered"].isna(), "reason"].astype(str).value_counts()
    if len(why):
        words = [(value_text("reason", r), int(n)) for r, n in why.items()]
        notes.append(
            Text(
                "未知的原因：" + "、".join(f"“{t.zh}”{n}个" for t, n in words) + "。",
                "Unknown because: " + ", ".join(f'"{t.en}" {n}' for t, n in words) + ".",
            )
        )
    if inventory is not None:
        word = value_text("inventory", inventory)
        notes.append(Text(f"设施名录：{word.zh}。", f"Facility inventory: {word.en}."))
    if "presumed" in set(rows["basis"].astype(str)):
        notes.append(
            Text(
                "村级道路为推定，时间为区间，见表。",
                "Village roads are presumed; times are ranges, see the tables.",
            )
        )
    drawn = [
        *base(results, frames),
        *seats(results, frames, unplaced=True),
        *_facilities_of(results, frames, service, tier),
        *layer(
            results,
            frames,
            f"coverage_{service}_{tier}",
            labels=_screen_labels(frames[f"coverage_{service}_{tier}"][1]) if screen else None,
            counted=True,
        ),
    ]
    title = layers.service_title(service, tier)
    heading = Text(f"{title.zh}覆盖图", f"Coverage: {title.en}")
    if screen:
        heading = Text(f"{title.zh}距离筛查图", f"Distance screen: {title.en}")
        notes.append(
            Text(
                "村名后为到已登记设施的大致里程（千米，九成区间），仅供筛查，不是结论。",
                "After each name: rough distance to a recorded facility (km, 90 % range); a "
                "screen, no conclusion.",
            )
        )
    return sheet(
        results,
        f"coverage_{service}_{tier}",
        heading,
        drawn,
        notes,
    )


def _screen_labels(frame: pd.DataFrame) -> list[str]:
    """Return names with the range of kilometres, whole ones, where the screen has it."""
    low = frame["metres_low" if "metres_low" in frame else "metres"] / 1000
    high = frame["metres_high" if "metres_high" in frame else "metres"] / 1000
    return [
        name if pd.isna(a) or pd.isna(b) else f"{name} {math.floor(a)}–{math.ceil(b)}"
        for name, a, b in zip(frame["name"].astype(str), low, high, strict=True)
    ]


def _facilities_of(results: Results, frames: Frames, service: str, tier: str) -> list[Drawn]:
    """Return the facilities of one service and tier, named by their tier in the legend."""
    if "facilities" not in frames:
        return []
    entry, frame = frames["facilities"]
    own = frame[frame["service"] == service]
    exact = own[own["tier"] == tier]
    if len(exact):
        own = exact
    elif len(tiers := set(own["tier"].astype(str))) == 1:  # such as the plants that sewers lead to
        tier = tiers.pop()
    symbol = entry.styles[0].symbol_of(service)
    assumed = len(own) > 0 and set(own["basis"]) == {"assumed"}
    word = value_text("tier", tier)
    title = Text(f"{word.zh}（假定）", f"{word.en} (assumed)") if assumed else word
    size = 4.0 if len(own) <= 60 else 2.4
    style = Style(title, "point", (replace(symbol, value="", title=title, size=size),))
    return layer(results, {"facilities": (replace(entry, styles=(style,)), own)}, "facilities")
