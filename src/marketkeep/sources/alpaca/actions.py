"""
Alpaca's corporate actions: splits, stock dividends, cash and spin-offs; what moves no price is left out.

Only the ex-date counts: the day of payment may come before it. Rates become exact ratios; amounts stand as paid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from fractions import Fraction
from typing import Any

import polars as pl

from marketkeep.errors import BadSymbol
from marketkeep.model import RAW_TABLES, Request, Symbol
from marketkeep.sources.alpaca.answers import Answer, malformed
from marketkeep.sources.misshapen import MISSHAPEN
from marketkeep.sources.ratios import exact_ratio

_SCHEMA = RAW_TABLES["actions"].delivered
_MOST = 2**63
Row = dict[str, object]


def read_actions(request: Request, answer: Answer) -> pl.DataFrame:
    """
    The actions of one page in the columns of their raw table, of the symbols and ex-dates asked for.

    A page without any is an answer: nothing happened. Raises `PayloadRefused` where it is not built as actions are.
    """
    groups = answer.get("corporate_actions") or {}
    try:
        rows = [row for group, read in _READERS.items() for row in _rows(groups.get(group) or [], read)]
        frame = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
    except MISSHAPEN as error:
        raise malformed(f"the corporate actions are not built as such ({type(error).__name__})") from error
    within = pl.col("symbol").is_in(request.symbols) & pl.col("ex_date").is_between(
        request.start, request.end, closed="left"
    )
    # One action may be told under several ids.
    return frame.filter(within).unique(maintain_order=True).sort("ex_date", "symbol", "kind", maintain_order=True)


def _rows(told: list[dict[str, Any]], read: Callable[[dict[str, Any]], Row | None]) -> Iterator[Row]:
    for one in told:
        symbol = _symbol(one.get("symbol") or one.get("source_symbol"))
        if symbol is None:
            continue
        row: Row = {"currency": None, **(read(one) or {})}
        if "kind" in row:
            yield row | {
                "symbol": symbol,
                "ex_date": date.fromisoformat(one["ex_date"]),
                "record_date": _date(one.get("record_date")),
                "pay_date": _date(one.get("payable_date")),
                "basis": "as_traded",
            }


def _split(one: dict[str, Any]) -> Row:
    new, old = _digits(one["new_rate"]), _digits(one["old_rate"])
    return {"kind": "split", "text": f"{new}:{old}", **_ratio(_exact(new) / _exact(old))}


def _stock_dividend(one: dict[str, Any]) -> Row:
    rate = _digits(one["rate"])
    return {"kind": "split", "text": f"stock dividend {rate}", **_ratio(1 + _exact(rate))}


def _cash(one: dict[str, Any]) -> Row | None:
    kind = "special_dividend" if one.get("special") else "dividend"
    text, amount = _digits(one["rate"]), float(one["rate"])
    # A rate of nothing announces a payment whose amount is not known yet.
    return {"kind": kind, "text": text, "amount": amount, "currency": "USD"} if amount > 0 else None


def _spin_off(one: dict[str, Any]) -> Row:
    new, old = _digits(one["new_rate"]), _digits(one["source_rate"])
    spun = _symbol(one.get("new_symbol")) or "a new company"
    # Shares of another company: no ratio, or it would look like a split of this one.
    return {"kind": "spin_off", "text": f"{new} {spun} for {old}"}


_READERS: dict[str, Callable[[dict[str, Any]], Row | None]] = {
    "forward_splits": _split,
    "reverse_splits": _split,
    "stock_dividends": _stock_dividend,
    "cash_dividends": _cash,
    "spin_offs": _spin_off,
}


def _digits(rate: object) -> str:
    """A rate as it was written, whole numbers without a point."""
    if isinstance(rate, bool) or not isinstance(rate, int | float):
        raise TypeError("a rate is a number")
    return str(int(rate)) if float(rate).is_integer() else repr(rate)


def _exact(digits: str) -> Fraction:
    return Fraction(*exact_ratio(digits))


def _ratio(ratio: Fraction) -> Row:
    if max(ratio.numerator, ratio.denominator) >= _MOST:
        raise ValueError("a ratio beyond all measure")
    return {"numerator": ratio.numerator, "denominator": ratio.denominator}


def _symbol(text: object) -> str | None:
    try:
        return Symbol.parse(text).text if isinstance(text, str) else None
    except BadSymbol:
        return None


def _date(text: object) -> date | None:
    return date.fromisoformat(text) if isinstance(text, str) and text else None
