"""
Questions about bars answered by Spark: frames over the panel's Parquet, nothing read until an action.

The rows are those that the other terminal methods give, to the bit, in whatever order Spark has them. Bars come from
the files of the panel; factors and members, small tables, are put together here and sent along. What the keep held at a
past instant (`recorded_by`) no panel knows: there the workers go back to raw, some symbols each.
"""

# PySpark is imported when a Spark frame is asked for: nothing else may wait for it.
# ruff: noqa: PLC0415

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from marketkeep.errors import BadRange, NotFound
from marketkeep.gold import factor_steps
from marketkeep.model import DAILY_BARS, FACTORS
from marketkeep.query.bars import COLUMNS, Adjust, BarsRequest
from marketkeep.query.fields import with_key
from marketkeep.query.reading import read_bars
from marketkeep.query.spark_panel import scan, to_spark
from marketkeep.query.spark_replay import replayed
from marketkeep.query.states import symbols_then
from marketkeep.query.universe import member_spells
from marketkeep.query.vain import refuse_vain
from marketkeep.stores.lake import Catalog, Lake, touching

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from marketkeep.raw import BatchStore

_KEY = ("symbol", "date")
_PRICES = ("open", "high", "low", "close")
_SCHEMA = {name: DAILY_BARS.schema[name] for name in COLUMNS}
_MOST_NAMED = 500
_SYMBOLS_AT_ONCE = 50
_FIRST = date(1, 1, 1)


def spark_bars(session: SparkSession, lake: Lake, batches: BatchStore, request: BarsRequest) -> DataFrame:
    """
    The daily bars asked for (symbols as published), in the published columns or those of `fields`.

    Raises what the same question raises elsewhere, as far as the catalog tells; what only raw can tell is raised in the
    workers, when the frame is read.
    """
    if request.start and request.end and request.start > request.end:
        raise BadRange(request.start, request.end)
    catalog = lake.catalog()
    spells, named = None, request.symbols
    if request.universe == "all":
        request = replace(request, symbols=request.symbols or everyone(catalog, request.recorded_by))
    elif request.universe is not None:
        spells = member_spells(lake, batches, request)
        request = replace(request, symbols=tuple(spells["symbol"].unique().sort()))
    if request.recorded_by is None:
        refuse_vain(lake, catalog, "daily_bars", named, request.start, request.end)
        bars = _bars(session, lake, catalog, request)
    else:
        bars = replayed(session, lake, request, read_bars, _SCHEMA, _SYMBOLS_AT_ONCE)
    if spells is not None:
        bars = _within(session, bars, spells)
    return bars.select(*with_key(request.fields, COLUMNS, _KEY))


def everyone(catalog: Catalog, moment: datetime | None) -> tuple[str, ...]:
    """The symbols with bars, or under those of then whoever may have had some at an instant."""
    if moment is None:
        return tuple(catalog.symbols())
    named = symbols_then(catalog.tickers, moment)
    return tuple(sorted({named.get(symbol, symbol) for symbol in catalog.entries["symbol"].unique()}))


def _bars(session: SparkSession, lake: Lake, catalog: Catalog, request: BarsRequest) -> DataFrame:
    held = [symbol for symbol in request.symbols if not catalog.bars(symbol).is_empty()]
    absent = sorted(set(request.symbols) - set(held))
    if absent and request.universe is None:
        raise NotFound(
            f"{', '.join(absent)}: no bars held; collect with marketkeep add-symbol and update, or ingest a file"
        )
    last = min((day for day in (request.end, request.as_of) if day), default=None)
    wanted = set(with_key(request.fields, COLUMNS, _KEY))
    factored = request.adjust != "none" or "adj_close" in wanted
    needed = wanted - {"adj_close"} | ({"close"} if "adj_close" in wanted else set())
    parts = parts_of(catalog, "daily_bars", request.start, last)
    bars = scan(session, lake.files, "daily_bars", parts, [name for name in COLUMNS if name in needed])
    bars = between(of_symbols(session, bars, held, catalog.symbols()), request.start, last)
    if not factored:
        return bars
    steps = factors_as_of(lake, catalog, held, request.as_of)
    return scaled(with_factors(session, bars, steps, parts), request.adjust)


def parts_of(catalog: Catalog, dataset: str, first: date | None, last: date | None) -> pl.DataFrame:
    """The files of a dataset's panel (`PANELS` rows) with rows from `first` through `last`."""
    return touching(catalog.panels.filter(pl.col("dataset") == dataset).sort("period"), first, last)


def of_symbols(session: SparkSession, bars: DataFrame, symbols: Sequence[str], held: Iterable[str]) -> DataFrame:
    """The bars of these symbols, all of them among those `held`."""
    from pyspark.sql import functions as sql

    if set(symbols) >= set(held):
        return bars
    if len(symbols) <= _MOST_NAMED:
        return bars.filter(sql.col("symbol").isin(list(symbols)))
    # Sorted files are skipped by their first and last symbol; which of the rest are wanted is a look-up.
    near = bars.filter(sql.col("symbol").between(min(symbols), max(symbols)))
    return near.join(sql.broadcast(to_spark(session, pl.DataFrame({"symbol": symbols}))), "symbol", "left_semi")


def between(bars: DataFrame, first: date | None, last: date | None) -> DataFrame:
    """The bars of sessions from `first` through `last`."""
    from pyspark.sql import functions as sql

    if first is not None:
        bars = bars.filter(sql.col("date") >= sql.lit(first))
    return bars if last is None else bars.filter(sql.col("date") <= sql.lit(last))


def factors_as_of(lake: Lake, catalog: Catalog, symbols: Sequence[str], as_of: date | None) -> pl.DataFrame:
    """The factors of these symbols (`FACTORS` rows) by the actions with an ex-date up to a day, all without one."""
    panel = catalog.panels.filter(pl.col("dataset") == "factors")
    if as_of is None and not panel.is_empty():
        [path] = lake.files.local(panel["key"].to_list(), dict(panel.select("key", "hash").iter_rows()))
        steps = FACTORS.conform(pl.read_parquet(path, glob=False))
        return steps.filter(pl.col("symbol").is_in(list(symbols)))
    actions = lake.actions(symbols, catalog)
    return factor_steps(actions if as_of is None else actions.filter(pl.col("ex_date") <= as_of))


def with_factors(session: SparkSession, bars: DataFrame, steps: pl.DataFrame, parts: pl.DataFrame) -> DataFrame:
    """The bars with the split_factor and dividend_factor of their date, by `FACTORS` rows of their symbols."""
    from pyspark.sql import functions as sql

    spans = _by_year(steps, parts)
    if spans.is_empty():
        return bars.withColumns({"split_factor": sql.lit(1.0), "dividend_factor": sql.lit(1.0)})
    told = sql.broadcast(to_spark(session, spans))
    met = bars.join(
        told,
        (bars["symbol"] == told["of_symbol"])
        & (sql.year(bars["date"]) == told["of_year"])
        & (bars["date"] >= told["since"])
        & (bars["date"] < told["until"]),
        "left",
    )
    factors = ("split_factor", "dividend_factor")
    return met.select(*(bars[name] for name in bars.columns), *(_or_one(told[name], name) for name in factors))


def _or_one(factor: Column, name: str) -> Column:
    from pyspark.sql import functions as sql

    return sql.coalesce(factor, sql.lit(1.0)).alias(name)


def _by_year(steps: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """
    The factors as days [since, until) of each symbol, cut at the turn of each year that the files of the panel reach.

    So a bar is laid beside the few of its year, not beside all of its symbol.
    """
    bounds = parts.select(low=pl.col("first").min().dt.year(), high=pl.col("last").max().dt.year())
    low, high = bounds.row(0)
    since = pl.col("until").shift().over("symbol").fill_null(_FIRST)
    years = pl.int_ranges(
        pl.max_horizontal(pl.col("since").dt.year(), pl.lit(low, dtype=pl.Int32)),
        pl.min_horizontal((pl.col("until") - timedelta(days=1)).dt.year(), pl.lit(high, dtype=pl.Int32)) + 1,
        dtype=pl.Int32,
    )
    spans = steps.sort("symbol", "until").with_columns(since=since).with_columns(of_year=years)
    return spans.explode("of_year").drop_nulls("of_year").rename({"symbol": "of_symbol"})


def scaled(bars: DataFrame, adjust: Adjust, prices: Sequence[str] = _PRICES) -> DataFrame:
    """The bars, with their factors, adjusted as asked; adj_close where there is a close to make it from."""
    from pyspark.sql import functions as sql

    split, dividend = sql.col("split_factor"), sql.col("dividend_factor")
    made: dict[str, Column] = {}
    if "close" in bars.columns:
        # Spark takes a product for the same in whatever order it is multiplied, and works it out once for both this and
        # an adjusted close; their last bits differ. A close is positive, so its absolute value keeps them apart.
        made["adj_close"] = sql.abs(sql.col("close") * split) * dividend
    if adjust != "none":
        factor = split * dividend if adjust == "all" else split
        made |= {name: sql.col(name) * factor for name in prices if name in bars.columns}
        if "volume" in bars.columns:
            made["volume"] = sql.col("volume") / split
    return bars.withColumns(made)


def _within(session: SparkSession, bars: DataFrame, spells: pl.DataFrame) -> DataFrame:
    """The bars of days that lie in a stretch [since, until) of their symbol."""
    from pyspark.sql import functions as sql

    told = sql.broadcast(to_spark(session, spells.rename({"symbol": "of_symbol"})))
    met = (bars["symbol"] == told["of_symbol"]) & (bars["date"] >= told["since"]) & (bars["date"] < told["until"])
    return bars.join(told, met, "left_semi")
