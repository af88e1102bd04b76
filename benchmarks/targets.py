"""What the engine is meant to reach, as numbers to hold the figures against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Found = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """One number of the page's second table; ``at_least`` or ``at_most`` is set."""

    size: str
    what: str
    value: Callable[[Found], float]
    unit: str
    at_least: float | None = None
    at_most: float | None = None

    def aim(self) -> str:
        sign, bound = ("≥", self.at_least) if self.at_least is not None else ("≤", self.at_most)
        return f"{sign} {bound:g}{self.unit}"

    def met(self, value: float) -> bool:
        if self.at_least is not None:
            return value >= self.at_least
        return self.at_most is not None and value <= self.at_most


def _seconds(size: str, engine: str, task: str) -> Callable[[Found], float]:
    return lambda found: found["network"][size]["engines"][engine][task]["seconds"]


def _ratio(size: str, engine: str, task: str) -> Callable[[Found], float]:
    """Against ours, in the run that both were part of."""
    return lambda found: found["network"][size]["engines"][engine][task]["ratio"]


def _floor(size: str) -> Callable[[Found], float]:
    return lambda found: 1.0 / _ratio(size, "bfs", "a")(found)


def _whole(size: str, engine: str) -> Callable[[Found], float]:
    """Preparation and query together, against ours."""

    def value(found: Found) -> float:
        both = [_seconds(size, name, "prep")(found) + _seconds(size, name, "a")(found)
                for name in (engine, "ours")]  # fmt: skip
        return both[0] / both[1]

    return value


def _per_node(size: str) -> Callable[[Found], float]:
    def value(found: Found) -> float:
        network = found["network"][size]
        spent = network["engines"]["ours1"]["c"]["seconds"]
        return float(1e9 * spent / (network["touched"] * network["facilities"]))

    return value


def _memory(size: str, scale: float) -> Callable[[Found], float]:
    return lambda found: found["network"][size]["engines"]["ours"]["a"]["peak_mb"] / scale


def _difference(size: str) -> Callable[[Found], float]:
    def value(found: Found) -> float:
        tasks = found["network"][size]["engines"]["ours"]
        return max(tasks[t]["difference"] for t in ("a", "b", "c", "e") if "difference" in tasks.get(t, {}))  # fmt: skip

    return value


def _milli(size: str) -> Callable[[Found], float]:
    return lambda found: 1000.0 * _seconds(size, "ours", "paths")(found)


X = "×"
TARGETS = (
    Target("county", "a, query, scipy / ours", _ratio("county", "scipy", "a"), X, 6),
    Target("county", "a, query, networkx / ours", _ratio("county", "networkx", "a"), X, 100),
    Target("county", "a with preparation, scipy / ours", _whole("county", "scipy"), X, 1),
    Target("county", "b, scipy / ours", _ratio("county", "scipy", "b"), X, 50),
    Target("county", "b, pandana / ours", _ratio("county", "pandana", "b"), X, 20),
    Target("county", "c, scipy / ours", _ratio("county", "scipy", "c"), X, 5),
    Target("county", "d, scipy / ours", _ratio("county", "scipy", "d"), X, 3),
    Target("county", "e, scipy / ours", _ratio("county", "scipy", "e"), X, 5),
    Target("county", "largest difference to scipy", _difference("county"), " s", at_most=1e-9),
    Target("county", "e, paths of all demand points from the tree of a, ours", _milli("county"), " ms", at_most=50),
    Target("province", "a, query, scipy / ours", _ratio("province", "scipy", "a"), X, 10),
    Target("province", "a, query, networkx / ours", _ratio("province", "networkx", "a"), X, 150),
    Target("province", "a, query, ours / breadth-first pass", _floor("province"), X, at_most=0.6),
    Target("province", "a with preparation, scipy / ours", _whole("province", "scipy"), X, 2.5),
    Target("province", "a with preparation, networkx / ours", _whole("province", "networkx"), X, 80),
    Target("province", "a with preparation, pandana / ours", _whole("province", "pandana"), X, 150),
    Target("province", "b, scipy / ours", _ratio("province", "scipy", "b"), X, 45),
    Target("province", "b, pandana / ours", _ratio("province", "pandana", "b"), X, 14),
    Target("province", "b, ours", _seconds("province", "ours", "b"), " s", at_most=2),
    Target("province", "c, scipy / ours", _ratio("province", "scipy", "c"), X, 12),
    Target("province", "c, ours on 1 thread, per node within reach", _per_node("province"), " ns", at_most=33),
    Target("province", "d, scipy / ours", _ratio("province", "scipy", "d"), X, 20),
    Target("province", "d, pandana / ours", _ratio("province", "pandana", "d"), X, 15),
    Target("province", "e, scipy / ours", _ratio("province", "scipy", "e"), X, 5),
    Target("province", "e, paths of all demand points from the tree of a, ours", _milli("province"), " ms", at_most=50),
    Target("province", "a, memory above the input, preparation included", _memory("province", 1), " MB", at_most=300),
    Target("province", "largest difference to scipy", _difference("province"), " s", at_most=1e-9),
    Target("country", "a, query, ours / breadth-first pass", _floor("country"), X, at_most=0.6),
    Target("country", "a, query, scipy / ours", _ratio("country", "scipy", "a"), X, 10),
    Target("country", "a with preparation, scipy / ours", _whole("country", "scipy"), X, 2),
    Target("country", "b, ours", _seconds("country", "ours", "b"), " s", at_most=10),
    Target("country", "a, memory above the input, preparation included", _memory("country", 1024), " GB", at_most=3),
    Target("country", "largest difference to scipy", _difference("country"), " s", at_most=1e-9),
    Target("any", "slowest first call after an install", lambda f: max(t["first"] for n, t in f["first"].items() if n != "all kernels"), " s", at_most=20),
    Target("county", "qianwan run zezhou, warm", lambda f: f["run"]["zezhou"]["seconds"], " s", at_most=10),
    Target("county", "qianwan run zezhou, imports", lambda f: f["run"]["zezhou"]["imports"], " s", at_most=3),
    Target("province", "end to end, everything", lambda f: f["province"]["province"]["seconds"], " s", at_most=60),
    Target("province", "end to end, memory", lambda f: f["province"]["province"]["peak_mb"] / 1024, " GB", at_most=4),
    Target("province", "opening the saved network", lambda f: dict(f["province"]["province"]["steps"])["open"], " s", at_most=1),
    Target("province", "snapping onto edges", lambda f: f["province"]["province"]["snap_per_second"], " /s", 100_000),
    Target("counties", "Dask, 2 workers / 1 worker, scheduler counted", lambda f: f["scale"]["dask"]["gain"], X, 1.5),
)  # fmt: skip
