"""Roads, services and places of OpenStreetMap (ODbL), county by county."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import pandas as pd

from qianwan_gis import _io, datum
from qianwan_gis import roads as road_files
from qianwan_gis._errors import UnavailableError
from qianwan_gis._text import Text
from qianwan_gis.county import County
from qianwan_gis.fetch import overpass
from qianwan_gis.fetch._county import Fetched, Source, cache_folder, outline, record, unavailable

if TYPE_CHECKING:
    import geopandas as gpd

LICENCE = "ODbL 1.0"
ATTRIBUTION = "© OpenStreetMap contributors, openstreetmap.org/copyright"
TILE_KM = 25.0

_ROADS = (
    'way["highway"]["area"!~"yes"]["highway"!~"abandoned|construction|no|planned|platform|'
    'proposed|raceway|razed|rest_area|services"]'
)
_PLACES = 'node["place"~"^(city|town|village|hamlet|isolated_dwelling|neighbourhood|quarter|suburb|locality)$"]'
_SERVICES = (
    'nwr["amenity"~"^(hospital|clinic|doctors|toilets|charging_station)$"]',
    'nwr["healthcare"~"^(hospital|clinic|doctor|centre)$"]',
    'nwr["man_made"~"^(wastewater_plant|water_works)$"]',
    'nwr["tourism"~"^(attraction|viewpoint|museum)$"]',
)
_OTHER_NAMES = ("alt_name", "old_name", "official_name", "name:zh", "name:zh-Hans", "name:zh-Hant")

_BY_HAND_ROADS = Text(
    "从 OSM 省级提取包（如 geofabrik.de 的 .osm.pbf）取得后放入项目的 roads/ 文件夹，并在 county.toml 写"
    ' [[roads.files]] path = "roads/文件名.osm.pbf"；也可用 QIANWAN_OVERPASS_URL 指向内网镜像',
    "put an extract (such as geofabrik.de's .osm.pbf) into the project's roads/ folder and name it in "
    "county.toml under [[roads.files]]; or set QIANWAN_OVERPASS_URL to a mirror on the intranet",
)
_BY_HAND_FACILITIES = Text(
    "把主管部门的设施名录（.csv/.xlsx/.shp）放入 facilities/，在 county.toml 写 [[facilities]]；"
    "也可用 QIANWAN_OVERPASS_URL 指向内网镜像",
    "put the registers into facilities/ and name them in county.toml under [[facilities]]; or set "
    "QIANWAN_OVERPASS_URL to a mirror on the intranet",
)
_BY_HAND_VILLAGES = Text(
    "把民政或自然资源部门的村庄点表放入 villages/，在 county.toml 写 [villages.units]；"
    "也可用 QIANWAN_OVERPASS_URL 指向内网镜像",
    "put the office's table of villages into villages/ and name it in county.toml under "
    "[villages.units]; or set QIANWAN_OVERPASS_URL to a mirror on the intranet",
)


class Options(TypedDict, total=False):
    """What all fetches from OpenStreetMap can be told.

    Attributes
    ----------
    buffer_m
        How far beyond the outline.
    url
        Overpass server; ``QIANWAN_OVERPASS_URL``, then osmnx's setting, when None.
    tile_km
        Side of the pieces that are asked for one by one.
    cache
        Folder of remembered answers; the user's own when None.
    refresh
        Forget remembered answers first.
    pause
        Seconds before a second try, doubling; longer for public servers when None.
    progress
        Called with (done, total) tiles.
    """

    buffer_m: float
    url: str | None
    tile_km: float
    cache: Path | None
    refresh: bool
    pause: float | None
    progress: overpass.Progress | None


def roads(county: County, folder: Path, **options: Unpack[Options]) -> Fetched:
    """Fetch the roads of a county into ``roads/osm_roads.gpkg`` (ROADS columns, EPSG:4326).

    Parameters
    ----------
    county
        The county; its own outline where it names one.
    folder
        Project folder to write into.
    **options
        See `Options`; 5 km beyond the outline, because roads across the border carry through
        traffic.

    Raises
    ------
    UnavailableError
        No network or no usable answer; says what to put by hand instead.
    DataError
        The area has no roads in OpenStreetMap, or the outline's file is at fault.
    """
    asked: Options = {"buffer_m": 5000.0, **options}
    answer = _ask(county, "roads", [_ROADS], _BY_HAND_ROADS, **asked)
    found = answer.found
    path = folder / "roads" / "osm_roads.gpkg"
    with tempfile.TemporaryDirectory() as room:
        raw = overpass.write_osm(found, Path(room) / "osm_roads.osm")
        table = road_files.read_roads(raw, crs=datum.WGS84)
    _write_layer(table, path)
    source = Source(Text("道路", "roads"), "OpenStreetMap", LICENCE, ATTRIBUTION)
    answer.record(folder, "roads", source, [(path, len(table))])
    snippet = f'[[roads.files]]\npath = "roads/osm_roads.gpkg"\nbasis = "osm"\n{_about(found.date)}'
    notes = [
        Text("OpenStreetMap 在乡村常缺村道；覆盖结果受此影响，请以交通部门路网为准",
             "OpenStreetMap often lacks village roads; the roads office's network comes first")
    ]  # fmt: skip
    return Fetched("roads", [path], {path.name: len(table)}, found.date, snippet, notes)


def facilities(county: County, folder: Path, **options: Unpack[Options]) -> Fetched:
    """Fetch services into ``facilities/osm_<service>_<tier>.gpkg``; parameters as for `roads`.

    Looks 10 km beyond the outline where ``buffer_m`` is not given. Names and tags decide on the tier (`tier_of`); what fits none is left in
    ``facilities/osm_other.gpkg`` to be looked at. Areas become a point inside.
    """
    asked: Options = {"buffer_m": 10_000.0, **options}
    answer = _ask(county, "facilities", _SERVICES, _BY_HAND_FACILITIES, **asked)
    found = answer.found
    table = _features(found)
    tiers = [tier_of(row) for row in table.to_dict("records")]
    table["tier_key"] = ["_".join(tier) if tier else "other" for tier in tiers]
    written: list[tuple[Path, int]] = []
    snippets = []
    for name, group in table.groupby("tier_key", sort=True):
        path = folder / "facilities" / f"osm_{name}.gpkg"
        _write_layer(group.drop(columns="tier_key").reset_index(drop=True), path)
        written.append((path, len(group)))
        if name != "other":
            service, _, tier = str(name).partition("_")
            snippets.append(
                f'[[facilities]]\nservice = "{service}"\ntier = "{tier}"\ninventory = "partial"\n'
                f'path = "facilities/{path.name}"\n{_about(found.date)}'
            )
    for stale in (folder / "facilities").glob("osm_*.gpkg"):
        if stale not in [path for path, _ in written]:
            stale.unlink()
    source = Source(Text("设施", "facilities"), "OpenStreetMap", LICENCE, ATTRIBUTION)
    answer.record(folder, "facilities", source, written)
    notes = [
        Text("OpenStreetMap 的设施不全，只能作为“不完整名录”（partial），不能据以判“未覆盖”",
             "OpenStreetMap's services are a partial inventory: no “not covered” may rest on them")
    ]  # fmt: skip
    if not written:
        notes.insert(0, Text("该范围没有所找的设施", "there are no such facilities in the area"))
    return Fetched("facilities", [path for path, _ in written],
                   {path.name: count for path, count in written}, found.date,
                   "\n".join(snippets), notes)  # fmt: skip


def villages(county: County, folder: Path, **options: Unpack[Options]) -> Fetched:
    """Fetch place nodes into ``villages/osm_places.osm`` and ``.gpkg``; parameters as for `roads`.

    They are evidence for positions, not a list of administrative villages: nodes carry no township
    and no code. The ``.osm`` file is asked by the geocoder when the county names it under
    ``[providers.osm_places]``, as the snippet does. Tiles of 50 km and 1 km beyond the outline
    where nothing else is asked for.
    """
    asked: Options = {"buffer_m": 1000.0, "tile_km": 2 * TILE_KM, **options}
    answer = _ask(county, "villages", [_PLACES], _BY_HAND_VILLAGES, **asked)
    found = answer.found
    table = _features(found)
    raw = overpass.write_osm(found, folder / "villages" / "osm_places.osm")
    layer = folder / "villages" / "osm_places.gpkg"
    _write_layer(table, layer)
    count = len(table)
    source = Source(Text("地名点", "place nodes"), "OpenStreetMap", LICENCE, ATTRIBUTION)
    answer.record(folder, "villages", source, [(layer, count), (raw, count)])
    snippet = (
        "# 村庄定位的佐证（地名点），不是行政村名录，不写入 [villages.units]\n"
        "# evidence for positions, not a list of administrative villages\n"
        f'[providers.osm_places]\npath = "villages/osm_places.osm"\n{_about(found.date)}'
    )
    notes = [
        Text("地名点没有乡镇和代码，含自然村；用作定位佐证",
             "place nodes have no township or code and include hamlets; use them as evidence")
    ]  # fmt: skip
    return Fetched("villages", [layer, raw], {layer.name: count}, found.date, snippet, notes)


def tier_of(tags: Mapping[str, Any]) -> tuple[str, str] | None:
    """Service and tier of an OSM feature by its tags and name; ``None`` when that is not clear.

    In China names tell what tags do not: 卫生室 and 卫生所 are of a village, 卫生院 of a township;
    a hospital with 县, 市, 区 or 人民 in its name is of the county.
    """

    def tag(name: str) -> str:
        value = tags.get(name)
        return value if isinstance(value, str) else ""

    name = tag("name")
    if tag("amenity") in ("hospital", "clinic", "doctors") or tag("healthcare"):
        if "动物" in name or "宠物" in name or "兽" in name:
            return None
        if any(word in name for word in ("卫生室", "卫生所", "卫生站", "医务室")):
            return ("clinic", "village")
        if "卫生院" in name or "社区卫生服务中心" in name:
            return ("clinic", "township")
        hospital = tag("amenity") == "hospital" or tag("healthcare") == "hospital"
        if hospital and "医院" in name and any(word in name for word in ("人民", "县", "市", "区")):
            return ("clinic", "county")
        return None
    fixed = {
        ("man_made", "wastewater_plant"): ("sewage", "plant"),
        ("man_made", "water_works"): ("water", "works"),
        ("amenity", "toilets"): ("corridor", "toilet"),
        ("amenity", "charging_station"): ("corridor", "charger"),
        ("tourism", "attraction"): ("corridor", "scenic"),
        ("tourism", "viewpoint"): ("corridor", "scenic"),
        ("tourism", "museum"): ("corridor", "scenic"),
    }
    return next((tier for (key, value), tier in fixed.items() if tag(key) == value), None)


@dataclass(frozen=True)
class _Answer:
    """Elements, and what has to be recorded of asking for them."""

    found: overpass.Elements
    address: str
    buffer_m: float

    def record(
        self, folder: Path, kind: str, source: Source, written: Sequence[tuple[Path, int]]
    ) -> None:
        """Note the files in ``fetched.csv``."""
        record(folder, kind, source, written, date=self.found.date, address=self.address,
               buffer_m=self.buffer_m)  # fmt: skip


def _ask(
    county: County, kind: str, selectors: Sequence[str], by_hand: Text, *, buffer_m: float,
    url: str | None = None, tile_km: float = TILE_KM, cache: Path | None = None,
    refresh: bool = False, pause: float | None = None,
    progress: overpass.Progress | None = None,
) -> _Answer:  # fmt: skip
    area = outline(county, buffer_m)
    address = overpass.endpoint(url)
    try:
        found = overpass.ask(
            area.iloc[0], area.crs, selectors, url=address, tile_km=tile_km, pause=pause,
            folder=cache_folder(county, kind, cache, refresh=refresh), progress=progress,
        )  # fmt: skip
    except UnavailableError as error:
        raise unavailable(error, by_hand) from error
    return _Answer(found, address, buffer_m)


_SHOWN = ("name", "place", "amenity", "healthcare", "man_made", "tourism", "operator", "population")


def _features(found: overpass.Elements) -> gpd.GeoDataFrame:
    """Tagged elements as points with their names; osmnx puts ways and relations together."""
    import geopandas as gpd
    import osmnx

    columns = ["facility_id", *_SHOWN, "other_names"]
    if not any(element.get("tags") for element in found.found.values()):
        return gpd.GeoDataFrame({c: [] for c in columns}, geometry=[], crs=datum.WGS84)
    with tempfile.TemporaryDirectory() as room:
        raw = overpass.write_osm(found, Path(room) / "features.osm")
        frame = osmnx.features_from_xml(raw)
    wanted = [tag for tag in _SHOWN if tag in frame.columns and tag not in ("name", "operator")]
    frame = frame[frame[wanted].notna().any(axis=1)] if wanted else frame.iloc[:0]
    kinds, numbers = (frame.index.get_level_values(i) for i in range(2))
    table = pd.DataFrame({"facility_id": [f"{k}/{n}" for k, n in zip(kinds, numbers, strict=True)]})
    for name in _SHOWN:
        column = frame[name] if name in frame.columns else pd.Series("", index=frame.index)
        table[name] = column.fillna("").astype(str).to_numpy()
    others = [name for name in _OTHER_NAMES if name in frame.columns]
    table["other_names"] = [
        ";".join(dict.fromkeys(v for v in row if isinstance(v, str) and v))
        for row in frame[others].to_numpy(object)
    ] if others else ""  # fmt: skip
    inside = frame.geometry.representative_point().to_numpy()
    made = gpd.GeoDataFrame(table, geometry=inside, crs=datum.WGS84)
    return made.sort_values("facility_id", kind="stable", ignore_index=True)


def _write_layer(table: gpd.GeoDataFrame, path: Path) -> None:
    """Write a GeoPackage whole or not at all."""
    with tempfile.TemporaryDirectory() as room:
        part = Path(room) / path.name
        table.to_file(part, layer=path.stem, driver="GPKG", engine="pyogrio")
        _io.write_bytes(path, part.read_bytes())


def _about(date: str) -> str:
    return f'source = "OpenStreetMap"\nlicence = "{LICENCE}，{ATTRIBUTION}"\ndate = "{date}"\n'
