"""Layers as offices send them: zipped, incomplete, elsewhere, with the wrong geometry."""

import warnings
import zipfile

import geopandas as gpd
import pytest
import shapely
from test_cli import call

from qianwan_gis import _io
from qianwan_gis._errors import ProblemLog

LINES = [
    shapely.LineString([(113.9, 36.0), (114.0, 36.0)]),
    shapely.LineString([(113.9, 36), (114, 36.1)]),
]


def frame(geometry=LINES, crs="EPSG:4326", **columns):
    columns = columns or {"等级": ["四级", "等外"]}
    return gpd.GeoDataFrame(columns, geometry=list(geometry), crs=crs)


def faults(path, **options):
    log = ProblemLog()
    _io.read_layer(path, log=log, **options)
    return [(p.code, p.file) for p in log.errors], " ".join(str(p) for p in log)


@pytest.fixture
def zipped(tmp_path):
    """Return a function that zips a Shapefile without some of its parts."""

    def make(*without, name="道路.zip"):
        frame().to_file(tmp_path / "道路.shp", encoding="GBK")
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for part in (".shp", ".shx", ".dbf", ".prj"):
                if part not in without:
                    archive.write(tmp_path / f"道路{part}", f"送审/道路{part}")
        return tmp_path / name

    return make


def test_a_zipped_shapefile_is_read(zipped):
    read = _io.read_layer(zipped(), kind="LineString")
    assert list(read["road_class"]) == ["四级", "等外"]


def test_what_a_zipped_shapefile_lacks_is_told_of_the_archive(zipped, tmp_path):
    assert faults(zipped(".prj"))[0] == [("no_crs", "道路.zip")]
    found, text = faults(zipped(".dbf"))
    assert found == [("damaged_file", "道路.zip")]
    assert ".dbf" in text
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04 junk")
    assert faults(tmp_path / "b.zip")[0] == [("damaged_file", "b.zip")]
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("说明.txt", "无")
    assert faults(tmp_path / "c.zip")[0] == [("unknown_format", "c.zip")]


def test_a_crs_that_there_is_not(zipped):
    for path in (zipped(".prj"),):
        found, text = faults(path, crs="西安80")
        assert found == [("bad_crs", "道路.zip")]
        assert "EPSG:4490" in text


def test_faults_are_in_chinese(tmp_path):
    frame().to_file(tmp_path / "a.gpkg", layer="道路")
    found, text = faults(tmp_path / "a.gpkg", layer="没有")
    assert found == [("missing_layer", "a.gpkg")]
    assert "现有：道路" in text
    (tmp_path / "b.geojson").write_text('{"type":"FeatureColl')
    (tmp_path / "c.gpkg").mkdir()
    assert "可能已损坏" in faults(tmp_path / "b.geojson")[1]
    assert "是文件夹" in faults(tmp_path / "c.gpkg")[1]
    assert "几何类型不是点" in faults(tmp_path / "a.gpkg", kind="Point")[1]
    for name in ("a.xls", "a.docx", "a.pdf"):
        (tmp_path / name).write_bytes(b"x")
        assert ".xlsx" in faults(tmp_path / name)[1]


def spoil(folder, name, change):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = gpd.read_file(folder / name)
        (folder / name).unlink()
        change(table).to_file(folder / name)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [("roads/roads.gpkg", lambda t: t.set_geometry(t.translate(1e6, 0)), ("roads.gpkg", "不在本县")),
     ("roads/roads.gpkg", lambda t: t.set_crs(3857, allow_override=True), ("roads.gpkg", "不在本县")),
     ("boundaries/areas.gpkg", lambda t: t[["geometry"]], ("areas.gpkg", "名称字段")),
     ("corridor/stakes.gpkg", lambda t: t.assign(chainage="K一"), ("stakes.gpkg", "不是桩号"))],
)  # fmt: skip
def test_layers_of_a_county(capsys, monkeypatch, own_demo, name, change, words):
    spoil(own_demo, name, change)
    code, text = call(capsys, monkeypatch, "check", own_demo)
    assert code == 1
    for word in words:
        assert word in text


def test_township_areas_of_other_names_are_told(capsys, monkeypatch, own_demo):
    spoil(own_demo, "boundaries/townships.gpkg",
          lambda t: t.assign(**{c: "别的镇" for c in t.columns if c in ("township", "name")}))  # fmt: skip
    code, text = call(capsys, monkeypatch, "check", own_demo)
    assert code == 0
    assert "图层里有：别的镇" in text
