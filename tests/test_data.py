"""The carried tables: counts, codes, sources, licences, positions, quotes."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from pathlib import Path

import geopandas as gpd
import networkx as nx
import pandas as pd
import pytest

from qianwan_gis import settings
from qianwan_gis.county import County
from qianwan_gis.schemas import ROADS, TARGETS, find_problems
from qianwan_gis.standards import Standards

DATA = Path(__file__).resolve().parent.parent / "data"
SHARED = DATA.parent.parent / "shared"
TABLES = sorted(DATA.rglob("*.csv"))
BBOX = {"140525": (112.45, 35.18, 113.25, 35.75), "140404": (112.90, 35.85, 113.28, 36.22)}
SEEDS = {"zezhou": ("004",), "shangdang": ("000", "001", "003"), "changzhi": ("002",)}


def table(path: str) -> pd.DataFrame:
    return pd.read_csv(DATA / path, dtype=str, encoding="utf-8").fillna("")


def listed_rows():
    """The printed villages of both lists, without the printed rows of totals."""
    return table("villages/zezhou_2025.csv").query("township != '合计'").reset_index(drop=True)


def names(path: Path) -> str:
    return path.relative_to(DATA).as_posix()


# --- every table ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", TABLES, ids=names)
def test_every_row_has_source_and_licence_or_is_a_public_document(path):
    frame = pd.read_csv(path, dtype=str).fillna("")
    assert len(frame)
    assert frame["source"].ne("").all()
    if path.parent.name != "targets":  # a ledger of a public document: the source says it
        assert frame["licence"].ne("").all()


@pytest.mark.parametrize("path", TABLES, ids=names)
def test_every_table_is_plain_utf8_without_machine_traces(path):
    data = path.read_bytes()
    assert b"\r" not in data
    assert not data.startswith(b"\xef\xbb\xbf")
    text = data.decode("utf-8")
    assert text.endswith("\n")
    assert not re.search(r"/(work|tmp|root|home)/", text)
    assert not re.search(r"[ \t]+$", text, flags=re.MULTILINE)


def test_licences_page_names_every_table():
    page = (DATA / "LICENSES.md").read_text(encoding="utf-8")
    for path in [*TABLES, *DATA.rglob("*.geojson")]:
        name = path.name
        named = name in page or re.sub(r"^\d{6}_", "*_", name) in page
        named |= re.sub(r"^[a-z]+_", "*_", name) in page
        assert named, f"{name} is not in LICENSES.md"
    assert "© OpenStreetMap contributors" in page
    assert "高德" in page
    assert settings.data_dir() == DATA


@pytest.mark.skipif(not SHARED.is_dir(), reason="the researched facts are not beside the checkout")
def test_no_table_is_a_copy_of_a_researched_file():
    theirs = {hashlib.sha256(p.read_bytes()).hexdigest() for p in SHARED.rglob("*") if p.is_file()}
    for path in (p for p in DATA.rglob("*") if p.is_file()):
        assert hashlib.sha256(path.read_bytes()).hexdigest() not in theirs, path.name


# --- gazetteer --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("adcode", "total", "villages", "communities", "points"),
    [("140525", 450, 428, 22, 59), ("140404", 191, 181, 10, 34)],
)
def test_units_are_complete(adcode, total, villages, communities, points):
    units = table(f"gazetteer/{adcode}_units.csv")
    assert len(units) == total
    assert Counter(units["kind"]) == {"village": villages, "community": communities}
    assert units["lon"].ne("").sum() == points
    assert units["code"].is_unique
    own = units["code"].str.fullmatch(r"\d{12}")
    assert units.loc[own, "code"].str.startswith(adcode).all()
    assert (units.loc[own, "code"].str[:9] == units.loc[own, "township_code"].str[:9]).all()
    # A unit without a code is named by county, township and name.
    rest = units[~own]
    assert (rest["code"] == adcode + "-" + rest["township"] + "-" + rest["name"]).all()
    assert (rest["in_2021"] == "false").all()
    assert not units.duplicated(["township", "name"]).any()
    towns = table(f"gazetteer/{adcode}_townships.csv")
    current = towns[towns["status"] == "current"]
    assert set(units["township_code"]) == set(current["code"])
    assert dict(zip(units["township_code"], units["township"], strict=True)) == dict(
        zip(current["code"], current["name"], strict=True)
    )


@pytest.mark.parametrize("adcode", sorted(BBOX))
def test_points_are_inside_the_county_and_say_what_they_rest_on(adcode):
    units = table(f"gazetteer/{adcode}_units.csv")
    there = units["lon"].ne("")
    fields = ["lat", "point_match", "point_uncertainty_m", "point_source", "point_licence"]
    for field in [*fields, "point_datum"]:
        assert (units[field].ne("") == there).all(), field
    placed = units[there]
    assert set(placed["point_match"]) <= {"exact", "landmark", "seat", "settlement"}
    west, south, east, north = BBOX[adcode]
    assert placed["lon"].astype(float).between(west, east).all()
    assert placed["lat"].astype(float).between(south, north).all()
    assert placed["point_uncertainty_m"].astype(float).between(500, 3000).all()
    for datum, source in zip(placed["point_datum"], placed["point_source"], strict=True):
        assert ("GCJ-02" in datum) == ("高德" in source)
    # Only quarters of one town may share a point: everything else stands alone.
    alone = placed[placed["point_match"] != "settlement"]
    assert not alone.duplicated(["lon", "lat"]).any()


def test_settlements_hold_the_quarters_and_place_a_quarter_without_a_code():
    units = table("gazetteer/140525_units.csv")
    shared = units[units["point_match"] == "settlement"]
    for _, row in table("gazetteer/140525_settlements.csv").iterrows():
        members = row["members"].split(";")
        town = units[units["township"] == row["township"]]
        assert set(members) <= set(town["name"])
        assert all(re.search(row["pattern"], member) or member.endswith("村") for member in members)
        mine = shared[shared["township"] == row["township"]]
        assert set(mine["name"]) <= set(members)
        assert (mine["lon"] == row["lon"]).all()
        assert (mine["lat"] == row["lat"]).all()
        # No other unit of the town has a name of that form.
        fits = town["name"].str.removesuffix("村").map(lambda n: bool(re.search(row["pattern"], n)))  # noqa: B023
        assert set(town.loc[fits, "name"]) <= set(members)
    dayang = table("gazetteer/140525_settlements.csv").set_index("settlement").loc["大阳"]
    assert re.search(dayang["pattern"], "三个街")


def test_no_village_stands_at_a_township_centroid():
    shared = SHARED / "data" / "gazetteer" / "townships.csv"
    if not shared.is_file():
        pytest.skip("the centroids are not beside the checkout")
    centres = pd.read_csv(shared, dtype=str).fillna("")
    taken = set(zip(centres["centroid_lon"], centres["centroid_lat"], strict=True))
    for path in DATA.rglob("*.csv"):
        frame = pd.read_csv(path, dtype=str).fillna("")
        if "lon" in frame:
            mine = set(zip(frame["lon"], frame["lat"], strict=True)) - {("", "")}
            assert not mine & taken, path.name


def test_former_townships_point_to_present_ones():
    for adcode, former, now in (("140525", "李寨乡", "南岭镇"), ("140404", "贾掌镇", "苏店镇")):
        towns = table(f"gazetteer/{adcode}_townships.csv").set_index("name")
        assert towns.loc[former, "status"] == "former"
        assert towns.loc[former, "merged_into"] == now
        assert towns.loc[now, "status"] == "current"


def test_other_names_are_documented_and_never_the_lists_misprints():
    for adcode in BBOX:
        units = table(f"gazetteer/{adcode}_units.csv")
        many = units[units["other_names"].ne("")]
        for _, row in many.iterrows():
            assert len(row["other_names"].split(";")) == len(row["other_names_source"].split(";"))
        others = {n for text in many["other_names"] for n in text.split(";")}
        for misprint in (
            "西阁庄",
            "閼庄",
            "涨泗沟",
            "张泗沟",
            "铁甫上",
            "瞿河底",
            "背荫",
            "庄稼",
            "二个街",
        ):
            assert misprint not in others


def test_population_is_never_without_its_source_and_kind():
    for adcode in BBOX:
        units = table(f"gazetteer/{adcode}_units.csv")
        there = units["population"].ne("")
        assert there.any()
        assert (units["population_source"].ne("") == there).all()
        assert set(units.loc[there, "population_kind"]) <= {"registered", "resident"}
        assert (units.loc[~there, "population_kind"] == "").all()
        year = pd.to_numeric(units.loc[there, "population_year"])
        assert year.dropna().between(1998, 2025).all()


def test_descriptions_name_units_that_exist():
    for adcode in BBOX:
        codes = set(table(f"gazetteer/{adcode}_units.csv")["code"])
        rows = table(f"gazetteer/{adcode}_descriptions.csv")
        assert set(rows["code"]) - {""} <= codes
        kinds = {"", "from_reference", "part_of_township", "part_of_county", "centre"}
        assert set(rows["bearing_kind"]) <= kinds
        assert set(rows["bearing"]) <= {"", "N", "NE", "E", "SE", "S", "SW", "W", "NW"}
        # A distance is from somewhere, and says whether it is by road.
        measured = rows[rows["distance_km"].ne("")]
        assert measured["reference_place"].ne("").all()
        assert set(measured["distance_kind"]) <= {"road", "straight"}


def test_radii_are_those_of_the_standards_unless_widened_with_a_reason():
    norms = Standards.load()
    for adcode in BBOX:
        units = table(f"gazetteer/{adcode}_units.csv")
        for _, row in units[units["lon"].ne("")].iterrows():
            match = row["point_match"]
            if match == "exact" and row["point_source"].startswith("CHGIS"):
                match = "historic"
            usual = norms.value(f"geocoding.radius.{match}_m")
            radius = float(row["point_uncertainty_m"])
            assert radius >= usual
            if radius > usual:
                reasons = ("放宽", "可能离村")
                assert any(word in row["point_note"] for word in reasons), row["name"]


# --- official lists ---------------------------------------------------------------------------


def test_both_lists_as_printed_and_as_proposed():
    rows = listed_rows()
    count = rows.groupby(["list", "category_printed"]).size()
    assert len(rows) == 160
    assert count["省级", "精品示范村"] == 5
    assert count["省级", "提档升级村"] == 60
    assert count["市级", "精品示范村"] == 22
    assert count["市级", "提档升级村"] == 73
    proposed = rows[rows["list"] == "市级"].groupby("category_proposed").size()
    assert proposed["精品示范村"] == 15
    assert proposed["提档升级村"] == 80
    moved = rows[rows["category_printed"] != rows["category_proposed"]]
    assert list(moved["township"].unique()) == ["大阳镇"]
    assert len(moved) == 7
    assert moved["reason"].str.contains("15与80").all()
    assert rows.groupby("list")["row"].nunique().to_dict() == {"省级": 16, "市级": 16}


def test_the_97_villages_of_the_lists():
    rows = listed_rows()
    key = rows["code"].where(rows["code"].ne(""), rows["township"] + rows["name"])
    lists = rows.groupby(key)["list"].agg(frozenset)
    assert len(lists) == 97
    assert (lists == {"省级", "市级"}).sum() == 63
    only = lists[lists == {"省级"}].index
    assert set(rows.loc[key.isin(only), "name"]) == {"山耳东", "北堆"}
    assert (lists == {"市级"}).sum() == 32
    distinct = rows[~key.duplicated()]
    uncoded = distinct[distinct["code"] == ""]
    assert set(zip(uncoded["township"], uncoded["name"], strict=True)) == {
        ("下村镇", "下庄"), ("川底镇", "小南庄"), ("柳树口镇", "下庄"), ("大阳镇", "三个街"),
    }  # fmt: skip
    assert (uncoded["certainty"] == "unresolved").all()


def test_list_rows_agree_with_the_code_table():
    units = table("gazetteer/140525_units.csv").set_index("code")
    rows = listed_rows()
    coded = rows[rows["code"].ne("")]
    assert (units.loc[coded["code"], "name"].to_numpy() == coded["name"].to_numpy()).all()
    assert (units.loc[coded["code"], "township"].to_numpy() == coded["township"].to_numpy()).all()
    same = (coded["printed"] == coded["name"]) | (coded["printed"] == coded["name"] + "村")
    differs = coded[~same]
    assert differs["reason"].ne("").all()
    assert set(rows["certainty"]) == {"sure", "likely", "weak", "unresolved"}


def test_points_of_the_listed_villages_are_the_expected_ones():
    units = table("gazetteer/140525_units.csv").set_index("code")
    rows = listed_rows().drop_duplicates(["township", "name"])
    listed = units.loc[[code for code in rows["code"] if code]]
    own = listed[listed["point_match"].isin(["exact", "landmark", "seat"])]
    assert set(own["name"]) == {
        "拦车", "河西", "西黄石", "东六庄", "南村", "北板桥", "西郜", "冶底", "大阳西街", "南岭",
    }  # fmt: skip
    assert own["point_source"].str.startswith("CHGIS").sum() == 3
    quarters = listed[listed["point_match"] == "settlement"]
    assert len(quarters) + 1 == 8  # 三个街 has no code and falls on the town's settlement row
    town = table("gazetteer/140525_settlements.csv")
    places = set(zip(listed["lon"], listed["lat"], strict=True)) - {("", "")}
    places |= {(r.lon, r.lat) for r in town.itertuples() if r.settlement == "大阳"}
    assert len(places) == 12
    assert len(rows) - len(own) - 8 == 79


def test_named_villages_of_shangdang():
    rows = table("villages/shangdang_named.csv")
    units = table("gazetteer/140404_units.csv").set_index("code")
    assert len(rows) == 14
    assert (units.loc[rows["code"], "name"].to_numpy() == rows["name"].to_numpy()).all()
    model = rows[rows["category_proposed"] == "精品示范村"]
    assert set(model["name"]) == {"振兴", "东掌", "永丰", "桥沟", "西申家庄"}
    assert (rows.loc[~rows.index.isin(model.index), "category_proposed"] == "").all()


# --- facilities, targets, roads, counties -----------------------------------------------------


def test_plants_keep_flow_apart_from_capacity():
    for key, inside in (("zezhou", 1), ("shangdang", 1)):
        plants = table(f"facilities/{key}_sewage.csv")
        assert plants["facility_id"].is_unique
        assert (plants["capacity"] == "").all()
        assert plants["flow_m3d"].astype(float).gt(0).all()
        assert (plants["in_county"] == "yes").sum() == inside
        assert plants["distance_to_county_km"].astype(float).le(20).all()
        assert (plants["uncertainty_m"] == "1500").all()


def test_clinics_and_the_hospital_stand_at_villages_that_exist():
    codes = set(table("gazetteer/140525_units.csv")["code"])
    for name in ("clinics", "hospitals"):
        rows = table(f"facilities/zezhou_{name}.csv")
        assert set(rows["village_code"]) <= codes
        assert rows["facility_id"].is_unique
        assert (rows["capacity"] == "").all()
    clinics = table("facilities/zezhou_clinics.csv")
    described = table("gazetteer/140525_descriptions.csv")
    said = set(described.loc[described["clinic"] == "yes", "code"]) - {""}
    assert set(clinics["village_code"]) == said


@pytest.mark.parametrize("scope", sorted(SEEDS))
def test_targets_keep_the_contract(scope):
    rows = table(f"targets/{scope}.csv")
    dated = rows.assign(year=pd.to_numeric(rows["year"]))  # some documents bear no date
    assert not find_problems(dated, TARGETS, file=scope).errors
    assert rows["id"].is_unique
    assert rows["scope"].nunique() == 1
    assert (rows["status"] == "no data").all()
    for _, row in rows.iterrows():
        number = float(row["value"])
        printed = re.findall(r"\d+(?:\.\d+)?", row["quote"].replace(",", ""))
        words = {1: "万", 4: "四", 5: "五", 15: "一刻钟"}
        spelled = number in words and words[number] in row["quote"]
        whole = number == 100 and "所有" in row["quote"]
        assert number in map(float, printed) or spelled or whole, (row["id"], row["quote"])


def test_changzhi_figures_describe_neither_county():
    assert set(table("targets/changzhi.csv")["scope"]) == {"长治市"}
    for key in ("zezhou", "shangdang"):
        county = County.open(key)
        assert [path.name for path in county.targets] == [f"{key}.csv"]


def test_the_impossible_water_figure_is_flagged_with_its_arithmetic():
    rows = table("targets/shangdang.csv").set_index("topic")
    flow = float(rows.loc["日新增供水量", "value"]) * 1e4 * 1000
    people = float(rows.loc["饮水管网更新惠及人口", "value"]) * 1e4
    assert round(flow / people) == 649
    assert "649" in rows.loc["日新增供水量", "plausibility"]
    assert rows.loc["日新增供水量", "plausibility"].startswith("不可能")


@pytest.mark.skipif(not (SHARED / "seeds").is_dir(), reason="the documents are not here")
@pytest.mark.parametrize("scope", sorted(SEEDS))
def test_quotes_are_verbatim(scope):
    texts = [p.read_text(encoding="utf-8") for p in sorted((SHARED / "seeds").glob("*.txt"))
             if p.name.startswith(SEEDS[scope])]  # fmt: skip
    assert len(texts) == len(SEEDS[scope])
    for quote in table(f"targets/{scope}.csv")["quote"]:
        assert any(quote in text.replace("\t", " ") for text in texts), quote


@pytest.mark.skipif(not (SHARED / "seeds").is_dir(), reason="the documents are not here")
def test_printed_names_are_those_of_the_document():
    text = next((SHARED / "seeds").glob("004_*.txt")).read_text(encoding="utf-8")
    annexes = re.split(r"\n附件 ?[12]\n", text)[1:]
    rows = listed_rows()
    for annex, name in zip(annexes, ("省级", "市级"), strict=True):
        printed = [
            (line.split("\t")[0], village)
            for line in annex.splitlines()
            if re.match(r"\S+镇\t", line)
            for cell in line.split("\t")[1:3]
            for village in cell.split("、")
            if village
        ]
        mine = rows[rows["list"] == name]
        assert printed == list(zip(mine["township"], mine["printed"], strict=True))


@pytest.mark.parametrize("key", ["zezhou", "shangdang"])
def test_road_skeleton(key):
    path = DATA / "roads" / f"{key}_main.geojson"
    assert path.stat().st_size < 700_000
    raw = json.loads(path.read_text(encoding="utf-8"))
    for feature in raw["features"]:
        for x, y in feature["geometry"]["coordinates"]:
            assert round(x, 5) == x
            assert round(y, 5) == y
    roads = gpd.read_file(path)
    assert not find_problems(roads, ROADS, file=path.name).errors
    assert roads["road_id"].is_unique
    assert set(roads["road_class"]) <= {"motorway", "trunk", "primary"}
    assert set(roads["basis"]) == {"generalised"}
    assert set(roads["licence"]) == {"ODbL 1.0"}
    assert not roads["oneway"].any()
    assert roads.geometry.is_valid.all()
    assert not roads.geometry.normalize().duplicated().any()
    assert roads.to_crs("EPSG:4547").length.min() > 1
    # The part open to village traffic hangs together by shared end points: one component holds
    # most of its length.
    open_ = roads[(roads["status"] == "existing") & (roads["road_class"] != "motorway")]
    parent: dict[tuple[float, float], tuple[float, float]] = {}

    def root(node):
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    ends = [(line.coords[0], line.coords[-1]) for line in open_.geometry]
    for first, last in ends:
        parent[root(first)] = root(last)
    length: Counter[tuple[float, float]] = Counter()
    for (first, _), metres in zip(ends, open_.to_crs("EPSG:4547").length, strict=True):
        length[root(first)] += metres
    assert max(length.values()) > 0.98 * sum(length.values())


@pytest.mark.parametrize(
    ("seat", "published_km"), [("金村镇", 8), ("巴公镇", 17), ("晋庙铺镇", 26)]
)
def test_skeleton_agrees_with_published_distances_from_the_city(seat, published_km):
    # Place-name pages give road distances from the city; 晋庙铺's is that of 拦车 beside it.
    roads = gpd.read_file(DATA / "roads" / "zezhou_main.geojson").to_crs("EPSG:4547")
    roads = roads[(roads["status"] == "existing") & (roads["road_class"] != "motorway")]
    graph = nx.Graph()
    for line in roads.geometry:
        ends = [tuple(round(v, 1) for v in line.coords[i]) for i in (0, -1)]
        old = graph.get_edge_data(*ends, default={"metres": float("inf")})["metres"]
        graph.add_edge(*ends, metres=min(line.length, old))
    graph = graph.subgraph(max(nx.connected_components(graph), key=len))
    towns = table("gazetteer/140525_townships.csv").set_index("name")
    lon, lat = [112.8474, float(towns.loc[seat, "lon"])], [35.5020, float(towns.loc[seat, "lat"])]
    places = gpd.GeoSeries.from_xy(lon, lat, crs="EPSG:4326").to_crs("EPSG:4547")
    city, town = (
        min(graph, key=lambda node: (node[0] - p.x) ** 2 + (node[1] - p.y) ** 2) for p in places
    )
    km = nx.shortest_path_length(graph, city, town, weight="metres") / 1000
    assert 0.8 * published_km <= km <= 1.2 * published_km


def test_county_files_open_and_name_files_that_exist():
    for key, adcode in (("zezhou", "140525"), ("shangdang", "140404")):
        county = County.open(key)
        assert county.adcode == adcode
        paths = [*county.villages.lists, *county.targets, *(r.path for r in county.roads.files)]
        paths += [f.path for f in county.facilities if f.path]
        assert paths
        for path in paths:
            assert county.resolve(path).is_file(), path
        # Only a complete register could turn silence into "not covered": none is.
        assert all(f.inventory != "complete" for f in county.facilities)
        assert county.corridor is not None
        assert county.corridor.segments is None
