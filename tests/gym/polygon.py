"""
Polygon's (Massive's) REST form: aggregates of a ticker, the whole market of a session, splits and dividends.

As the real one: adjusted for splits unless told otherwise; a page is cut at `limit`, and `next_url` goes on with an
opaque cursor and without the key; an unknown ticker is a 200 without results; a plan that reaches back `reach_days`
answers 403 for what lies before and leaves it out where only a part does; one of `end_of_day` has no bars of today.

Rows lie under the ticker that their security had on that day, whoever has it today: under a former ticker until the
rename, under the new one from then on, under a reused one those of both holders. With `by_day=False` it is as if no
ticker had ever changed, for tests of other things.

Simpler than the real one: actions are told from their ex-date on.
To be `empty` is a misbehaviour of bars only, for a list of actions without rows is nothing strange.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlencode

import numpy as np
import orjson

from gym.minutes import PRE_SECONDS, between
from gym.sessions import NEW_YORK, new_york_date
from gym.truth import REUSED, Action, History, Truth
from gym.wire import VARIANTS, Ask, Reply

_TICKER, _GROUPED = "/v2/aggs/ticker/", "/v2/aggs/grouped/locale/us/market/stocks/"
_SPLITS, _DIVIDENDS = "/v3/reference/splits", "/v3/reference/dividends"
_DAY = {_SPLITS: "execution_date", _DIVIDENDS: "ex_dividend_date"}
_KEY = "gym-key-polygon"
_COMPARED: dict[str, Callable[[str, str], bool]] = {
    "": lambda told, asked: told == asked,
    "gte": lambda told, asked: told >= asked,
    "gt": lambda told, asked: told > asked,
    "lte": lambda told, asked: told <= asked,
    "lt": lambda told, asked: told < asked,
}
_UPGRADE = "Please upgrade your plan at https://polygon.io/pricing"
_FIRST_STAMPED, _LAST_STAMPED = date(1970, 1, 2), date(2100, 1, 1)
_Spell = tuple[History, date, date]
_ERRORS = {
    "not_found": (404, "NOT_FOUND", "message", "Ticker not found."),
    "plan_limit": (403, "NOT_AUTHORIZED", "message", f"Your plan doesn't include this data timeframe. {_UPGRADE}"),
    "not_yet": (403, "NOT_AUTHORIZED", "message", f"Attempted to request today's data before end of day. {_UPGRADE}"),
    "quota": (200, "ERROR", "error", "You've exceeded the maximum requests per minute, please wait or upgrade."),
    "bad_key": (401, "ERROR", "error", "Unknown API Key"),
    "no_key": (401, "ERROR", "error", "API Key was not provided"),
    "bad_path": (400, "ERROR", "error", "The parameters of the path are not valid"),
}


class Polygon:
    """Answers for both of Polygon's hosts. `reach_days` and `end_of_day` are those of a free plan."""

    name = "polygon"
    hosts = frozenset({"api.polygon.io", "api.massive.com"})
    variants = frozenset(VARIANTS)

    def __init__(
        self, truth: Truth, *, reach_days: int | None = None, end_of_day: bool = False, by_day: bool = True
    ) -> None:
        self.truth, self.reach_days, self.end_of_day, self.by_day = truth, reach_days, end_of_day, by_day

    def key_of(self, ask: Ask) -> str | None:
        """The ticker, `grouped <session>`, `splits` or `dividends`."""
        if ask.path.startswith(_TICKER):
            return ask.path[len(_TICKER) :].split("/")[0]
        if ask.path.startswith(_GROUPED):
            return f"grouped {ask.path[len(_GROUPED) :]}"
        if ask.path in _DAY:
            return _asked(ask).get("ticker") or ask.path.rsplit("/", 1)[1]
        return None

    def answer(self, ask: Ask) -> Reply | None:
        """Bars, actions or an error in Polygon's form."""
        if self.key_of(ask) is None:
            return None
        sent = ask.headers.get("authorization", "").removeprefix("Bearer ") or ask.params.get("apiKey")
        if sent != _KEY:
            return _error(ask, "bad_key" if sent else "no_key")
        if ask.variant in _ERRORS:
            return _error(ask, ask.variant)
        try:
            if ask.path in _DAY:
                return self._actions(ask)
            return self._grouped(ask) if ask.path.startswith(_GROUPED) else self._ticker(ask)
        except (LookupError, OverflowError, ValueError):
            return _error(ask, "bad_path")

    def _spells(self, ticker: str) -> list[_Spell]:
        """Whose rows lie under a ticker: each holder's history and its days, both included."""
        if ticker == REUSED and self.by_day:
            return [(one, one.security.first, one.security.last) for one in self.truth.reused_history]
        if ticker in self.truth:
            history = self.truth.history(ticker)
            return [(history, (self.by_day and history.security.renamed_on) or date.min, date.max)]
        one = self.truth.renames.get(ticker) if self.by_day else None
        if one is None or one.renamed_on is None:
            return []
        return [(self.truth.history(one.symbol), date.min, one.renamed_on - timedelta(days=1))]

    def _ticker_on(self, history: History, day: date) -> str:
        one = history.security
        early = self.by_day and one.renamed_on is not None and day < one.renamed_on
        return one.formerly if early and one.formerly else one.symbol

    @cached_property
    def _histories(self) -> list[History]:
        mine = [self.truth.history(symbol) for symbol in self.truth.symbols]
        return [*mine, *self.truth.reused_history] if self.by_day else mine

    def _other(self, ticker: str) -> str:
        return next(symbol for symbol in self.truth.symbols if symbol != ticker)

    def _first(self, ask: Ask) -> date:
        """The first day that the plan has."""
        return date.min if self.reach_days is None else new_york_date(ask.now) - timedelta(days=self.reach_days)

    def _ticker(self, ask: Ask) -> Reply:
        ticker, *rest = ask.path[len(_TICKER) :].split("/")
        told = self._other(ticker) if ask.variant == "wrong_symbol" else ticker
        spells = self._spells(told) if ask.variant != "empty" else []
        if rest == ["prev"]:
            return self._previous(ask, told, spells)
        span, (start, end) = "/".join(rest[:3]), (_instant(rest[3]), _instant(rest[4], last=True))
        if span not in ("range/1/day", "range/1/minute"):
            raise ValueError(span)
        last = new_york_date(end / 1000)
        if last < self._first(ask) or (self.end_of_day and last >= new_york_date(ask.now)):
            return _error(ask, "plan_limit")
        start = max(start, _begins(self._first(ask)))
        read = _daily if span.endswith("day") else _minutes
        parts = [
            read(history, max(start, _begins(first)), min(end, _ends(last)), ask) for history, first, last in spells
        ]
        return _page(ask, told, *_together(parts))

    def _previous(self, ask: Ask, ticker: str, spells: list[_Spell]) -> Reply:
        """The last finished session's bar, stamped at its close."""
        texts: list[str] = []
        for history, first, last in spells:
            lo, hi = np.searchsorted(history.sessions.dates, np.array([first, last], dtype="datetime64[D]"))
            done = min(int(np.searchsorted(history.sessions.closes, ask.now, side="right")), int(hi) + 1)
            if done > lo:
                columns = _day_columns(history, done - 1, done, ask)
                texts = _texts([int(history.sessions.closes[done - 1]) * 1000], columns, [ticker])
        return _aggregates(ask, texts, ticker=ticker)

    def _grouped(self, ask: Ask) -> Reply:
        """Every ticker that traded in a session, stamped at its close."""
        asked, today = date.fromisoformat(ask.path[len(_GROUPED) :]), new_york_date(ask.now)
        if self.end_of_day and asked >= today:
            return _error(ask, "not_yet")
        if asked < self._first(ask):
            return _error(ask, "plan_limit")
        before = self.truth.sessions.between(self.truth.first, asked).dates
        if ask.variant == "wrong_symbol" and len(before) > 1:
            asked = before[-2].item()
        texts: list[str] = []
        for history in self._histories if ask.variant != "empty" else ():
            at = int(np.searchsorted(history.sessions.dates, np.datetime64(asked, "D")))
            traded = at < len(history.sessions.dates) and history.sessions.dates[at].item() == asked
            if traded and history.sessions.opens[at] <= ask.now:
                stamp = int(history.sessions.closes[at]) * 1000
                columns = _day_columns(history, at, at + 1, ask)
                texts += _texts([stamp], columns, [self._ticker_on(history, asked)])
        return _aggregates(ask, [*texts, *texts[::7]] if ask.variant == "duplicates" else texts)

    def _actions(self, ask: Ask) -> Reply:
        asked, day = _asked(ask), _DAY[ask.path]
        offset, limit = int(asked.pop("ap", 0)), min(int(asked.get("limit", 10)), 1000)
        if limit < 1:
            raise ValueError(limit)
        if ask.variant == "wrong_symbol" and "ticker" in asked:
            asked = {"ticker": self._other(asked["ticker"])}
        today = str(new_york_date(ask.now))
        known = [row for row in self._rows[ask.path] if row[day] <= today and _passes(row, asked)]
        field = asked.get("sort", day)
        known.sort(key=lambda row: (row[field], row["ticker"]), reverse=asked.get("order", "desc") == "desc")
        rows = known[offset : offset + limit]
        root: dict[str, Any] = {"results": rows * 2 if ask.variant == "duplicates" else rows, "status": "OK"}
        root["request_id"] = _request_id(ask)
        if offset + limit < len(known):
            cursor = _cursor(asked | {"ap": str(offset + limit)})
            root["next_url"] = f"https://api.polygon.io{ask.path}?cursor={cursor}"
        return Reply(200, orjson.dumps(root))

    @cached_property
    def _rows(self) -> dict[str, list[dict[str, Any]]]:
        """All splits and dividends there will ever be."""
        rows: dict[str, list[dict[str, Any]]] = {_SPLITS: [], _DIVIDENDS: []}
        for history in self._histories:
            for action in history.actions:
                ticker = self._ticker_on(history, action.ex_date)
                if action.ratio is not None or action.amount is not None:
                    rows[_SPLITS if action.ratio is not None else _DIVIDENDS].append(_row(ticker, action))
        return rows


def _begins(day: date) -> int:
    """Where a day begins in New York, in milliseconds; of one before all stamps there are the first."""
    return _instant(str(max(day, _FIRST_STAMPED)))


def _ends(day: date) -> int:
    """The last millisecond of a day in New York; of one behind all stamps there are the last."""
    return _instant(str(min(day, _LAST_STAMPED)), last=True)


def _together(parts: Sequence[tuple[list[int], dict[str, Any]]]) -> tuple[list[int], dict[str, Any]]:
    """Stamps and columns one behind the other."""
    if len(parts) < 2:
        return parts[0] if parts else ([], {})
    columns = {name: np.concatenate([columns[name] for _, columns in parts]) for name in parts[0][1]}
    return [stamp for stamps, _ in parts for stamp in stamps], columns


def _daily(history: History, start: int, end: int, ask: Ask) -> tuple[list[int], dict[str, Any]]:
    """Stamps (ms, midnight in New York) and columns of the sessions that begin in [start, end] and have opened."""
    sessions = history.sessions
    days = [new_york_date(start / 1000 + 86_399.999), new_york_date(end / 1000) + timedelta(days=1)]
    lo, hi = (int(np.searchsorted(sessions.dates, np.datetime64(day, "D"))) for day in days)
    hi = min(hi, int(np.searchsorted(sessions.opens, ask.now, side="right")))
    stamps = [_instant(str(day)) for day in sessions.dates[lo:hi].tolist()]
    return stamps, _day_columns(history, lo, max(lo, hi), ask)


def _day_columns(history: History, lo: int, hi: int, ask: Ask) -> dict[str, Any]:
    """What Polygon tells of the sessions at [lo, hi); one under way is as far as it has come."""
    sessions = history.sessions
    cents = {name: getattr(history, name)[lo:hi].astype(np.float64) for name in ("open", "high", "low", "close")}
    volume = history.volume[lo:hi].astype(np.float64)
    early = np.isin(sessions.dates[lo:hi], np.array(sorted(ask.revised), dtype="datetime64[D]"))
    # Before its revision a session's close lies at the low, and a tenth of its volume is not counted yet.
    cents["close"] = np.where(early, cents["low"], cents["close"])
    volume = np.where(early, volume // 1000 * 900, volume)
    if hi > lo and sessions.opens[hi - 1] <= ask.now < sessions.closes[hi - 1]:
        done = float((ask.now - sessions.opens[hi - 1]) / (sessions.closes[hi - 1] - sessions.opens[hi - 1]))
        opened, close = cents["open"][-1], cents["close"][-1]
        cents["close"][-1] = round(opened + (close - opened) * done)
        cents["high"][-1] = max(opened, cents["close"][-1])
        cents["low"][-1] = min(opened, cents["close"][-1])
        volume[-1] = np.floor(volume[-1] * done)
    by = history.ratio_after(new_york_date(ask.now))[lo:hi] if _is_adjusted(ask) else 1.0
    prices = {name: column / 100 / by for name, column in cents.items()}
    average = np.round(sum(prices.values()) / 4, 4)
    return prices | {"volume": volume * by, "vwap": average, "trades": np.maximum(volume // 90, 1)}


def _minutes(history: History, start: int, end: int, ask: Ask) -> tuple[list[int], dict[str, Any]]:
    """Stamps (ms) and columns of the minutes that begin in [start, end] and are over."""
    frame = between(history, start / 1000, min(end / 1000 + 0.001, ask.now - 59.999))
    columns: dict[str, Any] = {name: frame[name].to_numpy() for name in frame.columns if name != "ts"}
    if _is_adjusted(ask):
        at = np.searchsorted(history.sessions.opens - PRE_SECONDS, frame["ts"].to_numpy(), side="right") - 1
        by = history.ratio_after(new_york_date(ask.now))[at]
        columns |= {name: columns[name] / by for name in ("open", "high", "low", "close", "vwap")}
        columns["volume"] = columns["volume"] * by
    return [ts * 1000 for ts in frame["ts"].to_list()], columns


def _page(ask: Ask, ticker: str, stamps: list[int], columns: dict[str, Any]) -> Reply:
    """As many bars as fit, and where the others are."""
    asked = _asked(ask)
    limit = min(int(asked.get("limit", 5000)), 50_000)
    if limit < 1:
        raise ValueError(limit)
    step = -1 if asked.get("sort") == "desc" else 1
    ordered = {name: values[::step] for name, values in columns.items()}
    texts = _texts(stamps[::step][:limit], {name: values[:limit] for name, values in ordered.items()})
    if ask.variant == "duplicates":
        texts = [*texts, *texts[-3:]]
    following = None
    if len(stamps) > limit:
        *head, start, end = ask.path.split("/")
        ends = (str(stamps[limit]), end) if step == 1 else (start, str(stamps[::-1][limit]))
        following = f"https://api.polygon.io{'/'.join([*head, *ends])}?cursor={_cursor(asked)}"
    return _aggregates(ask, texts, ticker=ticker, following=following)


def _aggregates(ask: Ask, texts: list[str], *, ticker: str | None = None, following: str | None = None) -> Reply:
    root: dict[str, Any] = {"ticker": ticker} if ticker else {}
    root |= {"queryCount": len(texts), "resultsCount": len(texts), "adjusted": _is_adjusted(ask)}
    tail: dict[str, Any] = {"status": "OK", "request_id": _request_id(ask)}
    tail |= {"count": len(texts)} if texts else {}
    tail |= {"next_url": following} if following else {}
    # Numbers as the vendor writes them cannot be had from a JSON library, so the rows are put in as text.
    rows = f'"results":[{",".join(texts)}],' if texts else ""
    return Reply(200, orjson.dumps(root)[:-1] + b"," + rows.encode() + orjson.dumps(tail)[1:])


def _texts(stamps: list[int], columns: dict[str, Any], tickers: Sequence[str] = ()) -> list[str]:
    heads = [f'"T":"{ticker}",' for ticker in tickers] or [""] * len(stamps)
    names = ("volume", "vwap", "open", "close", "high", "low", "trades")
    return (
        [
            f'{{{head}"v":{number(v)},"vw":{number(vw)},"o":{number(o)},"c":{number(c)},"h":{number(h)},'
            f'"l":{number(low)},"t":{stamp},"n":{int(n)}}}'
            for head, stamp, v, vw, o, c, h, low, n in zip(
                heads, stamps, *(columns[name].tolist() for name in names), strict=True
            )
        ]
        if stamps
        else []
    )


def number(value: float) -> str:
    """As Polygon writes numbers: whole ones without a point, from ten million on with an exponent."""
    if value < 1e7:
        return repr(int(value)) if value == int(value) else repr(value)
    digits = "".join(map(str, Decimal(repr(value)).normalize().as_tuple().digits))
    return f"{digits[0]}{'.' * (len(digits) > 1)}{digits[1:]}e+{Decimal(repr(value)).adjusted():02}"


def _row(symbol: str, action: Action) -> dict[str, Any]:
    told = {"id": "E" + hashlib.sha256(f"{symbol}{action}".encode()).hexdigest(), "ticker": symbol}
    if action.ratio is not None:
        new, old = action.ratio.numerator, action.ratio.denominator
        # A ratio such as 3:2 is told as 1.5 new shares for one.
        sides = {"split_from": 1, "split_to": new / old} if old == 2 else {"split_from": old, "split_to": new}
        return told | {"execution_date": str(action.ex_date)} | sides
    days = {"declaration_date": -20, "ex_dividend_date": 0, "record_date": 1, "pay_date": 20}
    dates = {name: str(action.ex_date + timedelta(days=apart)) for name, apart in days.items()}
    kind = {"dividend": "CD", "special_dividend": "SC", "capital_gain": "LT"}.get(action.kind, "CD")
    return (
        told
        | dates
        | {"cash_amount": float(action.amount or 0), "currency": "USD", "dividend_type": kind, "frequency": 4}
    )


def _passes(row: dict[str, Any], asked: dict[str, str]) -> bool:
    """Whether a row is one of those that the parameters let through: `ticker`, or a date with or without `.gte`."""
    for name, value in asked.items():
        field, _, operator = name.partition(".")
        if field in row and not _COMPARED[operator](str(row[field]), value):
            return False
    return True


def _asked(ask: Ask) -> dict[str, str]:
    """The parameters of this page, those of the first one that its cursor holds included."""
    params = {name: value for name, value in ask.params.items() if name not in ("apiKey", "cursor")}
    if "cursor" in ask.params:
        text = ask.params["cursor"]
        params |= dict(parse_qsl(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()))
    return params


def _cursor(asked: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(urlencode(asked).encode()).decode().rstrip("=")


def _is_adjusted(ask: Ask) -> bool:
    return _asked(ask).get("adjusted", "true").lower() != "false"


def _instant(text: str, *, last: bool = False) -> int:
    """Milliseconds of what an address names: a number of them, or a day in New York, its `last` one if told so."""
    if text.isdecimal():
        return int(text)
    day = date.fromisoformat(text) + timedelta(days=1 if last else 0)
    return int(datetime.combine(day, time(), tzinfo=NEW_YORK).timestamp()) * 1000 - (1 if last else 0)


def _error(ask: Ask, code: str) -> Reply:
    status, state, field, text = _ERRORS[code]
    return Reply(status, orjson.dumps({"status": state, "request_id": _request_id(ask), field: text}))


def _request_id(ask: Ask) -> str:
    return hashlib.md5(f"{ask.path}{sorted(ask.params.items())}{ask.now}".encode(), usedforsecurity=False).hexdigest()
