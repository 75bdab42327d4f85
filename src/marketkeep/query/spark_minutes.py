"""
Questions about minute bars answered by Spark; see `spark` for what holds of both.
"""

# PySpark is imported when a Spark frame is asked for: nothing else may wait for it.
# ruff: noqa: PLC0415

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from marketkeep.derive.resample_minutes import MinuteEvery, resample_minutes
from marketkeep.errors import BadRange, NotFound
from marketkeep.gold import MINUTE_PRICES, factor_steps
from marketkeep.model import MINUTE_BARS
from marketkeep.model.tables import Dtype
from marketkeep.query.fields import with_key
from marketkeep.query.minute_factors import refuse_unfounded
from marketkeep.query.minute_panel import COLUMNS
from marketkeep.query.minutes import MinuteBarsRequest, last_session, read_minute_bars
from marketkeep.query.spark import between, of_symbols, parts_of, scaled, with_factors
from marketkeep.query.spark_panel import arrow_batches, arrow_schema, frame_of, scan, spark_schema
from marketkeep.query.spark_replay import replayed
from marketkeep.query.vain import refuse_vain
from marketkeep.stores.lake import Catalog, Lake, minutes, touching

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

_COLUMNS = {name: MINUTE_BARS.schema[name] for name in COLUMNS}
_KEY = ("symbol", "ts")
_KNOWN: dict[str, Dtype] = {"symbol": pl.String, "known": pl.Date}
_MINUTE = timedelta(minutes=1)


def spark_minute_bars(session: SparkSession, lake: Lake, request: MinuteBarsRequest) -> DataFrame:
    """
    The minute bars asked for (symbols as published); longer ones (`every`) are made where the rows are.

    Raises what the same question raises elsewhere, as far as the catalog tells; what only raw can tell is raised in the
    workers, when the frame is read.
    """
    if request.start and request.end and request.start > request.end:
        raise BadRange(request.start, request.end)
    if request.recorded_by is not None:
        schema = _schema(request.every)
        wanted = {name: schema[name] for name in with_key(request.fields, request.columns, _KEY)}
        return replayed(session, lake, request, read_minute_bars, wanted, 1)
    catalog = lake.catalog()
    absent = [symbol for symbol in request.symbols if catalog.held(minutes.DATASET, symbol).is_empty()]
    if absent:
        raise NotFound(f"{', '.join(absent)}: no minute bars held; collect them from a source that offers them")
    refuse_vain(lake, catalog, minutes.DATASET, request.symbols, request.start, request.end)
    parts = parts_of(catalog, minutes.DATASET, request.start, last_session(request))
    bars = scan(session, lake.files, minutes.DATASET, parts, COLUMNS)
    held = catalog.entries.filter(pl.col("dataset") == minutes.DATASET)["symbol"].unique().to_list()
    bars = _wanted(between(of_symbols(session, bars, request.symbols, held), request.start, None), request)
    if request.adjust != "none":
        steps = _factors(lake, catalog, request)
        bars = scaled(with_factors(session, bars, steps, parts), request.adjust, MINUTE_PRICES)
    bars = bars.select(*COLUMNS)
    whole = bars if request.every is None else _resampled(bars, request.every)
    return whole.select(*with_key(request.fields, request.columns, _KEY))


def _schema(every: MinuteEvery | None) -> dict[str, Dtype]:
    return _COLUMNS if every is None else {**_COLUMNS, "minutes": pl.Int32}


def _wanted(bars: DataFrame, request: MinuteBarsRequest) -> DataFrame:
    from pyspark.sql import functions as sql

    bars = between(bars, None, last_session(request))
    if request.segment is not None:
        bars = bars.filter(sql.col("segment") == request.segment)
    if isinstance(request.as_of, datetime):
        # A bar is known when its minute is over, not when it begins.
        bars = bars.filter(sql.col("ts") <= sql.lit(request.as_of - _MINUTE))
    return bars


def _factors(lake: Lake, catalog: Catalog, request: MinuteBarsRequest) -> pl.DataFrame:
    """
    The factors of the symbols asked for by what was known then, as `FACTORS` rows.

    Raises `NotFound` where an action has none that should have one.
    """
    actions = _known(lake.actions(request.symbols, catalog), request)
    daily = _spans(catalog, "daily_bars", request.symbols)
    asked = _spans(catalog, minutes.DATASET, request.symbols, request.start, last_session(request))
    # Only an action without a factor can be unfounded.
    for symbol in actions.filter(pl.col("adjustment_factor").is_null())["symbol"].unique().sort():
        if symbol in asked:
            events = actions.filter(pl.col("symbol") == symbol)
            refuse_unfounded(symbol, events, daily.get(symbol), pl.Series(asked[symbol]))
    return factor_steps(actions)


def _known(actions: pl.DataFrame, request: MinuteBarsRequest) -> pl.DataFrame:
    if request.as_of is None:
        return actions
    known = {symbol: request.known_day(symbol) for symbol in actions["symbol"].unique()}
    table = pl.DataFrame({"symbol": list(known), "known": list(known.values())}, schema=_KNOWN)
    met = actions.join(table, on="symbol", maintain_order="left")
    return met.filter(pl.col("ex_date") <= pl.col("known")).drop("known")


def _spans(
    catalog: Catalog, dataset: str, symbols: Sequence[str], first: date | None = None, last: date | None = None
) -> dict[str, tuple[date, date]]:
    """By symbol the first and the last date held of a dataset, within two dates where they are given."""
    mine = catalog.entries.filter((pl.col("dataset") == dataset) & pl.col("symbol").is_in(list(symbols)))
    start = pl.max_horizontal("first", pl.lit(first, dtype=pl.Date)).min()
    end = pl.min_horizontal("last", pl.lit(last, dtype=pl.Date)).max()
    found = touching(mine, first, last).group_by("symbol").agg(start.alias("start"), end.alias("end"))
    return {symbol: (low, high) for symbol, low, high in found.iter_rows()}


def _resampled(bars: DataFrame, every: MinuteEvery) -> DataFrame:
    """Longer bars, made by the function that makes them elsewhere, a symbol's month at a time: none crosses a day."""
    from pyspark.sql import functions as sql

    schema = _schema(every)

    def longer(month: pa.Table) -> pa.Table:
        import pyarrow as pa

        found = resample_minutes(frame_of(month, _COLUMNS), every)
        return pa.Table.from_batches(arrow_batches(found, schema), arrow_schema(schema))

    return bars.groupBy("symbol", sql.trunc("date", "month")).applyInArrow(longer, spark_schema(schema))
