"""One piece of evidence for where a village is."""

from __future__ import annotations

from dataclasses import dataclass, field

from qianwan_gis._text import Text
from qianwan_gis.regions import Likelihood
from qianwan_gis.schemas import Match

# Best first: the order in which evidence decides.
LADDER = (
    Match.REVIEWED,
    Match.EXACT,
    Match.LANDMARK,
    Match.SEAT,
    Match.PROVIDER,
    Match.SETTLEMENT,
    Match.DESCRIBED,
    Match.TOWNSHIP,
)
# Between the pieces of evidence in one cell; no source or licence holds it.
SEPARATOR = " ‖ "
RANK = {match: rank for rank, match in enumerate(LADDER)}


@dataclass(frozen=True, eq=False)
class Evidence:
    """What one source says of a village's place.

    Attributes
    ----------
    match
        Its class, which is its rank on the ladder.
    says
        What it says, in a few words.
    source, licence, datum
        Where it comes from, under what terms, and in which datum it was given.
    weight
        Probability that it is right.
    xy
        The place in projected metres, for evidence that names one.
    uncertainty_m
        Radius around ``xy`` that holds 90 %.
    likelihood
        The fit of every place, for evidence that names none.
    date
        When it was published or fetched, where known.
    """

    match: Match
    says: Text
    source: str
    licence: str
    datum: str
    weight: float
    xy: tuple[float, float] | None = None
    uncertainty_m: float = float("nan")
    likelihood: Likelihood | None = None
    date: str = field(default="")

    def line(self) -> str:
        """Return the evidence as it is listed in tables: what, source, datum, licence, weight."""
        parts = [
            str(self.says),
            f"来源 {self.source}" if self.source else "来源 未注明",
            f"坐标系 {self.datum}" if self.datum else "",
            f"许可 {self.licence}" if self.licence else "",
            f"日期 {self.date}" if self.date else "",
            f"权重 {self.weight:.2f}",
        ]
        return "｜".join(part for part in parts if part)
