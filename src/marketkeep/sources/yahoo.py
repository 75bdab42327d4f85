"""
Yahoo's chart endpoint: daily bars, dividends and splits of one symbol in one call.

Yahoo delivers prices and volume already adjusted for every split up to the time of the call, and dividends scaled
likewise, though not always. So a window always runs up to today (then every split that was applied is in the same
payload), the rows say which basis they have, and a dividend's basis is found by reproducing Yahoo's own adjusted
close. Nothing is undone here: `gold` does that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import polars as pl

from marketkeep.errors import PayloadRefused
from marketkeep.model import Frames, Payload, Query, Rate, Request, Symbol
from marketkeep.sources.basis import Cash, Split, action_rows

_NEW_YORK = ZoneInfo("America/New_York")
_CHART = "https://query2.finance.yahoo.com/v8/finance/chart/"
_RATE = Rate(calls=5, seconds=1.0)
_PRICES = ("open", "high", "low", "close", "volume")
# Seconds since 1970 that reach the year 2286: a time beyond is no time.
_FAR = 10**10
# What reading raises where a chart holds other things than charts do.
_NOT_BUILT_SO = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
    pl.exceptions.PolarsError,
)
# Yahoo answers in plain text or JSON, under several roots, when it has nothing; these words mean "no such data".
_NOTHING = ("No data found", "Data doesn't exist", "Timestamp data missing", "may be delisted")


@dataclass(frozen=True, slots=True)
class Yahoo:
    """Daily bars and actions as Yahoo's chart gives them; free, no key, for personal use."""

    name: str = "yahoo"
    datasets: frozenset[str] = frozenset({"daily_bars", "actions"})
    rate: Rate = _RATE
    transport: str = "yahoo"

    def plan(self, query: Query) -> list[Request]:
        """One request a symbol, from the window's start up to today whatever its end."""
        end = max(query.end, query.today + timedelta(days=1))
        return [self._request(query.dataset, symbol, query.start, end) for symbol in query.symbols]

    def next_page(self, request: Request, payload: Payload) -> Request | None:
        """A chart is never paged."""
        return None

    def parse(self, request: Request, payload: Payload) -> Frames:
        """Bars and actions of one chart; refused when it is an error, malformed, empty or another symbol's."""
        chart = _chart(payload)
        _expect_asked(request, chart)
        stamps = chart.get("timestamp")
        if not stamps:
            raise PayloadRefused(self.name, "empty", f"no bars for {request.symbol} in the window asked")
        try:
            return self._frames(request, payload, chart, stamps)
        except _NOT_BUILT_SO as error:
            raise PayloadRefused(self.name, "malformed", f"the chart is not built as charts are: {error!r}") from error

    def _frames(self, request: Request, payload: Payload, chart: dict[str, Any], stamps: list[int]) -> Frames:
        zone = _zone(chart["meta"].get("exchangeTimezoneName"))
        splits, cash = _events(chart, zone)
        basis_date = _basis_date(payload, splits)
        bars = _bars(chart, stamps, zone).with_columns(
            symbol=pl.lit(request.symbol), basis=pl.lit("split_adjusted"), basis_date=pl.lit(basis_date, dtype=pl.Date)
        )
        known = bars.filter(pl.any_horizontal(pl.col(*_PRICES).is_not_null()))
        if known.is_empty():
            raise PayloadRefused(self.name, "empty", f"no bar of {request.symbol} has any value")
        return {
            "daily_bars": known,
            "actions": action_rows(
                request.symbol or "", splits, cash, known, basis_date=basis_date, currency=chart["meta"].get("currency")
            ),
        }

    def _request(self, dataset: str, symbol: str, start: date, end: date) -> Request:
        params = (
            ("period1", str(_epoch(start))),
            ("period2", str(_epoch(end))),
            ("interval", "1d"),
            ("events", "div,splits,capitalGains"),
            ("includePrePost", "false"),
        )
        url = _CHART + Symbol.parse(symbol).alias("yahoo")
        return Request(self.name, dataset, url, params, symbol=symbol, start=start, end=end)


def _epoch(day: date) -> int:
    return int(datetime.combine(day, time(), tzinfo=UTC).timestamp())


def _chart(payload: Payload) -> dict[str, Any]:
    text = payload.body[:2000].decode("utf-8", "replace")
    if payload.status == 404 or (payload.status == 400 and any(words in text for words in _NOTHING)):
        raise PayloadRefused("yahoo", "not_found", "Yahoo knows no such symbol or has no data for it", retry=False)
    if payload.status >= 400:
        raise PayloadRefused("yahoo", f"http_{payload.status}", f"HTTP {payload.status}: {text[:200]}", retry=False)
    try:
        root = orjson.loads(payload.body)
        answer = next(iter(root.values()))
        if answer.get("error"):
            raise PayloadRefused("yahoo", "refused", str(answer["error"].get("description")), retry=False)
        result = answer["result"][0]
        if not isinstance(result["meta"], dict) or not isinstance(result["indicators"]["quote"], list):
            raise TypeError("meta or quote has the wrong type")
    except (orjson.JSONDecodeError, StopIteration, AttributeError, KeyError, TypeError, IndexError) as error:
        raise PayloadRefused("yahoo", "malformed", f"not a chart: {error}") from error
    return dict(result)


def _expect_asked(request: Request, chart: dict[str, Any]) -> None:
    granularity = chart["meta"].get("dataGranularity")
    if granularity not in (None, "1d"):
        raise PayloadRefused("yahoo", "wrong_interval", f"asked for daily bars, answered {granularity}", retry=False)
    told = str(chart["meta"].get("symbol"))
    asked = Symbol.parse(request.symbol or "").alias("yahoo")
    if told.upper() != asked.upper():
        raise PayloadRefused("yahoo", "wrong_symbol", f"asked for {asked}, answered {told}")


def _zone(name: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(name)) if name else _NEW_YORK
    except (KeyError, OSError, ValueError):
        return _NEW_YORK


def _session(stamp: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(stamp, tz=zone).date()


def _bars(chart: dict[str, Any], stamps: list[int], zone: ZoneInfo) -> pl.DataFrame:
    quote = chart["indicators"]["quote"][0]
    adjusted = (chart["indicators"].get("adjclose") or [{}])[0].get("adjclose")
    columns = {name: quote.get(name) or [None] * len(stamps) for name in _PRICES}
    columns["adj_close"] = adjusted or [None] * len(stamps)
    if any(len(values) != len(stamps) for values in columns.values()):
        raise PayloadRefused("yahoo", "malformed", "the arrays of the chart differ in length")
    frame = pl.DataFrame(
        {"stamp": stamps, **columns}, schema={"stamp": pl.Int64, **dict.fromkeys(columns, pl.Float64)}, strict=False
    )
    # What is not a number comes out as null; null itself is how Yahoo says that a value is not known.
    odd = [name for name, values in columns.items() if frame[name].null_count() > values.count(None)]
    if odd or not frame["stamp"].is_between(-_FAR, _FAR).fill_null(value=False).all():
        raise PayloadRefused("yahoo", "malformed", f"not a number or time in {', '.join(odd) or 'timestamp'}")
    date_here = pl.from_epoch("stamp", time_unit="s").dt.replace_time_zone("UTC").dt.convert_time_zone(zone.key)
    return frame.with_columns(date=date_here.dt.date()).drop("stamp")


def _events(chart: dict[str, Any], zone: ZoneInfo) -> tuple[list[Split], list[Cash]]:
    events = chart.get("events") or {}
    splits = []
    for one in (events.get("splits") or {}).values():
        ratio = Fraction(str(one["numerator"])) / Fraction(str(one["denominator"]))
        if ratio <= 0:
            raise ValueError(f"a split of {ratio}")
        text = str(one.get("splitRatio") or f"{one['numerator']}:{one['denominator']}")
        splits.append(Split(_session(int(one["date"]), zone), ratio, text))
    gains = {int(one["date"]): float(one["amount"]) for one in (events.get("capitalGains") or {}).values()}
    cash = []
    for one in (events.get("dividends") or {}).values():
        stamp, amount = int(one["date"]), float(one["amount"])
        # A fund's dividend may be told with its capital gain inside: then only what is left over is a dividend.
        rest = amount - gains.get(stamp, 0.0)
        if stamp not in gains or rest < 0:
            cash.append(Cash(_session(stamp, zone), "dividend", amount))
        elif rest > 1e-6:
            cash.append(Cash(_session(stamp, zone), "dividend", round(rest, 6)))
    cash += [Cash(_session(stamp, zone), "capital_gain", amount) for stamp, amount in gains.items()]
    return sorted(splits), sorted(cash)


def _basis_date(payload: Payload, splits: list[Split]) -> date:
    """Up to which ex-date Yahoo had applied splits: the day before the call, or that day if it tells of one."""
    day = payload.fetched_at.astimezone(_NEW_YORK).date()
    return day if any(split.ex_date == day for split in splits) else day - timedelta(days=1)
