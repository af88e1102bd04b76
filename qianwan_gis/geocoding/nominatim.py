"""Nominatim: the search of OpenStreetMap, public or one's own, in WGS84.

The public server allows one request a second and no bulk use; an office runs its own from the
same data. Documented at nominatim.org/release-docs/latest/api/Search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qianwan_gis import _http
from qianwan_gis._text import Text
from qianwan_gis.geocoding.providers import Place, WebService, degrees

NAME = "Nominatim"
DATUM = "wgs84"
LICENCE = "ODbL 1.0，© OpenStreetMap contributors"
URL = "https://nominatim.openstreetmap.org/search"
_VILLAGES = {
    "village", "hamlet", "isolated_dwelling", "neighbourhood", "quarter", "locality", "residential",
}  # fmt: skip
_AREAS = {"town", "city", "county", "municipality", "state", "district", "suburb", "administrative"}
_TOWNSHIP_FIELDS = ("town", "township", "municipality", "suburb", "city_district")


@dataclass(frozen=True)
class Nominatim(WebService):
    """A Nominatim server."""

    url: str = URL
    interval: float = 1.1

    NAME = NAME
    DATUM = DATUM

    def search(
        self, name: str, *, township: str = "", county: str = "", adcode: str = ""
    ) -> list[Place]:
        """Return the settlements of a name in the county, best first.

        Raises
        ------
        UnavailableError
            Without a network or a usable answer.
        """
        del adcode, township  # few villages carry their township in OpenStreetMap
        params = {
            "q": ", ".join(filter(None, (name, county))),
            "format": "jsonv2",
            "addressdetails": "1",
            "accept-language": "zh",
            "countrycodes": "cn",
            "limit": "10",
        }
        return self.places(params, _parse, _place)


def _parse(raw: bytes) -> list[dict[str, Any]]:
    data = _http.parse_json(raw)
    if isinstance(data, dict) and "error" in data:
        error = data["error"]
        said = str(error.get("message", "") if isinstance(error, dict) else error)[:80]
        raise _http.BadAnswerError(Text(f"拒绝：{said}", f"refused: {said}"))
    if not isinstance(data, list):
        raise _http.BadAnswerError(Text("回答的结构不符", "the answer has another structure"))
    return [item for item in data if isinstance(item, dict)]


def _place(item: dict[str, Any], date: str) -> Place | None:
    where = degrees(item.get("lon"), item.get("lat"))
    if where is None:
        return None
    kind = str(item.get("type") or item.get("addresstype") or "")
    group = str(item.get("category") or item.get("class") or "")
    address = item.get("address")
    address = address if isinstance(address, dict) else {}
    township = next((str(address[f]) for f in _TOWNSHIP_FIELDS if address.get(f)), "")
    settled = group in ("place", "boundary", "landuse") and kind in _VILLAGES
    shown = str(item.get("name") or str(item.get("display_name", "")).split(",")[0]).strip()
    return Place(
        name=shown,
        lon=where[0],
        lat=where[1],
        datum=DATUM,
        level="village" if settled else "area" if kind in _AREAS else "other",
        township="" if township == shown else township,
        source=f"OpenStreetMap {item.get('osm_type', '')} {item.get('osm_id', '')}".strip(),
        licence=LICENCE,
        date=date,
    )
