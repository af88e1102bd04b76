"""What all fetches share: the area asked for, the record kept, the message when offline."""

from __future__ import annotations

import csv
import datetime as dt
import io
import shutil
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qianwan_gis import _io, boundaries, datum, settings
from qianwan_gis._errors import UnavailableError, UsageError
from qianwan_gis._text import Text
from qianwan_gis.county import County

if TYPE_CHECKING:
    import geopandas as gpd

#: What can be fetched.
KINDS = ("roads", "facilities", "villages", "dem", "population")

RECORD = "fetched.csv"
_COLUMNS = (
    "kind", "file", "title", "source", "licence", "attribution", "date", "fetched", "address",
    "buffer_m", "features", "sha256",
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """Where data comes from and what must be said of it."""

    title: Text
    name: str
    licence: str
    attribution: str


@dataclass(frozen=True)
class Fetched:
    """What a fetch wrote.

    Attributes
    ----------
    files
        Files written, in the project folder.
    features
        Rows (roads, facilities, places) or cells, by file.
    date
        Day of the data where the source says it, else of the fetch (ISO).
    snippet
        What to put into ``county.toml``.
    notes
        What to know before using it.
    """

    kind: str
    files: list[Path]
    features: dict[str, int]
    date: str
    snippet: str
    notes: list[Text] = field(default_factory=list)


def fetch(key: str | Path, kind: str, folder: str | Path | None = None, **options: Any) -> Fetched:
    """Fetch one kind of data of a county; what ``qianwan fetch KEY KIND`` does.

    Parameters
    ----------
    key
        Carried county or project folder.
    kind
        One of `KINDS`; ``options`` go to the function of that name.
    folder
        Where to write; the project folder, or ``<key>_fetched`` here for a carried county.
    """
    from qianwan_gis.fetch import osm, surfaces

    makers: dict[str, Callable[..., Fetched]] = {
        "roads": osm.roads, "facilities": osm.facilities, "villages": osm.villages,
        "dem": surfaces.dem, "population": surfaces.population,
    }  # fmt: skip
    if kind not in makers:
        there = ", ".join(KINDS)
        raise UsageError(Text(f"可下载：{there}，没有“{kind}”", f"no “{kind}” to fetch: {there}"))
    county = County.open(key)
    return makers[kind](county, target_folder(county, folder), **options)


def target_folder(county: County, folder: str | Path | None = None) -> Path:
    """Folder to write into; the carried data is never written to."""
    if folder is not None:
        return Path(folder)
    if county.folder == settings.data_dir():
        return Path(f"{county.key}_fetched")
    return county.folder


def outline(county: County, buffer_m: float) -> gpd.GeoSeries:
    """County outline with a buffer, one polygon in the county's projected CRS."""
    if not 0 <= buffer_m <= 200_000:
        raise UsageError(
            Text(f"缓冲应为0—200 km，给出的是{buffer_m} m", f"the buffer is 0 to 200 km, not {buffer_m} m")
        )  # fmt: skip
    spec = county.boundary.file
    if spec is None:
        frame = boundaries.outline(county.adcode)
    else:
        frame = boundaries.read_outline(
            county.resolve(spec.path), layer=spec.layer, crs=spec.crs, datum=spec.datum,
            encoding=spec.encoding,
        )  # fmt: skip
    middle = frame.to_crs(datum.CGCS2000).geometry.iloc[0].representative_point()
    return frame.geometry.to_crs(county.zone_crs(middle.x)).buffer(buffer_m)


def cache_folder(county: County, kind: str, given: Path | None, *, refresh: bool) -> Path:
    """Folder of remembered answers; emptied when everything shall be asked anew."""
    folder = (given if given is not None else settings.cache_dir() / "fetch") / county.adcode / kind
    if refresh:
        shutil.rmtree(folder, ignore_errors=True)
    return folder


def unavailable(error: UnavailableError, by_hand: Text) -> UnavailableError:
    """Add to an error what to do without the network."""
    return UnavailableError(
        Text(f"{error.text.zh}。不联网时：{by_hand.zh}", f"{error.text.en}. Offline: {by_hand.en}")
    )


def plain_address(url: str) -> str:
    """Address without user, password and query: none of them belongs into a record."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return Path(url).name
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


def today() -> str:
    """Day of the fetch, ISO, UTC."""
    return dt.datetime.now(tz=dt.UTC).date().isoformat()


def record(
    folder: Path, kind: str, source: Source, written: Sequence[tuple[Path, int]], *, date: str,
    address: str, buffer_m: float,
) -> None:  # fmt: skip
    """Note what was fetched in ``fetched.csv``; a later fetch of the kind replaces its rows."""
    path = folder / RECORD
    rows: list[dict[str, str]] = []
    if path.is_file():
        text = path.read_bytes().decode("utf-8-sig")
        rows = [row for row in csv.DictReader(io.StringIO(text)) if row.get("kind") != kind]
    for file, features in written:
        rows.append(
            {
                "kind": kind,
                "file": file.relative_to(folder).as_posix(),
                "title": source.title.zh,
                "source": source.name,
                "licence": source.licence,
                "attribution": source.attribution,
                "date": date,
                "fetched": today(),
                "address": plain_address(address),
                "buffer_m": f"{buffer_m:g}",
                "features": str(features),
                "sha256": _io.sha256(file),
            }
        )
    rows.sort(
        key=lambda row: (KINDS.index(row["kind"]) if row["kind"] in KINDS else 9, row["file"])
    )
    stream = io.StringIO()
    writer = csv.DictWriter(stream, _COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    _io.write_bytes(path, stream.getvalue().encode("utf-8-sig"))
