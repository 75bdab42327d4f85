"""The jury before Yahoo's own defects: histories with splits left out of some rows, as yfinance's users found them."""

from __future__ import annotations

import csv
import gzip
from datetime import date
from pathlib import Path

import pytest
from court import traded, verdict

from marketkeep.sources.ratios import exact_ratio
from raw_rows import Row, bar, split

FOUND = date(2024, 1, 1)
"""After all of them: every split told had been in force when they were received."""


def history(path: Path) -> tuple[list[Row], list[Row]]:
    """Bars and splits of one file as Yahoo told them."""
    rows, told = [], []
    with gzip.open(path, "rt") as file:
        for line in csv.DictReader(file):
            day = date.fromisoformat(line["Date"][:10])
            prices = {name.lower(): float(line[name]) for name in ("Open", "High", "Low", "Close") if line[name]}
            if "close" in prices:
                rows.append(bar(day, None, **prices, source="yahoo", basis="split_adjusted", basis_date=FOUND))
            if float(line["Stock Splits"] or 0):
                told.append(split(day, *exact_ratio(line["Stock Splits"]), source="yahoo"))
    return sorted(rows, key=lambda row: row["date"]), told


@pytest.mark.parametrize(("name", "bad"), [("4063-T", 9), ("ALPHA-PA", 1), ("LA-V", 1), ("DEX-AX", 15)])
def test_trap_10_rows_that_lack_a_split_do_not_make_it_a_phantom(corpus: Path, name: str, bad: int) -> None:
    """
    Trap 10: where Yahoo left a split out of single rows or a stretch of them, the split stands, and all other rows come
    out as in the history that was repaired by hand.
    """
    folder = corpus / "yahoo" / "price_defects"
    rows, told = history(folder / f"{name}-1d-bad-stock-split.csv.gz")
    repaired, _ = history(folder / f"{name}-1d-bad-stock-split-fixed.csv.gz")
    assert verdict(rows, told)["status"] == "single"
    [event] = told
    ratio = event["numerator"] / event["denominator"]
    truth = {row["date"]: row["close"] * (ratio if row["date"] < event["ex_date"] else 1) for row in repaired}
    made = traded(rows, told, "yahoo")
    off = [day for day, close in truth.items() if day in made and abs(made[day] / close - 1) > 0.01]
    assert len(off) == bad
