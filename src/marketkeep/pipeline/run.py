"""
A run: the lease, the journal and the landing writer of one piece of work.

A run that was cut short is taken up by the next, see `recovery`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from marketkeep.errors import MarketkeepError
from marketkeep.files import storing
from marketkeep.pipeline.journal import Journal, fresh_id
from marketkeep.pipeline.publishing.absorb import Absorbed, absorb
from marketkeep.pipeline.recovery import recover
from marketkeep.pipeline.workspace import Workspace
from marketkeep.raw import LandingWriter


@dataclass(slots=True)
class Run:
    """One run under way: `absorbed` adds up what it has published, if it has `published` already."""

    work: Workspace
    run_id: str
    journal: Journal
    writer: LandingWriter
    absorbed: Absorbed = field(default_factory=Absorbed)
    published: bool = False

    def tell(self, event: str, **facts: Any) -> None:
        """Write an event to the journal."""
        self.journal.write(event, self.work.clock(), **facts)

    def publish(self) -> None:
        """Publish what this run, or one cut short before it, has put into raw."""
        done = absorb(self.work)
        nothing_new = not done.batches and done.corrupt == self.absorbed.corrupt and self.published
        self.absorbed, self.published = self.absorbed.plus(done), True
        if nothing_new:
            return
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

    Raises `LeaseHeld` when another writer is at work, `CorruptFile` or `OtherForm` for a catalog that cannot be read;
    then nothing was landed. After an interruption the mark in the journal stays, so that the
    next run takes up what was landed.
    """
    with storing(work.files.place), work.files.lease(step):
        if over_catalog:
            # Over one that cannot be read nothing could be published: it is refused before anything is landed.
            work.lake.catalog()
        recover(work, publish=over_catalog)
        moment = work.clock()
        run_id = fresh_id(work.files, moment, step)
        journal = Journal(work.files, run_id, moment)
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
