"""Where to put the next facility: set covering, maximal covering, p-median, p-center.

Every problem is solved exactly by HiGHS where its size allows; above that a heuristic with a
proven bound takes over and *says so* (``method``, ``bound``, ``gap``). An instance without a
solution is not an error: ``status`` is ``infeasible``, ``reasons`` names the rows (by their names
where ``names`` are given), by how much they fail and the least radius that would work, and
``unserved`` holds the same as a table.

Costs are an array demand x sites in any unit (minutes, metres); NaN and inf mean unreachable.
Radii are inclusive. ``p`` counts all open sites, the fixed ones included. Arguments that make no
sense (a fractional ``p``, negative costs) are a `UsageError`.

Sources: Toregas et al. (1971) LSCP; Church and ReVelle (1974) MCLP; Hakimi (1964) p-median and
p-center; Minieka (1970) p-center by covering; Teitz and Bart (1968) and Whitaker (1983)
interchange; Cornuejols, Fisher and Nemhauser (1977) Lagrangian bound; Hogan and ReVelle (1986)
backup coverage; Chen and Chen (2009) rows added when needed; Gao, Weise and Li (2015) local search
for covers.
"""

from qianwan_gis.siting._matrix import distinct_rows
from qianwan_gis.siting._model import TOLERANCE, Method, Siting, Status
from qianwan_gis.siting.center import p_center
from qianwan_gis.siting.covering import lscp
from qianwan_gis.siting.maximal import curve, mclp
from qianwan_gis.siting.median import p_median

__all__ = [
    "TOLERANCE",
    "Method",
    "Siting",
    "Status",
    "curve",
    "distinct_rows",
    "lscp",
    "mclp",
    "p_center",
    "p_median",
]
