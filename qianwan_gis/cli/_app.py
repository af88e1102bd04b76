"""The app, the reader's language, and what commands share: options, opening a plan."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Lang, Text

if TYPE_CHECKING:
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


def say(zh: str, en: str) -> str:
    """Return the one that the reader understands."""
    return en if LANG == "en" else zh


app = typer.Typer(
    name="qianwan",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog=say("各命令均可加 --lang zh|en。", "Every command takes --lang zh|en."),
    help=say(
        "“千万工程”示范廊带规划工具：村庄定位、廊带桩号、路网、服务覆盖与成图。",
        "Planning toolkit for Thousand Villages corridors: villages, chainage, roads, coverage, maps.",
    ),
)

Key = Annotated[
    str,
    typer.Argument(
        help=say("县名键（见 counties）或项目文件夹", "a county's key or a project folder")
    ),
]
Folder = Annotated[Path, typer.Argument(metavar="DIR")]
Out = Annotated[Path | None, typer.Option("--out", help=say("输出文件夹", "output folder"))]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help=say("改用某项标准，如 roads.village.speed_kph=15", "override a standard"),
    ),
]
Providers = Annotated[
    list[str] | None,
    typer.Option(
        "--provider",
        metavar="nominatim|tianditu|amap|osm:FILE",
        help=say(
            "为没有点位的村查询在线服务或 OSM 文件", "ask a service about villages without a point"
        ),
    ),
]


def open_plan(key: str, sets: list[str] | None = None, providers: list[str] | None = None) -> Plan:
    """Open a county with what the command line says, and read all its inputs."""
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


def out_folder(out: Path | None, plan: Plan) -> Path:
    """Return where outputs go: as asked, or a folder of the county's key."""
    return out if out is not None else Path("outputs") / plan.county.key
