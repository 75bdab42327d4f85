"""
What a keep says of everything but single bars, now or at a past instant, as two states with one face.

`Published` reads the files that are there. `Recorded` makes the same tables again from the raw batches that had been
received by an instant, with the same pure functions, so both agree where they meet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import cached_property
from typing import Protocol

import polars as pl

from marketkeep.errors import NotFound
from marketkeep.gold.identity import DELISTING_FORMS, Identity, Told, identify, known_by, reference, sightings, together
from marketkeep.gold.member_evidence import witnesses
from marketkeep.gold.member_runs import member_runs
from marketkeep.gold.member_runs import together as runs_together
from marketkeep.gold.membership import members_by
from marketkeep.gold.yields import resolve_yields, treasury_securities
from marketkeep.model import ACTIONS, DAILY_BARS
from marketkeep.model.tables import Dtype
from marketkeep.query.holdings import entries_of, groups, spans
from marketkeep.query.minutes import MinuteBarsRequest, read_minute_bars
from marketkeep.query.reading import gold_recorded_by
from marketkeep.raw import BatchStore
from marketkeep.stores.lake import Lake, minutes
from marketkeep.stores.lake.reference import index_members, treasury_yields

_SYMBOLS_AT_ONCE = 200
_ROWS_AT_ONCE = 250_000
DAYS: dict[str, Dtype] = {name: DAILY_BARS.schema[name] for name in ("symbol", "date", "score")}
"""The columns of a bar that what is held follows from."""


class State(Protocol):
    """The tables of a keep at some instant, each in the columns of its own name."""

    def batches(self) -> pl.DataFrame:
        """`BATCHES` rows of the raw batches it rests on."""

    def entries(self, dataset: str) -> pl.DataFrame:
        """`CATALOG` rows of what is held of a dataset of bars."""

    def days(self, dataset: str, symbols: Sequence[str], first: date | None, last: date | None) -> pl.DataFrame:
        """Symbol, date and score of the bars held of these symbols from `first` to `last`, both included."""

    def actions(self, symbols: Iterable[str] | None = None) -> pl.DataFrame:
        """`ACTIONS` rows of these symbols; of all without any."""

    def securities(self) -> pl.DataFrame:
        """`SECURITIES` rows."""

    def ticker_history(self) -> pl.DataFrame:
        """`TICKER_HISTORY` rows."""

    def tickers(self) -> pl.DataFrame:
        """`TICKERS` rows."""

    def members(self) -> pl.DataFrame:
        """`INDEX_MEMBERS` rows."""

    def yields(self) -> pl.DataFrame:
        """`TREASURY_YIELDS` rows."""

    def findings(self) -> pl.DataFrame:
        """`FINDINGS` rows."""


def state(lake: Lake, batches: BatchStore, recorded_by: datetime | None) -> State:
    """The state of now, or of an instant."""
    return Published(lake) if recorded_by is None else Recorded(lake, batches, recorded_by)


class Published:
    """What is published now."""

    def __init__(self, lake: Lake) -> None:
        self._lake, self._catalog = lake, lake.catalog()

    def batches(self) -> pl.DataFrame:
        """See `State`."""
        return self._catalog.batches

    def entries(self, dataset: str) -> pl.DataFrame:
        """See `State`."""
        return self._catalog.entries.filter(pl.col("dataset") == dataset)

    def days(self, dataset: str, symbols: Sequence[str], first: date | None, last: date | None) -> pl.DataFrame:
        """See `State`."""
        if dataset == "daily_bars":
            bars = self._lake.bars(self._catalog, symbols, first, last)
        else:
            bars = minutes.read_minutes(self._lake.files, self._catalog, symbols, first, last)
        return bars.select(list(DAYS))

    def actions(self, symbols: Iterable[str] | None = None) -> pl.DataFrame:
        """See `State`."""
        held = self._catalog.entries.filter(pl.col("dataset") == "actions")["symbol"].to_list()
        return self._lake.actions(held if symbols is None else symbols, self._catalog)

    def securities(self) -> pl.DataFrame:
        """See `State`."""
        return self._lake.securities(self._catalog.version)

    def ticker_history(self) -> pl.DataFrame:
        """See `State`."""
        return self._lake.ticker_history(self._catalog.version)

    def tickers(self) -> pl.DataFrame:
        """See `State`."""
        return self._lake.tickers(self._catalog.version)

    def members(self) -> pl.DataFrame:
        """See `State`."""
        return index_members(self._lake, self._catalog.version)

    def yields(self) -> pl.DataFrame:
        """See `State`."""
        return treasury_yields(self._lake, self._catalog.version)

    def findings(self) -> pl.DataFrame:
        """See `State`."""
        return self._lake.findings(self._catalog.version)


class Recorded:
    """What the keep said at an instant, made again from raw; each table once."""

    def __init__(self, lake: Lake, batches: BatchStore, moment: datetime) -> None:
        self._lake, self._batches, self._moment = lake, batches, moment
        catalog = lake.catalog()
        # A batch is named by when its first payload came: one that came later holds nothing of before.
        known = catalog.batches.filter(pl.col("batch_id") <= f"{moment:%Y%m%dT%H%M%S%f}~")
        self._catalog = replace(catalog, batches=known)

    def batches(self) -> pl.DataFrame:
        """See `State`."""
        return self._catalog.batches

    def entries(self, dataset: str) -> pl.DataFrame:
        """See `State`."""
        days = self._gold[0] if dataset == "daily_bars" else self._minute_days
        return entries_of(days, dataset)

    def days(self, dataset: str, symbols: Sequence[str], first: date | None, last: date | None) -> pl.DataFrame:
        """See `State`."""
        held = self._gold[0] if dataset == "daily_bars" else self._minute_days
        return held.filter(pl.col("symbol").is_in(list(symbols)), *_between(first, last))

    def actions(self, symbols: Iterable[str] | None = None) -> pl.DataFrame:
        """See `State`."""
        if symbols is None:
            return self._gold[1]
        wanted = tuple(sorted(set(symbols)))
        return self._gold_of(wanted)[1] if wanted else ACTIONS.empty()

    def securities(self) -> pl.DataFrame:
        """See `State`."""
        points = treasury_securities(self.yields())
        others = self._reference[0].join(points, on="symbol", how="anti", maintain_order="left")
        return pl.concat([others, points]).sort("symbol")

    def ticker_history(self) -> pl.DataFrame:
        """See `State`."""
        return self._reference[1]

    def tickers(self) -> pl.DataFrame:
        """See `State`."""
        return self._identity.tickers

    def members(self) -> pl.DataFrame:
        """See `State`."""
        runs = runs_together([member_runs(rows) for rows in self._parts("index_members")])
        return members_by(witnesses(runs, self.ticker_history(), self.tickers()))

    def yields(self) -> pl.DataFrame:
        """See `State`."""
        return resolve_yields(self._rows("treasury_yields"))

    def findings(self) -> pl.DataFrame:
        """What had been found by then; what was cured later is open, and how often it was told again is not known."""
        named = symbols_then(self._catalog.tickers, self._moment)
        found = self._lake.findings(self._catalog.version).filter(pl.col("detected_at") <= self._moment)
        found = found.with_columns(pl.col("symbol").replace(named) if named else pl.col("symbol"))
        cured = (pl.col("resolved_at") <= self._moment).fill_null(value=False)
        return found.with_columns(
            *(pl.when(cured).then(name).alias(name) for name in ("resolved_at", "resolved_by")),
            repeated=pl.lit(None, dtype=pl.Int64),
        )

    @cached_property
    def _gold(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Of all symbols the days held (symbol, date, score) and the actions."""
        days, actions = [pl.DataFrame(schema=DAYS)], [ACTIONS.empty()]
        for group in groups(self._symbols(), _SYMBOLS_AT_ONCE):
            bars, told = self._gold_of(tuple(group))
            days.append(bars.select(list(DAYS)))
            actions.append(told)
        return pl.concat(days), pl.concat(actions)

    def _symbols(self) -> list[str]:
        """Whatever may have had bars or actions then, under the symbols of then."""
        named = symbols_then(self._catalog.tickers, self._moment)
        return sorted({named.get(symbol, symbol) for symbol in self._catalog.entries["symbol"].unique()})

    def _gold_of(self, symbols: tuple[str, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
        return gold_recorded_by(self._lake.policy(), self._batches, self._catalog, symbols, self._moment)

    @cached_property
    def _minute_days(self) -> pl.DataFrame:
        found = [pl.DataFrame(schema=DAYS)]
        for symbol in self._symbols():
            asked = MinuteBarsRequest((symbol,), recorded_by=self._moment)
            try:
                found.append(read_minute_bars(self._lake, self._batches, asked).select(list(DAYS)))
            except NotFound:
                continue
        return pl.concat(found)

    @cached_property
    def _told(self) -> Told:
        return Told(
            together([sightings(rows) for rows in self._parts("listings")]),
            stated=self._rows("securities"),
            history=self._rows("ticker_history"),
            companies=_newest(self._rows("companies")),
            filings=self._rows("filings").filter(pl.col("form").is_in(DELISTING_FORMS)).select("cik", "form", "filed"),
            held=spans(self.entries("daily_bars")),
        )

    @cached_property
    def _identity(self) -> Identity:
        return identify(self._told)

    @cached_property
    def _reference(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        return reference(self._told, self._identity)

    def _rows(self, dataset: str) -> pl.DataFrame:
        return self._batches.rows(dataset, self._catalog.batch_paths(dataset), recorded_by=self._moment)

    def _parts(self, dataset: str) -> Iterator[pl.DataFrame]:
        """The raw rows of a dataset, so many at a time: directories repeat themselves for years."""
        part: list[str] = []
        count = 0
        mine = self._catalog.batches.filter((pl.col("dataset") == dataset) & (pl.col("rows") > 0)).sort("batch_id")
        for path, rows in mine.select("path", "rows").iter_rows():
            if part and count + rows > _ROWS_AT_ONCE:
                yield self._batches.rows(dataset, part, recorded_by=self._moment)
                part, count = [], 0
            part.append(path)
            count += rows
        yield self._batches.rows(dataset, part, recorded_by=self._moment)


def symbols_then(tickers: pl.DataFrame, moment: datetime) -> dict[str, str]:
    """
    What securities were published under at an instant, by what they are now; only those that differ.

    One of which no ticker was known yet had the first it is known to have had: a ticker without a row means itself.
    """
    then = known_by(tickers, moment).select("security_id", then="symbol").unique()
    first = tickers.sort("from", nulls_last=False).unique("security_id", keep="first").select("security_id", "ticker")
    both = tickers.select("symbol", "security_id").unique().join(first, on="security_id")
    both = both.join(then, on="security_id", how="left").with_columns(then=pl.coalesce("then", "ticker"))
    return dict(both.filter(pl.col("symbol") != pl.col("then")).select("symbol", "then").iter_rows())


def _newest(companies: pl.DataFrame) -> pl.DataFrame:
    """The newest statement about each company."""
    told = companies.sort("cik", "fetched_at", "batch_id", "payload")
    return told.unique("cik", keep="last", maintain_order=True)


def _between(first: date | None, last: date | None) -> Iterator[pl.Expr]:
    if first is not None:
        yield pl.col("date") >= first
    if last is not None:
        yield pl.col("date") <= last
