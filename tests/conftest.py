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
        if os.environ.get("QIANWAN_REQUIRE_BROWSER"):
            pytest.fail("Chromium is required here (QIANWAN_REQUIRE_BROWSER) but was not found")
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip
    with sync_playwright() as play:
        instance = play.chromium.launch(executable_path=path, args=flags)
        yield instance
        instance.close()
