"""Keeps in buckets for tests: bars in files beside them, taken in by the real command or by this process."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from marketkeep.calendars import XNYS
from marketkeep.files import Files, files_at
from marketkeep.model import Policy
from marketkeep.pipeline.files import FileOptions
from marketkeep.pipeline.ingest import ingest
from marketkeep.pipeline.workspace import open_workspace
from marketkeep.stores.lake import Lake

SYMBOLS = ("AAPL", "BRK.B", "MSFT")
NOW = datetime(2025, 6, 2, 22, tzinfo=UTC)


def bars(folder: Path, first: date = date(2023, 1, 3), count: int = 300, symbols: tuple[str, ...] = SYMBOLS) -> Path:
    """A CSV file of plausible bars of some symbols."""
    lines = ["Symbol,Date,Open,High,Low,Close,Volume"]
    days = XNYS.sessions(first, first + timedelta(days=2 * count + 10))[:count]
    for base, symbol in enumerate(symbols, start=1):
        for number, day in enumerate(days):
            price = 100 * base + number % 50
            lines.append(f"{symbol},{day},{price},{price + 1.5},{price - 0.75},{price + 0.25},{1000 + number}")
    path = folder / f"bars-{first}-{count}-{len(symbols)}.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


class Clock:
    """A clock that stands still until it is set on by an hour."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        """The time it is."""
        return self.now

    def go_on(self) -> None:
        """An hour later."""
        self.now += timedelta(hours=1)


def make(place: Files | Path | str, *files: Path, now: Clock | None = None) -> Files:
    """A keep at a place that has taken in these files, an hour after each other."""
    found, clock = files_at(place), now or Clock()
    Lake(found).create(Policy())
    work = open_workspace(found, clock=clock)
    for path in files:
        clock.go_on()
        ingest(work, [path], FileOptions(source="csv", basis="as_traded"))
    return found


def content(files: Files, *, without: tuple[str, ...] = ("landing/index", "journal/")) -> dict[str, bytes | None]:
    """Every file of a keep with its bytes, without what each place has for itself."""
    return dict(files.stream([key for key in files.keys("") if not key.startswith(without)]))


def command(*arguments: object, **settings: str) -> subprocess.Popen[str]:
    """The real command in a process of its own, with what it prints to be read."""
    return subprocess.Popen(
        [sys.executable, "-m", "marketkeep", *(str(one) for one in arguments)],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments: object, **settings: str) -> tuple[int, str, str]:
    """How a command ended: exit code, output and errors."""
    process = command(*arguments, **settings)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err
