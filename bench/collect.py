"""
How fast collecting is, and how close it keeps to the rate that a source allows.

The gym, in a process of its own, speaks for the vendors. First it answers at once and nothing limits the rate: bars per
second through the whole path (plan, request, landing, parse, checks, resolve, publish), beside a peer for a ratio:
httpx, orjson and polars, which fetch the same answers and write them as one Parquet file, keeping nothing, checking
nothing and explaining nothing. Then a rate binds: requests per second as the server saw them, their share of what was
allowed, the most within any second, and for which share of the time somebody waited for the limiter. Each stage runs in
a process of its own, so that its peak memory is its own.

    python bench/collect.py [--quick] [--only throughput|pace]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import polars as pl

from marketkeep.config import Settings
from marketkeep.http import client as http_client
from marketkeep.http.pace import Pace
from marketkeep.model import Policy, Query, Request
from marketkeep.pipeline.collecting.book import find_source
from marketkeep.pipeline.collecting.means import open_means
from marketkeep.pipeline.collecting.update import backfill
from marketkeep.pipeline.securities import add_symbols
from marketkeep.pipeline.workspace import open_workspace
from marketkeep.stores.lake import Lake

_LAST = date(2024, 12, 31)
_YEARS = 4
_UNLIMITED = {"calls": 1_000_000, "seconds": 1.0}
_WORKERS = 4


@dataclass(frozen=True)
class Case:
    """What is collected: `symbols` of a source's dataset over `days` calendar days."""

    name: str
    source: str
    dataset: str
    symbols: int
    days: int

    @property
    def start(self) -> date:
        """The first day."""
        return _LAST - timedelta(days=self.days)


@dataclass(frozen=True)
class Bound:
    """A case under a rate of `calls` a second, at a server that takes `latency` seconds for an answer."""

    case: Case
    calls: int
    latency: float


CASES = (
    Case("Polygon, the market a call", "polygon", "daily_bars", 500, 120),
    Case("Yahoo, a symbol a call", "yahoo", "daily_bars", 300, 365 * 3),
    Case("Alpaca, many symbols a call", "alpaca", "daily_bars", 300, 365 * 3),
    Case("Polygon, minutes", "polygon", "minute_bars", 20, 60),
    Case("Alpaca, minutes", "alpaca", "minute_bars", 20, 60),
)
_CHARTS = Case("Yahoo, a symbol a call", "yahoo", "daily_bars", 200, 90)
_TICKERS = Case("Polygon, minutes of a day", "polygon", "minute_bars", 250, 1)
_PAGES = Case("Alpaca, pages of minutes", "alpaca", "minute_bars", 20, 60)
BOUNDS = tuple(
    Bound(case, calls, latency)
    for case, calls in ((_CHARTS, 20), (_TICKERS, 50), (_PAGES, 4))
    for latency in (0.0, 0.1)
)


def _smaller(case: Case) -> Case:
    return Case(case.name, case.source, case.dataset, max(10, case.symbols // 4), case.days)


# --- the gym ---------------------------------------------------------------------------------------------------------


@contextmanager
def gym(symbols: int) -> Iterator[dict[str, Any]]:
    """The gym at work: its `url`, `now`, `symbols` and `pid`."""
    command = [sys.executable, "-m", "gym", "--vendors", "yahoo,polygon,alpaca", "--symbols", str(symbols)]
    command += ["--years", str(_YEARS), "--last", str(_LAST)]
    tests = str(Path(__file__).parents[1] / "tests")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": tests})
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline()) | {"pid": process.pid}
    finally:
        process.terminate()
        process.wait(10)


def set_gym(url: str, **told: object) -> None:
    """Tell the gym."""
    httpx.post(f"{url}/_gym/set", json=told)


def arrivals(url: str) -> list[float]:
    """When each data request came, in seconds of the server's clock, in order."""
    return sorted(hit["at"] for hit in httpx.get(f"{url}/_gym/log").json())


def most_within(times: Sequence[float], seconds: float) -> int:
    """Most of these instants within any window of `seconds`."""
    most = first = 0
    for last, at in enumerate(times):
        while times[first] <= at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def whole(symbols: Sequence[str], count: int) -> list[str]:
    """`count` of the gym's symbols that traded on every session: neither listed late, delisted nor halted."""
    steady = [one for number, one in enumerate(symbols) if number % 7 != 3 and number % 11 != 5 and number % 5 != 1]
    assert len(steady) >= count
    return steady[:count]


# --- collecting ------------------------------------------------------------------------------------------------------


class Watched(Pace):
    """A pace that adds up for how long anybody waited for his turn, in `waited`."""

    waited = 0.0
    _waiting = 0
    _since = 0.0
    _watch = threading.Lock()

    def enter(self, pause: float = 0.0) -> None:
        """Wait as a pace does."""
        self._step(1)
        try:
            super().enter(pause)
        finally:
            self._step(-1)

    def _step(self, more: int) -> None:
        with Watched._watch:
            now = time.perf_counter()
            if Watched._waiting:
                Watched.waited += now - Watched._since
            Watched._waiting += more
            Watched._since = now


def collect(case: Case, told: dict[str, Any], rate: dict[str, Any], folder: Path) -> dict[str, float]:
    """The whole path, nothing to published files."""
    http_client.Pace = Watched  # type: ignore[attr-defined]  # only here is anybody watched
    root = folder / "keep"
    Lake(root).create(Policy())
    now = datetime.fromisoformat(told["now"])
    work = open_workspace(root, clock=lambda: now)
    symbols = whole(told["symbols"], case.symbols)
    add_symbols(work, symbols, start=case.start)
    name = case.source
    settings = Settings(
        gateway=told["url"],
        sources={name: {"key": f"gym-key-{name}", "secret": f"gym-secret-{name}", **rate}},  # type: ignore[dict-item]
    )
    with open_means(root, settings, work.clock, [name]) as means:
        begun = time.perf_counter()
        outcome = backfill(work, means, start=case.start, end=_LAST, datasets=(case.dataset,))
        seconds = time.perf_counter() - begun
    return {
        "bars": outcome.absorbed.bars,
        "requests": outcome.collected.sent,
        "missing": outcome.missing_after,
        "seconds": seconds,
        "waited": Watched.waited,
    }


# --- the peer --------------------------------------------------------------------------------------------------------


def _chart(answer: Any) -> pl.DataFrame:
    chart = answer["chart"]["result"][0]
    quote = chart["indicators"]["quote"][0]
    columns = {name: pl.Series(quote[name], dtype=pl.Float64) for name in ("open", "high", "low", "close", "volume")}
    return pl.DataFrame({"t": chart["timestamp"], **columns}).with_columns(symbol=pl.lit(chart["meta"]["symbol"]))


def _results(answer: Any) -> pl.DataFrame:
    names = {"t": "t", "o": "open", "h": "high", "l": "low", "c": "close", "v": "volume"}
    rows = answer.get("results") or []
    columns = {to: [row[key] for row in rows] for key, to in names.items()}
    ticker = [row.get("T", answer.get("ticker")) for row in rows]
    return pl.DataFrame({**columns, "symbol": ticker}, strict=False).with_columns(pl.col("volume").cast(pl.Float64))


def _by_symbol(answer: Any) -> pl.DataFrame:
    names = {"t": "t", "o": "open", "h": "high", "l": "low", "c": "close", "v": "volume"}
    rows = [(symbol, row) for symbol, bars in answer["bars"].items() for row in bars]
    columns = {to: [row[key] for _, row in rows] for key, to in names.items()}
    symbols = [symbol for symbol, _ in rows]
    return pl.DataFrame({**columns, "symbol": symbols}, strict=False).with_columns(pl.col("volume").cast(pl.Float64))


_READERS: dict[str, Callable[[Any], pl.DataFrame]] = {"yahoo": _chart, "polygon": _results, "alpaca": _by_symbol}


def peer(case: Case, told: dict[str, Any], folder: Path) -> dict[str, float]:
    """Fetch the same answers, read them, write one file."""
    symbols, source = tuple(whole(told["symbols"], case.symbols)), find_source(case.source)
    now = datetime.fromisoformat(told["now"])
    keys = {"authorization": "Bearer gym-key-polygon"}
    if case.source == "alpaca":
        keys = {"apca-api-key-id": "gym-key-alpaca", "apca-api-secret-key": "gym-secret-alpaca"}
    begun = time.perf_counter()
    requests = source.plan(Query(case.dataset, symbols, case.start, _LAST + timedelta(days=1), now))
    wanted = pl.Series(symbols)
    with httpx.Client(headers=keys, timeout=60) as client, ThreadPoolExecutor(_WORKERS) as pool:

        def ask(request: Request) -> list[pl.DataFrame]:
            frames: list[pl.DataFrame] = []
            following: tuple[str, dict[str, str]] | None = (_local(told["url"], request.url), dict(request.params))
            while following:
                url, params = following
                answer = orjson.loads(client.get(url, params=params or None).content)
                frames.append(_READERS[case.source](answer).filter(pl.col("symbol").is_in(wanted.implode())))
                following = _next(answer, told["url"], url, params)
            return frames

        frames = [frame for some in pool.map(ask, requests) for frame in some]
    bars = pl.concat(frames)
    bars.write_parquet(folder / "bars.parquet")
    return {"bars": bars.height, "requests": len(frames), "seconds": time.perf_counter() - begun}


def _local(gateway: str, url: str) -> str:
    return f"{gateway}/{url.partition('://')[2]}"


def _next(answer: Any, gateway: str, url: str, params: dict[str, str]) -> tuple[str, dict[str, str]] | None:
    if following := answer.get("next_url"):
        return _local(gateway, following), {}
    token = answer.get("next_page_token")
    return (url, {**params, "page_token": token}) if token else None


# --- stages ----------------------------------------------------------------------------------------------------------


def stage(what: str, case: Case, told: dict[str, Any], rate: dict[str, Any]) -> dict[str, float]:
    """Run one stage in a process of its own; with its peak memory in MB and the gym's processor time in seconds."""
    given = json.dumps({"what": what, "case": case.__dict__, "told": told, "rate": rate})
    before = _cpu(told["pid"])
    answer = subprocess.run([sys.executable, __file__, "--stage"], input=given, check=True, stdout=-1, text=True)
    found: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return found | {"gym": _cpu(told["pid"]) - before}


def run_stage() -> None:
    """What the process of one stage does and prints."""
    given = json.load(sys.stdin)
    case = Case(**given["case"])
    with tempfile.TemporaryDirectory() as folder:
        if given["what"] == "peer":
            found = peer(case, given["told"], Path(folder))
        else:
            found = collect(case, given["told"], given["rate"], Path(folder))
    status = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    found["peak_mb"] = float(status[1]) / 1024 if status else float("nan")
    sys.stdout.write(json.dumps(found) + "\n")


def _cpu(pid: int) -> float:
    """Processor time that a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def throughput(cases: Sequence[Case], told: dict[str, Any]) -> None:
    """Print the first table."""
    print("At once, without a limit           bars  calls  seconds    bars/s  peer bars/s  ratio   gym s    peak")
    for case in cases:
        # The gym makes its truth when it is first asked for it: that is not to count.
        stage("peer", case, told, {})
        told_peer = stage("peer", case, told, {})
        found = stage("collect", case, told, _UNLIMITED)
        assert found["missing"] == 0
        rates = [one["bars"] / one["seconds"] for one in (found, told_peer)]
        print(
            f"{case.name:28} {found['bars']:>10,.0f} {found['requests']:6,.0f} {found['seconds']:8.2f} "
            f"{rates[0]:>9,.0f} {rates[1]:>12,.0f} {rates[1] / rates[0]:6.1f} {found['gym']:7.2f} "
            f"{found['peak_mb']:4,.0f} MB",
            flush=True,
        )


def pace(bounds: Sequence[Bound], told: dict[str, Any]) -> None:
    """Print the second table."""
    print("A rate that binds          allowed  latency  calls  seconds  calls/s  share  most in 1 s  waiting")
    for case in dict.fromkeys(bound.case for bound in bounds):
        stage("peer", case, told, {})
    for bound in bounds:
        set_gym(told["url"], latency=bound.latency, clear=True)
        found = stage("collect", bound.case, told, {"calls": bound.calls, "seconds": 1.0})
        times = arrivals(told["url"])
        set_gym(told["url"], latency=0.0, clear=True)
        reached = (len(times) - 1) / (times[-1] - times[0])
        print(
            f"{bound.case.name:26} {bound.calls:5}/s {bound.latency * 1000:5.0f} ms {len(times):6,} "
            f"{times[-1] - times[0]:8.2f} {reached:8.2f} {reached / bound.calls:6.1%} {most_within(times, 1.0):12} "
            f"{found['waited'] / found['seconds']:8.1%}",
            flush=True,
        )


def main() -> None:
    """Start the gym, run each stage, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a quarter of the symbols")
    parser.add_argument("--only", choices=("throughput", "pace"), help="one table alone")
    parser.add_argument("--stage", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        run_stage()
        return
    cases = [_smaller(one) if options.quick else one for one in CASES]
    bounds = [Bound(_smaller(one.case) if options.quick else one.case, one.calls, one.latency) for one in BOUNDS]
    most = max(case.symbols for case in (*cases, *(one.case for one in bounds)))
    with gym(2 * most + 30) as told:
        if options.only != "pace":
            throughput(cases, told)
        if options.only != "throughput":
            pace(bounds, told)


if __name__ == "__main__":
    main()
