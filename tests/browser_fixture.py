"""One Playwright per test process: a second one cannot be started beside it."""

import atexit
import functools
import os
import shutil
from typing import Any

import pytest

_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
          "--disable-background-networking", "--disable-component-update", "--disable-sync")  # fmt: skip


def chromium() -> str | None:
    """Return the path of a Chromium or Chrome, if there is one."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


@functools.cache
def _playwright() -> Any:
    sync_api = pytest.importorskip("playwright.sync_api")
    started = sync_api.sync_playwright().start()
    atexit.register(started.stop)
    return started


def launch() -> Any:
    """Start a headless Chromium; skip the test where none is installed, except in CI."""
    path = chromium()
    if path is None:
        if os.environ.get("QIANWAN_REQUIRE_SYSTEM"):
            pytest.fail("Chromium is required here (QIANWAN_REQUIRE_SYSTEM) but was not found")
        pytest.skip("Chromium is not installed")
    return _playwright().chromium.launch(executable_path=path, args=list(_FLAGS))
