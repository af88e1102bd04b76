"""Compile the kernels of siting once, during set-up (`network.compile_kernels` calls this)."""

from __future__ import annotations

import numpy as np


def compile_kernels() -> None:
    """Compile (or load from the cache) the kernels of the p-median and of set covering."""
    from qianwan_gis.siting._setcover import _searched
    from qianwan_gis.siting.median import p_median

    p_median([[0.0, 2.0, 1.0], [2.0, 0.0, 1.0], [1.0, 3.0, 0.0]], np.ones(3), 1)
    one = np.ones((1, 1), bool)
    _searched(one, one[0], np.zeros(1, np.int64), np.zeros(1, bool))


__all__ = ["compile_kernels"]
