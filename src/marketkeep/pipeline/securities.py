"""
What the keep follows: a statement about securities is landed and batched like a source's payload.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from marketkeep.model import Payload, Request
from marketkeep.pipeline.batching import Batching, lineage_of
from marketkeep.pipeline.run import Run, run
from marketkeep.pipeline.workspace import Workspace
from marketkeep.sources.manual import read_statement, write_statement


def add_symbols(
    work: Workspace,
    symbols: Sequence[str],
    *,
    start: date | None = None,
    followed: bool = True,
    priority: str | None = None,
) -> str:
    """
    State that these symbols (canonical text) are followed from `start` on (the policy's start when None), or are not.

    `priority` is high, medium or low. Returns the run's id.
    """
    with run(work, "add-symbol", {"symbols": list(symbols)}) as one:
        state(one, symbols, start=start, followed=followed, priority=priority)
    return one.run_id


def state(one: Run, symbols: Sequence[str], *, start: date | None, followed: bool, priority: str | None) -> None:
    """Land and batch such a statement as part of a run."""
    work = one.work
    moment = work.clock()
    body = write_statement(symbols, start=start, followed=followed, priority=priority)
    request = Request("manual", "securities", "urn:marketkeep:manual:add-symbol")
    ref = one.writer.land_bytes(
        body, name="add-symbol", source="manual", dataset="securities", fetched_at=moment, options={}
    )
    one.writer.commit()
    batching = Batching(work, one.run_id)
    batching.add(request, lineage_of(request, Payload(200, (), body, moment), ref), read_statement(body))
    batching.flush()
