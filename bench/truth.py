"""
How fast truth is worked out, and what it costs in memory: 5,000 symbols x 15 years of daily bars, some 19 million.

Raw rows are made up by seed, a group of symbols at a time, as publishing takes them: a source that tells all, a second
one that tells a quarter of the symbols again, splits and dividends, and now and then a flaw. Each group goes through
the whole of `gold.promote`: undo the basis, check every row, reject the absurd, resolve, judge the actions, factors and
adjusted closes, checks in context, scores. Making up the rows is not timed. Beside it a peer for a ratio, what one
would write in a notebook: pandas, returns and their rolling z-score, that of volume, and the adjusted close, over the
rows of the first source alone; it chooses, explains and refuses nothing. Each stage runs in a process of its own, so
that its peak memory is its own.

    python bench/truth.py [--quick] [--symbols 5000] [--years 15]
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from marketkeep import checks
from marketkeep.calendars import XNYS
from marketkeep.gold import promote
from marketkeep.model import RAW_TABLES, Policy
from marketkeep.model import UTC as INSTANT

_LAST = date(2024, 12, 31)
_RECEIVED = datetime(2025, 6, 2, 22, tzinfo=UTC)
_GROUP = 80
_WINDOW = 83
"""Sessions that a hundred and twenty calendar days have."""

Floats = npt.NDArray[np.float64]
Group = tuple[pl.DataFrame, pl.DataFrame]
"""Raw bars and raw actions of some symbols."""


def groups(symbols: int, years: int, seed: int = 1) -> Iterator[Group]:
    """Made-up raw rows of so many symbols, a group at a time."""
    days = pl.Series("date", XNYS.sessions(date(_LAST.year - years + 1, 1, 1), _LAST))
    rng = np.random.default_rng(seed)
    for first in range(0, symbols, _GROUP):
        made = [_symbol(number, days, rng) for number in range(first, min(first + _GROUP, symbols))]
        yield pl.concat(bars for bars, _ in made), pl.concat(actions for _, actions in made)


def _symbol(number: int, days: pl.Series, rng: np.random.Generator) -> Group:
    """One symbol's rows: a split every fifth year or so, four dividends a year, a flaw in a thousand rows."""
    name, count = f"S{number:04d}", len(days)
    ratios = np.ones(count)
    ratios[rng.integers(1, count, 3)] = rng.choice([2.0, 3.0, 0.1], 3)
    close = np.maximum(
        np.round(300 * np.exp(np.cumsum(rng.normal(0.0002, 0.015, count))) / np.cumprod(ratios), 2), 0.05
    )
    paid = np.zeros(count)
    paid[(np.arange(count) + number) % 63 == 62] = 0.1
    paid = np.where(paid < close / 4, paid, 0.0)
    bars = _bars(days, close, rng)
    first, told = _raw("daily_bars", bars, name, "a"), _actions(name, days, ratios, paid)
    if number % 4:
        return first, told
    # Off by a hair, as a second feed's closes are; a flaw of the first is none of its own.
    again = bars.with_columns(close=pl.Series(np.round(close * rng.normal(1, 1e-4, count), 2)))
    return pl.concat([first, _raw("daily_bars", again, name, "b")]), told


def _bars(days: pl.Series, close: Floats, rng: np.random.Generator) -> pl.DataFrame:
    count = len(days)
    spread = np.round(close * rng.uniform(0.001, 0.03, count), 2) + 0.01
    flawed = np.where(rng.random(count) < 1e-3, close * 100, close)
    return pl.DataFrame(
        {
            "date": days,
            "open": np.round(close - spread / 3, 2),
            "high": np.maximum(flawed, close + spread),
            "low": np.maximum(close - spread, 0.01),
            "close": flawed,
            "volume": np.round(np.exp(rng.normal(13, 0.4, count))),
        }
    )


def _actions(name: str, days: pl.Series, ratios: Floats, paid: Floats) -> pl.DataFrame:
    at = pl.DataFrame({"ex_date": days, "ratio": ratios, "amount": paid})
    splits = at.filter(pl.col("ratio") != 1).select(
        "ex_date",
        kind=pl.lit("split"),
        numerator=pl.when(pl.col("ratio") > 1).then(pl.col("ratio")).otherwise(1).cast(pl.Int64),
        denominator=pl.when(pl.col("ratio") > 1).then(1).otherwise((1 / pl.col("ratio")).round()).cast(pl.Int64),
        text=pl.col("ratio").cast(pl.String),
    )
    cash = at.filter(pl.col("amount") > 0).select(
        "ex_date", "amount", kind=pl.lit("dividend"), text=pl.col("amount").cast(pl.String)
    )
    return _raw("actions", pl.concat([splits, cash], how="diagonal"), name, "a")


def _raw(dataset: str, told: pl.DataFrame, name: str, source: str) -> pl.DataFrame:
    """Rows of a raw table with their lineage beside them, as traded; what is not told is null."""
    known = told.with_columns(
        symbol=pl.lit(name),
        basis=pl.lit("as_traded"),
        source=pl.lit(source),
        fetched_at=pl.lit(_RECEIVED).cast(INSTANT),
        digest=pl.lit(f"sha256:{source}"),
        batch_id=pl.lit(f"batch-{source}"),
        payload=pl.lit(0, dtype=pl.UInt32),
    )
    schema = RAW_TABLES[dataset].schema
    lacking = [pl.lit(None, dtype=kind).alias(column) for column, kind in schema.items() if column not in known.columns]
    lineage = ["source", "fetched_at", "digest", "batch_id"]
    whole = known.with_columns(lacking).with_columns(pl.col(column).cast(kind) for column, kind in schema.items())
    return whole.select(*schema, *lineage)


def run_truth(symbols: int, years: int) -> dict[str, float]:
    """Everything from raw rows to gold, a group at a time."""
    policy = Policy(priority=("a", "b"))
    found = {"rows": 0.0, "bars": 0.0, "findings": 0.0, "seconds": 0.0}
    for bars, actions in groups(symbols, years):
        begun = time.perf_counter()
        gold = promote(bars, actions, policy, checks)
        found["seconds"] += time.perf_counter() - begun
        found["rows"] += bars.height
        found["bars"] += gold.bars.height
        found["findings"] += gold.checked.filter(pl.col("failed") > 0).height
    return found


def run_peer(symbols: int, years: int) -> dict[str, float]:
    """A notebook's pass over the same bars."""
    found = {"rows": 0.0, "bars": 0.0, "findings": 0.0, "seconds": 0.0}
    for bars, actions in groups(symbols, years):
        told = bars.filter(pl.col("source") == "a").select("symbol", "date", "close", "volume").to_pandas()
        events = actions.select("symbol", "ex_date", "numerator", "denominator", "amount").to_pandas()
        begun = time.perf_counter()
        flagged = _notebook(told, events)
        found["seconds"] += time.perf_counter() - begun
        found["rows"] += len(told)
        found["bars"] += len(told)
        found["findings"] += flagged
    return found


def _notebook(bars: Any, events: Any) -> int:
    """Adjusted closes, and how many rows lie more than five sigma off in return or ten in volume."""
    events = events.rename(columns={"ex_date": "date"})
    merged = bars.merge(events.groupby(["symbol", "date"], as_index=False).max(), on=["symbol", "date"], how="left")
    by = merged.groupby("symbol")
    ratio = (merged["denominator"] / merged["numerator"]).fillna(1.0)
    step = ratio * (1 - merged["amount"].fillna(0.0) / by["close"].shift(1))
    merged["step"] = step.groupby(merged["symbol"]).shift(-1).fillna(1.0)
    merged["factor"] = merged.iloc[::-1].groupby("symbol")["step"].cumprod().iloc[::-1]
    merged["adj_close"] = merged["close"] * merged["factor"]
    merged["move"] = np.log(merged["adj_close"]).groupby(merged["symbol"]).diff()
    merged["log_volume"] = np.log(merged["volume"])
    flagged = np.zeros(len(merged), dtype=bool)
    for column, sigma in (("move", 5.0), ("log_volume", 10.0)):
        window = merged.groupby("symbol")[column].rolling(_WINDOW, min_periods=20)
        mean, spread = (getattr(window, what)().reset_index(level=0, drop=True) for what in ("mean", "std"))
        flagged |= ((merged[column] - mean).abs() > sigma * spread).to_numpy()
    return int(flagged.sum())


_STAGES: dict[str, Callable[[int, int], dict[str, float]]] = {"truth": run_truth, "peer": run_peer}


def stage(name: str, symbols: int, years: int) -> dict[str, float]:
    """Run one stage in a process of its own: rows, bars, findings, seconds, peak memory in MB."""
    command = [sys.executable, __file__, "--stage", name, "--symbols", str(symbols), "--years", str(years)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return found


def run_stage(name: str, symbols: int, years: int) -> None:
    """What the process of one stage does and prints."""
    found = _STAGES[name](symbols, years)
    # The high-water mark of this process alone; getrusage's would begin with the parent's.
    status = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    found["peak_mb"] = float(status[1]) / 1024 if status else float("nan")
    sys.stdout.write(json.dumps(found) + "\n")


def main() -> None:
    """Run each stage, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the symbols")
    parser.add_argument("--symbols", type=int, default=5000)
    parser.add_argument("--years", type=int, default=15)
    parser.add_argument("--stage", choices=list(_STAGES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        run_stage(options.stage, options.symbols, options.years)
        return
    symbols = options.symbols // 10 if options.quick else options.symbols
    print(f"{symbols:,} symbols x {options.years} years, {_GROUP} at a time")
    found = {name: stage(name, symbols, options.years) for name in _STAGES}
    for name, one in found.items():
        print(
            f"{name:6} {one['rows']:>11,.0f} rows {one['bars']:>11,.0f} bars {one['findings']:>8,.0f} rows marked "
            f"{one['seconds']:8.1f} s {one['bars'] / one['seconds']:>10,.0f} bars/s {one['peak_mb']:6,.0f} MB peak"
        )
    truth, peer = (found[name]["bars"] / found[name]["seconds"] for name in _STAGES)
    print(f"truth takes {peer / truth:.1f} x the time of a notebook's pass a bar")


if __name__ == "__main__":
    main()
