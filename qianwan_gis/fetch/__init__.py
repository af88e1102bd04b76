"""Getting public data of a county: roads, services and places of OpenStreetMap, heights, population.

The only module, beside the geocoders, that goes to the network, and only when asked. Each function
writes its files into a project folder, says what to put into ``county.toml``, and keeps a record
(``fetched.csv``) of source, licence, date and address. Interrupted work goes on where it stopped.
"""

from qianwan_gis.fetch._county import KINDS, Fetched, fetch
from qianwan_gis.fetch.osm import facilities, roads, villages
from qianwan_gis.fetch.surfaces import dem, population

__all__ = ["KINDS", "Fetched", "dem", "facilities", "fetch", "population", "roads", "villages"]
