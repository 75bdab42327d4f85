"""
Gap planning: expected sessions minus held minus already answered is missing; missing becomes the fewest requests.

Backfill, the daily update and repair are this one computation over different windows. It reads the catalog only, so
planning costs the same however long the history is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from marketkeep.calendars import Calendar, calendar_for
from marketkeep.model import Policy, Query, Request, Source, Symbol
from marketkeep.stores.lake import Catalog

# A source that was late with the newest sessions is asked for them again, but not at every run.
_ASK_AGAIN_AFTER = timedelta(hours=1)
_REFUSAL_HOLDS = timedelta(hours=20)


@dataclass(frozen=True, slots=True)
class Window:
    """Sessions [start, end) to be held for a symbol; `settled` counts earlier answers as answered."""

    symbol: str
    start: date
    end: date
    settled: bool = True


def expected_end(symbol: str, policy: Policy, now: datetime) -> date:
    """The day behind the last session of the symbol's calendar that is final at `now` (UTC)."""
    return calendar_for(Symbol(symbol).asset_class).last_final(now, policy.final_after) + timedelta(days=1)


def missing(catalog: Catalog, window: Window, source: str, policy: Policy, now: datetime) -> list[date]:
    """The sessions of the window that are neither held nor settled by an answer of `source`, in order."""
    calendar = calendar_for(Symbol(window.symbol).asset_class)
    start = max(window.start, calendar.first)
    if start >= window.end:
        return []
    days = _not_held(catalog, calendar, window.symbol, start, window.end)
    if not window.settled or not days:
        return days
    recent = _recent(calendar, start, window.end, policy)
    settled = _settled(catalog, window.symbol, source, recent, now)
    return [day for day in days if not any(first <= day < last for first, last in settled)]


def _not_held(catalog: Catalog, calendar: Calendar, symbol: str, start: date, end: date) -> list[date]:
    """Holes within what is held, and the sessions before, between and behind it: a look at each year, not each day."""
    days: list[date] = []
    cursor = start
    for first, last, holes in catalog.bars(symbol).select("first", "last", "missing").iter_rows():
        if last < start or first >= end:
            continue
        days += calendar.sessions(cursor, max(first, cursor)) + [day for day in holes if start <= day < end]
        cursor = max(cursor, last + timedelta(days=1))
    return days + calendar.sessions(cursor, end) if cursor < end else days


def _recent(calendar: Calendar, start: date, end: date, policy: Policy) -> date:
    """The first of the trailing sessions, which are asked for again; the end of the window if there are none."""
    if not policy.trailing_sessions:
        return end
    # Twice the sessions and a week of days always hold that many sessions.
    near = max(start, end - timedelta(days=2 * policy.trailing_sessions + 7))
    sessions = calendar.sessions(near, end)[-policy.trailing_sessions :]
    return sessions[0] if sessions else start


def _settled(catalog: Catalog, symbol: str, source: str, recent: date, now: datetime) -> list[tuple[date, date]]:
    """
    Spans answered for; of the most recent sessions only what was answered within the last hour.

    That a source knows no such symbol counts for a day: it may be a hiccup, or the listing may come.
    """
    spans = []
    for refused, start, end, at in catalog.answered("daily_bars", source, symbol):
        if refused:
            spans += [(start, end)] if now - at < _REFUSAL_HOLDS else []
        else:
            spans.append((start, end if now - at < _ASK_AGAIN_AFTER else min(end, recent)))
    return spans


def plan(
    catalog: Catalog, windows: Sequence[Window], source: Source, policy: Policy, now: datetime, today: date
) -> list[Request]:
    """
    The fewest requests that fill what is missing in the windows.

    A request starts at its first missing session; when it reaches the window's end it also covers the trailing
    sessions, which sources still revise.
    """
    requests: list[Request] = []
    for window in windows:
        days = missing(catalog, window, source.name, policy, now)
        if not days:
            continue
        calendar = calendar_for(Symbol(window.symbol).asset_class)
        recent = _recent(calendar, max(window.start, calendar.first), window.end, policy)
        reaches_end = days[-1] >= recent
        start = min(days[0], recent) if reaches_end else days[0]
        end = window.end if reaches_end else days[-1] + timedelta(days=1)
        requests += source.plan(Query("daily_bars", (window.symbol,), start, end, today))
    return requests
