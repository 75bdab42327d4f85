"""
How much of an S3-compatible server reading minute files gets: ours, parsed, against a bare client that only fetches.

500 symbols x 21 sessions of some 390 minutes, one Parquet file each as published, on a server in a process of its own
on this machine. Every round reads all of them through `load_minutes` (cache cold) and through obstore alone, with as
many requests in flight, once from threads and once from asyncio, in turn; then once more from the cache. The figure is
the share of the faster bare client's rate, median of the rounds.

    python bench/s3.py [--symbols 500] [--sessions 21] [--rounds 3] [--server disk|moto]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import obstore
import polars as pl
from obstore.store import S3Store

from marketkeep.calendars import XNYS
from marketkeep.files import Options
from marketkeep.files.bucket import Bucket
from marketkeep.model import MINUTE_BARS
from marketkeep.stores.lake import layout
from marketkeep.stores.lake.minutes import dump_minutes, load_minutes

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from s3_servers import Server, environment

_FIRST = date(2024, 3, 1)
_MINUTES = 390
_KINDS = 40


def session(symbol: str, day: date, seed: int) -> pl.DataFrame:
    """One session of a symbol, a bar in each minute of the regular hours."""
    chance = random.Random(seed)
    begins = XNYS.session_open(day)
    close = [round(100 + chance.gauss(0, 1), 2) for _ in range(_MINUTES)]
    told = {
        "symbol": symbol,
        "ts": [begins + timedelta(minutes=minute) for minute in range(_MINUTES)],
        "date": day,
        "open": close,
        "high": [value + 0.1 for value in close],
        "low": [value - 0.1 for value in close],
        "close": close,
        "volume": [float(chance.randrange(1, 100_000)) for _ in range(_MINUTES)],
        "segment": "regular",
        "source": "bench",
        "score": 100,
    }
    rest = [pl.lit(None).alias(name) for name in MINUTE_BARS.schema if name not in told]
    return MINUTE_BARS.conform(pl.DataFrame(told).with_columns(rest))


def fill(files: Bucket, symbols: int, sessions: int) -> list[tuple[str, date]]:
    """Store the files; each symbol's are one of 40 made by seed, under its own name."""
    days = XNYS.sessions(_FIRST, _FIRST + timedelta(days=2 * sessions + 10))[:sessions]
    for day in days:
        some = [session("AAAA", day, seed) for seed in range(_KINDS)]
        for number in range(symbols):
            name = f"S{number:04}"
            frame = some[number % _KINDS].with_columns(symbol=pl.lit(name))
            files.write(layout.minute_ticks(name, day), dump_minutes(frame))
    files.flush()
    return [(f"S{number:04}", day) for number in range(symbols) for day in days]


def from_threads(store: S3Store, keys: list[str], at_once: int) -> None:
    """A bare client: so many threads that fetch."""
    with ThreadPoolExecutor(at_once) as pool:
        for _ in pool.map(lambda key: obstore.get(store, key).bytes(), keys):
            pass


def from_asyncio(store: S3Store, keys: list[str], at_once: int) -> None:
    """A bare client: so many tasks that fetch."""

    async def fetch() -> None:
        free = asyncio.Semaphore(at_once)

        async def one(key: str) -> None:
            async with free:
                await (await obstore.get_async(store, key)).bytes_async()

        await asyncio.gather(*(one(key) for key in keys))

    asyncio.run(fetch())


def timed(act: Callable[..., object], *given: object) -> float:
    """Seconds that it takes."""
    begun = time.perf_counter()
    act(*given)
    return time.perf_counter() - begun


def compare(folder: Path, server: Server, wanted: argparse.Namespace) -> None:
    """Fill a bucket and print what each way of reading it takes."""
    url = f"s3://{server.bucket()}/keep"
    sessions = fill(Bucket(url, Options(cache=folder / "writer")), wanted.symbols, wanted.sessions)
    keys = [layout.minute_ticks(symbol, day) for symbol, day in sessions]
    versions = dict.fromkeys(keys, "v1")
    took: dict[str, list[float]] = {"marketkeep": [], "bare, threads": [], "bare, asyncio": [], "from cache": []}
    store = Bucket(url, Options(cache=folder / "bare"))._store  # noqa: SLF001  # the very client that ours has
    for number in range(wanted.rounds):
        ours = Bucket(url, Options(cache=folder / f"cache-{number}"))
        at_once = ours.options.in_flight
        took["bare, threads"].append(timed(from_threads, store, keys, at_once))
        took["marketkeep"].append(timed(load_minutes, ours, sessions, versions))
        took["bare, asyncio"].append(timed(from_asyncio, store, keys, at_once))
        asked = len(server.asked(""))
        took["from cache"].append(timed(load_minutes, ours, sessions, versions))
        assert len(server.asked("")) == asked, "the second read asked the server"
    bare = [min(pair) for pair in zip(took["bare, threads"], took["bare, asyncio"], strict=True)]
    shares = [best / mine for best, mine in zip(bare, took["marketkeep"], strict=True)]
    print(f"{len(keys):,} files of {_MINUTES} rows, {wanted.server} server, {wanted.rounds} rounds in turn")
    for name, seconds in took.items():
        middle = statistics.median(seconds)
        print(f"  {name:14} {middle:7.2f} s  {len(keys) / middle:8,.0f} files/s")
    print(
        f"  share of the faster bare client: {statistics.median(shares):.0%} ({', '.join(f'{s:.0%}' for s in shares)})"
    )


def main() -> None:
    """Begin the server, compare, end it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--sessions", type=int, default=21)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--server", choices=("disk", "moto"), default="disk")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        server = Server(wanted.server, folder / "server")
        server.start()
        try:
            os.environ.update(environment(server.address, folder))
            compare(folder, server, wanted)
        finally:
            server.kill()


if __name__ == "__main__":
    main()
