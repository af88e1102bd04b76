"""The ``qianwan`` command: thin commands, one call each.

Exit codes: 0 done (warnings are told), 1 the input is at fault (every fault is listed, nothing is
written), 2 wrong usage.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from qianwan_gis._errors import DataError, Problem, UnavailableError, UsageError
from qianwan_gis._text import Lang, Text

if TYPE_CHECKING:
    import pandas as pd

    from qianwan_gis.export.content import Table
    from qianwan_gis.plan import Plan


def _take_language(arguments: list[str]) -> Lang:
    """Take ``--lang zh|en`` out of the arguments, wherever it stands.

    This happens before the commands are built, so that ``--help`` speaks the language too.
    """
    for position, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name == "--lang":
            width = 1 if value else 2
            value = value or "".join(arguments[position + 1 : position + 2])
            if value not in ("zh", "en"):
                sys.stderr.write("--lang: zh | en\n")
                raise SystemExit(2)
            del arguments[position : position + width]
            return cast("Lang", value)
    return "en" if os.environ.get("QIANWAN_LANG") == "en" else "zh"


LANG: Lang = _take_language(sys.argv)


def _say(zh: str, en: str) -> str:
    return en if LANG == "en" else zh


app = typer.Typer(
    name="qianwan",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog=_say("各命令均可加 --lang zh|en。", "Every command takes --lang zh|en."),
    help=_say(
        "“千万工程”示范廊带规划工具：村庄定位、廊带桩号、路网、服务覆盖与成图。",
        "Planning toolkit for Thousand Villages corridors: villages, chainage, roads, coverage, maps.",
    ),
)

Key = Annotated[
    str,
    typer.Argument(
        help=_say("县名键（见 counties）或项目文件夹", "a county's key or a project folder")
    ),
]
Out = Annotated[Path | None, typer.Option("--out", help=_say("输出文件夹", "output folder"))]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help=_say("改用某项标准，如 roads.village.speed_kph=15", "override a standard"),
    ),
]
Providers = Annotated[
    list[str] | None,
    typer.Option(
        "--provider",
        metavar="nominatim|tianditu|amap|osm:FILE",
        help=_say(
            "为没有点位的村查询在线服务或 OSM 文件", "ask a service about villages without a point"
        ),
    ),
]
Folder = Annotated[Path, typer.Argument(metavar="DIR")]


def _plan(key: str, sets: list[str] | None = None, providers: list[str] | None = None) -> Plan:
    from qianwan_gis.plan import Plan

    overrides: dict[str, Any] = {}
    for item in sets or []:
        name, separator, value = item.partition("=")
        if not separator:
            raise UsageError(
                Text(f"--set 应为 键=值，给出的是“{item}”", f"--set takes key=value, not “{item}”")
            )
        overrides[name.removeprefix("standards.")] = value
    return Plan.open(key, lang=LANG, standards=overrides, providers=providers or ()).check()


def _folder(out: Path | None, plan: Plan) -> Path:
    return out if out is not None else Path("outputs") / plan.county.key


def _print(text: str = "", *, err: bool = False) -> None:
    typer.echo(text, err=err)


def _print_rows(rows: list[list[str]], title: str = "") -> None:
    """Print rows as wide as their contents; Chinese characters count two columns."""
    from rich.cells import cell_len

    if title:
        _print(title)
    widths = [max(cell_len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [
            text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True)
        ]
        _print("  " + "  ".join(cells).rstrip())


def _print_frame(frame: pd.DataFrame, heads: Iterable[str] | None = None, title: str = "") -> None:
    head = [str(c) for c in (heads if heads is not None else frame.columns)]
    body = [[_cell(value) for value in row] for row in frame.itertuples(index=False, name=None)]
    _print_rows([head, *body], title)


def _cell(value: object) -> str:
    import pandas as pd

    if isinstance(value, Text):
        return value.get(LANG)
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(cast("Any", value))):
        return ""
    if type(value) is float:  # a Chainage is a float that writes itself
        return f"{value:.0f}" if value.is_integer() or abs(value) >= 100 else f"{value:.3g}"
    return str(value)


def _print_table(table: Table | None) -> None:
    """Print one of the tables that every output shares, with its titles and note."""
    from qianwan_gis.export.content import heading

    if table is None:
        _print(_say("没有可汇总的内容", "there is nothing to sum up"))
        return
    _print_frame(table.frame, [heading(c, LANG) for c in table.columns], table.title.get(LANG))
    if note := table.note.get(LANG):
        _print(note)


def _print_problems(problems: Iterable[Problem], *, limit: int | None = None) -> None:
    order = {"error": 0, "warning": 1, "note": 2}
    ranked = sorted(problems, key=lambda p: order[p.level])
    for problem in ranked[:limit]:
        _print(problem.message(LANG), err=True)
    if limit is not None and len(ranked) > limit:
        rest = len(ranked) - limit
        _print(_say(f"……另有{rest}条，见报告", f"… and {rest} more, see the report"), err=True)


@app.command(
    help=_say("运行全部步骤，写出地图、图层、表格与报告", "run every step and write all outputs")
)
def run(key: Key, out: Out = None, sets: Sets = None, provider: Providers = None) -> None:
    from qianwan_gis import outputs

    plan = _plan(key, sets, provider)
    folder = plan.write(_folder(out, plan))
    _print_problems([p for p in plan.problems if p.level != "note"], limit=8)
    _print_frame(plan.headline(), [_say("本次结果", "this run"), ""])
    _print_problems(p for p in plan.problems if p.code == "not_written")
    _print(_say("请看：", "Open:"))
    for name, what in outputs.files(plan).items():
        if (folder / name).exists():
            _print(f"  {folder / name}  {what.get(LANG)}")


@app.command(help=_say("为任一县新建项目文件夹", "make a project folder for any county"))
def init(
    folder: Folder,
    adcode: Annotated[str, typer.Option("--adcode", help=_say("6位区划代码", "six-digit code"))],
) -> None:
    from qianwan_gis.project import init_project

    for line in init_project(folder, adcode):
        _print(line.get(LANG))


@app.command(help=_say("列出自带的县", "list the carried counties"))
def counties() -> None:
    from qianwan_gis.county import County, carried_counties

    for key in carried_counties():
        county = County.open(key)
        _print(f"{key}  {county.adcode}  {county.title.get(LANG)}")


@app.command(
    help=_say(
        "检查输入：有什么、缺什么、错在哪、现在能算什么", "check the inputs; what can be done"
    )
)
def check(key: Key) -> None:
    from qianwan_gis.project import check_project

    report = check_project(key)
    for line in report.lines:
        _print(line.get(LANG))
    _print_problems(report.problems)
    if report.failed:
        raise typer.Exit(1)


@app.command(help=_say("村庄定位：汇总并写出村庄表、审核网页与可能范围", "locate the villages"))
def geocode(key: Key, out: Out = None, sets: Sets = None, provider: Providers = None) -> None:
    from qianwan_gis import outputs

    plan = _plan(key, sets, provider)
    _print_problems(p for p in plan.located.problems if p.level != "note")
    heads = [
        _say("依据", "match"),
        _say("说明", "meaning"),
        _say("村数", "villages"),
        _say("不确定度中位数(m)", "median uncertainty (m)"),
    ]
    _print_frame(plan.match_summary(), heads)
    for path in outputs.write_geocoding(plan, _folder(out, plan)):
        _print(str(path))


@app.command(help=_say("写出待核定村庄的审核网页", "write the review page of unsettled villages"))
def review(key: Key, out: Out = None) -> None:
    from qianwan_gis.review import write_review

    plan = _plan(key)
    _print(str(write_review(plan, _folder(out, plan) / "review.html")))


@app.command(help=_say("廊带沿线村庄与桩号", "what lies along the corridor, by chainage"))
def corridor(key: Key, sets: Sets = None) -> None:
    from qianwan_gis.corridor.report import COLUMN_TEXT, TITLES
    from qianwan_gis.schemas import FACILITIES, VILLAGES

    plan = _plan(key, sets)
    tables = plan.corridor_report()
    hidden = {"chainage_m", "travelled_m", "code", "facility_id", "evidence", "category_note", "match",
              "basis", "uncertainty_m", "population_source", "licence", "source"}  # fmt: skip
    for name, table in tables.items():
        titles = {**{c.name: c.title for c in (*VILLAGES, *FACILITIES)}, **COLUMN_TEXT}
        shown = [c for c in table.columns if c in titles and c not in hidden]
        _print_frame(table[shown], [titles[c].get(LANG) for c in shown], TITLES[name].get(LANG))
    if not tables:
        why = plan.disclosure.reasons.get("stakes", Text("没有廊带路线", "no corridor on record"))
        _print(why.get(LANG))


@app.command(help=_say("服务覆盖汇总", "service coverage by group"))
def coverage(
    key: Key,
    by: Annotated[
        str, typer.Option("--by", metavar="county|township|category|list|zone")
    ] = "county",
    sets: Sets = None,
) -> None:
    from qianwan_gis.export import content

    if by not in content.SUMMARIES:
        raise UsageError(
            Text(
                f"--by 应为 {'、'.join(content.SUMMARIES)}",
                f"--by takes {', '.join(content.SUMMARIES)}",
            )
        )
    _print_table(content.summary_table(_plan(key, sets), by))


@app.command(
    help=_say("新增设施选址：放哪里、各增加多少", "where the next facilities go and what each adds")
)
def site(
    key: Key,
    service: Annotated[
        str, typer.Option("--service", help=_say("服务，如 clinic", "such as clinic"))
    ],
    tier: Annotated[
        str, typer.Option("--tier", help=_say("层级，如 village", "such as village"))
    ] = "",
    add: Annotated[
        int | None,
        typer.Option("--add", min=1, help=_say("新增处数（默认3）", "how many (3)")),
    ] = None,
    scenario: Annotated[
        Path | None,
        typer.Option(
            "--scenario",
            help=_say(
                "方案文件：.toml（规则）或网页导出的 .json",
                "rules (.toml), or .json from the web map",
            ),
        ),
    ] = None,
    out: Out = None,
) -> None:
    from qianwan_gis import proposals

    plan = _plan(key)
    if scenario is not None and scenario.suffix.lower() == ".json":
        _print_whatif(plan, scenario)
        return
    rules = proposals.read_scenario(scenario) if scenario is not None else proposals.Scenario()
    if rules.standards:
        plan = plan.replace(standards=rules.standards).check()
    options = rules.options()
    if rules.candidates is not None:
        options["candidates"] = proposals.read_candidates(rules.candidates, plan.crs)
    found = plan.propose(service, tier or rules.tier, add=add or rules.add or 3, **options)
    _print_problems(found.problems)
    if found.refused is not None:
        raise typer.Exit(1)
    titles = {
        "sites": _say("建议新增（按建设次序）", "Proposed sites, in the order to build"),
        "curve": _say("新增处数与效果", "What each number of sites gives"),
    }
    for name, table in (("sites", found.sites), ("curve", found.curve)):
        shown = table.drop(columns=["lon", "lat"], errors="ignore")
        heads = [title.get(LANG) for title in proposals.headings(shown)]
        _print_frame(shown, heads, titles[name])
    for path in proposals.write(found, _folder(out, plan) / f"site_{found.service}_{found.tier}"):
        _print(str(path))


def _print_whatif(plan: Plan, file: Path) -> None:
    """Say how villages fare under a scenario that the web map exported."""
    from qianwan_gis.maps.whatif import Scenario

    table = Scenario.read(file).evaluate(plan.network, plan.villages)
    counts = table["covered"].value_counts(dropna=False)
    words = {True: _say("覆盖", "covered"), False: _say("未覆盖", "not covered")}
    for value, count in counts.items():
        word = (
            words.get(value, _say("未知", "unknown"))
            if value in (True, False)
            else _say("未知", "unknown")
        )
        _print(f"{word}: {count}")


@app.command(help=_say("下载开放数据（需联网）", "fetch open data (goes to the network)"))
def fetch(
    key: Key,
    kind: Annotated[str, typer.Argument(metavar="roads|facilities|villages|dem|population")],
    out: Out = None,
    url: Annotated[str | None, typer.Option("--url", help=_say("镜像地址", "a mirror"))] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help=_say("不用缓存，重新下载", "ask anew, not the cache"))
    ] = False,
) -> None:
    from qianwan_gis import fetch as fetching

    def tell(done: int, total: int) -> None:
        _print(_say(f"第{done}块，共{total}块", f"{done} of {total}"), err=True)

    got = fetching.fetch(key, kind, out, url=url, refresh=refresh, progress=tell)
    for path in got.files:
        _print(str(path))
    for note in got.notes:
        _print(note.get(LANG), err=True)
    if got.snippet:
        _print(_say("写入 county.toml：", "Put into county.toml:"))
        _print(got.snippet)


@app.command(
    help=_say(
        "污水方案：纳管、集中或分散，按全寿命费用", "sewage: sewer, station or on-site by cost"
    )
)
def sewage(
    key: Key,
    out: Out = None,
    seconds: Annotated[
        float,
        typer.Option("--seconds", min=1, help=_say("求解时限（秒）", "time limit in seconds")),
    ] = 120.0,
    sets: Sets = None,
) -> None:
    from qianwan_gis import outputs

    plan = _plan(key, sets)
    found = plan.sewage_plan(time_limit=seconds)
    _print_problems(
        [*(p for p in plan.problems if p.code == "sewer_plant_presumed"), *found.problems], limit=8
    )
    _print_frame(found.decisions["choice"].value_counts().reset_index())
    for path in outputs.write_tables(outputs.sewage_tables(found), _folder(out, plan) / "sewage"):
        _print(str(path))


@app.command(
    help=_say("供水方案：压力分区、管网与水力校核", "water: pressure zones, pipes, hydraulic check")
)
def water(
    key: Key,
    out: Out = None,
    seconds: Annotated[
        float,
        typer.Option("--seconds", min=1, help=_say("求解时限（秒）", "time limit in seconds")),
    ] = 60.0,
    sets: Sets = None,
) -> None:
    from qianwan_gis import outputs

    plan = _plan(key, sets)
    found = plan.water_plan(time_limit=seconds)
    _print_problems(found.problems, limit=12)
    _print_frame(found.villages["reason"].value_counts().reset_index())
    folder = _folder(out, plan) / "water"
    written = outputs.write_tables(outputs.water_tables(found), folder)
    if found.system is not None:
        written.append(found.system.write_inp(folder / "network.inp"))
    for path in written:
        _print(str(path))


@app.command(help=_say("目标台账与进展", "the ledger of targets"))
def targets(key: Key) -> None:
    from qianwan_gis.export import content

    table = content.targets_table(_plan(key))
    shown = [
        "scope",
        "topic",
        "year",
        "kind",
        "relation",
        "value",
        "unit",
        "plausibility",
        "status",
    ]
    titles = {column.name: column.title.get(LANG) for column in table.columns}
    _print_frame(table.frame[shown], [titles[name] for name in shown])


@app.command(help=_say("写出规划图层", "write the planning layers"))
def layers(
    key: Key,
    out: Out = None,
    formats: Annotated[
        str, typer.Option("--formats", metavar="gpkg,qgz,shp,dxf,kml,kmz,parquet")
    ] = "gpkg,qgz",
) -> None:
    from qianwan_gis.export import write_layers

    plan = _plan(key)
    for path in write_layers(plan, _folder(out, plan), formats=formats.split(",")):
        _print(str(path))


@app.command("map", help=_say("只写网页地图", "write the web map only"))
def map_(key: Key, out: Out = None, sets: Sets = None) -> None:
    from qianwan_gis.maps.offline import save_offline

    plan = _plan(key, sets)
    _print(str(save_offline(plan.map(), _folder(out, plan) / "map.html")))


@app.command(help=_say("只写报告", "write the report only"))
def report(key: Key, out: Out = None, sets: Sets = None) -> None:
    from qianwan_gis.report import write_report

    plan = _plan(key, sets)
    for path in write_report(plan, _folder(out, plan)):
        _print(str(path))


@app.command(help=_say("对结果表执行 SQL", "run SQL over the result tables"))
def sql(key: Key, query: str) -> None:
    _print_frame(_plan(key).sql(query))


@app.command(help=_say("列出全部标准及其核对状态", "list the standards and their status"))
def standards() -> None:
    from qianwan_gis.standards import STATUS_TEXT, Standards

    table = Standards.load().table()
    table["status"] = [STATUS_TEXT[status].get(LANG) for status in table["status"]]
    heads = _say("键 值 单位 状态 名称", "key value unit status title").split()
    _print_frame(table[["key", "value", "unit", "status", "title"]], heads)


@app.command(help=_say("生成合成县（教学与测试）", "make synthetic counties"))
def synthetic(
    folder: Folder,
    villages: Annotated[int, typer.Option("--villages", min=20)] = 600,
    seed: Annotated[int, typer.Option("--seed")] = 0,
    counties: Annotated[int | None, typer.Option("--counties", min=1)] = None,
) -> None:
    from qianwan_gis import synthetic as made_up

    if counties is None:
        _print(str(made_up.county(villages=villages, seed=seed).write(folder)))
        return
    for made in made_up.counties(counties, villages=villages, seed=seed):
        _print(str(made.write(folder / made.adcode)))


@app.command(
    help=_say("多县覆盖计算，可续算", "coverage of many counties; goes on where it stopped")
)
def scale(
    folder: Folder,
    out: Out = None,
    executor: Annotated[str, typer.Option("--executor", metavar="local|process|dask")] = "process",
    workers: Annotated[int | None, typer.Option("--workers", min=1)] = None,
) -> None:
    from qianwan_gis import scale as many

    projects = sorted(path.parent for path in folder.glob("*/county.toml"))
    if not projects:
        raise UsageError(Text(f"{folder} 下没有县项目", f"there is no county project in {folder}"))
    target = out if out is not None else folder / "coverage"
    _print(str(many.coverage(projects, target, executor=executor, workers=workers)))


@app.command(help=_say("核对输出是否与 run.json 一致", "check outputs against run.json"))
def verify(folder: Folder) -> None:
    from qianwan_gis.project import verify_outputs

    problems = verify_outputs(folder)
    _print_problems(problems)
    if problems:
        raise typer.Exit(1)
    _print(_say("全部文件与 run.json 一致", "all files agree with run.json"))


def main() -> None:
    """Run the command line; turn errors into messages and exit codes."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a Windows console may not speak UTF-8
            cast("Any", stream).reconfigure(encoding="utf-8", errors="replace")
    try:
        app()
    except DataError as error:
        _print_problems(error.problems)
        count = sum(p.level == "error" for p in error.problems)
        _print(
            _say(f"共{count}处错误，未写出任何文件。", f"{count} errors; nothing was written."),
            err=True,
        )
        raise SystemExit(1) from None
    except UnavailableError as error:
        _print(error.text.get(LANG), err=True)
        raise SystemExit(1) from None
    except UsageError as error:
        _print(error.text.get(LANG), err=True)
        raise SystemExit(2) from None
    except OSError as error:  # no permission, disk full, a file in the way
        what = f"{error.filename or ''}：{error.strerror or error}".lstrip("：")
        _print(_say(f"错误：无法读写 {what}", f"error: cannot read or write {what}"), err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
