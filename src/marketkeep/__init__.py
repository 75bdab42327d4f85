"""
marketkeep: a self-hosted market-data platform for US equities.

    >>> import marketkeep
    >>> keep = marketkeep.open("data")
    >>> keep.bars(["AAPL", "MSFT"], "2020-01-01", "2020-12-31", adjust="all").polars()

Importing it opens nothing, reads no setting and starts no thread.
"""

from __future__ import annotations

from importlib.metadata import version as _version
from pathlib import Path

from marketkeep.errors import (
    AmbiguousSymbol,
    BadFile,
    BadInput,
    BadRange,
    BadSymbol,
    CalendarError,
    CorruptFile,
    FetchFailed,
    LeaseHeld,
    MarketkeepError,
    NotFound,
    StoreError,
)
from marketkeep.model import Policy, Symbol
from marketkeep.query import BarsQuery, Explanation, Keep, MinuteBarsQuery


def open(path: str | Path) -> Keep:  # noqa: A001  # read as marketkeep.open, like gzip.open
    """Open the keep in folder `path` for reading. Raises `NotFound` when there is none."""
    return Keep(Path(path))


def __getattr__(name: str) -> str:
    """The version, worked out only when asked."""
    if name == "__version__":
        return _version("marketkeep")
    raise AttributeError(name)


__all__ = [
    "AmbiguousSymbol",
    "BadFile",
    "BadInput",
    "BadRange",
    "BadSymbol",
    "BarsQuery",
    "CalendarError",
    "CorruptFile",
    "Explanation",
    "FetchFailed",
    "Keep",
    "LeaseHeld",
    "MarketkeepError",
    "MinuteBarsQuery",
    "NotFound",
    "Policy",
    "StoreError",
    "Symbol",
    "open",
]
