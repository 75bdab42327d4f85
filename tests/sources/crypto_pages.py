"""A crypto exchange of the gym asked in process, page by page: shared by the tests of its sources."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from urllib.parse import unquote, urlsplit

import polars as pl

from gym.wire import Ask, Vendor
from marketkeep.model import RAW_TABLES, Frames, Payload, Query, Request, Source

NOW = datetime(2024, 6, 3, 15, 30, tzinfo=UTC)
TRUTH_COLUMNS = ["open", "high", "low", "close", "volume"]


@dataclass
class Collected:
    """What a plan came to: the rows of its dataset, and the request of each call in order."""

    bars: pl.DataFrame
    calls: list[Request] = field(default_factory=list)


def query(dataset: str, symbols: tuple[str, ...], start: date, end: date, now: datetime = NOW) -> Query:
    """A question asked at the gym's time."""
    return Query(dataset, symbols, start, end, now)


def ask(vendor: Vendor, request: Request, now: datetime = NOW, variant: str | None = None) -> Payload:
    """One answer of the vendor, as the client hands it to a source."""
    parts = urlsplit(request.url)
    asked = Ask(parts.hostname or "", unquote(parts.path), dict(request.params), now.timestamp(), variant=variant)
    reply = vendor.answer(asked)
    assert reply is not None
    assert parts.hostname in vendor.hosts
    return Payload(reply.status, (("content-type", reply.content_type),), reply.body, now)


def collect(source: Source, vendor: Vendor, asked: Query) -> Collected:
    """Every page of every request of a plan, parsed."""
    calls: list[Request] = []
    frames: list[pl.DataFrame] = []
    for first in source.plan(asked):
        request: Request | None = first
        while request is not None:
            calls.append(request)
            payload = ask(vendor, request, asked.now)
            frames.append(conformed(source.parse(request, payload), asked.dataset))
            following = source.next_page(request, payload)
            assert following is None or (following.symbols, following.start, following.end) == (
                request.symbols,
                request.start,
                request.end,
            )
            request = following
    return Collected(pl.concat(frames), calls)


def conformed(frames: Frames, dataset: str) -> pl.DataFrame:
    """The rows of the one dataset in the answer, as its raw table takes them."""
    assert list(frames) == [dataset]
    table = RAW_TABLES[dataset]
    return table.conform(frames[dataset].with_columns(payload=pl.lit(0, dtype=pl.UInt32)))


def stamps(bars: pl.DataFrame) -> list[int]:
    """Starts of minutes in epoch seconds."""
    return bars["ts"].dt.epoch("s").to_list()
