"""Pressure zones: who shares one level of water, where each begins, and long sections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis._errors import ProblemLog
    from qianwan_gis.services._water.hydraulics import Rules
    from qianwan_gis.services._water.model import Checked, Scheme
    from qianwan_gis.services._water.system import WaterSystem

_AROUND_M = 150.0  # of the pipes of a zone, for its polygon


def gravity_bands(
    villages: pd.DataFrame, works: pd.DataFrame, rules: Rules, *, gradient: float = 0.004
) -> pd.DataFrame:
    """Say before any design who could be fed by gravity from which works.

    Parameters
    ----------
    villages, works
        ``code`` or ``facility_id``, ``ground_m`` (works: ``head_m`` level instead where known) and
        points in one projected CRS.
    gradient
        Loss per metre of straight distance that a pipe may use.

    Returns
    -------
    Long table ``code``, ``facility_id``, ``metres`` (straight), ``head_m`` (level over the village's
    ground), ``left_m`` (after the loss), ``band``: ``gravity``; ``break`` (gravity, but more than a
    tap may have at rest); ``booster``.
    """
    level = works["ground_m"].to_numpy(float)
    if "head_m" in works:
        level = np.where(works["head_m"].notna(), works["head_m"], level)
    homes, places = villages.geometry.to_numpy(), works.geometry.to_numpy()
    metres = shapely.distance(homes[:, None], places[None, :])
    head = level[None, :] - villages["ground_m"].to_numpy(float)[:, None]
    left = head - gradient * metres
    band = np.where(
        left < rules["head.service_m"],
        "booster",
        np.where(head > rules["head.static_max_m"], "break", "gravity"),
    )
    n, m = metres.shape
    return pd.DataFrame(
        {
            "code": np.repeat(villages["code"].to_numpy(), m),
            "facility_id": np.tile(works["facility_id"].to_numpy(), n),
            "metres": metres.ravel(),
            "head_m": head.ravel(),
            "left_m": left.ravel(),
            "band": band.ravel(),
        }
    )


def label(scheme: Scheme) -> list[str]:
    """Return the zone of every node of a system: a new one begins behind each pump and tank."""
    tree, design = scheme.laid.tree, scheme.design
    number = 1
    names = [f"{scheme.works_id}-1"]
    for v in range(1, len(tree.parent)):
        if np.isfinite(design.setpoint[v]):
            number += 1
            names.append(f"{scheme.works_id}-{number}")
        else:
            names.append(names[int(tree.parent[v])])
    return names


def kinds(scheme: Scheme) -> list[str]:
    """Return by node what sets the level of its zone: gravity, pumped or broken."""
    tree, design = scheme.laid.tree, scheme.design
    found = ["pumped" if design.lift[0] > 0 else "gravity"]
    for v in range(1, len(tree.parent)):
        if design.lift[v] > 0:
            found.append("pumped")
        elif design.breaks[v]:
            found.append("broken")
        else:
            found.append(found[int(tree.parent[v])])
    return found


def zone_rows(scheme: Scheme, zone_of: list[str], table: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """Return one row per zone with its polygon."""
    laid, design = scheme.laid, scheme.design
    kind = kinds(scheme)
    people = table["population"].to_numpy(float)
    rows = []
    for zone in dict.fromkeys(zone_of):
        nodes = [v for v, z in enumerate(zone_of) if z == zone]
        inlets = [v for v in nodes if laid.terminal[v] >= 0]
        lines = [laid.lines[v] for v in nodes if v]
        shape = shapely.union_all([*lines, *(shapely.Point(laid.xy[v]) for v in nodes)])
        ground = laid.tree.ground[nodes]
        rows.append(
            {
                "zone": zone, "system": scheme.works_id, "kind": kind[nodes[0]],
                "level_m": round(float(design.static[nodes[0]]), 2),
                "ground_low_m": round(float(ground.min()), 2),
                "ground_high_m": round(float(ground.max()), 2),
                "villages": len(inlets),
                "people": float(people[laid.terminal[inlets]].sum()) if inlets else 0.0,
                "geometry": shapely.buffer(shape, _AROUND_M),
            }
        )  # fmt: skip
    return rows


def pipe_rows(
    scheme: Scheme, zone_of: list[str], checked: Checked, rules: Rules, table: gpd.GeoDataFrame,
    rings: list[dict[str, Any]],
) -> list[dict[str, Any]]:  # fmt: skip
    """Return one row per pipe; flow, velocity and loss are EPANET's at the peak hour.

    ``villages_cut``, ``people_cut``: who has no way left to the works when the pipe is shut.
    """
    laid, design = scheme.laid, scheme.design
    kind = kinds(scheme)
    people = table["population"].to_numpy(float)
    cut = behind(scheme, [r for r in rings if r["system"] == scheme.works_id])
    rows = []
    for v in range(1, len(laid.tree.parent)):
        name, k = scheme.pipe[v], int(design.size[v])
        static = float(design.static[v] - laid.tree.low[v])
        rank = int(np.searchsorted(rules.class_m, static - 1e-6))
        rows.append(
            {
                "pipe": name, "system": scheme.works_id, "zone": zone_of[v],
                "kind": "pumped" if kind[v] == "pumped" else "gravity",
                "name": rules.names[k], "diameter_mm": round(float(rules.diameters[k]) * 1e3, 1),
                "length_m": round(float(laid.tree.length[v]), 2),
                "flow_ls": round(float(checked.day.flow[name].abs().max()) * 1e3, 4),
                "velocity_ms": round(float(checked.day.velocity[name].max()), 4),
                "headloss_m": round(float(checked.day.headloss[name].max()), 4),
                "static_m": round(static, 2),
                "class_mpa": float(rules.classes[min(rank, len(rules.classes) - 1)]),
                "villages_cut": len(cut[v]), "people_cut": float(people[cut[v]].sum()),
                "basis": "presumed" if laid.presumed[v] else "road",
                "geometry": laid.lines[v],
            }
        )  # fmt: skip
    return rows


def behind(scheme: Scheme, rings: list[dict[str, Any]]) -> list[list[int]]:
    """Return by node the villages (positions) that its pipe alone joins to the works."""
    tree = scheme.laid.tree
    n = len(tree.parent)
    below: list[set[int]] = [{v} for v in range(n)]
    for v in range(n - 1, 0, -1):
        below[int(tree.parent[v])] |= below[v]
    number = {name: v for v, name in enumerate(scheme.node)} | {t: v for v, t in scheme.tap.items()}
    across = [(number[ring["ends"][0]], number[ring["ends"][1]]) for ring in rings]
    found = []
    for v in range(n):
        other_way = any((a in below[v]) != (b in below[v]) for a, b in across)
        inside = [] if other_way else sorted(below[v])
        found.append([int(scheme.laid.terminal[k]) for k in inside if k in scheme.tap])
    return found


def add_loops(
    system: WaterSystem, schemes: list[Scheme], rules: Rules, most: int, log: ProblemLog
) -> list[dict[str, Any]]:
    """Add up to ``most`` ring pipes to each system, each between villages of one zone.

    Chosen by how far apart the two ends are along the tree against the straight way (1.3 times it
    is laid), so each ring shortens the longest detours first. Rings lie off the tree: their line is
    straight and marked ``sketch``.
    """
    rows: list[dict[str, Any]] = []
    for scheme in schemes:
        laid, design = scheme.laid, scheme.design
        zone_of = label(scheme)
        tips = list(scheme.tap)
        pairs = []
        for i, a in enumerate(tips):
            for b in tips[i + 1 :]:
                if zone_of[a] == zone_of[b]:
                    straight = 1.3 * float(np.hypot(*(laid.xy[a] - laid.xy[b])))
                    pairs.append((straight / _apart(scheme, a, b), a, b, straight))
        added, used = 0, set()
        for ratio, a, b, metres in sorted(pairs):
            if added == most or ratio >= 1.0:
                break
            if a in used or b in used:
                continue
            used |= {a, b}
            added += 1
            k = int(min(design.size[a], design.size[b]))
            name = f"S{scheme.number}L{added}"
            rows.append(
                {
                    "pipe": name, "system": scheme.works_id, "zone": zone_of[a], "kind": "ring",
                    "name": rules.names[k], "size": k, "ends": (scheme.node[a], scheme.node[b]),
                    "villages_cut": 0, "people_cut": 0.0,
                    "diameter_mm": round(float(rules.diameters[k]) * 1e3, 1),
                    "length_m": round(metres, 2), "basis": "sketch",
                    "geometry": shapely.LineString([laid.xy[a], laid.xy[b]]),
                }
            )  # fmt: skip
            add_ring(system, rows[-1], rules)
        if added < most:
            log.add("note", "fewer_rings", f"{scheme.name} 同一压力分区内只找到 {added} 处成环机会",
                    f"{scheme.name}: only {added} rings possible within one zone")  # fmt: skip
    return rows


def add_ring(system: WaterSystem, ring: dict[str, Any], rules: Rules) -> None:
    """Add a ring pipe to the model."""
    start, end = ring["ends"]
    system.model.add_pipe(
        ring["pipe"], start, end, length=ring["length_m"],
        diameter=float(rules.diameters[ring["size"]]), roughness=rules.roughness,
    )  # fmt: skip


def _apart(scheme: Scheme, a: int, b: int) -> float:
    """Metres along the tree between two nodes."""
    tree = scheme.laid.tree
    up: dict[int, float] = {}
    total, node = 0.0, a
    while node >= 0:
        up[node] = total
        total += float(tree.length[node])
        node = int(tree.parent[node])
    total, node = 0.0, b
    while node not in up:
        total += float(tree.length[node])
        node = int(tree.parent[node])
    return total + up[node]
