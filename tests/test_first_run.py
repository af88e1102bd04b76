"""What the first run on Zezhou must say and must not say (the printed lists are the truth)."""

import json
import re
import zipfile

import numpy as np
import pytest

from qianwan_gis import _io
from qianwan_gis.plan import Plan
from qianwan_gis.schemas import COVERAGE, FACILITIES, REGIONS, ROADS, VILLAGES, find_problems


@pytest.fixture(scope="module")
def written(zezhou, tmp_path_factory):
    return zezhou.write(tmp_path_factory.mktemp("outputs") / "zezhou")


@pytest.fixture(scope="module")
def listed(zezhou):
    return zezhou.villages[zezhou.villages["lists"] != ""]


def test_list_rows_and_totals(zezhou):
    table = zezhou.village_list.table
    assert table.groupby("list", sort=False).size().to_dict() == {"省级": 65, "市级": 95}
    totals = zezhou.village_list.totals.set_index(["list", "category"])
    assert totals["printed"].to_dict() == {
        ("省级", "精品示范村"): 5, ("省级", "提档升级村"): 60,
        ("市级", "精品示范村"): 22, ("市级", "提档升级村"): 73,
    }  # fmt: skip
    assert totals.loc["市级", "proposed"].to_dict() == {"精品示范村": 15, "提档升级村": 80}


def test_members_of_both_lists(zezhou, listed):
    keys = {name: set(part["key"]) for name, part in zezhou.village_list.table.groupby("list")}
    assert len(keys["省级"] & keys["市级"]) == 63
    assert len(keys["市级"] - keys["省级"]) == 32
    only = zezhou.village_list.table.set_index("key").loc[list(keys["省级"] - keys["市级"]), "name"]
    assert set(only) == {"山耳东", "北堆"}
    assert len(listed) == 97
    assert listed["code"].str.fullmatch(r"\d{12}").sum() == 93


def test_everybody_is_there_and_nobody_sits_on_a_centroid(zezhou, listed):
    villages = zezhou.villages
    assert len(villages) == 450 + 4
    assert villages["code"].is_unique
    own = listed[(listed["basis"] == "point") & (listed["match"] != "settlement")]
    shared = listed[listed["match"] == "settlement"]
    assert len(own) == 10
    assert len(shared) == 8
    assert shared.geometry.to_wkb().nunique() == 2
    assert own["evidence"].str.contains("1911").sum() == 3
    assert (listed["basis"] == "region").sum() == 79
    assert (villages.geometry.notna() == (villages["basis"] == "point")).all()
    regions = zezhou.regions
    assert set(regions["code"]) == set(villages.loc[villages["basis"] == "region", "code"])
    assert np.allclose(regions.groupby("code")["weight"].sum(), 1.0)
    # no point of a village lies at the middle of its township's area
    centres = regions.dissolve("code").centroid
    points = villages.geometry[villages["basis"] == "point"]
    assert min(centres.distance(p).min() for p in points) > 1.0


@pytest.mark.parametrize(
    ("name", "columns"),
    [("villages", VILLAGES), ("regions", REGIONS), ("roads", ROADS), ("facilities", FACILITIES), ("coverage", COVERAGE)],
)  # fmt: skip
def test_tables_keep_their_contract(zezhou, name, columns):
    assert not find_problems(getattr(zezhou, name), columns, file=name).errors


def test_coverage_says_no_more_than_the_data_bear(zezhou):
    coverage = zezhou.coverage
    assert len(coverage) == len(zezhou.villages) * coverage.groupby(["service", "tier"]).ngroups
    assert not coverage["covered"].eq(False).fillna(False).any()  # no register is complete
    unassessed = coverage["service"].isin(["sewage", "water"])
    assert coverage.loc[unassessed, "covered"].isna().all()
    presumed = coverage[coverage["basis"].isin(["presumed", "assumed"])]
    minutes = presumed[["minutes", "minutes_low", "minutes_high"]].stack().dropna()
    assert (minutes % 1 == 0).all()
    assert (presumed["minutes_low"] <= presumed["minutes_high"])[presumed["minutes"].notna()].all()


def test_villages_on_an_assumed_facility_are_not_assessed(zezhou, listed):
    centre = zezhou.coverage.query("service == 'clinic' and tier == 'township'").set_index("code")
    shared = listed.loc[listed["match"] == "settlement", "code"]
    assert (centre.loc[shared, "reason"] == "same_point").all()
    assert centre.loc[shared, "covered"].isna().all()


def test_what_would_mislead_is_withheld(zezhou):
    withheld = zezhou.disclosure
    for name in (
        "county_shares",
        "people",
        "stakes",
        "isochrones",
        "decimal_minutes",
        "siting",
        "slopes",
        "cells",
    ):
        assert getattr(withheld, name) is False, name
        assert withheld.reasons[name].zh
    assert not withheld.red_uncovered("sewage")
    assert not withheld.red_uncovered("water")


def test_the_presumed_corridor_feeds_nothing(zezhou):
    assert zezhou.corridor.basis == "presumed"
    assert zezhou.corridor_villages is None
    assert zezhou.zones is None
    assert zezhou.summary("zone").empty
    motorway = zezhou.recorded_roads.query("road_class == 'motorway'").union_all()
    line = zezhou.corridor.lines.union_all()
    assert line.intersection(motorway.buffer(1)).length < 500  # it may cross, never follow


def test_outputs_never_show_shares_people_or_stakes(written):
    text = (written / "report.md").read_text(encoding="utf-8")
    page = (written / "map.html").read_text(encoding="utf-8")
    with zipfile.ZipFile(written / "report.docx") as archive:
        word = re.sub(r"<[^>]+>", "", archive.read("word/document.xml").decode("utf-8"))
    for shown in (text, word):
        assert not re.search(r"覆盖[^，。\n]{0,8}\d\s*[%％]", shown)
        assert not re.search(r"K\d+\+\d{3}", shown)
        assert not re.search(r"\d+\.\d+\s*分钟", shown)
    assert not re.search(r"K\d+\+\d{3}", page)
    for shown in (text, word, page):
        assert "内部工作图·未经审核不得公开" in shown
    assert "OpenStreetMap" in page
    assert "非标准界线" in page


def test_record_holds_every_file_and_its_checksum(written, zezhou):
    record = json.loads((written / "run.json").read_text(encoding="utf-8"))
    files = {p.relative_to(written).as_posix() for p in written.rglob("*") if p.is_file()}
    assert files == {*record["outputs"], "run.json"}
    assert {
        "map.html",
        "zezhou.gpkg",
        "tables.xlsx",
        "coverage.csv",
        "report.docx",
        "report.md",
        "atlas.pdf",
    } <= files
    for name, entry in record["outputs"].items():
        assert entry["sha256"] == _io.sha256(written / name)
    assert set(record["inputs"]) >= {"villages/zezhou_2025.csv", "roads/zezhou_main.geojson"}
    assert all(row["source"] or row["status"] for row in record["standards"])


def test_the_same_input_gives_the_same_bytes(written, tmp_path):
    again = Plan.open("zezhou").check().write(tmp_path / "zezhou")
    for path in sorted(written.rglob("*")):
        if path.is_file() and path.name != "run.json":
            assert path.read_bytes() == (again / path.relative_to(written)).read_bytes(), path.name
    records = [json.loads((f / "run.json").read_text(encoding="utf-8")) for f in (written, again)]
    for record in records:
        record.pop("timing")
    assert records[0] == records[1]
