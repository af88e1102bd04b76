"""Printed maps: the A3 atlas and the report's figures.

Everything is placed in page millimetres, so that scale, line widths and label collisions are what
they will be on paper (`qianwan_gis.maps.paper`).
"""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from qianwan_gis import _io
from qianwan_gis.layers import Results
from qianwan_gis.maps.paper import features, furniture, labels
from qianwan_gis.maps.paper.letters import require_font
from qianwan_gis.maps.paper.page import A3, FIGURE, Page, View
from qianwan_gis.maps.sheets import Sheet, sheets, township_sheets

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_atlas(
    results: Results, path: Path | str, *, townships: bool = False, workers: int | None = None
) -> Path:
    """Write the atlas as one PDF of A3 landscape pages.

    Parameters
    ----------
    results
        The plan's results.
    path
        PDF to write; replaced whole.
    townships
        Also write ``<stem>_townships/<township>.pdf``, one A3 sheet each.
    workers
        Processes for the township sheets; by default as many as there are cores, but one for
        every 40 sheets at most, since starting one takes as long as drawing about so many.

    Returns
    -------
    Path
        The PDF. The same results give the same bytes.

    Raises
    ------
    UnavailableError
        When no Chinese font is installed; the message names the sheets concerned.
    """
    path = Path(path)
    chosen = sheets(results)
    own = township_sheets(results) if townships else []
    require_font(sheet.title for sheet in (*chosen, *own))
    title = results.title.get(results.lang)
    _io.write_bytes(path, pdf((draw(sheet) for sheet in chosen), title, results.run_date))
    if own:
        with _io.staged_folder(path.with_name(f"{path.stem}_townships")) as folder:
            _write_each(own, folder, title, workers)
    return path


_SHEETS_EACH = 40  # a process of its own takes as long to start as drawing about so many


def _write_each(own: Sequence[Sheet], folder: Path, title: str, workers: int | None) -> None:
    """Write one PDF per sheet, in as many Python processes as asked for or worth starting.

    Plain child interpreters, not `multiprocessing`: that would run the caller's own script again
    where it has no main guard.
    """
    jobs = [(sheet, folder / f"{_file_name(sheet.key)}.pdf", title) for sheet in own]
    worth = min(os.cpu_count() or 1, len(jobs) // _SHEETS_EACH)
    count = min(max(workers or worth, 1), len(jobs))
    if count == 1:
        for job in jobs:
            _write_one(job)
        return
    code = "from qianwan_gis.maps.static import _work; _work()"
    package = str(Path(__file__).resolve().parents[2])
    search = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "PYTHONPATH": search}
    children = [
        subprocess.Popen(  # noqa: S603 - our own interpreter and code
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        for _ in range(count)
    ]
    failures = []
    with ThreadPoolExecutor(count) as pool:  # one thread feeds and awaits each child
        parts = [pickle.dumps(jobs[number::count]) for number in range(count)]
        for child, (_, errors) in zip(
            children, pool.map(lambda c, part: c.communicate(part), children, parts), strict=True
        ):
            if child.returncode:
                failures.append(errors.decode("utf-8", "replace"))
    if failures:
        raise RuntimeError("township sheets failed:\n" + "\n".join(failures))


def _work() -> None:
    """Draw the sheets that the parent process sends."""
    for job in pickle.loads(sys.stdin.buffer.read()):  # noqa: S301 - from our own parent
        _write_one(job)


def _write_one(job: tuple[Sheet, Path, str]) -> None:
    sheet, path, title = job
    _io.write_bytes(path, pdf([draw(sheet)], title, sheet.run_date))


def _file_name(key: str) -> str:
    name = key.removeprefix("township_")
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name) or "_"


def figure_png(sheet: Sheet, *, page: Page = FIGURE, dpi: int = 220) -> bytes:
    """Return one sheet as PNG, for the report."""
    require_font([sheet.title])
    buffer = io.BytesIO()
    draw(sheet, page=page).savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def pdf(figures: Iterable[Figure], title: str, run_date: str) -> bytes:
    """Return figures as the pages of one PDF with a constant date."""
    import matplotlib as mpl
    from matplotlib.backends.backend_pdf import PdfPages

    day = datetime.fromisoformat(run_date)
    about = {"Title": title, "Creator": "qianwan_gis", "CreationDate": day, "ModDate": day}
    buffer = io.BytesIO()
    with (
        # Type 3, because the Chinese fonts are CFF: as type 42 they are mislabelled as TrueType.
        mpl.rc_context({"pdf.fonttype": 3}),
        PdfPages(buffer, metadata=about) as pages,
    ):
        for figure in figures:
            pages.savefig(figure)
    return buffer.getvalue()


def draw(sheet: Sheet, *, page: Page = A3) -> Figure:
    """Draw a sheet on a page and return the Matplotlib figure.

    The map scale is the largest round one at which the window fits the frame.
    """
    from qianwan_gis.maps.paper.canvas import Canvas, Window

    sheet = _scaled(sheet, page)
    canvas = Canvas(page)
    window = Window(canvas, View.fit(sheet.window, page))
    features.frame(canvas, window, page)
    for number, drawn in enumerate(sheet.drawn):
        features.features(canvas, window, drawn, order=2 + number)
    hidden = labels.place_labels(canvas, window, sheet.drawn, page)
    furniture.column(canvas, sheet, window.view, page, hidden)
    furniture.edges(canvas, sheet, window.view, page)
    furniture.watermark(canvas, sheet, window.view, page)
    return canvas.figure


_CROWD = 300  # points of one layer above which their symbols are drawn smaller


def _scaled(sheet: Sheet, page: Page) -> Sheet:
    """Return the sheet with symbols sized for the page and for how many points there are."""
    drawn = []
    for layer in sheet.drawn:
        crowded = layer.style.geometry == "point" and len(layer.frame) > _CROWD
        factor = page.symbols * (0.7 if crowded else 1.0)
        symbols = tuple(replace(s, size=s.size * factor) for s in layer.style.symbols)
        drawn.append(replace(layer, style=replace(layer.style, symbols=symbols)))
    return replace(sheet, drawn=tuple(drawn))
