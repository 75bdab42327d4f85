"""
marketkeep: a self-hosted market-data platform for US equities.

    >>> import marketkeep
    >>> keep = marketkeep.open("data")
    >>> keep.bars(["AAPL", "MSFT"], "2020-01-01", "2020-12-31", adjust="all").polars()

Importing it opens nothing, reads no setting, starts no thread and loads no library: what a name stands for is imported
when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
    from marketkeep.files import Files
    from marketkeep.model import Policy, Symbol
    from marketkeep.query import BarsQuery, Explanation, Keep, MinuteBarsQuery

    __version__: str

_ROOMS = {
    "BarsQuery": "query",
    "Explanation": "query",
    "Keep": "query",
    "MinuteBarsQuery": "query",
    "Policy": "model",
    "Symbol": "model",
}
"""By name the room it is in; what is not here is an error."""


def open(place: Files | Path | str) -> Keep:  # noqa: A001  # read as marketkeep.open, like gzip.open
    """Open the keep in a folder, or at s3://bucket/prefix, for reading. Raises `NotFound` when there is none."""
    keep: type[Keep] = import_module("marketkeep.query.keep").Keep
    return keep(place)


def __getattr__(name: str) -> object:
    """A name of `__all__` from its room, or the version, when it is first asked for."""
    if name == "__version__":
        found: object = import_module("importlib.metadata").version("marketkeep")
    elif name in __all__:
        found = getattr(import_module(f"marketkeep.{_ROOMS.get(name, 'errors')}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})


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
