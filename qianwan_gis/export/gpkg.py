"""GeoPackage: every layer and table in one file, styled, described and the same on every run.

Table names are stable ASCII (scripts and SQL rely on them); what users read is Chinese: the
layer's identifier and description in ``gpkg_contents``, the fields' names in ``gpkg_data_columns``
(GDAL and QGIS show them as aliases), the coded values' meanings as field domains. Styles are in
``layer_styles`` as QML and SLD, the first one loaded by QGIS on opening.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from qianwan_gis._text import Lang, Text
from qianwan_gis.export import content, styles
from qianwan_gis.layers import Layer, Results, built
from qianwan_gis.schemas import VALUE_TEXT, Column

if TYPE_CHECKING:
    import pandas as pd

GEOMETRY = "geom"
_SCHEMA_EXTENSION = "http://www.geopackage.org/spec121/#extension_schema"
_GEOMETRY_TYPES = {"point": "Point", "line": "MultiLineString", "area": "MultiPolygon"}


def write(
    results: Results,
    path: Path | str,
    *,
    theme: str | None = None,
    tables: Callable[[], Sequence[content.Table]] | None = None,
) -> Path:
    """Write all layers and tables with something in them to one GeoPackage.

    Parameters
    ----------
    results
        The plan's results; layers are written in ``results.crs``.
    path
        File to write; replaced whole.
    theme
        Only the layers of this theme (`layers.THEMES`), and no tables.
    tables
        Gives `content.tables` of these results where they are at hand.

    Returns
    -------
    Path
        The file. The same results give the same bytes: dates come from ``results.run_date``.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        draft, final = Path(folder) / "draft.gpkg", Path(folder) / "final.gpkg"
        shown = [pair for pair in built(results) if theme in (None, pair[0].theme)]
        layers = [entry for entry, _ in shown]
        made = tables if tables is not None else lambda: content.tables(results)
        whole = _tables(results, made()) if theme is None else []
        plain = [t for t in whole if t.key not in {entry.key for entry in layers}]
        _write_frames(results, draft, shown, plain)
        with closing(sqlite3.connect(draft)) as db:
            db.execute("PRAGMA synchronous = OFF")
            described: list[tuple[str, Sequence[Column], pd.DataFrame]] = [
                *((entry.key, entry.columns, frame) for entry, frame in shown),
                *((table.key, table.columns, table.frame) for table in plain),
            ]
            _describe_columns(db, described, results.lang)
            _write_styles(db, layers, results)
            _fix_dates(db, _stamp(results))
            db.commit()
            # A fresh copy holds no remains of overwritten cells, which would differ between runs.
            db.execute("VACUUM INTO ?", (str(final),))
        final.replace(path)
    return path


def _tables(results: Results, made: Sequence[content.Table]) -> list[content.Table]:
    """Return the attribute tables; coverage keeps its codes, because programs join on them."""
    tables = [
        content.coverage_table(results, coded=True) if t.key == "coverage" else t for t in made
    ]
    return [*tables, content.dictionary_table(results, tables)]


def _stamp(results: Results) -> str:
    return f"{results.run_date}T00:00:00.000Z"


def metadata(results: Results) -> dict[str, str]:
    """Return the file's own description as plain key and value, in the reader's language."""
    lang = results.lang
    words = {
        Text("名称", "title"): results.title.get(lang),
        Text("行政区", "county"): f"{results.county.province}{results.county.prefecture}"
        f"{results.county.name}（{results.county.adcode}）",
        Text("日期", "date"): results.run_date,
        Text("坐标系", "crs"): f"{results.crs.name} ({results.crs.to_string()})",
        Text("使用范围", "use"): "；".join(mark.get(lang) for mark in results.marks),
        Text("数据来源", "sources"): "；".join(
            f"{row.title}：{row.source}（{row.licence}）"
            for row in content.sources_table(results).frame.itertuples()
        ),
    }
    return {key.get(lang): value for key, value in words.items()}


def _write_frames(
    results: Results,
    draft: Path,
    shown: Sequence[tuple[Layer, pd.DataFrame]],
    tables: Sequence[content.Table],
) -> None:
    import pyogrio

    options = {
        # GDAL stamps gpkg_contents with this date instead of the clock's.
        "OGR_CURRENT_DATE": _stamp(results),
        # Nobody reads a draft that a power cut leaves behind: no waiting for the disk per layer.
        "OGR_SQLITE_SYNCHRONOUS": "OFF",
    }
    before = {name: pyogrio.get_gdal_config_option(name) for name in options}
    pyogrio.set_gdal_config_options(options)
    try:
        for number, (entry, frame) in enumerate(shown):
            pyogrio.write_dataframe(
                frame,
                draft,
                driver="GPKG",
                layer=entry.key,
                append=number > 0,
                geometry_type=_GEOMETRY_TYPES[entry.geometry],
                promote_to_multi=entry.geometry != "point",
                dataset_metadata=metadata(results) if number == 0 else None,
                # The newest version that older ArcGIS and QGIS read without a warning.
                dataset_options={"VERSION": "1.2"} if number == 0 else None,
                layer_options={
                    "GEOMETRY_NAME": GEOMETRY,
                    "IDENTIFIER": entry.title.get(results.lang),
                    "DESCRIPTION": entry.note.get(results.lang),
                },
            )
        taken = {entry.title.get(results.lang) for entry, _ in shown}
        for table in tables:
            title = table.title.get(results.lang)
            # GeoPackage refuses two entries of one title; a table beside its layer is told apart
            title = (
                f"{title}（{Text('表', 'table').get(results.lang)}）" if title in taken else title
            )
            taken.add(title)
            pyogrio.write_dataframe(
                table.frame,
                draft,
                driver="GPKG",
                layer=table.key,
                append=True,
                layer_options={
                    "IDENTIFIER": title,
                    "DESCRIPTION": table.note.get(results.lang),
                },
            )
    finally:
        pyogrio.set_gdal_config_options(before)


def _describe_columns(
    db: sqlite3.Connection,
    described: Sequence[tuple[str, Sequence[Column], pd.DataFrame]],
    lang: Lang,
) -> None:
    """Fill the schema extension: Chinese names, meanings and domains of the fields."""
    db.executescript(
        """
        CREATE TABLE IF NOT EXISTS gpkg_data_columns (
            table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT,
            description TEXT, mime_type TEXT, constraint_name TEXT,
            CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name),
            CONSTRAINT gdc_tn UNIQUE (table_name, name));
        CREATE TABLE IF NOT EXISTS gpkg_data_column_constraints (
            constraint_name TEXT NOT NULL, constraint_type TEXT NOT NULL, value TEXT, min NUMERIC,
            min_is_inclusive BOOLEAN, max NUMERIC, max_is_inclusive BOOLEAN, description TEXT,
            CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value));
        CREATE TABLE IF NOT EXISTS gpkg_extensions (
            table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL,
            definition TEXT NOT NULL, scope TEXT NOT NULL,
            CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));
        """
    )
    for extended in ("gpkg_data_columns", "gpkg_data_column_constraints"):
        db.execute(
            "INSERT INTO gpkg_extensions VALUES (?, NULL, 'gpkg_schema', ?, 'read-write')",
            (extended, _SCHEMA_EXTENSION),
        )
    for key, columns, frame in described:
        used: set[str] = set()
        for column in columns:
            if column.name not in frame.columns:
                continue
            title = column.title.get(lang)
            name = content.heading(column, lang)
            if name in used:  # the extension wants names that are unique in a table
                name = f"{name} {column.name}"
            used.add(name)
            values = _domain(column, frame)
            domain = f"{key}_{column.name}" if values else None
            db.execute(
                "INSERT INTO gpkg_data_columns VALUES (?, ?, ?, ?, ?, NULL, ?)",
                (key, column.name, name, title, column.note.get(lang), domain),
            )
            for value, words in values.items():
                db.execute(
                    "INSERT INTO gpkg_data_column_constraints"
                    " VALUES (?, 'enum', ?, NULL, NULL, NULL, NULL, ?)",
                    (domain, value, words.get(lang)),
                )


def _domain(column: Column, frame: pd.DataFrame) -> dict[str, Text]:
    """Return the words for a coded text column's values, if the frame really holds codes."""
    words = VALUE_TEXT.get(column.name)
    if not words:
        return {}
    values = set(frame[column.name].dropna().astype(str)) - {""}
    return words if values and values <= set(words) else {}


def _write_styles(db: sqlite3.Connection, layers: Sequence[Layer], results: Results) -> None:
    db.execute(
        """CREATE TABLE layer_styles (
            id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256),
            f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256),
            styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN,
            description TEXT, owner TEXT(30), ui TEXT(30),
            update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))"""
    )
    lang = results.lang
    for entry in layers:
        for number, style in enumerate(entry.styles):
            db.execute(
                "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name,"
                " f_geometry_column, styleName, styleQML, styleSLD, useAsDefault, description,"
                " owner, ui, update_time) VALUES ('', '', ?, ?, ?, ?, ?, ?, ?, '', NULL, ?)",
                (
                    entry.key,
                    GEOMETRY,
                    style.name.get(lang)[:30],
                    styles.qml(style, entry.columns, lang=lang),
                    styles.sld(style, entry.key, lang=lang),
                    number == 0,
                    entry.note.get(lang),
                    _stamp(results),
                ),
            )
    # Registered as a plain table, so that a strict reader does not stumble over it.
    db.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change)"
        " VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?)",
        (_stamp(results),),
    )


def _fix_dates(db: sqlite3.Connection, stamp: str) -> None:
    db.execute("UPDATE gpkg_contents SET last_change = ?", (stamp,))
    named = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "gpkg_metadata_reference" in named:
        db.execute("UPDATE gpkg_metadata_reference SET timestamp = ?", (stamp,))
