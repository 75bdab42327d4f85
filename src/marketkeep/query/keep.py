"""
The keep as its readers see it: open it, ask, get frames. Opening reads one small file; nothing here writes to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from marketkeep.errors import BadInput, BadRange
from marketkeep.model import Symbol
from marketkeep.query.bars import Adjust, BarsQuery, BarsRequest
from marketkeep.query.explain import Explanation, explain
from marketkeep.query.issues import issues
from marketkeep.query.members import member_intervals, members
from marketkeep.query.minutes import MinuteBarsQuery, MinuteBarsRequest, Segment, read_minute_bars
from marketkeep.query.reading import read_bars
from marketkeep.query.yields import yields
from marketkeep.raw import BatchStore
from marketkeep.stores.lake import Lake

Day = date | str
Moment = datetime | date | str


class Keep:
    """A keep opened for reading. Make one with `marketkeep.open`."""

    def __init__(self, root: Path) -> None:
        """Raises `NotFound` when there is no keep at `root`."""
        self._lake = Lake(root)
        self._batches = BatchStore(root)
        self._lake.policy()

    def bars(
        self,
        symbols: str | Iterable[str],
        start: Day | None = None,
        end: Day | None = None,
        *,
        adjust: Adjust = "none",
        as_of: Day | None = None,
        recorded_by: Moment | None = None,
    ) -> BarsQuery:
        """
        Daily bars of one or more symbols, any vendor's spelling, from `start` through the session of `end`.

        Dates are sessions of the venue (text as YYYY-MM-DD). `as_of` leaves out bars and actions later than that day;
        `recorded_by` leaves out what was received later than that instant (a date means the end of that day, UTC).
        Lazy: see `BarsQuery` for the columns and the terminal methods. Raises `BadSymbol`, `BadInput` or `BadRange`.
        """
        first, last = _range(start, end)
        request = BarsRequest(_symbols(symbols), first, last, adjust, _day(as_of, "as_of"), _moment(recorded_by))
        return BarsQuery(request, lambda asked: read_bars(self._lake, self._batches, asked))

    def minute_bars(
        self,
        symbols: str | Iterable[str],
        start: Day | None = None,
        end: Day | None = None,
        *,
        adjust: Adjust = "none",
        segment: Segment | None = None,
        as_of: Moment | None = None,
        recorded_by: Moment | None = None,
    ) -> MinuteBarsQuery:
        """
        Minute bars of one or more symbols, any vendor's spelling, from `start` through the session of `end`.

        Dates are sessions of the venue (text as YYYY-MM-DD). `segment` keeps pre, regular or post only. `as_of` leaves
        out bars whose minute is not over at that instant (UTC; a date means the end of that session) and later
        actions; `recorded_by` leaves out what was received later than that instant (a date means the end of that day,
        UTC). Lazy: see `MinuteBarsQuery` for columns and terminal methods. Raises `BadSymbol`, `BadInput`, `BadRange`.
        """
        first, last = _range(start, end)
        request = MinuteBarsRequest(
            _symbols(symbols), first, last, adjust, segment, _instant_or_day(as_of, "as_of"), _moment(recorded_by)
        )
        return MinuteBarsQuery(request, lambda asked: read_minute_bars(self._lake, self._batches, asked))

    def actions(self, symbols: str | Iterable[str]) -> pl.DataFrame:
        """Corporate actions of the symbols with their factors, verdicts and witnesses; see the data dictionary."""
        names = [symbols] if isinstance(symbols, str) else symbols
        return self._lake.actions(str(Symbol.parse(name)) for name in names)

    def symbols(self) -> list[str]:
        """Symbols with at least one bar, sorted."""
        return self._lake.catalog().symbols()

    def securities(self, *, followed: bool | None = None) -> pl.DataFrame:
        """
        What the keep knows of each symbol: name, class, whether it is followed and still listed, sessions held.

        `followed` keeps those that are followed (True) or are not (False). See the data dictionary.
        """
        known = self._lake.securities()
        return known if followed is None else known.filter(pl.col("followed") == followed)

    def ticker_history(self) -> pl.DataFrame:
        """Renames and delistings that sources told: symbol, old and new ticker, first session of the new state."""
        return self._lake.ticker_history()

    def members(self, index: str, on: Day | None = None) -> list[str]:
        """
        Symbols that were members of an index on a session, sorted: sp500, nasdaq100, dow_jones, russell_1000, your own.

        A member is told under the ticker it has now. Without `on`, the members as of the last day that a source told of
        any. Raises `NotFound` for an index of which the keep knows nothing.
        """
        return members(self._lake, index, _day(on, "on"))

    def index_members(self, index: str | None = None) -> pl.DataFrame:
        """When each symbol was a member, as intervals [from, to) with their sources; see the data dictionary."""
        return member_intervals(self._lake, index)

    def treasury_yields(
        self, start: Day | None = None, end: Day | None = None, *, tenor: str | None = None
    ) -> pl.DataFrame:
        """
        The daily par yield curve from `start` through `end`: date, tenor, yield (percent a year), source.

        `tenor` keeps one point, such as 10Y; `tenor="3M"`, the 13-week bill, is the risk-free rate. Raises `NotFound`
        for a tenor that is not held, `BadInput` or `BadRange` for dates.
        """
        return yields(self._lake, *_range(start, end), tenor)

    def coverage(self, dataset: str = "daily_bars") -> pl.DataFrame:
        """
        Per symbol: rows, first and last session, missing sessions within them, and mean score.

        `dataset` is daily_bars or minute_bars; of the latter, sessions missing are counted within each month held.
        """
        held = self._lake.catalog().entries.filter(pl.col("dataset") == dataset)
        return (
            held.group_by("symbol")
            .agg(
                rows=pl.col("rows").sum(),
                first=pl.col("first").min(),
                last=pl.col("last").max(),
                missing=pl.col("missing").list.len().sum().cast(pl.Int64),
                score=(pl.col("score") * pl.col("rows")).sum() / pl.col("rows").sum(),
            )
            .sort("symbol")
        )

    def findings(self) -> pl.DataFrame:
        """Everything checks and the collector have found, oldest first; see the data dictionary."""
        return self._lake.findings()

    def issues(self) -> pl.DataFrame:
        """What is wrong with what is published now: missing sessions, bars refused, actions in dispute."""
        return issues(self._lake)

    def explain(self, symbol: str, day: Day, field: str = "close") -> Explanation:
        """The proof of one cell: candidates, winner, deductions, factors. Raises `NotFound` or `BadInput`."""
        when = _day(day, "date")
        if when is None:
            raise BadInput("explain needs a date, such as 2024-01-02")
        return explain(self._lake, self._batches, str(Symbol.parse(symbol)), when, field)


def _symbols(symbols: str | Iterable[str]) -> tuple[str, ...]:
    names = [symbols] if isinstance(symbols, str) else list(symbols)
    if not names:
        raise BadInput("no symbol was given; name at least one, such as AAPL")
    return tuple(dict.fromkeys(str(Symbol.parse(name)) for name in names))


def _range(start: Day | None, end: Day | None) -> tuple[date | None, date | None]:
    first, last = _day(start, "start"), _day(end, "end")
    if first and last and first > last:
        raise BadRange(first, last)
    return first, last


def _day(value: Day | None, name: str) -> date | None:
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise BadInput(f"{name}={value!r} is not a date; write it as YYYY-MM-DD") from None


def _moment(value: Moment | None) -> datetime | None:
    when = _instant_or_day(value, "recorded_by")
    if when is None or isinstance(when, datetime):
        return when
    return datetime(when.year, when.month, when.day, 23, 59, 59, 999999, tzinfo=UTC)


def _instant_or_day(value: Moment | None, name: str) -> datetime | date | None:
    """A day stays a day; a time without a zone is UTC."""
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if len(value) == len("2024-01-02") else datetime.fromisoformat(value)
        except ValueError:
            raise BadInput(f"{name}={value!r} is not a time; write 2024-01-02 or 2024-01-02T15:00:00Z") from None
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and not value.tzinfo else value
