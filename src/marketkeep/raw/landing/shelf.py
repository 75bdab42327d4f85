"""
Where the packs of a landing lie, and the index beside them: in a keep's folder, or in a bucket.

In a folder a pack grows where it lies. An object cannot grow, so for a bucket a pack is written on this machine and
ends with the next commit, which stores it whole; it is acknowledged only then and never changes after. The index lies
on the writer's machine; a copy of it goes into the bucket at the end of a run, for readers and for another writer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Protocol, cast

from marketkeep.errors import StoreError
from marketkeep.files import Files, Folder, storing, sweep
from marketkeep.raw.landing.index import reading
from marketkeep.raw.landing.packs import PACKS, PackFile, PackName, pack_name

INDEX = "landing/index.sqlite"
"""Where the index lies, or its copy."""


class Shelf(Protocol):
    """The packs of one landing."""

    @property
    def room(self) -> Path:
        """The folder on this machine in which packs are written."""

    @property
    def grows(self) -> bool:
        """Whether packs grow where they lie, so that a killed writer may leave one with an unfinished end."""

    @property
    def index(self) -> Path:
        """The index as the writer keeps it."""

    def names(self, source: str = "*") -> list[PackName]:
        """Every pack, or those of one source, by source, run and number. It lists."""

    def name(self, place: str) -> str:
        """A pack as users write it, for messages."""

    def path(self, place: str) -> Path:
        """A file on this machine that holds a pack. Raises `FileNotFoundError` where there is none."""

    def begin(self, place: str) -> PackFile:
        """A new pack to write to."""

    def keep(self, packs: Sequence[PackFile]) -> bool:
        """Make packs durable; whether they have ended with that. Raises `StoreError` when that cannot be."""

    def indexes(self) -> Iterator[Path]:
        """Where an index may lie for reading, that of this machine first."""

    def prepare(self) -> int:
        """Before a writer begins: drop what a killed one left on this machine beside its packs; how many files."""

    def share(self) -> None:
        """Hand the index to other machines. Call it when it is closed."""


@dataclass(frozen=True, slots=True)
class FolderShelf:
    """See `Shelf`."""

    root: Path

    @property
    def room(self) -> Path:
        """See `Shelf`."""
        return self.root / "landing"

    @property
    def grows(self) -> bool:
        """See `Shelf`."""
        return True

    @property
    def index(self) -> Path:
        """See `Shelf`."""
        return self.root / INDEX

    def names(self, source: str = "*") -> list[PackName]:
        """See `Shelf`."""
        return _named(path.relative_to(self.root).as_posix() for path in self.room.glob(f"{source}/*/*{PACKS}"))

    def name(self, place: str) -> str:
        """See `Shelf`."""
        return str(self.root / place)

    def path(self, place: str) -> Path:
        """See `Shelf`."""
        return self.root / place

    def begin(self, place: str) -> PackFile:
        """See `Shelf`."""
        return PackFile(self.root, place)

    def keep(self, packs: Sequence[PackFile]) -> bool:
        """See `Shelf`."""
        for pack in packs:
            pack.sync()
        return False

    def indexes(self) -> Iterator[Path]:
        """See `Shelf`."""
        yield self.index

    def prepare(self) -> int:
        """See `Shelf`: what lies aside is swept with the rest of the keep."""
        return 0

    def share(self) -> None:
        """See `Shelf`."""


@dataclass(frozen=True, slots=True)
class BucketShelf:
    """See `Shelf`."""

    files: Files

    @property
    def room(self) -> Path:
        """See `Shelf`."""
        return self.files.scratch / "landing"

    @property
    def grows(self) -> bool:
        """See `Shelf`."""
        return False

    @property
    def index(self) -> Path:
        """See `Shelf`."""
        return self.files.scratch / INDEX

    def names(self, source: str = "*") -> list[PackName]:
        """See `Shelf`."""
        return _named(self.files.keys("landing/" if source == "*" else f"landing/{source}/"))

    def name(self, place: str) -> str:
        """See `Shelf`."""
        return self.files.name(place)

    def path(self, place: str) -> Path:
        """See `Shelf`. What this machine has just written need not be fetched; what never changes is fetched once."""
        written = self.files.scratch / place
        return written if written.exists() else self.files.local([place], {place: place})[0]

    def begin(self, place: str) -> PackFile:
        """See `Shelf`."""
        return PackFile(self.files.scratch, place)

    def keep(self, packs: Sequence[PackFile]) -> bool:
        """See `Shelf`."""
        for pack in packs:
            self.files.write(pack.place, _mapped(pack.path))
        self.files.flush()
        return True

    def indexes(self) -> Iterator[Path]:
        """See `Shelf`."""
        if self.index.exists():
            yield self.index
        with suppress(FileNotFoundError):
            yield from self.files.local([INDEX])

    def prepare(self) -> int:
        """See `Shelf`: packs that were never stored were never acknowledged. The fuller one of two indexes is taken."""
        left = list(self.room.glob(f"*/*/*{PACKS}"))
        for path in left:
            path.unlink(missing_ok=True)
        counts = [(_indexed(path), path) for path in self.indexes()]
        if counts and max(counts)[1] != self.index:
            with storing(self.index):
                self.index.parent.mkdir(parents=True, exist_ok=True)
                self.index.write_bytes(max(counts)[1].read_bytes())
        return len(left) + sweep(self.room)

    def share(self) -> None:
        """See `Shelf`."""
        with storing(self.index):
            data = self.index.read_bytes()
        # Whoever reads next finds it there, and need not list.
        self.files.write(INDEX, data, durable=True)


def shelf_of(files: Files) -> Shelf:
    """Where the packs of a keep lie."""
    return FolderShelf(files.root) if isinstance(files, Folder) else BucketShelf(files)


def _mapped(path: Path) -> bytes:
    """The bytes of a file without the memory they take: a pack may hold one payload of any size."""
    with storing(path), path.open("rb") as file:
        return cast("bytes", mmap(file.fileno(), 0, access=ACCESS_READ)) if path.stat().st_size else b""


def _named(places: Iterator[str] | Sequence[str]) -> list[PackName]:
    found = [name for name in map(pack_name, places) if name is not None]
    return sorted(found, key=lambda name: (name.source, name.run, name.number))


def _indexed(path: Path) -> int:
    """How many packs an index knows."""
    with reading(path) as index, suppress(StoreError):
        return len(index.indexed()) if index else 0
    return 0
