"""Tiles that show where they are, a server for them, and the measuring of where they lie."""

from __future__ import annotations

import contextlib
import io
import math
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from qianwan_gis.maps.offline import save_offline

#: A place inside the fixture's county, in degrees.
LON, LAT = 112.95, 35.5
EARTH = 6378137.0
MARK = (255, 0, 255)
GROUND = 235


def mercator(lon: float, lat: float) -> tuple[float, float]:
    return (
        EARTH * math.radians(lon),
        EARTH * math.log(math.tan(math.pi / 4 + math.radians(lat) / 2)),
    )


def picture(x: float, y: float, left: float, top: float, pixel: float, size: int = 256) -> bytes:
    """Return a tile with a magenta square of seven pixels around a place, to a part of a pixel."""

    def covered(centre: float) -> np.ndarray:
        at = np.arange(size)
        return np.clip(np.minimum(at + 1, centre + 3.5) - np.maximum(at, centre - 3.5), 0, 1)

    share = np.outer(covered((top - y) / pixel), covered((x - left) / pixel))[..., None]
    image = GROUND * (1 - share) + np.array(MARK) * share
    stream = io.BytesIO()
    Image.fromarray(np.rint(image).astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def usual(z: int, x: int, y: int, place: tuple[float, float] = (LON, LAT)) -> bytes:
    """Return a tile of the usual levels of Web Mercator."""
    half = math.pi * EARTH
    pixel = 2 * half / (256 * 2**z)
    return picture(*mercator(*place), -half + x * 256 * pixel, half - y * 256 * pixel, pixel)


@contextlib.contextmanager
def served(answer: Callable[[str], bytes]) -> Iterator[tuple[str, list[str]]]:
    """Serve tiles from this machine: yields the address and what was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            data = answer(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def save(made: Any, path: Path) -> Path:
    with pytest.warns(UserWarning, match="瓦片"):
        return save_offline(made, path, tiles="allow")


def offset(page: Any) -> tuple[float, float]:
    """Return by how many pixels the square on the tiles is off the place it marks."""
    page.evaluate("QW.layers.forEach(l => QW.show(l.key, false))")
    # Leaflet rounds places on the screen; here the exact one is wanted.
    x, y = page.evaluate(
        f"""(() => {{ const m = QW.map, p = m.project([{LAT}, {LON}]).subtract(m.getPixelOrigin()).add(
          m.containerPointToLayerPoint([0, 0]).multiplyBy(-1)); return [p.x, p.y] }})()"""
    )
    left, top = int(x) - 40, int(y) - 40
    clip = {"x": left, "y": top, "width": 80, "height": 80}
    seen: tuple[float, float] | None = None
    for _ in range(60):
        image = np.asarray(Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB"))
        weight = np.where(image[..., 1] < 0.9 * GROUND, GROUND - image[..., 1].astype(float), 0.0)
        if weight.max() > 0.8 * GROUND:
            rows, columns = np.indices(weight.shape)
            found = (
                left + float(np.average(columns, weights=weight)) + 0.5,
                top + float(np.average(rows, weights=weight)) + 0.5,
            )
            if found == seen:
                return found[0] - x, found[1] - y
            seen = found
        page.wait_for_timeout(80)
    raise AssertionError("the square was not drawn near its place")


def look_at(page: Any, zoom: float, lon: float = LON, lat: float = LAT) -> None:
    page.evaluate(f"void QW.map.setView([{lat}, {lon}], {zoom}, {{animate: false}})")
