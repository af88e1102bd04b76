"""The ``qianwan`` command: thin commands, one call each.

A command is one function under ``@app.command(help=…)`` in the module of its group:

=============  ====================================================================
`starting`     run, init, check
`places`       geocode, review
`analysis`     corridor, coverage, site, equity
`works`        sewage, water
`writing`      layers, atlas, map, report, sql
`data`         counties, fetch, targets, standards, synthetic, scale, verify
=============  ====================================================================

`_app` has the app itself, the options that commands share and the reader's language; `_printing`
how things are printed, `_usage` what is said to wrong usage. Commands import what they need when
they are called, so that ``--help`` is fast.

Exit codes: 0 done (warnings are told), 1 the input is at fault (every fault is listed, nothing is
written), 2 wrong usage.
"""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any, cast

from qianwan_gis._errors import DataError, UnavailableError, UsageError
from qianwan_gis.cli import _usage
from qianwan_gis.cli import analysis as analysis
from qianwan_gis.cli import data as data
from qianwan_gis.cli import places as places
from qianwan_gis.cli import starting as starting
from qianwan_gis.cli import works as works
from qianwan_gis.cli import writing as writing
from qianwan_gis.cli._app import LANG, say
from qianwan_gis.cli._app import app as app
from qianwan_gis.cli._printing import echo, print_problems

if TYPE_CHECKING:
    from typer.models import CommandInfo

#: The order in which ``--help`` lists the commands; one that is not named here comes last.
_ORDER = (
    "run", "init", "counties", "check", "geocode", "review", "corridor", "coverage", "site",
    "equity", "fetch", "sewage", "water", "targets", "layers", "atlas", "map", "report", "sql",
    "standards", "synthetic", "scale", "verify",
)  # fmt: skip


def _rank(command: CommandInfo) -> int:
    name = command.name or getattr(command.callback, "__name__", "")
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


app.registered_commands.sort(key=_rank)


def main() -> None:
    """Run the command line; turn errors into messages and exit codes."""
    # Imports and tables make millions of objects that stay: looking for garbage among them every
    # 700 new ones costs a tenth of a run. What is left lying meanwhile is a few megabytes.
    gc.set_threshold(20_000, 20, 20)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a Windows console may not speak UTF-8
            cast("Any", stream).reconfigure(encoding="utf-8", errors="replace")
    try:
        code = app(standalone_mode=False)
    except DataError as error:
        print_problems(error.problems)
        count = sum(p.level == "error" for p in error.problems)
        echo(
            say(f"共{count}处错误，未写出任何文件。", f"{count} errors; nothing was written."),
            err=True,
        )
        raise SystemExit(1) from None
    except UnavailableError as error:
        echo(error.text.get(LANG), err=True)
        raise SystemExit(1) from None
    except UsageError as error:
        echo(error.text.get(LANG), err=True)
        raise SystemExit(2) from None
    except OSError as error:  # no permission, disk full, a file in the way
        echo(_usage.file_fault(error), err=True)
        raise SystemExit(1) from None
    except Exception as error:
        if not hasattr(error, "format_message"):  # by this the command library's own are known
            raise
        _usage.tell(error)
        raise SystemExit(getattr(error, "exit_code", 2)) from None
    raise SystemExit(code or 0)
