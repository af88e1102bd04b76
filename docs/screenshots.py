"""Make the pictures of `gallery.md` from two finished runs.

``python docs/screenshots.py OUTPUTS_OF_ZEZHOU OUTPUTS_OF_A_SYNTHETIC_COUNTY``

The first needs its ``review.html`` as well (``qianwan review``); the second's ``county.toml`` should
name a scenario and a siting file. Chromium, LibreOffice and poppler do the drawing; every picture is
reduced in colours to what its limit allows.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image, ImageChops
from playwright.sync_api import Browser, sync_playwright

IMAGES = Path(__file__).resolve().parent / "images"
#: Bytes of a picture: a map, the first one, and all others. Together they stay below 480 kB.
MAP, FIRST, OTHER = 45_000, 58_000, 38_000
#: Soft edges take many bytes; a script may set styles where a page's policy refuses style sheets.
FLAT = (
    "document.querySelectorAll('*').forEach("
    "e => e.style.setProperty('box-shadow', 'none', 'important'))"
)
DESK, PLAN, PHONE = (1190, 620), (940, 620), (390, 720)


def _layers(*keys: str) -> str:
    """Return a script that shows these planning layers alone, without facilities and panel."""
    return (
        f"const keys = {[f'p:{k}' for k in keys]}; QW.layers.forEach(l => {{"
        "if (l.planning || l.key.startsWith('f:')) QW.show(l.key, keys.includes(l.key)); });"
        "QW.refresh(); document.querySelector('.qw-root').classList.add('qw-folded');"
        "const legend = document.querySelector('.qw-legend'); legend.open = true; QW.goHome();"
        "[...legend.querySelectorAll('h4')].slice(0, 1).forEach(h => h.scrollIntoView());"
    )


#: Pictures of the complete county's map: name, size of the window, what is done first.
MAPS = (
    ("map_coverage", DESK, "document.querySelectorAll('input[type=radio]')[2].click()"),
    (
        "map_sewage",
        PLAN,
        _layers("sewage_plan", "sewage_pipes", "sewage_stations", "sewage_pumps")
        + "QW.setTime('year', QW.periods.year.at(-2), false)",
    ),
    ("map_water", PLAN, _layers("water_pipes", "water_stations", "water_zones")),
    ("map_scenario", PLAN, _layers("scenario_1", "scenario_1_roads")),
    ("map_whatif", DESK, "QW.tab('whatif'); document.querySelector('.qw-what-start').click()"),
    ("map_phone", PHONE, ""),
)


def keep(picture: Image.Image, name: str, width: int | None = None, *, limit: int = OTHER) -> None:
    """Shrink, reduce the colours and save; fewer colours until the file is small enough."""
    picture = picture.convert("RGB")
    if width and picture.width > width:
        height = round(picture.height * width / picture.width)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    pixels, place, counts = np.unique(
        np.asarray(picture).reshape(-1, 3), axis=0, return_inverse=True, return_counts=True
    )
    for distance in (8, 12, 16, 22, 30, 36, 42, 48, 54, 60, 66):
        palette = _palette(pixels[np.argsort(-counts, kind="stable")].astype(float), distance)
        nearest = ((pixels[:, None, :] - palette) ** 2).sum(axis=2).argmin(axis=1)
        small = Image.fromarray(nearest[place.ravel()].astype(np.uint8).reshape(picture.size[::-1]))
        small.putpalette(palette.astype(int).ravel().tolist())
        small.save(IMAGES / name, optimize=True)
        if (IMAGES / name).stat().st_size <= limit:
            return
    raise SystemExit(f"{name} is over {limit} bytes; make it smaller")


def _palette(colours: np.ndarray, distance: float) -> np.ndarray:
    """Return the commonest colours that are so far apart: exact grounds, and every symbol's own."""
    chosen: list[int] = []
    far = np.ones(len(colours), dtype=bool)
    while far.any() and len(chosen) < 255:
        chosen.append(int(far.argmax()))
        # The grounds of map and panels are pale, common and near each other: they keep apart.
        near = 5 if len(chosen) <= 10 else distance
        far &= np.linalg.norm(colours - colours[chosen[-1]], axis=1) > near
        if len(chosen) == 10:
            for own in chosen:
                far &= np.linalg.norm(colours - colours[own], axis=1) > distance
    return colours[chosen]


def page(browser: Browser, file: Path, size: tuple[int, int], script: str = "") -> Image.Image:
    """Return a page as it looks with the network off."""
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, offline=True)
    tab = context.new_page()
    tab.goto(file.resolve().as_uri())
    tab.wait_for_timeout(1500)
    tab.evaluate(FLAT)
    if script:
        tab.evaluate(f"() => {{ {script} }}")
        tab.wait_for_timeout(1500)
    shot = tab.screenshot()
    context.close()
    return Image.open(io.BytesIO(shot))


def sheet(pdf: Path, number: int, dpi: int) -> Image.Image:
    """Return one page of a PDF."""
    with TemporaryDirectory() as folder:
        stem = Path(folder) / "p"
        subprocess.run(  # noqa: S603
            ["pdftoppm", "-png", "-r", str(dpi), "-f", str(number), "-l", str(number),
             "-singlefile", str(pdf), str(stem)], check=True,
        )  # fmt: skip
        return Image.open(io.BytesIO(stem.with_suffix(".png").read_bytes()))


def titled(pdf: Path, words: str) -> int:
    """Return the number of the first page that begins with these words."""
    for number in count(1):
        found = subprocess.run(  # noqa: S603
            ["pdftotext", "-f", str(number), "-l", str(number), str(pdf), "-"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        if found.stdout.lstrip().startswith(words):
            return number
    raise AssertionError


def as_pdf(document: Path, folder: Path) -> Path:
    """Let LibreOffice print a document."""
    subprocess.run(  # noqa: S603
        ["soffice", "--headless", "--convert-to", "pdf", "--outdir", str(folder), str(document),
         f"-env:UserInstallation={(folder / 'profile').as_uri()}"], check=True, capture_output=True,
    )  # fmt: skip
    return folder / f"{document.stem}.pdf"


def trimmed(picture: Image.Image) -> Image.Image:
    """Cut the empty margin off."""
    picture = picture.convert("RGB")
    box = ImageChops.difference(picture, Image.new("RGB", picture.size, "white")).getbbox()
    return picture.crop(box) if box else picture


def beside(*pictures: Image.Image) -> Image.Image:
    """Put pictures side by side on grey."""
    gap = 16
    width = sum(p.width for p in pictures) + gap * (len(pictures) + 1)
    whole = Image.new("RGB", (width, max(p.height for p in pictures) + 2 * gap), "#c9ccd1")
    left = gap
    for picture in pictures:
        whole.paste(picture.convert("RGB"), (left, gap))
        left += picture.width + gap
    return whole


def main(thin: Path, full: Path) -> None:
    """Draw everything."""
    with sync_playwright() as play:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = play.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        keep(page(browser, thin / "map.html", DESK), "map.png", limit=FIRST)
        for name, size, script in MAPS:
            keep(
                page(browser, full / "map.html", size, script),
                f"{name}.png",
                limit=MAP if size == DESK else OTHER,
            )
        keep(page(browser, thin / "review.html", (1000, 600)), "review.png", limit=MAP)
        browser.close()
    with TemporaryDirectory() as name:
        folder = Path(name)
        report = as_pdf(full / "report.docx", folder)
        keep(beside(*(sheet(report, n, 33) for n in (1, 3, 8))), "report.png")
        tables = as_pdf(full / "tables.xlsx", folder)
        glance = trimmed(sheet(tables, titled(tables, "覆盖一览"), 90))
        keep(glance.crop((0, 0, glance.width, glance.height * 2 // 5)), "tables.png", 820)
    keep(sheet(full / "atlas.pdf", 3, 48), "atlas.png")
    keep(sheet(full / "strips.pdf", 1, 54), "strips.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
