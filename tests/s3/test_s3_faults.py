"""A server that dies, refuses or is not there: nothing is lost, nothing is half there, and the message says what."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from bucket_keep import bars, command, make, run

import marketkeep
from marketkeep.errors import BadSetting, StoreError
from marketkeep.files import Options, files_at
from marketkeep.files.bucket import Bucket
from s3_servers import KEY_ID, SECRET, Place, Server, place_on

WRITE = """
import sys
from marketkeep.files import files_at
files = files_at(sys.argv[1])
for number in range(100_000):
    files.write(f"k/{number:06}", str(number).encode() * 3000)
    if number == 50:
        print("begun", flush=True)
files.flush()
"""


def test_a_server_killed_mid_write(own_disk_server: Server, aws: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A server killed in the middle of many writes: the writer is told, no object is a part of one, and it goes on."""
    aws.setenv("MARKETKEEP_RETRIES", "2")
    place = place_on(own_disk_server, aws)
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITE, place.url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "begun\n"
    own_disk_server.kill()
    _, err = writer.communicate(timeout=120)
    assert writer.returncode != 0
    assert f"StoreError: cannot write {place.url}/k/" in err
    assert SECRET not in err
    own_disk_server.start()
    files = files_at(place.url)
    for key, data in files.stream(files.keys("k/")):
        assert data == str(int(key[2:])).encode() * 3000
    files.write("k/again", b"x", durable=True)
    assert files.read("k/again") == b"x"


def test_a_server_killed_during_an_update(own_disk_server: Server, aws: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A keep whose server is killed while a run publishes answers as before; the same command again completes it."""
    aws.setenv("MARKETKEEP_LEASE_SECONDS", "2")
    aws.setenv("MARKETKEEP_RETRIES", "2")
    place = place_on(own_disk_server, aws)
    make(place.url, bars(tmp_path, count=200))
    asked = sum(place.asked().values())
    ingest = command("ingest", bars(tmp_path, count=320), "--data", place.url)
    deadline = time.monotonic() + 60
    while sum(place.asked().values()) < asked + 25 and time.monotonic() < deadline and ingest.poll() is None:
        time.sleep(0.002)
    own_disk_server.kill()
    out, err = ingest.communicate(timeout=200)
    assert ingest.returncode == 1, out + err
    assert "s3://" in err
    assert "was not reached" in err or "lease of s3://" in err
    own_disk_server.start()
    aws.setenv("MARKETKEEP_FRESH_SECONDS", "0")
    assert marketkeep.open(place.url).bars("AAPL").polars().height in {200, 320}
    for _ in range(40):
        code, _, err = run("ingest", bars(tmp_path, count=320), "--data", place.url)
        if code == 0:
            break
        time.sleep(0.2)
    assert (code, err) == (0, "")
    assert marketkeep.open(place.url).bars("AAPL").polars().height == 320
    assert run("doctor", "--data", place.url)[0] == 0


def quick(place: Place, folder: Path) -> Bucket:
    """A bucket that gives up soon."""
    return Bucket(place.url, replace(Options(cache=folder), retries=1, fresh_seconds=0))


def test_every_way_of_asking_tells_the_place(own_disk_server: Server, aws: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """When the server is gone every operation is a StoreError that names the object, without a key or a secret."""
    place = place_on(own_disk_server, aws)
    files = quick(place, tmp_path)
    own_disk_server.kill()

    def lease() -> None:
        with files.lease("a test"):
            pytest.fail("it was given")

    asked = (
        lambda: files.read("a/b"),
        lambda: files.read("a/b", "v"),
        lambda: list(files.stream(["a/b"])),
        lambda: files.local(["a/b"]),
        lambda: files.exists("a/b"),
        lambda: files.write("a/b", b"x", durable=True),
        lambda: files.replace("a/b", b"x", over=None),
        lambda: files.replace("a/b", b"x", over=b"y"),
        lambda: files.remove(["a/b"]),
        lambda: files.keys("a/b"),
        lease,
    )
    for ask in asked:
        with pytest.raises(StoreError) as told:
            ask()
        assert place.url in str(told.value)
        assert "was not reached" in str(told.value)
        assert SECRET not in str(told.value)
        assert told.value.__cause__ is None
        assert told.value.__suppress_context__


def test_a_failed_write_is_told_once(own_disk_server: Server, aws: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A write that failed is told at the next flush, once; after that the same files can be written again."""
    place = place_on(own_disk_server, aws)
    files = quick(place, tmp_path)
    own_disk_server.kill()
    files.write("a", b"1")
    with pytest.raises(StoreError, match="cannot write"):
        files.flush()
    files.flush()
    own_disk_server.start()
    files.write("a", b"1")
    files.flush()
    assert files.read("a") == b"1"


def test_a_short_fault_is_ridden_out(own_disk_server: Server, aws: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A server that is back within seconds costs only time."""
    place = place_on(own_disk_server, aws)
    files = Bucket(place.url, Options(cache=tmp_path, fresh_seconds=0))
    files.write("a", b"1", durable=True)
    own_disk_server.kill()
    files.write("b", b"2")
    time.sleep(0.5)
    own_disk_server.start()
    files.flush()
    assert dict(files.stream(["a", "b"])) == {"a": b"1", "b": b"2"}


def test_wrong_settings(aws: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A setting that cannot be used is told by name, without its value where that may be a secret."""
    aws.setenv("AWS_ENDPOINT_URL", f"ftp://{SECRET}")
    with pytest.raises(BadSetting, match="AWS_ENDPOINT_URL is not an address") as told:
        files_at("s3://bucket/keep")
    assert SECRET not in str(told.value)
    aws.delenv("AWS_ENDPOINT_URL")
    aws.setenv("MARKETKEEP_CACHE_BYTES", "a lot")
    with pytest.raises(BadSetting, match="MARKETKEEP_CACHE_BYTES"):
        files_at("s3://bucket/keep")
    aws.delenv("MARKETKEEP_CACHE_BYTES")
    aws.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(BadSetting, match="AWS_PROFILE is 'nobody'"):
        files_at("s3://bucket/keep")


def test_a_profile_of_aws(s3_servers: dict[str, Server], aws: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keys, region and endpoint come from the profile in AWS's files when the environment has none."""
    place = place_on(s3_servers["moto"], aws)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL_S3"):
        aws.delenv(name)
    (tmp_path / "config").write_text(
        f"[profile home]\nregion = eu-central-1\nendpoint_url = {place.server.address}\ns3 =\n  max_queue_size = 10\n"
    )
    (tmp_path / "credentials").write_text(f"[home]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}%x\n")
    aws.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    aws.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    aws.setenv("AWS_PROFILE", "home")
    files = Bucket(place.url)
    assert files._store.config["region"] == "eu-central-1"
    assert files._store.config["secret_access_key"] == f"{SECRET}%x"
    files.write("a", b"1", durable=True)
    assert files.read("a") == b"1"
