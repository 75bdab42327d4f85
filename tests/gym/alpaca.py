"""
Alpaca's data API: bars of many symbols in one answer, sorted by symbol and paged; corporate actions by process date.

Traps on purpose: a full page always ends in a token, so the last one may be empty; a page breaks inside a symbol; an
unknown symbol is null; the consolidated tape of the last 15 minutes is refused; the exchange's own feed (iex) has 3 %
of the volume; a dividend is filed under its day of payment; a forward split is paid before its ex-date. Bars of a
session under way are partial; of minutes only those that are over are told. Crypto pairs are written BTC/USD.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import orjson

from gym.alpaca_bars import daily_rows, minute_rows, pair_rows
from gym.crypto import CryptoTruth
from gym.sessions import NEW_YORK, new_york_date
from gym.truth import REUSED, Action, History, Truth
from gym.wire import Ask, Reply

BARS, ACTIONS, CRYPTO = "/v2/stocks/bars", "/v1/corporate-actions", "/v1beta3/crypto/us/bars"
KEY, SECRET = "gym-key-alpaca", "gym-secret-alpaca"
RECENT = "subscription does not permit querying recent SIP data"
_SYMBOL, _PAIR = re.compile(r"^[A-Z]{1,5}(?:\.[A-Z]{1,4})?$"), re.compile(r"^[A-Z]{2,6}/[A-Z]{3,4}$")
_GROUPS = {
    "forward_split": "forward_splits",
    "reverse_split": "reverse_splits",
    "cash_dividend": "cash_dividends",
    "spin_off": "spin_offs",
}
_STEP = {"1Day": (86_400, "D"), "1Min": (60, "M")}


class Alpaca:
    """Answers for Alpaca's data host."""

    name = "alpaca"
    hosts = frozenset({"data.alpaca.markets"})
    variants = frozenset({"empty", "duplicates", "wrong_symbol", "not_found", "plan_limit", "bad_key"})

    def __init__(self, truth: Truth) -> None:
        self.truth, self.crypto = truth, CryptoTruth(truth.seed)
        self._filed: dict[str, list[dict[str, Any]]] = {}

    def key_of(self, ask: Ask) -> str | None:
        """The symbol where one is asked for, else what and of how many: `1Day BRK.B+199`, `actions of all`."""
        if ask.path not in (BARS, ACTIONS, CRYPTO):
            return None
        symbols = [one for one in ask.params.get("symbols", "").split(",") if one]
        what = "actions" if ask.path == ACTIONS else ask.params.get("timeframe", "bars")
        if not symbols:
            return f"{what} of all"
        return symbols[0].replace("/", "-") if len(symbols) == 1 else f"{what} {symbols[0]}+{len(symbols) - 1}"

    def answer(self, ask: Ask) -> Reply | None:
        """Bars or actions, once the key is right."""
        if self.key_of(ask) is None:
            return None
        if "apca-api-key-id" not in ask.headers:
            return refusal(401, "unauthorized.")
        told = ask.headers["apca-api-key-id"], ask.headers.get("apca-api-secret-key")
        if told != (KEY, SECRET) or ask.variant == "bad_key":
            return refusal(403, "forbidden.")
        return self._actions(ask) if ask.path == ACTIONS else self._bars(ask)

    def _bars(self, ask: Ask) -> Reply:
        symbols = sorted({one for one in ask.params.get("symbols", "").split(",") if one})
        if (refused := _unfit(ask, symbols)) is not None:
            return refused
        start, end, limit = _instant(ask, "start", 0), _instant(ask, "end", int(ask.now) - 900), _limit(ask, 1000)
        if ask.variant == "empty":
            return page("bars", {}, None)
        if ask.variant == "wrong_symbol":
            others = self.truth.symbols if ask.path == BARS else ("BTC/USD", "ETH/USD")
            symbols = [next(one for one in others if one not in symbols)]
        step, letter = _STEP[ask.params["timeframe"]]
        first, since = _token(ask) or ("", start)
        bars: dict[str, Any] = {}
        last, room = None, limit
        for symbol in (one for one in symbols if one >= first):
            rows = self._rows(symbol, since if symbol == first else start, end, room, ask)
            if rows or rows is None:
                bars[symbol] = rows
            if rows:
                room -= len(rows)
                last = symbol, int(datetime.fromisoformat(rows[-1]["t"]).timestamp())
            if not room:
                break
        token = f"{last[0]}|{letter}|{(last[1] + step) * 10**9}" if last and not room else None
        if ask.variant == "duplicates":
            bars = {symbol: rows and [*rows, *rows[-3:]] for symbol, rows in bars.items()}
        return page("bars", bars, token)

    def _rows(self, symbol: str, start: int, end: int, room: int, ask: Ask) -> list[dict[str, Any]] | None:
        """The symbol's bars, at most `room` of them; None where it is unknown."""
        if ask.path == CRYPTO:
            pair = symbol.replace("/", "-")
            return pair_rows(self.crypto, pair, (start, end), room, ask) if pair in self.crypto.symbols else None
        history = self._known_as(symbol, new_york_date(ask.now))
        if history is None:
            return None
        make = daily_rows if ask.params["timeframe"] == "1Day" else minute_rows
        rows = make(history, start, min(end, int(ask.now)), room, ask)
        if ask.params.get("feed", "sip") == "iex":
            rows = [row | {"v": max(row["v"] * 3 // 100, 1), "n": max(row["n"] // 30, 1)} for row in rows]
        return rows

    def _known_as(self, ticker: str, today: date) -> History | None:
        """Whom a ticker means today: a former one until the rename, the new one from then on, the last to reuse it."""
        if ticker == REUSED:
            first, second = self.truth.reused_history
            return second if today >= second.security.first else first
        security = self.truth.security(ticker) if ticker in self.truth else self.truth.renames.get(ticker)
        if security is None or today < security.first:
            return None
        renamed = security.renamed_on is not None and today >= security.renamed_on
        stands = security.renamed_on is None or (ticker == security.symbol) == renamed
        return self.truth.history(security.symbol) if stands else None

    def _actions(self, ask: Ask) -> Reply:
        today = new_york_date(ask.now)
        symbols = sorted({one for one in ask.params.get("symbols", "").split(",") if one})
        if ask.variant == "not_found" or any(not _SYMBOL.match(one) for one in symbols):
            return refusal(400, f"invalid symbol: {next((s for s in symbols if not _SYMBOL.match(s)), 'XYZ')}")
        start, end = (date.fromisoformat(ask.params.get(name, today.isoformat())) for name in ("start", "end"))
        groups = [_GROUPS.get(one, one) for one in ask.params.get("types", ",".join(_GROUPS)).split(",")]
        after = _token(ask)
        found = [
            (row["process_date"], row["id"], group, row)
            for symbol in symbols or self.truth.symbols
            for group, row in self._filings(symbol, today)
            if group in groups and start.isoformat() <= row["process_date"] <= end.isoformat()
        ]
        found = sorted(one for one in found if after is None or one[:2] > after)
        limit = _limit(ask, 100)
        told: dict[str, Any] = {} if ask.variant == "empty" else _grouped(found[:limit])
        token = f"{found[limit - 1][3]['cusip']}|{'|'.join(found[limit - 1][:2])}" if len(found) >= limit else None
        return page("corporate_actions", told, token)

    def _filings(self, ticker: str, today: date) -> Iterator[tuple[str, dict[str, Any]]]:
        """What is known of a ticker's actions on a day, group by group."""
        if (history := self._known_as(ticker, today)) is None:
            return
        if ticker not in self._filed:
            self._filed[ticker] = [_filed(ticker, history, action) for action in history.actions]
        for row in self._filed[ticker]:
            if row["ex_date"] <= today.isoformat():
                group = row["group"]
                yield group, {name: value for name, value in row.items() if name != "group"}


def refusal(status: int, message: str) -> Reply:
    """Alpaca's error form."""
    return Reply(status, orjson.dumps({"message": message}), "application/json")


def page(root: str, told: dict[str, Any], token: str | None) -> Reply:
    """One page, its token opaque."""
    opaque = base64.b64encode(token.encode()).decode() if token else None
    return Reply(200, orjson.dumps({root: told, "next_page_token": opaque}), "application/json; charset=UTF-8")


def _unfit(ask: Ask, symbols: list[str]) -> Reply | None:
    """Why the parameters of a request for bars are refused."""
    if ask.variant == "plan_limit":
        return refusal(403, RECENT)
    odd = [one for one in symbols if not (_PAIR if ask.path == CRYPTO else _SYMBOL).match(one)]
    if odd or ask.variant == "not_found":
        return refusal(400, f"invalid symbol: {(odd or symbols)[0]}")
    if not symbols or ask.params.get("timeframe") not in (_STEP if ask.path == BARS else ("1Min",)):
        return refusal(400, "symbols is required" if not symbols else "invalid timeframe")
    if ask.params.get("adjustment", "raw") != "raw" or _limit(ask, 1000) > 10_000:
        return refusal(400, "invalid limit: larger than 10000" if _limit(ask, 1000) > 10_000 else "invalid adjustment")
    if _instant(ask, "start", 0) > _instant(ask, "end", int(ask.now) - 900):
        return refusal(400, "end should not be before start")
    recent = ask.path == BARS and _instant(ask, "end", int(ask.now) - 900) > ask.now - 900
    return refusal(403, RECENT) if recent and ask.params.get("feed", "sip") == "sip" else None


def _instant(ask: Ask, name: str, default: int) -> int:
    text = ask.params.get(name)
    if text is None:
        return default
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=NEW_YORK)).timestamp())


def _limit(ask: Ask, default: int) -> int:
    return int(ask.params.get("limit", default))


def _token(ask: Ask) -> tuple[str, Any] | None:
    """Where a page begins: symbol and instant of bars, or process date and id of actions."""
    if "page_token" not in ask.params:
        return None
    first, middle, last = base64.b64decode(ask.params["page_token"]).decode().split("|")
    return (middle, last) if ask.path == ACTIONS else (first, int(last) // 10**9)


def _grouped(found: list[tuple[str, str, str, dict[str, Any]]]) -> dict[str, Any]:
    groups: dict[str, Any] = {}
    for _, _, group, row in found:
        groups.setdefault(group, []).append(row)
    return groups


def _filed(ticker: str, history: History, action: Action) -> dict[str, Any]:
    """An action as Alpaca files it, with the group it is in."""
    ex = action.ex_date
    filed: dict[str, Any] = {
        "id": str(uuid5(NAMESPACE_OID, f"{history.security.number} {ex} {action.kind}")),
        "cusip": f"{history.security.number:09d}",
        "symbol": ticker,
        "ex_date": ex.isoformat(),
    }
    if action.kind == "spin_off":
        spun = {"source_symbol": ticker, "new_symbol": f"{ticker[:3]}W", "source_rate": 1, "new_rate": 0.5}
        return filed | spun | {"process_date": ex.isoformat(), "group": "spin_offs"}
    if action.ratio is None:
        dates = {"record_date": _day(ex, 1), "payable_date": _day(ex, 21), "process_date": _day(ex, 21)}
        cash = {"group": "cash_dividends", "rate": float(action.amount or 0), "foreign": False}
        cash["special"] = action.kind == "special_dividend"
        return filed | dates | cash
    rates = {"new_rate": action.ratio.numerator, "old_rate": action.ratio.denominator, "process_date": ex.isoformat()}
    if action.ratio < 1:
        cusips = {"old_cusip": filed["cusip"], "new_cusip": filed["cusip"]}
        return filed | rates | cusips | {"group": "reverse_splits", "record_date": ex.isoformat()}
    return filed | rates | {"group": "forward_splits", "record_date": _day(ex, -7), "payable_date": _day(ex, -1)}


def _day(day: date, days: int) -> str:
    return (day + timedelta(days=days)).isoformat()
