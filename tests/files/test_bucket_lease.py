"""The lease of a keep in a bucket: what a writer that slept, or a server that cannot keep two apart, may not do."""

from __future__ import annotations

import time
from pathlib import Path

import obstore
import orjson
import pytest
from obstore.exceptions import PreconditionError

from marketkeep.errors import LeaseHeld, StoreError
from marketkeep.files.bucket import Bucket
from marketkeep.files.bucket_options import Options
from s3_servers import Place, Server, place_on


def bucket(place: Place, cache: Path, seconds: float = 1.0) -> Bucket:
    """A writer of this place."""
    return Bucket(place.url, Options(cache=cache, fresh_seconds=0, lease_seconds=seconds))


def put_to_sleep(writer: Bucket) -> None:
    """Its holder renews no more, as when the process is stopped; it notices nothing of it."""
    lease = writer._lease
    assert lease is not None
    lease._renew = lambda: None  # type: ignore[method-assign]


def take_over(writer: Bucket, tries: int = 100) -> None:
    """Hold it once, as soon as the one who had it counts as dead."""
    for _ in range(tries):
        try:
            with writer.lease("taken over"):
                return
        except LeaseHeld:
            time.sleep(0.1)
    pytest.fail("it was never had")


def test_a_writer_that_is_heard_of_keeps_it(moto_place: Place, tmp_path: Path) -> None:
    """A lease outlives its seconds for as long as its holder renews it."""
    first, second = bucket(moto_place, tmp_path), bucket(moto_place, tmp_path)
    with first.lease("long work"):
        deadline = time.monotonic() + 3.2
        while time.monotonic() < deadline:
            with pytest.raises(LeaseHeld), second.lease("too soon"):
                pytest.fail("two hold it")
            time.sleep(0.3)
        first.replace("catalog/CURRENT", b"one\n", over=None)
    assert second.read("catalog/CURRENT") == b"one\n"


def test_a_sleeper_writes_nothing_more(moto_place: Place, tmp_path: Path) -> None:
    """A writer whose lease was not renewed in time is told so at its next write and changes nothing."""
    sleeper, other = bucket(moto_place, tmp_path), bucket(moto_place, tmp_path)
    with sleeper.lease("asleep"):
        sleeper.replace("catalog/CURRENT", b"one\n", over=None)
        put_to_sleep(sleeper)
        take_over(other)
        with pytest.raises(StoreError, match=r"lease of s3://.* was lost"):
            sleeper.write("a", b"x")
        with pytest.raises(StoreError, match=r"lease of s3://.* was lost"):
            sleeper.replace("catalog/CURRENT", b"two\n", over=b"one\n")
    assert other.keys("") == ["catalog/CURRENT"]
    assert other.read("catalog/CURRENT").strip() == b"one"


def test_a_sleeper_is_told_by_the_server(moto_place: Place, tmp_path: Path) -> None:
    """A writer that slept through a takeover, its clock standing still, is refused when it replaces the pointer."""
    sleeper, other = bucket(moto_place, tmp_path), bucket(moto_place, tmp_path)
    with sleeper.lease("asleep"):
        lease = sleeper._lease
        assert lease is not None
        sleeper.replace("catalog/CURRENT", b"one\n", over=None)
        renew = lease._renew
        put_to_sleep(sleeper)
        take_over(other)
        lease._renew = renew  # type: ignore[method-assign]
        lease._renewed = time.monotonic()
        with pytest.raises(StoreError, match=r"lease of s3://.* was lost"):
            sleeper.replace("catalog/CURRENT", b"two\n", over=b"one\n")
    assert other.read("catalog/CURRENT").strip() == b"one"


def test_the_last_instant_is_fenced(moto_place: Place, tmp_path: Path) -> None:
    """Even the PUT that a sleeper had ready when it fell asleep fails after a takeover."""
    sleeper, other = bucket(moto_place, tmp_path), bucket(moto_place, tmp_path)
    with sleeper.lease("asleep"):
        lease = sleeper._lease
        assert lease is not None
        sleeper.replace("catalog/CURRENT", b"one\n", over=None)
        lease.guard("catalog/CURRENT")
        tag = obstore.head(sleeper._store, "catalog/CURRENT")["e_tag"]
        put_to_sleep(sleeper)
        take_over(other)
        with pytest.raises(PreconditionError):
            obstore.put(sleeper._store, "catalog/CURRENT", b"two\n", mode={"e_tag": tag})
    assert other.read("catalog/CURRENT").strip() == b"one"


def test_a_lease_lost_is_not_given_back(moto_place: Place, tmp_path: Path) -> None:
    """A sleeper that wakes and ends does not free the lease of who holds it now."""
    sleeper, other, third = (bucket(moto_place, tmp_path) for _ in range(3))
    with sleeper.lease("asleep"):
        put_to_sleep(sleeper)
        taken = None
        for _ in range(100):
            try:
                taken = other.lease("awake")
                taken.__enter__()
                break
            except LeaseHeld:
                time.sleep(0.1)
    assert taken is not None
    with pytest.raises(LeaseHeld, match="awake"), third.lease("third"):
        pytest.fail("two hold it")
    taken.__exit__(None, None, None)


def test_an_unreadable_lease_is_somebodys(moto_place: Place, tmp_path: Path) -> None:
    """A lease object that cannot be read holds off a writer until it is old."""
    writer = bucket(moto_place, tmp_path)
    obstore.put(writer._store, ".lease", b"not json")
    with pytest.raises(LeaseHeld, match="another process"), writer.lease("a"):
        pytest.fail("it was taken")


def test_the_lease_tells_whose_it_is(moto_place: Place, tmp_path: Path) -> None:
    """The object says who holds the lease, for how long and what for, and afterwards that it is free."""
    writer = bucket(moto_place, tmp_path)
    with writer.lease("an update"):
        told = orjson.loads(bytes(obstore.get(writer._store, ".lease").bytes()))
        assert told["held"] is True
        assert "an update" in told["holder"]
    assert orjson.loads(bytes(obstore.get(writer._store, ".lease").bytes()))["held"] is False


def test_a_server_that_ignores_conditions(
    s3_servers: dict[str, Server], aws: pytest.MonkeyPatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No lease is given on a server that stores whatever the condition: it could not keep two writers apart."""
    place = place_on(s3_servers["moto"], aws)
    stored = obstore.put
    monkeypatch.setattr("obstore.put", lambda store, key, data, **_: stored(store, key, data))
    writer = bucket(place, tmp_path)
    with pytest.raises(StoreError, match="ignores the conditions of a PUT"), writer.lease("a"):
        pytest.fail("it was given")
