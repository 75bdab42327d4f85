"""
Where everything of a keep lies, relative to its root. The layout is a promise: users' own tools read these paths.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from marketkeep.files import Files, files_at
from marketkeep.model import Symbol

MARKER = "marketkeep.json"
METADATA = "reference/ticker_metadata.parquet"
HISTORY = "reference/ticker_history.parquet"
TICKERS = "reference/tickers.parquet"
INDICES = "reference/index_constituents.parquet"
YIELDS = "reference/treasury_yields.parquet"
CURRENT = "catalog/CURRENT"
DERIVED = ("ticks", "corporate_actions", "fundamental", "reference", "quality", "panel", "catalog")
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


def panel(dataset: str, period: int) -> str:
    """
    The file of the panel with a dataset's rows of all symbols in a period: a year, a month that is over (202403) or a
    session of one that goes on (20240305); of factors, which have no period, 0.
    """
    match dataset, len(str(period)):
        case "factors", _:
            return "panel/factors/factors.parquet"
        case "daily_bars", _:
            return f"panel/daily_bars/year={period:04d}/bars.parquet"
        case "fundamentals", _:
            return f"panel/fundamentals/year={period:04d}/figures.parquet"
        case "minute_bars", 6:
            return f"panel/minute_bars/month={period // 100:04d}-{period % 100:02d}/bars.parquet"
        case "minute_bars", 8:
            day = f"{period // 10000:04d}-{period // 100 % 100:02d}-{period % 100:02d}"
            return f"panel/minute_bars/month={day[:7]}/{day}.parquet"
        case _:
            msg = f"{dataset} {period}: not a part of the panel"
            raise ValueError(msg)


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


FINDINGS_HELD = "quality/findings_held.json"
"""Which files of findings there are, as a JSON array of their keys: a question lists no folder."""


def folded(dataset: str, digest: str) -> str:
    """What the reference tables need of a raw dataset, put together; named by the hash of its bytes."""
    return f"catalog/folded/{dataset}-{digest}.parquet"


def published(place: Files | Path | str) -> list[str]:
    """Every published (derived) file, sorted: what `rebuild` makes again. It lists: for the writer alone."""
    files = files_at(place)
    return sorted(key for folder in DERIVED for key in files.keys(f"{folder}/"))
