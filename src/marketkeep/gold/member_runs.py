"""
Raw statements about indices, folded: years of lists that repeat themselves become runs, changes are kept once.

A fold has what membership follows from and nothing that was told again. It is the same whatever the order in which
batches came; parts folded apart and put together are as all folded at once. It judges nothing and follows no renames:
those that become known later count for lists of before as well.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from marketkeep.model import UTC
from marketkeep.model.tables import Dtype

WITNESS = ("index", "source")
PAYLOAD = ("fetched_at", "batch_id", "payload")
"""What sets a payload apart, in the order in which payloads count: the newest last."""

_RECEIVED: dict[str, Dtype] = {"fetched_at": UTC, "batch_id": pl.String, "payload": pl.UInt32}
_LIST: dict[str, Dtype] = {"date": pl.Date, **_RECEIVED}
MEMBER_RUNS: dict[str, Dtype] = {
    "index": pl.String,
    "source": pl.String,
    "event": pl.String,
    "symbol": pl.String,
    "name": pl.String,
    "first": pl.Date,
    "last": pl.Date,
    "beside": pl.Boolean,
    **_RECEIVED,
    "lists": pl.List(pl.Struct(_LIST)),
}
"""
The columns of folded statements; which of them a row has depends on its event.

`lists`: one row per index and source, with the days of its lists and the payload that told each last. `member`: a
symbol and name that all lists from `first` to `last` have, and those before and behind have not. `added`, `removed`: a
change of the day `first`, whether it stood beside a list in its payload, and the payload that told it last.
"""

_LINE = (*WITNESS, "symbol", "name")
_CHANGE = (*WITNESS, "event", "symbol", "first", "name", "beside")


def member_runs(rows: pl.DataFrame) -> pl.DataFrame:
    """Fold raw rows with lineage beside them, whole payloads, in any order; of two lists of a day the newest counts."""
    members, changes = rows.filter(pl.col("event") == "member"), rows.filter(pl.col("event") != "member")
    lists = _newest(members.select(*WITNESS, "date", *PAYLOAD).unique())
    kept = members.join(lists, on=[*WITNESS, "date", *PAYLOAD])
    runs = _joined(kept.select(*_LINE, low="place", high="place"), lists)
    payload = [*WITNESS, *PAYLOAD]
    beside = members.select(payload).unique().with_columns(beside=pl.lit(value=True))
    told = changes.join(beside, on=payload, how="left").with_columns(pl.col("beside").fill_null(value=False))
    return _whole(lists, runs, told.rename({"date": "first"}))


def together(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Statements folded apart, as one."""
    numbered = [part.with_columns(part=pl.lit(at, dtype=pl.UInt32)) for at, part in enumerate(parts)]
    told = pl.concat([pl.DataFrame(schema={**MEMBER_RUNS, "part": pl.UInt32}), *numbered])
    lists = _newest(_each_list(told, "part"))
    # A part's run holds for as long as the part has the newest lists without a break.
    breaks = (pl.col("part") != pl.col("part").shift().over(WITNESS)).fill_null(value=True)
    spans = (
        lists.with_columns(span=breaks.cum_sum())
        .group_by("span")
        .agg(pl.col(*WITNESS, "part").first(), since=pl.col("date").min(), until=pl.col("date").max())
    )
    pieces = (
        told.filter(pl.col("event") == "member")
        .join(spans, on=[*WITNESS, "part"])
        .filter((pl.col("first") <= pl.col("until")) & (pl.col("last") >= pl.col("since")))
        .with_columns(first=pl.max_horizontal("first", "since"), last=pl.min_horizontal("last", "until"))
    )
    runs = _joined(placed(pieces, lists).select(*_LINE, "low", "high"), lists)
    return _whole(lists, runs, told.filter(pl.col("event").is_in(["added", "removed"])))


def lists_in(folded: pl.DataFrame) -> pl.DataFrame:
    """Each list: index, source, date, its payload, and its place among those of its source about the index."""
    return _newest(_each_list(folded))


def placed(runs: pl.DataFrame, lists: pl.DataFrame) -> pl.DataFrame:
    """Runs with the places `low` and `high` of their first and last list."""
    low = lists.select(*WITNESS, first="date", low="place")
    high = lists.select(*WITNESS, last="date", high="place")
    return runs.join(low, on=[*WITNESS, "first"]).join(high, on=[*WITNESS, "last"])


def _each_list(folded: pl.DataFrame, *more: str) -> pl.DataFrame:
    rows = folded.filter(pl.col("event") == "lists").select(*WITNESS, *more, "lists")
    return rows.explode("lists", empty_as_null=False).unnest("lists")


def _newest(lists: pl.DataFrame) -> pl.DataFrame:
    """Of each day the list received last, by index, source and date, numbered within index and source."""
    newest = lists.sort(*PAYLOAD).unique([*WITNESS, "date"], keep="last", maintain_order=True)
    return newest.sort(*WITNESS, "date").with_columns(place=pl.int_range(pl.len()).over(WITNESS))


def _joined(pieces: pl.DataFrame, lists: pl.DataFrame) -> pl.DataFrame:
    """Pieces from `low` to `high` as runs that no list continues."""
    behind = pl.col("high").cum_max().shift().over(_LINE)
    begins = (pl.col("low") > behind + 1).fill_null(value=True)
    runs = (
        pieces.sort(*_LINE, "low", "high")
        .with_columns(run=begins.cum_sum())
        .group_by("run")
        .agg(pl.col(_LINE).first(), low=pl.col("low").min(), high=pl.col("high").max())
    )
    first = lists.select(*WITNESS, first="date", low="place")
    last = lists.select(*WITNESS, last="date", high="place")
    return runs.join(first, on=[*WITNESS, "low"]).join(last, on=[*WITNESS, "high"])


def _whole(lists: pl.DataFrame, runs: pl.DataFrame, changes: pl.DataFrame) -> pl.DataFrame:
    """The parts of a fold as one frame, in an order of its own."""
    days = lists.group_by(WITNESS).agg(
        first=pl.col("date").min(), last=pl.col("date").max(), lists=pl.struct(list(_LIST)).sort_by("date")
    )
    once = changes.sort(*PAYLOAD).unique(_CHANGE, keep="last", maintain_order=True)
    parts = (
        days.with_columns(event=pl.lit("lists")),
        runs.with_columns(event=pl.lit("member")),
        once.select(*_CHANGE, *PAYLOAD),
    )
    empty = pl.DataFrame(schema=MEMBER_RUNS)
    whole = pl.concat(
        [empty, *(part.select(c for c in part.columns if c in MEMBER_RUNS) for part in parts)], how="diagonal"
    )
    return whole.sort(*WITNESS, "event", "symbol", "first", "name", "beside")
