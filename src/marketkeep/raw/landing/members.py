"""
Gzip members: the unit a pack is written and read in, one per record.

Reading checks what gzip itself checks and says where a member ends; what is inside is the business of `records`.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_GZIP = 31
_FIRST_READ, _LAST_READ = 1 << 12, 1 << 18
_WRITE = 1 << 20
MAGIC = b"\x1f\x8b\x08"


class Broken(Exception):
    """What lies at an offset is not a whole, sound record; the text says why."""


class MemberWriter:
    """Compresses what is written to it into one gzip member and hands that on in large pieces; `close` ends it."""

    def __init__(self, sink: Callable[[bytes], None], level: int) -> None:
        self._sink = sink
        self._zip = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
        self._waiting: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Add bytes to the member."""
        self._hand_on(self._zip.compress(data))

    def close(self) -> None:
        """End the member and hand on all of it."""
        self._hand_on(self._zip.flush(), all_of_it=True)

    def _hand_on(self, data: bytes, *, all_of_it: bool = False) -> None:
        self._waiting.append(data)
        self._size += len(data)
        if all_of_it or self._size >= _WRITE:
            self._sink(b"".join(self._waiting))
            self._waiting, self._size = [], 0


class MemberReader(io.RawIOBase):
    """
    The content of the gzip member that starts at `offset` of `file`; `end` is known once it was read to its end.

    The file's position belongs to the reader while it reads. Raises `Broken` where the member is cut or damaged.
    """

    def __init__(self, file: BinaryIO, offset: int) -> None:
        super().__init__()
        self._file = file
        self._file.seek(offset)
        self._zip = zlib.decompressobj(_GZIP)
        self._pending = b""
        self._read_size = _FIRST_READ
        self.end: int | None = None

    def readable(self) -> bool:
        """Return true: it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read into a buffer; 0 says that the end is reached."""
        view = memoryview(buffer).cast("B")
        if not view:
            return 0
        data = b""
        while not data and self.end is None:
            data = self._more(len(view))
        view[: len(data)] = data
        return len(data)

    def _more(self, size: int) -> bytes:
        if not self._pending:
            self._pending = self._file.read(self._read_size)
            self._read_size = min(2 * self._read_size, _LAST_READ)
            if not self._pending:
                raise Broken("it ends before it is complete")
        try:
            data = self._zip.decompress(self._pending, size)
        except zlib.error as error:
            raise Broken(f"it cannot be decompressed ({error})") from error
        self._pending = self._zip.unconsumed_tail
        if self._zip.eof:
            self.end = self._file.tell() - len(self._zip.unused_data)
        return data


def member_starts(file: BinaryIO, offset: int) -> Iterator[int]:
    """Every offset at or after `offset` where a gzip member might start."""
    held, held_at = b"", offset
    while True:
        file.seek(held_at + len(held))
        piece = file.read(_WRITE)
        if not piece:
            return
        held += piece
        at = held.find(MAGIC)
        while at >= 0:
            yield held_at + at
            at = held.find(MAGIC, at + 1)
        # A start may lie across two pieces.
        keep = min(len(held), len(MAGIC) - 1)
        held, held_at = held[len(held) - keep :], held_at + len(held) - keep
