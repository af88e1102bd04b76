"""What a plan must offer, and what a proposal holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import pandas as pd

from qianwan_gis._errors import Problem
from qianwan_gis._text import Text

if TYPE_CHECKING:
    import geopandas as gpd

    from qianwan_gis.indicators import Disclosure
    from qianwan_gis.network import RoadNetwork
    from qianwan_gis.schemas import Inventory
    from qianwan_gis.services import Service
    from qianwan_gis.services.choices import Choices
    from qianwan_gis.services.ground import Ground
    from qianwan_gis.standards import Standards
    from qianwan_gis.uncertainty import Draws


class PlanLike(Protocol):
    """What of a plan a proposal needs."""

    @property
    def villages(self) -> gpd.GeoDataFrame:
        """VILLAGES."""

    @property
    def regions(self) -> gpd.GeoDataFrame:
        """REGIONS."""

    @property
    def network(self) -> RoadNetwork:
        """The road network."""

    @property
    def facilities(self) -> gpd.GeoDataFrame:
        """FACILITIES."""

    @property
    def inventories(self) -> dict[tuple[str, str], Inventory]:
        """How complete each register is."""

    @property
    def townships(self) -> gpd.GeoDataFrame:
        """Township seats."""

    @property
    def draws(self) -> Draws:
        """The joint draws."""

    @property
    def disclosure(self) -> Disclosure:
        """What the data bear."""

    @property
    def choices(self) -> Choices:
        """Modes and limits chosen for services."""

    @property
    def ground(self) -> Ground | None:
        """The terrain under the network, where it is fine enough for slopes."""

    standards: Standards


@dataclass(frozen=True)
class Proposal:
    """Proposed sites and everything said of them.

    Attributes
    ----------
    service, tier, limit, unit
        What is sited and the limit that counts, inclusive.
    weigh
        ``people`` or ``villages``: what the choice maximised.
    weigh_text
        The same for readers, with the definition of the population.
    refused
        Why there is no proposal at all (thin data); None when there is one.
    status, method, objective, bound, gap
        As in `siting.Siting`, for the last step of the choice; in the unit of ``weigh``.
    sites
        One row per proposed site in the order to build them: ``order, site_id, name, township, lon,
        lat, villages, villages_low, villages_high, villages_sure`` (gains when the earlier ones
        stand; expected, and 5-95 % of the joint draws), the same for ``people`` where the 80 % rule
        allows, ``p_chosen``, ``load`` (with capacities: expected demand served), ``second`` (with backup:
        expected demand with one facility in reach that gets a second one), ``cost`` (with costs).
    gains
        One row per village that gains: ``code, name, township, site_id, p_before, p_after,
        people, verdict``.
    curve
        One row per number of sites from 0: ``added, villages, villages_low, villages_high, people…,
        covered, best, bound, gap``. ``covered`` belongs to the proposal's own sites in their order,
        ``best`` to the best set of that size; both expected, in the unit of ``weigh`` (empty with
        capacities or backup).
    regret
        Share of the best possible gain of a draw that the proposal misses in that draw: median
        and 95 % over the draws; NaN where no draw can gain.
    layers
        ``proposed_sites`` (points), ``proposed_gains`` (villages that gain), ``proposed_links``
        (straight lines village to site).
    problems
        What the reader must know.
    base, total
        Villages covered before and all located villages (expected; people likewise where the 80 %
        rule allows): what shares are taken of.
    """

    service: str
    tier: str
    limit: float
    unit: str
    weigh: str
    weigh_text: Text
    refused: Text | None
    status: str
    method: str
    objective: float
    bound: float
    gap: float
    sites: pd.DataFrame
    gains: pd.DataFrame
    curve: pd.DataFrame
    regret: tuple[float, float] = (float("nan"), float("nan"))
    layers: Mapping[str, gpd.GeoDataFrame] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    base: Mapping[str, float] = field(default_factory=dict)
    total: Mapping[str, float] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """ASCII name: service, tier."""
        return f"{self.service}_{self.tier}"

    def shares(self) -> pd.DataFrame:
        """Return what is covered before and after, in villages and in people, never mixed.

        Returns
        -------
        Table ``unit, before, after, total, share_before, share_after``; ``people`` only where the
        80 % rule allows.
        """
        rows = []
        for unit, before in self.base.items():
            gained = float(self.curve[unit].iloc[-1]) if len(self.curve) else 0.0
            total = self.total[unit]
            rows.append((unit, before, before + gained, total))
        table = pd.DataFrame(rows, columns=["unit", "before", "after", "total"])
        for name in ("before", "after"):
            table[f"share_{name}"] = table[name] / table["total"].where(table["total"] > 0)
        return table

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name: ``sites``, ``gains``, ``curve``."""
        return {"sites": self.sites, "gains": self.gains, "curve": self.curve}


_SITES = ["order", "site_id", "name", "township", "lon", "lat", "villages", "p_chosen"]
_GAINS = ["code", "name", "township", "site_id", "p_before", "p_after", "people", "verdict"]
_CURVE = ["added", "villages", "covered", "best", "bound", "gap"]


def nothing(
    kind: Service,
    limit: float,
    by_people: bool,
    unit: Text,
    refused: Text | None,
    problems: tuple[Problem, ...],
) -> Proposal:
    """Return a proposal without sites, and why."""
    nan = float("nan")
    return Proposal(
        kind.service, kind.tier, limit, kind.unit, "people" if by_people else "villages", unit,
        refused, "refused" if refused else "optimal", "trivial", 0.0 if refused is None else nan,
        0.0 if refused is None else nan, 0.0 if refused is None else nan,
        pd.DataFrame(columns=_SITES), pd.DataFrame(columns=_GAINS), pd.DataFrame(columns=_CURVE),
        problems=problems,
    )  # fmt: skip
