"""Copying large files of a keep: in parts, held against their hash, whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from bucket_keep import bars, content, make

from marketkeep.errors import CorruptFile, StoreError
from marketkeep.files import Files, Folder, bucket_reads, files_at, folder
from marketkeep.pipeline import sync as module
from marketkeep.pipeline.sync import sync
from s3_servers import KINDS, Place, Server, place_on

PACK = "landing/csv/2025-06-02/large-0.warc.gz"


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, s3_servers: dict[str, Server], aws: pytest.MonkeyPatch) -> Place:
    """A prefix on each server."""
    aws.setenv("MARKETKEEP_FRESH_SECONDS", "0")
    return place_on(s3_servers[request.param], aws)


@pytest.fixture
def all_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file counts as large, and comes in several parts."""
    monkeypatch.setattr(module, "_LARGE", 0)
    monkeypatch.setattr(folder, "_PART", 1000)
    monkeypatch.setattr(bucket_reads, "_PART", 1000)


def left_aside(*files: Files) -> list[Path]:
    """What copies left in scratch folders."""
    return [path for one in files for path in one.scratch.rglob("*") if path.is_file() and "aside" in path.parts]


@pytest.mark.usefixtures("all_large")
def test_there_and_back_in_parts(place: Place, tmp_path: Path) -> None:
    """A keep copied in parts to a bucket, back and on is the same byte for byte, and nothing is left aside."""
    here, there, back = make(tmp_path / "here", bars(tmp_path)), files_at(place.url), Folder(tmp_path / "back")
    done = sync(here, there)
    assert done.bytes == sum(len(data or b"") for data in content(here, without=("journal/ledger",)).values())
    assert sync(there, back).copied == done.copied
    assert sync(back, tmp_path / "on").copied == done.copied
    assert content(back, without=()) == content(here, without=()) == content(Folder(tmp_path / "on"), without=())
    assert sync(there, back).copied == sync(here, there).copied == 0
    assert left_aside(here, there, back) == []


@pytest.mark.parametrize("large", [True, False])
@pytest.mark.parametrize("what", ["raw/*/*/*/*.parquet", "panel/daily_bars/*/*.parquet"])
def test_what_is_damaged_is_not_copied(
    place: Place, tmp_path: Path, what: str, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch or file of the panel with other bytes than its hash is named, the other keep is as it was."""
    monkeypatch.setattr(module, "_LARGE", 0 if large else 2**40)
    here, there = make(tmp_path / "here", bars(tmp_path)), files_at(place.url)
    path = next(here.root.glob(what))  # type: ignore[attr-defined]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    key = path.relative_to(tmp_path / "here").as_posix()
    with pytest.raises(CorruptFile, match=r"its bytes differ from the hash in .* it was not copied") as told:
        sync(here, there)
    assert told.value.key == key
    assert not there.exists(key)
    assert not there.exists("catalog/CURRENT")
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    sync(here, there)
    assert content(there, without=()) == content(here, without=())
    assert left_aside(here, there) == []


@pytest.mark.usefixtures("all_large")
@pytest.mark.parametrize("way", ["to", "from"])
def test_a_server_that_dies_in_the_middle(
    own_disk_server: Server, aws: pytest.MonkeyPatch, tmp_path: Path, way: str
) -> None:
    """
    A server that dies while a large file is copied: that is told, nothing half-written is in either place, and the same
    again takes it up.
    """
    aws.setenv("MARKETKEEP_RETRIES", "0")
    aws.setenv("MARKETKEEP_LEASE_SECONDS", "1")
    there = files_at(place_on(own_disk_server, aws).url)
    here = make(tmp_path / "here", bars(tmp_path))
    want = content(here, without=())
    give, take = (here, there) if way == "to" else (there, Folder(tmp_path / "back"))
    if way == "from":
        sync(here, there)
    with pytest.MonkeyPatch.context() as patch:
        real, seen = type(give).parts, 0

        def dying(self: Files, key: str) -> Iterator[bytes]:
            nonlocal seen
            for part in real(self, key):  # type: ignore[arg-type]
                yield part
                seen += 1
                if seen == 12:
                    own_disk_server.kill()

        patch.setattr(type(give), "parts", dying)
        with pytest.raises(StoreError, match=r"cannot .* s3://|lease of s3://"):
            sync(give, take)
    own_disk_server.start()
    if way == "to":
        # Who comes anew: the one from before has still to tell of writes that failed behind it.
        take = files_at(there.place)
    assert 0 < len(content(take, without=())) < len(want)
    assert content(take, without=()).items() <= want.items()
    assert left_aside(here, there, take) == []
    for _ in range(60):
        try:
            sync(give, take)
            break
        except StoreError as error:
            assert "is being written by" in str(error)  # noqa: PT017  a lease that nobody let go of
            time.sleep(0.2)
    assert content(take, without=()) == want


COPY = """
import sys
from marketkeep.files import bucket
from marketkeep.pipeline.sync import sync
bucket.PART_BYTES, bucket.WHOLE_BYTES = 5 * 2**20, 6 * 2**20
def told(name):
    return int(next(line for line in open("/proc/self/status") if line.startswith(name)).split()[1]) // 1024
sync(sys.argv[1], sys.argv[3])
open("/proc/self/clear_refs", "w").write("5")
before = told("VmHWM")
print(sync(sys.argv[2], sys.argv[3]).bytes // 2**20, told("VmHWM") - before)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs what Linux tells of memory")
def test_large_files_in_little_memory(s3_servers: dict[str, Server], aws: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A pack of 200 MiB is copied to a folder, to a bucket and back, each with a few parts of it in memory."""
    there = place_on(s3_servers["disk"], aws).url
    small, here = tmp_path / "small", tmp_path / "here"
    make(small)
    make(here)
    (here / "marketkeep.json").write_bytes((small / "marketkeep.json").read_bytes())
    (here / PACK).parent.mkdir(parents=True)
    with (here / PACK).open("wb") as file:
        file.truncate(200 * 2**20)
    for give, take in ((here, tmp_path / "copy"), (here, there), (there, tmp_path / "back")):
        command = [sys.executable, "-c", COPY, str(small), str(give), str(take)]
        told = subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ)).stdout
        copied, most = (int(one) for one in told.split())
        print(f"{give} to {take}: {copied} MiB in {most} MiB")
        assert copied == 200
        assert most < 80
    assert (tmp_path / "back" / PACK).stat().st_size == 200 * 2**20
