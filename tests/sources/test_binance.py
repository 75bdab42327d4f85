"""Binance's klines: pages, forms and errors as Binance has them, read for what they are or refused with a reason."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from crypto_pages import NOW, TRUTH_COLUMNS, ask, collect, conformed, query, stamps

from gym.binance import Binance as GymBinance
from gym.crypto import midnight
from gym.truth import Truth
from marketkeep.errors import PayloadRefused
from marketkeep.model import Payload, Request
from marketkeep.sources.binance import Binance

BINANCE = Binance()
GYM = GymBinance(Truth(symbols=1, years=1))
DAY = date(2024, 5, 1)
ONE_DAY = BINANCE.plan(query("minute_bars", ("BTC-USDT",), DAY, DAY + timedelta(1)))[0]
DAILY = BINANCE.plan(query("daily_bars", ("BTC-USDT",), DAY, DAY + timedelta(10)))[0]
START = midnight(DAY) * 1000


def kline(at: int, step: int = 60_000, **told: Any) -> list[Any]:
    """One candle as Binance writes it."""
    names = ("open", "high", "low", "close", "volume")
    values = [told.get(name, "1.50000000") for name in names]
    return [at, *values, told.get("end", at + step - 1), "2.25000000", told.get("trades", 3), "0.5", "0.75", "0"]


def answer(body: object, status: int = 200) -> Payload:
    """A payload."""
    return Payload(status, (), body if isinstance(body, bytes) else json.dumps(body).encode(), NOW)


def fault(body: object, status: int = 200, request: Request = ONE_DAY) -> tuple[str, bool, str]:
    """What a body is refused with: code, whether to ask again, and the sentence."""
    with pytest.raises(PayloadRefused) as caught:
        BINANCE.parse(request, answer(body, status))
    assert caught.value.source == "binance"
    return caught.value.fault, caught.value.retry, caught.value.reason


# --- round trips -----------------------------------------------------------------------------------------------------


def test_minutes_of_days_equal_the_truth() -> None:
    """
    Traps 46, 65: over outages and quiet minutes every minute with a trade comes out once, as it was, and no other.
    """
    first, days = date(2024, 4, 20), 30
    for symbol in ("BTC-USDT", "LTC-BTC"):
        got = collect(BINANCE, GYM, query("minute_bars", (symbol,), first, first + timedelta(days)))
        truth = [GYM.crypto.minutes(symbol, first + timedelta(n)) for n in range(days)]
        assert stamps(got.bars) == [ts for one in truth for ts in one["ts"]]
        for name in TRUTH_COLUMNS:
            assert got.bars[name].to_list() == [value for one in truth for value in one[name]], name
        assert got.bars["trade_count"].to_list() == [n for one in truth for n in one["trades"]]
        assert got.bars["vwap"].null_count() == got.bars.height
        assert got.bars.select("symbol", "feed", "basis", "basis_date").unique().rows() == [
            (symbol, "binance", "as_traded", None)
        ]
        assert got.bars["date"].equals(got.bars["ts"].dt.date(), check_names=False)
        # 25 days are 36 pages, the other five are 8: a minute costs as few calls as Binance allows.
        assert 42 <= len(got.calls) <= 44


def test_days_equal_the_truth() -> None:
    """
    Trap 46: daily bars of 2,000 days in two calls, each the UTC day's; a day of outage has none.
    """
    first = date(2018, 9, 1)
    got = collect(BINANCE, GYM, query("daily_bars", ("ETH-USDT",), first, first + timedelta(2000)))
    truth = GYM.crypto.daily("ETH-USDT", first, first + timedelta(1999))
    assert truth.height < 2000
    assert got.bars.select("date", *TRUTH_COLUMNS).rows() == truth.select("date", *TRUTH_COLUMNS).rows()
    assert len(got.calls) == 2


def test_page_that_ends_in_an_outage_is_no_fault() -> None:
    """
    A later page without candles ends the pages; only a window without any is empty.
    """
    late = replace(
        ONE_DAY, params=tuple((k, str(START + 60_000_000) if k == "startTime" else v) for k, v in ONE_DAY.params)
    )
    assert conformed(BINANCE.parse(late, answer([])), "minute_bars").is_empty()
    assert fault([])[:2] == ("empty", True)


def test_days_under_way_are_delivered_as_they_stand() -> None:
    """
    Trap 5: the running day comes as it stands; whether it is final is judged later.
    """
    got = collect(BINANCE, GYM, query("daily_bars", ("BTC-USDT",), NOW.date(), NOW.date() + timedelta(3)))
    told = GYM.crypto.total("BTC-USDT", NOW.date(), 15 * 60 + 30)
    assert told is not None
    assert got.bars.select("date", "close").rows() == [(NOW.date(), told[3] / 100)]


# --- planning --------------------------------------------------------------------------------------------------------


def test_only_markets_binance_can_have_are_planned() -> None:
    """
    Binance has no dollar: a pair against it is left out, not asked as another; nor is what is no pair.
    """
    symbols = ("BTC-USD", "BTC-USDT", "AAPL", "^GSPC", "ETH-BTC", "BTC-EUR", "BTC-JPY")
    planned = BINANCE.plan(query("daily_bars", symbols, DAY, DAY + timedelta(10)))
    assert [one.symbol for one in planned] == ["BTC-USDT", "ETH-BTC", "BTC-EUR"]
    assert [dict(one.params)["symbol"] for one in planned] == ["BTCUSDT", "ETHBTC", "BTCEUR"]


def test_window_is_cut_to_what_binance_has() -> None:
    """
    Nothing is asked before Binance began or after today (UTC); pieces meet without a gap.
    """
    late = datetime(2024, 6, 3, 23, 30, tzinfo=UTC)
    planned = BINANCE.plan(query("minute_bars", ("BTC-USDT",), date(2010, 1, 1), date(2030, 1, 1), late))
    assert (planned[0].start, planned[-1].end) == (date(2017, 7, 14), date(2024, 6, 4))
    assert all(a.end == b.start for a, b in pairwise(planned))
    assert BINANCE.plan(query("daily_bars", ("BTC-USDT",), date(2010, 1, 1), date(2011, 1, 1))) == []


def test_parameters_as_binance_wants_them() -> None:
    """
    Milliseconds, both ends included, a thousand rows.
    """
    assert dict(ONE_DAY.params) == {
        "symbol": "BTCUSDT",
        "interval": "1m",
        "startTime": str(START),
        "endTime": str(START + 86_400_000 - 1),
        "limit": "1000",
    }
    assert BINANCE.probe(NOW).symbols == ("BTC-USDT",)


def test_next_page_follows_full_pages_only() -> None:
    """
    A full page is continued behind its last candle; a short one, the last of a window or garbage is not.
    """
    full = [kline(START + n * 60_000) for n in range(1000)]
    following = BINANCE.next_page(ONE_DAY, answer(full))
    assert following is not None
    assert dict(following.params)["startTime"] == str(START + 60_000_000)
    assert BINANCE.next_page(ONE_DAY, answer(full[:999])) is None
    assert BINANCE.next_page(ONE_DAY, answer([kline(START + (440 + n) * 60_000) for n in range(1000)])) is None
    backwards = [kline(START - 10**9 + n * 60_000) for n in range(1000)]
    for body in (backwards, {"code": 1}, b"", b"[1", [1], [[None]], [[]] * 1000, ["x"] * 1000, [["a"]] * 1000):
        assert BINANCE.next_page(ONE_DAY, answer(body)) is None
    assert BINANCE.next_page(ONE_DAY, answer(full, 400)) is None
    assert BINANCE.unpack(ONE_DAY, "a.csv") is None


# --- forms -----------------------------------------------------------------------------------------------------------


def test_times_in_microseconds_are_known_by_their_size() -> None:
    """
    Trap 65: newer bulk files count microseconds; prices are texts; both become the same rows.
    """
    rows = [kline(START + n * 60_000, close=f"{n + 1}.25000000") for n in range(3)]
    micro = [[row[0] * 1000, *row[1:6], row[6] * 1000 + 999, *row[7:]] for row in rows]
    plain, finer = (BINANCE.parse(ONE_DAY, answer(one)) for one in (rows, micro))
    csv = "\n".join(",".join(map(str, row)) for row in micro).encode()
    bulk = BINANCE.parse(ONE_DAY, answer(csv))
    assert plain["minute_bars"].equals(finer["minute_bars"])
    assert plain["minute_bars"].equals(bulk["minute_bars"])
    assert plain["minute_bars"]["close"].to_list() == [1.25, 2.25, 3.25]


def test_minutes_without_a_trade_are_no_bars() -> None:
    """
    Trap 14: Binance repeats the last price for a minute in which nobody traded; that is no bar.
    """
    quiet = kline(START + 60_000, volume="0.00000000", trades=0)
    bars = BINANCE.parse(ONE_DAY, answer([kline(START), quiet, kline(START + 120_000)]))["minute_bars"]
    assert stamps(bars) == [START // 1000, START // 1000 + 120]


def test_rows_outside_what_was_asked_are_left_out() -> None:
    """
    Only the sessions asked come out, and only what begins on a full minute.
    """
    rows = [kline(START - 60_000), kline(START), kline(START + 90_500), kline(START + 86_400_000)]
    assert stamps(BINANCE.parse(ONE_DAY, answer(rows))["minute_bars"]) == [START // 1000]


def test_interval_is_checked() -> None:
    """
    The closing times tell the interval; a few candles cut short by an outage do not change it.
    """
    assert fault([kline(START, 300_000)])[0] == "wrong_interval"
    assert fault([kline(START)], request=DAILY)[0] == "wrong_interval"
    assert fault([kline(START + 3_600_000, 86_400_000)], request=DAILY)[0] == "wrong_interval"
    rows = [kline(START + n * 60_000, end=START + n * 60_000 + (31_000 if n == 2 else 59_999)) for n in range(5)]
    assert BINANCE.parse(ONE_DAY, answer(rows))["minute_bars"].height == 5


@pytest.mark.parametrize(
    ("body", "status", "code", "retry", "words"),
    [
        ({"code": -1121, "msg": "Invalid symbol."}, 400, "not_found", False, "no market BTC-USDT"),
        ({"code": -1121, "msg": "Invalid symbol."}, 200, "not_found", False, "no market BTC-USDT"),
        ({"code": -1100, "msg": "Illegal characters found."}, 400, "http_400", False, "its code -1100"),
        ({"code": -1003, "msg": "Too much request weight used."}, 429, "quota", False, "too often"),
        ({"code": -1003, "msg": "banned until 1"}, 418, "quota", False, "too often"),
        (b"", 418, "quota", False, "too often"),
        ({"code": 0, "msg": "Service unavailable from a restricted location"}, 451, "refused", False, "the place"),
        (b"<html>", 403, "refused", False, "HTTP 403"),
        (b"Not Found", 404, "http_404", False, "HTTP 404"),
        ({"code": -9, "msg": "x"}, 200, "refused", False, "refused the request"),
        ({"serverTime": 1}, 200, "malformed", True, "no list of candles"),
        ([{"id": 1, "price": "1"}], 200, "malformed", True, "no list of candles"),
        ([[1, 2]], 200, "malformed", True, "no list of candles"),
        (b"", 200, "malformed", True, "no list of candles"),
        (b"null", 200, "malformed", True, "no list of candles"),
        (b"timestamp,open\n1,2", 200, "malformed", True, "no list of candles"),
        (b"1637971200000,1,2", 200, "malformed", True, "no list of candles"),
        ([kline(START, close=1.5)], 200, "malformed", True, "no list of candles"),
        ([kline(START, close="x")], 200, "malformed", True, "no list of candles"),
        ([kline(START, close="NaN")], 200, "malformed", True, "no number"),
        ([kline(-START)], 200, "malformed", True, "no number or time"),
        ([kline(4 * 10**18, end=4 * 10**18 + 60_000_000 - 1)], 200, "malformed", True, "no number or time"),
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


@pytest.mark.parametrize(
    ("variant", "code"), [("empty", "empty"), ("not_found", "not_found"), ("quota", "quota"), ("duplicates", None)]
)
def test_misbehaviour_of_the_gyms_binance(variant: str, code: str | None) -> None:
    """
    Each of the vendor's own misdeeds is refused with its code; rows told twice are taken as told.
    """
    payload = ask(GYM, ONE_DAY, variant=variant)
    if code is None:
        bars = BINANCE.parse(ONE_DAY, payload)["minute_bars"]
        assert bars.height > bars["ts"].n_unique()
        return
    with pytest.raises(PayloadRefused) as caught:
        BINANCE.parse(ONE_DAY, payload)
    assert caught.value.fault == code


def test_damaged_bodies_are_read_or_refused() -> None:
    """
    A body cut anywhere, or with a byte changed, is read or refused; no other error comes out, in either form.
    """
    rows = [kline(START + n * 60_000) for n in range(3)]
    forms = [json.dumps(rows).encode(), "\n".join(",".join(map(str, row)) for row in rows).encode()]
    rng = random.Random(3)
    for body in forms:
        for at in range(len(body)):
            changed = bytearray(body)
            changed[at] = rng.randrange(256)
            for damaged in (body[:at], bytes(changed)):
                BINANCE.next_page(ONE_DAY, answer(damaged))
                with suppress(PayloadRefused):
                    conformed(BINANCE.parse(ONE_DAY, answer(damaged)), "minute_bars")
