"""Spacing along the corridor: intervals by verdict, proposed places, the segments' lengths."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from qianwan_gis._text import Text
from qianwan_gis.corridor import events
from qianwan_gis.corridor import report as corridor_report
from qianwan_gis.layers._registry import BLUE, GREY, ORANGE, Results, Style, Symbol, layer, select
from qianwan_gis.schemas import Column

_NONE = Text("", "")
_KIND = Column("kind", "text", Text("类别", "Kind"), Text("设施类别代码", "kind of service"))
_KIND_TEXT = Column("kind_text", "text", Text("类别（文字）", "Kind, in words"), _NONE)
_BRANCH = Column(
    "branch", "text", Text("线别", "Branch"), Text("主线或支线", "main line or branch")
)
_VERDICT = Column(
    "verdict", "text", Text("判定", "Verdict"),
    Text("ok 达标，over 超限，unknown 名录不完整", "ok, over, or unknown: incomplete register"),
)  # fmt: skip
_VERDICT_TEXT = Column("verdict_text", "text", Text("判定（文字）", "Verdict, in words"), _NONE)

_GAP_COLUMNS = (
    _KIND, _KIND_TEXT, _BRANCH,
    Column("from_name", "text", Text("自", "From"), Text("起点为线路端头", "起点 is the open end")),
    Column("to_name", "text", Text("至", "To"), Text("终点为线路端头", "终点 is the open end")),
    Column("from_chainage", "text", Text("起点桩号", "From chainage"), _NONE),
    Column("to_chainage", "text", Text("终点桩号", "To chainage"), _NONE),
    Column("spacing_km", "number", Text("间距", "Spacing"),
           Text("含经接点的路程", "with the way over a junction"), "km"),
    Column("allowed_km", "number", Text("允许间距", "Allowed"), _NONE, "km"),
    Column("missing", "integer", Text("缺设施数", "Missing"), _NONE),
    Column("suggest", "text", Text("建议增设桩号", "Suggested stakes"), _NONE),
    _VERDICT, _VERDICT_TEXT,
)  # fmt: skip

VERDICT_COLORS = {"ok": BLUE, "over": ORANGE, "unknown": GREY}


def _table(results: Results, key: str) -> pd.DataFrame | None:
    """A table of the corridor report, where stakes may be shown at all."""
    corridor = results.corridor
    if corridor is None or str(corridor.basis) == "presumed" or not results.disclosure.stakes:
        return None
    table = results.corridor_tables.get(key)
    return None if table is None or table.empty else table


def _worded(frame: gpd.GeoDataFrame, results: Results) -> gpd.GeoDataFrame:
    """Put the reader's words beside the codes of kind and verdict, and for fixed words."""
    words = corridor_report.readable(pd.DataFrame(frame.drop(columns="geometry")), results.lang)
    fixed = {c: words[c] for c in ("from_name", "to_name", "closes", "suggest") if c in words}
    return frame.assign(kind_text=words["kind"], verdict_text=words["verdict"], **fixed)


@layer(
    "corridor_gaps",
    Text("廊带间距分段", "Intervals between services"),
    theme="corridor",
    columns=_GAP_COLUMNS,
    styles=(
        Style(
            Text("间距判定", "Verdict"),
            "line",
            (
                Symbol("over", Text("间距超限", "over the limit"), ORANGE, 1.6),
                Symbol("unknown", Text("不能判定（名录不完整）", "not judged"), GREY, 1.2, dashed=True),
                Symbol("ok", Text("间距达标", "within the limit"), BLUE, 0.8),
            ),
            by="verdict",
        ),
    ),
    note=Text(
        "每类设施各有一组线，相互重叠；请按类别筛选",
        "one set of lines per kind of service, on top of each other: filter by kind",
    ),
)  # fmt: skip
def _gaps(results: Results) -> gpd.GeoDataFrame | None:
    table = _table(results, "spacing")
    corridor = results.corridor
    if table is None or corridor is None:
        return None
    # a service at the very end of the road leaves an interval of no length: no line
    drawn = table[table["to_m"] - table["from_m"] > 0.01].reset_index(drop=True)
    lines = events.labelled(corridor, drawn).to_crs(results.crs)
    # what is over the limit last, so that it lies on top
    order = lines["verdict"].map({"ok": 0, "unknown": 1, "over": 2})
    return select(_worded(lines.loc[order.sort_values(kind="stable").index], results), _GAP_COLUMNS)


_PROPOSED_COLUMNS = (
    _KIND, _KIND_TEXT, _BRANCH,
    Column("chainage", "text", Text("桩号", "Chainage"), _NONE),
    Column("closes", "text", Text("所补区间", "Interval closed"), _NONE),
    Column("gap_km", "number", Text("区间长", "Interval"), _NONE, "km"),
    _VERDICT, _VERDICT_TEXT,
    Column("label", "text", Text("标注", "Label"), _NONE),
)  # fmt: skip


@layer(
    "corridor_proposed",
    Text("廊带增设点位", "Places proposed for services"),
    theme="corridor",
    columns=_PROPOSED_COLUMNS,
    styles=(
        Style(
            Text("建议增设", "Proposed"),
            "point",
            (
                Symbol("over", Text("建议增设（间距超限）", "proposed: over the limit"),
                       "#ffe1c9", 3.0, "diamond", outline=ORANGE),
                Symbol("", Text("建议增设（待补名录核定）", "proposed: register to be completed"),
                       "#ececec", 3.0, "diamond", outline=GREY),
            ),
            by="verdict",
            label="label",
        ),
    ),
    note=Text(
        "按里程等分得出，未考虑用地、视距和水电，须现场核定",
        "evenly spaced along the line; land, sight and supply are not considered",
    ),
)  # fmt: skip
def _proposed(results: Results) -> gpd.GeoDataFrame | None:
    table = _table(results, "spacing")
    corridor = results.corridor
    if table is None or corridor is None:
        return None
    points = _worded(corridor_report.proposed(corridor, table), results)
    if points.empty:
        return None
    label = points["kind_text"] + " " + points["chainage"]
    return select(points.assign(label=label).to_crs(results.crs), _PROPOSED_COLUMNS)


_SEGMENT_COLUMNS = (
    _BRANCH,
    Column("name", "text", Text("路段", "Segment"), _NONE),
    Column("start", "text", Text("起点桩号", "Start"), _NONE),
    Column("end", "text", Text("终点桩号", "End"), _NONE),
    Column("length_m", "number", Text("图上长度", "Drawn"), Text("投影平面长度", "planar"), "m"),
    Column("published_m", "number", Text("公布长度", "Published"), _NONE, "m"),
    Column("join", "text", Text("与前段的关系", "Join"),
           Text("start 起、continuous 连续、long 长链、short 短链、gap 未连通",
                "start, continuous, long or short equation, gap")),
    Column("basis", "text", Text("来源性质", "Basis"), _NONE),
)  # fmt: skip


@layer(
    "corridor_segments",
    Text("廊带路段", "Corridor segments"),
    theme="corridor",
    columns=_SEGMENT_COLUMNS,
    styles=(
        Style(
            Text("路段", "Segments"),
            "line",
            (Symbol("", Text("廊带路段", "segment"), "#882255", 0.6),),
            label="name",
        ),
    ),
)
def _segments(results: Results) -> gpd.GeoDataFrame | None:
    if _table(results, "completeness") is None or results.corridor is None:
        return None
    table = results.corridor.table
    lengths = table[["length_m", "published_m"]].astype("float64").round(1)
    return select(table.assign(**lengths).to_crs(results.crs), _SEGMENT_COLUMNS)
