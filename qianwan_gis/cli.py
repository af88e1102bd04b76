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


_MOST_ROWS = 20  # villages printed on the screen; the files have them all

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


@app.command(
    help=_say(
        "廊带：间距结论、沿线村庄与桩号；写出带状图和表格",
        "the corridor: spacing, what lies along it by chainage; writes strip maps and tables",
    )
)
def corridor(
    key: Key,
    out: Out = None,
    every: Annotated[
        float | None,
        typer.Option(
            "--every",
            metavar="KM",
            help=_say("带状图每幅里程（公里）", "km of road per strip sheet"),
        ),
    ] = None,
    sets: Sets = None,
) -> None:
    from qianwan_gis import outputs
    from qianwan_gis.export import content
    from qianwan_gis.export.corridor import corridor_tables

    plan = _plan(key, sets)
    tables = corridor_tables(plan)
    for table in tables:
        # the longest lists are in the files
        if not table.key.endswith(("_sides", "_services", "_area_villages")):
            hidden = {"chainage_m", "travelled_m", "code", "facility_id", "capacity"}
            shown = [c for c in table.columns if c.name not in hidden]
            heads = [content.heading(c, LANG) for c in shown]
            _print_frame(table.frame[[c.name for c in shown]], heads, table.title.get(LANG))
    if not tables:
        why = plan.disclosure.reasons.get("stakes", Text("没有廊带路线", "no corridor on record"))
        _print(
            Text(
                f"不出廊带报表和带状图：{why.zh}", f"no corridor tables or strip maps: {why.en}"
            ).get(LANG)
        )
        return
    for path in outputs.write_corridor(plan, _folder(out, plan), every_km=every):
        _print(str(path))


@app.command(
    help=_say(
        "服务覆盖汇总；可改限值、方式，查备用设施、容量，对比情景",
        "service coverage by group; other limits and modes, second facilities, capacities, scenarios",
    )
)
def coverage(
    key: Key,
    by: Annotated[
        str, typer.Option("--by", metavar="county|township|category|list|zone")
    ] = "county",
    service: Annotated[
        str,
        typer.Option("--service", help=_say("只看某项服务，如 clinic", "one service, as clinic")),
    ] = "",
    tier: Annotated[
        str, typer.Option("--tier", help=_say("层级，如 village", "such as village"))
    ] = "",
    limit: Annotated[
        float | None, typer.Option("--limit", help=_say("限值（分钟，含本数）", "limit in minutes"))
    ] = None,
    mode: Annotated[
        str | None, typer.Option("--mode", metavar="walk|car|ebike", help=_say("出行方式", "mode"))
    ] = None,
    backup: Annotated[
        bool | None,
        typer.Option("--backup/--no-backup", help=_say("查第二近的备用设施", "second facilities")),
    ] = None,
    capacity: Annotated[
        bool, typer.Option("--capacity", help=_say("设施满员后不再覆盖", "facilities can be full"))
    ] = False,
    per_unit: Annotated[
        float,
        typer.Option(
            "--per-unit",
            help=_say("每单位容量（如每床）服务人数", "people per unit of capacity, such as a bed"),
        ),
    ] = 1.0,
    scenario: Annotated[
        list[Path] | None,
        typer.Option(
            "--scenario",
            help=_say(
                "情景文件（可重复）：.toml、.json 或网页导出的 .json",
                "scenario file (repeatable): .toml, .json, or .json from the web map",
            ),
        ),
    ] = None,
    out: Out = None,
    sets: Sets = None,
) -> None:
    from qianwan_gis.export import content
    from qianwan_gis.services.choices import tiers

    if by not in content.SUMMARIES:
        raise UsageError(
            Text(
                f"--by 应为 {'、'.join(content.SUMMARIES)}",
                f"--by takes {', '.join(content.SUMMARIES)}",
            )
        )
    plan = _plan(key, sets)
    options = {"mode": mode, "limit": limit, "backup": backup,
               "capacity": per_unit if capacity else None}  # fmt: skip
    said = {name: value for name, value in options.items() if value is not None}
    if said and not service:
        raise UsageError(
            Text("--limit、--mode、--backup、--capacity 请同时写 --service",
                 "--limit, --mode, --backup and --capacity need --service")
        )  # fmt: skip
    if service:
        name = f"{service}.{tier}" if tier else service
        plan = plan.replace(services={name: said}).check()
    if scenario:
        for file in scenario:
            _print_scenario(plan, file, _folder(out, plan))
        return
    rows = None
    if service:
        rows, _ = plan.assessed(tuple((s.service, s.tier) for s in tiers(service, tier)))
        _print_coverage(plan, rows, by)
    else:
        _print_table(content.summary_table(plan, by))
    if plan.ground is None:
        _print(
            _say("没有30米左右的高程，时间不计坡度。", "No fine terrain: no slopes in the times.")
        )
    if out is not None:
        from qianwan_gis.export import tables

        _print(str(tables.write_csv(plan, out / "coverage.csv", rows=rows)))


def _print_coverage(plan: Plan, rows: pd.DataFrame, by: str) -> None:
    """Print the summary of some tiers, and who is not covered and why."""
    import pandas as pd

    from qianwan_gis.export import content
    from qianwan_gis.layers import coverage_state
    from qianwan_gis.schemas import value_text
    from qianwan_gis.services.words import reason_texts

    _print_table(content.summary_table(plan, by, rows=rows))
    state = coverage_state(rows, plan.disclosure)
    words = [text.get(LANG) for text in reason_texts(rows)]
    told = rows.assign(state=state.to_numpy(), words=words)
    without = told[told["state"] != "covered"]
    if without.empty:
        return
    count = without["reason"].map(lambda r: value_text("reason", r).get(LANG)).value_counts()
    heads = [_say("未覆盖或未知的原因", "Why not covered, or unknown"), _say("村数", "villages")]
    _print_frame(count.reset_index(), heads)
    red = without[without["state"] == "uncovered"].sort_values(["tier", "minutes", "code"])
    names = pd.DataFrame(plan.villages)[["code", "township", "name"]]
    shown = red.merge(names, on="code").head(_MOST_ROWS)
    if shown.empty:
        return
    heads = [_say("乡镇", "township"), _say("村", "village"), _say("层级", "tier"),
             _say("分钟", "minutes"), _say("原因", "reason")]  # fmt: skip
    shown = shown.assign(tier=[value_text("tier", t).get(LANG) for t in shown["tier"]])
    _print_frame(shown[["township", "name", "tier", "minutes", "words"]], heads)
    _print_rest(len(red), "coverage.csv（--out）")


def _print_scenario(plan: Plan, file: Path, folder: Path) -> None:
    """Print what a scenario changes, and write it village by village."""
    from qianwan_gis.scenarios import COLUMN_TEXT
    from qianwan_gis.scenarios.roads import lengths

    found = plan.scenario(file)
    _print(_say(f"情景：{found.title.zh}", f"Scenario: {found.title.en}"))
    _print_problems(found.problems)
    if len(found.lines):
        roads = found.in_words(lengths(found.lines), LANG)
        _print_frame(roads, title=_say("道路变动", "Roads"))
    drop = ["service", "net", "net_low", "net_high"]
    _print_frame(found.in_words(found.summary.drop(columns=drop), LANG),
                 title=_say("前后对比（村数）", "Before and after (villages)"))  # fmt: skip
    changed = found.changed
    if changed.empty:
        _print(_say("没有村受影响。", "No village is affected."))
    else:
        names = ["township", "name", "tier", "change", "minutes_before", "minutes_after", "holds",
                 "reason"]  # fmt: skip
        words = found.in_words(changed.head(_MOST_ROWS), LANG, titles=False)[names]
        heads = [COLUMN_TEXT[name].get(LANG) for name in names]
        _print_frame(words, heads, _say("受影响的村", "Villages affected"))
        _print_rest(len(changed), found.file)
    _print(str(found.write(folder, LANG)))


def _print_rest(count: int, where: str) -> None:
    if count > _MOST_ROWS:
        rest = count - _MOST_ROWS
        _print(_say(f"……另有{rest}行，见 {where}", f"… {rest} more rows in {where}"))


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
    from dataclasses import replace

    from qianwan_gis import proposals
    from qianwan_gis.export.siting import siting_tables
    from qianwan_gis.report import siting as siting_report

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
    if found.refused is not None or found.status == "infeasible":
        raise typer.Exit(1)
    for sentence in siting_report.summary(found, plan):
        _print(sentence.get(LANG))
    for table in siting_tables(plan, found):
        shown = replace(table, frame=table.frame.drop(columns=["lon", "lat"], errors="ignore"))
        shown = replace(shown, columns=tuple(c for c in table.columns if c.name in shown.frame))
        _print_table(shown)
    folder = _folder(out, plan) / f"site_{found.key}"
    for path in siting_report.write_proposal(plan, found, folder):
        _print(str(path))


@app.command(
    help=_say(
        "公平与可达：一刻钟生活圈、公平指标、农村可达指数", "life circles, equity, rural access"
    )
)
def equity(key: Key, out: Out = None, sets: Sets = None) -> None:
    from qianwan_gis.export.fairness import fairness_tables
    from qianwan_gis.outputs import write_plain
    from qianwan_gis.report.fairness import withheld

    plan = _plan(key, sets)
    made = fairness_tables(plan)
    for table in made:
        if table.key != "life_circle":
            _print_table(table)
    for text in withheld(plan):
        _print(text.get(LANG))
    if not made:
        raise typer.Exit(1)
    for path in write_plain(made, _folder(out, plan) / "equity", plan.lang):
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
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help=_say("只作快速方案，不求解", "a quick plan, nothing is solved")
        ),
    ] = False,
    sensitivity: Annotated[
        bool, typer.Option(help=_say("单价敏感性分析", "how the plan answers to prices"))
    ] = True,
    profiles: Annotated[bool, typer.Option(help=_say("绘制纵断面图", "draw the profiles"))] = True,
    sets: Sets = None,
) -> None:
    from qianwan_gis.export import sewage as writing

    plan = _plan(key, sets)
    found = plan.sewage_plan(time_limit=seconds, quick=quick)
    answers = found.sensitivity() if sensitivity else None
    # other norms than the county's own make another plan than the one that its outputs are to use
    kept = plan.adopt_sewage(found, sensitivity=answers, keep=not sets and not quick)
    _print_problems(
        [*(p for p in plan.problems if p.code == "sewer_plant_presumed"), *found.problems], limit=8
    )
    for table in writing.overview(plan):
        _print_table(table)
    for path in writing.write_sewage(plan, _folder(out, plan) / "sewage", profiles=profiles):
        _print(str(path))
    if kept is not None:
        _print(
            _say(f"方案已保存，qianwan run 将采用：{kept}", f"kept for qianwan run: {kept}"),
            err=True,
        )


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
    from qianwan_gis.export import water as written

    plan = _plan(key, sets)
    # the register answers first; a design comes second
    _print_table(written.safety_summary(plan.water_safety, LANG))
    network = plan.water_network
    if plan.terrain is None and network is None and plan.water_safety["facility_id"].eq("").all():
        plan.water_plan()  # says that nothing can be assessed; nothing is written
    if network is not None:
        gaps = len(network.joined)
        _print(_say(f"现状管网：{network.model.num_pipes}段，补接缺口{gaps}处",
                    f"recorded network: {network.model.num_pipes} pipes, {gaps} gaps closed"))  # fmt: skip
        _print_problems(network.problems, limit=8)
    folder = _folder(out, plan) / "water"
    people = plan.villages.set_index("code")["population"]
    found = plan.water_plan(time_limit=seconds) if plan.terrain is not None else None
    if found is not None:
        _print_problems(found.problems, limit=12)
        _print_frame(
            written.ways(found, LANG).value_counts().reset_index(),
            [_say("供水方式", "way of supply"), _say("村数", "villages")],
        )
    files, missing = written.write(
        folder, LANG, safe=plan.water_safety, plan=found, network=network, people=people
    )
    for text in missing:
        _print(text.get(LANG), err=True)
    for path in files:
        _print(str(path))
    if found is not None and found.schemes and not sets:
        kept = found.keep(plan.plan_file("water"))
        _print(
            _say(f"方案已保存，qianwan run 将采用：{kept}", f"kept for qianwan run: {kept}"),
            err=True,
        )
    if found is None:
        plan.water_plan()  # says what is missing for a design


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
        str, typer.Option("--formats", metavar="gpkg,qgz,shp,dxf,kml,kmz,parquet,cog")
    ] = "gpkg,qgz",
) -> None:
    from qianwan_gis.export import write_layers

    plan = _plan(key)
    for path in write_layers(plan, _folder(out, plan), formats=formats.split(",")):
        _print(str(path))


@app.command(help=_say("只写 A3 图册，可加每个乡镇一幅", "write the A3 map sheets only"))
def atlas(
    key: Key,
    out: Out = None,
    townships: Annotated[
        bool,
        typer.Option("--townships", help=_say("每个乡镇另出一幅", "one more sheet per township")),
    ] = False,
) -> None:
    from qianwan_gis.maps import static

    plan = _plan(key)
    path = static.write_atlas(plan, _folder(out, plan) / "atlas.pdf", townships=townships)
    _print(str(path))
    for sheet in (
        sorted(path.with_name(f"{path.stem}_townships").glob("*.pdf")) if townships else ()
    ):
        _print(str(sheet))


@app.command("map", help=_say("只写网页地图", "write the web map only"))
def map_(key: Key, out: Out = None, sets: Sets = None) -> None:
    from qianwan_gis.maps import web

    plan = _plan(key, sets)
    _print(str(web.write(plan, _folder(out, plan) / "map.html")))


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
    asked = 0

    def tell(done: int, total: int) -> None:
        nonlocal asked
        asked = total
        _print(_say(f"完成{done}县，共{total}县", f"{done} of {total} counties"), err=True)

    try:
        path = many.coverage(
            projects, target, executor=executor, workers=workers, progress=tell
        )  # fmt: skip
    except DataError as error:
        _print_problems(error.problems)
        _print(
            _say("未写出合并结果；已算完的县保留在 parts 文件夹，改正后再次运行即从此处继续。",
                 "the merged file was not written; counties that are done stay in the parts folder, "
                 "and the next run goes on from there."),
            err=True,
        )  # fmt: skip
        raise typer.Exit(1) from None
    kept = len(projects) - asked
    _print(_say(f"{len(projects)}个县：新算{asked}个，沿用{kept}个",
                f"{len(projects)} counties: {asked} computed, {kept} kept from before"))  # fmt: skip
    _print(str(path))


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
