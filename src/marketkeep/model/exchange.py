"""
The vocabulary of collecting: what is wanted, what is asked, what came back and where it was kept.

All are frozen facts without behaviour beyond naming themselves; they are the arguments that sources, the HTTP client,
the landing and the pipeline pass to each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from urllib.parse import urlencode

import polars as pl

from marketkeep.model.new_york import new_york_date

Frames = Mapping[str, pl.DataFrame]
"""Parsed rows by dataset name, each in its raw table's columns but `payload` (the pipeline numbers payloads)."""


EVERYTHING = "*"
"""Stands for the symbol where an answer covers all that a source has of a dataset, such as a directory."""


@dataclass(frozen=True, slots=True)
class Query:
    """
    What is wanted of a source: a dataset for symbols (canonical text) over sessions [start, end), end excluded.

    For `facts` and `filings` the symbols are companies (`CIK0000320193`), for `index_members` they are indices
    (`sp500`); for a dataset that is one table (`listings`, `treasury_yields`) there are none. `now` is the time of
    asking (aware); sources have no clock of their own.
    """

    dataset: str
    symbols: tuple[str, ...]
    start: date
    end: date
    now: datetime

    @property
    def today(self) -> date:
        """The date in New York at the time of asking."""
        return new_york_date(self.now)


@dataclass(frozen=True, slots=True)
class Request:
    """
    One HTTP request of a source, without secrets: the client adds keys after it was recorded.

    `symbols` and the sessions [start, end) are what a good answer settles; they are lineage, not wire. An answer to a
    `packed` request is a zip of answers: it is streamed to disk and read member by member (`Source.unpack`).
    """

    source: str
    dataset: str
    url: str
    params: tuple[tuple[str, str], ...] = ()
    symbols: tuple[str, ...] = ()
    start: date | None = None
    end: date | None = None
    packed: bool = False

    @property
    def symbol(self) -> str | None:
        """The symbol of a request for one, else None."""
        return self.symbols[0] if len(self.symbols) == 1 else None

    @property
    def full_url(self) -> str:
        """The address with its parameters, as kept in lineage."""
        return f"{self.url}?{urlencode(self.params)}" if self.params else self.url


@dataclass(frozen=True, slots=True)
class Payload:
    """
    An answer as it came: status, the headers worth keeping, the body (content encoding undone), when (UTC).

    `faults` names what earlier attempts at the same request met, oldest first.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    fetched_at: datetime
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lineage:
    """
    Where a payload lies and what asked for it: batch rows point here by position.

    `digest` is `sha256:<hex>` of the body, None where nothing came back; `refused` says why no row was taken from it.
    """

    digest: str | None
    pack: str | None
    offset: int | None
    url: str
    symbols: tuple[str, ...]
    start: date | None
    end: date | None
    fetched_at: datetime
    rows: int = 0
    faults: tuple[str, ...] = ()
    refused: str | None = None

    def settling_nothing(self) -> Lineage:
        """The same answer as a part of one: it leaves what was asked for open."""
        return replace(self, start=None, end=None)

    @property
    def symbol(self) -> str | None:
        """The symbol where one was asked for, else None."""
        return self.symbols[0] if len(self.symbols) == 1 else None


@dataclass(frozen=True, slots=True)
class Batch:
    """
    One append-only file of parsed rows: its id ends in the hash of its bytes.

    `path` is relative to the keep's root; `first` and `last` bound the dates of its rows (None when it has none).
    """

    batch_id: str
    path: str
    dataset: str
    source: str
    run_id: str
    rows: int
    first: date | None
    last: date | None
    lineage: tuple[Lineage, ...] = field(repr=False, default=())
