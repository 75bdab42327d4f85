"""
Copying a keep to another place: from a folder to a bucket, back, or between two of either.

Only what differs is copied: what was received first (it never changes), then what is derived, the catalog's pointer
last, by a conditional replace. Cut short it is taken up where it was. A keep that holds something the source lacks is
not overwritten: a copy must never be the end of what only it knew.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from marketkeep.errors import BadInput, StoreError
from marketkeep.files import Files, Folder, files_at
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
        differing = [key for key in have if key != layout.CURRENT and not self._alike(key, have[key], found.get(key))]
        self._watch.begin("copying", len(differing))
        # The marker first, so that what is cut short is known for a keep; what is derived after what it rests on.
        for part in ((layout.MARKER,), _RECEIVED, tuple(set(_COPIED) - {layout.MARKER, *_RECEIVED})):
            self._send([key for key in differing if key.startswith(part)])
        if pointer is not None and pointer != before:
            self._take.replace(layout.CURRENT, pointer, over=before)
            self._copied, self._bytes = self._copied + 1, self._bytes + len(pointer)
        stale = [key for key in found if key not in have and key.startswith(_DERIVED)]
        if pointer is not None:
            self._take.remove(stale)
        unchanged = len(have) - len(differing) - (pointer is not None and pointer != before)
        return unchanged, len(stale) if pointer is not None else 0

    def _send(self, keys: list[str]) -> None:
        for key, data in self._give.stream(keys):
            # What a writer at the source has dropped by now is seen to in the next round.
            if data is not None:
                self._take.write(key, data)
                self._copied, self._bytes = self._copied + 1, self._bytes + len(data)
            self._watch.step()
        if keys:
            self._take.flush()

    def _alike(self, key: str, mine: _Fact, theirs: _Fact | None) -> bool:
        """Whether the target has the same bytes, as far as can be told without fetching any from a bucket."""
        if theirs is None or mine.size != theirs.size:
            return False
        if key.startswith(_RECEIVED) and key != _INDEX:
            return True
        if mine.etag and theirs.etag:
            return mine.etag == theirs.etag
        if mine.etag:
            return is_of(mine.etag, self._take.read(key))
        if theirs.etag:
            return is_of(theirs.etag, self._give.read(key))
        return self._give.read(key) == self._take.read(key)


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
        told = {key: _Fact(*fact) for key, fact in cast("Bucket", files).facts("").items()}
    return {key: fact for key, fact in told.items() if key.startswith(_COPIED) and not key.startswith(_HOME)}


def _others(files: Files) -> bool:
    """Whether a place holds files that are no keep's."""
    return bool([key for key in files.keys("") if not key.startswith(_HOME)])


def _real(files: Files) -> str:
    return str(files.root.resolve()) if isinstance(files, Folder) else files.place
