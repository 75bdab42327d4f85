"""
Steps: renames and delistings that files or hands tell, fitted among the tenancies that directories show.

Each tenancy begins and ends somewhere between two days; a step that lies there dates it. A step of the time before all
directories makes the tenancies that it needs. One that contradicts what directories show is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from marketkeep.gold.identity.events import on_or_after

EVER, NEVER = 0, 10**7
"""Days (proleptic ordinals) before and behind all others."""

# A step is the directories' own where their days are this near.
_SLACK = 5

Followed = tuple[str, str | None, date, int]
"""A step that was taken in: old and new ticker, its date, and the number of the security concerned."""


@dataclass(slots=True, eq=False)
class Node:
    """
    A tenancy of a ticker by a security (number), [start, end), None where a bound is open.

    It began between the two days of `begun` and was over between those of `over`, both included, as ordinals.
    """

    ticker: str
    security: int
    start: date | None
    end: date | None
    begun: tuple[int, int]
    over: tuple[int, int]
    name: str | None = None
    known_at: datetime | None = None
    closed_at: datetime | None = None

    def began(self, day: date) -> None:
        """It began on this day, where that is possible."""
        at = day.toordinal()
        if self.begun[0] <= at <= self.begun[1]:
            self.start, self.begun = day, (at, at)

    def ended(self, day: date, heard: datetime | None) -> None:
        """It was over on this day, where that is possible."""
        at = day.toordinal()
        if self.over[0] <= at <= self.over[1]:
            self.closed_at = heard if self.end is None else self.closed_at
            self.end, self.over = day, (at, at)


def follow(nodes: list[Node], steps: Iterable[Mapping[str, Any]]) -> list[Followed]:
    """
    Take steps in, in order of their dates: `nodes` are changed and added to.

    A step has old_symbol, new_symbol (None: it left the market), effective_date and fetched_at. Returns those that
    were taken in.
    """
    book = _Book(nodes)
    taken: list[tuple[str, str | None, date, Node]] = []
    for step in steps:
        old, new, day, heard = (step[name] for name in ("old_symbol", "new_symbol", "effective_date", "fetched_at"))
        on = on_or_after(day)
        node = book.end(old, on, heard) if new is None else book.rename(old, new, on, heard)
        if node is not None:
            taken.append((old, new, day, node))
    return [(old, new, day, node.security) for old, new, day, node in taken]


class _Book:
    """Nodes by ticker and by security."""

    def __init__(self, nodes: list[Node]) -> None:
        self._nodes = nodes
        self._tickers: dict[str, list[Node]] = {}
        self._securities: dict[int, list[Node]] = {}
        self._next = max((node.security for node in nodes), default=0) + 1
        for node in nodes:
            self._file(node)

    def rename(self, old: str, new: str, day: date, heard: datetime | None) -> Node | None:
        """Join who had `old` until a day with who has `new` from then on; None where that cannot be."""
        donor, heir = self._ending(old, day), self._beginning(new, day)
        if old == new:
            return None
        same = donor is not None and heir is not None and donor.security == heir.security
        if not same and not (self._is_end(donor, -1) and self._is_end(heir, 0)):
            return None
        on = _within(day, *(span for span in (donor and donor.over, heir and heir.begun) if span))
        if on is None or self._kept(old, donor, on) or self._taken(new, heir, on):
            return None
        donor, heir = donor or self._left(old, on, heard), heir or self._came(new, on, heard)
        donor.ended(on, heard)
        heir.began(on)
        self._make_room(donor, heir, on, heard)
        if not same:
            heir.known_at = max((at for at in (heir.known_at, heard) if at is not None), default=None)
            self._join(donor, heir)
        return heir

    def end(self, ticker: str, day: date, heard: datetime | None) -> Node | None:
        """Who had a ticker until a day left the market then; None where that cannot be."""
        node = self._ending(ticker, day)
        on = _within(day, node.over) if node else day
        if on is None or self._kept(ticker, node, on) or not self._is_end(node, -1):
            return None
        node = node or self._left(ticker, on, heard)
        node.ended(on, heard)
        self._make_room(node, None, on, heard)
        return node

    def _beginning(self, ticker: str, day: date) -> Node | None:
        """The tenancy of a ticker that may have begun on a day."""
        at = day.toordinal()
        found = [
            node
            for node in self._tickers.get(ticker, ())
            if node.begun[0] - _SLACK <= at <= node.begun[1] + _SLACK and node.over[1] > at
        ]
        return min(found, key=lambda node: node.begun[1], default=None)

    def _ending(self, ticker: str, day: date) -> Node | None:
        """The tenancy of a ticker that may have been over on a day."""
        at = day.toordinal()
        found = [
            node
            for node in self._tickers.get(ticker, ())
            if node.over[0] - _SLACK <= at <= node.over[1] + _SLACK and (node.start is None or node.start < day)
        ]
        return max(found, key=lambda node: node.over[0], default=None)

    def _kept(self, ticker: str, found: Node | None, on: date) -> bool:
        """Whether nobody was found who gave a ticker up on a day, and somebody has had it until then."""
        mine = (node for node in self._tickers.get(ticker, ()) if node.begun[1] < on.toordinal())
        return found is None and any(node.end is None or node.end >= on for node in mine)

    def _taken(self, ticker: str, found: Node | None, on: date) -> bool:
        """Whether nobody was found who came to have a ticker on a day, and somebody has it then and goes on."""
        at = on.toordinal()
        mine = (node for node in self._tickers.get(ticker, ()) if node.start is None or node.start <= on)
        return found is None and any(at < node.over[0] for node in mine)

    def _is_end(self, node: Node | None, place: int) -> bool:
        """Whether a tenancy is the last (-1) or the first (0) of its security; one that is yet to be made is."""
        return node is None or self._securities[node.security][place] is node

    def _left(self, ticker: str, day: date, heard: datetime | None) -> Node:
        """A tenancy that nobody else told of, over on a day."""
        at = day.toordinal()
        before = [one for one in self._tickers.get(ticker, ()) if one.end is not None and one.end <= day]
        start = max((one.end for one in before if one.end is not None), default=None)
        begun = (start.toordinal() if start else EVER, at)
        return self._make(Node(ticker, self._next, start, day, begun, (at, at), None, heard, heard))

    def _came(self, ticker: str, day: date, heard: datetime | None) -> Node:
        """A tenancy that nobody else told of, begun on a day."""
        at = day.toordinal()
        end = min((one.start for one in self._tickers.get(ticker, ()) if one.start and one.start > day), default=None)
        over = (at + 1, end.toordinal() if end else NEVER)
        return self._make(Node(ticker, self._next, day, end, (at, at), over, None, heard, heard if end else None))

    def _make_room(self, donor: Node, heir: Node | None, day: date, heard: datetime | None) -> None:
        """Who else had the old ticker has it since that day, who else had the new one had it until then."""
        at = day.toordinal()
        for one in self._tickers[donor.ticker]:
            if one is not donor and one.begun[0] < at <= one.begun[1]:
                one.start, one.begun = max(one.start or day, day), (at, one.begun[1])
        for one in self._tickers[heir.ticker] if heir else ():
            if one is not heir and one.begun[1] < at and (one.end is None or one.end > day):
                one.ended(day, heard)

    def _join(self, donor: Node, heir: Node) -> None:
        """Make the tenancies of both one security's."""
        later = self._securities.pop(heir.security)
        for node in later:
            node.security = donor.security
        self._securities[donor.security] += later

    def _make(self, node: Node) -> Node:
        self._next += 1
        self._nodes.append(node)
        self._file(node)
        return node

    def _file(self, node: Node) -> None:
        self._tickers.setdefault(node.ticker, []).append(node)
        mine = self._securities.setdefault(node.security, [])
        mine.append(node)
        mine.sort(key=lambda one: (one.begun[1], one.over[1]))


def _within(day: date, *spans: tuple[int, int]) -> date | None:
    """The session nearest to a day that lies in all of these spans; None where no day does."""
    low, high = max((span[0] for span in spans), default=EVER), min((span[1] for span in spans), default=NEVER)
    if low > high:
        return None
    near = date.fromordinal(min(max(day.toordinal(), low), high))
    session = on_or_after(near)
    return session if session.toordinal() <= high else near
