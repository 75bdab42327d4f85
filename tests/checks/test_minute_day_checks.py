"""A session's minutes against its daily bar: like with like, only what is really off, and when it was cured."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from marketkeep.checks.minute_days import MINUTE_DAY_CHECKS, compare_days
from marketkeep.model import FINDINGS, Thresholds
from minute_totals import MONDAY, daily, total, totals, whole_day

USUAL = Thresholds()


def codes(minutes: dict[str, Any], day: dict[str, Any]) -> list[str]:
    """What is found of one session."""
    return compare_days(totals(minutes), daily(day), USUAL)["check"].to_list()


def test_minutes_that_agree_are_no_finding() -> None:
    """
    A session whose regular minutes come to its daily bar, within 1 %, has none; nor has one without a daily bar.
    """
    assert codes(total(), whole_day()) == []
    assert codes(total(close=102.9, high=104.9), whole_day()) == []
    assert compare_days(totals(total()), daily(), USUAL).equals(FINDINGS.empty())
    assert compare_days(totals(), daily(whole_day()), USUAL).equals(FINDINGS.empty())


@pytest.mark.parametrize("name", ["open", "high", "low", "close"])
@pytest.mark.parametrize("times", [0.98, 1.02, 100.0])
def test_trap_25_each_price_is_compared(name: str, times: float) -> None:
    """
    One price of the regular session off by more than a hundredth is a finding, whichever it is and to whichever side.
    """
    day = whole_day()
    assert codes(total(**{name: day[name] * times}), day) == ["minutes_differ"]


def test_closing_auction_may_speak_for_the_day() -> None:
    """
    The auction prints in the minute that begins at the close: where it tells the daily close, high or low, the regular
    minutes need not.
    """
    auction = {"close": 100.0, "high": 103.0, "closing": 106.0}
    assert codes(total(**auction), whole_day(close=106.0, high=106.0)) == []
    assert codes(total(close=100.0, low=99.0, closing=96.0), whole_day(close=96.0, low=96.0)) == []
    # What trades at that price later does not make a wrong close right.
    assert codes(total(close=90.0, closing=106.0), whole_day()) == ["minutes_differ"]


def test_trap_19_a_handful_of_bars_is_incomplete() -> None:
    """
    Minutes that hold less than half of the day's volume are incomplete; that their prices then differ too is the same
    flaw and not told twice.
    """
    assert codes(total(volume=4.0, minutes=3, high=100.5), whole_day()) == ["minutes_incomplete"]
    none = {"open": None, "high": None, "low": None, "close": None, "volume": 0.0, "minutes": 0}
    assert codes(total(**none), whole_day()) == ["minutes_incomplete"]


def test_trap_14_few_trades_are_no_gap() -> None:
    """
    A symbol that trades in three minutes of a day is whole when these hold the day's volume; where volume is unknown
    nothing is said of it.
    """
    assert codes(total(minutes=3), whole_day()) == []
    assert codes(total(minutes=3, volume=None), whole_day()) == []
    assert codes(total(minutes=3, volume=1.0), whole_day(volume=None)) == []
    assert codes(total(minutes=3, volume=0.0), whole_day(volume=0.0)) == []


def test_trap_44_a_halt_is_no_gap() -> None:
    """
    On the days of the market-wide halts of March 2020 nobody traded for a quarter of an hour: the minutes that are
    there hold the day's volume, and no number of minutes is expected.
    """
    day = date(2020, 3, 9)
    assert codes(total(day, minutes=375), whole_day(day)) == []


@pytest.mark.parametrize("feed", ["iex", "alpaca", ""])
def test_trap_12_one_exchange_is_not_compared(feed: str) -> None:
    """
    Minutes of a single exchange are not laid beside the consolidated day: neither their prices nor their volume.
    """
    assert codes(total(feed=feed, volume=20.0, high=150.0), whole_day()) == []
    assert codes(total(feed="yahoo", high=150.0), whole_day()) == ["minutes_differ"]


def test_trap_46_coins_are_compared_with_their_own_venue() -> None:
    """
    A coin's minutes of one venue and the day of another are two prices, not one mistake.
    """
    minutes = total(symbol="BTC-USD", feed="coinbase", source="coinbase", close=110.0)
    day = whole_day(symbol="BTC-USD", source="binance")
    assert codes(minutes, day) == []
    assert codes(minutes, day | {"source": "coinbase"}) == ["minutes_differ"]


def test_finding_tells_both_sides() -> None:
    """
    What is found names the session, the source of the minutes, and the values on both sides.
    """
    found = compare_days(totals(total(close=110.0)), daily(whole_day()), USUAL)
    assert found.columns == list(FINDINGS.schema)
    row = found.row(0, named=True)
    assert (row["dataset"], row["symbol"], row["source"], row["first"], row["last"]) == (
        "minute_bars",
        "AAPL",
        "a",
        MONDAY,
        MONDAY,
    )
    assert "390 minutes of sip: open 100.0 high 104.0 low 98.0 close 110.0 volume 900.0" in row["detail"]
    assert "the day of yahoo: open 100.0 high 104.0 low 98.0 close 102.0 volume 1000.0." in row["detail"]


def test_finding_lives_from_the_first_version_that_is_off_to_the_first_that_is_not() -> None:
    """
    Two versions off are one finding, repeated once; the batch behind them that agrees has cured it. Off again, it is
    open again.
    """
    versions = [total(MONDAY, 0, close=110.0), total(MONDAY, 1, close=111.0)]
    [row] = compare_days(totals(*versions), daily(whole_day()), USUAL).rows(named=True)
    assert (row["batch_id"], row["repeated"], row["resolved_at"], row["resolved_by"]) == ("batch-0000", 1, None, None)
    versions.append(total(MONDAY, 2))
    [row] = compare_days(totals(*versions), daily(whole_day()), USUAL).rows(named=True)
    assert (row["batch_id"], row["resolved_by"], row["resolved_at"]) == (
        "batch-0000",
        "batch-0002",
        versions[2]["received_at"],
    )
    versions.append(total(MONDAY, 3, close=90.0))
    [row] = compare_days(totals(*versions), daily(whole_day()), USUAL).rows(named=True)
    assert (row["repeated"], row["resolved_by"]) == (2, None)


def test_thresholds_are_settings() -> None:
    """
    How far minutes may be off is the policy's.
    """
    lax = Thresholds(minute_share=0.1, minute_volume=0.001)
    assert compare_days(totals(total(close=110.0, volume=4.0)), daily(whole_day()), lax).is_empty()


def test_every_check_has_its_sentence() -> None:
    """
    The checks of sessions take nothing from a row's score, and each says what it means.
    """
    assert [(check.code, check.severity, check.weight) for check in MINUTE_DAY_CHECKS] == [
        ("minutes_differ", "warning", 0),
        ("minutes_incomplete", "warning", 0),
    ]
    assert all(check.doc.endswith(".") for check in MINUTE_DAY_CHECKS)
