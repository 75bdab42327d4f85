"""
The doctor: reads everything a keep holds and says what is not as it was kept. It repairs nothing.

Raw and landing are the truth, so a fault there calls for a backup; published files and catalog can be rebuilt.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from marketkeep.errors import CorruptFile
from marketkeep.files import Files, files_at
from marketkeep.pipeline.journal import open_runs
from marketkeep.pipeline.publishing.panel import examine_panel
from marketkeep.raw import BatchStore, Landing
from marketkeep.stores.lake import Catalog, Lake, layout, minutes
from marketkeep.stores.lake.minutes import digests
from marketkeep.stores.panel.mapped_files import damaged


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it should be: in which part, which file, what was found, and what to do."""

    part: str
    path: str
    found: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Health:
    """What was looked at, by part, and what is wrong; healthy when there is no problem."""

    looked_at: dict[str, int]
    problems: tuple[Problem, ...]


def examine(place: Files | Path | str) -> Health:
    """
    Read every payload, raw batch and published file of the keep at a place and compare it with its hash.

    Takes as long as reading the whole keep does. Raises `NotFound` when there is no keep.
    """
    files = files_at(place)
    lake = Lake(files)
    lake.policy()
    problems: list[Problem] = []
    looked_at: dict[str, int] = {}
    catalog = _catalog(lake, problems)
    for part, found in (
        ("landing", _landing(files)),
        ("raw", _raw(files, catalog)),
        ("published", _published(files, catalog)),
        ("panel", _panel(files, catalog)),
        ("journal", _journal(files)),
    ):
        results = list(found)
        looked_at[part] = len(results)
        problems += [problem for problem in results if problem is not None]
    return Health(looked_at, tuple(problems))


def _catalog(lake: Lake, problems: list[Problem]) -> Catalog:
    try:
        return lake.catalog()
    except CorruptFile as error:
        problems.append(Problem("published", str(error.path), error.reason, "marketkeep rebuild"))
        return Catalog.empty()


def _landing(files: Files) -> Iterator[Problem | None]:
    landing = Landing(files)
    for pack in landing.packs():
        try:
            for landed in landing.records(pack):
                if not landed.ref.revisit:
                    _read_through(landing, landed.ref.digest)
                yield None
        except CorruptFile as error:
            yield Problem("landing", pack, error.reason, "restore the pack from a backup")


def _read_through(landing: Landing, digest: str) -> None:
    with landing.open(digest) as stream:
        while stream.read(1 << 20):
            pass


def _raw(files: Files, catalog: Catalog) -> Iterator[Problem | None]:
    store = BatchStore(files)
    there = store.paths()
    for path, one in zip(there, store.load_all(there), strict=True):
        if isinstance(one, CorruptFile):
            yield Problem("raw", path, one.reason, "restore the batch from a backup")
        else:
            yield None
    for path in sorted(set(catalog.batches["path"]) - set(there)):
        yield Problem("raw", path, "the catalog rests on it, but it is gone", "restore the batch from a backup")
    for path in sorted(set(there) - set(catalog.batches["path"])):
        yield Problem("raw", path, "it is not published yet", "marketkeep update publishes it")


def _published(files: Files, catalog: Catalog) -> Iterator[Problem | None]:
    minute = pl.col("dataset") == minutes.DATASET
    yield from _minute_months(files, catalog.entries.filter(minute))
    told = catalog.entries.filter(~minute).select("dataset", "symbol", "period", "hash").iter_rows()
    hashes = {layout.entry(dataset, symbol, period): digest for dataset, symbol, period, digest in told}
    for path, found in digests(files, list(hashes)).items():
        if found is None:
            yield Problem("published", path, "it cannot be read", "marketkeep rebuild")
        elif found != hashes[path]:
            yield Problem("published", path, "its bytes differ from the hash in the catalog", "marketkeep rebuild")
        else:
            yield None


def _minute_months(files: Files, entries: pl.DataFrame) -> Iterator[Problem | None]:
    """A month of minute bars has one hash over all its files; a file that is gone is named."""
    for (symbol, period, days), digest in zip(minutes.files_held(entries), entries["hash"], strict=True):
        found = minutes.file_digests(files, [(symbol, day) for day in days])
        unread = [layout.minute_ticks(*session) for session, one in found.items() if one is None]
        for path in unread:
            yield Problem("published", path, "it cannot be read", "marketkeep rebuild")
        if unread:
            continue
        same = minutes.month_hash([str(one) for one in found.values()]) == digest
        month = layout.minute_ticks(symbol, days[0]).rsplit("/", 2)[0]
        told = f"the files of {period} together differ from the hash in the catalog"
        yield None if same else Problem("published", month, told, "marketkeep rebuild")


def _panel(files: Files, catalog: Catalog) -> Iterator[Problem | None]:
    for key, found in examine_panel(files, catalog):
        yield None if found is None else Problem("panel", key, found, "marketkeep rebuild")
    # One that is damaged is taken away by looking; the next question makes it anew.
    damaged(files, catalog.panels)


def _journal(files: Files) -> Iterator[Problem | None]:
    for run_id in open_runs(files):
        yield Problem("journal", run_id, "the run was interrupted", "the next run takes up what it had landed")
