"""Packed answers: a zip of many answers read member by member, whole or not, also after a crash."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from marketkeep.errors import PayloadRefused
from marketkeep.model import Lineage, Payload, Query, Rate, Request
from marketkeep.pipeline import batching as batching_module
from marketkeep.pipeline.batching import Batching
from marketkeep.pipeline.collecting import collector as collect_module
from marketkeep.pipeline.collecting.collector import Collector
from marketkeep.pipeline.collecting.ledger import Ledger
from marketkeep.pipeline.collecting.means import Means
from marketkeep.pipeline.collecting.packed import batch_members
from marketkeep.pipeline.collecting.planning import Planner, Task
from marketkeep.pipeline.journal import open_runs
from marketkeep.pipeline.recovery import recover
from marketkeep.pipeline.run import run
from marketkeep.sources.sec import Sec
from small_keep import SmallKeep

NOW = datetime(2024, 5, 7, 12, tzinfo=UTC)
TODAY = date(2024, 5, 7)
SEC = Sec()
COMPANIES = tuple(f"CIK{number:010d}" for number in range(1, 302))
HELD = range(1, 6)


def facts(number: int) -> bytes:
    """One company's facts: its assets of one year."""
    told = {"end": "2023-12-31", "val": number, "accn": f"{number:010d}-24-000001", "fy": 2023, "fp": "FY"}
    told |= {"form": "10-K", "filed": "2024-02-20"}
    units = {"Assets": {"label": "Assets", "description": "Assets", "units": {"USD": [told]}}}
    return json.dumps({"cik": number, "entityName": f"Company {number}", "facts": {"us-gaap": units}}).encode()


def packed(members: dict[str, bytes]) -> bytes:
    """A zip of these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return buffer.getvalue()


def whole() -> dict[str, bytes]:
    """Five companies that are asked for, one that is not, and a file that is no company's."""
    return {f"CIK{number:010d}.json": facts(number) for number in (*HELD, 999)} | {"README.txt": b"hello"}


@pytest.fixture
def keep(tmp_path: Path) -> SmallKeep:
    """An empty keep."""
    return SmallKeep(tmp_path / "keep", now=NOW)


def request() -> Request:
    """The one request for the facts of many companies."""
    (one,) = SEC.plan(Query("facts", COMPANIES, TODAY, TODAY + timedelta(days=1), NOW))
    assert one.packed
    return one


@dataclass
class Reading:
    """A zip read into batches: what was yielded, in order."""

    keep: SmallKeep
    body: bytes
    known: frozenset[str] = frozenset()
    batching: Batching = field(init=False)
    found: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        path = self.keep.root / "download"
        path.write_bytes(self.body)
        self.batching = Batching(self.keep.work, "run")
        asked = request()
        lineage = Lineage("sha256:0", "pack", 0, asked.full_url, asked.symbols, asked.start, asked.end, NOW)
        payload = Payload(200, (), b"", NOW)
        try:
            for one in batch_members(self.batching, SEC, asked, lineage, (path, payload), self.known):
                self.found.append(one)
        finally:
            self.batching.flush()

    @property
    def companies(self) -> list[int]:
        """The numbers of the companies whose members were read."""
        return [int((one.symbol or "")[3:]) for one in self.found]


def lineage(keep: SmallKeep) -> list[Lineage]:
    """What all batches remember of their answers."""
    return [one for path in keep.work.batches.paths() for one in keep.work.batches.lineage(path)]


def told(keep: SmallKeep) -> list[tuple[tuple[str, ...], int, str | None]]:
    """The same for the answers about one company: whose, rows, refusal."""
    return [(one.symbols, one.rows, one.refused) for one in lineage(keep) if len(one.symbols) == 1]


def test_members_that_were_asked_for_are_read(keep: SmallKeep) -> None:
    """
    Every company asked for that has a member is an answer of its own; the others and other files are passed over.
    """
    read = Reading(keep, packed(whole()))
    assert read.companies == list(HELD)
    assert read.batching.rows == len(HELD)
    assert told(keep) == [((f"CIK{number:010d}",), 1, None) for number in HELD]
    assert {one.start for one in lineage(keep)} == {TODAY}


def test_absent_members_are_not_known(keep: SmallKeep) -> None:
    """
    Who has no member in the zip is not known to the source: remembered for all of them in one entry.
    """
    Reading(keep, packed(whole()))
    [absent] = [one for one in lineage(keep) if one.refused]
    assert absent.refused == "not_found"
    assert absent.symbols == COMPANIES[len(HELD) :]
    assert (absent.start, absent.end) == (TODAY, TODAY + timedelta(days=1))


def test_member_that_is_refused_spoils_no_other(keep: SmallKeep) -> None:
    """
    A member that cannot be read is remembered with its reason; those before and after it are taken.
    """
    members = whole()
    members["CIK0000000003.json"] = b"<html>"
    members["CIK0000000004.json"] = facts(7)
    assert Reading(keep, packed(members)).companies == list(HELD)
    found = {symbols[0]: (rows, refused) for symbols, rows, refused in told(keep)}
    assert [found[f"CIK{number:010d}"][0] for number in HELD] == [1, 1, 0, 0, 1]
    assert found["CIK0000000003"][1] == "malformed"
    assert found["CIK0000000004"][1] is not None


@pytest.mark.parametrize("cut", [0, 10, 200, -30, -1])
def test_zip_cut_short_is_refused(keep: SmallKeep, cut: int) -> None:
    """
    A zip that broke off has lost its table of contents: it is refused as truncated, and may be asked for again.
    """
    with pytest.raises(PayloadRefused) as refusal:
        Reading(keep, packed(whole())[:cut])
    assert (refusal.value.fault, refusal.value.retry) == ("truncated", True)
    assert "no zip that can be read" in refusal.value.reason
    assert keep.work.batches.paths() == []


def test_no_zip_at_all_is_refused(keep: SmallKeep) -> None:
    """
    A page of HTML in the place of a zip is refused in the same way.
    """
    with pytest.raises(PayloadRefused, match="no zip"):
        Reading(keep, b"<html>Maintenance</html>" * 100)


def test_damage_within_a_zip_keeps_what_came_before(keep: SmallKeep) -> None:
    """
    Where a member's bytes are damaged the zip is refused; the members read before it count.
    """
    body = bytearray(packed(whole()))
    at = body.index(b"CIK0000000003.json") + 40
    body[at : at + 20] = bytes(20)
    with pytest.raises(PayloadRefused) as refusal:
        Reading(keep, bytes(body))
    assert refusal.value.fault == "truncated"
    assert told(keep) == [((f"CIK{number:010d}",), 1, None) for number in (1, 2)]


def test_known_members_are_passed_over(keep: SmallKeep) -> None:
    """
    Members that are in batches already are not read again, and do not count as absent.
    """
    known = frozenset(f"{request().url}#CIK{number:010d}.json" for number in (1, 2))
    assert Reading(keep, packed(whole()), known).companies == [3, 4, 5]
    [absent] = [one for one in lineage(keep) if one.refused]
    assert absent.symbols == COMPANIES[len(HELD) :]


# --- through a run ---------------------------------------------------------------------------------------------------


@dataclass
class Bulk:
    """A fetcher that writes each body, in order, into the sink; the last one for ever."""

    bodies: list[bytes]

    def fetch(self, request: Request, rate: Rate, transport: str, sink: BinaryIO | None = None) -> Payload:
        """The answer, at once."""
        assert sink is not None
        sink.write(self.bodies.pop(0) if len(self.bodies) > 1 else self.bodies[0])
        return Payload(200, (), b"", NOW)

    def close(self) -> None:
        """Nothing is open."""


def collect(keep: SmallKeep, *bodies: bytes) -> Collector:
    """A run that asks for the facts of many companies."""
    keep.now += timedelta(minutes=1)
    with Ledger(keep.root, keep.work.clock) as ledger, run(keep.work, "update", {}) as one:
        plan = Planner(keep.work.policy, NOW, (SEC,))
        collector = Collector(one, Means((SEC,), Bulk(list(bodies)), ledger, workers=1), plan)
        collector.collect([Task(SEC, (request(),))])
    return collector


def rows(keep: SmallKeep) -> Sequence[int]:
    """The numbers of the companies whose facts are in raw."""
    paths = [path for path in keep.work.batches.paths() if path.startswith("raw/facts/")]
    return keep.work.batches.rows("facts", paths)["cik"].to_list()


def leftovers(keep: SmallKeep) -> list[Path]:
    """Downloads that lie about."""
    return list((keep.root / "landing").glob(".download-*"))


def test_zip_is_landed_and_taken(keep: SmallKeep) -> None:
    """
    Through a run: the zip is landed byte for byte, its members are in raw, and no download is left behind.
    """
    body = packed(whole())
    collector = collect(keep, body)
    assert rows(keep) == list(HELD)
    assert collector.result.sent == 1
    [digest] = {one.digest for one in lineage(keep)}
    assert keep.work.landing.read(digest or "") == body
    assert leftovers(keep) == []


def test_truncated_zip_is_asked_for_again(keep: SmallKeep) -> None:
    """
    A zip cut short is remembered and asked for once more; then all is taken.
    """
    body = packed(whole())
    collector = collect(keep, body[:-30], body)
    assert collector.result.sent == 2
    assert rows(keep) == list(HELD)
    assert "truncated" in {one.refused for one in lineage(keep)}
    assert leftovers(keep) == []


def test_zip_that_stays_broken_is_given_up(keep: SmallKeep) -> None:
    """
    After three times the run gives up, with its reason, and goes on.
    """
    collector = collect(keep, b"no zip")
    assert collector.result.sent == 3
    assert list(collector.result.failed) == ["sec facts"]
    assert leftovers(keep) == []


@pytest.mark.parametrize("taken", [0, 2, 5])
def test_recovery_takes_only_unknown_members(keep: SmallKeep, monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    """
    Cut short after some members were in batches, the next run reads the rest from the landed zip, and no other.
    """

    def some(*given: Any) -> Iterator[Request]:
        for number, member in enumerate(batch_members(*given)):
            if number == taken:
                break
            yield member
        raise KeyboardInterrupt

    monkeypatch.setattr(batching_module, "PAYLOADS_PER_BATCH", 1)
    monkeypatch.setattr(collect_module, "batch_members", some)
    with pytest.raises(KeyboardInterrupt):
        collect(keep, packed(whole()))
    monkeypatch.undo()
    assert rows(keep) == list(HELD)[:taken]
    recover(keep.work, publish=True)
    assert rows(keep) == list(HELD)
    assert open_runs(keep.root) == []
    assert len([one for one in lineage(keep) if one.refused == "not_found"]) == 1
