"""Place nodes of a local OpenStreetMap extract: offline, in WGS84."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from qianwan_gis import names
from qianwan_gis._errors import DataError, Problem, UnavailableError
from qianwan_gis._text import Text
from qianwan_gis.geocoding.providers import Place

NAME = "OpenStreetMap"
DATUM = "wgs84"
LICENCE = "ODbL 1.0，© OpenStreetMap contributors"
_VILLAGES = {"village", "hamlet", "isolated_dwelling", "neighbourhood", "quarter", "locality"}
_NAME_TAGS = (
    "name",
    "name:zh",
    "name:zh-Hans",
    "name:zh-Hant",
    "alt_name",
    "old_name",
    "official_name",
)


@dataclass(frozen=True)
class OsmPlaces:
    """Villages and hamlets of an OSM file (PBF or XML), with their names and other names.

    Attributes
    ----------
    path
        The extract.
    date
        Day of the data; the file's own, or that of the file, when empty.
    """

    path: Path
    date: str = ""

    NAME: ClassVar[str] = NAME
    DATUM: ClassVar[str] = DATUM

    @cached_property
    def _by_name(self) -> dict[str, list[Place]]:
        import osmium

        if not self.path.is_file():
            raise UnavailableError(
                Text(f"OSM 文件不存在：{self.path.name}", f"no such OSM file: {self.path.name}")
            )
        found: dict[str, list[Place]] = {}
        try:
            with osmium.io.Reader(str(self.path)) as reader:
                stamp = reader.header().get("osmosis_replication_timestamp", "")
            date = (
                self.date
                or stamp[:10]
                or dt.date.fromtimestamp(self.path.stat().st_mtime).isoformat()
            )
            nodes = osmium.FileProcessor(str(self.path), osmium.osm.NODE).with_filter(
                osmium.filter.KeyFilter("place")
            )
            for node in nodes:
                if not isinstance(node, osmium.osm.Node) or not node.location.valid():
                    continue
                if node.tags["place"] not in _VILLAGES:
                    continue
                written = [node.tags[tag] for tag in _NAME_TAGS if tag in node.tags]
                for name in dict.fromkeys(part for w in written for part in w.split(";")):
                    place = Place(
                        name=name.strip(),
                        lon=node.location.lon,
                        lat=node.location.lat,
                        datum=DATUM,
                        level="village",
                        township="",
                        source=f"OpenStreetMap node {node.id}",
                        licence=LICENCE,
                        date=date,
                    )
                    found.setdefault(names.core(name), []).append(place)
        except RuntimeError as error:
            raise DataError(
                Problem(
                    "unreadable_osm",
                    "error",
                    Text("OSM 文件无法读取或已截断", "the OSM file cannot be read or is cut short"),
                    file=self.path.name,
                )
            ) from error
        return found

    def search(
        self, name: str, *, township: str = "", county: str = "", adcode: str = ""
    ) -> list[Place]:
        """Return the places of a name anywhere in the file.

        Raises
        ------
        UnavailableError
            When the file is missing.
        DataError
            When it cannot be read.
        """
        del township, county, adcode  # where a place lies is checked afterwards
        return list(self._by_name.get(names.core(name), ()))
