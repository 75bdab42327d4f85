"""The committed calendar against independent witnesses: the calendar library, and LEAN's market hours."""

from __future__ import annotations

import gzip
import json
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marketkeep.calendars import XNYS

ROOT = Path(__file__).parents[2]
HOURS_KNOWN_FROM = date(1990, 1, 1)
RULES_KNOWN_FROM = date(1970, 1, 1)


@pytest.fixture(scope="module")
def library() -> pl.DataFrame:
    """What exchange_calendars answers: session, open and close, in our types."""
    exchange_calendars = pytest.importorskip("exchange_calendars")
    schedule = exchange_calendars.get_calendar("XNYS", start=str(XNYS.first), end=str(XNYS.last)).schedule
    instant = pl.Datetime("us", "UTC")
    return pl.DataFrame(
        {
            "session": pl.Series(schedule.index.to_numpy()).cast(pl.Date),
            "open": pl.Series(schedule["open"].dt.tz_localize(None).to_numpy())
            .dt.replace_time_zone("UTC")
            .cast(instant),
            "close": pl.Series(schedule["close"].dt.tz_localize(None).to_numpy())
            .dt.replace_time_zone("UTC")
            .cast(instant),
        }
    )


def ours(start: date) -> pl.DataFrame:
    """Our frame from a date to the end."""
    return XNYS.frame(start, XNYS.last + timedelta(days=1))


def test_every_session_since_1970_is_the_librarys(library: pl.DataFrame) -> None:
    """From 1970, where the library's holiday rules begin to apply, every session is one of the library's."""
    theirs = library.filter(pl.col("session") >= RULES_KNOWN_FROM)
    assert ours(RULES_KNOWN_FROM)["session"].to_list() == theirs["session"].to_list()


def test_every_open_and_close_since_1990_is_the_librarys(library: pl.DataFrame) -> None:
    """From 1990, where the library knows the hours of the time, every open and close is the library's."""
    theirs = library.filter(pl.col("session") >= HOURS_KNOWN_FROM)
    assert ours(HOURS_KNOWN_FROM).equals(theirs)


def test_before_1970_only_holidays_differ_from_the_library(library: pl.DataFrame) -> None:
    """Before 1970 our sessions are the library's less the holidays its rules name but its sessions forget."""
    early = pl.col("session") < RULES_KNOWN_FROM
    here, there = (set(frame.filter(early)["session"]) for frame in (ours(XNYS.first), library))
    assert here < there
    forgotten = {day for day in there - here if day.year == 1962}
    assert forgotten == {
        date(1962, 2, 22),
        date(1962, 4, 20),
        date(1962, 5, 30),
        date(1962, 7, 4),
        date(1962, 9, 3),
        date(1962, 11, 6),
        date(1962, 11, 22),
        date(1962, 12, 25),
    }


def test_data_file_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    """The committed file is what tools/make_calendars.py makes."""
    pytest.importorskip("exchange_calendars")
    monkeypatch.syspath_prepend(ROOT / "tools")
    import make_calendars  # a developer's tool, importable only from here

    made = [",".join(row) for row in make_calendars.rows()]
    sys.modules.pop("make_calendars")
    assert (ROOT / "src/marketkeep/calendars/data/xnys.csv").read_text().splitlines() == ["kind,date,open,close", *made]


@pytest.fixture(scope="module")
def market_hours(corpus: Path) -> dict[str, Any]:
    """LEAN's entry for US equities."""
    with gzip.open(corpus / "lean" / "market-hours-database.json.gz") as file:
        entry: dict[str, Any] = json.load(file)["entries"]["Equity-usa-[*]"]
    return entry


def lean_date(text: str) -> date:
    """Month/day/year, as that file writes dates."""
    return datetime.strptime(text, "%m/%d/%Y").date()  # noqa: DTZ007 (a date, no instant)


def test_leans_holidays_are_not_sessions(market_hours: dict[str, Any]) -> None:
    """Every weekday that LEAN lists as a holiday is closed here."""
    holidays = {lean_date(text) for text in market_hours["holidays"]}
    assert len(holidays) > 250
    assert [day for day in sorted(holidays) if XNYS.is_session(day)] == []


def test_closures_are_leans_holidays(market_hours: dict[str, Any]) -> None:
    """From LEAN's first whole year to its last, every weekday closed here is a holiday there."""
    holidays = {lean_date(text) for text in market_hours["holidays"]}
    start, end = date(2001, 1, 1), date(max(holidays).year + 1, 1, 1)
    weekdays = [start + timedelta(days=offset) for offset in range((end - start).days)]
    closed = {day for day in weekdays if day.weekday() < 5 and not XNYS.is_session(day)}
    assert sorted(closed - holidays) == []


def test_leans_early_closes_are_half_days(market_hours: dict[str, Any]) -> None:
    """Every early close that LEAN lists on a session is a half day here, at the same minute of New York."""
    for text, close in market_hours["earlyCloses"].items():
        day = lean_date(text)
        if XNYS.is_session(day):
            assert f"{XNYS.session_close(day).astimezone(XNYS.zone):%H:%M:%S}" == close, day
