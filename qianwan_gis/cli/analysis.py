"""What the roads and registers say: the corridor, coverage, sites, equity."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.cli._app import LANG, Key, Out, Sets, app, open_plan, out_folder, say
from qianwan_gis.cli._printing import (
    MOST_ROWS,
    echo,
    print_frame,
    print_paths,
    print_problems,
    print_rest,
    print_table,
)

if TYPE_CHECKING:
    import pandas as pd

    from qianwan_gis.plan import Plan


@app.command(
    help=say(
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
            help=say("带状图每幅里程（公里）", "km of road per strip sheet"),
        ),
    ] = None,
    sets: Sets = None,
) -> None:
    from qianwan_gis import outputs
    from qianwan_gis.export import content
    from qianwan_gis.export.corridor import corridor_tables

    plan = open_plan(key, sets)
    tables = corridor_tables(plan)
    for table in tables:
        # the longest lists are in the files
        if not table.key.endswith(("_sides", "_services", "_area_villages")):
            hidden = {"chainage_m", "travelled_m", "code", "facility_id", "capacity"}
            shown = [c for c in table.columns if c.name not in hidden]
            heads = [content.heading(c, LANG) for c in shown]
            print_frame(table.frame[[c.name for c in shown]], heads, table.title.get(LANG))
    if not tables:
        why = plan.disclosure.reasons.get("stakes", Text("没有廊带路线", "no corridor on record"))
        echo(
            Text(
                f"不出廊带报表和带状图：{why.zh}", f"no corridor tables or strip maps: {why.en}"
            ).get(LANG)
        )
        return
    print_paths(outputs.write_corridor(plan, out_folder(out, plan), every_km=every))


@app.command(
    help=say(
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
        typer.Option("--service", help=say("只看某项服务，如 clinic", "one service, as clinic")),
    ] = "",
    tier: Annotated[
        str, typer.Option("--tier", help=say("层级，如 village", "such as village"))
    ] = "",
    limit: Annotated[
        float | None, typer.Option("--limit", help=say("限值（分钟，含本数）", "limit in minutes"))
    ] = None,
    mode: Annotated[
        str | None, typer.Option("--mode", metavar="walk|car|ebike", help=say("出行方式", "mode"))
    ] = None,
    backup: Annotated[
        bool | None,
        typer.Option("--backup/--no-backup", help=say("查第二近的备用设施", "second facilities")),
    ] = None,
    capacity: Annotated[
        bool, typer.Option("--capacity", help=say("设施满员后不再覆盖", "facilities can be full"))
    ] = False,
    per_unit: Annotated[
        float,
        typer.Option(
            "--per-unit",
            help=say("每单位容量（如每床）服务人数", "people per unit of capacity, such as a bed"),
        ),
    ] = 1.0,
    scenario: Annotated[
        list[Path] | None,
        typer.Option(
            "--scenario",
            help=say(
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
    plan = open_plan(key, sets)
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
            _print_scenario(plan, file, out_folder(out, plan))
        return
    rows = None
    if service:
        rows, _ = plan.assessed(tuple((s.service, s.tier) for s in tiers(service, tier)))
        _print_coverage(plan, rows, by)
    else:
        print_table(content.summary_table(plan, by))
    if plan.ground is None:
        echo(say("没有30米左右的高程，时间不计坡度。", "No fine terrain: no slopes in the times."))
    if out is not None:
        from qianwan_gis.export import tables

        echo(str(tables.write_csv(plan, out / "coverage.csv", rows=rows)))


def _print_coverage(plan: Plan, rows: pd.DataFrame, by: str) -> None:
    """Print the summary of some tiers, and who is not covered and why."""
    import pandas as pd

    from qianwan_gis.export import content
    from qianwan_gis.layers import coverage_state
    from qianwan_gis.schemas import value_text
    from qianwan_gis.services.words import reason_texts

    print_table(content.summary_table(plan, by, rows=rows))
    state = coverage_state(rows, plan.disclosure)
    words = [text.get(LANG) for text in reason_texts(rows)]
    told = rows.assign(state=state.to_numpy(), words=words)
    without = told[told["state"] != "covered"]
    if without.empty:
        return
    count = without["reason"].map(lambda r: value_text("reason", r).get(LANG)).value_counts()
    heads = [say("未覆盖或未知的原因", "Why not covered, or unknown"), say("村数", "villages")]
    print_frame(count.reset_index(), heads)
    red = without[without["state"] == "uncovered"].sort_values(["tier", "minutes", "code"])
    names = pd.DataFrame(plan.villages)[["code", "township", "name"]]
    shown = red.merge(names, on="code").head(MOST_ROWS)
    if shown.empty:
        return
    heads = [say("乡镇", "township"), say("村", "village"), say("层级", "tier"),
             say("分钟", "minutes"), say("原因", "reason")]  # fmt: skip
    shown = shown.assign(tier=[value_text("tier", t).get(LANG) for t in shown["tier"]])
    print_frame(shown[["township", "name", "tier", "minutes", "words"]], heads)
    print_rest(len(red), "coverage.csv（--out）")


def _print_scenario(plan: Plan, file: Path, folder: Path) -> None:
    """Print what a scenario changes, and write it village by village."""
    from qianwan_gis.scenarios import COLUMN_TEXT
    from qianwan_gis.scenarios.roads import lengths

    found = plan.scenario(file)
    echo(say(f"情景：{found.title.zh}", f"Scenario: {found.title.en}"))
    print_problems(found.problems)
    if len(found.lines):
        roads = found.in_words(lengths(found.lines), LANG)
        print_frame(roads, title=say("道路变动", "Roads"))
    drop = ["service", "net", "net_low", "net_high"]
    print_frame(found.in_words(found.summary.drop(columns=drop), LANG),
                title=say("前后对比（村数）", "Before and after (villages)"))  # fmt: skip
    changed = found.changed
    if changed.empty:
        echo(say("没有村受影响。", "No village is affected."))
    else:
        names = ["township", "name", "tier", "change", "minutes_before", "minutes_after", "holds",
                 "reason"]  # fmt: skip
        words = found.in_words(changed.head(MOST_ROWS), LANG, titles=False)[names]
        heads = [COLUMN_TEXT[name].get(LANG) for name in names]
        print_frame(words, heads, say("受影响的村", "Villages affected"))
        print_rest(len(changed), found.file)
    echo(str(found.write(folder, LANG)))


@app.command(
    help=say("新增设施选址：放哪里、各增加多少", "where the next facilities go and what each adds")
)
def site(
    key: Key,
    service: Annotated[
        str, typer.Option("--service", help=say("服务，如 clinic", "such as clinic"))
    ],
    tier: Annotated[
        str, typer.Option("--tier", help=say("层级，如 village", "such as village"))
    ] = "",
    add: Annotated[
        int | None,
        typer.Option("--add", min=1, help=say("新增处数（默认3）", "how many (3)")),
    ] = None,
    scenario: Annotated[
        Path | None,
        typer.Option(
            "--scenario",
            help=say(
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

    plan = open_plan(key)
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
    print_problems(found.problems)
    if found.refused is not None or found.status == "infeasible":
        raise typer.Exit(1)
    for sentence in siting_report.summary(found, plan):
        echo(sentence.get(LANG))
    for table in siting_tables(plan, found):
        shown = replace(table, frame=table.frame.drop(columns=["lon", "lat"], errors="ignore"))
        shown = replace(shown, columns=tuple(c for c in table.columns if c.name in shown.frame))
        print_table(shown)
    folder = out_folder(out, plan) / f"site_{found.key}"
    print_paths(siting_report.write_proposal(plan, found, folder))


def _print_whatif(plan: Plan, file: Path) -> None:
    """Say how villages fare under a scenario that the web map exported."""
    import pandas as pd

    from qianwan_gis.maps.whatif import Scenario

    table = Scenario.read(file).evaluate(plan.network, plan.villages)
    counts = table["covered"].value_counts(dropna=False)
    words = {True: say("覆盖", "covered"), False: say("未覆盖", "not covered")}
    for value, count in counts.items():
        known = not pd.isna(cast("Any", value))
        echo(f"{words[bool(value)] if known else say('未知', 'unknown')}: {count}")


@app.command(
    help=say(
        "公平与可达：一刻钟生活圈、公平指标、农村可达指数", "life circles, equity, rural access"
    )
)
def equity(key: Key, out: Out = None, sets: Sets = None) -> None:
    from qianwan_gis.export.fairness import fairness_tables
    from qianwan_gis.outputs import write_plain
    from qianwan_gis.report.fairness import withheld

    plan = open_plan(key, sets)
    made = fairness_tables(plan)
    for table in made:
        if table.key != "life_circle":
            print_table(table)
    for text in withheld(plan):
        echo(text.get(LANG))
    if not made:
        raise typer.Exit(1)
    print_paths(write_plain(made, out_folder(out, plan) / "equity", plan.lang))
