"""Disks that take no more, and a second writer: one line, no half file, and the next run makes up for it."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from command_line import bars, environment, published, run, tree

from marketkeep.pipeline.journal import open_runs

_DROP_FROM_BOUNDING_SET, _OVERRIDE_PERMISSIONS = 24, 1
HOLD = """
import sys
from pathlib import Path
from marketkeep.files import Folder
with Folder(Path(sys.argv[1])).lease("backfill"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Bars of three symbols to be taken in."""
    (tmp_path / "more.csv").write_text(bars(["TSLA", "NVDA", "AMD"], count=250))
    return tmp_path / "more.csv"


@contextmanager
def read_only(root: Path) -> Iterator[None]:
    """Everything under `root` without permission to write."""
    paths = [root, *root.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    for path in paths:
        path.chmod(modes[path] & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    try:
        yield
    finally:
        for path in paths:
            path.chmod(modes[path])


def bound_by_permissions() -> None:
    """Permissions bind root like anybody else from here on (in a child, before it begins)."""
    if os.geteuid() == 0 and ctypes.CDLL(None).prctl(_DROP_FROM_BOUNDING_SET, _OVERRIDE_PERMISSIONS, 0, 0, 0):
        raise OSError("root cannot be bound by permissions here")


def at_most(size: int) -> Callable[[], None]:
    """No file grows beyond `size` bytes, as on a full disk: writing fails, nothing is killed."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@pytest.mark.skipif(sys.platform != "linux", reason="how root is bound by permissions is Linux's way")
def test_read_only_disk(keep: Path, file: Path) -> None:
    """Where nothing may be written every writing command says so in one line, and questions are answered."""
    before = tree(keep)
    with read_only(keep):
        for command in (["ingest", file], ["rebuild"]):
            done = run(*command, "--data", keep, preexec=bound_by_permissions)
            done.refused(1, "cannot write", "Permission denied")
        assert run("query", "AAPL", "--data", keep, preexec=bound_by_permissions).code == 0
    assert tree(keep) == before


@pytest.mark.parametrize("size", [0, 2_000, 20_000])
def test_full_disk(keep: Path, file: Path, size: int) -> None:
    """A disk that is full at any point leaves no half file; run again with room, all is as if it had never been."""
    undisturbed = keep.with_name("undisturbed")
    shutil.copytree(keep, undisturbed)
    run("ingest", file, "--data", keep, preexec=at_most(size)).refused(1, "cannot write", "File too large")
    left = tree(keep)
    assert [path for path in left if path.endswith(".tmp")] == []
    for path, data in left.items():
        if path.endswith(".json") and data is not None:
            orjson.loads(data)
    for root in (keep, undisturbed):
        assert run("ingest", file, "--data", root).code == 0
    assert published(keep) == published(undisturbed)
    assert open_runs(keep) == []


def test_full_disk_under_the_output(built: Path) -> None:
    """What cannot be printed is told in one line."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "marketkeep", "query", "AAPL", "--data", str(built)]
        done = subprocess.run(command, env=environment(), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_second_writer(keep: Path, file: Path) -> None:
    """While one writer holds the lease another is told who it is; nothing is written and questions are answered."""
    holder = [sys.executable, "-c", HOLD, str(keep)]
    with subprocess.Popen(holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        before = tree(keep)
        run("ingest", file, "--data", keep).refused(1, f"process {other.pid}", "backfill", "run again")
        assert run("query", "AAPL", "--data", keep).code == 0
        assert tree(keep) == before
        other.communicate("")
    assert run("ingest", file, "--data", keep).code == 0
