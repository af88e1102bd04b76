"""Tianditu 天地图: the national map's place search (地名搜索 V2.0), in CGCS2000.

Documented at lbs.tianditu.gov.cn/server/search2.html. The key (a server-side one) comes from
``QIANWAN_TIANDITU_KEY``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from qianwan_gis import _http
from qianwan_gis._text import Text
from qianwan_gis.geocoding.providers import Place, WebService, degrees, key_from

NAME = "天地图"
DATUM = "cgcs2000"
KEY = "QIANWAN_TIANDITU_KEY"
LICENCE = "天地图服务条款"
URL = "https://api.tianditu.gov.cn/v2/search"
# Classes of the place list that are settlements; a clinic named after a village is none.
_SETTLEMENTS = ("村", "居民", "社区", "地名", "屯", "寨")
_AREAS = ("乡镇", "乡级", "镇级", "街道", "县级", "地级", "行政区划")
_OK = 1000
_TRY_AGAIN = {"301014", "301015"}  # too many requests at once


@dataclass(frozen=True)
class Tianditu(WebService):
    """The place search of Tianditu inside one county."""

    url: str = URL
    interval: float = 0.3

    NAME = NAME
    DATUM = DATUM

    def search(
        self, name: str, *, township: str = "", county: str = "", adcode: str = ""
    ) -> list[Place]:
        """Return the settlements of a name in the county, best first.

        Raises
        ------
        UnavailableError
            Without a key, a network, or a usable answer.
        """
        del township  # the answer tells the county only; the place itself is checked afterwards
        query = {
            "keyWord": name,
            "queryType": "12",
            "specify": f"156{adcode}" if adcode else county,
            "start": "0",
            "count": "20",
            "show": "2",
        }
        post = json.dumps(query, ensure_ascii=False, sort_keys=True)
        key = ("tk", key_from(KEY, Text(NAME, "Tianditu")))
        return self.places({"postStr": post, "type": "query"}, _parse, _place, key)


def _parse(raw: bytes) -> list[dict[str, Any]]:
    data = _http.parse_json(raw)
    if not isinstance(data, dict):
        raise _http.BadAnswerError(Text("回答的结构不符", "the answer has another structure"))
    status = data.get("status")
    code = status.get("infocode") if isinstance(status, dict) else data.get("code")
    if code != _OK:
        said = str((status or {}).get("cndesc") if isinstance(status, dict) else data.get("msg"))
        raise _http.BadAnswerError(
            Text(f"拒绝（{code}）：{said[:80]}", f"refused ({code}): {said[:80]}"),
            again=str(code) in _TRY_AGAIN,
        )
    pois = data.get("pois", [])
    if not isinstance(pois, list):
        raise _http.BadAnswerError(Text("回答的结构不符", "the answer has another structure"))
    return [poi for poi in pois if isinstance(poi, dict)]


def _place(poi: dict[str, Any], date: str) -> Place | None:
    parts = str(poi.get("lonlat", "")).replace(" ", ",").split(",")
    where = degrees(parts[0], parts[1]) if len(parts) == 2 else None
    if where is None:
        return None
    kind = str(poi.get("typeName") or "")
    level = "village" if not kind or any(word in kind for word in _SETTLEMENTS) else "other"
    if any(word in kind for word in _AREAS):
        level = "area"
    return Place(
        name=str(poi.get("name") or ""),
        lon=where[0],
        lat=where[1],
        datum=DATUM,
        level=level,
        township="",
        source="天地图地名搜索",
        licence=LICENCE,
        date=date,
    )
