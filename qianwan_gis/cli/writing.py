"""Single outputs: layers, sheets, the map, the report, a question in SQL."""

from __future__ import annotations

from typing import Annotated

import typer

from qianwan_gis.cli._app import Key, Out, Sets, app, open_plan, out_folder, say
from qianwan_gis.cli._printing import echo, print_frame, print_paths


@app.command(help=say("写出规划图层", "write the planning layers"))
def layers(
    key: Key,
    out: Out = None,
    formats: Annotated[
        str, typer.Option("--formats", metavar="gpkg,qgz,shp,dxf,kml,kmz,parquet,cog")
    ] = "gpkg,qgz",
) -> None:
    from qianwan_gis.export import write_layers

    asked = [name.strip().lower() for name in formats.split(",") if name.strip()]
    plan = open_plan(key)
    print_paths(write_layers(plan, out_folder(out, plan), formats=asked or [formats]))


@app.command(help=say("只写 A3 图册，可加每个乡镇一幅", "write the A3 map sheets only"))
def atlas(
    key: Key,
    out: Out = None,
    townships: Annotated[
        bool,
        typer.Option("--townships", help=say("每个乡镇另出一幅", "one more sheet per township")),
    ] = False,
) -> None:
    from qianwan_gis.maps import static

    plan = open_plan(key)
    path = static.write_atlas(plan, out_folder(out, plan) / "atlas.pdf", townships=townships)
    echo(str(path))
    for sheet in (
        sorted(path.with_name(f"{path.stem}_townships").glob("*.pdf")) if townships else ()
    ):
        echo(str(sheet))


@app.command("map", help=say("只写网页地图", "write the web map only"))
def map_(key: Key, out: Out = None, sets: Sets = None) -> None:
    from qianwan_gis.maps import web

    plan = open_plan(key, sets)
    echo(str(web.write(plan, out_folder(out, plan) / "map.html")))


@app.command(help=say("只写报告", "write the report only"))
def report(key: Key, out: Out = None, sets: Sets = None) -> None:
    from qianwan_gis.report import write_report

    plan = open_plan(key, sets)
    print_paths(write_report(plan, out_folder(out, plan)))


@app.command(help=say("对结果表执行 SQL", "run SQL over the result tables"))
def sql(key: Key, query: str) -> None:
    print_frame(open_plan(key).sql(query))
