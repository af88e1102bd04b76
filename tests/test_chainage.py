"""Chainage: reading, writing, arithmetic. Truth: the way stakes are printed on Chinese roads."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qianwan_gis._errors import UsageError
from qianwan_gis.chainage import Chainage


@pytest.mark.parametrize(
    ("text", "metres", "prefix", "shown"),
    [
        ("K12+345.6", 12345.6, "", "K12+345.6"),
        ("k12+345", 12345.0, "", "K12+345"),
        ("K12", 12000.0, "", "K12+000"),
        ("12+345.6", 12345.6, "", "K12+345.6"),
        (" K 12 + 005 ", 12005.0, "", "K12+005"),
        ("Ｋ１２＋３４５．６", 12345.6, "", "K12+345.6"),
        ("桩号：K3+070", 3070.0, "", "K3+070"),
        ("ZK3+010", 3010.0, "Z", "ZK3+010"),
        ("yk3+010", 3010.0, "Y", "YK3+010"),
        ("左K3+010", 3010.0, "Z", "ZK3+010"),
        ("右线K1", 1000.0, "Y", "YK1+000"),
        ("AK0+100", 100.0, "A", "AK0+100"),
        ("K-0+120", -120.0, "", "K-0+120"),
        ("-K1+020", -1020.0, "", "K-1+020"),
        ("K0+000", 0.0, "", "K0+000"),
        ("K1234+5", 1234005.0, "", "K1234+005"),
    ],
)
def test_parse_reads_what_stakes_say(text, metres, prefix, shown):
    stake = Chainage.parse(text)
    assert stake.metres == metres
    assert stake.prefix == prefix
    assert str(stake) == shown
    assert Chainage.parse(str(stake)) == stake


@pytest.mark.parametrize(
    "text",
    [
        "12",
        "K12+1000",
        "abc",
        "",
        "K",
        "K+5",
        "K1+2+3",
        "K1.5",
        "--K1",
        "-K-1+0",
        "左YK1",
        "K1+",
        None,
        True,
        [1],
    ],
)
def test_nonsense_is_a_usage_error_that_quotes_it(text):
    with pytest.raises(UsageError) as caught:
        Chainage.parse(text)
    assert f"“{text}”" in str(caught.value)


def test_numbers_are_metres():
    assert str(Chainage.parse(1500)) == "K1+500"
    assert str(Chainage.parse(np.float64(1500.25))) == "K1+500.25"
    assert Chainage("K2+500") == 2500
    with pytest.raises(UsageError):
        Chainage(float("nan"))
    with pytest.raises(UsageError):
        Chainage(float("inf"))


def test_rounding_never_writes_a_thousand_metres():
    assert str(Chainage(12999.9996)) == "K13+000"
    assert Chainage(12999.96).format(1) == "K13+000.0"
    assert Chainage(12345.678).format(0) == "K12+346"
    assert Chainage(12345.678).format(2) == "K12+345.68"
    assert str(Chainage(-0.0)) == "K0+000"
    assert str(Chainage(-0.0001)) == "K0+000"
    with pytest.raises(UsageError):
        Chainage(1).format(4)


def test_arithmetic_keeps_the_line():
    a = Chainage.parse("ZK1+500")
    assert str(a + 600) == "ZK2+100"
    assert str(600 + a) == "ZK2+100"
    assert str(a - 600) == "ZK0+900"
    assert a - Chainage.parse("ZK1+000") == 500.0
    assert not isinstance(a - Chainage.parse("ZK1+000"), Chainage)
    with pytest.raises(UsageError, match="相加"):
        a + a
    with pytest.raises(TypeError):
        a + "x"
    with pytest.raises(TypeError):
        a - "x"


def test_order_and_equality():
    stakes = [Chainage.parse(t) for t in ("K2+000", "K-0+100", "K10+000", "K0+999.9")]
    assert [str(s) for s in sorted(stakes)] == ["K-0+100", "K0+999.9", "K2+000", "K10+000"]
    assert Chainage(1000) == Chainage.parse("K1") == 1000.0
    assert len({Chainage(1000), Chainage.parse("K1+000"), 1000.0}) == 1
    left, right = Chainage.parse("ZK1"), Chainage.parse("YK1")
    assert left != right
    assert len({left, right}) == 2
    for compare in (left.__lt__, left.__le__, left.__gt__, left.__ge__, left.__sub__):
        with pytest.raises(UsageError, match="线位"):
            compare(right)
    assert left.line == "左线"
    assert right.line == "右线"
    assert Chainage(0).line == ""


def test_lives_in_tables_and_files():
    stakes = [Chainage.parse("ZK1+500"), Chainage(2)]
    series = pd.Series(stakes, dtype=object)
    assert series.map(str).tolist() == ["ZK1+500", "K0+002"]
    assert pickle.loads(pickle.dumps(stakes)) == stakes
    assert f"{Chainage(1500)}" == "K1+500"
    assert f"{Chainage(1500):>8}" == "  K1+500"
    assert f"{Chainage(1500.5):.2f}" == "1500.50"
    assert repr(Chainage(1500)) == "Chainage('K1+500')"
    assert Chainage(-20).kilometre == -1
    assert Chainage(12345).kilometre == 12


@given(st.integers(-5_000_000, 99_000_000))
def test_text_and_back_is_the_identity_on_millimetres(millimetres):
    stake = Chainage(millimetres / 1000)
    assert Chainage.parse(str(stake)) == stake
    assert abs(stake.metres - millimetres / 1000) < 1e-6


@given(st.text(max_size=12))
def test_any_text_is_read_or_refused_never_a_crash(text):
    try:
        stake = Chainage.parse(text)
    except UsageError:
        return
    assert Chainage.parse(str(stake)) == stake


@pytest.mark.parametrize(
    ("text", "metres"),
    [
        ("Ｋ１２＋３４５", 12345.0),  # full width throughout
        ("ｋ１２＋３４５．６", 12345.6),
        ("12+345", 12345.0),  # without the K
        ("K 12 + 345", 12345.0),
        ("K0012+005", 12005.0),
        ("K12+5", 12005.0),  # leading noughts left out: five metres, not fifty
        ("K-12+345", -12345.0),
        ("K−12+345", -12345.0),  # a minus sign proper
        ("-12+345", -12345.0),
    ],
)
def test_ways_of_writing_the_same_stake(text, metres):
    assert Chainage.parse(text).metres == metres
    assert Chainage(text) == metres


@pytest.mark.parametrize(
    "text",
    [
        "K12+1345",  # a metre count of four digits: K13+345 or K12+134.5? nobody can say
        "K12+345+6",
        "K12-345",
        "12.345",
        "12345",
        "MP 12.3",
        "mile 12",
        "12 mi",
        "12英里",
        "K12.5",
        "K12+345m",
        "K12+345,6",
        "K+345",
        "KK12+345",
        "十二公里",
        "nan",
        "inf",
        "K１２＋１３４５",
    ],
)
def test_what_may_mean_several_things_is_refused_and_says_how_to_write_it(text):
    for read in (Chainage.parse, Chainage):
        with pytest.raises(UsageError, match=r"K12\+345\.6") as caught:
            read(text)
        assert text in caught.value.text.zh
        assert text in caught.value.text.en


def test_as_text_in_a_table():
    """Pandas prints the number; ``astype(str)`` gives the stakes."""
    column = pd.Series([Chainage(12345), Chainage(-20)], dtype=object)
    assert column.map(str).tolist() == ["K12+345", "K-0+020"]
    assert column.astype(str).tolist() == ["K12+345", "K-0+020"]
    assert f"{Chainage(12999.6).format(0)}" == "K13+000"
