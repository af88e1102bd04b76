"""Many counties: workers that are killed, and whole runs that are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qianwan_gis import scale

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


def slow(part: scale.Partition, *, marks: str) -> pd.DataFrame:
    (Path(marks) / f"{part.key}-{os.getpid()}").touch()
    time.sleep(0.2)
    rng = np.random.default_rng(int(part.key[1:]))
    return pd.DataFrame({"key": part.key, "value": rng.normal(size=50)})


def always_dies(part: scale.Partition) -> pd.DataFrame:
    if part.key == "c01":
        os.kill(os.getpid(), KILL)
    return pd.DataFrame({"key": [part.key]})


def made(folder: Path, count: int = 6) -> list[scale.Partition]:
    file = folder / "input.txt"
    file.write_text("x" * 5)
    return [scale.Partition(f"c{n:02d}", {"f": str(file)}) for n in range(count)]


@pytest.mark.parametrize("executor", ["process", "dask"])
def test_a_lost_worker_loses_nothing_and_changes_no_byte(tmp_path, executor) -> None:
    """As the kernel does when memory runs out: with other tasks done, in hand and waiting."""
    if executor == "dask":
        pytest.importorskip("distributed")
    marks = tmp_path / "marks"
    marks.mkdir()
    options = {"marks": str(marks)}
    killed: list[int] = []

    def kill(done: int, total: int) -> None:
        assert total == 10
        if done >= 3 and not killed:
            # the worker that began last has a task in its hands
            last = max(marks.iterdir(), key=lambda mark: mark.stat().st_mtime_ns)
            killed.append(int(last.name.split("-")[1]))
            os.kill(killed[0], KILL)

    parts = made(tmp_path, 10)
    result = scale.run(
        slow, parts, tmp_path / "out", executor=executor, workers=2, options=options, progress=kill
    )
    assert killed
    assert result.done == [p.key for p in parts]
    plain = scale.run(slow, parts, tmp_path / "plain", options=options)
    by = ["key", "value"]
    one, two = (scale.merge(r, r.folder / "all.parquet", by=by) for r in (result, plain))
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks the processes up in /proc")
@pytest.mark.parametrize("executor", ["process", "dask"])
def test_a_run_that_was_killed_goes_on_and_leaves_no_worker_behind(tmp_path, executor) -> None:
    if executor == "dask":
        pytest.importorskip("distributed")
    marks, out = tmp_path / "marks", tmp_path / "out"
    marks.mkdir()
    parts = made(tmp_path, 8)
    program = tmp_path / "go.py"
    program.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import test_scale_lost\n"
        "from pathlib import Path\n"
        "from qianwan_gis import scale\n"
        "if __name__ == '__main__':\n"
        f"    parts = test_scale_lost.made(Path({str(tmp_path)!r}), 8)\n"
        f"    scale.run(test_scale_lost.slow, parts, {str(out)!r}, executor={executor!r}, workers=2,\n"
        f"              options={{'marks': {str(marks)!r}}})\n",
        encoding="utf-8",
    )
    # a session of its own: all its processes are found by it
    run = subprocess.Popen(
        [sys.executable, str(program)], start_new_session=True, stderr=subprocess.DEVNULL
    )
    waiting = 600
    while len(list(out.glob("parts/*.json"))) < 2 and run.poll() is None and waiting:
        time.sleep(0.05)
        waiting -= 1
    run.kill()
    run.wait()
    before = {p.stem: p.read_bytes() for p in out.glob("parts/*.json")}
    assert 2 <= len(before) < 8
    while _alive(run.pid) and waiting:
        time.sleep(0.1)
        waiting -= 1
    assert not _alive(run.pid)
    options = {"marks": str(marks)}
    result = scale.run(slow, parts, out, options=options)
    assert result.skipped == sorted(p for p in before)
    assert len(result.done) == 8 - len(before)
    assert not list(out.rglob("*.part")) + list(out.rglob("*.tmp"))
    plain = scale.run(slow, parts, tmp_path / "plain", options=options)
    for one, two in zip(result.files(), plain.files(), strict=True):
        assert one.read_bytes() == two.read_bytes()


def _alive(session: int) -> list[str]:
    """Processes of a session that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, sid = stat.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(sid) == session and state != "Z":
            found.append(stat.parent.name)
    return found


def test_a_task_that_kills_every_worker_takes_no_other_down(tmp_path) -> None:
    result = scale.run(
        always_dies, made(tmp_path, 4), tmp_path / "out", executor="process", workers=2, retries=1,
        keep_going=True,
    )  # fmt: skip
    assert result.failed == ["c01"]
    assert result.done == ["c00", "c02", "c03"]
    assert result.problems[0].code == "worker_lost"
    assert "c01" in str(result.problems[0])
