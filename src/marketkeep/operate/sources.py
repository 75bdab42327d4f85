"""
How the sources stand: what each offers, whether it can be used, how it has been answering, and a try of one.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from marketkeep.config import Settings
from marketkeep.errors import FetchFailed, PayloadRefused
from marketkeep.files import Files, Folder, files_at
from marketkeep.model import QUOTA, Offer, Source
from marketkeep.pipeline.collecting.book import SourceBook, find_source
from marketkeep.pipeline.collecting.ledger import Health, Ledger, is_kept
from marketkeep.pipeline.collecting.means import open_means
from marketkeep.pipeline.collecting.notes import no_answer, sentence


@dataclass(frozen=True, slots=True)
class SourceState:
    """
    One source: `datasets` with how far back each reaches in words; `key` says in a phrase whether it needs one and has
    it, or what to set and where that is had; `unusable` why it cannot be asked; `quota_left` the calls left today
    (UTC), None where they are not limited; `error_rate` the share of requests of the last week without a usable answer.
    """

    name: str
    datasets: dict[str, str]
    usable: bool
    key: str
    unusable: str | None
    terms: str
    calls: int
    seconds: float
    quota: int | None
    quota_left: int | None
    last_success: datetime | None
    error_rate: float | None
    rests_until: datetime | None
    note: str | None
    noted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one cheap call: whether the source is well, in a sentence, and the seconds it took."""

    source: str
    well: bool
    told: str
    seconds: float


def source_states(place: Files | Path | str, settings: Settings, clock: Callable[[], datetime]) -> list[SourceState]:
    """All sources as they stand for the keep at a place; without a keep there, nothing is known of their health."""
    book = SourceBook.open(settings)
    quotas, rates = book.quotas(), book.rates()
    health, left = _health(files_at(place), book, clock)
    now = clock()
    states = []
    for one in book.sources:
        why, own = book.unusable(one), health.get(one.name, Health())
        resting = own.rests_until if own.rests_until and own.rests_until > now else None
        states.append(
            SourceState(
                one.name,
                {name: _reach(offer) for name, offer in one.offers.items()},
                why is None,
                _key(book, one),
                why,
                one.access.terms,
                rates[one.name].calls,
                rates[one.name].seconds,
                quotas.get(one.name),
                left.get(one.name, quotas.get(one.name)),
                own.answered_at,
                own.error_rate,
                resting,
                own.note,
                own.noted_at,
            )
        )
    return states


def try_source(place: Files | Path | str, settings: Settings, clock: Callable[[], datetime], name: str) -> Trial:
    """
    Make one cheap call to a source and say in words what came of it. Nothing of it is kept but its being counted.

    Raises `BadInput` for an unknown name.
    """
    source = find_source(name)
    book = SourceBook.open(settings)
    if why := book.unusable(source):
        return Trial(name, well=False, told=f"It cannot be used: {why}.", seconds=0.0)
    files = files_at(place)
    if is_kept(files):
        return _try(files, settings, clock, source)
    with tempfile.TemporaryDirectory() as nowhere:
        return _try(Folder(Path(nowhere)), settings, clock, source)


def _try(files: Files, settings: Settings, clock: Callable[[], datetime], source: Source) -> Trial:
    with open_means(files, settings, clock, (source.name,)) as means:
        [source] = means.sources
        request = source.probe(clock())
        began = time.monotonic()
        try:
            payload = means.client.fetch(request, source.rate, source.access.transport)
            frames = source.parse(request, payload)
        except FetchFailed as failure:
            told = no_answer(failure.faults)
            # Our own count held it back: that says nothing of the source.
            if failure.faults[-1:] != (QUOTA,):
                means.ledger.failed(source.name, told)
            return Trial(source.name, well=False, told=told, seconds=time.monotonic() - began)
        except PayloadRefused as refusal:
            told = sentence(refusal.reason)
            means.ledger.refused(source.name, told)
            return Trial(source.name, well=False, told=told, seconds=time.monotonic() - began)
        means.ledger.answered(source.name)
    rows = ", ".join(f"{frame.height:,} rows of {dataset}" for dataset, frame in frames.items() if frame.height)
    return Trial(source.name, well=True, told=f"It answers: {rows or 'no rows'}.", seconds=time.monotonic() - began)


def _health(
    files: Files, book: SourceBook, clock: Callable[[], datetime]
) -> tuple[dict[str, Health], dict[str, int | None]]:
    if not is_kept(files):
        return {}, {}
    with Ledger(files, clock, book.quotas()) as ledger:
        names = [one.name for one in book.sources]
        return {name: ledger.health(name) for name in names}, {name: ledger.left(name) for name in names}


def _key(book: SourceBook, source: Source) -> str:
    needs = source.access.needs
    if not needs:
        return "no key needed"
    if not (lacking := book.lacking(source)):
        return f"{' and '.join(needs)} set"
    if needs == ("contact",):
        what, where = " to a name and mail address", "see"
    else:
        what, where = "", "get one at"
    return f"set {' and '.join(lacking)}{what}" + (f"; {where} {source.access.site}" if source.access.site else "")


def _reach(offer: Offer) -> str:
    if offer.snapshot:
        return "today's state"
    if offer.days is not None:
        return f"the last {offer.days:,} days"
    return f"from {offer.first}" if offer.first else "all there is"
