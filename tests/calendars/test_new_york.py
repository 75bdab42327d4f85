"""What the exchange announced, as literal facts: closures, half days, hours and their place in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from marketkeep.calendars import XNYS


def utc(text: str) -> datetime:
    """An instant written without its zone, which is UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "day",
    [
        date(1963, 11, 25),  # mourning for President Kennedy
        date(1968, 6, 12),  # paperwork crisis: Wednesdays of the second half of 1968
        date(1977, 7, 14),  # blackout
        date(1985, 9, 27),  # hurricane Gloria
        *(date(2001, 9, number) for number in (11, 12, 13, 14)),
        date(2004, 6, 11),  # mourning for President Reagan
        date(2007, 1, 2),  # mourning for President Ford
        date(2012, 10, 29),
        date(2012, 10, 30),  # hurricane Sandy
        date(2018, 12, 5),  # mourning for President Bush
        date(2025, 1, 9),  # mourning for President Carter
    ],
)
def test_unscheduled_closures_are_not_sessions(day: date) -> None:
    """Trap 41: a weekday on which the exchange stayed closed without a holiday is not a session."""
    assert day.weekday() < 5
    assert not XNYS.is_session(day)


@pytest.mark.parametrize(
    "day",
    [
        date(1962, 2, 22),
        date(1968, 11, 5),  # election days were holidays then
        date(1980, 11, 4),
        date(1999, 12, 24),  # Christmas on a Saturday
        date(2010, 12, 24),
        date(2021, 4, 2),  # Good Friday
        date(2022, 12, 26),  # Christmas on a Sunday
        date(2023, 1, 2),
        date(2024, 7, 4),
        date(2026, 7, 3),  # Independence Day on a Saturday
    ],
)
def test_holidays_are_not_sessions(day: date) -> None:
    """A holiday is observed on the Friday before a Saturday and on the Monday after a Sunday."""
    assert not XNYS.is_session(day)


@pytest.mark.parametrize("day", [date(1988, 11, 8), date(1997, 1, 20), date(2010, 12, 31), date(2021, 12, 31)])
def test_days_that_look_like_holidays_are_sessions(day: date) -> None:
    """No election day since 1984, no Martin Luther King day before 1998, no New Year's Day moved to the old year."""
    assert XNYS.is_session(day)


def test_juneteenth_is_a_holiday_from_2022_on() -> None:
    """Trap 42: the exchange traded on Friday 2021-06-18 and first observed Juneteenth on Monday 2022-06-20."""
    assert XNYS.is_session(date(2021, 6, 18))
    assert XNYS.is_session(date(2021, 6, 21))
    assert not XNYS.is_session(date(2022, 6, 20))
    assert not XNYS.is_session(date(2024, 6, 19))


@pytest.mark.parametrize(
    ("day", "close"),
    [
        (date(2023, 11, 24), "2023-11-24T18:00"),
        (date(2024, 7, 3), "2024-07-03T17:00"),
        (date(2024, 12, 24), "2024-12-24T18:00"),
        (date(2013, 7, 3), "2013-07-03T17:00"),
        (date(2003, 12, 26), "2003-12-26T18:00"),
    ],
)
def test_half_days_close_at_one_and_hold_210_minutes(day: date, close: str) -> None:
    """A half day closes at 13:00 New York and holds 210 regular minutes."""
    assert XNYS.session_close(day) == utc(close)
    assert XNYS.regular_minutes(day) == 210
    assert XNYS.is_half_day(day)


def test_half_days_before_1993_closed_at_two() -> None:
    """Until 1992 the exchange's early close was 14:00 New York."""
    assert XNYS.session_close(date(1992, 11, 27)) == utc("1992-11-27T19:00")
    assert XNYS.session_close(date(1975, 12, 24)) == utc("1975-12-24T19:00")
    assert XNYS.is_half_day(date(1975, 12, 24))


@pytest.mark.parametrize("day", [date(2008, 12, 26), date(2021, 7, 2), date(2024, 12, 31), date(2026, 11, 25)])
def test_days_around_holidays_without_notice_are_whole(day: date) -> None:
    """A day beside a holiday is whole, with 390 minutes, unless the exchange announced otherwise."""
    assert XNYS.regular_minutes(day) == 390
    assert not XNYS.is_half_day(day)


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        (date(2024, 3, 8), "2024-03-08T14:30", "2024-03-08T21:00"),
        (date(2024, 3, 11), "2024-03-11T13:30", "2024-03-11T20:00"),
        (date(2024, 11, 1), "2024-11-01T13:30", "2024-11-01T20:00"),
        (date(2024, 11, 4), "2024-11-04T14:30", "2024-11-04T21:00"),
        (date(2006, 4, 3), "2006-04-03T13:30", "2006-04-03T20:00"),
        (date(2007, 3, 12), "2007-03-12T13:30", "2007-03-12T20:00"),
    ],
)
def test_opens_and_closes_move_in_utc_with_daylight_saving(day: date, opens: str, closes: str) -> None:
    """New York's hours stay the same on the wall; in UTC they move by an hour, three weeks earlier since 2007."""
    assert XNYS.session_open(day) == utc(opens)
    assert XNYS.session_close(day) == utc(closes)
    [row] = XNYS.frame(day, day.replace(day=day.day + 1)).rows()
    assert row == (day, utc(opens), utc(closes))


@pytest.mark.parametrize(
    ("day", "minutes"),
    [
        (date(1962, 1, 2), 330),  # 10:00 to 15:30
        (date(1969, 1, 2), 240),  # 10:00 to 14:00, paperwork crisis
        (date(1970, 5, 1), 300),
        (date(1970, 5, 4), 330),
        (date(1974, 9, 30), 330),
        (date(1974, 10, 1), 360),  # 10:00 to 16:00
        (date(1985, 9, 26), 360),
        (date(1985, 9, 30), 390),  # 09:30 to 16:00
        (date(1987, 10, 23), 270),
        (date(1987, 11, 12), 390),
    ],
)
def test_regular_hours_of_their_time(day: date, minutes: int) -> None:
    """The regular session grew from five and a half hours to six and a half; a shorter week is no half day."""
    assert XNYS.regular_minutes(day) == minutes
    assert not XNYS.is_half_day(day)


@pytest.mark.parametrize(
    ("year", "sessions"),
    [
        (1968, 226),
        (1987, 253),
        (2001, 248),
        (2008, 253),
        (2012, 250),
        (2020, 253),
        (2023, 250),
        (2024, 252),
        (2025, 250),
    ],
)
def test_sessions_per_year(year: int, sessions: int) -> None:
    """A year holds the sessions the exchange held, never a round 252."""
    assert len(XNYS.sessions(date(year, 1, 1), date(year + 1, 1, 1))) == sessions


def test_halts_do_not_shorten_a_session() -> None:
    """Trap 44: the market-wide halts of March 2020 lie inside sessions of 390 minutes."""
    for number in (9, 12, 16, 18):
        assert XNYS.regular_minutes(date(2020, 3, number)) == 390
