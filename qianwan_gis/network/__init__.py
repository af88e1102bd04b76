"""The road network: exact shortest paths on compact arrays with compiled kernels.

``RoadNetwork`` is the whole interface. numba is imported when the first query runs, so importing
this package is cheap; ``compile_kernels()`` compiles during set-up.
"""

from qianwan_gis.network.graph import RoadNetwork
from qianwan_gis.network.places import Snapped
from qianwan_gis.network.queries import Path, ServiceArea
from qianwan_gis.network.warmup import compile_kernels

__all__ = ["Path", "RoadNetwork", "ServiceArea", "Snapped", "compile_kernels"]
