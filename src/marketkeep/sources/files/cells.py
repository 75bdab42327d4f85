"""
Cells as numbers: strictly, with the row and the text of the first that is none.

What stands for "unknown" in the files of vendors becomes null; a comma is a thousands separator only where it cannot
be anything else. Nothing is guessed: a cell is a number, a known word for null, or an error.
"""

from __future__ import annotations

import math
import re

import polars as pl

NULLS = frozenset({"", "null", "nan", "na", "n/a", "#n/a", "none", "nil", "nat", "-", "--", "."})
_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
_THOUSANDS = re.compile(r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$")
_SHOWN = 40


class BadCell(Exception):
    """A cell that cannot be read: its row within the block, our name of its column, and why."""

    def __init__(self, row: int, column: str, reason: str) -> None:
        super().__init__(reason)
        self.row, self.column, self.reason = row, column, reason


def numbers(texts: pl.Series, column: str, *, thousands: bool) -> pl.Series:
    """The texts as float64; raises `BadCell` at the first that is neither a number nor a word for null."""
    values = texts.cast(pl.Float64, strict=False)
    fine = values.is_finite() & values.is_not_null()
    if fine.all():
        return values
    odd = texts.filter(~fine).unique(maintain_order=True)
    read: dict[str, float | None] = {}
    for text in odd:
        try:
            read[text] = number(text, thousands=thousands)
        except ValueError as error:
            raise BadCell(first_row(texts, text), column, str(error)) from None
    patched = texts.replace_strict(list(read), list(read.values()), default=None, return_dtype=pl.Float64)
    return pl.select(pl.when(fine).then(values).otherwise(patched)).to_series().alias(texts.name)


def number(text: str, *, thousands: bool) -> float | None:
    """One cell as a number, None for a word for null; raises `ValueError` for anything else."""
    plain = text.strip()
    if plain.lower() in NULLS:
        return None
    plain = plain.removeprefix("$")
    if thousands and _THOUSANDS.match(plain):
        plain = plain.replace(",", "")
    value = float(plain) if _NUMBER.match(plain) else math.inf
    if not math.isfinite(value):
        raise ValueError(f"{shown(text)} is not a number")
    return value


def first_row(texts: pl.Series, text: str) -> int:
    """Where a text first stands in its column."""
    return int((texts == text).arg_max() or 0)


def shown(text: str) -> str:
    """A cell's text as a message shows it."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
