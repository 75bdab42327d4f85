"""The landing in a bucket: what was acknowledged is there whole, what was not leaves nothing that counts."""

from __future__ import annotations

import hashlib
import shutil
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from marketkeep.errors import CorruptFile, NotFound, StoreError
from marketkeep.files import Options, files_at
from marketkeep.model import Payload, Request
from marketkeep.raw import Landing, RawRef
from marketkeep.raw.landing import LandingWriter
from s3_servers import KINDS, Place, Server, place_on

AT = datetime(2025, 6, 2, 22, tzinfo=UTC)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, s3_servers: dict[str, Server], aws: pytest.MonkeyPatch) -> Place:
    """A prefix on each server."""
    aws.setenv("MARKETKEEP_FRESH_SECONDS", "0")
    return place_on(s3_servers[request.param], aws)


def land(writer: LandingWriter, body: bytes, number: int = 0) -> RawRef:
    """Land an answer."""
    request = Request("yahoo", "daily_bars", f"https://example.com/{number}", symbols=("AAPL",))
    return writer.land(request, Payload(200, (), body, AT + timedelta(seconds=number)))


def objects(place: Place) -> list[str]:
    """The packs that the bucket holds."""
    return [key for key in files_at(place.url).keys("landing/") if key.endswith(".warc.gz")]


def test_landed_is_read_back_by_any_machine(place: Place, tmp_path: Path, aws: pytest.MonkeyPatch) -> None:
    """
    Every payload is read back by a machine that has neither packs nor index of its own, and found without a listing;
    the same bytes again are told as such and kept once.
    """
    with Landing(place.url).writer("20250602T220000000000-one") as writer:
        refs = [land(writer, f"body {number}".encode(), number) for number in range(3)]
        writer.commit()
        assert land(writer, b"body 1", 7) == RawRef(refs[1].digest, refs[1].pack, refs[1].offset, revisit=True)
    aws.setenv("MARKETKEEP_CACHE", str(tmp_path / "another"))
    asked = place.asked()
    landing = Landing(place.url)
    assert [landing.read(ref.digest) for ref in refs] == [b"body 0", b"body 1", b"body 2"]
    assert len(landing.describe(refs[0].digest).again) == 0
    assert (place.asked() - asked)["LIST"] <= 1
    with landing.writer("20250602T230000000000-two") as writer:
        assert land(writer, b"body 2", 9).revisit
    known = Landing(place.url).describe(refs[2].digest)
    assert [one.run_id for one in known.again] == ["20250602T230000000000-two"]
    assert [each.sequence for each in landing.records("20250602T220000000000-one")] == [0, 1, 2, 3]


def test_nothing_counts_before_commit(place: Place, tmp_path: Path) -> None:
    """Before a commit the bucket holds nothing of it; a writer that is gone then leaves nothing, here neither."""
    with suppress(ZeroDivisionError), Landing(place.url).writer("20250602T220000000000-run") as writer:
        kept = land(writer, b"kept")
        writer.commit()
        lost = land(writer, b"lost", 1)
        raise ZeroDivisionError
    assert objects(place) == [kept.pack]
    again = Landing(place.url)
    again.recover()
    assert objects(place) == [kept.pack]
    assert again.read(kept.digest) == b"kept"
    with pytest.raises(NotFound):
        again.read(lost.digest)
    assert [path.name for path in again.room.rglob("*.warc.gz")] == []


def test_every_commit_is_a_pack(place: Place, tmp_path: Path) -> None:
    """Packs end with a commit and are numbered on, in a run that is taken up too; none is ever written again."""
    with Landing(place.url).writer("20250602T220000000000-run") as writer:
        for number in range(3):
            land(writer, f"body {number}".encode(), number)
            writer.commit()
    before = dict(files_at(place.url).stream(objects(place)))
    with Landing(place.url).writer("20250602T220000000000-run") as writer:
        land(writer, b"more", 9)
    assert [key.rpartition("-")[2] for key in objects(place)] == [f"{number}.warc.gz" for number in (1, 2, 3, 4)]
    assert dict(files_at(place.url).stream(list(before))) == before
    assert [each.sequence for each in Landing(place.url).records("20250602T220000000000-run")] == [0, 1, 2, 3]


def test_a_lost_index_is_made_again(place: Place, tmp_path: Path) -> None:
    """Without any index payloads are found in the packs, and the next writer indexes them again."""
    with Landing(place.url).writer("20250602T220000000000-one") as writer:
        ref = land(writer, b"body")
    landing = Landing(place.url)
    landing.files.remove(["landing/index.sqlite"])
    shutil.rmtree(landing.room)
    assert landing.read(ref.digest) == b"body"
    with landing.writer("20250602T230000000000-two") as writer:
        assert land(writer, b"body", 1).revisit
    assert landing.files.exists("landing/index.sqlite")


def test_damage_is_named(place: Place, tmp_path: Path, aws: pytest.MonkeyPatch) -> None:
    """A pack whose bytes were changed in the bucket is named with its place; nothing of it is cut."""
    with Landing(place.url).writer("20250602T220000000000-run") as writer:
        ref = land(writer, b"body")
    files = files_at(place.url)
    data = bytearray(files.read(ref.pack))
    data[-30] ^= 1
    files.write(ref.pack, bytes(data), durable=True)
    aws.setenv("MARKETKEEP_CACHE", str(tmp_path / "another"))
    with pytest.raises(CorruptFile, match=f"{place.url}/landing/yahoo"):
        Landing(place.url).read(ref.digest)
    assert files.read(ref.pack) == bytes(data)


def test_a_commit_that_fails_is_taken_back(own_disk_server: Server, aws: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """When the server is gone a commit is a `StoreError`; the same writer goes on when it is back."""
    place = place_on(own_disk_server, aws)
    files = files_at(place.url, Options(cache=tmp_path / "cache", fresh_seconds=0, retries=0))
    writer = Landing(files).writer("20250602T220000000000-run")
    kept = land(writer, b"kept")
    writer.commit()
    own_disk_server.kill()
    lost = land(writer, b"lost", 1)
    with pytest.raises(StoreError, match="cannot write s3://"):
        writer.commit()
    own_disk_server.start()
    again = land(writer, b"lost", 2)
    writer.close()
    assert not again.revisit
    assert again.pack != lost.pack
    landing = Landing(files)
    assert [landing.read(ref.digest) for ref in (kept, again)] == [b"kept", b"lost"]


def test_a_large_file_needs_no_memory_of_its_size(place: Place, tmp_path: Path) -> None:
    """A file is landed and read back byte for byte."""
    path = tmp_path / "large.zip"
    path.write_bytes(hashlib.sha256(b"seed").digest() * 600_000)
    with Landing(place.url).writer("20250602T220000000000-run") as writer:
        ref = writer.land_file(path, source="csv", dataset="daily_bars", fetched_at=AT, options={"name": path.name})
    with Landing(place.url).open(ref.digest) as stream:
        assert hashlib.sha256(stream.read()).hexdigest() == hashlib.sha256(path.read_bytes()).hexdigest()
