"""
Writing files so that a crash never leaves half of one: aside, then renamed.

`durable=True` flushes the file and its folder to the disk first; it is asked of landing and raw, and spared for what
can be derived again. Every OSError becomes a `StoreError` that names the path.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import get_ident
from typing import BinaryIO

from marketkeep.errors import StoreError

_ASIDE = ".tmp"
_ABANDONED = 24 * 3600.0


@contextmanager
def storing(path: Path | str) -> Iterator[None]:
    """Turn an OSError met while writing `path` into a `StoreError` that says what and why."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}. Nothing half-written was kept.") from error


def write_atomic(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Replace `path` by `data` in one step; readers see the old bytes or the new, never a part."""
    with replacing(path, durable=durable) as file:
        file.write(data)


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[BinaryIO]:
    """A file beside `path` that takes its place in one step when the block ends well, and goes when it does not."""
    aside = path.with_name(f".{path.name}.{os.getpid()}{_ASIDE}")
    with storing(path):
        try:
            with _create(aside) as file:
                yield file
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            aside.replace(path)
        except BaseException:
            with suppress(OSError):
                aside.unlink()
            raise
        if durable:
            sync_folder(path.parent)


@contextmanager
def set_aside(scratch: Path, name: str) -> Iterator[Path]:
    """
    A place in a scratch folder for a large file until it is whole and taken over; what is left there goes at the end.

    What was killed a day ago or more goes at the beginning; others may be writing beside us.
    """
    folder = scratch / "aside"
    path = folder / f".{name}.{os.getpid()}-{get_ident()}{_ASIDE}"
    with storing(path):
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(f".*{_ASIDE}"):
            with suppress(FileNotFoundError):
                if time.time() - left.stat().st_mtime > _ABANDONED:
                    left.unlink()
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def sweep(folder: Path) -> int:
    """Remove what writers that were killed had set aside under `folder`; nobody else may be writing there."""
    left = [path for path in folder.rglob(f".*{_ASIDE}") if path.is_file()]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def _create(path: Path) -> BinaryIO:
    """Open for writing; the folder is made only when it turns out to be missing, which spares a call per file."""
    try:
        return path.open("wb")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")


def sync_folder(folder: Path) -> None:
    """Make a folder's entries (a new or renamed file) survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
