"""What the benchmarks found, kept in one JSON file, and a word on the machine."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import resource
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

#: Figures of all benchmarks; `outputs` is never part of the repository.
RESULTS = Path(__file__).resolve().parents[1] / "outputs" / "benchmarks.json"
#: Networks and files that a benchmark makes once.
ROOM = Path(tempfile.gettempdir()) / "qianwan_benchmarks"


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def merge(path: Path, section: str, found: Mapping[str, Any], packages: Iterable[str] = ()) -> None:
    """Put figures into a section; keys measured before and not now are kept."""
    everything = read(path)
    everything.setdefault(section, {}).update(found)
    everything["machine"] = machine()
    everything.setdefault("versions", {}).update(versions(packages))
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(everything, indent=1, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(":")[1].strip() for line in lines if "model name" in line), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": model or platform.processor(), "cores": os.cpu_count(), "memory_gb": round(memory),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }  # fmt: skip


def versions(packages: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def peak_mb() -> float:
    """Largest memory of this process so far (Linux: since `forget_peak`)."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss also counts what the parent had used when it started us
        lines = status.read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / 2**20 if sys.platform == "darwin" else used / 1024


def forget_peak() -> None:
    """Let `peak_mb` count from now on, where the system can."""
    marks = Path("/proc/self/clear_refs")
    if marks.exists():
        marks.write_text("5")
