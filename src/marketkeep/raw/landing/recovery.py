"""
After a kill: what a writer left unfinished at the end of its packs is cut, and the index catches up with the packs.

Only an unfinished tail is cut: in the last pack of its run and source, with nothing sound behind it, behind all that
the index knows to have been acknowledged. Any other damage is told and left as it is.
"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

from marketkeep.errors import CorruptFile
from marketkeep.files import storing, sync_folder
from marketkeep.raw.landing.facts import Dropped
from marketkeep.raw.landing.index import Entry, Index, writing
from marketkeep.raw.landing.packs import Damage, PackName, corrupt, entry_of, walk
from marketkeep.raw.landing.shelf import Shelf

_ROWS = 10_000


def recover(shelf: Shelf, packs: list[PackName]) -> tuple[Dropped, ...]:
    """Recover every pack of a keep, which are `packs`; see `Landing.recover`."""
    shelf.prepare()
    if not packs and not shelf.index.exists():
        return ()
    dropped: list[Dropped] = []
    damaged: list[CorruptFile] = []
    with closing(writing(shelf.index)) as index:
        indexed = index.indexed()
        for gone in indexed.keys() - {pack.place for pack in packs}:
            index.forget(gone)
        for pack in packs:
            try:
                dropped += _recover_pack(shelf, index, pack, packs, indexed.get(pack.place, 0))
            except CorruptFile as error:
                damaged.append(error)
    if damaged:
        raise damaged[0]
    return tuple(dropped)


def is_tail(damage: Damage, pack: PackName, packs: list[PackName]) -> bool:
    """Whether damage is what a killed writer leaves: it had made a pack durable before it began the next."""
    last = max(each.number for each in packs if (each.source, each.run) == (pack.source, pack.run))
    return damage.resume is None and pack.number == last


def _recover_pack(shelf: Shelf, index: Index, pack: PackName, packs: list[PackName], indexed: int) -> list[Dropped]:
    if indexed and not shelf.grows:
        return []
    path = shelf.path(pack.place)
    size = path.stat().st_size
    if size < indexed:
        index.forget(pack.place)
        indexed = 0
    damage = _catch_up(index, path, pack.place, indexed, size) if size > indexed else None
    if damage is None and size:
        return []
    if damage and not (shelf.grows and is_tail(damage, pack, packs)):
        raise corrupt(shelf.name(pack.place), damage.at, damage.reason)
    keep = damage.start if damage else 0
    _cut(path, keep)
    if not keep:
        index.forget(pack.place)
    return [Dropped(pack.place, size - keep)] if size else []


def _catch_up(index: Index, path: Path, place: str, start: int, size: int) -> Damage | None:
    """Index a pack's exchanges from `start` on, those behind damage too; returns the first damage."""
    first: Damage | None = None
    known = start
    rows: list[Entry] = []
    for item in walk(path, place, start):
        if isinstance(item, Damage):
            first = first or item
            continue
        known = known if first else item.end
        rows.append(entry_of(item.record, place))
        if len(rows) >= _ROWS:
            index.add(rows, {place: known})
            rows = []
    index.add(rows, {place: first.start if first else size})
    return first


def _cut(path: Path, size: int) -> None:
    with storing(path):
        if not size:
            path.unlink()
            sync_folder(path.parent)
            return
        with path.open("r+b") as file:
            file.truncate(size)
            os.fsync(file.fileno())
