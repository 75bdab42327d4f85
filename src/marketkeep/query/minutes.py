"""
Minute bars, asked for lazily: nothing is read until a terminal method is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Literal, get_args

import polars as pl

from marketkeep.calendars import calendar_for
from marketkeep.checks import check_minutes
from marketkeep.derive.resample_minutes import MinuteEvery, resample_minutes
from marketkeep.errors import BadInput, BadRange, NotFound
from marketkeep.gold import MINUTE_PRICES, promote_minutes
from marketkeep.gold.identity import known_by
from marketkeep.gold.symbology import Symbology
from marketkeep.model import Symbol
from marketkeep.query.bars import Adjust, scale
from marketkeep.query.fields import check_fields, with_key
from marketkeep.query.minute_factors import with_factors
from marketkeep.query.minute_panel import COLUMNS, MinuteReader, plan_minutes
from marketkeep.query.minute_pieces import cut
from marketkeep.query.reading import raw_rows
from marketkeep.query.terminals import Terminals, session_or_own
from marketkeep.raw import BatchStore
from marketkeep.stores.lake import Catalog, Lake, minutes, touching

if TYPE_CHECKING:
    from pyspark.sql import DataFrame as SparkFrame
    from pyspark.sql import SparkSession

Segment = Literal["pre", "regular", "post"]
_KEY = ("symbol", "ts")


@dataclass(frozen=True, slots=True)
class MinuteBarsRequest:
    """
    What minute bars are asked for: symbols (canonical), sessions `start` to `end` both included (None: all), how
    adjusted, one segment of the session or all of it (None), the two clocks, and how long a bar is (None: a minute);
    `fields` are the columns wanted beside symbol and ts, None for all.

    `as_of` shows what the market knew at that instant (UTC), or by the end of that session when it is a date;
    `recorded_by` what this keep held at that instant (UTC).
    """

    symbols: tuple[str, ...]
    start: date | None = None
    end: date | None = None
    adjust: Adjust = "none"
    segment: Segment | None = None
    as_of: datetime | date | None = None
    recorded_by: datetime | None = None
    every: MinuteEvery | None = None
    fields: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        check_fields(self.fields, self.columns, "minute bars")
        if self.adjust not in get_args(Adjust):
            raise BadInput(f"adjust={self.adjust!r} is unknown; use 'none', 'splits' or 'all'")
        if self.every is not None and self.every not in get_args(MinuteEvery):
            told = ", ".join(map(repr, get_args(MinuteEvery)))
            raise BadInput(f"every={self.every!r} is unknown; use {told}, or None for minutes")
        if self.segment is not None and self.segment not in get_args(Segment):
            raise BadInput(f"segment={self.segment!r} is unknown; use 'pre', 'regular' or 'post', or None for all")

    @property
    def columns(self) -> list[str]:
        """All columns that the bars asked for have."""
        return COLUMNS if self.every is None else [*COLUMNS, "minutes"]

    def known_day(self, symbol: str) -> date | None:
        """The last day whose actions are known as of the request, by the clock of the symbol's venue."""
        if isinstance(self.as_of, datetime):
            return self.as_of.astimezone(calendar_for(Symbol(symbol).asset_class).zone).date()
        return self.as_of


@dataclass(frozen=True, slots=True)
class MinuteBarsQuery(Terminals):
    """
    A question about minute bars; terminal methods read it.

    Columns: symbol, ts (UTC, start of the minute), date (its session), open, high, low, close, volume (shares), vwap,
    trade_count, segment (pre, regular, post), feed, source, score (0 to 100); sorted by symbol and ts. A minute without
    trades has no row. `adjust="none"` gives prices as traded then, `"splits"` brings them and the volume to today's
    shares, `"all"` also takes dividends out of earlier prices, both by the factors of the daily bars. Longer bars
    (`every`) lie within their segment and also tell `minutes`, in how many there was a trade; see `resample_minutes`.
    """

    request: MinuteBarsRequest
    _read: Callable[[MinuteBarsRequest], pl.DataFrame]
    _on_spark: Callable[[SparkSession, MinuteBarsRequest], SparkFrame] | None = None
    _explain: Callable[[MinuteBarsRequest], str] | None = None
    _pieces: Callable[[MinuteBarsRequest], Iterator[pl.DataFrame]] | None = None

    def adjusted(self, adjust: Adjust) -> MinuteBarsQuery:
        """The same question with another adjustment. Raises `BadInput` for one there is not."""
        return replace(self, request=replace(self.request, adjust=adjust))

    def polars(self) -> pl.DataFrame:
        """The bars as a polars frame. Raises `NotFound` for a symbol the keep holds no minute bars of."""
        return self._read(self.request)

    def explain_plan(self) -> str:
        """How the question is answered, in words: what is read and why this way. No bar is read."""
        return "a frame that is there already" if self._explain is None else self._explain(self.request)

    def pieces(self) -> Iterator[pl.DataFrame]:
        """The answer in pieces of some symbols or months each, where it is large; at least one."""
        if self._pieces is None:
            yield self.polars()
        else:
            yield from self._pieces(self.request)

    def _batches(self) -> Iterator[pl.DataFrame]:
        """See `Terminals`: a whole market's minutes are never held."""
        return self.pieces()

    def spark(self, session: SparkSession | None = None) -> SparkFrame:
        """
        The bars as a frame of Spark over the panel, unread until an action and in no order; `session` as elsewhere.
        """
        if self._on_spark is None:
            return Terminals.spark(self, session)
        return self._on_spark(session_or_own(session), self.request)


def read_minute_bars(lake: Lake, batches: BatchStore, request: MinuteBarsRequest) -> pl.DataFrame:
    """
    The minute bars asked for.

    Raises `BadRange` when the start lies after the end, and `NotFound` for a symbol without any minute bar or, where
    prices are to be adjusted, without the daily bars that an action's factor rests on.
    """
    _check_range(request)
    catalog = lake.catalog()
    if request.recorded_by is None:
        reader = _reader(lake, catalog, request)
        return _finished(lake, batches, catalog, request, reader.read(request.symbols, *_sessions(request)))
    bars, absent = _recorded(lake, batches, catalog, request)
    _refuse(absent, f" recorded by {request.recorded_by:%Y-%m-%dT%H:%M:%SZ}")
    return _finished(lake, batches, catalog, request, bars)


def stream_minute_bars(lake: Lake, batches: BatchStore, request: MinuteBarsRequest) -> Iterator[pl.DataFrame]:
    """
    The same bars in the same order, where they are many in pieces, of which no more than one is held; those without
    rows are left out. Raises the same, if only when the piece comes that cannot be answered.
    """
    _check_range(request)
    catalog = lake.catalog()
    pieces = cut(catalog, request.symbols, *_sessions(request), months=request.recorded_by is None)
    if len(pieces) < 2:
        yield read_minute_bars(lake, batches, request)
        return
    if request.recorded_by is not None:
        for piece in pieces:
            yield read_minute_bars(lake, batches, replace(request, symbols=piece.symbols))
        return
    reader = _reader(lake, catalog, request)
    since: dict[str, date] = {}
    for piece in pieces:
        found = reader.read(piece.symbols, piece.first, piece.last)
        yield _finished(lake, batches, catalog, request, found, since)
        reader.release()


def _check_range(request: MinuteBarsRequest) -> None:
    if request.start and request.end and request.start > request.end:
        raise BadRange(request.start, request.end)


def _reader(lake: Lake, catalog: Catalog, request: MinuteBarsRequest) -> MinuteReader:
    _refuse([symbol for symbol in request.symbols if catalog.held(minutes.DATASET, symbol).is_empty()])
    return MinuteReader(lake, plan_minutes(lake, catalog, request.symbols, *_sessions(request)))


def _refuse(absent: Sequence[str], when: str = "") -> None:
    if absent:
        raise NotFound(f"{', '.join(absent)}: no minute bars held{when}; collect them from a source that offers them")


def _sessions(request: MinuteBarsRequest) -> tuple[date | None, date | None]:
    return request.start, last_session(request)


def _finished(
    lake: Lake,
    batches: BatchStore,
    catalog: Catalog,
    request: MinuteBarsRequest,
    bars: pl.DataFrame,
    since: dict[str, date] | None = None,
) -> pl.DataFrame:
    """
    Bars as traded made into what was asked for. Where they are pieces, `since` has the first session that each symbol
    had in any before; it is told those of this one.
    """
    bars = bars.filter(*_wanted(request))
    if request.adjust != "none" and not bars.is_empty():
        factored = with_factors(lake, batches, catalog, request, bars, {} if since is None else since)
        bars = scale(factored, request.adjust, MINUTE_PRICES)
    bars = bars.select(COLUMNS)
    whole = bars if request.every is None else resample_minutes(bars, request.every)
    return whole if request.fields is None else whole.select(with_key(request.fields, request.columns, _KEY))


def explain_minute_bars(lake: Lake, request: MinuteBarsRequest) -> str:
    """How a request of published symbols is answered, in words."""
    if request.recorded_by is not None:
        return (
            "Reads the raw batches received by then.\nBecause what was held at a past instant is made again from them."
        )
    return plan_minutes(lake, lake.catalog(), request.symbols, *_sessions(request)).told()


def _wanted(request: MinuteBarsRequest) -> Iterator[pl.Expr]:
    yield pl.lit(value=True)
    if request.segment is not None:
        yield pl.col("segment") == request.segment
    if isinstance(request.as_of, datetime):
        # A bar is known when its minute is over, not when it begins.
        yield pl.col("ts") + timedelta(minutes=1) <= request.as_of
    elif request.as_of is not None:
        yield pl.col("date") <= request.as_of


def last_session(request: MinuteBarsRequest) -> date | None:
    """The last session that needs to be read; a minute as of an instant is of a session that may end a day later."""
    known = request.as_of
    if isinstance(known, datetime):
        known = known.date() + timedelta(days=1)
    return min((day for day in (request.end, known) if day), default=None)


def _recorded(
    lake: Lake, batches: BatchStore, catalog: Catalog, request: MinuteBarsRequest
) -> tuple[pl.DataFrame, list[str]]:
    """Gold from the raw batches received by then, and the symbols of which there was none at all."""
    bars = _replayed(lake, batches, catalog, request)
    absent = sorted(set(request.symbols) - set(bars["symbol"]))
    if absent and (request.start or request.end or request.as_of):
        ever = replace(request, symbols=tuple(absent), start=None, end=None, as_of=None)
        absent = sorted(set(absent) - set(_replayed(lake, batches, catalog, ever)["symbol"]))
    return bars, absent


def _replayed(lake: Lake, batches: BatchStore, catalog: Catalog, request: MinuteBarsRequest) -> pl.DataFrame:
    first, last = request.start, last_session(request)
    files = catalog.batches.filter((pl.col("dataset") == minutes.DATASET) & (pl.col("rows") > 0))
    tickers = catalog.tickers if request.recorded_by is None else known_by(catalog.tickers, request.recorded_by)
    symbology = Symbology.of(tickers)
    policy = lake.policy()
    paths = touching(files, first, last).sort("batch_id")["path"].to_list()
    raw = batches.rows(
        minutes.DATASET,
        paths,
        symbols=symbology.tickers_of(request.symbols),
        first=first,
        last=last,
        recorded_by=request.recorded_by,
    )
    named = symbology.named(raw, "date", policy).filter(pl.col("symbol").is_in(list(request.symbols)))
    actions = raw_rows(policy, batches, catalog, symbology, request.symbols, request.recorded_by)("actions")
    return promote_minutes(named, actions, policy, check_minutes).bars
