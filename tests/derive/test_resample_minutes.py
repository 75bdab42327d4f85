"""Longer bars from minutes: within their segment, counted from its edge, nothing lost and nothing made up."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkeep.calendars import XNYS
from marketkeep.derive.resample_minutes import MinuteEvery, resample_minutes
from marketkeep.errors import BadInput
from marketkeep.model import MINUTE_BARS

EVERY = get_args(MinuteEvery)
SCHEMA = {name: dtype for name, dtype in MINUTE_BARS.schema.items() if name != "batch_id"}
MINUTES = {"5m": 5, "15m": 15, "30m": 30, "1h": 60}
USUAL, HALF = date(2024, 3, 8), date(2023, 11, 24)
AFTER_DST = date(2024, 3, 11)


def segment_of(ts: datetime, day: date) -> str:
    """Which part of its session a minute belongs to."""
    if ts < XNYS.session_open(day):
        return "pre"
    return "regular" if ts < XNYS.session_close(day) else "post"


def minute(day: date, offset: int, price: float = 10.0, symbol: str = "XYZ", **other: Any) -> dict[str, Any]:
    """The bar `offset` minutes after the open of a session, a half point of range around a price."""
    ts = XNYS.session_open(day) + timedelta(minutes=offset)
    told = {"open": price, "high": price + 0.5, "low": price - 0.5, "close": price + 0.25, "volume": 100.0}
    facts = {"vwap": price + 0.1, "trade_count": 7, "feed": "sip", "source": "gym", "score": 100}
    return {"symbol": symbol, "ts": ts, "date": day, "segment": segment_of(ts, day), **told, **facts, **other}


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Minute bars from rows."""
    return pl.DataFrame(rows, schema=SCHEMA)


_OFFSETS = st.integers(-330, 629)
_NUMBER = st.none() | st.floats(0.5, 1e4)
_ROWS = st.lists(
    st.tuples(st.sampled_from([USUAL, HALF, AFTER_DST]), _OFFSETS, st.floats(0.5, 1e4), _NUMBER, _NUMBER),
    unique_by=lambda row: row[:2],
    max_size=80,
).map(lambda rows: frame([minute(day, at, price, vwap=vwap, volume=size) for day, at, price, vwap, size in rows]))


def start_of(ts: datetime, day: date, every: str) -> datetime:
    """The start of the span a minute is in, by plain arithmetic."""
    edge = XNYS.session_close(day) if segment_of(ts, day) == "post" else XNYS.session_open(day)
    return edge + timedelta(minutes=(ts - edge) // timedelta(minutes=1) // MINUTES[every] * MINUTES[every])


@given(bars=_ROWS, every=st.sampled_from(sorted(MINUTES)))
def test_each_bar_is_what_its_minutes_come_to(bars: pl.DataFrame, every: MinuteEvery) -> None:
    """
    Every minute is in exactly one bar of its own segment, and each value is that of these minutes alone.
    """
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in bars.sort("symbol", "ts").iter_rows(named=True):
        groups.setdefault((row["date"], start_of(row["ts"], row["date"], every), row["segment"]), []).append(row)
    found = resample_minutes(bars, every)
    assert found["minutes"].sum() == bars.height
    told = {(row["date"], row["ts"], row["segment"]): row for row in found.iter_rows(named=True)}
    assert told.keys() == groups.keys()
    for key, rows in groups.items():
        one = told[key]
        assert (one["open"], one["close"]) == (rows[0]["open"], rows[-1]["close"])
        assert (one["high"], one["low"]) == (max(r["high"] for r in rows), min(r["low"] for r in rows))
        volumes, means = [r["volume"] for r in rows], [r["vwap"] for r in rows]
        assert one["volume"] == (None if None in volumes else pytest.approx(sum(volumes), rel=1e-12))
        if None in volumes or None in means:
            assert one["vwap"] is None
        else:
            mean = sum(v * p for v, p in zip(volumes, means, strict=True)) / sum(volumes)
            assert one["vwap"] == pytest.approx(mean, rel=1e-12)


@given(bars=_ROWS, every=st.sampled_from(EVERY), seed=st.randoms(use_true_random=False))
def test_order_of_minutes_does_not_matter(bars: pl.DataFrame, every: MinuteEvery, seed: Any) -> None:
    """
    The same minutes in another order give the same bars, sorted by symbol and ts.
    """
    mixed = list(range(bars.height))
    seed.shuffle(mixed)
    found = resample_minutes(bars[mixed], every)
    assert found.equals(resample_minutes(bars, every))
    assert found.equals(found.sort("symbol", "ts"))


def test_hours_of_a_half_day_end_with_its_early_close() -> None:
    """
    On a half day the last regular hour is half an hour long, and what follows the early close is counted from it.
    """
    found = resample_minutes(frame([minute(HALF, at) for at in range(240)]), "1h")
    regular, post = found.filter(pl.col("segment") == "regular"), found.filter(pl.col("segment") == "post")
    assert regular["minutes"].to_list() == [60, 60, 60, 30]
    assert post["ts"].to_list() == [XNYS.session_close(HALF)]
    assert post["ts"][0] == datetime(2023, 11, 24, 18, tzinfo=UTC)


@pytest.mark.parametrize(("day", "hour"), [(USUAL, 14), (AFTER_DST, 13)])
def test_bars_follow_new_york_across_the_change_of_clocks(day: date, hour: int) -> None:
    """
    The first bar of a session begins at half past nine in New York, before and after clocks change there.
    """
    found = resample_minutes(frame([minute(day, at) for at in range(390)]), "15m")
    assert found["ts"][0] == datetime(day.year, day.month, day.day, hour, 30, tzinfo=UTC)
    assert found["minutes"].to_list() == [15] * 26


def test_a_session_is_one_bar_a_segment() -> None:
    """
    `session` gives pre, regular and post apart, each from its first minute held; unknown numbers stay unknown.
    """
    rows = [
        minute(USUAL, -3),
        minute(USUAL, 1),
        minute(USUAL, 2, trade_count=None),
        minute(USUAL, 389),
        minute(USUAL, 395),
    ]
    found = resample_minutes(frame(rows), "session")
    assert found["segment"].to_list() == ["pre", "regular", "post"]
    assert found["minutes"].to_list() == [1, 3, 1]
    assert found["trade_count"].to_list() == [7, None, 7]
    assert found["ts"][1] == rows[1]["ts"]


def test_crypto_is_counted_from_midnight_utc() -> None:
    """
    What trades around the clock has its hours counted from 00:00 UTC.
    """
    day = date(2024, 3, 9)
    at = datetime(2024, 3, 9, 5, 59, tzinfo=UTC)
    row = minute(USUAL, 0, symbol="BTC-USD") | {"ts": at, "date": day, "segment": "regular"}
    found = resample_minutes(frame([row]), "1h")
    assert found["ts"].to_list() == [datetime(2024, 3, 9, 5, tzinfo=UTC)]


def test_nothing_comes_to_nothing() -> None:
    """
    Without minutes there are no bars, in the same columns.
    """
    found = resample_minutes(frame([]), "5m")
    assert found.is_empty()
    assert found.columns == [*SCHEMA, "minutes"]


def test_an_unknown_length_is_refused_with_those_there_are() -> None:
    """
    The message names what was asked and what can be.
    """
    with pytest.raises(BadInput, match=r"every='2m' is unknown; use '5m', '15m', '30m', '1h', 'session'"):
        resample_minutes(frame([]), "2m")  # type: ignore[arg-type]
