"""
Publishing one group of symbols: raw rows to gold to files, touching only the years that could have changed.

Factors are why a new bar may reach far back: when a symbol's actions come out different, all of its years are written
again; else only those of the new dates. Either way the bytes are those that a rebuild would write.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import polars as pl

from marketkeep.calendars import calendar_for
from marketkeep.checks import bar_findings, check_bars
from marketkeep.gold import adjust, promote, resolve_actions, revisions, with_factors
from marketkeep.model import ACTIONS, CATALOG, FINDINGS, Symbol
from marketkeep.pipeline.publishing.touched import Touched
from marketkeep.pipeline.workspace import Workspace
from marketkeep.stores.lake import Catalog, layout, records

Spans = dict[str, tuple[date, date] | None]
"""By symbol the dates to resolve again, both included; None for all there are."""

REVISED = "revised"
"""The code of a finding that a source changed what it had said."""

_TICKS = [name for name in records.TICK_COLUMNS if name != "adj_close"]


@dataclass(slots=True)
class Published:
    """
    What publishing came to: catalog entries in place of those under `keys`, findings about new batches, and of older
    ones the symbols (by batch) that were looked at again.
    """

    entries: list[dict[str, Any]] = field(default_factory=list)
    keys: set[tuple[str, str, int]] = field(default_factory=set)
    findings: list[pl.DataFrame] = field(default_factory=list)
    found_again: dict[str, set[str]] = field(default_factory=dict)
    bars: int = 0

    def add(self, other: Published) -> None:
        """Take in what another group came to."""
        self.entries += other.entries
        self.keys |= other.keys
        self.findings += other.findings
        self.bars += other.bars
        for batch_id, symbols in other.found_again.items():
            self.found_again.setdefault(batch_id, set()).update(symbols)


@dataclass(frozen=True, slots=True)
class _Merged:
    """One symbol ready to be written: its bars of the years to write, its actions, and those years."""

    symbol: str
    bars: pl.DataFrame
    actions: pl.DataFrame
    years: set[int]


def publish(
    work: Workspace, catalog: Catalog, batches: pl.DataFrame, group: Sequence[Touched], new: set[str]
) -> Published:
    """
    Resolve and write one group of symbols.

    `batches` are the raw batches as `BATCHES` rows, `new` the ids of those that findings are still to be told about.
    """
    result = Published()
    symbols = [one.symbol for one in group]
    raw_actions = work.batches.rows("actions", batch_files(batches, "actions"), symbols=symbols)
    spans = _spans(work, catalog, group, raw_actions)
    raw_bars = _load(work, batches, spans)
    if widened := _need_all(raw_bars, spans):
        spans |= dict.fromkeys(widened)
        raw_bars = _load(work, batches, spans)
    gold = promote(raw_bars, raw_actions, work.policy, check_bars)
    _find(gold.checked, spans, new, result)
    winners = gold.bars.select(_TICKS).partition_by("symbol", as_dict=True)
    verdicts = gold.actions.partition_by("symbol", as_dict=True)
    merged = [
        _merge(work, catalog, symbol, winners.get((symbol,)), verdicts.get((symbol,), ACTIONS.empty()), spans[symbol])
        for symbol in symbols
    ]
    _write(work, merged, result)
    return result


def _spans(work: Workspace, catalog: Catalog, group: Sequence[Touched], raw_actions: pl.DataFrame) -> Spans:
    """By symbol the dates to resolve again, both included; None for all of them, because its actions changed."""
    told = [one.symbol for one in group if one.actions]
    identity = [name for name in ACTIONS.schema if name != "adjustment_factor"]
    verdicts = resolve_actions(raw_actions.filter(pl.col("symbol").is_in(told)), work.policy)
    fresh = verdicts.select(identity).partition_by("symbol", as_dict=True)
    before = work.lake.actions(told).select(identity).partition_by("symbol", as_dict=True)
    none = ACTIONS.empty().select(identity)
    spans: Spans = {}
    for one in group:
        same = fresh.get((one.symbol,), none).equals(before.get((one.symbol,), none)) if one.actions else True
        held = not catalog.bars(one.symbol).is_empty()
        spans[one.symbol] = (one.first, one.last) if same and held and one.first and one.last else None
    return spans


def _load(work: Workspace, batches: pl.DataFrame, spans: Spans) -> pl.DataFrame:
    """The raw bars of these symbols within their spans; batches that hold nothing of those dates are not opened."""
    whole = [symbol for symbol, span in spans.items() if span is None]
    bounded = {symbol: span for symbol, span in spans.items() if span is not None}
    raw = work.batches.rows("daily_bars", batch_files(batches, "daily_bars") if whole else [], symbols=whole)
    if not bounded:
        return raw
    first, last = min(span[0] for span in bounded.values()), max(span[1] for span in bounded.values())
    files = batch_files(batches, "daily_bars", first, last)
    near = work.batches.rows("daily_bars", files, symbols=list(bounded), first=first, last=last)
    rows = [(symbol, *span) for symbol, span in bounded.items()]
    table = pl.DataFrame(rows, schema={"symbol": pl.String, "from": pl.Date, "to": pl.Date}, orient="row")
    inside = near.join(table, on="symbol", maintain_order="left").filter(pl.col("date").is_between("from", "to"))
    return pl.concat([raw, inside.drop("from", "to")])


def _need_all(raw: pl.DataFrame, spans: Spans) -> list[str]:
    """Symbols with rows in a span that were adjusted for dividends: undoing that takes all of a payload's rows."""
    adjusted = raw.filter(pl.col("basis") == "adjusted")["symbol"].unique()
    return sorted(symbol for symbol in adjusted if spans[symbol] is not None)


def _merge(
    work: Workspace,
    catalog: Catalog,
    symbol: str,
    winners: pl.DataFrame | None,
    verdicts: pl.DataFrame,
    span: tuple[date, date] | None,
) -> _Merged:
    fresh = winners if winners is not None else records.no_ticks().select(_TICKS)
    held = set(catalog.bars(symbol)["period"].to_list())
    if span is not None:
        first, last = span
        # The year behind is loaded too: an ex-date at its beginning rests on the last close before it.
        years = set(range(first.year, last.year + 1)) | ({last.year + 1} & held)
        bars = _replace(work.lake.years(symbol, years), fresh, span)
        before = work.lake.actions([symbol])
        actions = _factors_nearby(verdicts, before, bars)
        if actions is not None and actions.equals(before):
            return _Merged(symbol, adjust(bars, actions), actions, years)
        fresh = _replace(work.lake.years(symbol, held | years), fresh, span)
    actions = with_factors(verdicts, fresh)
    return _Merged(symbol, adjust(fresh, actions), actions, held | set(fresh["date"].dt.year().unique().to_list()))


def _replace(existing: pl.DataFrame, fresh: pl.DataFrame, span: tuple[date, date]) -> pl.DataFrame:
    outside = existing.filter(~pl.col("date").is_between(*span)).select(_TICKS)
    return pl.concat([outside, fresh]).sort("date")


def _factors_nearby(verdicts: pl.DataFrame, before: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame | None:
    """
    The verdicts with factors when only some years are loaded: computed where the close before the ex-date is among
    `bars`, else taken from what was published. None when an action has neither.
    """
    computed = with_factors(verdicts, bars)
    start, last = bars["date"].min(), bars["date"].max()
    key = ["symbol", "ex_date", "kind"]
    near = computed.filter(pl.col("ex_date").is_between(start, last, closed="right") if bars.height else False)
    far = computed.join(near, on=key, how="anti").select(key)
    kept = before.join(far, on=key, how="semi")
    if kept.height != far.height:
        return None
    return pl.concat([near, kept]).sort("ex_date", "kind")


def _write(work: Workspace, merged: Iterable[_Merged], result: Published) -> None:
    ready = list(merged)
    bars = pl.concat([one.bars.select(records.TICK_COLUMNS) for one in ready])
    result.bars += bars.height
    files = records.dump_ticks(bars.sort("symbol", "date"))
    entries = _entries(bars)
    for one in ready:
        for year in sorted(one.years):
            result.keys.add(("daily_bars", one.symbol, year))
            path = layout.ticks(one.symbol, year)
            if (one.symbol, year) in files:
                entry = entries[one.symbol, year]
                entry["hash"] = work.lake.put(path, files[one.symbol, year])
                result.entries.append(entry)
            else:
                work.lake.drop(path)
        _write_actions(work, one, result)


def _entries(bars: pl.DataFrame) -> dict[tuple[str, int], dict[str, Any]]:
    grouped = bars.group_by("symbol", period=pl.col("date").dt.year()).agg(
        rows=pl.len().cast(pl.Int64),
        first=pl.col("date").min(),
        last=pl.col("date").max(),
        score=pl.col("score").mean(),
        dates="date",
    )
    entries = {}
    for row in grouped.iter_rows(named=True):
        dates = set(row.pop("dates"))
        calendar = calendar_for(Symbol(row["symbol"]).asset_class)
        sessions = calendar.sessions(row["first"], row["last"] + timedelta(days=1))
        missing = [] if len(sessions) == len(dates) else [day for day in sessions if day not in dates]
        entries[row["symbol"], row["period"]] = {"dataset": "daily_bars", "missing": missing, **row}
    return entries


def _write_actions(work: Workspace, one: _Merged, result: Published) -> None:
    key = ("actions", one.symbol, 0)
    result.keys.add(key)
    path = layout.actions(one.symbol)
    if one.actions.is_empty():
        work.lake.drop(path)
        return
    digest = work.lake.put(path, records.dump_actions(one.actions))
    ex_dates = one.actions["ex_date"]
    facts = {"rows": one.actions.height, "first": ex_dates.min(), "last": ex_dates.max(), "missing": [], "score": None}
    result.entries.append({"dataset": "actions", "symbol": one.symbol, "period": 0, "hash": digest, **facts})


def _find(checked: pl.DataFrame, spans: Spans, new: set[str], result: Published) -> None:
    """
    Add the findings about new batches; about older ones too for symbols that are resolved whole, because a finding
    tells prices as traded, and those follow the actions.
    """
    whole = [symbol for symbol, span in spans.items() if span is None]
    concerned = pl.col("batch_id").is_in(list(new)) | pl.col("symbol").is_in(whole)
    result.findings += [found.filter(concerned) for found in (bar_findings(checked), _revised(checked))]
    again = checked.filter(pl.col("symbol").is_in(whole) & ~pl.col("batch_id").is_in(list(new)))
    for batch_id, symbol in again.select("batch_id", "symbol").unique().iter_rows():
        result.found_again.setdefault(batch_id, set()).add(symbol)


def _revised(checked: pl.DataFrame) -> pl.DataFrame:
    found = revisions(checked)
    if found.is_empty():
        return FINDINGS.empty()
    grouped = found.group_by("symbol", "source", "batch_id", maintain_order=True).agg(
        first=pl.col("date").min(),
        last=pl.col("date").max(),
        count=pl.len().cast(pl.Int64),
        detail=pl.concat_str(pl.lit("The source changed what it had said. First: "), pl.col("detail").first()),
        detected_at=pl.col("fetched_at").max(),
    )
    return FINDINGS.conform(
        grouped.with_columns(check=pl.lit(REVISED), severity=pl.lit("info"), dataset=pl.lit("daily_bars"))
    )


def entry_rows(entries: list[dict[str, Any]]) -> pl.DataFrame:
    """Catalog entries as rows of its table."""
    return CATALOG.conform(pl.DataFrame(entries, schema=CATALOG.schema)) if entries else CATALOG.empty()


def batch_files(batches: pl.DataFrame, dataset: str, first: date | None = None, last: date | None = None) -> list[str]:
    """The files of a dataset's batches, oldest first; only those with rows between two dates when these are given."""
    mine = batches.filter((pl.col("dataset") == dataset) & (pl.col("rows") > 0))
    if first is not None and last is not None:
        mine = mine.filter((pl.col("last") >= first) & (pl.col("first") <= last))
    return mine.sort("batch_id")["path"].to_list()
