"""Write the generated pages: ``python docs/generate.py``.

`cli.md` from the commands' own help, `api.md` from signatures and docstrings, `data_dictionary.md`
from the table contracts. A test checks that they are current; nothing in them is edited by hand.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

DOCS = Path(__file__).resolve().parent
_NOTE = "<!-- Made by docs/generate.py; do not edit. -->\n\n"

# ---- command line ---------------------------------------------------------------------------

_READ_COMMANDS = """
import json, sys
sys.argv = ["qianwan", "--lang", sys.argv[1]]
from qianwan_gis import cli
import typer
found = {}
for name, command in typer.main.get_command(cli.app).commands.items():
    params = [
        {"name": p.name, "kind": p.param_type_name, "flags": list(p.opts), "required": p.required,
         "help": p.help or "", "metavar": p.metavar or "", "many": p.multiple or p.nargs == -1,
         "flag": bool(getattr(p, "is_flag", False)),
         "default": None if p.default is None or callable(p.default) else str(p.default)}
        for p in command.params if p.name != "help"
    ]
    found[name] = {"help": command.help or "", "params": params}
print(json.dumps(found))
"""


def commands(lang: str) -> dict[str, dict[str, Any]]:
    """Return every command with its help and parameters, as the program itself has them."""
    # the language is chosen when the module is loaded, so each takes a process of its own
    run = subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-c", _READ_COMMANDS, lang],
        capture_output=True, check=True, cwd=DOCS.parent, encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    found: dict[str, dict[str, Any]] = json.loads(run.stdout)
    return found


def _placeholder(param: dict[str, Any]) -> str:
    if param["kind"] == "argument":
        word = param["metavar"] or param["name"].upper()
        return f"{word}..." if param["many"] else word
    word = param["flags"][0]
    if param["flag"]:
        return word
    return f"{word} {param['metavar'] or param['name'].upper()}" + ("..." if param["many"] else "")


def cli_page() -> str:
    """Return the command reference in both languages."""
    zh, en = commands("zh"), commands("en")
    lines = [
        "# 命令 · Commands\n",
        (
            "`qianwan COMMAND --help` says the same. Every command takes `--lang zh|en`; the default is "
            "Chinese (or `QIANWAN_LANG`). Exit codes: 0 done, 1 the input is at fault (every fault is "
            "listed, nothing is written), 2 wrong usage.\n"
        ),
        "| | | |",
        "| --- | --- | --- |",
    ]
    lines += [f"| [`{n}`](#{n}) | {zh[n]['help']} | {en[n]['help']} |" for n in zh]
    for name, command in zh.items():
        usage = " ".join(
            placeholder if p["required"] else f"[{placeholder}]"
            for p in command["params"]
            for placeholder in [_placeholder(p)]
        )
        lines += [
            f"\n## {name}\n",
            f"{command['help']}。 {en[name]['help'].capitalize()}.\n",
            f"```\nqianwan {name} {usage}".rstrip() + "\n```\n",
        ]
        if command["params"]:
            lines += ["| | | | |", "| --- | --- | --- | --- |"]
        for param, other in zip(command["params"], en[name]["params"], strict=True):
            default = f"= {param['default']}" if param["default"] not in (None, "False") else ""
            word = _placeholder(param).replace("|", "\\|")
            lines.append(f"| `{word}` | {param['help']} | {other['help']} | {default} |")
    return _NOTE + "\n".join(lines) + "\n"


# ---- Python ---------------------------------------------------------------------------------


def _signature(thing: Callable[..., Any], *, types: bool = True) -> str:
    """Write a signature as in the source; without types for the narrow tables of methods."""
    signature = inspect.signature(thing)
    parts: list[str] = []
    starred = False
    for p in signature.parameters.values():
        if p.name in ("self", "cls") and not parts:
            continue
        if p.kind is p.KEYWORD_ONLY and not starred:
            parts.append("*")
            starred = True
        stars = "*" * (p.kind is p.VAR_POSITIONAL) + "**" * (p.kind is p.VAR_KEYWORD)
        starred = starred or p.kind is p.VAR_POSITIONAL
        kind = f": {_type(p.annotation)}" if types and p.annotation is not p.empty else ""
        equals = " = " if kind else "="
        parts.append(
            stars + p.name + kind + (f"{equals}{p.default!r}" if p.default is not p.empty else "")
        )
    answer = signature.return_annotation
    back = f" -> {_type(answer)}" if types and answer is not signature.empty else ""
    flat = f"({', '.join(parts)}){back}"
    if types and len(flat) > 88:
        return "(\n" + "".join(f"    {part},\n" for part in parts) + f"){back}"
    return flat


def _type(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _markdown(doc: str) -> str:
    """Turn a numpydoc text into Markdown: sections become bold, entries become a list."""
    out: list[str] = []
    section = ""
    lines = doc.replace("``", "`").splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if _is_rule(following) and line.strip():
            _close(section, out)
            section = line
            out += ["", f"**{line}**", ""] + (["```pycon"] if line == "Examples" else [])
        elif _is_rule(line):
            continue
        elif section in ("Parameters", "Attributes", "Raises", "Returns", "Yields") and line:
            out += _entry(line, following)
        else:
            out.append(line)
    _close(section, out)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out))


def _is_rule(line: str) -> bool:
    return re.fullmatch(r"-{3,}", line.strip()) is not None


def _close(section: str, out: list[str]) -> None:
    if section == "Examples":
        while out and not out[-1]:
            out.pop()
        out.append("```")


def _entry(line: str, following: str) -> list[str]:
    if line.startswith(" "):
        return [f"  {line.strip()}"]
    if following.startswith(" "):
        return [f"- `{line}`:"]
    return [line]


def _members(owner: type) -> Iterator[tuple[str, str]]:
    for name, value in vars(owner).items():
        if name.startswith("_"):
            continue
        thing = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        if inspect.isfunction(thing):
            yield f"{name}{_signature(thing, types=False)}", _first(thing)
        elif isinstance(value, property) or type(value).__name__ == "cached_property":
            yield name, _first(value)


def _first(thing: Any) -> str:
    doc = inspect.getdoc(thing) or ""
    return " ".join(doc.split("\n\n")[0].split()).replace("``", "`").replace("|", "\\|")


def public_of(module: ModuleType) -> list[str]:
    """Return a module's public functions and classes: its ``__all__``, or what it defines."""
    listed = getattr(module, "__all__", None)
    names = listed if listed is not None else [n for n in vars(module) if not n.startswith("_")]
    return [
        name
        for name in names
        if inspect.isclass(getattr(module, name)) or inspect.isfunction(getattr(module, name))
        if listed is not None or getattr(module, name).__module__ == module.__name__
    ]


def _describe(path: str, thing: Any, level: str) -> list[str]:
    lines = [f"\n{level} {path}\n"]
    doc = _markdown(inspect.getdoc(thing) or "")
    if inspect.isclass(thing):
        lines += [doc, ""]
        members = list(_members(thing))
        if members:
            lines += ["| | |", "| --- | --- |"]
        lines += [f"| `{call.replace('|', chr(92) + '|')}` | {first} |" for call, first in members]
    else:
        lines += [f"```python\n{path}{_signature(thing)}\n```\n", doc]
    return lines


def api_page() -> str:
    """Return every public name with its signature and docstring."""
    import qianwan_gis as qg

    lines = [
        "# Python\n",
        (
            "Every public name of `import qianwan_gis as qg`. Tables are GeoDataFrames and DataFrames; "
            "data come first, options by name; tables of a plan are in its county's CGCS2000 3-degree "
            "zone (metres)."
        ),
    ]
    for name in qg.__all__:
        thing = getattr(qg, name)
        if inspect.ismodule(thing):
            summary = _markdown(inspect.getdoc(thing) or "")
            lines += [f"\n## qg.{name}\n", summary]
            for member in public_of(thing):
                lines += _describe(f"qg.{name}.{member}", getattr(thing, member), "###")
        elif callable(thing):
            lines += _describe(f"qg.{name}", thing, "##")
    return _NOTE + "\n".join(lines).rstrip() + "\n"


# ---- tables ---------------------------------------------------------------------------------


def dictionary_page() -> str:
    """Return the data dictionary, Chinese first."""
    from qianwan_gis.export.dictionary import markdown

    english = markdown("en").replace("\n## ", "\n### ").replace("# Data", "## Data", 1)
    return _NOTE + markdown("zh").rstrip() + "\n\n" + english.rstrip() + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli_page,
    "api.md": api_page,
    "data_dictionary.md": dictionary_page,
}


def main() -> None:
    """Write the pages that changed."""
    for name, make in PAGES.items():
        page, path = make(), DOCS / name
        if not path.exists() or path.read_text(encoding="utf-8") != page:
            path.write_text(page, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
