"""The one door to the network: requests that are asked for, slow enough, and remembered.

Good answers are cached by their request (without the key) with the date; failures never are. Keys
are handed over apart from the request and appear in no cache, message or log.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import http.client
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from qianwan_gis import settings
from qianwan_gis._errors import UnavailableError
from qianwan_gis._text import Text

T = TypeVar("T")

# An answer larger than this is no geocoder's.
_LARGEST = 64 * 1024 * 1024
_LONGEST_WAIT = 30.0
_AGENT = "qianwan-gis"


class BadAnswerError(Exception):
    """An answer that came but cannot be used; raised by the caller's parser.

    Attributes
    ----------
    text
        What is wrong, in both languages; must not repeat the key.
    again
        Whether asking once more may help.
    """

    def __init__(self, text: Text, *, again: bool = False) -> None:
        super().__init__(text.en)
        self.text = text
        self.again = again


@dataclass(frozen=True)
class Answer:
    """A good answer: what was parsed from it, and the day on which it was fetched."""

    content: Any
    date: str
    cached: bool


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follow redirects on the same host only, so that a key never travels elsewhere."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        old, new = urllib.parse.urlsplit(req.full_url), urllib.parse.urlsplit(newurl)
        if old.hostname != new.hostname or new.scheme not in ("http", "https"):
            return None
        if old.scheme == "https" and new.scheme == "http":
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_opener = urllib.request.build_opener(_SameHost)
_lock = threading.Lock()
_next_turn: dict[str, float] = {}


def fetch(
    url: str,
    params: Mapping[str, str],
    parse: Callable[[bytes], T],
    *,
    service: str,
    key: tuple[str, str] | None = None,
    interval: float = 1.0,
    timeout: float = 20.0,
    retries: int = 3,
    pause: float = 1.0,
    folder: Path | None = None,
    body: bytes | None = None,
) -> Answer:
    """Ask a service, or the cache, and return the parsed answer.

    Parameters
    ----------
    url, params
        The request without the key.
    parse
        Turns the body into what the caller wants; raises `BadAnswerError` for an answer that must
        not be believed or cached.
    service
        The service's name for messages.
    key
        Name and value of the key's parameter.
    interval
        Least seconds between two requests to the host.
    timeout, retries, pause
        Seconds to wait for an answer; further tries after the first; seconds before the second
        try, doubling each time. A server's ``Retry-After`` is heeded up to half a minute.
    folder
        Cache folder; the user's own by default.
    body
        Body of a POST request; GET without.

    Raises
    ------
    UnavailableError
        When no good answer came; the message names the service and the cause, never the key.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UnavailableError(
            Text(f"{service}的地址无效：{url}", f"the address of {service} is not valid: {url}")
        )
    plain = f"{url}?{urllib.parse.urlencode(sorted(params.items()))}" if params else url
    name = hashlib.sha256(plain.encode() + b"\0" + (body or b"")).hexdigest()
    path = (folder or settings.cache_dir() / "http") / parts.hostname / f"{name}.json"
    remembered = _remembered(path, plain, parse)
    if remembered is not None:
        return remembered
    query = dict(params) | ({key[0]: key[1]} if key else {})
    asked = f"{url}?{urllib.parse.urlencode(sorted(query.items()))}" if query else url
    cause = Text("", "")
    for attempt in range(retries + 1):
        _wait_turn(parts.netloc, interval)
        wait = pause * 2**attempt
        try:
            raw = _once(asked, body, timeout)
            content = parse(raw)
        except BadAnswerError as error:
            cause = error.text
            if not error.again:
                break
        except urllib.error.HTTPError as error:
            cause = Text(f"返回状态 {error.code}", f"it answered with status {error.code}")
            said = _refusal(error, parse)
            if said is not None:
                cause = Text(f"{cause.zh}，{said.zh}", f"{cause.en}: {said.en}")
            if error.code != 429 and error.code < 500:
                break
            wait = max(wait, _retry_after(error))
        except (OSError, http.client.HTTPException) as error:
            cause = Text(
                f"连接失败（{type(error).__name__}）",
                f"the connection failed ({type(error).__name__})",
            )
        else:
            date = dt.datetime.now(tz=dt.UTC).date().isoformat()
            _remember(path, plain, date, raw)
            return Answer(content, date, cached=False)
        if attempt < retries:
            time.sleep(min(wait, _LONGEST_WAIT))
    # Without a chain: the exceptions of urllib carry the address, and with it the key.
    raise UnavailableError(
        Text(f"{service}没有可用的回答：{cause.zh}", f"no usable answer from {service}: {cause.en}")
    ) from None


def _once(url: str, body: bytes | None, timeout: float) -> bytes:
    request = urllib.request.Request(  # noqa: S310  the scheme was checked
        url, data=body, headers={"User-Agent": _AGENT, "Accept-Language": "zh-CN"}
    )
    with _opener.open(request, timeout=timeout) as response:
        raw: bytes = response.read(_LARGEST + 1)
        stated = response.headers.get("Content-Length", "")
        # A bounded read does not notice by itself that the line was cut.
        if stated.isdigit() and len(raw) < min(int(stated), _LARGEST):
            raise http.client.IncompleteRead(raw, int(stated) - len(raw))
    if len(raw) > _LARGEST:
        raise BadAnswerError(Text("回答过大", "the answer is too large"))
    return raw


def _refusal(error: urllib.error.HTTPError, parse: Callable[[bytes], Any]) -> Text | None:
    """Return the service's own words for a refusal, where its parser understands them."""
    try:
        parse(error.read(_LARGEST))
    except BadAnswerError as told:
        return told.text
    except (OSError, http.client.HTTPException):
        return None
    return None


def _retry_after(error: urllib.error.HTTPError) -> float:
    try:
        return float(error.headers.get("Retry-After", "0"))
    except ValueError:
        return 0.0


def _wait_turn(host: str, interval: float) -> None:
    with _lock:
        now = time.monotonic()
        turn = max(now, _next_turn.get(host, now))
        _next_turn[host] = turn + interval
    time.sleep(max(0.0, turn - now))


def _remembered(path: Path, plain: str, parse: Callable[[bytes], Any]) -> Answer | None:
    """Return a cached answer; one that cannot be read or parsed any more is asked for anew."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["request"] != plain:
            return None
        return Answer(parse(record["body"].encode("utf-8")), str(record["date"]), cached=True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, BadAnswerError):
        return None


def _remember(path: Path, plain: str, date: str, raw: bytes) -> None:
    try:
        text = raw.decode("utf-8")
        path.parent.mkdir(parents=True, exist_ok=True)
        record = {"request": plain, "date": date, "body": text}
        part = path.with_suffix(f".{threading.get_ident()}.part")
        part.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
        part.replace(path)
    except (OSError, UnicodeDecodeError):
        # A cache that cannot be written costs time, never a result.
        return


def parse_json(raw: bytes) -> Any:
    """Return the JSON of an answer; `BadAnswerError` (worth another try) for anything else."""
    try:
        return json.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise BadAnswerError(
            Text(
                "回答不是 JSON（可能是网关或登录页）",
                "the answer is not JSON (a gateway or login page?)",
            ),
            again=True,
        ) from None
