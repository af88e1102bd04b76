"""County files: the carried ones open, and faults in a user's own are named by setting."""

import pytest

from qianwan_gis._errors import DataError, UsageError
from qianwan_gis.county import County, carried_counties

GOOD = """
key = "demo"
adcode = "140525"
name = "示例县"
run_date = 2025-03-26
"""


def write(folder, text):
    (folder / "county.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("key", carried_counties())
def test_carried_counties_open_and_their_files_exist(key):
    county = County.open(key)
    named = [*county.villages.lists, *county.targets, *(f.path for f in county.roads.files),
             *(f.path for f in county.facilities if f.path)]  # fmt: skip
    assert county.key == key
    assert named
    for path in named:
        assert county.resolve(path).is_file(), path


def test_project_folder_and_zone(tmp_path):
    county = County.open(write(tmp_path, GOOD))
    assert county.folder == tmp_path.resolve()
    assert county.zone_crs(112.9).to_epsg() == 4547
    assert county.zone_crs(112.2).to_epsg() == 4546


def test_standards_may_be_nested_or_dotted(tmp_path):
    text = (
        GOOD
        + '[standards]\n"roads.village.speed_kph" = 18\n[standards.health.village]\nwalk_minutes = 20\n'
    )
    county = County.open(write(tmp_path, text))
    assert county.standards == {"roads.village.speed_kph": 18, "health.village.walk_minutes": 20}


def test_all_faults_are_named_at_once(tmp_path):
    text = GOOD.replace('"140525"', '"1405"').replace("name =", "nane =") + "colour = 1\n"
    with pytest.raises(DataError) as caught:
        County.open(write(tmp_path, text))
    assert {p.field for p in caught.value.problems} == {"adcode", "name", "nane", "colour"}


@pytest.mark.parametrize("data", [b"key = [", "名称".encode("gbk")])
def test_broken_toml_is_a_data_error(tmp_path, data):
    (tmp_path / "county.toml").write_bytes(data)
    with pytest.raises(DataError):
        County.open(tmp_path)


@pytest.mark.parametrize("name", ["nowhere", "../zezhou", "", "/"])
def test_unknown_county_is_a_usage_error(name):
    with pytest.raises(UsageError):
        County.open(name)
