"""
Carrying out a plan: the bars of a question by the way that was chosen, the same whichever it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import polars as pl

from marketkeep.errors import BadRange, CorruptFile, NotFound
from marketkeep.query.bars import BarsRequest
from marketkeep.query.matrix import Matrix, spread
from marketkeep.query.panel import Panel, Wanted
from marketkeep.query.panel_bars import adjusted, stored, wanted_days
from marketkeep.query.panel_dense import Dense, dense
from marketkeep.query.panel_steps import Floats
from marketkeep.query.plan import KEY, Plan, Way, held, last_day, plan_bars
from marketkeep.query.result_cache import RESULTS
from marketkeep.stores.lake import Catalog, Lake
from marketkeep.stores.panel.partition import Partition

if TYPE_CHECKING:
    from marketkeep.raw import BatchStore

Answer = TypeVar("Answer")
_SYMBOLS_AT_ONCE = {"mapped": 50, "panel": 500, "published": 500, "raw": 50}


@dataclass(frozen=True, eq=False, slots=True)
class BarsReader:
    """
    Reads a keep's daily bars: `batches` opens its raw batches, `meant` tells the published symbols of a request's.
    """

    lake: Lake
    batches: Callable[[], BatchStore]
    meant: Callable[[BarsRequest, Catalog], tuple[str, ...]]

    def plan(self, request: BarsRequest, way: Way | None = None) -> Plan:
        """How a request of a user is answered."""
        if request.start and request.end and request.start > request.end:
            raise BadRange(request.start, request.end)
        catalog = self.lake.catalog()
        symbols = self.meant(request, catalog)
        return plan_bars(self.lake, catalog, replace(request, symbols=symbols), way)

    def read(self, request: BarsRequest, way: Way | None = None) -> pl.DataFrame:
        """
        The bars asked for. Raises `NotFound` for a symbol without any, and for a universe of which nothing is held.
        """
        return self._sound(request, way, self.run)

    def _sound(self, request: BarsRequest, way: Way | None, run: Callable[[Plan], Answer]) -> Answer:
        """What `run` makes of a plan whose files are what the catalog tells of them."""
        plan = self.plan(request, way)
        try:
            return run(plan.ready())
        except CorruptFile as error:
            if error.key is None or not error.key.startswith("panel/"):
                raise
        # A partition is not what was told of it: a writer has replaced both since, or it is damaged.
        again = self.plan(request, way)
        if again.catalog.version != plan.catalog.version:
            with suppress(CorruptFile):
                return run(again.ready())
        return run(self.plan(request, "published"))

    def run(self, plan: Plan) -> pl.DataFrame:
        """The answer to a plan."""
        _check_held(plan)
        if plan.panel is not None:
            return self._mapped(plan)
        question = (self.lake.files, plan.catalog.version, plan.way, plan.request)
        if plan.way == "panel":
            return RESULTS.answer(question, lambda: self._parquet(plan))
        if plan.way == "raw" or plan.request.universe is not None:
            return RESULTS.answer(question, lambda: self._files(plan))
        return self._files(plan)

    def matrix(self, request: BarsRequest, field: str, way: Way | None = None) -> Matrix:
        """A field of the bars asked for as a dense table; see `Matrix`. Raises what `read` raises."""
        return self._sound(replace(request, fields=(field,)), way, lambda plan: self._matrix(plan, field))

    def _matrix(self, plan: Plan, field: str) -> Matrix:
        request = plan.request
        named = list(request.symbols) if request.universe is None else None
        if plan.panel is None:
            return spread(self.run(plan), field, named)
        _check_held(plan)
        shape = replace(plan.shape, columns=(field,))
        found = dense(plan.bars, plan.panel, self.wanted(plan), field, shape)
        if not found.symbols and request.universe is not None:
            raise NotFound(_nothing(plan))
        values = found.values if named is None or named == found.symbols else _ordered(found, named)
        return Matrix(values.T, found.sessions.astype("datetime64[D]"), named or found.symbols)

    def pieces(self, request: BarsRequest) -> Iterator[pl.DataFrame]:
        """
        The answer in pieces of some symbols each, so that no more of it than one is ever held; at least one piece.
        """
        plan = self._sound(request, None, lambda plan: plan)
        _check_held(plan)
        symbols = sorted(set(plan.request.symbols)) or self._everyone(plan)
        size = _SYMBOLS_AT_ONCE[plan.way]
        empty = True
        for at in range(0, len(symbols), size):
            part = replace(plan, request=replace(plan.request, symbols=tuple(symbols[at : at + size])))
            try:
                yield self._once(part)
                empty = False
            except NotFound:
                # Of these none was a member, or nothing is held of those that were.
                if plan.request.universe is None:
                    raise
        if empty:
            yield self.run(plan)

    def _once(self, plan: Plan) -> pl.DataFrame:
        """The answer to a plan of which nothing is kept: neither the answer nor the pages of a map."""
        if plan.panel is None:
            return self._parquet(plan) if plan.way == "panel" else self._files(plan)
        found = self._mapped(plan).rechunk()
        for part in plan.panel.parts:
            part.release_all()
        return found

    def _everyone(self, plan: Plan) -> list[str]:
        if plan.request.universe == "all":
            return list(self._everyone_then(plan))
        return self._spells(plan)["symbol"].unique().sort().to_list()

    def _spells(self, plan: Plan) -> pl.DataFrame:
        from marketkeep.query.universe import member_spells  # noqa: PLC0415  reads more than most questions need

        return member_spells(self.lake, self.batches(), plan.request)

    def _mapped(self, plan: Plan) -> pl.DataFrame:
        panel = plan.panel or Panel(())
        return _met(plan, plan.bars.frame(panel, self.wanted(plan), plan.shape))

    def wanted(self, plan: Plan) -> Wanted:
        """The symbols and days of a plan."""
        request, panel = plan.request, plan.panel
        first, last = wanted_days(request.start, last_day(request))
        if request.universe in (None, "all"):
            everyone: Sequence[str] = panel.symbols if panel is not None else sorted(held(plan.catalog))
            return Wanted(sorted(set(request.symbols)) if request.symbols else everyone, first, last)
        spells = self._spells(plan).sort("symbol", "since")
        since, until = (spells[name].cast(pl.Int32).to_numpy() for name in ("since", "until"))
        return Wanted(spells["symbol"].to_list(), first, last, since, until)

    def _parquet(self, plan: Plan) -> pl.DataFrame:
        request, shape = plan.request, plan.shape
        names, spells = request.symbols, None
        if request.universe not in (None, "all"):
            spells = self._spells(plan)
            names = tuple(spells["symbol"].unique().sort())
        rows = plan.catalog.panels.filter(pl.col("dataset") == "daily_bars")
        periods = [source.period for source in plan.bars.near(request.start, last_day(request))]
        columns = list(dict.fromkeys([*KEY, *stored(shape)]))
        parts = [
            Partition.open(self.lake.files, row).read(columns, names or None)
            for row in rows.filter(pl.col("period").is_in(periods)).iter_rows(named=True)
        ]
        found = _between(pl.concat(parts), request).sort(*KEY)
        if spells is not None:
            from marketkeep.query.universe import within  # noqa: PLC0415  as above

            found = within(found, spells)
        if shape.factored:
            runs = found["symbol"].rle().struct.unnest()
            who, counts = runs["value"].to_list(), runs["len"].cast(pl.Int64).to_numpy()
            days = found["date"].cast(pl.Int32).to_numpy()
            factors = plan.bars.steps(shape.as_of, who).over(who, counts, days)
            found = pl.DataFrame([adjusted(found.get_column, name, factors, shape.adjust) for name in shape.columns])
        return _met(plan, found.select(shape.columns))

    def _files(self, plan: Plan) -> pl.DataFrame:
        from marketkeep.query.reading import read_bars  # noqa: PLC0415  reads gold again, which loads much

        request, raw = plan.request, plan.way == "raw"
        if request.universe in (None, "all"):
            asked = request if request.symbols else replace(request, symbols=self._everyone_then(plan))
            return _met(
                plan,
                read_bars(self.lake, self.batches(), asked, raw=raw, catalog=plan.catalog).select(plan.shape.columns),
            )
        from marketkeep.query.universe import within  # noqa: PLC0415  as above

        spells = self._spells(plan)
        asked = replace(request, symbols=tuple(spells["symbol"].unique().sort()))
        found = read_bars(self.lake, self.batches(), asked, raw=raw, catalog=plan.catalog)
        return _met(plan, within(found, spells).select(plan.shape.columns))

    def _everyone_then(self, plan: Plan) -> tuple[str, ...]:
        if plan.request.recorded_by is None:
            return tuple(sorted(held(plan.catalog)))
        from marketkeep.query.states import symbols_then  # noqa: PLC0415  as above

        named = symbols_then(plan.catalog.tickers, plan.request.recorded_by)
        return tuple(sorted({named.get(symbol, symbol) for symbol in plan.catalog.entries["symbol"].unique()}))


def _check_held(plan: Plan) -> None:
    """Of a universe whoever is held is shown: nobody named its members one by one."""
    request = plan.request
    if plan.way == "raw" or request.universe is not None:
        return
    absent = [symbol for symbol in request.symbols if symbol not in held(plan.catalog)]
    if absent:
        raise NotFound(
            f"{', '.join(absent)}: no bars held; collect with marketkeep add-symbol and update, or ingest a file"
        )


def _met(plan: Plan, found: pl.DataFrame) -> pl.DataFrame:
    """The answer, if there may be such a one: a universe without a single bar is a question gone wrong."""
    if found.is_empty() and plan.request.universe is not None:
        raise NotFound(_nothing(plan))
    return found


def _ordered(found: Dense, symbols: Sequence[str]) -> Floats:
    """The rows of these symbols; of one without any bar in the range nothing is known."""
    values = np.full((len(symbols), len(found.sessions)), np.nan)
    places = {symbol: at for at, symbol in enumerate(found.symbols)}
    for at, symbol in enumerate(symbols):
        if symbol in places:
            values[at] = found.values[places[symbol]]
    return values


def _nothing(plan: Plan) -> str:
    if plan.request.universe in (None, "all"):
        return "no bar of any symbol is held in this range; see: marketkeep coverage"
    return f"{plan.request.universe}: it had members then, and no bar of any of them is held; see: marketkeep coverage"


def _between(bars: pl.DataFrame, request: BarsRequest) -> pl.DataFrame:
    last = last_day(request)
    if request.start is not None:
        bars = bars.filter(pl.col("date") >= request.start)
    return bars if last is None else bars.filter(pl.col("date") <= last)
