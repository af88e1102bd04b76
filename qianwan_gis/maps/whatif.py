"""What-if in the browser: the road network in the page, and the scenario that comes back.

The page searches the network itself, with the weights, snapping and access legs of `RoadNetwork`,
so its minutes are those of ``net.nearest`` (checked in tests to a hundredth of a second). One
position per village and no draws: the page says so, and the coverage table stays the result.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from qianwan_gis import _io
from qianwan_gis._errors import DataError, Problem, ProblemLog
from qianwan_gis._text import Text
from qianwan_gis.layers import Results, service_title
from qianwan_gis.schemas import Basis
from qianwan_gis.services.registry import services

if TYPE_CHECKING:
    from qianwan_gis.network import RoadNetwork

UNITS_PER_METRE = 10_000  # coordinates of the roads in the page: tenths of a millimetre
_WIDEST = 2_000_000_000  # and in 32 bits
MOST_EDGES = 250_000  # beyond this the page would grow past what opens quickly
FORMAT = "qianwan-scenario/1"


@dataclass(frozen=True)
class Scenario:
    """A set of facilities of one service and tier, as the page exports it.

    Attributes
    ----------
    service, tier, mode
        What was asked; ``mode`` is a mode of the network.
    limit_minutes
        Inclusive.
    facilities
        GeoDataFrame ``facility_id, name, status`` (existing, moved, added) with points.
    closed
        Identifiers of recorded facilities left out.
    """

    service: str
    tier: str
    mode: str
    limit_minutes: float
    facilities: gpd.GeoDataFrame
    closed: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: str | Path) -> Scenario:
        """Read a scenario that the web map exported.

        Raises
        ------
        DataError
            The file is not such a scenario; the message names what is wrong.
        """
        file = Path(path)
        log = ProblemLog()
        if _io.missing(file, log):
            raise DataError(log.problems)
        try:
            found = json.loads(file.read_text(encoding="utf-8-sig"))
            if found["format"] != FORMAT:
                raise ValueError(f"format = {found['format']}")
            points = found["facilities"]
            table = gpd.GeoDataFrame(
                {
                    "facility_id": [str(p["id"]) for p in points],
                    "name": [str(p["name"]) for p in points],
                    "status": [str(p["status"]) for p in points],
                },
                geometry=gpd.points_from_xy(
                    [float(p["x"]) for p in points], [float(p["y"]) for p in points]
                ),
                crs=found["crs"],
            )
            return cls(
                str(found["service"]), str(found["tier"]), str(found["mode"]),
                float(found["limit_minutes"]), table, tuple(str(c) for c in found["closed"]),
            )  # fmt: skip
        except (OSError, KeyError, TypeError, ValueError) as fault:
            raise DataError(
                Problem(
                    "bad_scenario",
                    "error",
                    Text(f"不是网页地图导出的方案：{fault}", f"not a scenario of the map: {fault}"),
                    file=file.name,
                    fix=Text("请在网页地图“方案”中重新导出", "export it again in the web map"),
                )
            ) from fault

    def evaluate(self, network: RoadNetwork, villages: gpd.GeoDataFrame) -> pd.DataFrame:
        """Return how the located villages fare: ``code, facility_id, minutes, metres, covered``.

        Villages without a point come back with nothing known; none is dropped.
        """
        found = network.nearest(
            villages.geometry, self.facilities.geometry, by="seconds", mode=self.mode
        )
        located = villages["basis"].eq(str(Basis.POINT)).to_numpy()
        number = pd.to_numeric(found["facility"], errors="coerce").to_numpy()
        names = self.facilities["facility_id"].to_numpy()
        place = {label: i for i, label in enumerate(self.facilities.index)}
        minutes = np.where(located, found["seconds"].to_numpy() / 60.0, np.nan)
        covered = pd.array(minutes <= self.limit_minutes * (1 + 1e-12), dtype="boolean")
        covered[~located] = pd.NA
        return pd.DataFrame(
            {
                "code": villages["code"].to_numpy(),
                "facility_id": [
                    "" if np.isnan(n) else names[place[int(n)]] for n in number.astype(float)
                ],
                "minutes": minutes,
                "metres": np.where(located, found["metres"].to_numpy(), np.nan),
                "covered": covered,
            }
        )


def payload(
    results: Results, network: RoadNetwork | None, blobs: dict[str, bytes]
) -> dict[str, Any] | None:
    """Return the network and the demands for the page, or nothing where what-if may not be.

    The arrays go to ``blobs`` under ``network``, deflated; the data say what lies where in them.

    It may not be where the data do not bear siting (`Disclosure.siting`), where no service is
    measured by time, or where the network is too large for a page.
    """
    if network is None or not len(network.u) or len(network.u) > MOST_EDGES:
        return None
    if not results.disclosure.siting:
        return None
    projection = _projection(network.working.crs)
    wanted = [
        s
        for s in map(results.choices.apply, services())
        if s.mode in network.modes
        and s.unit == "min"
        and not results.coverage[
            results.coverage["service"].eq(s.service)
            & results.coverage["tier"].eq(s.tier)
            & results.coverage["limit"].notna()
        ].empty
    ]
    if projection is None or not wanted:
        return None
    modes = list(dict.fromkeys(s.mode for s in wanted))
    pointer, xy = network.working.pointer, network.working.xy
    origin = np.floor(xy.min(axis=0))
    units = min(UNITS_PER_METRE, int(_WIDEST / float((xy.max(axis=0) - origin).max())))
    whole = np.rint((xy - origin) * units)
    blob = _Blob()
    blob.add("u", network.u, "i4")
    blob.add("v", network.v, "i4")
    blob.add("metres", network.metres, "f8")
    blob.add("pointer", pointer, "i4")
    # Differences along the lines are small numbers, which compress well.
    blob.add("xy", np.diff(whole, axis=0, prepend=np.zeros((1, 2))).ravel(), "i4")
    blob.add("snappable", network.snappable, "u1")
    located = results.villages[results.villages["basis"].eq(str(Basis.POINT))]
    rows = np.flatnonzero(results.villages["basis"].eq(str(Basis.POINT)).to_numpy())
    blob.add("village", rows, "i4")
    for mode in modes:
        times = network.seconds[mode]
        blob.add(f"{mode}:forward", times.forward, "f8")
        if times.backward is not times.forward:
            blob.add(f"{mode}:backward", times.backward, "f8")
        places = network.snap(located.geometry, mode=mode)
        blob.add(f"{mode}:node", places.node, "i4")
        blob.add(f"{mode}:edge", places.edge, "i4")
        blob.add(f"{mode}:fraction", np.nan_to_num(places.fraction), "f8")
        blob.add(f"{mode}:leg", np.nan_to_num(places.metres), "f8")
    lang = results.lang
    blobs["network"] = blob.packed()
    return {
        "format": FORMAT,
        "crs": results.crs.to_string() if hasattr(results.crs, "to_string") else str(results.crs),
        "nodes": len(network.x),
        "edges": len(network.u),
        "origin": [float(v) for v in origin],
        "units": units,
        "access": network.access_kph / 3.6,
        "reach": None if np.isinf(network.reach_m) else network.reach_m,
        "projection": projection,
        "arrays": blob.table,
        "services": [
            {
                "service": s.service,
                "tier": s.tier,
                "title": service_title(s.service, s.tier).get(lang),
                "mode": s.mode,
                "limit": _limit(results, s.service, s.tier),
                "facilities": _facilities(results, s.service, s.tier, network),
            }
            for s in wanted
        ],
        "modes": modes,
    }


class _Blob:
    """Arrays one after the other, each at a multiple of eight bytes, deflated."""

    def __init__(self) -> None:
        self.table: dict[str, list[Any]] = {}
        self.parts: list[bytes] = []
        self.size = 0

    def add(self, name: str, values: npt.ArrayLike, kind: str) -> None:
        data = np.asarray(values).astype(f"<{kind}").tobytes()
        self.table[name] = [kind, self.size, len(data) // int(kind[1])]
        data += b"\0" * (-len(data) % 8)
        self.parts.append(data)
        self.size += len(data)

    def packed(self) -> bytes:
        return zlib.compress(b"".join(self.parts), 9)


def _limit(results: Results, service: str, tier: str) -> float:
    table = results.coverage
    own = table["service"].eq(service) & table["tier"].eq(tier) & table["limit"].notna()
    return float(table.loc[own, "limit"].iloc[0])


def _facilities(
    results: Results, service: str, tier: str, network: RoadNetwork
) -> list[dict[str, Any]]:
    table = results.facilities
    own = table[table["service"].eq(service) & table["tier"].eq(tier)]
    own = own[own.geometry.notna()].to_crs(network.working.crs)
    return [
        {"id": str(i), "name": str(n), "x": float(g.x), "y": float(g.y)}
        for i, n, g in zip(own["facility_id"], own["name"], own.geometry, strict=True)
    ]


def _projection(crs: Any) -> dict[str, float] | None:
    """Return the parameters of a Transverse Mercator, the projection of every CGCS2000 zone."""
    operation = crs.coordinate_operation
    if operation is None or "Transverse Mercator" not in operation.method_name:
        return None
    found = {p.name: float(p.value) for p in operation.params}
    return {
        "lat": found["Latitude of natural origin"],
        "lon": found["Longitude of natural origin"],
        "scale": found["Scale factor at natural origin"],
        "east": found["False easting"],
        "north": found["False northing"],
        "a": float(crs.ellipsoid.semi_major_metre),
        "f": 1.0 / float(crs.ellipsoid.inverse_flattening),
    }
