"""Placing villages: the ladder, described positions, fusion, calibration."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from qianwan_gis import UsageError, datum, geocoding, schemas, synthetic
from qianwan_gis.gazetteer import Gazetteer
from qianwan_gis.geocoding import calibration, description
from qianwan_gis.geocoding.areas import Areas
from qianwan_gis.geocoding.description import Clue
from qianwan_gis.geocoding.evidence import Evidence
from qianwan_gis.geocoding.fusion import fuse
from qianwan_gis.geocoding.ladder import own_points
from qianwan_gis.regions import Region, annulus, from_frame, region_radius
from qianwan_gis.schemas import Match
from qianwan_gis.standards import Standards
from qianwan_gis.villages import read_village_list

ZONE = datum.zone(113.0)
DATA = Path(__file__).parent.parent / "data"


@pytest.fixture(scope="module")
def zezhou() -> geocoding.Located:
    gazetteer = Gazetteer.carried("140525")
    lists = read_village_list(DATA / "villages" / "zezhou_2025.csv", gazetteer=gazetteer)
    return geocoding.locate(gazetteer=gazetteer, lists=lists)


@pytest.fixture(scope="module")
def standards() -> Standards:
    return Standards.load()


# --- Zezhou: what DESIGN section 9 expects of the carried facts ---


def test_zezhou_rows_and_classes(zezhou: geocoding.Located) -> None:
    villages = zezhou.villages
    assert len(villages) == 454
    assert villages["code"].is_unique
    schemas.require(villages, schemas.VILLAGES, file="villages")
    schemas.require(zezhou.regions, schemas.REGIONS, file="regions")
    listed = villages[villages["lists"] != ""]
    assert len(listed) == 97
    points = listed[listed["basis"] == "point"]
    shared = points[points["match"] == "settlement"]
    assert (len(points), len(shared), len(points) - len(shared)) == (18, 8, 10)
    assert shared.geometry.nunique() == 2
    assert points.geometry.nunique() == 12
    assert (listed["basis"] == "region").sum() == 79
    uncoded = villages[~villages["code"].str.fullmatch(r"\d{12}") & (villages["lists"] != "")]
    assert set(uncoded["code"]) == {
        "140525-下村镇-下庄", "140525-川底镇-小南庄", "140525-柳树口镇-下庄", "140525-大阳镇-三个街",
    }  # fmt: skip


def test_no_village_stands_at_a_centroid(zezhou: geocoding.Located) -> None:
    villages = zezhou.villages
    by_region = villages[villages["basis"] == "region"]
    assert by_region.geometry.isna().all()
    assert villages.loc[villages["basis"] == "point"].geometry.notna().all()
    assert set(zezhou.regions["code"]) == set(by_region["code"])
    # Points come out of the gazetteer as they went in.
    units = Gazetteer.carried("140525").units.set_index("code")
    placed = villages[(villages["basis"] == "point") & villages["code"].isin(units.index)]
    there = placed.to_crs(datum.WGS84)
    known = units.loc[there["code"]]
    gap = np.hypot(
        there.geometry.x - known["lon"].to_numpy(), there.geometry.y - known["lat"].to_numpy()
    )
    assert gap.max() < 1e-6


def test_regions_are_distributions_inside_the_county(zezhou: geocoding.Located) -> None:
    weights = zezhou.regions.groupby("code")["weight"].sum()
    assert weights.to_numpy() == pytest.approx(1)
    from qianwan_gis import boundaries

    county = boundaries.outline(140525).to_crs(zezhou.regions.crs).geometry.iloc[0].buffer(200)
    assert zezhou.regions.within(county).all()
    held = from_frame(zezhou.regions)
    for row in zezhou.villages[zezhou.villages["match"] == "described"].itertuples():
        assert region_radius(held[row.code])[2] == pytest.approx(row.uncertainty_m, abs=1)


def test_texts_narrow_the_township(zezhou: geocoding.Located) -> None:
    villages = zezhou.villages.set_index("name")
    assert villages.loc["石槽", "match"] == "described"
    assert villages.loc["石槽", "uncertainty_m"] < 3000
    assert villages.loc["渠头", "uncertainty_m"] < 3500
    township = villages[(villages["match"] == "township") & (villages["township"] == "晋庙铺镇")]
    assert (township["uncertainty_m"] > 5000).all()
    # 阎庄 is measured from the former 李寨乡, and its region says so.
    assert "李寨乡" in villages.loc["阎庄", "evidence"]


def test_conflicts_are_reported_not_averaged_away(zezhou: geocoding.Located) -> None:
    conflict = zezhou.conflicts[zezhou.conflicts["name"] == "拦车"]
    assert len(conflict) == 1
    assert "不足一千米" in conflict["text"].iloc[0]
    row = zezhou.villages[zezhou.villages["name"] == "拦车"].iloc[0]
    assert row["basis"] == "point"
    unit = Gazetteer.carried("140525").units.set_index("name").loc["拦车"]
    there = gpd.GeoSeries([row.geometry], crs=zezhou.villages.crs).to_crs(datum.WGS84).iloc[0]
    assert (there.x, there.y) == pytest.approx((unit["lon"], unit["lat"]), abs=1e-6)
    assert any(p.code == "position_conflict" and "拦车" in p.text.zh for p in zezhou.problems)


def test_categories_take_the_higher_and_say_so(zezhou: geocoding.Located) -> None:
    row = zezhou.villages[zezhou.villages["name"] == "大兴"].iloc[0]
    assert row["category"] == "精品示范村"
    assert "提档升级村" in row["category_note"]
    assert len(row["lists"].split(";")) == 2


def test_population_is_copied_and_never_filled(zezhou: geocoding.Located) -> None:
    units = Gazetteer.carried("140525").units.set_index("code")["population"]
    mine = zezhou.villages.set_index("code")["population"]
    pd.testing.assert_series_equal(
        mine.loc[units.index].astype(float), units.astype(float), check_names=False
    )
    assert mine.isna().sum() > 400


def test_every_row_says_on_what_it_rests(zezhou: geocoding.Located) -> None:
    evidence = zezhou.villages["evidence"]
    assert (evidence.str.len() > 10).all()
    assert evidence.str.contains("权重").all()
    points = zezhou.villages["basis"] == "point"
    assert evidence[points].str.contains("来源").all()
    assert evidence[points].str.contains("坐标系").all()


def test_the_same_input_gives_the_same_bytes() -> None:
    first, second = (geocoding.locate(gazetteer="140404") for _ in range(2))
    assert len(first.villages) == 191
    assert first.villages.drop(columns="geometry").equals(second.villages.drop(columns="geometry"))
    assert first.regions.to_wkb().equals(second.regions.to_wkb())


# --- a user's own table ---


def own_gazetteer(rows: list[tuple[object, ...]]) -> Gazetteer:
    columns = ["code", "name", "township", "lon", "lat"]
    return Gazetteer.read(pd.DataFrame(rows, columns=columns), adcode="140525")


def test_a_table_is_answered_row_by_row() -> None:
    table = pd.DataFrame(
        {
            "name": ["冶底村", "大箕村委会", "不存在的庄", "冶底"],
            "township": ["南村镇", "大箕镇", "南村镇", "某某镇"],
        },
        index=[7, 3, 9, 1],
    )
    located = geocoding.locate(table, gazetteer="140525")
    assert located.villages.index.tolist() == [7, 3, 9, 1]
    assert located.villages["basis"].tolist() == ["point", "point", "region", "none"]
    assert located.villages.loc[7, "code"] == "140525100234"
    told = [p for p in located.problems if p.code == "village_not_matched"]
    assert [p.row for p in told] == [3, 4]


def test_coordinates_of_the_users_own_are_used() -> None:
    table = pd.DataFrame(
        {
            "name": ["下庄", "冶底村", "大箕村委会", "没有的村", "拦车村"],
            "township": ["下村镇", "南村镇", "大箕镇", "下村镇", "晋庙铺镇"],
            "lon": [112.8, 35.4, None, 112.75, 112.9],
            "lat": [35.6, 112.7, None, 35.55, 35.3],
            "uncertainty_m": [50.0, 50.0, 50.0, None, 50.0],
        },
        index=[7, 7, 3, 9, 1],
    )
    located = geocoding.locate(table, gazetteer="140525")
    without = geocoding.locate(table[["name", "township"]], gazetteer="140525")
    made, plain = located.villages, without.villages
    assert made.index.tolist() == table.index.tolist()
    places = made.geometry.to_crs(datum.WGS84)
    for row in (0, 3, 4):
        assert made["basis"].iloc[row] == "point"
        wanted = (table["lon"].iloc[row], table["lat"].iloc[row])
        assert (places.iloc[row].x, places.iloc[row].y) == pytest.approx(wanted)
    assert made["uncertainty_m"].iloc[[0, 3]].tolist() == [50.0, 500.0]
    # longitude and latitude the wrong way round are told, and what is known otherwise stays
    assert [p.row for p in located.problems if p.code == "point_outside"] == [2]
    for row in (1, 2):
        assert made.geometry.iloc[row].equals(plain.geometry.iloc[row])
    # the gazetteer's point of 拦车 lies elsewhere: the table's is used, and less surely
    assert located.conflicts["name"].tolist()[:1] == ["拦车"]
    assert made["uncertainty_m"].iloc[4] > 3000
    # the gazetteer's own table keeps its own evidence
    units = Gazetteer.carried("140525").units
    again = geocoding.locate(units[units["lon"].notna()], gazetteer="140525").villages
    whole = geocoding.locate(gazetteer="140525").villages.set_index("code")
    columns = ["match", "uncertainty_m", "evidence"]
    assert again.set_index("code")[columns].equals(whole.loc[again["code"], columns])


def test_codes_of_the_users_own_are_kept_or_replaced_aloud() -> None:
    table = pd.DataFrame(
        {
            "code": ["140525100234", "140525999999", "999"],
            "name": ["冶底", "大箕", "不存在的庄"],
            "township": ["南村镇", "大箕镇", "南村镇"],
        },
        index=["a", "a", "b"],
    )
    located = geocoding.locate(table, gazetteer="140525")
    assert located.villages["code"].tolist() == ["140525100234", "140525111200", "999"]
    assert located.villages.index.tolist() == ["a", "a", "b"]
    assert [(p.code, p.row) for p in located.problems] == [
        ("village_not_matched", 3),
        ("code_replaced", 2),
    ]


def test_lists_flag_the_rows_of_a_table_without_adding_any() -> None:
    lists = read_village_list(DATA / "villages" / "zezhou_2025.csv")
    table = pd.DataFrame({"name": ["冶底", "大箕"], "township": ["南村镇", "大箕镇"]}, index=[5, 4])
    found = geocoding.locate(table, gazetteer="140525", lists=lists).villages
    assert found.index.tolist() == [5, 4]
    assert (found["lists"] != "").tolist() == [True, False]


def test_geocode_tells_the_county_by_the_codes() -> None:
    table = pd.DataFrame({"code": ["140525100234"], "name": ["冶底"], "township": ["南村镇"]})
    assert geocoding.geocode(table)["match"].tolist() == ["landmark"]
    with pytest.raises(UsageError, match="gazetteer"):
        geocoding.geocode(pd.DataFrame({"name": ["冶底"], "township": ["南村镇"]}))
    with pytest.raises(UsageError, match="投影"):
        geocoding.locate(gazetteer="140525", crs=datum.WGS84)


def test_a_township_without_a_seat_is_known_by_its_villages() -> None:
    rows = [
        ("140525100200", "甲", "东镇", 112.6, 35.5), ("140525100201", "乙", "东镇", "", ""),
        ("140525101200", "丙", "西镇", 113.0, 35.5), ("140525101201", "丁", "西镇", "", ""),
        ("140525102201", "戊", "无镇", "", ""),
    ]  # fmt: skip
    located = geocoding.locate(gazetteer=own_gazetteer(rows))
    radius = located.villages.set_index("name")["uncertainty_m"]
    regions = from_frame(located.regions)
    x_east = region_radius(regions["140525100201"])[0]
    x_west = region_radius(regions["140525101201"])[0]
    assert x_east < x_west
    # Nothing tells where 无镇 is: the whole county, and it says so.
    row = located.villages.set_index("name").loc["戊"]
    assert row["basis"] == "region"
    assert "范围未知" in row["evidence"]
    assert row["uncertainty_m"] > radius["乙"]


def test_own_township_polygons_replace_cells() -> None:
    polygon = gpd.GeoDataFrame(
        {"township": ["南村镇"]},
        geometry=[shapely.box(112.70, 35.40, 112.80, 35.50)],
        crs=datum.WGS84,
    )
    located = geocoding.locate(gazetteer="140525", townships=polygon)
    plain = geocoding.locate(gazetteer="140525")
    row = located.villages[
        (located.villages["township"] == "南村镇") & (located.villages["match"] == "township")
    ]
    before = plain.villages.set_index("code").loc[row["code"], "uncertainty_m"]
    assert (row["uncertainty_m"].to_numpy() < before.to_numpy()).all()
    region = from_frame(located.regions)[row["code"].iloc[0]]
    inside = polygon.to_crs(located.regions.crs).geometry.iloc[0]
    assert shapely.intersection(region.cover(0.9), inside).area / inside.area > 0.99


HOSTILE = [
    "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "村" * 40_000, "🏡🏡", "　　", "下\u3000庄", "",
    "'; DROP TABLE villages; --", "a\x00b", "\u202e村",
]  # fmt: skip


def test_hostile_names_change_nothing_but_their_row() -> None:
    good = pd.DataFrame({"name": ["冶底", "大箕"], "township": ["南村镇", "大箕镇"]})
    bad = pd.DataFrame({"name": HOSTILE, "township": ["南村镇"] * len(HOSTILE)})
    worse = pd.DataFrame({"name": ["冶底"] * len(HOSTILE), "township": HOSTILE})
    located = geocoding.locate(
        pd.concat([good, bad, worse], ignore_index=True), gazetteer="140525"
    ).villages
    alone = geocoding.locate(good, gazetteer="140525").villages
    assert located.iloc[:2].drop(columns="geometry").equals(alone.drop(columns="geometry"))
    assert (located["basis"].iloc[2 : 2 + len(HOSTILE)] == "region").all()
    assert len(located) == 2 + 2 * len(HOSTILE)


# --- reviewed points ---


def review(rows: list[dict[str, object]]) -> pd.DataFrame:
    columns = ["code", "decision", "lon", "lat", "uncertainty_m", "note", "date"]
    return pd.DataFrame(rows, columns=columns)


def test_a_reviewed_point_is_the_strongest_and_a_rejected_one_is_gone() -> None:
    located = geocoding.locate(
        gazetteer="140525",
        review=review(
            [
                {
                    "code": "140525100234",
                    "decision": "placed",
                    "lon": 112.72,
                    "lat": 35.42,
                    "note": "现场",
                },
                {"code": "140525105203", "decision": "rejected"},
                {"code": "140525-无此村", "decision": "rejected"},
                {"code": "140525111200", "decision": "placed", "lon": 116.4, "lat": 39.9},
            ]
        ),
    )
    villages = located.villages.set_index("code")
    assert villages.loc["140525100234", "match"] == "reviewed"
    point = villages.to_crs(datum.WGS84).loc["140525100234"].geometry
    assert (point.x, point.y) == pytest.approx((112.72, 35.42))
    assert "现场" in villages.loc["140525100234", "evidence"]
    assert villages.loc["140525105203", "basis"] == "region"
    # A place far outside the county is a mistake, not a position.
    assert villages.loc["140525111200", "match"] == "seat"
    codes = {p.code for p in located.problems}
    assert {"review_unknown_code", "review_outside"} <= codes


# --- described positions ---

PARSED = [
    ("镇西北部,距镇政府6公里", [("part", "", None, 315), ("distance", "", 6000, None)]),
    ("西距巴公镇政府2公里", [("distance", "巴公镇", 2000, None), ("bearing", "巴公镇", None, 90)]),
    ("距乡政府驻地南3.5公里", [("distance", "", 3500, None), ("bearing", "", None, 180)]),
    ("镇政府西南约1.5公里", [("bearing", "", None, 225), ("distance", "", 1500, None)]),
    ("下村镇西北3.5公里处 (玄泉寺)", [("bearing", "下村镇", None, 315), ("distance", "下村镇", 3500, None)]),
    ("晋城市区东部13公里处", [("bearing", "晋城市区", None, 90), ("distance", "晋城市区", 13000, None)]),
    ("位于大箕镇2公里处", [("distance", "大箕镇", 2000, None)]),
    ("与晋庙铺镇距离不足一千米", [("distance", "晋庙铺镇", 1000, None)]),
    ("距镇政府二十五里", [("distance", "", 12500, None)]),
    ("镇政府所在地中心地段", [("seat", "", None, None)]),
    ("乡中部", [("centre", "", None, None)]),
    ("黄头村南接崔庄村", [("neighbour", "黄头", None, 180)]),
    ("磨山底村西邻水东和十字坂村", []),
    ("北义城镇东", [("bearing", "北义城镇", None, 90)]),
    ("该村西部能看到周村的寨楼", []),
    ("村东北三里处有天井一眼", []),
    ("山势如细腰之地", []),
    ("", []),
]  # fmt: skip


@pytest.mark.parametrize(("phrase", "expected"), PARSED)
def test_phrases_are_parsed(phrase: str, expected: list[tuple[object, ...]]) -> None:
    village = "崔庄" if "崔庄" in phrase else "某某"
    found = description.parse(phrase, village)
    made = [
        (
            c.kind,
            c.reference,
            None if np.isnan(c.metres) else c.metres,
            None if np.isnan(c.azimuth) else c.azimuth,
        )
        for c in found
    ]
    assert made == expected


def test_own_side_of_a_neighbour_is_read_either_way() -> None:
    assert description.parse("黄头村南接崔庄村", "黄头") == [Clue("neighbour", "崔庄", azimuth=0.0)]
    assert description.parse_neighbours("E:府城村;S:范洼,石河") == [
        Clue("neighbour", "府城", azimuth=270.0),
        Clue("neighbour", "范洼", azimuth=0.0),
        Clue("neighbour", "石河", azimuth=0.0),
    ]


def test_parsing_agrees_with_what_people_read_off() -> None:
    """The carried tables hold distance and direction read by a person: independent truth."""
    agree = total = 0
    for adcode in ("140525", "140404"):
        for row in Gazetteer.carried(adcode).descriptions.to_dict("records"):
            clues = description.parse(str(row["phrase"]), str(row["village"]))
            if pd.notna(row["distance_km"]):
                total += 1
                agree += any(
                    c.kind == "distance" and c.metres == row["distance_km"] * 1000 for c in clues
                )
            if row["bearing"] and row["bearing_kind"] != "part_of_county":
                total += 1
                azimuth = description.AZIMUTHS.get(str(row["bearing"]))
                agree += any(c.azimuth == azimuth for c in clues)
    assert total > 60
    assert agree / total > 0.9


@pytest.mark.parametrize(
    ("text", "value"),
    [("6.5", 6.5), ("十", 10), ("十二", 12), ("二十五", 25), ("一百零三", 103), ("两千", 2000)],
)
def test_numbers(text: str, value: float) -> None:
    assert description.number(text) == value


PLACE = (500_000.0, 4_000_000.0, 300.0)


def told(clue: Clue, standards: Standards, **where: object) -> Region:
    made = description.likelihood(clue, standards, **where)
    assert made is not None
    prior = Region.of([annulus(PLACE[0], PLACE[1], 0, 30_000)])
    evidence = Evidence(Match.DESCRIBED, geocoding_text(), "", "", "", 0.8, likelihood=made)
    region = fuse(prior, [evidence], standards).region
    assert region is not None
    return region


def geocoding_text():
    from qianwan_gis._text import Text

    return Text("试", "test")


def test_a_road_distance_gives_a_ring_at_its_straight_length(standards: Standards) -> None:
    region = told(Clue("distance", metres=8000.0), standards, place=PLACE)
    rng = np.random.default_rng(0)
    from qianwan_gis.regions import sample

    away = np.hypot(*(sample(region, rng, 5000) - np.array(PLACE[:2])).T)
    # The straight distance is log-normal around 8 km / 1.33; on open ground farther places are
    # more numerous, which moves the median by exp(2 sigma^2) (closed form; sigma 0.26 here).
    assert np.quantile(away, 0.5) == pytest.approx(8000 / 1.33 * np.exp(2 * 0.26**2), rel=0.06)
    assert ((away > 8000 / 1.9) & (away < 8000 / 0.8)).mean() > 0.8


def test_a_direction_gives_a_sector_and_the_opposite_side_is_rare(standards: Standards) -> None:
    region = told(Clue("bearing", azimuth=90.0), standards, place=PLACE)
    from qianwan_gis.regions import sample

    east, north = (sample(region, np.random.default_rng(0), 5000) - np.array(PLACE[:2])).T
    azimuth = np.degrees(np.arctan2(east, north))
    assert (np.abs(azimuth - 90) < 45).mean() > 0.85
    assert (east < 0).mean() < 0.06


def test_an_upper_bound_stays_near(standards: Standards) -> None:
    region = told(Clue("distance", metres=1000.0, at_most=True), standards, place=PLACE)
    near = annulus(PLACE[0], PLACE[1], 0, 2500)
    held = sum(
        w * shapely.intersection(p, near).area / p.area
        for p, w in zip(region.polygons, region.weights, strict=True)
    )
    assert held > 0.9


def test_a_neighbour_of_unknown_place_says_nothing(standards: Standards) -> None:
    clue = Clue("neighbour", "某", azimuth=0.0)
    assert description.likelihood(clue, standards, place=(0, 0, 9000)) is None
    assert description.likelihood(clue, standards) is None


# --- fusion ---


def point(match: Match, x: float, y: float, spread: float = 500.0) -> Evidence:
    return Evidence(match, geocoding_text(), f"源{match}", "", "WGS84", 0.9, (x, y), spread)


def test_the_ladder_decides_and_far_points_conflict(standards: Standards) -> None:
    prior = Region.of([annulus(0, 0, 0, 10_000)])
    near = fuse(prior, [point(Match.SETTLEMENT, 300, 0), point(Match.EXACT, 0, 0)], standards)
    assert (near.match, near.uncertainty_m, near.conflicts) == (Match.EXACT, 500.0, ())
    far = fuse(prior, [point(Match.PROVIDER, 4000, 0), point(Match.EXACT, 0, 0)], standards)
    assert far.match == Match.EXACT
    assert far.point is not None
    assert far.point.xy == (0, 0)
    assert len(far.conflicts) == 1
    assert far.uncertainty_m == pytest.approx(4000)
    settled = fuse(
        prior, [point(Match.REVIEWED, 0, 0, 100), point(Match.EXACT, 4000, 0)], standards
    )
    assert settled.uncertainty_m == 100


def test_independent_texts_narrow_more_than_one(standards: Standards) -> None:
    prior = Region.of([annulus(*PLACE[:2], 0, 12_000)])
    clues = [Clue("distance", metres=6000.0), Clue("bearing", azimuth=45.0)]
    texts = [
        Evidence(
            Match.DESCRIBED, geocoding_text(), "", "", "", 0.8,
            likelihood=description.likelihood(clue, standards, place=PLACE),
        )
        for clue in clues
    ]  # fmt: skip
    one = [fuse(prior, [text], standards).uncertainty_m for text in texts]
    both = fuse(prior, texts, standards)
    assert both.match == Match.DESCRIBED
    assert both.uncertainty_m < 0.8 * min(one)
    assert both.region is not None
    assert both.region.weights.sum() == pytest.approx(1)
    x, y, _ = region_radius(both.region)
    assert (x - PLACE[0], y - PLACE[1]) == pytest.approx((3200, 3200), abs=1300)


def test_a_text_that_fits_nowhere_is_reported_and_hardly_counts(standards: Standards) -> None:
    prior = Region.of([annulus(*PLACE[:2], 0, 3_000)])
    clue = Clue("distance", metres=40_000.0)
    text = Evidence(
        Match.DESCRIBED, geocoding_text(), "", "", "", 0.8,
        likelihood=description.likelihood(clue, standards, place=PLACE),
    )  # fmt: skip
    verdict = fuse(prior, [text], standards)
    assert len(verdict.conflicts) == 1
    assert verdict.region is not None
    assert verdict.uncertainty_m == pytest.approx(region_radius(prior)[2], rel=0.1)


def test_nothing_known_is_none(standards: Standards) -> None:
    verdict = fuse(None, [], standards)
    assert (verdict.match, verdict.region, verdict.point) == (Match.NONE, None, None)


# --- do the regions keep their word? ---


def test_regions_of_both_counties_hold_their_hidden_points() -> None:
    table = pd.concat(
        [calibration.leave_one_out(Gazetteer.carried(a)) for a in ("140525", "140404")]
    )
    assert len(table) >= 50
    low, high = calibration.interval(table["held"].sum(), len(table))
    assert low <= 0.90 <= high
    assert 0.85 <= calibration.credible_share(table) <= 0.95
    assert not table["name"].isin(["南村", "大箕", "南岭", "李寨"]).any()


def synthetic_gazetteer(county: synthetic.SyntheticCounty) -> Gazetteer:
    def degrees(frame: gpd.GeoDataFrame) -> dict[str, np.ndarray]:
        points = frame.geometry.to_crs(datum.WGS84)
        return {"lon": points.x.to_numpy(), "lat": points.y.to_numpy()}

    villages, seats = county.villages, county.townships
    units = pd.DataFrame(villages[["code", "name", "township"]]).assign(
        **degrees(villages), point_uncertainty_m=100.0
    )
    townships = pd.DataFrame(
        {"code": seats["code"], "name": seats["township"], "status": "current", "merged_into": ""}
    ).assign(**degrees(seats), uncertainty_m=100.0)
    none = pd.DataFrame()
    return Gazetteer(county.adcode, units, townships, none, none, none)


def test_regions_of_a_synthetic_county_hold_their_share() -> None:
    county = synthetic.county(villages=500, seed=3)
    table = calibration.leave_one_out(
        synthetic_gazetteer(county), outline=county.boundary, crs=county.villages.crs
    )
    assert len(table) > 400
    assert 0.86 <= table["held"].mean() <= 0.94
    for level in (0.5, 0.7, 0.9):
        assert calibration.credible_share(table, level) == pytest.approx(level, abs=0.05)
        assert (table["level"] <= level).mean() == pytest.approx(level, abs=0.07)
    assert ((table["level"] <= 0.9) == table["held"]).mean() > 0.98


def test_intervals_agree_with_published_values() -> None:
    # Wilson score interval, 10 of 20 (0.2993, 0.7007) and 0 of 10 (0, 0.2775): standard tables.
    assert calibration.interval(10, 20) == pytest.approx((0.2993, 0.7007), abs=1e-4)
    assert calibration.interval(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert calibration.interval(0, 0) == (0.0, 1.0)


def test_located_villages_widen_or_narrow_the_bands(standards: Standards) -> None:
    townships = pd.DataFrame(
        {
            "name": ["甲镇", "乙镇"],
            "status": "current",
            "merged_into": "",
            "lon": [112.8, 113.2],
            "lat": 35.5,
        }
    )
    outline = gpd.GeoDataFrame(geometry=[shapely.box(112.6, 35.3, 113.4, 35.7)], crs=datum.WGS84)
    x = (
        gpd.GeoSeries(gpd.points_from_xy([112.75, 113.25], [35.5, 35.5]), crs=datum.WGS84)
        .to_crs(ZONE)
        .x
    )
    y = 3_930_000.0
    right = [(f"r{i}", "甲镇", x[0], y) for i in range(40)]
    wrong = [(f"w{i}", "甲镇", x[1], y) for i in range(40)]
    inside = Areas(townships, outline, ZONE, standards, None, right)
    outside = Areas(townships, outline, ZONE, standards, None, wrong)
    assert inside.shares()[0] > 0.85 > 0.5 > outside.shares()[0]
    # A hidden village does not vote on its own region.
    assert inside.shares("r0")[0] < inside.shares()[0]
    assert inside.region("甲镇", without="r0").weights[0] < inside.region("甲镇").weights[0]


def test_seats_and_town_points_do_not_flatter() -> None:
    townships = pd.DataFrame({"name": ["大箕镇"]})
    rows = [
        {"code": "1", "name": "大箕村", "township": "大箕镇"},
        {"code": "2", "name": "冶底", "township": "大箕镇"},
        {"code": "3", "name": "东街", "township": "大箕镇"},
    ]
    points = {
        "1": point(Match.EXACT, 0, 0),
        "2": point(Match.EXACT, 1, 1),
        "3": point(Match.SETTLEMENT, 2, 2),
    }
    assert [row[0] for row in own_points(rows, points, townships)] == ["2"]


def test_villages_that_are_no_table_are_refused():
    with pytest.raises(UsageError, match="list"):
        geocoding.geocode(["河底村"], gazetteer="140525")


def test_one_thread_or_many_place_alike(
    zezhou: geocoding.Located, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = read_village_list(
        DATA / "villages" / "zezhou_2025.csv", gazetteer=Gazetteer.carried("140525")
    )
    for count in (1, 5):
        monkeypatch.setattr("os.cpu_count", lambda count=count: count)
        again = geocoding.locate(gazetteer="140525", lists=lists)
        assert again.regions.geometry.to_wkb().equals(zezhou.regions.geometry.to_wkb())
        assert again.regions["weight"].equals(zezhou.regions["weight"])
        assert again.regions["code"].equals(zezhou.regions["code"])
        for column in ("basis", "match", "uncertainty_m", "evidence"):
            assert again.villages[column].equals(zezhou.villages[column])
