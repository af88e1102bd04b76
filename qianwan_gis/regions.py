"""Where a village may be: weighted polygons, and how evidence narrows them.

A `Region` is a probability distribution on the ground that is even inside each of its polygons.
A `Likelihood` says how well a piece of evidence fits each place: a value in each of its
polygons and one everywhere else. The product of a region and a likelihood is a region again, so
any number of pieces of evidence combine exactly, without a grid.

All coordinates are metres of one projected CRS, x east, y north; azimuths are degrees clockwise
from north.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text

FloatArray: TypeAlias = npt.NDArray[np.float64]
Polygons: TypeAlias = npt.NDArray[Any]

# Pieces smaller than this (square metres) are crumbs of an overlay, not places for a village.
_CRUMB_M2 = 100.0
# Places per region that stand for it when a radius is measured: +- 0.5 % of its mass.
_SAMPLE = 4096


@dataclass(frozen=True, eq=False)
class Region:
    """A distribution on the ground: disjoint polygons, each with its share of the mass.

    Attributes
    ----------
    polygons
        Array of polygons or multipolygons that do not overlap.
    weights
        Their shares; they add up to 1.
    """

    polygons: Polygons
    weights: FloatArray

    @classmethod
    def of(cls, polygons: Any, weights: Any = None) -> Region:
        """Make a region from polygons and weights of any scale; even by area without weights.

        Empty polygons and those without weight are left out.

        Raises
        ------
        UsageError
            When nothing with area and weight is left, or a weight is negative.
        """
        shapes = np.atleast_1d(np.asarray(polygons, dtype=object))
        areas = shapely.area(shapes)
        mass = areas if weights is None else np.atleast_1d(np.asarray(weights, float))
        if mass.shape != shapes.shape or (mass < 0).any() or not np.isfinite(mass).all():
            raise UsageError(
                Text(
                    "区域的权重必须与面数相同且不为负",
                    "a region needs one non-negative weight per polygon",
                )
            )
        keep = (areas > 0) & (mass > 0)
        if not keep.any():
            raise UsageError(Text("区域没有面积", "the region has no area"))
        return cls(shapes[keep], mass[keep] / mass[keep].sum())

    @property
    def areas(self) -> FloatArray:
        """Square metres of each polygon."""
        return np.asarray(shapely.area(self.polygons), float)

    @property
    def densities(self) -> FloatArray:
        """Probability per square metre in each polygon."""
        return self.weights / self.areas

    def cover(self, share: float = 0.9) -> Any:
        """Return the smallest union of the region's polygons that holds at least ``share``."""
        order = np.argsort(-self.densities, kind="stable")
        held = np.cumsum(self.weights[order])
        count = int(np.searchsorted(held, share - 1e-12)) + 1
        return shapely.union_all(self.polygons[order[:count]])

    def mass_denser_than(self, x: float, y: float) -> tuple[float, float]:
        """Return how much mass lies in polygons denser than at a place, and how much in its own.

        The credible level of the place is the first plus a part of the second; 1 and 0 for a
        place outside the region.
        """
        own = shapely.intersects_xy(self.polygons, x, y)
        if not own.any():
            return 1.0, 0.0
        density = self.densities
        here = density[own].max()
        same = np.isclose(density, here, rtol=1e-9, atol=0.0)
        return float(self.weights[(density > here) & ~same].sum()), float(self.weights[same].sum())

    def merged(self, shares: Sequence[float]) -> Region:
        """Return the region in fewer polygons, joining those of like density.

        Parameters
        ----------
        shares
            Growing shares of the mass, the last 1, at which bands of falling density end. The thin
            outer mass needs bands of its own: joined with denser ground it would spread far out.
        """
        if len(self.polygons) <= len(shares):
            return self
        order = np.argsort(-self.densities, kind="stable")
        held = np.cumsum(self.weights[order])
        # The middle of each polygon's mass decides its band.
        middle = held - self.weights[order] / 2.0
        band = np.minimum(np.searchsorted(np.asarray(shares), middle), len(shares) - 1)
        groups = [order[band == b] for b in range(len(shares)) if (band == b).any()]
        shapes = np.empty(len(groups), dtype=object)
        shapes[:] = [shapely.union_all(self.polygons[g]) for g in groups]
        return Region.of(shapes, [self.weights[g].sum() for g in groups])


@dataclass(frozen=True, eq=False)
class Likelihood:
    """How well one piece of evidence fits each place, on a scale of its own.

    Attributes
    ----------
    polygons
        Disjoint polygons.
    values
        The fit inside each.
    elsewhere
        The fit everywhere else; above 0, because any evidence may be wrong.
    """

    polygons: Polygons
    values: FloatArray
    elsewhere: float

    @classmethod
    def of(cls, pairs: Iterable[tuple[Any, float]], elsewhere: float) -> Likelihood:
        """Make a likelihood from (polygon, value) pairs; empty polygons are left out."""
        kept = [
            (shape, value) for shape, value in pairs if shape is not None and not shape.is_empty
        ]
        shapes = np.empty(len(kept), dtype=object)
        for i, (shape, _) in enumerate(kept):
            shapes[i] = shape
        return cls(shapes, np.array([value for _, value in kept], float), elsewhere)


@dataclass(frozen=True, eq=False)
class Overlay:
    """A region cut by a likelihood: pieces, their mass before, and the fit in each."""

    pieces: Polygons
    mass: FloatArray
    values: FloatArray

    @property
    def fit(self) -> float:
        """Mean fit of the evidence over the region; small when the two contradict each other."""
        return float(self.mass @ self.values)

    def region(self, values: FloatArray) -> Region:
        """Return the region with each piece's mass times its value."""
        return Region.of(self.pieces, self.mass * values)


def overlay(region: Region, likelihood: Likelihood) -> Overlay:
    """Cut a region by a likelihood; crumbs below a hundred square metres are left out."""
    cuts = [
        (_areal(shapely.intersection(region.polygons, polygon)), value)
        for polygon, value in zip(likelihood.polygons, likelihood.values, strict=True)
    ]
    rest = region.polygons
    if len(likelihood.polygons):
        rest = _areal(shapely.difference(rest, shapely.union_all(likelihood.polygons)))
    cuts.append((rest, likelihood.elsewhere))
    pieces = np.concatenate([shapes for shapes, _ in cuts])
    area = np.asarray(shapely.area(pieces), float)
    mass = np.tile(region.densities, len(cuts)) * area
    values = np.repeat([value for _, value in cuts], len(region.polygons))
    keep = area > _CRUMB_M2
    return Overlay(pieces[keep], mass[keep], values[keep].astype(float))


def product(region: Region, likelihood: Likelihood) -> tuple[Region, float]:
    """Return the region given the evidence, and how well the evidence fits the region.

    Parameters
    ----------
    region
        What was known before.
    likelihood
        The new evidence.

    Returns
    -------
    tuple
        The posterior region, and the mean fit of the evidence over the prior region, which is
        small when the two contradict each other. Evidence that fits nowhere leaves the region.
    """
    cut = overlay(region, likelihood)
    return (cut.region(cut.values), cut.fit) if cut.fit > 0 else (region, 0.0)


def _areal(shapes: Polygons) -> Polygons:
    """Keep the polygons of an overlay's result, dropping lines and points."""
    kinds = shapely.get_type_id(shapes)
    mixed = np.flatnonzero(kinds == shapely.GeometryType.GEOMETRYCOLLECTION.value)
    if len(mixed):
        shapes = shapes.copy()
        for i in mixed:
            parts = shapely.get_parts(shapes[i])
            areal = parts[shapely.get_dimensions(parts) == 2]
            shapes[i] = shapely.union_all(areal) if len(areal) else shapely.Polygon()
    return shapes


def bands(core: Any, widths: Sequence[float], shares: Sequence[float], within: Any) -> Region:
    """Return a region of a core polygon and bands of growing distance around it.

    Parameters
    ----------
    core
        The polygon that most likely holds the place.
    widths
        Outer distances of the bands in metres, growing.
    shares
        Mass of the core and of each band (one more than ``widths``).
    within
        Polygon that bounds everything. A share whose band lies wholly outside goes to the rest.
    """
    if len(shares) != len(widths) + 1:
        raise UsageError(Text("带数与权重数不符", "one share more than widths is needed"))
    outers = [core, *(shapely.buffer(core, width, quad_segs=6) for width in widths)]
    shapely.prepare(within)
    # Most bands lie wholly inside, and a long outline is costly to cut by.
    cut = [o if shapely.covers(within, o) else shapely.intersection(o, within) for o in outers]
    shapes = [cut[0], *(shapely.difference(cut[i + 1], cut[i]) for i in range(len(widths)))]
    pieces = np.empty(len(shapes), dtype=object)
    pieces[:] = shapes
    keep = shapely.area(_areal(pieces)) > _CRUMB_M2
    return Region.of(_areal(pieces)[keep], np.asarray(shares, float)[keep])


def annulus(x: float, y: float, inner: float, outer: float) -> Any:
    """Return the ring between two radii (metres) around a place; a disc when ``inner`` is 0."""
    if not 0 <= inner < outer:
        raise UsageError(Text("环的内半径必须小于外半径", "inner radius must be below the outer"))
    centre = shapely.Point(x, y)
    disc = shapely.buffer(centre, outer, quad_segs=16)
    return (
        disc
        if inner == 0
        else shapely.difference(disc, shapely.buffer(centre, inner, quad_segs=16))
    )


def sector(
    x: float, y: float, azimuth: float, half_angle: float, outer: float, inner: float = 0.0
) -> Any:
    """Return the part of a ring within ``half_angle`` degrees of an azimuth (clockwise from N)."""
    if half_angle >= 180.0:
        return annulus(x, y, inner, outer)
    steps = max(3, int(np.ceil(half_angle / 4.0)) * 2 + 1)
    angles = np.radians(np.linspace(azimuth - half_angle, azimuth + half_angle, steps))
    far = np.column_stack([x + outer * np.sin(angles), y + outer * np.cos(angles)])
    if inner > 0:
        near = np.column_stack([x + inner * np.sin(angles), y + inner * np.cos(angles)])
    else:
        near = np.array([[x, y]])
    return shapely.Polygon(np.vstack([far, near[::-1]]))


def sample(region: Region, rng: np.random.Generator, n: int) -> FloatArray:
    """Draw ``n`` places from a region: polygon by weight, place evenly by area.

    Returns
    -------
    Array (n, 2) of metres.
    """
    corners: list[FloatArray] = []
    mass: list[FloatArray] = []
    for polygon, weight in zip(region.polygons, region.weights, strict=True):
        triangles = shapely.get_parts(shapely.constrained_delaunay_triangles(polygon))
        area = np.asarray(shapely.area(triangles), float)
        # A triangle is a ring of four coordinates whose last repeats the first.
        corners.append(shapely.get_coordinates(triangles).reshape(-1, 4, 2)[:, :3])
        mass.append(area / area.sum() * weight)
    triangle, bound = np.concatenate(corners), np.cumsum(np.concatenate(mass))
    draws = rng.random((3, n))
    which = np.searchsorted(bound, draws[0] * bound[-1], side="right")
    a, b, c = np.moveaxis(triangle[np.minimum(which, len(bound) - 1)], 1, 0)
    root, along = np.sqrt(draws[1])[:, None], draws[2][:, None]
    return np.asarray((1 - root) * a + root * (1 - along) * b + root * along * c)


def region_radius(
    polygons: Any, weights: Any = None, share: float = 0.9, *, seed: int = 0
) -> tuple[float, float, float]:
    """Return the circle that a region's uncertainty is told by: centre x, y and radius.

    The centre is the mean place; the radius holds ``share`` of the mass. It is measured on 4,096
    places drawn with a fixed seed, so it is the same in every run.

    Returns
    -------
    tuple
        x, y, radius in metres.
    """
    region = polygons if isinstance(polygons, Region) else Region.of(polygons, weights)
    # A tenth of a percent of the extent is nothing to a radius, and much to a triangulation.
    west, south, east, north = shapely.total_bounds(region.polygons)
    coarse = shapely.simplify(region.polygons, 0.001 * max(east - west, north - south))
    whole = shapely.is_empty(coarse) | (shapely.area(coarse) <= 0)
    plain = Region(np.where(whole, region.polygons, coarse), region.weights)
    places = sample(plain, np.random.default_rng(seed), _SAMPLE)
    centroids = shapely.centroid(region.polygons)
    x = float(shapely.get_x(centroids) @ region.weights)
    y = float(shapely.get_y(centroids) @ region.weights)
    distance = np.hypot(places[:, 0] - x, places[:, 1] - y)
    return x, y, float(np.quantile(distance, share))


def to_frame(regions: Mapping[str, Region], crs: Any) -> gpd.GeoDataFrame:
    """Return a REGIONS table: one row per polygon, ``code``, ``weight`` and geometry.

    Rows follow the mapping's order, densest polygon first; weights of a code add up to 1.
    """
    codes: list[str] = []
    weights: list[float] = []
    shapes: list[Any] = []
    for code, region in regions.items():
        order = np.argsort(-region.densities, kind="stable")
        codes.extend([code] * len(order))
        weights.extend(region.weights[order].tolist())
        shapes.extend(region.polygons[order])
    return gpd.GeoDataFrame(
        {"code": np.array(codes, dtype=object), "weight": np.array(weights, float)},
        geometry=gpd.GeoSeries(shapes, crs=crs),
        crs=crs,
    )


def from_frame(frame: gpd.GeoDataFrame) -> dict[str, Region]:
    """Return the regions of a REGIONS table by code."""
    polygons, weights = frame.geometry.to_numpy(), frame["weight"].to_numpy(float)
    return {
        str(code): Region.of(polygons[rows], weights[rows])
        for code, rows in frame.groupby("code", sort=False).indices.items()
    }
