"""Whether the regions keep their word: true points hidden one at a time."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from qianwan_gis.gazetteer import Gazetteer
from qianwan_gis.geocoding import ladder
from qianwan_gis.geocoding._locate import county_frame
from qianwan_gis.geocoding.areas import Areas
from qianwan_gis.geocoding.fusion import fuse
from qianwan_gis.regions import Region, region_radius, sample
from qianwan_gis.standards import Standards


def leave_one_out(
    gazetteer: Gazetteer,
    *,
    outline: gpd.GeoDataFrame | None = None,
    crs: Any = None,
    standards: Standards | None = None,
    townships: gpd.GeoDataFrame | None = None,
) -> pd.DataFrame:
    """Hide each village's point in turn, and see where it lies in the region without it.

    Seats, shared town points and the villages that a township is named after are left out, since
    the regions are built from them.

    Parameters
    ----------
    gazetteer, outline, crs, standards, townships
        As in `qianwan_gis.geocoding.locate`.

    Returns
    -------
    pandas.DataFrame
        One row per hidden point: ``code``, ``name``, ``township``, ``match`` (of the region),
        ``radius_m`` (the radius printed as holding 90 %), ``distance_m`` (of the true point from
        the region's centre), ``held`` (the circle holds it), ``level`` (mass of the region nearer
        to its centre than the true point: even between 0 and 1 where the regions are true),
        ``denser`` and ``own`` (mass in denser polygons than the point's, and in its own).
    """
    standards = standards or Standards.load()
    outline, crs = county_frame(gazetteer, outline, crs)
    units = gazetteer.units
    records = units[["code", "name", "township"]].astype(str).to_dict("records")
    points = ladder.from_units(units, crs, standards)
    own = ladder.own_points(records, points, gazetteer.townships)
    areas = Areas(gazetteer.townships, outline, crs, standards, townships, own)
    scored = {code for code, *_ in own}
    known = {c: (*e.xy, e.uncertainty_m) for c, e in points.items() if e.xy is not None}
    rows = []
    for record in records:
        code, township = record["code"], record["township"]
        if code not in scored or areas.cell(township) is None:
            continue
        others = {c: p for c, p in known.items() if c != code}
        texts = ladder.Texts(gazetteer.descriptions, records, areas, standards, others)
        prior = areas.region(township, texts.former_township(code), without=code)
        verdict = fuse(prior, texts.evidence(code, township), standards)
        if verdict.region is None:
            continue
        x, y, radius = region_radius(verdict.region)
        true_x, true_y, _ = known[code]
        distance = float(np.hypot(true_x - x, true_y - y))
        denser, same = verdict.region.mass_denser_than(true_x, true_y)
        rows.append(
            (
                code,
                record["name"],
                township,
                str(verdict.match),
                radius,
                distance,
                distance <= radius,
                _nearer(verdict.region, x, y, distance),
                denser,
                same,
            )
        )
    return pd.DataFrame(
        rows,
        columns=[
            "code",
            "name",
            "township",
            "match",
            "radius_m",
            "distance_m",
            "held",
            "level",
            "denser",
            "own",
        ],
    )


def _nearer(region: Region, x: float, y: float, distance: float) -> float:
    """Return the mass of a region nearer to a place than a distance."""
    places = sample(region, np.random.default_rng(0), 2048)
    return float((np.hypot(places[:, 0] - x, places[:, 1] - y) < distance).mean())


def interval(hits: float, n: int, *, z: float = 1.959964) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share: hits of n."""
    if n == 0:
        return 0.0, 1.0
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    return centre - half, centre + half


def credible_share(table: pd.DataFrame, level: float = 0.9) -> float:
    """Return the share of true points inside the smallest region that holds ``level``.

    A point in the polygon at which the level is reached counts in proportion.
    """
    part = (level - table["denser"]) / table["own"].where(table["own"] > 0, 1.0)
    inside = part.clip(0.0, 1.0).where(table["own"] > 0, 0.0)
    return float(inside.mean())
