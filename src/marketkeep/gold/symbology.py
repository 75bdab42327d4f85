"""
Symbology: which security a raw row means, and under which symbol that is published (traps 11 and 30).

Made from `TICKERS` rows alone. A row of a source that keeps a file or an answer per ticker and day means who held the
ticker on the row's own date. All other sources tell a security's whole history under the ticker it has when they are
asked: their rows mean who held it on the New York date on which they were received. So what Yahoo tells of META goes
back to the years of FB, and what it told of FB before goes along.

A ticker that nobody is known to hold on that day means the holder nearest in time for a source of the first kind, but
nobody who is known to have had another ticker then: before Waste Management came from WMI to WM, WM was somebody else
(`WM~2009`). For the other sources it means the one that had it last, as nobody else has it yet. A ticker without a row
means itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from marketkeep.model import Policy, Symbol
from marketkeep.model.new_york import NEW_YORK
from marketkeep.model.tables import Dtype

# LEAN keeps a security's bars in a file per ticker, its factors in one under the last ticker.
_WHOLE_ACTIONS = {"lean"}

_TURNS: dict[str, Dtype] = {"ticker": pl.String, "of_day": pl.Boolean, "at": pl.Date, "symbol": pl.String}
"""From which day a ticker means which symbol, by the row's own date (`of_day`) or by the day it was received."""


@dataclass(frozen=True, slots=True, eq=False)
class Symbology:
    """Tickers to published symbols and back. Make one with `Symbology.of`."""

    _turns: pl.DataFrame = field(repr=False)
    _tickers: Mapping[str, Sequence[str]] = field(repr=False)
    _symbols: Mapping[tuple[str, bool], Sequence[str]] = field(repr=False)

    @classmethod
    def of(cls, tickers: pl.DataFrame) -> Symbology:
        """The symbology that `TICKERS` rows tell, in whatever order."""
        turns = _turns(tickers)
        symbols: dict[tuple[str, bool], list[str]] = {}
        found: dict[str, list[str]] = {}
        for ticker, of_day, symbol in turns.select("ticker", "of_day", "symbol").unique().sort(pl.all()).iter_rows():
            symbols.setdefault((ticker, of_day), []).append(symbol)
            found.setdefault(symbol, []).append(ticker)
        return cls(turns, found, symbols)

    def tickers_of(self, symbols: Iterable[str]) -> list[str]:
        """The tickers under which raw rows of these published symbols may lie, sorted: their own among them."""
        found: set[str] = set()
        for symbol in symbols:
            found |= {symbol, Symbol(symbol).ticker, *self._tickers.get(symbol, ())}
        return sorted(found)

    def symbols_of(self, tickers: Iterable[str], *, of_day: bool | None = None) -> list[str]:
        """
        The published symbols to which raw rows under these tickers may belong, sorted.

        With `of_day` only those of sources that mean who held a ticker on the row's date, or only those of all others.
        """
        rules = (True, False) if of_day is None else (of_day,)
        return sorted(
            {one for ticker in tickers for rule in rules for one in self._symbols.get((ticker, rule), (ticker,))}
        )

    def named(self, rows: pl.DataFrame, day_column: str, policy: Policy) -> pl.DataFrame:
        """
        Raw rows with `symbol` replaced by the published symbol of the security that each row means, in their order.

        `rows` have `symbol` (a raw ticker), `source` and `fetched_at` (UTC) beside the date in `day_column`.
        """
        odd = rows["symbol"].is_in(self._turns["ticker"].unique().implode()).arg_true()
        if odd.is_empty():
            return rows
        sources = set(policy.tickers_of_the_day) - (_WHOLE_ACTIONS if day_column == "ex_date" else set())
        meant = self._meant(rows[odd].select("symbol", "source", "fetched_at", day=day_column), sources)
        return rows.with_columns(rows["symbol"].scatter(odd, meant))

    def _meant(self, rows: pl.DataFrame, sources: Iterable[str]) -> pl.Series:
        received = pl.col("fetched_at").dt.convert_time_zone(NEW_YORK.key).dt.date()
        # A row without a date of its own can only be told by when it came.
        of_day = pl.col("source").is_in(sorted(sources)) & pl.col("day").is_not_null()
        asked = rows.with_row_index("row").with_columns(of_day=of_day)
        asked = asked.with_columns(at=pl.when("of_day").then("day").otherwise(received))
        found = asked.sort("at").join_asof(
            self._turns.sort("at"),
            left_on="at",
            right_on="at",
            by_left=["symbol", "of_day"],
            by_right=["ticker", "of_day"],
            suffix="_meant",
            check_sortedness=False,
        )
        # By the one rule it may mean itself, though not by the other.
        return found.sort("row").select(pl.coalesce("symbol_meant", "symbol")).to_series()


def changed(before: pl.DataFrame, after: pl.DataFrame) -> list[str]:
    """
    The raw tickers whose rows may be published under another symbol by `after` than by `before`, sorted.

    Both are `TICKERS` rows. What is to be published again are `symbols_of` these, by the one and by the other.
    """
    old, new = _turns(before), _turns(after)
    keys = list(_TURNS)
    differ = pl.concat([old.join(new, on=keys, how="anti"), new.join(old, on=keys, how="anti")])
    return differ["ticker"].unique().sort().to_list()


def spells(tickers: pl.DataFrame) -> pl.DataFrame:
    """
    Under which ticker a source that keeps them by day has each day of a security: ticker, symbol, start and end.

    Days are [start, end), of each symbol in their order and no day twice; the first spell begins and the last one ends
    where nobody else is meant. Days between two tickers belong to the earlier one. A symbol that is not there, and none
    of whose tickers meant another, always had the ticker of its name. `tickers` are `TICKERS` rows.
    """
    turns = _turns(tickers).filter("of_day").select("ticker", "symbol", start="at")
    turns = turns.with_columns(end=pl.col("start").shift(-1).over("ticker").fill_null(date.max))
    begun = pl.col("from").fill_null(date.min)
    first = pl.int_range(pl.len()).over("symbol") == 0
    had = tickers.sort("symbol", "from", "to", "ticker", nulls_last=[False, False, True, False]).select(
        "ticker",
        "symbol",
        since=pl.when(first).then(pl.lit(date.min)).otherwise(begun),
        until=begun.shift(-1).over("symbol").fill_null(date.max),
    )
    odd = turns["ticker"].unique().implode()
    # A ticker that only ever meant the symbol of its name has no turns; it stands here where its security had another.
    several = pl.len().over("symbol") > 1
    alone = had.filter(several & pl.col("ticker").is_in(odd).not_()).select(
        "ticker", "symbol", start="since", end="until"
    )
    met = had.join(turns, on=["ticker", "symbol"]).select(
        "ticker",
        "symbol",
        start=pl.max_horizontal("since", "start"),
        end=pl.min_horizontal("until", "end"),
    )
    # Somebody of whom nothing but a name is known: whoever had WM before Waste Management took it.
    others = turns.join(had, on="symbol", how="anti")
    return pl.concat([met, alone, others]).filter(pl.col("start") < pl.col("end")).sort("symbol", "start")


def _turns(tickers: pl.DataFrame) -> pl.DataFrame:
    """
    The days from which a ticker means another symbol, as `_TURNS`, the first of each from the beginning of time.

    None of a ticker that only ever meant the symbol of its own name.
    """
    rows = _ordered(tickers)
    first = pl.int_range(pl.len()).over("ticker") == 0
    always = pl.when(first | pl.col("from").is_null()).then(pl.lit(date.min))
    # Whom the ticker was free of last, and from when: overlapping tenancies give way to the later one.
    free, begins = pl.col("to").shift().over("ticker"), pl.col("from")
    half = (free.to_physical().cast(pl.Int64) + begins.to_physical().cast(pl.Int64) - 1).floordiv(2) + 1
    nearest = pl.when((free < begins).fill_null(value=False)).then(half.cast(pl.Int32).cast(pl.Date))
    told = [
        rows.select("ticker", of_day=pl.lit(value=False), at=always.otherwise(begins), symbol="symbol"),
        _strangers(rows),
        rows.select(
            "ticker",
            of_day=pl.lit(value=True),
            at=pl.when(first & pl.col("arrived"))
            .then(_EARLIEST)
            .otherwise(always.otherwise(nearest.otherwise(begins))),
            symbol="symbol",
        ),
    ]
    key = ["ticker", "of_day"]
    turns = pl.concat(told).sort(*key, "at", maintain_order=True)
    turns = turns.unique([*key, "at"], keep="last", maintain_order=True)
    goes_on = (pl.col("symbol") == pl.col("symbol").shift().over(key)).fill_null(value=False)
    turns = turns.filter(goes_on.not_())
    itself = (pl.len().over(key) == 1) & (pl.col("symbol") == pl.col("ticker"))
    return turns.filter(itself.not_())


_EARLIEST = pl.coalesce("earliest", "from")


def _ordered(tickers: pl.DataFrame) -> pl.DataFrame:
    """`TICKERS` rows in order of time, and whether the security came from another ticker and went on to another."""
    spell = ["ticker", "from", "to", "earliest", "security_id", "symbol"]
    begun = pl.col("from").fill_null(date.min)
    later = (begun.max().over("security_id") >= pl.col("to")).fill_null(value=False)
    marked = tickers.select(*spell, arrived=begun > begun.min().over("security_id"), left=later)
    return marked.sort("ticker", "from", "to", "security_id", nulls_last=[False, False, True, False])


def _strangers(rows: pl.DataFrame) -> pl.DataFrame:
    """
    Whom a ticker means on days on which its only known holders are known to have had another: somebody unknown.

    Before the first of them that is a former holder, behind the last one whoever is published as the ticker.
    """
    firsts = rows.unique("ticker", keep="first", maintain_order=True).filter("arrived")
    lasts = rows.unique("ticker", keep="last", maintain_order=True).filter("left")
    year = pl.col("from").dt.offset_by("-1d").dt.year()
    return pl.concat(
        [
            firsts.select(
                "ticker", of_day=pl.lit(value=True), at=pl.lit(date.min), symbol=pl.format("{}~{}", "ticker", year)
            ),
            lasts.select("ticker", of_day=pl.lit(value=True), at="to", symbol="ticker"),
        ]
    )
