"""
Publishing one group of symbols: raw rows to gold to files, looking again at no more than what could have changed.

New rows of some days may change the choice among sources ten days around them, and the scores of what lies up to the
checks' window behind them. Factors reach further: when a symbol's actions come out different, all of its years are
written again. Either way the bytes are those that a rebuild would write.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import polars as pl

from marketkeep import checks
from marketkeep.checks import bar_findings, revision_findings
from marketkeep.gold import (
    Evidence,
    adjust,
    concerned,
    judge,
    needs_whole,
    others,
    retold,
    revisions,
    reweighed,
    sift,
    told_actions,
    weigh,
    with_factors,
)
from marketkeep.gold.resolve import CANDIDATE
from marketkeep.pipeline.publishing.held import HeldBars
from marketkeep.pipeline.publishing.rows import RawRows, Spans, inside
from marketkeep.pipeline.publishing.spans import NEAR, events_within, shifted, spans_of, widened, with_events
from marketkeep.pipeline.publishing.touched import Touched
from marketkeep.pipeline.publishing.written import Published, Ready, write
from marketkeep.pipeline.workspace import Workspace
from marketkeep.stores.lake import Catalog, records

_TICKS = [name for name in records.TICK_COLUMNS if name != "adj_close"]
_NO_BARS = records.no_ticks().select(_TICKS).with_columns(pl.lit(None, dtype=pl.UInt32).alias(CANDIDATE))
_FACTOR = ["symbol", "ex_date", "kind", "adjustment_factor"]


@dataclass(frozen=True, slots=True)
class Bench:
    """
    What a run publishes from and over: the keep, its catalog before, raw rows, of told actions (as `told_actions` gives
    them) the counts of shares (symbol, on, shares) that tell of them, and the bars held.
    """

    work: Workspace
    catalog: Catalog
    raw: RawRows
    shares: Callable[[pl.DataFrame], pl.DataFrame]
    held: HeldBars

    def settle(self) -> None:
        """See `Shared`."""
        self.work.settle()


@dataclass(frozen=True, slots=True)
class _Past:
    """
    What is published of a group: by symbol the years held, the verdicts, and those of them that are not judged again.
    """

    held: Mapping[str, set[int]]
    kept: pl.DataFrame
    published: pl.DataFrame


def publish(bench: Bench, group: Sequence[Touched]) -> Published:
    """Resolve and write one group of symbols."""
    work, result = bench.work, Published()
    raw_actions = bench.raw.of("actions", [one.symbol for one in group])
    published = work.lake.actions(one.symbol for one in group)
    # To put together what sources tell takes longest: it is done for symbols of which it may come out otherwise.
    fresh = [one.symbol for one in group if one.actions]
    told = told_actions(_of(raw_actions, fresh), work.policy)
    # What a run that was cut short has published the catalog has still to hear of.
    again = {*retold(told, _of(published, fresh)), *_cut_short(bench.catalog, fresh, _of(published, fresh))}
    spans = spans_of(bench.catalog, group, again, published, work.policy.thresholds)
    if not spans:
        return result
    raw_bars = bench.raw.within("daily_bars", widened(spans))
    if more := [symbol for symbol in needs_whole(raw_bars, raw_actions) if spans[symbol] is not None]:
        spans |= dict.fromkeys(more)
        raw_bars = bench.raw.within("daily_bars", widened(spans))
    sifted = sift(raw_bars, raw_actions, work.policy, checks)
    other = sorted(with_events(spans, published) - set(fresh))
    told = pl.concat([told, told_actions(_of(raw_actions, other), work.policy)])
    # Verdicts of other dates rest on nothing that is new.
    judged = concerned(told, events_within(spans))
    verdicts = judge(judged, Evidence(sifted.checked, bench.shares(judged)), work.policy)
    past = _Past(_held(bench.catalog, spans), others(published, judged), published)
    ready = _adjusted(bench, spans, inside(sifted.bars, spans).select(_NO_BARS.columns), verdicts, past)
    # A step of adjusted closes is measured from the session before, so those just outside are looked at with them.
    checked = inside(weigh(sifted.checked, ready.bars, work.policy, checks), spans)
    write(work, bench.catalog, replace(ready, bars=_rescored(ready.bars, checked)), result)
    winners = reweighed(inside(sifted.bars, spans), checked)
    result.findings = [bar_findings(checked, winners), revision_findings(revisions(checked))]
    result.spans = dict(spans)
    return result


def publish_away(bench: Bench, group: Sequence[Touched]) -> Published:
    """The same where the bars are not wanted back: who asks finds them published."""
    return replace(publish(bench, group), rows=records.no_ticks())


def _of(rows: pl.DataFrame, symbols: Sequence[str]) -> pl.DataFrame:
    return rows.filter(pl.col("symbol").is_in(list(symbols)))


def _held(catalog: Catalog, symbols: Iterable[str]) -> dict[str, set[int]]:
    """By symbol the years that the catalog has bars of."""
    held: dict[str, set[int]] = {symbol: set() for symbol in symbols}
    mine = (pl.col("dataset") == "daily_bars") & pl.col("symbol").is_in(list(held))
    for symbol, year in catalog.entries.filter(mine).select("symbol", "period").iter_rows():
        held[symbol].add(year)
    return held


def _adjusted(bench: Bench, spans: Spans, fresh: pl.DataFrame, judged: pl.DataFrame, past: _Past) -> Ready:
    """
    The bars of a group, adjusted: the `fresh` ones of its spans and held ones around them, whose `candidate` is null.

    `judged` are the verdicts that may be new. All years of a symbol are made again where its factors come out different
    from what is published.
    """
    held = bench.held
    bounded = {symbol: span for symbol, span in spans.items() if span is not None}
    reach = timedelta(days=bench.work.policy.thresholds.window_days) + 3 * NEAR
    near = [
        (symbol, year)
        for symbol, (first, last) in bounded.items()
        for year in past.held[symbol]
        if shifted(first, -reach).year <= year <= shifted(last, reach).year
    ]
    bars = _replaced(held.years(near), fresh, spans)
    kept = past.kept.filter(pl.col("symbol").is_in(list(bounded)))
    actions = pl.concat([kept, with_factors(judged, bars)]).sort("symbol", "ex_date", "kind")
    other = (
        _differing(actions, past.published) | _cut_short(bench.catalog, past.held, past.published)
    ) & bounded.keys()
    if rest := [(symbol, year) for symbol in other for year in past.held[symbol]]:
        theirs = pl.col("symbol").is_in(list(other))
        bars = pl.concat([bars.filter(~theirs), _replaced(held.years(rest), fresh.filter(theirs), spans)])
    years = {
        symbol: {year for year in held if symbol in other or _spans_year(spans[symbol], year)}
        for symbol, held in past.held.items()
    }
    for symbol, year in fresh.select("symbol", pl.col("date").dt.year()).unique().iter_rows():
        years[symbol].add(year)
    retold = {(symbol, year) for symbol, some in years.items() for year in some if _spans_year(spans[symbol], year)}
    within = {symbol: span for symbol, span in bounded.items() if symbol not in other and symbol in years}
    return Ready(years, retold, within, adjust(bars.sort("symbol", "date"), actions), actions)


def _spans_year(span: tuple[date, date] | None, year: int) -> bool:
    return span is None or span[0].year <= year <= span[1].year


def _replaced(existing: pl.DataFrame, fresh: pl.DataFrame, spans: Spans) -> pl.DataFrame:
    """`fresh` bars and those of `existing` out of the spans of their symbols, sorted."""
    numbered = existing.with_row_index("row")
    outside = numbered.join(inside(numbered, spans).select("row"), on="row", how="anti", maintain_order="left")
    return pl.concat([outside.select(_TICKS), fresh], how="diagonal").sort("symbol", "date")


def _differing(actions: pl.DataFrame, published: pl.DataFrame) -> set[str]:
    """Symbols whose actions have other factors than they are published with, or that have other actions."""
    now, before = actions.select(_FACTOR), published.select(_FACTOR)
    parts = (one.join(other, on=_FACTOR, how="anti", nulls_equal=True) for one, other in ((now, before), (before, now)))
    return set(pl.concat(parts)["symbol"])


def _cut_short(catalog: Catalog, symbols: Collection[str], published: pl.DataFrame) -> set[str]:
    """
    Symbols whose `published` actions are not those of the catalog: a run that was cut short has written them, and
    perhaps not yet all the years that rest on them.
    """
    mine = (pl.col("dataset") == "actions") & pl.col("symbol").is_in(list(symbols))
    told = dict(catalog.entries.filter(mine).select("symbol", "hash").iter_rows())
    files = records.dump_actions(published)
    found = {symbol: hashlib.sha256(data).hexdigest() for symbol, data in files.items()}
    return {symbol for symbol in symbols if told.get(symbol) != found.get(symbol)}


def _rescored(series: pl.DataFrame, checked: pl.DataFrame) -> pl.DataFrame:
    """The bars of all symbols with the scores that fresh ones have in context."""
    final = checked.select(CANDIDATE, final="score")
    scored = series.join(final, on=CANDIDATE, how="left", maintain_order="left")
    return scored.with_columns(score=pl.coalesce("final", "score")).drop("final")
