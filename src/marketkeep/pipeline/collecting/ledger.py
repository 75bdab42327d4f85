"""
The ledger of sources: how many calls each has had, how it has been answering, and whether it is at rest.

It survives restarts, so that a day's quota holds over all runs, and it belongs to the keep: two keeps that share a key
count apart. It is operational, not raw: losing it costs a look at the vendor, never a number. For a keep in a bucket it
lies on this machine, and a copy in the bucket from which another machine begins.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from marketkeep.errors import StoreError
from marketkeep.files import Files, Folder, files_at, write_atomic

PLACE = "journal/ledger.sqlite"
"""Where the ledger lies, relative to the keep's root."""

FAILURES_IN_A_ROW = 5
"""After so many requests without an answer a source is rested."""

_LONGEST_REST = timedelta(hours=1)
# A source may be down for weeks, and what a number of days holds has its bounds.
_DOUBLED_AT_MOST = 20
_RATE_DAYS = 7
_TABLES = """
create table if not exists calls (source text, day text, calls integer not null default 0,
    answered integer not null default 0, failed integer not null default 0, primary key (source, day));
create table if not exists sources (source text primary key, in_a_row integer not null default 0,
    rests integer not null default 0, rests_until text, answered_at text, note text, noted_at text);
"""


@dataclass(frozen=True, slots=True)
class Health:
    """
    How a source has been: calls made today (UTC), share of requests without a usable answer in the last week (None when
    none was made), last success, until when it rests, and the last thing worth telling with its time.
    """

    calls_today: int = 0
    error_rate: float | None = None
    answered_at: datetime | None = None
    rests_until: datetime | None = None
    note: str | None = None
    noted_at: datetime | None = None


def ledger_path(files: Files) -> Path:
    """Where a keep's ledger lies on this machine."""
    return (files.root if isinstance(files, Folder) else files.scratch) / PLACE


def is_kept(files: Files) -> bool:
    """Whether anything was ever counted for a keep."""
    return ledger_path(files).exists() or (not isinstance(files, Folder) and files.exists(PLACE))


class Ledger:
    """
    The ledger of the keep at a place, for any number of threads; a `Meter` of the HTTP client.

    `quotas` says by source how many calls a day (UTC) it gets; `rest_seconds` how long the first rest is.
    """

    def __init__(
        self,
        place: Files | Path | str,
        clock: Callable[[], datetime],
        quotas: Mapping[str, int] | None = None,
        *,
        rest_seconds: float = 60.0,
    ) -> None:
        self._clock = clock
        self._quotas = quotas or {}
        self._rest = timedelta(seconds=rest_seconds)
        self._lock = threading.Lock()
        self._files = files_at(place)
        self._path = ledger_path(self._files)
        self._opened: sqlite3.Connection | None = None

    def take(self, source: str) -> bool:
        """Count one call to a source; false, and nothing is counted, when it has none left today."""
        quota = self._quotas.get(source)
        with self._writing() as data:
            if quota is not None and self._calls(source) >= quota:
                return False
            self._count(data, source, "calls")
            return True

    def left(self, source: str) -> int | None:
        """How many calls a source has left today; None where they are not limited."""
        quota = self._quotas.get(source)
        if quota is None:
            return None
        with self._reading() as known:
            return max(0, quota - self._calls(source)) if known else quota

    def answered(self, source: str) -> None:
        """A usable answer came: the source is well."""
        with self._writing() as data:
            self._count(data, source, "answered")
            data.execute(
                "insert into sources (source, answered_at) values (?, ?) on conflict (source) do update set "
                "answered_at = excluded.answered_at, in_a_row = 0, rests = 0, rests_until = null",
                (source, self._clock().isoformat()),
            )

    def failed(self, source: str, note: str) -> datetime | None:
        """No answer came; returns until when the source is rested, when this was one failure too many."""
        with self._writing() as data:
            self._count(data, source, "failed")
            self._note(data, source, note)
            row = self._row("select in_a_row, rests from sources where source = ?", source)
            in_a_row, rests = row[0] + 1, row[1]
            if in_a_row < FAILURES_IN_A_ROW:
                data.execute("update sources set in_a_row = ? where source = ?", (in_a_row, source))
                return None
            until = self._clock() + self._longer(self._rest, rests)
            # One more failure after the rest is enough for the next, longer one.
            data.execute(
                "update sources set in_a_row = ?, rests = ?, rests_until = ? where source = ?",
                (FAILURES_IN_A_ROW - 1, rests + 1, until.isoformat(), source),
            )
            return until

    def refused(self, source: str, note: str) -> None:
        """An answer came that could not be used."""
        with self._writing() as data:
            self._count(data, source, "failed")
            self._note(data, source, note)

    def exhausted(self, source: str, note: str, least: timedelta) -> datetime:
        """
        A source says that it was asked too often: it is rested for `least` or the first rest, whichever is longer, and
        for twice that each time it says so again before it has answered. Returns until when.
        """
        with self._writing() as data:
            self._count(data, source, "failed")
            self._note(data, source, note)
            rests = int(self._row("select rests from sources where source = ?", source)[0])
            until = self._clock() + self._longer(max(self._rest, least), rests)
            data.execute(
                "update sources set rests = ?, rests_until = ? where source = ?", (rests + 1, until.isoformat(), source)
            )
            return until

    def rest(self, source: str, note: str, until: datetime) -> None:
        """Rest a source until then: its key is wrong or its calls of the day are used up."""
        with self._writing() as data:
            self._count(data, source, "failed")
            self._note(data, source, note)
            data.execute("update sources set rests_until = ? where source = ?", (until.isoformat(), source))

    def rests_until(self, source: str) -> datetime | None:
        """Until when a source is at rest; None when it can be asked."""
        until = self.health(source).rests_until
        return until if until is not None and until > self._clock() else None

    def health(self, source: str) -> Health:
        """How a source has been."""
        since = (self._clock().astimezone(UTC).date() - timedelta(days=_RATE_DAYS)).isoformat()
        with self._reading() as known:
            if not known:
                return Health()
            row = self._row("select answered_at, rests_until, note, noted_at from sources where source = ?", source)
            sums = self._row("select sum(answered), sum(failed) from calls where source = ? and day > ?", source, since)
            calls = self._calls(source)
        answered_at, rests_until, note, noted_at = row or (None,) * 4
        good, bad = (sums[0] or 0, sums[1] or 0) if sums else (0, 0)
        rate = bad / (good + bad) if good + bad else None
        return Health(calls, rate, _moment(answered_at), _moment(rests_until), note, _moment(noted_at))

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                if not isinstance(self._files, Folder):
                    with self._telling():
                        self._files.write(PLACE, self._path.read_bytes(), durable=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @staticmethod
    def _longer(first: timedelta, rests: int) -> timedelta:
        """The rest after so many: twice as long each time, up to an hour."""
        return min(first * (1 << min(rests, _DOUBLED_AT_MOST)), max(first, _LONGEST_REST))

    def _today(self) -> str:
        return self._clock().astimezone(UTC).date().isoformat()

    def _calls(self, source: str) -> int:
        row = self._row("select calls from calls where source = ? and day = ?", source, self._today())
        return int(row[0]) if row else 0

    def _row(self, query: str, *values: object) -> Any:
        return self._data().execute(query, values).fetchone()

    def _count(self, data: sqlite3.Connection, source: str, what: str) -> None:
        data.execute(
            f"insert into calls (source, day, {what}) values (?, ?, 1) "  # noqa: S608  `what` is one of three words here
            f"on conflict (source, day) do update set {what} = {what} + 1",
            (source, self._today()),
        )

    def _note(self, data: sqlite3.Connection, source: str, note: str) -> None:
        data.execute(
            "insert into sources (source, note, noted_at) values (?, ?, ?) on conflict (source) do update set "
            "note = excluded.note, noted_at = excluded.noted_at",
            (source, note, self._clock().isoformat()),
        )

    def _data(self) -> sqlite3.Connection:
        if self._opened is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if not isinstance(self._files, Folder) and not self._path.exists():
                self._fetch()
            self._opened = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
            # A call lost to a power cut is a call too few counted; flushing each would cost more than the call.
            self._opened.executescript(f"pragma journal_mode=wal; pragma synchronous=off; {_TABLES}")
        return self._opened

    def _fetch(self) -> None:
        """Begin from the copy that another machine has left, if one has."""
        with suppress(FileNotFoundError):
            write_atomic(self._path, self._files.read(PLACE))

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._telling():
            data = self._data()
            # Another process may count for the same keep: what is read here holds until it is written.
            with data:
                data.execute("begin immediate")
                yield data

    @contextmanager
    def _reading(self) -> Iterator[bool]:
        """Whether anything was ever counted; a look makes no file."""
        with self._lock, self._telling():
            yield self._opened is not None or is_kept(self._files)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"{self._path} cannot be used ({error}). It only counts calls: take it away, and it is made anew."
            ) from error


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
