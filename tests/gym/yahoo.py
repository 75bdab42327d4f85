"""
Yahoo's chart, as recorded: v8 form, prices and volume adjusted for every split up to now, figures rounded to float32.

Traps on purpose: cash is scaled by later splits but for symbols of `as_paid`, and a capital gain told within it as
well; adjclose changes with every dividend; the row of a session under way is partial and for some symbols there twice;
a window before the first trade is a 400, one without sessions a 200 without `timestamp`; some halts are rows of null; a
former ticker is unknown after the rename.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import unquote

import numpy as np
import orjson
import polars as pl

from gym.sessions import new_york_date, utc_offset
from gym.truth import REUSED, History, Truth
from gym.wire import Ask, Reply
from gym.yahoo_minutes import Manner, beyond, periods
from gym.yahoo_minutes import rows as minute_rows

CHART = "/v8/finance/chart/"
_RANGES = {"1d": 1, "5d": 5, "1mo": 31, "3mo": 92, "6mo": 183, "1y": 366, "2y": 731, "5y": 1827, "10y": 3653}
_VALID = [*_RANGES, "ytd", "max"]
_FIELDS = ("open", "high", "low", "close", "volume")
_HTML = "text/html;charset=utf-8"


@dataclass(frozen=True, eq=False)
class _Chart:
    """One symbol's rows as of a day: `stamps` are openings, `values` float64 of float32 (volume int64) by field."""

    stamps: Any
    values: dict[str, Any]
    dividends: dict[int, float]
    splits: dict[int, tuple[int, int]]
    gains: dict[int, float]
    blank: Any


class Yahoo:
    """Answers for Yahoo's hosts, all of them alike."""

    name = "yahoo"
    hosts = frozenset(
        f"{name}.yahoo.com" for name in ("query1.finance", "query2.finance", "fc", "finance", "guce", "consent")
    )
    variants = frozenset({"empty", "duplicates", "wrong_symbol", "not_found"})

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.as_paid = frozenset(s for n, s in enumerate(truth.symbols) if n % 12 == 0)
        self.live_twice = frozenset(s for n, s in enumerate(truth.symbols) if n % 6 == 0)
        self.null_halts = frozenset(s for n, s in enumerate(truth.symbols) if n % 10 == 6)
        self.null_minutes = frozenset(s for n, s in enumerate(truth.symbols) if n % 4 == 2)
        self._charts: dict[tuple[int, date, frozenset[date]], _Chart] = {}

    def key_of(self, ask: Ask) -> str | None:
        """The canonical symbol of a chart request."""
        return unquote(ask.path[len(CHART) :]).replace("-", ".") if ask.path.startswith(CHART) else None

    def answer(self, ask: Ask) -> Reply | None:
        """Chart, cookie, crumb or consent."""
        if (symbol := self.key_of(ask)) is not None:
            if ask.variant == "not_found":
                return refusal(404, "Not Found", "No data found, symbol may be delisted")
            other = next(one for one in self.truth.symbols if one != symbol)
            return self._chart_reply(other if ask.variant == "wrong_symbol" else symbol, ask)
        match ask.path:
            case "/v1/test/getcrumb":
                return Reply(200, b"gym.Crumb/1", "text/plain;charset=utf-8")
            case "/":
                cookie = "A3=d=gym&S=1; Path=/; Max-Age=31557600; HttpOnly"
                return Reply(200, b"<html></html>", _HTML, (("Set-Cookie", cookie),))
            case "/consent" | "/v2/collectConsent" | "/copyConsent":
                return Reply(200, b"<html></html>", _HTML)
            case _:
                return None

    def _chart_reply(self, ticker: str, ask: Ask) -> Reply:
        today = new_york_date(ask.now)
        history = self._known_as(ticker, today)
        if history is None or history.security.first > today:
            return refusal(404, "Not Found", "No data found, symbol may be delisted")
        interval = ask.params.get("interval", "1d")
        if interval not in ("1d", "1m"):
            return refusal(422, "Unprocessable Entity", "Invalid input - interval is not supported")
        start, end = _window(ask, today)
        if start >= end:
            return refusal(400, "Bad Request", "Invalid input - start date cannot be after end date.")
        if end <= history.sessions.opens[0]:
            return refusal(400, "Bad Request", f"Data doesn't exist for startDate = {start}, endDate = {end}")
        if interval == "1m" and (why := beyond(start, end, ask.now)):
            return refusal(422, "Unprocessable Entity", why)
        chart = self._chart(history, today, ask.revised)
        answer = self._minutes if interval == "1m" else self._days
        result = answer(ticker, history, chart, (start, end), ask)
        return Reply(200, dump({"chart": {"result": [result], "error": None}}))

    def _days(self, ticker: str, history: History, chart: _Chart, window: tuple[int, int], ask: Ask) -> dict[str, Any]:
        start, end = window
        rows = _rows(chart, start, min(end, int(ask.now) + 1), ask)
        live = self._live(history, chart, ask.now)
        result: dict[str, Any] = {"meta": self._meta(ticker, history, chart, rows, live, ask)}
        shown = live if live and start <= live[0] < end and ask.variant != "empty" else None
        stamps, values = self._table(history.security.symbol, chart, rows, shown)
        if not len(stamps):
            return result | {"indicators": {"quote": [{}], "adjclose": [{}]}}
        result["timestamp"] = stamps
        result |= _events(chart, start, min(end, int(ask.now) + 1), ask.params.get("events", ""))
        quote = {name: values[name] for name in _FIELDS}
        return result | {"indicators": {"quote": [quote], "adjclose": [{"adjclose": values["adjclose"]}]}}

    def _minutes(
        self, ticker: str, history: History, chart: _Chart, window: tuple[int, int], ask: Ask
    ) -> dict[str, Any]:
        (start, end), symbol = window, history.security.symbol
        prepost = ask.params.get("includePrePost", "false").lower() == "true"
        manner = Manner(prepost, symbol in self.null_minutes, symbol in self.live_twice)
        frame = minute_rows(history, start, end, ask.now, manner)
        live = self._live(history, chart, ask.now)
        before = np.flatnonzero(chart.stamps >= start - start % 86_400)
        meta = self._meta(ticker, history, chart, before, live, ask) | {"scale": 3, "dataGranularity": "1m"}
        meta["previousClose"] = meta["chartPreviousClose"]
        if frame.is_empty() or ask.variant == "empty":
            return {"meta": meta, "indicators": {"quote": [{}]}}
        if ask.variant == "duplicates":
            frame = pl.concat([frame, frame.tail(3)]).sort("ts", maintain_order=True)
        meta["tradingPeriods"] = periods(history.sessions, start, min(end, int(ask.now)), prepost=prepost)
        columns = frame.to_dict(as_series=False)
        result = {"meta": meta, "timestamp": columns["ts"]}
        result |= _events(chart, start, min(end, int(ask.now) + 1), ask.params.get("events", ""))
        return result | {"indicators": {"quote": [{name: columns[name] for name in _FIELDS}]}}

    def _known_as(self, ticker: str, today: date) -> History | None:
        """Whom a ticker means today: a former one until the rename, the new one from then on, the last to reuse it."""
        if ticker in self.truth:
            since = self.truth.security(ticker).renamed_on
            return self.truth.history(ticker) if since is None or since <= today else None
        if ticker == REUSED:
            first, second = self.truth.reused_history
            gone = first.security.last < today < second.security.first
            return None if gone else (second if today >= second.security.first else first)
        security = self.truth.renames.get(ticker)
        renamed = security is None or security.renamed_on is None or today >= security.renamed_on
        return None if security is None or renamed else self.truth.history(security.symbol)

    def _chart(self, history: History, today: date, revised: frozenset[date]) -> _Chart:
        key = history.security.number, today, revised
        chart = self._charts.get(key)
        if chart is None:
            if len(self._charts) > 2000:
                self._charts.clear()
            chart = self._charts[key] = self._make(history, today, revised)
        return chart

    def _make(self, history: History, today: date, revised: frozenset[date]) -> _Chart:
        symbol = history.security.symbol
        ratio = history.ratio_after(today)
        early = np.isin(history.sessions.dates, np.array(sorted(revised), dtype="datetime64[D]"))
        cents = {name: getattr(history, name) for name in ("open", "high", "low", "close")}
        # Before its revision a session's close lies at the low, and a tenth of its volume is not counted yet.
        cents["close"] = np.where(early, history.low, history.close)
        volume = np.where(early, history.volume // 1000 * 900, history.volume)
        adjusted = {name: values / 100 / ratio for name, values in cents.items()}
        adjusted["adjclose"] = adjusted["close"] * history.dividend_factor(today)
        values: dict[str, Any] = {name: as_float32(column) for name, column in adjusted.items()}
        shares = np.round(volume * ratio)
        values["volume"] = shares if np.isnan(shares).any() else shares.astype(np.int64)
        stamps, blank = history.sessions.opens, np.zeros(len(ratio), dtype=bool)
        if symbol in self.null_halts:
            stamps, values, blank = _with_nulls(self.truth, history, values)
        return _Chart(stamps, values, *self._actions(symbol, history, today), blank)

    def _actions(
        self, symbol: str, history: History, today: date
    ) -> tuple[dict[int, float], dict[int, tuple[int, int]], dict[int, float]]:
        """Cash, splits and capital gains by instant; a gain is told within the cash of its day, and beside it."""
        dividends: dict[int, float] = {}
        gains: dict[int, float] = {}
        splits: dict[int, tuple[int, int]] = {}
        dates, known = history.sessions.dates, [a for a in history.actions if a.ex_date <= today]
        for action in known:
            stamp = int(history.sessions.opens[int(np.searchsorted(dates, np.datetime64(action.ex_date, "D")))])
            if action.ratio is not None:
                splits[stamp] = (action.ratio.numerator, action.ratio.denominator)
            elif action.amount is not None:
                later = 1.0
                for split in known:
                    if split.ratio is not None and split.ex_date > action.ex_date and symbol not in self.as_paid:
                        later *= float(split.ratio)
                amount = round(action.amount / later, 6)
                dividends[stamp] = round(dividends.get(stamp, 0.0) + amount, 6)
                if action.kind == "capital_gain":
                    gains[stamp] = amount
        return dividends, splits, gains

    def _live(self, history: History, chart: _Chart, now: float) -> tuple[int, dict[str, float]] | None:
        """The partial row of a session under way: its instant and values."""
        sessions = history.sessions
        at = int(np.searchsorted(sessions.opens, now, side="right")) - 1
        if at < 0 or now >= sessions.closes[at]:
            return None
        done = float((now - sessions.opens[at]) / (sessions.closes[at] - sessions.opens[at]))
        whole = {name: float(chart.values[name][np.searchsorted(chart.stamps, sessions.opens[at])]) for name in _FIELDS}
        close = whole["open"] + (whole["close"] - whole["open"]) * done
        row = {"open": whole["open"], "high": max(whole["open"], close), "low": min(whole["open"], close)}
        row = {name: float(np.float32(value)) for name, value in (row | {"close": close}).items()}
        return int(now), row | {"adjclose": row["close"], "volume": int(whole["volume"] * done)}

    def _table(
        self, symbol: str, chart: _Chart, rows: Any, live: tuple[int, dict[str, float]] | None
    ) -> tuple[Any, dict[str, Any]]:
        """Stamps and columns of the answer; lists instead of arrays where a row is null or live."""
        stamps, values = chart.stamps[rows], {name: column[rows] for name, column in chart.values.items()}
        if live is None and not chart.blank[rows].any():
            return stamps, values
        listed = {name: column.tolist() for name, column in values.items()}
        for at in np.flatnonzero(chart.blank[rows]).tolist():
            for column in listed.values():
                column[at] = None
        times = stamps.tolist()
        if live is not None:
            opened = times.pop() if times else live[0]
            for column in listed.values():
                del column[len(times) :]
            for stamp in (opened, live[0]) if symbol in self.live_twice else (live[0],):
                times.append(stamp)
                for name, column in listed.items():
                    column.append(live[1][name])
        return times, listed

    def _meta(self, ticker: str, history: History, chart: _Chart, rows: Any, live: Any, ask: Ask) -> dict[str, Any]:
        done = int(np.searchsorted(history.sessions.closes, ask.now, side="right")) - 1
        last = live[1]["close"] if live else float(history.close[max(done, 0)]) / 100
        offset, zone = utc_offset(ask.now)
        before = int(rows[0]) - 1 if len(rows) else -1
        return {
            "currency": "USD",
            "symbol": ticker.replace(".", "-"),
            "exchangeName": "NMS",
            "fullExchangeName": "NasdaqGS",
            "instrumentType": "EQUITY",
            "firstTradeDate": int(history.sessions.opens[0]),
            "regularMarketTime": live[0] if live else int(history.sessions.closes[max(done, 0)]) + 1,
            "hasPrePostMarketData": True,
            "gmtoffset": offset,
            "timezone": zone,
            "exchangeTimezoneName": "America/New_York",
            "regularMarketPrice": round(last, 2),
            "chartPreviousClose": round(float(chart.values["close"][max(before, 0)]), 3),
            "priceHint": 2,
            "currentTradingPeriod": self._periods(ask.now, offset, zone),
            "dataGranularity": "1d",
            "range": ask.params.get("range", ""),
            "validRanges": _VALID,
        }

    def _periods(self, now: float, offset: int, zone: str) -> dict[str, Any]:
        """Pre-market, regular and post-market hours of the session under way or next."""
        sessions = self.truth.sessions
        at = min(int(np.searchsorted(sessions.closes, now, side="right")), len(sessions.closes) - 1)
        opens, closes = int(sessions.opens[at]), int(sessions.closes[at])
        bounds = {"pre": (opens - 19_800, opens), "regular": (opens, closes), "post": (closes, closes + 14_400)}
        return {
            name: {"timezone": zone, "start": start, "end": end, "gmtoffset": offset}
            for name, (start, end) in bounds.items()
        }


def refusal(status: int, code: str, description: str) -> Reply:
    """Yahoo's error form."""
    return Reply(status, dump({"chart": {"result": None, "error": {"code": code, "description": description}}}))


def dump(value: object) -> bytes:
    """JSON with numpy arrays as lists."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def as_float32(values: Any) -> Any:
    """Round to float32 and print as the float64 that it is, as Yahoo does."""
    return values.astype(np.float32).astype(np.float64)


def _window(ask: Ask, today: date) -> tuple[int, int]:
    if "period1" in ask.params or "period2" in ask.params:
        return int(ask.params.get("period1", 0)), int(ask.params.get("period2", int(ask.now) + 1))
    asked, end = ask.params.get("range", "1d"), int(ask.now) + 1
    if asked == "max":
        return 0, end
    days = today.timetuple().tm_yday if asked == "ytd" else _RANGES.get(asked, 1)
    # Whole days back from midnight UTC, and over a weekend, so that a short range always meets a session.
    return end - end % 86_400 - max(days, 4) * 86_400, end


def _rows(chart: _Chart, start: int, end: int, ask: Ask) -> Any:
    if ask.variant == "empty":
        return np.arange(0)
    rows = np.flatnonzero((chart.stamps >= start) & (chart.stamps < end))
    if ask.variant == "duplicates" and len(rows):
        rows = np.sort(np.concatenate((rows, rows[-3:], rows[: len(rows) // 2 : 7])))
    return rows


def _events(chart: _Chart, start: int, end: int, asked: str) -> dict[str, Any]:
    events: dict[str, Any] = {}
    if "div" in asked:
        found = {at: amount for at, amount in chart.dividends.items() if start <= at < end}
        if found:
            events["dividends"] = {str(at): {"amount": amount, "date": at} for at, amount in found.items()}
        if gains := {at: amount for at, amount in chart.gains.items() if start <= at < end and "capital" in asked}:
            events["capitalGains"] = {str(at): {"amount": amount, "date": at} for at, amount in gains.items()}
    if "split" in asked:
        ratios = {at: ratio for at, ratio in chart.splits.items() if start <= at < end}
        if ratios:
            events["splits"] = {
                str(at): {"date": at, "numerator": new, "denominator": old, "splitRatio": f"{new}:{old}"}
                for at, (new, old) in ratios.items()
            }
    return {"events": events} if events else {}


def _with_nulls(truth: Truth, history: History, values: dict[str, Any]) -> tuple[Any, dict[str, Any], Any]:
    """Put a blank row where the symbol was halted."""
    halts = np.array(history.security.halts, dtype="datetime64[D]")
    opens = truth.sessions.opens[np.isin(truth.sessions.dates, halts)]
    stamps = np.concatenate((history.sessions.opens, opens))
    order = np.argsort(stamps, kind="stable")
    pad = {name: np.concatenate((column, np.zeros(len(opens), column.dtype))) for name, column in values.items()}
    blank = np.concatenate((np.zeros(len(history.sessions.opens), dtype=bool), np.ones(len(opens), dtype=bool)))
    return stamps[order], {name: column[order] for name, column in pad.items()}, blank[order]
