"""The public names: complete, sorted, and cheap to import."""

import subprocess
import sys

import qianwan_gis as qg


def test_every_public_name_loads():
    for name in qg.__all__:
        assert getattr(qg, name) is not None


def test_contract_names_are_public():
    contract = {
        "Plan", "DataError", "read_village_list", "geocode", "datum", "RoadNetwork", "Chainage",
        "Corridor", "access", "siting", "sewage", "water", "save_offline", "synthetic",
    }  # fmt: skip
    assert contract <= set(dir(qg))


def test_unknown_name_is_an_attribute_error():
    assert not hasattr(qg, "no_such_name")


def test_import_loads_no_heavy_library():
    code = "import sys, qianwan_gis; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numpy", "pandas", "geopandas", "numba", "folium", "matplotlib", "rasterio", "osmnx"}
    assert not heavy & set(run.stdout.split())
