"""
The keep as its readers see it: open it, ask, get frames. Opening reads one small file; nothing here writes to it.
"""

# What a kind of question needs is imported when one is asked: reading one symbol must not wait for all the others.
# ruff: noqa: PLC0415

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING

import polars as pl

from marketkeep.errors import BadInput, NotFound
from marketkeep.query.bars import Adjust, BarsQuery, BarsRequest
from marketkeep.query.clocks import Clocks, Day, Moment, instant_or_day, read_moment, read_range
from marketkeep.query.opened import spelled
from marketkeep.query.references import References

if TYPE_CHECKING:
    from pyspark.sql import DataFrame as SparkFrame
    from pyspark.sql import SparkSession

    from marketkeep.derive.resample_minutes import MinuteEvery
    from marketkeep.query.fundamentals import FundamentalsQuery, Period
    from marketkeep.query.matrix import MatrixQuery
    from marketkeep.query.minutes import MinuteBarsQuery, MinuteBarsRequest, Segment
    from marketkeep.query.sql import SqlQuery


class Keep(References):
    """
    A keep opened for reading. Make one with `marketkeep.open`.

    Every reader takes two clocks. `as_of`, a day, shows only what the market knew by its end; `recorded_by`, an instant
    (UTC; a date means the end of that day), only what this keep had received by then. Both default to now. Symbols may
    be written in any vendor's spelling; dates are sessions of the venue, text as YYYY-MM-DD.
    """

    def bars(
        self,
        symbols: str | Iterable[str] | None = None,
        start: Day | None = None,
        end: Day | None = None,
        *,
        universe: str | None = None,
        fields: str | Iterable[str] | None = None,
        adjust: Adjust = "none",
        as_of: Day | None = None,
        recorded_by: Moment | None = None,
    ) -> BarsQuery:
        """
        Daily bars of one or more symbols from `start` through the session of `end`.

        With a `universe`, such as sp500, the bars of its members (of those named, or of all), each only of the sessions
        on which it was one; who has left since is among them. The universe `all` is every symbol held. `fields` keeps
        these columns beside symbol and date. `as_of` leaves out bars, actions and members later than that day;
        `recorded_by` leaves out what was received later than that instant.
        Lazy: see `BarsQuery` for the columns and the terminal methods. Raises `BadSymbol`, `BadInput` or `BadRange`.
        """
        first, last = read_range(start, end)
        clocks = Clocks.read(as_of, recorded_by).after(first)
        if symbols is None and not universe:
            raise BadInput("no symbol was given; name at least one, such as AAPL, or a universe: sp500, or all")
        named = () if symbols is None else spelled(symbols)
        request = BarsRequest(
            named, first, last, adjust, clocks.as_of, clocks.recorded_by, universe, fields=_listed(fields)
        )

        def on_spark(session: SparkSession, asked: BarsRequest) -> SparkFrame:
            from marketkeep.query.spark import spark_bars

            meant = replace(asked, symbols=self._meant(asked.symbols, first, last, clocks))
            return spark_bars(session, self._lake, self._batches, meant)

        def read(asked: BarsRequest) -> pl.DataFrame:
            try:
                found = self._bars_reader.read(asked)
            except NotFound:
                if universe == "all":
                    self._refuse_vain("daily_bars", (), first, last)
                raise
            if found.is_empty():
                self._refuse_vain("daily_bars", self._meant(asked.symbols, first, last, clocks), first, last)
            return found

        return BarsQuery(request, read, on_spark, lambda: self._bars_reader)

    def matrix(
        self,
        field: str,
        universe: str | Iterable[str] = "all",
        start: Day | None = None,
        end: Day | None = None,
        *,
        adjust: Adjust = "none",
        as_of: Day | None = None,
        recorded_by: Moment | None = None,
    ) -> MatrixQuery:
        """
        One field of daily bars as a dense table: a row a session, a column a symbol, nothing known where nothing is.

        `universe` names an index, or `all`, or is the symbols themselves. Clocks and adjustment are those of `bars`.
        Lazy: see `MatrixQuery`. Raises `BadInput` for an unknown field, `BadSymbol` or `BadRange`.
        """
        from marketkeep.query.matrix import MatrixQuery

        named = universe if isinstance(universe, str) else None
        symbols = None if named else universe
        return MatrixQuery(
            field,
            self.bars(
                symbols,
                start,
                end,
                universe=named,
                fields=field,
                adjust=adjust,
                as_of=as_of,
                recorded_by=recorded_by,
            ),
        )

    def sql(
        self,
        query: str,
        parameters: Sequence[object] | Mapping[str, object] | None = None,
        *,
        as_of: Day | None = None,
        recorded_by: Moment | None = None,
    ) -> SqlQuery:
        """
        What one SELECT over the keep's tables gives, by DuckDB: every table of the data dictionary is a view.

        `parameters` take the places of `?` (a sequence) or `$name` (a mapping). The clocks hold for every table; by
        keeping time all that is named is made again from raw. The query reads: whatever would write, attach, set or
        reach a file or the network is refused. Lazy: see `SqlQuery`. Raises `BadInput`.
        """
        from marketkeep.query.sql import SqlQuery

        return SqlQuery(query, parameters, Clocks.read(as_of, recorded_by), self._lake, lambda: self._batches)

    def minute_bars(  # noqa: PLR0913  the words of the question
        self,
        symbols: str | Iterable[str],
        start: Day | None = None,
        end: Day | None = None,
        *,
        fields: str | Iterable[str] | None = None,
        every: MinuteEvery | None = None,
        adjust: Adjust = "none",
        segment: Segment | None = None,
        as_of: Moment | None = None,
        recorded_by: Moment | None = None,
    ) -> MinuteBarsQuery:
        """
        Minute bars of one or more symbols, any vendor's spelling, from `start` through the session of `end`.

        Dates are sessions of the venue (text as YYYY-MM-DD). `segment` keeps pre, regular or post only. `every` gives
        longer bars (5m, 15m, 30m, 1h, session) within their segment; `fields` keeps some columns. `as_of` leaves out
        bars whose minute is not over at that instant (UTC; a date means the end of that session) and later actions;
        `recorded_by` leaves out what was received later than that instant (a date means the end of that day, UTC).
        Lazy: see `MinuteBarsQuery` for columns and terminal methods. Raises `BadSymbol`, `BadInput`, `BadRange`.
        """
        from marketkeep.query.minutes import (
            MinuteBarsQuery,
            MinuteBarsRequest,
            explain_minute_bars,
            read_minute_bars,
            stream_minute_bars,
        )

        first, last = read_range(start, end)
        known, recorded = instant_or_day(as_of, "as_of"), read_moment(recorded_by)
        day = known.date() if isinstance(known, datetime) else known
        Clocks(day).after(first)
        names = spelled(symbols)
        request = MinuteBarsRequest(names, first, last, adjust, segment, known, recorded, every, _listed(fields))

        def meant(asked: MinuteBarsRequest) -> MinuteBarsRequest:
            return replace(asked, symbols=self._meant(asked.symbols, first, last, Clocks(day, recorded)))

        def on_spark(session: SparkSession, asked: MinuteBarsRequest) -> SparkFrame:
            from marketkeep.query.spark_minutes import spark_minute_bars

            return spark_minute_bars(session, self._lake, meant(asked))

        def read(asked: MinuteBarsRequest) -> pl.DataFrame:
            published = meant(asked)
            found = read_minute_bars(self._lake, self._batches, published)
            if found.is_empty():
                self._refuse_vain("minute_bars", published.symbols, first, last)
            return found

        def pieces(asked: MinuteBarsRequest) -> Iterator[pl.DataFrame]:
            found = stream_minute_bars(self._lake, self._batches, meant(asked))
            filled = (frame for frame in found if not frame.is_empty())
            first = next(filled, None)
            yield from (read(asked),) if first is None else chain((first,), filled)

        def explain(asked: MinuteBarsRequest) -> str:
            return explain_minute_bars(self._lake, meant(asked))

        return MinuteBarsQuery(request, read, on_spark, explain, pieces)

    def actions(
        self, symbols: str | Iterable[str] | None = None, *, as_of: Day | None = None, recorded_by: Moment | None = None
    ) -> pl.DataFrame:
        """
        Corporate actions with their factors, verdicts and witnesses, of all symbols unless named; see the data
        dictionary.

        `as_of` leaves out those with a later ex-date.
        """
        from marketkeep.query import market_time

        clocks = Clocks.read(as_of, recorded_by)
        wanted = None if symbols is None else self._meant(spelled(symbols), None, None, clocks)
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
        from marketkeep.query.fundamentals import FundamentalsQuery, FundamentalsRequest, read_figures

        first, last = read_range(start, end)
        known, recorded = instant_or_day(as_of, "as_of"), read_moment(recorded_by)
        clocks = Clocks(known.date() if isinstance(known, datetime) else known, recorded)
        wanted = self._meant(spelled(symbols), first, last, clocks)
        named = (metrics,) if isinstance(metrics, str) else tuple(metrics or ())
        request = FundamentalsRequest(wanted, named, first, last, period, known, recorded, restated)
        securities = self._state(clocks).securities
        return FundamentalsQuery(request, lambda asked: read_figures(self._lake, self._batches, asked, securities))


def _listed(names: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Names as users give them: one, some, or None for all there are."""
    return (names,) if isinstance(names, str) else None if names is None else tuple(dict.fromkeys(names))
