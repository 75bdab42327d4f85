"""
Corporate actions that a file tells: in columns beside the bars, or one action a row in a file of its own.

A split's ratio is made exact and its text kept. 0 and 1 mean that there was none. Amounts keep the file's basis.
A file with both dividends and capital gains is a yfinance export, whose dividends may hold the gain: where a dividend
is at least as large as the gain of its day, only the rest of it is a dividend; where it is smaller, both stand.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import polars as pl

from marketkeep.model import RAW_TABLES
from marketkeep.sources.files.cells import NULLS, BadCell, first_row, number, shown
from marketkeep.sources.files.form import FileForm
from marketkeep.sources.ratios import exact_ratio

ACTION_SCHEMA = RAW_TABLES["actions"].delivered
IN_COLUMNS = ("split", "dividend", "capital_gain")
_KINDS = {
    "split": "split splits stocksplit forwardsplit reversesplit s",
    "dividend": "dividend dividends div cashdividend cash regular d",
    "special_dividend": "specialdividend special specialcash specialcashdividend",
    "capital_gain": "capitalgain capitalgains",
    "spin_off": "spinoff spin",
}
_KIND_OF = {word: kind for kind, words in _KINDS.items() for word in words.split()}
# What is left of a dividend without its capital gain, when it is smaller than this, is rounding.
_NO_REST = Decimal("0.000001")


class Action(NamedTuple):
    """One action as a file tells it."""

    symbol: str
    ex_date: date
    kind: str
    text: str
    ratio: tuple[int, int] | None = None
    amount: float | None = None
    currency: str | None = None
    factor: float | None = None


def actions_frame(actions: list[Action], form: FileForm, basis_date: date | None) -> pl.DataFrame:
    """The actions as raw rows: splits stand as they were, cash has the file's basis."""
    return pl.DataFrame([_row(one, form, basis_date) for one in actions], schema=ACTION_SCHEMA, orient="row")


def _row(one: Action, form: FileForm, basis_date: date | None) -> dict[str, object]:
    basis = form.cash_basis if one.amount is not None else "as_traded"
    numerator, denominator = one.ratio or (None, None)
    return {
        "symbol": one.symbol,
        "ex_date": one.ex_date,
        "kind": one.kind,
        "numerator": numerator,
        "denominator": denominator,
        "amount": one.amount,
        "currency": one.currency,
        "text": one.text,
        "factor": one.factor,
        "basis": basis,
        "basis_date": None if basis == "as_traded" else basis_date,
    }


def actions_of(block: pl.DataFrame, form: FileForm) -> list[Action]:
    """The actions of a block of rows: texts, but `date` and `symbol` are read."""
    if "kind" in block.columns:
        return [_told(row, at) for at, row in enumerate(block.iter_rows(named=True))]
    present = [one for one in IN_COLUMNS if one in block.columns]
    thousands = form.delimiter == ","
    read: dict[str, Callable[[str], object]] = {
        "split": _ratio,
        "dividend": lambda text: number(text, thousands=thousands) or None,
        "capital_gain": lambda text: number(text, thousands=thousands) or None,
    }
    some = {column: _values(block[column], column, read[column]) for column in present}
    told = block.filter(pl.any_horizontal(pl.col(column).is_in(list(some[column])) for column in present))
    actions: list[Action] = []
    for row in told.iter_rows(named=True):
        actions += _of_columns(row, some)
    return actions


def _values(texts: pl.Series, column: str, read: Callable[[str], object]) -> dict[str, object]:
    """What the column's texts mean, those that mean none left out."""
    found = {}
    for text in texts.unique(maintain_order=True):
        try:
            value = read(text)
        except ValueError as error:
            raise BadCell(first_row(texts, text), column, str(error)) from None
        if value is not None:
            found[text] = value
    return found


def _ratio(text: str) -> tuple[int, int] | None:
    if text.strip().lower() in NULLS or re.fullmatch(r"[+]?0*\.?0*", text.strip()):
        return None
    ratio = exact_ratio(text)
    return None if ratio == (1, 1) else ratio


def _of_columns(row: dict[str, object], some: dict[str, dict[str, object]]) -> list[Action]:
    symbol, day = str(row["symbol"]), row["date"]
    if not isinstance(day, date):
        raise TypeError("dates are read before actions are")
    told = {column: str(row[column]).strip() for column, values in some.items() if row[column] in values}
    actions = []
    if "split" in told:
        ratio = exact_ratio(told["split"])
        actions.append(Action(symbol, day, "split", told["split"], ratio=ratio))
    cash = {column: _plain(told[column]) for column in ("dividend", "capital_gain") if column in told}
    texts = dict(told)
    if len(cash) == 2 and cash["dividend"] >= cash["capital_gain"] > 0:
        cash["dividend"] -= cash["capital_gain"]
        texts["dividend"] = f"{told['dividend']} - {told['capital_gain']}"
        if cash["dividend"] < _NO_REST:
            del cash["dividend"]
    actions += [Action(symbol, day, kind, texts[kind], amount=float(amount)) for kind, amount in cash.items()]
    return actions


def _plain(text: str) -> Decimal:
    return Decimal(text.removeprefix("$").replace(",", ""))


def _told(row: dict[str, object], at: int) -> Action:
    """One action of a file with an action a row."""
    texts = {column: str(text).strip() for column, text in row.items() if isinstance(text, str)}
    kind = _KIND_OF.get(re.sub(r"[^a-z]", "", texts["kind"].lower()))
    if kind is None:
        raise BadCell(at, "kind", f"{shown(texts['kind'])} is not a kind of action: {', '.join(_KINDS)}")
    columns = ("ratio", "value") if kind in ("split", "spin_off") else ("amount", "value")
    place = next((one for one in columns if texts.get(one, "").lower() not in NULLS), None)
    text = texts[place] if place else ""
    if kind in ("split", "spin_off") and "numerator" in texts and not place:
        place, text = "numerator", f"{texts['numerator']}:{texts.get('denominator', '1')}"
    if place is None:
        raise BadCell(at, "kind", f"a {kind} without {' or '.join(columns)}")
    symbol, day = str(row["symbol"]), row["date"]
    if not isinstance(day, date):
        raise TypeError("dates are read before actions are")
    try:
        if kind in ("split", "spin_off"):
            return Action(symbol, day, kind, text, ratio=exact_ratio(text))
        amount = number(text, thousands=True)
        return Action(symbol, day, kind, text, amount=amount, currency=texts.get("currency") or None)
    except ValueError as error:
        raise BadCell(at, place, str(error)) from None
