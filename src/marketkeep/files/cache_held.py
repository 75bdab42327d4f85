"""
Paths handed to readers that scan or map: they stay good for as long as the process that asked for them.

Each is a second link to a copy's bytes in a folder of the process's own, so dropping the copy from the cache takes
nothing from under a reader. A process keeps what it was handed within the last hour, and beyond that as much as the
cache's limit, the newest first. The folders of processes that have ended are removed by the next one.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import time
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import BinaryIO
from uuid import uuid4

_STAY = 3600.0
_YOUNG = 30.0


class Held:
    """The paths handed out by this process, in a folder below `root`."""

    def __init__(self, root: Path, limit: int) -> None:
        self.root, self.limit = root, limit
        self._lock = Lock()
        self._pid = 0
        self._folder = root
        self._alive: BinaryIO | None = None
        self._handed: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._total = 0

    def hold(self, bytes_at: Path, name: str, size: int) -> Path:
        """A path of our own to a copy's bytes. Raises OSError when there is none to be had."""
        with self._lock:
            if self._pid != os.getpid():
                self._begin()
            path = self._folder / name
            if name not in self._handed or not path.exists():
                _link(bytes_at, path)
                self._total += size
            self._handed[name] = (size, time.monotonic())
            self._handed.move_to_end(name)
            self._drop()
            return path

    def _begin(self) -> None:
        """A folder for this process, with a lock beside it that the system drops when the process ends."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._clear_dead()
        name = f"{os.getpid()}-{uuid4().hex[:8]}"
        self._alive = (self.root / f"{name}.lock").open("ab")
        fcntl.flock(self._alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._folder = self.root / name
        self._folder.mkdir(mode=0o700)
        self._handed, self._total, self._pid = OrderedDict(), 0, os.getpid()
        atexit.register(_remove, self._folder, self._alive, os.getpid())

    def _clear_dead(self) -> None:
        for lock in self.root.glob("*.lock"):
            with suppress(OSError), lock.open("ab") as file:
                if time.time() - os.fstat(file.fileno()).st_mtime < _YOUNG:
                    # Just made, and perhaps not locked yet.
                    continue
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
                lock.unlink()

    def _drop(self) -> None:
        while self._total > self.limit and self._handed:
            name, (size, handed) = next(iter(self._handed.items()))
            if time.monotonic() - handed < _STAY:
                return
            del self._handed[name]
            self._total -= size
            (self._folder / name).unlink(missing_ok=True)


def _link(bytes_at: Path, path: Path) -> None:
    with suppress(FileExistsError):
        try:
            os.link(bytes_at, path)
        except PermissionError:
            # Some file systems have no second links.
            shutil.copyfile(bytes_at, path)


def _remove(folder: Path, alive: BinaryIO, pid: int) -> None:
    if pid == os.getpid():
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(".lock").unlink(missing_ok=True)
        alive.close()
