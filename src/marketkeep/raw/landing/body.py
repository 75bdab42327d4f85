"""
The body of one record as a stream that proves itself: at its end the hash is what it is known by, or it raises.
"""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, BinaryIO

from marketkeep.raw.landing.members import Broken
from marketkeep.raw.landing.packs import begin, corrupt

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Body(io.RawIOBase):
    """The body of the record at `offset` of a pack; raises `CorruptFile` instead of giving the last of a wrong one."""

    def __init__(self, file: BinaryIO, pack: str, offset: int, digest: str) -> None:
        """`pack` is its name as users write it."""
        super().__init__()
        self._pack, self._offset, self._digest = pack, offset, digest
        self._sha = hashlib.sha256()
        self._proven = False
        try:
            self._record, self._stream, self._member = begin(file, offset)
        except Broken as broken:
            raise corrupt(pack, offset, str(broken)) from broken
        self._left = self._record.length

    def readable(self) -> bool:
        """Return true: it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read into a buffer; 0 says that the end is reached."""
        view = memoryview(buffer).cast("B")
        try:
            data = self._take(min(self._left, len(view)))
        except Broken as broken:
            raise corrupt(self._pack, self._offset, str(broken)) from broken
        view[: len(data)] = data
        return len(data)

    def _take(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) < size:
            raise Broken("its body is shorter than its length says")
        self._sha.update(data)
        self._left -= size
        if not self._left and not self._proven:
            self._prove()
        return data

    def _prove(self) -> None:
        found = f"sha256:{self._sha.hexdigest()}"
        if found != self._digest:
            raise Broken(f"its body has the hash {found}, not {self._digest}")
        if self._stream.read(5) != b"\r\n\r\n" or self._member.end is None:
            raise Broken("its body is longer than its length says")
        self._proven = True
