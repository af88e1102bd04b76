"""Set-up compiles every kernel that plans and siting use, so that no question waits for it."""

import importlib

import numpy as np

import qianwan_gis as qg
from qianwan_gis.services import warmup as services
from qianwan_gis.siting import warmup as siting

KERNELS = (
    "qianwan_gis._cover", "qianwan_gis.services._kernels", "qianwan_gis.siting._kernels",
    "qianwan_gis.services._sewage._kernels", "qianwan_gis.services._water._kernels",
)  # fmt: skip


def compiled():
    """Signatures of the kernels that are called from outside their module."""
    found = {}
    for name in KERNELS:
        for key, value in vars(importlib.import_module(name)).items():
            if hasattr(value, "signatures") and not key.startswith("_"):
                found[f"{name}.{key}"] = list(value.signatures)
    return found


def test_nothing_is_compiled_after_set_up():
    services.compile_kernels()
    siting.compile_kernels()
    before = compiled()
    assert all(before.values()), [k for k, v in before.items() if not v]
    made = qg.synthetic.county(villages=20, seed=1)
    ways = {
        "network": qg.RoadNetwork.from_roads(made.roads),
        "terrain": qg.Terrain.from_array(*made.elevation),
    }
    qg.water.plan_water(made.villages, **ways, works=made.facilities, quick=True)
    plants = made.facilities[made.facilities["tier"].eq("plant")]
    qg.sewage.plan_sewage(made.villages, **ways, plants=plants, sewers=made.sewers, method="quick")
    cost = np.random.default_rng(0).uniform(1.0, 9.0, (30, 8))
    qg.siting.p_median(cost, np.ones(30), 3)
    qg.siting.p_center(cost, 3)
    assert compiled() == before
