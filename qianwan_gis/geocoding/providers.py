"""What geocoding providers have in common, and how far their answers are believed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import geopandas as gpd
import numpy as np
import shapely

from qianwan_gis import _http, datum, names
from qianwan_gis._errors import ProblemLog, UnavailableError
from qianwan_gis._text import Text
from qianwan_gis.geocoding.areas import Areas
from qianwan_gis.geocoding.evidence import Evidence
from qianwan_gis.regions import Region
from qianwan_gis.schemas import Match
from qianwan_gis.standards import Standards

# An answer must lie where the township's region holds this much of its mass.
_AREA_SHARE = 0.97
# Answers this close are one place told twice.
_SAME_PLACE_M = 600.0
# No village is called so, whatever remains when these are ignored.
_MARKUP = re.compile(r"[<>{}\[\]=|\x00-\x1f]")


@dataclass(frozen=True)
class Place:
    """One answer of a provider, in the provider's own datum.

    Attributes
    ----------
    name
        What the provider calls it.
    lon, lat
        Degrees, in ``datum``.
    datum
        Of the coordinates.
    level
        ``village`` for a village or hamlet, ``area`` for a township or larger (never used as a
        village's place), ``other`` for anything else (a school, a shop).
    township
        Township that the provider names; empty where it does not.
    source, licence, date
        For the evidence.
    """

    name: str
    lon: float
    lat: float
    datum: str
    level: str
    township: str
    source: str
    licence: str
    date: str


class Provider(Protocol):
    """A geocoding service or file."""

    NAME: ClassVar[str]
    DATUM: ClassVar[str]

    def search(
        self, name: str, *, township: str = "", county: str = "", adcode: str = ""
    ) -> list[Place]:
        """Return what the provider knows of a village, best first; empty for nothing."""
        ...


@dataclass(frozen=True)
class WebService:
    """A geocoding service on the web; each one says what to ask and how to read the answer.

    Attributes
    ----------
    url
        Endpoint; an intranet copy may be named.
    interval
        Least seconds between requests.
    cache
        Folder of remembered answers; the user's own by default.
    pause
        Seconds before the second try; each further one waits twice as long.
    """

    url: str
    interval: float
    cache: Path | None = None
    pause: float = 1.0

    NAME: ClassVar[str]
    DATUM: ClassVar[str]

    def places(
        self, params: Mapping[str, str], parse: Callable[[bytes], list[dict[str, Any]]],
        place: Callable[[dict[str, Any], str], Place | None], key: tuple[str, str] | None = None,
    ) -> list[Place]:  # fmt: skip
        """Ask the service or the cache; items that are no place are left out.

        Raises
        ------
        UnavailableError
            Without a network or a usable answer.
        """
        answer = _http.fetch(
            self.url, params, parse, service=self.NAME, key=key, interval=self.interval,
            folder=self.cache, pause=self.pause,
        )  # fmt: skip
        read = (place(item, answer.date) for item in answer.content)
        return [one for one in read if one is not None]


def key_from(variable: str, service: Text) -> str:
    """Return a key from the environment.

    Raises
    ------
    UnavailableError
        When it is not set; the message says how to set it.
    """
    key = os.environ.get(variable, "").strip()
    if not key:
        raise UnavailableError(
            Text(
                f"没有{service.zh}的密钥：请设置环境变量 {variable}（不要写进文件）",
                f"there is no key for {service.en}: set the environment variable {variable} "
                "(never write it to a file)",
            )
        )
    return key


def degrees(lon: Any, lat: Any) -> tuple[float, float] | None:
    """Return a longitude and latitude from what a service wrote; None where it is no place."""
    try:
        x, y = float(lon), float(lat)
    except (TypeError, ValueError):
        return None
    if not (-180.0 <= x <= 180.0 and -90.0 <= y <= 90.0) or (x == 0.0 and y == 0.0):
        return None
    return x, y


def ask(
    providers: Sequence[Provider],
    villages: Sequence[Mapping[str, Any]],
    priors: Mapping[str, Region | None],
    areas: Areas,
    standards: Standards,
    log: ProblemLog,
    *,
    county: str = "",
    adcode: str = "",
) -> dict[str, list[Evidence]]:
    """Ask providers for villages, and keep the answers that pass every check.

    An answer counts only if its name is certainly the village's, it is a village (not a township
    or a shop), it names no other township, and it lies where the township's region allows.
    Several different places that pass are no answer; they are reported.

    Returns
    -------
    dict
        Village code → evidence.
    """
    found: dict[str, list[Evidence]] = {}
    for provider in providers:
        for village in villages:
            code, name, township = (str(village[c]) for c in ("code", "name", "township"))
            if not names.is_name(name):
                continue
            try:
                places = provider.search(name, township=township, county=county, adcode=adcode)
            except UnavailableError as error:
                log.add(
                    "warning",
                    "provider_unavailable",
                    f"{provider.NAME}：{error.text.zh}；其余村庄不再查询该服务",
                    f"{provider.NAME}: {error.text.en}; it is not asked any further",
                )
                break
            evidence = _judge(provider, places, name, township, priors.get(code), areas, standards)
            if len(evidence) > 1:
                log.add(
                    "warning",
                    "provider_ambiguous",
                    f"{provider.NAME}对{township}{name}给出{len(evidence)}处不同位置，均未采用",
                    f"{provider.NAME} puts {name} ({township}) in {len(evidence)} places; "
                    "none is used",
                    row=code,
                )
            elif evidence:
                found.setdefault(code, []).append(evidence[0])
    return found


def _judge(
    provider: Provider,
    places: Sequence[Place],
    name: str,
    township: str,
    prior: Region | None,
    areas: Areas,
    standards: Standards,
) -> list[Evidence]:
    """Return the distinct places that pass the checks."""
    spread = float(standards.value("geocoding.radius.provider_m"))
    allowed = shapely.buffer(prior.cover(_AREA_SHARE), spread) if prior is not None else None
    if allowed is None:
        # Without a township nothing tells a homonym from the village.
        return []
    kept: list[Evidence] = []
    for place in places:
        if place.level != "village" or _MARKUP.search(place.name):
            continue
        if names.similarity(name, place.name, township=township).certainty < names.CERTAIN:
            continue
        stated = areas.find(place.township) if place.township else ""
        if stated and areas.present(stated) != township:
            continue
        lon, lat = datum.transform(place.lon, place.lat, place.datum, "wgs84")
        point = gpd.GeoSeries(gpd.points_from_xy([lon], [lat]), crs=datum.WGS84).to_crs(areas.crs)
        xy = (float(point.x.iloc[0]), float(point.y.iloc[0]))
        if not (np.isfinite(xy).all() and shapely.intersects_xy(allowed, *xy)):
            continue
        if any(e.xy and np.hypot(e.xy[0] - xy[0], e.xy[1] - xy[1]) <= _SAME_PLACE_M for e in kept):
            continue
        shifted = place.datum not in ("wgs84", "cgcs2000")
        kept.append(
            Evidence(
                match=Match.PROVIDER,
                says=Text(f"{provider.NAME}：{place.name}", f"{provider.NAME}: {place.name}"),
                source=place.source,
                licence=place.licence,
                datum=f"{place.datum.upper()} 转 WGS84" if shifted else place.datum.upper(),
                weight=float(standards.value("evidence.weight.provider")),
                xy=xy,
                uncertainty_m=spread,
                date=place.date,
            )
        )
    return kept
