"""`Plan`: which steps there are, in the order of the data flow, and what the caller may choose.

``name = cached_property(_topic.name)`` is a step: a function of the plan, beside it, computed once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

from qianwan_gis import facilities as registers
from qianwan_gis import geocoding
from qianwan_gis import proposals as siting
from qianwan_gis._errors import DataError, Problem, ProblemLog
from qianwan_gis._text import Lang, Text
from qianwan_gis.county import County
from qianwan_gis.network import RoadNetwork
from qianwan_gis.plan import (
    _corridor,
    _coverage,
    _datums,
    _inputs,
    _norms,
    _places,
    _record,
    _scenarios,
    _sewage,
    _siting,
    _summaries,
    _travel,
    _water,
)
from qianwan_gis.proposals import Proposal
from qianwan_gis.scenarios import Scenario, ScenarioResult
from qianwan_gis.schemas import Inventory
from qianwan_gis.services import Joint, planned
from qianwan_gis.services.choices import Choices
from qianwan_gis.services.ground import Ground

if TYPE_CHECKING:
    import folium
    import pyproj

    from qianwan_gis.services.sewage import SewagePlan
    from qianwan_gis.services.water import WaterPlan

#: The inputs that `Plan.check` reads, in the order of the data flow.
_INPUT_STEPS = (
    "boundary", "gazetteer", "village_list", "located", "recorded_roads", "facilities", "sewers",
    "supplies", "segments", "corridor", "areas", "rivers", "terrain", "excluded_areas", "targets",
    "scenario_files", "siting_rules", "datum_doubts", "water_network",
)  # fmt: skip

#: The tables that `Plan.sql` offers.
_SQL_TABLES = ("villages", "regions", "roads", "facilities", "coverage", "townships", "targets")


class Plan:
    """One county with its standards and choices.

    Open one with `Plan.open`. All tables are in the county's CGCS2000 3-degree zone (metres).

    Parameters
    ----------
    county
        The county and the files it names.
    lang
        Language of the outputs.
    overrides
        Standards set for this plan, over the county's own.
    width_m
        Corridor zone widths to use instead of the county's.
    providers
        Geocoding services to ask for villages without a point.
    choices
        Mode, limit, second facility and capacities by service, instead of the county's own.
    """

    def __init__(
        self,
        county: County,
        *,
        lang: Lang = "zh",
        overrides: Mapping[str, Any] | None = None,
        width_m: float | Sequence[float] | None = None,
        providers: Sequence[geocoding.Provider] = (),
        choices: Choices | None = None,
    ) -> None:
        self.county = county
        self.lang = lang
        self._overrides = dict(overrides or {})
        self._width_m = width_m
        self._providers = tuple(providers)
        self._log = ProblemLog()
        self._assessed: dict[tuple[tuple[str, str], ...], tuple[pd.DataFrame, Joint]] = {}
        self._asked: list[Proposal] = []
        own = _norms.standards_of(county)
        self.choices = _norms.choices_of(county) if choices is None else choices
        own = _norms.with_prices(own, county)
        self.standards = own.replace(self.choices.limit).replace(self._overrides)

    def __repr__(self) -> str:
        return f"<Plan {self.county.key}: {self.county.name}>"

    @classmethod
    def open(
        cls,
        key: str | Path,
        *,
        lang: Lang = "zh",
        standards: Mapping[str, Any] | None = None,
        width_m: float | Sequence[float] | None = None,
        providers: Sequence[geocoding.Provider | str] = (),
    ) -> Plan:
        """Open a carried county by key, or a project folder or ``.toml`` by path.

        Nothing is asked of the network unless ``providers`` are named (`geocoding.provider`).
        """
        asked = [geocoding.provider(p) if isinstance(p, str) else p for p in providers]
        return cls(
            County.open(key), lang=lang, overrides=standards, width_m=width_m, providers=asked
        )

    def replace(
        self,
        *,
        standards: Mapping[str, Any] | None = None,
        width_m: float | Sequence[float] | None = None,
        lang: Lang | None = None,
        services: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Plan:
        """Return a scenario: a fresh plan of the same county with other choices.

        ``services`` is by service or tier, as in the county's file: ``{"clinic.village":
        {"mode": "car", "limit": 20, "backup": True, "capacity": 500}}``.
        """
        return Plan(
            self.county,
            lang=lang or self.lang,
            overrides={**self._overrides, **(standards or {})},
            width_m=width_m if width_m is not None else self._width_m,
            providers=self._providers,
            choices=self.choices.also(services or {}),
        )

    def check(self) -> Plan:
        """Read every input and raise `DataError` with all faults if any is an error."""
        found = ProblemLog()
        for step in _INPUT_STEPS:
            try:
                getattr(self, step)
            except DataError as error:
                found.extend(error.problems)
                if step == "located":  # facilities wait for villages; their own faults need not
                    with contextlib.suppress(DataError):
                        _inputs.read_facilities(self, None, found)
        found.extend(self._log)
        if found.errors:
            raise DataError(list(dict.fromkeys(found)))
        return self

    @property
    def problems(self) -> list[Problem]:
        """What was found in the inputs read so far, errors first."""
        order = {"error": 0, "warning": 1, "note": 2}
        return sorted(dict.fromkeys(self._log), key=lambda p: order[p.level])

    def tell(self, problem: Problem) -> None:
        """Add what a later step found to the plan's problems."""
        self._log.problems.append(problem)

    # ---- places: outline, lists, villages -------------------------------------------------

    boundary = cached_property(_places.boundary)
    gazetteer = cached_property(_places.gazetteer)
    village_list = cached_property(_places.village_list)
    townships = cached_property(_places.townships)
    township_areas = cached_property(_places.township_areas)
    located = cached_property(_places.located)
    settlements = cached_property(_places.settlements)
    areas = cached_property(_places.areas)

    @property
    def crs(self) -> pyproj.CRS:
        """The county's CGCS2000 3-degree zone, without prefix."""
        crs: pyproj.CRS = self.boundary.crs
        return crs

    @property
    def list_totals(self) -> pd.DataFrame:
        """Totals of the lists: ``list, category, stated, printed, proposed``."""
        return _places.list_totals(self)

    @property
    def villages(self) -> gpd.GeoDataFrame:
        """VILLAGES: every unit of the county and every listed village."""
        return self.located.villages

    @property
    def regions(self) -> gpd.GeoDataFrame:
        """REGIONS: where a village without a point may be."""
        return self.located.regions

    # ---- the other inputs -----------------------------------------------------------------

    _recorded = cached_property(_inputs.recorded)
    recorded_roads = cached_property(_inputs.recorded_roads)
    rivers = cached_property(_inputs.rivers)
    facilities = cached_property(_inputs.facilities)
    sewers = cached_property(_inputs.sewers)
    supplies = cached_property(_inputs.supplies)
    terrain = cached_property(_inputs.terrain)
    targets = cached_property(_inputs.targets)
    segments = cached_property(_inputs.segments)
    excluded_areas = cached_property(_inputs.excluded_areas)
    datum_doubts = cached_property(_datums.datum_doubts)

    @property
    def inventories(self) -> dict[tuple[str, str], Inventory]:
        """How complete the register of each service and tier is."""
        return registers.inventories(self.county.facilities)

    # ---- network and ground ---------------------------------------------------------------

    roads = cached_property(_travel.roads)
    _measured = cached_property(_travel.measured)
    network = cached_property(_travel.network)
    ground = cached_property(_travel.ground)

    def measure(
        self, roads: gpd.GeoDataFrame, *, planned: bool = False, log: ProblemLog | None = None
    ) -> tuple[RoadNetwork, Ground | None]:
        """Make a network of roads as this plan measures travel: its modes, standards and terrain.

        Parameters
        ----------
        roads
            ROADS.
        planned
            Whether planned roads are part of it.
        log
            Gets notes on the network's parts and on roads without heights.
        """
        return _travel.measure(self, roads, planned=planned, log=log)

    # ---- corridor -------------------------------------------------------------------------

    corridor = cached_property(_corridor.corridor)
    corridor_villages = cached_property(_corridor.villages)
    zones = cached_property(_corridor.zones)
    corridor_tables = cached_property(_corridor.tables)

    @property
    def widths_m(self) -> list[float]:
        """Widths of the corridor zones, metres either side."""
        return _corridor.widths(self.county, self._width_m)

    def corridor_report(self) -> dict[str, pd.DataFrame]:
        """Tables of the measured corridor, see `qianwan_gis.corridor.report.tables`.

        Empty without a corridor, or when its course is only presumed.
        """
        return _corridor.report(self)

    # ---- coverage -------------------------------------------------------------------------

    draws = cached_property(_coverage.draws)
    coverage = cached_property(_coverage.coverage)
    fairness = cached_property(_coverage.fairness)

    def assessed(self, keys: tuple[tuple[str, str], ...]) -> tuple[pd.DataFrame, Joint]:
        """Return the coverage of some (service, tier), with the verdict of every draw."""
        if keys not in self._assessed:
            self._assessed[keys] = _coverage.assess(self, keys)
        return self._assessed[keys]

    def life_circles(self, required: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
        """Which services each village has within a quarter of an hour's walk (一刻钟生活圈).

        Parameters
        ----------
        required
            ``{name: (service, tier)}`` of what a complete circle holds.
        """
        return _coverage.life_circles(self, required)

    # ---- what-if and siting ---------------------------------------------------------------

    scenario_files = cached_property(_scenarios.scenario_files)
    scenarios = cached_property(_scenarios.scenarios)
    siting_rules = cached_property(_siting.siting_rules)
    _sited = cached_property(_siting.sited)

    def scenario(self, what: str | Path | Scenario) -> ScenarioResult:
        """Compare the county as it is with a scenario, village by village.

        Parameters
        ----------
        what
            A scenario, its file (TOML or JSON), or what the web map exported (JSON).

        Raises
        ------
        DataError
            The file is at fault, or names what does not exist: all faults at once.
        """
        return _scenarios.evaluate(self, what)

    def propose(self, service: str, tier: str = "", **options: Any) -> Proposal:
        """Where the next facilities of a service should go, see `qianwan_gis.proposals.propose`."""
        found = siting.propose(self, service, tier, **options)
        self._asked = [p for p in self._asked if p.key != found.key] + [found]
        return found

    @property
    def proposals(self) -> list[Proposal]:
        """What the outputs show of siting: what the county's file asks for, then `propose`d since."""
        asked = {p.key for p in self._asked}
        return [*(p for p in self._sited if p.key not in asked), *self._asked]

    # ---- sewage ---------------------------------------------------------------------------

    sewage = cached_property(_sewage.sewage)
    sewage_priorities = cached_property(_sewage.priorities)
    sewage_phases = cached_property(_sewage.phases)

    def sewage_plan(self, *, time_limit: float = 120.0, quick: bool = False) -> SewagePlan:
        """Choose 纳管, 集中 or 分散 for every settlement, see `services.sewage.plan_sewage`.

        The unit is the settlement (自然村) where the county supplied them, the village otherwise.
        ``quick`` leaves it at a local search. `sewage` is the plan that outputs draw on.

        Raises
        ------
        UnavailableError
            The county has no terrain: nothing can be assessed.
        """
        return _sewage.design(self, time_limit=time_limit, method="quick" if quick else "exact")

    def adopt_sewage(
        self, found: SewagePlan, *, sensitivity: pd.DataFrame | None = None, keep: bool = False
    ) -> Path | None:
        """Let every output draw on a solved plan from now on; ``keep`` it for later runs as well.

        Returns
        -------
        The file in which it was kept (`services.planned`).
        """
        return _sewage.adopt(self, found, sensitivity=sensitivity, keep=keep)

    @property
    def sewage_sensitivity(self) -> pd.DataFrame | None:
        """How the plan answers to prices at the ends of their ranges: kept with a solved plan."""
        return _sewage.sensitivity(self)

    @property
    def sewage_counts(self) -> dict[int, int]:
        """Villages to be treated in each year."""
        return _sewage.counts(self)

    def plan_file(self, service: str) -> Path:
        """Where the county's solved plan of a service is kept (`services.planned`)."""
        return planned.path(self.county.folder, self.county.key, service)

    # ---- water ----------------------------------------------------------------------------

    water = cached_property(_water.water)
    water_network = cached_property(_water.recorded)
    water_safety = cached_property(_water.safety)

    def water_plan(
        self, *, time_limit: float | None = 60.0, quick: bool = False, kept: Path | None = None
    ) -> WaterPlan:
        """Design the supply of every village with a point, see `services.water.plan_water`.

        Raises
        ------
        UnavailableError
            The county has no terrain: pressures cannot be assessed.
        """
        return _water.design(self, time_limit=time_limit, quick=quick, kept=kept)

    # ---- summaries, and what every output states ------------------------------------------

    disclosure = cached_property(_summaries.disclosure)
    to_collect = cached_property(_summaries.to_collect)
    sources = cached_property(_record.sources)

    def summary(self, by: str = "county", *, rows: pd.DataFrame | None = None) -> pd.DataFrame:
        """Coverage by group: how many villages covered, not covered, unknown, assessed of how many.

        Parameters
        ----------
        by
            ``county``, ``township``, ``category``, ``list`` or ``zone``.
        rows
            COVERAGE rows to sum up; all of `coverage` by default.
        """
        return _summaries.summary(self, by, rows)

    def headline(self) -> pd.DataFrame:
        """The run's own numbers: lists, positions, what was and was not assessed."""
        return _summaries.headline(self)

    def match_summary(self) -> pd.DataFrame:
        """Villages by class of positional evidence."""
        return _summaries.match_summary(self)

    @property
    def title(self) -> Text:
        """The title that outputs carry."""
        return _summaries.title(self.county)

    @property
    def run_date(self) -> str:
        """The declared date of the outputs (ISO)."""
        return self.county.run_date.isoformat()

    @property
    def marks(self) -> list[Text]:
        """Watermarks of every output."""
        return _summaries.marks(self.county)

    # ---- outputs --------------------------------------------------------------------------

    def map(self) -> folium.Map:
        """The web map as a `folium.Map`, with the basemaps that the county's file offers."""
        from qianwan_gis.maps import web

        return web.web_map(self)

    def input_files(self) -> dict[str, str]:
        """SHA-256 of every input file, by its path in the county's file."""
        return _record.input_files(self)

    def sql(self, statement: str) -> pd.DataFrame:
        """Run SQL over villages, regions, roads, facilities, coverage, townships and targets."""
        from qianwan_gis import sql

        return sql.query(statement, {name: getattr(self, name) for name in _SQL_TABLES})

    def write(self, folder: str | Path) -> Path:
        """Write every output file into a folder; the last good outputs stay whole until the end."""
        from qianwan_gis import outputs

        return outputs.write(self, Path(folder))
