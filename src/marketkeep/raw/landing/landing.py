"""
The landing: every payload a keep was ever told, byte for byte, known by its hash.

Reading starts here; `writer` adds, `recover` ends what a killed writer left unfinished. Nothing edits or deletes what
was acknowledged, and what the index says is believed only where the pack agrees.
"""

from __future__ import annotations

import heapq
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from marketkeep.errors import NotFound, StoreError
from marketkeep.files import Files, files_at
from marketkeep.raw.landing.body import Body
from marketkeep.raw.landing.facts import Dropped, Exchange, Landed
from marketkeep.raw.landing.index import Entry, reading, writing
from marketkeep.raw.landing.members import Broken
from marketkeep.raw.landing.packs import Found, PackName, corrupt, entry_of, record_at, walk
from marketkeep.raw.landing.records import Record, landed
from marketkeep.raw.landing.recovery import is_tail, recover
from marketkeep.raw.landing.shelf import shelf_of
from marketkeep.raw.landing.writer import PACK_BYTES, LandingWriter


class Landing:
    """The landing of the keep at a place. Many may read at once; one writer at a time, who holds the keep's lease."""

    def __init__(self, place: Files | Path | str) -> None:
        self.files = files_at(place)
        self._shelf = shelf_of(self.files)

    @property
    def room(self) -> Path:
        """A folder on this machine with room for what is on its way into the landing; it may not exist yet."""
        return self._shelf.room

    def writer(self, run_id: str, *, pack_bytes: int = PACK_BYTES) -> LandingWriter:
        """
        A writer for one run, after `recover`; its `dropped` says what that cut off.

        A pack that has reached `pack_bytes` is followed by another; an exchange is never split.
        """
        packs = self._shelf.names()
        dropped = recover(self._shelf, packs)
        packs = self._shelf.names() if dropped else packs
        numbers: dict[str, int] = {}
        for pack in packs:
            if pack.run == run_id:
                numbers[pack.source] = max(pack.number, numbers.get(pack.source, 0))
        return LandingWriter(
            self._shelf,
            run_id,
            writing(self._shelf.index),
            pack_bytes=pack_bytes,
            sequence=max((each.sequence for each in self._records(run_id, packs)), default=-1) + 1,
            numbers=numbers,
            dropped=dropped,
        )

    def recover(self) -> tuple[Dropped, ...]:
        """
        Cut what a killed writer left unfinished and bring the index up to date; done twice, it does nothing more.

        Only for who holds the keep's lease. Raises `CorruptFile` for damage that is no unfinished tail, when all else
        is done; nothing is cut from that pack.
        """
        return recover(self._shelf, self._shelf.names())

    def read(self, digest: str) -> bytes:
        """The body with this digest, verified; raises `NotFound` or `CorruptFile`."""
        with self.open(digest) as stream:
            return stream.read()

    @contextmanager
    def open(self, digest: str) -> Iterator[BinaryIO]:
        """
        The body with this digest as a stream, in bounded memory.

        Raises `CorruptFile` on reaching its end if the hash differs, or earlier where the record is damaged.
        """
        entry = self._first(digest)
        name, path = self._shelf.name(entry.pack), self._shelf.path(entry.pack)
        with path.open("rb") as file, io.BufferedReader(Body(file, name, entry.offset, digest)) as stream:
            yield stream

    def describe(self, digest: str) -> Exchange:
        """What brought this body: the first exchange, and every later one that brought the same bytes, by time."""
        again, indexed = self._again(digest)
        entries = {*again, *(entry for entry in self._scan(digest, indexed) if entry.revisit)}
        later = sorted((self._landed(entry) for entry in entries), key=lambda each: (each.fetched_at, each.sequence))
        return Exchange(self._landed(self._first(digest)), tuple(later))

    def packs(self) -> list[str]:
        """Every pack, relative to the root."""
        return [name.place for name in self._shelf.names()]

    def records(self, name: str) -> Iterator[Landed]:
        """
        Every exchange of a run, or of one pack (its path relative to the root), in the order they were landed.

        An unfinished tail is left out. Raises `CorruptFile` on reaching other damage.
        """
        return self._records(name, self._shelf.names())

    def _records(self, name: str, packs: list[PackName]) -> Iterator[Landed]:
        by_source: dict[str, list[PackName]] = {}
        for pack in packs:
            if name in (pack.run, pack.place):
                by_source.setdefault(pack.source, []).append(pack)
        series = [self._series(ours, packs) for ours in by_source.values()]
        return heapq.merge(*series, key=lambda each: each.sequence)

    def _series(self, packs: list[PackName], beside: list[PackName]) -> Iterator[Landed]:
        for pack in packs:
            for item in walk(self._shelf.path(pack.place), pack.place):
                if isinstance(item, Found):
                    yield self._tell(item.record, pack.place)
                elif not (self._shelf.grows and is_tail(item, pack, beside)):
                    raise corrupt(self._shelf.name(pack.place), item.at, item.reason)

    def _landed(self, entry: Entry) -> Landed:
        try:
            record = record_at(self._shelf.path(entry.pack), entry.offset)
        except Broken as broken:
            raise corrupt(self._shelf.name(entry.pack), entry.offset, str(broken)) from broken
        return self._tell(record, entry.pack)

    def _tell(self, record: Record, place: str) -> Landed:
        try:
            return landed(record, place)
        except Broken as broken:
            raise corrupt(self._shelf.name(place), record.offset, str(broken)) from broken

    def _first(self, digest: str) -> Entry:
        indexed: dict[str, int] = {}
        for path in self._shelf.indexes():
            with reading(path) as index, suppress(StoreError):
                if index:
                    entry = index.first(digest)
                    if entry and self._holds(entry):
                        return entry
                    indexed |= {} if entry else index.indexed()
        # Only what no index tells of is looked for by listing: what a run under way, or one cut short, has landed.
        for entry in self._scan(digest, indexed):
            if not entry.revisit:
                return entry
        raise NotFound(f"the landing of {self.files.place} holds no payload {digest}.")

    def _again(self, digest: str) -> tuple[list[Entry], Mapping[str, int]]:
        for path in self._shelf.indexes():
            with reading(path) as index, suppress(StoreError):
                if index:
                    entries, indexed = index.again(digest), index.indexed()
                    if all(map(self._holds, entries)):
                        return entries, indexed
        return [], {}

    def _holds(self, entry: Entry) -> bool:
        """Whether the pack agrees with the index; a record too broken to say is left to whoever reads it."""
        try:
            path = self._shelf.path(entry.pack)
            if entry.offset >= path.stat().st_size:
                return False
            return record_at(path, entry.offset).fields.get("WARC-Payload-Digest") == entry.digest
        except FileNotFoundError:
            return False
        except Broken:
            return True

    def _scan(self, digest: str, indexed: Mapping[str, int]) -> Iterator[Entry]:
        """Exchanges that brought a digest, from the parts of packs that no index covers."""
        for pack in self._shelf.names():
            start = indexed.get(pack.place, 0)
            if start and not self._shelf.grows:
                continue
            path = self._shelf.path(pack.place)
            if path.stat().st_size > start:
                found = (item for item in walk(path, pack.place, start) if isinstance(item, Found))
                entries = (entry_of(item.record, pack.place) for item in found)
                yield from (entry for entry in entries if entry.digest == digest)
