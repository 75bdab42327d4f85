"""Minutes of the truth: regular hours add up to the day exactly, holes and hours as they are in a market."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from gym import Truth
from gym.minutes import SCHEMA, between, minutes, regular, traded_share

HALF_DAYS = (date(2023, 11, 24), date(2024, 7, 3), date(2024, 11, 29), date(2024, 12, 24))


@pytest.fixture(scope="module")
def truth() -> Truth:
    """Twenty-four symbols over two years."""
    return Truth(symbols=24, years=2)


def test_regular_minutes_add_up_to_the_day(truth: Truth) -> None:
    """First open, highest high, lowest low, last close and the sum of volume are the day's, to the cent and share."""
    for symbol in truth.symbols:
        history = truth.history(symbol)
        days = truth.bars(symbol).gather_every(7)
        made = pl.concat([regular(history, day).with_columns(date=pl.lit(day)) for day in days["date"]])
        summed = made.group_by("date", maintain_order=True).agg(
            pl.col("open").first(), pl.col("high").max(), pl.col("low").min(), pl.col("close").last(), pl.sum("volume")
        )
        assert summed.equals(days), symbol


def test_rows_are_bars(truth: Truth) -> None:
    """Each row's range holds its open, close and average; prices are whole cents, volume and trades are there."""
    for symbol in truth.symbols:
        history = truth.history(symbol)
        for day in truth.bars(symbol)["date"].to_list()[::50]:
            frame = minutes(history, day)
            assert dict(frame.schema) == SCHEMA
            assert frame["ts"].is_sorted()
            assert frame["ts"].is_unique().all()
            assert (frame["ts"] % 60 == 0).all()
            inside = pl.col("open", "close", "vwap").is_between("low", "high")
            assert frame.select(pl.all_horizontal(inside).all()).item()
            for name in ("open", "high", "low", "close"):
                assert np.array_equal(frame[name], np.round(frame[name].to_numpy(), 2))
            assert frame.select((pl.col("trades") >= 1).all() & (pl.col("volume") >= pl.col("trades")).all()).item()


def test_same_minutes_whatever_was_asked_before(truth: Truth) -> None:
    """Minutes depend on seed, symbol and session only."""
    day = date(2024, 6, 4)
    again = Truth(symbols=3, years=2)
    assert minutes(again.history("NA"), day).equals(minutes(truth.history("NA"), day))
    assert not minutes(Truth(8, 3, 2).history("NA"), day).equals(minutes(truth.history("NA"), day))
    assert not minutes(truth.history("NA"), day - timedelta(days=1)).equals(minutes(truth.history("NA"), day))


def test_half_days_end_at_one(truth: Truth) -> None:
    """On half days no regular minute begins at 13:00 in New York or later."""
    for day in HALF_DAYS:
        frame = regular(truth.history("BF.A"), day)
        assert 195 <= frame.height <= 210
        assert datetime.fromtimestamp(frame["ts"][-1], UTC) < datetime(day.year, day.month, day.day, 18, tzinfo=UTC)
    assert regular(truth.history("BF.A"), date(2024, 7, 2)).height > 380


@pytest.mark.parametrize(("day", "hour"), [(date(2024, 3, 8), 14), (date(2024, 3, 11), 13), (date(2024, 11, 4), 14)])
def test_hours_follow_new_york(truth: Truth, day: date, hour: int) -> None:
    """Over a change of clocks the opening moves by an hour in UTC."""
    first = datetime.fromtimestamp(regular(truth.history("BF.A"), day)["ts"][0], UTC)
    assert (first.hour, first.minute) in ((hour, 30), (hour, 31))
    early = minutes(truth.history("BF.A"), day)["ts"].min()
    assert early >= datetime(day.year, day.month, day.day, hour - 5, tzinfo=UTC).timestamp()


def test_extended_hours_are_beside_the_day(truth: Truth) -> None:
    """Trap 25: before and after hours prices go beyond the day's range and volume is not the day's."""
    beyond = 0
    for symbol in truth.symbols:
        history = truth.history(symbol)
        for row in truth.bars(symbol).tail(20).iter_rows(named=True):
            frame = minutes(history, row["date"])
            beyond += frame["high"].max() > row["high"] or frame["low"].min() < row["low"]
            aside = frame.join(regular(history, row["date"]), on="ts", how="anti")
            assert aside.height < 32
            assert frame["volume"].sum() == pytest.approx(row["volume"] + aside["volume"].sum())
    assert beyond > 100


def test_minutes_without_trades_have_no_row(truth: Truth) -> None:
    """Most symbols miss a few minutes, some most of them."""
    day = date(2024, 6, 4)
    rows = {n: regular(truth.history(s), day).height for n, s in enumerate(truth.symbols) if n % 11 != 5}
    for number, count in rows.items():
        assert count == pytest.approx(390 * traded_share(number), rel=0.7 if traded_share(number) < 0.5 else 0.15)
    assert min(rows.values()) < 45
    assert 380 < max(rows.values()) <= 390


def test_no_minutes_without_a_session(truth: Truth) -> None:
    """Weekends, holidays, halts and days beyond the listing have none."""
    halted = next(truth.history(s) for s in truth.symbols if truth.security(s).halts)
    for history, day in (
        (truth.history("NA"), date(2024, 6, 1)),
        (truth.history("NA"), date(2024, 12, 25)),
        (truth.history("NA"), date(2030, 1, 2)),
        (halted, halted.security.halts[0]),
    ):
        frame = minutes(history, day)
        assert (frame.height, dict(frame.schema)) == (0, SCHEMA)
        assert regular(history, day).is_empty()


def test_any_stretch_of_time_is_cut_from_them(truth: Truth) -> None:
    """From an instant up to another, the latter excluded, over several sessions and through their edges."""
    history = truth.history("NA")
    whole = pl.concat([minutes(history, date(2024, 6, day)) for day in (3, 4, 5)])
    start, end = whole["ts"][50], whole["ts"][-20]
    assert between(history, start, end).equals(whole[50:-20])
    assert between(history, whole["ts"][0], whole["ts"][-1] + 1).equals(whole)
    assert between(history, 0, 1000).is_empty()
