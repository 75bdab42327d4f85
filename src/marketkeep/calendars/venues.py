"""
The calendars this package knows: New York's exchanges, and UTC days for what trades around the clock.

`data/xnys.csv` holds only what differs from Monday to Friday at regular hours, one row per fact:

    first, last   the dates the file covers, both included
    regular       the hours in force from that date on, New York time
    closed        a weekday without trading
    hours         one session with hours of its own

It is made by tools/make_calendars.py; nothing here reaches for a calendar library or computes a holiday.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import compress
from pathlib import Path
from zoneinfo import ZoneInfo

from marketkeep.calendars.sessions import Calendar, Hours

_DATA = Path(__file__).parent / "data"
_MINUTES_A_DAY = 24 * 60
_WEEKDAYS = 5


def read_calendar(name: str, zone: str, path: Path) -> Calendar:
    """Read a calendar's data file, as described in this module's docstring."""
    rows: defaultdict[str, list[tuple[date, str, str]]] = defaultdict(list)
    with path.open(encoding="ascii", newline="") as file:
        next(file)
        for kind, iso, opens, closes in csv.reader(file):
            rows[kind].append((date.fromisoformat(iso), opens, closes))
    [(first, *_)], [(last, *_)] = rows["first"], rows["last"]
    # A mask over the days is several times faster than asking each day's weekday, and every import pays for it.
    numbers = range(first.toordinal(), last.toordinal() + 1)
    weeks = bytes(day < _WEEKDAYS for day in range(7)) * (len(numbers) // 7 + 2)
    trading = bytearray(weeks[first.weekday() :][: len(numbers)])
    for day, *_ in rows["closed"]:
        trading[day.toordinal() - numbers.start] = False
    ordinals = list(compress(numbers, trading))
    return Calendar(
        name, ZoneInfo(zone), first, last, ordinals, tuple(_hours(rows["regular"])), dict(_hours(rows["hours"]))
    )


def _hours(rows: Iterable[tuple[date, str, str]]) -> Iterator[tuple[date, Hours]]:
    for day, opens, closes in rows:
        yield day, Hours(_minutes(opens), _minutes(closes))


def _minutes(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour) * 60 + int(minute)


def _utc_days(first: date, last: date) -> Calendar:
    always = ((first, Hours(0, _MINUTES_A_DAY)),)
    days = range(first.toordinal(), last.toordinal() + 1)
    return Calendar("UTC_DAYS", ZoneInfo("UTC"), first, last, days, always, {})


XNYS = read_calendar("XNYS", "America/New_York", _DATA / "xnys.csv")
"""The New York Stock Exchange; Nasdaq and the other US equity venues keep the same sessions and hours."""

UTC_DAYS = _utc_days(date(2009, 1, 3), XNYS.last)
"""Around the clock: every day is a session from 00:00 UTC to the next; the first is that of the first bitcoin."""


def calendar_for(asset_class: str) -> Calendar:
    """The calendar whose sessions an asset class trades on: UTC days for crypto, New York for all else."""
    return UTC_DAYS if asset_class == "crypto" else XNYS
