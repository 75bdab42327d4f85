"""
The tables that a keep publishes, in the order of the data dictionary. It describes none itself.
"""

from __future__ import annotations

from marketkeep.model.fundamental_tables import FUNDAMENTALS
from marketkeep.model.panel_tables import FACTORS, PANELS
from marketkeep.model.reference_tables import (
    INDEX_MEMBERS,
    SECURITIES,
    TICKER_HISTORY,
    TICKERS,
    TREASURY_YIELDS,
)
from marketkeep.model.tables import (
    ACTIONS,
    ASKED,
    BATCHES,
    CATALOG,
    DAILY_BARS,
    FINDINGS,
    MINUTE_BARS,
    MINUTE_DAYS,
)

PUBLISHED_TABLES = (
    DAILY_BARS,
    MINUTE_BARS,
    ACTIONS,
    FUNDAMENTALS,
    SECURITIES,
    TICKER_HISTORY,
    TICKERS,
    INDEX_MEMBERS,
    TREASURY_YIELDS,
    MINUTE_DAYS,
    FINDINGS,
    FACTORS,
    CATALOG,
    PANELS,
    BATCHES,
    ASKED,
)
