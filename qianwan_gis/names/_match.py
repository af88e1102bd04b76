"""Finding the unit that a printed name means, with a certainty, among all names of a table."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import NamedTuple

import pandas as pd

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.names._channel import FORMER_NAME, MOST_EDITS, NOTHING, Path, pair, path, sibling
from qianwan_gis.names._characters import COMMON
from qianwan_gis.names._forms import core, forms, is_name, normalise, township_core

CERTAIN = 0.95
"""From this certainty on a match is called certain."""

_NOT_IN_TABLE = 0.03  # share of printed names whose village the table lacks
_OTHER_TOWNSHIP = 0.01  # share of printed names under a wrong township
_NAMED_TWICE = 1e-5  # share of rows that name a village which another row of the list names better
_SIBLING = 0.005  # chance that the table lacks one given sibling (西沟) of a village it has (东沟)
_ALPHABET = 7000  # characters that a name may hold
_PRIOR_COUNT, _PRIOR_COMMON = (
    300.0,
    0.8,
)  # weight of general knowledge, and of common characters in it
_ALIKE_UNITS = 30  # units of a township, where a pair is judged out of context
# Slope and intercept on the log-odds that the village is in the table at all, fitted on made-up
# counties by benchmarks/names.py --calibrate; and the highest certainty that is ever printed.
_CALIBRATION: dict[str, tuple[float, float]] = {
    "form": (1.0, 0.0),  # fitted 0.96 and 0.00: as computed
    "near": (0.77, 1.59),
    "other": (0.63, 0.56),
    "far": (0.81, -1.97),
    "across": (0.66, 0.31),
}
_MOST = {"form": 0.9999, "near": 0.999, "other": 0.995, "far": 0.995, "across": 0.99}
_GROUPS = {
    **dict.fromkeys(("exact", "variant", "suffix", "prefix", "former_name"), "form"),
    **dict.fromkeys(("sound_shape", "sound", "shape", "generic"), "near"),
    "other": "other",
}
_SEPARATORS = ";；、,，|/"
_RUNNERS = 3
_KEPT = 4096  # names whose candidates are kept


class Score(NamedTuple):
    """How well two names agree, out of context."""

    certainty: float
    kind: str
    reason: Text


@dataclass(frozen=True)
class Candidate:
    """One unit that a printed name may mean."""

    position: int
    name: str
    township: str
    code: str
    certainty: float
    kind: str
    reason: Text
    edits: tuple[tuple[str, str], ...] = ()
    """What was printed and what is meant, one pair per character edited."""


@dataclass(frozen=True)
class NameMatch:
    """What a printed name most probably means.

    Attributes
    ----------
    best
        The likeliest unit, or None when nothing in the table resembles the name.
    certainty
        Probability that ``best`` is right, calibrated; 0 without one.
    kind
        How the names differ (`KIND_TEXT`).
    across
        True when ``best`` lies in another township than the one printed.
    reason
        What differs and why the certainty is not higher.
    runners_up
        The next candidates, best first.
    listed, share
        Probability, before calibration, that the village is in the table at all, and share of ``best``
        in it.
    """

    printed: str
    township: str
    best: Candidate | None
    certainty: float
    kind: str
    across: bool
    reason: Text
    runners_up: tuple[Candidate, ...] = ()
    listed: float = 0.0
    share: float = 0.0

    @property
    def certain(self) -> bool:
        """Whether the match is called certain: `CERTAIN` or more and in the printed township."""
        return self.best is not None and self.certainty >= CERTAIN and not self.across

    @property
    def code(self) -> str:
        """Code of the best candidate, empty without one."""
        return self.best.code if self.best else ""


def _group(kind: str, *, across: bool) -> str:
    return "across" if across else _GROUPS.get(kind, "far")


def _calibrated(listed: float, share: float, group: str) -> float:
    """Return the certainty of a candidate.

    ``listed`` is the probability that the village is in the table, ``share`` that of the candidate
    among those of the table. Only the first is calibrated: it rests on judged rates.
    """
    slope, intercept = _CALIBRATION[group]
    p = min(max(listed, 1e-9), 1 - 1e-9)
    return min(share / (1 + exp(-(slope * log(p / (1 - p)) + intercept))), _MOST[group])


class _Unit(NamedTuple):
    position: int
    name: str
    township: str
    code: str
    plain: tuple[tuple[str, str], ...]
    others: tuple[tuple[tuple[str, str], ...], ...]


class _Found(NamedTuple):
    """Units that resemble a printed name: position → weight and way, in the order found.

    ``absent`` is the weight of a village that the table lacks, ``inside`` are the positions of the
    printed township, ``remark`` says how that township was read.
    """

    weights: dict[int, tuple[float, Path]]
    absent: float
    inside: set[int]
    remark: Text | None


class NameIndex:
    """The names of a table of units, arranged for matching.

    Parameters
    ----------
    units
        One row per unit: ``name``, ``township``; optionally ``code``, ``county`` and ``other_names``
        (former and other names, separated by ``;`` or ``、``). Without ``county`` the first six digits
        of the code stand for it.
    former_townships
        Former name of a township → present name, for lists that use old names.

    Notes
    -----
    Names are prepared when their township or county is first asked for, so that an index over a whole
    country costs little until used.
    """

    def __init__(
        self, units: pd.DataFrame, *, former_townships: Mapping[str, str] | None = None
    ) -> None:
        missing = [c for c in ("name", "township") if c not in units.columns]
        if missing:
            raise UsageError(
                Text(
                    f"单位表缺少字段：{'、'.join(missing)}",
                    f"columns are missing: {', '.join(missing)}",
                )
            )
        self._names = _texts(units, "name")
        self._townships = _texts(units, "township")
        self._codes = _texts(units, "code")
        self._others = _texts(units, "other_names")
        counties = _texts(units, "county")
        if "county" not in units.columns:
            counties = [code[:6] for code in self._codes]
        self._by_township: dict[str, dict[str, list[int]]] = defaultdict(dict)
        self._by_county: dict[str, list[int]] = defaultdict(list)
        cores = {t: township_core(t) for t in dict.fromkeys(self._townships)}
        for position, (township, county) in enumerate(zip(self._townships, counties, strict=True)):
            self._by_county[county].append(position)
            self._by_township[cores[township]].setdefault(county, []).append(position)
        self._former = {
            township_core(k): township_core(v) for k, v in (former_townships or {}).items()
        }
        self._units: dict[int, _Unit] = {}
        self._frequencies: dict[str, _NameModel] = {}
        self._postings: dict[str, dict[str, set[int]]] = {}
        self._asked: dict[tuple[str, str, str], _Found] = {}

    def __len__(self) -> int:
        return len(self._names)

    def _unit(self, position: int) -> _Unit:
        unit = self._units.get(position)
        if unit is None:
            name, township = self._names[position], self._townships[position]
            others = self._others[position]
            for separator in _SEPARATORS[1:]:
                others = others.replace(separator, _SEPARATORS[0])
            unit = _Unit(
                position,
                name,
                township,
                self._codes[position],
                forms(name, township),
                tuple(forms(o, township) for o in others.split(_SEPARATORS[0]) if o.strip()),
            )
            self._units[position] = unit
        return unit

    def _model(self, county: str) -> _NameModel:
        if county not in self._frequencies:
            positions = self._by_county.get(county) or range(min(len(self._names), 20000))
            self._frequencies[county] = _NameModel(core(self._names[p]) for p in positions)
        return self._frequencies[county]

    def _sharing(self, county: str, printed: tuple[tuple[str, str], ...]) -> set[int]:
        """Positions in a county (all of them for ``""``) that share a character with the name."""
        if county not in self._postings:
            positions: Iterable[int] = (
                self._by_county[county] if county else range(len(self._names))
            )
            posting: dict[str, set[int]] = defaultdict(set)
            for position in positions:
                for char in set(normalise(self._names[position] + self._others[position])):
                    posting[char].add(position)
            self._postings[county] = posting
        posting = self._postings[county]
        shortest = min((form for form, _ in printed), key=len)
        found: set[int] = set()
        for char in set(shortest):
            found |= posting.get(char, set())
        return found

    def township_of(self, township: str, county: str = "") -> tuple[str, Text | None]:
        """Return the core of the table's township that is meant, and a remark where names differ.

        Former names lead to the township of today. A misprinted name counts when one township alone
        resembles it. Empty when there is none.
        """
        wanted = township_core(township)
        if wanted in self._by_township and self._in_county(wanted, county):
            return wanted, None
        now = self._former.get(wanted, "")
        if now in self._by_township and self._in_county(now, county):
            present = self._townships[next(iter(self._by_township[now].values()))[0]]
            return now, Text(f"{township}今属{present}", f"{township} is now part of {present}")
        scores = sorted(
            (
                (pair(wanted, other).weight, other)
                for other in self._by_township
                if self._in_county(other, county)
            ),
            reverse=True,
        )
        if (
            scores
            and scores[0][0] >= 1e-4
            and (len(scores) < 2 or scores[1][0] < scores[0][0] / 20)
        ):
            other = scores[0][1]
            present = self._townships[next(iter(self._by_township[other].values()))[0]]
            return other, Text(
                f"乡镇“{township}”当为“{present}”", f"township “{township}” read as “{present}”"
            )
        return "", None

    def _in_county(self, township: str, county: str) -> bool:
        return not county or county in self._by_township[township]

    def match(
        self,
        name: str,
        township: str = "",
        *,
        county: str = "",
        taken: Mapping[int, float] | None = None,
    ) -> NameMatch:
        """Return what a printed name most probably means.

        Parameters
        ----------
        name
            As printed, with or without suffix.
        township
            As printed; empty where unknown (then homonyms lower the certainty).
        county
            Six-digit code or name as in the ``county`` column; needed only where the table holds
            several counties.
        taken
            Position → certainty with which another row of the same list claims that unit: one list
            rarely names a village twice.
        """
        if not is_name(name):
            why = Text("不是可用的村名", "not usable as a village's name")
            return NameMatch(name, township, None, 0.0, "none", False, why)
        found = self._found(name, township, county)
        weights = dict(found.weights)
        for position, claim in (taken or {}).items():
            if position in weights:
                weight, way = weights[position]
                weights[position] = (weight * max(1 - claim, _NAMED_TWICE), way)
        return self._decide(name, township, weights, found)

    def _found(self, name: str, township: str, county: str) -> _Found:
        """Return the units that resemble a name; a list asks for each of its names several times."""
        key = (name, township, county)
        if key not in self._asked:
            if len(self._asked) >= _KEPT:
                self._asked.clear()
            self._asked[key] = self._search(name, township, county)
        return self._asked[key]

    def _search(self, name: str, township: str, county: str) -> _Found:
        printed = forms(name, township)
        inside: list[int] = []
        remark: Text | None = None
        if township:
            resolved, remark = self.township_of(township, county)
            if resolved:
                groups = self._by_township[resolved]
                inside = groups[county] if county else [p for g in groups.values() for p in g]
            else:
                remark = Text(
                    f"码表中没有乡镇“{township}”", f"no township “{township}” in the table"
                )
        weights = self._weigh(name, printed, inside, (1 - _OTHER_TOWNSHIP) / max(len(inside), 1))
        outside: set[int] = set()
        if (
            max((w for w, _ in weights.values()), default=0.0) * max(len(inside), 1)
            < FORMER_NAME / 2
        ):
            scope = county
            if not scope and inside:
                scope = self._codes[inside[0]][:6]
                scope = scope if scope in self._by_county else ""
            outside = self._sharing(scope, printed) - set(inside)
            everywhere = len(self._by_county[scope]) if scope else len(self._names)
            share = _OTHER_TOWNSHIP if inside else 1.0
            # Two edits and another township besides could never be certain.
            most = 1 if inside else MOST_EDITS
            prior = share / max(everywhere - len(inside), 1)
            # in one order always: sums of weights depend on it to the last bit
            weights |= self._weigh(name, printed, sorted(outside), prior, most)
        county_of = county or (self._codes[inside[0]][:6] if inside else "")
        own = set(inside)
        absent = _NOT_IN_TABLE * (
            self._model(county_of).probability(core(name))
            + _SIBLING * _unlisted_sibling(way for p, (_, way) in weights.items() if p in own)
        )
        return _Found(weights, absent, own, remark)

    def _weigh(
        self,
        name: str,
        printed: tuple[tuple[str, str], ...],
        positions: Iterable[int],
        prior: float,
        most: int = MOST_EDITS,
    ) -> dict[int, tuple[float, Path]]:
        out: dict[int, tuple[float, Path]] = {}
        for position in positions:
            unit = self._unit(position)
            way = path(printed, unit.plain, raw_equal=name == unit.name, most=most)
            for other in unit.others:
                second = path(printed, other, former=True, most=most)
                if second.weight > way.weight:
                    way = second
            if way is not NOTHING:
                out[position] = (way.weight * prior, way)
        return out

    def _decide(
        self,
        name: str,
        township: str,
        weights: dict[int, tuple[float, Path]],
        found: _Found,
    ) -> NameMatch:
        absent, inside, remark = found.absent, found.inside, found.remark
        present = sum(weight for weight, _ in weights.values())
        listed = present / (present + absent)
        ranked = sorted(weights.items(), key=lambda item: (-item[1][0], item[0]))[: _RUNNERS + 1]
        candidates = []
        group = ""
        for position, (weight, way) in ranked:
            group = group or _group(way.kind, across=bool(township) and position not in inside)
            unit = self._unit(position)
            candidates.append(
                Candidate(
                    position,
                    unit.name,
                    unit.township,
                    unit.code,
                    _calibrated(listed, weight / present, group),
                    way.kind,
                    way.text(),
                    tuple((edit.printed, edit.meant) for edit in way.edits),
                )
            )
        if not candidates:
            why = remark or Text("没有相近的名称", "no name resembles it")
            return NameMatch(name, township, None, 0.0, "none", False, why)
        best = candidates[0]
        across = bool(township) and best.position not in inside
        remarks = [best.reason]
        if remark is not None:
            remarks.append(remark)
        if across:
            remarks.append(
                Text(f"所在乡镇不同：表中属{best.township}", f"another township: {best.township}")
            )
        if len(candidates) > 1 and candidates[1].certainty >= 0.05:
            second = candidates[1]
            remarks.append(
                Text(
                    f"另有相近者{second.township}{second.name}",
                    f"{second.name} ({second.township}) is also close",
                )
            )
        reason = Text("；".join(r.zh for r in remarks), "; ".join(r.en for r in remarks))
        return NameMatch(
            name,
            township,
            best,
            best.certainty,
            best.kind,
            across,
            reason,
            tuple(candidates[1:]),
            listed,
            ranked[0][1][0] / present,
        )

    def match_table(self, table: pd.DataFrame) -> pd.DataFrame:
        """Match many names at once.

        Parameters
        ----------
        table
            Columns ``name`` and, where known, ``township`` and ``county``.

        Returns
        -------
        pandas.DataFrame
            Same index; ``match_code``, ``match_name``, ``match_township``, ``match_position`` (row of
            the units table, -1 for none), ``certainty``, ``kind``, ``across``, ``reason``.
        """
        rows = []
        for name, township, county in zip(
            _texts(table, "name"), _texts(table, "township"), _texts(table, "county"), strict=True
        ):
            found = self.match(name, township, county=county)
            best = found.best
            rows.append(
                (
                    found.code,
                    best.name if best else "",
                    best.township if best else "",
                    best.position if best else -1,
                    found.certainty,
                    found.kind,
                    found.across,
                    str(found.reason),
                )
            )
        columns = [
            "match_code",
            "match_name",
            "match_township",
            "match_position",
            "certainty",
            "kind",
            "across",
            "reason",
        ]
        return pd.DataFrame(rows, columns=columns, index=table.index)


def _unlisted_sibling(candidates: Iterable[Path]) -> float:
    """How probable a name is as that of a village missing from a set (东沟, 西沟, …) in the table."""
    ways = list(candidates)
    known = {way.form for way in ways}
    return max(
        (
            sibling(way.edits[0].printed, way.edits[0], known, way.form[1:])
            for way in ways
            if len(way.edits) == 1 and way.edits[0].printed and way.form[:1] == way.edits[0].meant
        ),
        default=0.0,
    )


class _NameModel:
    """How probable a name is as that of some village unknown.

    Frequencies of length, of the last character (庄, 沟, 河 …) and of the others, each with room for
    what was not seen.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._lengths: Counter[int] = Counter()
        self._last: Counter[str] = Counter()
        self._others: Counter[str] = Counter()
        for name in names:
            self._lengths[len(name)] += 1
            self._last.update(name[-1:])
            self._others.update(name[:-1])

    def probability(self, name: str) -> float:
        count = sum(self._lengths.values())
        logarithm = log((self._lengths[len(name)] + 1) / (count + 10))
        for seen, chars in ((self._last, name[-1:]), (self._others, name[:-1])):
            total = sum(seen.values()) + _PRIOR_COUNT
            for char in chars:
                prior = (1 - _PRIOR_COMMON) / _ALPHABET
                if char in COMMON:
                    prior += _PRIOR_COMMON / len(COMMON)
                logarithm += log((seen[char] + _PRIOR_COUNT * prior) / total)
        return exp(logarithm)


def _texts(table: pd.DataFrame, column: str) -> list[str]:
    if column not in table.columns:
        return [""] * len(table)
    values = table[column]
    return [str(v) for v in values.astype(object).where(values.notna(), "").tolist()]


def similarity(printed: str, meant: str, *, township: str = "") -> Score:
    """Return how well two names agree, out of context.

    The certainty is that ``printed`` means ``meant`` and not some village unknown, among the thirty or
    so units of a township that has both nothing closer and no homonym. `best_match` knows the others
    and is to be preferred.

    Returns
    -------
    Score
        ``certainty`` (0 to 1), ``kind`` (`KIND_TEXT`) and ``reason``.
    """
    if not (is_name(printed) and is_name(meant)):
        return Score(0.0, "none", Text("不是可用的村名", "not usable as a village's name"))
    way = pair(printed, meant, township)
    absent = _NOT_IN_TABLE * _ALIKE_UNITS * _TYPICAL.probability(core(printed))
    certainty = _calibrated(way.weight / (way.weight + absent), 1.0, _group(way.kind, across=False))
    return Score(certainty, way.kind, way.text())


def best_match(
    name: str,
    candidates: Sequence[str] | pd.DataFrame,
    *,
    township: str = "",
    county: str = "",
    taken: Mapping[int, float] | None = None,
) -> NameMatch:
    """Return which candidate a printed name most probably means.

    Parameters
    ----------
    name
        As printed.
    candidates
        Names (then taken as those of the printed township), or a table as in `NameIndex`.
    township, county, taken
        See `NameIndex.match`.
    """
    if not isinstance(candidates, pd.DataFrame):
        names = list(candidates)
        candidates = pd.DataFrame({"name": names, "township": [township] * len(names)})
    return NameIndex(candidates).match(name, township, county=county, taken=taken)


# Commonest characters of village names, for judging a pair without a table (general knowledge).
_TYPICAL = _NameModel(
    re.findall(
        r"\w+",
        "张庄 李庄 王庄 刘庄 陈庄 杨庄 赵家庄 东沟 西沟 南沟 北沟 上河 下河 大河 小河 东岭 西岭 南岭 "
        "北岭 上村 下村 中村 东村 西村 前庄 后庄 新庄 河底 河西 河东 石桥 高庄 马庄 周庄 郭庄 大南庄 "
        "小南庄 东河 西河 石窑 土岭 黄土坡 柳树沟 李家沟 王家山 张家庄 东坡 西坡 南坡 北坡",
    )
)
