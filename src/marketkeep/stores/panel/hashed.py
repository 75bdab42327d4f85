"""
A file that Arrow writes to this machine's disk, hashed on the way: what the disk makes of it, its reader finds out.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from marketkeep.files import storing


class HashedFile:
    """A new file as Arrow wants one. Raises `StoreError` where the disk is full or forbids it."""

    closed = False

    def __init__(self, path: Path) -> None:
        self._path, self._digest, self._given_up = path, hashlib.sha256(), False
        with storing(path):
            self._file = path.open("wb")

    def write(self, data: bytes) -> int:
        """Append some bytes, unless the file was given up."""
        if not self._given_up:
            self._digest.update(data)
            with storing(self._path):
                self._file.write(data)
        return len(data)

    def flush(self) -> None:
        """Nothing: there is one flush, at the end."""

    def end(self) -> None:
        """All of it is in the file."""
        with storing(self._path):
            self._file.close()

    def give_up(self) -> None:
        """What is written from now on goes nowhere."""
        self._given_up = True
        with suppress(OSError):
            self._file.close()

    def hexdigest(self) -> str:
        """SHA-256 of the bytes so far."""
        return self._digest.hexdigest()
