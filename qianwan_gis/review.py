"""The review of unsettled villages: an offline page to write, and its answers to read.

The page is one HTML file without any outside asset. On it a person sees each unsettled village
with its evidence, its region, roads, seats and neighbours, clicks the true place, and saves
``review.csv``; the next run takes that file as the strongest evidence.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qianwan_gis import datum
from qianwan_gis._errors import ProblemLog
from qianwan_gis._io import read_table, write_text
from qianwan_gis._text import Lang, Text
from qianwan_gis.geocoding.evidence import SEPARATOR
from qianwan_gis.regions import from_frame, region_radius
from qianwan_gis.schemas import Basis, Match, RoadBasis, value_text

if TYPE_CHECKING:
    from qianwan_gis.layers import Results

COLUMNS = (
    "code", "name", "township", "decision", "lon", "lat", "uncertainty_m", "note", "reviewer", "date",
)  # fmt: skip
_DECISIONS = {"placed": "placed", "定位": "placed", "rejected": "rejected", "否定": "rejected"}
# Points that a person should look at although they are points.
_WEAK = (Match.SETTLEMENT, Match.PROVIDER)
_CONFLICT = "冲突："
# Layers that the page draws or quotes.
_LAYERS = ("boundary", "villages", "lists", "townships", "roads")

_WORDS = {
    "SAVE": Text("保存 review.csv", "Save review.csv"),
    "LIST": Text("待核定村庄", "Villages to settle"),
    "FIND": Text("搜索村名、乡镇或代码", "Find a name, township or code"),
    "MAP": Text(
        "地图：单击定位；方向键移动十字，Shift 微调，回车定位",
        "Map: click to place; arrows move the cross, Shift for small steps, Enter places",
    ),
    "IN": Text("放大", "Zoom in"),
    "OUT": Text("缩小", "Zoom out"),
    "FIT": Text("全县", "Whole county"),
    "HOW": Text(
        "在地图上单击村委会所在处，再按“确认位置”。经纬度为 WGS84/CGCS2000，"
        "不要填高德、百度坐标。快捷键：A 确认，R 否定，N/P 下/上一村，U 撤销，/ 搜索，Ctrl+S 保存。",
        "Click the place of the village committee, then confirm. Coordinates are WGS84/CGCS2000, "
        "not AMap's or Baidu's. Keys: A confirm, R reject, N/P next/previous, U undo, / find, "
        "Ctrl+S save.",
    ),
    "LON": Text("经度", "Longitude"),
    "LAT": Text("纬度", "Latitude"),
    "SURE": Text("把握（90%在此半径内，米）", "How sure (90 % within, metres)"),
    "NOTE": Text("依据", "Grounds"),
    "WHO": Text("核定人", "Reviewed by"),
    "YES": Text("确认位置 (A)", "Confirm (A)"),
    "NO": Text("现有点不对 (R)", "Point is wrong (R)"),
    "UNDO": Text("撤销 (U)", "Undo (U)"),
    "NEXT": Text("下一村 (N)", "Next (N)"),
}
_SCRIPT_WORDS = {
    "count": Text("已核定 {done} / {all}", "{done} of {all} settled"),
    "placed": Text("已定位", "placed"),
    "rejected": Text("已否定", "rejected"),
    "saved": Text("已保存 review.csv", "review.csv saved"),
    "none": Text("没有待核定的村庄", "No village is left to settle"),
    "conflict": Text(_CONFLICT, _CONFLICT),
}
_KEY = (
    ("#d66a12", Text("可能范围（越深越可能）", "where it may be")),
    ("#3d7d4e", Text("已知村", "known village")),
    ("#222222", Text("乡镇驻地", "township seat")),
    ("#8b939c", Text("道路", "road")),
    ("#7a2f8f", Text("县界（非标准界线）", "county outline (not official)")),
    ("#0b5cad", Text("本次核定", "settled here")),
)


def unsettled(villages: pd.DataFrame, coverage: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the villages that a person should settle, the most valuable first.

    A village is unsettled when it has no point, when its point is shared or comes from a
    geocoder, or when its evidence contradicts itself.

    Parameters
    ----------
    villages
        VILLAGES table.
    coverage
        COVERAGE table; without it only lists and uncertainty order the villages.

    Returns
    -------
    pandas.DataFrame
        Same index; ``code``, ``name``, ``township``, ``lists``, ``match``, ``uncertainty_m``,
        ``population``, ``undecided`` (sum over services of 4 p (1 - p)) and ``value``: undecided
        times people. Where no population is recorded the county's median recorded one stands in
        for the order only; it is written nowhere.
    """
    conflict = villages["evidence"].fillna("").str.contains(_CONFLICT, regex=False)
    weak = villages["match"].isin([str(m) for m in _WEAK])
    open_ = ((villages["basis"] != str(Basis.POINT)) | weak | conflict) & (
        villages["match"] != str(Match.REVIEWED)
    )
    columns = ["code", "name", "township", "lists", "match", "uncertainty_m", "population"]
    table = pd.DataFrame(villages.loc[open_, columns]).copy()
    undecided = pd.Series(dtype=float)
    if coverage is not None and len(coverage):
        p = pd.to_numeric(coverage["p_covered"], errors="coerce").astype(float)
        undecided = (4 * p * (1 - p)).groupby(coverage["code"]).sum()
    table["undecided"] = table["code"].map(undecided).fillna(0.0).astype(float)
    recorded = pd.to_numeric(villages["population"], errors="coerce")
    people = pd.to_numeric(table["population"], errors="coerce")
    usual = float(recorded.median()) if recorded.notna().any() else 1.0
    table["value"] = (table["undecided"] * people.fillna(usual)).round(1)
    listed = table["lists"].fillna("").astype(str).ne("")
    order = pd.DataFrame(
        {
            "value": -table["value"],
            "listed": ~listed,
            "wide": -pd.to_numeric(table["uncertainty_m"]).fillna(np.inf),
            "code": table["code"],
        }
    ).sort_values(["value", "listed", "wide", "code"], kind="stable")
    return table.loc[order.index]


def write_review(results: Results, path: Path | str) -> Path:
    """Write the review page: one HTML file that opens without a network.

    Parameters
    ----------
    results
        What `Plan` offers to outputs: villages, regions, roads, townships, boundary, coverage.
    path
        The file to write.

    Returns
    -------
    Path
        The file written.
    """
    lang: Lang = results.lang
    page = resources.files("qianwan_gis").joinpath("review.html").read_text(encoding="utf-8")
    script = resources.files("qianwan_gis").joinpath("review.js").read_text(encoding="utf-8")
    style = page[page.index("<style>") + 7 : page.index("</style>")]
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    name = results.county.name if lang == "zh" else results.county.name_en or results.county.name
    title = Text(f"{name}村庄位置核定", f"Village positions of {name}: review").get(lang)
    sources = results.sources
    shown = sources[sources["layer"].isin(_LAYERS)].fillna("").astype(str)
    credit = "；".join(
        f"{row['title']}：{row['source']}" + (f"（{row['licence']}）" if row["licence"] else "")
        for row in shown.to_dict("records")
    )
    filled = {key: word.get(lang) for key, word in _WORDS.items()} | {
        "LANG": "zh-CN" if lang == "zh" else "en",
        "CSP": policy,
        "TITLE": title,
        "MARKS": "　".join(mark.get(lang) for mark in results.marks),
        "SOURCES": credit,
    }
    # One pass over the template: nothing that is put in is looked at again.
    parts = re.split(r"\{\{([A-Z]+)\}\}", page)
    for i in range(1, len(parts), 2):
        if parts[i] == "DATA":
            parts[i] = _json(_data(results, lang))
        elif parts[i] == "SCRIPT":
            parts[i] = script
        else:
            parts[i] = html.escape(filled[parts[i]])
    return write_text(Path(path), "".join(parts))


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode()
    return f"sha256-{digest}"


def _json(value: Any) -> str:
    """Return JSON that cannot end the script element that holds it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return (
        text.replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029")
    )


def _rings(shape: Any) -> list[list[list[float]]]:
    """Return the rings of a polygon in degrees to five decimals (a metre)."""
    found = []
    for part in shapely.get_parts(shape):
        if shapely.get_dimensions(part) == 2:
            rings = [part.exterior, *part.interiors]
            found += [np.round(shapely.get_coordinates(ring), 5).tolist() for ring in rings]
    return found


def _lines(shapes: Any) -> list[list[list[float]]]:
    return [
        np.round(shapely.get_coordinates(part), 5).tolist()
        for part in shapely.get_parts(np.asarray(shapes, dtype=object))
    ]


def _degrees(frame: gpd.GeoSeries, tolerance: float) -> gpd.GeoSeries:
    """Simplify in metres, then turn to WGS84 degrees."""
    return frame.simplify(tolerance).to_crs(datum.WGS84)


def _points(frame: gpd.GeoDataFrame, label: str) -> list[list[Any]]:
    there = frame[frame.geometry.notna() & ~frame.geometry.is_empty]
    places = there.geometry.to_crs(datum.WGS84)
    return [
        [str(name), round(float(p.x), 5), round(float(p.y), 5)]
        for name, p in zip(there[label], places, strict=True)
    ]


def _data(results: Results, lang: Lang) -> dict[str, Any]:
    villages = results.villages
    order = unsettled(villages, results.coverage)
    open_codes = set(order["code"])
    # A township's computing cell is never drawn: who is known by it alone gets a circle.
    by_township = set(villages.loc[villages["match"] == str(Match.TOWNSHIP), "code"])
    polygons, regions = _shared_polygons(results.regions, open_codes - by_township)
    circles = _circles(results.regions, open_codes & by_township)
    boundary = _degrees(results.boundary.geometry.to_crs(results.crs), 60.0)
    rows = villages.loc[order.index]
    points = rows.geometry.to_crs(datum.WGS84)
    found = []
    for (label, row), point in zip(rows.iterrows(), points, strict=True):
        own = regions.get(str(row["code"]), [])
        circle = circles.get(str(row["code"]))
        place = (
            None
            if point is None or point.is_empty
            else [round(float(point.x), 6), round(float(point.y), 6)]
        )
        spread = float(row["uncertainty_m"]) if pd.notna(row["uncertainty_m"]) else 0.0
        found.append(
            {
                "code": str(row["code"]),
                "name": str(row["name"]),
                "township": str(row["township"]),
                "match": value_text("match", row["match"]).get(lang),
                "lists": str(row["lists"] or "") if pd.notna(row["lists"]) else "",
                "facts": _facts(row, float(order.loc[label, "value"]), lang),
                "evidence": [part for part in str(row["evidence"]).split(SEPARATOR) if part][:40],
                "regions": own,
                "circle": circle,
                "point": place,
                "uncertainty_m": spread,
                "box": _box(own, polygons, place or circle, spread, boundary.total_bounds),
            }
        )
    known = villages[(villages["basis"] == str(Basis.POINT)) & ~villages["code"].isin(open_codes)]
    words: dict[str, Any] = {key: word.get(lang) for key, word in _SCRIPT_WORDS.items()}
    words["key"] = [[colour, text.get(lang)] for colour, text in _KEY]
    return {
        "key": f"{results.county.key}-{results.run_date}",
        "words": words,
        "bounds": [round(float(v), 5) for v in boundary.total_bounds],
        "boundary": [ring for shape in boundary for ring in _rings(shape)],
        # Presumed links are straight lines for computing; drawn they would mislead.
        "roads": _lines(
            _degrees(
                results.roads.geometry[results.roads["basis"] != str(RoadBasis.PRESUMED)], 40.0
            ).to_numpy()
        ),
        "seats": _points(results.townships, "township"),
        "known": _points(known, "name"),
        "polygons": [_rings(shape) for shape in polygons],
        "villages": found,
    }


def _shared_polygons(
    regions: gpd.GeoDataFrame, codes: set[str]
) -> tuple[list[Any], dict[str, list[list[float]]]]:
    """Return each distinct polygon once, and the polygons of each village by number.

    Villages known by their township only share its polygons, so the page holds them once. The
    third figure is the density relative to the village's densest polygon, for the shade.
    """
    frame = regions[regions["code"].isin(codes)]
    if frame.empty:
        return [], {}
    keys = [hashlib.sha256(b).digest() for b in shapely.to_wkb(frame.geometry.to_numpy())]
    first: dict[bytes, int] = {}
    for key in keys:
        first.setdefault(key, len(first))
    chosen = frame.geometry[~pd.Series(keys, index=frame.index).duplicated()]
    polygons = list(_degrees(chosen, 15.0))
    density = frame["weight"].to_numpy(float) / frame.geometry.area.to_numpy()
    top = pd.Series(density, index=frame.index).groupby(frame["code"]).transform("max").to_numpy()
    found: dict[str, list[list[float]]] = {}
    for code, key, weight, share in zip(
        frame["code"], keys, frame["weight"], density / top, strict=True
    ):
        found.setdefault(str(code), []).append(
            [first[key], round(float(weight), 4), round(float(share), 4)]
        )
    return polygons, found


def _circles(regions: gpd.GeoDataFrame, codes: set[str]) -> dict[str, list[float]]:
    """Return the circle that holds 90 % of each village's region: longitude, latitude, metres."""
    frame = regions[regions["code"].isin(codes)]
    if frame.empty:
        return {}
    measured: dict[bytes, tuple[float, float, float]] = {}
    found: dict[str, tuple[float, float, float]] = {}
    for code, region in from_frame(frame).items():
        # Villages of one township share their region; it is measured once.
        key = hashlib.sha256(b"".join(shapely.to_wkb(region.polygons))).digest()
        if key not in measured:
            measured[key] = region_radius(region)
        found[code] = measured[key]
    centres = gpd.GeoSeries(
        gpd.points_from_xy([c[0] for c in found.values()], [c[1] for c in found.values()]),
        crs=regions.crs,
    ).to_crs(datum.WGS84)
    return {
        code: [round(float(p.x), 5), round(float(p.y), 5), round(radius)]
        for (code, (_, _, radius)), p in zip(found.items(), centres, strict=True)
    }


def _box(
    own: list[list[float]], polygons: list[Any], place: Any, spread: float, county: Any
) -> list[float]:
    """Return what the map shows first: the likely ground, or the point's surroundings."""
    if place is not None:
        reach = max(1.2 * spread, 3000.0) / 111320.0
        return [place[0] - reach, place[1] - reach, place[0] + reach, place[1] + reach]
    likely = [polygons[int(i)] for i, weight, _ in own if weight >= 0.1] or [
        polygons[int(i)] for i, _, _ in own
    ]
    bounds = shapely.total_bounds(np.array(likely, dtype=object)) if likely else county
    return [round(float(v), 5) for v in bounds]


def _facts(row: Any, value: float, lang: Lang) -> str:
    parts = [str(row["code"])]
    if pd.notna(row["uncertainty_m"]):
        km = float(row["uncertainty_m"]) / 1000
        parts.append(Text(f"90%在{km:.1f}公里内", f"90 % within {km:.1f} km").get(lang))
    if pd.notna(row["population"]):
        parts.append(
            Text(f"{row['population']:.0f}人", f"{row['population']:.0f} people").get(lang)
        )
    else:
        parts.append(Text("人口未记录", "population not recorded").get(lang))
    if row["category"]:
        parts.append(str(row["category"]))
    if value > 0:
        parts.append(
            Text(
                f"核定价值{value:.0f}（人×未定程度）", f"value {value:.0f} (people x undecided)"
            ).get(lang)
        )
    return " · ".join(parts)


def read_review(path: Path | str) -> pd.DataFrame:
    """Read the answers that the review page saved, or that an office filled in by hand.

    Parameters
    ----------
    path
        ``review.csv`` (or XLSX) with ``code``, ``decision`` (placed or 定位, rejected or 否定),
        ``lon``, ``lat`` (degrees, WGS84) and optionally ``uncertainty_m``, ``note``,
        ``reviewer``, ``date``.

    Returns
    -------
    pandas.DataFrame
        Those columns, one row per village.

    Raises
    ------
    DataError
        With every fault: a missing column, a code that a spreadsheet has spoilt, an unknown
        decision, coordinates that are missing, no numbers or not in China, a village twice.
    """
    path = Path(path)
    log = ProblemLog()
    table = read_table(path)
    for column in ("code", "decision", "lon", "lat"):
        if column not in table.columns:
            log.add("error", "missing_column", f"缺少字段“{column}”", f"column “{column}” is missing",
                    file=path.name, field=column)  # fmt: skip
    log.raise_errors()
    for column in COLUMNS:
        if column not in table.columns:
            table[column] = ""
    table = table[list(COLUMNS)].fillna("").astype(str).apply(lambda column: column.str.strip())
    # The page writes an apostrophe before what a spreadsheet would take for a formula.
    table = table.apply(lambda column: column.str.replace(r"^'(?=[=+\-@])", "", regex=True))
    rows: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    for number, row in zip(table.index + 2, table.to_dict("records"), strict=True):
        if not any(row.values()):
            continue
        made = _checked(row, int(number), path.name, log)
        if made is None:
            continue
        if made["code"] in seen:
            log.add(
                "error",
                "duplicate_code",
                f"“{made['code']}”在第{seen[made['code']]}行已有一条",
                f"“{made['code']}” is already in row {seen[made['code']]}",
                file=path.name,
                row=int(number),
                field="code",
                fix=("只留一条", "keep one of them"),
            )
        seen.setdefault(made["code"], int(number))
        rows.append(made)
    log.raise_errors()
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _checked(row: dict[str, str], number: int, file: str, log: ProblemLog) -> dict[str, Any] | None:
    """Return a row with its values checked; None (and problems) when it cannot be used."""
    before = len(log.errors)

    def fault(code: str, zh: str, en: str, field: str, fix: tuple[str, str] | None = None) -> None:
        log.add("error", code, zh, en, file=file, row=number, field=field, fix=fix)

    code = row["code"]
    if not code:
        fault("null_value", "代码为空", "the code is empty", "code")
    elif "e+" in code.lower() or code.endswith(".0"):
        fault("spoilt_code", f"代码“{code}”被表格软件改成了数字", f"a spreadsheet turned the code into “{code}”",
              "code", ("把该列设为文本后重新填写", "format the column as text and enter it again"))  # fmt: skip
    decision = _DECISIONS.get(row["decision"].lower(), "")
    if not decision:
        fault("unknown_value", f"“{row['decision'][:20]}”不是 placed/定位 或 rejected/否定",
              f"“{row['decision'][:20]}” is neither placed nor rejected", "decision")  # fmt: skip
    made: dict[str, Any] = {**row, "decision": decision}
    for column, low, high in (("lon", 72.0, 138.0), ("lat", 0.5, 56.0)):
        value = _number(row[column])
        made[column] = value
        if decision == "placed" and not (value is not None and low <= value <= high):
            fault("bad_coordinate", f"“{row[column][:20]}”不是中国范围内的经纬度（度）",
                  f"“{row[column][:20]}” is no longitude/latitude in China (degrees)", column)  # fmt: skip
    spread = _number(row["uncertainty_m"]) if row["uncertainty_m"] else None
    if row["uncertainty_m"] and (spread is None or not 0 < spread <= 50_000):
        fault("not_a_number", f"“{row['uncertainty_m'][:20]}”不是合理的米数",
              f"“{row['uncertainty_m'][:20]}” is no sensible number of metres", "uncertainty_m")  # fmt: skip
    made["uncertainty_m"] = spread
    return made if len(log.errors) == before else None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None
