"""
Copying a keep to another place: from a folder to a bucket, back, or between two of either.

Only what differs is copied: what was received first (it never changes), then what is derived, the catalog's pointer
last, by a conditional replace. Cut short it is taken up where it was. A keep that holds something the source lacks is
not overwritten: a copy must never be the end of what only it knew.

Large files go through in parts: over a file of this machine, which the target takes over when it is whole. What is told
the hash of, by its name or by the catalog, is held against it on the way; what is damaged is not copied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, cast

from marketkeep.errors import BadInput, CorruptFile, StoreError
from marketkeep.files import Files, Folder, files_at, set_aside, storing
from marketkeep.files.bucket_etag import is_of
from marketkeep.pipeline.journal import open_runs
from marketkeep.pipeline.workspace import Progress, Silent
from marketkeep.stores.lake import Lake, layout
from marketkeep.stores.lake.catalog import read_pointer

if TYPE_CHECKING:
    from marketkeep.files.bucket import Bucket

_INDEX = "landing/index.sqlite"
_RECEIVED = ("landing/", "raw/")
_DERIVED = tuple(f"{folder}/" for folder in layout.DERIVED)
_COPIED = (*_RECEIVED, *_DERIVED, "journal/", layout.MARKER)
_HOME = ("journal/open/", "journal/ledger.sqlite", f"{_INDEX}-")
_ROUNDS = 3
_SHOWN = 3
_LARGE = 8 * 2**20
"""Larger files are copied in parts."""
_AT_ONCE = 4
"""How many of them are under way."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What a copy came to: files copied and their bytes, files that were the same already, and files removed."""

    copied: int
    bytes: int
    same: int
    removed: int


@dataclass(frozen=True, slots=True)
class _Fact:
    """What is known of a file without reading it: its size and, in a bucket, its ETag."""

    size: int
    etag: str = ""


_Facts = dict[str, _Fact]


def sync(source: Files | Path | str, target: Files | Path | str, progress: Progress | None = None) -> Synced:
    """
    Make the keep at `target` what the one at `source` is; the journals of their runs are put together.

    Raises `NotFound` without a keep at the source; `BadInput` when the target is the same place, holds something else,
    or holds what the source lacks; `LeaseHeld` when another writer is at work; `StoreError` when a run at the source
    was cut short or goes on. Whatever is raised, the target's catalog is the old one or the new.
    """
    give, take = files_at(source), files_at(target)
    if _real(give) == _real(take):
        raise BadInput(f"{give.place} cannot be copied onto itself; give two places.")
    Lake(give).policy()
    with ExitStack() as held:
        # A bucket that is only read may be one that we must not write to, so no lease is taken there.
        if isinstance(give, Folder):
            held.enter_context(give.lease(f"sync to {take.place}"))
        if isinstance(take, Folder):
            take.root.mkdir(parents=True, exist_ok=True)
        held.enter_context(take.lease(f"sync from {give.place}"))
        return _Copy(give, take, progress or Silent()).run()


class _Copy:
    """One copy from `give` to `take`."""

    def __init__(self, give: Files, take: Files, watch: Progress) -> None:
        self._give, self._take, self._watch = give, take, watch
        self._copied = self._bytes = 0
        self._pointer: bytes | None = None
        self._told: dict[str, str] = {}

    def run(self) -> Synced:
        """Copy, until the source stood still meanwhile."""
        for _ in range(_ROUNDS):
            self._refuse_open_runs()
            pointer = read_pointer(self._give)
            same, removed = self._copy(pointer)
            if read_pointer(self._give) == pointer:
                return Synced(self._copied, self._bytes, same, removed)
        raise StoreError(f"{self._give.place} was written to all the while; run again when that has ended.")

    def _refuse_open_runs(self) -> None:
        """What a run has landed and not published may still be cut."""
        runs = open_runs(self._give)
        if runs:
            raise StoreError(
                f"run {runs[0]} of {self._give.place} goes on or was cut short. Wait for it, or run marketkeep update "
                "there, which takes it up; then sync again."
            )

    def _copy(self, pointer: bytes | None) -> tuple[int, int]:
        """How many files were the same, and how many were removed."""
        have, found = _facts(self._give), _facts(self._take)
        _refuse_loss(self._give, self._take, have, found)
        before = read_pointer(self._take)
        self._pointer = pointer
        self._told = _panel_hashes(self._give)
        differing = [key for key in have if key != layout.CURRENT and not self._alike(key, have[key], found.get(key))]
        self._watch.begin("copying", len(differing))
        # The marker first, so that what is cut short is known for a keep; what is derived after what it rests on.
        for part in ((layout.MARKER,), _RECEIVED, tuple(set(_COPIED) - {layout.MARKER, *_RECEIVED})):
            self._send([key for key in differing if key.startswith(part)], have)
        if pointer is not None and pointer != before:
            self._take.replace(layout.CURRENT, pointer, over=before)
            self._copied, self._bytes = self._copied + 1, self._bytes + len(pointer)
        stale = [key for key in found if key not in have and key.startswith(_DERIVED)]
        if pointer is not None:
            self._take.remove(stale)
        unchanged = len(have) - len(differing) - (pointer is not None and pointer != before)
        return unchanged, len(stale) if pointer is not None else 0

    def _send(self, keys: list[str], have: _Facts) -> None:
        small = [key for key in keys if have[key].size <= _LARGE]
        large = [key for key in keys if have[key].size > _LARGE]
        for size in chain(self._send_small(small), self._send_large(large)):
            # What a writer at the source has dropped by now is seen to in the next round.
            if size is not None:
                self._copied, self._bytes = self._copied + 1, self._bytes + size
            self._watch.step()
        if keys:
            self._take.flush()

    def _send_small(self, keys: list[str]) -> Iterator[int | None]:
        """The size of each file when it was copied; None of one that is gone."""
        for key, data in self._give.stream(keys):
            if data is not None:
                self._take.write(key, b"".join(self._checked(key, [data])))
            yield None if data is None else len(data)

    def _send_large(self, keys: list[str]) -> Iterator[int | None]:
        """The same."""
        with ThreadPoolExecutor(_AT_ONCE, "sync") as beside:
            yield from beside.map(self._pass_on, keys)

    def _pass_on(self, key: str) -> int | None:
        with set_aside(self._take.scratch, key.replace("/", "-")) as path:
            parts, size = self._give.parts(key), 0
            try:
                first = next(parts, b"")
            except FileNotFoundError:
                return None
            with storing(path), path.open("wb") as file:
                for part in self._checked(key, chain([first], parts)):
                    size += file.write(part)
            self._take.adopt(key, path)
        return size

    def _checked(self, key: str, parts: Iterable[bytes]) -> Iterator[bytes]:
        """
        A file's parts as they come. Raises `CorruptFile` behind the last when they are others than its name, or the
        catalog, tells of.
        """
        received = key.startswith("raw/")
        told = PurePosixPath(key).stem.partition("-")[2] if received else self._told.get(key)
        if not told:
            yield from parts
            return
        digest = hashlib.sha256()
        for part in parts:
            digest.update(part)
            yield part
        if digest.hexdigest().startswith(told):
            return
        # In a bucket a run may have begun meanwhile, which writes files before it tells of them.
        self._refuse_open_runs()
        if read_pointer(self._give) != self._pointer:
            raise StoreError(f"{self._give.place} was written to meanwhile; run again when that has ended.")
        reason = f"its bytes differ from the hash in {'its name' if received else 'the catalog'}; it was not copied"
        raise CorruptFile(self._give.name(key), reason, derived=not received, key=key)

    def _alike(self, key: str, mine: _Fact, theirs: _Fact | None) -> bool:
        """Whether the target has the same bytes, as far as can be told without fetching any from a bucket."""
        if theirs is None or mine.size != theirs.size:
            return False
        if key.startswith(_RECEIVED) and key != _INDEX:
            return True
        if mine.etag and theirs.etag:
            return mine.etag == theirs.etag
        if mine.etag:
            return is_of(mine.etag, self._take.parts(key))
        if theirs.etag:
            return is_of(theirs.etag, self._give.parts(key))
        return _hash(self._give.parts(key)) == _hash(self._take.parts(key))


def _panel_hashes(files: Files) -> dict[str, str]:
    """By key what the catalog says of the panel's files; nothing where it cannot be read, which is copied as it is."""
    with suppress(CorruptFile):
        return dict(Lake(files).catalog().panels.select("key", "hash").iter_rows())
    return {}


def _hash(parts: Iterator[bytes]) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()


def _refuse_loss(give: Files, take: Files, have: _Facts, found: _Facts) -> None:
    """Raise `BadInput` where the target knows something that the source does not."""
    if layout.MARKER not in found:
        strange = [key for key in found if key not in have]
        if strange or (not found and _others(take)):
            raise BadInput(f"{take.place} holds something else; give an empty place or another keep.")
        return
    lost = [
        key for key in found if key.startswith(_RECEIVED) and key != _INDEX and _would_lose(have.get(key), found[key])
    ]
    if lost:
        more = f" and {len(lost) - _SHOWN:,} more" if len(lost) > _SHOWN else ""
        raise BadInput(
            f"{take.place} holds what {give.place} lacks: {', '.join(lost[:_SHOWN])}{more}. It would be lost, so "
            "nothing was copied. Sync the other way first, or give another place."
        )
    grown = any(key.startswith(_RECEIVED) and key not in found for key in have)
    if not grown and Lake(give).policy() != Lake(take).policy():
        raise BadInput(
            f"{take.place} has received as much as {give.place} but has another policy, which would be lost. Make the "
            f"two {layout.MARKER} alike, then sync again."
        )


def _would_lose(mine: _Fact | None, theirs: _Fact) -> bool:
    if mine is None or theirs.size > mine.size:
        return True
    # A shorter pack is the same one, earlier. Of two of one size the ETags tell, where both are the bytes' MD5.
    both = mine.size == theirs.size and mine.etag and theirs.etag and "-" not in mine.etag + theirs.etag
    return bool(both) and mine.etag != theirs.etag


def _facts(files: Files) -> _Facts:
    """Every file that is copied, by key."""
    if isinstance(files, Folder):
        told = {key: _Fact((files.root / key).stat().st_size) for key in files.keys("")}
    else:
        told = {key: _Fact(*fact) for key, fact in cast("Bucket", files).many.facts("").items()}
    return {key: fact for key, fact in told.items() if key.startswith(_COPIED) and not key.startswith(_HOME)}


def _others(files: Files) -> bool:
    """Whether a place holds files that are no keep's."""
    return bool([key for key in files.keys("") if not key.startswith(_HOME)])


def _real(files: Files) -> str:
    return str(files.root.resolve()) if isinstance(files, Folder) else files.place
