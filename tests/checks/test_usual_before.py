"""What was usual before a row: the median and its spread, against the plain definition."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkeep.checks.windows import NORMAL, NORMAL_90, day_key, usual_before

VALUES = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1, max_size=40)


@given(
    values=VALUES,
    gaps=st.lists(st.integers(1, 9), min_size=40, max_size=40),
    least=st.integers(0, 5),
    resting=st.booleans(),
)
def test_equals_the_plain_definition(values: list[float], gaps: list[int], least: int, *, resting: bool) -> None:
    """Median and deviation are those of the known values of the days before, the row's own left out."""
    keys = np.cumsum(gaps)[: len(values)].astype(np.int64)
    told = np.array(values)
    centre, spread = usual_before(keys, told, np.arange(len(values)), 20, least, resting=resting)
    for i, key in enumerate(keys):
        window = told[(keys >= key - 20) & (keys < key) & np.isfinite(told)]
        if len(window) < max(least, 1):
            assert np.isnan(centre[i])
            assert np.isnan(spread[i])
            continue
        middle = np.median(window)
        np.testing.assert_allclose(centre[i], middle, rtol=1e-12)
        off = np.sort(np.abs(window - middle))
        expected = NORMAL * np.median(off)
        if resting:
            expected = max(expected, off[math.ceil(0.9 * len(off)) - 1] / NORMAL_90)
        np.testing.assert_allclose(spread[i], expected, rtol=1e-12)


def test_spread_is_a_standard_deviation_and_does_not_heed_a_few() -> None:
    """Of normal values it is their standard deviation, and five odd ones among a hundred leave it as it is."""
    told = np.random.default_rng(3).normal(7, 2, 4001)
    keys = np.arange(4001)
    assert usual_before(keys, told, keys[-1:], 4000, 1)[1] == pytest.approx(2, rel=0.05)
    told[::20] = 1e6
    assert usual_before(keys, told, keys[-1:], 4000, 1)[1] == pytest.approx(2, rel=0.25)


def test_price_that_rests_on_most_days_has_a_spread() -> None:
    """Where six of ten moves are nothing the others still tell what is usual."""
    told = np.tile([0.0, 0.0, 0.0, 0.2, -0.2], 20)
    assert usual_before(np.arange(100), told, np.array([99]), 90, 20, resting=True)[1] == pytest.approx(0.2 / NORMAL_90)


def test_symbols_are_far_from_each_other() -> None:
    """Keys rise by the days between rows, and no window reaches from one symbol into another."""
    days = [date(1962, 1, 2) + timedelta(days=i) for i in (0, 1, 4)]
    frame = pl.DataFrame({"symbol": ["A"] * 3 + ["B"] * 3, "date": days * 2})
    keys = frame.select(day_key()).to_series()
    assert keys.diff().to_list()[1:3] == [1, 3]
    assert keys.diff().to_list()[4:] == [1, 3]
    assert keys[3] - keys[2] > 365 * 1000
