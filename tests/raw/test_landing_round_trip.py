"""The landing keeps bytes and facts as they came, once, in packs that other tools read."""

from __future__ import annotations

import dataclasses
import os
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fastwarc import warc
from landing_keep import AT, file_facts, pack_text, payload, request, tree
from warcio.archiveiterator import ArchiveIterator  # type: ignore[import-untyped]  # warcio ships no types

from marketkeep.errors import BadFile, BadInput, NotFound
from marketkeep.model import Payload, Request
from marketkeep.raw.landing import Landing, LandingWriter, RawRef

BODIES = [b"", b"\x00", b"\r\n\r\nWARC/1.1\r\n", bytes(range(256)) * 99, os.urandom(70_000), "año ✓".encode()]


@pytest.mark.parametrize("body", BODIES, ids=len)
@pytest.mark.parametrize("status", [200, 404, 599])
def test_body_comes_back_verbatim(tmp_path: Path, body: bytes, status: int) -> None:
    """Whatever the bytes and the status, what is read is what was landed."""
    with Landing(tmp_path).writer("run") as writer:
        ref = writer.land(request(), payload(body, status=status))
    assert Landing(tmp_path).read(ref.digest) == body
    assert Landing(tmp_path).describe(ref.digest).first.status == status


def test_pack_alone_tells_request_and_payload(tmp_path: Path) -> None:
    """Request and payload, their times to the microsecond and their order, are rebuilt from the packs alone."""
    asked = [request(f"S{n}", source=("yahoo", "stooq")[n % 2]) for n in range(6)]
    answers = [payload(b"%d" % (n // 2), minutes=n) for n in range(6)]
    with Landing(tmp_path).writer("run") as writer:
        for one, answer in zip(asked, answers, strict=True):
            writer.land(one, answer)
    (tmp_path / "landing" / "index.sqlite").unlink()
    landing = Landing(tmp_path)
    told = list(landing.records("run"))
    assert [each.request for each in told] == asked
    assert [each.payload(landing.read(each.ref.digest)) for each in told] == answers
    assert [each.ref.revisit for each in told] == [False, True] * 3
    assert {each.run_id for each in told} == {"run"}
    assert [each.length for each in told] == [1] * 6


def test_records_of_one_pack(tmp_path: Path) -> None:
    """A pack's name asks for that pack, a run's for all of its packs and for no other run's."""
    for run in ("a", "a-1"):
        with Landing(tmp_path).writer(run, pack_bytes=1) as writer:
            refs = [writer.land(request(), payload(f"{run}{n}".encode())) for n in range(2)]
    landing = Landing(tmp_path)
    assert [each.ref for each in landing.records("a-1")] == refs
    assert [each.ref for each in landing.records(refs[0].pack)] == refs[:1]
    assert len(list(landing.records("a"))) == 2


def test_time_is_kept_in_utc(tmp_path: Path) -> None:
    """A time with another zone is the same instant when read; a time without one is refused."""
    local = AT.astimezone(ZoneInfo("Asia/Tokyo"))
    with Landing(tmp_path).writer("run") as writer:
        ref = writer.land(request(), dataclasses.replace(payload(b"x"), fetched_at=local))
        with pytest.raises(ValueError, match="zone"):
            writer.land(request(), dataclasses.replace(payload(b"y"), fetched_at=AT.replace(tzinfo=None)))
    assert ref.pack == "landing/yahoo/2024-03-05/run-1.warc.gz"
    assert Landing(tmp_path).describe(ref.digest).first.fetched_at == AT


def test_same_bytes_land_once(tmp_path: Path) -> None:
    """The same bytes again, in the same run or another, add a revisit of a few hundred bytes and no body."""
    body = os.urandom(100_000)
    with Landing(tmp_path).writer("one") as writer:
        first = writer.land(request(), payload(body))
        size = (tmp_path / first.pack).stat().st_size
        again = writer.land(request("MSFT"), payload(body, minutes=1))
    with Landing(tmp_path).writer("two") as writer:
        later = writer.land(request("MSFT", source="stooq"), payload(body, minutes=2, status=203))
    assert again == later == RawRef(first.digest, first.pack, first.offset, revisit=True)
    assert 0 < (tmp_path / first.pack).stat().st_size - size < 1_500
    assert pack_text(tmp_path).count(body) == 1
    known = Landing(tmp_path).describe(first.digest)
    assert known.first.request.symbol == "AAPL"
    assert [(each.request.source, each.status, each.fetched_at - AT) for each in known.again] == [
        ("yahoo", 200, timedelta(minutes=1)),
        ("stooq", 203, timedelta(minutes=2)),
    ]


def test_reverted_answer_is_told_as_such(tmp_path: Path) -> None:
    """A, then B, then A again: three exchanges in order, and the third lies where the first does."""
    with Landing(tmp_path).writer("run") as writer:
        refs = [writer.land(request(), payload(body, minutes=n)) for n, body in enumerate([b"A", b"B", b"A"])]
    assert [each.ref for each in Landing(tmp_path).records("run")] == refs
    assert [ref.revisit for ref in refs] == [False, False, True]
    assert refs[2].offset == refs[0].offset
    assert [Landing(tmp_path).read(ref.digest) for ref in refs] == [b"A", b"B", b"A"]


def test_revisit_is_not_written_on_the_index_s_word(tmp_path: Path) -> None:
    """Bytes whose pack is gone are landed in full again, whatever the index says."""
    with Landing(tmp_path).writer("one") as writer:
        first = writer.land(request(), payload(b"body"))
        writer.commit()
        (tmp_path / first.pack).unlink()
        second = writer.land(request(source="stooq"), payload(b"body"))
    assert not second.revisit
    assert Landing(tmp_path).read(first.digest) == b"body"


def test_packs_roll_by_size(tmp_path: Path) -> None:
    """A pack that has reached its size is followed by another; each is one file of whole exchanges."""
    with Landing(tmp_path).writer("run", pack_bytes=20_000) as writer:
        refs = [writer.land(request(), payload(os.urandom(6_000))) for _ in range(10)]
    sizes = [(tmp_path / place).stat().st_size for place in Landing(tmp_path).packs()]
    assert len(sizes) == 4
    assert all(20_000 <= size < 28_000 for size in sizes[:-1])
    assert [each.ref for each in Landing(tmp_path).records("run")] == refs


def test_packs_roll_at_midnight_and_stay_apart_by_source(tmp_path: Path) -> None:
    """A new UTC day begins a pack in its own folder; a straggler of the day before does not go back."""
    with Landing(tmp_path).writer("run") as writer:
        places = [writer.land(request(), payload(b"%d" % n, minutes=n)).pack for n in (0, 600, 1)]
        places.append(writer.land(request(source="stooq"), payload(b"other")).pack)
    assert places == [
        "landing/yahoo/2024-03-05/run-1.warc.gz",
        "landing/yahoo/2024-03-06/run-2.warc.gz",
        "landing/yahoo/2024-03-06/run-2.warc.gz",
        "landing/stooq/2024-03-05/run-1.warc.gz",
    ]


def test_run_continues_in_a_pack_of_its_own(tmp_path: Path) -> None:
    """A run opened again appends to no earlier pack, and its exchanges stay in order."""
    refs = []
    for body in (b"a", b"b", b"c"):
        with Landing(tmp_path).writer("run") as writer:
            refs.append(writer.land(request(source="yahoo" if body != b"b" else "stooq"), payload(body)))
    assert [each.ref for each in Landing(tmp_path).records("run")] == refs
    assert len({ref.pack for ref in refs}) == 3


def test_file_and_statement_are_kept_with_their_options(tmp_path: Path) -> None:
    """A file handed in and a statement are resources; their options and names come back."""
    path = tmp_path / "my prices.csv"
    path.write_bytes(b"date,close\r\n2024-03-05,1\r\n" * 100_000)
    with Landing(tmp_path).writer("run") as writer:
        file = writer.land_file(path, **file_facts(symbol="AAPL", columns={"close": "Close"}))
        same = writer.land_file(path, **file_facts(symbol="MSFT"))
        said = writer.land_bytes(b'{"symbol": "AAPL"}', name="add-symbol", **file_facts())
    landing = Landing(tmp_path)
    assert landing.read(file.digest) == path.read_bytes()
    assert same == dataclasses.replace(file, revisit=True)
    told = list(landing.records("run"))
    assert [each.ref for each in told] == [file, same, said]
    assert told[0].options == {"symbol": "AAPL", "columns": {"close": "Close"}}
    assert [each.request.url for each in told[1:]] == ["file:///my%20prices.csv", "urn:marketkeep:csv:add-symbol"]
    assert b"WARC-Type: resource" in pack_text(tmp_path)


def test_file_that_cannot_be_read_or_changes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file, a folder, or a file that changes while it is read raises `BadFile` and leaves no record."""
    path = tmp_path / "prices.csv"
    path.write_bytes(b"one")
    with Landing(tmp_path).writer("run") as writer:
        for bad in (tmp_path / "none.csv", tmp_path):
            with pytest.raises(BadFile, match="cannot be read"):
                writer.land_file(bad, **file_facts())
        versions = iter([b"one", b"two"])
        monkeypatch.setattr("marketkeep.raw.landing.writer._pieces", lambda _: iter([next(versions)]))
        with pytest.raises(BadFile, match="changed"):
            writer.land_file(path, **file_facts())
    assert Landing(tmp_path).packs() == []


def test_answer_without_http_is_a_resource(tmp_path: Path) -> None:
    """A payload whose address is not HTTP keeps its status and headers all the same."""
    asked = Request("sample", "daily_bars", "sample:AAPL", symbols=("AAPL",))
    with Landing(tmp_path).writer("run") as writer:
        ref = writer.land(asked, payload(b"rows"))
    (told,) = Landing(tmp_path).records("run")
    assert (told.request, told.ref, told.options) == (asked, ref, None)
    assert told.payload(b"rows") == payload(b"rows")


def test_line_ends_cannot_break_a_record(tmp_path: Path) -> None:
    """Line ends and other controls in an address or a header stay inside their line."""
    asked = dataclasses.replace(request(url="https://api.example.com/a b\r\nWARC-Type: x"), symbols=("A\r\n\x85B",))
    answer = dataclasses.replace(payload(b"x"), headers=(("X-Odd", "a\r\nX-Forged: b"), ("Empty", "")))
    with Landing(tmp_path).writer("run") as writer:
        writer.land(asked, answer)
    (told,) = Landing(tmp_path).records("run")
    assert told.request == asked
    assert told.headers == (("X-Odd", "a  X-Forged: b"), ("Empty", ""))


def test_other_tools_read_our_packs(tmp_path: Path) -> None:
    """FastWARC and warcio find every record, take each member for one record, and agree with each digest."""
    with Landing(tmp_path).writer("run") as writer:
        writer.land(request(), payload(b"body"))
        writer.land(request("MSFT"), payload(b"body"))
        writer.land(request("NONE"), payload(b"", status=404))
        writer.land_bytes(b"said", name="x", **file_facts("yahoo"))
    kinds = ["warcinfo", "request", "response", "revisit", "request", "response", "resource"]
    (place,) = Landing(tmp_path).packs()
    with (tmp_path / place).open("rb") as file:
        read = [
            (record.rec_type, record.content_stream().read(), record.digest_checker.passed)
            for record in ArchiveIterator(file, check_digests="raise")
        ]
    assert [kind for kind, _, _ in read] == kinds
    assert [body for kind, body, _ in read if kind in ("response", "resource")] == [b"body", b"", b"said"]
    assert all(passed for kind, _, passed in read if kind != "revisit")
    with (tmp_path / place).open("rb") as file:
        for kind, record in zip(kinds, warc.ArchiveIterator(file, parse_http=False), strict=True):
            assert (str(record.record_type), record.verify_block_digest()) == (kind, True)
            if record.is_http:
                record.parse_http()
                assert record.verify_payload_digest() == (kind != "revisit")


def test_reading_writes_nothing_and_needs_no_index(tmp_path: Path) -> None:
    """A keep on a read-only disk can be read: no file changes by reading, and a missing index is no obstacle."""
    with Landing(tmp_path).writer("run") as writer:
        ref = writer.land(request(), payload(b"body"))
        writer.land(request(), payload(b"body", minutes=1))
    for _ in range(2):
        before = tree(tmp_path)
        assert Landing(tmp_path).read(ref.digest) == b"body"
        assert len(Landing(tmp_path).describe(ref.digest).again) == 1
        assert tree(tmp_path) == before
        (tmp_path / "landing" / "index.sqlite").unlink(missing_ok=True)


def test_unknown_digest_is_not_found(tmp_path: Path) -> None:
    """A digest never landed raises `NotFound`, in an empty keep too; recovering an empty keep does nothing."""
    digest = "sha256:" + "0" * 64
    assert Landing(tmp_path).recover() == ()
    assert tree(tmp_path) == {}
    with pytest.raises(NotFound):
        Landing(tmp_path).read(digest)
    with Landing(tmp_path).writer("run") as writer:
        writer.land(request(), payload(b"body"))
    with pytest.raises(NotFound):
        Landing(tmp_path).describe(digest)


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a b", "*"])
def test_names_that_cannot_be_files_are_refused(tmp_path: Path, name: str) -> None:
    """A source or run that is no safe file name is refused before anything is written."""
    with Landing(tmp_path).writer("run") as writer, pytest.raises(BadInput):
        writer.land(request(source=name), payload(b"x"))
    with Landing(tmp_path).writer(name) as writer, pytest.raises(BadInput):
        writer.land(request(), payload(b"x"))
    assert Landing(tmp_path).packs() == []


def test_no_way_to_edit_or_delete() -> None:
    """The public names of the landing and its writer are those that read and add."""
    reads = {"describe", "open", "packs", "read", "records", "recover", "files", "room", "writer"}
    adds = {"close", "commit", "dropped", "land", "land_bytes", "land_download", "land_file", "run_id"}
    assert {name for name in dir(Landing(Path())) if not name.startswith("_")} == reads
    assert {name for name in dir(LandingWriter) if not name.startswith("_")} <= adds


def test_body_is_streamed(tmp_path: Path) -> None:
    """A body is streamed in pieces of the caller's size, and the stream ends where the body does."""
    body = os.urandom(300_001)
    with Landing(tmp_path).writer("run") as writer:
        ref = writer.land(request(), Payload(200, (), body, AT))
    with Landing(tmp_path).open(ref.digest) as stream:
        assert b"".join(iter(lambda: stream.read(7_777), b"")) == body
        assert stream.read() == b""
