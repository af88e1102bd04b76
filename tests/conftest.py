"""What all tests share."""

import os
import shutil

import pytest


def chromium() -> str | None:
    """Return the path of a Chromium or Chrome, if there is one."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser():
    """Start one headless Chromium for a test session; skip where none is installed, except in CI."""
    path = chromium()
    if path is None:
        if os.environ.get("QIANWAN_REQUIRE_SYSTEM"):
            pytest.fail("Chromium is required here (QIANWAN_REQUIRE_SYSTEM) but was not found")
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip
    with sync_playwright() as play:
        instance = play.chromium.launch(executable_path=path, args=flags)
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
