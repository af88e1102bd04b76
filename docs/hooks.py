"""What MkDocs does beside reading pages: the course from the notebooks, methods in the menu."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

_NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


def _page(notebook: Path) -> str:
    """Return a notebook as Markdown; outputs are never stored, so there are none to show."""
    cells: list[dict[str, Any]] = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    parts = [
        "".join(cell["source"])
        if cell["cell_type"] == "markdown"
        else "```python\n" + "".join(cell["source"]) + "\n```"
        for cell in cells
    ]
    return "\n\n".join([*parts, f"*Run it: `notebooks/{notebook.name}`.*"]) + "\n"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill the two menus whose pages others add: the course and the methods."""
    methods = sorted((Path(config.docs_dir) / "methods").glob("*.md"))
    filled = {
        "Course": [f"course/{path.stem}.md" for path in sorted(_NOTEBOOKS.glob("*.ipynb"))],
        "Methods": [f"methods/{path.name}" for path in methods],
    }
    for entry in config.nav or []:
        for title in entry:
            if title in filled:
                entry[title] = filled[title]
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add a page for each notebook."""
    for path in sorted(_NOTEBOOKS.glob("*.ipynb")):
        files.append(File.generated(config, f"course/{path.stem}.md", content=_page(path)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Bridge what GitHub and MkDocs read differently, outside of code.

    A list gets a blank line before it; a line break inside Chinese text is no space.
    """
    parts = re.split(r"(?ms)(^```.*?^```)", markdown)
    for i in range(0, len(parts), 2):
        text = re.sub(r"(?<=[\u3001-\u9fff\uff00-\uffef])\n(?=[\u4e00-\u9fff“（])", "", parts[i])
        parts[i] = re.sub(r"(?m)^(?![-*|#>\s]|\d+\. )(.+)\n(?=(?:[-*]|\d+\.) )", r"\1\n\n", text)
    return "".join(parts)
