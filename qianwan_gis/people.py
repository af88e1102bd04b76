"""When a figure in people may be shown: one definition for most of the units, within a few years.

Registered and resident people of different years do not add up. A total is shown only where at
least `SHARE` of a group's units have a figure of one definition with years at most `YEARS` apart;
population is never filled in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Share of a group's units that must agree.
SHARE = 0.8
#: Years that still count as one definition.
YEARS = 10


class Agreement(NamedTuple):
    """The largest set of a group's units whose figures may be added up.

    Attributes
    ----------
    kind
        Definition of the population (``registered``, ``resident``).
    first, last
        Years of the figures.
    rows
        Boolean per unit: whether it belongs to the set.
    enough
        Whether the set holds at least `SHARE` of the group.
    """

    kind: str
    first: int
    last: int
    rows: NDArray[np.bool_]
    enough: bool

    def years(self, dash: str = "–") -> str:
        """Return the years as readers see them: one, or first and last."""
        return f"{self.first}" if self.first == self.last else f"{self.first}{dash}{self.last}"


def agreement(units: pd.DataFrame) -> Agreement | None:
    """Return the largest set of units under one definition of population.

    Parameters
    ----------
    units
        Columns ``population``, ``population_kind``, ``population_year``; a missing column counts
        as not known for any unit.

    Returns
    -------
    None where no unit has a figure with a definition and a year. Of sets equally large the one
    of the later years is taken, then the definition that comes first in the alphabet.
    """
    table = pd.DataFrame(units).reindex(
        columns=["population", "population_kind", "population_year"]
    )
    people = pd.to_numeric(table["population"], errors="coerce")
    year = pd.to_numeric(table["population_year"], errors="coerce")
    kind = table["population_kind"].astype(object).fillna("").astype(str)
    usable = people.notna() & year.notna() & kind.ne("")
    best: tuple[int, float, str, pd.Series] | None = None
    for name in sorted(kind[usable].unique()):
        mine = usable & kind.eq(name)
        for first in sorted(year[mine].unique()):
            window = mine & year.between(first, first + YEARS)
            found = (int(window.sum()), float(first), name, window)
            if best is None or found[:2] > best[:2]:
                best = found
    if best is None:
        return None
    count, _, name, window = best
    return Agreement(
        name, int(year[window].min()), int(year[window].max()),
        window.to_numpy(bool), count >= SHARE * len(table),
    )  # fmt: skip
