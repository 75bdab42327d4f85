"""kill -9 anywhere, run again: the same bytes as a run that nobody disturbed."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

from gym_keep import GymKeep, after_close, differing, published_tree, served_tree

from gym import FaultPlan, Gym, serve
from marketkeep.pipeline.journal import open_runs
from marketkeep.pipeline.rebuild import rebuild

KILLS = 20
START, LAST = date(2016, 1, 4), date(2025, 12, 30)
FAULTS = ("http_429", "http_500", "cut", "truncated", "malformed", "empty", "wrong_symbol", "duplicates")


def start_update(root: Path, gym: Gym) -> subprocess.Popen[bytes]:
    """The real command, in a process of its own."""
    environment = {
        **os.environ,
        "MARKETKEEP_GATEWAY": gym.url,
        "MARKETKEEP_SOURCES__YAHOO__CALLS": "1000",
        "MARKETKEEP_PACK_BYTES": str(2 * 2**20),
    }
    command = [sys.executable, "-m", "marketkeep", "update", "--source", "yahoo", "--data", str(root)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def kill_somewhere(root: Path, gym: Gym, chance: random.Random) -> bool:
    """
    Start an update and kill it at a random point: while it starts or takes up what was left, after some requests, or
    when it asks no more and publishes. False when it was faster.
    """
    before = gym.count
    process = start_update(root, gym)
    wait = chance.choice((wait_for_time, wait_for_requests, wait_for_quiet))
    wait(process, gym, before, chance)
    killed = process.poll() is None
    process.kill()
    process.communicate()
    return killed


def wait_for_time(process: subprocess.Popen[bytes], gym: Gym, before: int, chance: random.Random) -> None:
    """Some time after the start, whatever it does by then."""
    until = time.monotonic() + chance.uniform(0.3, 3.0)
    while process.poll() is None and time.monotonic() < until:
        time.sleep(0.005)


def wait_for_requests(process: subprocess.Popen[bytes], gym: Gym, before: int, chance: random.Random) -> None:
    """Some requests after its first."""
    more = chance.randrange(1, 25)
    while process.poll() is None and gym.count - before < more:
        time.sleep(0.002)


def wait_for_quiet(process: subprocess.Popen[bytes], gym: Gym, before: int, chance: random.Random) -> None:
    """A little into a pause between requests: it parses, writes a batch or publishes."""
    wait_for_requests(process, gym, before, chance)
    seen, since = gym.count, time.monotonic()
    while process.poll() is None and time.monotonic() - since < 0.3:
        if gym.count != seen:
            seen, since = gym.count, time.monotonic()
        time.sleep(0.002)
    time.sleep(chance.uniform(0.0, 0.3))


def undisturbed(root: Path, gym: Gym) -> None:
    """The keep as it is when nobody interrupts."""
    keep = GymKeep(root, gym)
    keep.follow(START)
    keep.collect()


def test_killed_twenty_times_ends_as_if_never(tmp_path: Path) -> None:
    """
    200 symbols over 10 years: `marketkeep update` killed at 20 random points, and run again until it ends, publishes
    the bytes of an uninterrupted run; and what it left in raw rebuilds to the same.
    """
    faults = FaultPlan(0.05, kinds=FAULTS, seed=3)
    chance = random.Random(20)
    killed = 0
    with serve(symbols=200, years=10, seed=7, last=LAST, now=after_close(LAST), faults=faults) as gym:
        undisturbed(tmp_path / "whole", gym)
        while killed < KILLS:
            gym.set_faults(faults)
            keep = GymKeep(tmp_path / f"killed-{killed}", gym)
            keep.follow(START)
            before = killed
            while killed < KILLS and kill_somewhere(keep.root, gym, chance):
                killed += 1
            print(f"killed {killed - before} times before it came to its end")
            finish(keep, gym)
            assert served_tree(keep.root) == served_tree(tmp_path / "whole")
            assert differing(keep.root, gym, START, LAST) == {}
        check_rebuild(keep, gym)


def finish(keep: GymKeep, gym: Gym) -> None:
    """Run the update once more, undisturbed."""
    last = start_update(keep.root, gym)
    _, errors = last.communicate(timeout=120)
    assert last.returncode == 0, errors.decode()
    assert open_runs(keep.root) == []


def check_rebuild(keep: GymKeep, gym: Gym) -> None:
    """What many half runs left in raw rebuilds to what is published, findings and catalog included."""
    before = published_tree(keep.root)
    gym.now += timedelta(hours=1)
    rebuild(keep.work)
    assert published_tree(keep.root) == before
