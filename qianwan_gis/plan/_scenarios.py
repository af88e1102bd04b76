"""What-if: scenarios that are asked for, and those that the county's file names."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from qianwan_gis import scenarios as what_if
from qianwan_gis._errors import DataError, ProblemLog
from qianwan_gis.scenarios import Scenario, ScenarioResult

if TYPE_CHECKING:
    from qianwan_gis.plan._plan import Plan


def evaluate(plan: Plan, what: str | Path | Scenario) -> ScenarioResult:
    """Compare the county as it is with a scenario or the file of one, see `Plan.scenario`."""
    if isinstance(what, Scenario):
        return what_if.evaluate(plan, what)
    file = Path(what)
    with _faults_of(file.name):
        return what_if.evaluate(plan, _read(file))


def scenarios(plan: Plan) -> list[ScenarioResult]:
    """What the scenarios change that the county's file names."""
    found = []
    for path, scenario in zip(plan.county.scenarios, plan.scenario_files, strict=True):
        with _faults_of(path.name):
            found.append(plan.scenario(scenario))
    return found


def scenario_files(plan: Plan) -> list[Scenario]:
    """The scenarios that the county's file names, as they were written."""
    faults, found = ProblemLog(), list[Scenario]()
    for path in plan.county.scenarios:
        try:
            found.append(_read(plan.county.resolve(path)))
        except DataError as error:
            faults.extend(error.problems)
    names = [scenario.file_name for scenario in found]
    for name in sorted({name for name in names if names.count(name) > 1}):
        faults.add(
            "error", "duplicate_id", f"情景名“{name}”重复", f"two scenarios are called “{name}”",
            file=plan.county.file.name, field="scenarios",
        )  # fmt: skip
    faults.raise_errors()
    return found


def _read(file: Path) -> Scenario:
    """Read a scenario as it was written, or as the web map exported it."""
    from qianwan_gis.maps import whatif

    if what_if.is_from_map(file):
        return what_if.from_map(whatif.Scenario.read(file), file.stem)
    return Scenario.read(file)


@contextlib.contextmanager
def _faults_of(name: str) -> Iterator[None]:
    """Name the file in faults that do not."""
    try:
        yield
    except DataError as error:
        named = [dataclasses.replace(p, file=p.file or name) for p in error.problems]
        raise DataError(named) from error
