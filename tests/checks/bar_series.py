"""Series of bars made from their closes: what the tests of checks in context share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from marketkeep.checks import bar_context, check_series, failed_codes
from marketkeep.checks.bars import BAR_CHECKS
from marketkeep.model import Thresholds

USUAL = Thresholds()
FIRST = date(2020, 1, 6)
_SIZE = 1_000_000.0


def weekdays(count: int, first: date = FIRST) -> list[date]:
    """So many weekdays from a day on."""
    days = (first + timedelta(days=i) for i in range(2 * count + 7))
    return [day for day in days if day.weekday() < 5][:count]


def series(closes: Sequence[float], /, *, symbol: str = "AAPL", source: str = "csv", **told: Any) -> pl.DataFrame:
    """
    Checked rows of one source, as traded: one a weekday at these closes, each opening near its own close.

    They alternate in range and volume, so that no bar equals another. `told` are whole columns in place of those.
    """
    close = np.asarray(closes, dtype=np.float64)
    count = len(close)
    opened = np.asarray(told.get("open", close * 1.001), dtype=np.float64)
    uneven = 1 + 0.001 * (np.arange(count) % 7)
    columns = {
        "symbol": [symbol] * count,
        "date": weekdays(count),
        "source": [source] * count,
        "open": opened,
        "high": np.maximum(opened, close) * 1.005 * uneven,
        "low": np.minimum(opened, close) * 0.995 / uneven,
        "close": close,
        "volume": _SIZE * (1 + 0.3 * np.sin(np.arange(count))),
        "split_factor": [1.0] * count,
        "dividend_factor": [1.0] * count,
    }
    frame = pl.DataFrame(columns | told)
    return frame.with_columns(
        batch_id=pl.lit(f"batch-{source}"),
        payload=pl.lit(0, pl.Int64),
        fetched_at=pl.lit(datetime(2025, 6, 2, tzinfo=UTC)),
        basis=pl.lit("as_traded"),
        adj_close=pl.col("close") * pl.col("split_factor") * pl.col("dividend_factor"),
        delivered=pl.col("close"),
        failed=pl.lit(0, pl.UInt32),
        hard=pl.lit(value=False),
        score=pl.lit(100, pl.Int16),
    )


def steady(count: int = 120, level: float = 50.0, /) -> list[float]:
    """Closes that move a little up and down, always by another amount."""
    return [level * (1 + 0.001 * ((i * 7919) % 11 - 5)) for i in range(count)]


def judged(rows: pl.DataFrame, gold: pl.DataFrame | None = None, thresholds: Thresholds = USUAL) -> pl.DataFrame:
    """Rows with the marks of the checks in context; `gold` are the rows themselves unless told otherwise."""
    return check_series(rows, bar_context(rows if gold is None else gold, thresholds), thresholds)


def marks(rows: pl.DataFrame) -> dict[int, list[str]]:
    """By position the codes of the rows that fail anything."""
    return {i: failed_codes(bits) for i, bits in enumerate(rows["failed"]) if bits}


def tally(rows: pl.DataFrame) -> dict[str, int]:
    """How many rows fail each check that any of them fails."""
    bits = rows["failed"].to_numpy()
    counts = {check.code: int((bits >> i & 1).sum()) for i, check in enumerate(BAR_CHECKS)}
    return {code: count for code, count in counts.items() if count}


def walks(symbols: int, sessions: int, seed: int, *, share: float = 0.015, freedom: float = 0.0) -> pl.DataFrame:
    """
    Random walks of many symbols as checked rows, with a split and four dividends a year in their factors.

    Daily log returns have a standard deviation of `share`: normal, or Student's t of `freedom` degrees. As traded, a
    price halves where it splits and the volume doubles.
    """
    rng = np.random.default_rng(seed)
    shape = (symbols, sessions)
    if freedom:
        returns = rng.standard_t(freedom, shape) * share / np.sqrt(freedom / (freedom - 2))
    else:
        returns = rng.normal(0, share, shape)
    even = 50 * np.exp(np.cumsum(returns, axis=1))
    days = np.arange(sessions)
    split = rng.integers(130, 400, symbols)
    factor = 0.5 ** np.array([[((first + 250 * np.arange(9)) > day).sum() for day in days] for first in split])
    cash = 0.995 ** ((sessions - days) // 63)
    traded = even / factor / cash
    opened = np.empty(shape)
    opened[:, 0] = traded[:, 0]
    before = even[:, :-1] * np.exp(rng.normal(0, share / 3, (symbols, sessions - 1)))
    opened[:, 1:] = before / factor[:, 1:] / cash[1:]
    wide = np.exp(np.abs(rng.normal(0, share / 2, (2, *shape))))
    one = series(np.ones(sessions))
    return pl.concat([one.with_columns(symbol=pl.lit(f"S{i:04d}")) for i in range(symbols)]).with_columns(
        open=pl.Series(opened.ravel()),
        high=pl.Series((np.maximum(opened, traded) * wide[0]).ravel()),
        low=pl.Series((np.minimum(opened, traded) / wide[1]).ravel()),
        close=pl.Series(traded.ravel()),
        volume=pl.Series(np.round(rng.lognormal(13, 0.5, shape) * factor).ravel()),
        split_factor=pl.Series(factor.ravel()),
        dividend_factor=pl.Series(np.tile(cash, symbols)),
        delivered=pl.Series(traded.ravel()),
        adj_close=pl.Series((traded * factor * cash).ravel()),
    )
