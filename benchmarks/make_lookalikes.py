"""Make ``qianwan_gis/names/lookalikes.txt``: Chinese characters that look alike.

Every character is drawn in a sans and a serif face and compared with every other one, whole with
whole and part with whole (so that 涨 finds 张, 泗 finds 四, 荫 finds 阴) and part with the same
part (沟 finds 构). Nothing else goes in: no list of known misprints, no village name.

Run: ``python benchmarks/make_lookalikes.py`` (needs Pillow, SciPy and the Noto CJK fonts, OFL-1.1;
Debian package fonts-noto-cjk). The result depends on the version of the fonts.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

FONTS = Path("/usr/share/fonts/opentype/noto")
FACES = ("NotoSansCJK-Regular.ttc", "NotoSerifCJK-Regular.ttc")
SIMPLIFIED_FACE = 2  # index of the SC face in both collections
OUT = Path(__file__).resolve().parents[1] / "qianwan_gis" / "names" / "lookalikes.txt"

# Characters of northern place names that GB 2312 lacks.
EXTRA = "峧圐圙堽墕崾塬窊垴峣岥垯堎塝坬坢堠崀岰峇塆坶垡埝墚圪埌堲岽峂嵝崿嵧甪畈荩鄗鄚鄢鄄浕滹洺溇漷潴澥瀍灞淏澛朳杦梌椑榼櫈硚碶磙礤砬砦碥碨磡窎筻箐"
PARTS = {  # left, top, right, bottom as shares of the drawn box
    "right_wide": (0.26, 0.0, 1.0, 1.0),
    "right": (0.34, 0.0, 1.0, 1.0),
    "right_half": (0.45, 0.0, 1.0, 1.0),
    "left": (0.0, 0.0, 0.66, 1.0),
    "bottom": (0.0, 0.28, 1.0, 1.0),
    "bottom_half": (0.0, 0.4, 1.0, 1.0),
    "top": (0.0, 0.0, 1.0, 0.7),
    "inner": (0.15, 0.22, 0.85, 1.0),
}
CANVAS, GRID = 64, 24
LEVELS = (0.80, 0.68, 0.56)  # lowest similarity of "nearly the same", "alike", "somewhat alike"
PART_WITH_WHOLE, PART_WITH_PART = 0.95, 0.78  # a shared part is worth less than the whole
MOST = 18  # neighbours kept per character


def characters() -> list[str]:
    """All 6,763 characters of GB 2312 and the extra ones."""
    found = []
    for high in range(0xB0, 0xF8):
        for low in range(0xA1, 0xFF):
            try:
                found.append(bytes([high, low]).decode("gb2312"))
            except UnicodeDecodeError:
                continue
    return found + sorted(set(EXTRA) - set(found))


def widened(box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    """Keep a thin part thin: its short side counts as three quarters of its long one at least."""
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    least = 0.75 * max(width, height)
    if width < least:
        x0, x1 = x0 - (least - width) / 2, x1 + (least - width) / 2
    if height < least:
        y0, y1 = y0 - (least - height) / 2, y1 + (least - height) / 2
    return round(x0), round(y0), round(x1), round(y1)


def picture(image: Image.Image) -> np.ndarray:
    """A small blurred picture as a unit vector."""
    small = np.asarray(image.resize((GRID, GRID), Image.Resampling.BOX), dtype=np.float32)
    small = gaussian_filter(small, 0.8)
    small -= small.mean()
    length = float(np.linalg.norm(small))
    return (small / length if length else small).ravel()


def pictures(chars: list[str], face: str) -> dict[str, np.ndarray]:
    """Unit vectors of all characters and their parts in one face."""
    font = ImageFont.truetype(str(FONTS / face), 58, index=SIMPLIFIED_FACE)
    out: dict[str, list[np.ndarray]] = {"whole": [], **{name: [] for name in PARTS}}
    for char in chars:
        image = Image.new("L", (CANVAS, CANVAS), 0)
        ImageDraw.Draw(image).text(
            (CANVAS // 2, CANVAS // 2), char, font=font, fill=255, anchor="mm"
        )
        x0, y0, x1, y1 = image.getbbox() or (0, 0, CANVAS, CANVAS)
        out["whole"].append(picture(image.crop(widened((x0, y0, x1, y1)))))
        for name, (left, top, right, bottom) in PARTS.items():
            width, height = x1 - x0, y1 - y0
            box = (x0 + left * width, y0 + top * height, x0 + right * width, y0 + bottom * height)
            part = image.crop(tuple(round(v) for v in box))
            if inked := part.getbbox():
                part = part.crop(inked)
            out[name].append(picture(part.crop(widened((0, 0, *part.size)))))
    return {name: np.array(rows, dtype=np.float32) for name, rows in out.items()}


def similarity(chars: list[str]) -> np.ndarray:
    """Symmetric matrix of similarities, 1 on a perfect likeness."""
    faces = [pictures(chars, face) for face in FACES]
    joint = {name: np.hstack([face[name] for face in faces]) / np.sqrt(2) for name in faces[0]}
    whole = joint["whole"]
    best = whole @ whole.T
    for name in PARTS:
        crossed = joint[name] @ whole.T
        np.maximum(best, PART_WITH_WHOLE * np.maximum(crossed, crossed.T), out=best)
        for other in PARTS:  # cut a little wider or narrower on the same side
            if name.split("_")[0] == other.split("_")[0]:
                shared = joint[name] @ joint[other].T
                np.maximum(best, PART_WITH_PART * np.maximum(shared, shared.T), out=best)
    np.fill_diagonal(best, 0)
    return best


def main() -> None:
    chars = characters()
    alike = similarity(chars)
    keep = np.zeros(alike.shape, dtype=bool)
    order = np.argsort(-alike, axis=1, kind="stable")[:, :MOST]
    np.put_along_axis(keep, order, values=True, axis=1)
    keep |= keep.T
    keep &= alike >= LEVELS[-1]
    lines = [
        "# Characters that look alike. Made by benchmarks/make_lookalikes.py from glyphs of Noto Sans",
        "# CJK SC and Noto Serif CJK SC (OFL-1.1); see docs/methods/names.md. Each pair stands once,",
        "# under the character that comes first: character, then nearly the same | alike | somewhat.",
    ]
    pairs = 0
    for i, char in enumerate(chars):
        groups = ["", "", ""]
        for j in np.flatnonzero(keep[i, i + 1 :]) + i + 1:
            groups[next(n for n, low in enumerate(LEVELS) if alike[i, j] >= low)] += chars[j]
            pairs += 1
        if any(groups):
            lines.append(f"{char} {'|'.join(groups)}")
    OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(chars)} characters, {pairs} pairs, {OUT.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
