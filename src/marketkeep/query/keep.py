"""
The keep as its readers see it: open it, ask, get frames. Opening reads one small file; nothing here writes to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import polars as pl

from marketkeep.errors import BadInput
from marketkeep.gold.identity import known_by
from marketkeep.model import Symbol
from marketkeep.query import market_time
from marketkeep.query.bars import Adjust, BarsQuery, BarsRequest
from marketkeep.query.clocks import Clocks, Day, Moment, instant_or_day, read_day, read_moment, read_range
from marketkeep.query.coverage import coverage, securities, symbols
from marketkeep.query.explain import explain
from marketkeep.query.fundamentals import FundamentalsQuery, FundamentalsRequest, Period, read_figures
from marketkeep.query.issues import issues
from marketkeep.query.members import member_intervals, members
from marketkeep.query.minutes import MinuteBarsQuery, MinuteBarsRequest, Segment, read_minute_bars
from marketkeep.query.naming import resolve_symbols
from marketkeep.query.proof import Cell, Explanation
from marketkeep.query.quality import Quality, Scope, quality
from marketkeep.query.reading import read_bars
from marketkeep.query.states import State, state, symbols_then
from marketkeep.query.universe import read_universe
from marketkeep.query.yields import yields
from marketkeep.raw import BatchStore
from marketkeep.stores.lake import Lake


class Keep:
    """
    A keep opened for reading. Make one with `marketkeep.open`.

    Every reader takes two clocks. `as_of`, a day, shows only what the market knew by its end; `recorded_by`, an instant
    (UTC; a date means the end of that day), only what this keep had received by then. Both default to now. Symbols may
    be written in any vendor's spelling; dates are sessions of the venue, text as YYYY-MM-DD.
    """

    def __init__(self, root: Path) -> None:
        """Raises `NotFound` when there is no keep at `root`."""
        self._lake = Lake(root)
        self._batches = BatchStore(root)
        self._lake.policy()

    def bars(
        self,
        symbols: str | Iterable[str] | None = None,
        start: Day | None = None,
        end: Day | None = None,
        *,
        universe: str | None = None,
        adjust: Adjust = "none",
        as_of: Day | None = None,
        recorded_by: Moment | None = None,
    ) -> BarsQuery:
        """
        Daily bars of one or more symbols from `start` through the session of `end`.

        With a `universe`, such as sp500, the bars of its members (of those named, or of all), each only of the sessions
        on which it was one; who has left since is among them. `as_of` leaves out bars, actions and members later than
        that day; `recorded_by` leaves out what was received later than that instant.
        Lazy: see `BarsQuery` for the columns and the terminal methods. Raises `BadSymbol`, `BadInput` or `BadRange`.
        """
        first, last = read_range(start, end)
        clocks = Clocks.read(as_of, recorded_by)
        spelled = () if symbols is None and universe else _spelled(symbols)
        request = BarsRequest(spelled, first, last, adjust, clocks.as_of, clocks.recorded_by, universe)

        def read(asked: BarsRequest) -> pl.DataFrame:
            meant = replace(asked, symbols=self._meant(asked.symbols, first, last, clocks))
            return (read_universe if universe else read_bars)(self._lake, self._batches, meant)

        return BarsQuery(request, read)

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
        first, last = read_range(start, end)
        known, recorded = instant_or_day(as_of, "as_of"), read_moment(recorded_by)
        day = known.date() if isinstance(known, datetime) else known
        request = MinuteBarsRequest(_spelled(symbols), first, last, adjust, segment, known, recorded)

        def read(asked: MinuteBarsRequest) -> pl.DataFrame:
            meant = self._meant(asked.symbols, first, last, Clocks(day, recorded))
            return read_minute_bars(self._lake, self._batches, replace(asked, symbols=meant))

        return MinuteBarsQuery(request, read)

    def actions(
        self, symbols: str | Iterable[str] | None = None, *, as_of: Day | None = None, recorded_by: Moment | None = None
    ) -> pl.DataFrame:
        """
        Corporate actions with their factors, verdicts and witnesses, of all symbols unless named; see the data
        dictionary.

        `as_of` leaves out those with a later ex-date.
        """
        clocks = Clocks.read(as_of, recorded_by)
        wanted = None if symbols is None else self._meant(_spelled(symbols), None, None, clocks)
        return market_time.actions_on(self._state(clocks).actions(wanted), clocks.as_of)

    def fundamentals(
        self,
        symbols: str | Iterable[str],
        metrics: str | Iterable[str] | None = None,
        start: Day | None = None,
        end: Day | None = None,
        *,
        period: Period | None = None,
        as_of: Moment | None = None,
        recorded_by: Moment | None = None,
        restated: bool = False,
    ) -> FundamentalsQuery:
        """
        Figures of the symbols' companies for periods that end from `start` through `end`; all metrics unless named.

        `period` is quarter, annual, ttm or instant. As first filed, or as told last when `restated`. `as_of`, a day in
        New York or an instant, shows only what could be used by then; `recorded_by` only what was received by then.
        Lazy: see `FundamentalsQuery` for the columns. Raises `BadSymbol`, `BadInput` or `BadRange`.
        """
        first, last = read_range(start, end)
        known, recorded = instant_or_day(as_of, "as_of"), read_moment(recorded_by)
        clocks = Clocks(known.date() if isinstance(known, datetime) else known, recorded)
        wanted = self._meant(_spelled(symbols), first, last, clocks)
        named = (metrics,) if isinstance(metrics, str) else tuple(metrics or ())
        request = FundamentalsRequest(wanted, named, first, last, period, known, recorded, restated)
        securities = self._state(clocks).securities
        return FundamentalsQuery(request, lambda asked: read_figures(self._lake, self._batches, asked, securities))

    def symbols(self, *, as_of: Day | None = None, recorded_by: Moment | None = None) -> list[str]:
        """Symbols with at least one bar, sorted."""
        clocks = Clocks.read(as_of, recorded_by)
        return symbols(self._state(clocks), clocks.as_of)

    def securities(
        self, *, followed: bool | None = None, as_of: Day | None = None, recorded_by: Moment | None = None
    ) -> pl.DataFrame:
        """
        What the keep knows of each symbol: name, class, whether it is followed and still listed, sessions held.

        `followed` keeps those that are followed (True) or are not (False). `as_of` leaves out who was listed later, and
        what was delisted later is active. See the data dictionary.
        """
        clocks = Clocks.read(as_of, recorded_by)
        known = securities(self._state(clocks), clocks.as_of)
        return known if followed is None else known.filter(pl.col("followed") == followed)

    def ticker_history(self, *, as_of: Day | None = None, recorded_by: Moment | None = None) -> pl.DataFrame:
        """Renames and delistings that sources told: symbol, old and new ticker, first session of the new state."""
        clocks = Clocks.read(as_of, recorded_by)
        return market_time.history_on(self._state(clocks).ticker_history(), clocks.as_of)

    def members(
        self, index: str, on: Day | None = None, *, as_of: Day | None = None, recorded_by: Moment | None = None
    ) -> list[str]:
        """
        Symbols that were members of an index on a session, sorted: sp500, nasdaq100, dow_jones, russell_1000, your own.

        A member is told under the ticker it has now. Without `on`, the members as of the last day that a source told of
        any. Raises `NotFound` for an index of which the keep knows nothing.
        """
        clocks = Clocks.read(as_of, recorded_by)
        return members(self._state(clocks), index, read_day(on, "on"), clocks.as_of)

    def index_members(
        self, index: str | None = None, *, as_of: Day | None = None, recorded_by: Moment | None = None
    ) -> pl.DataFrame:
        """When each symbol was a member, as intervals [from, to) with their sources; see the data dictionary."""
        clocks = Clocks.read(as_of, recorded_by)
        return member_intervals(self._state(clocks), index, clocks.as_of)

    def treasury_yields(
        self,
        start: Day | None = None,
        end: Day | None = None,
        *,
        tenor: str | None = None,
        as_of: Day | None = None,
        recorded_by: Moment | None = None,
    ) -> pl.DataFrame:
        """
        The daily par yield curve from `start` through `end`: date, tenor, yield (percent a year), source.

        `tenor` keeps one point, such as 10Y; `tenor="3M"`, the 13-week bill, is the risk-free rate. Raises `NotFound`
        for a tenor that is not held, `BadInput` or `BadRange` for dates.
        """
        first, last = read_range(start, end)
        clocks = Clocks.read(as_of, recorded_by)
        return yields(self._state(clocks).yields(), first, clocks.until(last), tenor)

    def coverage(
        self, dataset: str = "daily_bars", *, as_of: Day | None = None, recorded_by: Moment | None = None
    ) -> pl.DataFrame:
        """
        Per symbol: rows, first and last session, missing sessions within them, and mean score.

        `dataset` is daily_bars or minute_bars; of the latter, nothing is missing between months that lie apart.
        Raises `BadInput` for another.
        """
        if dataset not in ("daily_bars", "minute_bars"):
            raise BadInput(f"dataset={dataset!r} has no coverage; use 'daily_bars' or 'minute_bars'")
        clocks = Clocks.read(as_of, recorded_by)
        return coverage(self._state(clocks), dataset, clocks.as_of)

    def findings(
        self,
        symbols: str | Iterable[str] | None = None,
        *,
        as_of: Day | None = None,
        recorded_by: Moment | None = None,
    ) -> pl.DataFrame:
        """
        Everything checks and the collector have found, of these symbols or of all, oldest first, and what became of it;
        see the data dictionary.

        `as_of` leaves out what concerns later days. With `recorded_by`, what was cured later is open.
        """
        clocks = Clocks.read(as_of, recorded_by)
        found = market_time.findings_on(self._state(clocks).findings(), clocks.as_of)
        return self._only(found, symbols, clocks)

    def issues(
        self,
        symbols: str | Iterable[str] | None = None,
        *,
        info: bool = False,
        now: Moment | None = None,
        as_of: Day | None = None,
        recorded_by: Moment | None = None,
    ) -> pl.DataFrame:
        """
        What is wrong with what is published of these symbols, or of all: findings that are open, days in a row as one
        line, and what is worked out when asked: missing sessions, holes in the market, actions in dispute, members and
        securities that cannot be right.

        Worst first; see `issues` in the data dictionary. `info` tells mere information too. Given `now` (an instant,
        UTC; a date means its end) symbols that have had no bar for some sessions are among them.
        """
        clocks = Clocks.read(as_of, recorded_by)
        found = issues(self._state(clocks), self._lake.policy(), clocks, now=read_moment(now, "now"), info=info)
        return self._only(found, symbols, clocks)

    def quality(
        self,
        symbols: str | Iterable[str] | None = None,
        since: Day | None = None,
        *,
        dataset: str | None = None,
        now: Moment | None = None,
        as_of: Day | None = None,
        recorded_by: Moment | None = None,
    ) -> Quality:
        """
        Rows, mean score, and per check what is open and what was cured: of all, or of these symbols, of one dataset,
        of days from `since` on. `now` as for `issues`. See `Quality`.
        """
        clocks = Clocks.read(as_of, recorded_by)
        first = read_day(since, "since")
        wanted = None if symbols is None else self._meant(_spelled(symbols), first, None, clocks)
        scope = Scope(wanted, dataset, first)
        return quality(self._state(clocks), self._lake.policy(), clocks, scope, read_moment(now, "now"))

    def explain(
        self,
        symbol: str,
        day: Day,
        field: str = "close",
        *,
        as_of: Day | None = None,
        recorded_by: Moment | None = None,
    ) -> Explanation:
        """
        The proof of one cell: candidates, winner, deductions, factors; see `Explanation`.

        `field` is one of a daily bar, or `action` for the corporate actions of that ex-date. Raises `NotFound` when no
        source has said anything of that day, and `BadInput`.
        """
        when = read_day(day, "date")
        if when is None:
            raise BadInput("explain needs a date, such as 2024-01-02")
        clocks = Clocks.read(as_of, recorded_by)
        [name] = self._meant(_spelled(symbol), when, when, clocks)
        return explain(self._lake, self._batches, Cell(name, when, field), clocks)

    def _only(self, found: pl.DataFrame, symbols: str | Iterable[str] | None, clocks: Clocks) -> pl.DataFrame:
        if symbols is None:
            return found
        return found.filter(pl.col("symbol").is_in(self._meant(_spelled(symbols), None, None, clocks)))

    def _state(self, clocks: Clocks) -> State:
        return state(self._lake, self._batches, clocks.recorded_by)

    def _meant(self, symbols: tuple[str, ...], start: date | None, end: date | None, clocks: Clocks) -> tuple[str, ...]:
        """The published symbols of the securities that had these tickers between two days, each once."""
        catalog = self._lake.catalog()
        tickers, later = catalog.tickers, None
        held, then = set(catalog.entries["symbol"].unique()), dict[str, str]()
        if clocks.recorded_by is not None:
            then = symbols_then(tickers, clocks.recorded_by)
            held = {then.get(symbol, symbol) for symbol in held}
            later, tickers = tickers, known_by(tickers, clocks.recorded_by)
        named = resolve_symbols(tickers, held, symbols, start, clocks.until(end), later=later)
        return tuple(dict.fromkeys(symbol if symbol in held else then.get(symbol, symbol) for _, symbol in named))


def _spelled(symbols: str | Iterable[str] | None) -> tuple[str, ...]:
    """What users typed, each once: in canonical form, but for a name that only `resolve_symbols` can read."""
    names = [symbols] if isinstance(symbols, str) else list(symbols or ())
    if not names:
        raise BadInput("no symbol was given; name at least one, such as AAPL")
    return tuple(dict.fromkeys(_canonical(name) for name in names))


def _canonical(name: str) -> str:
    bare = name.strip()
    return bare if bare.upper().endswith("~NOW") else str(Symbol.parse(name))
