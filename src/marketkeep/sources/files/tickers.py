"""
Tickers as files write them: in a column, or in the file's own name.

A column's text is a ticker or an error; company names are refused. A file's name is believed only when all that
stands beside the ticker is known chaff (dates, `daily`, `us`, ...): a wrong symbol is worse than a question.
"""

from __future__ import annotations

import re

import polars as pl

from marketkeep.errors import BadSymbol
from marketkeep.model import Symbol
from marketkeep.sources.files.cells import BadCell, first_row, shown

_CHAFF_WORDS = (
    "us daily day 1d d1 eod adjusted unadjusted raw stock stocks equity price prices quote quotes history historical "
    "hist data bars bar ohlcv ohlc csv txt table download export yahoo yahoofinance yfinance alphavantage quandl wiki "
    "stooq kaggle nasdaq tiingo zipline csvdir lean sample samples testcase testcases to from full max actions "
    "dividends splits time series"
)
LEAN_FOLDERS = frozenset({"daily", "factor_files", "map_files"})
"""Folders of LEAN's layout whose files are named for their ticker."""

_CHAFF = frozenset(_CHAFF_WORDS.split())
_EXTENSION = re.compile(r"\.(csv|txt|tsv|gz|zip|dat)$", re.IGNORECASE)
_NUMBERS = re.compile(r"^\d{1,8}$|^\d{4}-\d{2}-\d{2}$")
_TICKER = re.compile(r"^\^?[A-Za-z]{1,5}([.][A-Za-z]{1,3})?$|^[A-Za-z0-9]{2,5}-USD[TC]?$")
# A space is part of a ticker only before a share class or a known suffix; "APPLE INC" is a company.
_SPACED = re.compile(r"^\S{1,6} (?:[A-Z]|WS|WT|RT|UN|PR ?[A-Z]?)$")


def from_name(name: str) -> str | None:
    """The canonical symbol that a file's name tells, None when it tells none for sure."""
    stem = name.replace("\\", "/").rpartition("/")[2]
    while (shorter := _EXTENSION.sub("", stem)) != stem:
        stem = shorter
    stem = re.sub(r"\.us$", "", stem, flags=re.IGNORECASE)
    for split in (r"[_ ]+", r"[_ -]+"):
        parts = [part for part in re.split(split, stem) if part and not _is_chaff(part)]
        share_class = re.fullmatch(r"([A-Za-z]{1,5})[-_]([A-Za-z])", "_".join(parts))
        if share_class:
            return canonical(f"{share_class[1]}.{share_class[2]}")
        if len(parts) == 1 and _TICKER.match(parts[0]):
            return canonical(parts[0])
    return None


def from_lean_name(name: str, inside: str) -> str | None:
    """
    The symbol of a LEAN file, which is named for its ticker and nothing else, be it a word like `day`.

    Believed where LEAN's layout shows: in one of its folders, or in a zip around a file of the same name.
    """
    folder, _, file = name.replace("\\", "/").rpartition("/")
    stem, within = (_EXTENSION.sub("", text.rpartition("/")[2]) for text in (file, inside))
    if (folder in LEAN_FOLDERS or (file != inside and stem == within)) and _TICKER.match(stem):
        return canonical(stem)
    return from_name(inside) or from_name(name)


def canonical(text: str) -> str:
    """A ticker as a file writes it, in canonical form; raises `BadSymbol`."""
    plain = text.strip()
    if " " in plain and not _SPACED.match(plain.upper()):
        raise BadSymbol(text, "it has words like a name")
    return Symbol.parse(re.sub(r"\.US$", "", plain.replace("_", "."), flags=re.IGNORECASE)).text


class Tickers:
    """Turns a column of tickers into canonical symbols, each spelling read once per file."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def read(self, texts: pl.Series) -> pl.Series:
        """The column in canonical form; raises `BadCell` at the first text that is no ticker."""
        distinct = texts.unique(maintain_order=True).to_list()
        for text in distinct:
            if text not in self._known:
                try:
                    self._known[text] = canonical(text)
                except BadSymbol as error:
                    reason = f"{shown(text)} is not a symbol: {error.reason}"
                    raise BadCell(first_row(texts, text), "symbol", reason) from None
        if all(self._known[text] == text for text in distinct):
            return texts
        return texts.replace_strict(distinct, [self._known[text] for text in distinct], return_dtype=pl.String)


def _is_chaff(part: str) -> bool:
    return part.lower() in _CHAFF or bool(_NUMBERS.match(part))
