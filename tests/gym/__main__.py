"""Run the gym alone: prints one line of JSON with its address, then serves until it is told to end."""

from __future__ import annotations

import argparse
import signal
import threading
from datetime import date, datetime

import orjson

from gym.faults import FaultPlan
from gym.server import serve
from gym.traffic import Down, Limit
from gym.vendors import all_vendors, some_vendors


def main() -> None:
    """Parse, serve, wait."""
    parser = argparse.ArgumentParser(prog="gym", description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--symbols", type=int, default=200)
    parser.add_argument("--years", type=int, default=10)
    parser.add_argument("--last", type=date.fromisoformat, default=date(2024, 12, 31), help="last session of the truth")
    parser.add_argument("--now", type=datetime.fromisoformat, help="with an offset; default: the evening after --last")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--faults", type=float, default=0.0, help="share of symbols that meet a fault")
    parser.add_argument("--retry-after", type=int, default=1)
    parser.add_argument("--vendors", default="yahoo", help="names of vendors' modules, or all")
    parser.add_argument(
        "--limits", type=orjson.loads, default={}, help='JSON: {"polygon": {"calls": 5, "seconds": 60}}'
    )
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that an answer takes")
    parser.add_argument("--down", type=orjson.loads, default={}, help='JSON: {"yahoo": {"up": 50, "down": 50}}')
    given = parser.parse_args()
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    plan = FaultPlan(given.faults, seed=given.seed, retry_after_seconds=given.retry_after)
    with serve(
        given.symbols,
        given.years,
        seed=given.seed,
        last=given.last,
        now=given.now,
        faults=plan,
        port=given.port,
        vendors=all_vendors if given.vendors == "all" else some_vendors(*given.vendors.split(",")),
        limits={name: Limit(**one) for name, one in given.limits.items()},
        down={name: Down(**one) for name, one in given.down.items()},
    ) as gym:
        assert gym.truth is not None
        gym.latency = given.latency
        told = {"url": gym.url, "now": gym.now, "symbols": gym.truth.symbols, "expected": gym.plan.expected()}
        told["hosts"] = {vendor.name: sorted(vendor.hosts) for vendor in gym.vendors}
        print(orjson.dumps(told).decode(), flush=True)
        stop.wait()


main()
