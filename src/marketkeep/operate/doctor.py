"""
The doctor: reads everything a keep holds and says what is not as it was kept. It repairs nothing.

Raw and landing are the truth, so a fault there calls for a backup; published files and catalog can be rebuilt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from marketkeep.errors import CorruptFile
from marketkeep.pipeline.journal import open_runs
from marketkeep.raw import BatchStore, Landing
from marketkeep.stores.lake import Catalog, Lake, layout, minutes


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


def examine(root: Path) -> Health:
    """
    Read every payload, raw batch and published file of the keep at `root` and compare it with its hash.

    Takes as long as reading the whole keep does. Raises `NotFound` when there is no keep.
    """
    lake = Lake(root)
    lake.policy()
    problems: list[Problem] = []
    looked_at: dict[str, int] = {}
    catalog = _catalog(lake, problems)
    for part, found in (
        ("landing", _landing(root)),
        ("raw", _raw(root, catalog)),
        ("published", _published(root, catalog)),
        ("journal", _journal(root)),
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


def _landing(root: Path) -> Iterator[Problem | None]:
    landing = Landing(root)
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


def _raw(root: Path, catalog: Catalog) -> Iterator[Problem | None]:
    store = BatchStore(root)
    there = store.paths()
    for path in there:
        try:
            store.load(path)
            yield None
        except CorruptFile as error:
            yield Problem("raw", path, error.reason, "restore the batch from a backup")
    for path in sorted(set(catalog.batches["path"]) - set(there)):
        yield Problem("raw", path, "the catalog rests on it, but it is gone", "restore the batch from a backup")
    for path in sorted(set(there) - set(catalog.batches["path"])):
        yield Problem("raw", path, "it is not published yet", "marketkeep update publishes it")


def _published(root: Path, catalog: Catalog) -> Iterator[Problem | None]:
    minute = pl.col("dataset") == minutes.DATASET
    yield from _minute_months(root, catalog.entries.filter(minute))
    others = catalog.entries.filter(~minute)
    for dataset, symbol, period, digest in others.select("dataset", "symbol", "period", "hash").iter_rows():
        path = layout.entry(dataset, symbol, period)
        try:
            same = hashlib.sha256((root / path).read_bytes()).hexdigest() == digest
            found = "its bytes differ from the hash in the catalog"
        except OSError as error:
            same, found = False, f"it cannot be read ({error.strerror})"
        yield None if same else Problem("published", path, found, "marketkeep rebuild")


def _minute_months(root: Path, entries: pl.DataFrame) -> Iterator[Problem | None]:
    """A month of minute bars has one hash over all its files; a file that is gone is named."""
    for (symbol, period, days), digest in zip(minutes.files_held(entries), entries["hash"], strict=True):
        digests = {day: minutes.file_digest(root, symbol, day) for day in days}
        unread = [layout.minute_ticks(symbol, day) for day in days if digests[day] is None]
        for path in unread:
            yield Problem("published", path, "it cannot be read", "marketkeep rebuild")
        if unread:
            continue
        same = minutes.month_hash([str(one) for one in digests.values()]) == digest
        month = Path(layout.minute_ticks(symbol, days[0])).parents[1].as_posix()
        found = f"the files of {period} together differ from the hash in the catalog"
        yield None if same else Problem("published", month, found, "marketkeep rebuild")


def _journal(root: Path) -> Iterator[Problem | None]:
    for mark in open_runs(root):
        yield Problem("journal", mark.name, "the run was interrupted", "the next run takes up what it had landed")
