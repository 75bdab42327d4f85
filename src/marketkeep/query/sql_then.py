"""
The keep's tables as SQL sees them by an earlier clock: what the market knew on a day, what the keep held at an instant.

Every table is put together by the same functions as the other readers', so that a query agrees with them. Nothing of it
lies ready: by keeping time bars are made again from raw, of all symbols unless the query names some.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from marketkeep.errors import BadInput, NotFound
from marketkeep.gold import factor_steps
from marketkeep.model import DAILY_BARS, FUNDAMENTALS, MINUTE_BARS
from marketkeep.query import market_time
from marketkeep.query.bars import BarsRequest
from marketkeep.query.clocks import Clocks
from marketkeep.query.coverage import coverage, securities
from marketkeep.query.fundamentals import FundamentalsRequest, known_figures
from marketkeep.query.minutes import MinuteBarsRequest, read_minute_bars
from marketkeep.query.reading import read_bars
from marketkeep.query.sql_sketch import Asked
from marketkeep.query.states import State, state, symbols_then
from marketkeep.raw import BatchStore
from marketkeep.stores.lake import Catalog, Lake

OF_NOW = ("catalog", "asked")
"""Tables that tell of now alone."""


@dataclass(frozen=True, eq=False)
class Then:
    """The tables of a keep by clocks of which at least one is set."""

    lake: Lake
    batches: BatchStore
    catalog: Catalog
    clocks: Clocks

    def frame(self, name: str, asked: Asked) -> pl.DataFrame:
        """
        The rows of a table as far as they are asked for; of daily bars those as traded. Raises `BadInput` for a table
        that tells of now alone.
        """
        if name in OF_NOW:
            raise BadInput(f"the table {name} tells of now alone; ask without as_of and recorded_by")
        return self._tables(asked)[name]()

    def _tables(self, asked: Asked) -> dict[str, Callable[[], pl.DataFrame]]:
        day, then = self.clocks.as_of, self._state
        return {
            "daily_bars": lambda: self._daily(asked),
            "minute_bars": lambda: pl.concat([MINUTE_BARS.empty().drop("batch_id"), *self._minutes(asked)]),
            "factors": lambda: factor_steps(self._actions(asked)),
            "actions": lambda: self._actions(asked),
            "fundamentals": lambda: self._fundamentals(asked),
            "securities": lambda: securities(then, day),
            "ticker_history": lambda: market_time.history_on(then.ticker_history(), day),
            "tickers": lambda: market_time.tickers_on(then.tickers(), day),
            "index_members": lambda: market_time.members_on(then.members(), day),
            "treasury_yields": lambda: market_time.yields_on(then.yields(), day),
            "findings": lambda: market_time.findings_on(then.findings(), day),
            "coverage": lambda: pl.concat(self._coverage()),
            "batches": then.batches,
        }

    @cached_property
    def _state(self) -> State:
        return state(self.lake, self.batches, self.clocks.recorded_by)

    def _symbols(self, dataset: str, asked: Asked) -> tuple[str, ...]:
        """Whatever may have had rows then, under the symbols of then."""
        held = self.catalog.entries.filter(pl.col("dataset") == dataset)["symbol"].unique()
        moment = self.clocks.recorded_by
        named = {} if moment is None else symbols_then(self.catalog.tickers, moment)
        known = {named.get(symbol, symbol) for symbol in held}
        return tuple(sorted(known if asked.symbols is None else known & asked.symbols))

    def _daily(self, asked: Asked) -> pl.DataFrame:
        symbols = () if asked.vain else self._symbols("daily_bars", asked)
        if not symbols:
            return DAILY_BARS.empty()
        request = BarsRequest(
            symbols,
            asked.first,
            asked.last,
            as_of=self.clocks.as_of,
            recorded_by=self.clocks.recorded_by,
            # Nobody named them one by one: who had no bar then has none.
            universe="all",
        )
        return read_bars(self.lake, self.batches, request, catalog=self.catalog)

    def _minutes(self, asked: Asked) -> Iterator[pl.DataFrame]:
        for symbol in () if asked.vain else self._symbols("minute_bars", asked):
            request = MinuteBarsRequest(
                (symbol,),
                asked.first,
                asked.last,
                as_of=self.clocks.as_of,
                recorded_by=self.clocks.recorded_by,
            )
            try:
                yield read_minute_bars(self.lake, self.batches, request)
            except NotFound:
                continue

    def _actions(self, asked: Asked) -> pl.DataFrame:
        symbols = None if asked.symbols is None else sorted(asked.symbols)
        return market_time.actions_on(self._state.actions(symbols), self.clocks.as_of)

    def _fundamentals(self, asked: Asked) -> pl.DataFrame:
        symbols = self._symbols("fundamentals", asked)
        if not symbols:
            return FUNDAMENTALS.empty()
        request = FundamentalsRequest(symbols, as_of=self.clocks.as_of, recorded_by=self.clocks.recorded_by)
        return known_figures(self.lake, self.batches, request, self._state.securities)

    def _coverage(self) -> Iterator[pl.DataFrame]:
        for dataset in ("daily_bars", "minute_bars"):
            yield coverage(self._state, dataset, self.clocks.as_of).with_columns(dataset=pl.lit(dataset))
