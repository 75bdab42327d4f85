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

import polars as pl

from marketkeep.model import TICKER_HISTORY

_ORDER = ("fetched_at", "batch_id", "payload")
_CHAIN = 8
_LISTED_LATE = 10


@dataclass(frozen=True, slots=True)
class Told:
    """All that one source tells of one symbol in one index: dates of additions and removals, dates it was listed."""

    added: tuple[date, ...]
    removed: tuple[date, ...]
    listed: frozenset[date]
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

    def list_from(self, day: date) -> int:
        """The position of the first list on or after a day."""
        return bisect_left(self.lists, day)


def witnesses(rows: pl.DataFrame, renames: pl.DataFrame | None = None) -> list[Witness]:
    """
    The witnesses of each index, by index and source, from raw rows with lineage beside them, in any order.

    `renames` are `TICKER_HISTORY` rows: what is said of an old ticker before its rename is said of the new one.
    """
    known = follow_renames(rows, TICKER_HISTORY.empty() if renames is None else renames).sort(*_ORDER)
    lists, changes = _lists(known.filter(pl.col("event") == "member")), _changes(known)
    kept = pl.concat([lists, changes.select(lists.columns)]).sort(*_ORDER, "symbol", "date", "event")
    groups = kept.partition_by("index", "source", as_dict=True)
    return [_witness(str(index), str(source), group) for (index, source), group in sorted(groups.items())]


def follow_renames(rows: pl.DataFrame, renames: pl.DataFrame) -> pl.DataFrame:
    """`rows` with every symbol under the ticker it came to have, by the renames that lie after the row's date."""
    steps = (
        renames.drop_nulls("new_symbol")
        .select(symbol="old_symbol", new="new_symbol", on="effective_date")
        .filter(pl.col("symbol") != pl.col("new"))
    )
    # A removal with effect from the day of the rename is still told of the old ticker; a list may lag behind it.
    lag = pl.col("event").replace_strict({"removed": 1, "member": _LISTED_LATE}, default=0, return_dtype=pl.Int32)
    rows = rows.with_columns(seen=pl.col("date") - pl.duration(days=lag)).with_row_index("row")
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


def _lists(members: pl.DataFrame) -> pl.DataFrame:
    """The rows of the newest list that each source gave for a date."""
    keys = members.select("index", "source", "date", *_ORDER).unique().sort(*_ORDER)
    newest = keys.unique(["index", "source", "date"], keep="last", maintain_order=True)
    return members.join(newest, on=["index", "source", "date", *_ORDER], how="semi", maintain_order="left")


def _changes(rows: pl.DataFrame) -> pl.DataFrame:
    """Changes told by themselves, all; of those beside a list, each symbol's newest."""
    payload = ["index", "source", *_ORDER]
    whole = rows.filter(pl.col("event") == "member").select(payload).unique()
    changes = rows.filter(pl.col("event") != "member")
    alone = changes.join(whole, on=payload, how="anti", maintain_order="left")
    beside = changes.join(whole, on=payload, how="semi", maintain_order="left")
    keys = beside.select("symbol", *payload).unique().sort(*_ORDER)
    newest = keys.unique(["index", "source", "symbol"], keep="last", maintain_order=True)
    return pl.concat([alone, beside.join(newest, on=["symbol", *payload], how="semi", maintain_order="left")])


def _witness(index: str, source: str, group: pl.DataFrame) -> Witness:
    lists = group.filter(pl.col("event") == "member")["date"].unique().sort().to_list()
    dates: list[date] = group["date"].unique().sort().to_list()
    newest = group.select("batch_id", "fetched_at").row(-1)
    return Witness(index, source, tuple(lists), dict(_by_symbol(group)), dates[0], dates[-1], str(newest[0]), newest[1])


def _by_symbol(group: pl.DataFrame) -> Iterator[tuple[str, Told]]:
    grouped = group.group_by("symbol").agg(
        *(
            pl.col("date").filter(pl.col("event") == event).unique().sort().alias(event)
            for event in ("added", "removed", "member")
        ),
        name=pl.col("name").drop_nulls().last(),
    )
    for symbol, added, removed, member, name in grouped.sort("symbol").iter_rows():
        yield symbol, Told(tuple(added), tuple(removed), frozenset(member), name)


def next_absence(witness: Witness, listed: frozenset[date], start: date) -> date | None:
    """The first list on or after a day without the symbol that was listed on these days."""
    return _next(witness.lists[witness.list_from(start) :], listed, wanted=False)


def next_presence(witness: Witness, listed: frozenset[date], start: date) -> date | None:
    """The first list on or after a day with that symbol."""
    return _next(witness.lists[witness.list_from(start) :], listed, wanted=True)


def _next(lists: Sequence[date], listed: frozenset[date], *, wanted: bool) -> date | None:
    return next((day for day in lists if (day in listed) is wanted), None)
