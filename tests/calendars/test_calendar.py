"""How a calendar answers, whichever venue it is of."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from marketkeep.calendars import UTC_DAYS, XNYS, Calendar, calendar_for
from marketkeep.errors import BadInput, BadRange, CalendarError

BOTH = pytest.mark.parametrize("calendar", [XNYS, UTC_DAYS], ids=lambda calendar: calendar.name)
HOUR = timedelta(hours=1)


@BOTH
def test_ranges_are_half_open(calendar: Calendar) -> None:
    """[start, end) holds start and not end, and [day, day) is empty."""
    start, end = date(2024, 3, 4), date(2024, 3, 6)
    assert calendar.sessions(start, end) == [start, date(2024, 3, 5)]
    assert calendar.frame(start, end)["session"].to_list() == [start, date(2024, 3, 5)]
    assert calendar.sessions(start, start) == []
    assert calendar.frame(start, start).is_empty()


@BOTH
def test_frame_agrees_with_single_answers(calendar: Calendar) -> None:
    """The frame holds the same sessions, opens and closes as asking one by one, over every calendar day."""
    end = calendar.last + timedelta(days=1)
    frame = calendar.frame(calendar.first, end)
    sessions = calendar.sessions(calendar.first, end)
    assert frame.schema == {"session": pl.Date, "open": pl.Datetime("us", "UTC"), "close": pl.Datetime("us", "UTC")}
    assert frame["session"].to_list() == sessions
    assert frame["open"].to_list() == [calendar.session_open(session) for session in sessions]
    assert frame["close"].to_list() == [calendar.session_close(session) for session in sessions]


@BOTH
def test_next_and_previous_session_undo_each_other(calendar: Calendar) -> None:
    """Walking forward visits exactly the sessions, and each step back returns."""
    sessions = calendar.sessions(date(2021, 1, 1), date(2022, 1, 1))
    for earlier, later in pairwise(sessions):
        assert calendar.next_session(earlier) == later
        assert calendar.previous_session(later) == earlier


def test_next_and_previous_session_take_any_day() -> None:
    """A weekend or holiday has a next and a previous session too, and a session is never its own."""
    assert XNYS.next_session(date(2023, 11, 23)) == date(2023, 11, 24)
    assert XNYS.previous_session(date(2024, 1, 1)) == date(2023, 12, 29)
    assert XNYS.next_session(date(2012, 10, 26)) == date(2012, 10, 31)


@BOTH
def test_dates_outside_raise(calendar: Calendar) -> None:
    """A date before the first or after the last known raises `CalendarError` with the bounds, and is never guessed."""
    before, after = calendar.first - timedelta(days=1), calendar.last + timedelta(days=1)
    for day in (before, after):
        for ask in (calendar.is_session, calendar.next_session, calendar.previous_session, calendar.session_open):
            with pytest.raises(CalendarError) as caught:
                ask(day)
            assert (caught.value.first, caught.value.last, caught.value.asked) == (calendar.first, calendar.last, day)
    with pytest.raises(CalendarError):
        calendar.sessions(before, calendar.first + timedelta(days=5))
    with pytest.raises(CalendarError):
        calendar.frame(calendar.first, after + timedelta(days=1))
    with pytest.raises(CalendarError):
        calendar.next_session(calendar.last)
    with pytest.raises(CalendarError):
        calendar.previous_session(calendar.first)


def test_bounds() -> None:
    """New York is known from 1962, where the oldest daily bars begin, to years ahead of any schedule."""
    assert XNYS.first == date(1962, 1, 2)
    assert XNYS.last >= date(2027, 12, 31)


def test_hours_of_a_day_without_trading_are_refused() -> None:
    """Asking for the hours of a Saturday is a mistake of the caller and says which calendar."""
    with pytest.raises(BadInput, match="2024-03-09 is not a session of XNYS"):
        XNYS.session_close(date(2024, 3, 9))


def test_reversed_range_is_refused() -> None:
    """A start after the end is a mistake, not an empty answer."""
    with pytest.raises(BadRange):
        XNYS.sessions(date(2024, 3, 9), date(2024, 3, 8))


@pytest.mark.parametrize(
    ("now", "final"),
    [
        ("2024-03-08T21:59:59", date(2024, 3, 7)),
        ("2024-03-08T22:00:00", date(2024, 3, 8)),
        ("2024-03-10T12:00:00", date(2024, 3, 8)),  # a Sunday
        ("2024-03-11T20:59:59", date(2024, 3, 8)),  # daylight saving began: the close is an hour earlier in UTC
        ("2024-03-11T21:00:00", date(2024, 3, 11)),
        ("2023-11-24T19:00:00", date(2023, 11, 24)),  # a half day is final earlier
        ("2024-03-12T02:00:00", date(2024, 3, 11)),  # already the next day in UTC, not in New York
    ],
)
def test_last_final_session(now: str, final: date) -> None:
    """A session is final once its close lies the lag behind now, and not a second before."""
    assert XNYS.last_final(datetime.fromisoformat(now).replace(tzinfo=UTC), HOUR) == final


def test_last_final_takes_any_zone_and_any_lag() -> None:
    """The instant counts, not the zone it is written in; a lag of days steps back over weekends."""
    now = datetime(2024, 3, 8, 17, 0, tzinfo=ZoneInfo("America/New_York"))
    assert XNYS.last_final(now, HOUR) == date(2024, 3, 8)
    assert XNYS.last_final(now, timedelta(days=7)) == date(2024, 3, 1)


def test_last_final_refuses_a_naive_time() -> None:
    """A time without a zone names no instant."""
    with pytest.raises(ValueError, match="aware"):
        XNYS.last_final(datetime(2024, 3, 8, 17, 0), HOUR)  # noqa: DTZ001 (the point of the test)


def test_crypto_trades_every_utc_day() -> None:
    """A crypto session is a UTC day, weekends and holidays included, final after midnight UTC."""
    saturday = date(2023, 12, 30)
    assert UTC_DAYS.is_session(saturday)
    assert UTC_DAYS.session_open(saturday) == datetime(2023, 12, 30, tzinfo=UTC)
    assert UTC_DAYS.session_close(saturday) == datetime(2023, 12, 31, tzinfo=UTC)
    assert UTC_DAYS.regular_minutes(saturday) == 1440
    assert not UTC_DAYS.is_half_day(saturday)
    assert UTC_DAYS.last_final(datetime(2023, 12, 31, 0, 59, tzinfo=UTC), HOUR) == date(2023, 12, 29)
    assert UTC_DAYS.last_final(datetime(2023, 12, 31, 1, 0, tzinfo=UTC), HOUR) == saturday


def test_calendar_for_asset_classes() -> None:
    """Crypto keeps UTC days; equities, ETFs, bonds and indices keep New York's sessions."""
    assert calendar_for("crypto") is UTC_DAYS
    for asset_class in ("equity", "etf", "bond", "index"):
        assert calendar_for(asset_class) is XNYS


def test_no_calendar_library_at_runtime() -> None:
    """Sessions are data: importing and asking brings in neither pandas nor exchange_calendars."""
    code = (
        "import sys, datetime; from marketkeep.calendars import XNYS;"
        "XNYS.frame(datetime.date(2024, 1, 2), datetime.date(2024, 2, 1));"
        "print(*sorted({'pandas', 'exchange_calendars'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == ""
