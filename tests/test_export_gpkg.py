"""The GeoPackage, read back by GDAL and by plain SQLite."""

import sqlite3
from contextlib import closing
from xml.etree import ElementTree as ET

import geopandas as gpd
import pyogrio
import pytest
from results_fixture import HOSTILE, rich, thin

from qianwan_gis import layers
from qianwan_gis._text import Text
from qianwan_gis.export import content, gpkg, styles


@pytest.fixture(scope="module")
def thin_file(tmp_path_factory):
    return gpkg.write(thin(), tmp_path_factory.mktemp("gpkg") / "县.gpkg")


def rows(path, query):
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


@pytest.mark.parametrize("make", [thin, rich])
def test_layers_come_back_as_they_were(tmp_path, make):
    results = make()
    path = gpkg.write(results, tmp_path / "a.gpkg")
    for entry, frame in layers.built(results):
        back = pyogrio.read_dataframe(path, layer=entry.key)
        assert back.crs == results.crs
        assert list(back.columns) == list(frame.columns)
        assert len(back) == len(frame)
        assert back.geometry.isna().tolist() == frame.geometry.isna().tolist()
        here, there = frame.geometry.dropna(), back.geometry.dropna()
        assert here.reset_index(drop=True).geom_equals(there.reset_index(drop=True)).all()
        for column in frame.columns.drop("geometry"):
            if frame[column].dtype == "str":
                assert back[column].fillna("").tolist() == frame[column].fillna("").tolist()


def test_same_results_same_bytes(tmp_path):
    first = gpkg.write(rich(), tmp_path / "a.gpkg").read_bytes()
    # A file that was there before leaves no trace, and neither does the file's name.
    (tmp_path / "b.gpkg").write_bytes(b"old")
    assert gpkg.write(rich(), tmp_path / "b.gpkg").read_bytes() == first
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.gpkg", "b.gpkg"]
    assert b"2026-01-15T00:00:00.000Z" in first


def test_options_of_gdal_are_as_they_were(tmp_path):
    names = ("OGR_CURRENT_DATE", "OGR_SQLITE_SYNCHRONOUS")
    pyogrio.set_gdal_config_options({"OGR_SQLITE_SYNCHRONOUS": "NORMAL"})
    try:
        gpkg.write(rich(), tmp_path / "a.gpkg")
        assert [pyogrio.get_gdal_config_option(name) for name in names] == [None, "NORMAL"]
    finally:
        pyogrio.set_gdal_config_options({"OGR_SQLITE_SYNCHRONOUS": None})


def test_tables_at_hand_give_the_same_file(tmp_path):
    first = gpkg.write(rich(), tmp_path / "a.gpkg").read_bytes()
    made = content.tables(rich())
    assert gpkg.write(rich(), tmp_path / "b.gpkg", tables=lambda: made).read_bytes() == first


def test_titles_are_chinese_and_names_stable(thin_file):
    found = dict(rows(thin_file, "SELECT table_name, identifier FROM gpkg_contents"))
    assert found["villages"] == "村庄"
    assert found["village_regions"] == "村庄最可能范围（非界线）"
    assert found["coverage_clinic_village"] == "覆盖：医疗卫生·村卫生室"
    assert all(name.isascii() for name in found)
    names = dict(
        rows(
            thin_file, "SELECT column_name, name FROM gpkg_data_columns WHERE table_name='villages'"
        )
    )
    assert names["code"] == "村庄代码"
    assert names["uncertainty_m"] == "位置不确定度（m）"
    fields = set(pyogrio.read_info(thin_file, layer="villages")["fields"])
    assert fields == set(names)


def test_domains_explain_every_code(thin_file):
    domains = rows(
        thin_file,
        "SELECT d.table_name, d.column_name, c.value, c.description FROM gpkg_data_columns d"
        " JOIN gpkg_data_column_constraints c USING (constraint_name)",
    )
    words = {
        value: text
        for table, column, value, text in domains
        if (table, column) == ("villages", "match")
    }
    used = {m for (m,) in rows(thin_file, "SELECT DISTINCT match FROM villages")}
    assert used <= set(words)
    assert words["township"] == "仅知所属乡镇"


def test_styles_name_the_real_geometry_column_and_values(thin_file):
    found = rows(
        thin_file,
        "SELECT f_table_name, f_geometry_column, styleName, styleQML, styleSLD, useAsDefault"
        " FROM layer_styles",
    )
    geometry = dict(rows(thin_file, "SELECT table_name, column_name FROM gpkg_geometry_columns"))
    assert {name for name, *_ in found} == set(geometry)
    for name, column, _, qml, sld, _ in found:
        assert column == geometry[name]
        root = ET.fromstring(qml)
        renderer = root.find("renderer-v2")
        symbols = {s.get("name") for s in renderer.iter("symbol")}
        fields = set(pyogrio.read_info(thin_file, layer=name)["fields"])
        if renderer.get("type") == "categorizedSymbol":
            assert renderer.get("attr") in fields
            assert {c.get("symbol") for c in renderer.iter("category")} == symbols
        for text in root.iter("text-style"):
            assert text.get("fieldName") in fields
        assert ET.fromstring(sld).tag.endswith("StyledLayerDescriptor")
    defaults = [name for name, *_, default in found if default]
    assert sorted(defaults) == sorted(geometry)


def test_tables_without_geometry_and_metadata(thin_file):
    tables = {name for name, kind in pyogrio.list_layers(thin_file) if kind is None}
    assert {"coverage", "targets", "to_collect", "problems", "sources", "standards"} <= tables
    assert {"summary_township", "summary_category", "summary_list", "data_dictionary"} <= tables
    results = thin()
    coverage = pyogrio.read_dataframe(thin_file, layer="coverage")
    assert len(coverage) == len(results.coverage)
    assert coverage["code"].str.len().max() == results.coverage["code"].str.len().max()
    assert coverage["reason"].tolist() == results.coverage["reason"].tolist()
    info = pyogrio.read_info(thin_file, layer="villages")
    assert "内部工作图" in info["dataset_metadata"]["使用范围"]
    assert info["dataset_metadata"]["日期"] == results.run_date


def test_thin_data_hide_shares(thin_file):
    columns = [c[1] for c in rows(thin_file, "PRAGMA table_info(summary_township)")]
    assert "assessed" in columns
    assert not [c for c in columns if c.startswith(("share", "people"))]
    minutes = [m for (m,) in rows(thin_file, "SELECT minutes FROM coverage") if m is not None]
    assert minutes
    assert all(m == round(m) for m in minutes)


def test_file_is_sound(thin_file):
    assert rows(thin_file, "PRAGMA integrity_check") == [("ok",)]
    assert rows(thin_file, "PRAGMA application_id") == [(0x47504B47,)]
    names = [n for (n,) in rows(thin_file, "SELECT name FROM villages")]
    assert names[: len(HOSTILE)] == list(HOSTILE)
    assert len(gpd.read_file(thin_file, layer="villages", bbox=(4e5, 3.9e6, 4.5e5, 4e6)))


def test_qml_escapes_and_sld_keeps_an_else_rule():
    style = layers.CATEGORY_STYLE
    hostile = layers.Style(
        Text(HOSTILE[0], ""), "point", style.symbols, by="category", label=HOSTILE[0]
    )
    root = ET.fromstring(styles.qml(hostile))
    assert next(root.iter("text-style")).get("fieldName") == HOSTILE[0]
    assert styles.sld(style, "x").count("ElseFilter") == 1
