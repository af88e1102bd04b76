"""Shapefiles for old software: GB18030, field names of at most ten bytes, and a dictionary.

A field name longer than ten bytes is cut by the format, in the middle of a Chinese character if
need be, so the names are short ASCII here and ``字段说明.csv`` tells what each one means. Text
longer than the format's 254 bytes is cut between characters, and the dictionary counts where.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from qianwan_gis import _io
from qianwan_gis.layers import Layer, Results, built
from qianwan_gis.schemas import Column

if TYPE_CHECKING:
    import geopandas as gpd

ENCODING = "GB18030"
DICTIONARY = "字段说明.csv"
_NAME_BYTES, _TEXT_BYTES = 10, 254
_LDID_GBK = 0x4D  # "Chinese GBK (PRC)": for programs that do not read the .cpg
_TYPES = {"point": "Point", "line": "MultiLineString", "area": "MultiPolygon"}


def write(results: Results, folder: Path | str) -> list[Path]:
    """Write each planning layer as a Shapefile, with the dictionary of fields.

    Parameters
    ----------
    results
        The plan's results; coordinates are in ``results.crs``.
    folder
        Where to write.

    Returns
    -------
    list of Path
        The ``.shp`` files and the dictionary. The same results give the same bytes.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths, rows = [], []
    for entry, frame in built(results):
        path = folder / f"{entry.key}.shp"
        names = short_names(frame.columns.drop("geometry"))
        texts, cut = _fit(frame)
        _write_one(texts.rename(columns=names), path, entry, results.run_date)
        paths.append(path)
        rows += _dictionary_rows(results, entry, names, cut)
    head = ["文件", "图层", "字段", "原名", "中文名", "单位", "说明", "截断"]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerows([head, *rows])
    data = buffer.getvalue().encode("utf-8-sig")
    return [*paths, _io.write_bytes(folder / DICTIONARY, data)]


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Return a name of at most ten ASCII bytes for each name, all different.

    ``_text`` twins become ``_t``; the rest is cut at the end, a number telling equal ones apart.
    """
    found: dict[str, str] = {}
    for name in names:
        plain = name.removesuffix("_text") + "_t" if name.endswith("_text") else name
        plain = "".join(c for c in plain if c.isascii() and (c.isalnum() or c == "_")) or "field"
        tail = "_t" if name.endswith("_text") else ""
        short = plain.removesuffix(tail)[: _NAME_BYTES - len(tail)] + tail
        number = 1
        while short.lower() in {used.lower() for used in found.values()}:
            number += 1
            end = f"{number}{tail}"
            short = plain.removesuffix(tail)[: _NAME_BYTES - len(end)] + end
        found[name] = short
    return found


def fit_text(text: str, limit: int = _TEXT_BYTES) -> str:
    """Return text of at most ``limit`` GB18030 bytes, cut between characters."""
    data = text.encode(ENCODING)
    if len(data) <= limit:
        return text
    return data[:limit].decode(ENCODING, errors="ignore")


def _fit(frame: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, dict[str, int]]:
    """Return the frame with text that fits, and how many values each column lost the end of."""
    made, cut = frame.copy(), {}
    for name in frame.columns.drop("geometry"):
        values = frame[name]
        if pd.api.types.is_bool_dtype(values):
            # The format's booleans are read by few programs.
            made[name] = values.astype("Int64")
        elif not pd.api.types.is_numeric_dtype(values):
            texts = values.map(lambda v: "" if pd.isna(v) else str(v))
            fitted = texts.map(fit_text)
            cut[name] = int((fitted != texts).sum())
            made[name] = fitted
    return made, cut


def _write_one(frame: gpd.GeoDataFrame, path: Path, entry: Layer, run_date: str) -> None:
    import pyogrio

    pyogrio.write_dataframe(
        frame,
        path,
        driver="ESRI Shapefile",
        encoding=ENCODING,
        geometry_type=_TYPES[entry.geometry],
        layer_options={"DBF_DATE_LAST_UPDATE": run_date},
    )
    dbf = path.with_suffix(".dbf")
    data = bytearray(dbf.read_bytes())
    data[29] = _LDID_GBK
    _io.write_bytes(dbf, bytes(data))


def _dictionary_rows(
    results: Results, entry: Layer, names: dict[str, str], cut: dict[str, int]
) -> list[list[str]]:
    known: dict[str, Column] = {c.name: c for c in entry.columns}
    lang = results.lang
    return [
        [
            f"{entry.key}.shp",
            entry.title.get(lang),
            short,
            name,
            known[name].title.get(lang),
            known[name].unit,
            known[name].note.get(lang),
            f"{cut[name]}" if cut.get(name) else "",
        ]
        for name, short in names.items()
    ]
