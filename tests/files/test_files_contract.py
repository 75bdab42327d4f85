"""What every place of a keep does alike: a folder and a bucket on each server."""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from marketkeep.errors import LeaseHeld, StoreError
from marketkeep.files import Files, Folder, bucket, bucket_etag, files_at, set_aside
from marketkeep.files.bucket import Bucket
from s3_servers import Server, place_on

HOLD = """
import sys, time
from marketkeep.files import files_at
with files_at(sys.argv[1]).lease("a test"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(params=["folder", "moto", "disk"])
def files(
    request: pytest.FixtureRequest, tmp_path: Path, s3_servers: dict[str, Server], aws: pytest.MonkeyPatch
) -> Files:
    """An empty place of each kind."""
    if request.param == "folder":
        return Folder(tmp_path / "keep")
    aws.setenv("MARKETKEEP_FRESH_SECONDS", "0")
    return files_at(place_on(s3_servers[request.param], aws).url)


def other(files: Files) -> Files:
    """The same place, as another process has it."""
    return files_at(files.place)


def test_bytes_come_back(files: Files) -> None:
    """What was written is read back, by this writer and by others, also over what was there and when empty."""
    for data in (b"one", b"two", b"", b"\x00" * 70_000):
        files.write("a/b.json", data)
        assert files.read("a/b.json") == data
        files.flush()
        assert other(files).read("a/b.json") == data


def test_durable_write_is_there_at_once(files: Files) -> None:
    """A durable write is seen by others when it returns."""
    files.write("raw/x.parquet", b"x", durable=True)
    assert other(files).read("raw/x.parquet") == b"x"


def test_absent_key(files: Files) -> None:
    """What is not there is a FileNotFoundError that names it in full, and None in a stream."""
    with pytest.raises(FileNotFoundError) as told:
        files.read("no/such")
    assert told.value.filename in {files.name("no/such"), str(files.name("no/such"))}
    assert not files.exists("no/such")
    assert list(files.stream(["no/such"])) == [("no/such", None)]


def test_stream_keeps_the_order(files: Files) -> None:
    """A stream yields each key in the order asked, absent ones and ones asked twice included."""
    keys = [f"k/{number % 7}/{number}" for number in range(400)]
    for key in keys:
        files.write(key, key.encode())
    files.flush()
    asked = [*reversed(keys), "k/absent", keys[3], keys[3]]
    assert list(files.stream(asked)) == [(key, None if key == "k/absent" else key.encode()) for key in asked]


def test_stream_may_be_left(files: Files) -> None:
    """A stream that is left early asks for nothing more and harms nothing."""
    for number in range(50):
        files.write(f"k/{number}", b"x")
    files.flush()
    stream = iter(files.stream([f"k/{number}" for number in range(50)]))
    assert next(stream) == ("k/0", b"x")
    assert isinstance(stream, Iterator)
    stream.close()  # type: ignore[attr-defined]
    assert files.read("k/49") == b"x"


def test_stream_of_large_files(files: Files) -> None:
    """Files of many megabytes come whole and in order."""
    sizes = {f"big/{number}": 6_000_000 + number for number in range(5)}
    for key, size in sizes.items():
        files.write(key, bytes([size % 251]) * size)
    files.flush()
    for key, data in files.stream(list(sizes)):
        assert data == bytes([sizes[key] % 251]) * sizes[key]


def test_parts_of_a_file(files: Files) -> None:
    """A file comes in parts, in order, that are its bytes; one that is not there is told with the first."""
    data = bytes(range(256)) * 150_000
    for key, body in (("big", data), ("small", b"x"), ("none", b"")):
        files.write(key, body)
        assert b"".join(files.parts(key)) == body
    parts = list(files.parts("big"))
    assert len(parts) > 1
    assert max(map(len, parts)) < len(data)
    files.flush()
    assert b"".join(other(files).parts("big")) == data
    with pytest.raises(FileNotFoundError) as told:
        next(files.parts("no/such"))
    assert told.value.filename == files.name("no/such")


def test_parts_are_of_one_version(files: Files) -> None:
    """What is written while a file is read in parts is another file: the one that was begun is read to its end."""
    files.write("big", b"1" * 40_000_000)
    files.flush()
    parts = files.parts("big")
    begun = next(parts)
    files.write("big", b"2" * 40_000_000, durable=True)
    assert set(begun + b"".join(parts)) == {ord("1")}
    assert next(files.parts("big"))[:1] == b"2"


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> int:
    """A bucket stores in parts what is larger than this."""
    for module in (bucket, bucket_etag):
        monkeypatch.setattr(module, "PART_BYTES", 5 * 2**20)
        monkeypatch.setattr(module, "WHOLE_BYTES", 6 * 2**20)
    return 6 * 2**20


@pytest.mark.parametrize("size", ["small", "large"])
def test_a_file_is_taken_over(files: Files, tmp_path: Path, small_parts: int, size: str) -> None:
    """A file of this machine takes the place of what is there, is seen by its new name at once, and gone here."""
    data = os.urandom(1000 if size == "small" else 2 * small_parts + 77)
    for before in (None, b"before"):
        if before is not None:
            files.write("panel/x.parquet", before)
        path = tmp_path / "aside"
        path.write_bytes(data)
        files.adopt("panel/x.parquet", path)
        assert not path.exists()
        assert files.read("panel/x.parquet") == data
        files.flush()
        assert other(files).read("panel/x.parquet") == data
    assert files.keys("") == ["panel/x.parquet"]
    if isinstance(files, Bucket):
        [(_, etag)] = files.many.facts("").values()
        assert bucket_etag.is_of(etag, files.parts("panel/x.parquet"))
        assert not bucket_etag.is_of(etag, [data[:-1], b"?"])
    files.write("panel/x.parquet", b"after")
    assert files.read("panel/x.parquet") == b"after"


def test_a_file_of_another_disk_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a rename cannot go from one disk to another the bytes are copied aside; nothing else is left."""
    real = Path.replace

    def elsewhere(self: Path, target: Path) -> Path:
        if self.parent != Path(target).parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", elsewhere)
    path, keep = tmp_path / "aside", tmp_path / "keep"
    path.write_bytes(b"x" * 100)
    Folder(keep).adopt("a/b", path)
    assert not path.exists()
    assert [one.name for one in keep.rglob("*") if one.is_file()] == ["b"]
    assert Folder(keep).read("a/b") == b"x" * 100


def test_what_cannot_be_taken_over_stays(files: Files, tmp_path: Path, aws: pytest.MonkeyPatch) -> None:
    """Who has lost the place is told, and what was there is as it was."""
    path = tmp_path / "aside"
    path.write_bytes(b"new")
    if isinstance(files, Folder):
        files.write("a", b"a file, not a folder")
        with pytest.raises(StoreError, match="cannot write"):
            files.adopt("a/b", path)
    else:
        aws.setenv("MARKETKEEP_RETRIES", "0")
        lost = files_at(files.place.replace("keep-", "none-"))
        path.write_bytes(b"new" * 2**24 * 2)
        with pytest.raises(StoreError, match="there is no such bucket"):
            lost.adopt("a/b", path)
    assert path.exists()


def test_what_was_set_aside_goes(tmp_path: Path) -> None:
    """A place aside is gone at the end, also after a failure; what was killed long ago goes, what is written stays."""
    with set_aside(tmp_path, "one") as path:
        path.write_bytes(b"x")
        with set_aside(tmp_path, "two") as second:
            assert path.exists()
            old = second.with_name(".three.1-1.tmp")
            old.touch()
            os.utime(old, (0, 0))
    assert old.exists()
    with pytest.raises(KeyError), set_aside(tmp_path, "four") as path:  # noqa: PT012  it is made before
        path.touch()
        raise KeyError
    assert list(tmp_path.rglob("*.tmp")) == []


def test_local_paths(files: Files) -> None:
    """Local paths hold the bytes, in the order asked, and end as the keys do."""
    keys = [f"panel/{number}.parquet" for number in range(20)]
    for key in keys:
        files.write(key, key.encode())
    files.flush()
    paths = files.local([*reversed(keys)], dict.fromkeys(keys, "v1"))
    assert [path.read_bytes().decode() for path in paths] == [*reversed(keys)]
    assert {path.suffix for path in paths} == {".parquet"}


def test_strange_names(files: Files) -> None:
    """Names with characters that mean something to a URL or a pattern are names."""
    names = [f"ticks/{name}/x" for name in ("BRK.B", "A B", "A%20B", "a+b", "x=1", "ü", "[a]", "a#b", "a&b?", "a~b")]
    for name in names:
        files.write(name, name.encode())
    files.flush()
    assert files.keys("ticks/") == sorted(names)
    assert dict(files.stream(names)) == {name: name.encode() for name in names}


def test_keys_by_prefix(files: Files) -> None:
    """Keys are told by how they begin, sorted, without names that begin with a dot."""
    for key in ("a/1", "a/2", "ab/1", "b", "a/.hidden"):
        files.write(key, b"")
    files.flush()
    assert files.keys("a/") == ["a/1", "a/2"]
    assert files.keys("a") == ["a/1", "a/2", "ab/1"]
    assert files.keys("") == ["a/1", "a/2", "ab/1", "b"]
    assert files.keys("none/") == []


def test_remove(files: Files) -> None:
    """What is removed is gone; removing what is not there is no error; the rest stays."""
    for number in range(30):
        files.write(f"r/{number}", b"x")
    files.flush()
    files.remove([*(f"r/{number}" for number in range(29)), "r/absent"])
    assert files.keys("") == ["r/29"]
    assert not files.exists("r/0")
    assert files.exists("r/29")


def test_remove_after_write(files: Files) -> None:
    """A key written and removed in one breath is gone."""
    files.write("r/x", b"x")
    files.remove(["r/x"])
    files.flush()
    assert not other(files).exists("r/x")


def test_last_write_wins(files: Files) -> None:
    """Of many writes to one key the last one stays, however many are under way."""
    for number in range(60):
        files.write("same", str(number).encode())
    assert files.read("same") == b"59"
    files.flush()
    assert other(files).read("same") == b"59"


def test_replace_checks_what_was_there(files: Files) -> None:
    """A pointer is replaced only over what the writer saw; otherwise it stays and an error says so."""
    files.replace("catalog/CURRENT", b"one", over=None)
    for wrong in (None, b"zero", b""):
        with pytest.raises(StoreError, match="replaced by another writer"):
            files.replace("catalog/CURRENT", b"two", over=wrong)
    assert files.read("catalog/CURRENT") == b"one"
    files.replace("catalog/CURRENT", b"two", over=b"one")
    assert other(files).read("catalog/CURRENT") == b"two"
    with pytest.raises(StoreError, match="replaced by another writer"):
        files.replace("catalog/NONE", b"x", over=b"y")


def test_racing_writers(files: Files) -> None:
    """Of many writers that replace the same pointer, in a bucket at once, exactly one does, each time."""
    # In a folder only the holder of the lease replaces: there they come one behind the other.
    at_once = 1 if isinstance(files, Folder) else 16
    writers, seen = [other(files) for _ in range(16)], None
    for turn in range(3):

        def attempt(number: int, turn: int = turn, seen: bytes | None = seen) -> bytes | None:
            mine = f"{turn} {number}".encode()
            try:
                writers[number].replace("catalog/CURRENT", mine, over=seen)
            except StoreError:
                return None
            return mine

        with ThreadPoolExecutor(at_once) as pool:
            won = [mine for mine in pool.map(attempt, range(16)) if mine]
        assert len(won) == 1
        seen = won[0]
        assert files.read("catalog/CURRENT") == seen


def test_second_writer_is_refused(files: Files) -> None:
    """While one holds the lease another is refused at once, told who has it; afterwards it is free."""
    with files.lease("the first"):
        files.write("x", b"x")
        with pytest.raises(LeaseHeld, match=rf"process {os.getpid()} .*the first"), other(files).lease("the second"):
            pytest.fail("two hold it")
    with other(files).lease("the second"):
        pass
    with files.lease("the first again"):
        pass


def test_killed_holder_is_taken_over(files: Files, aws: pytest.MonkeyPatch) -> None:
    """The lease of a process that was killed is had again, without anybody's help."""
    aws.setenv("MARKETKEEP_LEASE_SECONDS", "1")
    holder = subprocess.Popen([sys.executable, "-c", HOLD, files.place], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(LeaseHeld, match=f"process {holder.pid} "), other(files).lease("another"):
        pytest.fail("two hold it")
    holder.kill()
    holder.wait()
    holder.stdout.close()
    # Over a busy server a try takes long and an idle one no time: what is bounded is how long, not how often.
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            with other(files).lease("another"):
                return
        except LeaseHeld:
            time.sleep(0.05)
    pytest.fail("it was never had again")


def test_a_write_under_way_is_seen(files: Files) -> None:
    """What was just written is seen by its writer before it is flushed, however it is asked for."""
    files.write("a", b"1")
    files.write("b.parquet", b"2")
    assert files.read("a", "some version") == b"1"
    assert files.exists("b.parquet")
    assert dict(files.stream(["a", "b.parquet"])) == {"a": b"1", "b.parquet": b"2"}
    assert files.local(["b.parquet"])[0].read_bytes() == b"2"
    files.flush()


def test_files_travel(files: Files) -> None:
    """Another process is handed the place itself."""
    files.write("x", b"x", durable=True)
    again: Files = pickle.loads(pickle.dumps(files))  # noqa: S301
    assert again == files
    assert again.place == files.place
    assert again.read("x") == b"x"
    assert hash(again) == hash(files)


def test_bucket_options_stay(moto_place: object) -> None:
    """A bucket takes its options along."""
    usual = Bucket("s3://bucket/keep")
    other_options = Bucket("s3://bucket/keep", replace(usual.options, in_flight=3))
    assert pickle.loads(pickle.dumps(other_options)).options.in_flight == 3  # noqa: S301
