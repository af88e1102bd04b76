"""AMap 高德: its geocoder (地理编码 v3), which answers in GCJ-02.

Documented at lbs.amap.com/api/webservice/guide/api/georegeo. The key (a web-service one) comes
from ``QIANWAN_AMAP_KEY``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qianwan_gis import _http
from qianwan_gis._text import Text
from qianwan_gis.geocoding.providers import Place, WebService, degrees, key_from

NAME = "高德"
DATUM = "gcj02"
KEY = "QIANWAN_AMAP_KEY"
LICENCE = "高德服务条款"
URL = "https://restapi.amap.com/v3/geocode/geo"
_VILLAGE_LEVELS = ("村庄", "热点商圈", "兴趣点")
_AREA_LEVELS = ("国家", "省", "市", "区县", "开发区", "乡镇")
# Too fast, or the engine was busy: worth another try. A used-up quota or a bad key is not.
_TRY_AGAIN = {"10014", "10015", "10016", "10019", "10020", "10021", "30001"}


@dataclass(frozen=True)
class Amap(WebService):
    """The geocoder of AMap."""

    url: str = URL
    interval: float = 0.4

    NAME = NAME
    DATUM = DATUM

    def search(
        self, name: str, *, township: str = "", county: str = "", adcode: str = ""
    ) -> list[Place]:
        """Return what the address resolves to, in GCJ-02.

        Raises
        ------
        UnavailableError
            Without a key, a network, or a usable answer.
        """
        bare = name if name.endswith(("村", "社区", "街")) else f"{name}村"
        params = {"address": f"{county}{township}{bare}", "output": "JSON"}
        if adcode:
            params["city"] = adcode
        key = ("key", key_from(KEY, Text(NAME, "AMap")))
        return self.places(params, _parse, lambda item, date: _place(item, township, date), key)


def _parse(raw: bytes) -> list[dict[str, Any]]:
    data = _http.parse_json(raw)
    if not isinstance(data, dict):
        raise _http.BadAnswerError(Text("回答的结构不符", "the answer has another structure"))
    if str(data.get("status")) != "1":
        code, said = str(data.get("infocode", "?")), str(data.get("info", ""))[:80]
        raise _http.BadAnswerError(
            Text(f"拒绝（{code}）：{said}", f"refused ({code}): {said}"), again=code in _TRY_AGAIN
        )
    items = data.get("geocodes", [])
    if not isinstance(items, list):
        raise _http.BadAnswerError(Text("回答的结构不符", "the answer has another structure"))
    return [item for item in items if isinstance(item, dict)]


def _text(value: Any) -> str:
    """AMap writes an empty list where it has no text."""
    return value if isinstance(value, str) else ""


def _place(item: dict[str, Any], asked: str, date: str) -> Place | None:
    parts = _text(item.get("location")).split(",")
    where = degrees(parts[0], parts[1]) if len(parts) == 2 else None
    if where is None:
        return None
    level = _text(item.get("level"))
    address = _text(item.get("formatted_address"))
    township = _text(item.get("township"))
    name = address
    for field in ("province", "city", "district"):
        name = name.removeprefix(_text(item.get(field)))
    # The address holds the township even where the field of that name is empty.
    for part in (township, asked):
        if part and name.startswith(part) and len(name) > len(part):
            name, township = name[len(part) :], part
            break
    return Place(
        name=name,
        lon=where[0],
        lat=where[1],
        datum=DATUM,
        level="village"
        if level in _VILLAGE_LEVELS
        else "area"
        if level in _AREA_LEVELS
        else "other",
        township=township,
        source="高德地理编码",
        licence=LICENCE,
        date=date,
    )
