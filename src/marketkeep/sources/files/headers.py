"""
What headers mean: each vendor's words for a column, and what the set of them tells about the basis of the prices.

A header is compared by its letters and digits only, so case, order, spaces, underscores and Alpha Vantage's `1. `
do not matter. What no rule knows is not used, and `FileForm.describe` names it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from marketkeep.errors import BadFile
from marketkeep.sources.files.form import Basis

_WORDS = {
    "date": "date tradedate exdate timestamp datetime day session time",
    "open": "open openprice",
    "high": "high highprice",
    "low": "low lowprice",
    "close": "close closeprice closelast",
    "volume": "volume vol",
    "adj_close": "adjclose adjustedclose adjusted closeadj",
    "symbol": "symbol ticker tic name",
    "dividend": "dividends dividend dividendamount exdividend divcash",
    "split": "stocksplits stocksplit splits split splitcoefficient splitratio splitfactor",
    "capital_gain": "capitalgains capitalgain",
    "kind": "kind action type event",
    "amount": "amount cashamount",
    "ratio": "ratio",
    "value": "value",
    "currency": "currency",
    "numerator": "numerator splitto",
    "denominator": "denominator splitfrom",
}
_PREFIXED = re.compile(r"^(?P<symbol>[^.]+(?:\.[A-Z]{1,2})?)\.(?P<column>Open|High|Low|Close|Volume|Adjusted)$")
_BAR_ONLY = ("open", "high", "low", "close", "volume", "adj_close")
_ACTION_ONLY = ("kind", "amount", "ratio", "value", "currency", "numerator", "denominator")


@dataclass(frozen=True, slots=True)
class Columns:
    """Our columns by position in the header, the symbol the headers name, if any, and the headers as compared."""

    positions: dict[str, int]
    prefix: str | None
    keys: tuple[str, ...]


def key(header: str) -> str:
    """A header by which it is compared: lower case letters and digits, without a leading `1. `."""
    return re.sub(r"[^a-z0-9]", "", re.sub(r"^\d+[a-z]?\.\s+", "", header.strip().lower()))


def assign(name: str, headers: list[str], line: int) -> Columns:
    """Which header is which of our columns; raises `BadFile` when two could be the same."""
    matches = [_PREFIXED.match(header.strip()) for header in headers]
    prefixes = sorted({match["symbol"] for match in matches if match})
    if len(prefixes) > 1:
        raise BadFile(name, f"several symbols side by side ({', '.join(prefixes[:5])}); save them one below the other")
    plain = [match["column"] if match else header for match, header in zip(matches, headers, strict=True)]
    keys = tuple(key(header) for header in plain)
    if len(headers) > 1 and not keys[0]:
        keys = ("date" if "date" not in keys else "", *keys[1:])
    positions: dict[str, int] = {}
    for ours, words in _WORDS.items():
        for word in words.split():
            if (count := keys.count(word)) > 1:
                raise BadFile(name, f"{count} columns are called {word!r}", line=line)
            if count and ours not in positions:
                positions[ours] = keys.index(word)
    surplus = _ACTION_ONLY if "close" in positions else _BAR_ONLY if "kind" in positions else ()
    return Columns({k: v for k, v in positions.items() if k not in surplus}, prefixes[0] if prefixes else None, keys)


_RULES: tuple[tuple[str, Basis, str], ...] = (
    ("adjustedclose dividendamount splitcoefficient", "as_traded", "Alpha Vantage daily adjusted"),
    ("exdividend splitratio", "as_traded", "Quandl WIKI"),
    ("divcash splitfactor", "as_traded", "Tiingo"),
    ("dividends stocksplits adjclose", "split_adjusted", "yfinance without auto-adjustment"),
    ("dividends stocksplits close", "adjusted", "yfinance with auto-adjustment"),
    ("dividends", "split_adjusted", "Yahoo's dividends, scaled by later splits"),
    ("dividend split close", "as_traded", "zipline csvdir"),
    ("openint", "adjusted", "Stooq, adjusted for splits and dividends"),
    ("closelast", "split_adjusted", "nasdaq.com history"),
)


def told_basis(columns: Columns, headers: list[str], *, three_lines: bool) -> tuple[Basis, str]:
    """What the headers tell about the basis of prices, and why."""
    for words, basis, who in _RULES:
        wanted = words.split()
        if set(wanted) <= set(columns.keys):
            shown = ", ".join(headers[columns.keys.index(word)] for word in wanted if word != "close")
            return basis, f"columns {shown}: {who}"
    if three_lines:
        told: Basis = "split_adjusted" if "adj_close" in columns.positions else "adjusted"
        return told, f"yfinance download with{'out' if told == 'split_adjusted' else ''} auto-adjustment"
    if columns.prefix:
        return "split_adjusted", f"headers {columns.prefix}.*: quantmod, drawn from Yahoo"
    if "adj_close" in columns.positions:
        return _by_order(columns)
    return "as_traded", "assumed: no column tells"


def _by_order(columns: Columns) -> tuple[Basis, str]:
    """Yahoo's exports differ in the order of columns only."""
    if columns.keys[-7:] == ("date", "open", "high", "low", "close", "volume", "adjclose"):
        return "as_traded", "order of columns: Yahoo's legacy download"
    yahoo = {"close adjclose volume", "adjclose close high low open volume", "high low open close volume adjclose"}
    if any(order in " ".join(columns.keys) for order in yahoo):
        return "split_adjusted", "order of columns: Yahoo's download"
    return "as_traded", "assumed: the adjusted close stands beside, but no column tells about splits"
