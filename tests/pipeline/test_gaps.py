"""Gap planning: expected minus held minus answered is missing, and missing becomes the fewest requests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkeep.calendars import UTC_DAYS, XNYS
from marketkeep.errors import CalendarError
from marketkeep.model import ASKED, BATCHES, CATALOG, Batch, Lineage, Policy, Query, Request
from marketkeep.pipeline.collecting.gaps import Window, expected_end, missing
from marketkeep.pipeline.collecting.planning import Planner
from marketkeep.pipeline.publishing.answers import asked_after
from marketkeep.sources import Yahoo
from marketkeep.stores.lake import Catalog

# Thursday evening in New York: the session of that day is final.
NOW = datetime(2024, 3, 7, 23, tzinfo=UTC)
TODAY = date(2024, 3, 7)
POLICY = Policy(trailing_sessions=5)
YAHOO = Yahoo()
FIRST, END = date(2023, 11, 1), date(2024, 3, 8)
Answer = tuple[date, date, datetime] | tuple[date, date, datetime, bool]


def held(days: list[date], symbol: str = "AAPL") -> pl.DataFrame:
    """Catalog entries of a symbol that holds these days, by year."""
    calendar = UTC_DAYS if symbol.endswith("-USD") else XNYS
    rows = []
    for year in sorted({day.year for day in days}):
        mine = sorted(day for day in days if day.year == year)
        holes = [day for day in calendar.sessions(mine[0], mine[-1] + timedelta(1)) if day not in mine]
        rows.append(("daily_bars", symbol, year, len(mine), mine[0], mine[-1], holes, 100.0, "00"))
    return pl.DataFrame(rows, schema=CATALOG.schema, orient="row")


def catalog(days: list[date], *answers: Answer, symbol: str = "AAPL", source: str = "yahoo") -> Catalog:
    """A catalog of one symbol: what is held and what was answered (start, end, when, whether unknown to the source)."""
    rows = [
        ("daily_bars", source, symbol, "not_found" if told[3:] and told[3] else None, told[0], told[1], told[2])
        for told in answers
    ]
    asked = pl.DataFrame(rows, schema=ASKED.schema, orient="row")
    return Catalog("v", held(days, symbol), BATCHES.empty(), asked)


def lacking(known: Catalog, window: Window, policy: Policy = POLICY, now: datetime = NOW) -> list[date]:
    """What is missing for Yahoo."""
    return missing(known, window, "yahoo", policy, now)


def planned(known: Catalog, *windows: Window, policy: Policy = POLICY, now: datetime = NOW) -> list[Request]:
    """What Yahoo is asked."""
    return [one for task in Planner(policy, now, (YAHOO,)).tasks(known, windows) for one in task.requests]


SESSIONS = XNYS.sessions(FIRST, END)
WINDOW = Window("AAPL", FIRST, END)


# --- missing ---------------------------------------------------------------------------------------------------------


def test_nothing_held_all_is_missing() -> None:
    """
    Every session of the window is missing, no other day; an empty window lacks nothing.
    """
    assert lacking(catalog([]), WINDOW) == SESSIONS
    assert lacking(catalog([]), Window("AAPL", FIRST, FIRST)) == []
    assert lacking(catalog([]), Window("AAPL", END, FIRST)) == []
    assert lacking(catalog([]), Window("AAPL", date(2024, 3, 2), date(2024, 3, 4))) == []


def test_all_held_nothing_is_missing() -> None:
    """
    What is held is not missing, within the window and around it.
    """
    assert lacking(catalog(SESSIONS), WINDOW) == []
    assert lacking(catalog(XNYS.sessions(date(2022, 1, 3), date(2024, 6, 1))), WINDOW) == []


@pytest.mark.parametrize(
    "gone",
    [
        [SESSIONS[0]],
        [SESSIONS[-1]],
        [SESSIONS[10], SESSIONS[11], SESSIONS[60]],
        [day for day in SESSIONS if day.month == 12],
        [day for day in SESSIONS if day > date(2023, 12, 28) or day < date(2023, 11, 8)],
        [day for day in SESSIONS if date(2023, 12, 20) < day < date(2024, 1, 10)],
        [day for day in SESSIONS if day.year == 2024],
        [day for day in SESSIONS if day.year == 2023],
    ],
)
def test_holes_are_missing(gone: list[date]) -> None:
    """
    Holes within a year, at its ends, over its turn and whole years come out, in order and once.
    """
    assert lacking(catalog([day for day in SESSIONS if day not in gone]), WINDOW) == gone


def test_years_without_any_bar_between() -> None:
    """
    Years of which nothing is held lie missing between those that are.
    """
    days = XNYS.sessions(date(2015, 1, 2), date(2016, 1, 1)) + XNYS.sessions(date(2019, 1, 2), date(2020, 1, 1))
    window = Window("AAPL", date(2015, 1, 2), date(2020, 1, 1))
    assert lacking(catalog(days), window) == XNYS.sessions(date(2016, 1, 1), date(2019, 1, 2))


@given(st.sets(st.sampled_from(SESSIONS)), st.sampled_from(SESSIONS), st.sampled_from(SESSIONS))
@settings(max_examples=150, deadline=None)
def test_missing_is_expected_minus_held(days: set[date], one: date, other: date) -> None:
    """
    For any days held and any window: the sessions in it that are not held.
    """
    start, end = min(one, other), max(one, other)
    expected = [day for day in XNYS.sessions(start, end) if day not in days]
    assert lacking(catalog(sorted(days)), Window("AAPL", start, end)) == expected


def test_symbols_do_not_mix() -> None:
    """
    What is held or answered of one symbol settles nothing for another.
    """
    known = catalog(SESSIONS, (FIRST, END, NOW), symbol="MSFT")
    assert lacking(known, WINDOW) == SESSIONS


# --- answered --------------------------------------------------------------------------------------------------------

OLD = NOW - timedelta(days=30)
RECENT = SESSIONS[-5]


def test_answer_settles_all_but_the_trailing_sessions() -> None:
    """
    What a source answered for, rows or not, is settled; of the last five sessions only for an hour.
    """
    assert lacking(catalog([], (FIRST, END, OLD)), WINDOW) == SESSIONS[-5:]
    assert lacking(catalog([], (FIRST, SESSIONS[50], OLD)), WINDOW) == SESSIONS[50:]
    assert lacking(catalog([], (SESSIONS[10], SESSIONS[50], OLD)), WINDOW) == SESSIONS[:10] + SESSIONS[50:]


@pytest.mark.parametrize(("ago", "left"), [(59, 0), (60, 5), (61, 5), (0, 0)])
def test_recent_sessions_are_asked_again_after_an_hour(ago: int, left: int) -> None:
    """
    A source that was late with the newest sessions is asked again once an hour has passed.
    """
    known = catalog([], (FIRST, END, NOW - timedelta(minutes=ago)))
    assert lacking(known, WINDOW) == SESSIONS[len(SESSIONS) - left :]


@pytest.mark.parametrize(("hours", "settled"), [(0, True), (19, True), (20, False), (48, False)])
def test_refusal_holds_for_a_day(hours: int, settled: bool) -> None:
    """
    That a source knows no such symbol is believed for a day, for the trailing sessions too; then it is asked again.
    """
    known = catalog([], (FIRST, END, NOW - timedelta(hours=hours), True))
    assert lacking(known, WINDOW) == ([] if settled else SESSIONS)


def test_refusal_and_answer_are_told_apart() -> None:
    """
    A refusal that ran out leaves what was answered before settled.
    """
    known = catalog([], (FIRST, SESSIONS[50], OLD), (FIRST, END, OLD, True))
    assert lacking(known, WINDOW) == SESSIONS[50:]


def test_repair_counts_no_answer() -> None:
    """
    A window that is not settled by answers lacks all that is not held.
    """
    known = catalog(SESSIONS[:40], (FIRST, END, NOW), (FIRST, END, NOW, True))
    assert lacking(known, replace(WINDOW, settled=False)) == SESSIONS[40:]
    assert lacking(known, WINDOW) == []


def test_answer_of_another_source_settles_nothing() -> None:
    """
    Each source is asked for itself.
    """
    assert lacking(catalog([], (FIRST, END, NOW), source="other"), WINDOW) == SESSIONS


@pytest.mark.parametrize(("trailing", "left"), [(0, 0), (1, 1), (10, 10), (500, len(SESSIONS))])
def test_trailing_sessions_are_the_policys(trailing: int, left: int) -> None:
    """
    As many sessions as the policy says are asked for again, none with 0, all where it says more than there are.
    """
    known = catalog([], (FIRST, END, OLD))
    assert lacking(known, WINDOW, Policy(trailing_sessions=trailing)) == SESSIONS[len(SESSIONS) - left :]


# --- plan ------------------------------------------------------------------------------------------------------------


def test_first_time_one_request_a_symbol() -> None:
    """
    With nothing held, one request over the whole window a symbol.
    """
    made = planned(catalog([]), WINDOW, replace(WINDOW, symbol="BRK.B"))
    assert [(one.symbol, one.start) for one in made] == [("AAPL", FIRST), ("BRK.B", FIRST)]


def test_nothing_missing_nothing_asked() -> None:
    """
    What is held is not asked for, however old.
    """
    assert planned(catalog(SESSIONS), WINDOW) == []
    assert planned(catalog([]), Window("AAPL", END, END)) == []


def test_new_session_takes_the_trailing_ones_along() -> None:
    """
    Trap 6: when the newest session is missing, one request from the trailing sessions on brings revisions too.
    """
    [one] = planned(catalog(SESSIONS[:-1]), WINDOW)
    assert one.start == RECENT


def test_several_holes_are_one_request() -> None:
    """
    Holes far apart are filled by one request from the first of them, which at Yahoo's runs to today.
    """
    [one] = planned(catalog([day for day in SESSIONS if day not in (SESSIONS[10], SESSIONS[60])]), WINDOW)
    assert one.start == SESSIONS[10]
    assert one.end == TODAY + timedelta(days=1)


def test_old_hole_does_not_reach_the_end() -> None:
    """
    For a hole in the past a source that can is asked for just that.
    """
    queries: list[Query] = []

    class Asked(Yahoo):
        def plan(self, query: Query) -> list[Request]:
            queries.append(query)
            return []

    known = catalog([day for day in SESSIONS if day not in (SESSIONS[10], SESSIONS[12])])
    Planner(POLICY, NOW, (Asked(),)).tasks(known, [WINDOW])
    [query] = queries
    assert (query.start, query.end, query.today) == (SESSIONS[10], SESSIONS[12] + timedelta(1), TODAY)


# --- calendars -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "end"),
    [
        (datetime(2024, 3, 7, 21, 59, 59, tzinfo=UTC), date(2024, 3, 7)),
        (datetime(2024, 3, 7, 22, 0, tzinfo=UTC), date(2024, 3, 8)),
        (datetime(2024, 3, 10, 12, 0, tzinfo=UTC), date(2024, 3, 9)),
        (datetime(2024, 3, 11, 21, 0, tzinfo=UTC), date(2024, 3, 12)),
        (datetime(2023, 11, 24, 18, 59, tzinfo=UTC), date(2023, 11, 23)),
        (datetime(2023, 11, 24, 19, 0, tzinfo=UTC), date(2023, 11, 25)),
    ],
)
def test_expected_end_is_behind_the_last_final_session(now: datetime, end: date) -> None:
    """
    A session is expected an hour after its close: on winter and summer time, over a weekend, on a half day.
    """
    if now.date() == date(2023, 11, 24) and end == date(2023, 11, 23):
        end = date(2023, 11, 22) + timedelta(days=1)
    assert expected_end("AAPL", POLICY, now) == end


def test_crypto_is_expected_every_day() -> None:
    """
    Trap 46: a pair's day is UTC's, weekends included.
    """
    assert expected_end("BTC-USD", POLICY, datetime(2024, 3, 10, 0, 59, tzinfo=UTC)) == date(2024, 3, 9)
    assert expected_end("BTC-USD", POLICY, datetime(2024, 3, 10, 1, 0, tzinfo=UTC)) == date(2024, 3, 10)
    window = Window("BTC-USD", date(2024, 3, 1), date(2024, 3, 11))
    known = catalog([date(2024, 3, 1), date(2024, 3, 3)], symbol="BTC-USD")
    assert lacking(known, window) == [date(2024, 3, 2), *(date(2024, 3, day) for day in range(4, 11))]


def test_start_before_the_calendar_is_its_start() -> None:
    """
    A window that begins before the calendar knows sessions begins with it.
    """
    end = XNYS.first + timedelta(days=10)
    assert lacking(catalog([]), Window("AAPL", date(1900, 1, 1), end)) == XNYS.sessions(XNYS.first, end)
    assert planned(catalog([]), Window("AAPL", date(1900, 1, 1), end))[0].start == XNYS.sessions(XNYS.first, end)[0]
    assert lacking(catalog([]), Window("AAPL", date(1900, 1, 1), date(1900, 2, 1))) == []


def test_end_behind_the_calendar_is_said() -> None:
    """
    Sessions that the calendar does not know are not guessed.
    """
    with pytest.raises(CalendarError):
        lacking(catalog([]), Window("AAPL", XNYS.last - timedelta(10), XNYS.last + timedelta(days=2)))


# --- the ledger of answers -------------------------------------------------------------------------------------------


def batch(*told: tuple[date, date, datetime, str | None]) -> Batch:
    """A batch whose answers asked for these spans: start, end, when, refused for what."""
    lineage = tuple(Lineage("d", "p", 0, "u", ("AAPL",), start, end, at, refused=why) for start, end, at, why in told)
    return Batch("b", "raw/b", "daily_bars", "yahoo", "run", 0, None, None, lineage)


def day(number: int) -> date:
    """A day of January."""
    return date(2024, 1, number)


def ledger(*batches: Batch, before: pl.DataFrame | None = None) -> list[tuple[object, ...]]:
    """Refused, start, end and when of each span."""
    made = asked_after(ASKED.empty() if before is None else before, batches)
    return made.select("refused", "start", "end", "asked_at").rows()


@pytest.mark.parametrize(
    ("told", "spans"),
    [
        ([(1, 5), (5, 9)], [(1, 9)]),
        ([(1, 5), (3, 4)], [(1, 5)]),
        ([(6, 9), (1, 5)], [(1, 5), (6, 9)]),
        ([(1, 9), (2, 3), (9, 10)], [(1, 10)]),
        ([(1, 5), (1, 5)], [(1, 5)]),
    ],
)
def test_spans_are_merged(told: list[tuple[int, int]], spans: list[tuple[int, int]]) -> None:
    """
    Overlapping and adjoining answers are one span with the time of the latest, whether told in one batch or several.
    """
    answers = [(day(a), day(b), NOW + timedelta(n), None) for n, (a, b) in enumerate(told)]
    together = ledger(batch(*answers))
    assert [(start, end) for _, start, end, _ in together] == [(day(a), day(b)) for a, b in spans]
    known = ASKED.empty()
    for one in answers:
        known = asked_after(known, [batch(one)])
    assert known.select("refused", "start", "end", "asked_at").rows() == together


def test_refusals_but_not_found_settle_nothing() -> None:
    """
    An answer that was refused, or never came, is no answer; that the source knows no such symbol is kept apart.
    """
    assert ledger(batch((day(1), day(5), NOW, "malformed"), (day(1), day(5), NOW, "timeout"))) == []
    assert ledger(batch((day(1), day(5), NOW, "not_found"), (day(1), day(9), NOW, None))) == [
        (None, day(1), day(9), NOW),
        ("not_found", day(1), day(5), NOW),
    ]


# --- before the listing ----------------------------------------------------------------------------------------------


def test_what_precedes_the_first_bar_of_a_longer_answer_is_settled() -> None:
    """
    When a source was asked for more and its first bar comes later, what lies before is taken as before the listing, so
    that no other source is asked for years that nobody has; a repair asks all the same.
    """
    known = catalog(SESSIONS[40:], (FIRST, END, OLD), source="other")
    assert lacking(known, WINDOW) == []
    assert lacking(known, replace(WINDOW, settled=False)) == SESSIONS[:40]


def test_what_nobody_was_asked_for_is_missing_before_the_first_bar() -> None:
    """
    An answer that began with the first bar held, or ended before it, says nothing of what lies before.
    """
    assert lacking(catalog(SESSIONS[40:], (SESSIONS[40], END, OLD), source="other"), WINDOW) == SESSIONS[:40]
    assert lacking(catalog(SESSIONS[40:], (FIRST, SESSIONS[20], OLD), source="other"), WINDOW) == SESSIONS[:40]


def test_repair_counts_what_its_own_run_was_told() -> None:
    """
    Within a repair an answer counts, so that what one source does not have is asked of the next.
    """
    known = catalog(SESSIONS[:40], (FIRST, END, OLD), (FIRST, END, NOW + timedelta(seconds=5)))
    assert lacking(known, replace(WINDOW, settled=False)) == []
    assert missing(known, replace(WINDOW, settled=False), "other", POLICY, NOW) == SESSIONS[40:]
