"""Scenario files of `qianwan site`: what to site under which rules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pydantic

from qianwan_gis import _io
from qianwan_gis._errors import DataError, ProblemLog
from qianwan_gis.county import model_problems, read_toml

if TYPE_CHECKING:
    import geopandas as gpd

Weigh = Literal["auto", "people", "villages"]


def read_candidates(path: str | Path, crs: Any) -> gpd.GeoDataFrame:
    """Read a layer of candidate points (``id``, ``name``) into a projected CRS."""
    log = ProblemLog()
    layer = _io.read_layer(Path(path), kind="Point", log=log)
    log.raise_errors()
    return layer.to_crs(crs)


class Scenario(pydantic.BaseModel):
    """A scenario file: what to site under which rules (``qianwan site --scenario FILE``).

    All keys are optional on the command line, where the service is named; a file that the county's
    own file lists under ``siting`` needs ``service``. ``forbidden`` and ``mandatory`` are site ids: village codes, or the
    ``id`` of the candidates file. ``costs`` are by site id, ``cost`` is that of all others.
    ``candidates`` is a point layer with ``id`` and ``name``, relative to the scenario file.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    title: str = ""
    service: str = ""
    standards: dict[str, Any] = {}
    tier: str = ""
    add: int | None = pydantic.Field(default=None, ge=1)
    weigh: Weigh = "auto"
    forbidden: list[str] = []
    mandatory: list[str] = []
    budget: float | None = pydantic.Field(default=None, ge=0)
    cost: float = pydantic.Field(default=1.0, ge=0)
    costs: dict[str, float] = {}
    capacity: float | None = pydantic.Field(default=None, gt=0)
    per_capacity: float = pydantic.Field(default=1.0, gt=0)
    backup: float = pydantic.Field(default=0.0, ge=0, le=1)
    candidates: Path | None = None

    def options(self) -> dict[str, Any]:
        """Return the keyword options of `propose` that the scenario sets, candidates excepted."""
        names = ("weigh", "forbidden", "mandatory", "budget", "cost", "costs", "capacity",
                 "per_capacity", "backup")  # fmt: skip
        return {name: getattr(self, name) for name in names}


def read_scenario(path: str | Path) -> Scenario:
    """Read a scenario file (TOML); every fault is reported at once as a `DataError`."""
    file = Path(path)
    content = read_toml(file)
    try:
        scenario = Scenario.model_validate(content)
    except pydantic.ValidationError as fault:
        raise DataError(model_problems(fault, file.name).problems) from fault
    if scenario.candidates is not None:
        return scenario.model_copy(update={"candidates": file.parent / scenario.candidates})
    return scenario
