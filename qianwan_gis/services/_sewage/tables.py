"""Turn the solved choice problem into tables that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from qianwan_gis._errors import Problem
from qianwan_gis._text import Text
from qianwan_gis.schemas import Reason
from qianwan_gis.services._sewage import model as models
from qianwan_gis.services._sewage import routes
from qianwan_gis.services._sewage.model import State
from qianwan_gis.services._sewage.quantities import Bill, earthwork
from qianwan_gis.services._sewage.search import Search

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis.services._sewage.exact import Outcome
    from qianwan_gis.services._sewage.plan import Frame, SewagePlan

    Array = NDArray[np.float64]

#: Alternatives dearer than this many times the best are not searched for.
_FAR = 3.0
#: A trunk arriving this much deeper (m) than the next one begins is told.
_JOINT = 0.5
_COSTS = ("cost_sewer", "cost_station", "cost_on_site", "cost_reuse")


def empty_decisions(villages: Any, names: list[str], people: Array, mean: Array) -> pd.DataFrame:
    """Return the decisions table with nothing decided."""
    n = len(names)
    nan = np.full(n, np.nan)
    label = villages["name"].astype(str).to_numpy() if "name" in villages else np.array(names)
    columns: dict[str, Any] = {
        "code": names, "name": label, "people": people, "wastewater_m3d": mean, "choice": "",
        "facility_id": "", "group": 0, "cost_yuan": nan, **dict.fromkeys(_COSTS, nan),
        "next_best": "", "extra_yuan": nan, "trunk_m": nan, "sewer_m": nan, "break_even_m": nan,
        "candidate_plant": "", "candidate_m": nan, "reason": "", "text_zh": "", "text_en": "",
    }  # fmt: skip
    return pd.DataFrame(columns, index=villages.index)


def result(frame: Frame, outcome: Outcome, inputs: dict[str, Any]) -> SewagePlan:
    """Return the plan's tables."""
    from qianwan_gis.services._sewage.plan import SewagePlan

    state = outcome.state
    flow, _ = models.flows(frame.model, state)
    used = [int(v) for v in np.flatnonzero((state.way >= 0) & (flow > 0))]
    ends = _ends(frame, state, flow)
    stations = _stations(frame, flow, ends, used)
    label = dict(zip(stations["node"], stations["station_id"], strict=True))
    pipes, pumps = _pipes(frame, state, flow, used, label)
    decisions = _decisions(frame, outcome, flow, ends, label)
    bill, costs = _bill(frame, state, flow, used, decisions)
    problems = list(frame.problems)
    low = pipes["joint_m"].to_numpy(float)
    if (low > _JOINT).any():
        problems.append(
            Problem(
                "deep_joint",
                "warning",
                Text(
                    f"{int((low > _JOINT).sum())} 处干管到达时比下一段起点深 {_JOINT:g} m 以上"
                    f"（最深 {low.max():.1f} m，见 joint_m），设计时须加深下一段或设提升，费用未计",
                    f"{int((low > _JOINT).sum())} trunks arrive more than {_JOINT:g} m deeper than the "
                    f"next one begins (up to {low.max():.1f} m, see joint_m): the design must deepen "
                    "the next or lift there; not in the cost",
                ),
            )
        )
    if outcome.status != "optimal":
        problems.append(
            Problem(
                "not_proven", "warning",
                Text(f"时限内未证明最优：与下界相差 {outcome.gap:.2%}",
                     f"not proven optimal in the time given: {outcome.gap:.2%} above the bound"),
                fix=Text("放宽 time_limit", "raise time_limit"),
            )
        )  # fmt: skip
    return SewagePlan(
        decisions, pipes, stations.drop(columns="node"), pumps, outcome.cost, outcome.bound,
        outcome.gap, outcome.status, costs, bill, problems, frame.model, outcome, frame, inputs,
    )  # fmt: skip


def path(frame: Frame, state: State, flow: Array, node: int) -> list[int]:
    """Ways from a node to its sink."""
    found = []
    while node >= 0 and state.way[node] >= 0 and flow[node] > 0:
        found.append(int(state.way[node]))
        node = frame.model.arcs[found[-1]].head
    return found


def _ends(frame: Frame, state: State, flow: Array) -> list[int]:
    """Last way of every village's water, -1 where it is treated on the spot."""
    ends = []
    for v in frame.node:
        ways = path(frame, state, flow, int(v)) if state.collected[v] else []
        ends.append(ways[-1] if ways else -1)
    return ends


def _stations(frame: Frame, flow: Array, ends: list[int], used: list[int]) -> gpd.GeoDataFrame:
    import geopandas as gpd

    arcs = frame.model.arcs
    rows: list[dict[str, Any]] = []
    nodes = []
    for v in used:
        k = [
            e
            for e in ends
            if e >= 0 and arcs[e].tail == v and not arcs[e].plant and arcs[e].head < 0
        ]
        if not k:
            continue
        served = [i for i, e in enumerate(ends) if e == k[0]]
        nodes.append(v)
        rows.append(
            {
                "station_id": f"S{len(rows) + 1:03d}",
                "capacity_m3d": float(flow[v]),
                "villages": len(served),
                "people": float(frame.people[served].sum()),
                "build_yuan": frame.prices.station_build(float(flow[v])),
                "life_yuan": models.arc_cost(arcs[k[0]], float(flow[v])),
                "ground_m": float(frame.routes.ground[v]),
            }
        )
    columns = [
        "station_id",
        "capacity_m3d",
        "villages",
        "people",
        "build_yuan",
        "life_yuan",
        "ground_m",
    ]
    table = pd.DataFrame(rows, columns=columns).assign(node=nodes)
    return gpd.GeoDataFrame(
        table, geometry=list(shapely.points(frame.routes.xy[nodes])), crs=frame.crs
    )


def oriented(frame: Frame, arc: routes.Arc) -> tuple[Any, Array, Array]:
    """Geometry, distances and ground of a way in the direction of flow."""
    line = frame.routes.lines[arc.route]
    along, ground = frame.routes.profiles[arc.route]
    start = np.array(line.coords[0])
    if np.hypot(*(start - frame.routes.xy[arc.tail])) > 0.5:
        return line.reverse(), along[-1] - along[::-1], ground[::-1]
    return line, along, ground


def _pipes(
    frame: Frame, state: State, flow: Array, used: list[int], label: dict[int, str]
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    import geopandas as gpd

    at = {int(v): name for name, v in zip(frame.names, frame.node, strict=True)}
    rules = frame.prices.rules
    rows: list[dict[str, Any]] = []
    lines: list[Any] = []
    pump_rows: list[dict[str, Any]] = []
    pump_spots: list[Any] = []
    begins: dict[int, float] = {}
    arrives: list[tuple[int, float]] = []
    for v in used:
        arc = frame.model.arcs[state.way[v]]
        if arc.route < 0 or arc.length < 0.5:  # a sewer that passes the very node
            continue
        q = float(flow[v])
        option = arc.options[models.best_option(arc, q)]
        line, along, ground = oriented(frame, arc)
        depth, raised = depths_of(frame, option, along, ground, arc.end_depth)
        name = f"T{len(rows) + 1:04d}"
        peak = float(rules.peak(q))
        rows.append(
            {
                "pipe": name,
                "from": at.get(arc.tail, label.get(arc.tail, f"N{arc.tail}")),
                "to": arc.sewer
                if arc.head < 0
                else at.get(arc.head, label.get(arc.head, f"N{arc.head}")),
                "kind": "pressure" if option.kind == "pressure" else "gravity",
                "diameter_mm": round(option.diameter * 1000),
                "length_m": arc.length,
                "off_road": bool(frame.routes.across[arc.route]),
                "mean_m3d": q,
                "peak_ls": peak * 1000.0,
                "slope": _slope(depth, along, ground),
                "depth_min_m": float(depth.min()),
                "depth_max_m": float(depth.max()),
                "lifts": len(raised),
                "lift_m": float(sum(h for _, h in raised)),
                "joint_m": 0.0,
                "cost_yuan": models.arc_cost(arc, q),
            }
        )
        lines.append(line)
        begins[arc.tail] = np.inf if option.kind == "pressure" else float(depth[0])
        arrives.append((arc.head, float(depth[-1])))
        for i, head in raised:
            pump_rows.append(
                {"pump": f"B{len(pump_rows) + 1:03d}", "pipe": name, "chainage_m": float(along[i]),
                 "head_m": head, "peak_ls": peak * 1000.0,
                 "kw": 9.81 * peak * head / frame.prices.design["pump.efficiency"]}
            )  # fmt: skip
            pump_spots.append(shapely.line_interpolate_point(line, along[i]))
    for row, (node, deep) in zip(rows, arrives, strict=True):
        row["joint_m"] = max(0.0, deep - begins.get(node, np.inf))
    columns = ["pipe", "from", "to", "kind", "diameter_mm", "length_m", "off_road", "mean_m3d",
               "peak_ls", "slope", "depth_min_m", "depth_max_m", "lifts", "lift_m", "joint_m",
               "cost_yuan"]  # fmt: skip
    pipes = gpd.GeoDataFrame(pd.DataFrame(rows, columns=columns), geometry=lines, crs=frame.crs)
    names = ["pump", "pipe", "chainage_m", "head_m", "peak_ls", "kw"]
    pumps = gpd.GeoDataFrame(
        pd.DataFrame(pump_rows, columns=names), geometry=pump_spots, crs=frame.crs
    )
    return pipes, pumps


def depths_of(
    frame: Frame, option: routes.Option, along: Array, ground: Array, end_depth: float | None
) -> tuple[Array, list[tuple[int, float]]]:
    """Depth of the invert along a way, and its lifts (point, head)."""
    rules = frame.prices.rules
    if option.kind == "pressure":
        return np.full(len(along), rules.cover + option.diameter), [(0, option.lift_m)]
    if option.diameter == 0.0:
        return np.full(len(along), rules.cover + rules.diameters[0]), []
    k = int(np.argmin(np.abs(rules.diameters - option.diameter)))
    return routes.gravity_profile(
        along, ground, float(rules.min_slope[k]), float(rules.least_depth(k)), rules.max_depth,
        end_depth,
    )  # fmt: skip


def _slope(depth: Array, along: Array, ground: Array) -> float:
    """Mean slope of the invert, positive downwards in the direction of flow."""
    invert = ground - depth
    return float((invert[0] - invert[-1]) / along[-1]) if along[-1] > 0 else 0.0


# ---------------------------------------------------------------- decisions


def _decisions(
    frame: Frame, outcome: Outcome, flow: Array, ends: list[int], label: dict[int, str]
) -> pd.DataFrame:
    model, state, prices = frame.model, outcome.state, frame.prices
    table = empty_decisions(frame.villages, frame.names, frame.people, frame.mean)
    arcs = model.arcs
    sewer_m = _sewer_metres(frame)
    finder = Search(model, state)
    members: dict[int, int] = {}
    for end in ends:
        members[end] = members.get(end, 0) + 1
    plants: dict[str, int] = {}
    for end in ends:
        if end >= 0 and arcs[end].plant:
            plants[arcs[end].plant] = plants.get(arcs[end].plant, 0) + 1
    metre = float(prices.gravity_metre(0, 1.5) + prices.manhole(1.5) / prices.rules.manhole_spacing)
    metre *= prices.capital("pipe")
    join = prices.price["join_yuan"] * prices.capital("pipe")
    rows = []
    for i, v in enumerate(frame.node.tolist()):
        row: dict[str, Any] = {"sewer_m": sewer_m[v]}
        row["candidate_plant"], row["candidate_m"] = frame.candidate[i]
        if frame.people[i] <= 0:
            row |= {
                "reason": str(Reason.UNDECIDED),
                "text_zh": "无人口，不安排",
                "text_en": "nobody lives there",
            }
            rows.append(row)
            continue
        end = ends[i]
        if end < 0:
            row["choice"] = frame.local_choice[i]
        elif arcs[end].plant:
            row["choice"], row["facility_id"] = "sewer", arcs[end].plant
            row["group"] = plants[arcs[end].plant]
        else:
            row["choice"] = "station" if members[end] == 1 else "shared_station"
            row["facility_id"], row["group"] = label[arcs[end].tail], members[end]
        if end >= 0:
            row["trunk_m"] = float(frame.routes.leg[i] if np.isfinite(frame.routes.leg[i]) else 0.0)
            row["trunk_m"] += sum(arcs[k].length for k in path(frame, state, flow, v))
        row |= _alternatives(frame, outcome, finder, i, v)
        chosen = {"station": "cost_station", "shared_station": "cost_station"}.get(
            row["choice"], f"cost_{row['choice']}"
        )
        others = {
            c: row[c] for c in _COSTS if c != chosen and np.isfinite(row[c])
        }  # fmt: skip
        if others:
            best = min(others, key=lambda c: (others[c], c))
            row["next_best"] = best.removeprefix("cost_")
            row["extra_yuan"] = others[best] - row["cost_yuan"]
        rest = [row[c] for c in _COSTS[1:] if np.isfinite(row[c])]
        if rest:
            spare = min(rest) - float(model.collect[v]) - join - prices.plant * frame.mean[i]
            row["break_even_m"] = max(0.0, spare / metre) if metre > 0 else np.inf
        row |= _words(row)
        rows.append(row)
    given = pd.DataFrame(rows, index=table.index)
    for name in table.columns.intersection(given.columns):
        table[name] = given[name].where(given[name].notna(), table[name])
    return table


def _alternatives(
    frame: Frame, outcome: Outcome, finder: Search, i: int, v: int
) -> dict[str, float]:
    """What one village adds to the plan, and would add under each alternative."""
    model, state = frame.model, outcome.state
    collected = state.collected.copy()
    collected[v] = False
    without = models.tidy(model, State(state.way, collected))
    rest = models.cost(model, without) - float(model.local[v])
    now = outcome.cost - rest
    flow, _ = models.flows(model, without)
    limit = _FAR * max(now, float(model.local[v]))
    found: dict[str, float] = {"cost_yuan": now}
    for sink in ("sewer", "station"):
        extra, ways = finder.route(v, float(frame.mean[i]), flow, without.way, limit, sink=sink)
        found[f"cost_{sink}"] = extra + float(model.collect[v]) if ways else float("nan")
    found["cost_on_site"] = (
        float(frame.on_site[i]) if np.isfinite(frame.on_site[i]) else float("nan")
    )
    found["cost_reuse"] = float(frame.reuse[i]) if np.isfinite(frame.reuse[i]) else float("nan")
    return found


def _sewer_metres(frame: Frame) -> Array:
    """Length of the shortest trunk from each node to a recorded sewer; NaN where there is none."""
    import heapq

    n = len(frame.model.demand)
    best = np.full(n, np.inf)
    into: list[list[tuple[int, float]]] = [[] for _ in range(n)]
    queue: list[tuple[float, int]] = []
    for arc in frame.model.arcs:
        if arc.head >= 0:
            into[arc.head].append((arc.tail, arc.length))
        elif arc.plant and arc.length < best[arc.tail]:
            best[arc.tail] = arc.length
            heapq.heappush(queue, (arc.length, arc.tail))
    while queue:
        here, node = heapq.heappop(queue)
        if here > best[node]:
            continue
        for tail, length in into[node]:
            if here + length < best[tail]:
                best[tail] = here + length
                heapq.heappush(queue, (best[tail], tail))
    return np.where(np.isfinite(best), best, np.nan)


_WORD = {
    "sewer": Text("纳管", "joining the sewer"), "station": Text("集中处理站", "a station"),
    "on_site": Text("分散处理", "on-site treatment"), "reuse": Text("资源化", "reuse"),
}  # fmt: skip
_REASON = {
    "sewer": Reason.SEWER_CHEAPER, "station": Reason.STATION_CHEAPER,
    "shared_station": Reason.STATION_CHEAPER, "on_site": Reason.ON_SITE_CHEAPER,
    "reuse": Reason.ON_SITE_CHEAPER, "tank": Reason.EXCLUDED_AREA,
}  # fmt: skip


def _words(row: dict[str, Any]) -> dict[str, str]:
    """Reason of a choice, and in words what it rests on and what would change it."""
    from qianwan_gis.services._sewage.plan import CHOICES

    choice = CHOICES[row["choice"]]
    zh, en = (
        [f"{choice.zh}，本村新增费用现值 {row['cost_yuan'] / 1e4:.1f} 万元"],
        [f"{choice.en}: adds {row['cost_yuan'] / 1e4:.1f} x10⁴ yuan (present value)"],
    )
    if row["choice"] == "tank":
        zh.append("位于水源保护区，不得就地排放，外送更贵或不可行")
        en.append(
            "inside a water-source area: nothing may be discharged, and sending it out costs more"
        )
    if row.get("next_best"):
        word, extra = _WORD[row["next_best"]], row["extra_yuan"] / 1e4
        zh.append(f"次优为{word.zh}，贵 {extra:.1f} 万元")
        en.append(f"next best is {word.en}, {extra:.1f} x10⁴ yuan more")
        share = row["extra_yuan"] / max(row["cost_yuan"] + row["extra_yuan"], 1.0)
        zh.append(f"{word.zh}的费用下降 {share:.0%} 以上则改选")
        en.append(f"it would be chosen if its cost fell by more than {share:.0%}")
    even = row.get("break_even_m", np.nan)
    if np.isfinite(even):
        if np.isfinite(row["sewer_m"]):
            zh.append(
                f"单独接管的平衡距离约 {even / 1000:.1f} km，最近可接管网 {row['sewer_m'] / 1000:.1f} km"
            )
            en.append(f"joining alone would pay up to about {even / 1000:.1f} km; the nearest sewer that "
                      f"takes more is {row['sewer_m'] / 1000:.1f} km away")  # fmt: skip
        else:
            zh.append(f"无可接管网；单独接管的平衡距离约 {even / 1000:.1f} km")
            en.append(f"no sewer to join; joining alone would pay up to about {even / 1000:.1f} km")
    if row["candidate_plant"] and not np.isfinite(row["sewer_m"]):
        zh.append(
            f"仅作候选：{row['candidate_plant']}（无管网资料，直线 {row['candidate_m'] / 1000:.1f} km）"
        )
        en.append(f"candidate only: {row['candidate_plant']} (no sewer on record, "
                  f"{row['candidate_m'] / 1000:.1f} km straight)")  # fmt: skip
    return {
        "reason": str(_REASON[row["choice"]]), "text_zh": "；".join(zh), "text_en": "; ".join(en),
    }  # fmt: skip


# ---------------------------------------------------------------- bill and cost


def _bill(
    frame: Frame, state: State, flow: Array, used: list[int], decisions: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the bill of quantities and the cost by part; the life-cycle costs add up to the plan's."""
    prices, rules = frame.prices, frame.prices.rules
    bill = Bill()
    life = dict.fromkeys(
        ("pipe", "pump", "energy", "station", "plant", "join", "collection", "on_site"), 0.0
    )
    build_off = kilowatts = pumps = joins = 0.0
    by_pipe: dict[tuple[str, float], float] = {}
    diameter: list[float] = []
    depth: list[Array] = []
    length: list[Array] = []
    holes = deeper = 0.0

    def trunk(option: routes.Option, q: float, along: Array, ground: Array, end: float | None,
              factor: float) -> None:  # fmt: skip
        nonlocal build_off, kilowatts, pumps, holes, deeper
        if option.diameter == 0.0:
            return
        deep, _ = depths_of(frame, option, along, ground, end)
        middle, run = (deep[1:] + deep[:-1]) / 2.0, np.diff(along)
        key = ("pressure" if option.kind == "pressure" else "gravity", option.diameter)
        by_pipe[key] = by_pipe.get(key, 0.0) + float(along[-1])
        diameter.append(option.diameter)
        depth.append(middle)
        length.append(run)
        if option.kind == "pressure":
            k = int(np.argmin(np.abs(rules.pressure_diameters - option.diameter)))
            built = prices.pressure_metre(k) * float(along[-1])
            peak = float(rules.pressure_capacity[k])
        else:
            k = int(np.argmin(np.abs(rules.diameters - option.diameter)))
            count = float(along[-1]) / rules.manhole_spacing
            manhole = float(prices.manhole(middle).mean())
            built = float((prices.gravity_metre(k, middle) * run).sum()) + manhole * count
            holes += count
            deeper += float(np.maximum(middle - 1.5, 0.0).mean()) * count
            peak = float(rules.gravity_capacity[k])
        build_off += built * (factor - 1.0)
        life["pipe"] += built * factor * prices.capital("pipe")
        pumps += option.lifts
        kw = 9.81 * peak * option.lift_m / prices.design["pump.efficiency"] * q / option.capacity
        kilowatts += kw
        life["pump"] += option.lifts * float(prices.pump(0.0, 0.0))
        life["pump"] += kw * prices.price["pump_yuan_kw"] * prices.capital("pump")
        life["energy"] += float(prices.energy(option.lift_m)) * q

    for v in used:
        arc = frame.model.arcs[state.way[v]]
        q = float(flow[v])
        option = arc.options[models.best_option(arc, q)]
        if arc.head < 0 and not arc.plant:
            life["station"] += models.arc_cost(arc, q)
            bill.add("污水处理站", "Treatment station", f"{q:.0f} m³/d", "座", 1.0,
                     prices.station_build(q), "station")  # fmt: skip
            continue
        if arc.plant:
            joins += 1
            life["join"] += prices.price["join_yuan"] * prices.capital("pipe")
            life["plant"] += prices.plant * q
        if arc.route >= 0:
            _, along, ground = oriented(frame, arc)
            off = frame.routes.across[arc.route] and not arc.plant
            factor = float(frame.norms.value("sewage.trunk.cross_factor")) if off else 1.0
            trunk(option, q, along, ground, arc.end_depth, factor)
    choice = decisions["choice"].to_numpy(object)
    on = np.isin(choice, ["sewer", "station", "shared_station"])
    legs = float(frame.leg_cost[on].sum())
    life["pipe"] += legs
    for (kind, d), metres in sorted(by_pipe.items()):
        table = prices.pipe if kind == "gravity" else prices.pressure
        sizes = rules.diameters if kind == "gravity" else rules.pressure_diameters
        price = float(table[int(np.argmin(np.abs(sizes - d)))])
        zh, en = (
            ("干管（重力）", "Trunk, gravity")
            if kind == "gravity"
            else ("干管（压力）", "Trunk, pressure")
        )
        bill.add(zh, en, f"DN{d * 1000:.0f}", "m", metres, price, "pipe")
    if length:
        run = np.concatenate(length)
        wide = np.repeat(diameter, [len(x) for x in length])
        earthwork(bill, wide, np.concatenate(depth), run, prices)
    bill.add("检查井", "Manhole", "≤1.5 m", "座", holes, prices.price["manhole_yuan"], "pipe")
    bill.add("检查井加深", "Manholes, further depth", ">1.5 m", "m", deeper,
             prices.price["manhole_yuan_m"], "pipe")  # fmt: skip
    bill.add(
        "越野段增加费",
        "Off the road, extra",
        "",
        "项",
        1.0 if build_off > 0 else 0.0,
        build_off,
        "pipe",
    )
    bill.add("村至干管连接管", "Legs from villages to the trunk", "", "项", 1.0 if legs > 0 else 0.0,
             legs / prices.capital("pipe"), "pipe")  # fmt: skip
    bill.add(
        "一体化泵站", "Packaged pumping station", "", "座", pumps, prices.price["pump_yuan"], "pump"
    )
    bill.add("泵组功率", "Pump power", "", "kW", kilowatts, prices.price["pump_yuan_kw"], "pump")
    bill.add("接入井", "Joining well", "", "座", joins, prices.price["join_yuan"], "join")
    served = float(frame.households[on].sum())
    metre = (
        float(prices.gravity_metre(0, rules.cover + rules.diameters[0] + 0.3))
        + float(prices.manhole(1.5)) / 30.0
    )
    bill.add(
        "村内管网",
        "Village sewers",
        "DN200",
        "m",
        served * prices.price["collect_m"],
        metre,
        "collection",
    )
    bill.add("接户", "House connection", "", "户", served, prices.price["house_yuan"], "collection")
    life["collection"] = float(prices.collection(served))
    for kind, zh, en, key in (
        ("on_site", "户用处理设施", "On-site unit", "on_site_yuan"),
        ("reuse", "资源化设施", "Reuse unit", "reuse_yuan"),
        ("tank", "密闭贮池", "Sealed tank", "tank_yuan"),
    ):
        mine = choice == kind
        number = float(frame.households[mine].sum())
        bill.add(zh, en, "", "户", number, prices.price[key], "on_site")
        pay = {"on_site": frame.on_site, "reuse": frame.reuse, "tank": frame.tank}[kind]
        life["on_site"] += float(pay[mine].sum())
    table = bill.table()
    build = table.groupby("part")["amount_yuan"].sum()
    costs = pd.DataFrame(
        [(part, float(build.get(part, 0.0)), value) for part, value in life.items()],
        columns=["part", "build_yuan", "life_yuan"],
    )
    return table, costs


def coverage_rows(plan: SewagePlan) -> pd.DataFrame:
    """Return what the coverage table takes from a plan, one row per village.

    Columns ``code``, ``service``, ``tier``, ``facility_id``, ``metres`` (trunk), ``reason``.
    A plan is not a sewer in the ground: ``covered`` is left to the register.
    """
    table = plan.decisions
    tier = (
        table["choice"]
        .map({"sewer": "sewer", "station": "station", "shared_station": "station"})
        .fillna("on_site")
    )
    return pd.DataFrame(
        {
            "code": table["code"], "service": "sewage", "tier": tier,
            "facility_id": table["facility_id"], "metres": table["trunk_m"],
            "reason": table["reason"],
        },
        index=table.index,
    )  # fmt: skip
