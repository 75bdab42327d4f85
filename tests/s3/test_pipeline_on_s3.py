"""The pipeline over a bucket: collected from vendors, killed and taken up elsewhere, it ends as in a folder."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from bucket_keep import content, run
from polars.testing import assert_frame_equal

import marketkeep
from gym import Gym, serve
from marketkeep.files import Files, files_at
from marketkeep.http import Client, HttpSettings, YahooTransport
from marketkeep.model import Policy, Rate
from marketkeep.operate.doctor import examine
from marketkeep.pipeline.collecting.ledger import Ledger
from marketkeep.pipeline.collecting.means import Means
from marketkeep.pipeline.collecting.update import update
from marketkeep.pipeline.journal import open_runs, read_run, run_keys
from marketkeep.pipeline.rebuild import rebuild
from marketkeep.pipeline.securities import add_symbols
from marketkeep.pipeline.workspace import open_workspace
from marketkeep.raw import BatchStore
from marketkeep.sources import Yahoo
from marketkeep.stores.lake import Lake
from s3_servers import KINDS, Place, Server, place_on

START, LAST = date(2025, 1, 2), date(2025, 12, 30)
SYMBOLS = 12
SERVED = ("ticks/", "corporate_actions/", "reference/", "panel/")
QUICK = HttpSettings(timeout_seconds=2.0, connect_seconds=2.0, attempts=4, wait_initial=0.01, wait_max=0.05)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, s3_servers: dict[str, Server], aws: pytest.MonkeyPatch) -> Place:
    """A prefix on each server."""
    aws.setenv("MARKETKEEP_FRESH_SECONDS", "0")
    aws.setenv("MARKETKEEP_LEASE_SECONDS", "1")
    return place_on(s3_servers[request.param], aws)


def follow(place: Path | str, gym: Gym) -> None:
    """A new keep that follows the gym's symbols."""
    Lake(place).create(Policy())
    add_symbols(open_workspace(place, clock=lambda: gym.now), gym.truth.symbols, start=START)


def collect(place: Path | str, gym: Gym) -> None:
    """Update a keep from the gym's Yahoo."""
    work = open_workspace(place, clock=lambda: gym.now)
    with (
        Ledger(place, work.clock) as ledger,
        Client(QUICK, clock=work.clock, transports={"yahoo": YahooTransport(gym.url)}) as client,
    ):
        update(work, Means((Yahoo(rate=Rate(1000)),), client, ledger, workers=1))


def served(files: Files) -> dict[str, bytes | None]:
    """The published files that tell values alone."""
    return {key: data for key, data in content(files).items() if key.startswith(SERVED)}


def raw_rows(files: Files, dataset: str) -> pl.DataFrame:
    """Every raw row of a dataset, whatever batch it is in."""
    store = BatchStore(files)
    paths = [path for path in store.paths() if path.split("/")[1] == dataset]
    rows = store.rows(dataset, paths).drop("batch_id", "payload")
    return rows.sort(rows.columns)


def test_an_update_ends_as_in_a_folder(place: Place, tmp_path: Path) -> None:
    """
    Two updates from a vendor publish the bytes that they publish in a folder and keep the same raw rows; a rebuild
    changes no byte; payloads are found without a listing.
    """
    folder, bucket = Path(tmp_path / "keep"), place.url
    with serve(symbols=SYMBOLS, years=1, seed=7, last=LAST, now=_evening(LAST - timedelta(days=30))) as gym:
        for where in (folder, bucket):
            follow(where, gym)
            collect(where, gym)
        gym.now = _evening(LAST)
        for where in (folder, bucket):
            collect(where, gym)
    here, there = files_at(folder), files_at(bucket)
    assert len(served(there)) > SYMBOLS
    assert served(there) == served(here)
    for dataset in ("daily_bars", "actions", "securities"):
        assert_frame_equal(raw_rows(there, dataset), raw_rows(here, dataset))
    before = content(there)
    rebuild(open_workspace(bucket))
    assert content(there) == before
    assert examine(there).problems == ()
    asked = place.asked()
    keep = marketkeep.open(bucket)
    name, day = keep.bars(keep.symbols()).polars().select("symbol", "date").row(-1)
    told = keep.explain(name, day, "close")
    code, out, err = run("landing", "show", told.candidates[0].digest, "--data", bucket)
    assert (code, err) == (0, "")
    assert out.startswith("{")
    assert (place.asked() - asked)["LIST"] == 0


def test_killed_and_taken_up_elsewhere(place: Place, tmp_path: Path, aws: pytest.MonkeyPatch) -> None:
    """
    `marketkeep update` killed at random points, each time taken up by a machine that knows nothing of the one before,
    ends with the bytes of a run that nobody disturbed; no catalog in between is half there and nothing is lost.
    """
    chance, killed = random.Random(5), 0
    with serve(symbols=SYMBOLS, years=1, seed=7, last=LAST, now=_evening(LAST)) as gym:
        follow(tmp_path / "whole", gym)
        collect(tmp_path / "whole", gym)
        follow(place.url, gym)
        for number in range(6):
            aws.setenv("MARKETKEEP_CACHE", str(tmp_path / f"machine-{number}"))
            before = gym.count
            process = start_update(place.url, gym)
            until = time.monotonic() + chance.uniform(1.0, 4.0)
            wanted = chance.randrange(1, SYMBOLS)
            while process.poll() is None and time.monotonic() < until and gym.count - before < wanted:
                time.sleep(0.005)
            killed += process.poll() is None
            process.kill()
            process.communicate()
            time.sleep(2.2)
            marketkeep.open(files_at(place.url)).symbols()
            shutil.rmtree(tmp_path / f"machine-{number}", ignore_errors=True)
        assert killed > 0
        code = finish(place.url, gym)
    assert code == 0
    there = files_at(place.url)
    assert served(there) == served(files_at(tmp_path / "whole"))
    assert open_runs(there) == []
    assert examine(there).problems == ()
    events = [one["event"] for key in run_keys(there) for one in read_run(there, key)]
    assert "recovered" in events


def test_the_server_dies_in_an_update(own_disk_server: Server, aws: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A server that is killed while an update lands and publishes: one line tells it, the next run completes."""
    aws.setenv("MARKETKEEP_FRESH_SECONDS", "0")
    aws.setenv("MARKETKEEP_LEASE_SECONDS", "1")
    place = place_on(own_disk_server, aws)
    with serve(symbols=SYMBOLS, years=1, seed=7, last=LAST, now=_evening(LAST)) as gym:
        follow(tmp_path / "whole", gym)
        collect(tmp_path / "whole", gym)
        follow(place.url, gym)
        asked = sum(place.asked().values())
        process = start_update(place.url, gym)
        while process.poll() is None and sum(place.asked().values()) < asked + 30:
            time.sleep(0.002)
        own_disk_server.kill()
        _, errors = process.communicate(timeout=200)
        assert process.returncode != 0
        assert b"Traceback" not in errors
        assert b"error: " in errors
        own_disk_server.start()
        assert finish(place.url, gym) == 0
    assert served(files_at(place.url)) == served(files_at(tmp_path / "whole"))
    assert examine(place.url).problems == ()


def start_update(place: str, gym: Gym) -> subprocess.Popen[bytes]:
    """The real command, in a process of its own."""
    environment = {**os.environ, "MARKETKEEP_GATEWAY": gym.url, "MARKETKEEP_SOURCES__YAHOO__CALLS": "1000"}
    command = [sys.executable, "-m", "marketkeep", "update", "--source", "yahoo", "--data", place]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finish(place: str, gym: Gym) -> int:
    """Run the update until the lease of a writer that was killed is over and it goes through."""
    for _ in range(20):
        process = start_update(place, gym)
        _, errors = process.communicate(timeout=200)
        if process.returncode == 0:
            return 0
        assert b"is being written by" in errors, errors.decode()
        time.sleep(0.5)
    return 1


def _evening(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 23, tzinfo=UTC)
