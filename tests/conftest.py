"""What all tests share."""

import shutil

import pytest
from browser_fixture import launch


@pytest.fixture(scope="session")
def browser():
    """Start one headless Chromium for a test session; skip where none is installed, except in CI."""
    instance = launch()
    yield instance
    instance.close()


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory):
    """Project folder of a complete synthetic county. Copy it before changing anything."""
    from qianwan_gis import synthetic

    folder = tmp_path_factory.mktemp("counties") / "demo"
    return synthetic.county(villages=60, seed=3).write(folder)


@pytest.fixture
def own_demo(demo_folder, tmp_path):
    """A copy of the synthetic county that a test may spoil."""
    return shutil.copytree(demo_folder, tmp_path / "demo")


@pytest.fixture(scope="session")
def zezhou():
    """The plan of Zezhou on the carried data, checked."""
    from qianwan_gis.plan import Plan

    return Plan.open("zezhou").check()


@pytest.fixture(scope="session")
def demo(demo_folder):
    """The plan of the synthetic county, checked."""
    from qianwan_gis.plan import Plan

    return Plan.open(demo_folder).check()
