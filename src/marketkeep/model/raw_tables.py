"""
The raw tables: rows as sources delivered them, each pointing at the payload it came from.

Like `tables`, described once; docs/data-dictionary.md is generated from both.
"""

from __future__ import annotations

import polars as pl

from marketkeep.model.reference_tables import HISTORY_COLUMNS
from marketkeep.model.tables import DATE_COLUMN, SYMBOL_COLUMN, UTC, Column, Table, price

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
        SYMBOL_COLUMN,
        DATE_COLUMN,
        *(price(name, "As delivered.", nullable=True) for name in ("open", "high", "low", "close")),
        Column("volume", pl.Float64, "As delivered.", unit="shares", nullable=True),
        price("adj_close", "The source's own adjusted close: a witness, never a truth.", nullable=True),
        _BASIS,
        _BASIS_DATE,
        _PAYLOAD,
    ),
    dates="date",
)

RAW_ACTIONS = Table(
    name="raw_actions",
    doc="One corporate action as a source delivered it.",
    key=("symbol", "ex_date", "kind", "payload"),
    columns=(
        SYMBOL_COLUMN,
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
        Column("declared_date", pl.Date, "Day of the announcement as delivered.", nullable=True),
        Column("record_date", pl.Date, "Day holders are recorded, as delivered.", nullable=True),
        Column("pay_date", pl.Date, "Day of payment as delivered.", nullable=True),
        _BASIS,
        _BASIS_DATE,
        _PAYLOAD,
    ),
    dates="ex_date",
)

RAW_SECURITIES = Table(
    name="raw_securities",
    doc="One statement about a security: added by hand, or listed by a directory.",
    key=("symbol", "payload"),
    columns=(
        SYMBOL_COLUMN,
        Column("asset_class", pl.String, "equity, etf, bond, crypto or index."),
        Column("followed", pl.Boolean, "Whether the daily update collects it."),
        Column("priority", pl.String, "high, medium or low; null where the statement does not say.", nullable=True),
        Column("first_session", pl.Date, "Collect from this session on; null means the policy's start.", nullable=True),
        _PAYLOAD,
    ),
)

RAW_TICKER_HISTORY = Table(
    name="raw_ticker_history",
    doc="One rename or delisting as a source delivered it.",
    key=("symbol", "effective_date", "payload"),
    columns=(*HISTORY_COLUMNS, _PAYLOAD),
)

RAW_MINUTE_BARS = Table(
    name="raw_minute_bars",
    doc="One minute's bar as a source delivered it. A minute without trades has no row.",
    key=("symbol", "ts", "payload"),
    columns=(
        SYMBOL_COLUMN,
        Column("ts", UTC, "Start of the minute.", unit="UTC"),
        DATE_COLUMN,
        *(price(name, "As delivered.", nullable=True) for name in ("open", "high", "low", "close")),
        Column("volume", pl.Float64, "As delivered.", unit="shares", nullable=True),
        price("vwap", "As delivered.", nullable=True),
        Column("trade_count", pl.Int64, "As delivered.", unit="trades", nullable=True),
        Column(
            "feed",
            pl.String,
            "The tape it was made from: sip, iex, yahoo (it does not say), or the venue of crypto.",
        ),
        _BASIS,
        _BASIS_DATE,
        _PAYLOAD,
    ),
    dates="date",
)

RAW_LISTINGS = Table(
    name="raw_listings",
    doc="One line of a directory of listed securities. A payload is the whole directory of its date.",
    key=("symbol", "payload"),
    columns=(
        SYMBOL_COLUMN,
        Column("name", pl.String, "The security's name.", nullable=True),
        Column(
            "exchange",
            pl.String,
            "NASDAQ, NYSE, NYSE American, NYSE Arca, NYSE Texas, Cboe BZX, IEX or OTC.",
            nullable=True,
        ),
        Column("etf", pl.Boolean, "Whether it is an exchange-traded fund.", nullable=True),
        Column("test_issue", pl.Boolean, "Whether it exists for the exchanges' own tests only.", nullable=True),
        Column("cik", pl.Int64, "The issuer at the SEC.", nullable=True),
        Column("date", pl.Date, "The day whose state the directory tells."),
        _PAYLOAD,
    ),
    dates="date",
)

RAW_INDEX_MEMBERS = Table(
    name="raw_index_members",
    doc="One statement about an index and a symbol: a member on a date, or added or removed with effect from it.",
    key=("index", "symbol", "date", "event", "payload"),
    columns=(
        Column("index", pl.String, "sp500, nasdaq100, dow_jones, russell_1000, or a name of the user's own."),
        SYMBOL_COLUMN,
        Column("date", pl.Date, "Day of the list, or first session of the change."),
        Column("event", pl.String, "member, added or removed."),
        Column("name", pl.String, "The company as the source names it.", nullable=True),
        Column("cik", pl.Int64, "The issuer at the SEC.", nullable=True),
        Column("weight", pl.Float64, "Share of the fund that holds the index.", unit="percent", nullable=True),
        _PAYLOAD,
    ),
    dates="date",
)

RAW_TREASURY_YIELDS = Table(
    name="raw_treasury_yields",
    doc="One point of a day's par yield curve as a source delivered it.",
    key=("date", "tenor", "payload"),
    columns=(
        Column("date", pl.Date, "Day of the curve."),
        Column("tenor", pl.String, "1M to 30Y."),
        Column("yield", pl.Float64, "Par yield; a missing point has no row.", unit="percent a year"),
        _PAYLOAD,
    ),
    dates="date",
)

RAW_FACTS = Table(
    name="raw_facts",
    doc="One value that a filing reported, as the SEC's company facts have it.",
    key=("cik", "taxonomy", "concept", "unit", "end", "start", "accession", "payload"),
    columns=(
        Column("cik", pl.Int64, "The company."),
        Column("taxonomy", pl.String, "us-gaap, ifrs-full, dei, srt, ..."),
        Column("concept", pl.String, "The element's name, such as NetIncomeLoss."),
        Column("unit", pl.String, "USD, shares, USD/shares, pure, ..."),
        Column("start", pl.Date, "First day of the period; null for an instant.", nullable=True),
        Column("end", pl.Date, "Last day of the period, or the instant's."),
        Column("value", pl.Float64, "As reported."),
        Column("accession", pl.String, "The filing."),
        Column("fiscal_year", pl.Int32, "The filing's, not the fact's.", nullable=True),
        Column("fiscal_period", pl.String, "The filing's, not the fact's.", nullable=True),
        Column("form", pl.String, "10-K, 10-Q, 8-K, ...", nullable=True),
        Column("filed", pl.Date, "Day of the filing."),
        Column("frame", pl.String, "The SEC's name for the calendar period.", nullable=True),
        _PAYLOAD,
    ),
    dates="filed",
)

RAW_FILINGS = Table(
    name="raw_filings",
    doc="One filing of a company, as the SEC's submissions have it.",
    key=("cik", "accession", "payload"),
    columns=(
        Column("cik", pl.Int64, "The company."),
        Column("accession", pl.String, "The filing's number."),
        Column("form", pl.String, "10-K, 10-Q, 8-K, 25, 15-12G, ..."),
        Column("filed", pl.Date, "Day of the filing."),
        Column("report_date", pl.Date, "End of the period it reports on.", nullable=True),
        Column("accepted_at", UTC, "When the SEC accepted it.", unit="UTC", nullable=True),
        Column("items", pl.String, "Items of an 8-K, joined by commas.", nullable=True),
        Column("document", pl.String, "File name of its primary document.", nullable=True),
        _PAYLOAD,
    ),
    dates="filed",
)

_FORMER_NAME = pl.Struct({"name": pl.String, "from": pl.Date, "to": pl.Date})

RAW_COMPANIES = Table(
    name="raw_companies",
    doc="One company as the SEC's submissions describe it.",
    key=("cik", "payload"),
    columns=(
        Column("cik", pl.Int64, "The company."),
        Column("name", pl.String, "Its name now."),
        Column("symbols", pl.List(pl.String), "Its tickers now, in canonical form."),
        Column("exchanges", pl.List(pl.String), "Where each of them is listed."),
        Column("sic", pl.Int32, "Standard Industrial Classification code.", nullable=True),
        Column("industry", pl.String, "What that code means.", nullable=True),
        Column("fiscal_year_end", pl.String, "MMDD.", nullable=True),
        Column("former_names", pl.List(_FORMER_NAME), "Names it had before, with the days of first and last use."),
        _PAYLOAD,
    ),
)

RAW_TABLES = {
    "securities": RAW_SECURITIES,
    "ticker_history": RAW_TICKER_HISTORY,
    "listings": RAW_LISTINGS,
    "index_members": RAW_INDEX_MEMBERS,
    "treasury_yields": RAW_TREASURY_YIELDS,
    "companies": RAW_COMPANIES,
    "filings": RAW_FILINGS,
    "facts": RAW_FACTS,
    "actions": RAW_ACTIONS,
    "minute_bars": RAW_MINUTE_BARS,
    "daily_bars": RAW_DAILY_BARS,
}
"""By dataset, in the order in which one payload's rows are written: what carries its answer's lineage comes last."""
