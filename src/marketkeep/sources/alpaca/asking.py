"""
The requests that a query takes at Alpaca: which symbols together, which windows, which parameters.

Alpaca sorts an answer by symbol and pages it, one page after the other. So few symbols go together where each has
many rows: the chains of pages stay short and several of them can run at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import quote

from marketkeep.model import Query, Request, Symbol
from marketkeep.model.new_york import NEW_YORK

PAGE_ROWS, PAGED_ACTIONS = 10_000, 1_000
HOST = "https://data.alpaca.markets"
STOCKS, CRYPTO = f"{HOST}/v2/stocks/bars", f"{HOST}/v1beta3/crypto/us/bars"
ACTIONS = f"{HOST}/v1/corporate-actions"
TYPES = "forward_split,reverse_split,cash_dividend,stock_dividend,spin_off"
_FRAMES = {"daily_bars": "1Day", "minute_bars": "1Min"}
# Rows a calendar day brings at most or nearly so; five days in seven for shares, extended hours included.
_ROWS_A_DAY = {("equity", "1Day"): 0.7, ("equity", "1Min"): 430.0, ("crypto", "1Day"): 1.0, ("crypto", "1Min"): 1440.0}
_CHAIN_ROWS = 20 * PAGE_ROWS
_MOST_SYMBOLS, _MOST_CHARACTERS = 200, 1_450
_FIRST_CRYPTO = date(2021, 1, 1)
_MOST_DAYS = {"1Day": 10_000, "1Min": 366}
# Without this much between now and the end, the free plan refuses consolidated data (at 15 minutes).
_DELAY = {"sip": timedelta(minutes=16)}
# An action is filed under the day Alpaca processes it: a dividend's payment, weeks or months after its ex-date; where
# due bills change hands the ex-date comes a few days after it.
_BEFORE_EX, _AFTER_EX = timedelta(days=7), timedelta(days=130)
_ACTIONS_A_DAY, _ACTIONS_A_YEAR = 250, 5


def bar_requests(query: Query, feed: str, asset_classes: frozenset[str]) -> list[Request]:
    """The requests for daily or minute bars, shares before crypto pairs; symbols of other classes are left out."""
    found: list[Request] = []
    for kind in ("equity", "crypto"):
        symbols = [s for s in query.symbols if Symbol.parse(s).asset_class == kind and kind in asset_classes]
        found += _of_class(query, kind, symbols, feed)
    return found


def action_requests(query: Query) -> list[Request]:
    """The requests for actions: of the whole market where that takes fewer calls than naming the symbols."""
    symbols = tuple(s for s in query.symbols if Symbol.parse(s).asset_class == "equity")
    if not symbols:
        return []
    days = (query.end - query.start + _BEFORE_EX + _AFTER_EX).days
    chunks = list(_chunks(symbols, _MOST_SYMBOLS))
    named = len(chunks) + len(symbols) * days * _ACTIONS_A_YEAR / 365 / PAGED_ACTIONS
    if days * _ACTIONS_A_DAY / PAGED_ACTIONS + 1 < named:
        return [_actions(query, symbols, named=False)]
    return [_actions(query, chunk, named=True) for chunk in chunks]


def spelled(symbol: str) -> str:
    """A canonical symbol as Alpaca writes it: `BRK.B`, `BTC/USD`."""
    one = Symbol.parse(symbol)
    return one.text.replace("-", "/") if one.asset_class == "crypto" else one.alias("alpaca")


def _of_class(query: Query, kind: str, symbols: list[str], feed: str) -> Iterator[Request]:
    timeframe = _FRAMES[query.dataset]
    # An empty answer settles a window, so pairs must not be asked for years in which Alpaca had none of them.
    first = max(query.start, _FIRST_CRYPTO) if kind == "crypto" else query.start
    windows = list(_windows(first, query.end, _MOST_DAYS[timeframe]))
    longest = max(((end - start).days for start, end in windows), default=1)
    fit = int(_CHAIN_ROWS / (longest * _ROWS_A_DAY[kind, timeframe]))
    for chunk in _chunks(symbols, max(1, min(_MOST_SYMBOLS, fit))):
        for start, end in windows:
            instants = _instants(start, end, query.now, kind, feed)
            if instants:
                params = _bar_params(chunk, timeframe, instants, kind, feed)
                url = CRYPTO if kind == "crypto" else STOCKS
                yield Request("alpaca", query.dataset, url, params, chunk, start, end)


def _bar_params(
    chunk: tuple[str, ...], timeframe: str, instants: tuple[str, str], kind: str, feed: str
) -> tuple[tuple[str, str], ...]:
    tape = () if kind == "crypto" else (("adjustment", "raw"), ("feed", feed))
    return (
        ("symbols", ",".join(spelled(symbol) for symbol in chunk)),
        ("timeframe", timeframe),
        ("start", instants[0]),
        ("end", instants[1]),
        *tape,
        ("limit", str(PAGE_ROWS)),
        ("sort", "asc"),
    )


def _actions(query: Query, symbols: tuple[str, ...], *, named: bool) -> Request:
    params = (
        *((("symbols", ",".join(spelled(symbol) for symbol in symbols)),) if named else ()),
        ("types", TYPES),
        ("start", (query.start - _BEFORE_EX).isoformat()),
        ("end", (query.end + _AFTER_EX).isoformat()),
        ("limit", str(PAGED_ACTIONS)),
        ("sort", "asc"),
    )
    return Request("alpaca", "actions", ACTIONS, params, symbols, query.start, query.end)


def _chunks(symbols: list[str] | tuple[str, ...], most: int) -> Iterator[tuple[str, ...]]:
    """The symbols in order, so many together as may be asked for at once and fit into an address."""
    chunk: list[str] = []
    length = 0
    for symbol in symbols:
        more = len(quote(spelled(symbol) + ",", safe=""))
        if chunk and (len(chunk) == most or length + more > _MOST_CHARACTERS):
            yield tuple(chunk)
            chunk, length = [], 0
        chunk.append(symbol)
        length += more
    if chunk:
        yield tuple(chunk)


def _windows(start: date, end: date, most: int) -> Iterator[tuple[date, date]]:
    while start < end:
        stop = min(end, start + timedelta(days=most))
        yield start, stop
        start = stop


def _instants(start: date, end: date, now: datetime, kind: str, feed: str) -> tuple[str, str] | None:
    """The first and last instant to ask for, both included at Alpaca; None where that time is still to come."""
    zone = UTC if kind == "crypto" else NEW_YORK
    first = datetime.combine(start, time(), zone).astimezone(UTC)
    last = datetime.combine(end, time(), zone).astimezone(UTC) - timedelta(seconds=1)
    delay = _DELAY.get("" if kind == "crypto" else feed, timedelta(minutes=1))
    last = min(last, now.astimezone(UTC).replace(microsecond=0) - delay)
    return (_rfc3339(first), _rfc3339(last)) if first <= last else None


def _rfc3339(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
