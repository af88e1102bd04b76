"""Where the next facilities should go in a county, what each adds, and how sure that is.

`propose` takes a plan's tables, keeps the existing facilities, and chooses new sites among the
villages (or given places) so that the most people, or villages, come within the tier's limit.

Positions are uncertain, so the choice maximises the *expected* cover over joint draws of where
everything stands (a sample average of the maximal covering problem, Church and ReVelle 1974): one
row per village and draw. The chosen sites are then judged over all draws: probability per village
before and after, ranges of the totals, in how many draws each site belongs to that draw's own
best set, and how much is lost against that best set. What holds in 95 % of the draws is told
apart from what does not. Capacities and the value of a second facility follow the same draws.
"""

from qianwan_gis.proposals.choose import propose
from qianwan_gis.proposals.files import write
from qianwan_gis.proposals.model import PlanLike, Proposal
from qianwan_gis.proposals.scenario import Scenario, Weigh, read_candidates, read_scenario
from qianwan_gis.proposals.words import COLUMN_TEXT, VERDICT_TEXT, headings

__all__ = [
    "COLUMN_TEXT",
    "VERDICT_TEXT",
    "PlanLike",
    "Proposal",
    "Scenario",
    "Weigh",
    "headings",
    "propose",
    "read_candidates",
    "read_scenario",
    "write",
]
