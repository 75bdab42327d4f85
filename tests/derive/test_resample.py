"""Longer bars from daily ones: nothing lost, nothing made up, and equal to what pandas makes of real bars."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkeep.derive.resample import Every, resample
from marketkeep.errors import BadInput
from proofs.keeps import make_keep

EVERY = get_args(Every)
PANDAS = {"week": "W-SUN", "month": "ME", "quarter": "QE", "year": "YE"}
SCHEMA = {"symbol": pl.String, "date": pl.Date} | dict.fromkeys(
    ["open", "high", "low", "close", "adj_close", "volume"], pl.Float64
)


def frame(rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    """Bars as rows of symbol, date, open, high, low, close, adj_close and volume."""
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def bar(day: date, price: float, volume: float | None = 100.0, symbol: str = "XYZ") -> tuple[Any, ...]:
    """A bar around a price: one above, one below, closing half a point up."""
    return (symbol, day, price, price + 1, price - 1, price + 0.5, (price + 0.5) / 2, volume)


_DAYS = st.dates(date(1998, 1, 1), date(2026, 12, 31))
_NUMBERS = st.none() | st.floats(0.01, 1e6)
_BARS = st.lists(
    st.tuples(
        st.sampled_from(["A", "B"]), _DAYS, _NUMBERS, _NUMBERS, _NUMBERS, st.floats(0.01, 1e6), _NUMBERS, _NUMBERS
    ),
    unique_by=lambda row: row[:2],
    max_size=60,
).map(frame)


def period(day: date, every: str) -> tuple[int, int]:
    """Which period a day belongs to, by the calendar module's words."""
    week = day.isocalendar()
    names = {
        "week": (week.year, week.week),
        "month": (day.year, day.month),
        "quarter": (day.year, (day.month - 1) // 3),
    }
    return names.get(every, (day.year, 0))


@given(bars=_BARS, every=st.sampled_from(EVERY))
def test_periods_cover_every_row(bars: pl.DataFrame, every: Every) -> None:
    """
    Each daily bar is in exactly one period: the periods' sessions add up, and each value is that of its own rows.
    """
    found = resample(bars, every)
    assert found["sessions"].sum() == bars.height
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in bars.sort("symbol", "date").iter_rows(named=True):
        groups.setdefault((row["symbol"], *period(row["date"], every)), []).append(row)
    assert found.height == len(groups)
    for row, own in zip(found.iter_rows(named=True), groups.values(), strict=True):
        assert (row["symbol"], row["date"], row["sessions"]) == (own[-1]["symbol"], own[-1]["date"], len(own))
        assert (row["open"], row["close"], row["adj_close"]) == (own[0]["open"], own[-1]["close"], own[-1]["adj_close"])
        for name, of_all in (("high", max), ("low", min), ("volume", sum)):
            told = [one[name] for one in own]
            expected = None if None in told else of_all(told)
            assert row[name] == (expected if expected is None else pytest.approx(expected, rel=1e-12)), name


@given(bars=_BARS, every=st.sampled_from(EVERY))
def test_order_of_rows_does_not_matter(bars: pl.DataFrame, every: Every) -> None:
    """
    Bars handed in newest first come out the same, sorted by symbol and date.
    """
    found = resample(bars, every)
    assert found.equals(resample(bars.reverse(), every))
    assert found.equals(found.sort("symbol", "date"))


def test_weeks_and_years_end_where_the_calendar_says() -> None:
    """
    A week runs from Monday to Sunday across a new year; its date is the last session held, not a Friday or Sunday.
    """
    monday = date(2018, 12, 31)
    days = [monday + timedelta(days=one) for one in (0, 2, 3, 7)]
    bars = frame([bar(day, 10.0 + number) for number, day in enumerate(days)])
    week = resample(bars, "week")
    assert week.select("date", "open", "high", "low", "close", "volume", "sessions").rows() == [
        (days[2], 10.0, 13.0, 9.0, 12.5, 300.0, 3),
        (days[3], 13.0, 14.0, 12.0, 13.5, 100.0, 1),
    ]
    assert resample(bars, "year")["date"].to_list() == [monday, days[3]]


def test_unknown_is_not_zero() -> None:
    """
    A volume that one session does not tell is unknown for the whole period, and so is one that none tells.
    """
    first = date(2020, 1, 6)
    some = frame([bar(first, 10.0), bar(first + timedelta(days=1), 11.0, None)])
    none = frame([bar(first, 10.0, None), bar(first + timedelta(days=1), 11.0, None)])
    assert resample(some, "week")["volume"].to_list() == [None]
    assert resample(none, "week")["volume"].to_list() == [None]
    assert resample(some, "week")["close"].to_list() == [11.5]


def test_empty_and_without_adj_close() -> None:
    """
    No bars make no periods, and a column that was not handed in is not made up.
    """
    assert resample(frame([]), "month").height == 0
    found = resample(frame([bar(date(2020, 1, 6), 10.0)]).drop("adj_close"), "month")
    assert found.columns == ["symbol", "date", "open", "high", "low", "close", "volume", "sessions"]


def test_other_lengths_and_repeated_days_are_refused() -> None:
    """
    A length that is not known, or two bars of a symbol on one day, is refused instead of being summed up wrongly.
    """
    row = bar(date(2020, 1, 6), 10.0)
    with pytest.raises(BadInput, match="decade"):
        resample(frame([row]), "decade")  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="two bars"):
        resample(frame([row, row]), "week")


@pytest.mark.parametrize("every", EVERY)
def test_equal_to_pandas_on_real_bars(corpus: Path, tmp_path: Path, every: Every) -> None:
    """
    Twenty-three years of three real symbols give, to the last digit, what pandas' resample gives.
    """
    made = make_keep(tmp_path / "keep")
    made.take(*(corpus / f"lean/daily/{symbol}.zip" for symbol in ("aapl", "ibm", "spy")))
    bars = made.open().bars(["AAPL", "IBM", "SPY"]).polars()
    found = resample(bars, every)
    for symbol in ("AAPL", "IBM", "SPY"):
        own = bars.filter(pl.col("symbol") == symbol).to_pandas().assign(day=lambda one: pd.to_datetime(one["date"]))
        theirs = own.set_index("day").resample(PANDAS[every])
        expected = pd.DataFrame(
            {
                "date": theirs["date"].last(),
                "open": theirs["open"].first(),
                "high": theirs["high"].max(),
                "low": theirs["low"].min(),
                "close": theirs["close"].last(),
                "adj_close": theirs["adj_close"].last(),
                "volume": theirs["volume"].sum(),
                "sessions": theirs["close"].count(),
            }
        )
        expected = expected[expected["sessions"] > 0]
        ours = found.filter(pl.col("symbol") == symbol)
        assert ours.height == len(expected)
        for name in expected.columns:
            told = expected[name].dt.date.tolist() if name == "date" else expected[name].tolist()
            assert ours[name].to_list() == told, f"{symbol} {name}"
    print(f"{every}: {found.height} periods of {bars.height} sessions equal pandas'")
