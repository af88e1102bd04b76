"""Make the pictures of `gallery.md` from two finished runs.

``python docs/screenshots.py OUTPUTS_OF_ZEZHOU OUTPUTS_OF_A_SYNTHETIC_COUNTY``

The first needs its ``review.html`` as well (``qianwan review``). Chromium, LibreOffice and poppler
do the drawing; every picture is reduced to at most 256 colours and 150 kB.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageChops
from playwright.sync_api import Browser, sync_playwright

IMAGES = Path(__file__).resolve().parent / "images"
LIMIT = 150_000


def keep(picture: Image.Image, name: str, width: int | None = None) -> None:
    """Shrink, reduce the colours and save; fewer colours until the file is small enough."""
    picture = picture.convert("RGB")
    if width and picture.width > width:
        height = round(picture.height * width / picture.width)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    for colours in (256, 192, 128, 96, 64):
        # maximum coverage keeps rare colours: a median cut turns all small symbols grey
        small = picture.quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        small.save(IMAGES / name, optimize=True)
        if (IMAGES / name).stat().st_size <= LIMIT:
            return
    raise SystemExit(f"{name} is over {LIMIT} bytes; make it smaller")


def page(browser: Browser, file: Path, size: tuple[int, int], script: str = "") -> Image.Image:
    """Return a page as it looks with the network off."""
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, offline=True)
    tab = context.new_page()
    tab.goto(file.resolve().as_uri())
    tab.wait_for_timeout(1500)
    if script:
        tab.evaluate(script)
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
        keep(page(browser, thin / "map.html", (1440, 900)), "map.png", 1280)
        clinics = "document.querySelectorAll('input[type=radio]')[2].click()"
        keep(page(browser, full / "map.html", (1440, 900), clinics), "map_coverage.png", 1200)
        keep(page(browser, full / "map.html", (390, 844)), "map_phone.png")
        keep(page(browser, thin / "review.html", (1200, 760)), "review.png", 1000)
        browser.close()
    with TemporaryDirectory() as name:
        folder = Path(name)
        report = as_pdf(full / "report.docx", folder)
        keep(beside(*(sheet(report, n, 45) for n in (1, 3, 8))), "report.png")
        tables = as_pdf(full / "tables.xlsx", folder)
        villages = trimmed(sheet(tables, 3, 200))
        keep(villages.crop((0, 0, villages.width // 2, villages.height // 5)), "tables.png", 1000)
    keep(sheet(full / "atlas.pdf", 3, 62), "atlas.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
