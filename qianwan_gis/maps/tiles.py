"""Vector tiles inside the page, for layers too large to carry as lines."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import geopandas as gpd

#: Above this many lines a layer goes into the page as tiles: they open faster and weigh less.
LARGE = 20_000
MIN_ZOOM, MAX_ZOOM = 7, 13


def pmtiles(frame: gpd.GeoDataFrame, *, name: str) -> bytes:
    """Return a PMTiles archive of a layer, zoom levels 7 to 13 (finer views enlarge the last).

    GDAL simplifies and rounds each level to its own scale. The same frame gives the same bytes.

    Parameters
    ----------
    frame
        Features in any CRS; its columns become the attributes of the tiles.
    name
        Name of the layer in the tiles.
    """
    with tempfile.TemporaryDirectory(prefix="qianwan-tiles-") as folder:
        # The file's own name is written into the archive: always the same one.
        file = Path(folder) / "tiles.pmtiles"
        frame.to_file(
            file, driver="PMTiles", engine="pyogrio", layer=name,
            MINZOOM=MIN_ZOOM, MAXZOOM=MAX_ZOOM,
        )  # fmt: skip
        return file.read_bytes()
