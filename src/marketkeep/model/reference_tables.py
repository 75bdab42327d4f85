"""
The reference tables: who a security is, which ticker it had when, who belongs to an index, and the yield curve.
"""

from __future__ import annotations

import polars as pl

from marketkeep.model.tables import SYMBOL_COLUMN, UTC, Column, Table

HISTORY_COLUMNS = (
    SYMBOL_COLUMN,
    Column("old_symbol", pl.String, "The ticker until the session before."),
    Column("new_symbol", pl.String, "The ticker from then on; null where the old one left the market.", nullable=True),
    Column("effective_date", pl.Date, "First session of the new state."),
)

TICKER_HISTORY = Table(
    name="ticker_history",
    doc="One rename or delisting per symbol and date (reference/ticker_history).",
    key=("symbol", "effective_date"),
    columns=(
        Column("security_id", pl.String, "The security concerned, see tickers."),
        *HISTORY_COLUMNS,
        Column("source", pl.String, "The source that told it last."),
    ),
)

TICKERS = Table(
    name="tickers",
    doc="Who had which ticker when: [from, to) (reference/tickers). A ticker without a row means itself.",
    key=("ticker", "from", "security_id"),
    columns=(
        Column("ticker", pl.String, "Canonical ticker as the market had it."),
        Column("from", pl.Date, "First session under it; null when it lies before all that is known.", nullable=True),
        Column("to", pl.Date, "First session no longer under it; null while it has it.", nullable=True),
        Column(
            "earliest", pl.Date, "First day on which it may have begun; null where nothing bounds it.", nullable=True
        ),
        Column(
            "security_id",
            pl.String,
            "The security, for ever: the first ticker it is known under, with #2 or more for a later such.",
        ),
        Column(
            "symbol",
            pl.String,
            "What it is published under: its last ticker, or REUS~2015 where another has had that ticker since.",
        ),
        Column("name", pl.String, "The name it had under this ticker last.", nullable=True),
        Column("known_at", UTC, "When this keep learned that it had begun; null: always.", unit="UTC", nullable=True),
        Column("closed_at", UTC, "When this keep learned that it had ended.", unit="UTC", nullable=True),
    ),
)

SECURITIES = Table(
    name="securities",
    doc="One row per symbol the keep knows (reference/ticker_metadata).",
    key=("symbol",),
    columns=(
        Column("security_id", pl.String, "The security for ever, whatever its ticker: see tickers."),
        SYMBOL_COLUMN,
        Column("name", pl.String, "As the exchange's directory has it.", nullable=True),
        Column("exchange", pl.String, "Where it is listed, such as NASDAQ, NYSE, NYSE Arca.", nullable=True),
        Column("asset_class", pl.String, "equity, etf, bond, crypto or index."),
        Column("cik", pl.Int64, "The issuer at the SEC: several securities may share one.", nullable=True),
        Column("share_class", pl.String, "Letter of its class or series, such as A, as its name tells.", nullable=True),
        Column("priority", pl.String, "high, medium or low: who is asked for first where calls are few."),
        Column("followed", pl.Boolean, "Whether the daily update collects it."),
        Column("active", pl.Boolean, "False once it has left the market."),
        Column("delisting_date", pl.Date, "First session without it.", nullable=True),
        Column("delisting_reason", pl.String, "What proves it: form_25, form_15 or directory.", nullable=True),
        Column("start", pl.Date, "Collected from this session on.", nullable=True),
        Column("first_session", pl.Date, "First bar held.", nullable=True),
        Column("last_session", pl.Date, "Last bar held.", nullable=True),
    ),
)

INDEX_MEMBERS = Table(
    name="index_members",
    doc="When a symbol was a member of an index: [from, to) (reference/index_constituents).",
    key=("index", "symbol", "from"),
    columns=(
        Column("index", pl.String, "sp500, nasdaq100, dow_jones, russell_1000, or a name of the user's own."),
        SYMBOL_COLUMN,
        Column(
            "from", pl.Date, "First session as a member; null when it lies before all that is known.", nullable=True
        ),
        Column("to", pl.Date, "First session no longer a member; null while it is one.", nullable=True),
        Column("name", pl.String, "The company as the source names it.", nullable=True),
        Column("from_source", pl.String, "The source that tells the beginning.", nullable=True),
        Column("to_source", pl.String, "The source that tells the end.", nullable=True),
    ),
)

TREASURY_YIELDS = Table(
    name="treasury_yields",
    doc="The daily par yield curve of US treasuries (reference/treasury_yields).",
    key=("date", "tenor"),
    columns=(
        Column("date", pl.Date, "Day of the curve."),
        Column("tenor", pl.String, "1M to 30Y; 3M, the 13-week bill, is the risk-free rate."),
        Column("yield", pl.Float64, "Par yield, bond-equivalent.", unit="percent a year"),
        Column("source", pl.String, "The source that told it."),
    ),
    dates="date",
)
