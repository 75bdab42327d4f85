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


WHERE_TRADED: dict[str, tuple[tuple[str, str, str], ...]] = {
    "GOOG": (("goog", "2014-04-03", "2050-12-31"),),
    "GOOGL": (("goog", "2004-08-19", "2014-04-02"), ("googl", "2014-04-03", "2050-12-31")),
    "EEM": (("eem", "2003-04-11", "2050-12-31"),),
    "WM": (("wmi", "1998-07-17", "2009-08-04"), ("wm", "2009-08-05", "2050-12-31")),
    "TFCFA": (),
}
"""
By security the zips its bars are in, with first and last session: read off the map files by hand. Until 2014-04-02
`goog` is the class that is GOOGL now, until 2008-09-26 `wm` is Washington Mutual, until 2003 `eem` is another fund.
Who is not named here has one zip of its own.
"""


def own_closes(lean: Path, symbol: str) -> dict[date, float]:
    """Closes of a security as traded, under whatever ticker they were, from the daily zips; sorted."""
    found: dict[date, float] = {}
    whole = ((symbol.lower(), "1990-01-01", "2050-12-31"),)
    for name, first, last in WHERE_TRADED.get(symbol, whole):
        for line in filter(None, daily_lines(lean / f"daily/{name}.zip")):
            when = day(line)
            if first <= when.isoformat() <= last:
                found[when] = int(line.split(",")[4]) / 10_000
    return dict(sorted(found.items()))
