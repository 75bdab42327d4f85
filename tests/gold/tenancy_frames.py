"""Frames for tests of symbology: who had which ticker when, and raw rows under tickers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime

import polars as pl

from marketkeep.model import TICKERS
from marketkeep.model import UTC as UTC_TYPE

Tenancy = tuple[str, date | None, date | None, str, str]


def tickers_frame(rows: Iterable[Tenancy]) -> pl.DataFrame:
    """`TICKERS` rows of (ticker, from, to, security_id, symbol)."""
    schema = {name: TICKERS.schema[name] for name in ("ticker", "from", "to", "security_id", "symbol")}
    return TICKERS.conform(pl.DataFrame(list(rows), schema=schema, orient="row"))


def raw_rows(rows: Iterable[tuple[str, str, date | None, date]]) -> pl.DataFrame:
    """Raw rows of (ticker, source, date, day received), each with its place as `place`."""
    told = [
        (ticker, source, day, datetime(on.year, on.month, on.day, 17, tzinfo=UTC)) for ticker, source, day, on in rows
    ]
    schema = {"symbol": pl.String, "source": pl.String, "date": pl.Date, "fetched_at": UTC_TYPE}
    return pl.DataFrame(told, schema=schema, orient="row").with_row_index("place")


FACEBOOK = (
    ("FB", None, date(2022, 6, 9), "FB", "META"),
    ("META", date(2022, 6, 9), None, "FB", "META"),
    ("META", date(2021, 6, 30), date(2022, 1, 31), "META", "METV"),
    ("METV", date(2022, 1, 31), None, "META", "METV"),
    ("FB", date(2025, 7, 21), None, "FB#2", "FB"),
)
"""Facebook became Meta; a fund had META before and another took FB later."""

REUSED = (
    ("REUS", None, date(2015, 3, 31), "REUS", "REUS~2015"),
    ("REUS", date(2018, 6, 1), None, "REUS#2", "REUS"),
)
"""Two companies of one ticker."""
