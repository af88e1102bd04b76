"""A network in one file: a JSON header, then raw arrays that are mapped, not read.

Layout: 8 bytes magic, 8 bytes header length, header (UTF-8 JSON), then every array at a multiple
of 64 bytes. Text columns are stored once per distinct value. Topology is stored, so opening
neither builds nor reads anything that is not asked for.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyproj

from qianwan_gis._errors import DataError, ProblemLog, UsageError
from qianwan_gis._text import Text
from qianwan_gis.network.graph import RoadNetwork, Seconds
from qianwan_gis.network.topology import Topology

_MAGIC = b"QWNET03\n"
_ALIGN = 64
_TOPOLOGY = ("start", "code", "node", "a", "b", "core_of", "ip", "arc")


class _Writer:
    """Collects named arrays and where they go."""

    def __init__(self) -> None:
        self.arrays: list[np.ndarray] = []
        self.place: dict[str, dict[str, Any]] = {}
        self.size = 0

    def add(self, name: str, values: Any) -> None:
        array = np.ascontiguousarray(values)
        self.place[name] = {"at": self.size, "type": array.dtype.str, "shape": list(array.shape)}
        self.arrays.append(array)
        self.size += -(-array.nbytes // _ALIGN) * _ALIGN

    def column(self, name: str, values: Any) -> dict[str, Any]:
        """Store one column; numbers as they are, anything else by its distinct values."""
        series = pd.Series(values)
        if isinstance(series.dtype, np.dtype) and series.dtype.kind in "biuf":
            self.add(name, series.to_numpy())
            return {"kind": "plain"}
        category = isinstance(series.dtype, pd.CategoricalDtype)
        if category:
            codes, words = series.cat.codes.to_numpy(), series.cat.categories
        else:
            codes, words = pd.factorize(series, use_na_sentinel=True)
        plain = [w.item() if hasattr(w, "item") else w for w in list(words)]
        try:
            json.dumps(plain, ensure_ascii=False)
        except TypeError as error:
            raise UsageError(
                Text(
                    f"字段“{name}”的值无法保存：{error}",
                    f"column “{name}” cannot be saved: {error}",
                )
            ) from error
        self.add(name, codes.astype(np.int32))
        kind = "category" if category else "words"
        return {
            "kind": kind,
            "words": plain,
            "type": str(words.dtype if category else series.dtype),
        }


def save_network(net: RoadNetwork, path: Path) -> Path:
    """Write a network; see `RoadNetwork.save`. The file appears whole or not at all."""
    out = _Writer()
    topology = net.topology
    for name in _TOPOLOGY:
        out.add(f"topology/{name}", getattr(topology, name))
    for name in ("x", "y", "u", "v", "metres", "snappable"):
        out.add(name, getattr(net, name))
    seconds = []
    for mode, times in net.seconds.items():
        same = times.backward is times.forward or np.array_equal(times.forward, times.backward)
        out.add(f"seconds/{mode}/forward", times.forward)
        if not same:
            out.add(f"seconds/{mode}/backward", times.backward)
        seconds.append({"mode": mode, "same": same})
    lines = net._lines is not None
    if net._lines is not None:
        out.add("lines/pointer", net._lines[0])
        out.add("lines/xy", net._lines[1])
    header: dict[str, Any] = {
        "crs": net.crs.to_wkt(),
        "plain_ids": net.plain_ids,
        "seconds": seconds,
        "lines": lines,
        "access_kph": net.access_kph,
        "reach_m": net.reach_m if np.isfinite(net.reach_m) else None,
        "ids": None if net.plain_ids else out.column("ids", net.node_ids),
        "attributes": {
            str(c): out.column(f"attributes/{c}", net.attributes[c]) for c in net.attributes.columns
        },
        "node_attributes": {
            str(c): out.column(f"node_attributes/{c}", net.node_attributes[c])
            for c in net.node_attributes.columns
        },
    }
    header["arrays"] = out.place
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-(len(text) + 16) % _ALIGN)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_MAGIC + len(text).to_bytes(8, "little") + text)
            for array in out.arrays:
                file.write(array.reshape(-1).view(np.uint8).data if array.size else b"")
                file.write(b"\0" * (-array.nbytes % _ALIGN))
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def open_network(path: Path) -> RoadNetwork:
    """Open a network file; see `RoadNetwork.open`. DataError when it is missing or cut off."""
    log = ProblemLog()
    if not path.is_file():
        log.add("error", "missing_file", "路网文件不存在", "no such network file", file=path)
        raise DataError(log.problems)
    with path.open("rb") as file:
        start = file.read(16)
        size = int.from_bytes(start[8:16], "little")
        text = file.read(size) if start[:8] == _MAGIC else b""
    try:
        header = json.loads(text)
        places = header["arrays"]
        base = 16 + size
        end = max((p["at"] + _bytes(p) for p in places.values()), default=0)
        if path.stat().st_size < base + end:
            raise ValueError("cut off")
    except (ValueError, KeyError) as error:
        log.add(
            "error", "broken_file", "不是完整的路网文件", "not a whole network file", file=path,
            fix=("重新用 save 写出", "write it again with save"),
        )  # fmt: skip
        raise DataError(log.problems) from error
    # copy-on-write: the file never changes, and compiled kernels see ordinary arrays (numba would
    # compile everything a second time for read-only ones)
    raw = np.memmap(path, np.uint8, "c").view(np.ndarray)

    def array(name: str) -> Any:
        p = places[name]
        at = base + p["at"]
        return raw[at : at + _bytes(p)].view(p["type"]).reshape(p["shape"])

    def column(name: str, how: dict[str, Any]) -> Any:
        values = array(name)
        if how["kind"] == "plain":
            return values
        if how["kind"] == "category":
            return pd.Categorical.from_codes(values, pd.Index(how["words"], dtype=how["type"]))
        return pd.Series(how["words"], dtype=how["type"]).reindex(values).array

    def frame(kind: str, rows: int) -> pd.DataFrame:
        columns = {c: column(f"{kind}/{c}", how) for c, how in header[kind].items()}
        return pd.DataFrame(columns, index=pd.RangeIndex(rows), copy=False)

    seconds = {}
    for item in header["seconds"]:
        forward = array(f"seconds/{item['mode']}/forward")
        backward = forward if item["same"] else array(f"seconds/{item['mode']}/backward")
        seconds[item["mode"]] = Seconds(forward, backward)
    x, u = array("x"), array("u")
    ids: pd.Index = pd.RangeIndex(len(x), name="node")
    if not header["plain_ids"]:
        ids = pd.Index(column("ids", header["ids"]), name="node")
    return RoadNetwork(
        crs=pyproj.CRS.from_wkt(header["crs"]), node_ids=ids, x=x, y=array("y"), u=u, v=array("v"),
        metres=array("metres"), seconds=seconds,
        lines=(array("lines/pointer"), array("lines/xy")) if header["lines"] else None,
        attributes=frame("attributes", len(u)), node_attributes=frame("node_attributes", len(x)),
        snappable=array("snappable"), access_kph=header["access_kph"],
        reach_m=header["reach_m"] if header["reach_m"] is not None else float("inf"),
        topology=Topology(*(array(f"topology/{name}") for name in _TOPOLOGY)),
    )  # fmt: skip


def _bytes(place: dict[str, Any]) -> int:
    size: int = math.prod(place["shape"]) * np.dtype(place["type"]).itemsize
    return size
