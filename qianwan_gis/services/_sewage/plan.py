"""The sewage plan of a county: join a sewer, a station, or on the spot, at the least life-cycle cost."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import shapely

from qianwan_gis._errors import Problem, ProblemLog, UsageError
from qianwan_gis._text import Text
from qianwan_gis.schemas import VALUE_TEXT, Reason
from qianwan_gis.services import planned
from qianwan_gis.services._sewage import amounts, exact, levels, routes
from qianwan_gis.services._sewage import model as models
from qianwan_gis.services._sewage.costs import Prices
from qianwan_gis.services._sewage.model import Model, State
from qianwan_gis.services._sewage.search import greedy, heuristic, improve
from qianwan_gis.services._sewage.sensitivity import carried

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis.network import RoadNetwork
    from qianwan_gis.standards import Standards
    from qianwan_gis.terrain import Terrain

    Array = NDArray[np.float64]

#: What may be excluded, and what it forbids.
EXCLUDED = {
    "water_source": Text(
        "饮用水水源保护区：不设站、不就地排放", "water source: no station, no discharge"
    ),
    "flood": Text("淹没区：不设站", "flooded: no station"),
    "steep": Text("陡坡：不设站", "steep: no station"),
    "mined": Text("采空区：不设站、不敷管", "mined out: no station, no pipe"),
}
#: What may be chosen, in words.
CHOICES = VALUE_TEXT["plan"]


@dataclass(frozen=True)
class SewagePlan:
    """What each village does with its wastewater, and what must be built for it.

    Attributes
    ----------
    decisions
        One row per village, in the order given: ``code``, ``name``, ``people``,
        ``wastewater_m3d``, ``choice``, ``facility_id`` (station or plant), ``group`` (villages that
        share it), ``cost_yuan`` (what this village adds to the plan), ``cost_sewer``,
        ``cost_station``, ``cost_on_site``, ``cost_reuse`` (the same for each alternative, all others
        as planned; NaN where it cannot be), ``next_best``, ``extra_yuan``, ``sewer_m`` (trunk to the
        nearest recorded sewer), ``break_even_m`` (trunk at which joining would just pay),
        ``candidate_plant``, ``candidate_m`` (a plant without recorded sewers), ``reason``,
        ``text_zh``, ``text_en``.
    pipes, stations, pumps
        What to build between villages. ``start_m`` of a pipe: depth at which it leaves;
        ``joint_yuan``: what starting deeper, or lifting there, costs (part of ``cost_yuan``).
    cost, bound, gap, status
        Present value of everything (yuan), the proven bound, their relative gap; ``optimal``,
        ``feasible``, ``quick`` (no bound) or ``not_assessed``.
    costs
        The cost by part: ``build_yuan``, ``life_yuan``.
    quantities
        Bill of quantities.
    problems
        Warnings.
    origin
        ``solved`` now, ``kept`` (solved before, taken from a file) or ``quick`` (local search).
    """

    decisions: pd.DataFrame
    pipes: gpd.GeoDataFrame
    stations: gpd.GeoDataFrame
    pumps: gpd.GeoDataFrame
    cost: float
    bound: float
    gap: float
    status: str
    costs: pd.DataFrame
    quantities: pd.DataFrame
    problems: list[Problem] = field(default_factory=list)
    model: Model | None = None
    outcome: exact.Outcome | None = None
    frame: Any = field(default=None, repr=False)
    inputs: dict[str, Any] = field(default_factory=dict, repr=False)
    origin: str = "solved"
    notes: dict[str, Any] = field(default_factory=dict, repr=False)

    def keep(self, file: Path, **notes: Any) -> Path:
        """Keep the plan's choices for later runs of the same problem (`services.planned`).

        ``notes`` are kept with it and come back as `notes`: lists and mappings of plain values.
        """
        if self.frame is None or self.outcome is None:
            raise UsageError(
                Text("没有地形，规划未评估", "nothing was assessed: there is no terrain")
            )
        state, out = self.outcome.state, self.outcome
        way = {str(v): int(state.way[v]) for v in np.flatnonzero(state.way >= 0).tolist()}
        return planned.keep(
            file, self.frame.mark,
            {"way": way, "collected": np.flatnonzero(state.collected).tolist(),
             "bound": out.bound, "status": out.status, "parts": out.parts, "cuts": out.cuts,
             "notes": notes},
        )  # fmt: skip

    def compared(self) -> pd.DataFrame:
        """Return what simpler plans of the same county cost, levels designed alike.

        Columns ``plan`` (``this``, ``greedy``: each village in turn takes what is cheapest for it
        then, ``all_local``), ``cost_yuan``, ``more`` (relative to this plan).
        """
        if self.frame is None:
            raise UsageError(
                Text("没有地形，规划未评估", "nothing was assessed: there is no terrain")
            )
        model, cost = self.frame.model, {"this": self.cost}
        for name, state in (("greedy", greedy(model)), ("all_local", models.everyone_local(model))):
            extra = sum(run.extra for run in levels.design(self.frame, state).values())
            cost[name] = models.cost(model, state) + extra
        more = [c / self.cost - 1.0 for c in cost.values()]
        return pd.DataFrame({"plan": list(cost), "cost_yuan": list(cost.values()), "more": more})

    def sensitivity(
        self,
        factors: Iterable[str] = ("pipe", "pump", "energy", "station", "plant", "on_site", "reuse",
                                  "collection", "discount"),
        by: Iterable[float | str] = ("low", "high"),
    ) -> pd.DataFrame:  # fmt: skip
        """Plan again with prices at the ends of their ranges; see `sensitivity.run`."""
        from qianwan_gis.services._sewage import sensitivity

        return sensitivity.run(self, tuple(factors), tuple(by))

    def robustness(self, sensitivity: pd.DataFrame) -> pd.DataFrame:
        """Tell which choices hold over the whole range of prices; see `sensitivity.robustness`."""
        from qianwan_gis.services._sewage import sensitivity as answers

        return answers.robustness(self, sensitivity)

    def priorities(self, **layers: Any) -> pd.DataFrame:
        """Rank the villages; see `priorities.rank` for the layers."""
        from qianwan_gis.services._sewage import priorities

        return priorities.rank(
            self.inputs["villages"], standards=self.inputs["standards"], **layers
        )

    def phases(
        self, counts: Mapping[int, int], ranking: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """Spread the villages over years; see `priorities.phases`."""
        from qianwan_gis.services._sewage import priorities

        return priorities.phases(
            self, counts, ranking if ranking is not None else self.priorities()
        )

    def profile(self, code: str) -> pd.DataFrame:
        """Longitudinal profile of the trunk from a village to its sink (`profile.of_plan`)."""
        from qianwan_gis.services._sewage import profile

        return profile.of_plan(self, code)

    def draw_profile(self, code: str, *, path: Any = None, lang: str = "zh") -> Any:
        """Draw the profile (纵断面图); returns the figure, or writes it to ``path``."""
        from qianwan_gis.services._sewage import profile

        return profile.draw(self.profile(code), path=path, lang=lang)


def plan_sewage(
    settlements: gpd.GeoDataFrame,
    *,
    network: RoadNetwork,
    terrain: Terrain | None,
    plants: gpd.GeoDataFrame | None = None,
    sewers: gpd.GeoDataFrame | None = None,
    standards: Standards | None = None,
    excluded: gpd.GeoDataFrame | None = None,
    served: Mapping[str, str] | None = None,
    time_limit: float = 300.0,
    gap: float = 0.0,
    method: Literal["exact", "quick"] = "exact",
    kept: Path | None = None,
) -> SewagePlan:
    """Choose for every village between a sewer, a station and treatment on the spot.

    Least life-cycle cost (building, renewal, energy, running, discounted) over trunk routes along
    roads and ground, solved exactly with a proven bound (`exact.solve`).

    Parameters
    ----------
    settlements
        Points with ``settlement_id`` or ``code``, ``population`` (or ``people``), optional ``name``.
        Projected CRS. Settlements where known, villages otherwise.
    network
        Roads along which trunks may run (projected CRS).
    terrain
        Heights; without it nothing is assessed and every row says ``no_terrain``.
    plants
        Town plants: ``facility_id``, ``capacity`` and, where known, ``load`` (m³/d). A plant
        without a recorded sewer is only named as a candidate. One of unknown capacity takes nothing.
    sewers
        Recorded sewers: ``facility_id``, ``plant_id``, optional ``depth_m``.
    standards
        Norms and prices in force (``sewage.*``); the carried ones when None.
    excluded
        Polygons with ``kind``: ``water_source``, ``flood``, ``steep`` or ``mined``.
    served
        Facility by id of the settlements that have one already: they stay as they are
        (``existing``). Their water loads their plant where its load is not given.
    time_limit
        Seconds for everything.
    gap
        Relative gap at which the search of a part may stop.
    method
        ``quick`` leaves it at a local search without a clock: seconds, the same plan each time, no
        bound.
    kept
        A file of `SewagePlan.keep`: its choices are taken without solving where they are those of
        exactly this problem; a warning tells when they are not.

    Returns
    -------
    SewagePlan

    Raises
    ------
    DataError
        Faults of the tables, ground without a height or below the sea, no people: all at once
        where they can be found together.
    UsageError
        Norms that cannot be: negative prices, impossible lives.
    """
    from qianwan_gis.standards import Standards

    end = time.monotonic() + time_limit
    norms = standards if standards is not None else Standards.load()
    prices = Prices.read(norms)
    names, people = _check(settlements, network, plants, sewers, excluded)
    inputs = {
        "villages": settlements, "network": network, "terrain": terrain, "plants": plants,
        "sewers": sewers, "standards": norms, "excluded": excluded, "served": served,
        "time_limit": time_limit, "gap": gap, "method": method,
    }  # fmt: skip
    mean = amounts.wastewater(people, norms)
    if terrain is None:
        return _not_assessed(settlements, names, people, mean, inputs)
    frame = Frame.build(settlements, names, people, mean, prices, norms, inputs)
    outcome, origin, notes = _choose(frame, end, gap, method, kept)
    from qianwan_gis.services._sewage import tables

    made = tables.result(frame, outcome, inputs, origin)
    return replace(made, notes=notes)


#: Kicks of a quick plan for each village: most of what kicks gain, in seconds for 600 villages.
_QUICK_KICKS = 3
#: Share of the time left for the choices.
_FOR_CHOICES = 0.95


def _choose(
    frame: Frame, end: float, gap: float, method: str, kept: Path | None
) -> tuple[exact.Outcome, str, dict[str, Any]]:
    """Return the choices: kept from before, found quickly, or solved; where they are from; notes."""
    model = frame.model
    if kept is not None:
        found, problem = planned.kept(kept, frame.mark)
        if problem is not None:
            frame.problems.append(problem)
        if found is not None:
            way = np.full(len(model.demand), -1, np.int64)
            for v, k in found["way"].items():
                way[int(v)] = k
            collected = np.zeros(len(model.demand), bool)
            collected[found["collected"]] = True
            state = State(way, collected)
            total = models.cost(model, state)
            outcome = exact.Outcome(
                state, total, float(found["bound"]), found["status"], found["parts"], found["cuts"]
            )
            return outcome, "kept", dict(found["notes"])
    if method == "quick":
        state = heuristic(model, kicks=_QUICK_KICKS * int((model.demand > 0).sum()))
        state, _ = levels.settle(frame, state)
        total = models.cost(model, state)
        return exact.Outcome(state, total, float("-inf"), "quick", 0, 0), "quick", {}
    # levels and tables take their time as well
    left = (end - time.monotonic()) * _FOR_CHOICES
    outcome = exact.solve(model, time_limit=max(left, 0.1), gap=gap)
    state, _ = levels.settle(frame, outcome.state, until=end)
    return replace(outcome, state=state, cost=models.cost(model, state)), "solved", {}


# ---------------------------------------------------------------- input


def _check(
    settlements: gpd.GeoDataFrame, network: RoadNetwork, plants: Any, sewers: Any, excluded: Any
) -> tuple[list[str], Array]:
    log = ProblemLog()
    if not len(settlements):
        log.add("error", "empty_layer", "没有村庄", "there are no villages", file="settlements")
    if settlements.crs is None:
        log.add("error", "no_crs", "图层没有坐标系", "the layer has no CRS", file="settlements",
                fix=("先 set_crs", "call set_crs first"))  # fmt: skip
    if not network.crs.is_projected:
        log.add("error", "not_projected", "路网须为平面坐标（米）", "the network must be in projected metres",
                file="network")  # fmt: skip
    key = "settlement_id" if "settlement_id" in settlements else "code"
    if key not in settlements:
        log.add("error", "missing_column", "缺少字段 settlement_id 或 code",
                "column settlement_id or code is missing", file="settlements")  # fmt: skip
    who = "population" if "population" in settlements else "people"
    if who not in settlements:
        log.add("error", "missing_column", "缺少字段 population", "column population is missing",
                file="settlements", field="population")  # fmt: skip
    for table, name, columns in (
        (plants, "plants", ("facility_id", "capacity")),
        (sewers, "sewers", ("facility_id", "plant_id")),
        (excluded, "excluded", ("kind",)),
    ):
        if table is None:
            continue
        if table.crs is None:
            log.add("error", "no_crs", "图层没有坐标系", "the layer has no CRS", file=name)
        for column in columns:
            if column not in table:
                log.add("error", "missing_column", f"缺少字段 {column}", f"column {column} is missing",
                        file=name, field=column)  # fmt: skip
        if name == "plants" and "capacity" in table:
            for row, value in zip(table.index, table["capacity"], strict=True):
                if value < 0:
                    log.add("error", "bad_capacity", f"处理能力为 {value:g}", f"capacity is {value:g}",
                            file=name, row=str(row), field="capacity")  # fmt: skip
        if name == "excluded" and "kind" in table:
            for row, value in zip(table.index, table["kind"], strict=True):
                if value not in EXCLUDED:
                    log.add("error", "unknown_value", f"“{value}”不在 {'、'.join(EXCLUDED)} 之内",
                            f"“{value}” is none of {', '.join(EXCLUDED)}",
                            file=name, row=str(row), field="kind")  # fmt: skip
    log.raise_errors()
    names = settlements[key].astype(str).tolist()
    for name in (
        sorted({n for n in names if names.count(n) > 1}) if len(set(names)) < len(names) else []
    ):
        log.add("error", "duplicate_id", f"编号“{name}”重复", f"id “{name}” is repeated",
                file="settlements", row=name)  # fmt: skip
    for row, shape in zip(names, settlements.geometry, strict=True):
        if shape is None or shape.is_empty:
            log.add("error", "no_position", "没有位置", "no position", file="settlements", row=row,
                    fix=("先定位，或剔除该村", "locate it first, or leave it out"))  # fmt: skip
    log.raise_errors()
    return names, amounts.check_people(settlements[who], names, what="settlements")


def _not_assessed(
    settlements: gpd.GeoDataFrame, names: list[str], people: Array, mean: Array, inputs: Any
) -> SewagePlan:
    import geopandas as gpd

    from qianwan_gis.services._sewage import decisions as explained
    from qianwan_gis.services._sewage.quantities import COLUMNS

    text = Text("未评估：缺少地形数据（DEM）", "not assessed: no terrain (DEM)")
    decisions = explained.empty(settlements, names, people, mean)
    decisions["reason"] = str(Reason.NO_TERRAIN)
    decisions["text_zh"], decisions["text_en"] = text.zh, text.en
    nothing = gpd.GeoDataFrame(geometry=[], crs=settlements.crs)
    note = Problem(
        "no_terrain", "warning", text,
        fix=Text("提供高程栅格，或 qianwan fetch KEY dem", "supply an elevation raster, or qianwan fetch KEY dem"),
    )  # fmt: skip
    return SewagePlan(
        decisions, nothing, nothing, nothing, float("nan"), float("nan"), float("nan"),
        "not_assessed", pd.DataFrame(columns=["part", "build_yuan", "life_yuan"]),
        pd.DataFrame(columns=COLUMNS), [note], inputs=inputs,
    )  # fmt: skip


# ---------------------------------------------------------------- the problem


@dataclass(frozen=True)
class Frame:
    """Everything between the tables given and the choice problem."""

    villages: Any
    names: list[str]
    people: Array
    mean: Array
    households: Array
    node: NDArray[np.int64]
    routes: routes.Routes
    model: Model
    prices: Prices
    norms: Any
    crs: Any
    on_site: Array
    reuse: Array
    tank: Array
    local_choice: list[str]
    leg_cost: Array
    barred_station: NDArray[np.bool_]
    candidate: list[tuple[str, float]]
    served: Mapping[str, str]
    problems: list[Problem]

    @cached_property
    def factor(self) -> float:
        """Price factor of pipes off the road."""
        return float(self.norms.value("sewage.trunk.cross_factor"))

    @cached_property
    def mark(self) -> str:
        """Fingerprint of the choice problem: prices, norms, ways and people are all in it."""
        model = self.model
        arcs = (
            (a.tail, a.head, a.plant, a.sewer, a.length, *(x for o in a.options for x in o))
            for a in model.arcs
        )
        return planned.fingerprint(
            [model.demand, model.local, model.collect, *self.names, *sorted(model.spare.items()),
             *(x for arc in arcs for x in arc)]
        )  # fmt: skip

    @classmethod
    def build(
        cls, settlements: gpd.GeoDataFrame, names: list[str], people: Array, mean: Array,
        prices: Prices, norms: Standards, inputs: Mapping[str, Any],
    ) -> Frame:  # fmt: skip
        """Build the graph and price everything in it."""
        import geopandas as gpd

        network, terrain = inputs["network"], inputs["terrain"]
        crs, log = network.crs, ProblemLog()
        points = settlements.geometry.to_crs(crs)
        points = gpd.GeoSeries(shapely.point_on_surface(points.to_numpy()), crs=crs)
        home = terrain.sample(gpd.GeoSeries(points.to_numpy(), index=names, crs=crs)).to_numpy(
            float
        )
        amounts.check_above_sea(home, names, what="settlements")
        served = {n: f for n, f in (inputs["served"] or {}).items() if n in set(names)}
        loaded = _loads(served, names, mean)
        spare, candidates, pipes = _plants(
            inputs["plants"], inputs["sewers"], terrain, crs, loaded if served else None, log
        )
        zones = _zones(inputs["excluded"], crs)
        total = float(mean.sum())
        graph = routes.build(
            points, network, terrain, prices, sewers=pipes, barred=zones.get("mined"), norms=norms,
            largest=total,
        )  # fmt: skip
        household = prices.design["people.household"]
        households = people / household
        xy = shapely.get_coordinates(points.to_numpy())
        node, leg_cost = _homes(graph, xy, home, mean, terrain, crs, prices)
        # where nothing may be done on the spot, or no station stand
        inside = {kind: shapely.intersects(zone, points.to_numpy()) for kind, zone in zones.items()}
        none = np.zeros(len(names), bool)
        water = inside.get("water_source", none)
        on_site = np.where(water, np.inf, prices.on_site(households))
        small = people <= float(norms.value("sewage.reuse.max_people"))
        reuse = np.where(water | ~small, np.inf, prices.reuse(households))
        tank = prices.holding_tank(households, mean)
        own = np.column_stack([on_site, reuse, tank])
        local_choice = [("on_site", "reuse", "tank")[k] for k in own.argmin(axis=1)]
        demand, local, collect = (np.zeros(len(graph.xy)) for _ in range(3))
        alive = (people > 0) & ~np.isin(names, list(served))
        demand[node[alive]] = mean[alive]
        local[node] = own.min(axis=1)
        collect[node] = prices.collection(households) + leg_cost
        barred = _barred(
            graph, zones, terrain, crs, float(norms.value("sewage.station.max_slope_deg"))
        )
        arcs = [*graph.arcs]
        fixed, per = prices.station_lines
        ways = tuple(
            routes.Option(float(f), float(c), total, "station")
            for f, c in zip(fixed, per, strict=True)
        )
        arcs += [
            routes.Arc(int(k), -1, 0.0, ways)
            for k in _station_nodes(graph, node[alive])
            if not barred[k]
        ]
        far = [names[i] for i in np.flatnonzero(graph.place < 0)]
        if far:
            log.add("warning", "no_road", f"{len(far)} 个村附近无道路，只比较就地处理与单村站：{'、'.join(far[:10])}",
                    f"{len(far)} villages have no road near, so trunks are not considered: {', '.join(far[:10])}",
                    file="settlements")  # fmt: skip
        model = Model(demand, local, collect, arcs, spare)
        near = _candidates(xy, candidates)
        return cls(
            settlements, names, people, mean, households, node, graph, model, prices, norms, crs,
            on_site, reuse, tank, local_choice, leg_cost, barred, near, served, list(log),
        )  # fmt: skip


def _loads(served: Mapping[str, str], names: list[str], mean: Array) -> dict[str, float]:
    """Return the wastewater (m³/d) that each facility takes already."""
    found: dict[str, float] = {}
    for name, q in zip(names, mean.tolist(), strict=True):
        if name in served:
            found[served[name]] = found.get(served[name], 0.0) + q
    return found


def _plants(
    plants: Any,
    sewers: Any,
    terrain: Terrain,
    crs: Any,
    loaded: Mapping[str, float] | None,
    log: ProblemLog,
) -> tuple[dict[str, float], list[tuple[str, float, float]], Any]:
    """Return spare capacity by plant, plants without sewers, and the sewers that take more."""
    if plants is None or not len(plants):
        if sewers is not None and len(sewers):
            log.add("warning", "no_plant", "有管网而没有污水厂资料，管网余量未知，不作纳管",
                    "there are sewers but no plants: their spare capacity is unknown, so none is joined",
                    file="plants")  # fmt: skip
        return {}, [], None
    table = plants.to_crs(crs).reset_index(drop=True)
    ids = table["facility_id"].astype(str)
    ground = terrain.sample(table.geometry.set_axis(ids.to_numpy())).to_numpy(float)
    amounts.check_above_sea(ground, ids, what="plants")
    capacity = pd.to_numeric(table["capacity"], errors="coerce").to_numpy(float)
    load = np.full(len(table), np.nan)
    if "load" in table:
        load = pd.to_numeric(table["load"], errors="coerce").to_numpy(float)
    if np.isnan(load).all():
        load = np.array([(loaded or {}).get(name, 0.0) for name in ids])
        what = ("按现已接入村庄的污水量计", "that of the villages joined already is taken") if loaded else (
            "按全部能力可用计", "all of their capacity is taken as spare")  # fmt: skip
        log.add("warning", "no_load", f"污水厂没有现状负荷，{what[0]}",
                f"the plants' present load is not given: {what[1]}",
                file="plants", field="load",
                fix=("补充 load（m³/d）", "add column load (m³/d)"))  # fmt: skip
    free = capacity - load
    for name in ids[np.isnan(free)]:
        log.add("warning", "unknown_capacity", "能力或负荷未知，不作纳管", "capacity or load unknown: takes nothing",
                file="plants", row=name, field="capacity")  # fmt: skip
    piped = set() if sewers is None else set(sewers["plant_id"].astype(str))
    spare = {name: float(q) for name, q in zip(ids, free, strict=True) if name in piped and q > 0}
    lone = [
        (name, float(p.x), float(p.y))
        for name, p in zip(ids, table.geometry, strict=True)
        if name not in piped
    ]
    if sewers is None or not len(sewers):
        return {}, lone, None
    lines = sewers.to_crs(crs)
    lines = lines[lines["plant_id"].astype(str).isin(spare)]
    return spare, lone, lines.assign(plant_id=lines["plant_id"].astype(str))


def _zones(excluded: Any, crs: Any) -> dict[str, Any]:
    if excluded is None or not len(excluded):
        return {}
    table = excluded.to_crs(crs)
    zones = {}
    for kind, part in table.groupby("kind"):
        zone = shapely.union_all(part.geometry.to_numpy())
        shapely.prepare(zone)
        zones[str(kind)] = zone
    return zones


def _homes(
    graph: routes.Routes, xy: Array, home: Array, mean: Array, terrain: Terrain, crs: Any,
    prices: Prices,
) -> tuple[NDArray[np.int64], Array]:  # fmt: skip
    """Give every village a node of its own, and price the leg from the village to the road.

    Villages at one place on the road get nodes joined to it free of cost; villages without a road a
    node that stands alone.
    """
    node = graph.place.copy()
    taken: set[int] = set()
    more_xy, more_z = [], []
    count = len(graph.xy)
    for i, k in enumerate(node.tolist()):
        if k >= 0 and k not in taken:
            taken.add(k)
            continue
        if k >= 0:
            free = routes.Option(0.0, 0.0, float("inf"), "gravity")
            graph.arcs.append(routes.Arc(count, k, 0.0, (free,)))
            more_xy.append(graph.xy[k])
            more_z.append(graph.ground[k])
        else:
            more_xy.append(xy[i])
            more_z.append(home[i])
        node[i] = count
        count += 1
    if more_xy:
        graph.xy = np.vstack([graph.xy, np.array(more_xy)])
        graph.ground = np.r_[graph.ground, more_z]
    cost = np.zeros(len(xy))
    legs = [i for i in range(len(xy)) if graph.leg[i] > 1.0]
    lines = [shapely.LineString([xy[i], graph.xy[graph.place[i]]]) for i in legs]
    if lines:
        profiles, _ = routes.sample_profiles(graph.xy[:0], lines, terrain, crs, 25.0)
        for i, (along, z) in zip(legs, profiles, strict=True):
            ways = routes.options(along, z, prices, float(mean[i]))
            carried = [o.fixed + o.per_flow * mean[i] for o in ways if o.capacity >= mean[i]]
            cost[i] = min(carried, default=np.inf)
    return node, cost


def _barred(
    graph: routes.Routes, zones: Mapping[str, Any], terrain: Terrain, crs: Any, steepest: float
) -> NDArray[np.bool_]:
    """Nodes where no station may stand: inside an excluded area, or on ground too steep."""
    import geopandas as gpd

    spots = shapely.points(graph.xy)
    barred = np.zeros(len(spots), bool)
    for zone in zones.values():
        barred |= shapely.intersects(zone, spots)
    if terrain.crs.is_projected:
        slope = terrain.slope(gpd.GeoSeries(spots, crs=crs)).to_numpy(float)
        barred |= slope > steepest
    return barred


def _station_nodes(graph: routes.Routes, homes: NDArray[np.int64]) -> list[int]:
    """Villages, and junctions lower than all their neighbours."""
    low = np.ones(len(graph.xy), bool)
    touched = np.zeros(len(graph.xy), bool)
    for arc in graph.arcs:
        if arc.head >= 0:
            touched[arc.tail] = True
            low[arc.tail] &= graph.ground[arc.tail] < graph.ground[arc.head]
    return sorted({*homes.tolist(), *np.flatnonzero(low & touched).tolist()})


def _candidates(xy: Array, lone: list[tuple[str, float, float]]) -> list[tuple[str, float]]:
    if not lone:
        return [("", float("nan"))] * len(xy)
    spots = np.array([(x, y) for _, x, y in lone])
    away = np.hypot(*(xy[:, None] - spots[None]).transpose(2, 0, 1))
    return [(lone[k][0], float(row[k])) for row, k in zip(away, away.argmin(axis=1), strict=True)]


def again(plan: SewagePlan, standards: Standards) -> SewagePlan:
    """Return the plan that local search makes of this one under other norms."""
    given = {k: v for k, v in plan.inputs.items() if k != "villages"}
    given["standards"] = standards
    frame = plan.frame
    prices = Prices.read(standards)
    other = Frame.build(
        plan.inputs["villages"], frame.names, frame.people,
        amounts.wastewater(frame.people, standards), prices, standards, given,
    )  # fmt: skip
    start = carried(frame.model, other.model, plan.outcome.state)  # type: ignore[union-attr]
    state = improve(other.model, start, until=float("inf"))
    total = models.cost(other.model, state)
    outcome = exact.Outcome(state, total, float("-inf"), "quick", 0, 0)
    from qianwan_gis.services._sewage import tables

    return tables.result(other, outcome, {**plan.inputs, "standards": standards}, "quick")


__all__ = ["CHOICES", "EXCLUDED", "Frame", "SewagePlan", "again", "plan_sewage"]
