"""
Copies, on this machine, of what lies in a bucket: bounded in size, the longest unused dropped first.

An entry is two files beside each other: the bytes, and a symbolic link that is never followed, whose target is the
record of them (digest, size, ETag, version). A link is read and replaced in one step, so many processes share a cache
without a lock, and nobody meets half of one. What does not fit its record (a fault of the disk, a power cut) is as good
as absent. A cache that cannot be written costs requests, never an answer.
"""

# ruff: noqa: PTH105, PTH108, PTH110, PTH115, PTH123, PTH211
# Plain paths: with pathlib every small file would cost twice as much.

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from threading import Lock, get_ident

from marketkeep.files.cache_behind import Behind, Copy
from marketkeep.files.cache_held import Held

_PARTS = 256
_ROUND = 4096
_FULL = 32
_SMALL = 2**20
_TINY = 64 * 2**20
_ABANDONED = 3600.0
_TOUCHED = 60.0


@dataclass(frozen=True, slots=True)
class Entry:
    """The record of one copy: `token` is the version it was last known to be, empty where it was asked without one."""

    name: str
    digest: str
    size: int
    etag: str
    token: str

    @property
    def target(self) -> str:
        """The record as text."""
        etag = base64.urlsafe_b64encode(self.etag.encode()).decode()
        return f"{self.digest}.{self.size}.{etag}.{self.token}"


def token_of(version: str | None) -> str:
    """A version in few characters."""
    return hashlib.sha256(version.encode()).hexdigest()[:20] if version else ""


class Cache:
    """The copies under `folder`, at most `limit` bytes of them; with a limit of 0 none are kept."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.limit = str(folder), limit
        self._unit = max(1, limit // 1024)
        self._paid = 0
        self._lock = Lock()
        self._held = Held(folder / "held", limit)
        self._sound: set[tuple[int, int, int]] = set()
        self._behind = Behind(self._store)

    @staticmethod
    def name_of(full: str) -> str:
        """What the copy of an object with this full name is called."""
        return hashlib.sha256(full.encode()).hexdigest()[:40]

    def look(self, name: str) -> Entry | None:
        """The record of a copy, if there is one; of one that is not written yet without its digest."""
        waiting = self._behind.pending(name)
        if waiting is not None:
            return Entry(name, "", len(waiting.data), waiting.etag, waiting.token)
        return self._recorded(name)

    def _recorded(self, name: str) -> Entry | None:
        try:
            digest, size, etag, token = os.readlink(self._at(name)).split(".")
            return Entry(name, digest, int(size), base64.urlsafe_b64decode(etag).decode(), token)
        except (OSError, ValueError):
            return None

    def read(self, entry: Entry) -> bytes | None:
        """The bytes of a copy; None when they are gone or are not those recorded."""
        if not entry.digest:
            waiting = self._behind.pending(entry.name)
            if waiting is not None:
                return waiting.data
            written = self._recorded(entry.name)
            return self.read(written) if written else None
        try:
            with open(self._bytes_at(entry), "rb", buffering=0) as file:
                data = file.read()
                self._touch(file.fileno())
        except OSError:
            return None
        return data if len(data) == entry.size and _digest(data) == entry.digest else None

    def hold(self, entry: Entry, suffix: str) -> Path | None:
        """A path to the bytes of a copy that stays good while this process uses it; None as with `read`."""
        if not entry.digest:
            self._behind.drain()
            written = self._recorded(entry.name)
            return self.hold(written, suffix) if written else None
        path = self._bytes_at(entry)
        try:
            with open(path, "rb") as file:
                found = os.fstat(file.fileno())
                seen = (found.st_ino, found.st_size, found.st_mtime_ns)
                if found.st_size != entry.size:
                    return None
                if seen not in self._sound and hashlib.file_digest(file, "sha256").hexdigest() != entry.digest:
                    return None
                self._touch(file.fileno())
                found = os.fstat(file.fileno())
            self._sound.add((found.st_ino, found.st_size, found.st_mtime_ns))
            return self._hand_out(path, entry, suffix)
        except OSError:
            return None

    def _hand_out(self, path: str, entry: Entry, suffix: str) -> Path:
        return self._held.hold(Path(path), f"{entry.name[:16]}-{entry.digest[:16]}{suffix}", entry.size)

    def keep(self, name: str, data: bytes, etag: str, token: str) -> None:
        """Keep a copy, if there is room for it and the disk lets us; many small ones are written a little later."""
        copy = Copy(data, etag, token)
        if len(data) > self.limit // 4:
            return
        if len(data) > _SMALL or self.limit < _TINY:
            self._store(name, copy)
        else:
            self._behind.add(name, copy)

    def flush(self) -> None:
        """Return when all copies are on the disk."""
        self._behind.drain()

    def _store(self, name: str, copy: Copy) -> None:
        data, before = copy.data, self._recorded(name)
        entry = Entry(name, _digest(data), len(data), copy.etag, copy.token)
        with suppress(OSError):
            try:
                # Nobody looks at the bytes before there is a record of them, and then by their digest.
                self._write(self._bytes_at(entry), [data], os.O_EXCL)
            except FileExistsError:
                self._write_aside(entry, [data])
            self._record(entry)
            self._forget(before, entry)
            self._grow(entry.size)

    def keep_held(self, name: str, parts: Iterable[bytes], etag: str, token: str, suffix: str) -> Path:
        """Keep a copy that comes in parts, however large, and hand out a path as `hold` does. Raises OSError."""
        self._behind.drain()
        before = self._recorded(name)
        held: list[Path] = []
        # Before it is seen: whoever makes room may drop it again at once.
        entry = self._write_aside(
            Entry(name, "", 0, etag, token),
            parts,
            lambda path, entry: held.append(self._hand_out(path, entry, suffix)),
        )
        self._record(entry)
        self._forget(before, entry)
        self._grow(entry.size)
        return held[0]

    def _write(self, path: str, parts: Iterable[bytes], flags: int) -> tuple[str, int]:
        """Write a file; its digest and size. The folder is made only when it turns out to be missing."""
        how = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flags
        try:
            handle = os.open(path, how, 0o600)
        except FileNotFoundError:
            Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(path, how, 0o600)
        digest, size = hashlib.sha256(), 0
        with open(handle, "wb", buffering=0) as file:
            for part in parts:
                file.write(part)
                digest.update(part)
                size += len(part)
        return digest.hexdigest(), size

    def _write_aside(
        self, entry: Entry, parts: Iterable[bytes], written: Callable[[str, Entry], None] | None = None
    ) -> Entry:
        """
        Write the bytes of an entry aside and rename them, which leaves alone who reads those that are there; `written`
        is told where they are before that.
        """
        aside = self._at(f"{entry.name}.{os.getpid()}.{get_ident()}.tmp")
        try:
            digest, size = self._write(aside, parts, os.O_TRUNC)
            entry = replace(entry, digest=digest, size=size)
            if written is not None:
                written(aside, entry)
            os.replace(aside, self._bytes_at(entry))
        except BaseException:
            with suppress(OSError):
                os.unlink(aside)
            raise
        return entry

    def _forget(self, before: Entry | None, entry: Entry) -> None:
        if before is not None and before.digest != entry.digest:
            with suppress(OSError):
                os.unlink(self._bytes_at(before))

    def confirm(self, entry: Entry, token: str) -> None:
        """Record that a copy is what `token` stands for too."""
        if not token or token == entry.token:
            return
        waiting = self._behind.pending(entry.name)
        if waiting is not None:
            self._behind.add(entry.name, waiting._replace(token=token))
        elif entry.digest:
            with suppress(OSError):
                self._record(Entry(entry.name, entry.digest, entry.size, entry.etag, token))

    def size(self) -> int:
        """The bytes that the copies take on the disk."""
        return sum(size for _, size, _ in self._files())

    def _record(self, entry: Entry) -> None:
        path = self._at(entry.name)
        try:
            os.symlink(entry.target, path)
        except FileExistsError:
            aside = f"{path}.{os.getpid()}.{get_ident()}.link.tmp"
            with suppress(FileNotFoundError):
                os.unlink(aside)
            os.symlink(entry.target, aside)
            os.replace(aside, path)

    def _at(self, name: str) -> str:
        return f"{self.folder}/{name[:2]}/{name}"

    def _bytes_at(self, entry: Entry) -> str:
        return self._at(f"{entry.name}-{entry.digest[:24]}")

    @staticmethod
    def _touch(handle: int) -> None:
        """Say that it was used, which decides what is dropped first; to the minute is near enough."""
        if time.time() - os.fstat(handle).st_mtime > _TOUCHED:
            os.utime(handle)

    def _grow(self, size: int) -> None:
        """
        Count what was added, one byte of a shared file for each 1/1024 of the limit; at 1/32 somebody makes room.

        A process pays for its first unit at once, so that many short ones are counted too.
        """
        with self._lock:
            self._paid -= size + _ROUND
            if self._paid >= 0:
                return
            units = min(-(self._paid // self._unit), 1024)
            self._paid = max(self._paid + units * self._unit, 0)
        grown = Path(self.folder, "grown")
        with grown.open("ab") as file:
            file.write(b"." * units)
        # Again, if it was full once more by the end: who added meanwhile found the room busy and went on.
        while grown.stat().st_size >= _FULL and self._make_room(grown):
            pass

    def _make_room(self, grown: Path) -> bool:
        """Drop what was not used for longest; False when somebody else is at it."""
        with _alone(Path(self.folder, "room.lock")) as mine:
            if not mine:
                return False
            os.truncate(grown, 0)
            files = sorted(self._files())
            total = sum(size for _, size, _ in files)
            for _, size, path in files:
                if total <= self.limit - self.limit // 16:
                    break
                with suppress(OSError):
                    # Its record stays for now: a record without bytes is as good as none.
                    path.unlink()
                    total -= size
            self._sweep()
            return True

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        """When each copy was last used, what it takes on the disk, and where it is."""
        for item in self._items():
            if "-" in item.name:
                with suppress(OSError):
                    found = item.stat(follow_symlinks=False)
                    yield found.st_mtime, -(-found.st_size // _ROUND) * _ROUND, Path(item.path)

    def _items(self) -> Iterator[os.DirEntry[str]]:
        for part in range(_PARTS):
            with suppress(OSError), os.scandir(f"{self.folder}/{part:02x}") as items:
                yield from items

    def _sweep(self) -> None:
        """Remove the records of copies that are gone, and what writers that were killed had set aside."""
        for item in self._items():
            with suppress(OSError):
                if item.is_symlink():
                    entry = self._recorded(item.name)
                    if entry is None or not os.path.exists(self._bytes_at(entry)):
                        Path(item.path).unlink()
                elif item.name.endswith(".tmp") and time.time() - item.stat().st_mtime > _ABANDONED:
                    Path(item.path).unlink()


@lru_cache(maxsize=16)
def cache_at(folder: Path, limit: int) -> Cache:
    """The cache in a folder: one for all of a process, so that copies not written yet are found by all."""
    return Cache(folder, limit)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Whether nobody else is at it; never waits."""
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
