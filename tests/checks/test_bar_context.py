"""What lies around a gold bar: on its own basis, near it only, and the same from a part of the bars as from all."""

from __future__ import annotations

import math
from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.bar_series import USUAL, judged, series, steady, tally, walks
from marketkeep.checks import NEAR_DAYS, bar_context, check_series
from marketkeep.model import Thresholds

TEN_YEARS = walks(3, 900, 11, share=0.03)
SPOILT = TEN_YEARS.with_columns(
    # Spikes, stale runs and odd volumes at places of their own, so that every column of the context has something.
    close=pl.when(pl.int_range(pl.len()) % 61 < 2).then(pl.col("close") * 1.7).otherwise("close"),
    volume=pl.when(pl.int_range(pl.len()) % 131 == 0).then(None).otherwise("volume"),
)
STALE = SPOILT.with_columns(
    pl.when(pl.int_range(pl.len()) % 211 < 7)
    .then(pl.col(name).gather(pl.int_range(pl.len()) // 211 * 211))
    .otherwise(name)
    .alias(name)
    for name in ("open", "high", "low", "close", "volume")
)


def test_closes_around_are_on_the_bars_own_basis() -> None:
    """The close before a split is told in new shares, the close after it in old ones; dividends likewise."""
    rows = series([100.0, 50.0, 51.0], split_factor=[0.5, 1.0, 1.0], dividend_factor=[0.98, 0.98, 1.0])
    found = bar_context(rows, USUAL)
    assert found["before"].to_list() == [None, pytest.approx(50.0), pytest.approx(49.0)]
    assert found["next_1"].to_list() == [pytest.approx(100.0), pytest.approx(51.0 / 0.98), None]
    assert found["next_2"].to_list() == [pytest.approx(51.0 / 0.98 / 0.5), None, None]
    assert found["move"].to_list() == [None, pytest.approx(0.0), pytest.approx(math.log(51 / 49))]


def test_volume_is_in_shares_of_today() -> None:
    """Volume before a split counts in new shares; none, and none known, have no logarithm."""
    rows = series([1.0] * 4, split_factor=[0.5, 1.0, 1.0, 1.0], volume=[500.0, 1000.0, 0.0, None])
    found = bar_context(rows, USUAL)["log_volume"].to_list()
    assert found == [pytest.approx(math.log(1000)), pytest.approx(math.log(1000)), None, None]


def test_close_before_skips_spikes() -> None:
    """The level before is that of the last bar that was no spike."""
    closes = steady(60)
    closes[40] *= 2
    closes[41] *= 2
    found = bar_context(series(closes), USUAL)["before"]
    assert found[41] == found[42] == closes[39]
    assert found[43] == closes[42]


def test_nothing_is_near_across_symbols_or_long_halts() -> None:
    """Another symbol's close and one of more than ten days ago are no close before."""
    first, second = series(steady(30)), series(steady(30), symbol="MSFT")
    late = second.with_columns(pl.col("date") + timedelta(days=1))
    found = bar_context(pl.concat([first, late]), USUAL)
    assert found["before"].null_count() == 2
    assert found["next_1"].null_count() == 2
    halt = first.with_columns(
        pl.when(pl.int_range(30) >= 20).then(pl.col("date") + timedelta(days=8)).otherwise("date")
    )
    assert bar_context(halt, USUAL)["before"].null_count() == 2
    assert bar_context(halt, USUAL)["next_1"].null_count() == 2


def test_usual_volume_is_of_the_days_before_only() -> None:
    """The median of the window's volumes, the bar's own left out; null until enough are held."""
    rows = series(steady(60), volume=[math.exp(i) for i in range(60)])
    found = bar_context(rows, Thresholds(window_days=14, window_least=3))["usual_volume"]
    assert found[:3].to_list() == [None, None, None]
    assert found[3] == pytest.approx(1.0)
    assert found[40] == pytest.approx(34.5)


@settings(deadline=None, max_examples=60)
@given(
    start=st.integers(0, 1200),
    length=st.integers(1, 60),
    window=st.sampled_from([30, 60, 120]),
    stale=st.integers(2, 6),
)
def test_part_of_the_bars_gives_the_context_of_all(start: int, length: int, window: int, stale: int) -> None:
    """
    The context of some days is the same from the bars `window_days` and twice `NEAR_DAYS` before to `NEAR_DAYS` after
    them as from all bars, bit for bit; and so are the marks.
    """
    thresholds = Thresholds(window_days=window, window_least=10, stale_sessions=stale)
    first = STALE["date"].min() + timedelta(days=start)  # type: ignore[operator]
    last = first + timedelta(days=length)
    inside = pl.col("date").is_between(first, last)
    reach = (first - timedelta(days=window + 2 * NEAR_DAYS), last + timedelta(days=NEAR_DAYS))
    part = STALE.filter(pl.col("date").is_between(*reach))
    whole = bar_context(STALE, thresholds).filter(inside).drop("key")
    assert bar_context(part, thresholds).filter(inside).drop("key").equals(whole)
    marks = check_series(part, bar_context(part, thresholds), thresholds).filter(inside)
    assert marks.equals(judged(STALE, thresholds=thresholds).filter(inside))


def test_spoilt_bars_have_something_to_tell() -> None:
    """The bars that the property above is tried on fail most of the checks in context."""
    assert set(tally(judged(STALE))) >= {"price_spike", "stale_repeat", "open_gap"}
