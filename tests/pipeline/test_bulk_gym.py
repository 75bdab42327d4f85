"""The facts of 2,000 companies in one download, streamed: what it takes of memory, measured in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from marketkeep.model import Policy
from marketkeep.operate import examine
from marketkeep.pipeline.collecting.universe import follow_universe
from marketkeep.pipeline.workspace import open_workspace
from marketkeep.stores.lake import Lake

# Funds have no company, some securities share one: so many symbols are of 2,000 companies and more.
SYMBOLS, COMPANIES = 2_500, 2_000
MOST_MEGABYTES = 600


@pytest.fixture(scope="module")
def gym() -> Iterator[dict[str, Any]]:
    """The SEC and the exchange's directory, in a process of their own."""
    today = datetime.now(UTC)
    command = [sys.executable, "-m", "gym", "--symbols", str(SYMBOLS), "--years", "4", "--now", today.isoformat()]
    command += ["--vendors", "nasdaq_trader,sec_tickers,sec", "--last", f"{today:%Y-%m-%d}"]
    tests = str(Path(__file__).parents[1])
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": tests}) as process:
        assert process.stdout is not None
        yield orjson.loads(process.stdout.readline())
        process.terminate()


def high_water(pid: int) -> float:
    """The most memory a process has had by now, in MB: what the system tells at its end would begin with ours."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0.0
    return float(found[1]) / 1024 if found else 0.0


def run(gym: dict[str, Any], root: Path, *datasets: str) -> tuple[str, float]:
    """Update these datasets in a process of its own; what it said, and the most memory it had, in MB."""
    command = [sys.executable, "-m", "marketkeep", "update", "--data", str(root)]
    for dataset in datasets:
        command += ["--dataset", dataset]
    settings = {"MARKETKEEP_GATEWAY": gym["url"], "MARKETKEEP_CONTACT": "tester@example.org"}
    settings["MARKETKEEP_TIMEOUT_SECONDS"] = "120"
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **settings}, text=True
    ) as process:
        megabytes = 0.0
        while process.poll() is None:
            megabytes = max(megabytes, high_water(process.pid))
            time.sleep(0.05)
        assert process.stdout is not None
        said = process.stdout.read()
    assert process.returncode == 0, said
    return said, megabytes


def test_bulk_facts_fit_in_memory(gym: dict[str, Any], tmp_path: Path) -> None:
    """
    2,000 companies' facts are one request, streamed and read member by member under 600 MB; each company is settled,
    and the next run asks for nothing.
    """
    root = tmp_path / "keep"
    Lake(root).create(Policy())
    work = open_workspace(root)
    follow_universe(work, ["all_us"])
    run(gym, root, "listings")
    said, megabytes = run(gym, root, "facts")
    print(f"{said.strip()}\npeak memory {megabytes:,.0f} MB")
    assert 50 < megabytes < MOST_MEGABYTES
    paths = work.lake.catalog().batch_paths("facts")
    rows = pl.scan_parquet([root / path for path in paths], glob=False)
    told = rows.select(pl.col("cik").n_unique().alias("companies"), rows=pl.len()).collect().row(0, named=True)
    print(told)
    assert told["companies"] >= COMPANIES
    assert told["rows"] > 1_000_000
    assert "1 requests planned, 1 sent" in said
    again, _ = run(gym, root, "facts")
    assert "requests planned" not in again
    assert "up to date" in again
    assert examine(root).problems == ()
    assert not list(root.rglob("*.tmp"))
