"""Doubts about services: facilities without a place, labels that do not meet, people out of reach."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import serv_tables as t
import shapely

import qianwan_gis as qg
from qianwan_gis.schemas import Inventory
from qianwan_gis.services import access, compute_coverage, services
from qianwan_gis.standards import Standards
from qianwan_gis.uncertainty import Draws

STANDARDS = Standards.load()
DRAWS = Draws(n=40, seed=3)
CLINIC = next(s for s in services() if (s.service, s.tier) == ("clinic", "village"))
LINE = t.network([(0, 0), (1000, 0), (9000, 0)], [(0, 1), (1, 2)])


def cover(villages, facilities):
    return access.coverage(
        CLINIC, villages, DRAWS.positions(villages), LINE, facilities,
        {("clinic", "village"): Inventory.COMPLETE}, STANDARDS, DRAWS,
    ).set_index("code")  # fmt: skip


# ---- facilities without a place ------------------------------------------------------------


def test_a_facility_without_a_place_leaves_the_others_as_uncertain_as_they_are():
    """One in a village that nobody can place must not make the doubt about another one vanish."""
    homes = t.villages([(1000, 0), None])
    one = t.facilities([(0, 0)], uncertainty_m=800.0)
    two = t.facilities([(0, 0), None], uncertainty_m=[800.0, 0.0],
                       village_code=["", homes["code"][1]])  # fmt: skip
    alone, both = cover(homes, one), cover(homes, two)
    code = homes["code"][0]
    assert 0 < alone["p_covered"][code] < 1
    assert both["p_covered"][code] == alone["p_covered"][code]
    assert both["reason"][homes["code"][1]] == "ok"  # it has one inside, wherever it lies


def test_an_assumed_facility_known_by_its_village_alone():
    homes = t.villages([(1000, 0), (2500, 0)])
    inside = t.facilities([None], village_code=[homes["code"][0]], basis="assumed")
    made = cover(homes, inside)
    assert made["reason"].tolist() == ["ok", "over_limit"]
    assert made["minutes"].tolist() == [0.0, 22.5]


# ---- nothing at all --------------------------------------------------------------------------


@pytest.mark.parametrize("homes", [0, 2])
@pytest.mark.parametrize("places", [0, 1])
def test_no_villages_no_facilities_nobody_known(homes, places):
    villages = t.villages([(0, 0), (500, 0)][:homes])
    stock = t.facilities([(0, 0)][:places])
    key = ("clinic", "village")
    table = compute_coverage(
        villages, None, LINE, stock, {key: Inventory.COMPLETE}, STANDARDS, DRAWS,
        backup=True, capacity={key: 1.0},
    )  # fmt: skip
    assert len(table) == len(services()) * homes
    mine = table[table["service"].eq("clinic") & table["tier"].eq("village")]
    assert mine["covered"].tolist() == [places == 1] * homes
    second = access.backup(villages, stock, LINE, minutes=15)
    assert second["within"].tolist() == [places] * homes
    made = access.life_circles(
        villages, stock, LINE, {key: Inventory.COMPLETE}, required={"clinic": key}, limit=15.0
    )
    assert made["complete"].tolist() == [places == 1] * homes


# ---- order ---------------------------------------------------------------------------------


def test_regions_in_another_order_give_the_same_draws():
    """Two halves of one square have one box, one area and one weight."""
    halves = [shapely.Polygon([(0, 0), (9, 0), (0, 9)]), shapely.Polygon([(9, 9), (9, 0), (0, 9)])]
    homes = t.villages([None], basis="region")
    regions = gpd.GeoDataFrame(
        {"code": homes["code"][0], "weight": 0.5}, geometry=halves, index=[0, 1], crs=t.CRS
    )
    one, two = (DRAWS.positions(homes, table).xy for table in (regions, regions.iloc[::-1]))
    assert (one == two).all()


# ---- labels and ways ------------------------------------------------------------------------


def pairs(origins, destinations, cost):
    return pd.DataFrame({"origin": origins, "destination": destinations, "cost": cost})


@pytest.mark.parametrize("size", [2, 150_000])
def test_codes_read_as_numbers_are_told_instead_of_giving_nobody_anything(size):
    places = np.arange(size)
    cost = pairs(places, 0, 1.0)
    people = pd.Series(1.0, index=pd.Index(places.astype(str)))
    with pytest.raises(qg.DataError, match="对不上"):
        qg.access.fca(cost, people, pd.Series({0: 5.0}), 10)
    with pytest.raises(qg.DataError, match="destination"):
        qg.access.fca(cost, pd.Series(1.0, index=places), pd.Series({"0": 5.0}), 10)
    # an island that is not in the table at all is no fault
    island = pd.Series(1.0, index=[size + 1])
    assert qg.access.fca(cost, island, pd.Series({0: 5.0}), 10).tolist() == [0.0]


def test_nobody_is_served_by_a_facility_without_a_way():
    cost = pairs(["a", "b"], ["x", "x"], [np.inf, 1.0])
    made = qg.access.allocate(cost, pd.Series({"a": 5, "b": 1}), pd.Series({"x": 9}), np.inf)
    assert made[["origin", "people", "reason"]].to_numpy().tolist() == [
        ["a", 5.0, "no_facility"],
        ["b", 1.0, "ok"],
    ]


@pytest.mark.parametrize("inventory", ["complete", "assumed"])
def test_a_service_assumed_where_the_village_stands_is_no_proof(inventory):
    homes = t.villages([(0, 0), (50, 0), (600, 0)])
    clinic = t.facilities([(0, 0)], basis="assumed", tier="township")
    made = access.life_circles(
        homes, clinic, LINE, {("clinic", "township"): Inventory(inventory)},
        required={"clinic": ("clinic", "township")}, limit=15.0,
    )  # fmt: skip
    assert made["unknown"].tolist() == ["clinic", "clinic", ""]
    assert made["complete"].isna().tolist() == [True, True, False]
