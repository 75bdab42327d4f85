"""
The files of a keep by key, wherever they lie: one face for a folder on this machine and a prefix in a bucket.

A key is a path relative to the keep's root with `/` between. Whole files are read and replaced; nothing is appended to
and nothing is half there. Listing is for who writes: what a question needs follows from the catalog.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

Versions = Mapping[str, str]
"""
By key a token that stands for the bytes wanted, such as their hash in the catalog. What a reader has a copy of under
the same token is not asked for again.
"""


class Files(Protocol):
    """
    The files of one keep.

    A key that is not there raises `FileNotFoundError` with the key's full name as `filename`; whatever else goes wrong
    is a `StoreError` that names the place and never a secret.
    """

    def __hash__(self) -> int:
        """Files may be a key, such as that of a cache."""

    @property
    def place(self) -> str:
        """Where the keep is, as users write it: a folder, or s3://bucket/prefix."""

    @property
    def scratch(self) -> Path:
        """A folder on this machine for what is made here and can be made again; it may not exist yet."""

    def name(self, key: str) -> str:
        """A key as users write it, for messages."""

    def read(self, key: str, version: str | None = None) -> bytes:
        """The bytes of one file."""

    def stream(self, keys: Sequence[str], versions: Versions | None = None) -> Iterator[tuple[str, bytes | None]]:
        """
        Each key, in the order given, with its bytes, None where there is no such file.

        Many are under way at once, a bounded number ahead of who consumes them.
        """

    def parts(self, key: str) -> Iterator[bytes]:
        """
        The bytes of one file in parts of some megabytes, of which no more than a few are in memory.

        They are those of one version, whatever is written meanwhile. What is wrong is raised with the first part, or
        with the one that cannot be had.
        """

    def local(self, keys: Sequence[str], versions: Versions | None = None) -> list[Path]:
        """Paths on this machine that hold the bytes of these files, in their order, for readers that map or scan."""

    def exists(self, key: str) -> bool:
        """Whether there is such a file."""

    def write(self, key: str, data: bytes, *, durable: bool = False) -> None:
        """
        Replace one file in one step. `durable` returns only when it is stored for good; otherwise `flush` is the point
        from which it is, and a failure may be raised there.
        """

    def adopt(self, key: str, path: Path) -> None:
        """
        Replace one file by one that lies on this machine, in one step, as `write` does without `durable`: it is taken
        over, so that `path` is gone when this returns. However large it is, little of it is in memory.
        """

    def flush(self) -> None:
        """Return when all that was written so far is stored for good."""

    def replace(self, key: str, data: bytes, *, over: bytes | None) -> None:
        """
        Replace one file, for good, if its bytes still are `over` (None: it is not there).

        Raises `StoreError` when another writer came between; then nothing was changed.
        """

    def remove(self, keys: Iterable[str]) -> None:
        """Remove files; one that is not there is left at that."""

    def keys(self, prefix: str) -> list[str]:
        """The keys that begin with a prefix, sorted. It lists: for writers alone."""

    def lease(self, purpose: str) -> AbstractContextManager[None]:
        """
        Hold the one writer's lease while the block runs; `purpose` tells others what for.

        Raises `LeaseHeld`, naming the holder, when somebody else has it; never waits.
        """
