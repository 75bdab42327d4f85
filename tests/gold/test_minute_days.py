"""The totals of minute sessions: regular hours, as traded, one row for each version that tells something else."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

import polars as pl
import pytest

from marketkeep.checks import check_minutes
from marketkeep.gold import promote_minutes
from marketkeep.gold.minute_days import minute_days
from marketkeep.model import MINUTE_DAYS
from minute_rows import RANKED, Row, minute, with_lineage
from raw_rows import actions, split

MONDAY, TUESDAY = date(2024, 3, 4), date(2024, 3, 5)
HALF_DAY = date(2023, 11, 24)
CLOCKS = ("09:29", "09:30", "12:00", "15:59", "16:00", "16:01")
FACTS = ["open", "high", "low", "close", "closing", "volume", "minutes"]


def days(*frames: pl.DataFrame, told: tuple[Row, ...] = ()) -> pl.DataFrame:
    """The totals of raw frames laid together."""
    events = actions(*told)
    return minute_days(promote_minutes(pl.concat(frames), events, RANKED, check_minutes), events, RANKED)


def session(day: date = MONDAY, clocks: tuple[str, ...] = CLOCKS, base: float = 10.0, **told: Any) -> list[Row]:
    """A session that rises by one a minute told."""
    return [minute(day, clock, base + at, **told) for at, clock in enumerate(clocks)]


def test_trap_25_only_regular_minutes_count() -> None:
    """
    Open, high, low, close and number are of the regular minutes; the minute of the close adds its volume, and its open
    is told apart.
    """
    [row] = days(with_lineage(*session())).rows(named=True)
    assert [row[name] for name in FACTS] == [11.0, 13.0 * 1.01, 11.0 * 0.99, 13.0, 14.0, 400.0, 3]
    assert (row["feed"], row["source"], row["batch_id"]) == ("sip", "csv", "batch-csv-0000")


def test_trap_43_a_half_day_ends_at_one() -> None:
    """
    On a half day the minute of 13:00 is that of the close and what comes later is no part of the session.
    """
    [row] = days(with_lineage(*session(HALF_DAY, ("09:30", "12:59", "13:00", "13:01", "15:59")))).rows(named=True)
    assert [row[name] for name in ("close", "closing", "volume", "minutes")] == [11.0, 12.0, 300.0, 2]


def test_session_without_regular_minutes_has_none() -> None:
    """
    Where only hours around the session were told there are no prices and no volume; one volume unknown leaves the sum
    unknown.
    """
    [row] = days(with_lineage(*session(clocks=("09:29", "17:00")))).rows(named=True)
    assert [row[name] for name in FACTS] == [None, None, None, None, None, 0.0, 0]
    [row] = days(with_lineage(*session(), minute(MONDAY, "10:00", volume=None))).rows(named=True)
    assert (row["volume"], row["minutes"]) == (None, 4)
    assert days(with_lineage(*session(), minute(MONDAY, "18:00", volume=None)))["volume"].to_list() == [400.0]


def test_nothing_in_nothing_out() -> None:
    """
    Without rows, or without one that stands, there are no totals.
    """
    assert days(with_lineage()).equals(MINUTE_DAYS.empty())
    assert days(with_lineage(*session(volume=-1.0))).equals(MINUTE_DAYS.empty())


def test_same_told_again_is_no_version() -> None:
    """
    Trailing windows are asked for again: what tells the same leaves one version, of the batch that told it first.
    """
    told = [with_lineage(*session(), at=at) for at in (0, 10, 20)]
    assert days(*told)["batch_id"].to_list() == ["batch-csv-0000"]
    loser = with_lineage(*session(base=20.0), source="zzz", at=30)
    assert days(*told, loser)["batch_id"].to_list() == ["batch-csv-0000"]


def test_trap_15_a_revised_minute_is_a_version() -> None:
    """
    A minute told otherwise makes a new version of its session only, of the batch that told it.
    """
    revised = with_lineage(minute(MONDAY, "15:59", 20.0), at=10)
    found = days(with_lineage(*session(MONDAY), *session(TUESDAY)), revised)
    assert found.select("date", "batch_id", "close").rows() == [
        (MONDAY, "batch-csv-0000", 13.0),
        (MONDAY, "batch-csv-0010", 20.0),
        (TUESDAY, "batch-csv-0000", 13.0),
    ]


def test_trap_12_a_better_feed_is_a_version() -> None:
    """
    Once the consolidated feed tells a session it takes the place of a single exchange's, whole.
    """
    found = days(with_lineage(*session(feed="iex")), with_lineage(*session(clocks=("09:30", "16:00")), at=10))
    assert found.select("feed", "minutes", "volume").rows() == [("iex", 3, 400.0), ("sip", 1, 200.0)]


def test_scaled_again_by_a_later_split_is_no_version() -> None:
    """
    A source that tells the session anew, scaled by a split since, tells the same as traded.
    """
    event = split("2024-06-10", 2, source="csv", at=5)
    scaled = {"basis": "split_adjusted", "basis_date": date(2024, 6, 14), "vwap": None}
    halved = [
        row | {name: row[name] / 2 for name in ("open", "high", "low", "close")} | {"volume": 200.0} | scaled
        for row in session()
    ]
    plain = [row | {"vwap": None} for row in session()]
    found = days(with_lineage(*plain), with_lineage(*halved, at=10), told=(event,))
    assert found["batch_id"].to_list() == ["batch-csv-0000"]


@pytest.mark.parametrize("seed", range(20))
def test_versions_are_what_was_known_then(seed: int) -> None:
    """
    Whatever was told in whatever order: the versions received by a moment are those that the batches received by then
    come to, and the last is what the chosen bars come to.
    """
    chance = random.Random(seed)
    frames = []
    for at in range(6):
        rows = [
            minute(
                day, clock, chance.choice((10.0, 10.0, 11.0)), volume=chance.choice((1.0, 1.0, 2.0, -1.0)), feed=feed
            )
            for day in (MONDAY, TUESDAY)
            for feed in chance.sample(("sip", "iex"), chance.choice((1, 1, 2)))
            for clock in chance.sample(CLOCKS, chance.randrange(1, 7))
        ]
        frames.append(with_lineage(*rows, source=chance.choice(("a", "b", "x")), at=at))
    whole = days(*chance.sample(frames, len(frames)))
    for count in range(1, len(frames) + 1):
        known = frames[count - 1]["fetched_at"][0]
        assert days(*frames[:count]).equals(whole.filter(pl.col("received_at") <= known)), count
    last = whole.unique(["symbol", "date"], keep="last", maintain_order=True)
    bars = promote_minutes(pl.concat(frames), actions(), RANKED, check_minutes).bars
    regular = bars.filter(pl.col("segment") == "regular").group_by("date").agg(pl.col("close").last(), n=pl.len())
    for day, close, count in regular.iter_rows():
        [row] = last.filter(pl.col("date") == day).rows(named=True)
        assert (row["close"], row["minutes"]) == (close, count)
