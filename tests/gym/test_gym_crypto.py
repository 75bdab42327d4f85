"""The gym's exchanges tell one truth in two forms, with the holes and limits that the real ones have."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest

from gym import Truth
from gym.binance import KLINES, Binance
from gym.coinbase import Coinbase
from gym.crypto import CryptoTruth, midnight
from gym.wire import Ask, Vendor

TRUTH = Truth(symbols=1, years=1)
NOW = datetime(2024, 6, 3, 15, 30, 20, tzinfo=UTC)
DAY = date(2024, 5, 1)
START = midnight(DAY)


def told(vendor: Vendor, path: str, variant: str | None = None, **params: object) -> tuple[int, Any]:
    """Status and decoded body of an answer."""
    asked = {name: str(value) for name, value in params.items()}
    reply = vendor.answer(Ask(next(iter(vendor.hosts)), path, asked, NOW.timestamp(), variant=variant))
    assert reply is not None
    return reply.status, orjson.loads(reply.body)


def klines(variant: str | None = None, **params: object) -> tuple[int, Any]:
    """Binance's answer."""
    return told(Binance(TRUTH), KLINES, variant, **{"symbol": "BTCUSDT", "interval": "1m", **params})


def candles(product: str = "BTC-USD", variant: str | None = None, **params: object) -> tuple[int, Any]:
    """Coinbase's answer."""
    return told(Coinbase(TRUTH), f"/products/{product}/candles", variant, **params)


def test_minutes_add_up_to_the_day() -> None:
    """A day's bar is what its minutes with trades add up to, and the same for the same seed, whatever was asked."""
    for symbol in CryptoTruth(7).symbols:
        one, other = CryptoTruth(7), CryptoTruth(7)
        other.daily(symbol, DAY, DAY + timedelta(3))
        minutes, day = one.minutes(symbol, DAY), other.daily(symbol, DAY, DAY).row(0, named=True)
        assert minutes.equals(other.minutes(symbol, DAY))
        assert (day["open"], day["close"]) == (minutes["open"][0], minutes["close"][-1])
        assert (day["high"], day["low"]) == (minutes["high"].max(), minutes["low"].min())
        assert day["volume"] == pytest.approx(minutes["volume"].sum())
        assert (minutes["high"] >= minutes["open"]).all()
        assert (minutes["low"] <= minutes["close"]).all()


def test_outages_are_holes_and_quiet_minutes_are_told_apart() -> None:
    """Trap 46: in an outage neither exchange has a row; in a quiet minute Binance repeats a price."""
    days = [DAY + timedelta(n) for n in range(200)]
    hole = next(d for d in days if d.toordinal() % 23 == 4)
    start = midnight(hole) * 1000
    rows = klines(symbol="LTCBTC", startTime=start, limit=1000)[1]
    stamps = {row[0] for row in rows}
    assert not any(start + n * 60_000 in stamps for n in range(120, 210))
    quiet = [row for row in rows if row[8] == 0]
    assert quiet
    assert all(row[1] == row[2] == row[3] == row[4] for row in quiet)
    assert all(float(row[5]) == 0 for row in quiet)
    off = next(d for d in days if d.toordinal() % 181 == 7)
    assert Binance(TRUTH).crypto.total("BTC-USDT", off) is None


def test_binances_pages_and_errors() -> None:
    """A thousand rows at most, texts and milliseconds, both ends included; errors have codes of its own."""
    status, rows = klines(startTime=START * 1000, endTime=(START + 120) * 1000, limit=1000)
    assert (status, [row[0] // 1000 - START for row in rows]) == (200, [0, 60, 120])
    assert isinstance(rows[0][1], str)
    assert rows[0][6] == rows[0][0] + 59_999
    assert len(klines(startTime=(START - 86_400 * 5) * 1000, limit=5000)[1]) == 1000
    assert len(klines()[1]) == 500
    assert klines(symbol="BTCUSD") == (400, {"code": -1121, "msg": "Invalid symbol."})
    assert klines(interval="7m")[1]["code"] == -1120
    assert (klines("quota")[0], klines("empty", startTime=START * 1000)[1]) == (418, [])
    assert klines(startTime=int(NOW.timestamp() + 60) * 1000)[1] == []


def test_coinbases_pages_and_errors() -> None:
    """Newest first, 300 at most and a longer window is an error; only minutes that are over are told."""
    ends = {"start": "2024-05-01T00:00:00Z", "end": "2024-05-01T04:59:00Z"}
    status, rows = candles(granularity=60, **ends)
    assert status == 200
    assert rows == sorted(rows, reverse=True)
    assert rows[-1][1] <= min(rows[-1][3:5]) <= max(rows[-1][3:5]) <= rows[-1][2]
    assert candles(granularity=60, **ends | {"end": "2024-05-01T05:00:00Z"})[0] == 400
    assert candles("XYZ-USD") == (404, {"message": "NotFound"})
    assert candles(granularity=61)[0] == 400
    assert candles()[1][0][0] == int(NOW.timestamp()) // 60 * 60 - 60
    assert candles(granularity=86_400)[1][0][0] == midnight(NOW.date())
    assert len(candles(variant="duplicates")[1]) > len(candles()[1])


def test_requests_go_by_the_canonical_pair() -> None:
    """Faults and counts name the pair as the keep does; other paths are no data requests."""
    ask = Ask("api.binance.com", KLINES, {"symbol": "LTCBTC"}, NOW.timestamp())
    assert Binance(TRUTH).key_of(ask) == "LTC-BTC"
    assert Coinbase(TRUTH).key_of(Ask("x", "/products/LTC-USD/candles", {}, 0)) == "LTC-USD"
    for vendor in (Binance(TRUTH), Coinbase(TRUTH)):
        other = Ask("x", "/time", {}, 0)
        assert vendor.key_of(other) is None
        assert vendor.answer(other) is None
