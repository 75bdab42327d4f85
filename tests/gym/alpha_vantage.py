"""
Alpha Vantage's query: one path, the function in a parameter, the key too; errors and notes with status 200.

Traps on purpose: numbers are strings under keys such as `1. open`, newest first; a note repeats the caller's key; a
free key has the last 100 sessions only; CSV lines end in CRLF; a split's coefficient is one over a rounded decimal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

from gym.sessions import new_york_date
from gym.truth import History, Truth
from gym.wire import Ask, Reply

PATH = "/query"
KEY = "gym-key-alpha_vantage"
_COMPACT = 100
_SITE = "https://www.alphavantage.co"
_PLANS = f"You may subscribe to any of the premium plans at {_SITE}/premium/ to instantly unlock all premium"
_NO_KEY = (
    f"the parameter apikey is invalid or missing. Please claim your free API key on ({_SITE}/support/#api-key). "
    "It should take less than 20 seconds."
)
_NO_CALL = f"Invalid API call. Please retry or visit the documentation ({_SITE}/documentation/) for TIME_SERIES_DAILY."
_DAILY, _ADJUSTED = "TIME_SERIES_DAILY", "TIME_SERIES_DAILY_ADJUSTED"
_TOLD = {
    _DAILY: "Daily Prices (open, high, low, close) and Volumes",
    _ADJUSTED: "Daily Time Series with Splits and Dividend Events",
}


class AlphaVantage:
    """Answers for Alpha Vantage's host; with `premium` it has whole histories and the adjusted series too."""

    name = "alpha_vantage"
    hosts = frozenset({"www.alphavantage.co"})
    variants = frozenset({"empty", "wrong_symbol", "not_found", "plan_limit", "quota", "bad_key"})

    def __init__(self, truth: Truth, *, premium: bool = False) -> None:
        self.truth, self.premium = truth, premium

    def key_of(self, ask: Ask) -> str | None:
        """The canonical symbol of a query."""
        return ask.params.get("symbol", "").replace("-", ".") if ask.path == PATH else None

    def answer(self, ask: Ask) -> Reply | None:
        """A daily series, or what is in its way."""
        symbol = self.key_of(ask)
        if symbol is None:
            return None
        if (note := self._note(ask)) is not None:
            return note
        if ask.variant == "wrong_symbol":
            symbol = next(one for one in self.truth.symbols if one != symbol)
        history = self._known_as(symbol, ask)
        if history is None or ask.variant == "not_found" or ask.params.get("function") not in _TOLD:
            return _json({"Error Message": _NO_CALL})
        return self._series(symbol, history, ask)

    def _note(self, ask: Ask) -> Reply | None:
        if ask.params.get("apikey") != KEY or ask.variant == "bad_key":
            return _json({"Error Message": _NO_KEY})
        if ask.variant == "quota":
            return _json({"Information": quota_note(KEY)})
        thanks = "Thank you for using Alpha Vantage!"
        if not self.premium and ask.params.get("function") == _ADJUSTED:
            return _json({"Information": f"{thanks} This is a premium endpoint. {_PLANS} endpoints"})
        if ask.variant == "plan_limit" or (not self.premium and ask.params.get("outputsize") == "full"):
            told = "The outputsize=full parameter value is a premium feature for the TIME_SERIES_DAILY endpoint."
            return _json({"Information": f"{thanks} {told} {_PLANS} features"})
        return None

    def _known_as(self, ticker: str, ask: Ask) -> History | None:
        today = new_york_date(ask.now)
        security = self.truth.security(ticker) if ticker in self.truth else self.truth.renames.get(ticker)
        if security is None or today < security.first:
            return None
        renamed = security.renamed_on is not None and today >= security.renamed_on
        stands = security.renamed_on is None or (ticker == security.symbol) == renamed
        return self.truth.history(security.symbol) if stands else None

    def _series(self, symbol: str, history: History, ask: Ask) -> Reply:
        full, adjusted = ask.params.get("outputsize") == "full", ask.params["function"] == _ADJUSTED
        done = int(np.searchsorted(history.sessions.closes, ask.now, side="right"))
        chosen = range(0 if full else max(done - _COMPACT, 0), 0 if ask.variant == "empty" else done)
        rows = _rows(history, chosen, ask, adjusted=adjusted)
        if ask.params.get("datatype") == "csv":
            return _csv(rows, adjusted=adjusted)
        meta = {
            "1. Information": _TOLD[ask.params["function"]],
            "2. Symbol": symbol.replace(".", "-"),
            "3. Last Refreshed": next(iter(rows), ""),
            "4. Output Size": "Full size" if full else "Compact",
            "5. Time Zone": "US/Eastern",
        }
        numbered = {day: {f"{n}. {name}": v for n, (name, v) in enumerate(row.items(), 1)} for day, row in rows.items()}
        return _json({"Meta Data": meta, "Time Series (Daily)": numbered})


def quota_note(key: str) -> str:
    """What it says when the calls of the day are used up: the key is in it."""
    return (
        f"We have detected your API key as {key} and our standard API rate limit is 25 requests per day. Please "
        f"subscribe to any of the premium plans at {_SITE}/premium/ to instantly remove all daily rate limits."
    )


def coefficient(new: int, old: int) -> str:
    """A split's coefficient: one over the decimal that it multiplies earlier prices by, where that is rounded."""
    inverse = round(old / new, 6)
    return f"{1 / inverse:.12g}" if inverse * new != old else f"{new / old}"


def _json(told: dict[str, Any]) -> Reply:
    return Reply(200, orjson.dumps(told, option=orjson.OPT_INDENT_2), "application/json")


def _csv(rows: dict[str, dict[str, str]], *, adjusted: bool) -> Reply:
    names = ["open", "high", "low", "close", *(["adjusted close"] if adjusted else []), "volume"]
    names += ["dividend amount", "split coefficient"] if adjusted else []
    lines = [",".join(["timestamp", *(name.replace(" ", "_") for name in names)])]
    lines += [",".join([day, *(row[name] for name in names)]) for day, row in rows.items()]
    return Reply(200, "".join(f"{line}\r\n" for line in lines).encode(), "application/x-download")


def _rows(history: History, chosen: range, ask: Ask, *, adjusted: bool) -> dict[str, dict[str, str]]:
    """The rows of these positions by day, newest first."""
    rows: dict[str, dict[str, str]] = {}
    today, actions = new_york_date(ask.now), _actions(history)
    factor = history.dividend_factor(today) / history.ratio_after(today) if adjusted else None
    for at in reversed(chosen):
        day = history.sessions.dates[at].item()
        early = day in ask.revised
        close, volume = int((history.low if early else history.close)[at]), int(history.volume[at])
        cents = {"open": history.open[at], "high": history.high[at], "low": history.low[at], "close": close}
        row = {name: f"{value / 100:.4f}" for name, value in cents.items()}
        if factor is not None:
            row["adjusted close"] = f"{close / 100 * factor[at]:.12g}"
        row["volume"] = str(volume // 1000 * 900 if early else volume)
        if factor is not None:
            dividend, split = actions.get(day, (None, None))
            row |= {"dividend amount": dividend or "0.0000", "split coefficient": split or "1.0"}
        rows[day.isoformat()] = row
    return rows


def _actions(history: History) -> dict[Any, tuple[str | None, str | None]]:
    """Dividend and split of each ex-date, in words."""
    found: dict[Any, tuple[str | None, str | None]] = {}
    for action in history.actions:
        dividend, split = found.get(action.ex_date, (None, None))
        if action.ratio is not None:
            split = coefficient(action.ratio.numerator, action.ratio.denominator)
        if action.amount is not None:
            dividend = f"{action.amount:.4f}"
        found[action.ex_date] = dividend, split
    return found
