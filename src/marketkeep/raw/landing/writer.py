"""
The writer of the landing: adds exchanges to packs, one writer per run.

`land` writes, `commit` makes durable; a reference counts as acknowledged once `commit` has returned. Whoever writes
holds the keep's lease.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from marketkeep.errors import BadFile, BadInput, StoreError
from marketkeep.model import Payload, Request
from marketkeep.raw.landing.facts import Dropped, RawRef
from marketkeep.raw.landing.index import Entry, Index
from marketkeep.raw.landing.members import Broken
from marketkeep.raw.landing.packs import PACKS, PackFile, record_at
from marketkeep.raw.landing.records import (
    Arrival,
    Record,
    digest_of,
    exchange_records,
    pack_record,
    resource_record,
    revisit_record,
)
from marketkeep.raw.landing.shelf import Shelf

PACK_BYTES = 256 << 20
_LEVEL, _FILE_LEVEL = 6, 3
_PIECE = 1 << 20
_MOST_WAITING = 50_000
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class LandingWriter:
    """
    Adds the exchanges of one run; made by `Landing.writer`. For one thread.

    As a context manager it commits on a clean exit. After a `StoreError` it may be used on: what failed left nothing.
    """

    def __init__(
        self,
        shelf: Shelf,
        run_id: str,
        index: Index,
        *,
        pack_bytes: int = PACK_BYTES,
        sequence: int = 0,
        numbers: Mapping[str, int] | None = None,
        dropped: tuple[Dropped, ...] = (),
    ) -> None:
        """`sequence` and, by source, `numbers` say how far the run had come, where it is taken up again."""
        self.run_id = run_id
        self.dropped = dropped
        self._shelf = shelf
        self._numbers = dict(numbers or {})
        self._index = index
        self._pack_bytes = pack_bytes
        self._sequence = sequence
        self._packs: dict[str, tuple[PackFile, date]] = {}
        self._fresh: dict[str, Entry] = {}
        self._again: list[Entry] = []
        self._added = False

    def land(self, request: Request, payload: Payload) -> RawRef:
        """
        Keep an answer for ever and return where its body lies.

        The same bytes again are fine: that this exchange happened is kept, the body is not kept twice.
        """
        arrival = Arrival.of(self.run_id, self._sequence, request, payload)
        return self._land(arrival, (payload.body,), _LEVEL)

    def land_file(
        self, path: Path, *, source: str, dataset: str, fetched_at: datetime, options: Mapping[str, object]
    ) -> RawRef:
        """
        Keep a file handed in by hand, byte for byte, and what it was handed in with; in bounded memory.

        Raises `BadFile` when it cannot be read, or changes meanwhile.
        """
        digest, length = _measured(path)
        request = Request(source, dataset, f"file:///{quote(path.name)}")
        arrival = Arrival(self.run_id, self._sequence, request, digest, length, fetched_at, options=options)
        return self._land(arrival, _unchanged(path, digest), _FILE_LEVEL)

    def land_download(self, request: Request, payload: Payload, path: Path) -> RawRef:
        """Keep an answer whose body lies in a file, as `land` does; in bounded memory."""
        digest, length = _measured(path)
        arrival = Arrival.measured(self.run_id, self._sequence, request, payload, digest, length)
        return self._land(arrival, _Pieces(path, digest), _FILE_LEVEL)

    def land_bytes(
        self, body: bytes, *, name: str, source: str, dataset: str, fetched_at: datetime, options: Mapping[str, object]
    ) -> RawRef:
        """Keep a statement made by hand, such as an added symbol, under a name and with its options."""
        request = Request(source, dataset, f"urn:marketkeep:{quote(source)}:{quote(name)}")
        arrival = Arrival(self.run_id, self._sequence, request, digest_of(body), len(body), fetched_at, options=options)
        return self._land(arrival, (body,), _LEVEL)

    def commit(self) -> None:
        """
        Make all landed so far durable; only then is it acknowledged.

        Raises `StoreError` when the disk refuses; what was landed since the last commit is then taken back.
        """
        packs = [pack for pack, _ in self._packs.values()]
        try:
            ended = self._shelf.keep(packs)
        except StoreError:
            self._take_back(packs)
            raise
        if self._fresh or self._again:
            self._index.add([*self._fresh.values(), *self._again], {pack.place: pack.size for pack in packs})
            self._fresh, self._again, self._added = {}, [], True
        if ended:
            self._end(packs)

    def close(self) -> None:
        """Commit and end."""
        try:
            self.commit()
        finally:
            self._release()
        if self._added:
            self._shelf.share()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._release()

    def _land(self, arrival: Arrival, body: Iterable[bytes], level: int) -> RawRef:
        pack = self._pack_for(arrival)
        original = self._original(arrival.digest)
        # A revisit must never outlive what it refers to: across packs, that is made durable first.
        if original and original[0].pack != pack.place and arrival.digest in self._fresh:
            self.commit()
            pack = self._pack_for(arrival)
        records: list[tuple[Record, Iterable[bytes]]] = []
        if not pack.size:
            records.append((pack_record(self.run_id, pack.path.name, arrival.fetched_at), ()))
        if original:
            records.append((revisit_record(arrival, original[1], original[0].pack), ()))
        elif arrival.is_http:
            asked, answer = exchange_records(arrival, body)
            records += [(asked, ()), (answer, body)]
        else:
            records.append((resource_record(arrival), body))
        offset = pack.append(records, level)[-1]
        return self._note(Entry(arrival.digest, pack.place, offset, original is not None), original)

    def _note(self, entry: Entry, original: tuple[Entry, Record] | None) -> RawRef:
        self._sequence += 1
        if original:
            self._again.append(entry)
        else:
            self._fresh[entry.digest] = entry
        if len(self._fresh) + len(self._again) >= _MOST_WAITING:
            self.commit()
        lies = original[0] if original else entry
        return RawRef(entry.digest, lies.pack, lies.offset, entry.revisit)

    def _original(self, digest: str) -> tuple[Entry, Record] | None:
        """Where these bytes lie already, if the pack agrees that they do."""
        entry = self._fresh.get(digest) or self._index.first(digest)
        if entry:
            with suppress(Broken, FileNotFoundError):
                record = record_at(self._shelf.path(entry.pack), entry.offset)
                if record.fields.get("WARC-Payload-Digest") == digest and record.kind != "revisit":
                    return entry, record
        return None

    def _pack_for(self, arrival: Arrival) -> PackFile:
        source, day = arrival.request.source, arrival.fetched_at.astimezone(UTC).date()
        if source in self._packs:
            pack, begun = self._packs[source]
            if pack.size < self._pack_bytes and day <= begun:
                return pack
            self.commit()
            if source in self._packs:
                pack.close()
                del self._packs[source]
        pack = self._shelf.begin(self._next_place(source, day))
        self._packs[source] = pack, day
        return pack

    def _next_place(self, source: str, day: date) -> str:
        for what, text in (("run id", self.run_id), ("source", source)):
            if not _SAFE_NAME.fullmatch(text):
                raise BadInput(f"{what} {text!r} cannot name a file. Use letters, digits, dots and dashes.")
        self._numbers[source] = number = self._numbers.get(source, 0) + 1
        return f"landing/{source}/{day}/{self.run_id}-{number}{PACKS}"

    def _end(self, packs: list[PackFile]) -> None:
        """Close packs that nothing can be added to any more; what follows goes into new ones."""
        for pack in packs:
            pack.close()
        self._packs = {}

    def _take_back(self, packs: list[PackFile]) -> None:
        self._fresh, self._again = {}, []
        for pack in packs:
            with suppress(OSError):
                pack.cut(pack.synced)
        if not self._shelf.grows:
            # One of them may be stored all the same: nothing else may be stored under its name.
            self._end(packs)

    def _release(self) -> None:
        for pack, _ in self._packs.values():
            pack.close()
        self._packs = {}
        self._index.close()


def _pieces(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece
    except OSError as error:
        raise BadFile(path.name, f"it cannot be read ({error.strerror or error})") from error


def _measured(path: Path) -> tuple[str, int]:
    """The digest and the length of a file."""
    sha, length = hashlib.sha256(), 0
    for piece in _pieces(path):
        sha.update(piece)
        length += len(piece)
    return f"sha256:{sha.hexdigest()}", length


@dataclass(frozen=True, slots=True)
class _Pieces:
    """A file's bytes, to be gone through more than once."""

    path: Path
    digest: str

    def __iter__(self) -> Iterator[bytes]:
        return _unchanged(self.path, self.digest)


def _unchanged(path: Path, digest: str) -> Iterator[bytes]:
    sha = hashlib.sha256()
    for piece in _pieces(path):
        sha.update(piece)
        yield piece
    if f"sha256:{sha.hexdigest()}" != digest:
        raise BadFile(path.name, "it changed while it was read. Hand it in again when it is at rest")
