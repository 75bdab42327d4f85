"""
Binance's klines: daily and minute candles of spot markets, free and without a key.

Binance knows no dollar: a symbol is planned only if it is quoted in a coin or currency that Binance trades, and
BTC-USDT is never passed off as BTC-USD. For a minute in which nobody traded Binance repeats the last price with a
volume of nothing; such a row is no bar and is left out. The rows of its bulk files (CSV) are read as well.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import orjson
import polars as pl

from marketkeep.errors import PayloadRefused
from marketkeep.model import EMPTY, NOT_FOUND, QUOTA, Access, Frames, Offer, Payload, Query, Rate, Request, Whole
from marketkeep.sources.candles import (
    STEP_SECONDS,
    VALUES,
    candle_bars,
    pairs,
    seconds,
    spans_within,
    utc_date,
    wrong_interval,
)
from marketkeep.sources.misshapen import MISSHAPEN

_NAME = "binance"
_KLINES = "https://api.binance.com/api/v3/klines"
_QUOTES = frozenset({"USDT", "USDC", "BTC", "ETH", "EUR"})
_INTERVALS = {"daily_bars": "1d", "minute_bars": "1m"}
_LIMIT = 1000
# The longest window of one request and its pages: whole pages, so that no call is lost where one window meets the next.
_DAYS = {"daily_bars": 1000, "minute_bars": 25}
_OFFER = Offer(frozenset({"crypto"}), first=date(2017, 7, 14), page_rows=_LIMIT)
_OFFERS = {"daily_bars": _OFFER, "minute_bars": _OFFER}
_ACCESS = Access("Public market data, free without a key; not served in some countries, the United States among them.")
_RATE = Rate(calls=20, seconds=1.0)
_FIELDS = ("time", *VALUES, "close_time", "quote_volume", "trade_count", "buy_volume", "buy_quote_volume", "unused")
# Newer bulk files count microseconds; read as milliseconds, such a time lies thousands of years ahead.
_MICROSECONDS = 10**14
_UNKNOWN_SYMBOL, _TOO_MANY = (-1121,), (-1003, -1015)


@dataclass(frozen=True, slots=True)
class Binance(Whole):
    """Daily and minute candles of Binance's spot markets."""

    name: str = _NAME
    offers: Mapping[str, Offer] = field(default_factory=lambda: _OFFERS)
    access: Access = _ACCESS
    rate: Rate = _RATE
    quota: int | None = None

    def plan(self, query: Query) -> list[Request]:
        """Per pair one request for every 1,000 days or 25 days of minutes; pairs in other currencies are left out."""
        spans = list(spans_within(query, _OFFER, _DAYS[query.dataset]))
        return [_request(query.dataset, pair, *span) for pair in pairs(query, _QUOTES) for span in spans]

    def next_page(self, request: Request, payload: Payload) -> Request | None:
        """The candles behind a full page, up to the window's end."""
        try:
            params = dict(request.params)
            rows = orjson.loads(payload.body) if payload.status == 200 else []
            start, end = int(params["startTime"]), int(params["endTime"])
            following = _milliseconds(int(rows[-1][0])) + STEP_SECONDS[request.dataset] * 1000
            if len(rows) < int(params["limit"]) or not start < following <= end:
                return None
        except MISSHAPEN:
            return None
        return replace(request, params=_params(request, following))

    def parse(self, request: Request, payload: Payload) -> Frames:
        """The candles of one page; refused when it is an error, malformed, of another interval or empty."""
        if payload.status >= 400:
            raise _refusal(request, payload)
        try:
            rows = _from_csv(payload.body) if payload.body[:1].isdigit() else _from_json(request, payload)
            bars = self._bars(request, rows)
        except MISSHAPEN as error:
            raise _no_candles() from error
        if bars.is_empty() and _is_first(request):
            window = f"from {request.start} to {request.end}"
            raise PayloadRefused(self.name, EMPTY, f"Binance has no candles of {request.symbol} {window}.")
        return {request.dataset: bars}

    def probe(self, now: datetime) -> Request:
        """Today's candle of the market that is always there."""
        today = utc_date(now)
        return _request("daily_bars", "BTC-USDT", today, today + timedelta(days=1))

    def _bars(self, request: Request, rows: pl.DataFrame) -> pl.DataFrame:
        times = rows.select(ms=_to_milliseconds("time"), end=_to_milliseconds("close_time"))
        length = (times["end"] - times["ms"] + 1).mode().to_list()
        # A few old candles are cut short where Binance stood still; what most are tells the interval.
        if rows.height and STEP_SECONDS[request.dataset] * 1000 not in length:
            raise wrong_interval(self.name)
        numbers = [pl.col(name).cast(pl.Float64) for name in VALUES]
        told = rows.select(times["ms"], *numbers, pl.col("trade_count").cast(pl.Int64))
        if request.dataset == "minute_bars":
            told = told.filter((pl.col("trade_count") != 0) | (pl.col("volume") != 0))
        return candle_bars(self.name, request, told)


def _request(dataset: str, pair: str, start: date, end: date) -> Request:
    empty = Request(_NAME, dataset, _KLINES, (), (pair,), start, end)
    return replace(empty, params=_params(empty, seconds(start) * 1000))


def _params(request: Request, start_ms: int) -> tuple[tuple[str, str], ...]:
    last = seconds(request.end) * 1000 - 1 if request.end else start_ms
    return (
        ("symbol", (request.symbol or "").replace("-", "")),
        ("interval", _INTERVALS[request.dataset]),
        ("startTime", str(start_ms)),
        ("endTime", str(last)),
        ("limit", str(_LIMIT)),
    )


def _is_first(request: Request) -> bool:
    """Whether it asks for the window's beginning; a later page without candles only ends the pages."""
    begin = str(seconds(request.start) * 1000) if request.start else None
    return begin is None or dict(request.params).get("startTime", begin) == begin


def _from_json(request: Request, payload: Payload) -> pl.DataFrame:
    rows: Any = orjson.loads(payload.body)
    if isinstance(rows, dict) and "code" in rows:
        raise _refusal(request, payload)
    if not isinstance(rows, list) or any(not isinstance(row, list) or len(row) != len(_FIELDS) for row in rows):
        raise _no_candles()
    columns = dict(zip(_FIELDS, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(_FIELDS, ())
    whole = ("time", "close_time", "trade_count")
    return pl.DataFrame(
        [pl.Series(name, columns[name], dtype=pl.Int64 if name in whole else pl.String) for name in _FIELDS]
    )


def _from_csv(body: bytes) -> pl.DataFrame:
    schema = dict.fromkeys(_FIELDS, pl.String)
    rows = pl.read_csv(io.BytesIO(body), has_header=False, schema=schema, quote_char=None)
    return rows.with_columns(pl.col("time", "close_time").cast(pl.Int64))


def _milliseconds(time: int) -> int:
    return time // 1000 if time >= _MICROSECONDS else time


def _to_milliseconds(name: str) -> pl.Expr:
    time = pl.col(name)
    return pl.when(time >= _MICROSECONDS).then(time // 1000).otherwise(time)


def _no_candles() -> PayloadRefused:
    return PayloadRefused(_NAME, "malformed", "Binance's answer is no list of candles.")


def _refusal(request: Request, payload: Payload) -> PayloadRefused:
    status, code = payload.status, _code(payload)
    if status in (418, 429) or code in _TOO_MANY:
        reason = f"Binance has been asked too often and pauses this address (HTTP {status})."
        return PayloadRefused(_NAME, QUOTA, reason, retry=False)
    if code in _UNKNOWN_SYMBOL:
        reason = f"Binance has no market {request.symbol} (HTTP {status})."
        return PayloadRefused(_NAME, NOT_FOUND, reason, retry=False)
    if status in (403, 451):
        reason = f"Binance does not serve the place this machine is in (HTTP {status})."
        return PayloadRefused(_NAME, "refused", reason, retry=False)
    said = f"HTTP {status}, its code {code}" if code is not None else f"HTTP {status}"
    reason = f"Binance refused the request for {request.symbol} ({said})."
    return PayloadRefused(_NAME, f"http_{status}" if status >= 400 else "refused", reason, retry=False)


def _code(payload: Payload) -> int | None:
    try:
        told = orjson.loads(payload.body)
        return int(told["code"])
    except MISSHAPEN:
        return None
