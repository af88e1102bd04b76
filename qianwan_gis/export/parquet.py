"""GeoParquet: the exchange between analysis tools; typed, fast, CRS and codes kept as they are."""

from __future__ import annotations

import io
from pathlib import Path

from qianwan_gis import _io
from qianwan_gis.layers import Results, built


def write(results: Results, folder: Path | str) -> list[Path]:
    """Write each planning layer as ``<key>.parquet`` with a bounding-box column where it can.

    Returns
    -------
    list of Path
        The files. The same results give the same bytes.
    """
    folder = Path(folder)
    paths = []
    for entry, frame in built(results):
        buffer = io.BytesIO()
        # The covering needs a box for every row: a village without a place has none.
        boxed = bool(frame.geometry.notna().all())
        frame.to_parquet(buffer, index=False, compression="zstd", write_covering_bbox=boxed)
        paths.append(_io.write_bytes(folder / f"{entry.key}.parquet", buffer.getvalue()))
    return paths
