"""
Renamed: what was answered for a security under a ticker that it had then, told under the symbol it has now, and under
which ticker it is asked for.

So a rename asks for nothing again: FB was asked for up to the day on which it became META, and META goes on from there.
Most sources tell all of it under the present ticker and nothing of a former holder (`REUS~2015`); what they refused
stays with the ticker it was said of, because that Yahoo has no FB any more says nothing of META. A source that keeps
its answers by the ticker of the day (`Policy.tickers_of_the_day`) is asked for each day under the ticker of that day,
and what it refused goes along as its answers do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import polars as pl

from marketkeep.gold.symbology import Symbology, spells
from marketkeep.model import ASKED, Policy, Symbol
from marketkeep.stores.lake import Catalog

Spell = tuple[str, date, date]
"""A ticker and the days [start, end) on which a security is asked for under it."""


@dataclass(frozen=True, slots=True)
class Present:
    """
    A `catalog` with its answers under the symbols that are published now, and under which ticker each is asked for.

    Make one with `Present.of`; where nothing moved it has the very catalog it was made of.
    """

    catalog: Catalog
    _of_day: frozenset[str]
    _spells: Mapping[str, Sequence[Spell]] = field(repr=False)

    @classmethod
    def of(cls, catalog: Catalog, policy: Policy) -> Present:
        """What `catalog` says by its own `tickers`."""
        told = spells(catalog.tickers)
        found: defaultdict[str, list[Spell]] = defaultdict(list)
        for ticker, symbol, start, end in told.select("ticker", "symbol", "start", "end").iter_rows():
            found[symbol].append((ticker, start, end))
        return cls(_under_present_symbols(catalog, policy, told), frozenset(policy.tickers_of_the_day), dict(found))

    def spells(self, source: str, symbol: str) -> Sequence[Spell]:
        """
        Under which tickers a source is asked for a symbol, in order of days; days that lie in none cannot be had of it.
        """
        if source in self._of_day and symbol in self._spells:
            return self._spells[symbol]
        # Under the ticker of a former holder it would tell of the present one.
        return () if Symbol(symbol).former else ((symbol, date.min, date.max),)


def _under_present_symbols(catalog: Catalog, policy: Policy, told: pl.DataFrame) -> Catalog:
    of_day = pl.col("source").is_in(policy.tickers_of_the_day)
    by_day = catalog.asked.filter(of_day)
    answers = catalog.asked.filter(~of_day & pl.col("refused").is_null()).rename({"asked_at": "fetched_at"})
    parts = [
        catalog.asked.filter(~of_day & pl.col("refused").is_not_null()),
        Symbology.of(catalog.tickers).named(answers, "start", policy).rename({"fetched_at": "asked_at"}),
        by_day.join(told, left_on="symbol", right_on="ticker", how="anti"),
        _by_spells(by_day, told),
    ]
    names = list(ASKED.schema)
    moved = pl.concat([part.select(names) for part in parts]).sort(*ASKED.key)
    return catalog if moved.equals(catalog.asked) else replace(catalog, asked=moved)


def _by_spells(asked: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """What was said of tickers that meant several or another, each day as of whose it was; days of nobody are none."""
    holders = told.select("ticker", holder="symbol", since="start", until="end")
    return (
        asked.join(holders, left_on="symbol", right_on="ticker")
        .with_columns(
            symbol="holder",
            start=pl.max_horizontal("start", "since"),
            end=pl.min_horizontal("end", "until"),
        )
        .filter(pl.col("start") < pl.col("end"))
    )
