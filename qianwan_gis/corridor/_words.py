"""What the tables of the corridor report, their columns and their codes are called."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from qianwan_gis._text import Lang, Text
from qianwan_gis.corridor._spacing import KINDS, VERDICTS
from qianwan_gis.schemas import value_text

#: The tables of `report.tables`, as readers see them named: findings first.
TITLES: dict[str, Text] = {
    "findings": Text("廊带间距结论", "Spacing along the corridor: findings"),
    "proposed": Text("廊带建议增设", "Services proposed along the corridor"),
    "spacing": Text("廊带设施间距", "Spacing of services"),
    "spacing_sides": Text("廊带分侧间距", "Spacing on either side by itself"),
    "villages": Text("沿线村庄", "Villages along the corridor"),
    "scenic": Text("沿线景点", "Scenic spots along the corridor"),
    "services": Text("沿线服务设施", "Services along the corridor"),
    "served": Text("名单村与廊带", "Listed villages and the corridor"),
    "zones": Text("廊带影响区村庄与人口", "Villages and people in the zones"),
    "areas": Text("片区村庄与人口", "Villages and people in the areas"),
    "area_villages": Text("片区村庄名录", "Villages of each area"),
    "completeness": Text("路段长度核对", "Segment lengths checked"),
    "equations": Text("断链表", "Station equations"),
}

#: What a reader must know before using a table.
NOTES: dict[str, Text] = {
    "findings": Text(
        "原则：沿路任一处到最近设施不超过限值之半；两设施之间不超过限值，开放的端头到第一处不超过其半。"
        "名录不完整时不判超限",
        "no place on the road is further than half the limit from a service, along the road; with "
        "an incomplete register nothing is over the limit",
    ),
    "spacing": Text(
        "每类设施、每个区间一行：间距、允许间距和判定",
        "a row per kind of service and interval: spacing, what is allowed, and the verdict",
    ),
    "scenic": Text(
        "偏距或离线行车时间在限内的景点，按行进次序",
        "near by offset or by minutes off the road, in the order of travel",
    ),
    "services": Text(
        "偏距或离线行车时间在限内的设施，按行进次序",
        "near by offset or by minutes off the road, in the order of travel",
    ),
    "equations": Text(
        "同一处有两个桩号的地方；长链为正，短链为负",
        "places with two stakes; a repeated stretch is positive, a skipped one negative",
    ),
    "proposed": Text(
        "按里程等分得出，未考虑用地、视距和水电，须现场核定",
        "evenly spaced along the line; land, sight and supply are not considered",
    ),
    "spacing_sides": Text(
        "只数行车方向同一侧的设施，供中央有隔离、不能掉头的路段参考；普通双向路看“廊带设施间距”",
        "counts services on one side only, for roads where one cannot turn",
    ),
    "villages": Text(
        "偏距或离线行车时间有一项在限内即列入；偏距左正右负（面向里程增加方向）",
        "listed by offset or by minutes off the road, whichever suffices; left is positive",
    ),
    "served": Text(
        "偏距在最宽影响区内为“受益”；没有点位的村，整个可能范围都在区内（外）才判",
        "served: inside the widest zone; a village without a point only if its whole region is",
    ),
    "zones": Text(
        "各区含更窄的区，不能相加；人口只在八成以上的村口径一致、年份相差不过十年时给出",
        "zones hold the narrower ones; people only where four fifths share one definition",
    ),
    "area_villages": Text(
        "按桩号排列，偏距不限；没有点位的村未列",
        "in order of chainage, at any offset; villages without a point are left out",
    ),
    "completeness": Text(
        "图上长度与公布长度相差多少，逐段列出；未连通处按直线长",
        "drawn against published length, segment by segment; gaps as the crow flies",
    ),
    "areas": Text(
        "人口只在八成以上的村口径一致、年份相差不过十年时给出",
        "people only where four fifths of the villages share one definition",
    ),
}

#: Column headings beyond those of `qianwan_gis.schemas`.
COLUMN_TEXT: dict[str, Text] = {
    "branch": Text("线别", "Branch"),
    "chainage": Text("桩号", "Chainage"),
    "chainage_m": Text("桩号里程（米）", "Chainage, m"),
    "travelled_m": Text("沿线里程（米）", "Distance along the line, m"),
    "offset_m": Text("偏距（米，左正右负）", "Offset, m (left positive)"),
    "side": Text("侧别", "Side"),
    "reach": Text("列入依据", "Listed by"),
    "within_m": Text("所在影响区（米）", "Within, m"),
    "distance_m": Text("离线距离（米）", "Distance, m"),
    "at_least_m": Text("离线至少（米）", "At least, m"),
    "off_minutes": Text("离线行车时间（分钟）", "Minutes off the road"),
    "off_metres": Text("离线行车里程（米）", "Metres off the road"),
    "turn_off": Text("下线处", "Turn off at"),
    "kind": Text("类别", "Kind"),
    "limit_km": Text("间距限值（公里）", "Limit, km"),
    "on_road": Text("路边处数", "On the road"),
    "intervals": Text("区间数", "Intervals"),
    "over": Text("超过限值的区间", "Intervals beyond the limit"),
    "worst_km": Text("最差区间（公里）", "Worst interval, km"),
    "worst_allowed_km": Text("该区间允许（公里）", "Allowed there, km"),
    "worst_from": Text("最差区间自", "Worst from"),
    "worst_to": Text("最差区间至", "Worst to"),
    "proposed": Text("补足最差区间的桩号", "Stakes that would close it"),
    "closes": Text("所补区间", "Interval closed"),
    "gap_km": Text("区间长（公里）", "Interval, km"),
    "from_name": Text("自", "From"),
    "to_name": Text("至", "To"),
    "from_chainage": Text("起点桩号", "From chainage"),
    "to_chainage": Text("终点桩号", "To chainage"),
    "from_m": Text("起点里程（米）", "From, m along"),
    "to_m": Text("终点里程（米）", "To, m along"),
    "spacing_km": Text("间距（公里）", "Spacing, km"),
    "allowed_km": Text("允许间距（公里）", "Allowed, km"),
    "ok": Text("是否达标", "Within the standard"),
    "missing": Text("缺设施数", "Missing"),
    "suggest": Text("建议增设桩号", "Suggested stakes"),
    "verdict": Text("判定", "Verdict"),
    "area": Text("片区", "Area"),
    "villages": Text("村庄数", "Villages"),
    "listed": Text("名单村数", "Listed villages"),
    "scenic": Text("景点数", "Scenic spots"),
    "posts": Text("驿站数", "Wayside stations"),
    "toilets": Text("公厕数", "Public toilets"),
    "chargers": Text("充电站数", "Charging stations"),
    "clinics": Text("医疗机构数", "Clinics"),
    "with_people": Text("口径一致的村数", "Villages with comparable people"),
    "population": Text("人口", "People"),
    "population_kind": Text("人口口径", "Population kind"),
    "years": Text("人口年份", "Years"),
    "note": Text("说明", "Note"),
    "width_m": Text("影响区半宽（米）", "Width, m"),
    "start": Text("起点桩号", "Start"),
    "end": Text("终点桩号", "End"),
    "drawn_m": Text("图上长度（米）", "Drawn, m"),
    "published_m": Text("公布长度（米）", "Published, m"),
    "difference_m": Text("差（米）", "Difference, m"),
    "difference_pct": Text("差（%）", "Difference, %"),
    "back": Text("来向桩号", "Back chainage"),
    "back_m": Text("来向里程（米）", "Back, m"),
    "ahead": Text("去向桩号", "Ahead chainage"),
    "ahead_m": Text("去向里程（米）", "Ahead, m"),
    "metres": Text("长短（米，长链为正）", "Metres (long positive)"),
}

# Codes and fixed words by column.
_WORDS: dict[str, Mapping[str, Text]] = {
    "kind": {
        **{kind.key: kind.title for kind in KINDS},
        "segment": Text("路段", "segment"),
        "gap": Text("未连通处", "gap in the line"),
        "unlisted": Text("未列路段", "stretch not listed"),
        "overlap": Text("重叠或长链", "overlap or long equation"),
        "total": Text("合计", "total"),
        "长链": Text("长链", "long"),
        "短链": Text("短链", "short"),
    },
    "verdict": {
        **VERDICTS,
        "served": Text("受益", "served"),
        "missed": Text("未及", "missed"),
        "undecided": Text("未定（无点位）", "undecided: no point"),
    },
    "side": {
        "左": Text("左", "left"),
        "右": Text("右", "right"),
        "线上": Text("线上", "on the line"),
        "端外": Text("端外", "beyond the end"),
        "两侧": Text("两侧", "both"),
    },
    "reach": {
        "both": Text("偏距和时间", "offset and time"),
        "distance": Text("偏距", "offset"),
        "time": Text("时间", "time"),
    },
    "note": {
        "没有村庄": Text("没有村庄", "no village"),
        "经接点": Text("经接点", "over a junction"),
        "含未连通处": Text("含未连通处", "with a gap in the line"),
        "经接点；含未连通处": Text("经接点；含未连通处", "over a junction; with a gap in the line"),
    },
}
_ROWS = {
    "未连通": Text("未连通", "gap in the line"),
    "未列路段": Text("未列路段", "stretch not listed"),
    "重叠（或长链）": Text("重叠（或长链）", "overlap or long equation"),
    "合计": Text("合计", "total"),
}
_ENDS = {"起点": Text("起点", "start"), "终点": Text("终点", "end")}
_NAMED_ENDS = ("from_name", "to_name")
_WITH_ENDS = ("closes", "worst_from", "worst_to")
_CODED = ("service", "tier", "basis", "population_kind", "match", "status")

#: Columns that serve programs or other tables, not the reader of these.
_HIDDEN = frozenset(
    {
        "evidence", "category_note", "match", "basis", "uncertainty_m", "population_source",
        "licence", "source", "suggest_m", "from_m", "to_m", "village_code", "population_year",
    }
)  # fmt: skip


def hidden(column: str) -> bool:
    """Whether a column of these tables is kept from readers."""
    return column in _HIDDEN


def readable(table: pd.DataFrame, lang: Lang) -> pd.DataFrame:
    """Return a table of the report with words for codes, hidden columns left out."""
    made = table[[c for c in table.columns if not hidden(str(c))]].copy()
    for name in made.columns:
        words = _WORDS.get(str(name))
        if name in _CODED:
            made[name] = [
                value_text(str(name), v).get(lang) if isinstance(v, str) else v for v in made[name]
            ]
        elif words is not None:
            made[name] = [_word(words, v, lang) for v in made[name]]
        elif lang == "en" and name in _NAMED_ENDS:
            made[name] = [_word(_ENDS, v, lang) for v in made[name]]
        elif lang == "en" and name == "name":
            made[name] = [_word(_ROWS, v, lang) for v in made[name]]
        elif lang == "en" and name in _WITH_ENDS:
            made[name] = [_ends_in_words(v) for v in made[name]]
        elif lang == "en" and name in ("suggest", "proposed"):
            made[name] = [v.replace("、", ", ") if isinstance(v, str) else v for v in made[name]]
    return made


def _word(words: Mapping[str, Text], value: object, lang: Lang) -> object:
    found = words.get(value) if isinstance(value, str) else None
    if found is not None:
        return found.get(lang)
    return _people_note(value) if lang == "en" and isinstance(value, str) else value


def _people_note(text: str) -> str:
    """The one note with numbers in it, in English."""
    zh = "人口口径一致的村不足八成"
    if not text.startswith(zh):
        return text
    return "fewer than four fifths of the villages are comparable " + text.removeprefix(zh).replace(
        "（", "("
    ).replace("）", ")")


def _ends_in_words(text: object) -> object:
    if not isinstance(text, str):
        return text
    for zh, word in _ENDS.items():
        for cut in ("—", " "):
            if text.startswith(zh + cut):
                text = word.en + text[len(zh) :]
        if text.endswith("—" + zh):
            text = text[: -len(zh)] + word.en
    return text
