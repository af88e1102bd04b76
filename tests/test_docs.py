"""The documentation says what the program does: pages current, links alive, commands and code real."""

import importlib.util
import inspect
import json
import re
import shlex
from functools import cached_property
from pathlib import Path

import pytest

import qianwan_gis as qg

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("README*.md"), ROOT / "CONTRIBUTING.md"])


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def generate():
    return load(DOCS / "generate.py")


@pytest.fixture(scope="module")
def commands(generate):
    return {lang: generate.commands(lang) for lang in ("zh", "en")}


def fences(page, *languages):
    """Every fenced block of a page in one of the languages."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
    return [text for language, text in found if language in languages]


# --- generated pages ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cli.md", "api.md", "data_dictionary.md"])
def test_generated_page_is_current(generate, name):
    current = generate.PAGES[name]()
    assert (DOCS / name).read_text("utf-8") == current, "run: python docs/generate.py"


def test_every_public_name_has_a_docstring_and_its_place_on_the_page(generate):
    page = (DOCS / "api.md").read_text("utf-8")
    for name in set(qg.__all__) - {"__version__"}:
        thing = getattr(qg, name)
        assert inspect.getdoc(thing), name
        assert re.search(rf"^## qg\.{name}$", page, re.M), name
        if inspect.ismodule(thing):
            for member in generate.public_of(thing):
                assert inspect.getdoc(getattr(thing, member)), f"{name}.{member}"
                assert re.search(rf"^### qg\.{name}\.{member}$", page, re.M), f"{name}.{member}"


def test_public_methods_have_docstrings():
    for name in qg.__all__:
        thing = getattr(qg, name)
        if inspect.isclass(thing):
            for method, value in vars(thing).items():
                if not method.startswith("_") and (
                    callable(value) or isinstance(value, property | cached_property)
                ):
                    assert inspect.getdoc(value), f"{name}.{method}"


def test_every_command_speaks_both_languages_and_has_its_heading(commands):
    page = (DOCS / "cli.md").read_text("utf-8")
    chinese = re.compile(r"[\u4e00-\u9fff]")
    assert set(commands["zh"]) == set(commands["en"])
    for name, command in commands["zh"].items():
        other = commands["en"][name]
        assert chinese.search(command["help"]), name
        assert other["help"], name
        assert not chinese.search(other["help"]), name
        assert re.search(rf"^## {name}$", page, re.M), name


# --- what pages say ------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text("utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target) or target.startswith("#"):
            continue
        path = target.split("#")[0]
        if path.startswith("course/"):  # made from the notebooks when the site is built
            assert (ROOT / "notebooks" / f"{Path(path).stem}.ipynb").is_file(), target
        else:
            assert (page.parent / path).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_documented_commands_exist(page, commands):
    lines = "\n".join(fences(page, "", "sh")) + "\n".join(
        re.findall(r"`(qianwan [^`]+)`", page.read_text("utf-8"))
    )
    for line in re.findall(r"\bqianwan ([^\n`&]+)", lines):
        words = shlex.split(line, comments=True)
        if not words or words[0] in ("COMMAND", "--help"):
            continue
        if page.name == "cli.md" and line.startswith(tuple(commands["zh"])) and "[" in line:
            continue  # the reference's own usage lines
        assert words[0] in commands["zh"], line
        known = {flag for p in commands["zh"][words[0]]["params"] for flag in p["flags"]}
        options = {word.split("=")[0] for word in words if word.startswith("--")}
        assert options <= known | {"--lang", "--help"}, line


def test_python_of_the_front_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = fences(DOCS / "index.md", "python")
    assert blocks
    for block in blocks:
        exec(compile(block, "index.md", "exec"), {})
    assert (tmp_path / "map.html").stat().st_size > 100_000


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_python_of_the_readme_runs(name, demo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    facilities = demo.facilities
    given = {
        "roads": demo.roads,
        "villages": demo.villages,
        "clinics": facilities[facilities["tier"] == "village"],
        "segments": demo.segments,
    }
    blocks = fences(ROOT / name, "python")
    assert blocks
    for block in blocks:
        exec(compile(block, name, "exec"), given)


def test_county_file_of_the_guide_is_the_one_that_the_course_runs():
    [toml] = fences(DOCS / "your_own_county.md", "toml")
    course = json.loads((ROOT / "notebooks" / "06_your_own_county.ipynb").read_text("utf-8"))
    code = "".join("".join(cell["source"]) for cell in course["cells"])
    assert toml in code


def test_architecture_names_every_layer():
    page = (DOCS / "architecture.md").read_text("utf-8")
    listed = re.search(
        r"^layers =\n((?:    .*\n)+)", (ROOT / ".importlinter").read_text("utf-8"), re.M
    )
    modules = {name.strip() for name in re.split(r"[|\n]", listed[1]) if name.strip()}
    missing = {m for m in modules if not m.startswith("_") and f"`{m}`" not in page}
    assert not missing


def test_pictures_are_small_and_used():
    pages = "".join(page.read_text("utf-8") for page in PAGES)
    for picture in (DOCS / "images").iterdir():
        assert picture.stat().st_size <= 150_000, picture.name
        assert f"images/{picture.name}" in pages, picture.name


# --- notebooks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_is_clean(path):
    notebook = json.loads(path.read_text("utf-8"))
    cells = notebook["cells"]
    assert [cell["id"] for cell in cells] == [f"cell-{i:02d}" for i in range(len(cells))]
    assert all(cell["metadata"] == {} for cell in cells)
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert "".join(cells[0]["source"]).startswith(f"# {int(path.stem[:2])} · ")


# --- the site ------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("default")
def test_site_builds_strictly_and_asks_nobody(tmp_path):
    pytest.importorskip("mkdocs")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    build(load_config(str(ROOT / "mkdocs.yml"), strict=True, site_dir=str(tmp_path / "site")))
    pages = list((tmp_path / "site").rglob("*.html"))
    menu = (tmp_path / "site" / "architecture.html").read_text("utf-8")
    for path in [*(DOCS / "methods").glob("*.md"), *NOTEBOOKS]:
        folder = "course" if path in NOTEBOOKS else "methods"
        assert f'href="{folder}/{path.stem}.html"' in menu, path.name
    for page in pages:
        html = page.read_text("utf-8")
        loaded = re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"?([^\" >]+)", html)
        outside = [url for url in loaded if re.match(r"(https?:)?//", url)]
        assert outside == [], page.name
    styles = "".join(p.read_text("utf-8") for p in (tmp_path / "site").rglob("*.css"))
    assert not re.search(r"url\([\"']?(https?:)?//|@import", styles)
