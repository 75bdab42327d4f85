"""
The mapped files of a keep on this machine: made where they are missing, compared with what they stand for, removed when
the catalog no longer tells of them.

A reader makes what it finds missing; the writer makes what an update changed and removes the rest. A file is never
changed in place, so whoever has the old one open goes on reading it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import polars as pl
import pyarrow as pa

from marketkeep.errors import CorruptFile, StoreError
from marketkeep.files import Files
from marketkeep.stores.panel.content import content_of
from marketkeep.stores.panel.mapped import Mapped, Source, folder, forget, open_mapped, sources
from marketkeep.stores.panel.mapped_build import build

_ROWS_AT_ONCE = 262_144


def make(files: Files, source: Source) -> Mapped | None:
    """
    The map of a partition, made where there is none that can be used; None where it cannot be written, or was removed
    at once by a writer that has a newer one.

    Raises `CorruptFile` when the partition is not what the catalog told: lost, damaged, or replaced since.
    """
    found = open_mapped(files.scratch, source)
    if found is not None:
        return found
    try:
        build(_checked(files, source), folder(files.scratch) / source.name)
    except OSError:
        return None
    return open_mapped(files.scratch, source)


def refresh(files: Files, panels: pl.DataFrame) -> None:
    """
    Make anew the maps of which these `PANELS` rows have another version, and remove those they tell nothing of.

    For the writer, once the catalog tells of the rows. What nobody has mapped on this machine is not mapped here
    either; a folder that cannot be written stays as it is.
    """
    wanted = {source.name: source for dataset in panels["dataset"].unique() for source in sources(panels, dataset)}
    held = {path.name: path for path in _held(files.scratch)}
    before = {_of_period(name) for name in held}
    for name, source in wanted.items():
        if name not in held and _of_period(name) in before:
            with suppress(CorruptFile):
                make(files, source)
    for name, path in held.items():
        if name not in wanted:
            with suppress(OSError):
                path.unlink()


def _of_period(name: str) -> str:
    """The part of a mapped file's name that says what it is of, whatever the version."""
    return name.rsplit("-", 2)[0]


def damaged(files: Files, panels: pl.DataFrame) -> list[str]:
    """
    The mapped files whose rows are not those that the catalog tells of, by name; each is removed, and made again when
    it is wanted. It reads them all.
    """
    told = dict(panels.select("key", "content").iter_rows())
    found = []
    for dataset in panels["dataset"].unique().sort():
        for source in sources(panels, dataset):
            path = folder(files.scratch) / source.name
            if path.exists() and _content(files.scratch, source) != told[source.key]:
                found.append(source.name)
                with suppress(OSError):
                    path.unlink()
    if found:
        forget()
    return found


def _content(scratch: Path, source: Source) -> str | None:
    opened = open_mapped(scratch, source)
    if opened is None:
        return None
    try:
        return content_of(source.dataset, opened.frame.iter_slices(_ROWS_AT_ONCE))
    except (pl.exceptions.PolarsError, UnicodeDecodeError):
        return None


def _checked(files: Files, source: Source) -> pa.Buffer:
    """The bytes of a partition, mapped: whatever a writer does, those that were compared are those that are read."""
    name = files.name(source.key)
    try:
        [path] = files.local([source.key], {source.key: source.hash})
        data = pa.memory_map(str(path)).read_buffer()
    except (OSError, StoreError) as error:
        raise CorruptFile(name, f"it cannot be read ({error})", derived=True, key=source.key) from error
    if hashlib.sha256(data).hexdigest() != source.hash:
        raise CorruptFile(name, "its bytes differ from the hash in the catalog", derived=True, key=source.key)
    return data


def _held(scratch: Path) -> Iterator[Path]:
    """The mapped files there are; those being made have names that begin with a dot."""
    with suppress(OSError):
        yield from [path for path in folder(scratch).iterdir() if path.suffix == ".arrow" and path.name[0] != "."]
