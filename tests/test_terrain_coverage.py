"""Terrain in a coverage: slopes, the road that costs most, and villages that walk to the road."""

from __future__ import annotations

import re
import shutil

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import serv_tables as t
from affine import Affine
from shapely import LineString, box

from qianwan_gis.network import RoadNetwork, modes
from qianwan_gis.scenarios import Scenario
from qianwan_gis.services import compute_coverage
from qianwan_gis.services.ground import Ground, road_names
from qianwan_gis.services.words import reason_text
from qianwan_gis.standards import Standards
from qianwan_gis.terrain import Terrain
from qianwan_gis.uncertainty import Draws

NORMS = Standards.load()
CELL = 30.0


def hill(height_at, width=9000.0, tall=3000.0):
    """Terrain whose height is a function of metres east and north of the corner."""
    cols, rows = int(width / CELL), int(tall / CELL)
    x = (np.arange(cols) + 0.5) * CELL - 1000.0
    y = 1500.0 - (np.arange(rows) + 0.5) * CELL
    z = height_at(*np.meshgrid(x, y)).astype(float)
    return Terrain.from_array(
        z, Affine(CELL, 0, t.X0 - 1000.0, 0, -CELL, t.Y0 + 1500.0), t.CRS
    )  # fmt: skip


def road(*lines):
    table = gpd.GeoDataFrame(
        {"road_id": [f"R{i}" for i in range(len(lines))], "road_class": "village",
         "name": [name for name, _ in lines], "status": "existing", "basis": "surveyed"},
        geometry=[LineString([(t.X0 + x, t.Y0 + y) for x, y in points]) for _, points in lines],
        crs=t.CRS,
    )  # fmt: skip
    return RoadNetwork.from_roads(table, NORMS)


def cover(flat, terrain, homes, sites, *, norms=NORMS, tier="village", friction=None):
    net = modes.with_terrain(flat, terrain, standards=norms, to_norm=True)
    made = compute_coverage(
        homes, None, net, sites, {("clinic", tier): "complete"}, norms, Draws(n=20, seed=1),
        ground=Ground(terrain, flat, norms, friction), only=[("clinic", tier)],
    )  # fmt: skip
    return made.set_index("code")


def tobler(slope):
    """Seconds per metre at the norm's 4 km/h on the level, by Tobler's function."""
    level = np.exp(-3.5 * 0.05)
    return 3.6 / (4.0 * np.exp(-3.5 * np.abs(slope + 0.05)) / level)


def test_uphill_takes_longer_than_downhill():
    # ground rises 12 % to the east; the clinic stands in the middle of the road
    terrain = hill(lambda x, y: 500 + 0.12 * x)
    flat = road(("坡路", [(0, 0), (1600, 0)]))
    made = cover(flat, terrain, t.villages([(0, 0), (1600, 0)]), t.facilities([(800, 0)]))
    up, down = made["minutes"]
    assert up == pytest.approx(800 * tobler(0.12) / 60, abs=0.06)
    assert down == pytest.approx(800 * tobler(-0.12) / 60, abs=0.06)
    assert up > down + 2
    # the norm's own quarter of an hour is 1 km on the level
    level = hill(lambda x, y: 500 + 0 * x)
    plain = cover(flat, level, t.villages([(0, 0)]), t.facilities([(1000, 0)]))
    assert plain["minutes"].tolist() == [15.0]
    assert plain["covered"].all()
    assert plain["slope_minutes"].tolist() == [0.0]


def test_a_steep_road_changes_the_answer_and_is_named():
    # 300 m on the level, then 600 m up a 20 % road: 13.5 minutes if it were level
    terrain = hill(lambda x, y: 500 + 0.2 * np.clip(x - 300, 0, 600))
    flat = road(("平路", [(0, 0), (300, 0)]), ("老爷岭", [(300, 0), (900, 0)]))
    made = cover(flat, terrain, t.villages([(0, 0), (900, 0)]), t.facilities([(900, 0)])).iloc[0]
    assert not made["covered"]
    assert made["reason"] == "steep_road"
    assert made["slow_road"] == "老爷岭"
    assert made["minutes"] > 15
    assert made["slope_minutes"] == pytest.approx(made["minutes"] - 13.5, abs=0.11)
    words = reason_text(made)
    assert "老爷岭" in words.zh
    assert "老爷岭" in words.en
    assert f"{made['slope_minutes']:.1f}" in words.zh
    # without slopes the same village is covered
    bare = compute_coverage(
        t.villages([(0, 0)]), None, flat, t.facilities([(900, 0)]), {("clinic", "village"): "complete"},
        NORMS, Draws(n=20, seed=1), only=[("clinic", "village")],
    ).iloc[0]  # fmt: skip
    assert (bare["reason"], bare["minutes"]) == ("ok", 13.5)
    assert "slow_road" not in bare.index


def test_a_village_without_a_road_walks_over_the_hill():
    # the road ends 2.5 km west of the village: out of the reach of snapping (2 km)
    flat = road(("村路", [(0, 0), (2000, 0)]))
    homes = t.villages([(4500, 0), (1000, 0)])
    sites = t.facilities([(0, 0)], tier="township")
    level = hill(lambda x, y: 500 + 0 * x)
    made = cover(flat, level, homes, sites, tier="township")
    walked = 2500 * 3.6 / (4.0 * 0.6) / 60  # off the path at 0.6 of the norm's speed
    ride = flat.seconds["car"].forward.sum() / 60
    assert made["minutes"].iloc[0] == pytest.approx(walked + ride, rel=0.02)
    assert made["offroad_metres"].iloc[0] == pytest.approx(2500, abs=60)
    assert np.isnan(made["offroad_metres"].iloc[1])
    assert made["reason"].iloc[0] == "over_limit"
    assert "步行" in reason_text(made.iloc[0]).zh
    assert made["metres"].iloc[0] == pytest.approx(4500, abs=60)
    # a ridge between makes it longer; a wall cannot be crossed
    ridge = hill(lambda x, y: 500 + 0.3 * np.clip(500 - np.abs(x - 3200), 0, None))
    over = cover(flat, ridge, homes, sites, tier="township")
    assert over["minutes"].iloc[0] > made["minutes"].iloc[0] + 10
    wall = gpd.GeoDataFrame(
        {"friction": [np.inf]}, geometry=[box(t.X0 + 3000, t.Y0 - 9000, t.X0 + 3100, t.Y0 + 9000)],
        crs=t.CRS,
    )  # fmt: skip
    stuck = cover(flat, level, homes, sites, tier="township", friction=wall)
    assert stuck["reason"].iloc[0] == "no_road"
    # without terrain it has no road
    bare = compute_coverage(
        homes, None, flat, sites, {("clinic", "township"): "complete"}, NORMS, Draws(n=20, seed=1),
        only=[("clinic", "township")],
    )  # fmt: skip
    assert bare["reason"].iloc[0] == "no_road"


def test_road_names_fall_back_on_numbers_and_identifiers():
    table = pd.DataFrame(
        {"road_id": ["1", "2", "3"], "ref": ["G1", "", None], "name": ["甲", "", None]}
    )
    table.loc[1, "ref"] = "G2"
    assert road_names(table).tolist() == ["甲", "G2", "3"]


# ---- a whole county ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def both(demo_folder, tmp_path_factory):
    """The synthetic county with and without its terrain."""
    from qianwan_gis.plan import Plan

    folder = shutil.copytree(demo_folder, tmp_path_factory.mktemp("flat") / "county")
    file = folder / "county.toml"
    text = re.sub(r"\[terrain\]\n.*?\n\n", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
    file.write_text(text, encoding="utf-8")
    return Plan.open(demo_folder).check(), Plan.open(folder).check()


ACCESS = tuple(("clinic", tier) for tier in ("village", "township", "county"))


def test_the_plan_of_a_county_with_terrain_takes_slopes_into_account(both):
    hilly, flat = both
    assert hilly.ground is not None
    assert flat.ground is None
    up, level = hilly.network.seconds["walk"], flat.network.seconds["walk"]
    assert not np.allclose(up.forward, up.backward)
    assert level.forward is level.backward
    steeper, table = (plan.assessed(ACCESS)[0] for plan in both)
    car = steeper["tier"].ne("village").to_numpy()
    slower = (steeper["minutes"] - table["minutes"])[car].dropna()
    assert (slower >= -0.11).all()  # a car never gains by slopes
    assert slower.mean() > 0.3
    assert "slow_road" not in table.columns
    told = steeper[steeper["reason"].eq("steep_road")]
    assert (told["minutes"] > told["limit"]).all()
    assert told["slow_road"].ne("").all()
    same = table.set_index(["code", "tier"]).loc[list(zip(told["code"], told["tier"], strict=True))]
    assert same["covered"].isin([True, pd.NA]).all()


def test_what_is_missing_says_that_times_are_without_slopes(both):
    hilly, flat = both
    from qianwan_gis.indicators import to_collect

    tables = [
        to_collect(
            plan.assessed(ACCESS)[0],
            plan.villages,
            plan.inventories,
            network=plan.network,
            roads=plan.roads,
            has_terrain=plan.terrain is not None,
        )
        for plan in both
    ]
    said = ["坡度" in "".join(str(why) for why in table["why"]) for table in tables]
    assert said == [False, True]
    assert hilly.disclosure.slopes
    assert not flat.disclosure.slopes


def test_a_scenario_keeps_the_slopes(both):
    hilly, _ = both
    found = hilly.scenario(Scenario(name="慢", speed=[{"factor": 0.5, "mode": "car"}]))
    rows = found.changes[found.changes["tier"] == "county"]
    driven = rows[rows["minutes_before"].gt(30)]  # the walk to the road is not slower
    assert (driven["minutes_after"] / driven["minutes_before"]).between(1.5, 2.01).all()
    assert "slope_minutes" in found.after.columns
    # twice the time on the slopes as well
    one, two = (c[c["tier"] == "county"]["slope_minutes"] for c in (found.before, found.after))
    known = one.notna() & two.notna()
    np.testing.assert_allclose(two[known], 2 * one[known], atol=0.16)


def test_modes_limits_and_options_come_from_the_county_file(demo_folder, tmp_path):
    from qianwan_gis._errors import DataError, UsageError
    from qianwan_gis.plan import Plan

    folder = shutil.copytree(demo_folder, tmp_path / "own")
    file = folder / "county.toml"
    base = file.read_text(encoding="utf-8")
    file.write_text(
        base
        + '\n[services.clinic.village]\nmode = "ebike"\nlimit = 5\nbackup = true\ncapacity = 900\n',
        encoding="utf-8",
    )
    plan = Plan.open(folder)
    assert "ebike" in plan.network.modes
    made = plan.assessed((("clinic", "village"),))[0]
    assert made["limit"].eq(5).all()
    assert {"backup_id", "p_backup", "served"} <= set(made.columns)
    walked = plan.replace(services={"clinic": {"mode": "walk"}}).assessed((("clinic", "village"),))[
        0
    ]
    both_known = made["minutes"].notna() & walked["minutes"].notna() & made["minutes"].gt(1)
    assert (made["minutes"] <= walked["minutes"])[both_known].all()
    for bad in ({"clinic": {"speed": 3}}, {"clinic": {"limit": "x"}}, {"school": {}},
                {"clinic.village": {"mode": "horse"}}, {"clinic": {"capacity": -1}}):  # fmt: skip
        with pytest.raises(UsageError):
            plan.replace(services=bad)
    for wrong in ("[services.clinic.village]\nmode = 'horse'", "[services.school]\nlimit = 4",
                  "[services.clinic]\nlimit = 0", "[services]\nclinic = 3"):  # fmt: skip
        file.write_text(base + "\n" + wrong + "\n", encoding="utf-8")
        with pytest.raises(DataError) as error:
            Plan.open(folder)
        assert "services" in str(error.value)
