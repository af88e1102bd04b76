"""Datums and coordinate systems of China, and doubt about them.

Four datums are met in practice. ``wgs84`` and ``cgcs2000`` agree within centimetres and are
treated as equal. ``gcj02`` is the shifted datum of AMap and Tencent, ``bd09`` Baidu's further
shift of it. The shifts are the formulas in public use (semi-major axis 6378245 m, squared
eccentricity 0.00669342162296594323), applied only inside the rectangle 72.004-137.8347 E,
0.8293-55.8271 N, its edge included.

This is the only module that holds EPSG codes.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyproj

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text

WGS84 = "EPSG:4326"
CGCS2000 = "EPSG:4490"
DATUMS = ("wgs84", "cgcs2000", "gcj02", "bd09")

FloatArray: TypeAlias = npt.NDArray[np.float64]
_Pair: TypeAlias = tuple[FloatArray, FloatArray]

_WEST, _EAST, _SOUTH, _NORTH = 72.004, 137.8347, 0.8293, 55.8271
_AXIS = 6378245.0
_ECC = 0.00669342162296594323
_BD_K = np.pi * 3000.0 / 180.0
_BD_EAST, _BD_NORTH = 0.0065, 0.006
# 1e-9 degrees is a tenth of a millimetre; what is left is a fiftieth of the last step or less.
_CONVERGED = 1e-9
# Small blocks keep the dozen temporaries of a formula in the processor's cache.
_BLOCK = 8192
_THREADS = min(4, os.cpu_count() or 1)


def _gcj_shift(lon: FloatArray, lat: FloatArray) -> _Pair:
    """Shift from WGS84 to GCJ-02 in degrees, at WGS84 places."""
    x, y = lon - 105.0, lat - 35.0
    px, py = np.pi * x, np.pi * y
    sin_px, sin_py = np.sin(px), np.sin(py)
    sin_2px = 2.0 * sin_px * np.cos(px)
    # sin 3a = 3 sin a - 4 sin^3 a saves one sine per place.
    wave = 20.0 * ((3.0 - 4.0 * sin_2px * sin_2px) * sin_2px + sin_2px)
    root = np.sqrt(np.abs(x))
    north = (
        wave
        + 20.0 * sin_py
        + 40.0 * np.sin(py / 3.0)
        + 160.0 * np.sin(py / 12.0)
        + 320.0 * np.sin(py / 30.0)
    ) * (2.0 / 3.0)
    north += -100.0 + 2.0 * x + (3.0 + 0.2 * y + 0.1 * x) * y + 0.2 * root
    east = (
        wave
        + 20.0 * sin_px
        + 40.0 * np.sin(px / 3.0)
        + 150.0 * np.sin(px / 12.0)
        + 300.0 * np.sin(px / 30.0)
    ) * (2.0 / 3.0)
    east += 300.0 + (1.0 + 0.1 * x + 0.1 * y) * x + 2.0 * y + 0.1 * root
    phi = np.radians(lat)
    sin_phi = np.sin(phi)
    w2 = 1.0 - _ECC * sin_phi * sin_phi
    w = np.sqrt(w2)
    to_degrees = 180.0 / (np.pi * _AXIS)
    dlat = north * (w2 * w) * (to_degrees / (1.0 - _ECC))
    dlon = east * w * to_degrees / np.sqrt(1.0 - sin_phi * sin_phi)
    return dlon, dlat


def _bd_shift(lon: FloatArray, lat: FloatArray) -> _Pair:
    """Shift from GCJ-02 to BD-09 in degrees, at GCJ-02 places.

    Baidu's formula turns the place by 3e-6 cos(k lon) about the origin and stretches its radius
    by 2e-5 sin(k lat). The turn is so small that its cosine is 1 - t^2/2 to the last digit.
    """
    turn = 3e-6 * np.cos(lon * _BD_K)
    stretch = 1.0 + 2e-5 * np.sin(lat * _BD_K) / np.sqrt(lon * lon + lat * lat)
    cos_turn = 1.0 - 0.5 * turn * turn
    dlon = stretch * (lon * cos_turn - lat * turn) + _BD_EAST - lon
    dlat = stretch * (lat * cos_turn + lon * turn) + _BD_NORTH - lat
    return dlon, dlat


def _unshift(
    shift: Callable[[FloatArray, FloatArray], _Pair],
    lon: FloatArray,
    lat: FloatArray,
    guess: tuple[float, float] = (0.0, 0.0),
) -> _Pair:
    """Undo a shift by fixed-point iteration, until the error left is a few micrometres.

    The shifts change by at most 2 % of a distance, so each round gains two to three digits;
    ``guess`` is the constant part of the shift.
    """
    x, y = lon - guess[0], lat - guess[1]
    for _ in range(30):
        dx, dy = shift(x, y)
        new_x, new_y = lon - dx, lat - dy
        step = np.fmax.reduce(np.fmax(np.abs(new_x - x), np.abs(new_y - y)), initial=0.0)
        x, y = new_x, new_y
        if step < _CONVERGED:
            break
    return x, y


def _inside(lon: FloatArray, lat: FloatArray, slack: float) -> npt.NDArray[np.bool_]:
    return (
        (lon >= _WEST - slack)
        & (lon <= _EAST + slack)
        & (lat >= _SOUTH - slack)
        & (lat <= _NORTH + slack)
    )


def _forward(shift: Callable[[FloatArray, FloatArray], _Pair], lon: FloatArray,
             lat: FloatArray) -> _Pair:  # fmt: skip
    dlon, dlat = shift(lon, lat)
    return lon + dlon, lat + dlat


def _transform_block(lon: FloatArray, lat: FloatArray, source: str, target: str) -> _Pair:
    """Transform places that may lie in the rectangle.

    Whether the shifts apply is always decided by the WGS84 place, so that every pair of
    directions agrees at the rectangle's edge.
    """
    gcj = (lon, lat)
    if source == "bd09":
        gcj = _unshift(_bd_shift, lon, lat, (_BD_EAST, _BD_NORTH))
    wgs = (lon, lat) if source == "wgs84" else _unshift(_gcj_shift, *gcj)
    if target == "wgs84":
        out = wgs
    else:
        if source == "wgs84":
            gcj = _forward(_gcj_shift, lon, lat)
        out = gcj if target == "gcj02" else _forward(_bd_shift, *gcj)
    # A place on the edge comes back from the inverse a hair beside it.
    applies = _inside(*wgs, 0.0 if source == "wgs84" else _CONVERGED)
    if applies.all():
        return out
    return np.where(applies, out[0], lon), np.where(applies, out[1], lat)


def _canonical(name: str) -> str:
    if name not in DATUMS:
        choices = ", ".join(DATUMS)
        raise UsageError(
            Text(f"未知的坐标系“{name}”，可用：{choices}", f"unknown datum “{name}”: use {choices}")
        )
    return "wgs84" if name == "cgcs2000" else name


def transform(x: Any, y: Any, source: str, target: str) -> tuple[Any, Any]:
    """Convert longitudes and latitudes between datums.

    Parameters
    ----------
    x, y
        Longitude and latitude in degrees: numbers or arrays of any one shape. NaN stays NaN.
    source, target
        ``wgs84``, ``cgcs2000`` (the same), ``gcj02`` or ``bd09``.

    Returns
    -------
    tuple
        Longitude and latitude: floats for numbers, arrays of the broadcast shape otherwise.

    Raises
    ------
    UsageError
        For an unknown datum, or for arrays whose shapes do not fit each other.

    Notes
    -----
    The inverse is iterated until it no longer moves, so a round trip from any WGS84 place inside
    the rectangle is exact to well under a millimetre. A GCJ-02 place outside the rectangle within
    about a kilometre of its edge has two origins; the one inside is taken. A GCJ-02 place just
    inside the edge that no WGS84 place inside leads to is left as it is.
    """
    source, target = _canonical(source), _canonical(target)
    try:
        lon, lat = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
    except ValueError as error:
        raise UsageError(
            Text("经度和纬度的数组形状不一致", "the shapes of longitudes and latitudes differ")
        ) from error
    shape = lon.shape
    lon, lat = lon.ravel(), lat.ravel()
    out_lon, out_lat = lon.copy(), lat.copy()
    if source != target:
        # A margin wider than any shift: places beyond it cannot be touched.
        near = (
            (lon > _WEST - 0.1) & (lon < _EAST + 0.1) & (lat > _SOUTH - 0.1) & (lat < _NORTH + 0.1)
        )
        everything = bool(near.all())
        px, py = (lon, lat) if everything else (lon[near], lat[near])
        result = np.empty((2, px.size))

        def convert(start: int) -> None:
            part = slice(start, start + _BLOCK)
            result[0, part], result[1, part] = _transform_block(px[part], py[part], source, target)

        if px.size <= 8 * _BLOCK:
            for start in range(0, px.size, _BLOCK):
                convert(start)
        else:  # numpy lets go of the interpreter lock inside its loops
            with ThreadPoolExecutor(_THREADS) as pool:
                deque(pool.map(convert, range(0, px.size, _BLOCK)), maxlen=0)
        if everything:
            out_lon, out_lat = result[0], result[1]
        else:
            out_lon[near], out_lat[near] = result[0], result[1]
    if not shape:
        return float(out_lon[0]), float(out_lat[0])
    return out_lon.reshape(shape), out_lat.reshape(shape)


def zone(lon: float, prefix: bool = False) -> pyproj.CRS:
    """Return the CGCS2000 3-degree Gauss-Krueger zone that holds a longitude.

    Parameters
    ----------
    lon
        Longitude in degrees. A longitude on the border of two zones belongs to the eastern one.
    prefix
        Put the zone number before the easting (``38500000``) instead of leaving it out
        (``500000``).

    Returns
    -------
    pyproj.CRS
        EPSG:4534-4554 (central meridians 75-135 E), with prefix EPSG:4513-4533 (zones 25-45).

    Raises
    ------
    UsageError
        When the longitude is outside 73.5-136.5 E, which the zones cover.
    """
    if not 73.5 <= lon < 136.5:
        raise UsageError(
            Text(
                f"经度{lon}不在中国的3度带范围内（73.5–136.5）",
                f"longitude {lon} is outside China's 3-degree zones (73.5-136.5)",
            )
        )
    number = int(np.floor((lon + 1.5) / 3.0))
    return pyproj.CRS.from_epsg((4513 if prefix else 4534) + number - 25)


@dataclass(frozen=True)
class DatumVerdict:
    """Which datum a layer is in.

    Attributes
    ----------
    datum
        ``wgs84`` (or CGCS2000), ``gcj02``, ``bd09`` or ``unsure``.
    shift_m
        How far the layer must move, on average, to be in WGS84; 0 for ``wgs84``, NaN when unsure.
    confidence
        Probability that the likeliest datum is right.
    misfit_m
        Median distance of the layer from the reference under each datum.
    points
        How many of the layer's points could be compared.
    likeliest
        The datum that fits best, sure or not; empty when nothing could be compared.
    """

    datum: str
    shift_m: float
    confidence: float
    misfit_m: dict[str, float]
    points: int
    likeliest: str

    @property
    def text(self) -> Text:
        """The verdict in words."""
        named = {"wgs84": "WGS84/CGCS2000", "gcj02": "GCJ-02", "bd09": "BD-09"}
        if self.datum == "unsure":
            return Text(
                f"无法判定坐标系（可比较{self.points}点）",
                f"the datum cannot be told ({self.points} points compared)",
            )
        name = named[self.datum]
        return Text(
            f"坐标系为{name}（把握{self.confidence:.3f}，与WGS84相差{self.shift_m:.0f}米）",
            f"the datum is {name} (certainty {self.confidence:.3f}, {self.shift_m:.0f} m from WGS84)",
        )


# Distances below this say nothing: width of a road, extent of a village, noise of a survey.
_NEAR_M = 40.0
# Points farther than this from the reference under every datum have nothing to do with it.
_FAR_M = 5000.0
_FEWEST = 8
_MOST = 4000
# Standard errors by which the best datum must beat each other one.
_SURE = 3.3
# Standard deviations by which it must beat arbitrary shifts.
_STANDS_OUT = 3.0
_METRE = 111_320.0


def detect(points: Any, reference: Any) -> DatumVerdict:
    """Tell the datum of a layer from how it lies on a reference.

    Parameters
    ----------
    points
        GeoSeries, GeoDataFrame, geometries, or an array (n, 2) of longitude and latitude as
        written in the file. Lines and polygons are compared by their vertices.
    reference
        What is known to be WGS84 or CGCS2000: lines (roads), polygons (a county, townships) or
        points (known villages); GeoSeries, GeoDataFrame or geometries in longitude and latitude,
        or in a CRS of their own. Point layers are compared with the ground of polygons, line and
        polygon layers with their borders.

    Returns
    -------
    DatumVerdict
        ``unsure`` when the layer is too small, lies elsewhere, or fits two datums alike, or when
        some other shift fits better than all three.

    Notes
    -----
    The misfit of a datum is the mean logarithm of the distance of each point from the reference.
    The best datum must beat both others by 3.3 standard errors of the paired differences, and
    must stand out from the fit under 32 arbitrary shifts of like size (better than each, and than
    their mean by three standard deviations), so that an unknown shift is not taken for a known
    one.
    """
    import shapely

    place, dimension = _positions(points)
    target = _shapes(reference)
    place = place[np.isfinite(place).all(axis=1)]
    if len(place) > _MOST:
        place = place[np.linspace(0, len(place) - 1, _MOST).astype(int)]
    nothing = DatumVerdict("unsure", float("nan"), 0.0, {}, len(place), "")
    if len(place) < _FEWEST or not len(target):
        return nothing
    if dimension > 0:
        areal = shapely.get_dimensions(target) == 2
        target = np.concatenate([shapely.boundary(target[areal]), target[~areal]])
    names = ("wgs84", "gcj02", "bd09")
    middle = np.median(place, axis=0)
    scale = np.array([_METRE * np.cos(np.radians(middle[1])), _METRE])
    moved = [np.column_stack(transform(place[:, 0], place[:, 1], n, "wgs84")) for n in names]
    local = [(m - middle) * scale for m in moved]
    # Arbitrary shifts around the three, none close to any of them.
    angles = np.arange(16) * (2 * np.pi / 16)
    offsets = np.vstack(
        [
            r * np.column_stack([np.cos(angles + t), np.sin(angles + t)])
            for r, t in ((450.0, 0.1), (1000.0, 0.3))
        ]
    )
    centres = np.array([layer.mean(axis=0) for layer in local])
    tries = offsets + centres[:, None, :].mean(axis=0)
    clear = np.hypot(*(tries[:, None, :] - centres[None, :, :]).transpose(2, 0, 1)).min(1) > 200.0
    null = [local[0] - centres[0] + shift for shift in tries[clear]]
    tree = shapely.STRtree(
        shapely.transform(target, lambda c: (c - middle) * scale, include_z=False)
    )
    stack = shapely.points(np.concatenate([*local, *null]))
    pairs, away = tree.query_nearest(stack, return_distance=True, all_matches=False)
    flat = np.empty(len(stack))
    flat[pairs[0]] = away
    distance = flat.reshape(len(local) + len(null), len(place))
    related = distance[:3].min(axis=0) <= _FAR_M
    if related.sum() < _FEWEST:
        return nothing
    distance = distance[:, related]
    misfit = {n: round(float(np.median(d)), 1) for n, d in zip(names, distance, strict=False)}
    score = np.log1p(np.minimum(distance, _FAR_M) / _NEAR_M)
    mean = score.mean(axis=1)
    best = int(np.argmin(mean[:3]))
    lead = np.inf
    for other in set(range(3)) - {best}:
        gain = score[other] - score[best]
        error = float(gain.std(ddof=1)) / np.sqrt(gain.size)
        lead = min(lead, float(gain.mean()) / max(error, 1e-9))
    confidence = float(0.5 * (1.0 + math.erf(min(lead, 8.0) / math.sqrt(2.0))))
    stands_out = float(mean[3:].mean() - mean[best]) / max(float(mean[3:].std()), 1e-9)
    sure = lead >= _SURE and stands_out >= _STANDS_OUT and bool((mean[best] < mean[3:]).all())
    shift = float(np.hypot(*(local[best] - local[0])[related].T).mean())
    return DatumVerdict(
        datum=names[best] if sure else "unsure",
        shift_m=shift if sure else float("nan"),
        confidence=min(confidence, 0.9999),
        misfit_m=misfit,
        points=int(related.sum()),
        likeliest=names[best],
    )


def _shapes(value: Any) -> npt.NDArray[Any]:
    """Return geometries in longitude and latitude, without nulls and empties."""
    import shapely

    series = getattr(value, "geometry", value)
    crs = getattr(series, "crs", None)
    if crs is not None and not crs.is_geographic:
        series = series.to_crs(WGS84)
    shapes = np.atleast_1d(np.asarray(series, dtype=object))
    keep = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    return np.asarray(shapes[keep])


def _positions(value: Any) -> tuple[FloatArray, int]:
    """Return the vertices of a layer as written, and its dimension (0 for points)."""
    import shapely

    array = np.asarray(value, dtype=object) if isinstance(value, list) else value
    if isinstance(array, np.ndarray) and array.ndim == 2 and array.shape[1] == 2:
        return np.asarray(array, float), 0
    shapes = _shapes(value)
    if not len(shapes):
        return np.empty((0, 2)), 0
    return (
        np.asarray(shapely.get_coordinates(shapes), float),
        int(shapely.get_dimensions(shapes).max()),
    )
