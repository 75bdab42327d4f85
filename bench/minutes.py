"""
How fast raw minute bars become published files, what it costs in memory, and what one more session costs.

50 symbols x 60 sessions of 780 minutes, made by seed and written as raw batches; then published, read back through
`keep.minute_bars`, and one session more published. Each stage runs in a process of its own, so that its peak memory is
its own.

    python bench/minutes.py [--symbols 50] [--sessions 60] [--minutes 780]
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

import marketkeep
from marketkeep.calendars import XNYS
from marketkeep.model import Lineage, Policy
from marketkeep.pipeline.publishing.absorb import absorb
from marketkeep.pipeline.workspace import open_workspace
from marketkeep.stores.lake import Lake

_FIRST = date(2024, 6, 3)
_BATCH_ROWS = 250_000


def session(symbol: str, day: date, minutes: int, rng: np.random.Generator) -> pl.DataFrame:
    """One session of a symbol with a bar in each of `minutes`, around the regular hours."""
    begins = XNYS.session_open(day) - timedelta(minutes=max(0, (minutes - 390) // 2))
    times = pl.datetime_range(
        begins, begins + timedelta(minutes=minutes - 1), "1m", time_unit="us", time_zone="UTC", eager=True
    )
    close = np.round(100 + rng.normal(0, 0.05, minutes).cumsum(), 2)
    return pl.DataFrame(
        {
            "symbol": symbol,
            "ts": times,
            "date": pl.repeat(day, minutes, dtype=pl.Date, eager=True),
            "open": close,
            "high": close + 0.1,
            "low": close - 0.1,
            "close": close,
            "volume": rng.integers(1, 100_000, minutes).astype(float),
            "vwap": np.round(close + 0.01, 4),
            "trade_count": rng.integers(1, 900, minutes),
            "feed": "sip",
            "basis": "as_traded",
            "payload": pl.repeat(0, minutes, dtype=pl.UInt32, eager=True),
        }
    )


def batches(symbols: int, days: Sequence[date], minutes: int) -> Iterator[pl.DataFrame]:
    """The sessions of every symbol in frames of a batch's size."""
    rng = np.random.default_rng(1)
    gathered: list[pl.DataFrame] = []
    for number in range(symbols):
        for day in days:
            gathered.append(session(f"S{number:04d}", day, minutes, rng))
            if len(gathered) * minutes >= _BATCH_ROWS:
                yield pl.concat(gathered)
                gathered = []
    if gathered:
        yield pl.concat(gathered)


def write(root: Path, symbols: int, days: Sequence[date], minutes: int) -> None:
    """Write raw batches that were received well after the last session."""
    work = open_workspace(root)
    for frame in batches(symbols, days, minutes):
        moment = datetime.combine(days[-1], datetime.min.time(), UTC) + timedelta(days=2)
        lineage = Lineage("sha256:0", None, None, "https://example.com", (), None, None, moment, rows=frame.height)
        work.batches.write("minute_bars", "bench", "bench", frame, [lineage])


def run_publish(root: Path) -> int:
    """Resolve and write all that is new."""
    return absorb(open_workspace(root)).bars


def run_read(root: Path) -> int:
    """Every bar of every symbol in one frame."""
    keep = marketkeep.open(root)
    return keep.minute_bars(keep.coverage("minute_bars")["symbol"].to_list()).polars().height


_STAGES = {"publish": run_publish, "read": run_read}


def stage(name: str, root: Path) -> dict[str, float]:
    """Run one stage in a process of its own: bars, seconds, peak memory in MB."""
    command = [sys.executable, __file__, "--stage", name, "--root", str(root)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return found


def run_stage(name: str, root: Path) -> None:
    """What the process of one stage does and prints."""
    begun = time.perf_counter()
    count = _STAGES[name](root)
    seconds = time.perf_counter() - begun
    # The high-water mark of this process alone; getrusage's would begin with the parent's.
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    megabytes = float(peak[1]) / 1024 if peak else float("nan")
    sys.stdout.write(json.dumps({"bars": count, "seconds": seconds, "peak_mb": megabytes}) + "\n")


def main() -> None:
    """Make raw batches, run each stage, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--symbols", type=int, default=50)
    parser.add_argument("--sessions", type=int, default=60)
    parser.add_argument("--minutes", type=int, default=780)
    parser.add_argument("--stage", choices=list(_STAGES), help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        run_stage(options.stage, options.root)
        return
    days = XNYS.sessions(_FIRST, _FIRST + timedelta(days=2 * options.sessions + 10))[: options.sessions + 1]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "keep"
        Lake(root).create(Policy())
        write(root, options.symbols, days[:-1], options.minutes)
        found = {"publish": stage("publish", root), "read": stage("read", root)}
        write(root, options.symbols, days[-1:], options.minutes)
        found["one more"] = stage("publish", root)
    print(f"{options.symbols} symbols x {options.sessions} sessions x {options.minutes} minutes")
    for name, one in found.items():
        rate = one["bars"] / one["seconds"]
        print(
            f"{name:9} {one['bars']:>10,.0f} bars {one['seconds']:8.2f} s "
            f"{rate:>12,.0f} bars/s {one['peak_mb']:6,.0f} MB peak"
        )


if __name__ == "__main__":
    main()
