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
from marketkeep.raw.landing.body import Body
from marketkeep.raw.landing.facts import Dropped, Exchange, Landed
from marketkeep.raw.landing.index import Entry, index_path, reading, writing
from marketkeep.raw.landing.members import Broken
from marketkeep.raw.landing.packs import Found, PackName, corrupt, entry_of, pack_names, record_at, walk
from marketkeep.raw.landing.records import Record, landed
from marketkeep.raw.landing.recovery import is_tail, recover
from marketkeep.raw.landing.writer import PACK_BYTES, LandingWriter


class Landing:
    """The landing of the keep at `root`. Many may read at once; one writer at a time, who holds the keep's lease."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def writer(self, run_id: str, *, pack_bytes: int = PACK_BYTES) -> LandingWriter:
        """
        A writer for one run, after `recover`; its `dropped` says what that cut off.

        A pack that has reached `pack_bytes` is followed by another; an exchange is never split.
        """
        dropped = self.recover()
        sequence = max((each.sequence for each in self.records(run_id)), default=-1) + 1
        index = writing(index_path(self.root))
        return LandingWriter(self.root, run_id, index, pack_bytes=pack_bytes, sequence=sequence, dropped=dropped)

    def recover(self) -> tuple[Dropped, ...]:
        """
        Cut what a killed writer left unfinished and bring the index up to date; done twice, it does nothing more.

        Only for who holds the keep's lease. Raises `CorruptFile` for damage that is no unfinished tail, when all else
        is done; nothing is cut from that pack.
        """
        return recover(self.root)

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
        path = self.root / entry.pack
        with path.open("rb") as file, io.BufferedReader(Body(file, path, entry.offset, digest)) as stream:
            yield stream

    def describe(self, digest: str) -> Exchange:
        """What brought this body: the first exchange, and every later one that brought the same bytes, by time."""
        again, indexed = self._again(digest)
        entries = {*again, *(entry for entry in self._scan(digest, indexed) if entry.revisit)}
        later = sorted((self._landed(entry) for entry in entries), key=lambda each: (each.fetched_at, each.sequence))
        return Exchange(self._landed(self._first(digest)), tuple(later))

    def packs(self) -> list[str]:
        """Every pack, relative to the root."""
        return [name.place for name in pack_names(self.root)]

    def records(self, name: str) -> Iterator[Landed]:
        """
        Every exchange of a run, or of one pack (its path relative to the root), in the order they were landed.

        An unfinished tail is left out. Raises `CorruptFile` on reaching other damage.
        """
        packs = pack_names(self.root)
        by_source: dict[str, list[PackName]] = {}
        for pack in packs:
            if name in (pack.run, pack.place):
                by_source.setdefault(pack.source, []).append(pack)
        series = [self._series(ours, packs) for ours in by_source.values()]
        return heapq.merge(*series, key=lambda each: each.sequence)

    def _series(self, packs: list[PackName], beside: list[PackName]) -> Iterator[Landed]:
        for pack in packs:
            for item in walk(self.root / pack.place):
                if isinstance(item, Found):
                    yield self._tell(item.record, pack.place)
                elif not is_tail(item, pack, beside):
                    raise corrupt(self.root / pack.place, item.at, item.reason)

    def _landed(self, entry: Entry) -> Landed:
        path = self.root / entry.pack
        try:
            record = record_at(path, entry.offset)
        except Broken as broken:
            raise corrupt(path, entry.offset, str(broken)) from broken
        return self._tell(record, entry.pack)

    def _tell(self, record: Record, place: str) -> Landed:
        try:
            return landed(record, place)
        except Broken as broken:
            raise corrupt(self.root / place, record.offset, str(broken)) from broken

    def _first(self, digest: str) -> Entry:
        indexed: Mapping[str, int] = {}
        with reading(index_path(self.root)) as index, suppress(StoreError):
            if index:
                entry = index.first(digest)
                if entry and self._holds(entry):
                    return entry
                indexed = {} if entry else index.indexed()
        for entry in self._scan(digest, indexed):
            if not entry.revisit:
                return entry
        raise NotFound(f"the landing of {self.root} holds no payload {digest}.")

    def _again(self, digest: str) -> tuple[list[Entry], Mapping[str, int]]:
        with reading(index_path(self.root)) as index, suppress(StoreError):
            if index:
                entries, indexed = index.again(digest), index.indexed()
                if all(map(self._holds, entries)):
                    return entries, indexed
        return [], {}

    def _holds(self, entry: Entry) -> bool:
        """Whether the pack agrees with the index; a record too broken to say is left to whoever reads it."""
        path = self.root / entry.pack
        try:
            if entry.offset >= path.stat().st_size:
                return False
            return record_at(path, entry.offset).fields.get("WARC-Payload-Digest") == entry.digest
        except FileNotFoundError:
            return False
        except Broken:
            return True

    def _scan(self, digest: str, indexed: Mapping[str, int]) -> Iterator[Entry]:
        """Exchanges that brought a digest, from the parts of packs that no index covers."""
        for pack in pack_names(self.root):
            path, start = self.root / pack.place, indexed.get(pack.place, 0)
            if path.stat().st_size > start:
                found = (item for item in walk(path, start) if isinstance(item, Found))
                entries = (entry_of(item.record, pack.place) for item in found)
                yield from (entry for entry in entries if entry.digest == digest)
