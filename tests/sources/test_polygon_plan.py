"""What is asked of Polygon: the fewest calls, in order, without a key; and where an answer goes on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from polygon_answers import (
    NOW,
    POLYGON,
    aggregates,
    bar,
    daily,
    dividend,
    dividends,
    listed,
    market,
    minute,
    parse,
    payload,
    refusal,
    split,
    splits,
)

from marketkeep.calendars import XNYS
from marketkeep.model import Query, Request

TODAY = date(2024, 6, 3)
TOMORROW = TODAY + timedelta(days=1)
MANY = tuple(f"Q{a}{b}" for a in "ABCDEFGHIJ" for b in "ABCDEFGHIJ")


def plan(dataset: str, symbols: tuple[str, ...], start: date, end: date, now: datetime = NOW) -> list[Request]:
    """The requests of a query."""
    return POLYGON.plan(Query(dataset, symbols, start, end, now))


def test_few_sessions_of_many_symbols_are_asked_for_by_session() -> None:
    """
    One call a session brings all symbols: two weeks of a hundred symbols are nine calls, not a hundred. Each settles
    the days up to the next session, so that what is told day by day adjoins.
    """
    requests = plan("daily_bars", MANY, date(2024, 5, 20), date(2024, 6, 1))
    assert [request.start for request in requests] == XNYS.sessions(date(2024, 5, 20), date(2024, 6, 1))
    assert len(requests) == 9
    assert {request.symbols for request in requests} == {MANY}
    assert [request.end for request in requests] == [XNYS.next_session(request.start) for request in requests]
    assert requests[0].full_url == (
        "https://api.polygon.io/v2/aggs/grouped/locale/us/market/stocks/2024-05-20?adjusted=false&include_otc=false"
    )


def test_many_sessions_of_few_symbols_are_asked_for_by_symbol() -> None:
    """
    Trap 22: a ticker's whole window is one call of at most 50,000 bars, unadjusted, its end included on the wire.
    """
    requests = plan("daily_bars", ("MSFT", "ABR.PRD"), date(2022, 6, 6), date(2024, 6, 1))
    assert [request.symbols for request in requests] == [("MSFT",), ("ABR.PRD",)]
    assert requests[1].full_url == (
        "https://api.polygon.io/v2/aggs/ticker/ABRpD/range/1/day/2022-06-06/2024-05-31"
        "?adjusted=false&sort=asc&limit=50000"
    )
    assert {(request.start, request.end) for request in requests} == {(date(2022, 6, 6), date(2024, 6, 1))}


@pytest.mark.parametrize(
    ("count", "sessions", "whole_market"), [(1, 1, False), (2, 2, True), (3, 4, False), (5, 4, True)]
)
def test_the_fewer_calls_are_made(count: int, sessions: int, whole_market: bool) -> None:
    """
    As many sessions as symbols are asked for by session, but for one symbol alone.
    """
    start = date(2024, 5, 20)
    requests = plan("daily_bars", MANY[:count], start, start + timedelta(days=sessions))
    assert len(requests) == min(count, sessions)
    assert all(("/grouped/" in request.url) is whole_market for request in requests)


def test_today_is_asked_for_apart() -> None:
    """
    A free plan refuses a window that holds today: what lies before must not be lost with it.
    """
    requests = plan("daily_bars", MANY[:3], date(2024, 1, 2), TOMORROW)
    assert [(request.start, request.end) for request in requests] == [(date(2024, 1, 2), TODAY)] * 3 + [
        (TODAY, TOMORROW)
    ]
    assert requests[-1].symbols == MANY[:3]
    spans = [(one.start, one.end) for one in plan("minute_bars", ("AAPL",), date(2024, 5, 1), TOMORROW)]
    assert spans == [(date(2024, 5, 1), TODAY), (TODAY, TOMORROW)]


def test_no_call_for_days_without_a_session() -> None:
    """
    A weekend, a day to come or no symbol at all is not asked for; today is what it is in New York.
    """
    assert plan("daily_bars", MANY, date(2024, 6, 1), date(2024, 6, 3)) == []
    assert plan("daily_bars", MANY, TOMORROW, date(2024, 7, 1)) == []
    assert plan("daily_bars", (), date(2024, 5, 1), TODAY) == []
    assert plan("daily_bars", MANY, TODAY, TODAY) == []
    assert plan("minute_bars", MANY, date(2024, 5, 25), date(2024, 5, 28)) == []
    night = datetime(2024, 6, 4, 1, tzinfo=UTC)
    assert [one.start for one in plan("daily_bars", MANY, TODAY, date(2024, 6, 8), night)] == [TODAY]
    assert plan("daily_bars", MANY, date(1800, 1, 1), date(1801, 1, 1)) == []


def test_only_stocks_are_asked_for() -> None:
    """
    Indices and crypto are not among what is offered.
    """
    symbols = ("^GSPC", "AAPL", "BTC-USD")
    for dataset in POLYGON.offers:
        assert {s for one in plan(dataset, symbols, date(2024, 5, 1), date(2024, 6, 1)) for s in one.symbols} == {
            "AAPL"
        }


def test_minutes_are_asked_for_by_instants() -> None:
    """
    From midnight in New York to the millisecond before the next one, over the change of the clocks.
    """
    request = minute(start=date(2024, 3, 8), end=date(2024, 3, 12))
    first, last = (int(text) for text in request.url.split("/")[-2:])
    assert datetime.fromtimestamp(first / 1000, UTC) == datetime(2024, 3, 8, 5, tzinfo=UTC)
    assert datetime.fromtimestamp((last + 1) / 1000, UTC) == datetime(2024, 3, 12, 4, tzinfo=UTC)
    assert "/range/1/minute/" in request.url


def test_actions_of_few_symbols_and_of_the_market() -> None:
    """
    Two calls a symbol, or the pages of the whole market: whichever are fewer. Splits come first.
    """
    (one,) = plan("actions", ("BRK.B",), date(2015, 1, 1), date(2024, 1, 1))
    assert parse_qs(urlsplit(one.full_url).query) == {
        "execution_date.gte": ["2015-01-01"],
        "execution_date.lt": ["2024-01-01"],
        "ticker": ["BRK.B"],
        "limit": ["1000"],
        "sort": ["execution_date"],
        "order": ["asc"],
    }
    assert [r.symbols for r in plan("actions", MANY[:60], date(2015, 1, 1), date(2024, 1, 1))] == [
        (s,) for s in MANY[:60]
    ]
    (whole,) = plan("actions", MANY, date(2015, 1, 1), date(2024, 1, 1))
    assert (whole.symbols, "ticker" in dict(whole.params)) == (MANY, False)
    assert len(plan("actions", MANY[:2], date(2024, 5, 1), date(2024, 5, 2))) == 1
    assert {request.url for request in (one, whole)} == {"https://api.polygon.io/v3/reference/splits"}


def test_dividends_follow_the_splits() -> None:
    """
    A window's actions are settled by one chain: the last page of splits leads to the dividends, which end it.
    """
    for symbols in (("AAPL",), ("A", "B", "C")):
        first = splits(*symbols)
        second = POLYGON.next_page(first, payload(listed([])))
        assert second is not None
        assert second.url == "https://api.polygon.io/v3/reference/dividends"
        assert (second.symbols, second.start, second.end) == (first.symbols, first.start, first.end)
        assert dict(second.params)["ex_dividend_date.gte"] == "2024-01-01"
        assert ("ticker" in dict(second.params)) is (len(symbols) == 1)
        assert POLYGON.next_page(second, payload(listed([]))) is None


NEXT = "https://{host}/v2/aggs/ticker/AAPL/range/1/minute/1/2?cursor=bGltaXQ9Mg"


@pytest.mark.parametrize("host", ["api.polygon.io", "api.massive.com"])
@pytest.mark.parametrize("key", ["", "&apiKey=secret", "&apikey=secret", "&api_key=secret"])
def test_a_page_is_followed_on_its_host(host: str, key: str) -> None:
    """
    Traps 22 and 61: the next page is on the host it names, its cursor is kept as it is, and a key is left out.
    """
    for request, body in ((minute(), aggregates([bar("2024-03-08T09:30")])), (splits(), listed([]))):
        page = POLYGON.next_page(request, payload(body | {"next_url": NEXT.format(host=host) + key}))
        assert page is not None
        assert page.full_url == NEXT.format(host=host)
        assert (page.symbols, page.start, page.end, page.dataset) == (
            request.symbols,
            request.start,
            request.end,
            request.dataset,
        )


def test_pages_of_one_question() -> None:
    """
    Splits on two pages, then dividends on two: each is parsed for what it is.
    """
    rows = [split("A", "2024-03-08", 2, 1), split("B", "2024-03-11", 3, 1)]
    paid = [dividend("A", "2024-03-08", 1), dividend("C", "2024-03-11", 2)]
    more = "https://api.massive.com/v3/reference/{}?cursor=x{}"
    bodies = [
        listed(rows[:1], next_url=more.format("splits", 1)),
        listed(rows[1:]),
        listed(paid[:1], next_url=more.format("dividends", 1)),
        listed(paid[1:]),
    ]
    request, kinds = splits("A", "B", "C"), []
    for body in bodies:
        kinds += parse(request, body)["kind"].to_list()
        following = POLYGON.next_page(request, payload(body))
        request = following or request
    assert kinds == ["split", "split", "dividend", "dividend"]
    assert following is None


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/v2/aggs?cursor=x",
        "https://api.polygon.io.elsewhere.example/v2/aggs?cursor=x",
        "https://api.polygon.io@elsewhere.example/v2/aggs?cursor=x",
        "/v2/aggs?cursor=x",
        "https://api.polygon.io",
        "https://[::1/v2",
        5,
        {"cursor": "x"},
    ],
)
def test_a_page_that_cannot_be_followed_is_refused(url: Any) -> None:
    """
    Where the rest lies elsewhere, the key must not go there, and a part must not pass for the whole.
    """
    for request, body in ((daily(), aggregates([bar("2024-03-08")])), (dividends(), listed([]))):
        assert refusal(request, body | {"next_url": url}).fault == "truncated"


def test_a_page_that_leads_to_itself_is_refused() -> None:
    """
    An answer that goes on where it came from would never end.
    """
    request = dividends("A", "B", "C")
    assert refusal(request, listed([], next_url=request.full_url)).fault == "truncated"


def test_a_page_may_be_without_rows() -> None:
    """
    A last page that is empty ends the pages, and one in between goes on: only a whole answer without rows is empty.
    """
    bare = aggregates([], next_url=NEXT.format(host="api.polygon.io"))
    page = POLYGON.next_page(minute(), payload(bare))
    assert page is not None
    for request, body in ((minute(), bare), (page, aggregates([])), (page, aggregates([bar("2023-03-08T09:30")]))):
        assert parse(request, body).is_empty()


@pytest.mark.parametrize("url", [None, ""])
def test_the_last_page(url: str | None) -> None:
    """
    A `next_url` of nothing ends the pages, as one that is absent does.
    """
    assert POLYGON.next_page(daily(), payload(aggregates([bar("2024-03-08")], next_url=url))) is None


def test_what_is_offered() -> None:
    """
    Trap 26: bars reach two years back, five calls a minute; a key is needed and goes in a header.
    """
    assert POLYGON.offers["daily_bars"].reach(TODAY) == date(2022, 6, 4)
    assert POLYGON.offers["minute_bars"].page_rows == 50_000
    assert (POLYGON.rate.calls, POLYGON.rate.seconds, POLYGON.quota) == (5, 60.0, None)
    assert POLYGON.access.needs == ("key",)
    assert POLYGON.access.headers == (("Authorization", "Bearer {key}"),)
    assert POLYGON.access.params == ()
    assert POLYGON.unpack(market("A", "B"), "member") is None


def test_the_probe_is_one_cheap_call() -> None:
    """
    The last day's bar of one symbol, which every plan has; its answer is read like another.
    """
    request = POLYGON.probe(NOW)
    assert request.full_url == "https://api.polygon.io/v2/aggs/ticker/SPY/prev?adjusted=false"
    bars = parse(request, aggregates([bar("2024-05-31T16:00", T="SPY")], ticker="SPY"))
    assert bars["date"].to_list() == [date(2024, 5, 31)]
