# mypy: ignore-errors
"""How kernels are compiled, and when what was compiled is out of date."""

import hashlib
from pathlib import Path

import numpy as np
from numba import njit

INF = np.inf
U = np.uint32  # unsigned indices, so that no negative wrap-around is tested

# no entry points for C code: nothing calls them
_OPTIONS = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}


def _stamp():
    """Hash of all kernel sources together."""
    total = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        total.update(path.read_bytes())
    return total.digest()


_STAMP = _stamp()


def jit(function):
    """Compile without the interpreter lock, cached on disk wherever a folder can be written.

    numba compiles a function anew when its own file has changed, but does not notice a change of a
    function that it calls in another file. Here all kernels are compiled anew when one changes.
    """
    try:
        compiled = njit(cache=True, **_OPTIONS)(function)
        compiled._cache._cache_file._source_stamp = _STAMP
    except (RuntimeError, AttributeError):  # nothing is writable, or numba looks different inside
        return njit(**_OPTIONS)(function)
    return compiled
