"""
A run: the lease, the journal and the landing writer of one piece of work, and the recovery of one that was cut short.

Whatever a run had landed when it was interrupted is parsed and published by the next, before it asks for anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from marketkeep.errors import BadFile, CorruptFile, MarketkeepError, PayloadRefused
from marketkeep.files import storing, sweep
from marketkeep.pipeline.absorb import Absorbed, absorb
from marketkeep.pipeline.batching import Batching, lineage_of
from marketkeep.pipeline.files import batch_file
from marketkeep.pipeline.journal import Journal, close_run, open_runs, run_paths
from marketkeep.pipeline.workspace import Workspace
from marketkeep.raw import Landed, LandingWriter
from marketkeep.sources import source
from marketkeep.sources.manual import read_statement
from marketkeep.stores.lake import lease


@dataclass(slots=True)
class Run:
    """One run under way: `absorbed` adds up what it has published."""

    work: Workspace
    run_id: str
    journal: Journal
    writer: LandingWriter
    absorbed: Absorbed = field(default_factory=Absorbed)

    def tell(self, event: str, **facts: Any) -> None:
        """Write an event to the journal."""
        self.journal.write(event, self.work.clock(), **facts)

    def publish(self) -> None:
        """Publish what this run, or one cut short before it, has put into raw."""
        done = absorb(self.work)
        self.absorbed = self.absorbed.plus(done)
        self.tell(
            "published",
            batches=done.batches,
            bars=done.bars,
            symbols=len(done.symbols),
            corrupt=[str(error) for error in done.corrupt],
        )


@contextmanager
def run(work: Workspace, step: str, facts: Mapping[str, Any], *, over_catalog: bool = True) -> Iterator[Run]:
    """
    Hold the lease and do one step; on the way out, publish.

    `over_catalog=False` is for a step that makes the catalog anew, and so may begin over one that is damaged.

    Raises `LeaseHeld` when another writer is at work. After an interruption the mark in the journal stays, so that the
    next run takes up what was landed.
    """
    with storing(work.root), lease(work.root, step):
        _recover(work, publish=over_catalog)
        moment = work.clock()
        run_id = _fresh_id(work, f"{moment:%Y%m%dT%H%M%S%f}-{step}")
        journal = Journal(work.root, run_id, moment)
        journal.write("started", moment, step=step, **facts)
        error: str | None = "interrupted"
        try:
            with work.landing.writer(run_id, pack_bytes=work.pack_bytes) as writer:
                one = Run(work, run_id, journal, writer)
                yield one
            one.publish()
            error = None
        except MarketkeepError as problem:
            error = str(problem)
            raise
        finally:
            journal.end(work.clock(), error=error)


def _fresh_id(work: Workspace, wanted: str) -> str:
    """`wanted`, numbered when a run of that name has been: a clock may stand still."""
    taken = {path.stem for path in run_paths(work.root, wanted)}
    return next(name for number in count(1) if (name := wanted if number == 1 else f"{wanted}-{number}") not in taken)


def _recover(work: Workspace, *, publish: bool) -> None:
    """Take up what runs cut short had landed: parse it into batches under their own run, then publish."""
    marks = open_runs(work.root)
    if not marks:
        return
    dropped = work.landing.recover()
    swept = sweep(work.root)
    for mark in marks:
        journal = Journal(work.root, mark.name, work.clock())
        journal.write(
            "recovering", work.clock(), dropped=[f"{one.pack}: {one.bytes} bytes" for one in dropped], swept=swept
        )
        rows = _reparse(work, mark.name)
        journal.write("recovered", work.clock(), rows=rows)
    if publish:
        absorb(work)
    for mark in marks:
        close_run(mark)


def _reparse(work: Workspace, run_id: str) -> int:
    """Parse what the run had landed and not batched; what it had batched comes out as the same files."""
    # By dataset too: an answer's actions may be in a batch while its bars, written later, are not.
    known: set[tuple[str, str, datetime]] = set()
    for path in work.batches.paths():
        # A damaged batch is named by `absorb`; here it only means that its payloads are parsed once more.
        with suppress(CorruptFile):
            if work.batches.run_of(path) == run_id:
                dataset = path.split("/")[1]
                known |= {(dataset, one.url, one.fetched_at) for one in work.batches.lineage(path)}
    batching = Batching(work, run_id)
    for landed in work.landing.records(run_id):
        asked = landed.request
        if landed.options is None and (asked.dataset, asked.full_url, landed.fetched_at) in known:
            continue
        _reparse_one(work, batching, landed)
        if batching.full:
            batching.flush()
    batching.flush()
    return batching.rows


def _reparse_one(work: Workspace, batching: Batching, landed: Landed) -> None:
    payload = landed.payload(b"")
    lineage = lineage_of(landed.request, payload, landed.ref)
    try:
        if landed.options is not None and landed.request.source != "manual":
            batch_file(work, batching, landed)
            return
        body = work.landing.read(landed.ref.digest)
        if landed.request.source == "manual":
            frames = read_statement(body)
        else:
            frames = source(landed.request.source).parse(landed.request, landed.payload(body))
    except PayloadRefused as refusal:
        batching.refuse(landed.request, lineage, refusal.fault)
    except BadFile:
        batching.refuse(landed.request, lineage, "malformed")
    else:
        batching.add(landed.request, lineage, frames)
