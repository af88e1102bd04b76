"""Norms as data: every number with its unit, region, clause, source and status.

The files beside this module hold one topic each; ``[village.speed_kph]`` in ``roads.toml`` is read
as ``roads.village.speed_kph``. A county overrides values in its own file; what a run has read is
listed in its report with its status.
"""

from __future__ import annotations

import functools
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from qianwan_gis._errors import DataError, ProblemLog, UsageError
from qianwan_gis._text import Text

_KIND_TEXT = {
    int: Text("整数", "a whole number"),
    float: Text("数字", "a number"),
    str: Text("文字", "a text"),
    bool: Text(" true 或 false", "true or false"),
    dict: Text("对照表", "a table"),
}
STATUS_TEXT = {
    "verified": Text("已核实", "verified"),
    "to-check": Text("待核实", "to check"),
    "judgement": Text("专业判断", "judgement"),
    "county": Text("本县设定", "set by the county"),
}
_FIELDS = {
    "value",
    "unit",
    "region",
    "clause",
    "source",
    "status",
    "note",
    "low",
    "high",
    "choices",
    "title",
    "title_en",
}


@dataclass(frozen=True)
class Entry:
    """One norm. ``low`` and ``high`` bound a distribution or the plausible range."""

    key: str
    value: Any
    unit: str = ""
    region: str = ""
    clause: str = ""
    source: str = ""
    status: str = "to-check"
    note: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()
    title: str = ""
    title_en: str = ""


@dataclass(frozen=True)
class Standards:
    """The norms in force. Reading one marks it as used; nothing else changes."""

    entries: Mapping[str, Entry]
    used: set[str] = field(default_factory=set, compare=False)

    @classmethod
    def load(cls, overrides: Mapping[str, Any] | None = None) -> Standards:
        """Read the carried norms and put a county's own values over them."""
        standards = cls(dict(_carried()))
        return standards.replace(overrides) if overrides else standards

    def entry(self, key: str) -> Entry:
        """Return one norm with all that is known of it; `UsageError` for an unknown key."""
        if key not in self.entries:
            raise UsageError(self._unknown(key))
        self.used.add(key)
        return self.entries[key]

    def value(self, key: str) -> Any:
        """Return the value of one norm."""
        return self.entry(key).value

    def replace(self, overrides: Mapping[str, Any]) -> Standards:
        """Return norms with other values. Each must be of the old value's type.

        Raises
        ------
        UsageError
            Naming every unknown key and every value of the wrong type.
        """
        entries = dict(self.entries)
        faults: list[Text] = []
        for key, value in overrides.items():
            if key not in entries:
                faults.append(self._unknown(key))
                continue
            old = entries[key]
            converted = _convert(value, old.value)
            if converted is None or (old.choices and converted not in old.choices):
                kind = _KIND_TEXT.get(type(old.value), Text("列表", "a list"))
                named = "/".join(map(str, old.choices))
                expected = Text(named, named) if named else kind
                faults.append(
                    Text(
                        f"{key}：“{value}”不合要求，应为{expected.zh}",
                        f"{key}: “{value}” is not {expected.en}",
                    )
                )
                continue
            if limit := _beyond(converted, old):
                faults.append(
                    Text(
                        f"{key}：“{value}”不合要求，{limit.zh}",
                        f"{key}: “{value}” {limit.en}",
                    )
                )
                continue
            entries[key] = replace(
                old,
                value=converted,
                status="county",
                low=None,
                high=None,
                source="",
                note=f"{old.value} {old.unit}".strip(),
            )
        if faults:
            raise UsageError(Text("；".join(f.zh for f in faults), "; ".join(f.en for f in faults)))
        return Standards(entries)

    def documented(self, facts: Mapping[str, Mapping[str, Any]]) -> Standards:
        """Return norms of which some say more of themselves.

        ``facts`` has ``source``, ``region``, ``clause``, ``low``, ``high`` and ``note`` by key.
        """
        entries = dict(self.entries)
        for key, said in facts.items():
            if key not in entries:
                raise UsageError(self._unknown(key))
            entries[key] = replace(entries[key], **said)
        return Standards(entries)

    def table(self, *, used_only: bool = False) -> pd.DataFrame:
        """Return the norms as a table, one row each, in the order of their keys."""
        keys = sorted(self.used if used_only else self.entries)
        columns = ["key", "title", "value", "unit", "region", "clause", "source", "status", "note"]
        rows = [[getattr(self.entries[key], name) for name in columns] for key in keys]
        return pd.DataFrame(rows, columns=columns)

    def _unknown(self, key: str) -> Text:
        import difflib

        near = difflib.get_close_matches(key, self.entries, n=3)
        zh, en = f"没有标准项“{key}”", f"no standard “{key}”"
        if near:
            zh, en = f"{zh}，是否为：{'、'.join(near)}", f"{en}; did you mean {', '.join(near)}"
        return Text(zh, en)


def _convert(value: Any, old: Any) -> Any:
    """Bring a value to the type of the one it replaces; ``None`` when that cannot be."""
    try:
        if isinstance(old, bool):
            return {"true": True, "false": False}[str(value).lower()]
        if isinstance(old, int | float):
            number = float(value)
            return int(number) if isinstance(old, int) and number.is_integer() else number
        if isinstance(old, list):
            parts = value if isinstance(value, list) else str(value).split(",")
            return [type(old[0])(part) for part in parts] if old else parts
        return str(value)
    except (KeyError, TypeError, ValueError):
        return None


def _beyond(value: Any, old: Entry) -> Text | None:
    """Say why a number cannot be a norm: infinite, negative, or a speed of nothing."""
    numbers = [v for v in (value if isinstance(value, list) else [value]) if type(v) is not bool]
    for number in numbers:
        if not isinstance(number, int | float):
            continue
        if not math.isfinite(number):
            return Text("应为有限的数", "is not finite")
        if number < 0:
            return Text("不能为负数", "is negative")
        if number == 0 and old.unit in ("km/h", "m/s"):
            return Text("速度须大于零", "is no speed")
    return None


@functools.cache
def _carried() -> Mapping[str, Entry]:
    log = ProblemLog()
    entries: dict[str, Entry] = {}
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        for key, fields in _leaves(path.stem, table):
            unknown = set(fields) - _FIELDS
            if unknown:
                log.add(
                    "error",
                    "unknown_field",
                    f"{key} 有未知字段 {sorted(unknown)}",
                    f"{key} has unknown fields {sorted(unknown)}",
                    file=path.name,
                )
                continue
            fields["choices"] = tuple(fields.get("choices", ()))
            entries[key] = Entry(key=key, **fields)
    if log.errors:
        raise DataError(log.problems)
    return entries


def _leaves(prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, item in table.items():
        if isinstance(item, dict):
            if "value" in item:
                yield f"{prefix}.{name}", dict(item)
            else:
                yield from _leaves(f"{prefix}.{name}", item)
