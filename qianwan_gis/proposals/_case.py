"""The tables of one question: who reaches what in which draw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from qianwan_gis import siting
from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text
from qianwan_gis.schemas import Basis, FacilityBasis
from qianwan_gis.services import Joint, access
from qianwan_gis.uncertainty import Positions

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from qianwan_gis.proposals.model import PlanLike
    from qianwan_gis.services import Service

    Array = NDArray[np.float64]
    Bools = NDArray[np.bool_]

#: Draws that the choice itself looks at, and the rows x candidates that they may make at most.
_CHOICE_DRAWS = 25
_CHOICE_CELLS = 20_000_000
_FEWEST_DRAWS = 5


class Rows(NamedTuple):
    """What is still to be covered: one row per distinct set of candidates in reach.

    ``cover`` (rows, candidates), ``weight`` by row (expected demand). ``draws`` holds for each draw
    of the choice its own cover and weight.
    """

    cover: Bools
    weight: Array
    draws: tuple[tuple[Bools, Array], ...]


@dataclass(frozen=True)
class Case:
    """The tables of one question, villages and candidates in the order of their identifiers."""

    plan: PlanLike
    kind: Service
    limit: float
    by_people: bool
    villages: gpd.GeoDataFrame
    positions: Positions
    people: Array
    known_people: bool
    within: Bools
    places: gpd.GeoDataFrame
    host: NDArray[np.int64]
    forbidden: NDArray[np.int64]
    mandatory: NDArray[np.int64]
    price: Array

    @classmethod
    def of(
        cls,
        plan: PlanLike,
        kind: Service,
        limit: float,
        by_people: bool,
        heads: pd.Series | None,
        candidates: gpd.GeoDataFrame | None,
        forbidden: Iterable[str],
        mandatory: Iterable[str],
        costs: Mapping[str, float],
        cost: float,
    ) -> Case:
        """Gather the tables and what is covered already, draw by draw."""
        villages = plan.villages.sort_values("code", ignore_index=True)
        positions = plan.draws.positions(villages, plan.regions)
        joint = Joint()
        access.coverage(
            kind, villages, positions, plan.network, plan.facilities, plan.inventories,
            plan.standards, plan.draws, seats=plan.townships, joint=joint, ground=plan.ground,
        )  # fmt: skip
        none = np.zeros((len(villages), plan.draws.n), bool)
        codes = villages["code"].astype(str)
        places = candidate_sites(villages, candidates)
        ids = places["facility_id"].to_numpy(object)
        rows = {code: row for row, code in enumerate(codes)}
        people = np.zeros(len(villages)) if heads is None else heads.reindex(codes).to_numpy(float)
        numbers = {str(i): number for number, i in enumerate(ids)}
        unknown = sorted({*forbidden, *mandatory, *costs} - set(numbers))
        dear = {str(k): v for k, v in costs.items() if not v >= 0}
        if dear or not cost >= 0:
            raise UsageError(Text("造价不得为负", "costs must not be negative"))
        if unknown:
            there = "、".join(unknown)
            raise UsageError(Text(f"不在候选点之列：{there}", f"not among the candidates: {there}"))
        return cls(
            plan, kind, limit, by_people, villages, positions, np.nan_to_num(people),
            heads is not None, joint.within.get((kind.service, kind.tier), none), places,
            np.array([rows.get(str(i), -1) for i in ids], dtype=np.int64),
            np.array(sorted(numbers[str(i)] for i in set(forbidden)), dtype=np.int64),
            np.array(sorted(numbers[str(i)] for i in set(mandatory)), dtype=np.int64),
            np.array([costs.get(str(i), cost) for i in ids], dtype=float),
        )  # fmt: skip

    @property
    def ids(self) -> NDArray[np.object_]:
        """Identifiers of the candidates."""
        return np.asarray(self.places["facility_id"], dtype=np.object_)

    @property
    def located(self) -> Bools:
        """Which villages have a position at all."""
        return self.positions.located

    @property
    def weight(self) -> Array:
        """What each village counts in the choice."""
        return self.people if self.by_people else np.ones(len(self.villages))

    def few(self) -> NDArray[np.int64]:
        """Numbers of the draws that the choice looks at, evenly over all of them."""
        cells = max(1, len(self.villages) * len(self.places))
        count = min(max(_CHOICE_CELLS // cells, _FEWEST_DRAWS), _CHOICE_DRAWS, self.plan.draws.n)
        return np.unique(np.linspace(0, self.plan.draws.n - 1, count).astype(np.int64))

    def reach(
        self, sites: NDArray[np.int64], few: NDArray[np.int64], *, everyone: bool = False
    ) -> Bools:
        """Return whether each village reaches each site: array (villages, draws, sites).

        Villages that are covered already in all of the draws are left out unless ``everyone``.
        """
        out = np.zeros((len(self.villages), len(few), len(sites)), bool)
        wanting = ~self.within[:, few].all(axis=1) | everyone
        open_ = np.flatnonzero(wanting & self.located)
        if len(open_) and len(sites):
            part = Positions(
                self.positions.codes[open_], self.positions.xy[open_],
                self.positions.basis.iloc[open_],
            )  # fmt: skip
            found = access.pairs_in_reach(
                self.kind, self.villages.iloc[open_], part, self.plan.network,
                self.places.iloc[sites], self.plan.standards, self.plan.draws, few=few,
                ground=self.plan.ground,
            )  # fmt: skip
            out[open_[found["village"]], found["draw"], found["place"]] = True
        housed = self.host[sites] >= 0
        out[self.host[sites][housed], :, np.flatnonzero(housed)] = True
        return out

    def rows(self) -> Rows:
        """Return what is not covered yet in the draws of the choice."""
        few = self.few()
        reach = self.reach(np.arange(len(self.places)), few)
        left = ~self.within[:, few] & self.located[:, None]
        per_draw = []
        for k in range(len(few)):
            open_ = left[:, k] & reach[:, k].any(axis=1)
            per_draw.append(merged(reach[open_, k], self.weight[open_]))
        village, draw = np.nonzero(left & reach.any(axis=2))
        cover, weight = merged(reach[village, draw], self.weight[village] / len(few))
        return Rows(cover, weight, tuple(per_draw))

    def existing(self, few: NDArray[np.int64]) -> tuple[Bools, gpd.GeoDataFrame]:
        """Return which existing facilities each village reaches, and the facilities.

        Array (villages, draws, facilities), facilities in the order of their identifiers.
        """
        own = self.plan.facilities
        own = own[own["service"].eq(self.kind.service) & own["tier"].eq(self.kind.tier)]
        own = own.sort_values("facility_id", ignore_index=True)
        out = np.zeros((len(self.villages), len(few), len(own)), bool)
        rows = np.flatnonzero(self.located)
        if len(rows) and len(own):
            part = Positions(
                self.positions.codes[rows], self.positions.xy[rows], self.positions.basis.iloc[rows]
            )
            found = access.pairs_in_reach(
                self.kind, self.villages.iloc[rows], part, self.plan.network, own,
                self.plan.standards, self.plan.draws, few=few, ground=self.plan.ground,
            )  # fmt: skip
            out[rows[found["village"]], found["draw"], found["place"]] = True
        number = {code: row for row, code in enumerate(self.villages["code"].astype(str))}
        for place, code in enumerate(own["village_code"].fillna("").astype(str)):
            if code in number:
                out[number[code], :, place] = True
        return out, own


def candidate_sites(villages: gpd.GeoDataFrame, given: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame:
    """Return the candidates as FACILITIES rows in the order of their ids."""
    import geopandas as gpd

    source = villages[villages["basis"].eq(str(Basis.POINT))] if given is None else given
    if given is None:
        ids, names = source["code"], source["name"]
    else:
        missing = [name for name in ("id", "name") if name not in given.columns]
        if missing:
            raise UsageError(Text(f"候选点缺少字段：{'、'.join(missing)}",
                                  f"the candidates lack {', '.join(missing)}"))  # fmt: skip
        ids, names = given["id"], given["name"]
        if ids.astype(str).duplicated().any():
            twin = str(ids[ids.astype(str).duplicated()].iloc[0])
            raise UsageError(Text(f"候选点编号重复：{twin}", f"two candidates have the id {twin}"))
        if given.crs is None:
            raise UsageError(Text("候选点没有坐标系", "the candidates have no CRS"))
        if (given.geometry.isna() | given.geometry.is_empty).any():
            raise UsageError(Text("候选点中有空几何", "a candidate has no geometry"))
        source = given.to_crs(villages.crs)
    township = source["township"] if "township" in source.columns else ""
    table = pd.DataFrame(
        {
            "facility_id": ids.astype(str).to_numpy(),
            "name": names.astype(str).to_numpy(),
            "township": township if isinstance(township, str) else township.to_numpy(),
            "basis": str(FacilityBasis.ASSUMED),
            "uncertainty_m": 0.0,
            "village_code": "",
        }
    )
    made = gpd.GeoDataFrame(table, geometry=source.geometry.to_numpy(), crs=villages.crs)
    return made.sort_values("facility_id", ignore_index=True)


def merged(cover: Bools, weight: Array) -> tuple[Bools, Array]:
    """Return rows with the same candidates in reach as one row, weights added up."""
    distinct, group = siting.distinct_rows(cover)
    return distinct, np.bincount(group, weight, minlength=len(distinct)).astype(float)
