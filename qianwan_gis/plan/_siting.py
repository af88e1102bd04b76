"""Where the next facilities should go: the questions that the county's file asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qianwan_gis import proposals
from qianwan_gis._errors import DataError, Problem, ProblemLog, UsageError
from qianwan_gis.plan import _reading

if TYPE_CHECKING:
    from qianwan_gis.plan._plan import Plan


def siting_rules(plan: Plan) -> list[proposals.Scenario]:
    """The siting questions that the county's file names (``siting``), as they were written."""
    return _reading.step(plan, lambda log: _read(plan, log))


def _read(plan: Plan, log: ProblemLog) -> list[proposals.Scenario]:
    found = []
    for path in plan.county.siting:
        try:
            rules = proposals.read_scenario(plan.county.resolve(path))
        except DataError as error:
            log.extend(error.problems)
            continue
        if not rules.service:
            log.add("error", "bad_value", "没有写明 service（要选址的服务）", "names no service",
                    file=path.name, field="service")  # fmt: skip
        found.append(rules)
    return found


def sited(plan: Plan) -> list[proposals.Proposal]:
    """Answer the questions of the county's file."""
    found = []
    for path, rules in zip(plan.county.siting, plan.siting_rules, strict=True):
        own = plan.replace(standards=rules.standards) if rules.standards else plan
        options = rules.options()
        if rules.candidates is not None:
            options["candidates"] = proposals.read_candidates(rules.candidates, plan.crs)
        try:
            made = proposals.propose(own, rules.service, rules.tier, add=rules.add or 3, **options)
        except UsageError as error:  # the county's file is input, not the call
            raise DataError(Problem("bad_value", "error", error.text, file=path.name)) from error
        found.append(made)
    return found
