"""Where things are. Settings say where, never what: no setting changes a result.

``QIANWAN_CACHE``    folder of what was fetched (default: the user's cache folder)
``QIANWAN_DATA``     folder of the carried data (default: the one in the package or checkout)

Keys of online services are read from the environment by the module that uses them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def data_dir() -> Path:
    """Folder of the carried data: ``QIANWAN_DATA``, the checkout's ``data/`` or the wheel's."""
    if override := os.environ.get("QIANWAN_DATA"):
        return Path(override)
    checkout = _PACKAGE.parent / "data"
    if (checkout / "LICENSES.md").is_file():
        return checkout
    return _PACKAGE / "_data"


def cache_dir() -> Path:
    """Folder of downloaded answers; made when it is first needed."""
    if override := os.environ.get("QIANWAN_CACHE"):
        return Path(override)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return base / "qianwan_gis"
