"""The scenario file: what is different, in a planner's words.

::

    name = "汛期：沁河以西断路"
    remove = ["F03"]

    [close]
    roads = ["县道218", "S227"]
    within = ["flood.gpkg"]

    [open]
    planned = true

    [[speed]]
    classes = ["village", "track"]
    factor = 0.6

    [[add]]
    service = "clinic"
    tier = "village"
    village = "下庄村"

    [services.clinic.township]
    limit = 20
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, Protocol

import pydantic

from qianwan_gis import _io, datum
from qianwan_gis._errors import DataError, Problem, ProblemLog, UsageError
from qianwan_gis._text import Text
from qianwan_gis.county import (
    LayerSpec,
    ServiceSpec,
    model_problems,
    read_toml,
    services_by_tier,
)
from qianwan_gis.services.choices import Choices

Positive = pydantic.Field(gt=0, allow_inf_nan=False)


class _Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


def _layers(given: Any) -> Any:
    """Let a layer be named by its path alone."""
    if isinstance(given, str | Path):
        given = [given]
    if isinstance(given, list | tuple):
        return [{"path": item} if isinstance(item, str | Path) else item for item in given]
    return given


class Close(_Model):
    """Roads that cannot be used.

    Attributes
    ----------
    roads
        Names, numbers (G207) or identifiers (``road_id``).
    classes
        Whole classes of roads (``village``, ``track``).
    within
        Layers of areas or lines: roads are cut at the edge of an area, and what is inside is
        closed; a line closes what is within ``tolerance_m`` of it.
    bridges
        Whether bridges and tunnels inside an area are closed as well; they stand above the water.
    walk_m
        How far people walk to another road when theirs is closed.
    """

    roads: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    within: tuple[LayerSpec, ...] = ()
    bridges: bool = False
    tolerance_m: float = pydantic.Field(default=20.0, gt=0, allow_inf_nan=False)
    walk_m: float = pydantic.Field(default=300.0, ge=0, allow_inf_nan=False)

    @pydantic.field_validator("within", mode="before")
    @classmethod
    def _by_path(cls, given: Any) -> Any:
        return _layers(given)


class Open(_Model):
    """Roads that are built: planned ones on record (all, or by name), and files of further ones."""

    planned: bool | tuple[str, ...] = False
    files: tuple[LayerSpec, ...] = ()

    @pydantic.field_validator("files", mode="before")
    @classmethod
    def _by_path(cls, given: Any) -> Any:
        return _layers(given)


class Speed(_Model):
    """Other speeds: of classes or named roads (all roads without either), of a mode or of all.

    ``factor`` multiplies the speed (0.5 takes twice the time), ``kph`` replaces it.
    """

    classes: tuple[str, ...] = ()
    roads: tuple[str, ...] = ()
    mode: str | None = None
    factor: float | None = pydantic.Field(default=None, gt=0, allow_inf_nan=False)
    kph: float | None = pydantic.Field(default=None, gt=0, allow_inf_nan=False)

    @pydantic.model_validator(mode="after")
    def _one(self) -> Speed:
        if (self.factor is None) == (self.kph is None):
            raise ValueError("factor 与 kph 应写且只写一个 / give either factor or kph")
        return self


class Add(_Model):
    """A new facility: at a place (longitude and latitude, WGS84), or in a village (name or code)."""

    service: str
    tier: str
    id: str = ""
    name: str = ""
    lon: float | None = pydantic.Field(default=None, ge=-180, le=180)
    lat: float | None = pydantic.Field(default=None, ge=-90, le=90)
    village: str = ""
    capacity: float | None = pydantic.Field(default=None, ge=0, allow_inf_nan=False)

    @pydantic.model_validator(mode="after")
    def _placed(self) -> Add:
        if (self.lon is None) != (self.lat is None) or (self.lon is None) == (not self.village):
            raise ValueError("应写 lon 和 lat，或写 village / give lon and lat, or village")
        return self


class Move(_Model):
    """A facility at another place (longitude and latitude, WGS84)."""

    id: str
    lon: float = pydantic.Field(ge=-180, le=180)
    lat: float = pydantic.Field(ge=-90, le=90)


class Scenario(_Model):
    """What is different in a scenario; everything else stays as it is.

    Attributes
    ----------
    name, name_en, note
        What readers see.
    close, open, speed
        Roads.
    add, remove, move, capacity
        Facilities: new ones, ids left out, other places, other capacities by id.
    services
        Mode, limit and capacities by service or tier, as in the county's file.
    only
        Services or tiers to compare (``clinic``, ``clinic.village``); all by default.
    folder
        Where the files named here are.
    """

    name: str = pydantic.Field(min_length=1, max_length=60)
    name_en: str = ""
    note: str = ""
    close: Close = Close()
    open: Open = Open()
    speed: tuple[Speed, ...] = ()
    add: tuple[Add, ...] = ()
    remove: tuple[str, ...] = ()
    move: tuple[Move, ...] = ()
    capacity: dict[str, float] = {}
    services: dict[str, ServiceSpec] = {}
    only: tuple[str, ...] = ()
    folder: Path = Path()

    @pydantic.field_validator("services", mode="before")
    @classmethod
    def _services(cls, given: Any) -> Any:
        return services_by_tier(given)

    @pydantic.model_validator(mode="after")
    def _sound(self) -> Scenario:
        for name, value in self.capacity.items():
            if not 0 <= value < float("inf"):
                raise ValueError(f"capacity.{name}：{value} 不是容量 / is no capacity")
        return self

    @property
    def title(self) -> Text:
        """The scenario's name in both languages."""
        return Text(self.name, self.name_en or self.name)

    @property
    def file_name(self) -> str:
        """The name as part of a file name."""
        kept = [c if c.isalnum() or c in "-_" else "_" for c in self.name]
        return "_".join(part for part in "".join(kept).split("_") if part) or "1"

    def choose(self, choices: Choices) -> Choices:
        """Return a plan's choices with those of the scenario over them."""
        for name in sorted(self.services, key=lambda n: n.count(".")):
            said = self.services[name]
            service, _, tier = name.partition(".")
            choices = choices.set(
                service, tier, mode=said.mode, limit=said.limit, backup=said.backup,
                capacity=said.capacity,
            )  # fmt: skip
        return choices

    @classmethod
    def read(cls, path: str | Path) -> Scenario:
        """Read a scenario file (TOML, or JSON of the same form).

        Raises
        ------
        DataError
            The file cannot be read or says something that cannot be: all faults at once.
        """
        file = Path(path)
        table: Any = _read_json(file) if file.suffix.lower() == ".json" else read_toml(file)
        if not isinstance(table, dict):
            table = {"": table}
        try:
            made = cls.model_validate({"name": file.stem, **table, "folder": file.parent})
            made.choose(Choices())  # unknown services are told at once
        except pydantic.ValidationError as fault:
            raise DataError(model_problems(fault, file.name).problems) from fault
        except UsageError as fault:
            raise DataError(
                Problem("bad_setting", "error", fault.text, file=file.name, field="services")
            ) from fault
        return made


def _read_json(file: Path) -> Any:
    log = ProblemLog()
    if _io.missing(file, log):
        raise DataError(log.problems)
    try:
        return json.loads(file.read_bytes().decode("utf-8-sig"))
    except ValueError as fault:  # of bad text, too
        row = getattr(fault, "lineno", None)
        log.add("error", "bad_scenario", "不是有效的 JSON", f"not valid JSON: {fault}", file=file.name,
                row=row, fix=("应为 UTF-8 的 TOML 或 JSON", "UTF-8 TOML or JSON"))  # fmt: skip
        raise DataError(log.problems) from fault


def is_from_map(file: Path) -> bool:
    """Whether a file is what the web map exports, rather than a scenario file."""
    if file.suffix.lower() != ".json":
        return False
    try:
        return "format" in json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, TypeError):  # `Scenario.read` says what is wrong with it
        return False


class MapScenario(Protocol):
    """What the web map exports (`maps.whatif.Scenario`)."""

    @property
    def service(self) -> str: ...  # noqa: D102
    @property
    def tier(self) -> str: ...  # noqa: D102
    @property
    def mode(self) -> str: ...  # noqa: D102
    @property
    def limit_minutes(self) -> float: ...  # noqa: D102
    @property
    def facilities(self) -> Any: ...  # noqa: D102
    @property
    def closed(self) -> tuple[str, ...]: ...  # noqa: D102


def from_map(found: MapScenario, name: str) -> Scenario:
    """Turn the facilities that a planner set on the web map into a scenario."""
    places = found.facilities.to_crs(datum.WGS84)
    add, move = [], []
    status: Literal["added", "moved", "existing"]
    for id_, label, status, point in zip(
        places["facility_id"], places["name"], places["status"], places.geometry, strict=True
    ):
        if status == "added":
            add.append(
                Add(service=found.service, tier=found.tier, id=str(id_), name=str(label),
                    lon=point.x, lat=point.y)
            )  # fmt: skip
        elif status == "moved":
            move.append(Move(id=str(id_), lon=point.x, lat=point.y))
    key = f"{found.service}.{found.tier}"
    return Scenario(
        name=name[:60] or "map", add=tuple(add), move=tuple(move), remove=tuple(found.closed),
        services={key: ServiceSpec(mode=found.mode, limit=found.limit_minutes)}, only=(key,),
    )  # fmt: skip
