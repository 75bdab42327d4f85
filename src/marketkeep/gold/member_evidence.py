"""
What each source says of an index, made ready for judging: lists and changes, corrections applied, renames followed.

A list is complete: who is not on it was not a member that day. Changes may be few. Where one payload tells both, it is
all that its source says by then, and the newest such payload that has changes of a symbol replaces what older ones had
of it: so a date that was corrected later leaves no trace. Which membership follows is decided in `membership`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import itemgetter

import polars as pl

from marketkeep.gold.member_runs import PAYLOAD, WITNESS, lists_in, placed
from marketkeep.gold.symbology import spells
from marketkeep.model import TICKER_HISTORY, TICKERS

_CHAIN = 8
_LISTED_LATE = 10

Run = tuple[int, int]
"""The first and the last of lists in a row, by place."""


@dataclass(frozen=True, slots=True)
class Told:
    """
    All that one source tells of one symbol in one index: dates of additions and removals, runs of lists that have it.

    Runs are in order, and between two lies a list without it.
    """

    added: tuple[date, ...]
    removed: tuple[date, ...]
    runs: tuple[Run, ...]
    name: str | None


@dataclass(frozen=True, slots=True)
class Witness:
    """
    One source about one index: dates of its lists in order, what it tells by symbol, and its newest list or change.

    It knows of the days from `first` to `last`, both included.
    """

    index: str
    source: str
    lists: tuple[date, ...]
    symbols: Mapping[str, Told] = field(repr=False)
    first: date
    last: date
    batch_id: str
    fetched_at: datetime

    @property
    def has_changes(self) -> bool:
        """Whether it tells any change; if not, it knows the days of its lists only."""
        return any(told.added or told.removed for told in self.symbols.values())

    def place_from(self, day: date) -> int:
        """The place of the first list on or after a day."""
        return bisect_left(self.lists, day)

    def list_at(self, place: int) -> date | None:
        """The day of the list at a place; None behind the last."""
        return self.lists[place] if place < len(self.lists) else None


def witnesses(
    folded: pl.DataFrame, renames: pl.DataFrame | None = None, tickers: pl.DataFrame | None = None
) -> list[Witness]:
    """
    The witnesses of each index, by index and source, from statements folded (`MEMBER_RUNS`).

    `renames` are `TICKER_HISTORY` rows: what is said of an old ticker before its rename is said of the new one.
    `tickers` are `TICKERS` rows: what is said of a ticker while a former holder had it is said of that (`REUS~2015`).
    """
    steps = _steps(
        TICKER_HISTORY.empty() if renames is None else renames, TICKERS.empty() if tickers is None else tickers
    )
    lists = lists_in(folded)
    listed = placed(folded.filter(pl.col("event") == "member"), lists)
    runs = _renamed_runs(listed, lists, steps)
    changes = folded.filter(pl.col("event").is_in(["added", "removed"])).with_columns(date="first")
    told = _newest(_follow_renames(_as_listed(changes, listed, lists), steps))
    columns = [*WITNESS, "event", "symbol", "name", "date", *PAYLOAD]
    listed = lists.with_columns(event=pl.lit("member"))
    ordered = pl.concat([told.select(columns), listed], how="diagonal").sort(*PAYLOAD, "date", "event")
    groups = ordered.with_row_index("rank").partition_by(WITNESS, as_dict=True)
    by_witness = runs.partition_by(WITNESS, as_dict=True)
    return [_witness(group, by_witness.get(key, runs.clear())) for key, group in sorted(groups.items())]


def _steps(renames: pl.DataFrame, tickers: pl.DataFrame) -> pl.DataFrame:
    """Renames as symbol, new and on; that another took a ticker is one of its former holder, to the name it has now."""
    known = renames.drop_nulls("new_symbol").select(symbol="old_symbol", new="new_symbol", on="effective_date")
    former = spells(tickers).filter(pl.col("symbol").str.starts_with(pl.format("{}~", "ticker")))
    taken = former.filter(pl.col("end") < date.max).select(symbol="ticker", new="symbol", on="end")
    return pl.concat([known.filter(pl.col("symbol") != pl.col("new")), taken])


def _as_listed(changes: pl.DataFrame, listed: pl.DataFrame, lists: pl.DataFrame) -> pl.DataFrame:
    """
    Changes with the day as of whose tickers they are told, as `told_as_of` (null: of their own day).

    A page gives today's members with the day on which each was added: that is told under today's ticker, so the newest
    addition in a payload is of whoever its list has under that symbol.
    """
    payload = [*WITNESS, *PAYLOAD]
    of_payload = lists.sort("date").unique(payload, keep="last").select(*payload, "place", told_as_of="date")
    newest = changes.sort("date", "event").unique([*payload, "symbol"], keep="last", maintain_order=True)
    at = newest.filter((pl.col("event") == "added") & pl.col("beside")).join(of_payload, on=payload)
    there = (
        at.join(listed.select(*WITNESS, "symbol", "low", "high"), on=[*WITNESS, "symbol"])
        .filter(pl.col("place").is_between("low", "high") & (pl.col("told_as_of") > pl.col("date")))
        .select(*payload, "symbol", "event", "date", "told_as_of")
        .unique()
    )
    return changes.join(there, on=[*payload, "symbol", "event", "date"], how="left")


def _follow_renames(rows: pl.DataFrame, steps: pl.DataFrame) -> pl.DataFrame:
    """`rows` with every symbol under the ticker it came to have, by the renames that lie after the row's date."""
    # A removal with effect from the day of the rename is still told of the old ticker; a list may lag behind it.
    lag = pl.col("event").replace_strict({"removed": 1, "member": _LISTED_LATE}, default=0, return_dtype=pl.Int32)
    seen = pl.col("date") - pl.duration(days=lag)
    known = pl.col("told_as_of") if "told_as_of" in rows.columns else pl.lit(None, dtype=pl.Date)
    rows = rows.with_columns(seen=pl.max_horizontal(seen, known)).with_row_index("row")
    for _ in range(_CHAIN):
        # A ticker may be renamed twice in its life, by different companies: the next rename counts.
        due = rows.select("row", "symbol", "seen").join(steps, on="symbol", how="inner")
        due = due.filter(pl.col("on") > pl.col("seen")).sort("row", "on").unique("row", keep="first")
        if due.is_empty():
            break
        rows = (
            rows.join(due.select("row", "new", "on"), on="row", how="left", maintain_order="left")
            .with_columns(symbol=pl.coalesce("new", "symbol"), seen=pl.coalesce("on", "seen"))
            .drop("new", "on")
        )
    return rows.drop("row", "seen")


def _renamed_runs(runs: pl.DataFrame, lists: pl.DataFrame, steps: pl.DataFrame) -> pl.DataFrame:
    """Runs with the tickers their symbols came to have, cut where a rename begins not to count any more."""
    runs = runs.select(*WITNESS, "event", "symbol", "name", "first", "last", "low", "high").with_row_index("run")
    until = steps.select("symbol", until=pl.col("on") + pl.duration(days=_LISTED_LATE))
    cuts = (
        runs.join(until, on="symbol")
        .filter((pl.col("first") < pl.col("until")) & (pl.col("last") >= pl.col("until")))
        .join(lists.select(*WITNESS, "date", "place"), on=WITNESS)
        .filter(pl.col("date") >= pl.col("until"))
        .group_by("run", "until")
        .agg(low=pl.col("place").min())
    )
    begins = pl.concat([runs.select("run", "low"), cuts.select("run", "low")]).unique().sort("run", "low")
    pieces = (
        begins.join(runs.drop("low", "first"), on="run", maintain_order="left")
        .with_columns(high=(pl.col("low").shift(-1).over("run") - 1).fill_null(pl.col("high")))
        .join(lists.select(*WITNESS, "date", low="place"), on=[*WITNESS, "low"])
    )
    return _follow_renames(pieces, steps).sort("symbol", "low", "high", "name")


def _newest(changes: pl.DataFrame) -> pl.DataFrame:
    """Changes told by themselves, all; of those beside a list, each symbol's newest."""
    alone, beside = changes.filter(~pl.col("beside")), changes.filter("beside")
    payload = [*WITNESS, *PAYLOAD, "symbol"]
    newest = beside.sort(*PAYLOAD).unique([*WITNESS, "symbol"], keep="last").select(payload)
    return pl.concat([alone, beside.join(newest, on=payload, how="semi")])


def _witness(told: pl.DataFrame, runs: pl.DataFrame) -> Witness:
    """One witness from its lists and changes, ranked by when they were received, and its runs."""
    lists = told.filter(pl.col("event") == "member").sort("place")
    changes = told.filter(pl.col("event") != "member")
    newest = told.row(-1, named=True)
    return Witness(
        index=newest["index"],
        source=newest["source"],
        lists=tuple(lists["date"]),
        symbols=dict(_by_symbol(changes, runs, lists["rank"].to_list())),
        first=told.select(pl.col("date").min()).item(),
        last=told.select(pl.col("date").max()).item(),
        batch_id=newest["batch_id"],
        fetched_at=newest["fetched_at"],
    )


def _by_symbol(changes: pl.DataFrame, runs: pl.DataFrame, ranks: Sequence[int]) -> Iterator[tuple[str, Told]]:
    """What is told of each symbol; `ranks` say when each list was received."""
    dates: dict[str, dict[str, set[date]]] = {}
    spans: dict[str, list[Run]] = {}
    names: dict[str, list[tuple[int, str]]] = {}
    for symbol, event, day, name, rank in changes.select("symbol", "event", "date", "name", "rank").iter_rows():
        dates.setdefault(symbol, {"added": set(), "removed": set()})[event].add(day)
        names.setdefault(symbol, []).append((rank, name))
    in_order = list(ranks) == sorted(ranks)
    for symbol, low, high, name in runs.select("symbol", "low", "high", "name").iter_rows():
        spans.setdefault(symbol, []).append((low, high))
        names.setdefault(symbol, []).append((ranks[high] if in_order else max(ranks[low : high + 1]), name))
    for symbol in sorted({*dates, *spans}):
        events = dates.get(symbol, {})
        added, removed = (tuple(sorted(events.get(event, ()))) for event in ("added", "removed"))
        known = [one for one in names[symbol] if one[1] is not None]
        yield symbol, Told(added, removed, _united(spans.get(symbol, [])), max(known)[1] if known else None)


def _united(spans: Sequence[Run]) -> tuple[Run, ...]:
    """Runs in order of their beginning, as few as possible."""
    runs: list[Run] = []
    for low, high in spans:
        if runs and low <= runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], max(high, runs[-1][1]))
        else:
            runs.append((low, high))
    return tuple(runs)


def is_in(runs: Sequence[Run], place: int) -> bool:
    """Whether one of the runs has the list at a place."""
    at = _run_from(runs, place)
    return at < len(runs) and runs[at][0] <= place


def next_absence(witness: Witness, runs: Sequence[Run], start: date) -> date | None:
    """The first list on or after a day that is in none of the runs."""
    place = witness.place_from(start)
    at = _run_from(runs, place)
    return witness.list_at(runs[at][1] + 1 if at < len(runs) and runs[at][0] <= place else place)


def next_presence(witness: Witness, runs: Sequence[Run], start: date) -> date | None:
    """The first list on or after a day that is in one of the runs."""
    place = witness.place_from(start)
    at = _run_from(runs, place)
    return witness.list_at(max(place, runs[at][0])) if at < len(runs) else None


def _run_from(runs: Sequence[Run], place: int) -> int:
    """The first run that does not end before a place, by its position."""
    return bisect_left(runs, place, key=itemgetter(1))
