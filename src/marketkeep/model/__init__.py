"""The vocabulary of marketkeep: tables, symbols, queries, requests, sources, batches, findings. No I/O."""

from marketkeep.model.exchange import EVERYTHING, Batch, Frames, Lineage, Payload, Query, Request
from marketkeep.model.fundamental_tables import FUNDAMENTALS, METRICS, CompanyKind, Metric
from marketkeep.model.panel_tables import FACTORS, PANEL_BARS, PANEL_FUNDAMENTALS, PANEL_MINUTES, PANEL_TABLES, PANELS
from marketkeep.model.policy import Policy
from marketkeep.model.published import PUBLISHED_TABLES
from marketkeep.model.raw_tables import RAW_TABLES
from marketkeep.model.reference_tables import (
    INDEX_MEMBERS,
    SECURITIES,
    TICKER_HISTORY,
    TICKERS,
    TREASURY_YIELDS,
)
from marketkeep.model.source import (
    BAD_KEY,
    EMPTY,
    NOT_FOUND,
    PLAN_LIMIT,
    QUOTA,
    Access,
    Offer,
    Rate,
    Source,
    Whole,
)
from marketkeep.model.symbol import AssetClass, Dialect, Symbol
from marketkeep.model.tables import (
    ACTIONS,
    ASKED,
    BATCHES,
    CATALOG,
    DAILY_BARS,
    FINDINGS,
    ISSUES,
    MINUTE_BARS,
    MINUTE_DAYS,
    UTC,
    Column,
    Table,
)
from marketkeep.model.thresholds import Thresholds

__all__ = [
    "ACTIONS",
    "ASKED",
    "BAD_KEY",
    "BATCHES",
    "CATALOG",
    "DAILY_BARS",
    "EMPTY",
    "EVERYTHING",
    "FACTORS",
    "FINDINGS",
    "FUNDAMENTALS",
    "INDEX_MEMBERS",
    "ISSUES",
    "METRICS",
    "MINUTE_BARS",
    "MINUTE_DAYS",
    "NOT_FOUND",
    "PANELS",
    "PANEL_BARS",
    "PANEL_FUNDAMENTALS",
    "PANEL_MINUTES",
    "PANEL_TABLES",
    "PLAN_LIMIT",
    "PUBLISHED_TABLES",
    "QUOTA",
    "RAW_TABLES",
    "SECURITIES",
    "TICKERS",
    "TICKER_HISTORY",
    "TREASURY_YIELDS",
    "UTC",
    "Access",
    "AssetClass",
    "Batch",
    "Column",
    "CompanyKind",
    "Dialect",
    "Frames",
    "Lineage",
    "Metric",
    "Offer",
    "Payload",
    "Policy",
    "Query",
    "Rate",
    "Request",
    "Source",
    "Symbol",
    "Table",
    "Thresholds",
    "Whole",
]
