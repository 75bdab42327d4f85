"""Copying a keep between a folder and a bucket: what differs, all of it, and never over what only the copy knows."""

from __future__ import annotations

import shutil
import time
from datetime import date
from pathlib import Path

import pytest
from bucket_keep import Clock, bars, command, content, make, run

import marketkeep
from marketkeep.errors import BadInput, LeaseHeld, NotFound, StoreError
from marketkeep.files import Folder, files_at
from marketkeep.pipeline.sync import sync
from s3_servers import KINDS, Place, Server, place_on


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, s3_servers: dict[str, Server], aws: pytest.MonkeyPatch) -> Place:
    """A prefix on each server."""
    aws.setenv("MARKETKEEP_FRESH_SECONDS", "0")
    return place_on(s3_servers[request.param], aws)


def test_there_and_back(place: Place, tmp_path: Path) -> None:
    """A keep copied to a bucket and back to another folder is the same byte for byte and answers alike."""
    here = make(tmp_path / "here", bars(tmp_path))
    first = sync(here, place.url)
    assert first.copied > 10
    assert first.bytes == sum(len(data or b"") for data in content(here, without=("journal/ledger",)).values())
    assert sync(place.url, tmp_path / "back").copied == first.copied
    back = Folder(tmp_path / "back")
    assert content(back, without=()) == content(here, without=())
    question = ("AAPL", "2023-06-01", "2023-08-31")
    want = marketkeep.open(here).bars(*question).polars()
    assert marketkeep.open(place.url).bars(*question).polars().equals(want)
    assert marketkeep.open(back).bars(*question).polars().equals(want)


def test_only_what_differs(place: Place, tmp_path: Path) -> None:
    """A second copy sends nothing; after another run only what that made; and what it dropped goes."""
    now = Clock()
    here = make(tmp_path / "here", bars(tmp_path, count=200), now=now)
    files = sync(here, place.url).copied
    put = place.asked()["PUT"]
    again = sync(here, place.url)
    assert (again.copied, again.bytes, again.same) == (0, 0, files)
    # The lease alone.
    assert place.asked()["PUT"] - put <= 6
    make(here, bars(tmp_path, count=210, symbols=("MSFT",)), now=now)
    third = sync(here, place.url)
    assert 0 < third.copied < files
    assert content(files_at(place.url)) == content(here)
    assert third.removed > 0


def test_a_changed_byte_is_copied(place: Place, tmp_path: Path) -> None:
    """A derived file with other bytes of the same size is copied again, in either direction."""
    here = make(tmp_path / "here", bars(tmp_path))
    sync(here, place.url)
    bucket = files_at(place.url)
    key = "ticks/daily/AAPL/2023/ticks.json"
    bucket.write(key, here.read(key).replace(b"1", b"2", 1), durable=True)
    assert sync(here, place.url).copied == 1
    assert bucket.read(key) == here.read(key)
    (tmp_path / "here" / key).write_bytes(b"?" * len(here.read(key)))
    assert sync(place.url, here).copied == 1
    assert here.read(key) == bucket.read(key)


@pytest.mark.parametrize("wait", [0.6, 0.9, 1.2])
def test_cut_short_and_taken_up(place: Place, tmp_path: Path, aws: pytest.MonkeyPatch, wait: float) -> None:
    """A copy that is killed leaves a keep without what was not copied whole; the next one completes it."""
    aws.setenv("MARKETKEEP_LEASE_SECONDS", "1")
    here = make(tmp_path / "here", bars(tmp_path))
    process = command("sync", tmp_path / "here", place.url)
    time.sleep(wait)
    process.kill()
    process.communicate()
    for _ in range(60):
        code, out, err = run("sync", tmp_path / "here", place.url)
        if code == 0:
            break
        assert "is being written by" in err
        time.sleep(0.2)
    assert "files copied" in out
    assert content(files_at(place.url), without=()) == content(here, without=())


def test_what_only_the_copy_knows(place: Place, tmp_path: Path) -> None:
    """A copy that has received something itself is not overwritten; the other way round it is taken over."""
    now = Clock()
    here = make(tmp_path / "here", bars(tmp_path, count=200), now=now)
    sync(here, place.url)
    there = make(place.url, bars(tmp_path, count=210), now=now)
    before = content(there, without=())
    with pytest.raises(BadInput, match=r"holds what .* lacks: landing/.* nothing was copied"):
        sync(here, place.url)
    assert content(there, without=()) == before
    sync(place.url, here)
    assert content(here) == content(there)
    assert sync(here, place.url).copied == 0


def test_two_that_went_apart(place: Place, tmp_path: Path) -> None:
    """Of two copies that each received something neither is overwritten."""
    now = Clock()
    here = make(tmp_path / "here", bars(tmp_path, count=200), now=now)
    sync(here, place.url)
    make(place.url, bars(tmp_path, count=210), now=now)
    make(here, bars(tmp_path, count=205), now=now)
    for one, two in ((here, place.url), (place.url, here)):
        with pytest.raises(BadInput, match="would be lost"):
            sync(one, two)


def test_another_keep(place: Place, tmp_path: Path) -> None:
    """A keep of other data is not overwritten, nor is what is no keep; an empty keep is."""
    now = Clock()
    here = make(tmp_path / "here", bars(tmp_path, count=50), now=now)
    other = make(tmp_path / "other", bars(tmp_path, date(2024, 1, 2), 20), now=now)
    with pytest.raises(BadInput, match="holds what"):
        sync(here, other)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").write_bytes(b"x")
    with pytest.raises(BadInput, match="holds something else"):
        sync(here, tmp_path / "photos")
    assert not (tmp_path / "photos" / "marketkeep.json").exists()
    make(place.url)
    sync(here, place.url)
    assert content(files_at(place.url)) == content(here)


def test_another_policy(place: Place, tmp_path: Path) -> None:
    """A copy whose policy was changed, and that has received as much, is not overwritten."""
    here = make(tmp_path / "here", bars(tmp_path, count=50))
    sync(here, place.url)
    there = files_at(place.url)
    marker = there.read("marketkeep.json")
    there.write("marketkeep.json", marker.replace(b'"minute_days": ', b'"minute_days": 1'), durable=True)
    assert there.read("marketkeep.json") != marker
    with pytest.raises(BadInput, match="has another policy"):
        sync(here, place.url)


def test_what_cannot_be_copied(place: Place, tmp_path: Path) -> None:
    """No keep, the same place twice, a writer at work, a run cut short: each is one clear error."""
    here = make(tmp_path / "here", bars(tmp_path, count=50))
    with pytest.raises(NotFound, match="there is no keep in"):
        sync(tmp_path / "nothing", place.url)
    (tmp_path / "link").symlink_to(tmp_path / "here")
    with pytest.raises(BadInput, match="onto itself"):
        sync(here, tmp_path / "link")
    with files_at(place.url).lease("an update"), pytest.raises(LeaseHeld, match="an update"):
        sync(here, place.url)
    with here.lease("an update"), pytest.raises(LeaseHeld, match="an update"):
        sync(Folder(tmp_path / "here"), place.url)
    here.write("journal/open/20250101T000000-update", b"")
    with pytest.raises(StoreError, match=r"run 20250101T000000-update of .* cut short"):
        sync(here, place.url)
    assert files_at(place.url).keys("") == []


def test_folder_to_folder(tmp_path: Path) -> None:
    """Two folders are copied alike; a lost file of the copy is made good."""
    here = make(tmp_path / "here", bars(tmp_path))
    sync(here, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "ticks")
    assert sync(here, tmp_path / "copy").copied > 0
    assert content(Folder(tmp_path / "copy")) == content(here)


def test_the_command(place: Place, tmp_path: Path) -> None:
    """`marketkeep sync` tells what it copied; a refusal is one line and exit code 2."""
    make(tmp_path / "here", bars(tmp_path, count=50))
    code, out, err = run("sync", tmp_path / "here", place.url)
    assert (code, err) == (0, "")
    assert "files copied (" in out
    assert run("sync", tmp_path / "here", place.url)[1].startswith("0 files copied (0 bytes), ")
    code, _, err = run("sync", tmp_path / "here", tmp_path / "here")
    assert code == 2
    assert err.count("\n") == 1
