"""A complete made-up county of any size, for tests, teaching and benchmarks.

Everything hangs together: rivers run in valleys, villages stand by them, roads follow the ground
and join at junctions, registers of facilities are complete, the corridor has broken chainage.
Nothing is real: the administrative code begins with 99, every row says ``synthetic``, and every
output says 合成数据. The same arguments give the same county, to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from qianwan_gis import datum
from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text

if TYPE_CHECKING:
    import geopandas as gpd
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Elevation", "SyntheticCounty", "counties", "county"]

#: About a province; larger tests take several counties (`counties`).
MOST_VILLAGES = 30_000
_NORTHING = 3_985_000.0  # about 36 degrees north
_HEADS, _TAILS = "虚幻拟设假仿", "谷川岭泉溪陵"  # 虚谷, 幻川, …: nobody takes them for real places


class Elevation(NamedTuple):
    """Heights in metres (float32, north up), their affine transform and CRS."""

    array: NDArray[np.float32]
    transform: Any
    crs: Any


@dataclass(frozen=True, repr=False)
class SyntheticCounty:
    """A made-up county. All tables share one projected CRS (CGCS2000 3-degree zone, metres).

    Attributes
    ----------
    adcode, name, name_en
        Made-up administrative code (99….) and name.
    seed
        What the county was drawn from.
    boundary
        One row: the outline.
    townships, township_areas
        Seats (points) and true areas, ``code`` (12 digits) and ``township``.
    villages
        All administrative villages: ``code``, ``name``, ``township``, registered people, Point.
    settlements
        Hamlets (自然村) of the villages; their people add up to the village's.
    rivers, roads
        Lines; ``roads`` follows the ROADS contract, with ``admin_class`` (国道 … 村道), and includes
        planned ones (``status``).
    facilities, sewers, supplies
        FACILITIES of all services (complete registers), sewer lines, and which waterworks or
        on-site tanks (``service``, ``tier``, ``facility_id``) serve which village (``code``).
    corridor_segments, stakes
        The demonstration corridor: branches 主线, 支线一, 支线二 with start and end stakes (one
        长链, one 短链, one unbuilt stretch), and a stake point at each kilometre.
    areas
        Two to four 片区: ``name`` and polygon.
    official_list
        The year's 精品示范村 and 提档升级村, one row per village.
    elevation
        Terrain raster.
    """

    adcode: str
    name: str
    name_en: str
    seed: int
    crs: Any
    boundary: gpd.GeoDataFrame
    townships: gpd.GeoDataFrame
    township_areas: gpd.GeoDataFrame
    villages: gpd.GeoDataFrame
    settlements: gpd.GeoDataFrame
    rivers: gpd.GeoDataFrame
    roads: gpd.GeoDataFrame
    facilities: gpd.GeoDataFrame
    sewers: gpd.GeoDataFrame
    supplies: pd.DataFrame
    corridor_segments: gpd.GeoDataFrame
    stakes: gpd.GeoDataFrame
    areas: gpd.GeoDataFrame
    official_list: pd.DataFrame
    elevation: Elevation

    def __repr__(self) -> str:
        return f"SyntheticCounty({self.name} {self.adcode}: {len(self.villages)} villages, seed {self.seed})"

    @property
    def list_text(self) -> str:
        """The official list as the office prints it: one line per township, tabs between."""
        from qianwan_gis.synthetic._write import list_text

        return list_text(self)

    def write(self, folder: str | Path) -> Path:
        """Write a project folder that ``Plan.open`` reads; returns the folder.

        GeoPackages, CSV tables, a GeoTIFF and ``county.toml``; nothing half-written stays when it
        fails.
        """
        from qianwan_gis.synthetic._write import write

        return write(self, Path(folder))


def county(
    villages: int = 600,
    seed: int = 0,
    *,
    adcode: str = "990001",
    name: str = "虚谷县",
    name_en: str = "Xugu County (synthetic)",
    lon: float = 114.0,
) -> SyntheticCounty:
    """Make up a county.

    Parameters
    ----------
    villages
        Number of administrative villages, 1 to 30,000. The area follows: 4.5 km² each.
    seed
        Non-negative; another seed is another county.
    adcode
        Six digits beginning with 99, which no real code does.
    name, name_en
        The county's name.
    lon
        Degrees east; chooses the CGCS2000 zone, in whose middle the county lies.

    Raises
    ------
    UsageError
        A number out of range, or a code that could be real.
    """
    import numpy as np

    if not 1 <= villages <= MOST_VILLAGES:
        raise UsageError(
            Text(
                f"村庄数须在1至{MOST_VILLAGES}之间，给出的是{villages}",
                f"the number of villages must be 1 to {MOST_VILLAGES}, not {villages}",
            )
        )
    if not (len(adcode) == 6 and adcode.isdigit() and adcode.startswith("99")):
        raise UsageError(
            Text(
                f"合成县的代码须为以99开头的六位数字，给出的是“{adcode}”",
                f"a made-up county's code must be six digits beginning with 99, not “{adcode}”",
            )
        )
    if seed < 0:
        raise UsageError(
            Text(f"种子须为非负整数，给出的是{seed}", f"seed must be >= 0, not {seed}")
        )

    import geopandas as gpd
    from affine import Affine

    from qianwan_gis.synthetic._areas import make_areas, make_list
    from qianwan_gis.synthetic._corridor import make_corridor
    from qianwan_gis.synthetic._facilities import make_facilities
    from qianwan_gis.synthetic._land import make_land
    from qianwan_gis.synthetic._places import LICENCE, SOURCE, make_places
    from qianwan_gis.synthetic._roads import make_roads

    crs = datum.zone(lon)
    # one stream per theme, so that a change in one leaves the others as they were
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(6)]
    land = make_land(villages, (500_000.0, _NORTHING), crs, streams[0])
    places = make_places(villages, land, adcode, name, crs, streams[1])
    roads = make_roads(land, places, name.removesuffix("县"), crs, streams[2])
    facilities = make_facilities(land, places, roads.corridor, name, crs, streams[3])
    segments, stakes = make_corridor(roads.corridor, crs, streams[4])
    areas = make_areas(places, crs)
    return SyntheticCounty(
        adcode=adcode,
        name=name,
        name_en=name_en,
        seed=seed,
        crs=crs,
        boundary=gpd.GeoDataFrame(
            {
                "adcode": [adcode],
                "name": [name],
                "source": [SOURCE],
                "licence": [LICENCE],
                "note": ["合成数据，非真实界线"],
                "basis": ["synthetic"],
            },
            geometry=[land.outline],
            crs=crs,
        ),
        townships=places.townships,
        township_areas=places.township_areas,
        villages=places.villages,
        settlements=places.settlements,
        rivers=land.rivers,
        roads=roads.table,
        facilities=facilities.table,
        sewers=facilities.sewers,
        supplies=facilities.supplies,
        corridor_segments=segments,
        stakes=stakes,
        areas=areas,
        official_list=make_list(places, roads.corridor, streams[5]),
        elevation=Elevation(
            land.elevation,
            Affine(land.cell, 0.0, land.origin[0], 0.0, -land.cell, land.origin[1]),
            crs,
        ),
    )


def counties(n: int, *, villages: int = 600, seed: int = 0) -> Iterator[SyntheticCounty]:
    """Make up ``n`` counties one after another (each is only built when it is asked for).

    Sizes vary by half around ``villages``; codes run from 990001 with at most 99 to a prefecture;
    zones run across the country.
    """
    import numpy as np

    if not 1 <= n <= 9801:
        raise UsageError(
            Text(
                f"县数须在1至9801之间，给出的是{n}",
                f"the number of counties must be 1 to 9801, not {n}",
            )
        )
    for i in range(n):
        size = np.random.default_rng([seed, i]).uniform(0.5, 1.5)
        prefecture, number = divmod(i, 99)
        turn, rest = divmod(i, len(_HEADS) * len(_TAILS))
        column, row = rest % len(_HEADS), rest // len(_HEADS)
        label = (
            f"{_HEADS[column]}{_TAILS[(column + row) % len(_TAILS)]}县{turn + 1 if turn else ''}"
        )
        yield county(
            max(1, round(villages * size)),
            seed + i,
            adcode=f"99{prefecture:02d}{number + 1:02d}",
            name=label,
            name_en=f"County {i + 1} (synthetic)",
            lon=102.0 + 3.0 * (i % 7),
        )
