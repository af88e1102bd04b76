"""Indicators: counts by hand, the people rule, disclosure from the data, and the first-run numbers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import serv_tables as t

from qianwan_gis import indicators as ind
from qianwan_gis._errors import DataError, UsageError
from qianwan_gis._text import Text
from qianwan_gis.schemas import TARGETS, Inventory, find_problems
from qianwan_gis.services import registry


def coverage(codes, covered, service="clinic", tier="village", reason="ok"):
    one = next(s for s in registry.services() if (s.service, s.tier) == (service, tier))
    return registry.rows(
        codes, one,
        {"covered": pd.array(covered, dtype="boolean"), "reason": reason, "basis": "recorded"},
    )  # fmt: skip


PLACES = t.villages(
    [(i, 0) for i in range(5)],
    township=["甲镇", "甲镇", "乙镇", "乙镇", "乙镇"],
    lists=["省级;市级", "市级", "", "省级", ""],
    category=["精品示范村", "提档升级村", "", "提档升级村", ""],
    population=[100, 200, 300, 400, 500],
    population_kind="registered",
    population_year=[2018, 2019, 2020, 2021, 2022],
)
COVER = coverage(PLACES["code"], [True, False, True, None, True])


def row(table, **where):
    for name, value in where.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_counts_by_every_group():
    made = row(ind.summary(COVER, PLACES, "county", county="某县"), county="某县")
    assert made[["villages", "assessed", "covered", "uncovered", "unknown"]].tolist() == [
        5,
        4,
        3,
        1,
        1,
    ]
    assert made["share"] == 0.75
    assert made[["people", "people_assessed", "people_covered"]].tolist() == [1500, 1100, 900]
    assert np.isnan(made["share_people"])  # 1100 of 1500 people assessed are fewer than 80 %
    assert made["people_kind"] == "户籍 2018–2022"
    towns = ind.summary(COVER, PLACES, "township")
    assert row(towns, township="甲镇")["share"] == 0.5
    assert np.isnan(row(towns, township="乙镇")["share"])  # two of three assessed
    lists = ind.summary(COVER, PLACES, "list")  # a village on both lists counts in both
    assert lists.set_index("list")["villages"].to_dict() == {"省级": 2, "市级": 2}
    kinds = ind.summary(COVER, PLACES, "category")
    assert kinds.set_index("category")["villages"].to_dict() == {"提档升级村": 2, "精品示范村": 1}
    with pytest.raises(UsageError):
        ind.summary(COVER, PLACES, "river")  # type: ignore[arg-type]


def test_zones_are_cumulative_and_empty_without_a_corridor():
    near = pd.DataFrame({"code": PLACES["code"][:3], "within_m": [1000.0, 1000.0, 2000.0]})
    made = ind.summary(COVER, PLACES, "zone", corridor_villages=near)
    assert made.set_index("zone")["villages"].to_dict() == {"1000": 2, "2000": 3}
    assert ind.summary(COVER, PLACES, "zone").empty


def test_shares_need_most_villages_assessed():
    # Against a partial register only "covered" can be said: 1 of 1 assessed is not 100 %.
    made = ind.summary(coverage(PLACES["code"], [True, None, None, None, None]), PLACES, "county")
    assert made["assessed"].tolist() == [1]
    assert np.isnan(made["share"].iloc[0])
    # ... nor are 5 of 5 against an assumed register, which could never have said "not covered".
    every = coverage(PLACES["code"], [True] * 5)
    for inventory, shown in (("assumed", False), ("complete", True)):
        made = ind.summary(every, PLACES, "county", inventories={("clinic", "village"): inventory})
        assert np.isfinite(made["share"].iloc[0]) == shown
    assert np.isnan(ind.summary(every, PLACES, "county")["share"].iloc[0])


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({}, True),
        ({"population_year": [2005, 2019, 2020, 2021, 2022]}, True),  # four of five
        ({"population_year": [2005, 2006, 2020, 2021, 2022]}, False),
        ({"population_kind": ["resident", "resident", "registered", "registered", "registered"]}, False),
        ({"population": [np.nan, np.nan, 1, 1, 1]}, False),
        ({"population_year": np.nan}, False),
    ],
)  # fmt: skip
def test_people_only_under_one_definition(change, shown):
    made = ind.summary(COVER, PLACES.assign(**change), "county").iloc[0]
    assert np.isfinite(made["people"]) == shown
    full = ind.Disclosure.of(
        PLACES.assign(**change), {}, network=SimpleNamespace(presumed=np.zeros(1))
    )
    assert full.people == shown


def net(presumed):
    return SimpleNamespace(presumed=np.array([presumed]))


def test_disclosure_follows_the_data_not_the_county():
    complete = {("clinic", "village"): Inventory.COMPLETE, ("water", "works"): Inventory.COMPLETE}
    rich = ind.Disclosure.of(PLACES, complete, network=net(False), corridor_basis="surveyed",
                             terrain_cell_m=30.0, own_township_areas=True)  # fmt: skip
    assert rich == ind.Disclosure()
    thin = ind.Disclosure.of(
        PLACES.assign(basis=["point", "region", "region", "region", "none"], population=np.nan),
        {("clinic", "village"): Inventory.PARTIAL, ("water", "works"): Inventory.NONE},
        network=net(True), corridor_basis="presumed", terrain_cell_m=500.0,
    )  # fmt: skip
    names = ["county_shares", "people", "stakes", "isochrones", "decimal_minutes", "siting", "slopes",
             "cells"]  # fmt: skip
    assert not any(getattr(thin, name) for name in names)
    assert not thin.red_uncovered("water")
    assert not thin.red_uncovered("clinic")
    assert set(thin.reasons) == {*names, "red_uncovered"}
    assert all(isinstance(r, Text) and r.zh and r.en for r in thin.reasons.values())
    assert "5个村中只有1个有点位" in str(thin.reasons["siting"])
    mixed = ind.Disclosure.of(PLACES, complete | {("sewage", "sewer"): Inventory.NONE},
                              network=net(False))  # fmt: skip
    assert mixed.red_uncovered("clinic")
    assert not mixed.red_uncovered("sewage")
    assert mixed.county_shares
    assert not mixed.stakes  # no corridor at all


def test_what_to_collect_first_counts_what_waits():
    places = PLACES.assign(basis=["point", "region", "region", "point", "point"], population=np.nan)
    cover = pd.concat([
        coverage(places["code"], [True, None, None, None, None],
                 reason=["ok", "inventory_incomplete", "inventory_incomplete", "undecided", "same_point"]),
        coverage(places["code"], [None] * 5, "water", "works", "no_works_register"),
    ])  # fmt: skip
    made = ind.to_collect(
        cover, places, {("clinic", "village"): Inventory.PARTIAL}, network=net(True)
    )
    assert made["rank"].tolist() == list(range(1, len(made) + 1))
    counts = {str(k): int(v) for k, v in zip(made["item"], made["villages"], strict=True)}
    assert next(iter(counts)) == "名单村的位置（村委会坐标）"
    assert counts["名单村的位置（村委会坐标）"] == 1
    assert counts["其余村的位置（村委会坐标）"] == 1
    assert counts["供水工程名录（位置、容量、服务村）"] == 5
    assert counts["村卫生室名录（位置、容量、服务村）"] == 3
    assert "5个村中3个因此不能判定" in str(
        made["why"][made["item"].map(str) == "村卫生室名录（位置、容量、服务村）"].iloc[0]
    )
    nothing = ind.to_collect(COVER.assign(reason="ok"), PLACES, {("clinic", "village"): "complete"},
                             network=net(False), corridor_basis="surveyed", has_terrain=True)  # fmt: skip
    assert nothing.empty


# ---- targets --------------------------------------------------------------------------------

HEAD = "id,scope,topic,year,kind,relation,value,unit,department,quote,source,plausibility,status\n"


def targets(tmp_path, *lines):
    path = tmp_path / "targets.csv"
    path.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_targets_are_read_and_checked(tmp_path):
    made = ind.read_targets([targets(
        tmp_path,
        "A1,甲县,普及率,2025,target,>=,89,%,住建局,普及率89%,文,ok,no data",
        "A2,甲县,利用率,2025,target,>=,190,%,住建局,x,文,ok,no data",
        "A3,甲县,供水能力,2025,target,=,50000,m³/d,水务局,供水5万m³/d惠及7.7万人,文,ok,no data",
        "A4,甲县,供水人口,2025,target,=,7.7,万人,水务局,供水5万m³/d惠及7.7万人,文,ok,no data",
    )])  # fmt: skip
    assert not find_problems(made, TARGETS, file="t").errors
    doubt = made.set_index("id")["plausibility"]
    assert doubt["A1"] == doubt["A4"] == "ok"
    assert "100%" in doubt["A2"]
    assert "649升" in doubt["A3"]  # 50 000 m³/d for 77 000 people
    moved = ind.progress(made, {"A1": 90.0, "A2": 300.0})
    assert moved["status"].tolist() == ["measured", "measured", "no data", "no data"]
    assert moved["met"].tolist() == [True, pd.NA, pd.NA, pd.NA]  # a doubtful figure is not compared


def test_bad_targets_are_all_named(tmp_path):
    path = targets(tmp_path, "A1,,t,2025,target,=,abc,%,d,q,s,ok,no data",
                   "A1,甲县,t,2025,wish,=,1,%,d,q,s,ok,no data")  # fmt: skip
    with pytest.raises(DataError) as caught:
        ind.read_targets([path])
    assert {(p.code, p.row) for p in caught.value.problems} >= {
        ("null_value", 1), ("not_a_number", 1), ("unknown_value", 2),
    }  # fmt: skip


def test_carried_targets_are_plausible_or_say_why():
    from qianwan_gis import settings

    folder = settings.data_dir() / "targets"
    made = ind.read_targets(sorted(folder.glob("*.csv")))
    assert (made["status"] == "no data").all()
    # Changzhi's figures are not Zezhou's: each row holds for its own scope
    assert not made.loc[made["id"].str.startswith("ZZ"), "scope"].str.contains("长治").any()


# ---- the first run --------------------------------------------------------------------------


def test_first_run_numbers_count_lists_and_places():
    lists = pd.DataFrame({
        "list": ["省级", "省级", "市级", "市级", "市级"],
        "township": "甲镇",
        "name": ["a", "b", "a", "c", "d"],
        "category_printed": ["精品示范村", "提档升级村", "提档升级村", "精品示范村", "精品示范村"],
        "category": ["精品示范村", "提档升级村", "提档升级村", "提档升级村", "精品示范村"],
        "code": ["1", "2", "1", "3", ""],
    })  # fmt: skip
    places = t.villages([(0, 0), (5, 5), (5, 5), None], lists="市级",
                        match=["landmark", "settlement", "settlement", "township"],
                        basis=["point", "point", "point", "region"],
                        evidence=["1911年图层", "", "1911年图层", ""])  # fmt: skip
    cover = coverage(places["code"], [None] * 4, tier="township",
                     reason=["undecided", "same_point", "same_point", "undecided"])  # fmt: skip
    made = ind.first_run_numbers(lists, places, cover).set_index("key")["value"]
    assert made["list_rows"] == "5"
    assert made["list_省级"] == "2: 1/1"
    assert made["list_市级"] == "3: 2/1 → 1/2"
    assert made[["both", "only_省级", "only_市级", "distinct", "without_code"]].tolist() == [
        "1", "1", "2", "4", "1"]  # fmt: skip
    assert (made["points_own"], made["points_1911"]) == ("1", "1")
    assert made["points_shared"] == "2/1"
    assert made["places"] == "2"
    assert made["region_only"] == "1"
    assert made["same_point_clinic_township"] == "2 (2)"
    assert made["assessed_clinic_township"] == "0/4"
