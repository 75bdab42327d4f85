"""Minute bars become gold: one source and feed a session, the newest version, segments, prices as traded."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

from marketkeep.calendars import XNYS
from marketkeep.checks import check_minutes
from marketkeep.gold import MinuteGold, promote_minutes
from marketkeep.model import MINUTE_BARS
from minute_rows import RANKED, Row, at_new_york, minute, with_lineage
from raw_rows import actions, split

MONDAY, TUESDAY = date(2024, 3, 4), date(2024, 3, 5)
HALF_DAY = date(2023, 11, 24)
CLOCKS = ("09:30", "09:31", "09:32")


def promoted(*frames: pl.DataFrame, told: tuple[Row, ...] = ()) -> MinuteGold:
    """Gold of raw frames laid together."""
    return promote_minutes(pl.concat(frames), actions(*told), RANKED, check_minutes)


def gold(*frames: pl.DataFrame, told: tuple[Row, ...] = ()) -> pl.DataFrame:
    """The bars that won."""
    return promoted(*frames, told=told).bars


def session(day: date, close: float = 10.0, clocks: tuple[str, ...] = CLOCKS, **told: Any) -> list[Row]:
    """A few minutes of a session."""
    return [minute(day, clock, close, **told) for clock in clocks]


def test_rows_are_the_table() -> None:
    """
    What comes out has the columns of the published table, sorted by symbol and ts; nothing in gives nothing out.
    """
    rows = [*session(TUESDAY), *session(MONDAY), *session(MONDAY, symbol="A")]
    bars = gold(with_lineage(*rows))
    assert dict(bars.schema) == MINUTE_BARS.schema
    assert bars.equals(bars.sort("symbol", "ts"))
    assert bars.height == len(rows)
    assert gold(with_lineage()).equals(MINUTE_BARS.empty())


def test_trap_14_segments_by_the_sessions_own_hours() -> None:
    """
    Before the open is pre, from the close on is post (trap 14); a half day closes at 13:00.
    """
    clocks = ("04:00", "09:29", "09:30", "12:59", "13:00", "15:59", "16:00", "19:59")
    bars = gold(with_lineage(*(minute(day, clock) for day in (MONDAY, HALF_DAY) for clock in clocks)))
    told = {day: bars.filter(pl.col("date") == day)["segment"].to_list() for day in (MONDAY, HALF_DAY)}
    assert told[MONDAY] == ["pre", "pre", "regular", "regular", "regular", "regular", "post", "post"]
    assert told[HALF_DAY] == ["pre", "pre", "regular", "regular", "post", "post", "post", "post"]


@pytest.mark.parametrize("day", [date(2024, 3, 8), date(2024, 3, 11), date(2024, 11, 1), date(2024, 11, 4)])
def test_trap_45_segments_follow_daylight_saving(day: date) -> None:
    """
    The opening is at 14:30 UTC in winter and 13:30 in summer: on each side of the clock change the segment is right.
    """
    bars = gold(with_lineage(*(minute(day, clock) for clock in ("09:29", "09:30", "15:59", "16:00"))))
    assert bars["segment"].to_list() == ["pre", "regular", "regular", "post"]
    assert bars["ts"][1] == XNYS.session_open(day)


def test_trap_46_crypto_is_regular_all_day() -> None:
    """
    A pair has no hours: from midnight to midnight UTC all is regular.
    """
    times = (
        datetime(2024, 3, 3, tzinfo=UTC),
        datetime(2024, 3, 3, 12, tzinfo=UTC),
        datetime(2024, 3, 3, 23, 59, tzinfo=UTC),
    )
    rows = [minute("2024-03-03", symbol="BTC-USD", feed="coinbase", ts=ts) for ts in times]
    assert gold(with_lineage(*rows))["segment"].to_list() == ["regular"] * 3


def test_trap_15_last_version_wins() -> None:
    """
    Trap 15: a minute told again replaces what was told before; minutes not told again stay.
    """
    first = with_lineage(*session(MONDAY, 10.0), at=0)
    again = with_lineage(minute(MONDAY, "09:31", 11.0), at=5)
    for frames in ((first, again), (again, first)):
        bars = gold(*frames)
        assert bars["close"].to_list() == [10.0, 11.0, 10.0]
        assert bars["batch_id"].to_list() == ["batch-csv-0000", "batch-csv-0005", "batch-csv-0000"]


def test_newer_version_that_is_refused_leaves_the_older() -> None:
    """
    A correction that fails a hard check does not take away what stood.
    """
    bars = gold(with_lineage(*session(MONDAY)), with_lineage(minute(MONDAY, "09:31", volume=-1.0), at=5))
    assert bars["volume"].to_list() == [100.0, 100.0, 100.0]


def test_trap_12_feeds_are_never_mixed() -> None:
    """
    Trap 12: the consolidated feed wins the whole session, with holes where it has none, though another has more.
    """
    iex = with_lineage(*session(MONDAY, 10.0, feed="iex"), *session(TUESDAY, 10.0, feed="iex"), source="a")
    sip = with_lineage(minute(MONDAY, "09:31", 10.5), source="a")
    bars = gold(iex, sip)
    assert bars.select("date", "feed", "close").rows() == [
        (MONDAY, "sip", 10.5),
        *[(TUESDAY, "iex", 10.0)] * 3,
    ]


def test_sources_are_never_mixed() -> None:
    """
    Of one feed the better ranked source wins the whole session; of equal rank the one with more minutes, then the
    first by name.
    """
    ranked = gold(
        with_lineage(*session(MONDAY, 10.0), source="b"), with_lineage(minute(MONDAY, "09:31", 11.0), source="a")
    )
    assert ranked.select("source", "close").rows() == [("a", 11.0)]
    longer = gold(
        with_lineage(*session(MONDAY, 10.0), source="y"), with_lineage(minute(MONDAY, "09:31", 11.0), source="x")
    )
    assert set(longer["source"]) == {"y"}
    named = gold(with_lineage(minute(MONDAY), source="y"), with_lineage(minute(MONDAY), source="x"))
    assert named["source"].to_list() == ["x"]


def test_consolidated_goes_before_rank() -> None:
    """
    A low-ranked source of the whole tape wins over a high-ranked one of a single venue.
    """
    bars = gold(
        with_lineage(*session(MONDAY, feed="iex"), source="a"), with_lineage(*session(MONDAY, 10.5), source="other")
    )
    assert set(bars["source"]) == {"other"}


def test_refused_rows_do_not_count() -> None:
    """
    A source whose rows all failed leaves the session to the next; where none stands there is no bar.
    """
    bad = with_lineage(*session(MONDAY, volume=-1.0), source="a")
    made = promoted(bad, with_lineage(*session(MONDAY), source="b"))
    assert set(made.bars["source"]) == {"b"}
    assert made.checked.filter("hard").height == 3
    assert gold(bad).is_empty()


def test_split_adjusted_is_brought_to_as_traded() -> None:
    """
    Prices scaled by a later split are multiplied back and volume divided; float32 comes out as the decimal that was
    printed, the VWAP too, and the number of trades stays.
    """
    told = {"basis": "split_adjusted", "basis_date": date(2024, 6, 14), "vwap": 120.888}
    scaled = {
        name: float(np.float32(price / 10))
        for name, price in {"open": 1208.88, "high": 1215.5, "low": 1200.01, "close": 1209.3}.items()
    }
    row = minute(MONDAY, "10:00", **told, **scaled, volume=1000.0, feed="yahoo")
    [bar] = gold(with_lineage(row), told=(split("2024-06-10", 10),)).rows(named=True)
    assert [bar[name] for name in ("open", "high", "low", "close")] == [1208.88, 1215.5, 1200.01, 1209.3]
    assert (bar["vwap"], bar["volume"], bar["trade_count"]) == (1208.88, 100.0, 5)


def test_float32_is_read_back_without_a_split_too() -> None:
    """
    A source that tells float32 is read as the shortest decimal that gives it, whether or not there is a split to undo.
    """
    told = {"basis": "split_adjusted", "basis_date": date(2024, 6, 14), "vwap": None}
    noisy = {name: float(np.float32(120.89)) for name in ("open", "high", "low", "close")}
    assert gold(with_lineage(minute(MONDAY, **told, **noisy)))["close"].to_list() == [120.89]


def test_split_within_the_basis_only_is_undone() -> None:
    """
    A split later than the row's basis date was not applied to it; an as-traded row is left alone.
    """
    rows = session(MONDAY, 10.0, basis="split_adjusted", basis_date=date(2024, 5, 1))
    assert set(gold(with_lineage(*rows), told=(split("2024-06-10", 10),))["close"]) == {10.0}
    rows = session(MONDAY, 10.0)
    assert set(gold(with_lineage(*rows), told=(split("2024-06-10", 10),))["close"]) == {10.0}


def test_score_and_finding_do_not_follow_the_split() -> None:
    """
    Checks look at what was delivered, so a split told later changes prices but neither scores nor what was found.
    """
    frame = with_lineage(*session(MONDAY, basis="split_adjusted", basis_date=date(2024, 6, 14), volume=None))
    without, with_ = promoted(frame), promoted(frame, told=(split("2024-06-10", 10),))
    assert without.checked.equals(with_.checked)
    assert without.bars["score"].equals(with_.bars["score"])
    assert (without.bars["close"] * 10).equals(with_.bars["close"])


@pytest.mark.parametrize("seed", range(20))
def test_order_of_arrival_does_not_matter(seed: int) -> None:
    """
    The same raw rows give the same gold however they lie.
    """
    chance = random.Random(seed)
    frames = []
    for at in range(6):
        feed, source = chance.choice(("sip", "iex")), chance.choice(("a", "b", "x"))
        day, close = chance.choice((MONDAY, TUESDAY)), chance.choice((10.0, 11.0))
        clocks = tuple(chance.sample(CLOCKS, chance.randrange(1, 4)))
        volume = chance.choice((100.0, None, -1.0))
        frames.append(with_lineage(*session(day, close, clocks, feed=feed, volume=volume), source=source, at=at))
    whole = pl.concat(frames)
    expected = promoted(whole)
    mixed = promoted(whole.sample(fraction=1.0, shuffle=True, seed=seed))
    assert mixed.bars.equals(expected.bars)
    assert mixed.checked.equals(expected.checked)
    assert expected.bars.group_by("date").agg(pl.struct("source", "feed").n_unique())["source"].to_list() in (
        [1],
        [1, 1],
        [],
    )


def test_minutes_lie_in_their_session() -> None:
    """
    The instants of the fixtures are those of New York, so the tests above mean what they say.
    """
    assert at_new_york(MONDAY, "09:30") == XNYS.session_open(MONDAY)
