"""Bodies that go to disk: as they come, whole or not at all, and however large."""

from __future__ import annotations

import gzip
import io
import time

import pytest

from gym.scripted import Step
from marketkeep.errors import FetchFailed
from marketkeep.http import Credential
from marketkeep.model import Rate

FAST = Rate(10_000)


@pytest.fixture
def sink(tmp_path):
    """An empty file, open to be written and read."""
    with (tmp_path / "body").open("w+b") as file:
        yield file


def content(sink) -> bytes:
    """What the file holds."""
    sink.flush()
    sink.seek(0)
    return sink.read()


def test_body_goes_to_the_sink(scripted, client, sink):
    """The body of a 200 is in the file, the payload has everything else."""
    server = scripted(Step(body=b"zip", headers={"ETag": '"1"'}))
    payload = client.fetch(server.request(), FAST, "http", sink)
    assert (payload.status, payload.body, dict(payload.headers)["etag"]) == (200, b"", '"1"')
    assert content(sink) == b"zip"


def test_sink_may_be_larger_than_an_answer(scripted, client, sink):
    """What goes to disk is not bounded by what may be held in memory."""
    body = bytes(range(256)) * 400
    server = scripted(Step(body=body))
    client.fetch(server.request(), FAST, "http", sink)
    assert content(sink) == body
    with pytest.raises(FetchFailed, match="too_large"):
        client.fetch(server.request(), FAST, "http")


def test_content_encoding_is_undone_on_the_way(scripted, client, sink):
    """What travelled compressed is in the file as the vendor's bytes."""
    server = scripted(Step(body=gzip.compress(b"plain" * 5000), headers={"Content-Encoding": "gzip"}))
    client.fetch(server.request(), FAST, "http", sink)
    assert content(sink) == b"plain" * 5000


@pytest.mark.parametrize("first", [Step(deed="cut", body=b"x" * 5000), Step(503, b"sorry" * 100), Step(deed="drop")])
def test_retry_begins_anew(scripted, client, sink, first):
    """What an attempt left in the file is gone before the next; nothing of a refusal gets into it."""
    server = scripted(first, Step(body=b"all of it"))
    payload = client.fetch(server.request(), FAST, "http", sink)
    assert content(sink) == b"all of it"
    assert len(payload.faults) == 1


def test_what_was_in_the_file_is_replaced(scripted, client, sink):
    """A file that is not empty is emptied first."""
    sink.write(b"something older and longer")
    client.fetch(scripted(Step(body=b"new")).request(), FAST, "http", sink)
    assert content(sink) == b"new"


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_other_answers_are_bodies(scripted, client, sink, status):
    """An error's words are for the source to read: they are in the payload, and the file stays empty."""
    payload = client.fetch(scripted(Step(status, b"why")).request(), FAST, "http", sink)
    assert (payload.status, payload.body, content(sink)) == (status, b"why", b"")


def test_error_that_is_too_large_is_refused(scripted, client, sink):
    """What is held in memory is bounded, also where a file was given."""
    with pytest.raises(FetchFailed, match="too_large"):
        client.fetch(scripted(Step(404, b"x" * 10_001)).request(), FAST, "http", sink)


def test_download_may_take_its_time(scripted, client, sink):
    """The timeout is that between two pieces: a large file may take longer as a whole."""
    body = b"slowly"
    started = time.monotonic()
    client.fetch(scripted(Step(deed="drip", body=body)).request(), FAST, "http", sink)
    assert time.monotonic() - started > 0.5
    assert content(sink) == body


def test_download_that_stops_is_a_timeout(scripted, make_client, sink):
    """When nothing comes any more the attempt ends."""
    with make_client(timeout_seconds=0.1, attempts=1) as client, pytest.raises(FetchFailed, match="timeout"):
        client.fetch(scripted(Step(deed="hang")).request(), FAST, "http", sink)


def test_disk_that_is_full_is_not_the_vendors_fault(scripted, client):
    """An error of the file reaches the caller as it is, after one attempt."""

    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    server = scripted(Step())
    with pytest.raises(OSError, match="No space"):
        client.fetch(server.request(), FAST, "http", Full())
    assert len(server.seen) == 1


def test_key_goes_with_a_download(scripted, make_client, sink):
    """A keyed download is asked for as any other request."""
    server = scripted(Step(body=b"zip"))
    with make_client(credentials={"vendor": Credential(headers=(("X-Key", "hunter2"),))}) as client:
        client.fetch(server.request(), FAST, "http", sink)
    assert server.seen[0][1]["x-key"] == "hunter2"
