"""Where the townships of a county are, as far as their seats or the user's polygons tell."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qianwan_gis import boundaries, datum, names
from qianwan_gis._errors import DataError, Problem
from qianwan_gis._text import Text
from qianwan_gis.regions import Region, bands
from qianwan_gis.standards import Standards

# Regions serve probabilities: an outline drawn to fifty metres is ample and much faster.
_SIMPLIFY_M = 50.0
_LEAST_CELL_M2 = 10_000.0
# A township polygon of the user's own is believed to within a few hundred metres.
_OWN_WIDTHS = (300.0, 1000.0)
_OWN_SHARES = (0.96, 0.03, 0.01)


def named(polygons: gpd.GeoDataFrame, file: str) -> gpd.GeoDataFrame:
    """Return the user's township polygons with their names in ``township``.

    Raises
    ------
    DataError
        No column says which township an area is.
    """
    if "township" in polygons.columns:
        return polygons
    if "name" in polygons.columns:
        return polygons.rename(columns={"name": "township"})
    raise DataError(
        Problem("missing_column", "error",
                Text("乡镇范围没有乡镇名称字段", "the township areas have no column with their names"),
                file=file, field="township",
                fix=Text('在 county.toml 写对照，例如 columns = { township = "字段名" }',
                         'name it in county.toml, e.g. columns = { township = "FIELD" }'))
    )  # fmt: skip


class Areas:
    """The county and its townships in projected metres.

    Parameters
    ----------
    townships
        Table with ``name``, ``status`` (current, former), ``merged_into``, ``lon``, ``lat`` and
        optionally ``uncertainty_m``.
    outline
        The county's outline.
    crs
        Projected CRS.
    standards
        Norms: widths and shares of the bands around a cell.
    polygons
        The user's township polygons with a column ``township``; they replace the cells.
    located
        Villages with a point of their own, ``(code, township, x, y)``: how far they lie outside
        their cells tells how wide this county's regions must be. Seats flatter and stay out.
    """

    def __init__(
        self,
        townships: pd.DataFrame,
        outline: gpd.GeoDataFrame,
        crs: Any,
        standards: Standards,
        polygons: gpd.GeoDataFrame | None = None,
        located: Iterable[tuple[str, str, float, float]] = (),
    ) -> None:
        self.crs = crs
        self.standards = standards
        county = shapely.union_all(outline.to_crs(crs).geometry.to_numpy())
        self.county = shapely.make_valid(shapely.simplify(county, _SIMPLIFY_M))
        self._regions: dict[tuple[str, str, int], Region] = {}
        self._located = tuple(located)
        self._polygons: dict[str, Any] = {}
        if polygons is not None:
            for name, group in polygons.to_crs(crs).groupby("township"):
                shape = shapely.union_all(shapely.make_valid(group.geometry.to_numpy()))
                self._polygons[str(name)] = shapely.simplify(shape, _SIMPLIFY_M)
        table = townships.copy()
        status = table["status"] if "status" in table else pd.Series("current", table.index)
        merged = table["merged_into"] if "merged_into" in table else pd.Series("", table.index)
        former = status.astype(str).eq("former") & merged.notna() & merged.astype(str).ne("")
        self._present = dict(
            zip(table["name"], np.where(former, merged, table["name"]), strict=True)
        )
        lon = pd.to_numeric(table.get("lon"), errors="coerce")
        lat = pd.to_numeric(table.get("lat"), errors="coerce")
        known = (lon.notna() & lat.notna()).to_numpy()
        points = gpd.GeoSeries(gpd.points_from_xy(lon[known], lat[known]), crs=datum.WGS84).to_crs(
            crs
        )
        spread = pd.to_numeric(
            table.get("uncertainty_m", pd.Series(np.nan, table.index)), errors="coerce"
        ).fillna(float(standards.value("geocoding.radius.landmark_m")))
        self._seats = {
            str(name): (float(p.x), float(p.y), float(m))
            for name, p, m in zip(table["name"][known], points, spread[known], strict=True)
        }

    @cached_property
    def _cells(self) -> dict[str, Any]:
        """Thiessen cell of every seat, present and former, under the seat's own name."""
        if not self._seats:
            return {}
        seats = gpd.GeoDataFrame(
            {"township": list(self._seats)},
            geometry=gpd.points_from_xy(*np.array(list(self._seats.values()))[:, :2].T),
            crs=self.crs,
        )
        county = gpd.GeoDataFrame(geometry=[self.county], crs=self.crs)
        cells = boundaries.township_cells(seats, county, self.crs)
        return dict(zip(cells["township"], cells.geometry, strict=True))

    @cached_property
    def _parts(self) -> dict[str, list[Any]]:
        """The cells of each township: its own and those of what merged into it."""
        found: dict[str, list[Any]] = {}
        for name, cell in self._cells.items():
            for owner in dict.fromkeys((name, str(self._present.get(name, name)))):
                found.setdefault(owner, []).append(cell)
        return found

    @property
    def names(self) -> list[str]:
        """Names of all townships on record, present and former."""
        return [str(name) for name in self._present]

    def present(self, township: str) -> str:
        """Return the present name of a township; the name itself where it is not on record."""
        return str(self._present.get(township, township))

    def known(self, township: str) -> bool:
        """Whether the township is on record, under this or a former name."""
        return township in self._present or township in self._polygons

    def find(self, text: str) -> str:
        """Return the township, present or former, that a text names; empty for none.

        ``南村`` and ``南村镇`` both name 南村镇 here: callers decide whether a township is meant.
        """
        if text in self._present:
            return text
        bare = names.township_core(text)
        found = [name for name in self._present if names.township_core(name) == bare]
        return found[0] if len(found) == 1 else ""

    def seat(self, township: str) -> tuple[float, float, float] | None:
        """Return x, y and uncertainty of a seat, present or former."""
        return self._seats.get(township)

    def cell(self, township: str) -> Any | None:
        """Return the ground that most likely is a township's; None where nothing tells.

        A former township's name gives the part of the present one around its old seat.
        """
        if township in self._polygons:
            return self._polygons[township]
        parts = self._parts.get(township, [])
        if not parts:
            return None
        return parts[0] if len(parts) == 1 else shapely.union_all(parts)

    @cached_property
    def _bands(self) -> dict[str, int]:
        """Which band around its township's cell each located village lies in: 0 for the cell."""
        widths = np.asarray(self.standards.value("evidence.township.band_widths"), float)
        found: dict[str, int] = {}
        for code, township, x, y in self._located:
            core = None if township in self._polygons else self.cell(township)
            if core is None or township not in self._seats:
                continue
            away = shapely.distance(core, shapely.Point(x, y)) / np.sqrt(core.area / np.pi)
            found[code] = int(np.searchsorted(widths, away)) + 1 if away > 0 else 0
        return found

    def shares(self, without: str = "") -> list[float]:
        """Return the mass of the cell and of each band around it.

        The carried shares count as so many villages (``evidence.township.strength``); this
        county's own located villages are added to them.

        Parameters
        ----------
        without
            A village left out of the count, because its own region is asked for.
        """
        carried = np.array(
            [
                float(self.standards.value("evidence.township.inside")),
                *self.standards.value("evidence.township.band_shares"),
            ]
        )
        counts = np.zeros(carried.size + 1)
        for code, band in self._bands.items():
            if code != without:
                counts[band] += 1
        strength = float(self.standards.value("evidence.township.strength"))
        # Villages beyond the last band have no ground there; they count for the last one.
        counts[-2] += counts[-1]
        mass = strength * carried / carried.sum() + counts[:-1]
        return [float(m) for m in mass / mass.sum()]

    def region(self, township: str, former: str = "", *, without: str = "") -> Region:
        """Return where a village of a township is when nothing else is known of it.

        Parameters
        ----------
        township
            Present name. One that nothing tells of gives the whole county.
        former
            The former township that the village belonged to, which narrows the region.
        without
            Code of a located village whose point must not be used.
        """
        key = (township, former, self._bands.get(without, -1))
        if key not in self._regions:
            self._regions[key] = self._make_region(former or township, township, without)
        return self._regions[key]

    def _make_region(self, part: str, township: str, without: str) -> Region:
        own = part in self._polygons or township in self._polygons
        core = self.cell(part)
        if core is None:
            core = self.cell(township)
        # A seat outside the county leaves a cell of no ground worth the name.
        if core is None or core.area < _LEAST_CELL_M2:
            return Region.of([self.county])
        if own:
            return bands(core, _OWN_WIDTHS, _OWN_SHARES, shapely.union(self.county, core))
        radius = float(np.sqrt(core.area / np.pi))
        widths = [radius * w for w in self.standards.value("evidence.township.band_widths")]
        return bands(core, widths, self.shares(without), self.county)
