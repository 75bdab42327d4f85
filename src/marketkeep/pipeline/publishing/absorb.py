"""
Absorbing raw batches: everything in raw that the catalog does not rest on yet is resolved and published.

This is the update's last step, the redo after a crash and, over an empty catalog, the rebuild. It may be cut short at
any point: files are replaced one by one by what belongs there, and the catalog, last, says what was absorbed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from marketkeep.errors import CorruptFile
from marketkeep.gold.identity import Identity
from marketkeep.gold.symbology import Symbology, changed
from marketkeep.model import FINDINGS, Batch
from marketkeep.pipeline.publishing.answers import answer_findings, asked_after
from marketkeep.pipeline.publishing.bars import Bench, publish, publish_away
from marketkeep.pipeline.publishing.findings import hold_findings, keep_answers, replace_findings
from marketkeep.pipeline.publishing.fundamentals import publish_fundamentals
from marketkeep.pipeline.publishing.held import HeldBars
from marketkeep.pipeline.publishing.membership import keep_differences, publish_membership, publish_yields
from marketkeep.pipeline.publishing.minute_days import MinuteDays
from marketkeep.pipeline.publishing.minutes import minute_groups, months_in, publish_minutes
from marketkeep.pipeline.publishing.panel import PanelUpdate, mend_panel
from marketkeep.pipeline.publishing.pieces import Pieces
from marketkeep.pipeline.publishing.reference import (
    RESTS_ON,
    SYMBOLOGY_RESTS_ON,
    held_spans,
    identified,
    publish_reference,
)
from marketkeep.pipeline.publishing.rows import RawRows
from marketkeep.pipeline.publishing.shares import ShareCounts, share_counts
from marketkeep.pipeline.publishing.touched import Touched, some_batches, touched
from marketkeep.pipeline.publishing.written import Published, entry_rows, without
from marketkeep.pipeline.workspace import Workspace
from marketkeep.raw.batches import BatchStore, Seen
from marketkeep.stores.lake import Catalog, batch_rows, layout, write_catalog
from marketkeep.stores.panel.mapped_files import refresh

_GROUP_ROWS = 300_000
_GROUP_SYMBOLS = 200


@dataclass(frozen=True, slots=True)
class Absorbed:
    """What absorbing came to: batches taken in, bars written, symbols touched, and batch files that are corrupt."""

    batches: int = 0
    bars: int = 0
    symbols: tuple[str, ...] = ()
    corrupt: tuple[CorruptFile, ...] = ()

    def plus(self, later: Absorbed) -> Absorbed:
        """Both together; a batch that is corrupt is named once."""
        symbols = tuple(sorted({*self.symbols, *later.symbols}))
        return Absorbed(self.batches + later.batches, self.bars + later.bars, symbols, later.corrupt)


def absorb(work: Workspace) -> Absorbed:
    """Publish all raw batches that the catalog does not know. Corrupt ones are left out and named in the result."""
    catalog = work.lake.catalog()
    new, corrupt = _unknown(work, catalog)
    if not new:
        mend_panel(work, deep=False)
        return Absorbed(corrupt=corrupt)
    batches = pl.concat([catalog.batches, batch_rows(new)])
    while True:
        try:
            with Pieces(work.files.scratch) as pieces:
                panel = PanelUpdate(work.files, catalog, pieces, work.engine)
                return _absorb(work, catalog, batches, new, corrupt, panel)
        except CorruptFile as error:
            # Damaged since it was absorbed: gold is what the others say, and the catalog forgets it, so that it is
            # taken in again when it has been restored. Anything but a raw batch is for the caller to hear of.
            if error.key is None or error.key not in batches["path"]:
                raise
            batches, corrupt = batches.filter(pl.col("path") != error.key), (*corrupt, error)


def _absorb(
    work: Workspace,
    catalog: Catalog,
    batches: pl.DataFrame,
    new: list[Batch],
    corrupt: tuple[CorruptFile, ...],
    panel: PanelUpdate,
) -> Absorbed:
    told = None if corrupt else {batch.dataset for batch in new if batch.rows}
    known = identified(work, batches) if told is None or told & SYMBOLOGY_RESTS_ON else None
    tickers = catalog.tickers if known is None else known.tickers
    symbology = Symbology.of(tickers)
    moved = _moved(work, catalog, tickers)
    counts = share_counts(work, batches)
    again = moved | _counted_anew(work, catalog, counts, new)
    groups = list(_groups(touched(work, new, symbology, again), catalog))
    raw = RawRows(work, batches, symbology)
    if work.engine.here and len(groups) > 1:
        raw = raw.holding_actions({one.symbol for group in groups for one in group})
    bench = Bench(work, catalog, raw, counts.of, HeldBars(work.files, catalog))
    result, days = Published(), MinuteDays(work)
    minutes = list(minute_groups(bench, new, moved))
    work.progress.begin("publish", sum(len(group) for group in groups) + sum(len(months_in(one)) for one in minutes))
    act = publish if work.engine.here else publish_away
    for group, one in zip(groups, work.engine.map(act, bench, groups), strict=True):
        panel.take(one.years, one.rows)
        result.add(one)
        work.progress.step(len(group))
    found = pl.concat([FINDINGS.empty(), *result.findings])
    replace_findings(work, "daily_bars", found, result.spans)
    for sessions, (some, come_to) in zip(minutes, work.engine.map(publish_minutes, bench, minutes), strict=True):
        days.add(come_to)
        panel.take_sessions(some.sessions)
        result.add(some)
        work.progress.step(len(months_in(sessions)))
    days.end(result.spans)
    keep_answers(work, answer_findings(new))
    entries = pl.concat([without(catalog.entries, result.keys), entry_rows(result.entries)])
    if told is not None and not held_spans(entries).equals(held_spans(catalog.entries)):
        told.add("securities")
    _publish_tables(work, entries, batches, told, known)
    figures = publish_fundamentals(work, catalog, batches, new)
    entries = pl.concat([without(entries, figures.keys), entry_rows(figures.entries)])
    replace_findings(work, "fundamentals", figures.findings, dict.fromkeys(figures.symbols))
    hold_findings(work)
    panels = panel.write(entries)
    # One flush for all that was published: from here on the catalog may rest on it, whatever the power does.
    work.files.flush()
    write_catalog(work.files, entries, batches, asked_after(catalog.asked, new), tickers, panels, over=catalog)
    refresh(work.files, panels)
    symbols = {one.symbol for group in groups for one in group}.union(*(one["symbol"] for one in minutes))
    return Absorbed(len(new), result.bars, tuple(sorted(symbols)), corrupt)


def _moved(work: Workspace, catalog: Catalog, tickers: pl.DataFrame) -> set[str]:
    """Symbols whose rows may be another's now, or were: those of securities that were renamed, by either name."""
    anew = changed(catalog.tickers, tickers)
    symbols = {*Symbology.of(catalog.tickers).symbols_of(anew), *Symbology.of(tickers).symbols_of(anew)}
    # Of rows that were all refused nothing is published but findings.
    held = {*catalog.entries["symbol"], *work.lake.findings()["symbol"]} if symbols else set()
    return symbols if symbols & held else set()


def _counted_anew(work: Workspace, catalog: Catalog, counts: ShareCounts, new: Sequence[Batch]) -> set[str]:
    """Symbols of which a split has a new witness: a count of shares near it that no batch had told before."""
    told = {batch.batch_id for batch in new if batch.dataset in ("facts", "companies") and batch.rows}
    if not told:
        return set()
    held = catalog.entries.filter((pl.col("dataset") == "actions") & pl.col("symbol").is_in(counts.told_by(told)))
    return counts.concerned(work.lake.actions(held["symbol"], catalog), told)


def _publish_tables(
    work: Workspace, entries: pl.DataFrame, batches: pl.DataFrame, new: set[str] | None, known: Identity | None
) -> None:
    """Write the tables that are one file each, those that new batches concern; all of them when that is not known."""
    if new is None or "treasury_yields" in new:
        publish_yields(work, batches)
    if new is None or new & RESTS_ON:
        publish_reference(work, entries, batches, known)
    # Membership follows renames, which listings, companies and statements tell.
    if new is None or new & {"index_members", "listings", "companies", "ticker_history"}:
        keep_differences(work, publish_membership(work, batches))


def _unknown(work: Workspace, catalog: Catalog) -> tuple[list[Batch], tuple[CorruptFile, ...]]:
    known = set(catalog.batches["path"])
    new: list[Batch] = []
    corrupt: list[CorruptFile] = []
    left = [path for path in work.batches.paths() if path not in known]
    for some, seen in work.engine.map(_loaded, work, some_batches(work, left)):
        work.batches.seen.add(seen)
        for one in some:
            if isinstance(one, CorruptFile):
                corrupt.append(one)
            else:
                new.append(one)
    return new, tuple(corrupt)


def _loaded(work: Workspace, paths: Sequence[str]) -> tuple[list[Batch | CorruptFile], Seen]:
    """Describe some batches; what was seen of them is for who asked."""
    store = BatchStore(work.files)
    return list(store.load_all(paths)), store.seen


def _groups(symbols: Sequence[Touched], catalog: Catalog) -> Iterator[list[Touched]]:
    """
    Groups of symbols whose rows fit in memory together; one with new actions may need all it holds.

    Those lie together: of what they need every batch file is opened, of others only those of a few days.
    """
    group: list[Touched] = []
    rows = 0
    for one in sorted(symbols, key=lambda one: not (one.actions or one.whole)):
        more = one.rows + (int(catalog.bars(one.symbol)["rows"].sum()) if one.actions or one.whole else 0)
        if group and (rows + more > _GROUP_ROWS or len(group) == _GROUP_SYMBOLS):
            yield group
            group, rows = [], 0
        group.append(one)
        rows += more
    if group:
        yield group


def clear_published(work: Workspace) -> None:
    """Take away every published file and the catalog; raw, landing and journal stay."""
    work.files.remove(layout.published(work.files))
