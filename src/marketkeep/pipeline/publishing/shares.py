"""
Counts of shares as witnesses of splits: what filings tell on their covers, put together batch by batch and kept.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl

from marketkeep.gold.fundamentals.shares import COUNT, COUNTS, cover_shares, is_count, issued_by
from marketkeep.gold.jury import SHARE_DAYS
from marketkeep.pipeline.publishing.folded import Fold, folded
from marketkeep.pipeline.publishing.reference import companies
from marketkeep.pipeline.workspace import Workspace

_ISSUED = {"symbol": pl.String, "cik": pl.Int64, "batch_id": pl.String}
_REACH = pl.duration(days=SHARE_DAYS)


@dataclass(frozen=True, slots=True)
class ShareCounts:
    """
    Counts of shares (`COUNTS` rows) and the issuers of symbols (symbol, cik), each with the first batch that told it.
    """

    told: pl.DataFrame
    issuers: pl.DataFrame

    def of(self, told: pl.DataFrame) -> pl.DataFrame:
        """The counts (symbol, on, shares) for symbols among told actions of which a split is told."""
        mine = self.issuers.join(told.filter(pl.col("kind") == "split").select("symbol").unique(), on="symbol")
        return issued_by(cover_shares(self.told.join(mine, on="cik", how="semi")), mine)

    def told_by(self, new: Collection[str]) -> list[str]:
        """Symbols of which a batch of `new` is the first to tell a count or the issuer, sorted."""
        first = pl.col("batch_id").is_in(list(new))
        counted = self.issuers.join(self.told.filter(first), on="cik", how="semi")
        return sorted({*counted["symbol"], *self.issuers.filter(first)["symbol"]})

    def concerned(self, actions: pl.DataFrame, new: Collection[str]) -> set[str]:
        """Symbols with a split among published `actions` near which a batch of `new` is the first to tell a count."""
        splits = actions.filter(pl.col("kind") == "split").select("symbol", "ex_date")
        issued = self.issuers.join(splits, on="symbol")
        told = self.told.select("cik", "end", "batch_id").join(issued, on="cik", suffix="_issuer")
        met = told.filter(pl.any_horizontal(pl.col("batch_id", "batch_id_issuer").is_in(list(new))))
        near = pl.col("end").is_between(pl.col("ex_date") - _REACH, pl.col("ex_date") + _REACH)
        return set(met.filter(near)["symbol"])


def share_counts(work: Workspace, batches: pl.DataFrame) -> ShareCounts:
    """The counts that these raw batches (`BATCHES` rows) tell."""
    told = folded(work, batches, _COUNTS)
    now = _pairs(companies(work, batches)).drop("batch_id")
    return ShareCounts(told, folded(work, batches, _ISSUERS).join(now, on=["symbol", "cik"], how="semi"))


def _counts(rows: pl.DataFrame) -> pl.DataFrame:
    return _first([rows.filter(is_count()).select(list(COUNTS))])


def _first(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Each count once, as the first batch told it."""
    every = pl.concat([pl.DataFrame(schema=COUNTS), *parts]).sort(*COUNT, "fetched_at", "batch_id")
    return every.unique(COUNT, keep="first", maintain_order=True)


def _pairs(rows: pl.DataFrame) -> pl.DataFrame:
    every = rows.select("cik", "batch_id", symbol="symbols").explode("symbol").drop_nulls("symbol")
    return _first_pairs([every.select(list(_ISSUED))])


def _first_pairs(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    every = pl.concat([pl.DataFrame(schema=_ISSUED), *parts]).sort("symbol", "cik", "batch_id")
    return every.unique(["symbol", "cik"], keep="first", maintain_order=True)


_ISSUERS = Fold("companies", _pairs, _first_pairs, "issuers")
_COUNTS = Fold("facts", _counts, _first, "counts")
