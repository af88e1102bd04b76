"""Placing villages: a ladder of evidence, its fusion, and what stays unknown.

`locate` gives every village the best position that all evidence together allows: a point with
its uncertainty, or a region (weighted polygons) where it may be. A village known only by its
township is never put at a centroid.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.geocoding import areas as areas
from qianwan_gis.geocoding import ladder as ladder
from qianwan_gis.geocoding._locate import Located as Located
from qianwan_gis.geocoding._locate import county_frame as county_frame
from qianwan_gis.geocoding._locate import geocode as geocode
from qianwan_gis.geocoding._locate import locate as locate
from qianwan_gis.geocoding.providers import Provider as Provider


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
