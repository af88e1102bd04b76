"""Many counties: one task each, on one machine or many, that restarts where it stopped.

A task is a plain function of a `Partition` that returns a table. Its result becomes one (Geo)Parquet
file with a record beside it: what it was made of (a hash of the inputs) and what was written (a
checksum). A second run skips whatever is done and unchanged. Where a task runs changes nothing:
results are the same bytes with every executor.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from qianwan_gis import __version__, _io
from qianwan_gis._errors import (
    DataError,
    Problem,
    ProblemLog,
    QianwanError,
    UnavailableError,
    UsageError,
)
from qianwan_gis._text import Text

if TYPE_CHECKING:
    import geopandas as gpd

#: Where tasks can run.
EXECUTORS = ("local", "process", "dask")

_PARTS = "parts"


@dataclass(frozen=True)
class Partition:
    """One county's share of the work: its area, and the files to read.

    Attributes
    ----------
    key
        Name of the part and of its file: letters, digits, ``_`` and ``-``.
    files
        Inputs by name: layers shared by many counties, or a county's project folder.
    area
        The county's outline as WKB, in ``crs``; ``None`` where the task needs none.
    crs
        Projected CRS of ``area``.
    buffer_m
        How far beyond the outline `read` looks: what lies across the border serves as well.
    """

    key: str
    files: Mapping[str, str] = field(default_factory=dict)
    area: bytes | None = None
    crs: str = ""
    buffer_m: float = 0.0

    @property
    def outline(self) -> Any:
        """The outline as a shapely geometry."""
        import shapely

        return None if self.area is None else shapely.from_wkb(self.area)

    def read(self, name: str, *, buffered: bool = True) -> gpd.GeoDataFrame:
        """Read what of a layer touches the county, with its buffer or without.

        Only the part within the buffer's box is read from files that can be asked for it
        (GeoPackage, FlatGeobuf, GeoParquet with a covering). Rows keep the file's order.
        """
        import geopandas as gpd
        import shapely

        path = Path(self.files[name])
        if self.area is None:
            return _open_layer(path, None)
        area = self.outline.buffer(self.buffer_m) if buffered else self.outline
        here = gpd.GeoSeries([area], crs=self.crs)
        frame = _open_layer(path, here)
        target = here.to_crs(frame.crs).iloc[0]
        shapely.prepare(target)
        touched = shapely.intersects(target, frame.geometry.to_numpy())
        return frame[touched].reset_index(drop=True)


Task = Callable[..., pd.DataFrame]


def by_county(
    counties: gpd.GeoDataFrame,
    files: Mapping[str, str | Path],
    *,
    key: str = "adcode",
    buffer_m: float = 20_000.0,
    crs: Any = None,
) -> list[Partition]:
    """Make one partition per county outline over layers that all of them share.

    Parameters
    ----------
    counties
        Outlines with a column ``key``.
    files
        ``{name: path}`` of the shared layers.
    buffer_m
        Wide enough for the longest way that a task looks at; a task's results are those of the
        whole country only if everything that matters lies within.
    crs
        Projected CRS to measure the buffer in; each county's own CGCS2000 zone when None.
    """
    from qianwan_gis import datum

    if not buffer_m >= 0:
        raise UsageError(
            Text(f"缓冲不能是{buffer_m}米", f"a buffer cannot be {buffer_m} metres wide")
        )
    paths = {name: str(Path(path).resolve()) for name, path in files.items()}
    middle = counties.to_crs(datum.WGS84).representative_point()
    made = []
    for name, shape, lon in zip(counties[key], counties.geometry, middle.x, strict=True):
        own = datum.zone(float(lon)) if crs is None else crs
        area = type(middle)([shape], crs=counties.crs).to_crs(own)
        made.append(
            Partition(str(name), paths, area.iloc[0].wkb, area.crs.to_string(), float(buffer_m))
        )
    return made


@dataclass(frozen=True)
class Run:
    """What a run did.

    Attributes
    ----------
    folder
        Holds ``parts/<key>.parquet`` and their records.
    done, skipped
        Keys computed now, and keys that were done before and are unchanged; in the order asked.
    problems
        One or more per failed key; ``row`` names it.
    """

    folder: Path
    done: list[str]
    skipped: list[str]
    problems: list[Problem]

    @property
    def failed(self) -> list[str]:
        """Keys without a result."""
        return sorted({str(p.row).split(" · ")[0] for p in self.problems})

    def files(self) -> list[Path]:
        """Return the parts' files in the order of their keys."""
        keys = sorted({*self.done, *self.skipped})
        return [self.folder / _PARTS / f"{key}.parquet" for key in keys]


def run(
    task: Task,
    partitions: Iterable[Partition],
    out: str | Path,
    *,
    executor: str | Any = "local",
    workers: int | None = None,
    retries: int = 2,
    options: Mapping[str, Any] | None = None,
    keep_going: bool = False,
    progress: Callable[[int, int], Any] | None = None,
) -> Run:
    """Run a task for every partition; one file per task, restarts where it stopped.

    Parameters
    ----------
    task
        A function of an importable module, called as ``task(partition, **options)`` in any process
        and any order. Returns a DataFrame or GeoDataFrame.
    partitions
        Each with a key of its own.
    out
        Folder of the results. With workers on other machines it must be a shared one.
    executor
        ``local`` (this process), ``process`` (a pool), ``dask`` (a local cluster, extra
        ``scale``), or a ``distributed.Client`` of a running cluster.
    workers
        Processes; one per core when None.
    retries
        How often a task is tried again after its worker was lost (killed, out of memory). A task
        that raises an error is not: it would raise it again.
    options
        Given to every task; part of what decides whether a result is still valid. JSON values.
    keep_going
        Return with the failures in `Run.problems` instead of raising them at the end.
    progress
        Called with (done, total); what it raises stops the run, what is done stays.

    Raises
    ------
    DataError
        When all other partitions are done: every failure, named by its partition.
    UsageError
        A task that workers cannot import, repeated or unusable keys, an unknown executor.
    UnavailableError
        Dask is not installed.
    """
    chosen = dict(options or {})
    parts = list(partitions)
    name = _importable(task)
    _check_keys(parts)
    if isinstance(executor, str) and executor not in EXECUTORS:
        there = ", ".join(EXECUTORS)
        raise UsageError(
            Text(f"执行方式应为 {there}，不是“{executor}”", f"no executor “{executor}”: {there}")
        )
    if workers is not None and workers < 1:
        raise UsageError(Text("进程数至少为1", "at least one worker is needed"))
    folder = Path(out).resolve()
    (folder / _PARTS).mkdir(parents=True, exist_ok=True)
    problems: list[Problem] = []
    todo: list[tuple[Partition, str]] = []
    skipped = []
    hashes = _Hashes()
    code = [name, _source_hash(task)]
    for part in parts:
        try:
            wanted = hashes.of(part, code, chosen)
        except OSError as error:
            problems.append(_problem(part.key, "missing_input", str(error.filename or error)))
            continue
        if _is_done(folder, part.key, wanted):
            skipped.append(part.key)
        else:
            todo.append((part, wanted))
    done = []
    total = len(todo)
    source: Iterator[tuple[str, list[Problem]]]
    if executor == "local" or not todo:
        source = (_attempt(name, part, wanted, str(folder), chosen) for part, wanted in todo)
    elif executor == "process":
        source = _processes(name, todo, folder, chosen, workers, retries)
    else:
        source = _dask(executor, name, todo, folder, chosen, workers, retries)
    for key, faults in source:
        problems.extend(faults)
        if not faults:
            done.append(key)
        if progress is not None:
            progress(len(done), total)
    order = {part.key: number for number, part in enumerate(parts)}
    done.sort(key=order.__getitem__)
    problems.sort(key=lambda p: order[str(p.row).split(" · ")[0]])
    if problems and not keep_going:
        raise DataError(problems)
    return Run(folder, done, skipped, problems)


def merge(result: Run | Sequence[Path], path: str | Path, *, by: Sequence[str] = ()) -> Path:
    """Put all parts into one (Geo)Parquet file.

    Parameters
    ----------
    result
        A run, or the files themselves.
    path
        The file to write.
    by
        Columns to sort by; the order of the keys when empty. The sort is stable, so that equal
        inputs give equal bytes whatever computed them, and in whatever order.

    Notes
    -----
    Geographic and projected parts can be merged only when they share one CRS.
    """
    import geopandas as gpd

    files = result.files() if isinstance(result, Run) else [Path(file) for file in result]
    if not files:
        raise UsageError(Text("没有可合并的结果", "there is nothing to merge"))
    frames = [_read_part(file) for file in files]
    filled = [frame for frame in frames if len(frame)] or frames[:1]
    systems = {str(frame.crs) for frame in filled if isinstance(frame, gpd.GeoDataFrame)}
    if len(systems) > 1:
        there = "、".join(sorted(systems))
        raise UsageError(
            Text(f"各部分坐标系不一，无法合并：{there}", f"the parts are in several CRS: {there}")
        )
    table = pd.concat(filled, ignore_index=True)
    if by:
        table = table.sort_values(list(by), kind="stable", ignore_index=True)
    _write_part(table, Path(path))
    return Path(path)


def coverage(
    county_folders: Iterable[str | Path],
    out: str | Path,
    *,
    executor: str | Any = "local",
    workers: int | None = None,
    standards: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], Any] | None = None,
) -> Path:
    """Compute the coverage of many counties with `Plan`, one task each, into one GeoParquet file.

    Parameters
    ----------
    county_folders
        Project folders (each with a ``county.toml``), or keys of carried counties.
    out
        Folder: ``coverage.parquet`` and the parts.
    standards
        Norms set for all counties, over their own.
    executor, workers, progress
        See `run`.

    Returns
    -------
    Path of ``coverage.parquet``: ``adcode``, ``county``, ``synthetic`` (made up), the columns of
    COVERAGE, ``name``, ``township``, ``population`` of the village and its point in EPSG:4490
    (empty without one), sorted by code, service and tier.

    Raises
    ------
    DataError
        Every fault of every county. The parts of the others are done and kept; the merged file is
        written only when all counties are in it.
    """
    parts, log = [], ProblemLog()
    for folder in county_folders:
        try:
            parts.append(_county_partition(folder))
        except DataError as error:
            log.extend(_placed(p, str(folder)) for p in error.problems)
    log.raise_errors()
    result = run(
        county_coverage, parts, out, executor=executor, workers=workers,
        options={"standards": dict(standards or {})}, progress=progress,
    )  # fmt: skip
    path = result.folder / "coverage.parquet"
    return merge(result, path, by=("adcode", "code", "service", "tier"))


def county_coverage(
    part: Partition, *, standards: Mapping[str, Any] | None = None
) -> gpd.GeoDataFrame:
    """Task: the coverage table of one county with its villages' points; see `coverage`."""
    import geopandas as gpd

    from qianwan_gis import datum
    from qianwan_gis.plan import Plan

    plan = Plan.open(part.files["county"], standards=standards).check()
    villages = plan.villages[["code", "name", "township", "population", "geometry"]]
    table = plan.coverage.merge(villages, on="code", how="left", validate="many_to_one")
    table.insert(0, "adcode", plan.county.adcode)
    table.insert(1, "county", plan.county.name)
    table.insert(2, "synthetic", plan.county.synthetic)
    made = gpd.GeoDataFrame(table, geometry="geometry", crs=villages.crs)
    return made.to_crs(datum.CGCS2000)


def _county_partition(folder: str | Path) -> Partition:
    from qianwan_gis.county import County

    county = County.open(folder)
    source = county.file.parent if county.file.name == "county.toml" else county.key
    key = county.key if county.adcode in county.key else f"{county.adcode}_{county.key}"
    return Partition(key, {"county": str(source)})


# ------------------------------------------------------------------ one task


def _attempt(
    name: str, part: Partition, wanted: str, folder: str, options: Mapping[str, Any]
) -> tuple[str, list[Problem]]:
    """Do one task, wherever this runs; failures come back as problems, never as tracebacks."""
    module, _, function = name.partition(":")
    try:
        task = getattr(importlib.import_module(module), function)
        table = task(part, **options)
        if not isinstance(table, pd.DataFrame):
            return part.key, [_problem(part.key, "no_table", type(table).__name__)]
        path = Path(folder) / _PARTS / f"{part.key}.parquet"
        _write_part(table, path)
        # the record comes last: a part without one counts as not done
        record = {"inputs": wanted, "sha256": _io.sha256(path), "rows": len(table)}
        _io.write_text(path.with_suffix(".json"), json.dumps(record) + "\n")
    except DataError as error:
        errors = [p for p in error.problems if p.level == "error"]
        return part.key, [_placed(p, part.key) for p in errors]
    except QianwanError as error:
        text = getattr(error, "text", Text(str(error), str(error)))
        return part.key, [Problem("task_failed", "error", text, row=part.key)]
    except Exception as error:  # a fault in one county must not stop the others
        return part.key, [_problem(part.key, "task_failed", f"{type(error).__name__}: {error}")]
    return part.key, []


def _placed(problem: Problem, key: str) -> Problem:
    """Put the partition's key before the place that a problem names."""
    row = key if problem.row is None else f"{key} · {problem.row}"
    return Problem(problem.code, problem.level, problem.text, problem.file, row, problem.field,
                   problem.fix)  # fmt: skip


def _problem(key: str, code: str, what: str) -> Problem:
    texts = {
        "missing_input": Text(f"输入文件不存在：{what}", f"no such input file: {what}"),
        "no_table": Text(
            f"任务返回的不是表，而是 {what}", f"the task returned no table but {what}"
        ),
        "task_failed": Text(f"任务出错：{what}", f"the task failed: {what}"),
        "worker_lost": Text(
            f"工作进程{what}次被终止或未能启动（多为内存不足，或脚本没有 if __name__ == '__main__'）",
            f"its worker was lost or did not start {what} times (memory? or a script without "
            "if __name__ == '__main__')",
        ),
    }
    fix = Text("减少同时运行的进程数，或换内存更大的机器", "use fewer workers or more memory")
    return Problem(code, "error", texts[code], row=key, fix=fix if code == "worker_lost" else None)


# ------------------------------------------------------------------ executors


def _context() -> Any:
    """Fresh processes: a forked copy of a process with threads (numba, GDAL) may hang."""
    return multiprocessing.get_context("spawn")


def _leave_with_parent() -> None:
    """In a worker: end when the process that started it is gone, however it went.

    A pool's workers otherwise wait for ever for a parent that was killed, and keep their memory.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:

        def watch() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()


def _processes(
    name: str,
    todo: Sequence[tuple[Partition, str]],
    folder: Path,
    options: Mapping[str, Any],
    workers: int | None,
    retries: int,
) -> Iterator[tuple[str, list[Problem]]]:
    """Run tasks in a pool. A lost worker breaks the whole pool: what was in hand is tried again.

    As many tasks are in hand as there are workers, so that only those are under suspicion. They
    are then tried one by one, and a task that loses its worker again and again takes no other
    down with it.
    """
    count = workers or multiprocessing.cpu_count()
    waiting = list(todo)[::-1]
    suspects: list[tuple[Partition, str]] = []
    losses: dict[str, int] = {}
    while waiting or suspects:
        alone = bool(suspects)
        queue = [suspects.pop()] if alone else waiting
        size = 1 if alone else min(count, len(queue))
        in_hand: dict[Any, tuple[Partition, str]] = {}
        with ProcessPoolExecutor(size, _context(), _leave_with_parent) as pool:
            broken = False
            while (queue and not broken) or in_hand:
                while queue and not broken and len(in_hand) < size:
                    item = queue.pop()
                    try:
                        future = pool.submit(_attempt, name, *item, str(folder), dict(options))
                    except BrokenProcessPool:
                        queue.append(item)
                        broken = True
                        break
                    in_hand[future] = item
                finished, _ = wait(in_hand, return_when=FIRST_COMPLETED)
                for future in finished:
                    item = in_hand.pop(future)
                    try:
                        answer = future.result()
                    except BrokenProcessPool:
                        broken = True
                        key = item[0].key
                        if size > 1:  # which of them it was shows when each is alone
                            suspects.append(item)
                            continue
                        losses[key] = losses.get(key, 0) + 1
                        if losses[key] > retries:
                            yield key, [_problem(key, "worker_lost", str(losses[key]))]
                        else:
                            suspects.append(item)
                    else:
                        yield answer
        if alone:
            suspects.extend(queue)


def _dask(
    executor: Any,
    name: str,
    todo: Sequence[tuple[Partition, str]],
    folder: Path,
    options: Mapping[str, Any],
    workers: int | None,
    retries: int,
) -> Iterator[tuple[str, list[Problem]]]:
    """Run tasks on a Dask cluster; its scheduler moves the tasks of a lost worker to another."""
    try:
        dask: Any = importlib.import_module("dask")
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        raise UnavailableError(
            Text('没有安装 Dask。请安装：pip install "qianwan-gis[scale]"，或用 executor="process"',
                 'Dask is not installed: pip install "qianwan-gis[scale]", or executor="process"')
        ) from None  # fmt: skip
    own = isinstance(executor, str)
    cluster = client = None
    try:
        if own:
            with dask.config.set({"distributed.scheduler.allowed-failures": retries}):
                cluster = distributed.LocalCluster(
                    n_workers=workers or multiprocessing.cpu_count(), threads_per_worker=1,
                    dashboard_address=None, silence_logs=50,
                )  # fmt: skip
            client = distributed.Client(cluster)
        else:
            client = executor
        futures = {
            client.submit(
                _attempt, name, part, wanted, str(folder), dict(options), pure=False,
                key=f"qianwan-{part.key}-{wanted[:12]}",
            ): part.key
            for part, wanted in todo
        }  # fmt: skip
        for future in distributed.as_completed(list(futures)):
            if future.status == "finished":
                yield future.result()
            else:
                error = future.exception()
                key = futures[future]
                lost = isinstance(error, distributed.KilledWorker)
                what = str(retries + 1) if lost else f"{type(error).__name__}: {error}"
                yield key, [_problem(key, "worker_lost" if lost else "task_failed", what)]
    finally:
        if own and client is not None:
            client.close()
        if cluster is not None:
            cluster.close()


# ------------------------------------------------------------------ what was done


class _Hashes:
    """Hash of everything that a result depends on; a shared file is read once."""

    def __init__(self) -> None:
        self._file = cache(_io.sha256)

    def of(self, part: Partition, code: Sequence[str], options: Mapping[str, Any]) -> str:
        digest = hashlib.sha256()
        head = [part.key, part.crs, part.buffer_m, *code, __version__, options]
        try:
            digest.update(json.dumps(head, sort_keys=True, ensure_ascii=False).encode())
        except TypeError as error:
            raise UsageError(
                Text(
                    f"options 只能是可写成 JSON 的值：{error}",
                    f"options must be JSON values: {error}",
                )
            ) from error
        digest.update(part.area or b"")
        for name, path in sorted(part.files.items()):
            digest.update(f"{name}={self._input(path)}".encode())
        return digest.hexdigest()

    def _input(self, path: str) -> str:
        """Hash a file, a folder of files, or the inputs of a carried county."""
        from qianwan_gis.county import carried_counties

        place = Path(path)
        if path in carried_counties() and not place.exists():
            from qianwan_gis.plan import Plan

            return json.dumps(Plan.open(path).input_files(), sort_keys=True)
        if place.is_dir():
            files = sorted(p for p in place.rglob("*") if p.is_file())
            return json.dumps([[p.relative_to(place).as_posix(), self._file(p)] for p in files])
        return self._file(place)


def _source_hash(task: Task) -> str:
    """Hash of the file that a task is written in, so that a mended task runs again."""
    file = inspect.getsourcefile(task)
    return _io.sha256(Path(file)) if file and Path(file).is_file() else ""


def _is_done(folder: Path, key: str, wanted: str) -> bool:
    path = folder / _PARTS / f"{key}.parquet"
    try:
        record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        return bool(record["inputs"] == wanted and record["sha256"] == _io.sha256(path))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _importable(task: Task) -> str:
    """Name a task so that another process finds it."""
    module, name = getattr(task, "__module__", ""), getattr(task, "__qualname__", "")
    if module in ("", "__main__") or "<" in name or "." in name:
        raise UsageError(
            Text("任务须是某个模块里的函数（不能是 lambda、嵌套函数或笔记本里定义的函数），请放进 .py 文件",
                 "a task must be a function of an importable module, not a lambda, a nested function "
                 "or one from a notebook: put it into a .py file")
        )  # fmt: skip
    return f"{module}:{name}"


def _check_keys(parts: Sequence[Partition]) -> None:
    log = ProblemLog()
    seen: set[str] = set()
    for part in parts:
        plain = part.key.replace("_", "").replace("-", "")
        if not (plain.isalnum() and plain.isascii()):
            log.add("error", "bad_key", f"分区名“{part.key}”只能有字母、数字、_、-",
                    f"key “{part.key}” may hold letters, digits, _ and - only", row=part.key)  # fmt: skip
        if part.key.lower() in seen:  # some file systems do not tell A from a
            log.add("error", "repeated_key", f"分区名“{part.key}”重复",
                    f"key “{part.key}” is repeated", row=part.key)  # fmt: skip
        seen.add(part.key.lower())
    log.raise_errors()


# ------------------------------------------------------------------ files


def _open_layer(path: Path, here: gpd.GeoSeries | None) -> gpd.GeoDataFrame:
    import geopandas as gpd

    if path.suffix.lower() != ".parquet":
        return gpd.read_file(path, bbox=here, engine="pyogrio")
    if here is None:
        return gpd.read_parquet(path)
    import pyarrow.parquet as pq

    about = json.loads((pq.read_schema(path).metadata or {}).get(b"geo", b"{}"))
    column = about.get("columns", {}).get(about.get("primary_column", ""), {})
    if "covering" not in column:
        return gpd.read_parquet(path)
    crs = column.get("crs", "OGC:CRS84")
    return gpd.read_parquet(path, bbox=tuple(here.to_crs(crs).total_bounds))


def _write_part(table: pd.DataFrame, path: Path) -> None:
    """Write a table as (Geo)Parquet, whole or not at all; the index is not kept."""
    import io

    stream = io.BytesIO()
    plain = table.reset_index(drop=True)
    plain.attrs = {}
    plain.to_parquet(stream, index=False)
    _io.write_bytes(path, stream.getvalue())


def _read_part(path: Path) -> pd.DataFrame:
    import geopandas as gpd
    import pyarrow.parquet as pq

    geographic = b"geo" in (pq.read_schema(path).metadata or {})
    return gpd.read_parquet(path) if geographic else pd.read_parquet(path)
