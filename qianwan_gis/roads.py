"""Roads: read an office's or OpenStreetMap's file, classify, and presume what is missing.

``read_roads`` gives a ROADS table (see `schemas.ROADS`): one LineString per row, our own class
words, in the county's projected CRS. Joining the lines into a network is the network's work.
"""

from __future__ import annotations

import array
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from qianwan_gis import _io, datum, schemas
from qianwan_gis._errors import DataError, ProblemLog
from qianwan_gis._text import Text

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.county import LayerSpec
    from qianwan_gis.standards import Standards


@dataclass(frozen=True)
class RoadClass:
    """One road class: its title, the standard that holds its car speed, and who may use it."""

    title: Text
    speed: str | None
    walk: bool = True


CLASSES: dict[str, RoadClass] = {
    "motorway": RoadClass(Text("高速公路", "motorway"), "roads.motorway.speed_kph", walk=False),
    # ramps are driven at the speed of a class II road
    "motorway_link": RoadClass(Text("高速匝道", "ramp"), "roads.primary.speed_kph", walk=False),
    "trunk": RoadClass(Text("一级公路", "class I road"), "roads.trunk.speed_kph"),
    "primary": RoadClass(Text("二级公路", "class II road"), "roads.primary.speed_kph"),
    "secondary": RoadClass(Text("三级公路", "class III road"), "roads.secondary.speed_kph"),
    "tertiary": RoadClass(Text("四级公路", "class IV road"), "roads.tertiary.speed_kph"),
    "street": RoadClass(Text("街道", "street"), "roads.urban.cap_kph"),
    "village": RoadClass(Text("村道", "village road"), "roads.village.speed_kph"),
    "track": RoadClass(Text("机耕路", "track"), "roads.track.speed_kph"),
    "path": RoadClass(Text("步道", "footpath"), None),
}

# What files call the classes. Administrative levels (国道 … 村道) say who keeps a road, not how it
# is built: they stand for the technical class that such a road usually has, and that is told.
_WORDS: dict[str, tuple[str, ...]] = {
    "motorway": ("高速", "高速公路", "国家高速", "省级高速", "motorway"),
    "motorway_link": ("匝道", "高速匝道", "互通匝道", "互通", "motorway_link", "ramp"),
    "trunk": ("一级", "一级公路", "快速路", "城市快速路", "trunk", "trunk_link"),
    "primary": ("二级", "二级公路", "国道", "国道公路", "主干路", "primary", "primary_link"),
    "secondary": ("三级", "三级公路", "省道", "省道公路", "次干路", "secondary", "secondary_link"),
    "tertiary": ("四级", "四级公路", "县道", "乡道", "县乡道", "支路", "专用公路", "专道",
                 "tertiary", "tertiary_link"),
    "street": ("街道", "城市道路", "街巷", "巷", "living_street", "pedestrian_street"),
    "village": ("村道", "等外", "等外公路", "等外路", "农村道路", "村路", "通村公路", "乡村道路",
                "village", "residential", "unclassified", "service", "road"),
    "track": ("机耕路", "机耕道", "田间道", "田间路", "生产路", "大车路", "防火通道", "track"),
    "path": ("步道", "小路", "人行道", "登山道", "path", "footway", "pedestrian", "steps",
             "bridleway", "cycleway"),
}  # fmt: skip
_CLASS_OF = {word: name for name, words in _WORDS.items() for word in words}
_ADMINISTRATIVE = ("国道", "国道公路", "省道", "省道公路", "县道", "乡道", "县乡道")

_GUESSES = (
    "road_id",
    "road_class",
    "name",
    "ref",
    "surface",
    "oneway",
    "bridge",
    "tunnel",
    "status",
)
_YES = {"yes", "true", "1", "1.0", "t", "是", "有", "y", "viaduct", "culvert", "building_passage"}
_NO = {"", "no", "false", "0", "0.0", "f", "否", "无", "n", "none", "nan", "<na>", "b"}
_PLANNED = ("规划", "在建", "拟建", "planned", "proposed", "construction")
_OSM_SUFFIXES = (".pbf", ".osm", ".osm.gz", ".osm.bz2", ".osm.xml")


def class_title(name: str) -> Text:
    """Return the reader's word for a road class; the class itself where it is unknown."""
    return CLASSES[name].title if name in CLASSES else Text(name, name)


def read_roads(
    source: str | Path | LayerSpec,
    *,
    standards: Standards | None = None,
    crs: Any = None,
    columns: Mapping[str, str] | None = None,
    classes: Mapping[str, str] | None = None,
    layer: str | None = None,
    file_crs: str | None = None,
    file_datum: str = "wgs84",
    encoding: str | None = None,
    basis: str | None = None,
    log: ProblemLog | None = None,
) -> gpd.GeoDataFrame:
    """Read roads from GeoPackage, Shapefile, GeoJSON or OSM (PBF, XML) into a ROADS table.

    Parameters
    ----------
    source
        A path, or a county's layer specification (its fields stand in for the keywords below).
    standards
        Kept for symmetry with the other readers; classes carry no numbers here.
    crs
        CRS of the result; the CGCS2000 zone of the data's middle when None.
    columns
        ``{our column: their column}``; the usual names are guessed.
    classes
        ``{their class word: our class}``, beside the words that are known (一级 … 等外, 国道 … 村道,
        OSM's ``highway``).
    layer, file_crs, file_datum, encoding
        How to read the file; ``file_crs`` only where the file states none.
    basis
        How the lines came to be (`schemas.RoadBasis`); ``osm`` for OSM files, else ``surveyed``,
        unless the file says it row by row.
    log
        Collects every fault; without it faults raise.

    Returns
    -------
    geopandas.GeoDataFrame
        ROADS columns and ``maxspeed_kph``, ``access``; one LineString per row.

    Raises
    ------
    DataError
        No CRS, empty layer, missing geometries, unknown classes, broken file: all at once.
    """
    del standards
    own = log if log is not None else ProblemLog()
    before = len(own.errors)
    if not isinstance(source, str | Path):
        spec = source
        source = spec.path
        columns, classes = columns or spec.columns, classes or spec.classes
        layer, file_crs = layer or spec.layer, file_crs or spec.crs
        encoding, basis, file_datum = encoding or spec.encoding, basis or spec.basis, spec.datum
    path = Path(source)
    if path.name.lower().endswith(_OSM_SUFFIXES):
        frame = _from_osm(path, own)
        basis = basis or str(schemas.RoadBasis.OSM)
    else:
        frame = _io.read_layer(
            path, layer=layer, crs=file_crs, datum=file_datum, encoding=encoding, columns=columns,
            kind="LineString", guesses=_GUESSES, log=own,
        )  # fmt: skip
    roads = _tidy(frame, path.name, classes or {}, basis, own)
    if log is None and len(own.errors) > before:
        raise DataError(own.problems)
    if len(roads) and crs is None:
        box = roads.to_crs(datum.WGS84).total_bounds
        crs = datum.zone(float(box[0] + box[2]) / 2)
    return roads.to_crs(crs) if crs is not None and roads.crs is not None else roads


def _tidy(
    frame: gpd.GeoDataFrame, file: str, classes: Mapping[str, str], basis: str | None,
    log: ProblemLog,
) -> gpd.GeoDataFrame:  # fmt: skip
    """Bring a layer in our column names into ROADS: classes, flags, ids, single lines."""
    import geopandas as gpd
    import shapely

    if len(frame) == 0:
        empty: dict[str, list[Any]] = {
            column.name: [] for column in schemas.ROADS if column.name != "geometry"
        }
        return gpd.GeoDataFrame(empty, geometry=[], crs=frame.crs)
    if "road_class" not in frame.columns:
        log.add(
            "error", "missing_column", "没有道路等级字段", "no column holds the road class",
            file=file, field="road_class",
            fix=("在 county.toml 的 columns 中写明 road_class 对应的字段",
                 "map road_class to the file's column in county.toml"),
        )  # fmt: skip
        frame = frame.assign(road_class="village")
    out = tidy_tags(frame, file, log, classes)
    out.insert(0, "road_id", _text(frame, "road_id"))
    out["basis"] = _text(frame, "basis") if "basis" in frame.columns else ""
    out.loc[out["basis"] == "", "basis"] = basis or str(schemas.RoadBasis.SURVEYED)
    reverse = out.pop("reverse").to_numpy()
    lines = shapely.force_2d(frame.geometry.to_numpy())
    lines = np.where(reverse, shapely.reverse(lines), lines)
    roads = gpd.GeoDataFrame(out, geometry=lines, crs=frame.crs).explode(index_parts=False)
    roads = roads[shapely.length(roads.geometry.to_numpy()) > 0]
    roads["road_id"] = _unique_ids(roads["road_id"], np.asarray(roads.index) + 1)
    log.extend(schemas.find_problems(roads, schemas.ROADS, file=file))
    return roads.reset_index(drop=True)


def tidy_tags(
    frame: pd.DataFrame, file: str, log: ProblemLog, classes: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Bring everything but geometry into ROADS form; ``reverse`` marks lines against travel."""
    row = np.asarray(frame.index) + 1
    out = pd.DataFrame(index=frame.index)
    out["road_class"] = _classes(_text(frame, "road_class"), row, classes or {}, file, log)
    for name in ("name", "ref", "surface"):
        out[name] = _text(frame, name)
    oneway, reverse = _oneway(_text(frame, "oneway"), row, file, log)
    out["oneway"] = oneway
    for name in ("bridge", "tunnel"):
        out[name] = _flags(_text(frame, name), name, row, file, log)
    if "brunnel" in frame.columns:  # OpenMapTiles keeps both in one column
        both = _text(frame, "brunnel")
        out["bridge"] |= both == "bridge"
        out["tunnel"] |= both == "tunnel"
    status = _text(frame, "status").str.lower()
    out["status"] = np.where(status.str.contains("|".join(_PLANNED)), "planned", "existing")
    out["maxspeed_kph"] = _maxspeed(frame)
    out["access"] = _text(frame, "access").str.lower()
    out["reverse"] = reverse
    return out


def _text(frame: pd.DataFrame, name: str) -> pd.Series:
    """Return a column as trimmed text, empty where it is absent or null."""
    if name not in frame.columns:
        return pd.Series("", index=frame.index, dtype="str")
    values = frame[name]
    return values.astype("str").where(values.notna(), "").str.strip()


def _classes(
    words: pd.Series, row: npt.NDArray[Any], extra: Mapping[str, str], file: str, log: ProblemLog
) -> list[str]:
    """Translate class words; every unknown word is one error that names its first row."""
    known = {**_CLASS_OF, **{name: name for name in CLASSES}, **extra}
    for word, name in extra.items():
        if name not in CLASSES:
            log.add(
                "error", "unknown_class", f"“{word}”对应的等级“{name}”不存在",
                f"“{word}” is mapped to “{name}”, which is no class", file=file, field="road_class",
                fix=(f"可用：{'、'.join(CLASSES)}", f"classes: {', '.join(CLASSES)}"),
            )  # fmt: skip
    plain = words.str.lower().str.replace(r"^track_grade\d$", "track", regex=True)
    out: list[str] = []
    unknown: dict[str, tuple[int, int]] = {}
    for number, word, small in zip(row, words, plain, strict=True):
        found = known.get(word) or known.get(small)
        if found is None:
            first, count = unknown.get(word, (int(number), 0))
            unknown[word] = (first, count + 1)
        out.append(found or "village")
    for word, (first, count) in unknown.items():
        log.add(
            "error", "unknown_class", f"不认识的道路等级“{word}”（共{count}行）",
            f"unknown road class “{word}” ({count} rows)", file=file, row=first, field="road_class",
            fix=("在 county.toml 的 classes 中写明它对应哪一级",
                 "say in county.toml under classes what it stands for"),
        )  # fmt: skip
    levels = [word for word in _ADMINISTRATIVE if word not in extra and (words == word).any()]
    if levels:
        means = {word: class_title(known[word]) for word in levels}
        log.add(
            "note", "administrative_level",
            "行政等级按常见技术等级取速度：" + "，".join(f"{w}按{t.zh}" for w, t in means.items()),
            "administrative levels stand for the usual technical class: "
            + ", ".join(f"{w} as {t.en}" for w, t in means.items()),
            file=file, field="road_class",
            fix=("有技术等级时请用技术等级字段", "use the technical class where there is one"),
        )  # fmt: skip
    return out


def _flags(
    words: pd.Series, name: str, row: npt.NDArray[Any], file: str, log: ProblemLog
) -> npt.NDArray[np.bool_]:
    small = words.str.lower()
    yes = np.array(small.isin(_YES), dtype=np.bool_)
    for i in np.flatnonzero(~yes & ~small.isin(_NO).to_numpy()):
        # OSM lists kinds of bridges and tunnels; any word but "no" says that there is one
        yes[i] = True
        if not str(words.iloc[i]).isascii():
            log.add(
                "warning", "unknown_flag", f"“{words.iloc[i]}”按“是”处理",
                f"“{words.iloc[i]}” is taken as yes", file=file, row=int(row[i]), field=name,
            )  # fmt: skip
    return yes


def _oneway(
    words: pd.Series, row: npt.NDArray[Any], file: str, log: ProblemLog
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """One-way flag, and which lines run against their direction of travel.

    Geofabrik's files write B (both), F (forward), T (backward); then F and T are no booleans.
    """
    small = words.str.lower()
    if (small == "b").any():
        return (small.isin(["f", "t"])).to_numpy(), (small == "t").to_numpy()
    back = small.isin(["-1", "-1.0", "reverse"]).to_numpy()
    yes = small.isin(_YES).to_numpy() | back
    odd = ~yes & ~small.isin({*_NO, "reversible", "alternating"}).to_numpy()
    for i in np.flatnonzero(odd):
        log.add(
            "warning", "unknown_flag", f"单行标记“{words.iloc[i]}”不认识，按双向处理",
            f"unknown one-way mark “{words.iloc[i]}”, taken as two-way",
            file=file, row=int(row[i]), field="oneway",
        )  # fmt: skip
    return yes, back


def _maxspeed(frame: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Speed limit in km/h, NaN where none is stated; miles per hour are converted."""
    for name in ("maxspeed_kph", "maxspeed"):
        if name in frame.columns:
            words = _text(frame, name).str.lower()
            number = pd.to_numeric(words.str.extract(r"^(\d+(?:\.\d+)?)")[0], errors="coerce")
            kph = number.to_numpy(np.float64) * np.where(words.str.contains("mph"), 1.609344, 1.0)
            return np.where(kph > 0, kph, np.nan)
    return np.full(len(frame), np.nan)


def _unique_ids(ids: pd.Series, row: npt.NDArray[Any]) -> list[str]:
    """Keep the file's ids; rows without one are numbered, repeated ones get a suffix."""
    named = [text or f"r{number}" for text, number in zip(ids, row, strict=True)]
    taken = set(named)
    count: dict[str, int] = {}
    out = []
    for text in named:
        count[text] = count.get(text, 0) + 1
        name = text
        while count[text] > 1 and name in taken:
            name = f"{text}-{count[text]}"
            if name in taken:
                count[text] += 1
        taken.add(name)
        out.append(name)
    return out


# ---------------------------------------------------------------- OpenStreetMap


@dataclass(frozen=True)
class OsmWays:
    """Roads of an OSM file as arrays: ways in ragged form, and the nodes that they use.

    ``ref`` numbers rows of ``lon`` and ``lat``; way ``i`` has ``ref[start[i]:start[i + 1]]``.
    """

    way_id: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    ref: npt.NDArray[np.int64]
    node_id: npt.NDArray[np.int64]
    lon: npt.NDArray[np.float64]
    lat: npt.NDArray[np.float64]
    tags: pd.DataFrame


_TAGS = ("highway", "name", "ref", "surface", "oneway", "bridge", "tunnel", "maxspeed", "access",
         "motor_vehicle", "junction")  # fmt: skip


def scan_osm(path: Path, *, log: ProblemLog) -> OsmWays | None:
    """Read the roads of an OSM file in two passes; memory grows with the roads, not the file.

    The first pass keeps the ways with a known ``highway`` value, the second the positions of
    their nodes alone. Ways that leave the extract are cut where their nodes are missing.
    """
    import osmium

    if _io.missing(path, log):
        return None
    ways, start, refs = array.array("q"), array.array("q", [0]), array.array("q")
    tags: dict[str, list[str]] = {tag: [] for tag in _TAGS}
    try:
        reader: Any = osmium.FileProcessor(str(path), osmium.osm.WAY).with_filter(
            osmium.filter.KeyFilter("highway")
        )
        for way in reader:
            get = way.tags.get
            if get("highway", "").lower() not in _CLASS_OF:
                continue
            nodes = [node.ref for node in way.nodes]
            if len(nodes) < 2:
                continue
            ways.append(way.id)
            refs.extend(nodes)
            start.append(len(refs))
            for tag, values in tags.items():
                # interned: a million ways share a few dozen class words
                values.append(sys.intern(get(tag, "")))
        every = np.frombuffer(refs, np.int64) if len(refs) else np.empty(0, np.int64)
        ids, ref = np.unique(every, return_inverse=True)
        lon, lat = np.full(len(ids), np.nan), np.full(len(ids), np.nan)
        found, x, y = array.array("q"), array.array("d"), array.array("d")
        if len(ids):
            nodes_only: Any = osmium.FileProcessor(str(path), osmium.osm.NODE).with_filter(
                osmium.filter.IdFilter(map(int, ids))
            )
            for node in nodes_only:
                place = node.location
                if place.valid():
                    found.append(node.id)
                    x.append(place.lon)
                    y.append(place.lat)
    except RuntimeError as error:
        log.add(
            "error", "broken_file", "读取失败，文件可能不完整，或不是 OSM 文件",
            f"cannot be read, the file may be cut off: {error}", file=path.name,
            fix=("重新下载该文件", "download the file again"),
        )  # fmt: skip
        return None
    if len(found):
        row = np.searchsorted(ids, np.frombuffer(found, np.int64))
        lon[row], lat[row] = np.frombuffer(x), np.frombuffer(y)
    if len(ways) == 0:
        log.add("error", "empty_layer", "文件里没有道路", "the file holds no roads", file=path.name)
        return None
    return OsmWays(
        np.array(ways, np.int64), np.array(start, np.int64), ref.ravel(), ids, lon, lat,
        pd.DataFrame(tags),
    )  # fmt: skip


def osm_segments(
    ways: OsmWays,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Split ways where they share nodes: way row, first and last position in ``ways.ref``."""
    known = np.isfinite(ways.lon)[ways.ref]
    use = np.bincount(ways.ref, minlength=len(ways.lon))
    sizes = np.diff(ways.start)
    way = np.repeat(np.arange(len(sizes)), sizes)
    ends = np.zeros(len(ways.ref), bool)
    ends[ways.start[:-1]] = True
    ends[ways.start[1:] - 1] = True
    # next to a node outside the extract a way ends as well
    same = way[1:] == way[:-1]
    ends[1:] |= same & ~known[:-1]
    ends[:-1] |= same & ~known[1:]
    stop = np.flatnonzero((ends | (use[ways.ref] > 1)) & known)
    first, last = stop[:-1], stop[1:]
    gap = np.r_[0, np.cumsum(~known)]
    keep = (way[first] == way[last]) & (gap[last] == gap[first])
    first, last = first[keep], last[keep]
    return way[first], first, last


def _from_osm(path: Path, log: ProblemLog) -> gpd.GeoDataFrame:
    """Read an OSM file into a layer with our column names, split at shared nodes."""
    import geopandas as gpd
    import shapely

    ways = scan_osm(path, log=log)
    if ways is None:
        return gpd.GeoDataFrame({"geometry": []}, geometry="geometry", crs=datum.WGS84)
    way, first, last = osm_segments(ways)
    counts = last - first + 1
    offsets = np.r_[0, np.cumsum(counts)]
    at = np.repeat(first - offsets[:-1], counts) + np.arange(offsets[-1])
    node = ways.ref[at]
    xy = np.column_stack([ways.lon[node], ways.lat[node]])
    lines = shapely.from_ragged_array(shapely.GeometryType.LINESTRING, xy, (offsets,))
    table = osm_columns(ways.tags).iloc[way].reset_index(drop=True)
    table.insert(0, "road_id", [f"w{i}" for i in ways.way_id[way]])
    return gpd.GeoDataFrame(table, geometry=lines, crs=datum.WGS84)


def osm_columns(tags: pd.DataFrame) -> pd.DataFrame:
    """Turn OSM tags into our columns; roundabouts and motorways run one way by convention."""
    table = tags.rename(columns={"highway": "road_class"})
    implied = table["junction"].isin(["roundabout", "circular"]) | (
        table["road_class"].isin(["motorway", "motorway_link"])
    )
    table.loc[(table["oneway"] == "") & implied, "oneway"] = "yes"
    blocked = table["motor_vehicle"].isin(["no", "private"]) & (table["access"] == "")
    table.loc[blocked, "access"] = "no_car"
    return table.drop(columns=["motor_vehicle", "junction"])


# ---------------------------------------------------------------- presumed links


def presumed_links(
    points: gpd.GeoDataFrame,
    roads: gpd.GeoDataFrame,
    seats: gpd.GeoDataFrame,
    standards: Standards,
    *,
    rivers: gpd.GeoDataFrame | None = None,
) -> gpd.GeoDataFrame:
    """Join located villages and township seats to roads, seats and neighbours by presumed lines.

    The lines are straight; how much longer and how fast the way really is are distributions in
    the standards (``roads.presumed.circuity``, ``roads.presumed.speed_kph``), applied when the
    network is built. Nothing is joined to a motorway.

    Parameters
    ----------
    points
        Villages with ``code`` and ``township``; those without a point are left out.
    roads
        ROADS in a projected CRS.
    seats
        Township seats with ``name`` or ``township`` (the name that ``points.township`` uses).
    standards
        Numbers and reach of the links.
    rivers
        Lines; links that cross one are flagged ``crosses_river`` (empty where not known).

    Returns
    -------
    geopandas.GeoDataFrame
        ROADS rows (``basis`` presumed, class village) with ``joins`` (road, seat, neighbour).
    """
    import geopandas as gpd
    import shapely
    from scipy.spatial import cKDTree

    crs = roads.crs if len(roads) else points.crs
    if crs is None or not crs.is_projected:
        raise DataError(_needs_projection())
    located = points.to_crs(crs)
    located = located[~(located.geometry.isna() | located.geometry.is_empty)]
    seat_table = seats.to_crs(crs)
    seat_table = seat_table[~(seat_table.geometry.isna() | seat_table.geometry.is_empty)]
    seat_names = seat_table["township" if "township" in seat_table.columns else "name"].astype(str)
    village_xy = _xy(located)
    seat_xy = _xy(seat_table)
    # one hub per distinct place: villages on a shared point are joined once
    every = np.r_[seat_xy, village_xy]
    _, first, hub_of = np.unique(every.round(1), axis=0, return_index=True, return_inverse=True)
    hubs, hub_of = every[first], hub_of.ravel()
    seat_hub, village_hub = hub_of[: len(seat_xy)], hub_of[len(seat_xy) :]
    pairs: dict[tuple[int, int], str] = {}

    def join(a: int, b: int, why: str) -> None:
        if a != b:
            pairs.setdefault((min(a, b), max(a, b)), why)

    own = dict(zip(seat_names, seat_hub, strict=True))
    for hub, township in zip(village_hub, located["township"].astype(str), strict=True):
        if township in own:
            join(int(hub), int(own[township]), "seat")
    many = int(standards.value("roads.presumed.neighbours"))
    reach = float(standards.value("roads.presumed.max_neighbour_km")) * 1000
    if len(hubs) > 1 and many > 0:
        tree = cKDTree(hubs)
        distance, other = tree.query(hubs, k=min(many + 1, len(hubs)))
        for a in range(len(hubs)):
            for d, b in zip(distance[a], other[a], strict=True):
                if int(b) != a and d <= reach:
                    join(a, int(b), "neighbour")
    lines = [shapely.LineString([hubs[a], hubs[b]]) for a, b in sorted(pairs)]
    joins = [pairs[pair] for pair in sorted(pairs)]
    open_roads = roads[
        ~roads["road_class"].isin(["motorway", "motorway_link", "path"])
        & (roads["status"] == "existing")
    ]
    far = float(standards.value("roads.presumed.max_road_km")) * 1000
    if len(open_roads) and len(hubs):
        spots = shapely.points(hubs)
        (hub, line), distance = open_roads.sindex.nearest(
            spots, return_all=False, max_distance=far, return_distance=True
        )
        target = open_roads.geometry.to_numpy()[line]
        for h, geometry, d in zip(hub, target, distance, strict=True):
            if d > 0.01:  # a point on the road needs no link
                at = shapely.line_interpolate_point(
                    geometry, shapely.line_locate_point(geometry, spots[h])
                )
                lines.append(shapely.LineString([hubs[h], (at.x, at.y)]))
                joins.append("road")
    count = len(lines)
    table = gpd.GeoDataFrame(
        {
            "road_id": [f"presumed-{i + 1}" for i in range(count)],
            "road_class": "village",
            "name": "",
            "ref": "",
            "surface": "",
            "oneway": False,
            "bridge": False,
            "tunnel": False,
            "status": "existing",
            "basis": str(schemas.RoadBasis.PRESUMED),
            "joins": joins,
        },
        index=pd.RangeIndex(count),
        geometry=lines,
        crs=crs,
    )
    crossing = pd.array([pd.NA] * count, dtype="boolean")
    if rivers is not None:
        hit = table.sindex.query(rivers.to_crs(crs).geometry, predicate="intersects")[1]
        crossing[:] = np.isin(np.arange(count), hit)
    table["crosses_river"] = crossing
    return table


def _xy(table: gpd.GeoDataFrame) -> npt.NDArray[np.float64]:
    return np.column_stack([table.geometry.x.to_numpy(), table.geometry.y.to_numpy()])


def _needs_projection() -> Iterable[Any]:
    log = ProblemLog()
    log.add("error", "not_projected", "道路须为投影坐标（米）", "roads must be in a projected CRS",
            fix=("用 read_roads 读入，或先 to_crs", "read them with read_roads, or use to_crs"))  # fmt: skip
    return log.problems
