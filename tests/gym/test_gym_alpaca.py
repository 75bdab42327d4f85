"""Alpaca's form in the gym: pages, keys and refusals as Alpaca has them, and all of it reads back as the truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import polars as pl
import pytest

from gym import Truth
from gym.alpaca import BARS, KEY, RECENT, SECRET, Alpaca
from gym.damage import malformed, truncated
from gym.minutes import between
from gym.wire import Ask, Reply
from marketkeep.errors import PayloadRefused
from marketkeep.model import BAD_KEY, EMPTY, NOT_FOUND, PLAN_LIMIT, RAW_TABLES, Payload, Query, Request
from marketkeep.sources.alpaca import Alpaca as Source

NOW = datetime(2025, 1, 3, 3, tzinfo=UTC)
HEADERS = {"apca-api-key-id": KEY, "apca-api-secret-key": SECRET}
PRICES = ("open", "high", "low", "close", "volume")


@pytest.fixture(scope="module")
def truth() -> Truth:
    """Forty symbols over three years."""
    return Truth(symbols=40, years=3)


@pytest.fixture(scope="module")
def vendor(truth: Truth) -> Alpaca:
    """An Alpaca over it."""
    return Alpaca(truth)


def ask(request: Request, now: datetime = NOW, **more: Any) -> Ask:
    """A planned request as it arrives, with the right key."""
    path = request.url.removeprefix("https://data.alpaca.markets")
    given = {"headers": HEADERS} | more
    return Ask("data.alpaca.markets", path, dict(request.params), now.timestamp(), **given)


def collected(vendor: Alpaca, source: Source, query: Query, limit: str | None = None) -> tuple[pl.DataFrame, int]:
    """What the source reads of all pages, and how many there were."""
    frames, pages = [], 0
    for request in source.plan(query):
        following: Request | None = request
        if limit:
            params = tuple((name, limit if name == "limit" else value) for name, value in request.params)
            following = replace(request, params=params)
        while following is not None:
            reply = vendor.answer(ask(following, query.now))
            assert reply is not None
            payload = Payload(reply.status, (), reply.body, query.now)
            frame = source.parse(following, payload)[query.dataset]
            RAW_TABLES[query.dataset].conform(frame.with_columns(payload=pl.lit(0, dtype=pl.UInt32)))
            frames.append(frame)
            following, pages = source.next_page(following, payload), pages + 1
    return pl.concat(frames), pages


def of_truth(truth: Truth, symbols: tuple[str, ...], start: date, end: date) -> Iterator[pl.DataFrame]:
    """The true bars of a window, symbol by symbol."""
    for symbol in symbols:
        renamed = truth.security(symbol).renamed_on
        if renamed is None or renamed <= NOW.date():
            bars = truth.bars(symbol).filter(pl.col("date").is_between(start, end, closed="left"))
            yield bars.select(symbol=pl.lit(symbol), date="date", **{name: pl.col(name) for name in PRICES})


@pytest.mark.parametrize("limit", [None, "777"])
def test_daily_bars_read_back_as_the_truth(truth, vendor, limit):
    """
    Every symbol's as-traded bars come back over pages that break inside symbols, summer and winter time alike.
    """
    start, end = date(2022, 1, 3), date(2025, 1, 1)
    found, pages = collected(vendor, Source(), Query("daily_bars", truth.symbols, start, end, NOW), limit)
    true = pl.concat(of_truth(truth, truth.symbols, start, end)).sort("symbol", "date")
    assert found.select("symbol", "date", *PRICES).sort("symbol", "date").equals(true)
    assert set(found["basis"]) == {"as_traded"}
    assert pages >= true.height // int(limit or 10_000)


def test_minute_bars_read_back_as_the_truth(truth, vendor):
    """
    Minutes of half days, of a change of clocks and outside regular hours come back, each row with its feed.
    """
    symbols, start, end = truth.symbols[:4], date(2024, 10, 28), date(2024, 12, 4)
    found, pages = collected(vendor, Source(), Query("minute_bars", symbols, start, end, NOW))
    midnight = [datetime(d.year, d.month, d.day, h, tzinfo=UTC).timestamp() for d, h in ((start, 4), (end, 5))]
    for symbol in symbols:
        true = between(truth.history(symbol), *midnight)
        ours = found.filter(symbol=symbol).select(
            pl.col("ts").dt.epoch("s"), *PRICES, "vwap", trades=pl.col("trade_count")
        )
        assert ours.equals(true.select("ts", *PRICES, "vwap", "trades"))
    assert set(found["feed"]) == {"sip"}
    assert pages == -(-found.height // 10_000)


def test_minutes_of_pairs_read_back_as_the_truth(vendor):
    """
    Trap 46: UTC days without a break; minutes without a trade and outages have no row; an unknown pair is null.
    """
    query = Query("minute_bars", ("BTC-USD", "LTC-USD", "DOGE-USD"), date(2024, 3, 8), date(2024, 3, 12), NOW)
    found, pages = collected(vendor, Source(), query, "2000")
    assert pages > 3
    for pair in ("BTC-USD", "LTC-USD"):
        days = [vendor.crypto.minutes(pair, date(2024, 3, day)) for day in range(8, 12)]
        ours = found.filter(symbol=pair).select(pl.col("ts").dt.epoch("s"), *PRICES, trades="trade_count")
        assert ours.equals(pl.concat(days).select("ts", *PRICES, "trades"))
    assert set(found["symbol"]) == {"BTC-USD", "LTC-USD"}
    assert set(found["feed"]) == {"alpaca"}


def test_own_feed_has_a_small_part_of_the_volume(truth, vendor):
    """
    Trap 12: rows of the exchange's own feed are marked as such, and daily bars are never made of them.
    """
    symbol, start, end = truth.symbols[0], date(2024, 12, 30), date(2025, 1, 1)
    source = Source(feed="iex")
    minutes, _ = collected(vendor, source, Query("minute_bars", (symbol,), start, end, NOW))
    days, _ = collected(vendor, source, Query("daily_bars", (symbol,), start, end, NOW))
    assert set(minutes["feed"]) == {"iex"}
    assert days["volume"].to_list() == truth.bars(symbol).tail(2)["volume"].to_list()
    assert minutes["volume"].sum() < days["volume"].sum() * 0.04


@pytest.mark.parametrize("count", [3, 40])
def test_actions_read_back_as_the_truth(truth, vendor, count):
    """
    Splits and dividends come back by ex-date, though a dividend is filed weeks later; exact ratios, amounts as paid.
    """
    symbols, start, end = truth.symbols[:count], date(2022, 6, 1), date(2024, 12, 1)
    found, _ = collected(vendor, Source(), Query("actions", symbols, start, end, NOW), "50")
    true = pl.concat(
        [truth.actions(one).select(symbol=pl.lit(one), **{c: c for c in truth.actions(one).columns}) for one in symbols]
    ).filter(pl.col("ex_date").is_between(start, end, closed="left"))
    columns = ("symbol", "ex_date", "kind", "numerator", "denominator", "amount")
    assert found.select(columns).sort(columns).equals(true.select(columns).sort(columns))
    forward = found.filter((pl.col("kind") == "split") & (pl.col("numerator") > pl.col("denominator")))
    assert (forward["pay_date"] < forward["ex_date"]).all()


def test_whole_market_is_asked_where_that_is_cheaper(truth, vendor):
    """
    Thousands of symbols over a few days take one unnamed request; only the symbols asked for are read from it.
    """
    asked = tuple(f"V{a}{b}{c}" for a in "ABCDEFGHIJ" for b in "ABCDEFGHIJKLMNOPQRST" for c in "ABCDEFGHIJKLMNOPQRST")
    source = Source()
    query = Query("actions", truth.symbols[:5] + asked * 3, date(2024, 6, 3), date(2024, 12, 8), NOW)
    (request,) = source.plan(query)
    assert "symbols" not in dict(request.params)
    found, _ = collected(vendor, source, query)
    assert set(found["symbol"]) <= set(truth.symbols[:5])
    assert found.height


def test_pages_end_in_an_empty_one(truth, vendor):
    """
    Trap 60: a full page has a token even where nothing is left, and the page behind it is empty.
    """
    (request,) = Source().plan(Query("daily_bars", truth.symbols[:1], date(2024, 12, 1), date(2025, 1, 1), NOW))
    params = {**dict(request.params), "limit": "21"}
    first = vendor.answer(replace(ask(request), params=params))
    told = orjson.loads(first.body)
    assert len(told["bars"][truth.symbols[0]]) == 21
    second = vendor.answer(replace(ask(request), params=params | {"page_token": told["next_page_token"]}))
    assert orjson.loads(second.body) == {"bars": {}, "next_page_token": None}


def test_bar_of_a_session_under_way_is_partial(truth, vendor):
    """
    At noon the day's bar holds what traded until a quarter of an hour ago; nothing later is told.
    """
    noon, symbol = datetime(2024, 12, 31, 17, tzinfo=UTC), truth.symbols[0]
    frame, _ = collected(vendor, Source(), Query("daily_bars", (symbol,), date(2024, 12, 30), date(2025, 1, 5), noon))
    true = truth.bars(symbol).tail(2)
    assert frame["date"].to_list() == true["date"].to_list()
    assert frame["volume"][0] == true["volume"][0]
    assert 0 < frame["volume"][1] < true["volume"][1]


def refused(vendor: Alpaca, dataset: str = "daily_bars", **more: Any) -> tuple[str, bool]:
    """The fault that the source sees in the vendor's answer, and whether asking again may help."""
    source = Source()
    request = source.plan(Query(dataset, (vendor.truth.symbols[0],), date(2024, 12, 1), date(2025, 1, 1), NOW))[0]
    reply = vendor.answer(ask(request, **more))
    with pytest.raises(PayloadRefused) as caught:
        source.parse(request, Payload(reply.status, (), reply.body, NOW))
    assert KEY not in caught.value.reason
    assert SECRET not in caught.value.reason
    return caught.value.fault, caught.value.retry


def test_refusals_in_alpacas_own_form(vendor):
    """
    Keys are checked, and each misbehaviour has the form that the source knows it by.
    """
    assert refused(vendor, headers={}) == (BAD_KEY, False)
    assert refused(vendor, headers=HEADERS | {"apca-api-secret-key": "no"}) == (BAD_KEY, False)
    told = {variant: refused(vendor, variant=variant) for variant in vendor.variants - {"duplicates"}}
    assert told == {
        "empty": (EMPTY, True),
        "wrong_symbol": ("wrong_symbol", True),
        "not_found": (NOT_FOUND, False),
        "plan_limit": (PLAN_LIMIT, False),
        "bad_key": (BAD_KEY, False),
    }
    assert refused(vendor, "actions", variant="not_found") == (NOT_FOUND, False)


@pytest.mark.parametrize("damage", [truncated, malformed])
@pytest.mark.parametrize("dataset", ["daily_bars", "minute_bars", "actions"])
def test_bodies_spoilt_on_the_way_are_refused(truth, vendor, damage, dataset):
    """
    A page cut short, or unreadable as JSON, gives no rows and leads nowhere; it may be asked again.
    """
    source = Source()
    request = source.plan(Query(dataset, truth.symbols[:3], date(2024, 11, 1), date(2025, 1, 1), NOW))[0]
    body = damage(vendor.answer(ask(request))).body
    with pytest.raises(PayloadRefused) as caught:
        source.parse(request, Payload(200, (), body, NOW))
    assert (caught.value.fault, caught.value.retry) == ("malformed", True)
    assert source.next_page(request, Payload(200, (), body, NOW)) is None


def test_duplicates_are_read_once(truth, vendor):
    """
    A row told twice is one bar.
    """
    source = Source()
    (request,) = source.plan(Query("daily_bars", truth.symbols[:1], date(2024, 12, 1), date(2025, 1, 1), NOW))
    once, twice = (vendor.answer(ask(request, variant=variant)) for variant in (None, "duplicates"))
    assert len(twice.body) > len(once.body)
    bars = [source.parse(request, Payload(200, (), reply.body, NOW))["daily_bars"] for reply in (once, twice)]
    assert bars[0].equals(bars[1])


def test_recent_consolidated_data_is_refused(vendor):
    """
    Trap 17: the last quarter of an hour of the tape needs a paid plan; the exchange's own feed does not.
    """

    def answer(**params: str) -> Reply:
        given = {"symbols": "BRK.B", "timeframe": "1Min", "start": "2025-01-02"} | params
        return vendor.answer(Ask("data.alpaca.markets", BARS, given, NOW.timestamp(), headers=HEADERS))

    recent = (NOW - timedelta(minutes=14)).isoformat()
    assert (answer(end=recent).status, orjson.loads(answer(end=recent).body)) == (403, {"message": RECENT})
    assert answer(end=recent, feed="iex").status == 200
    assert answer().status == 200
    assert answer(end=(NOW - timedelta(minutes=16)).isoformat()).status == 200


def test_malformed_symbols_fail_the_whole_request(vendor):
    """
    One ill-written symbol spoils the request for all of them; an unknown one is null and spoils nothing.
    """

    def answer(symbols: str) -> Reply:
        params = {"symbols": symbols, "timeframe": "1Day", "start": "2024-12-30", "end": "2024-12-31"}
        return vendor.answer(Ask("data.alpaca.markets", BARS, params, NOW.timestamp(), headers=HEADERS))

    assert orjson.loads(answer("BRK-B,BF.A").body) == {"message": "invalid symbol: BRK-B"}
    assert answer("BRK-B,BF.A").status == 400
    bars = orjson.loads(answer("ZZZZ,BF.A").body)["bars"]
    assert (bars["ZZZZ"], len(bars["BF.A"])) == (None, 2)
