"""Writing what a run leaves behind: every file, whole, with a record of what it came from."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qianwan_gis import __version__, _io, report, review
from qianwan_gis._errors import Problem, UnavailableError, UsageError
from qianwan_gis._text import Lang, Text
from qianwan_gis.export import content, gpkg, tables
from qianwan_gis.export.corridor import corridor_tables
from qianwan_gis.maps import static, strips, web

if TYPE_CHECKING:
    from qianwan_gis.plan import Plan

RECORD = "run.json"
STRIPS = "strips.pdf"
_LIBRARIES = ("folium", "geopandas", "matplotlib", "numba", "numpy", "pandas", "pyproj", "scipy", "shapely")  # fmt: skip


def files(plan: Plan) -> dict[str, Text]:
    """Return the files of a run and what each is for, in the order to look at them."""
    return {
        "map.html": Text(
            "网页地图，双击打开，不需要网络", "web map; opens by double-click, offline"
        ),
        "report.docx": Text("报告（Word）", "report (Word)"),
        "report.md": Text(
            "报告（文本，插图在 figures 文件夹）", "report (text; its pictures are in figures)"
        ),
        "tables.xlsx": Text("表格（Excel）", "tables (Excel)"),
        "coverage.csv": Text("服务覆盖明细", "coverage, row by row"),
        f"{plan.county.key}.gpkg": Text("规划图层（QGIS）", "planning layers (QGIS)"),
        "atlas.pdf": Text("A3 图册", "A3 map sheets"),
        **({STRIPS: Text("廊带带状图（A3）", "strip maps (A3)")} if _has_strips(plan) else {}),
        **{
            result.file: Text(
                f"情景“{result.title.zh}”逐村前后",
                f"scenario “{result.title.en}”, village by village",
            )
            for result in plan.scenarios
        },
        RECORD: Text("运行记录与校验值", "record of the run, with checksums"),
    }


def write(plan: Plan, folder: Path) -> Path:
    """Write all outputs of a plan.

    Files of other makers in the folder are kept. Where no Chinese font is installed the atlas is
    left out and the report has no figures; ``run.json`` and a problem of the plan say so.

    Parameters
    ----------
    folder
        Made or replaced as a whole, only when everything has been written.
    """
    if folder.is_file():
        raise UsageError(Text(f"{folder} 是文件，不是文件夹", f"{folder} is a file, not a folder"))
    made = cache(lambda: content.tables(plan))  # by the first that asks, for both
    steps: list[tuple[str, Callable[[Path], Any]]] = [
        (f"{plan.county.key}.gpkg", lambda path: gpkg.write(plan, path, tables=made)),
        ("tables.xlsx", lambda path: tables.write_xlsx(plan, path, tables=made)),
        ("coverage.csv", lambda path: tables.write_csv(plan, path)),
        ("map.html", lambda path: web.write(plan, path)),
        ("atlas.pdf", lambda path: static.write_atlas(plan, path)),
        ("report.docx", lambda path: report.write_report(plan, path.parent)),
    ]
    steps += [
        (result.file, lambda path, r=result: r.write(path.parent, plan.lang))  # type: ignore[misc]
        for result in plan.scenarios
    ]
    if _has_strips(plan):
        steps.append((STRIPS, lambda path: strips.write_strips(plan, path)))
    timing: dict[str, float] = {}
    missing: list[str] = []
    with _io.staged_folder(folder) as stage:
        for name, step in steps:
            started = time.perf_counter()
            try:
                step(stage / name)
            except UnavailableError as error:
                missing.append(error.text.get(plan.lang))
                plan.tell(Problem("not_written", "warning", error.text, file=name))
            timing[name] = round(time.perf_counter() - started, 3)
        _write_record(plan, stage, timing, missing)
        _keep_foreign(folder, stage)
    return folder


def _has_strips(plan: Plan) -> bool:
    """Whether there is a corridor with stakes: a presumed course has no strip maps."""
    return plan.disclosure.stakes and bool(plan.corridor_tables)


def write_corridor(plan: Plan, folder: Path, *, every_km: float | None = None) -> list[Path]:
    """Write what `qianwan corridor` gives: the strip maps, and the tables as CSV for Excel.

    Parameters
    ----------
    folder
        Gets ``strips.pdf`` and one ``corridor_<table>.csv`` each; other files in it are kept.
    every_km
        Length of road on one sheet.

    Raises
    ------
    UnavailableError
        No corridor with stakes, or no Chinese font.
    """
    written = [strips.write_strips(plan, folder / STRIPS, every_km=every_km)]
    for table in corridor_tables(plan):
        titles = [content.heading(column, plan.lang) for column in table.columns]
        text = table.frame.map(tables.safe_cell).set_axis(titles, axis=1).to_csv(index=False)
        name = table.key.replace("corridor_report_", "corridor_") + ".csv"
        written.append(_io.write_bytes(folder / name, text.encode("utf-8-sig")))
    return written


def write_geocoding(plan: Plan, folder: Path) -> list[Path]:
    """Write what `qianwan geocode` gives: villages, what to review, and the regions.

    ``villages.csv`` (every village, UTF-8 with a mark for Excel), ``to_review.csv`` (unsettled
    villages, those whose settling would change most first), ``review.html`` (the page to settle
    them on) and ``regions.gpkg``.
    """
    table = content.villages_table(plan)
    titles = [content.heading(column, plan.lang) for column in table.columns]
    villages = table.frame.map(tables.safe_cell).set_axis(titles, axis=1)
    todo = review.unsettled(plan.villages, plan.coverage).drop(columns="geometry", errors="ignore")
    todo = todo.map(tables.safe_cell)
    written = [
        _io.write_bytes(folder / "villages.csv", villages.to_csv(index=False).encode("utf-8-sig")),
        _io.write_bytes(folder / "to_review.csv", todo.to_csv(index=False).encode("utf-8-sig")),
        review.write_review(plan, folder / "review.html"),
    ]
    regions = folder / "regions.gpkg"
    with tempfile.TemporaryDirectory(dir=folder, prefix=".regions.") as draft:
        plan.regions.to_file(Path(draft) / regions.name, layer="regions")
        (Path(draft) / regions.name).replace(regions)
    return [*written, regions]


def write_plain(made: Sequence[content.Table], folder: Path, lang: Lang) -> list[Path]:
    """Write plain tables as CSV for Excel, with readers' headings; other files there are kept."""
    written = []
    for table in made:
        titles = [content.heading(column, lang) for column in table.columns]
        text = table.frame.map(tables.safe_cell).set_axis(titles, axis=1).to_csv(index=False)
        written.append(_io.write_bytes(folder / f"{table.key}.csv", text.encode("utf-8-sig")))
    return written


def _keep_foreign(old: Path, stage: Path) -> None:
    """Carry over what the user put into the folder; drop what an earlier run wrote."""
    if not old.is_dir():
        return
    try:
        record = json.loads((old / RECORD).read_text(encoding="utf-8"))
        ours = {RECORD, *(name.split("/")[0] for name in record["outputs"])}
    except (OSError, ValueError, KeyError, TypeError):
        ours = set()
    for item in old.iterdir():
        if item.name not in ours and not (stage / item.name).exists():
            copy = shutil.copytree if item.is_dir() else shutil.copy2
            copy(item, stage / item.name)


def _write_record(
    plan: Plan, stage: Path, timing: dict[str, float], missing: Sequence[str]
) -> None:
    outputs = {
        path.relative_to(stage).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": _io.sha256(path),
        }
        for path in sorted(stage.rglob("*"))
        if path.is_file()
    }
    table = plan.standards.table(used_only=True)
    record = {
        "county": {"key": plan.county.key, "adcode": plan.county.adcode, "name": plan.county.name},
        "run_date": plan.run_date,
        "crs": plan.crs.to_string(),
        "marks": [mark.get(plan.lang) for mark in plan.marks],
        "inputs": plan.input_files(),
        "outputs": outputs,
        "not_written": list(missing),
        "standards": table.astype(object).where(table.notna(), None).to_dict("records"),
        "withheld": {key: text.get(plan.lang) for key, text in plan.disclosure.reasons.items()},
        "problems": [problem.message(plan.lang) for problem in plan.problems],
        "versions": {
            "qianwan_gis": __version__,
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in _LIBRARIES},
        },
        "timing": timing,
    }
    text = json.dumps(record, ensure_ascii=False, indent=1, default=str)
    _io.write_text(stage / RECORD, text + "\n")
