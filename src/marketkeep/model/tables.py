"""
Every table of a keep, described once: name, key, columns, dtype, unit, null rule and meaning.

Frames are made and checked against these; docs/data-dictionary.md is generated from them. Nothing here reads or
writes anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from polars.datatypes import DataType, DataTypeClass

Dtype = DataType | DataTypeClass
UTC = pl.Datetime("us", "UTC")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `unit` is empty where a value has none, `nullable` says whether unknown is allowed."""

    name: str
    dtype: Dtype
    doc: str
    unit: str = ""
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table: what a row is, which columns identify it, and its columns in order."""

    name: str
    doc: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def schema(self) -> dict[str, Dtype]:
        """Column name to polars dtype, in order."""
        return {column.name: column.dtype for column in self.columns}

    def empty(self) -> pl.DataFrame:
        """A frame of this table without rows."""
        return pl.DataFrame(schema=self.schema)

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """
        Order and cast `frame`'s columns as this table has them; absent nullable columns become null.

        Raises `ValueError` when a column that must be there is missing or an unknown one is present.
        """
        known = {column.name for column in self.columns}
        if unknown := sorted(set(frame.columns) - known):
            raise ValueError(f"{self.name} has no column {', '.join(unknown)}")
        absent = [c for c in self.columns if c.name not in frame.columns]
        if needed := [c.name for c in absent if not c.nullable]:
            raise ValueError(f"{self.name} needs column {', '.join(needed)}")
        filled = frame.with_columns(pl.lit(None, dtype=c.dtype).alias(c.name) for c in absent)
        return filled.select(pl.col(c.name).cast(c.dtype) for c in self.columns)


def _price(name: str, doc: str, *, nullable: bool = False) -> Column:
    return Column(name, pl.Float64, doc, unit="currency per share", nullable=nullable)


_SYMBOL = Column("symbol", pl.String, "Canonical symbol (dot form), see the glossary.")
_DATE = Column("date", pl.Date, "Session of the listing venue; the UTC day for crypto.")
_SCORE = Column("score", pl.Int16, "100 minus the weights of the checks the row failed.", unit="0 to 100")
_BATCH = Column("batch_id", pl.String, "The raw batch the value came from.")

DAILY_BARS = Table(
    name="daily_bars",
    doc="One bar per symbol and session, as traded, chosen among all sources.",
    key=("symbol", "date"),
    columns=(
        _SYMBOL,
        _DATE,
        _price("open", "First trade, as traded then.", nullable=True),
        _price("high", "Highest trade, as traded then.", nullable=True),
        _price("low", "Lowest trade, as traded then.", nullable=True),
        _price("close", "Last regular trade, as traded then: no split or dividend applied."),
        Column("volume", pl.Float64, "As traded; null when unknown, never 0 for it.", unit="shares", nullable=True),
        _price("adj_close", "close x split_factor x dividend_factor."),
        Column("split_factor", pl.Float64, "Product of 1/ratio over splits with a later ex-date."),
        Column("dividend_factor", pl.Float64, "Product of 1 - D / previous close over later ex-dates."),
        Column("source", pl.String, "The source whose bar won."),
        _SCORE,
        Column("status", pl.String, "confirmed, single or disputed."),
        _BATCH,
    ),
)

ACTIONS = Table(
    name="actions",
    doc="One corporate action per symbol, ex-date and kind.",
    key=("symbol", "ex_date", "kind"),
    columns=(
        _SYMBOL,
        Column("ex_date", pl.Date, "First session that trades without the right."),
        Column("kind", pl.String, "split, dividend, special_dividend, capital_gain or spin_off."),
        Column("numerator", pl.Int64, "New shares of a split's exact ratio.", nullable=True),
        Column("denominator", pl.Int64, "Old shares of a split's exact ratio.", nullable=True),
        Column("amount", pl.Float64, "Cash per share as paid then.", unit="currency per share", nullable=True),
        Column("currency", pl.String, "ISO 4217 code of the amount.", nullable=True),
        Column("declared_date", pl.Date, "Day of the announcement.", nullable=True),
        Column("record_date", pl.Date, "Day holders are recorded.", nullable=True),
        Column("pay_date", pl.Date, "Day of payment.", nullable=True),
        Column(
            "adjustment_factor",
            pl.Float64,
            "What earlier prices are multiplied by: denominator/numerator, or 1 - amount / previous close. "
            "Null where the action is not applied.",
            nullable=True,
        ),
        Column("status", pl.String, "confirmed, single, disputed or phantom."),
        Column("witnesses", pl.String, "Sources that say so, joined by a comma, and how the basis was found."),
    ),
)

_BASIS = Column("basis", pl.String, "as_traded, split_adjusted or adjusted: what the source had applied.")
_BASIS_DATE = Column(
    "basis_date", pl.Date, "Splits with an ex-date up to this day are applied in the row; null if none.", nullable=True
)
_PAYLOAD = Column("payload", pl.UInt32, "Position of the payload in the batch's lineage.")

RAW_DAILY_BARS = Table(
    name="raw_daily_bars",
    doc="One bar as a source delivered it. A changed bar is a new row in a later batch, never an edit.",
    key=("symbol", "date", "payload"),
    columns=(
        _SYMBOL,
        _DATE,
        *(_price(name, "As delivered.", nullable=True) for name in ("open", "high", "low", "close")),
        Column("volume", pl.Float64, "As delivered.", unit="shares", nullable=True),
        _price("adj_close", "The source's own adjusted close: a witness, never a truth.", nullable=True),
        _BASIS,
        _BASIS_DATE,
        _PAYLOAD,
    ),
)

RAW_ACTIONS = Table(
    name="raw_actions",
    doc="One corporate action as a source delivered it.",
    key=("symbol", "ex_date", "kind", "payload"),
    columns=(
        _SYMBOL,
        Column("ex_date", pl.Date, "Ex-date as delivered."),
        Column("kind", pl.String, "split, dividend, special_dividend, capital_gain or spin_off."),
        Column("numerator", pl.Int64, "New shares of a split's exact ratio.", nullable=True),
        Column("denominator", pl.Int64, "Old shares of a split's exact ratio.", nullable=True),
        Column("amount", pl.Float64, "Cash per share as delivered.", unit="currency per share", nullable=True),
        Column("currency", pl.String, "ISO 4217 code of the amount.", nullable=True),
        Column("text", pl.String, "The ratio or amount as the source wrote it."),
        Column(
            "factor",
            pl.Float64,
            "What the source multiplied earlier prices by, where that step is all it tells of the action.",
            nullable=True,
        ),
        _BASIS,
        _BASIS_DATE,
        _PAYLOAD,
    ),
)

RAW_SECURITIES = Table(
    name="raw_securities",
    doc="One statement about a security: added by hand, or listed by a directory.",
    key=("symbol", "payload"),
    columns=(
        _SYMBOL,
        Column("asset_class", pl.String, "equity, etf, bond, crypto or index."),
        Column("followed", pl.Boolean, "Whether the daily update collects it."),
        Column("first_session", pl.Date, "Collect from this session on; null means the policy's start.", nullable=True),
        _PAYLOAD,
    ),
)

_HISTORY = (
    _SYMBOL,
    Column("old_symbol", pl.String, "The ticker until the session before."),
    Column("new_symbol", pl.String, "The ticker from then on; null where the old one left the market.", nullable=True),
    Column("effective_date", pl.Date, "First session of the new state."),
)

RAW_TICKER_HISTORY = Table(
    name="raw_ticker_history",
    doc="One rename or delisting as a source delivered it.",
    key=("symbol", "effective_date", "payload"),
    columns=(*_HISTORY, _PAYLOAD),
)

TICKER_HISTORY = Table(
    name="ticker_history",
    doc="One rename or delisting per symbol and date (reference/ticker_history).",
    key=("symbol", "effective_date"),
    columns=(*_HISTORY, Column("source", pl.String, "The source that told it last.")),
)

SECURITIES = Table(
    name="securities",
    doc="One row per symbol the keep knows (reference/ticker_metadata).",
    key=("symbol",),
    columns=(
        _SYMBOL,
        Column("asset_class", pl.String, "equity, etf, bond, crypto or index."),
        Column("followed", pl.Boolean, "Whether the daily update collects it."),
        Column("start", pl.Date, "Collected from this session on.", nullable=True),
        Column("first_session", pl.Date, "First bar held.", nullable=True),
        Column("last_session", pl.Date, "Last bar held.", nullable=True),
    ),
)

FINDINGS = Table(
    name="findings",
    doc="What a check or the collector found, one row per run of equal findings.",
    key=("check", "dataset", "symbol", "source", "first", "batch_id"),
    columns=(
        Column("check", pl.String, "Code of the check or fault."),
        Column("severity", pl.String, "error (the row never becomes gold), warning or info."),
        Column("dataset", pl.String, "The dataset concerned."),
        Column("symbol", pl.String, "The symbol concerned.", nullable=True),
        Column("source", pl.String, "The source whose rows or answer it concerns.", nullable=True),
        Column("first", pl.Date, "First date concerned.", nullable=True),
        Column("last", pl.Date, "Last date concerned.", nullable=True),
        Column("count", pl.Int64, "Rows or answers concerned.", unit="rows"),
        Column("detail", pl.String, "One sentence with the facts."),
        _BATCH,
        Column("detected_at", UTC, "When the payload concerned was received.", unit="UTC"),
    ),
)

CATALOG = Table(
    name="catalog",
    doc="What is published: one row per dataset, symbol and period.",
    key=("dataset", "symbol", "period"),
    columns=(
        Column("dataset", pl.String, "The dataset."),
        _SYMBOL,
        Column("period", pl.Int32, "Calendar year of a file of bars; 0 where one file holds all."),
        Column("rows", pl.Int64, "Rows published.", unit="rows"),
        Column("first", pl.Date, "First date held.", nullable=True),
        Column("last", pl.Date, "Last date held.", nullable=True),
        Column("missing", pl.List(pl.Date), "Sessions between `first` and `last` without a bar."),
        Column("score", pl.Float64, "Mean score.", unit="0 to 100", nullable=True),
        Column("hash", pl.String, "SHA-256 of the published file, in hex."),
    ),
)

BATCHES = Table(
    name="batches",
    doc="Every raw batch that the published files rest on.",
    key=("batch_id",),
    columns=(
        Column("batch_id", pl.String, "Time of its first payload, and the hash of its bytes."),
        Column("path", pl.String, "File, relative to the keep's root."),
        Column("dataset", pl.String, "The dataset of its rows."),
        Column("source", pl.String, "The source of its rows."),
        Column("run_id", pl.String, "The run that wrote it."),
        Column("rows", pl.Int64, "Rows it holds.", unit="rows"),
        Column("first", pl.Date, "First date of its rows.", nullable=True),
        Column("last", pl.Date, "Last date of its rows.", nullable=True),
    ),
)

ASKED = Table(
    name="asked",
    doc="What a source has already answered for, whether or not it had rows: sessions [start, end).",
    key=("dataset", "source", "symbol", "refused", "start"),
    columns=(
        Column("dataset", pl.String, "The dataset asked for."),
        Column("source", pl.String, "The source asked."),
        _SYMBOL,
        Column(
            "refused", pl.Boolean, "Whether the source said it knows no such symbol: then it is asked again in a day."
        ),
        Column("start", pl.Date, "First session asked for."),
        Column("end", pl.Date, "The day behind the last session asked for."),
        Column("asked_at", UTC, "When the last answer came.", unit="UTC"),
    ),
)

ALL_TABLES = (
    DAILY_BARS,
    ACTIONS,
    SECURITIES,
    TICKER_HISTORY,
    FINDINGS,
    CATALOG,
    BATCHES,
    ASKED,
    RAW_DAILY_BARS,
    RAW_ACTIONS,
    RAW_SECURITIES,
    RAW_TICKER_HISTORY,
)
RAW_TABLES = {
    "daily_bars": RAW_DAILY_BARS,
    "actions": RAW_ACTIONS,
    "securities": RAW_SECURITIES,
    "ticker_history": RAW_TICKER_HISTORY,
}
