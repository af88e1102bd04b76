"""Make the documentation's page of figures from what the benchmarks have measured.

    python benchmarks/page.py --date 2026-11-22

Writes ``docs/methods/benchmarks.md``. Equal figures give equal bytes.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import results
from engines import libraries
from targets import TARGETS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "methods" / "benchmarks.md"
LABELS = {
    "ours": "**qianwan_gis** (2 threads)", "ours1": "qianwan_gis (1 thread)",
    "bfs": "*breadth-first pass* (floor)", "core": "*the same, contracted* (floor)",
}  # fmt: skip
NAMES = {"county": "County", "province": "Province", "country": "Country"}

HEAD = """# 性能实测 · Benchmarks

Made by `python benchmarks/all.py`; every figure below was measured by that command on one machine.
The networks are made up (a bent 400 m grid with a road hierarchy, gaps, bends and one-ways, one
strongly connected part, fixed seed). Each engine has a process of its own and they take turns; a
figure is the lower quartile of its repeats. In brackets: how many times the time of `qianwan_gis` in
that same run. `†` marks a share of the sources, scaled to all of them. Preparation is what
an engine does once from a CSR graph in memory, before its first answer.

| task | |
| --- | --- |
"""

NOTES = """
`-`: the library has no such search. The breadth-first pass visits every node once with the same
reads and writes as our search of all nodes: what the memory of the machine allows a search that
does not contract the network. The same, contracted, visits the core nodes and reads all others off
them: no costs, no queue, no order, so a search on these chains cannot take less. pandana cuts weights to 1/1000, so its answers differ by up to a
second, and its service areas are nodes only, in the other direction of travel; edsger, igraph,
NetworKit and rustworkx have neither labels nor a limit, so each search goes through the whole
network (NetworKit, igraph and rustworkx stop at the target in e). Differences are to scipy's answer,
over all that both have answered, in seconds; in d, our edges (cut ones by their share)
against those worked out from scipy's costs, relative.

**Not measured.** r5py: it needs the R5 program, a Java archive that it downloads from
GitHub when it is first used and that no Python package brings; it also routes on an OSM extract with
timetables, not on a graph with given weights. OSRM, Valhalla and graph-tool have no wheels that run
on a graph with given weights.
"""


def page(found: dict[str, Any], date: str) -> str:
    machine = found["machine"]
    versions = ", ".join(f"{n} {v}" for n, v in sorted(found["versions"].items()))
    parts = [HEAD.rstrip("\n")]
    parts += [f"| {task} | {text} |" for task, text in libraries.TASKS.items()]
    parts += ["", (f"**Machine, {date}.** {machine['cpu']}, {machine['cores']} cores, "
              f"{machine['memory_gb']} GB, {machine['system']}, Python {machine['python']}; {versions}.")]  # fmt: skip
    for size in ("county", "province", "country"):
        if size in found.get("network", {}):
            parts += ["", *_network(size, found["network"][size])]
    parts.append(NOTES.rstrip("\n"))
    parts += ["", *_targets(found)]
    for name, make in (
        ("first", _first),
        ("province", _province),
        ("osm", _osm),
        ("scale", _scale),
        ("run", _run),
    ):
        if name in found:
            parts += ["", *make(found[name])]
    return "\n".join(parts) + "\n"


def _network(size: str, network: dict[str, Any]) -> list[str]:
    out = [
        f"## {NAMES[size]}", "",
        (f"{network['nodes']:,} nodes, {network['arcs']:,} arcs, {network['demand']:,} demand points, "
        f"{network['facilities']:,} facilities."), "",
        "| engine | preparation | a | b | c | d | e | paths | tree | a: memory | largest difference |",
        "| --- " + "| ---: " * 10 + "|",
    ]  # fmt: skip
    for name in libraries.ENGINES:
        figures = network["engines"].get(name)
        if not figures:
            continue
        if "failed" in figures["prep"]:
            out.append(f"| {LABELS.get(name, name)} | {_why(figures['prep']['failed'])} " + "| - " * 9 + "|")  # fmt: skip
            continue
        cells = [_time(figures["prep"]["seconds"])]
        for task in libraries.TASKS:
            cells.append(_cell(figures.get(task), own=name == "ours"))
        memory = figures.get("a", {}).get("peak_mb")
        cells.append("-" if memory is None else f"{memory:,.0f} MB")
        cells.append(_differences(figures))
        out.append(f"| {LABELS.get(name, name)} | " + " | ".join(cells) + " |")
    return out


def _cell(figures: dict[str, Any] | None, *, own: bool) -> str:
    if not figures:
        return "-"
    if "failed" in figures:
        return _why(figures["failed"])
    text = _time(figures["seconds"]) + ("†" if figures["scale"] > 1.0 else "")
    return text if own or "ratio" not in figures else f"{text} ({_short(figures['ratio'])}×)"


def _why(failed: str) -> str:
    return "not installed" if "ModuleNotFound" in failed else failed


def _differences(figures: dict[str, Any]) -> str:
    found = {t: figures[t]["difference"] for t in "abce" if "difference" in figures.get(t, {})}
    if not found:
        return "-"
    otherwise = sum(figures[t].get("reached_otherwise", 0) for t in found)
    labels = figures["a"].get("labels_otherwise")
    text = f"{max(found.values()):.1g} s"
    if labels is not None:
        text += f", {labels} other facilities"
    if "difference" in figures.get("d", {}) and "seconds" in figures.get("tree", {}):
        text += f"; d {figures['d']['difference']:.0e}"
    return text + (f"; {otherwise} reached otherwise" if otherwise else "")


def _targets(found: dict[str, Any]) -> list[str]:
    out = [
        "## Targets",
        "",
        "| size | what | aim | measured | |",
        "| --- | --- | ---: | ---: | --- |",
    ]
    for target in TARGETS:
        try:
            value = target.value(found)
        except KeyError:
            continue
        met = "met" if target.met(value) else "**not met**"
        shown = f"{value:.1e}" if value < 1e-3 else _short(value)
        out.append(f"| {target.size} | {target.what} | {target.aim()} | {shown}{target.unit} | {met} |")  # fmt: skip
    return out


def _province(found: dict[str, Any]) -> list[str]:
    told = found["province"]
    rows = [f"| {name.replace('_', ' ')} | {_time(seconds)} |" for name, seconds in told["steps"]]  # fmt: skip
    return [
        "## A province from end to end", "",
        ("`benchmarks/province.py`: a fresh process opens the saved network (2.2 million nodes, "
        f"{told['file_mb']:,.0f} MB), snaps 28,000 villages and 5,000 facilities, finds the nearest "
        "village clinic on foot and the nearest township and county clinic by car, and writes "
        f"{told['rows']:,} rows of GeoParquet. The best of three runs; the first one, which may read the "
        f"file from the disk, took {told['first_seconds']:.1f} s."), "",
        "| step | time |", "| --- | ---: |", *rows,
        f"| **all** | **{told['seconds']:.1f} s**, peak {told['peak_mb']:,.0f} MB |",
    ]  # fmt: skip


def _first(found: dict[str, Any]) -> list[str]:
    rows = [f"| {name} | {_time(t['first'])} | {_time(t['later'])} |" for name, t in found.items()]
    return [
        "## First call", "",
        ("`benchmarks/first_call.py`: the kernels are compiled when they are first used, and kept on disk. "
        "Every question in a process of its own on a network of a few nodes."), "",
        "| question | after an install | in a later process |", "| --- | ---: | ---: |", *rows,
    ]  # fmt: skip


def _run(found: dict[str, Any]) -> list[str]:
    out = ["## The main job", ""]
    for key, told in found.items():
        steps = ", ".join(f"`{name}` {_time(seconds)}" for name, seconds in told["steps"].items())
        out.append(
            f"`benchmarks/run.py`: `qianwan run {key}` in a fresh process, everything written, warm: "
            f"{told['seconds']:.1f} s at best, {told['most']:.1f} s at worst; imports "
            f"{told['imports']:.1f} s of it. Of the run that counted the imports: {steps}."
        )
    return out


def _osm(found: dict[str, Any]) -> list[str]:
    rows = [
        f"| {size} | {t['file_mb']:,.0f} MB | {t['edges']:,} | {t['buildings']:,} | {_time(t['seconds'])} "
        f"| {t['peak_mb']:,.0f} MB |"
        for size, t in sorted(found.items())
    ]  # fmt: skip
    return [
        "## OSM extracts", "",
        ("`benchmarks/osm.py`: `RoadNetwork.from_osm` on a made-up extract with road tags, a bend in "
        "every road, and buildings to get past; nodes, roads and bridges come back in full."), "",
        "| extract | file | roads | buildings | time | peak memory |",
        "| --- | ---: | ---: | ---: | ---: | ---: |", *rows,
    ]  # fmt: skip


def _scale(found: dict[str, Any]) -> list[str]:
    rows = []
    for name in ("local", "process", "dask"):
        if name in found:
            told = found[name]
            rows += [f"| {name} | {run['workers']} | {run['seconds']:.1f} s | {run['gain']:.2f}× |" for run in told["runs"]]  # fmt: skip
    about = found["about"]
    return [
        "## Many counties", "",
        (f"`benchmarks/scale.py`: the coverage of {about['counties']} made-up counties of "
        f"{about['villages']} villages each, start-up of processes and scheduler counted; all results are "
        "the same bytes."), "",
        "| executor | workers | time | against 1 worker |", "| --- | ---: | ---: | ---: |", *rows,
        "", f"Asked again with everything done: {about['again']:.1f} s.",
    ]  # fmt: skip


def _time(seconds: float) -> str:
    for bound, scale, unit in ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms"), (600.0, 1.0, "s")):
        if seconds < bound:
            return f"{_short(seconds * scale)} {unit}"
    return f"{_short(seconds / 60.0)} min"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip
    parser.add_argument("--date", required=True, help="day of the measurement, ISO")
    parser.add_argument("--json", type=Path, default=results.RESULTS)
    parser.add_argument("--docs", type=Path, default=PAGE)
    args = parser.parse_args()
    args.docs.write_text(page(results.read(args.json), args.date), encoding="utf-8")
    print(f"{args.docs.name}: written")


if __name__ == "__main__":
    main()
