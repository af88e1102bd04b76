"""What a county or a planner chooses for a service: mode, limit, a second facility, capacities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.services.registry import Service, services

Key = tuple[str, str]


class Wanted(Protocol):
    """What is said of one service (`county.ServiceSpec`); None is not said."""

    @property
    def mode(self) -> str | None: ...  # noqa: D102
    @property
    def limit(self) -> float | None: ...  # noqa: D102
    @property
    def backup(self) -> bool | None: ...  # noqa: D102
    @property
    def capacity(self) -> float | None: ...  # noqa: D102


@dataclass(frozen=True)
class Choices:
    """Choices by (service, tier).

    Attributes
    ----------
    mode
        Mode of travel instead of the service's own.
    limit
        Values of the norms that are the limits, by the norm's key: put over the standards.
    backup
        Tiers for which a second facility in reach is looked for.
    capacity
        People that one unit of recorded capacity serves; facilities of these tiers can be full.
    """

    mode: Mapping[Key, str] = field(default_factory=dict)
    limit: Mapping[str, float] = field(default_factory=dict)
    backup: frozenset[Key] = frozenset()
    capacity: Mapping[Key, float] = field(default_factory=dict)

    @classmethod
    def of(cls, wanted: Mapping[str, Wanted]) -> Choices:
        """Read choices by ``service`` or ``service.tier``; what is said of a tier goes first.

        Raises
        ------
        UsageError
            A service or tier that does not exist or is not measured by travel time, an unknown
            mode, a limit or capacity that is not above zero.
        """
        made = cls()
        for name in sorted(wanted, key=lambda n: n.count(".")):
            said = wanted[name]
            service, _, tier = name.partition(".")
            made = made.set(
                service, tier, mode=said.mode, limit=said.limit, backup=said.backup,
                capacity=said.capacity,
            )  # fmt: skip
        return made

    def set(
        self, service: str, tier: str = "", *, mode: str | None = None, limit: float | None = None,
        backup: bool | None = None, capacity: float | None = None,
    ) -> Choices:  # fmt: skip
        """Return the choices with others for a service (all its tiers) or one tier."""
        limit, capacity = _above_zero(limit, "limit"), _above_zero(capacity, "capacity")
        mine = tiers(service, tier)
        keys = [(s.service, s.tier) for s in mine]
        back = set(self.backup)
        if backup is not None:
            back = back | set(keys) if backup else back - set(keys)
        return Choices(
            {**self.mode, **({} if mode is None else dict.fromkeys(keys, _mode(mode)))},
            {**self.limit, **({} if limit is None else {s.limit: float(limit) for s in mine})},
            frozenset(back),
            {**self.capacity, **({} if capacity is None else dict.fromkeys(keys, float(capacity)))},
        )

    def also(self, wanted: Mapping[str, Mapping[str, Any]]) -> Choices:
        """Return the choices with others by ``service`` or ``service.tier``, as plain tables."""
        made = self
        for name, said in wanted.items():
            unknown = sorted(set(said) - {"mode", "limit", "backup", "capacity"})
            if unknown:
                raise UsageError(
                    Text(f"{name}：没有选项 {'、'.join(unknown)}，可用：mode、limit、backup、capacity",
                         f"{name}: no option {', '.join(unknown)}; there are mode, limit, backup, "
                         "capacity")
                )  # fmt: skip
            service, _, tier = name.partition(".")
            made = made.set(service, tier, **said)
        return made

    def apply(self, service: Service) -> Service:
        """Return a service with the mode chosen for it."""
        mode = self.mode.get((service.service, service.tier))
        return service if mode is None else replace(service, mode=mode)

    def modes(self) -> list[str]:
        """Return every mode that is needed, those of the services' own included."""
        own = [self.apply(s).mode for s in services() if s.physics == "access"]
        return list(dict.fromkeys(["car", "walk", *own]))

    def options(self) -> dict[str, Any]:
        """Return the keyword options of `services.compute_coverage`."""
        return {"modes": self.mode, "backup": self.backup, "capacity": self.capacity}


def tiers(service: str, tier: str = "") -> list[Service]:
    """Return the tiers of a service that are measured by travel time, or the one named."""
    able = [s for s in services() if s.physics == "access"]
    mine = [s for s in able if s.service == service and tier in ("", s.tier)]
    if not mine:
        there = "、".join(f"{s.service}.{s.tier}" for s in able)
        name = f"{service}.{tier}" if tier else service
        raise UsageError(
            Text(f"没有按路网时间评估的服务“{name}”，可用：{there}",
                 f"no service “{name}” is measured by travel time; there are: {there}")
        )  # fmt: skip
    return mine


def _above_zero(value: Any, name: str) -> float | None:
    """Return a number above zero, or None where none is said; UsageError for anything else."""
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not 0 < number < float("inf"):
        raise UsageError(
            Text(
                f"{name} 应为大于零的数，不是 {value}",
                f"{name} is a number above zero, not {value}",
            )
        )
    return number


MODES: tuple[str, ...] = ("walk", "car", "ebike")


def _mode(name: str, modes: Iterable[str] = MODES) -> str:
    if name not in modes:
        there = "、".join(modes)
        raise UsageError(
            Text(f"没有出行方式“{name}”，可用：{there}", f"no mode “{name}”; there are: {there}")
        )
    return name
