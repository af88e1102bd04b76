"""The rule for figures in people, against brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from qianwan_gis import people


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([10.0, 20.0, None]),
            st.sampled_from(["registered", "resident", "", None]),
            st.sampled_from([1990, 2000, 2001, 2010, 2011, None]),
        ),
        min_size=1, max_size=9,
    )
)  # fmt: skip
def test_the_largest_set_of_one_definition_within_ten_years(rows):
    table = pd.DataFrame(rows, columns=["population", "population_kind", "population_year"])
    found = people.agreement(table)
    usable = [i for i, (n, k, y) in enumerate(rows) if n is not None and k and y is not None]
    best = 0
    for size in range(len(usable), 0, -1):
        for chosen in itertools.combinations(usable, size):
            years = [rows[i][2] for i in chosen]
            if len({rows[i][1] for i in chosen}) == 1 and max(years) - min(years) <= 10:
                best = max(best, size)
    if best == 0:
        assert found is None
        return
    assert found.rows.sum() == best
    mine = table[found.rows]
    assert set(mine["population_kind"]) == {found.kind}
    assert (mine["population_year"].min(), mine["population_year"].max()) == (
        found.first,
        found.last,
    )
    assert found.last - found.first <= 10
    assert found.enough == (best >= 0.8 * len(rows))


def test_ties_go_to_later_years_and_missing_columns_are_unknown():
    table = pd.DataFrame(
        {"population": 1.0, "population_kind": ["resident", "registered"],
         "population_year": [2020, 2000]}
    )  # fmt: skip
    assert people.agreement(table).kind == "resident"
    assert people.agreement(table).years() == "2020"
    assert people.agreement(pd.DataFrame({"population": [np.nan, 5.0]})) is None
