"""
Every error that marketkeep raises on purpose, in one tree.

    MarketkeepError
    ├── BadInput                 what the caller asked for cannot be right (exit code 2)
    │   ├── BadSymbol            not a symbol, or not one that can be kept safely
    │   ├── AmbiguousSymbol      several securities had this ticker in the dates asked for
    │   ├── BadRange             start after end, or a date outside what is known
    │   ├── BadFile              a file handed in cannot be read as what it claims to be
    │   └── BadSetting           a setting has a value it must not have
    ├── NotFound                 the question is fine, the keep holds no answer (exit code 1)
    ├── CalendarError            a date lies outside the sessions a calendar knows
    ├── EngineFailed             work given to a cluster did not come back (exit code 1)
    ├── SourceError              a source could not be used
    │   ├── FetchFailed          no usable answer came back after all attempts
    │   └── PayloadRefused       an answer came, but it is not what was asked for
    └── StoreError               a keep's files cannot be read or written (exit code 1)
        ├── CorruptFile          bytes differ from the hash they were kept under
        │   └── OtherForm        another version of marketkeep published what is there
        └── LeaseHeld            another writer is at work on this keep

A message says what was asked, what was found and what to do next; the facts are attributes too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any


class MarketkeepError(Exception):
    """The root: catch this to catch everything marketkeep raises on purpose. Pickled it stays what it is."""

    exit_code = 1

    def __reduce__(self) -> tuple[Callable[..., MarketkeepError], tuple[Any, ...]]:
        # Its class makes the message from facts, so it cannot be called with the message.
        return _again, (type(self), self.args, vars(self))


def _again(kind: type[MarketkeepError], args: tuple[Any, ...], facts: dict[str, Any]) -> MarketkeepError:
    error = kind.__new__(kind, *args)
    vars(error).update(facts)
    return error


class BadInput(MarketkeepError):
    """What the caller asked for cannot be right."""

    exit_code = 2


class BadSymbol(BadInput):
    """A text is not a symbol, or not one that can be kept safely as a folder name."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(
            f"{text!r} is not a symbol: {reason}. Use the exchange's form, such as AAPL, BRK.B or BTC-USD."
        )
        self.text, self.reason = text, reason


class AmbiguousSymbol(BadInput):
    """Several securities had a ticker in the dates asked for; `choices` are their symbols, each with who it is."""

    def __init__(self, asked: str, choices: Mapping[str, str]) -> None:
        told = [f"{symbol} ({who})" if who else symbol for symbol, who in choices.items()]
        means = f"{', '.join(told[:-1])} and {told[-1]}"
        super().__init__(f"{asked} means {means}; name one of them or narrow the dates.")
        self.asked, self.choices = asked, dict(choices)


class BadRange(BadInput):
    """A range of dates is empty, reversed or outside what is known."""

    def __init__(self, start: date, end: date, reason: str = "the start lies after the end") -> None:
        super().__init__(f"range {start} to {end}: {reason}. Give a start on or before the end.")
        self.start, self.end = start, end


class BadFile(BadInput):
    """A file handed in cannot be read; `line` and `column` say where, when known."""

    def __init__(self, name: str, reason: str, *, line: int | None = None, column: str | None = None) -> None:
        where = f", line {line}" if line is not None else ""
        where += f", column {column!r}" if column is not None else ""
        super().__init__(f"{name}{where}: {reason}")
        self.name, self.reason, self.line, self.column = name, reason, line, column


class BadSetting(BadInput):
    """A setting has a value it must not have."""


class NotFound(MarketkeepError):
    """The question is fine, but this keep holds no answer to it."""


class CalendarError(MarketkeepError):
    """A date lies outside the sessions a calendar knows."""

    def __init__(self, calendar: str, asked: date, first: date, last: date) -> None:
        super().__init__(
            f"{calendar} has sessions from {first} to {last}; {asked} is outside. "
            "Ask for dates inside, or extend the calendar's data file (make calendars)."
        )
        self.calendar, self.asked, self.first, self.last = calendar, asked, first, last


class EngineFailed(MarketkeepError):
    """Work given to a cluster, or to other processes, did not come back."""

    def __init__(self, engine: str, reason: str) -> None:
        super().__init__(
            f"{engine} could not do a piece of the work: {reason}. Nothing is half done: run it again, or with "
            "--engine local."
        )
        self.engine, self.reason = engine, reason


class SourceError(MarketkeepError):
    """A source could not be used."""


class FetchFailed(SourceError):
    """No usable answer came back after all attempts; `faults` names what each attempt met."""

    def __init__(self, source: str, what: str, faults: tuple[str, ...], *, permanent: bool = False) -> None:
        met = ", ".join(faults) or "no attempt was made"
        super().__init__(f"{source}: {what} could not be fetched ({met})")
        self.source, self.what, self.faults, self.permanent = source, what, faults, permanent


class PayloadRefused(SourceError):
    """
    An answer came, but it is not what was asked for.

    `fault` is a short code that findings and the journal use (malformed, wrong_symbol, empty, ...);
    `retry` says whether asking again may help.
    """

    def __init__(self, source: str, fault: str, reason: str, *, retry: bool = True) -> None:
        super().__init__(f"{source}: {reason}")
        self.source, self.fault, self.reason, self.retry = source, fault, reason, retry


class StoreError(MarketkeepError):
    """A keep's files cannot be read or written."""


def _path(name: Path | str) -> Path | str:
    """A file's full name as a path, where it is one on this machine."""
    return name if isinstance(name, str) and "://" in name else Path(name)


class CorruptFile(StoreError):
    """Bytes differ from the hash they were kept under."""

    def __init__(self, path: Path | str, reason: str, *, derived: bool = False, key: str | None = None) -> None:
        """`path` is the file's full name, `key` its name relative to the keep's root, where that matters."""
        remedy = "marketkeep rebuild makes it again" if derived else "Restore it from a backup"
        super().__init__(f"{path} is corrupt: {reason}. {remedy}; nothing else is affected.")
        self.path, self.reason, self.key = _path(path), reason, key


class OtherForm(CorruptFile):
    """What is published is of another form than this version of marketkeep reads."""

    def __init__(self, path: Path | str) -> None:
        StoreError.__init__(
            self,
            f"another version of marketkeep published what {path} tells of. Run marketkeep rebuild, which makes it "
            "again from all that was received; nothing is lost.",
        )
        self.path, self.reason, self.key = _path(path), "another version published it", None


class LeaseHeld(StoreError):
    """Another writer is at work on this keep."""

    def __init__(self, root: Path | str, holder: str) -> None:
        super().__init__(f"{root} is being written by {holder}. Wait for it to end, or stop it, then run again.")
        self.root, self.holder = root, holder
