"""qianwan_gis: a GIS planning toolkit for China's Thousand Villages (千万工程) corridors.

The public names below are loaded when they are first used, so that importing the package is fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from qianwan_gis import datum as datum
    from qianwan_gis import fetch as fetch
    from qianwan_gis import indicators as indicators
    from qianwan_gis import proposals as proposals
    from qianwan_gis import scale as scale
    from qianwan_gis import siting as siting
    from qianwan_gis import synthetic as synthetic
    from qianwan_gis._errors import DataError as DataError
    from qianwan_gis._errors import Problem as Problem
    from qianwan_gis._errors import QianwanError as QianwanError
    from qianwan_gis._errors import UnavailableError as UnavailableError
    from qianwan_gis._errors import UsageError as UsageError
    from qianwan_gis.chainage import Chainage as Chainage
    from qianwan_gis.corridor import Corridor as Corridor
    from qianwan_gis.gazetteer import Gazetteer as Gazetteer
    from qianwan_gis.geocoding import geocode as geocode
    from qianwan_gis.maps.explore import explore as explore
    from qianwan_gis.maps.offline import save_offline as save_offline
    from qianwan_gis.network import RoadNetwork as RoadNetwork
    from qianwan_gis.plan import Plan as Plan
    from qianwan_gis.roads import read_roads as read_roads
    from qianwan_gis.services import access as access
    from qianwan_gis.services import sewage as sewage
    from qianwan_gis.services import water as water
    from qianwan_gis.standards import Standards as Standards
    from qianwan_gis.terrain import Terrain as Terrain
    from qianwan_gis.villages import VillageList as VillageList
    from qianwan_gis.villages import read_village_list as read_village_list

# public name -> (module, attribute); an empty attribute means the module itself
_PUBLIC: dict[str, tuple[str, str]] = {
    "Chainage": ("chainage", "Chainage"),
    "Corridor": ("corridor", "Corridor"),
    "DataError": ("_errors", "DataError"),
    "Gazetteer": ("gazetteer", "Gazetteer"),
    "Plan": ("plan", "Plan"),
    "Problem": ("_errors", "Problem"),
    "QianwanError": ("_errors", "QianwanError"),
    "RoadNetwork": ("network", "RoadNetwork"),
    "Standards": ("standards", "Standards"),
    "Terrain": ("terrain", "Terrain"),
    "UnavailableError": ("_errors", "UnavailableError"),
    "UsageError": ("_errors", "UsageError"),
    "VillageList": ("villages", "VillageList"),
    "access": ("services.access", ""),
    "datum": ("datum", ""),
    "fetch": ("fetch", ""),
    "proposals": ("proposals", ""),
    "scale": ("scale", ""),
    "explore": ("maps.explore", "explore"),
    "geocode": ("geocoding", "geocode"),
    "indicators": ("indicators", ""),
    "read_roads": ("roads", "read_roads"),
    "read_village_list": ("villages", "read_village_list"),
    "save_offline": ("maps.offline", "save_offline"),
    "sewage": ("services.sewage", ""),
    "siting": ("siting", ""),
    "synthetic": ("synthetic", ""),
    "water": ("services.water", ""),
}

__all__ = [*sorted(_PUBLIC), "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    module, attribute = _PUBLIC[name]
    loaded = importlib.import_module(f"{__name__}.{module}")
    value = getattr(loaded, attribute) if attribute else loaded
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
