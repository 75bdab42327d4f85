"""
The truth about indices: members over time, from a truth's symbols and as many fillers as an index needs.

Changes are announced some sessions before they take effect; a spun-off company is a member for a day. Only symbols
that keep their ticker and their listing are members, so that membership is all that changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import count

from gym.truth import Truth, is_renamed, name_of

SIZES = {"sp500": 503, "nasdaq100": 101, "dow_jones": 30, "russell_1000": 1004}
_EVERY = {"sp500": 19, "nasdaq100": 61, "dow_jones": 250, "russell_1000": 7}
_NOTICE = 6
_ONE_DAY = 5
"""Every fifth change has a company that is a member for its first day only."""


@dataclass(frozen=True)
class Membership:
    """
    A symbol's time in an index, [since, until); None for no known bound. A filler is no symbol of the truth.

    `announced` and `left` are the days on which beginning and end were told.
    """

    symbol: str
    name: str
    since: date | None = None
    until: date | None = None
    announced: date | None = None
    left: date | None = None


@dataclass(frozen=True)
class Change:
    """One line of a table of changes: who came and who went with effect from a day."""

    effective: date
    announced: date
    added: Membership | None
    removed: Membership | None


class Indices:
    """The members of each index over a truth's sessions."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self._known: dict[str, list[Membership]] = {}

    def memberships(self, index: str) -> list[Membership]:
        """All times of membership, in order of symbol and beginning."""
        if index not in self._known:
            self._known[index] = _made(self.truth, index)
        return self._known[index]

    def members(self, index: str, day: date) -> list[Membership]:
        """Who is a member on a session."""
        return [one for one in self.memberships(index) if _begun(one, day) and not _over(one, day)]

    def changes(self, index: str, known_on: date) -> list[Change]:
        """The changes announced by a day, newest first; a company that was a member for a day has a line each way."""
        found = []
        for one in self.memberships(index):
            if one.announced and one.since and one.announced <= known_on:
                found.append(Change(one.since, one.announced, one, None))
            if one.left and one.until and one.left <= known_on:
                found.append(Change(one.until, one.left, None, one))
        return sorted(_paired(found), key=lambda change: change.effective, reverse=True)


def pool(truth: Truth) -> list[str]:
    """The truth's symbols that are listed all the time, under one ticker, and no ETF."""
    odd = [n for n in range(truth.count) if n % 7 == 3 or n % 11 == 5 or n % 13 == 12 or is_renamed(n)]
    return [name_of(n) for n in sorted(set(range(truth.count)) - set(odd))]


def filler(number: int) -> str:
    """A ticker that no truth has."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return "Z" + letters[number // 676 % 26] + letters[number // 26 % 26] + letters[number % 26]


def _made(truth: Truth, index: str) -> list[Membership]:
    known, size = pool(truth), SIZES[index]
    fillers = (filler(number) for number in count())
    # A tenth of the truth's symbols come later, by a change.
    first = known[: min(len(known) * 9 // 10, size)]
    waiting = known[len(first) :][: size // 4]
    first += [next(fillers) for _ in range(size - len(first))]
    told = [Membership(symbol, _name(symbol), _before(at)) for at, symbol in enumerate(first)]
    dates: list[date] = truth.sessions.dates.tolist()
    done: list[Membership] = []
    for turn, at in enumerate(range(_NOTICE + 3, len(dates) - 1, _EVERY[index])):
        effective, announced = dates[at], dates[at - _NOTICE]
        leaver = told.pop(turn * 7 % len(told))
        done.append(_ended(leaver, effective, announced))
        symbol = waiting.pop(0) if waiting and turn % 2 == 0 else next(fillers)
        told.append(Membership(symbol, _name(symbol), effective, announced=announced))
        if turn % _ONE_DAY == 2:
            spun = next(fillers)
            begun = Membership(spun, _name(spun), effective, announced=announced)
            done.append(_ended(begun, dates[at + 1], announced))
    return sorted([*done, *told], key=lambda one: (one.symbol, one.since or date.min))


def _ended(one: Membership, until: date, left: date) -> Membership:
    return Membership(one.symbol, one.name, one.since, until, one.announced, left)


def _before(at: int) -> date | None:
    """When a member from before the truth's first session was added, where that is known."""
    return None if at % 3 == 0 else date(1957 + at % 30, 1 + at % 12, 1 + at % 28)


@lru_cache(maxsize=10_000)
def _name(symbol: str) -> str:
    return f"{symbol.title()} & Sons (The)"


def _begun(one: Membership, day: date) -> bool:
    return one.since is None or one.since <= day


def _over(one: Membership, day: date) -> bool:
    return one.until is not None and one.until <= day


def _paired(changes: list[Change]) -> list[Change]:
    """An addition and a removal with effect from the same day on one line."""
    lines: list[Change] = []
    gone = [change for change in changes if change.removed]
    for change in changes:
        if change.added is None:
            continue
        beside = next((one for one in gone if one.effective == change.effective and one.removed), None)
        if beside:
            gone.remove(beside)
        lines.append(Change(change.effective, change.announced, change.added, beside.removed if beside else None))
    return [*lines, *gone]
