"""Compile the kernels of the services once, during set-up (`network.compile_kernels` calls this)."""

from __future__ import annotations

import numpy as np
import pandas as pd


def compile_kernels() -> None:
    """Compile (or load from the cache) the kernels of access scores, sewage and water plans."""
    _scores()
    _sewage()
    _water()


def _scores() -> None:
    from qianwan_gis.services import scores

    cost = pd.DataFrame({"origin": ["a", "b"], "destination": ["c", "c"], "cost": [1.0, 2.0]})
    people, stock = pd.Series(1.0, index=["a", "b"]), pd.Series(1.0, index=["c"])
    scores._flat(cost, people, stock, people.to_numpy(), stock.to_numpy(), 9.0)
    scores.raam(cost, people, stock, 1.0)


def _sewage() -> None:
    from qianwan_gis.services._sewage.model import Model, everyone_local
    from qianwan_gis.services._sewage.routes import Arc, Option
    from qianwan_gis.services._sewage.search import Search

    way = (Option(1.0, 1.0, 9.0, "gravity"),)
    arcs = [Arc(0, 1, 1.0, way), Arc(1, -1, 0.0, way)]
    model = Model(np.ones(2), np.full(2, 9.0), np.zeros(2), arcs, {})
    search = Search(model, everyone_local(model))
    search.village(0)
    search.run(np.inf)
    search.kick(1, np.inf)
    search.alternatives(0, 3.0)


def _water() -> None:
    from qianwan_gis.services._water import levels, sizing
    from qianwan_gis.services._water.hydraulics import Rules
    from qianwan_gis.standards import Standards

    rules = Rules.read(Standards.load())
    tree = sizing.Tree(
        np.array([-1, 0]), np.array([0.0, 100.0]), np.zeros(2), np.zeros(2), np.array([0.0, 9.0]),
        ((), ()), np.array([0.0, 0.001]), np.array([False, True]), 50.0, 54.0,
    )  # fmt: skip
    levels.choose(tree, rules, sizing.choices(tree, rules)[0], least_lift=sizing.LEAST_LIFT)


__all__ = ["compile_kernels"]
