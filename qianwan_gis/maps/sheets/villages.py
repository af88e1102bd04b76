"""Where the villages are: overview, evidence of the positions, one sheet per township."""

from __future__ import annotations

from collections.abc import Iterator

import geopandas as gpd

from qianwan_gis._text import Text
from qianwan_gis.layers import Results
from qianwan_gis.maps.sheets._sheet import (
    Frames,
    Sheet,
    Window,
    base,
    is_presumed,
    layer,
    placed_note,
    seats,
    sheet,
)
from qianwan_gis.schemas import value_text


def overview_sheet(results: Results, frames: Frames) -> Sheet:
    """All villages, those on a list named."""
    villages = results.villages
    listed = villages["lists"].fillna("").astype(str).ne("")
    shown = villages[villages.geometry.notna()]
    labels = [
        str(name) if on or len(shown) <= 60 else ""
        for name, on in zip(shown["name"], listed[shown.index], strict=True)
    ]
    drawn = [
        *base(results, frames),
        # a presumed course is off by default: it has a sheet of its own
        *(() if is_presumed(frames) else layer(results, frames, "corridor", labels=())),
        *layer(results, frames, "villages", style=1, labels=labels, counted=True),
        *seats(results, frames, unplaced=True),
    ]
    notes = [
        *placed_note(results),
        Text(
            f"列入名单{int(listed.sum())}个村，其中{int(listed[shown.index].sum())}个有点位。",
            f"{int(listed.sum())} villages are on a list, {int(listed[shown.index].sum())} of them "
            "placed.",
        ),
    ]
    return sheet(results, "overview", Text("村庄分布总图", "Overview"), drawn, notes)


def positions_sheet(results: Results, frames: Frames) -> Sheet:
    """All villages by what their position rests on."""
    drawn = [
        *base(results, frames),
        *layer(results, frames, "village_regions", labels=()),
        *layer(results, frames, "villages", counted=True),
        *seats(results, frames, unplaced=True),
    ]
    counts = results.villages["match"].astype(str).value_counts()
    words = [(value_text("match", m), int(n)) for m, n in counts.items()]
    notes = [
        *placed_note(results),
        Text(
            "定位依据：" + "，".join(f"{t.zh}{n}" for t, n in words) + "。",
            "Evidence: " + ", ".join(f"{t.en} {n}" for t, n in words) + ".",
        ),
    ]
    title = Text("村庄定位依据图", "How the villages' positions are known")
    return sheet(results, "positions", title, drawn, notes)


def township_sheets(results: Results, frames: Frames) -> Iterator[Sheet]:
    """One sheet per present township: its villages, and what each is known by."""
    villages, places = results.villages, results.townships
    for township in sorted(set(villages["township"].astype(str)) - {""}):
        own = villages.loc[villages["township"] == township, "geometry"]
        shown = [g for g in own if g is not None and not g.is_empty]
        shown += list(places.loc[places["township"] == township, "geometry"])
        if not shown:
            continue
        bounds = gpd.GeoSeries(shown).total_bounds
        pad = max(2500.0, 0.15 * max(bounds[2] - bounds[0], bounds[3] - bounds[1]))
        window = (bounds[0] - pad, bounds[1] - pad, bounds[2] + pad, bounds[3] + pad)
        yield _township_sheet(results, frames, township, window)


def _township_sheet(
    results: Results,
    frames: Frames,
    township: str,
    window: Window,
) -> Sheet:
    villages = results.villages[results.villages["township"] == township]
    placed = int((villages["basis"] == "point").sum())
    entry, frame = frames["villages"]
    own = {"villages": (entry, frame[frame["township"] == township])}
    if "village_regions" in frames:
        region, areas = frames["village_regions"]
        own["village_regions"] = (region, areas[areas["township"] == township])
    drawn = [
        *base(results, frames),
        *layer(results, own, "village_regions", labels=()),
        *layer(results, own, "villages", style=1, counted=True),
        *seats(results, frames, unplaced=False),
    ]
    missing = [str(n) for n in villages.loc[villages["basis"] != "point", "name"]]
    notes = [
        Text(f"{len(villages)}个村（社区），{placed}个有点位。", f"{len(villages)} villages, {placed} placed.")
    ]  # fmt: skip
    if missing:
        notes.append(
            Text(
                f"未定位{len(missing)}个：" + "、".join(missing) + "。",
                f"Not placed ({len(missing)}): " + ", ".join(missing) + ".",
            )
        )
    title = Text(f"{township}村庄图", f"Villages of {township}")
    return sheet(results, f"township_{township}", title, drawn, notes, window=window)
