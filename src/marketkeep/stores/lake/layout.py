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
INDICES = "reference/index_constituents.parquet"
YIELDS = "reference/treasury_yields.parquet"
CURRENT = "catalog/CURRENT"


def ticks(symbol: str, year: int) -> str:
    """Daily bars of a symbol and calendar year."""
    return f"ticks/daily/{Symbol(symbol).folder}/{year:04d}/ticks.json"


def minute_ticks(symbol: str, day: date) -> str:
    """Minute bars of a symbol and session."""
    return f"ticks/minute/{Symbol(symbol).folder}/{day:%Y/%m/%d}/ticks.parquet"


def actions(symbol: str) -> str:
    """Corporate actions of a symbol, all dates in one file."""
    return f"corporate_actions/{Symbol(symbol).folder}/actions.json"


def findings(batch_id: str) -> str:
    """Findings about one raw batch."""
    return f"quality/findings/{batch_id}.parquet"


def folded(dataset: str, digest: str) -> str:
    """What the reference tables need of a raw dataset, put together; named by the hash of its bytes."""
    return f"catalog/folded/{dataset}-{digest}.parquet"


def published(root: Path) -> list[Path]:
    """Every published (derived) file under `root`, sorted: what `rebuild` makes again."""
    folders = ("ticks", "corporate_actions", "reference", "quality", "catalog")
    return sorted(path for folder in folders for path in (root / folder).rglob("*") if path.is_file())
