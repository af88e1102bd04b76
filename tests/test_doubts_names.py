"""Doubts about matching names: the same answer to the last bit in every process."""

from __future__ import annotations

import os
import subprocess
import sys

_SCRIPT = """
import numpy as np
from qianwan_gis.gazetteer import Gazetteer
index = Gazetteer.carried("140525").names
units = Gazetteer.carried("140525").units
rng = np.random.default_rng(0)
pool = sorted(set("".join(units["name"])))
for row in rng.integers(0, len(units), 800):
    name = list(units["name"].iloc[row])
    name[rng.integers(len(name))] = pool[rng.integers(len(pool))]
    found = index.match("".join(name))
    print(found.code, repr(found.certainty), repr(found.listed), found.reason.zh)
"""


def test_certainties_do_not_depend_on_the_hash_seed():
    """Sets of text have another order in every process; sums over them must not."""
    told = {
        subprocess.run(
            [sys.executable, "-c", _SCRIPT], check=True, capture_output=True, text=True,
            encoding="utf-8", env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONUTF8": "1"},
        ).stdout
        for seed in ("0", "1")
    }  # fmt: skip
    assert len(told) == 1
    assert len(told.pop().splitlines()) == 800
