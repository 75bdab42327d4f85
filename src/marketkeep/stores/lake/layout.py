"""
Where everything of a keep lies, relative to its root. The layout is a promise: users' own tools read these paths.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from marketkeep.model import Symbol

MARKER = "marketkeep.json"
METADATA = "reference/ticker_metadata.parquet"
HISTORY = "reference/ticker_history.parquet"
TICKERS = "reference/tickers.parquet"
INDICES = "reference/index_constituents.parquet"
YIELDS = "reference/treasury_yields.parquet"
CURRENT = "catalog/CURRENT"
DERIVED = ("ticks", "corporate_actions", "fundamental", "reference", "quality", "catalog")
"""The folders of what is derived from raw."""
ISSUERS = "catalog/folded/issuers.parquet"


def ticks(symbol: str, year: int) -> str:
    """Daily bars of a symbol and calendar year."""
    return f"ticks/daily/{Symbol(symbol).folder}/{year:04d}/ticks.json"


def minute_ticks(symbol: str, day: date) -> str:
    """Minute bars of a symbol and session."""
    return f"ticks/minute/{Symbol(symbol).folder}/{day:%Y/%m/%d}/ticks.parquet"


def minute_days(month: date) -> str:
    """What the minutes of each session of a month come to, all symbols."""
    return f"quality/minute_days/{month:%Y-%m}.parquet"


def actions(symbol: str) -> str:
    """Corporate actions of a symbol, all dates in one file."""
    return f"corporate_actions/{Symbol(symbol).folder}/actions.json"


def fundamentals(symbol: str, year: int) -> str:
    """Figures of a symbol's periods that end in a calendar year."""
    return f"fundamental/{Symbol(symbol).folder}/{year:04d}/fundamental.json"


def entry(dataset: str, symbol: str, period: int) -> str:
    """The one file of a catalog entry; minute bars have one a session, and none here."""
    match dataset:
        case "daily_bars":
            return ticks(symbol, period)
        case "actions":
            return actions(symbol)
        case "fundamentals":
            return fundamentals(symbol, period)
        case _:
            msg = f"{dataset}: not a dataset with a file an entry"
            raise ValueError(msg)


def findings(dataset: str, year: int) -> str:
    """Findings about a dataset's dates of one year; year 0 where one file holds all."""
    return f"quality/findings/{dataset}/{year:04d}.parquet"


def folded(dataset: str, digest: str) -> str:
    """What the reference tables need of a raw dataset, put together; named by the hash of its bytes."""
    return f"catalog/folded/{dataset}-{digest}.parquet"


def published(root: Path) -> list[Path]:
    """Every published (derived) file under `root`, sorted: what `rebuild` makes again."""
    return sorted(path for folder in DERIVED for path in (root / folder).rglob("*") if path.is_file())
