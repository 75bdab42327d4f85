"""
What an export is asked for, and reading it piece by piece: of the keep never more than one piece is in memory.

A piece of daily bars is some dozens of symbols with all their sessions, a piece of minute bars one symbol and month.
Symbols are those that bars are published under; what a form cannot hold is refused where it was named, and left out
and told where it came with everything or with an index.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import polars as pl

from marketkeep.errors import BadInput, NotFound
from marketkeep.model import Symbol
from marketkeep.pipeline.workspace import Progress
from marketkeep.query import Keep
from marketkeep.query.bars import Adjust
from marketkeep.query.clocks import Day, Moment, read_range

EVERYTHING = "all"
PIECE = 40
"""Symbols of one piece of daily bars."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    What to export: `symbols` in any vendor's spelling, or those of a `universe` (an index: whoever was a member of it
    from `start` through `end`; `all`: every symbol held), sessions `start` to `end` both included, the two clocks.

    `adjust` None means what the form calls for. `minute` asks for minute bars instead of daily ones.
    """

    symbols: tuple[str, ...] = ()
    universe: str | None = None
    start: Day | None = None
    end: Day | None = None
    adjust: Adjust | None = None
    minute: bool = False
    as_of: Day | None = None
    recorded_by: Moment | None = None

    def __post_init__(self) -> None:
        if bool(self.symbols) == (self.universe is not None):
            raise BadInput("say what to export: symbols, or a universe (an index such as sp500, or all); one of them")
        read_range(self.start, self.end)

    @property
    def range(self) -> tuple[date | None, date | None]:
        """First and last session, both included; None where open."""
        return read_range(self.start, self.end)

    @property
    def clocks(self) -> dict[str, Any]:
        """The two clocks as readers of a keep take them."""
        return {"as_of": self.as_of, "recorded_by": self.recorded_by}


@dataclass(slots=True)
class Reader:
    """
    The keep as one export reads it: `spans` are its symbols (published, sorted) with their first and last session in
    the range asked for; `adjust` is how prices are adjusted; `notes` is what has to be told of it.
    """

    keep: Keep
    wanted: Wanted
    adjust: Adjust
    spans: pl.DataFrame
    progress: Progress
    notes: list[str] = field(default_factory=list)

    @property
    def symbols(self) -> list[str]:
        """The symbols to export."""
        return self.spans["symbol"].to_list()

    def note(self, count: int, what: str) -> None:
        """Tell of what the form could not hold as it is, and how many there were; of none nothing is told."""
        if count:
            self.notes.append(f"{what}: {count:,}")

    def leave_out(self, symbols: Collection[str], why: str) -> None:
        """Export without these symbols, which is told. Raises `BadInput` when one was named, or none is left."""
        gone = [symbol for symbol in self.symbols if symbol in symbols]
        if not gone:
            return
        if self.wanted.symbols or len(gone) == self.spans.height:
            raise BadInput(f"{', '.join(gone[:5])}: {why}; leave it out")
        self.notes.append(f"left out: {', '.join(gone)}: {why}")
        self.spans = self.spans.filter(~pl.col("symbol").is_in(gone))

    def pieces(self, groups: Iterable[Sequence[str]] | None = None) -> Iterator[Sequence[str]]:
        """Groups of symbols, some dozens each unless given, with progress as each is done."""
        self.progress.begin("export", len(self.symbols))
        for group in groups if groups is not None else _grouped(self.symbols):
            yield group
            self.progress.step(len(group), group[-1])

    def bars(
        self, symbols: Sequence[str], adjust: Adjust | None = None, *, whole: bool = False, universe: str | None = None
    ) -> pl.DataFrame:
        """
        Daily bars of these symbols in the range asked for (`whole`: in any), sorted by symbol and date, adjusted as the
        export is unless said otherwise; with a `universe` of sessions on which they were its members only.
        """
        start, end = (None, None) if whole else self.wanted.range
        names = [_exactly(symbol) for symbol in symbols]
        asked = self.keep.bars(names, start, end, universe=universe, adjust=adjust or self.adjust, **self.wanted.clocks)
        # Piece by piece, because of that nothing is kept: neither the answer nor the pages of a map.
        return pl.concat(asked.pieces()).sort("symbol", "date")

    def minutes(self, symbol: str) -> Iterator[pl.DataFrame]:
        """Minute bars of one symbol, a calendar month at a time, in order; months without any are left out."""
        _, first, last = self.spans.row(by_predicate=pl.col("symbol") == symbol)
        for start, end in _months(first, last):
            found = self.keep.minute_bars(
                _exactly(symbol), start, end, adjust=self.adjust, **self.wanted.clocks
            ).polars()
            if not found.is_empty():
                yield found

    def actions(self, symbols: Sequence[str]) -> pl.DataFrame:
        """Corporate actions of these symbols, applied or not, whatever the range asked for."""
        return self.keep.actions([_exactly(symbol) for symbol in symbols], **self.wanted.clocks)


def select(keep: Keep, wanted: Wanted, adjust: Adjust, progress: Progress, classes: Collection[str]) -> Reader:
    """
    The reader of what is wanted, for a form that holds these asset classes.

    Raises `NotFound` when nothing of it is held, `BadInput` for a symbol named that the form does not hold.
    """
    spans = _spans(keep, wanted)
    if not wanted.universe:
        named = _named(keep, wanted)
        if absent := sorted(named - set(spans["symbol"])):
            raise NotFound(f"{', '.join(absent)}: nothing is held in this range; see: marketkeep coverage")
        spans = spans.filter(pl.col("symbol").is_in(sorted(named)))
    elif wanted.universe != EVERYTHING:
        spans = spans.filter(pl.col("symbol").is_in(sorted(_members(keep, wanted))))
    if spans.is_empty():
        what = "minute bars" if wanted.minute else "bars"
        raise NotFound(
            f"no {what} are held of what was asked for, so there is nothing to export; see: marketkeep coverage"
        )
    other = {symbol for symbol in spans["symbol"] if Symbol(symbol).asset_class not in classes}
    reader = Reader(keep, wanted, adjust, spans, progress)
    reader.leave_out(other, f"this form holds {' and '.join(classes)} only")
    return reader


def _spans(keep: Keep, wanted: Wanted) -> pl.DataFrame:
    """First and last session of each symbol held within the range asked for: symbol, first, last; sorted."""
    start, end = wanted.range
    held = keep.coverage("minute_bars" if wanted.minute else "daily_bars", **wanted.clocks)
    cut = held.select(
        "symbol",
        first=pl.max_horizontal("first", pl.lit(start, dtype=pl.Date)),
        last=pl.min_horizontal("last", pl.lit(end, dtype=pl.Date)),
    )
    return cut.filter(pl.col("first") <= pl.col("last")).sort("symbol")


def _named(keep: Keep, wanted: Wanted) -> set[str]:
    """The published symbols of those named. Raises `NotFound` for one of which nothing is held."""
    found: set[str] = set()
    if not wanted.minute:
        for names in _grouped(wanted.symbols):
            found |= _named_by_days(keep, wanted, names)
        return found
    for name in wanted.symbols:
        # A name means the same of either; days are told in a moment where years of minutes are not.
        with suppress(NotFound):
            if meant := _named_by_days(keep, wanted, [name]):
                found |= meant
                continue
        asked = keep.minute_bars(name, *wanted.range, fields="close", **wanted.clocks)
        found |= set(asked.polars()["symbol"].unique())
    return found


def _named_by_days(keep: Keep, wanted: Wanted, names: Sequence[str]) -> set[str]:
    asked = keep.bars(list(names), *wanted.range, fields="close", **wanted.clocks)
    return set(asked.polars()["symbol"].unique())


def _members(keep: Keep, wanted: Wanted) -> set[str]:
    """Whoever was a member within the range and has bars, under the symbol of its bars; read year by year."""
    spans = keep.coverage(**wanted.clocks)
    if spans.is_empty():
        return set()
    start, end = wanted.range
    held: tuple[date, date] = spans.select(pl.col("first").min(), pl.col("last").max()).row(0)
    first, last = max(start or held[0], held[0]), min(end or held[1], held[1])
    # An index that nobody tells of is refused for what it is, not for being empty in some year.
    keep.index_members(wanted.universe, **wanted.clocks)
    found: set[str] = set()
    for year in range(first.year, last.year + 1):
        begin, finish = max(first, date(year, 1, 1)), min(last, date(year, 12, 31))
        found |= members_in(keep, wanted, begin, finish)
    return found


def members_in(keep: Keep, wanted: Wanted, start: date, end: date) -> set[str]:
    """Whoever has bars of sessions from `start` to `end` on which it was a member; nobody where none is known."""
    try:
        asked = keep.bars(None, start, end, universe=wanted.universe, fields="close", **wanted.clocks)
        return set(asked.polars()["symbol"].unique())
    except NotFound:
        return set()


def _exactly(symbol: str) -> str:
    """A published symbol as a question that means it alone, even where others had its ticker before."""
    return symbol if Symbol(symbol).former else f"{symbol}~now"


def _grouped(symbols: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(symbols), PIECE):
        yield symbols[at : at + PIECE]


def _months(first: date, last: date) -> Iterator[tuple[date, date]]:
    while first <= last:
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        yield first, min(last, following - timedelta(days=1))
        first = following
