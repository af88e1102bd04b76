"""Where the next facilities should go in a county, what each adds, and how sure that is.

`propose` takes a plan's tables, keeps the existing facilities, and chooses new sites among the
villages (or given places) so that the most people, or villages, come within the tier's limit.

Positions are uncertain, so the choice maximises the *expected* cover over joint draws of where
everything stands (a sample average of the maximal covering problem, Church and ReVelle 1974): one
row per village and draw. The chosen sites are then judged over all draws: probability per village
before and after, ranges of the totals, in how many draws each site belongs to that draw's own
best set, and how much is lost against that best set. What holds in 95 % of the draws is told
apart from what does not.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, cast

import numpy as np
import pandas as pd
import pydantic
import shapely

from qianwan_gis import _io, datum, indicators, siting
from qianwan_gis._errors import DataError, Problem, ProblemLog, UsageError
from qianwan_gis._text import Text
from qianwan_gis.schemas import Basis, FacilityBasis, Inventory, value_text
from qianwan_gis.services import Joint, access, services
from qianwan_gis.uncertainty import SURE, Positions

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis.network import RoadNetwork
    from qianwan_gis.services import Service
    from qianwan_gis.siting import Siting
    from qianwan_gis.standards import Standards
    from qianwan_gis.uncertainty import Draws

    Array = NDArray[np.float64]
    Bools = NDArray[np.bool_]

Weigh = Literal["auto", "people", "villages"]

#: Draws that the choice itself looks at, and the rows x candidates that they may make at most.
_CHOICE_DRAWS = 25
_CHOICE_CELLS = 20_000_000
_FEWEST_DRAWS = 5

#: Column headings of the tables.
COLUMN_TEXT: dict[str, Text] = {
    "order": Text("序号", "No."),
    "site_id": Text("选址编号", "Site"),
    "name": Text("名称", "Name"),
    "township": Text("乡镇", "Township"),
    "lon": Text("经度", "Longitude"),
    "lat": Text("纬度", "Latitude"),
    "villages": Text("新增覆盖村数（期望）", "Villages added (expected)"),
    "villages_low": Text("新增村数下限", "Villages added, low"),
    "villages_high": Text("新增村数上限", "Villages added, high"),
    "people": Text("新增覆盖人口（期望）", "People added (expected)"),
    "people_low": Text("新增人口下限", "People added, low"),
    "people_high": Text("新增人口上限", "People added, high"),
    "villages_sure": Text("确定新增村数", "Villages surely added"),
    "p_chosen": Text("入选比例（各次抽样）", "Share of draws that choose it"),
    "load": Text("承担需求", "Demand served"),
    "second": Text("得到第二处设施的需求", "Demand with a second facility"),
    "cost": Text("造价", "Cost"),
    "added": Text("新增处数", "Sites added"),
    "covered": Text("覆盖合计（期望）", "Covered in all (expected)"),
    "best": Text("同等处数的最优", "Best for that number"),
    "bound": Text("已证明的上界", "Proven bound"),
    "gap": Text("与上界之差", "Gap to the bound"),
    "code": Text("村代码", "Village code"),
    "p_before": Text("现状覆盖概率", "Probability before"),
    "p_after": Text("增设后覆盖概率", "Probability after"),
    "verdict": Text("结论", "Verdict"),
}

VERDICT_TEXT: dict[str, Text] = {
    "gained": Text("确定新增", "gained"),
    "likely": Text("可能新增", "likely gained"),
    "possible": Text("或可新增", "possibly gained"),
}


class PlanLike(Protocol):
    """What of a plan a proposal needs."""

    @property
    def villages(self) -> gpd.GeoDataFrame:
        """VILLAGES."""

    @property
    def regions(self) -> gpd.GeoDataFrame:
        """REGIONS."""

    @property
    def network(self) -> RoadNetwork:
        """The road network."""

    @property
    def facilities(self) -> gpd.GeoDataFrame:
        """FACILITIES."""

    @property
    def inventories(self) -> dict[tuple[str, str], Inventory]:
        """How complete each register is."""

    @property
    def townships(self) -> gpd.GeoDataFrame:
        """Township seats."""

    @property
    def draws(self) -> Draws:
        """The joint draws."""

    @property
    def disclosure(self) -> indicators.Disclosure:
        """What the data bear."""

    standards: Standards


@dataclass(frozen=True)
class Proposal:
    """Proposed sites and everything said of them.

    Attributes
    ----------
    service, tier, limit, unit
        What is sited and the limit that counts, inclusive.
    weigh
        ``people`` or ``villages``: what the choice maximised.
    weigh_text
        The same for readers, with the definition of the population.
    refused
        Why there is no proposal at all (thin data); None when there is one.
    status, method, objective, bound, gap
        As in `siting.Siting`, for the last step of the choice; in the unit of ``weigh``.
    sites
        One row per proposed site in the order to build them: ``order, site_id, name, township, lon,
        lat, villages, villages_low, villages_high, villages_sure`` (gains when the earlier ones
        stand; expected, and 5-95 % of the joint draws), the same for ``people`` where the 80 % rule
        allows, ``p_chosen`` (empty with capacities or backup), ``load`` (with capacities), ``second``
        (with backup: demand with one facility in reach that gets a second one), ``cost`` (with
        costs).
    gains
        One row per village that gains: ``code, name, township, site_id, p_before, p_after,
        people, verdict``.
    curve
        One row per number of sites from 0: ``added, villages, villages_low, villages_high, people…,
        covered, best, bound, gap``. ``covered`` belongs to the proposal's own sites in their order,
        ``best`` to the best set of that size; both expected, in the unit of ``weigh``.
    regret
        Share of the best possible gain of a draw that the proposal misses in that draw: median
        and 95 % over the draws; NaN where no draw can gain.
    layers
        ``proposed_sites`` (points), ``proposed_gains`` (villages that gain), ``proposed_links``
        (straight lines village to site).
    problems
        What the reader must know.
    """

    service: str
    tier: str
    limit: float
    unit: str
    weigh: str
    weigh_text: Text
    refused: Text | None
    status: str
    method: str
    objective: float
    bound: float
    gap: float
    sites: pd.DataFrame
    gains: pd.DataFrame
    curve: pd.DataFrame
    regret: tuple[float, float] = (float("nan"), float("nan"))
    layers: Mapping[str, gpd.GeoDataFrame] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name: ``sites``, ``gains``, ``curve``."""
        return {"sites": self.sites, "gains": self.gains, "curve": self.curve}


def write(proposal: Proposal, folder: str | Path) -> list[Path]:
    """Write the tables as CSV (UTF-8 with BOM, so that Excel reads it) and the layers as GeoJSON.

    Returns
    -------
    The files written; none without a proposal. GeoJSON is in WGS84 longitude and latitude.
    """
    target = Path(folder)
    if proposal.refused is not None:
        return []
    with _io.staged_folder(target) as staged:
        for name, table in proposal.tables().items():
            text = table.to_csv(index=False, lineterminator="\n")
            _io.write_bytes(staged / f"{name}.csv", text.encode("utf-8-sig"))
        for name, layer in proposal.layers.items():
            _io.write_text(staged / f"{name}.geojson", layer.to_crs(datum.WGS84).to_json())
    return sorted(target.iterdir())


def headings(table: pd.DataFrame) -> list[Text]:
    """Return what readers see above the columns of one of the tables."""
    return [COLUMN_TEXT.get(str(c), Text(str(c), str(c))) for c in table.columns]


def read_candidates(path: str | Path, crs: Any) -> gpd.GeoDataFrame:
    """Read a layer of candidate points (``id``, ``name``) into a projected CRS."""
    log = ProblemLog()
    layer = _io.read_layer(Path(path), kind="Point", log=log)
    log.raise_errors()
    return layer.to_crs(crs)


class Scenario(pydantic.BaseModel):
    """A scenario file: what to site under which rules (``qianwan site --scenario FILE``).

    All keys are optional. ``forbidden`` and ``mandatory`` are site ids: village codes, or the
    ``id`` of the candidates file. ``costs`` are by site id, ``cost`` is that of all others.
    ``candidates`` is a point layer with ``id`` and ``name``, relative to the scenario file.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    title: str = ""
    standards: dict[str, Any] = {}
    tier: str = ""
    add: int | None = pydantic.Field(default=None, ge=1)
    weigh: Weigh = "auto"
    forbidden: list[str] = []
    mandatory: list[str] = []
    budget: float | None = pydantic.Field(default=None, ge=0)
    cost: float = pydantic.Field(default=1.0, ge=0)
    costs: dict[str, float] = {}
    capacity: float | None = pydantic.Field(default=None, gt=0)
    per_capacity: float = pydantic.Field(default=1.0, gt=0)
    backup: float = pydantic.Field(default=0.0, ge=0, le=1)
    candidates: Path | None = None

    def options(self) -> dict[str, Any]:
        """Return the keyword options of `propose` that the scenario sets, candidates excepted."""
        names = ("weigh", "forbidden", "mandatory", "budget", "cost", "costs", "capacity",
                 "per_capacity", "backup")  # fmt: skip
        return {name: getattr(self, name) for name in names}


def read_scenario(path: str | Path) -> Scenario:
    """Read a scenario file (TOML); every fault is reported at once as a `DataError`."""
    file = Path(path)
    log = ProblemLog()
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        scenario = Scenario.model_validate(content)
    except (OSError, UnicodeDecodeError) as error:
        log.add(
            "error", "unreadable", f"读不了方案文件：{error}", f"cannot read: {error}", file=file
        )
    except tomllib.TOMLDecodeError as error:
        log.add("error", "bad_toml", f"不是有效的 TOML：{error}", f"not TOML: {error}", file=file)
    except pydantic.ValidationError as errors:
        for fault in errors.errors():
            log.add("error", "bad_value", f"{fault['msg']}", f"{fault['msg']}", file=file,
                    field=".".join(map(str, fault["loc"])))  # fmt: skip
    else:
        if scenario.candidates is not None:
            return scenario.model_copy(update={"candidates": file.parent / scenario.candidates})
        return scenario
    raise DataError(log.problems)


# ---------------------------------------------------------------------------------------------
# The proposal
# ---------------------------------------------------------------------------------------------


def propose(
    plan: PlanLike,
    service: str,
    tier: str = "",
    *,
    add: int = 3,
    weigh: Weigh = "auto",
    candidates: gpd.GeoDataFrame | None = None,
    forbidden: Iterable[str] = (),
    mandatory: Iterable[str] = (),
    budget: float | None = None,
    cost: float = 1.0,
    costs: Mapping[str, float] | None = None,
    capacity: float | None = None,
    per_capacity: float = 1.0,
    backup: float = 0.0,
) -> Proposal:
    """Choose ``add`` new sites of a tier; existing facilities stay.

    Parameters
    ----------
    plan
        Villages, regions, network, facilities, inventories, standards, draws, disclosure.
    service, tier
        A tier measured by travel time (``clinic`` with ``village``, ``township`` or ``county``); the
        first tier of the service when none is named.
    add
        How many, the mandatory ones included.
    weigh
        What to maximise. ``auto`` takes people where the 80 % rule allows, else villages.
    candidates
        Points that may be chosen with columns ``id`` and ``name``; the villages with a point
        otherwise. A site stands at its candidate's recorded place; one in a village serves that
        village in every draw.
    forbidden, mandatory
        Ids of candidates (village codes) that must stay out or be taken.
    budget, cost, costs
        Sum available; cost of a site by id, ``cost`` for the others.
    capacity, per_capacity
        Demand (people, or villages) that one new site can serve; existing facilities have their
        recorded ``capacity`` times ``per_capacity`` (people per bed, say), unlimited where unknown. A village is then served whole by one
        facility or not at all.
    backup
        Value of a second facility within the limit, between 0 and 1, as a share of the demand.

    Returns
    -------
    Proposal. With thin data ``refused`` says why and the tables are empty.

    Raises
    ------
    UsageError
        No such tier, ``add`` below 1, unknown ids, people asked for where the data forbid them.

    Notes
    -----
    Capacities and backup are solved on the recorded points alone (villages known by region take
    no part in the choice); the judgement over the draws is the same.
    """
    kind = _tier(service, tier)
    if add < 1:
        raise UsageError(Text(f"新增处数至少为1，给出的是{add}", f"add at least 1, not {add}"))
    limit = float(plan.standards.value(kind.limit))
    heads = indicators.one_definition(pd.DataFrame(plan.villages))
    if weigh == "people" and heads is None:
        why = plan.disclosure.reasons.get("people", Text("人口数据不足", "population is not known"))
        raise UsageError(Text(f"不能按人口选址：{why.zh}", f"cannot weigh by people: {why.en}"))
    by_people = heads is not None and weigh != "villages"
    unit = (
        Text(f"人口（{heads[0]}）", f"people ({heads[0]})")
        if by_people and heads is not None
        else Text("村庄", "villages")
    )
    refused = _refusal(plan, kind)
    if refused is not None:
        problem = Problem("siting_withheld", "warning", Text(
            f"资料不足，不提选址建议：{refused.zh}", f"no advice on sites: {refused.en}"))  # fmt: skip
        return _nothing(kind, limit, by_people, unit, refused, (problem,))
    case = _Case.of(plan, kind, limit, by_people, heads[1] if heads is not None else None,
                    candidates, forbidden, mandatory, costs or {}, cost)  # fmt: skip
    log = ProblemLog()
    if by_people and (case.people[case.located] == 0).any():
        n = int((case.people[case.located] == 0).sum())
        log.add("warning", "no_population", f"{n}个村没有同口径人口数，按人口选址时不计其人",
                f"{n} villages without a comparable population count as nobody")  # fmt: skip
    if not case.located.all():
        n = int((~case.located).sum())
        log.add("warning", "not_located", f"{n}个村没有位置，未计入", f"{n} villages have no position and take no part")  # fmt: skip
    if len(case.ids) < add:
        raise UsageError(Text(f"可选点只有{len(case.ids)}个，少于要增设的{add}处",
                              f"only {len(case.ids)} candidates for {add} sites"))  # fmt: skip
    rows = case.rows()
    if not len(rows.cover) and capacity is None and not backup:
        log.add(
            "note",
            "nothing_to_gain",
            "增设设施不能再覆盖更多村庄",
            "no candidate would cover any more village",
        )
        return _nothing(kind, limit, by_people, unit, None, tuple(log.problems))
    prices = {} if budget is None else {"site_costs": case.price, "budget": budget}
    extra: dict[str, Array] = {}
    if capacity is not None or backup:
        made, extra = case.nominal(add, capacity, per_capacity, backup, prices)
        steps = []  # the best without these rules says nothing of the best with them
    else:
        steps = _steps(case, rows, add, prices)
        made = steps[-1]
    if made.status == "infeasible":
        log.problems.extend(Problem("infeasible", "warning", reason) for reason in made.reasons)
        empty = _nothing(kind, limit, by_people, unit, None, tuple(log.problems))
        return replace(empty, status="infeasible")
    return _judge(case, rows, made, extra, steps, prices, unit, log, priced=bool(prices or costs))


def _tier(service: str, tier: str) -> Service:
    """Return the tier asked for, of those measured by travel time."""
    able = [s for s in services() if s.physics == "access"]
    found = [s for s in able if s.service == service and (not tier or s.tier == tier)]
    if not found:
        there = ", ".join(f"{s.service} {s.tier}" for s in able)
        asked = f"{service} {tier}".strip()
        raise UsageError(
            Text(
                f"不能为“{asked}”选址；可选址的有：{there}",
                f"no siting for “{asked}”; there are: {there}",
            )
        )
    return found[0]


def _refusal(plan: PlanLike, kind: Service) -> Text | None:
    """Return why the data bear no advice on sites; None when they do."""
    if not plan.disclosure.siting:
        return plan.disclosure.reasons["siting"]
    inventory = Inventory(plan.inventories.get((kind.service, kind.tier), Inventory.NONE))
    if inventory is not Inventory.COMPLETE:
        name = value_text("service", kind.service)
        return Text(f"{name.zh}（{value_text('tier', kind.tier).zh}）的名录不完整",
                    f"the register of {name.en} ({kind.tier}) is not complete")  # fmt: skip
    return None


class _Rows(NamedTuple):
    """What is still to be covered: one row per distinct set of candidates in reach.

    ``cover`` (rows, candidates), ``weight`` by row (expected demand). ``draws`` holds for each draw
    of the choice its own cover and weight.
    """

    cover: Bools
    weight: Array
    draws: tuple[tuple[Bools, Array], ...]


@dataclass(frozen=True)
class _Case:
    """The tables of one question, villages and candidates in the order of their identifiers."""

    plan: PlanLike
    kind: Service
    limit: float
    by_people: bool
    villages: gpd.GeoDataFrame
    positions: Positions
    people: Array
    known_people: bool
    within: Bools
    places: gpd.GeoDataFrame
    host: NDArray[np.int64]
    forbidden: NDArray[np.int64]
    mandatory: NDArray[np.int64]
    price: Array

    @classmethod
    def of(
        cls,
        plan: PlanLike,
        kind: Service,
        limit: float,
        by_people: bool,
        heads: pd.Series | None,
        candidates: gpd.GeoDataFrame | None,
        forbidden: Iterable[str],
        mandatory: Iterable[str],
        costs: Mapping[str, float],
        cost: float,
    ) -> _Case:
        """Gather the tables and what is covered already, draw by draw."""
        villages = plan.villages.sort_values("code", ignore_index=True)
        positions = plan.draws.positions(villages, plan.regions)
        joint = Joint()
        access.coverage(
            kind, villages, positions, plan.network, plan.facilities, plan.inventories,
            plan.standards, plan.draws, seats=plan.townships, joint=joint,
        )  # fmt: skip
        none = np.zeros((len(villages), plan.draws.n), bool)
        codes = villages["code"].astype(str)
        places = _candidates(villages, candidates)
        ids = places["facility_id"].to_numpy(object)
        rows = {code: row for row, code in enumerate(codes)}
        people = np.zeros(len(villages)) if heads is None else heads.reindex(codes).to_numpy(float)
        numbers = {str(i): number for number, i in enumerate(ids)}
        unknown = sorted({*forbidden, *mandatory, *costs} - set(numbers))
        if unknown:
            there = "、".join(unknown)
            raise UsageError(Text(f"不在候选点之列：{there}", f"not among the candidates: {there}"))
        return cls(
            plan, kind, limit, by_people, villages, positions, np.nan_to_num(people),
            heads is not None, joint.within.get((kind.service, kind.tier), none), places,
            np.array([rows.get(str(i), -1) for i in ids], dtype=np.int64),
            np.array(sorted(numbers[str(i)] for i in set(forbidden)), dtype=np.int64),
            np.array(sorted(numbers[str(i)] for i in set(mandatory)), dtype=np.int64),
            np.array([costs.get(str(i), cost) for i in ids], dtype=float),
        )  # fmt: skip

    @property
    def ids(self) -> NDArray[np.object_]:
        """Identifiers of the candidates."""
        return np.asarray(self.places["facility_id"], dtype=np.object_)

    @property
    def located(self) -> Bools:
        """Which villages have a position at all."""
        return self.positions.located

    @property
    def weight(self) -> Array:
        """What each village counts in the choice."""
        return self.people if self.by_people else np.ones(len(self.villages))

    def few(self) -> NDArray[np.int64]:
        """Numbers of the draws that the choice looks at, evenly over all of them."""
        cells = max(1, len(self.villages) * len(self.places))
        count = min(max(_CHOICE_CELLS // cells, _FEWEST_DRAWS), _CHOICE_DRAWS, self.plan.draws.n)
        return np.unique(np.linspace(0, self.plan.draws.n - 1, count).astype(np.int64))

    def reach(self, sites: NDArray[np.int64], few: NDArray[np.int64]) -> Bools:
        """Return whether each village reaches each site: array (villages, draws, sites)."""
        out = np.zeros((len(self.villages), len(few), len(sites)), bool)
        open_ = np.flatnonzero(~self.within[:, few].all(axis=1) & self.located)
        if len(open_) and len(sites):
            part = Positions(
                self.positions.codes[open_], self.positions.xy[open_],
                self.positions.basis.iloc[open_],
            )  # fmt: skip
            found = access.pairs_in_reach(
                self.kind, self.villages.iloc[open_], part, self.plan.network,
                self.places.iloc[sites], self.plan.standards, self.plan.draws, few=few,
            )  # fmt: skip
            out[open_[found["village"]], found["draw"], found["place"]] = True
        housed = self.host[sites] >= 0
        out[self.host[sites][housed], :, np.flatnonzero(housed)] = True
        return out

    def rows(self) -> _Rows:
        """Return what is not covered yet in the draws of the choice."""
        few = self.few()
        reach = self.reach(np.arange(len(self.places)), few)
        left = ~self.within[:, few] & self.located[:, None]
        per_draw = []
        for k in range(len(few)):
            open_ = left[:, k] & reach[:, k].any(axis=1)
            per_draw.append(_merged(reach[open_, k], self.weight[open_]))
        village, draw = np.nonzero(left & reach.any(axis=2))
        cover, weight = _merged(reach[village, draw], self.weight[village] / len(few))
        return _Rows(cover, weight, tuple(per_draw))

    def nominal(
        self,
        add: int,
        capacity: float | None,
        per_capacity: float,
        backup: float,
        prices: Mapping[str, Any],
    ) -> tuple[Siting, dict[str, Array]]:
        """Choose on the recorded points, with the existing facilities as fixed sites."""
        import geopandas as gpd

        own = self.plan.facilities
        own = own[own["service"].eq(self.kind.service) & own["tier"].eq(self.kind.tier)]
        own = own.sort_values("facility_id", ignore_index=True)
        both = gpd.GeoDataFrame(
            pd.concat([own, self.places], ignore_index=True), geometry="geometry", crs=own.crs
        )
        has = (self.villages.geometry.notna() & ~self.villages.geometry.is_empty).to_numpy()
        villages = self.villages[has]
        xy = np.column_stack([villages.geometry.x, villages.geometry.y])
        still = Positions(
            self.positions.codes[has],
            np.repeat(xy[:, None], self.plan.draws.n, axis=1),
            self.positions.basis.iloc[np.flatnonzero(has)],
        )
        found = access.pairs_in_reach(
            self.kind, villages, still, self.plan.network, both, self.plan.standards,
            self.plan.draws, few=np.array([0]),
        )  # fmt: skip
        minutes = np.full((len(villages), len(both)), np.inf)
        minutes[found["village"], found["place"]] = found["minutes"]
        rows = {str(code): row for row, code in enumerate(villages["code"])}
        homes = [*own["village_code"].fillna("").astype(str), *self.ids]
        for site, code in enumerate(homes):
            if code in rows:
                minutes[rows[code], site] = 0.0
        n, weight = len(own), self.weight[has]
        room = None
        if capacity is not None:
            # Nobody can fill more than everybody: a finite number stands for "no limit".
            stock = (pd.to_numeric(own["capacity"]) * per_capacity).fillna(weight.sum())
            room = np.r_[stock, np.full(len(self.places), capacity)]
        options = dict(prices)
        if options:
            options["site_costs"] = np.r_[np.zeros(n), self.price]
        made = siting.mclp(
            minutes, weight, self.limit * (1 + 1e-12), n + add,
            fixed=[*range(n), *(n + self.mandatory)], forbidden=n + self.forbidden,
            capacity=room, backup_weight=backup, **options,
        )  # fmt: skip
        extra: dict[str, Array] = {}
        if room is not None:
            served = made.allocation >= 0
            load = np.bincount(made.allocation[served], weight[served], minlength=len(both))
            extra["load"] = load[n:].astype(np.float64)
        if backup:
            near = minutes <= self.limit * (1 + 1e-12)
            once = near[:, :n].sum(axis=1) == 1
            extra["second"] = (weight * once) @ near[:, n:]
        return replace(made, sites=made.sites[made.sites >= n] - n), extra


def _candidates(villages: gpd.GeoDataFrame, given: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame:
    """Return the candidates as FACILITIES rows in the order of their ids."""
    import geopandas as gpd

    source = villages[villages["basis"].eq(str(Basis.POINT))] if given is None else given
    if given is None:
        ids, names = source["code"], source["name"]
    else:
        missing = [name for name in ("id", "name") if name not in given.columns]
        if missing:
            raise UsageError(Text(f"候选点缺少字段：{'、'.join(missing)}",
                                  f"the candidates lack {', '.join(missing)}"))  # fmt: skip
        ids, names = given["id"], given["name"]
        if ids.astype(str).duplicated().any():
            twin = str(ids[ids.astype(str).duplicated()].iloc[0])
            raise UsageError(Text(f"候选点编号重复：{twin}", f"two candidates have the id {twin}"))
        source = given.to_crs(villages.crs)
    township = source["township"] if "township" in source.columns else ""
    table = pd.DataFrame(
        {
            "facility_id": ids.astype(str).to_numpy(),
            "name": names.astype(str).to_numpy(),
            "township": township if isinstance(township, str) else township.to_numpy(),
            "basis": str(FacilityBasis.ASSUMED),
            "uncertainty_m": 0.0,
            "village_code": "",
        }
    )
    made = gpd.GeoDataFrame(table, geometry=source.geometry.to_numpy(), crs=villages.crs)
    return made.sort_values("facility_id", ignore_index=True)


def _merged(cover: Bools, weight: Array) -> tuple[Bools, Array]:
    """Return rows with the same candidates in reach as one row, weights added up."""
    distinct, group = siting.distinct_rows(cover)
    return distinct, np.bincount(group, weight, minlength=len(distinct)).astype(float)


def _best(case: _Case, cover: Bools, weight: Array, p: int, prices: Mapping[str, Any]) -> Siting:
    return siting.mclp(
        np.where(cover, 0.0, np.inf), weight, 0.0, p,
        fixed=case.mandatory, forbidden=case.forbidden, **prices,
    )  # fmt: skip


def _steps(case: _Case, rows: _Rows, add: int, prices: Mapping[str, Any]) -> list[Siting]:
    """Return the best choice of each size from the mandatory sites (at least one) to ``add``."""
    first = max(1, len(case.mandatory))
    return [_best(case, rows.cover, rows.weight, p, prices) for p in range(first, add + 1)]


# ---------------------------------------------------------------------------------------------
# Judging the choice over all draws
# ---------------------------------------------------------------------------------------------


def _judge(
    case: _Case,
    rows: _Rows,
    made: Siting,
    extra: dict[str, Array],
    steps: list[Siting],
    prices: Mapping[str, Any],
    unit: Text,
    log: ProblemLog,
    *,
    priced: bool,
) -> Proposal:
    every = np.arange(case.plan.draws.n)
    sites = made.sites
    reach = case.reach(sites, every)
    order = _building_order(reach, case, np.isin(sites, case.mandatory))
    used, before = [], case.within.copy()
    totals = [_totals(case, before)]
    table, gains = [], []
    for place in order:
        after = before | reach[:, :, place]
        site = int(sites[place])
        if not (extra or site in case.mandatory or (after != before)[case.located].any()):
            continue  # p sites were asked for, and fewer do as well
        used.append(site)
        totals.append(_totals(case, after))
        row = {
            "order": len(used),
            "site_id": case.ids[site],
            "name": case.places["name"].iloc[site],
            "township": case.places["township"].iloc[site],
            **_added(totals[-2], totals[-1]),
            "villages_sure": int(
                ((after.mean(axis=1) >= SURE - 1e-9) & (before.mean(axis=1) < SURE - 1e-9)).sum()
            ),
        }
        row |= {name: float(values[site]) for name, values in extra.items()}
        if priced:
            row["cost"] = float(case.price[site])
        table.append(row)
        gains.append(_gained(case, before, after, site))
        before = after
    if len(used) < len(sites):
        log.add("note", "fewer_do", f"再增设不能覆盖更多村庄，{len(used)}处已足够",
                f"{len(used)} sites do: no further one covers any more village")  # fmt: skip
    out = pd.DataFrame(table)
    out["p_chosen"], regret = np.nan, (float("nan"), float("nan"))
    if steps:
        chosen, regret = _stability(case, rows, np.array(used, dtype=np.int64), len(sites), prices)
        out["p_chosen"] = [round(float(chosen[s]), 3) for s in used]
    points = case.places.geometry.iloc[used]
    lonlat = points.to_crs(datum.CGCS2000)
    out.insert(4, "lon", lonlat.x.round(6).to_numpy())
    out.insert(5, "lat", lonlat.y.round(6).to_numpy())
    villages = pd.concat(gains, ignore_index=True)
    if (out["p_chosen"] < 0.5).any():
        names = out.loc[out["p_chosen"] < 0.5, "name"]
        log.add("warning", "position_decides", f"{'、'.join(names)}：不到一半的抽样选中，位置不准时另有同样好的点",
                f"{', '.join(names)}: chosen in fewer than half of the draws")  # fmt: skip
    return Proposal(
        case.kind.service, case.kind.tier, case.limit, case.kind.unit,
        "people" if case.by_people else "villages", unit, None,
        made.status, made.method, made.objective, made.bound, made.gap,
        out, villages, _curve(case, rows, used, totals, steps), regret,
        _layers(case, out, villages, points), tuple(log.problems),
    )  # fmt: skip


def _building_order(reach: Bools, case: _Case, must: Bools) -> list[int]:
    """Return the sites with the mandatory first, then by what each adds to those before it."""
    left = list(range(reach.shape[2]))
    covered = case.within.copy()
    order: list[int] = []
    while left:
        gain = [
            (not must[s], -float(case.weight @ (reach[:, :, s] & ~covered).mean(axis=1)), s)
            for s in left
        ]
        best = min(gain)[2]
        covered |= reach[:, :, best]
        order.append(best)
        left.remove(best)
    return order


def _totals(case: _Case, within: Bools) -> dict[str, Array]:
    """Return how many villages and people are covered in each draw."""
    mine = within[case.located]
    found = {"villages": mine.sum(axis=0).astype(float)}
    if case.known_people:
        found["people"] = case.people[case.located] @ mine
    return found


def _added(before: dict[str, Array], after: dict[str, Array]) -> dict[str, float]:
    row: dict[str, float] = {}
    for name, total in after.items():
        more = total - before[name]
        low, high = np.percentile(more, [5, 95])
        # A rare draw can pull the mean out of the range: the range is widened to hold it.
        low, high = min(low, more.mean()), max(high, more.mean())
        digits = 1 if name == "villages" else 0
        row |= {name: round(float(more.mean()), digits), f"{name}_low": round(float(low), digits),
                f"{name}_high": round(float(high), digits)}  # fmt: skip
    return row


def _gained(case: _Case, before: Bools, after: Bools, site: int) -> pd.DataFrame:
    p0, p1 = before.mean(axis=1), after.mean(axis=1)
    rows = np.flatnonzero((p1 > p0) & case.located)
    verdict = np.where(p1 >= SURE - 1e-9, "gained", np.where(p1 >= 0.5, "likely", "possible"))
    table = case.villages.loc[rows, ["code", "name", "township"]].reset_index(drop=True)
    table["site_id"] = case.ids[site]
    table["p_before"], table["p_after"] = p0[rows].round(4), p1[rows].round(4)
    table["people"] = case.people[rows] if case.known_people else np.nan
    table["verdict"] = verdict[rows]
    return pd.DataFrame(table)


def _stability(
    case: _Case, rows: _Rows, used: NDArray[np.int64], p: int, prices: Mapping[str, Any]
) -> tuple[Array, tuple[float, float]]:
    """Return in which share of the draws each candidate is in the best set, and what is lost.

    Sites that do as well as another in a draw count for the one with the lower number alone, so
    the share is a lower bound.
    """
    chosen = np.zeros(len(case.ids))
    lost = []
    for cover, weight in rows.draws:
        if not len(cover):
            continue
        best = _best(case, cover, weight, p, prices)
        ours = float(weight[cover[:, used].any(axis=1)].sum())
        if best.objective > 0:
            lost.append(max(0.0, 1.0 - ours / best.objective))
        # Where ours does as well, it is a best set of that draw too.
        same = ours >= best.objective * (1 - siting.TOLERANCE)
        chosen[used if same else best.sites] += 1.0
    share = chosen / max(1, len(rows.draws))
    if not lost:
        return share, (float("nan"), float("nan"))
    return share, (float(np.percentile(lost, 50)), float(np.percentile(lost, 95)))


def _curve(
    case: _Case,
    rows: _Rows,
    used: list[int],
    totals: list[dict[str, Array]],
    steps: list[Siting],
) -> pd.DataFrame:
    """Return what each number of sites adds, beside the best and the proven bound of that size.

    ``covered``, ``best`` and ``bound`` belong to the draws of the choice, so that they compare.
    """
    unit = "people" if case.by_people else "villages"
    base = float(_totals(case, case.within[:, case.few()])[unit].mean())
    best = {len(s.sites): s for s in steps if s.status != "infeasible"}
    table = []
    for added, total in enumerate(totals):
        mine = rows.cover[:, used[:added]].any(axis=1)
        row: dict[str, float] = {"added": added, **_added(totals[0], total)}
        row["covered"] = base + float(rows.weight[mine].sum())
        step = best.get(added)
        if added == 0:
            row |= {"best": base, "bound": base, "gap": 0.0}
        elif step is not None:
            top = base + step.bound
            row |= {"best": base + step.objective, "bound": top,
                    "gap": (step.bound - step.objective) / top if top else 0.0}  # fmt: skip
        table.append(row)
    found = pd.DataFrame(table)
    return found.assign(**found.reindex(columns=["covered", "best", "bound"]).round(1))


def _layers(
    case: _Case, sites: pd.DataFrame, villages: pd.DataFrame, points: gpd.GeoSeries
) -> dict[str, gpd.GeoDataFrame]:
    import geopandas as gpd

    crs = case.villages.crs
    geometry = points.to_numpy()
    where = dict(zip(sites["site_id"], geometry, strict=True))
    homes = case.villages.set_index("code").geometry
    home = [homes[code] for code in villages["code"]]
    lines = [
        None if place is None or place.is_empty else shapely.LineString([place, where[site]])
        for place, site in zip(home, villages["site_id"], strict=True)
    ]
    links = gpd.GeoDataFrame(
        villages[["code", "site_id", "p_after", "verdict"]], geometry=lines, crs=crs
    )
    return {
        "proposed_sites": gpd.GeoDataFrame(sites, geometry=geometry, crs=crs),
        "proposed_gains": gpd.GeoDataFrame(villages, geometry=home, crs=crs),
        "proposed_links": cast(
            "gpd.GeoDataFrame", links[links.geometry.notna() & (links.length > 0)]
        ),
    }


_SITES = ["order", "site_id", "name", "township", "lon", "lat", "villages", "p_chosen"]
_GAINS = ["code", "name", "township", "site_id", "p_before", "p_after", "people", "verdict"]
_CURVE = ["added", "villages", "covered", "best", "bound", "gap"]


def _nothing(
    kind: Service,
    limit: float,
    by_people: bool,
    unit: Text,
    refused: Text | None,
    problems: tuple[Problem, ...],
) -> Proposal:
    nan = float("nan")
    return Proposal(
        kind.service, kind.tier, limit, kind.unit, "people" if by_people else "villages", unit,
        refused, "refused" if refused else "optimal", "trivial", 0.0 if refused is None else nan,
        0.0 if refused is None else nan, 0.0 if refused is None else nan,
        pd.DataFrame(columns=_SITES), pd.DataFrame(columns=_GAINS), pd.DataFrame(columns=_CURVE),
        problems=problems,
    )  # fmt: skip
