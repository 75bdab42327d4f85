"""
Pack files: appending whole records to one, and walking one from an offset.

A pack only grows. What is taken back is the unfinished end of a failed or killed write, and never more; damage with
sound records behind it is told, not repaired.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from warcio.statusandheaders import StatusAndHeadersParser  # type: ignore[import-untyped]  # warcio ships no types

from marketkeep.errors import CorruptFile
from marketkeep.files import storing, sync_folder
from marketkeep.raw.landing.index import Entry
from marketkeep.raw.landing.members import Broken, MemberReader, MemberWriter, member_starts
from marketkeep.raw.landing.records import ANSWERS, Record, fields_bytes

_VERSION = b"WARC/1.1\r\n"
_PARSER: Any = StatusAndHeadersParser(["WARC/1.1"])
_PIECE = 1 << 16
PACKS = ".warc.gz"
"""How the name of a pack ends."""

_NAME = re.compile(r"(?P<run>[^/]+)-(?P<number>\d+)\.warc\.gz")
_PLACE = re.compile(rf"landing/(?P<source>[^/]+)/[^/]+/{_NAME.pattern}")


@dataclass(frozen=True, slots=True)
class PackName:
    """A pack's place: `landing/{source}/{day}/{run}-{number}.warc.gz`, relative to the keep's root."""

    place: str
    source: str
    run: str
    number: int


@dataclass(frozen=True, slots=True)
class Found:
    """A whole exchange: its answering record, and the offset behind it."""

    record: Record
    end: int


@dataclass(frozen=True, slots=True)
class Damage:
    """
    What is not a whole exchange: it starts at `start`, the broken record lies at `at`.

    `resume` is where the next sound record starts; None says that nothing sound follows.
    """

    start: int
    at: int
    reason: str
    resume: int | None


def pack_name(place: str) -> PackName | None:
    """What a key of the landing names; None when that is no pack."""
    match = _PLACE.fullmatch(place)
    return PackName(place, match["source"], match["run"], int(match["number"])) if match else None


class PackFile:
    """
    A pack being written. `append` adds records all or none; `sync` makes them durable.

    Raises `StoreError` when the disk refuses; the pack then ends where it ended before.
    """

    def __init__(self, root: Path, place: str) -> None:
        self.place = place
        self.path = root / place
        with storing(self.path):
            folder = self.path.parent
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("xb", buffering=0)
            for above in (folder, *folder.parents[:3]):
                sync_folder(above)
        self.size = 0
        self.synced = 0

    def append(self, records: Iterable[tuple[Record, Iterable[bytes]]], level: int) -> list[int]:
        """Add records, each with its body in pieces, as one gzip member each; returns their offsets."""
        start, offsets = self.size, []
        with storing(self.path):
            try:
                for record, body in records:
                    offsets.append(self.size)
                    self._add(record, body, level)
            except BaseException:
                self.cut(start)
                raise
        return offsets

    def sync(self) -> None:
        """Make all appended so far durable."""
        with storing(self.path):
            os.fsync(self._file.fileno())
        self.synced = self.size

    def cut(self, size: int) -> None:
        """Take back what was appended behind `size`; a pack that refuses is closed, for nothing may follow a part."""
        try:
            self._file.truncate(size)
            self._file.seek(size)
        except OSError:
            self._file.close()
            raise
        self.size = size
        self.synced = min(self.synced, size)

    def close(self) -> None:
        """Close the file; one that holds nothing is removed."""
        self._file.close()
        if not self.size:
            self.path.unlink(missing_ok=True)

    def _add(self, record: Record, body: Iterable[bytes], level: int) -> None:
        member = MemberWriter(self._write, level)
        member.write(fields_bytes(record) + record.head)
        for piece in body:
            member.write(piece)
        member.write(b"\r\n\r\n")
        member.close()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = self._file.write(view)
            self.size += written
            view = view[written:]


def begin(file: BinaryIO, offset: int) -> tuple[Record, BinaryIO, MemberReader]:
    """The record at `offset` up to its body, a stream that stands at the body, and the member beneath it."""
    member = MemberReader(file, offset)
    stream = io.BufferedReader(member, _PIECE)
    if not stream.peek(len(_VERSION)).startswith(_VERSION):
        raise Broken("it is not a WARC/1.1 record")
    fields = dict(_PARSER.parse(stream).headers)
    kind, size = fields.get("WARC-Type", ""), fields.get("Content-Length", "")
    if not kind or not re.fullmatch(r"[0-9]{1,15}", size):
        raise Broken("its headers lack a type or a length")
    head = _http_head(stream, int(size)) if kind in ("response", "revisit") else b""
    return Record(kind, fields, head, int(size) - len(head), offset), stream, member


def finish(record: Record, stream: BinaryIO, member: MemberReader, take: Callable[[bytes], object]) -> int:
    """Read a begun record to its end, handing its body to `take`; returns the offset behind it."""
    left = record.length
    while left:
        piece = stream.read(min(left, _PIECE))
        if not piece:
            raise Broken("its body is shorter than its length says")
        take(piece)
        left -= len(piece)
    if stream.read(5) != b"\r\n\r\n" or member.end is None:
        raise Broken("its body is longer than its length says")
    return member.end


def whole(file: BinaryIO, offset: int) -> Found:
    """The record at `offset`, read to its end; raises `Broken` unless it is whole and has the digest it names."""
    record, stream, member = begin(file, offset)
    digest = hashlib.sha256(record.head)
    end = finish(record, stream, member, digest.update)
    if record.fields.get("WARC-Block-Digest") != f"sha256:{digest.hexdigest()}":
        raise Broken("its block differs from its digest")
    return Found(record, end)


def record_at(path: Path, offset: int) -> Record:
    """The record at an offset up to its body, which is not read."""
    with path.open("rb") as file:
        return begin(file, offset)[0]


def entry_of(record: Record, place: str) -> Entry:
    """What the index holds of an answering record."""
    return Entry(record.fields["WARC-Payload-Digest"], place, record.offset, record.kind == "revisit")


def corrupt(name: str, offset: int, reason: str) -> CorruptFile:
    """The error that names a pack, as users write it, and the offset of a damaged record."""
    return CorruptFile(name, f"the record at byte {offset}: {reason}")


def walk(path: Path, place: str, start: int = 0) -> Iterator[Found | Damage]:
    """
    Every exchange of the pack of this place, which lies at `path`, from `start` in order, and what is damaged.

    An exchange is whole with its answer: a request at the very end is damage with nothing behind it.
    """
    named = pack_name(place)
    run = named.run if named else ""
    with path.open("rb", buffering=_PIECE) as file:
        size = os.fstat(file.fileno()).st_size
        offset = exchange = start
        while offset < size:
            try:
                found = whole(file, offset)
            except Broken as broken:
                resume = _next_whole(file, offset + 1, run)
                yield Damage(exchange, offset, str(broken), resume)
                offset = exchange = size if resume is None else resume
                continue
            offset = found.end
            if found.record.kind in ANSWERS:
                yield found
            if found.record.kind != "request":
                exchange = offset
        if exchange < offset:
            yield Damage(exchange, offset, "a request lacks its answer", None)


def _http_head(stream: BinaryIO, size: int) -> bytes:
    head = b""
    while len(head) < size and not head.endswith(b"\r\n\r\n"):
        line = stream.readline(size - len(head))
        if not line:
            raise Broken("its body is shorter than its length says")
        head += line
    return head


def _next_whole(file: BinaryIO, offset: int, run: str) -> int | None:
    for start in member_starts(file, offset):
        try:
            found = whole(file, start)
        except Broken:
            continue
        # A payload may itself hold a pack: only a record of this run is one of ours.
        if found.record.fields.get("Marketkeep-Run") == run:
            return start
    return None
