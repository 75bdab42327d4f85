"""What is asked of Alpaca: which symbols together, which windows, which feed, and never the future or a key."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from alpaca_pages import ALPACA, NOW, planned, query

from marketkeep.model import Payload, Query
from marketkeep.sources.alpaca import Alpaca

MANY = tuple(f"{a}{b}{c}" for a in "ABCDEFGHIJ" for b in "ABCDEFGHIJ" for c in "ABCDEFGHIJ")


def test_daily_bars_of_many_symbols_are_one_request() -> None:
    """
    Two hundred symbols a call, in their order; the address stays short enough for any server.
    """
    requests = ALPACA.plan(query("daily_bars", *MANY))
    assert [len(one.symbols) for one in requests] == [200] * 5
    assert sum((one.symbols for one in requests), ()) == MANY
    assert max(len(one.full_url) for one in requests) < 1_800
    long = tuple(f"{symbol}XX.PRA" for symbol in MANY)
    assert max(len(one.full_url) for one in ALPACA.plan(query("daily_bars", *long))) < 1_800


def test_bars_are_asked_raw_by_name() -> None:
    """
    Trap 13: `adjustment=raw` is said, whatever the default is.
    """
    for dataset in ("daily_bars", "minute_bars"):
        params = dict(planned(dataset).params)
        assert (params["adjustment"], params["limit"], params["sort"]) == ("raw", "10000", "asc")


@pytest.mark.parametrize("feed", ["sip", "iex"])
def test_daily_bars_never_come_from_one_exchange(feed: str) -> None:
    """
    Trap 12: the settings choose the feed of minute bars; daily bars are of the consolidated tape.
    """
    source = Alpaca(feed=feed)
    assert [dict(one.params)["feed"] for one in source.plan(query("minute_bars"))] == [feed]
    assert [dict(one.params)["feed"] for one in source.plan(query("daily_bars"))] == ["sip"]


def test_window_runs_from_midnight_to_midnight_in_new_york() -> None:
    """
    Trap 16: Alpaca includes both ends; a window that spans the change of clocks begins at 05:00 and ends before 04:00.
    """
    params = dict(planned().params)
    assert (params["start"], params["end"]) == ("2024-03-01T05:00:00Z", "2024-04-01T03:59:59Z")
    assert dict(planned("minute_bars", "BTC-USD").params)["end"] == "2024-03-31T23:59:59Z"


def test_trap_17_last_quarter_of_an_hour_is_not_asked() -> None:
    """
    Trap 17: the end is clamped to sixteen minutes ago for the tape, to a minute ago for the rest.
    """
    now = datetime(2024, 3, 28, 18, 30, 12, 345, tzinfo=UTC)
    asked = query("minute_bars", "AAPL", "BTC-USD", now=now, end=date(2024, 6, 1))
    ends = [dict(one.params)["end"] for one in ALPACA.plan(asked)]
    assert ends == ["2024-03-28T18:14:12Z", "2024-03-28T18:29:12Z"]
    assert [one.end for one in ALPACA.plan(asked)] == [date(2024, 3, 29)] * 2
    own = Alpaca(feed="iex").plan(asked)
    assert dict(own[0].params)["end"] == "2024-03-28T18:29:12Z"


def test_future_and_times_before_the_reach_are_not_asked() -> None:
    """
    A window that has not begun takes no request, nor does one before the first bar; one that spans it is cut.
    """
    assert ALPACA.plan(query(start=date(2025, 1, 1), end=date(2025, 2, 1))) == []
    assert ALPACA.plan(query(start=date(2015, 1, 1), end=date(2016, 1, 1))) == []
    just_after_midnight = datetime(2024, 3, 28, 4, 10, tzinfo=UTC)
    assert ALPACA.plan(query(start=date(2024, 3, 28), end=date(2024, 3, 29), now=just_after_midnight)) == []
    assert planned(start=date(2015, 1, 1)).start == date(2016, 1, 4)
    assert ALPACA.plan(query("minute_bars", "BTC-USD", start=date(2020, 1, 1), end=date(2021, 1, 1))) == []
    assert planned("minute_bars", "BTC-USD", start=date(2020, 11, 1), end=date(2021, 2, 1)).start == date(2021, 1, 1)


def test_many_minutes_are_many_chains() -> None:
    """
    Fifty symbols over sixty sessions become chains of some twenty pages that can run side by side.
    """
    requests = ALPACA.plan(query("minute_bars", *MANY[:50], start=date(2024, 1, 2), end=date(2024, 3, 29)))
    assert 5 <= len(requests) <= 15
    assert sum((one.symbols for one in requests), ()) == MANY[:50]


def test_years_of_minutes_are_cut_into_windows() -> None:
    """
    One symbol since 2016 takes a request a year, without gap or overlap.
    """
    requests = ALPACA.plan(query("minute_bars", start=date(2016, 1, 4), end=date(2024, 1, 1)))
    assert [one.end for one in requests[:-1]] == [one.start for one in requests[1:]]
    assert (requests[0].start, requests[-1].end, len(requests)) == (date(2016, 1, 4), date(2024, 1, 1), 8)


def test_symbols_are_spelled_as_alpaca_does() -> None:
    """
    Trap 29: class shares with a dot, crypto pairs with a slash at their own address; others are left out.
    """
    first, second = ALPACA.plan(query("minute_bars", "BTC-USD", "BRK.B", "^GSPC", "ABR.PRD"))
    assert (dict(first.params)["symbols"], first.url) == ("BRK.B,ABR.PRD", "https://data.alpaca.markets/v2/stocks/bars")
    assert (dict(second.params)["symbols"], second.symbols) == ("BTC/USD", ("BTC-USD",))
    assert second.url == "https://data.alpaca.markets/v1beta3/crypto/us/bars"
    assert "feed" not in dict(second.params)


def test_daily_bars_of_crypto_are_not_offered() -> None:
    """
    Trap 46: Alpaca's crypto day begins at midnight in Chicago, so only minutes are asked.
    """
    assert ALPACA.plan(query("daily_bars", "BTC-USD")) == []
    assert ALPACA.plan(query("actions", "BTC-USD")) == []
    assert ALPACA.offers["daily_bars"].asset_classes == {"equity"}


def test_actions_are_asked_by_process_date() -> None:
    """
    A dividend is filed under its payment, so the window asked is wider than that of the ex-dates it settles.
    """
    request = planned("actions", "AAPL", "MSFT")
    params = dict(request.params)
    assert params["symbols"] == "AAPL,MSFT"
    assert date.fromisoformat(params["start"]) <= date(2024, 2, 25)
    assert date.fromisoformat(params["end"]) >= date(2024, 7, 1)
    assert (request.start, request.end, params["limit"]) == (date(2024, 3, 1), date(2024, 4, 1), "1000")


def test_whole_market_takes_no_names_where_that_is_cheaper() -> None:
    """
    Ten thousand symbols over a month are one request of the whole market, that settles all of them.
    """
    symbols = tuple(f"{symbol}{letter}" for symbol in MANY for letter in "ABCDEFGHIJ")
    request = planned("actions", *symbols)
    assert "symbols" not in dict(request.params)
    assert request.symbols == symbols
    assert len(ALPACA.plan(query("actions", *MANY))) == 5


def test_next_page_is_the_same_request_with_the_token() -> None:
    """
    The token replaces the one before; the same token again, or none, ends the chain.
    """
    first = planned()
    second = ALPACA.next_page(first, Payload(200, (), b'{"bars":{},"next_page_token":"abc="}', NOW))
    assert second == replace(first, params=(*first.params, ("page_token", "abc=")))
    third = ALPACA.next_page(second, Payload(200, (), b'{"bars":{},"next_page_token":"def="}', NOW))
    assert third == replace(first, params=(*first.params, ("page_token", "def=")))
    assert ALPACA.next_page(third, Payload(200, (), b'{"bars":{},"next_page_token":"def="}', NOW)) is None


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"7", b'"x"', b"{}", b"{", b'{"next_page_token":null}', b'{"next_page_token":7}', b"\xff"],
)
def test_what_is_no_page_has_no_next(body: bytes) -> None:
    """
    Whatever comes back, asking for a continuation of it never fails.
    """
    assert ALPACA.next_page(planned(), Payload(200, (), body, NOW)) is None
    assert ALPACA.next_page(planned(), Payload(500, (), b'{"next_page_token":"a"}', NOW)) is None


def test_probe_is_one_cheap_request() -> None:
    """
    A week of one fund's daily bars shows whether the key works.
    """
    request = ALPACA.probe(NOW)
    assert (request.symbols, request.dataset) == (("SPY",), "daily_bars")
    assert (request.start, request.end) == (date(2024, 6, 24), date(2024, 7, 2))
    monday_night = datetime(2024, 7, 1, 4, 1, tzinfo=UTC)
    assert ALPACA.plan(Query("daily_bars", ("SPY",), date(2024, 6, 24), date(2024, 7, 2), monday_night))
    assert ALPACA.probe(NOW + timedelta(days=365)).start == date(2025, 6, 24)


def test_key_is_no_part_of_a_request() -> None:
    """
    Key and secret are headers that the client adds: neither is in what a source writes down.
    """
    assert ALPACA.access.needs == ("key", "secret")
    assert dict(ALPACA.access.headers) == {"APCA-API-KEY-ID": "{key}", "APCA-API-SECRET-KEY": "{secret}"}
    assert ALPACA.access.params == ()
    assert "key" not in planned().full_url.lower()
    assert (ALPACA.rate.calls, ALPACA.rate.seconds, ALPACA.quota) == (200, 60.0, None)
