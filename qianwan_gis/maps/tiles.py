"""Vector tiles inside the page, for layers too large to carry as lines; and PMTiles files."""

from __future__ import annotations

import gzip
import json
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text

if TYPE_CHECKING:
    import geopandas as gpd

#: Above this many features a layer goes into the page as tiles: they open faster and weigh less.
LARGE = 20_000
MIN_ZOOM, MAX_ZOOM = 7, 13

_HEADER = 127  # bytes of a PMTiles version 3 header
_KINDS = {1: "mvt", 2: "png", 3: "jpeg", 4: "webp"}
_PACKED = {1: "none", 2: "gzip"}  # what a browser, and the standard library, can undo


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


@dataclass(frozen=True)
class Archive:
    """What the header and the metadata of a PMTiles file say.

    Attributes
    ----------
    kind
        ``mvt`` (vector tiles), ``png``, ``jpeg`` or ``webp``.
    min_zoom, max_zoom
        First and last zoom level.
    bounds
        west, south, east, north in degrees.
    layers
        Names of the layers of vector tiles.
    attribution
        Whose map it is, as the file states it.
    """

    kind: str
    min_zoom: int
    max_zoom: int
    bounds: tuple[float, float, float, float]
    layers: tuple[str, ...] = ()
    attribution: str = ""


def read_archive(path: str | Path) -> Archive:
    """Read what a PMTiles file (version 3) holds, without its tiles.

    Raises
    ------
    UsageError
        The file is missing, is no PMTiles file of version 3, is cut short, or packs its tiles in
        a way that a browser cannot undo.

    Notes
    -----
    Header layout: PMTiles specification version 3, section 3.
    """
    file = Path(path)
    try:
        with file.open("rb") as stream:
            head = stream.read(_HEADER)
            if len(head) < _HEADER or head[:7] != b"PMTiles" or head[7] != 3:
                raise _not_usable(file, "不是 PMTiles 第 3 版文件", "not a PMTiles file, version 3")
            numbers = struct.unpack("<11Q", head[8:96])
            data_end = numbers[6] + numbers[7]
            if file.stat().st_size < data_end:
                raise _not_usable(file, "文件不完整", "the file is cut short")
            stream.seek(numbers[2])
            packed = stream.read(numbers[3])
    except OSError as fault:
        raise _not_usable(file, f"无法读取：{fault}", f"cannot be read: {fault}") from fault
    inner, outer, kind, low, high = head[97:102]
    if inner not in _PACKED or outer not in _PACKED or kind not in _KINDS:
        raise _not_usable(
            file, "压缩方式或瓦片类型浏览器不支持（须为 gzip 或不压缩；MVT、PNG、JPEG、WebP）",
            "packed in a way or of a kind that browsers do not know "
            "(gzip or none; MVT, PNG, JPEG, WebP)",
        )  # fmt: skip
    about = _metadata(file, packed, _PACKED[inner])
    west, south, east, north = (v / 1e7 for v in struct.unpack("<4i", head[102:118]))
    layers = about.get("vector_layers")
    names = [str(v["id"]) for v in layers if "id" in v] if isinstance(layers, list) else []
    return Archive(
        _KINDS[kind], low, high, (west, south, east, north), tuple(names),
        str(about.get("attribution") or ""),
    )  # fmt: skip


def _metadata(file: Path, packed: bytes, how: str) -> dict[str, Any]:
    try:
        found = json.loads(gzip.decompress(packed) if how == "gzip" else packed)
    except (ValueError, OSError, EOFError) as fault:
        raise _not_usable(file, "元数据无法读取", "its metadata cannot be read") from fault
    return found if isinstance(found, dict) else {}


def _not_usable(file: Path, zh: str, en: str) -> UsageError:
    return UsageError(Text(f"底图文件 {file.name}：{zh}。", f"basemap file {file.name}: {en}."))
