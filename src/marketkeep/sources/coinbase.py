"""
Coinbase Exchange's candles: daily and minute bars of its products, free and without a key.

A call answers 300 candles at most, newest first, and leaves out those without a trade, so an answer without any is
no fault: only a window's last page settles it. The form of Coinbase's Advanced Trade interface is read as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import polars as pl

from marketkeep.errors import PayloadRefused
from marketkeep.model import EMPTY, NOT_FOUND, Access, Frames, Offer, Payload, Query, Rate, Request, Whole
from marketkeep.sources.candles import STEP_SECONDS, VALUES, candle_bars, pairs, seconds, spans_within, utc_date
from marketkeep.sources.misshapen import MISSHAPEN

_NAME = "coinbase"
_PRODUCTS = "https://api.exchange.coinbase.com/products/"
_QUOTES = frozenset({"USD", "USDT", "USDC", "EUR", "GBP", "BTC", "ETH"})
_LIMIT = 300
# The longest window of one request and its pages: whole pages, so that no call is lost where one window meets the next.
_DAYS = {"daily_bars": 300, "minute_bars": 5}
_OFFER = Offer(frozenset({"crypto"}), first=date(2015, 1, 1), page_rows=_LIMIT)
_OFFERS = {"daily_bars": _OFFER, "minute_bars": _OFFER}
_ACCESS = Access("Public market data, free without a key, for personal use; see Coinbase's market data terms.")
_RATE = Rate(calls=8, seconds=1.0)
_ROW = ("time", "low", "high", "open", "close", "volume")
_TOO_OLD = b"too old"
# Seconds since 1970 that reach the year 2286.
_FAR = 10**10


@dataclass(frozen=True, slots=True)
class Coinbase(Whole):
    """Daily and minute candles of Coinbase Exchange."""

    name: str = _NAME
    offers: Mapping[str, Offer] = field(default_factory=lambda: _OFFERS)
    access: Access = _ACCESS
    rate: Rate = _RATE
    quota: int | None = None

    def plan(self, query: Query) -> list[Request]:
        """Per pair one request for every 300 days or 5 days of minutes."""
        spans = list(spans_within(query, _OFFER, _DAYS[query.dataset]))
        return [_request(query.dataset, pair, *span) for pair in pairs(query, _QUOTES) for span in spans]

    def next_page(self, request: Request, payload: Payload) -> Request | None:
        """The next 300 candles of the window, whether or not any were traded in these; none that lie ahead of now."""
        try:
            step = STEP_SECONDS[request.dataset]
            following = int(datetime.fromisoformat(dict(request.params)["end"]).timestamp()) + step
            is_answer = payload.status == 200 and _rows(payload.body) is not None
        except MISSHAPEN:
            return None
        if not is_answer or request.end is None or following >= _until(request.end, payload.fetched_at):
            return None
        return replace(request, params=_params(request, following))

    def parse(self, request: Request, payload: Payload) -> Frames:
        """The candles of one page, oldest first; refused when it is an error, malformed or of another interval."""
        if payload.status >= 400:
            raise _refusal(request, payload)
        try:
            rows = _rows(payload.body)
            bars = candle_bars(self.name, request, _table(rows))
        except MISSHAPEN as error:
            raise _no_candles() from error
        if bars.is_empty() and _is_whole(request):
            raise _empty(request)
        return {request.dataset: bars}

    def probe(self, now: datetime) -> Request:
        """Today's candle of the market that is always there."""
        today = utc_date(now)
        return _request("daily_bars", "BTC-USD", today, today + timedelta(days=1))


def _request(dataset: str, pair: str, start: date, end: date) -> Request:
    empty = Request(_NAME, dataset, f"{_PRODUCTS}{pair}/candles", (), (pair,), start, end)
    return replace(empty, params=_params(empty, seconds(start)))


def _params(request: Request, start: int) -> tuple[tuple[str, str], ...]:
    step = STEP_SECONDS[request.dataset]
    # Both ends are included, so 300 candles end where the last of them begins.
    last = start + (_LIMIT - 1) * step
    if request.end is not None:
        last = min(last, seconds(request.end) - step)
    return (("granularity", str(step)), ("start", _iso(start)), ("end", _iso(last)))


def _until(end: date, fetched_at: datetime) -> float:
    return min(float(seconds(end)), fetched_at.timestamp())


def _iso(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_whole(request: Request) -> bool:
    """Whether one page is all there is to the window."""
    if request.start is None or request.end is None:
        return True
    return (request.end - request.start).days * 86_400 <= _LIMIT * STEP_SECONDS[request.dataset]


def _rows(body: bytes) -> list[Any]:
    told = orjson.loads(body)
    rows = told["candles"] if isinstance(told, dict) else told
    if not isinstance(rows, list):
        raise TypeError("candles are a list")
    return rows


def _table(rows: list[Any]) -> pl.DataFrame:
    """The rows of either form, as numbers: lists of six, or objects whose values are texts."""
    if rows and isinstance(rows[0], dict):
        texts = {name: [row["start" if name == "time" else name] for row in rows] for name in _ROW}
        table = pl.DataFrame([pl.Series(name, values, dtype=pl.String) for name, values in texts.items()])
        numbers = table.with_columns(pl.col("time").cast(pl.Int64), pl.col(*VALUES).cast(pl.Float64))
    else:
        columns = dict(zip(_ROW, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(_ROW, ())
        times = pl.Series("time", columns["time"], dtype=pl.Int64)
        numbers = pl.DataFrame([times, *(_floats(name, columns[name]) for name in VALUES)])
    # A time too far off to be one stays null, lest the product wrap around to something that looks like one.
    return numbers.with_columns(ms=pl.when(pl.col("time").is_between(0, _FAR)).then(pl.col("time") * 1000))


def _floats(name: str, values: tuple[Any, ...]) -> pl.Series:
    if any(isinstance(value, bool) or not isinstance(value, int | float | None) for value in values):
        raise TypeError(f"{name} holds what is no number")
    return pl.Series(name, values, dtype=pl.Float64, strict=False)


def _no_candles() -> PayloadRefused:
    return PayloadRefused(_NAME, "malformed", "Coinbase's answer is no list of candles.")


def _empty(request: Request) -> PayloadRefused:
    window = f"from {request.start} to {request.end}"
    return PayloadRefused(_NAME, EMPTY, f"Coinbase has no candles of {request.symbol} {window}.")


def _refusal(request: Request, payload: Payload) -> PayloadRefused:
    status = payload.status
    if status == 404:
        reason = f"Coinbase has no product {request.symbol} (HTTP 404)."
        return PayloadRefused(_NAME, NOT_FOUND, reason, retry=False)
    if status == 400 and _TOO_OLD in payload.body[:200]:
        return _empty(request)
    if status in (401, 403, 451):
        reason = f"Coinbase turns requests from this machine away (HTTP {status})."
        return PayloadRefused(_NAME, "refused", reason, retry=False)
    reason = f"Coinbase refused the request for {request.symbol} (HTTP {status})."
    return PayloadRefused(_NAME, f"http_{status}", reason, retry=False)
