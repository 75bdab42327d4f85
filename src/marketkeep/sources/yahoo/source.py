"""
Yahoo's chart endpoint: daily bars, dividends and splits of one symbol in one call, minute bars of a week in one.

Yahoo delivers prices and volume already adjusted for every split up to the time of the call, and dividends scaled
likewise, though not always. So a daily window always runs up to today (then every split that was applied is in the
same payload), the rows say which basis they have, and a dividend's basis is found by reproducing Yahoo's own adjusted
close. Nothing is undone here: `gold` does that.

Minutes reach back a month and come a week a call. A row that does not begin on a full minute is the price of the
moment, not a minute's bar, and is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

import polars as pl

from marketkeep.model import (
    RAW_TABLES,
    Access,
    Frames,
    Offer,
    Payload,
    Query,
    Rate,
    Request,
    Symbol,
    Whole,
)
from marketkeep.model.new_york import NEW_YORK, new_york_date
from marketkeep.sources.basis import action_rows
from marketkeep.sources.misshapen import MISSHAPEN
from marketkeep.sources.yahoo.chart import (
    NAME,
    malformed,
    no_bars,
    read_chart,
    rows_of,
    zone_of,
)
from marketkeep.sources.yahoo.events import basis_date_of, cash_of, splits_of

_CHART = "https://query2.finance.yahoo.com/v8/finance/chart/"
_RATE = Rate(calls=5, seconds=1.0)
_CLASSES = frozenset({"equity", "crypto", "index"})
_OFFERS = {
    "daily_bars": Offer(_CLASSES, carries=frozenset({"actions"})),
    "actions": Offer(carries=frozenset({"daily_bars"})),
    "minute_bars": Offer(_CLASSES, days=29),
}
_ACCESS = Access(
    "Free without a key, for personal use; Yahoo gives no promise and asks not to redistribute.", transport="yahoo"
)
_DAYS_A_CALL = 7
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Yahoo(Whole):
    """Bars and actions as Yahoo's chart gives them; free, no key, for personal use."""

    name: str = NAME
    offers: Mapping[str, Offer] = field(default_factory=lambda: _OFFERS)
    access: Access = _ACCESS
    rate: Rate = _RATE
    quota: int | None = None

    def plan(self, query: Query) -> list[Request]:
        """One request a symbol, from the window's start up to today whatever its end; for minutes one a week."""
        if query.dataset == "minute_bars":
            weeks = list(self._weeks(query))
            return [_minutes(symbol, *week) for symbol in query.symbols for week in weeks if _trades(symbol, *week)]
        end = max(query.end, query.today + timedelta(days=1))
        return [_days(query.dataset, symbol, query.start, end) for symbol in query.symbols]

    def probe(self, now: datetime) -> Request:
        """The last days of one symbol that is always there."""
        today = new_york_date(now)
        return _days("daily_bars", "SPY", today - timedelta(days=7), today + timedelta(days=1))

    def parse(self, request: Request, payload: Payload) -> Frames:
        """
        Bars and actions of one chart, or its minute bars; refused when it is an error, malformed, empty or another's.
        """
        chart = read_chart(request, payload)
        try:
            return (_minute_frames if request.dataset == "minute_bars" else _daily_frames)(request, payload, chart)
        except MISSHAPEN as error:
            raise malformed("Yahoo's chart has a part that is missing or of another kind.") from error

    def _weeks(self, query: Query) -> Iterator[tuple[date, date]]:
        """The window within Yahoo's reach, in pieces of one call each."""
        # A crypto day may have begun that New York has not reached yet.
        end = min(query.end, max(query.today, query.now.astimezone(UTC).date()) + timedelta(days=1))
        start = max(query.start, self.offers["minute_bars"].reach(query.today))
        while start < end:
            until = min(start + timedelta(days=_DAYS_A_CALL), end)
            yield start, until
            start = until


def _days(dataset: str, symbol: str, start: date, end: date) -> Request:
    window = (("period1", str(_epoch(start, UTC))), ("period2", str(_epoch(end, UTC))), ("interval", "1d"))
    params = (*window, ("events", "div,splits,capitalGains"), ("includePrePost", "false"))
    return Request(NAME, dataset, _address(symbol), params, (symbol,), start, end)


def _minutes(symbol: str, start: date, end: date) -> Request:
    zone = UTC if Symbol.parse(symbol).asset_class == "crypto" else NEW_YORK
    first = _epoch(start, zone)
    # A week with 25 hours in one of its days is longer than Yahoo answers; nothing trades in that last hour.
    last = min(_epoch(end, zone), first + _DAYS_A_CALL * 86_400)
    window = (("period1", str(first)), ("period2", str(last)), ("interval", "1m"))
    params = (*window, ("events", "div,splits,capitalGains"), ("includePrePost", "true"))
    return Request(NAME, "minute_bars", _address(symbol), params, (symbol,), start, end)


def _trades(symbol: str, start: date, end: date) -> bool:
    """Whether there may be a session: a piece may be a week-end, of which Yahoo would only say that it has nothing."""
    days = (start + timedelta(days=n) for n in range((end - start).days))
    return Symbol.parse(symbol).asset_class == "crypto" or any(day.weekday() < 5 for day in days)


def _address(symbol: str) -> str:
    return _CHART + Symbol.parse(symbol).alias("yahoo")


def _epoch(day: date, zone: tzinfo) -> int:
    return int(datetime.combine(day, time(), tzinfo=zone).timestamp())


def _daily_frames(request: Request, payload: Payload, chart: dict[str, Any]) -> Frames:
    zone = zone_of(chart)
    splits, cash = splits_of(chart, zone), cash_of(chart, zone)
    basis_date = basis_date_of(payload, splits)
    bars = _asked(request, _with_basis(request, rows_of(chart, zone).drop("stamp"), basis_date), "date")
    if bars.is_empty():
        raise no_bars(request)
    actions = action_rows(
        request.symbol or "", splits, cash, bars, basis_date=basis_date, currency=chart["meta"].get("currency")
    )
    return {"daily_bars": bars, "actions": _asked(request, actions, "ex_date")}


def _asked(request: Request, rows: pl.DataFrame, dates: str) -> pl.DataFrame:
    """The rows of the sessions asked for."""
    if request.start is None or request.end is None:
        return rows
    return rows.filter(pl.col(dates).is_between(request.start, request.end, closed="left"))


def _minute_frames(request: Request, payload: Payload, chart: dict[str, Any]) -> Frames:
    zone = zone_of(chart)
    basis_date = basis_date_of(payload, splits_of(chart, zone))
    rows = _asked(request, rows_of(chart, zone).filter(pl.col("stamp") % _MINUTE == 0), "date")
    if rows.is_empty():
        raise no_bars(request)
    ts = pl.from_epoch("stamp", time_unit="s").dt.replace_time_zone("UTC").cast(RAW_TABLES["minute_bars"].schema["ts"])
    bars = _with_basis(request, rows.with_columns(ts=ts, feed=pl.lit(NAME)), basis_date)
    return {"minute_bars": bars.select([name for name in RAW_TABLES["minute_bars"].delivered if name in bars.columns])}


def _with_basis(request: Request, rows: pl.DataFrame, basis_date: date) -> pl.DataFrame:
    return rows.with_columns(
        symbol=pl.lit(request.symbol), basis=pl.lit("split_adjusted"), basis_date=pl.lit(basis_date, dtype=pl.Date)
    )
