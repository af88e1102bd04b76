"""Data: what is carried, fetched or made up; many counties; checking outputs."""

from __future__ import annotations

from typing import Annotated

import typer

from qianwan_gis._errors import DataError, UsageError
from qianwan_gis._text import Text
from qianwan_gis.cli._app import LANG, Folder, Key, Out, app, open_plan, say
from qianwan_gis.cli._printing import echo, print_frame, print_paths, print_problems


@app.command(help=say("列出自带的县", "list the carried counties"))
def counties() -> None:
    from qianwan_gis.county import County, carried_counties

    for key in carried_counties():
        county = County.open(key)
        echo(f"{key}  {county.adcode}  {county.title.get(LANG)}")


@app.command(help=say("下载开放数据（需联网）", "fetch open data (goes to the network)"))
def fetch(
    key: Key,
    kind: Annotated[str, typer.Argument(metavar="roads|facilities|villages|dem|population")],
    out: Out = None,
    url: Annotated[str | None, typer.Option("--url", help=say("镜像地址", "a mirror"))] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help=say("不用缓存，重新下载", "ask anew, not the cache"))
    ] = False,
) -> None:
    from qianwan_gis import fetch as fetching

    def tell(done: int, total: int) -> None:
        echo(say(f"第{done}块，共{total}块", f"{done} of {total}"), err=True)

    got = fetching.fetch(key, kind, out, url=url, refresh=refresh, progress=tell)
    print_paths(got.files)
    for note in got.notes:
        echo(note.get(LANG), err=True)
    if got.snippet:
        echo(say("写入 county.toml：", "Put into county.toml:"))
        echo(got.snippet)


@app.command(help=say("目标台账与进展", "the ledger of targets"))
def targets(key: Key) -> None:
    from qianwan_gis.export import content

    table = content.targets_table(open_plan(key))
    shown = ["scope", "topic", "year", "kind", "relation", "value", "unit", "plausibility",
             "status"]  # fmt: skip
    titles = {column.name: column.title.get(LANG) for column in table.columns}
    print_frame(table.frame[shown], [titles[name] for name in shown])


@app.command(help=say("列出全部标准及其核对状态", "list the standards and their status"))
def standards() -> None:
    from qianwan_gis.standards import STATUS_TEXT, Standards

    table = Standards.load().table()
    table["status"] = [STATUS_TEXT[status].get(LANG) for status in table["status"]]
    heads = say("键 值 单位 状态 名称", "key value unit status title").split()
    print_frame(table[["key", "value", "unit", "status", "title"]], heads)


@app.command(help=say("生成合成县（教学与测试）", "make synthetic counties"))
def synthetic(
    folder: Folder,
    villages: Annotated[int, typer.Option("--villages", min=20)] = 600,
    seed: Annotated[int, typer.Option("--seed")] = 0,
    counties: Annotated[int | None, typer.Option("--counties", min=1)] = None,
) -> None:
    from qianwan_gis import synthetic as made_up

    if counties is None:
        echo(str(made_up.county(villages=villages, seed=seed).write(folder)))
        return
    for made in made_up.counties(counties, villages=villages, seed=seed):
        echo(str(made.write(folder / made.adcode)))


@app.command(
    help=say("多县覆盖计算，可续算", "coverage of many counties; goes on where it stopped")
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
        echo(say(f"完成{done}县，共{total}县", f"{done} of {total} counties"), err=True)

    try:
        path = many.coverage(projects, target, executor=executor, workers=workers, progress=tell)
    except DataError as error:
        print_problems(error.problems)
        echo(
            say("未写出合并结果；已算完的县保留在 parts 文件夹，改正后再次运行即从此处继续。",
                "the merged file was not written; counties that are done stay in the parts folder, "
                "and the next run goes on from there."),
            err=True,
        )  # fmt: skip
        raise typer.Exit(1) from None
    kept = len(projects) - asked
    echo(say(f"{len(projects)}个县：新算{asked}个，沿用{kept}个",
             f"{len(projects)} counties: {asked} computed, {kept} kept from before"))  # fmt: skip
    echo(str(path))


@app.command(help=say("核对输出是否与 run.json 一致", "check outputs against run.json"))
def verify(folder: Folder) -> None:
    from qianwan_gis.project import verify_outputs

    problems = verify_outputs(folder)
    print_problems(problems)
    if problems:
        raise typer.Exit(1)
    echo(say("全部文件与 run.json 一致", "all files agree with run.json"))
