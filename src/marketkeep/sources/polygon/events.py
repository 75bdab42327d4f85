"""
Polygon's splits and dividends as raw actions, of one ticker or of the whole market.

Ratios are exact, amounts are as paid on their day. A row that is there twice, wholly equal, counts once; rows that
differ in anything stay, for which of them is right is not for a source to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from fractions import Fraction
from typing import Any

import orjson
import polars as pl

from marketkeep.errors import PayloadRefused
from marketkeep.model import RAW_TABLES, Request, Symbol
from marketkeep.sources.misshapen import MISSHAPEN
from marketkeep.sources.polygon.answers import NAME, malformed, results_of
from marketkeep.sources.ratios import exact_ratio

_KINDS = {"CD": "dividend", "SC": "special_dividend", "LT": "capital_gain", "ST": "capital_gain"}
_DAY = {"splits": "execution_date", "dividends": "ex_dividend_date"}
_COLUMNS = (
    *("symbol", "ex_date", "kind", "numerator", "denominator", "amount", "currency", "text"),
    *("declared_date", "record_date", "pay_date", "basis"),
)
_Row = tuple[object, ...]


def split_rows(request: Request, root: dict[str, Any]) -> pl.DataFrame:
    """
    Splits of the symbols and days asked for; none is a good answer.

    Raises `PayloadRefused` (malformed, wrong_symbol).
    """
    return _actions(request, root, "splits", _split)


def dividend_rows(request: Request, root: dict[str, Any]) -> pl.DataFrame:
    """
    Cash payments of the symbols and days asked for, as paid; none is a good answer.

    Raises `PayloadRefused` (malformed, wrong_symbol).
    """
    return _actions(request, root, "dividends", _dividend)


def _actions(
    request: Request, root: dict[str, Any], what: str, row_of: Callable[[str, date, dict[str, Any]], _Row | None]
) -> pl.DataFrame:
    schema = {name: RAW_TABLES["actions"].schema[name] for name in _COLUMNS}
    try:
        rows = [row_of(symbol, ex_date, one) for symbol, ex_date, one in _asked_for(request, root, what)]
        return pl.DataFrame([row for row in rows if row is not None], schema=schema, orient="row")
    except MISSHAPEN as error:
        raise malformed(f"A row of Polygon's {what} is not built as such rows are.") from error


def _asked_for(request: Request, root: dict[str, Any], what: str) -> Iterator[tuple[str, date, dict[str, Any]]]:
    """Symbol, ex-date and row of what was asked for, each row once."""
    if "results" not in root:
        raise malformed(f"Polygon's answer is not a list of {what}: it has no results.")
    day = _DAY[what]
    wanted = {Symbol.parse(symbol).alias("polygon"): symbol for symbol in request.symbols}
    seen = set()
    for one in results_of(root):
        if not isinstance(one, dict) or not isinstance(one.get("ticker"), str) or not isinstance(one.get(day), str):
            raise malformed(f"Polygon's answer is not a list of {what}: a row has no ticker or no {day}.")
        symbol = wanted.get(one["ticker"])
        if symbol is None and request.symbol is not None:
            raise PayloadRefused(NAME, "wrong_symbol", f"Polygon gave actions of another ticker than {request.symbol}.")
        whole = orjson.dumps(one, option=orjson.OPT_SORT_KEYS)
        if symbol is not None and whole not in seen:
            seen.add(whole)
            ex_date = date.fromisoformat(one[day])
            if request.start is None or request.end is None or request.start <= ex_date < request.end:
                yield symbol, ex_date, one


def _split(symbol: str, ex_date: date, one: dict[str, Any]) -> _Row | None:
    new, old = one["split_to"], one["split_from"]
    if 0 in (new, old):
        # The vendor has such rows: an entry without a ratio, that tells nothing.
        return None
    ratio = _number(new) / _number(old)
    cells = (ratio.numerator, ratio.denominator, None, None, f"{new}:{old}")
    return (symbol, ex_date, "split", *cells, None, None, None, "as_traded")


def _number(told: object) -> Fraction:
    """Shares of a ratio, exact: a side may be a rounded decimal."""
    return Fraction(*exact_ratio(str(told)))


def _dividend(symbol: str, ex_date: date, one: dict[str, Any]) -> _Row | None:
    told = one["cash_amount"]
    if isinstance(told, bool) or not isinstance(told, int | float) or told < 0:
        raise ValueError("an amount is a number of dollars, not below zero")
    if told == 0:
        return None
    # Cash is cash: a type that is not known says no more than that it was paid.
    kind = _KINDS.get(str(one.get("dividend_type")), "dividend")
    currency = one.get("currency")
    cells = (None, None, float(told), currency if isinstance(currency, str) else None, str(told))
    days = (_day(one, name) for name in ("declaration_date", "record_date", "pay_date"))
    return (symbol, ex_date, kind, *cells, *days, "as_traded")


def _day(one: dict[str, Any], name: str) -> date | None:
    told = one.get(name)
    return date.fromisoformat(told) if told else None
