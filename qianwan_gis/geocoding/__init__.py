"""Placing villages: a ladder of evidence, its fusion, and what stays unknown.

`locate` gives every village the best position that all evidence together allows: a point with
its uncertainty, or a region (weighted polygons) where it may be. A village known only by its
township is never put at a centroid.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qianwan_gis._errors import DataError, Problem, UsageError
from qianwan_gis._text import Text
from qianwan_gis.geocoding import areas as areas
from qianwan_gis.geocoding import ladder as ladder
from qianwan_gis.geocoding._locate import Located as Located
from qianwan_gis.geocoding._locate import county_frame as county_frame
from qianwan_gis.geocoding._locate import geocode as geocode
from qianwan_gis.geocoding._locate import locate as locate
from qianwan_gis.geocoding.providers import Provider as Provider

if TYPE_CHECKING:
    from qianwan_gis.county import County


def file_providers(county: County) -> list[Provider]:
    """Return the files that a county names under ``[providers]``, to be asked like services.

    Raises
    ------
    DataError
        Such a file does not exist.
    """
    from qianwan_gis.geocoding.osm_places import OsmPlaces

    spec = county.providers.osm_places
    if spec is None:
        return []
    path = county.resolve(spec.path)
    if not path.is_file():
        raise DataError(
            Problem(
                "missing_file", "error",
                Text(f"文件不存在：{spec.path.as_posix()}", f"no such file: {spec.path.as_posix()}"),
                file=county.file.name, field="providers.osm_places",
                fix=Text("放入该文件，或运行 qianwan fetch KEY villages",
                         "supply it, or run qianwan fetch KEY villages"),
            )
        )  # fmt: skip
    return [OsmPlaces(path, spec.date)]


def provider(name: str) -> Provider:
    """Return a geocoding provider by the name that the command line uses.

    Parameters
    ----------
    name
        ``nominatim``, ``tianditu``, ``amap`` or ``osm:FILE`` (place nodes of a PBF or XML file).
        Keys come from the environment (``QIANWAN_TIANDITU_KEY``, ``QIANWAN_AMAP_KEY``).

    Raises
    ------
    UsageError
        No such provider.
    """
    from qianwan_gis.geocoding.amap import Amap
    from qianwan_gis.geocoding.nominatim import Nominatim
    from qianwan_gis.geocoding.osm_places import OsmPlaces
    from qianwan_gis.geocoding.tianditu import Tianditu

    kind, _, file = name.partition(":")
    if kind == "osm" and file:
        if not Path(file).is_file():  # told even where no village would be asked for
            raise UsageError(Text(f"OSM 文件不存在：{file}", f"no such OSM file: {file}"))
        return OsmPlaces(Path(file))
    services: dict[str, Callable[[], Provider]] = {
        "nominatim": Nominatim, "tianditu": Tianditu, "amap": Amap,
    }  # fmt: skip
    if name not in services:
        there = "、".join([*services, "osm:FILE"])
        raise UsageError(
            Text(
                f"没有地理编码服务“{name}”，可用：{there}",
                f"no provider “{name}”; there are: {there}",
            )
        )
    return services[name]()
