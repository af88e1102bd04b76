"""All engines in turn, again and again; what they took and how far their answers are apart."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import results

from engines import cases, libraries
from engines.worker import Engine, GoneError, NotFinishedError

REPEATS = {"tiny": 3, "county": 21, "province": 9, "country": 3}
#: An engine that has used this many seconds for a task has shown enough; those that the targets
#: name at county size do all their repeats.
ENOUGH = {"tiny": 1.0, "county": 4.0, "province": 20.0, "country": 60.0}
THROUGHOUT = (("county", "ours"), ("county", "scipy"), ("county", "bfs"), ("county", "pandana"))
CHECKED = 20  # facilities whose service areas are worked out a second time from scipy's costs


def run(
    size: str, engines: Sequence[str], tasks: Sequence[str], *, within: float, repeats: int = 0,
    say: Callable[[str], Any] = print,
) -> dict[str, Any]:  # fmt: skip
    """Figures of the engines: ``{engine: {task: {...}}}``, and of the network."""
    folder = results.ROOM / size
    if not (folder / "pairs.npy").is_file():
        cases.make(size).save(folder)
    case = cases.load(folder)
    about = {
        "nodes": len(case.x), "arcs": len(case.target), "demand": len(case.demand),
        "facilities": len(case.facility), "engines": {},
    }  # fmt: skip
    del case
    found: dict[str, dict[str, Any]] = about["engines"]
    keep = Path(tempfile.mkdtemp())
    workers: dict[str, Engine] = {}
    can: dict[str, list[str]] = {}
    try:
        for name in engines:
            found[name] = {}
            worker = Engine(name, folder)
            try:
                can[name] = worker.ask("ready", within=within)
                times = []
                while not times or (len(times) < 5 and sum(times) < ENOUGH[size] / 2):
                    seconds, memory = worker.ask("prep", within=within)
                    times.append(seconds)
                found[name]["prep"] = _figures(times, 1.0) | {"peak_mb": memory}
                workers[name] = worker
                say(f"{name}: prepared in {times[-1]:.2f} s")
            except (NotFinishedError, GoneError, RuntimeError) as error:
                found[name]["prep"] = {"failed": str(error)}
                say(f"{name}: {error}")
                worker.end()
        for task in tasks:
            _turns(size, task, workers, can, found, keep, within, repeats or REPEATS[size])
            _compare(task, found, keep)
            line = [f"{n} {f[task]['seconds']:.4g}" for n, f in found.items() if "seconds" in f.get(task, {})]  # fmt: skip
            say(f"{task}: " + ", ".join(line))
        if "c" in tasks and "scipy" in workers:
            about["touched"] = workers["scipy"].ask("call", "touched", CHECKED, within=within)
        if "d" in tasks and "ours" in workers and "scipy" in workers and size != "country":
            ours = workers["ours"].ask("call", "covered", within=within)[:CHECKED]
            theirs = workers["scipy"].ask("call", "covered", CHECKED, within=within)
            found["ours"]["d"]["difference"] = float(np.abs(ours / theirs - 1.0).max())
    finally:
        for worker in workers.values():
            worker.end()
        shutil.rmtree(keep, ignore_errors=True)
    return about


def _turns(
    size: str, task: str, workers: dict[str, Engine], can: dict[str, list[str]],
    found: dict[str, dict[str, Any]], keep: Path, within: float, repeats: int,
) -> None:  # fmt: skip
    times: dict[str, list[float]] = {}
    scale: dict[str, float] = {}
    for turn in range(repeats + 1):
        for name, worker in list(workers.items()):
            if task not in can[name]:
                continue
            spent = times.setdefault(name, [])
            if sum(spent) > ENOUGH[size] and ((size, name) not in THROUGHOUT or sum(spent) > 60.0):
                continue
            take = libraries.SHARES.get((name, size), {}).get(task)
            scale[name] = libraries.whole(size, task, name) / take if take else 1.0
            place = keep / f"{name}_{task}" if turn == 0 else None
            try:
                answer = worker.ask(task, take, place, within=within)
            except (NotFinishedError, GoneError, RuntimeError) as error:
                found[name][task] = {"failed": str(error)}
                if isinstance(error, RuntimeError):
                    can[name].remove(task)
                else:
                    del workers[name]
                continue
            # the first turn warms up; an engine that is slow even so keeps it as its only one
            if turn or answer["seconds"] > ENOUGH[size] / 4:
                spent.append(answer["seconds"])
            found[name][task] = {"peak_mb": answer["peak_mb"]} if task == "a" else {}
    for name, spent in times.items():
        if spent and "failed" not in found[name].get(task, {}):
            found[name][task] |= _figures(spent, scale[name])
    base = found.get("ours", {}).get(task, {}).get("seconds")
    for figures in found.values():
        if base and "seconds" in figures.get(task, {}):
            figures[task]["ratio"] = figures[task]["seconds"] / base


def _figures(times: list[float], scale: float) -> dict[str, Any]:
    seconds = float(np.quantile(times, 0.25)) * scale
    return {"seconds": seconds, "repeats": len(times), "scale": scale}


def _compare(task: str, found: dict[str, dict[str, Any]], keep: Path) -> None:
    """Set the largest difference to scipy's answer, over what both have answered."""
    base = keep / f"scipy_{task}_0.npy"
    if not base.is_file():
        return
    known = np.load(base, mmap_mode="r")
    for name, figures in found.items():
        path = keep / f"{name}_{task}_0.npy"
        if name == "scipy" or "seconds" not in figures.get(task, {}) or not path.is_file():
            continue
        if name == "pandana" and task in ("c", "d"):
            continue  # cut weights shift pairs over the limit; its areas are from the facility
        answer = np.load(path, mmap_mode="r")
        # both go through the sources in one order, so that a share is the beginning of the whole
        some = min(len(known), len(answer))
        if some == 0:
            continue
        one, two = np.asarray(known[:some], float), np.asarray(answer[:some], float)
        both = np.isfinite(one) & np.isfinite(two)
        figures[task]["difference"] = float(np.abs(one[both] - two[both]).max(initial=0.0))
        figures[task]["reached_otherwise"] = int((np.isfinite(one) != np.isfinite(two)).sum())
        labels = [keep / f"{n}_{task}_1.npy" for n in ("scipy", name)]
        if all(p.is_file() for p in labels):
            figures[task]["labels_otherwise"] = _labels(*(np.load(p) for p in labels), both)


def _labels(theirs: np.ndarray, ours: np.ndarray, reached: np.ndarray) -> int:
    """Nodes given to another facility; scipy names nodes, ours the number of the facility."""
    facility = np.unique(theirs[reached])
    return int((facility[ours[reached]] != theirs[reached]).sum()) if len(facility) else 0
