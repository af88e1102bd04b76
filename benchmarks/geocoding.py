"""How well and how fast villages are placed. Prints the figures of docs/methods/geocoding.md.

``python benchmarks/geocoding.py calibration|crossed|synthetic|described|datum|speed|plot FILE``
"""

from __future__ import annotations

import sys
import time

import geopandas as gpd
import numpy as np
import pandas as pd

from qianwan_gis import boundaries, datum, geocoding, synthetic
from qianwan_gis.gazetteer import Gazetteer
from qianwan_gis.geocoding import calibration
from qianwan_gis.standards import Standards

COUNTIES = ("140525", "140404")
LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
# Printed over true straight distance at the eleven places of the carried check.
RATIOS = (1.50, 1.16, 1.33, 1.44, 1.28, 0.90, 1.70, 1.25, 1.49, 1.26, 1.44)
DIRECTIONS = dict(
    zip(range(0, 360, 45), ("北", "东北", "东", "东南", "南", "西南", "西", "西北"), strict=True)
)


def show(title: str, table: pd.DataFrame) -> None:
    hits, n = int(table["held"].sum()), len(table)
    low, high = calibration.interval(hits, n)
    shares = ", ".join(f"{v:.0%}: {calibration.credible_share(table, v):.3f}" for v in LEVELS)
    circles = ", ".join(f"{v:.0%}: {(table['level'] <= v).mean():.3f}" for v in LEVELS)
    print(
        f"{title}: {hits} of {n} in their 90 % circle = {hits / n:.3f} "
        f"(95 % interval {low:.3f}-{high:.3f}); circles hold {circles}; regions hold {shares}; "
        f"median radius {table['radius_m'].median() / 1000:.1f} km"
    )


def both_counties(standards: Standards | None = None) -> list[pd.DataFrame]:
    return [
        calibration.leave_one_out(Gazetteer.carried(code), standards=standards) for code in COUNTIES
    ]


def bands_of(code: str) -> dict[str, object]:
    """Shares of the bands counted in one county alone (one added to each)."""
    standards = Standards.load()
    gazetteer = Gazetteer.carried(code)
    outline, crs = geocoding.county_frame(gazetteer, None, None)
    units = gazetteer.units
    records = units[["code", "name", "township"]].astype(str).to_dict("records")
    points = geocoding.ladder.from_units(units, crs, standards)
    own = geocoding.ladder.own_points(records, points, gazetteer.townships)
    areas = geocoding.areas.Areas(gazetteer.townships, outline, crs, standards, None, own)
    counts = np.bincount(list(areas._bands.values()), minlength=6)[:5] + 0.5
    counts[-1] = max(counts[-1], 1.0)
    shares = counts / counts.sum()
    return {
        "evidence.township.inside": float(shares[0]),
        "evidence.township.band_shares": [float(s) for s in shares[1:]],
        # The tested county must not vote.
        "evidence.township.strength": 1e9,
    }


def synthetic_gazetteer(
    county: synthetic.SyntheticCounty, descriptions: pd.DataFrame | None = None
) -> Gazetteer:
    def degrees(frame: gpd.GeoDataFrame) -> dict[str, np.ndarray]:
        points = frame.geometry.to_crs(datum.WGS84)
        return {"lon": points.x.to_numpy(), "lat": points.y.to_numpy()}

    villages, seats = county.villages, county.townships
    units = pd.DataFrame(villages[["code", "name", "township"]]).assign(
        **degrees(villages), point_uncertainty_m=100.0
    )
    townships = pd.DataFrame(
        {"code": seats["code"], "name": seats["township"], "status": "current", "merged_into": ""}
    ).assign(**degrees(seats), uncertainty_m=100.0)
    none = pd.DataFrame()
    texts = none if descriptions is None else descriptions
    return Gazetteer(county.adcode, units, townships, texts, none, none)


def written(county: synthetic.SyntheticCounty, seed: int) -> pd.DataFrame:
    """Write a text for each village, with the errors that real ones have; one in 20 is wrong."""
    rng = np.random.default_rng(seed)
    seats = county.townships.set_index("township").geometry
    rows = []
    for row in county.villages.itertuples():
        seat = seats[row.township]
        east, north = row.geometry.x - seat.x, row.geometry.y - seat.y
        if rng.random() < 0.05:
            reach = rng.uniform(0.5, 8.0) * 1000
            turn = rng.uniform(0, 2 * np.pi)
            east, north = reach * np.sin(turn), reach * np.cos(turn)
        azimuth = np.degrees(np.arctan2(east, north)) + rng.normal(0, 10)
        point = int(round(azimuth / 45.0) * 45) % 360
        km = np.hypot(east, north) / 1000 * rng.choice(RATIOS)
        km = max(round(km), 1) if km > 3 else max(round(km * 2) / 2, 0.5)
        phrase = f"镇政府{DIRECTIONS[point]}约{km:g}公里"
        rows.append((row.code, row.township, row.name, phrase))
    return pd.DataFrame(rows, columns=["code", "township", "village", "phrase"])


def calibrate() -> None:
    tables = both_counties()
    for code, table in zip(COUNTIES, tables, strict=True):
        show(code, table)
    show("both", pd.concat(tables))


def crossed() -> None:
    for learnt, tested in (COUNTIES, COUNTIES[::-1]):
        standards = Standards.load(bands_of(learnt))
        show(
            f"shares from {learnt}, tested on {tested}",
            calibration.leave_one_out(Gazetteer.carried(tested), standards=standards),
        )


def synthetic_calibration() -> None:
    for seed in (0, 1):
        county = synthetic.county(villages=2000, seed=seed)
        gazetteer = synthetic_gazetteer(county)
        show(
            f"synthetic, 2,000 villages, seed {seed}",
            calibration.leave_one_out(gazetteer, outline=county.boundary, crs=county.villages.crs),
        )


def described(villages: int = 600) -> None:
    county = synthetic.county(villages=villages, seed=0)
    gazetteer = synthetic_gazetteer(county, written(county, 0))
    table = calibration.leave_one_out(gazetteer, outline=county.boundary, crs=county.villages.crs)
    show(f"synthetic with texts, {villages} villages", table[table["match"] == "described"])


def detect(trials: int = 1000) -> None:
    county = synthetic.county(villages=600, seed=0)
    roads = county.roads.to_crs(datum.WGS84).geometry
    local = county.roads.geometry.to_numpy()
    length = county.roads.length.to_numpy()
    rng = np.random.default_rng(0)
    for n in (8, 12, 20, 30, 60):
        right = wrong = 0
        count = trials if n == 30 else trials // 5
        for _ in range(count):
            chosen = rng.choice(len(local), n, p=length / length.sum())
            along = rng.random(n)
            places = [
                line.interpolate(a, normalized=True)
                for line, a in zip(local[chosen], along, strict=True)
            ]
            noisy = np.array([[p.x, p.y] for p in places]) + rng.normal(0, 30, (n, 2))
            there = gpd.GeoSeries(gpd.points_from_xy(*noisy.T), crs=county.roads.crs)
            there = there.to_crs(datum.WGS84)
            truth = ("wgs84", "gcj02", "bd09")[rng.integers(3)]
            layer = datum.transform(there.x.to_numpy(), there.y.to_numpy(), "wgs84", truth)
            verdict = datum.detect(np.column_stack(layer), roads)
            right += verdict.datum == truth
            wrong += verdict.datum not in (truth, "unsure")
        print(f"{n} points, {count} layers: right {right / count:.4f}, wrong {wrong / count:.4f}")


def speed(villages: int = 10_000, rows: int = 700_000) -> None:
    import resource

    rng = np.random.default_rng(0)
    heads = "东西南北上下大小前后张王李赵刘陈杨黄周吴"
    middles = "家庄河沟岭山坡泉洼坪寨店铺台圪石桥井树林"
    tails = "庄沟掌岭河坡底头村峪洼坪寨窑圪"
    townships = [f"第{i}镇" for i in range(rows // 30)]
    codes = [f"14{i // 20_000:04d}{i % 20_000 // 30:03d}{200 + i % 30:03d}" for i in range(rows)]
    names = ["".join(c) for c in zip(
        rng.choice(list(heads), rows), rng.choice(list(middles), rows),
        rng.choice(list(tails), rows), strict=True,
    )]  # fmt: skip
    outline = boundaries.outline(140000)
    west, south, east, north = outline.total_bounds
    seats = rng.uniform([west, south], [east, north], (len(townships), 2))
    township = np.arange(rows) // 30 % len(townships)
    located = rng.random(rows) < 0.3
    place = seats[township] + rng.normal(0, 0.02, (rows, 2))
    units = pd.DataFrame({
        "code": pd.Series(codes).drop_duplicates().reindex(range(rows)).fillna(""),
        "name": names,
        "township": np.array(townships)[township],
        "lon": np.where(located, place[:, 0], np.nan),
        "lat": np.where(located, place[:, 1], np.nan),
    })  # fmt: skip
    units["code"] = [f"{i:012d}" for i in range(rows)]
    seat_table = pd.DataFrame({
        "code": [f"{i:09d}" for i in range(len(townships))], "name": townships,
        "status": "current", "merged_into": "", "lon": seats[:, 0], "lat": seats[:, 1],
    })  # fmt: skip
    none = pd.DataFrame()
    gazetteer = Gazetteer("140000", units, seat_table, none, none, none)
    asked = units.sample(villages, random_state=0)[["name", "township"]].reset_index(drop=True)
    asked["name"] += "村"
    crs = datum.zone(112.5)
    start, busy = time.perf_counter(), time.process_time()
    found = geocoding.locate(asked, gazetteer=gazetteer, outline=outline, crs=crs)
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"{villages} villages against {rows} rows: {seconds:.1f} s ({busy:.1f} s of processor), peak {peak:.2f} GB"
    )
    print(found.by_match().to_string(index=False))


def plot(path: str) -> None:
    """Draw the share of hidden points in the circle of each level against that level."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    levels = np.linspace(0.05, 0.99, 48)
    county = synthetic.county(villages=2000, seed=0)
    sets = {
        "Zezhou and Shangdang": pd.concat(both_counties()),
        "synthetic, 2,000 villages": calibration.leave_one_out(
            synthetic_gazetteer(county), outline=county.boundary, crs=county.villages.crs
        ),
    }
    figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, label="perfect")
    for (name, table), colour in zip(sets.items(), ("#d66a12", "#0b5cad"), strict=True):
        shares = np.array([(table["level"] <= v).mean() for v in levels])
        bounds = np.array([calibration.interval(s * len(table), len(table)) for s in shares])
        axes.plot(levels, shares, color=colour, label=f"{name} (n = {len(table)})")
        axes.fill_between(levels, bounds[:, 0], bounds[:, 1], color=colour, alpha=0.15)
    axes.set(xlabel="stated probability", ylabel="share of hidden points in the circle",
             xlim=(0, 1), ylim=(0, 1), aspect="equal")  # fmt: skip
    axes.legend(loc="upper left", frameon=False)
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "qianwan"})
    figure.savefig(path, metadata={"Date": None} if path.endswith("svg") else None)


if __name__ == "__main__":
    tasks = {
        "calibration": calibrate,
        "crossed": crossed,
        "synthetic": synthetic_calibration,
        "described": described,
        "datum": detect,
        "speed": speed,
    }
    if sys.argv[1] == "plot":
        plot(sys.argv[2])
    else:
        tasks[sys.argv[1]]()
