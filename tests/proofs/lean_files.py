"""LEAN's own factor files and daily zips, read without marketkeep: the other side of a comparison."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FactorRow:
    """A line of a factor file: the factors of prices up to and on `session`, the last one before an ex-date."""

    session: date
    price: float
    split: float
    close: float
    text: str

    @property
    def both(self) -> float:
        """What prices are multiplied by."""
        return self.price * self.split


def day(text: str) -> date:
    """A date that begins a line, written YYYYMMDD."""
    return datetime.strptime(text[:8], "%Y%m%d").date()  # noqa: DTZ007  # a date has no zone


def factor_rows(path: Path) -> list[FactorRow]:
    """The lines of a factor file, oldest first."""
    rows = []
    for text in path.read_text().split():
        session, price, split, close = text.split(",")
        rows.append(FactorRow(day(session), float(price), float(split), float(close), text))
    return rows


def in_force(rows: list[FactorRow], session: date) -> FactorRow:
    """The line that holds for a session: the first that is not before it."""
    return next(row for row in rows if row.session >= session)


def daily_lines(path: Path) -> list[str]:
    """The lines of a daily zip."""
    with zipfile.ZipFile(path) as archive:
        (name,) = archive.namelist()
        return archive.read(name).decode().split("\n")
