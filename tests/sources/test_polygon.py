"""Polygon's bars: each shape is read for what it is, or refused with a reason, and nothing crashes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from polygon_answers import (
    NOW,
    POLYGON,
    aggregates,
    bar,
    daily,
    grouped,
    market,
    minute,
    parse,
    refusal,
)

SESSION = "2024-03-04"
AT_CLOSE = f"{SESSION}T16:00"
UPGRADE = "Please upgrade your plan at https://polygon.io/pricing"
TIMEFRAME = {"status": "NOT_AUTHORIZED", "message": f"Your plan doesn't include this data timeframe. {UPGRADE}"}
NOT_YET = {"status": "NOT_AUTHORIZED", "message": f"Attempted to request today's data before end of day. {UPGRADE}"}

# --- daily bars of a ticker ------------------------------------------------------------------------------------------


def test_bars_of_a_ticker() -> None:
    """
    Trap 20: a stamp in milliseconds is midnight in New York of its session, before and after the change of the clocks.
    """
    bars = parse(daily(), aggregates([bar("2024-03-08"), bar("2024-03-11", o=11, n=3.0)], status="DELAYED"))
    assert bars.rows() == [
        ("AAPL", date(2024, 3, 8), 10.0, 10.4, 9.9, 10.2, 1000.0, "as_traded"),
        ("AAPL", date(2024, 3, 11), 11.0, 10.4, 9.9, 10.2, 1000.0, "as_traded"),
    ]


def test_volume_is_a_float() -> None:
    """
    Traps 24 and 61: a volume such as 6.3896155e+07 is a number like any other, and one may have a fraction.
    """
    body = json.dumps(aggregates([bar("2024-03-08", v=1), bar("2024-03-11", v=2.25)]))
    bars = parse(daily(), body.replace('"v": 1,', '"v": 6.3896155e+07,').encode())
    assert bars["volume"].to_list() == [63896155.0, 2.25]


def test_an_unknown_field_stays_unknown() -> None:
    """
    A field that is absent or null is unknown, never 0.
    """
    told = bar("2024-03-08", v=None)
    del told["o"]
    assert parse(daily(), aggregates([told])).select("open", "volume").row(0) == (None, None)


def test_adjusted_bars_are_refused() -> None:
    """
    Trap 21: what was adjusted for splits is not what was traded; asking again would not change it.
    """
    error = refusal(daily(), aggregates([bar(SESSION)], adjusted=True))
    assert (error.fault, error.retry) == ("wrong_basis", False)


@pytest.mark.parametrize("ticker", ["MSFT", "aapl", None, 5])
def test_another_ticker_is_refused(ticker: object) -> None:
    """
    Bars of another ticker are not what was asked for; case counts, for ABRpD is not ABRPD.
    """
    assert refusal(daily(), aggregates([bar(SESSION)], ticker=ticker)).fault == "wrong_symbol"


def test_class_shares_and_preferreds() -> None:
    """
    Trap 29: asked for as Polygon writes them, kept as we do.
    """
    for symbol, ticker in (("BRK.B", "BRK.B"), ("ABR.PRD", "ABRpD"), ("ACIC.WS", "ACIC.WS"), ("NA", "NA")):
        request = daily(symbol)
        assert f"/ticker/{ticker}/range/" in request.url
        assert parse(request, aggregates([bar(SESSION)], ticker=ticker))["symbol"].to_list() == [symbol]


@pytest.mark.parametrize("told", [{"results": None}, {"results": []}, {"results": [bar("2023-03-08")]}])
def test_no_bars_are_empty(told: dict[str, Any]) -> None:
    """
    Trap 8: no results, or none of the window, say nothing of the symbol; asking again may help.
    """
    error = refusal(daily(), aggregates([], **told))
    assert (error.fault, error.retry) == ("empty", True)
    body = aggregates([])
    del body["results"], body["count"]
    assert refusal(daily(), body).fault == "empty"


def test_only_the_sessions_asked_for() -> None:
    """
    Bars before the first session or from the end on are left out.
    """
    days = ["2024-03-01", "2024-03-04", "2024-03-15", "2024-03-18"]
    bars = parse(daily(), aggregates([bar(day) for day in days]))
    assert bars["date"].to_list() == [date(2024, 3, 4), date(2024, 3, 15)]


def test_several_bars_of_a_session_are_no_daily_bars() -> None:
    """
    Minute bars in place of daily ones are refused; the same bar told twice is not.
    """
    minutes = [bar(f"{SESSION}T09:30"), bar(f"{SESSION}T09:31")]
    assert refusal(daily(), aggregates(minutes)).fault == "wrong_interval"
    assert parse(daily(), aggregates([bar(SESSION)] * 2)).height == 2


# --- the whole market ------------------------------------------------------------------------------------------------


def test_bars_of_the_market() -> None:
    """
    Of all tickers those asked for, under our names, stamped at the close; one that is not there has no row.
    """
    tickers = ["ZZZ", "ABRpD", "NA", "BRK.B", "AAPL", "AAPLW", "TEST/", "null"]
    rows = [bar(AT_CLOSE, T=ticker, c=float(at)) for at, ticker in enumerate(tickers)]
    bars = parse(market("BRK.B", "ABR.PRD", "NA", "GONE"), grouped(rows))
    assert bars.select("symbol", "date", "close").rows() == [
        ("ABR.PRD", date(2024, 3, 4), 1.0),
        ("NA", date(2024, 3, 4), 2.0),
        ("BRK.B", date(2024, 3, 4), 3.0),
    ]


def test_symbol_columns_are_text() -> None:
    """
    Trap 63: NA, NAN, NULL, TRUE, ON and INF are tickers.
    """
    names = ("NA", "NAN", "NULL", "TRUE", "ON", "INF")
    bars = parse(market(*names), grouped([bar(AT_CLOSE, T=name) for name in names]))
    assert tuple(bars["symbol"]) == names


def test_a_market_without_bars_is_empty() -> None:
    """
    A session without any bar has not been told yet: it is not settled. One that lacks our symbols only is.
    """
    error = refusal(market("A", "B"), grouped([]))
    assert (error.fault, error.retry) == ("empty", True)
    assert parse(market("A", "B"), grouped([bar(AT_CLOSE, T="C")])).is_empty()


def test_another_session_of_the_market_is_refused() -> None:
    """
    Bars of the day before are not those of the session, though none of them is one of ours.
    """
    body = grouped([bar("2024-03-01T16:00", T="C")])
    assert refusal(market("A", "B"), body).fault == "wrong_session"


def test_adjusted_bars_of_the_market_are_refused() -> None:
    """
    Trap 21: here too.
    """
    assert refusal(market("A", "B"), grouped([bar(AT_CLOSE, T="A")], adjusted=True)).fault == "wrong_basis"


def test_a_whole_market_is_read_at_once() -> None:
    """
    Twelve thousand tickers, a few thousand of them ours: all of ours, none of the others.
    """
    names = [f"Q{a}{b}{c}{d}" for a in "ABCDEFGHIJKL" for b in "ABCDEFGHIJ" for c in "ABCDEFGHIJ" for d in "ABCDEFGHIJ"]
    rows = [bar(AT_CLOSE, T=name, n=at) for at, name in enumerate(names)]
    bars = parse(market(*names[::3]), grouped(rows))
    assert bars["symbol"].to_list() == names[::3]


# --- minute bars -----------------------------------------------------------------------------------------------------


def test_minute_bars() -> None:
    """
    Traps 20 and 45: starts in UTC with the session's date, over the change of the clocks and before and after hours.
    """
    times = ["2024-03-08T04:00", "2024-03-08T19:59", "2024-03-11T09:30"]
    bars = parse(minute(), aggregates([bar(text) for text in times]))
    assert bars["ts"].to_list() == [
        datetime(2024, 3, 8, 9, 0, tzinfo=UTC),
        datetime(2024, 3, 9, 0, 59, tzinfo=UTC),
        datetime(2024, 3, 11, 13, 30, tzinfo=UTC),
    ]
    assert bars["date"].to_list() == [date(2024, 3, 8), date(2024, 3, 8), date(2024, 3, 11)]
    assert bars.select("vwap", "trade_count", "feed", "basis").row(0) == (10.1, 12, "sip", "as_traded")


def test_daily_bars_are_no_minute_bars() -> None:
    """
    Bars that all begin at midnight are bars of days.
    """
    assert refusal(minute(), aggregates([bar("2024-03-08"), bar("2024-03-11")])).fault == "wrong_interval"


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "code", "retry"),
    [
        ({"status": "ERROR", "request_id": "x", "error": "API Key was not provided"}, 401, "bad_key", False),
        ({"status": "ERROR", "request_id": "x", "error": "Unknown API Key"}, 200, "bad_key", False),
        (TIMEFRAME, 403, "plan_limit", False),
        ({"status": "NOT_AUTHORIZED", "message": "You are not entitled to this data."}, 403, "plan_limit", False),
        ({"status": "ERROR", "error": "You've exceeded the maximum requests per minute"}, 200, "quota", False),
        ({"status": "ERROR", "error": "You've exceeded the maximum requests per minute"}, 429, "quota", False),
        ({"status": "NOT_FOUND", "message": "Ticker not found."}, 404, "not_found", False),
        ({"status": "ERROR", "error": "The parameter is invalid"}, 400, "http_400", False),
        ({"status": "ERROR", "error": "no"}, 200, "refused", False),
        ({"status": "ERROR"}, 200, "refused", False),
        ({"status": None, "error": 5}, 200, "malformed", True),
        (b"404 page not found", 404, "http_404", False),
        (b"<html>403 Forbidden</html>", 403, "http_403", False),
        (b"<html>Will be right back...</html>", 200, "malformed", True),
        (b"", 200, "malformed", True),
        (b"[]", 200, "malformed", True),
        (b"null", 200, "malformed", True),
        (b"{}", 200, "malformed", True),
        (b'{"status":"OK"}', 200, "malformed", True),
        (json.dumps(aggregates([bar(SESSION)])).encode()[:-20], 200, "malformed", True),
        (aggregates([bar(SESSION)], resultsCount=2), 200, "truncated", True),
        (aggregates([], results={"0": bar(SESSION)}), 200, "malformed", True),
    ],
)
@pytest.mark.parametrize("request_of", [daily, minute])
def test_errors(request_of: Any, body: object, status: int, code: str, retry: bool) -> None:
    """
    Trap 61: errors stand under `error` or `message`, some with status 200; each has its code.
    """
    error = refusal(request_of(), body, status)
    assert (error.fault, error.retry) == (code, retry)


def test_out_of_reach_in_a_sentence() -> None:
    """
    Trap 26: the sentence names the day and the plan; it is for good.
    """
    assert refusal(daily(start=date(2022, 6, 3)), TIMEFRAME, 403).reason == (
        "Polygon's plan does not reach back to 2022-06-03 (HTTP 403); a paid plan does."
    )
    not_entitled = {"status": "NOT_AUTHORIZED", "message": "You are not entitled to this data."}
    assert refusal(minute(), not_entitled, 403).reason == (
        "Polygon's plan does not include minute bars of 2024-03-04 (HTTP 403); a paid plan does."
    )
    assert refusal(POLYGON.probe(NOW), not_entitled, 403).reason == (
        "Polygon's plan does not include daily bars (HTTP 403); a paid plan does."
    )


@pytest.mark.parametrize("body", [TIMEFRAME, NOT_YET])
def test_today_is_not_out_of_reach(body: dict[str, str]) -> None:
    """
    A free plan has today's bars tomorrow: today is not remembered as out of reach, nor as a session without bars.
    """
    today = date(2024, 6, 3)
    for request in (daily(start=today, end=date(2024, 6, 4)), market("A", "B", session=today)):
        error = refusal(request, body, 403)
        assert (error.fault, error.retry) == ("not_yet", False)
        assert "2024-06-03" in error.reason
        assert refusal(request, body, 403, NOW + timedelta(days=1)).fault == "plan_limit"


def test_not_found_is_about_one_symbol() -> None:
    """
    A whole market that is not found says nothing of the symbols in it.
    """
    assert refusal(market("A", "B"), {"status": "NOT_FOUND", "message": "Data not found."}, 404).fault == "http_404"


def test_no_note_is_quoted() -> None:
    """
    What a vendor writes may hold the key: no reason has a word of it.
    """
    for status in (200, 400, 401, 403, 404):
        for state in ("ERROR", "NOT_AUTHORIZED", "NOT_FOUND", "key123"):
            body = {"status": state, "error": "bad key123", "message": "key123", "request_id": "key123"}
            assert "key123" not in str(refusal(daily(), body, status))


@pytest.mark.parametrize("name", ["t", "o", "c", "v", "vw", "n"])
@pytest.mark.parametrize("value", ["ten", [1], {"a": 1}, 10**400, -(10**400)])
def test_a_bar_of_other_things(name: str, value: object) -> None:
    """
    A field that is no number makes the answer malformed.
    """
    assert refusal(daily(), aggregates([bar(SESSION, **{name: value})])).fault == "malformed"


@pytest.mark.parametrize("told", [{"t": None}, {"t": -1}, {"t": 10**15}, {"c": None}])
def test_a_bar_needs_time_and_close(told: dict[str, Any]) -> None:
    """
    A bar without a time, with one far off, or without a close is none.
    """
    assert refusal(daily(), aggregates([bar(SESSION, **told)])).fault == "malformed"
    assert refusal(market("A", "B"), grouped([bar(AT_CLOSE, **{"T": "A", **told})])).fault == "malformed"
    assert refusal(market("A", "B"), grouped([bar(AT_CLOSE)])).fault == "malformed"
