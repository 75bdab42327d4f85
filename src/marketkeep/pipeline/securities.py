"""
What the keep follows: a statement about securities is landed and batched like a source's payload.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from marketkeep.model import Payload, Request
from marketkeep.pipeline.batching import Batching, lineage_of
from marketkeep.pipeline.run import run
from marketkeep.pipeline.workspace import Workspace
from marketkeep.sources.manual import read_statement, write_statement


def add_symbols(work: Workspace, symbols: Sequence[str], *, start: date | None = None, followed: bool = True) -> str:
    """
    State that these symbols (canonical text) are followed from `start` on (the policy's start when None), or are not.

    The statement is landed and batched like a source's payload; returns the run's id.
    """
    with run(work, "add-symbol", {"symbols": list(symbols)}) as one:
        moment = work.clock()
        body = write_statement(symbols, start=start, followed=followed)
        request = Request("manual", "securities", "urn:marketkeep:manual:add-symbol")
        ref = one.writer.land_bytes(
            body, name="add-symbol", source="manual", dataset="securities", fetched_at=moment, options={}
        )
        one.writer.commit()
        batching = Batching(work, one.run_id)
        batching.add(request, lineage_of(request, Payload(200, (), body, moment), ref), read_statement(body))
        batching.flush()
    return one.run_id
