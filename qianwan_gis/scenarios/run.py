"""Before and after, village by village, on one network and under the same draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from qianwan_gis import _io
from qianwan_gis import people as people_rule
from qianwan_gis._errors import Problem, ProblemLog, UsageError
from qianwan_gis._text import Lang, Text
from qianwan_gis.scenarios import roads as road_changes
from qianwan_gis.scenarios.facilities import facilities_after
from qianwan_gis.scenarios.model import Scenario
from qianwan_gis.schemas import Inventory, Reason, value_text
from qianwan_gis.services import Joint, compute_coverage, services
from qianwan_gis.services.choices import Choices, tiers
from qianwan_gis.services.words import reason_texts
from qianwan_gis.uncertainty import total_covered

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis.indicators import Disclosure
    from qianwan_gis.network import RoadNetwork
    from qianwan_gis.services.ground import Ground
    from qianwan_gis.standards import Standards
    from qianwan_gis.uncertainty import Draws

    Bools = NDArray[np.bool_]

Key = tuple[str, str]

CHANGE_TEXT: dict[str, Text] = {
    "lost": Text("失去覆盖", "loses coverage"),
    "gained": Text("新覆盖", "gains coverage"),
    "undecided": Text("不再能判定", "no longer certain"),
    "decided": Text("变为可判定", "becomes certain"),
    "cut_off": Text("道路中断", "cut off"),
    "joined": Text("道路接通", "reached again"),
    "worse": Text("变远", "farther"),
    "better": Text("变近", "nearer"),
    "same": Text("不变", "same"),
}
HOLDS_TEXT: dict[str, Text] = {
    "all": Text("各次抽样都成立", "in all draws"),
    "some": Text("部分抽样成立", "in some draws"),
    "none": Text("覆盖与否不变", "coverage stays"),
    "": Text("未评估", "not assessed"),
}
#: Column headings of the tables.
COLUMN_TEXT: dict[str, Text] = {
    "code": Text("村庄代码", "Village code"),
    "name": Text("村名", "Village"),
    "township": Text("乡镇", "Township"),
    "service": Text("服务", "Service"),
    "tier": Text("层级", "Tier"),
    "change": Text("变化", "Change"),
    "holds": Text("是否肯定", "How sure"),
    "p_change": Text("变化的抽样比例", "Share of draws that change"),
    "covered_before": Text("情景前", "Before"),
    "covered_after": Text("情景后", "After"),
    "minutes_before": Text("情景前时间（分）", "Minutes before"),
    "minutes_after": Text("情景后时间（分）", "Minutes after"),
    "delta": Text("相差（分）", "Difference (min)"),
    "facility_before": Text("情景前设施", "Facility before"),
    "facility_after": Text("情景后设施", "Facility after"),
    "reason": Text("情景后原因", "Reason after"),
    "villages": Text("村数", "Villages"),
    "assessed": Text("前后均已评估", "Assessed both times"),
    "lost": Text("失去覆盖", "Lost"),
    "gained": Text("新覆盖", "Gained"),
    "worse": Text("变远", "Farther"),
    "better": Text("变近", "Nearer"),
    "undecided": Text("不再能判定", "No longer certain"),
    "cut_off": Text("道路中断", "Cut off"),
    "net": Text("限值内村数增减", "Villages within the limit, net"),
    "net_low": Text("增减下限", "Net, low"),
    "net_high": Text("增减上限", "Net, high"),
    "people_lost": Text("失去覆盖人口", "People who lose"),
    "people_gained": Text("新覆盖人口", "People who gain"),
    "road": Text("道路", "Road"),
    "road_class": Text("等级", "Class"),
    "what": Text("变动", "What"),
    "pieces": Text("段数", "Pieces"),
    "km": Text("公里", "km"),
}


class PlanLike(Protocol):
    """What of a plan a scenario needs."""

    standards: Standards
    choices: Choices

    @property
    def villages(self) -> gpd.GeoDataFrame: ...  # noqa: D102
    @property
    def regions(self) -> gpd.GeoDataFrame: ...  # noqa: D102
    @property
    def roads(self) -> gpd.GeoDataFrame: ...  # noqa: D102
    @property
    def network(self) -> RoadNetwork: ...  # noqa: D102
    @property
    def ground(self) -> Ground | None: ...  # noqa: D102
    @property
    def facilities(self) -> gpd.GeoDataFrame: ...  # noqa: D102
    @property
    def inventories(self) -> dict[Key, Inventory]: ...  # noqa: D102
    @property
    def townships(self) -> gpd.GeoDataFrame: ...  # noqa: D102
    @property
    def draws(self) -> Draws: ...  # noqa: D102
    @property
    def crs(self) -> Any: ...  # noqa: D102
    @property
    def disclosure(self) -> Disclosure: ...  # noqa: D102

    def measure(
        self, roads: gpd.GeoDataFrame, *, planned: bool = False, log: ProblemLog | None = None
    ) -> tuple[RoadNetwork, Ground | None]:
        """Make a network as the plan measures travel."""

    def assessed(self, keys: tuple[Key, ...]) -> tuple[pd.DataFrame, Joint]:
        """Return the coverage of some tiers as it is, with the verdict of every draw."""


@dataclass(frozen=True)
class ScenarioResult:
    """What a scenario changes.

    Attributes
    ----------
    scenario
        What was asked.
    changes
        One row per village and tier: ``code, name, township, service, tier, change, holds,
        p_change, covered_before, covered_after, minutes_before, minutes_after, delta,
        facility_before, facility_after, reason``. ``change`` is lost, gained, undecided, decided,
        cut_off, joined, worse, better or same; ``holds`` says whether the village is on the other
        side of the limit in all of the draws (``all``), in some, or in none of them. Before and
        after stand on the same draws of everything uncertain.
    summary
        One row per tier: villages, how many assessed, covered before and after, lost, gained, no
        longer certain, cut off, farther, nearer; ``net`` villages within the limit with 5-95 % of the draws; people
        who lose and gain where the data bear figures in people.
    lines
        Roads that are different: ``road``, ``road_class``, ``what``, ``metres``, geometry.
    before, after
        COVERAGE of both.
    problems
        What the reader must know.
    """

    scenario: Scenario
    changes: pd.DataFrame
    summary: pd.DataFrame
    lines: gpd.GeoDataFrame
    before: pd.DataFrame
    after: pd.DataFrame
    problems: tuple[Problem, ...] = ()

    @property
    def title(self) -> Text:
        """The scenario's name."""
        return self.scenario.title

    @property
    def file(self) -> str:
        """Name of the file that `write` makes."""
        return f"scenario_{self.scenario.file_name}.csv"

    @property
    def changed(self) -> pd.DataFrame:
        """The rows that change: who loses first, then who gains, then by minutes."""
        order = list(CHANGE_TEXT)
        rows = self.changes[self.changes["change"] != "same"]
        rank = rows["change"].map(order.index)
        size = -rows["delta"].abs().fillna(np.inf)
        keyed = rows.assign(_rank=rank, _size=size)
        keyed = keyed.sort_values(["_rank", "_size", "service", "tier", "code"], kind="stable")
        return keyed.drop(columns=["_rank", "_size"]).reset_index(drop=True)

    def in_words(
        self, table: pd.DataFrame, lang: Lang = "zh", *, titles: bool = True
    ) -> pd.DataFrame:
        """Return one of the tables with readers' words instead of codes, columns titled."""
        made = table.copy()
        words: dict[str, Mapping[str, Text]] = {
            "change": CHANGE_TEXT, "holds": HOLDS_TEXT, "what": road_changes.WHAT_TEXT,
        }  # fmt: skip
        states = {True: Text("覆盖", "covered"), False: Text("未覆盖", "not covered")}
        for name in made.columns:
            if name in words:
                made[name] = [words[name][v].get(lang) for v in made[name]]
            elif name in ("service", "tier"):
                made[name] = [value_text(name, v).get(lang) for v in made[name]]
            elif name in ("covered_before", "covered_after") and made[name].dtype == "boolean":
                unknown = Text("未知", "unknown")
                made[name] = [
                    (unknown if pd.isna(v) else states[bool(v)]).get(lang) for v in made[name]
                ]
            elif name == "reason" and "covered_after" in made.columns:
                made[name] = self._reasons(table, lang)
        if not titles:
            return made
        return made.rename(columns={c: COLUMN_TEXT[c].get(lang) for c in made if c in COLUMN_TEXT})

    def _reasons(self, table: pd.DataFrame, lang: Lang) -> list[str]:
        keys = ["code", "service", "tier"]
        rows = table[[*keys, "reason"]].merge(
            self.after.drop(columns="reason"), on=keys, how="left"
        )
        return [text.get(lang) for text in reason_texts(rows)]

    def write(self, folder: str | Path, lang: Lang = "zh") -> Path:
        """Write ``scenario_<name>.csv``: every village and tier, before and after.

        UTF-8 with a mark for Excel; column names stay as in ``changes``, with the words of coded
        columns beside them.
        """
        table = self.changes.copy()
        words = self.in_words(self.changes, lang)
        for name in ("change", "holds", "reason"):
            place = int(table.columns.get_indexer([name])[0]) + 1
            table.insert(place, f"{name}_text", words[COLUMN_TEXT[name].get(lang)])
        for name in table.columns:
            if table[name].dtype == object or pd.api.types.is_string_dtype(table[name]):
                table[name] = [
                    f"'{v}" if str(v).startswith(("=", "+", "-", "@", "\t", "\r")) else v
                    for v in table[name]
                ]
        text = table.to_csv(index=False, lineterminator="\r\n")
        return _io.write_bytes(Path(folder) / self.file, text.encode("utf-8-sig"))


def evaluate(plan: PlanLike, scenario: Scenario) -> ScenarioResult:
    """Compute what a scenario changes.

    Raises
    ------
    DataError
        Roads, classes, facilities or villages that do not exist (the nearest names are offered),
        layers that touch no road, files that cannot be read: all at once.
    """
    log = ProblemLog()
    keys = _keys(scenario, log)
    choices = scenario.choose(plan.choices)
    facilities = facilities_after(plan, scenario, log)
    made = road_changes.prepare(plan, scenario, log)
    if made.new:
        before, joint_before = _coverage(
            plan, keys, made.before, made.ground, plan.facilities, plan.choices, plan.standards
        )
    else:
        before, joint_before = plan.assessed(keys)
    after, joint_after = _coverage(
        plan, keys, made.after, made.ground_after, facilities, choices,
        plan.standards.replace(_other_limits(plan, scenario)),
        made if made.moves else None,
    )  # fmt: skip
    after = _cut_off(before, after, changed=bool(made.closed.any()))
    full = {key for key in keys if key in plan.choices.capacity or key in choices.capacity}
    changes = _changes(plan, before, after, joint_before, joint_after, full)
    summary = _summary(plan, changes, joint_before, joint_after, keys)
    return ScenarioResult(
        scenario, changes, summary, made.lines, before, after, tuple(log.problems)
    )


def _keys(scenario: Scenario, log: ProblemLog) -> tuple[Key, ...]:
    """Return the tiers to compare: those named, or all that are measured by travel time."""
    every = [(s.service, s.tier) for s in services() if s.physics == "access"]
    if not scenario.only:
        return tuple(every)
    wanted: set[Key] = set()
    for name in scenario.only:
        service, _, tier = name.partition(".")
        try:
            wanted |= {(s.service, s.tier) for s in tiers(service, tier)}
        except UsageError as error:
            log.add("error", "bad_setting", error.text.zh, error.text.en, field="only")
    return tuple(key for key in every if key in wanted)


def _other_limits(plan: PlanLike, scenario: Scenario) -> dict[str, float]:
    """Return the limits that the scenario itself sets, by the norm's key."""
    own = scenario.choose(Choices()).limit
    return {key: value for key, value in own.items() if plan.standards.value(key) != value}


def _coverage(
    plan: PlanLike, keys: tuple[Key, ...], network: RoadNetwork, ground: Ground | None,
    facilities: gpd.GeoDataFrame, choices: Choices, standards: Standards,
    made: road_changes.Roads | None = None,
) -> tuple[pd.DataFrame, Joint]:  # fmt: skip
    joint = Joint()
    inventories = dict(plan.inventories)
    for service, tier in zip(facilities["service"], facilities["tier"], strict=True):
        # a facility where none was on record: what else there may be is not known
        if inventories.get((service, tier), Inventory.NONE) == Inventory.NONE:
            inventories[service, tier] = Inventory.PARTIAL
    table = compute_coverage(
        plan.villages, plan.regions, network, facilities, inventories, standards, plan.draws,
        seats=plan.townships, joint=joint, ground=ground, only=keys,
        place=made.places if made is not None else None, **choices.options(),
    )  # fmt: skip
    return table, joint


def _cut_off(before: pd.DataFrame, after: pd.DataFrame, *, changed: bool) -> pd.DataFrame:
    """Say "road closed" where a village reached a facility before and reaches none now."""
    if not changed:
        return after
    now = _no_way(after) & ~_no_way(before)
    return after.assign(reason=np.where(now, str(Reason.ROAD_CLOSED), after["reason"]))


# ---- comparing -----------------------------------------------------------------------------


def _changes(
    plan: PlanLike, before: pd.DataFrame, after: pd.DataFrame, joint_before: Joint,
    joint_after: Joint, full: set[Key],
) -> pd.DataFrame:  # fmt: skip
    """Compare two coverages of the same villages and tiers, row by row."""
    villages = pd.DataFrame(plan.villages)[["code", "name", "township"]].astype(str)
    villages = villages.drop_duplicates("code").set_index("code")
    keys = before[["code", "service", "tier"]].astype(str).reset_index(drop=True)
    red = before["service"].map(
        {s: plan.disclosure.red_uncovered(s) for s in before["service"].unique()}
    ).to_numpy(bool)  # fmt: skip
    verdicts = []
    for table in (before, after):
        covered = table["covered"].astype("boolean").array.copy()
        # "not covered" that the register does not bear is told as unknown
        covered[~red & ~table["covered"].astype("boolean").fillna(value=True).to_numpy(bool)] = (
            pd.NA
        )
        verdicts.append(covered)
    places = 1 if plan.disclosure.decimal_minutes else 0
    minutes = [table["minutes"].astype(float).round(places).to_numpy() for table in (before, after)]
    delta = np.round(minutes[1] - minutes[0], places)
    p_change, known = _shares(keys, joint_before, joint_after)
    limited = np.array([key in full for key in zip(keys["service"], keys["tier"], strict=True)])
    known &= ~limited  # the draws know nothing of full facilities
    holds = np.where(
        ~known, "",
        np.where(p_change >= 1.0, "all", np.where(p_change > 0.0, "some", "none")),
    )  # fmt: skip
    return pd.DataFrame(
        {
            "code": keys["code"],
            "name": villages["name"].reindex(keys["code"]).to_numpy(),
            "township": villages["township"].reindex(keys["code"]).to_numpy(),
            "service": keys["service"],
            "tier": keys["tier"],
            "change": _kinds(
                verdicts[0],
                verdicts[1],
                minutes[0],
                minutes[1],
                delta,
                _no_way(before),
                _no_way(after),
            ),
            "holds": holds,
            "p_change": np.where(known, np.round(p_change, 4), np.nan),
            "covered_before": verdicts[0],
            "covered_after": verdicts[1],
            "minutes_before": minutes[0],
            "minutes_after": minutes[1],
            "delta": delta,
            "facility_before": before["facility_id"].astype(object).fillna("").to_numpy(object),
            "facility_after": after["facility_id"].astype(object).fillna("").to_numpy(object),
            "reason": after["reason"].to_numpy(object),
        }
    )


def _no_way(table: pd.DataFrame) -> Bools:
    """Whether no facility can be reached at all."""
    gone = [str(Reason.NO_ROAD), str(Reason.OTHER_COMPONENT), str(Reason.ROAD_CLOSED)]
    return np.asarray(table["reason"].isin(gone), dtype=np.bool_)


def _kinds(
    old: Any, new: Any, minutes_old: Any, minutes_new: Any, delta: Any, cut_old: Bools,
    cut_new: Bools,
) -> NDArray[np.object_]:  # fmt: skip
    """Return the kind of change of every row; a change of the verdict goes before one of minutes.

    Minutes that appear or go without a road do so because a long way is not printed against a
    partial register: that is nearer, or farther.
    """
    was, now = pd.isna(old), pd.isna(new)
    yes_old, yes_new = (np.asarray(pd.array(v).fillna(value=False), bool) for v in (old, new))
    seen_old, seen_new = ~np.isnan(minutes_old), ~np.isnan(minutes_new)
    kind = np.select(
        [
            yes_old & ~yes_new & ~now,
            yes_new & ~yes_old & ~was,
            ~was & now,
            was & ~now,
            cut_new & ~cut_old,
            cut_old & ~cut_new,
            (delta > 0) | (seen_old & ~seen_new),
            (delta < 0) | (seen_new & ~seen_old),
        ],
        ["lost", "gained", "undecided", "decided", "cut_off", "joined", "worse", "better"],
        "same",
    )
    return kind.astype(object)


def _shares(keys: pd.DataFrame, before: Joint, after: Joint) -> tuple[NDArray[np.float64], Bools]:
    """Return in which share of the draws each row changes sides, and where that is known."""
    share = np.zeros(len(keys))
    known = np.zeros(len(keys), bool)
    for key, rows in keys.groupby(["service", "tier"], sort=False).indices.items():
        if key not in before.within or key not in after.within:
            continue
        share[rows] = (before.within[key] != after.within[key]).mean(axis=1)
        known[rows] = before.assessed[key] & after.assessed[key]
    return share, known


def _summary(
    plan: PlanLike, changes: pd.DataFrame, joint_before: Joint, joint_after: Joint,
    keys: tuple[Key, ...],
) -> pd.DataFrame:  # fmt: skip
    """Count by tier; people only where most villages share one definition."""
    agreed = people_rule.agreement(pd.DataFrame(plan.villages))
    heads = None
    if agreed is not None and agreed.enough and plan.disclosure.people:
        figures = pd.to_numeric(plan.villages["population"], errors="coerce").to_numpy(float)
        heads = np.where(agreed.rows, np.nan_to_num(figures), 0.0)
    rows = []
    for key in keys:
        part = changes[changes["service"].eq(key[0]) & changes["tier"].eq(key[1])]
        if part.empty:
            continue
        kinds = part["change"].value_counts()
        old, new = (part[f"covered_{w}"].astype("boolean") for w in ("before", "after"))
        row: dict[str, Any] = {
            "service": key[0],
            "tier": key[1],
            "villages": len(part),
            "assessed": int((old.notna() & new.notna()).sum()),
            "covered_before": int(old.fillna(value=False).sum()),
            "covered_after": int(new.fillna(value=False).sum()),
            **{
                k: int(kinds.get(k, 0))
                for k in ("lost", "gained", "undecided", "cut_off", "worse", "better")
            },
            "net": np.nan,
            "net_low": np.nan,
            "net_high": np.nan,
        }
        if key in joint_before.within and key in joint_after.within:
            both = joint_before.assessed[key] & joint_after.assessed[key]
            # the same draws before and after: what is uncertain about both does not blur the change
            gain = joint_after.within[key][both].astype(int) - joint_before.within[key][both]
            row["net"], row["net_low"], row["net_high"] = total_covered(gain)
        if heads is not None:
            for kind in ("lost", "gained"):
                row[f"people_{kind}"] = float(heads[part["change"].eq(kind).to_numpy()].sum())
        rows.append(row)
    return pd.DataFrame(rows)
