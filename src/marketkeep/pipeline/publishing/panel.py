"""
Keeping the panel current: the partitions whose rows are new are written again, and no others.

Of such a partition the rows of symbols that were not looked at come from the file there is. One that is lost, or is not
what the catalog says, is made from the published files. Either way the bytes are those that a rebuild would write.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from marketkeep.errors import CorruptFile
from marketkeep.files import Files
from marketkeep.model import PANEL_BARS, PANELS
from marketkeep.pipeline.engine import Engine
from marketkeep.pipeline.publishing.panel_rows import (
    BARS,
    FACTORS,
    FIGURES,
    MINUTES,
    build_partition,
    expected,
    minute_period,
    open_month,
    published_as,
    published_rows,
)
from marketkeep.pipeline.publishing.pieces import Pieces, Place
from marketkeep.pipeline.workspace import Workspace
from marketkeep.stores.lake import Catalog, write_catalog
from marketkeep.stores.panel.content import content_of
from marketkeep.stores.panel.merging import merged
from marketkeep.stores.panel.partition import Partition, write_partition

_HASHES = ["symbol", "period", "hash"]


class PanelUpdate:
    """What a run changes of the panel that `before` tells of: it takes in rows, and writes when all are there."""

    def __init__(self, files: Files, before: Catalog, pieces: Pieces, engine: Engine) -> None:
        self._files, self._before, self._pieces, self._engine = files, before, pieces, engine
        self._touched: defaultdict[Place, set[str]] = defaultdict(set)
        self._sessions: list[pl.DataFrame] = []

    def take(self, years: Collection[tuple[str, int]], bars: pl.DataFrame) -> None:
        """
        Of these symbols' years all bars are `bars` from now on, sorted by symbol and date; a year without any is no
        more. Where an engine had them published elsewhere they are not handed in, but read when they are needed.
        """
        for symbol, year in years:
            self._touched[BARS, year].add(symbol)
        dated = bars.select(*PANEL_BARS.schema, year=pl.col("date").dt.year())
        for (year,), rows in dated.partition_by("year", as_dict=True, maintain_order=True, include_key=False).items():
            self._pieces.add(BARS, int(str(year)), rows)

    def take_sessions(self, sessions: pl.DataFrame | None) -> None:
        """Of these sessions (symbol and date) the published minute bars may be others from now on."""
        if sessions is not None:
            self._sessions.append(sessions.select("symbol", "date"))

    def write(self, entries: pl.DataFrame) -> pl.DataFrame:
        """Write what is new beside what stays, by the catalog's `entries` from now on; the rows of `PANELS`."""
        there = set(self._files.keys("panel/"))
        told = {(row["dataset"], row["period"]): row for row in self._before.panels.iter_rows(named=True)}
        wanted = expected(entries)
        for dataset in (FACTORS, FIGURES):
            for period, anew in _told_anew(self._before.entries, entries, published_as(dataset)).items():
                self._touched[dataset, period] |= anew
        going_on = open_month(entries)
        for symbol, day in (row for sessions in self._sessions for row in sessions.iter_rows()):
            self._touched[MINUTES, minute_period(day, going_on)].add(symbol)
        parts = [
            _Part(place, row, wanted[place], self._touched[place])
            for place in sorted(wanted)
            if (row := told.get(place)) is None or row["key"] not in there or self._changed(place, row, entries)
        ]
        written = dict(zip((part.place for part in parts), self._written(parts, entries), strict=True))
        both = (written[place] if place in written else told[place] for place in sorted(wanted))
        rows = [row for row in both if row is not None]
        # Of a run that was cut short, or of what is held no more.
        self._files.remove(sorted(there - {row["key"] for row in rows}))
        return panel_rows(rows)

    def _changed(self, place: Place, row: dict[str, Any], entries: pl.DataFrame) -> bool:
        """
        Whether a partition has other rows now. Often they come out as they were: a dividend has all of a symbol looked
        at again, and what is new in January a part of December.
        """
        touched = self._touched.get(place, set())
        if not touched or place[0] != BARS:
            return bool(touched)
        facts = [_facts(one, place, touched) for one in (self._before.entries, entries)]
        if not facts[0].equals(facts[1]):
            return True
        try:
            found = Partition.open(self._files, row).read(symbols=touched)
        except CorruptFile:
            return True
        return not found.equals(pl.concat([found.clear(), *merged(self._fresh(place, touched, entries))]))

    def _fresh(self, place: Place, touched: set[str], entries: pl.DataFrame) -> list[Iterator[pl.DataFrame]]:
        """The rows of symbols that were looked at."""
        if place[0] == BARS and self._engine.here:
            return self._pieces.of(*place)
        return [published_rows(self._files, entries, *place, touched)]

    def _written(self, parts: Sequence[_Part], entries: pl.DataFrame) -> Iterator[dict[str, Any] | None]:
        if not self._engine.here:
            yield from self._engine.map(_write_part, _Shared(self._files, entries), parts)
            return
        for part in parts:
            fresh = self._fresh(part.place, part.anew, entries)
            yield write_partition(self._files, *part.place, merged([_kept(self._files, part, entries), *fresh]))


@dataclass(frozen=True, slots=True)
class _Part:
    """A partition to write: its row of `PANELS` before, the symbols in it, and those of them that were looked at."""

    place: Place
    row: dict[str, Any] | None
    symbols: set[str]
    touched: set[str]

    @property
    def anew(self) -> set[str]:
        """The symbols whose rows are not taken from the file there is."""
        return self.touched if self.row is not None or self.place[0] == BARS else self.symbols


@dataclass(frozen=True, slots=True)
class _Shared:
    """What partitions are made from where they are made elsewhere: the published files, and the catalog of them."""

    files: Files
    entries: pl.DataFrame

    def settle(self) -> None:
        """See `Engine`."""
        self.files.flush()


def _write_part(shared: _Shared, part: _Part) -> dict[str, Any] | None:
    fresh = published_rows(shared.files, shared.entries, *part.place, part.anew)
    return write_partition(shared.files, *part.place, merged([_kept(shared.files, part, shared.entries), fresh]))


def _kept(files: Files, part: _Part, entries: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The rows of symbols that were not looked at."""
    kept = part.symbols - part.anew
    if not kept:
        return iter(())
    if part.row is not None:
        try:
            return Partition.open(files, part.row).frames(without=part.touched)
        except CorruptFile:
            pass  # Lost, damaged, or of a run that was cut short: the published files have them too.
    return published_rows(files, entries, *part.place, kept)


def _facts(entries: pl.DataFrame, place: Place, symbols: Collection[str]) -> pl.DataFrame:
    mine = entries.filter((pl.col("dataset") == place[0]) & (pl.col("period") == place[1]))
    chosen = mine.filter(pl.col("symbol").is_in(sorted(symbols)))
    return chosen.select("symbol", "rows", "first", "last").sort("symbol")


def _told_anew(before: pl.DataFrame, after: pl.DataFrame, dataset: str) -> dict[int, set[str]]:
    """By period the symbols of which the published file of a dataset is not that of the catalog before."""
    was, now = (one.filter(pl.col("dataset") == dataset).select(_HASHES) for one in (before, after))
    parts = (one.join(other, on=_HASHES, how="anti") for one, other in ((was, now), (now, was)))
    return {period: set(symbols) for period, symbols in pl.concat(parts).group_by("period").agg("symbol").iter_rows()}


def panel_rows(rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    """Such rows as the catalog's table."""
    return pl.DataFrame(list(rows), schema=PANELS.schema).sort(*PANELS.key)


def mend_panel(work: Workspace, *, deep: bool = True) -> list[str]:
    """
    Make again every file of the panel that is lost and, if `deep`, that is not what the catalog says, from the
    published files; the keys of what was made. The whole panel is read only if `deep`.
    """
    catalog, files = work.lake.catalog(), work.files
    wanted = expected(catalog.entries)
    there = set(files.keys("panel/")) if wanted else set()
    told = {(row["dataset"], row["period"]): row for row in catalog.panels.iter_rows(named=True)}
    rows, made = [], []
    for place in sorted(wanted):
        row = told.get(place)
        if row is None:
            # Actions of which none is applied make no factors, so that their absence tells little.
            lacking = deep or place[0] != FACTORS
        else:
            lacking = row["key"] not in there or (deep and fault_of(files, row) is not None)
        if lacking:
            row = build_partition(files, catalog.entries, *place)
            made += [] if row is None else [row["key"]]
        rows += [] if row is None else [row]
    panels = panel_rows(rows)
    if made:
        files.flush()
    if not panels.equals(catalog.panels):
        write_catalog(files, catalog.entries, catalog.batches, catalog.asked, catalog.tickers, panels)
    return made


def fault_of(files: Files, row: dict[str, Any]) -> str | None:
    """What is wrong with a file of the panel as it lies there; None if it is what the catalog says."""
    try:
        Partition.open(files, row)
    except CorruptFile as error:
        return error.reason
    return None


def examine_panel(files: Files, catalog: Catalog) -> Iterator[tuple[str, str | None]]:
    """
    Each file of the panel with what is wrong with it, None if nothing is: whether it is there and is what the catalog
    says, and whether its rows are those of the published files. It reads all of both.
    """
    told = {(row["dataset"], row["period"]): row for row in catalog.panels.iter_rows(named=True)}
    for place in sorted(expected(catalog.entries).keys() | told.keys()):
        row = told.get(place)
        if row is None:
            # Actions of which none is applied make no factors.
            if any(not frame.is_empty() for frame in published_rows(files, catalog.entries, *place)):
                yield f"panel/{place[0]}", f"the catalog has nothing of {place[1]}"
            continue
        yield row["key"], fault_of(files, row) or _differs(files, catalog, row)


def _differs(files: Files, catalog: Catalog, row: dict[str, Any]) -> str | None:
    """Whether the rows are others than those of the published files."""
    dataset, period = row["dataset"], row["period"]
    try:
        same = content_of(dataset, published_rows(files, catalog.entries, dataset, period)) == row["content"]
    except CorruptFile:
        # Who examines a keep names that file; of the panel nothing is known to be wrong.
        return None
    return None if same else "its rows are not those of the published files"
