"""The decision of every village: what it costs, what the alternatives would, what would change it."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qianwan_gis._text import Text
from qianwan_gis.schemas import Reason, value_text
from qianwan_gis.services._sewage.search import Search

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qianwan_gis.services._sewage.exact import Outcome
    from qianwan_gis.services._sewage.frame import Frame

    Array = NDArray[np.float64]

#: Alternatives dearer than this many times the best are not searched for.
_FAR = 3.0
COSTS = ("cost_sewer", "cost_station", "cost_on_site", "cost_reuse")


def empty(villages: Any, names: list[str], people: Array, mean: Array) -> pd.DataFrame:
    """Return the decisions table with nothing decided."""
    n = len(names)
    nan = np.full(n, np.nan)
    label = villages["name"].astype(str).to_numpy() if "name" in villages else np.array(names)
    home = villages["code"].astype(str).to_numpy() if "code" in villages else np.array(names)
    columns: dict[str, Any] = {
        "code": names, "name": label, "village_code": home, "people": people,
        "wastewater_m3d": mean, "choice": "", "facility_id": "", "group": 0, "cost_yuan": nan,
        **dict.fromkeys(COSTS, nan), "next_best": "", "extra_yuan": nan, "trunk_m": nan,
        "sewer_m": nan, "break_even_m": nan, "candidate_plant": "", "candidate_m": nan,
        "reason": "", "text_zh": "", "text_en": "",
    }  # fmt: skip
    return pd.DataFrame(columns, index=villages.index)


def of_plan(
    frame: Frame, outcome: Outcome, ends: list[int], label: dict[int, str], trunk_m: Array
) -> pd.DataFrame:
    """Return the decisions of a plan.

    Parameters
    ----------
    ends
        Last way of each village's water, -1 where it stays.
    label
        Station by node.
    trunk_m
        Metres from each village to its sink.
    """
    model, state, prices = frame.model, outcome.state, frame.prices
    table = empty(frame.villages, frame.names, frame.people, frame.mean)
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
        if frame.names[i] in frame.served:
            by = frame.served[frame.names[i]]
            row |= {
                "choice": "existing", "facility_id": by, "reason": str(Reason.OK),
                "text_zh": f"已由 {by} 服务，方案不再安排",
                "text_en": f"served by {by} already; nothing is planned",
            }  # fmt: skip
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
            row["trunk_m"] = trunk_m[i]
        row |= _alternatives(frame, finder, i, v)
        chosen = {"station": "cost_station", "shared_station": "cost_station"}.get(
            row["choice"], f"cost_{row['choice']}"
        )
        others = {
            c: row[c] for c in COSTS if c != chosen and np.isfinite(row[c])
        }  # fmt: skip
        if others:
            best = min(others, key=lambda c: (others[c], c))
            row["next_best"] = best.removeprefix("cost_")
            row["extra_yuan"] = others[best] - row["cost_yuan"]
        rest = [row[c] for c in COSTS[1:] if np.isfinite(row[c])]
        if rest:
            spare = min(rest) - float(model.collect[v]) - join - prices.plant * frame.mean[i]
            row["break_even_m"] = max(0.0, spare / metre) if metre > 0 else np.inf
        row |= _words(row)
        rows.append(row)
    given = pd.DataFrame(rows, index=table.index)
    for name in table.columns.intersection(given.columns):
        table[name] = given[name].where(given[name].notna(), table[name])
    return table


def _alternatives(frame: Frame, finder: Search, i: int, v: int) -> dict[str, float]:
    """What one village adds to the plan, and would add under each alternative."""
    given = finder.alternatives(v, _FAR)
    own = {"cost_on_site": float(frame.on_site[i]), "cost_reuse": float(frame.reuse[i])}
    return {
        "cost_yuan": given["now"], "cost_sewer": given["sewer"], "cost_station": given["station"],
        **{name: value if np.isfinite(value) else float("nan") for name, value in own.items()},
    }  # fmt: skip


def _sewer_metres(frame: Frame) -> Array:
    """Length of the shortest trunk from each node to a recorded sewer; NaN where there is none."""
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
    choice = value_text("plan", row["choice"])
    zh, en = (
        [f"{choice.zh}，本村新增费用现值 {row['cost_yuan'] / 1e4:.1f} 万元"],
        [f"{choice.en}: adds {row['cost_yuan'] / 1e4:.1f} x10⁴ yuan (present value)"],
    )
    if row["choice"] == "tank":
        zh.append("位于水源保护区，不得就地排放，外送更贵或不可行")
        en.append(
            "inside a water-source area: nothing may be discharged, and sending it out costs more"
        )
    costs = [(c, row[c] / 1e4) for c in COSTS if np.isfinite(row[c])]
    if len(costs) > 1:
        words = {c: _WORD[c.removeprefix("cost_")] for c in COSTS}
        zh.append("各做法：" + "、".join(f"{words[c].zh} {v:.1f} 万元" for c, v in costs))
        en.append("alternatives: " + ", ".join(f"{words[c].en} {v:.1f}" for c, v in costs))
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
