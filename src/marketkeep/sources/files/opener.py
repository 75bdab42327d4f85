"""
Opening what was handed in: a stream, or a callable that opens one; plain, gzip or zip, told by the first bytes.

Nothing here knows a path: the caller opens. A shared stream is rewound, never closed. An archive with several files
is not read as one: `members` gives them one by one.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Protocol

from marketkeep.errors import BadFile

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from Python 3.12 on

Stream = BinaryIO | Callable[[], BinaryIO]
"""A seekable stream, or a callable that opens a fresh one (closed after use)."""

_DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile)
_GZIP, _ZIP = b"\x1f\x8b", b"PK"


class Closes(Protocol):
    """Anything with a `close`."""

    def close(self) -> None:
        """Let go."""


class Reads(Protocol):
    """Anything that bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, none at the end."""


class _Borrowed(io.RawIOBase):
    """A view of a stream that leaves it open when closed, but closes what it was told it owns."""

    def __init__(self, file: Reads, *owned: Closes) -> None:
        self._file, self._owned = file, owned

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        data = self._file.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            for one in self._owned:
                one.close()
        super().close()


@contextmanager
def opened(name: str, stream: Stream) -> Iterator[tuple[BinaryIO, str]]:
    """
    The plain bytes from their start, and the name of the file inside (`name` itself unless it is an archive's).

    Raises `BadFile` when an archive is damaged or holds more than one file.
    """
    with undamaged(name), _base(stream) as base, io.BufferedReader(_Borrowed(base)) as plain:
        magic = plain.peek(2)[:2]
        if magic == _GZIP:
            with gzip.GzipFile(fileobj=plain) as unpacked, io.BufferedReader(_Borrowed(unpacked)) as rows:
                yield rows, name
        elif magic == _ZIP:
            with zipfile.ZipFile(base) as archive:
                inside = _only(name, archive)
                with archive.open(inside) as member, io.BufferedReader(_Borrowed(member)) as rows:
                    yield rows, inside
        else:
            yield plain, name


@contextmanager
def undamaged(name: str) -> Iterator[None]:
    """Say of a damaged archive that it is one."""
    try:
        yield
    except _DAMAGED as error:
        raise BadFile(name, f"the archive is damaged ({error})") from error
    except RuntimeError as error:
        if "password" in str(error):
            raise BadFile(name, "the archive is encrypted; unpack it first") from error
        raise


def members(name: str, stream: Stream) -> list[tuple[str, Stream]]:
    """The files in a zip, each with its own opener, in the archive's order; anything else is its own only member."""
    with undamaged(name), _base(stream) as base:
        if base.read(2) != _ZIP:
            return [(name, stream)]
        base.seek(0)
        with zipfile.ZipFile(base) as archive:
            inside = _files(archive)
    if len(inside) == 1:
        return [(name, stream)]
    return [(f"{name}/{one}", _member_opener(stream, one)) for one in inside]


def _member_opener(stream: Stream, member: str) -> Stream:
    def open_member() -> BinaryIO:
        base = stream() if callable(stream) else stream
        file = zipfile.ZipFile(base).open(member)  # noqa: SIM115  # the reader returned closes it
        return io.BufferedReader(_Borrowed(file, file, base) if callable(stream) else _Borrowed(file, file))

    return open_member


@contextmanager
def _base(stream: Stream) -> Iterator[BinaryIO]:
    if callable(stream):
        with stream() as file:
            yield file
    else:
        stream.seek(0)
        yield stream


def _files(archive: zipfile.ZipFile) -> list[str]:
    names = [info.filename for info in archive.infolist() if not info.is_dir()]
    return [name for name in names if not name.startswith("__MACOSX/") and not name.rpartition("/")[2].startswith(".")]


def _only(name: str, archive: zipfile.ZipFile) -> str:
    inside = _files(archive)
    if len(inside) != 1:
        raise BadFile(name, f"the archive holds {len(inside)} files; read them one by one")
    return inside[0]
