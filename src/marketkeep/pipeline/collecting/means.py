"""
The means of collecting: the sources that may be asked, the client that reaches them, the ledger that counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from marketkeep.config import Settings
from marketkeep.files import Files
from marketkeep.model import Payload, Rate, Request, Source
from marketkeep.pipeline.collecting.book import SourceBook
from marketkeep.pipeline.collecting.ledger import Ledger


class Fetcher(Protocol):
    """The HTTP client, as collecting needs it."""

    def fetch(self, request: Request, rate: Rate, transport: str, sink: BinaryIO | None = None) -> Payload:
        """The answer to a request, after retries; a 200's body goes to `sink` where given. Raises `FetchFailed`."""

    def close(self) -> None:
        """Wake all waiting threads; they fail."""


@dataclass(frozen=True, slots=True)
class Means:
    """
    What one collecting run works with. `workers` requests are under way at once at each source; where None, as many as
    its rate can use. `rates` and `quotas` hold instead of what a source declares; `unusable` says of each source that
    is left out why.
    """

    sources: tuple[Source, ...]
    client: Fetcher
    ledger: Ledger
    workers: int | None = None
    rates: Mapping[str, Rate] = field(default_factory=dict)
    quotas: Mapping[str, int] = field(default_factory=dict)
    unusable: tuple[tuple[Source, str], ...] = ()


@contextmanager
def open_means(
    place: Files | Path | str, settings: Settings, clock: Callable[[], datetime], names: Iterable[str] = ()
) -> Iterator[Means]:
    """
    The means that the settings give to the keep at a place: the sources named, all that can be used when none are.

    Raises `BadInput` for an unknown name, `BadSetting` when one is named that lacks what it needs.
    """
    book = SourceBook.open(settings, names)
    quotas = book.quotas()
    with (
        Ledger(place, clock, quotas, rest_seconds=settings.rest_seconds) as ledger,
        book.client(clock, ledger) as client,
    ):
        unusable = tuple((one, why) for one in book.sources if (why := book.unusable(one)))
        yield Means(book.usable, client, ledger, settings.workers, book.rates(), quotas, unusable)
