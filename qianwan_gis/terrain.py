"""Heights: reading elevation rasters, sampling points, profiles along lines, slope.

A `Terrain` is one raster in memory or one or more GeoTIFF tiles on disk, of which only the windows
asked for are read. Heights are metres. Where a raster has no data the answer is an error that names
the places, never an invented height.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import shapely

from qianwan_gis import _io
from qianwan_gis._errors import DataError, Problem, ProblemLog, UsageError
from qianwan_gis._text import Text

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

Method = Literal["bilinear", "nearest"]

_TILES = (".tif", ".tiff", ".vrt", ".img", ".asc")
_LOWEST, _HIGHEST = -500.0, 9000.0  # metres; outside this no ground of the earth lies


@dataclass(frozen=True)
class _Tile:
    """One raster: in memory (``array``) or on disk (``path``)."""

    transform: Any
    shape: tuple[int, int]
    crs: Any
    name: str
    nodata: float | None
    array: NDArray[np.floating[Any]] | None = None
    path: Path | None = None

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        rows, cols = self.shape
        left, top = self.transform.c, self.transform.f
        right, bottom = left + cols * self.transform.a, top + rows * self.transform.e
        return min(left, right), min(bottom, top), max(left, right), max(bottom, top)

    def read(self, row0: int, row1: int, col0: int, col1: int) -> NDArray[np.float64]:
        """Heights of a window, NaN where there is no data."""
        if self.array is not None:
            block = np.array(self.array[row0:row1, col0:col1], dtype=float)
        else:
            import rasterio
            from rasterio.windows import Window

            with rasterio.open(self.path) as file:
                block = file.read(1, window=Window(col0, row0, col1 - col0, row1 - row0)).astype(
                    float
                )
        if self.nodata is not None:
            block[block == self.nodata] = np.nan
        block[(block < _LOWEST) | (block > _HIGHEST)] = np.nan
        return block


@dataclass(frozen=True)
class Terrain:
    """Elevation of an area.

    Make one with `Terrain.open` or `Terrain.from_array`.
    """

    tiles: tuple[_Tile, ...]
    crs: Any

    @classmethod
    def open(cls, path: str | Path) -> Terrain:
        """Open an elevation raster, or a folder of tiles that share one CRS.

        Only the first band is used; heights must be metres.

        Raises
        ------
        DataError
            No file, not a raster, no CRS, no georeference, tiles in different CRS: all at once.
        """
        import rasterio
        from rasterio.errors import RasterioIOError

        path = Path(path)
        files = [path]
        if path.is_dir():
            files = sorted(p for p in path.iterdir() if p.suffix.lower() in _TILES)
        log = ProblemLog()
        if not files or not files[0].exists():
            log.add(
                "error",
                "missing_file",
                "没有高程栅格文件",
                "there is no elevation raster",
                file=path,
                fix=(
                    "放入 GeoTIFF 格式的高程（DEM），或用 qianwan fetch KEY dem 下载",
                    "supply a GeoTIFF elevation raster, or run qianwan fetch KEY dem",
                ),
            )
            log.raise_errors()
        tiles = []
        for file in files:
            try:
                with rasterio.open(file) as raster:
                    tile = _Tile(
                        raster.transform, raster.shape, raster.crs, file.name, raster.nodata,
                        path=file,
                    )  # fmt: skip
                    identity = raster.transform.is_identity
            except (RasterioIOError, UnicodeDecodeError) as error:
                log.add(
                    "error",
                    "bad_raster",
                    "无法作为栅格打开，文件可能已损坏或不是 GeoTIFF",
                    f"cannot be opened as a raster: {error}",
                    file=file,
                )
                continue
            if tile.crs is None:
                log.add(
                    "error",
                    "no_crs",
                    "栅格没有坐标系",
                    "the raster has no CRS",
                    file=file,
                    fix=("用 gdal_edit -a_srs 写入坐标系", "write one with gdal_edit -a_srs"),
                )
            elif identity or tile.transform.b or tile.transform.d:
                log.add(
                    "error",
                    "no_georeference",
                    "栅格没有地理定位，或是旋转的",
                    "the raster is not georeferenced, or is rotated",
                    file=file,
                )
            else:
                tiles.append(tile)
        for tile in tiles[1:]:
            if tile.crs != tiles[0].crs:
                log.add(
                    "error",
                    "mixed_crs",
                    f"各块高程的坐标系不一致：{tile.crs} 与 {tiles[0].crs}",
                    f"the tiles are in different CRS: {tile.crs} and {tiles[0].crs}",
                    file=tile.name,
                )
        log.raise_errors()
        return cls(tuple(tiles), _crs(tiles[0].crs))

    @classmethod
    def from_array(
        cls,
        array: NDArray[np.floating[Any]],
        transform: Any,
        crs: Any,
        *,
        nodata: float | None = None,
    ) -> Terrain:
        """Make terrain from heights in metres, (rows, columns), and their affine transform."""
        heights = np.asarray(array)
        if heights.ndim != 2:
            raise UsageError(
                Text(f"高程须为二维数组，给出的是{heights.ndim}维",
                     f"heights must be a 2-D array, not {heights.ndim}-D")
            )  # fmt: skip
        tile = _Tile(transform, heights.shape, crs, "array", nodata, array=heights)
        return cls((tile,), _crs(crs))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top of all tiles, in `crs`."""
        boxes = np.array([tile.bounds for tile in self.tiles])
        left, bottom = boxes[:, :2].min(axis=0)
        right, top = boxes[:, 2:].max(axis=0)
        return float(left), float(bottom), float(right), float(top)

    @property
    def cell_m(self) -> float:
        """Width of the coarsest tile's cells in metres (at the tile's middle latitude)."""
        widths = []
        for tile in self.tiles:
            width = abs(float(tile.transform.a))
            if self.crs.is_geographic:
                middle = np.radians((tile.bounds[1] + tile.bounds[3]) / 2.0)
                width *= 111_320.0 * float(np.cos(middle))
            widths.append(width)
        return max(widths)

    def write(self, path: str | Path) -> Path:
        """Write a terrain made from an array as a compressed GeoTIFF."""
        from rasterio.io import MemoryFile

        tile = self.tiles[0]
        if tile.array is None:
            raise UsageError(
                Text("只能写出由数组生成的地形", "only terrain made from an array can be written")
            )
        array = np.ascontiguousarray(tile.array, dtype=np.float32)
        with MemoryFile() as memory:
            with memory.open(
                driver="GTiff", height=tile.shape[0], width=tile.shape[1], count=1, dtype="float32",
                crs=_crs(tile.crs).to_wkt(), transform=tile.transform, nodata=tile.nodata,
                tiled=True, blockxsize=256, blockysize=256, compress="deflate", predictor=3,
            ) as raster:  # fmt: skip
                raster.write(array, 1)
            memory.seek(0)
            _io.write_bytes(Path(path), memory.read())
        return Path(path)

    def sample(
        self,
        points: gpd.GeoSeries | gpd.GeoDataFrame,
        *,
        method: Method = "bilinear",
        missing: Literal["error", "nan"] = "error",
    ) -> pd.Series:
        """Heights at points, in metres, with the index of ``points``.

        Parameters
        ----------
        points
            Points in any CRS; they are brought into that of the raster. Missing or empty points
            count as places without data.
        method
            ``bilinear`` between the four cell centres around a point (within half a cell of the
            edge of data, the cells there are), or ``nearest``: the cell that holds it.
        missing
            ``error`` names every point outside the raster or on a cell without data; ``nan``
            leaves them empty.
        """
        geometry = points.geometry
        if geometry.crs is None:
            raise DataError(
                Problem(
                    "no_crs",
                    "error",
                    Text("点没有坐标系，无法取高程", "the points have no CRS"),
                    fix=Text("先 set_crs", "call set_crs first"),
                )
            )
        moved = geometry if geometry.crs == self.crs else geometry.to_crs(self.crs)
        known = ~(moved.is_empty | moved.isna()).to_numpy()
        xy = np.full((len(moved), 2), np.nan)
        xy[known] = shapely.get_coordinates(moved.to_numpy()[known])
        heights = pd.Series(self.heights(xy, method=method), index=points.index, name="elevation_m")
        if missing == "error" and heights.isna().any():
            self._raise_missing(heights, xy)
        return heights

    def heights(
        self, xy: NDArray[np.float64], *, method: Method = "bilinear"
    ) -> NDArray[np.float64]:
        """Heights at coordinates (n, 2) in `crs`; NaN outside and where there is no data."""
        if method not in ("bilinear", "nearest"):
            raise UsageError(
                Text(f"没有取样方法“{method}”", f"no such method “{method}”: bilinear or nearest")
            )
        out = np.full(len(xy), np.nan)
        for tile in self.tiles:
            left, bottom, right, top = tile.bounds
            ask = np.isnan(out) & (xy[:, 0] >= left) & (xy[:, 0] <= right)
            ask &= (xy[:, 1] >= bottom) & (xy[:, 1] <= top)
            if ask.any():
                out[ask] = _sample_tile(tile, xy[ask], method)
        return out

    def profile(
        self, line: shapely.LineString, step: float | None = None, *, crs: Any = None
    ) -> pd.DataFrame:
        """Heights along a line.

        Parameters
        ----------
        line
            LineString in ``crs`` (the raster's when not given), projected metres.
        step
            Distance between samples in metres; a cell when not given. Vertices of the line and its
            ends are always sampled as well.

        Returns
        -------
        Table ``metres`` (from the start), ``elevation_m``, ``grade`` (rise over run to the next
        sample; the last repeats), ``geometry`` coordinates ``x``, ``y`` in the line's CRS.
        """
        import geopandas as gpd

        source = _crs(crs) if crs is not None else self.crs
        if not source.is_projected:
            raise UsageError(
                Text(
                    "剖面线须为平面坐标（米）", "the line of a profile must be in projected metres"
                )
            )
        if step is None:
            step = abs(self.tiles[0].transform.a) if self.crs.is_projected else 30.0
        if not step > 0:
            raise UsageError(
                Text(f"步长须为正数，给出的是{step}", f"step must be positive: {step}")
            )
        coords = shapely.get_coordinates(line)
        along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(coords, axis=0).T))]
        at = np.unique(np.r_[np.arange(0.0, along[-1], step), along])
        x, y = (np.interp(at, along, coords[:, k]) for k in range(2))
        heights = self.sample(gpd.GeoSeries(gpd.points_from_xy(x, y), crs=source)).to_numpy()
        grade = np.diff(heights) / np.maximum(np.diff(at), 1e-9)
        return pd.DataFrame(
            {
                "metres": at,
                "elevation_m": heights,
                "grade": np.r_[grade, grade[-1:]] if len(grade) else np.zeros(len(at)),
                "x": x,
                "y": y,
            }
        )

    def slope(self, points: gpd.GeoSeries | gpd.GeoDataFrame) -> pd.Series:
        """Steepest slope at points, in degrees (Horn 1981: the 3 x 3 cells around each).

        The raster must be in projected metres. NaN where one of the nine cells has no data.
        """
        if not self.crs.is_projected:
            raise UsageError(
                Text("坡度需要平面坐标（米）的高程，请先投影栅格",
                     "slope needs a raster in projected metres: reproject it first")
            )  # fmt: skip
        moved = points.geometry if points.crs == self.crs else points.geometry.to_crs(self.crs)
        xy = np.column_stack([moved.x, moved.y])
        dx, dy = (abs(v) for v in (self.tiles[0].transform.a, self.tiles[0].transform.e))
        z = {
            (i, j): self.heights(xy + np.array([i * dx, j * dy]), method="nearest")
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
        }
        east = (z[1, 1] + 2 * z[1, 0] + z[1, -1] - z[-1, 1] - 2 * z[-1, 0] - z[-1, -1]) / (8 * dx)
        north = (z[-1, 1] + 2 * z[0, 1] + z[1, 1] - z[-1, -1] - 2 * z[0, -1] - z[1, -1]) / (8 * dy)
        degrees = np.degrees(np.arctan(np.hypot(east, north)))
        degrees[np.isnan(z[0, 0])] = np.nan
        return pd.Series(degrees, index=points.index, name="slope_deg")

    def _raise_missing(self, heights: pd.Series, xy: NDArray[np.float64]) -> None:
        """Raise one error per point without a height: outside, between tiles, or no data."""
        left, bottom, right, top = self.bounds
        log = ProblemLog()
        name = self.tiles[0].name if len(self.tiles) == 1 else f"{len(self.tiles)}个高程分块"
        for position in np.flatnonzero(heights.isna().to_numpy()):
            x, y = xy[position]
            row = heights.index[position]
            if np.isnan(x):
                text = ("该行没有位置", "the row has no position")
            elif not (left <= x <= right and bottom <= y <= top):
                text = ("在高程栅格范围之外", "lies outside the elevation raster")
            elif not any(
                t.bounds[0] <= x <= t.bounds[2] and t.bounds[1] <= y <= t.bounds[3]
                for t in self.tiles
            ):
                text = ("此处缺少一块高程", "a tile of the elevation is missing here")
            else:
                text = ("此处高程无数据", "the elevation has no data here")
            log.add("error", "no_elevation", *text, file=name, row=str(row),
                    fix=("补充高程范围或改正点位", "extend the raster or correct the point"))  # fmt: skip
        log.raise_errors()


def _crs(crs: Any) -> Any:
    import pyproj

    return pyproj.CRS.from_user_input(crs)


def _sample_tile(tile: _Tile, xy: NDArray[np.float64], method: Method) -> NDArray[np.float64]:
    rows, cols = tile.shape
    inverse = ~tile.transform
    col = inverse.a * xy[:, 0] + inverse.c
    row = inverse.e * xy[:, 1] + inverse.f
    if method == "nearest":
        # a point on the outer edge belongs to the outermost cell
        r = np.clip(np.floor(row).astype(int), 0, rows - 1)
        c = np.clip(np.floor(col).astype(int), 0, cols - 1)
        block = tile.read(r.min(), r.max() + 1, c.min(), c.max() + 1)
        return np.asarray(block[r - r.min(), c - c.min()])
    row, col = row - 0.5, col - 0.5  # cell centres are whole numbers now
    r0 = np.clip(np.floor(row).astype(int), 0, max(rows - 2, 0))
    c0 = np.clip(np.floor(col).astype(int), 0, max(cols - 2, 0))
    r1, c1 = np.minimum(r0 + 1, rows - 1), np.minimum(c0 + 1, cols - 1)
    fr, fc = np.clip(row - r0, 0.0, 1.0), np.clip(col - c0, 0.0, 1.0)
    top, left = r0.min(), c0.min()
    block = tile.read(top, r1.max() + 1, left, c1.max() + 1)
    total = np.zeros(len(xy))
    weight = np.zeros(len(xy))
    for r, c, w in (
        (r0, c0, (1 - fr) * (1 - fc)),
        (r0, c1, (1 - fr) * fc),
        (r1, c0, fr * (1 - fc)),
        (r1, c1, fr * fc),
    ):
        value = block[r - top, c - left]
        there = ~np.isnan(value)
        total += np.where(there, w * np.where(there, value, 0.0), 0.0)
        weight += np.where(there, w, 0.0)
    # the cell that holds the point must itself have data; a hole is not filled from around it
    r = np.clip(np.floor(row + 0.5).astype(int), 0, rows - 1)
    c = np.clip(np.floor(col + 0.5).astype(int), 0, cols - 1)
    own = block[np.clip(r - top, 0, block.shape[0] - 1), np.clip(c - left, 0, block.shape[1] - 1)]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(np.isnan(own) | (weight <= 0.0), np.nan, total / weight))
