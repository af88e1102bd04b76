"""Summaries, targets, what thin data must not show, and what to collect first.

Counts are of villages, and every count says of how many. Figures in people appear only where at
least 80 % of a group's units share one definition of population within ten years; population is
never filled in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from qianwan_gis import _io, schemas
from qianwan_gis import people as people_rule
from qianwan_gis._errors import ProblemLog, UsageError
from qianwan_gis._text import Text
from qianwan_gis.schemas import Basis, Inventory, Match, Reason, value_text
from qianwan_gis.uncertainty import SURE

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.network import RoadNetwork

By = Literal["county", "township", "category", "list", "zone"]

#: A share of covered villages needs this share of the group's villages assessed: against a
#: partial register only "covered" can ever be said, and covered over assessed would be 100 %.
ASSESSED_SHARE = 0.8
#: Shares of a county and siting need this share of its villages as points.
POINT_SHARE = 0.8
#: Slopes need terrain cells no wider than this (m); relief from wider ones hides valleys.
SLOPE_CELL_M = 90.0

NO_DATA = "no data"

_KIND_TEXT = {"registered": Text("户籍", "registered"), "resident": Text("常住", "resident")}


# ---------------------------------------------------------------------------------------------
# Summaries
# ---------------------------------------------------------------------------------------------


def summary(
    coverage: pd.DataFrame,
    villages: pd.DataFrame,
    by: By = "county",
    *,
    county: str = "",
    corridor_villages: pd.DataFrame | None = None,
    inventories: Mapping[tuple[str, str], Inventory] | None = None,
) -> pd.DataFrame:
    """Count villages and, where the rule allows, people by group, service and tier.

    Parameters
    ----------
    coverage, villages
        COVERAGE and VILLAGES.
    by
        ``county``, ``township``, ``category``, ``list`` (a village on two lists counts in both)
        or ``zone`` (villages within each corridor width, cumulative).
    county
        The county's name, for ``by="county"``.
    corridor_villages
        Table ``code, within_m`` for ``by="zone"``; without it that summary is empty.
    inventories
        How complete each register is: shares are given for complete ones alone. Without it a
        register counts as complete when "not covered" was said against it at all.

    Returns
    -------
    Table ``<by>, service, tier, villages, assessed, covered, uncovered, unknown, share, people,
    people_assessed, people_covered, share_people, people_kind``. ``share`` is covered over
    assessed, given only against a complete register and where at least 80 % of the group's villages were
    assessed; the people columns are empty where the 80 % rule forbids them, and count the units
    of ``people_kind`` alone. Where a second facility was looked for, ``backup`` counts the covered
    villages that surely have one in reach.
    """
    members = _members(villages, by, county, corridor_villages)
    numbers = ["villages", "assessed", "covered", "uncovered", "unknown"]
    people = ["share", "people", "people_assessed", "people_covered", "share_people", "people_kind"]
    twice = ["backup"] if "p_backup" in coverage.columns else []
    columns = [by, "service", "tier", *numbers, *twice, *people]
    if members.empty or coverage.empty:
        return pd.DataFrame(columns=columns)
    heads = {name: one_definition(group) for name, group in _groups(members, villages)}
    wanted = ["code", "service", "tier", "covered", *(["p_backup"] if twice else [])]
    joined = members.merge(coverage[wanted], on="code")
    joined["covered"] = joined["covered"].astype("boolean")
    denied = {
        (service, tier)
        for service, tier, covered in zip(
            coverage["service"], coverage["tier"], coverage["covered"], strict=True
        )
        if covered is False or covered is np.False_
    }
    rows = []
    for (group, service, tier), part in joined.groupby(["group", "service", "tier"], sort=False):
        yes = part["covered"].fillna(value=False).to_numpy(bool)
        known = part["covered"].notna().to_numpy(bool)
        counts = heads[group]
        n, assessed = len(part), int(known.sum())
        if inventories is None:
            whole = (service, tier) in denied
        else:
            whole = inventories.get((service, tier)) == Inventory.COMPLETE
        row: dict[str, Any] = {
            by: group,
            "service": service,
            "tier": tier,
            "villages": n,
            "assessed": assessed,
            "covered": int(yes.sum()),
            "uncovered": int((known & ~yes).sum()),
            "unknown": n - assessed,
            "share": yes.sum() / assessed if whole and assessed >= ASSESSED_SHARE * n else np.nan,
            "people_kind": "",
        }
        if twice and part["p_backup"].notna().any():
            row["backup"] = int((yes & part["p_backup"].ge(SURE - 1e-9).to_numpy()).sum())
        if counts is not None:
            kind, heads_of = counts
            heads_here = heads_of.reindex(part["code"]).fillna(0.0).to_numpy()
            total, judged = float(heads_here.sum()), float(heads_here[known].sum())
            enough = whole and judged > 0 and judged >= ASSESSED_SHARE * total
            row |= {
                "people": total,
                "people_assessed": judged,
                "people_covered": float(heads_here[yes].sum()),
                "share_people": heads_here[yes].sum() / judged if enough else np.nan,
                "people_kind": kind,
            }
        rows.append(row)
    return pd.DataFrame(rows).reindex(columns=columns)


def _members(
    villages: pd.DataFrame, by: By, county: str, corridor_villages: pd.DataFrame | None
) -> pd.DataFrame:
    """Return ``group, code``: which villages belong to which group, groups in reading order."""
    codes = villages["code"].astype(str)
    if by == "county":
        return pd.DataFrame({"group": county, "code": codes})
    if by in ("township", "category"):
        table = pd.DataFrame({"group": villages[by].fillna("").astype(str), "code": codes})
        return table[table["group"].ne("")].sort_values("group", kind="stable")
    if by == "list":
        names = villages["lists"].fillna("").astype(str).str.split(";")
        table = pd.DataFrame({"group": names, "code": codes}).explode("group")
        table["group"] = table["group"].str.strip()
        return table[table["group"].ne("")].sort_values("group", kind="stable")
    if by == "zone":
        if corridor_villages is None or corridor_villages.empty:
            return pd.DataFrame({"group": [], "code": []})
        near = corridor_villages.groupby("code")["within_m"].min().dropna()
        near = near[near.index.isin(codes)]
        parts = [
            pd.DataFrame({"group": f"{width:g}", "code": near.index[near <= width]})
            for width in sorted(near.unique())
        ]
        return (
            pd.concat(parts, ignore_index=True)
            if parts
            else pd.DataFrame({"group": [], "code": []})
        )
    raise UsageError(Text(f"不能按“{by}”汇总", f"cannot summarise by “{by}”"))


def _groups(members: pd.DataFrame, villages: pd.DataFrame) -> Iterable[tuple[Any, Any]]:
    columns = ["code", "population", "population_kind", "population_year"]
    facts = pd.DataFrame(villages).reindex(columns=columns)
    return list(members.merge(facts, on="code").groupby("group", sort=False))


def one_definition(group: pd.DataFrame) -> tuple[str, pd.Series] | None:
    """Return the population kind that 80 % of a group share within ten years, and its figures.

    The rule is that of `qianwan_gis.people`.
    """
    found = people_rule.agreement(group)
    if found is None or not found.enough:
        return None
    people = pd.to_numeric(group["population"], errors="coerce").to_numpy(float)
    figures = pd.Series(people[found.rows], index=group.loc[found.rows, "code"])
    known = _KIND_TEXT.get(found.kind)
    return f"{known.zh} {found.years()}" if known else found.kind, figures


# ---------------------------------------------------------------------------------------------
# Disclosure
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Disclosure:
    """What the data bear. Every output asks here before it shows a thing that could mislead.

    Attributes
    ----------
    county_shares
        Coverage as shares of a county or group.
    people
        Figures in people.
    stakes
        Stake labels (K12+345) along the corridor.
    isochrones
        Areas of equal travel time.
    decimal_minutes
        Minutes with decimals.
    siting
        Advice on where to build.
    slopes
        Gradients from the terrain.
    cells
        Township areas drawn as boundaries.
    silent
        Services without any complete register: "not covered" is never shown for them.
    reasons
        Why not, by attribute.
    """

    county_shares: bool = True
    people: bool = True
    stakes: bool = True
    isochrones: bool = True
    decimal_minutes: bool = True
    siting: bool = True
    slopes: bool = True
    cells: bool = True
    silent: frozenset[str] = frozenset()
    reasons: Mapping[str, Text] = field(default_factory=dict)

    def red_uncovered(self, service: str) -> bool:
        """Whether "not covered" may be shown for a service at all."""
        return service not in self.silent

    @classmethod
    def of(
        cls,
        villages: pd.DataFrame,
        inventories: Mapping[tuple[str, str], Inventory],
        *,
        network: RoadNetwork | None = None,
        roads: gpd.GeoDataFrame | None = None,
        corridor_basis: str | None = None,
        terrain_cell_m: float | None = None,
        own_township_areas: bool = False,
    ) -> Disclosure:
        """Decide from the data alone what may be shown.

        Parameters
        ----------
        villages
            VILLAGES.
        inventories
            How complete each register is.
        network, roads
            The network, or the ROADS table, to tell whether village roads are presumed.
        corridor_basis
            ``surveyed``, ``presumed``, ``synthetic``; None without a corridor.
        terrain_cell_m
            Width of the terrain's cells in metres; None without terrain.
        own_township_areas
            Whether the township areas come from the user's own polygons.
        """
        reasons: dict[str, Text] = {}
        total = len(villages)
        points = int(villages["basis"].eq(str(Basis.POINT)).sum())
        few = points < POINT_SHARE * total
        where = Text(f"{total}个村中只有{points}个有点位",
                     f"only {points} of {total} villages have a point")  # fmt: skip
        presumed = _any_presumed(network, roads)
        roads_text = Text("村级道路是推定的，不是实测", "village roads are presumed, not surveyed")
        services = sorted({service for service, _ in inventories})
        complete = {
            s for (s, _), inv in inventories.items() if Inventory(inv) is Inventory.COMPLETE
        }
        silent = frozenset(services) - complete
        registers = Text(
            "没有一类设施的名录是完整的" if not complete else "",
            "no register of facilities is complete" if not complete else "",
        )
        shares_why = _join([(few, where), (presumed, roads_text), (not complete, registers)])
        shares = shares_why is None
        if shares_why is not None:
            reasons["county_shares"] = shares_why
        people = (
            one_definition(
                pd.DataFrame(villages).reindex(
                    columns=["code", "population", "population_kind", "population_year"]
                )
            )
            is not None
        )
        if not people:
            known = int(pd.to_numeric(villages["population"], errors="coerce").notna().sum())
            reasons["people"] = Text(
                f"{total}个村中{known}个有人口数，同一口径、十年之内的不足八成",
                f"{known} of {total} villages have a population; fewer than 80 % share one "
                "definition within ten years",
            )
        stakes = corridor_basis is not None and corridor_basis != "presumed"
        if not stakes:
            reasons["stakes"] = (
                Text("没有廊带线位", "there is no line of the corridor")
                if corridor_basis is None
                else Text(
                    "走向是推定的，里程仅为示意", "the course is presumed, its chainage a sketch"
                )
            )
        if presumed:
            reasons["isochrones"] = reasons["decimal_minutes"] = roads_text
        siting_why = _join([(few, where), (presumed, roads_text), (
            "clinic" in silent,
            Text("医疗设施名录不完整", "the register of health facilities is incomplete"),
        )])  # fmt: skip
        if siting_why is not None:
            reasons["siting"] = siting_why
        slopes = terrain_cell_m is not None and terrain_cell_m <= SLOPE_CELL_M
        if not slopes:
            reasons["slopes"] = (
                Text("没有地形数据", "there is no terrain data")
                if terrain_cell_m is None
                else Text(
                    f"地形格网{terrain_cell_m:.0f}米，坡度无意义",
                    f"terrain cells of {terrain_cell_m:.0f} m bear no slopes",
                )
            )
        if not own_township_areas:
            reasons["cells"] = Text(
                "乡镇范围由驻地推算，不是界线",
                "township areas are computed from seats, no boundaries",
            )
        if silent:
            named = [value_text("service", s) for s in sorted(silent)]
            reasons["red_uncovered"] = Text(
                f"{'、'.join(t.zh for t in named)}没有完整名录，没有记录不等于没有设施",
                f"{', '.join(t.en for t in named)}: no complete register; silence is not absence",
            )
        return cls(
            county_shares=shares, people=people, stakes=stakes, isochrones=not presumed,
            decimal_minutes=not presumed, siting=siting_why is None, slopes=slopes,
            cells=own_township_areas, silent=silent, reasons=reasons,
        )  # fmt: skip


def _join(faults: Iterable[tuple[bool, Text]]) -> Text | None:
    """Return the texts of the faults that apply as one, or None."""
    found = [text for applies, text in faults if applies]
    if not found:
        return None
    return Text("；".join(t.zh for t in found), "; ".join(t.en for t in found))


def _any_presumed(network: RoadNetwork | None, roads: pd.DataFrame | None) -> bool:
    if network is not None:
        return bool(network.presumed.any())
    if roads is not None and "basis" in roads.columns:
        return bool(roads["basis"].eq("presumed").any())
    return True  # without roads every minute would be presumed


# ---------------------------------------------------------------------------------------------
# What to collect first
# ---------------------------------------------------------------------------------------------

#: Who keeps the register of a service, in general terms.
_KEEPERS = {
    "clinic": Text("卫生健康部门", "health department"),
    "sewage": Text("住建、生态环境部门", "housing and environment departments"),
    "water": Text("水务部门", "water department"),
}


def to_collect(
    coverage: pd.DataFrame,
    villages: pd.DataFrame,
    inventories: Mapping[tuple[str, str], Inventory],
    *,
    network: RoadNetwork | None = None,
    roads: gpd.GeoDataFrame | None = None,
    corridor_basis: str | None = None,
    undefined: Iterable[str] = (),
    has_terrain: bool = False,
) -> pd.DataFrame:
    """Return what to collect first: what it is, why, from whom, and how many villages wait for it.

    Ordered by the number of villages that each would let decide; listed villages' positions come
    first of all, because every service waits for them.

    Returns
    -------
    Table ``rank, item, why, department, villages``; item, why and department are `Text`.
    """
    rows: list[tuple[int, Text, Text, Text, int]] = []
    listed = villages["lists"].fillna("").astype(str).ne("")
    no_point = villages["basis"].ne(str(Basis.POINT))
    total = len(villages)
    survey = Text("农业农村部门、各乡镇", "agriculture department, townships")
    count = int((listed & no_point).sum())
    if count:
        rows.append((0, Text("名单村的位置（村委会坐标）", "positions of the listed villages"),
                     Text(f"名单内{int(listed.sum())}个村中{count}个没有点位，各项服务都无法精确判定",
                          f"{count} of {int(listed.sum())} listed villages have no point: no service "
                          "can be judged sharply"), survey, count))  # fmt: skip
    count = int((~listed & no_point).sum())
    if count:
        rows.append((1, Text("其余村的位置（村委会坐标）", "positions of the other villages"),
                     Text(f"名单外{int((~listed).sum())}个村中{count}个没有点位；需求和容量要算全县",
                          f"{count} of {int((~listed).sum())} other villages have no point; demand is "
                          "everybody"), survey, count))  # fmt: skip
    shared = int(villages["match"].eq(str(Match.SETTLEMENT)).sum())
    if shared:
        rows.append((1, Text("镇区内各村的分村点位", "own points of villages inside towns"),
                     Text(f"{shared}个村共用镇区点位", f"{shared} villages share a town's point"),
                     survey, shared))  # fmt: skip
    rows += _registers(coverage, inventories)
    if _any_presumed(network, roads):
        waiting = coverage["reason"].eq(str(Reason.UNDECIDED)) & coverage["basis"].isin(
            ["presumed", "assumed"]
        )
        count = int(coverage.loc[waiting, "code"].nunique())
        rows.append((1, Text("农村公路矢量数据（含等级、路面）", "rural roads with class and surface"),
                     Text(f"村级道路为推定，{total}个村的时间只能给区间，{count}个村因此不能下结论",
                          f"village roads are presumed: minutes are ranges for {total} villages and "
                          f"{count} stay undecided"),
                     Text("交通运输部门", "transport department"), max(count, 1)))  # fmt: skip
    without = ~villages["code"].astype(str).str.fullmatch(r"\d{12}")
    no_code, no_code_listed = int(without.sum()), int((without & listed).sum())
    if no_code:
        rows.append((1, Text("无代码村的核实（合并、更名或误印）", "villages without a code"),
                     Text(f"{no_code}个村在代码表中查不到，其中名单村{no_code_listed}个", f"{no_code} villages have no code, {no_code_listed} of them listed"),
                     Text("民政、统计部门", "civil affairs and statistics departments"), no_code))  # fmt: skip
    facts = pd.DataFrame(villages).reindex(
        columns=["code", "population", "population_kind", "population_year"]
    )
    if one_definition(facts) is None:
        lacking = int(pd.to_numeric(facts["population"], errors="coerce").isna().sum())
        rows.append((2, Text("各村人口（同一口径、同一年份）", "population by one definition and year"),
                     Text(f"{lacking}个村没有人口数，其余口径或年份不一；按人口的指标不能给出",
                          f"{lacking} villages have none, the others differ in definition or year; "
                          "no figure in people can be given"),
                     Text("公安、统计部门", "police and statistics departments"), total))  # fmt: skip
    names = [name for name in undefined if name]
    if corridor_basis in (None, "presumed"):
        rows.append((3, Text("示范廊带的线位、桩号和范围", "line, stakes and extent of the corridor"),
                     Text("线位缺失或为推定，桩号和沿线指标不能给出"
                          + (f"；尚无范围：{'、'.join(names)}" if names else ""),
                          "the line is missing or presumed"
                          + (f"; without extent: {', '.join(names)}" if names else "")),
                     Text("交通运输、自然资源部门", "transport and natural resources departments"),
                     total))  # fmt: skip
    if not has_terrain:
        rows.append((4, Text("数字高程（30米或更细）", "terrain, 30 m or finer"),
                     Text("没有地形数据，行程时间不计坡度，重力流和供水压力不能算",
                          "no terrain: times take no account of slopes; no gravity flow, no water "
                          "pressure"),
                     Text("自然资源部门", "natural resources department"), total))  # fmt: skip
    rows.sort(key=lambda row: (row[0], -row[4]))
    table = pd.DataFrame(
        [row[1:] for row in rows], columns=["item", "why", "department", "villages"]
    )
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table


def _registers(
    coverage: pd.DataFrame, inventories: Mapping[tuple[str, str], Inventory]
) -> list[tuple[int, Text, Text, Text, int]]:
    """Return one row per register that is not complete, with the villages that wait for it."""
    rows = []
    waiting_for = {
        str(r)
        for r in (
            Reason.INVENTORY_INCOMPLETE, Reason.NO_SEWER_RECORD, Reason.NO_WORKS_REGISTER,
            Reason.SCREEN_ONLY, Reason.SAME_POINT,
        )
    }  # fmt: skip
    for (service, tier), part in coverage.groupby(["service", "tier"], sort=False):
        inventory = Inventory(inventories.get((str(service), str(tier)), Inventory.NONE))
        count = int(part["reason"].isin(waiting_for).sum())
        if inventory is Inventory.COMPLETE or not count:
            continue
        name, kind = value_text("tier", tier), value_text("inventory", inventory)
        rows.append((1, Text(f"{name.zh}名录（位置、容量、服务村）",
                             f"register of {name.en}: places, capacity, villages served"),
                     Text(f"现有名录{kind.zh}，{len(part)}个村中{count}个因此不能判定",
                          f"the register is “{kind.en}”: {count} of {len(part)} villages stay unknown"),
                     _KEEPERS.get(str(service), Text("主管部门", "department in charge")), count))  # fmt: skip
    return rows


# ---------------------------------------------------------------------------------------------
# Targets
# ---------------------------------------------------------------------------------------------

_TARGET_COLUMNS = [column.name for column in schemas.TARGETS]


def read_targets(paths: Iterable[Path | str], *, log: ProblemLog | None = None) -> pd.DataFrame:
    """Read the ledger of numeric targets and check that each figure can be.

    Returns
    -------
    TARGETS. ``plausibility`` keeps the doubts that the file states and adds those of `doubts`.

    Raises
    ------
    DataError
        Without ``log``: every fault of every file.
    """
    own = log if log is not None else ProblemLog()
    parts = []
    for path in paths:
        file = Path(path)
        before = len(own.errors)
        table = _io.read_table(file, log=own)
        if len(own.errors) > before:
            continue
        text = table.reindex(columns=[c for c in _TARGET_COLUMNS if c in table.columns])
        blank = text.mask(text.apply(lambda column: column.str.strip().eq("")))
        own.extend(schemas.find_problems(blank, schemas.TARGETS, file=file.name))
        parts.append(text)
    if log is None:
        own.raise_errors()
    if not parts:
        return pd.DataFrame(columns=_TARGET_COLUMNS)
    out = pd.concat(parts, ignore_index=True).reindex(columns=_TARGET_COLUMNS, fill_value="")
    out["value"] = pd.to_numeric(out["value"], errors="coerce")
    out["year"] = pd.to_numeric(out["year"], errors="coerce").astype("Int64")
    found = doubts(out)
    stated = out["plausibility"].where(~out["plausibility"].isin(["", "ok", "合理"]), "")
    both = [
        "；".join(t for t in (said, seen) if t) or "ok"
        for said, seen in zip(stated, found, strict=True)
    ]
    out["plausibility"] = both
    repeated = out.loc[out["id"].duplicated(), "id"]
    for number in repeated:
        own.add("error", "duplicate_id", f"目标编号“{number}”重复", f"target “{number}” occurs twice",
                field="id")  # fmt: skip
    if log is None:
        own.raise_errors()
    return out


def doubts(targets: pd.DataFrame) -> pd.Series:
    """Return why a figure cannot be, ``""`` where nothing speaks against it.

    A share above 100 %, a negative amount, a year out of this century. Flow per head: a capacity
    in m³/d against the people of the same source and topic, above 400 L per head and day.
    """
    value = pd.to_numeric(targets["value"], errors="coerce")
    year = pd.to_numeric(targets["year"], errors="coerce")
    unit = targets["unit"].astype(str)
    out = pd.Series("", index=targets.index, dtype=object)
    out[unit.isin(["%", "％"]) & ((value > 100) | (value < 0))] = "比例超出0–100%"
    out[value < 0] = "数值为负"
    out[(year < 2000) | (year > 2060)] = "年份不合理"
    people = {"人": 1.0, "万人": 1e4}
    flow = {"m³/d": 1.0, "m3/d": 1.0, "吨/日": 1.0, "立方米/日": 1.0, "万吨/日": 1e4, "万m³/d": 1e4}
    for _, part in targets.groupby(["source", "scope"], sort=False):
        heads = part[unit[part.index].isin(people)]
        flows = part[unit[part.index].isin(flow)]
        for row in flows.index:
            same = heads[heads["quote"].eq(part.loc[row, "quote"]) & heads["quote"].ne("")]
            if same.empty:
                continue
            served = float((value[same.index] * unit[same.index].map(people)).max())
            litres = value[row] * flow[unit[row]] * 1000.0 / served if served else np.inf
            if litres > 400.0:
                out[row] = f"合每人每日{litres:.0f}升，不合常理"
    return out


def progress(targets: pd.DataFrame, measured: Mapping[str, float] | None = None) -> pd.DataFrame:
    """Return the ledger with what has been measured against it.

    Parameters
    ----------
    measured
        Measured value by target ``id``. A doubtful figure is never compared.

    Returns
    -------
    TARGETS with ``measured``, ``met`` (nullable boolean) and ``status``: ``no data`` until
    something is measured, then ``measured``.
    """
    out = targets.copy()
    out["measured"] = out["id"].map(dict(measured or {})).astype(float)
    doubtful = ~out["plausibility"].isin(["ok", "合理"])
    known = out["measured"].notna() & ~doubtful
    m, v = out["measured"], out["value"].astype(float)
    held = pd.Series(
        np.select(
            [out["relation"].eq(">="), out["relation"].eq("<="), out["relation"].eq("~")],
            [m >= v, m <= v, (m - v).abs() <= 0.1 * v.abs()],
            m >= v,
        ),
        index=out.index,
    ).astype("boolean")
    out["met"] = held.where(known)
    out["status"] = np.where(out["measured"].notna(), "measured", NO_DATA)
    return out


# ---------------------------------------------------------------------------------------------
# The numbers of the first run
# ---------------------------------------------------------------------------------------------


def first_run_numbers(
    village_list: pd.DataFrame | None,
    villages: gpd.GeoDataFrame,
    coverage: pd.DataFrame,
) -> pd.DataFrame:
    """Return the handful of numbers that a run ends with, all counted from its tables.

    Parameters
    ----------
    village_list
        `VillageList.table`: one row per printed village and list; None without a list.
    villages, coverage
        VILLAGES and COVERAGE of the run.

    Returns
    -------
    Table ``key, item, value``; item is `Text`, value is text (``5/60``) ready to print.
    """
    rows: list[tuple[str, Text, str]] = []
    if village_list is not None and len(village_list):
        rows += _list_numbers(village_list)
    listed = villages["lists"].fillna("").astype(str).ne("")
    subject = villages[listed] if listed.any() else villages
    who = Text("名单村", "listed villages") if listed.any() else Text("全部村", "all villages")
    own = subject[subject["basis"].eq(str(Basis.POINT))]
    shared = own["match"].eq(str(Match.SETTLEMENT))
    old = own["evidence"].fillna("").astype(str).str.contains("1911") & ~shared

    def places(table: gpd.GeoDataFrame) -> int:
        return len(set(zip(table.geometry.x.round(1), table.geometry.y.round(1), strict=True)))

    region = subject["basis"].eq(str(Basis.REGION))
    none = subject["basis"].eq(str(Basis.NONE))
    rows += [
        ("villages", Text("村级单元（含无代码的名单村）", "units, listed villages without code included"),
         str(len(villages))),
        ("points_own", Text(f"{who.zh}：有自己的点位", f"{who.en} with a point of their own"),
         str(int((~shared).sum()))),
    ]  # fmt: skip
    if old.any():
        rows.append(("points_1911", Text("　其中来自1911年图层", "  of these from the 1911 layer"),
                     str(int(old.sum()))))  # fmt: skip
    rows += [
        ("points_shared", Text(f"{who.zh}：共用镇区点位的村数／点数", f"{who.en} on shared town points / points"),
         f"{int(shared.sum())}/{places(own[shared])}"),
        ("places", Text(f"{who.zh}：不同的点位", f"{who.en}, distinct places"), str(places(own))),
        ("region_only", Text(f"{who.zh}：仅知所在区域", f"{who.en} known by region only"),
         str(int(region.sum()))),
    ]  # fmt: skip
    if none.any():
        rows.append(("unlocated", Text(f"{who.zh}：无任何位置依据", f"{who.en} without any position"),
                     str(int(none.sum()))))  # fmt: skip
    same = coverage["reason"].eq(str(Reason.SAME_POINT))
    for (service, tier), part in coverage[same].groupby(["service", "tier"], sort=False):
        name = value_text("tier", tier)
        inside = part["code"].isin(set(villages.loc[listed, "code"]))
        rows.append((f"same_point_{service}_{tier}",
                     Text(f"{name.zh}：与假定设施同点、不评估（其中名单村）",
                          f"{name.en}: same point as assumed, not assessed (of these listed)"),
                     f"{len(part)} ({int(inside.sum())})"))  # fmt: skip
    for (service, tier), part in coverage.groupby(["service", "tier"], sort=False):
        name = value_text("tier", tier)
        known = int(part["covered"].notna().sum())
        rows.append((f"assessed_{service}_{tier}",
                     Text(f"{name.zh}：已评估／全部", f"{name.en}: assessed / all"),
                     f"{known}/{len(part)}"))  # fmt: skip
    return pd.DataFrame(rows, columns=["key", "item", "value"])


def _list_numbers(table: pd.DataFrame) -> list[tuple[str, Text, str]]:
    """Count rows by list and category, as printed and as proposed, and the overlap of the lists."""
    rows: list[tuple[str, Text, str]] = [
        ("list_rows", Text("名单行数", "list rows"), str(len(table)))
    ]
    order = ["精品示范村", "提档升级村", "环境整治村"]
    names = list(dict.fromkeys(table["list"].astype(str)))

    def split(part: pd.DataFrame, column: str) -> str:
        counts = part[column].value_counts()
        kinds = [k for k in order if k in set(part["category_printed"]) | set(part["category"])]
        return "/".join(str(int(counts.get(k, 0))) for k in kinds)

    for name in names:
        part = table[table["list"].astype(str).eq(name)]
        printed, proposed = split(part, "category_printed"), split(part, "category")
        value = f"{len(part)}: {printed}"
        if proposed != printed:
            value += f" → {proposed}"
        rows.append((f"list_{name}", Text(f"{name}名单：行数：精品/提档（印刷 → 建议）",
                     f"list {name}: rows: categories (printed → proposed)"), value))  # fmt: skip
    code = table["code"].fillna("").astype(str)
    identity = code.where(
        code.ne(""), table["township"].astype(str) + "|" + table["name"].astype(str)
    )
    on = {name: set(identity[table["list"].astype(str).eq(name)]) for name in names}
    if len(names) == 2:
        first, second = (on[name] for name in names)
        rows += [
            ("both", Text("两份名单都有", "on both lists"), str(len(first & second))),
            (f"only_{names[0]}", Text(f"只在{names[0]}", f"only on {names[0]}"), str(len(first - second))),
            (f"only_{names[1]}", Text(f"只在{names[1]}", f"only on {names[1]}"), str(len(second - first))),
        ]  # fmt: skip
    rows += [
        ("distinct", Text("不重复的村", "distinct villages"), str(identity.nunique())),
        ("without_code", Text("没有代码的村", "villages without a code"),
         str(identity[code.eq("")].nunique())),
    ]  # fmt: skip
    return rows
