"""Closed, opened and slower roads as masks on one network."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from qianwan_gis import _io
from qianwan_gis import roads as road_files
from qianwan_gis._errors import ProblemLog
from qianwan_gis._text import Text
from qianwan_gis.services.ground import Ground, road_names

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis.county import LayerSpec
    from qianwan_gis.network import RoadNetwork, Snapped
    from qianwan_gis.scenarios.model import Scenario
    from qianwan_gis.scenarios.run import PlanLike

    Bools = NDArray[np.bool_]

_NAMES = ("name", "ref", "road_id")


@dataclass(frozen=True)
class Roads:
    """One network before and after.

    Attributes
    ----------
    before, after
        Networks of the same topology; ``after`` differs in weights alone.
    ground, ground_after
        The terrain under each; None without.
    closed, opened
        Edges that the scenario closes or opens.
    lines
        The roads that are different: ``road``, ``road_class``, ``what`` (closed, opened, slower, faster),
        ``metres``.
    new
        Whether ``before`` was made for the scenario; else it is the plan's own network.
    """

    before: RoadNetwork
    after: RoadNetwork
    ground: Ground | None
    ground_after: Ground | None
    closed: Bools
    opened: Bools
    lines: gpd.GeoDataFrame
    new: bool
    walk_m: float

    @property
    def moves(self) -> bool:
        """Whether people may join the network elsewhere than before."""
        return bool(self.closed.any() or self.opened.any())

    def places(self, points: gpd.GeoSeries, mode: str) -> list[Snapped]:
        """Place points on the network after: where they were, else near; and by a new road.

        Who lives by a closed road goes to another one only if that is near (``close.walk_m``):
        a straight walk across the flood is no way. Where roads are opened the second entry has
        the nearest road of all; a traveller takes the quicker of the two.
        """
        was = self.before.snap(points, mode=mode)
        now = self.after.snap(points, mode=mode)
        passable = self.after.passable(mode)
        open_node = np.zeros(len(self.before.x), bool)
        open_node[self.after.u[passable]] = True
        open_node[self.after.v[passable]] = True
        shut = (was.edge >= 0) & ~passable[np.maximum(was.edge, 0)]
        shut |= (was.node >= 0) & ~open_node[np.maximum(was.node, 0)]
        far = now.metres > np.maximum(self.walk_m, np.nan_to_num(was.metres))
        lost = shut & (far | ~now.found)
        kept = was.found & ~shut
        first = replace(
            now, node=np.where(lost, -1, np.where(kept, was.node, now.node)).astype(np.int32),
            edge=np.where(lost, -1, np.where(kept, was.edge, now.edge)).astype(np.int32),
            fraction=np.where(kept, was.fraction, now.fraction),
            metres=np.where(lost, np.nan, np.where(kept, was.metres, now.metres)),
            x=np.where(kept, was.x, now.x), y=np.where(kept, was.y, now.y),
        )  # fmt: skip
        return [first, now] if self.opened.any() else [first]


def prepare(plan: PlanLike, scenario: Scenario, log: ProblemLog) -> Roads:
    """Find the roads that a scenario names and make both states of one network.

    Every fault goes to ``log``: unknown names (with the nearest ones), layers that touch no road,
    files that cannot be read. The caller raises.
    """
    earlier = len(log.errors)
    area = _area(plan, scenario, log)
    extra = _extra(plan, scenario, log)
    if len(log.errors) > earlier:  # without these files the network cannot be made
        log.raise_errors()
    opens = bool(scenario.open.planned) or extra is not None
    new = area is not None or opens
    if new:
        roads = plan.roads if extra is None else pd.concat([plan.roads, extra], ignore_index=True)
        raw, ground = plan.measure(_split(roads, area), planned=opens)
    else:
        raw, ground = plan.network, plan.ground
    planned = _planned(raw)
    opened = _opened(raw, scenario, planned, extra, log)
    closed = _closed(raw, scenario, area, log) & (~planned | opened)
    edits = _speeds(raw, scenario, log)
    log.raise_errors()
    still = planned & ~opened
    before = _masked(raw, planned, ())
    after = _masked(raw, still | closed, edits)
    grounds: list[Ground | None] = [None, None]
    if ground is not None:
        grounds = [
            Ground(ground.terrain, _masked(ground.flat, shut, speeds), ground.standards, friction)
            for shut, speeds, friction in (
                (planned, (), ground.friction),
                (still | closed, edits, _barrier(ground.friction, area, plan.crs)),
            )
        ]
    return Roads(
        before, after, grounds[0], grounds[1], closed, opened,
        _layer(raw, before, after, closed, opened), new, scenario.close.walk_m,
    )  # fmt: skip


def _masked(net: RoadNetwork, shut: Bools, speeds: Iterable[tuple[str, Bools, Any]]) -> RoadNetwork:
    """Return the network with closed edges and other speeds; nothing is rebuilt."""
    if shut.any():
        net = net.with_weights(closed=shut)
    for mode, edges, speed in speeds:
        times = net.seconds[mode]
        new = [
            np.where(edges & np.isfinite(old), speed(old, net.metres), old)
            for old in (times.forward, times.backward)
        ]
        net = net.with_weights(new[0], backward=new[1], mode=mode)
    return net


def _layer_files(
    scenario: Scenario, specs: Sequence[LayerSpec]
) -> Iterable[tuple[LayerSpec, Path]]:
    for spec in specs:
        yield spec, spec.path if spec.path.is_absolute() else scenario.folder / spec.path


def _area(plan: PlanLike, scenario: Scenario, log: ProblemLog) -> Any:
    """Return where roads are closed, as one shape in the plan's CRS; None without."""
    shapes = []
    box = shapely.box(*plan.roads.total_bounds) if len(plan.roads) else shapely.Polygon()
    for spec, path in _layer_files(scenario, scenario.close.within):
        before = len(log.errors)
        layer = _io.read_layer(
            path, layer=spec.layer, crs=spec.crs, datum=spec.datum, encoding=spec.encoding, log=log
        )
        if len(log.errors) > before:
            continue
        moved = shapely.force_2d(layer.to_crs(plan.crs).geometry.to_numpy())
        solid = shapely.area(moved) > 0
        # a line closes the road under it and what it crosses
        moved = np.where(solid, moved, shapely.buffer(moved, scenario.close.tolerance_m))
        shape = shapely.union_all(shapely.make_valid(moved))
        touched = shapely.intersects(plan.roads.geometry.to_numpy(), shape)
        if not touched.any():
            far = float(shapely.distance(shape, box)) / 1000.0
            log.add(
                "error", "empty_selection",
                f"范围内没有道路，距路网范围{far:.1f}公里",
                f"there is no road inside; it lies {far:.1f} km from the roads",
                file=path, field="close.within",
                fix=("核对坐标系和位置", "check its CRS and position"),
            )  # fmt: skip
        shapes.append(shape)
    return shapely.union_all(shapes) if shapes else None


def _extra(plan: PlanLike, scenario: Scenario, log: ProblemLog) -> gpd.GeoDataFrame | None:
    """Return the roads of the files to be opened, as planned ones."""
    parts = []
    for spec, path in _layer_files(scenario, scenario.open.files):
        before = len(log.errors)
        part = road_files.read_roads(
            path, crs=plan.crs, layer=spec.layer, file_crs=spec.crs, file_datum=spec.datum,
            encoding=spec.encoding, columns=spec.columns, classes=spec.classes, basis=spec.basis,
            log=log,
        )  # fmt: skip
        if len(log.errors) == before:
            known = set(plan.roads["road_id"].astype(str))
            ids = [f"{path.stem}-{i}" if i in known else i for i in part["road_id"].astype(str)]
            parts.append(part.assign(status="planned", road_id=ids))
    if not parts:
        return None
    import geopandas as gpd

    return gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), geometry="geometry", crs=plan.crs)


def _split(roads: gpd.GeoDataFrame, area: Any) -> gpd.GeoDataFrame:
    """Cut roads at the edge of an area, so that every piece is inside or outside."""
    if area is None:
        return roads
    shapely.prepare(area)
    lines = roads.geometry.to_numpy()
    touched = shapely.intersects(lines, area)
    cut = [
        roads[touched].assign(geometry=part(lines[touched], area))
        for part in (shapely.intersection, shapely.difference)
    ]
    table = pd.concat([roads[~touched], *cut], ignore_index=True).explode(ignore_index=True)
    kept = (shapely.get_dimensions(table.geometry.to_numpy()) == 1) & (table.geometry.length > 0)
    return table[kept].reset_index(drop=True)


def _planned(net: RoadNetwork) -> Bools:
    if "status" not in net.attributes.columns:
        return np.zeros(len(net.u), np.bool_)
    return np.asarray(net.attributes["status"].astype(str) == "planned", dtype=np.bool_)


def _closed(net: RoadNetwork, scenario: Scenario, area: Any, log: ProblemLog) -> Bools:
    close = scenario.close
    out = _named(net, close.roads, "close.roads", log) | _of_class(
        net, close.classes, "close.classes", log
    )
    if area is not None:
        work = net.working
        lines = shapely.from_ragged_array(
            shapely.GeometryType.LINESTRING, np.ascontiguousarray(work.xy), (work.pointer,)
        )
        middle = shapely.line_interpolate_point(lines, 0.5, normalized=True)
        shapely.prepare(area)
        inside = shapely.intersects(middle, area)
        if not close.bridges:
            over = np.zeros(len(net.u), bool)
            for name in ("bridge", "tunnel"):
                if name in net.attributes.columns:
                    over |= np.asarray(net.attributes[name].fillna(value=False), dtype=bool)
            if (inside & over).any():
                count = int((inside & over).sum())
                log.add(
                    "note", "bridges_open",
                    f"范围内有{count}段桥梁或隧道，按仍可通行计（[close] bridges = true 则一并中断）",
                    f"{count} pieces of bridges or tunnels inside stay open (close them with "
                    "bridges = true)",
                    field="close.bridges",
                )  # fmt: skip
            inside &= ~over
        out = out | inside
    return np.asarray(out, dtype=np.bool_)


def _opened(
    net: RoadNetwork, scenario: Scenario, planned: Bools, extra: gpd.GeoDataFrame | None,
    log: ProblemLog,
) -> Bools:  # fmt: skip
    wanted = scenario.open.planned
    out = np.zeros(len(net.u), np.bool_)
    if extra is not None:
        out |= (
            planned & net.attributes["road_id"].astype(str).isin(set(extra["road_id"])).to_numpy()
        )
    if wanted is True:
        if not planned.any():
            log.add(
                "error", "empty_selection", "路网里没有规划道路",
                "there are no planned roads on record", field="open.planned",
                fix=("用 open.files 给出规划道路", "supply them with open.files"),
            )  # fmt: skip
        out |= planned
    elif wanted:
        out |= planned & _named(net, wanted, "open.planned", log, among=planned)
    return out


def _named(
    net: RoadNetwork, names: Sequence[str], field: str, log: ProblemLog, *,
    among: Bools | None = None,
) -> Bools:  # fmt: skip
    """Return the edges of roads by name, number or identifier; unknown ones get suggestions."""
    out = np.zeros(len(net.u), np.bool_)
    if not names:
        return out
    table = net.attributes
    columns = [
        table[c].astype(object).fillna("").astype(str).str.strip().str.casefold().to_numpy()
        for c in _NAMES if c in table.columns
    ]  # fmt: skip
    use = np.ones(len(net.u), np.bool_) if among is None else among
    for name in names:
        wanted = name.strip().casefold()
        found = use & np.any([column == wanted for column in columns], axis=0)
        if not wanted or not found.any():
            known = {
                str(v)
                for c in _NAMES if c in table.columns
                for v in table.loc[use, c].astype(object).fillna("").astype(str).unique() if v
            }  # fmt: skip
            near = nearest_names(name, known)
            log.add(
                "error", "unknown_road", f"没有道路“{name}”", f"there is no road “{name}”",
                field=field,
                fix=(f"是否为：{'、'.join(near)}", f"did you mean {', '.join(near)}")
                if near else ("写路名、路线编号或道路编号", "give a name, number or road_id"),
            )  # fmt: skip
            continue
        out |= found
    return out


def nearest_names(name: str, known: Iterable[str], most: int = 5) -> list[str]:
    """Return the known names that are most like one: those that hold it first, then alike ones."""
    ordered = sorted(known)
    inside = [k for k in ordered if name and (name in k or k in name) and len(k) > 1]
    alike = difflib.get_close_matches(name, ordered, n=most, cutoff=0.5)
    return list(dict.fromkeys([*sorted(inside, key=len), *alike]))[:most]


def _of_class(net: RoadNetwork, classes: Sequence[str], field: str, log: ProblemLog) -> Bools:
    out = np.zeros(len(net.u), np.bool_)
    there = net.attributes.get("road_class", pd.Series("", index=net.attributes.index)).astype(str)
    for name in classes:
        found = there.eq(name).to_numpy()
        if not found.any():
            listed = "、".join(sorted(set(there) - {""}))
            log.add(
                "error", "empty_selection", f"路网里没有“{name}”级道路",
                f"the network has no roads of class “{name}”", field=field,
                fix=(f"现有等级：{listed}", f"classes there: {listed}"),
            )  # fmt: skip
        out |= found
    return out


def _speeds(net: RoadNetwork, scenario: Scenario, log: ProblemLog) -> list[tuple[str, Bools, Any]]:
    """Return mode, edges and a function of (seconds, metres) for every change of speed."""
    found: list[tuple[str, Bools, Any]] = []
    for number, speed in enumerate(scenario.speed, start=1):
        field = f"speed.{number}"
        edges = _named(net, speed.roads, field, log) | _of_class(net, speed.classes, field, log)
        if not speed.roads and not speed.classes:
            edges[:] = True
        if speed.mode is not None and speed.mode not in net.modes:
            there = "、".join(net.modes)
            log.add("error", "unknown_mode", f"没有出行方式“{speed.mode}”",
                    f"there is no mode “{speed.mode}”", field=field,
                    fix=(f"可用：{there}", f"there are: {there}"))  # fmt: skip
            continue
        found.extend(
            (mode, edges, _slower(speed.factor, speed.kph))
            for mode in ([speed.mode] if speed.mode else net.modes)
        )
    return found


def _slower(factor: float | None, kph: float | None) -> Any:
    if factor is not None:
        return lambda seconds, metres: seconds / factor  # noqa: ARG005
    assert kph is not None  # noqa: S101  # one of them is there
    return lambda seconds, metres: metres / (kph / 3.6)  # noqa: ARG005


def _barrier(friction: gpd.GeoDataFrame | None, area: Any, crs: Any) -> gpd.GeoDataFrame | None:
    """Return what is hard to cross on foot: nobody walks through a closed area."""
    if area is None:
        return friction
    import geopandas as gpd

    closed = gpd.GeoDataFrame({"friction": [np.inf]}, geometry=[area], crs=crs)
    if friction is None:
        return closed
    both = pd.concat([friction[["friction", "geometry"]].to_crs(crs), closed], ignore_index=True)
    return gpd.GeoDataFrame(both, geometry="geometry", crs=crs)


def _layer(
    raw: RoadNetwork, before: RoadNetwork, after: RoadNetwork, closed: Bools, opened: Bools
) -> gpd.GeoDataFrame:
    """Return the roads that are different, with what is different about them."""
    import geopandas as gpd

    what = np.full(len(raw.u), "", dtype=object)
    for mode in raw.modes[::-1]:  # the default mode has the last word
        old, new = before.seconds[mode], after.seconds[mode]
        for one, two in ((old.backward, new.backward), (old.forward, new.forward)):
            both = np.isfinite(one) & np.isfinite(two)
            gap = np.where(both, np.where(both, two, 0.0) - np.where(both, one, 0.0), 0.0)
            what[gap > 1e-9] = "slower"
            what[gap < -1e-9] = "faster"
    what[opened] = "opened"
    what[closed] = "closed"
    rows = np.flatnonzero(what != "")
    classes = raw.attributes.get("road_class", pd.Series("", index=raw.attributes.index))
    table = {
        "road": road_names(raw.attributes)[rows],
        "road_class": classes.astype(str).to_numpy()[rows],
        "what": what[rows],
        "metres": np.round(raw.metres[rows], 1),
    }
    lines = raw.edge_lines(rows.astype(np.int32))
    return gpd.GeoDataFrame(table, geometry=lines, crs=raw.crs)


def lengths(lines: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return kilometres by what is different: ``what``, ``pieces``, ``km``."""
    made = lines.groupby("what", sort=True)["metres"].agg(["size", "sum"]).reset_index()
    return pd.DataFrame(
        {"what": made["what"], "pieces": made["size"], "km": (made["sum"] / 1000.0).round(1)}
    )


WHAT_TEXT: dict[str, Text] = {
    "closed": Text("中断", "closed"),
    "opened": Text("新通车", "opened"),
    "slower": Text("变慢", "slower"),
    "faster": Text("变快", "faster"),
}
