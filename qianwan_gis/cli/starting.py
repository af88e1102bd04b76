"""Set a project up, check its inputs, run every step."""

from __future__ import annotations

from typing import Annotated

import typer

from qianwan_gis.cli._app import (
    LANG,
    Folder,
    Key,
    Out,
    Providers,
    Sets,
    app,
    open_plan,
    out_folder,
    say,
)
from qianwan_gis.cli._printing import echo, print_frame, print_problems


@app.command(
    help=say("运行全部步骤，写出地图、图层、表格与报告", "run every step and write all outputs")
)
def run(key: Key, out: Out = None, sets: Sets = None, provider: Providers = None) -> None:
    from qianwan_gis import outputs

    plan = open_plan(key, sets, provider)
    folder = plan.write(out_folder(out, plan))
    print_problems([p for p in plan.problems if p.level != "note"], limit=8)
    print_frame(plan.headline(), [say("本次结果", "this run"), ""])
    print_problems(p for p in plan.problems if p.code == "not_written")
    echo(say("请看：", "Open:"))
    for name, what in outputs.files(plan).items():
        if (folder / name).exists():
            echo(f"  {folder / name}  {what.get(LANG)}")


@app.command(help=say("为任一县新建项目文件夹", "make a project folder for any county"))
def init(
    folder: Folder,
    adcode: Annotated[str, typer.Option("--adcode", help=say("6位区划代码", "six-digit code"))],
) -> None:
    from qianwan_gis.project import init_project

    for line in init_project(folder, adcode):
        echo(line.get(LANG))


@app.command(
    help=say("检查输入：有什么、缺什么、错在哪、现在能算什么", "check the inputs; what can be done")
)
def check(key: Key) -> None:
    from qianwan_gis.project import check_project

    report = check_project(key)
    for line in report.lines:
        echo(line.get(LANG))
    print_problems(report.problems)
    if report.failed:
        raise typer.Exit(1)
