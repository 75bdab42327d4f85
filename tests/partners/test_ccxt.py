"""ccxt, pointed at the same bytes over a socket, reads the candles that our parse of Binance and Coinbase reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl
import pytest
from loopback import Answer, answering

from gym import Truth
from gym.binance import Binance as GymBinance
from gym.coinbase import Coinbase as GymCoinbase
from gym.wire import Ask, Reply, Vendor
from marketkeep.model import Payload, Query, Request, Source
from marketkeep.sources.binance import Binance
from marketkeep.sources.coinbase import Coinbase

ccxt = pytest.importorskip("ccxt", reason="ccxt is a partner of tests only (extra dev)")

NOW = datetime(2024, 6, 3, 15, 30, tzinfo=UTC)
TRUTH = Truth(symbols=1, years=1)
VALUES = ["open", "high", "low", "close", "volume"]
STEPS = {"daily_bars": ("1d", 86_400_000), "minute_bars": ("1m", 60_000)}
SOURCES: dict[str, tuple[Source, Vendor, str]] = {
    "binance": (Binance(), GymBinance(TRUTH), "LTC-BTC"),
    "coinbaseexchange": (Coinbase(), GymCoinbase(TRUTH), "LTC-USD"),
}


@contextmanager
def client(name: str, symbol: str, answer: Answer) -> Iterator[Any]:
    """ccxt's exchange with one market, its addresses at our server."""
    base, quote = symbol.split("-")
    code = symbol if name == "coinbaseexchange" else base + quote
    kind = {"type": "spot", "spot": True, "active": True, "inverse": False, "linear": False, "option": False}
    market = {"id": code, "symbol": f"{base}/{quote}", "base": base, "quote": quote, "contract": False, **kind}
    precision = {"precision": {"price": 1e-8, "amount": 1e-8}, "limits": {}, "info": {}}
    with answering(answer) as address:
        exchange = getattr(ccxt, name)({"enableRateLimit": False})
        paths = {"public": f"{address}/api/v3"} if name == "binance" else {"public": address}
        exchange.urls["api"] = {**exchange.urls["api"], **paths}
        exchange.set_markets([{**market, **precision}])
        try:
            yield exchange
        finally:
            exchange.session.close()


def rows(bars: pl.DataFrame) -> list[list[float]]:
    """Our bars as ccxt lists candles: milliseconds and values."""
    begin = "ts" if "ts" in bars.columns else "date"
    return [list(row) for row in bars.select(pl.col(begin).cast(pl.Datetime("ms")).dt.epoch("ms"), *VALUES).rows()]


@pytest.mark.parametrize("dataset", list(STEPS))
@pytest.mark.parametrize("name", list(SOURCES))
def test_gyms_candles_are_read_alike(name: str, dataset: str) -> None:
    """
    Every candle with a trade of each page has the same time, prices and volume in both readings.
    """
    source, vendor, symbol = SOURCES[name]
    interval, step = STEPS[dataset]

    def answer(path: str, params: dict[str, str]) -> Reply | None:
        return vendor.answer(Ask(next(iter(vendor.hosts)), path, params, NOW.timestamp()))

    days = 900 if dataset == "daily_bars" else 3
    start = date(2024, 6, 1) - timedelta(days)
    equal, calls = 0, 0
    with client(name, symbol, answer) as exchange:
        for first in source.plan(Query(dataset, (symbol,), start, date(2024, 6, 1), NOW)):
            request: Request | None = first
            while request is not None:
                reply = answer(urlsplit(request.url).path, dict(request.params))
                assert reply is not None
                payload = Payload(reply.status, (), reply.body, NOW)
                mine = rows(source.parse(request, payload)[dataset])
                theirs = ask_ccxt(exchange, symbol, interval, request)
                ends = [begin(request), begin(request, end=True)]
                assert mine == [row for row in theirs if ends[0] <= row[0] <= ends[1] and row[5] > 0]
                equal, calls, request = equal + len(mine), calls + 1, source.next_page(request, payload)
    print(f"{name} {interval}: {equal} candles in {calls} calls equal, step {step} ms")
    assert equal > 800


def begin(request: Request, *, end: bool = False) -> int:
    """The first or last millisecond that a request asks for."""
    params = dict(request.params)
    if "startTime" in params:
        return int(params["endTime" if end else "startTime"])
    return int(datetime.fromisoformat(params["end" if end else "start"]).timestamp() * 1000)


def ask_ccxt(exchange: Any, symbol: str, interval: str, request: Request) -> list[list[float]]:
    """ccxt's own call for the window of one of our requests."""
    options = {"limit": 1000 if exchange.id == "binance" else 300}
    params = {"until": begin(request, end=True)}
    pair = symbol.replace("-", "/")
    found = exchange.fetch_ohlcv(pair, interval, since=begin(request), params=params, **options)
    return [list(map(float, row)) for row in found]


@pytest.mark.parametrize(
    ("name", "symbol", "path", "interval"),
    [
        ("binance", "BTC-USDT", "binance/rest/http_spot_market_klines.json", "1m"),
        ("coinbaseexchange", "BTC-USD", "coinbase/recorded/pricehist-2020-01-01--2020-10-16.json", "1d"),
        ("coinbaseexchange", "BTC-USD", "coinbase/recorded/pricehist-2020-10-17--2021-01-07.json", "1d"),
    ],
)
def test_recorded_candles_are_read_alike(name: str, symbol: str, path: str, interval: str, corpus: Path) -> None:
    """
    The recorded candles of both exchanges are the same to ccxt and to us.
    """
    body = (corpus / path).read_bytes()
    source = SOURCES[name][0]
    dataset = next(one for one, (told, _) in STEPS.items() if told == interval)
    parsed = source.parse(Request(source.name, dataset, "", (), (symbol,)), Payload(200, (), body, NOW))[dataset]
    with client(name, symbol, lambda *_: Reply(200, body)) as exchange:
        theirs = [list(map(float, row)) for row in exchange.fetch_ohlcv(symbol.replace("-", "/"), interval)]
    assert rows(parsed) == theirs
    assert len(theirs) == len(json.loads(body))
