"""
Planning: which source is asked for what is missing.

For each dataset the sources that can be asked bid for the pieces that they reach; the bid is the time their rate and
quota make it take, per session gained. The cheapest gets its pieces, the next what is left. So one call for a whole
market beats thousands, a bulk file beats many companies, and a scarce quota is spent last, on what ranks first. A
directory or a list of members is different: there every source is asked, because they are compared.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from marketkeep.model import EVERYTHING, Offer, Policy, Query, Rate, Request, Source, Symbol
from marketkeep.model.new_york import new_york_date
from marketkeep.pipeline.collecting.gaps import Span, Window, due, missing, refused, span_of, unanswered
from marketkeep.pipeline.collecting.renamed import Present
from marketkeep.stores.lake import Catalog

_DAY_SECONDS = 86_400
# Rows that one chain of pages may bring: all of it is held in memory until its last page has come.
_CHAIN_ROWS = 1_000_000
_MINUTES_A_SESSION = 600
_PER_SYMBOL = frozenset({"daily_bars", "minute_bars", "actions"})


@dataclass(frozen=True, slots=True)
class Task:
    """What one source is to be asked, in order."""

    source: Source
    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Sessions missing of one window, as one source would be asked for them: under a ticker (see `renamed`)."""

    window: Window
    ticker: str
    span: Span
    days: int


@dataclass(frozen=True, slots=True)
class _Bid:
    source: Source
    requests: tuple[Request, ...]
    pieces: Sequence[_Piece]
    seconds: float

    @property
    def sessions(self) -> int:
        return sum(piece.days for piece in self.pieces)

    @property
    def price(self) -> float:
        return self.seconds / self.sessions


@dataclass(slots=True)
class Planner:
    """
    Plans for one run. `now` (UTC) is its beginning; `rates` say by source how often it is asked.

    `left` are the calls that a source has left today where they are limited. `given_up` are the symbols by source and
    dataset that this run asks no more, `resting` the sources that are not asked at present. The run keeps these up.
    """

    policy: Policy
    now: datetime
    sources: Sequence[Source]
    rates: Mapping[str, Rate] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)
    quotas: Mapping[str, int] = field(default_factory=dict)
    given_up: set[tuple[str, str, str]] = field(default_factory=set)
    resting: set[str] = field(default_factory=set)
    _known: tuple[Catalog, Present] | None = field(default=None, init=False, repr=False)

    def tasks(self, catalog: Catalog, windows: Iterable[Window]) -> list[Task]:
        """
        What is to be asked now, by source, the windows of the lowest rank first; empty when nothing can be.

        What this leaves missing may be had from another source in the next round.
        """
        present = self._present(catalog)
        by_dataset: defaultdict[str, list[Window]] = defaultdict(list)
        for window in windows:
            by_dataset[window.dataset].append(window)
        asked: defaultdict[str, list[Request]] = defaultdict(list)
        for dataset, group in by_dataset.items():
            # Bars that carry their actions may settle these too, so actions wait for the bars.
            if dataset == "actions" and any(
                request.dataset == "daily_bars" for all_ in asked.values() for request in all_
            ):
                continue
            for task in self._of_dataset(present, dataset, sorted(group, key=lambda one: one.rank)):
                asked[task.source.name] += self._affordable(task, asked[task.source.name])
        return [Task(one, tuple(asked[one.name])) for one in self.sources if asked[one.name]]

    def able(self, catalog: Catalog, window: Window) -> list[str]:
        """The sources that would be asked now for what is missing of a window, best ranked first."""
        present = self._present(catalog)
        bids = [
            one
            for one in self.sources
            if window.dataset in one.offers and one.name not in self.resting and self._bid(present, one, [window])
        ]
        return sorted((one.name for one in bids), key=lambda name: (self.policy.rank(name, window.dataset), name))

    def lacking(self, catalog: Catalog, windows: Iterable[Window]) -> int:
        """How many sessions of bars are missing, whatever was answered."""
        ours = (replace(one, settled=False) for one in windows if one.dataset.endswith("_bars"))
        return sum(len(missing(catalog, one, "", self.policy, self.now)) for one in ours)

    def _present(self, catalog: Catalog) -> Present:
        if self._known is None or self._known[0] is not catalog:
            self._known = catalog, Present.of(catalog, self.policy)
        return self._known[1]

    def _of_dataset(self, present: Present, dataset: str, windows: list[Window]) -> list[Task]:
        offering = [one for one in self.sources if dataset in one.offers and one.name not in self.resting]
        states = [one for one in offering if one.offers[dataset].snapshot]
        tasks = [self._state(present.catalog, one, windows) for one in states]
        bidding = [one for one in offering if one not in states]
        while bidding and windows:
            bids = [bid for one in bidding if (bid := self._bid(present, one, windows))]
            if not bids:
                break
            best = min(bids, key=lambda bid: (bid.price, self.policy.rank(bid.source.name), bid.source.name))
            requests = best.requests[: self.left.get(best.source.name, len(best.requests))]
            tasks.append(Task(best.source, requests))
            asked = {symbol for request in requests for symbol in request.symbols or (EVERYTHING,)}
            served = {piece.window.symbol for piece in best.pieces if piece.ticker in asked}
            windows = [one for one in windows if one.symbol not in served]
            bidding = [one for one in bidding if one is not best.source]
        return [task for task in tasks if task.requests]

    def _state(self, catalog: Catalog, source: Source, windows: Sequence[Window]) -> Task:
        offer = source.offers[windows[0].dataset]
        stale = [
            one
            for one in windows
            if self._worth(source, one.dataset, one.symbol) and due(catalog, one, source.name, offer, self.now)
        ]
        pieces = [_Piece(one, one.symbol, (one.start, one.end), 1) for one in stale]
        return Task(source, tuple(self._requests(source, pieces)))

    def _bid(self, present: Present, source: Source, windows: Sequence[Window]) -> _Bid | None:
        pieces = [piece for one in windows for piece in self._pieces(present, source, one)]
        requests = tuple(self._requests(source, pieces))
        if not requests or self.left.get(source.name, 1) <= 0:
            return None
        seconds = self._seconds(source, requests, sum(piece.days for piece in pieces))
        return _Bid(source, requests, pieces, seconds)

    def _pieces(self, present: Present, source: Source, window: Window) -> list[_Piece]:
        """What is missing of a window and within the source's reach, a piece for each ticker that it is asked by."""
        offer = source.offers[window.dataset]
        near = replace(window, start=max(window.start, offer.reach(new_york_date(self.now))))
        spells = [
            (ticker, since, until)
            for ticker, since, until in present.spells(source.name, window.symbol)
            if since < near.end and until > near.start and self._worth(source, window.dataset, ticker)
        ]
        if not spells or near.start >= near.end or not _has_class(offer, window):
            return []
        catalog = present.catalog
        if window.dataset.endswith("_bars"):
            days = missing(catalog, near, source.name, self.policy, self.now)
        else:
            # Where every source is asked for its own word, nobody else's answer settles it.
            tellers = self.sources if near.held else (source,)
            days = unanswered(catalog, near, source.name, tellers, self.policy, self.now)
        not_had = refused(catalog, near, source.name, self.now) if near.settled and days else ()
        pieces = []
        for ticker, since, until in spells:
            if mine := days[bisect_left(days, since) : bisect_left(days, until)]:
                start, end = span_of(near, mine, self.policy, not_had)
                pieces.append(_Piece(near, ticker, (max(start, since), min(end, until)), len(mine)))
        return pieces

    def _worth(self, source: Source, dataset: str, symbol: str) -> bool:
        """Whether this run has not given up on it, nor on what would have brought it along."""
        bringing = [name for name, offer in source.offers.items() if dataset in offer.carries]
        return not any((source.name, name, symbol) in self.given_up for name in (dataset, *bringing))

    def _requests(self, source: Source, pieces: Sequence[_Piece]) -> list[Request]:
        """The source's own plan for pieces, those of one span together, what ranks first in front."""
        groups: defaultdict[Span, list[_Piece]] = defaultdict(list)
        for piece in pieces:
            groups[piece.span].append(piece)
        ranks: dict[str, int] = {}
        for piece in pieces:
            ranks[piece.ticker] = min(piece.window.rank, ranks.get(piece.ticker, piece.window.rank))
        found: dict[tuple[str, tuple[tuple[str, str], ...]], Request] = {}
        for (start, end), group in groups.items():
            symbols = tuple(piece.ticker for piece in group if piece.ticker != EVERYTHING)
            for some, first, last in _within_memory(group[0].window.dataset, symbols, start, end):
                for request in source.plan(Query(group[0].window.dataset, some, first, last, self.now)):
                    key = request.url, request.params
                    found[key] = _together(found[key], request) if key in found else request
        return sorted(found.values(), key=lambda one: min((ranks.get(symbol, 1) for symbol in one.symbols), default=0))

    def _seconds(self, source: Source, requests: Sequence[Request], sessions: int) -> float:
        """How long it takes a source to answer, by its rate and, where it has one, its quota."""
        page = source.offers[requests[0].dataset].page_rows
        rows = sessions * (_MINUTES_A_SESSION if requests[0].dataset == "minute_bars" else 1)
        calls = max(len(requests), -(-rows // page) if page else 0)
        rate = self.rates.get(source.name, source.rate)
        quota = self.quotas.get(source.name)
        return calls * max(rate.seconds / rate.calls, _DAY_SECONDS / quota if quota else 0.0)

    def _affordable(self, task: Task, before: Sequence[Request]) -> tuple[Request, ...]:
        left = self.left.get(task.source.name)
        return task.requests if left is None else task.requests[: max(0, left - len(before))]


def _has_class(offer: Offer, window: Window) -> bool:
    return window.dataset not in _PER_SYMBOL or Symbol(window.symbol).asset_class in offer.asset_classes


def _together(one: Request, other: Request) -> Request:
    """One call that two groups ask for, settling what either would."""
    symbols = tuple(dict.fromkeys((*one.symbols, *other.symbols)))
    starts, ends = [day for day in (one.start, other.start) if day], [day for day in (one.end, other.end) if day]
    return replace(one, symbols=symbols, start=min(starts, default=None), end=max(ends, default=None))


def _within_memory(
    dataset: str, symbols: tuple[str, ...], start: date, end: date
) -> Iterable[tuple[tuple[str, ...], date, date]]:
    """A query cut so that the answer to each part fits in memory; only minutes are many enough to need it."""
    if dataset != "minute_bars":
        yield symbols, start, end
        return
    most = _CHAIN_ROWS // _MINUTES_A_SESSION
    days = min((end - start).days, most)
    some = max(1, most // max(days, 1))
    for at in range(0, len(symbols), some):
        first = start
        while first < end:
            last = min(end, date.fromordinal(first.toordinal() + days))
            yield symbols[at : at + some], first, last
            first = last
