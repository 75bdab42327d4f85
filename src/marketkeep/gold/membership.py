"""
Membership of indices as intervals [from, to), with the source of each end.

Each source is judged alone first: its changes by their effective date, its lists where no change is told. A list that
is early (an announced change already in it) or late gives way to the change. Then the sources are laid side by side:
for each stretch of days the best one that knows of them speaks, one that tells changes before one that only lists.
No number of members is expected of any index, and one may last a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import polars as pl

from marketkeep.gold.member_evidence import Told, Witness, is_in, next_absence, next_presence, witnesses
from marketkeep.gold.member_runs import member_runs
from marketkeep.model import INDEX_MEMBERS

TRUST = ("manual", "csv", "members_csv", "wikipedia", "ishares")
"""Whose word counts first among sources of equal precision; any other comes behind, by name."""

EARLY = timedelta(days=45)
"""A list may show a change so long before its effective date: it had been announced."""
LATE = timedelta(days=5)
"""A list may lag so far behind a change."""

_BEGINNING, _END = date.min, date.max


class Spell(NamedTuple):
    """Membership over [start, end); `_BEGINNING` and `_END` stand for no known bound."""

    start: date
    end: date


class _Piece(NamedTuple):
    start: date
    end: date
    from_source: str
    to_source: str


class Stretch(NamedTuple):
    """Days [start, end) for which one witness speaks."""

    start: date
    end: date
    witness: Witness


def resolve_members(
    rows: pl.DataFrame, renames: pl.DataFrame | None = None, tickers: pl.DataFrame | None = None
) -> pl.DataFrame:
    """
    `INDEX_MEMBERS` rows from raw rows with lineage beside them, whatever their order of arrival.

    `renames` are `TICKER_HISTORY` rows: a member is told under the ticker it came to have. `tickers` are `TICKERS`
    rows: where somebody else took that ticker later, under the name of its former holder (`REUS~2015`).
    """
    return members_by(witnesses(member_runs(rows), renames, tickers))


def members_by(found: Sequence[Witness]) -> pl.DataFrame:
    """`INDEX_MEMBERS` rows by the word of these witnesses."""
    told: list[tuple[object, ...]] = []
    for index in sorted({one.index for one in found}):
        told += _of_index(index, [one for one in found if one.index == index])
    table = pl.DataFrame(told, schema=INDEX_MEMBERS.schema, orient="row")
    return table.sort("index", "symbol", "from", nulls_last=False)


def members_on(table: pl.DataFrame, index: str, day: date) -> list[str]:
    """Who was a member of an index on a session, sorted: from `INDEX_MEMBERS` rows."""
    begun = pl.col("from").is_null() | (pl.col("from") <= day)
    lasts = pl.col("to").is_null() | (pl.col("to") > day)
    found = table.filter((pl.col("index") == index) & begun & lasts)
    return sorted(found["symbol"].unique().to_list())


def by_trust(found: Iterable[Witness]) -> list[Witness]:
    """The witnesses, best first."""

    def rank(one: Witness) -> tuple[bool, int, str]:
        place = TRUST.index(one.source) if one.source in TRUST else len(TRUST)
        return not one.has_changes, place, one.source

    return sorted(found, key=rank)


def spells(witness: Witness, told: Told) -> list[Spell]:
    """When a symbol was a member, as one witness has it."""
    return list(_Judge(witness, told).spells())


class _Judge:
    """One symbol's days in the words of one witness, walked through in order."""

    def __init__(self, witness: Witness, told: Told) -> None:
        self._witness, self._told = witness, told
        # None while nothing is known, else whether it is a member.
        self._inside: bool | None = None
        self._since = _BEGINNING
        # When a change took it out, as long as no list has confirmed that.
        self._left: date | None = None
        self._by_change = self._seen = False

    def spells(self) -> Iterator[Spell]:
        """Each spell when its end is known, then the one that lasts."""
        for day in sorted({*self._told.added, *self._told.removed, *self._turns()}):
            end = self._step(day)
            if end is not None and self._since < end:
                yield Spell(self._since, end)
        if self._inside:
            yield Spell(self._since, _END)

    def _turns(self) -> Iterator[date]:
        """Days of lists that may change what is known: where the symbol comes or goes, and after each change."""
        runs = self._told.runs
        found = [self._witness.list_at(place) for low, high in runs for place in (low, high + 1)]
        found += [next_absence(self._witness, runs, day + LATE) for day in self._told.added]
        found += [next_presence(self._witness, runs, day + LATE) for day in self._told.removed]
        yield from self._witness.lists[:1]
        yield from (day for day in found if day is not None)

    def _step(self, day: date) -> date | None:
        """Take in what is told of a day; returns it when a spell ended."""
        added, removed = day in self._told.added, day in self._told.removed
        ended = None
        if added and removed:
            # Both on one day: a member goes on being one, who was none stays out.
            self._inside = self._inside is not False
        elif removed:
            ended = day if self._inside is not False else None
            self._inside, self._left = False, day
        elif added and (not self._inside or (self._by_change and not self._seen)):
            # Added twice and never seen on a list between: who was first has gone on under another ticker.
            self._begin(day, by_change=True)
        place = self._witness.place_from(day)
        if self._witness.list_at(place) == day:
            ended = self._look(day, listed=is_in(self._told.runs, place)) or ended
        return ended

    def _begin(self, day: date, *, by_change: bool) -> None:
        self._inside, self._since, self._by_change, self._seen = True, day, by_change, False

    def _look(self, day: date, *, listed: bool) -> date | None:
        """Take in a list that has the symbol or not; returns the day when a spell ended by it."""
        if listed:
            if not self._inside and not self._coming(day):
                # Removed long ago and yet a member, with no list between: another member took the ticker over then.
                handed_on = self._left or _BEGINNING
                self._begin(handed_on if self._inside is None or self._left else day, by_change=False)
            self._seen = self._seen or bool(self._inside)
            return None
        if self._inside and not self._going(day):
            self._inside, self._left = False, None
            # Added once, never seen on a list, never removed: the ticker changed, and the member has another now.
            return day if self._seen or not self._by_change else None
        self._inside, self._left = bool(self._inside), None
        return None

    def _coming(self, day: date) -> bool:
        """Whether a list with the symbol is early for an addition, or late after a removal."""
        return _near(self._told.added, day, EARLY) or _near(self._told.removed, day - LATE, LATE)

    def _going(self, day: date) -> bool:
        """Whether a list without the symbol is early for a removal, or late after an addition."""
        return _near(self._told.removed, day, EARLY) or _near(self._told.added, day - LATE, LATE)


def _near(dates: Iterable[date], start: date, within: timedelta) -> bool:
    """Whether one of the dates lies behind `start`, at most `within` later."""
    return any(timedelta(0) < one - start <= within for one in dates)


def _of_index(index: str, found: Sequence[Witness]) -> list[tuple[object, ...]]:
    stretches = speaking(found)
    names = {
        symbol: told.name for one in reversed(by_trust(found)) for symbol, told in one.symbols.items() if told.name
    }
    pieces: dict[str, list[_Piece]] = {}
    for at, stretch in enumerate(stretches):
        after = stretches[at + 1].witness.source if at + 1 < len(stretches) else stretch.witness.source
        for symbol, told in stretch.witness.symbols.items():
            for spell in spells(stretch.witness, told):
                _append(pieces.setdefault(symbol, []), _clipped(spell, stretch, after))
    return [
        (
            index,
            symbol,
            None if one.start == _BEGINNING else one.start,
            None if one.end == _END else one.end,
            names.get(symbol),
            None if one.start == _BEGINNING else one.from_source,
            None if one.end == _END else one.to_source,
        )
        for symbol in sorted(pieces)
        for one in pieces[symbol]
    ]


def _clipped(spell: Spell, stretch: Stretch, after: str) -> _Piece | None:
    """What of a spell lies in the stretch; where it is cut at the end, the next witness is who denies the rest."""
    start, end = max(spell.start, stretch.start), min(spell.end, stretch.end)
    source = stretch.witness.source
    return _Piece(start, end, source, after if end < spell.end else source) if start < end else None


def _append(pieces: list[_Piece], piece: _Piece | None) -> None:
    """Add a piece, as one with the last where it continues it."""
    if piece is None:
        return
    if pieces and pieces[-1].end == piece.start:
        pieces[-1] = pieces[-1]._replace(end=piece.end, to_source=piece.to_source)
    else:
        pieces.append(piece)


def speaking(found: Iterable[Witness]) -> list[Stretch]:
    """Who speaks for which days: all days are given to someone, in order."""
    free = [(_BEGINNING, _END)]
    taken: list[Stretch] = []
    for one in by_trust(found):
        first, behind = one.first, one.last + timedelta(days=1)
        left: list[tuple[date, date]] = []
        for start, end in free:
            inside = max(start, first), min(end, behind)
            if inside[0] < inside[1]:
                taken.append(Stretch(*inside, one))
                left += [span for span in ((start, inside[0]), (inside[1], end)) if span[0] < span[1]]
            else:
                left.append((start, end))
        free = left
    taken.sort(key=lambda stretch: stretch.start)
    # Days that nobody knows of go to who speaks before them, the first days of all to the first.
    ends = [later.start for later in taken[1:]] + [_END]
    starts = [_BEGINNING] + [stretch.start for stretch in taken[1:]]
    return [Stretch(start, end, one.witness) for start, end, one in zip(starts, ends, taken, strict=True)]
