"""Writing a made-up county as a project folder, the way an office would hand its files over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from qianwan_gis import _io, datum
from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.synthetic._areas import CATEGORIES, LISTS
from qianwan_gis.synthetic._places import LICENCE, SOURCE

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.synthetic import SyntheticCounty

RUN_DATE = "2025-01-01"  # made-up data has no date; a fixed one keeps outputs the same
_WRITTEN = "2025-01-01T00:00:00Z"

_POINT_TIERS = (
    ("clinic", "village", "村卫生室"),
    ("clinic", "township", "乡镇卫生院"),
    ("clinic", "county", "县级医院"),
    ("sewage", "plant", "污水处理厂"),
    ("sewage", "station", "污水处理站"),
    ("sewage", "on_site", "分散处理"),
    ("water", "works", "水厂"),
    ("corridor", "post", "驿站"),
    ("corridor", "scenic", "景点"),
    ("corridor", "toilet", "公厕"),
    ("corridor", "charger", "充电站"),
)

_README = """\
合成数据：本文件夹由 qianwan synthetic 生成，县名、村名、道路、设施、人口全部虚构，仅供测试、教学和测速。
Synthetic data: everything here is made up, for tests, teaching and benchmarks.
种子 seed = {seed}，村庄 villages = {villages}
"""


def _refuse_foreign(folder: Path) -> None:
    """Refuse a folder that holds anything but an earlier synthetic county: it would be lost."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    readme = folder / "README.txt"
    if readme.is_file() and readme.read_bytes().startswith(_README[:20].encode()):
        return
    raise UsageError(
        Text(
            f"{folder} 已有其他内容，不会覆盖；请另给一个空文件夹",
            f"{folder} holds something else and is left alone; give an empty folder",
        )
    )


def write(made: SyntheticCounty, folder: Path) -> Path:
    """Write the project folder; see `SyntheticCounty.write`."""
    from qianwan_gis.terrain import Terrain

    _refuse_foreign(Path(folder))
    with _io.staged_folder(folder) as out, _fixed_date():
        for name in ("villages", "roads", "facilities", "boundaries", "corridor"):
            (out / name).mkdir()
        _io.write_text(
            out / "README.txt", _README.format(seed=made.seed, villages=len(made.villages))
        )
        _csv(_units(made), out / "villages" / f"{made.adcode}_units.csv")
        _csv(_seats(made), out / "villages" / f"{made.adcode}_townships.csv")
        for label in LISTS:
            _io.write_text(out / "villages" / f"{label}名单.txt", list_text(made, only=label))
        _csv(made.official_list, out / "villages" / "名单对照.csv")
        _layer(made.settlements, out / "villages" / "settlements.gpkg")
        _layer(made.boundary, out / "boundaries" / "county.gpkg")
        _layer(made.township_areas, out / "boundaries" / "townships.gpkg")
        _layer(made.areas, out / "boundaries" / "areas.gpkg")
        _layer(made.rivers, out / "boundaries" / "rivers.gpkg")
        raster = made.elevation
        Terrain.from_array(raster.array, raster.transform, raster.crs).write(
            out / "boundaries" / "dem.tif"
        )
        _layer(made.roads, out / "roads" / "roads.gpkg")
        for service, tier, _ in _POINT_TIERS:
            rows = made.facilities["service"].eq(service) & made.facilities["tier"].eq(tier)
            if rows.any():
                _layer(made.facilities[rows], out / "facilities" / f"{service}_{tier}.gpkg")
        if len(made.sewers):
            _layer(made.sewers, out / "facilities" / "sewage_sewer.gpkg")
        for (service, tier), rows in made.supplies.groupby(["service", "tier"], sort=True):
            extra = (
                []
                if service != "water"
                else ["quality", "to_house", "fetch_minutes", "outage_days"]
            )
            served = rows[["facility_id", "code", *extra]]
            _csv(served, out / "facilities" / f"{service}_{tier}_supplies.csv")
        _layer(made.corridor_segments, out / "corridor" / "segments.gpkg")
        _layer(made.stakes, out / "corridor" / "stakes.gpkg")
        _io.write_text(out / "county.toml", _toml(made))
    return folder


def list_text(made: SyntheticCounty, *, only: str | None = None) -> str:
    """Return the official lists as printed: heading, one line per township, the total."""
    blocks = []
    for number, label in enumerate(LISTS, start=1):
        if only not in (None, label):
            continue
        rows = made.official_list[made.official_list["list"] == label]
        lines = [
            f"附件{number}",
            f"2025年{made.name}“千万工程”精品示范村、提档升级村名单（{label}）（合成数据）",
            "\t".join(["乡 镇", *CATEGORIES, "备注"]),
        ]
        for township, group in rows.groupby("township", sort=False):
            cells = [
                "、".join(group.loc[group["category"] == category, "printed"])
                for category in CATEGORIES
            ]
            lines.append("\t".join([str(township), *cells, ""]))
        totals = [str(int((rows["category"] == category).sum())) for category in CATEGORIES]
        lines.append("\t".join(["合计", *totals, ""]))
        blocks.append("\n\n".join([lines[0], lines[1], "\n".join(lines[2:])]))
    return "\n\n".join(blocks) + "\n"


def _lonlat(points: gpd.GeoSeries) -> pd.DataFrame:
    degrees = points.to_crs(datum.WGS84)
    return pd.DataFrame({"lon": degrees.x.round(7), "lat": degrees.y.round(7)})


def _units(made: SyntheticCounty) -> pd.DataFrame:
    table = made.villages
    return pd.DataFrame(
        {
            "code": table["code"],
            "name": table["name"],
            "official_name": table["official_name"],
            "kind": table["kind"],
            "township": table["township"],
            "township_code": table["township_code"],
            **_lonlat(table.geometry),
            "point_match": "exact",
            "point_uncertainty_m": 50,
            "point_source": SOURCE,
            "point_licence": LICENCE,
            "point_datum": "cgcs2000",
            "population": table["population"],
            "population_kind": table["population_kind"],
            "population_year": table["population_year"],
            "population_source": table["population_source"],
            "source": SOURCE,
            "licence": LICENCE,
        }
    )


def _seats(made: SyntheticCounty) -> pd.DataFrame:
    table = made.townships
    return pd.DataFrame(
        {
            "code": table["code"],
            "name": table["township"],
            "status": table["status"],
            "merged_into": "",
            **_lonlat(table.geometry),
            "uncertainty_m": 50,
            "datum": "cgcs2000",
            "source": SOURCE,
            "licence": LICENCE,
            "note": SOURCE,
        }
    )


def _toml(made: SyntheticCounty) -> str:
    about = f'source = "{SOURCE}"\nlicence = "{LICENCE}"\n'
    parts = [
        (
            f"# 合成数据：{made.name}（虚构）。 Synthetic data.\n"
            f'key = "synthetic_{made.adcode}"\nadcode = "{made.adcode}"\nname = "{made.name}"\n'
            f'name_en = "{made.name_en}"\nrun_date = {RUN_DATE}\nsynthetic = true\n'
        ),
        f'[boundary.file]\npath = "boundaries/county.gpkg"\n{about}',
        f'[boundary.townships]\npath = "boundaries/townships.gpkg"\n{about}',
        "[villages]\nlists = ["
        + ", ".join(f'"villages/{label}名单.txt"' for label in LISTS)
        + f']\n\n[villages.units]\npath = "villages"\n{about}',
        (
            "[roads]\npresume_links = false\n\n"
            f'[[roads.files]]\npath = "roads/roads.gpkg"\nbasis = "synthetic"\n{about}'
        ),
    ]
    present = set(zip(made.facilities["service"], made.facilities["tier"], strict=True))
    for service, tier, title in _POINT_TIERS:
        if (service, tier) in present:
            by_record = (made.supplies["service"] + made.supplies["tier"]).eq(service + tier).any()
            supplies = f'supplies = "facilities/{service}_{tier}_supplies.csv"\n'
            parts.append(_facility(service, tier, title, (supplies if by_record else "") + about))
    if len(made.sewers):
        parts.append(_facility("sewage", "sewer", "污水管网", about))
    parts += [
        (
            f'[corridor]\nname = "{made.name}一号旅游公路（合成）"\n'
            f'name_en = "Scenic road no. 1 (synthetic)"\n'
            f"published_km = {made.corridor_segments['length_m'].sum() / 1000.0:.3f}\n"
            f'source = "{SOURCE}"\n\n'
            f'[corridor.segments]\npath = "corridor/segments.gpkg"\nbasis = "synthetic"\n{about}\n'
            f'[corridor.stakes]\npath = "corridor/stakes.gpkg"\n{about}'
        ),
        f'[terrain]\npath = "boundaries/dem.tif"\n{about}',
        f'[rivers]\npath = "boundaries/rivers.gpkg"\n{about}',
        f'[settlements]\npath = "villages/settlements.gpkg"\n{about}',
        f'[areas]\npath = "boundaries/areas.gpkg"\n{about}',
        "[sewage.phases]\n2025 = 5\n2026 = 10\n2027 = 15\n",
        '[map]\nscope = "合成数据"\nscope_en = "Synthetic data"\n',
    ]
    return "\n".join(parts)


def _facility(service: str, tier: str, title: str, rest: str) -> str:
    return (
        f'# {title}\n[[facilities]]\nservice = "{service}"\ntier = "{tier}"\n'
        f'inventory = "complete"\nbasis = "synthetic"\n'
        f'path = "facilities/{service}_{tier}.gpkg"\n{rest}'
    )


def _csv(table: pd.DataFrame, path: Path) -> None:
    # the mark at the start lets a Chinese Excel see that this is UTF-8
    _io.write_bytes(path, table.to_csv(index=False, lineterminator="\n").encode("utf-8-sig"))


def _layer(table: gpd.GeoDataFrame, path: Path) -> None:
    table.to_file(path, layer=path.stem, driver="GPKG", engine="pyogrio")


@contextmanager
def _fixed_date() -> Iterator[None]:
    """Keep the clock out of the GeoPackages, so that the same county gives the same bytes."""
    import pyogrio

    option = "OGR_CURRENT_DATE"
    before: Any = pyogrio.get_gdal_config_option(option)
    pyogrio.set_gdal_config_options({option: _WRITTEN})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({option: before})
