"""Many counties: the same bytes from every executor, restarts, faults."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from qianwan_gis import DataError, Plan, Problem, UsageError, scale, synthetic
from qianwan_gis._errors import UnavailableError
from qianwan_gis._text import Text

CRS = "EPSG:4547"

# ------------------------------------------------------------------ tasks


def nearest(part: scale.Partition, *, limit: float) -> gpd.GeoDataFrame:
    """Straight distance of the county's points to the nearest facility, across the border too."""
    points, shops = part.read("points", buffered=False), part.read("shops")
    found = gpd.sjoin_nearest(points, shops, max_distance=limit, distance_col="metres", how="left")
    return found[["code", "shop", "metres", "geometry"]]


def numbers(part: scale.Partition) -> pd.DataFrame:
    return pd.DataFrame({"key": [part.key], "bytes": [Path(part.files["f"]).stat().st_size]})


def fails(part: scale.Partition) -> pd.DataFrame:
    if part.key == "c01":
        problem = Problem("odd", "error", Text("数据不对", "odd data"), file="a.csv", row=3)
        raise DataError([problem])
    if part.key == "c02":
        return 1 / 0
    if part.key == "c03":
        return "no table"
    return pd.DataFrame({"key": [part.key]})


# ------------------------------------------------------------------ test bed


@pytest.fixture(scope="module")
def country(tmp_path_factory):
    """Nine square counties of 30 km with points and shops over the borders."""
    folder = tmp_path_factory.mktemp("country")
    rng = np.random.default_rng(7)
    cells = [
        shapely.box(500_000 + 30_000 * i, 4_000_000 + 30_000 * j, 530_000 + 30_000 * i,
                    4_030_000 + 30_000 * j)
        for i in range(3) for j in range(3)
    ]  # fmt: skip
    counties = gpd.GeoDataFrame(
        {"adcode": [f"c{n:02d}" for n in range(9)]}, geometry=cells, crs=CRS
    )

    def spread(n: int) -> np.ndarray:
        xy = rng.uniform(0, 90_000, (n, 2)) + np.array([500_000, 4_000_000])
        return shapely.points(xy)

    points = gpd.GeoDataFrame(
        {"code": [f"p{n:04d}" for n in range(900)]}, geometry=spread(900), crs=CRS
    )
    shops = gpd.GeoDataFrame({"shop": range(60)}, geometry=spread(60), crs=CRS)
    points.to_file(folder / "points.gpkg", layer="points")
    shops.to_parquet(folder / "shops.parquet", write_covering_bbox=True)
    return counties, {"points": folder / "points.gpkg", "shops": folder / "shops.parquet"}


def made(folder: Path, count: int = 6) -> list[scale.Partition]:
    file = folder / "input.txt"
    file.write_text("x" * 5)
    return [scale.Partition(f"c{n:02d}", {"f": str(file)}) for n in range(count)]


# ------------------------------------------------------------------ same result


@pytest.mark.parametrize("executor", ["process", "dask"])
def test_every_executor_gives_the_same_bytes(country, tmp_path, executor) -> None:
    if executor == "dask":
        pytest.importorskip("distributed")
    counties, files = country
    parts = scale.by_county(counties, files, buffer_m=12_000)
    options = {"limit": 12_000.0}
    one = scale.run(nearest, parts, tmp_path / "one", options=options)
    other = scale.run(
        nearest, parts[::-1], tmp_path / "other", executor=executor, workers=2, options=options
    )
    assert sorted(one.done) == sorted(other.done) == [p.key for p in parts]
    for a, b in zip(one.files(), other.files(), strict=True):
        assert a.read_bytes() == b.read_bytes()
    a = scale.merge(one, tmp_path / "a.parquet", by=["code"])
    b = scale.merge(other, tmp_path / "b.parquet", by=["code"])
    assert a.read_bytes() == b.read_bytes()


def test_counties_with_a_buffer_equal_the_whole_country(country, tmp_path) -> None:
    counties, files = country
    parts = scale.by_county(counties, files, buffer_m=12_000)
    assert parts[0].crs == CRS
    result = scale.run(nearest, parts, tmp_path, options={"limit": 12_000.0})
    merged = gpd.read_parquet(scale.merge(result, tmp_path / "m.parquet", by=["code"]))
    points, shops = gpd.read_file(files["points"]), gpd.read_parquet(files["shops"])
    whole = gpd.sjoin_nearest(
        points, shops, max_distance=12_000.0, distance_col="metres", how="left"
    ).sort_values("code")
    assert merged["code"].tolist() == whole["code"].tolist()
    np.testing.assert_allclose(merged["metres"], whole["metres"], rtol=1e-9)
    np.testing.assert_array_equal(merged["shop"], whole["shop"])
    # without the buffer the answer is another one: the test would notice
    bare = scale.by_county(counties, files, buffer_m=0)
    narrow = scale.run(nearest, bare, tmp_path / "bare", options={"limit": 12_000.0})
    worse = gpd.read_parquet(scale.merge(narrow, tmp_path / "w.parquet", by=["code"]))
    assert (worse["metres"] > merged["metres"]).sum() > 50


# ------------------------------------------------------------------ restarts


def test_a_second_run_skips_what_is_done_and_unchanged(tmp_path) -> None:
    parts = made(tmp_path)
    out = tmp_path / "out"
    first = scale.run(numbers, parts, out)
    assert first.done == [p.key for p in parts]
    assert first.skipped == []
    again = scale.run(numbers, parts, out)
    assert again.done == []
    assert again.skipped == [p.key for p in parts]
    # a damaged part, a part without record and a new part are made; the rest stays
    damaged, lost = first.files()[1], first.files()[2]
    damaged.write_bytes(damaged.read_bytes()[:-9])
    lost.with_suffix(".json").unlink()
    more = [*parts, scale.Partition("c99", parts[0].files)]
    third = scale.run(numbers, more, out)
    assert third.done == ["c01", "c02", "c99"]
    assert len(third.files()) == 7
    # another input, or another option, makes everything anew
    Path(parts[0].files["f"]).write_text("y" * 6)
    assert len(scale.run(numbers, parts, out).done) == 6
    assert pd.read_parquet(out / "parts" / "c00.parquet")["bytes"].tolist() == [6]


def test_a_stopped_run_goes_on_where_it_stopped(tmp_path) -> None:
    parts = made(tmp_path)

    def stop(done: int, total: int) -> None:
        assert total == 6
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scale.run(numbers, parts, tmp_path / "out", progress=stop)
    result = scale.run(numbers, parts, tmp_path / "out")
    assert result.skipped == ["c00", "c01"]
    assert len(result.done) == 4


# ------------------------------------------------------------------ faults


@pytest.mark.parametrize("executor", ["local", "process"])
def test_faults_are_told_all_at_once_and_the_rest_is_done(tmp_path, executor) -> None:
    parts = made(tmp_path)
    with pytest.raises(DataError) as told:
        scale.run(fails, parts, tmp_path / "out", executor=executor, workers=2)
    assert [(p.code, p.row) for p in told.value.problems] == [
        ("odd", "c01 · 3"), ("task_failed", "c02"), ("no_table", "c03"),
    ]  # fmt: skip
    assert "a.csv" in str(told.value)
    assert "ZeroDivisionError" in str(told.value)
    result = scale.run(fails, parts, tmp_path / "out", keep_going=True)
    assert result.skipped == ["c00", "c04", "c05"]
    assert result.failed == ["c01", "c02", "c03"]


def test_missing_inputs_are_named(tmp_path) -> None:
    parts = [*made(tmp_path, 2), scale.Partition("gone", {"f": str(tmp_path / "no.gpkg")})]
    result = scale.run(numbers, parts, tmp_path / "out", keep_going=True)
    assert result.failed == ["gone"]
    assert result.done == ["c00", "c01"]
    assert "no.gpkg" in str(result.problems[0])


def test_wrong_usage_is_refused_before_anything_runs(tmp_path) -> None:
    parts = made(tmp_path, 2)
    out = tmp_path / "out"
    with pytest.raises(UsageError, match=r"\.py"):
        scale.run(lambda part: pd.DataFrame(), parts, out)
    with pytest.raises(UsageError, match="spark"):
        scale.run(numbers, parts, out, executor="spark")
    with pytest.raises(UsageError, match="JSON"):
        scale.run(numbers, parts, out, options={"x": object()})
    with pytest.raises(DataError, match="重复") as told:
        scale.run(numbers, [*parts, parts[0], scale.Partition("a/b")], out)
    assert len(told.value.problems) == 2
    with pytest.raises(UsageError, match="合并"):
        scale.merge([], out / "m.parquet")


def test_dask_is_asked_for_by_name_when_it_is_missing(tmp_path, monkeypatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UnavailableError, match="qianwan-gis\\[scale\\]"):
        scale.run(numbers, made(tmp_path, 2), tmp_path / "out", executor="dask")


def test_parts_in_several_crs_are_not_merged(tmp_path) -> None:
    files = []
    for name, crs in (("a", "EPSG:4547"), ("b", "EPSG:4548")):
        frame = gpd.GeoDataFrame({"k": [name]}, geometry=[shapely.Point(1, 2)], crs=crs)
        frame.to_parquet(tmp_path / f"{name}.parquet")
        files.append(tmp_path / f"{name}.parquet")
    with pytest.raises(UsageError, match="4548"):
        scale.merge(files, tmp_path / "m.parquet")


# ------------------------------------------------------------------ coverage of many counties


def test_coverage_of_made_up_counties(tmp_path) -> None:
    folders = [
        county.write(tmp_path / county.adcode)
        for county in synthetic.counties(2, villages=20, seed=5)
    ]
    one = scale.coverage(folders, tmp_path / "one")
    two = scale.coverage(folders[::-1], tmp_path / "two", executor="process", workers=2)
    assert one.read_bytes() == two.read_bytes()
    table = gpd.read_parquet(one)
    assert table.crs == "EPSG:4490"
    assert table["synthetic"].all()
    assert table["adcode"].unique().tolist() == ["990001", "990002"]
    for folder in folders:
        plan = Plan.open(folder).check()
        mine = table[table["adcode"] == plan.county.adcode].reset_index(drop=True)
        whole = plan.coverage.sort_values(["code", "service", "tier"], ignore_index=True)
        assert mine["covered"].astype("boolean").equals(whole["covered"].astype("boolean"))
        np.testing.assert_array_equal(mine["minutes"], whole["minutes"].astype(float))
        assert mine["reason"].astype(str).tolist() == whole["reason"].astype(str).tolist()
    record = json.loads(next((tmp_path / "one" / "parts").glob("*.json")).read_text())
    assert set(record) == {"inputs", "sha256", "rows"}


def test_faulty_counties_are_all_named(tmp_path) -> None:
    good = synthetic.county(20, seed=1).write(tmp_path / "good")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "county.toml").write_text('key = "x"\nadcode = "1"\n', encoding="utf-8")
    with pytest.raises(DataError) as told:
        scale.coverage([tmp_path / "one", good, tmp_path / "two"], tmp_path / "out")
    rows = {str(p.row) for p in told.value.problems}
    assert rows == {str(tmp_path / "one"), str(tmp_path / "two")}
    # a county whose inputs are at fault: told with its name, after the others are done
    (good / "roads" / "roads.gpkg").unlink()
    other = synthetic.county(20, seed=2, adcode="990002").write(tmp_path / "other")
    with pytest.raises(DataError, match=r"roads\.gpkg") as told:
        scale.coverage([good, other], tmp_path / "out")
    assert all(str(p.row).startswith("synthetic_990001") for p in told.value.problems)
    assert [p.stem for p in (tmp_path / "out" / "parts").glob("*.parquet")] == ["synthetic_990002"]
    assert not (tmp_path / "out" / "coverage.parquet").exists()


def test_the_command_tells_how_far_it_is_and_goes_on_where_it_stopped(tmp_path) -> None:
    from typer.testing import CliRunner

    from qianwan_gis.cli import app

    def scaled(*more: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(app, ["scale", str(tmp_path), "--executor", "local", *more])
        return result.exit_code, result.stdout, result.stderr

    folders = [
        county.write(tmp_path / county.adcode) for county in synthetic.counties(2, villages=20)
    ]
    code, out, err = scaled()
    assert (code, err.splitlines()[-1]) == (0, "完成2县，共2县")
    assert "2个县：新算2个，沿用0个" in out
    assert out.splitlines()[-1] == str((tmp_path / "coverage" / "coverage.parquet").resolve())
    roads = folders[1] / "roads" / "roads.gpkg"
    data = roads.read_bytes()
    roads.unlink()
    code, out, err = scaled()
    assert (code, out) == (1, "")
    assert "roads.gpkg" in err
    assert "从此处继续" in err
    roads.write_bytes(data)
    code, out, _ = scaled()
    assert code == 0
    assert "新算0个，沿用2个" in out
