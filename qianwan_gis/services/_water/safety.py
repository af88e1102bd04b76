"""Safety of drinking water (农村饮水安全评价) by the works' own register.

Four criteria: quality, quantity, convenience, reliability. Each is met (safe), basically met (basic),
not met (unsafe) or not known. All four count: one that is not met makes the village unsafe, one that
is not known leaves it unassessed and is named. Nothing is assumed in the place of a missing field.

Sources: the indicator system of 2004 (水农〔2004〕547号) has the two grades; T/CHES 18-2018 has the
least that counts. The numbers are in ``standards/water.toml``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qianwan_gis._text import Lang, Text
from qianwan_gis.facilities import REGISTER_FIELDS
from qianwan_gis.schemas import Column, titled

if TYPE_CHECKING:
    from collections.abc import Callable

    from qianwan_gis._errors import ProblemLog
    from qianwan_gis.standards import Standards

#: Fields of a register that speak of safety. They may stand with the works, or with the village in
#: the table of supplies, which goes first.
FIELDS = {k: v for k, v in REGISTER_FIELDS["water", "works"].items() if k != "head_m"}
SAFE, BASIC, UNSAFE, UNKNOWN = "safe", "basic", "unsafe", "unknown"
_RANK = {SAFE: 0, BASIC: 1, UNSAFE: 2}

VERDICT_TEXT: dict[str, Text] = {
    SAFE: Text("安全", "safe"),
    BASIC: Text("基本安全", "basically safe"),
    UNSAFE: Text("不安全", "not safe"),
    UNKNOWN: Text("未评价", "not assessed"),
}
CRITERIA: dict[str, Text] = {
    "quality": Text("水质", "quality"),
    "quantity": Text("水量", "quantity"),
    "convenience": Text("用水方便程度", "convenience"),
    "reliability": Text("供水保证率", "reliability"),
}
#: What to supply where a criterion is not known.
NEEDED: dict[str, Text] = {
    "works": Text("供水工程记录（supplies）", "which works supplies it (supplies)"),
    "quality": Text("水质（quality）", "quality"),
    "quantity": Text("人均水量（quantity_lpcd），或规模与人口", "quantity_lpcd, or capacity and people"),
    "convenience": Text("入户（to_house）或取水往返时间（fetch_minutes）", "to_house or fetch_minutes"),
    "reliability": Text("供水保证率（reliability_percent）或停水天数（outage_days）",
                        "reliability_percent or outage_days"),
}  # fmt: skip

_QUALITY = {
    SAFE: ("合格", "达标", "达到gb5749", "符合gb5749", "符合", "met", "safe", "good", "yes", "1", "true", "是"),
    BASIC: ("基本达标", "基本合格", "基本安全", "感官良好", "basic", "basically met"),
    UNSAFE: ("不合格", "不达标", "未达标", "超标", "not met", "unsafe", "bad", "no", "0", "false", "否"),
}  # fmt: skip
_QUALITY_OF = {word: grade for grade, words in _QUALITY.items() for word in words}
_YES = {"是", "入户", "已入户", "yes", "y", "true", "1", "1.0", "有"}
_NO = {"否", "未入户", "不入户", "no", "n", "false", "0", "0.0", "无"}


_GRADE = Text("安全、基本安全、不安全、未评价", "safe, basic, unsafe, unknown")

#: The columns of `assess`.
SAFETY: tuple[Column, ...] = (
    titled("code", "text", "村庄代码", "Village code"),
    titled("name", "text", "村名", "Village"),
    titled("township", "text", "乡镇", "Township"),
    titled("facility_id", "text", "供水工程编号", "Works id", note=Text("按台账", "by register")),
    titled("works", "text", "供水工程", "Waterworks", note=Text("按台账", "by register")),
    titled("population", "number", "人口", "Population", "人"),
    titled("verdict", "text", "评价结论", "Verdict", note=_GRADE),
    titled("quality_grade", "text", "水质评价", "Quality", note=_GRADE),
    titled("quantity_grade", "text", "水量评价", "Quantity", note=_GRADE),
    titled("convenience_grade", "text", "方便程度评价", "Convenience", note=_GRADE),
    titled("reliability_grade", "text", "保证率评价", "Reliability", note=_GRADE),
    titled("quantity_lpcd", "number", "人均水量", "Litres a head",
            "L/(人·d)", Text("台账值，或由规模和供水人口推算", "recorded, or from capacity and people")),
    titled("quantity_from", "text", "水量来源", "Quantity from", note=Text("台账或推算", "recorded or derived")),
    titled("fetch_minutes", "number", "取水往返时间", "Minutes to fetch", "min", Text("未入户时", "if not piped")),
    titled("reliability_percent", "number", "供水保证率", "Reliability",
            "%", Text("台账值，或由年停水天数折算", "recorded, or from days without water")),
    titled("failing", "text", "不达标项", "Criteria not met"),
    titled("missing", "text", "缺少的资料", "Missing fields"),
)  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """The limits in force; all inclusive."""

    quantity_safe: float
    quantity_basic: float
    minutes: tuple[float, float]
    metres: tuple[float, float]
    height: tuple[float, float]
    reliability: tuple[float, float]
    losses: float

    @classmethod
    def read(cls, standards: Standards) -> Limits:
        """Read the limits; a dry area has its own least quantity."""

        def of(key: str) -> float:
            return float(standards.value(f"water.{key}"))

        dry = bool(standards.value("water.quantity.dry_area"))
        return cls(
            of("quantity.safe2004_lpcd"),
            of("quantity.dry_area_lpcd" if dry else "quantity.safe_lpcd"),
            (of("fetch.safe_minutes"), of("fetch.minutes")),
            (of("fetch.safe_distance_m"), of("fetch.distance_m")),
            (of("fetch.safe_height_m"), of("fetch.height_m")),
            (of("reliability.safe_percent"), of("reliability.basic_percent")),
            (1.0 + of("demand.other_share")) * (1.0 + of("demand.leak_share"))
            * of("demand.day_factor"),
        )  # fmt: skip


def assess(
    villages: pd.DataFrame, works: pd.DataFrame, supplies: pd.DataFrame | None,
    standards: Standards, *, log: ProblemLog | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Assess every village's drinking water by the register of the works.

    Parameters
    ----------
    villages
        ``code``, ``name``, ``township``, ``population``.
    works
        FACILITIES of waterworks: ``facility_id``, ``name``, ``capacity`` (m³/d), ``village_code``
        (of a works of one village), and any of `FIELDS`.
    supplies
        ``facility_id``, ``code``: which works supplies which village, and any of `FIELDS` where
        they differ by village. A village on two works keeps the first by identifier.
    log
        Takes values that cannot be read: they count as missing.

    Returns
    -------
    Table of `SAFETY`, one row per village in the given order. Text columns ``failing`` and
    ``missing`` hold keys of `CRITERIA` and `NEEDED`, joined by ``;``.

    Notes
    -----
    Quality comes as a word (合格, 基本达标, 不合格) of the laboratory's report. Quantity where not
    recorded is what the works' capacity leaves each person on the peak day, leaks and public use
    taken off, if every village on the works has its people. Days without water in a year give a
    reliability of ``1 - days / 365``.
    """
    limits = Limits.read(standards)
    table = _joined(villages, works, supplies)
    read = _Reader(table, log)
    quality = read.words("quality", lambda w: _QUALITY_OF.get(w))
    house = read.words("to_house", lambda w: True if w in _YES else False if w in _NO else None)
    recorded = read.numbers("quantity_lpcd")
    derived = _derived(table, limits)
    quantity = np.where(np.isnan(recorded), derived, recorded)
    minutes, metres, height = (
        read.numbers(name) for name in ("fetch_minutes", "fetch_m", "fetch_height_m")
    )
    rate = read.numbers("reliability_percent", most=100.0)
    days = read.numbers("outage_days", most=366.0)
    rate = np.where(np.isnan(rate), np.maximum(0.0, 100.0 * (1.0 - days / 365.0)), rate)
    grades = {
        "quality": [q or UNKNOWN for q in quality],
        "quantity": [_least(v, limits.quantity_safe, limits.quantity_basic) for v in quantity],
        "convenience": [
            _near(h, m, d, z, limits)
            for h, m, d, z in zip(house, minutes, metres, height, strict=True)
        ],
        "reliability": [_least(v, *limits.reliability) for v in rate],
    }
    on_works = table["facility_id"].ne("").to_numpy()
    rows = []
    for i in range(len(table)):
        mine = {name: grades[name][i] if on_works[i] else UNKNOWN for name in CRITERIA}
        failing = [name for name, grade in mine.items() if grade == UNSAFE]
        missing = [name for name, grade in mine.items() if grade == UNKNOWN]
        if not on_works[i]:
            missing = ["works"]
        known = max((g for g in mine.values() if g in _RANK), key=_RANK.__getitem__, default="")
        verdict = UNSAFE if failing else UNKNOWN if missing else known
        rows.append({"verdict": verdict, **{f"{n}_grade": g for n, g in mine.items()},
                     "failing": ";".join(failing), "missing": ";".join(missing)})  # fmt: skip
    out = pd.concat([table, pd.DataFrame(rows, index=table.index)], axis=1)
    out["quantity_from"] = np.where(
        ~np.isnan(recorded), "recorded", np.where(np.isnan(quantity), "", "derived")
    )
    out["quantity_lpcd"] = np.round(quantity, 1)
    out["fetch_minutes"], out["reliability_percent"] = minutes, np.round(rate, 2)
    return out[[column.name for column in SAFETY]].reset_index(drop=True)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Count villages and people by verdict, and villages by criterion not met or not known.

    Returns
    -------
    ``item`` (verdict, failing, missing), ``value``, ``villages``, ``people`` (NaN where no village
    of the row has its people on record).
    """
    rows = []
    for item, column, order in (
        ("verdict", "verdict", list(VERDICT_TEXT)),
        ("failing", "failing", list(CRITERIA)),
        ("missing", "missing", list(NEEDED)),
    ):
        sets = table[column].str.split(";")
        for value in order:
            mine = sets.map(lambda found, value=value: value in found)
            if mine.any() or item == "verdict":
                people = table.loc[mine, "population"].sum(min_count=1 if mine.any() else 0)
                rows.append((item, value, int(mine.sum()), float(people)))
    return pd.DataFrame(rows, columns=["item", "value", "villages", "people"])


def _joined(
    villages: pd.DataFrame, works: pd.DataFrame, supplies: pd.DataFrame | None
) -> pd.DataFrame:
    """Villages with their works and the register's fields; the village's own row goes first."""
    own = works[["facility_id", "village_code"]] if "village_code" in works else None
    parts = []
    if supplies is not None and len(supplies):
        given = [name for name in FIELDS if name in supplies]
        parts.append(supplies[["facility_id", "code", *given]])
    if own is not None:
        named = own[own["village_code"].fillna("").ne("")]
        parts.append(named.rename(columns={"village_code": "code"}))
    rows = (
        pd.concat(parts, ignore_index=True)
        if parts
        else pd.DataFrame(columns=["facility_id", "code"], dtype=object)
    )
    rows = rows[rows["facility_id"].isin(works["facility_id"])]
    rows = rows.sort_values(["code", "facility_id"], kind="stable").drop_duplicates("code")
    table = pd.DataFrame({"code": villages["code"].astype(str).to_numpy()})
    for name in ("name", "township"):
        table[name] = villages[name].to_numpy() if name in villages else ""
    table["population"] = pd.to_numeric(villages["population"], errors="coerce").to_numpy(float)
    table = table.merge(rows, on="code", how="left")
    table["facility_id"] = _filled(table["facility_id"])
    about = works.set_index("facility_id")
    table["works"] = _filled(table["facility_id"].map(about["name"]))
    table["capacity"] = pd.to_numeric(table["facility_id"].map(about["capacity"]))
    for name in FIELDS:
        mine = table[name] if name in table else pd.Series(None, index=table.index, dtype=object)
        if name in about:
            mine = mine.astype(object)
            blank = mine.isna() | mine.astype(str).str.strip().eq("")
            mine = mine.where(~blank, table["facility_id"].map(about[name]))
        table[name] = mine
    return table


def _filled(column: pd.Series) -> pd.Series:
    """Text with nothing where it is missing; a column without any value counts as text as well."""
    return column.astype(object).where(column.notna(), "")


def _derived(table: pd.DataFrame, limits: Limits) -> np.ndarray:
    """Litres a head that the capacity leaves on the peak day; NaN where it cannot be said."""
    groups = table[table["facility_id"].ne("")].groupby("facility_id")["population"]
    people = groups.sum(min_count=1).where(groups.count() == groups.size())
    on = table["facility_id"].map(people).to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        litres = table["capacity"].to_numpy(float) * 1000.0 / limits.losses / on
    return np.where(on > 0, litres, np.nan)


def _least(value: float, safe: float, basic: float) -> str:
    if np.isnan(value):
        return UNKNOWN
    return SAFE if value >= safe else BASIC if value >= basic else UNSAFE


def _near(house: bool | None, minutes: float, metres: float, height: float, limits: Limits) -> str:
    """Grade by the tap in the house, else by the time, else by way and height of the round trip."""
    if house:
        return SAFE
    if not np.isnan(minutes):
        pairs = [(minutes, limits.minutes)]
    else:
        pairs = [(v, lim) for v, lim in ((metres, limits.metres), (height, limits.height))
                 if not np.isnan(v)]  # fmt: skip
        if np.isnan(metres):  # a height alone says nothing of the way
            return UNKNOWN
    for grade, k in ((SAFE, 0), (BASIC, 1)):
        if all(value <= limit[k] for value, limit in pairs):
            return grade
    return UNSAFE


class _Reader:
    """Reads the fields of a register; what cannot be read is told and counts as missing."""

    def __init__(self, table: pd.DataFrame, log: ProblemLog | None) -> None:
        self.table, self.log = table, log

    def words(self, field: str, of: Callable[[str], Any]) -> list[Any]:
        return [self._word(i, field, of) for i in range(len(self.table))]

    def _word(self, i: int, field: str, of: Callable[[str], Any]) -> Any:
        given = self.table[field].iloc[i]
        if given is None or (isinstance(given, float) and np.isnan(given)) or given is pd.NA:
            return None
        text = str(given).strip().lower().replace(" ", "")
        if not text:
            return None
        found = of(text)
        if found is None:
            self._tell(i, field, given)
        return found

    def numbers(self, field: str, *, most: float = np.inf) -> np.ndarray:
        found = np.full(len(self.table), np.nan)
        for i, given in enumerate(self.table[field]):
            text = "" if given is None or given is pd.NA else str(given).strip().rstrip("%％")
            if text in ("", "nan", "None"):
                continue
            try:
                value = float(text)
            except ValueError:
                value = np.nan
            if not 0.0 <= value <= most:
                self._tell(i, field, given)
            else:
                found[i] = value
        return found

    def _tell(self, i: int, field: str, given: Any) -> None:
        if self.log is None:
            return
        title = FIELDS[field][0]
        self.log.add("warning", "bad_register_value",
                     f"“{title}”填写为“{given}”，无法识别，按缺失计",
                     f"{field} is “{given}”, which cannot be read: taken as missing",
                     file="water", row=str(self.table["code"].iloc[i]), field=field)  # fmt: skip


def worded(table: pd.DataFrame, lang: Lang) -> pd.DataFrame:
    """Return the table of `assess` in words: grades, criteria and missing fields."""
    comma = "; " if lang == "en" else "；"
    out = table.copy()
    for name in ("verdict", *(f"{c}_grade" for c in CRITERIA)):
        out[name] = [VERDICT_TEXT[v].get(lang) for v in out[name]]
    out["failing"] = [
        comma.join(CRITERIA[k].get(lang) for k in v.split(";") if k) for v in out["failing"]
    ]
    out["missing"] = [
        comma.join(NEEDED[k].get(lang) for k in v.split(";") if k) for v in out["missing"]
    ]
    words = {
        "recorded": Text("台账", "recorded"),
        "derived": Text("推算", "derived"),
        "": Text("", ""),
    }
    out["quantity_from"] = [words[v].get(lang) for v in out["quantity_from"]]
    return out
