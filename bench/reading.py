"""
How fast questions are answered, beside the stores that one would pick instead: ArcticDB, Qlib, DuckDB on Parquet,
pandas on CSV and PostgreSQL, over the same generated data, in turn.

Data and stores are made once and kept in a cache folder outside the repository (a few minutes the first time; about
30 GB at the default size); environments for the peers in .venv-partners. Prints the tables and writes
docs/benchmarks.md. What has been measured is kept beside the data: `--resume` measures only what is missing.

    python bench/reading.py [--symbols 5000] [--sessions 3912] [--scale 1,2,4] [--rounds 5] [--tasks one,some,...]
        [--peers ours,arctic,...] [--quick] [--resume] [--cache FOLDER]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from reads import fresh
from reads import market as data
from reads.market import Market
from reads.report import Found, document
from reads.running import ENVIRONMENTS, PEERS, PeerError, Worker, measure, say, threads, workers
from reads.tasks import BY_NAME, TASKS

ROOT = Path(__file__).parents[1]
_PARTS = (*BY_NAME, "append", "cold", "threads", "memory", "growth")
_THREADS = (1, 2, 4, 8)
_BEFORE = 60
"""Sessions of the open year before one is appended: the panel's open partition holds them."""
_READERS = {"ours": "polars", "arctic": "pandas", "duck": "arrow"}
_GROWING = ("ours", "arctic", "duck")


def main() -> None:
    """Make what is missing, measure, print, write."""
    options = _options()
    pythons = _environments(options.peers)
    count = options.symbols
    size = Market(count, options.sessions, count // 50, count // 10, count * 3 // 50)
    folder: Path = options.cache
    place = data.make(size, folder / "data")
    kept = folder / f"{size.key}.json"
    found: Found = json.loads(kept.read_text()) if options.resume and kept.exists() else {"tasks": {}}
    found["parameters"] = {**asdict(size), "rows": _rows(place), "command": options.command}
    todo = [part for part in options.tasks if part not in found["tasks"] and part not in found]
    stores = folder / "stores" / size.key
    stores.mkdir(parents=True, exist_ok=True)

    def keep(part: str, what: Any) -> None:
        (found["tasks"] if part in BY_NAME else found)[part] = what
        kept.write_text(json.dumps(found))

    with workers(pythons, stores, place) as among:
        found["about"] = found.get("about", {}) | {name: worker.about for name, worker in among.items()}
        for name in [task.name for task in TASKS if task.name in todo]:
            keep(name, _reads(name, size, among, options.rounds))
        if "threads" in todo:
            say("threads")
            keep("threads", threads(among, _READERS, BY_NAME["one"].calls(size), _THREADS))
        if "append" in todo:
            say("append")
            keep("append", _append(size, place, among, options.rounds))
    if "cold" in todo:
        say("cold")
        keep("cold", fresh.cold({name: pythons[name] for name in pythons}, stores, options.rounds))
    if "memory" in todo:
        say("memory")
        keep("memory", fresh.memory(stores / "ours"))
    if "growth" in todo and len(options.scale) > 1:
        keep("growth", _growth(size, folder, pythons, options))
    text = document(found)
    print(text)
    if options.write:
        (ROOT / "docs" / "benchmarks.md").write_text(text)


def _reads(name: str, size: Market, among: Mapping[str, Worker], rounds: int) -> list[Found]:
    task, told = BY_NAME[name], []
    calls = task.calls(size)
    say(task.title)
    for timed in measure(task, calls, among, rounds) if calls else []:
        say(f"    {timed.peer:10} {timed.way:20} {timed.median * 1000:10.2f} ms ({len(timed.seconds)})")
        told.append({"peer": timed.peer, "way": timed.way, "median": timed.median, "agrees": timed.agrees})
    return told


def _append(size: Market, place: Path, among: Mapping[str, Worker], rounds: int) -> dict[str, dict[str, float]]:
    """By peer and way the median of appending a session in the middle of a year; each time it is the next one."""
    taken: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        for number in range(min(rounds, 3) + 1):
            first, count = (0, _BEFORE) if number == 0 else (_BEFORE + number - 1, 1)
            data.later_rows(place, size, first, count).write_parquet(path)
            for name, worker in among.items():
                for way in list(worker.ways.get("append", ()))[: 1 if number == 0 else None]:
                    try:
                        told = worker.ask("append", task="append", way=way, rows=str(path), begin=number == 0)
                    except PeerError as error:
                        say(str(error))
                        continue
                    say(f"    {name:10} {way:32} {told['seconds'] * 1000:10.2f} ms" + ("" if number else " to begin"))
                    if number:
                        taken.setdefault(name, {}).setdefault(way, []).append(told["seconds"])
    return {name: {way: statistics.median(some) for way, some in ways.items()} for name, ways in taken.items()}


def _growth(size: Market, folder: Path, pythons: Mapping[str, Path], options: argparse.Namespace) -> Found:
    """The growing tasks by number of symbols, at each multiple of a quarter of them, with daily bars alone."""
    told = {}
    for scale in options.scale:
        some = Market(size.symbols // 4 * scale, size.sessions, 0, 0, 0)
        say(f"{scale}x: {some.symbols:,} symbols")
        place = data.make(some, folder / "data")
        stores = folder / "stores" / some.key
        stores.mkdir(parents=True, exist_ok=True)
        few = {name: python for name, python in pythons.items() if name in _GROWING}
        with workers(few, stores, place) as among:
            told[str(some.symbols)] = {
                task.name: _reads(task.name, some, among, min(options.rounds, 3)) for task in TASKS if task.grows
            }
    return told


def _environments(peers: Sequence[str]) -> dict[str, Path]:
    """By peer its interpreter; who has none here is told and left out."""
    pythons = {"ours": Path(sys.executable)}
    for peer in peers:
        if peer in ENVIRONMENTS:
            command = [sys.executable, str(ROOT / "tools" / "partner_env.py"), ENVIRONMENTS[peer]]
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            if done.returncode:
                say(f"{peer} is left out: {done.stderr.strip()}")
            else:
                pythons[peer] = Path(done.stdout.strip())
    return pythons


def _rows(place: Path) -> int:
    return int(pl.scan_parquet(data.daily(place)).select(pl.len()).collect().item())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--symbols", type=int, default=5000)
    parser.add_argument("--sessions", type=int, default=3912)
    parser.add_argument(
        "--scale", default="1,2,4", help="multiples of a quarter of the symbols at which growth is measured"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tasks", default=",".join(_PARTS), help="some of " + ", ".join(_PARTS))
    parser.add_argument("--peers", default=",".join(PEERS), help="some of " + ", ".join(PEERS))
    parser.add_argument("--quick", action="store_true", help="two rounds, and neither Qlib nor PostgreSQL")
    parser.add_argument("--resume", action="store_true", help="keep what was measured before; measure what is missing")
    parser.add_argument("--no-write", dest="write", action="store_false", help="print only")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "marketkeep-bench")
    options = parser.parse_args()
    options.command = " ".join(["python bench/reading.py", *_plain(sys.argv[1:])])
    options.scale = [int(text) for text in options.scale.split(",")]
    options.tasks, options.peers = options.tasks.split(","), options.peers.split(",")
    if unknown := sorted({*options.tasks} - {*_PARTS} | {*options.peers} - {*PEERS}):
        parser.error(f"there is no {', '.join(unknown)}; tasks: {', '.join(_PARTS)}; peers: {', '.join(PEERS)}")
    if options.quick:
        options.rounds = 2
        options.peers = [peer for peer in options.peers if peer not in ("with_qlib", "postgres")]
    return options


def _plain(arguments: Sequence[str]) -> list[str]:
    """The arguments that say what was measured, without where it is kept."""
    kept, skip = [], False
    for text in arguments:
        if not skip and text != "--cache" and not text.startswith("--cache="):
            kept.append(text)
        skip = text == "--cache"
    return kept


if __name__ == "__main__":
    main()
