"""Reading from a bucket through the copies on this machine, counted at the server."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from marketkeep.errors import StoreError
from marketkeep.files.bucket import Bucket
from marketkeep.files.bucket_options import Options
from marketkeep.files.cache import Cache
from s3_servers import Place, Server, place_on

READ = """
import sys
from marketkeep.files import files_at
keys = [f"k/{number}" for number in range(60)]
for _ in range(3):
    for key, data in files_at(sys.argv[1]).stream(keys, dict.fromkeys(keys, "v1")):
        assert data == key.encode() * 500, key
"""


def bucket(place: Place, folder: Path, **options: float) -> Bucket:
    """A reader with a cache in `folder`."""
    return Bucket(place.url, replace(Options(cache=folder, fresh_seconds=0), **options))  # type: ignore[arg-type]


def filled(place: Place, folder: Path, count: int = 40, size: int = 1000) -> tuple[list[str], dict[str, str]]:
    """That many objects, their keys, and a version for each."""
    writer = bucket(place, folder / "writer")
    keys = [f"k/{number}.parquet" for number in range(count)]
    for key in keys:
        writer.write(key, key.encode() * (size // len(key)))
    writer.flush()
    return keys, dict.fromkeys(keys, "v1")


def test_second_read_asks_nothing(moto_place: Place, tmp_path: Path) -> None:
    """What is there under the version asked for is read again without a request, in this process and the next."""
    keys, versions = filled(moto_place, tmp_path)
    reader = bucket(moto_place, tmp_path / "c")
    first = dict(reader.stream(keys, versions))
    before = moto_place.asked()
    assert dict(reader.stream(keys, versions)) == first
    again = bucket(moto_place, tmp_path / "c")
    assert {key: again.read(key, "v1") for key in keys} == first
    assert [path.read_bytes() for path in again.local(keys, versions)] == list(first.values())
    assert moto_place.asked() == before


def test_another_version_is_asked_by_etag(
    s3_servers: dict[str, Server], aws: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Under another version the server is asked whether it changed: it sends only what did."""
    place = place_on(s3_servers["disk"], aws)
    keys, versions = filled(place, tmp_path, 4)
    reader, writer = bucket(place, tmp_path / "c"), bucket(place, tmp_path / "w")
    old = dict(reader.stream(keys, versions))
    writer.write(keys[0], b"new", durable=True)
    asked = len(place.server.asked(place.bucket))
    now = dict(reader.stream(keys, dict.fromkeys(keys, "v2")))
    assert now == {**old, keys[0]: b"new"}
    conditional = [line for line in place.server.asked(place.bucket)[asked:] if line.split(" ")[2]]
    assert len(conditional) == len(keys)
    before = place.asked()
    assert dict(reader.stream(keys, dict.fromkeys(keys, "v2"))) == now
    assert place.asked() == before


def test_without_a_version_it_is_asked_each_time(moto_place: Place, tmp_path: Path) -> None:
    """A read without a version sees what another writer has just replaced."""
    filled(moto_place, tmp_path, 1)
    reader, writer = bucket(moto_place, tmp_path / "c"), bucket(moto_place, tmp_path / "w")
    reader.read("k/0.parquet")
    writer.write("k/0.parquet", b"new", durable=True)
    assert reader.read("k/0.parquet") == b"new"
    writer.remove(["k/0.parquet"])
    with pytest.raises(FileNotFoundError):
        reader.read("k/0.parquet")


def test_the_pointer_is_fresh_for_a_moment(moto_place: Place, tmp_path: Path) -> None:
    """What was read without a version is not asked for again within the window, unless this reader changed it."""
    reader = bucket(moto_place, tmp_path / "c", fresh_seconds=0.7)
    for _ in range(5):
        with pytest.raises(FileNotFoundError):
            reader.read("catalog/CURRENT")
    assert moto_place.asked()["GET"] == 1
    reader.write("catalog/CURRENT", b"one", durable=True)
    assert [reader.read("catalog/CURRENT") for _ in range(5)] == [b"one"] * 5
    assert moto_place.asked()["GET"] == 2
    bucket(moto_place, tmp_path / "w").write("catalog/CURRENT", b"two", durable=True)
    time.sleep(0.8)
    assert reader.read("catalog/CURRENT") == b"two"


def test_reading_never_lists(moto_place: Place, tmp_path: Path) -> None:
    """No way of reading lists a bucket."""
    keys, versions = filled(moto_place, tmp_path, 5)
    reader = bucket(moto_place, tmp_path / "c")
    list(reader.stream(keys))
    reader.local(keys, versions)
    reader.read(keys[0])
    reader.exists(keys[0])
    reader.exists("absent")
    assert moto_place.asked()["LIST"] == 0


@pytest.mark.parametrize("harm", ["shorter", "other bytes", "gone", "record"])
def test_a_damaged_copy_is_fetched_again(moto_place: Place, tmp_path: Path, harm: str) -> None:
    """A copy that is not what was recorded is never handed out: the object is asked for again."""
    keys, versions = filled(moto_place, tmp_path, 6)
    want = dict(bucket(moto_place, tmp_path / "c").stream(keys, versions))
    for path in (tmp_path / "c" / "objects").glob("??/*"):
        if path.is_symlink():
            if harm == "record":
                path.unlink()
                path.symlink_to("nonsense")
        elif harm == "shorter":
            path.write_bytes(path.read_bytes()[:-1])
        elif harm == "other bytes":
            path.write_bytes(b"?" * path.stat().st_size)
        elif harm == "gone":
            path.unlink()
    reader = bucket(moto_place, tmp_path / "c")
    assert dict(reader.stream(keys[:3], versions)) == {key: want[key] for key in keys[:3]}
    assert [path.read_bytes() for path in reader.local(keys, versions)] == list(want.values())
    before = moto_place.asked()
    assert dict(reader.stream(keys, versions)) == want
    assert moto_place.asked() == before


def test_the_cache_stays_within_its_limit(moto_place: Place, tmp_path: Path) -> None:
    """More than the limit is read whole, and what is kept stays below it, the last used among it."""
    keys, versions = filled(moto_place, tmp_path, 120, 20_000)
    limit = 1_000_000
    reader = bucket(moto_place, tmp_path / "c", cache_bytes=limit)
    assert sum(1 for _, data in reader.stream(keys, versions) if data) == 120
    assert Cache(tmp_path / "c" / "objects", limit).size() <= limit
    before = moto_place.asked()["GET"]
    for key in keys[-10:]:
        reader.read(key, "v1")
    assert moto_place.asked()["GET"] == before
    reader.read(keys[0], "v1")
    assert moto_place.asked()["GET"] == before + 1


def test_the_longest_unused_goes_first(moto_place: Place, tmp_path: Path) -> None:
    """What was used lately outlives what was not, whatever came first."""
    keys, versions = filled(moto_place, tmp_path, 60, 20_000)
    reader = bucket(moto_place, tmp_path / "c", cache_bytes=700_000)
    list(reader.stream(keys[:10], versions))
    old = time.time() - 7200
    for path in (tmp_path / "c" / "objects").glob("??/*-*"):
        os.utime(path, (old, old))
    reader.read(keys[0], "v1")
    list(reader.stream(keys[10:], versions))
    before = moto_place.asked()["GET"]
    reader.read(keys[0], "v1")
    assert moto_place.asked()["GET"] in {before, before + 1}
    reader.read(keys[1], "v1")
    assert moto_place.asked()["GET"] > before


def test_paths_outlive_the_limit(moto_place: Place, tmp_path: Path) -> None:
    """Paths handed out hold their bytes while far more than the limit is read after them."""
    keys, versions = filled(moto_place, tmp_path, 80, 20_000)
    reader = bucket(moto_place, tmp_path / "c", cache_bytes=200_000)
    paths = reader.local(keys, versions)
    list(reader.stream(keys, versions))
    bucket(moto_place, tmp_path / "c", cache_bytes=200_000).local(keys, versions)
    assert [path.read_bytes() for path in paths] == [key.encode() * (20_000 // len(key)) for key in keys]
    assert Cache(tmp_path / "c" / "objects", 200_000).size() <= 200_000


def test_no_cache_at_all(moto_place: Place, tmp_path: Path) -> None:
    """With a limit of nothing every way of reading still works."""
    keys, versions = filled(moto_place, tmp_path, 10)
    reader = bucket(moto_place, tmp_path / "c", cache_bytes=0)
    want = [data for _, data in reader.stream(keys, versions)]
    assert [path.read_bytes() for path in reader.local(keys, versions)] == want
    assert Cache(tmp_path / "c" / "objects", 0).size() == 0


def test_room_made_meanwhile_takes_no_path_away(tmp_path: Path) -> None:
    """Of many paths handed out at once none is lost to who makes room beside it."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for turn in range(20):
            cache = Cache(tmp_path / str(turn) / "objects", 0)

            def one(number: int, cache: Cache = cache) -> bytes:
                name = Cache.name_of(str(number))
                return cache.keep_held(name, [b"%d" % number], "etag", "", ".parquet").read_bytes()

            with ThreadPoolExecutor(24) as pool:
                assert list(pool.map(one, range(24))) == [b"%d" % number for number in range(24)]
    finally:
        sys.setswitchinterval(before)


def test_a_cache_that_cannot_be_written(moto_place: Place, tmp_path: Path) -> None:
    """Where no copy can be kept reading works without; only who wants a path is told, with the folder and a remedy."""
    keys, versions = filled(moto_place, tmp_path, 3)
    (tmp_path / "c").write_text("a file where the folder should be")
    reader = bucket(moto_place, tmp_path / "c")
    assert len(dict(reader.stream(keys, versions))) == 3
    with pytest.raises(StoreError, match=r"cannot keep a copy of s3://.*MARKETKEEP_CACHE"):
        reader.local(keys, versions)


def test_many_processes_share_a_cache(moto_place: Place, tmp_path: Path, aws: pytest.MonkeyPatch) -> None:
    """Processes that read at once through one small cache, making room all the while, all read the right bytes."""
    writer = bucket(moto_place, tmp_path / "w")
    for number in range(60):
        writer.write(f"k/{number}", f"k/{number}".encode() * 500)
    writer.flush()
    aws.setenv("MARKETKEEP_CACHE_BYTES", "60000")
    readers = [subprocess.Popen([sys.executable, "-c", READ, moto_place.url]) for _ in range(3)]
    assert [reader.wait(120) for reader in readers] == [0, 0, 0]


def test_threads_share_a_reader(moto_place: Place, tmp_path: Path) -> None:
    """Threads that read the same objects at once all read the right bytes."""
    keys, versions = filled(moto_place, tmp_path, 20)
    reader = bucket(moto_place, tmp_path / "c")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: dict(reader.stream(keys, versions)), range(8)))
    assert all(answer == answers[0] for answer in answers)


def test_places_do_not_share_copies(moto_place: Place, tmp_path: Path, aws: pytest.MonkeyPatch) -> None:
    """The same key and version in another prefix is another object."""
    one, two = moto_place.url, moto_place.url + "2"
    options = Options(cache=tmp_path / "c")
    Bucket(one, options).write("x", b"one", durable=True)
    Bucket(two, options).write("x", b"two", durable=True)
    assert [Bucket(url, options).read("x", "v1") for url in (one, two, one)] == [b"one", b"two", b"one"]


def test_dead_readers_leave_nothing(moto_place: Place, tmp_path: Path, aws: pytest.MonkeyPatch) -> None:
    """The paths of a process that was killed are removed by a later one; of one that ended, by itself."""
    keys, versions = filled(moto_place, tmp_path, 2)
    code = "import sys, os\nfrom marketkeep.files import files_at\nfiles_at(sys.argv[1]).local(['k/0.parquet'])\n"
    subprocess.run([sys.executable, "-c", code, moto_place.url], check=True)
    held = tmp_path / "cache" / "objects" / "held"
    assert list(held.iterdir()) == []
    subprocess.run([sys.executable, "-c", code + "os._exit(9)", moto_place.url], check=False)
    left = list(held.iterdir())
    assert len(left) == 2
    for path in left:
        os.utime(path, (1, 1))
    reader = Bucket(moto_place.url)
    reader.local(keys, versions)
    assert not any(path.exists() for path in left)
