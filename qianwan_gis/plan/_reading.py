"""How steps read the county's files: what was found is kept with the plan, errors stop the step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

import geopandas as gpd

from qianwan_gis import _io
from qianwan_gis._errors import DataError, Problem, ProblemLog
from qianwan_gis._text import Text
from qianwan_gis.county import County, LayerSpec

if TYPE_CHECKING:
    from qianwan_gis.plan._plan import Plan

_T = TypeVar("_T")


def step(plan: Plan, reader: Callable[[ProblemLog], _T]) -> _T:
    """Run one input step: errors are raised with all that was found, else it joins the plan's."""
    log = ProblemLog()
    result = reader(log)
    log.raise_errors()
    tell(plan, log)
    return result


def tell(plan: Plan, problems: Iterable[Problem]) -> None:
    """Add several problems to the plan's."""
    for problem in problems:
        plan.tell(problem)


def layer(plan: Plan, spec: LayerSpec, kind: str | None, log: ProblemLog) -> gpd.GeoDataFrame:
    """Read a layer in its own CRS; ``kind`` is the geometry that it must have."""
    return _io.read_layer(
        plan.county.resolve(spec.path), layer=spec.layer, crs=spec.crs, datum=spec.datum,
        encoding=spec.encoding, columns=spec.columns, kind=kind, log=log,
    )  # fmt: skip


def read(plan: Plan, spec: LayerSpec, kind: str) -> gpd.GeoDataFrame:
    """Read a layer in its own CRS, as a step of its own."""
    return step(plan, lambda log: layer(plan, spec, kind, log))


def projected(plan: Plan, spec: LayerSpec, kind: str | None) -> gpd.GeoDataFrame:
    """Read a layer into the plan's CRS, as a step of its own."""
    return step(plan, lambda log: layer(plan, spec, kind, log).to_crs(plan.crs))


def bad_setting(county: County, field: str, text: Text) -> DataError:
    """Return the error for a setting of the county's file: that is input, not the call."""
    return DataError(Problem("bad_setting", "error", text, file=county.file.name, field=field))
