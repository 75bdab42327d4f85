"""A small keep with everything an export meets: splits, payments, a rename, a delisting, holes and what is unknown."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl

import marketkeep
from marketkeep.derive.total_return import total_return
from marketkeep.pipeline.files import FileOptions
from marketkeep.pipeline.ingest import ingest
from small_keep import SmallKeep, sessions

DAYS = sessions("2023-01-03", 120)
HOLE, UNKNOWN, RENAMED, LAST = DAYS[50], DAYS[10], 60, 70
SPLITS = {"SPL": {40: (4, 1), 80: (1, 3), 100: (2, 1)}}
"""By symbol and session number the new and old shares of a split."""

PAYMENTS = {
    "DIV": {30: [("dividend", 0.25)], 60: [("dividend", 0.5), ("special", 5.0)], 90: [("dividend", 0.25)]},
    "SPL": {100: [("dividend", 0.5)]},
}
"""By symbol and session number what was paid: on one day two payments, on another one beside a split."""

SYMBOLS = ["BRK.B", "DIV", "GON", "NEW", "SPL"]
INDEX = "tech"
MEMBERS = {"DIV": (DAYS[0], None), "GON": (DAYS[10], DAYS[60]), "SPL": (DAYS[20], None)}


def export_keep(folder: Path) -> marketkeep.Keep:
    """The keep, made in `folder`: `SYMBOLS` (NEW was OLD until session `RENAMED`), BTC-USD, and the index `INDEX`."""
    made = SmallKeep(folder / "keep")
    header = "symbol,date,open,high,low,close,volume"
    rows = [row for symbol, seed in (("BRK.B", 1), ("DIV", 2), ("GON", 3), ("SPL", 5)) for row in _bars(symbol, seed)]
    rows += [("OLD" if row[1] < DAYS[RENAMED] else "NEW", *row[1:]) for row in _bars("NEW", 4)]
    made.take(made.write(header, rows), basis="as_traded")
    coins = [("BTC-USD", day, 40_000.5, 41_000, 39_000, 40_500, 12.25) for day in DAYS[:3]]
    made.take(made.write(header, coins), basis="as_traded")
    told = [
        (symbol, DAYS[at], "split", f"{new}:{old}")
        for symbol, all_ in SPLITS.items()
        for at, (new, old) in all_.items()
    ]
    told += [
        (symbol, DAYS[at], *paid) for symbol, all_ in PAYMENTS.items() for at, many in all_.items() for paid in many
    ]
    made.take(made.write("symbol,date,kind,value", told))
    _tickers(made, "new", (DAYS[0], "old"), (DAYS[RENAMED - 1], "old"), (date(2050, 12, 31), "new"))
    _tickers(made, "gon", (DAYS[0], "gon"), (DAYS[LAST], "gon"))
    members = made.write("symbol,start_date,end_date", [(symbol, *days) for symbol, days in MEMBERS.items()])
    ingest(made.work, [members], FileOptions(index=INDEX))
    return made.open()


def returns(keep: marketkeep.Keep, symbol: str) -> pl.DataFrame:
    """Our own total return of a symbol, 1 on its first session: date, total_return."""
    found = total_return(keep.bars(symbol).polars(), keep.actions(symbol), base=1.0)
    return found.select("date", "total_return")


def _bars(symbol: str, seed: int) -> Iterator[tuple[object, ...]]:
    """Prices in cents that follow the splits; a hole, an unknown volume, an unknown open."""
    chance = random.Random(seed)
    close = 100.0 + seed
    for number, day in enumerate(DAYS[: LAST + 1] if symbol == "GON" else DAYS):
        new, old = SPLITS.get(symbol, {}).get(number, (1, 1))
        paid = sum(amount for _, amount in PAYMENTS.get(symbol, {}).get(number, []))
        opened = round(close * old / new - paid, 2)
        close = round(opened * (1 + chance.uniform(-0.02, 0.02)), 2)
        high, low = round(max(opened, close) + 0.5, 2), round(min(opened, close) - 0.5, 2)
        volume = None if day == UNKNOWN and symbol == "DIV" else chance.randrange(10**6)
        if day != HOLE or symbol != "DIV":
            partial = symbol == "BRK.B" and number == 5
            yield symbol, day, None if partial else opened, high, low, close, volume


def _tickers(made: SmallKeep, name: str, *lines: tuple[date, str]) -> None:
    path = made.root.parent / f"{name}.csv"
    path.write_text("".join(f"{day:%Y%m%d},{ticker}\n" for day, ticker in lines))
    made.take(path, source="lean")
