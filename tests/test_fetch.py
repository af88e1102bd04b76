"""Fetching against a local server that speaks Overpass and serves rasters by Range requests."""

from __future__ import annotations

import csv
import http.server
import io
import json
import re
import socketserver
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import rasterio.shutil
import shapely
from affine import Affine

from qianwan_gis import DataError, Plan, RoadNetwork, Terrain, UnavailableError, UsageError, fetch
from qianwan_gis.county import County
from qianwan_gis.fetch import overpass, surfaces
from qianwan_gis.geocoding.osm_places import OsmPlaces

Json = dict[str, object]


@dataclass
class Office:
    """A server with a small OpenStreetMap and a folder of rasters; faults come in a queue."""

    url: str = ""
    nodes: dict[int, tuple[float, float, Json]] = field(default_factory=dict)
    ways: dict[int, tuple[list[int], Json]] = field(default_factory=dict)
    relations: dict[int, tuple[list[Json], Json]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    largest_deg: float = 90.0
    asked: list[str] = field(default_factory=list)
    ranges: list[tuple[int, int]] = field(default_factory=list)
    sent: int = 0

    def answer(self, query: str) -> Json:
        """Answer the Overpass QL that the toolkit writes, from its text alone."""
        body = re.fullmatch(r"\[out:json\]\[timeout:\d+\];\((.*)\);\(\._;>;\);out;", query)
        assert body is not None, query
        found: set[tuple[str, int]] = set()
        size = 0.0
        for kind, filters, corners in re.findall(
            r"(node|way|nwr)((?:\[[^\]]*\])+)\(poly:'([^']*)'\);", body[1]
        ):
            numbers = [float(v) for v in corners.split()]
            area = shapely.Polygon(list(zip(numbers[1::2], numbers[::2], strict=True)))
            west, south, east, north = area.bounds
            size = max(size, east - west, north - south)
            rules = re.findall(r'\["([^"]+)"(?:(!?~|=)"([^"]*)")?\]', filters)

            def fits(tags: Json, rules=rules) -> bool:
                for name, how, value in rules:
                    has = str(tags.get(name, ""))
                    if how == "":
                        ok = name in tags
                    elif how == "~":
                        ok = name in tags and re.search(value, has) is not None
                    else:
                        ok = name not in tags or re.search(value, has) is None
                    if not ok:
                        return False
                return True

            here = {n for n, (x, y, _) in self.nodes.items() if area.covers(shapely.Point(x, y))}
            if kind in ("node", "nwr"):
                found |= {("node", n) for n in here if fits(self.nodes[n][2])}
            if kind in ("way", "nwr"):
                found |= {
                    ("way", w) for w, (refs, tags) in self.ways.items()
                    if fits(tags) and here & set(refs)
                }  # fmt: skip
            if kind == "nwr":
                for number, (members, tags) in self.relations.items():
                    refs = {n for m in members for n in self.ways[int(str(m["ref"]))][0]}
                    if fits(tags) and here & refs:
                        found.add(("relation", number))
        if size > self.largest_deg:
            return {"elements": [], "remark": 'runtime error: Query timed out in "query" at line 1'}
        for kind, number in list(found):
            if kind == "relation":
                found |= {("way", int(str(m["ref"]))) for m in self.relations[number][0]}
        for kind, number in list(found):
            if kind == "way":
                found |= {("node", n) for n in self.ways[number][0]}
        elements: list[Json] = []
        for kind, number in sorted(found):
            if kind == "node":
                x, y, tags = self.nodes[number]
                element: Json = {"type": kind, "id": number, "lat": y, "lon": x}
            elif kind == "way":
                refs, tags = self.ways[number]
                element = {"type": kind, "id": number, "nodes": refs}
            else:
                members, tags = self.relations[number]
                element = {"type": kind, "id": number, "members": members}
            elements.append({**element, "tags": tags} if tags else element)
        return {"osm3s": {"timestamp_osm_base": "2025-11-02T03:04:05Z"}, "elements": elements}


@pytest.fixture
def office() -> Iterator[Office]:
    state = Office()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def reply(self, status: int, body: bytes, *, cut: bool = False, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body) + (500 if cut else 0)))
            if cut:
                self.close_connection = True
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
                state.sent += len(body)

        def fault(self) -> bool:
            if not state.faults:
                return False
            fault = state.faults.pop(0)
            if fault == "none":
                return False
            if fault == "cut":
                self.reply(200, b'{"elements": [', cut=True)
            elif fault == "drop":
                self.close_connection = True
                self.connection.close()
            elif fault == "nonsense":
                self.reply(200, b"<html>please log in</html>")
            elif fault == "broken":
                self.reply(200, b'{"elements": [{"type": "node", "id": 1, "lat": 900}]}')
            elif fault == "memory":
                self.reply(200, b'{"elements": [], "remark": "runtime error: out of memory"}')
            else:
                self.reply(int(fault), b"busy", Retry_After="0")
            return True

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            query = urllib.parse.parse_qs(self.rfile.read(length).decode())["data"][0]
            assert self.path == "/api/interpreter"
            state.asked.append(query)
            if not self.fault():
                self.reply(200, json.dumps(state.answer(query), ensure_ascii=False).encode())

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            if self.command == "GET" and self.fault():
                return
            name = urllib.parse.urlsplit(self.path).path
            data = state.files.get(name)
            if data is None:
                self.reply(404, b"")
                return
            wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            if wanted is None:
                self.reply(200, data, Accept_Ranges="bytes")
                return
            first, last = int(wanted[1]), min(int(wanted[2]), len(data) - 1)
            state.ranges.append((first, last))
            self.reply(
                206, data[first : last + 1], Accept_Ranges="bytes",
                Content_Range=f"bytes {first}-{last}/{len(data)}",
            )  # fmt: skip

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
        daemon_threads = True

        def handle_error(self, *args: object) -> None:
            """A line cut on purpose is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def county(own_demo: Path) -> County:
    return County.open(own_demo)


@pytest.fixture
def box(county: County) -> tuple[float, float, float, float]:
    outline = gpd.read_file(county.resolve(county.boundary.file.path))
    return tuple(outline.to_crs("EPSG:4326").total_bounds)


@pytest.fixture
def mapped(office: Office, box) -> Office:
    """A main road across the county, a village road, a footpath, a closed road, services."""
    west, south, east, north = box
    x, y = (west + east) / 2, (south + north) / 2
    for i, lon in enumerate(np.linspace(west - 0.01, east + 0.01, 41)):
        office.nodes[100 + i] = (float(lon), y, {})
    office.ways[1] = ([100 + i for i in range(41)],
                      {"highway": "secondary", "name": "长河线", "ref": "S333", "maxspeed": "60"})  # fmt: skip
    office.nodes[200] = (x, y + 0.01, {})
    middle = 120
    office.ways[2] = ([middle, 200], {"highway": "unclassified", "surface": "concrete"})
    office.ways[3] = ([200, 105], {"highway": "path"})
    office.ways[4] = ([200, 110], {"highway": "proposed"})
    office.nodes[300] = (x + 0.001, y, {"amenity": "clinic", "name": "虚河镇卫生院"})
    office.nodes[301] = (x + 0.002, y, {"amenity": "doctors", "name": "上庄村卫生室"})
    office.nodes[302] = (x + 0.003, y, {"amenity": "clinic", "name": "康乐诊所"})
    office.nodes[303] = (x + 0.004, y, {"amenity": "toilets"})
    square = [(0.005, 0.001), (0.006, 0.001), (0.006, 0.002), (0.005, 0.002)]
    for i, (dx, dy) in enumerate(square):
        office.nodes[310 + i] = (x + dx, y + dy, {})
    office.ways[10] = ([310, 311, 312, 313, 310], {})
    office.relations[20] = ([{"type": "way", "ref": 10, "role": "outer"}],
                            {"type": "multipolygon", "amenity": "hospital", "name": "虚谷县人民医院"})  # fmt: skip
    office.nodes[400] = (x, y, {"place": "village", "name": "上庄", "alt_name": "上莊;大上庄"})
    office.nodes[401] = (x, y + 0.01, {"place": "hamlet", "name": "西沟"})
    return office


def options(office: Office, tmp_path: Path) -> dict:
    return {"url": office.url + "/api", "cache": tmp_path / "cache", "pause": 0.01}


def put_in(county: County, snippet: str) -> Plan:
    text = county.file.read_text(encoding="utf-8")
    county.file.write_text(text + "\n" + snippet, encoding="utf-8")
    return Plan.open(county.folder)


# ------------------------------------------------------------------ roads


def test_roads_arrive_with_classes_record_and_snippet(mapped, county, tmp_path) -> None:
    got = fetch.roads(county, county.folder, **options(mapped, tmp_path))
    assert [p.name for p in got.files] == ["osm_roads.gpkg"]
    assert got.date == "2025-11-02"
    table = gpd.read_file(got.files[0])
    assert sorted(table["road_class"].unique()) == ["path", "secondary", "village"]
    main = table[table["road_class"] == "secondary"]
    assert set(main["name"]) == {"长河线"}
    assert set(main["maxspeed_kph"]) == {60.0}
    assert len(main) == 3  # cut where the village road and the path join
    rows = list(csv.DictReader(io.StringIO((county.folder / "fetched.csv").read_text("utf-8-sig"))))
    assert rows[0]["kind"] == "roads"
    assert rows[0]["licence"] == "ODbL 1.0"
    assert "OpenStreetMap contributors" in rows[0]["attribution"]
    assert rows[0]["date"] == "2025-11-02"
    assert rows[0]["address"] == mapped.url + "/api/interpreter"
    assert len(rows[0]["sha256"]) == 64
    # the snippet makes them the county's roads
    before = len(Plan.open(county.folder).recorded_roads)
    plan = put_in(county, got.snippet)
    assert len(plan.recorded_roads) == before + len(table)
    assert (plan.recorded_roads["basis"] == "osm").sum() == len(table)
    RoadNetwork.from_roads(plan.recorded_roads)


def test_tiles_give_the_same_as_one_question_and_are_remembered(mapped, county, tmp_path) -> None:
    whole = fetch.roads(county, tmp_path / "a", **options(mapped, tmp_path))
    assert len(mapped.asked) >= 1
    first = len(mapped.asked)
    fetch.roads(county, tmp_path / "a2", **options(mapped, tmp_path))
    assert len(mapped.asked) == first  # from the cache
    steps: list[tuple[int, int]] = []
    small = {**options(mapped, tmp_path), "cache": tmp_path / "cache2"}
    tiled = fetch.roads(
        county, tmp_path / "b", tile_km=8.0, progress=lambda *a: steps.append(a), **small
    )
    assert len(mapped.asked) - first > first + 3
    assert steps[-1][0] == steps[-1][1] == len(mapped.asked) - first
    a, b = gpd.read_file(whole.files[0]), gpd.read_file(tiled.files[0])
    assert a.drop(columns="geometry").equals(b.drop(columns="geometry"))
    assert a.geometry.geom_equals(b.geometry).all()
    fetch.roads(county, tmp_path / "c", tile_km=8.0, refresh=True, **small)
    assert len(mapped.asked) == first + 2 * (steps[-1][1])


@pytest.mark.parametrize("fault", ["429", "504", "cut", "drop", "nonsense", "broken"])
def test_one_fault_is_overcome(mapped, county, tmp_path, fault) -> None:
    clean = fetch.roads(county, tmp_path / "clean", **options(mapped, tmp_path))
    mapped.faults = [fault, fault]
    again = {**options(mapped, tmp_path), "cache": tmp_path / "fresh"}
    got = fetch.roads(county, tmp_path / "out", **again)
    assert mapped.faults == []
    assert got.features == clean.features


def test_an_answer_cut_short_by_the_server_is_never_believed(mapped, county, tmp_path) -> None:
    mapped.largest_deg = 0.06  # the server gives up on anything larger
    got = fetch.roads(county, county.folder, **options(mapped, tmp_path))
    mapped.largest_deg = 90.0
    clean = fetch.roads(
        county, tmp_path / "b", url=mapped.url + "/api", cache=tmp_path / "other", pause=0.01
    )
    assert got.features == clean.features
    mapped.largest_deg = 0.0  # and now on everything
    with pytest.raises(UnavailableError, match="timed out"):
        fetch.roads(
            county, tmp_path / "c", url=mapped.url + "/api", cache=tmp_path / "c3", pause=0.01
        )
    assert not (tmp_path / "c").exists()


def test_interrupted_work_goes_on_where_it_stopped(mapped, county, tmp_path) -> None:
    small = {**options(mapped, tmp_path), "tile_km": 8.0}
    mapped.faults = ["none", "none", *["504"] * 5]
    with pytest.raises(UnavailableError, match="已取得2块") as told:
        fetch.roads(county, county.folder, **small)
    assert "roads/" in told.value.text.zh
    assert "osm.pbf" in told.value.text.en
    assert not (county.folder / "fetched.csv").exists()
    asked = len(mapped.asked)
    steps: list[tuple[int, int]] = []
    fetch.roads(county, county.folder, progress=lambda *a: steps.append(a), **small)
    assert len(mapped.asked) - asked == steps[-1][1] - 2


def test_offline_says_what_to_do_by_hand(county, tmp_path) -> None:
    nobody = {"url": "http://127.0.0.1:9/api", "cache": tmp_path / "c", "pause": 0.01}
    for kind, word in (("roads", "geofabrik"), ("facilities", "[[facilities]]"),
                       ("villages", "[villages.units]")):  # fmt: skip
        with pytest.raises(UnavailableError, match="不联网时") as told:
            getattr(fetch, kind)(county, tmp_path / "out", **nobody)
        assert word in told.value.text.zh
        assert "QIANWAN_OVERPASS_URL" in told.value.text.en
    nobody["url"] = "http://127.0.0.1:9"
    for kind, word in (("dem", "[terrain]"), ("population", "worldpop.org")):
        with pytest.raises(UnavailableError, match="不联网时") as told:
            getattr(fetch, kind)(county, tmp_path / "out", timeout=5.0, **nobody)
        assert word in told.value.text.zh
    assert not (tmp_path / "out").exists()


def test_an_area_without_roads_is_told(office, county, tmp_path) -> None:
    with pytest.raises(DataError, match="没有道路"):
        fetch.roads(county, county.folder, **options(office, tmp_path))


def test_the_endpoint_is_chosen_by_option_environment_and_osmnx(monkeypatch) -> None:
    import osmnx

    monkeypatch.delenv("QIANWAN_OVERPASS_URL", raising=False)
    assert overpass.endpoint() == osmnx.settings.overpass_url.rstrip("/") + "/interpreter"
    monkeypatch.setenv("QIANWAN_OVERPASS_URL", "http://mirror/api/")
    assert overpass.endpoint() == "http://mirror/api/interpreter"
    assert overpass.endpoint("http://x/api/interpreter") == "http://x/api/interpreter"
    near = ["http://mirror/api", "http://127.0.0.1:1/", "http://10.1.2.3/api", "http://localhost/"]
    assert all(overpass.is_near(url) for url in near)
    assert not overpass.is_near("https://overpass-api.de/api")


# ------------------------------------------------------------------ services and places


def test_services_are_sorted_into_tiers_by_name(mapped, county, tmp_path) -> None:
    got = fetch.facilities(county, county.folder, **options(mapped, tmp_path))
    assert got.features == {
        "osm_clinic_county.gpkg": 1, "osm_clinic_township.gpkg": 1, "osm_clinic_village.gpkg": 1,
        "osm_corridor_toilet.gpkg": 1, "osm_other.gpkg": 1,
    }  # fmt: skip
    hospital = gpd.read_file(county.folder / "facilities" / "osm_clinic_county.gpkg")
    assert hospital["facility_id"].tolist() == ["relation/20"]
    x = np.mean([mapped.nodes[310 + i][0] for i in range(4)])
    assert hospital.geometry.x[0] == pytest.approx(x, abs=1e-6)  # an area made whole by osmnx
    assert 'inventory = "partial"' in got.snippet
    plan = put_in(county, got.snippet)
    names = set(plan.facilities["name"])
    assert {"虚谷县人民医院", "虚河镇卫生院", "上庄村卫生室"} <= names
    # a second fetch without the hospital leaves no stale file behind
    del mapped.relations[20]
    fetch.facilities(county, county.folder, refresh=True, **options(mapped, tmp_path))
    assert not (county.folder / "facilities" / "osm_clinic_county.gpkg").exists()
    record = (county.folder / "fetched.csv").read_text("utf-8-sig")
    assert "osm_clinic_county" not in record


def test_no_services_at_all_is_told_not_an_error(office, county, tmp_path) -> None:
    got = fetch.facilities(county, county.folder, **options(office, tmp_path))
    assert got.files == []
    assert "没有" in got.notes[0].zh


@pytest.mark.parametrize(
    ("tags", "tier"),
    [
        ({"amenity": "hospital", "name": "泽州县中医院"}, ("clinic", "county")),
        ({"amenity": "hospital", "name": "大阳镇中心卫生院"}, ("clinic", "township")),
        ({"healthcare": "centre", "name": "东街社区卫生服务中心"}, ("clinic", "township")),
        ({"amenity": "doctors", "name": "冶底村卫生所"}, ("clinic", "village")),
        ({"amenity": "clinic", "name": "张氏诊所"}, None),
        ({"amenity": "hospital", "name": "爱宠动物医院"}, None),
        ({"amenity": "hospital"}, None),
        ({"man_made": "water_works", "name": float("nan")}, ("water", "works")),
        ({"man_made": "wastewater_plant"}, ("sewage", "plant")),
        ({"tourism": "viewpoint"}, ("corridor", "scenic")),
    ],
)
def test_tiers(tags, tier) -> None:
    from qianwan_gis.fetch.osm import tier_of

    assert tier_of(tags) == tier


def test_places_become_evidence_for_the_geocoder(mapped, county, tmp_path) -> None:
    got = fetch.villages(county, county.folder, **options(mapped, tmp_path))
    table = gpd.read_file(got.files[0])
    assert table["name"].tolist() == ["上庄", "西沟"]
    assert table["other_names"].tolist() == ["上莊;大上庄", ""]
    found = OsmPlaces(county.folder / "villages" / "osm_places.osm").search("大上庄")
    assert [place.source for place in found] == ["OpenStreetMap node 400"]
    plan = put_in(county, got.snippet).check()  # the folder stays a working project
    assert "villages/osm_places.osm" in plan.input_files()


def test_fetched_places_put_villages_on_the_map(office, tmp_path) -> None:
    """A table without coordinates, two townships that each have a 上庄, and what OSM knows."""
    folder = tmp_path / "project"
    (folder / "boundaries").mkdir(parents=True)
    east, west = shapely.box(112.7, 35.3, 112.9, 35.5), shapely.box(112.5, 35.3, 112.7, 35.5)
    outline = gpd.GeoDataFrame(geometry=[east | west], crs="EPSG:4326")
    outline.to_file(folder / "boundaries" / "outline.gpkg")
    areas = gpd.GeoDataFrame({"name": ["东镇", "西镇"]}, geometry=[east, west], crs="EPSG:4326")
    areas.to_file(folder / "boundaries" / "townships.gpkg")
    (folder / "villages.csv").write_text(
        "行政村,乡镇\n上庄村,东镇\n上庄村,西镇\n长沟村,东镇\n", encoding="utf-8"
    )
    (folder / "county.toml").write_text(
        'key = "small"\nadcode = "999999"\nname = "小县"\nrun_date = 2025-01-01\n'
        '[boundary.file]\npath = "boundaries/outline.gpkg"\n'
        '[boundary.townships]\npath = "boundaries/townships.gpkg"\n'
        '[villages.units]\npath = "villages.csv"\n', encoding="utf-8",
    )  # fmt: skip
    before = Plan.open(folder).check().villages
    assert set(before["basis"]) == {"region"}
    office.nodes[1] = (112.812345, 35.412345, {"place": "village", "name": "上庄村"})
    office.nodes[2] = (112.55, 35.35, {"place": "hamlet", "name": "小沟"})
    county = County.open(folder)
    got = fetch.villages(county, folder, **options(office, tmp_path))
    villages = put_in(county, got.snippet).check().villages
    found = villages[villages["basis"] == "point"]
    assert found[["name", "township", "match"]].to_numpy().tolist() == [
        ["上庄", "东镇", "provider"]
    ]
    spot = found.to_crs("EPSG:4326").geometry.iloc[0]
    assert (spot.x, spot.y) == pytest.approx((112.812345, 35.412345), abs=1e-6)
    assert "OpenStreetMap" in found["evidence"].iloc[0]
    assert len(villages) == 3
    # the date is the data's, so that the same files give the same bytes on another day
    assert got.date in county.file.read_text(encoding="utf-8")
    places = OsmPlaces(folder / "villages" / "osm_places.osm", "2020-02-02").search("上庄")
    assert [place.date for place in places] == ["2020-02-02"]


def test_township_areas_without_a_name_are_told(county) -> None:
    path = county.resolve(county.boundary.townships.path)
    layer = gpd.read_file(path, layer=county.boundary.townships.layer)
    path.unlink()
    layer[["geometry"]].assign(KIND="镇").to_file(path, layer=county.boundary.townships.layer)
    with pytest.raises(DataError, match=f"{path.name}.*乡镇名称"):
        Plan.open(county.folder).check()


def test_a_places_file_that_is_missing_is_an_error_of_the_project(county) -> None:
    plan = put_in(county, '[providers.osm_places]\npath = "villages/gone.osm"\n')
    with pytest.raises(DataError, match=r"villages/gone\.osm") as told:
        plan.check()
    errors = [p for p in told.value.problems if p.level == "error"]
    assert {p.field for p in errors} == {"providers.osm_places"}


# ------------------------------------------------------------------ rasters


def height(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    return 800.0 + 400.0 * (lon - 112.0) + 300.0 * (lat - 35.0)


def cog(tmp_path: Path, values: np.ndarray, transform: Affine, nodata: float | None) -> bytes:
    plain, path = tmp_path / "plain.tif", tmp_path / "cog.tif"
    with rasterio.open(
        plain, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1,
        dtype=values.dtype.name, crs="EPSG:4326", transform=transform, nodata=nodata,
    ) as file:  # fmt: skip
        file.write(values, 1)
    rasterio.shutil.copy(plain, path, driver="COG", compress="deflate", blocksize=128)
    data = path.read_bytes()
    plain.unlink()
    path.unlink()
    return data


def put_tiles(office: Office, box, tmp_path: Path, *, leave_out: int = 0) -> list[str]:
    """Tiles of 3" cells with GLO-30's half-cell shift over the county."""
    names = list(surfaces._tiles((box[0] - 0.05, box[1] - 0.05, box[2] + 0.05, box[3] + 0.05)))
    for name in names[leave_out:]:
        lat, lon = (int(re.search(rf"_{c}(\d+)_", name)[1]) for c in "NE")
        cell = 1 / 1200
        left, top = lon - cell / 2, lat + 1 + cell / 2
        x = left + (np.arange(1200) + 0.5) * cell
        y = top - (np.arange(1200) + 0.5) * cell
        values = height(*np.meshgrid(x, y)).astype("float32")
        data = cog(tmp_path, values, Affine(cell, 0, left, 0, -cell, top), None)
        office.files[f"/{name}/{name}.tif"] = data
    return names


def test_heights_are_cut_projected_and_right(office, county, box, tmp_path) -> None:
    put_tiles(office, box, tmp_path)
    use = {"url": office.url, "cache": tmp_path / "cache", "pause": 0.01}
    got = fetch.dem(county, county.folder, **use)
    total = sum(len(data) for data in office.files.values())
    assert office.ranges, "nothing was asked for by Range"
    assert office.sent < total / 2  # a piece, not the whole tile
    terrain = Terrain.open(got.files[0])
    plan = Plan.open(county.folder)
    assert terrain.crs == plan.crs
    assert terrain.cell_m == 30.0
    points = plan.villages.geometry.dropna()
    degrees = points.to_crs("EPSG:4326")
    expected = height(degrees.x.to_numpy(), degrees.y.to_numpy())
    np.testing.assert_allclose(terrain.sample(points), expected, atol=0.05)
    assert (terrain.slope(points) < 2).all()
    assert "[terrain]" in got.snippet
    record = (county.folder / "fetched.csv").read_text("utf-8-sig")
    assert "Airbus" in record
    # again, offline: from the cache
    office.files.clear()
    before = office.sent
    fetch.dem(county, tmp_path / "again", **use)
    assert office.sent == before
    assert (tmp_path / "again/boundaries/dem.tif").read_bytes() == got.files[0].read_bytes()


@pytest.mark.parametrize("fault", ["503", "cut", "drop"])
def test_cut_lines_are_overcome_for_rasters(office, county, box, tmp_path, fault) -> None:
    put_tiles(office, box, tmp_path)
    clean = fetch.dem(county, tmp_path / "a", url=office.url, cache=tmp_path / "c1", pause=0.01)
    office.faults = ["none", fault, "none", fault]
    got = fetch.dem(county, tmp_path / "b", url=office.url, cache=tmp_path / "c2", pause=0.01)
    assert office.faults == []
    assert got.files[0].read_bytes() == clean.files[0].read_bytes()


def test_missing_tiles_are_told(office, county, box, tmp_path) -> None:
    use = {"url": office.url, "cache": tmp_path / "cache", "pause": 0.01}
    with pytest.raises(DataError, match="没有这一带"):
        fetch.dem(county, county.folder, **use)


def test_a_mirror_may_be_a_folder_and_name_tiles_its_own_way(county, box, tmp_path) -> None:
    office = Office()
    put_tiles(office, box, tmp_path)
    for name, data in office.files.items():
        (tmp_path / "mirror").mkdir(exist_ok=True)
        (tmp_path / "mirror" / Path(name).name).write_bytes(data)
    got = fetch.dem(
        county, county.folder, url=str(tmp_path / "mirror" / "{tile}.tif"), cache=tmp_path / "c"
    )
    assert Terrain.open(got.files[0]).cell_m == 30.0
    assert str(tmp_path) not in (county.folder / "fetched.csv").read_text("utf-8-sig")


def test_people_are_cut_never_resampled(office, county, box, tmp_path) -> None:
    cell = 1 / 1200
    left, top = np.floor(box[0] - 0.5), np.ceil(box[3] + 0.5)
    shape = (int((top - box[1] + 0.5) / cell), int((box[2] + 0.5 - left) / cell))
    rng = np.random.default_rng(1)
    values = rng.gamma(1.0, 3.0, shape).astype("float32")
    values[rng.random(shape) < 0.3] = -99999.0
    transform = Affine(cell, 0, left, 0, -cell, top)
    office.files["/pop.tif"] = cog(tmp_path, values, transform, -99999.0)
    got = fetch.population(
        county, county.folder, url=office.url + "/pop.tif?key=secret", cache=tmp_path / "c",
        pause=0.01,
    )  # fmt: skip
    with rasterio.open(got.files[0]) as raster:
        piece = raster.read(1)
        row, col = (round(v) for v in ((top - raster.transform.f) / cell,
                                       (raster.transform.c - left) / cell))  # fmt: skip
    own = values[row : row + piece.shape[0], col : col + piece.shape[1]]
    np.testing.assert_array_equal(np.where(own < 0, -9999.0, own).astype("float32"), piece)
    outline = gpd.read_file(county.resolve(county.boundary.file.path)).to_crs("EPSG:4326")
    x = left + (np.arange(shape[1]) + 0.5) * cell
    y = top - (np.arange(shape[0]) + 0.5) * cell
    inside = shapely.contains_xy(outline.geometry.iloc[0], *np.meshgrid(x, y))
    total = values[inside & (values > 0)].astype(float).sum()
    assert f"{total:,.0f}" in got.notes[0].zh
    assert "secret" not in (county.folder / "fetched.csv").read_text("utf-8-sig")
    assert office.sent < len(office.files["/pop.tif"])


def test_an_interrupted_fetch_of_heights_keeps_the_tiles_it_has(
    office, county, box, tmp_path, monkeypatch
) -> None:
    """A mirror named in the environment, whose line breaks for good after the first tile."""
    put_tiles(office, box, tmp_path)
    monkeypatch.setenv("QIANWAN_DEM_URL", office.url)
    use = {"cache": tmp_path / "cache", "pause": 0.01}
    done: list[tuple[int, int]] = []

    def tell(number: int, total: int) -> None:
        done.append((number, total))
        office.faults = ["drop"] * 40

    with pytest.raises(UnavailableError, match="QIANWAN_DEM_URL"):
        fetch.dem(county, tmp_path / "new", progress=tell, **use)
    assert done == [(1, 4)]
    assert not (tmp_path / "new").exists()
    office.faults, office.ranges = [], []
    got = fetch.dem(county, tmp_path / "new", **use)
    rest = len(office.ranges)
    whole = fetch.dem(county, tmp_path / "whole", cache=tmp_path / "other", pause=0.01)
    assert 0 < rest < len(office.ranges) - rest
    assert got.files[0].read_bytes() == whole.files[0].read_bytes()


# ------------------------------------------------------------------ the one call


def test_fetch_by_key_and_kind(mapped, county, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("QIANWAN_OVERPASS_URL", mapped.url + "/api")
    monkeypatch.setenv("QIANWAN_CACHE", str(tmp_path / "cache"))
    got = fetch.fetch(county.folder, "roads")
    assert got.files[0] == county.folder / "roads" / "osm_roads.gpkg"
    with pytest.raises(UsageError, match="buildings"):
        fetch.fetch(county.folder, "buildings")
    with pytest.raises(UsageError, match="缓冲"):
        fetch.fetch(county.folder, "roads", buffer_m=-1.0)
    # the carried data is never written to
    monkeypatch.chdir(tmp_path)
    from qianwan_gis.fetch._county import target_folder

    assert target_folder(County.open("zezhou")) == Path("zezhou_fetched")


def test_a_real_extract_comes_back_whole(office, tmp_path) -> None:
    """The extract that pyogrio brings for its own tests, moved 114 degrees east, in four tiles."""
    import osmium
    import pyogrio

    from qianwan_gis.roads import read_roads

    path = Path(pyogrio.__file__).parent / "tests/fixtures/sample.osm.pbf"
    if not path.is_file():
        pytest.skip("pyogrio was installed without its test files")
    for item in osmium.FileProcessor(str(path)):
        tags = {tag.k: tag.v for tag in item.tags}
        if item.is_node():
            office.nodes[item.id] = (item.location.lon + 114.0, item.location.lat, tags)
        elif item.is_way():
            office.ways[item.id] = ([node.ref for node in item.nodes], tags)
    complete = {w for w, (refs, _) in office.ways.items() if set(refs) <= set(office.nodes)}
    office.ways = {w: office.ways[w] for w in complete}
    theirs = read_roads(path, crs="EPSG:4326")
    theirs = theirs[theirs["road_id"].str.extract(r"w(\d+)")[0].astype(int).isin(complete)]
    box = shapely.box(*theirs.total_bounds)
    moved = shapely.transform(box, lambda xy: xy + np.array([114.0, 0.0]))
    gpd.GeoDataFrame(geometry=[moved], crs="EPSG:4326").to_file(tmp_path / "outline.gpkg")
    (tmp_path / "county.toml").write_text(
        'key = "real"\nadcode = "999999"\nname = "实"\nrun_date = 2025-01-01\n'
        '[boundary.file]\npath = "outline.gpkg"\n', encoding="utf-8",
    )  # fmt: skip
    county = County.open(tmp_path)
    got = fetch.roads(county, tmp_path, buffer_m=3000.0, tile_km=4.0, **options(office, tmp_path))
    assert len(office.asked) >= 4
    mine = gpd.read_file(got.files[0])
    tags = ["road_id", "road_class", "name", "surface", "oneway", "access"]
    a = mine[tags].fillna("").sort_values("road_id", ignore_index=True)
    b = theirs[tags].fillna("").sort_values("road_id", ignore_index=True)
    assert len(a) > 10
    assert a.astype(str).equals(b.astype(str))
    ours, known = (shapely.length(t.geometry.to_numpy()).sum() for t in (mine, theirs))
    assert ours == pytest.approx(known, rel=1e-9)
