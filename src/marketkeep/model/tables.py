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
    """A table: what a row is, which columns identify it, its columns in order, and which of them tells its date."""

    name: str
    doc: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    dates: str | None = None

    @property
    def schema(self) -> dict[str, Dtype]:
        """Column name to polars dtype, in order."""
        return {column.name: column.dtype for column in self.columns}

    @property
    def delivered(self) -> dict[str, Dtype]:
        """The schema of what a source delivers for a raw table: all but `payload`, which the pipeline numbers."""
        return {name: dtype for name, dtype in self.schema.items() if name != "payload"}

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


def price(name: str, doc: str, *, nullable: bool = False) -> Column:
    """A column of prices."""
    return Column(name, pl.Float64, doc, unit="currency per share", nullable=nullable)


SYMBOL_COLUMN = Column("symbol", pl.String, "Canonical symbol (dot form), see the glossary.")
DATE_COLUMN = Column("date", pl.Date, "Session of the listing venue; the UTC day for crypto.")
SCORE_COLUMN = Column("score", pl.Int16, "100 minus the weights of the checks the row failed.", unit="0 to 100")
BATCH_COLUMN = Column("batch_id", pl.String, "The raw batch the value came from.")

DAILY_BARS = Table(
    name="daily_bars",
    doc="One bar per symbol and session, as traded, chosen among all sources.",
    key=("symbol", "date"),
    columns=(
        SYMBOL_COLUMN,
        DATE_COLUMN,
        price("open", "First trade, as traded then.", nullable=True),
        price("high", "Highest trade, as traded then.", nullable=True),
        price("low", "Lowest trade, as traded then.", nullable=True),
        price("close", "Last regular trade, as traded then: no split or dividend applied."),
        Column("volume", pl.Float64, "As traded; null when unknown, never 0 for it.", unit="shares", nullable=True),
        price("adj_close", "close x split_factor x dividend_factor."),
        Column("split_factor", pl.Float64, "Product of 1/ratio over splits with a later ex-date."),
        Column("dividend_factor", pl.Float64, "Product of 1 - D / previous close over later ex-dates."),
        Column("source", pl.String, "The source whose bar won."),
        SCORE_COLUMN,
        Column("status", pl.String, "confirmed, single or disputed."),
        BATCH_COLUMN,
    ),
)

ACTIONS = Table(
    name="actions",
    doc="One corporate action per symbol, ex-date and kind.",
    key=("symbol", "ex_date", "kind"),
    columns=(
        SYMBOL_COLUMN,
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
        Column(
            "status",
            pl.String,
            "confirmed (two independent voices agree), single (one source alone), disputed (voices contradict) or "
            "phantom (a split that prices do not follow: not applied).",
        ),
        Column("told", pl.String, "What each source claims, sorted by source: alpaca=2:1, yahoo=4:1."),
        Column("witnesses", pl.String, "What each witness measured and says of it, joined by `; `; empty if none."),
    ),
)

FINDINGS = Table(
    name="findings",
    doc="What a check or the collector found, and what became of it.",
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
        BATCH_COLUMN,
        Column("detected_at", UTC, "When the payload concerned was received.", unit="UTC"),
        Column("repeated", pl.Int64, "Further batches in which the same source told the same again.", unit="batches"),
        Column("resolved_at", UTC, "When the payload that cured it was received.", unit="UTC", nullable=True),
        Column("resolved_by", pl.String, "The raw batch that cured it; null while it is open.", nullable=True),
    ),
)

ISSUES = Table(
    name="issues",
    doc="What is wrong now: open findings, runs of days as one line, and what is worked out when asked.",
    key=("check", "dataset", "symbol", "source", "first"),
    columns=(
        Column("check", pl.String, "Code of the check or fault."),
        Column("severity", pl.String, "error, warning or info."),
        Column("dataset", pl.String, "The dataset concerned."),
        Column("symbol", pl.String, "The symbol concerned; null when it is the market or an index.", nullable=True),
        Column("source", pl.String, "The source whose rows or answer it concerns.", nullable=True),
        Column("first", pl.Date, "First date concerned.", nullable=True),
        Column("last", pl.Date, "Last date concerned.", nullable=True),
        Column("count", pl.Int64, "Rows, sessions, symbols or answers concerned.", nullable=True),
        Column("detail", pl.String, "One sentence with the facts."),
        Column("detected_at", UTC, "When it was found first; null where it is worked out.", unit="UTC", nullable=True),
    ),
)

CATALOG = Table(
    name="catalog",
    doc="What is published: one row per dataset, symbol and period.",
    key=("dataset", "symbol", "period"),
    columns=(
        Column("dataset", pl.String, "The dataset."),
        SYMBOL_COLUMN,
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
        SYMBOL_COLUMN,
        Column(
            "refused",
            pl.String,
            "Null for an answer; else not_found (asked again in a day) or plan_limit (asked again in a month).",
            nullable=True,
        ),
        Column("start", pl.Date, "First session asked for."),
        Column("end", pl.Date, "The day behind the last session asked for."),
        Column("asked_at", UTC, "When the last answer came.", unit="UTC"),
    ),
)

MINUTE_BARS = Table(
    name="minute_bars",
    doc="One bar per symbol and minute with trades, as traded, of one source and feed a session.",
    key=("symbol", "ts"),
    columns=(
        SYMBOL_COLUMN,
        Column("ts", UTC, "Start of the minute.", unit="UTC"),
        DATE_COLUMN,
        *(price(name, "As traded then.") for name in ("open", "high", "low", "close")),
        Column("volume", pl.Float64, "As traded; null when unknown.", unit="shares", nullable=True),
        price("vwap", "Volume-weighted average of the minute's trades.", nullable=True),
        Column("trade_count", pl.Int64, "Trades of the minute.", unit="trades", nullable=True),
        Column("segment", pl.String, "pre, regular or post, by the session's own hours."),
        Column("feed", pl.String, "The tape it was made from: sip, iex, ... A session has bars of one feed only."),
        Column("source", pl.String, "The source whose bars won the session."),
        SCORE_COLUMN,
        BATCH_COLUMN,
    ),
    dates="date",
)

MINUTE_DAYS = Table(
    name="minute_days",
    doc="What the regular minutes of a session come to, one row per version that differs (quality/minute_days).",
    key=("symbol", "date", "received_at", "batch_id"),
    columns=(
        SYMBOL_COLUMN,
        DATE_COLUMN,
        Column("feed", pl.String, "The tape they were made from."),
        Column("source", pl.String, "The source whose bars won the session."),
        price("open", "Open of the first regular minute.", nullable=True),
        price("high", "Highest of the regular minutes.", nullable=True),
        price("low", "Lowest of the regular minutes.", nullable=True),
        price("close", "Close of the last regular minute.", nullable=True),
        price("closing", "Open of the minute that begins at the close, where auctions print.", nullable=True),
        Column(
            "volume",
            pl.Float64,
            "Of the regular minutes and that of the close, as traded; null when one is unknown.",
            unit="shares",
            nullable=True,
        ),
        Column("minutes", pl.Int32, "Regular minutes with a bar.", unit="minutes"),
        BATCH_COLUMN,
        Column("received_at", UTC, "When the payload that made it so was received.", unit="UTC"),
    ),
    dates="date",
)
