"""Which villages first, as county plans rank them, with the reasons; and which in which year."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from qianwan_gis._errors import DataError, Problem, UsageError
from qianwan_gis._text import Text

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.services._sewage.plan import SewagePlan
    from qianwan_gis.standards import Standards

#: Grounds for priority: layer name, its weight's norm and distance's norm ("" none), and the words.
GROUNDS: dict[str, tuple[str, Text]] = {
    "water_sources": ("", Text("饮用水水源保护区内", "inside a water-source protection zone")),
    "black_odour": (
        "sewage.priority.black_odour_m",
        Text("黑臭水体边", "beside black-odour water"),
    ),
    "rivers": ("sewage.priority.river_m", Text("河流沿岸", "on a riverbank")),
    "reservoirs": (
        "sewage.priority.reservoir_m",
        Text("水库上游或库边", "above or beside a reservoir"),
    ),
}


def rank(
    villages: gpd.GeoDataFrame,
    *,
    standards: Standards,
    water_sources: gpd.GeoDataFrame | None = None,
    black_odour: gpd.GeoDataFrame | None = None,
    rivers: gpd.GeoDataFrame | None = None,
    reservoirs: gpd.GeoDataFrame | None = None,
    tourist: Any = None,
) -> pd.DataFrame:
    """Rank villages by the sum of the weights of all grounds that apply.

    Parameters
    ----------
    villages
        Points with ``settlement_id`` or ``code`` and ``population`` (or ``people``), projected.
    water_sources, black_odour, rivers, reservoirs
        Layers of the grounds; those not given are named in ``not_known``. ``reservoirs`` may be
        catchment areas: a village inside one lies upstream.
    tourist
        Codes of tourist villages.

    Returns
    -------
    ``code``, ``rank``, ``score``, ``reasons_zh``, ``reasons_en``, ``not_known`` (grounds without
    data), index of ``villages``. Equal scores rank by people, then by code.
    """
    if villages.crs is None or not villages.crs.is_projected:
        raise DataError(
            Problem("not_projected", "error",
                    Text("村庄须为平面坐标（米）", "villages must be in projected metres"), file="villages")
        )  # fmt: skip
    key = "settlement_id" if "settlement_id" in villages else "code"
    codes = villages[key].astype(str)
    people = villages["population" if "population" in villages else "people"].to_numpy(float)
    points = villages.geometry.to_numpy()
    score = np.zeros(len(villages))
    zh: list[list[str]] = [[] for _ in codes]
    en: list[list[str]] = [[] for _ in codes]
    missing = []

    def apply(mask: Any, weight: float, text: Text) -> None:
        for i in np.flatnonzero(mask):
            score[i] += weight
            zh[i].append(f"{text.zh}（{weight:g}分）")
            en[i].append(f"{text.en} ({weight:g})")

    layers = {
        "water_sources": water_sources, "black_odour": black_odour, "rivers": rivers,
        "reservoirs": reservoirs,
    }  # fmt: skip
    for name, layer in layers.items():
        distance, text = GROUNDS[name]
        weight = float(standards.value(f"sewage.priority.{name}"))
        if layer is None:
            missing.append(name)
            continue
        shapes = layer.to_crs(villages.crs).geometry.to_numpy()
        reach = float(standards.value(distance)) if distance else 0.0
        near = np.zeros(len(points), bool)
        if len(shapes):
            tree = shapely.STRtree(shapes)
            near[np.unique(tree.query(points, predicate="dwithin", distance=reach)[0])] = True
        apply(near, weight, text)
    dense = float(standards.value("sewage.priority.dense_people"))
    apply(people >= dense, float(standards.value("sewage.priority.dense")),
          Text(f"人口密集（≥{dense:g}人）", f"many people (≥{dense:g})"))  # fmt: skip
    if tourist is None:
        missing.append("tourist")
    else:
        known = set(map(str, tourist))
        unknown = known - set(codes)
        if unknown:
            raise UsageError(
                Text(f"旅游村代码不在村庄表中：{'、'.join(sorted(unknown))}",
                     f"tourist villages not in the table: {', '.join(sorted(unknown))}")
            )  # fmt: skip
        apply(codes.isin(known), float(standards.value("sewage.priority.tourist")),
              Text("旅游村", "a tourist village"))  # fmt: skip
    order = sorted(range(len(codes)), key=lambda i: (-score[i], -people[i], codes.iloc[i]))
    place = np.empty(len(codes), np.int64)
    place[order] = np.arange(1, len(codes) + 1)
    return pd.DataFrame(
        {
            "code": codes, "rank": place, "score": score,
            "reasons_zh": ["；".join(r) or "无优先情形" for r in zh],
            "reasons_en": ["; ".join(r) or "no ground for priority" for r in en],
            "not_known": " ".join(missing),
        },
        index=villages.index,
    )  # fmt: skip


def counts_of_targets(targets: pd.DataFrame) -> dict[int, int]:
    """Return how many villages the published targets ask for in each year.

    Rows of TARGETS whose topic is the treatment of sewage in villages, counted in villages, with a
    year; targets for one year of several scopes add up.
    """
    topic = targets["topic"].astype(str)
    mine = topic.str.contains("污水") & targets["unit"].astype(str).str.contains("村")
    mine &= targets["kind"].eq("target") & pd.to_numeric(targets["year"], errors="coerce").notna()
    own = targets[mine]
    found = own.groupby(own["year"].astype(int))["value"].sum()
    return {int(year): int(number) for year, number in found.items()}


def phases(plan: SewagePlan, counts: Mapping[int, int], ranking: pd.DataFrame) -> pd.DataFrame:
    """Give each village a year: the best ranked first, trunks before what hangs on them.

    Parameters
    ----------
    counts
        Villages to be treated in each year, e.g. ``{2025: 5}``; what is left has no year (0).
    ranking
        As `rank` returns it.

    Returns
    -------
    Villages in their order, without those that nothing is planned for: ``code``, ``year`` (0:
    later), ``order``, ``cost_yuan``, ``choice``, ``facility_id``, ``text_zh``, ``text_en``. A village comes with or after those that its water passes; equal ranks take the one
    that costs least per head.
    """
    table = plan.decisions
    if plan.frame is None:
        raise UsageError(Text("没有地形，规划未评估", "nothing was assessed: there is no terrain"))
    if any(n < 0 for n in counts.values()):
        raise UsageError(Text("村数不能为负", "numbers of villages cannot be negative"))
    frame, state = plan.frame, plan.outcome.state  # type: ignore[union-attr]
    standing = ranking.set_index("code").loc[table["code"]]
    place = standing["rank"].to_numpy()
    per_head = table["cost_yuan"].to_numpy(float) / np.maximum(table["people"].to_numpy(float), 1.0)
    of_node = {int(v): i for i, v in enumerate(frame.node)}
    below: list[list[int]] = []
    for v in frame.node.tolist():
        passed, node = [], v
        while state.collected[v] and state.way[node] >= 0:
            node = frame.model.arcs[state.way[node]].head
            if node < 0:
                break
            if node in of_node and state.collected[node]:
                passed.append(of_node[node])
        below.append(passed)
    sequence: list[int] = []
    taken: set[int] = set()
    for i in sorted(
        range(len(table)), key=lambda k: (place[k], per_head[k], table["code"].iloc[k])
    ):
        for j in [*below[i][::-1], i]:  # from the sink upwards
            if j not in taken and table["choice"].iloc[j] not in ("", "existing"):
                taken.add(j)
                sequence.append(j)
    year = np.zeros(len(table), np.int64)
    order = np.zeros(len(table), np.int64)
    waiting = list(sequence)
    for when in sorted(counts):
        for j in waiting[: counts[when]]:
            year[j] = when
        waiting = waiting[counts[when] :]
    order[sequence] = np.arange(1, len(sequence) + 1)
    zh, en = standing["reasons_zh"].to_numpy(object), standing["reasons_en"].to_numpy(object)
    return pd.DataFrame(
        {
            "code": table["code"], "year": year, "order": order, "cost_yuan": table["cost_yuan"],
            "choice": table["choice"], "facility_id": table["facility_id"],
            "text_zh": [f"第{p}位：{z}" for p, z in zip(place, zh, strict=True)],
            "text_en": [f"rank {p}: {e}" for p, e in zip(place, en, strict=True)],
        },
        index=table.index,
    ).iloc[sorted(sequence, key=lambda j: order[j])]  # fmt: skip
