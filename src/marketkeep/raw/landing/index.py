"""
The index of the landing: which pack holds a digest, and where. Derived from the packs, and rebuilt from them.

It answers "perhaps here" and "indexed up to here"; whoever asks looks into the pack. It is a rollback-journal SQLite
file, not a write-ahead one, so that readers need to write nothing, on a read-only disk too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from marketkeep.errors import StoreError
from marketkeep.files import storing

_FORMAT = 1
_WAIT = 60.0
_SCHEMA = f"""
BEGIN;
CREATE TABLE packs (id INTEGER PRIMARY KEY, place TEXT NOT NULL UNIQUE, indexed INTEGER NOT NULL);
CREATE TABLE payloads (digest BLOB PRIMARY KEY, pack INTEGER NOT NULL, offset INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE revisits (digest BLOB, pack INTEGER, offset INTEGER, PRIMARY KEY (digest, pack, offset)) WITHOUT ROWID;
PRAGMA user_version = {_FORMAT};
COMMIT;
"""
_PAYLOAD = "SELECT place, offset FROM payloads JOIN packs ON id = pack WHERE digest = ?"
_REVISITS = "SELECT place, offset FROM revisits JOIN packs ON id = pack WHERE digest = ?"
_ADD_PACK = (
    "INSERT INTO packs (place, indexed) VALUES (?, ?) ON CONFLICT (place) DO UPDATE SET indexed = excluded.indexed"
)
_ADD_PAYLOAD = "INSERT OR REPLACE INTO payloads SELECT ?, id, ? FROM packs WHERE place = ?"
_ADD_REVISIT = "INSERT OR REPLACE INTO revisits SELECT ?, id, ? FROM packs WHERE place = ?"
_FORGET = (
    "DELETE FROM payloads WHERE pack = (SELECT id FROM packs WHERE place = ?)",
    "DELETE FROM revisits WHERE pack = (SELECT id FROM packs WHERE place = ?)",
    "DELETE FROM packs WHERE place = ?",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One exchange: the digest of its body, the pack and offset of its answering record."""

    digest: str
    pack: str
    offset: int
    revisit: bool = False


class Index:
    """An open index. Raises `StoreError` where SQLite fails; `reading` and `writing` open one."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        with self._telling():
            if connection.execute("PRAGMA user_version").fetchone() != (_FORMAT,):
                raise StoreError(f"{path} is not an index of this version; it is rebuilt at the next write.")

    def first(self, digest: str) -> Entry | None:
        """Where a digest's bytes were landed first, as far as is indexed."""
        return next((Entry(digest, *row) for row in self._rows(_PAYLOAD, digest)), None)

    def again(self, digest: str) -> list[Entry]:
        """Where the same bytes were landed again, as far as is indexed."""
        return [Entry(digest, *row, revisit=True) for row in self._rows(_REVISITS, digest)]

    def indexed(self) -> dict[str, int]:
        """How many bytes of each pack are indexed."""
        with self._telling():
            return dict(self._connection.execute("SELECT place, indexed FROM packs"))

    def add(self, entries: Iterable[Entry], indexed: Mapping[str, int]) -> None:
        """Add exchanges and note how far their packs are now indexed, in one transaction."""
        with self._telling(), self._connection as connection:
            connection.executemany(_ADD_PACK, indexed.items())
            for entry in entries:
                row = _key(entry.digest), entry.offset, entry.pack
                connection.execute(_ADD_REVISIT if entry.revisit else _ADD_PAYLOAD, row)

    def forget(self, place: str) -> None:
        """Drop all that was indexed of a pack."""
        with self._telling(), self._connection as connection:
            for statement in _FORGET:
                connection.execute(statement, (place,))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _rows(self, query: str, digest: str) -> list[tuple[str, int]]:
        with self._telling():
            return self._connection.execute(query, (_key(digest),)).fetchall()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(
                f"the index {self._path} failed: {error}. It may be deleted; it is rebuilt from the packs."
            ) from error


@contextmanager
def reading(path: Path) -> Iterator[Index | None]:
    """The index for reading, or None where there is none that can be read."""
    connection = None
    with suppress(sqlite3.Error):
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_WAIT)
    if connection is None:
        yield None
        return
    with closing(connection):
        index = None
        with suppress(StoreError):
            index = Index(path, connection)
        yield index


def writing(path: Path) -> Index:
    """The index for writing, made anew where there is none that can be used."""
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            with suppress(StoreError):
                return _connected(path)
            for part in (path, path.with_name(f"{path.name}-journal")):
                part.unlink(missing_ok=True)
        return _connected(path, _SCHEMA)


def _connected(path: Path, script: str = "") -> Index:
    connection = None
    try:
        connection = sqlite3.connect(path, timeout=_WAIT)
        connection.executescript(f"PRAGMA synchronous = NORMAL; {script}")
        for query in (_PAYLOAD, _REVISITS):
            connection.execute(query, (b"",)).fetchone()
        return Index(path, connection)
    except (sqlite3.Error, StoreError) as error:
        if connection is not None:
            connection.close()
        raise StoreError(f"cannot write {path}: {error}") from error


def _key(digest: str) -> bytes:
    return bytes.fromhex(digest.removeprefix("sha256:"))
