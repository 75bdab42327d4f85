"""
Recovery of a run that was cut short: whatever it had landed is parsed and published by the next one, before that asks
for anything.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from marketkeep.errors import BadFile, BadInput, CorruptFile, PayloadRefused
from marketkeep.files import Folder, sweep
from marketkeep.model import NOT_FOUND, Lineage, Source
from marketkeep.pipeline.batching import Batching, lineage_of
from marketkeep.pipeline.collecting.book import find_source
from marketkeep.pipeline.collecting.chains import Chains
from marketkeep.pipeline.collecting.packed import batch_members
from marketkeep.pipeline.files import batch_file
from marketkeep.pipeline.journal import Journal, close_run, open_runs
from marketkeep.pipeline.publishing.absorb import absorb
from marketkeep.pipeline.publishing.panel import mend_panel
from marketkeep.pipeline.workspace import Workspace
from marketkeep.raw import Landed
from marketkeep.sources.manual import read_statement

_OK = 200
_UNKNOWN_SOURCE = "unknown_source"
_DAY_DIGITS = 8


def recover(work: Workspace, *, publish: bool) -> None:
    """Take up what runs cut short had landed: parse it into batches under their own run, then publish."""
    runs = open_runs(work.files)
    if not runs:
        return
    dropped = work.landing.recover()
    swept = sweep(work.files.root if isinstance(work.files, Folder) else work.landing.room)
    for run_id in runs:
        journal = Journal(work.files, run_id, work.clock())
        journal.write(
            "recovering", work.clock(), dropped=[f"{one.pack}: {one.bytes} bytes" for one in dropped], swept=swept
        )
        rows = _reparse(work, run_id)
        journal.write("recovered", work.clock(), rows=rows)
    if publish:
        absorb(work)
        mend_panel(work)
    for run_id in runs:
        close_run(work.files, run_id)


def _written_since(work: Workspace, run_id: str) -> list[str]:
    """
    The batches that a run may have written: they lie under the day they were received on, which is none before the run
    began, but for a clock that was put back.
    """
    begun = datetime.strptime(run_id[:_DAY_DIGITS], "%Y%m%d").replace(tzinfo=UTC) - timedelta(days=1)
    return [path for path in work.batches.paths() if path.split("/")[3] >= f"{begun:%Y-%m-%d}"]


@dataclass(slots=True)
class _Redo:
    """
    What one run had landed, taken up again: `known` are the answers that are in its batches already, by dataset,
    address and time.
    """

    work: Workspace
    batching: Batching
    known: set[tuple[str, str, datetime]]
    chains: Chains = field(default_factory=Chains)


def _reparse(work: Workspace, run_id: str) -> int:
    """Parse what the run had landed and not batched; what it had batched comes out as the same files."""
    # By dataset too: an answer's actions may be in a batch while its bars, written later, are not.
    known: set[tuple[str, str, datetime]] = set()
    for path in _written_since(work, run_id):
        # A damaged batch is named by `absorb`; here it only means that its payloads are parsed once more.
        with suppress(CorruptFile):
            if work.batches.run_of(path) == run_id:
                dataset = path.split("/")[1]
                known |= {(dataset, one.url, one.fetched_at) for one in work.batches.lineage(path)}
    redo = _Redo(work, Batching(work, run_id), known)
    for landed in work.landing.records(run_id):
        asked = landed.request
        if landed.options is None and (asked.dataset, asked.full_url, landed.fetched_at) in known:
            continue
        _reparse_one(redo, landed)
        if redo.batching.full:
            redo.batching.flush()
    redo.chains.abandon(redo.batching)
    redo.batching.flush()
    return redo.batching.rows


def _reparse_one(redo: _Redo, landed: Landed) -> None:
    work, batching = redo.work, redo.batching
    lineage = lineage_of(landed.request, landed.payload(b""), landed.ref)
    try:
        if landed.request.source == "manual":
            batching.add(landed.request, lineage, read_statement(work.landing.read(landed.ref.digest)))
        elif landed.options is not None:
            batch_file(work, batching, landed)
        else:
            _reparse_answer(redo, landed, lineage)
    except PayloadRefused as refusal:
        # One unknown symbol spoils a call for many, which says nothing of the others.
        many = refusal.fault == NOT_FOUND and len(landed.request.symbols) > 1
        told = lineage.settling_nothing() if many else lineage
        batching.refuse(landed.request, told, refusal.fault)
    except BadFile:
        batching.refuse(landed.request, lineage, "malformed")


def _reparse_answer(redo: _Redo, landed: Landed, lineage: Lineage) -> None:
    request = landed.request
    try:
        source = find_source(request.source)
    except BadInput:
        # The package it came from is not installed any more; its payload stays landed.
        redo.batching.refuse(request, lineage, _UNKNOWN_SOURCE)
        return
    if request.packed and landed.status == _OK:
        _reparse_packed(redo, source, landed, lineage)
        return
    payload = landed.payload(redo.work.landing.read(landed.ref.digest))
    frames = source.parse(request, payload)
    chain = redo.chains.take(request)
    chain.add(request, lineage, frames)
    following = source.next_page(request, payload)
    if following is None:
        chain.complete(redo.batching)
    else:
        redo.chains.wait(chain, following)


def _reparse_packed(redo: _Redo, source: Source, landed: Landed, lineage: Lineage) -> None:
    known = {url for dataset, url, at in redo.known if dataset == landed.request.dataset and at == landed.fetched_at}
    with tempfile.NamedTemporaryFile(dir=redo.work.landing.room, prefix=".download-", suffix=".tmp") as spool:
        with redo.work.landing.open(landed.ref.digest) as body:
            shutil.copyfileobj(body, spool)
        spool.flush()
        download = Path(spool.name), landed.payload(b"")
        for _ in batch_members(redo.batching, source, landed.request, lineage, download, known):
            if redo.batching.full:
                redo.batching.flush()
