"""
The ingest run: files found readable are landed, batched and published under one lease.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import polars as pl

from marketkeep.errors import BadFile, CorruptFile
from marketkeep.model import Payload, Request
from marketkeep.pipeline.batching import ROWS_PER_BATCH, Batching, lineage_of
from marketkeep.pipeline.files import Checked, FileOptions, batch_landed, check_file, check_sample, find_files
from marketkeep.pipeline.publishing.absorb import Absorbed
from marketkeep.pipeline.run import Run, run
from marketkeep.pipeline.workspace import Workspace

_STATED = ["index", "symbol", "date", "event"]


@dataclass(frozen=True, slots=True)
class Ingested:
    """
    What ingesting came to: the files taken (with their digests), those already held, and those passed over in folders
    with the reason.
    """

    taken: tuple[tuple[Checked, str], ...]
    held: tuple[Path, ...]
    passed_over: tuple[tuple[Path, str], ...]
    absorbed: Absorbed


def ingest(work: Workspace, paths: Sequence[Path], options: FileOptions) -> Ingested:
    """
    Take in files, and all readable ones in folders.

    Raises `BadFile` for the first named file that cannot be read; then nothing at all was written. Files in folders
    that cannot be read are passed over and named.
    """
    named, found = find_files(paths)
    work.progress.begin("check files", len(named) + len(found))
    checked: list[Checked] = []
    passed: list[tuple[Path, str]] = []
    kept = 0
    for path in (*named, *found):
        work.progress.step(note=path.name)
        try:
            file = check_file(path, options)
        except BadFile as error:
            if path in named:
                raise
            passed.append((path, str(error)))
            continue
        # Rows kept from checking spare a second reading, but only a batch's worth of them: there may be many files.
        kept += file.tally.rows
        file.kept = file.kept if kept <= ROWS_PER_BATCH else None
        checked.append(file)
    if not checked:
        raise BadFile(
            ", ".join(map(str, paths)), "no file here can be read" + (f"; first: {passed[0][1]}" if passed else "")
        )
    return _take(work, checked, passed, options)


def ingest_sample(work: Workspace) -> Ingested:
    """Take in the sample's bars."""
    return _take(work, [check_sample()], [], FileOptions(source="sample"))


def _take(
    work: Workspace, checked: Sequence[Checked], passed: Sequence[tuple[Path, str]], options: FileOptions
) -> Ingested:
    taken, held = [], []
    with run(work, "ingest", {"files": [str(one.path) for one in checked]}) as one:
        batching = Batching(work, one.run_id)
        work.progress.begin("land and batch", len(checked))
        for file in checked:
            digest = _take_one(work, one, batching, file, options)
            if digest is None:
                held.append(file.path)
            else:
                taken.append((file, digest))
            work.progress.step(note=file.path.name)
        one.writer.commit()
        batching.flush()
        one.tell("ingested", files=len(taken), held=len(held), rows=batching.rows)
    return Ingested(tuple(taken), tuple(held), tuple(passed), one.absorbed)


def _take_one(work: Workspace, one: Run, batching: Batching, file: Checked, options: FileOptions) -> str | None:
    """Land and batch one file; None when its rows are held already and nothing came over them since."""
    moment = work.clock()
    dataset = "daily_bars" if options.index is None else "index_members"
    told = {"name": file.name, **options.to_json()}
    ref = one.writer.land_file(file.path, source=file.source, dataset=dataset, fetched_at=moment, options=told)
    if ref.revisit and _stands(work, file, ref.digest, options):
        return None
    request = Request(file.source, dataset, f"file:///{quote(file.path.name)}")
    lineage = lineage_of(request, Payload(200, (), b"", moment), ref)
    if (frames := file.frames()) is None:
        one.writer.commit()
        batch_landed(work, batching, file.name, options, request, lineage)
    for rows in frames or ():
        batching.add(request, lineage, rows)
    if batching.full:
        one.writer.commit()
        batching.flush()
    return ref.digest


def _stands(work: Workspace, file: Checked, digest: str, options: FileOptions) -> bool:
    """Whether the newest rows of the source come from this very file."""
    try:
        return _newest(work, file, digest) if options.index is None else _newest_members(work, file, digest)
    except CorruptFile:
        # What is damaged holds no rows any more; the file brings them back.
        return False


def _newest(work: Workspace, file: Checked, digest: str) -> bool:
    catalog = work.lake.catalog()
    newest: str | None = None
    for path in reversed(catalog.batch_paths("daily_bars") + catalog.batch_paths("actions")):
        if path.split("/")[2] == file.source:
            digests = [one.digest for one in work.batches.lineage(path)]
            if digest in digests:
                return newest is None or newest == path or _disjoint(work, file, newest)
            newest = newest or path
    return False


def _newest_members(work: Workspace, file: Checked, digest: str) -> bool:
    """The same for members, which the same bytes may tell of another index or another day."""
    mine = [path for path in work.lake.catalog().batch_paths("index_members") if path.split("/")[2] == file.source]
    if not mine or not file.kept:
        return False
    held = work.batches.rows("index_members", mine[-1:]).filter(pl.col("digest") == digest)
    told = pl.concat([rows["index_members"] for rows in file.kept])
    return held.join(told, on=_STATED, how="semi").height == held.height == told.height


def _disjoint(work: Workspace, file: Checked, newest: str) -> bool:
    later = (
        work.batches.rows("daily_bars", [newest], symbols=sorted(file.symbols)) if "/daily_bars/" in newest else None
    )
    return later is None or later.is_empty()
