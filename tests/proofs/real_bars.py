"""
Keeps of the corpus's real daily bars, a vendor each and one of several together: what checks are run on in earnest.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import polars as pl

import marketkeep
from proofs.keeps import make_keep


@dataclass(frozen=True)
class Shelf:
    """A vendor's files: what of the corpus is handed in, under which name, and what is passed over and why."""

    name: str
    paths: tuple[str, ...]
    symbols: tuple[tuple[str, str], ...] = ()


SHELVES = (
    Shelf("stooq", ("kaggle/huge_stock_market/Stocks", "kaggle/huge_stock_market/ETFs")),
    Shelf("kaggle5y", ("kaggle/sp500_5yr",)),
    Shelf("lean", ("lean/daily", "lean/factor_files", "lean/map_files")),
    Shelf("alphavantage", ("alpha_vantage/daily_adjusted_csv",)),
    Shelf("yahoo-csv", ("yahoo/download_csv",)),
    Shelf("wiki", ("quandl_wiki",)),
    Shelf("two-years", ("misc_csv/daily_2024_2026",)),
    Shelf(
        *("misc", ("misc_csv/ibkr_r1000_historical_bars.csv.gz", "misc_csv/plotly-finance-charts-apple.csv.gz")),
        symbols=(("GOOG", "misc_csv/backtesting-GOOG.csv.gz"),),
    ),
)
TOGETHER = ("lean", "alphavantage", "wiki", "yahoo-csv")
"""
Whose prices can be brought to as traded, and so be compared in one keep. Stooq's and those of `two-years` are adjusted
by payments that they do not tell; `kaggle5y` is made up behind its first days (Amazon at 376 in February 2018).
"""

_PRIORITY = ("lean", "alphavantage", "wiki", "yahoo-csv", "stooq", "misc", "two-years", "kaggle5y")


def fill(corpus: Path, root: Path, shelves: tuple[Shelf, ...]) -> marketkeep.Keep:
    """A keep of these shelves."""
    made = make_keep(root, priority=_PRIORITY)
    for shelf in shelves:
        # LEAN's files say themselves that they are LEAN's.
        source = shelf.name if shelf.name != "lean" else None
        made.take(*(corpus / path for path in shelf.paths), source=source)
        for symbol, path in shelf.symbols:
            made.take(corpus / path, symbol=symbol, source=source)
    return made.open()


def keeps(corpus: Path, folder: Path) -> dict[str, marketkeep.Keep]:
    """A keep of each shelf, by its name, and one of several of them together."""
    alone = {one.name: fill(corpus, folder / one.name, (one,)) for one in SHELVES}
    several = tuple(one for one in SHELVES if one.name in TOGETHER)
    return alone | {"together": fill(corpus, folder / "together", several)}


def counts(found: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Findings by check and shelf: `check`, a column for each shelf."""
    rows = [frame.select("check", "count").with_columns(shelf=pl.lit(name)) for name, frame in found.items()]
    return pl.concat(rows).pivot("shelf", index="check", values="count", aggregate_function="sum").sort("check")


def sampled(found: Mapping[str, pl.DataFrame], size: int, seed: int = 4) -> pl.DataFrame:
    """
    `size` findings of all shelves, with `shelf`: one check after the other in turn, so that each has its share, and
    within it one shelf after the other; at random within these. Of several shelves together only what they disagree on.
    """
    chance = random.Random(seed)
    piles: dict[str, list[pl.DataFrame]] = {}
    for check in sorted(set(pl.concat(one["check"] for one in found.values()))):
        decks = []
        for name, frame in found.items():
            if name == "together" and check != "source_disagreement":
                continue
            mine = frame.filter(pl.col("check") == check).sort("symbol", "source", "first")
            rows = list(range(mine.height))
            chance.shuffle(rows)
            decks.append([mine[row].with_columns(shelf=pl.lit(name)) for row in rows])
        piles[check] = [one for turn in zip_longest(*decks) for one in turn if one is not None]
    taken = [one for turn in zip_longest(*piles.values()) for one in turn if one is not None]
    return pl.concat(taken[:size]).sort("check", "shelf", "symbol", "first")
