"""
The panel: the rows of whole markets by period, for reading across symbols, and the table that says what of it there is.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from marketkeep.model.fundamental_tables import FUNDAMENTALS
from marketkeep.model.tables import DAILY_BARS, MINUTE_BARS, SYMBOL_COLUMN, Column, Table

_BARS = ("symbol", "date", "open", "high", "low", "close", "volume", "score", "source")


def _of(table: Table, names: Sequence[str], doc: str) -> Table:
    known = {column.name: column for column in table.columns}
    return Table(table.name, doc, table.key, tuple(known[name] for name in names), table.dates)


PANEL_BARS = _of(DAILY_BARS, _BARS, "Daily bars of all symbols of a year, as traded (panel/daily_bars).")
PANEL_MINUTES = _of(
    MINUTE_BARS,
    [name for name in MINUTE_BARS.schema if name != "batch_id"],
    "Minute bars of all symbols of a month or session, as traded (panel/minute_bars).",
)

PANEL_FUNDAMENTALS = Table(
    FUNDAMENTALS.name,
    "Figures of all companies of periods that end in a year, every version (panel/fundamentals).",
    # The order of the published files: the versions of a figure lie together, the first that could be used first.
    ("symbol", "metric", "period_end", "period", "available_at", "accession"),
    FUNDAMENTALS.columns,
)

FACTORS = Table(
    name="factors",
    doc="What prices are multiplied by, one row per symbol and ex-date (panel/factors): a bar has the factors of the "
    "first row of its symbol with a later `until`; behind the last one both are 1.",
    key=("symbol", "until"),
    columns=(
        SYMBOL_COLUMN,
        Column("until", pl.Date, "The ex-date up to which they hold, excluded."),
        Column("split_factor", pl.Float64, "Product of 1/ratio over splits with an ex-date of `until` or later."),
        Column("dividend_factor", pl.Float64, "Product of 1 - D / previous close over ex-dates of `until` or later."),
    ),
)

PANELS = Table(
    name="panels",
    doc="What the panel holds: one row per file of it, each with all symbols that have rows in its period.",
    key=("dataset", "period"),
    columns=(
        Column("dataset", pl.String, "daily_bars, minute_bars, fundamentals or factors."),
        Column("period", pl.Int32, "2024, 202403, 20240305 for a session of a month that goes on, 0 for factors."),
        Column("key", pl.String, "The file, relative to the keep's root."),
        Column("rows", pl.Int64, "Rows it holds.", unit="rows"),
        Column("symbols", pl.Int64, "Symbols with rows in it.", unit="symbols"),
        Column("first", pl.Date, "First date of its rows."),
        Column("last", pl.Date, "Last date of its rows."),
        Column("hash", pl.String, "SHA-256 of the file, in hex."),
        Column("content", pl.String, "SHA-256 of its rows, in hex, whatever the form of file that holds them."),
    ),
)

PANEL_TABLES = {table.name: table for table in (PANEL_BARS, PANEL_MINUTES, PANEL_FUNDAMENTALS, FACTORS)}
"""The tables of the panel by dataset."""
