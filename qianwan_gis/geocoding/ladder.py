"""Gathering evidence for each village, from the strongest source to the weakest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qianwan_gis import datum, names
from qianwan_gis._errors import ProblemLog
from qianwan_gis._text import Text
from qianwan_gis.geocoding import description
from qianwan_gis.geocoding.areas import Areas
from qianwan_gis.geocoding.description import Clue
from qianwan_gis.geocoding.evidence import Evidence
from qianwan_gis.regions import Likelihood, Region, region_radius
from qianwan_gis.schemas import Match
from qianwan_gis.standards import Standards

_POINT_TEXT = {
    Match.REVIEWED: Text("人工核定点", "reviewed point"),
    Match.EXACT: Text("本村点", "point of this village"),
    Match.LANDMARK: Text("村内地标", "landmark in the village"),
    Match.SEAT: Text("与驻地同名，用驻地点", "seat of the same name"),
    Match.SETTLEMENT: Text("镇区共用点", "point shared by the quarters of a town"),
}


def text_of(value: Any) -> str:
    """Return a cell as text; empty for nothing."""
    return "" if value is None or value != value else str(value).strip()


def _project(lon: Any, lat: Any, crs: Any) -> np.ndarray[Any, Any]:
    points = gpd.GeoSeries(gpd.points_from_xy(lon, lat), crs=datum.WGS84).to_crs(crs)
    return np.column_stack([points.x.to_numpy(), points.y.to_numpy()])


def from_units(units: pd.DataFrame, crs: Any, standards: Standards) -> dict[str, Evidence]:
    """Return the point that the gazetteer has for each unit, by code."""
    lon = pd.to_numeric(units.get("lon"), errors="coerce")
    lat = pd.to_numeric(units.get("lat"), errors="coerce")
    rows = units[lon.notna() & lat.notna()]
    if rows.empty:
        return {}
    places = _project(lon[rows.index], lat[rows.index], crs)
    usual = float(standards.value("geocoding.radius.landmark_m"))
    found: dict[str, Evidence] = {}
    for row, (x, y) in zip(rows.to_dict("records"), places, strict=True):
        given = text_of(row.get("point_match"))
        match = Match(given) if given in set(Match) else Match.EXACT
        if match not in _POINT_TEXT:
            match = Match.EXACT
        spread = pd.to_numeric(row.get("point_uncertainty_m"), errors="coerce")
        says = _POINT_TEXT[match]
        note = text_of(row.get("point_note"))
        found[str(row["code"])] = Evidence(
            match=match,
            says=Text(f"{says.zh}（{note}）", f"{says.en} ({note})") if note else says,
            source=text_of(row.get("point_source")) or text_of(row.get("source")),
            licence=text_of(row.get("point_licence")) or text_of(row.get("licence")),
            datum=text_of(row.get("point_datum")) or "WGS84",
            weight=float(standards.value(f"evidence.weight.{match}")),
            xy=(float(x), float(y)),
            uncertainty_m=float(spread) if pd.notna(spread) else usual,
        )
    return found


def own_points(
    rows: Iterable[Mapping[str, Any]], points: Mapping[str, Evidence], townships: pd.DataFrame
) -> list[tuple[str, str, float, float]]:
    """Return the villages whose point says something of their township's extent.

    Seats, points shared by a town, and villages that a township is named after are left out: they
    stand where the townships' cells are centred.

    Returns
    -------
    list of (code, township, x, y)
    """
    seats = {names.township_core(str(name)) for name in townships["name"]}
    return [
        (str(row["code"]), str(row["township"]), *points[str(row["code"])].xy)  # type: ignore[misc]
        for row in rows
        if str(row["code"]) in points
        and points[str(row["code"])].match not in (Match.SEAT, Match.SETTLEMENT)
        and names.core(str(row["name"])) not in seats
    ]


def from_settlements(
    settlements: pd.DataFrame, rows: Iterable[Mapping[str, Any]], crs: Any, standards: Standards
) -> dict[str, Evidence]:
    """Return the shared town point for quarters that have none of their own, by code.

    A quarter is named in the town's ``members``, or, for a village without a code, fits the
    town's ``pattern`` (a regular expression; one that cannot be read is not used).
    """
    found: dict[str, Evidence] = {}
    if settlements is None or settlements.empty:
        return found
    places = _project(pd.to_numeric(settlements["lon"]), pd.to_numeric(settlements["lat"]), crs)
    usual = float(standards.value("geocoding.radius.landmark_m"))
    villages = list(rows)
    for town, (x, y) in zip(settlements.to_dict("records"), places, strict=True):
        members = set(re.split("[;；]", text_of(town.get("members"))))
        try:
            pattern = re.compile(text_of(town.get("pattern")) or "(?!)")
        except re.error:
            pattern = re.compile("(?!)")
        spread = pd.to_numeric(town.get("uncertainty_m"), errors="coerce")
        for village in villages:
            if village["township"] != town["township"]:
                continue
            name = str(village["name"])
            uncoded = not str(village["code"]).isdigit()
            if name in members or (uncoded and len(name) <= 10 and pattern.search(name)):
                found[str(village["code"])] = Evidence(
                    match=Match.SETTLEMENT,
                    says=Text(
                        f"镇区共用点（{town['settlement']}）",
                        f"shared point of {town['settlement']}",
                    ),
                    source=text_of(town.get("source")),
                    licence=text_of(town.get("licence")),
                    datum=text_of(town.get("datum")) or "WGS84",
                    weight=float(standards.value("evidence.weight.settlement")),
                    xy=(float(x), float(y)),
                    uncertainty_m=float(spread) if pd.notna(spread) else usual,
                )
    return found


def from_review(
    review: pd.DataFrame | None,
    county: Any,
    crs: Any,
    standards: Standards,
    codes: set[str],
    log: ProblemLog,
) -> tuple[dict[str, Evidence], set[str]]:
    """Return the points that a person settled, and the codes whose point was rejected.

    Parameters
    ----------
    review
        ``code``, ``decision`` (placed, rejected, …), ``lon``, ``lat``, ``uncertainty_m``,
        ``note``, ``date``: what `qianwan_gis.review.read_review` returns.
    county
        The county's polygon: a place far outside it is reported and left out.
    crs, standards
        Projected CRS and norms.
    codes
        Codes of the villages; a review of another one is reported and left out.
    log
        Takes the problems.
    """
    if review is None or review.empty:
        return {}, set()
    rejected = set(review.loc[review["decision"] == "rejected", "code"].astype(str))
    usual = float(standards.value("geocoding.radius.reviewed_m"))
    nearby = shapely.buffer(county, 2000.0)
    found: dict[str, Evidence] = {}
    placed = review[review["decision"] == "placed"]
    places = _project(placed["lon"].astype(float), placed["lat"].astype(float), crs)
    for row, (x, y) in zip(placed.to_dict("records"), places, strict=True):
        if not shapely.intersects_xy(nearby, x, y):
            log.add(
                "warning",
                "review_outside",
                f"“{row['code']}”的核定点在县外2公里以上，未使用",
                f"the reviewed point of “{row['code']}” is more than 2 km outside the county; "
                "it is not used",
                row=str(row["code"]),
                fix=("检查经纬度与坐标系", "check the coordinates and their datum"),
            )
            continue
        spread = pd.to_numeric(row.get("uncertainty_m"), errors="coerce")
        note = text_of(row.get("note"))
        found[str(row["code"])] = Evidence(
            match=Match.REVIEWED,
            says=Text(f"人工核定点（{note}）", f"reviewed point ({note})")
            if note
            else _POINT_TEXT[Match.REVIEWED],
            source=text_of(row.get("source")) or "review.csv",
            licence="",
            datum="WGS84",
            weight=float(standards.value("evidence.weight.reviewed")),
            xy=(float(x), float(y)),
            uncertainty_m=float(spread) if pd.notna(spread) and spread > 0 else usual,
            date=text_of(row.get("date")),
        )
    for code in [*found, *sorted(rejected)]:
        if code not in codes:
            log.add(
                "warning",
                "review_unknown_code",
                f"核定表中的代码“{code}”不在村庄表中，未使用",
                f"the review names code “{code}”, which no village has; it is not used",
                field="code",
            )
            found.pop(code, None)
    return found, rejected & codes


class Texts:
    """Described positions of a county's villages, ready to narrow regions.

    Parameters
    ----------
    descriptions
        One row per village and source.
    rows
        The villages: ``code``, ``name``, ``township``.
    areas
        The townships.
    standards
        Norms.
    points
        Village code → (x, y, uncertainty) of those that have a point.
    places
        Further reference places (a city, a county town): name → (x, y, uncertainty).
    roads
        Named roads in projected metres, with ``name`` and ``ref``.
    """

    def __init__(
        self,
        descriptions: pd.DataFrame,
        rows: Sequence[Mapping[str, Any]],
        areas: Areas,
        standards: Standards,
        points: Mapping[str, tuple[float, float, float]],
        places: Mapping[str, tuple[float, float, float]] | None = None,
        roads: gpd.GeoDataFrame | None = None,
    ) -> None:
        self.areas = areas
        self.standards = standards
        self.points = dict(points)
        self.places = dict(places or {})
        self._roads = self._named_roads(roads)
        self._by_name: dict[str, list[tuple[str, str]]] = {}
        for row in rows:
            self._by_name.setdefault(names.core(str(row["name"])), []).append(
                (str(row["township"]), str(row["code"]))
            )
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._clues: dict[str, list[tuple[dict[str, Any], list[Clue]]]] = {}
        self._fits: dict[tuple[Any, ...], Likelihood | None] = {}
        table = descriptions if descriptions is not None else pd.DataFrame()
        for row in table.to_dict("records"):
            code = text_of(row.get("code")) or self._code_of(row)
            if code:
                self._rows.setdefault(code, []).append(row)

    def _named_roads(self, roads: gpd.GeoDataFrame | None) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        if roads is None:
            return found
        for column in ("name", "ref"):
            if column not in roads.columns:
                continue
            for label, line in zip(roads[column], roads.geometry, strict=True):
                for part in re.split("[;；/]", text_of(label)):
                    if part:
                        found.setdefault(_road_key(part), []).append(line)
        return found

    def _code_of(self, row: Mapping[str, Any]) -> str:
        """Return the village that a row without a code is about, if its township has just one."""
        found = [
            code
            for township, code in self._by_name.get(names.core(text_of(row.get("village"))), [])
            if township == self.areas.present(text_of(row.get("township")))
        ]
        return found[0] if len(found) == 1 else ""

    def _said(self, code: str) -> list[tuple[dict[str, Any], list[Clue]]]:
        """Return the rows about a village, each with its clues; read once."""
        if code not in self._clues:
            rows = self._rows.get(code, [])
            self._clues[code] = [(row, description.clues_of(row)) for row in rows]
        return self._clues[code]

    def former_township(self, code: str) -> str:
        """Return the former township that a village's texts are measured from; empty for none."""
        for row, clues in self._said(code):
            for clue in clues:
                own = self.areas.find(clue.reference)
                if (
                    own
                    and own != self.areas.present(own)
                    and self.areas.present(own) == self.areas.present(text_of(row.get("township")))
                ):
                    return own
        return ""

    def evidence(
        self, code: str, township: str, regions: Mapping[str, Region] | None = None
    ) -> list[Evidence]:
        """Return what the texts say of one village, clues without a known reference left out.

        Parameters
        ----------
        code, township
            The village.
        regions
            Regions of villages without a point, so that a neighbour's region can serve too.
        """
        found: list[Evidence] = []
        for row, clues in self._said(code):
            for clue in clues:
                made = self._one(clue, code, township, regions or {})
                if made is None:
                    continue
                found.append(
                    Evidence(
                        match=Match.DESCRIBED,
                        says=Text(
                            _say(clue, text_of(row.get("phrase"))),
                            _say(clue, text_of(row.get("phrase"))),
                        ),
                        source=text_of(row.get("source")),
                        licence=text_of(row.get("licence")),
                        datum="",
                        weight=float(self.standards.value("evidence.weight.described")),
                        likelihood=made,
                        date=text_of(row.get("year")),
                    )
                )
        return found

    def _one(
        self, clue: Clue, code: str, township: str, regions: Mapping[str, Region]
    ) -> Any | None:
        if clue.kind in ("part", "centre"):
            own = self.areas.find(clue.reference) if clue.reference else township
            # Only this township (or the part of it that once was one) bounds the village.
            if not own or self.areas.present(own) != township:
                return None
            return self._fit(clue, (own,), lambda: {"area": self.areas.cell(own)})
        if clue.kind == "road":
            key = _road_key(clue.reference)
            lines = self._roads.get(key)
            if not lines:
                return None
            return self._fit(clue, (key,), lambda: {"line": shapely.union_all(lines)})
        place = self._place(clue, code, township, regions)
        return None if place is None else self._fit(clue, place, lambda: {"place": place})

    def _fit(
        self, clue: Clue, where: tuple[Any, ...], options: Callable[[], dict[str, Any]]
    ) -> Likelihood | None:
        """Return the fit of every place to a clue; villages that say the same share it."""
        key = (replace(clue, reference=""), where)
        if key not in self._fits:
            made = description.likelihood(clue, self.standards, **options())
            if made is not None:
                shapely.bounds(made.polygons)  # kept by the polygons, which threads then only read
            self._fits[key] = made
        return self._fits[key]

    def _place(
        self, clue: Clue, code: str, township: str, regions: Mapping[str, Region]
    ) -> tuple[float, float, float] | None:
        """Return where a clue's reference is."""
        reference = clue.reference
        if clue.kind != "neighbour":
            if not reference:
                return self.areas.seat(township)
            if reference in self.places:
                return self.places[reference]
            if not reference.endswith("村"):
                own = self.areas.find(reference)
                # 巴公 is the town; a village of that name stands at its seat anyway.
                if own:
                    return self.areas.seat(own)
        home = township
        for prefix in sorted(self.areas.names, key=len, reverse=True):
            if reference.startswith(prefix) and len(reference) > len(prefix):
                home, reference = self.areas.present(prefix), reference[len(prefix) :]
                break
        candidates = self._by_name.get(names.core(reference), [])
        here = [c for t, c in candidates if t == home and c != code]
        anywhere = [c for _, c in candidates if c != code]
        chosen = here if len(here) == 1 else anywhere if len(anywhere) == 1 else []
        if not chosen:
            return None
        if chosen[0] in self.points:
            return self.points[chosen[0]]
        if chosen[0] in regions:
            return region_radius(regions[chosen[0]])
        return None


def _road_key(name: str) -> str:
    """Return one spelling for a road: G207, 207国道 and 国道207 are the same."""
    digits = re.search(r"\d{2,4}", name)
    if digits:
        if "国" in name or name[:1] in "Gg":
            return f"G{digits[0]}"
        if "省" in name or name[:1] in "Ss":
            return f"S{digits[0]}"
        return digits[0]
    return re.sub(r"^(?:省道|国道)|(?:高速公路|高速|公路|线)$", "", name)


_KIND_TEXT = {
    "distance": "距离",
    "bearing": "方位",
    "part": "乡镇内方位",
    "centre": "乡镇中部",
    "seat": "驻地",
    "neighbour": "邻村",
    "road": "沿路",
}


def _say(clue: Clue, phrase: str) -> str:
    return f"{_KIND_TEXT[clue.kind]}：{phrase or clue.reference}"
