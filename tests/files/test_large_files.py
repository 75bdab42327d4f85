"""Large files go in and out of a place in little memory, whole or not at all."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from marketkeep.errors import StoreError
from marketkeep.files import files_at
from s3_servers import Server, place_on

MIB = 2**20
SIZE = 160 * MIB
HANDED = """
import sys
from pathlib import Path
from marketkeep.files import bucket, files_at
bucket.PART_BYTES, bucket.WHOLE_BYTES = 5 * 2**20, 6 * 2**20
def told(name):
    return int(next(line for line in open("/proc/self/status") if line.startswith(name)).split()[1]) // 1024
files, path = files_at(sys.argv[1]), Path(sys.argv[2])
files.write("warm", b"x" * 2**20, durable=True)
assert sum(map(len, files.parts("warm"))) == 2**20
open("/proc/self/clear_refs", "w").write("5")
before = told("VmHWM")
files.adopt("large", path)
handed = told("VmHWM") - before
open("/proc/self/clear_refs", "w").write("5")
before = told("VmHWM")
print(handed, sum(map(len, files.parts("large"))), told("VmHWM") - before)
"""


def large(path: Path) -> Path:
    """A large file that takes no room."""
    with path.open("wb") as file:
        file.truncate(SIZE)
    return path


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs what Linux tells of memory")
@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_little_of_it_is_in_memory(
    kind: str, s3_servers: dict[str, Server], aws: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """To hand over a file of 160 MiB takes a few parts of it in memory, and so does reading it back."""
    place = place_on(s3_servers["disk"], aws).url if kind == "bucket" else str(tmp_path / "keep")
    command = [sys.executable, "-c", HANDED, place, str(large(tmp_path / "large"))]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    handed, size, read = (int(one) for one in told.split())
    print(f"{kind}: {handed} MiB in, {read} MiB out")
    assert size == SIZE
    assert handed < 80
    assert read < 80


def test_a_server_that_dies_keeps_what_was_there(
    own_disk_server: Server, aws: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A server that dies while it is handed a large file: that is told, the file stays here, the old bytes there."""
    aws.setenv("MARKETKEEP_RETRIES", "0")
    place = place_on(own_disk_server, aws)
    files, path = files_at(place.url), large(tmp_path / "large")
    files.write("large", b"old", durable=True)
    with ThreadPoolExecutor(1) as beside:
        handing = beside.submit(files.adopt, "large", path)
        while not any("partNumber" in line for line in own_disk_server.asked(place.bucket)):
            assert not handing.done()
            time.sleep(0.001)
        own_disk_server.kill()
        with pytest.raises(StoreError, match=r"cannot write s3://.*/large"):
            handing.result(timeout=60)
    own_disk_server.start()
    assert path.stat().st_size == SIZE
    assert files.read("large") == b"old"
    files.adopt("large", path)
    assert sum(map(len, files.parts("large"))) == SIZE


def test_a_server_that_dies_is_told_in_the_middle(
    own_disk_server: Server, aws: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A server that dies while a large file is read ends the parts with an error, never as if that were all."""
    aws.setenv("MARKETKEEP_RETRIES", "0")
    files = files_at(place_on(own_disk_server, aws).url)
    files.adopt("large", large(tmp_path / "large"))
    parts = files.parts("large")
    next(parts)
    own_disk_server.kill()
    with pytest.raises(StoreError, match=r"cannot read s3://.*/large"):
        list(parts)
