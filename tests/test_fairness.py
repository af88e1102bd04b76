"""Life circles, equity and the Rural Access Index of a county: by hand, and what thin data withhold."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from serv_tables import CRS, X0, Y0, facilities, villages
from shapely import LineString

from qianwan_gis import access, indicators
from qianwan_gis.network import RoadNetwork
from qianwan_gis.report.fairness import withheld
from qianwan_gis.schemas import Inventory
from qianwan_gis.services import fairness
from qianwan_gis.services.choices import Choices
from qianwan_gis.standards import Standards

# Five villages on one road of 4 km/h: minutes on foot are metres / 66.67.
X = np.array([0.0, 500.0, 1000.0, 3000.0, 5000.0])
PEOPLE = np.array([100.0, 200.0, 300.0, 100.0, 300.0])


def county(*, inventory=Inventory.COMPLETE, schools=None, surface="沥青", points=5, presumed=False):
    homes = villages(
        [(x, 0.0) if i < points else None for i, x in enumerate(X)], population=PEOPLE,
        population_kind="resident", population_year=2020.0,
        township=["甲镇", "甲镇", "乙镇", "乙镇", "乙镇"],
        category=["精品示范村", "", "", "提档升级村", "提档升级村"],
    )  # fmt: skip
    basis = "presumed" if presumed else "surveyed"
    nodes = pd.DataFrame({"node": range(5), "x": X0 + X, "y": Y0})
    edges = pd.DataFrame({"u": range(4), "v": range(1, 5), "seconds": np.diff(X) * 0.9,
                          "metres": np.diff(X), "basis": basis, "presumed": presumed,
                          "road_id": [str(i) for i in range(4)]})  # fmt: skip
    road = RoadNetwork.from_edges(nodes, edges, CRS, mode="walk")
    stock = facilities([(0.0, 0.0), (3000.0, 0.0)])
    registers = {("clinic", "village"): inventory}
    if schools is not None:
        more = facilities([(x, 0.0) for x in schools], service="school", tier="primary")
        more["facility_id"] = [f"S{i}" for i in range(len(more))]
        stock = gpd.GeoDataFrame(pd.concat([stock, more], ignore_index=True), crs=CRS)
        registers["school", "primary"] = Inventory.COMPLETE
    roads = gpd.GeoDataFrame(
        {"road_id": [str(i) for i in range(4)], "road_class": "village", "status": "existing",
         "surface": surface, "basis": basis},
        geometry=[LineString([(X0 + a, Y0), (X0 + b, Y0)]) for a, b in itertools.pairwise(X)],
        crs=CRS,
    )  # fmt: skip
    return SimpleNamespace(
        villages=homes, roads=roads, facilities=stock, inventories=registers, network=road,
        gazetteer=SimpleNamespace(units=pd.DataFrame({"code": homes["code"]})), choices=Choices(),
        standards=Standards.load({"life_circle.services": ["clinic.village", "school.primary"]}),
        disclosure=indicators.Disclosure.of(homes, registers, network=road, roads=roads),
    )  # fmt: skip


def test_life_circles_are_counted_by_group():
    found = fairness.assess(county(schools=[500.0, 5000.0]))
    circles = found.circles.set_index("code")
    # Clinics at 0 and 3000, schools at 500 and 5000; a quarter of an hour is 1000 m.
    assert circles["complete"].tolist() == [True, True, True, False, False]
    assert circles["missing"].tolist() == ["", "", "", "school.primary", "clinic.village"]
    groups = found.circle_groups.set_index(["scope", "group"])
    assert groups.loc[("county", "")].tolist() == [5, 3, 2, 0, 0.6]
    assert groups.loc[("township", "甲镇"), "share_complete"] == 1.0


def test_a_service_without_a_register_is_unknown_not_missing():
    found = fairness.assess(county())
    circles = found.circles.set_index("code")
    assert circles["complete"].isna().sum() == 4  # within reach of a clinic, school not known
    assert not circles["complete"].iloc[
        4
    ]  # no clinic either: incomplete whatever schools there are
    assert (circles["unknown"] == "school.primary").all()
    assert np.isnan(found.circle_groups["share_complete"].iloc[0])


def test_equity_by_hand():
    table = fairness.assess(county()).equity.set_index(["scope", "group"])
    # Catchment 30 min = 2000 m in steps of 10, 20, 30 min (667, 1333, 2000 m): 1, 0.68, 0.22.
    near = np.abs(X[:, None] - np.array([0.0, 3000.0]))
    weight = np.select([near <= 2000 / 3, near <= 4000 / 3, near <= 2000], [1.0, 0.68, 0.22], 0.0)
    score = weight @ (1.0 / (PEOPLE @ weight))
    row = table.loc[("county", "")]
    assert row["weighed_by"] == "people"
    assert row["mean"] == pytest.approx(1000 * (score @ PEOPLE) / PEOPLE.sum())
    assert row["gini"] == pytest.approx(access.gini(pd.Series(score), pd.Series(PEOPLE)))
    minutes = near.min(axis=1) / (4000 / 60)
    assert row["minutes_mean"] == pytest.approx((minutes @ PEOPLE) / PEOPLE.sum(), abs=0.051)
    assert row["minutes_worst"] == pytest.approx(30.0, abs=0.051)  # the far village holds a tenth
    assert table.loc[("township", "甲镇"), "of"] == 2
    assert set(table.index.get_level_values("scope")) == {"county", "township", "category"}
    # All that is given is what the clinics hold.
    assert score @ PEOPLE == pytest.approx(2.0)


def test_minutes_of_everybody_are_not_those_of_the_others():
    """A village on a road of its own reaches no clinic: no mean of everybody exists."""
    plan = county()
    nodes = pd.DataFrame({"node": range(6), "x": X0 + np.r_[X, 5200.0], "y": Y0})
    edges = pd.DataFrame({"u": [0, 1, 2, 4], "v": [1, 2, 3, 5],
                          "seconds": np.r_[np.diff(X)[:3], 200.0] * 0.9,
                          "metres": np.r_[np.diff(X)[:3], 200.0], "road_id": list("abcd")})  # fmt: skip
    plan.network = RoadNetwork.from_edges(nodes, edges, CRS, mode="walk")
    table = fairness.assess(plan).equity.set_index(["scope", "group"])
    minutes = table[["minutes_mean", "minutes_worst"]]
    assert minutes.loc[[("county", ""), ("township", "乙镇")]].isna().all(axis=None)
    assert minutes.loc[("township", "甲镇")].notna().all()
    assert table.loc[("county", ""), "origins"] == 5  # the score counts it: nothing in reach is 0


def test_rural_access_needs_surfaces_and_counts_doubt():
    made = fairness.assess(county()).rural_access.set_index("method")
    assert made.loc["straight", ["within", "assessed"]].tolist() == [5, 5]
    assert made.loc["network", "share_people"] == 1.0
    gravel = fairness.assess(county(surface=["沥青", "土路", "土路", "土路"])).rural_access
    # Only the first 500 m are sealed: 2000 m further on, so villages at 0, 500 and 1000.
    assert gravel["within"].tolist() == [3, 3]
    assert gravel["share_people"].tolist() == [0.6, 0.6]
    unsure = county(surface=["沥青", "土路", "土路", "土路"])
    unsure.villages["uncertainty_m"] = [0.0, 0.0, 1600.0, 0.0, 3000.0]
    straight = fairness.assess(unsure).rural_access.iloc[0]
    assert (straight["within_low"], straight["within"], straight["within_high"]) == (2, 3, 4)
    bare = fairness.assess(county(surface=""))
    assert bare.rural_access.empty
    assert "路面" in bare.withheld["rural_access"].zh


@pytest.mark.parametrize(
    ("thin", "left_out"),
    [
        ({"points": 3}, {"equity", "rural_access"}),
        ({"presumed": True}, {"circles", "equity", "rural_access"}),
        ({"inventory": Inventory.PARTIAL}, {"clinic_village"}),
    ],
)
def test_thin_data_withhold_and_say_why(thin, left_out):
    plan = county(**thin)
    found = fairness.assess(plan)
    assert left_out <= set(found.withheld)
    for key, frame in (("equity", found.equity), ("rural_access", found.rural_access),
                       ("circles", found.circles)):  # fmt: skip
        if key in left_out or (key == "equity" and "clinic_village" in left_out):
            assert frame.empty
    said = withheld(SimpleNamespace(fairness=found))
    assert all(text.zh and text.en for text in said)
    assert len(said) == len(found.withheld)


def test_nothing_depends_on_row_order():
    plan, other = county(schools=[500.0]), county(schools=[500.0])
    other.villages = other.villages.iloc[::-1].reset_index(drop=True)
    other.facilities = other.facilities.iloc[::-1].reset_index(drop=True)
    one, two = fairness.assess(plan), fairness.assess(other)
    pd.testing.assert_frame_equal(one.equity, two.equity)
    pd.testing.assert_frame_equal(one.circles, two.circles)
    pd.testing.assert_frame_equal(one.circle_groups, two.circle_groups)
    pd.testing.assert_frame_equal(one.rural_access, two.rural_access)
