"""
The two clocks of every question, and how days and instants are written.

Market time, `as_of`, is a day: only what the market knew by its end. Keeping time, `recorded_by`, is an instant in
UTC: only what this keep had received by then. Neither reads a clock; not given, they mean now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from marketkeep.errors import BadInput, BadRange

Day = date | str
Moment = datetime | date | str


@dataclass(frozen=True, slots=True)
class Clocks:
    """Both clocks as a question has them; None is now."""

    as_of: date | None = None
    recorded_by: datetime | None = None

    @classmethod
    def read(cls, as_of: Day | None, recorded_by: Moment | None) -> Clocks:
        """Both as users write them. Raises `BadInput`."""
        return cls(read_day(as_of, "as_of"), read_moment(recorded_by))

    def until(self, end: date | None) -> date | None:
        """The last day to look at when asked through `end`."""
        return min((day for day in (end, self.as_of) if day), default=None)

    def after(self, start: date | None) -> Clocks:
        """The same for a question of sessions from `start` on. Raises `BadInput` when none was over as of the day."""
        if start is not None and self.as_of is not None and self.as_of < start:
            raise BadInput(
                f"as_of={self.as_of} lies before start={start}: of sessions from then on nothing was known on that day"
            )
        return self


def read_range(start: Day | None, end: Day | None) -> tuple[date | None, date | None]:
    """Both bounds as days. Raises `BadInput`, and `BadRange` when they are the wrong way round."""
    if isinstance(start, datetime) and isinstance(end, datetime) and bool(start.tzinfo) != bool(end.tzinfo):
        with_zone, without = ("start", "end") if start.tzinfo else ("end", "start")
        raise BadInput(
            f"{with_zone} has a time zone and {without} has none (start={start}, end={end}); sessions are days of the "
            f"venue: give both as days, such as {start.date()} and {end.date()}"
        )
    first, last = read_day(start, "start"), read_day(end, "end")
    if first and last and first > last:
        raise BadRange(first, last)
    return first, last


def read_day(value: Day | None, name: str) -> date | None:
    """
    A day, text as YYYY-MM-DD; midnight without a zone is the day it begins.

    Raises `BadInput` naming the parameter, also for an instant: which session it is of depends on the venue.
    """
    if isinstance(value, datetime):
        if value.tzinfo is None and value.time() == time():
            return value.date()
        what = "has a time zone" if value.tzinfo else "has a time of day"
        raise BadInput(f"{name}={value} {what}; sessions are days of the venue: give a day, such as {value.date()}")
    if value is None or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise BadInput(f"{name}={value!r} is not a date; write it as YYYY-MM-DD") from None


def read_moment(value: Moment | None, name: str = "recorded_by") -> datetime | None:
    """An instant; a day means its end, in UTC. Raises `BadInput` naming the parameter."""
    when = instant_or_day(value, name)
    return when if when is None or isinstance(when, datetime) else end_of(when)


def instant_or_day(value: Moment | None, name: str) -> datetime | date | None:
    """A day stays a day; a time without a zone is UTC."""
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if len(value) == len("2024-01-02") else datetime.fromisoformat(value)
        except ValueError:
            raise BadInput(f"{name}={value!r} is not a time; write 2024-01-02 or 2024-01-02T15:00:00Z") from None
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and not value.tzinfo else value


def end_of(day: date) -> datetime:
    """The last instant of a day in UTC."""
    return datetime(day.year, day.month, day.day, 23, 59, 59, 999999, tzinfo=UTC)
