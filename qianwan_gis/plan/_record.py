"""The record of inputs: every file that a plan read, and what each layer rests on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from qianwan_gis import _io
from qianwan_gis import sources as layer_sources
from qianwan_gis.county import County, LayerSpec

if TYPE_CHECKING:
    from qianwan_gis.plan._plan import Plan


def sources(plan: Plan) -> pd.DataFrame:
    """What each layer rests on: source, licence, date, kind and number of features."""
    return layer_sources.table(plan)


def input_files(plan: Plan) -> dict[str, str]:
    """Return the SHA-256 of every input file, by its path in the county's file."""
    county = plan.county
    kept = [plan.plan_file(service) for service in ("sewage", "water")]
    paths = _named(county) + [f.relative_to(county.folder) for f in kept if f.is_file()]
    found = {county.file.name: _io.sha256(county.file)}
    for path in sorted(paths):
        full = county.resolve(path)
        inside = sorted(full.iterdir()) if full.is_dir() else [full]
        for file in inside:
            if file.is_file():
                name = path / file.name if full.is_dir() else path
                found[name.as_posix()] = _io.sha256(file)
    return found


def _named(county: County) -> list[Path]:
    """Return every path that the county's file names."""
    specs: list[LayerSpec | None] = [
        county.boundary.file, county.boundary.townships, county.villages.units,
        county.terrain, county.rivers, county.settlements, county.areas,
        *county.roads.files, *county.facilities, *county.sewage.excluded,
        *county.sewage.priority.values(), county.water.network, county.water.sources,
        county.providers.osm_places,
    ]  # fmt: skip
    tables = [
        county.villages.review, *county.villages.lists, *county.targets, *county.scenarios,
        *county.siting, *(spec.supplies for spec in county.facilities),
    ]  # fmt: skip
    if county.corridor:
        specs += [county.corridor.segments, county.corridor.stakes]
        tables += [county.corridor.equations, county.corridor.table]
    basemaps = [Path(b) for b in county.map.basemaps if b.endswith((".pmtiles", ".xml"))]
    layers = [spec.path for spec in specs if spec is not None]
    return [path for path in (*layers, *tables, *basemaps) if path is not None]
