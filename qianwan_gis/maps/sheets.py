"""What each sheet of the atlas shows: plain data, so that sheets can be drawn in other processes.

A `Sheet` holds frames, styles, words and the map window; `qianwan_gis.maps.static` draws it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import geopandas as gpd
import pandas as pd

from qianwan_gis import layers
from qianwan_gis._text import Lang, Text
from qianwan_gis.layers import Results, Style, Symbol
from qianwan_gis.schemas import Reason, value_text

# The corridor's layers and the base that every sheet shares, from the bottom up.
_BASE = ("boundary", "roads")


@dataclass(frozen=True)
class Drawn:
    """One layer on a sheet.

    Attributes
    ----------
    title
        Heading in the legend.
    style
        How it is drawn.
    frame
        Features with a geometry; columns are those that the style reads.
    labels
        Text beside each feature (empty: none), already in the reader's language.
    priority
        Who keeps the place when two labels collide: the higher one.
    counted
        Whether the legend tells how many features each symbol has.
    """

    title: str
    style: Style
    frame: gpd.GeoDataFrame
    labels: tuple[str, ...] = ()
    priority: int = 0
    counted: bool = False


@dataclass(frozen=True)
class Sheet:
    """One page: title, window (minx, miny, maxx, maxy in metres), layers, notes and imprint."""

    key: str
    title: str
    subtitle: str
    lang: Lang
    window: tuple[float, float, float, float]
    drawn: tuple[Drawn, ...]
    notes: tuple[str, ...] = ()
    imprint: tuple[tuple[str, str], ...] = ()
    marks: tuple[str, ...] = ()
    run_date: str = ""


def sheets(results: Results) -> list[Sheet]:
    """Return the default sheets: overview, positions, one per service and tier, corridor."""
    frames = {entry.key: (entry, frame) for entry, frame in layers.built(results)}
    found = [_overview(results, frames), _positions(results, frames)]
    for service, tier in layers.services_of(results):
        if f"coverage_{service}_{tier}" in frames:
            found.append(_coverage(results, frames, service, tier))
    if "corridor" in frames:
        found.append(_corridor(results, frames))
    if "sewage_plan" in frames:
        found.append(_sewage(results, frames))
    if "water_pipes" in frames:
        found.append(_water(results, frames))
    return found


def township_sheets(results: Results) -> list[Sheet]:
    """Return one sheet per present township: its villages, and what each is known by."""
    frames = {entry.key: (entry, frame) for entry, frame in layers.built(results)}
    villages = results.villages
    found = []
    for township in sorted(set(villages["township"].astype(str)) - {""}):
        own = villages[villages["township"] == township]
        places = [g for g in own.geometry if g is not None and not g.is_empty]
        seats = results.townships
        places += list(seats.loc[seats["township"] == township].geometry)
        if not places:
            continue
        bounds = gpd.GeoSeries(places).total_bounds
        pad = max(2500.0, 0.15 * max(bounds[2] - bounds[0], bounds[3] - bounds[1]))
        window = (bounds[0] - pad, bounds[1] - pad, bounds[2] + pad, bounds[3] + pad)
        found.append(_township(results, frames, township, window))
    return found


_Frames = dict[str, tuple[layers.Layer, gpd.GeoDataFrame]]


def _window(results: Results) -> tuple[float, float, float, float]:
    minx, miny, maxx, maxy = results.boundary.total_bounds
    pad = 0.02 * max(maxx - minx, maxy - miny)
    return (minx - pad, miny - pad, maxx + pad, maxy + pad)


def _layer(
    results: Results,
    frames: _Frames,
    key: str,
    *,
    style: int = 0,
    labels: Sequence[str] | None = None,
    priority: int = 0,
    counted: bool = False,
) -> list[Drawn]:
    """Return the layer as one entry, or nothing when the results have no such layer."""
    if key not in frames:
        return []
    entry, frame = frames[key]
    shown = frame[frame.geometry.notna()]
    if shown.empty:
        return []
    chosen = entry.styles[style]
    columns = [c for c in (chosen.by,) if c is not None]
    if labels is None:
        words = tuple(shown[chosen.label].fillna("").astype(str)) if chosen.label else ()
    else:
        words = tuple(labels)
    title = entry.title.get(results.lang)
    return [Drawn(title, chosen, shown[[*columns, "geometry"]], words, priority, counted)]


def _base(results: Results, frames: _Frames) -> list[Drawn]:
    return [d for key in _BASE for d in _layer(results, frames, key)]


def _seats(results: Results, frames: _Frames, *, unplaced: bool) -> list[Drawn]:
    """Return the seats, labelled; with how many villages of the township have no point."""
    if "seats" not in frames:
        return []
    _, seats = frames["seats"]
    villages = results.villages
    without = villages[villages["basis"] != "point"]["township"].value_counts()
    labels = []
    for row in seats.itertuples():
        count = int(without.get(row.township, 0))
        words = Text(f"{row.township}（{count}）", f"{row.township} ({count})")
        labels.append(words.get(results.lang) if unplaced and count else str(row.township))
    return _layer(results, frames, "seats", labels=labels, priority=9)


def _sheet(
    results: Results,
    key: str,
    title: Text,
    drawn: Sequence[Drawn],
    notes: Sequence[Text],
    *,
    window: tuple[float, float, float, float] | None = None,
) -> Sheet:
    lang = results.lang
    county = results.county
    boundary = results.boundary.iloc[0]
    roads = results.sources[results.sources["layer"].astype(str).str.contains("road")]
    note = f"（{boundary['note']}）" if boundary["note"] else ""
    base = "；".join(dict.fromkeys(roads["source"].astype(str))) or "—"
    imprint = (
        (Text("坐标系", "CRS"), f"{results.crs.name}"),
        (Text("界线来源", "Outline"), f"{boundary['source']}{note}"),
        (Text("道路来源", "Roads"), base),
        (Text("制图单位", "Maker"), county.map.maker or "＿＿＿＿＿＿"),
        (Text("制图日期", "Date"), str(results.run_date)),
        (Text("审图号", "Review no."), county.map.review_number or Text("未送审", "none").get(lang)),
    )  # fmt: skip
    place = f"{county.prefecture}{county.name}" if lang == "zh" else county.name_en or county.name
    return Sheet(
        key,
        title.get(lang),
        place,
        lang,
        window or _window(results),
        tuple(drawn),
        tuple(n.get(lang) for n in (*notes, *_road_note(results))),
        tuple((name.get(lang), value) for name, value in imprint),
        tuple(dict.fromkeys(mark.get(lang) for mark in results.marks)),
        results.run_date,
    )


def _road_note(results: Results) -> list[Text]:
    if "generalised" not in set(results.roads["basis"].astype(str)):
        return []
    return [
        Text(
            "道路为概化线，位置误差约百米。",
            "Roads are generalised lines, right to about 100 m.",
        )
    ]


def _placed_note(results: Results) -> list[Text]:
    villages = results.villages
    placed, total = int((villages["basis"] == "point").sum()), len(villages)
    notes = [
        Text(
            f"共{total}个村（社区），{placed}个有点位，图上按点绘出。",
            f"{total} villages; {placed} placed as points and drawn.",
        )
    ]
    if placed < total:
        notes.append(
            Text(
                f"其余{total - placed}个只知所属乡镇或大致范围，不绘点；乡镇名后括号内为其个数。",
                f"The other {total - placed} are known by township or area only and are not drawn; "
                "their number stands in brackets after the township.",
            )
        )
    return notes


def _overview(results: Results, frames: _Frames) -> Sheet:
    villages = results.villages
    listed = villages["lists"].fillna("").astype(str).ne("")
    shown = villages[villages.geometry.notna()]
    labels = [
        str(name) if on or len(shown) <= 60 else ""
        for name, on in zip(shown["name"], listed[shown.index], strict=True)
    ]
    drawn = [
        *_base(results, frames),
        # a presumed course is off by default: it has a sheet of its own
        *(() if _presumed(frames) else _layer(results, frames, "corridor", labels=())),
        *_layer(results, frames, "villages", style=1, labels=labels, counted=True),
        *_seats(results, frames, unplaced=True),
    ]
    notes = [
        *_placed_note(results),
        Text(
            f"列入名单{int(listed.sum())}个村，其中{int(listed[shown.index].sum())}个有点位。",
            f"{int(listed.sum())} villages are on a list, {int(listed[shown.index].sum())} of them "
            "placed.",
        ),
    ]
    return _sheet(results, "overview", Text("村庄分布总图", "Overview"), drawn, notes)


def _positions(results: Results, frames: _Frames) -> Sheet:
    drawn = [
        *_base(results, frames),
        *_layer(results, frames, "village_regions", labels=()),
        *_layer(results, frames, "villages", counted=True),
        *_seats(results, frames, unplaced=True),
    ]
    counts = results.villages["match"].astype(str).value_counts()
    words = [(value_text("match", m), int(n)) for m, n in counts.items()]
    notes = [
        *_placed_note(results),
        Text(
            "定位依据：" + "，".join(f"{t.zh}{n}" for t, n in words) + "。",
            "Evidence: " + ", ".join(f"{t.en} {n}" for t, n in words) + ".",
        ),
    ]
    title = Text("村庄定位依据图", "How the villages' positions are known")
    return _sheet(results, "positions", title, drawn, notes)


def _coverage(results: Results, frames: _Frames, service: str, tier: str) -> Sheet:
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
                "Unknown because: " + ", ".join(f"“{t.en}” {n}" for t, n in words) + ".",
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
        *_base(results, frames),
        *_seats(results, frames, unplaced=True),
        *_facilities_of(results, frames, service, tier),
        *_layer(
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
    return _sheet(
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


def _facilities_of(results: Results, frames: _Frames, service: str, tier: str) -> list[Drawn]:
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
    return _layer(results, {"facilities": (replace(entry, styles=(style,)), own)}, "facilities")


def _presumed(frames: _Frames) -> bool:
    """Whether the corridor's course is only presumed."""
    return "corridor" in frames and "presumed" in set(frames["corridor"][1]["basis"].astype(str))


def _corridor(results: Results, frames: _Frames) -> Sheet:
    presumed = _presumed(frames)
    bounds = frames["zones" if "zones" in frames else "corridor"][1].total_bounds
    pad = 0.02 * max(bounds[2] - bounds[0], bounds[3] - bounds[1])
    window = (bounds[0] - pad, bounds[1] - pad, bounds[2] + pad, bounds[3] + pad)
    stakes = []
    if "stakes" in frames:
        entry, frame = frames["stakes"]
        every = max(1, round(len(frame) / 30))
        labels = [s if i % every == 0 else "" for i, s in enumerate(frame["stake"])]
        stakes = _layer(results, {"stakes": (entry, frame)}, "stakes", labels=labels, priority=5)
    near = results.corridor_villages
    shown = frames["villages"][1]
    shown = shown[shown.geometry.notna()]
    within = shown["code"].isin([] if near is None else near["code"])
    names = [str(n) if on or presumed else "" for n, on in zip(shown["name"], within, strict=True)]
    drawn = [
        *_base(results, frames),
        *_layer(results, frames, "zones"),
        *_layer(results, frames, "corridor", labels=()),
        *_gaps(results, frames),
        *stakes,
        *_layer(results, frames, "villages", style=1, labels=names, counted=True),
        *_seats(results, frames, unplaced=False),
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
    return _sheet(results, "corridor", title, drawn, notes, window=window)


def _sewage(results: Results, frames: _Frames) -> Sheet:
    plan = results.sewage
    drawn = [
        *_base(results, frames),
        *_layer(results, frames, "sewage_excluded"),
        *_layer(results, frames, "sewage_pipes", labels=()),
        *_layer(results, frames, "sewage_plan", labels=(), counted=True),
        *_layer(results, frames, "sewage_stations", priority=5),
        *_layer(results, frames, "sewage_pumps", labels=()),
        *_seats(results, frames, unplaced=False),
    ]
    notes = [
        Text(
            "按全寿命费用比选，单价多为经验值。",
            "By life-cycle cost; most prices are estimates.",
        )
    ]
    if plan is not None and plan.status == "quick":
        notes.append(Text("快速方案，未证明最优。", "A quick plan; nothing is proven of it."))
    return _sheet(results, "sewage", Text("污水治理方案图", "Sewage plan"), drawn, notes)


def _water(results: Results, frames: _Frames) -> Sheet:
    drawn = [
        *_base(results, frames),
        *_layer(results, frames, "water_zones", labels=()),
        *_layer(results, frames, "water_pipes", labels=()),
        *_layer(results, frames, "water_stations", labels=(), priority=5),
        *_layer(results, frames, "water_villages", labels=(), counted=True),
        *_seats(results, frames, unplaced=False),
    ]
    notes = [
        Text(
            "规划方案，未建成；管道沿道路，压力经 EPANET 校核，单价与定额多为判断值，不能代替设计。",
            "A plan, not built: pipes along roads, pressures checked by EPANET, prices and quotas "
            "mostly judgements; no design.",
        )
    ]
    return _sheet(results, "water", Text("供水方案图", "Water supply plan"), drawn, notes)


def _gaps(results: Results, frames: _Frames) -> list[Drawn]:
    """Return what is over its spacing limit, of any kind, and where services are proposed."""
    if "corridor_gaps" not in frames:
        return []
    entry, frame = frames["corridor_gaps"]
    over = {"corridor_gaps": (entry, frame[frame["verdict"] == "over"])}
    found = _layer(results, over, "corridor_gaps", labels=())
    if "corridor_proposed" in frames:
        entry, frame = frames["corridor_proposed"]
        needed = {"corridor_proposed": (entry, frame[frame["verdict"] == "over"])}
        found += _layer(results, needed, "corridor_proposed", priority=4)
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


def _township(
    results: Results,
    frames: _Frames,
    township: str,
    window: tuple[float, float, float, float],
) -> Sheet:
    villages = results.villages[results.villages["township"] == township]
    placed = int((villages["basis"] == "point").sum())
    entry, frame = frames["villages"]
    own = {"villages": (entry, frame[frame["township"] == township])}
    if "village_regions" in frames:
        region, areas = frames["village_regions"]
        own["village_regions"] = (region, areas[areas["township"] == township])
    drawn = [
        *_base(results, frames),
        *_layer(results, own, "village_regions", labels=()),
        *_layer(results, own, "villages", style=1, counted=True),
        *_seats(results, frames, unplaced=False),
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
    return _sheet(results, f"township_{township}", title, drawn, notes, window=window)


def symbols_of(drawn: Drawn) -> list[tuple[Symbol, int]]:
    """Return the legend's entries of a drawn layer."""
    return drawn.style.legend(drawn.frame)
