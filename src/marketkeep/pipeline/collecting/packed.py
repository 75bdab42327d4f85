"""
Packed answers: a zip of many answers is kept as it came and read member by member, never unpacked to disk.

Memory holds one member at a time. Whose member is not in the zip is not known to the source.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from marketkeep.errors import PayloadRefused
from marketkeep.model import NOT_FOUND, Lineage, Payload, Request, Source
from marketkeep.pipeline.batching import Batching

# What reading a zip raises: a way of packing that it does not know is a NotImplementedError, an encrypted member a
# RuntimeError.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)

Download = tuple[Path, Payload]
"""Where a packed answer's body lies, and the rest of the answer."""


def batch_members(
    batching: Batching,
    source: Source,
    request: Request,
    lineage: Lineage,
    download: Download,
    known: AbstractSet[str] = frozenset(),
) -> Iterator[Request]:
    """
    Read the members that were asked for into batches, one after the other; yields what each answered.

    Members at addresses in `known` are passed over. A member that is refused is remembered with its reason. Raises
    `PayloadRefused` when the whole is no zip.
    """
    missing = dict.fromkeys(request.symbols)
    path, payload = download
    with path.open("rb") as file, _reading(source), zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            member = source.unpack(request, info.filename)
            if member is None:
                continue
            for symbol in member.symbols:
                missing.pop(symbol, None)
            if member.full_url not in known:
                told = replace(lineage, url=member.full_url, symbols=member.symbols, start=member.start, end=member.end)
                _take(batching, source, member, told, replace(payload, body=archive.read(info)))
                yield member
    if missing:
        absent = replace(request, symbols=tuple(missing), packed=False)
        batching.refuse(absent, replace(lineage, symbols=absent.symbols), NOT_FOUND)


def _take(batching: Batching, source: Source, member: Request, lineage: Lineage, payload: Payload) -> None:
    try:
        frames = source.parse(member, payload)
    except PayloadRefused as refusal:
        batching.refuse(member, lineage, refusal.fault)
    else:
        batching.add(member, lineage, frames)


@contextmanager
def _reading(source: Source) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        reason = f"The bulk file is no zip that can be read ({error})."
        raise PayloadRefused(source.name, "truncated", reason) from error
