"""The web map in Chromium with the network off: size, first paint, time to interactive, what-if.

    python benchmarks/webmap.py [zezhou] [large] [whatif] [--features N] [--repeats N] [--keep FOLDER]

``zezhou``: the map of the carried county. ``large``: a made-up county with a layer of N building
outlines (100,000), which rides in the page as vector tiles. ``whatif``: 50,000 nodes and more; the search
alone, and with everything that a drag redraws. Chromium comes from the system, playwright from PyPI.
Medians; "ready" is when the page answers to clicks, "tiles" when the layer's tiles are drawn.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from playwright.sync_api import sync_playwright

from qianwan_gis import Plan, synthetic
from qianwan_gis._text import Text
from qianwan_gis.layers import Results, Style, Symbol, catalogue, layer
from qianwan_gis.maps import planning
from qianwan_gis.maps.offline import save_offline
from qianwan_gis.maps.web import web_map
from qianwan_gis.network import RoadNetwork
from qianwan_gis.schemas import Column
from qianwan_gis.standards import Standards

# Noted by the page itself: the first paint, and when the interface is ready.
_WATCH = """
new MutationObserver((_, me) => {
  if (document.querySelector('.qw-root[data-ready=true]')) { window.qwReady = performance.now(); me.disconnect(); }
}).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ['data-ready'] });
"""
_PAINT = "(performance.getEntriesByName('first-contentful-paint')[0] || {}).startTime"
_TILES = """() => [...document.querySelectorAll('.leaflet-layer canvas.leaflet-tile')]
  .filter(c => c.classList.contains('leaflet-tile-loaded')).length"""


@contextmanager
def chromium() -> Iterator[Any]:
    """Start the system's Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield started
        started.close()


@contextmanager
def opened(browser: Any, file: Path) -> Iterator[tuple[Any, list[str]]]:
    """Open a page with the network off; yields it and the requests it made."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, offline=True)
    page, asked = context.new_page(), []
    page.on("request", lambda r: asked.append(r.url))
    page.add_init_script(_WATCH)
    page.goto(file.resolve().as_uri())
    page.wait_for_selector(".qw-root[data-ready=true]", state="attached")
    yield page, [a for a in asked if not a.startswith(("file:", "data:", "blob:"))]
    context.close()


def measure(browser: Any, file: Path, repeats: int, *, tiles: bool = False) -> None:
    """Print size, first paint and time to interactive of a page."""
    paint, ready, drawn = [], [], []
    for _ in range(repeats):
        with opened(browser, file) as (page, asked):
            if tiles:
                page.wait_for_timeout(50)
                while not (count := page.evaluate(_TILES)) or count != page.evaluate(_TILES):
                    page.wait_for_timeout(20)
                drawn.append(page.evaluate("performance.now()"))
            while page.evaluate(_PAINT) is None:
                page.wait_for_timeout(20)
            paint.append(page.evaluate(_PAINT))
            ready.append(page.evaluate("window.qwReady"))
            heap = page.evaluate("performance.memory.usedJSHeapSize") / 1e6
    middle = statistics.median
    print(
        f"{file.stat().st_size / 1e6:6.2f} MB   first paint {middle(paint):5.0f} ms   "
        f"ready {middle(ready):5.0f} ms"
        + (f"   tiles {middle(drawn):5.0f} ms" if tiles else "")
        + f"   heap {heap:.0f} MB   requests {len(asked)}   ({repeats} openings)"
    )


def _buildings(results: Results, features: int) -> gpd.GeoDataFrame:
    """Outlines of eight corners around the settlements, with three attributes."""
    rng = np.random.default_rng(0)
    villages = results.villages[results.villages.geometry.notna()].geometry
    home = rng.integers(0, len(villages), features)
    centre = np.column_stack([villages.x.to_numpy()[home], villages.y.to_numpy()[home]])
    centre += rng.normal(0, 350, (features, 2))
    angle = np.linspace(0, 2 * np.pi, 8, endpoint=False) + rng.uniform(0, 1, (features, 1))
    size = rng.uniform(5, 14, (features, 1))
    corners = np.stack([size * np.cos(angle), size * np.sin(angle)], axis=2)
    return gpd.GeoDataFrame(
        {
            "number": [f"B{i:06d}" for i in range(features)],
            "use": rng.choice(["住宅", "公共", "生产"], features),
            "floors": rng.integers(1, 5, features),
            "year": rng.choice([2025, 2026, 2027], features),
        },
        geometry=shapely.polygons(centre[:, None, :] + corners), crs=results.crs,
    )  # fmt: skip


def register(features: int) -> None:
    """Register the buildings as a planning layer, as any module of the package would."""
    nothing = Text("", "")
    columns = (
        Column("number", "text", Text("编号", "Number"), nothing),
        Column("use", "text", Text("用途", "Use"), nothing),
        Column("floors", "integer", Text("层数", "Floors"), nothing),
        Column("year", "integer", Text("年份", "Year"), nothing),
    )
    colours = {"住宅": "#8c6d46", "公共": "#0072b2", "": "#d55e00"}
    symbols = tuple(
        Symbol(use, Text(use or "生产", use or "works"), colour, 0.2, outline=colour, opacity=0.8)
        for use, colour in colours.items()
    )
    layer(
        "buildings", Text("建筑", "Buildings"), theme="base", columns=columns,
        styles=(Style(Text("用途", "Use"), "area", symbols, by="use"),),
    )(lambda results: _buildings(results, features))  # fmt: skip


def grid_roads(crs: Any, side: int = 226, step: float = 200.0) -> gpd.GeoDataFrame:
    """A lattice of roads with ``side`` squared nodes, some edges left out."""
    rng = np.random.default_rng(1)
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    at = np.column_stack([x.ravel(), y.ravel()]) * step + rng.uniform(-40, 40, (side * side, 2))
    number = np.arange(side * side).reshape(side, side)
    ends = np.vstack(
        [
            np.column_stack([number[:, :-1].ravel(), number[:, 1:].ravel()]),
            np.column_stack([number[:-1].ravel(), number[1:].ravel()]),
        ]
    )
    kept = ends[rng.random(len(ends)) < 0.75]
    origin = np.array([390_000.0, 3_910_000.0])
    return gpd.GeoDataFrame(
        {
            "road_id": [f"r{i}" for i in range(len(kept))],
            "road_class": rng.choice(["village", "tertiary", "secondary"], len(kept)),
            "name": "", "ref": "", "surface": "", "oneway": False, "bridge": False,
            "tunnel": False, "status": "existing", "basis": "synthetic",
        },
        geometry=shapely.linestrings(at[kept] + origin), crs=crs,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", default=["zezhou", "large", "whatif"])
    parser.add_argument("--features", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--keep", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as room, chromium() as browser:
        folder = args.keep or Path(room)
        folder.mkdir(parents=True, exist_ok=True)
        if "zezhou" in args.parts:
            file = save_offline(web_map(Plan.open("zezhou")), folder / "zezhou.html")
            print("zezhou            ", end="")
            measure(browser, file, args.repeats)
        # Sewage and water plans of the made-up counties take minutes and are not what is measured.
        planning.catalogue = lambda results: [
            entry for entry in catalogue(results) if entry.key == "buildings"
        ]
        if "large" in args.parts:
            register(args.features)
            plan = Plan.open(synthetic.county(villages=600, seed=0).write(Path(room) / "county"))
            start = time.perf_counter()
            file = save_offline(web_map(plan), folder / "large.html")
            print(f"large: made in {time.perf_counter() - start:.1f} s")
            with_layer = file.read_text("utf-8").replace(
                'JSON.parse(document.getElementById("qianwan-data").textContent));',
                'JSON.parse(document.getElementById("qianwan-data").textContent));'
                "QW.show('p:buildings', true);QW.refresh();",
            )
            shown = folder / "large_shown.html"
            shown.write_text(with_layer, "utf-8")
            print(f"{args.features:7,d} features  ", end="")
            measure(browser, file, args.repeats)
            print("  layer switched on ", end="")
            measure(browser, shown, args.repeats, tiles=True)
        if "whatif" in args.parts:
            whatif(browser, folder, Path(room))


def whatif(browser: Any, folder: Path, room: Path) -> None:
    """Print how long a search takes in a network of 50,000 nodes and more, and with redrawing."""
    county = synthetic.county(villages=200, seed=2)
    plan = Plan.open(county.write(room / "whatif"))
    plan.coverage  # noqa: B018 - on the county's own roads; only the page gets the large network
    roads = grid_roads(plan.crs)
    west, south, *_ = plan.boundary.total_bounds
    roads = roads.set_geometry(
        roads.translate(west - roads.total_bounds[0], south - roads.total_bounds[1])
    )
    plan.__dict__["network"] = RoadNetwork.from_roads(roads, Standards.load())
    file = save_offline(web_map(plan), folder / "whatif.html")
    with opened(browser, file) as (page, _):
        size = file.stat().st_size / 1e6
        page.evaluate("QW.whatif(true)")
        page.evaluate("QW.addSite(QW.map.getCenter())")
        search = page.evaluate(
            "() => Array.from({length: 30}, () => { QW.recompute(); return QW.what.result.milliseconds })"
        )
        redraw = page.evaluate(
            """() => Array.from({length: 30}, () => {
              const t = performance.now(); QW.recompute(); return performance.now() - t })"""
        )
        nodes, edges = page.evaluate("[QW.data.whatif.nodes, QW.data.whatif.edges]")
    middle = statistics.median
    print(
        f"whatif: {nodes:,d} nodes, {edges:,d} edges, {size:.2f} MB: search {middle(search):.0f} ms "
        f"(most {max(search):.0f}), with redrawing {middle(redraw):.0f} ms (most {max(redraw):.0f})"
    )


if __name__ == "__main__":
    main()
