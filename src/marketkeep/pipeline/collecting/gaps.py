"""
Gap planning: what is expected, less what is held, less what was answered, is missing.

Backfill, the daily update and repair are this one computation over different windows. It reads the catalog only, so
planning costs the same however long the history is. Bars are held or not, by the catalog. Of actions and yields only
answers tell that a span is known, because most days have none. A directory, a list of members or a company's filings
are a state: they are due again when the last answer is no longer fresh.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from marketkeep.calendars import Calendar, calendar_for
from marketkeep.model import EVERYTHING, NOT_FOUND, PLAN_LIMIT, Offer, Policy, Source, Symbol
from marketkeep.model.new_york import NEW_YORK, new_york_date
from marketkeep.stores.lake import Catalog

# A source that was late with the newest sessions is asked for them again, but not at every run.
_ASK_AGAIN_AFTER = timedelta(hours=1)
# An unknown symbol may be a hiccup, or the listing may come; how far a plan reaches changes when another is bought.
_REFUSAL_HOLDS = {NOT_FOUND: timedelta(hours=20), PLAN_LIMIT: timedelta(days=30)}
_EVENING_ENDS = time(20)
_BARS = frozenset({"daily_bars", "minute_bars"})

Span = tuple[date, date]
_Told = tuple[str | None, date, date, datetime]


@dataclass(frozen=True, slots=True)
class Window:
    """
    Sessions [start, end) to be held of a symbol's dataset.

    `settled` counts answers of earlier runs as answered, `held` what is held as had; without it a source is asked for
    its own word on every session. `rank` orders windows where calls are few, 0 first.
    """

    symbol: str
    start: date
    end: date
    settled: bool = True
    dataset: str = "daily_bars"
    rank: int = 1
    held: bool = True

    @property
    def calendar(self) -> Calendar:
        """The calendar whose sessions are expected."""
        return calendar_for("equity" if self.symbol == EVERYTHING else Symbol(self.symbol).asset_class)


def expected_end(symbol: str, policy: Policy, now: datetime, *, evening: bool = False) -> date:
    """
    The day behind the last session of the symbol's calendar that is final at `now` (UTC).

    With `evening` a session of New York is final only when trading after the close, until 20:00, is over too.
    """
    asset_class = Symbol(symbol).asset_class
    calendar = calendar_for(asset_class)
    last = calendar.last_final(now, policy.final_after)
    if evening and asset_class != "crypto":
        over = datetime.combine(last, _EVENING_ENDS, NEW_YORK) + policy.final_after
        last = last if over <= now else calendar.previous_session(last)
    return last + timedelta(days=1)


def missing(catalog: Catalog, window: Window, source: str, policy: Policy, now: datetime) -> list[date]:
    """
    The sessions of a window of bars that are neither held nor settled by an answer of `source`, in order.

    What lies before the first bar that any source had, when it was asked for more, lies before the listing.
    """
    days = not_held(catalog, window) if window.held else _expected(window)
    if not days:
        return days
    if window.settled:
        days = _outside(days, _before_listing(catalog, window))
    told = _counted(catalog.answered(window.dataset, source, window.symbol), window, now)
    return _outside(days, _refused(told, now) + _answered(told, recent_session(window, policy), now))


def unanswered(
    catalog: Catalog, window: Window, source: str, tellers: Iterable[Source], policy: Policy, now: datetime
) -> list[date]:
    """
    The sessions of a window of facts that no answer has settled yet, nor a refusal of `source` for a while.

    `tellers` are all sources there are, or the one that is asked for its own word: an answer of any of them settles a
    session, and so does one for bars where its source tells this dataset along with them.
    """
    days = _expected(window)
    if not days:
        return days
    # What was told once of a day of yields or of an ex-date stands; the newest may have been told too early.
    recent = recent_session(window, policy) if window.dataset == "treasury_yields" else window.end
    spans = _refused(_counted(catalog.answered(window.dataset, source, window.symbol), window, now), now)
    for one in tellers:
        for dataset, offer in one.offers.items():
            if dataset == window.dataset or window.dataset in offer.carries:
                told = _counted(catalog.answered(dataset, one.name, window.symbol), window, now)
                # Who has no bars of a symbol has no actions of it either, where they are one answer.
                spans += _answered(told, recent, now) + (_refused(told, now) if one.name == source else [])
    return _outside(days, spans)


def due(catalog: Catalog, window: Window, source: str, offer: Offer, now: datetime) -> bool:
    """Whether a source's last answer about a state is no longer fresh, and no refusal of it holds."""
    told = _counted(catalog.answered(window.dataset, source, window.symbol), window, now)
    if _refused(told, now):
        return False
    answered = [at for refused, _, _, at in told if refused is None]
    if not answered:
        return True
    last = new_york_date(max(answered))
    return last + timedelta(days=offer.fresh_days) <= new_york_date(now)


def not_held(catalog: Catalog, window: Window) -> list[date]:
    """
    The sessions of a window of bars without one: holes within what is held, and those before, between and behind it.

    A look at each period, not at each day.
    """
    calendar, start, end = window.calendar, max(window.start, window.calendar.first), window.end
    days: list[date] = []
    cursor = start
    if cursor >= end:
        return days
    for first, last, holes in catalog.held_spans(window.dataset, window.symbol):
        if last < start or first >= end:
            continue
        days += calendar.sessions(cursor, max(first, cursor)) + [day for day in holes if start <= day < end]
        cursor = max(cursor, last + timedelta(days=1))
    return days + calendar.sessions(cursor, end) if cursor < end else days


def recent_session(window: Window, policy: Policy) -> date:
    """The first of the trailing sessions, which are asked for again; the end of the window if there are none."""
    if not policy.trailing_sessions:
        return window.end
    # Twice the sessions and a week of days always hold that many sessions.
    start = max(window.start, window.calendar.first)
    near = max(start, window.end - timedelta(days=2 * policy.trailing_sessions + 7))
    sessions = window.calendar.sessions(near, window.end)[-policy.trailing_sessions :]
    return sessions[0] if sessions else start


def refused(catalog: Catalog, window: Window, source: str, now: datetime) -> list[Span]:
    """The spans of a window's dataset that a source said it does not have, as long as that holds."""
    return _refused(catalog.answered(window.dataset, source, window.symbol), now)


def span_of(window: Window, days: Sequence[date], policy: Policy, refused: Sequence[Span] = ()) -> Span:
    """
    What is asked for when these sessions of a window are missing, [start, end).

    It starts at the first of them; when it reaches the window's end it also covers the trailing sessions, which sources
    still revise, but for those that were `refused`.
    """
    recent = recent_session(window, policy)
    if days[-1] >= recent:
        trailing = _outside(window.calendar.sessions(recent, window.end), refused) if refused else [recent]
        return min(days[0], *trailing), window.end
    return days[0], days[-1] + timedelta(days=1)


def _before_listing(catalog: Catalog, window: Window) -> list[Span]:
    held = catalog.held_spans(window.dataset, window.symbol)
    if not held:
        return []
    first = held[0][0]
    told = catalog.answered_by_any(window.dataset, window.symbol)
    return [(start, first) for start, end in told if start < first < end]


def _expected(window: Window) -> list[date]:
    start = max(window.start, window.calendar.first)
    return window.calendar.sessions(start, window.end) if start < window.end else []


def _outside(days: Sequence[date], spans: Sequence[Span]) -> list[date]:
    return [day for day in days if not any(first <= day < last for first, last in spans)]


def _counted(told: Iterable[_Told], window: Window, now: datetime) -> list[_Told]:
    """The answers that count for a window: all, or only those of the run that began at `now`."""
    return [one for one in told if window.settled or one[3] > now]


def _answered(told: Iterable[_Told], recent: date, now: datetime) -> list[Span]:
    """Spans answered for; of the most recent sessions only what was answered within the last hour."""
    return [
        (start, end if now - at < _ASK_AGAIN_AFTER else min(end, recent))
        for refused, start, end, at in told
        if refused is None
    ]


def _refused(told: Iterable[_Told], now: datetime) -> list[Span]:
    """Spans that a source said it does not have, as long as that holds."""
    return [(start, end) for refused, start, end, at in told if refused and now - at < _REFUSAL_HOLDS[refused]]
