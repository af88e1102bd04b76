"""SQL over result tables, through SedonaDB (extra ``sql``).

Spatial functions (``ST_DWithin``, ``ST_Area``, …) work on the tables' projected metres; x is east.
A point made in the statement needs the CRS of the table: ``ST_SetSRID(ST_Point(x, y), 4547)``.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from qianwan_gis._errors import UnavailableError, UsageError
from qianwan_gis._text import Text


def query(statement: str, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Run one SQL statement over named tables.

    Parameters
    ----------
    statement
        A ``SELECT``. Chinese column names need double quotes.
    tables
        Name -> DataFrame or GeoDataFrame. Only those named in the statement are handed over.

    Returns
    -------
    DataFrame, or GeoDataFrame when the result has a geometry column.

    Raises
    ------
    UnavailableError
        The extra is not installed.
    UsageError
        The statement is wrong; the message is the engine's, with the tables there are.
    """
    try:
        import sedonadb
    except ImportError as error:
        raise UnavailableError(
            Text(
                '未安装 SQL 组件，请运行：pip install "qianwan-gis[sql]"',
                'SQL needs an extra: pip install "qianwan-gis[sql]"',
            )
        ) from error
    session = sedonadb.connect()
    lowered = statement.lower()
    for name, table in tables.items():
        if name in lowered:
            session.create_data_frame(table.reset_index(drop=True)).to_view(name)
    try:
        return session.sql(statement).to_pandas()
    except sedonadb._lib.SedonaError as error:
        there = ", ".join(tables)
        raise UsageError(
            Text(f"SQL 有误：{error}。可用的表：{there}", f"SQL: {error}. Tables: {there}")
        ) from error
