"""Yahoo's minutes: planned within its reach, read with the session of the venue, nothing made of what is no minute."""

from __future__ import annotations

import copy
import itertools
import json
import random
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import polars as pl
import pytest

from gym import Truth
from gym.minutes import minutes
from gym.wire import Ask
from gym.yahoo import Yahoo as GymYahoo
from marketkeep.errors import PayloadRefused
from marketkeep.model import RAW_TABLES, Frames, Payload, Query, Request
from marketkeep.sources.yahoo import Yahoo

YAHOO = Yahoo()
NOW = datetime(2024, 11, 12, 21, 30, tzinfo=UTC)
PRICES = ["open", "high", "low", "close"]
# 4:00 in New York of 8 November 2024.
PRE = int(datetime(2024, 11, 8, 9, tzinfo=UTC).timestamp())


def plan(symbols: tuple[str, ...], start: date, end: date, now: datetime = NOW) -> list[Request]:
    """The plan for a window of minutes."""
    return YAHOO.plan(Query("minute_bars", symbols, start, end, now))


ASKED = plan(("AAPL",), date(2024, 11, 8), date(2024, 11, 13))[0]


def chart(stamps: list[int], **told: Any) -> dict[str, Any]:
    """A chart of minutes as Yahoo builds it; `told` replaces parts of the result."""
    values = {name: [float(10 + n) for n in range(len(stamps))] for name in PRICES}
    result: dict[str, Any] = {
        "meta": {"symbol": "AAPL", "currency": "USD", "exchangeTimezoneName": "America/New_York"},
        "timestamp": stamps,
        "indicators": {"quote": [{**values, "volume": [0] * len(stamps)}]},
    }
    result["meta"]["dataGranularity"] = "1m"
    return {"chart": {"result": [{**result, **told}], "error": None}}


def parse(body: object, request: Request = ASKED, *, status: int = 200, now: datetime = NOW) -> Frames:
    """What our source reads of a body, as the raw table takes it."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    frames = YAHOO.parse(request, Payload(status, (), data, now))
    assert list(frames) == ["minute_bars"]
    table = RAW_TABLES["minute_bars"]
    return {"minute_bars": table.conform(frames["minute_bars"].with_columns(payload=pl.lit(0, dtype=pl.UInt32)))}


def fault(body: object, *, status: int = 200) -> tuple[str, bool, str]:
    """What a body is refused with: code, whether to ask again, and the sentence."""
    with pytest.raises(PayloadRefused) as caught:
        parse(body, status=status)
    return caught.value.fault, caught.value.retry, caught.value.reason


# --- planning --------------------------------------------------------------------------------------------------------


def test_a_call_brings_a_week_and_the_reach_is_a_month() -> None:
    """
    Trap 7: whatever is wanted, minutes are asked for 29 days back and 7 days a call, symbol by symbol.
    """
    planned = plan(("AAPL", "BRK.B"), date(2020, 1, 2), date(2030, 1, 1))
    assert [one.symbol for one in planned] == ["AAPL"] * 5 + ["BRK.B"] * 5
    assert planned[5].url.endswith("/BRK-B")
    windows = [(one.start, one.end) for one in planned[:5]]
    assert (windows[0][0], windows[-1][1]) == (date(2024, 10, 14), date(2024, 11, 13))
    for (_, before), (after, _) in itertools.pairwise(windows):
        assert before == after
    for one in planned:
        params = dict(one.params)
        assert (params["interval"], params["includePrePost"]) == ("1m", "true")
        assert int(params["period2"]) - int(params["period1"]) <= 7 * 86_400
    assert YAHOO.offers["minute_bars"].days == 29
    assert plan(("AAPL",), date(2024, 1, 2), date(2024, 2, 1)) == []


def test_a_day_begins_at_midnight_of_its_venue() -> None:
    """
    Trap 45: a stock's day begins at midnight in New York, over the change of the clocks too; a coin's at UTC's.
    """
    stock, coin = plan(("AAPL", "BTC-USD"), date(2024, 11, 1), date(2024, 11, 5))
    for one, first, last in (
        (stock, datetime(2024, 11, 1, 4, tzinfo=UTC), datetime(2024, 11, 5, 5, tzinfo=UTC)),
        (coin, datetime(2024, 11, 1, tzinfo=UTC), datetime(2024, 11, 5, tzinfo=UTC)),
    ):
        params = dict(one.params)
        assert (params["period1"], params["period2"]) == (str(int(first.timestamp())), str(int(last.timestamp())))
    weekend = (date(2024, 11, 9), date(2024, 11, 11))
    assert [one.symbol for one in plan(("AAPL", "BTC-USD"), *weekend)] == ["BTC-USD"]
    evening = datetime(2024, 11, 13, 1, tzinfo=UTC)
    assert plan(("BTC-USD",), date(2024, 11, 12), date(2024, 11, 20), evening)[0].end == date(2024, 11, 14)


def test_the_probe_asks_for_a_week_of_days() -> None:
    """
    Whether Yahoo answers is seen from the last days of one symbol.
    """
    probe = YAHOO.probe(NOW)
    assert (probe.symbol, probe.start, probe.end) == ("SPY", date(2024, 11, 5), date(2024, 11, 13))


# --- shapes ----------------------------------------------------------------------------------------------------------


def test_minutes_as_delivered() -> None:
    """
    The start of the minute in UTC, the venue's session, split-adjusted; Yahoo tells no average and no count of trades.
    """
    bars = parse(chart([PRE, PRE + 60]))["minute_bars"]
    assert bars.select("symbol", "ts", "date", *PRICES, "volume").rows()[0] == (
        *("AAPL", datetime(2024, 11, 8, 9, tzinfo=UTC), date(2024, 11, 8)),
        *(10.0, 10.0, 10.0, 10.0, 0.0),
    )
    assert bars.select("vwap", "trade_count", "feed", "basis", "basis_date").unique().rows() == [
        (None, None, "yahoo", "split_adjusted", date(2024, 11, 11))
    ]


def test_a_coins_minute_belongs_to_the_utc_day() -> None:
    """
    Trap 46: a crypto pair's session is the UTC day, told by the zone in the chart.
    """
    request = plan(("BTC-USD",), date(2024, 11, 8), date(2024, 11, 9))[0]
    midnight = int(datetime(2024, 11, 8, tzinfo=UTC).timestamp())
    meta = {"symbol": "BTC-USD", "exchangeTimezoneName": "UTC", "dataGranularity": "1m"}
    told = chart([midnight - 60, midnight, midnight + 86_340, midnight + 86_400], meta=meta)
    bars = parse(told, request)["minute_bars"]
    assert bars["date"].to_list() == [date(2024, 11, 8)] * 2
    index = plan(("^GSPC",), date(2024, 11, 8), date(2024, 11, 9))[0]
    meta = {"symbol": "^GSPC", "exchangeTimezoneName": "America/New_York", "dataGranularity": "1m"}
    assert parse(chart([PRE + 5 * 3600], meta=meta), index)["minute_bars"]["symbol"].to_list() == ["^GSPC"]


def test_rows_that_are_no_minute_are_left_out() -> None:
    """
    Traps 5, 58: a row of null is no bar, nor is the price of the moment, which begins on no full minute.
    """
    told = chart([PRE, PRE + 60, PRE + 120, PRE + 137])
    for values in told["chart"]["result"][0]["indicators"]["quote"][0].values():
        values[1] = None
    assert parse(told)["minute_bars"]["close"].to_list() == [10.0, 12.0]


def test_rows_outside_the_sessions_asked_are_left_out() -> None:
    """
    What Yahoo adds before or behind the window is not taken.
    """
    told = chart([PRE - 86_400, PRE, PRE + 20 * 86_400])
    assert parse(told)["minute_bars"]["ts"].dt.epoch("s").to_list() == [PRE]
    assert parse(told, replace(ASKED, start=None, end=None))["minute_bars"].height == 3


def test_a_split_told_of_today_is_in_the_basis() -> None:
    """
    Trap 1: the day of the call counts only where the chart itself tells of its split.
    """
    events = {"splits": {"1": {"date": int(NOW.timestamp()) // 60 * 60, "numerator": 2, "denominator": 1}}}
    assert parse(chart([PRE], events=events))["minute_bars"]["basis_date"].to_list() == [date(2024, 11, 12)]


@pytest.mark.parametrize(
    ("body", "status", "code", "retry", "words"),
    [
        (chart([]), 200, "empty", True, "Yahoo has no bars of AAPL from 2024-11-08 to 2024-11-13."),
        (chart([PRE + 7]), 200, "empty", True, "no bars of AAPL"),
        (chart([PRE], meta={"symbol": "AAPL", "dataGranularity": "1d"}), 200, "wrong_interval", False, "(1d) than 1m"),
        (chart([PRE], meta={"symbol": "MSFT", "dataGranularity": "1m"}), 200, "wrong_symbol", True, "for 'MSFT'"),
        (chart([PRE], indicators={"quote": [{"open": [1.0, 2.0]}]}), 200, "malformed", True, "differ in length"),
        (chart([PRE], events={"splits": {"1": {"date": PRE}}}), 200, "malformed", True, "missing or of another kind"),
        (chart([10**18]), 200, "malformed", True, "no number or time"),
        ({"quoteSummary": {"result": [{"price": {}}], "error": None}}, 200, "malformed", True, "but quoteSummary"),
        ({"a b": 1}, 200, "malformed", True, "no chart of bars."),
        (b"[1, 2", 200, "malformed", True, "cut or no JSON"),
        (b"[1, 2]", 200, "malformed", True, "no chart of bars"),
        ((b'{"chart":{"error":{"description":"1m data not available for startTime=1 and endTime=2. The requested '
         b'range must be within the last 30 days."}}}'), 422, "plan_limit", False, "last 30 days only (HTTP 422)"),
        ({"chart": {"error": {"code": "x", "description": "No data found, symbol may be delisted"}}}, 404,
         "not_found", False, "knows no AAPL or has no data for it (HTTP 404)"),
        (b"Invalid Crumb", 401, "http_401", False, "turned the request for AAPL away (HTTP 401)"),
        (b"no", 422, "http_422", False, "refused the request for AAPL (HTTP 422)"),
        ({"finance": {"result": None, "error": {"description": "no\nway"}}}, 200, "refused", False, "AAPL: no way."),
    ],
)  # fmt: skip
def test_refusals_are_plain_sentences(body: object, status: int, code: str, retry: bool, words: str) -> None:
    """
    Trap 58: each refusal has its code, and a sentence that a person can read.
    """
    found = fault(body, status=status)
    assert found[:2] == (code, retry)
    assert words in found[2]
    assert found[2].endswith(".")


def test_damaged_charts_are_read_or_refused() -> None:
    """
    A chart cut anywhere, or with a byte changed, is read or refused; no other error comes out.
    """
    events = {"splits": {"1": {"date": PRE, "numerator": 2, "denominator": 1, "splitRatio": "2:1"}}}
    body = json.dumps(chart([PRE, PRE + 60], events=events)).encode()
    rng = random.Random(5)
    for at in range(len(body)):
        changed = bytearray(body)
        changed[at] = rng.randrange(256)
        for damaged in (body[:at], bytes(changed)):
            with suppress(PayloadRefused):
                parse(damaged)


def test_parts_of_another_kind_are_read_or_refused() -> None:
    """
    Whatever is put in place of a part of the result, it is read or refused.
    """
    for place in ("meta", "timestamp", "indicators", "events"):
        for odd in (None, 1, "x", [], {}, [None], {"quote": None}, {"splits": 3}, 10**400):
            told = copy.deepcopy(chart([PRE, PRE + 60]))
            told["chart"]["result"][0][place] = odd
            with suppress(PayloadRefused):
                parse(told)


# --- round trip ------------------------------------------------------------------------------------------------------


def test_minutes_of_a_month_equal_the_truth() -> None:
    """
    Traps 7, 14, 25, 43, 45: over a half day and the change of the clocks every minute comes out once, in float32.
    """
    truth = Truth(symbols=9, years=2)
    gym, now = GymYahoo(truth), datetime(2024, 12, 3, 3, tzinfo=UTC)
    first, end = date(2024, 11, 3), date(2024, 12, 3)
    for symbol in ("BRK.B", "NA", "TRUE", "ON"):
        history, frames = truth.history(symbol), []
        for request in YAHOO.plan(Query("minute_bars", (symbol,), first, end, now)):
            parts = urlsplit(request.url)
            asked = Ask(parts.hostname or "", unquote(parts.path), dict(request.params), now.timestamp())
            reply = gym.answer(asked)
            assert reply is not None
            frames.append(parse(reply.body, request, status=reply.status, now=now)["minute_bars"])
        told = pl.concat(frames)
        days = history.sessions.between(first, end - timedelta(1)).dates.tolist()
        true = pl.concat(minutes(history, day).with_columns(day=pl.lit(day)) for day in days)
        assert told["ts"].dt.epoch("s").to_list() == true["ts"].to_list(), symbol
        assert told["date"].to_list() == true["day"].to_list()
        ratio = history.ratio_after(now.date())[-1]
        for name in PRICES:
            assert told[name].to_list() == np.float32(true[name].to_numpy() / ratio).astype(float).tolist(), name
        assert told["basis_date"].unique().to_list() == [date(2024, 12, 1)]
