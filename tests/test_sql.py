"""SQL over tables: the same answer as pandas and shapely, and clear faults."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from qianwan_gis import sql
from qianwan_gis._errors import UsageError

pytest.importorskip("sedonadb")


def tables():
    rng = np.random.default_rng(1)
    xy = rng.uniform(0, 10_000, (50, 2)) + np.array([400_000, 3_930_000])
    villages = gpd.GeoDataFrame(
        {"code": [f"{i:012d}" for i in range(50)], "村名": [f"村{i}" for i in range(50)]},
        geometry=gpd.points_from_xy(*xy.T), crs="EPSG:4547",
    )  # fmt: skip
    villages.loc[3, "geometry"] = None
    coverage = pd.DataFrame({"code": villages["code"], "covered": rng.random(50) < 0.5})
    return {"villages": villages, "coverage": coverage}


def test_counts_agree_with_pandas():
    made = tables()
    answer = sql.query("SELECT covered, count(*) AS n FROM coverage GROUP BY covered", made)
    assert dict(zip(answer["covered"], answer["n"], strict=True)) == (
        made["coverage"]["covered"].value_counts().to_dict()
    )


def test_distances_agree_with_shapely_and_geometry_comes_back():
    made = tables()
    centre = shapely.Point(405_000, 3_935_000)
    text = 'SELECT code, "村名", geometry FROM villages WHERE ST_Distance(geometry, ST_SetSRID(ST_Point(405000, 3935000), 4547)) <= 3000'
    answer = sql.query(text, made)
    villages = made["villages"]
    assert isinstance(answer, gpd.GeoDataFrame)
    assert answer.crs.to_epsg() == 4547
    assert set(answer["code"]) == set(villages.loc[villages.distance(centre) <= 3000, "code"])


@pytest.mark.parametrize("text", ["SELECT x FROM villages", "SELEC", "SELECT * FROM nowhere"])
def test_a_wrong_statement_is_a_usage_error_naming_the_tables(text):
    with pytest.raises(UsageError, match="villages, coverage"):
        sql.query(text, tables())
