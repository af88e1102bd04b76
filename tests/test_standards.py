"""The carried norms: every entry complete, honest about its status, and loadable."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import qianwan_gis.standards as standards_package
from qianwan_gis._errors import UsageError
from qianwan_gis.standards import Standards

FOLDER = Path(standards_package.__file__).parent
TOPICS = {"roads", "health", "access", "sewage", "water", "corridor", "geocoding", "life_circle"}
ENTRIES = Standards.load().entries
# What an address or the name of a regulation looks like in a source.
CITED = re.compile(r"[a-z0-9-]+\.[a-z]{2,}|GB|JTG|DB14|水农〔2004〕547号")


def test_every_topic_is_there_and_nothing_else():
    assert {path.stem for path in FOLDER.glob("*.toml")} >= TOPICS


@pytest.mark.parametrize("key", sorted(ENTRIES))
def test_entry_is_complete(key):
    entry = ENTRIES[key]
    assert entry.title
    assert entry.title_en
    assert entry.source
    assert entry.status in {"verified", "to-check", "judgement"}
    assert entry.value is not None
    assert isinstance(entry.unit, str)
    if isinstance(entry.value, int | float) and not isinstance(entry.value, bool):
        low = entry.value if entry.low is None else entry.low
        high = entry.value if entry.high is None else entry.high
        assert low <= entry.value <= high
        assert entry.value >= 0
    assert (entry.low is None) == (entry.high is None)


def test_verified_entries_name_where_they_were_read():
    for key, entry in ENTRIES.items():
        if entry.status == "verified":
            assert CITED.search(entry.source), key
            assert "凭记忆" not in entry.source, key


def test_remembered_numbers_are_never_called_verified():
    for key, entry in ENTRIES.items():
        if "凭记忆" in entry.source:
            assert entry.status != "verified", key


def test_numbers_of_other_provinces_keep_their_region():
    foreign = {k: e for k, e in ENTRIES.items() if "外省" in e.title}
    assert foreign
    for key, entry in foreign.items():
        assert entry.region not in {"", "全国", "山西"}, key
        assert "山西" not in entry.region, key
        assert "山西" in entry.note or "外省" in entry.note, key


def test_travel_speed_stays_below_design_speed():
    classes = [k.split(".")[1] for k in ENTRIES if k.endswith(".design_speed_kph")]
    assert {"motorway", "trunk", "primary", "secondary", "tertiary", "village"} == set(classes)
    for name in classes:
        design = ENTRIES[f"roads.{name}.design_speed_kph"]
        speed = ENTRIES[f"roads.{name}.speed_kph"]
        # A village road is driven at its design speed at most; the better classes below it.
        assert speed.value <= design.value
        if name != "village":
            assert 0.75 * design.value <= speed.value <= 0.85 * design.value
    order = ["motorway", "trunk", "primary", "secondary", "tertiary", "village", "track"]
    speeds = [ENTRIES[f"roads.{c}.speed_kph"].value for c in order]
    assert speeds == sorted(speeds, reverse=True)


def test_mountain_village_roads_and_circuity_are_ranges():
    speed = ENTRIES["roads.village.speed_kph"]
    assert (speed.low, speed.high) == (15, 25)
    circuity = ENTRIES["roads.presumed.circuity"]
    assert circuity.value == 1.33
    # A road is never shorter than the straight line, whatever a rounded text says.
    assert circuity.low >= 1.0
    assert circuity.high == 1.7


def test_fifteen_minutes_on_foot_is_one_kilometre():
    minutes = ENTRIES["life_circle.walk_minutes"].value
    speed = ENTRIES["access.walk.speed_kph"].value
    assert minutes / 60 * speed * 1000 == ENTRIES["life_circle.radius_m"].value


def test_files_are_plain_utf8_with_unix_line_ends():
    for path in FOLDER.glob("*.toml"):
        data = path.read_bytes()
        assert b"\r" not in data
        assert not data.startswith(b"\xef\xbb\xbf")
        tomllib.loads(data.decode("utf-8"))


def test_a_county_overrides_values_and_unknown_keys_are_told():
    changed = Standards.load({"roads.village.speed_kph": 15})
    assert changed.value("roads.village.speed_kph") == 15
    assert changed.entry("roads.village.speed_kph").status == "county"
    assert ENTRIES["roads.village.speed_kph"].value == 20
    with pytest.raises(UsageError, match=r"roads\.vilage\.speed_kph"):
        Standards.load({"roads.vilage.speed_kph": 15})


@pytest.mark.parametrize("value", [-5, 0, "nan", "inf", "-inf"])
def test_an_impossible_speed_is_refused(value):
    with pytest.raises(UsageError, match=r"roads\.village\.speed_kph"):
        Standards.load({"roads.village.speed_kph": value})


@pytest.mark.parametrize(
    ("key", "value"), [("corridor.zones.widths_m", "1000,-1"), ("health.village.radius_m", -1)]
)
def test_a_negative_length_is_refused(key, value):
    with pytest.raises(UsageError, match="负"):
        Standards.load({key: value})


def test_a_share_may_be_zero():
    assert Standards.load({"water.demand.leak_share": 0}).value("water.demand.leak_share") == 0
