"""
Alpaca's own Python client, pointed at the same bytes over a real socket, tells the same bars and actions as we do.

Recorded payloads and the gym's pages both; the client follows the pages by itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from gym.alpaca import KEY, SECRET
from gym.scripted import Step, scripted
from gym.server import Gym, serve
from gym.vendors import some_vendors
from marketkeep.model import Payload, Query, Request
from marketkeep.sources.alpaca import Alpaca
from proofs.corpus_alpaca import request_of
from proofs.verdicts import FETCHED, body_of

with warnings.catch_warnings():
    # The client imports a part of websockets that is deprecated, for streams that are not used here.
    warnings.simplefilter("ignore", DeprecationWarning)
    pytest.importorskip("alpaca", reason="alpaca-py, the client that is compared with, is a development dependency")
    from alpaca.data.enums import Adjustment, DataFeed
    from alpaca.data.historical.corporate_actions import CorporateActionsClient
    from alpaca.data.historical.crypto import CryptoHistoricalDataClient
    from alpaca.data.historical.stock import StockHistoricalDataClient
    from alpaca.data.requests import CorporateActionsRequest, CryptoBarsRequest, StockBarsRequest
    from alpaca.data.timeframe import TimeFrame

SOURCE = Alpaca()
HOST = "https://data.alpaca.markets"
LAST = b'{"bars":{},"corporate_actions":{},"next_page_token":null}'
Fields = tuple[Any, ...]
_PRICES = ("open", "high", "low", "close", "volume")


@pytest.fixture(scope="module")
def gym() -> Iterator[Gym]:
    """Alpaca alone over forty symbols and two years."""
    with serve(symbols=40, years=2, vendors=some_vendors("alpaca")) as running:
        yield running


def client(kind: Callable[..., Any], url: str) -> Any:
    """One of the clients at another address."""
    return kind(api_key=KEY, secret_key=SECRET, url_override=url)


def theirs(bars: Any) -> set[Fields]:
    """A client's bars, field by field."""
    return {
        (symbol, one.timestamp, *(getattr(one, name) for name in _PRICES), one.vwap, one.trade_count)
        for symbol, rows in bars.data.items()
        for one in rows
    }


def ours(frame: pl.DataFrame) -> set[Fields]:
    """Our minute bars, field by field, under Alpaca's names."""
    told = frame.with_columns(pl.col("symbol").str.replace("-", "/", literal=True))
    return set(told.select("symbol", "ts", *_PRICES, "vwap", "trade_count").rows())


def days(found: set[Fields]) -> set[Fields]:
    """A client's daily bars by the date that their stamp is midnight of in New York."""
    return {(one[0], (one[1].astimezone(UTC)).date(), *one[2:7]) for one in found}


def collected(gym: Gym, query: Query, source: Alpaca = SOURCE) -> pl.DataFrame:
    """What the source reads of all pages, asked over the same sockets."""
    frames = []
    with httpx.Client(headers={"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET}) as http:
        for request in source.plan(query):
            following: Request | None = request
            while following is not None:
                url = following.url.replace(HOST, f"{gym.url}/data.alpaca.markets")
                reply = http.get(url, params=dict(following.params))
                payload = Payload(reply.status_code, (), reply.content, query.now)
                frames.append(source.parse(following, payload)[query.dataset])
                following = source.next_page(following, payload)
    return pl.concat(frames)


def test_daily_bars_of_the_gym(gym: Gym) -> None:
    """
    Two years of forty symbols over several pages: the same bars on the same sessions.
    """
    assert gym.truth is not None
    start, end, symbols = date(2023, 1, 3), date(2024, 12, 31), gym.truth.symbols
    found = collected(gym, Query("daily_bars", symbols, start, end, gym.now))
    asked = StockBarsRequest(
        symbol_or_symbols=list(symbols),
        timeframe=TimeFrame.Day,
        start=datetime(2023, 1, 3, 5, tzinfo=UTC),
        end=datetime(2024, 12, 31, 4, 59, 59, tzinfo=UTC),
        adjustment=Adjustment.RAW,
        feed=DataFeed.SIP,
    )
    told = client(StockHistoricalDataClient, f"{gym.url}/data.alpaca.markets").get_stock_bars(asked)
    assert days(theirs(told)) == set(found.select("symbol", "date", *_PRICES).rows())
    assert found.height > 10_000


@pytest.mark.parametrize("feed", ["sip", "iex"])
def test_minute_bars_of_the_gym(gym: Gym, feed: str) -> None:
    """
    Minutes with average and count, extended hours and a half day included, of either feed.
    """
    assert gym.truth is not None
    symbols = gym.truth.symbols[:3]
    source = Alpaca(feed=feed)
    query = Query("minute_bars", symbols, date(2024, 11, 25), date(2024, 12, 7), gym.now)
    params = dict(source.plan(query)[0].params)
    asked = StockBarsRequest(
        symbol_or_symbols=list(symbols),
        timeframe=TimeFrame.Minute,
        start=datetime.fromisoformat(params["start"]),
        end=datetime.fromisoformat(params["end"]),
        feed=DataFeed(feed),
    )
    told = client(StockHistoricalDataClient, f"{gym.url}/data.alpaca.markets").get_stock_bars(asked)
    found = collected(gym, query, source)
    assert theirs(told) == ours(found)
    assert set(found["feed"]) == {feed}


def test_actions_of_the_gym(gym: Gym) -> None:
    """
    Splits and dividends with all their dates, filed weeks after their ex-dates.
    """
    assert gym.truth is not None
    symbols = gym.truth.symbols
    found = collected(gym, Query("actions", symbols, date(2023, 1, 3), date(2024, 12, 31), gym.now))
    asked = CorporateActionsRequest(symbols=list(symbols), start=date(2022, 12, 1), end=date(2025, 6, 1))
    told = client(CorporateActionsClient, f"{gym.url}/data.alpaca.markets").get_corporate_actions(asked)
    within = {row for row in actions(told) if date(2023, 1, 3) <= row[1] < date(2024, 12, 31)}
    assert within == our_actions(found)
    assert found.height > 100


def actions(told: Any) -> set[Fields]:
    """A client's actions, ratios as floats: symbol, ex-date, kind, ratio or amount, record and payment."""
    found = set()
    for group, rows in told.data.items():
        for one in rows:
            row = {
                "forward_splits": lambda a: (a.symbol, "split", a.new_rate / a.old_rate),
                "reverse_splits": lambda a: (a.symbol, "split", a.new_rate / a.old_rate),
                "stock_dividends": lambda a: (a.symbol, "split", 1 + a.rate),
                "cash_dividends": lambda a: (a.symbol, "special_dividend" if a.special else "dividend", a.rate),
                "spin_offs": lambda a: (a.source_symbol, "spin_off", None),
            }.get(group)
            if row is not None:
                symbol, kind, value = row(one)
                found.add((symbol, one.ex_date, kind, value, one.record_date, one.payable_date))
    return found


def our_actions(frame: pl.DataFrame) -> set[Fields]:
    """Our actions in the same fields."""
    ratio = pl.when(pl.col("kind") == "split").then(pl.col("numerator") / pl.col("denominator"))
    told = frame.with_columns(value=ratio.otherwise("amount"))
    return set(told.select("symbol", "ex_date", "kind", "value", "record_date", "pay_date").rows())


def recorded(corpus: Path, path: str) -> tuple[pl.DataFrame, bytes]:
    """What the source reads of a recorded payload, and its bytes."""
    body = body_of(corpus / path)
    request = request_of(corpus / path)
    return SOURCE.parse(request, Payload(200, (), body, FETCHED))[request.dataset], body


@pytest.mark.parametrize("path", ["market_data/GetBars_Adjustment-1.json", "py_client/get_bars_desc-1.json"])
def test_recorded_daily_bars(corpus: Path, path: str) -> None:
    """
    Recorded daily bars: the client reads the same, the page behind the token being empty.
    """
    found, body = recorded(corpus, f"alpaca/{path}")
    with scripted(Step(body=body), Step(body=LAST.replace(b'"corporate_actions":{},', b""))) as server:
        asked = StockBarsRequest(symbol_or_symbols=found["symbol"][0], timeframe=TimeFrame.Day)
        told = client(StockHistoricalDataClient, server.url).get_stock_bars(asked)
    assert days(theirs(told)) == set(found.select("symbol", "date", *_PRICES).rows())


def test_recorded_crypto_minutes(corpus: Path) -> None:
    """
    Recorded minutes of a pair, fractions of coins included.
    """
    found, body = recorded(corpus, "alpaca/market_data/GetCryptoBars-1.json")
    with scripted(Step(body=body)) as server:
        asked = CryptoBarsRequest(symbol_or_symbols="BCH/USD", timeframe=TimeFrame.Minute)
        told = client(CryptoHistoricalDataClient, server.url).get_crypto_bars(asked)
        assert server.seen[0][0].startswith("/v1beta3/crypto/us/bars?")
    assert theirs(told) == ours(found)


@pytest.mark.parametrize("number", [1, 2])
def test_recorded_actions(corpus: Path, number: int) -> None:
    """
    Recorded actions of every kind: those that move a price are the same, the others are none of ours.
    """
    found, body = recorded(corpus, f"alpaca/py_client/get_corporate_actions-{number}.json")
    with scripted(Step(body=body), Step(body=LAST.replace(b'"bars":{},', b""))) as server:
        asked = CorporateActionsRequest(symbols=["AAPL"])
        told = client(CorporateActionsClient, server.url).get_corporate_actions(asked)
    assert actions(told) == our_actions(found)
