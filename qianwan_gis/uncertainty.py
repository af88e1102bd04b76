"""Joint draws of everything uncertain, and the verdicts that rest on them.

One `Draws` object serves all services of a plan, so that a village stands at the same place in
draw 17 whether the question is the clinic or the sewer, and totals over villages are joint.

Every draw is seeded by the plan's seed and the *code* of the thing drawn. Rows may be reordered,
added or taken out: the draws of the others stay as they are.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.schemas import Basis, Inventory, Reason

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import ArrayLike, NDArray

    from qianwan_gis.standards import Standards

    Triangles = tuple[NDArray[np.float64], NDArray[np.float64]]

#: A verdict needs this share of the draws on its side.
SURE = 0.95

#: Radius that holds 90 % of a circular normal distribution, in standard deviations:
#: 1 - exp(-r^2 / 2) = 0.9.
_R90 = math.sqrt(2.0 * math.log(10.0))


def seed_of(key: str) -> int:
    """Return the seed that belongs to a text key, the same on every machine and Python."""
    return int.from_bytes(hashlib.sha256(key.encode("utf-8")).digest()[:8], "big")


@dataclass(frozen=True)
class Draws:
    """Source of deterministic joint draws.

    Parameters
    ----------
    n
        Number of draws, at least 20.
    seed
        Fixed from the county's key by the plan (`seed_of`).
    """

    n: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n < 20:
            raise UsageError(
                Text(f"抽样次数至少为20，给出的是{self.n}", f"at least 20 draws, not {self.n}")
            )

    def rng(self, *key: str) -> np.random.Generator:
        """Return the generator that belongs to a key, such as ``("position", code)``."""
        return np.random.default_rng([self.seed, seed_of("\x1f".join(key))])

    def points(
        self, kind: str, keys: Iterable[str], xy: ArrayLike, uncertainty_m: ArrayLike
    ) -> NDArray[np.float64]:
        """Draw positions around points.

        A circular normal distribution whose 90 % radius is the uncertainty; NaN or 0 metres mean
        that the point is taken as exact.

        Parameters
        ----------
        kind
            Namespace of the keys, such as ``village`` or ``facility``.
        keys
            One identifier per point.
        xy
            Array (points, 2) in projected metres.
        uncertainty_m
            One radius per point, metres.

        Returns
        -------
        Array (points, n, 2) in projected metres.
        """
        centre = np.asarray(xy, float).reshape(-1, 2)
        sigma = np.nan_to_num(np.asarray(uncertainty_m, float)) / _R90
        out = np.repeat(centre[:, None, :], self.n, axis=1)
        for row, key in enumerate(keys):
            if sigma[row] > 0:
                out[row] += self.rng("position", kind, key).normal(0.0, sigma[row], (self.n, 2))
        return out

    def positions(
        self, villages: gpd.GeoDataFrame, regions: gpd.GeoDataFrame | None = None
    ) -> Positions:
        """Draw where every village stands.

        Villages with a point scatter around it by their ``uncertainty_m``; villages of one
        shared settlement point scatter independently, so they do not move as one. Villages with
        a region fall into its polygons in proportion to ``weight`` and, inside a polygon, evenly
        by area. Villages with neither are NaN in every draw.

        Parameters
        ----------
        villages
            VILLAGES table in projected metres.
        regions
            REGIONS table in the same CRS.

        Returns
        -------
        Positions, rows in the order of ``villages``.
        """
        codes = villages["code"].astype(str).to_numpy()
        basis = villages["basis"].astype(str).to_numpy()
        xy = np.full((len(codes), self.n, 2), np.nan)
        is_point = basis == Basis.POINT
        if is_point.any():
            geometry = villages.geometry.to_numpy()[is_point]
            centre = np.column_stack([shapely.get_x(geometry), shapely.get_y(geometry)])
            xy[is_point] = self.points(
                "village",
                codes[is_point],
                centre,
                pd.to_numeric(villages["uncertainty_m"]).to_numpy(float)[is_point],
            )
        if regions is not None and len(regions):
            of_code: dict[str, list[int]] = {}
            for row, code in enumerate(regions["code"].astype(str)):
                of_code.setdefault(code, []).append(row)
            polygons = regions.geometry.to_numpy()
            weights = regions["weight"].to_numpy(float)
            bounds = [tuple(box) for box in shapely.bounds(polygons).tolist()]
            cuts: dict[int, Triangles] = {}  # villages of one township share their polygons
            for row in map(int, np.flatnonzero(basis == Basis.REGION)):
                rows = of_code.get(codes[row])
                if rows:
                    # Order by the polygon itself, not by its row, so that shuffled input agrees.
                    twins = len({(bounds[r], weights[r]) for r in rows}) < len(rows)
                    rows = sorted(
                        rows,
                        key=lambda r: (
                            bounds[r], weights[r], shapely.to_wkb(polygons[r]) if twins else b""
                        ),
                    )  # fmt: skip
                    rng = self.rng("position", "village", codes[row])
                    for polygon in polygons[rows]:
                        if id(polygon) not in cuts:
                            cuts[id(polygon)] = _triangles(polygon)
                    parts = [cuts[id(polygon)] for polygon in polygons[rows]]
                    xy[row] = _in_triangles(parts, weights[rows], rng, self.n)
        return Positions(pd.Index(codes, name="code"), xy, pd.Series(basis, index=codes))

    def factor(self, standards: Standards, key: str, *who: str) -> NDArray[np.float64]:
        """Draw the values of an uncertain standard.

        The entry's ``low``, ``value`` and ``high`` are the corners of a triangular distribution;
        an entry without them is certain. ``who`` names whose draw it is: without it there is one
        for the whole county.

        Returns
        -------
        Array (n,).
        """
        entry = standards.entry(key)
        value = float(standards.value(key))
        low = value if entry.low is None else float(entry.low)
        high = value if entry.high is None else float(entry.high)
        low, high = min(low, value), max(high, value)
        if high <= low:
            return np.full(self.n, value)
        return self.rng("standard", key, *who).triangular(low, value, high, self.n)


@dataclass(frozen=True)
class Positions:
    """Where each village stands in each draw.

    Attributes
    ----------
    codes
        Village codes, in the order of the villages table.
    xy
        Array (villages, draws, 2), projected metres; NaN for villages without any position.
    basis
        ``point``, ``region`` or ``none`` by code.
    """

    codes: pd.Index
    xy: NDArray[np.float64]
    basis: pd.Series

    @property
    def located(self) -> NDArray[np.bool_]:
        """Whether a village has a position at all (point or region)."""
        return np.asarray(np.isfinite(self.xy[:, 0, 0]), dtype=np.bool_)


def _triangles(polygon: Any) -> Triangles:
    """Return the corners (triangles, 3, 2) and areas of a polygon's triangulation."""
    triangles = shapely.get_parts(shapely.constrained_delaunay_triangles(polygon))
    # Every triangle is a closed ring of four coordinates; the last repeats the first.
    return shapely.get_coordinates(triangles).reshape(-1, 4, 2)[:, :3], shapely.area(triangles)


def _in_triangles(
    parts: Sequence[Triangles], weights: NDArray[np.float64], rng: np.random.Generator, n: int
) -> NDArray[np.float64]:
    """Return ``n`` places: polygon by weight, place even by area (triangulation, no rejection)."""
    corners, mass = [], []
    for (own, area), weight in zip(parts, weights, strict=True):
        total = area.sum()
        if not (weight > 0 and total > 0):
            continue
        corners.append(own)
        mass.append(area / total * weight)
    if not mass:
        return np.full((n, 2), np.nan)
    triangle = np.concatenate(corners)
    cumulative = np.cumsum(np.concatenate(mass))
    which = np.searchsorted(cumulative, rng.random(n) * cumulative[-1], side="right")
    a, b, c = np.moveaxis(triangle[np.minimum(which, len(triangle) - 1)], 1, 0)
    r, s = np.sqrt(rng.random(n))[:, None], rng.random(n)[:, None]
    return np.asarray((1 - r) * a + r * (1 - s) * b + r * s * c, dtype=np.float64)


def decide(p_covered: ArrayLike, inventory: Inventory | str) -> pd.DataFrame:
    """Turn probabilities into verdicts.

    Covered at p >= 0.95. Not covered at p <= 0.05, and only against a complete inventory:
    silence of a partial register is not absence. Everything else is unknown.

    Parameters
    ----------
    p_covered
        Share of the draws in which the village is within the limit; NaN where not assessed.
    inventory
        How complete the register of the service's facilities is.

    Returns
    -------
    Table with ``covered`` (nullable boolean) and ``reason`` (`Reason` values), one row per
    probability.
    """
    p = np.asarray(p_covered, float)
    covered = pd.array([pd.NA] * len(p), dtype="boolean")
    reason = np.full(len(p), str(Reason.NOT_LOCATED), dtype=object)
    known = ~np.isnan(p)
    # A hair of slack, because 0.95 x 200 draws is not exactly representable.
    yes = known & (p >= SURE - 1e-9)
    no = known & (p <= 1.0 - SURE + 1e-9)
    reason[known] = str(Reason.UNDECIDED)
    covered[yes] = True
    reason[yes] = str(Reason.OK)
    if Inventory(inventory) is Inventory.COMPLETE:
        covered[no] = False
        reason[no] = str(Reason.OVER_LIMIT)
    else:
        reason[no] = str(Reason.INVENTORY_INCOMPLETE)
    return pd.DataFrame({"covered": covered, "reason": reason})


def total_covered(
    within: NDArray[np.bool_], weights: ArrayLike | None = None
) -> tuple[float, float, float]:
    """Return median, 5 % and 95 % of a total over villages, from the same joint draws.

    Parameters
    ----------
    within
        Array (villages, draws): inside the limit or not.
    weights
        People per village; one each when absent.
    """
    w = np.ones(len(within)) if weights is None else np.asarray(weights, float)
    totals = w @ within
    low, mid, high = np.percentile(totals, [5, 50, 95])
    return float(mid), float(low), float(high)


def what_to_locate_first(coverage: pd.DataFrame, villages: pd.DataFrame) -> pd.DataFrame:
    """Order the villages by how much a surveyed position would settle.

    A verdict close to one half is the one that a position is most likely to turn, so each
    assessed service adds ``4 p (1 - p)``; a listed village comes before one that is not.
    Villages without a point whose every verdict is settled already come last.

    Parameters
    ----------
    coverage
        COVERAGE table.
    villages
        VILLAGES table.

    Returns
    -------
    Table ``code, name, township, lists, match, uncertainty_m, open_verdicts, gain``, first to
    collect first.
    """
    p = pd.to_numeric(coverage["p_covered"]).astype(float)
    undecided = coverage["covered"].isna() & p.notna()
    table = pd.DataFrame(
        {
            "code": coverage["code"],
            "gain": (4 * p * (1 - p)).fillna(0.0),
            "open_verdicts": undecided,
        }
    )
    gain = table.groupby("code").agg({"gain": "sum", "open_verdicts": "sum"})
    columns = ["code", "name", "township", "lists", "match", "uncertainty_m"]
    out = pd.DataFrame(villages[columns]).merge(gain, left_on="code", right_index=True, how="left")
    out[["gain", "open_verdicts"]] = out[["gain", "open_verdicts"]].fillna(0)
    out["gain"] = out["gain"].round(3)
    out["open_verdicts"] = out["open_verdicts"].astype(int)
    out["listed"] = out["lists"].fillna("").astype(str).ne("")
    out["reach"] = pd.to_numeric(out["uncertainty_m"]).fillna(np.inf)
    out = out.sort_values(
        ["listed", "gain", "reach", "code"], ascending=[False, False, False, True]
    )
    return out.drop(columns=["listed", "reach"]).reset_index(drop=True)
