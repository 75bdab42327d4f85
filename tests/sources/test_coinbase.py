"""Coinbase's candles: 300 a page, newest first, quiet ones left out; read for what they are or refused."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from crypto_pages import NOW, TRUTH_COLUMNS, ask, collect, conformed, query, stamps

from gym.coinbase import Coinbase as GymCoinbase
from gym.crypto import midnight
from gym.truth import Truth
from marketkeep.errors import PayloadRefused
from marketkeep.model import Payload, Request
from marketkeep.sources.coinbase import Coinbase

COINBASE = Coinbase()
GYM = GymCoinbase(Truth(symbols=1, years=1))
DAY = date(2024, 5, 1)
MINUTES = COINBASE.plan(query("minute_bars", ("BTC-USD",), DAY, DAY + timedelta(1)))[0]
DAILY = COINBASE.plan(query("daily_bars", ("BTC-USD",), DAY, DAY + timedelta(10)))[0]
START = midnight(DAY)


def answer(body: object, status: int = 200) -> Payload:
    """A payload."""
    return Payload(status, (), body if isinstance(body, bytes) else json.dumps(body).encode(), NOW)


def fault(body: object, status: int = 200, request: Request = DAILY) -> tuple[str, bool, str]:
    """What a body is refused with: code, whether to ask again, and the sentence."""
    with pytest.raises(PayloadRefused) as caught:
        COINBASE.parse(request, answer(body, status))
    assert caught.value.source == "coinbase"
    return caught.value.fault, caught.value.retry, caught.value.reason


# --- round trips -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("symbol", ["BTC-USD", "LTC-USD"])
def test_minutes_of_days_equal_the_truth(symbol: str) -> None:
    """
    Traps 46, 65: over outages and quiet minutes every minute with a trade comes out once, as it was, and no other.
    """
    first, days = date(2024, 4, 20), 12
    got = collect(COINBASE, GYM, query("minute_bars", (symbol,), first, first + timedelta(days)))
    truth = [GYM.crypto.minutes(symbol, first + timedelta(n)) for n in range(days)]
    assert sorted(stamps(got.bars)) == [ts for one in truth for ts in one["ts"]]
    bars = got.bars.sort("ts")
    for name in TRUTH_COLUMNS:
        assert bars[name].to_list() == [value for one in truth for value in one[name]], name
    assert got.bars.select("symbol", "feed", "basis", "basis_date", "vwap", "trade_count").unique().rows() == [
        (symbol, "coinbase", "as_traded", None, None, None)
    ]
    # 12 days are 17,280 minutes; the last page of the last window is the only one that is not full.
    assert len(got.calls) == 58


def test_days_equal_the_truth() -> None:
    """
    Trap 46: daily bars of 600 days in two calls, each the UTC day's; a day of outage has none.
    """
    first = date(2020, 9, 1)
    got = collect(COINBASE, GYM, query("daily_bars", ("ETH-USD",), first, first + timedelta(600)))
    truth = GYM.crypto.daily("ETH-USD", first, first + timedelta(599))
    assert truth.height < 600
    assert got.bars.select("date", *TRUTH_COLUMNS).rows() == truth.select("date", *TRUTH_COLUMNS).rows()
    assert len(got.calls) == 2


def test_minutes_that_lie_ahead_are_not_asked() -> None:
    """
    Pages end at the instant of asking; the running day comes as it stands.
    """
    got = collect(COINBASE, GYM, query("minute_bars", ("BTC-USD",), NOW.date(), NOW.date() + timedelta(5)))
    truth = GYM.crypto.minutes("BTC-USD", NOW.date())
    assert stamps(got.bars) == [ts for ts in truth["ts"] if ts + 60 <= NOW.timestamp()]
    assert len(got.calls) == 4


# --- planning --------------------------------------------------------------------------------------------------------


def test_pages_never_ask_for_more_than_300_candles() -> None:
    """
    Both ends are included, so 300 candles end where the last begins; windows meet without a gap.
    """
    planned = COINBASE.plan(query("daily_bars", ("BTC-USD",), date(2014, 1, 1), date(2030, 1, 1)))
    assert (planned[0].start, planned[-1].end) == (date(2015, 1, 1), NOW.date() + timedelta(1))
    assert all(a.end == b.start for a, b in pairwise(planned))
    for one in planned:
        params = dict(one.params)
        ends = [datetime.fromisoformat(params[name]) for name in ("start", "end")]
        assert (ends[1] - ends[0]).days < 300
        assert params["granularity"] == "86400"
    assert dict(MINUTES.params) == {
        "granularity": "60",
        "start": "2024-05-01T00:00:00Z",
        "end": "2024-05-01T04:59:00Z",
    }


def test_only_pairs_are_planned() -> None:
    """
    A product is written as the symbol is; stocks and other currencies are left out.
    """
    symbols = ("AAPL", "ETH-BTC", "BTC-USD", "BTC-JPY", "BTC-USDC")
    planned = COINBASE.plan(query("daily_bars", symbols, DAY, DAY + timedelta(10)))
    assert [one.symbol for one in planned] == ["ETH-BTC", "BTC-USD", "BTC-USDC"]
    assert planned[1].url.endswith("/products/BTC-USD/candles")
    assert COINBASE.probe(NOW).symbols == ("BTC-USD",)


def test_next_page_is_told_by_the_request() -> None:
    """
    A quiet page is continued all the same; an error, garbage or the window's last page is not.
    """
    following = COINBASE.next_page(MINUTES, answer([]))
    assert following is not None
    assert dict(following.params)["start"] == "2024-05-01T05:00:00Z"
    assert COINBASE.next_page(DAILY, answer([])) is None
    assert COINBASE.next_page(MINUTES, answer([], 404)) is None
    for body in (b"", b"{}", b"[", b"7", {"candles": None}, {"message": "NotFound"}):
        assert COINBASE.next_page(MINUTES, answer(body)) is None
    for params in ((), (("end", "soon"),)):
        assert COINBASE.next_page(replace(MINUTES, params=params), answer([])) is None
    assert COINBASE.unpack(MINUTES, "a.csv") is None


# --- forms -----------------------------------------------------------------------------------------------------------


def test_order_of_a_row() -> None:
    """
    Trap 65: a row is time, low, high, open, close, volume, in seconds, newest first.
    """
    rows = [[START + 86_400, 2.0, 9, 4.5, 8.25, 12.5], [START, 1, 7, 3, 6.5, 10]]
    bars = COINBASE.parse(DAILY, answer(rows))["daily_bars"]
    assert bars.select("date", *TRUTH_COLUMNS).rows() == [
        (DAY, 3.0, 7.0, 1.0, 6.5, 10.0),
        (DAY + timedelta(1), 4.5, 9.0, 2.0, 8.25, 12.5),
    ]


def test_advanced_trade_form() -> None:
    """
    Trap 65: objects of texts, as Coinbase's other interface gives them, are the same rows.
    """
    rows = [{"start": str(START), "low": "1", "high": "7", "open": "3", "close": "6.5", "volume": "10"}]
    plain = COINBASE.parse(DAILY, answer([[START, 1, 7, 3, 6.5, 10]]))["daily_bars"]
    assert COINBASE.parse(DAILY, answer({"candles": rows}))["daily_bars"].equals(plain)


def test_rows_outside_what_was_asked_are_left_out() -> None:
    """
    Only the sessions asked come out; days that begin at another hour are no days.
    """
    rows = [[START + day * 86_400, 1, 1, 1, 1, 1] for day in (10, 3, -1)]
    assert COINBASE.parse(DAILY, answer(rows))["daily_bars"]["date"].to_list() == [DAY + timedelta(3)]
    assert fault([[START + 3600, 1, 1, 1, 1, 1]])[0] == "wrong_interval"
    openended = replace(DAILY, start=None, end=None)
    assert COINBASE.parse(openended, answer(rows))["daily_bars"].height == 3
    assert fault([], request=openended)[0] == "empty"


def test_quiet_pages_are_no_fault() -> None:
    """
    Trap 46: a page of a longer window without candles has no rows; a whole window without any is empty.
    """
    assert conformed(COINBASE.parse(MINUTES, answer([])), "minute_bars").is_empty()
    assert fault([])[:2] == ("empty", True)


@pytest.mark.parametrize(
    ("body", "status", "code", "retry", "words"),
    [
        ({"message": "NotFound"}, 404, "not_found", False, "no product BTC-USD"),
        ({"message": "End is too old"}, 400, "empty", True, "no candles of BTC-USD"),
        ({"message": "granularity too small for the requested time range"}, 400, "http_400", False, "HTTP 400"),
        ({"message": "Forbidden"}, 403, "refused", False, "turns requests"),
        (b"", 401, "refused", False, "turns requests"),
        ({"message": "NotFound"}, 200, "malformed", True, "no list of candles"),
        ({"products": []}, 200, "malformed", True, "no list of candles"),
        ([{"id": "BTC", "name": "Bitcoin"}], 200, "malformed", True, "no list of candles"),
        (b"<html>", 200, "malformed", True, "no list of candles"),
        ([[START, 1, 2, 3, 4]], 200, "malformed", True, "no list of candles"),
        ([[START, 1, 2, 3, "4", 5]], 200, "malformed", True, "no list of candles"),
        ([[START, 1, 2, 3, True, 5]], 200, "malformed", True, "no list of candles"),
        ([[str(START), 1, 2, 3, 4, 5]], 200, "malformed", True, "no list of candles"),
        ([[2**62, 1, 2, 3, 4, 5]], 200, "malformed", True, "no number or time"),
        ([[-START, 1, 2, 3, 4, 5]], 200, "malformed", True, "no number or time"),
        ([7], 200, "malformed", True, "no list of candles"),
    ],
)
def test_answers_that_are_no_candles(body: object, status: int, code: str, retry: bool, words: str) -> None:
    """
    Each error has its code and one plain sentence.
    """
    found = fault(body, status)
    assert found[:2] == (code, retry)
    assert words in found[2]
    assert found[2].endswith(".")


@pytest.mark.parametrize(("variant", "code"), [("empty", "empty"), ("not_found", "not_found"), ("duplicates", None)])
def test_misbehaviour_of_the_gyms_coinbase(variant: str, code: str | None) -> None:
    """
    Each of the vendor's own misdeeds is refused with its code; rows told twice are taken as told.
    """
    payload = ask(GYM, DAILY, variant=variant)
    if code is None:
        bars = COINBASE.parse(DAILY, payload)["daily_bars"]
        assert bars.height > bars["date"].n_unique()
        return
    with pytest.raises(PayloadRefused) as caught:
        COINBASE.parse(DAILY, payload)
    assert caught.value.fault == code


def test_damaged_bodies_are_read_or_refused() -> None:
    """
    A body cut anywhere, or with a byte changed, is read or refused; no other error comes out, in either form.
    """
    rows = [[START + n * 60, 1.5, 2.5, 2, 2.25, 10.125] for n in range(3)]
    texts = [dict(zip(("start", "low", "high", "open", "close", "volume"), map(str, row), strict=True)) for row in rows]
    rng = random.Random(3)
    for body in (json.dumps(rows).encode(), json.dumps({"candles": texts}).encode()):
        for at in range(len(body)):
            changed = bytearray(body)
            changed[at] = rng.randrange(256)
            for damaged in (body[:at], bytes(changed)):
                COINBASE.next_page(MINUTES, answer(damaged))
                with suppress(PayloadRefused):
                    conformed(COINBASE.parse(MINUTES, answer(damaged)), "minute_bars")


def test_reach_is_told() -> None:
    """
    Trap 7: the offer says how far back Coinbase goes, for the planner.
    """
    today = datetime(2024, 6, 3, tzinfo=UTC).date()
    assert {offer.reach(today) for offer in COINBASE.offers.values()} == {date(2015, 1, 1)}
