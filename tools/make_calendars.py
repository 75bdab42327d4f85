"""
Make src/marketkeep/calendars/data/xnys.csv (`make calendars`); run by a developer, never by the package.

Holidays come from exchange_calendars' rules, and hours too from 1990 on. Before that its hours are today's ones drawn
backwards, so the hours are stated here as the exchange's list of closings and its timeline of trading hours give
them. Unscheduled late opens and early closes stay out: a calendar tells what was announced. Years the exchange has not
announced yet follow its standing rules; run this again when it announces them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import exchange_calendars
import pandas as pd

FIRST, LAST = date(1962, 1, 2), date(2050, 12, 31)
HOURS_KNOWN_FROM = date(1990, 1, 1)
TARGET = Path(__file__).parents[1] / "src/marketkeep/calendars/data/xnys.csv"
NEW_YORK = ZoneInfo("America/New_York")

REGULAR = (
    ("1962-01-02", "10:00", "15:30"),
    # Two weeks of 1967 and the paperwork crisis from 1968 on: short days, announced as the hours in force.
    ("1967-08-08", "10:00", "14:00"),
    ("1967-08-21", "10:00", "15:30"),
    ("1968-01-22", "10:00", "14:00"),
    ("1968-03-04", "10:00", "15:30"),
    ("1969-01-02", "10:00", "14:00"),
    ("1969-07-07", "10:00", "14:30"),
    ("1969-09-29", "10:00", "15:00"),
    ("1970-05-04", "10:00", "15:30"),
    ("1974-10-01", "10:00", "16:00"),
    ("1985-09-30", "09:30", "16:00"),
    # The weeks after the crash of October 1987.
    ("1987-10-23", "09:30", "14:00"),
    ("1987-11-02", "09:30", "14:30"),
    ("1987-11-05", "09:30", "15:00"),
    ("1987-11-09", "09:30", "15:30"),
    ("1987-11-12", "09:30", "16:00"),
)
HALF_DAYS_BEFORE_1990 = (("1974-12-24", "10:00", "14:00"), ("1975-12-24", "10:00", "14:00"))


def weekdays(first: date, last: date) -> Iterator[date]:
    """Every Monday to Friday from `first` to `last`, both included."""
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        if day.weekday() < 5:
            yield day


def closed_days(calendar: exchange_calendars.ExchangeCalendar) -> set[date]:
    """
    The weekdays without trading.

    The rules are asked one by one, because pandas' holiday calendar, which the library's sessions rest on, silently
    knows no rule before 1970.
    """
    start, end = pd.Timestamp(FIRST), pd.Timestamp(LAST)
    by_rule = {day.date() for rule in calendar.regular_holidays.rules for day in rule.dates(start, end)}
    return by_rule | {pd.Timestamp(day).date() for day in calendar.adhoc_holidays}


def special_hours(calendar: exchange_calendars.ExchangeCalendar) -> Iterator[tuple[str, str, str]]:
    """The sessions since 1990 whose hours are not 09:30 to 16:00."""
    for row in calendar.schedule.loc[str(HOURS_KNOWN_FROM) :].itertuples():
        # pandas' own conversion forgets daylight saving from 2038 on; datetime's does not.
        opens, closes = (f"{at.to_pydatetime().astimezone(NEW_YORK):%H:%M}" for at in (row.open, row.close))
        if (opens, closes) != ("09:30", "16:00"):
            yield (str(row.Index.date()), opens, closes)


def rows() -> Iterator[tuple[str, str, str, str]]:
    """The file's rows, in its order."""
    calendar = exchange_calendars.get_calendar("XNYS", start=str(FIRST), end=str(LAST))
    closed = closed_days(calendar)
    special: Iterable[tuple[str, str, str]] = (*HALF_DAYS_BEFORE_1990, *special_hours(calendar))
    yield ("first", str(FIRST), "", "")
    yield ("last", str(LAST), "", "")
    yield from (("regular", *row) for row in REGULAR)
    yield from (("closed", str(day), "", "") for day in weekdays(FIRST, LAST) if day in closed)
    yield from (("hours", *row) for row in special)


def main() -> None:
    """Write the file anew."""
    with TARGET.open("w", encoding="ascii", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("kind", "date", "open", "close"))
        writer.writerows(rows())


if __name__ == "__main__":
    main()
