"""kill -9 of an update that asks several sources: the next run completes it, and raw rebuilds to the same."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from gym_keep import published_tree, served_tree
from source_keep import CONTACT, raw_rows

from gym import FaultPlan, Gym, Truth, serve
from gym.polygon import Polygon
from gym.vendors import some_vendors
from gym.wire import Ask, Reply, Vendor
from marketkeep.calendars import XNYS
from marketkeep.model import Policy
from marketkeep.operate.doctor import examine
from marketkeep.pipeline.journal import open_runs
from marketkeep.pipeline.rebuild import rebuild
from marketkeep.pipeline.securities import add_symbols
from marketkeep.pipeline.workspace import open_workspace
from marketkeep.stores.lake import Lake

KILLS = 6
SOURCES = ("sec_tickers", "sec", "alpaca", "polygon")
DATASETS = ("listings", "filings", "facts", "daily_bars", "actions", "minute_bars")
# Companies enough for the bulk files; bars of a few securities.
COMPANIES, BARRED, DAYS = 420, 3, 60
# A process has the clock of this machine, so the truth ends where that is.
NOW = datetime.now(UTC)
LAST = XNYS.last_final(NOW, timedelta(hours=1))
PASSING = ("http_500", "cut", "truncated", "empty")


class ShortPages(Polygon):
    """Polygon with pages of 5,000 bars, so that minutes of a few weeks fill several."""

    def answer(self, ask: Ask) -> Reply | None:
        """As Polygon, but for that."""
        return super().answer(replace(ask, params={**ask.params, "limit": "5000"}))


def vendors(truth: Truth) -> list[Vendor]:
    """The vendors that are asked."""
    return [ShortPages(truth) if one.name == "polygon" else one for one in some_vendors(*SOURCES)(truth)]


@pytest.fixture(scope="module")
def gym() -> Iterator[Gym]:
    """The vendors of the test over one truth, faults among their answers."""
    truth = Truth(symbols=COMPANIES, years=1, last=LAST)
    plans = {name: FaultPlan(0.05, kinds=PASSING, seed=number) for number, name in enumerate(SOURCES)}
    plans = {name: plan for name, plan in plans.items() if name in ("alpaca", "polygon")}
    with serve(truth=truth, now=NOW, vendors=vendors, plans=plans) as one:
        yield one


def values_published(root: Path) -> dict[str, object]:
    """The published files by path: their hashes, or of minute bars the rows but for the batch that brought each."""
    tree: dict[str, object] = dict(served_tree(root))
    for path in tree:
        if path.startswith("ticks/minute/"):
            tree[path] = pl.read_parquet(root / path).drop("batch_id").rows()
    return tree


def follow(root: Path, gym: Gym) -> Path:
    """A keep that follows all securities of the truth, but bars of most from tomorrow on only."""
    Lake(root).create(Policy(start=NOW.date() - timedelta(days=DAYS), datasets=DATASETS, minute_days=DAYS))
    work = open_workspace(root)
    assert gym.truth is not None
    symbols = gym.truth.symbols
    add_symbols(work, symbols[:BARRED])
    add_symbols(work, symbols[BARRED:], start=NOW.date() + timedelta(days=2))
    return root


def start_update(root: Path, gym: Gym) -> subprocess.Popen[bytes]:
    """The real command, in a process of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MARKETKEEP_")}
    keys = {f"MARKETKEEP_SOURCES__{name.upper()}__KEY": f"gym-key-{name}" for name in ("alpaca", "polygon")}
    calls = {f"MARKETKEEP_SOURCES__{name.upper()}__CALLS": "1000" for name in SOURCES}
    environment = {
        **clean,
        **keys,
        **calls,
        "MARKETKEEP_SOURCES__ALPACA__SECRET": "gym-secret-alpaca",
        "MARKETKEEP_CONTACT": CONTACT,
        "MARKETKEEP_GATEWAY": gym.url,
        "MARKETKEEP_PACK_BYTES": str(2**20),
    }
    command = [sys.executable, "-m", "marketkeep", "update", "--data", str(root)]
    command += [word for name in SOURCES for word in ("--source", name)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finish(root: Path, gym: Gym) -> None:
    """Run the update to its end."""
    process = start_update(root, gym)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors.decode()
    assert open_runs(root) == []


def kill_after(root: Path, gym: Gym, requests: int, seconds: float) -> bool:
    """Start an update and kill it some time after so many requests; false when it was over before."""
    before = gym.count
    process = start_update(root, gym)
    while process.poll() is None and gym.count - before < requests:
        time.sleep(0.002)
    until = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < until:
        time.sleep(0.002)
    killed = process.poll() is None
    process.kill()
    process.communicate()
    return killed


def test_killed_among_sources_ends_as_if_never(gym: Gym, tmp_path: Path) -> None:
    """
    Killed while pages of minute bars come, while bulk files are read and between sources: the next run brings what an
    undisturbed one has, published value by value, and nothing of what was cut short is left.
    """
    chance = random.Random(6)
    whole = follow(tmp_path / "whole", gym)
    finish(whole, gym)
    expected, asked = raw_rows(open_workspace(whole)), gym.counts()
    assert {"companyfacts.zip", "submissions.zip"} <= set(asked)
    assert {hit.vendor for hit in gym.log} == set(SOURCES)
    assert max(gym.counts("polygon").values()) > 1
    everything = gym.count
    print(f"{everything} requests undisturbed: {asked}")
    killed = 0
    begun = follow(tmp_path / "begun", gym)
    for number in range(KILLS):
        root = Path(shutil.copytree(begun, tmp_path / f"killed-{number}"))
        for name in SOURCES:
            gym.set_faults(gym.plans[name], name)
        # First somewhere on its way, then while the next run takes up what that one left.
        for requests in (chance.randrange(1, everything * 3 // 4), 1):
            killed += kill_after(root, gym, requests, chance.uniform(0.0, 0.4))
        finish(root, gym)
        assert raw_rows(open_workspace(root)) == expected
        assert values_published(root) == values_published(whole)
        assert [path for path in root.rglob("*") if path.suffix == ".tmp"] == []
        assert examine(root).problems == ()
    assert killed >= KILLS
    before = published_tree(root)
    rebuild(open_workspace(root))
    assert published_tree(root) == before
