"""
A keep of a small market made by the pipeline, so that it can be read every way: from published files, the panel's
Parquet, its maps, and raw.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from random import Random

import numpy as np
import polars as pl

from going_keep import GoingKeep, Row
from marketkeep.calendars import XNYS
from marketkeep.files import Files
from marketkeep.model import ASKED, BATCHES, CATALOG, PANEL_TABLES, PANELS, TICKERS, Policy
from marketkeep.stores.lake import Lake, write_catalog
from marketkeep.stores.panel.mapped import Source
from marketkeep.stores.panel.partition import write_partition

SESSIONS = [
    *XNYS.sessions(date(2022, 12, 12), date(2023, 1, 14)),
    *XNYS.sessions(date(2023, 12, 18), date(2024, 1, 20)),
]
MARKET = ("AAA", "BBB", "BRK.B", "CCC", "GONE", "LATE", "THIN")


def market_keep(root: Path) -> GoingKeep:
    """
    Seven securities over three years: one that went, one that came, one with holes and unknown volumes, with splits and
    dividends, several on a day; and an index that changes.
    """
    keep, random = GoingKeep(root), Random(5)
    for symbol in MARKET:
        keep.small.bars(*_told(symbol, random), symbol=symbol)
    keep.receive("actions", "csv", _special())
    keep.receive(
        "index_members",
        "csv",
        [
            _change("AAA", "added", SESSIONS[0]),
            _change("GONE", "added", SESSIONS[3]),
            _change("GONE", "removed", SESSIONS[25]),
            _change("LATE", "added", SESSIONS[30]),
            _change("AAA", "removed", SESSIONS[12]),
            _change("AAA", "added", SESSIONS[35]),
        ],
    )
    keep.publish()
    return keep


def _told(symbol: str, random: Random) -> Iterable[tuple[object, ...]]:
    price = random.uniform(20, 200)
    for at, day in enumerate(SESSIONS):
        absent = {"GONE": at > 28, "LATE": at < 26, "THIN": at % 4 == 1}.get(symbol, False)
        if absent:
            continue
        split = 2.0 if symbol in ("AAA", "THIN") and at == 30 else 1.0
        price = round(price * random.uniform(0.97, 1.03) / split, 2)
        dividend = round(random.uniform(0.1, 0.9), 3) if symbol != "CCC" and at % 9 == 5 else 0.0
        yield day, price, dividend, split, None if symbol == "THIN" and at % 7 == 2 else 1000.0 + at


def _special() -> list[Row]:
    """A second payment on the day of another, and one on the day of a split."""
    shared = {"text": "0.4", "basis": "as_traded", "amount": 0.4}
    return [
        {"symbol": "BBB", "ex_date": SESSIONS[14], "kind": "special_dividend", **shared},
        {"symbol": "AAA", "ex_date": SESSIONS[30], "kind": "special_dividend", **shared},
    ]


def _change(symbol: str, event: str, day: date) -> Row:
    return {"index": "sp500", "symbol": symbol, "date": day, "event": event}


def partition(files: Files, dataset: str, period: int, frame: pl.DataFrame) -> tuple[Source, pl.DataFrame]:
    """A partition of the panel with these rows, as what maps are made from and as `PANELS` rows."""
    row = write_partition(files, dataset, period, [frame])
    assert row is not None
    names = ("dataset", "period", "key", "rows", "first", "last", "hash")
    return Source(*(row[name] for name in names)), pl.DataFrame([row], schema=PANELS.schema)


def bare_keep(root: Path, symbols: int, years: Iterable[int], sessions: int) -> list[str]:
    """
    A keep of which there is only the panel and the catalog that tells of it: so many symbols with a bar on each of the
    first so many days of each year, and a dividend a year. The symbols.
    """
    lake, random = Lake(root), np.random.default_rng(7)
    lake.create(Policy(priority=("csv",)))
    names = [f"S{at:05d}" for at in range(symbols)]
    panels, entries = [], []
    for year in years:
        frame = _year(names, date(year, 1, 1), sessions, random)
        panels.append(partition(lake.files, "daily_bars", year, frame)[1])
        entries.append(entries_of_year(frame, year))
    steps = [(name, date(year, 1, 5), 1.0, 0.99) for name in names for year in years]
    factors = pl.DataFrame(steps, schema=PANEL_TABLES["factors"].schema, orient="row")
    panels.append(partition(lake.files, "factors", 0, factors)[1])
    told = pl.concat(entries)
    write_catalog(lake.files, told, BATCHES.empty(), ASKED.empty(), TICKERS.empty(), pl.concat(panels))
    return names


def _year(names: list[str], first: date, sessions: int, random: np.random.Generator) -> pl.DataFrame:
    rows = len(names) * sessions
    price = np.round(random.uniform(10, 20, rows), 2)
    return pl.DataFrame(
        {
            "symbol": np.repeat(names, sessions),
            "date": [first + timedelta(days=at) for at in range(sessions)] * len(names),
            "open": price,
            "high": price + 1,
            "low": price - 1,
            "close": price,
            "volume": price * 1000,
            "score": np.full(rows, 100, np.int16),
            "source": np.full(rows, "csv"),
        }
    )


def entries_of_year(frame: pl.DataFrame, year: int) -> pl.DataFrame:
    """The catalog's entries of a year of bars, as if they were published."""
    held = frame.group_by("symbol").agg(rows=pl.len(), first=pl.col("date").min(), last=pl.col("date").max())
    told = held.with_columns(dataset=pl.lit("daily_bars"), period=year, hash=pl.lit(""), score=100.0)
    return CATALOG.conform(told.with_columns(missing=pl.lit([], pl.List(pl.Date))))
