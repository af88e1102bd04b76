"""Providers and the one door to the network, against a local server that speaks each protocol."""

from __future__ import annotations

import http.server
import json
import logging
import socketserver
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest

from qianwan_gis import DataError, UnavailableError, _http, datum, geocoding
from qianwan_gis._text import Text
from qianwan_gis.geocoding.amap import Amap
from qianwan_gis.geocoding.nominatim import Nominatim
from qianwan_gis.geocoding.osm_places import OsmPlaces
from qianwan_gis.geocoding.tianditu import Tianditu

SECRET = "s3cr3t0key0that0nobody0may0see"
Reply = tuple[int, bytes, dict[str, str]]


@dataclass
class Service:
    """A server whose answers a test scripts: one after another, the last for ever."""

    url: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    answers: list[Reply | Callable[[dict[str, str]], Reply]] = field(default_factory=list)

    def says(self, *answers: object) -> None:
        self.answers = [
            a if callable(a) or isinstance(a, tuple) else (200, json.dumps(a).encode(), {})
            for a in answers
        ]


@pytest.fixture
def service() -> Iterator[Service]:
    state = Service()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
            state.asked.append(query)
            answer = state.answers[min(len(state.asked), len(state.answers)) - 1]
            status, body, headers = answer(query) if callable(answer) else answer
            if status == 0:  # the line is cut in the middle of the answer
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b'[{"half')
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}/search"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QIANWAN_TIANDITU_KEY", SECRET)
    monkeypatch.setenv("QIANWAN_AMAP_KEY", SECRET)


def make(kind: type, service: Service, tmp_path: Path):
    return kind(url=service.url, interval=0.0, cache=tmp_path / "cache", pause=0.01)


# What the services document, cut to what matters. 冶底: 112.72447 E, 35.41901 N in WGS84.
TIANDITU_OK = {
    "count": "2", "resultType": 1, "keyword": "冶底",
    "status": {"cndesc": "服务正常", "infocode": 1000},
    "pois": [
        {"name": "冶底村", "lonlat": "112.72447,35.41901", "typeName": "村", "address": "泽州县",
         "county": "泽州县", "countyCode": "156140525", "source": "0", "hotPointID": "1"},
        {"name": "冶底村卫生所", "lonlat": "112.7250,35.4191", "typeName": "医疗卫生", "source": "0"},
    ],
}  # fmt: skip
TIANDITU_NONE = {"count": "0", "resultType": 1, "status": {"cndesc": "服务正常", "infocode": 1000}}
TIANDITU_QUOTA = {"code": 301012, "msg": "权限类型错误或超出配额", "resolve": "请检查 key"}
AMAP_OK = {
    "status": "1", "info": "OK", "infocode": "10000", "count": "1",
    "geocodes": [
        {"formatted_address": "山西省晋城市泽州县南村镇冶底村", "country": "中国", "province": "山西省",
         "city": "晋城市", "district": "泽州县", "township": [], "neighborhood": {"name": []},
         "adcode": "140525", "street": [], "number": [], "location": "112.730600,35.418600",
         "level": "村庄"},
    ],
}  # fmt: skip
AMAP_TOWNSHIP = {
    "status": "1", "infocode": "10000", "count": "1",
    "geocodes": [{"formatted_address": "山西省晋城市泽州县南村镇", "province": "山西省", "city": "晋城市",
                  "district": "泽州县", "township": [], "location": "112.79,35.46", "level": "乡镇"}],
}  # fmt: skip
AMAP_BUSY = {"status": "0", "info": "CUQPS_HAS_EXCEEDED_THE_LIMIT", "infocode": "10021"}
AMAP_QUOTA = {"status": "0", "info": "USER_DAILY_QUERY_OVER_LIMIT", "infocode": "10044"}
AMAP_BAD_KEY = {"status": "0", "info": "INVALID_USER_KEY", "infocode": "10001"}
NOMINATIM_OK = [
    {"place_id": 1, "osm_type": "node", "osm_id": 42, "lat": "35.41901", "lon": "112.72447",
     "category": "place", "type": "village", "name": "冶底", "display_name": "冶底, 泽州县, 晋城市",
     "address": {"village": "冶底", "county": "泽州县"}},
    {"place_id": 2, "osm_type": "way", "osm_id": 43, "lat": "35.4", "lon": "112.7",
     "category": "amenity", "type": "school", "name": "冶底小学", "display_name": "冶底小学"},
]  # fmt: skip
NOMINATIM_ERROR = {"error": {"code": 400, "message": "Nothing to search for."}}

GOOD = [(Tianditu, TIANDITU_OK), (Amap, AMAP_OK), (Nominatim, NOMINATIM_OK)]


@pytest.mark.parametrize(("kind", "answer"), GOOD)
def test_documented_answers_are_read(
    kind: type, answer: object, service: Service, tmp_path: Path
) -> None:
    service.says(answer)
    provider = make(kind, service, tmp_path)
    places = provider.search("冶底", township="南村镇", county="泽州县", adcode="140525")
    first = places[0]
    assert first.level == "village"
    assert first.name.startswith("冶底")
    lon, lat = datum.transform(first.lon, first.lat, first.datum, "wgs84")
    assert (lon, lat) == pytest.approx((112.7245, 35.4190), abs=0.002)
    assert first.datum == provider.DATUM
    assert first.date
    assert first.licence
    assert all(p.level != "village" for p in places[1:])


def test_the_protocols_are_spoken(service: Service, tmp_path: Path) -> None:
    service.says(TIANDITU_OK)
    make(Tianditu, service, tmp_path).search("冶底", county="泽州县", adcode="140525")
    asked = service.asked[-1]
    post = json.loads(asked["postStr"])
    assert (asked["type"], asked["tk"], post["specify"], post["queryType"]) == (
        "query", SECRET, "156140525", "12",
    )  # fmt: skip
    service.says(AMAP_OK)
    make(Amap, service, tmp_path).search(
        "冶底", township="南村镇", county="泽州县", adcode="140525"
    )
    asked = service.asked[-1]
    assert (asked["address"], asked["city"], asked["key"]) == (
        "泽州县南村镇冶底村",
        "140525",
        SECRET,
    )
    service.says(NOMINATIM_OK)
    make(Nominatim, service, tmp_path).search("冶底", county="泽州县")
    asked = service.asked[-1]
    assert (asked["q"], asked["format"], asked["countrycodes"]) == ("冶底, 泽州县", "jsonv2", "cn")


def test_amap_finds_the_township_in_the_address(service: Service, tmp_path: Path) -> None:
    service.says(AMAP_OK)
    place = make(Amap, service, tmp_path).search("冶底", township="南村镇", county="泽州县")[0]
    assert (place.name, place.township) == ("冶底村", "南村镇")
    service.says(AMAP_TOWNSHIP)
    assert make(Amap, service, tmp_path / "b").search("某", township="南村镇")[0].level == "area"


BAD = [
    (Tianditu, [TIANDITU_QUOTA], "301012", 1),
    (Tianditu, [(403, json.dumps(TIANDITU_QUOTA).encode(), {})], "301012", 1),
    (Amap, [AMAP_QUOTA], "10044", 1),
    (Amap, [AMAP_BAD_KEY], "INVALID_USER_KEY", 1),
    (Amap, [AMAP_BUSY], "10021", 4),
    (Nominatim, [NOMINATIM_ERROR], "Nothing to search", 1),
    (Nominatim, [(429, b"slow down", {"Retry-After": "0"})], "429", 4),
    (Nominatim, [(503, b"", {})], "503", 4),
    (Nominatim, [(200, b"<html>login</html>", {})], "JSON", 4),
    (Nominatim, [(200, b"\xff\xfe\x00nonsense", {})], "JSON", 4),
    (Nominatim, [(0, b"", {})], "IncompleteRead", 4),
    (Nominatim, [(200, b"[" * 200_000, {})], "JSON", 4),
    (Nominatim, ["a text"], "结构", 1),
    (Tianditu, [[1, 2]], "结构", 1),
    (Amap, [{"status": "1", "geocodes": "none"}], "结构", 1),
]


@pytest.mark.parametrize(("kind", "answers", "told", "requests"), BAD)
def test_bad_answers_are_told_retried_only_where_that_helps_and_never_kept(
    kind: type, answers: list[object], told: str, requests: int, service: Service, tmp_path: Path,
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    service.says(*answers)
    caplog.set_level(logging.DEBUG)
    with pytest.raises(UnavailableError) as caught:
        make(kind, service, tmp_path).search("冶底", township="南村镇", county="泽州县")
    assert told in str(caught.value)
    assert kind.NAME in str(caught.value)
    assert len(service.asked) == requests
    assert not list((tmp_path / "cache").rglob("*.json"))
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in repr(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    assert SECRET not in caplog.text + "".join(capfd.readouterr())


def test_a_passing_fault_is_overcome(service: Service, tmp_path: Path) -> None:
    service.says((503, b"", {}), (0, b"", {}), (200, b"<html>", {}), NOMINATIM_OK)
    assert make(Nominatim, service, tmp_path).search("冶底")[0].name == "冶底"
    assert len(service.asked) == 4


@pytest.mark.parametrize(("kind", "answer"), GOOD)
def test_good_answers_are_kept_without_the_key(
    kind: type, answer: object, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.says(answer)
    provider = make(kind, service, tmp_path)
    first = provider.search("冶底", township="南村镇", county="泽州县")
    monkeypatch.setenv("QIANWAN_TIANDITU_KEY", "another")
    monkeypatch.setenv("QIANWAN_AMAP_KEY", "another")
    assert provider.search("冶底", township="南村镇", county="泽州县") == first
    assert len(service.asked) == 1
    kept = list((tmp_path / "cache").rglob("*.json"))
    assert len(kept) == 1
    text = kept[0].read_text(encoding="utf-8")
    assert SECRET not in text
    assert first[0].date in text
    provider.search("黄头", township="金村镇", county="泽州县")
    assert len(service.asked) == 2
    # A spoilt cache is asked anew, not believed.
    kept[0].write_text("{", encoding="utf-8")
    assert provider.search("冶底", township="南村镇", county="泽州县")[0].name == first[0].name
    assert len(service.asked) == 3


def test_a_missing_key_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, service: Service, tmp_path: Path
) -> None:
    monkeypatch.delenv("QIANWAN_TIANDITU_KEY")
    monkeypatch.setenv("QIANWAN_AMAP_KEY", "  ")
    for kind, name in ((Tianditu, "QIANWAN_TIANDITU_KEY"), (Amap, "QIANWAN_AMAP_KEY")):
        with pytest.raises(UnavailableError, match=name):
            make(kind, service, tmp_path).search("冶底")
    assert service.asked == []


def test_a_dead_server_is_unavailable(tmp_path: Path) -> None:
    provider = Nominatim(url="http://127.0.0.1:9/search", interval=0, cache=tmp_path, pause=0.01)
    with pytest.raises(UnavailableError, match="连接失败"):
        provider.search("冶底")
    for url in ("file:///etc/passwd", "nonsense"):
        with pytest.raises(UnavailableError, match="地址"):
            Nominatim(url=url, cache=tmp_path).search("冶底")


def test_keys_do_not_follow_redirects_to_another_host(service: Service, tmp_path: Path) -> None:
    elsewhere = "http://localhost:9/steal"
    service.says((302, b"", {"Location": elsewhere}))
    with pytest.raises(UnavailableError, match="302"):
        make(Amap, service, tmp_path).search("冶底")


def test_requests_keep_their_distance(service: Service, tmp_path: Path) -> None:
    import time

    service.says(NOMINATIM_OK)
    provider = Nominatim(url=service.url, interval=0.15, cache=tmp_path)
    start = time.monotonic()
    for name in ("甲庄", "乙庄", "丙庄"):
        provider.search(name)
    assert time.monotonic() - start >= 0.3


def test_large_answers_are_refused(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_http, "_LARGEST", 1000)
    service.says((200, b"[" + b" " * 2000 + b"]", {}))
    with pytest.raises(UnavailableError, match="过大"):
        make(Nominatim, service, tmp_path).search("冶底")


# --- answers are checked before they count ---

# 裴圪塔 (南村镇) has no point in the gazetteer; its township lies around 112.79 E, 35.46 N.
INSIDE, OUTSIDE = (112.78, 35.45), (113.10, 35.70)


def nominatim(*places: tuple[str, tuple[float, float], str]) -> list[dict[str, object]]:
    return [
        {"osm_type": "node", "osm_id": i, "lat": str(lat), "lon": str(lon), "category": "place",
         "type": "village", "name": name, "address": {"town": town} if town else {}}
        for i, (name, (lon, lat), town) in enumerate(places)
    ]  # fmt: skip


def placed(service: Service, tmp_path: Path, *places: tuple[str, tuple[float, float], str]):
    service.says(nominatim(*places))
    table = pd.DataFrame({"name": ["裴圪塔"], "township": ["南村镇"]})
    provider = make(Nominatim, service, tmp_path)
    return geocoding.locate(table, gazetteer="140525", providers=[provider])


def test_an_answer_that_passes_is_a_point_with_its_source(service: Service, tmp_path: Path) -> None:
    located = placed(service, tmp_path, ("裴圪塔村", INSIDE, "南村镇"))
    row = located.villages.iloc[0]
    assert (row["basis"], row["match"]) == ("point", "provider")
    point = located.villages.to_crs(datum.WGS84).geometry.iloc[0]
    assert (point.x, point.y) == pytest.approx(INSIDE)
    assert "OpenStreetMap node 0" in row["evidence"]
    assert "ODbL" in row["evidence"]
    assert "日期" in row["evidence"]


@pytest.mark.parametrize(
    "place",
    [
        ("裴圪塔村", OUTSIDE, ""),  # a homonym in another part of the county
        ("裴圪塔村", INSIDE, "大箕镇"),  # names another township
        ("南村", INSIDE, ""),  # another village
        ("裴圪塔村", (0.0, 0.0), ""),
        ("", INSIDE, ""),
        ("<script>裴圪塔</script>", INSIDE, ""),
    ],
)
def test_answers_that_fail_a_check_do_not_count(
    place: tuple[str, tuple[float, float], str], service: Service, tmp_path: Path
) -> None:
    assert placed(service, tmp_path, place).villages["basis"].tolist() == ["region"]


def test_two_places_are_no_answer(service: Service, tmp_path: Path) -> None:
    located = placed(
        service, tmp_path, ("裴圪塔", INSIDE, ""), ("裴圪塔", (INSIDE[0] + 0.03, INSIDE[1]), "")
    )
    assert located.villages["basis"].tolist() == ["region"]
    assert [p.code for p in located.problems] == ["provider_ambiguous"]


def test_gcj02_answers_are_converted_and_marked(service: Service, tmp_path: Path) -> None:
    answer = json.loads(json.dumps(AMAP_OK).replace("\\u51b6\\u5e95", "\\u88f4\\u572a\\u5854"))
    shifted = datum.transform(*INSIDE, "wgs84", "gcj02")
    answer["geocodes"][0]["location"] = f"{shifted[0]:.6f},{shifted[1]:.6f}"
    service.says(answer)
    table = pd.DataFrame({"name": ["裴圪塔"], "township": ["南村镇"]})
    located = geocoding.locate(table, gazetteer="140525", providers=[make(Amap, service, tmp_path)])
    point = located.villages.to_crs(datum.WGS84).geometry.iloc[0]
    assert (point.x, point.y) == pytest.approx(INSIDE, abs=1e-5)
    assert "GCJ02 转 WGS84" in located.villages["evidence"].iloc[0]


def test_a_provider_that_fails_is_told_once_and_the_run_goes_on(
    service: Service, tmp_path: Path
) -> None:
    service.says(AMAP_BAD_KEY)
    located = geocoding.locate(gazetteer="140525", providers=[make(Amap, service, tmp_path)])
    assert len(service.asked) == 1
    assert len(located.villages) == 450
    told = [p for p in located.problems if p.code == "provider_unavailable"]
    assert len(told) == 1
    assert SECRET not in str(told[0])


def test_villages_with_a_point_are_not_asked_for(service: Service, tmp_path: Path) -> None:
    service.says([])
    table = pd.DataFrame({"name": ["冶底", "裴圪塔", "村" * 400], "township": ["南村镇"] * 3})
    geocoding.locate(table, gazetteer="140525", providers=[make(Nominatim, service, tmp_path)])
    assert [q["q"].split(",")[0] for q in service.asked] == ["裴圪塔"]


# --- a local OSM file ---

OSM = """<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6" generator="test">
 <node id="1" version="1" lat="35.45" lon="112.78"><tag k="place" v="village"/><tag k="name" v="裴圪塔村"/></node>
 <node id="2" version="1" lat="35.70" lon="113.10"><tag k="place" v="hamlet"/><tag k="name" v="裴圪塔"/></node>
 <node id="3" version="1" lat="35.46" lon="112.79"><tag k="place" v="town"/><tag k="name" v="南村"/></node>
 <node id="4" version="1" lat="35.44" lon="112.77"><tag k="amenity" v="school"/><tag k="name" v="裴圪塔"/></node>
 <node id="5" version="1" lat="35.36" lon="112.75"><tag k="place" v="village"/><tag k="name" v="新名"/><tag k="old_name" v="鐵南上"/></node>
</osm>
"""


def test_places_of_a_local_file(tmp_path: Path) -> None:
    path = tmp_path / "places.osm"
    path.write_text(OSM, encoding="utf-8")
    provider = OsmPlaces(path)
    assert sorted(p.source for p in provider.search("裴圪塔")) == [
        "OpenStreetMap node 1", "OpenStreetMap node 2",
    ]  # fmt: skip
    table = pd.DataFrame({"name": ["裴圪塔", "铁南上"], "township": ["南村镇", "犁川镇"]})
    located = geocoding.locate(table, gazetteer="140525", providers=[provider])
    # Of the two homonyms only one lies in the township; old names in traditional script count.
    assert located.villages["match"].tolist() == ["provider", "provider"]
    point = located.villages.to_crs(datum.WGS84).geometry.iloc[0]
    assert (point.x, point.y) == pytest.approx((112.78, 35.45))


def test_missing_and_broken_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"none\.pbf"):
        OsmPlaces(tmp_path / "none.pbf").search("冶底")
    (tmp_path / "cut.osm").write_text(OSM[:300], encoding="utf-8")
    (tmp_path / "odd.osm.pbf").write_bytes(b"\x00\x01nonsense" * 40)
    for name in ("cut.osm", "odd.osm.pbf"):
        with pytest.raises(DataError, match=name.replace(".", r"\.")):
            OsmPlaces(tmp_path / name).search("冶底")


def test_bad_answer_texts_are_bilingual() -> None:
    error = _http.BadAnswerError(Text("中", "en"))
    assert (error.text.zh, str(error), error.again) == ("中", "en", False)
