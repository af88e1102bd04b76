"""Plans of works: sewage and water."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qianwan_gis.cli._app import LANG, Key, Out, Sets, app, open_plan, out_folder, say
from qianwan_gis.cli._printing import echo, print_frame, print_paths, print_problems, print_table


@app.command(
    help=say(
        "污水方案：纳管、集中或分散，按全寿命费用", "sewage: sewer, station or on-site by cost"
    )
)
def sewage(
    key: Key,
    out: Out = None,
    seconds: Annotated[
        float,
        typer.Option("--seconds", min=1, help=say("求解时限（秒）", "time limit in seconds")),
    ] = 120.0,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help=say("只作快速方案，不求解", "a quick plan, nothing is solved")
        ),
    ] = False,
    sensitivity: Annotated[
        bool, typer.Option(help=say("单价敏感性分析", "how the plan answers to prices"))
    ] = True,
    profiles: Annotated[bool, typer.Option(help=say("绘制纵断面图", "draw the profiles"))] = True,
    sets: Sets = None,
) -> None:
    from qianwan_gis.export import sewage as writing

    plan = open_plan(key, sets)
    found = plan.sewage_plan(time_limit=seconds, quick=quick)
    answers = found.sensitivity() if sensitivity else None
    # other norms than the county's own make another plan than the one that its outputs are to use
    kept = plan.adopt_sewage(found, sensitivity=answers, keep=not sets and not quick)
    print_problems(
        [*(p for p in plan.problems if p.code == "sewer_plant_presumed"), *found.problems], limit=8
    )
    for table in writing.overview(plan):
        print_table(table)
    print_paths(writing.write_sewage(plan, out_folder(out, plan) / "sewage", profiles=profiles))
    if kept is not None:
        _print_kept(kept)


@app.command(
    help=say("供水方案：压力分区、管网与水力校核", "water: pressure zones, pipes, hydraulic check")
)
def water(
    key: Key,
    out: Out = None,
    seconds: Annotated[
        float,
        typer.Option("--seconds", min=1, help=say("求解时限（秒）", "time limit in seconds")),
    ] = 60.0,
    sets: Sets = None,
) -> None:
    from qianwan_gis.export import water as written

    plan = open_plan(key, sets)
    # the register answers first; a design comes second
    told = plan.disclosure.people
    print_table(written.safety_summary(plan.water_safety, LANG, people=told))
    network = plan.water_network
    if plan.terrain is None and network is None and plan.water_safety["facility_id"].eq("").all():
        plan.water_plan()  # says that nothing can be assessed; nothing is written
    if network is not None:
        gaps = len(network.joined)
        pipes = network.model.num_pipes
        echo(say(f"现状管网：{pipes}段，补接缺口{gaps}处",
                 f"recorded network: {pipes} pipes, {gaps} gaps closed"))  # fmt: skip
        print_problems(network.problems, limit=8)
    folder = out_folder(out, plan) / "water"
    people = plan.villages.set_index("code")["population"]
    found = plan.water_plan(time_limit=seconds) if plan.terrain is not None else None
    if found is not None:
        print_problems(found.problems, limit=12)
        print_frame(
            written.ways(found, LANG).value_counts().reset_index(),
            [say("供水方式", "way of supply"), say("村数", "villages")],
        )
    files, missing = written.write(
        folder, LANG, safe=plan.water_safety, plan=found, network=network, people=people,
        totals=told,
    )  # fmt: skip
    for text in missing:
        echo(text.get(LANG), err=True)
    print_paths(files)
    if found is not None and found.schemes and not sets:
        _print_kept(found.keep(plan.plan_file("water")))
    if found is None:
        plan.water_plan()  # says what is missing for a design


def _print_kept(file: Path) -> None:
    echo(say(f"方案已保存，qianwan run 将采用：{file}", f"kept for qianwan run: {file}"), err=True)
