"""Made-up planning layers, registered for one test: what others' modules add to the registry."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from maps_fixture import HOSTILE

from qianwan_gis._text import Text
from qianwan_gis.layers import _registry
from qianwan_gis.layers._registry import Style, Symbol
from qianwan_gis.schemas import Column

YEARS = (2025, 2026, 2027, 2028)


def _column(name: str, zh: str, en: str, unit: str = "", kind: Any = "text") -> Column:
    return Column(name, kind, Text(zh, en), Text("", ""), unit)


PIPES = (
    _column("pipe", "管段", "Pipe"),
    _column("kind", "类别", "Kind"),
    _column("kind_text", "类别（文字）", "Kind, in words"),
    _column("length_m", "长度", "Length", "m", "number"),
    _column("year", "年份", "Year", "", "integer"),
    _column("empty", "空列", "Empty"),
)
SITES = (
    _column("name", "名称", "Name"),
    _column("gain", "新增覆盖", "Villages gained", "", "integer"),
    _column("built", "已建", "Built", "", "boolean"),
)
AREAS = (_column("name", "名称", "Name"), _column("phase", "分期", "Phase"))


def register(
    monkeypatch: pytest.MonkeyPatch, *, pipes: int = 40, hostile: bool = False, areas: int = 6
) -> None:
    """Register pipes (years), sites (no time) and areas (phases) until the test ends."""
    monkeypatch.setattr(_registry, "_LAYERS", dict(_registry._LAYERS))

    def grid(results: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(n)
        west, south, east, north = results.boundary.total_bounds
        x = rng.uniform(west + 9e3, east - 9e3, n)
        y = rng.uniform(south + 9e3, north - 9e3, n)
        return x, y

    @_registry.layer(
        "made_up_pipes", Text("污水管网", "Sewage pipes"), theme="facilities", columns=PIPES,
        styles=(
            Style(
                Text("管段类别", "Kind of pipe"), "line",
                (
                    Symbol("main", Text("主管", "trunk sewer"), "#6b4c2a", 0.8),
                    Symbol("", Text("支管", "branch sewer"), "#b08968", 0.4, dashed=True),
                ),
                by="kind", label="pipe",
            ),
        ),
        note=Text("方案线位，不是施工图", "a proposal, not a construction drawing"),
    )  # fmt: skip
    def _pipes(results: Any) -> gpd.GeoDataFrame:
        x, y = grid(results, pipes)
        lines = shapely.linestrings(
            np.stack([np.stack([x, y], 1), np.stack([x + 900, y + 300], 1)], axis=1)
        )
        kinds = np.where(np.arange(pipes) % 4 == 0, "main", "branch")
        return gpd.GeoDataFrame(
            {
                "pipe": [HOSTILE if hostile else f"W{i}" for i in range(pipes)],
                "kind": kinds,
                "kind_text": [HOSTILE if hostile else f"类{k}" for k in kinds],
                "length_m": shapely.length(lines).round(1),
                "year": pd.array(
                    [None if i % 10 == 9 else YEARS[i % 4] for i in range(pipes)], dtype="Int64"
                ),
                "empty": "",
            },
            geometry=lines, crs=results.crs,
        )  # fmt: skip

    @_registry.layer(
        "made_up_sites", Text("建议站点", "Proposed sites"), theme="facilities", columns=SITES,
        styles=(
            Style(
                Text("站点", "Sites"), "point",
                (Symbol("", Text("建议站点", "proposed site"), "#882255", 3.4, "diamond"),),
                label="name",
            ),
        ),
    )  # fmt: skip
    def _sites(results: Any) -> gpd.GeoDataFrame:
        x, y = grid(results, 5)
        return gpd.GeoDataFrame(
            {
                "name": [HOSTILE if hostile else f"建议{i + 1}" for i in range(5)],
                "gain": [9, 7, 4, 3, 1],
                "built": [True, False, False, False, True],
            },
            geometry=gpd.points_from_xy(x, y), crs=results.crs,
        )  # fmt: skip

    @_registry.layer(
        "made_up_areas", Text("供水片区", "Supply areas"), theme="facilities", columns=AREAS,
        styles=(
            Style(
                Text("片区", "Areas"), "area",
                (
                    Symbol(
                        "", Text("供水片区", "supply area"), "#2aa1b3", 0.3, outline="#1f8a9c",
                        opacity=0.2,
                    ),
                ),
            ),
        ),
    )  # fmt: skip
    def _areas(results: Any) -> gpd.GeoDataFrame:
        x, y = grid(results, areas)
        return gpd.GeoDataFrame(
            {
                "name": [HOSTILE if hostile else f"片区{i}" for i in range(areas)],
                "phase": ["一期" if i % 2 else "二期" for i in range(areas)],
            },
            geometry=shapely.buffer(shapely.points(x, y), 1500), crs=results.crs,
        )  # fmt: skip
