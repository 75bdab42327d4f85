"""
Publishing minute bars: raw rows to gold to one file per symbol and session, touching only sessions that could differ.

Work is cut into groups of whole months of a symbol, so that the rows of a group fit in memory. Of a session that is
touched all raw rows are loaded, so its findings are whole too. The bytes are those that a rebuild would write.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import polars as pl

from marketkeep.calendars import calendar_for
from marketkeep.checks import check_minutes, minute_findings
from marketkeep.gold import promote_minutes
from marketkeep.gold.minute_days import minute_days
from marketkeep.model import Batch, Symbol
from marketkeep.pipeline.publishing.bars import Bench
from marketkeep.pipeline.publishing.minute_days import SessionsTold
from marketkeep.pipeline.publishing.rows import batch_files
from marketkeep.pipeline.publishing.touched import retold_splits, touched_minutes
from marketkeep.pipeline.publishing.written import Published
from marketkeep.pipeline.workspace import Workspace
from marketkeep.stores.lake import layout
from marketkeep.stores.lake.minutes import (
    DATASET,
    dump_minutes,
    file_digests,
    files_held,
    load_minutes,
    month_hash,
    month_of,
    sessions_held,
)

_GROUP_ROWS = 200_000
# What raw may hold already of a session that new rows come for.
_HELD_A_SESSION = 1_000
_EVER = date(1, 1, 1)
_TOUCHED = {"symbol": pl.String, "date": pl.Date, "rows": pl.Int64}

Months = list[tuple[str, int]]


@dataclass(slots=True)
class _Month:
    """What a month's files come to: by session the digest of its file, and the sums over their rows."""

    digests: dict[date, str] = field(default_factory=dict)
    rows: int = 0
    total: int = 0


def minute_groups(bench: Bench, new: Sequence[Batch], renamed: Collection[str] = ()) -> Iterator[pl.DataFrame]:
    """
    The sessions to publish again (symbol and date), in groups of whole months whose raw rows fit in memory.

    They are those of new rows, those of prices that a source had scaled by splits which are now told differently, and
    all of symbols that are `renamed`: those to whom raw rows may belong that belonged to another before.
    """
    found = [
        _by_security(bench, touched_minutes(bench.work, new)),
        *_rescaled(bench, new),
        *_of_symbols(bench, renamed),
    ]
    months = (
        pl.concat(found)
        .group_by("symbol", month=pl.col("date").dt.truncate("1mo"))
        .agg("date", rows=pl.col("rows").sum(), sessions=pl.col("date").n_unique().cast(pl.Int64))
    )
    group: list[tuple[str, list[date]]] = []
    size = 0
    for symbol, month, days, rows, sessions in months.sort("symbol", "month").iter_rows():
        held = month_of(month) in bench.catalog.held(DATASET, symbol)["period"]
        more = rows + (sessions * _HELD_A_SESSION if held else 0)
        if group and size + more > _GROUP_ROWS:
            yield _sessions(group)
            group, size = [], 0
        group.append((symbol, days))
        size += more
    if group:
        yield _sessions(group)


def months_in(group: pl.DataFrame) -> Months:
    """The months (symbol and catalog period) of a group's sessions, sorted."""
    month = pl.col("date").dt.year() * 100 + pl.col("date").dt.month()
    return group.select("symbol", month.cast(pl.Int32)).unique().sort("symbol", "date").rows()


def publish_minutes(bench: Bench, group: pl.DataFrame) -> tuple[Published, SessionsTold]:
    """
    Resolve and write the sessions (symbol and date) of one group; what they come to and what was found is for all days.

    A month whose files are not those of the catalog, because a run was cut short or a file is damaged, is written anew.
    """
    work, result = bench.work, Published()
    months, before, group = _held(bench, group)
    raw = _load(bench, group)
    scaled = raw.filter(pl.col("basis") == "split_adjusted")["symbol"].unique().to_list()
    actions = bench.raw.of("actions", scaled)
    gold = promote_minutes(raw, actions, work.policy, check_minutes)
    told = SessionsTold(group, minute_days(gold, actions, work.policy), minute_findings(gold.checked, gold.chosen))
    result.bars, result.sessions = gold.bars.height, group
    winners = gold.bars.partition_by("symbol", "date", as_dict=True, maintain_order=True)
    for symbol, day in group.iter_rows():
        path = layout.minute_ticks(symbol, day)
        bars = winners.get((symbol, day))
        if bars is None:
            work.lake.drop(path)
            continue
        data = dump_minutes(bars)
        digest = hashlib.sha256(data).hexdigest()
        if before.get((symbol, day)) != digest:
            work.lake.put(path, data)
        month = months[symbol, month_of(day)]
        month.digests[day] = digest
        month.rows += bars.height
        month.total += int(bars["score"].cast(pl.Int64).sum())
    result.keys = {(DATASET, symbol, period) for symbol, period in months}
    result.entries = [_entry(*key, month) for key, month in months.items() if month.digests]
    return result, told


def _by_security(bench: Bench, touched: pl.DataFrame) -> pl.DataFrame:
    """The sessions by published symbol: by each to whom rows under these tickers may belong."""
    symbology = bench.raw.symbology
    meant = {ticker: symbology.symbols_of([ticker]) for ticker in touched["symbol"].unique()}
    other = {ticker: symbols for ticker, symbols in meant.items() if symbols != [ticker]}
    if not other:
        return touched
    pairs = [(ticker, symbol) for ticker, symbols in other.items() for symbol in symbols]
    table = pl.DataFrame(pairs, schema={"symbol": pl.String, "meant": pl.String}, orient="row")
    moved = touched.join(table, on="symbol").select("date", "rows", symbol="meant").select(list(_TOUCHED))
    return pl.concat([touched.filter(~pl.col("symbol").is_in(list(other))), moved])


def _rescaled(bench: Bench, new: Sequence[Batch]) -> Iterator[pl.DataFrame]:
    """Held sessions before a split that is now told differently, where a source had scaled its prices."""
    told = [batch for batch in new if batch.dataset == "actions" and batch.rows]
    if not told or bench.catalog.entries.filter(pl.col("dataset") == DATASET).is_empty():
        return
    for ticker, ex_date in sorted(retold_splits(bench.work, batch_files(bench.raw.batches, "actions"), told).items()):
        for symbol in bench.raw.symbology.symbols_of([ticker]):
            if not bench.catalog.held(DATASET, symbol).is_empty():
                rows = bench.raw.of(DATASET, [symbol], _EVER, ex_date - timedelta(days=1))
                scaled = rows.filter(pl.col("basis") == "split_adjusted")
                yield scaled.group_by("symbol", "date").agg(rows=pl.len().cast(pl.Int64)).select(list(_TOUCHED))


def _of_symbols(bench: Bench, symbols: Collection[str]) -> Iterator[pl.DataFrame]:
    """All sessions of symbols: those that are published and those that raw tells."""
    for symbol in sorted(symbols):
        held = [day for _, _, days in files_held(bench.catalog.held(DATASET, symbol)) for day in days]
        rows = bench.raw.of(DATASET, [symbol]).filter(pl.col("date").is_not_null())
        yield rows.group_by("symbol", "date").agg(rows=pl.len().cast(pl.Int64)).select(list(_TOUCHED))
        yield pl.DataFrame([(symbol, day, 0) for day in held], schema=_TOUCHED, orient="row")


def _sessions(group: list[tuple[str, list[date]]]) -> pl.DataFrame:
    table = pl.DataFrame(group, schema={"symbol": pl.String, "date": pl.List(pl.Date)}, orient="row")
    return table.explode("date").unique().sort("symbol", "date")


def _held(
    bench: Bench, group: pl.DataFrame
) -> tuple[dict[tuple[str, int], _Month], dict[tuple[str, date], str], pl.DataFrame]:
    """
    What stays of each month beside the group's sessions, the digests of the files that may be replaced, and the group,
    with all sessions of the months whose files are not those of the catalog.
    """
    months: dict[tuple[str, int], _Month] = {}
    before: dict[tuple[str, date], str] = {}
    lost: list[tuple[str, date]] = []
    touched = {(symbol, day) for symbol, day in group.iter_rows()}
    entries: list[tuple[dict[str, Any], list[date]]] = []
    for symbol, period in months_in(group):
        months[symbol, period] = _Month()
        mine = bench.catalog.held(DATASET, symbol).filter(pl.col("period") == period)
        entries += [
            (entry, sessions_held(symbol, entry["first"], entry["last"], entry["missing"]))
            for entry in mine.iter_rows(named=True)
        ]
    every = file_digests(bench.work.files, [(entry["symbol"], day) for entry, days in entries for day in days])
    for entry, days in entries:
        symbol = entry["symbol"]
        digests = {day: every[symbol, day] for day in days}
        old = [day for day in days if (symbol, day) in touched]
        if None in digests.values() or month_hash([str(one) for one in digests.values()]) != entry["hash"]:
            lost += [(symbol, day) for day in days]
            continue
        before |= {(symbol, day): str(digests.pop(day)) for day in old}
        months[symbol, entry["period"]] = _stays(bench.work, symbol, entry, old, digests)
    if lost:
        more = pl.DataFrame(lost, schema=group.schema, orient="row")
        group = pl.concat([group, more]).unique().sort("symbol", "date")
    return months, before, group


def _stays(
    work: Workspace, symbol: str, entry: dict[str, Any], replaced: list[date], digests: dict[date, str | None]
) -> _Month:
    """A month without the files that are replaced. The sums are whole numbers, so taking some away loses nothing."""
    gone = load_minutes(work.files, [(symbol, day) for day in replaced])["score"].cast(pl.Int64)
    total = round(entry["score"] * entry["rows"]) - int(gone.sum())
    return _Month({day: str(digest) for day, digest in digests.items()}, entry["rows"] - gone.len(), total)


def _load(bench: Bench, group: pl.DataFrame) -> pl.DataFrame:
    """All raw rows of a group's sessions; batches that hold nothing near them are not opened."""
    rows = bench.raw.of(DATASET, group["symbol"].unique().sort().to_list(), *_bounds(group))
    return rows.join(group, on=["symbol", "date"], how="semi", maintain_order="left")


def _bounds(group: pl.DataFrame) -> tuple[date, date]:
    days = group["date"].sort()
    return days[0], days[-1]


def _entry(symbol: str, period: int, month: _Month) -> dict[str, Any]:
    days = sorted(month.digests)
    calendar = calendar_for(Symbol(symbol).asset_class)
    sessions = calendar.sessions(days[0], days[-1] + timedelta(days=1))
    return {
        "dataset": DATASET,
        "symbol": symbol,
        "period": period,
        "rows": month.rows,
        "first": days[0],
        "last": days[-1],
        "missing": [day for day in sessions if day not in month.digests],
        "score": month.total / month.rows,
        "hash": month_hash([month.digests[day] for day in days]),
    }
