"""Alpaca's bars: each shape is read for what it is, or refused with a reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from alpaca_pages import DAYS, MINUTES, bar, bars, parse, planned, refusal

from marketkeep.model import EMPTY

PRICES = ("open", "high", "low", "close", "volume")
CONTINUED = replace(planned(), params=(*planned().params, ("page_token", "abc=")))


def test_trap_16_daily_stamps_are_sessions_in_new_york() -> None:
    """
    Trap 16: 05:00Z in winter and 04:00Z in summer are both midnight in New York, and that date is the session.
    """
    frame = parse(bars())
    assert frame["date"].to_list() == [date(2024, 3, 7), date(2024, 3, 8), date(2024, 3, 11)]
    row = frame.select(*PRICES, "basis", "basis_date").row(0)
    assert row == (9.5, 11.0, 9.0, 10.0, 1000.0, "as_traded", None)


def test_minute_bars_keep_feed_average_and_count() -> None:
    """
    Traps 12 and 14: rows begin where trades happened, extended hours included, and each says its feed.
    """
    frame = parse(bars(MINUTES), planned("minute_bars"))
    assert frame["ts"].dt.strftime("%Y-%m-%dT%H:%M:%SZ").to_list() == list(MINUTES)
    assert frame["date"].to_list() == [date(2024, 3, 8)] * 3 + [date(2024, 3, 11)]
    assert frame.select("vwap", "trade_count", "feed").row(0) == (10.01, 12, "sip")


def test_crypto_days_are_utc() -> None:
    """
    Trap 46: a pair's minute belongs to its UTC date; its feed is the venue.
    """
    frame = parse(bars(("2024-03-12T00:59:00Z",), "BTC/USD"), planned("minute_bars", "BTC-USD"))
    assert frame.select("symbol", "date", "feed").row(0) == ("BTC-USD", date(2024, 3, 12), "alpaca")


@pytest.mark.parametrize(
    "stamp", ["2024-03-08T14:30:00.000000000Z", "2024-03-08T14:30:00Z", "2024-03-08T09:30:00-05:00"]
)
def test_times_may_have_nanoseconds(stamp: str) -> None:
    """
    Trap 60: a time is read to the instant whatever its digits and offset.
    """
    frame = parse({"bars": {"AAPL": [bar(stamp)]}}, planned("minute_bars"))
    assert frame["ts"].to_list() == [datetime(2024, 3, 8, 14, 30, tzinfo=UTC)]


def test_many_symbols_in_one_page() -> None:
    """
    Only the symbols asked for are read, under their canonical names; an unknown one is null or absent.
    """
    told = {"BRK.B": [bar(DAYS[0])], "NA": [bar(DAYS[1])], "ZZZZ": None, "MSFT": [bar(DAYS[0])], "TRUE": []}
    frame = parse({"bars": told, "next_page_token": None}, planned("daily_bars", "NA", "BRK.B", "ZZZZ", "TRUE", "NULL"))
    assert frame.select("symbol", "date").rows() == [("BRK.B", date(2024, 3, 7)), ("NA", date(2024, 3, 8))]


@pytest.mark.parametrize("body", [{}, {"bars": {}}, {"bars": None}, {"bars": {"AAPL": None}}, {"bars": {"AAPL": []}}])
def test_first_page_without_bars_is_empty(body: dict[str, Any]) -> None:
    """
    Trap 60: however nothing is written, it is no answer to settle a window with; asking again may help.
    """
    told = refusal(body)
    assert (told.fault, told.retry) == (EMPTY, True)
    assert told.reason == "Alpaca has no bars of AAPL from 2024-03-01 to 2024-04-01."


@pytest.mark.parametrize("body", [{}, {"bars": {}, "next_page_token": None}, {"bars": None}])
def test_empty_page_that_continues_another_is_fine(body: dict[str, Any]) -> None:
    """
    Trap 60: the last rows may come with a token, and then an empty page ends the chain.
    """
    assert parse(body, CONTINUED).is_empty()
    assert parse({"bars": {}, "next_page_token": "more"}).is_empty()


def test_rows_outside_the_window_are_left_out() -> None:
    """
    The last page's rows of a session that was not asked for are none of this answer.
    """
    frame = parse(bars(("2024-02-29T05:00:00Z", *DAYS, "2024-04-01T04:00:00Z")))
    assert frame["date"].to_list() == [date(2024, 3, 7), date(2024, 3, 8), date(2024, 3, 11)]


def test_values_that_are_not_told_are_null() -> None:
    """
    Trap 57: a field that is absent or null is unknown, never 0; newest-first rows come out in order.
    """
    rows = [bar(DAYS[1]), bar(DAYS[0], v=None)]
    del rows[0]["vw"]
    rows[0]["o"] = None
    frame = parse({"bars": {"AAPL": rows}})
    assert frame["open"].to_list() == [9.5, None]
    assert frame["volume"].to_list() == [None, 1000.0]


def test_a_bar_told_twice_is_one_and_two_different_ones_are_none() -> None:
    """
    The same row twice is one bar; two different bars of one instant cannot both be right.
    """
    assert parse({"bars": {"AAPL": [bar(DAYS[0]), bar(DAYS[0])]}}).height == 1
    told = refusal({"bars": {"AAPL": [bar(DAYS[0]), bar(DAYS[0], 10.5)]}})
    assert (told.fault, told.reason) == ("malformed", "two different bars of AAPL for 2024-03-07 05:00 UTC")


@pytest.mark.parametrize(
    ("body", "dataset", "words"),
    [
        (bars(("2024-03-07T14:00:00Z",)), "daily_bars", "not daily bars: one of AAPL begins at 09:00 America/New_York"),
        (bars(("2024-03-07T14:00:30Z",)), "minute_bars", "not minute bars: they do not begin with their minutes"),
        ({"trades": {"AAPL": []}}, "daily_bars", "not daily bars: the answer holds trades"),
        ({"bars": {"AAPL": bar(DAYS[0])}}, "daily_bars", "not a list of bars"),
        ({"bars": [bar(DAYS[0])]}, "daily_bars", "not bars"),
        ([], "daily_bars", "not daily bars: the answer is no JSON object"),
        (bars() | {"currency": "MXN"}, "daily_bars", "not daily bars in US dollars: the answer is in MXN"),
        ({"bars": {}}, "actions", "not corporate actions: the answer holds bars"),
        ({"bars": {"AAPL": [bar("yesterday")]}}, "daily_bars", "ValueError"),
        ({"bars": {"AAPL": [bar("9999-01-01T05:00:00Z")]}}, "daily_bars", "ValueError"),
        ({"bars": {"AAPL": [bar(DAYS[0], "10.5")]}}, "daily_bars", "TypeError"),
        ({"bars": {"AAPL": [7]}}, "daily_bars", "AttributeError"),
        (b'{"bars":{"AAPL":[{"t":"2024-03-07T05:00:00Z","o":1e999}]}}', "daily_bars", ""),
        (b"<html>", "daily_bars", "not JSON"),
    ],
)
def test_what_is_not_asked_for_is_refused(body: object, dataset: str, words: str) -> None:
    """
    Other intervals, forms, currencies and half answers are refused as malformed with a reason, and may be asked again.
    """
    told = refusal(body, planned(dataset))
    assert (told.fault, told.retry) == ("malformed", True)
    assert words in told.reason


def test_another_symbols_bars_are_refused() -> None:
    """
    Bars of nobody that was asked for say that something went wrong.
    """
    told = refusal(bars(symbol="MSFT"))
    assert (told.fault, told.retry, told.reason) == ("wrong_symbol", True, "asked for AAPL, answered MSFT")
