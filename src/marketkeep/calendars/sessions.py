"""
Which days are sessions, and when each opens and closes.

A session is a date without a zone; opens and closes are instants in UTC. Hours are the scheduled ones: a halt, a late
open after a storm or a single name's pause is not here. A date outside `first` to `last` raises `CalendarError`
rather than being guessed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import polars as pl

from marketkeep.errors import BadInput, BadRange, CalendarError

_INSTANT = pl.Datetime("us", "UTC")


@dataclass(frozen=True, slots=True)
class Hours:
    """Open and close as minutes after local midnight; a close of 1440 is the next midnight."""

    open: int
    close: int


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """
    The sessions of one venue from `first` to `last`, both included.

    `ordinals` are the sessions as sorted day numbers (`date.toordinal`), `regular` the hours in force from a date on
    (oldest first), `special` the hours of single sessions that differ from them.
    """

    name: str
    zone: ZoneInfo
    first: date
    last: date
    ordinals: Sequence[int]
    regular: tuple[tuple[date, Hours], ...]
    special: Mapping[date, Hours]

    def is_session(self, day: date) -> bool:
        """Whether the venue trades on `day`."""
        at = bisect_left(self.ordinals, self._inside(day).toordinal())
        return at < len(self.ordinals) and self.ordinals[at] == day.toordinal()

    def sessions(self, start: date, end: date) -> list[date]:
        """The sessions in [start, end), in order; `end` itself is excluded and may be the day after `last`."""
        return [date.fromordinal(number) for number in self.ordinals[self._slice(start, end)]]

    def next_session(self, day: date) -> date:
        """The first session after `day`, which need not be a session itself."""
        at = bisect_right(self.ordinals, self._inside(day).toordinal())
        if at == len(self.ordinals):
            raise CalendarError(self.name, day + timedelta(days=1), self.first, self.last)
        return date.fromordinal(self.ordinals[at])

    def previous_session(self, day: date) -> date:
        """The last session before `day`, which need not be a session itself."""
        at = bisect_left(self.ordinals, self._inside(day).toordinal())
        if at == 0:
            raise CalendarError(self.name, day - timedelta(days=1), self.first, self.last)
        return date.fromordinal(self.ordinals[at - 1])

    def session_open(self, session: date) -> datetime:
        """The instant (UTC) at which `session` opens."""
        return self._instant(session, self._hours(session).open)

    def session_close(self, session: date) -> datetime:
        """The instant (UTC) at which `session` closes; the first one that is no longer part of it."""
        return self._instant(session, self._hours(session).close)

    def is_half_day(self, session: date) -> bool:
        """Whether `session` was scheduled to close before the regular close of its time."""
        return self._hours(session).close < self._regular_hours(session).close

    def regular_minutes(self, session: date) -> int:
        """Minutes between open and close: 390 on a usual day, 210 where New York closes at 13:00."""
        hours = self._hours(session)
        return hours.close - hours.open

    def frame(self, start: date, end: date) -> pl.DataFrame:
        """The sessions in [start, end) with `open` and `close` in UTC, one row each, sorted by `session`."""
        rows = self._slice(start, end)
        return _whole_frame(self).slice(rows.start, rows.stop - rows.start)

    def last_final(self, now: datetime, lag: timedelta) -> date:
        """The last session whose close lies at least `lag` before `now` (an aware datetime)."""
        if now.tzinfo is None:
            raise ValueError("last_final needs an aware datetime; a naive one does not name an instant")
        today = self._inside(now.astimezone(self.zone).date())
        session = today if self.is_session(today) else self.previous_session(today)
        while self.session_close(session) + lag > now:
            session = self.previous_session(session)
        return session

    def _inside(self, day: date) -> date:
        if not self.first <= day <= self.last:
            raise CalendarError(self.name, day, self.first, self.last)
        return day

    def _slice(self, start: date, end: date) -> slice:
        if start > end:
            raise BadRange(start, end)
        if start < end:
            self._inside(start)
            self._inside(end - timedelta(days=1))
        return slice(bisect_left(self.ordinals, start.toordinal()), bisect_left(self.ordinals, end.toordinal()))

    def _hours(self, session: date) -> Hours:
        if not self.is_session(session):
            raise BadInput(f"{session} is not a session of {self.name}. Ask is_session first, or use next_session.")
        return self.special.get(session) or self._regular_hours(session)

    def _regular_hours(self, session: date) -> Hours:
        return self.regular[bisect_right(self.regular, session, key=lambda row: row[0]) - 1][1]

    def _instant(self, session: date, minutes: int) -> datetime:
        wall = datetime.combine(session, time()) + timedelta(minutes=minutes)
        return wall.replace(tzinfo=self.zone).astimezone(UTC)


@lru_cache
def _whole_frame(calendar: Calendar) -> pl.DataFrame:
    """Every session of a calendar, made once: joins with millions of bars take slices of it."""
    epoch = date(1970, 1, 1).toordinal()
    days = pl.Series("session", calendar.ordinals, dtype=pl.Int32)
    sessions = pl.DataFrame({"session": (days - epoch).cast(pl.Date)}).set_sorted("session")
    hours = sessions.join_asof(_hours_frame(calendar.regular), on="session").join(
        _hours_frame(tuple(calendar.special.items())),
        on="session",
        how="left",
        suffix="_special",
        maintain_order="left",
    )
    midnight = pl.col("session").cast(pl.Datetime("us"))
    return hours.select(
        "session",
        *(
            (midnight + pl.duration(minutes=pl.coalesce(f"{edge}_special", edge)))
            .dt.replace_time_zone(calendar.zone.key)
            .dt.convert_time_zone("UTC")
            .cast(_INSTANT)
            .alias(edge)
            for edge in ("open", "close")
        ),
    )


def _hours_frame(rows: tuple[tuple[date, Hours], ...]) -> pl.DataFrame:
    return pl.DataFrame(
        [(day, hours.open, hours.close) for day, hours in rows],
        schema={"session": pl.Date, "open": pl.Int32, "close": pl.Int32},
        orient="row",
    ).sort("session")
