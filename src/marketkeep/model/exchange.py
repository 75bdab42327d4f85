"""
The vocabulary of collecting: what is wanted, what is asked, what came back and where it was kept.

All are frozen facts without behaviour beyond naming themselves; they are the arguments that sources, the HTTP client,
the landing and the pipeline pass to each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol
from urllib.parse import urlencode

import polars as pl

Frames = Mapping[str, pl.DataFrame]
"""Parsed rows by dataset name, each in its raw table's columns but `payload` (the pipeline numbers payloads)."""


@dataclass(frozen=True, slots=True)
class Query:
    """
    What is wanted of a source: a dataset for symbols (canonical text) over sessions [start, end), end excluded.

    `today` is the date in New York at the time of asking; sources have no clock of their own.
    """

    dataset: str
    symbols: tuple[str, ...]
    start: date
    end: date
    today: date


@dataclass(frozen=True, slots=True)
class Request:
    """
    One HTTP request of a source, without secrets: the client adds keys after it was recorded.

    `start` and `end` bound the sessions that a good answer settles, [start, end); they are lineage, not wire.
    """

    source: str
    dataset: str
    url: str
    params: tuple[tuple[str, str], ...] = ()
    symbol: str | None = None
    start: date | None = None
    end: date | None = None

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
    symbol: str | None
    start: date | None
    end: date | None
    fetched_at: datetime
    rows: int = 0
    faults: tuple[str, ...] = ()
    refused: str | None = None


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


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a source may be asked: at most `calls` per `seconds`, over all threads."""

    calls: int
    seconds: float = 1.0


class Source(Protocol):
    """
    A vendor: plans requests and reads payloads; it never touches network, clock or disk.

    A new one is one module in `sources/` and one name in `BUILTIN`.
    """

    @property
    def name(self) -> str:
        """The source's name in lineage, tables and settings."""

    @property
    def datasets(self) -> frozenset[str]:
        """What it serves."""

    @property
    def rate(self) -> Rate:
        """How often it may be asked."""

    @property
    def transport(self) -> str:
        """Which of the client's transports reaches it."""

    def plan(self, query: Query) -> list[Request]:
        """The first request of each independent part of the query, fewest first."""

    def next_page(self, request: Request, payload: Payload) -> Request | None:
        """The request that continues this one, or None at the end."""

    def parse(self, request: Request, payload: Payload) -> Frames:
        """
        Read one payload into raw frames by dataset; change no value's meaning.

        Raises `PayloadRefused` when it is not what was asked for.
        """
