"""Shapefile, DXF, KML, QGIS project, GeoParquet and COG, each read back by other software."""

import csv
import zipfile
from xml.etree import ElementTree as ET

import ezdxf
import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from results_fixture import CRS, HOSTILE, bare, rich, thin

from qianwan_gis import export, layers, report
from qianwan_gis._errors import UsageError
from qianwan_gis.export import dxf, kml, qgis, raster, shapefile, tables
from qianwan_gis.export.document import markdown
from qianwan_gis.maps import sheets, static

shapefile_reader = pytest.importorskip("shapefile", reason="pyshp is a development extra")
KML = "{http://www.opengis.net/kml/2.2}"


def frames(results):
    return {entry.key: (entry, frame) for entry, frame in layers.built(results)}


# --- all of them ----------------------------------------------------------------------------


def test_write_layers_writes_all_formats_the_same_twice(tmp_path):
    everything = tuple(name for name in export.FORMATS if name != "cog")
    first = export.write_layers(rich(), tmp_path / "a", formats=everything)
    second = export.write_layers(rich(), tmp_path / "b", formats=everything)
    names = [p.relative_to(tmp_path / "a") for p in first]
    assert names == [p.relative_to(tmp_path / "b") for p in second]
    assert {p.suffix for p in first} >= {
        ".gpkg",
        ".qgz",
        ".shp",
        ".dxf",
        ".kml",
        ".kmz",
        ".parquet",
    }
    a = {
        p.relative_to(tmp_path / "a"): p.read_bytes()
        for p in (tmp_path / "a").rglob("*")
        if p.is_file()
    }
    b = {
        p.relative_to(tmp_path / "b"): p.read_bytes()
        for p in (tmp_path / "b").rglob("*")
        if p.is_file()
    }
    assert a.keys() == b.keys()
    assert [n for n in a if a[n] != b[n]] == []


def test_a_county_with_nothing_but_names_goes_through(tmp_path):
    results = bare()
    written = export.write_layers(
        results, tmp_path, formats=tuple(name for name in export.FORMATS if name != "cog")
    )
    assert len(pyogrio.read_dataframe(written[0], layer="villages")) == len(results.villages)
    tables.write_xlsx(results, tmp_path / "t.xlsx")
    tables.write_csv(results, tmp_path / "c.csv")
    text = markdown(report.build(results, figures=False))
    assert "全县共12个村" in text
    assert "没有创建名单" in text
    assert not [sheet for sheet in sheets.sheets(results) if sheet.key.startswith("coverage")]
    for sheet in (*sheets.sheets(results), *sheets.township_sheets(results)):
        static.draw(sheet)


def test_unknown_format_writes_nothing(tmp_path):
    with pytest.raises(UsageError, match="mapinfo"):
        export.write_layers(thin(), tmp_path / "a", formats=("gpkg", "mapinfo"))
    assert not (tmp_path / "a").exists()


# --- Shapefile ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shp")
    shapefile.write(thin(), folder)
    return folder


def test_shapefile_by_gdal_and_pyshp(shapes):
    for key, (_, frame) in frames(thin()).items():
        path = shapes / f"{key}.shp"
        names = shapefile.short_names(frame.columns.drop("geometry"))
        back = pyogrio.read_dataframe(path)
        assert back.crs.to_epsg() == CRS.to_epsg()
        assert list(back.columns.drop("geometry")) == list(names.values())
        with shapefile_reader.Reader(path, encoding="gb18030") as reader:
            records = reader.records()
            assert len(records) == len(back) == len(frame)
            assert [f[0] for f in reader.fields[1:]] == list(names.values())
            for name, short in names.items():
                if frame[name].dtype != "str":
                    continue
                expected = [shapefile.fit_text(v).rstrip() for v in frame[name].fillna("")]
                assert [r[short] for r in records] == expected
                assert back[short].fillna("").str.rstrip().tolist() == expected


def test_shapefile_says_its_encoding_to_old_and_new_software(shapes):
    for dbf in shapes.glob("*.dbf"):
        assert dbf.read_bytes()[29] == 0x4D
        assert dbf.with_suffix(".cpg").read_text().strip() == "GB18030"
        assert dbf.read_bytes()[1:4] == bytes([2026 - 1900, 1, 15])


def test_dictionary_names_every_field(shapes):
    with (shapes / shapefile.DICTIONARY).open(encoding="utf-8-sig", newline="") as stream:
        table = list(csv.DictReader(stream))
    for path in shapes.glob("*.shp"):
        own = {row["字段"]: row for row in table if row["文件"] == path.name}
        assert set(own) == set(pyogrio.read_info(path)["fields"])
        assert all(row["中文名"] for row in own.values())


def test_long_text_is_cut_between_characters_and_told(tmp_path):
    results = thin()
    results.villages.loc[0, "evidence"] = "一" * 126 + "𠮷" + "后"
    shapefile.write(results, tmp_path)
    value = pyogrio.read_dataframe(tmp_path / "villages.shp")["evidence"].iloc[0]
    assert value == "一" * 126
    with (tmp_path / shapefile.DICTIONARY).open(encoding="utf-8-sig", newline="") as stream:
        row = next(
            r
            for r in csv.DictReader(stream)
            if (r["文件"], r["原名"]) == ("villages.shp", "evidence")
        )
    assert row["截断"] == "1"


@settings(deadline=None)
@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=40, unique=True))
def test_short_names_are_short_distinct_and_plain(names):
    short = shapefile.short_names(names)
    assert list(short) == names
    assert len({s.lower() for s in short.values()}) == len(names)
    assert all(1 <= len(s.encode()) <= 10 and s.isascii() for s in short.values())


@settings(deadline=None)
@given(st.text(), st.integers(0, 40))
def test_fitted_text_is_a_prefix_within_the_limit(text, limit):
    text = text.encode("utf-8", "ignore").decode()
    fitted = shapefile.fit_text(text, limit)
    assert text.startswith(fitted)
    assert len(fitted.encode("gb18030")) <= limit
    if len(fitted) < len(text):
        assert len(text[: len(fitted) + 1].encode("gb18030")) > limit


# --- DXF ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawing_file(tmp_path_factory):
    return dxf.write(rich(), tmp_path_factory.mktemp("dxf") / "县.dxf")


def test_dxf_is_sound_r2010_utf8_metres(drawing_file):
    drawing = ezdxf.readfile(drawing_file)
    audit = drawing.audit()
    assert not audit.errors
    assert not audit.fixes
    assert drawing.dxfversion == "AC1024"
    assert drawing.units == ezdxf.units.M
    assert drawing.header["$DWGCODEPAGE"] == "ANSI_936"
    assert "村庄" in drawing_file.read_text(encoding="utf-8")
    assert "\\U+" not in drawing_file.read_text(encoding="utf-8")
    style = drawing.styles.get("HZ")
    assert (style.dxf.font, style.dxf.bigfont) == ("txt.shx", "gbcbig.shx")


def test_dxf_layers_blocks_and_attributes(drawing_file):
    results = rich()
    drawing = ezdxf.readfile(drawing_file)
    space = drawing.modelspace()
    names = {layer.dxf.name for layer in drawing.layers}
    assert {"村庄", "村庄-注记", "道路", "示范廊带线", "里程桩", "廊带影响区"} <= names
    inserts = space.query('INSERT[layer=="村庄"]')
    assert len(inserts) == len(results.villages)
    by_code = {i.get_attrib_text("CODE"): i for i in inserts}
    for row in results.villages.itertuples():
        insert = by_code[row.code]
        assert insert.get_attrib_text("NAME") == dxf.plain(row.name)
        assert insert.dxf.insert.x == pytest.approx(row.geometry.x, abs=1e-6)
        assert insert.dxf.insert.y == pytest.approx(row.geometry.y, abs=1e-6)
    outline = next(iter(space.query('LWPOLYLINE[layer=="县域范围（非标准界线）"]')))
    assert outline.closed
    ring = results.boundary.geometry.iloc[0].exterior
    assert len(outline) == len(ring.coords) - 1


def test_dxf_by_gdal(drawing_file):
    results = rich()
    # GDAL goes by the code page in the header, not by the release.
    pyogrio.set_gdal_config_options({"DXF_ENCODING": "UTF-8"})
    try:
        table = pyogrio.read_dataframe(drawing_file, encoding="UTF-8")
    finally:
        pyogrio.set_gdal_config_options({"DXF_ENCODING": None})
    stakes = table[table["Layer"] == "里程桩-注记"]
    expected = frames(results)["stakes"][1]["stake"]
    assert sorted(stakes["Text"]) == sorted(expected)
    imprint = set(table.loc[table["Layer"] == "图廓注记", "Text"])
    assert {"合成数据", "内部工作图·未经审核不得公开"} <= imprint


def test_presumed_things_are_dashed(tmp_path):
    drawing = ezdxf.readfile(dxf.write(thin(), tmp_path / "a.dxf"))
    lines = drawing.modelspace().query('LWPOLYLINE[layer=="推定连接（非道路）"]')
    assert len(lines)
    assert {line.dxf.linetype for line in lines} == {"DASHED"}


def test_dxf_codes_in_names_are_disarmed(drawing_file):
    assert dxf.plain("%%d\\U+4E00^J{\\fArial;村}") == "％％d＼U+4E00＾J｛＼fArial;村｝"
    assert "%%d" not in drawing_file.read_text(encoding="utf-8")
    with pytest.raises(UsageError):
        dxf.write(thin(), drawing_file.with_name("b.dxf"), scale=0)


# --- KML ------------------------------------------------------------------------------------


def test_kml_holds_every_placed_feature_in_wgs84(tmp_path):
    results = rich()
    path = kml.write(results, tmp_path / "a.kml")
    root = ET.parse(path).getroot()
    villages = next(
        f
        for f in root.iter(f"{KML}Folder")
        if f.findtext(f"{KML}name") == "村庄" and f.find(f"{KML}Placemark") is not None
    )
    marks = villages.findall(f"{KML}Placemark")
    assert len(marks) == len(results.villages)
    transform = pyproj.Transformer.from_crs(CRS, "EPSG:4326", always_xy=True)
    for mark, row in zip(marks, results.villages.itertuples(), strict=True):
        lon, lat = map(float, mark.findtext(f"{KML}Point/{KML}coordinates").split(","))
        assert (lon, lat) == pytest.approx(
            transform.transform(row.geometry.x, row.geometry.y), abs=1e-6
        )
        codes = [
            d.findtext(f"{KML}value") for d in mark.iter(f"{KML}Data") if d.get("name") == "code"
        ]
        assert codes == [row.code]
    styles = {s.get("id") for s in root.iter(f"{KML}Style")}
    assert {u.text.removeprefix("#") for u in root.iter(f"{KML}styleUrl")} <= styles


def test_kml_by_gdal_and_kmz_is_the_same(tmp_path):
    results = rich()
    plain = kml.write(results, tmp_path / "a.kml")
    read = gpd.read_file(plain, layer="乡镇驻地")
    assert sorted(read["Name"]) == sorted(results.townships["township"])
    with zipfile.ZipFile(kml.write(results, tmp_path / "a.kmz")) as archive:
        assert archive.namelist() == ["doc.kml"]
        assert archive.read("doc.kml") == plain.read_bytes()


def test_kml_has_no_markup_no_address_and_no_computed_areas(tmp_path):
    text = kml.write(thin(), tmp_path / "a.kml").read_text(encoding="utf-8")
    root = ET.fromstring(text)
    words = [e.text or "" for e in root.iter()]
    assert not [w for w in words if "<" in w or "&" in w]
    assert "＜img src=x onerror=alert(1)＞" in words
    assert not list(root.iter(f"{KML}href"))
    assert "非界线" not in text.replace("非标准界线", "")


# --- QGIS project ---------------------------------------------------------------------------


def test_project_names_layers_that_exist_by_relative_path(tmp_path):
    results = rich()
    package, project = export.write_layers(results, tmp_path)
    with zipfile.ZipFile(project) as archive:
        (name,) = archive.namelist()
        assert name.endswith(".qgs")
        text = archive.read(name).decode("utf-8")
    assert str(tmp_path) not in text
    root = ET.fromstring(text)
    there = {str(n) for n, kind in pyogrio.list_layers(package) if kind}
    ids = []
    for layer in root.iter("maplayer"):
        source, _, name = layer.findtext("datasource").partition("|layername=")
        assert (project.parent / source).resolve() == package.resolve()
        assert name in there
        fields = set(pyogrio.read_info(package, layer=name)["fields"])
        renderer = layer.find("renderer-v2")
        assert renderer.get("attr") is None or renderer.get("attr") in fields
        assert layer.findtext("srs/spatialrefsys/authid") == "EPSG:4547"
        ids.append(layer.findtext("id"))
    tree = [node.get("id") for node in root.iter("layer-tree-layer")]
    assert sorted(ids) == sorted(tree) == sorted(item.text for item in root.iter("item"))
    # Seen in QGIS 3.22: a layer whose id has no underscore is dropped on reading.
    assert all("_" in i for i in ids)
    assert root.findtext("properties/Paths/Absolute") == "false"


def test_project_may_stand_elsewhere(tmp_path):
    project = qgis.write(thin(), tmp_path / "p" / "a.qgz", tmp_path / "data" / "b.gpkg")
    with zipfile.ZipFile(project) as archive:
        text = archive.read("a.qgs").decode("utf-8")
    assert "./../data/b.gpkg|layername=villages" in text


# --- GeoParquet and COG ---------------------------------------------------------------------


def test_parquet_keeps_types_crs_and_boxes(tmp_path):
    results = rich()
    export.write_layers(results, tmp_path, formats=("parquet",))
    for key, (_, frame) in frames(results).items():
        path = tmp_path / "parquet" / f"{key}.parquet"
        back = gpd.read_parquet(path)
        assert back.crs == results.crs
        assert back.geometry.geom_equals(frame.geometry).all()
        for column in frame.columns.drop("geometry"):
            pd.testing.assert_series_equal(back[column], frame[column], check_dtype=False)
    minx, miny, maxx, maxy = results.villages.total_bounds
    middle = (minx, miny, (minx + maxx) / 2, maxy)
    part = gpd.read_parquet(tmp_path / "parquet" / "villages.parquet", bbox=middle)
    inside = results.villages.cx[middle[0] : middle[2], middle[1] : middle[3]]
    assert sorted(part["code"]) == sorted(inside["code"])


def test_cog_is_tiled_with_overviews_and_comes_back(tmp_path):
    rng = np.random.default_rng(3)
    values = rng.normal(800, 100, (1100, 1300))
    values[:10] = np.nan
    transform = rasterio.Affine(30, 0, 400_000, 0, -30, 3_960_000)
    path = raster.write_cog(
        values,
        transform,
        CRS,
        tmp_path / "高程.tif",
        title="高程",
        unit="m",
        tags={"来源": "合成数据"},
    )
    with rasterio.open(path) as back:
        assert back.crs.to_epsg() == 4547
        assert back.transform == transform
        assert back.descriptions == ("高程",)
        assert back.units == ("m",)
        assert back.tags()["来源"] == "合成数据"
        assert back.block_shapes == [(512, 512)]
        assert back.overviews(1)
        assert back.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        np.testing.assert_array_equal(back.read(1), values.astype("float32"))
    again = raster.write_cog(
        values,
        transform,
        CRS,
        tmp_path / "b.tif",
        title="高程",
        unit="m",
        tags={"来源": "合成数据"},
    )
    assert again.read_bytes() == path.read_bytes()
    with pytest.raises(UsageError, match="二维"):
        raster.write_cog(values[0], transform, CRS, tmp_path / "c.tif", title="x")


def test_cog_keeps_integers_and_their_nodata(tmp_path):
    values = np.arange(12, dtype="int16").reshape(3, 4)
    transform = rasterio.Affine(10, 0, 50, 0, -10, 90)
    path = raster.write_cog(values, transform, CRS, tmp_path / "a.tif", title="x", nodata=-1)
    with rasterio.open(path) as back:
        assert back.dtypes == ("int16",)
        assert back.nodata == -1
        np.testing.assert_array_equal(back.read(1), values)


def test_hostile_names_survive_wherever_text_is_only_text(tmp_path):
    results = thin()
    export.write_layers(results, tmp_path, formats=("gpkg", "parquet"))
    package = pyogrio.read_dataframe(tmp_path / "test.gpkg", layer="villages")
    table = gpd.read_parquet(tmp_path / "parquet" / "villages.parquet")
    for back in (package, table):
        assert back["name"].head(len(HOSTILE)).tolist() == list(HOSTILE)
