"""农村饮水安全评价 by the register: limits by hand, gaps named, nothing assumed."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qianwan_gis import facilities as facility_files
from qianwan_gis._errors import ProblemLog
from qianwan_gis.county import FacilitySpec
from qianwan_gis.schemas import Inventory
from qianwan_gis.services import registry, water
from qianwan_gis.services._water import safety
from qianwan_gis.standards import Standards

NORMS = Standards.load()
GOOD = {"quality": "合格", "quantity_lpcd": 60, "to_house": "是", "reliability_percent": 97}


def tables(*rows, people=1000.0, capacity=100.0):
    """One works, and a row of the register of supplies per village."""
    codes = [f"v{i}" for i in range(len(rows))]
    villages = pd.DataFrame({"code": codes, "name": codes, "township": "t", "population": people})
    works = pd.DataFrame({"facility_id": ["w"], "name": ["水厂"], "capacity": [capacity],
                          "village_code": ""})  # fmt: skip
    supplies = pd.DataFrame([{"facility_id": "w", "code": c, **r} for c, r in
                             zip(codes, rows, strict=True)])  # fmt: skip
    return villages, works, supplies


def verdict(row, norms=NORMS, **options):
    return safety.assess(*tables({**GOOD, **row}, **options), norms).iloc[0]


@pytest.mark.parametrize(
    ("row", "grade"),
    [
        ({}, "safe"),
        # every limit itself is met
        ({"quantity_lpcd": 50}, "safe"),
        ({"quantity_lpcd": 49.9}, "basic"),
        ({"quantity_lpcd": 35}, "basic"),
        ({"quantity_lpcd": 34.9}, "unsafe"),
        ({"reliability_percent": 95}, "safe"),
        ({"reliability_percent": "90%"}, "basic"),
        ({"reliability_percent": 89.9}, "unsafe"),
        ({"reliability_percent": "", "outage_days": 18}, "safe"),
        ({"reliability_percent": "", "outage_days": 36}, "basic"),
        ({"reliability_percent": "", "outage_days": 37}, "unsafe"),
        ({"to_house": "否", "fetch_minutes": 10}, "safe"),
        ({"to_house": "否", "fetch_minutes": 20}, "basic"),
        ({"to_house": "否", "fetch_minutes": 20.5}, "unsafe"),
        ({"to_house": "", "fetch_m": 400, "fetch_height_m": 40}, "safe"),
        ({"to_house": "", "fetch_m": 400, "fetch_height_m": 41}, "basic"),
        ({"to_house": "", "fetch_m": 801}, "unsafe"),
        ({"quality": "基本达标"}, "basic"),
        ({"quality": "不合格"}, "unsafe"),
    ],
)
def test_grades_by_hand(row, grade):
    assert verdict(row)["verdict"] == grade


@pytest.mark.parametrize(
    ("field", "name"),
    [("quality", "quality"), ("to_house", "convenience"), ("reliability_percent", "reliability")],
)
def test_a_missing_field_leaves_the_village_unassessed_and_is_named(field, name):
    found = verdict({field: ""})
    assert (found["verdict"], found["missing"], found["failing"]) == ("unknown", name, "")
    # a criterion that is not met decides even so
    found = verdict({field: "", "quantity_lpcd": 10})
    assert (found["verdict"], found["missing"], found["failing"]) == ("unsafe", name, "quantity")


def test_quantity_is_derived_from_the_capacity_of_the_works():
    found = verdict({"quantity_lpcd": ""}, people=1000.0, capacity=100.0)
    # 100 m³/d for 1000 people, less public use 10 %, leaks 15 %, peak day 1.5
    assert found["quantity_lpcd"] == pytest.approx(100.0 / (1.1 * 1.15 * 1.5), abs=0.05)
    assert (found["quantity_from"], found["quantity_grade"]) == ("derived", "safe")
    two = tables({**GOOD, "quantity_lpcd": ""}, {**GOOD, "quantity_lpcd": ""})
    two[0].loc[1, "population"] = np.nan
    # who else drinks from it is not known, so nothing can be said
    assert safety.assess(*two, NORMS)["missing"].tolist() == ["quantity", "quantity"]


def test_a_dry_area_needs_less():
    dry = NORMS.replace({"water.quantity.dry_area": True})
    assert verdict({"quantity_lpcd": 20}, dry)["verdict"] == "basic"
    assert verdict({"quantity_lpcd": 19}, dry)["verdict"] == "unsafe"


def test_the_villages_row_goes_before_the_works():
    villages, works, supplies = tables({**GOOD}, {**GOOD, "quality": None})
    works["quality"] = "不合格"
    found = safety.assess(villages, works, supplies, NORMS)["quality_grade"]
    assert found.tolist() == ["safe", "unsafe"]


def test_no_works_on_record_is_not_assessed():
    villages, works, supplies = tables(GOOD, GOOD)
    found = safety.assess(villages, works, supplies[:1], NORMS)
    assert found["verdict"].tolist() == ["safe", "unknown"]
    assert found["missing"].tolist() == ["", "works"]
    assert safety.assess(villages, works, None, NORMS)["missing"].tolist() == ["works", "works"]


def test_what_cannot_be_read_is_told_and_missing():
    log = ProblemLog()
    rows = [{**GOOD, "quality": "还行"}, {**GOOD, "reliability_percent": 970},
            {**GOOD, "quantity_lpcd": "六十", "to_house": "大部分"}]  # fmt: skip
    found = safety.assess(*tables(*rows, capacity=np.nan), NORMS, log=log)
    assert found["verdict"].tolist() == ["unknown"] * 3
    assert {(p.row, p.field) for p in log.problems} == {
        ("v0", "quality"), ("v1", "reliability_percent"), ("v2", "quantity_lpcd"),
        ("v2", "to_house"),
    }  # fmt: skip


def test_summary_counts_villages_and_people():
    rows = [GOOD, {**GOOD, "quality": "不合格"}, {**GOOD, "to_house": ""}]
    table = safety.assess(*tables(*rows, people=[10.0, 20.0, np.nan]), NORMS)
    found = safety.summary(table).set_index(["item", "value"])
    assert found.loc[("verdict", "safe"), ["villages", "people"]].tolist() == [1, 10.0]
    assert found.loc[("verdict", "unsafe"), ["villages", "people"]].tolist() == [1, 20.0]
    assert found.loc[("failing", "quality"), "villages"] == 1
    assert found.loc[("missing", "convenience"), "villages"] == 1
    assert np.isnan(found.loc[("missing", "convenience"), "people"])


def test_words_in_both_languages():
    table = safety.assess(*tables({**GOOD, "quality": "不合格", "to_house": ""}), NORMS)
    zh, en = (safety.worded(table, lang).iloc[0] for lang in ("zh", "en"))
    assert (zh["verdict"], zh["failing"]) == ("不安全", "水质")
    assert "入户" in zh["missing"]
    assert (en["verdict"], en["failing"]) == ("not safe", "quality")
    assert "to_house" in en["missing"]


@given(st.floats(0, 200), st.floats(0, 200), st.floats(0, 100), st.floats(0, 100))
def test_more_water_is_never_less_safe(a, b, c, d):
    rank = {"safe": 0, "basic": 1, "unsafe": 2}
    low = verdict({"quantity_lpcd": min(a, b), "reliability_percent": min(c, d)})
    high = verdict({"quantity_lpcd": max(a, b), "reliability_percent": max(c, d)})
    assert rank[high["verdict"]] <= rank[low["verdict"]]


def test_the_fields_come_from_the_registers_files(tmp_path):
    (tmp_path / "works.csv").write_text(
        "facility_id,名称,规模,lon,lat,水质,停水天数\nw1,东水厂,500,112.9,35.5,合格,10\n",
        encoding="utf-8",
    )
    (tmp_path / "supplies.csv").write_text(
        "facility_id,code,入户,人均水量\nw1,v1,是,60\nw1,v2,否,40\n", encoding="utf-8"
    )
    spec = FacilitySpec(path="works.csv", service="water", tier="works", inventory="complete",
                        supplies="supplies.csv", columns={"name": "名称", "capacity": "规模"})  # fmt: skip
    villages = gpd.GeoDataFrame(
        {"code": ["v1", "v2", "v3"], "name": ["甲", "乙", "丙"], "township": "镇",
         "population": 100.0},
        geometry=gpd.points_from_xy([500_000] * 3, [3_930_000] * 3), crs="EPSG:4547",
    )  # fmt: skip
    table = facility_files.read_facilities([spec], crs="EPSG:4547", villages=villages,
                                           resolve=lambda p: tmp_path / p)  # fmt: skip
    supplies = facility_files.read_supplies([spec], villages=villages, facilities=table,
                                            resolve=lambda p: tmp_path / p)  # fmt: skip
    found = water.assess_safety(villages, table, supplies, NORMS).set_index("code")
    assert found["verdict"].to_dict() == {"v1": "safe", "v2": "unknown", "v3": "unknown"}
    assert found["missing"].to_dict() == {"v1": "", "v2": "convenience", "v3": "works"}


def test_coverage_says_what_the_register_says():
    villages, works, supplies = tables(
        GOOD, {**GOOD, "quantity_lpcd": 10}, {**GOOD, "quality": "不合格"}, {**GOOD, "quality": ""}
    )
    table = works.assign(service="water", tier="works", basis="recorded")
    supplies = supplies.assign(service="water", tier="works")
    service = next(s for s in registry.services() if s.service == "water")
    rows = water.coverage(
        service, villages, table, {("water", "works"): Inventory.COMPLETE}, supplies=supplies,
        standards=NORMS,
    ).set_index("code")  # fmt: skip
    assert rows["reason"].to_dict() == {
        "v0": "ok", "v1": "low_quantity", "v2": "water_unsafe", "v3": "ok"
    }  # fmt: skip
    assert rows["covered"].tolist() == [True, False, False, True]
