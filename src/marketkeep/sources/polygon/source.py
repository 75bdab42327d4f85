"""
The source Polygon (Massive): which calls a query takes, fewest first, and which part of an answer they bring.

Free with a key: five calls a minute, two years back, and a session's bars once its day is over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from marketkeep.calendars import XNYS
from marketkeep.errors import PayloadRefused
from marketkeep.model import Access, Frames, Offer, Payload, Query, Rate, Request, Symbol, Whole
from marketkeep.model.new_york import NEW_YORK
from marketkeep.sources.polygon.answers import HOSTS, NAME, continuation, read_answer
from marketkeep.sources.polygon.bars import daily_rows, minute_rows
from marketkeep.sources.polygon.events import dividend_rows, split_rows

_BASE = f"https://{HOSTS[0]}"
_AGGREGATES = f"{_BASE}/v2/aggs/ticker/"
_GROUPED = f"{_BASE}/v2/aggs/grouped/locale/us/market/stocks/"
_SPLITS, _DIVIDENDS = "/v3/reference/splits", "/v3/reference/dividends"
_DAY = {_SPLITS: "execution_date", _DIVIDENDS: "ex_dividend_date"}
_PAGE_BARS, _PAGE_ACTIONS = 50_000, 1000
_BARS = (("adjusted", "false"), ("sort", "asc"), ("limit", str(_PAGE_BARS)))
_YEARS_BACK = 730
_RATE = Rate(calls=5, seconds=60.0)
# Pages of the whole market's dividends and splits that fall into one day.
_DIVIDEND_PAGES, _SPLIT_PAGES = 1 / 30.4, 0.15 / 30.4
_OFFERS = {
    "daily_bars": Offer(days=_YEARS_BACK),
    "minute_bars": Offer(days=_YEARS_BACK, page_rows=_PAGE_BARS),
    "actions": Offer(page_rows=_PAGE_ACTIONS),
}
_ACCESS = Access(
    "Free with a key for personal use (5 calls a minute, 2 years back, yesterday's bars); not to be redistributed.",
    site="https://massive.com/dashboard/signup",
    needs=("key",),
    headers=(("Authorization", "Bearer {key}"),),
)


@dataclass(frozen=True, slots=True)
class Polygon(Whole):
    """Daily and minute bars as traded, splits and dividends, of US stocks and ETFs; needs a key."""

    name: str = NAME
    offers: Mapping[str, Offer] = field(default_factory=lambda: _OFFERS)
    access: Access = _ACCESS
    rate: Rate = _RATE
    quota: int | None = None

    def plan(self, query: Query) -> list[Request]:
        """
        One request a symbol, or one for the whole market a session: whatever is fewer.

        Sessions up to yesterday and today's are asked for apart: a plan that has no bars of today yet would refuse all.
        Splits and dividends are one chain of pages, the splits first, so that a window is settled by both or by none.
        """
        symbols = tuple(one for one in query.symbols if Symbol.parse(one).asset_class == "equity")
        if not symbols or query.start >= query.end:
            return []
        if query.dataset == "actions":
            return _plan_actions(symbols, query.start, query.end)
        plan_span = _plan_daily if query.dataset == "daily_bars" else _plan_minutes
        return [request for start, end in _spans(query) for request in plan_span(symbols, start, end)]

    def next_page(self, request: Request, payload: Payload) -> Request | None:
        """The page that `next_url` names, on either of Polygon's hosts; dividends follow the last page of splits."""
        if request.dataset != "actions" and b'"next_url"' not in payload.body:
            return None
        try:
            root = read_answer(request, payload)
            following = continuation(request, root)
            if following or not request.url.endswith(_SPLITS) or not request.start or not request.end:
                return following
            split_rows(request, root)
        except PayloadRefused:
            return None
        return _actions_request(_DIVIDENDS, request.symbols, request.start, request.end)

    def parse(self, request: Request, payload: Payload) -> Frames:
        """Bars as traded or actions as told; refused when it is an error, malformed, or not what was asked for."""
        root = read_answer(request, payload)
        # A page whose next one cannot be asked for is a part that would pass for the whole.
        continuation(request, root)
        if request.dataset == "actions":
            read = split_rows if request.url.endswith(_SPLITS) else dividend_rows
        else:
            read = daily_rows if request.dataset == "daily_bars" else minute_rows
        return {request.dataset: read(request, root)}

    def probe(self, now: datetime) -> Request:
        """The last bar of one symbol that is always there, which every plan has."""
        return Request(NAME, "daily_bars", f"{_AGGREGATES}SPY/prev", (("adjusted", "false"),), ("SPY",))


def _spans(query: Query) -> list[tuple[date, date]]:
    """The window in two: the days before today, and today; without a part that has no session."""
    today = query.today
    last = min(query.end, today + timedelta(days=1), XNYS.last + timedelta(days=1))
    first = max(query.start, XNYS.first)
    spans = ((first, min(last, today)), (max(first, today), last))
    return [(start, end) for start, end in spans if start < end and XNYS.sessions(start, end)]


def _plan_daily(symbols: tuple[str, ...], start: date, end: date) -> list[Request]:
    sessions = XNYS.sessions(start, end)
    if len(sessions) < len(symbols) or len(sessions) == len(symbols) > 1:
        return [_grouped_request(symbols, session) for session in sessions]
    return [_daily_request(symbol, start, end) for symbol in symbols]


def _grouped_request(symbols: tuple[str, ...], session: date) -> Request:
    params = (("adjusted", "false"), ("include_otc", "false"))
    # Up to the next session, so that what was answered day by day adjoins over weekends and is remembered as one span.
    end = XNYS.next_session(session)
    return Request(NAME, "daily_bars", f"{_GROUPED}{session}", params, symbols, session, end)


def _daily_request(symbol: str, start: date, end: date) -> Request:
    ticker = Symbol.parse(symbol).alias("polygon")
    url = f"{_AGGREGATES}{ticker}/range/1/day/{start}/{end - timedelta(days=1)}"
    return Request(NAME, "daily_bars", url, _BARS, (symbol,), start, end)


def _plan_minutes(symbols: tuple[str, ...], start: date, end: date) -> list[Request]:
    first, last = _milliseconds(start), _milliseconds(end) - 1
    return [
        Request(
            NAME,
            "minute_bars",
            f"{_AGGREGATES}{Symbol.parse(symbol).alias('polygon')}/range/1/minute/{first}/{last}",
            _BARS,
            (symbol,),
            start,
            end,
        )
        for symbol in symbols
    ]


def _milliseconds(day: date) -> int:
    """The instant at which a day begins in New York."""
    return int(datetime.combine(day, time(), tzinfo=NEW_YORK).timestamp()) * 1000


def _plan_actions(symbols: tuple[str, ...], start: date, end: date) -> list[Request]:
    days = (end - start).days
    whole_market = math.ceil(days * _DIVIDEND_PAGES) + math.ceil(days * _SPLIT_PAGES)
    together = whole_market < 2 * len(symbols)
    groups = [symbols] if together else [(symbol,) for symbol in symbols]
    return [_actions_request(_SPLITS, group, start, end) for group in groups]


def _actions_request(path: str, symbols: tuple[str, ...], start: date, end: date) -> Request:
    day = _DAY[path]
    params = [(f"{day}.gte", str(start)), (f"{day}.lt", str(end))]
    if len(symbols) == 1:
        params.append(("ticker", Symbol.parse(symbols[0]).alias("polygon")))
    params += [("limit", str(_PAGE_ACTIONS)), ("sort", day), ("order", "asc")]
    return Request(NAME, "actions", f"{_BASE}{path}", tuple(params), symbols, start, end)
